//! The API's description: whole, true, and the one that is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use stint_testkit::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn described() -> Value {
    serde_json::to_value(stint_server::routes::routes().openapi()).expect("JSON")
}

/// Every operation with its method and path.
fn operations(api: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

/// Calls `look` with every value inside, and the way to it.
fn walk<'a>(value: &'a Value, way: &str, look: &mut impl FnMut(&str, &'a Value)) {
    look(way, value);
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                walk(inner, &format!("{way}/{key}"), look);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                walk(inner, &format!("{way}/{i}"), look);
            }
        }
        _ => {}
    }
}

fn resolve<'a>(api: &'a Value, reference: &str) -> Option<&'a Value> {
    api.pointer(reference.strip_prefix('#')?)
}

#[test]
fn the_committed_description_is_what_the_handlers_say() {
    let committed = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default();
    let said = serde_json::to_string_pretty(&stint_server::routes::routes().openapi()).unwrap();
    if committed.trim_end() == said {
        return;
    }
    let differs = (committed.lines().zip(said.lines()).enumerate())
        .find(|(_, (was, is))| was != is)
        .map(|(n, (was, is))| format!("first at line {}:\n- {was}\n+ {is}", n + 1));
    panic!(
        "docs/openapi.json is not what the handlers say. Type\n\n    cargo xtask openapi\n\nand \
         read the difference before committing it: it is what callers of the API will meet.\n{}",
        differs.unwrap_or_default()
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let api = described();
    let mut count = 0;
    let mut lost = Vec::new();
    walk(&api, "", &mut |way, value| {
        if let Some(to) = value.get("$ref").and_then(Value::as_str) {
            count += 1;
            if resolve(&api, to).is_none() {
                lost.push(format!("{way} → {to}"));
            }
        }
    });
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    assert!(count > 300, "only {count} references: are they all seen?");
}

#[test]
fn every_operation_says_who_may_call_it_what_comes_and_how_it_is_refused() {
    let api = described();
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for (method, path, operation) in operations(&api) {
        let mut say = |what: &str| wrong.push(format!("{method} {path}: {what}"));
        if operation["summary"]
            .as_str()
            .is_none_or(|s| s.len() < 8 || s.contains('\n'))
        {
            say("no summary of one line");
        }
        if !names.insert(operation["operationId"].to_string()) {
            say("its operationId is another's");
        }
        tags.extend(
            operation["tags"]
                .as_array()
                .into_iter()
                .flatten()
                .map(Value::to_string),
        );
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for word in path.split('/').filter_map(|word| word.strip_prefix('{')) {
            let word = word.trim_end_matches('}');
            let found = parameters
                .iter()
                .find(|p| p["name"] == word && p["in"] == "path");
            if found.is_none_or(|p| p["schema"]["pattern"].is_null()) {
                say(&format!(
                    "`{word}` is not described as an id, as \"`usr_…`\""
                ));
            }
        }
        if parameters
            .iter()
            .any(|p| p["description"].as_str().is_none_or(str::is_empty))
        {
            say("a parameter without a description");
        }
        let responses = operation["responses"].as_object().expect("responses");
        if !responses.keys().any(|status| status.starts_with('2')) {
            say("no success");
        }
        for (status, response) in responses {
            let whole = match response["$ref"].as_str() {
                Some(to) => resolve(&api, to).expect("checked elsewhere"),
                None => response,
            };
            if whole["description"].as_str().is_none_or(str::is_empty) {
                say(&format!("{status} without a description"));
            }
            let kinds: Vec<_> = whole["content"].as_object().into_iter().flatten().collect();
            let kinds: Vec<_> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
            let fits = match status.as_bytes() {
                [b'2', _, _] => matches!(
                    kinds[..],
                    // What is no JSON document is a file: one that is streamed, one to be kept.
                    [] | ["application/json"]
                        | ["application/jsonl", "text/csv"]
                        | ["application/yaml"]
                ),
                [_, _, _] => kinds == ["application/problem+json"],
                _ => false,
            };
            if !fits || status.contains('X') {
                say(&format!("{status} answers {kinds:?}"));
            }
        }
        let anonymous = operation["security"] == serde_json::json!([]);
        let public = ["/api/v1/sign-in", "/api/v1/openapi.json"].contains(&&*path);
        if anonymous != public {
            say("who may call it is told wrongly");
        }
        let body = &operation["requestBody"]["content"];
        let takes_body = body
            .as_object()
            .is_some_and(|kinds| kinds.keys().eq(["application/json"]));
        if !operation["requestBody"].is_null() && !takes_body {
            say("takes something else than JSON");
        }
    }
    let declared: BTreeSet<_> = api["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].to_string())
        .collect();
    assert_eq!(
        tags, declared,
        "tags that are used, and those that are explained"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fields whose name sounds like a secret and which are none.
const HARMLESS: &[&str] = &[
    "AuditEvent.hash",
    "AuditEvent.previous",
    "AuditReport.hash",
    // Which kind it is, in a word.
    "Connection.credential",
    // Whether there is one.
    "IamUser.has_password",
];
/// The one secret there is in an answer: a token, at the moment it is issued.
const SHOWN_ONCE: &[&str] = &["IssuedToken.secret"];

#[test]
fn no_answer_holds_a_secret_but_a_token_just_issued() {
    let api = described();
    // Everything an answer can hold.
    let mut seen = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    for (_, _, operation) in operations(&api) {
        walk(&operation["responses"], "", &mut |_, value| {
            open.extend(value.get("$ref").and_then(Value::as_str).map(str::to_owned));
        });
    }
    let mut suspicious = BTreeSet::new();
    while let Some(to) = open.pop() {
        if !seen.insert(to.clone()) {
            continue;
        }
        let schema = resolve(&api, &to).expect("checked elsewhere");
        let name = to.rsplit('/').next().unwrap_or_default();
        walk(schema, "", &mut |_, value| {
            open.extend(value.get("$ref").and_then(Value::as_str).map(str::to_owned));
            for (field, inner) in value
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let sounds = [
                    "password",
                    "secret",
                    "hash",
                    "credential",
                    "sealed",
                    "private",
                ]
                .iter()
                .any(|word| field.contains(word));
                let is =
                    inner["format"] == "password" || inner["$ref"] == "#/components/schemas/Secret";
                if sounds || is {
                    suspicious.insert(format!("{name}.{field}"));
                }
            }
        });
    }
    let harmless: BTreeSet<_> = HARMLESS.iter().map(|s| (*s).to_owned()).collect();
    let found: BTreeSet<_> = suspicious.difference(&harmless).cloned().collect();
    let known: BTreeSet<_> = SHOWN_ONCE.iter().map(|s| (*s).to_owned()).collect();
    assert_eq!(found, known, "an answer with a secret in it");
}

#[test]
fn no_two_types_of_the_api_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in std::fs::read_dir(root().join("crates/api/src")).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            // How a file of configuration looks: no type of the description.
            assert!(path.ends_with("config"), "{path:?}");
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            let name = line
                .strip_prefix("pub struct ")
                .or(line.strip_prefix("pub enum "));
            if let Some(name) = name {
                let name: String = name
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                let at = path.file_name().unwrap().to_string_lossy().into_owned();
                places.entry(name).or_default().push(at);
            }
        }
    }
    assert!(places.len() > 60, "only {} types are seen", places.len());
    places.retain(|_, at| at.len() > 1);
    assert!(
        places.is_empty(),
        "the description would hold only one of each: {places:?}"
    );
}

