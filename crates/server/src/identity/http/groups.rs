//! Groups and their members over the API.

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, identity as wire};
use stint_domain::{GroupId, UserId};
use utoipa::IntoParams;

use super::super::{
    self as identity, Error, GroupChange, GroupFilter, Member, MemberFilter, NewGroup,
};
use super::{group, map};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Pages, Paging, Path, Query, versioned,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Words in the name, in their order.
    q: Option<String>,
    /// `name` (when absent) or `created`; with a minus before it from its other end.
    sort: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskedMembers {
    /// Words in name and address, in their order.
    q: Option<String>,
    /// `email` (when absent), `name` or `since`; with a minus before it from its other end.
    sort: Option<String>,
}

/// Lists groups by name.
#[utoipa::path(
    get,
    path = "/api/v1/groups",
    tag = "identity",
    params(Asked, Pages),
    responses((status = 200, body = Page<wire::Group>), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    cx: Cx,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<wire::Group>>, Failure> {
    let filter = GroupFilter {
        q: asked.q.unwrap_or_default(),
        sort: asked.sort,
    };
    let page = identity::list_groups(&cx, &filter, &paging).await?;
    Ok(Json(map(page, group)))
}

/// Creates a group.
#[utoipa::path(
    post,
    path = "/api/v1/groups",
    tag = "identity",
    params(IdempotencyKey),
    request_body = wire::NewGroup,
    responses((status = 201, body = wire::Group), (status = "4XX", body = Problem))
)]
pub(super) async fn create(cx: Cx, body: Idempotent<wire::NewGroup>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = NewGroup {
            name: input.name,
            description: input.description,
        };
        let made = identity::create_group(&cx, new).await?;
        Ok(versioned(
            made.version,
            (StatusCode::CREATED, Json(group(made))),
        ))
    })
    .await
}

/// Shows a group.
#[utoipa::path(
    get,
    path = "/api/v1/groups/{id}",
    tag = "identity",
    params(("id" = String, Path, description = "`grp_…`")),
    responses((status = 200, body = wire::Group), (status = "4XX", body = Problem))
)]
pub(super) async fn get(cx: Cx, Path(id): Path<GroupId>) -> Result<Response, Failure> {
    let found = identity::get_group(&cx, id).await?;
    Ok(versioned(found.version, Json(group(found))))
}

/// Changes a group's name or description.
#[utoipa::path(
    patch,
    path = "/api/v1/groups/{id}",
    tag = "identity",
    params(("id" = String, Path, description = "`grp_…`"), IfMatch, IdempotencyKey),
    request_body = wire::GroupChange,
    responses((status = 200, body = wire::Group), (status = "4XX", body = Problem))
)]
pub(super) async fn update(
    cx: Cx,
    Path(id): Path<GroupId>,
    seen: IfMatch,
    body: Idempotent<wire::GroupChange>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let change = GroupChange {
            name: input.name,
            description: input.description,
        };
        let changed = identity::update_group(&cx, id, change, seen.version()).await?;
        Ok(versioned(changed.version, Json(group(changed))))
    })
    .await
}

/// Lists a group's members.
#[utoipa::path(
    get,
    path = "/api/v1/groups/{id}/members",
    tag = "identity",
    params(("id" = String, Path, description = "`grp_…`"), AskedMembers, Pages),
    responses((status = 200, body = Page<wire::Member>), (status = "4XX", body = Problem))
)]
pub(super) async fn members(
    cx: Cx,
    Path(id): Path<GroupId>,
    Query(asked): Query<AskedMembers>,
    paging: Paging,
) -> Result<Json<Page<wire::Member>>, Failure> {
    let filter = MemberFilter {
        q: asked.q.unwrap_or_default(),
        sort: asked.sort,
    };
    let page = identity::list_members(&cx, id, &filter, &paging).await?;
    Ok(Json(map(page, member)))
}

fn member(member: Member) -> wire::Member {
    wire::Member {
        user_id: member.user.to_string(),
        name: member.name,
        email: member.email,
        active: member.active,
        added_at: member.added_at.to_string(),
        added_by: member.added_by.map(|by| by.to_string()),
    }
}

/// Puts a user into a group.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{id}/members",
    tag = "identity",
    params(("id" = String, Path, description = "`grp_…`"), IdempotencyKey),
    request_body = wire::NewMember,
    responses((status = 200, body = wire::Group), (status = "4XX", body = Problem))
)]
pub(super) async fn add_member(
    cx: Cx,
    Path(id): Path<GroupId>,
    body: Idempotent<wire::NewMember>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let user = input.user_id.parse::<UserId>();
        let user = user.map_err(|why| Error::bad("user_id", format!("{why}.")))?;
        let changed = identity::add_member(&cx, id, user).await?;
        Ok(versioned(changed.version, Json(group(changed))))
    })
    .await
}

/// Takes a user out of a group.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{id}/members/{user}",
    tag = "identity",
    params(
        ("id" = String, Path, description = "`grp_…`"),
        ("user" = String, Path, description = "`usr_…`"),
    ),
    responses((status = 200, body = wire::Group), (status = "4XX", body = Problem))
)]
pub(super) async fn remove_member(
    cx: Cx,
    Path((id, user)): Path<(GroupId, UserId)>,
) -> Result<Response, Failure> {
    let changed = identity::remove_member(&cx, id, user).await?;
    Ok(versioned(changed.version, Json(group(changed))))
}
