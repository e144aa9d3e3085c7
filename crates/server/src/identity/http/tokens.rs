//! API tokens over the API. No idempotency keys here: the answer is a secret, and answers
//! under a key are stored.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use secrecy::ExposeSecret as _;
use stint_api::{Page, Problem, identity as wire};
use stint_domain::{Time, TokenId, UserId};

use super::super::{self as identity, NewToken, Token};
use super::map;
use crate::cx::Cx;
use crate::http::{Failure, Json, Pages, Paging, Path};

/// Lists a user's API tokens, newest first, with those that are over.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}/tokens",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`"), Pages),
    responses((status = 200, body = Page<wire::Token>), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    cx: Cx,
    Path(id): Path<UserId>,
    paging: Paging,
) -> Result<Json<Page<wire::Token>>, Failure> {
    let wall = cx.app.wall.now();
    let page = identity::list_tokens(&cx, id, &paging).await?;
    Ok(Json(map(page, |row| token(row, wall))))
}

fn token(token: Token, wall: Time) -> wire::Token {
    wire::Token {
        id: token.id.to_string(),
        state: token.state(wall).to_string(),
        name: token.name,
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.to_string(),
        last_used_at: token.last_used_at.map(|at| at.to_string()),
        revoked_at: token.revoked_at.map(|at| at.to_string()),
    }
}

/// Issues an API token to the caller, who must be signed in. The secret is shown once.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "identity",
    request_body = wire::NewToken,
    responses((status = 201, body = wire::IssuedToken), (status = "4XX", body = Problem))
)]
pub(super) async fn issue(cx: Cx, Json(input): Json<wire::NewToken>) -> Result<Response, Failure> {
    let new = NewToken {
        name: input.name,
        days: input.days,
    };
    let issued = identity::issue_token(&cx, new).await?;
    let wall = cx.app.wall.now();
    let body = wire::IssuedToken {
        token: token(issued.token, wall),
        secret: issued.secret.expose_secret().to_owned().into(),
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Revokes an API token. It is dead at once.
#[utoipa::path(
    post,
    path = "/api/v1/tokens/{id}/revoke",
    tag = "identity",
    params(("id" = String, Path, description = "`tok_…`")),
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn revoke(cx: Cx, Path(id): Path<TokenId>) -> Result<StatusCode, Failure> {
    identity::revoke_token(&cx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
