//! Handing on a place in a step: who was asked there, and who is instead.
//!
//! An approver who could decide now hands on their own place, or as a delegate that of whom they decide
//! for; an administrator hands on anybody's, or names somebody beside those who are asked. Nothing
//! that is needed falls by it: the place keeps the parts of the step it counted for, and moves. Who
//! gets it needs no other right there, but is held to every rule about whose request it is.
//!
//! A place that was handed on holds at its step alone. Who handed it on is not asked there while who
//! holds it can decide; where they cannot any more, the place falls back to whoever had it by a right of
//! their own.

use std::collections::BTreeSet;

use super::{Approval, CurrentStep, Decider, NotTarget, Refused, Request, State, Verb};
use crate::policy::{LONGEST_TEXT, Part, People, short_parts};
use crate::{Time, UserId};

/// How often places in one step are handed on by approvers, and as often again by administrators.
pub const MOST_HANDOVERS: usize = 20;

/// That a place in a step was handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The step, counted from 0 through all policies pinned with the request.
    pub step: usize,
    /// Whose place it was; nobody's where an administrator named somebody beside those who were asked.
    pub from: Option<UserId>,
    /// Who has it since.
    pub to: UserId,
    /// Who handed it on: whose it was, their delegate, or an administrator.
    pub by: UserId,
    /// Whether they did so as an administrator.
    pub administrator: bool,
    /// The parts of the step it counts for, from 0, as they were then.
    pub parts: BTreeSet<usize>,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// Who hands a place on, and whose.
#[derive(Debug, Clone, Copy)]
pub enum Handing<'a> {
    /// Somebody their own, or that of whom they decide for.
    Place(&'a Decider),
    /// An administrator.
    Administrator {
        /// Who.
        by: &'a Decider,
        /// Whose; nobody's where they name somebody beside those who are asked.
        from: Option<&'a Decider>,
    },
}

/// A place that was handed on, as it stands.
pub(super) struct Held {
    /// In which step.
    step: usize,
    /// By whose own right it is there; nobody's where an administrator made it.
    root: Option<UserId>,
    /// Who had it before.
    before: BTreeSet<UserId>,
    /// Who has it.
    pub(super) holder: UserId,
    /// The parts of the step it counts for.
    pub(super) parts: BTreeSet<usize>,
    /// Who handed it to who has it.
    by: UserId,
    /// The administrators who said who has it.
    appointed_by: BTreeSet<UserId>,
}

impl Request {
    /// Hands a place in the step it waits at on to `to`, who is given without those that delegate to
    /// them. `people` are those of that step and of those behind it in its policy, as they are now, with
    /// `to` among the able if they are.
    ///
    /// Fails where who hands it on may not, where `to` may not have it, without a reason, and once it
    /// was done too often.
    pub fn reassign(
        mut self,
        handing: Handing<'_>,
        to: &Decider,
        reason: &str,
        people: &People,
        now: Time,
    ) -> Result<(Self, Handover), Refused> {
        let current = self.current(Verb::Reassign)?;
        let reason = reason.trim();
        match reason.chars().count() {
            0 => return Err(Refused::HandoverReason),
            length if length > LONGEST_TEXT => return Err(Refused::ReasonTooLong { length }),
            _ => {}
        }
        let (by, administrator) = match handing {
            Handing::Place(by) => (by, false),
            Handing::Administrator { by, .. } => (by, true),
        };
        // Who may not decide on it at all is told that first.
        let (from, parts) = match handing {
            Handing::Place(by) => {
                let place = self.may_decide(by, people, Verb::Reassign, now)?;
                (Some(place.on_behalf_of.unwrap_or(by.user)), place.parts)
            }
            Handing::Administrator { by, from } => {
                self.appoints(&current, by, from, people, now)?
            }
        };
        let (step, name) = (
            self.question.place_of(current.index),
            current.step.name.clone(),
        );
        if !current.step.reassign.lets(administrator) {
            let administrators = current.step.reassign.lets(true);
            return Err(Refused::NotHandedOn {
                step,
                name,
                administrators,
            });
        }
        let before = (self.handed.iter())
            .filter(|it| it.step == current.index && it.administrator == administrator);
        if before.count() >= MOST_HANDOVERS {
            return Err(Refused::HandedOnTooOften { step });
        }
        self.may_take(&current, (by.user, from), to, people, now)?;
        let handover = Handover {
            step: current.index,
            from,
            to: to.user,
            by: by.user,
            administrator,
            parts,
            reason: reason.to_owned(),
            at: now,
        };
        self.handed.push(handover.clone());
        Ok((self, handover))
    }

