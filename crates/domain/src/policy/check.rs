//! What is checked when a version is saved: every fault at once, so that a form can show
//! them beside their fields.

use std::collections::BTreeSet;

use super::{LONGEST, LONGEST_TEXT, People, PolicyBody, Route, SHORTEST, Step, short_steps};
use crate::{GroupId, UserId};

/// The most steps a policy may have.
pub const MAX_STEPS: usize = 8;
/// The longest name of a step, in characters.
const LONGEST_NAME: usize = 80;

/// Why a version cannot be saved. Steps are counted from 1, as people see them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// Steps were chosen and none is given.
    #[error("a policy needs at least one step, or says that it approves by itself")]
    NoSteps,
    /// More steps than anybody would wait for.
    #[error("{steps} steps are more than the {MAX_STEPS} a policy may have")]
    TooManySteps {
        /// How many.
        steps: usize,
    },
    /// A step without a name, or with an endless one.
    #[error("step {step} needs a name of 1 to 80 characters")]
    StepName {
        /// Which.
        step: usize,
    },
    /// A step names nobody.
    #[error("step {step} names no approver: add a user or a group")]
    NoApprover {
        /// Which.
        step: usize,
    },
    /// A step needs no approval at all.
    #[error("step {step} needs nobody's approval: need at least 1, or remove the step")]
    NeedsNobody {
        /// Which.
        step: usize,
    },
    /// A step names a user who cannot decide.
    #[error(
        "step {step} names {user}, who is no active user or has a role that decides nothing (Helpdesk, Auditor)"
    )]
    UserUnable {
        /// Which.
        step: usize,
        /// Whom.
        user: UserId,
    },
    /// A step names a group that does not exist.
    #[error("step {step} names {group}, which does not exist")]
    UnknownGroup {
        /// Which.
        step: usize,
        /// What.
        group: GroupId,
    },
    /// A step needs more people than it names.
    #[error(
        "step {step} needs {needed} approvals and has {possible} active approvers: need fewer or add approvers"
    )]
    NeedsTooMany {
        /// Which.
        step: usize,
        /// How many it needs.
        needed: u32,
        /// How many there are.
        possible: usize,
    },
    /// Each step has enough people, but they are the same ones.
    #[error(
        "steps {steps} together need {needed} different people and have {possible}: nobody counts for two steps"
    )]
    StepsShareApprovers {
        /// Which, as people would write it ("1 and 2").
        steps: String,
        /// How many they need together.
        needed: u32,
        /// How many there are.
        possible: usize,
    },
    /// A longest duration below the shortest or beyond a year.
    #[error("the longest duration must be between {SHORTEST} and {LONGEST}")]
    Duration,
    /// A reason longer than is kept, or a length without a reason.
    #[error(
        "the shortest reason must be at most {LONGEST_TEXT} characters, and 0 where no reason is required"
    )]
    ReasonLength,
}

impl BodyFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSteps => "no_steps",
            Self::TooManySteps { .. } => "too_many_steps",
            Self::StepName { .. } => "step_name",
            Self::NoApprover { .. } => "no_approver",
            Self::NeedsNobody { .. } => "needs_nobody",
            Self::UserUnable { .. } => "approver_unable",
            Self::UnknownGroup { .. } => "unknown_group",
            Self::NeedsTooMany { .. } => "needs_too_many",
            Self::StepsShareApprovers { .. } => "steps_share_approvers",
            Self::Duration => "policy_duration",
            Self::ReasonLength => "reason_length",
        }
    }

    /// The field it belongs to, as the API names it.
    pub fn field(&self) -> String {
        match self {
            Self::NoSteps | Self::TooManySteps { .. } | Self::StepsShareApprovers { .. } => {
                "steps".to_owned()
            }
            Self::StepName { step } => format!("steps[{}].name", step - 1),
            Self::NoApprover { step } | Self::UserUnable { step, .. } => {
                format!("steps[{}].users", step - 1)
            }
            Self::UnknownGroup { step, .. } => format!("steps[{}].groups", step - 1),
            Self::NeedsNobody { step } | Self::NeedsTooMany { step, .. } => {
                format!("steps[{}].needed", step - 1)
            }
            Self::Duration => "max_duration_seconds".to_owned(),
            Self::ReasonLength => "reason.min_length".to_owned(),
        }
    }
}

impl PolicyBody {
    /// Whether this may be saved, with the people there are now. All faults, in the order
    /// of the fields.
    pub fn check(&self, people: &People) -> Result<(), Vec<BodyFault>> {
        let mut faults = Vec::new();
        if let Route::Steps(steps) = &self.route {
            check_steps(steps, people, &mut faults);
        }
        if self.max_duration < SHORTEST || self.max_duration > LONGEST {
            faults.push(BodyFault::Duration);
        }
        let min_length = usize::try_from(self.reason.min_length).unwrap_or(usize::MAX);
        if min_length > LONGEST_TEXT || (min_length > 0 && !self.reason.required) {
            faults.push(BodyFault::ReasonLength);
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

fn check_steps(steps: &[Step], people: &People, faults: &mut Vec<BodyFault>) {
    if steps.is_empty() {
        faults.push(BodyFault::NoSteps);
    }
    if steps.len() > MAX_STEPS {
        faults.push(BodyFault::TooManySteps { steps: steps.len() });
        return;
    }
    let before = faults.len();
    let mut wants = Vec::new();
    for (step, number) in steps.iter().zip(1..) {
        let possible = check_step(step, number, people, faults);
        wants.push((step.needed, possible));
    }
    if faults.len() > before {
        return;
    }
    if let Some(short) = short_steps(&wants) {
        let chosen = || wants.iter().enumerate().filter(|(i, _)| short.contains(i));
        let there: BTreeSet<_> = chosen().flat_map(|(_, (_, who))| who).collect();
        let numbers: Vec<_> = short.iter().map(|i| (i + 1).to_string()).collect();
        faults.push(BodyFault::StepsShareApprovers {
            steps: numbers.join(" and "),
            needed: chosen().fold(0, |sum, (_, (n, _))| sum.saturating_add(*n)),
            possible: there.len(),
        });
    }
}

fn check_step(
    step: &Step,
    number: usize,
    people: &People,
    faults: &mut Vec<BodyFault>,
) -> BTreeSet<UserId> {
    let possible: BTreeSet<_> = (step.everybody(people).into_keys())
        .filter(|user| people.able.contains(user))
        .collect();
    let name = step.name.trim().chars().count();
    if name == 0 || name > LONGEST_NAME {
        faults.push(BodyFault::StepName { step: number });
    }
    if step.users.is_empty() && step.groups.is_empty() {
        faults.push(BodyFault::NoApprover { step: number });
        return possible;
    }
    for user in step.users.difference(&people.able) {
        faults.push(BodyFault::UserUnable {
            step: number,
            user: *user,
        });
    }
    for group in &step.groups {
        if !people.groups.contains_key(group) {
            faults.push(BodyFault::UnknownGroup {
                step: number,
                group: *group,
            });
        }
    }
    if step.needed == 0 {
        faults.push(BodyFault::NeedsNobody { step: number });
    } else if usize::try_from(step.needed).unwrap_or(usize::MAX) > possible.len() {
        faults.push(BodyFault::NeedsTooMany {
            step: number,
            needed: step.needed,
            possible: possible.len(),
        });
    }
    possible
}
