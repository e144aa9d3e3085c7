//! One thing of an estate, looked at again by itself.

use aws_sdk_iam::types::StatusType;
use aws_sdk_identitystore::types::UserStatus;

use stint_domain::Time;

use super::iam::{GROUP as IAM_GROUP, PAGE, more, other_group, user as read_user, whole_role};
use super::{IamGroup, IamRole, IamUser, IdentityGroup, IdentityUser, KeyUse, UserReport};
use crate::clock::time_of;
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

const USER: &str = "identitystore:DescribeUser";
const GROUP: &str = "identitystore:DescribeGroup";
const IAM_USER: &str = "iam:GetUser";
const IAM_ROLE: &str = "iam:GetRole";
const KEYS: &str = "iam:ListAccessKeys";
const LOGIN: &str = "iam:GetLoginProfile";
const DEVICES: &str = "iam:ListMFADevices";

/// Not found is an answer here; anything else that fails is none.
fn found<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Estate {
    /// One user of the identity store; none where AWS says there is none.
    pub async fn user(
        &self,
        store: &str,
        id: &str,
        lane: Lane,
    ) -> Result<Option<IdentityUser>, AwsError> {
        let send = |s: &Session| {
            let describe = s.store.describe_user().identity_store_id(store);
            describe.user_id(id).send()
        };
        let answer = self.look(lane, Service::IdentityStore, USER, send).await;
        Ok(found(answer)?.map(|row| {
            let emails = row.emails();
            let email = emails.iter().find(|e| e.primary()).or(emails.first());
            IdentityUser {
                id: row.user_id().to_owned(),
                user_name: row.user_name().map(str::to_owned),
                display_name: row.display_name().map(str::to_owned),
                email: email.and_then(|e| e.value()).map(str::to_owned),
                active: row.user_status().map(|s| *s == UserStatus::Enabled),
            }
        }))
    }

    /// One group of the identity store; none where AWS says there is none.
    pub async fn group(
        &self,
        store: &str,
        id: &str,
        lane: Lane,
    ) -> Result<Option<IdentityGroup>, AwsError> {
        let send = |s: &Session| {
            let describe = s.store.describe_group().identity_store_id(store);
            describe.group_id(id).send()
        };
        let answer = self.look(lane, Service::IdentityStore, GROUP, send).await;
        Ok(found(answer)?.map(|row| IdentityGroup {
            id: row.group_id().to_owned(),
            name: row.display_name().map(str::to_owned),
            description: row.description().map(str::to_owned),
            issuers: (row.external_ids().iter())
                .map(|id| id.issuer().to_owned())
                .collect(),
        }))
    }

    /// The IAM user of this name; none where AWS says there is none.
    pub async fn iam_user(&self, name: &str, lane: Lane) -> Result<Option<IamUser>, AwsError> {
        let send = |s: &Session| s.iam.get_user().user_name(name).send();
        let answer = self.look(lane, Service::Iam, IAM_USER, send).await;
        let Some(answer) = found(answer)? else {
            return Ok(None);
        };
        let user = answer.user();
        let user = user.ok_or_else(|| AwsError::unreadable(IAM_USER, "User"))?;
        Ok(Some(read_user(user)))
    }

    /// The IAM role of this name, with boundary and last use; none where AWS says there is none.
    pub async fn iam_role(&self, name: &str, lane: Lane) -> Result<Option<IamRole>, AwsError> {
        let send = |s: &Session| s.iam.get_role().role_name(name).send();
        let answer = self.look(lane, Service::Iam, IAM_ROLE, send).await;
        let Some(answer) = found(answer)? else {
            return Ok(None);
        };
        let role = answer.role();
        let role = role.ok_or_else(|| AwsError::unreadable(IAM_ROLE, "Role"))?;
        Ok(Some(whole_role(role)))
    }

    /// What whoever bears this user's name now signs in and calls with, as a credential report says it,
    /// but for when keys were last used. The answers do not say who that is: they count only where the
    /// name was the user's before and after. Fails with kind `NotFound` where nobody bears it.
    pub async fn iam_credentials(
        &self,
        user: &IamUser,
        lane: Lane,
    ) -> Result<UserReport, AwsError> {
        let name = user.name.as_str();
        let (mut keys, mut marker) = (Vec::new(), None::<String>);
        loop {
            let send = |s: &Session| {
                let list = s.iam.list_access_keys().user_name(name);
                list.set_marker(marker.clone()).send()
            };
            let answer = self.look(lane, Service::Iam, KEYS, send).await?;
            for row in answer.access_key_metadata() {
                let made_at = row.create_date().map(time_of);
                keys.push(KeyUse {
                    active: row.status() != Some(&StatusType::Inactive),
                    rotated_at: made_at.ok_or_else(|| AwsError::unreadable(KEYS, "CreateDate"))?,
                    used_at: None,
                    service: None,
                    region: None,
                });
            }
            marker = more(KEYS, answer.is_truncated(), answer.marker())?;
            if marker.is_none() {
                break;
            }
        }
        let send = |s: &Session| s.iam.get_login_profile().user_name(name).send();
        let login = self.look(lane, Service::Iam, LOGIN, send).await;
        let password = found(login)?.is_some();
        let send = |s: &Session| s.iam.list_mfa_devices().user_name(name).send();
        let devices = self.look(lane, Service::Iam, DEVICES, send).await?;
        Ok(UserReport {
            name: user.name.clone(),
            made_at: user.made_at,
            password: Some(password),
            signed_in_at: user.signed_in_at,
            mfa: !devices.mfa_devices().is_empty(),
            keys,
        })
    }

    /// The IAM group of this name, everybody in it, and when the reading began; none where AWS says
    /// there is none. Fails with code `other_group` when the name became another's between two
    /// pages.
    pub async fn iam_group(
        &self,
        name: &str,
        lane: Lane,
    ) -> Result<Option<(IamGroup, Vec<IamUser>, Time)>, AwsError> {
        let began = self.now();
        let mut marker: Option<String> = None;
        let mut whole: Option<(IamGroup, Vec<IamUser>, Time)> = None;
        loop {
            let send = |s: &Session| {
                let get = s.iam.get_group().group_name(name).max_items(PAGE);
                get.set_marker(marker.clone()).send()
            };
            let answer = self.look(lane, Service::Iam, IAM_GROUP, send).await;
            let Some(answer) = found(answer)? else {
                return Ok(None);
            };
            let group = answer.group();
            let group = group.ok_or_else(|| AwsError::unreadable(IAM_GROUP, "Group"))?;
            let (_, members, _) = whole.get_or_insert_with(|| {
                let (id, name) = (group.group_id().to_owned(), group.group_name().to_owned());
                (IamGroup { id, name }, Vec::new(), began)
            });
            members.extend(answer.users().iter().map(read_user));
            if let Some((first, ..)) = &whole
                && first.id != group.group_id()
            {
                return Err(other_group(first, group.group_id()));
            }
            marker = more(IAM_GROUP, answer.is_truncated(), answer.marker())?;
            if marker.is_none() {
                return Ok(whole);
            }
        }
    }
}
