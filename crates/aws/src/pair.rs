//! The things Stint manages, by the identifiers AWS knows them by.

use serde::{Deserialize, Serialize};
use stint_domain::Time;
use stint_domain::entitlement::PrincipalKind;

/// One principal × entitlement, as AWS names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PairKey {
    /// A user's or group's permission set on an account. Written asynchronously.
    Assignment {
        /// The Identity Center instance.
        instance_arn: String,
        /// The account's twelve digits.
        account: String,
        /// The permission set's ARN.
        permission_set: String,
        /// User or group.
        principal_kind: PrincipalKind,
        /// The principal's id in the identity store.
        principal_id: String,
    },
    /// A user in a group. Written at once.
    Membership {
        /// The identity store.
        identity_store: String,
        /// The group's id in it.
        group: String,
        /// The user's id in it.
        user: String,
    },
    /// An IAM user in an IAM group. Written at once, by names; both ids go with them, since a
    /// name may be another's tomorrow (AWS reference §1.1).
    IamMembership {
        /// The account both are of: the role's own.
        account: String,
        /// The group's id, `AGPA…`.
        group: String,
        /// What the group was called when last seen.
        group_name: String,
        /// The user's id, `AIDA…`.
        user: String,
        /// What the user was called when last seen.
        user_name: String,
    },
}

impl PairKey {
    /// The AWS account a write to this pair changes; none for a
    /// membership, which no other write stands in the way of.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Assignment { account, .. } => Some(account),
            Self::Membership { .. } | Self::IamMembership { .. } => None,
        }
    }
}

/// What one complete read of AWS said about a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When the read began: AWS's answer is of this moment or later, or of an older one by
    /// at most AWS's own lag.
    pub began: Time,
    /// Whether the principal itself holds it. What it holds through groups does not count.
    pub present: bool,
    /// The membership's id, when present.
    pub membership_id: Option<String>,
    /// AWS's ids of the calls made.
    pub request_ids: Vec<String>,
    /// The Identity Center groups through which the principal holds the same permission set
    /// on the same account. Empty for memberships, and where AWS allows only the listing by
    /// account, which does not tell.
    pub via_groups: Vec<String>,
}
