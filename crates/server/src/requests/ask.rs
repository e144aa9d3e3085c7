//! Asking: who would have to approve, and the request itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stint_api::Page;
use stint_db::{Priority, Query, Tx};
use stint_domain::entitlement::{EntitlementKey, Pair, PrincipalKind};
use stint_domain::policy::{
    Ask, ExplainedOther, ExplainedStep, LONGEST, ReasonRule, Refusal, Route, Step, StepUp,
    TicketRule, Tried, Verdict, first_length,
};
use stint_domain::request::{self as rules, Progress};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{
    EntitlementId, GrantId, PrincipalId, RequestId, Span, SubmissionId, Time, UserId,
};

use super::facts::{self, Weighed};
use super::read::{self, Who};
use super::{
    Error, Hurdle, Request, Whose, another, apart, decide, emergency, step_up, store, ticket, via,
};
use crate::catalog::Offer;
use crate::connections::Closed;
use crate::cx::Cx;
use crate::directory::{Entitlement, Member, Principal};
use crate::duties::{self, Conflict};
use crate::http::{Fault as _, Paging, search_text};
use crate::{catalog, connections, directory, grants, identity, outbox};

/// What somebody asks for: for themselves, for somebody else or for an Identity Center group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// What.
    pub entitlement: EntitlementId,
    /// For how long, from the moment the access is there; means nothing where it is asked for until it is
    /// revoked.
    pub duration: Span,
    /// Why; may be empty where the policy allows.
    pub reason: String,
    /// The ticket it is about; may be absent where the policy allows.
    pub ticket: Option<String>,
    /// Not before; at once if absent, and always in an emergency.
    pub start: Option<Time>,
    /// The Identity Center group that is to hold it; the beneficiary's own identity if absent.
    pub principal: Option<PrincipalId>,
    /// Who is to hold it, if not the caller.
    pub beneficiary: Option<UserId>,
    /// Whether in an emergency: under the policy for that, told at once and reviewed afterwards.
    pub emergency: bool,
    /// Whether until it is revoked, instead of for a time: its owners are asked again and again then
    /// whether it is still needed.
    pub until_revoked: bool,
}

/// What somebody wants to know before they ask. What is absent is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What.
    pub entitlement: EntitlementId,
    /// For how long.
    pub duration: Option<Span>,
    /// Why.
    pub reason: Option<String>,
    /// The ticket it is about.
    pub ticket: Option<String>,
    /// Not before.
    pub start: Option<Time>,
    /// The Identity Center group that would hold it; the beneficiary's own identity if absent.
    pub principal: Option<PrincipalId>,
    /// Who would hold it, if not the caller.
    pub beneficiary: Option<UserId>,
    /// Whether in an emergency.
    pub emergency: bool,
    /// Whether until it is revoked, instead of for a time.
    pub until_revoked: bool,
}

/// What would happen.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What it is about, under which policy version, and how long at most.
    pub offer: Offer,
    /// The rule of the policy that applies, if one does.
    pub rule: Option<String>,
    /// What was found of its rules, in their order, up to the one that applies.
    pub tried: Vec<Tried>,
    /// The longest it may be asked for like this.
    pub longest: Span,
    /// How often it would be asked whether it is still needed, were it asked for until it is revoked;
    /// nothing where that may not be.
    pub until_revoked: Option<Span>,
    /// What must be said when asking.
    pub reason: ReasonRule,
    /// How the reference to a ticket is given; what a rule leaves out is its policy's.
    pub ticket: TicketRule,
    /// When people would have to give their password again.
    pub step_up: StepUp,
    /// Whether it would be approved at once.
    pub auto: bool,
    /// Who would have to approve, and which of them could not; empty where nobody has to.
    pub steps: Vec<ExplainedStep>,
    /// What happens under the policies to which deadlines of these steps lead.
    pub others: Vec<ExplainedOther>,
    /// Why it cannot be asked like this; empty where it can.
    pub hurdles: Vec<Hurdle>,
    /// Whether the caller may ask for it on behalf of an Identity Center group.
    pub for_groups: bool,
    /// Whether there is anybody else for whom they may ask.
    pub for_others: bool,
    /// Who would hold it, where that is somebody else.
    pub beneficiary: Option<Who>,
    /// Who would be told at once, where it is asked in an emergency.
    pub told: Option<BTreeSet<UserId>>,
    /// The group that would hold it, and who is in it as last seen; nothing where it is for
    /// the caller.
    pub group: Option<(Principal, Vec<Member>)>,
    /// What duty rules have against it.
    pub conflicts: Vec<Conflict>,
}

