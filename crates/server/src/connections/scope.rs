//! What of an estate is Stint's business, beyond Identity Center itself: the settings its
//! permission policy is made from, and the limits Stint holds to.

use serde::{Deserialize, Serialize};
use stint_iam_policy::{Features, IamScope, Own, UserLife, partition_of_region};

use super::{Connection, Credential, Error};

/// How many groups may be named: more do not fit into a policy.
const MOST_GROUPS: usize = 50;

/// The settings of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Whether the permission policy asks for the reading actions that make syncs cheaper.
    pub faster: bool,
    /// Whether it asks for what assignments in the management account take.
    pub management_account: bool,
    /// Whether the tags of the organization's accounts are read, which conditions then may ask about;
    /// and whether the permission policy asks for it.
    pub account_tags: bool,
    /// Under which path IAM users are its business: `/` for all.
    pub iam_user_path: String,
    /// What the names of those users begin with; all, when empty.
    pub iam_user_prefix: String,
    /// The ARNs, or patterns, of the IAM groups whose members may be changed; all, when there is
    /// none.
    pub iam_groups: Vec<String>,
    /// Whether the permission policy asks for what creating, disabling and deleting IAM users
    /// takes; of the account whose IAM is switched on.
    pub iam_user_life: bool,
    /// The policy that every IAM user Stint makes has as its permissions boundary, by ARN: AWS then
    /// lets it make none without.
    pub iam_user_boundary: Option<String>,
    /// Whether it asks for what replacing the access key takes by which the connection enters.
    pub key_rotation: bool,
    /// The customer's own key that Identity Center is encrypted with, by its ARN.
    pub kms_key: Option<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            faster: true,
            management_account: false,
            account_tags: false,
            iam_user_path: "/".to_owned(),
            iam_user_prefix: String::new(),
            iam_groups: Vec::new(),
            iam_user_life: false,
            iam_user_boundary: None,
            key_rotation: false,
            kms_key: None,
        }
    }
}

/// What to change of it; what is `None` stays. Texts as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeChange {
    /// See [`Scope::faster`].
    pub faster: Option<bool>,
    /// See [`Scope::management_account`].
    pub management_account: Option<bool>,
    /// See [`Scope::account_tags`].
    pub account_tags: Option<bool>,
    /// See [`Scope::iam_user_path`].
    pub iam_user_path: Option<String>,
    /// See [`Scope::iam_user_prefix`].
    pub iam_user_prefix: Option<String>,
    /// Names, ARNs or patterns of ARNs, all there are to be.
    pub iam_groups: Option<Vec<String>>,
    /// See [`Scope::iam_user_life`].
    pub iam_user_life: Option<bool>,
    /// A policy's ARN; empty for none.
    pub iam_user_boundary: Option<String>,
    /// See [`Scope::key_rotation`].
    pub key_rotation: Option<bool>,
    /// A key's ARN; empty for none.
    pub kms_key: Option<String>,
}

impl ScopeChange {
    /// The settings after it. Fails where one of them could not stand in the connection's policy.
    pub(super) fn applied(&self, connection: &Connection) -> Result<Scope, Error> {
        let mut scope = connection.scope.clone();
        let (partition, account) = place(connection);
        if let Some(faster) = self.faster {
            scope.faster = faster;
        }
        if let Some(on) = self.management_account {
            scope.management_account = on;
        }
        if let Some(on) = self.account_tags {
            scope.account_tags = on;
        }
        if let Some(text) = &self.iam_user_path {
            scope.iam_user_path = user_path(text)?;
        }
        if let Some(text) = &self.iam_user_prefix {
            scope.iam_user_prefix = user_prefix(text)?;
        }
        if let Some(given) = &self.iam_groups {
            let groups = given.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
            let mut groups: Vec<String> = groups
                .map(|it| group(it, &partition, &account))
                .collect::<Result<_, _>>()?;
            groups.sort();
            groups.dedup();
            if groups.len() > MOST_GROUPS {
                let why = format!(
                    "Name at most {MOST_GROUPS}, or put them under a path and name that: group/stint/*."
                );
                return Err(Error::bad("iam_groups", why));
            }
            scope.iam_groups = groups;
        }
        if let Some(on) = self.iam_user_life {
            scope.iam_user_life = on;
        }
        if let Some(text) = &self.iam_user_boundary {
            scope.iam_user_boundary = boundary(text, &partition, &account)?;
        }
        if let Some(on) = self.key_rotation {
            scope.key_rotation = on;
        }
        if let Some(text) = &self.kms_key {
            scope.kms_key = kms_key(text, &partition)?;
        }
        Ok(scope)
    }
}

