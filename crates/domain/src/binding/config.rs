//! The numbers of the model.

use crate::time::Span;

/// Times the rules reckon with. All are settings; the defaults are Stint's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The longest AWS accepts an old signature, plus the measured clock offset.
    pub fence: Span,
    /// The believed bound on how far behind a read may be.
    pub lag: Span,
    /// How long a worker holds a binding without renewing.
    pub lease: Span,
    /// First wait before trying a write again; doubles.
    pub retry: Span,
    /// Longest wait before trying a write again.
    pub retry_most: Span,
    /// About how long AWS takes for one write of assignments on an account. Of many that wait
    /// for the same account about one comes in that time.
    pub turn: Span,
    /// Longest wait for one's turn on an account: less than a refused removal keeps its turn.
    pub turn_most: Span,
    /// Wait before trying again a removal that is stuck.
    pub stuck_retry: Span,
    /// First wait between two looks at an asynchronous write; grows.
    pub poll: Span,
    /// Longest wait between two looks at an asynchronous write.
    pub poll_most: Span,
    /// How often granted access is looked at again.
    pub drift: Span,
    /// How long access that appears may be a lost create of ours. Far longer than `fence`.
    pub quarantine: Span,
    /// How often a pair in quarantine is looked at.
    pub quarantine_look: Span,
    /// A provision not there this long after the grant's start has failed.
    pub provision: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fence: Span::minutes(15),
            lag: Span::seconds(30),
            lease: Span::seconds(60),
            retry: Span::seconds(5),
            retry_most: Span::minutes(2),
            // AWS's own sample did 1,200 writes one after the other in 61 minutes (AWS
            // reference §2).
            turn: Span::seconds(3),
            turn_most: Span::seconds(90),
            stuck_retry: Span::minutes(5),
            poll: Span::seconds(1),
            poll_most: Span::seconds(15),
            drift: Span::minutes(10),
            quarantine: Span::hours(24),
            quarantine_look: Span::hours(1),
            provision: Span::minutes(15),
        }
    }
}

impl Config {
    /// How far back attempts of earlier epochs still matter.
    pub fn memory(&self) -> Span {
        self.fence + self.lag + Span::hours(1)
    }

    /// How long to wait for an account on which `waiting` wait, oneself included: by chance, so
    /// that they come one after the other. The chance comes from `salt`.
    pub(crate) fn turn_wait(&self, waiting: usize, salt: u128) -> Span {
        let all = self
            .turn
            .as_micros()
            .saturating_mul(i64::try_from(waiting).unwrap_or(i64::MAX));
        if all <= self.retry.as_micros() {
            return Self::backoff(self.retry, self.retry, 1, salt);
        }
        let span = u128::try_from(all.min(self.turn_most.as_micros())).unwrap_or(1);
        let by_chance = i64::try_from(salt % span.max(1)).unwrap_or(0);
        Span::seconds(1) + Span::micros(by_chance)
    }

    /// `first` doubled with every try after the first, at most `most`, a quarter more or less
    /// by chance. The chance comes from `salt`, so that the same facts give the same plan.
    pub(crate) fn backoff(first: Span, most: Span, tries: usize, salt: u128) -> Span {
        let shift = u32::try_from(tries.saturating_sub(1)).map_or(10, |n| n.min(10));
        let doubled = first.as_micros().saturating_mul(1 << shift);
        let base = doubled.min(most.as_micros());
        let percent = 75 + i64::try_from(salt % 51).unwrap_or(25);
        Span::micros(base.saturating_mul(percent) / 100)
    }
}
