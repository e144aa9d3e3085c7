//! One token bucket with a line of waiters, over times that are given to it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Lane, Limit};

/// How far a throttled bucket may slow down.
const SLOWEST: f64 = 1.0 / 16.0;
/// How much of the lost pace each call brings back.
const RECOVERY: f64 = 0.02;

pub(super) struct Bucket {
    tokens: f64,
    burst: f64,
    refilled: Duration,
    /// Share of the limit in use: falls when AWS throttles, recovers call by call.
    pace: f64,
    /// Nobody passes before.
    closed_until: Duration,
    under_way: u32,
    line: BTreeSet<(Lane, u64)>,
}

impl Bucket {
    pub(super) fn full(limit: Limit) -> Self {
        Self {
            tokens: limit.burst,
            burst: limit.burst,
            refilled: Duration::ZERO,
            pace: 1.0,
            closed_until: Duration::ZERO,
            under_way: 0,
            line: BTreeSet::new(),
        }
    }

    pub(super) fn wait_in_line(&mut self, lane: Lane, ticket: u64) {
        self.line.insert((lane, ticket));
    }

    pub(super) fn leave_line(&mut self, lane: Lane, ticket: u64) {
        self.line.remove(&(lane, ticket));
    }

    /// Passes the first in line if there are tokens beyond those reserved for more urgent
    /// lanes; otherwise says how long to wait before looking again.
    pub(super) fn try_pass(
        &mut self,
        now: Duration,
        limit: Limit,
        lane: Lane,
        ticket: u64,
    ) -> Result<(), Duration> {
        let rate = (limit.per_second * self.pace).max(0.01);
        self.burst = limit.burst;
        let passed = now.saturating_sub(self.refilled).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(limit.burst);
        self.refilled = now;
        if now < self.closed_until {
            return Err(self.closed_until.saturating_sub(now));
        }
        if self.line.first() != Some(&(lane, ticket)) || self.under_way >= limit.concurrent {
            return Err(Duration::MAX);
        }
        let wanted = 1.0 + reserved(limit, lane);
        if self.tokens + 1e-9 < wanted {
            // Never so short that the wait rounds to nothing.
            let wait = Duration::from_secs_f64((wanted - self.tokens) / rate);
            return Err(wait.max(Duration::from_millis(1)));
        }
        self.tokens -= 1.0;
        self.pace = (self.pace + RECOVERY).min(1.0);
        self.enter();
        Ok(())
    }

    pub(super) fn enter(&mut self) {
        self.under_way = self.under_way.saturating_add(1);
    }

    pub(super) fn exit(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(super) fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.burst);
    }

    pub(super) fn throttled(&mut self, now: Duration, wait: Duration) {
        self.pace = (self.pace / 2.0).max(SLOWEST);
        self.tokens = 0.0;
        self.closed_until = self.closed_until.max(now + wait);
    }
}

/// Tokens a lane leaves behind for those more urgent: a tenth of the burst per step down.
fn reserved(limit: Limit, lane: Lane) -> f64 {
    (limit.burst - 1.0).max(0.0) * 0.1 * f64::from(lane.rank())
}
