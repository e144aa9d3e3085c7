//! Policies over HTTP. Wire types become domain types here, and nowhere else.

use std::fmt;
use std::str::FromStr;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, policies as wire};
use stint_domain::condition::{self, Condition};
use stint_domain::policy::{
    Approvers, Deadline, Emergency, PolicyBody, ReasonRule, Reassign, Role, Route, Rule, Step,
    StepUp, Then, TicketAsked, TicketRule, UntilRevoked,
};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{PolicyId, Span};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Filter, NewPolicy, NewVersion, Policy, PolicyVersion};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Kind, Pages, Paging, Path, Query, Routes,
    versioned,
};

const DAY: Span = Span::hours(24);

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListPolicies, routes!(list))
        .api(Verb::CreatePolicy, routes!(create))
        .api(Verb::ListPolicies, routes!(schema))
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

/// What the conditions of policies may speak about, as Cedar writes schemas.
#[utoipa::path(
    get,
    path = "/api/v1/policies/schema",
    tag = "policies",
    responses((status = 200, body = wire::ConditionSchema), (status = "4XX", body = Problem))
)]
async fn schema(cx: Cx) -> Result<Json<wire::ConditionSchema>, Failure> {
    cx.authorize(Verb::ListPolicies, Relation::None)?;
    Ok(Json(wire::ConditionSchema {
        cedar: condition::SCHEMA.to_owned(),
    }))
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

pub(crate) fn shown(body: PolicyBody) -> wire::PolicyBody {
    let (auto_approve, auto_deny, steps) = route_shown(body.route);
    wire::PolicyBody {
        rules: (body.rules.into_iter())
            .map(|rule| {
                let (auto_approve, auto_deny, steps) = route_shown(rule.route);
                wire::PolicyRule {
                    name: rule.name,
                    when: rule.when.to_string(),
                    auto_approve,
                    auto_deny,
                    steps,
                    max_duration_seconds: rule.max_duration.map(Span::as_seconds),
                    until_revoked: rule.until_revoked.map(until_revoked_shown),
                    reason: rule.reason.map(reason_shown),
                    ticket: rule.ticket.map(ticket_shown),
                    step_up: rule.step_up.map(|it| it.as_str().to_owned()),
                }
            })
            .collect(),
        auto_approve,
        auto_deny,
        steps,
        max_duration_seconds: body.max_duration.as_seconds(),
        until_revoked: (!body.until_revoked.is_never())
            .then(|| until_revoked_shown(body.until_revoked)),
        reason: reason_shown(body.reason),
        ticket: (!body.ticket.is_default()).then(|| ticket_shown(body.ticket)),
        step_up: (!body.step_up.is_no()).then(|| body.step_up.as_str().to_owned()),
        allow_self_approval: body.allow_self_approval,
        open_for_seconds: body.open_for.map(Span::as_seconds),
        zone: (body.zone != "UTC").then_some(body.zone),
        emergency: body.emergency.map(|it| wire::Emergency {
            tell: it.tell.iter().map(ToString::to_string).collect(),
            review: it.review.iter().map(ToString::to_string).collect(),
            within_seconds: it.within.as_seconds(),
        }),
    }
}

fn route_shown(route: Route) -> (bool, Option<String>, Vec<wire::PolicyStep>) {
    match route {
        Route::AutoApprove => (true, None, Vec::new()),
        Route::AutoDeny(message) => (false, Some(message), Vec::new()),
        Route::Steps(steps) => (false, None, steps.into_iter().map(step_shown).collect()),
    }
}

fn until_revoked_shown(said: UntilRevoked) -> wire::UntilRevoked {
    wire::UntilRevoked {
        review_every_days: said
            .every()
            .map(|every| every.as_seconds() / DAY.as_seconds()),
    }
}

const fn reason_shown(rule: ReasonRule) -> wire::ReasonRule {
    wire::ReasonRule {
        required: rule.required,
        min_length: rule.min_length,
    }
}

fn ticket_shown(rule: TicketRule) -> wire::TicketRule {
    wire::TicketRule {
        asked: rule.asked.as_str().to_owned(),
        pattern: rule.pattern,
        hint: rule.hint,
        link: rule.link,
    }
}

fn step_shown(step: Step) -> wire::PolicyStep {
    let of = approvers_shown(step.approvers);
    wire::PolicyStep {
        name: step.name,
        users: of.users,
        groups: of.groups,
        roles: of.roles,
        who: of.who,
        needed: step.needed,
        each_group: step.each_group,
        fallback: (!step.fallback.is_empty()).then(|| approvers_shown(step.fallback)),
        remind_seconds: step.remind.map(Span::as_seconds),
        late_seconds: step.late.map(Span::as_seconds),
        deadline: step.deadline.map(|it| wire::Deadline {
            after_seconds: it.after.as_seconds(),
            then: it.then.as_str().to_owned(),
            policy: it.then.policy().map(|id| id.to_string()),
        }),
        wait_seconds: step.wait.map(Span::as_seconds),
        reassign: (!step.reassign.is_default()).then(|| step.reassign.as_str().to_owned()),
    }
}

fn approvers_shown(it: Approvers) -> wire::Approvers {
    wire::Approvers {
        users: it.users.iter().map(ToString::to_string).collect(),
        groups: it.groups.iter().map(ToString::to_string).collect(),
        roles: it
            .roles
            .iter()
            .map(|role| role.as_str().to_owned())
            .collect(),
        who: it.who.map(|who| who.to_string()),
    }
}

pub(crate) fn rules(body: wire::PolicyBody) -> Result<PolicyBody, Failure> {
    let mut rules = Vec::new();
    for (at, rule) in body.rules.into_iter().enumerate() {
        let place = format!("rules[{at}].");
        rules.push(Rule {
            name: rule.name.trim().to_owned(),
            when: Condition::new(&rule.when),
            route: route(rule.auto_approve, rule.auto_deny, rule.steps, &place)?,
            max_duration: rule.max_duration_seconds.map(Span::seconds),
            until_revoked: rule.until_revoked.map(until_revoked),
            reason: rule.reason.map(reason_rule),
            ticket: rule.ticket.map(|it| ticket_rule(it, &place)).transpose()?,
            step_up: step_up(rule.step_up.as_deref(), &place)?,
        });
    }
    Ok(PolicyBody {
        rules,
        route: route(body.auto_approve, body.auto_deny, body.steps, "")?,
        max_duration: Span::seconds(body.max_duration_seconds),
        until_revoked: body.until_revoked.map(until_revoked).unwrap_or_default(),
        reason: reason_rule(body.reason),
        ticket: body
            .ticket
            .map(|it| ticket_rule(it, ""))
            .transpose()?
            .unwrap_or_default(),
        step_up: step_up(body.step_up.as_deref(), "")?.unwrap_or_default(),
        allow_self_approval: body.allow_self_approval,
        open_for: body.open_for_seconds.map(Span::seconds),
        zone: body.zone.unwrap_or_else(|| "UTC".to_owned()),
        emergency: body.emergency.map(emergency).transpose()?,
    })
}

fn until_revoked(it: wire::UntilRevoked) -> UntilRevoked {
    let days = it.review_every_days;
    UntilRevoked::of(days.map(|days| Span::hours(days.saturating_mul(24))))
}

fn emergency(it: wire::Emergency) -> Result<Emergency, Failure> {
    let tell = it.tell.iter().map(|id| parsed("emergency.tell", id));
    let review = it.review.iter().map(|id| parsed("emergency.review", id));
    Ok(Emergency {
        tell: tell.collect::<Result<_, Failure>>()?,
        review: review.collect::<Result<_, Failure>>()?,
        within: Span::seconds(it.within_seconds),
    })
}

const fn reason_rule(rule: wire::ReasonRule) -> ReasonRule {
    ReasonRule {
        required: rule.required,
        min_length: rule.min_length,
    }
}

fn ticket_rule(rule: wire::TicketRule, place: &str) -> Result<TicketRule, Failure> {
    let asked = TicketAsked::parse(&rule.asked).ok_or_else(|| {
        let field = format!("{place}ticket.asked");
        word(&field, &rule.asked, "no, optional or required")
    })?;
    Ok(TicketRule {
        asked,
        pattern: rule.pattern,
        hint: rule.hint.map(|it| it.trim().to_owned()),
        link: rule.link,
    })
}

fn step_up(given: Option<&str>, place: &str) -> Result<Option<StepUp>, Failure> {
    let Some(given) = given else { return Ok(None) };
    match StepUp::parse(given) {
        Some(it) => Ok(Some(it)),
        None => {
            let field = format!("{place}step_up");
            Err(word(&field, given, "no, asking, approving or both"))
        }
    }
}

fn route(
    auto_approve: bool,
    auto_deny: Option<String>,
    steps: Vec<wire::PolicyStep>,
    place: &str,
) -> Result<Route, Failure> {
    let ways = [auto_approve, auto_deny.is_some(), !steps.is_empty()];
    if ways.iter().filter(|it| **it).count() > 1 {
        return Err(Failure::new(
            Kind::Invalid,
            "auto_approve_with_steps",
            format!(
                "{place}steps: what is answered by itself asks nobody. Leave in one of \
                 `auto_approve`, `auto_deny` and the steps."
            ),
        ));
    }
    if auto_approve {
        return Ok(Route::AutoApprove);
    }
    if let Some(message) = auto_deny {
        return Ok(Route::AutoDeny(message.trim().to_owned()));
    }
    let steps = steps.into_iter().enumerate();
    let steps = steps.map(|(at, it)| step(it, &format!("{place}steps[{at}]")));
    Ok(Route::Steps(steps.collect::<Result<_, Failure>>()?))
}

fn step(step: wire::PolicyStep, place: &str) -> Result<Step, Failure> {
    let deadline = match step.deadline {
        None => None,
        Some(it) => {
            let field = format!("{place}.deadline.policy");
            let policy = it.policy.as_deref().map(|id| parsed(&field, id));
            Some(Deadline {
                after: Span::seconds(it.after_seconds),
                then: Then::parse(&it.then, policy.transpose()?).ok_or_else(|| {
                    let field = format!("{place}.deadline.then");
                    let words =
                        "deny, next_step, or other_policy with the `policy` it leads to and no other";
                    word(&field, &it.then, words)
                })?,
            })
        }
    };
    let reassign = match step.reassign.as_deref() {
        None => Reassign::default(),
        Some(it) => Reassign::parse(it).ok_or_else(|| {
            let words = "approvers, administrators or nobody";
            word(&format!("{place}.reassign"), it, words)
        })?,
    };
    Ok(Step {
        name: step.name.trim().to_owned(),
        approvers: approvers(
            wire::Approvers {
                users: step.users,
                groups: step.groups,
                roles: step.roles,
                who: step.who,
            },
            place,
        )?,
        needed: step.needed,
        each_group: step.each_group,
        fallback: approvers(
            step.fallback.unwrap_or_default(),
            &format!("{place}.fallback"),
        )?,
        remind: step.remind_seconds.map(Span::seconds),
        late: step.late_seconds.map(Span::seconds),
        deadline,
        wait: step.wait_seconds.map(Span::seconds),
        reassign,
    })
}

fn word(field: &str, word: &str, use_words: &str) -> Failure {
    Failure::new(
        Kind::Invalid,
        "invalid_value",
        format!("{field}: `{word}` is none of its words: use {use_words}"),
    )
}

fn approvers(it: wire::Approvers, place: &str) -> Result<Approvers, Failure> {
    let (users, groups) = (format!("{place}.users"), format!("{place}.groups"));
    let roles = it.roles.iter().map(|role| {
        Role::parse(role).ok_or_else(|| {
            let words = "manager, application_owner or connection_owner";
            word(&format!("{place}.roles"), role, words)
        })
    });
    Ok(Approvers {
        users: (it.users.iter())
            .map(|id| parsed(&users, id))
            .collect::<Result<_, Failure>>()?,
        groups: (it.groups.iter())
            .map(|id| parsed(&groups, id))
            .collect::<Result<_, Failure>>()?,
        roles: roles.collect::<Result<_, Failure>>()?,
        who: it
            .who
            .filter(|who| !who.trim().is_empty())
            .map(|who| Condition::new(&who)),
    })
}
