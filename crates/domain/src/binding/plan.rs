//! The next step for a binding: the first row of the table that fits.
//!
//! A reading is *fresh* if it began in this claim. Only a fresh reading moves anything.

use super::{Attempt, AttemptKind, Claim, Config, Ledger, Observation, Outcome, Wanted};
use crate::AttemptId;
use crate::time::Time;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until then; or until somebody changes something.
    Rest {
        /// When to look next.
        until: Option<Time>,
    },
    /// Read the pair in AWS.
    Read,
    /// Ask AWS what became of this accepted attempt.
    Poll(AttemptId),
    /// List the creations AWS has in progress, and find ours.
    ListCreations,
    /// Intend a create.
    Create,
    /// Intend a delete; of this membership, where memberships have ids.
    Delete {
        /// The membership to remove.
        membership: Option<String>,
    },
    /// Something that is only to be written down.
    Write(Decision),
}

/// What a worker establishes without calling AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Grants not confirmed in time fail.
    FailUnconfirmed,
    /// Grants whose window is over end at once: nothing is being removed.
    EndGrants,
    /// Nothing in AWS is our business any more.
    CloseEpoch,
    /// The interruption is over: the access is back, or nobody waits for it.
    ClearInterruption,
    /// Confirmed access was taken away.
    Interrupt,
    /// Quarantine: what appeared is taken for ours and will be removed.
    Reopen,
    /// Quarantine: what is there is taken for ours, and used.
    Adopt,
    /// The access is there.
    Confirm,
    /// This create can no longer happen.
    Presume(AttemptId),
    /// Absence is proved.
    End,
}

/// A ledger seen by one claim at one moment.
pub(super) struct View<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) claim: &'a Claim,
    pub(super) now: Time,
    pub(super) config: &'a Config,
}

impl Ledger {
    /// The next step. It presumes that the claim holds.
    pub fn plan(&self, claim: &Claim, now: Time, config: &Config) -> Step {
        View {
            ledger: self,
            claim,
            now,
            config,
        }
        .step()
    }
}

