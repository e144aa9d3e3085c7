//! Requests on the wire: asking, answering, and what became of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::{EmergencyOffer, EntitlementName};
use crate::duties::DutyConflict;
use crate::emergency::ReviewState;

/// Ask who would have to approve, without asking for anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// `ent_…`
    pub entitlement: String,
    /// For how long, in seconds; absent: as long as is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// Whether until it is revoked, instead of for a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// Why; absent: not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket it is about; absent: not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// From when (RFC 3339, UTC); absent: at once. Not in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// `prn_…` of the Identity Center group it would be for; absent: for oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// `usr_…` of who would hold it, for whom the caller may ask; absent: for oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<String>,
    /// Whether in an emergency: under the policy for that, always with a reason, told at once and
    /// reviewed afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
}

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// `auto_approved`, `needs_approval` or `refused`.
    pub verdict: String,
    /// Why it cannot be asked like this; empty unless refused.
    pub refusals: Vec<Refusal>,
    /// Who would have to approve; empty where nobody has to.
    pub steps: Vec<PreviewStep>,
    /// What happens under the policies to which deadlines of these steps lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherPolicy>,
    /// The policy it would be asked under.
    pub policy: PolicyName,
    /// Who would hold it, where that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<Who>,
    /// The Identity Center group that would hold it, where it is asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<HolderGroup>,
    /// Who is in that group; absent where it is asked for no group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_members: Option<GroupMembers>,
    /// The longest one may ask for, in seconds.
    pub max_duration_seconds: i64,
    /// How often it would be asked whether it is still needed, in seconds, were it asked for until it
    /// is revoked; absent where that may not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_every_seconds: Option<i64>,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// Its least number of characters.
    pub reason_min_length: u32,
    /// How the reference to a ticket is given; absent where none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketAsked>,
    /// When the password is wanted again, given within the last 5 minutes: of whoever asks (`asking`),
    /// of whoever approves (`approving`) or of both (`both`); absent where of nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<String>,
    /// The rule of the policy that applies; absent where none does, and what the policy says
    /// otherwise holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What was found of its rules, in their order, up to the one that applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedRule>,
    /// How it may be asked for in an emergency instead; absent where not at all, and where this is
    /// about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyOffer>,
    /// How many people would be told at once, where it is asked in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<usize>,
    /// Within how long it would be reviewed afterwards, in seconds, where it is asked in an
    /// emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_within_seconds: Option<i64>,
    /// What duty rules have against it: also where it may go on, with an exception or because it is an
    /// emergency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<DutyConflict>,
}

/// How the reference to a ticket is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketAsked {
    /// Whether it must be given.
    pub required: bool,
    /// What all of it must match: a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What it looks like, as the policy's author says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What was found of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriedRule {
    /// Its name.
    pub name: String,
    /// What it asks, in Cedar; told to those who may see policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether that is true.
    pub applies: bool,
    /// Why it cannot be told; then nothing can be asked for under this policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One reason why something cannot be asked for like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// The stable word.
    #[schema(example = "duration_over_policy")]
    pub code: String,
    /// What to do.
    pub detail: String,
}

/// One step somebody would have to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewStep {
    /// Its name.
    pub name: String,
    /// How many different people must approve.
    pub needed: u32,
    /// Everybody it names, and why some of them could not.
    pub approvers: Vec<PreviewApprover>,
    /// Who may approve as well while too few of them could, or once it is late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Who>,
    /// How long after its begin they are reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_seconds: Option<i64>,
    /// How long after its begin the fallback approvers may approve as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_seconds: Option<i64>,
    /// What happens when it has not been approved in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<crate::policies::Deadline>,
    /// How long it waits, where nobody has to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<i64>,
    /// Who may hand a place in it on to somebody else, where that are not its approvers:
    /// `administrators` or `nobody`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reassign: Option<String>,
}

/// What happens under a policy to which a deadline leads. Its version and its rule are pinned when the
/// request is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OtherPolicy {
    /// The policy, and the version that counts.
    pub policy: PolicyName,
    /// The rule of it that applies; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Who would have to approve then. At the first of them whatever the first policy still needed
    /// beyond all that these need is needed beside.
    pub steps: Vec<PreviewStep>,
    /// Why a request that comes there is denied, where it is: nobody is asked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denies: Option<String>,
}

