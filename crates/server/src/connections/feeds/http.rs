//! Queue and SCIM endpoint over the API.

use secrecy::SecretString;
use stint_api::{Problem, feeds as wire};
use stint_aws::Queue;
use stint_domain::ConnectionId;
use stint_domain::rights::Verb;
use utoipa_axum::routes;

use super::{Feeds, FeedsChange};
use crate::cx::Cx;
use crate::http::{Failure, Json, Path, Routes};

pub(in crate::connections) fn routes() -> Routes {
    Routes::new()
        .api(Verb::GetConnection, routes!(get))
        .api(Verb::UpdateConnection, routes!(update))
        .api(Verb::GetConnection, routes!(setup))
}

fn shown(of: Feeds) -> wire::Feeds {
    wire::Feeds {
        queue_url: of.queue.as_ref().map(|queue| queue.url().to_owned()),
        queue_arn: of.queue.as_ref().map(Queue::arn),
        scim_endpoint: of.scim.as_ref().map(|it| it.endpoint.clone()),
        scim_token_set_at: of.scim.as_ref().map(|it| it.set_at.to_string()),
        scim_error: of.scim.and_then(|it| it.error),
    }
}

/// Shows the queue a connection's change events come by, and its SCIM endpoint.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/feeds",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::Feeds), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Json<wire::Feeds>, Failure> {
    Ok(Json(shown(super::get_feeds(&cx, id).await?)))
}

/// Changes the queue a connection's change events come by, or its SCIM endpoint. Makes no call to
/// AWS: test the connection afterwards.
#[utoipa::path(
    patch,
    path = "/api/v1/connections/{id}/feeds",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    request_body = wire::FeedsChange,
    responses((status = 200, body = wire::Feeds), (status = "4XX", body = Problem))
)]
async fn update(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    Json(input): Json<wire::FeedsChange>,
) -> Result<Json<wire::Feeds>, Failure> {
    let change = FeedsChange {
        queue_url: input.queue_url,
        scim_endpoint: input.scim_endpoint,
        scim_token: input.scim_token.map(SecretString::from),
    };
    Ok(Json(shown(super::set_feeds(&cx, id, change).await?)))
}

/// Shows what to make in AWS so that change events come: a queue with a dead-letter queue, and the
/// rules that fill it.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/feeds/setup",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::EventsSetup), (status = "4XX", body = Problem))
)]
async fn setup(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Json<wire::EventsSetup>, Failure> {
    let feeds = super::get_feeds(&cx, id).await?;
    let found = super::super::get(&cx, id).await?;
    let setup = super::events_setup(&found, &feeds);
    Ok(Json(wire::EventsSetup {
        terraform: super::events_terraform(&setup),
        cloudformation: super::events_cloudformation(&setup),
        queue_url: setup.queue_url,
        region: setup.region,
        global_region: setup.global_region,
        queue_policy: setup.queue_policy,
        event_pattern: setup.pattern,
    }))
}
