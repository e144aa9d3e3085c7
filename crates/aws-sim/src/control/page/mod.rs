//! The page at `/_sim/`: clock, weather, journal, what there is, event rules, snapshots. It works
//! without script, fetches nothing from elsewhere, and does what the API does: a form is turned
//! into the API's input and takes the same way.

mod estate;
mod journal;
mod overview;
mod parts;
mod rules;
mod weather;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use self::parts::{Said, whole};
use super::asked;
use crate::clock::iso;
use crate::sim::Sim;
use crate::wire::{form_decode, percent_encode};

const STYLE: &str = include_str!("style.css");
/// Nothing from elsewhere, no script, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Answers what is a page's; nothing where it is the API's.
pub(super) fn answer(sim: &Sim, parts: &Parts, body: &Bytes) -> Option<Response> {
    let path = parts.uri.path();
    if path == "/_sim" {
        return Some((StatusCode::SEE_OTHER, [(header::LOCATION, "/_sim/")]).into_response());
    }
    if path == "/_sim/" && parts.method == Method::GET {
        let inside = overview::page(sim, None);
        return Some(shown(sim, path, "Overview", &said(parts), &inside));
    }
    let name = path.strip_prefix("/_sim/page/")?;
    if parts.method == Method::POST {
        return Some(act(sim, name, &form_decode(body)));
    }
    if name == "style.css" {
        let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
        return Some((kind, STYLE).into_response());
    }
    let query = form_decode(parts.uri.query().unwrap_or("").as_bytes());
    let told = said(parts);
    Some(match name {
        "weather" => shown(
            sim,
            path,
            "Weather",
            &told,
            &weather::page(sim, &Map::new()),
        ),
        "journal" => match journal::page(sim, &query) {
            Ok(inside) => shown(sim, path, "Journal", &told, &inside),
            Err(wrong) => {
                let inside = journal::page(sim, &Map::new()).unwrap_or_default();
                let page = shown(sim, path, "Journal", &Said::Wrong(wrong), &inside);
                (StatusCode::BAD_REQUEST, page).into_response()
            }
        },
        "rules" => shown(
            sim,
            path,
            "Event rules",
            &told,
            &rules::rules(sim, &Map::new()),
        ),
        "snapshots" => shown(sim, path, "Snapshots", &told, &rules::snapshots(sim, "")),
        _ => match estate::page(sim, name, &query) {
            Some((title, inside)) => shown(sim, "/_sim/page/estate", &title, &told, &inside),
            None => {
                let wrong = Said::Wrong("There is no such page or thing here.".to_owned());
                let back = "<p><a href=\"/_sim/page/estate\">What there is</a></p>";
                let page = shown(sim, "", "Not found", &wrong, back);
                (StatusCode::NOT_FOUND, page).into_response()
            }
        },
    })
}

fn shown(sim: &Sim, here: &str, title: &str, said: &Said, inside: &str) -> Response {
    let now = iso(sim.clock().now_micros());
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (headers, whole(here, title, &now, said, inside)).into_response()
}

/// What the last act said, in the address it sent on to.
fn said(parts: &Parts) -> Said {
    let query = form_decode(parts.uri.query().unwrap_or("").as_bytes());
    match query.get("done").and_then(Value::as_str) {
        Some(name) => DONE
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(Said::Nothing, |(_, text)| Said::Done((*text).to_owned())),
        None => Said::Nothing,
    }
}

/// Only these are said: an address of somebody else's making says nothing else here.
const DONE: &[(&str, &str)] = &[
    ("clock", "The clock was moved."),
    ("fault", "The fault was added; it counts from now on."),
    ("faults", "Taken away."),
    ("knobs", "Turned."),
    ("rule", "The rule was put."),
    ("snapshot", "The snapshot was taken."),
    ("restored", "The world is as it was in the snapshot."),
    ("deleted", "Deleted."),
];