/// Handlers read a header exactly where the description says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_read_where_they_are_described() {
    let world = World::new_sqlite().await;
    let api = described();
    let long = "k".repeat(201);
    let doors = [
        (
            "If-Match",
            "invalid_if_match",
            world.as_user("cy").with("if-match", "seven"),
        ),
        (
            "Idempotency-Key",
            "invalid_idempotency_key",
            world.as_user("cy").key(&long),
        ),
    ];
    let mut wrong = Vec::new();
    let mut read = BTreeMap::new();
    for (method, path, operation) in operations(&api) {
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut real = path.clone();
        for parameter in parameters.iter().filter(|p| p["in"] == "path") {
            let pattern = parameter["schema"]["pattern"]
                .as_str()
                .expect("checked elsewhere");
            let prefix = pattern.trim_start_matches('^').split('_').next().unwrap();
            let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
            real = real.replace(&name, &format!("{prefix}_{}1", "0".repeat(25)));
        }
        for (header, code, door) in &doors {
            let answer = door.send(method.parse().unwrap(), &real, None).await;
            let reads = answer.status.as_u16() == 422 && answer.code() == *code;
            let says = parameters
                .iter()
                .any(|p| p["in"] == "header" && p["name"] == *header);
            if reads != says {
                wrong.push(format!(
                    "{method} {path}: {header} read: {reads}, described: {says}"
                ));
            }
            *read.entry(*header).or_insert(0) += usize::from(reads);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read.values().all(|n| *n > 5), "{read:?}");
    world.finish().await;
}
