//! Looking at requests: one with everything about it, and lists.

use std::collections::{BTreeMap, BTreeSet};

use stint_api::Page;
use stint_db::Query;
use stint_domain::policy::{Deadline, ExplainedOther, ExplainedStep, People, Step, Then};
use stint_domain::request::{self as rules, Decider, Passed, State, Waiting};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, PolicyId, PrincipalId, RequestId, Time, UserId};

use super::timeline::{HandedOn, Happening, handed_on, timeline};
use super::{
    Decision, Error, Kept, Request, Review, benefiting, emergency, facts, reassign, relation,
    store, voter,
};
use crate::cx::Cx;
use crate::directory::{self, Entitlement, Member, Principal};
use crate::http::{Paging, sorted};
use crate::identity::Delegation;
use crate::web::time::exact;
use crate::{connections, grants, identity};

/// A person, as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Who.
    pub id: UserId,
    /// As people call them.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// A request in a list.
#[derive(Debug, Clone)]
pub struct Line {
    /// The request.
    pub request: Request,
    /// What was asked for.
    pub entitlement: Entitlement,
    /// Who asked.
    pub requester: Who,
    /// Who would hold it.
    pub beneficiary: Who,
    /// The Identity Center group that would, where it is for one.
    pub group: Option<Principal>,
}

impl Line {
    /// Whether somebody else asked than who would hold it.
    pub fn is_for_another(&self) -> bool {
        self.requester.id != self.beneficiary.id
    }

    /// Who asked, and for whom where that is somebody else.
    pub fn who_asked(&self) -> String {
        match self.is_for_another() {
            true => format!("{} for {}", self.requester.name, self.beneficiary.name),
            false => self.requester.name.clone(),
        }
    }
}

/// A request with everything there is to know about it.
#[derive(Debug, Clone)]
pub struct Detail {
    /// What the lists show of it.
    pub line: Line,
    /// The steps of the pinned version, in order; behind them those of the other policy, once it goes on
    /// under one.
    pub steps: Vec<StepView>,
    /// Whom it waits for; nothing once it is answered.
    pub waiting: Option<WaitingFor>,
    /// Who is in the group it is for, as the directory last saw it; none where it is for no
    /// group, and once it is answered and nothing it gave is held any more.
    pub members: Option<Vec<Member>>,
    /// What it gave.
    pub grants: Vec<grants::Grant>,
    /// The grant it is to extend, where it is for that.
    pub extends: Option<grants::Grant>,
    /// The latest request to extend what this one gave.
    pub extension: Option<Request>,
    /// The request it was raised to, and cancelled by.
    pub raised_to: Option<RequestId>,
    /// The review of what it gave in an emergency.
    pub review: Option<Review>,
    /// The latest review of what it gave until it is revoked.
    pub kept: Option<Kept>,
    /// What happened, oldest first, with what was done in AWS.
    pub timeline: Vec<Happening>,
    /// What the caller may do to it now: some of approve, deny, reassign, cancel, raise, return and
    /// extend.
    pub may: Vec<Verb>,
    /// Whether the caller may say something about it.
    pub may_comment: bool,
}

/// Whom a request waits for.
#[derive(Debug, Clone)]
pub struct WaitingFor {
    /// What the rules say.
    pub rules: Waiting,
    /// Those who could decide now.
    pub who: Vec<Approver>,
}

/// Somebody who decides, or could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub who: Who,
    /// For whom, where they decide as a delegate.
    pub on_behalf_of: Option<Who>,
    /// While they are away: until when, and who decides for them.
    pub away: Option<(Time, Who)>,
    /// By what they are asked, where a place was handed to them.
    pub handed: Option<Box<HandedOn>>,
}

impl Approver {
    /// As people read it: `Mei Tan`, `Mei Tan for Bo Lindqvist`, `Bo Lindqvist (away until …)`.
    pub fn words(&self) -> String {
        let name = &self.who.name;
        match (&self.on_behalf_of, &self.away, &self.handed) {
            (Some(whom), ..) => format!("{name} for {}", whom.name),
            (None, Some((until, _)), _) => format!("{name} (away until {})", exact(*until)),
            (None, None, Some(handed)) => {
                let by = handed.from.as_ref().unwrap_or(&handed.by);
                format!("{name} (in the place of {})", by.name)
            }
            (None, None, None) => name.clone(),
        }
    }
}

