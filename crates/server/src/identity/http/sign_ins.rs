//! Sign-in, sign-out, and the demo's personas.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use stint_api::{Problem, identity as wire};
use stint_domain::{SignInId, UserId};

use super::super::{DemoCaller, Error, IDLE, SignIn, demo_sign_in};
use crate::cx::{Actor, App, Cx, Person, Via};
use crate::http::{Failure, Form, Json, Path};

/// Signs in with a local password.
///
/// The sign-in travels in the `Set-Cookie` header. After ten failures for one address the
/// wait grows: `Retry-After` says how long.
#[utoipa::path(
    post,
    path = "/api/v1/sign-in",
    tag = "identity",
    request_body = wire::SignIn,
    responses((status = 200, body = wire::SignedIn), (status = "4XX", body = Problem))
)]
pub(super) async fn sign_in(cx: Cx, Json(input): Json<wire::SignIn>) -> Response {
    let started = super::super::sign_in(&cx, &input.email, input.password.into()).await;
    let started = match started {
        Ok(started) => started,
        Err(error) => return refused(error),
    };
    let body = wire::SignedIn {
        user: super::user(started.user),
        ends_at: started.ends_at.to_string(),
        idle_seconds: IDLE.as_seconds(),
    };
    ([(header::SET_COOKIE, started.cookie)], Json(body)).into_response()
}

/// Gives the caller's password again, for the sign-in the call is made with.
///
/// For five minutes it counts where a policy wants the password of whoever asks or approves
/// (`step_up_required`). An API token cannot give one.
#[utoipa::path(
    post,
    path = "/api/v1/sign-in/proof",
    tag = "identity",
    request_body = wire::SignInProof,
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn prove(cx: Cx, Json(input): Json<wire::SignInProof>) -> Response {
    match super::super::prove(&cx, input.password.into()).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refused(error),
    }
}

/// A refused sign-in, with the wait when there is one.
fn refused(error: Error) -> Response {
    let wait = match &error {
        Error::LockedOut { seconds, .. } => Some(HeaderValue::from(*seconds)),
        _ => None,
    };
    let mut response = Failure::from(error).into_response();
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// Ends the sign-in the call is made with. A token stays.
#[utoipa::path(
    post,
    path = "/api/v1/sign-out",
    tag = "identity",
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn sign_out(cx: Cx) -> Result<Response, Failure> {
    let cookie = super::super::sign_out(&cx).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Lists a user's sign-ins that are in use.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}/sign-ins",
    tag = "identity",
    params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = Vec<wire::SignInRow>), (status = "4XX", body = Problem))
)]
pub(super) async fn list(
    cx: Cx,
    Path(id): Path<UserId>,
) -> Result<Json<Vec<wire::SignInRow>>, Failure> {
    let rows = super::super::list_sign_ins(&cx, id).await?;
    Ok(Json(
        rows.into_iter().map(|row| sign_in_row(&cx, row)).collect(),
    ))
}

fn sign_in_row(cx: &Cx, row: SignIn) -> wire::SignInRow {
    let current = match &cx.actor {
        Actor::User(Person {
            via: Via::Page(id), ..
        }) => *id == row.id,
        _ => false,
    };
    wire::SignInRow {
        id: row.id.to_string(),
        method: row.method.as_str().to_owned(),
        created_at: row.created_at.to_string(),
        seen_at: row.seen_at.to_string(),
        proved_at: row.proved_at.map(|at| at.to_string()),
        ends_at: row.ends_at.to_string(),
        current,
    }
}

/// Ends a sign-in.
#[utoipa::path(
    post,
    path = "/api/v1/sign-ins/{id}/end",
    tag = "identity",
    params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 204), (status = "4XX", body = Problem))
)]
pub(super) async fn end(cx: Cx, Path(id): Path<SignInId>) -> Result<StatusCode, Failure> {
    super::super::end_sign_in(&cx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct PersonaForm {
    persona: String,
}

/// Signs in as a persona and goes to the first page. Outside the demo it is not there.
pub(super) async fn demo(
    cx: Cx,
    caller: DemoCaller,
    Form(form): Form<PersonaForm>,
) -> Result<Response, Failure> {
    let started = demo_sign_in(&cx, &caller, &form.persona).await?;
    let headers = [
        (header::SET_COOKIE, started.cookie),
        (header::LOCATION, HeaderValue::from_static("/")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Outside the demo there is nothing to call from: 404, before anything else is looked at.
impl FromRequestParts<App> for DemoCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        if !app.config.demo {
            return Err(Failure::not_found());
        }
        let authority = parts.uri.authority().map(ToString::to_string);
        let hosts = parts.headers.get_all(header::HOST).iter();
        let hosts = hosts.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        Ok(Self {
            peer: parts.extensions.get().map(|ConnectInfo(peer)| *peer),
            hosts: hosts.chain(authority).collect(),
        })
    }
}
