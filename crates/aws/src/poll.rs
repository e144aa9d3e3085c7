//! Asking how an accepted write went on.
//!
//! AWS finishes assignment writes later and says why one failed in free text only; what the
//! words prove is decided here (AWS reference §1.3).

use aws_sdk_ssoadmin::types::{
    AccountAssignmentOperationStatus as Status, OperationStatusFilter, StatusValues,
};
use aws_types::request_id::RequestId;
use stint_domain::binding::AttemptKind;

use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::look::advance;
use crate::pair::PairKey;
use crate::read::principal_type;

/// How an accepted write stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Not finished.
    InProgress,
    /// Applied.
    Succeeded,
    /// Ended otherwise. A failed create may nevertheless have taken effect.
    Failed {
        /// AWS's own words.
        reason: String,
        /// A delete that failed because the assignment does not exist.
        gone: bool,
        /// The words are those of a passing trouble.
        transient: bool,
    },
}

/// An answer to [`Estate::poll`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// How the write stands.
    pub state: Polled,
    /// AWS's id of the call.
    pub aws_request_id: Option<String>,
}

/// An answer to [`Estate::creations_in_progress`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InProgress {
    /// AWS's ids of the asynchronous creates of this pair that are not finished.
    pub request_ids: Vec<String>,
    /// AWS's ids of the calls made.
    pub aws_request_ids: Vec<String>,
}

const CREATION: &str = "sso:DescribeAccountAssignmentCreationStatus";
const DELETION: &str = "sso:DescribeAccountAssignmentDeletionStatus";
const CREATIONS: &str = "sso:ListAccountAssignmentCreationStatus";

impl Estate {
    /// How a write that AWS accepted stands. A write that ended frees its account for the
    /// next, so every accepted one should be asked after. An id AWS does not know, or knows
    /// no more, is an error of kind `NotFound`; memberships have none (`Invalid`). Of a write AWS
    /// will not tell about (not found, not allowed) nothing more will be learnt: its account is
    /// free, and where the write is not finished AWS says so to the next.
    pub async fn poll(
        &self,
        key: &PairKey,
        kind: AttemptKind,
        request_id: &str,
        lane: Lane,
    ) -> Result<Poll, AwsError> {
        let polled = self.status(key, kind, request_id, lane).await;
        let over = match &polled {
            Ok(poll) => poll.state != Polled::InProgress,
            Err(error) => matches!(error.kind, ErrorKind::NotFound | ErrorKind::Denied),
        };
        if over {
            self.governor().finished(self.scope(), request_id).await;
        }
        polled
    }

    async fn status(
        &self,
        key: &PairKey,
        kind: AttemptKind,
        request_id: &str,
        lane: Lane,
    ) -> Result<Poll, AwsError> {
        let PairKey::Assignment { instance_arn, .. } = key else {
            let message = "a group membership is written at once: there is no status to ask for";
            return Err(AwsError::ours(
                ErrorKind::Invalid,
                CREATION,
                "no_status",
                message,
            ));
        };
        let service = Service::IdentityCenter;
        let (operation, status, aws_request_id) = match kind {
            AttemptKind::Create => {
                let send = |s: &Session| {
                    s.sso
                        .describe_account_assignment_creation_status()
                        .instance_arn(instance_arn)
                        .account_assignment_creation_request_id(request_id)
                        .send()
                };
                let answer = self.look(lane, service, CREATION, send).await?;
                let id = answer.request_id().map(str::to_owned);
                (CREATION, answer.account_assignment_creation_status, id)
            }
            AttemptKind::Delete => {
                let send = |s: &Session| {
                    s.sso
                        .describe_account_assignment_deletion_status()
                        .instance_arn(instance_arn)
                        .account_assignment_deletion_request_id(request_id)
                        .send()
                };
                let answer = self.look(lane, service, DELETION, send).await?;
                let id = answer.request_id().map(str::to_owned);
                (DELETION, answer.account_assignment_deletion_status, id)
            }
        };
        let status = status.ok_or_else(|| AwsError::unreadable(operation, "a status"))?;
        let state = match status.status() {
            Some(StatusValues::InProgress) => Polled::InProgress,
            Some(StatusValues::Succeeded) => Polled::Succeeded,
            Some(StatusValues::Failed) => {
                let reason = status.failure_reason().unwrap_or_default().to_owned();
                Polled::Failed {
                    gone: kind == AttemptKind::Delete && says_gone(&reason),
                    transient: says_transient(&reason),
                    reason,
                }
            }
            _ => return Err(AwsError::unreadable(operation, "a status we know")),
        };
        Ok(Poll {
            state,
            aws_request_id,
        })
    }

