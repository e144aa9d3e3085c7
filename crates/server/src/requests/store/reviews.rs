//! All SQL of the reviews of emergency access.

use std::collections::BTreeSet;

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::{GroupId, RequestId, Time};

use crate::requests::emergency::{Counts, Review, ReviewState};

macro_rules! columns {
    () => {
        "select v.request_id, v.grant_id, v.opened_at, v.due_at, v.state, v.verdict, v.note, \
         v.closed_by, v.closed_at, v.version from emergency_reviews v "
    };
}

/// Which are listed: of a state, and overdue by $2.
macro_rules! narrowed {
    () => {
        "($1 is null or v.state = $1) and ($2 is null or v.due_at <= $2) \
         and ($3 is null or v.request_id < $3) "
    };
}

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

stint_db::statements! {
    INSERT = "insert into emergency_reviews (request_id, grant_id, opened_at, due_at, reminded, state, version) \
        values ($1, $2, $3, $4, false, 'open', 1)";
    NAME = "insert into emergency_reviewers (request_id, group_id) values ($1, $2)";
    GET = (concat!(columns!(), "where v.request_id = $1"));
    LOCK = (concat!(columns!(), "where v.request_id = $1{lock}"));
    CLOSE = "update emergency_reviews set state = 'closed', verdict = $2, note = $3, closed_by = $4, closed_at = $5, \
        via = $6, version = version + 1 where request_id = $1 and state = 'open'";
    /// All, the newest first.
    LIST_DOWN = (concat!(columns!(), "where ", narrowed!(), "order by v.request_id desc limit $4"));
    /// Those that name one of these groups.
    NAMED_DOWN = (concat!(columns!(), "where ", narrowed!(), "and ", named!("$5"), " order by v.request_id desc limit $4"));
    COUNT = (counted!());
    COUNT_NAMED = (concat!(counted!(), " and ", named!("$2")));
    /// Whose time is over, and who reviews them was not reminded.
    DUE = "select request_id from emergency_reviews where state = 'open' and reminded = $3 and due_at <= $1 order by due_at limit $2";
    NEXT_DUE = "select min(due_at) as at from emergency_reviews where state = 'open' and reminded = $1";
    REMIND = "update emergency_reviews set reminded = $2, version = version + 1 where request_id = $1 and state = 'open' and reminded = $3";
}

pub(in crate::requests) async fn insert(
    tx: &mut Tx,
    review: &Review,
    groups: &BTreeSet<GroupId>,
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
    Ok(())
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
    let overdue = state == Some("overdue");
    let state = match state {
        Some("overdue") => Some("open"),
        other => other,
    };
    let by = overdue.then_some(now);
    let rows = match groups {
        None => q.all(&LIST_DOWN, args![state, by, after, limit]).await?,
        Some(groups) => {
            let groups = Val::ids(groups.iter().copied());
            let values = args![state, by, after, limit, groups];
            q.all(&NAMED_DOWN, values).await?
        }
    };
    rows.iter().map(review).collect()
}

pub(in crate::requests) async fn counts(
    q: &mut impl Query,
    groups: Option<&[GroupId]>,
    now: Time,
) -> Result<Counts> {
    let row = match groups {
        None => q.one(&COUNT, args![now]).await?,
        Some(groups) => {
            let groups = Val::ids(groups.iter().copied());
            q.one(&COUNT_NAMED, args![now, groups]).await?
        }
    };
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
) -> Result<Vec<RequestId>> {
    let rows = q.all(&DUE, args![now, limit, false]).await?;
    rows.iter().map(|row| row.get("request_id")).collect()
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
