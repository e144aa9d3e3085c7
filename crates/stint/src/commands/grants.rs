//! Grants: what is held through Stint, and ending it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::Because;
use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short};

/// Which grants.
#[derive(Debug, clap::Args)]
pub(crate) struct Grants {
    #[command(flatten)]
    pub server: Server,
    /// A grant, as `grt_…`: show it whole.
    id: Option<String>,
    /// Everybody's that live (administrators and auditors).
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Everybody's in this state.
    #[arg(long, value_name = "STATE", value_parser = ["live", "stuck", "failed", "ended", "emergency"], conflicts_with = "id")]
    show: Option<String>,
}

/// `stint grants`.
pub(crate) async fn grants(args: Grants) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    if let Some(id) = &args.id {
        let id = named(&client, id).await?;
        let grant: Value = client.get(&format!("/api/v1/grants/{id}"), &[]).await?;
        return shown(&args.server, &grant);
    }
    let (path, query) = match (&args.show, args.all) {
        (Some(state), _) => ("/api/v1/grants", vec![("show", state.as_str())]),
        (None, true) => ("/api/v1/grants", vec![("show", "live")]),
        (None, false) => ("/api/v1/grants/mine", Vec::new()),
    };
    let grants: Vec<Value> = client.list(path, &query, MOST).await?;
    if args.server.json {
        return out::json(&grants);
    }
    let rows: Vec<_> = (grants.iter())
        .map(|grant| {
            [
                out::field(grant, "id"),
                out::field(grant, "status_title"),
                out::field(grant, "entitlement_name"),
                whose(grant),
                end(grant),
            ]
        })
        .collect();
    let head = ["grant", "state", "what", "whose", "ends (UTC)"];
    let empty = match args.show.as_deref() {
        Some("stuck") => "No grant is stuck.",
        Some("failed") => "No grant has failed.",
        _ => "No access through Stint.",
    };
    out::table(head, &rows, empty)
}

fn end(grant: &Value) -> String {
    let review = out::field(grant, "until_revoked.review_at");
    if !review.is_empty() {
        return format!("until revoked, reviewed {}", short(&review));
    }
    match out::field(grant, "end") {
        end if end.is_empty() => "until revoked".to_owned(),
        end => short(&end),
    }
}

/// A grant by its id, or one of those that live by what it gives and to whom.
async fn named(client: &Client, given: &str) -> Result<String, Failure> {
    if find::is_id("grt", given) {
        return Ok(given.to_owned());
    }
    let mine: Vec<Value> = client.list("/api/v1/grants/mine", &[], MOST).await?;
    let mut all = mine;
    // Who may see everybody's means everybody's.
    let everybody = client
        .list::<Value>("/api/v1/grants", &[("show", "live")], MOST)
        .await;
    for grant in everybody.unwrap_or_default() {
        if !all
            .iter()
            .any(|it| out::field(it, "id") == out::field(&grant, "id"))
        {
            all.push(grant);
        }
    }
    among(given, all)
}

/// A grant of the caller's own by its id, or one of those that live by what it gives.
pub(crate) async fn mine(client: &Client, given: &str) -> Result<String, Failure> {
    if find::is_id("grt", given) {
        return Ok(given.to_owned());
    }
    among(given, client.list("/api/v1/grants/mine", &[], MOST).await?)
}

fn among(given: &str, mut all: Vec<Value>) -> Result<String, Failure> {
    all.retain(|grant| out::field(grant, "ended_at").is_empty());
    // What was kept until it is revoked is two for a while: the first, which takes the other with it.
    all.sort_by_key(|grant| out::field(grant, "start"));
    let mut kept = BTreeSet::new();
    all.retain(|grant| {
        let lasts = grant.get("until_revoked").is_some_and(|it| !it.is_null());
        !lasts || kept.insert(out::field(grant, "request"))
    });
    for grant in &mut all {
        let both = format!(
            "{} {}",
            out::field(grant, "entitlement_name"),
            out::field(grant, "user_name")
        );
        if let Some(grant) = grant.as_object_mut() {
            grant.insert("both".to_owned(), json!(both));
        }
    }
    let keys = &["entitlement_name", "both"];
    let found = find::chosen("grant", "stint grants", keys, given, all)?;
    out::remark(&format!(
        "{}: {}",
        out::field(&found, "id"),
        out::field(&found, "both")
    ));
    Ok(out::field(&found, "id"))
}

/// Whose a grant is: of a group's, who answers for it and which group holds it.
fn whose(grant: &Value) -> String {
    let user = out::field(grant, "user_name");
    match grant.pointer("/group/name").and_then(Value::as_str) {
        Some(group) => format!("{user} for Identity Center group {group}"),
        None => user,
    }
}

/// `stint revoke` and `stint cut-off`: `verb` is the last part of the path.
pub(crate) async fn end_early(args: Because, verb: &str) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let id = named(&client, &args.grant).await?;
    let body = json!({ "reason": args.reason });
    let done: Value = client
        .post(&format!("/api/v1/grants/{id}/{verb}"), &body)
        .await?;
    if args.server.json {
        return out::json(&done);
    }
    let grant = done.get("grant").cloned().unwrap_or_default();
    let what = out::field(&grant, "entitlement_name");
    out::line(&format!("{id}  {}", out::field(&grant, "status_title")))?;
    out::line(&format!("{what} of {}", whose(&grant)))?;
    remaining(done.get("remaining").unwrap_or(&Value::Null))
}

/// `stint retry` and `stint provision-again`.
pub(crate) async fn again(server: &Server, given: &str, verb: &str) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = named(&client, given).await?;
    let path = format!("/api/v1/grants/{id}/{verb}");
    let mut done = client.change(Method::POST, &path, None, None).await?;
    if done.is_null() {
        done = client.get(&format!("/api/v1/grants/{id}"), &[]).await?;
    }
    shown(server, &done)
}

fn shown(server: &Server, grant: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(grant);
    }
    out::facts(&[
        ("grant", out::field(grant, "id")),
        ("state", out::field(grant, "status_title")),
        ("what", out::field(grant, "entitlement_name")),
        ("whose", whose(grant)),
        ("request", out::field(grant, "request")),
        ("emergency", out::field(grant, "emergency")),
        ("start", short(&out::field(grant, "start"))),
        ("confirmed", short(&out::field(grant, "confirmed_at"))),
        ("ends", end(grant)),
        ("ended", short(&out::field(grant, "ended_at"))),
        ("because", out::field(grant, "close_reason")),
        ("note", out::field(grant, "note")),
        ("stuck", out::field(grant, "stuck")),
    ])?;
    if let Some(left) = grant.get("remaining") {
        remaining(left)?;
    }
    for moment in grant
        .get("timeline")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let aws = match out::field(moment, "aws_request_id") {
            id if id.is_empty() => id,
            id => format!("  [AWS {id}]"),
        };
        let at = short(&out::field(moment, "at"));
        out::line(&format!("  {at}  {}{aws}", out::field(moment, "text")))?;
    }
    Ok(())
}

/// Through what the access continues all the same: nobody must believe it gone.
fn remaining(left: &Value) -> Result<(), Failure> {
    let grants = out::field(left, "grants");
    let groups = out::field(left, "groups");
    if !grants.is_empty() {
        out::line(&format!("It continues through other grants: {grants}."))?;
    }
    if !groups.is_empty() {
        out::line(&format!("It continues through AWS groups: {groups}."))?;
    }
    if left.get("standing").and_then(Value::as_bool) == Some(true) {
        out::line("It stood before Stint came, and stays: Stint did not give it.")?;
    }
    Ok(())
}
