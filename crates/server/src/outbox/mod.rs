//! News: what happened, for whoever wants to know, committed together with what happened.
//!
//! **Table**: `outbox`. A verb [`emit`]s in its transaction; the task `outbox.deliver` writes
//! each event to the log, in order, at least once, and hands it to the [`Sink`]s that want it.
//! News so goes *up* the rooms without lower ones knowing upper ones.
//!
//! A sink writes what it makes of an event in the transaction that marks the event delivered:
//! either both are there or neither, whoever delivers and how often. Something to be sent out of
//! this server is a row for a task of the sink's room; no sink makes a call.
//!
//! What it does not do: decide who is told, or how.

mod store;
mod tasks;

use serde_json::Value;
use stint_db::{Db, Tx};
use stint_domain::{OutboxId, Time, UserId};

use crate::cx::Cx;
use crate::tasks::TaskError;

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
    /// Who did it, where a person did.
    pub actor: Option<UserId>,
    /// When.
    pub at: Time,
}

/// Somebody who wants to know: a room further up.
#[async_trait::async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Whether it wants news of this kind.
    fn wants(&self, kind: &str) -> bool;

    /// Takes one piece of news, in the transaction that marks it delivered. What it fails on is
    /// delivered again later; other news is not held up by it.
    async fn take(&self, cx: &Cx, tx: &mut Tx, news: &News) -> Result<(), TaskError>;
}

/// Puts news into the outbox, in the transaction of what it tells.
///
/// The task is nudged by whoever calls after the commit: `cx.app.nudge("outbox.deliver")`,
/// or it finds the news within its period.
pub async fn emit(tx: &mut Tx, cx: &Cx, kind: &str, body: Value) -> stint_db::Result<()> {
    let news = store::NewNews {
        id: cx.app.new_id(),
        kind,
        body,
        actor: cx.actor.user(),
        at: cx.now,
    };
    store::insert(tx, news).await
}

/// How much news waits to be delivered.
pub async fn waiting(db: &Db) -> stint_db::Result<i64> {
    store::waiting(&mut db.reader().await?).await
}
