//! Access until it is revoked: what is to be asked about, and going on with what is still needed.
//!
//! Every grant has an end. What is still needed goes on in a successor that begins there, as an
//! extension does, so that an end never moves and silence ends it.

use stint_db::{Query, Tx};
use stint_domain::binding::Refused;
use stint_domain::grant::ANSWER_WITHIN;
use stint_domain::{GrantId, Time};

use super::store::{ledgers, lists};
use super::{Error, Grant, NewGrant, tell};
use crate::connections;
use crate::cx::Cx;

/// The grants until revoked whose review has come and about which nobody was asked, the nearest to
/// their end first; only access that is there and not over.
pub async fn to_review(q: &mut impl Query, now: Time, limit: i64) -> stint_db::Result<Vec<Grant>> {
    lists::to_review(q, now, now + ANSWER_WITHIN, limit).await
}

/// When the next review comes of those about which nobody was asked.
pub async fn next_review(q: &mut impl Query, now: Time) -> stint_db::Result<Option<Time>> {
    let end = lists::next_reviewed_end(q, now + ANSWER_WITHIN).await?;
    Ok(end.map(|end| end - ANSWER_WITHIN))
}

/// Notes that it is asked whether a grant is still needed; false where somebody else was quicker, or has
/// ended it meanwhile.
pub async fn asked(tx: &mut Tx, id: GrantId, now: Time) -> stint_db::Result<bool> {
    lists::asked(tx, id, now).await
}

/// Access until it is revoked is still needed: opens the grant that goes on where this one ends, in the
/// caller's transaction, with the binding's row held. Call [`super::nudge`] after the commit.
///
/// Fails where the grant is for a time, its review has not come, or it is over; and while its
/// connection is drained.
pub async fn keep(cx: &Cx, tx: &mut Tx, id: GrantId) -> Result<GrantId, Error> {
    let found = lists::get(tx, id).await?.ok_or(Error::NotFound)?;
    let every = found.review_every.ok_or(Error::NotFound)?;
    let binding = found.binding.id;
    let was = ledgers::load(tx, binding, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    // The last row taken, as when a grant is opened.
    if let Some(closed) = connections::hold_open(tx, found.pair.connection).await? {
        return Err(Error::Closed(Box::new(closed)));
    }
    // As it is under the binding's row: it may have ended meanwhile.
    let before = was.grants.iter().find(|grant| grant.id == id);
    let before = before.ok_or(Refused::NoGrant(id))?;
    let next: GrantId = cx.app.new_id();
    let window = before.keep(next, every, cx.now).map_err(Refused::from)?;
    let start = window.start;
    let is = was.clone().open(window, cx.now);
    let opening = ledgers::Opening {
        user: found.user,
        origin: found.origin,
        emergency: found.emergency,
        review_every: Some(every),
        at: cx.now,
    };
    ledgers::save(tx, &was, &is, Some(&opening)).await?;
    let new = NewGrant {
        pair: found.pair,
        user: found.user,
        origin: found.origin,
        start,
        duration: Some(every),
        approved_at: cx.now,
        extends: Some(id),
        emergency: found.emergency,
        review_every: Some(every),
    };
    tell::opened(cx, tx, binding, next, &new, Some(start)).await?;
    Ok(next)
}