/// One step of a request.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// How many different people must approve.
    pub needed: u32,
    /// The policy it is of, where that is another than it was asked under.
    pub policy: Option<String>,
    /// What happens when it has not been approved in time.
    pub deadline: Option<Deadline>,
    /// The policy the deadline leads to, where it leads to another.
    pub leads_to: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// What was handed on there, oldest first.
    pub handed: Vec<HandedOn>,
    /// Who decided, oldest first.
    pub decisions: Vec<(Approver, Decision)>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everybody needed has approved.
    Done,
    /// The request waits at it.
    Now,
    /// Its time ran out before everybody needed had approved: the next one, or another policy, decided
    /// in its place.
    MovedOn,
    /// Its turn has not come.
    Later,
    /// Somebody denied at it.
    Denied,
    /// The request ended before it was complete, or went on under another policy before its turn came.
    Dropped,
}

impl Standing {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::MovedOn => "moved_on",
            Self::Later => "later",
            Self::Denied => "denied",
            Self::Dropped => "dropped",
        }
    }
}

/// Which requests to list, and how. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words, in their order, in the names of what was asked for, of who asked and for which
    /// group, as they were then, in the reason and in the ticket.
    pub q: String,
    /// Only those in this state: `pending`, `approved`, `denied`, `cancelled`.
    pub state: Option<String>,
    /// Made by this user.
    pub requester: Option<UserId>,
    /// For this entitlement.
    pub entitlement: Option<EntitlementId>,
    /// Asked in an emergency, or not.
    pub emergency: Option<bool>,
    /// About this ticket, as it was written.
    pub ticket: Option<String>,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of requests has: the newest first, or the oldest.
pub const SORTS: &[&str] = &["-asked", "asked"];

/// One request with everything there is to know about it. Seen by who asked or benefits, by
/// whom it names or named to decide, and by those roles that see all requests.
pub async fn get(cx: &Cx, id: RequestId) -> Result<Detail, Error> {
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let request = store::get(&mut q, id).await?.ok_or(Error::NotFound)?;
    let relation = relation(&mut q, &request, user, cx.now).await?;
    cx.authorize(Verb::GetRequest, relation)?;
    let waiting = waiting(&mut q, &request, cx.now).await?;
    let grants = grants::of_request(&mut q, id).await?;
    let moments = grants::timeline(&mut q, &grants).await?;
    let mut may = may(cx, &mut q, &request, relation, &grants).await?;
    let last: Vec<_> = grants::current(&grants, cx.now)
        .cloned()
        .into_iter()
        .collect();
    let mut extensions = super::extensions(cx, &mut q, &last).await?;
    if !extensions.possible.is_empty() {
        may.push(Verb::ExtendGrant);
    }
    if emergency::may_raise(cx, &mut q, &request, relation).await? {
        may.push(Verb::RaiseRequest);
    }
    let raised_to = match request.state() {
        "cancelled" => store::raised_to(&mut q, id).await?.map(|it| it.id),
        _ => None,
    };
    let review = emergency::review_of(&mut q, &request).await?;
    let kept = match request.review_every {
        Some(_) => store::until::latest(&mut q, id).await?,
        None => None,
    };
    let may_comment = cx.authorize(Verb::CommentRequest, relation).is_ok();
    let extension = last.first().and_then(|it| extensions.asked.remove(&it.id));
    let extends = match request.extends {
        Some(id) => grants::several(&mut q, [id]).await?.remove(&id),
        None => None,
    };
    // Who is in the group today is told while that is about this request.
    let pending = matches!(request.rules.state, State::Pending { .. });
    let concerns = pending || grants.iter().any(grants::Grant::is_open);
    let members = match request.is_for_a_group() && concerns {
        true => Some(directory::members(&mut q, request.pair.principal).await?),
        false => None,
    };
    let decided = request
        .decisions
        .iter()
        .flat_map(|d| [Some(d.by), d.on_behalf_of]);
    let mut ids: BTreeSet<UserId> = decided.flatten().collect();
    let deciders: BTreeSet<UserId> = waiting.iter().flat_map(|w| w.who.iter().copied()).collect();
    ids.extend(
        waiting
            .iter()
            .flat_map(|w| w.on_behalf_of.values().copied()),
    );
    ids.extend(&deciders);
    let away = away(&mut q, deciders, cx.now).await?;
    if let State::Cancelled { by, .. } = request.rules.state {
        ids.insert(by);
    }
    for it in &request.rules.handed {
        ids.extend(it.from.into_iter().chain([it.to, it.by]));
    }
    let said = store::comments(&mut q, id).await?;
    let passed = store::moments::of(&mut q, id).await?;
    ids.extend(said.iter().map(|comment| comment.by));
    let names = names(&mut q, ids).await?;
    let line = lines(&mut q, vec![request])
        .await?
        .pop()
        .ok_or(Error::NotFound)?;
    Ok(Detail {
        steps: steps(&line.request, &names, &passed),
        timeline: timeline(&line, &names, said, passed, moments),
        waiting: waiting.map(|rules| WaitingFor {
            who: (rules.who.iter())
                .map(|id| Approver {
                    who: who(&names, *id),
                    on_behalf_of: rules.on_behalf_of.get(id).map(|id| who(&names, *id)),
                    away: away.get(id).cloned(),
                    handed: handed_to(&line.request, &names, *id).map(Box::new),
                })
                .collect(),
            rules,
        }),
        line,
        members,
        grants,
        extends,
        extension,
        raised_to,
        review,
        kept,
        may,
        may_comment,
    })
}

