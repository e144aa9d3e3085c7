//! Taking a connection out of service, over the API.

use http::StatusCode;
use stint_api::{Problem, connections as wire};
use stint_domain::ConnectionId;
use stint_domain::rights::Verb;
use utoipa_axum::routes;

use super::Remaining;
use crate::cx::Cx;
use crate::http::{Failure, IdempotencyKey, Idempotent, Json, Path, Routes};

/// Every address of the room.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::GetConnection, routes!(remaining))
        .api(Verb::DrainConnection, routes!(drain))
        .api(Verb::DrainConnection, routes!(resume))
        .api(Verb::RemoveConnection, routes!(remove))
}

fn shown(of: Remaining) -> wire::ConnectionRemaining {
    wire::ConnectionRemaining {
        connection_id: of.connection.id.to_string(),
        removable: of.is_nothing() && of.connection.removed_at.is_none(),
        grants: of.unsettled.grants,
        grant_ids: of
            .unsettled
            .first
            .iter()
            .map(|grant| grant.id.to_string())
            .collect(),
        bindings: of.unsettled.bindings,
        watched_until: of.unsettled.until.map(|at| at.to_string()),
        requests: of.requests,
        objects: of.objects,
        draining_since: of
            .connection
            .draining
            .as_ref()
            .map(|draining| draining.since.to_string()),
        draining_reason: of.connection.draining.map(|draining| draining.reason),
    }
}

/// Shows what keeps a connection in service.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/remaining",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::ConnectionRemaining), (status = "4XX", body = Problem))
)]
async fn remaining(
    cx: Cx,
    Path(id): Path<ConnectionId>,
) -> Result<Json<wire::ConnectionRemaining>, Failure> {
    Ok(Json(shown(super::remaining(&cx, id).await?)))
}

/// Begins to drain a connection: it gives no new access, and what it gave runs out.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{id}/drain",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`"), IdempotencyKey),
    request_body = wire::Drain,
    responses((status = 200, body = wire::ConnectionRemaining), (status = "4XX", body = Problem))
)]
async fn drain(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    body: Idempotent<wire::Drain>,
) -> Result<axum::response::Response, Failure> {
    body.run(cx, async |cx, input| {
        let left = super::drain(&cx, id, &input.reason).await?;
        Ok(axum::response::IntoResponse::into_response(Json(shown(
            left,
        ))))
    })
    .await
}

/// Puts a drained connection back into service.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{id}/resume",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::ConnectionRemaining), (status = "4XX", body = Problem))
)]
async fn resume(
    cx: Cx,
    Path(id): Path<ConnectionId>,
) -> Result<Json<wire::ConnectionRemaining>, Failure> {
    Ok(Json(shown(super::resume(&cx, id).await?)))
}

/// Removes a connection that nothing holds; 409 `connection_in_use` says what does. Its secret
/// is erased; its grants and its events stay on record. Changes nothing in AWS.
#[utoipa::path(
    delete,
    path = "/api/v1/connections/{id}",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 204), (status = "4XX", body = Problem))
)]
async fn remove(cx: Cx, Path(id): Path<ConnectionId>) -> Result<StatusCode, Failure> {
    super::remove(&cx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
