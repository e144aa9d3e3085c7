//! Runs of the sync.

use std::collections::BTreeMap;

use serde_json::Value;
use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::{ConnectionId, SyncId, Time};

use super::super::{Plan, SyncRun};

stint_db::statements! {
    quiet START = "insert into sync_runs (id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, started_at, moved_at, attempt) \
        values ($1, $2, 'running', 'waiting', 0, 0, 0, 0, 0, 0, 0, $3, 0, 0)";
    /// Takes a run that nobody moves: whoever did has stopped without a word, or it has not begun.
    quiet CLAIM = "update sync_runs set moved_at = $3, attempt = attempt + 1 where id = $1 and state = 'running' and moved_at < $2";
    quiet MOVE = "update sync_runs set phase = $2, done = $3, expected = $4, calls = $5, seen = $6, appeared = $7, ended = $8, unread = $11, moved_at = $9 \
        where id = $1 and state = 'running' and attempt = $10";
    /// Whoever moved it stops: it may be taken over at once.
    quiet LET_GO = "update sync_runs set moved_at = 0 where id = $1 and state = 'running' and attempt = $2";
    /// How it reads, and what AWS refused it.
    quiet PLANNED = "update sync_runs set plan = $2 where id = $1 and state = 'running' and attempt = $3";
    /// The plan of the run before.
    LAST_PLAN = "select plan from sync_runs where connection_id = $1 and id <> $2 and plan is not null \
        order by started_at desc, id desc limit 1";
    FINISH = "update sync_runs set state = $2, error = $3, digest = $4, finished_at = $5, moved_at = $5 \
        where id = $1 and state = 'running' and attempt = $6";
    RUNNING = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where connection_id = $1 and state = 'running' {lock}";
    /// Ends a run that waited for a person, or whose endings were being written down.
    DECIDE = "update sync_runs set state = $3, ended = $4, moved_at = $5, error = null where id = $1 and state = $2";
    /// So many of its endings are written down.
    quiet ENDED = "update sync_runs set ended = $2, moved_at = $3 where id = $1 and state = 'ending'";
    /// Those that wait for a person, or whose endings are being written down.
    OPEN = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where connection_id = $1 and state in ('held', 'ending') order by started_at, id";
    LOCK = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where id = $1{lock}";
    GET = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where id = $1";
    LIST = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where connection_id = $1 and ($2 is null or (started_at, id) < ($2, $3)) and ($5 is null or state = $5) \
        order by started_at desc, id desc limit $4";
    KNOWN_SINCE = "select connection_id, min(started_at) as since from sync_runs where state = 'complete' group by connection_id";
    LAST_COMPLETE = "select started_at from sync_runs where connection_id = $1 and state = 'complete' order by started_at desc limit 1";
    NEWEST = "select id from sync_runs where connection_id = $1 order by started_at desc, id desc limit 1";
    /// Whose endings are being written down, whichever connection's.
    ENDING = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where state = 'ending' order by started_at, id";
    /// The newest run that is over, however it came out.
    LAST_OVER = "select id, connection_id, state, phase, done, expected, calls, seen, appeared, ended, unread, digest, error, started_at, moved_at, finished_at, attempt, plan \
        from sync_runs where connection_id = $1 and state <> 'running' order by started_at desc, id desc limit 1";
    FIRST = "select started_at from sync_runs where connection_id = $1 order by started_at, id limit 1";
    LAST = "select state, started_at, finished_at from sync_runs where connection_id = $1 order by started_at desc, id desc limit 1";
}

pub(in crate::directory) async fn start(
    tx: &mut Tx,
    id: SyncId,
    connection: ConnectionId,
    now: Time,
) -> Result<()> {
    tx.run(&START, args![id, connection, now]).await.map(drop)
}

/// Takes a run over, if it was last moved before `idle_since`. False when somebody else has it.
pub(in crate::directory) async fn claim(
    tx: &mut Tx,
    id: SyncId,
    idle_since: Time,
    now: Time,
) -> Result<bool> {
    Ok(tx.run(&CLAIM, args![id, idle_since, now]).await? > 0)
}

/// Lets go of a run, so that another takes it over at once.
pub(in crate::directory) async fn let_go(tx: &mut Tx, run: &SyncRun) -> Result<()> {
    let values = args![run.id, run.attempt];
    tx.run(&LET_GO, values).await.map(drop)
}

/// Writes down how far a run is. False when it is no longer the running one, or somebody else
/// has taken it over.
pub(in crate::directory) async fn moved(tx: &mut Tx, run: &SyncRun) -> Result<bool> {
    let values = args![
        run.id,
        &run.phase,
        run.done,
        run.expected,
        run.calls,
        run.seen,
        run.appeared,
        run.ended,
        run.moved_at,
        run.attempt,
        run.unread
    ];
    Ok(tx.run(&MOVE, values).await? > 0)
}

/// Writes down how a run reads.
pub(in crate::directory) async fn planned(tx: &mut Tx, run: &SyncRun) -> Result<()> {
    let values = args![run.id, run.plan.write(), run.attempt];
    tx.run(&PLANNED, values).await.map(drop)
}

