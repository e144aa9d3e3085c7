//! What AWS said: readings, outcomes of attempts, listings. Recorded whoever brings them and
//! however late; nothing here looks at the generation.

use super::{
    Attempt, AttemptKind, Claim, Config, Fact, Ledger, Lost, Observation, Outcome, Refused, Stuck,
    Wanted,
};
use crate::grant::{CloseReason, Grant};
use crate::time::Time;
use crate::{AttemptId, GrantId};

/// So many removals in a row that came to nothing are shown as stuck, whatever the reasons.
const VAIN_REMOVALS: usize = 5;

/// One successful, complete read of the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When the read began.
    pub began: Time,
    /// Whether the access was there, directly and not through a group.
    pub present: bool,
    /// The id of the membership found.
    pub membership: Option<String>,
}

/// What a call, or a look at an asynchronous write, said about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// AWS took it and works on it.
    Accepted {
        /// Its id.
        request_id: String,
    },
    /// Done.
    Succeeded {
        /// The membership that was made.
        membership: Option<String>,
    },
    /// The asynchronous write was given up.
    Failed {
        /// The text says that the access is not there.
        gone: bool,
        /// The text is not a passing one: trying again as it stands will not help.
        permanent: bool,
        /// The text.
        why: String,
    },
    /// A delete found nothing to delete, at once.
    NotFound,
    /// Definitely no effect.
    Refused {
        /// Trying again as it stands will not help (access denied, no such account, quota …).
        permanent: bool,
        /// What AWS said.
        why: String,
    },
    /// It was not sent: another write has to come first. To be tried again soon.
    Held {
        /// What stood in the way.
        why: String,
    },
    /// No answer, or none that can be read: it may have had, or may yet have, an effect.
    Unknown {
        /// What happened instead.
        why: String,
    },
    /// A look: still in progress.
    InProgress,
    /// A look: AWS no longer tells of this write.
    StatusLost {
        /// What it said instead.
        why: String,
    },
}

impl Ledger {
    /// Takes in a reading: the newest `began` wins, on a tie Present wins. A failed or partial
    /// read must not come here.
    pub fn observe(mut self, reading: Reading) -> Self {
        let Reading {
            began,
            present,
            membership,
        } = reading;
        let binding = &mut self.binding;
        binding.failures = 0;
        if present {
            binding.last_present_seen = binding.last_present_seen.max(Some(began));
        }
        let newer = binding
            .observation
            .as_ref()
            .is_none_or(|o| began > o.read_began || (began == o.read_began && present));
        if !newer {
            return self;
        }
        if !present && binding.quarantine_until.is_some_and(|q| q <= began) {
            binding.quarantine_until = None;
        }
        binding.observation = Some(Observation {
            read_began: began,
            present,
            membership,
        });
        self
    }

    /// Writes what became of an attempt onto that attempt, and wakes the binding. What is
    /// closed or refused stays as it is; only a presumption gives way to better knowledge.
    pub fn record(
        mut self,
        attempt: AttemptId,
        answer: Answer,
        now: Time,
    ) -> Result<(Self, Vec<Fact>), Refused> {
        let mut facts = Vec::new();
        let found = self
            .attempts
            .iter_mut()
            .find(|a| a.id == attempt)
            .ok_or(Refused::NoAttempt(attempt))?;
        let permanent = found.take_answer(answer, now);
        let (kind, outcome) = (found.kind, found.outcome);
        self.binding.due = self.binding.due.min(Some(now)).or(Some(now));
        if let Some(why) = permanent {
            match kind {
                _ if !self.is_newest(attempt) => {}
                AttemptKind::Create => self.provision_refused(&why, now, &mut facts),
                AttemptKind::Delete => self.removal_refused(why, now, &mut facts),
            }
        }
        if kind == AttemptKind::Delete && outcome.says_gone() {
            self.unstick(&mut facts);
        } else if kind == AttemptKind::Delete
            && let Some(reason) = self.vain_removal()
        {
            self.removal_refused(reason, now, &mut facts);
        }
        Ok((self, facts))
    }

