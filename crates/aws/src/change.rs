//! Making a pair so, or not so.
//!
//! A write is sent once, signed with its intent's time; whatever AWS says becomes an
//! [`Answer`]. What was never sent is told apart from what may have happened. Nothing here
//! repeats a write, except where AWS refused it unread because the role's credentials had
//! expired.

use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::{
    AccountAssignmentOperationStatus as Status, StatusValues, TargetType,
};
use aws_types::request_id::RequestId;
use stint_domain::Time;
use stint_domain::binding::AttemptKind;

use crate::clock::signing_time;
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Held, Lane, Permit, Service};
use crate::iam::Member;
use crate::pair::PairKey;
use crate::read::principal_type;

/// What AWS said to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Accepted, to be finished later: ask with [`Estate::poll`].
    Accepted {
        /// AWS's id of the asynchronous write.
        request_id: String,
    },
    /// Done.
    Succeeded {
        /// The id of the membership created.
        membership_id: Option<String>,
    },
    /// A delete of what does not exist.
    NotFound,
    /// A membership that existed before: not ours.
    AlreadyThere,
    /// Certainly without effect.
    Refused {
        /// AWS's code, or ours in lower case: `account_busy`, `writes_outstanding`, `unsent`,
        /// `signature_expired`, `credentials:<AWS's code>`.
        code: String,
        /// AWS's words.
        message: String,
        /// Whether the same again would meet the same: access, validation, quota, a missing
        /// principal. Otherwise it is worth another try.
        permanent: bool,
    },
    /// May or may not have happened.
    Unknown {
        /// What was met instead of an answer.
        why: String,
    },
}

/// A write, as far as it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What AWS said.
    pub answer: Answer,
    /// AWS's id of the call, where there was an answer.
    pub aws_request_id: Option<String>,
}

const CREATE: &str = "sso:CreateAccountAssignment";
const DELETE: &str = "sso:DeleteAccountAssignment";
const JOIN: &str = "identitystore:CreateGroupMembership";
const LEAVE: &str = "identitystore:DeleteGroupMembership";

/// Leave to make one write now, got before the write is intended: what would have to wait for
/// others is not intended yet. A lane alone is good as well: then the call gets, or does not
/// get, its slot when it leaves.
pub struct Leave {
    pub(crate) lane: Lane,
    pub(crate) permit: Option<Permit>,
}

impl From<Lane> for Leave {
    fn from(lane: Lane) -> Self {
        Self { lane, permit: None }
    }
}

impl Leave {
    /// The write is not made after all: its slot is free again.
    pub async fn give_back(self) {
        if let Some(permit) = self.permit {
            permit.ended().await;
        }
    }
}

impl Estate {
    /// Waits until a write of this pair may leave. Fails, at once and with nothing sent, where
    /// as many writes of assignments are open as AWS takes: one on an account (AWS reference
    /// §2), some in the estate. Other kinds have no such limit. Unused leave is to be given
    /// back; forgotten, it lapses after a minute.
    pub async fn leave(&self, key: &PairKey, lane: Lane) -> Result<Leave, Held> {
        let permit = match key {
            PairKey::Assignment { account, .. } => {
                // Signed in first: the slot is for the write, not for a slow sign-in. That it
                // failed is said by the write.
                drop(self.session(None).await);
                let ask = self.assignment_write(lane, account);
                Some(self.governor().admit(ask).await?)
            }
            PairKey::Membership { .. } | PairKey::IamMembership { .. } => None,
        };
        Ok(Leave { lane, permit })
    }

    /// Asks AWS to make the pair so. Signed with `sign_at`: AWS refuses it once that is
    /// older than it accepts, however late it leaves.
    pub async fn create(&self, key: &PairKey, sign_at: Time, leave: impl Into<Leave>) -> Written {
        let leave = leave.into();
        let lane = leave.lane;
        match key {
            PairKey::Assignment {
                instance_arn,
                account,
                permission_set,
                principal_kind,
                principal_id,
            } => {
                let send = |s: &Session| {
                    s.sso
                        .create_account_assignment()
                        .instance_arn(instance_arn)
                        .target_id(account)
                        .target_type(TargetType::AwsAccount)
                        .permission_set_arn(permission_set)
                        .principal_type(principal_type(*principal_kind))
                        .principal_id(principal_id)
                        .customize()
                        .config_override(sso_signed(sign_at))
                        .send()
                };
                let ask = self.assignment_write(lane, account);
                match self.send_as(ask, leave.permit, CREATE, send).await {
                    Ok((answer, permit)) => {
                        let id = answer.request_id().map(str::to_owned);
                        let status = answer.account_assignment_creation_status();
                        accepted(permit, status, id).await
                    }
                    Err(error) => refused(AttemptKind::Create, error),
                }
            }
            PairKey::Membership {
                identity_store,
                group,
                user,
            } => {
                let send = |s: &Session| {
                    s.store
                        .create_group_membership()
                        .identity_store_id(identity_store)
                        .group_id(group)
                        .member_id(MemberId::UserId(user.clone()))
                        .customize()
                        .config_override(store_signed(sign_at))
                        .send()
                };
                match self.send(lane, Service::IdentityStore, JOIN, send).await {
                    Ok((answer, _)) => Written {
                        aws_request_id: answer.request_id().map(str::to_owned),
                        answer: Answer::Succeeded {
                            membership_id: Some(answer.membership_id().to_owned()),
                        },
                    },
                    Err(error) => refused(AttemptKind::Create, error),
                }
            }
            PairKey::IamMembership {
                account,
                group,
                group_name,
                user,
                user_name,
            } => {
                let member = Member {
                    account,
                    group,
                    group_name,
                    user,
                    user_name,
                };
                self.add_member(member, sign_at, lane).await
            }
        }
    }

