//! Emergency access: raising a request to it, and the reviews of what was given.

use axum::response::Response;
use http::StatusCode;
use stint_domain::RequestId;
use stint_domain::policy::LONGEST_TEXT;
use stint_domain::rights::{Relation, Verb};

use super::super::{
    Counts, Detail, Error, REVIEW_STATES, Raise, Review, ReviewDetail, ReviewFilter, ReviewLine,
    ReviewState, close as closed, get, raise as raised, review, reviews as listed,
};
use super::{href, step_up, told, view};
use crate::cx::Cx;
use crate::directory;
use crate::http::{Failure, Fault as _, Form, Path, Query, chosen};
use crate::web::fields::{Choice, Field, FormPage, Length, Several};
use crate::web::form::sentence;
use crate::web::time::words;
use crate::web::{
    self, Chip, Column, Empty, Fact, Facts, Flash, Frame, List, Listing, Mistakes, Note, Sent,
    Tone, When,
};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

/// The page of a review.
fn review_href(id: RequestId) -> String {
    format!("/emergency-reviews/{id}")
}

// ---- raising

fn may(found: &Detail) -> bool {
    found.may.contains(&Verb::RaiseRequest)
}

/// Where a request is raised, for who may.
pub(super) fn raise_href(found: &Detail) -> Option<String> {
    may(found).then(|| format!("{}/raise", href(found.line.request.id)))
}

pub(super) async fn raise_page(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
) -> Result<Response, Failure> {
    let found = get(&cx, id).await?;
    let request = &found.line.request;
    let theirs = [request.requester(), request.beneficiary()];
    let own = cx.actor.user().is_some_and(|user| theirs.contains(&user));
    let relation = if own {
        Relation::Own
    } else {
        Relation::Involved
    };
    cx.authorize(Verb::RaiseRequest, relation)?;
    if let Some(to) = found.raised_to {
        return Ok(web::go(&href(to)));
    }
    if !may(&found) {
        let why = match found.line.request.state() {
            "pending" => "There is no emergency access to this.",
            _ => "It does not wait any more: it cannot be raised.",
        };
        return Ok(web::go_with(&href(id), &Flash::failed(why)));
    }
    let typed = Typed {
        length: Length::values(None),
        reason: found.line.request.reason.clone(),
        ticket: found.line.request.ticket.clone().unwrap_or_default(),
    };
    raise_form(&cx, &frame, &found, typed, Mistakes::none()).await
}

/// What stands in the form that raises.
struct Typed {
    length: (String, String),
    reason: String,
    ticket: String,
}

pub(super) async fn raise(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let text = |name: &str| sent.text(name).to_owned();
    let typed = Typed {
        length: (text("length"), text("length.unit")),
        reason: text("reason"),
        ticket: text("ticket"),
    };
    let duration = match sent.length("length") {
        Ok(length) => length,
        Err(why) => {
            let found = get(&cx, id).await?;
            let mistakes = Mistakes::at("length", why);
            return raise_form(&cx, &frame, &found, typed, mistakes).await;
        }
    };
    let wish = Raise {
        duration,
        reason: Some(typed.reason.clone()),
        // Where there is no such field it is as it was.
        ticket: sent.all("ticket").next().map(str::to_owned),
    };
    if let Some(mistakes) = step_up::given(&cx, sent.secret(step_up::FIELD)).await? {
        let found = get(&cx, id).await?;
        return raise_form(&cx, &frame, &found, typed, mistakes).await;
    }
    match stint_db::retrying(|| raised(&cx, id, wish.clone())).await {
        Ok(done) => {
            let said = match (done.new, done.request.state()) {
                (false, _) => "It was raised already.",
                (true, "approved") => {
                    "Raised, and approved by the policy for emergencies. It is being set up in AWS now."
                }
                (true, _) => {
                    "Raised. Those who may decide see it, and those who are told of emergencies know."
                }
            };
            Ok(web::go_with(&href(done.request.id), &Flash::done(said)))
        }
        Err(Error::Refused(why)) => {
            let mut mistakes = Mistakes::none();
            for refusal in &why {
                let code = refusal.code();
                let field = match code {
                    _ if code.starts_with("duration_") => "length",
                    _ if code.starts_with("reason_") => "reason",
                    _ if code.starts_with("ticket_") => "ticket",
                    _ => "",
                };
                mistakes.add(field, sentence(&refusal.to_string()));
            }
            let found = get(&cx, id).await?;
            raise_form(&cx, &frame, &found, typed, mistakes).await
        }
        Err(Error::StepUp(why)) => {
            let found = get(&cx, id).await?;
            raise_form(&cx, &frame, &found, typed, step_up::missing(why)).await
        }
        Err(error) => told(error, &href(id)),
    }
}

