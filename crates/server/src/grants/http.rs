//! Grants over the API.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::grants as wire;
use stint_api::requests::HolderGroup;
use stint_api::{Page, Problem};
use stint_domain::GrantId;
use stint_domain::rights::Verb;
use utoipa_axum::routes;

use super::{Error, Grant, Remaining, Show};
use crate::cx::Cx;
use crate::http::{Failure, IdempotencyKey, Idempotent, Json, Pages, Paging, Path, Query, Routes};

/// Every route of this room.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::MyGrants, routes!(mine))
        .api(Verb::ListGrants, routes!(list))
        .api(Verb::GetGrant, routes!(get))
        .api(Verb::RevokeGrant, routes!(revoke))
        .api(Verb::CutOff, routes!(cut_off))
        .api(Verb::RetryGrant, routes!(retry))
        .api(Verb::ProvisionAgain, routes!(provision_again))
}

/// Which grants.
#[derive(Debug, Deserialize)]
struct Which {
    show: Option<String>,
}

/// Lists the caller's own grants, newest first.
#[utoipa::path(
    get, path = "/api/v1/grants/mine", tag = "grants",
    params(
        Pages,
    ),
    responses((status = 200, body = Page<wire::Grant>), (status = "4XX", body = Problem))
)]
async fn mine(cx: Cx, paging: Paging) -> Result<Json<Page<wire::Grant>>, Failure> {
    let page = super::mine(&cx, &paging).await?;
    whole(&cx, page).await
}

/// Lists everybody's grants, newest first.
#[utoipa::path(
    get, path = "/api/v1/grants", tag = "grants",
    params(
        ("show" = Option<String>, Query, description = "`live` (when absent), `soon` (ending within the hour), `stuck`, `failed`, `ended`, or `emergency` (asked for in an emergency, whatever became of it)."),
        Pages,
    ),
    responses((status = 200, body = Page<wire::Grant>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(which): Query<Which>,
    paging: Paging,
) -> Result<Json<Page<wire::Grant>>, Failure> {
    // Rights before the word: who may not list must not learn more from a better word.
    let show = which.show.as_deref().map_or(Ok(Show::Live), shown);
    let page = match show {
        Ok(show) => super::list(&cx, show, &paging).await?,
        Err(error) => {
            super::list(&cx, Show::Stuck, &paging).await?;
            return Err(error.into());
        }
    };
    whole(&cx, page).await
}

fn shown(word: &str) -> Result<Show, Error> {
    match word {
        "live" => Ok(Show::Live),
        "soon" => Ok(Show::Soon),
        "stuck" => Ok(Show::Stuck),
        "failed" => Ok(Show::Failed),
        "ended" => Ok(Show::Ended),
        "emergency" => Ok(Show::Emergency),
        other => Err(Error::BadShow(other.to_owned())),
    }
}

/// One grant, with what happened to it in AWS.
#[utoipa::path(
    get, path = "/api/v1/grants/{id}", tag = "grants", params(("id" = String, Path, description = "`grt_…`")),
    responses((status = 200, body = wire::GrantDetail), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<GrantId>) -> Result<Json<wire::GrantDetail>, Failure> {
    let grant = super::get(&cx, id).await?;
    let mut q = cx.read().await.map_err(Error::from)?;
    let moments = super::timeline(&mut q, std::slice::from_ref(&grant))
        .await
        .map_err(Error::from)?;
    let left = super::remaining(&mut q, &grant, cx.now)
        .await
        .map_err(Error::from)?;
    let timeline = moments
        .into_iter()
        .map(|m| wire::Moment {
            at: m.at.to_string(),
            what: m.what,
            text: m.text,
            aws_request_id: m.aws_request_id,
        })
        .collect();
    Ok(Json(wire::GrantDetail {
        grant: one(&cx, &mut q, grant).await?,
        timeline,
        remaining: left_over(left),
    }))
}

/// Ends a grant early. Answers through what the access continues, if it does.
#[utoipa::path(
    post, path = "/api/v1/grants/{id}/revoke", tag = "grants", params(("id" = String, Path, description = "`grt_…`"), IdempotencyKey),
    request_body = wire::Because, responses((status = 200, body = wire::Revoked), (status = "4XX", body = Problem))
)]
async fn revoke(
    cx: Cx,
    Path(id): Path<GrantId>,
    body: Idempotent<wire::Because>,
) -> Result<Response, Failure> {
    body.run(cx, move |cx, because| async move {
        let (grant, left) = super::revoke(&cx, id, &because.reason).await?;
        revoked(&cx, grant, left).await
    })
    .await
}

