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
