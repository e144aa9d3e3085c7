//! What waits for one's decision, with what one needs to know to decide; and deciding.

use axum::response::Response;
use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use stint_db::Query;
use stint_domain::entitlement::PrincipalKind;
use stint_domain::request::{Refused, State};
use stint_domain::{RequestId, Span};

use super::super::{Error, Line, Request, store};
use super::{decided_on, href, number, sentence, show, step_up, told, view};
use crate::cx::Cx;
use crate::directory;
use crate::http::{Failure, Fault as _, Form, Path, Query as Asked};
use crate::web::answer::local;
use crate::web::frame::initials;
use crate::web::time::{day, words};
use crate::web::{self, Empty, Fact, Facts, Flash, Frame, Listing, Mistakes, When};

/// How many cards a page has: each is read, not skimmed.
const CARDS: i64 = 20;
/// How many who hold it already are named.
const HOLDERS: i64 = 8;
/// How many of the requester's latest requests are looked at.
const LATEST: i64 = 100;

pub(super) async fn inbox(
    cx: Cx,
    frame: Frame,
    Asked(asked): Asked<Listing>,
) -> Result<Response, Failure> {
    page(&cx, &frame, &asked, StatusCode::OK, None).await
}

/// The inbox; `wrong` is a decision that was refused, with its mistakes.
async fn page(
    cx: &Cx,
    frame: &Frame,
    asked: &Listing,
    status: StatusCode,
    wrong: Option<&Wrong>,
) -> Result<Response, Failure> {
    let found = super::super::inbox(cx, &asked.paging(CARDS)).await?;
    let mut q = cx.read().await?;
    // A card of a later page stands on none that could be shown again: its own page does.
    if let Some(wrong) = wrong
        && !found.items.iter().any(|line| line.request.id == wrong.id)
    {
        drop(q);
        return show::page(cx, frame, wrong.id, status, Some(wrong)).await;
    }
    let unproved = step_up::is_missing(cx, &mut q).await?;
    let mut cards = Vec::with_capacity(found.items.len());
    for line in &found.items {
        cards.push(card(cx, &mut q, line, (wrong, unproved)).await?);
    }
    let view = view::Inbox {
        cards,
        pager: asked.pager("/approvals", found.next.as_deref()),
        empty: Empty::new(
            "checks",
            "Nothing waits for you",
            "Requests you may decide about show here as soon as they are asked.",
        ),
    };
    Ok(web::page_with(status, frame, "Approvals", &view))
}

async fn card(
    cx: &Cx,
    q: &mut impl Query,
    line: &Line,
    (wrong, unproved): (Option<&Wrong>, bool),
) -> Result<view::InboxCard, Error> {
    let request = &line.request;
    Ok(view::InboxCard {
        href: href(request.id),
        what: line.entitlement.name.clone(),
        place: directory::place(&line.entitlement),
        who: line.requester.name.clone(),
        initials: initials(&line.requester.name),
        email: line.requester.email.clone(),
        emergency: request.emergency().map(|_| web::Chip::emergency()),
        asked: When::relative(request.submitted_at(), cx.now),
        reason: request.reason.clone(),
        duration: duration(request),
        context: context(q, line, cx).await?,
        decide: decide_form(request, "/approvals", wrong, unproved),
    })
}

/// `2 h, from when it is approved`.
fn duration(request: &Request) -> String {
    match request.start {
        None => request.how_long(),
        Some(start) => {
            format!("{}, from {}", request.how_long(), web::time::exact(start))
        }
    }
}

