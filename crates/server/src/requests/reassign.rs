//! Handing on a place in the step a request waits at: an approver their own, or that of whom they decide
//! for; a Policy Admin or Super Admin anybody's, or somebody beside those who are asked.
//!
//! Where the policy wants the password of whoever approves it is wanted of whoever hands on, too: who
//! stole a token could else hand the place to an accomplice, who approves with a password of their own.

use serde_json::json;
use stint_db::Query;
use stint_domain::request::{Handing, Refused, Verb as Tried};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{RequestId, UserId};
use uuid::Uuid;

use super::{Error, Request, decide, facts, step_up, store, via};
use crate::cx::Cx;
use crate::identity::{self, User};
use crate::{grants, outbox};

pub(super) mod http;

/// What somebody says who hands a place on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassign {
    /// To whom: an e-mail address, or the id of somebody the caller may see.
    pub to: String,
    /// Why; kept, and read by whoever sees the request.
    pub reason: String,
    /// Whose place: by absence the caller's, or that of whom they decide for. An administrator who
    /// cannot decide themselves and names nobody adds who they name to those who are asked.
    pub from: Option<UserId>,
}

/// Hands on a place in the step a request waits at.
///
/// Fails as [`stint_domain::request::Request::reassign`] does, as if nobody could be found where who is
/// named is none the caller may know of, and with [`Error::StepUp`] and [`Error::DelegationUnproved`] as
/// approving does.
pub async fn reassign(cx: &Cx, id: RequestId, wish: Reassign) -> Result<Request, Error> {
    let user = cx.person()?.id;
    let verb = Verb::ReassignRequest;
    let (mut tx, mut request) = decide::taken_now(cx, id, verb).await?;
    let to = named(cx, &mut tx, &request, &wish.to).await?;
    let mut delegations = identity::delegated_to(&mut tx, [user], cx.now).await?;
    delegations.sort_by_key(|it| !it.proved);
    let subject = facts::subject(&mut tx, &request, None, cx.now).await?;
    let me = facts::decider(&mut tx, &request, &subject, user, &delegations).await?;
    let steps = facts::from_here(&request);
    let also = to.as_ref().map(|it| it.id);
    let people = facts::people(&mut tx, &request, steps.iter().copied(), &subject, also).await?;
    let own = (request.rules).may_decide(&me, &people, Tried::Reassign, cx.now);
    let mine = own.as_ref().ok();
    let mine = mine.map(|place| place.on_behalf_of.unwrap_or(user));
    let administers = cx.authorize(verb, Relation::Others).is_ok();
    // An administrator hands on their own place as one where the policy leaves it to administrators.
    let lets = facts::current(&request).is_some_and(|step| step.reassign.lets(false));
    let as_approver = (lets || !administers)
        && mine.is_some_and(|mine| wish.from.is_none_or(|from| from == mine));
    let mut from = None;
    if let Some(whose) = (wish.from.or(mine)).filter(|_| !as_approver && administers) {
        from = Some(facts::decider(&mut tx, &request, &subject, whose, &[]).await?);
    }
    let handing = match (as_approver, administers, own) {
        (true, _, Ok(place)) => {
            step_up::delegated(request.step_up(), &delegations, place.on_behalf_of)?;
            Handing::Place(&me)
        }
        (_, true, _) => Handing::Administrator {
            by: &me,
            from: from.as_ref(),
        },
        (_, false, Err(why)) => return Err(why.into()),
        // They can decide, and name somebody they do not decide for.
        (_, false, Ok(place)) => {
            let question = &request.rules.question;
            let name = question.step(place.step).map(|step| step.name.clone());
            return Err(Error::Decision(Refused::FromNotAsked {
                step: question.place_of(place.step),
                name: name.unwrap_or_default(),
            }));
        }
    };
    // Who is not found is looked at as somebody who can decide nothing.
    let to = also.unwrap_or(UserId(Uuid::nil()));
    let target = facts::decider(&mut tx, &request, &subject, to, &[]).await?;
    let rules = request.rules.clone();
    let (rules, handover) = rules.reassign(handing, &target, &wish.reason, &people, cx.now)?;
    step_up::at_approving(cx, &mut tx, request.step_up()).await?;
    request.rules = rules;
    let number = request.rules.handed.len();
    store::handed::hand(&mut tx, cx.app.new_id(), id, number, &handover, &via(cx)).await?;
    store::moved(&mut tx, id, &request.rules).await?;
    request.version += 1;
    let question = &request.rules.question;
    let other = question.other_of(handover.step);
    let facts = json!({
        "step": question.place_of(handover.step) + 1,
        "policy": other.map(|other| &other.name),
        "policy_version": other.map(|other| other.version),
        "from": handover.from,
        "to": handover.to,
        "administrator": handover.administrator,
        "reason": handover.reason,
    });
    let about = [id.into(), handover.to.into()].into_iter();
    let about = about.chain(handover.from.map(Into::into));
    tx.audit(cx.event("request.reassigned", about, facts));
    outbox::emit(&mut tx, cx, "request.reassigned", json!({ "request": id })).await?;
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(request)
}

/// Who is named: by an e-mail address, or by an id, where the caller sees users or the person had a place
/// in this request.
async fn named(
    cx: &Cx,
    q: &mut impl Query,
    request: &Request,
    text: &str,
) -> Result<Option<User>, Error> {
    let text = text.trim();
    let Ok(id) = text.parse::<UserId>() else {
        return Ok(identity::user_by_email(q, text).await?);
    };
    let had = request.rules.handed.iter();
    let had = had.flat_map(|it| [Some(it.by), it.from, Some(it.to)]);
    let known =
        had.flatten().any(|it| it == id) || cx.authorize(Verb::GetUser, Relation::Others).is_ok();
    match known {
        true => Ok(identity::user(q, id).await?),
        false => Ok(None),
    }
}

/// Whether the caller may hand on a place in it now: their own, or as an administrator any.
pub(super) fn may(cx: &Cx, request: &Request, relation: Relation, approves: bool) -> bool {
    let Some(step) = facts::current(request) else {
        return false;
    };
    let verb = Verb::ReassignRequest;
    if cx.authorize(verb, relation).is_err() {
        return false;
    }
    let administers = cx.authorize(verb, Relation::Others).is_ok() && relation != Relation::Own;
    let any = administers && step.wait.is_none();
    (approves && step.reassign.lets(false)) || (any && step.reassign.lets(true))
}
