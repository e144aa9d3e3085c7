//! `groups` and `group_members`.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::{GroupId, Time, UserId};

use super::super::{Group, GroupFilter, Member, MemberFilter, Membership};
use super::fold;
use crate::http::like;

macro_rules! columns {
    () => {
        "select id, name, description, created_at, version, \
         (select count(*) from group_members where group_id = groups.id) as members from groups "
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

/// A page of members in one order, narrowed.
macro_rules! members {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "select m.user_id, u.name, u.email, u.search_text, u.active, m.added_at, m.added_by \
             from group_members m join users u on u.id = m.user_id \
             where m.group_id = $1 and u.search_text like $2 escape '\\' and ($4 is null or (",
            $key,
            ", m.user_id) ",
            $beyond,
            " ($4, $5)) order by ",
            $key,
            $direction,
            ", m.user_id",
            $direction,
            " limit $3"
        )
    };
}

stint_db::statements! {
    /// One group.
    BY_ID = (concat!(columns!(), "where id = $1"));
    /// Several groups.
    BY_IDS = (concat!(columns!(), "where id in {ids $1}"));
    /// Takes a group's row, for a verb that decides on it.
    LOCK = "select version from groups where id = $1{lock}";
    /// A page of groups by name.
    BY_NAME_UP = (listed!("name_key", ">", ""));
    /// The same from its other end.
    BY_NAME_DOWN = (listed!("name_key", "<", " desc"));
    /// A page of groups, the first made first.
    BY_AGE_UP = (listed!("id", ">", ""));
    /// The last made first.
    BY_AGE_DOWN = (listed!("id", "<", " desc"));
    /// The groups of a user, by name.
    OF_USER = (concat!(columns!(),
        "where id in (select group_id from group_members where user_id = $1) order by name_key"));
    /// A new group.
    INSERT = "insert into groups (id, name, name_key, description, created_at, version) \
        values ($1, $2, $3, $4, $5, 1)";
    /// Name and description.
    UPDATE = "update groups set name = $2, name_key = $3, description = $4, version = version + 1 where id = $1";
    /// A new version after its members changed.
    BUMP = "update groups set version = version + 1 where id = $1";
    /// A page of members by address.
    MEMBERS_BY_EMAIL_UP = (members!("u.email_key", ">", ""));
    /// The same from its other end.
    MEMBERS_BY_EMAIL_DOWN = (members!("u.email_key", "<", " desc"));
    /// A page of members by name.
    MEMBERS_BY_NAME_UP = (members!("u.search_text", ">", ""));
    /// The same from its other end.
    MEMBERS_BY_NAME_DOWN = (members!("u.search_text", "<", " desc"));
    /// A page of members, who is in it longest first.
    MEMBERS_BY_AGE_UP = (members!("m.added_at", ">", ""));
    /// Who came last first.
    MEMBERS_BY_AGE_DOWN = (members!("m.added_at", "<", " desc"));
    /// The first members of several groups, by address.
    FIRST_MEMBERS = "select group_id, name from (select m.group_id, u.name, \
            row_number() over (partition by m.group_id order by u.email_key) as place \
            from group_members m join users u on u.id = m.user_id where m.group_id in {ids $1}) first \
        where place <= $2 order by group_id, place";
    /// The members who are active.
    ACTIVE_MEMBERS = "select m.user_id from group_members m join users u on u.id = m.user_id \
        where m.group_id = $1 and u.active order by m.user_id";
    /// The same of several groups, since when and by whom.
    ACTIVE_MEMBERSHIPS = "select m.group_id, m.user_id, m.added_at, m.added_by from group_members m join users u on u.id = m.user_id \
        where m.group_id in {ids $1} and u.active order by m.user_id, m.group_id";
    /// Which groups a user is in, since when and by whom.
    MEMBERSHIPS = "select group_id, added_at, added_by from group_members where user_id = $1 order by group_id";
    /// Which groups several users are in.
    MEMBERSHIPS_OF = "select user_id, group_id from group_members where user_id in {ids $1}";
    /// Which groups everybody is in.
    ALL_MEMBERSHIPS = "select user_id, group_id from group_members";
    /// Adds a member.
    ADD = "insert into group_members (group_id, user_id, added_at, added_by) values ($1, $2, $3, $4) \
        on conflict (group_id, user_id) do nothing";
    /// Takes a member out.
    REMOVE = "delete from group_members where group_id = $1 and user_id = $2";
}

