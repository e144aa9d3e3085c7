//! One reading of one pair, written into the history.

use stint_db::Tx;
use stint_domain::Time;
use stint_domain::entitlement::Pair;

use super::store::assignments;
use crate::cx::App;

/// What one complete reading said of one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// When the reading began.
    pub began: Time,
    /// Whether the principal itself held the entitlement.
    pub present: bool,
    /// The id of the group membership, where there is one.
    pub membership: Option<String>,
    /// A reading that began then did not see it, if one is known.
    pub absent_before: Option<Time>,
}

/// What an observation changed in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing, or only when it was last seen.
    None,
    /// A row began.
    Appeared,
    /// A row ended.
    Ended,
}

/// Writes an observation into the history. The newest reading wins whatever the order they
/// arrive in; of two that began at the same moment, the one that saw it does.
pub async fn observe(
    app: &App,
    tx: &mut Tx,
    pair: &Pair,
    observed: &Observed,
) -> stint_db::Result<Change> {
    let open = assignments::open(tx, pair).await?;
    match (open, observed.present) {
        (Some(row), true) => {
            assignments::seen_again(tx, row.id, observed.began, observed.membership.as_deref())
                .await?;
            Ok(Change::None)
        }
        (Some(row), false) if row.last_seen < observed.began => {
            assignments::ended(tx, row.id, observed.began).await?;
            Ok(Change::Ended)
        }
        (None, true) => {
            let ended = assignments::last_end(tx, pair).await?;
            if ended.is_some_and(|ended| observed.began < ended) {
                // An older reading than the one that found it gone.
                return Ok(Change::None);
            }
            let absent_before = ended
                .max(observed.absent_before)
                .filter(|at| *at <= observed.began);
            let membership = observed.membership.as_deref();
            assignments::appeared(
                tx,
                app.new_id(),
                pair,
                observed.began,
                membership,
                absent_before,
            )
            .await?;
            Ok(Change::Appeared)
        }
        (Some(_) | None, false) => Ok(Change::None),
    }
}