async fn raise_form(
    cx: &Cx,
    frame: &Frame,
    found: &Detail,
    typed: Typed,
    mistakes: Mistakes,
) -> Result<Response, Failure> {
    let request = &found.line.request;
    let mut q = cx.read().await?;
    let asked = super::ticket::may_be_asked(&mut q, request, true).await?;
    let wanted = step_up::may_be_asked(&mut q, request, true).await?;
    drop(q);
    let password = step_up::field(cx, wanted, &mistakes).await?;
    let ticket =
        asked.and_then(|rule| super::ticket::field(&rule.alone(), &typed.ticket, &mistakes));
    let mut parts = vec![
        Length::new("length", "For how long?")
            .hint(match request.review_every {
                Some(_) => "Empty: as long as emergency access lasts; it is never until revoked."
                    .to_owned(),
                None => format!(
                    "Empty: for the {} you asked for, or as long as emergency access lasts.",
                    words(request.duration)
                ),
            })
            .value(typed.length)
            .wrong(&mistakes)
            .into(),
        Field::text("reason", "What is the emergency?")
            .hint("Everybody who is told reads it, and so does whoever reviews it afterwards.")
            .value(typed.reason)
            .longest(LONGEST_TEXT)
            .required()
            .wrong(&mistakes)
            .into(),
    ];
    parts.extend(ticket.map(Into::into));
    parts.extend(password.map(Into::into));
    let status = match mistakes.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let page = FormPage {
        crumb: (href(request.id), found.line.entitlement.name.clone()),
        title: "Raise to emergency access".to_owned(),
        lead: String::new(),
        action: format!("{}/raise", href(request.id)),
        version: None,
        parts,
        save: "Raise it",
        back: href(request.id),
        aside: Some((
            "What happens",
            vec![
                "A new request is sent under the policy for emergencies, and this one is cancelled. Approvals it has do not count for the new one.".to_owned(),
                "The groups the policy names are told at once.".to_owned(),
                "It begins as soon as it is given; what extends access begins where that ends.".to_owned(),
                "Once access was given, somebody reviews whether it was justified.".to_owned(),
            ],
        )),
        mistakes,
        meanwhile: None,
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}

// ---- reviews

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("Access"),
    Column::plain("Who"),
    Column::plain("Review"),
    Column::plain("Given"),
    Column::plain("Due"),
];

pub(super) async fn list(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let filter = ReviewFilter {
        state: chosen("state", asked.value("state"), REVIEW_STATES)?,
    };
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = listed(&cx, &filter, &asked.paging(ROWS)).await?;
    let nothing = Empty::new(
        "checks",
        "Nothing to review",
        "What was given in an emergency shows here until somebody has said whether it was justified.",
    );
    let states = [
        ("open", "Open"),
        ("overdue", "Overdue"),
        ("closed", "Closed"),
    ];
    let list = List::new("/emergency-reviews", &asked, COLUMNS, nothing)
        .filter(web::Filter::choice("state", "Review", "Any state", states))
        .answered(&page);
    let rows = page.items.into_iter().map(|it| row(it, &cx)).collect();
    let view = view::Reviews::emergency(list, rows);
    Ok(web::page(&frame, view.title, &view))
}

