//! All SQL of the reviews of access until it is revoked.

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::{ConnectionId, GrantId, RequestId, Span, Time};

use crate::requests::until::{Kept, KeptState};

macro_rules! columns {
    () => {
        "select v.grant_id, v.request_id, v.connection_id, v.opened_at, v.due_at, v.state, v.note, v.answered_by, \
         v.answered_at, v.version from until_revoked_reviews v "
    };
}

/// A page, the newest first: those before $1, at most $2.
macro_rules! listed {
    ($which:expr) => {
        concat!(
            columns!(),
            "where ",
            $which,
            "($1 is null or v.grant_id < $1) order by v.grant_id desc limit $2"
        )
    };
}

stint_db::statements! {
    INSERT = "insert into until_revoked_reviews (grant_id, request_id, connection_id, opened_at, due_at, reminded, state, version) \
        values ($1, $2, $3, $4, $5, $6, 'open', 1)";
    /// The latest of a request: one at a time is open.
    LATEST = (concat!(columns!(), "where v.request_id = $1 order by v.grant_id desc limit 1"));
    LOCK = (concat!(columns!(), "where v.grant_id = $1{lock}"));
    ANSWER = "update until_revoked_reviews set state = $2, note = $3, answered_by = $4, answered_at = $5, via = $6, \
        version = version + 1 where grant_id = $1 and state = 'open'";
    /// All, the newest first.
    LIST_DOWN = (listed!(""));
    /// Those in a state.
    STATE_DOWN = (listed!("v.state = $3 and "));
    /// Of all these those of some connections.
    OWNED_DOWN = (listed!("v.connection_id in {ids $3} and "));
    OWNED_STATE_DOWN = (listed!("v.state = $3 and v.connection_id in {ids $4} and "));
    /// Those that wait for an answer, the next to end first.
    WAITING = (concat!(columns!(), "where v.state = 'open' and v.due_at > $1 order by v.due_at, v.grant_id limit $2"));
    WAITING_OWNED = (concat!(columns!(), "where v.state = 'open' and v.due_at > $1 and v.connection_id in {ids $3} order by v.due_at, v.grant_id limit $2"));
    /// Whose end has come by $1, and nobody has answered.
    DUE = (concat!(columns!(), "where v.state = 'open' and v.due_at <= $1 order by v.due_at, v.grant_id limit $2"));
    /// Whose end is near by $1, and who is asked was not reminded.
    NEAR = (concat!(columns!(), "where v.state = 'open' and v.reminded = $3 and v.due_at <= $1 order by v.due_at, v.grant_id limit $2"));
    NEXT_NEAR = "select min(due_at) as at from until_revoked_reviews where state = 'open' and reminded = $1";
    NEXT_OVER = "select min(due_at) as at from until_revoked_reviews where state = 'open'";
    REMIND = "update until_revoked_reviews set reminded = $2, version = version + 1 where grant_id = $1 and state = 'open' and reminded = $3";
    OVER = "update until_revoked_reviews set state = 'over', version = version + 1 where grant_id = $1 and state = 'open'";
}

/// `reminded`: its end is so near that whoever is asked now needs no reminder.
pub(in crate::requests) async fn insert(tx: &mut Tx, it: &Kept, reminded: bool) -> Result<()> {
    let values = args![
        it.grant,
        it.request,
        it.connection,
        it.opened_at,
        it.due_at,
        reminded
    ];
    tx.run(&INSERT, values).await.map(drop)
}

/// The latest review of what a request gave.
pub(in crate::requests) async fn latest(q: &mut impl Query, id: RequestId) -> Result<Option<Kept>> {
    q.maybe(&LATEST, args![id])
        .await?
        .as_ref()
        .map(kept)
        .transpose()
}

/// The review of one grant, its row held until the transaction ends.
pub(in crate::requests) async fn lock(tx: &mut Tx, id: GrantId) -> Result<Option<Kept>> {
    tx.maybe(&LOCK, args![id])
        .await?
        .as_ref()
        .map(kept)
        .transpose()
}