    /// Asks AWS to make the pair not so. Signed with `sign_at`, as [`Estate::create`].
    ///
    /// A membership is deleted by its id. Without one it is looked up first; if there is
    /// none, nothing is sent and the answer is `NotFound`, with the look-up's request id.
    pub async fn delete(
        &self,
        key: &PairKey,
        membership_id: Option<&str>,
        sign_at: Time,
        leave: impl Into<Leave>,
    ) -> Written {
        let leave = leave.into();
        let lane = leave.lane;
        match key {
            PairKey::Assignment {
                instance_arn,
                account,
                permission_set,
                principal_kind,
                principal_id,
            } => {
                let send = |s: &Session| {
                    s.sso
                        .delete_account_assignment()
                        .instance_arn(instance_arn)
                        .target_id(account)
                        .target_type(TargetType::AwsAccount)
                        .permission_set_arn(permission_set)
                        .principal_type(principal_type(*principal_kind))
                        .principal_id(principal_id)
                        .customize()
                        .config_override(sso_signed(sign_at))
                        .send()
                };
                let ask = self.assignment_write(lane, account);
                match self.send_as(ask, leave.permit, DELETE, send).await {
                    Ok((answer, permit)) => {
                        let id = answer.request_id().map(str::to_owned);
                        let status = answer.account_assignment_deletion_status();
                        accepted(permit, status, id).await
                    }
                    Err(error) => refused(AttemptKind::Delete, error),
                }
            }
            PairKey::Membership { identity_store, .. } => {
                let found;
                let id = match membership_id {
                    Some(id) => id,
                    None => match self.read(key, lane).await {
                        Ok(reading) => match reading.membership_id {
                            Some(id) => {
                                found = id;
                                &found
                            }
                            None => {
                                return Written {
                                    answer: Answer::NotFound,
                                    aws_request_id: reading.request_ids.into_iter().next_back(),
                                };
                            }
                        },
                        Err(error) => return unsent(error),
                    },
                };
                let send = |s: &Session| {
                    s.store
                        .delete_group_membership()
                        .identity_store_id(identity_store)
                        .membership_id(id)
                        .customize()
                        .config_override(store_signed(sign_at))
                        .send()
                };
                match self.send(lane, Service::IdentityStore, LEAVE, send).await {
                    Ok((answer, _)) => Written {
                        aws_request_id: answer.request_id().map(str::to_owned),
                        answer: Answer::Succeeded {
                            membership_id: None,
                        },
                    },
                    Err(error) => refused(AttemptKind::Delete, error),
                }
            }
            PairKey::IamMembership {
                account,
                group,
                group_name,
                user,
                user_name,
            } => {
                let member = Member {
                    account,
                    group,
                    group_name,
                    user,
                    user_name,
                };
                self.remove_member(member, sign_at, lane).await
            }
        }
    }
}

fn sso_signed(at: Time) -> aws_sdk_ssoadmin::config::Builder {
    aws_sdk_ssoadmin::config::Builder::new().time_source(signing_time(at))
}

fn store_signed(at: Time) -> aws_sdk_identitystore::config::Builder {
    aws_sdk_identitystore::config::Builder::new().time_source(signing_time(at))
}

/// AWS took an assignment write: done already, or to be asked after.
async fn accepted(permit: Permit, status: Option<&Status>, aws: Option<String>) -> Written {
    let answer = match status.map(|s| (s.status(), s.request_id())) {
        Some((Some(StatusValues::Succeeded), _)) => {
            permit.ended().await;
            Answer::Succeeded {
                membership_id: None,
            }
        }
        // Also when it failed at once: the reason is read where all reasons are.
        Some((_, Some(request_id))) => {
            permit.accepted(request_id).await;
            Answer::Accepted {
                request_id: request_id.to_owned(),
            }
        }
        _ => {
            permit.ended().await;
            Answer::Unknown {
                why: "AWS accepted the write without naming it".to_owned(),
            }
        }
    };
    Written {
        answer,
        aws_request_id: aws,
    }
}

/// A write that met an error, by what the error means.
pub(crate) fn refused(kind: AttemptKind, error: AwsError) -> Written {
    let aws_request_id = error.request_id.clone();
    let said = |code: &str, permanent| Answer::Refused {
        code: code.to_owned(),
        message: error.message.clone(),
        permanent,
    };
    let answer = match (error.kind, kind) {
        _ if error.may_have_happened() => Answer::Unknown {
            why: error.to_string(),
        },
        (ErrorKind::NotFound, AttemptKind::Delete)
            if error.resource() != Some("IDENTITY_STORE") =>
        {
            Answer::NotFound
        }
        // AWS reference §1.2: a conflict that is not about two writes at once means that the
        // membership exists.
        (ErrorKind::Conflict, AttemptKind::Create)
            if error.operation == JOIN && error.reason() != Some("CONCURRENT_MODIFICATION") =>
        {
            Answer::AlreadyThere
        }
        (ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Quota | ErrorKind::NotFound, _) => {
            said(&error.code, true)
        }
        (ErrorKind::ClockSkew, _) => said("signature_expired", false),
        (ErrorKind::Credentials, _) => said(&format!("credentials:{}", error.code), false),
        _ => said(&error.code, false),
    };
    Written {
        answer,
        aws_request_id,
    }
}

/// A write that was not sent because what it needed to know could not be read.
pub(crate) fn unsent(error: AwsError) -> Written {
    let permanent = matches!(error.kind, ErrorKind::Denied | ErrorKind::Invalid);
    Written {
        aws_request_id: error.request_id.clone(),
        answer: Answer::Refused {
            code: "unsent".to_owned(),
            message: error.to_string(),
            permanent,
        },
    }
}

#[cfg(test)]
mod tests;
