//! Policies tried out: a draft held against past requests, and what if somebody asked now.

use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{find, short, span};

/// `stint policies replay`
pub(super) async fn replay(
    server: &Server,
    policy: &str,
    body: Value,
    days: i64,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::POLICY, policy).await?;
    let path = format!("/api/v1/policies/{id}/replay");
    let found: Value = client
        .post(&path, &json!({ "body": body, "days": days }))
        .await?;
    if server.json {
        return out::json(&found);
    }
    out::facts(&[
        ("requests", out::field(&found, "requests")),
        ("otherwise answered", out::field(&found, "changed")),
        ("as before", out::field(&found, "same")),
    ])?;
    let rules = found.get("rules").and_then(Value::as_array);
    let rows: Vec<_> = (rules.into_iter().flatten())
        .map(|it| [out::field(it, "name"), out::field(it, "requests")])
        .collect();
    if !rows.is_empty() {
        out::line("")?;
        out::table(["rule", "would apply to"], &rows, "")?;
    }
    let examples = found.get("examples").and_then(Value::as_array);
    let rows: Vec<_> = (examples.into_iter().flatten())
        .map(|it| {
            [
                out::field(it, "request"),
                out::field(it, "requester.name"),
                out::field(it, "entitlement_name"),
                match span(it, "review_every_seconds") {
                    every if every.is_empty() => span(it, "duration_seconds"),
                    every => format!("until revoked, reviewed every {every}"),
                },
                short(&out::field(it, "submitted_at")),
                out::field(it, "before"),
                out::field(it, "after"),
            ]
        })
        .collect();
    out::line("")?;
    let head = [
        "request",
        "who",
        "access",
        "for",
        "asked (UTC)",
        "then",
        "with the draft",
    ];
    out::table(head, &rows, "Nothing would be answered otherwise.")
}

/// Somebody's question, as it is typed.
pub(super) struct Question {
    pub(super) user: String,
    pub(super) what: String,
    /// In seconds.
    pub(super) length: Option<i64>,
    pub(super) until_revoked: bool,
    pub(super) ticket: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) draft: Option<Value>,
}

/// `stint policies try`
pub(super) async fn dry_run(server: &Server, asked: Question) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let mut body = json!({
        "user": find::id(&client, find::USER, &asked.user).await?,
        "entitlement": find::entitlement(&client, &asked.what).await?,
    });
    let mut set = |name: &str, value: Value| {
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
    };
    if let Some(length) = asked.length {
        set("duration_seconds", length.into());
    }
    if asked.until_revoked {
        set("until_revoked", true.into());
    }
    if let Some(ticket) = asked.ticket {
        set("ticket", ticket.into());
    }
    if let Some(policy) = asked.policy {
        set(
            "policy",
            find::id(&client, find::POLICY, &policy).await?.into(),
        );
    }
    if let Some(draft) = asked.draft {
        set("body", draft);
    }
    let found: Value = client.post("/api/v1/policies/dry-run", &body).await?;
    if server.json {
        return out::json(&found);
    }
    let refusals = found.get("refusals").and_then(Value::as_array);
    let refusals: Vec<_> = (refusals.into_iter().flatten())
        .map(|it| out::field(it, "detail"))
        .collect();
    out::facts(&[
        ("access", out::field(&found, "entitlement_name")),
        ("in a catalog of theirs", out::field(&found, "offered")),
        ("verdict", out::field(&found, "verdict").replace('_', " ")),
        ("because", refusals.join("; ")),
        ("rule", out::field(&found, "rule")),
        ("at most", span(&found, "max_duration_seconds")),
        ("password again", out::field(&found, "step_up")),
        ("until revoked, every", span(&found, "review_every_seconds")),
    ])?;
    steps(&found)?;
    let others = found.get("others").and_then(Value::as_array);
    for other in others.into_iter().flatten() {
        let name = out::field(other, "policy.name");
        out::line("")?;
        out::line(&match out::field(other, "denies").is_empty() {
            true => format!("under the policy {name}, once a deadline leads there:"),
            false => format!("once a deadline leads to the policy {name}: denied"),
        })?;
        steps(other)?;
    }
    Ok(())
}

/// Who would have to approve, as a table; nothing where nobody has to.
fn steps(of: &Value) -> Result<(), Failure> {
    let steps = of.get("steps").and_then(Value::as_array);
    let rows: Vec<_> = (steps.into_iter().flatten())
        .map(|step| {
            let who = step.get("approvers").and_then(Value::as_array);
            let who: Vec<_> = (who.into_iter().flatten())
                .map(|it| match out::field(it, "hindrance").as_str() {
                    "" => out::field(it, "user.name"),
                    why => format!(
                        "{} ({})",
                        out::field(it, "user.name"),
                        why.replace('_', " ")
                    ),
                })
                .collect();
            [
                out::field(step, "name"),
                out::field(step, "needed"),
                who.join(", "),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    out::line("")?;
    out::table(["step", "needs", "of"], &rows, "")
}
