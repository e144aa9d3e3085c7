//! `delegations`.

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::{DelegationId, Time, UserId};
use uuid::Uuid;

use super::super::Delegation;

macro_rules! columns {
    () => {
        "select id, user_id, delegate_id, starts_at, ends_at, note, created_at, created_by, proved, ended_at, ended_by \
         from delegations "
    };
}

stint_db::statements! {
    /// One.
    BY_ID = (concat!(columns!(), "where id = $1"));
    /// The same with its row held.
    LOCK = (concat!(columns!(), "where id = $1{lock}"));
    /// A page of everybody's, newest first.
    EVERY = (concat!(columns!(), "where id < $1 and ($2 is null or (ended_at is null and ends_at > $2)) \
        order by id desc limit $3"));
    /// A page of those somebody wrote, or that name them, newest first.
    OF_USER = (concat!("select * from (", columns!(), "where user_id = $4 union ", columns!(), "where delegate_id = $4) d \
        where id < $1 and ($2 is null or (ended_at is null and ends_at > $2)) order by id desc limit $3"));
    /// What these delegates may decide for others now.
    TO = (concat!(columns!(), "where delegate_id in {ids $1} and ended_at is null and starts_at <= $2 and ends_at > $2 \
        order by user_id, id"));
    /// Who may decide for these now.
    FROM = (concat!(columns!(), "where user_id in {ids $1} and ended_at is null and starts_at <= $2 and ends_at > $2 \
        order by user_id, id"));
    /// Those of somebody's that are not over.
    OPEN = (concat!(columns!(), "where user_id = $1 and ended_at is null and ends_at > $2 order by starts_at, id"));
    /// How many that are not over name this delegate.
    OPEN_TO = "select count(*) as n from delegations where delegate_id = $1 and ended_at is null and ends_at > $2";
    /// A new one.
    INSERT = "insert into delegations (id, user_id, delegate_id, starts_at, ends_at, note, created_at, created_by, proved) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// Ends one.
    END = "update delegations set ended_at = $2, ended_by = $3 where id = $1 and ended_at is null";
}

fn delegation(row: &Row) -> Result<Delegation> {
    Ok(Delegation {
        id: row.get("id")?,
        user: row.get("user_id")?,
        delegate: row.get("delegate_id")?,
        starts_at: row.get("starts_at")?,
        ends_at: row.get("ends_at")?,
        note: row.get("note")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
        proved: row.get("proved")?,
        ended_at: row.get("ended_at")?,
        ended_by: row.get("ended_by")?,
    })
}

fn all(rows: &[Row]) -> Result<Vec<Delegation>> {
    rows.iter().map(delegation).collect()
}

pub(in super::super) async fn get(
    q: &mut impl Query,
    id: DelegationId,
) -> Result<Option<Delegation>> {
    let row = q.maybe(&BY_ID, args![id]).await?;
    row.as_ref().map(delegation).transpose()
}

pub(in super::super) async fn lock(tx: &mut Tx, id: DelegationId) -> Result<Option<Delegation>> {
    let row = tx.maybe(&LOCK, args![id]).await?;
    row.as_ref().map(delegation).transpose()
}

/// Of everybody, or those that concern `of`; with `open_at` only those not over by then.
pub(in super::super) async fn list(
    q: &mut impl Query,
    of: Option<UserId>,
    open_at: Option<Time>,
    before: Option<DelegationId>,
    limit: i64,
) -> Result<Vec<Delegation>> {
    let before = before.unwrap_or(DelegationId(Uuid::max()));
    let rows = match of {
        Some(user) => q.all(&OF_USER, args![before, open_at, limit, user]).await?,
        None => q.all(&EVERY, args![before, open_at, limit]).await?,
    };
    all(&rows)
}

/// What these may decide for others at that moment, whoever is active.
pub(in super::super) async fn to(
    q: &mut impl Query,
    delegates: impl IntoIterator<Item = UserId>,
    at: Time,
) -> Result<Vec<Delegation>> {
    all(&q.all(&TO, args![Val::ids(delegates), at]).await?)
}

/// Who may decide for these at that moment, whoever is active.
pub(in super::super) async fn from(
    q: &mut impl Query,
    users: impl IntoIterator<Item = UserId>,
    at: Time,
) -> Result<Vec<Delegation>> {
    all(&q.all(&FROM, args![Val::ids(users), at]).await?)
}

/// Those of a user's that are not over by then, in the order they begin.
pub(in super::super) async fn open(
    q: &mut impl Query,
    user: UserId,
    at: Time,
) -> Result<Vec<Delegation>> {
    all(&q.all(&OPEN, args![user, at]).await?)
}

/// How many that are not over by then name this delegate.
pub(in super::super) async fn open_to(
    q: &mut impl Query,
    delegate: UserId,
    at: Time,
) -> Result<usize> {
    let count: i64 = q.one(&OPEN_TO, args![delegate, at]).await?.get("n")?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

pub(in super::super) async fn insert(tx: &mut Tx, it: &Delegation) -> Result<()> {
    let note = it.note.as_str();
    let values = args![
        it.id,
        it.user,
        it.delegate,
        it.starts_at,
        it.ends_at,
        note,
        it.created_at,
        it.created_by,
        it.proved
    ];
    tx.run(&INSERT, values).await.map(drop)
}

/// Whether it was not ended before.
pub(in super::super) async fn end(
    tx: &mut Tx,
    id: DelegationId,
    at: Time,
    by: Option<UserId>,
) -> Result<bool> {
    Ok(tx.run(&END, args![id, at, by]).await? > 0)
}
