//! Managed objects beside bindings: IAM users, and rotations of access keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::grants::Moment;

/// An IAM user that Stint manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedUser {
    /// `mob_…`
    pub id: String,
    /// `con_…`
    pub connection_id: String,
    /// The AWS account it is in.
    pub account_id: String,
    /// Its name, as it was asked for.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// `made`: by Stint; `found`: it was there, and Stint was told of it.
    pub origin: String,
    /// AWS's own id of it (`AIDA…`), once it was seen.
    pub user_id: Option<String>,
    /// `looking`, `found`, `creating`, `active`, `disabling`, `disabled`, `deleting`, `deleted`,
    /// `failed`, `gone` or `stuck`.
    pub state: String,
    /// Why it could not be made.
    pub failure: Option<String>,
    /// What AWS refuses, while it does.
    pub stuck_reason: Option<String>,
    /// Since when.
    pub stuck_since: Option<String>,
    /// When Stint looks or tries next, while something is to be done.
    pub next_at: Option<String>,
    /// What the last full look found on it, in words; absent before the first.
    pub hanging: Option<Vec<String>>,
    /// Who asked for it (`usr_…`).
    pub created_by: Option<String>,
    /// When.
    pub created_at: String,
    /// Why.
    pub reason: String,
}

/// An IAM user with everything that was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedUserDetail {
    /// The user.
    #[serde(flatten)]
    pub user: ManagedUser,
    /// What happened, oldest first; the newest two hundred.
    pub timeline: Vec<Moment>,
}

/// An IAM user to be made; or one that is there and is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewManagedUser {
    /// 1 to 64 letters, digits and `_+=,.@-`.
    pub name: String,
    /// `/` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The ARN of the policy that is to be its permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// True: the user is there, and Stint did not make it. It is looked at, and nothing is
    /// changed; to disable or delete it afterwards, its name has to be sent as `confirm`.
    #[serde(default)]
    pub existing: bool,
    /// Why.
    pub reason: String,
}

/// Why an IAM user is locked out or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserBecause {
    /// The reason, for the audit log.
    pub reason: String,
    /// The user's name, where Stint did not make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// A change of the access key a connection enters by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRotation {
    /// `mob_…`
    pub id: String,
    /// `con_…`
    pub connection_id: String,
    /// `adding`, `testing`, `retiring`, `settling`, `deleting`, `taking_back`, `done`, `failed` or
    /// `stuck`.
    pub state: String,
    /// The key that is replaced.
    pub old_access_key_id: String,
    /// The key that replaces it, once it is there.
    pub new_access_key_id: Option<String>,
    /// The user whose keys they are, by ARN.
    pub user_arn: Option<String>,
    /// Why it was given up.
    pub failure: Option<String>,
    /// What AWS refuses, while it does.
    pub stuck_reason: Option<String>,
    /// Since when.
    pub stuck_since: Option<String>,
    /// When it was begun.
    pub began_at: String,
    /// Who began it (`usr_…`); absent where its time had come.
    pub began_by: Option<String>,
    /// When the connection was switched to the new key.
    pub switched_at: Option<String>,
    /// When the old key was seen inactive.
    pub deactivated_at: Option<String>,
    /// When the old key is deleted, once it is inactive.
    pub deletes_at: Option<String>,
    /// When it was over.
    pub ended_at: Option<String>,
}

/// A rotation with everything that was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRotationDetail {
    /// The rotation.
    #[serde(flatten)]
    pub rotation: KeyRotation,
    /// What happened, oldest first; the newest two hundred.
    pub timeline: Vec<Moment>,
}
