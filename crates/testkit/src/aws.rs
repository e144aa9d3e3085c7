//! AWS as an administrator of the estate sees it: through the SDK, with the estate's own
//! keys, sharing no code with the connector.

use aws_credential_types::Credentials;
use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::{PrincipalType, TargetType};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::SdkConfig;
use aws_types::region::Region;
use stint_aws_sim::{Facts, Row, Sim};

/// An administrator's own clients.
#[derive(Clone)]
pub struct AwsView {
    /// Identity Center.
    pub sso: aws_sdk_ssoadmin::Client,
    /// The identity store.
    pub store: aws_sdk_identitystore::Client,
    /// Organizations.
    pub organizations: aws_sdk_organizations::Client,
    /// IAM of the management account.
    pub iam: aws_sdk_iam::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    facts: Facts,
    sim: Sim,
}

/// How the administrator calls, or somebody else by these keys.
fn config(sim: &Sim, keys: Option<Credentials>) -> SdkConfig {
    let facts = sim.facts();
    let keys = keys.unwrap_or_else(|| {
        Credentials::new(
            facts.admin.access_key_id.clone(),
            facts.admin.secret_access_key.clone(),
            None,
            None,
            "the estate's administrator",
        )
    });
    SdkConfig::builder()
        .behavior_version(aws_sdk_ssoadmin::config::BehaviorVersion::latest())
        .region(Region::new(facts.region))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(keys))
        .endpoint_url("http://aws.sim")
        .http_client(sim.http_client())
        .sleep_impl(TokioSleep::new())
        .build()
}

impl AwsView {
    pub(crate) fn new(sim: &Sim) -> Self {
        let config = config(sim, None);
        Self {
            sso: aws_sdk_ssoadmin::Client::new(&config),
            store: aws_sdk_identitystore::Client::new(&config),
            organizations: aws_sdk_organizations::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            facts: sim.facts(),
            sim: sim.clone(),
        }
    }

    fn config(&self, keys: Option<Credentials>) -> SdkConfig {
        config(&self.sim, keys)
    }

    /// The ids of the Identity Center users to whom this permission set is assigned on this
    /// account, themselves and not through a group; sorted.
    pub async fn assigned(&self, account: &str, permission_set: &str) -> Vec<String> {
        let mut pages = self
            .sso
            .list_account_assignments()
            .instance_arn(&self.facts.instance_arn)
            .account_id(account)
            .permission_set_arn(permission_set)
            .into_paginator()
            .items()
            .send();
        let mut users = Vec::new();
        while let Some(row) = pages.next().await {
            let row = row.expect("the administrator may list assignments");
            if row.principal_type() == Some(&PrincipalType::User) {
                users.extend(row.principal_id().map(str::to_owned));
            }
        }
        users.sort();
        users
    }

    /// Whether the user has the permission set on the account, themselves.
    pub async fn has(&self, account: &str, permission_set: &str, user: &str) -> bool {
        self.assigned(account, permission_set)
            .await
            .iter()
            .any(|id| id == user)
    }

    /// The ids of the members of an Identity Center group; sorted.
    pub async fn members(&self, group: &str) -> Vec<String> {
        let mut pages = self
            .store
            .list_group_memberships()
            .identity_store_id(&self.facts.identity_store_id)
            .group_id(group)
            .into_paginator()
            .items()
            .send();
        let mut users = Vec::new();
        while let Some(row) = pages.next().await {
            let row = row.expect("the administrator may list memberships");
            if let Some(MemberId::UserId(id)) = row.member_id() {
                users.push(id.clone());
            }
        }
        users.sort();
        users
    }

    /// An administrator assigns by hand. It is asynchronous, as in AWS.
    pub async fn assign(&self, account: &str, permission_set: &str, user: &str) {
        self.sso
            .create_account_assignment()
            .instance_arn(&self.facts.instance_arn)
            .target_type(TargetType::AwsAccount)
            .target_id(account)
            .permission_set_arn(permission_set)
            .principal_type(PrincipalType::User)
            .principal_id(user)
            .send()
            .await
            .expect("the administrator may assign");
    }

    /// An administrator takes an assignment away by hand.
    pub async fn unassign(&self, account: &str, permission_set: &str, user: &str) {
        self.sso
            .delete_account_assignment()
            .instance_arn(&self.facts.instance_arn)
            .target_type(TargetType::AwsAccount)
            .target_id(account)
            .permission_set_arn(permission_set)
            .principal_type(PrincipalType::User)
            .principal_id(user)
            .send()
            .await
            .expect("the administrator may take away");
    }

