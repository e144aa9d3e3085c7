//! What was asked, and under which rules: the steps it may wait at, through every policy pinned with
//! it.

use crate::policy::{Other, Outcome, PolicyBody, Step, Then, goes_on};
use crate::{PolicyId, Time, UserId};

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
    /// Which of its rules applied then, from 0; none where none did.
    pub rule: Option<usize>,
    /// The policies to which deadlines of its steps lead, pinned with it, in the order of the steps.
    pub others: Vec<Other>,
}

/// The steps of one policy, among all a request may wait at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg<'a> {
    /// The number of its first step, from 0.
    pub first: usize,
    /// Its steps, in their order.
    pub steps: &'a [Step],
    /// Whose they are, where it is not the policy it was asked under.
    pub other: Option<&'a Other>,
}

impl Leg<'_> {
    /// Whether the step of this number is one of its own.
    pub const fn has(&self, step: usize) -> bool {
        step >= self.first && step - self.first < self.steps.len()
    }
}

impl Question {
    /// What the pinned version says to it.
    pub fn outcome(&self) -> Outcome<'_> {
        self.policy.outcome(self.rule)
    }

    /// When it expires, if nobody has answered it by then, under whichever policy it waits.
    pub fn expires(&self) -> Time {
        self.submitted_at + self.policy.open_for()
    }

    /// The steps of each policy pinned with it: those of the one it was asked under, then those of each
    /// other. A step's number counts through all of them.
    pub fn legs(&self) -> Vec<Leg<'_>> {
        let steps = self.outcome().steps();
        let mut legs = vec![Leg {
            first: 0,
            steps,
            other: None,
        }];
        let mut first = steps.len();
        for other in &self.others {
            let steps = other.steps();
            legs.push(Leg {
                first,
                steps,
                other: Some(other),
            });
            first += steps.len();
        }
        legs
    }

    /// Every step it may wait at, in the order of their numbers: those of the policy it was asked under,
    /// then those of each other to which deadlines of these lead.
    pub fn steps(&self) -> Vec<&Step> {
        self.legs().into_iter().flat_map(|leg| leg.steps).collect()
    }

    /// The step of this number, from 0.
    pub fn step(&self, number: usize) -> Option<&Step> {
        let leg = self.leg(number)?;
        leg.steps.get(number - leg.first)
    }

    /// The steps among which the one of this number is.
    pub fn leg(&self, step: usize) -> Option<Leg<'_>> {
        self.legs().into_iter().find(|leg| leg.has(step))
    }

    /// The number of the step that comes after this one, where it is not the last of its policy.
    pub fn next(&self, step: usize) -> Option<usize> {
        let (leg, next) = (self.leg(step)?, step + 1);
        leg.has(next).then_some(next)
    }

    /// Which of its own policy's steps the one of this number is, from 0: what people are told.
    pub fn place_of(&self, step: usize) -> usize {
        self.leg(step).map_or(step, |leg| step - leg.first)
    }

    /// The other policy of which this step is, where it is of another than it was asked under.
    pub fn other_of(&self, step: usize) -> Option<&Other> {
        self.leg(step).and_then(|leg| leg.other)
    }

    /// The other policy whose first step this is.
    pub fn begins(&self, step: usize) -> Option<&Other> {
        self.leg(step)
            .filter(|leg| leg.first == step)
            .and_then(|leg| leg.other)
    }

    /// The time zone in which the conditions of this step's policy mean their hours; that of the policy
    /// it was asked under where it waits at none.
    pub fn zone(&self, step: Option<usize>) -> &str {
        let other = step.and_then(|step| self.other_of(step));
        other.map_or(&self.policy.zone, |other| &other.body.zone)
    }

    /// Whether people may decide at this step on what they asked for or would hold: every policy that has
    /// to do with it must let them.
    pub(super) fn allows_own(&self, step: usize) -> bool {
        let other = self.other_of(step);
        self.policy.allow_self_approval && other.is_none_or(|it| it.body.allow_self_approval)
    }

    /// Where the deadline of a step leads that is `short` of so many approvals, and how many are needed
    /// there beside its own: nowhere where the request is over by it.
    pub(super) fn goes(&self, from: usize, then: Then, short: u32) -> Option<(usize, u32)> {
        match then {
            Then::Deny => None,
            Then::NextStep => self.next(from).map(|next| (next, short)),
            Then::OtherPolicy(policy) => {
                let own = self.leg(from).filter(|leg| leg.other.is_none())?;
                let there = self.led_to(policy)?;
                let behind = own.steps.get(from + 1..).unwrap_or_default();
                let first = (!there.steps.is_empty()).then_some(there.first)?;
                Some((first, goes_on(short, behind, there.steps)))
            }
        }
    }

    /// What the other policy says against it, to which this deadline leads.
    pub(super) fn denied_there(&self, then: Then) -> Option<String> {
        let policy = then.policy()?;
        self.led_to(policy)?.other?.denies()
    }

    fn led_to(&self, policy: PolicyId) -> Option<Leg<'_>> {
        let mut legs = self.legs().into_iter();
        legs.find(|leg| leg.other.is_some_and(|it| it.policy == policy))
    }
}

#[cfg(test)]
mod tests;