impl Connection {
    /// What is switched on, as its permission policy and the test are made from.
    pub fn features(&self) -> Features {
        let (partition, account) = place(self);
        let scope = &self.scope;
        Features {
            identity_center: true,
            faster: scope.faster,
            management_account: scope.management_account,
            account_tags: scope.account_tags,
            iam: self.iam.then(|| IamScope {
                user_prefix: scope.iam_user_prefix.clone(),
                user_path: scope.iam_user_path.clone(),
                groups: scope.iam_groups.clone(),
                changes: true,
            }),
            iam_roles: self.iam,
            iam_user_life: (self.iam && scope.iam_user_life).then(|| UserLife {
                boundary: scope.iam_user_boundary.clone(),
            }),
            member_role: (self.members.as_ref())
                .filter(|it| it.on)
                .map(|it| it.role.clone()),
            kms_key: scope.kms_key.clone(),
            own: match &self.credential {
                Credential::AccessKey(_) => Own::User {
                    arn: None,
                    rotates: scope.key_rotation,
                },
                Credential::Role { arn } => Own::Role(arn.clone()),
                Credential::Host { .. } => Own::Unknown,
            },
            ..Features::of(&partition, &account)
        }
    }
}

/// The partition and the account a connection is to. A role's ARN tells the partition; elsewhere
/// the region does.
fn place(connection: &Connection) -> (String, String) {
    let role = connection.credential.role_arn();
    let role = role.and_then(|arn| stint_aws::RoleArn::parse(arn).ok());
    let partition = role.as_ref().map_or_else(
        || partition_of_region(&connection.region),
        stint_aws::RoleArn::partition,
    );
    (partition.to_owned(), connection.credential.account())
}

/// Letters, digits and what else IAM allows in names, without what a policy would take for a
/// pattern or a variable.
fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn user_path(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let inner = text.trim_matches('/');
    if inner.is_empty() {
        return Ok("/".to_owned());
    }
    let fits = inner
        .split('/')
        .all(|part| !part.is_empty() && part.chars().all(plain));
    if !fits || inner.len() > 510 {
        let why = "Write the path of the IAM users as IAM does: /stint/. It has letters, digits and _+=,.@- between slashes; / means every path.";
        return Err(Error::bad("iam_user_path", why));
    }
    Ok(format!("/{inner}/"))
}

fn user_prefix(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let text = text.strip_suffix('*').unwrap_or(text);
    if text.len() > 64 || !text.chars().all(plain) {
        let why = "Write what the users' names begin with: app-. It has at most 64 letters, digits and _+=,.@-.";
        return Err(Error::bad("iam_user_prefix", why));
    }
    Ok(text.to_owned())
}

/// A group by its ARN, or by its name (with its path) in the connection's account.
fn group(text: &str, partition: &str, account: &str) -> Result<String, Error> {
    let own = format!("arn:{partition}:iam::{account}:group/");
    let rest = if text.starts_with("arn:") {
        text.strip_prefix(&own).ok_or_else(|| {
            let why = format!(
                "“{text}” is no group of this connection's account: such an ARN begins with {own}."
            );
            Error::bad("iam_groups", why)
        })?
    } else {
        text.strip_prefix("group/")
            .unwrap_or(text)
            .trim_start_matches('/')
    };
    let fits = |c: char| plain(c) || matches!(c, '/' | '*');
    if rest.is_empty() || rest.len() > 640 || !rest.chars().all(fits) {
        let why = format!(
            "“{text}” is neither the name nor the ARN of an IAM group. Write Developers, stint/*, or {own}Developers."
        );
        return Err(Error::bad("iam_groups", why));
    }
    Ok(format!("{own}{rest}"))
}

