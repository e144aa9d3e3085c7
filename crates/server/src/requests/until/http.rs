//! Access until it is revoked over HTTP.

use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use stint_api::{Page, Problem, until_revoked as wire};
use stint_domain::rights::Verb;
use stint_domain::{GrantId, RequestId, Span};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::super::http::{line, who};
use super::{KEPT_STATES, KeptDetail, KeptFilter, KeptLine, KeptState};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, Json, Kind, Pages, Paging, Path, Query, Routes, chosen,
    versioned,
};
use crate::policies::parsed;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListKept, routes!(reviews))
        .api(Verb::GetRequest, routes!(review))
        .api(Verb::AnswerKept, routes!(keep))
        .api(Verb::AnswerKept, routes!(close))
}

/// For how long something is asked for: for a time or until it is revoked, one of the two.
pub(in crate::requests) fn length(
    seconds: Option<i64>,
    until_revoked: bool,
) -> Result<Span, Failure> {
    match wished(seconds, until_revoked)? {
        Some(length) => Ok(length),
        None if until_revoked => Ok(Span::ZERO),
        None => Err(Failure::new(
            Kind::Invalid,
            "duration_or_until_revoked",
            "duration_seconds: say for how long, or with `until_revoked` that it is asked for until it is revoked.",
        )),
    }
}

/// The same where it need not be said.
pub(in crate::requests) fn wished(
    seconds: Option<i64>,
    until_revoked: bool,
) -> Result<Option<Span>, Failure> {
    if seconds.is_some() && until_revoked {
        return Err(Failure::new(
            Kind::Invalid,
            "duration_or_until_revoked",
            "duration_seconds: it is asked for a time or until it is revoked. Leave out one of the two.",
        ));
    }
    Ok(seconds.map(Span::seconds))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those that are `open`, `kept`, `closed` or `over` (nobody answered in time, or the access was
    /// ended otherwise).
    state: Option<String>,
}

/// Lists the reviews of access that is had until it is revoked, newest first: all of them for auditors
/// and Super Admins, for others those of what they own.
#[utoipa::path(
    get,
    path = "/api/v1/until-revoked-reviews",
    tag = "requests",
    params(Which, Pages),
    responses((status = 200, body = Page<wire::KeptReviewLine>), (status = "4XX", body = Problem))
)]
async fn reviews(
    cx: Cx,
    Query(asked): Query<Which>,
    paging: Paging,
) -> Result<Json<Page<wire::KeptReviewLine>>, Failure> {
    let filter = KeptFilter {
        state: chosen("state", asked.state.as_deref(), KEPT_STATES)?,
    };
    let page = super::kept_reviews(&cx, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(|it| shown(&cx, it)).collect(),
        next: page.next,
    }))
}

/// The latest review of what a request gave until it is revoked.
#[utoipa::path(
    get,
    path = "/api/v1/until-revoked-reviews/{id}",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`")),
    responses((status = 200, body = wire::KeptReview), (status = "4XX", body = Problem))
)]
async fn review(cx: Cx, Path(id): Path<RequestId>) -> Result<Response, Failure> {
    detail(&cx, id).await
}

/// Says that it is still needed: the access goes on, and it is asked again at its next review.
#[utoipa::path(
    post,
    path = "/api/v1/until-revoked-reviews/{id}/keep",
    tag = "requests",
    params(
        ("id" = String, Path, description = "`req_…`"),
        IdempotencyKey,
    ),
    request_body = wire::AnswerKept,
    responses((status = 200, body = wire::KeptReview), (status = "4XX", body = Problem))
)]
async fn keep(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::AnswerKept>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| answered(&cx, id, true, &input).await)
        .await
}

/// Says that it is not needed any more: the access is revoked at once.
#[utoipa::path(
    post,
    path = "/api/v1/until-revoked-reviews/{id}/close",
    tag = "requests",
    params(
        ("id" = String, Path, description = "`req_…`"),
        IdempotencyKey,
    ),
    request_body = wire::AnswerKept,
    responses((status = 200, body = wire::KeptReview), (status = "4XX", body = Problem))
)]
async fn close(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::AnswerKept>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| answered(&cx, id, false, &input).await)
        .await
}

async fn answered(
    cx: &Cx,
    id: RequestId,
    keep: bool,
    input: &wire::AnswerKept,
) -> Result<Response, Failure> {
    let which: Option<GrantId> = (input.grant.as_deref())
        .map(|id| parsed("grant", id))
        .transpose()?;
    stint_db::retrying(|| super::answer(cx, id, which, keep, &input.note)).await?;
    detail(cx, id).await
}

async fn detail(cx: &Cx, id: RequestId) -> Result<Response, Failure> {
    let it: KeptDetail = super::kept_review(cx, id).await?;
    let version = it.line.review.version;
    let body = wire::KeptReview {
        answerers: it.answerers.iter().map(who).collect(),
        super_admins: it.super_admins,
        may_answer: it.may_answer.is_ok() && it.line.review.waits(cx.now),
        line: shown(cx, it.line),
        version,
    };
    Ok(versioned(version, Json(body)).into_response())
}

fn shown(cx: &Cx, it: KeptLine) -> wire::KeptReviewLine {
    let (note, answered_at) = match &it.review.state {
        KeptState::Answered { note, at, .. } => (Some(note.clone()), Some(at.to_string())),
        KeptState::Open | KeptState::Over => (None, None),
    };
    wire::KeptReviewLine {
        state: it.review.word(cx.now).to_owned(),
        grant: it.review.grant.to_string(),
        review_at: it.review.review_at().to_string(),
        due_at: it.review.due_at.to_string(),
        note,
        answered_at,
        answered_by: it.answered_by.as_ref().map(who),
        request: line(it.line),
    }
}
