//! IAM users.

use serde_json::json;
use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::binding::{Claim, Config};
use stint_domain::managed::user::{How, Origin, Settled, User, UserLedger, Wanted};
use stint_domain::{ConnectionId, ObjectId, Time};

use super::super::{ManagedUser, Place, UserFilter};
use super::{attempts, hold, unknown};
use crate::http::like;

macro_rules! columns {
    () => {
        "select id, connection_id, account, name, path, boundary, origin, user_id, wanted, asked_at, settled_at, how, \
         failure, last_present, hanging, generation, lease_until, due, again_at, failures, stuck_since, stuck_reason, \
         created_by, created_at, reason, name_key from managed_users "
    };
}

/// A page of a connection's users in one order, narrowed.
macro_rules! listed {
    ($beyond:literal, $direction:literal) => {
        concat!(
            columns!(),
            "where connection_id = $1 and ($2 is null or (name_key, id) ",
            $beyond,
            " ($2, $3)) and name_key like $4 escape '\\' and ($5 is null or state = $5) order by name_key",
            $direction,
            ", id",
            $direction,
            " limit $6"
        )
    };
}

stint_db::statements! {
    USER = (concat!(columns!(), "where id = $1"));
    LOCK_USER = "select id from managed_users where id = $1 {lock}";
    USERS_UP = (listed!(">", ""));
    USERS_DOWN = (listed!("<", " desc"));
    INSERT_USER = "insert into managed_users (id, connection_id, account, name, name_key, path, boundary, origin, wanted, asked_at, state, \
        generation, due, failures, created_by, created_at, reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, 0, $13, $14, $15)";
    /// Quiet: leases, due times and readings; what is news is a fact with an event.
    quiet UPDATE_USER = "update managed_users set user_id = $2, wanted = $3, asked_at = $4, settled_at = $5, how = $6, failure = $7, \
        last_present = $8, state = $9, lease_until = $10, due = $11, again_at = $12, failures = $13, stuck_since = $14, stuck_reason = $15 where id = $1";
    quiet SET_HANGING = "update managed_users set hanging = $2 where id = $1";
    /// What is to be taken away goes first.
    quiet CLAIM_USERS = "update managed_users set generation = generation + 1, lease_until = $2 where id in ( \
        select id from managed_users where due <= $1 and (lease_until is null or lease_until <= $1) \
        order by case when wanted in ('disabled', 'deleted') then 0 else 1 end, due, id limit $3 {skip}) \
        and (lease_until is null or lease_until <= $1) returning id, generation";
    NEXT_USER = "select case when lease_until is not null and lease_until > due then lease_until else due end as next from managed_users \
        where due is not null order by 1 limit 1";
    /// Those on which something is still to be done.
    OPEN_USERS = "select count(*) as n from managed_users where connection_id = $1 and how is null";
}

fn managed(row: &Row) -> Result<ManagedUser> {
    let word: Option<String> = row.get("how")?;
    let how = word
        .map(|word| How::parse(&word).ok_or_else(|| unknown("how", &word)))
        .transpose()?;
    let at: Option<Time> = row.get("settled_at")?;
    let origin: String = row.get("origin")?;
    let wanted: String = row.get("wanted")?;
    let hanging: Option<serde_json::Value> = row.get("hanging")?;
    let hanging = hanging.map(serde_json::from_value::<Vec<String>>);
    Ok(ManagedUser {
        place: Place {
            connection: row.get("connection_id")?,
            account: row.get("account")?,
        },
        path: row.get("path")?,
        boundary: row.get("boundary")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        reason: row.get("reason")?,
        hanging: hanging.transpose().map_err(|why| Error::Column {
            column: "hanging".to_owned(),
            why: why.to_string(),
        })?,
        user: User {
            id: row.get("id")?,
            hold: hold(row)?,
            origin: Origin::parse(&origin).ok_or_else(|| unknown("origin", &origin))?,
            name: row.get("name")?,
            user_id: row.get("user_id")?,
            wanted: Wanted::parse(&wanted).ok_or_else(|| unknown("wanted", &wanted))?,
            asked_at: row.get("asked_at")?,
            settled: at.zip(how).map(|(at, how)| Settled { at, how }),
            failure: row.get("failure")?,
            last_present: row.get("last_present")?,
        },
    })
}

pub(in crate::objects) async fn user(
    q: &mut impl Query,
    id: ObjectId,
) -> Result<Option<ManagedUser>> {
    let row = q.maybe(&USER, args![id]).await?;
    row.as_ref().map(managed).transpose()
}

