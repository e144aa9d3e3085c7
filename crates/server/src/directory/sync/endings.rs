//! What a sync found gone: written down a few rows at a time, or held for a person where it is
//! more than a sync may take for ended by itself ([`HoldRule`](stint_domain::sync::HoldRule)).
//!
//! Nothing ends while a run reads who holds what: its endings are rows beside it, so that one that dies or fails
//! meanwhile has ended nothing, and one that is held can be looked at row by row. Whatever was seen again by the
//! time they are written down does not end.

use serde_json::json;
use stint_db::{Priority, Tx};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{AssignmentId, ConnectionId, SyncId};

use super::super::store::{endings, runs, scopes};
use super::super::tasks::SYNC;
use super::super::{Assignment, Error, SyncRun, classes};
use super::{complete_in, facts, gone};
use crate::connections::{self, SyncNote};
use crate::cx::Cx;
use crate::http::{Page, Paging};
use crate::outbox;
use crate::web::time::grouped;

/// How many are written down in one transaction.
const CHUNK: i64 = 200;

/// What a run that was read found gone.
pub(super) struct Weighed {
    ending: i64,
    open: i64,
    held: bool,
}

impl Weighed {
    /// Whether a person decides.
    pub(super) const fn held(&self) -> bool {
        self.held
    }

    /// What stopped it, and what to do.
    fn why(&self, cx: &Cx) -> String {
        let rule = cx.app.hold;
        format!(
            "It would end {} of the {} assignments known here. A sync takes no more than {} % or {} of them \
             for ended by itself: look at what AWS no longer shows, and say whether it is right.",
            grouped(self.ending),
            grouped(self.open),
            rule.percent,
            grouped(i64::try_from(rule.rows).unwrap_or(i64::MAX)),
        )
    }
}

/// Weighs what a run found gone.
pub(super) async fn weigh(cx: &Cx, run: &SyncRun) -> Result<Weighed, Error> {
    let (ending, open) = endings::weigh(&mut cx.read().await?, run.id, run.connection).await?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Weighed {
        ending,
        open,
        held: cx.app.hold.holds(count(ending), count(open)),
    })
}

/// Writes down what a running run found gone; the run then knows how much that was.
pub(super) async fn write(cx: &Cx, run: &mut SyncRun) -> Result<(), Error> {
    run.ended = 0;
    loop {
        let mut tx = super::begin(cx, run.connection).await?;
        let (looked, ended) = endings::apply(&mut tx, run.id, CHUNK).await?;
        if looked == 0 {
            return Ok(());
        }
        run.ended += i64::try_from(ended).unwrap_or(i64::MAX);
        run.moved_at = cx.app.clock.now();
        if !runs::moved(&mut tx, run).await? {
            return Err(Error::Running {
                connection: run.connection,
                since: run.started_at,
            });
        }
        tx.commit().await?;
    }
}

/// Forgets what an earlier attempt at a run found, and read.
pub(super) async fn forget(cx: &Cx, run: &SyncRun) -> Result<(), Error> {
    loop {
        let mut tx = cx.begin(Priority::Sync).await?;
        let mut gone = endings::forget(&mut tx, run.id, CHUNK).await?;
        gone += scopes::forget(&mut tx, run.id, CHUNK).await?;
        tx.commit().await?;
        if gone == 0 {
            return Ok(());
        }
    }
}

/// Forgets what runs found that are over: nobody decides about it any more. A part of it when the
/// process is to end.
pub(in crate::directory) async fn sweep(cx: &Cx) -> Result<(), Error> {
    while !cx.app.stopping.begun() {
        let mut tx = cx.begin(Priority::Sync).await?;
        let mut gone = endings::sweep(&mut tx, CHUNK).await?;
        gone += scopes::sweep(&mut tx, CHUNK).await?;
        tx.commit().await?;
        if gone == 0 {
            break;
        }
    }
    Ok(())
}