/// Does what a form asks for: by the API, then on to the page it is about.
fn act(sim: &Sim, name: &str, form: &Map<String, Value>) -> Response {
    let text = |name: &str| {
        let value = form.get(name).and_then(Value::as_str);
        value.unwrap_or_default().trim()
    };
    let one = |name: &str| percent_encode(text(name));
    let ask = |method: Method, path: &str, input: Value| {
        let path = format!("/_sim/{path}");
        let none = || Err("There is no such thing.".to_owned());
        asked(sim, &method, &path, &Map::new(), input).unwrap_or_else(none)
    };
    let (result, back, done) = match name {
        "clock/advance" => {
            let seconds = text("seconds").parse::<i64>().ok();
            let moved = ask(Method::POST, "clock/advance", json!({ "seconds": seconds }));
            (moved, "/_sim/", "clock")
        }
        "clock/set" => {
            let set = ask(Method::PUT, "clock", json!({ "at": text("at") }));
            (set, "/_sim/", "clock")
        }
        "tokens/create" => match ask(Method::POST, "scim-tokens", json!({})) {
            // Told this once: nowhere to come back to.
            Ok(made) => {
                let inside = overview::page(sim, Some(&made));
                let said = Said::Done("The token was made. It is shown this once.".to_owned());
                return shown(sim, "/_sim/", "Overview", &said, &inside);
            }
            wrong => (wrong, "/_sim/", "deleted"),
        },
        "tokens/delete" => {
            let path = format!("scim-tokens/{}", one("id"));
            (ask(Method::DELETE, &path, json!({})), "/_sim/", "deleted")
        }
        "faults/add" => {
            let added = weather::fault(form).and_then(|it| ask(Method::POST, "faults", it));
            (added, "/_sim/page/weather", "fault")
        }
        "faults/remove" => {
            let path = match text("id") {
                "" => "faults".to_owned(),
                id => format!("faults/{id}"),
            };
            let gone = ask(Method::DELETE, &path, json!({}));
            (gone, "/_sim/page/weather", "faults")
        }
        "knobs" => {
            let turned = weather::turned(sim, form).and_then(|it| ask(Method::PATCH, "knobs", it));
            (turned, "/_sim/page/weather", "knobs")
        }
        "rules/put" => {
            let sources: Vec<&str> = text("sources")
                .split([',', ' '])
                .filter(|it| !it.is_empty())
                .collect();
            let rule =
                json!({ "name": text("name"), "queue_arn": text("queue_arn"), "sources": sources });
            let put = if text("name").is_empty() {
                Err("A rule needs a name.".to_owned())
            } else {
                ask(Method::POST, "event-rules", rule)
            };
            (put, "/_sim/page/rules", "rule")
        }
        "snapshots/take" => {
            let path = format!("snapshots/{}", one("name"));
            let taken = ask(Method::PUT, &path, json!({}));
            (taken, "/_sim/page/snapshots", "snapshot")
        }
        "snapshots/restore" => {
            let path = format!("snapshots/{}/restore", one("name"));
            let back = ask(Method::POST, &path, json!({}));
            (back, "/_sim/page/snapshots", "restored")
        }
        "snapshots/delete" => {
            let path = format!("snapshots/{}", one("name"));
            let gone = ask(Method::DELETE, &path, json!({}));
            (gone, "/_sim/page/snapshots", "deleted")
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match result {
        Ok(_) => {
            let to = format!("{back}?done={done}");
            (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
        }
        Err(wrong) => {
            // The page again, with what was filled in.
            let (title, inside) = match back {
                "/_sim/page/weather" => ("Weather", weather::page(sim, form)),
                "/_sim/page/rules" => ("Event rules", rules::rules(sim, form)),
                "/_sim/page/snapshots" => ("Snapshots", rules::snapshots(sim, text("name"))),
                _ => ("Overview", overview::page(sim, None)),
            };
            let page = shown(sim, back, title, &Said::Wrong(wrong), &inside);
            (StatusCode::BAD_REQUEST, page).into_response()
        }
    }
}
