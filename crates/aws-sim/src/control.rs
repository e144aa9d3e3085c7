//! `/_sim/`: what AWS does not offer, for whoever runs the simulator. Loopback only; the
//! caller has made sure of that.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::clock::iso;
use crate::sim::{ControlError, Sim};
use crate::weather;

pub(crate) fn answer(sim: &Sim, parts: &Parts, body: &Bytes) -> Response {
    let input: Value = if body.is_empty() {
        json!({})
    } else {
        match serde_json::from_slice(body) {
            Ok(input) => input,
            Err(broken) => return refused(format!("the body is no JSON: {broken}")),
        }
    };
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/_sim/operations") => done(json!({ "operations": crate::operations() })),
        (&Method::GET, "/_sim/facts") => done(json!(sim.facts())),
        (&Method::GET, "/_sim/clock") => clock(sim),
        (&Method::PUT, "/_sim/clock") => set_clock(sim, &input),
        (&Method::POST, "/_sim/clock/advance") => advance_clock(sim, &input),
        (&Method::PUT, "/_sim/trust-policy") => put_trust_policy(sim, &input),
        (&Method::GET, "/_sim/console-sessions") => {
            let sessions = sim.console_sessions();
            let told: Vec<Value> = sessions.iter().map(|it| it.told()).collect();
            done(json!({ "sessions": told }))
        }
        (&Method::GET, "/_sim/faults") => done(weather::all(sim)),
        (&Method::POST, "/_sim/faults") => told(weather::add(sim, input)),
        (&Method::DELETE, "/_sim/faults") => {
            weather::remove(sim, None);
            done(json!({}))
        }
        (method, path) if path.starts_with(FAULT) => {
            let id = path.strip_prefix(FAULT).and_then(|id| id.parse().ok());
            match (method, id) {
                (&Method::GET, Some(id)) => done(weather::hits(sim, id)),
                (&Method::DELETE, Some(id)) => {
                    weather::remove(sim, Some(id));
                    done(json!({}))
                }
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }
        (&Method::GET, "/_sim/knobs") => done(weather::knobs(sim)),
        (&Method::PATCH, "/_sim/knobs") => {
            told(weather::turn(sim, &input).map(|()| weather::knobs(sim)))
        }
        (&Method::GET, "/_sim/event-rules") => done(json!({ "rules": sim.event_rules() })),
        (&Method::POST, "/_sim/event-rules") => put_event_rule(sim, &input),
        (&Method::POST, "/_sim/device/approve") => answer_device(sim, &input, true),
        (&Method::POST, "/_sim/device/deny") => answer_device(sim, &input, false),
        (&Method::POST, "/_sim/disable-user") => disable_user(sim, &input),
        (&Method::GET, "/_sim/journal") => journal(sim, parts.uri.query().unwrap_or("")),
        (&Method::GET, "/_sim/iam-memberships") => {
            done(json!({ "memberships": sim.iam_memberships() }))
        }
        (&Method::GET, "/_sim/assignments") => done(json!({ "assignments": sim.assignments() })),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Before the number of one fault.
const FAULT: &str = "/_sim/faults/";

fn told(result: Result<Value, String>) -> Response {
    match result {
        Ok(value) => done(value),
        Err(wrong) => refused(wrong),
    }
}

fn obeyed(result: Result<(), ControlError>) -> Response {
    told(
        result
            .map(|()| json!({}))
            .map_err(|wrong| wrong.to_string()),
    )
}

fn clock(sim: &Sim) -> Response {
    let now = sim.clock().now_micros();
    done(json!({ "now": iso(now), "micros": now, "frozen": sim.clock().is_frozen() }))
}

fn set_clock(sim: &Sim, input: &Value) -> Response {
    let at = input
        .get("at")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match at {
        Some(at) => {
            sim.clock().set(at.as_microsecond());
            clock(sim)
        }
        None => refused("`at` must be a time such as 2026-11-23T14:05:00Z".to_owned()),
    }
}

fn advance_clock(sim: &Sim, input: &Value) -> Response {
    let micros = input
        .get("seconds")
        .and_then(Value::as_i64)
        .and_then(|seconds| seconds.checked_mul(1_000_000));
    match micros {
        Some(micros) => {
            sim.clock().advance(micros);
            clock(sim)
        }
        None => refused("`seconds` must be a whole number".to_owned()),
    }
}

fn put_trust_policy(sim: &Sim, input: &Value) -> Response {
    let role = input.get("role_arn").and_then(Value::as_str);
    let policy = match input.get("policy") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Object(members)) => Some(Value::Object(members.clone()).to_string()),
        _ => None,
    };
    let (Some(role), Some(policy)) = (role, policy) else {
        return refused("give `role_arn` and `policy`".to_owned());
    };
    obeyed(sim.put_trust_policy(role, &policy))
}

fn answer_device(sim: &Sim, input: &Value, approved: bool) -> Response {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let answered = match (text("user_code"), text("user"), approved) {
        (Some(code), Some(user), true) => sim.approve_device(code, user),
        (Some(code), _, false) => sim.deny_device(code),
        _ => return refused("give `user_code` and `user`".to_owned()),
    };
    obeyed(answered)
}

fn put_event_rule(sim: &Sim, input: &Value) -> Response {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let (Some(name), Some(queue)) = (text("name"), text("queue_arn")) else {
        return refused("give `name` and `queue_arn`".to_owned());
    };
    let sources = match input.get("sources") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(given)) => given.iter().map(Value::as_str).collect(),
        Some(_) => None,
    };
    let Some(sources) = sources else {
        return refused("`sources` must be a list such as [\"aws.iam\"]".to_owned());
    };
    obeyed(sim.put_event_rule(name, queue, &sources))
}

fn disable_user(sim: &Sim, input: &Value) -> Response {
    let Some(id) = input.get("user_id").and_then(Value::as_str) else {
        return refused("give `user_id`".to_owned());
    };
    obeyed(sim.disable_user(id))
}

fn journal(sim: &Sim, query: &str) -> Response {
    let after = match query.strip_prefix("after=") {
        Some(number) => number.parse().ok(),
        None if query.is_empty() => Some(0),
        None => None,
    };
    match after {
        Some(after) => done(json!({ "calls": sim.journal_since(after) })),
        None => refused("`after` must be the number of a call".to_owned()),
    }
}

fn done(value: Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        format!("{value}\n"),
    )
        .into_response()
}

fn refused(problem: String) -> Response {
    let body = format!("{}\n", json!({ "error": problem }));
    (
        StatusCode::BAD_REQUEST,
        [(header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
}
