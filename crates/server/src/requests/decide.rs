//! Answering, taking back, giving back.

use serde_json::json;
use stint_db::{Priority, Tx};
use stint_domain::policy::LONGEST_TEXT;
use stint_domain::request::{Answer, Progress, Verb as Tried};
use stint_domain::rights::Verb;
use stint_domain::{RequestId, UserId};

use super::{
    Decision, Error, Request, another, apart, clock, emergency, facts, relation, step_up, store,
    via,
};
use crate::cx::Cx;
use crate::grants::{self, NewGrant, Origin};
use crate::{directory, identity, outbox};

/// Approves the current step on behalf of the caller. With the last approval needed the
/// grant is opened in the same transaction.
///
/// Fails with [`Error::StepUp`] where the pinned version wants the caller's password again and they
/// have not given it of late, as a delegate too; and with [`Error::DelegationUnproved`] where they could
/// only by a delegation that was made without a password.
pub async fn approve(cx: &Cx, id: RequestId, comment: &str) -> Result<Request, Error> {
    let comment = comment.trim();
    if comment.chars().count() > LONGEST_TEXT {
        return Err(Error::Comment);
    }
    decide(cx, id, Verb::ApproveRequest, Answer::Approve, comment).await
}

/// Denies the request on behalf of the caller. The reason must not be empty.
pub async fn deny(cx: &Cx, id: RequestId, reason: &str) -> Result<Request, Error> {
    let reason = reason.trim();
    let answer = Answer::Deny {
        reason: reason.to_owned(),
    };
    decide(cx, id, Verb::DenyRequest, answer, reason).await
}

async fn decide(
    cx: &Cx,
    id: RequestId,
    verb: Verb,
    answer: Answer,
    comment: &str,
) -> Result<Request, Error> {
    let user = cx.person()?.id;
    let (mut tx, mut request) = taken_now(cx, id, verb).await?;
    // Who may decide, and who is in the group it is for, is read here, in the transaction that
    // decides.
    let mut delegations = identity::delegated_to(&mut tx, [user], cx.now).await?;
    // Of several by which they could, one that counts where a password is wanted.
    delegations.sort_by_key(|it| !it.proved);
    let only = facts::alone(&request, user, &delegations);
    let subject = facts::subject(&mut tx, &request, only, cx.now).await?;
    let who = facts::decider(&mut tx, &request, &subject, user, &delegations).await?;
    let steps = facts::current(&request).cloned();
    let people = facts::people(&mut tx, &request, &steps, &subject, None).await?;
    let approved = answer == Answer::Approve;
    let tried = if approved {
        Tried::Approve
    } else {
        Tried::Deny
    };
    let place = request.rules.may_decide(&who, &people, tried, cx.now)?;
    let step = place.step;
    let excepted = apart::excepted_at(&request, step);
    if approved && !excepted.is_empty() && comment.is_empty() {
        return Err(Error::ExceptionReason);
    }
    if approved {
        step_up::delegated(request.step_up(), &delegations, place.on_behalf_of)?;
        step_up::at_approving(cx, &mut tx, request.step_up()).await?;
    }
    let (rules, progress) = request.rules.decide(&who, &people, answer, cx.now)?;
    request.rules = rules;
    let decision = Decision {
        id: cx.app.new_id(),
        step,
        by: user,
        approved,
        parts: place.parts,
        on_behalf_of: place.on_behalf_of,
        comment: comment.to_owned(),
        at: cx.now,
    };
    store::decided(&mut tx, id, &decision, &via(cx)).await?;
    store::moved(&mut tx, id, &request.rules).await?;
    request.version += 1;
    let question = &request.rules.question;
    let other = question.other_of(step);
    let facts = json!({
        "step": question.place_of(step) + 1,
        "policy": other.map(|other| &other.name),
        "policy_version": other.map(|other| other.version),
        "answer": if approved { "approve" } else { "deny" },
        "on_behalf_of": place.on_behalf_of,
        "comment": comment,
        "state": request.state(),
        "exception_to": excepted,
    });
    request.decisions.push(decision);
    let about = [id.into(), user.into()].into_iter();
    let about = about.chain(place.on_behalf_of.map(Into::into));
    tx.audit(cx.event("request.decided", about, facts));
    match progress {
        Progress::Waiting { .. } | Progress::Step { .. } => {
            another::still_asked(&mut tx, &request).await?;
            apart::still(cx, &mut tx, &mut request).await?;
            let news = json!({ "request": id });
            outbox::emit(&mut tx, cx, "request.decided", news).await?;
        }
        Progress::Denied => {
            let facts = json!({ "reason": comment, "by": user });
            tx.audit(cx.event("request.denied", [id.into()], facts));
            outbox::emit(&mut tx, cx, "request.denied", json!({ "request": id })).await?;
        }
        Progress::Approved => {
            apart::still(cx, &mut tx, &mut request).await?;
            open(cx, &mut tx, &request).await?;
        }
    }
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(request)
}

/// Takes a request back before it is answered.
pub async fn cancel(cx: &Cx, id: RequestId) -> Result<Request, Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    let request = taken_back(cx, &mut tx, id).await?;
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(request)
}

/// The same in the caller's transaction.
pub(super) async fn taken_back(cx: &Cx, tx: &mut Tx, id: RequestId) -> Result<Request, Error> {
    let user = cx.person()?.id;
    let mut request = taken(cx, tx, id, Verb::CancelRequest).await?;
    request.rules = request.rules.cancel(user, cx.now)?;
    request.version += 1;
    store::moved(tx, id, &request.rules).await?;
    let facts = json!({ "requester": request.requester() });
    tx.audit(cx.event("request.cancelled", [id.into(), user.into()], facts));
    outbox::emit(tx, cx, "request.cancelled", json!({ "request": id })).await?;
    Ok(request)
}

