//! Reminding those who review, once, when the time for a review is over.

use async_trait::async_trait;
use serde_json::json;
use stint_db::Priority;
use stint_domain::Span;

use super::super::Error;
use super::super::store::reviews as store;
use crate::cx::{App, Cx};
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

const REVIEWS: &str = "requests.reviews";
/// How many are reminded of between two commits.
const BATCH: i64 = 100;

/// Says which reviews are overdue.
pub(crate) struct Due;

#[async_trait]
impl Task for Due {
    fn name(&self) -> &'static str {
        REVIEWS
    }

    fn period(&self) -> Span {
        Span::minutes(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, REVIEWS);
        let mut q = cx.read().await?;
        if store::due(&mut q, cx.now, 1).await?.is_empty() {
            return Ok(Ran::idle().due(store::next_due(&mut q).await?));
        }
        drop(q);
        stint_db::retrying(|| remind(&cx)).await?;
        app.nudge(outbox::DELIVER);
        Ok(Ran::worked())
    }
}

/// Reminds of those whose time is over, the most overdue first.
async fn remind(cx: &Cx) -> Result<(), Error> {
    let mut tx = cx.begin(Priority::Sync).await?;
    for review in store::due(&mut tx, cx.now, BATCH).await? {
        // Closed, or reminded of by another process, meanwhile.
        if !store::reminded(&mut tx, review.request).await? {
            continue;
        }
        let facts = json!({ "grant": review.grant, "due": review.due_at });
        let subjects = [review.request.into(), review.grant.into()];
        tx.audit(cx.event("emergency.review_overdue", subjects, facts));
        let news = json!({ "request": review.request });
        outbox::emit(&mut tx, cx, "emergency.review_overdue", news).await?;
    }
    Ok(tx.commit().await?)
}
