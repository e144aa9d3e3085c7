//! How figures are said, and how time is taken.

use std::time::Instant;

use serde_json::json;
use tokio::task::JoinSet;

/// The figures of one bench and case.
pub(crate) struct Said {
    pub(crate) bench: &'static str,
    pub(crate) case: String,
}

impl Said {
    /// One figure, beside what it is measured against.
    pub(crate) fn figure(&self, figure: &str, value: f64, unit: &str, against: f64) {
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        let line = json!({
            "bench": self.bench,
            "case": self.case,
            "figure": figure,
            "value": rounded(value),
            "unit": unit,
            "against": rounded(against),
        });
        println!("{line}");
    }
}

/// The time by this machine: what the clocks of a world say stands still.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the time that passes"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Has so many callers at once do all of the work; answers for how many seconds.
pub(crate) async fn seconds<T, F, Fut>(callers: usize, work: Vec<T>, each: F) -> f64
where
    T: Send + 'static,
    F: Fn(T) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut hands: Vec<Vec<T>> = (0..callers).map(|_| Vec::new()).collect();
    for (n, item) in work.into_iter().enumerate() {
        hands[n % callers].push(item);
    }
    let began = now();
    let mut at_work = JoinSet::new();
    for hand in hands {
        let each = each.clone();
        at_work.spawn(async move {
            for item in hand {
                each(item).await;
            }
        });
    }
    at_work.join_all().await;
    began.elapsed().as_secs_f64()
}
