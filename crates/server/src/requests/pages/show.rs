//! One request: its chain, everything that happened, what was done in AWS, and what the
//! person who looks may do about it.

use axum::response::Response;
use http::StatusCode;
use stint_domain::grant::{GrantState, Remains};
use stint_domain::policy::Then;
use stint_domain::request::State;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{RequestId, Time};

use super::super::read::{Approver, Standing, StepView};
use super::super::timeline::{Happening, What};
use super::super::{Detail, Request, get};
use super::inbox::{self, Wrong, decide_form};
use super::{AskOnce, emergency, extend, href, reassign, sentence, state_chip, step_up, view};
use crate::connections::{self, Connection};
use crate::cx::Cx;
use crate::directory::{self, Member};
use crate::grants::{self, Grant, Origin};
use crate::http::{Failure, Path};
use crate::web::time::{day, exact};
use crate::web::{
    self, Area, Chain, ChainLink, Copyable, Deed, Fact, Facts, Frame, Moment, Note, Stage,
    Timeline, When,
};

/// Seconds between two looks: while something is in motion in AWS, while somebody is to
/// decide, and otherwise.
const MOVING: u32 = 2;
const WAITING: u32 = 5;
const RESTING: u32 = 30;
/// How many people a request waits for are named.
const NAMED: usize = 6;
/// How many members of the group a request is for are named.
const MEMBERS: usize = 50;

pub(super) async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
) -> Result<Response, Failure> {
    page(&cx, &frame, id, StatusCode::OK, None).await
}

/// The page; `wrong` is a decision that was refused, with its mistakes.
pub(super) async fn page(
    cx: &Cx,
    frame: &Frame,
    id: RequestId,
    status: StatusCode,
    wrong: Option<&Wrong>,
) -> Result<Response, Failure> {
    let found = get(cx, id).await?;
    let request = &found.line.request;
    let now = cx.now;
    let grant = grants::current(&found.grants, now);
    let mut q = cx.read().await?;
    let connection = connections::connection(&mut q, request.pair.connection).await?;
    let principal = directory::principal(&mut q, request.pair.principal).await?;
    let allows = directory::set_facts(&mut q, &found.line.entitlement).await?;
    let may = |verb: Verb| found.may.contains(&verb);
    let decides = may(Verb::ApproveRequest) || may(Verb::DenyRequest);
    let unproved = decides && step_up::is_missing(cx, &mut q).await?;
    let context = match decides {
        true => Some(inbox::context(&mut q, &found.line, cx).await?),
        false => None,
    };
    let in_aws =
        (principal.as_ref()).map(|it| format!("{} {}", directory::kind_words(it.kind), it.name));
    let principal = principal.map_or_else(
        || "a principal".to_owned(),
        |found| directory::called(&found),
    );
    let removes = format!(
        "Stint takes {} away from {principal} in AWS now. Sessions that are open already last until their own end.",
        found.line.entitlement.name
    );
    let view = view::Show {
        path: href(id),
        id: Copyable::new(id.to_string(), "the request's id"),
        what: found.line.entitlement.name.clone(),
        chip: grant.map_or_else(|| state_chip(&found.line), |grant| grants::chip(grant, now)),
        emergency: request.emergency().map(|_| web::Chip::emergency()),
        raise: emergency::raise_href(&found),
        reassign: reassign::place(&found)
            .filter(|_| !decides || reassign::by_approver(request).is_none()),
        left: grant.and_then(|grant| grants::time_left(grant, now)),
        policy: format!("policy {}", request.policy_words()),
        chain: chain(&found, grant, now),
        notes: notes(&found, grant, now),
        timeline: timeline(&found),
        facts: Facts {
            facts: facts(
                &found,
                in_aws.as_deref().unwrap_or(&principal),
                connection.as_ref(),
                allows,
                cx,
            ),
        },
        context,
        decide: decides.then(|| decide_form(request, &href(id), wrong, unproved)),
        cancel: may(Verb::CancelRequest).then(|| AskOnce {
            action: format!("{}/cancel", href(id)),
            says: "Nobody is asked any more. Nothing was changed in AWS, and nothing will be."
                .to_owned(),
        }),
        comment: found.may_comment.then(|| {
            let own = cx.actor.user() == Some(request.requester());
            (format!("{}/comments", href(id)), !own)
        }),
        again: again(&found, cx),
        extend: match may(Verb::ExtendGrant) {
            true => extend::form(cx, &mut q, &found).await?,
            false => None,
        },
        give_back: may(Verb::ReturnRequest).then(|| AskOnce {
            action: format!("{}/return", href(id)),
            says: removes,
        }),
        revoke: grant
            .filter(|grant| grant.is_open() && !may(Verb::ReturnRequest))
            .filter(|_| cx.authorize(Verb::RevokeGrant, Relation::Others).is_ok())
            .map(|grant| {
                let what = &found.line.entitlement.name;
                grants::revoke_form(cx, grant, what, &principal, &href(id))
            }),
        poll: poll(request, grant, now, decides),
    };
    let frame = if decides {
        frame.clone().under(Area::Approvals)
    } else {
        frame.clone()
    };
    Ok(web::page_with(status, &frame, &view.what, &view))
}

