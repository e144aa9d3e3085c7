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
//! 4. Only an approver of the current step decides, as groups, managers and owners are now; the
//!    number needed is the pinned one, however many people are left. Fallback approvers are among
//!    them while too few of the others could decide, or once the step is late.
//! 5. Who put themselves into the group, made themselves an owner or manager, or changed what a
//!    condition asks about them, after the submission is no approver by that; who changed who others are stands in for
//!    nobody before the step is late.
//! 6. Who approves fills a place that is still open: where each group of a step is asked, nobody
//!    of one stands in for another.
//! 7. A delegate decides as the one who delegated to them could, if their own right does not
//!    reach: not for somebody who has decided, nor for whom another delegate has, and nobody by a
//!    delegation they wrote themselves after the submission. A delegate of who asked or would hold it
//!    does not approve, and nobody for them; that they cannot opens nothing to fallback approvers.
//! 8. Who handed on their place in a step is not asked there while who holds it can decide; who holds
//!    it counts for what it counted for, and no other right of theirs is needed ([`Handover`]). One place
//!    counts once: whose place somebody else approved in decides at no later step.
//!
//! Time passes for a request too ([`Request::pass`]): a step that waits is over, one that nobody
//! approved in time denies, or moves the question with what is still needed to the next one; a request
//! that nobody has answered as long as its policy keeps it open expires. Or the question goes on under
//! another policy that was pinned with it, whose steps are counted on behind its own ([`Question::steps`]).
//! The number of approvals a request needs never falls by that.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{
    Ask, LONGEST_TEXT, Other, Part, People, PolicyBody, Refusal, Step, Verdict, filled,
};
use crate::{Time, UserId};

mod clock;
mod counts;
mod decider;
mod handed;
mod question;
mod raise;
mod refused;
#[cfg(test)]
mod tests;

pub use clock::Passed;
pub use decider::{Decider, Delegator, Membership, Source};
pub use handed::{Handing, Handover, MOST_HANDOVERS};
pub use question::{Leg, Question};
pub use refused::{NotTarget, Refused, Verb};

/// A request: what was asked, and how far the answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What was asked.
    pub question: Question,
    /// How far it is.
    pub state: State,
    /// The places in its steps that were handed on, oldest first.
    pub handed: Vec<Handover>,
}

