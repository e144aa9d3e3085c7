//! What people do to a pair: open, close, cut off, remove, try again. Each wakes the binding.

use super::record::close_with_successors;
use super::{Fact, Ledger, Refused};
use crate::GrantId;
use crate::grant::{CloseReason, Grant};
use crate::time::Time;

impl Ledger {
    /// A grant on this pair begins to count.
    pub fn open(mut self, grant: Grant, now: Time) -> Self {
        self.grants.push(grant);
        self.wake(now);
        self
    }

    /// Ends the window of one grant now, and of those that extend it.
    pub fn close(
        mut self,
        grant: GrantId,
        reason: CloseReason,
        note: Option<String>,
        now: Time,
    ) -> Result<(Self, Vec<Fact>), Refused> {
        let found = self
            .grants
            .iter()
            .find(|g| g.id == grant)
            .ok_or(Refused::NoGrant(grant))?;
        // Asked for its refusal; the change itself is made with the successors.
        found.clone().close(reason, note.clone(), now)?;
        let mut facts = Vec::new();
        close_with_successors(
            &mut self.grants,
            grant,
            reason,
            note.as_ref(),
            now,
            &mut facts,
        );
        self.wake(now);
        Ok((self, facts))
    }

    /// Ends every grant of the pair that has not ended, those of the future too.
    pub fn cut_off(mut self, note: Option<String>, now: Time) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        self.close_all(CloseReason::CutOff, note, now, &mut facts);
        self.wake(now);
        (self, facts)
    }

    /// Records the decision to remove this access, whoever added it. It ends every grant of
    /// the pair, and holds until absence is proved by a delete signed after it; grants
    /// approved meanwhile wait.
    pub fn decide_removal(mut self, note: Option<String>, now: Time) -> (Self, Vec<Fact>) {
        let mut facts = vec![Fact::RemovalDecided];
        self.close_all(CloseReason::RemovalDecision, note, now, &mut facts);
        self.binding.removal_decision = Some(now);
        if self.binding.interrupted.take().is_some() {
            facts.push(Fact::InterruptionOver);
        }
        if !self.binding.epoch_open {
            self.open_epoch();
        }
        self.wake(now);
        (self, facts)
    }

    /// Records the decision to put back what somebody took away in AWS.
    pub fn provision_again(mut self, now: Time) -> Result<(Self, Vec<Fact>), Refused> {
        if self.binding.interrupted.take().is_none() {
            return Err(Refused::Binding {
                from: "not interrupted",
                verb: "provision again",
                why: "nothing was taken away",
            });
        }
        self.ask_again(now);
        Ok((self, vec![Fact::ProvisionAgain]))
    }

    /// Tries a refused removal again at once.
    pub fn retry(mut self, now: Time) -> Result<Self, Refused> {
        if self.binding.stuck.is_none() {
            return Err(Refused::Binding {
                from: "not stuck",
                verb: "retry",
                why: "AWS refused no removal",
            });
        }
        self.ask_again(now);
        Ok(self)
    }

    fn close_all(
        &mut self,
        reason: CloseReason,
        note: Option<String>,
        now: Time,
        facts: &mut Vec<Fact>,
    ) {
        let all: Vec<GrantId> = self.grants.iter().map(|g| g.id).collect();
        for id in all {
            close_with_successors(&mut self.grants, id, reason, note.as_ref(), now, facts);
        }
    }

    /// Earlier attempts put nothing off any more, those of this very moment included.
    fn ask_again(&mut self, now: Time) {
        let newest = self.attempts.iter().map(|a| a.sign_at).max();
        let after = newest.map_or(now, |t| now.max(t + crate::Span::micros(1)));
        self.binding.again_at = Some(after);
        self.wake(now);
    }

    fn wake(&mut self, now: Time) {
        self.binding.due = Some(self.binding.due.map_or(now, |due| due.min(now)));
    }
}
