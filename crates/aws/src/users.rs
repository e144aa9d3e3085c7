//! IAM users: looking at one with all that hangs on it, and the calls that make it, lock it out
//! and take it apart.
//!
//! The order is not decided here, and neither is whether a user is ours: a call goes by the name
//! it is given, once, signed with its intent's time. A reading goes by the id where that is
//! known, wherever the name went (AWS reference §1.1).

use aws_sdk_iam::types::{StatusType, Tag};
use aws_types::request_id::RequestId;
use stint_domain::Time;
use stint_domain::binding::AttemptKind;
use stint_domain::managed::Change;
use stint_domain::managed::user::{Found, Hanging, Scope, Seen};

use crate::change::{Answer, Written, refused, unsent};
use crate::clock::{signing_time, time_of};
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::read::more;

/// The tag that marks users Stint made; its value is the id of the object.
pub const MARK: &str = "stint:managed-object";

/// The most IAM gives in one page (AWS reference §1.1).
const PAGE: i32 = 1000;

const GET: &str = "iam:GetUser";

/// Which user.
#[derive(Debug, Clone, Copy)]
pub struct UserRef<'a> {
    /// The account it has to be in.
    pub account: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its id, where it was seen before: then it is looked for whatever its name.
    pub id: Option<&'a str>,
}

/// A user to be.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    /// `/` or `/stint/`.
    pub path: &'a str,
    /// What the tag that marks it carries.
    pub mark: &'a str,
    /// The policy that is its permissions boundary, by ARN.
    pub boundary: Option<&'a str>,
}

/// A reading, with AWS's ids of the calls it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserReading {
    /// What was found.
    pub seen: Seen,
    /// Under which path it is, where there is one.
    pub path: Option<String>,
    /// AWS's ids of the calls.
    pub request_ids: Vec<String>,
}

/// Who bears a name, and under which path.
struct Named {
    found: Found,
    path: String,
}

/// A reading under way.
struct Look<'a> {
    estate: &'a Estate,
    name: &'a str,
    lane: Lane,
    found: Found,
    request_ids: Vec<String>,
}

/// Lists all pages of something that hangs on a user. Not allowed to: noted, and passed over.
macro_rules! listed {
    ($look:ident, $operation:literal, $call:ident, $rows:ident, |$row:ident| $made:expr) => {{
        let mut marker: Option<String> = None;
        loop {
            let send = |s: &Session| {
                let list = s.iam.$call().user_name($look.name).max_items(PAGE);
                list.set_marker(marker.clone()).send()
            };
            let operation = concat!("iam:", $operation);
            match $look
                .estate
                .look($look.lane, Service::Iam, operation, send)
                .await
            {
                Ok(answer) => {
                    $look
                        .request_ids
                        .extend(answer.request_id().map(str::to_owned));
                    for $row in answer.$rows() {
                        $look.found.hanging.extend($made);
                    }
                    marker = more(operation, answer.is_truncated(), answer.marker())?;
                    if marker.is_none() {
                        break;
                    }
                }
                Err(error) => {
                    $look.passed_over(operation, error)?;
                    break;
                }
            }
        }
    }};
}

