//! Taking what is due, and what comes of it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use futures::{StreamExt as _, stream};
use stint_aws::{ErrorKind, Object};
use stint_db::Priority;
use stint_domain::{Span, Time};

use super::super::store::{changes as rows, runs};
use super::super::{Error, links, sync};
use super::apply::Reading;
use super::{MANY, MOST, READ, Waiting};
use crate::connections::{self, Connection};
use crate::cx::{App, Cx};
use crate::http::{Fault as _, failure_chain};
use crate::tasks::{Ran, Task, TaskError};

/// How many are taken together.
const BATCH: i64 = 50;
/// How many are read at once, of one connection.
const AT_ONCE: usize = 4;
/// How long one is taken for: past that another process takes it, since this one has died.
const LEASE: Span = Span::minutes(2);
/// First wait after a failure; doubles.
const RETRY: Span = Span::seconds(30);
/// Longest wait after a failure.
const RETRY_MOST: Span = Span::minutes(15);
/// What was named and cannot be found is looked for so often; then the next full sync will tell.
const LOOKED_FOR: i64 = 5;
/// How long after a full sync began, events may have the next one begin.
const APART: Span = Span::minutes(15);
/// A sync that is held is not followed by another before somebody had time to look.
const DECIDE_WITHIN: Span = Span::hours(6);

/// What a reading came to.
pub(super) enum Came {
    /// It is as AWS said, by a reading that began then.
    Read(Time),
    /// What was not found is too fresh to be believed gone: look again then.
    Again(Time),
    /// These are to be read instead.
    Instead(Vec<Object>),
    /// It cannot be placed before these were read; then once more.
    After(Vec<Object>),
    /// It would end more than this may by itself.
    Whole,
}

/// Reads again what is due, of every connection.
pub(in crate::directory) struct Reread;

impl Reread {
    pub(in crate::directory) fn task() -> Arc<dyn Task> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Task for Reread {
    fn name(&self) -> &'static str {
        READ
    }

