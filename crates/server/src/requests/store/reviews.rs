//! All SQL of the reviews of emergency access.

use std::collections::BTreeSet;

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::{GroupId, RequestId, Time, UserId};

use crate::requests::emergency::{Counts, Review, ReviewState};

macro_rules! columns {
    () => {
        "select v.request_id, v.grant_id, v.opened_at, v.due_at, v.state, v.verdict, v.note, \
         v.closed_by, v.closed_at, v.version from emergency_reviews v "
    };
}

/// A page, the newest first: those before $1, at most $2.
macro_rules! listed {
    ($which:expr) => {
        concat!(
            columns!(),
            "where ",
            $which,
            "($1 is null or v.request_id < $1) order by v.request_id desc limit $2"
        )
    };
}

/// That it names one of these groups.
macro_rules! named {
    ($groups:literal) => {
        concat!(
            "exists (select 1 from emergency_reviewers w where w.request_id = v.request_id \
             and w.group_id in {ids ",
            $groups,
            "})"
        )
    };
}

macro_rules! counted {
    () => {
        "select count(*) as opened, count(case when v.due_at <= $1 then 1 end) as overdue \
         from emergency_reviews v where v.state = 'open'"
    };
}

/// That it is about nothing $2 asked for, held or decided on.
macro_rules! others {
    () => {
        " and not exists (select 1 from requests r where r.id = v.request_id and (r.requester_id = $2 or r.beneficiary_id = $2)) \
         and not exists (select 1 from decisions d where d.request_id = v.request_id and (d.user_id = $2 or d.on_behalf_of = $2)) \
         and not exists (select 1 from emergency_beneficiaries b where b.request_id = v.request_id and b.user_id = $2)"
    };
}

stint_db::statements! {
    INSERT = "insert into emergency_reviews (request_id, grant_id, opened_at, due_at, reminded, state, version) \
        values ($1, $2, $3, $4, false, 'open', 1)";
    NAME = "insert into emergency_reviewers (request_id, group_id) values ($1, $2)";
    /// Who held it as members of a group when it was given.
    HELD_BY = "insert into emergency_beneficiaries (request_id, user_id) select $1, r.holder from {rows $2 holder:uuid} r";
    BENEFICIARIES = "select user_id from emergency_beneficiaries where request_id = $1 order by user_id";
    GET = (concat!(columns!(), "where v.request_id = $1"));
    LOCK = (concat!(columns!(), "where v.request_id = $1{lock}"));
    CLOSE = "update emergency_reviews set state = 'closed', verdict = $2, note = $3, closed_by = $4, closed_at = $5, \
        via = $6, version = version + 1 where request_id = $1 and state = 'open'";
    /// All, the newest first.
    LIST_DOWN = (listed!(""));
    /// Those in a state.
    STATE_DOWN = (listed!("v.state = $3 and "));
    /// The open ones whose time is over.
    OVERDUE_DOWN = (listed!("v.state = 'open' and v.due_at <= $3 and "));
    /// Of all these those that name one of these groups.
    NAMED_DOWN = (listed!(concat!(named!("$3"), " and ")));
    NAMED_STATE_DOWN = (listed!(concat!("v.state = $3 and ", named!("$4"), " and ")));
    NAMED_OVERDUE_DOWN = (listed!(concat!("v.state = 'open' and v.due_at <= $3 and ", named!("$4"), " and ")));
    COUNT = (counted!());
    COUNT_NAMED = (concat!(counted!(), " and ", named!("$2")));
    /// The same without those that are about somebody.
    COUNT_OTHERS = (concat!(counted!(), others!()));
    COUNT_OTHERS_NAMED = (concat!(counted!(), others!(), " and ", named!("$3")));
    /// Whose time is over, and who reviews them was not reminded, the most overdue first.
    DUE_UP = (concat!(columns!(), "where v.state = 'open' and v.reminded = $3 and v.due_at <= $1 order by v.due_at, v.request_id limit $2"));
    NEXT_DUE = "select min(due_at) as at from emergency_reviews where state = 'open' and reminded = $1";
    REMIND = "update emergency_reviews set reminded = $2, version = version + 1 where request_id = $1 and state = 'open' and reminded = $3";
}

pub(in crate::requests) async fn insert(
    tx: &mut Tx,
    review: &Review,
    groups: &BTreeSet<GroupId>,
    held_by: &BTreeSet<UserId>,
) -> Result<()> {
    let values = args![
        review.request,
        review.grant,
        review.opened_at,
        review.due_at
    ];
    tx.run(&INSERT, values).await?;
    for group in groups {
        tx.run(&NAME, args![review.request, *group]).await?;
    }
    if !held_by.is_empty() {
        let rows = Val::rows(held_by.iter().map(|user| args![*user]));
        tx.run(&HELD_BY, args![review.request, rows]).await?;
    }
    Ok(())
}