    /// An administrator puts a user into a group by hand.
    pub async fn join(&self, group: &str, user: &str) {
        self.store
            .create_group_membership()
            .identity_store_id(&self.facts.identity_store_id)
            .group_id(group)
            .member_id(MemberId::UserId(user.to_owned()))
            .send()
            .await
            .expect("the administrator may add members");
    }

    /// An administrator adds a row by hand, whatever it is; false where AWS refuses, for
    /// instance because it is there already or another write is under way.
    pub async fn add(&self, row: &Row) -> bool {
        match row {
            Row::Assignment {
                account,
                permission_set,
                principal_type,
                principal,
            } => {
                let call = self.sso.create_account_assignment();
                let call = call
                    .instance_arn(&self.facts.instance_arn)
                    .target_type(TargetType::AwsAccount)
                    .target_id(account)
                    .permission_set_arn(permission_set)
                    .principal_type(PrincipalType::from(principal_type.as_str()))
                    .principal_id(principal);
                call.send().await.is_ok()
            }
            Row::Membership { group, user } => {
                let call = self.store.create_group_membership();
                let call = call
                    .identity_store_id(&self.facts.identity_store_id)
                    .group_id(group)
                    .member_id(MemberId::UserId(user.clone()));
                call.send().await.is_ok()
            }
            Row::IamMembership { .. } => match self.iam_names(row) {
                Some((group, user)) => {
                    let call = self.iam.add_user_to_group();
                    call.group_name(group).user_name(user).send().await.is_ok()
                }
                None => false,
            },
        }
    }

    /// An administrator takes a row away by hand, whatever it is; false where AWS refuses.
    pub async fn take(&self, row: &Row) -> bool {
        match row {
            Row::Assignment {
                account,
                permission_set,
                principal_type,
                principal,
            } => {
                let call = self.sso.delete_account_assignment();
                let call = call
                    .instance_arn(&self.facts.instance_arn)
                    .target_type(TargetType::AwsAccount)
                    .target_id(account)
                    .permission_set_arn(permission_set)
                    .principal_type(PrincipalType::from(principal_type.as_str()))
                    .principal_id(principal);
                call.send().await.is_ok()
            }
            Row::Membership { group, user } => {
                let asked = self.store.get_group_membership_id();
                let asked = asked
                    .identity_store_id(&self.facts.identity_store_id)
                    .group_id(group)
                    .member_id(MemberId::UserId(user.clone()));
                let Ok(found) = asked.send().await else {
                    return false;
                };
                let call = self.store.delete_group_membership();
                let call = call
                    .identity_store_id(&self.facts.identity_store_id)
                    .membership_id(found.membership_id());
                call.send().await.is_ok()
            }
            Row::IamMembership { .. } => match self.iam_names(row) {
                Some((group, user)) => {
                    let call = self.iam.remove_user_from_group();
                    call.group_name(group).user_name(user).send().await.is_ok()
                }
                None => false,
            },
        }
    }

    /// The names of today, by which IAM is spoken to, of the group and the user of an IAM
    /// membership; none for other rows, and where one of the two is gone.
    pub fn iam_names(&self, row: &Row) -> Option<(String, String)> {
        self.sim.iam_names(row)
    }

    /// An administrator takes a user out of a group by hand.
    pub async fn leave(&self, group: &str, user: &str) {
        let found = self
            .store
            .get_group_membership_id()
            .identity_store_id(&self.facts.identity_store_id)
            .group_id(group)
            .member_id(MemberId::UserId(user.to_owned()))
            .send()
            .await
            .expect("the administrator may look");
        self.store
            .delete_group_membership()
            .identity_store_id(&self.facts.identity_store_id)
            .membership_id(found.membership_id())
            .send()
            .await
            .expect("the administrator may take members out");
    }

    /// An administrator gives an account a tag, or another value of it.
    pub async fn tag_account(&self, account: &str, key: &str, value: &str) {
        let tag = aws_sdk_organizations::types::Tag::builder()
            .key(key)
            .value(value)
            .build();
        let call = self.organizations.tag_resource().resource_id(account);
        call.tags(tag.expect("a key and a value"))
            .send()
            .await
            .expect("the administrator may tag accounts");
    }