/// Who would have to approve and why, without asking for anything.
///
/// What is in none of the caller's catalogs does not exist.
pub async fn preview(cx: &Cx, probe: Probe) -> Result<Preview, Error> {
    cx.authorize(Verb::PreviewRequest, Relation::Own)?;
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let whom = another::beneficiary(cx, &mut q, probe.beneficiary, probe.principal).await?;
    let offer = offered(cx, &mut q, whom, probe.entitlement, Verb::PreviewRequest).await?;
    let offer = emergency::in_an_emergency(offer, probe.emergency)?;
    let holder = holder(cx, &mut q, (user, whom), &offer, probe.principal).await;
    let duration = match probe.until_revoked {
        true => LONGEST,
        false => probe.duration.unwrap_or(offer.max_duration),
    };
    let members = match &holder {
        Ok(found) => members(&mut q, found).await?,
        Err(_) => BTreeSet::new(),
    };
    let ask = Ask {
        requester: user,
        beneficiary: whom,
        members,
        duration,
        until_revoked: probe.until_revoked,
        start: probe.start,
        reason: probe.reason.clone().unwrap_or_default(),
        ticket: ticket::kept(probe.ticket.as_deref()),
        entitlement_max: offer.entitlement_max,
        entitlement_until_revoked: offer.until_revoked,
    };
    let conflicts = match &holder {
        Ok(found) => {
            let emergency = offer.policy.body.emergency.is_some();
            let asked = apart::asked(&offer.entitlement, found, &ask, emergency, cx.now);
            apart::found(&mut q, &asked).await?
        }
        Err(_) => Vec::new(),
    };
    let for_group = probe.principal.is_some();
    let more = duties::exceptions(&conflicts);
    let Weighed {
        chosen,
        body,
        people,
        explained,
        ..
    } = weighed(cx, &mut q, &offer, &ask, for_group, more).await?;
    let outcome = body.outcome(chosen.rule);
    let mut hurdles: Vec<Hurdle> =
        match (&chosen.unanswered, outcome.evaluate(&ask, &people, cx.now)) {
            (Some(why), _) => vec![Hurdle::from(why)],
            (None, Verdict::Refused(why)) => (why.iter())
                .filter(|why| match why {
                    Refusal::ReasonRequired => probe.reason.is_some(),
                    Refusal::TicketRequired { .. } => probe.ticket.is_some(),
                    Refusal::DurationOverPolicy { .. } => probe.duration.is_some(),
                    _ => true,
                })
                .map(Hurdle::from)
                .collect(),
            (None, Verdict::AutoApproved | Verdict::NeedsSteps(_)) => Vec::new(),
        };
    let for_others = catalog::asks_for_others(cx, &mut q).await.unwrap_or(false);
    let beneficiary = match whom == user {
        true => None,
        false => Some(read::who(&read::names(&mut q, [whom].into()).await?, whom)),
    };
    let for_groups = whom == user
        && offer.entitlement.key.is_for_groups()
        && may_for_group(cx, &mut q, user, &offer).await?;
    let held_by = holder.as_ref().ok().map(|found| found.id);
    let mut group = None;
    match holder {
        Ok(found) if found.kind == PrincipalKind::IdentityCenterGroup => {
            let members = directory::members(&mut q, found.id).await?;
            group = Some((found, members));
        }
        Ok(_) => {}
        Err(error) => match error {
            Error::NoLinkedPrincipal { .. }
            | Error::PrincipalGone { .. }
            | Error::OwnedByDirectory { .. }
            | Error::IamSwitchedOff
            | Error::NotForGroups
            | Error::UnknownGroup { .. }
            | Error::NotAGroup { .. }
            | Error::GroupGone { .. } => {
                let (code, detail) = (error.code(), error.detail());
                hurdles.insert(0, Hurdle { code, detail });
            }
            other => return Err(other),
        },
    }
    if probe.emergency && probe.start.is_some() {
        hurdles.push(Hurdle::from(&Refusal::StartInEmergency));
    }
    let told = match &offer.policy.body.emergency {
        Some(emergency) => {
            let theirs = emergency::theirs([user, whom], &ask.members);
            Some(emergency::watchers(&mut q, emergency, &theirs).await?)
        }
        None => None,
    };
    let mut hurdle = |error: &Error| {
        let (code, detail) = (error.code(), error.detail());
        hurdles.insert(0, Hurdle { code, detail });
    };
    if let Some(error) = apart::refused(&conflicts) {
        hurdle(&error);
    }
    if told.as_ref().is_some_and(BTreeSet::is_empty) {
        hurdle(&Error::Refused(vec![Refusal::NobodyTold]));
    }
    if let Some(holder) = held_by.filter(|_| probe.emergency) {
        let what = offer.entitlement.id;
        match emergency::waits(&mut q, user, what, holder).await {
            Err(
                error @ (Error::EmergencyWaits(_) | Error::EmergencyTwice | Error::RaiseInstead(_)),
            ) => hurdle(&error),
            other => other?,
        }
    }
    // First of all: whoever would hold it, a connection out of service gives nothing.
    if let Some(closed) = closed(&mut q, &offer).await? {
        let (code, detail) = (closed.code(), closed.detail());
        hurdles.insert(0, Hurdle { code, detail });
    }
    Ok(Preview {
        steps: match chosen.unanswered {
            None => outcome.explain(&ask, &people),
            Some(_) => Vec::new(),
        },
        others: match chosen.unanswered {
            None => explained,
            Some(_) => Vec::new(),
        },
        rule: outcome.rule.map(|rule| rule.name.clone()),
        longest: outcome.longest(offer.entitlement_max),
        until_revoked: outcome.until_revoked.filter(|_| offer.until_revoked),
        reason: outcome.reason,
        ticket: outcome.ticket.to_rule(),
        step_up: outcome.step_up,
        auto: *outcome.route == Route::AutoApprove,
        tried: chosen.tried,
        offer,
        hurdles,
        for_groups,
        for_others,
        beneficiary,
        told,
        group,
        conflicts,
    })
}

