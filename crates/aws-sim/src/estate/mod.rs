//! Estates: the organizations a simulated AWS is filled with, generated from a seed.

mod file;
mod generate;
mod iam;
mod names;

pub use file::{EstateFile, FileError};
pub(crate) use generate::{BEGINNING, Estate, generate, store_id};
pub(crate) use iam::populate_iam;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::held::Document;

/// How big an organization to generate. Every count is a total: accounts include the
/// management account, users include Ana, Bo, Cy and Dee. Equal specs give equal estates, to
/// the last id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstateSpec {
    /// Where all names and ids come from.
    pub seed: u64,
    /// Accounts, at least 1.
    pub accounts: u32,
    /// Permission sets.
    pub permission_sets: u32,
    /// Identity Center users.
    pub users: u32,
    /// Identity Center groups.
    pub groups: u32,
    /// Pairs of a user and a group.
    pub memberships: u32,
    /// Triples of an account, a permission set, and a user or group. The management account
    /// gets none while there are others.
    pub assignments: u32,
    /// IAM users in the management account, besides those an estate cannot do without: its
    /// administrator and the connector's.
    #[serde(default)]
    pub iam_users: u32,
    /// IAM groups in the management account.
    #[serde(default)]
    pub iam_groups: u32,
    /// IAM roles in the management account, besides the one an estate cannot do without: the
    /// connector's.
    #[serde(default)]
    pub iam_roles: u32,
    /// Pairs of an IAM user and an IAM group; a user is in 10 at most.
    #[serde(default)]
    pub iam_memberships: u32,
}

#[cfg(test)]
impl EstateSpec {
    /// Just enough to be an estate, for tests of single parts.
    pub(crate) fn tiny() -> Self {
        Self {
            seed: 1,
            accounts: 2,
            permission_sets: 1,
            users: 4,
            groups: 1,
            memberships: 0,
            assignments: 0,
            iam_users: 0,
            iam_groups: 0,
            iam_roles: 0,
            iam_memberships: 0,
        }
    }
}

impl Default for EstateSpec {
    /// A company of 120 people; accounts and users fill more than one page.
    fn default() -> Self {
        Self {
            seed: 7,
            accounts: 24,
            permission_sets: 14,
            users: 120,
            groups: 12,
            memberships: 200,
            assignments: 300,
            iam_users: 0,
            iam_groups: 0,
            iam_roles: 0,
            iam_memberships: 0,
        }
    }
}

/// Counts that cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstateError {
    /// An organization has at least its management account.
    #[error("an estate has at least 1 account")]
    NoAccount,
    /// More than the simulator's indexes hold.
    #[error("{what}: at most {most} are possible, {asked} were asked for")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// The most there can be, given the other counts.
        most: u64,
        /// What was asked for.
        asked: u32,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) state: AccountState,
    pub(crate) unit: &'static str,
    pub(crate) joined_at: i64,
    pub(crate) tags: Vec<(String, String)>,
}

/// The state of an account in its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// In use.
    Active,
    /// Closed or barred: assignment writes conflict for ever (AWS reference §7 [R]).
    Suspended,
    /// On its way out.
    PendingClosure,
}

impl AccountState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            AccountState::Active => "ACTIVE",
            AccountState::Suspended => "SUSPENDED",
            AccountState::PendingClosure => "PENDING_CLOSURE",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PermissionSet {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) session_duration: String,
    pub(crate) relay_state: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) papers: Papers,
    /// Goes up with every change that has to be provisioned.
    pub(crate) revision: u64,
    pub(crate) removed: bool,
}

/// The policies of a permission set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Papers {
    pub(crate) inline: Option<Document>,
    /// ARNs of AWS's own.
    pub(crate) managed: Vec<String>,
    /// Path and name of policies the accounts must have.
    pub(crate) customer: Vec<(String, String)>,
    pub(crate) boundary: Option<SetBoundary>,
}

/// The boundary of a permission set.
#[derive(Debug, Clone)]
pub(crate) enum SetBoundary {
    /// One of AWS's own, by ARN.
    Managed(String),
    /// One the accounts must have: path and name.
    Customer(String, String),
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) given: String,
    pub(crate) family: String,
    /// Other than given and family name.
    pub(crate) display: Option<String>,
    pub(crate) email: String,
    pub(crate) title: String,
    pub(crate) enabled: bool,
    pub(crate) removed: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: u64,
    /// Issuer and id of an identity provider's own ids.
    pub(crate) external_ids: Vec<(String, String)>,
    /// Attributes nothing here looks into, as they were given.
    pub(crate) more: Map<String, Value>,
    /// What else is in the name, as the identity store spells it: `MiddleName`.
    pub(crate) name: Map<String, Value>,
    /// What SCIM calls the enterprise extension, as SCIM spells it; no other service tells it
    /// unless asked for extensions.
    pub(crate) enterprise: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: u64,
    pub(crate) removed: bool,
    /// See [`User::external_ids`].
    pub(crate) external_ids: Vec<(String, String)>,
}
