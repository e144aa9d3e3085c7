//! Drafts over the API: held against past requests, and against one that is asked now.

use stint_api::{Problem, requests as wire};
use stint_domain::rights::Verb;
use stint_domain::{PolicyId, Span};
use utoipa_axum::routes;

use super::super::{http as requests, read, step_up, until};
use super::{Changed, DryRun, Replay};
use crate::cx::Cx;
use crate::http::{Failure, Json, Path, Routes};
use crate::policies::{body_of, parsed};

/// How many days back, where it is not said.
const DAYS: i64 = 30;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ReplayPolicy, routes!(replay))
        .api(Verb::DryRun, routes!(dry_run))
}

/// Tells what a draft would have said to the requests that were asked under a policy in the last
/// days. Nothing is written.
#[utoipa::path(
    post,
    path = "/api/v1/policies/{id}/replay",
    tag = "policies",
    params(("id" = String, Path, description = "`pol_…`")),
    request_body = wire::NewReplay,
    responses((status = 200, body = wire::Replay), (status = "4XX", body = Problem))
)]
async fn replay(
    cx: Cx,
    Path(id): Path<PolicyId>,
    Json(input): Json<wire::NewReplay>,
) -> Result<Json<wire::Replay>, Failure> {
    let days = input.days.unwrap_or(DAYS);
    let found = super::replay(&cx, id, body_of(input.body)?, days).await?;
    Ok(Json(replayed(found)))
}

/// Tells what would happen if somebody asked for something now. Nothing is asked, and nobody is
/// told.
#[utoipa::path(
    post,
    path = "/api/v1/policies/dry-run",
    tag = "policies",
    request_body = wire::NewDryRun,
    responses((status = 200, body = wire::DryRun), (status = "4XX", body = Problem))
)]
async fn dry_run(
    cx: Cx,
    Json(input): Json<wire::NewDryRun>,
) -> Result<Json<wire::DryRun>, Failure> {
    let ask = DryRun {
        user: parsed("user", &input.user)?,
        entitlement: parsed("entitlement", &input.entitlement)?,
        duration: until::wished(input.duration_seconds, input.until_revoked)?,
        until_revoked: input.until_revoked,
        start: (input.start.as_deref())
            .map(|at| parsed("start", at))
            .transpose()?,
        reason: input.reason,
        ticket: input.ticket,
        policy: (input.policy.as_deref())
            .map(|id| parsed("policy", id))
            .transpose()?,
        draft: input.body.map(body_of).transpose()?,
    };
    let found = super::dry_run(&cx, ask).await?;
    let people = read::approvers(&cx, &found.steps, &found.others).await?;
    let verdict = match (found.refusals.is_empty(), found.auto) {
        (false, _) => "refused",
        (true, true) => "auto_approved",
        (true, false) => "needs_approval",
    };
    Ok(Json(wire::DryRun {
        verdict: verdict.to_owned(),
        offered: found.offered,
        entitlement_name: found.entitlement.name,
        refusals: (found.refusals.iter())
            .map(|why| wire::Refusal {
                code: why.code().to_owned(),
                detail: why.to_string(),
            })
            .collect(),
        steps: (found.steps.into_iter())
            .map(|step| requests::explained(step, &people))
            .collect(),
        others: (found.others.into_iter())
            .map(|other| requests::other(other, &people))
            .collect(),
        rule: found.rule,
        tried: (found.tried.into_iter())
            .map(|it| requests::tried(it, true))
            .collect(),
        max_duration_seconds: found.longest.as_seconds(),
        step_up: step_up::word(found.step_up),
        review_every_seconds: found.until_revoked.map(Span::as_seconds),
    }))
}

fn replayed(it: Replay) -> wire::Replay {
    wire::Replay {
        requests: it.requests,
        more: it.more,
        changed: it.changed,
        same: it.same,
        rules: (it.rules.into_iter())
            .map(|(name, requests)| wire::ReplayedRule { name, requests })
            .collect(),
        otherwise: it.otherwise,
        unanswered: it.unanswered,
        examples: it.examples.into_iter().map(example).collect(),
    }
}

fn example(it: Changed) -> wire::ReplayedRequest {
    wire::ReplayedRequest {
        request: it.request.to_string(),
        requester: requests::who(&it.requester),
        entitlement_name: it.what,
        duration_seconds: it.duration.as_seconds(),
        review_every_seconds: it.review_every.map(Span::as_seconds),
        submitted_at: it.asked_at.to_string(),
        before: it.before.words(),
        after: it.after.words(),
    }
}
