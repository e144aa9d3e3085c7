//! Configuration as code on the wire: files, what they would change, and what applying them did.
//!
//! What may stand in such a file is [`shape`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub mod shape;

/// A file of configuration, in YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// What mistakes in it are told with: a path, for people. At most 200 characters.
    #[schema(example = "access/production.yaml")]
    pub name: String,
    /// What stands in it; all files together are at most 1 MiB, as any body is.
    pub text: String,
}

/// Files to be held against what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    /// At most 200; together they are one configuration, in whatever order.
    pub files: Vec<ConfigFile>,
}

/// Files to be applied, as they were planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyConfig {
    /// At most 200.
    pub files: Vec<ConfigFile>,
    /// The digest of the plan that was looked at: exactly that is applied.
    pub plan: String,
    /// The changes of that plan, so that a refusal can say which of them is another one now.
    #[serde(default)]
    pub seen: Vec<SeenChange>,
    /// Whether what was changed by hand since it was applied is written over.
    #[serde(default)]
    pub overwrite: bool,
}

/// A change of the plan that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenChange {
    /// As in the plan.
    pub kind: String,
    /// As in the plan.
    pub name: String,
    /// As in the plan.
    pub digest: String,
}

/// What files would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigPlan {
    /// Everything that is wrong with the files, at most 100; nothing was planned then.
    pub mistakes: Vec<ConfigMistake>,
    /// What would be changed, in this order.
    pub changes: Vec<ConfigChange>,
    /// How much of what the files say is so already. What they do not name is left alone.
    pub same: u64,
    /// Names this plan when it is applied.
    pub digest: String,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigMistake {
    /// In which file; empty where it is about all of them together.
    pub file: String,
    /// From 1; 0 where it is about the file as a whole.
    pub line: u64,
    /// From 1; 0 where it is about the file as a whole.
    pub column: u64,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Something that would be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigChange {
    /// `group`, `policy`, `catalog` or `access_control`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// `create` or `change`.
    pub action: String,
    /// What of it, one field after the other.
    pub fields: Vec<ConfigField>,
    /// That somebody changed it by hand since it was applied: it is written over only when told so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<ByHand>,
    /// Where it is said.
    pub file: String,
    /// From 1.
    pub line: u64,
    /// Names this change of this plan.
    pub digest: String,
}

/// A field that would be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigField {
    /// Which: `steps[0].needed`, `members`.
    pub field: String,
    /// What it is; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it would be; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Since when something is as nobody applied it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ByHand {
    /// When it was applied last (RFC 3339, UTC).
    pub applied_at: String,
    /// Who did (their address); absent where the program did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_by: Option<String>,
    /// When it was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<String>,
    /// Who did (their name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
}

/// What applying a plan did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedConfig {
    /// Whether all of it was done. Where not, a second plan shows what is left, and applying that
    /// finishes it.
    pub complete: bool,
    /// What came of each change, in the order of the plan.
    pub outcomes: Vec<ConfigOutcome>,
}

/// What came of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigOutcome {
    /// As in the plan.
    pub kind: String,
    /// As in the plan.
    pub name: String,
    /// `done`; `failed`: perhaps in part; `left`: not begun, because of what failed before it.
    pub outcome: String,
    /// The stable code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
