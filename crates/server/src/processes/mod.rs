//! Several Stint processes on one database: who is there, what they share of AWS's budget, and
//! whose clock counts.
//!
//! **Tables**: `processes`, `budget_scopes`, `write_slots`, `write_turns`. None of it is state of
//! Stint's: it is about the present only, has no events, and nothing is lost with it.
//!
//! What it promises:
//! - **Write slots** ([`SharedBudget`]): at most one open assignment write per AWS account and as
//!   many per estate as AWS accepts, whichever process they are from and also when one of them
//!   died. A slot is a row that lapses by itself; the ones for revocations are kept free by the
//!   same rules as in one process. A revocation that found its account busy has its turn before
//!   any other write there.
//! - **Rates**: every process takes its part of AWS's rates, the whole divided by the processes
//!   seen alive within [`ALIVE`]; inside its part the lanes keep their reserve. When one starts,
//!   the others learn of it within [`BEAT`]: for so long more calls may leave than their share.
//! - **One clock** ([`DatabaseClock`]): the rules' time is the local clock plus its measured
//!   offset to the database, so that leases are judged by one clock. Where the two disagree by
//!   more than a bound somebody's clock is wrong, and it cannot be told whose: it is logged and
//!   shown, and removals that only a clock asks for wait ([`Trust::paused`]).
//!
//! What it does not do: elect anybody. Who works on what is in the rooms' own leases.

mod budget;
mod clock;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use stint_db::{Db, Priority};
use stint_domain::Span;
use uuid::Uuid;

use crate::cx::App;
use crate::tasks::{Ran, Task, TaskError};

pub use budget::SharedBudget;
pub use clock::{DatabaseClock, Measured, Trust, measure};
pub(crate) use store::STATEMENTS;

/// How often a process says that it is there, and looks who else is.
pub const BEAT: Span = Span::seconds(10);
/// How long after its last sign a process counts as there.
pub const ALIVE: Span = Span::seconds(35);
/// How often the offset to the database's clock is measured.
pub const MEASURE: Span = Span::seconds(30);

/// How many processes share the budget. Clones are the same number.
#[derive(Clone, Debug)]
pub struct Processes {
    id: Uuid,
    count: Arc<AtomicU32>,
}

impl Processes {
    /// One process, by this id, until [`beat`] has seen others.
    pub fn new(id: Uuid) -> Self {
        Self {
            id,
            count: Arc::new(AtomicU32::new(1)),
        }
    }

    /// How many there are, this one included.
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed).max(1)
    }
}

/// Says that this process is there, and counts who is.
pub async fn beat(app: &App) -> stint_db::Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.begin(Priority::Sync).await?;
    let seen = store::beat(&mut tx, app.processes.id, now, now - ALIVE).await?;
    tx.commit().await?;
    let seen = u32::try_from(seen).unwrap_or(u32::MAX).max(1);
    if app.processes.count.swap(seen, Ordering::Relaxed) != seen {
        tracing::info!(processes = seen, "processes.counted");
    }
    Ok(())
}

/// This process leaves: the others have its share at their next look.
pub async fn leave(app: &App) -> stint_db::Result<()> {
    let mut tx = app.db.begin(Priority::Sync).await?;
    store::leave(&mut tx, app.processes.id).await?;
    tx.commit().await
}

/// What every process runs, also one that leaves the background work to others.
pub fn own_tasks(db: &Db) -> Vec<Arc<dyn Task>> {
    match db.engine() {
        stint_db::Engine::Postgres => vec![Arc::new(Beat), Arc::new(Measure)],
        // One process per file, and the file's clock is this machine's.
        stint_db::Engine::Sqlite => Vec::new(),
    }
}

struct Beat;

#[async_trait]
impl Task for Beat {
    fn name(&self) -> &'static str {
        "processes.beat"
    }

    fn period(&self) -> Span {
        BEAT
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        beat(app).await?;
        Ok(Ran::idle())
    }
}

struct Measure;

#[async_trait]
impl Task for Measure {
    fn name(&self) -> &'static str {
        "processes.clock"
    }

    fn period(&self) -> Span {
        MEASURE
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        if let Some(clock) = &app.database_clock {
            let measured = measure(&app.db, clock.local()).await?;
            clock.set(measured);
            app.trust.judge(measured);
        }
        Ok(Ran::idle())
    }
}
