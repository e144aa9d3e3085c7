//! The background work of the directory: syncs that are due; change events, and what they say
//! may have changed (`changes`); connections without a full sync for too long (`trouble`); tags that
//! nobody has read for too long.

use std::sync::Arc;

use async_trait::async_trait;
use stint_domain::Span;

use super::changes::{Listen, Reread};
use super::store::tags;
use super::sync::{Due, accepted, begin, due, end, execute, start_sync, sweep};
use super::{Error, trouble};
use crate::connections;
use crate::cx::{App, Cx};
use crate::http::failure_chain;
use crate::tasks::{Ran, Task, TaskError};

/// Its name.
pub(crate) const SYNC: &str = "directory.sync";

/// The name of the task that forgets tags.
const TAGS: &str = "directory.tags";

/// How long after a failed one.
const AGAIN: Span = Span::minutes(5);

/// Every task of this room.
pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![
        Arc::new(Sync),
        Listen::task(),
        Reread::task(),
        trouble::task(),
        Arc::new(Tags),
    ]
}

struct Sync;

#[async_trait]
impl Task for Sync {
    fn name(&self) -> &'static str {
        SYNC
    }

    fn period(&self) -> Span {
        Span::minutes(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, SYNC);
        let mut ran = Ran::idle();
        for run in accepted(&cx).await? {
            end(&cx, &run).await?;
            ran.worked = true;
        }
        sweep(&cx).await?;
        let all = connections::connections(&mut cx.read().await?).await?;
        for connection in all {
            let period = trouble::period(&cx, connection.id).await?;
            let run = match due(&cx, &connection, period, AGAIN).await? {
                Due::Run(run) => *run,
                Due::Start => start_sync(&cx, connection.id).await?,
                Due::At(at) => {
                    ran.next_due = Some(ran.next_due.map_or(at, |next| next.min(at)));
                    continue;
                }
                Due::Not => continue,
            };
            match execute(&cx, &run).await {
                Ok(None) => {}
                Ok(Some(_)) => ran.worked = true,
                // It stands on the connection's page and in the audit log, and is tried again.
                Err(error @ Error::Aws { .. }) => {
                    tracing::warn!(connection.id = %connection.id, error = %failure_chain(&error), "sync.failed");
                    ran.worked = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ran)
    }
}

/// Forgets tags that were not read again for so long that nobody knows whether they still are so
/// ([`TagsRule::believed`](stint_domain::sync::tags::TagsRule::believed)): a task of its own, since a
/// sync may take hours, or fail.
struct Tags;

#[async_trait]
impl Task for Tags {
    fn name(&self) -> &'static str {
        TAGS
    }

    fn period(&self) -> Span {
        Span::minutes(10)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, TAGS);
        let believed = app.tags.believed;
        let mut ran = Ran::idle();
        let all = connections::connections(&mut cx.read().await?).await?;
        for connection in all {
            let id = connection.id;
            let mut oldest = tags::oldest(&mut cx.read().await?, id).await?;
            if oldest.is_some_and(|at| at + believed <= cx.now) {
                let mut tx = begin(&cx, id).await?;
                let gone = tags::expire(&mut tx, id, cx.now - believed).await?;
                oldest = tags::oldest(&mut tx, id).await?;
                tx.commit().await?;
                tracing::warn!(connection.id = %id, accounts = gone, "tags.not_believed");
                ran.worked = true;
            }
            if let Some(at) = oldest.map(|at| at + believed) {
                ran.next_due = Some(ran.next_due.map_or(at, |next| next.min(at)));
            }
        }
        Ok(ran)
    }
}
