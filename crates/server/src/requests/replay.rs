//! What a draft of a policy would have said to the requests of the last days, and what it would say
//! to one that is asked now.
//!
//! Nothing is written. People, groups and what AWS holds are as they are now; length, start and
//! hour are each request's own.

use std::collections::BTreeMap;

use stint_db::Query;
use stint_domain::condition::{Circumstances, Person, Scene, Thing};
use stint_domain::policy::{self as rules, Chooser, ExplainedOther, ExplainedStep, Outcome};
use stint_domain::policy::{Ask, LONGEST, Refusal, Tickets, Tried, Verdict, trimmed};
use stint_domain::policy::{PolicyBody, Route};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, PolicyId, RequestId, Span, Time, UserId};
use tokio::sync::Semaphore;

use super::facts::{self, Weighed};
use super::store::{self, Replayed};
use super::{Error, read, step_up};
use crate::cx::Cx;
use crate::directory::{self, Entitlement};
use crate::policies::{self, NewVersion};
use crate::{catalog, identity};

pub(super) mod http;
pub(crate) mod pages;

/// How many days back at most.
pub const MOST_DAYS: i64 = 366;
/// How many of the requests that would be answered otherwise are named.
pub const MOST_CHANGED: usize = 200;
/// How many requests are looked at at most, the newest first.
pub const MOST_REQUESTS: usize = 100_000;
/// How many are read at once.
const BATCH: i64 = 2_000;
/// One at a time, of each process: it takes seconds of a processor.
static TURN: Semaphore = Semaphore::const_new(1);

/// What a draft would have said.
#[derive(Debug, Clone)]
pub struct Replay {
    /// How many requests were asked under the policy in that time, as far as looked at.
    pub requests: usize,
    /// Whether there were more than are looked at.
    pub more: bool,
    /// How many of them it would answer otherwise.
    pub changed: usize,
    /// How many it would leave as they were answered.
    pub same: usize,
    /// To how many each rule of the draft would apply, in their order. A rule that applies to none
    /// is worth a second look.
    pub rules: Vec<(String, usize)>,
    /// To how many none would.
    pub otherwise: usize,
    /// To how many a rule could not be asked: they would be refused.
    pub unanswered: usize,
    /// The newest of those it would answer otherwise.
    pub examples: Vec<Changed>,
}

/// A request that a draft would answer otherwise.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Which.
    pub request: RequestId,
    /// Who asked.
    pub requester: read::Who,
    /// For what.
    pub what: String,
    /// For how long.
    pub duration: Span,
    /// How often it is asked whether it is still needed, where it was asked for until it is revoked.
    pub review_every: Option<Span>,
    /// When.
    pub asked_at: Time,
    /// What the version pinned on it says.
    pub before: Answered,
    /// What the draft says.
    pub after: Answered,
}

/// What a policy says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The rule that applies, if one does.
    pub rule: Option<String>,
    /// What it says.
    pub way: Way,
    /// When the password is wanted again, as far as anybody asks or approves then.
    pub password: rules::StepUp,
    /// How often it would be asked whether it is still needed, where it was asked for until it is revoked.
    pub every: Option<Span>,
    /// Whether it says so in the same words as before, and yet asks other people, or at other times.
    pub elsewise: bool,
}

/// How the answer would come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// At once, by nobody.
    AtOnce,
    /// By these steps: how many people each needs.
    Steps(Vec<(String, u32)>),
    /// Not at all, and why.
    Refused(String),
}

impl Answered {
    /// In a line.
    pub fn words(&self) -> String {
        let way = match &self.way {
            Way::AtOnce => "approved at once".to_owned(),
            Way::Steps(steps) => {
                let steps: Vec<_> = (steps.iter())
                    .map(|(name, needed)| match needed {
                        0 => format!("{name} (waits)"),
                        n => format!("{n} of {name}"),
                    })
                    .collect();
                let steps = steps.join(", then ");
                match self.elsewise {
                    true => format!("{steps}, but other people or times"),
                    false => steps,
                }
            }
            Way::Refused(why) => format!("refused: {}", why.trim_end_matches('.')),
        };
        // Of what is refused nobody is asked for one.
        let way = match (&self.way, step_up::said(self.password)) {
            (Way::AtOnce | Way::Steps(_), Some(when)) => format!("{way}, with the password {when}"),
            (Way::Refused(_), _) | (_, None) => way,
        };
        let way = match self.every {
            Some(every) => format!("{way}, reviewed every {every}"),
            None => way,
        };
        match &self.rule {
            Some(rule) => format!("{way} (rule “{rule}”)"),
            None => way,
        }
    }
}