/// How far a request is, with the facts true in that state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Waits for somebody to decide.
    Pending {
        /// The step it waits at, counted from 0; always one of the policy's.
        step: usize,
        /// Since when it waits there.
        since: Time,
        /// How many approvals earlier steps were short of when their time ran out: needed here
        /// beside its own.
        carried: u32,
        /// Whether its approvers were reminded.
        reminded: bool,
        /// Whether it was noticed that the step is late.
        late: bool,
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
    /// An approver said no, or nobody decided in time.
    Denied {
        /// When.
        at: Time,
        /// Who; nobody where a deadline passed.
        by: Option<UserId>,
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
    /// The parts of the step it may count for, from 0, as it was when they decided.
    pub parts: BTreeSet<usize>,
    /// For whom, where they decided as a delegate: it counts as that person's.
    pub on_behalf_of: Option<UserId>,
}

impl Approval {
    /// Whose right it was: whoever delegated, or who decided.
    pub fn whose(&self) -> UserId {
        self.on_behalf_of.unwrap_or(self.by)
    }

    /// Whether this person gave it, or it was given for them.
    fn concerns(&self, user: UserId) -> bool {
        self.by == user || self.on_behalf_of == Some(user)
    }
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
    /// Those of them who may as somebody's delegate, and for whom.
    pub on_behalf_of: BTreeMap<UserId, UserId>,
    /// When the step ends waiting, or is decided by the clock.
    pub until: Option<Time>,
    /// When the request expires, whatever step it waits at.
    pub expires: Time,
}

impl Waiting {
    /// Whether fewer people than needed may decide: nothing moves until an administrator
    /// adds approvers to a group of the step, or the request is cancelled.
    pub fn stuck(&self) -> bool {
        // A delegate and who delegated are one place together.
        let whose = |user: &UserId| self.on_behalf_of.get(user).copied().unwrap_or(*user);
        let places: BTreeSet<UserId> = self.who.iter().map(whose).collect();
        places.len() < usize::try_from(self.still).unwrap_or(usize::MAX)
    }
}

impl Request {
    /// Asks. The policy given is pinned, with the rule of it that applies: it answers now, and
    /// every decision is by it.
    ///
    /// Fails with every [`Refusal`] the policy has.
    pub fn submit(
        policy: PolicyBody,
        rule: Option<usize>,
        ask: &Ask,
        people: &People,
        now: Time,
    ) -> Result<(Self, Progress), Vec<Refusal>> {
        let (state, progress) = match policy.outcome(rule).evaluate(ask, people, now) {
            Verdict::Refused(why) => return Err(why),
            Verdict::AutoApproved => (
                State::Approved {
                    at: now,
                    approvals: Vec::new(),
                },
                Progress::Approved,
            ),
            Verdict::NeedsSteps(_) => (
                State::at_step(0, now, 0, Vec::new()),
                Progress::Step { next: 0 },
            ),
        };
        let question = Question {
            requester: ask.requester,
            beneficiary: ask.beneficiary,
            submitted_at: now,
            policy,
            rule,
            others: Vec::new(),
        };
        let handed = Vec::new();
        let request = Self {
            question,
            state,
            handed,
        };
        Ok((request, progress))
    }

    /// The same with the policies pinned to which its deadlines lead, in the order of its steps.
    #[must_use]
    pub fn with_others(mut self, others: Vec<Other>) -> Self {
        self.question.others = others;
        self
    }

    /// Takes an answer, or says why not. `people` are those the current step names, as they are
    /// now.
    pub fn decide(
        self,
        decider: &Decider,
        people: &People,
        answer: Answer,
        now: Time,
    ) -> Result<(Self, Progress), Refused> {
        let (verb, reason) = match answer {
            Answer::Approve => (Verb::Approve, None),
            Answer::Deny { reason } => (Verb::Deny, Some(reason)),
        };
        let place = self.may_decide(decider, people, verb, now)?;
        let Place {
            step,
            parts,
            still,
            on_behalf_of,
        } = place;
        let Self {
            question,
            mut state,
            handed,
        } = self;
        let mut approvals = state.take_approvals();
        if let Some(reason) = reason {
            let state = State::Denied {
                at: now,
                by: Some(decider.user),
                step,
                reason: checked_reason(&reason)?,
                approvals,
            };
            let request = Self {
                question,
                state,
                handed,
            };
            return Ok((request, Progress::Denied));
        }
        approvals.push(Approval {
            step,
            by: decider.user,
            at: now,
            parts,
            on_behalf_of,
        });
        let still = still.saturating_sub(1);
        if still > 0 {
            state.put_approvals(approvals);
            let request = Self {
                question,
                state,
                handed,
            };
            return Ok((request, Progress::Waiting { still }));
        }
        let (state, progress) = if let Some(next) = question.next(step) {
            let state = State::at_step(next, now, 0, approvals);
            (state, Progress::Step { next })
        } else {
            (State::Approved { at: now, approvals }, Progress::Approved)
        };
        let request = Self {
            question,
            state,
            handed,
        };
        Ok((request, progress))
    }

    /// Takes the question back. Whether `by` may is the table of rights' question
    /// (requester, beneficiary, Super Admin); that it is still open is checked here.
    pub fn cancel(self, by: UserId, now: Time) -> Result<Self, Refused> {
        self.current(Verb::Cancel)?;
        let Self {
            question,
            mut state,
            handed,
        } = self;
        let approvals = state.take_approvals();
        let state = State::Cancelled {
            at: now,
            by,
            approvals,
        };
        Ok(Self {
            question,
            state,
            handed,
        })
    }

    /// Ends a pending request that can no longer be given, whoever would approve it: by nobody.
    pub fn void(self, reason: String, now: Time) -> Result<Self, Refused> {
        let step = self.current(Verb::Deny)?.index;
        let Self {
            question,
            mut state,
            handed,
        } = self;
        let state = State::Denied {
            at: now,
            by: None,
            step,
            reason,
            approvals: state.take_approvals(),
        };
        Ok(Self {
            question,
            state,
            handed,
        })
    }

    /// Whether this person may say this now: the rules above, the first that fails. Answers what their
    /// approval would count for.
    pub fn may_decide(
        &self,
        decider: &Decider,
        people: &People,
        verb: Verb,
        now: Time,
    ) -> Result<Place, Refused> {
        let current = self.current(verb)?;
        let Question {
            requester,
            beneficiary,
            ..
        } = &self.question;
        let own_allowed = self.question.allows_own(current.index);
        let theirs = |user| user == *requester || user == *beneficiary;
        if theirs(decider.user) && !own_allowed {
            return Err(Refused::SelfApproval { verb });
        }
        if decider.benefits && !own_allowed {
            return Err(Refused::Benefits { verb });
        }
        let approves = verb != Verb::Deny && !own_allowed;
        if decider.of_theirs && approves {
            return Err(Refused::DelegateOfTheirs);
        }
        let approvals = self.state.approvals();
        if let Some(before) = approvals.iter().find(|a| a.concerns(decider.user)) {
            let Approval { at, by, .. } = *before;
            let step = self.question.place_of(before.step);
            return Err(if by == decider.user {
                Refused::AlreadyDecided { step, at }
            } else {
                Refused::DecidedByDelegate { step, at, by }
            });
        }
        if let Some(before) = approvals.iter().find(|a| self.is_for(a, decider.user)) {
            let Approval { at, by, .. } = *before;
            let step = self.question.place_of(before.step);
            return Err(Refused::DecidedInPlace { step, at, by });
        }
        let own = self.place(&current, decider, None, people, verb, now);
        let Err(why) = own else { return own };
        let mut instead = None;
        for delegator in &decider.delegators {
            let Delegator {
                who,
                since,
                made_by,
            } = delegator;
            // Not what they could not themselves.
            let own = (theirs(who.user) || who.benefits) && !own_allowed;
            let counted =
                (approvals.iter()).any(|a| a.concerns(who.user) || self.is_for(a, who.user));
            if own || counted || (who.of_theirs && approves) {
                continue;
            }
            if *made_by == Some(decider.user) && *since >= self.question.submitted_at {
                let since = *since;
                instead = instead.or(Some(Refused::DelegatedToOneself { since }));
                continue;
            }
            match self.place(&current, who, Some(decider), people, verb, now) {
                Ok(place) => {
                    return Ok(Place {
                        on_behalf_of: Some(who.user),
                        ..place
                    });
                }
                Err(Refused::NotAnApprover { .. } | Refused::HandedOn { .. }) => {}
                Err(other @ Refused::NotNeeded { .. }) => instead = Some(other),
                Err(other) => instead = instead.or(Some(other)),
            }
        }
        Err(match (why, instead) {
            // What is nearest to a yes says most.
            (
                Refused::NotAnApprover { .. } | Refused::BecameApproverAfterSubmission { .. },
                Some(not_needed @ Refused::NotNeeded { .. }),
            ) => not_needed,
            (Refused::NotAnApprover { .. }, Some(instead)) => instead,
            (why, _) => why,
        })
    }

    /// What the approval of somebody would count for by their own right; where `delegate` gives it
    /// for them, both are known to be able.
    fn place(
        &self,
        current: &CurrentStep<'_>,
        decider: &Decider,
        delegate: Option<&Decider>,
        people: &People,
        verb: Verb,
        now: Time,
    ) -> Result<Place, Refused> {
        let all = self.parts(current, people, Some(decider.user), now);
        let parts = self.counts_for(current, &all, decider, delegate, people, now)?;
        let (places, mut given) = self.given(current, &all);
        let total = places.iter().fold(0u32, |sum, n| sum.saturating_add(*n));
        let before = filled(&places, &given);
        given.push(parts.clone());
        if verb != Verb::Deny && filled(&places, &given) == before {
            return Err(Refused::NotNeeded {
                step: self.question.place_of(current.index),
                name: current.step.name.clone(),
            });
        }
        Ok(Place {
            step: current.index,
            parts,
            still: total.saturating_sub(before),
            on_behalf_of: None,
        })
    }

    /// Why it was denied, where it was.
    pub fn denied_because(&self) -> Option<&str> {
        match &self.state {
            State::Denied { reason, .. } => Some(reason),
            State::Pending { .. } | State::Approved { .. } | State::Cancelled { .. } => None,
        }
    }

    /// Whom it waits for, of these people; nothing once it is answered.
    pub fn waiting<'a>(
        &self,
        deciders: impl IntoIterator<Item = &'a Decider>,
        people: &People,
        now: Time,
    ) -> Option<Waiting> {
        let current = self.current(Verb::Approve).ok()?;
        let all = self.parts(&current, people, None, now);
        let (places, given) = self.given(&current, &all);
        let total = places.iter().fold(0u32, |sum, n| sum.saturating_add(*n));
        let step = current.step;
        let length = step.wait.or(step.deadline.map(|it| it.after));
        let mut who = BTreeSet::new();
        let mut on_behalf_of = BTreeMap::new();
        for decider in deciders {
            let Ok(place) = self.may_decide(decider, people, Verb::Approve, now) else {
                continue;
            };
            who.insert(decider.user);
            on_behalf_of.extend(place.on_behalf_of.map(|whose| (decider.user, whose)));
        }
        Some(Waiting {
            step: current.index,
            name: step.name.clone(),
            needed: total,
            still: total.saturating_sub(filled(&places, &given)),
            who,
            on_behalf_of,
            until: length.map(|length| current.since + length),
            expires: self.question.expires(),
        })
    }

    /// The parts of the current step with whoever counts for them. `decider` is known to be able.
    fn parts(
        &self,
        current: &CurrentStep<'_>,
        people: &People,
        decider: Option<UserId>,
        now: Time,
    ) -> Vec<Part> {
        let question = &self.question;
        let own_allowed = question.allows_own(current.index);
        let own = |user| {
            !own_allowed
                && (user == question.requester
                    || user == question.beneficiary
                    || people.benefiting.contains(&user))
        };
        let before = self.state.approvals().iter();
        let elsewhere: BTreeSet<UserId> = before
            .filter(|a| a.step != current.index)
            .flat_map(|a| [Some(a.by), Some(a.whose()), self.place_of(a)])
            .flatten()
            .collect();
        let could = |user| {
            let able = people.able.contains(&user) || decider == Some(user);
            able && !own(user) && !elsewhere.contains(&user)
        };
        let late = current.is_late(now);
        let places = self.places_at(current.index);
        let handed: Vec<(UserId, BTreeSet<usize>)> = (places.iter())
            .filter(|it| could(it.holder) && !self.is_spent(it))
            .map(|it| (it.holder, it.parts.clone()))
            .collect();
        let asked = |user| could(user) && !self.is_out(&places, user, people);
        current
            .step
            .parts_with(people, asked, &handed, current.carried, late)
    }

    /// The places of these parts, and what each approval of the step may count for.
    fn given(&self, current: &CurrentStep<'_>, parts: &[Part]) -> (Vec<u32>, Vec<BTreeSet<usize>>) {
        let given = self.state.approvals().iter();
        (
            parts.iter().map(|part| part.needed).collect(),
            given
                .filter(|a| a.step == current.index)
                .map(|a| a.parts.clone())
                .collect(),
        )
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
            State::Pending {
                step,
                since,
                carried,
                ..
            } => match self.question.step(*step) {
                Some(found) => Ok(CurrentStep {
                    index: *step,
                    step: found,
                    since: *since,
                    carried: *carried,
                }),
                // No such step in the pinned version: nobody can be its approver.
                None => Err(Refused::NotAnApprover {
                    step: *step,
                    name: String::new(),
                }),
            },
            State::Approved { at, approvals } => closed(*at, approvals.last().map(|a| a.by)),
            State::Denied { at, by, .. } => closed(*at, *by),
            State::Cancelled { at, by, .. } => closed(*at, Some(*by)),
        }
    }
}