/// Requests the caller made or benefits from.
pub async fn mine(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Line>, Error> {
    cx.authorize(Verb::MyRequests, Relation::Own)?;
    let user = cx.person()?.id;
    listed(cx, Some(user), filter, paging).await
}

/// Everybody's requests.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Line>, Error> {
    cx.authorize(Verb::ListRequests, Relation::None)?;
    listed(cx, None, filter, paging).await
}

async fn listed(
    cx: &Cx,
    mine: Option<UserId>,
    filter: &Filter,
    paging: &Paging,
) -> Result<Page<Line>, Error> {
    match filter.state.as_deref() {
        Some("pending" | "approved" | "denied" | "cancelled") | None => {}
        Some(other) => return Err(Error::State(other.to_owned())),
    }
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let after = paging.after_in::<RequestId>(sort)?;
    let mut q = cx.read().await?;
    let rows = store::list(&mut q, mine, filter, sort, after, paging.fetch()).await?;
    let page = paging.page_in(sort, rows, |request| request.id);
    Ok(Page {
        items: lines(&mut q, page.items).await?,
        next: page.next,
    })
}

/// What waits for the caller's decision, oldest first: only what they could decide now.
pub async fn inbox(cx: &Cx, paging: &Paging) -> Result<Page<Line>, Error> {
    cx.authorize(Verb::Inbox, Relation::Own)?;
    let person = cx.person()?;
    let mut q = cx.read().await?;
    let mut rows = Vec::new();
    if cx
        .authorize(Verb::ApproveRequest, Relation::Involved)
        .is_ok()
    {
        let mut me = voter(&mut q, person.id).await?;
        let delegations = identity::delegated_to(&mut q, [person.id], cx.now).await?;
        let whose = [person.id].into_iter();
        let whose = whose.chain(delegations.iter().map(|it| it.user));
        let mut named = store::Named::default();
        for user in whose {
            let (connections, through_applications) = connections::owned_by(&mut q, user).await?;
            named.users.push(user);
            named
                .groups
                .extend(identity::groups_of(&mut q, user).await?);
            named.connections.extend(connections);
            named.through_applications.extend(through_applications);
            named
                .people
                .extend(identity::managed_by(&mut q, user).await?);
        }
        let within = benefiting(&mut q, person.id).await?;
        let fetch = usize::try_from(paging.fetch()).unwrap_or(usize::MAX);
        let mut after = paging.after::<RequestId>()?;
        // What names them may still not be theirs to decide (their own, decided before), so
        // that a page of names may give fewer rows: look on until the page is full.
        while rows.len() < fetch {
            let ids = store::waits_for(&mut q, &named, after, paging.fetch()).await?;
            let last = ids.len() < fetch;
            after = ids.last().copied();
            for request in store::several(&mut q, ids).await? {
                me.benefits = request.is_for_a_group() && within.contains(&request.pair.principal);
                let more = facts::current(&request).is_some_and(facts::asks_more)
                    || !request.rules.holders().is_empty();
                let may = if more || !delegations.is_empty() {
                    // One that cannot be looked at hides no other.
                    match decides(cx, &mut q, &request, &delegations).await {
                        Ok((approves, _)) => approves,
                        Err(Error::Db(error)) => return Err(Error::Db(error)),
                        Err(error) => {
                            tracing::warn!(request.id = %request.id, error = %error, "request.unreadable");
                            false
                        }
                    }
                } else {
                    let (people, now) = (People::default(), cx.now);
                    let asked = rules::Verb::Approve;
                    (request.rules.may_decide(&me, &people, asked, now)).is_ok()
                };
                if may {
                    rows.push(request);
                }
            }
            if last {
                break;
            }
        }
        rows.truncate(fetch);
    }
    page(&mut q, rows, paging).await
}