/// What was known of people and things, so that each is looked up once.
#[derive(Default)]
struct Known {
    people: BTreeMap<UserId, Person>,
    things: BTreeMap<EntitlementId, Option<(Entitlement, Thing)>>,
    pinned: BTreeMap<stint_domain::PolicyVersionId, PolicyBody>,
}

/// What a draft would have said to the requests asked under this policy in the last days, any version
/// of it. Nothing is written.
///
/// Fails where the draft could not be saved.
pub async fn replay(
    cx: &Cx,
    policy: PolicyId,
    draft: PolicyBody,
    days: i64,
) -> Result<Replay, Error> {
    cx.authorize(Verb::ReplayPolicy, Relation::Others)?;
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Error::Days);
    }
    let turn = TURN.acquire().await.map_err(|_| Error::Stopped)?;
    let mut q = cx.read().await?;
    policies::current(&mut q, policy)
        .await?
        .ok_or(Error::NotFound)?;
    let new = NewVersion {
        body: draft,
        note: String::new(),
    };
    (policies::check(&mut q, Some(policy), &new).await).map_err(Error::Draft)?;
    let mut tally = Tally::of(new.body)?;
    for (id, version) in policies::currents(&mut q, tally.draft.others()).await? {
        let chooser = Chooser::of(&version.body).map_err(Error::Scene)?;
        tally.others.insert(id, (version.body, chooser));
    }
    let versions = policies::version_ids(&mut q, policy).await?;
    let since = cx.now - Span::hours(24 * days);
    let mut after = None;
    loop {
        let mut rows = store::asked_under(&mut q, &versions, since, after, BATCH).await?;
        let last = rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        after = rows.last().map(|row| row.id);
        tally.known.look_up(&mut q, &rows).await?;
        let room = MOST_REQUESTS - tally.out.requests;
        tally.out.more = rows.len() > room;
        rows.truncate(room);
        // Much of this would keep others waiting.
        let counted = tokio::task::spawn_blocking(move || {
            tally.count(rows);
            tally
        });
        tally = counted.await.map_err(|_| Error::Stopped)?;
        if last || tally.out.more {
            break;
        }
    }
    drop(turn);
    let Tally {
        known,
        mut out,
        named,
        ..
    } = tally;
    let people = named.iter().map(|(row, ..)| row.requester).collect();
    let names = read::names(&mut q, people).await?;
    out.examples = (named.into_iter())
        .map(|(row, before, after)| Changed {
            request: row.id,
            requester: read::who(&names, row.requester),
            what: known.name(row.entitlement),
            duration: row.duration,
            review_every: row.review_every,
            asked_at: row.submitted_at,
            before,
            after,
        })
        .collect();
    Ok(out)
}

/// A replay as far as it got.
struct Tally {
    draft: PolicyBody,
    chooser: Chooser,
    /// To which deadlines of the draft lead.
    others: BTreeMap<PolicyId, (PolicyBody, Chooser)>,
    known: Known,
    tickets: Tickets,
    out: Replay,
    /// The newest that change, with what was and what would be answered.
    named: Vec<(Replayed, Answered, Answered)>,
}

impl Tally {
    fn of(draft: PolicyBody) -> Result<Self, Error> {
        let out = Replay {
            requests: 0,
            more: false,
            changed: 0,
            same: 0,
            rules: draft.rules.iter().map(|it| (it.name.clone(), 0)).collect(),
            otherwise: 0,
            unanswered: 0,
            examples: Vec::new(),
        };
        Ok(Self {
            chooser: Chooser::of(&draft).map_err(Error::Scene)?,
            draft,
            others: BTreeMap::new(),
            known: Known::default(),
            tickets: Tickets::default(),
            out,
            named: Vec::new(),
        })
    }

