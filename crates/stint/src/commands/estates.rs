//! Connections to AWS, and what is known through them.

mod owners;
mod scope;
mod shown;

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Server, pause};
use crate::exit::{Exit, Failure};
use crate::out;

use super::{MOST, facts, feeds, find, objects, reading, short};
use shown::{checks, shown};

/// Connections to AWS.
#[derive(Debug, Subcommand)]
pub(crate) enum Connections {
    /// All, with how they stand.
    List {
        #[command(flatten)]
        server: Server,
    },
    /// One, with its last test.
    Show {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    Owners(owners::Owners),
    /// Connect an AWS organization: by an IAM role, by an access key, or as this host. Prints
    /// what to do in AWS.
    Add {
        #[command(flatten)]
        server: Server,
        /// What to call it.
        name: String,
        /// The application it belongs to: id or name; a new name makes a new one.
        #[arg(long, default_value = "AWS")]
        application: String,
        /// By role: the role Stint shall assume.
        #[arg(long, value_name = "ARN", conflicts_with_all = ["access_key_id", "host"])]
        role_arn: Option<String>,
        /// By access key: its id. The secret is asked for, or read from standard input.
        #[arg(
            long,
            value_name = "AKIA…",
            requires = "account",
            conflicts_with = "host"
        )]
        access_key_id: Option<String>,
        /// As the host Stint runs on.
        #[arg(long, requires = "account")]
        host: bool,
        /// By access key or host: the account it has to be in.
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// The home Region of Identity Center.
        #[arg(long)]
        region: String,
        /// Read IAM users and groups of that account, too, and let people ask for its IAM groups.
        #[arg(long)]
        iam: bool,
        /// Who is answerable besides or instead of you: id, address or name.
        #[arg(long = "owner", value_name = "USER")]
        owners: Vec<String>,
    },
    /// What AWS needs so that Stint may enter: trust and permissions, to paste or as code.
    Setup {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// As code, and nothing else: for a file.
        #[arg(long = "as", value_name = "FORM", value_parser = ["terraform", "cloudformation"])]
        form: Option<String>,
    },
    /// What Stint does there, and the limits: shows it, or changes what is named.
    Scope(scope::Scope),
    /// Where one hears of changes in AWS: its queue of change events and its SCIM endpoint; changes
    /// what is given.
    Feeds {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// The queue change events come by; an empty text switches it off.
        #[arg(long, value_name = "URL")]
        queue_url: Option<String>,
        /// The SCIM endpoint; an empty text switches it off. Its token is asked for, or read from
        /// standard input.
        #[arg(long, value_name = "URL")]
        scim_endpoint: Option<String>,
    },
    /// What AWS needs so that change events come: a queue, and the rules that fill it. As code.
    EventsSetup {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// In which form.
        #[arg(long = "as", value_name = "FORM", value_parser = ["terraform", "cloudformation"], default_value = "terraform")]
        form: String,
    },
    /// Test one. Changes nothing in AWS; exit code 1 when something is missing.
    Test {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// Read again what AWS holds, now.
    Sync {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// Wait until it is read, at most this long, as `10m`.
        #[arg(long, value_name = "DURATION", value_parser = crate::cli::duration)]
        wait: Option<i64>,
    },
    /// Take one out of service: it gives no new access, and what it gave runs out.
    Drain {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// Why; whoever asks for access meanwhile reads it.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Put a drained one back into service.
    Resume {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// What keeps one in service.
    Remaining {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// Remove one that nothing holds any more. Its secret is erased; changes nothing in AWS.
    Remove {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// The last runs of its sync.
    Runs {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// Rotate the access key a connection enters by.
    RotateKey {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// How its access key was rotated, newest first.
    KeyRotations {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
    },
    /// What a sync that stopped found gone, and is to be decided.
    Gone {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// The sync, as `syn_…`; the one that waits when left out.
        run: Option<String>,
    },
    /// Say that what a sync found gone has ended. Changes nothing in AWS.
    AcceptSync {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// The sync, as `syn_…`: what was looked at is what is decided.
        run: String,
    },
    /// Say that what a sync found gone is not to be believed. Nothing ends.
    SetAsideSync {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// The sync, as `syn_…`.
        run: String,
    },
    Accounts(facts::Accounts),
    IamUsers(facts::IamUsers),
    IamRoles(facts::IamRoles),
    MemberAccounts(facts::MemberAccounts),
    /// Its entitlements, in a catalog or not.
    Entitlements {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// Words of the name.
        #[arg(default_value = "")]
        search: String,
    },
    /// Its principals: users and groups in AWS.
    Principals {
        #[command(flatten)]
        server: Server,
        /// The connection: id or name.
        connection: String,
        /// Words of the name.
        #[arg(default_value = "")]
        search: String,
    },
}

/// `stint connections …`.
pub(crate) async fn connections(what: Connections) -> Result<(), Failure> {
    match what {
        Connections::List { server } => {
            let client = Client::new(&server)?;
            let all: Vec<Value> = client.list("/api/v1/connections", &[], MOST).await?;
            if server.json {
                return out::json(&all);
            }
            let rows: Vec<_> = (all.iter())
                .map(|it| {
                    [
                        out::field(it, "id"),
                        out::field(it, "name"),
                        out::field(it, "status"),
                        out::field(it, "management_account"),
                        out::field(it, "region"),
                        short(&out::field(it, "last_sync_at")),
                    ]
                })
                .collect();
            let head = [
                "connection",
                "name",
                "status",
                "account",
                "region",
                "synced (UTC)",
            ];
            out::table(
                head,
                &rows,
                "Not connected to AWS yet: `stint connections add`.",
            )
        }
        Connections::Show { server, connection } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let it: Value = client
                .get(&format!("/api/v1/connections/{id}"), &[])
                .await?;
            let path = format!("/api/v1/connections/{id}/freshness");
            let fresh: Value = client.get(&path, &[]).await?;
            if server.json {
                let mut it = it;
                if let Some(fields) = it.as_object_mut() {
                    fields.insert("freshness".to_owned(), fresh);
                }
                return out::json(&it);
            }
            shown(&it)?;
            feeds::fresh(&fresh)?;
            reading::shown(&client, &id).await
        }
        Connections::Owners(it) => it.run().await,
        Connections::Add {
            server,
            name,
            application,
            role_arn,
            access_key_id,
            host,
            account,
            region,
            iam,
            owners,
        } => {
            let client = Client::new(&server)?;
            let mut body = entrance(role_arn, access_key_id, host, account)?;
            let common = json!({
                "application_id": self::application(&client, &application).await?,
                "name": name,
                "region": region,
                "iam": iam,
                "owners": find::ids(&client, find::USER, &owners).await?,
            });
            if let (Some(body), Value::Object(common)) = (body.as_object_mut(), common) {
                body.extend(common);
            }
            let made: Value = client.post_secret("/api/v1/connections", &body).await?;
            if server.json {
                return out::json(&made);
            }
            shown(&made)?;
            out::line("")?;
            let path = format!("/api/v1/connections/{}/setup", out::field(&made, "id"));
            setup(&client.get(&path, &[]).await?)?;
            out::remark(&format!("Then type: stint connections test '{name}'"));
            Ok(())
        }
        Connections::Setup {
            server,
            connection,
            form,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/setup");
            let needed: Value = client.get(&path, &[]).await?;
            match form {
                Some(form) => out::line(out::field(&needed, &form).trim_end()),
                None if server.json => out::json(&needed),
                None => setup(&needed),
            }
        }
        Connections::Scope(scope) => scope.run().await,
        Connections::Feeds {
            server,
            connection,
            queue_url,
            scim_endpoint,
        } => feeds::feeds(&server, &connection, queue_url, scim_endpoint).await,
        Connections::EventsSetup {
            server,
            connection,
            form,
        } => feeds::setup(&server, &connection, &form).await,
        Connections::Test { server, connection } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/test");
            let tested = client.change(Method::POST, &path, None, None).await?;
            let report = tested.get("last_test").cloned().unwrap_or_default();
            if server.json {
                out::json(&tested)?;
            } else {
                checks(&report)?;
            }
            if report.get("passed").and_then(Value::as_bool) == Some(true) {
                Ok(())
            } else {
                Err(Failure::new(Exit::Failed, "the test did not pass"))
            }
        }
        Connections::Sync {
            server,
            connection,
            wait,
        } => sync(&server, &connection, wait).await,
        Connections::Drain {
            server,
            connection,
            reason,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/drain");
            let left: Value = client.post(&path, &json!({ "reason": reason })).await?;
            remains(&server, &left)
        }
        Connections::Resume { server, connection } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/resume");
            let left = client.change(Method::POST, &path, None, None).await?;
            remains(&server, &left)
        }
        Connections::Remaining { server, connection } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/remaining");
            remains(&server, &client.get(&path, &[]).await?)
        }
        Connections::Remove { server, connection } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}");
            client.change(Method::DELETE, &path, None, None).await?;
            if server.json {
                return out::json(&json!({ "id": id, "removed": true }));
            }
            out::line(&format!(
                "{id} is removed. What was done through it stays on record."
            ))
        }
        Connections::Accounts(it) => it.run().await,
        Connections::IamUsers(it) => it.run().await,
        Connections::IamRoles(it) => it.run().await,
        Connections::MemberAccounts(it) => it.run().await,
        Connections::Runs { server, connection } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/sync-runs");
            let runs: Vec<Value> = client.list(&path, &[], 20).await?;
            if server.json {
                return out::json(&runs);
            }
            let rows: Vec<_> = (runs.iter())
                .map(|run| {
                    [
                        out::field(run, "id"),
                        out::field(run, "state"),
                        out::field(run, "seen"),
                        out::field(run, "appeared"),
                        out::field(run, "ended"),
                        short(&out::field(run, "started_at")),
                        out::field(run, "error"),
                    ]
                })
                .collect();
            let head = [
                "run",
                "state",
                "seen",
                "new",
                "gone",
                "began (UTC)",
                "error",
            ];
            out::table(head, &rows, "Never synced: `stint connections sync`.")
        }
        Connections::RotateKey { server, connection } => {
            objects::rotate_key(&server, &connection).await
        }
        Connections::KeyRotations { server, connection } => {
            objects::rotations(&server, &connection).await
        }
        Connections::Gone {
            server,
            connection,
            run,
        } => gone(&server, &connection, run).await,
        Connections::AcceptSync {
            server,
            connection,
            run,
        } => decide(&server, &connection, &run, "accept").await,
        Connections::SetAsideSync {
            server,
            connection,
            run,
        } => decide(&server, &connection, &run, "set-aside").await,
        Connections::Entitlements {
            server,
            connection,
            search,
        } => {
            let found = held(&server, &connection, &search, "entitlements").await?;
            let rows: Vec<_> = (found.iter())
                .map(|it| {
                    let gone = short(&out::field(it, "gone_at"));
                    [
                        out::field(it, "id"),
                        out::field(it, "kind"),
                        out::field(it, "name"),
                        gone,
                    ]
                })
                .collect();
            let head = ["entitlement", "kind", "name", "gone (UTC)"];
            printed(&server, &found, head, &rows, "Nothing fits.")
        }
        Connections::Principals {
            server,
            connection,
            search,
        } => {
            let found = held(&server, &connection, &search, "principals").await?;
            let rows: Vec<_> = (found.iter())
                .map(|it| {
                    [
                        out::field(it, "id"),
                        out::field(it, "kind"),
                        out::field(it, "name"),
                        out::field(it, "email"),
                        short(&out::field(it, "gone_at")),
                    ]
                })
                .collect();
            let head = ["principal", "kind", "name", "email", "gone (UTC)"];
            printed(&server, &found, head, &rows, "Nobody fits.")
        }
    }
}

