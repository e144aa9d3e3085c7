//! Requests over HTTP.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, requests as wire};
use stint_domain::rights::Verb;
use stint_domain::{EntitlementId, GrantId, PrincipalId, RequestId, Span, SubmissionId, UserId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Extension, Filter, Line, NewRequest, Probe};
use super::{another, emergency, reassign, until};
use crate::cx::Cx;
use crate::directory::{Member, Principal};
use crate::http::{
    Failure, IdempotencyKey, Idempotent, Json, Pages, Paging, Path, Query, Routes, versioned,
};
use crate::policies::parsed;

mod shown;

pub(super) use shown::{explained, line, other, tried, who};
use shown::{previewed, shown};

/// How many members of a group are named.
const MOST_MEMBERS: usize = 1_000;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::PreviewRequest, routes!(preview))
        .api(Verb::AskForGroup, routes!(groups))
        .api(Verb::SubmitRequest, routes!(submit))
        .api(Verb::MyRequests, routes!(mine))
        .api(Verb::ListRequests, routes!(list))
        .api(Verb::Inbox, routes!(inbox))
        .api(Verb::GetRequest, routes!(get))
        .api(Verb::ApproveRequest, routes!(approve))
        .api(Verb::DenyRequest, routes!(deny))
        .api(Verb::CancelRequest, routes!(cancel))
        .api(Verb::ReturnRequest, routes!(give_back))
        .api(Verb::ExtendGrant, routes!(extend))
        .api(Verb::CommentRequest, routes!(comment))
        .api(Verb::SubmitRequest, routes!(submit_several))
        .api(Verb::GetRequest, routes!(submission))
        .api(Verb::CancelRequest, routes!(cancel_all))
        .merge(another::http::routes())
        .merge(reassign::http::routes())
        .merge(super::replay::http::routes())
        .merge(emergency::routes())
        .merge(until::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Words, in their order, in the names of what was asked for, of the group it is for and of
    /// who asked, in the reason and in the ticket.
    q: Option<String>,
    /// Only those that are `pending`, `approved`, `denied` or `cancelled`.
    state: Option<String>,
    /// Only those made by this user (`usr_…`).
    #[param(value_type = Option<String>)]
    requester: Option<UserId>,
    /// Only those for this entitlement (`ent_…`).
    #[param(value_type = Option<String>)]
    entitlement: Option<EntitlementId>,
    /// Only those asked in an emergency (`true`), or only the others (`false`).
    emergency: Option<bool>,
    /// Only those about this ticket, as it was written.
    ticket: Option<String>,
    /// `-asked` (when absent: the newest first) or `asked`.
    sort: Option<String>,
}

/// Tells who would have to approve and why, without asking for anything.
#[utoipa::path(
    post,
    path = "/api/v1/requests/preview",
    tag = "requests",
    request_body = wire::PreviewRequest,
    responses((status = 200, body = wire::Preview), (status = "4XX", body = Problem))
)]
async fn preview(
    cx: Cx,
    Json(input): Json<wire::PreviewRequest>,
) -> Result<Json<wire::Preview>, Failure> {
    let probe = Probe {
        entitlement: parsed("entitlement", &input.entitlement)?,
        duration: until::wished(input.duration_seconds, input.until_revoked)?,
        until_revoked: input.until_revoked,
        reason: input.reason,
        ticket: input.ticket,
        start: input
            .start
            .as_deref()
            .map(|t| parsed("start", t))
            .transpose()?,
        principal: named_group(input.principal.as_deref())?,
        beneficiary: another::http::named(input.beneficiary.as_deref())?,
        emergency: input.emergency,
    };
    let found = super::preview(&cx, probe).await?;
    let people = super::read::approvers(&cx, &found.steps, &found.others).await?;
    Ok(Json(previewed(&cx, found, &people)))
}

/// Asks for access, for oneself, for somebody else or for an Identity Center group.
#[utoipa::path(
    post,
    path = "/api/v1/requests",
    tag = "requests",
    params(IdempotencyKey),
    request_body = wire::NewRequest,
    responses((status = 201, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn submit(cx: Cx, body: Idempotent<wire::NewRequest>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = asked(input)?;
        let made = stint_db::retrying(|| super::submit(&cx, new.clone())).await?;
        answer(&cx, StatusCode::CREATED, made.id).await
    })
    .await
}

fn asked(input: wire::NewRequest) -> Result<NewRequest, Failure> {
    let start = input.start.as_deref();
    Ok(NewRequest {
        entitlement: parsed("entitlement", &input.entitlement)?,
        duration: until::length(input.duration_seconds, input.until_revoked)?,
        until_revoked: input.until_revoked,
        reason: input.reason,
        ticket: input.ticket,
        start: start.map(|t| parsed("start", t)).transpose()?,
        principal: named_group(input.principal.as_deref())?,
        beneficiary: another::http::named(input.beneficiary.as_deref())?,
        emergency: input.emergency,
    })
}