/// The Identity Center groups, by name, for which the caller may ask for this entitlement:
/// those of its connection that AWS still has and that have the words of `search` in their name.
/// Who may not ask for a group learns nothing about groups.
pub async fn groups(
    cx: &Cx,
    entitlement: EntitlementId,
    search: &str,
    paging: &Paging,
) -> Result<Page<Principal>, Error> {
    cx.authorize(Verb::PreviewRequest, Relation::Own)?;
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let offer = offered(cx, &mut q, user, entitlement, Verb::PreviewRequest).await?;
    let relation = to_connection(&mut q, user, &offer).await?;
    cx.authorize(Verb::AskForGroup, relation)?;
    let connection = offer.entitlement.connection;
    let after = paging.after()?;
    let rows = directory::groups(&mut q, connection, search, after, paging.fetch()).await?;
    let page = paging.page(rows, |(key, it)| (key.clone(), it.id));
    Ok(Page {
        items: page.items.into_iter().map(|(_, it)| it).collect(),
        next: page.next,
    })
}

/// Asks for access, for oneself or for an Identity Center group. Where the policy approves by
/// itself the grant is open when this returns.
///
/// Who asks for a group is answerable for the grant; whoever is in the group benefits, and
/// decides as little as the requester.
///
/// Fails with every reason the policy has against it, when the caller has no confirmed
/// principal in that estate, as if there were no such entitlement when it is in none of
/// their catalogs, and with [`Error::StepUp`] where nothing but their password is missing.
pub async fn submit(cx: &Cx, new: NewRequest) -> Result<Request, Error> {
    cx.authorize(Verb::SubmitRequest, Relation::Own)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let request = asked(cx, &mut tx, new, With::default()).await?;
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(request)
}