async fn page(
    q: &mut impl Query,
    rows: Vec<Request>,
    paging: &Paging,
) -> Result<Page<Line>, Error> {
    let page = paging.page(rows, |request| request.id);
    Ok(Page {
        items: lines(q, page.items).await?,
        next: page.next,
    })
}

/// Whom it waits for now: everybody the step names who is active and whose roles let them.
pub(super) async fn waiting(
    q: &mut impl Query,
    request: &Request,
    now: Time,
) -> Result<Option<Waiting>, Error> {
    let Some(step) = facts::current(request) else {
        return Ok(None);
    };
    let subject = facts::subject(q, request, None, now).await?;
    let people = facts::people(q, request, [step], &subject, None).await?;
    let both = [&step.approvers, &step.fallback];
    let named: BTreeSet<UserId> = (both.iter())
        .flat_map(|of| of.everybody(&people).into_keys())
        .chain(request.rules.holders())
        .collect();
    // Who decides for one of them may be named as well, and may decide for several; and of who
    // asked one may be the delegate.
    let mut who: BTreeSet<UserId> = named.intersection(&people.able).copied().collect();
    let by = identity::delegated_by(q, who.clone(), now).await?;
    who.extend(by.iter().map(|it| it.delegate));
    let to = identity::delegated_to(q, who.clone(), now).await?;
    let mut deciders: Vec<Decider> = Vec::new();
    for user in who {
        let mine: Vec<Delegation> = (to.iter())
            .filter(|it| it.delegate == user)
            .cloned()
            .collect();
        deciders.push(facts::decider(q, request, &subject, user, &mine).await?);
    }
    Ok(request.rules.waiting(&deciders, &people, now))
}

/// Whether the caller may approve it now, and whether they may deny it: of a part of a step that has
/// all it needs one may still say no.
async fn decides(
    cx: &Cx,
    q: &mut impl Query,
    request: &Request,
    delegations: &[Delegation],
) -> Result<(bool, bool), Error> {
    let Some(step) = facts::current(request) else {
        return Ok((false, false));
    };
    let user = cx.person()?.id;
    let only = facts::alone(request, user, delegations);
    let subject = facts::subject(q, request, only, cx.now).await?;
    let people = facts::people(q, request, [step], &subject, None).await?;
    let me = facts::decider(q, request, &subject, user, delegations).await?;
    let may = (request.rules).may_decide(&me, &people, rules::Verb::Approve, cx.now);
    let no = (request.rules).may_decide(&me, &people, rules::Verb::Deny, cx.now);
    Ok((may.is_ok(), no.is_ok()))
}

/// What the caller may do to it now.
async fn may(
    cx: &Cx,
    q: &mut impl Query,
    request: &Request,
    relation: Relation,
    grants: &[grants::Grant],
) -> Result<Vec<Verb>, Error> {
    let delegations = identity::delegated_to(q, [cx.person()?.id], cx.now).await?;
    let (approves, denies) = decides(cx, q, request, &delegations).await?;
    let pending = matches!(request.rules.state, State::Pending { .. });
    let open = grants.iter().any(grants::Grant::is_open);
    let could = [
        (Verb::ApproveRequest, approves),
        (Verb::DenyRequest, denies),
        (
            Verb::ReassignRequest,
            reassign::may(cx, request, relation, approves),
        ),
        (Verb::CancelRequest, pending),
        (Verb::ReturnRequest, open),
    ];
    Ok((could.into_iter())
        .filter(|(verb, now)| *now && cx.authorize(*verb, relation).is_ok())
        .map(|(verb, _)| verb)
        .collect())
}