/// Asks for several things together: all of them or, where anything is wrong with any, none.
#[utoipa::path(
    post,
    path = "/api/v1/submissions",
    tag = "requests",
    params(IdempotencyKey),
    request_body = wire::NewSubmission,
    responses((status = 201, body = wire::Submission), (status = "4XX", body = Problem))
)]
async fn submit_several(
    cx: Cx,
    body: Idempotent<wire::NewSubmission>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let items: Result<Vec<_>, _> = input.items.into_iter().map(asked).collect();
        let items = items?;
        let (made, _) = stint_db::retrying(|| super::submit_several(&cx, items.clone())).await?;
        let shown = together(&cx, made.id).await?;
        Ok((StatusCode::CREATED, Json(shown)).into_response())
    })
    .await
}

/// Requests that were made together, with what became of each.
#[utoipa::path(
    get,
    path = "/api/v1/submissions/{id}",
    tag = "requests",
    params(("id" = String, Path, description = "`sub_…`")),
    responses((status = 200, body = wire::Submission), (status = "4XX", body = Problem))
)]
async fn submission(
    cx: Cx,
    Path(id): Path<SubmissionId>,
) -> Result<Json<wire::Submission>, Failure> {
    Ok(Json(together(&cx, id).await?))
}

/// Takes back those of the requests made together that nobody has answered.
#[utoipa::path(
    post,
    path = "/api/v1/submissions/{id}/cancel",
    tag = "requests",
    params(("id" = String, Path, description = "`sub_…`"), IdempotencyKey),
    request_body = wire::Nothing,
    responses((status = 200, body = wire::Submission), (status = "4XX", body = Problem))
)]
async fn cancel_all(
    cx: Cx,
    Path(id): Path<SubmissionId>,
    body: Idempotent<wire::Nothing>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, _| {
        stint_db::retrying(|| super::cancel_all(&cx, id)).await?;
        Ok(Json(together(&cx, id).await?).into_response())
    })
    .await
}

async fn together(cx: &Cx, id: SubmissionId) -> Result<wire::Submission, Failure> {
    let (found, lines) = super::submission(cx, id).await?;
    Ok(wire::Submission {
        id: found.id.to_string(),
        submitted_at: found.submitted_at.to_string(),
        requests: lines.into_iter().map(line).collect(),
    })
}

/// Groups for which one thing may be asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ForGroups {
    /// What would be asked for (`ent_…`).
    #[param(value_type = String)]
    entitlement: EntitlementId,
    /// Words in the name, in their order.
    q: Option<String>,
}

/// Lists the Identity Center groups for which the caller may ask for an entitlement, by name:
/// those of its connection that AWS still has.
#[utoipa::path(
    get,
    path = "/api/v1/requests/groups",
    tag = "requests",
    params(ForGroups, Pages),
    responses((status = 200, body = Page<wire::HolderGroup>), (status = "4XX", body = Problem))
)]
async fn groups(
    cx: Cx,
    Query(asked): Query<ForGroups>,
    paging: Paging,
) -> Result<Json<Page<wire::HolderGroup>>, Failure> {
    let q = asked.q.unwrap_or_default();
    let page = super::groups(&cx, asked.entitlement, &q, &paging).await?;
    Ok(Json(Page {
        items: page.items.iter().map(holder_group).collect(),
        next: page.next,
    }))
}

fn holder_group(it: &Principal) -> wire::HolderGroup {
    wire::HolderGroup {
        id: it.id.to_string(),
        name: it.name.clone(),
    }
}

fn group_members(members: &[Member]) -> wire::GroupMembers {
    wire::GroupMembers {
        count: members.len(),
        members: (members.iter().take(MOST_MEMBERS))
            .map(|member| wire::GroupMember {
                name: member.principal.name.clone(),
                user: member.user.map(|id| id.to_string()),
            })
            .collect(),
    }
}

fn named_group(id: Option<&str>) -> Result<Option<PrincipalId>, Failure> {
    id.map(|id| parsed("principal", id)).transpose()
}

impl From<Asked> for Filter {
    fn from(asked: Asked) -> Self {
        Self {
            q: asked.q.unwrap_or_default(),
            state: asked.state,
            requester: asked.requester,
            entitlement: asked.entitlement,
            emergency: asked.emergency,
            ticket: asked.ticket,
            sort: asked.sort,
        }
    }
}

/// Which of one's own.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AskedMine {
    /// Words, in their order, in the names of what was asked for and of the group it is for, in
    /// the reason and in the ticket.
    q: Option<String>,
    /// Only those that are `pending`, `approved`, `denied` or `cancelled`.
    state: Option<String>,
    /// Only those for this entitlement (`ent_…`).
    #[param(value_type = Option<String>)]
    entitlement: Option<EntitlementId>,
    /// Only those asked in an emergency (`true`), or only the others (`false`).
    emergency: Option<bool>,
    /// Only those about this ticket, as it was written.
    ticket: Option<String>,
    /// `-asked` (when absent: the newest first) or `asked`.
    sort: Option<String>,
}

