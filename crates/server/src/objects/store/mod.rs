//! All SQL of the managed objects' tables. Every field of the model is a plain column.

pub(super) mod attempts;
pub(super) mod rotations;
pub(super) mod users;

use stint_db::{Error, Result, Row, Sql};
use stint_domain::binding::Stuck;
use stint_domain::managed::Hold;

/// Every statement of this room.
pub(crate) static STATEMENTS: &[&[&Sql]] = &[
    attempts::STATEMENTS,
    rotations::STATEMENTS,
    users::STATEMENTS,
];

fn hold(row: &Row) -> Result<Hold> {
    let since: Option<stint_domain::Time> = row.get("stuck_since")?;
    let reason: Option<String> = row.get("stuck_reason")?;
    Ok(Hold {
        generation: row.get("generation")?,
        lease_until: row.get("lease_until")?,
        due: row.get("due")?,
        again_at: row.get("again_at")?,
        failures: row.get("failures")?,
        stuck: since
            .zip(reason)
            .map(|(since, reason)| Stuck { since, reason }),
    })
}

/// A word of a fixed set that is none of it.
fn unknown(column: &str, word: &str) -> Error {
    Error::Column {
        column: column.to_owned(),
        why: format!("`{word}` is no such word"),
    }
}
