//! Managed objects over the API: wire types begin and end here.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::grants::{Because, Moment as WireMoment};
use stint_api::{Page, Problem, objects as wire};
use stint_domain::rights::Verb;
use stint_domain::{ConnectionId, ObjectId, Time};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{KeyRotation, ManagedUser, Moment, NewManagedUser, UserFilter};
use crate::cx::Cx;
use crate::http::{Failure, IdempotencyKey, Idempotent, Json, Pages, Paging, Path, Query, Routes};

/// Every address of the room.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListIamUsers, routes!(list_users))
        .api(Verb::CreateIamUser, routes!(create_user))
        .api(Verb::GetIamUser, routes!(get_user))
        .api(Verb::DisableIamUser, routes!(disable_user))
        .api(Verb::DeleteIamUser, routes!(delete_user))
        .api(Verb::RetryIamUser, routes!(retry_user))
        .api(Verb::GetRotation, routes!(list_rotations))
        .api(Verb::RotateKey, routes!(rotate_key))
        .api(Verb::GetRotation, routes!(get_rotation))
        .api(Verb::RotateKey, routes!(retry_rotation))
        .api(Verb::RotateKey, routes!(cancel_rotation))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Words in the name, in their order.
    q: Option<String>,
    /// Only those in this state; the words are those of `state`.
    state: Option<String>,
    /// `name` (when absent), or `-name` from its other end.
    sort: Option<String>,
}

fn shown(of: ManagedUser) -> wire::ManagedUser {
    let state = of.user.state();
    let stuck = of.user.hold.stuck.as_ref();
    wire::ManagedUser {
        id: of.user.id.to_string(),
        connection_id: of.place.connection.to_string(),
        account_id: of.place.account,
        path: of.path,
        boundary: of.boundary,
        origin: of.user.origin.to_string(),
        state: state.to_string(),
        stuck_reason: stuck.map(|it| it.reason.clone()),
        stuck_since: stuck.map(|it| it.since.to_string()),
        next_at: (of.user.settled.is_none())
            .then_some(of.user.hold.due)
            .flatten()
            .map(|at| at.to_string()),
        hanging: of.hanging,
        created_by: of.created_by.map(|id| id.to_string()),
        created_at: of.created_at.to_string(),
        reason: of.reason,
        name: of.user.name,
        user_id: of.user.user_id,
        failure: of.user.failure,
    }
}

fn rotated(of: KeyRotation, now: Time) -> wire::KeyRotation {
    let state = of.rotation.state(now);
    let deletes_at = of.rotation.deletes_at();
    let it = of.rotation;
    let ended = it.ended_at.is_some();
    let text = |at: Option<Time>| at.map(|at| at.to_string());
    wire::KeyRotation {
        id: it.id.to_string(),
        connection_id: of.connection.to_string(),
        state: state.to_string(),
        old_access_key_id: it.old_key,
        new_access_key_id: it.new_key,
        user_arn: it.user_arn,
        failure: it.failure,
        stuck_reason: it.hold.stuck.as_ref().map(|it| it.reason.clone()),
        stuck_since: it.hold.stuck.as_ref().map(|it| it.since.to_string()),
        began_at: it.began_at.to_string(),
        began_by: of.began_by.map(|id| id.to_string()),
        switched_at: text(it.switched_at),
        deactivated_at: text(it.deactivated_at),
        deletes_at: text(deletes_at.filter(|_| !ended)),
        ended_at: text(it.ended_at),
    }
}

fn told(moments: Vec<Moment>) -> Vec<WireMoment> {
    let moments = moments.into_iter().map(|it| WireMoment {
        at: it.at.to_string(),
        what: it.what,
        text: it.text,
        aws_request_id: it.aws_request_id,
    });
    moments.collect()
}

/// Lists the IAM users Stint manages in a connection, by name.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/iam-users", tag = "managed objects",
    params(("id" = String, Path, description = "`con_…`"), Asked, Pages),
    responses((status = 200, body = Page<wire::ManagedUser>), (status = "4XX", body = Problem))
)]
async fn list_users(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<wire::ManagedUser>>, Failure> {
    let filter = UserFilter {
        q: asked.q.unwrap_or_default(),
        state: asked.state,
        sort: asked.sort,
    };
    let page = super::list_users(&cx, id, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(shown).collect(),
        next: page.next,
    }))
}

/// Has an IAM user made; or, with `existing`, looks at one that is there and changes nothing.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/iam-users", tag = "managed objects",
    params(("id" = String, Path, description = "`con_…`"), IdempotencyKey),
    request_body = wire::NewManagedUser,
    responses((status = 202, body = wire::ManagedUser), (status = "4XX", body = Problem))
)]
async fn create_user(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    body: Idempotent<wire::NewManagedUser>,
) -> Result<Response, Failure> {
    body.run(cx, async move |cx, input| {
        let new = NewManagedUser {
            name: input.name,
            path: input.path.unwrap_or_default(),
            boundary: input.boundary,
            existing: input.existing,
            reason: input.reason,
        };
        let made = super::create(&cx, id, new).await?;
        Ok((StatusCode::ACCEPTED, Json(shown(made))).into_response())
    })
    .await
}

