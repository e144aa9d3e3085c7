//! All SQL of the table `outbox`.

use serde_json::Value;
use stint_db::{Query, Result, Tx, args};
use stint_domain::{OutboxId, Time, UserId};

use super::News;

stint_db::statements! {
    quiet INSERT = "insert into outbox (id, kind, body, actor_id, created_at) \
        values ($1, $2, $3, $4, $5)";
    /// What waits, in order.
    WAITING = "select seq, id, kind, body, actor_id, created_at from outbox where delivered_at is null and seq > $1 \
        order by seq limit $2";
    /// How much waits.
    COUNT = "select count(*) as waiting from outbox where delivered_at is null";
    quiet DELIVERED = "update outbox set delivered_at = $2 where seq = $1 and delivered_at is null";
    /// What was delivered long ago.
    quiet PURGE = "delete from outbox where delivered_at < $1";
}

/// News to be.
pub(super) struct NewNews<'a> {
    pub(super) id: OutboxId,
    pub(super) kind: &'a str,
    pub(super) body: Value,
    pub(super) actor: Option<UserId>,
    pub(super) at: Time,
}

pub(super) async fn insert(tx: &mut Tx, news: NewNews<'_>) -> Result<()> {
    let values = args![news.id, news.kind, news.body, news.actor, news.at];
    tx.run(&INSERT, values).await.map(drop)
}

/// What waits behind this number.
pub(super) async fn first(q: &mut impl Query, after: i64, limit: i64) -> Result<Vec<News>> {
    let rows = q.all(&WAITING, args![after, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(News {
                seq: row.get("seq")?,
                id: row.get("id")?,
                kind: row.get("kind")?,
                body: row.get("body")?,
                actor: row.get("actor_id")?,
                at: row.get("created_at")?,
            })
        })
        .collect()
}

pub(super) async fn waiting(q: &mut impl Query) -> Result<i64> {
    q.one(&COUNT, args![]).await?.get("waiting")
}

/// Marks it delivered; false where somebody else was quicker. Until the commit nobody else can.
pub(super) async fn delivered(tx: &mut Tx, seq: i64, now: Time) -> Result<bool> {
    Ok(tx.run(&DELIVERED, args![seq, now]).await? > 0)
}

pub(super) async fn purge(tx: &mut Tx, before: Time) -> Result<u64> {
    tx.run(&PURGE, args![before]).await
}
