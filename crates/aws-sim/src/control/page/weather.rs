//! Weather: what goes wrong, and the manners that can be turned.

use serde_json::{Map, Value, json};

use super::parts::{button, choice, form, input, mono, section, table};
use crate::sim::Sim;
use crate::weather;
use crate::wire::escape;

/// What becomes of a call, and what it is called. What each takes is said by the API.
const EFFECTS: &[(&str, &str)] = &[
    ("refuse", "Refuse (takes an error code)"),
    ("throttle", "Throttle"),
    ("broken", "Internal error"),
    ("unavailable", "Unavailable (503)"),
    ("expire", "End the temporary credentials"),
    ("lose_before", "Lose it before it happens"),
    ("lose_after", "Lose the answer after it happened"),
    ("reset_before", "Reset the connection before it happens"),
    ("reset_after", "Reset the connection after it happened"),
    ("arrive_late", "Lose it, arrive later (seconds)"),
    ("delay", "Take real time (milliseconds)"),
    ("advance", "Move the clock meanwhile (seconds)"),
    ("slow", "Stay in progress (seconds)"),
    ("fail_later", "End FAILED (takes a message)"),
    ("ignore_delete", "Answer a delete and remove nothing"),
    ("stale", "Answer from an older state"),
    ("twice", "Deliver an event twice"),
];
const TURNS: &[(&str, &str)] = &[
    ("", "Every call"),
    ("nth", "Only call number"),
    ("first", "The first"),
    ("from", "From call number on"),
];
const PARTIES: &[(&str, &str)] = &[
    ("", "Anybody"),
    ("stint", "Stint's host"),
    ("admin", "Administrator"),
    ("user", "Other users"),
    ("nobody", "Nobody known"),
];
/// Knobs that are one of several words.
const WORDS: &[(&str, &[(&str, &str)])] = &[
    (
        "reads",
        &[
            ("lagging", "lagging"),
            ("alternating", "alternating"),
            ("fresh", "fresh"),
        ],
    ),
    (
        "over_outstanding",
        &[("throttling", "throttling"), ("conflict", "conflict")],
    ),
    (
        "absent_delete",
        &[("fails_later", "fails_later"), ("not_found", "not_found")],
    ),
];

/// With what was filled in, if it could not be done.
pub(super) fn page(sim: &Sim, filled: &Map<String, Value>) -> String {
    let text = |name: &str| filled.get(name).and_then(Value::as_str).unwrap_or_default();
    let rows: Vec<Vec<String>> = sim
        .faults()
        .listed()
        .iter()
        .map(|fault| {
            let party = fault.party.map(|it| json!(it));
            let party = party.as_ref().and_then(Value::as_str).unwrap_or("anybody");
            vec![
                fault.id.to_string(),
                mono(&fault.operation),
                escape(party),
                escape(&fault.turn),
                escape(&fault.effect),
                format!("{} of {}", fault.hits, fault.matched),
                button(
                    "faults/remove",
                    "id",
                    &fault.id.to_string(),
                    "Take away",
                    "end",
                ),
            ]
        })
        .collect();
    let columns = [
        "No.",
        "Operation",
        "By",
        "Which",
        "What becomes of it",
        "Acted",
        "",
    ];
    let all = if rows.is_empty() {
        String::new()
    } else {
        form("faults/remove", "", "Take all away", "end")
    };
    let names: String = crate::operations()
        .iter()
        .map(|name| format!("<option value=\"{}\">", escape(name)))
        .collect();
    let checked = if text("applied").is_empty() {
        ""
    } else {
        "checked"
    };
    let fields = [
        input("Operation", "operation", text("operation"), "required list=\"operations\" placeholder=\"sso:* or *\""),
        choice("By", "party", PARTIES, text("party")),
        choice("Which calls", "turn", TURNS, text("turn")),
        input("Number", "number", text("number"), "inputmode=\"numeric\""),
        choice("What becomes of it", "effect", EFFECTS, text("effect")),
        input("Error code", "code", text("code"), "placeholder=\"ConflictException\""),
        input("Message", "message", text("message"), ""),
        input("Seconds", "seconds", text("seconds"), "inputmode=\"numeric\""),
        input("Milliseconds", "millis", text("millis"), "inputmode=\"numeric\""),
        format!("<label><input type=\"checkbox\" name=\"applied\" value=\"yes\" {checked}>FAILED, but took effect</label>"),
    ]
    .concat();
    let add = format!(
        "<datalist id=\"operations\">{names}<option value=\"events:Deliver\"></datalist>{}",
        form("faults/add", &fields, "Add the fault", "first")
    );
    let empty = "All is well: no fault is in store.";
    format!(
        "<p class=\"lead\">What goes wrong, call by call, and the manners AWS leaves open. The same as JSON: \
         <code>/_sim/faults</code>, <code>/_sim/knobs</code>.</p>{}{}{}",
        section("Faults", &(table(&columns, &rows, empty) + &all)),
        section("Add a fault", &add),
        section("Knobs", &knobs(sim, filled)),
    )
}