impl View<'_> {
    fn step(&self) -> Step {
        let wanted = self.ledger.wanted(self.now);
        if let Some(decision) = self.upkeep(wanted) {
            return Step::Write(decision);
        }
        match wanted {
            Wanted::LeaveAlone => self.leave_alone(),
            Wanted::Present => self.poll().unwrap_or_else(|| self.present()),
            Wanted::Absent => self.poll().unwrap_or_else(|| self.absent()),
        }
    }

    /// What only needs writing down, whatever AWS says.
    fn upkeep(&self, wanted: Wanted) -> Option<Decision> {
        let (ledger, now) = (self.ledger, self.now);
        let late = |t: Option<Time>| t.is_some_and(|t| t <= now);
        if ledger
            .grants
            .iter()
            .any(|g| !g.is_over(now) && late(g.confirm_by(self.config)))
        {
            return Some(Decision::FailUnconfirmed);
        }
        if wanted != Wanted::Absent
            && ledger
                .grants
                .iter()
                .any(|g| g.is_over(now) && g.ended.is_none())
        {
            return Some(Decision::EndGrants);
        }
        if wanted == Wanted::LeaveAlone && ledger.binding.epoch_open {
            return Some(Decision::CloseEpoch);
        }
        if ledger.binding.interrupted.is_some() && ledger.live(now).next().is_none() {
            return Some(Decision::ClearInterruption);
        }
        None
    }

    fn leave_alone(&self) -> Step {
        let binding = &self.ledger.binding;
        if binding.quarantine_until.is_none() && binding.interrupted.is_none() {
            return self.rest(None);
        }
        let Some(reading) = self.fresh() else {
            return Step::Read;
        };
        // A reading begun within LAG of the interruption may be of before it.
        let settled = binding
            .interrupted
            .is_none_or(|at| reading.read_began >= at + self.config.lag);
        if reading.present && settled {
            return Step::Write(if binding.quarantine_until.is_some() {
                Decision::Reopen
            } else {
                Decision::ClearInterruption
            });
        }
        let look = if binding.interrupted.is_some() {
            self.config.drift
        } else {
            self.config.quarantine_look
        };
        self.rest(Some(self.now + look))
    }

    /// Any Accepted attempt: ask about it, at growing intervals.
    fn poll(&self) -> Option<Step> {
        let open = self
            .ledger
            .attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Accepted);
        let next = open
            .map(|a| (self.next_poll(a), a.id))
            .min_by_key(|&(t, _)| t)?;
        Some(if next.0 <= self.now {
            Step::Poll(next.1)
        } else {
            self.rest(Some(next.0))
        })
    }

    fn next_poll(&self, attempt: &Attempt) -> Time {
        let Some(polled) = attempt.polled_at else {
            return attempt.sign_at;
        };
        let age = polled.since(attempt.sign_at).as_micros() / 8;
        let wait = age.clamp(
            self.config.poll.as_micros(),
            self.config.poll_most.as_micros(),
        );
        polled + crate::time::Span::micros(wait)
    }

    fn present(&self) -> Step {
        let (ledger, config) = (self.ledger, self.config);
        let Some(reading) = self.fresh() else {
            return Step::Read;
        };
        let began = reading.read_began;
        let change = ledger.newest_change();
        let unconfirmed = ledger.live(self.now).any(|g| !g.is_confirmed());
        if reading.present {
            if let Some((AttemptKind::Delete, at)) = change
                && began < at + config.lag
            {
                return self.rest(Some(at + config.lag));
            }
            if ledger.binding.quarantine_until.is_some() && !ledger.ours() {
                return Step::Write(Decision::Adopt);
            }
            if unconfirmed {
                return Step::Write(Decision::Confirm);
            }
            return self.rest(Some(self.look_again()));
        }
        if let Some((AttemptKind::Create, at)) = change
            && began < at + config.lag
        {
            // Not a confirmation: `at` is when we learnt of the success, which may be long after
            // it, and the access taken away since.
            return self.rest(Some((at + config.lag).min(self.now + config.retry)));
        }
        if self.is_interruption(began) {
            return Step::Write(Decision::Interrupt);
        }
        if let Some(later) = self.later(AttemptKind::Create, change.map(|(_, at)| at)) {
            return self.rest(Some(later));
        }
        if let Some(seen) = ledger.binding.last_present_seen
            && began < seen + config.lag
        {
            return self.rest(Some(seen + config.lag));
        }
        Step::Create
    }

    /// Access that was confirmed is absent, long enough after it was last there, and through
    /// no delete of ours; nor did somebody since decide to provision it again.
    fn is_interruption(&self, began: Time) -> bool {
        let ledger = self.ledger;
        let again = ledger.binding.again_at;
        ledger.live(self.now).any(|g| g.is_confirmed())
            && ledger.seen_present().is_some_and(|seen| {
                began >= seen + self.config.lag && again.is_none_or(|a| seen > a)
            })
            && !ledger.may_have_deleted(self.config)
    }

    /// When to look at access that is there: after the drift period, or once a delete nothing
    /// is known of can no longer have hit it.
    fn look_again(&self) -> Time {
        let config = self.config;
        let drift = self.now + config.drift;
        self.ledger
            .deletes()
            .filter(|d| d.outcome == Outcome::Unknown)
            .map(|d| d.sign_at + config.fence + config.lag)
            .filter(|&t| t > self.now)
            .min()
            .map_or(drift, |t| t.min(drift))
    }

    /// The newest reading, if it began in this claim.
    pub(super) fn fresh(&self) -> Option<&Observation> {
        self.ledger
            .binding
            .observation
            .as_ref()
            .filter(|o| o.read_began >= self.claim.began)
    }

    /// When a write of this kind may be tried again, if that is not now. Only tries that serve
    /// the same end count: not those before `floor`, nor those before a person asked again.
    pub(super) fn later(&self, kind: AttemptKind, floor: Option<Time>) -> Option<Time> {
        let binding = &self.ledger.binding;
        let floor = floor.max(binding.again_at);
        let tries = self.ledger.attempts.iter().filter(|a| {
            a.kind == kind && a.epoch == binding.epoch && floor.is_none_or(|f| a.sign_at >= f)
        });
        let last = tries.clone().max_by_key(|a| (a.sign_at, a.id))?;
        let held = |a: &Attempt| matches!(a.outcome, Outcome::Held { .. });
        let count = tries.filter(|a| !held(a)).count();
        let config = self.config;
        let salt = last.id.0.as_u128() & 0xffff_ffff;
        let wait = if held(last) {
            Config::backoff(config.retry, config.retry, 1, salt)
        } else if kind == AttemptKind::Delete && binding.stuck.is_some() {
            config.stuck_retry
        } else {
            Config::backoff(config.retry, config.retry_most, count, salt)
        };
        Some(last.sign_at + wait).filter(|&t| t > self.now)
    }

    /// Rest until `until`, or until the grants or the quarantine want attention before that.
    pub(super) fn rest(&self, until: Option<Time>) -> Step {
        let boundary = self.ledger.next_boundary(self.now, self.config);
        let quarantine = self.ledger.binding.quarantine_until;
        let quarantine = quarantine.filter(|&q| q > self.now);
        Step::Rest {
            until: [until, boundary, quarantine].into_iter().flatten().min(),
        }
    }
}