/// Where whoever asked asks for the same again, once this one gives nothing any more.
fn again(found: &Detail, cx: &Cx) -> Option<String> {
    let request = &found.line.request;
    let own = cx.actor.user() == Some(request.requester());
    let pending = matches!(request.rules.state, State::Pending { .. });
    let gives = found.grants.iter().any(Grant::is_open);
    (own && !pending && !gives)
        .then(|| format!("/request/{}?again={}", request.entitlement(), request.id))
}

/// When to look again: soon while something moves, never where somebody is typing a
/// decision or all is over.
fn poll(request: &Request, grant: Option<&Grant>, now: Time, decides: bool) -> Option<u32> {
    if decides {
        return None;
    }
    match (grant.map(|grant| grant.status(now)), &request.rules.state) {
        (Some(GrantState::Provisioning | GrantState::Ending), _) => Some(MOVING),
        (Some(GrantState::Failed), _) if grant.is_some_and(|g| g.window.ended.is_none()) => {
            Some(WAITING)
        }
        (Some(GrantState::Ended | GrantState::Failed), _) => None,
        (None, State::Pending { .. }) => Some(WAITING),
        (Some(_), _) => Some(RESTING),
        (None, _) => None,
    }
}

// ---- the chain

fn chain(found: &Detail, grant: Option<&Grant>, now: Time) -> Chain {
    let request = &found.line.request;
    let asked = request.submitted_at();
    let mut links = vec![ChainLink {
        stage: Stage::Done,
        title: "Asked".to_owned(),
        who: found.line.who_asked(),
        detail: said(asked, &request.reason, now),
    }];
    if found.steps.is_empty() {
        links.push(ChainLink {
            stage: Stage::Done,
            title: "Approved".to_owned(),
            who: "by the policy".to_owned(),
            detail: "nobody had to decide".to_owned(),
        });
    }
    links.extend(found.steps.iter().map(|step| step_link(step, found, now)));
    if let State::Cancelled { at, .. } = &request.rules.state {
        links.push(ChainLink {
            stage: Stage::Stopped,
            title: "Cancelled".to_owned(),
            who: String::new(),
            detail: short(*at, now),
        });
    } else if !matches!(request.rules.state, State::Denied { .. }) {
        links.extend(access_links(request, grant, now));
    }
    Chain { links }
}