impl Look<'_> {
    /// A listing that Stint is not allowed: what it would have told is unknown, and said to be.
    fn passed_over(&mut self, operation: &'static str, error: AwsError) -> Result<(), AwsError> {
        if error.kind != ErrorKind::Denied {
            return Err(error);
        }
        self.request_ids.extend(error.request_id);
        self.found.unseen.push(operation.to_owned());
        Ok(())
    }

    async fn locks(&mut self) -> Result<(), AwsError> {
        const LOGIN: &str = "iam:GetLoginProfile";
        listed!(
            self,
            "ListAccessKeys",
            list_access_keys,
            access_key_metadata,
            |row| {
                let active = row.status() != Some(&StatusType::Inactive);
                let id = row.access_key_id().map(str::to_owned);
                let key = id.clone().map(Hanging::Key);
                key.into_iter()
                    .chain(id.filter(|_| active).map(Hanging::ActiveKey))
            }
        );
        let send = |s: &Session| s.iam.get_login_profile().user_name(self.name).send();
        match self.estate.look(self.lane, Service::Iam, LOGIN, send).await {
            Ok(answer) => {
                self.request_ids
                    .extend(answer.request_id().map(str::to_owned));
                self.found.hanging.push(Hanging::LoginProfile);
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.request_ids.extend(error.request_id);
            }
            Err(error) => self.passed_over(LOGIN, error)?,
        }
        Ok(())
    }

    /// What hangs on a user is listed by its name: when that became another's meanwhile, it may be
    /// the other's that was listed.
    async fn same_bearer(&mut self) -> Result<(), AwsError> {
        let (name, lane) = (self.name, self.lane);
        let now = self.estate.user_named(name, lane, &mut self.request_ids);
        match now.await? {
            Some(now) if now.found.id == self.found.id => Ok(()),
            _ => Err(moved()),
        }
    }

    async fn others(&mut self) -> Result<(), AwsError> {
        const SERVICES: &str = "iam:ListServiceSpecificCredentials";
        listed!(
            self,
            "ListSigningCertificates",
            list_signing_certificates,
            certificates,
            |row| Some(Hanging::Certificate(row.certificate_id().to_owned()))
        );
        listed!(
            self,
            "ListSSHPublicKeys",
            list_ssh_public_keys,
            ssh_public_keys,
            |row| Some(Hanging::SshKey(row.ssh_public_key_id().to_owned()))
        );
        let send = |s: &Session| {
            let list = s.iam.list_service_specific_credentials();
            list.user_name(self.name).send()
        };
        match self
            .estate
            .look(self.lane, Service::Iam, SERVICES, send)
            .await
        {
            Ok(answer) => {
                self.request_ids
                    .extend(answer.request_id().map(str::to_owned));
                for row in answer.service_specific_credentials() {
                    let id = row.service_specific_credential_id().to_owned();
                    self.found.hanging.push(Hanging::ServiceCredential(id));
                }
            }
            Err(error) => self.passed_over(SERVICES, error)?,
        }
        listed!(
            self,
            "ListMFADevices",
            list_mfa_devices,
            mfa_devices,
            |row| Some(Hanging::Mfa(row.serial_number().to_owned()))
        );
        listed!(
            self,
            "ListUserPolicies",
            list_user_policies,
            policy_names,
            |row| Some(Hanging::InlinePolicy(row.clone()))
        );
        listed!(
            self,
            "ListAttachedUserPolicies",
            list_attached_user_policies,
            attached_policies,
            |row| row
                .policy_arn()
                .map(|arn| Hanging::AttachedPolicy(arn.to_owned()))
        );
        listed!(
            self,
            "ListGroupsForUser",
            list_groups_for_user,
            groups,
            |row| Some(Hanging::Group(row.group_name().to_owned()))
        );
        Ok(())
    }
}

