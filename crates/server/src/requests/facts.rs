//! What a request is about, as the rules of policies ask for it.

use std::collections::BTreeSet;

use stint_db::Query;
use stint_domain::condition::{Circumstances, Scene};
use stint_domain::policy::{
    self as rules, Ask, ExplainedOther, Other, People, PolicyBody, Refusal, Role, Step, Tried,
};
use stint_domain::request::{Decider, Delegator, Membership, Source, State};
use stint_domain::{Span, Time, UserId};

use super::{Error, Request, beneficiaries, benefits};
use crate::cx::Cx;
use crate::directory::{self, Entitlement};
use crate::identity::Delegation;
use crate::policies::{self, PolicyVersion, Subject};
use crate::{identity, requests::voter};

/// How something is asked.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) requester: UserId,
    pub(super) beneficiary: UserId,
    pub(super) duration: Span,
    pub(super) start: Option<Time>,
    pub(super) for_group: bool,
    pub(super) at: Time,
}

/// What conditions are asked about.
pub(super) async fn scene(
    q: &mut impl Query,
    entitlement: &Entitlement,
    how: How,
    zone: &str,
) -> Result<Scene, Error> {
    let thing = directory::described(q, entitlement).await?;
    let thing = thing.ok_or(Error::NotFound)?;
    let mut people = identity::persons(q, [how.requester, how.beneficiary]).await?;
    let managers: Vec<UserId> = people.values().filter_map(|it| it.manager).collect();
    let managers = identity::persons(q, managers).await?;
    let beneficiary = people.get(&how.beneficiary).cloned();
    let requester = people.remove(&how.requester);
    let (Some(requester), Some(beneficiary)) = (requester, beneficiary) else {
        return Err(Error::NotFound);
    };
    let others: Vec<_> = (managers.into_values())
        .filter(|it| it.id != requester.id && it.id != beneficiary.id)
        .collect();
    let how = Circumstances {
        duration: how.duration,
        start: how.start,
        for_group: how.for_group,
        now: how.at,
        zone: zone.to_owned(),
    };
    Scene::new(&requester, &beneficiary, &others, &thing, &how).map_err(Error::Scene)
}

/// Which rule of a policy applies, and what it is asked about where it has conditions.
pub(super) struct Chosen {
    /// The rule, from 0.
    pub(super) rule: Option<usize>,
    /// What was found of the rules, in their order.
    pub(super) tried: Vec<Tried>,
    /// What conditions are asked about; nothing where the policy has none.
    pub(super) scene: Option<Scene>,
    /// Why none can be chosen: one of them could not be asked.
    pub(super) unanswered: Option<Refusal>,
}

pub(super) async fn choose(
    q: &mut impl Query,
    entitlement: &Entitlement,
    body: &PolicyBody,
    how: How,
) -> Result<Chosen, Error> {
    if body.conditions().next().is_none() {
        return Ok(Chosen {
            rule: None,
            tried: Vec::new(),
            scene: None,
            unanswered: None,
        });
    }
    let scene = scene(q, entitlement, how, &body.zone).await?;
    let (rule, tried, unanswered) = match body.choose(&scene) {
        Ok((rule, tried)) => (rule, tried, None),
        Err(tried) => {
            let last = tried.last().and_then(|it| {
                let why = it.holds.clone().err()?;
                let rule = it.name.clone();
                Some(Refusal::Unanswered { rule, why })
            });
            (None, tried, last)
        }
    };
    Ok(Chosen {
        rule,
        tried,
        scene: Some(scene),
        unanswered,
    })
}

/// The longest a policy allows what is asked like this, where the entitlement has this limit of its own:
/// no longer than those allow to which its deadlines lead.
pub(super) async fn longest(
    q: &mut impl Query,
    entitlement: &Entitlement,
    body: &PolicyBody,
    how: How,
    entitlement_max: Option<Span>,
) -> Result<Span, Error> {
    let rule = choose(q, entitlement, body, how).await?.rule;
    let others = led_to(q, entitlement, body.outcome(rule).steps(), how).await?;
    let others: Vec<Other> = (others.into_iter())
        .map(|(version, found)| version.as_other(found.rule))
        .collect();
    let body = body.clone().leading_to(rule, &others);
    Ok(body.outcome(rule).longest(entitlement_max))
}

