//! Emergency access: asking for it, telling at once, and raising a request to it.
//!
//! A request under a policy for emergencies is an emergency request; nothing else makes it one. In
//! the transaction that asks for it news goes to the groups the policy tells, and to those who
//! review once it leads to access ([`review`]).

use std::collections::BTreeSet;

use serde_json::json;
use stint_db::{Priority, Query, Tx};
use stint_domain::policy::{Emergency, Refusal};
use stint_domain::request::State;
use stint_domain::rights::{Relation, Role, Verb};
use stint_domain::{EntitlementId, GrantId, PrincipalId, RequestId, Span, UserId};

use super::ask::With;
use super::{Error, NewRequest, Request, ask, beneficiaries, clock, decide, extend, store, ticket};
use crate::catalog::{self, Offer};
use crate::cx::Cx;
use crate::{grants, identity, outbox};

mod http;
mod review;
mod tasks;

pub(super) use http::in_short;
pub(crate) use http::routes;
pub use review::review;
pub use review::{
    Counts, REVIEW_STATES, Review, ReviewDetail, ReviewFilter, ReviewLine, ReviewState, close,
    counts, reviewers, reviews, to_close,
};
pub(super) use review::{closer, given, review_of, super_admins};
pub(crate) use tasks::Due;

/// What is asked for beyond what was asked already. What is absent is as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raise {
    /// For how long; if absent as long as it was asked for, or as long as may be asked for in an
    /// emergency, if that is less.
    pub duration: Option<Span>,
    /// Why.
    pub reason: Option<String>,
    /// The ticket it is about; empty for none.
    pub ticket: Option<String>,
}

/// What came of raising a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The request under the policy for emergencies.
    pub request: Request,
    /// Whether it was asked now; false where it was raised already.
    pub new: bool,
}

/// Raises a pending request of the caller's own: one transaction asks for the same under the policy
/// for emergencies and takes the old request back. Approvals of the old one do not count for the
/// new one. It begins at once, whatever start was asked for; what extends access begins where that
/// ends. Raised already, that request is the answer: of two clicks at once there is one.
///
/// Fails where it waits no more, was asked in an emergency itself, is in none of the caller's
/// catalogs any more or has no emergency access, and as asking does.
pub async fn raise(cx: &Cx, id: RequestId, wish: Raise) -> Result<Raised, Error> {
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let mut before = decide::taken(cx, &mut tx, id, Verb::RaiseRequest).await?;
    cx.authorize(Verb::SubmitRequest, Relation::Own)?;
    if let Some(request) = store::raised_to(&mut tx, id).await? {
        return Ok(Raised {
            request,
            new: false,
        });
    }
    if before.emergency().is_some() {
        return Err(Error::EmergencyAlready);
    }
    // What its time has come for comes first: nobody raises what is over.
    clock::catch_up(cx, &mut tx, &mut before).await?;
    before.rules = before.rules.raise(user, cx.now)?;
    // Whoever of the two raises it asks for who would have held it.
    let whom = match before.is_for_a_group() {
        true => user,
        false => before.beneficiary(),
    };
    let offer = catalog::requestable(&mut tx, whom, before.entitlement()).await?;
    let offer = in_an_emergency(offer.ok_or(Error::NotOffered)?, true)?;
    let extends = before.extends.is_some();
    let start = before.start.filter(|start| extends && *start > cx.now);
    let duration = match wish.duration {
        Some(duration) => duration,
        None => extend::usual(cx, &mut tx, &before, &offer, start).await?,
    };
    store::moved(&mut tx, id, &before.rules).await?;
    let new = NewRequest {
        entitlement: before.entitlement(),
        duration,
        reason: wish.reason.unwrap_or_else(|| before.reason.clone()),
        ticket: ticket::or_before(wish.ticket, before.ticket.as_ref()),
        start,
        principal: before.is_for_a_group().then_some(before.pair.principal),
        beneficiary: (whom != user).then_some(whom),
        emergency: true,
        until_revoked: false,
    };
    let with = With {
        extends: before.extends,
        // What somebody else raises is theirs by now.
        submission: before.submission.filter(|_| user == before.requester()),
        raised_from: Some(id),
    };
    let request = ask::asked(cx, &mut tx, new, with).await?;
    if extends && request.pair != before.pair {
        return Err(Error::PrincipalMoved);
    }
    let facts = json!({ "requester": before.requester(), "raised_to": request.id });
    tx.audit(cx.event("request.cancelled", [id.into(), user.into()], facts));
    outbox::emit(&mut tx, cx, "request.cancelled", json!({ "request": id })).await?;
    let facts = json!({ "from": id, "approvals": before.decisions.len() });
    tx.audit(cx.event("request.raised", [request.id.into(), id.into()], facts));
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(Raised { request, new: true })
}

