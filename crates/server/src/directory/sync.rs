//! Reading an estate: everything it holds, a page at a time, into the directory.
//!
//! A run is a row. Whoever starts one writes the row; whoever executes it claims the row and
//! moves it on with every chunk, so that progress survives a reload, a run that died is taken
//! over where it stands, and two workers never read at once for one connection.
//!
//! What it found gone is written down once it was read to its end, or held for a person: see
//! [`endings`].

mod endings;
mod gone;
mod plan;
mod walk;

pub(super) use walk::places;

use serde_json::{Value, json};
use stint_db::{Priority, Tx};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, Span, Time};

use super::store::{overdue, runs};
use super::{Error, SyncRun, classes, links};
use crate::connections::{self, Connection, SyncNote};
use crate::cx::Cx;
use crate::http::Fault as _;
use crate::outbox;
pub use endings::{accept_sync, endings_of, set_aside_sync, sync_run};
pub(super) use endings::{accepted, end, sweep};
pub use plan::Plan;
pub(super) use plan::minutes;
pub(super) use walk::List;
use walk::tags::TAGS_PHASE;
use walk::{Estates, Walk};

/// How many member accounts are read at a time; a number with a fraction, to divide by.
const MEMBERS_AT_A_TIME: f64 = 8.0;

/// A run that has not moved for so long is taken over: its worker is gone.
const IDLE: Span = Span::minutes(10);

/// A run that is held is followed by the next one only after so long, unless somebody starts it:
/// there is time to look at what it found.
const DECIDE_WITHIN: Span = Span::hours(6);

/// A run taken over goes on where it stands for so long after it began; later it begins anew.
const RESUMED: Span = Span::hours(6);

/// A reading that begins at `began` proves the absence only of what was last seen by then:
/// AWS may answer with a state as old as its lag (invariant 10).
fn seen_until(cx: &Cx, began: Time) -> Time {
    began - cx.app.model.lag
}

/// A transaction of a chunk. Whoever else writes many rows of this estate (a sync, a reading after an
/// event) waits for it: each would lock rows in an order of its own.
pub(super) async fn begin(cx: &Cx, connection: ConnectionId) -> Result<Tx, Error> {
    let mut tx = cx.begin(Priority::Sync).await?;
    connections::lock(&mut tx, connection).await?;
    Ok(tx)
}

