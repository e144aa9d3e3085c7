//! The audit log over the API.

use axum::response::Response;
use serde::Deserialize;
use stint_api::audit::{AuditEvent, AuditReport};
use stint_api::{Page, Problem};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{Time, UserId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::Filter;
use crate::cx::Cx;
use crate::http::{Failure, Json, Pages, Paging, Query, Routes, chosen};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListAudit, routes!(list))
        .api(Verb::ListAudit, routes!(export))
        .api(Verb::VerifyAudit, routes!(verify))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The action, whole (`request.submitted`) or up to a dot (`request.`).
    action: Option<String>,
    /// Words anywhere in the event, in their order.
    q: Option<String>,
    /// What kind of somebody did it: `user`, `system` or `nobody`.
    by: Option<String>,
    /// Who did it (`usr_…`).
    #[param(value_type = Option<String>)]
    actor: Option<UserId>,
    /// The id of a thing it is about.
    subject: Option<String>,
    /// Not before (RFC 3339).
    #[param(value_type = Option<String>)]
    since: Option<Time>,
    /// Before (RFC 3339).
    #[param(value_type = Option<String>)]
    until: Option<Time>,
}

/// Lists the audit log, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit-events",
    tag = "audit",
    params(Asked, Pages),
    responses((status = 200, body = Page<AuditEvent>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<AuditEvent>>, Failure> {
    let filter = filter(asked);
    Ok(Json(super::list(&cx, &filter, &paging).await?))
}

fn filter(asked: Asked) -> Filter {
    Filter {
        q: asked.q.unwrap_or_default(),
        action: asked.action,
        actor: asked.actor,
        by: asked.by,
        subject: asked.subject,
        since: asked.since,
        until: asked.until,
    }
}

/// As what it is exported.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Format {
    /// `jsonl` (when absent): one event a line. `csv`: no cell is a formula.
    format: Option<String>,
}

/// Streams all events of the audit log that fit, newest first. A stream that breaks off did
/// not give everything.
#[utoipa::path(
    get,
    path = "/api/v1/audit-events/export",
    tag = "audit",
    params(Format, Asked),
    responses(
        (status = 200, description = "The events", content(
            (String = "application/jsonl"), (String = "text/csv")
        )),
        (status = "4XX", body = Problem)
    )
)]
async fn export(
    cx: Cx,
    Query(format): Query<Format>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    // Rights before the words: who may not read it learns nothing from a better word.
    cx.authorize(Verb::ListAudit, Relation::None)?;
    match chosen("format", format.format.as_deref(), &["jsonl", "csv"])? {
        Some("csv") => super::csv(cx, filter(asked)).await,
        _ => super::json_lines(cx, filter(asked)).await,
    }
}

/// Verifies the chain of the audit log.
#[utoipa::path(
    post,
    path = "/api/v1/audit-events/verify",
    tag = "audit",
    responses((status = 200, body = AuditReport), (status = "4XX", body = Problem))
)]
async fn verify(cx: Cx) -> Result<Json<AuditReport>, Failure> {
    let report = super::verify_as(&cx).await?;
    Ok(Json(AuditReport {
        events: report.events,
        head: super::store::hex(&report.head.hash),
    }))
}
