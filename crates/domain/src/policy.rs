//! Policies: Stint's rules that route a question to the people who may answer it.
//!
//! A [`PolicyBody`] is one immutable version. It is checked when it is saved
//! ([`PolicyBody::check`]), asked before and when a request is submitted
//! ([`PolicyBody::evaluate`]) and then pinned to that request: [`crate::request`] decides
//! by the pinned version, whatever is written later. Who is in a group is never part of a
//! version; it comes in as [`People`], read at the moment of the question.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{GroupId, Span, Time, UserId};

mod check;
#[cfg(test)]
mod tests;

pub use check::{BodyFault, MAX_STEPS};

/// The shortest duration that may be asked for.
pub const SHORTEST: Span = Span::minutes(1);
/// The longest a policy may allow.
pub const LONGEST: Span = Span::hours(24 * 365);
/// How far ahead a start may lie.
pub const FARTHEST_START: Span = Span::hours(24 * 90);
/// The longest reason or comment, in characters.
pub const LONGEST_TEXT: usize = 2_000;

/// One version of a policy. Immutable once saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// How the answer comes about.
    pub route: Route,
    /// The longest access it allows.
    pub max_duration: Span,
    /// What must be said when asking.
    #[serde(default)]
    pub reason: ReasonRule,
    /// Whether requester and beneficiary may decide too, where they are approvers.
    #[serde(default)]
    pub allow_self_approval: bool,
}

/// How the answer comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Approved at submission, by nobody.
    AutoApprove,
    /// Every step, in this order. No person counts for two steps.
    Steps(Vec<Step>),
}

/// One step: enough of these people must approve; one of them denying ends the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What people see ("Platform").
    pub name: String,
    /// Approvers by name.
    #[serde(default)]
    pub users: BTreeSet<UserId>,
    /// Groups whose members are approvers, as they are when somebody decides.
    #[serde(default)]
    pub groups: BTreeSet<GroupId>,
    /// How many different people must approve.
    pub needed: u32,
}

/// What must be said when asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonRule {
    /// Whether a reason must be given at all.
    pub required: bool,
    /// The shortest reason accepted, in characters, when one is required.
    #[serde(default)]
    pub min_length: u32,
}

/// Who could decide, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    /// Members of every group the policy names. A group that does not exist is absent.
    pub groups: BTreeMap<GroupId, BTreeSet<UserId>>,
    /// Of all users concerned: those who are active and whose roles let them decide.
    pub able: BTreeSet<UserId>,
}

/// What somebody asks for, as far as a policy cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub requester: UserId,
    /// Who would hold the access.
    pub beneficiary: UserId,
    /// Who would hold it as well: the people in the Identity Center group it is for.
    pub members: BTreeSet<UserId>,
    /// For how long.
    pub duration: Span,
    /// From when; at once if absent.
    pub start: Option<Time>,
    /// Why.
    pub reason: String,
    /// The entitlement's own limit, where it has one below the policy's.
    pub entitlement_max: Option<Span>,
}

/// What a policy says to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody needs to approve.
    AutoApproved,
    /// These steps, in order; enough people could decide each of them.
    NeedsSteps(Vec<ExplainedStep>),
    /// It cannot be asked like this: every reason there is, never empty.
    Refused(Vec<Refusal>),
}

/// A step with the people behind it, for those who want to know before they ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedStep {
    /// The step's name.
    pub name: String,
    /// How many different people must approve.
    pub needed: u32,
    /// Everybody the step names, directly or through groups, in the order of their ids.
    pub approvers: Vec<Approver>,
}

/// Somebody a step names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub user: UserId,
    /// Whether the step names them themselves.
    pub named: bool,
    /// The groups of the step they are in.
    pub groups: Vec<GroupId>,
    /// Why they could not decide on this one after all.
    pub hindrance: Option<Hindrance>,
}

/// Why somebody a step names could not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// They ask, or it is for them, and the policy does not allow that.
    OwnRequest,
    /// They are not active, or a role of theirs decides nothing.
    Unable,
}

