//! Policies on the wire: Stint's rules that route a request to its approvers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A policy, with its latest version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// `pol_…`
    pub id: String,
    /// Unique, whatever the capitals.
    pub name: String,
    /// The version new requests are asked under.
    pub latest: PolicyVersion,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// For `If-Match`.
    pub version: i64,
}

/// One immutable version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyVersion {
    /// `pov_…`
    pub id: String,
    /// Counted from 1.
    pub number: i64,
    /// The rules.
    pub body: PolicyBody,
    /// What its author said about it.
    pub note: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// Who wrote it (`usr_…`); absent where the program did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// The rules of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// Whether nobody has to approve; then there are no steps.
    #[serde(default)]
    pub auto_approve: bool,
    /// Asked in this order; nobody counts for two of them.
    #[serde(default)]
    pub steps: Vec<PolicyStep>,
    /// The longest that may be asked for, in seconds.
    #[schema(example = 14400)]
    pub max_duration_seconds: i64,
    /// What must be said when asking.
    #[serde(default)]
    pub reason: ReasonRule,
    /// Whether those who ask may approve too, where they are approvers.
    #[serde(default)]
    pub allow_self_approval: bool,
}

/// One step of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyStep {
    /// What people see.
    #[schema(example = "Platform")]
    pub name: String,
    /// Approvers by name (`usr_…`).
    #[serde(default)]
    pub users: Vec<String>,
    /// Groups whose members approve (`grp_…`), as they are when somebody decides.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How many different people must approve.
    #[serde(default = "one")]
    pub needed: u32,
}

/// What must be said when asking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRule {
    /// Whether a reason must be given.
    #[serde(default)]
    pub required: bool,
    /// Its least number of characters.
    #[serde(default)]
    pub min_length: u32,
}

/// Create a policy with its first version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Unique, whatever the capitals.
    pub name: String,
    /// The rules.
    pub body: PolicyBody,
    /// What to remember about this version.
    #[serde(default)]
    pub note: String,
}

/// Write a new version of a policy. Requests already asked keep theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicyVersion {
    /// The rules.
    pub body: PolicyBody,
    /// What to remember about this version.
    #[serde(default)]
    pub note: String,
}

const fn one() -> u32 {
    1
}