async fn held(
    server: &Server,
    connection: &str,
    search: &str,
    what: &str,
) -> Result<Vec<Value>, Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let query = [("connection", id.as_str()), ("q", search)];
    client.list(&format!("/api/v1/{what}"), &query, MOST).await
}

fn printed<const N: usize>(
    server: &Server,
    found: &[Value],
    head: [&str; N],
    rows: &[[String; N]],
    empty: &str,
) -> Result<(), Failure> {
    if server.json {
        return out::json(&found);
    }
    out::table(head, rows, empty)
}

/// The application that is named; a name nobody has yet makes one.
async fn application(client: &Client, given: &str) -> Result<String, Failure> {
    match find::id(client, find::APPLICATION, given).await {
        Err(error) if error.exit == Exit::NotFound && !given.starts_with("app_") => {
            let made: Value = client
                .post("/api/v1/applications", &json!({ "name": given }))
                .await?;
            out::remark(&format!(
                "Application `{given}` is new: {}",
                out::field(&made, "id")
            ));
            Ok(out::field(&made, "id"))
        }
        found => found,
    }
}

/// How the estate is entered, as the API takes it.
fn entrance(
    role_arn: Option<String>,
    access_key_id: Option<String>,
    host: bool,
    account: Option<String>,
) -> Result<Value, Failure> {
    use secrecy::ExposeSecret as _;
    match (role_arn, access_key_id, host) {
        (Some(arn), _, _) => Ok(json!({ "credential": "role", "role_arn": arn })),
        (None, Some(key), _) => {
            let secret = crate::client::secret("Secret access key: ")?;
            Ok(json!({
                "credential": "access_key",
                "access_key_id": key,
                "secret_access_key": secret.expose_secret(),
                "account_id": account,
            }))
        }
        (None, None, true) => Ok(json!({ "credential": "host", "account_id": account })),
        (None, None, false) => Err(Failure::usage(
            "say how to enter AWS: --role-arn ARN, --access-key-id AKIA… --account N, or --host --account N",
        )),
    }
}