    /// Whether an administrator may say who decides, and for which parts: those of whose place it is, or
    /// of which too few could decide, or else all.
    fn appoints(
        &self,
        current: &CurrentStep<'_>,
        by: &Decider,
        from: Option<&Decider>,
        people: &People,
        now: Time,
    ) -> Result<(Option<UserId>, BTreeSet<usize>), Refused> {
        let own_allowed = self.question.allows_own(current.index);
        if !own_allowed && (self.is_theirs(by.user) || by.benefits || by.of_theirs) {
            return Err(Refused::ChoosesForOneself);
        }
        if let Some(from) = from {
            // What they could as somebody's delegate is that person's place.
            let alone = Decider {
                delegators: Vec::new(),
                ..from.clone()
            };
            let place = self.may_decide(&alone, people, Verb::Reassign, now);
            let place = place.map_err(|_| Refused::FromNotAsked {
                step: self.question.place_of(current.index),
                name: current.step.name.clone(),
            })?;
            return Ok((Some(from.user), place.parts));
        }
        let parts = self.parts(current, people, None, now);
        if parts.is_empty() {
            return Err(Refused::NobodyAsked);
        }
        let short = short_parts(&wants(&parts));
        Ok((None, short.unwrap_or_else(|| (0..parts.len()).collect())))
    }

    /// Whether somebody may have this place: `by` hands it on, and it was that of `from`.
    fn may_take(
        &self,
        current: &CurrentStep<'_>,
        (by, from): (UserId, Option<UserId>),
        to: &Decider,
        people: &People,
        now: Time,
    ) -> Result<(), Refused> {
        let own_allowed = self.question.allows_own(current.index);
        let places = self.places_at(current.index);
        let moved = from.and_then(|from| moved(&places, from));
        let moved = moved.and_then(|at| places.get(at));
        let appointed = moved.is_some_and(|it| it.appointed_by.contains(&to.user));
        if to.user == by || from == Some(to.user) || appointed {
            return Err(NotTarget::Oneself.into());
        }
        if !own_allowed && (self.is_theirs(to.user) || to.benefits) {
            return Err(NotTarget::Own.into());
        }
        if !own_allowed && to.of_theirs {
            return Err(NotTarget::DelegateOfTheirs.into());
        }
        let mut approvals = self.state.approvals().iter();
        if approvals.any(|a| a.concerns(to.user) || self.is_for(a, to.user)) {
            return Err(NotTarget::HasDecided.into());
        }
        if !people.able.contains(&to.user) {
            return Err(NotTarget::Unable.into());
        }
        // A place of theirs that somebody else has comes back to them, or they get none.
        let elsewhere = |it: &Held| it.root == Some(to.user) && it.holder != to.user;
        let back = moved.is_some_and(elsewhere);
        let asked = self.place(current, to, None, people, Verb::Approve, now);
        // A stand-in who handed it back would be out of the step when they are asked by themselves.
        let asked = matches!(
            asked,
            Ok(_) | Err(Refused::NotNeeded { .. } | Refused::NotYetFallback { .. })
        );
        // Nor a second one, where who had the first by their own right has approved meanwhile.
        let has = places.iter().any(|it| it.holder == to.user);
        if asked || has || (places.iter().any(elsewhere) && !back) {
            return Err(NotTarget::Asked.into());
        }
        // Whose place it is by their own right is used up with it.
        let root = moved.map_or(from, |it| it.root);
        match self.needed_later(current, to.user, root, people) {
            Some(name) => Err(NotTarget::NeededLater { name }.into()),
            None => Ok(()),
        }
    }

    /// The first of the steps behind this one in its policy that would have too few people without them,
    /// where together they have enough with them: as things are, and once `root` is used up.
    fn needed_later(
        &self,
        current: &CurrentStep<'_>,
        user: UserId,
        root: Option<UserId>,
        people: &People,
    ) -> Option<String> {
        let leg = self.question.leg(current.index)?;
        let behind = leg.steps.get(current.index - leg.first + 1..)?;
        let decided: BTreeSet<UserId> = (self.state.approvals().iter())
            .flat_map(|a| [Some(a.by), Some(a.whose()), self.place_of(a)])
            .flatten()
            .collect();
        let own_allowed = self.question.allows_own(current.index);
        let could = |it: UserId| {
            let own = self.is_theirs(it) || people.benefiting.contains(&it);
            people.able.contains(&it) && (own_allowed || !own) && !decided.contains(&it)
        };
        let parts: Vec<(&str, Part)> = (behind.iter())
            .flat_map(|step| {
                let parts = step.parts(people, could, 0, false).into_iter();
                parts.map(move |part| (step.name.as_str(), part))
            })
            .collect();
        let short = |without: [Option<UserId>; 2]| {
            let left: Vec<BTreeSet<UserId>> = (parts.iter())
                .map(|(_, part)| part.who.iter().copied())
                .map(|who| who.filter(|it| !without.contains(&Some(*it))).collect())
                .collect();
            let wants: Vec<(u32, &BTreeSet<UserId>)> = (parts.iter().zip(&left))
                .map(|((_, part), who)| (part.needed, who))
                .collect();
            short_parts(&wants)
        };
        let used_up = [None, root].into_iter();
        let first = used_up
            .filter(|root| short([*root, None]).is_none())
            .find_map(|root| short([root, Some(user)]))?
            .into_iter()
            .next()?;
        parts.get(first).map(|(name, _)| (*name).to_owned())
    }

