//! By which listings a connection is read, and what would make that cheaper.

use serde_json::Value;

use crate::client::Client;
use crate::exit::Failure;
use crate::out;

/// Shows what the newest syncs chose: the newest that has got so far.
pub(super) async fn shown(client: &Client, connection: &str) -> Result<(), Failure> {
    let path = format!("/api/v1/connections/{connection}/sync-runs");
    let runs: Value = client.get(&path, &[("limit", "10")]).await?;
    let runs = runs.get("items").and_then(Value::as_array);
    let plans = runs.into_iter().flatten().filter_map(|run| run.get("plan"));
    let plan = plans
        .filter_map(Value::as_array)
        .find(|plan| !plan.is_empty());
    let Some(plan) = plan else { return Ok(()) };
    let rows: Vec<_> = plan.iter().map(row).collect();
    let head = ["asked", "by", "calls", "cheaper with"];
    out::table(head, &rows, "Nothing is read yet.")
}

fn row(it: &Value) -> [String; 4] {
    let chosen = out::field(it, "listing");
    let options = it.get("options").and_then(Value::as_array);
    let option = (options.into_iter().flatten())
        .find(|option| !chosen.is_empty() && out::field(option, "listing") == chosen);
    let missing = it.get("missing").filter(|it| !it.is_null());
    [
        out::field(it, "question"),
        match chosen.is_empty() {
            true => "refused".to_owned(),
            false => chosen.replace('_', " "),
        },
        option.map_or_else(String::new, |option| out::field(option, "calls")),
        missing.map_or_else(String::new, |missing| {
            format!(
                "{} ({} calls, {} min)",
                out::field(missing, "action"),
                out::field(missing, "calls"),
                out::field(missing, "minutes")
            )
        }),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_says_what_was_chosen_and_what_would_be_cheaper() {
        let options = json!([
            { "listing": "holders_by_principal", "calls": 2200, "refused": true },
            { "listing": "holders_by_pair", "calls": 31000, "refused": false },
        ]);
        let missing = json!({ "action": "sso:ListAccountAssignmentsForPrincipal", "calls": 28800, "minutes": 27 });
        let it = json!({ "question": "holders", "listing": "holders_by_pair", "options": options, "missing": missing });
        let cheaper = "sso:ListAccountAssignmentsForPrincipal (28800 calls, 27 min)";
        assert_eq!(row(&it), ["holders", "holders by pair", "31000", cheaper]);
        let refused = json!({ "question": "pairs", "options": [] });
        assert_eq!(row(&refused), ["pairs", "refused", "", ""]);
    }
}
