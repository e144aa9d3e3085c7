//! Key rotations.

use serde_json::json;
use stint_db::{Error, Query, Result, Row, Tx, args};
use stint_domain::binding::{Claim, Config};
use stint_domain::managed::rotation::{Rotation, RotationLedger, Using};
use stint_domain::{ConnectionId, ObjectId, Time};

use super::super::{KeyRotation, Place};
use super::users::claims;
use super::{attempts, hold};
use crate::sealed::Sealed;

macro_rules! columns {
    () => {
        "select id, connection_id, old_key, user_arn, stood, new_key, new_sealed, new_sealed_by, began_at, began_by, added_at, \
         tested_at, switched_at, deactivated_at, failure, ended_at, settle, generation, lease_until, due, again_at, failures, \
         stuck_since, stuck_reason from key_rotations "
    };
}

stint_db::statements! {
    ROTATION = (concat!(columns!(), "where id = $1"));
    LOCK_ROTATION = "select id from key_rotations where id = $1 {lock}";
    ROTATIONS = (concat!(columns!(), "where connection_id = $1 and ($2 is null or id < $2) order by id desc limit $3"));
    OPEN_ROTATION = (concat!(columns!(), "where connection_id = $1 and ended_at is null"));
    INSERT_ROTATION = "insert into key_rotations (id, connection_id, old_key, stood, began_at, began_by, settle, generation, due, failures) \
        values ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0)";
    /// Quiet: leases, due times and readings; what is news is a fact with an event.
    quiet UPDATE_ROTATION = "update key_rotations set user_arn = $2, stood = $3, new_key = $4, added_at = $5, tested_at = $6, switched_at = $7, \
        deactivated_at = $8, failure = $9, ended_at = $10, lease_until = $11, due = $12, again_at = $13, failures = $14, stuck_since = $15, \
        stuck_reason = $16 where id = $1";
    /// The secret of the new key; nothing erases it.
    SET_SECRET = "update key_rotations set new_sealed = $2, new_sealed_by = $3 where id = $1";
    quiet CLAIM_ROTATIONS = "update key_rotations set generation = generation + 1, lease_until = $2 where id in ( \
        select id from key_rotations where due <= $1 and (lease_until is null or lease_until <= $1) order by due, id limit $3 {skip}) \
        and (lease_until is null or lease_until <= $1) returning id, generation";
    NEXT_ROTATION = "select case when lease_until is not null and lease_until > due then lease_until else due end as next from key_rotations \
        where due is not null order by 1 limit 1";
    /// The master keys that a new key's secret is sealed with.
    SEALED_BY = "select distinct new_sealed_by from key_rotations where new_sealed_by is not null order by new_sealed_by";
}

fn kept(row: &Row) -> Result<KeyRotation> {
    let bytes: Option<Vec<u8>> = row.get("new_sealed")?;
    let key: Option<String> = row.get("new_sealed_by")?;
    let stood: serde_json::Value = row.get("stood")?;
    Ok(KeyRotation {
        connection: row.get("connection_id")?,
        began_by: row.get("began_by")?,
        sealed: bytes.zip(key).map(|(bytes, key)| Sealed { key, bytes }),
        rotation: Rotation {
            id: row.get("id")?,
            hold: hold(row)?,
            old_key: row.get("old_key")?,
            user_arn: row.get("user_arn")?,
            stood: serde_json::from_value(stood).map_err(|why| Error::Column {
                column: "stood".to_owned(),
                why: why.to_string(),
            })?,
            new_key: row.get("new_key")?,
            began_at: row.get("began_at")?,
            added_at: row.get("added_at")?,
            tested_at: row.get("tested_at")?,
            switched_at: row.get("switched_at")?,
            deactivated_at: row.get("deactivated_at")?,
            failure: row.get("failure")?,
            ended_at: row.get("ended_at")?,
            settle: row.get("settle")?,
        },
    })
}

pub(in crate::objects) async fn rotation(
    q: &mut impl Query,
    id: ObjectId,
) -> Result<Option<KeyRotation>> {
    let row = q.maybe(&ROTATION, args![id]).await?;
    row.as_ref().map(kept).transpose()
}

