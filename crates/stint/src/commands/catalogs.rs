//! What catalogs hold by condition: `stint catalogs contents`, `try`, `check`, and the file of
//! `--rules`.

use serde_json::{Map, Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::rules::json_of;
use super::{MOST, find, span};

/// What a file says by condition, with the policy by name turned into its id. Of what
/// `catalogs show --json` printed, the rest is left.
pub(super) async fn read(client: &Client, file: &str) -> Result<Map<String, Value>, Failure> {
    let Value::Object(read) = json_of(file)? else {
        return Err(Failure::usage(format!("{file}: an object is wanted")));
    };
    let known = ["contents", "audience_when", "default_terms", "rank"];
    let mut rules: Map<String, Value> = (read.into_iter())
        .filter(|(name, _)| known.contains(&name.as_str()))
        .collect();
    if rules.is_empty() {
        return Err(Failure::usage(format!(
            "{file} has none of {}",
            known.join(", ")
        )));
    }
    let policy = rules
        .get_mut("default_terms")
        .and_then(|terms| terms.get_mut("policy"));
    if let Some(policy) = policy
        && let Some(given) = policy.as_str()
    {
        *policy = find::id(client, find::POLICY, given).await?.into();
    }
    Ok(rules)
}

/// How what has no access control of its own is asked for, in words.
pub(super) fn terms(catalog: &Value) -> String {
    let policy = out::field(catalog, "default_terms.policy");
    let most = span(catalog, "default_terms.max_duration_seconds");
    let or = match out::field(catalog, "default_terms.until_revoked").as_str() {
        "yes" => ", or until revoked",
        _ => "",
    };
    match (policy.is_empty(), most.is_empty()) {
        (true, _) => "cannot be asked for".to_owned(),
        (false, true) => format!("asked for under {policy}{or}"),
        (false, false) => format!("asked for under {policy}, for at most {most}{or}"),
    }
}

/// The conditions of a catalog over entitlements, where it has some.
pub(super) fn rules(catalog: &Value) -> Result<(), Failure> {
    let all = catalog.get("contents").and_then(Value::as_array);
    let rows: Vec<_> = (all.into_iter().flatten())
        .map(|rule| [out::field(rule, "name"), out::field(rule, "when")])
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    out::table(["in it by condition", "true of"], &rows, "")
}

pub(super) async fn contents(
    client: &Client,
    server: &Server,
    id: &str,
    search: &str,
) -> Result<(), Failure> {
    let path = format!("/api/v1/catalogs/{id}/contents");
    let all: Vec<Value> = client.list(&path, &[("q", search)], MOST).await?;
    if server.json {
        return out::json(&all);
    }
    let rows: Vec<_> = (all.iter())
        .map(|it| {
            let listed = (out::field(it, "listed") == "yes").then(|| "in the list".to_owned());
            let rules = it.get("rules").and_then(Value::as_array);
            let rules = rules.into_iter().flatten().filter_map(Value::as_str);
            let why: Vec<String> = listed.into_iter().chain(rules.map(str::to_owned)).collect();
            let own = out::field(it, "access_control.policy");
            let policy = match own.is_empty() {
                true => out::field(it, "default_terms.policy"),
                false => own,
            };
            [
                out::field(it, "entitlement.id"),
                out::field(it, "entitlement.name"),
                why.join(", "),
                match policy.is_empty() {
                    true => "cannot be asked for yet".to_owned(),
                    false => policy,
                },
            ]
        })
        .collect();
    let head = ["entitlement", "name", "because", "policy"];
    out::table(head, &rows, "Nothing is in it now.")
}

pub(super) async fn judge(
    client: &Client,
    server: &Server,
    id: &str,
    entitlement: Option<String>,
    user: Option<String>,
) -> Result<(), Failure> {
    let mut asked: Vec<(&str, String)> = Vec::new();
    if let Some(given) = entitlement {
        asked.push(("entitlement", find::entitlement(client, &given).await?));
    }
    if let Some(given) = user {
        asked.push(("user", find::id(client, find::USER, &given).await?));
    }
    if asked.is_empty() {
        return Err(Failure::usage("name --entitlement, --user or both"));
    }
    let query: Vec<(&str, &str)> = asked.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let path = format!("/api/v1/catalogs/{id}/try");
    let found: Value = client.get(&path, &query).await?;
    if server.json {
        return out::json(&found);
    }
    let mut facts = Vec::new();
    if found.get("entitlement").is_some() {
        facts.push((
            "entitlement",
            out::field(&found, "entitlement.entitlement.name"),
        ));
        facts.push(("in the catalog", out::field(&found, "entitlement.holds")));
        facts.push(("in its list", out::field(&found, "entitlement.listed")));
        let never = out::field(&found, "entitlement.never");
        if !never.is_empty() {
            facts.push(("never offered", never));
        }
        let rules = found
            .pointer("/entitlement/rules")
            .and_then(Value::as_array);
        for rule in rules.into_iter().flatten() {
            let holds = match rule.get("holds").and_then(Value::as_bool) {
                Some(true) => "true",
                Some(false) => "not true",
                None => "cannot be told",
            };
            facts.push((
                "condition",
                format!("{}: {holds}", out::field(rule, "name")),
            ));
        }
    }
    if found.get("person").is_some() {
        facts.push(("person", out::field(&found, "person.name")));
        facts.push(("sees the catalog", out::field(&found, "person.sees")));
        facts.push(("by groups", out::field(&found, "person.groups")));
        let condition = out::field(&found, "person.condition");
        if !condition.is_empty() {
            facts.push(("by condition", condition));
        }
    }
    if found.get("offered").is_some() {
        facts.push(("can ask for it", out::field(&found, "offered")));
        facts.push(("their catalogs with it", out::field(&found, "catalogs")));
    }
    out::facts(&facts)
}

pub(super) async fn check(client: &Client, server: &Server, file: &str) -> Result<(), Failure> {
    let rules = read(client, file).await?;
    let mut body = json!({});
    for name in ["contents", "audience_when"] {
        if let (Some(value), Some(body)) = (rules.get(name), body.as_object_mut()) {
            body.insert(name.to_owned(), value.clone());
        }
    }
    let found: Value = client.post("/api/v1/catalogs/check", &body).await?;
    if server.json {
        return out::json(&found);
    }
    let faults = found.get("faults").and_then(Value::as_array);
    let faults: Vec<String> = (faults.into_iter().flatten())
        .map(|it| format!("{}: {}", out::field(it, "field"), out::field(it, "detail")))
        .collect();
    if !faults.is_empty() {
        return Err(Failure::usage(faults.join("\n")));
    }
    let names = rules.get("contents").and_then(Value::as_array);
    let names = names.into_iter().flatten().map(|it| out::field(it, "name"));
    let counted = found.get("contents").and_then(Value::as_array);
    let mut rows: Vec<[String; 3]> = (names.zip(counted.into_iter().flatten()))
        .map(|(name, it)| [name, out::field(it, "count"), out::field(it, "first")])
        .collect();
    if let Some(it) = found.get("audience") {
        let (count, first) = (out::field(it, "count"), out::field(it, "first"));
        rows.push(["audience".to_owned(), count, first]);
    }
    out::table(["condition", "true of", "first"], &rows, "No condition.")
}