/// Writes the answer to one that is open.
pub(in crate::requests) async fn answered(tx: &mut Tx, it: &Kept, via: &str) -> Result<()> {
    let KeptState::Answered { note, by, at, .. } = &it.state else {
        return Ok(());
    };
    let values = args![it.grant, it.state.as_str(), note.as_str(), *by, *at, via];
    tx.run(&ANSWER, values).await.map(drop)
}

/// A page of all, or of those of these connections.
pub(in crate::requests) async fn list(
    q: &mut impl Query,
    owned: Option<&[ConnectionId]>,
    state: Option<&str>,
    after: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Kept>> {
    if owned.is_some_and(<[ConnectionId]>::is_empty) {
        return Ok(Vec::new());
    }
    let mut values = args![after, limit];
    values.extend(state.map(Val::from));
    values.extend(owned.map(|owned| Val::ids(owned.iter().copied())));
    let statement = match (owned, state) {
        (None, None) => &LIST_DOWN,
        (None, Some(_)) => &STATE_DOWN,
        (Some(_), None) => &OWNED_DOWN,
        (Some(_), Some(_)) => &OWNED_STATE_DOWN,
    };
    let rows = q.all(statement, values).await?;
    rows.iter().map(kept).collect()
}

/// Those that wait for an answer, the next to end first, of all or of those of these connections.
pub(in crate::requests) async fn waiting(
    q: &mut impl Query,
    owned: Option<&[ConnectionId]>,
    now: Time,
    limit: i64,
) -> Result<Vec<Kept>> {
    let rows = match owned {
        Some([]) => return Ok(Vec::new()),
        Some(owned) => {
            let owned = Val::ids(owned.iter().copied());
            q.all(&WAITING_OWNED, args![now, limit, owned]).await?
        }
        None => q.all(&WAITING, args![now, limit]).await?,
    };
    rows.iter().map(kept).collect()
}

/// Those that nobody has answered by their end, the longest over first.
pub(in crate::requests) async fn due(
    q: &mut impl Query,
    now: Time,
    limit: i64,
) -> Result<Vec<Kept>> {
    let rows = q.all(&DUE, args![now, limit]).await?;
    rows.iter().map(kept).collect()
}

/// Those whose end is near by this moment and of which nobody was reminded.
pub(in crate::requests) async fn near(
    q: &mut impl Query,
    end: Time,
    limit: i64,
) -> Result<Vec<Kept>> {
    let rows = q.all(&NEAR, args![end, limit, false]).await?;
    rows.iter().map(kept).collect()
}

/// When there is something to do next about those that wait: a reminder, so long before an end, or the
/// end itself.
pub(in crate::requests) async fn next_due(
    q: &mut impl Query,
    before: Span,
) -> Result<Option<Time>> {
    let near: Option<Time> = q.one(&NEXT_NEAR, args![false]).await?.get("at")?;
    let over: Option<Time> = q.one(&NEXT_OVER, args![]).await?.get("at")?;
    Ok([near.map(|end| end - before), over]
        .into_iter()
        .flatten()
        .min())
}

/// Whether it was still to be reminded of.
pub(in crate::requests) async fn reminded(tx: &mut Tx, id: GrantId) -> Result<bool> {
    Ok(tx.run(&REMIND, args![id, true, false]).await? > 0)
}

/// Whether it was still open.
pub(in crate::requests) async fn over(tx: &mut Tx, id: GrantId) -> Result<bool> {
    Ok(tx.run(&OVER, args![id]).await? > 0)
}

fn kept(row: &Row) -> Result<Kept> {
    let word: String = row.get("state")?;
    Ok(Kept {
        grant: row.get("grant_id")?,
        request: row.get("request_id")?,
        connection: row.get("connection_id")?,
        opened_at: row.get("opened_at")?,
        due_at: row.get("due_at")?,
        state: match word.as_str() {
            "open" => KeptState::Open,
            "over" => KeptState::Over,
            "kept" | "closed" => KeptState::Answered {
                keep: word == "kept",
                note: row.get("note")?,
                by: row.get("answered_by")?,
                at: row.get("answered_at")?,
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
