//! The one place that runs a verb again.

use std::time::Duration;

use crate::Error;

/// How often a verb is tried in all.
const TRIES: u32 = 5;

/// Runs a verb, and runs it again, from its start, when it failed because its transaction
/// crossed another one or found the database busy. Anything else, and the last failure,
/// goes to the caller.
///
/// The verb must open its transaction inside: nothing of a failed try may be kept. A room's
/// error has to carry the database's as its `#[source]` (or `#[from]`) to be recognised.
pub async fn retrying<T, E, F, Fut>(mut verb: F) -> Result<T, E>
where
    E: std::error::Error + 'static,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut tried = 1;
    loop {
        match verb().await {
            Err(error) if tried < TRIES && is_retryable(&error) => {
                tracing::debug!(tried, error = %error, "a transaction is tried again");
                pause(tried).await;
                tried += 1;
            }
            done => return done,
        }
    }
}

/// 2, 8, 18, 32 ms: long enough for the other transaction to end.
#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two tries is no moment anybody decides by, and too short to be a due time"
)]
async fn pause(tried: u32) {
    tokio::time::sleep(Duration::from_millis(2 * u64::from(tried * tried))).await;
}

fn is_retryable(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(db) = error.downcast_ref::<Error>() {
            return db.is_retryable();
        }
        // A transparent wrapper hides our error behind its source: the driver's own.
        if let Some(driver) = error.downcast_ref::<sqlx::Error>() {
            return driver
                .as_database_error()
                .and_then(|e| e.code())
                .is_some_and(|code| {
                    matches!(code.as_ref(), "40001" | "40P01" | "55P03" | "5" | "6")
                });
        }
        next = error.source();
    }
    false
}