impl Estate {
    /// Looks at a user, as far as `scope` says. A listing Stint is not allowed is named in
    /// [`Found::unseen`]; any other failure leaves no reading.
    pub async fn read_user(
        &self,
        user: UserRef<'_>,
        scope: Scope,
        lane: Lane,
    ) -> Result<UserReading, AwsError> {
        let began = self.now();
        let here = self.in_account(user.account, lane).await?;
        let mut request_ids = Vec::new();
        let named = here.find_user(user, lane, &mut request_ids).await?;
        let mut path = None;
        let found = match named {
            None => None,
            Some(named) => {
                let found = named.found;
                path = Some(named.path);
                let name = found.name.clone();
                let mut look = Look {
                    estate: &here,
                    name: &name,
                    lane,
                    found,
                    request_ids: Vec::new(),
                };
                let looked = async {
                    if scope >= Scope::Locks {
                        look.locks().await?;
                    }
                    if scope >= Scope::Everything {
                        look.others().await?;
                    }
                    if scope >= Scope::Locks {
                        look.same_bearer().await?;
                    }
                    Ok::<_, AwsError>(())
                };
                match looked.await {
                    Ok(()) => {
                        request_ids.append(&mut look.request_ids);
                        Some(look.found)
                    }
                    // Deleted or renamed while it was looked at: the next reading tells.
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(UserReading {
            seen: Seen {
                began,
                scope,
                user: found,
            },
            path,
            request_ids,
        })
    }

    /// The user under this name; or the one with this id, whatever its name is now.
    async fn find_user(
        &self,
        user: UserRef<'_>,
        lane: Lane,
        request_ids: &mut Vec<String>,
    ) -> Result<Option<Named>, AwsError> {
        let bearer = self.user_named(user.name, lane, request_ids).await?;
        let Some(id) = user.id else {
            return Ok(bearer);
        };
        if bearer.as_ref().is_some_and(|it| it.found.id == id) {
            return Ok(bearer);
        }
        let mut all = self.iam_users(None, lane);
        while let Some(page) = all.next().await? {
            request_ids.extend(page.request_id);
            if let Some(renamed) = page.items.into_iter().find(|row| row.id == id) {
                let now = self.user_named(&renamed.name, lane, request_ids).await?;
                // It is on the list: that it is not found by the name there proves nothing.
                return match now.filter(|it| it.found.id == id) {
                    Some(now) => Ok(Some(now)),
                    None => Err(moved()),
                };
            }
        }
        Ok(bearer)
    }

    async fn user_named(
        &self,
        name: &str,
        lane: Lane,
        request_ids: &mut Vec<String>,
    ) -> Result<Option<Named>, AwsError> {
        let send = |s: &Session| s.iam.get_user().user_name(name).send();
        match self.look(lane, Service::Iam, GET, send).await {
            Ok(answer) => {
                request_ids.extend(answer.request_id().map(str::to_owned));
                let user = answer.user();
                let user = user.ok_or_else(|| AwsError::unreadable(GET, "User"))?;
                let mark = user.tags().iter().find(|tag| tag.key() == MARK);
                let found = Found {
                    id: user.user_id().to_owned(),
                    name: user.user_name().to_owned(),
                    mark: mark.map(|tag| tag.value().to_owned()),
                    hanging: Vec::new(),
                    unseen: Vec::new(),
                };
                Ok(Some(Named {
                    found,
                    path: user.path().to_owned(),
                }))
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                request_ids.extend(error.request_id);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes one change of the user of this name. `new` says how one is made; without it
    /// [`Change::CreateUser`] is refused. Signed with `sign_at`: AWS refuses it once that is
    /// older than it accepts, however late it leaves. Making a key is
    /// [`Estate::create_key`].
    pub async fn change_user(
        &self,
        user: UserRef<'_>,
        change: &Change,
        new: Option<NewUser<'_>>,
        sign_at: Time,
        lane: Lane,
    ) -> Written {
        let here = match self.in_account(user.account, lane).await {
            Ok(here) => here,
            Err(error) => return unsent(error),
        };
        let name = user.name;
        macro_rules! sent {
            ($operation:literal, |$iam:ident| $call:expr) => {{
                let send = |s: &Session| {
                    let $iam = &s.iam;
                    let call = $call.customize().config_override(signed(sign_at));
                    call.send()
                };
                here.send(lane, Service::Iam, concat!("iam:", $operation), send)
                    .await
                    .map(|(answer, _)| answer.request_id().map(str::to_owned))
            }};
        }
        let answered = match change {
            Change::CreateUser => {
                let Some(new) = new else {
                    return unsent(AwsError::ours(
                        ErrorKind::Invalid,
                        "iam:CreateUser",
                        "unsent",
                        "how the user is to be made was not said",
                    ));
                };
                let tag = Tag::builder().key(MARK).value(new.mark).build();
                let tag = match tag {
                    Ok(tag) => tag,
                    Err(error) => {
                        return unsent(AwsError::ours(
                            ErrorKind::Invalid,
                            "iam:CreateUser",
                            "unsent",
                            error.to_string(),
                        ));
                    }
                };
                let made = sent!("CreateUser", |iam| iam
                    .create_user()
                    .user_name(name)
                    .path(new.path)
                    .set_permissions_boundary(new.boundary.map(str::to_owned))
                    .tags(tag.clone()));
                return match made {
                    Ok(id) => done(id),
                    // Perhaps by a call of ours whose answer was lost: reading back tells.
                    Err(error) if error.code == "EntityAlreadyExists" => Written {
                        aws_request_id: error.request_id,
                        answer: Answer::AlreadyThere,
                    },
                    Err(error) => refused(AttemptKind::Create, error),
                };
            }
            Change::CreateKey => {
                return unsent(AwsError::ours(
                    ErrorKind::Invalid,
                    "iam:CreateAccessKey",
                    "unsent",
                    "a key is made by a call that brings its secret",
                ));
            }
            Change::DeactivateKey(key) => sent!("UpdateAccessKey", |iam| iam
                .update_access_key()
                .user_name(name)
                .access_key_id(key)
                .status(StatusType::Inactive)),
            Change::DeleteLoginProfile => {
                sent!("DeleteLoginProfile", |iam| iam
                    .delete_login_profile()
                    .user_name(name))
            }
            Change::DeleteKey(key) => sent!("DeleteAccessKey", |iam| iam
                .delete_access_key()
                .user_name(name)
                .access_key_id(key)),
            Change::DeleteCertificate(id) => sent!("DeleteSigningCertificate", |iam| iam
                .delete_signing_certificate()
                .user_name(name)
                .certificate_id(id)),
            Change::DeleteSshKey(id) => sent!("DeleteSSHPublicKey", |iam| iam
                .delete_ssh_public_key()
                .user_name(name)
                .ssh_public_key_id(id)),
            Change::DeleteServiceCredential(id) => {
                sent!("DeleteServiceSpecificCredential", |iam| iam
                    .delete_service_specific_credential()
                    .user_name(name)
                    .service_specific_credential_id(id))
            }
            Change::DeactivateMfa(serial) => sent!("DeactivateMFADevice", |iam| iam
                .deactivate_mfa_device()
                .user_name(name)
                .serial_number(serial)),
            Change::DeleteVirtualMfa(serial) => {
                sent!("DeleteVirtualMFADevice", |iam| iam
                    .delete_virtual_mfa_device()
                    .serial_number(serial))
            }
            Change::DeleteInlinePolicy(policy) => sent!("DeleteUserPolicy", |iam| iam
                .delete_user_policy()
                .user_name(name)
                .policy_name(policy)),
            Change::DetachPolicy(arn) => sent!("DetachUserPolicy", |iam| iam
                .detach_user_policy()
                .user_name(name)
                .policy_arn(arn)),
            Change::LeaveGroup(group) => sent!("RemoveUserFromGroup", |iam| iam
                .remove_user_from_group()
                .user_name(name)
                .group_name(group)),
            Change::DeleteUser => sent!("DeleteUser", |iam| iam.delete_user().user_name(name)),
        };
        match answered {
            Ok(id) => done(id),
            Err(error) => refused(AttemptKind::Delete, error),
        }
    }
}

fn moved() -> AwsError {
    AwsError::ours(
        ErrorKind::Conflict,
        GET,
        "moved_meanwhile",
        "the user was renamed or deleted while it was looked at",
    )
}

pub(crate) fn signed(at: Time) -> aws_sdk_iam::config::Builder {
    aws_sdk_iam::config::Builder::new().time_source(signing_time(at))
}

pub(crate) fn done(aws_request_id: Option<String>) -> Written {
    Written {
        answer: Answer::Succeeded {
            membership_id: None,
        },
        aws_request_id,
    }
}

/// When AWS made something, as it tells it.
pub(crate) fn made_at(sent: Option<&aws_smithy_types::DateTime>) -> Option<Time> {
    sent.map(time_of)
}