fn row(it: ReviewLine, cx: &Cx) -> view::ReviewRow {
    view::ReviewRow {
        href: review_href(it.review.request),
        place: directory::place(&it.line.entitlement),
        who: it.line.who_asked(),
        what: it.line.entitlement.name,
        reason: super::short(&it.line.request.reason),
        chip: chip(&it.review, cx),
        said: match (&it.review.state, it.closed_by) {
            (ReviewState::Closed { note, .. }, Some(by)) => {
                format!("{}: “{}”", by.name, super::short(note))
            }
            _ => String::new(),
        },
        began: When::both(it.review.opened_at, cx.now),
        due: When::both(it.review.due_at, cx.now),
    }
}

/// How far a review is.
fn chip(review: &Review, cx: &Cx) -> Chip {
    match &review.state {
        ReviewState::Closed {
            justified: true, ..
        } => Chip::new(Tone::Live, "check", "Justified"),
        ReviewState::Closed { .. } => Chip::new(Tone::Stop, "circle-x", "Not justified"),
        ReviewState::Open if review.is_overdue(cx.now) => {
            Chip::new(Tone::Stop, "alert-triangle", "Overdue")
        }
        ReviewState::Open => Chip::new(Tone::Wait, "hourglass", "Open"),
    }
}

async fn csv(cx: Cx, filter: ReviewFilter) -> Result<Response, Failure> {
    let head = [
        "Access",
        "Asked by",
        "E-mail",
        "For",
        "E-mail of whom it is for",
        "Reason",
        "Ticket",
        "Review",
        "Note",
        "Closed by",
        "Given",
        "Due",
        "Closed",
        "Request",
        "Grant",
    ];
    let fetch = move |paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = listed(&cx, &filter, &paging).await?;
            Ok(page.map(|it| {
                let (note, at) = match &it.review.state {
                    ReviewState::Closed { note, at, .. } => (note.clone(), at.to_string()),
                    ReviewState::Open => (String::new(), String::new()),
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
                    it.closed_by.map(|by| by.name).unwrap_or_default(),
                    it.review.opened_at.to_string(),
                    it.review.due_at.to_string(),
                    at,
                    it.review.request.to_string(),
                    it.review.grant.to_string(),
                ]
            }))
        }
    };
    web::csv("emergency-reviews", &head, fetch).await
}

pub(super) async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
) -> Result<Response, Failure> {
    let found = review(&cx, id).await?;
    let none = Mistakes::none();
    Ok(page(&cx, &frame, found, ("", ""), none, StatusCode::OK))
}

pub(super) async fn close(
    cx: Cx,
    frame: Frame,
    Path(id): Path<RequestId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let (verdict, note) = (sent.text("verdict"), sent.text("note"));
    let justified = match verdict {
        "justified" => Some(true),
        "not_justified" => Some(false),
        _ => None,
    };
    let mistakes = match justified {
        None => Mistakes::at("verdict", "Say whether it was justified."),
        Some(justified) => match closed(&cx, id, justified, note).await {
            Ok(_) => {
                let said = Flash::done("Closed. Your verdict stands in the audit log.");
                return Ok(web::go_with(&review_href(id), &said));
            }
            Err(error @ Error::ReviewNote) => Mistakes::at("note", sentence(&error.detail())),
            Err(error @ (Error::NotReviewer(_) | Error::ReviewClosed(_))) => {
                let failed = Flash::failed(sentence(&error.detail()));
                return Ok(web::go_with(&review_href(id), &failed));
            }
            Err(error) => return Err(error.into()),
        },
    };
    let found = review(&cx, id).await?;
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page(&cx, &frame, found, (verdict, note), mistakes, wrong))
}

