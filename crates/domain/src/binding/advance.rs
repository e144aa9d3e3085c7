//! A worker's turn: plan, write down what needs no call, and say which call comes next.
//!
//! One turn is one transaction: load the ledger, check the claim, [`Ledger::advance`], store,
//! commit. Only after the commit is AWS called, with the attempt's signing time.

use super::derive::Wanted;
use super::plan::{Decision, Step};
use super::record::close_with_successors;
use super::{Attempt, AttemptKind, Claim, Config, Fact, Ledger, Lost, Outcome};
use crate::grant::{CloseReason, Remains};
use crate::time::Time;
use crate::{AttemptId, GrantId};

/// More than any turn needs: decisions only ever lead forward.
const MOST_DECISIONS: usize = 32;

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The new state, to be stored.
    pub ledger: Ledger,
    /// What became true, to be audited in the same transaction.
    pub facts: Vec<Fact>,
    /// What to do after the commit.
    pub action: Action,
}

/// What a worker does between two transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the claim is given back, and `due` stored.
    Rest,
    /// Read the pair, then [`Ledger::observe`]; if that fails, [`Ledger::put_off`].
    Read,
    /// Ask about this attempt, then [`Ledger::record`]; if that fails, [`Ledger::put_off`].
    Poll(Attempt),
    /// List our creations in progress, then [`Ledger::creations`]; if that fails,
    /// [`Ledger::put_off`].
    ListCreations,
    /// Send this attempt's call signed with its `sign_at`, then [`Ledger::record`].
    Send(Attempt),
}

impl Ledger {
    /// One turn of the worker that holds `claim`. `attempt` is the id for an attempt, should
    /// this turn intend one. The lease is renewed, or given back when there is nothing to do.
    ///
    /// Fails when the claim is lost; the worker then drops everything.
    pub fn advance(
        self,
        claim: &Claim,
        attempt: AttemptId,
        now: Time,
        config: &Config,
    ) -> Result<Turn, Lost> {
        self.binding.check(claim, now)?;
        let mut ledger = self;
        let mut facts = Vec::new();
        for _ in 0..MOST_DECISIONS {
            if ledger.wanted(now) != Wanted::Absent {
                ledger.unstick(&mut facts);
            }
            if ledger.binding.epoch_open {
                ledger.carry_over(now, config);
            }
            let action = match ledger.plan(claim, now, config) {
                Step::Write(decision) => {
                    ledger.decide(decision, now, config, &mut facts);
                    continue;
                }
                Step::Rest { until } => {
                    ledger.binding.due = until;
                    ledger.binding.lease_until = None;
                    return Ok(Turn {
                        ledger,
                        facts,
                        action: Action::Rest,
                    });
                }
                Step::Read => Action::Read,
                Step::ListCreations => Action::ListCreations,
                Step::Poll(id) => match ledger.attempts.iter().find(|a| a.id == id) {
                    Some(found) => Action::Poll(found.clone()),
                    None => break,
                },
                Step::Create => ledger.intend(AttemptKind::Create, None, attempt, now, &mut facts),
                Step::Delete { membership } => {
                    ledger.intend(AttemptKind::Delete, membership, attempt, now, &mut facts)
                }
            };
            ledger.binding.lease_until = Some(now + config.lease);
            return Ok(Turn {
                ledger,
                facts,
                action,
            });
        }
        ledger.binding.due = Some(now + config.retry);
        ledger.binding.lease_until = None;
        Ok(Turn {
            ledger,
            facts,
            action: Action::Rest,
        })
    }

    fn intend(
        &mut self,
        kind: AttemptKind,
        membership: Option<String>,
        id: AttemptId,
        now: Time,
        facts: &mut Vec<Fact>,
    ) -> Action {
        if !self.binding.epoch_open {
            self.open_epoch();
        }
        let attempt = Attempt {
            id,
            kind,
            epoch: self.binding.epoch,
            sign_at: self.binding.again_at.map_or(now, |again| now.max(again)),
            under_removal: kind == AttemptKind::Delete && self.binding.removal_decision.is_some(),
            request_id: None,
            membership,
            polled_at: None,
            outcome: Outcome::Unknown,
            note: None,
        };
        self.attempts.push(attempt.clone());
        facts.push(Fact::Intended { attempt: id, kind });
        Action::Send(attempt)
    }

    /// A new epoch: what earlier ones created is none of its business, but see
    /// [`Self::carry_over`].
    pub(super) fn open_epoch(&mut self) {
        self.binding.epoch += 1;
        self.binding.epoch_open = true;
        self.binding.adopted = false;
        self.binding.reopened_at = None;
    }

