//! All SQL of notices, of the news behind them, and of what people switched off.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::{
    ConnectionId, DelegationId, GrantId, NoticeId, OutboxId, RequestId, Time, UserId,
};

use super::{Filter, Key, Kind, Notice, Thing};

macro_rules! listed {
    ($beyond:literal, $direction:literal) => {
        concat!(
            "select id, user_id, kind, thing, thing_id, times, first_at, last_at, read_at, \
             settled_at from notices where user_id = $1 and ($2 is null or kind = $2) \
             and ($3 is null or case when read_at is null and settled_at is null then 'new' \
             else 'done' end = $3) and ($4 is null or (last_at, id) ",
            $beyond,
            " ($4, $5)) order by last_at",
            $direction,
            ", id",
            $direction,
            " limit $6"
        )
    };
}

stint_db::statements! {
    /// The newest first.
    LIST_DOWN = (listed!("<", " desc"));
    /// The oldest first.
    LIST_UP = (listed!(">", ""));
    OWNER = "select user_id from notices where id = $1";
    quiet READ = "update notices set read_at = $2 where id = $1 and read_at is null";
    quiet READ_ALL = "update notices set read_at = $2 \
        where user_id = $1 and read_at is null and settled_at is null";
    /// Whom this news has told.
    TOLD = "select user_id from notice_causes where news_id = $1";
    /// What is new to anybody about a thing.
    NEW_ABOUT = "select id, user_id from notices where thing_id = $1 and kind = $2 \
        and read_at is null and settled_at is null{lock}";
    /// What is not settled about a thing.
    OPEN_ABOUT = "select id, user_id, part, read_at from notices where thing_id = $1 \
        and kind = $2 and settled_at is null{lock}";
    quiet AGAIN = "update notices set times = times + 1, last_at = $2, part = $3 \
        where id in {ids $1}";
    quiet ADD = "insert into notices (id, user_id, kind, thing, thing_id, part, times, first_at, \
            last_at) \
        select r.id, r.user_id, $2, $3, $4, $5, 1, $6, $6 from {rows $1 id:uuid user_id:uuid} r";
    quiet CAUSE = "insert into notice_causes (news_id, user_id, notice_id) \
        select $2, r.user_id, r.id from {rows $1 id:uuid user_id:uuid} r";
    quiet SETTLE = "update notices set settled_at = $2 where id in {ids $1} and settled_at is null";
    quiet SETTLE_ABOUT = "update notices set settled_at = $3 where thing_id = $1 and kind = $2 \
        and settled_at is null";
    /// Of these people, who does not want it.
    OFF_AMONG = "select user_id from notice_switches where kind = $1 and user_id in {ids $2}";
    OFF = "select kind from notice_switches where user_id = $1";
    SWITCH_OFF = "insert into notice_switches (user_id, kind, off_at) values ($1, $2, $3) \
        on conflict (user_id, kind) do nothing";
    SWITCH_ON = "delete from notice_switches where user_id = $1 and kind = $2";
    /// Whether anything is older.
    OLDER = "select id from notices where last_at < $1 limit 1";
    quiet FORGET_CAUSES = "delete from notice_causes where notice_id in \
        (select id from notices where last_at < $1 order by last_at, id limit $2)";
    quiet FORGET = "delete from notices where id in \
        (select id from notices where last_at < $1 order by last_at, id limit $2)";
}

/// A page of somebody's, and where the next begins, if there may be one. Kinds that this version
/// does not know are left out.
pub(super) async fn list(
    q: &mut impl Query,
    user: UserId,
    filter: &Filter,
    sort: &str,
    after: Option<Key>,
    limit: i64,
) -> Result<(Vec<Notice>, Option<Key>)> {
    let statement = if sort == "when" { &LIST_UP } else { &LIST_DOWN };
    let values = args![
        user,
        filter.kind.map(Kind::as_str),
        filter.state,
        after.map(|(at, _)| at),
        after.map(|(_, id)| id),
        limit
    ];
    let rows = q.all(statement, values).await?;
    let full = usize::try_from(limit).is_ok_and(|limit| rows.len() >= limit);
    let next = match rows.last().filter(|_| full) {
        Some(row) => Some((row.get::<Time>("last_at")?.micros(), row.get("id")?)),
        None => None,
    };
    let found: Result<Vec<Option<Notice>>> = rows.iter().map(notice).collect();
    Ok((found?.into_iter().flatten().collect(), next))
}

fn notice(row: &Row) -> Result<Option<Notice>> {
    let Some(kind) = Kind::parse(&row.get::<String>("kind")?) else {
        return Ok(None);
    };
    let thing = match row.get::<String>("thing")?.as_str() {
        "grant" => Thing::Grant(row.get::<GrantId>("thing_id")?),
        "delegation" => Thing::Delegation(row.get::<DelegationId>("thing_id")?),
        "connection" => Thing::Connection(row.get::<ConnectionId>("thing_id")?),
        _ => Thing::Request(row.get::<RequestId>("thing_id")?),
    };
    Ok(Some(Notice {
        id: row.get("id")?,
        user: row.get("user_id")?,
        kind,
        thing,
        times: row.get("times")?,
        first_at: row.get("first_at")?,
        last_at: row.get("last_at")?,
        read_at: row.get("read_at")?,
        settled_at: row.get("settled_at")?,
    }))
}