/// What keeps a connection in service.
fn remains(server: &Server, left: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(left);
    }
    let since = match out::field(left, "draining_since") {
        none if none.is_empty() => "in service".to_owned(),
        since => format!("drained since {} (UTC)", short(&since)),
    };
    out::facts(&[
        ("connection", out::field(left, "connection_id")),
        ("state", since),
        ("why", out::field(left, "draining_reason")),
        ("grants", out::field(left, "grants")),
        ("bindings", out::field(left, "bindings")),
        ("until", short(&out::field(left, "watched_until"))),
        ("requests", out::field(left, "requests")),
        ("removable", out::field(left, "removable")),
    ])
}

fn setup(setup: &Value) -> Result<(), Failure> {
    let policy = |name: &str| {
        let policy = setup.get(name).cloned().unwrap_or_default();
        serde_json::to_string_pretty(&policy).unwrap_or_default()
    };
    let base = out::field(setup, "base_identity");
    if !base.is_empty() {
        out::line(&format!("Stint calls AWS as {base}."))?;
    }
    if setup.get("trust_policy").is_some_and(|it| !it.is_null()) {
        out::line("Trust policy of the role:")?;
        out::line(&policy("trust_policy"))?;
    }
    out::line("Permissions:")?;
    out::line(&policy("permission_policy"))
}