    fn count(&mut self, rows: Vec<Replayed>) {
        for row in rows {
            self.out.requests += 1;
            let found = self.known.chosen(&self.draft, &self.chooser, &row);
            match &found {
                Ok(Some(rule)) => {
                    if let Some((_, count)) = self.out.rules.get_mut(*rule) {
                        *count += 1;
                    }
                }
                Ok(None) => self.out.otherwise += 1,
                Err(_) => self.out.unanswered += 1,
            }
            let then = self.known.pinned.get(&row.version);
            let then = then.map(|body| body.outcome(row.rule));
            let before = (then.as_ref()).map(|it| said(it, &mut self.tickets, &row));
            let after = match found {
                Ok(rule) => {
                    let now = self.draft.outcome(rule);
                    let mut after = said(&now, &mut self.tickets, &row);
                    // Of steps counts what they ask of whom and when, whatever they are called.
                    if let (Some(then), Some(before)) = (&then, &before)
                        && matches!((&before.way, &after.way), (Way::Steps(_), Way::Steps(_)))
                    {
                        match now.asks_as(then) {
                            true => after.way = before.way.clone(),
                            false => after.elsewise = before.way == after.way,
                        }
                    }
                    if let Some(why) = self.beyond(&now, &row) {
                        after.way = Way::Refused(why);
                    }
                    after
                }
                Err(why) => Answered {
                    rule: None,
                    way: Way::Refused(why),
                    password: rules::StepUp::No,
                    every: None,
                    elsewise: false,
                },
            };
            // A rule by another name that says the same changes nothing.
            let same = |before: &Answered| {
                (&before.way, before.password, before.every)
                    == (&after.way, after.password, after.every)
                    && !after.elsewise
            };
            if before.as_ref().is_some_and(same) {
                self.out.same += 1;
                continue;
            }
            self.out.changed += 1;
            if let Some(before) = before.filter(|_| self.named.len() < MOST_CHANGED) {
                self.named.push((row, before, after));
            }
        }
    }
}

impl Replayed {
    /// Whether it was asked for until it is revoked: its duration counts as the longest there is.
    const fn until_revoked(&self) -> bool {
        self.review_every.is_some()
    }
}

impl Tally {
    /// Why it would be refused because of a policy to which a deadline leads.
    fn beyond(&self, outcome: &Outcome<'_>, row: &Replayed) -> Option<String> {
        let refused = match row.until_revoked() {
            true => outcome.until_revoked.is_none(),
            false => row.duration > outcome.longest(None),
        };
        if outcome.steps().is_empty() || refused {
            return None;
        }
        rules::others(outcome.steps()).into_iter().find_map(|id| {
            let (body, chooser) = self.others.get(&id)?;
            let there = match self.known.chosen(body, chooser, row) {
                Ok(rule) => body.outcome(rule),
                Err(why) => return Some(why),
            };
            if !matches!(there.route, Route::Steps(_)) {
                return None;
            }
            if row.until_revoked() {
                let never = there.until_revoked.is_none();
                return never.then(|| {
                    "it may not be had until it is revoked where a deadline leads".to_owned()
                });
            }
            let longest = there.max_duration;
            (row.duration > longest).then(|| {
                format!(
                    "{} is longer than the {longest} allowed where a deadline leads",
                    row.duration
                )
            })
        })
    }
}

/// What an outcome says to a request, its people apart.
fn said(outcome: &Outcome<'_>, tickets: &mut Tickets, row: &Replayed) -> Answered {
    let longest = outcome.longest(None);
    let way = match outcome.route {
        Route::AutoDeny(message) => Way::Refused(message.clone()),
        _ if row.until_revoked() && outcome.until_revoked.is_none() => {
            Way::Refused("it may not be had until it is revoked".to_owned())
        }
        _ if !row.until_revoked() && row.duration > longest => Way::Refused(format!(
            "{} is longer than the {longest} allowed",
            row.duration
        )),
        _ if !tickets.would_do(&outcome.ticket, row.ticket.as_deref()) => {
            Way::Refused(match &row.ticket {
                None => "it has no ticket".to_owned(),
                Some(ticket) => format!("the ticket {ticket} does not match"),
            })
        }
        Route::AutoApprove => Way::AtOnce,
        Route::Steps(steps) => Way::Steps(
            (steps.iter())
                .map(|step| (step.name.clone(), step.total()))
                .collect(),
        ),
    };
    // Of what is refused nobody is asked for a password, and of what nobody approves no approver.
    let password = match &way {
        Way::Refused(_) => rules::StepUp::No,
        Way::AtOnce if outcome.step_up.at_asking() => rules::StepUp::Asking,
        Way::AtOnce => rules::StepUp::No,
        Way::Steps(_) => outcome.step_up,
    };
    Answered {
        rule: outcome.rule.map(|rule| rule.name.clone()),
        every: match way {
            Way::Refused(_) => None,
            _ => outcome.until_revoked.filter(|_| row.until_revoked()),
        },
        way,
        password,
        elsewise: false,
    }
}