fn page(
    cx: &Cx,
    frame: &Frame,
    found: ReviewDetail,
    (verdict, note): (&str, &str),
    mistakes: Mistakes,
    status: StatusCode,
) -> Response {
    let ReviewDetail {
        line,
        reviewers,
        super_admins,
        may_close,
    } = found;
    let review = &line.review;
    let id = review.request;
    let request = &line.line.request;
    let mut facts = super::whose_facts(&line.line);
    facts.extend([
        Fact::new("For", words(request.duration)),
        Fact::new("Given", "").when(When::both(review.opened_at, cx.now)),
        Fact::new("Request", "").link(href(id), "With everything that happened"),
    ]);
    facts.extend(super::apart::facts(&request.conflicts));
    let open = review.state == ReviewState::Open;
    match (&review.state, &line.closed_by) {
        (ReviewState::Closed { note, at, .. }, Some(by)) => {
            facts.push(Fact::new("Closed by", &by.name));
            facts.push(Fact::new("Closed", "").when(When::both(*at, cx.now)));
            facts.push(Fact::new("What they say", note));
        }
        _ => {
            facts.push(Fact::new("Due", "").when(When::both(review.due_at, cx.now)));
            facts.push(Fact::new("Who can close it", who(&reviewers, super_admins)));
        }
    }
    let choices = [
        ("justified", "It was justified"),
        ("not_justified", "It was not justified"),
    ];
    let choices = choices.map(|(word, said)| Choice::new(word, said).chosen(verdict == word));
    let view = view::ShowReview {
        chip: chip(review, cx),
        what: line.line.entitlement.name.clone(),
        facts: Facts { facts },
        why_not: match &may_close {
            Err(why) if open => Some(Note::info(sentence(&why.to_string()))),
            _ => None,
        },
        form: (open && may_close.is_ok()).then(|| view::CloseReview {
            action: format!("{}/close", review_href(id)),
            parts: vec![
                Several::one("verdict", "Was it justified?", choices.into())
                    .wrong(&mistakes)
                    .into(),
                Field::text("note", "What did you find?")
                    .hint("It stays with the review and in the audit log.")
                    .value(note)
                    .longest(LONGEST_TEXT)
                    .required()
                    .wrong(&mistakes)
                    .into(),
            ],
        }),
        mistakes,
    };
    web::page_with(status, frame, "Emergency review", &view)
}

fn who(reviewers: &[super::super::Who], super_admins: bool) -> String {
    let names = super::named(reviewers);
    match (names.is_empty(), super_admins) {
        (true, _) => {
            "Nobody as it stands: a Policy Admin can put somebody into the groups that review it"
                .to_owned()
        }
        (false, true) => format!("{}, as Super Admin: nobody in its groups could", names),
        (false, false) => names,
    }
}

// ---- on the page of a request

/// What there is to say about an emergency, or about being raised.
pub(super) fn notes(found: &Detail) -> Vec<Note> {
    let pending = found.line.request.state() == "pending";
    match found.line.request.emergency() {
        Some(_) if pending => vec![Note::warning(
            "Asked in an emergency: the groups its policy names were told at once, and it is reviewed once it was given.",
        )],
        _ => Vec::new(),
    }
}

/// The links between what was raised and what it was raised to, and to the review.
pub(super) fn facts(found: &Detail, cx: &Cx) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(from) = found.line.request.raised_from {
        facts.push(Fact::new("Raised from", "").link(href(from), "The request before"));
    }
    if let Some(to) = found.raised_to {
        facts.push(Fact::new("Raised to", "").link(href(to), "Emergency access"));
    }
    if let Some(review) = &found.review {
        let words = chip(review, cx).word().to_owned();
        facts.push(Fact::new("Emergency review", "").link(review_href(review.request), words));
    }
    facts
}

/// That reviews wait, in a line, with where they are: to be closed by this person, or open for who
/// only sees them.
pub(crate) fn waiting((counts, closes): (Counts, bool)) -> Option<(String, &'static str)> {
    let reviews = |n| match n {
        1 => "1 emergency review".to_owned(),
        n => format!("{n} emergency reviews"),
    };
    let what = if closes { "to close" } else { "open" };
    let words = match counts {
        Counts { open: 0, .. } => return None,
        Counts { open, overdue: 0 } => format!("{} {what}", reviews(open)),
        Counts { open, overdue } => format!("{} {what}, {overdue} overdue", reviews(open)),
    };
    Some((words, "/emergency-reviews?state=open"))
}
