//! Extending: asking for access to go on past its end.
//!
//! An extension is a request like any other, under the policy that is in force now, about the
//! same thing for the same holder. What it gives is a successor that begins where the grant
//! ends; decided after that end, it is new access from the decision on.

use std::collections::BTreeMap;

use stint_db::{Priority, Query};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{GrantId, Span, Time};

use super::ask::With;
use super::facts::{self, How};
use super::{Error, NewRequest, Request, ask, store, ticket};
use crate::catalog::{self, Offer};
use crate::cx::Cx;
use crate::grants::{self, Grant, Origin};

/// What is asked for beyond the grant itself. What is absent is as it was asked for before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extension {
    /// For how much longer; if absent as long as it was asked for first, or as long as may be
    /// asked for now, if that is less.
    pub duration: Option<Span>,
    /// Why.
    pub reason: Option<String>,
    /// The ticket it is about; empty for none.
    pub ticket: Option<String>,
}

/// What came of asking for an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extended {
    /// The request for it.
    pub request: Request,
    /// Whether it was asked now; false where one waited already.
    pub new: bool,
}

/// Asks for one's own access to go on. Where one has asked for the same and nobody has answered
/// yet, that request is the answer: of two clicks at once there is one request.
///
/// Fails where there is nothing to go on (over, not there yet, without an end, extended already),
/// where it is in none of the caller's catalogs any more, and as asking does.
pub async fn extend(cx: &Cx, id: GrantId, wish: Extension) -> Result<Extended, Error> {
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let found = grants::held(cx, &mut tx, id).await?;
    let own = found.as_ref().is_some_and(|(grant, _)| grant.user == user);
    let relation = if own { Relation::Own } else { Relation::Others };
    cx.authorize(Verb::ExtendGrant, relation)?;
    let (grant, next) = found.ok_or(Error::NotFound)?;
    if let Some(request) = store::extending(&mut tx, id).await? {
        return Ok(Extended {
            request,
            new: false,
        });
    }
    let end = extensible(cx, &grant, next)?;
    let Origin::Request(origin) = grant.origin;
    let before = store::get(&mut tx, origin).await?.ok_or(Error::NotFound)?;
    let offer = catalog::requestable(&mut tx, user, grant.pair.entitlement)
        .await?
        .ok_or(Error::NotOffered)?;
    let duration = match wish.duration {
        Some(duration) => duration,
        None => usual(cx, &mut tx, &before, &offer, Some(end)).await?,
    };
    let new = NewRequest {
        entitlement: grant.pair.entitlement,
        duration,
        reason: wish.reason.unwrap_or_else(|| before.reason.clone()),
        ticket: ticket::or_before(wish.ticket, before.ticket.as_ref()),
        start: Some(end),
        principal: before.is_for_a_group().then_some(grant.pair.principal),
        beneficiary: None,
        emergency: false,
        until_revoked: false,
    };
    let with = With {
        extends: Some(id),
        ..With::default()
    };
    let request = ask::asked(cx, &mut tx, new, with).await?;
    if request.pair != grant.pair {
        return Err(Error::PrincipalMoved);
    }
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(Extended { request, new: true })
}

/// As long as it was asked for before, or as long as may be asked for where the caller asks for that
/// now: by the rule that applies then, and by those policies to which its deadlines lead.
pub(super) async fn usual(
    cx: &Cx,
    q: &mut impl Query,
    before: &Request,
    offer: &Offer,
    start: Option<Time>,
) -> Result<Span, Error> {
    let duration = before.duration.min(offer.max_duration);
    let how = How {
        requester: cx.person()?.id,
        beneficiary: before.beneficiary(),
        duration,
        start,
        for_group: before.is_for_a_group(),
        at: cx.now,
    };
    let body = &offer.policy.body;
    let own = offer.entitlement_max;
    let longest = facts::longest(q, &offer.entitlement, body, how, own).await?;
    Ok(duration.min(longest))
}

/// The end of a grant that can go on.
fn extensible(cx: &Cx, grant: &Grant, next: Option<GrantId>) -> Result<stint_domain::Time, Error> {
    if grant.review_every.is_some() && grant.is_open() {
        return Err(Error::CannotExtend(
            "this access lasts until it is revoked: there is nothing to extend. At its review its owners say whether it is still needed",
        ));
    }
    if let Some(next) = next {
        return Err(Error::ExtendedAlready { next });
    }
    if !grant.is_open() || grant.window.is_over(cx.now) {
        return Err(Error::CannotExtend("this access is over: ask for it again"));
    }
    if grant.start > cx.now {
        return Err(Error::CannotExtend(
            "this access has not begun: extend it once it has",
        ));
    }
    if !grant.window.is_confirmed() {
        return Err(Error::CannotExtend(
            "this access is not there yet: its time has not begun to run",
        ));
    }
    grant.end().ok_or(Error::CannotExtend(
        "this access has no end: there is nothing to extend",
    ))
}

/// Of these grants of the caller's, those that can be extended now, and those for which that was
/// asked and not answered, with the request: two look-ups for all that a page shows.
pub async fn extensions(
    cx: &Cx,
    q: &mut impl Query,
    grants: &[Grant],
) -> Result<Extensions, Error> {
    let ids = || grants.iter().map(|grant| grant.id);
    let next = grants::successors(q, ids()).await?;
    let mut found = Extensions::default();
    for request in store::extensions(q, ids()).await? {
        if let Some(grant) = request.extends {
            found.asked.insert(grant, request);
        }
    }
    for grant in grants {
        let own = cx.actor.user() == Some(grant.user);
        let relation = if own { Relation::Own } else { Relation::Others };
        let waits = (found.asked.get(&grant.id)).is_some_and(|it| it.state() == "pending");
        if !waits
            && cx.authorize(Verb::ExtendGrant, relation).is_ok()
            && extensible(cx, grant, next.get(&grant.id).copied()).is_ok()
        {
            found.possible.push(grant.id);
        }
    }
    Ok(found)
}

/// How it stands with extending some grants.
#[derive(Debug, Clone, Default)]
pub struct Extensions {
    /// Those that can be extended now.
    pub possible: Vec<GrantId>,
    /// The latest request for an extension of each, whatever came of it.
    pub asked: BTreeMap<GrantId, Request>,
}