impl Known {
    /// Looks up what these are about.
    async fn look_up(&mut self, q: &mut impl Query, rows: &[Replayed]) -> Result<(), Error> {
        let missing = |id: &UserId| !self.people.contains_key(id);
        let people = rows.iter().flat_map(|it| [it.requester, it.beneficiary]);
        let wanted: Vec<UserId> = people.filter(missing).collect();
        let found = identity::persons(q, wanted).await?;
        let managers = found.values().filter_map(|it| it.manager);
        let managers: Vec<UserId> = managers
            .filter(|id| !self.people.contains_key(id) && !found.contains_key(id))
            .collect();
        self.people.extend(found);
        self.people.extend(identity::persons(q, managers).await?);
        let things = rows.iter().map(|it| it.entitlement);
        let wanted: std::collections::BTreeSet<EntitlementId> =
            things.filter(|id| !self.things.contains_key(id)).collect();
        let mut found = directory::entitlements_by_id(q, wanted.iter().copied()).await?;
        for id in wanted {
            let described = match found.remove(&id) {
                Some(it) => directory::described(q, &it).await?.map(|thing| (it, thing)),
                None => None,
            };
            self.things.insert(id, described);
        }
        let versions = rows.iter().map(|it| it.version);
        let wanted: Vec<_> = versions
            .filter(|id| !self.pinned.contains_key(id))
            .collect();
        for (id, version) in policies::versions_by_id(q, wanted).await? {
            self.pinned.insert(id, version.body);
        }
        Ok(())
    }

    fn name(&self, id: EntitlementId) -> String {
        let found = self.things.get(&id).and_then(Option::as_ref);
        found.map_or_else(|| id.to_string(), |(it, _)| it.name.clone())
    }

    /// Which rule of the draft applies; why it cannot be told.
    fn chosen(
        &self,
        draft: &PolicyBody,
        chooser: &Chooser,
        row: &Replayed,
    ) -> Result<Option<usize>, String> {
        if draft.rules.is_empty() {
            return Ok(None);
        }
        let person = |id| self.people.get(&id).ok_or("somebody it is about is gone");
        let (requester, beneficiary) = (person(row.requester)?, person(row.beneficiary)?);
        let thing = self.things.get(&row.entitlement).and_then(Option::as_ref);
        let (_, thing) = thing.ok_or("what was asked for is gone")?;
        let managers = [requester.manager, beneficiary.manager]
            .into_iter()
            .flatten();
        let others: Vec<Person> = managers
            .filter(|id| *id != row.requester && *id != row.beneficiary)
            .filter_map(|id| self.people.get(&id).cloned())
            .collect();
        let how = Circumstances {
            duration: match row.until_revoked() {
                true => LONGEST,
                false => row.duration,
            },
            start: row.start,
            for_group: row.for_group,
            now: row.submitted_at,
            zone: draft.zone.clone(),
        };
        let scene = Scene::new(requester, beneficiary, &others, thing, &how)?;
        chooser.choose(&scene).map_err(|(at, why)| {
            let name = draft.rules.get(at).map_or("", |rule| rule.name.as_str());
            format!("rule “{name}” could not be asked: {why}")
        })
    }
}

/// Somebody's question, as if it was asked now.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// Who would ask, for themselves.
    pub user: UserId,
    /// For what.
    pub entitlement: EntitlementId,
    /// For how long; as long as allowed when absent.
    pub duration: Option<Span>,
    /// Whether until it is revoked, instead of for a time.
    pub until_revoked: bool,
    /// From when; at once when absent.
    pub start: Option<Time>,
    /// Why; not judged when absent.
    pub reason: Option<String>,
    /// The ticket it is about; not judged when absent.
    pub ticket: Option<String>,
    /// The policy it would be asked under; the entitlement's own when absent.
    pub policy: Option<PolicyId>,
    /// A draft in its place.
    pub draft: Option<PolicyBody>,
}

