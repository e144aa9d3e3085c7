//! Access until it is revoked: the reviews in which those who answer for it say whether it is still needed.

use axum::response::Response;
use http::StatusCode;
use stint_domain::policy::LONGEST_TEXT;
use stint_domain::{GrantId, RequestId};

use super::super::{
    Detail, Error, KEPT_STATES, Kept, KeptDetail, KeptFilter, KeptLine, KeptState, answer,
    kept_review, kept_reviews,
};
use super::{href, step_up, view};
use crate::cx::Cx;
use crate::directory;
use crate::http::{Failure, Fault as _, Form, Path, Query, chosen};
use crate::web::fields::Field;
use crate::web::form::sentence;
use crate::web::{
    self, Chip, Column, Empty, Fact, Facts, Flash, Frame, List, Listing, Mistakes, Note, Sent,
    Tone, When,
};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

/// The page of a review.
fn review_href(id: RequestId) -> String {
    format!("/until-revoked/{id}")
}

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("Access"),
    Column::plain("Who"),
    Column::plain("Still needed?"),
    Column::plain("Review"),
    Column::plain("Ends"),
];

pub(super) async fn list(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let filter = KeptFilter {
        state: chosen("state", asked.value("state"), KEPT_STATES)?,
    };
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = kept_reviews(&cx, &filter, &asked.paging(ROWS)).await?;
    let nothing = Empty::new(
        "checks",
        "Nothing to answer",
        "Access that is had until it is revoked shows here when its review comes.",
    );
    let states = [
        ("open", "To be answered"),
        ("kept", "Kept"),
        ("closed", "Closed"),
        ("over", "Not answered"),
    ];
    let list = List::new("/until-revoked", &asked, COLUMNS, nothing)
        .filter(web::Filter::choice("state", "Answer", "Any answer", states))
        .answered(&page);
    let rows = page.items.into_iter().map(|it| row(it, &cx)).collect();
    let view = view::Reviews::kept(list, rows);
    Ok(web::page(&frame, view.title, &view))
}

fn row(it: KeptLine, cx: &Cx) -> view::ReviewRow {
    view::ReviewRow {
        href: review_href(it.review.request),
        place: directory::place(&it.line.entitlement),
        who: it.line.who_asked(),
        what: it.line.entitlement.name,
        reason: super::short(&it.line.request.reason),
        chip: chip(&it.review, cx),
        said: match (&it.review.state, it.answered_by) {
            (KeptState::Answered { note, .. }, Some(by)) => {
                format!("{}: “{}”", by.name, super::short(note))
            }
            _ => String::new(),
        },
        began: When::both(it.review.review_at(), cx.now),
        due: When::both(it.review.due_at, cx.now),
    }
}

/// How far a review is.
fn chip(review: &Kept, cx: &Cx) -> Chip {
    match review.word(cx.now) {
        "kept" => Chip::new(Tone::Live, "check", "Kept"),
        "closed" => Chip::new(Tone::Stop, "circle-x", "Closed"),
        "over" => Chip::new(Tone::Idle, "flag", "Not answered"),
        _ => Chip::new(Tone::Wait, "hourglass", "To be answered"),
    }
}

async fn csv(cx: Cx, filter: KeptFilter) -> Result<Response, Failure> {
    let head = [
        "Access",
        "Asked by",
        "E-mail",
        "For",
        "E-mail of whom it is for",
        "Reason",
        "Ticket",
        "Answer",
        "Note",
        "Answered by",
        "Answered",
        "Review",
        "Ends",
        "Request",
        "Grant",
    ];
    let fetch = move |paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = kept_reviews(&cx, &filter, &paging).await?;
            Ok(page.map(|it| {
                let (note, at) = match &it.review.state {
                    KeptState::Answered { note, at, .. } => (note.clone(), at.to_string()),
                    KeptState::Open | KeptState::Over => (String::new(), String::new()),
                };
                vec![
                    it.line.entitlement.name,
                    it.line.requester.name,
                    it.line.requester.email,
                    it.line.beneficiary.name,
                    it.line.beneficiary.email,
                    it.line.request.reason,
                    it.line.request.ticket.unwrap_or_default(),
                    chip(&it.review, &cx).word().to_owned(),
                    note,
                    it.answered_by.map(|by| by.name).unwrap_or_default(),
                    at,
                    it.review.review_at().to_string(),
                    it.review.due_at.to_string(),
                    it.review.request.to_string(),
                    it.review.grant.to_string(),
                ]
            }))
        }
    };
    web::csv("until-revoked", &head, fetch).await
}

pub(super) async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
) -> Result<Response, Failure> {
    let found = kept_review(&cx, id).await?;
    page(&cx, &frame, found, "", Mistakes::none(), StatusCode::OK).await
}

pub(super) async fn keep(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    answered(cx, frame, id, true, sent).await
}

pub(super) async fn close(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    answered(cx, frame, id, false, sent).await
}