pub(super) async fn owner(q: &mut impl Query, id: NoticeId) -> Result<Option<UserId>> {
    match q.maybe(&OWNER, args![id]).await? {
        Some(row) => row.get("user_id").map(Some),
        None => Ok(None),
    }
}

pub(super) async fn read(tx: &mut Tx, id: NoticeId, now: Time) -> Result<()> {
    tx.run(&READ, args![id, now]).await.map(drop)
}

pub(super) async fn read_all(tx: &mut Tx, user: UserId, now: Time) -> Result<u64> {
    tx.run(&READ_ALL, args![user, now]).await
}

/// Whom this piece of news has told already.
pub(super) async fn told(q: &mut impl Query, news: OutboxId) -> Result<BTreeSet<UserId>> {
    let rows = q.all(&TOLD, args![news]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

/// The notices of a kind about a thing that are new, by whose they are.
pub(super) async fn new_about(
    tx: &mut Tx,
    kind: Kind,
    thing: Thing,
) -> Result<BTreeMap<UserId, NoticeId>> {
    let (_, id) = thing.parts();
    let rows = tx.all(&NEW_ABOUT, args![id, kind.as_str()]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("user_id")?, row.get("id")?)))
        .collect()
}

/// A notice that is not settled.
pub(super) struct Open {
    pub(super) id: NoticeId,
    pub(super) user: UserId,
    pub(super) part: i64,
    pub(super) read: bool,
}

pub(super) async fn open_about(tx: &mut Tx, kind: Kind, thing: Thing) -> Result<Vec<Open>> {
    let (_, id) = thing.parts();
    let rows = tx.all(&OPEN_ABOUT, args![id, kind.as_str()]).await?;
    (rows.iter())
        .map(|row| {
            Ok(Open {
                id: row.get("id")?,
                user: row.get("user_id")?,
                part: row.get("part")?,
                read: row.get::<Option<Time>>("read_at")?.is_some(),
            })
        })
        .collect()
}

/// One kind of news about one thing, for several people.
pub(super) struct Telling {
    pub(super) news: OutboxId,
    pub(super) kind: Kind,
    pub(super) thing: Thing,
    pub(super) part: i64,
    pub(super) at: Time,
}

/// Counts up the notices `again`, adds those of `fresh`, and notes by which news.
pub(super) async fn tell(
    tx: &mut Tx,
    telling: &Telling,
    again: &BTreeMap<UserId, NoticeId>,
    fresh: &BTreeMap<UserId, NoticeId>,
) -> Result<()> {
    let rows = |all: &mut dyn Iterator<Item = (&UserId, &NoticeId)>| {
        Val::rows(all.map(|(user, id)| args![*id, *user]))
    };
    if !again.is_empty() {
        let ids = Val::ids(again.values().copied());
        tx.run(&AGAIN, args![ids, telling.at, telling.part]).await?;
    }
    if !fresh.is_empty() {
        let (word, id) = telling.thing.parts();
        let values = args![
            rows(&mut fresh.iter()),
            telling.kind.as_str(),
            word,
            id,
            telling.part,
            telling.at
        ];
        tx.run(&ADD, values).await?;
    }
    let all = rows(&mut again.iter().chain(fresh));
    tx.run(&CAUSE, args![all, telling.news]).await.map(drop)
}

pub(super) async fn settle(tx: &mut Tx, ids: Vec<NoticeId>, now: Time) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    tx.run(&SETTLE, args![Val::ids(ids), now]).await.map(drop)
}

/// Settles everybody's notices of a kind about a thing.
pub(super) async fn settle_about(tx: &mut Tx, kind: Kind, thing: Thing, now: Time) -> Result<()> {
    let (_, id) = thing.parts();
    tx.run(&SETTLE_ABOUT, args![id, kind.as_str(), now])
        .await
        .map(drop)
}

/// Of these people, those who do not want to be told of this kind.
pub(super) async fn off_among(
    q: &mut impl Query,
    kind: Kind,
    users: &BTreeSet<UserId>,
) -> Result<BTreeSet<UserId>> {
    let values = args![kind.as_str(), Val::ids(users.iter().copied())];
    let rows = q.all(&OFF_AMONG, values).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

pub(super) async fn switched_off(q: &mut impl Query, user: UserId) -> Result<BTreeSet<Kind>> {
    let rows = q.all(&OFF, args![user]).await?;
    let words: Result<Vec<String>> = rows.iter().map(|row| row.get("kind")).collect();
    Ok(words?.iter().filter_map(|word| Kind::parse(word)).collect())
}

/// Whether that changed anything.
pub(super) async fn switch(
    tx: &mut Tx,
    user: UserId,
    kind: Kind,
    on: bool,
    now: Time,
) -> Result<bool> {
    let changed = if on {
        tx.run(&SWITCH_ON, args![user, kind.as_str()]).await?
    } else {
        tx.run(&SWITCH_OFF, args![user, kind.as_str(), now]).await?
    };
    Ok(changed > 0)
}

pub(super) async fn any_older(q: &mut impl Query, than: Time) -> Result<bool> {
    Ok(q.maybe(&OLDER, args![than]).await?.is_some())
}

/// Deletes at most `limit` of those whose last news is older.
pub(super) async fn forget(tx: &mut Tx, than: Time, limit: i64) -> Result<()> {
    tx.run(&FORGET_CAUSES, args![than, limit]).await?;
    tx.run(&FORGET, args![than, limit]).await.map(drop)
}
