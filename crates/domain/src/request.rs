//! Requests: asking, and answering. One request as a state machine.
//!
//! A [`Request`] is a [`Question`], which never changes and carries the pinned policy
//! version, and a [`State`]. Who somebody *is* at the moment of a decision (which groups
//! they are in, since when, by whom) comes in as a [`Decider`]; nothing about people is
//! remembered from submission. What becomes of an approved request in AWS is
//! [`crate::grant`]'s business: a request ends when it is answered.
//!
//! The rules, in the order they are asked (invariant 4):
//! 1. Only a pending request is decided or cancelled.
//! 2. Nobody decides what they asked for or would hold, themselves or as a member of the
//!    group it is for, unless the pinned version says so.
//! 3. Nobody decides twice, on one step or on two.
//! 4. Only an approver of the current step decides, as the groups are now; the number
//!    needed is the pinned one, however many people are left.
//! 5. Who put themselves into the group after the submission is no approver of it.

use std::collections::BTreeSet;

use crate::policy::{Ask, LONGEST_TEXT, People, PolicyBody, Refusal, Step, Verdict};
use crate::{GroupId, Time, UserId};

mod refused;
#[cfg(test)]
mod tests;

pub use refused::{Refused, Verb};

/// What was asked, and under which rules. Never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who asked.
    pub requester: UserId,
    /// Who would hold the access.
    pub beneficiary: UserId,
    /// When.
    pub submitted_at: Time,
    /// The policy version pinned at submission.
    pub policy: PolicyBody,
}

/// A request: what was asked, and how far the answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What was asked.
    pub question: Question,
    /// How far it is.
    pub state: State,
}

/// How far a request is, with the facts true in that state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Waits for somebody to decide.
    Pending {
        /// The step it waits at, counted from 0; always one of the policy's.
        step: usize,
        /// Approvals so far, of this and earlier steps.
        approvals: Vec<Approval>,
    },
    /// Everybody needed has approved, or the policy approves by itself.
    Approved {
        /// When the last approval came.
        at: Time,
        /// All of them; none where nobody was needed.
        approvals: Vec<Approval>,
    },
    /// An approver said no.
    Denied {
        /// When.
        at: Time,
        /// Who.
        by: UserId,
        /// At which step, counted from 0.
        step: usize,
        /// Why.
        reason: String,
        /// Approvals that came before.
        approvals: Vec<Approval>,
    },
    /// Taken back before it was answered.
    Cancelled {
        /// When.
        at: Time,
        /// By whom.
        by: UserId,
        /// Approvals that came before.
        approvals: Vec<Approval>,
    },
}

/// One person's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The step it counts for, from 0.
    pub step: usize,
    /// Whose.
    pub by: UserId,
    /// When.
    pub at: Time,
}

/// Somebody who wants to decide, as they are now. A token decides as its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decider {
    /// Who.
    pub user: UserId,
    /// The groups they are in now.
    pub memberships: Vec<Membership>,
    /// Whether they are now a member of the Identity Center group it is for, where it is for
    /// one: they would hold the access too.
    pub benefits: bool,
}

/// One membership of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Of which group.
    pub group: GroupId,
    /// Since when without interruption.
    pub since: Time,
    /// Who added them, where a person did.
    pub added_by: Option<UserId>,
}

/// What somebody says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approve,
    /// No, and why.
    Deny {
        /// Told to the requester; never empty.
        reason: String,
    },
}

/// What an answer, or the submission, led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More approvals are needed at the same step.
    Waiting {
        /// How many.
        still: u32,
    },
    /// A step is complete (or was the first) and this one begins.
    Step {
        /// Counted from 0.
        next: usize,
    },
    /// Nothing is missing: the grants are to be opened in the same transaction.
    Approved,
    /// It is over.
    Denied,
}

/// Whom a pending request waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The current step, counted from 0.
    pub step: usize,
    /// Its name.
    pub name: String,
    /// How many different people must approve it.
    pub needed: u32,
    /// How many more than have.
    pub still: u32,
    /// Of the people asked about, those who may decide now.
    pub who: BTreeSet<UserId>,
}