/// Gives back early what an approved request gave: closes its grants, also such as have not
/// begun. The access is removed as after any end.
pub async fn return_early(cx: &Cx, id: RequestId) -> Result<Request, Error> {
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Revoke).await?;
    let request = taken(cx, &mut tx, id, Verb::ReturnRequest).await?;
    if request.state() != "approved" {
        return Err(Error::NothingToReturn(match request.state() {
            "pending" => "this request is still pending: cancel it instead",
            _ => "this request was never approved: there is nothing to return",
        }));
    }
    let mut closed = Vec::new();
    for grant in grants::of_request(&mut tx, id).await? {
        if grants::close(cx, &mut tx, grant.id, grants::CloseReason::Returned).await? {
            closed.push(grant.id);
        }
    }
    if closed.is_empty() {
        return Err(Error::NothingToReturn(
            "what this request gave is over already: there is nothing to return",
        ));
    }
    let facts = json!({ "grants": closed });
    tx.audit(cx.event("request.returned", [id.into(), user.into()], facts));
    outbox::emit(&mut tx, cx, "request.returned", json!({ "request": id })).await?;
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(request)
}

/// The request with its row held, once the caller's rights to it are found sufficient.
pub(super) async fn taken(
    cx: &Cx,
    tx: &mut Tx,
    id: RequestId,
    verb: Verb,
) -> Result<Request, Error> {
    let user: UserId = cx.person()?.id;
    let request = store::lock(tx, id).await?.ok_or(Error::NotFound)?;
    cx.authorize(verb, relation(tx, &request, user, cx.now).await?)?;
    Ok(request)
}

/// The request with its row held, as [`taken`], and what its time has come for done to it.
pub(super) async fn taken_now(cx: &Cx, id: RequestId, verb: Verb) -> Result<(Tx, Request), Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    let mut request = taken(cx, &mut tx, id, verb).await?;
    // What its time has come for comes first: nobody decides on what is over.
    match clock::catch_up(cx, &mut tx, &mut request).await {
        Ok(_) => {}
        // It would have been approved by now and can never be given: it ends as the clock ends it,
        // and whoever decides reads that it is over.
        Err(error) if clock::ends(&error) => {
            drop(tx);
            // By nobody, and no answer to the call that found it so.
            let mut by_clock = Cx::system(&cx.app, clock::CLOCK);
            by_clock.now = cx.now;
            clock::pass(&by_clock, id).await?;
            tx = cx.begin(Priority::Interactive).await?;
            request = taken(cx, &mut tx, id, verb).await?;
        }
        Err(error) => return Err(error),
    }
    Ok((tx, request))
}

/// Fails where what this request asks for, or gave, can be given no more to whom it was asked for: the
/// principal must still be theirs, approvers approved that one; a group must still be there, nobody is
/// linked to it; and whoever asked for somebody else must still be allowed to.
pub(super) async fn still_theirs(tx: &mut Tx, request: &Request) -> Result<(), Error> {
    another::still_asked(tx, request).await?;
    let user = request.beneficiary();
    let active = identity::user(tx, user).await?.is_some_and(|u| u.active);
    if !active {
        return Err(Error::BeneficiaryInactive);
    }
    let pair = request.pair;
    let Some(principal) = directory::principal(tx, pair.principal).await? else {
        return Err(Error::PrincipalChanged);
    };
    if request.is_for_a_group() {
        if principal.gone_at.is_some() {
            return Err(Error::GroupGone {
                name: principal.name,
            });
        }
    } else {
        let of = directory::entitlement(tx, pair.entitlement).await?;
        let account = of.as_ref().map_or("", super::ask::holder_account);
        let (connection, kind) = (pair.connection, principal.kind);
        let primary = directory::primary_principal(tx, user, connection, kind, account).await?;
        if primary != Some(pair.principal) {
            return Err(Error::PrincipalChanged);
        }
    }
    if let Some(entitlement) = directory::entitlement(tx, pair.entitlement).await? {
        super::ask::owned(&entitlement)?;
    }
    Ok(())
}

/// Opens what an approved request gives.
///
/// Fails as [`still_theirs`] does.
pub(super) async fn open(cx: &Cx, tx: &mut Tx, request: &Request) -> Result<(), Error> {
    still_theirs(tx, request).await?;
    let user = request.beneficiary();
    let pair = request.pair;
    let grant = NewGrant {
        pair,
        user,
        origin: Origin::Request(request.id),
        start: request.start.map_or(cx.now, |start| start.max(cx.now)),
        duration: Some(request.duration),
        approved_at: cx.now,
        extends: request.extends,
        emergency: request.emergency().is_some(),
        review_every: request.review_every,
    };
    let grant = grants::open(cx, tx, grant).await?;
    let approvers: Vec<_> = request.decisions.iter().map(|d| d.by).collect();
    let facts = json!({
        "grant": grant,
        "approved_by": approvers,
        "emergency": request.emergency().is_some(),
    });
    tx.audit(cx.event("request.approved", [request.id.into(), grant.into()], facts));
    let news = json!({ "request": request.id, "grant": grant });
    outbox::emit(tx, cx, "request.approved", news).await?;
    emergency::opened(cx, tx, request, grant).await
}
