//! News: what happened, for whoever wants to know, committed together with what happened.
//!
//! **Table**: `outbox`. A verb [`emit`]s in its transaction; the task `outbox.deliver` hands
//! each event to the sink, in order, at least once. News so goes *up* the rooms without
//! lower ones knowing upper ones.
//!
//! The sink of this server is local: it writes the event to the log. What it does not do:
//! decide who is told, or how.

mod store;
mod tasks;

use serde_json::Value;
use stint_db::{Db, Tx};
use stint_domain::{OutboxId, Time};

use crate::cx::Cx;

pub(crate) use store::STATEMENTS;
pub use tasks::DELIVER;
pub(crate) use tasks::tasks;

/// One piece of news.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Its number: news is delivered in this order.
    pub seq: i64,
    /// Its id, for whoever must not take it twice.
    pub id: OutboxId,
    /// What happened: dotted, past tense.
    pub kind: String,
    /// The facts; never a secret.
    pub body: Value,
    /// When.
    pub at: Time,
}

/// Puts news into the outbox, in the transaction of what it tells.
///
/// The task is nudged by whoever calls after the commit: `cx.app.nudge("outbox.deliver")`,
/// or it finds the news within its period.
pub async fn emit(tx: &mut Tx, cx: &Cx, kind: &str, body: Value) -> stint_db::Result<()> {
    store::insert(tx, cx.app.new_id(), kind, body, cx.now).await
}

/// How much news waits to be delivered.
pub async fn waiting(db: &Db) -> stint_db::Result<i64> {
    store::waiting(&mut db.reader().await?).await
}