/// Why something cannot be asked for like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than allowed.
    #[error("{asked} is longer than the {longest} allowed here: ask for {longest} or less")]
    DurationOverPolicy {
        /// What was asked.
        asked: Span,
        /// The lower of the policy's and the entitlement's limit.
        longest: Span,
    },
    /// Too short to be of use, or not positive.
    #[error("{asked} is too short: ask for at least {SHORTEST}")]
    DurationTooShort {
        /// What was asked.
        asked: Span,
    },
    /// A reason must be given.
    #[error("this policy wants a reason: say what the access is for")]
    ReasonRequired,
    /// The reason says too little.
    #[error(
        "the reason has {length} characters, this policy wants at least {min_length}: say a little more"
    )]
    ReasonTooShort {
        /// Characters given.
        length: usize,
        /// Characters wanted.
        min_length: u32,
    },
    /// The reason is endless.
    #[error("the reason has {length} characters: at most {LONGEST_TEXT} are kept")]
    ReasonTooLong {
        /// Characters given.
        length: usize,
    },
    /// The start lies behind us.
    #[error("the start {start} is in the past: leave it out to start at once")]
    StartInPast {
        /// What was asked.
        start: Time,
    },
    /// The start lies too far ahead.
    #[error("the start {start} is more than {FARTHEST_START} ahead: ask again nearer to it")]
    StartTooFar {
        /// What was asked.
        start: Time,
    },
    /// Nobody, or not enough different people, could approve it.
    #[error(
        "nobody could approve this: {names} would need {needed} different people and has {possible}. A Policy Admin can add approvers"
    )]
    NoPossibleApprover {
        /// The steps that are short, by name.
        names: String,
        /// How many different people they need together.
        needed: u32,
        /// How many there are.
        possible: u32,
    },
}

impl Refusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DurationOverPolicy { .. } => "duration_over_policy",
            Self::DurationTooShort { .. } => "duration_too_short",
            Self::ReasonRequired => "reason_required",
            Self::ReasonTooShort { .. } => "reason_too_short",
            Self::ReasonTooLong { .. } => "reason_too_long",
            Self::StartInPast { .. } => "start_in_past",
            Self::StartTooFar { .. } => "start_too_far",
            Self::NoPossibleApprover { .. } => "no_possible_approver",
        }
    }
}

impl PolicyBody {
    /// The steps; none where it approves by itself.
    pub fn steps(&self) -> &[Step] {
        match &self.route {
            Route::AutoApprove => &[],
            Route::Steps(steps) => steps,
        }
    }

    /// Everybody and every group any step names: what [`People`] must be read for.
    pub fn sources(&self) -> (BTreeSet<UserId>, BTreeSet<GroupId>) {
        let users = self.steps().iter().flat_map(|s| s.users.iter().copied());
        let groups = self.steps().iter().flat_map(|s| s.groups.iter().copied());
        (users.collect(), groups.collect())
    }

    /// What this policy says to somebody who asks now.
    pub fn evaluate(&self, ask: &Ask, people: &People, now: Time) -> Verdict {
        let mut refusals = self.refusals(ask, now);
        let steps = self.explain(ask, people);
        refusals.extend(shortage(&steps));
        if !refusals.is_empty() {
            return Verdict::Refused(refusals);
        }
        match self.route {
            Route::AutoApprove => Verdict::AutoApproved,
            Route::Steps(_) => Verdict::NeedsSteps(steps),
        }
    }

    /// Who would have to approve, and which of them could not. Empty where nobody has to.
    pub fn explain(&self, ask: &Ask, people: &People) -> Vec<ExplainedStep> {
        let own = |user| {
            !self.allow_self_approval
                && (user == ask.requester || user == ask.beneficiary || ask.members.contains(&user))
        };
        self.steps()
            .iter()
            .map(|step| ExplainedStep {
                name: step.name.clone(),
                needed: step.needed,
                approvers: (step.everybody(people).into_iter())
                    .map(|(user, groups)| Approver {
                        user,
                        named: step.users.contains(&user),
                        groups,
                        hindrance: if own(user) {
                            Some(Hindrance::OwnRequest)
                        } else if !people.able.contains(&user) {
                            Some(Hindrance::Unable)
                        } else {
                            None
                        },
                    })
                    .collect(),
            })
            .collect()
    }

    /// The longest that may be asked for where the entitlement has this limit of its own.
    pub fn longest(&self, entitlement_max: Option<Span>) -> Span {
        entitlement_max.map_or(self.max_duration, |max| max.min(self.max_duration))
    }

