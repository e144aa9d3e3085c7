//! Extending what one holds, by one click or with another length.

use axum::response::Response;
use stint_db::Query;
use stint_domain::{GrantId, Span};

use super::super::{Detail, Error, Extension, extend as asked};
use super::{href, told, view};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path};
use crate::web::answer::local;
use crate::web::fields::Length;
use crate::web::form::sentence;
use crate::web::{self, Flash, Sent};

/// The form on the page of a request whose access can go on; `longest` as it was asked for.
pub(super) async fn form(
    q: &mut impl Query,
    found: &Detail,
) -> Result<Option<view::Extend>, Error> {
    let Some(grant) = found.grants.last() else {
        return Ok(None);
    };
    let request = &found.line.request;
    let asked = super::ticket::may_be_asked(q, request, false).await?;
    let before = request.ticket.clone();
    Ok(Some(view::Extend {
        action: format!("/grants/{}/extend", grant.id),
        back: href(request.id),
        length: Length::new("length", "For how much longer?")
            .value(Length::values(Some(request.duration))),
        reason: request.reason.clone(),
        ticket: before.or_else(|| asked.map(|_| String::new())),
    }))
}

/// Asks, and goes to the new request; what is wrong is said where one came from.
pub(super) async fn extend(
    cx: Cx,
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
    match stint_db::retrying(|| asked(&cx, id, wish.clone())).await {
        Ok(done) => {
            let said = match (done.new, done.request.state()) {
                (false, _) => "You have asked for this already; it waits for an answer.",
                (true, "approved") => "Extended: approved by the policy.",
                (true, _) => "Sent. Those who may decide see it in their approvals.",
            };
            Ok(web::go_with(&href(done.request.id), &Flash::done(said)))
        }
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