/// One with its row held until the commit.
pub(in crate::objects) async fn lock(tx: &mut Tx, id: ObjectId) -> Result<Option<ManagedUser>> {
    match tx.maybe(&LOCK_USER, args![id]).await? {
        Some(_) => user(tx, id).await,
        None => Ok(None),
    }
}

/// Everything the rules need about a user, its row held until the commit.
pub(in crate::objects) async fn load(
    tx: &mut Tx,
    id: ObjectId,
    now: Time,
    config: &Config,
) -> Result<Option<(ManagedUser, UserLedger)>> {
    let Some(found) = lock(tx, id).await? else {
        return Ok(None);
    };
    let ledger = UserLedger {
        user: found.user.clone(),
        attempts: attempts::of(tx, id, now - config.memory()).await?,
        seen: None,
        name_fenced: None,
    };
    Ok(Some((found, ledger)))
}

/// Lists a connection's users by name, narrowed; each with its key.
pub(in crate::objects) async fn list(
    q: &mut impl Query,
    connection: ConnectionId,
    filter: &UserFilter,
    (down, after): (bool, Option<(String, ObjectId)>),
    limit: i64,
) -> Result<Vec<(String, ManagedUser)>> {
    let statement = if down { &USERS_DOWN } else { &USERS_UP };
    let (key, id) = after.unzip();
    let values = args![
        connection,
        Val::from(key),
        Val::from(id),
        like(&filter.q),
        filter.state.clone(),
        limit
    ];
    let rows = q.all(statement, values).await?;
    rows.iter()
        .map(|row| Ok((row.get("name_key")?, managed(row)?)))
        .collect()
}

pub(in crate::objects) async fn insert(tx: &mut Tx, new: &ManagedUser) -> Result<()> {
    let user = &new.user;
    let values = args![
        user.id,
        new.place.connection,
        &new.place.account,
        &user.name,
        user.name.to_lowercase(),
        &new.path,
        new.boundary.clone(),
        user.origin.as_str(),
        user.wanted.as_str(),
        user.asked_at,
        user.state().as_str(),
        user.hold.due,
        new.created_by,
        new.created_at,
        &new.reason
    ];
    tx.run(&INSERT_USER, values).await.map(drop)
}

/// Writes back what differs.
pub(in crate::objects) async fn save(
    tx: &mut Tx,
    place: &Place,
    was: &UserLedger,
    is: &UserLedger,
) -> Result<()> {
    attempts::save(tx, is.user.id, place, &was.attempts, &is.attempts).await?;
    if was.user == is.user {
        return Ok(());
    }
    let user = &is.user;
    let values = args![
        user.id,
        user.user_id.clone(),
        user.wanted.as_str(),
        user.asked_at,
        user.settled.map(|it| it.at),
        user.settled.map(|it| it.how.as_str()),
        user.failure.clone(),
        user.last_present,
        user.state().as_str(),
        user.hold.lease_until,
        user.hold.due,
        user.hold.again_at,
        user.hold.failures,
        user.hold.stuck.as_ref().map(|it| it.since),
        user.hold.stuck.as_ref().map(|it| it.reason.clone())
    ];
    tx.run(&UPDATE_USER, values).await.map(drop)
}

/// Keeps what a full look found, for people.
pub(in crate::objects) async fn set_hanging(
    tx: &mut Tx,
    id: ObjectId,
    hanging: &[String],
) -> Result<()> {
    tx.run(&SET_HANGING, args![id, json!(hanging)])
        .await
        .map(drop)
}

pub(in crate::objects) async fn claim(
    tx: &mut Tx,
    now: Time,
    config: &Config,
    most: i64,
) -> Result<Vec<(ObjectId, Claim)>> {
    let values = args![now, now + config.lease, most];
    claims(&tx.all(&CLAIM_USERS, values).await?, now)
}

pub(super) fn claims(rows: &[Row], now: Time) -> Result<Vec<(ObjectId, Claim)>> {
    rows.iter()
        .map(|row| {
            let claim = Claim {
                generation: row.get("generation")?,
                began: now,
            };
            Ok((row.get("id")?, claim))
        })
        .collect()
}

/// When the next can be claimed.
pub(in crate::objects) async fn next_due(q: &mut impl Query) -> Result<Option<Time>> {
    match q.maybe(&NEXT_USER, args![]).await? {
        Some(row) => row.get("next"),
        None => Ok(None),
    }
}

pub(in crate::objects) async fn open_on(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    q.one(&OPEN_USERS, args![connection]).await?.get("n")
}
