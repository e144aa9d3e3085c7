//! The audit log: who did what, when, to what, in a chain of hashes.
//!
//! **Tables**: `audit_events`, `audit_subjects`, `audit_head`. **Events**: none of its own.
//!
//! Rooms buffer events in their transaction ([`stint_db::Tx::audit`]); [`Chain`], given to
//! the database when it is opened, hashes them with SHA-256 and writes them as the last
//! thing before the commit, while it holds the chain's head. Every change of state and its
//! event are so committed together or not at all.
//!
//! [`verify`] follows the whole chain and compares it with the head. An event edited,
//! removed, swapped or inserted is found and named. What it does not find: the loss of the
//! last events when the head was set back to match, or a chain rewritten from some event on
//! with all its hashes. That takes checkpoints kept elsewhere.

mod chain;
mod error;
mod http;
pub(crate) mod pages;
mod store;
mod verify;

use axum::response::Response;
use stint_api::Page;
use stint_api::audit::{AuditActor, AuditEvent};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{Time, UserId};

use crate::cx::Cx;
use crate::http::{Failure, Paging, chosen};
use crate::web;

pub use chain::{Chain, sha256};
pub use error::Error;
pub(crate) use http::routes;
pub(crate) use pages::routes as page_routes;
pub(crate) use store::STATEMENTS;
pub use verify::{Report, VerifyError, verify};

/// What actions begin with: what events are about.
pub const CATEGORIES: &[&str] = &[
    "request",
    "emergency",
    "until_revoked",
    "grant",
    "binding",
    "attempt",
    "sync",
    "changes",
    "object",
    "iam_user",
    "key_rotation",
    "connection",
    "application",
    "catalog",
    "policy",
    "duty",
    "config",
    "user",
    "group",
    "delegation",
    "link",
    "token",
    "sign_in",
    "notice",
];
/// Who does things: people, background tasks, somebody who is not signed in.
pub const ACTORS: &[&str] = &["user", "system", "nobody"];

/// Which events to list. Each narrows; all empty lists everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words anywhere in the event, in their order. Reads every event until enough are found.
    pub q: String,
    /// The action, whole (`request.submitted`) or up to a dot (`request.`).
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<UserId>,
    /// One of [`ACTORS`]: what kind of somebody did it.
    pub by: Option<String>,
    /// The id of a thing it is about, as written on the wire.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<Time>,
    /// Before.
    pub until: Option<Time>,
}

/// Lists events, newest first.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<AuditEvent>, Error> {
    cx.authorize(Verb::ListAudit, Relation::None)?;
    chosen("by", filter.by.as_deref(), ACTORS)?;
    let before = paging.after::<i64>()?;
    let mut reader = cx.read().await?;
    let rows = store::list(&mut reader, filter, before, paging.fetch()).await?;
    Ok(paging.page(rows, |event| event.seq))
}

/// What the lines of [`csv`] are, in their order.
const HEAD: &[&str] = &[
    "Number", "At", "Action", "By", "By id", "Via", "About", "Facts", "Request", "Hash",
];

/// All events that fit, newest first, as CSV.
pub async fn csv(cx: Cx, filter: Filter) -> Result<Response, Failure> {
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move { Ok(list(&cx, &filter, &paging).await?.map(line)) }
    };
    web::csv("audit", HEAD, fetch).await
}

/// All events that fit, newest first, one JSON document a line.
pub async fn json_lines(cx: Cx, filter: Filter) -> Result<Response, Failure> {
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = list(&cx, &filter, &paging).await?;
            Ok(page.map(|event| serde_json::to_value(event).unwrap_or_default()))
        }
    };
    web::json_lines("audit", fetch).await
}

fn line(event: AuditEvent) -> Vec<String> {
    let (by, id, via) = match event.actor {
        AuditActor::User { id, name, via } => (name, id, via),
        AuditActor::System { task } => ("Stint".to_owned(), String::new(), task),
        AuditActor::Nobody => (String::new(), String::new(), String::new()),
    };
    let about: Vec<String> = event.subject.into_iter().map(|s| s.id).collect();
    vec![
        event.seq.to_string(),
        event.at,
        event.action,
        by,
        id,
        via,
        about.join(" "),
        event.detail.to_string(),
        event.request_id.unwrap_or_default(),
        event.hash,
    ]
}

/// Who changed this thing last by one of these actions (up to a dot: all of that stem), and
/// when: for who finds that somebody was faster. What it was is for those who may read the log.
pub async fn last_change(
    q: &mut impl stint_db::Query,
    subject: &str,
    action: &str,
) -> stint_db::Result<Option<(AuditActor, Time)>> {
    let filter = Filter {
        action: Some(action.to_owned()),
        subject: Some(subject.to_owned()),
        ..Filter::default()
    };
    let found = store::list(q, &filter, None, 1).await?;
    Ok(found.into_iter().next().and_then(|event| {
        let at = event.at.parse().ok()?;
        Some((event.actor, at))
    }))
}

/// Verifies the chain on behalf of somebody: [`verify`] with rights.
pub async fn verify_as(cx: &Cx) -> Result<Report, Error> {
    cx.authorize(Verb::VerifyAudit, Relation::None)?;
    match verify(&cx.app.db).await {
        Ok(report) => Ok(report),
        Err(VerifyError::Broken(broken)) => Err(Error::Broken(broken)),
        Err(VerifyError::Db(error)) => Err(Error::Db(error)),
    }
}