    fn is_theirs(&self, user: UserId) -> bool {
        user == self.question.requester || user == self.question.beneficiary
    }

    /// The places in a step that were handed on, as they stand.
    pub(super) fn places_at(&self, step: usize) -> Vec<Held> {
        let mut places: Vec<Held> = Vec::new();
        for it in self.handed.iter().filter(|it| it.step == step) {
            let at = it.from.and_then(|from| moved(&places, from));
            let appointed = it.administrator.then_some(it.by);
            if let Some(place) = at.and_then(|at| places.get_mut(at)) {
                place.before.insert(place.holder);
                place.before.extend(it.from);
                place.holder = it.to;
                place.parts.clone_from(&it.parts);
                place.by = it.by;
                place.appointed_by.extend(appointed);
            } else {
                places.push(Held {
                    step,
                    root: it.from,
                    before: it.from.into_iter().collect(),
                    holder: it.to,
                    parts: it.parts.clone(),
                    by: it.by,
                    appointed_by: appointed.into_iter().collect(),
                });
            }
        }
        places
    }

    /// Whether somebody is not asked by their own right as they handed it on, and who has it can
    /// decide or has.
    pub(super) fn is_out(&self, places: &[Held], user: UserId, people: &People) -> bool {
        let lapsed = |it: &Held| people.gone.contains(&it.holder) && !self.is_used(it);
        (places.iter()).any(|it| it.before.contains(&user) && it.holder != user && !lapsed(it))
    }

    /// The parts somebody counts for by places that were handed to them. `delegate` decides for them: not
    /// in a place they handed on, or made.
    pub(super) fn held_by(
        &self,
        places: &[Held],
        user: UserId,
        delegate: Option<UserId>,
    ) -> BTreeSet<usize> {
        let through =
            |it: &Held| delegate.is_some_and(|by| by == it.by || it.appointed_by.contains(&by));
        (places.iter())
            .filter(|it| it.holder == user && !self.is_spent(it) && !through(it))
            .flat_map(|it| it.parts.iter().copied())
            .collect()
    }

    /// Whether who has it approved in it.
    fn is_used(&self, place: &Held) -> bool {
        (self.state.approvals().iter()).any(|a| a.step == place.step && a.whose() == place.holder)
    }

    /// Whether whose place it is by their own right approved in it, while who has it could not.
    pub(super) fn is_spent(&self, place: &Held) -> bool {
        let root = place.root.filter(|root| *root != place.holder);
        root.is_some_and(|root| {
            (self.state.approvals().iter()).any(|a| a.step == place.step && a.whose() == root)
        })
    }

    /// Whose place an approval was given in, where it was handed on.
    pub(super) fn place_of(&self, approval: &Approval) -> Option<UserId> {
        let places = self.places_at(approval.step);
        let held = places.iter().find(|it| it.holder == approval.whose());
        held.and_then(|it| it.root)
            .filter(|root| *root != approval.whose())
    }

    /// Whether an approval was given in the place of this person.
    pub(super) fn is_for(&self, approval: &Approval, user: UserId) -> bool {
        self.place_of(approval) == Some(user)
    }

    /// Who has a place in the step it waits at that was handed on.
    pub fn holders(&self) -> BTreeSet<UserId> {
        let State::Pending { step, .. } = self.state else {
            return BTreeSet::new();
        };
        let places = self.places_at(step);
        places.into_iter().map(|it| it.holder).collect()
    }

    /// By what somebody has a place in the step it waits at that was handed on: the latest.
    pub fn handed_to(&self, user: UserId) -> Option<&Handover> {
        let State::Pending { step, .. } = self.state else {
            return None;
        };
        let mut all = self.handed.iter().rev().filter(|it| it.step == step);
        all.find(|it| it.to == user || it.from == Some(user))
            .filter(|it| it.to == user)
    }
}

/// Which of these places somebody hands on: the one they have, or that of their own right, if who had it
/// cannot decide any more.
fn moved(places: &[Held], from: UserId) -> Option<usize> {
    let has = places.iter().position(|it| it.holder == from);
    has.or_else(|| places.iter().position(|it| it.root == Some(from)))
}

/// How many each of these parts needs, and who counts for it.
fn wants(parts: &[Part]) -> Vec<(u32, &BTreeSet<UserId>)> {
    parts.iter().map(|it| (it.needed, &it.who)).collect()
}

#[cfg(test)]
mod tests;