    /// No other attempt of its kind was made after it, nor was the access seen since: its
    /// refusal is today's, not one brought by a worker that slept.
    fn is_newest(&self, id: AttemptId) -> bool {
        let Some(attempt) = self.attempts.iter().find(|a| a.id == id) else {
            return false;
        };
        let later = |a: &Attempt| a.kind == attempt.kind && a.sign_at > attempt.sign_at;
        let seen = attempt.kind == AttemptKind::Create
            && self.seen_present().is_some_and(|t| t >= attempt.sign_at);
        attempt.epoch == self.binding.epoch && !self.attempts.iter().any(later) && !seen
    }

    /// AWS will not have this create: who waits for it is told. What was confirmed before and
    /// was to be provisioned again stays taken away.
    fn provision_refused(&mut self, why: &str, now: Time, facts: &mut Vec<Fact>) {
        let waiting: Vec<GrantId> = self
            .live(now)
            .filter(|g| !g.is_confirmed())
            .map(|g| g.id)
            .collect();
        let why = why.to_owned();
        for id in waiting {
            close_with_successors(
                &mut self.grants,
                id,
                CloseReason::Refused,
                Some(&why),
                now,
                facts,
            );
        }
        let confirmed = self.live(now).next().is_some();
        if confirmed && self.binding.interrupted.is_none() {
            self.binding.interrupted = Some(now);
            facts.push(Fact::TakenAway);
        }
    }

    /// Why the last removals came to nothing, if there were so many in a row that somebody has
    /// to know, although AWS refused none of them for good.
    fn vain_removal(&self) -> Option<String> {
        let mut deletes: Vec<&Attempt> = self
            .deletes()
            .filter(|d| d.epoch == self.binding.epoch && !matches!(d.outcome, Outcome::Held { .. }))
            .collect();
        deletes.sort_by_key(|d| (d.sign_at, d.id));
        let vain = deletes
            .iter()
            .rev()
            .take_while(|d| !d.outcome.says_gone() && d.outcome != Outcome::Accepted);
        let last = deletes.last().and_then(|d| d.note.clone());
        (vain.count() >= VAIN_REMOVALS).then(|| last.unwrap_or_else(|| "no answer".to_owned()))
    }

    fn removal_refused(&mut self, reason: String, now: Time, facts: &mut Vec<Fact>) {
        let since = self.binding.stuck.as_ref().map_or(now, |s| s.since);
        if self
            .binding
            .stuck
            .as_ref()
            .is_none_or(|s| s.reason != reason)
        {
            facts.push(Fact::Stuck {
                reason: reason.clone(),
            });
        }
        self.binding.stuck = Some(Stuck { since, reason });
    }

    pub(super) fn unstick(&mut self, facts: &mut Vec<Fact>) {
        if self.binding.stuck.take().is_some() {
            facts.push(Fact::Unstuck);
        }
    }

    /// Takes in a listing of the creations of this pair that AWS has in progress and that we
    /// made. None: what is not accepted by now never will be. Some: they are our lost ones.
    pub fn creations(mut self, began: Time, in_progress: Vec<String>) -> Self {
        let mut found = false;
        for request_id in in_progress {
            let known = self
                .attempts
                .iter()
                .position(|a| a.request_id.as_deref() == Some(request_id.as_str()));
            let lost = known.or_else(|| {
                self.attempts.iter().position(|a| {
                    a.kind == AttemptKind::Create
                        && a.outcome == Outcome::Unknown
                        && a.request_id.is_none()
                })
            });
            if let Some(attempt) = lost.and_then(|i| self.attempts.get_mut(i))
                && matches!(attempt.outcome, Outcome::Unknown | Outcome::Accepted)
            {
                attempt.request_id = Some(request_id);
                attempt.outcome = Outcome::Accepted;
                found = true;
            }
        }
        if !found {
            self.binding.inflight_clear = self.binding.inflight_clear.max(Some(began));
        }
        self
    }

    /// The worker stops: give the claim back at once, so that another goes on where it stood.
    pub fn hand_over(mut self, claim: &Claim, now: Time) -> Result<Self, Lost> {
        self.binding.check(claim, now)?;
        self.binding.due = Some(self.binding.due.map_or(now, |due| due.min(now)));
        self.binding.lease_until = None;
        Ok(self)
    }

