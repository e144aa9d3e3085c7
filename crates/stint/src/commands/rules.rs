//! Who may ask for what and who has to approve: catalogs and policies.

use std::io::Read as _;

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, catalogs, drafts, find, short, span, version};

/// Catalogs: which entitlements may be asked for, by whom and how.
#[derive(Debug, Subcommand)]
pub(crate) enum Catalogs {
    /// All.
    List {
        #[command(flatten)]
        server: Server,
    },
    /// One, with what is in it.
    Show {
        #[command(flatten)]
        server: Server,
        /// The catalog: id or name.
        catalog: String,
    },
    /// Create an empty one.
    Create {
        #[command(flatten)]
        server: Server,
        /// Its name.
        name: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        /// Whose members see it: id or name of a group; may be given several times.
        #[arg(long = "audience", value_name = "GROUP")]
        audience: Vec<String>,
        /// What it says by condition, as JSON; `-` for standard input. See `catalogs check`.
        #[arg(long, value_name = "FILE")]
        rules: Option<String>,
    },
    /// What it holds now, by its list and by its conditions, and why.
    Contents {
        #[command(flatten)]
        server: Server,
        /// The catalog: id or name.
        catalog: String,
        /// Only what has these words in its name.
        #[arg(long, value_name = "WORDS", default_value = "")]
        search: String,
    },
    /// Whether an entitlement is in it, whether somebody sees it, and why.
    Try {
        #[command(flatten)]
        server: Server,
        /// The catalog: id or name.
        catalog: String,
        /// The entitlement: id, or words that fit one only.
        #[arg(long, value_name = "ENTITLEMENT")]
        entitlement: Option<String>,
        /// The person: id or e-mail address.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// What conditions in a file would be true of now, and what is wrong with them. Changes nothing.
    Check {
        #[command(flatten)]
        server: Server,
        /// JSON with `contents` (a list of `name` and `when`), `audience_when`, `default_terms`
        /// (`policy` by id or name, `max_duration_seconds`) and `rank`, each as far as you like;
        /// what `catalogs show --json` printed will do. `-` for standard input.
        #[arg(long, value_name = "FILE")]
        rules: String,
    },
    /// Change name, description, audience, or what it says by condition.
    Change {
        #[command(flatten)]
        server: Server,
        /// The catalog: id or name.
        catalog: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// A new description.
        #[arg(long)]
        description: Option<String>,
        /// Whose members see it from now on, instead of those who do.
        #[arg(long = "audience", value_name = "GROUP")]
        audience: Vec<String>,
        /// What it says by condition from now on, as JSON; what is not in it stays. `-` for standard
        /// input. See `catalogs check`.
        #[arg(long, value_name = "FILE")]
        rules: Option<String>,
    },
    /// Put entitlements in.
    Add {
        #[command(flatten)]
        server: Server,
        /// The catalog: id or name.
        catalog: String,
        /// Entitlements: id, or words that fit one only.
        #[arg(required = true)]
        entitlements: Vec<String>,
    },
    /// Take entitlements out. Requests and grants that exist are not touched.
    Remove {
        #[command(flatten)]
        server: Server,
        /// The catalog: id or name.
        catalog: String,
        /// Entitlements: id, or words that fit one only.
        #[arg(required = true)]
        entitlements: Vec<String>,
    },
    /// Say how an entitlement may be asked for: under which policy, and how long at most.
    Offer {
        #[command(flatten)]
        server: Server,
        /// The entitlement: id, or words that fit one only.
        entitlement: String,
        /// The policy: id or name.
        #[arg(long)]
        policy: String,
        /// At most this long, as `4h` [default: as the policy says].
        #[arg(long, value_name = "DURATION", value_parser = crate::cli::duration)]
        at_most: Option<i64>,
        /// Without a time limit too, where somebody asks for that; only under a policy that allows access until it is revoked.
        #[arg(long)]
        until_revoked: bool,
        /// The policy for emergency access: id or name [default: none, emergency access is off].
        #[arg(long, value_name = "POLICY")]
        emergency: Option<String>,
    },
}

/// Policies: who has to approve, in versions.
#[derive(Debug, Subcommand)]
pub(crate) enum Policies {
    /// All, each with its latest version.
    List {
        #[command(flatten)]
        server: Server,
    },
    /// One, as its rules are written; `--json` gives what `new-version` reads.
    Show {
        #[command(flatten)]
        server: Server,
        /// The policy: id or name.
        policy: String,
    },
    /// What the conditions of policies may speak about, as Cedar writes schemas.
    Schema {
        #[command(flatten)]
        server: Server,
    },
    /// Its versions, newest first.
    Versions {
        #[command(flatten)]
        server: Server,
        /// The policy: id or name.
        policy: String,
    },
    /// Create one from a file.
    Create {
        #[command(flatten)]
        server: Server,
        /// Its name.
        name: String,
        /// The rules as JSON; `-` for standard input. Groups and users by id or name.
        #[arg(long, value_name = "FILE")]
        file: String,
        /// What to remember about this version.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Write a new version from a file. Requests already asked keep theirs.
    NewVersion {
        #[command(flatten)]
        server: Server,
        /// The policy: id or name.
        policy: String,
        /// The rules as JSON; `-` for standard input. Groups and users by id or name.
        #[arg(long, value_name = "FILE")]
        file: String,
        /// What to remember about this version.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// What a draft would have said to the requests of the last days. Nothing is written.
    Replay {
        #[command(flatten)]
        server: Server,
        /// The policy: id or name.
        policy: String,
        /// The draft as JSON; `-` for standard input. Groups and users by id or name.
        #[arg(long, value_name = "FILE")]
        file: String,
        /// How many days back, 366 at most.
        #[arg(long, default_value_t = 30)]
        days: i64,
    },
    /// What would happen if somebody asked for something now. Nothing is asked.
    Try {
        #[command(flatten)]
        server: Server,
        /// Who would ask: id, address or name.
        user: String,
        /// For what: id or name of an entitlement.
        what: String,
        /// For how long (`90m`, `2h`); as long as allowed if left out.
        #[arg(long = "for", value_name = "DURATION", value_parser = crate::cli::duration)]
        length: Option<i64>,
        /// Until it is revoked, instead of for a time.
        #[arg(long, conflicts_with = "length")]
        until_revoked: bool,
        /// The ticket it would be about; not judged if left out.
        #[arg(long)]
        ticket: Option<String>,
        /// Under this policy (id or name) instead of the entitlement's own.
        #[arg(long, conflicts_with = "file")]
        policy: Option<String>,
        /// Under a draft: rules as JSON; `-` for standard input.
        #[arg(long, value_name = "FILE")]
        file: Option<String>,
    },
}

/// `stint catalogs …`.
pub(crate) async fn catalogs(what: Catalogs) -> Result<(), Failure> {
    match what {
        Catalogs::List { server } => {
            let client = Client::new(&server)?;
            let all: Vec<Value> = client.list("/api/v1/catalogs", &[], MOST).await?;
            if server.json {
                return out::json(&all);
            }
            let rows: Vec<_> = (all.iter())
                .map(|it| {
                    let audience = it.get("audience").and_then(Value::as_array);
                    [
                        out::field(it, "id"),
                        out::field(it, "name"),
                        out::field(it, "entitlements"),
                        audience.map_or(0, Vec::len).to_string(),
                        out::field(it, "description"),
                    ]
                })
                .collect();
            let head = ["catalog", "name", "entitlements", "groups", "description"];
            out::table(head, &rows, "No catalog yet: nobody can ask for anything.")
        }
        Catalogs::Show { server, catalog } => {
            let client = Client::new(&server)?;
            let it = find::one(&client, find::CATALOG, &catalog).await?;
            shown(&client, &server, &out::field(&it, "id")).await
        }
        Catalogs::Contents {
            server,
            catalog,
            search,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CATALOG, &catalog).await?;
            catalogs::contents(&client, &server, &id, &search).await
        }
        Catalogs::Try {
            server,
            catalog,
            entitlement,
            user,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CATALOG, &catalog).await?;
            catalogs::judge(&client, &server, &id, entitlement, user).await
        }
        Catalogs::Check { server, rules } => {
            let client = Client::new(&server)?;
            catalogs::check(&client, &server, &rules).await
        }
        Catalogs::Create {
            server,
            name,
            description,
            audience,
            rules,
        } => {
            let client = Client::new(&server)?;
            let audience = find::ids(&client, find::GROUP, &audience).await?;
            let mut body = match rules {
                Some(file) => catalogs::read(&client, &file).await?,
                None => serde_json::Map::new(),
            };
            body.insert("name".to_owned(), name.into());
            body.insert("description".to_owned(), description.into());
            body.insert("audience".to_owned(), audience.into());
            let body = Value::Object(body);
            let made: Value = client.post("/api/v1/catalogs", &body).await?;
            shown(&client, &server, &out::field(&made, "id")).await
        }
        Catalogs::Change {
            server,
            catalog,
            name,
            description,
            audience,
            rules,
        } => {
            let client = Client::new(&server)?;
            let it = find::one(&client, find::CATALOG, &catalog).await?;
            let mut body = match rules {
                Some(file) => catalogs::read(&client, &file).await?,
                None => serde_json::Map::new(),
            };
            if let Some(name) = name {
                body.insert("name".to_owned(), name.into());
            }
            if let Some(description) = description {
                body.insert("description".to_owned(), description.into());
            }
            if !audience.is_empty() {
                let audience = find::ids(&client, find::GROUP, &audience).await?;
                body.insert("audience".to_owned(), audience.into());
            }
            if body.is_empty() {
                return Err(Failure::usage(
                    "say what to change: --name, --description, --audience or --rules",
                ));
            }
            let id = out::field(&it, "id");
            let path = format!("/api/v1/catalogs/{id}");
            client
                .change(Method::PATCH, &path, Some(&body.into()), version(&it))
                .await?;
            shown(&client, &server, &id).await
        }
        Catalogs::Add {
            server,
            catalog,
            entitlements,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CATALOG, &catalog).await?;
            let path = format!("/api/v1/catalogs/{id}/entitlements");
            let body = json!({ "entitlements": all(&client, &entitlements).await? });
            client
                .change(Method::POST, &path, Some(&body), None)
                .await?;
            shown(&client, &server, &id).await
        }
        Catalogs::Remove {
            server,
            catalog,
            entitlements,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CATALOG, &catalog).await?;
            for entitlement in all(&client, &entitlements).await? {
                let path = format!("/api/v1/catalogs/{id}/entitlements/{entitlement}");
                client.change(Method::DELETE, &path, None, None).await?;
            }
            shown(&client, &server, &id).await
        }
        Catalogs::Offer {
            server,
            entitlement,
            policy,
            at_most,
            until_revoked,
            emergency,
        } => {
            let client = Client::new(&server)?;
            let entitlement = find::entitlement(&client, &entitlement).await?;
            let policy = find::id(&client, find::POLICY, &policy).await?;
            let path = format!("/api/v1/entitlements/{entitlement}/access-control");
            let seen = client.version(&path).await?;
            let mut body = json!({ "policy": policy });
            if let (Some(at_most), Some(body)) = (at_most, body.as_object_mut()) {
                body.insert("max_duration_seconds".to_owned(), at_most.into());
            }
            if let (true, Some(body)) = (until_revoked, body.as_object_mut()) {
                body.insert("until_revoked".to_owned(), true.into());
            }
            if let (Some(given), Some(body)) = (emergency, body.as_object_mut()) {
                let id = find::id(&client, find::POLICY, &given).await?;
                body.insert("emergency_policy".to_owned(), id.into());
            }
            let set = client
                .change(Method::PUT, &path, Some(&body), Some(seen))
                .await?;
            if server.json {
                return out::json(&set);
            }
            out::facts(&[
                ("entitlement", out::field(&set, "entitlement")),
                ("policy", out::field(&set, "policy")),
                ("at most", span(&set, "max_duration_seconds")),
                ("until revoked", out::field(&set, "until_revoked")),
                ("emergency", out::field(&set, "emergency_policy")),
            ])
        }
    }
}