/// Somebody a step names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewApprover {
    /// Who.
    pub user: Who,
    /// Whether the step names them themselves.
    pub named: bool,
    /// The groups through which it does.
    pub groups: Vec<String>,
    /// What they are to whoever asks, or to what is asked for, where that is why: `manager`,
    /// `application_owner`, `connection_owner`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Whether a condition of the step is true of them.
    #[serde(default)]
    pub condition: bool,
    /// `own_request`, `delegate_of_requester` or `unable`, if they could not decide on this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<String>,
    /// While they are away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Away>,
}

/// A policy version as people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyName {
    /// `pol_…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which version, counted from 1.
    pub number: i64,
}

/// A person, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Who {
    /// `usr_…`
    pub id: String,
    /// As people call them.
    pub name: String,
}

/// Somebody for whom the caller may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Beneficiary {
    /// `usr_…`
    pub id: String,
    /// As people call them.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// Ask for access, for oneself, for somebody else or for an Identity Center group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// `ent_…`
    pub entitlement: String,
    /// For how long, in seconds, from the moment the access is there. Either this or `until_revoked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 7200)]
    pub duration_seconds: Option<i64>,
    /// Whether until it is revoked, where that may be: its owners are asked again and again then whether
    /// it is still needed, and it ends where they do not say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// The ticket it is about, where the policy asks for one: its number, one line of at most 100
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "CHG-123")]
    pub ticket: Option<String>,
    /// From when (RFC 3339, UTC); absent: as soon as it is approved. Not in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// `prn_…` of the Identity Center group it is for, if not for oneself: a group of the
    /// entitlement's connection, for a permission set on an account. Asked by owners of the
    /// connection or of its application, Connection Admins and Super Admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// `usr_…` of who is to hold it, if not the caller: somebody whose manager they are; for Super
    /// Admins anybody. Asked for can be what they may ask for themselves; neither of the two decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<String>,
    /// Whether in an emergency: under the policy for that, always with a reason, told at once and
    /// reviewed afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
}

/// Ask for several things together, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubmission {
    /// What, each as for one request; 1 to 20.
    pub items: Vec<NewRequest>,
}

/// Several requests that were made together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Submission {
    /// `sub_…`
    pub id: String,
    /// When (RFC 3339, UTC).
    pub submitted_at: String,
    /// Its requests that the caller may see, in the order they were asked; each has its own
    /// approvers and its own answer.
    pub requests: Vec<RequestLine>,
}

/// Say something about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// What; at most 2000 characters. It is never changed, and stays in the audit log.
    pub text: String,
    /// Whether whoever asked for access is to answer it; the request waits for nothing.
    #[serde(default)]
    pub question: bool,
}

/// Ask for access to go on. What is absent is as it was asked for before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// For how much longer, in seconds; if absent as long as it was asked for first, or as long as
    /// may be asked for now, if that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket it is about; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Approve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Shown on the request.
    #[serde(default)]
    pub comment: String,
}

/// Nothing to say: the verb is in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// Told to the requester; must not be empty.
    pub reason: String,
}

/// Hand on a place in the step a request waits at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reassign {
    /// To whom: an e-mail address, or the id (`usr_…`) of somebody who had a place there, or, for who
    /// sees users, of anybody.
    pub to: String,
    /// Why: kept, and read by whoever sees the request; must not be empty.
    pub reason: String,
    /// Whose place (`usr_…`): when absent one's own, or that of whom one decides for. A Policy Admin or
    /// Super Admin may name anybody who can decide; one who cannot decide themselves and names nobody has
    /// who they name asked beside the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// That a place in a step was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Handover {
    /// Whose it was; absent where an administrator named somebody beside those who were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Who>,
    /// Who has it since.
    pub to: Who,
    /// Who handed it on.
    pub by: Who,
    /// Whether they did as an administrator.
    pub administrator: bool,
    /// Why.
    pub reason: String,
    /// RFC 3339, UTC.
    pub at: String,
}

