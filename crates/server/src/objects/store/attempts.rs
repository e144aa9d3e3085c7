//! Attempts and moments, of every kind of object.

use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::managed::{Attempt, Change, Outcome};
use stint_domain::{AttemptId, ConnectionId, ObjectId, Time};

use super::super::{Moment, Place};
use super::unknown;

stint_db::statements! {
    /// What AWS said are done, however old; others only while they matter ($2).
    OF_OBJECT = "select id, change, target, sent_as, sign_at, outcome, outcome_at, note from object_attempts \
        where object_id = $1 and (sign_at >= $2 or outcome in ('succeeded', 'not_found')) order by sign_at, id";
    ONE = "select id, change, target, sent_as, sign_at, outcome, outcome_at, note from object_attempts where id = $1";
    INSERT = "insert into object_attempts (id, object_id, connection_id, account, change, target, sent_as, name_key, sign_at, outcome, outcome_at, note) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    UPDATE = "update object_attempts set outcome = $2, outcome_at = $3, note = $4 where id = $1";
    ANSWERED = "update object_attempts set aws_request_id = $2 where id = $1";
    /// Calls for other users under a name, of which nothing is known: the newest. $5: the fence.
    NAME_IN_FLIGHT = "select max(sign_at) as at from object_attempts where name_key = $1 and connection_id = $2 \
        and account = $3 and object_id <> $4 and sign_at > $5 and outcome = 'unknown' and change <> 'delete_virtual_mfa'";
    MOMENT = "insert into object_moments (id, object_id, at, what, text, aws_request_id) values ($1, $2, $3, $4, $5, $6)";
    /// The newest two hundred.
    MOMENTS = "select at, what, text, aws_request_id from object_moments where object_id = $1 order by at desc, id desc limit 200";
}

fn attempt(row: &Row) -> Result<Attempt> {
    let word: String = row.get("change")?;
    let outcome: String = row.get("outcome")?;
    Ok(Attempt {
        id: row.get("id")?,
        change: Change::parse(&word, row.get("target")?).ok_or_else(|| unknown("change", &word))?,
        sent_as: row.get("sent_as")?,
        sign_at: row.get("sign_at")?,
        outcome: Outcome::parse(&outcome, row.get("outcome_at")?)
            .ok_or_else(|| unknown("outcome", &outcome))?,
        note: row.get("note")?,
    })
}

pub(in crate::objects) async fn of(
    q: &mut impl Query,
    object: ObjectId,
    since: Time,
) -> Result<Vec<Attempt>> {
    let rows = q.all(&OF_OBJECT, args![object, since]).await?;
    rows.iter().map(attempt).collect()
}

/// One attempt, however old.
pub(in crate::objects) async fn one(q: &mut impl Query, id: AttemptId) -> Result<Option<Attempt>> {
    let row = q.maybe(&ONE, args![id]).await?;
    row.as_ref().map(attempt).transpose()
}

/// Writes back what differs.
pub(in crate::objects) async fn save(
    tx: &mut Tx,
    object: ObjectId,
    place: &Place,
    was: &[Attempt],
    is: &[Attempt],
) -> Result<()> {
    for attempt in is {
        match was.iter().find(|a| a.id == attempt.id) {
            Some(before) if before == attempt => {}
            Some(_) => {
                let values = args![
                    attempt.id,
                    attempt.outcome.as_str(),
                    attempt.outcome.at(),
                    attempt.note.clone()
                ];
                tx.run(&UPDATE, values).await?;
            }
            None => {
                let (word, target) = attempt.change.parts();
                let values = args![
                    attempt.id,
                    object,
                    place.connection,
                    &place.account,
                    word,
                    target,
                    &attempt.sent_as,
                    attempt.sent_as.to_lowercase(),
                    attempt.sign_at,
                    attempt.outcome.as_str(),
                    attempt.outcome.at(),
                    attempt.note.clone()
                ];
                tx.run(&INSERT, values).await?;
            }
        }
    }
    Ok(())
}

/// Keeps AWS's id of the call.
pub(in crate::objects) async fn answered(tx: &mut Tx, id: AttemptId, aws: &str) -> Result<()> {
    tx.run(&ANSWERED, args![id, aws]).await.map(drop)
}

/// When the newest call for another user under this name was intended of which nothing is
/// known, after `fenced`.
pub(in crate::objects) async fn name_in_flight(
    q: &mut impl Query,
    object: ObjectId,
    connection: ConnectionId,
    account: &str,
    name: &str,
    fenced: Time,
) -> Result<Option<Time>> {
    let values = args![name.to_lowercase(), connection, account, object, fenced];
    q.one(&NAME_IN_FLIGHT, values).await?.get("at")
}

/// Writes a moment down. It belongs to the event of its transaction.
pub(in crate::objects) async fn moment(
    tx: &mut Tx,
    id: uuid::Uuid,
    object: ObjectId,
    moment: &Moment,
) -> Result<()> {
    let values = args![
        id,
        object,
        moment.at,
        &moment.what,
        &moment.text,
        moment.aws_request_id.clone()
    ];
    tx.run(&MOMENT, values).await.map(drop)
}

/// What happened, oldest first; the newest two hundred.
pub(in crate::objects) async fn moments(
    q: &mut impl Query,
    object: ObjectId,
) -> Result<Vec<Moment>> {
    let rows = q.all(&MOMENTS, args![object]).await?;
    rows.iter()
        .rev()
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