/// What a sync found gone: of the one that waits, or of this one.
async fn gone(server: &Server, connection: &str, run: Option<String>) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let runs = format!("/api/v1/connections/{id}/sync-runs");
    let run: Value = match run {
        Some(run) => client.get(&format!("{runs}/{run}"), &[]).await?,
        None => {
            let held: Vec<Value> = client.list(&runs, &[("state", "held")], 1).await?;
            held.into_iter().next().ok_or_else(|| {
                Failure::new(
                    Exit::NotFound,
                    format!("no sync of '{connection}' waits for a decision"),
                )
            })?
        }
    };
    let number = out::field(&run, "id");
    let path = format!("{runs}/{number}/endings");
    let all: Vec<Value> = client.list(&path, &[], MOST).await?;
    if server.json {
        return out::json(&json!({ "run": run, "endings": all }));
    }
    let rows: Vec<_> = (all.iter())
        .map(|it| {
            [
                out::field(it, "principal.name"),
                out::field(it, "entitlement.name"),
                short(&out::field(it, "first_seen")),
                short(&out::field(it, "last_seen")),
            ]
        })
        .collect();
    let head = ["who", "held", "since (UTC)", "last seen (UTC)"];
    out::table(head, &rows, "Nothing of it waits for a decision.")?;
    if out::field(&run, "state") == "held" {
        out::remark(&out::field(&run, "error"));
        if out::field(&run, "ended") != all.len().to_string() {
            out::remark(&format!(
                "{} of {} are shown; the page has them all, as CSV too",
                all.len(),
                out::field(&run, "ended")
            ));
        }
        out::remark(&format!(
            "`stint connections accept-sync '{connection}' {number}` if it has ended, `set-aside-sync` if not"
        ));
    }
    Ok(())
}

