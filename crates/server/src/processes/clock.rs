//! The rules' time: this machine's clock, set right by the database's.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stint_db::Db;
use stint_domain::{Clock, Span, Time};

use super::store;

/// How many times the offset is looked at for one measurement; the quickest look counts.
const LOOKS: usize = 3;

/// The local clock plus its measured offset to the database's.
pub struct DatabaseClock {
    local: Arc<dyn Clock>,
    offset: AtomicI64,
}

impl DatabaseClock {
    /// With the offset that was measured.
    pub fn new(local: Arc<dyn Clock>, measured: Measured) -> Self {
        Self {
            local,
            offset: AtomicI64::new(measured.offset.as_micros()),
        }
    }

    /// This machine's own clock.
    pub fn local(&self) -> &dyn Clock {
        self.local.as_ref()
    }

    pub(super) fn set(&self, measured: Measured) {
        self.offset
            .store(measured.offset.as_micros(), Ordering::Relaxed);
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Time {
        self.local.now() + Span::micros(self.offset.load(Ordering::Relaxed))
    }
}

/// How far the local clock is from the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// What has to be added to the local clock.
    pub offset: Span,
    /// By how much this may be wrong: half the time the question took.
    pub within: Span,
}

/// Asks the database for its time.
pub async fn measure(db: &Db, local: &dyn Clock) -> stint_db::Result<Measured> {
    let mut best: Option<Measured> = None;
    for _ in 0..LOOKS {
        // The transaction is begun first: only the question itself is timed.
        let mut reader = db.reader().await?;
        let before = local.now();
        let there = store::database_time(&mut reader).await?;
        let took = local.now().since(before);
        let within = Span::micros(took.as_micros() / 2);
        let found = Measured {
            offset: there - (before + within),
            within,
        };
        if best.is_none_or(|best| found.within < best.within) {
            best = Some(found);
        }
    }
    best.ok_or(stint_db::Error::Missing {
        statement: "DATABASE_TIME",
    })
}

/// Whether the clocks agree. Clones are the same.
#[derive(Clone, Debug)]
pub struct Trust {
    bound: Span,
    state: Arc<Mutex<Option<Span>>>,
}

impl Default for Trust {
    fn default() -> Self {
        Self::within(Span::seconds(10))
    }
}

impl Trust {
    /// Clocks may differ by this much.
    pub fn within(bound: Span) -> Self {
        Self {
            bound,
            state: Arc::default(),
        }
    }

    /// Takes a measurement in. An alarm is logged when it begins and when it is over.
    pub fn judge(&self, measured: Measured) {
        let apart = Span::micros(measured.offset.as_micros().abs());
        let wrong = apart > self.bound + measured.within;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.is_some(), wrong) {
            (false, true) => tracing::error!(
                apart_seconds = apart.as_micros() / 1_000_000,
                "clock.disagrees: this machine and the database differ in time. Set both by NTP. Removals that only a clock asks for wait until they agree"
            ),
            (true, false) => tracing::warn!("clock.agrees again: removals go on"),
            _ => {}
        }
        *state = wrong.then_some(apart);
    }

    /// By how much the clocks disagree, if by more than they may: then nothing is removed only
    /// because it is late.
    pub fn paused(&self) -> Option<Span> {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