    /// Another write has to end first; nothing is intended yet. Gives the claim back until its
    /// turn may have come: the more wait for the same account, the later. At once where it was
    /// asked for since something else than is wanted now, or somebody woke the binding.
    pub fn wait_for_turn(
        mut self,
        claim: &Claim,
        asked: Wanted,
        waiting: usize,
        salt: u128,
        now: Time,
        config: &Config,
    ) -> Result<Self, Lost> {
        self.binding.check(claim, now)?;
        let turn = now + config.turn_wait(waiting, salt);
        let boundary = self.next_boundary(now, config);
        let woken = self.binding.due.is_some_and(|due| due > claim.began);
        self.binding.due = Some(if woken || self.wanted(now) != asked {
            now
        } else {
            boundary.map_or(turn, |at| at.min(turn))
        });
        self.binding.lease_until = None;
        Ok(self)
    }

    /// AWS could not be asked: give the claim back and look again later, longer each time. A
    /// removal that waits for an answer so often is stuck: somebody has to know.
    pub fn put_off(
        mut self,
        claim: &Claim,
        why: &str,
        now: Time,
        config: &Config,
    ) -> Result<(Self, Vec<Fact>), Lost> {
        self.binding.check(claim, now)?;
        let mut facts = Vec::new();
        let binding = &mut self.binding;
        binding.failures += 1;
        let tries = usize::try_from(binding.failures).unwrap_or(1);
        let salt = binding.id.0.as_u128() & 0xffff_ffff;
        let wait = Config::backoff(config.retry, config.retry_most, tries, salt);
        binding.due = Some(now + wait);
        binding.lease_until = None;
        if tries >= VAIN_REMOVALS && self.wanted(now) == Wanted::Absent {
            self.removal_refused(why.to_owned(), now, &mut facts);
        }
        Ok((self, facts))
    }
}

impl Attempt {
    /// Takes in an answer. Gives the reason if AWS will not have it, as it stands.
    fn take_answer(&mut self, answer: Answer, now: Time) -> Option<String> {
        let open = matches!(self.outcome, Outcome::Unknown | Outcome::Presumed { .. });
        let accepted = self.outcome == Outcome::Accepted;
        match answer {
            Answer::Accepted { request_id } if open => {
                self.request_id = Some(request_id);
                self.outcome = Outcome::Accepted;
                None
            }
            Answer::Succeeded { membership } if open || accepted => {
                self.outcome = Outcome::Succeeded { at: now };
                self.membership = membership.or(self.membership.take());
                None
            }
            Answer::Failed {
                gone,
                permanent,
                why,
            } if open || accepted => {
                self.outcome = Outcome::Failed { at: now, gone };
                self.note = Some(why.clone());
                (permanent && !gone).then_some(why)
            }
            Answer::NotFound if open => {
                self.outcome = Outcome::NotFound { at: now };
                None
            }
            Answer::Refused { permanent, why } if open => {
                self.outcome = Outcome::Refused { at: now };
                self.note = Some(why.clone());
                permanent.then_some(why)
            }
            Answer::Held { why } if open => {
                self.outcome = Outcome::Held { at: now };
                self.note = Some(why);
                None
            }
            Answer::Unknown { why } if open => {
                self.note = Some(why);
                None
            }
            Answer::InProgress => {
                self.polled_at = Some(now);
                None
            }
            Answer::StatusLost { why } if accepted => {
                self.outcome = Outcome::Unknown;
                self.note = Some(why);
                None
            }
            _ => None,
        }
    }
}

/// Closes a grant, and every grant that only continues it.
pub(super) fn close_with_successors(
    grants: &mut [Grant],
    id: GrantId,
    reason: CloseReason,
    note: Option<&String>,
    now: Time,
    facts: &mut Vec<Fact>,
) {
    let mut closing = vec![id];
    while let Some(next) = closing.pop() {
        for grant in grants.iter_mut() {
            if grant.predecessor == Some(next) {
                closing.push(grant.id);
            }
            if grant.id != next {
                continue;
            }
            if let Ok(closed) = grant.clone().close(reason, note.cloned(), now) {
                *grant = closed;
                facts.push(Fact::Closed {
                    grant: next,
                    reason,
                    note: note.cloned(),
                });
            }
        }
    }
}