    fn period(&self) -> Span {
        Span::seconds(30)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, READ);
        let all = connections::connections(&mut cx.read().await?).await?;
        let mut ran = Ran::idle();
        let mut failed = None;
        // One estate's long lists, and its troubles, are no other's.
        for done in join_all(all.iter().map(|connection| round(app, connection))).await {
            match done {
                Ok((worked, due)) => {
                    ran.worked |= worked;
                    ran.next_due = match (ran.next_due, due) {
                        (Some(a), Some(b)) => Some(a.min(b)),
                        (a, b) => a.or(b),
                    };
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(ran),
        }
    }
}

/// One batch of one connection: whether there was any, and when the next is due.
async fn round(app: &App, connection: &Connection) -> Result<(bool, Option<Time>), Error> {
    let cx = Cx::system(app, READ);
    let id = connection.id;
    let now = app.clock.now();
    let mut q = cx.read().await?;
    let waiting = rows::count(&mut q, id).await?;
    if waiting == 0 {
        return Ok((false, None));
    }
    // Before everything was read once there is nothing to bring up to date.
    let Some(whole) = rows::read_whole(&mut q, id).await? else {
        return Ok((false, None));
    };
    drop(q);
    let mut tx = cx.begin(Priority::Sync).await?;
    let settled_by = whole - app.model.lag;
    rows::covered(&mut tx, id, settled_by, false).await?;
    // A flood, of events or of lies: one full sync reads it all.
    let mut flood = rows::flooding(&mut tx, id).await? > MANY;
    if flood {
        rows::covered(&mut tx, id, settled_by, true).await?;
        flood = rows::flooding(&mut tx, id).await? > MANY;
    }
    let taken = if flood {
        // Once: every time would put it off.
        if rows::next(&mut tx, id, true).await?.is_none() {
            rows::hear(&mut tx, id, &Object::Everything, now, now, MOST).await?;
        }
        rows::due_whole(&mut tx, id, now).await?
    } else {
        rows::due(&mut tx, id, now, BATCH).await?
    };
    let mut mine = Vec::with_capacity(taken.len());
    for waiting in taken {
        if rows::take(&mut tx, id, &waiting, now + LEASE, now).await? {
            mine.push(waiting);
        }
    }
    tx.commit().await?;
    let worked = !mine.is_empty();
    // Whom the readings may show to be somebody: single users by their ids, or anybody.
    let anybody = mine.iter().any(|it| {
        matches!(
            it.object,
            Object::Users | Object::IamUsers { .. } | Object::IamUser { .. }
        )
    });
    let users = mine.iter().filter_map(|it| match &it.object {
        Object::User(id) => Some(id.clone()),
        _ => None,
    });
    let users: Vec<String> = users.collect();
    let reading = Reading::new(app, connection);
    let reading = &reading;
    let results: Vec<Result<(), Error>> = stream::iter(mine)
        .map(|waiting| async move { one(reading, &waiting).await })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for result in results {
        result?;
    }
    if anybody {
        links::propose_likenesses(&cx, id).await?;
    } else {
        links::propose_likenesses_of(&cx, id, &users).await?;
    }
    let next = rows::next(&mut cx.read().await?, id, flood).await?;
    Ok((worked, next))
}

/// Reads one, and writes down what came of it. Fails only where the database does.
async fn one(reading: &Reading<'_>, waiting: &Waiting) -> Result<(), Error> {
    let (app, connection) = (reading.app, reading.connection);
    if app.stopping.begun() {
        return later(reading, waiting, app.clock.now()).await;
    }
    let came = match &waiting.object {
        Object::Everything => return everything(reading, waiting).await,
        object => reading.read(object).await,
    };
    let cx = Cx::system(app, READ);
    let id = connection.id;
    let now = app.clock.now();
    match came {
        Ok(Came::Read(began)) => {
            let mut tx = cx.begin(Priority::Sync).await?;
            rows::done(&mut tx, id, waiting, began).await?;
            Ok(tx.commit().await?)
        }
        Ok(Came::Again(at)) => later(reading, waiting, at).await,
        Ok(Came::Instead(objects)) => {
            let mut tx = cx.begin(Priority::Sync).await?;
            for object in &objects {
                rows::hear(&mut tx, id, object, now, now.max(waiting.settled), MOST).await?;
            }
            rows::done(&mut tx, id, waiting, now.max(waiting.settled)).await?;
            Ok(tx.commit().await?)
        }
        Ok(Came::After(objects)) => {
            let mut tx = cx.begin(Priority::Sync).await?;
            if waiting.tries >= LOOKED_FOR {
                rows::done(&mut tx, id, waiting, now.max(waiting.settled)).await?;
                return Ok(tx.commit().await?);
            }
            for object in &objects {
                rows::hear(&mut tx, id, object, now, now.max(waiting.settled), MOST).await?;
            }
            let why = "It is of something that is not known yet.";
            rows::failed(
                &mut tx,
                id,
                &waiting.object,
                now + pause(waiting.tries),
                why,
            )
            .await?;
            Ok(tx.commit().await?)
        }
        Ok(Came::Whole) => {
            let mut tx = cx.begin(Priority::Sync).await?;
            let settled = now.max(waiting.settled);
            rows::hear(&mut tx, id, &Object::Everything, now, settled, MOST).await?;
            rows::done(&mut tx, id, waiting, now.max(waiting.settled)).await?;
            tx.commit().await?;
            app.nudge(READ);
            Ok(())
        }
        Err(error @ Error::Db(_)) => Err(error),
        // AWS takes no such name, however often it is asked for.
        Err(Error::Aws { source, .. })
            if source.kind == ErrorKind::Invalid && waiting.tries >= LOOKED_FOR =>
        {
            if let Object::AccountTags(account) = &waiting.object {
                reading.doubt_tags(account, now, false).await?;
            }
            let mut tx = cx.begin(Priority::Sync).await?;
            rows::done(&mut tx, id, waiting, now.max(waiting.settled)).await?;
            Ok(tx.commit().await?)
        }
        Err(error) => {
            if waiting.tries == 0 {
                tracing::warn!(connection.id = %id, error = %failure_chain(&error), "change.unread");
            }
            let mut tx = cx.begin(Priority::Sync).await?;
            let at = now + pause(waiting.tries);
            rows::failed(&mut tx, id, &waiting.object, at, &error.detail()).await?;
            Ok(tx.commit().await?)
        }
    }
}

/// How long to wait after so many tries before this one.
fn pause(tries: i64) -> Span {
    let doubled = 1_i64 << tries.clamp(0, 10);
    Span::micros(RETRY.as_micros().saturating_mul(doubled)).min(RETRY_MOST)
}

async fn later(reading: &Reading<'_>, waiting: &Waiting, at: Time) -> Result<(), Error> {
    let cx = Cx::system(reading.app, READ);
    let now = reading.app.clock.now();
    // How long everything has waited counts from the first event.
    let first = match waiting.object {
        Object::Everything => waiting.first,
        _ => now,
    };
    let mut tx = cx.begin(Priority::Sync).await?;
    rows::again(&mut tx, reading.connection.id, &waiting.object, at, first).await?;
    Ok(tx.commit().await?)
}

/// Has everything read: by a full sync that begins after the event had settled. One that is under
/// way, has just been made or waits for a person is not followed by another at once.
async fn everything(reading: &Reading<'_>, waiting: &Waiting) -> Result<(), Error> {
    let (app, id) = (reading.app, reading.connection.id);
    let cx = Cx::system(app, READ);
    let now = app.clock.now();
    // Later than what was seen as it happened by LAG, so that its absences count; and not put off
    // for ever by events that go on coming: what those say is read by the one after.
    let settled = waiting.settled.min(waiting.first + MOST) + app.model.lag;
    if now < settled {
        return later(reading, waiting, settled).await;
    }
    let mut q = cx.read().await?;
    if runs::running(&mut q, id).await?.is_some() {
        drop(q);
        return later(reading, waiting, now + Span::minutes(1)).await;
    }
    let last = rows::newest_run(&mut q, id).await?;
    drop(q);
    if let Some((state, started)) = last {
        let apart = if state == "held" {
            DECIDE_WITHIN
        } else {
            APART
        };
        if now < started + apart {
            return later(reading, waiting, started + apart).await;
        }
    }
    match sync::start_sync(&cx, id).await {
        Ok(_) => later(reading, waiting, now + Span::minutes(1)).await,
        Err(error @ Error::Db(_)) => Err(error),
        Err(error) => {
            let mut tx = cx.begin(Priority::Sync).await?;
            let at = now + pause(waiting.tries);
            rows::failed(&mut tx, id, &waiting.object, at, &error.detail()).await?;
            Ok(tx.commit().await?)
        }
    }
}