    fn refusals(&self, ask: &Ask, now: Time) -> Vec<Refusal> {
        let longest = self.longest(ask.entitlement_max);
        let length = ask.reason.trim().chars().count();
        let min_length = self.reason.min_length;
        let asked = ask.duration;
        let duration = if asked < SHORTEST {
            Some(Refusal::DurationTooShort { asked })
        } else {
            (asked > longest).then_some(Refusal::DurationOverPolicy { asked, longest })
        };
        let reason = if length == 0 {
            self.reason.required.then_some(Refusal::ReasonRequired)
        } else if length > LONGEST_TEXT {
            Some(Refusal::ReasonTooLong { length })
        } else {
            (self.reason.required && length < usize::try_from(min_length).unwrap_or(usize::MAX))
                .then_some(Refusal::ReasonTooShort { length, min_length })
        };
        let start = ask.start.and_then(|start| {
            if start < now {
                Some(Refusal::StartInPast { start })
            } else {
                (start > now + FARTHEST_START).then_some(Refusal::StartTooFar { start })
            }
        });
        duration.into_iter().chain(reason).chain(start).collect()
    }
}

impl Step {
    /// Everybody the step names now, with the groups they are in.
    pub(crate) fn everybody(&self, people: &People) -> BTreeMap<UserId, Vec<GroupId>> {
        let mut all: BTreeMap<UserId, Vec<GroupId>> =
            self.users.iter().map(|user| (*user, Vec::new())).collect();
        for group in &self.groups {
            for user in people.groups.get(group).into_iter().flatten() {
                all.entry(*user).or_default().push(*group);
            }
        }
        all
    }
}

impl ExplainedStep {
    /// Those who could decide.
    pub fn possible(&self) -> BTreeSet<UserId> {
        (self.approvers.iter())
            .filter(|a| a.hindrance.is_none())
            .map(|a| a.user)
            .collect()
    }
}

/// The steps that cannot all get enough *different* people, if any.
pub(crate) fn shortage(steps: &[ExplainedStep]) -> Option<Refusal> {
    let wants: Vec<_> = steps.iter().map(|s| (s.needed, s.possible())).collect();
    let short = short_steps(&wants)?;
    let of = |f: &dyn Fn(&ExplainedStep) -> String| {
        let picked: Vec<_> = (steps.iter().enumerate())
            .filter(|(i, _)| short.contains(i))
            .map(|(_, s)| f(s))
            .collect();
        picked.join(" and ")
    };
    let possible: BTreeSet<_> = (wants.iter().enumerate())
        .filter(|(i, _)| short.contains(i))
        .flat_map(|(_, (_, who))| who.iter().copied())
        .collect();
    let needed = (wants.iter().enumerate())
        .filter(|(i, _)| short.contains(i))
        .fold(0u32, |sum, (_, (n, _))| sum.saturating_add(*n));
    Some(Refusal::NoPossibleApprover {
        names: of(&|s| format!("“{}”", s.name)),
        needed,
        possible: u32::try_from(possible.len()).unwrap_or(u32::MAX),
    })
}

/// The smallest set of steps that together have fewer people than they need (Hall's
/// theorem: without such a set, everybody can be spread over the steps).
pub(crate) fn short_steps(wants: &[(u32, BTreeSet<UserId>)]) -> Option<BTreeSet<usize>> {
    // MAX_STEPS keeps this below 256 sets.
    let mut subsets: Vec<u32> = (1..1u32 << wants.len().min(MAX_STEPS)).collect();
    subsets.sort_by_key(|bits| (bits.count_ones(), *bits));
    subsets.into_iter().find_map(|bits| {
        let picked: BTreeSet<usize> = (0..wants.len()).filter(|i| bits >> i & 1 == 1).collect();
        let chosen = || wants.iter().enumerate().filter(|(i, _)| picked.contains(i));
        let needed: u64 = chosen().map(|(_, (n, _))| u64::from(*n)).sum();
        let there: BTreeSet<_> = chosen().flat_map(|(_, (_, who))| who).collect();
        (u64::try_from(there.len()).unwrap_or(u64::MAX) < needed).then_some(picked)
    })
}
