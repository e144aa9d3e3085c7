//! Forgetting what is old.

use std::sync::Arc;

use stint_db::Priority;
use stint_domain::Span;

use super::store;
use crate::cx::App;
use crate::tasks::{Ran, Task, TaskError};

/// How many are deleted between two commits.
const BATCH: i64 = 500;

pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![Arc::new(Forget)]
}

/// Deletes notices whose last news is older than they are kept.
struct Forget;

#[async_trait::async_trait]
impl Task for Forget {
    fn name(&self) -> &'static str {
        "notices.forget"
    }

    fn period(&self) -> Span {
        Span::hours(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let before = app.clock.now() - app.notices.keep;
        if !store::any_older(&mut app.db.reader().await?, before).await? {
            return Ok(Ran::idle());
        }
        let mut tx = app.db.begin(Priority::Sync).await?;
        store::forget(&mut tx, before, BATCH).await?;
        tx.commit().await?;
        Ok(Ran::worked())
    }
}