/// How the run before this one read.
pub(in crate::directory) async fn last_plan(q: &mut impl Query, run: &SyncRun) -> Result<Plan> {
    let row = q.maybe(&LAST_PLAN, args![run.connection, run.id]).await?;
    let plan: Option<Value> = row.map(|row| row.get("plan")).transpose()?.flatten();
    Ok(plan.map(Plan::read).unwrap_or_default())
}

/// Ends a run. False when it had been ended already, or somebody else has taken it over.
pub(in crate::directory) async fn finish(
    tx: &mut Tx,
    run: &SyncRun,
    state: &str,
    error: Option<String>,
    digest: Option<String>,
    now: Time,
) -> Result<bool> {
    Ok(tx
        .run(
            &FINISH,
            args![run.id, state, error, digest, now, run.attempt],
        )
        .await?
        > 0)
}

/// Moves a run from one state to another once it was read. False when it is not in the first.
pub(in crate::directory) async fn decide(
    tx: &mut Tx,
    run: &SyncRun,
    to: &'static str,
    now: Time,
) -> Result<bool> {
    let values = args![run.id, &run.state, to, run.ended, now];
    Ok(tx.run(&DECIDE, values).await? > 0)
}

/// Notes how many endings of an accepted run are written down so far.
pub(in crate::directory) async fn ended(tx: &mut Tx, run: &SyncRun, now: Time) -> Result<()> {
    tx.run(&ENDED, args![run.id, run.ended, now])
        .await
        .map(drop)
}

/// The runs of a connection that wait for a person, or whose endings are being written down.
pub(in crate::directory) async fn open(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<SyncRun>> {
    q.all(&OPEN, args![connection])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Every run whose endings are being written down.
pub(in crate::directory) async fn ending(q: &mut impl Query) -> Result<Vec<SyncRun>> {
    q.all(&ENDING, args![]).await?.iter().map(read).collect()
}

/// Whether a run is the connection's newest.
pub(in crate::directory) async fn is_newest(q: &mut impl Query, run: &SyncRun) -> Result<bool> {
    let newest = q.maybe(&NEWEST, args![run.connection]).await?;
    let newest: Option<SyncId> = newest.map(|row| row.get("id")).transpose()?;
    Ok(newest == Some(run.id))
}

/// One run, before it is decided about.
pub(in crate::directory) async fn lock(tx: &mut Tx, id: SyncId) -> Result<Option<SyncRun>> {
    tx.maybe(&LOCK, args![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// See [`crate::directory::known_since`].
pub(in crate::directory) async fn known_since(
    q: &mut impl Query,
) -> Result<BTreeMap<ConnectionId, Time>> {
    let rows = q.all(&KNOWN_SINCE, args![]).await?;
    rows.iter()
        .map(|row| Ok((row.get("connection_id")?, row.get("since")?)))
        .collect()
}

pub(in crate::directory) async fn running(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<SyncRun>> {
    q.maybe(&RUNNING, args![connection])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

pub(in crate::directory) async fn get(q: &mut impl Query, id: SyncId) -> Result<Option<SyncRun>> {
    q.maybe(&GET, args![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

pub(in crate::directory) async fn list(
    q: &mut impl Query,
    connection: ConnectionId,
    state: Option<&str>,
    before: Option<(Time, SyncId)>,
    limit: i64,
) -> Result<Vec<SyncRun>> {
    let (at, id) = before.unzip();
    let state = state.map(str::to_owned);
    q.all(&LIST, args![connection, at, id, limit, state])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// When the last complete run began.
pub(in crate::directory) async fn last_complete(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<Time>> {
    match q.maybe(&LAST_COMPLETE, args![connection]).await? {
        Some(row) => row.get("started_at"),
        None => Ok(None),
    }
}

/// The newest run that is over.
pub(in crate::directory) async fn last_over(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<SyncRun>> {
    q.maybe(&LAST_OVER, args![connection])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// When the first run began, whatever became of it.
pub(in crate::directory) async fn first(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<Time>> {
    match q.maybe(&FIRST, args![connection]).await? {
        Some(row) => row.get("started_at"),
        None => Ok(None),
    }
}

/// State and last moment of the newest run.
pub(in crate::directory) async fn last(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<(String, Time)>> {
    let Some(row) = q.maybe(&LAST, args![connection]).await? else {
        return Ok(None);
    };
    let finished: Option<Time> = row.get("finished_at")?;
    Ok(Some((
        row.get("state")?,
        finished.unwrap_or(row.get("started_at")?),
    )))
}

fn read(row: &Row) -> Result<SyncRun> {
    Ok(SyncRun {
        id: row.get("id")?,
        connection: row.get("connection_id")?,
        state: row.get("state")?,
        phase: row.get("phase")?,
        done: row.get("done")?,
        expected: row.get("expected")?,
        calls: row.get("calls")?,
        seen: row.get("seen")?,
        appeared: row.get("appeared")?,
        ended: row.get("ended")?,
        unread: row.get("unread")?,
        digest: row.get("digest")?,
        error: row.get("error")?,
        started_at: row.get("started_at")?,
        moved_at: row.get("moved_at")?,
        finished_at: row.get("finished_at")?,
        attempt: row.get("attempt")?,
        plan: row
            .get::<Option<Value>>("plan")?
            .map(Plan::read)
            .unwrap_or_default(),
    })
}