/// What would happen.
#[derive(Debug, Clone)]
pub struct DryRunFound {
    /// What it is about.
    pub entitlement: Entitlement,
    /// Whether they could ask for it at all: it is in a catalog of theirs, with a policy.
    pub offered: bool,
    /// The rule that applies, if one does.
    pub rule: Option<String>,
    /// What was found of the rules, in their order, up to the one that applies.
    pub tried: Vec<Tried>,
    /// Whether it would be approved at once.
    pub auto: bool,
    /// Who would have to approve, and which of them could not.
    pub steps: Vec<ExplainedStep>,
    /// What would happen under the policies to which deadlines of these steps lead.
    pub others: Vec<ExplainedOther>,
    /// Why it could not be asked like this; empty where it could.
    pub refusals: Vec<Refusal>,
    /// The longest it could be asked for.
    pub longest: Span,
    /// When people would have to give their password again.
    pub step_up: rules::StepUp,
    /// How often it would be asked whether it is still needed, were it asked for until it is revoked;
    /// nothing where that may not be. Under another policy than its own its time limit counts as off.
    pub until_revoked: Option<Span>,
}

/// What would happen if somebody asked for something now. Nothing is asked, and nobody is told.
///
/// Fails where there is no policy to judge it by, or the draft could not be saved.
pub async fn dry_run(cx: &Cx, ask: DryRun) -> Result<DryRunFound, Error> {
    cx.authorize(Verb::DryRun, Relation::Others)?;
    let mut q = cx.read().await?;
    let who = identity::user(&mut q, ask.user).await?;
    who.filter(|it| it.active).ok_or(Error::NotFound)?;
    let offer = catalog::requestable(&mut q, ask.user, ask.entitlement).await?;
    let (offered, own) = (
        offer.is_some(),
        offer.as_ref().and_then(|it| it.entitlement_max),
    );
    let entitlement = directory::entitlement(&mut q, ask.entitlement).await?;
    let entitlement = entitlement.ok_or(Error::NotFound)?;
    let another = ask.draft.is_some() || ask.policy.is_some();
    let no_limit = another || offer.as_ref().is_some_and(|it| it.until_revoked);
    let body = match (ask.draft, ask.policy) {
        (Some(body), own) => {
            let new = NewVersion {
                body,
                note: String::new(),
            };
            (policies::check(&mut q, own, &new).await).map_err(Error::Draft)?;
            new.body
        }
        (None, Some(id)) => {
            let found = policies::current(&mut q, id).await?;
            found.ok_or(Error::NotFound)?.body
        }
        (None, None) => match offer {
            Some(offer) => offer.policy.body,
            None => return Err(Error::NoPolicy),
        },
    };
    let question = Ask {
        requester: ask.user,
        beneficiary: ask.user,
        members: Default::default(),
        duration: match ask.until_revoked {
            true => LONGEST,
            false => ask.duration.unwrap_or_else(|| {
                own.map_or_else(|| body.longest(), |own| own.min(body.longest()))
            }),
        },
        until_revoked: ask.until_revoked,
        start: ask.start,
        reason: ask.reason.clone().unwrap_or_default(),
        ticket: trimmed(ask.ticket.as_deref()).map(str::to_owned),
        entitlement_max: own,
        entitlement_until_revoked: no_limit,
    };
    let Weighed {
        chosen,
        body,
        people,
        explained,
        ..
    } = facts::weigh(
        cx,
        &mut q,
        &entitlement,
        &body,
        &question,
        false,
        Vec::new(),
    )
    .await?;
    let outcome = body.outcome(chosen.rule);
    let mut refusals = match (
        &chosen.unanswered,
        outcome.evaluate(&question, &people, cx.now),
    ) {
        (Some(why), _) => vec![why.clone()],
        (None, Verdict::Refused(why)) => (why.into_iter())
            .filter(|why| match why {
                Refusal::ReasonRequired => ask.reason.is_some(),
                Refusal::TicketRequired { .. } => ask.ticket.is_some(),
                Refusal::DurationOverPolicy { .. } => ask.duration.is_some(),
                _ => true,
            })
            .collect(),
        (None, Verdict::AutoApproved | Verdict::NeedsSteps(_)) => Vec::new(),
    };
    if body.emergency.is_some() && ask.start.is_some() {
        refusals.push(Refusal::StartInEmergency);
    }
    Ok(DryRunFound {
        offered,
        rule: outcome.rule.map(|rule| rule.name.clone()),
        auto: *outcome.route == rules::Route::AutoApprove,
        steps: match chosen.unanswered {
            None => outcome.explain(&question, &people),
            Some(_) => Vec::new(),
        },
        others: match chosen.unanswered {
            None => explained,
            Some(_) => Vec::new(),
        },
        tried: chosen.tried,
        refusals,
        longest: outcome.longest(own),
        step_up: outcome.step_up,
        until_revoked: outcome.until_revoked.filter(|_| no_limit),
        entitlement,
    })
}
