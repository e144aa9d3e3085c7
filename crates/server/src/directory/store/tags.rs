//! The tags of accounts.

use std::collections::BTreeMap;

use serde_json::json;
use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::sync::tags::KnownTags;
use stint_domain::{ConnectionId, Time};

stint_db::statements! {
    /// Accounts in use of a list, those first that were asked about longest ago, or never.
    READ = "select aws_id, tags_read_at, tags_refused_at from accounts where connection_id = $1 and state = 'active' and last_seen >= $2 \
        order by coalesce(tags_tried_at, 0), aws_id";
    /// Of an account that has not left.
    quiet SET_TAGS = "update accounts set tags = $3, tags_read_at = $4, tags_tried_at = $4, tags_refused_at = null \
        where connection_id = $1 and aws_id = $2 and gone_at is null and (tags_tried_at is null or tags_tried_at <= $4)";
    /// Not read: what is known stays as it was. `$4`: AWS refused it.
    quiet TRIED = "update accounts set tags_tried_at = $3, tags_refused_at = case when $4 then $3 else tags_refused_at end \
        where connection_id = $1 and aws_id = $2 and (tags_tried_at is null or tags_tried_at <= $3)";
    /// What may have changed: it is not known any more, and no reading before `$3` tells it.
    quiet DOUBT = "update accounts set tags = null, tags_read_at = null, tags_tried_at = $3 \
        where connection_id = $2 and aws_id in (select r.account from {rows $1 account:text} r) \
        and (tags_tried_at is null or tags_tried_at <= $3)";
    /// The oldest reading that is believed.
    OLDEST = "select min(tags_read_at) as at from accounts where connection_id = $1 and tags_read_at is not null";
    quiet EXPIRE = "update accounts set tags = null, tags_read_at = null where connection_id = $1 and tags_read_at <= $2";
}

/// What is known of the accounts of a list begun at `since` that can be used: those first that were
/// asked about longest ago, or never.
pub(in crate::directory) async fn read(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Vec<KnownTags>> {
    let rows = q.all(&READ, args![connection, since]).await?;
    let one = |row: &Row| {
        Ok(KnownTags {
            account: row.get("aws_id")?,
            read_at: row.get("tags_read_at")?,
            refused_at: row.get("tags_refused_at")?,
        })
    };
    rows.iter().map(one).collect()
}

/// Writes down the tags of an account as a reading begun then has them. One that began before
/// another, or before what is known was doubted, changes nothing.
pub(in crate::directory) async fn set(
    tx: &mut Tx,
    connection: ConnectionId,
    account: &str,
    tags: &BTreeMap<String, String>,
    began: Time,
) -> Result<()> {
    let values = args![connection, account, json!(tags), began];
    tx.run(&SET_TAGS, values).await.map(drop)
}

/// Notes that AWS was asked then and did not tell: `refused`, or for a reason that may pass.
pub(in crate::directory) async fn tried(
    tx: &mut Tx,
    connection: ConnectionId,
    account: &str,
    began: Time,
    refused: bool,
) -> Result<()> {
    let values = args![connection, account, began, refused];
    tx.run(&TRIED, values).await.map(drop)
}

/// Forgets the tags of accounts that may have changed and cannot be read now: only a reading that
/// begins at `since` or later tells them.
pub(in crate::directory) async fn doubt(
    tx: &mut Tx,
    connection: ConnectionId,
    accounts: &[&str],
    since: Time,
) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let rows = accounts.iter().map(|account| args![*account]);
    let values = args![Val::rows(rows), connection, since];
    tx.run(&DOUBT, values).await.map(drop)
}

/// When the oldest reading began whose tags are known.
pub(in crate::directory) async fn oldest(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<Time>> {
    match q.maybe(&OLDEST, args![connection]).await? {
        Some(row) => row.get("at"),
        None => Ok(None),
    }
}

/// Forgets the tags that were last read by then. Answers of how many accounts.
pub(in crate::directory) async fn expire(
    tx: &mut Tx,
    connection: ConnectionId,
    by: Time,
) -> Result<u64> {
    tx.run(&EXPIRE, args![connection, by]).await
}

/// The tags in a row, where they are known.
pub(super) fn known(row: &Row) -> Result<Option<BTreeMap<String, String>>> {
    let tags: Option<serde_json::Value> = row.get("tags")?;
    let tags = tags.map(serde_json::from_value).transpose();
    tags.map_err(|why| stint_db::Error::Column {
        column: "tags".to_owned(),
        why: why.to_string(),
    })
}
