//! Handing on a place, over HTTP.

use axum::response::Response;
use http::StatusCode;
use stint_api::{Problem, requests as wire};
use stint_domain::RequestId;
use stint_domain::rights::Verb;
use utoipa_axum::routes;

use super::super::http::answer;
use super::Reassign;
use crate::cx::Cx;
use crate::http::{Failure, IdempotencyKey, Idempotent, Path, Routes};
use crate::policies::parsed;

pub(in super::super) fn routes() -> Routes {
    Routes::new().api(Verb::ReassignRequest, routes!(reassign))
}

/// Hands on a place in the step a request waits at: one's own, or as an administrator any.
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/reassign",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::Reassign,
    responses((status = 200, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn reassign(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::Reassign>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let from = input.from.as_deref();
        let wish = Reassign {
            to: input.to,
            reason: input.reason,
            from: from.map(|id| parsed("from", id)).transpose()?,
        };
        stint_db::retrying(|| super::reassign(&cx, id, wish.clone())).await?;
        answer(&cx, StatusCode::OK, id).await
    })
    .await
}