fn group(row: &Row) -> Result<Group> {
    Ok(Group {
        id: row.get("id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        members: row.get("members")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

pub(in super::super) async fn get(q: &mut impl Query, id: GroupId) -> Result<Option<Group>> {
    q.maybe(&BY_ID, args![id])
        .await?
        .as_ref()
        .map(group)
        .transpose()
}

/// Those of these groups that exist.
pub(in super::super) async fn by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GroupId>,
) -> Result<BTreeMap<GroupId, Group>> {
    let rows = q.all(&BY_IDS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| group(row).map(|it| (it.id, it)))
        .collect()
}

/// Takes the row; nothing if there is none.
pub(in super::super) async fn lock(tx: &mut Tx, id: GroupId) -> Result<Option<Group>> {
    match tx.maybe(&LOCK, args![id]).await? {
        Some(_) => get(tx, id).await,
        None => Ok(None),
    }
}

pub(in super::super) async fn list(
    q: &mut impl Query,
    filter: &GroupFilter,
    sort: &str,
    after: Val,
    limit: i64,
) -> Result<Vec<Group>> {
    let statement = match sort {
        "-name" => &BY_NAME_DOWN,
        "created" => &BY_AGE_UP,
        "-created" => &BY_AGE_DOWN,
        _ => &BY_NAME_UP,
    };
    q.all(statement, args![after, like(&filter.q), limit])
        .await?
        .iter()
        .map(group)
        .collect()
}

pub(in super::super) async fn of_user(q: &mut impl Query, id: UserId) -> Result<Vec<Group>> {
    q.all(&OF_USER, args![id])
        .await?
        .iter()
        .map(group)
        .collect()
}

pub(in super::super) async fn insert(
    tx: &mut Tx,
    id: GroupId,
    (name, description): (&str, &str),
    at: Time,
) -> Result<()> {
    tx.run(&INSERT, args![id, name, fold(name), description, at])
        .await
        .map(drop)
}

pub(in super::super) async fn update(
    tx: &mut Tx,
    id: GroupId,
    name: &str,
    description: &str,
) -> Result<()> {
    tx.run(&UPDATE, args![id, name, fold(name), description])
        .await
        .map(drop)
}

pub(in super::super) async fn members(
    q: &mut impl Query,
    id: GroupId,
    filter: &MemberFilter,
    sort: &str,
    (key, user): (Val, Option<UserId>),
    limit: i64,
) -> Result<Vec<Member>> {
    let statement = match sort {
        "-email" => &MEMBERS_BY_EMAIL_DOWN,
        "name" => &MEMBERS_BY_NAME_UP,
        "-name" => &MEMBERS_BY_NAME_DOWN,
        "since" => &MEMBERS_BY_AGE_UP,
        "-since" => &MEMBERS_BY_AGE_DOWN,
        _ => &MEMBERS_BY_EMAIL_UP,
    };
    let args = args![id, like(&filter.q), limit, key, user];
    let rows = q.all(statement, args).await?;
    rows.iter()
        .map(|row| {
            Ok(Member {
                user: row.get("user_id")?,
                name: row.get("name")?,
                email: row.get("email")?,
                active: row.get("active")?,
                added_at: row.get("added_at")?,
                added_by: row.get("added_by")?,
            })
        })
        .collect()
}

/// The names of the first `most` members of each of these groups, by address.
pub(in super::super) async fn first_members(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GroupId>,
    most: i64,
) -> Result<BTreeMap<GroupId, Vec<String>>> {
    let mut found: BTreeMap<GroupId, Vec<String>> = BTreeMap::new();
    for row in q.all(&FIRST_MEMBERS, args![Val::ids(ids), most]).await? {
        let names = found.entry(row.get("group_id")?).or_default();
        names.push(row.get("name")?);
    }
    Ok(found)
}

pub(in super::super) async fn active_members(
    q: &mut impl Query,
    id: GroupId,
) -> Result<Vec<UserId>> {
    let rows = q.all(&ACTIVE_MEMBERS, args![id]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

pub(in super::super) async fn active_memberships(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GroupId>,
) -> Result<Vec<(UserId, Membership)>> {
    let rows = q.all(&ACTIVE_MEMBERSHIPS, args![Val::ids(ids)]).await?;
    rows.iter()
        .map(|row| Ok((row.get("user_id")?, membership(row)?)))
        .collect()
}

pub(in super::super) async fn memberships(
    q: &mut impl Query,
    id: UserId,
) -> Result<Vec<Membership>> {
    let rows = q.all(&MEMBERSHIPS, args![id]).await?;
    rows.iter().map(membership).collect()
}

fn membership(row: &Row) -> Result<Membership> {
    Ok(Membership {
        group: row.get("group_id")?,
        since: row.get("added_at")?,
        added_by: row.get("added_by")?,
    })
}

/// The groups of several users.
pub(in super::super) async fn of_users(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<BTreeMap<UserId, BTreeSet<GroupId>>> {
    sets(&q.all(&MEMBERSHIPS_OF, args![Val::ids(ids)]).await?)
}

/// The groups of everybody.
pub(in super::super) async fn all_memberships(
    q: &mut impl Query,
) -> Result<BTreeMap<UserId, BTreeSet<GroupId>>> {
    sets(&q.all(&ALL_MEMBERSHIPS, args![]).await?)
}

fn sets(rows: &[Row]) -> Result<BTreeMap<UserId, BTreeSet<GroupId>>> {
    let mut found: BTreeMap<UserId, BTreeSet<GroupId>> = BTreeMap::new();
    for row in rows {
        let of = found.entry(row.get("user_id")?).or_default();
        of.insert(row.get("group_id")?);
    }
    Ok(found)
}

/// Whether the user was not in it before.
pub(in super::super) async fn add(
    tx: &mut Tx,
    group: GroupId,
    user: UserId,
    at: Time,
    by: Option<UserId>,
) -> Result<bool> {
    let added = tx.run(&ADD, args![group, user, at, by]).await? > 0;
    if added {
        tx.run(&BUMP, args![group]).await?;
    }
    Ok(added)
}

/// Whether the user was in it.
pub(in super::super) async fn remove(tx: &mut Tx, group: GroupId, user: UserId) -> Result<bool> {
    let removed = tx.run(&REMOVE, args![group, user]).await? > 0;
    if removed {
        tx.run(&BUMP, args![group]).await?;
    }
    Ok(removed)
}
