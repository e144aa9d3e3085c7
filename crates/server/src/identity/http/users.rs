//! Users over the API. No idempotency keys where a password may be in the body: a fast hash
//! of the body is stored under a key. Addresses are unique, so a repeat is refused anyway.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, identity as wire};
use stint_domain::UserId;
use stint_domain::rights::{Relation, Verb};
use utoipa::IntoParams;

use super::super::{self as identity, NewUser, ROLES, UserChange, UserFilter};
use super::{map, roles, user};
use crate::cx::{Cx, Via};
use crate::http::{Failure, IfMatch, Json, Pages, Paging, Path, Query, chosen, versioned};

/// Says who the caller is.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "identity",
    responses((status = 200, body = wire::Me), (status = "4XX", body = Problem))
)]
pub(super) async fn me(cx: Cx) -> Result<Json<wire::Me>, Failure> {
    let (me, groups) = identity::me(&cx).await?;
    let via = match cx.person()?.via {
        Via::Page(_) => "page".to_owned(),
        Via::Token(id) => format!("token:{id}"),
    };
    let groups = groups
        .into_iter()
        .map(|group| wire::GroupName {
            id: group.id.to_string(),
            name: group.name,
        })
        .collect();
    Ok(Json(wire::Me {
        user: user(me),
        via,
        groups,
    }))
}

/// Changes the caller's own password; ends their other sign-ins.
#[utoipa::path(
    put,
    path = "/api/v1/me/password",
    tag = "identity",
    request_body = wire::PasswordChange,
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn change_password(
    cx: Cx,
    Json(input): Json<wire::PasswordChange>,
) -> Result<StatusCode, Failure> {
    identity::change_password(&cx, input.current.into(), input.new.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Words in name and address, in their order.
    q: Option<String>,
    /// Only those who are active (`true`), or only those who are not (`false`).
    active: Option<bool>,
    /// Only those who hold this product role everywhere.
    role: Option<String>,
    /// `email` (when absent), `name` or `created`; with a minus before it from its other end.
    sort: Option<String>,
}

/// Lists users by address.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "identity",
    params(Asked, Pages),
    responses((status = 200, body = Page<wire::User>), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    cx: Cx,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<wire::User>>, Failure> {
    // Rights before the words: who may not list learns nothing from a better word.
    cx.authorize(Verb::ListUsers, Relation::None)?;
    let role = chosen("role", asked.role.as_deref(), ROLES)?.and_then(|word| word.parse().ok());
    let filter = UserFilter {
        q: asked.q.unwrap_or_default(),
        active: asked.active,
        role,
        manager: None,
        but: None,
        sort: asked.sort,
    };
    let page = identity::list_users(&cx, &filter, &paging).await?;
    Ok(Json(map(page, user)))
}

/// Creates a user.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "identity",
    request_body = wire::NewUser,
    responses((status = 201, body = wire::User), (status = "4XX", body = Problem))
)]
pub(super) async fn create(cx: Cx, Json(input): Json<wire::NewUser>) -> Result<Response, Failure> {
    let new = NewUser {
        name: input.name,
        email: input.email,
        password: input.password.map(Into::into),
        roles: roles(&input.roles)?,
    };
    let made = identity::create_user(&cx, new).await?;
    Ok(versioned(
        made.version,
        (StatusCode::CREATED, Json(user(made))),
    ))
}

/// Shows a user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = wire::User), (status = "4XX", body = Problem))
)]
pub(super) async fn get(cx: Cx, Path(id): Path<UserId>) -> Result<Response, Failure> {
    let found = identity::get_user(&cx, id).await?;
    Ok(versioned(found.version, Json(user(found))))
}

/// Changes a user's name, address, password, department, title or manager.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`"), IfMatch),
    request_body = wire::UserChange,
    responses((status = 200, body = wire::User), (status = "4XX", body = Problem))
)]
pub(super) async fn update(
    cx: Cx,
    Path(id): Path<UserId>,
    seen: IfMatch,
    Json(input): Json<wire::UserChange>,
) -> Result<Response, Failure> {
    let change = UserChange {
        name: input.name,
        email: input.email,
        password: input.password.map(Into::into),
        department: input.department,
        title: input.title,
        manager: match input.manager.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(id) => Some(Some(id.parse().map_err(|_| identity::Error::Manager)?)),
        },
    };
    let changed = identity::update_user(&cx, id, change, seen.version()).await?;
    Ok(versioned(changed.version, Json(user(changed))))
}

/// Replaces a user's product roles.
#[utoipa::path(
    put,
    path = "/api/v1/users/{id}/roles",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`"), IfMatch),
    request_body = wire::RoleSet,
    responses((status = 200, body = wire::User), (status = "4XX", body = Problem))
)]
pub(super) async fn set_roles(
    cx: Cx,
    Path(id): Path<UserId>,
    seen: IfMatch,
    Json(input): Json<wire::RoleSet>,
) -> Result<Response, Failure> {
    let wanted = roles(&input.roles)?;
    let changed = identity::set_roles(&cx, id, wanted, seen.version()).await?;
    Ok(versioned(changed.version, Json(user(changed))))
}

/// Deactivates a user: their sign-ins and tokens are dead at once.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/deactivate",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = wire::User), (status = "4XX", body = Problem))
)]
pub(super) async fn deactivate(cx: Cx, Path(id): Path<UserId>) -> Result<Response, Failure> {
    let changed = identity::deactivate_user(&cx, id).await?;
    Ok(versioned(changed.version, Json(user(changed))).into_response())
}

/// Makes a user active again.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/reactivate",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = wire::User), (status = "4XX", body = Problem))
)]
pub(super) async fn reactivate(cx: Cx, Path(id): Path<UserId>) -> Result<Response, Failure> {
    let changed = identity::reactivate_user(&cx, id).await?;
    Ok(versioned(changed.version, Json(user(changed))).into_response())
}
