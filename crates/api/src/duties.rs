//! Separation of duties on the wire: rules, what they have against something, who is in conflict.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule about duties that are kept apart: nobody should hold something of both sides at the same
/// time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Duty {
    /// `dut_…`
    pub id: String,
    /// Unique, whatever the capitals.
    pub name: String,
    /// What whoever it stops reads, and whoever decides.
    pub message: String,
    /// One side.
    pub first: DutySide,
    /// The other.
    pub second: DutySide,
    /// `block` or `exception`.
    pub action: String,
    /// The group (`grp_…`) whose members make exceptions; absent where it blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether what is asked in an emergency passes: it is then part of the review.
    pub emergency_passes: bool,
    /// Whether it is in force.
    pub active: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// For `If-Match`.
    pub version: i64,
}

/// One side of a duty rule: what its list or its condition names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutySide {
    /// What people call it.
    #[schema(example = "Payments: release")]
    pub name: String,
    /// What is on it (`ent_…`), at most 200.
    #[serde(default)]
    pub entitlements: Vec<String>,
    /// Whatever this is true of is on it as well: in Cedar, over `resource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "resource has permission_set && resource.permission_set like \"Release*\"")]
    pub when: Option<String>,
}

/// A duty rule to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDuty {
    /// Unique, whatever the capitals; 1 to 80 characters.
    pub name: String,
    /// What whoever it stops reads, and whoever decides; 1 to 500 characters.
    pub message: String,
    /// One side.
    pub first: DutySide,
    /// The other.
    pub second: DutySide,
    /// `block`: it cannot be asked for; `exception`: the group has to make one.
    pub action: String,
    /// The group (`grp_…`) whose members make exceptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether what is asked in an emergency passes.
    #[serde(default)]
    pub emergency_passes: bool,
    /// Whether it is in force from now on; so if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// What changes about a duty rule; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The first side from now on, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<DutySide>,
    /// The second side from now on, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<DutySide>,
    /// `block` or `exception`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The group (`grp_…`) whose members make exceptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether what is asked in an emergency passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_passes: Option<bool>,
    /// Whether it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// What a duty rule has against what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DutyConflict {
    /// The rule (`dut_…`).
    pub rule: String,
    /// Its name.
    pub name: String,
    /// What its author says.
    pub message: String,
    /// `block`: it cannot be asked for; `exception`: a step more decides; `passed`: it goes on, since
    /// it is an emergency, and the review sees it.
    pub verdict: String,
    /// The first of what is held already, by name. Empty where it is asked for a group or for
    /// somebody else: what they hold is theirs.
    pub holds: Vec<DutyHeld>,
    /// How many things are held that the rule keeps apart from it.
    pub things: usize,
    /// How many people hold some of them.
    pub people: usize,
}

/// Something held that a rule keeps apart from what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DutyHeld {
    /// What (`ent_…`).
    pub entitlement: String,
    /// What people see.
    pub name: String,
    /// `standing`: AWS shows it; `granted`: a grant gives it, or will; `asked`: it was asked for and
    /// nobody has answered; `together`: it comes with what is asked for.
    pub how: String,
    /// The Identity Center group it is held through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
}

/// Somebody who holds something of both sides of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExistingConflict {
    /// The rule (`dut_…`).
    pub rule: String,
    /// Its name.
    pub rule_name: String,
    /// Who (`usr_…`); absent where it is nobody's principal as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The principal in AWS (`prn_…`), where it is no user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// What they are called.
    pub name: String,
    /// What they hold of the first side.
    pub first: Vec<DutyHeld>,
    /// What they hold of the second.
    pub second: Vec<DutyHeld>,
}

/// A page of conflicts that exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExistingConflicts {
    /// By rule, then by who it is.
    pub items: Vec<ExistingConflict>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many there are on all pages together.
    pub total: usize,
}
