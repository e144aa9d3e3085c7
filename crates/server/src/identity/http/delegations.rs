//! Delegations over the API.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::requests::Nothing;
use stint_api::{Page, Problem, identity as wire};
use stint_domain::{DelegationId, Time};
use utoipa::IntoParams;

use super::super::{
    self as identity, Delegation, DelegationFilter, DelegationShown, Error, NewDelegation, User,
};
use super::map;
use crate::cx::Cx;
use crate::http::{Failure, IdempotencyKey, Idempotent, Json, Pages, Paging, Path, Query};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Narrowed {
    /// Everybody's; else those the caller wrote or that name them.
    #[serde(default)]
    #[param(required = false)]
    everybody: bool,
    /// Only those that are planned or in force.
    #[serde(default)]
    #[param(required = false)]
    open: bool,
}

/// Lists delegations, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/delegations",
    tag = "identity",
    params(Narrowed, Pages),
    responses((status = 200, body = Page<wire::Delegation>), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    cx: Cx,
    Query(asked): Query<Narrowed>,
    paging: Paging,
) -> Result<Json<Page<wire::Delegation>>, Failure> {
    let filter = DelegationFilter {
        everybody: asked.everybody,
        open: asked.open,
    };
    let page = identity::list_delegations(&cx, filter, &paging).await?;
    Ok(Json(map(page, |it| shown(it, cx.now))))
}

/// Lets somebody decide for a user while they are away.
///
/// Made with a sign-in whose password was given within the last 5 minutes it counts everywhere; made
/// otherwise, as with an API token, nobody approves by it where the policy wants the password of whoever
/// approves.
#[utoipa::path(
    post,
    path = "/api/v1/delegations",
    tag = "identity",
    params(IdempotencyKey),
    request_body = wire::NewDelegation,
    responses((status = 201, body = wire::Delegation), (status = "4XX", body = Problem))
)]
pub(super) async fn create(
    cx: Cx,
    body: Idempotent<wire::NewDelegation>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let user = match input.user {
            Some(id) => Some(id.parse().map_err(|why| bad("user_id", why))?),
            None => None,
        };
        let starts_at = match input.starts_at {
            Some(at) => Some(at.parse::<Time>().map_err(|why| bad("starts_at", why))?),
            None => None,
        };
        let new = NewDelegation {
            user,
            delegate: input.delegate,
            starts_at,
            ends_at: input.ends_at.parse().map_err(|why| bad("ends_at", why))?,
            note: input.note,
        };
        let made = identity::delegate(&cx, new).await?;
        let made = identity::get_delegation(&cx, made.id).await?;
        Ok((StatusCode::CREATED, Json(shown(made, cx.now))).into_response())
    })
    .await
}

fn bad(field: &'static str, why: impl std::fmt::Display) -> Error {
    Error::bad(field, format!("{why}."))
}

/// One delegation: of the caller's, to them, or, for those who see everybody's, any.
#[utoipa::path(
    get,
    path = "/api/v1/delegations/{id}",
    tag = "identity",
    params(("id" = String, Path, description = "`dlg_…`")),
    responses((status = 200, body = wire::Delegation), (status = "4XX", body = Problem))
)]
pub(super) async fn get(
    cx: Cx,
    Path(id): Path<DelegationId>,
) -> Result<Json<wire::Delegation>, Failure> {
    Ok(Json(shown(
        identity::get_delegation(&cx, id).await?,
        cx.now,
    )))
}

/// Ends a delegation now. Who is away may, their delegate and Super Admins. What the delegate has
/// decided stays decided.
#[utoipa::path(
    post,
    path = "/api/v1/delegations/{id}/end",
    tag = "identity",
    params(("id" = String, Path, description = "`dlg_…`"), IdempotencyKey),
    request_body = Nothing,
    responses((status = 200, body = wire::Delegation), (status = "4XX", body = Problem))
)]
pub(super) async fn end(
    cx: Cx,
    Path(id): Path<DelegationId>,
    body: Idempotent<Nothing>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, _| {
        identity::end_delegation(&cx, id).await?;
        let after = identity::get_delegation(&cx, id).await?;
        Ok(Json(shown(after, cx.now)).into_response())
    })
    .await
}

fn shown(it: DelegationShown, now: Time) -> wire::Delegation {
    let state = it.delegation.state(now).as_str().to_owned();
    let Delegation {
        id,
        starts_at,
        ends_at,
        note,
        created_at,
        created_by,
        proved,
        ended_at,
        ended_by,
        ..
    } = it.delegation;
    wire::Delegation {
        id: id.to_string(),
        user: party(it.user),
        delegate: party(it.delegate),
        starts_at: starts_at.to_string(),
        ends_at: ends_at.to_string(),
        note,
        state,
        created_at: created_at.to_string(),
        created_by: created_by.map(|id| id.to_string()),
        proved,
        ended_at: ended_at.map(|at| at.to_string()),
        ended_by: ended_by.map(|id| id.to_string()),
    }
}

fn party(user: User) -> wire::DelegationParty {
    wire::DelegationParty {
        id: user.id.to_string(),
        name: user.name,
        email: user.email,
        active: user.active,
    }
}
