//! Emergency access over HTTP.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, emergency as wire, requests::Request};
use stint_domain::rights::Verb;
use stint_domain::{RequestId, Span};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::super::http::{answer, line, who};
use super::{REVIEW_STATES, Raise, Review, ReviewDetail, ReviewFilter, ReviewLine, ReviewState};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, Json, Kind, Pages, Paging, Path, Query, Routes, chosen,
    versioned,
};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::RaiseRequest, routes!(raise))
        .api(Verb::ListReviews, routes!(reviews))
        .api(Verb::ListReviews, routes!(counts))
        .api(Verb::GetRequest, routes!(review))
        .api(Verb::CloseReview, routes!(close))
}

/// Raises a pending request of the caller's to emergency access: a new request under the policy for
/// emergencies, and the old one is cancelled with it. It begins as soon as it is given; what extends
/// access begins where that ends. Raised already, that request is the answer (200).
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/raise",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::Raise,
    responses(
        (status = 200, body = Request),
        (status = 201, body = Request),
        (status = "4XX", body = Problem)
    )
)]
async fn raise(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::Raise>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let wish = Raise {
            duration: input.duration_seconds.map(Span::seconds),
            reason: input.reason,
            ticket: input.ticket,
        };
        let done = stint_db::retrying(|| super::raise(&cx, id, wish.clone())).await?;
        let status = if done.new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        answer(&cx, status, done.request.id).await
    })
    .await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those that are `open`, `overdue` (open, and their time is over) or `closed`.
    state: Option<String>,
}

/// Lists the reviews of emergency access, newest first: all of them for auditors and Super Admins,
/// for others those that a group of theirs is to close.
#[utoipa::path(
    get,
    path = "/api/v1/emergency-reviews",
    tag = "requests",
    params(Which, Pages),
    responses((status = 200, body = Page<wire::ReviewLine>), (status = "4XX", body = Problem))
)]
async fn reviews(
    cx: Cx,
    Query(asked): Query<Which>,
    paging: Paging,
) -> Result<Json<Page<wire::ReviewLine>>, Failure> {
    let filter = ReviewFilter {
        state: chosen("state", asked.state.as_deref(), REVIEW_STATES)?,
    };
    let page = super::reviews(&cx, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(|it| shown(&cx, it)).collect(),
        next: page.next,
    }))
}

/// How many reviews wait, of those the caller sees.
#[utoipa::path(
    get,
    path = "/api/v1/emergency-reviews/counts",
    tag = "requests",
    responses((status = 200, body = wire::ReviewCounts), (status = "4XX", body = Problem))
)]
async fn counts(cx: Cx) -> Result<Json<wire::ReviewCounts>, Failure> {
    let found = super::counts(&cx).await?;
    Ok(Json(wire::ReviewCounts {
        open: found.open,
        overdue: found.overdue,
    }))
}

/// One review of emergency access.
#[utoipa::path(
    get,
    path = "/api/v1/emergency-reviews/{id}",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`")),
    responses((status = 200, body = wire::Review), (status = "4XX", body = Problem))
)]
async fn review(cx: Cx, Path(id): Path<RequestId>) -> Result<Response, Failure> {
    detail(&cx, id).await
}

/// Closes a review with a verdict and a note. Not before the access has begun.
#[utoipa::path(
    post,
    path = "/api/v1/emergency-reviews/{id}/close",
    tag = "requests",
    params(
        ("id" = String, Path, description = "`req_…`"),
        IdempotencyKey,
    ),
    request_body = wire::CloseReview,
    responses((status = 200, body = wire::Review), (status = "4XX", body = Problem))
)]
async fn close(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::CloseReview>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let justified = match input.verdict.as_str() {
            "justified" => true,
            "not_justified" => false,
            other => {
                return Err(Failure::new(
                    Kind::Invalid,
                    "invalid_value",
                    format!(
                        "verdict: `{other}` is none of its words: use justified or not_justified"
                    ),
                ));
            }
        };
        stint_db::retrying(|| super::close(&cx, id, justified, &input.note)).await?;
        detail(&cx, id).await
    })
    .await
}

async fn detail(cx: &Cx, id: RequestId) -> Result<Response, Failure> {
    let it: ReviewDetail = super::review(cx, id).await?;
    let version = it.line.review.version;
    let body = wire::Review {
        reviewers: it.reviewers.iter().map(who).collect(),
        may_close: it.may_close.is_ok() && it.line.review.state == ReviewState::Open,
        line: shown(cx, it.line),
        version,
    };
    Ok(versioned(version, Json(body)).into_response())
}

fn shown(cx: &Cx, it: ReviewLine) -> wire::ReviewLine {
    wire::ReviewLine {
        review: in_short(cx, &it.review),
        grant: it.review.grant.to_string(),
        closed_by: it.closed_by.as_ref().map(who),
        request: line(it.line),
    }
}

/// How far a review is.
pub(in crate::requests) fn in_short(cx: &Cx, it: &Review) -> wire::ReviewState {
    let closed = match &it.state {
        ReviewState::Open => None,
        ReviewState::Closed {
            justified,
            note,
            at,
            ..
        } => Some((*justified, note.clone(), *at)),
    };
    let (verdict, note, closed_at) = match closed {
        None => (None, None, None),
        Some((justified, note, at)) => (
            Some(super::review::verdict(justified).to_owned()),
            Some(note),
            Some(at.to_string()),
        ),
    };
    wire::ReviewState {
        state: it.word(cx.now).to_owned(),
        opened_at: it.opened_at.to_string(),
        due_at: it.due_at.to_string(),
        verdict,
        note,
        closed_at,
    }
}
