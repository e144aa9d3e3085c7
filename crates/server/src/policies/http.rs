//! Policies over HTTP. Wire types become domain types here, and nowhere else.

use std::fmt;
use std::str::FromStr;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, policies as wire};
use stint_domain::policy::{PolicyBody, ReasonRule, Route, Step};
use stint_domain::rights::Verb;
use stint_domain::{PolicyId, Span};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Filter, NewPolicy, NewVersion, Policy, PolicyVersion};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Kind, Pages, Paging, Path, Query, Routes,
    versioned,
};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListPolicies, routes!(list))
        .api(Verb::CreatePolicy, routes!(create))
        .api(Verb::GetPolicy, routes!(get))
        .api(Verb::GetPolicy, routes!(versions))
        .api(Verb::NewPolicyVersion, routes!(new_version))
}

/// Reads a text field of a body as what it stands for; 422 naming the field.
pub(crate) fn parsed<T>(field: &str, text: &str) -> Result<T, Failure>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    text.parse().map_err(|why: T::Err| {
        Failure::new(Kind::Invalid, "invalid_value", format!("{field}: {why}"))
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Narrowed {
    /// Words in the name, in their order.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// `name` (the usual), `-name`, `created` or `-created`.
    sort: Option<String>,
}

/// Lists policies, each with its latest version.
#[utoipa::path(
    get,
    path = "/api/v1/policies",
    tag = "policies",
    params(
        Narrowed,
        Pages,
    ),
    responses((status = 200, body = Page<wire::Policy>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Narrowed>,
    paging: Paging,
) -> Result<Json<Page<wire::Policy>>, Failure> {
    let filter = Filter {
        q: asked.q,
        sort: asked.sort,
    };
    let page = super::list(&cx, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(policy).collect(),
        next: page.next,
    }))
}

/// Creates a policy with its first version.
#[utoipa::path(
    post,
    path = "/api/v1/policies",
    tag = "policies",
    params(IdempotencyKey),
    request_body = wire::NewPolicy,
    responses((status = 201, body = wire::Policy), (status = "4XX", body = Problem))
)]
async fn create(cx: Cx, body: Idempotent<wire::NewPolicy>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = NewPolicy {
            name: input.name,
            first: NewVersion {
                body: rules(input.body)?,
                note: input.note,
            },
        };
        let made = super::create(&cx, new).await?;
        Ok(answer(StatusCode::CREATED, made))
    })
    .await
}

/// One policy with its latest version.
#[utoipa::path(
    get,
    path = "/api/v1/policies/{id}",
    tag = "policies",
    params(("id" = String, Path, description = "`pol_…`")),
    responses((status = 200, body = wire::Policy), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<PolicyId>) -> Result<Response, Failure> {
    Ok(answer(StatusCode::OK, super::get(&cx, id).await?))
}

/// Lists the versions of a policy, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/policies/{id}/versions",
    tag = "policies",
    params(
        ("id" = String, Path, description = "`pol_…`"),
        Pages,
    ),
    responses((status = 200, body = Page<wire::PolicyVersion>), (status = "4XX", body = Problem))
)]
async fn versions(
    cx: Cx,
    Path(id): Path<PolicyId>,
    paging: Paging,
) -> Result<Json<Page<wire::PolicyVersion>>, Failure> {
    let page = super::versions(&cx, id, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(version).collect(),
        next: page.next,
    }))
}

/// Writes a new version of a policy. Requests already asked keep theirs.
#[utoipa::path(
    post,
    path = "/api/v1/policies/{id}/versions",
    tag = "policies",
    params(
        ("id" = String, Path, description = "`pol_…`"),
        IfMatch,
        IdempotencyKey,
    ),
    request_body = wire::NewPolicyVersion,
    responses((status = 201, body = wire::Policy), (status = "4XX", body = Problem))
)]
async fn new_version(
    cx: Cx,
    Path(id): Path<PolicyId>,
    seen: IfMatch,
    body: Idempotent<wire::NewPolicyVersion>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = NewVersion {
            body: rules(input.body)?,
            note: input.note,
        };
        let made = super::new_version(&cx, id, new, seen.version()).await?;
        Ok(answer(StatusCode::CREATED, made))
    })
    .await
}

fn answer(status: StatusCode, it: Policy) -> Response {
    let number = it.version;
    versioned(number, (status, Json(policy(it)))).into_response()
}

fn policy(it: Policy) -> wire::Policy {
    wire::Policy {
        id: it.id.to_string(),
        name: it.name,
        latest: version(it.latest),
        created_at: it.created_at.to_string(),
        version: it.version,
    }
}

fn version(it: PolicyVersion) -> wire::PolicyVersion {
    wire::PolicyVersion {
        id: it.id.to_string(),
        number: it.number,
        body: shown(it.body),
        note: it.note,
        created_at: it.created_at.to_string(),
        created_by: it.created_by.map(|user| user.to_string()),
    }
}

fn shown(body: PolicyBody) -> wire::PolicyBody {
    let (auto_approve, steps) = match body.route {
        Route::AutoApprove => (true, Vec::new()),
        Route::Steps(steps) => (false, steps),
    };
    wire::PolicyBody {
        auto_approve,
        steps: steps
            .into_iter()
            .map(|step| wire::PolicyStep {
                name: step.name,
                users: step.users.iter().map(ToString::to_string).collect(),
                groups: step.groups.iter().map(ToString::to_string).collect(),
                needed: step.needed,
            })
            .collect(),
        max_duration_seconds: body.max_duration.as_seconds(),
        reason: wire::ReasonRule {
            required: body.reason.required,
            min_length: body.reason.min_length,
        },
        allow_self_approval: body.allow_self_approval,
    }
}

fn rules(body: wire::PolicyBody) -> Result<PolicyBody, Failure> {
    if body.auto_approve && !body.steps.is_empty() {
        return Err(Failure::new(
            Kind::Invalid,
            "auto_approve_with_steps",
            "A policy that approves by itself asks nobody: leave out either `auto_approve` or \
             the steps.",
        ));
    }
    let steps = body.steps.into_iter().enumerate().map(|(i, step)| {
        let users = format!("steps[{i}].users");
        let groups = format!("steps[{i}].groups");
        Ok(Step {
            name: step.name.trim().to_owned(),
            users: (step.users.iter())
                .map(|id| parsed(&users, id))
                .collect::<Result<_, Failure>>()?,
            groups: (step.groups.iter())
                .map(|id| parsed(&groups, id))
                .collect::<Result<_, Failure>>()?,
            needed: step.needed,
        })
    });
    Ok(PolicyBody {
        route: if body.auto_approve {
            Route::AutoApprove
        } else {
            Route::Steps(steps.collect::<Result<_, Failure>>()?)
        },
        max_duration: Span::seconds(body.max_duration_seconds),
        reason: ReasonRule {
            required: body.reason.required,
            min_length: body.reason.min_length,
        },
        allow_self_approval: body.allow_self_approval,
    })
}