/// One with its row held until the commit.
pub(in crate::objects) async fn lock(tx: &mut Tx, id: ObjectId) -> Result<Option<KeyRotation>> {
    match tx.maybe(&LOCK_ROTATION, args![id]).await? {
        Some(_) => rotation(tx, id).await,
        None => Ok(None),
    }
}

/// Everything the rules need about a rotation, its row held until the commit. What the
/// connection enters by is the caller's to say.
pub(in crate::objects) async fn load(
    tx: &mut Tx,
    id: ObjectId,
    now: Time,
    config: &Config,
) -> Result<Option<(KeyRotation, RotationLedger)>> {
    let Some(found) = lock(tx, id).await? else {
        return Ok(None);
    };
    let ledger = RotationLedger {
        rotation: found.rotation.clone(),
        attempts: attempts::of(tx, id, now - config.memory()).await?,
        using: Using::Other,
        seen: None,
    };
    Ok(Some((found, ledger)))
}

/// A connection's rotations, newest first.
pub(in crate::objects) async fn list(
    q: &mut impl Query,
    connection: ConnectionId,
    after: Option<ObjectId>,
    limit: i64,
) -> Result<Vec<KeyRotation>> {
    let rows = q.all(&ROTATIONS, args![connection, after, limit]).await?;
    rows.iter().map(kept).collect()
}

/// The one under way, if one is.
pub(in crate::objects) async fn open_on(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<KeyRotation>> {
    let row = q.maybe(&OPEN_ROTATION, args![connection]).await?;
    row.as_ref().map(kept).transpose()
}

pub(in crate::objects) async fn insert(tx: &mut Tx, new: &KeyRotation) -> Result<()> {
    let rotation = &new.rotation;
    let values = args![
        rotation.id,
        new.connection,
        &rotation.old_key,
        json!(rotation.stood),
        rotation.began_at,
        new.began_by,
        rotation.settle,
        rotation.hold.due
    ];
    tx.run(&INSERT_ROTATION, values).await.map(drop)
}

/// Writes back what differs. The secret goes by [`set_secret`].
pub(in crate::objects) async fn save(
    tx: &mut Tx,
    place: &Place,
    was: &RotationLedger,
    is: &RotationLedger,
) -> Result<()> {
    attempts::save(tx, is.rotation.id, place, &was.attempts, &is.attempts).await?;
    if was.rotation == is.rotation {
        return Ok(());
    }
    let rotation = &is.rotation;
    let values = args![
        rotation.id,
        rotation.user_arn.clone(),
        json!(rotation.stood),
        rotation.new_key.clone(),
        rotation.added_at,
        rotation.tested_at,
        rotation.switched_at,
        rotation.deactivated_at,
        rotation.failure.clone(),
        rotation.ended_at,
        rotation.hold.lease_until,
        rotation.hold.due,
        rotation.hold.again_at,
        rotation.hold.failures,
        rotation.hold.stuck.as_ref().map(|it| it.since),
        rotation.hold.stuck.as_ref().map(|it| it.reason.clone())
    ];
    tx.run(&UPDATE_ROTATION, values).await.map(drop)
}

/// Keeps, or erases, the sealed secret of the new key.
pub(in crate::objects) async fn set_secret(
    tx: &mut Tx,
    id: ObjectId,
    sealed: Option<&Sealed>,
) -> Result<()> {
    let values = args![
        id,
        sealed.map(|sealed| sealed.bytes.clone()),
        sealed.map(|sealed| sealed.key.as_str())
    ];
    tx.run(&SET_SECRET, values).await.map(drop)
}

pub(in crate::objects) async fn claim(
    tx: &mut Tx,
    now: Time,
    config: &Config,
    most: i64,
) -> Result<Vec<(ObjectId, Claim)>> {
    let values = args![now, now + config.lease, most];
    claims(&tx.all(&CLAIM_ROTATIONS, values).await?, now)
}

/// When the next can be claimed.
pub(in crate::objects) async fn next_due(q: &mut impl Query) -> Result<Option<Time>> {
    match q.maybe(&NEXT_ROTATION, args![]).await? {
        Some(row) => row.get("next"),
        None => Ok(None),
    }
}

pub(in crate::objects) async fn sealed_by(q: &mut impl Query) -> Result<Vec<String>> {
    let rows = q.all(&SEALED_BY, args![]).await?;
    rows.iter().map(|row| row.get("new_sealed_by")).collect()
}