fn step_link(step: &StepView, found: &Detail, now: Time) -> ChainLink {
    let deciders: Vec<String> = (step.decisions.iter())
        .map(|(who, _)| who.words())
        .collect();
    let last = step.decisions.last();
    let waiting = found
        .waiting
        .as_ref()
        .filter(|_| step.standing == Standing::Now);
    let stuck = waiting.is_some_and(|waiting| waiting.rules.stuck());
    ChainLink {
        stage: match step.standing {
            Standing::Done | Standing::MovedOn => Stage::Done,
            Standing::Now => Stage::Now,
            Standing::Later | Standing::Dropped => Stage::Later,
            Standing::Denied => Stage::Stopped,
        },
        title: {
            let title = sentence(&super::step_words(step.needed, &step.name));
            let under = step.policy.as_ref().map(|it| format!(", under “{it}”"));
            format!(
                "{}{}",
                title.trim_end_matches('.'),
                under.unwrap_or_default()
            )
        },
        who: match waiting {
            Some(waiting) if deciders.is_empty() => names(&waiting.who),
            Some(waiting) => format!("{}; next: {}", deciders.join(", "), names(&waiting.who)),
            None => deciders.join(", "),
        },
        detail: match (last, step.standing) {
            (Some((_, decision)), _) => said(decision.at, &decision.comment, now),
            (None, Standing::Now) if stuck => "nobody can decide: see below".to_owned(),
            (None, Standing::Now) => {
                let until = waiting.and_then(|waiting| waiting.rules.until);
                until.map_or_else(
                    || "waiting".to_owned(),
                    |at| format!("waiting, until {}{}", short(at, now), then(step)),
                )
            }
            (None, Standing::MovedOn) => "nobody decided in time: it moved on".to_owned(),
            (None, Standing::Dropped) => "not asked".to_owned(),
            (None, _) => String::new(),
        },
    }
}

/// What happens to a step when its time is over.
fn then(step: &StepView) -> String {
    match (step.deadline.map(|it| it.then), &step.leads_to) {
        (Some(_), Some(name)) => format!(", then on under “{name}”"),
        (Some(Then::Deny), None) => ", then denied".to_owned(),
        (Some(Then::NextStep | Then::OtherPolicy(_)), None) => ", then it moves on".to_owned(),
        (None, _) => String::new(),
    }
}

fn names(people: &[Approver]) -> String {
    let mut out: Vec<String> = people.iter().take(NAMED).map(Approver::words).collect();
    if people.len() > NAMED {
        out.push(format!("{} more", people.len() - NAMED));
    }
    out.join(", ")
}

/// In AWS, and the end.
fn access_links(request: &Request, grant: Option<&Grant>, now: Time) -> [ChainLink; 2] {
    let link = |stage, title: &str, who: String, detail: String| ChainLink {
        stage,
        title: title.to_owned(),
        who,
        detail,
    };
    let Some(grant) = grant else {
        return [
            link(
                Stage::Later,
                "In AWS",
                "after approval".to_owned(),
                String::new(),
            ),
            link(
                Stage::Later,
                "Ends",
                request.how_long(),
                "after it is confirmed".to_owned(),
            ),
        ];
    };
    let state = grant.status(now);
    let ended = grant.window.ended.as_ref();
    let aws = match (grant.window.confirmed_at, state) {
        (Some(at), _) => link(
            Stage::Done,
            "In AWS",
            "confirmed".to_owned(),
            short(at, now),
        ),
        (None, GrantState::Active | GrantState::Interrupted) => link(
            Stage::Done,
            "In AWS",
            "went on".to_owned(),
            short(grant.start, now),
        ),
        (None, GrantState::Scheduled) => link(
            Stage::Now,
            "In AWS",
            "starts".to_owned(),
            short(grant.start, now),
        ),
        (None, GrantState::Provisioning) => link(
            Stage::Now,
            "In AWS",
            "being set up".to_owned(),
            String::new(),
        ),
        (None, _) => link(
            Stage::Stopped,
            "In AWS",
            "never confirmed".to_owned(),
            String::new(),
        ),
    };
    let end = match (state, ended, grant.end()) {
        (_, Some(ended), _) => link(
            Stage::Done,
            "Ended",
            remains(ended.remains).to_owned(),
            short(ended.at, now),
        ),
        (GrantState::Stuck, ..) => link(
            Stage::Stopped,
            "Ends",
            "AWS refuses the removal".to_owned(),
            String::new(),
        ),
        (GrantState::Ending | GrantState::Failed, _, end) => link(
            Stage::Now,
            "Ends",
            "being removed in AWS".to_owned(),
            end.map(|end| short(end, now)).unwrap_or_default(),
        ),
        (_, _, None) => link(
            Stage::Later,
            "Ends",
            "when revoked".to_owned(),
            String::new(),
        ),
        (GrantState::Active | GrantState::Interrupted, _, Some(end))
            if let Some(review) = grant.review_at() =>
        {
            let (asked, end) = (review <= now, grant.lasts_until().unwrap_or(end));
            link(
                Stage::Now,
                "Ends",
                "when revoked".to_owned(),
                match asked {
                    true => format!("or on {}, unless it is kept", day(end)),
                    false => format!("reviewed {}", day(review)),
                },
            )
        }
        (GrantState::Active | GrantState::Interrupted, _, Some(end)) => link(
            Stage::Now,
            "Ends",
            short(end, now),
            web::time::relative(end, now),
        ),
        (_, _, Some(end)) => link(
            Stage::Later,
            "Ends",
            request.how_long(),
            format!("at the latest {}", short(end, now)),
        ),
    };
    [aws, end]
}