    /// Has the estate's changes told to a queue, which the connector may read; answers its URL.
    pub async fn tell_changes(&self) -> String {
        use aws_sdk_sqs::types::QueueAttributeName::{Policy, QueueArn};
        let made = self.sqs.create_queue().queue_name("stint-changes").send();
        let made = made.await.expect("the administrator may make queues");
        let url = made.queue_url().expect("a queue").to_owned();
        let asked = self.sqs.get_queue_attributes().queue_url(&url);
        let told = asked.attribute_names(QueueArn).send().await;
        let told = told.expect("the administrator may look");
        let arn = told.attributes().and_then(|all| all.get(&QueueArn));
        let arn = arn.expect("an ARN").clone();
        let policy = serde_json::json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sqs:SendMessage", "Resource": arn,
        }});
        let set = self.sqs.set_queue_attributes().queue_url(&url);
        let set = set.attributes(Policy, policy.to_string()).send().await;
        set.expect("the administrator may set policies");
        self.sim
            .put_event_rule("stint", &arn, &[])
            .expect("there is such a queue");
        url
    }

    /// An administrator makes an Identity Center user of this name; answers the id.
    pub async fn new_user(&self, name: &str) -> String {
        let called = aws_sdk_identitystore::types::Name::builder()
            .given_name(name)
            .family_name("New")
            .build();
        let made = self.store.create_user().name(called).user_name(name);
        let made = made
            .identity_store_id(&self.facts.identity_store_id)
            .display_name(name);
        let made = made.send().await.expect("the administrator may make users");
        made.user_id().to_owned()
    }

    /// The same with an e-mail address.
    pub async fn new_person(&self, name: &str, email: &str) -> String {
        use aws_sdk_identitystore::types::{Email, Name};
        let called = Name::builder().given_name(name).family_name("New").build();
        let email = Email::builder().value(email).primary(true).build();
        let made = self.store.create_user().name(called).user_name(name);
        let made = made
            .identity_store_id(&self.facts.identity_store_id)
            .display_name(name)
            .emails(email);
        let made = made.send().await.expect("the administrator may make users");
        made.user_id().to_owned()
    }

    /// An administrator gives an Identity Center group another name.
    pub async fn rename_group(&self, group: &str, name: &str) {
        let change = aws_sdk_identitystore::types::AttributeOperation::builder()
            .attribute_path("displayName")
            .attribute_value(aws_smithy_types::Document::String(name.to_owned()))
            .build()
            .expect("an operation");
        self.store
            .update_group()
            .identity_store_id(&self.facts.identity_store_id)
            .group_id(group)
            .operations(change)
            .send()
            .await
            .expect("the administrator may rename groups");
    }

    /// Puts a message into a queue by hand.
    pub async fn send_message(&self, url: &str, body: &str) {
        let sent = self.sqs.send_message().queue_url(url).message_body(body);
        sent.send().await.expect("the administrator may send");
    }

    /// The id of the IAM user of this name.
    pub async fn iam_user_id(&self, name: &str) -> String {
        let found = self.iam.get_user().user_name(name).send().await;
        let found = found.expect("the IAM user exists");
        found.user().expect("a user").user_id().to_owned()
    }

    /// The id of the IAM group of this name.
    pub async fn iam_group_id(&self, name: &str) -> String {
        let found = self.iam.get_group().group_name(name).send().await;
        let found = found.expect("the IAM group exists");
        found.group().expect("a group").group_id().to_owned()
    }

    /// The ids of the members of the IAM group that has this id, whatever its name; sorted.
    /// None of a group that is gone.
    pub async fn iam_members(&self, group: &str) -> Vec<String> {
        let mut groups = self.iam.list_groups().into_paginator().items().send();
        let mut name = None;
        while let Some(row) = groups.next().await {
            let row = row.expect("the administrator may list groups");
            if row.group_id() == group {
                name = Some(row.group_name().to_owned());
            }
        }
        let Some(name) = name else {
            return Vec::new();
        };
        let mut pages = self
            .iam
            .get_group()
            .group_name(name)
            .into_paginator()
            .send();
        let mut users = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.expect("the administrator may look into a group");
            users.extend(page.users().iter().map(|user| user.user_id().to_owned()));
        }
        users.sort();
        users
    }
}