/// Lists the caller's requests.
#[utoipa::path(
    get,
    path = "/api/v1/requests",
    tag = "requests",
    params(AskedMine, Pages),
    responses((status = 200, body = Page<wire::RequestLine>), (status = "4XX", body = Problem))
)]
async fn mine(
    cx: Cx,
    Query(asked): Query<AskedMine>,
    paging: Paging,
) -> Result<Json<Page<wire::RequestLine>>, Failure> {
    let filter = Filter {
        q: asked.q.unwrap_or_default(),
        state: asked.state,
        requester: None,
        entitlement: asked.entitlement,
        emergency: asked.emergency,
        ticket: asked.ticket,
        sort: asked.sort,
    };
    Ok(page(super::mine(&cx, &filter, &paging).await?))
}

/// Lists everybody's requests.
#[utoipa::path(
    get,
    path = "/api/v1/requests/all",
    tag = "requests",
    params(Asked, Pages),
    responses((status = 200, body = Page<wire::RequestLine>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<wire::RequestLine>>, Failure> {
    Ok(page(super::list(&cx, &asked.into(), &paging).await?))
}

/// Lists what waits for the caller's decision, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/approvals",
    tag = "requests",
    params(
        Pages,
    ),
    responses((status = 200, body = Page<wire::RequestLine>), (status = "4XX", body = Problem))
)]
async fn inbox(cx: Cx, paging: Paging) -> Result<Json<Page<wire::RequestLine>>, Failure> {
    Ok(page(super::inbox(&cx, &paging).await?))
}

/// One request with everything there is to know about it.
#[utoipa::path(
    get,
    path = "/api/v1/requests/{id}",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`")),
    responses((status = 200, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<RequestId>) -> Result<Response, Failure> {
    answer(&cx, StatusCode::OK, id).await
}

/// Approves the current step.
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/approve",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::Approve,
    responses((status = 200, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn approve(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::Approve>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        stint_db::retrying(|| super::approve(&cx, id, &input.comment)).await?;
        answer(&cx, StatusCode::OK, id).await
    })
    .await
}

/// Denies the request.
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/deny",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::Deny,
    responses((status = 200, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn deny(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::Deny>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        stint_db::retrying(|| super::deny(&cx, id, &input.reason)).await?;
        answer(&cx, StatusCode::OK, id).await
    })
    .await
}

/// Takes a request back before it is answered.
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/cancel",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::Nothing,
    responses((status = 200, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn cancel(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::Nothing>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, _| {
        stint_db::retrying(|| super::cancel(&cx, id)).await?;
        answer(&cx, StatusCode::OK, id).await
    })
    .await
}

/// Gives back early what a request gave.
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/return",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::Nothing,
    responses((status = 200, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn give_back(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::Nothing>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, _| {
        stint_db::retrying(|| super::return_early(&cx, id)).await?;
        answer(&cx, StatusCode::OK, id).await
    })
    .await
}

/// Says something about a request, or asks whoever asked for access.
#[utoipa::path(
    post,
    path = "/api/v1/requests/{id}/comments",
    tag = "requests",
    params(("id" = String, Path, description = "`req_…`"), IdempotencyKey),
    request_body = wire::NewComment,
    responses((status = 201, body = wire::Request), (status = "4XX", body = Problem))
)]
async fn comment(
    cx: Cx,
    Path(id): Path<RequestId>,
    body: Idempotent<wire::NewComment>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        stint_db::retrying(|| super::comment(&cx, id, &input.text, input.question)).await?;
        answer(&cx, StatusCode::CREATED, id).await
    })
    .await
}

/// Asks for one's own access to go on past its end: a request like any other, for what the grant
/// gives. Where one waits already that one is the answer (200).
#[utoipa::path(
    post,
    path = "/api/v1/grants/{id}/extend",
    tag = "grants",
    params(("id" = String, Path, description = "`grt_…`"), IdempotencyKey),
    request_body = wire::Extend,
    responses(
        (status = 200, body = wire::Request),
        (status = 201, body = wire::Request),
        (status = "4XX", body = Problem)
    )
)]
async fn extend(
    cx: Cx,
    Path(id): Path<GrantId>,
    body: Idempotent<wire::Extend>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let wish = Extension {
            duration: input.duration_seconds.map(Span::seconds),
            reason: input.reason,
            ticket: input.ticket,
        };
        let done = stint_db::retrying(|| super::extend(&cx, id, wish.clone())).await?;
        let status = if done.new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        answer(&cx, status, done.request.id).await
    })
    .await
}

/// The request as it is now, seen by the caller.
pub(super) async fn answer(
    cx: &Cx,
    status: StatusCode,
    id: RequestId,
) -> Result<Response, Failure> {
    let detail = super::get(cx, id).await?;
    let version = detail.line.request.version;
    Ok(versioned(version, (status, Json(shown(cx, detail)))).into_response())
}

fn page(page: Page<Line>) -> Json<Page<wire::RequestLine>> {
    Json(Page {
        items: page.items.into_iter().map(line).collect(),
        next: page.next,
    })
}