/// Ends every grant of the same access and person. Answers what continues all the same.
#[utoipa::path(
    post, path = "/api/v1/grants/{id}/cut-off", tag = "grants", params(("id" = String, Path, description = "`grt_…`"), IdempotencyKey),
    request_body = wire::Because, responses((status = 200, body = wire::Revoked), (status = "4XX", body = Problem))
)]
async fn cut_off(
    cx: Cx,
    Path(id): Path<GrantId>,
    body: Idempotent<wire::Because>,
) -> Result<Response, Failure> {
    body.run(cx, move |cx, because| async move {
        let (grant, left) = super::cut_off(&cx, id, &because.reason).await?;
        revoked(&cx, grant, left).await
    })
    .await
}

async fn revoked(cx: &Cx, grant: Grant, left: Remaining) -> Result<Response, Failure> {
    let mut q = cx.read().await.map_err(Error::from)?;
    let grant = one(cx, &mut q, grant).await?;
    Ok((
        StatusCode::OK,
        Json(wire::Revoked {
            grant,
            remaining: left_over(left),
        }),
    )
        .into_response())
}

/// Tries again at once what AWS refused to remove.
#[utoipa::path(
    post, path = "/api/v1/grants/{id}/retry", tag = "grants", params(("id" = String, Path, description = "`grt_…`")),
    responses((status = 200, body = wire::Grant), (status = "4XX", body = Problem))
)]
async fn retry(cx: Cx, Path(id): Path<GrantId>) -> Result<Json<wire::Grant>, Failure> {
    let grant = super::retry(&cx, id).await?;
    let mut q = cx.read().await.map_err(Error::from)?;
    Ok(Json(one(&cx, &mut q, grant).await?))
}

/// Puts access back that somebody took away in AWS.
#[utoipa::path(
    post, path = "/api/v1/grants/{id}/provision-again", tag = "grants", params(("id" = String, Path, description = "`grt_…`")),
    responses((status = 200, body = wire::Grant), (status = "4XX", body = Problem))
)]
async fn provision_again(cx: Cx, Path(id): Path<GrantId>) -> Result<Json<wire::Grant>, Failure> {
    let grant = super::provision_again(&cx, id).await?;
    let mut q = cx.read().await.map_err(Error::from)?;
    Ok(Json(one(&cx, &mut q, grant).await?))
}

async fn whole(cx: &Cx, page: Page<Grant>) -> Result<Json<Page<wire::Grant>>, Failure> {
    let mut q = cx.read().await.map_err(Error::from)?;
    let items = all(cx, &mut q, page.items).await?;
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

async fn one(cx: &Cx, q: &mut stint_db::Reader, grant: Grant) -> Result<wire::Grant, Error> {
    all(cx, q, vec![grant]).await?.pop().ok_or(Error::NotFound)
}

/// Grants with the names of what and who they are about.
async fn all(
    cx: &Cx,
    q: &mut stint_db::Reader,
    grants: Vec<Grant>,
) -> Result<Vec<wire::Grant>, Error> {
    let names = super::Names::of(q, &grants).await?;
    Ok((grants.into_iter())
        .map(|grant| named(cx, &names, grant))
        .collect())
}

fn named(cx: &Cx, names: &super::Names, grant: Grant) -> wire::Grant {
    let entitlement = names.entitlement(&grant);
    let user = names.user(&grant);
    let group = names.group(&grant);
    let super::Origin::Request(request) = grant.origin;
    let status = grant.status(cx.now);
    wire::Grant {
        id: grant.id.to_string(),
        entitlement: grant.pair.entitlement.to_string(),
        entitlement_name: entitlement.map(|e| e.name.clone()).unwrap_or_default(),
        user: grant.user.to_string(),
        user_name: user.map(|u| u.name.clone()).unwrap_or_default(),
        group: group.map(|group| HolderGroup {
            id: group.id.to_string(),
            name: group.name.clone(),
        }),
        request: Some(request.to_string()),
        emergency: grant.emergency,
        until_revoked: kept(&grant),
        status: status.to_string(),
        status_title: status.title().to_owned(),
        start: grant.start.to_string(),
        confirmed_at: grant.window.confirmed_at.map(|at| at.to_string()),
        end: grant.end().map(|at| at.to_string()),
        ended_at: grant.window.ended.map(|e| e.at.to_string()),
        remains: grant.window.ended.map(|e| e.remains.to_string()),
        close_reason: grant.window.closed.as_ref().map(|c| c.reason.to_string()),
        note: grant.window.closed.as_ref().and_then(|c| c.note.clone()),
        stuck: grant
            .binding
            .stuck
            .as_ref()
            .filter(|_| grant.window.ended.is_none())
            .map(|s| s.reason.clone()),
    }
}

/// How it is had until it is revoked, if it is.
pub(crate) fn kept(grant: &Grant) -> Option<wire::KeptUntilRevoked> {
    let every = grant.review_every?;
    Some(wire::KeptUntilRevoked {
        review_at: grant.review_at().map(|at| at.to_string()),
        review_every_seconds: every.as_seconds(),
    })
}

fn left_over(left: Remaining) -> wire::Remaining {
    wire::Remaining {
        grants: left.grants.iter().map(ToString::to_string).collect(),
        groups: left.groups,
        standing: left.standing,
    }
}
