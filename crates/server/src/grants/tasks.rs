//! The background work of grants: bindings that are due, removals apart from everything else.

use std::sync::Arc;

use async_trait::async_trait;
use stint_db::Priority;
use stint_domain::binding::{Claim, Config};
use stint_domain::{BindingId, Span};
use tokio::task::JoinSet;

use super::crowd::Crowd;
use super::store::ledgers;
use super::worker::Worker;
use crate::cx::{App, Cx};
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

/// Removes what nobody holds any more. Its own task: it waits for no provision.
pub const REMOVE: &str = "grants.remove";
/// Provisions what somebody holds, and looks after it.
pub const PROVISION: &str = "grants.provision";

/// How many bindings one task works on at once.
const AT_ONCE: usize = 8;

/// Wakes the background work after the commit of something that changed a grant.
pub fn nudge(app: &App) {
    app.nudge(REMOVE);
    app.nudge(PROVISION);
    app.nudge(outbox::DELIVER);
}

/// Every task of this room.
pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![
        Arc::new(Bindings::new(true)),
        Arc::new(Bindings::new(false)),
        Arc::new(super::remind::Remind),
    ]
}

struct Bindings {
    removals: bool,
    crowd: Arc<Crowd>,
}

#[async_trait]
impl Task for Bindings {
    fn name(&self) -> &'static str {
        if self.removals { REMOVE } else { PROVISION }
    }

    fn period(&self) -> Span {
        Span::seconds(5)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let name = self.name();
        let config = app.model.as_ref().clone();
        let mut working = JoinSet::new();
        let mut failed: Option<TaskError> = None;
        let mut worked = false;
        let nudged = app.nudges.sleeper(name);
        // One that hangs at AWS keeps its own place only: the others are claimed as they fall due.
        loop {
            let free = if app.stopping.begun() {
                0
            } else {
                AT_ONCE.saturating_sub(working.len())
            };
            for (binding, claim) in self.claim(app, &config, free).await? {
                let (app, config, crowd) = (app.clone(), config.clone(), self.crowd.clone());
                working.spawn(async move {
                    Worker::new(&app, name, &crowd, binding, claim, config)
                        .work()
                        .await
                });
            }
            if working.is_empty() {
                break;
            }
            worked = true;
            tokio::select! {
                Some(done) = working.join_next() => match done {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => failed = Some(error.into()),
                    Err(join) => failed = Some(join.into()),
                },
                () = nudged.notified() => {}
            }
        }
        match failed {
            Some(error) => Err(error),
            None if worked => Ok(Ran::worked()),
            None => {
                let next = ledgers::next_due(&mut app.db.reader().await?).await?;
                // What is due now is the other task's.
                let now = app.clock.now();
                Ok(Ran::idle().due(next.filter(|at| *at > now)))
            }
        }
    }
}

impl Bindings {
    fn new(removals: bool) -> Self {
        Self {
            removals,
            crowd: Arc::default(),
        }
    }

    /// Claims what is due, `most` at once.
    async fn claim(
        &self,
        app: &App,
        config: &Config,
        most: usize,
    ) -> Result<Vec<(BindingId, Claim)>, TaskError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let cx = Cx::system(app, self.name());
        let priority = if self.removals {
            Priority::Revoke
        } else {
            Priority::Interactive
        };
        let mut tx = cx.begin(priority).await?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let claimed = ledgers::claim(&mut tx, cx.now, config, self.removals, most).await?;
        if !claimed.is_empty() {
            tx.commit().await?;
        }
        Ok(claimed)
    }
}