/// What became of the access of a grant that has ended.
const fn remains(remains: Remains) -> &'static str {
    match remains {
        Remains::Removed => "gone, read back from AWS",
        Remains::Nothing => "nothing was there to remove",
        Remains::AnotherGrant => "another grant holds the access",
        Remains::Standing => "it stood before and stays",
        Remains::TakenAway => "it was taken away in AWS",
    }
}

/// `14:12 UTC`, with the day when it is another.
fn short(at: Time, now: Time) -> String {
    When::short(at, now).text().to_owned()
}

/// `14:12 UTC, “go”`
fn said(at: Time, comment: &str, now: Time) -> String {
    if comment.is_empty() {
        short(at, now)
    } else {
        format!("{}, “{}”", short(at, now), super::short(comment))
    }
}

// ---- what to know

fn notes(found: &Detail, grant: Option<&Grant>, now: Time) -> Vec<Note> {
    let mut notes = emergency::notes(found);
    notes.extend(super::apart::notes(&found.line.request.conflicts));
    if found
        .waiting
        .as_ref()
        .is_some_and(|waiting| waiting.rules.stuck())
    {
        notes.push(Note::warning(
            "Fewer people than needed can decide about this now. A Policy Admin can add somebody to the group that decides; or cancel it and ask again.",
        ));
    }
    let asked = found.waiting.iter().flat_map(|waiting| &waiting.who);
    notes.extend(
        asked
            .filter_map(|it| it.handed.as_ref())
            .map(|it| Note::info(format!("{}, {}: “{}”", it.words(), exact(it.at), it.reason))),
    );
    notes.extend(extending(found, now));
    let Some(grant) = grant else { return notes };
    match grant.status(now) {
        GrantState::Stuck => notes.push(Note::refusal(format!(
            "The time is over, but AWS refuses to take the access away{}. Stint keeps trying; an administrator of the connection has to mend what AWS names.",
            why_stuck(grant)
        ))),
        GrantState::Interrupted => notes.push(Note::warning(
            "Somebody took this access away in AWS. Stint does not put it back by itself; an administrator can, or ask again.",
        )),
        GrantState::Failed => {
            let why = grant.window.closed.as_ref().and_then(|closed| closed.note.clone());
            notes.push(Note::refusal(match why {
                Some(why) => format!("This access was never given: {}", sentence(&why)),
                None => "This access was never given: it was not there in the time allowed. Ask again, or tell an administrator of the connection.".to_owned(),
            }));
        }
        GrantState::Scheduled
        | GrantState::Provisioning
        | GrantState::Active
        | GrantState::Ending
        | GrantState::Ended => {}
    }
    notes
}