/// The policies to which deadlines of these steps lead, as they are now, with which rule of each applies.
async fn led_to(
    q: &mut impl Query,
    entitlement: &Entitlement,
    steps: &[Step],
    how: How,
) -> Result<Vec<(PolicyVersion, Chosen)>, Error> {
    let mut all = Vec::new();
    for id in rules::others(steps) {
        // None is ever deleted, and where it was named it was there.
        let version = policies::current(q, id).await?.ok_or(Error::NotFound)?;
        let found = choose(q, entitlement, &version.body, how).await?;
        all.push((version, found));
    }
    Ok(all)
}

/// What a policy says to a question: which rule applies, and who could decide then.
pub(super) struct Weighed {
    pub(super) chosen: Chosen,
    /// The policy, with the steps that come after its own.
    pub(super) body: PolicyBody,
    pub(super) people: People,
    /// The policies to which its deadlines lead, as they are to be pinned.
    pub(super) others: Vec<Other>,
    /// What would happen under each of them.
    pub(super) explained: Vec<ExplainedOther>,
}

pub(super) async fn weigh(
    cx: &Cx,
    q: &mut impl Query,
    entitlement: &Entitlement,
    body: &PolicyBody,
    ask: &Ask,
    for_group: bool,
    more: Vec<Step>,
) -> Result<Weighed, Error> {
    let how = How {
        requester: ask.requester,
        beneficiary: ask.beneficiary,
        duration: ask.duration,
        start: ask.start,
        for_group,
        at: cx.now,
    };
    let mut chosen = choose(q, entitlement, body, how).await?;
    let body = body.clone().followed_by(chosen.rule, more.clone());
    let theirs = [ask.requester, ask.beneficiary].into_iter();
    let theirs = theirs.chain(ask.members.iter().copied());
    let subject = Subject {
        beneficiary: ask.beneficiary,
        connection: entitlement.connection,
        scene: chosen.scene.clone(),
        benefiting: ask.members.clone(),
        delegates: delegates(q, theirs, cx.now).await?,
        only: None,
    };
    let steps = body.outcome(chosen.rule).steps();
    let people = policies::people(q, steps, Some(&subject)).await?;
    let (mut others, mut explained) = (Vec::new(), Vec::new());
    for (version, found) in led_to(q, entitlement, steps, how).await? {
        // What it would say is not known: nothing may be pinned, and so nothing be asked.
        if let Some(why) = found.unanswered {
            chosen.unanswered = chosen.unanswered.or(Some(why));
            continue;
        }
        let other = version.as_other(found.rule).followed_by(more.clone());
        let subject = Subject {
            scene: found.scene,
            ..subject.clone()
        };
        let people = policies::people(q, other.steps(), Some(&subject)).await?;
        explained.push(other.explain(&body.outcome(chosen.rule), ask, &people));
        others.push(other);
    }
    Ok(Weighed {
        body: body.leading_to(chosen.rule, &others),
        chosen,
        people,
        others,
        explained,
    })
}

/// What says who the approvers of a request are now.
pub(super) async fn subject(
    q: &mut impl Query,
    request: &Request,
    only: Option<BTreeSet<UserId>>,
    now: Time,
) -> Result<Subject, Error> {
    let question = &request.rules.question;
    let mut scene = None;
    if !rules::candidates(question.steps()).is_empty() {
        let entitlement = directory::entitlement(q, request.entitlement()).await?;
        let how = How {
            requester: request.requester(),
            beneficiary: request.beneficiary(),
            duration: request.asked_for(),
            start: request.start,
            for_group: request.is_for_a_group(),
            // As it was when it was asked: hours pass while it waits.
            at: request.submitted_at(),
        };
        let entitlement = entitlement.ok_or(Error::NotFound)?;
        let zone = question.zone(waits_at(request));
        scene = Some(self::scene(q, &entitlement, how, zone).await?);
    }
    let benefiting = match request.is_for_a_group() {
        true => beneficiaries(q, request.pair.principal).await?,
        false => BTreeSet::new(),
    };
    let theirs = [request.requester(), request.beneficiary()].into_iter();
    let theirs = theirs.chain(benefiting.iter().copied());
    let delegates = delegates(q, theirs, now).await?;
    Ok(Subject {
        beneficiary: request.beneficiary(),
        connection: request.pair.connection,
        scene,
        benefiting,
        delegates,
        only,
    })
}

