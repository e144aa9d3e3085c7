//! The journal: every call so far, the newest first, narrowed by the form above it.

use serde_json::{Map, Value, json};

use super::super::calls;
use super::parts::{choice, input, section, table};
use crate::clock::iso;
use crate::journal::{Answered, Call};
use crate::sim::Sim;
use crate::wire::{escape, percent_encode};

/// Calls on a page.
const PAGE: usize = 50;

pub(super) fn page(sim: &Sim, query: &Map<String, Value>) -> Result<String, String> {
    let mut query = query.clone();
    query.remove("done");
    let mut wanted = calls::wanted(&query)?;
    wanted.limit = wanted.limit.or(Some(PAGE));
    wanted.newest = query.get("order").is_none_or(|order| order == "newest");
    let (found, next) = sim.calls_wanted(&wanted);
    let text = |name: &str| query.get(name).and_then(Value::as_str).unwrap_or_default();
    let parties = [
        ("", "Anybody"),
        ("stint", "Stint's host"),
        ("admin", "Administrator"),
        ("user", "Other users"),
        ("nobody", "Nobody known"),
    ];
    let outcomes = [
        ("", "Any"),
        ("ok", "Answered"),
        ("error", "Refused"),
        ("lost", "Lost"),
    ];
    let names: String = crate::operations()
        .iter()
        .map(|name| format!("<option value=\"{}\">", escape(name)))
        .collect();
    let fields = [
        input(
            "Operation",
            "operation",
            text("operation"),
            "list=\"operations\" placeholder=\"sso:*\"",
        ),
        choice("By", "party", &parties, text("party")),
        choice("Came to", "outcome", &outcomes, text("outcome")),
        input(
            "Error",
            "code",
            text("code"),
            "placeholder=\"AccessDenied\"",
        ),
        input(
            "Account",
            "account",
            text("account"),
            "inputmode=\"numeric\"",
        ),
        input(
            "Caller",
            "caller",
            text("caller"),
            "placeholder=\"part of an ARN\"",
        ),
        input("In the input", "input", text("input"), ""),
    ]
    .concat();
    let filter = format!(
        "<form method=\"get\" action=\"/_sim/page/journal\"><datalist id=\"operations\">{names}</datalist>\
         <div class=\"fields\">{fields}</div><div class=\"row\"><button class=\"first\">Narrow</button>\
         <a class=\"button\" href=\"/_sim/page/journal\">Show all</a></div></form>"
    );
    let narrowed = query.iter().any(|(_, value)| value != "");
    let list = if found.is_empty() && narrowed {
        "<p class=\"empty\">No call is like this. Show all, or narrow by less.</p>".to_owned()
    } else {
        rows(&found)
    };
    let onward = next.map_or_else(String::new, |next| {
        let kept: String = query
            .iter()
            .filter(|(name, value)| *name != "before" && *name != "after" && *value != "")
            .filter_map(|(name, value)| Some((name, value.as_str()?)))
            .map(|(name, value)| format!("{name}={}&", percent_encode(value)))
            .collect();
        let (way, label) = if wanted.newest { ("before", "Older") } else { ("after", "Newer") };
        format!("<p><a class=\"button\" href=\"/_sim/page/journal?{}{way}={next}\">{label} calls</a></p>", escape(&kept))
    });
    Ok(format!(
        "<p class=\"lead\">Every call as it arrived: {} so far. The same as JSON: <code>GET /_sim/journal</code>.</p>{}{}",
        sim.calls(),
        section("Narrow", &filter),
        section("Calls", &format!("{list}{onward}")),
    ))
}

/// Calls as rows of a table.
pub(super) fn rows(calls: &[Call]) -> String {
    let rows: Vec<Vec<String>> = calls.iter().map(row).collect();
    let empty = "Nobody has called yet.";
    table(&["No.", "At", "Operation", "By", "Came to"], &rows, empty)
}

fn row(call: &Call) -> Vec<String> {
    let who = call.caller_arn.as_deref().or(call.account.as_deref());
    let who = who
        .or(call.access_key_id.as_deref())
        .unwrap_or("nobody known");
    let (class, text) = match &call.answer {
        Answered::Ok => ("ok", "answered".to_owned()),
        Answered::Error { status, code } => ("error", format!("{status} {code}")),
        Answered::Lost { done: true, .. } => ("lost", "done, answer lost".to_owned()),
        Answered::Lost { done: false, .. } => ("lost", "lost".to_owned()),
    };
    let fault = call.fault.map_or_else(String::new, |fault| {
        format!(" <span class=\"quiet\">fault {fault}</span>")
    });
    let input = serde_json::to_string_pretty(&call.input).unwrap_or_default();
    let details = if call.input == json!({}) {
        String::new()
    } else {
        format!(
            "<details><summary>Input</summary><pre>{}</pre></details>",
            escape(&input)
        )
    };
    vec![
        call.no.to_string(),
        iso(call.at),
        format!(
            "<span class=\"mono\">{}</span>{details}",
            escape(&call.operation)
        ),
        format!("<span class=\"mono\">{}</span>", escape(who)),
        format!(
            "<span class=\"chip {class}\">{}</span>{fault}",
            escape(&text)
        ),
    ]
}