/// Shows an IAM user that Stint manages, with what was done in AWS.
#[utoipa::path(
    get, path = "/api/v1/iam-users/{id}", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`")),
    responses((status = 200, body = wire::ManagedUserDetail), (status = "4XX", body = Problem))
)]
async fn get_user(
    cx: Cx,
    Path(id): Path<ObjectId>,
) -> Result<Json<wire::ManagedUserDetail>, Failure> {
    let (found, moments) = super::get_user(&cx, id).await?;
    Ok(Json(wire::ManagedUserDetail {
        user: shown(found),
        timeline: told(moments),
    }))
}

/// Locks an IAM user out: its keys inactive, its console password gone.
#[utoipa::path(
    post, path = "/api/v1/iam-users/{id}/disable", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`"), IdempotencyKey),
    request_body = wire::UserBecause,
    responses((status = 200, body = wire::ManagedUser), (status = "4XX", body = Problem))
)]
async fn disable_user(
    cx: Cx,
    Path(id): Path<ObjectId>,
    body: Idempotent<wire::UserBecause>,
) -> Result<Response, Failure> {
    body.run(cx, async move |cx, because| {
        let confirm = because.confirm.as_deref();
        let after = super::disable(&cx, id, &because.reason, confirm).await?;
        Ok(Json(shown(after)).into_response())
    })
    .await
}

/// Deletes an IAM user, with everything that hangs on it.
#[utoipa::path(
    post, path = "/api/v1/iam-users/{id}/delete", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`"), IdempotencyKey),
    request_body = wire::UserBecause,
    responses((status = 200, body = wire::ManagedUser), (status = "4XX", body = Problem))
)]
async fn delete_user(
    cx: Cx,
    Path(id): Path<ObjectId>,
    body: Idempotent<wire::UserBecause>,
) -> Result<Response, Failure> {
    body.run(cx, async move |cx, because| {
        let confirm = because.confirm.as_deref();
        let after = super::delete(&cx, id, &because.reason, confirm).await?;
        Ok(Json(shown(after)).into_response())
    })
    .await
}

/// Tries again at once what AWS refuses about an IAM user.
#[utoipa::path(
    post, path = "/api/v1/iam-users/{id}/retry", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`")),
    responses((status = 200, body = wire::ManagedUser), (status = "4XX", body = Problem))
)]
async fn retry_user(cx: Cx, Path(id): Path<ObjectId>) -> Result<Json<wire::ManagedUser>, Failure> {
    Ok(Json(shown(super::retry_user(&cx, id).await?)))
}

/// Lists the rotations of a connection's access key, newest first.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/key-rotations", tag = "managed objects",
    params(("id" = String, Path, description = "`con_…`"), Pages),
    responses((status = 200, body = Page<wire::KeyRotation>), (status = "4XX", body = Problem))
)]
async fn list_rotations(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    paging: Paging,
) -> Result<Json<Page<wire::KeyRotation>>, Failure> {
    let page = super::list_rotations(&cx, id, &paging).await?;
    let now = cx.now;
    Ok(Json(Page {
        items: page.items.into_iter().map(|it| rotated(it, now)).collect(),
        next: page.next,
    }))
}

/// Begins to rotate the access key a connection enters by: a second key is made, tried, the
/// connection switched, the old key made inactive and later deleted.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/rotate-key", tag = "managed objects",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 202, body = wire::KeyRotation), (status = "4XX", body = Problem))
)]
async fn rotate_key(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let begun = super::begin(&cx, id).await?;
    Ok((StatusCode::ACCEPTED, Json(rotated(begun, cx.now))).into_response())
}

/// Shows a rotation, with what was done in AWS.
#[utoipa::path(
    get, path = "/api/v1/key-rotations/{id}", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`")),
    responses((status = 200, body = wire::KeyRotationDetail), (status = "4XX", body = Problem))
)]
async fn get_rotation(
    cx: Cx,
    Path(id): Path<ObjectId>,
) -> Result<Json<wire::KeyRotationDetail>, Failure> {
    let (found, moments) = super::get_rotation(&cx, id).await?;
    Ok(Json(wire::KeyRotationDetail {
        rotation: rotated(found, cx.now),
        timeline: told(moments),
    }))
}

/// Tries again at once what AWS refuses about a rotation.
#[utoipa::path(
    post, path = "/api/v1/key-rotations/{id}/retry", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`")),
    responses((status = 200, body = wire::KeyRotation), (status = "4XX", body = Problem))
)]
async fn retry_rotation(
    cx: Cx,
    Path(id): Path<ObjectId>,
) -> Result<Json<wire::KeyRotation>, Failure> {
    let after = super::retry_rotation(&cx, id).await?;
    Ok(Json(rotated(after, cx.now)))
}

/// Calls a rotation off and takes back what was begun. Not once the connection was switched.
#[utoipa::path(
    post, path = "/api/v1/key-rotations/{id}/cancel", tag = "managed objects",
    params(("id" = String, Path, description = "`mob_…`"), IdempotencyKey),
    request_body = Because,
    responses((status = 200, body = wire::KeyRotation), (status = "4XX", body = Problem))
)]
async fn cancel_rotation(
    cx: Cx,
    Path(id): Path<ObjectId>,
    body: Idempotent<Because>,
) -> Result<Response, Failure> {
    body.run(cx, async move |cx, because| {
        let after = super::cancel(&cx, id, &because.reason).await?;
        let now = cx.now;
        Ok(Json(rotated(after, now)).into_response())
    })
    .await
}
