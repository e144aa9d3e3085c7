//! The IAM of the organization's other accounts: each is entered by a role of one name, from the
//! connection's own session, with an External ID of its own.
//!
//! Every account's External ID is what the connection's begins with and the account's number
//! (ADR 0008): one text sets up every account, in a StackSet or a Terraform module, and the role of
//! one account never asks for what another's asks for.

use serde_json::{Value, json};
use stint_db::{Priority, Tx};
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};
use stint_iam_policy::{Features, IamScope, trust_policy};

use super::infrastructure::{heredoc, quoted, variable};
use super::manage::with_owners;
use super::{Connection, Credential, Error, check, estate, store};
use crate::cx::Cx;
use crate::identity;

/// The role's name unless told otherwise.
pub const USUAL_ROLE: &str = "StintMember";

/// How the IAM of member accounts is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAccess {
    /// Whether a sync reads it, and people may ask for it. What was given is taken in any case.
    pub on: bool,
    /// The role's name, with its path in front where it has one.
    pub role: String,
    /// What every account's External ID begins with. Made here, never chosen, no secret.
    pub external_id: String,
}

impl MemberAccess {
    /// As the connector takes it.
    pub(super) fn way(&self) -> stint_aws::Members {
        stint_aws::Members {
            role: self.role.clone(),
            external_id: self.external_id.clone(),
        }
    }
}

/// What to set up so that Stint may enter member accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSetup {
    /// As whom Stint comes: the connection's own role or user.
    pub trusted: String,
    /// What each account's External ID begins with; `-` and the account's number follow.
    pub external_id: String,
    /// The trust policy in one account; `ACCOUNT_ID` stands for its number.
    pub trust_policy: Value,
    /// What the member role may do.
    pub permission_policy: Value,
    /// What the connection's own role or user needs besides.
    pub entering: Value,
    /// For a StackSet (or a stack in each account).
    pub cloudformation: String,
    /// For each account, with a provider of that account.
    pub terraform: String,
}

/// Switches it on or off, or names another role. The External ID stays what it was.
pub async fn set_members(
    cx: &Cx,
    id: ConnectionId,
    on: bool,
    role: Option<&str>,
    expected: Option<i64>,
) -> Result<Connection, Error> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let role = role.map(check::role_name).transpose()?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = store::lock_connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    if before.removed_at.is_some() {
        return Err(Error::Removed);
    }
    if expected.is_some_and(|version| version != before.version) {
        return Err(Error::Stale {
            version: before.version,
        });
    }
    if on && !before.iam {
        return Err(Error::bad(
            "on",
            "Switch on IAM users and groups of the connection first: member accounts are read with them.",
        ));
    }
    let known = before.members.clone();
    let role = role.or_else(|| known.as_ref().map(|it| it.role.clone()));
    let after = MemberAccess {
        on,
        role: role.unwrap_or_else(|| USUAL_ROLE.to_owned()),
        external_id: match &known {
            Some(known) => known.external_id.clone(),
            None => format!("stint-m-{}", identity::base32(cx.app.ids.bytes())),
        },
    };
    store::set_members(&mut tx, id, &after).await?;
    audited(&mut tx, cx, id, known.as_ref(), &after);
    let found = store::connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    let found = with_owners(&mut tx, found).await?;
    tx.commit().await?;
    Ok(found)
}

fn audited(
    tx: &mut Tx,
    cx: &Cx,
    id: ConnectionId,
    before: Option<&MemberAccess>,
    after: &MemberAccess,
) {
    let told = |it: &MemberAccess| json!({ "member_accounts": it.on, "member_role": it.role, "member_external_id": it.external_id });
    let facts = json!({ "before": before.map(told), "after": told(after) });
    tx.audit(cx.event("connection.changed", [id.into()], facts));
}

/// What to paste for member accounts. Asks AWS as whom the connection comes, where only AWS knows.
pub async fn member_setup(cx: &Cx, id: ConnectionId) -> Result<MemberSetup, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let found = store::connection(&mut cx.read().await?, id)
        .await?
        .ok_or(Error::NotFound)?;
    let access = found.members.clone().ok_or(Error::NoMembers)?;
    let trusted = match &found.credential {
        Credential::Role { arn } => arn.clone(),
        Credential::AccessKey(_) | Credential::Host { .. } => {
            let me = estate(&cx.app, &found)?.identity().await;
            me.map_err(|error| Error::BaseIdentity(Box::new(error)))?
                .trusted_arn()
        }
    };
    Ok(built(&found, &access, trusted))
}

fn built(found: &Connection, access: &MemberAccess, trusted: String) -> MemberSetup {
    let partition = trusted.split(':').nth(1).unwrap_or("aws").to_owned();
    let of = |account: &str| trust_policy(&trusted, &format!("{}-{account}", access.external_id));
    let permissions = permissions(&partition);
    let role = access.role.trim_start_matches('/');
    let setup = MemberSetup {
        trust_policy: of("ACCOUNT_ID").to_json(),
        permission_policy: permissions,
        entering: entering(&partition, role),
        external_id: access.external_id.clone(),
        trusted,
        cloudformation: String::new(),
        terraform: String::new(),
    };
    let (path, name) = match role.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name.to_owned()),
        None => ("/".to_owned(), role.to_owned()),
    };
    MemberSetup {
        cloudformation: stack_set(&setup, &path, &name, &found.name),
        terraform: module(&setup, &path, &name),
        ..setup
    }
}

