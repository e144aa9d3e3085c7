//! Requests over HTTP.

use std::collections::BTreeSet;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, requests as wire};
use stint_domain::policy::{Deadline, ExplainedOther, ExplainedStep, Hindrance, Tried};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{
    EntitlementId, GrantId, PrincipalId, RequestId, Span, SubmissionId, Time, UserId,
};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::read::{Approver, Who};
use super::timeline::What;
use super::{Detail, Extension, Filter, Happening, Line, NewRequest, Preview, Probe, StepView};
use super::{another, emergency, until};
use crate::catalog::named;
use crate::cx::Cx;
use crate::directory::{Member, Principal};
use crate::grants;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, Json, Pages, Paging, Path, Query, Routes, versioned,
};
use crate::policies::{PolicyVersion, parsed};

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

pub(super) fn line(it: Line) -> wire::RequestLine {
    let request = it.request;
    wire::RequestLine {
        ticket_link: request.ticket_link(),
        id: request.id.to_string(),
        entitlement: named(&it.entitlement),
        requester: who(&it.requester),
        beneficiary: who(&it.beneficiary),
        group: it.group.as_ref().map(holder_group),
        state: request.state().to_owned(),
        submitted_at: request.submitted_at().to_string(),
        closed_at: request.rules.state.closed_at().map(|at| at.to_string()),
        duration_seconds: request.duration.as_seconds(),
        review_every_seconds: request.review_every.map(Span::as_seconds),
        start: request.start.map(|at| at.to_string()),
        reason: request.reason,
        ticket: request.ticket,
        submission: request.submission.map(|id| id.to_string()),
        extends: request.extends.map(|id| id.to_string()),
        emergency: request.policy.body.emergency.is_some(),
        raised_from: request.raised_from.map(|id| id.to_string()),
    }
}

fn shown(cx: &Cx, it: Detail) -> wire::Request {
    let group_members = it.members.as_deref().map(group_members);
    let conflicts = it.line.request.conflicts.iter();
    let conflicts = conflicts.map(crate::duties::conflict_shown).collect();
    let others = it.line.request.rules.question.others.iter();
    let others = others.map(|it| wire::PolicyName {
        id: it.policy.to_string(),
        name: it.name.clone(),
        number: it.number,
    });
    let others = others.collect();
    wire::Request {
        group_members,
        policy: policy(&it.line.request.policy),
        rule: it.line.request.rule().map(str::to_owned),
        step_up: super::step_up::word(it.line.request.step_up()),
        version: it.line.request.version,
        line: line(it.line),
        steps: it.steps.into_iter().map(step).collect(),
        others,
        waiting: it.waiting.map(|waiting| wire::Waiting {
            stuck: waiting.rules.stuck(),
            until: waiting.rules.until.map(|at| at.to_string()),
            expires: waiting.rules.expires.to_string(),
            step: waiting.rules.name,
            still: waiting.rules.still,
            who: waiting.who.iter().map(approver).collect(),
        }),
        extension: it.extension.map(|it| it.id.to_string()),
        raised_to: it.raised_to.map(|id| id.to_string()),
        conflicts,
        review: (it.review.as_ref()).map(|review| emergency::in_short(cx, review)),
        grants: it.grants.iter().map(|grant| given(cx, grant)).collect(),
        timeline: it.timeline.into_iter().map(happening).collect(),
        may: (it.may.iter())
            .filter_map(|verb| verb.as_str().split_once('.'))
            .map(|(_, word)| word.to_owned())
            .collect(),
    }
}

fn step(it: StepView) -> wire::RequestStep {
    wire::RequestStep {
        name: it.name,
        needed: it.needed,
        policy: it.policy,
        deadline: it.deadline.map(deadline),
        state: it.standing.as_str().to_owned(),
        decisions: (it.decisions.into_iter())
            .map(|(by, decision)| wire::Decision {
                by: who(&by.who),
                on_behalf_of: by.on_behalf_of.as_ref().map(who),
                answer: if decision.approved { "approve" } else { "deny" }.to_owned(),
                comment: decision.comment,
                at: decision.at.to_string(),
            })
            .collect(),
    }
}

fn approver(it: &Approver) -> wire::Approver {
    let wire::Who { id, name } = who(&it.who);
    wire::Approver {
        id,
        name,
        on_behalf_of: it.on_behalf_of.as_ref().map(who),
        away: it.away.as_ref().map(away),
    }
}

fn away((until, delegate): &(Time, Who)) -> wire::Away {
    wire::Away {
        until: until.to_string(),
        delegate: who(delegate),
    }
}

fn given(cx: &Cx, grant: &grants::Grant) -> wire::RequestGrant {
    wire::RequestGrant {
        id: grant.id.to_string(),
        status: grant.status(cx.now).to_string(),
        start: grant.start.to_string(),
        end: grant.end().map(|at| at.to_string()),
        until_revoked: grants::kept(grant),
    }
}

fn happening(it: Happening) -> wire::Happening {
    let text = it.text();
    let (what, by, aws_request_id) = match it.what {
        What::Asked(by, _) => ("request.submitted".to_owned(), Some(by), None),
        What::AutoApproved => ("request.approved".to_owned(), None, None),
        What::Decided(by, d) if d.approved => ("request.decided".to_owned(), Some(by.who), None),
        What::Decided(by, _) => ("request.denied".to_owned(), Some(by.who), None),
        What::Reminded(_) => ("request.reminded".to_owned(), None, None),
        What::Late(_) => ("request.late".to_owned(), None, None),
        What::MovedOn(_) => ("request.moved_on".to_owned(), None, None),
        What::TimedOut(_) => ("request.denied".to_owned(), None, None),
        What::Cancelled(by) => ("request.cancelled".to_owned(), Some(by), None),
        What::Said(by, _) => ("request.commented".to_owned(), Some(by), None),
        What::Grant(moment) => (moment.what, None, moment.aws_request_id),
    };
    wire::Happening {
        at: it.at.to_string(),
        what,
        text,
        by: by.as_ref().map(who),
        aws_request_id,
    }
}