/// What one wants to know before deciding: what it is, how often this person asked before,
/// under which policy.
pub(super) async fn context(q: &mut impl Query, line: &Line, cx: &Cx) -> Result<Facts, Error> {
    let request = &line.request;
    let latest = store::latest(q, request.beneficiary(), LATEST).await?;
    let since = cx.now - Span::hours(24 * 90);
    let before: Vec<&Request> = latest
        .iter()
        .filter(|other| other.id != request.id && other.submitted_at() >= since)
        .collect();
    let approved = before
        .iter()
        .filter(|other| matches!(other.rules.state, State::Approved { .. }))
        .count();
    let same: Vec<&&Request> = before
        .iter()
        .filter(|other| other.entitlement() == request.entitlement())
        .filter(|other| matches!(other.rules.state, State::Approved { .. }))
        .collect();
    let history = match before.len() {
        0 => "Their first request in 90 days".to_owned(),
        asked => format!("{asked} other requests in 90 days, {approved} approved"),
    };
    let had = match same.first() {
        None => "never had this in that time".to_owned(),
        Some(last) => format!(
            "had this {}, last asked for on {}",
            match same.len() {
                1 => "once".to_owned(),
                n => format!("{} times", number(u32::try_from(n).unwrap_or(u32::MAX))),
            },
            day(last.submitted_at())
        ),
    };
    let mut facts: Vec<Fact> = super::ticket::fact(request).into_iter().collect();
    facts.extend([
        Fact::new("Holds it now", holders(q, line).await?),
        Fact::new("Asked before", history).faint(had),
        Fact::new("Policy", request.policy_words()).faint(format!(
            "{}; at most {}",
            decided_on(request.rules.question.outcome().route),
            words(request.rules.question.outcome().max_duration)
        )),
    ]);
    facts.extend(super::apart::facts(&request.conflicts));
    if line.is_for_another() {
        let whom = &line.beneficiary;
        facts.insert(0, Fact::new("For", &whom.name).faint(&whom.email));
    }
    if let Some(group) = &line.group {
        let members = directory::members(q, group.id).await?;
        let whole = format!("Identity Center group {}", group.name);
        let names = super::show::member_names(&members);
        let counted = super::show::counted(members.len());
        facts.insert(0, Fact::new("For", whole).faint(counted));
        facts.insert(1, Fact::new("Its members", names));
    }
    Ok(Facts { facts })
}

/// Who holds it in AWS already, granted or standing, by the names they have there.
async fn holders(q: &mut impl Query, line: &Line) -> Result<String, Error> {
    let found = directory::holders(q, line.request.entitlement(), HOLDERS + 1).await?;
    let shown = usize::try_from(HOLDERS).unwrap_or(usize::MAX);
    let mut names: Vec<String> = found
        .iter()
        .take(shown)
        .map(|principal| match principal.kind {
            PrincipalKind::IdentityCenterUser => principal.name.clone(),
            PrincipalKind::IamUser => format!("the IAM user {}", principal.name),
            PrincipalKind::IdentityCenterGroup => format!("the group {}", principal.name),
        })
        .collect();
    if found.len() > shown {
        names.push("and others".to_owned());
    }
    Ok(if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    })
}

/// A decision that was refused: of which request, what was typed, and what is wrong.
pub(super) struct Wrong {
    id: RequestId,
    comment: String,
    mistakes: Mistakes,
}