/// An account that was made in the organization, and an administrator's IAM in it.
pub struct MemberView {
    /// Its twelve digits.
    pub id: String,
    /// Its IAM.
    pub iam: aws_sdk_iam::Client,
}

impl MemberView {
    /// Makes the role by which Stint enters, as its own set-up says: whom it trusts and what it
    /// may do are the documents given, with the account's number put in.
    pub async fn let_in(&self, trust: &serde_json::Value, permissions: &serde_json::Value) {
        let trust = trust.to_string().replace("ACCOUNT_ID", &self.id);
        let role = self.iam.create_role().role_name("StintMember");
        let role = role.assume_role_policy_document(trust).send().await;
        role.expect("the administrator may make roles");
        let policy = self.iam.put_role_policy().role_name("StintMember");
        let policy = policy.policy_name("StintMember");
        let policy = policy.policy_document(permissions.to_string()).send().await;
        policy.expect("the administrator may attach policies");
    }

    /// Takes the role away again.
    pub async fn keep_out(&self) {
        let policy = self.iam.delete_role_policy().role_name("StintMember");
        let policy = policy.policy_name("StintMember").send().await;
        policy.expect("there is a policy");
        let role = self.iam.delete_role().role_name("StintMember").send().await;
        role.expect("there is a role");
    }

    /// A new user in a group, made if it is not there; the ids of both.
    pub async fn user_in(&self, user: &str, group: &str) -> (String, String) {
        let made = self.iam.create_user().user_name(user).send().await;
        let made = made.expect("the administrator may make users");
        let made = made.user().expect("a user").user_id().to_owned();
        let group = self.group(group).await;
        let add = self.iam.add_user_to_group().user_name(user);
        let added = add.group_name(&group.1).send().await;
        added.expect("the administrator may add members");
        (made, group.0)
    }

    /// The id and name of a group, made if it is not there.
    pub async fn group(&self, name: &str) -> (String, String) {
        let found = match self.iam.get_group().group_name(name).send().await {
            Ok(found) => found.group().cloned(),
            Err(_) => {
                let made = self.iam.create_group().group_name(name).send().await;
                made.expect("the administrator may make groups")
                    .group()
                    .cloned()
            }
        };
        (
            found.expect("a group").group_id().to_owned(),
            name.to_owned(),
        )
    }

    /// The names of a group's members.
    pub async fn members(&self, group: &str) -> Vec<String> {
        let found = self.iam.get_group().group_name(group).send().await;
        let found = found.expect("the administrator may look");
        let names = found.users().iter().map(|user| user.user_name().to_owned());
        names.collect()
    }
}

impl AwsView {
    /// Makes an account in the organization, as Organizations does: with a role that lets the
    /// management account's administrators in.
    pub async fn new_account(&self, name: &str) -> MemberView {
        let email = format!("{name}@accounts.acme.example");
        let asked = self.organizations.create_account().account_name(name);
        let asked = asked.email(email).send().await;
        let asked = asked.expect("the administrator may make accounts");
        let request = asked.create_account_status().and_then(|it| it.id());
        let request = request.expect("a request").to_owned();
        let id = loop {
            let status = self.organizations.describe_create_account_status();
            let status = status.create_account_request_id(&request).send().await;
            let status = status.expect("the administrator may look");
            if let Some(id) = status
                .create_account_status()
                .and_then(|it| it.account_id())
            {
                break id.to_owned();
            }
        };
        let role = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
        let inside = aws_sdk_sts::Client::new(&self.config(None)).assume_role();
        let inside = inside
            .role_arn(role)
            .role_session_name("admin")
            .send()
            .await;
        let inside = inside.expect("the administrator may enter");
        let keys = inside.credentials().expect("credentials");
        let keys = Credentials::new(
            keys.access_key_id(),
            keys.secret_access_key(),
            Some(keys.session_token().to_owned()),
            None,
            "an account's administrator",
        );
        MemberView {
            iam: aws_sdk_iam::Client::new(&self.config(Some(keys))),
            id,
        }
    }

    /// Attaches a statement to the connector's role.
    pub async fn let_connector(&self, statement: &serde_json::Value) {
        let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        let name = self.facts.connector_role_arn.rsplit('/').next();
        let policy = self
            .iam
            .put_role_policy()
            .set_role_name(name.map(str::to_owned));
        let policy = policy
            .policy_name("more")
            .policy_document(document.to_string());
        policy
            .send()
            .await
            .expect("the administrator may attach policies");
    }
}
