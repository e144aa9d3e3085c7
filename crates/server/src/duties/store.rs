//! All SQL of duty rules.

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::DutyId;
use stint_domain::duty::Action;

use super::Duty;
use crate::http::like;

macro_rules! columns {
    () => {
        "select id, name, message, side_one, side_two, action, group_id, emergency_passes, active, created_at, version from duties "
    };
}

/// A page in one order, narrowed.
macro_rules! listed {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            columns!(),
            "where ($1 is null or ",
            $key,
            " ",
            $beyond,
            " $1) and name_key like $2 escape '\\' order by ",
            $key,
            $direction,
            " limit $3"
        )
    };
}

stint_db::statements! {
    /// A rule begins.
    INSERT = "insert into duties (id, name, name_key, message, side_one, side_two, action, group_id, emergency_passes, active, created_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    /// All of it.
    UPDATE = "update duties set name = $2, name_key = $3, message = $4, side_one = $5, side_two = $6, action = $7, group_id = $8, \
        emergency_passes = $9, active = $10, created_at = $11, version = $12 where id = $1";
    /// One.
    GET = (concat!(columns!(), "where id = $1"));
    /// Several, before something is decided by them.
    LOCK = (concat!(columns!(), "where id in {ids $1} order by id{lock}"));
    /// Those in force.
    ACTIVE = (concat!(columns!(), "where active = $1 order by id"));
    COUNT = "select count(*) as n from duties";
    /// A page by name.
    BY_NAME_UP = (listed!("name_key", ">", ""));
    /// The same from its other end.
    BY_NAME_DOWN = (listed!("name_key", "<", " desc"));
    /// A page, the first made first.
    BY_AGE_UP = (listed!("id", ">", ""));
    /// The last made first.
    BY_AGE_DOWN = (listed!("id", "<", " desc"));
}

/// What identifies the key a name is unique by.
pub(super) const NAME_KEY: &str = "duties.name_key";

/// What a name is unique and sorted by.
pub(super) fn key(name: &str) -> String {
    name.to_lowercase()
}

fn values(d: &Duty) -> Vec<Val> {
    args![
        d.id,
        d.name.as_str(),
        key(&d.name),
        d.message.as_str(),
        serde_json::to_value(&d.first).unwrap_or_default(),
        serde_json::to_value(&d.second).unwrap_or_default(),
        d.action.as_str(),
        d.group,
        d.emergency_passes,
        d.active,
        d.created_at,
        d.version
    ]
}

pub(super) async fn insert(tx: &mut Tx, duty: &Duty) -> Result<()> {
    tx.run(&INSERT, values(duty)).await.map(drop)
}

pub(super) async fn update(tx: &mut Tx, duty: &Duty) -> Result<()> {
    tx.run(&UPDATE, values(duty)).await.map(drop)
}

pub(super) async fn get(q: &mut impl Query, id: DutyId) -> Result<Option<Duty>> {
    let row = q.maybe(&GET, args![id]).await?;
    row.as_ref().map(duty).transpose()
}

/// The rows of these, held, in the order of their ids.
pub(super) async fn lock(tx: &mut Tx, ids: impl IntoIterator<Item = DutyId>) -> Result<Vec<Duty>> {
    let rows = tx.all(&LOCK, args![Val::ids(ids)]).await?;
    rows.iter().map(duty).collect()
}

pub(super) async fn active(q: &mut impl Query) -> Result<Vec<Duty>> {
    let rows = q.all(&ACTIVE, args![true]).await?;
    rows.iter().map(duty).collect()
}

pub(super) async fn count(q: &mut impl Query) -> Result<i64> {
    q.one(&COUNT, args![]).await?.get("n")
}

pub(super) async fn list(
    q: &mut impl Query,
    words: &str,
    sort: &str,
    after: Val,
    limit: i64,
) -> Result<Vec<Duty>> {
    let statement = match sort {
        "-name" => &BY_NAME_DOWN,
        "created" => &BY_AGE_UP,
        "-created" => &BY_AGE_DOWN,
        _ => &BY_NAME_UP,
    };
    let rows = q.all(statement, args![after, like(words), limit]).await?;
    rows.iter().map(duty).collect()
}

fn duty(row: &Row) -> Result<Duty> {
    let action: String = row.get("action")?;
    Ok(Duty {
        id: row.get("id")?,
        name: row.get("name")?,
        message: row.get("message")?,
        first: row.json("side_one")?,
        second: row.json("side_two")?,
        action: Action::parse(&action).ok_or_else(|| Error::Column {
            column: "action".to_owned(),
            why: format!("`{action}` is no action"),
        })?,
        group: row.get("group_id")?,
        emergency_passes: row.get("emergency_passes")?,
        active: row.get("active")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}
