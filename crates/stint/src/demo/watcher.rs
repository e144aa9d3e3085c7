//! Looking into the simulated AWS with the estate's own administrator key, over TCP, with
//! the official SDK: what the tour says happened in AWS was seen by this, not by Stint's
//! connector, with which it shares no code.

use anyhow::{Context as _, Result};
use aws_credential_types::Credentials;
use aws_sdk_iam as iam;
use aws_sdk_identitystore as identitystore;
use aws_sdk_identitystore::operation::RequestId as _;
use aws_sdk_ssoadmin as ssoadmin;
use aws_sdk_ssoadmin::types::PrincipalType;
use stint_aws_sim::Facts;

/// Something seen in AWS, with the request id of the call that saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether it is there.
    pub there: bool,
    /// AWS's id of the call.
    pub request_id: String,
}

/// The estate's administrator, watching.
pub(crate) struct Watcher {
    sso: ssoadmin::Client,
    store: identitystore::Client,
    iam: iam::Client,
    instance: String,
    identity_store: String,
}

impl Watcher {
    /// Watches the simulated AWS at this address.
    pub(crate) fn new(url: &str, facts: &Facts) -> Self {
        let keys = Credentials::new(
            facts.admin.access_key_id.clone(),
            facts.admin.secret_access_key.clone(),
            None,
            None,
            "estate administrator",
        );
        let sso = ssoadmin::Config::builder()
            .behavior_version(ssoadmin::config::BehaviorVersion::latest())
            .region(ssoadmin::config::Region::new(facts.region.clone()))
            .endpoint_url(url)
            .credentials_provider(keys.clone())
            .build();
        let store = identitystore::Config::builder()
            .behavior_version(identitystore::config::BehaviorVersion::latest())
            .region(identitystore::config::Region::new(facts.region.clone()))
            .endpoint_url(url)
            .credentials_provider(keys.clone())
            .build();
        let iam = iam::Config::builder()
            .behavior_version(iam::config::BehaviorVersion::latest())
            .region(iam::config::Region::new(facts.region.clone()))
            .endpoint_url(url)
            .credentials_provider(keys)
            .build();
        Self {
            sso: ssoadmin::Client::from_conf(sso),
            store: identitystore::Client::from_conf(store),
            iam: iam::Client::from_conf(iam),
            instance: facts.instance_arn.clone(),
            identity_store: facts.identity_store_id.clone(),
        }
    }

    /// Whether this Identity Center user is assigned this permission set on this account,
    /// themselves and not through a group.
    pub(crate) async fn assignment(
        &self,
        account: &str,
        permission_set: &str,
        user: &str,
    ) -> Result<Seen> {
        let mut token = None;
        let mut request_id = String::new();
        loop {
            let page = self
                .sso
                .list_account_assignments()
                .instance_arn(&self.instance)
                .account_id(account)
                .permission_set_arn(permission_set)
                .set_next_token(token)
                .send()
                .await
                .context("ListAccountAssignments with the administrator's key")?;
            page.request_id()
                .unwrap_or_default()
                .clone_into(&mut request_id);
            let there = page.account_assignments().iter().any(|row| {
                row.principal_type() == Some(&PrincipalType::User)
                    && row.principal_id() == Some(user)
            });
            token = page.next_token().map(str::to_owned);
            if there || token.is_none() {
                return Ok(Seen { there, request_id });
            }
        }
    }

    /// Whether this Identity Center user is in this group.
    pub(crate) async fn membership(&self, group: &str, user: &str) -> Result<Seen> {
        let mut token = None;
        let mut request_id = String::new();
        loop {
            let page = self
                .store
                .list_group_memberships()
                .identity_store_id(&self.identity_store)
                .group_id(group)
                .set_next_token(token)
                .send()
                .await
                .context("ListGroupMemberships with the administrator's key")?;
            page.request_id()
                .unwrap_or_default()
                .clone_into(&mut request_id);
            let there = page.group_memberships().iter().any(|row| {
                row.member_id()
                    .and_then(|m| m.as_user_id().ok())
                    .is_some_and(|id| id == user)
            });
            token = page.next_token().map(str::to_owned);
            if there || token.is_none() {
                return Ok(Seen { there, request_id });
            }
        }
    }

    /// Whether this IAM user is in this IAM group, by names.
    pub(crate) async fn iam_membership(&self, group: &str, user: &str) -> Result<Seen> {
        let mut marker = None;
        let mut request_id = String::new();
        loop {
            let page = self
                .iam
                .get_group()
                .group_name(group)
                .set_marker(marker)
                .send()
                .await
                .context("GetGroup with the administrator's key")?;
            page.request_id()
                .unwrap_or_default()
                .clone_into(&mut request_id);
            let there = page.users().iter().any(|row| row.user_name() == user);
            marker = page.marker().map(str::to_owned);
            if there || !page.is_truncated() {
                return Ok(Seen { there, request_id });
            }
        }
    }
}
