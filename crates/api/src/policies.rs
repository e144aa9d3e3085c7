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
    /// Asked in this order; the first whose condition is true says what holds. Where none is,
    /// what follows here does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PolicyRule>,
    /// Whether nobody has to approve; then there are no steps.
    #[serde(default)]
    pub auto_approve: bool,
    /// Whether it is refused at once, with these words to whoever asks; then there are no steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_deny: Option<String>,
    /// Asked in this order; nobody counts for two of them.
    #[serde(default)]
    pub steps: Vec<PolicyStep>,
    /// The longest that may be asked for, in seconds.
    #[schema(example = 14400)]
    pub max_duration_seconds: i64,
    /// That access may be had until it is revoked as well, where the time limit of what is asked for is
    /// off; absent: only for a time. Never in a policy for emergency access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_revoked: Option<UntilRevoked>,
    /// What must be said when asking.
    #[serde(default)]
    pub reason: ReasonRule,
    /// How the reference to a ticket is given; not asked for when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketRule>,
    /// When people give their password again, within 5 minutes before: `asking`, `approving` or
    /// `both`; never when absent (or `no`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "approving")]
    pub step_up: Option<String>,
    /// Whether those who ask may approve too, where they are approvers.
    #[serde(default)]
    pub allow_self_approval: bool,
    /// How many seconds after it was asked a request that nobody has answered expires; 30 days when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_for_seconds: Option<i64>,
    /// The time zone in which conditions mean their hours and weekdays (`Europe/Berlin`); UTC
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// That it is for emergency access: said when it is made, and never changed. Then a reason is
    /// always required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
}

/// How access is had until it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UntilRevoked {
    /// After how many days its owners are asked whether it is still needed, and again and again as long
    /// after that: 1 to 365. Where nobody says so within 14 days it ends. Absent: it may not be had
    /// until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 90)]
    pub review_every_days: Option<i64>,
}

/// What a policy for emergency access says beyond any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// The groups (`grp_…`) that are told at once, whoever approves; at least one, with an active
    /// member.
    pub tell: Vec<String>,
    /// The groups of whom somebody closes the review afterwards; those that are told when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review: Vec<String>,
    /// How long after it was given the review is to be closed, in seconds; 72 hours when absent.
    #[serde(default = "usual_review")]
    #[schema(example = 259200)]
    pub within_seconds: i64,
}

const fn usual_review() -> i64 {
    72 * 3_600
}

/// What holds where a condition is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// What people see.
    #[schema(example = "Production at night")]
    pub name: String,
    /// When it applies: an expression in Cedar over `principal` (who asks), `resource` (what is
    /// asked for) and `context`, as `GET /api/v1/policies/schema` describes them.
    #[schema(example = "resource.name like \"* on prod-*\" && context.minutes > 60")]
    pub when: String,
    /// Whether nobody has to approve; then there are no steps.
    #[serde(default)]
    pub auto_approve: bool,
    /// Whether it is refused at once, with these words to whoever asks; then there are no steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_deny: Option<String>,
    /// Asked in this order; nobody counts for two of them.
    #[serde(default)]
    pub steps: Vec<PolicyStep>,
    /// The longest that may be asked for, in seconds; the policy's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<i64>,
    /// Whether access may be had until it is revoked; `{}`: not here. When absent as the policy says,
    /// but where it is approved at once not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_revoked: Option<UntilRevoked>,
    /// What must be said when asking; what the policy says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonRule>,
    /// Whether a ticket is asked for; what the policy says when absent. Of pattern, hint and link the
    /// policy's hold where it has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketRule>,
    /// When people give their password again: `no`, `asking`, `approving` or `both`; what the policy
    /// says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<String>,
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
    /// What approvers are to whoever asks or to what is asked for: `manager` (of whoever would
    /// hold it), `application_owner`, `connection_owner`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Everybody of whom this is true is an approver: an expression in Cedar, in which `principal`
    /// is the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// How many different people must approve. 0 of a step that waits.
    #[serde(default = "one")]
    pub needed: u32,
    /// Whether so many must approve of each of its groups (and of the others it names), instead
    /// of all together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each_group: bool,
    /// Who may approve as well while too few of the approvers could, or once it is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Approvers>,
    /// How long after its begin its approvers are reminded, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_seconds: Option<i64>,
    /// How long after its begin the fallback approvers may approve as well, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_seconds: Option<i64>,
    /// What happens when it has not been approved in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// How long the request waits here, in seconds; then nobody is named and `needed` is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<i64>,
    /// Who may hand a place in it on to somebody else: `approvers` (when absent: they their own,
    /// administrators any), `administrators` alone, or `nobody`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reassign: Option<String>,
}

/// Where approvers come from. Whoever one of them names is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approvers {
    /// By name (`usr_…`).
    #[serde(default)]
    pub users: Vec<String>,
    /// Members of groups (`grp_…`).
    #[serde(default)]
    pub groups: Vec<String>,
    /// `manager`, `application_owner`, `connection_owner`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Everybody of whom this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

/// What happens to a step that has not been approved in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// How long after its begin, in seconds.
    #[schema(example = 86400)]
    pub after_seconds: i64,
    /// `deny`; `next_step`: the approvers of the next step decide in its place, and what it is
    /// short of is needed there, too; or `other_policy`: the request goes on at the first step of
    /// another policy, whose version and rule are pinned when it is submitted. The larger number of
    /// approvals of the two is needed from there on.
    #[schema(example = "deny")]
    pub then: String,
    /// The policy (`pol_…`) it goes on under; only with `other_policy`, and never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// What conditions may speak about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConditionSchema {
    /// As Cedar writes schemas.
    pub cedar: String,
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

/// How the reference to a ticket is given when asking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRule {
    /// `no`, `optional` or `required`. One that is given though none is asked for is kept.
    #[schema(example = "required")]
    pub asked: String,
    /// What all of it must match: a regular expression without look-around and references back, of
    /// at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "CHG-[0-9]+")]
    pub pattern: Option<String>,
    /// What such a ticket looks like, in words for whoever asks; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "A change in our tracker, such as CHG-123.")]
    pub hint: Option<String>,
    /// Where people look it up: an `https` address with `{ticket}` in it once, behind the host. Stint
    /// never calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://tracker.example/browse/{ticket}")]
    pub link: Option<String>,
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