async fn all(client: &Client, given: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for given in given {
        ids.push(find::entitlement(client, given).await?);
    }
    Ok(ids)
}

async fn shown(client: &Client, server: &Server, id: &str) -> Result<(), Failure> {
    let it: Value = client.get(&format!("/api/v1/catalogs/{id}"), &[]).await?;
    if server.json {
        return out::json(&it);
    }
    out::facts(&[
        ("catalog", out::field(&it, "id")),
        ("name", out::field(&it, "name")),
        ("description", out::field(&it, "description")),
        ("audience", out::field(&it, "audience")),
        ("also seen by", out::field(&it, "audience_when")),
        ("without a policy of its own", catalogs::terms(&it)),
        ("rank", out::field(&it, "rank")),
    ])?;
    catalogs::rules(&it)?;
    let path = format!("/api/v1/catalogs/{id}/entitlements");
    let entries: Vec<Value> = client.list(&path, &[], MOST).await?;
    let rows: Vec<_> = (entries.iter())
        .map(|entry| {
            let policy = match out::field(entry, "access_control.policy") {
                none if none.is_empty() => "cannot be asked for yet".to_owned(),
                policy => policy,
            };
            [
                out::field(entry, "entitlement.id"),
                out::field(entry, "entitlement.name"),
                policy,
                span(entry, "access_control.max_duration_seconds"),
                out::field(entry, "access_control.emergency_policy"),
            ]
        })
        .collect();
    out::table(
        ["entitlement", "name", "policy", "at most", "emergency"],
        &rows,
        "Nothing is in it.",
    )
}