/// What else a request is part of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct With {
    /// The grant that would go on.
    pub(super) extends: Option<GrantId>,
    /// With which others it is asked for.
    pub(super) submission: Option<SubmissionId>,
    /// The request that is raised to it.
    pub(super) raised_from: Option<RequestId>,
}

/// Asks, in the caller's transaction.
pub(super) async fn asked(
    cx: &Cx,
    tx: &mut Tx,
    new: NewRequest,
    with: With,
) -> Result<Request, Error> {
    let user = cx.person()?.id;
    let whom = another::beneficiary(cx, tx, new.beneficiary, new.principal).await?;
    let offer = offered(cx, tx, whom, new.entitlement, Verb::SubmitRequest).await?;
    let offer = emergency::in_an_emergency(offer, new.emergency)?;
    if let Some(closed) = closed(tx, &offer).await? {
        return Err(Error::Closed(Box::new(closed)));
    }
    let holder = holder(cx, tx, (user, whom), &offer, new.principal).await?;
    let members = members(tx, &holder).await?;
    emergency::check(
        tx,
        &offer,
        user,
        &emergency::theirs([user, whom], &members),
        holder.id,
        with.raised_from.is_some(),
    )
    .await?;
    let ask = Ask {
        requester: user,
        beneficiary: whom,
        members,
        duration: match new.until_revoked {
            true => LONGEST,
            false => new.duration,
        },
        until_revoked: new.until_revoked,
        start: new.start,
        reason: new.reason.trim().to_owned(),
        ticket: ticket::kept(new.ticket.as_deref()),
        entitlement_max: offer.entitlement_max,
        entitlement_until_revoked: offer.until_revoked,
    };
    let emergency = offer.policy.body.emergency.is_some();
    let asked = apart::asked(&offer.entitlement, &holder, &ask, emergency, cx.now);
    let mut conflicts = apart::found(tx, &asked).await?;
    if let Some(error) = apart::refused(&conflicts) {
        return Err(error);
    }
    let for_group = new.principal.is_some();
    let more = duties::exceptions(&conflicts);
    let Weighed {
        chosen,
        body,
        people,
        others,
        ..
    } = weighed(cx, tx, &offer, &ask, for_group, more).await?;
    if let Some(why) = chosen.unanswered {
        return Err(Error::Refused(vec![why]));
    }
    let wanted = body.outcome(chosen.rule).step_up;
    // Pinned: what the policy says later about the time between two reviews is not for this one.
    let said = body.outcome(chosen.rule).until_revoked;
    let review_every = said.filter(|_| ask.until_revoked);
    let submitted = rules::Request::submit(body, chosen.rule, &ask, &people, cx.now);
    // An emergency is now; only what extends access begins where that ends.
    if new.emergency && new.start.is_some() && with.extends.is_none() {
        let mut why = submitted.err().unwrap_or_default();
        why.push(Refusal::StartInEmergency);
        return Err(Error::Refused(why));
    }
    let (rules, progress) = submitted.map_err(Error::Refused)?;
    step_up::at_asking(cx, tx, wanted).await?;
    let rules = rules.with_others(others);
    // Whatever waits is judged again when somebody approves it.
    if progress == Progress::Approved {
        apart::still_as_asked(tx, asked, &mut conflicts).await?;
    }
    let request = Request {
        id: cx.app.new_id(),
        rules,
        pair: Pair {
            connection: holder.connection,
            principal: holder.id,
            entitlement: offer.entitlement.id,
        },
        held_as: holder.kind,
        policy: offer.policy,
        reason: ask.reason,
        ticket: ask.ticket,
        duration: review_every.map_or(ask.duration, first_length),
        review_every,
        start: ask.start,
        extends: with.extends,
        submission: with.submission,
        raised_from: with.raised_from,
        conflicts,
        decisions: Vec::new(),
        version: 1,
    };
    let people = identity::users_by_id(tx, [user, whom]).await?;
    let people = people
        .values()
        .map(|it| format!("{} {}", it.name, it.email));
    let people: Vec<String> = people.collect();
    let held_by = directory::called(&holder);
    let search = search_text(&[
        &offer.entitlement.name,
        &held_by,
        &people.join(" "),
        &request.reason,
        request.ticket.as_deref().unwrap_or_default(),
    ]);
    if let Err(error) = store::insert(tx, &request, &via(cx), &search).await {
        // Only what was asked at the very same time is found this late.
        return Err(match error.is_unique(store::EMERGENCY_KEY) {
            true => Error::EmergencyTwice,
            false => error.into(),
        });
    }
    let facts = json!({
        "entitlement": request.pair.entitlement,
        "entitlement_name": offer.entitlement.name,
        "principal": request.pair.principal,
        "principal_name": holder.name,
        "principal_kind": request.held_as.as_str(),
        "beneficiary": request.beneficiary(),
        "policy_version": request.policy.id,
        "policy": request.policy.name,
        "policy_number": request.policy.number,
        "rule": request.rule(),
        "others": pinned_others(&request),
        "duration_seconds": request.duration,
        "review_every_seconds": request.review_every,
        "start": request.start,
        "reason": request.reason,
        "ticket": request.ticket,
        "extends": request.extends,
        "submission": request.submission,
        "emergency": request.emergency().is_some(),
        "raised_from": request.raised_from,
        "conflicts": duties::told(&request.conflicts),
    });
    let subjects = [request.id.into(), request.entitlement().into(), user.into()].into_iter();
    let subjects = subjects.chain((whom != user).then(|| whom.into()));
    tx.audit(cx.event("request.submitted", subjects, facts));
    let news = json!({ "request": request.id, "state": request.state() });
    outbox::emit(tx, cx, "request.submitted", news).await?;
    emergency::asked(cx, tx, &request).await?;
    if progress == Progress::Approved {
        decide::open(cx, tx, &request).await?;
    }
    Ok(request)
}