pub(super) fn who(it: &Who) -> wire::Who {
    wire::Who {
        id: it.id.to_string(),
        name: it.name.clone(),
    }
}

fn policy(it: &PolicyVersion) -> wire::PolicyName {
    wire::PolicyName {
        id: it.policy.to_string(),
        name: it.name.clone(),
        number: it.number,
    }
}

fn previewed(cx: &Cx, it: Preview, people: &[Approver]) -> wire::Preview {
    // What a rule asks tells of things and people that others may not know of.
    let sees_rules = cx.authorize(Verb::GetPolicy, Relation::Others).is_ok();
    let verdict = match (&it.hurdles[..], it.auto) {
        ([], true) => "auto_approved",
        ([], false) => "needs_approval",
        _ => "refused",
    };
    wire::Preview {
        verdict: verdict.to_owned(),
        refusals: (it.hurdles.into_iter())
            .map(|hurdle| wire::Refusal {
                code: hurdle.code.to_owned(),
                detail: hurdle.detail,
            })
            .collect(),
        steps: (it.steps.into_iter())
            .map(|step| explained(step, people))
            .collect(),
        others: (it.others.into_iter())
            .map(|it| other(it, people))
            .collect(),
        policy: policy(&it.offer.policy),
        beneficiary: it.beneficiary.as_ref().map(who),
        group: it.group.as_ref().map(|(group, _)| holder_group(group)),
        group_members: (it.group.as_ref()).map(|(_, members)| group_members(members)),
        max_duration_seconds: it.longest.as_seconds(),
        review_every_seconds: it.until_revoked.map(Span::as_seconds),
        reason_required: it.reason.required,
        reason_min_length: it.reason.min_length,
        ticket: super::ticket::asked(&it.ticket),
        step_up: super::step_up::word(it.step_up),
        rule: it.rule,
        emergency: crate::catalog::in_an_emergency(&it.offer),
        told: it.told.as_ref().map(BTreeSet::len),
        conflicts: (it.conflicts.iter())
            .map(crate::duties::conflict_shown)
            .collect(),
        review_within_seconds: (it.offer.policy.body.emergency.as_ref())
            .map(|emergency| emergency.within.as_seconds()),
        tried: (it.tried.into_iter())
            .map(|it| tried(it, sees_rules))
            .collect(),
    }
}

/// Of a rule; its condition only to those who see rules.
pub(super) fn tried(it: Tried, sees_rules: bool) -> wire::TriedRule {
    wire::TriedRule {
        name: it.name,
        when: sees_rules.then(|| it.when.to_string()),
        applies: it.holds.as_ref().is_ok_and(|holds| *holds),
        problem: match it.holds {
            Ok(_) => None,
            Err(why) if sees_rules => Some(why),
            Err(_) => Some("It could not be asked.".to_owned()),
        },
    }
}

/// What happens under a policy to which a deadline leads.
pub(super) fn other(it: ExplainedOther, people: &[Approver]) -> wire::OtherPolicy {
    wire::OtherPolicy {
        policy: wire::PolicyName {
            id: it.policy.to_string(),
            name: it.name,
            number: it.number,
        },
        rule: it.rule,
        steps: (it.steps.into_iter())
            .map(|step| explained(step, people))
            .collect(),
        denies: it.denies,
    }
}

fn deadline(it: Deadline) -> stint_api::policies::Deadline {
    stint_api::policies::Deadline {
        after_seconds: it.after.as_seconds(),
        then: it.then.as_str().to_owned(),
        policy: it.then.policy().map(|id| id.to_string()),
    }
}

pub(super) fn explained(it: ExplainedStep, people: &[Approver]) -> wire::PreviewStep {
    wire::PreviewStep {
        name: it.name,
        needed: it.needed,
        fallback: (people.iter())
            .filter(|it_is| it.fallback.contains(&it_is.who.id))
            .map(|it_is| who(&it_is.who))
            .collect(),
        remind_seconds: it.remind.map(Span::as_seconds),
        late_seconds: it.late.map(Span::as_seconds),
        deadline: it.deadline.map(deadline),
        wait_seconds: it.wait.map(Span::as_seconds),
        approvers: (it.approvers.into_iter())
            .filter_map(|approver| {
                let user = people.iter().find(|it| it.who.id == approver.user)?;
                Some(wire::PreviewApprover {
                    user: who(&user.who),
                    away: user.away.as_ref().map(away),
                    named: approver.through.named,
                    groups: approver
                        .through
                        .groups
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                    roles: (approver.through.roles.iter())
                        .map(|role| role.as_str().to_owned())
                        .collect(),
                    condition: approver.through.condition,
                    hindrance: approver.hindrance.map(|hindrance| {
                        match hindrance {
                            Hindrance::OwnRequest => "own_request",
                            Hindrance::Delegate => "delegate_of_requester",
                            Hindrance::Unable => "unable",
                        }
                        .to_owned()
                    }),
                })
            })
            .collect(),
    }
}
