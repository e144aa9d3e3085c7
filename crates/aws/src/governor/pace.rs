//! By what the governor measures and makes its waits.

use std::time::{Duration, Instant};

use async_trait::async_trait;

/// A clock that runs by itself, and waiting by it. Not the product's clock: that one may
/// stand still, and a wait by it would never end.
#[async_trait]
pub trait Pace: Send + Sync + 'static {
    /// Time since some fixed start.
    fn now(&self) -> Duration;

    /// Returns after that long.
    async fn wait(&self, length: Duration);
}

/// The machine's monotonic clock.
pub struct WallPace {
    start: Instant,
}

impl WallPace {
    /// Starts at zero.
    #[expect(
        clippy::disallowed_methods,
        reason = "pacing real calls needs real time, not the product's clock"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for WallPace {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Pace for WallPace {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the governor's one place to wait before a call"
    )]
    async fn wait(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}
