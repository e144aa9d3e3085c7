//! What is wrong with the sync of a connection: it fails, it waits for a person, or it is overdue.
//!
//! Overdue is what had no full sync for [`PERIODS`] times as long as there should be one, and still
//! has none a period after that was noticed: a server that stood still catches up first.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use stint_aws::ErrorKind;
use stint_db::Query;
use stint_domain::{ConnectionId, Span, Time};

use super::changes::hears;
use super::store::{overdue, runs};
use super::sync::begin;
use super::{Error, SyncRun};
use crate::connections::{self, Connection};
use crate::cx::{App, Cx};
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

/// How many times as long as there should be a full sync there may be none.
const PERIODS: usize = 3;

/// The name of the task that notices what is overdue.
const OVERDUE: &str = "directory.overdue";

/// The kinds of failure of a sync: those of one kind in a row are told once. News of a failure
/// names one of them as `failure`.
pub const FAILURES: &[&str] = &[
    "credentials",
    "denied",
    "throttled",
    "no_answer",
    "clock",
    "secret",
    "other_account",
    "refused",
    "other",
];

impl Error {
    /// Of which kind a sync's failure is: one of [`FAILURES`].
    pub(super) fn failure(&self) -> &'static str {
        match self {
            Self::Aws { source, .. } => match source.kind {
                ErrorKind::Credentials | ErrorKind::Expired => "credentials",
                ErrorKind::Denied => "denied",
                ErrorKind::Throttled | ErrorKind::Unsent => "throttled",
                ErrorKind::Unreachable | ErrorKind::Internal => "no_answer",
                ErrorKind::ClockSkew => "clock",
                ErrorKind::NotFound
                | ErrorKind::Conflict
                | ErrorKind::Invalid
                | ErrorKind::Quota
                | ErrorKind::Other => "refused",
            },
            Self::Connection(_) => "secret",
            Self::OtherAccount { .. } => "other_account",
            _ => "other",
        }
    }
}

/// That there was no full sync for longer than a connection promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// The end of the last one; where there was none, when the first began.
    pub since: Time,
    /// Since when one is under way.
    pub running: Option<Time>,
}

/// What is wrong with the sync of a connection, if anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The newest run that is over, however it came out.
    pub last: Option<SyncRun>,
    /// The run that waits for a person.
    pub held: Option<SyncRun>,
    /// That it was told to be overdue, and still is.
    pub overdue: Option<Overdue>,
}

impl Trouble {
    /// The newest run that is over, where it failed.
    pub fn failed(&self) -> Option<&SyncRun> {
        self.last.as_ref().filter(|run| run.state == "failed")
    }

    /// Whether the newest run that is over read everything; so where none is.
    pub fn works(&self) -> bool {
        self.last.as_ref().is_none_or(|run| run.state == "complete")
    }
}

/// What is wrong with the sync of a connection now.
pub async fn trouble(q: &mut impl Query, connection: ConnectionId) -> stint_db::Result<Trouble> {
    let open = runs::open(q, connection).await?;
    let late = overdue::get(q, connection).await?;
    let overdue = match late.filter(|it| it.told_at.is_some()) {
        Some(late) => {
            let running = runs::list(q, connection, Some("running"), None, 1).await?;
            Some(Overdue {
                since: late.since,
                running: running.first().map(|run| run.started_at),
            })
        }
        None => None,
    };
    Ok(Trouble {
        last: runs::last_over(q, connection).await?,
        held: open.into_iter().rfind(|run| run.state == "held"),
        overdue,
    })
}

/// How long after a full sync the next is due.
pub(super) async fn period(cx: &Cx, connection: ConnectionId) -> Result<Span, Error> {
    let every = cx.app.sync_every;
    Ok(if hears(cx, connection).await? {
        every.with_events
    } else {
        every.alone
    })
}

/// Notices connections that have had no full sync for too long: a task of its own, since a sync that
/// never ends keeps the others waiting.
struct Watch;

pub(super) fn task() -> Arc<dyn Task> {
    Arc::new(Watch)
}

#[async_trait]
impl Task for Watch {
    fn name(&self) -> &'static str {
        OVERDUE
    }

    fn period(&self) -> Span {
        Span::minutes(10)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, OVERDUE);
        let mut ran = Ran::idle();
        let all = connections::connections(&mut cx.read().await?).await?;
        for connection in all {
            let period = period(&cx, connection.id).await?;
            match look(&cx, &connection, period).await? {
                Seen::Told => ran.worked = true,
                Seen::At(at) => {
                    ran.next_due = Some(ran.next_due.map_or(at, |next| next.min(at)));
                }
                Seen::Nothing => {}
            }
        }
        Ok(ran)
    }
}

/// What came of a look at a connection.
enum Seen {
    /// It was told to be overdue just now.
    Told,
    /// Nothing before then.
    At(Time),
    /// Nothing until something else happens.
    Nothing,
}

async fn look(cx: &Cx, connection: &Connection, period: Span) -> Result<Seen, Error> {
    let id = connection.id;
    let mut q = cx.read().await?;
    let Some(since) = last_full(&mut q, connection).await? else {
        return Ok(Seen::Nothing);
    };
    let late = (0..PERIODS).fold(since, |at, _| at + period);
    if cx.now < late {
        return Ok(Seen::At(late));
    }
    // Somebody is asked already.
    let open = runs::open(&mut q, id).await?;
    if open.iter().any(|run| run.state == "held") {
        return Ok(Seen::Nothing);
    }
    let noticed = match overdue::get(&mut q, id).await? {
        Some(it) if it.told_at.is_some() => return Ok(Seen::Nothing),
        Some(it) if cx.now < it.noticed_at + period => return Ok(Seen::At(it.noticed_at + period)),
        Some(_) => true,
        None => false,
    };
    drop(q);
    let mut tx = begin(cx, id).await?;
    let now = connections::connection(&mut tx, id).await?;
    let Some(now) = now.filter(|it| it.removed_at.is_none()) else {
        return Ok(Seen::Nothing);
    };
    let open = runs::open(&mut tx, id).await?;
    let asked = open.iter().any(|run| run.state == "held");
    if asked || last_full(&mut tx, &now).await? != Some(since) {
        // Read meanwhile.
        return Ok(Seen::Nothing);
    }
    if !noticed {
        overdue::notice(&mut tx, id, since, cx.now).await?;
        tx.commit().await?;
        return Ok(Seen::At(cx.now + period));
    }
    if !overdue::tell(&mut tx, id, cx.now).await? {
        return Ok(Seen::Nothing);
    }
    tx.audit(cx.event(
        "sync.overdue",
        [id.into()],
        json!({ "since": since.to_string() }),
    ));
    outbox::emit(&mut tx, cx, "sync.overdue", json!({ "connection": id })).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    tracing::warn!(connection.id = %id, since = %since, "sync.overdue");
    Ok(Seen::Told)
}

/// The end of the last full sync; where there was none, when the first one began.
async fn last_full(q: &mut impl Query, connection: &Connection) -> stint_db::Result<Option<Time>> {
    match connection.last_sync_at {
        Some(at) => Ok(Some(at)),
        None => runs::first(q, connection.id).await,
    }
}
