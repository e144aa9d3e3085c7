//! Delivery.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use stint_db::Priority;
use stint_domain::Span;

use super::{News, Sink, store};
use crate::cx::{App, Cx};
use crate::tasks::{Ran, Task, TaskError};

/// Hands news to the sinks, in order.
pub(crate) struct Deliver {
    sinks: Vec<Arc<dyn Sink>>,
}

/// The name to nudge.
pub const DELIVER: &str = "outbox.deliver";

/// How many are read at once.
const BATCH: i64 = 100;
/// How long what was delivered is kept, for whoever looks for it in the database.
const KEPT: Span = Span::hours(7 * 24);

pub(crate) fn tasks(sinks: Vec<Arc<dyn Sink>>) -> Vec<Arc<dyn Task>> {
    vec![Arc::new(Deliver { sinks })]
}

fn log(news: &News) {
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
        let cx = Cx::system(app, DELIVER);
        let (mut after, mut worked, mut failed) = (0, false, None);
        loop {
            let batch = store::first(&mut cx.read().await?, after, BATCH).await?;
            let Some(last) = batch.last() else { break };
            after = last.seq;
            let wanted = |news: &News| self.sinks.iter().any(|sink| sink.wants(&news.kind));
            let (wanted, plain): (Vec<News>, Vec<News>) = batch.into_iter().partition(wanted);
            if !plain.is_empty() {
                let mut tx = cx.begin(Priority::Sync).await?;
                for news in &plain {
                    store::delivered(&mut tx, news.seq, cx.now).await?;
                }
                store::purge(&mut tx, cx.now - KEPT).await?;
                tx.commit().await?;
                plain.iter().for_each(log);
                worked = true;
            }
            for news in &wanted {
                // What cannot be taken waits for the next round, and holds up nothing behind it.
                let handed = AssertUnwindSafe(self.hand_over(&cx, news)).catch_unwind();
                let error = match handed.await {
                    Ok(Ok(())) => {
                        log(news);
                        worked = true;
                        continue;
                    }
                    Ok(Err(error)) => error,
                    Err(_) => format!("taking the news {} panicked", news.id).into(),
                };
                tracing::error!(
                    news.id = %news.id,
                    news.kind = %news.kind,
                    error = %error,
                    "outbox.refused"
                );
                failed = failed.or(Some(error));
            }
        }
        match failed {
            Some(error) => Err(error),
            None if worked => Ok(Ran::worked()),
            None => Ok(Ran::idle()),
        }
    }
}

impl Deliver {
    /// One piece of news, with what the sinks make of it, or nothing of both. Of two who deliver
    /// at once the second waits here, and then finds it delivered: news is taken in order.
    async fn hand_over(&self, cx: &Cx, news: &News) -> Result<(), TaskError> {
        let mut tx = cx.begin(Priority::Sync).await?;
        if !store::delivered(&mut tx, news.seq, cx.now).await? {
            return Ok(());
        }
        for sink in self.sinks.iter().filter(|sink| sink.wants(&news.kind)) {
            sink.take(cx, &mut tx, news).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