/// Who held what it is about as members of a group when it was given.
pub(in crate::requests) async fn beneficiaries(
    q: &mut impl Query,
    id: RequestId,
) -> Result<Vec<UserId>> {
    let rows = q.all(&BENEFICIARIES, args![id]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

pub(in crate::requests) async fn get(q: &mut impl Query, id: RequestId) -> Result<Option<Review>> {
    q.maybe(&GET, args![id])
        .await?
        .as_ref()
        .map(review)
        .transpose()
}

/// The same, its row held until the transaction ends.
pub(in crate::requests) async fn lock(tx: &mut Tx, id: RequestId) -> Result<Option<Review>> {
    tx.maybe(&LOCK, args![id])
        .await?
        .as_ref()
        .map(review)
        .transpose()
}

/// Writes the verdict of one that is open.
pub(in crate::requests) async fn closed(tx: &mut Tx, it: &Review, via: &str) -> Result<()> {
    let ReviewState::Closed {
        justified,
        note,
        by,
        at,
    } = &it.state
    else {
        return Ok(());
    };
    let verdict = if *justified {
        "justified"
    } else {
        "not_justified"
    };
    let values = args![it.request, verdict, note.as_str(), *by, *at, via];
    tx.run(&CLOSE, values).await.map(drop)
}

/// A page of all, or of those that name one of these groups.
pub(in crate::requests) async fn list(
    q: &mut impl Query,
    groups: Option<&[GroupId]>,
    state: Option<&str>,
    now: Time,
    after: Option<RequestId>,
    limit: i64,
) -> Result<Vec<Review>> {
    if groups.is_some_and(<[GroupId]>::is_empty) {
        return Ok(Vec::new());
    }
    let mut values = args![after, limit];
    match state {
        Some("overdue") => values.push(now.into()),
        Some(state) => values.push(state.into()),
        None => {}
    }
    if let Some(groups) = groups {
        values.push(Val::ids(groups.iter().copied()));
    }
    let statement = match (groups, state) {
        (None, None) => &LIST_DOWN,
        (None, Some("overdue")) => &OVERDUE_DOWN,
        (None, Some(_)) => &STATE_DOWN,
        (Some(_), None) => &NAMED_DOWN,
        (Some(_), Some("overdue")) => &NAMED_OVERDUE_DOWN,
        (Some(_), Some(_)) => &NAMED_STATE_DOWN,
    };
    let rows = q.all(statement, values).await?;
    rows.iter().map(review).collect()
}

/// How many are open, of all or of those that name one of these groups; `but` leaves out what is
/// about that user.
pub(in crate::requests) async fn counts(
    q: &mut impl Query,
    groups: Option<&[GroupId]>,
    but: Option<UserId>,
    now: Time,
) -> Result<Counts> {
    if groups.is_some_and(<[GroupId]>::is_empty) {
        return Ok(Counts::default());
    }
    let mut values = args![now];
    values.extend(but.map(Val::from));
    values.extend(groups.map(|groups| Val::ids(groups.iter().copied())));
    let statement = match (groups, but) {
        (None, None) => &COUNT,
        (Some(_), None) => &COUNT_NAMED,
        (None, Some(_)) => &COUNT_OTHERS,
        (Some(_), Some(_)) => &COUNT_OTHERS_NAMED,
    };
    let row = q.one(statement, values).await?;
    Ok(Counts {
        open: row.get("opened")?,
        overdue: row.get("overdue")?,
    })
}

/// Those whose time is over and of which nobody was reminded, the most overdue first.
pub(in crate::requests) async fn due(
    q: &mut impl Query,
    now: Time,
    limit: i64,
) -> Result<Vec<Review>> {
    let rows = q.all(&DUE_UP, args![now, limit, false]).await?;
    rows.iter().map(review).collect()
}

/// When the next one's time is over.
pub(in crate::requests) async fn next_due(q: &mut impl Query) -> Result<Option<Time>> {
    q.one(&NEXT_DUE, args![false]).await?.get("at")
}

/// Whether it was still to be reminded of.
pub(in crate::requests) async fn reminded(tx: &mut Tx, id: RequestId) -> Result<bool> {
    Ok(tx.run(&REMIND, args![id, true, false]).await? > 0)
}

fn review(row: &Row) -> Result<Review> {
    let state: String = row.get("state")?;
    Ok(Review {
        request: row.get("request_id")?,
        grant: row.get("grant_id")?,
        opened_at: row.get("opened_at")?,
        due_at: row.get("due_at")?,
        state: match state.as_str() {
            "open" => ReviewState::Open,
            "closed" => ReviewState::Closed {
                justified: row.get::<String>("verdict")? == "justified",
                note: row.get("note")?,
                by: row.get("closed_by")?,
                at: row.get("closed_at")?,
            },
            other => {
                return Err(Error::Column {
                    column: "state".to_owned(),
                    why: format!("`{other}` is no state"),
                });
            }
        },
        version: row.get("version")?,
    })
}