/// The form of one request's decision. `unproved` where whoever looks has not given their password of
/// late.
pub(super) fn decide_form(
    request: &Request,
    back: &str,
    wrong: Option<&Wrong>,
    unproved: bool,
) -> view::Decide {
    let wrong = wrong.filter(|wrong| wrong.id == request.id);
    let wanted = unproved && request.step_up().at_approving();
    let question = &request.rules.question;
    let (at, carried) = match &request.rules.state {
        State::Pending { step, carried, .. } => (*step, *carried),
        State::Approved { .. } | State::Denied { .. } | State::Cancelled { .. } => (0, 0),
    };
    let leg = question.leg(at);
    let steps = leg.map_or(0, |leg| leg.steps.len());
    let step = question.step(at);
    let step = step.map(|step| super::step_words(step.total().saturating_add(carried), &step.name));
    let mut step = step.unwrap_or_default();
    if let Some(other) = leg.and_then(|leg| leg.other) {
        step.push_str(&format!(", under “{}”", other.name));
    }
    view::Decide {
        key: request.id.to_string(),
        approve: format!("{}/approve", href(request.id)),
        deny: format!("{}/deny", href(request.id)),
        back: back.to_owned(),
        step: if steps > 1 {
            format!("Step {} of {steps}: {step}", question.place_of(at) + 1)
        } else {
            format!("It takes {step}")
        },
        comment: wrong.map(|wrong| wrong.comment.clone()).unwrap_or_default(),
        password: wanted || wrong.is_some_and(|wrong| wrong.mistakes.has(step_up::FIELD)),
        mistakes: wrong
            .map(|wrong| wrong.mistakes.clone())
            .unwrap_or_default(),
        word: match request.review_every {
            Some(_) => "Approve until revoked".to_owned(),
            None => format!("Approve {}", words(request.duration)),
        },
        hand_on: super::reassign::by_approver(request),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct DecideForm {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    back: String,
}

pub(super) async fn approve(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(form): Form<DecideForm>,
) -> Result<Response, Failure> {
    let typed = Some(form.password.clone()).filter(|it| !it.expose_secret().is_empty());
    if let Some(mistakes) = step_up::given(&cx, typed).await? {
        return again(&cx, &frame, id, form, mistakes).await;
    }
    let done = stint_db::retrying(|| super::super::approve(&cx, id, &form.comment)).await;
    answer(&cx, &frame, id, form, done).await
}

pub(super) async fn deny(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(form): Form<DecideForm>,
) -> Result<Response, Failure> {
    let done = stint_db::retrying(|| super::super::deny(&cx, id, &form.comment)).await;
    answer(&cx, &frame, id, form, done).await
}

async fn answer(
    cx: &Cx,
    frame: &Frame,
    id: RequestId,
    form: DecideForm,
    done: Result<Request, Error>,
) -> Result<Response, Failure> {
    let back = back_to(id, &form);
    match done {
        Ok(request) => Ok(web::go_with(&back, &Flash::done(decided(&request)))),
        Err(
            error @ (Error::Comment
            | Error::ExceptionReason
            | Error::DelegationUnproved
            | Error::Decision(Refused::ReasonRequired | Refused::ReasonTooLong { .. })),
        ) => {
            let mistakes = Mistakes::at("comment", sentence(&error.detail()));
            again(cx, frame, id, form, mistakes).await
        }
        Err(Error::StepUp(why)) => again(cx, frame, id, form, step_up::missing(why)).await,
        Err(error) => told(error, &back),
    }
}

/// Where one came from.
fn back_to(id: RequestId, form: &DecideForm) -> String {
    match local(&form.back) {
        "/" => href(id),
        place => place.to_owned(),
    }
}

/// The page one came from, with what was typed and what is wrong with it.
async fn again(
    cx: &Cx,
    frame: &Frame,
    id: RequestId,
    form: DecideForm,
    mistakes: Mistakes,
) -> Result<Response, Failure> {
    let back = back_to(id, &form);
    let wrong = Wrong {
        id,
        comment: form.comment,
        mistakes,
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if back.starts_with("/approvals") {
        page(cx, frame, &Listing::default(), status, Some(&wrong)).await
    } else {
        show::page(cx, frame, id, status, Some(&wrong)).await
    }
}

/// What the decision led to.
fn decided(request: &Request) -> String {
    match &request.rules.state {
        State::Approved { .. } => "Approved. The access is being set up in AWS now.".to_owned(),
        State::Denied { .. } => "Denied. Who asked reads your reason.".to_owned(),
        State::Pending { step, .. } => {
            let next = request.rules.question.step(*step);
            let next = next.map(|step| super::step_words(step.total(), &step.name));
            format!("Approved. It now waits for {}.", next.unwrap_or_default())
        }
        State::Cancelled { .. } => "It was cancelled meanwhile.".to_owned(),
    }
}
