//! The organization's other accounts: each entered by a role of its own, from the estate's own
//! session.
//!
//! That is role chaining: a session lasts an hour, whatever the role allows (AWS reference §4).
//! STS counts the call against the account that asks, IAM counts against the account that is
//! asked (§2, §3.5): each member account has a budget of its own.
//!
//! What it does not do: say which accounts are to be entered, or take a refusal for anything but
//! a refusal of that one account.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use stint_iam_policy::partition_of_region;
use tokio::sync::OnceCell;

use super::{ASSUME, Estate, Inner, SESSION_SECONDS, Session, Slot, fixed};
use crate::clock::time_of;
use crate::error::{AwsError, ErrorKind};
use crate::governor::{Lane, Service};

/// How the organization's other accounts are entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// The role's name, with its path in front if it has one: `StintMember`, `security/Stint`.
    pub role: String,
    /// What the External ID of every account begins with.
    pub external_id: String,
}

impl Members {
    /// The External ID of one account: no other account's role asks for it.
    pub fn external_id_of(&self, account: &str) -> String {
        format!("{}-{account}", self.external_id)
    }
}

/// Through which estate a member account is entered.
pub(super) struct Via {
    parent: Estate,
    account: String,
    role_arn: String,
    external_id: String,
}

impl Estate {
    /// The IAM of another account of the organization. None where it is not Stint's business.
    pub fn member(&self, account: &str) -> Option<Estate> {
        let members = self.0.spec.members.as_ref()?;
        let partition = partition_of_region(&self.0.spec.region);
        let via = Via {
            parent: self.clone(),
            account: account.to_owned(),
            role_arn: format!("arn:{partition}:iam::{account}:role/{}", members.role),
            external_id: members.external_id_of(account),
        };
        let session = self.slots().entry(account.to_owned()).or_default().clone();
        Some(Estate(Arc::new(Inner {
            aws: self.0.aws.clone(),
            spec: self.0.spec.clone(),
            scope: format!("{}/{account}", self.0.scope),
            session,
            sessions: Arc::clone(&self.0.sessions),
            calls: Arc::clone(&self.0.calls),
            account: OnceCell::new_with(Some(account.to_owned())),
            via: Some(via),
            entered: std::sync::Mutex::default(),
        })))
    }

    /// Forgets the credentials of a member account: they are not needed for long.
    pub fn forget_member(&self, account: &str) {
        self.slots().remove(account);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0
            .entered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Via {
    /// Becomes the role. What is said of the role itself is that account's refusal; that the
    /// estate's own credentials fail is no account's.
    pub(super) async fn enter(&self, estate: &Estate) -> Result<Session, AwsError> {
        let send = |s: &Session| {
            s.sts
                .assume_role()
                .role_arn(&self.role_arn)
                .role_session_name(&self.parent.0.spec.session_name)
                .external_id(&self.external_id)
                .duration_seconds(SESSION_SECONDS)
                .send()
        };
        let entered = Box::pin(self.parent.look(Lane::Revoke, Service::Sts, ASSUME, send)).await;
        let answer = entered.map_err(|error| match error.kind {
            ErrorKind::Credentials
            | ErrorKind::Expired
            | ErrorKind::ClockSkew
            | ErrorKind::Unsent => error,
            _ => error.of_member(&self.account),
        })?;
        let keys = answer
            .credentials()
            .ok_or_else(|| AwsError::unreadable(ASSUME, "Credentials").of_member(&self.account))?;
        let token = keys.session_token().to_owned();
        let provider = fixed(keys.access_key_id(), keys.secret_access_key(), Some(token));
        Ok(estate.clients(provider, time_of(keys.expiration())))
    }
}