/// The knobs as they are, each by its name; of what is inside another one, by both with a point
/// between.
fn flat(sim: &Sim) -> Vec<(String, Value)> {
    fn within(name: &str, value: &Value, flat: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(members) => {
                for (part, value) in members {
                    let name = if name.is_empty() {
                        part.clone()
                    } else {
                        format!("{name}.{part}")
                    };
                    within(&name, value, flat);
                }
            }
            other => flat.push((name.to_owned(), other.clone())),
        }
    }
    let mut flat = Vec::new();
    within("", &weather::knobs(sim), &mut flat);
    flat
}

fn knobs(sim: &Sim, filled: &Map<String, Value>) -> String {
    let fields: String = flat(sim)
        .iter()
        .map(|(name, value)| {
            let now = match value {
                Value::String(word) => word.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let kept = filled.get(name).and_then(Value::as_str).unwrap_or(&now);
            let words = WORDS.iter().find(|(known, _)| known == name);
            match (words, value) {
                (Some((_, words)), _) => choice(name, name, words, kept),
                (None, Value::Bool(_)) => {
                    choice(name, name, &[("true", "on"), ("false", "off")], kept)
                }
                (None, Value::Null) => input(name, name, kept, "inputmode=\"numeric\""),
                _ => input(name, name, kept, "inputmode=\"numeric\" required"),
            }
        })
        .collect();
    form("knobs", &fields, "Turn the knobs", "first")
}

/// The knobs a form has, as the API takes them: of those that are not as they were.
pub(super) fn turned(sim: &Sim, form: &Map<String, Value>) -> Result<Value, String> {
    let mut turned = weather::knobs(sim);
    for (name, value) in flat(sim) {
        let Some(text) = form.get(&name).and_then(Value::as_str) else {
            continue;
        };
        let text = text.trim();
        let number = || {
            let number = text.parse::<serde_json::Number>();
            number.map_err(|_| format!("`{name}` must be a number"))
        };
        let new = match value {
            Value::Bool(_) => json!(text == "true"),
            Value::String(_) => json!(text),
            Value::Null if text.is_empty() => Value::Null,
            _ => Value::Number(number()?),
        };
        let place = format!("/{}", name.replace('.', "/"));
        if let Some(place) = turned.pointer_mut(&place) {
            *place = new;
        }
    }
    Ok(turned)
}

/// The fault a form describes, as the API takes it.
pub(super) fn fault(form: &Map<String, Value>) -> Result<Value, String> {
    let text = |name: &str| {
        let value = form.get(name).and_then(Value::as_str);
        value.map(str::trim).filter(|text| !text.is_empty())
    };
    let number = |name: &str| match text(name) {
        None => Ok(Value::Null),
        Some(text) => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| format!("{name}: a whole number is needed")),
    };
    let mut fault = Map::new();
    for name in ["operation", "party", "effect", "code", "message"] {
        if let Some(text) = text(name) {
            fault.insert(name.to_owned(), json!(text));
        }
    }
    for name in ["seconds", "millis"] {
        fault.insert(name.to_owned(), number(name)?);
    }
    if let Some(turn) = text("turn") {
        let n = number("number")?;
        if n.is_null() {
            return Err("Which call? Give its number.".to_owned());
        }
        fault.insert(turn.to_owned(), n);
    }
    fault.insert("applied".to_owned(), json!(text("applied").is_some()));
    if !fault.contains_key("operation") {
        return Err("Which calls? Give an operation, such as sso:*.".to_owned());
    }
    Ok(Value::Object(fault))
}
