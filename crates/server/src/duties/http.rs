//! Duty rules and conflicts over HTTP.

use std::collections::BTreeSet;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, duties as wire};
use stint_domain::condition::Condition;
use stint_domain::duty::Action;
use stint_domain::rights::Verb;
use stint_domain::{DutyId, EntitlementId, GroupId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    Both, Change, Conflict, ConflictFilter, Duty, Existing, Filter, Held, How, NewDuty, Side, Whose,
};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Kind, Pages, Paging, Path, Query, Routes,
    versioned,
};
use crate::policies::parsed;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListDuties, routes!(list))
        .api(Verb::CreateDuty, routes!(create))
        .api(Verb::ListConflicts, routes!(conflicts))
        .api(Verb::GetDuty, routes!(get))
        .api(Verb::UpdateDuty, routes!(update))
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

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Of {
    /// Only of this rule (`dut_…`).
    rule: Option<String>,
    /// Words that must all be in who it is, or in the rule's name.
    #[serde(default)]
    #[param(required = false)]
    q: String,
}

/// Lists duty rules, also those that are switched off.
#[utoipa::path(
    get,
    path = "/api/v1/duties",
    tag = "duties",
    params(Narrowed, Pages),
    responses((status = 200, body = Page<wire::Duty>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Narrowed>,
    paging: Paging,
) -> Result<Json<Page<wire::Duty>>, Failure> {
    let filter = Filter {
        q: asked.q,
        sort: asked.sort,
    };
    let page = super::list(&cx, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(duty).collect(),
        next: page.next,
    }))
}

/// Writes a duty rule. Whoever holds something of both sides already keeps it, and is listed.
#[utoipa::path(
    post,
    path = "/api/v1/duties",
    tag = "duties",
    params(IdempotencyKey),
    request_body = wire::NewDuty,
    responses((status = 201, body = wire::Duty), (status = "4XX", body = Problem))
)]
async fn create(cx: Cx, body: Idempotent<wire::NewDuty>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = NewDuty {
            name: input.name,
            message: input.message,
            first: side("first", input.first)?,
            second: side("second", input.second)?,
            action: action(&input.action)?,
            group: input.group.as_deref().map(group).transpose()?,
            emergency_passes: input.emergency_passes,
            active: input.active.unwrap_or(true),
        };
        Ok(answer(StatusCode::CREATED, super::create(&cx, new).await?))
    })
    .await
}

/// One duty rule.
#[utoipa::path(
    get,
    path = "/api/v1/duties/{id}",
    tag = "duties",
    params(("id" = String, Path, description = "`dut_…`")),
    responses((status = 200, body = wire::Duty), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<DutyId>) -> Result<Response, Failure> {
    Ok(answer(StatusCode::OK, super::get(&cx, id).await?))
}

/// Changes a duty rule, or switches it on or off.
#[utoipa::path(
    patch,
    path = "/api/v1/duties/{id}",
    tag = "duties",
    params(("id" = String, Path, description = "`dut_…`"), IfMatch),
    request_body = wire::DutyChange,
    responses((status = 200, body = wire::Duty), (status = "4XX", body = Problem))
)]
async fn update(
    cx: Cx,
    Path(id): Path<DutyId>,
    seen: IfMatch,
    Json(input): Json<wire::DutyChange>,
) -> Result<Response, Failure> {
    let change = Change {
        name: input.name,
        message: input.message,
        first: input.first.map(|it| side("first", it)).transpose()?,
        second: input.second.map(|it| side("second", it)).transpose()?,
        action: input.action.as_deref().map(action).transpose()?,
        group: match input.group.as_deref() {
            Some(id) => Some(Some(group(id)?)),
            None => None,
        },
        emergency_passes: input.emergency_passes,
        active: input.active,
    };
    let changed = super::update(&cx, id, change, seen.version()).await?;
    Ok(answer(StatusCode::OK, changed))
}

