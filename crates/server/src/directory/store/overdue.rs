//! Connections that have had no full sync for too long.

use stint_db::{Query, Result, Tx, args};
use stint_domain::{ConnectionId, Time};

stint_db::statements! {
    GET = "select since, noticed_at, told_at from sync_overdue where connection_id = $1";
    quiet NOTICE = "insert into sync_overdue (connection_id, since, noticed_at) values ($1, $2, $3) \
        on conflict (connection_id) do nothing";
    TELL = "update sync_overdue set told_at = $2 where connection_id = $1 and told_at is null";
    quiet FORGET = "delete from sync_overdue where connection_id = $1";
}

/// That there was no full sync for too long.
pub(in crate::directory) struct Late {
    /// The end of the last one; where there was none, when the first began.
    pub(in crate::directory) since: Time,
    /// When that was noticed.
    pub(in crate::directory) noticed_at: Time,
    /// When whoever answers for the connection was told.
    pub(in crate::directory) told_at: Option<Time>,
}

pub(in crate::directory) async fn get(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<Late>> {
    let Some(row) = q.maybe(&GET, args![connection]).await? else {
        return Ok(None);
    };
    Ok(Some(Late {
        since: row.get("since")?,
        noticed_at: row.get("noticed_at")?,
        told_at: row.get("told_at")?,
    }))
}

/// Notes that there was none since then; again is no mistake.
pub(in crate::directory) async fn notice(
    tx: &mut Tx,
    connection: ConnectionId,
    since: Time,
    now: Time,
) -> Result<()> {
    tx.run(&NOTICE, args![connection, since, now])
        .await
        .map(drop)
}

/// Notes that it was told. False when it was already.
pub(in crate::directory) async fn tell(
    tx: &mut Tx,
    connection: ConnectionId,
    now: Time,
) -> Result<bool> {
    Ok(tx.run(&TELL, args![connection, now]).await? > 0)
}

/// There was a full sync, or there will be none any more.
pub(in crate::directory) async fn forget(tx: &mut Tx, connection: ConnectionId) -> Result<()> {
    tx.run(&FORGET, args![connection]).await.map(drop)
}
