//! What the passing of time does to a request: reminders, steps that wait, deadlines.

use std::collections::BTreeSet;

use super::{Approval, Question, Request, State, Verb};
use crate::policy::{People, Step, filled};
use crate::{Span, Time};

/// What the passing of time led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// The approvers of this step, who have not decided, are to be reminded.
    Remind {
        /// Counted from 0.
        step: usize,
    },
    /// This step is late: who stands in may approve it as well, and is to be told.
    Late {
        /// Counted from 0.
        step: usize,
    },
    /// A step has waited long enough, or its question moves on, and this one begins: the first of
    /// another policy's, where it goes on under that ([`Question::begins`]).
    Step {
        /// Counted from 0.
        next: usize,
        /// How many are needed there beside its own.
        carried: u32,
    },
    /// The last step has waited long enough: the grants are to be opened in the same transaction.
    Approved,
    /// Nobody decided in time: it is over.
    Denied,
}

impl Request {
    /// When the clock has something to do with it next, if ever: see [`Request::pass`].
    pub fn due(&self) -> Option<Time> {
        let current = self.current(Verb::Approve).ok()?;
        let State::Pending { reminded, late, .. } = self.state else {
            return None;
        };
        let step = current.step;
        let remind = step.remind.filter(|_| !reminded);
        let opens = step.late.filter(|_| !late);
        let times = [step.wait, remind, opens, step.deadline.map(|it| it.after)];
        (times.into_iter().flatten())
            .map(|after| current.since + after)
            .chain([self.question.expires()])
            .min()
    }

    /// When the step it waits at ends by itself, if ever.
    fn ends_at(&self) -> Option<Time> {
        let current = self.current(Verb::Approve).ok()?;
        let step = current.step;
        let ends = step.wait.or(step.deadline.map(|it| it.after));
        ends.map(|after| current.since + after)
    }

    /// What the passing of time does to it: one thing at a time, the earliest. Nothing before
    /// [`Request::due`]. A worker that slept finds what it missed one after the other, each step
    /// beginning when the one before it was over.
    pub fn pass(self, now: Time) -> (Self, Option<Passed>) {
        if self.due().is_none_or(|due| now < due) {
            return (self, None);
        }
        // What would have ended the step later comes too late, whatever else was missed.
        let expires = self.question.expires();
        if expires <= now && self.ends_at().is_none_or(|at| at >= expires) {
            return self.expired(now);
        }
        let Self {
            question,
            state,
            handed,
        } = self;
        let (state, passed) = passed(&question, state, now);
        let request = Self {
            question,
            state,
            handed,
        };
        (request, passed)
    }

    /// Nobody has answered as long as it was open.
    fn expired(self, now: Time) -> (Self, Option<Passed>) {
        let step = match self.state {
            State::Pending { step, .. } => step,
            _ => return (self, None),
        };
        let Self {
            question,
            mut state,
            handed,
        } = self;
        let open_for = question.policy.open_for();
        let state = State::Denied {
            at: now,
            by: None,
            step,
            reason: format!("It has expired: nobody answered within {open_for}."),
            approvals: state.take_approvals(),
        };
        let request = Self {
            question,
            state,
            handed,
        };
        (request, Some(Passed::Denied))
    }
}

/// What the time that has come by `now` does to the state of a request that asks this.
fn passed(question: &Question, state: State, now: Time) -> (State, Option<Passed>) {
    let State::Pending {
        step: index,
        since,
        carried,
        reminded,
        late,
        approvals,
    } = state
    else {
        return (state, None);
    };
    let stays = |reminded, late, approvals| State::Pending {
        step: index,
        since,
        carried,
        reminded,
        late,
        approvals,
    };
    let Some(step) = question.step(index) else {
        return (stays(reminded, late, approvals), None);
    };
    let over = |after: Span| since + after <= now;
    let next = question.next(index);
    if let Some(wait) = step.wait.filter(|wait| over(*wait)) {
        // What an earlier step was short of is not forgotten by waiting.
        if let Some(next) = next {
            let state = State::at_step(next, since + wait, carried, approvals);
            return (state, Some(Passed::Step { next, carried }));
        }
        if carried == 0 {
            let state = State::Approved { at: now, approvals };
            return (state, Some(Passed::Approved));
        }
        let state = State::Denied {
            at: now,
            by: None,
            step: index,
            reason: format!("Nobody decided in time: {carried} approvals were still needed."),
            approvals,
        };
        return (state, Some(Passed::Denied));
    }
    if let Some(deadline) = step.deadline.filter(|it| over(it.after)) {
        let short = still_needed(step, carried, index, &approvals);
        if let Some((next, carried)) = question.goes(index, deadline.then, short) {
            let state = State::at_step(next, since + deadline.after, carried, approvals);
            return (state, Some(Passed::Step { next, carried }));
        }
        let own = || {
            let number = question.place_of(index) + 1;
            format!(
                "Nobody decided in time: step {number} (“{}”) was short of {short} when its {} were over.",
                step.name, deadline.after
            )
        };
        let reason = question.denied_there(deadline.then).unwrap_or_else(own);
        let state = State::Denied {
            at: now,
            by: None,
            step: index,
            reason,
            approvals,
        };
        return (state, Some(Passed::Denied));
    }
    // Of the two the earlier first.
    let remind = step.remind.filter(|it| !reminded && over(*it));
    let opens = step.late.filter(|it| !late && over(*it));
    match (remind, opens) {
        (Some(at), opens) if opens.is_none_or(|other| at <= other) => {
            let passed = Passed::Remind { step: index };
            (stays(true, late, approvals), Some(passed))
        }
        (_, Some(_)) => {
            let passed = Passed::Late { step: index };
            (stays(reminded, true, approvals), Some(passed))
        }
        (_, None) => (stays(reminded, late, approvals), None),
    }
}

/// How many approvals a step is short of.
fn still_needed(step: &Step, carried: u32, index: usize, approvals: &[Approval]) -> u32 {
    let parts = step.parts(&People::default(), |_| false, carried, false);
    let places: Vec<u32> = parts.iter().map(|part| part.needed).collect();
    let given: Vec<BTreeSet<usize>> = (approvals.iter())
        .filter(|a| a.step == index)
        .map(|a| a.parts.clone())
        .collect();
    let total = places.iter().fold(0u32, |sum, n| sum.saturating_add(*n));
    total.saturating_sub(filled(&places, &given))
}
