//! How fresh what is known of a connection is, over the API.

use stint_api::{Problem, feeds as wire};
use stint_domain::ConnectionId;
use stint_domain::rights::Verb;
use utoipa_axum::routes;

use super::text;
use crate::cx::Cx;
use crate::directory::{ClassFreshness, Feed};
use crate::http::{Failure, Json, Path, Routes};

pub(super) fn routes() -> Routes {
    Routes::new().api(Verb::ListSyncs, routes!(show))
}

fn class(of: ClassFreshness) -> wire::ClassFreshness {
    wire::ClassFreshness {
        class: of.class.as_str().to_owned(),
        read_at: text(of.read_at),
        not_read: of.why,
        waiting: of.waiting,
        waiting_since: text(of.since),
        error: of.error,
    }
}

fn feed((queue_url, of): (String, Feed)) -> wire::EventFeed {
    wire::EventFeed {
        queue_url,
        polled_at: text(of.polled_at),
        last_message_at: text(of.message_at),
        messages: of.messages,
        hints: of.hints,
        ignored: of.ignored,
        unknown: of.unknown,
        last_unknown: of.last_unknown,
        malformed: of.malformed,
        error: of.error,
    }
}

/// Shows how fresh what Stint knows of a connection is: when each kind of object was last read
/// whole and why the last sync did not, how many objects wait to be read again since an event named them, and what came of the
/// connection's change events.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/freshness",
    tag = "directory",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::Freshness), (status = "4XX", body = Problem))
)]
async fn show(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Json<wire::Freshness>, Failure> {
    let found = crate::directory::freshness(&cx, id).await?;
    Ok(Json(wire::Freshness {
        connection_id: id.to_string(),
        classes: found.classes.into_iter().map(class).collect(),
        events: found.feed.map(feed),
    }))
}
