//! Announcing ends: news before access ends, once for each grant, for whoever reminds people.
//!
//! A grant that goes on in an approved extension is not announced, unless that is given back first;
//! its extension is, in its turn.

use async_trait::async_trait;
use serde_json::json;
use stint_db::Priority;
use stint_domain::Span;

use super::store::lists;
use crate::cx::{App, Cx};
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

const REMIND: &str = "grants.remind";
/// How many are announced between two commits.
const BATCH: i64 = 100;

pub(super) struct Remind;

#[async_trait]
impl Task for Remind {
    fn name(&self) -> &'static str {
        REMIND
    }

    fn period(&self) -> Span {
        Span::seconds(30)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, REMIND);
        let rules = &app.notices;
        let mut q = cx.read().await?;
        if lists::ending(&mut q, cx.now, rules, 1).await?.is_empty() {
            let next = lists::next_ending(&mut q, cx.now, rules).await?;
            return Ok(Ran::idle().due(next.filter(|at| *at > cx.now)));
        }
        drop(q);
        let mut tx = cx.begin(Priority::Sync).await?;
        let ending = lists::ending(&mut tx, cx.now, rules, BATCH).await?;
        for grant in &ending {
            if !lists::reminded(&mut tx, grant.id, cx.now).await? {
                continue;
            }
            let news = json!({ "grant": grant.id, "end": grant.end() });
            outbox::emit(&mut tx, &cx, "grant.ending", news).await?;
        }
        tx.commit().await?;
        app.nudge(outbox::DELIVER);
        Ok(Ran::worked())
    }
}