/// The requests with the names of what and who they are about.
pub(super) async fn lines(q: &mut impl Query, requests: Vec<Request>) -> Result<Vec<Line>, Error> {
    let people = (requests.iter()).flat_map(|r| [r.requester(), r.beneficiary()]);
    let names = names(q, people.collect()).await?;
    let what: BTreeSet<EntitlementId> = requests.iter().map(Request::entitlement).collect();
    let entitlements = directory::entitlements_by_id(q, what).await?;
    let for_groups = requests.iter().filter(|it| it.is_for_a_group());
    let held_by: BTreeSet<PrincipalId> = for_groups.map(|it| it.pair.principal).collect();
    let groups = directory::principals_by_id(q, held_by).await?;
    let mut found = Vec::with_capacity(requests.len());
    for request in requests {
        let entitlement = entitlements.get(&request.entitlement()).cloned();
        found.push(Line {
            requester: who(&names, request.requester()),
            beneficiary: who(&names, request.beneficiary()),
            group: groups.get(&request.pair.principal).cloned(),
            entitlement: entitlement.ok_or(Error::NotFound)?,
            request,
        });
    }
    Ok(found)
}

pub(super) type Names = BTreeMap<UserId, Who>;

pub(super) async fn names(q: &mut impl Query, ids: BTreeSet<UserId>) -> Result<Names, Error> {
    let users = identity::users_by_id(q, ids).await?;
    Ok((users.into_values())
        .map(|user| {
            let who = Who {
                id: user.id,
                name: user.name,
                email: user.email,
            };
            (who.id, who)
        })
        .collect())
}

pub(super) fn who(names: &Names, id: UserId) -> Who {
    names.get(&id).cloned().unwrap_or_else(|| Who {
        id,
        name: id.to_string(),
        email: String::new(),
    })
}

pub(super) fn gave(names: &Names, decision: &Decision) -> Approver {
    Approver {
        who: who(names, decision.by),
        on_behalf_of: decision.on_behalf_of.map(|id| who(names, id)),
        away: None,
        handed: None,
    }
}

/// By what somebody has a place in the step it waits at, where it was handed to them.
fn handed_to(request: &Request, names: &Names, user: UserId) -> Option<HandedOn> {
    let it = request.rules.handed_to(user)?;
    let at = request.rules.handed.iter().position(|other| other == it)?;
    let (_, shown) = handed_on(request, names).into_iter().nth(at)?;
    Some(shown)
}

/// Which of these are away, until when, and who decides for them.
async fn away(
    q: &mut impl Query,
    ids: BTreeSet<UserId>,
    now: Time,
) -> Result<BTreeMap<UserId, (Time, Who)>, Error> {
    let all = identity::delegated_by(q, ids, now).await?;
    let names = names(q, all.iter().map(|it| it.delegate).collect()).await?;
    Ok((all.into_iter())
        .map(|it| (it.user, (it.ends_at, who(&names, it.delegate))))
        .collect())
}