/// A request in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestLine {
    /// `req_…`
    pub id: String,
    /// What was asked for.
    pub entitlement: EntitlementName,
    /// Who asked.
    pub requester: Who,
    /// Who would hold it, or is answerable where a group would.
    pub beneficiary: Who,
    /// The Identity Center group that would hold it, where it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<HolderGroup>,
    /// Why.
    pub reason: String,
    /// The ticket it is about, as whoever asked wrote it; Stint does not know whether there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Where people look that up, as the policy it was asked under says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_link: Option<String>,
    /// For how long, in seconds; where it is asked for until it is revoked, until its end if nobody
    /// answers its first review.
    pub duration_seconds: i64,
    /// How often it is asked whether it is still needed, in seconds, where it is asked for until it is
    /// revoked; absent: it is asked for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_every_seconds: Option<i64>,
    /// From when, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// `pending`, `approved`, `denied` or `cancelled`.
    pub state: String,
    /// RFC 3339, UTC.
    pub submitted_at: String,
    /// When it was answered or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// With which others it was asked for (`sub_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// The grant it is to extend (`grt_…`), where it is for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Whether it was asked in an emergency.
    #[serde(default)]
    pub emergency: bool,
    /// The request that was raised to this one (`req_…`), where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_from: Option<String>,
}

/// An Identity Center group a request is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolderGroup {
    /// `prn_…`
    pub id: String,
    /// As AWS calls it.
    pub name: String,
}

/// Somebody in the Identity Center group a request is for: they would hold the access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMember {
    /// As the directory of AWS calls them.
    pub name: String,
    /// Who that is, where a link is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// The members of the group a request is for, as AWS was last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMembers {
    /// How many there are.
    pub count: usize,
    /// By name; the first thousand.
    pub members: Vec<GroupMember>,
}

/// A request with everything there is to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// What the lists show of it.
    #[serde(flatten)]
    pub line: RequestLine,
    /// The policy version it was asked under, and is decided by.
    pub policy: PolicyName,
    /// The rule of that version that applied when it was asked; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When that version wants the password again, given within the last 5 minutes: of whoever asks
    /// (`asking`), of whoever approves (`approving`) or of both (`both`); absent where of nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<String>,
    /// The steps of that version; behind them those of another policy, once the request goes on under one.
    pub steps: Vec<RequestStep>,
    /// The versions of other policies to which deadlines of its steps lead, pinned with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<PolicyName>,
    /// Whom it waits for; absent once it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Who is in the group it is for now; absent where it is for no group, and once it is answered
    /// and nothing it gave is held any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_members: Option<GroupMembers>,
    /// What it gave; empty until it is approved.
    pub grants: Vec<RequestGrant>,
    /// The latest request to extend what it gave (`req_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// The request it was raised to, and cancelled by (`req_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_to: Option<String>,
    /// The review of what it gave in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewState>,
    /// What happened, oldest first, with what was done in AWS.
    pub timeline: Vec<Happening>,
    /// What the caller may do now: some of `approve`, `deny`, `reassign`, `cancel`, `raise`,
    /// `return`, `extend`. Who sees a request may comment on it.
    pub may: Vec<String>,
    /// For `If-Match`.
    pub version: i64,
    /// What duty rules had against it when it was asked, and it went on all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<DutyConflict>,
}

/// One step of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestStep {
    /// Its name.
    pub name: String,
    /// How many different people must approve.
    pub needed: u32,
    /// The policy it is of, by name, where that is another than the request was asked under: a deadline
    /// led there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What happens when it has not been approved in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<crate::policies::Deadline>,
    /// `done`, `moved_on` (nobody decided in time, the next step or another policy decided in its place),
    /// `now`, `later`, `denied` or `dropped` (the request ended before, or went on under another policy).
    pub state: String,
    /// Places in it that were handed on, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed: Vec<Handover>,
    /// Who decided, oldest first.
    pub decisions: Vec<Decision>,
}

/// Somebody's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Whose.
    pub by: Who,
    /// For whom, where they decided as a delegate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Who>,
    /// `approve` or `deny`.
    pub answer: String,
    /// What they said.
    pub comment: String,
    /// RFC 3339, UTC.
    pub at: String,
}

/// Somebody who could decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approver {
    /// `usr_…`
    pub id: String,
    /// As people call them.
    pub name: String,
    /// For whom, where they would decide as a delegate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Who>,
    /// While they are away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Away>,
    /// By what they are asked, where a place was handed to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed: Option<Handover>,
}

