//! The background work of managed objects.

use std::sync::Arc;

use async_trait::async_trait;
use stint_db::Priority;
use stint_domain::Span;
use stint_domain::managed::ObjectKind;
use tokio::task::JoinSet;

use super::store::{rotations, users};
use super::work;
use crate::cx::{App, Cx};
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

/// Works on every object that is due.
pub const WORK: &str = "objects.work";
/// Begins the rotations whose time has come.
pub const ROTATE: &str = "objects.rotate";

/// How many objects are worked on at once.
const AT_ONCE: usize = 8;

/// Wakes the background work after the commit of something that changed an object.
pub fn nudge(app: &App) {
    app.nudge(WORK);
    app.nudge(outbox::DELIVER);
}

/// Every task of this room.
pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![Arc::new(Work), Arc::new(Rotate)]
}

struct Work;

#[async_trait]
impl Task for Work {
    fn name(&self) -> &'static str {
        WORK
    }

    fn period(&self) -> Span {
        Span::seconds(5)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let mut working = JoinSet::new();
        let mut failed: Option<TaskError> = None;
        let mut worked = false;
        let nudged = app.nudges.sleeper(WORK);
        // One that hangs at AWS keeps its own place only: the others are claimed as they fall due.
        loop {
            let free = if app.stopping.begun() {
                0
            } else {
                AT_ONCE.saturating_sub(working.len())
            };
            for (kind, id, claim) in claim(app, free).await? {
                let app = app.clone();
                working.spawn(async move {
                    match kind {
                        ObjectKind::User => work::user(&app, id, claim).await,
                        ObjectKind::Rotation => work::rotation(&app, id, claim).await,
                    }
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
                let mut q = app.db.reader().await?;
                let next = [
                    users::next_due(&mut q).await?,
                    rotations::next_due(&mut q).await?,
                ];
                Ok(Ran::idle().due(next.into_iter().flatten().min()))
            }
        }
    }
}

type Claimed = (
    ObjectKind,
    stint_domain::ObjectId,
    stint_domain::binding::Claim,
);

/// Claims what is due, `most` at once: users first, of those what is to be taken away.
async fn claim(app: &App, most: usize) -> Result<Vec<Claimed>, TaskError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let cx = Cx::system(app, WORK);
    let mut tx = cx.begin(Priority::Interactive).await?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let due = users::claim(&mut tx, cx.now, &app.model, limit).await?;
    let mut claimed: Vec<Claimed> = due
        .into_iter()
        .map(|(id, claim)| (ObjectKind::User, id, claim))
        .collect();
    let left = i64::try_from(most.saturating_sub(claimed.len())).unwrap_or(0);
    if left > 0 {
        let due = rotations::claim(&mut tx, cx.now, &app.model, left).await?;
        claimed.extend(
            due.into_iter()
                .map(|(id, claim)| (ObjectKind::Rotation, id, claim)),
        );
    }
    if !claimed.is_empty() {
        tx.commit().await?;
    }
    Ok(claimed)
}

struct Rotate;

#[async_trait]
impl Task for Rotate {
    fn name(&self) -> &'static str {
        ROTATE
    }

    fn period(&self) -> Span {
        Span::minutes(10)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let begun = super::begin_due(&Cx::system(app, ROTATE)).await?;
        if begun > 0 {
            super::nudge(app);
        }
        Ok(if begun > 0 {
            Ran::worked()
        } else {
            Ran::idle()
        })
    }
}
