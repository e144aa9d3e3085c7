//! Extending what one holds, by one click or with another length.

use axum::response::Response;
use http::StatusCode;
use stint_db::Query;
use stint_domain::policy::{LONGEST_TEXT, LONGEST_TICKET};
use stint_domain::{GrantId, Span};

use super::super::{Detail, Error, Extension, extend as asked};
use super::{href, step_up, told, view};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path};
use crate::web::answer::local;
use crate::web::fields::{Field, FormPage, Length, Part};
use crate::web::form::sentence;
use crate::web::{self, Flash, Frame, Mistakes, Sent};

/// The form on the page of a request whose access can go on; `longest` as it was asked for.
pub(super) async fn form(
    cx: &Cx,
    q: &mut impl Query,
    found: &Detail,
) -> Result<Option<view::Extend>, Error> {
    let Some(grant) = found.grants.last() else {
        return Ok(None);
    };
    let request = &found.line.request;
    let asked = super::ticket::may_be_asked(q, request, false).await?;
    let before = request.ticket.clone();
    let wanted = step_up::may_be_asked(q, request, false).await?;
    let password = wanted && step_up::is_missing(cx, q).await?;
    Ok(Some(view::Extend {
        action: format!("/grants/{}/extend", grant.id),
        back: href(request.id),
        length: Length::new("length", "For how much longer?")
            .value(Length::values(Some(request.duration))),
        reason: request.reason.clone(),
        ticket: before.or_else(|| asked.map(|_| String::new())),
        password,
    }))
}

/// Asks, and goes to the new request; what is wrong is said where one came from.
pub(super) async fn extend(
    cx: Cx,
    frame: Frame,
    Path(id): Path<GrantId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let back = match local(sent.text("back")) {
        "/" => "/".to_owned(),
        place => place.to_owned(),
    };
    let failed = |why: &str| Ok(web::go_with(&back, &Flash::failed(sentence(why))));
    let duration: Option<Span> = match sent.length("length") {
        Ok(length) => length,
        Err(why) => return failed(why),
    };
    let reason = sent.text("reason");
    let wish = Extension {
        duration,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        // Where there is no such field it is as it was.
        ticket: sent.all("ticket").next().map(str::to_owned),
    };
    if let Some(mistakes) = step_up::given(&cx, sent.secret(step_up::FIELD)).await? {
        return Ok(again(&frame, id, back, &sent, mistakes));
    }
    match stint_db::retrying(|| asked(&cx, id, wish.clone())).await {
        Ok(done) => {
            let said = match (done.new, done.request.state()) {
                (false, _) => "You have asked for this already; it waits for an answer.",
                (true, "approved") => "Extended: approved by the policy.",
                (true, _) => "Sent. Those who may decide see it in their approvals.",
            };
            Ok(web::go_with(&href(done.request.id), &Flash::done(said)))
        }
        Err(Error::StepUp(why)) => Ok(again(&frame, id, back, &sent, step_up::missing(why))),
        Err(
            error @ (Error::Refused(_)
            | Error::Apart(_)
            | Error::NoLinkedPrincipal { .. }
            | Error::PrincipalGone { .. }
            | Error::OwnedByDirectory { .. }
            | Error::IamSwitchedOff
            | Error::GroupGone { .. }
            | Error::Closed(_)),
        ) => failed(&error.detail()),
        Err(error) => told(error, &back),
    }
}

/// The same form on a page of its own, with what was typed: what is missing is the password.
fn again(frame: &Frame, id: GrantId, back: String, sent: &Sent, mistakes: Mistakes) -> Response {
    let unit = match sent.text("length.unit") {
        "" => "hours",
        unit => unit,
    };
    let mut parts: Vec<Part> = vec![
        Length::new("length", "For how much longer?")
            .hint("Empty: for as long as you asked for first.")
            .value((sent.text("length").to_owned(), unit.to_owned()))
            .into(),
        Field::text("reason", "Why?")
            .hint("Empty: as you said first.")
            .value(sent.text("reason"))
            .longest(LONGEST_TEXT)
            .into(),
    ];
    if let Some(ticket) = sent.all("ticket").next() {
        let field = Field::line("ticket", "Which ticket?").value(ticket);
        parts.push(field.longest(LONGEST_TICKET).into());
    }
    parts.push(step_up::plain(&mistakes).into());
    let page = FormPage {
        crumb: (back.clone(), "Back".to_owned()),
        title: "Extend this access".to_owned(),
        lead: String::new(),
        action: format!("/grants/{id}/extend"),
        version: None,
        mistakes,
        meanwhile: None,
        parts,
        save: "Ask for it",
        back,
        aside: None,
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    web::page_with(status, frame, &page.title, &page)
}