async fn answered(
    cx: Cx,
    frame: Frame,
    id: RequestId,
    keep: bool,
    sent: Sent,
) -> Result<Response, Failure> {
    let note = sent.text("note");
    // The review that was looked at, so that no later one is answered by an old page.
    let Ok(which) = sent.text("grant").parse::<GrantId>() else {
        kept_review(&cx, id).await?;
        let failed = Flash::failed("This page is out of date: look at the review again.");
        return Ok(web::go_with(&review_href(id), &failed));
    };
    let which = Some(which);
    let typed = sent.secret(step_up::FIELD).filter(|_| keep);
    if let Some(mistakes) = step_up::given(&cx, typed).await? {
        let found = kept_review(&cx, id).await?;
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        return page(&cx, &frame, found, note, mistakes, wrong).await;
    }
    let done = stint_db::retrying(|| answer(&cx, id, which, keep, note)).await;
    let mistakes = match done {
        Ok(_) => {
            let said = match keep {
                true => "Kept. It is asked again at the next review.",
                false => "Closed. Stint is taking the access away in AWS now.",
            };
            return Ok(web::go_with(&review_href(id), &Flash::done(said)));
        }
        Err(Error::StepUp(why)) => step_up::missing(why),
        Err(error @ Error::ReviewNote) => Mistakes::at("note", sentence(&error.detail())),
        Err(error @ Error::NoReview) => {
            let failed = Flash::failed(sentence(&error.detail()));
            return Ok(web::go_with(&href(id), &failed));
        }
        Err(
            error @ (Error::NotAsked(_)
            | Error::ReviewAnswered(_)
            | Error::ReviewOver
            | Error::HolderInactive { .. }
            | Error::HolderMoved
            | Error::HeldWithoutRight
            | Error::GroupGone { .. }
            | Error::OwnedByDirectory { .. }
            | Error::Grants(crate::grants::Error::Closed(_))),
        ) => {
            let failed = Flash::failed(sentence(&error.detail()));
            return Ok(web::go_with(&review_href(id), &failed));
        }
        Err(error) => return Err(error.into()),
    };
    let found = kept_review(&cx, id).await?;
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    page(&cx, &frame, found, note, mistakes, wrong).await
}

async fn page(
    cx: &Cx,
    frame: &Frame,
    found: KeptDetail,
    note: &str,
    mistakes: Mistakes,
    status: StatusCode,
) -> Result<Response, Failure> {
    let KeptDetail {
        line,
        answerers,
        super_admins,
        may_answer,
    } = found;
    let review = &line.review;
    let id = review.request;
    let request = &line.line.request;
    let waits = review.waits(cx.now);
    let mut facts = super::whose_facts(&line.line);
    facts.extend([
        Fact::new("For", request.how_long()),
        Fact::new("Review", "").when(When::both(review.review_at(), cx.now)),
        Fact::new("Request", "").link(href(id), "With everything that happened"),
    ]);
    facts.extend(super::apart::facts(&request.conflicts));
    match (&review.state, &line.answered_by) {
        (KeptState::Answered { note, at, .. }, Some(by)) => {
            facts.push(Fact::new("Answered by", &by.name));
            facts.push(Fact::new("Answered", "").when(When::both(*at, cx.now)));
            facts.push(Fact::new("What they say", note));
        }
        _ => {
            facts.push(Fact::new("Ends unless kept", "").when(When::both(review.due_at, cx.now)));
            facts.push(Fact::new("Who can answer", who(&answerers, super_admins)));
        }
    }
    let mut parts = vec![
        Field::text("note", "Why is it still needed, or why not?")
            .hint("It stays with the review and in the audit log.")
            .value(note)
            .longest(LONGEST_TEXT)
            .required()
            .wrong(&mistakes)
            .into(),
    ];
    let password = step_up::field(cx, request.step_up().at_approving(), &mistakes).await?;
    let hint = "To keep it the policy wants it again: you last gave it here more than 5 minutes ago. To close it, leave this empty.";
    parts.extend(password.map(|field| field.hint(hint).into()));
    let view = view::ShowKept {
        chip: chip(review, cx),
        what: line.line.entitlement.name.clone(),
        facts: Facts { facts },
        why_not: match &may_answer {
            Err(why) if waits => Some(Note::info(sentence(&why.to_string()))),
            _ => None,
        },
        form: (waits && may_answer.is_ok()).then(|| view::AnswerKept {
            keep: format!("{}/keep", review_href(id)),
            close: format!("{}/close", review_href(id)),
            grant: review.grant.to_string(),
            parts,
        }),
        mistakes,
    };
    Ok(web::page_with(status, frame, "Until revoked", &view))
}

fn who(answerers: &[super::super::Who], super_admins: bool) -> String {
    let names = super::named(answerers);
    match (names.is_empty(), super_admins) {
        (true, _) => {
            "Nobody as it stands: a Connection Admin can make somebody an owner of the connection"
                .to_owned()
        }
        (false, true) => format!("{}, as Super Admin: no owner could", names),
        (false, false) => names,
    }
}

// ---- on other pages

/// The link from a request to the review of what it gave.
pub(super) fn fact(found: &Detail, cx: &Cx) -> Option<Fact> {
    let review = found.kept.as_ref()?;
    let words = chip(review, cx).word().to_owned();
    Some(Fact::new("Still needed?", "").link(review_href(review.request), words))
}

/// That answers are waited for, in a line, with where they are.
pub(crate) fn waiting(count: usize) -> Option<(String, &'static str)> {
    let words = match count {
        0 => return None,
        1 => "Access until revoked: 1 review to answer".to_owned(),
        n => format!("Access until revoked: {n} reviews to answer"),
    };
    Some((words, "/until-revoked?state=open"))
}
