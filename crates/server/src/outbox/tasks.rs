//! Delivery.

use std::sync::Arc;

use stint_db::Priority;
use stint_domain::Span;

use super::{News, store};
use crate::cx::App;
use crate::tasks::{Ran, Task, TaskError};

/// Hands news to the sink, in order.
pub(crate) struct Deliver;

/// The name to nudge.
pub const DELIVER: &str = "outbox.deliver";

/// How many are delivered between two commits.
const BATCH: i64 = 100;
/// How long what was delivered is kept, for whoever looks for it in the database.
const KEPT: Span = Span::hours(7 * 24);

pub(crate) fn tasks() -> Vec<Arc<dyn Task>> {
    vec![Arc::new(Deliver)]
}

/// The sink of this server.
fn local(news: &News) {
    tracing::info!(
        news.kind = %news.kind,
        news.id = %news.id,
        news.at = %news.at,
        "outbox.delivered"
    );
}

#[async_trait::async_trait]
impl Task for Deliver {
    fn name(&self) -> &'static str {
        DELIVER
    }

    fn period(&self) -> Span {
        Span::seconds(5)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let batch = store::first(&mut app.db.reader().await?, BATCH).await?;
        if batch.is_empty() {
            return Ok(Ran::idle());
        }
        batch.iter().for_each(local);
        let now = app.clock.now();
        let mut tx = app.db.begin(Priority::Sync).await?;
        for news in &batch {
            store::delivered(&mut tx, news.seq, now).await?;
        }
        store::purge(&mut tx, now - KEPT).await?;
        tx.commit().await?;
        Ok(Ran::worked())
    }
}
