//! Runs the tasks of a server until it is told to stop.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use stint_domain::{Span, Time};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::{Ran, Stopping, Task, TaskError};
use crate::cx::App;
use crate::http::failure_chain;

/// The running tasks. Dropping it aborts them where they stand; [`stop`](Driver::stop) lets
/// each finish or hand over what it has in hand.
pub struct Driver {
    stopping: Stopping,
    running: JoinSet<()>,
}

/// After a failure a task waits this long at least, so as not to fail in a loop.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

impl Driver {
    /// Starts a driver for each task.
    pub fn start(app: &App, tasks: Vec<Arc<dyn Task>>) -> Self {
        let stopping = app.stopping.clone();
        let mut running = JoinSet::new();
        for task in tasks {
            let span = tracing::info_span!("task", task.name = task.name());
            running.spawn(drive(app.clone(), task).instrument(span));
        }
        Self { stopping, running }
    }

    /// Lets every task come to an end: nothing new is claimed, a call to AWS that is under way
    /// is waited for and its answer recorded, and the claim given back. True when all ended
    /// within `patience`; else the rest is aborted where it stands, as a crash would, and
    /// another process takes over when the leases lapse.
    pub async fn stop(mut self, patience: Duration) -> bool {
        self.stopping.begin();
        let all = async { while self.running.join_next().await.is_some() {} };
        let ended = tokio::time::timeout(patience, all).await.is_ok();
        self.running.shutdown().await;
        ended
    }
}

async fn drive(app: App, task: Arc<dyn Task>) {
    let name = task.name();
    let sleeper = app.nudges.sleeper(name);
    while !app.stopping.begun() {
        app.nudges.take(name);
        let ran = round(task.as_ref(), &app).await;
        app.status.note(name, app.clock.now(), &ran);
        let pause = match ran {
            Ok(ran) if ran.worked => continue,
            Ok(ran) => until(&app, ran.next_due).min(duration(task.period())),
            Err(error) => {
                tracing::error!(error = %failure_chain(error.as_ref()), "task.failed");
                duration(task.period()).max(AFTER_FAILURE)
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = sleeper.notified() => {}
            () = app.stopping.wait() => {}
        }
    }
}

/// One round. One that panics has failed, and the task goes on.
async fn round(task: &dyn Task, app: &App) -> Result<Ran, TaskError> {
    AssertUnwindSafe(task.run(app))
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<&str>()
                .map(|words| (*words).to_owned());
            let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(format!("it panicked: {}", words.unwrap_or_default()).into())
        })
}

fn duration(span: Span) -> Duration {
    Duration::from_micros(u64::try_from(span.as_micros()).unwrap_or(0))
}

/// The rules' clock goes at wall speed between two nudges: whoever moves it nudges.
fn until(app: &App, due: Option<Time>) -> Duration {
    match due {
        // Never a busy loop on something that is due and cannot be done yet.
        Some(due) => duration(due.since(app.clock.now())).max(Duration::from_millis(20)),
        None => Duration::MAX,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the driver: the one place that sleeps"
)]
async fn sleep(pause: Duration) {
    tokio::time::sleep(pause).await;
}