/// To which policies its deadlines lead, as the audit log keeps them.
fn pinned_others(request: &Request) -> Vec<Value> {
    (request.rules.question.others.iter())
        .map(|it| {
            json!({
                "policy_version": it.version,
                "policy": it.name,
                "policy_number": it.number,
                "rule": it.outcome().rule.map(|rule| &rule.name),
            })
        })
        .collect()
}

/// What the user asks about, if they may know of it.
async fn offered(
    cx: &Cx,
    q: &mut impl Query,
    user: UserId,
    id: EntitlementId,
    verb: Verb,
) -> Result<Offer, Error> {
    let Some(offer) = catalog::requestable(q, user, id).await? else {
        cx.authorize(verb, Relation::OutOfCatalog)?;
        return Err(Error::NotFound);
    };
    Ok(offer)
}

/// Which rule of the policy applies to this, and who could decide then.
async fn weighed(
    cx: &Cx,
    q: &mut impl Query,
    offer: &Offer,
    ask: &Ask,
    for_group: bool,
    more: Vec<Step>,
) -> Result<Weighed, Error> {
    let (thing, body) = (&offer.entitlement, &offer.policy.body);
    facts::weigh(cx, q, thing, body, ask, for_group, more).await
}

/// Why its connection gives nothing new, if it does not.
async fn closed(q: &mut impl Query, offer: &Offer) -> Result<Option<Closed>, Error> {
    match connections::connection(q, offer.entitlement.connection).await? {
        Some(connection) => Ok(connections::closed(q, &connection).await?),
        None => Ok(None),
    }
}

/// Refuses a group that a directory took over since it came into a catalog.
pub(super) fn owned(entitlement: &Entitlement) -> Result<(), Error> {
    match &entitlement.owned_by {
        None => Ok(()),
        Some(owner) => Err(Error::OwnedByDirectory {
            name: entitlement.name.clone(),
            owner: owner.clone(),
        }),
    }
}