/// The steps with how each stands; `passed` is what the clock did.
fn steps(request: &Request, names: &Names, passed: &[(Time, Passed)]) -> Vec<StepView> {
    let question = &request.rules.question;
    let handed = handed_on(request, names);
    // Where it moved, and how many were needed there beside that step's own.
    let moved: BTreeMap<usize, u32> = (passed.iter())
        .filter_map(|(_, passed)| match passed {
            Passed::Step { next, carried } => Some((*next, *carried)),
            _ => None,
        })
        .collect();
    let given = |index: usize| {
        let approvals = request.rules.state.approvals().iter();
        let given = approvals.filter(|a| a.step == index).count();
        let carried = moved.get(&index).copied().unwrap_or(0);
        let needed = question.step(index).map(|step| match step.wait {
            Some(_) => 0,
            None => step.total().saturating_add(carried),
        });
        needed.is_none_or(|n| usize::try_from(n).is_ok_and(|n| given >= n))
    };
    // Under which policy it waits, or was answered; and which step of the first led there: the first of
    // those whose deadline does that was not approved in time.
    let reached = match &request.rules.state {
        State::Pending { step, .. } | State::Denied { step, .. } => Some(*step),
        // Nobody may have approved where time had taken it.
        State::Approved { approvals, .. } | State::Cancelled { approvals, .. } => {
            let steps = approvals.iter().map(|a| a.step);
            steps.chain(moved.keys().copied()).max()
        }
    };
    let leg = reached.and_then(|step| question.leg(step));
    let other = leg.filter(|leg| leg.other.is_some());
    let own = question.outcome().steps();
    let left = other.and_then(|leg| leg.other).and_then(|other| {
        let leads = |step: &Step| {
            let then = step.deadline.map(|it| it.then);
            then == Some(Then::OtherPolicy(other.policy))
        };
        let mut leading = (0..own.len()).filter(|at| own.get(*at).is_some_and(leads));
        leading.find(|at| !given(*at))
    });
    let standing = |index: usize| match &request.rules.state {
        // What came behind the step that led away is not asked.
        _ if index < own.len() && left.is_some_and(|left| index > left) => Standing::Dropped,
        _ if left == Some(index) => Standing::MovedOn,
        State::Pending { step, .. } if index == *step => Standing::Now,
        State::Pending { step, .. } if index > *step => Standing::Later,
        State::Denied { step, .. } if index == *step => Standing::Denied,
        State::Denied { step, .. } if index > *step => Standing::Dropped,
        State::Cancelled { .. } if given(index) => Standing::Done,
        State::Cancelled { .. } if reached.is_some_and(|reached| index < reached) => {
            Standing::MovedOn
        }
        State::Cancelled { .. } => Standing::Dropped,
        State::Pending { .. } | State::Denied { .. } | State::Approved { .. } if given(index) => {
            Standing::Done
        }
        State::Pending { .. } | State::Denied { .. } | State::Approved { .. } => Standing::MovedOn,
    };
    let named = |policy: PolicyId| {
        let found = question.others.iter().find(|it| it.policy == policy);
        found.map(|it| it.name.clone())
    };
    let legs = question.legs().into_iter();
    let legs =
        legs.filter(|leg| leg.other.is_none() || Some(leg.first) == other.map(|it| it.first));
    legs.flat_map(|leg| (leg.first..).zip(leg.steps).map(move |it| (leg, it)))
        .map(|(leg, (index, step))| StepView {
            name: step.name.clone(),
            policy: leg.other.map(|it| it.name.clone()),
            deadline: step.deadline,
            leads_to: step
                .deadline
                .and_then(|it| it.then.policy())
                .and_then(named),
            needed: (step.total()).saturating_add(moved.get(&index).copied().unwrap_or(0)),
            standing: standing(index),
            handed: (handed.iter())
                .filter(|(step, _)| *step == index)
                .map(|(_, it)| it.clone())
                .collect(),
            decisions: (request.decisions.iter())
                .filter(|d| d.step == index)
                .map(|d| (gave(names, d), d.clone()))
                .collect(),
        })
        .collect()
}

/// The people behind explained steps.
pub(super) async fn approvers(
    cx: &Cx,
    steps: &[ExplainedStep],
    others: &[ExplainedOther],
) -> Result<Vec<Approver>, Error> {
    let steps = steps
        .iter()
        .chain(others.iter().flat_map(|other| &other.steps));
    let all = steps.flat_map(|step| {
        let approvers = step.approvers.iter().map(|approver| approver.user);
        approvers.chain(step.fallback.iter().copied())
    });
    let ids: BTreeSet<UserId> = all.collect();
    let mut q = cx.read().await?;
    let mut away = away(&mut q, ids.clone(), cx.now).await?;
    Ok((names(&mut q, ids).await?.into_values())
        .map(|who| Approver {
            away: away.remove(&who.id),
            on_behalf_of: None,
            handed: None,
            who,
        })
        .collect())
}
