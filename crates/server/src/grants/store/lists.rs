//! Grants to look at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::duty::Window;
use stint_domain::{
    BindingId, ConnectionId, EntitlementId, GrantId, PrincipalId, RequestId, Time, UserId,
};

use super::super::{Given, Grant, Moment, Origin, Show};
use super::ledgers;
use crate::cx::Notices;

/// The columns of a grant with those of its binding that a window is read with.
macro_rules! columns {
    () => {
        "select g.id, g.binding_id, g.user_id, g.origin, g.origin_id, g.emergency, g.review_every, g.opened_at, g.start_at, g.duration, g.latest_end, g.confirmed_at, \
         g.closed_at, g.close_reason, g.close_note, g.predecessor, g.ended_at, g.remains, \
         (select max(s.ends_at) from grants s where g.review_every is not null and g.ended_at is null and s.origin = g.origin and s.origin_id = g.origin_id \
         and s.binding_id = g.binding_id and s.start_at > g.start_at and s.closed_at is null and s.ended_at is null) as kept_until, \
         b.connection_id, b.principal_id, b.entitlement_id from grants g join bindings b on b.id = g.binding_id "
    };
}

stint_db::statements! {
    GET = (concat!(columns!(), "where g.id = $1"));
    SEVERAL = (concat!(columns!(), "where g.id in {ids $1} order by g.id"));
    SUCCESSORS = "select predecessor, id from grants where predecessor in {ids $1} and closed_at is null order by id";
    /// Whose end is near by $1: within $2 of it, or within $4 where the window is shorter than $3. Only access that is there.
    ENDING = (concat!(columns!(), "where g.ended_at is null and g.closed_at is null and g.reminded_at is null and g.ends_at > $1 and g.ends_at <= $1 + $2 \
        and g.ends_at <= $1 + case when g.ends_at - coalesce(g.confirmed_at, g.start_at) < $3 then $4 else $2 end \
        and (g.confirmed_at is not null or g.predecessor is not null) \
        and not exists (select 1 from grants s where s.predecessor = g.id and s.closed_at is null) order by g.ends_at, g.id limit $5"));
    NEXT_LONG = "select ends_at from grants where ended_at is null and closed_at is null and reminded_at is null and ends_at > $1 \
        and ends_at - coalesce(confirmed_at, start_at) >= $2 and (confirmed_at is not null or predecessor is not null) \
        and not exists (select 1 from grants s where s.predecessor = grants.id and s.closed_at is null) order by ends_at limit 1";
    NEXT_SHORT = "select ends_at from grants where ended_at is null and closed_at is null and reminded_at is null and ends_at > $1 \
        and ends_at - coalesce(confirmed_at, start_at) < $2 and (confirmed_at is not null or predecessor is not null) \
        and not exists (select 1 from grants s where s.predecessor = grants.id and s.closed_at is null) order by ends_at limit 1";
    quiet REMINDED = "update grants set reminded_at = $2 where id = $1 and reminded_at is null";
    /// Until revoked, and so near their end that it is asked whether they are still needed. $2: that near.
    TO_REVIEW = (concat!(columns!(), "where g.review_every is not null and g.ended_at is null and g.closed_at is null and g.asked_at is null \
        and g.ends_at > $1 and g.ends_at <= $2 and (g.confirmed_at is not null or g.predecessor is not null) order by g.ends_at, g.id limit $3"));
    NEXT_REVIEWED = "select ends_at from grants where review_every is not null and ended_at is null and closed_at is null and asked_at is null \
        and ends_at > $1 and (confirmed_at is not null or predecessor is not null) order by ends_at, id limit 1";
    /// Not where somebody ended it meanwhile. Quiet: what is asked is news of the review, in the same transaction.
    quiet ASKED = "update grants set asked_at = $2 where id = $1 and asked_at is null and closed_at is null and ended_at is null";
    OF_ORIGIN = (concat!(columns!(), "where g.origin = 'request' and g.origin_id = $1 order by g.id"));
    OF_ORIGINS = (concat!(columns!(), "where g.origin = 'request' and g.origin_id in {ids $1} order by g.id"));
    OF_USER = (concat!(columns!(), "where g.user_id = $1 and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    OPEN_OF_USER = (concat!(columns!(), "where g.user_id = $1 and g.ended_at is null and (g.close_reason is null or g.close_reason not in ('refused', 'not_confirmed')) order by g.ends_at, g.id limit 200"));
    OF_BINDING = (concat!(columns!(), "where g.binding_id = $1 and g.ended_at is null order by g.id"));
    LIVE = (concat!(columns!(), "where g.ended_at is null and (g.close_reason is null or g.close_reason not in ('refused', 'not_confirmed')) \
        and not (b.stuck_since is not null and g.ends_at is not null and g.ends_at <= $1) and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    /// The last made first, like the others: how many end within so short a time is few.
    SOON = (concat!(columns!(), "where g.ended_at is null and g.closed_at is null and g.ends_at > $1 and g.ends_at <= $4 \
        and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    STUCK = (concat!(columns!(), "where g.ended_at is null and b.stuck_since is not null and g.ends_at is not null and g.ends_at <= $1 \
        and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    FAILED = (concat!(columns!(), "where g.close_reason in ('refused', 'not_confirmed') and g.opened_at <= $1 and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    ENDED = (concat!(columns!(), "where g.ended_at is not null and (g.close_reason is null or g.close_reason not in ('refused', 'not_confirmed')) \
        and g.opened_at <= $1 and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    EMERGENCY = (concat!(columns!(), "where g.emergency = $4 and g.opened_at <= $1 and ($2 is null or g.id < $2) order by g.id desc limit $3"));
    COUNT_STUCK = "select count(*) as n from grants g join bindings b on b.id = g.binding_id \
        where g.ended_at is null and b.stuck_since is not null and g.ends_at is not null and g.ends_at <= $1";
    /// $1 is a JSON list of pairs of ids, $2 a moment: which pairs a grant gave
    /// then, and whether Stint had put it there. What goes on from another grant is there when it begins.
    GAVE = {
        sqlite: "select b.principal_id, b.entitlement_id, sum(b.epoch_open) as added from json_each($1) j \
            cross join bindings b cross join grants g \
            where b.principal_id = unhex(json_extract(j.value, '$[0]')) and b.entitlement_id = unhex(json_extract(j.value, '$[1]')) \
            and g.binding_id = b.id and (g.confirmed_at <= $2 or (g.predecessor is not null and g.start_at <= $2)) \
            and (g.ended_at is null or g.ended_at > $2) \
            group by b.principal_id, b.entitlement_id",
        postgres: "select b.principal_id, b.entitlement_id, sum(case when b.epoch_open then 1 else 0 end) as added from jsonb_array_elements($1) j \
            cross join bindings b cross join grants g \
            where b.principal_id = cast(j.value ->> 0 as uuid) and b.entitlement_id = cast(j.value ->> 1 as uuid) \
            and g.binding_id = b.id and (g.confirmed_at <= $2 or (g.predecessor is not null and g.start_at <= $2)) \
            and (g.ended_at is null or g.ended_at > $2) \
            group by b.principal_id, b.entitlement_id",
    };
    NEXT_END = "select ends_at from grants where ended_at is null and ends_at > $1 order by ends_at limit 1";
    /// Who holds, or is about to hold, an entitlement.
    HOLDERS_OF = "select distinct g.user_id from grants g join bindings b on b.id = g.binding_id \
        where b.entitlement_id = $1 and g.ended_at is null";
    /// What somebody holds, or is about to hold.
    HELD_BY = "select distinct b.entitlement_id from grants g join bindings b on b.id = g.binding_id \
        where g.user_id = $1 and g.ended_at is null";
    /// What is given to these principals, or will be, and until when at most; what is had until it is
    /// revoked may be kept again and again.
    GIVEN_TO = "select b.principal_id, b.entitlement_id, b.epoch_open, g.start_at, \
        case when g.review_every is null or g.closed_at is not null then g.ends_at end as ends_at from bindings b \
        join grants g on g.binding_id = b.id where b.principal_id in {ids $1} and g.ended_at is null";
    /// The same of these things.
    GIVEN_OF = "select b.principal_id, b.entitlement_id, b.epoch_open, g.start_at, \
        case when g.review_every is null or g.closed_at is not null then g.ends_at end as ends_at from bindings b \
        join grants g on g.binding_id = b.id where b.entitlement_id in {ids $1} and g.ended_at is null";
    OPEN_ON = "select count(*) as n from grants g join bindings b on b.id = g.binding_id where b.connection_id = $1 and g.ended_at is null";
    FIRST_OPEN_ON = (concat!(columns!(), "where b.connection_id = $1 and g.ended_at is null order by g.id limit 200"));
    /// What is not proved yet, or still watched.
    UNSETTLED_ON = "select count(*) as n, max(case when quarantine_until > $2 then quarantine_until end) as until \
        from bindings where connection_id = $1 and (epoch_open = $3 or removal_decision is not null or quarantine_until > $2)";
    MOMENTS = "select at, what, text, aws_request_id from moments where binding_id in {ids $1} \
        and (grant_id in {ids $2} or (grant_id is null and at >= $3 and at <= $4)) order by at, id";
}

pub(in crate::grants) async fn get(q: &mut impl Query, id: GrantId) -> Result<Option<Grant>> {
    let rows = q.all(&GET, args![id]).await?;
    Ok(whole(q, &rows).await?.pop())
}

pub(in crate::grants) async fn several(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GrantId>,
) -> Result<Vec<Grant>> {
    let rows = q.all(&SEVERAL, args![Val::ids(ids)]).await?;
    whole(q, &rows).await
}

/// Of these grants, those with a successor that was not closed, and which.
pub(in crate::grants) async fn successors(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GrantId>,
) -> Result<BTreeMap<GrantId, GrantId>> {
    let rows = q.all(&SUCCESSORS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("predecessor")?, row.get("id")?)))
        .collect()
}

/// Grants whose end is to be announced at this moment, the nearest first.
pub(in crate::grants) async fn ending(
    q: &mut impl Query,
    now: Time,
    rules: &Notices,
    limit: i64,
) -> Result<Vec<Grant>> {
    let values = args![
        now,
        rules.before_end,
        rules.short,
        rules.before_short_end,
        limit
    ];
    let rows = q.all(&ENDING, values).await?;
    whole(q, &rows).await
}

/// When the next end is to be announced.
pub(in crate::grants) async fn next_ending(
    q: &mut impl Query,
    now: Time,
    rules: &Notices,
) -> Result<Option<Time>> {
    let mut next: Option<Time> = None;
    for (statement, before) in [
        (&NEXT_LONG, rules.before_end),
        (&NEXT_SHORT, rules.before_short_end),
    ] {
        if let Some(row) = q.maybe(statement, args![now, rules.short]).await? {
            let at = row.get::<Time>("ends_at")? - before;
            next = Some(next.map_or(at, |other| other.min(at)));
        }
    }
    Ok(next)
}

/// Notes that the end of this grant is announced; false where somebody else was quicker.
pub(in crate::grants) async fn reminded(tx: &mut Tx, id: GrantId, now: Time) -> Result<bool> {
    Ok(tx.run(&REMINDED, args![id, now]).await? > 0)
}

/// See [`crate::grants::to_review`].
pub(in crate::grants) async fn to_review(
    q: &mut impl Query,
    now: Time,
    near: Time,
    limit: i64,
) -> Result<Vec<Grant>> {
    let rows = q.all(&TO_REVIEW, args![now, near, limit]).await?;
    whole(q, &rows).await
}

/// The next end, after this moment, of one about which nobody was asked.
pub(in crate::grants) async fn next_reviewed_end(
    q: &mut impl Query,
    after: Time,
) -> Result<Option<Time>> {
    match q.maybe(&NEXT_REVIEWED, args![after]).await? {
        Some(row) => row.get("ends_at"),
        None => Ok(None),
    }
}

/// See [`crate::grants::asked`].
pub(in crate::grants) async fn asked(tx: &mut Tx, id: GrantId, now: Time) -> Result<bool> {
    Ok(tx.run(&ASKED, args![id, now]).await? > 0)
}

pub(in crate::grants) async fn of_request(q: &mut impl Query, id: RequestId) -> Result<Vec<Grant>> {
    let rows = q.all(&OF_ORIGIN, args![id.0]).await?;
    whole(q, &rows).await
}

/// See [`crate::grants::of_requests`].
pub(in crate::grants) async fn of_requests(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = RequestId>,
) -> Result<Vec<Grant>> {
    let rows = q.all(&OF_ORIGINS, args![Val::ids(ids)]).await?;
    whole(q, &rows).await
}

pub(in crate::grants) async fn of_user(
    q: &mut impl Query,
    user: UserId,
    before: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>> {
    let rows = q.all(&OF_USER, args![user, before, limit]).await?;
    whole(q, &rows).await
}

pub(in crate::grants) async fn open_of_user(
    q: &mut impl Query,
    user: UserId,
) -> Result<Vec<Grant>> {
    let rows = q.all(&OPEN_OF_USER, args![user]).await?;
    whole(q, &rows).await
}

pub(in crate::grants) async fn of_binding(q: &mut impl Query, id: BindingId) -> Result<Vec<Grant>> {
    let rows = q.all(&OF_BINDING, args![id]).await?;
    whole(q, &rows).await
}

pub(in crate::grants) async fn list(
    q: &mut impl Query,
    show: Show,
    now: Time,
    before: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>> {
    let sql = match show {
        Show::Soon => {
            let until = now + super::super::SOON;
            let rows = q.all(&SOON, args![now, before, limit, until]).await?;
            return whole(q, &rows).await;
        }
        Show::Live => &LIVE,
        Show::Stuck => &STUCK,
        Show::Failed => &FAILED,
        Show::Ended => &ENDED,
        Show::Emergency => {
            let rows = q.all(&EMERGENCY, args![now, before, limit, true]).await?;
            return whole(q, &rows).await;
        }
    };
    let rows = q.all(sql, args![now, before, limit]).await?;
    whole(q, &rows).await
}

pub(in crate::grants) async fn count_stuck(q: &mut impl Query, now: Time) -> Result<i64> {
    q.one(&COUNT_STUCK, args![now]).await?.get("n")
}

/// See [`crate::grants::gave`].
pub(in crate::grants) async fn gave(
    q: &mut impl Query,
    pairs: &[(PrincipalId, EntitlementId)],
    at: Time,
) -> Result<BTreeMap<(PrincipalId, EntitlementId), bool>> {
    if pairs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list: Vec<_> = pairs
        .iter()
        .map(|(who, what)| [who.0.simple().to_string(), what.0.simple().to_string()])
        .collect();
    let rows = q.all(&GAVE, args![json!(list), at]).await?;
    rows.iter()
        .map(|row| {
            let pair = (row.get("principal_id")?, row.get("entitlement_id")?);
            Ok((pair, row.get::<i64>("added")? != 0))
        })
        .collect()
}

pub(in crate::grants) async fn open_on(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    q.one(&OPEN_ON, args![connection]).await?.get("n")
}

pub(in crate::grants) async fn holders_of(
    q: &mut impl Query,
    entitlement: EntitlementId,
) -> Result<BTreeSet<UserId>> {
    let rows = q.all(&HOLDERS_OF, args![entitlement]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

pub(in crate::grants) async fn held_by(
    q: &mut impl Query,
    user: UserId,
) -> Result<BTreeSet<EntitlementId>> {
    let rows = q.all(&HELD_BY, args![user]).await?;
    rows.iter().map(|row| row.get("entitlement_id")).collect()
}

/// See [`crate::grants::given_to`].
pub(in crate::grants) async fn given_to(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<Given>> {
    let rows = q.all(&GIVEN_TO, args![Val::ids(principals)]).await?;
    rows.iter().map(given).collect()
}

/// See [`crate::grants::given_of`].
pub(in crate::grants) async fn given_of(
    q: &mut impl Query,
    entitlements: impl IntoIterator<Item = EntitlementId>,
) -> Result<Vec<Given>> {
    let rows = q.all(&GIVEN_OF, args![Val::ids(entitlements)]).await?;
    rows.iter().map(given).collect()
}

fn given(row: &Row) -> Result<Given> {
    Ok(Given {
        principal: row.get("principal_id")?,
        entitlement: row.get("entitlement_id")?,
        window: Window {
            from: row.get("start_at")?,
            until: row.get("ends_at")?,
        },
        ours: row.get("epoch_open")?,
    })
}

pub(in crate::grants) async fn first_open_on(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<Grant>> {
    let rows = q.all(&FIRST_OPEN_ON, args![connection]).await?;
    whole(q, &rows).await
}

pub(in crate::grants) async fn unsettled_on(
    q: &mut impl Query,
    connection: ConnectionId,
    now: Time,
) -> Result<(i64, Option<Time>)> {
    let row = q.one(&UNSETTLED_ON, args![connection, now, true]).await?;
    Ok((row.get("n")?, row.get("until")?))
}

pub(in crate::grants) async fn next_end(q: &mut impl Query, now: Time) -> Result<Option<Time>> {
    match q.maybe(&NEXT_END, args![now]).await? {
        Some(row) => row.get("ends_at"),
        None => Ok(None),
    }
}

/// See [`crate::grants::timeline`].
pub(in crate::grants) async fn moments(
    q: &mut impl Query,
    grants: &[Grant],
) -> Result<Vec<Moment>> {
    let Some(from) = grants.iter().map(|grant| grant.opened_at).min() else {
        return Ok(Vec::new());
    };
    let end = |grant: &Grant| {
        let ended = grant.window.ended.as_ref();
        ended.map_or(Time::from_micros(i64::MAX), |ended| ended.at)
    };
    let until = grants.iter().map(end).max().unwrap_or(from);
    let bindings: BTreeSet<BindingId> = grants.iter().map(|grant| grant.binding.id).collect();
    let ids = Val::ids(grants.iter().map(|grant| grant.id));
    let values = args![Val::ids(bindings), ids, from, until];
    let rows = q.all(&MOMENTS, values).await?;
    rows.iter()
        .map(|row| {
            Ok(Moment {
                at: row.get("at")?,
                what: row.get("what")?,
                text: row.get("text")?,
                aws_request_id: row.get("aws_request_id")?,
            })
        })
        .collect()
}

async fn whole(q: &mut impl Query, rows: &[Row]) -> Result<Vec<Grant>> {
    let mut ids: Vec<BindingId> = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push(row.get("binding_id")?);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let bindings = ledgers::looks(q, ids.iter().copied()).await?;
    let mut all = Vec::with_capacity(rows.len());
    for (row, id) in rows.iter().zip(ids) {
        let binding = (bindings.get(&id).cloned()).ok_or(stint_db::Error::Missing {
            statement: "a grant's binding",
        })?;
        let window = ledgers::grant(row)?;
        all.push(Grant {
            id: window.id,
            user: row.get("user_id")?,
            origin: Origin::Request(row.get::<RequestId>("origin_id")?),
            pair: window.pair,
            emergency: row.get("emergency")?,
            review_every: row.get("review_every")?,
            kept_until: row.get("kept_until")?,
            opened_at: row.get("opened_at")?,
            start: window.start,
            window,
            binding,
        });
    }
    Ok(all)
}