/// `stint policies …`.
pub(crate) async fn policies(what: Policies) -> Result<(), Failure> {
    match what {
        Policies::Schema { server } => {
            let client = Client::new(&server)?;
            let schema: Value = client.get("/api/v1/policies/schema", &[]).await?;
            if server.json {
                return out::json(&schema);
            }
            out::line(out::field(&schema, "cedar").trim_end())
        }
        Policies::List { server } => {
            let client = Client::new(&server)?;
            let all: Vec<Value> = client.list("/api/v1/policies", &[], MOST).await?;
            if server.json {
                return out::json(&all);
            }
            let rows: Vec<_> = (all.iter())
                .map(|it| {
                    [
                        out::field(it, "id"),
                        out::field(it, "name"),
                        out::field(it, "latest.number"),
                        approval(it),
                        span(it, "latest.body.max_duration_seconds"),
                    ]
                })
                .collect();
            let head = ["policy", "name", "version", "approval", "at most"];
            out::table(head, &rows, "No policy yet.")
        }
        Policies::Show { server, policy } => {
            let client = Client::new(&server)?;
            let it = find::one(&client, find::POLICY, &policy).await?;
            policy_shown(&server, &it)
        }
        Policies::Versions { server, policy } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::POLICY, &policy).await?;
            let path = format!("/api/v1/policies/{id}/versions");
            let all: Vec<Value> = client.list(&path, &[], MOST).await?;
            if server.json {
                return out::json(&all);
            }
            let rows: Vec<_> = (all.iter())
                .map(|it| {
                    [
                        out::field(it, "number"),
                        out::field(it, "id"),
                        short(&out::field(it, "created_at")),
                        out::field(it, "created_by"),
                        out::field(it, "note"),
                    ]
                })
                .collect();
            out::table(
                ["version", "id", "written (UTC)", "by", "note"],
                &rows,
                "No version.",
            )
        }
        Policies::Create {
            server,
            name,
            file,
            note,
        } => {
            let client = Client::new(&server)?;
            let body = json!({ "name": name, "body": body(&client, &file).await?, "note": note });
            let made: Value = client.post("/api/v1/policies", &body).await?;
            policy_shown(&server, &made)
        }
        Policies::Replay {
            server,
            policy,
            file,
            days,
        } => {
            let draft = body(&Client::new(&server)?, &file).await?;
            drafts::replay(&server, &policy, draft, days).await
        }
        Policies::Try {
            server,
            user,
            what,
            length,
            until_revoked,
            ticket,
            policy,
            file,
        } => {
            let draft = match file {
                Some(file) => Some(body(&Client::new(&server)?, &file).await?),
                None => None,
            };
            let asked = drafts::Question {
                user,
                what,
                length,
                until_revoked,
                ticket,
                policy,
                draft,
            };
            drafts::dry_run(&server, asked).await
        }
        Policies::NewVersion {
            server,
            policy,
            file,
            note,
        } => {
            let client = Client::new(&server)?;
            let it = find::one(&client, find::POLICY, &policy).await?;
            let path = format!("/api/v1/policies/{}/versions", out::field(&it, "id"));
            let body = json!({ "body": body(&client, &file).await?, "note": note });
            let made = client
                .change(Method::POST, &path, Some(&body), version(&it))
                .await?;
            policy_shown(&server, &made)
        }
    }
}

