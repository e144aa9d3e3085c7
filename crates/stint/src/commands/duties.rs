//! What one person should not hold together: duty rules, and who is in conflict with them.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::rules::json_of;
use super::{MOST, find, short, version};

/// Duty rules: what one person should not hold together.
#[derive(Debug, Subcommand)]
pub(crate) enum Duties {
    /// All.
    List {
        #[command(flatten)]
        server: Server,
    },
    /// One, as JSON: what `create` and `change` take.
    Show {
        #[command(flatten)]
        server: Server,
        /// The rule: id or name.
        duty: String,
    },
    /// Write one.
    Create {
        #[command(flatten)]
        server: Server,
        /// JSON with `name`, `message`, `first` and `second` (each `name`, `entitlements` by id or words
        /// that fit one only, `when`), `action` (`block` or `exception`), `group` (id or name) and
        /// `emergency_passes`. `-` for standard input.
        #[arg(long, value_name = "FILE")]
        rule: String,
    },
    /// Change one; what is not in the file stays.
    Change {
        #[command(flatten)]
        server: Server,
        /// The rule: id or name.
        duty: String,
        /// JSON, as `create` takes it. `-` for standard input.
        #[arg(long, value_name = "FILE")]
        rule: String,
    },
    /// Switch one on.
    On {
        #[command(flatten)]
        server: Server,
        /// The rule: id or name.
        duty: String,
    },
    /// Switch one off: it is asked about nothing then.
    Off {
        #[command(flatten)]
        server: Server,
        /// The rule: id or name.
        duty: String,
    },
    /// Who holds something of both sides of a rule now.
    Conflicts {
        #[command(flatten)]
        server: Server,
        /// Only of this rule: id or name.
        #[arg(long, value_name = "DUTY")]
        rule: Option<String>,
        /// Only with these words in who it is, or in the rule's name.
        #[arg(long, value_name = "WORDS", default_value = "")]
        search: String,
    },
}

const ALL: &str = "/api/v1/duties";

/// `stint duties …`.
pub(crate) async fn duties(what: Duties) -> Result<(), Failure> {
    match what {
        Duties::List { server } => {
            let client = Client::new(&server)?;
            let found: Vec<Value> = client.list(ALL, &[], MOST).await?;
            if server.json {
                return out::json(&found);
            }
            let rows: Vec<_> = (found.iter())
                .map(|it| {
                    [
                        out::field(it, "id"),
                        out::field(it, "name"),
                        format!(
                            "{} / {}",
                            out::field(it, "first.name"),
                            out::field(it, "second.name")
                        ),
                        out::field(it, "action"),
                        on_or_off(it).to_owned(),
                        short(&out::field(it, "created_at")),
                    ]
                })
                .collect();
            out::table(
                [
                    "rule",
                    "name",
                    "keeps apart",
                    "action",
                    "state",
                    "since (UTC)",
                ],
                &rows,
                "There is no duty rule.",
            )
        }
        Duties::Show { server, duty } => {
            let client = Client::new(&server)?;
            out::json(&find::one(&client, find::DUTY, &duty).await?)
        }
        Duties::Create { server, rule } => {
            let client = Client::new(&server)?;
            let body = read(&client, &rule).await?;
            let made: Value = client.post(ALL, &body).await?;
            shown(&server, &made)
        }
        Duties::Change { server, duty, rule } => {
            let client = Client::new(&server)?;
            let body = read(&client, &rule).await?;
            changed(&client, &server, &duty, body).await
        }
        Duties::On { server, duty } => {
            let client = Client::new(&server)?;
            changed(&client, &server, &duty, active(true)).await
        }
        Duties::Off { server, duty } => {
            let client = Client::new(&server)?;
            changed(&client, &server, &duty, active(false)).await
        }
        Duties::Conflicts {
            server,
            rule,
            search,
        } => {
            let client = Client::new(&server)?;
            let rule = match rule {
                Some(rule) => Some(find::id(&client, find::DUTY, &rule).await?),
                None => None,
            };
            let mut query = vec![("q", search.as_str())];
            query.extend(rule.as_deref().map(|id| ("rule", id)));
            let found: Vec<Value> = client
                .list("/api/v1/duties/conflicts", &query, MOST)
                .await?;
            if server.json {
                return out::json(&found);
            }
            let rows: Vec<_> = (found.iter())
                .map(|it| {
                    [
                        out::field(it, "name"),
                        out::field(it, "rule_name"),
                        held(it, "first"),
                        held(it, "second"),
                    ]
                })
                .collect();
            out::table(
                [
                    "who",
                    "rule",
                    "holds of the first side",
                    "and of the second",
                ],
                &rows,
                "Nobody holds something of both sides of a rule.",
            )
        }
    }
}

fn active(on: bool) -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), on.into())])
}

fn on_or_off(it: &Value) -> &'static str {
    match it.get("active").and_then(Value::as_bool) {
        Some(false) => "off",
        _ => "in force",
    }
}

/// The first thing held of a side, and how many more.
fn held(it: &Value, side: &str) -> String {
    let all = it.get(side).and_then(Value::as_array);
    let names: Vec<String> = (all.into_iter().flatten())
        .map(|it| out::field(it, "name"))
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    }
}

async fn changed(
    client: &Client,
    server: &Server,
    duty: &str,
    body: Map<String, Value>,
) -> Result<(), Failure> {
    let it = find::one(client, find::DUTY, duty).await?;
    let path = format!("{ALL}/{}", out::field(&it, "id"));
    let made = client
        .change(Method::PATCH, &path, Some(&body.into()), version(&it))
        .await?;
    shown(server, &made)
}

fn shown(server: &Server, it: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(it);
    }
    out::line(&format!(
        "{} {}: {}, version {}",
        out::field(it, "id"),
        out::field(it, "name"),
        on_or_off(it),
        out::field(it, "version")
    ))
}

/// A rule in a file, names turned into ids. Of what `duties show` printed, what cannot be changed is
/// left.
async fn read(client: &Client, file: &str) -> Result<Map<String, Value>, Failure> {
    let Value::Object(mut rule) = json_of(file)? else {
        return Err(Failure::usage(format!("{file}: an object is wanted")));
    };
    for kept in ["id", "created_at", "version"] {
        rule.remove(kept);
    }
    if let Some(Value::String(group)) = rule.get("group") {
        let id = find::id(client, find::GROUP, group).await?;
        rule.insert("group".to_owned(), id.into());
    }
    for side in ["first", "second"] {
        let listed = rule
            .get_mut(side)
            .and_then(|side| side.get_mut("entitlements"));
        for one in listed.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::String(given) = one {
                *one = find::entitlement(client, given).await?.into();
            }
        }
    }
    Ok(rule)
}
