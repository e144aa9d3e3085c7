//! `/_sim/`: what AWS does not offer, for whoever runs the simulator: an API that speaks JSON, and
//! a page over the same. Loopback only, and closed to the pages of other sites.

mod calls;
mod guard;
mod page;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use self::guard::Barred;
use crate::browse::Asked;
use crate::clock::iso;
use crate::sim::{ControlError, Sim};
use crate::weather;
use crate::wire::{form_decode, percent_decode};

/// Whether a path is the owner's.
pub(crate) fn is_path(path: &str) -> bool {
    path == "/_sim" || path.starts_with("/_sim/")
}

pub(crate) fn answer(sim: &Sim, parts: &Parts, body: &Bytes) -> Response {
    let mut response = match guard::check(parts) {
        Ok(()) => match page::answer(sim, parts, body) {
            Some(page) => page,
            None => api(sim, parts, body),
        },
        Err(Barred::Stranger) => StatusCode::NOT_FOUND.into_response(),
        Err(Barred::OtherSite) => refusal(
            StatusCode::FORBIDDEN,
            "a page of another site may not turn this simulator",
        ),
    };
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

fn api(sim: &Sim, parts: &Parts, body: &Bytes) -> Response {
    let input: Value = if body.is_empty() {
        json!({})
    } else {
        match serde_json::from_slice(body) {
            Ok(input) => input,
            Err(broken) => return refused(&format!("the body is no JSON: {broken}")),
        }
    };
    let query = form_decode(parts.uri.query().unwrap_or("").as_bytes());
    match asked(sim, &parts.method, parts.uri.path(), &query, input) {
        Some(Ok(value)) => done(&value),
        Some(Err(wrong)) => refused(&wrong),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What is asked of the API, and what comes of it; nothing where there is no such thing.
fn asked(
    sim: &Sim,
    method: &Method,
    path: &str,
    query: &Map<String, Value>,
    input: Value,
) -> Option<Result<Value, String>> {
    let path = path.strip_prefix("/_sim/")?;
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    Some(match (method.as_str(), first, rest) {
        ("GET", "operations", "") => Ok(json!({ "operations": crate::operations() })),
        ("GET", "facts", "") => Ok(json!(sim.facts())),
        ("GET", "clock", "") => Ok(clock(sim)),
        ("PUT", "clock", "") => set_clock(sim, &input),
        ("POST", "clock", "advance") => advance_clock(sim, &input),
        ("PUT", "trust-policy", "") => put_trust_policy(sim, &input),
        ("GET", "console-sessions", "") => {
            let sessions = sim.console_sessions();
            let told: Vec<Value> = sessions.iter().map(|it| it.told()).collect();
            Ok(json!({ "sessions": told }))
        }
        ("GET", "scim-tokens", "") => Ok(json!({ "tokens": sim.scim_tokens() })),
        ("POST", "scim-tokens", "") => create_scim_token(sim),
        ("DELETE", "scim-tokens", id) => obeyed(sim.delete_scim_token(id)),
        ("GET", "faults", "") => Ok(weather::all(sim)),
        ("POST", "faults", "") => weather::add(sim, input),
        ("DELETE", "faults", "") => Ok(weather::remove(sim, None)),
        ("GET", "faults", id) => Ok(weather::hits(sim, id.parse().ok()?)),
        ("DELETE", "faults", id) => Ok(weather::remove(sim, Some(id.parse().ok()?))),
        ("GET", "knobs", "") => Ok(weather::knobs(sim)),
        ("PATCH", "knobs", "") => weather::turn(sim, &input).map(|()| weather::knobs(sim)),
        ("GET", "event-rules", "") => Ok(json!({ "rules": sim.event_rules() })),
        ("POST", "event-rules", "") => put_event_rule(sim, &input),
        ("POST", "device", "approve") => answer_device(sim, &input, true),
        ("POST", "device", "deny") => answer_device(sim, &input, false),
        ("POST", "disable-user", "") => disable_user(sim, &input),
        ("GET", "journal", "") => calls::answer(sim, query),
        ("GET", "iam-memberships", "") => Ok(json!({ "memberships": sim.iam_memberships() })),
        ("GET", "assignments", "") => Ok(json!({ "assignments": sim.assignments() })),
        ("GET", "estate", "") => {
            let shelves = sim.shelves().into_iter();
            let shelves = shelves.map(|(kind, _, count)| (kind.to_owned(), json!(count)));
            Ok(json!({ "things": shelves.collect::<Map<_, _>>() }))
        }
        ("GET", "estate", kind) => return estate(sim, kind, query),
        ("GET", "snapshots", "") => Ok(json!({ "snapshots": sim.snapshots() })),
        ("PUT", "snapshots", name) => sim
            .snapshot(&percent_decode(name.as_bytes()))
            .map(|made| json!(made))
            .map_err(|wrong| wrong.to_string()),
        ("POST", "snapshots", rest) => {
            let name = rest.strip_suffix("/restore")?;
            obeyed(sim.restore(&percent_decode(name.as_bytes())))
        }
        ("DELETE", "snapshots", name) => {
            obeyed(sim.delete_snapshot(&percent_decode(name.as_bytes())))
        }
        _ => return None,
    })
}

fn obeyed(result: Result<(), ControlError>) -> Result<Value, String> {
    result
        .map(|()| json!({}))
        .map_err(|wrong| wrong.to_string())
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn clock(sim: &Sim) -> Value {
    let now = sim.clock().now_micros();
    json!({ "now": iso(now), "micros": now, "frozen": sim.clock().is_frozen() })
}

fn set_clock(sim: &Sim, input: &Value) -> Result<Value, String> {
    let at = text(input, "at").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let at = at.ok_or("`at` must be a time such as 2026-11-23T14:05:00Z")?;
    sim.clock().set(at.as_microsecond());
    Ok(clock(sim))
}

fn advance_clock(sim: &Sim, input: &Value) -> Result<Value, String> {
    let micros = input
        .get("seconds")
        .and_then(Value::as_i64)
        .and_then(|seconds| seconds.checked_mul(1_000_000));
    sim.clock()
        .advance(micros.ok_or("`seconds` must be a whole number")?);
    Ok(clock(sim))
}

fn put_trust_policy(sim: &Sim, input: &Value) -> Result<Value, String> {
    let policy = match input.get("policy") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Object(members)) => Some(Value::Object(members.clone()).to_string()),
        _ => None,
    };
    let (Some(role), Some(policy)) = (text(input, "role_arn"), policy) else {
        return Err("give `role_arn` and `policy`".to_owned());
    };
    obeyed(sim.put_trust_policy(role, &policy))
}

fn create_scim_token(sim: &Sim) -> Result<Value, String> {
    let made = sim.create_scim_token().map(|(token, secret)| {
        let tenant = sim.facts().scim_tenant_id;
        json!({ "token": token, "secret": secret, "path": format!("/{tenant}/scim/v2/") })
    });
    made.map_err(|full| full.to_string())
}

fn answer_device(sim: &Sim, input: &Value, approved: bool) -> Result<Value, String> {
    obeyed(
        match (text(input, "user_code"), text(input, "user"), approved) {
            (Some(code), Some(user), true) => sim.approve_device(code, user),
            (Some(code), _, false) => sim.deny_device(code),
            _ => return Err("give `user_code` and `user`".to_owned()),
        },
    )
}

fn put_event_rule(sim: &Sim, input: &Value) -> Result<Value, String> {
    let (Some(name), Some(queue)) = (text(input, "name"), text(input, "queue_arn")) else {
        return Err("give `name` and `queue_arn`".to_owned());
    };
    let sources = match input.get("sources") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(given)) => given.iter().map(Value::as_str).collect(),
        Some(_) => None,
    };
    let sources = sources.ok_or("`sources` must be a list such as [\"aws.iam\"]")?;
    obeyed(sim.put_event_rule(name, queue, &sources))
}