async fn decide(
    server: &Server,
    connection: &str,
    run: &str,
    what: &'static str,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let path = format!("/api/v1/connections/{id}/sync-runs/{run}/{what}");
    let decided = client.change(Method::POST, &path, None, None).await?;
    if server.json {
        return out::json(&decided);
    }
    out::line(match what {
        "accept" => "It is being written down. Nothing changes in AWS.",
        _ => "Set aside. Nothing has ended; the next sync looks again.",
    })
}

async fn sync(server: &Server, connection: &str, wait: Option<i64>) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let path = format!("/api/v1/connections/{id}/sync");
    let mut run = client.change(Method::POST, &path, None, None).await?;
    let number = out::field(&run, "id");
    let mut told = String::new();
    for _ in 0..wait.unwrap_or(0) {
        if out::field(&run, "state") != "running" {
            break;
        }
        let phase = format!(
            "{} ({} so far)",
            out::field(&run, "phase"),
            out::field(&run, "seen")
        );
        if phase != told {
            out::remark(&format!("reading {phase}"));
            told = phase;
        }
        pause(1).await;
        let path = format!("/api/v1/connections/{id}/sync-runs");
        let runs: Vec<Value> = client.list(&path, &[], 20).await?;
        let found = runs.into_iter().find(|it| out::field(it, "id") == number);
        run = found.unwrap_or(run);
    }
    if server.json {
        out::json(&run)?;
    } else {
        out::facts(&[
            ("run", number.clone()),
            ("state", out::field(&run, "state")),
            ("seen", out::field(&run, "seen")),
            ("new", out::field(&run, "appeared")),
            ("gone", out::field(&run, "ended")),
            ("error", out::field(&run, "error")),
        ])?;
    }
    match (out::field(&run, "state").as_str(), wait) {
        ("running", Some(_)) => Err(Failure::new(
            Exit::TimedOut,
            format!(
                "{number} is still under way; `stint connections runs '{connection}'` tells more"
            ),
        )),
        ("failed", _) => Err(Failure::new(Exit::Failed, "the sync did not go through")),
        ("held", _) => Err(Failure::new(
            Exit::Failed,
            format!(
                "the sync waits for a decision; `stint connections gone '{connection}'` shows about what"
            ),
        )),
        _ => Ok(()),
    }
}
