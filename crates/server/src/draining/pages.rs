//! The page that takes a connection out of service, and shows what is left.

pub(crate) mod view;

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};

use super::{Error, Remaining};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Routes};
use crate::web::{self, Flash, Frame, When};
use crate::{directory, grants};

/// How many grants the page names.
const NAMED: usize = 50;

pub(crate) fn routes() -> Routes {
    let path = "/connections/{id}/drain";
    Routes::new()
        .page(Verb::GetConnection, Method::GET, path, show)
        .page(Verb::DrainConnection, Method::POST, path, drain)
        .page(
            Verb::DrainConnection,
            Method::POST,
            "/connections/{id}/resume",
            resume,
        )
        .page(
            Verb::RemoveConnection,
            Method::POST,
            "/connections/{id}/remove",
            remove,
        )
}

fn here(id: ConnectionId) -> String {
    format!("/connections/{id}/drain")
}

async fn show(cx: Cx, frame: Frame, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let left = super::remaining(&cx, id).await?;
    let rows = rows(&cx, &left).await?;
    let may = |verb| cx.authorize(verb, Relation::Others).is_ok();
    let draining = left.connection.draining.as_ref();
    let removed = left.connection.removed_at.is_some();
    let view = view::Draining {
        href: format!("/connections/{id}"),
        since: draining.map(|draining| When::both(draining.since, cx.now)),
        reason: draining.map(|it| it.reason.clone()).unwrap_or_default(),
        removed: left.connection.removed_at.map(|at| When::both(at, cx.now)),
        left: if left.is_nothing() {
            String::new()
        } else {
            left.words()
        },
        more: left.unsettled.grants - i64::try_from(rows.len()).unwrap_or(0),
        rows,
        drain: (!removed && draining.is_none() && may(Verb::DrainConnection)).then(|| here(id)),
        resume: (!removed && draining.is_some() && may(Verb::DrainConnection))
            .then(|| format!("/connections/{id}/resume")),
        remove: (!removed && left.is_nothing() && may(Verb::RemoveConnection))
            .then(|| format!("/connections/{id}/remove")),
        name: left.connection.name,
    };
    Ok(web::page(&frame, "Take out of service", &view))
}

async fn rows(cx: &Cx, left: &Remaining) -> Result<Vec<view::GrantRow>, Error> {
    let mut q = cx.read().await?;
    let first = left.unsettled.first.iter().take(NAMED);
    let first: Vec<_> = first.cloned().collect();
    let names = grants::Names::of(&mut q, &first).await?;
    let rows = first.iter().map(|grant| {
        let grants::Origin::Request(request) = grant.origin;
        let what = names.entitlement(grant).map(|it| it.name.clone());
        let who = names.user(grant).map(|it| it.name.clone());
        view::GrantRow {
            href: format!("/requests/{request}"),
            what: what.unwrap_or_default(),
            group: (names.group(grant)).map_or_else(String::new, directory::called),
            who: who.unwrap_or_default(),
            chip: grants::chip(grant, cx.now),
            ends: grant.end().map(|at| When::both(at, cx.now)),
        }
    });
    Ok(rows.collect())
}

#[derive(Debug, Deserialize)]
struct DrainForm {
    #[serde(default)]
    reason: String,
}

async fn drain(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    Form(form): Form<DrainForm>,
) -> Result<Response, Failure> {
    let done = super::drain(&cx, id, &form.reason).await;
    said(
        id,
        done.map(drop),
        "It gives no new access from now on. Below is what remains.",
    )
}

async fn resume(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let done = super::resume(&cx, id).await;
    said(id, done.map(drop), "It is in service again.")
}

async fn remove(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    match super::remove(&cx, id).await {
        Ok(()) => Ok(web::go_with(
            "/connections",
            &Flash::done(
                "Removed. Nothing was changed in AWS; its grants and events stay on record.",
            ),
        )),
        Err(error) => said(id, Err(error), ""),
    }
}

/// Back to the page, with what was done or why it was not.
fn said(id: ConnectionId, done: Result<(), Error>, words: &str) -> Result<Response, Failure> {
    let flash = match done {
        Ok(()) => Flash::done(words),
        Err(error @ (Error::InUse(_) | Error::Reason | Error::Removed)) => {
            Flash::failed(error.detail())
        }
        Err(error) => return Err(error.into()),
    };
    Ok(web::go_with(&here(id), &flash))
}