fn disable_user(sim: &Sim, input: &Value) -> Result<Value, String> {
    let id = text(input, "user_id").ok_or("give `user_id`")?;
    obeyed(sim.disable_user(id))
}

/// A list of one kind, or with `id` one thing.
fn estate(sim: &Sim, kind: &str, query: &Map<String, Value>) -> Option<Result<Value, String>> {
    if let Some(id) = query.get("id").and_then(Value::as_str) {
        return Some(Ok(json!(sim.thing(kind, id)?)));
    }
    match in_shelf(query, 100) {
        Ok(asked) => Some(Ok(json!(sim.shelf(kind, &asked)?))),
        Err(wrong) => Some(Err(wrong)),
    }
}

/// Which rows of a list a query asks for.
fn in_shelf(query: &Map<String, Value>, usual: usize) -> Result<Asked, String> {
    let words = |name: &str| query.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str, missing: usize| match words(name) {
        "" => Ok(missing),
        text => text
            .parse()
            .map_err(|_| format!("`{name}` must be a whole number")),
    };
    Ok(Asked {
        text: words("q").to_owned(),
        from: number("from", 0)?,
        limit: number("limit", usual)?.clamp(1, 1_000),
    })
}

fn done(value: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        format!("{value}\n"),
    )
        .into_response()
}

fn refused(problem: &str) -> Response {
    refusal(StatusCode::BAD_REQUEST, problem)
}

fn refusal(status: StatusCode, problem: &str) -> Response {
    let body = format!("{}\n", json!({ "error": problem }));
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