impl Waiting {
    /// Whether fewer people than needed may decide: nothing moves until an administrator
    /// adds approvers to a group of the step, or the request is cancelled.
    pub fn stuck(&self) -> bool {
        self.who.len() < usize::try_from(self.still).unwrap_or(usize::MAX)
    }
}

impl Request {
    /// Asks. The policy given is pinned: it answers now, and every decision is by it.
    ///
    /// Fails with every [`Refusal`] the policy has.
    pub fn submit(
        policy: PolicyBody,
        ask: &Ask,
        people: &People,
        now: Time,
    ) -> Result<(Self, Progress), Vec<Refusal>> {
        let (state, progress) = match policy.evaluate(ask, people, now) {
            Verdict::Refused(why) => return Err(why),
            Verdict::AutoApproved => (
                State::Approved {
                    at: now,
                    approvals: Vec::new(),
                },
                Progress::Approved,
            ),
            Verdict::NeedsSteps(_) => (
                State::Pending {
                    step: 0,
                    approvals: Vec::new(),
                },
                Progress::Step { next: 0 },
            ),
        };
        let question = Question {
            requester: ask.requester,
            beneficiary: ask.beneficiary,
            submitted_at: now,
            policy,
        };
        Ok((Self { question, state }, progress))
    }

    /// Takes an answer, or says why not.
    pub fn decide(
        self,
        decider: &Decider,
        answer: Answer,
        now: Time,
    ) -> Result<(Self, Progress), Refused> {
        let (verb, reason) = match answer {
            Answer::Approve => (Verb::Approve, None),
            Answer::Deny { reason } => (Verb::Deny, Some(reason)),
        };
        let at_step = self.may_decide(decider, verb)?;
        let (step, needed) = (at_step.index, at_step.step.needed);
        let Self { question, state } = self;
        let mut approvals = state.into_approvals();
        if let Some(reason) = reason {
            let state = State::Denied {
                at: now,
                by: decider.user,
                step,
                reason: checked_reason(&reason)?,
                approvals,
            };
            return Ok((Self { question, state }, Progress::Denied));
        }
        approvals.push(Approval {
            step,
            by: decider.user,
            at: now,
        });
        let still = needed.saturating_sub(count(&approvals, step));
        let (state, progress) = if still > 0 {
            (
                State::Pending { step, approvals },
                Progress::Waiting { still },
            )
        } else if step + 1 < question.policy.steps().len() {
            let next = step + 1;
            let state = State::Pending {
                step: next,
                approvals,
            };
            (state, Progress::Step { next })
        } else {
            (State::Approved { at: now, approvals }, Progress::Approved)
        };
        Ok((Self { question, state }, progress))
    }

    /// Takes the question back. Whether `by` may is the table of rights' question
    /// (requester, beneficiary, Super Admin); that it is still open is checked here.
    pub fn cancel(self, by: UserId, now: Time) -> Result<Self, Refused> {
        self.current(Verb::Cancel)?;
        let Self { question, state } = self;
        let state = State::Cancelled {
            at: now,
            by,
            approvals: state.into_approvals(),
        };
        Ok(Self { question, state })
    }

