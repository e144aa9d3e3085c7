//! Background work.
//!
//! A [`Task`] takes no input: it reads what is wanted, looks at what is, and closes the gap.
//! It may run twice, at once, and on two servers; repeats cost calls only. The driver runs
//! each by its period, when something it waits for falls due, and when it is nudged. Tests
//! run them by hand: [`run_due`].
//!
//! What it does not do: keep a queue. What is to be done is in the rooms' own tables.

mod driver;
mod status;
mod stopping;

use std::sync::Arc;

use stint_domain::{Span, Time};

use crate::cx::App;

pub use driver::Driver;
pub use status::{Status, Statuses};
pub use stopping::Stopping;

/// Why a run failed. It is logged and shown; the task runs again after its period.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// One kind of background work.
#[async_trait::async_trait]
pub trait Task: Send + Sync + 'static {
    /// Its name: room, dot, verb (`grants.reconcile`).
    fn name(&self) -> &'static str;

    /// How long it sleeps at most, in real time.
    fn period(&self) -> Span;

    /// Does one round.
    async fn run(&self, app: &App) -> Result<Ran, TaskError>;
}

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// Whether it found something to do: then it is worth running again at once.
    pub worked: bool,
    /// When, by the rules' clock, the next thing falls due, if that is known.
    pub next_due: Option<Time>,
}

impl Ran {
    /// There was nothing to do.
    pub const fn idle() -> Self {
        Self {
            worked: false,
            next_due: None,
        }
    }

    /// Something was done.
    pub const fn worked() -> Self {
        Self {
            worked: true,
            next_due: None,
        }
    }

    /// With the moment the next thing falls due.
    pub const fn due(self, at: Option<Time>) -> Self {
        Self {
            next_due: at,
            ..self
        }
    }
}

/// Why the tasks did not come to rest.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// A task failed.
    #[error("task {task} failed")]
    Failed {
        /// Which.
        task: &'static str,
        /// Why.
        #[source]
        source: TaskError,
    },
    /// They still found something to do after that many rounds.
    #[error(
        "the tasks still find something to do after {rounds} rounds; the last that did was {task}"
    )]
    Restless {
        /// How many rounds.
        rounds: u32,
        /// The last that worked.
        task: &'static str,
    },
}

/// How many rounds without rest are taken for a loop.
const ROUNDS: u32 = 10_000;

/// Runs all the tasks, round after round, until none finds anything to do at this moment of
/// the clock; answers when the next thing falls due. For tests and the demo's data: nothing
/// sleeps, and nothing is retried.
pub async fn run_due(app: &App) -> Result<Option<Time>, NotSettled> {
    run_until_idle(app, &crate::tasks()).await
}

/// [`run_due`] with a given list of tasks.
pub async fn run_until_idle(
    app: &App,
    tasks: &[Arc<dyn Task>],
) -> Result<Option<Time>, NotSettled> {
    let mut last = "";
    for _ in 0..ROUNDS {
        let mut worked = false;
        let mut next_due: Option<Time> = None;
        for task in tasks {
            let name = task.name();
            app.nudges.take(name);
            let ran = task.run(app).await;
            app.status.note(name, app.clock.now(), &ran);
            let ran = ran.map_err(|source| NotSettled::Failed { task: name, source })?;
            if ran.worked {
                worked = true;
                last = name;
            }
            next_due = match (next_due, ran.next_due) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        if !worked {
            return Ok(next_due);
        }
    }
    Err(NotSettled::Restless {
        rounds: ROUNDS,
        task: last,
    })
}
