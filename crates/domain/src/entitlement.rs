//! What can be held in AWS, and by whom: entitlements, principals and pairs of them.

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, EntitlementId, PrincipalId};

/// What kind of thing an entitlement is, with the AWS identifiers that name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EntitlementKey {
    /// A permission set on an account (`sso:CreateAccountAssignment`).
    AccountAssignment {
        /// The twelve digits of the account.
        account: String,
        /// `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.
        permission_set: String,
    },
    /// Membership of an Identity Center group (`identitystore:CreateGroupMembership`).
    GroupMembership {
        /// The group's id in the identity store.
        group: String,
    },
    /// Membership of an IAM group (`iam:AddUserToGroup`). IAM calls name users and groups by
    /// their names, which come back for others; the key is what never comes back.
    IamGroupMembership {
        /// The twelve digits of the account.
        account: String,
        /// The group's id: `AGPA…`.
        group: String,
    },
}

/// What kind of AWS identity a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// An Identity Center user.
    IdentityCenterUser,
    /// An Identity Center group.
    IdentityCenterGroup,
    /// An IAM user. Its id is `AIDA…`.
    IamUser,
}

/// One Principal × Entitlement, the unit Stint manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// The estate both belong to.
    pub connection: ConnectionId,
    /// Who holds.
    pub principal: PrincipalId,
    /// What is held.
    pub entitlement: EntitlementId,
}

impl EntitlementKey {
    /// The stable word for the kind, as stored and sent.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccountAssignment { .. } => "account_assignment",
            Self::GroupMembership { .. } => "group_membership",
            Self::IamGroupMembership { .. } => "iam_group_membership",
        }
    }

    /// The kind of principal a person holds this as: what a link has to lead to.
    pub const fn held_as(&self) -> PrincipalKind {
        match self {
            Self::AccountAssignment { .. } | Self::GroupMembership { .. } => {
                PrincipalKind::IdentityCenterUser
            }
            Self::IamGroupMembership { .. } => PrincipalKind::IamUser,
        }
    }

    /// Whether a group may hold it in a person's stead.
    pub const fn is_for_groups(&self) -> bool {
        matches!(self, Self::AccountAssignment { .. })
    }
}

impl PrincipalKind {
    /// The stable word for the kind, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdentityCenterUser => "identity_center_user",
            Self::IdentityCenterGroup => "identity_center_group",
            Self::IamUser => "iam_user",
        }
    }

    /// The kind this word stands for, if any.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::IdentityCenterUser,
            Self::IdentityCenterGroup,
            Self::IamUser,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }

    /// Whether a person may be linked to it: it is somebody, not a set of people.
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::IdentityCenterUser | Self::IamUser)
    }
}