/// Asks for a sync: a row that the background work picks up. A run under way is answered
/// instead of a second one.
pub async fn start_sync(cx: &Cx, id: ConnectionId) -> Result<SyncRun, Error> {
    cx.authorize(Verb::SyncConnection, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let connection = connections::connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    if connection.removed_at.is_some() {
        return Err(Error::Connection(Box::new(connections::Error::Removed)));
    }
    instance(&connection)?;
    if let Some(run) = runs::running(&mut tx, id).await? {
        return Ok(run);
    }
    // What was accepted is written down first: the next would find it gone once more.
    let mut open = runs::open(&mut tx, id).await?.into_iter();
    if let Some(run) = open.find(|run| run.state == "ending") {
        return Ok(run);
    }
    let run = cx.app.new_id();
    runs::start(&mut tx, run, id, cx.now).await?;
    connections::note_sync(&mut tx, id, SyncNote::Began).await?;
    tx.audit(cx.event("sync.started", [id.into(), run.into()], json!({})));
    let row = runs::get(&mut tx, run).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(super::tasks::SYNC);
    Ok(row)
}

/// Syncs now, and answers when everything is read.
///
/// Fails with what AWS said when a list could not be read whole; what was read before stays,
/// and nothing is taken for gone that was not read whole.
pub async fn sync(cx: &Cx, id: ConnectionId) -> Result<SyncRun, Error> {
    let run = start_sync(cx, id).await?;
    match execute(cx, &run).await? {
        Some(run) => Ok(run),
        None => Err(Error::Running {
            connection: id,
            since: run.started_at,
        }),
    }
}

/// What of a connection must be known to read it: instance and identity store.
fn instance(connection: &Connection) -> Result<(String, String), Error> {
    match (&connection.instance_arn, &connection.identity_store_id) {
        (Some(instance), Some(store)) => Ok((instance.clone(), store.clone())),
        _ => Err(Error::NotReady(connection.id)),
    }
}

/// Executes a run, if nobody else does. None: somebody does.
pub(super) async fn execute(cx: &Cx, run: &SyncRun) -> Result<Option<SyncRun>, Error> {
    let now = cx.app.clock.now();
    let mut tx = cx.begin(Priority::Sync).await?;
    if !runs::claim(&mut tx, run.id, now - IDLE, now).await? {
        return Ok(None);
    }
    let connection = connections::connection(&mut tx, run.connection)
        .await?
        .ok_or(Error::NotFound)?;
    let previous = runs::last_complete(&mut tx, run.connection).await?;
    // As it is now claimed: with the number of this attempt.
    let mut claimed = runs::get(&mut tx, run.id).await?.ok_or(Error::NotFound)?;
    let tested = connection.last_test.as_ref().map(|test| test.at);
    let believed = runs::last_plan(&mut tx, &claimed)
        .await?
        .believed(now, tested);
    tx.commit().await?;
    if claimed.plan == Plan::default() {
        claimed.plan = believed;
    }
    // What an earlier attempt read whole need not be read again, unless that is long ago.
    if claimed.started_at + RESUMED <= now {
        endings::forget(cx, &claimed).await?;
        (claimed.seen, claimed.appeared, claimed.ended) = (0, 0, 0);
        claimed.plan.forget();
    }
    // One that died while it read tags had written down what it found gone.
    let written = match claimed.phase == TAGS_PHASE {
        true => claimed.ended,
        false => 0,
    };
    let run = &claimed;

    let (instance_arn, identity_store) = instance(&connection)?;
    let estate = match connections::estate(&cx.app, &connection) {
        Ok(estate) => estate,
        Err(error) => {
            let error = Error::Connection(Box::new(error));
            failed(cx, run, &error).await?;
            return Err(error);
        }
    };
    let walk = Walk::new(
        cx,
        estate,
        run.clone(),
        Estates {
            instance: instance_arn,
            store: identity_store,
            iam: connection.iam,
            members: connection.members.as_ref().is_some_and(|it| it.on),
            tags: connection.scope.account_tags,
            tested,
        },
        previous,
    )
    .await?;
    let stopping = cx.app.stopping.clone();
    let read = tokio::select! {
        read = walk.all() => Some(read),
        // What was read stays; the rest is read by whoever takes the run over.
        () = stopping.wait() => None,
    };
    let Some(read) = read else {
        let mut tx = cx.begin(Priority::Sync).await?;
        runs::let_go(&mut tx, run).await?;
        tx.commit().await?;
        tracing::info!(sync.id = %run.id, "sync.handed_over");
        return Ok(None);
    };
    let (mut run, digest) = walk.parts().await;
    if read.is_err() && other_key(cx, &connection).await? {
        // Rotated or replaced meanwhile: it goes on by the key of now.
        let mut tx = cx.begin(Priority::Sync).await?;
        runs::let_go(&mut tx, &run).await?;
        tx.commit().await?;
        tracing::info!(sync.id = %run.id, "sync.handed_over");
        return Ok(None);
    }
    if let Err(error) = read {
        // Nothing has ended: the next run that reads everything finds it again.
        run.ended = 0;
        failed(cx, &run, &error).await?;
        return Err(error);
    }
    let found = endings::weigh(cx, &run).await?;
    if !found.held() {
        endings::write(cx, &mut run).await?;
        run.ended = run.ended.saturating_add(written);
        gone::write(cx, &run, gone::By::Reader).await?;
    }
    walk.go_on(&run).await;
    tokio::select! {
        // What could not be read is left to the next run; what was is complete.
        rest = walk.rest() => if let Err(error) = rest {
            tracing::warn!(sync = %run.id, error = %error, "tags of accounts could not be read to the end");
        },
        // What is left of it is read by the next run.
        () = stopping.wait() => {}
    }
    let (mut run, _) = walk.parts().await;
    // What it planned is what it did.
    run.expected = run.done;
    if found.held() {
        let held = endings::hold(cx, &mut run, found, digest).await?;
        links::propose_likenesses(cx, run.connection).await?;
        return Ok(Some(held));
    }
    complete(cx, &run, digest).await.map(Some)
}

/// Whether the connection enters by another access key than when it was read.
async fn other_key(cx: &Cx, was: &Connection) -> Result<bool, Error> {
    let now = connections::connection(&mut cx.read().await?, was.id).await?;
    let id = |it: &Connection| it.credential.key().map(|key| key.id.clone());
    Ok(now.is_some_and(|now| id(&now) != id(was)))
}

async fn complete(cx: &Cx, run: &SyncRun, digest: String) -> Result<SyncRun, Error> {
    let now = cx.app.clock.now();
    let mut tx = begin(cx, run.connection).await?;
    runs::moved(&mut tx, run).await?;
    if !runs::finish(&mut tx, run, "complete", None, Some(digest.clone()), now).await? {
        return Err(Error::Running {
            connection: run.connection,
            since: run.started_at,
        });
    }
    endings::supersede(&mut tx, cx, run).await?;
    complete_in(&mut tx, cx, run, &digest).await?;
    let row = runs::get(&mut tx, run.id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    links::propose_likenesses(cx, run.connection).await?;
    Ok(row)
}

/// What is said of a run that is complete; the caller's transaction has made it so.
async fn complete_in(tx: &mut Tx, cx: &Cx, run: &SyncRun, digest: &str) -> Result<(), Error> {
    // What was accepted days later is as old as its reading.
    let at = run.finished_at.unwrap_or_else(|| cx.app.clock.now());
    classes::believed(tx, run).await?;
    // A newer one says how the connection is.
    if runs::is_newest(tx, run).await? {
        connections::note_sync(tx, run.connection, SyncNote::Complete { at }).await?;
        overdue::forget(tx, run.connection).await?;
    }
    let facts = facts(run, digest);
    let about = [run.connection.into(), run.id.into()];
    tx.audit(cx.event("sync.completed", about, facts.clone()));
    let news = json!({ "connection": run.connection, "run": run.id, "facts": facts });
    Ok(outbox::emit(tx, cx, "sync.completed", news).await?)
}

fn facts(run: &SyncRun, digest: &str) -> Value {
    json!({
        "calls": run.calls, "seen": run.seen, "appeared": run.appeared, "ended": run.ended,
        "unread": run.unread, "digest": digest,
    })
}

async fn failed(cx: &Cx, run: &SyncRun, error: &Error) -> Result<(), Error> {
    let why = error.detail();
    let mut tx = begin(cx, run.connection).await?;
    runs::moved(&mut tx, run).await?;
    if runs::finish(
        &mut tx,
        run,
        "failed",
        Some(why.clone()),
        None,
        cx.app.clock.now(),
    )
    .await?
    {
        classes::failed(&mut tx, run, error, &why).await?;
        connections::note_sync(
            &mut tx,
            run.connection,
            SyncNote::Failed { why: why.clone() },
        )
        .await?;
        let facts = json!({ "phase": run.phase, "code": error.code(), "why": why });
        tx.audit(cx.event("sync.failed", [run.connection.into(), run.id.into()], facts));
        outbox::emit(
            &mut tx,
            cx,
            "sync.failed",
            json!({ "connection": run.connection, "run": run.id, "failure": error.failure() }),
        )
        .await?;
        tx.commit().await?;
        cx.app.nudge(outbox::DELIVER);
    }
    Ok(())
}

/// What the background work is to do about a connection.
pub(super) enum Due {
    /// This run is to be executed.
    Run(Box<SyncRun>),
    /// A run is to be started.
    Start,
    /// Nothing before then.
    At(Time),
    /// Nothing until somebody tests the connection, or for as long as another worker reads.
    Not,
}

/// What is to be done about a connection now. `period` after a complete run, `again` after a
/// failed one.
pub(super) async fn due(
    cx: &Cx,
    connection: &Connection,
    period: Span,
    again: Span,
) -> Result<Due, Error> {
    let mut q = cx.read().await?;
    if let Some(run) = runs::running(&mut q, connection.id).await? {
        return Ok(if run.moved_at <= cx.now - IDLE {
            Due::Run(Box::new(run))
        } else {
            Due::At(run.moved_at + IDLE)
        });
    }
    if instance(connection).is_err() {
        return Ok(Due::Not);
    }
    let Some((state, at)) = runs::last(&mut q, connection.id).await? else {
        return Ok(Due::Not);
    };
    let next = at
        + match state.as_str() {
            "failed" => again,
            // The next would find the same, and who looks at this one would lose it.
            "held" => DECIDE_WITHIN,
            _ => period,
        };
    Ok(if next <= cx.now {
        Due::Start
    } else {
        Due::At(next)
    })
}
