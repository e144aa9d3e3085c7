//! All SQL of the table `idempotency`.

use serde_json::Value;
use stint_db::{Query, Result, Tx, args};
use stint_domain::Time;
use uuid::Uuid;

stint_db::statements! {
    /// Takes the key, if nobody has.
    quiet CLAIM = "insert into idempotency (id, actor, route, key, body_hash, state, begun_at) \
        values ($1, $2, $3, $4, $5, 'begun', $6) on conflict (actor, route, key) do nothing";
    /// Who has it.
    FOUND = "select id, body_hash, state, begun_at, status, headers, response from idempotency \
        where actor = $1 and route = $2 and key = $3{lock}";
    /// Takes over a key whose holder never came to commit, or whose time is over.
    quiet TAKE_OVER = "update idempotency set id = $2, body_hash = $3, state = 'begun', \
        begun_at = $4, status = null, headers = null, response = null where id = $1";
    /// Runs first in the verb's own transaction: committed with it or not at all.
    quiet MARK_DONE = "update idempotency set state = 'done' where id = $1";
    /// Keeps the answer.
    quiet ANSWER = "update idempotency set state = 'answered', status = $2, headers = $3, \
        response = $4 where id = $1 and state <> 'answered'";
    /// Gives the key back: nothing was committed under it.
    quiet RELEASE = "delete from idempotency where id = $1 and state = 'begun'";
    /// Keys whose time is over.
    quiet PURGE = "delete from idempotency where begun_at < $1";
}

/// A key somebody claimed.
pub(super) struct Claimed {
    pub(super) id: Uuid,
    pub(super) body_hash: [u8; 32],
    pub(super) state: String,
    pub(super) begun_at: Time,
    pub(super) answer: Option<Answer>,
}

/// An answer kept.
pub(super) struct Answer {
    pub(super) status: i64,
    pub(super) headers: Value,
    pub(super) body: Vec<u8>,
}

/// Whose key, for what.
pub(super) struct Key<'a> {
    pub(super) actor: &'a str,
    pub(super) route: &'a str,
    pub(super) key: &'a str,
    pub(super) body_hash: [u8; 32],
}

pub(super) async fn claim(tx: &mut Tx, id: Uuid, key: &Key<'_>, now: Time) -> Result<bool> {
    let args = args![id, key.actor, key.route, key.key, key.body_hash, now];
    Ok(tx.run(&CLAIM, args).await? == 1)
}

pub(super) async fn found(tx: &mut Tx, key: &Key<'_>) -> Result<Option<Claimed>> {
    let Some(row) = tx
        .maybe(&FOUND, args![key.actor, key.route, key.key])
        .await?
    else {
        return Ok(None);
    };
    let answer = match row.get::<Option<i64>>("status")? {
        None => None,
        Some(status) => Some(Answer {
            status,
            headers: row.get("headers")?,
            body: row.get("response")?,
        }),
    };
    Ok(Some(Claimed {
        id: row.get("id")?,
        body_hash: row.get("body_hash")?,
        state: row.get("state")?,
        begun_at: row.get("begun_at")?,
        answer,
    }))
}

pub(super) async fn take_over(
    tx: &mut Tx,
    old: Uuid,
    new: Uuid,
    key: &Key<'_>,
    now: Time,
) -> Result<()> {
    tx.run(&TAKE_OVER, args![old, new, key.body_hash, now])
        .await
        .map(drop)
}

pub(super) async fn answer(tx: &mut Tx, id: Uuid, answer: Answer) -> Result<()> {
    let args = args![id, answer.status, answer.headers, answer.body];
    tx.run(&ANSWER, args).await.map(drop)
}

pub(super) async fn release(tx: &mut Tx, id: Uuid) -> Result<()> {
    tx.run(&RELEASE, args![id]).await.map(drop)
}

pub(super) async fn purge(tx: &mut Tx, before: Time) -> Result<u64> {
    tx.run(&PURGE, args![before]).await
}