/// The step a pending request waits at.
struct CurrentStep<'a> {
    index: usize,
    /// Of the pinned version.
    step: &'a Step,
    since: Time,
    carried: u32,
}

impl CurrentStep<'_> {
    fn is_late(&self, now: Time) -> bool {
        (self.step.late).is_some_and(|late| self.since + late <= now)
    }
}

/// What somebody's approval would count for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The step it waits at, from 0.
    pub step: usize,
    /// The parts of it they count for, from 0.
    pub parts: BTreeSet<usize>,
    /// How many approvals it needs before theirs.
    pub still: u32,
    /// For whom, where it would count as a delegate's.
    pub on_behalf_of: Option<UserId>,
}

impl State {
    const fn at_step(step: usize, since: Time, carried: u32, approvals: Vec<Approval>) -> Self {
        Self::Pending {
            step,
            since,
            carried,
            reminded: false,
            late: false,
            approvals,
        }
    }

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

    const fn held(&mut self) -> &mut Vec<Approval> {
        match self {
            Self::Pending { approvals, .. }
            | Self::Approved { approvals, .. }
            | Self::Denied { approvals, .. }
            | Self::Cancelled { approvals, .. } => approvals,
        }
    }

    fn take_approvals(&mut self) -> Vec<Approval> {
        std::mem::take(self.held())
    }

    fn put_approvals(&mut self, approvals: Vec<Approval>) {
        *self.held() = approvals;
    }
}

fn checked_reason(reason: &str) -> Result<String, Refused> {
    let reason = reason.trim();
    match reason.chars().count() {
        0 => Err(Refused::ReasonRequired),
        length if length > LONGEST_TEXT => Err(Refused::ReasonTooLong { length }),
        _ => Ok(reason.to_owned()),
    }
}