/// Who could decide at these steps of a request now, with those to whom places in the one it waits at
/// were handed on, and `also`.
pub(super) async fn people<'a>(
    q: &mut impl Query,
    request: &Request,
    steps: impl IntoIterator<Item = &'a Step> + Clone,
    subject: &Subject,
    also: Option<UserId>,
) -> Result<People, Error> {
    let mut people = policies::people(q, steps, Some(subject)).await?;
    let holders = request.rules.holders();
    let more: Vec<UserId> = holders.iter().copied().chain(also).collect();
    if more.is_empty() {
        return Ok(people);
    }
    for user in identity::users(q, &more).await? {
        if user.active && user.decides() {
            people.able.insert(user.id);
        }
    }
    people.gone = (holders.into_iter())
        .filter(|user| !people.able.contains(user))
        .collect();
    Ok(people)
}

/// The step a request waits at, and those behind it in its policy.
pub(super) fn from_here(request: &Request) -> Vec<&Step> {
    let question = &request.rules.question;
    let Some((step, leg)) = waits_at(request).and_then(|at| Some((at, question.leg(at)?))) else {
        return Vec::new();
    };
    leg.steps.iter().skip(step - leg.first).collect()
}

/// To whom these delegate now.
async fn delegates(
    q: &mut impl Query,
    users: impl IntoIterator<Item = UserId>,
    now: Time,
) -> Result<BTreeSet<UserId>, Error> {
    let users: BTreeSet<UserId> = users.into_iter().collect();
    let all = identity::delegated_by(q, users, now).await?;
    Ok(all.into_iter().map(|it| it.delegate).collect())
}

/// The step a request waits at.
pub(super) fn current(request: &Request) -> Option<&Step> {
    request.rules.question.step(waits_at(request)?)
}

/// Its number, counted from 0 through all policies pinned with it.
const fn waits_at(request: &Request) -> Option<usize> {
    match request.rules.state {
        State::Pending { step, .. } => Some(step),
        _ => None,
    }
}

/// Whom alone it takes to look at to know whether they may decide on it: them and who delegates to
/// them; everybody where those who stand in come in by how few the others are.
pub(super) fn alone(
    request: &Request,
    user: UserId,
    delegations: &[Delegation],
) -> Option<BTreeSet<UserId>> {
    let step = current(request);
    let alone = step.is_none_or(|step| step.fallback.is_empty());
    let whose = || delegations.iter().map(|it| it.user);
    alone.then(|| whose().chain([user]).collect())
}

/// Whether who may decide on a step depends on more than who decides and the groups they are in.
pub(super) fn asks_more(step: &Step) -> bool {
    !step.fallback.is_empty() || step.approvers.who.is_some() || !step.approvers.roles.is_empty()
}

/// The roles a step asks for.
fn roles(step: &Step) -> BTreeSet<Role> {
    let (first, second) = (&step.approvers.roles, &step.fallback.roles);
    first.iter().chain(second).copied().collect()
}

/// Somebody as the rules of a decision on this request see them, now, with those who have delegated
/// to them.
pub(super) async fn decider(
    q: &mut impl Query,
    request: &Request,
    subject: &Subject,
    user: UserId,
    delegations: &[Delegation],
) -> Result<Decider, Error> {
    let mut decider = by_themselves(q, request, subject, user).await?;
    for it in delegations {
        decider.delegators.push(Delegator {
            who: by_themselves(q, request, subject, it.user).await?,
            since: it.created_at,
            made_by: it.created_by,
        });
    }
    if !delegations.is_empty() {
        decider.changed_others = identity::changed_others(q, user).await?;
    }
    Ok(decider)
}

async fn by_themselves(
    q: &mut impl Query,
    request: &Request,
    subject: &Subject,
    user: UserId,
) -> Result<Decider, Error> {
    let mut decider = voter(q, user).await?;
    decider.benefits = benefits(q, request, user).await?;
    decider.of_theirs = subject.delegates.contains(&user);
    if let Some(step) = current(request) {
        if !step.fallback.is_empty() {
            decider.changed_others = identity::changed_others(q, user).await?;
        }
        if !rules::candidates([step]).is_empty() {
            decider.changed_own = identity::changed_own(q, user).await?;
        }
        for role in roles(step) {
            let holders = policies::holders(q, subject, role).await?.into_iter();
            let mine = holders.filter(|it| it.user == user).map(|it| Membership {
                of: Source::Role(role),
                since: it.since,
                added_by: it.by,
            });
            decider.memberships.extend(mine);
        }
    }
    Ok(decider)
}