/// What there is to say about what it extends.
fn extending(found: &Detail, now: Time) -> Option<Note> {
    let before = found.extends.as_ref()?;
    let pending = matches!(found.line.request.rules.state, State::Pending { .. });
    let given = found.grants.first();
    if given.is_some_and(|grant| grant.window.predecessor.is_none()) {
        return Some(Note::info(
            "It was approved after what it extends had ended: it is new access from then on.",
        ));
    }
    if !pending {
        return None;
    }
    if before.window.closed.is_some() {
        Some(Note::warning(
            "The access this would extend was returned or ended early meanwhile: it cannot be approved any more. Cancel it, and ask again if it is still needed.",
        ))
    } else if before.window.is_over(now) {
        Some(Note::warning(
            "The access this would extend has ended meanwhile. Approved now, it is new access from then on.",
        ))
    } else {
        None
    }
}

fn why_stuck(grant: &Grant) -> String {
    grant
        .binding
        .stuck
        .as_ref()
        .map(|stuck| format!(": {}", stuck.reason))
        .unwrap_or_default()
}

fn facts(
    found: &Detail,
    principal: &str,
    connection: Option<&Connection>,
    allows: Vec<Fact>,
    cx: &Cx,
) -> Vec<Fact> {
    let request = &found.line.request;
    let mut facts = match &found.line.group {
        Some(group) => vec![
            Fact::new("For", format!("Identity Center group {}", group.name))
                .faint(format!("{} is answerable", found.line.beneficiary.name)),
        ]
        .into_iter()
        .chain((found.members.as_ref()).map(|members| {
            Fact::new("Who would hold it", counted(members.len())).faint(member_names(members))
        }))
        .collect(),
        None => vec![Fact::new("For", &found.line.beneficiary.name).faint(principal)],
    };
    if found.line.is_for_another() {
        let asker = &found.line.requester;
        facts.push(Fact::new("Asked by", &asker.name).faint(&asker.email));
    }
    facts.extend(directory::entitlement_facts(&found.line.entitlement));
    facts.extend(allows);
    if !request.reason.is_empty() {
        facts.push(Fact::new("Reason", &request.reason));
    }
    facts.extend(super::ticket::fact(request));
    facts.extend(step_up::fact(request));
    if let Some(id) = request.submission {
        let place = format!("/submissions/{id}");
        facts.push(Fact::new("Asked with", "").link(place, "Others, at the same time"));
    }
    facts.extend(emergency::facts(found, cx));
    facts.extend(super::until::fact(found, cx));
    if let Some(before) = &found.extends {
        let Origin::Request(request) = before.origin;
        facts.push(Fact::new("Extends", "").link(href(request), "The access asked for before"));
    }
    if let Some(next) = &found.extension {
        let words = match next.state() {
            "pending" => "Asked for, not answered yet",
            "approved" => "Approved",
            "denied" => "Denied",
            _ => "Cancelled",
        };
        facts.push(Fact::new("Extension", "").link(href(next.id), words));
    }
    facts.push(
        Fact::new("Asked for", request.how_long()).faint(match request.start {
            Some(start) => format!("from {}", exact(start)),
            None => "from when it is confirmed in AWS".to_owned(),
        }),
    );
    let held = found
        .grants
        .iter()
        .any(|grant| grant.status(cx.now) == GrantState::Active);
    let own = cx.actor.user() == Some(request.beneficiary());
    let place = connection.and_then(|c| directory::console(&found.line.entitlement, c));
    if let Some(place) = place.filter(|_| held && own) {
        // The simulated AWS has no console to go to.
        facts.push(if cx.app.config.demo {
            Fact::new("Console", "the simulated AWS has none")
        } else {
            Fact::new("Console", "").outside(place, "Open in the AWS access portal")
        });
    }
    if cx.authorize(Verb::ListAudit, Relation::None).is_ok() {
        let place = format!("/audit?q={}", request.id);
        facts.push(Fact::new("Evidence", "").link(place, "In the audit log"));
        for grant in &found.grants {
            let place = format!("/audit?q={}", grant.id);
            facts.push(Fact::new("Grant", "").link(place, grant.id.to_string()));
        }
    }
    facts
}