/// That somebody is away and another decides for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Away {
    /// Until when (RFC 3339, UTC).
    pub until: String,
    /// Who decides for them.
    pub delegate: Who,
}

/// Whom a request waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// The step's name.
    pub step: String,
    /// How many more people must approve it.
    pub still: u32,
    /// Who could decide now.
    pub who: Vec<Approver>,
    /// When the step is over by itself, if ever (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When it expires, if nobody has answered it by then (RFC 3339, UTC).
    pub expires: String,
    /// Whether fewer people could decide than are needed: somebody has to add approvers.
    pub stuck: bool,
}

/// A grant a request opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestGrant {
    /// `grt_…`
    pub id: String,
    /// Where it stands.
    pub status: String,
    /// When it starts or started.
    pub start: String,
    /// When it ends or ended, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How it is had until it is revoked, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_revoked: Option<crate::grants::KeptUntilRevoked>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Happening {
    /// RFC 3339, UTC.
    pub at: String,
    /// The stable word.
    #[schema(example = "request.approved")]
    pub what: String,
    /// In a sentence.
    pub text: String,
    /// Who did it, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// AWS's id of the call, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_request_id: Option<String>,
}

/// A draft of a policy, to be held against the requests of the last days.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReplay {
    /// The draft.
    pub body: crate::policies::PolicyBody,
    /// How many days back, from 1 to 366; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

/// What a draft would have said to the requests of the last days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// How many requests were asked under the policy in that time, as far as looked at.
    pub requests: usize,
    /// Whether there were more than are looked at.
    pub more: bool,
    /// How many it would answer otherwise.
    pub changed: usize,
    /// How many it would leave as they were answered.
    pub same: usize,
    /// To how many each rule of the draft would apply, in their order.
    pub rules: Vec<ReplayedRule>,
    /// To how many no rule would apply.
    pub otherwise: usize,
    /// For how many a rule could not be asked: they would be refused.
    pub unanswered: usize,
    /// The newest 200 of those it would answer otherwise.
    pub examples: Vec<ReplayedRequest>,
}

/// How often a rule of a draft would have applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRule {
    /// Its name.
    pub name: String,
    /// To how many requests; 0 is worth a second look.
    pub requests: usize,
}

/// A request that a draft would answer otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRequest {
    /// `req_…`
    pub request: String,
    /// Who asked.
    pub requester: Who,
    /// For what.
    pub entitlement_name: String,
    /// For how long, in seconds.
    pub duration_seconds: i64,
    /// How often it is asked whether it is still needed, in seconds, where it was asked for until it is
    /// revoked; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_every_seconds: Option<i64>,
    /// When (RFC 3339, UTC).
    pub submitted_at: String,
    /// What the version pinned on it says, in words.
    pub before: String,
    /// What the draft says, in words.
    pub after: String,
}

/// Somebody's question, as if they asked it now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDryRun {
    /// Who would ask, for themselves (`usr_…`).
    pub user: String,
    /// For what (`ent_…`).
    pub entitlement: String,
    /// For how long, in seconds; absent: as long as is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// Whether until it is revoked, instead of for a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// From when (RFC 3339); absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Why; absent: not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket it is about; absent: not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Under this policy (`pol_…`); absent: the entitlement's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// A draft in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<crate::policies::PolicyBody>,
}

/// What would happen if somebody asked now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// `auto_approved`, `needs_approval` or `refused`.
    pub verdict: String,
    /// Whether they could ask for it at all: it is in a catalog of theirs, with a policy.
    pub offered: bool,
    /// What is asked for, by name.
    pub entitlement_name: String,
    /// Why it could not be asked like this; empty unless refused.
    pub refusals: Vec<Refusal>,
    /// Who would have to approve; empty where nobody has to.
    pub steps: Vec<PreviewStep>,
    /// What would happen under the policies to which deadlines of these steps lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherPolicy>,
    /// The rule that applies; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What was found of the rules, in their order, up to the one that applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedRule>,
    /// The longest they could ask for, in seconds.
    pub max_duration_seconds: i64,
    /// When the password would be wanted again: `asking`, `approving` or `both`; absent where never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<String>,
    /// How often it would be asked whether it is still needed, in seconds, were it asked for until it
    /// is revoked; absent where that may not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_every_seconds: Option<i64>,
}