/// What is offered, as it is asked for: in an emergency or not.
pub(super) fn in_an_emergency(offer: Offer, emergency: bool) -> Result<Offer, Error> {
    match emergency {
        false => Ok(offer),
        true => offer.in_an_emergency().ok_or(Error::NoEmergency),
    }
}

/// Whose it is: who asks, who would hold it, and who is in the group it is for.
pub(super) fn theirs(both: [UserId; 2], members: &BTreeSet<UserId>) -> BTreeSet<UserId> {
    members.iter().copied().chain(both).collect()
}

/// Refuses what would be asked twice, and what nobody would be told of but those whose it is. Whoever
/// asks for the same in an emergency comes after this.
pub(super) async fn check(
    tx: &mut Tx,
    offer: &Offer,
    user: UserId,
    theirs: &BTreeSet<UserId>,
    principal: PrincipalId,
    raises: bool,
) -> Result<(), Error> {
    let Some(emergency) = &offer.policy.body.emergency else {
        return Ok(());
    };
    catalog::hold(tx, offer.entitlement.id).await?;
    match waits(tx, user, offer.entitlement.id, principal).await {
        // One of several that wait is raised: the others are left to wait.
        Err(Error::RaiseInstead(_)) if raises => {}
        other => other?,
    }
    if watchers(tx, emergency, theirs).await?.is_empty() {
        return Err(Error::Refused(vec![Refusal::NobodyTold]));
    }
    Ok(())
}

/// Fails where the user has asked for the same already and nobody has answered; or somebody has in an
/// emergency, for the same person.
pub(super) async fn waits(
    q: &mut impl Query,
    user: UserId,
    entitlement: EntitlementId,
    principal: PrincipalId,
) -> Result<(), Error> {
    match store::waiting_of(q, user, entitlement, principal).await? {
        Some(it) if !it.of.contains(&user) => Err(Error::EmergencyTwice),
        Some(it) if it.emergency => Err(Error::EmergencyWaits(it.id)),
        Some(it) => Err(Error::RaiseInstead(it.id)),
        None => Ok(()),
    }
}

/// The active members of the groups that are told, but those whose it is.
pub(super) async fn watchers(
    q: &mut impl Query,
    emergency: &Emergency,
    theirs: &BTreeSet<UserId>,
) -> Result<BTreeSet<UserId>, Error> {
    let mut who = BTreeSet::new();
    for group in &emergency.tell {
        who.extend(identity::active_members(q, *group).await?);
    }
    who.retain(|user| !theirs.contains(user));
    Ok(who)
}

/// Who is told of a request that was asked in an emergency; nobody of others. Where the groups have
/// become empty since it was asked the Super Admins are told, but who asked and who would hold it.
pub async fn told(q: &mut impl Query, request: &Request) -> Result<BTreeSet<UserId>, Error> {
    let Some(emergency) = request.emergency() else {
        return Ok(BTreeSet::new());
    };
    let members = match request.is_for_a_group() {
        true => beneficiaries(q, request.pair.principal).await?,
        false => BTreeSet::new(),
    };
    let theirs = theirs([request.requester(), request.beneficiary()], &members);
    let mut who = watchers(q, emergency, &theirs).await?;
    if who.is_empty() {
        who = identity::with_roles(q, &[Role::SuperAdmin]).await?;
        who.retain(|user| !theirs.contains(user));
    }
    Ok(who)
}

/// Says that it was asked in an emergency, in the transaction that asks.
pub(super) async fn asked(cx: &Cx, tx: &mut Tx, request: &Request) -> Result<(), Error> {
    if request.emergency().is_some() {
        let news = json!({ "request": request.id });
        outbox::emit(tx, cx, "emergency.asked", news).await?;
    }
    Ok(())
}

/// Whether the caller can raise it now: it is theirs, waits, and has emergency access.
pub(super) async fn may_raise(
    cx: &Cx,
    q: &mut impl Query,
    request: &Request,
    relation: Relation,
) -> Result<bool, Error> {
    let pending = matches!(request.rules.state, State::Pending { .. });
    if !pending
        || request.emergency().is_some()
        || cx.authorize(Verb::RaiseRequest, relation).is_err()
    {
        return Ok(false);
    }
    let whom = request.beneficiary();
    let user = cx.person()?.id;
    if user != whom && !request.is_for_a_group() && !catalog::may_ask_for(q, user, whom).await? {
        return Ok(false);
    }
    let offer = catalog::requestable(q, whom, request.entitlement()).await?;
    Ok(offer.is_some_and(|offer| offer.emergency.is_some()))
}

/// What an approved emergency request gave: its review begins in the same transaction.
pub(super) async fn opened(
    cx: &Cx,
    tx: &mut Tx,
    request: &Request,
    grant: GrantId,
) -> Result<(), Error> {
    match request.emergency() {
        Some(emergency) => given(cx, tx, request, grant, emergency).await,
        None => Ok(()),
    }
}