pub(super) fn counted(members: usize) -> String {
    match members {
        0 => "Nobody: the group has no members".to_owned(),
        1 => "1 member of the group".to_owned(),
        n => format!("{n} members of the group"),
    }
}

pub(super) fn member_names(members: &[Member]) -> String {
    let mut names: Vec<String> = (members.iter().take(MEMBERS))
        .map(|member| member.principal.name.clone())
        .collect();
    if members.len() > MEMBERS {
        names.push(format!("{} more", members.len() - MEMBERS));
    }
    names.join(", ")
}

// ---- what happened

fn timeline(found: &Detail) -> Timeline {
    let mut moments: Vec<Moment> = Vec::with_capacity(found.timeline.len());
    for happening in &found.timeline {
        let mut next = moment(happening, &found.line.request);
        // AWS's words are said once, not again by everything that follows from them.
        if moments
            .last()
            .is_some_and(|last| last.detail == next.detail)
        {
            next.detail.clear();
        }
        moments.push(next);
    }
    Timeline { moments }
}

fn moment(happening: &Happening, request: &Request) -> Moment {
    let line = |deed, text: String, detail: String, aws: Option<&String>| Moment {
        day: day(happening.at),
        at: When::clock(happening.at),
        deed,
        text,
        detail,
        aws_request_id: aws.map(|id| Copyable::new(id, "the AWS request id")),
    };
    let quoted = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("“{text}”")
        }
    };
    match &happening.what {
        What::Asked(who, whom) => line(
            Deed::Said,
            match whom {
                None => format!("{} asked for {}", who.name, request.how_long()),
                Some(whom) => format!(
                    "{} asked for {} for {}",
                    who.name,
                    whom.name,
                    request.how_long()
                ),
            },
            quoted(&request.reason),
            None,
        ),
        What::Decided(who, decision) if decision.approved => line(
            Deed::Agreed,
            decided(who, "approved"),
            quoted(&decision.comment),
            None,
        ),
        What::Decided(who, decision) => line(
            Deed::Refused,
            decided(who, "denied"),
            quoted(&decision.comment),
            None,
        ),
        What::HandedOn(it) => line(Deed::Said, it.words(), quoted(&it.reason), None),
        What::Reminded(_) | What::Late(_) | What::MovedOn(_) => {
            line(Deed::Warned, happening.text(), String::new(), None)
        }
        What::TimedOut(_) => line(Deed::Refused, happening.text(), String::new(), None),
        What::AutoApproved => line(Deed::Agreed, happening.text(), String::new(), None),
        What::Cancelled(who) => line(
            Deed::Ended,
            format!("{} cancelled it", who.name),
            String::new(),
            None,
        ),
        What::Said(who, comment) => line(
            Deed::Said,
            match comment.question {
                true => format!("{} has a question", who.name),
                false => format!("{} commented", who.name),
            },
            quoted(&comment.text),
            None,
        ),
        What::Grant(found) => {
            let (deed, text, why) = grants::told(found);
            line(deed, text, why, found.aws_request_id.as_ref())
        }
    }
}

fn decided(who: &Approver, verb: &str) -> String {
    let name = &who.who.name;
    match &who.on_behalf_of {
        Some(whom) => format!("{name} {verb} for {}", whom.name),
        None => format!("{name} {verb}"),
    }
}
