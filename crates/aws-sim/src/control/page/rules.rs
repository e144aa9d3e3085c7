//! Event rules and snapshots: a table each, and a form.

use serde_json::{Map, Value};

use super::parts::{button, form, input, mono, section, table};
use crate::clock::iso;
use crate::sim::Sim;
use crate::wire::escape;

/// With what was filled in, if it could not be done.
pub(super) fn rules(sim: &Sim, filled: &Map<String, Value>) -> String {
    let rows: Vec<Vec<String>> = sim
        .event_rules()
        .iter()
        .map(|rule| {
            let sources = match rule.sources.as_slice() {
                [] => "all".to_owned(),
                some => some.join(", "),
            };
            vec![
                escape(&rule.name),
                mono(&rule.queue_arn),
                escape(&sources),
                rule.delivered.to_string(),
                rule.refused.to_string(),
                rule.lost.to_string(),
            ]
        })
        .collect();
    let columns = ["Rule", "Queue", "Sources", "Delivered", "Refused", "Lost"];
    let empty = "No rule yet: changes are told to nobody. Make a queue by SQS, let events.amazonaws.com send to it, then put a rule here.";
    let text = |name: &str| filled.get(name).and_then(Value::as_str).unwrap_or_default();
    let fields = [
        input("Name", "name", text("name"), "required"),
        input(
            "ARN of the queue",
            "queue_arn",
            text("queue_arn"),
            "required",
        ),
        input(
            "Sources (all, if none)",
            "sources",
            text("sources"),
            "placeholder=\"aws.iam, aws.sso\"",
        ),
    ]
    .concat();
    format!(
        "<p class=\"lead\">Changes become events, as CloudTrail and EventBridge send them, in the queues that rules name.</p>{}{}",
        section("Rules", &table(&columns, &rows, empty)),
        section(
            "Put a rule",
            &form("rules/put", &fields, "Put the rule", "first")
        ),
    )
}

/// With a name that could not be taken.
pub(super) fn snapshots(sim: &Sim, name: &str) -> String {
    let rows: Vec<Vec<String>> = sim
        .snapshots()
        .iter()
        .map(|it| {
            let back = button("snapshots/restore", "name", &it.name, "Restore", "");
            let gone = button("snapshots/delete", "name", &it.name, "Delete", "end");
            vec![
                escape(&it.name),
                iso(it.at),
                it.calls.to_string(),
                format!("{back} {gone}"),
            ]
        })
        .collect();
    let empty = "No snapshot yet. Take one before you try something, and come back to it.";
    let name = input(
        "Name",
        "name",
        name,
        "required maxlength=\"64\" pattern=\"[A-Za-z0-9._\\-]+\"",
    );
    format!(
        "<p class=\"lead\">The whole world under a name: estate, keys, queues, what is under way, journal, clock, faults and knobs. \
         Restoring throws away what came after.</p>{}{}",
        section(
            "Snapshots",
            &table(&["Name", "Clock", "Calls", ""], &rows, empty)
        ),
        section(
            "Take a snapshot",
            &form("snapshots/take", &name, "Take it", "first")
        ),
    )
}