/// A managed policy of the account's own, or of AWS.
fn boundary(text: &str, partition: &str, account: &str) -> Result<Option<String>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let of = |owner: &str| format!("arn:{partition}:iam::{owner}:policy/");
    let name = (text.strip_prefix(&of(account))).or_else(|| text.strip_prefix(&of("aws")));
    let fits = |c: char| plain(c) || c == '/';
    if name.is_some_and(|it| !it.is_empty() && it.len() <= 640 && it.chars().all(fits)) {
        return Ok(Some(text.to_owned()));
    }
    let why = format!(
        "Write the policy's ARN as IAM shows it: {}StintUsers. It is of this connection's account, or of AWS.",
        of(account)
    );
    Err(Error::bad("iam_user_boundary", why))
}

fn kms_key(text: &str, partition: &str) -> Result<Option<String>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let fits = match parts.as_slice() {
        ["arn", of, "kms", region, account, key] => {
            *of == partition
                && !region.is_empty()
                && region
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-')
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && key.strip_prefix("key/").is_some_and(|id| {
                    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                })
        }
        _ => false,
    };
    if fits {
        return Ok(Some(text.to_owned()));
    }
    let why = format!(
        "Write the key's ARN as KMS shows it: arn:{partition}:kms:eu-central-1:123456789012:key/1234abcd-…. An alias will not do."
    );
    Err(Error::bad("kms_key", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_prefixes_are_plain() {
        for (given, kept) in [
            ("", "/"),
            ("/", "/"),
            ("stint", "/stint/"),
            (" /a/b/ ", "/a/b/"),
        ] {
            assert_eq!(user_path(given).expect("a path"), kept, "{given}");
        }
        for bad in ["/a*/", "/${aws:username}/", "/a//b/", "/a b/", "/a?/"] {
            assert!(user_path(bad).is_err(), "{bad}");
        }
        for (given, kept) in [("", ""), ("app-", "app-"), (" app-* ", "app-")] {
            assert_eq!(user_prefix(given).expect("a prefix"), kept, "{given}");
        }
        for bad in ["a*b", "app/", "${x}", "a?", &"a".repeat(65)] {
            assert!(user_prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_are_of_the_account_by_name_or_arn() {
        let of = |text: &str| group(text, "aws-us-gov", "111122223333");
        let own = "arn:aws-us-gov:iam::111122223333:group/";
        for (given, rest) in [
            ("Developers", "Developers"),
            ("/stint/*", "stint/*"),
            ("group/ops/Data", "ops/Data"),
            ("arn:aws-us-gov:iam::111122223333:group/a/b", "a/b"),
        ] {
            assert_eq!(of(given).expect("a group"), format!("{own}{rest}"));
        }
        for bad in [
            "arn:aws:iam::111122223333:group/x",
            "arn:aws-us-gov:iam::999922223333:group/x",
            "arn:aws-us-gov:iam::111122223333:user/x",
            "a b",
            "${x}",
            "group/",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_boundary_is_a_policy_of_the_account_or_of_aws() {
        let of = |text: &str| boundary(text, "aws", "111122223333");
        for good in [
            "arn:aws:iam::111122223333:policy/stint/Users",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ] {
            assert_eq!(of(good).expect("a policy").as_deref(), Some(good));
        }
        assert_eq!(of(" ").expect("none"), None);
        for bad in [
            "arn:aws:iam::999922223333:policy/Users",
            "arn:aws-cn:iam::111122223333:policy/Users",
            "arn:aws:iam::111122223333:policy/",
            "arn:aws:iam::111122223333:policy/*",
            "arn:aws:iam::111122223333:role/Users",
            "Users",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_one_of_the_partition_by_its_arn() {
        let good = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(kms_key(good, "aws").expect("a key").as_deref(), Some(good));
        assert_eq!(kms_key(" ", "aws").expect("none"), None);
        for bad in [
            "arn:aws:kms:eu-central-1:111122223333:alias/x",
            "arn:aws:kms:eu-central-1:111122223333:key/*",
            "arn:aws:kms::111122223333:key/1",
            "1234abcd",
        ] {
            assert!(kms_key(bad, "aws").is_err(), "{bad}");
        }
        assert!(kms_key(good, "aws-cn").is_err());
    }
}