/// Lists who holds something of both sides of a rule in force, now.
#[utoipa::path(
    get,
    path = "/api/v1/duties/conflicts",
    tag = "duties",
    params(Of, Pages),
    responses((status = 200, body = wire::ExistingConflicts), (status = "4XX", body = Problem))
)]
async fn conflicts(
    cx: Cx,
    Query(asked): Query<Of>,
    paging: Paging,
) -> Result<Json<wire::ExistingConflicts>, Failure> {
    let rule = asked.rule.filter(|text| !text.trim().is_empty());
    let filter = ConflictFilter {
        rule: rule.map(|id| parsed("rule", &id)).transpose()?,
        q: asked.q,
    };
    let found = super::conflicts(&cx, &filter, &paging).await?;
    Ok(Json(wire::ExistingConflicts {
        items: found.page.items.into_iter().map(existing).collect(),
        next: found.page.next,
        total: found.total,
    }))
}

fn side(field: &'static str, input: wire::DutySide) -> Result<Side, Failure> {
    let ids: Result<BTreeSet<EntitlementId>, Failure> = input
        .entitlements
        .iter()
        .map(|id| parsed(field, id))
        .collect();
    Ok(Side {
        name: input.name,
        entitlements: ids?,
        when: input.when.as_deref().map(Condition::new),
    })
}

fn action(word: &str) -> Result<Action, Failure> {
    Action::parse(word).ok_or_else(|| {
        let words = "`action` is `block` or `exception`.";
        Failure::new(Kind::Invalid, "invalid_value", words)
    })
}

fn group(id: &str) -> Result<GroupId, Failure> {
    parsed("group", id)
}

fn answer(status: StatusCode, it: Duty) -> Response {
    versioned(it.version, (status, Json(duty(it)))).into_response()
}

fn duty(it: Duty) -> wire::Duty {
    wire::Duty {
        id: it.id.to_string(),
        name: it.name,
        message: it.message,
        first: side_shown(it.first),
        second: side_shown(it.second),
        action: it.action.as_str().to_owned(),
        group: it.group.map(|id| id.to_string()),
        emergency_passes: it.emergency_passes,
        active: it.active,
        created_at: it.created_at.to_string(),
        version: it.version,
    }
}

fn side_shown(it: Side) -> wire::DutySide {
    wire::DutySide {
        name: it.name,
        entitlements: it.entitlements.iter().map(ToString::to_string).collect(),
        when: it.when.map(|when| when.to_string()),
    }
}

/// What a rule has against something, as it travels.
pub(crate) fn conflict(it: &Conflict) -> wire::DutyConflict {
    wire::DutyConflict {
        rule: it.rule.to_string(),
        name: it.name.clone(),
        message: it.message.clone(),
        verdict: it.verdict.as_str().to_owned(),
        holds: it.named.iter().map(held).collect(),
        things: it.holds.len(),
        people: it.people,
    }
}

fn held(it: &Held) -> wire::DutyHeld {
    wire::DutyHeld {
        entitlement: it.entitlement.to_string(),
        name: it.name.clone(),
        how: match it.how {
            How::Standing => "standing",
            How::Granted => "granted",
            How::Asked => "asked",
            How::Together => "together",
        }
        .to_owned(),
        through: it.through.clone(),
    }
}

fn existing(it: Existing) -> wire::ExistingConflict {
    let (user, principal) = match it.whose {
        Whose::User(id) => (Some(id.to_string()), None),
        Whose::Principal(id) => (None, Some(id.to_string())),
    };
    let shown = |all: Vec<Both>| {
        (all.into_iter())
            .map(|it| wire::DutyHeld {
                entitlement: it.entitlement.to_string(),
                name: it.name,
                how: if it.granted { "granted" } else { "standing" }.to_owned(),
                through: it.through,
            })
            .collect()
    };
    wire::ExistingConflict {
        rule: it.rule.to_string(),
        rule_name: it.rule_name,
        user,
        principal,
        name: it.name,
        first: shown(it.first),
        second: shown(it.second),
    }
}