fn approval(policy: &Value) -> String {
    let rules = policy
        .pointer("/latest/body/rules")
        .and_then(Value::as_array);
    let special = match rules.map_or(0, Vec::len) {
        0 => String::new(),
        1 => "; one rule for special cases".to_owned(),
        n => format!("; {n} rules for special cases"),
    };
    let emergency = match policy.pointer("/latest/body/emergency") {
        Some(_) => "; for emergencies",
        None => "",
    };
    let special = format!("{special}{emergency}");
    if out::field(policy, "latest.body.auto_approve") == "yes" {
        return format!("nobody{special}");
    }
    if policy.pointer("/latest/body/auto_deny").is_some() {
        return format!("nobody: refused{special}");
    }
    let steps = policy
        .pointer("/latest/body/steps")
        .and_then(Value::as_array);
    let steps: Vec<_> = (steps.into_iter().flatten())
        .map(|step| {
            format!(
                "{} of {}",
                out::field(step, "needed"),
                out::field(step, "name")
            )
        })
        .collect();
    format!("{}{special}", steps.join(", then "))
}

fn policy_shown(server: &Server, policy: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(policy);
    }
    out::facts(&[
        ("policy", out::field(policy, "id")),
        ("name", out::field(policy, "name")),
        ("version", out::field(policy, "latest.number")),
        ("note", out::field(policy, "latest.note")),
        ("approval", approval(policy)),
        ("at most", span(policy, "latest.body.max_duration_seconds")),
        (
            "reviewed within",
            span(policy, "latest.body.emergency.within_seconds"),
        ),
    ])?;
    out::json(policy.pointer("/latest/body").unwrap_or(&Value::Null))
}

