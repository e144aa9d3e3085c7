//! The rows for access that is to be gone, and when it may be said to be.
//!
//! It is over when our own delete, signed after every create of ours was closed, succeeded,
//! and a later reading agrees; not when a reading once showed nothing. A create nothing is
//! known of closes only when AWS can no longer accept it and is through with all it accepted.

use super::plan::{Decision, Step, View};
use super::{Attempt, AttemptKind, BindingKind, Observation, Outcome};
use crate::time::Time;

impl View<'_> {
    pub(super) fn absent(&self) -> Step {
        match self.ledger.binding.kind {
            // Of an IAM group alike: adding says success whoever added, so only the epoch's
            // Absent reading tells whose it is, and a success of a delete is an accepted one.
            BindingKind::AccountAssignment | BindingKind::IamGroupMembership => {
                self.absent_assignment()
            }
            BindingKind::GroupMembership => self.absent_membership(),
        }
    }

    fn absent_assignment(&self) -> Step {
        let since = self.since();
        let proof = |d: &&Attempt| d.sign_at >= since && d.outcome.says_gone();
        if self.ledger.deletes().find(proof).is_none() {
            return self.delete(None);
        }
        let lost = self.ledger.lost_creates().max_by_key(|c| (c.sign_at, c.id));
        match lost {
            Some(create) if self.now < self.settled(create) => self.watch(create),
            Some(create) => self.presume(create),
            None => self.last_look(|_| self.delete(None)),
        }
    }

    /// The latest of all that a delete has to come after.
    fn since(&self) -> Time {
        let binding = &self.ledger.binding;
        let creates = self
            .ledger
            .creates()
            .flat_map(|c| [Some(c.sign_at), c.closed_at()]);
        creates
            .chain([binding.removal_decision, binding.reopened_at])
            .flatten()
            .max()
            .unwrap_or_default()
    }

    /// From then on AWS no longer accepts this create, and reads show what it did.
    fn settled(&self, create: &Attempt) -> Time {
        create.sign_at + self.config.fence + self.config.lag
    }

    /// A lost create may still land: keep reading.
    fn watch(&self, create: &Attempt) -> Step {
        let Some(reading) = self.fresh() else {
            return Step::Read;
        };
        let change = self.ledger.newest_change();
        if reading.present {
            return match change {
                Some((AttemptKind::Delete, at)) if reading.read_began < at + self.config.lag => {
                    self.rest(Some(at + self.config.lag))
                }
                _ => self.delete(reading.membership.clone()),
            };
        }
        let look = self.now + self.config.lag + self.config.lag;
        self.rest(Some(look.min(self.settled(create))))
    }

    /// A lost create can no longer be accepted. It is over once a write accepted after that is
    /// done (AWS takes no second write while one is unfinished), or none of ours is in progress.
    fn presume(&self, create: &Attempt) -> Step {
        let fenced = create.sign_at + self.config.fence;
        let after = |d: &&Attempt| d.sign_at >= fenced;
        if self
            .ledger
            .deletes()
            .filter(after)
            .any(Attempt::is_done_by_aws)
        {
            return Step::Write(Decision::Presume(create.id));
        }
        let only_404 = (self.ledger.deletes().filter(after))
            .any(|d| matches!(d.outcome, Outcome::NotFound { .. }));
        if !only_404 {
            return self.delete(None);
        }
        match self.ledger.binding.inflight_clear {
            Some(clear) if clear >= self.settled(create) => {
                Step::Write(Decision::Presume(create.id))
            }
            _ => Step::ListCreations,
        }
    }

    /// Everything is closed: a reading begun LAG after the last closing has the last word.
    fn last_look(&self, still_there: impl FnOnce(&Observation) -> Step) -> Step {
        let settled = self.last_closing() + self.config.lag;
        if self.now < settled {
            return self.rest(Some(settled));
        }
        match self.fresh().filter(|r| r.read_began >= settled) {
            None => Step::Read,
            Some(reading) if reading.present => still_there(reading),
            Some(_) => Step::Write(Decision::End),
        }
    }

    fn last_closing(&self) -> Time {
        let epoch = self.ledger.binding.epoch;
        self.ledger
            .attempts
            .iter()
            .filter(|a| a.epoch == epoch)
            .filter_map(Attempt::closed_at)
            .chain(self.ledger.binding.removal_decision)
            .chain(self.ledger.binding.reopened_at)
            .max()
            .unwrap_or_default()
    }

    fn delete(&self, membership: Option<String>) -> Step {
        match self.later(AttemptKind::Delete, Some(self.since())) {
            Some(later) => self.rest(Some(later)),
            None => Step::Delete { membership },
        }
    }

    /// Memberships have ids. Ours are removed by them; one with another id is somebody else's,
    /// unless a create of ours, nothing or too little being known of it, may have made it.
    fn absent_membership(&self) -> Step {
        let made = |c: &Attempt| {
            matches!(c.outcome, Outcome::Succeeded { .. })
                .then(|| c.membership.clone())
                .flatten()
        };
        let gone = |id: &String| {
            self.ledger
                .deletes()
                .any(|d| d.outcome.says_gone() && d.membership.as_ref() == Some(id))
        };
        if let Some(id) = self.ledger.creates().filter_map(made).find(|id| !gone(id)) {
            return self.delete(Some(id));
        }
        let suspicious = self.ledger.binding.adopted
            || self.ledger.binding.removal_decision.is_some()
            || self.ledger.creates().any(|c| made(c).is_none());
        // Another's membership may stay. Our own, though AWS said that it was gone, may not.
        let not_ours = |reading: &Observation| match &reading.membership {
            Some(id)
                if self
                    .ledger
                    .creates()
                    .filter_map(made)
                    .any(|ours| ours == *id) =>
            {
                self.delete(Some(id.clone()))
            }
            _ => Step::Write(Decision::End),
        };
        if !suspicious {
            return self.last_look(not_ours);
        }
        let Some(reading) = self.fresh() else {
            return Step::Read;
        };
        if reading.present {
            let settled = self.last_delete_closing().map(|at| at + self.config.lag);
            return match (&reading.membership, settled) {
                (_, Some(t)) if reading.read_began < t => self.rest(Some(t)),
                (Some(id), _) => self.delete(Some(id.clone())),
                (None, _) => self.rest(Some(self.now + self.config.retry_most)),
            };
        }
        let lost = self.ledger.lost_creates().max_by_key(|c| (c.sign_at, c.id));
        match lost.map(|c| (c.id, self.settled(c))) {
            Some((id, settled)) if reading.read_began >= settled => {
                Step::Write(Decision::Presume(id))
            }
            Some((_, settled)) => {
                let look = self.now + self.config.lag + self.config.lag;
                self.rest(Some(look.min(settled)))
            }
            None => self.last_look(not_ours),
        }
    }

    fn last_delete_closing(&self) -> Option<Time> {
        self.ledger.deletes().filter_map(Attempt::closed_at).max()
    }
}