    /// Whether this person may say this now: the five rules, first that fails.
    pub fn may_decide(&self, decider: &Decider, verb: Verb) -> Result<CurrentStep<'_>, Refused> {
        let current = self.current(verb)?;
        let Question {
            requester,
            beneficiary,
            policy,
            ..
        } = &self.question;
        let own = decider.user == *requester || decider.user == *beneficiary;
        if own && !policy.allow_self_approval {
            return Err(Refused::SelfApproval { verb });
        }
        if decider.benefits && !policy.allow_self_approval {
            return Err(Refused::Benefits { verb });
        }
        if let Some(before) = (self.state.approvals().iter()).find(|a| a.by == decider.user) {
            return Err(Refused::AlreadyDecided {
                step: before.step,
                at: before.at,
            });
        }
        self.approver_of(&current, decider)?;
        Ok(current)
    }

    /// Why it was denied, where it was.
    pub fn denied_because(&self) -> Option<&str> {
        match &self.state {
            State::Denied { reason, .. } => Some(reason),
            State::Pending { .. } | State::Approved { .. } | State::Cancelled { .. } => None,
        }
    }

    /// Whom it waits for, of these people; nothing once it is answered.
    pub fn waiting<'a>(&self, people: impl IntoIterator<Item = &'a Decider>) -> Option<Waiting> {
        let CurrentStep { index, step } = self.current(Verb::Approve).ok()?;
        Some(Waiting {
            step: index,
            name: step.name.clone(),
            needed: step.needed,
            still: step
                .needed
                .saturating_sub(count(self.state.approvals(), index)),
            who: (people.into_iter())
                .filter(|d| self.may_decide(d, Verb::Approve).is_ok())
                .map(|d| d.user)
                .collect(),
        })
    }

    fn approver_of(&self, current: &CurrentStep<'_>, decider: &Decider) -> Result<(), Refused> {
        let step = current.step;
        if step.users.contains(&decider.user) {
            return Ok(());
        }
        let counts = |m: &&Membership| {
            m.added_by != Some(decider.user) || m.since < self.question.submitted_at
        };
        let through: Vec<_> = (decider.memberships.iter())
            .filter(|m| step.groups.contains(&m.group))
            .collect();
        match through.first() {
            _ if through.iter().any(counts) => Ok(()),
            Some(own) => Err(Refused::BecameApproverAfterSubmission {
                group: own.group,
                since: own.since,
            }),
            None => Err(Refused::NotAnApprover {
                step: current.index,
                name: step.name.clone(),
            }),
        }
    }

    /// The step it waits at; refused for `verb` where it waits no more.
    fn current(&self, verb: Verb) -> Result<CurrentStep<'_>, Refused> {
        let state = self.state.as_str();
        let closed = |at, by| {
            Err(Refused::WrongState {
                verb,
                state,
                at,
                by,
            })
        };
        match &self.state {
            State::Pending { step, .. } => match self.question.policy.steps().get(*step) {
                Some(found) => Ok(CurrentStep {
                    index: *step,
                    step: found,
                }),
                // No such step in the pinned version: nobody can be its approver.
                None => Err(Refused::NotAnApprover {
                    step: *step,
                    name: String::new(),
                }),
            },
            State::Approved { at, approvals } => closed(*at, approvals.last().map(|a| a.by)),
            State::Denied { at, by, .. } | State::Cancelled { at, by, .. } => {
                closed(*at, Some(*by))
            }
        }
    }
}

/// The step a pending request waits at.
#[derive(Debug, Clone, Copy)]
pub struct CurrentStep<'a> {
    /// Counted from 0.
    pub index: usize,
    /// Of the pinned version.
    pub step: &'a Step,
}

impl State {
    /// The stable word: `pending`, `approved`, `denied`, `cancelled`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Approved { .. } => "approved",
            Self::Denied { .. } => "denied",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Approvals given so far.
    pub fn approvals(&self) -> &[Approval] {
        match self {
            Self::Pending { approvals, .. }
            | Self::Approved { approvals, .. }
            | Self::Denied { approvals, .. }
            | Self::Cancelled { approvals, .. } => approvals,
        }
    }

    /// When it was answered or taken back.
    pub const fn closed_at(&self) -> Option<Time> {
        match self {
            Self::Pending { .. } => None,
            Self::Approved { at, .. } | Self::Denied { at, .. } | Self::Cancelled { at, .. } => {
                Some(*at)
            }
        }
    }

    fn into_approvals(self) -> Vec<Approval> {
        match self {
            Self::Pending { approvals, .. }
            | Self::Approved { approvals, .. }
            | Self::Denied { approvals, .. }
            | Self::Cancelled { approvals, .. } => approvals,
        }
    }
}

fn count(approvals: &[Approval], step: usize) -> u32 {
    let at_step = approvals.iter().filter(|a| a.step == step).count();
    u32::try_from(at_step).unwrap_or(u32::MAX)
}

fn checked_reason(reason: &str) -> Result<String, Refused> {
    let reason = reason.trim();
    match reason.chars().count() {
        0 => Err(Refused::ReasonRequired),
        length if length > LONGEST_TEXT => Err(Refused::ReasonTooLong { length }),
        _ => Ok(reason.to_owned()),
    }
}