/// What a file, or standard input, has as JSON.
pub(super) fn json_of(file: &str) -> Result<Value, Failure> {
    let text = if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(|e| Failure::usage(format!("{file}: {e}")))?
    };
    serde_json::from_str(&text).map_err(|e| Failure::usage(format!("{file} is not JSON: {e}")))
}

/// The rules of a file: a policy's body, or what `policies show --json` printed, with groups, users
/// and other policies by name turned into ids.
async fn body(client: &Client, file: &str) -> Result<Value, Failure> {
    let read = json_of(file)?;
    let inner = read.pointer("/latest/body").or_else(|| read.get("body"));
    let mut body = inner.cloned().unwrap_or(read);
    named(client, &mut body).await?;
    for field in ["tell", "review"] {
        let place = body.pointer_mut(&format!("/emergency/{field}"));
        for name in place.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(given) = name.as_str() {
                *name = find::id(client, find::GROUP, given).await?.into();
            }
        }
    }
    let rules = body.get_mut("rules").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten() {
        named(client, rule).await?;
    }
    Ok(body)
}

/// Turns the names in the steps of a body or a rule into ids.
async fn named(client: &Client, of: &mut Value) -> Result<(), Failure> {
    let steps = of.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        for place in ["", "/fallback"] {
            let Some(approvers) = step.pointer_mut(place) else {
                continue;
            };
            for (field, kind) in [("users", find::USER), ("groups", find::GROUP)] {
                let names = approvers.get_mut(field).and_then(Value::as_array_mut);
                for name in names.into_iter().flatten() {
                    if let Some(given) = name.as_str() {
                        *name = find::id(client, kind, given).await?.into();
                    }
                }
            }
        }
        if let Some(other) = step.pointer_mut("/deadline/policy")
            && let Some(given) = other.as_str()
        {
            *other = find::id(client, find::POLICY, given).await?.into();
        }
    }
    Ok(())
}