    /// A create nothing is known of, of an epoch that was left (the access was taken away in
    /// AWS), may land in this one, and so has to be over before this one is. Not one so old
    /// that AWS refuses it and is through with all it accepted.
    fn carry_over(&mut self, now: Time, config: &Config) {
        let epoch = self.binding.epoch;
        for attempt in &mut self.attempts {
            let open = matches!(attempt.outcome, Outcome::Unknown | Outcome::Accepted);
            let recent = attempt.sign_at + config.memory() >= now;
            if attempt.kind == AttemptKind::Create && open && recent {
                attempt.epoch = epoch;
            }
        }
    }

    fn decide(&mut self, decision: Decision, now: Time, config: &Config, facts: &mut Vec<Fact>) {
        match decision {
            Decision::FailUnconfirmed => self.fail_late(now, config, facts),
            Decision::EndGrants => {
                let remains = self.remains(now);
                self.end_grants(remains, now, facts);
            }
            Decision::CloseEpoch => self.leave_epoch(now, config),
            Decision::ClearInterruption => {
                self.binding.interrupted = None;
                facts.push(Fact::InterruptionOver);
            }
            Decision::Interrupt => {
                self.binding.interrupted = Some(now);
                facts.push(Fact::TakenAway);
            }
            Decision::Reopen | Decision::Adopt => self.adopt(now, facts),
            Decision::Confirm => self.confirm(now, facts),
            Decision::Presume(id) => {
                if let Some(create) = self.attempts.iter_mut().find(|a| a.id == id) {
                    create.outcome = Outcome::Presumed { at: now };
                    facts.push(Fact::Presumed { attempt: id });
                }
            }
            Decision::End => self.end(now, config, facts),
        }
    }

    fn adopt(&mut self, now: Time, facts: &mut Vec<Fact>) {
        if !self.binding.epoch_open {
            self.open_epoch();
        }
        self.binding.adopted = true;
        self.binding.reopened_at = Some(now);
        facts.push(Fact::Adopted);
        if self.binding.interrupted.take().is_some() {
            facts.push(Fact::InterruptionOver);
        }
    }

    fn fail_late(&mut self, now: Time, config: &Config, facts: &mut Vec<Fact>) {
        let note = self
            .attempts
            .iter()
            .filter(|a| a.kind == AttemptKind::Create && a.epoch == self.binding.epoch)
            .max_by_key(|a| (a.sign_at, a.id))
            .and_then(|a| a.note.clone());
        let late: Vec<GrantId> = self
            .grants
            .iter()
            .filter(|g| !g.is_over(now) && g.confirm_by(config).is_some_and(|t| t <= now))
            .map(|g| g.id)
            .collect();
        for id in late {
            close_with_successors(
                &mut self.grants,
                id,
                CloseReason::NotConfirmed,
                note.as_ref(),
                now,
                facts,
            );
        }
    }

    fn confirm(&mut self, now: Time, facts: &mut Vec<Fact>) {
        for grant in &mut self.grants {
            if let Ok(confirmed) = grant.clone().confirm(now) {
                facts.push(Fact::Confirmed {
                    grant: grant.id,
                    end: confirmed.end(),
                });
                *grant = confirmed;
            }
        }
    }

    fn end_grants(&mut self, remains: Remains, now: Time, facts: &mut Vec<Fact>) {
        for grant in &mut self.grants {
            if grant.ended.is_none()
                && let Ok(ended) = grant.clone().finish(remains, now)
            {
                facts.push(Fact::Ended {
                    grant: grant.id,
                    remains,
                });
                *grant = ended;
            }
        }
    }

    /// Nothing in AWS is ours to change any more. A create nothing is known of may yet land,
    /// and is then recognized in quarantine.
    fn leave_epoch(&mut self, now: Time, config: &Config) {
        let may_land = |c: &Attempt| !c.outcome.is_closed() || c.outcome.is_presumed();
        if self.binding.adopted || self.creates().any(may_land) {
            self.quarantine(now, config);
        }
        self.binding.epoch_open = false;
    }

    fn end(&mut self, now: Time, config: &Config, facts: &mut Vec<Fact>) {
        if self.binding.adopted || self.creates().any(|c| c.outcome.is_presumed()) {
            self.quarantine(now, config);
        }
        self.binding.epoch_open = false;
        let removal = self.binding.removal_decision.take().is_some();
        facts.push(Fact::AbsenceProved { removal });
        let stands = self.binding.observation.as_ref().is_some_and(|o| o.present);
        let remains = if stands {
            Remains::Standing
        } else {
            Remains::Removed
        };
        self.end_grants(remains, now, facts);
    }

    fn quarantine(&mut self, now: Time, config: &Config) {
        self.binding.quarantine_until = self
            .binding
            .quarantine_until
            .max(Some(now + config.quarantine));
    }
}
