//! One connection, as `stint connections show` and `test` print it.

use serde_json::Value;

use crate::exit::Failure;
use crate::out;

use super::super::short;

pub(super) fn shown(it: &Value) -> Result<(), Failure> {
    out::facts(&[
        ("connection", out::field(it, "id")),
        ("name", out::field(it, "name")),
        ("status", out::field(it, "status")),
        ("why", out::field(it, "status_detail")),
        ("enters by", out::field(it, "credential")),
        ("role", out::field(it, "role_arn")),
        ("access key", out::field(it, "access_key_id")),
        ("drained", short(&out::field(it, "draining_since"))),
        ("external id", out::field(it, "external_id")),
        ("region", out::field(it, "region")),
        ("iam", out::field(it, "iam")),
        ("account", out::field(it, "management_account")),
        ("instance", out::field(it, "instance_arn")),
        ("owners", out::field(it, "owners")),
        (
            "of the application",
            out::field(it, "answers.application_owners"),
        ),
        ("told of trouble", out::field(it, "answers.told")),
        ("synced", short(&out::field(it, "last_sync_at"))),
    ])?;
    match it.get("last_test") {
        Some(report) if !report.is_null() => {
            out::line(&format!(
                "tested at {} (UTC):",
                short(&out::field(report, "at"))
            ))?;
            checks(report)
        }
        _ => out::line("never tested"),
    }
}

pub(super) fn checks(report: &Value) -> Result<(), Failure> {
    for check in report
        .get("checks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let outcome = out::field(check, "outcome");
        let what = out::field(check, "what");
        out::line(&format!(
            "  {outcome:<8}  {}: {what}",
            out::field(check, "name")
        ))?;
        let mend = out::field(check, "mend");
        for line in mend.lines() {
            out::line(&format!("            {line}"))?;
        }
    }
    let actions = report.get("actions").and_then(Value::as_array);
    let rows: Vec<_> = (actions.into_iter().flatten())
        .filter(|it| out::field(it, "able") != "works")
        .map(|it| {
            [
                out::field(it, "action"),
                out::field(it, "able"),
                out::field(it, "weight"),
                out::field(it, "purpose"),
                out::field(it, "note"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    out::table(["action", "able", "weight", "for", "note"], &rows, "")
}