/// What the connection's own role or user needs besides.
fn entering(partition: &str, role: &str) -> Value {
    let mut features = Features::of(partition, "*");
    features.member_role = Some(role.to_owned());
    let policy = features.policy().to_json();
    policy.pointer("/Statement/0").cloned().unwrap_or_default()
}

/// Reading IAM, and changing who is in its groups, in whichever account.
fn permissions(partition: &str) -> Value {
    let mut features = Features::of(partition, "*");
    features.faster = true;
    features.iam = Some(IamScope::everything());
    features.iam_roles = true;
    features.policy().to_json()
}

/// One template for every account: CloudFormation puts the number of the account it runs in.
fn stack_set(setup: &MemberSetup, path: &str, name: &str, connection: &str) -> String {
    let mut trust = setup.trust_policy.clone();
    let asked = json!({ "Fn::Sub": format!("{}-${{AWS::AccountId}}", setup.external_id) });
    if let Some(id) = trust.pointer_mut("/Statement/0/Condition/StringEquals/sts:ExternalId") {
        *id = asked;
    }
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("Lets Stint ({connection}) read the IAM of this account. For a StackSet on the whole organization; acknowledge CAPABILITY_NAMED_IAM."),
        "Parameters": {
            "RoleName": {
                "Type": "String",
                "Description": "The role Stint assumes: the same in every account, as the connection names it.",
                "Default": name,
                "AllowedPattern": "[\\w+=,.@-]{1,64}",
            },
        },
        "Resources": {
            "StintMember": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": { "Ref": "RoleName" },
                    "Path": path,
                    "AssumeRolePolicyDocument": trust,
                    "Policies": [{ "PolicyName": "StintMember", "PolicyDocument": setup.permission_policy }],
                },
            },
        },
    });
    serde_json::to_string_pretty(&template).unwrap_or_default()
}

/// The same for Terraform: a module, used once with the provider of each account.
fn module(setup: &MemberSetup, path: &str, name: &str) -> String {
    let mut text =
        String::from("# Lets Stint read the IAM of the account of this module's provider.\n\n");
    let means = "The role Stint assumes: the same in every account, as the connection names it.";
    text.push_str(&variable(
        "member_role_name",
        "string",
        means,
        Some(quoted(name)),
    ));
    text.push_str("data \"aws_caller_identity\" \"here\" {}\n\n");
    // What is escaped in the document is escaped once; the account's number is a template.
    let trust = heredoc(&setup.trust_policy)
        .replace("ACCOUNT_ID", "${data.aws_caller_identity.here.account_id}");
    text.push_str(&format!(
        "resource \"aws_iam_role\" \"stint_member\" {{\n  name               = var.member_role_name\n  path               = {}\n  assume_role_policy = {trust}}}\n\n",
        quoted(path)
    ));
    text.push_str(&format!(
        "resource \"aws_iam_role_policy\" \"stint_member\" {{\n  name   = {}\n  role   = aws_iam_role.stint_member.name\n  policy = {}}}\n",
        quoted("StintMember"),
        heredoc(&setup.permission_policy)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(role: &str) -> MemberSetup {
        let access = MemberAccess {
            on: true,
            role: role.to_owned(),
            external_id: "stint-m-abc".to_owned(),
        };
        let trusted = "arn:aws-us-gov:iam::111122223333:role/ops/StintConnector".to_owned();
        let partition = "aws-us-gov";
        let trust = trust_policy(&trusted, "stint-m-abc-ACCOUNT_ID").to_json();
        let setup = MemberSetup {
            trust_policy: trust,
            permission_policy: permissions(partition),
            entering: Value::Null,
            external_id: access.external_id,
            trusted,
            cloudformation: String::new(),
            terraform: String::new(),
        };
        MemberSetup {
            cloudformation: stack_set(&setup, "/x/", role, "AWS prod"),
            terraform: module(&setup, "/x/", role),
            ..setup
        }
    }

    #[test]
    fn one_text_asks_in_each_account_for_its_own_external_id() {
        let setup = setup("StintMember");
        let template: Value = serde_json::from_str(&setup.cloudformation).expect("JSON");
        let role = &template["Resources"]["StintMember"]["Properties"];
        let asked = &role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
            ["sts:ExternalId"];
        assert_eq!(asked["Fn::Sub"], "stint-m-abc-${AWS::AccountId}");
        assert_eq!(role["Path"], "/x/");
        let hcl = &setup.terraform;
        assert!(
            hcl.contains("stint-m-abc-${data.aws_caller_identity.here.account_id}"),
            "{hcl}"
        );
        assert_eq!(
            hcl.matches("${").count(),
            1,
            "nothing else is a template: {hcl}"
        );
        assert!(hcl.contains("arn:aws-us-gov:iam::*:group/*"), "{hcl}");
    }

    #[test]
    fn the_policies_are_read_by_the_language_they_are_written_in() {
        let setup = setup("StintMember");
        for (document, kind) in [
            (&setup.trust_policy, stint_iam_policy::Kind::Trust),
            (&setup.permission_policy, stint_iam_policy::Kind::Identity),
        ] {
            let policy = stint_iam_policy::Policy::parse(&document.to_string()).expect("parses");
            assert_eq!(policy.check(kind), Ok(()));
        }
    }
}