/// Who would hold it: the group that is named, or the own principal in that estate of whoever it is
/// for.
async fn holder(
    cx: &Cx,
    q: &mut impl Query,
    (user, whom): (UserId, UserId),
    offer: &Offer,
    group: Option<PrincipalId>,
) -> Result<Principal, Error> {
    match group {
        Some(id) => named_group(cx, q, user, offer, id).await,
        None => own_principal(cx, q, whom, offer).await,
    }
}

/// The people who would hold it as members of a group, those on their way into it included.
async fn members(q: &mut impl Query, holder: &Principal) -> Result<BTreeSet<UserId>, Error> {
    if holder.kind != PrincipalKind::IdentityCenterGroup {
        return Ok(BTreeSet::new());
    }
    Ok(super::beneficiaries(q, holder.id).await?)
}

/// How the caller stands to the connection of what is offered.
async fn to_connection(q: &mut impl Query, user: UserId, offer: &Offer) -> Result<Relation, Error> {
    let own = connections::is_owner(q, offer.entitlement.connection, user).await?;
    Ok(if own { Relation::Own } else { Relation::Others })
}

/// Whether the caller may ask for a group there.
async fn may_for_group(
    cx: &Cx,
    q: &mut impl Query,
    user: UserId,
    offer: &Offer,
) -> Result<bool, Error> {
    let relation = to_connection(q, user, offer).await?;
    Ok(cx.authorize(Verb::AskForGroup, relation).is_ok())
}

/// The group, once it is clear that the caller may ask for one there: who may not learns
/// nothing about groups.
async fn named_group(
    cx: &Cx,
    q: &mut impl Query,
    user: UserId,
    offer: &Offer,
    id: PrincipalId,
) -> Result<Principal, Error> {
    let connection = offer.entitlement.connection;
    let relation = to_connection(q, user, offer).await?;
    cx.authorize(Verb::AskForGroup, relation)?;
    if !offer.entitlement.key.is_for_groups() {
        return Err(Error::NotForGroups);
    }
    match directory::principal(q, id).await? {
        Some(it) if it.connection != connection => Err(Error::UnknownGroup { id }),
        None => Err(Error::UnknownGroup { id }),
        Some(it) if it.kind != PrincipalKind::IdentityCenterGroup => Err(Error::NotAGroup {
            name: it.name,
            kind: directory::kind_words(it.kind),
        }),
        Some(it) if it.gone_at.is_some() => Err(Error::GroupGone { name: it.name }),
        Some(it) => Ok(it),
    }
}

/// The account whose IAM users can hold it: a group of IAM has users of its own account only.
/// Empty for whatever Identity Center gives.
pub(super) fn holder_account(entitlement: &Entitlement) -> &str {
    match &entitlement.key {
        EntitlementKey::IamGroupMembership { account, .. } => account,
        EntitlementKey::AccountAssignment { .. } | EntitlementKey::GroupMembership { .. } => "",
    }
}

/// The user's principal in that estate.
async fn own_principal(
    cx: &Cx,
    q: &mut impl Query,
    user: UserId,
    offer: &Offer,
) -> Result<Principal, Error> {
    owned(&offer.entitlement)?;
    let connection = offer.entitlement.connection;
    let held_as = offer.entitlement.key.held_as();
    let known = connections::connection(q, connection).await?;
    let account = holder_account(&offer.entitlement);
    if held_as == PrincipalKind::IamUser && !known.as_ref().is_some_and(|c| c.gives_iam(account)) {
        return Err(Error::IamSwitchedOff);
    }
    let found = directory::primary_principal(q, user, connection, held_as, account).await?;
    let Some(id) = found else {
        return Err(Error::NoLinkedPrincipal {
            whose: Whose::of(cx, q, user).await?,
            kind: directory::kind_words(held_as),
            connection: known.map_or_else(|| connection.to_string(), |found| found.name),
        });
    };
    match directory::principal(q, id).await? {
        Some(it) if it.gone_at.is_none() => Ok(it),
        gone => Err(Error::PrincipalGone {
            whose: Whose::of(cx, q, user).await?,
            name: gone.map_or_else(|| id.to_string(), |it| it.name),
        }),
    }
}