/// The runs whose endings are to be written down, whichever connection's.
pub(in crate::directory) async fn accepted(cx: &Cx) -> Result<Vec<SyncRun>, Error> {
    Ok(runs::ending(&mut cx.read().await?).await?)
}

/// Ends a run that was read: what it found gone waits for a person.
pub(super) async fn hold(
    cx: &Cx,
    run: &mut SyncRun,
    found: Weighed,
    digest: String,
) -> Result<SyncRun, Error> {
    run.ended = found.ending;
    let (now, why) = (cx.app.clock.now(), found.why(cx));
    let mut tx = super::begin(cx, run.connection).await?;
    runs::moved(&mut tx, run).await?;
    let (said, seen) = (Some(why.clone()), Some(digest.clone()));
    if !runs::finish(&mut tx, run, "held", said, seen, now).await? {
        return Err(Error::Running {
            connection: run.connection,
            since: run.started_at,
        });
    }
    supersede(&mut tx, cx, run).await?;
    let waits =
        "The last sync was read, and waits for somebody to decide about what it found gone.";
    classes::not_believed(&mut tx, run, waits).await?;
    connections::note_sync(&mut tx, run.connection, SyncNote::Failed { why }).await?;
    let told = json!({ "found": facts(run, &digest), "open": found.open });
    let about = [run.connection.into(), run.id.into()];
    tx.audit(cx.event("sync.held", about, told));
    let news = json!({ "connection": run.connection, "run": run.id });
    outbox::emit(&mut tx, cx, "sync.held", news).await?;
    let row = runs::get(&mut tx, run.id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(row)
}

/// A newer run was read whole: what an older one found gone is no longer asked about.
pub(super) async fn supersede(tx: &mut Tx, cx: &Cx, by: &SyncRun) -> Result<(), Error> {
    for run in runs::open(tx, by.connection).await? {
        if run.id != by.id && run.state == "held" {
            let told = json!({ "ended": run.ended, "by": by.id });
            set_aside_in(tx, cx, &run, told).await?;
        }
    }
    Ok(())
}

async fn set_aside_in(
    tx: &mut Tx,
    cx: &Cx,
    run: &SyncRun,
    told: serde_json::Value,
) -> Result<(), Error> {
    if runs::decide(tx, run, "set_aside", cx.app.clock.now()).await? {
        classes::not_believed(tx, run, "The last sync was set aside.").await?;
        let about = [run.connection.into(), run.id.into()];
        tx.audit(cx.event("sync.set_aside", about, told));
    }
    Ok(())
}

/// Writes down what a person said has ended, and completes the run. Two who do it at once write
/// each row once.
pub(in crate::directory) async fn end(cx: &Cx, run: &SyncRun) -> Result<(), Error> {
    let mut believed = false;
    loop {
        let mut tx = super::begin(cx, run.connection).await?;
        let Some(mut now) = runs::lock(&mut tx, run.id).await? else {
            return Ok(());
        };
        if now.state != "ending" || cx.app.stopping.begun() {
            return Ok(());
        }
        let (looked, ended) = endings::apply(&mut tx, run.id, CHUNK).await?;
        now.ended += i64::try_from(ended).unwrap_or(i64::MAX);
        let at = cx.app.clock.now();
        if looked > 0 {
            runs::ended(&mut tx, &now, at).await?;
        } else if !believed {
            drop(tx);
            gone::write(cx, run, gone::By::Decision).await?;
            believed = true;
            continue;
        } else {
            runs::decide(&mut tx, &now, "complete", at).await?;
            let digest = now.digest.clone().unwrap_or_default();
            complete_in(&mut tx, cx, &now, &digest).await?;
        }
        tx.commit().await?;
        if looked == 0 {
            cx.app.nudge(outbox::DELIVER);
            return Ok(());
        }
    }
}

// ---- the verbs

/// One run of the sync of a connection.
pub async fn sync_run(cx: &Cx, connection: ConnectionId, id: SyncId) -> Result<SyncRun, Error> {
    cx.authorize(Verb::ListSyncs, Relation::None)?;
    of(runs::get(&mut cx.read().await?, id).await?, connection)
}

/// The assignments that a run would end, in the order they were made known. None once they were
/// accepted or set aside, or where the run failed.
pub async fn endings_of(
    cx: &Cx,
    connection: ConnectionId,
    id: SyncId,
    paging: &Paging,
) -> Result<Page<Assignment>, Error> {
    cx.authorize(Verb::ListAssignments, Relation::None)?;
    let after = paging.after::<AssignmentId>()?;
    let mut q = cx.read().await?;
    let run = of(runs::get(&mut q, id).await?, connection)?;
    if run.state != "held" {
        return Ok(paging.page(Vec::new(), |it: &Assignment| it.id));
    }
    let found = endings::list(&mut q, id, after, paging.fetch()).await?;
    Ok(paging.page(found, |it| it.id))
}

/// Says that what a held run found gone has ended. The background work writes it down, but for
/// what was seen again meanwhile. Not while a newer sync reads: it says more.
pub async fn accept_sync(cx: &Cx, connection: ConnectionId, id: SyncId) -> Result<SyncRun, Error> {
    cx.authorize(Verb::DecideSync, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let mut run = held(&mut tx, connection, id).await?;
    if let Some(newer) = runs::running(&mut tx, connection).await? {
        return Err(Error::Running {
            connection,
            since: newer.started_at,
        });
    }
    let told = json!({ "ended": run.ended });
    tx.audit(cx.event("sync.accepted", [connection.into(), id.into()], told));
    // Counted anew, as they are written down.
    run.ended = 0;
    runs::decide(&mut tx, &run, "ending", cx.app.clock.now()).await?;
    decided(&mut tx, cx, &run, "sync.accepted").await?;
    let row = runs::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(SYNC);
    cx.app.nudge(outbox::DELIVER);
    Ok(row)
}

/// Says that what a held run found gone is not to be believed. Nothing ends; the next sync looks
/// again, and asks again if AWS still does not show it.
pub async fn set_aside_sync(
    cx: &Cx,
    connection: ConnectionId,
    id: SyncId,
) -> Result<SyncRun, Error> {
    cx.authorize(Verb::DecideSync, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let run = held(&mut tx, connection, id).await?;
    let told = json!({ "ended": run.ended });
    set_aside_in(&mut tx, cx, &run, told).await?;
    decided(&mut tx, cx, &run, "sync.set_aside").await?;
    let why = format!(
        "The last sync found {} assignments gone and was set aside. The next one looks again.",
        grouped(run.ended)
    );
    if runs::is_newest(&mut tx, &run).await? {
        connections::note_sync(&mut tx, connection, SyncNote::Failed { why }).await?;
    }
    let row = runs::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(SYNC);
    cx.app.nudge(outbox::DELIVER);
    Ok(row)
}

/// Says that a person has decided about a run, in the transaction that does.
async fn decided(tx: &mut Tx, cx: &Cx, run: &SyncRun, kind: &str) -> Result<(), Error> {
    let news = json!({ "connection": run.connection, "run": run.id });
    Ok(outbox::emit(tx, cx, kind, news).await?)
}

/// The run that waits for a decision, its row held; the connection's too, so that it is not
/// removed in between.
async fn held(tx: &mut Tx, connection: ConnectionId, id: SyncId) -> Result<SyncRun, Error> {
    // In the order of whoever writes for this estate.
    let known = connections::lock(tx, connection).await?;
    let run = of(runs::lock(tx, id).await?, connection)?;
    if known.is_none_or(|it| it.removed_at.is_some()) {
        return Err(Error::Connection(Box::new(connections::Error::Removed)));
    }
    match run.state.as_str() {
        "held" => Ok(run),
        _ => Err(Error::NotHeld { state: run.state }),
    }
}

fn of(run: Option<SyncRun>, connection: ConnectionId) -> Result<SyncRun, Error> {
    run.filter(|run| run.connection == connection)
        .ok_or(Error::NotFound)
}
