//! Our clock, as the SDK wants it.
//!
//! The SDK asks a `TimeSource` when it signs. Reads and sign-ins are signed with the
//! connector's [`Clock`]; a write is signed with its intent's time ([`signing_time`]), so
//! that AWS itself refuses it once it is old, however long the worker slept.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{StaticTimeSource, TimeSource};
use stint_domain::{Clock, Time};

/// A [`Clock`] in the SDK's shape.
#[derive(Clone)]
pub(crate) struct SdkClock(pub(crate) Arc<dyn Clock>);

impl TimeSource for SdkClock {
    fn now(&self) -> SystemTime {
        system_time(self.0.now())
    }
}

impl fmt::Debug for SdkClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SdkClock")
    }
}

/// A time source that stands still at `at`.
pub(crate) fn signing_time(at: Time) -> StaticTimeSource {
    StaticTimeSource::new(system_time(at))
}

fn system_time(at: Time) -> SystemTime {
    let micros = Duration::from_micros(at.micros().unsigned_abs());
    let moved = if at.micros() < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(micros)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(micros)
    };
    moved.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The moment AWS sent, in our own form.
pub(crate) fn time_of(sent: &aws_smithy_types::DateTime) -> Time {
    let micros = sent.secs().saturating_mul(1_000_000);
    Time::from_micros(micros.saturating_add(i64::from(sent.subsec_nanos() / 1_000)))
}
