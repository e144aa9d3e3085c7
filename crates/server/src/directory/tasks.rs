//! The background work of the directory: syncs that are due; change events, and what they say
//! may have changed (`changes`).

use std::sync::Arc;

use async_trait::async_trait;
use stint_domain::Span;

use super::Error;
use super::changes::{Listen, Reread, hears};
use super::sync::{Due, accepted, due, end, execute, start_sync, sweep};
use crate::connections;
use crate::cx::{App, Cx};
use crate::http::failure_chain;
use crate::tasks::{Ran, Task, TaskError};

/// Its name.
pub(crate) const SYNC: &str = "directory.sync";

/// How long after a failed one.
const AGAIN: Span = Span::minutes(5);

/// Every task of this room.
pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![Arc::new(Sync), Listen::task(), Reread::task()]
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
            let every = app.sync_every;
            let period = if hears(&cx, connection.id).await? {
                every.with_events
            } else {
                every.alone
            };
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