    /// The asynchronous creates of this very pair that AWS has not finished, whoever sent
    /// them. A membership has none: it is written at once.
    pub async fn creations_in_progress(
        &self,
        key: &PairKey,
        lane: Lane,
    ) -> Result<InProgress, AwsError> {
        let mut found = InProgress {
            request_ids: Vec::new(),
            aws_request_ids: Vec::new(),
        };
        let PairKey::Assignment {
            instance_arn,
            account,
            permission_set,
            principal_kind,
            principal_id,
        } = key
        else {
            return Ok(found);
        };
        let is_ours = |s: &Status| {
            s.status() == Some(&StatusValues::InProgress)
                && s.target_id() == Some(account)
                && s.permission_set_arn() == Some(permission_set)
                && s.principal_type() == Some(&principal_type(*principal_kind))
                && s.principal_id() == Some(principal_id)
        };
        let service = Service::IdentityCenter;
        let mut token: Option<String> = None;
        loop {
            let list = |s: &Session| {
                let filter = OperationStatusFilter::builder().status(StatusValues::InProgress);
                s.sso
                    .list_account_assignment_creation_status()
                    .instance_arn(instance_arn)
                    .filter(filter.build())
                    .max_results(100)
                    .set_next_token(token.clone())
                    .send()
            };
            let page = self.look(lane, service, CREATIONS, list).await?;
            found
                .aws_request_ids
                .extend(page.request_id().map(str::to_owned));
            for row in page.account_assignments_creation_status() {
                let Some(id) = row.request_id() else {
                    return Err(AwsError::unreadable(CREATIONS, "RequestId"));
                };
                let describe = |s: &Session| {
                    s.sso
                        .describe_account_assignment_creation_status()
                        .instance_arn(instance_arn)
                        .account_assignment_creation_request_id(id)
                        .send()
                };
                let answer = self.look(lane, service, CREATION, describe).await?;
                found
                    .aws_request_ids
                    .extend(answer.request_id().map(str::to_owned));
                match answer.account_assignment_creation_status() {
                    Some(status) if is_ours(status) => found.request_ids.push(id.to_owned()),
                    Some(_) => {}
                    None => return Err(AwsError::unreadable(CREATION, "a status")),
                }
            }
            token = advance(CREATIONS, token.as_deref(), page.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Whether the words say that the assignment itself does not exist. A missing *assignee*
/// or permission set is no such word: the row may remain (AWS reference §1.3, [R]).
fn says_gone(reason: &str) -> bool {
    let words = reason.to_ascii_lowercase();
    words.contains("assignment not found") || words.contains("assignment does not exist")
}

/// Whether the words are those of a passing trouble. A 403 is none, although its text
/// speaks of waiting (AWS reference §1.3, §7).
fn says_transient(reason: &str) -> bool {
    let words = reason.to_ascii_lowercase();
    if words.contains("403 status error") || words.contains("not authorized") {
        return false;
    }
    [
        "internal service exception",
        "internal server",
        "500 status error",
        "502 status error",
        "503 status error",
        "504 status error",
        "429 status error",
        "throttl",
        "rate exceeded",
        "too many requests",
        "timed out",
        "try again",
        "temporarily",
        "conflict",
    ]
    .iter()
    .any(|known| words.contains(known))
}

#[cfg(test)]
mod tests;
