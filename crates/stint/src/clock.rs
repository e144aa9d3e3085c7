//! The real time, for everything that is not the demo.

use std::time::{SystemTime, UNIX_EPOCH};

use stint_domain::{Clock, Time};

/// This machine's clock.
///
/// Replicas on one PostgreSQL are expected to keep theirs in step (NTP): leases are judged
/// by it. See the operator's guide.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wall;

impl Clock for Wall {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the real time comes in"
    )]
    fn now(&self) -> Time {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
