//! Clocks that stand still until they are moved.

use stint_aws_sim::SimClock;
use stint_domain::{Clock, Span, Time};
use stint_server::cx::MovableClock;

/// The clock the rules, the SDK and the simulated AWS share.
#[derive(Clone)]
pub struct RulesClock(pub SimClock);

impl Clock for RulesClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.now_micros())
    }
}

impl MovableClock for RulesClock {
    fn advance(&self, by: Span) {
        self.0.advance(by.as_micros());
    }
}

impl RulesClock {
    /// Moves it forward.
    pub fn advance(&self, by: Span) {
        self.0.advance(by.as_micros());
    }

    /// Sets it.
    pub fn set(&self, to: Time) {
        self.0.set(to.micros());
    }
}

/// The second clock, for sign-ins, tokens and idempotency keys.
#[derive(Clone)]
pub struct HandClock(SimClock);

impl HandClock {
    /// Stands still at this moment.
    pub fn at(time: Time) -> Self {
        Self(SimClock::frozen(time.micros()))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Span) {
        self.0.advance(by.as_micros());
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.now_micros())
    }
}
