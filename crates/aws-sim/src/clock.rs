//! The clock everything in the simulated AWS happens by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A virtual clock in microseconds since 1970-01-01T00:00:00Z. Clones are the same clock.
///
/// Either stands still until somebody moves it, or runs at wall speed with an offset.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    frozen: bool,
    /// The time itself when frozen, the offset to the wall clock otherwise.
    micros: AtomicI64,
}

impl SimClock {
    /// A clock that stands at this moment until it is moved.
    pub fn frozen(at: i64) -> Self {
        Self(Arc::new(Shared {
            frozen: true,
            micros: AtomicI64::new(at),
        }))
    }

    /// A clock that runs with the wall clock, for the time being without an offset.
    pub fn wall_plus_offset() -> Self {
        Self(Arc::new(Shared {
            frozen: false,
            micros: AtomicI64::new(0),
        }))
    }

    /// The virtual time.
    pub fn now_micros(&self) -> i64 {
        let value = self.0.micros.load(Ordering::SeqCst);
        if self.0.frozen {
            value
        } else {
            wall_micros().saturating_add(value)
        }
    }

    /// Moves the clock by this many microseconds; backwards when negative.
    pub fn advance(&self, micros: i64) {
        self.0.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the clock to a moment. A running clock goes on from there.
    pub fn set(&self, micros: i64) {
        let value = if self.0.frozen {
            micros
        } else {
            micros.saturating_sub(wall_micros())
        };
        self.0.micros.store(value, Ordering::SeqCst);
    }

    /// Whether the clock stands still between moves.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen
    }
}

/// The machine's own clock: judges the estate administrator's keys.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's one place that reads the wall clock"
)]
pub(crate) fn wall_micros() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}

/// `20260102T030405Z`, the form signatures and their errors use.
pub(crate) fn basic(micros: i64) -> String {
    timestamp(micros).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// `2026-01-02T03:04:05Z`, whole seconds.
pub(crate) fn iso(micros: i64) -> String {
    timestamp(micros).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-01-02 03:04:05.678`, as SCIM's errors have it.
pub(crate) fn spaced(micros: i64) -> String {
    timestamp(micros)
        .strftime("%Y-%m-%d %H:%M:%S%.3f")
        .to_string()
}

/// `Fri, 02 Jan 2026 03:04:05 GMT`, for the `Date` header.
pub(crate) fn http_date(micros: i64) -> String {
    timestamp(micros)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// Reads `20260102T030405Z`.
pub(crate) fn read_basic(text: &str) -> Option<i64> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to);
    let extended = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?
    );
    let moment: jiff::Timestamp = extended.parse().ok()?;
    (part(8, 9)? == "T" && part(15, 16)? == "Z").then(|| moment.as_microsecond())
}

fn timestamp(micros: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
