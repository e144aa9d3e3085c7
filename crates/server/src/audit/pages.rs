//! The pages of this room: the list of events, and verifying the chain.

pub(crate) mod view;

use axum::response::Response;
use http::Method;
use stint_api::audit::{AuditActor, AuditEvent};
use stint_domain::Time;
use stint_domain::rights::{Relation, Verb};

use super::{Error, Filter};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Query, Routes};
use crate::web::time::grouped;
use crate::web::{self, Copyable, Empty, Flash, Frame, Listing, When};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListAudit, Method::GET, "/audit", list)
        .page(Verb::VerifyAudit, Method::POST, "/audit/verify", verify)
}

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let subject = Some(asked.words().to_owned()).filter(|words| !words.is_empty());
    let filter = Filter {
        subject,
        ..Filter::default()
    };
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let view = view::Audit {
        q: asked.words().to_owned(),
        pager: asked.pager("/audit", page.next.as_deref()),
        rows: page
            .items
            .into_iter()
            .map(|event| row(event, cx.now))
            .collect(),
        empty: if asked.narrowed() {
            Empty::new(
                "search",
                "No event here",
                "Nothing in the log is about that id.",
            )
            .leading_to("/audit", "Show everything")
        } else {
            Empty::new(
                "file-text",
                "Nothing has happened yet",
                "Every change will stand here.",
            )
        },
        may_verify: cx.authorize(Verb::VerifyAudit, Relation::None).is_ok(),
    };
    Ok(web::page(&frame, "Audit", &view))
}

fn row(event: AuditEvent, now: Time) -> view::AuditRow {
    let (who, via) = match event.actor {
        AuditActor::User { name, via, .. } => match via.strip_prefix("token:") {
            Some(token) => (name, format!("with API token {token}")),
            None if via == "page" => (name, "on the page".to_owned()),
            None => (name, via),
        },
        AuditActor::System { task } => ("Stint".to_owned(), task),
        AuditActor::Nobody => ("Nobody signed in".to_owned(), String::new()),
    };
    let at: Time = event.at.parse().unwrap_or_default();
    view::AuditRow {
        number: format!("#{}", grouped(event.seq)),
        at: When::both(at, now),
        who,
        via,
        action: event.action,
        subjects: event
            .subject
            .into_iter()
            .map(|subject| view::AuditSubject {
                href: page_of(&subject.kind, &subject.id),
                kind: subject.kind,
                id: subject.id,
            })
            .collect(),
        detail: serde_json::to_string_pretty(&event.detail).unwrap_or_default(),
        hash: Copyable::new(event.hash, "the hash"),
        request_id: event.request_id.unwrap_or_default(),
    }
}

/// The page of a thing, for those that have one; else everything in the log about it.
fn page_of(kind: &str, id: &str) -> String {
    match kind {
        "request" => format!("/requests/{id}"),
        "connection" => format!("/connections/{id}"),
        _ => format!("/audit?q={id}"),
    }
}

async fn verify(cx: Cx) -> Result<Response, Failure> {
    let flash = match super::verify_as(&cx).await {
        Ok(report) => Flash::done(format!(
            "The chain of {} events is whole. Its head is {}: keep it elsewhere, and the loss of the last events will show too.",
            grouped(report.events),
            super::store::hex(&report.head.hash),
        )),
        Err(broken @ Error::Broken(_)) => Flash::failed(broken.detail()),
        Err(error) => return Err(error.into()),
    };
    Ok(web::go_with("/audit", &flash))
}
