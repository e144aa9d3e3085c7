//! IAM users that Stint manages, and the rotation of access keys.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short};

/// IAM users that Stint makes, locks out and deletes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum IamUsers {
    /// Have an IAM user made; or look at one that is there.
    Create {
        #[command(flatten)]
        server: Server,
        /// A connection, by name or id.
        connection: String,
        /// The user's name.
        name: String,
        /// Its path: / or /stint/.
        #[arg(long)]
        path: Option<String>,
        /// The ARN of the policy that is to be its permissions boundary.
        #[arg(long)]
        boundary: Option<String>,
        /// It is there, and Stint did not make it: look at it, change nothing.
        #[arg(long)]
        existing: bool,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Lock one out: keys inactive, console password gone.
    Disable(Because),
    /// Delete one, with everything that hangs on it.
    Delete(Because),
    /// Those of a connection.
    List {
        #[command(flatten)]
        server: Server,
        /// A connection, by name or id.
        connection: String,
        /// Words in the name.
        search: Option<String>,
        /// Only those in this state: active, stuck, …
        #[arg(long)]
        state: Option<String>,
    },
    /// One with its whole story.
    Show {
        #[command(flatten)]
        server: Server,
        /// Its name, or `mob_…`.
        user: String,
        /// Of this connection, where the name alone does not tell.
        #[arg(long)]
        connection: Option<String>,
    },
    /// Try again now what AWS refuses.
    Retry {
        #[command(flatten)]
        server: Server,
        /// Its name, or `mob_…`.
        user: String,
        /// Of this connection, where the name alone does not tell.
        #[arg(long)]
        connection: Option<String>,
    },
}

/// Which user, and why.
#[derive(Debug, clap::Args)]
pub(crate) struct Because {
    #[command(flatten)]
    server: Server,
    /// Its name, or `mob_…`.
    user: String,
    /// Of this connection, where the name alone does not tell.
    #[arg(long)]
    connection: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Its name once more, where Stint did not make it.
    #[arg(long)]
    confirm: Option<String>,
}

/// `stint iam-users`.
pub(crate) async fn iam_users(command: IamUsers) -> Result<(), Failure> {
    match command {
        IamUsers::Create {
            server,
            connection,
            name,
            path,
            boundary,
            existing,
            reason,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let body = json!({
                "name": name, "path": path, "boundary": boundary, "existing": existing, "reason": reason,
            });
            let to = format!("/api/v1/connections/{id}/iam-users");
            let made: Value = client.post(&to, &body).await?;
            line(&server, &made)
        }
        IamUsers::Disable(args) => because(args, "disable").await,
        IamUsers::Delete(args) => because(args, "delete").await,
        IamUsers::List {
            server,
            connection,
            search,
            state,
        } => {
            let client = Client::new(&server)?;
            let id = find::id(&client, find::CONNECTION, &connection).await?;
            let path = format!("/api/v1/connections/{id}/iam-users");
            let mut query = Vec::new();
            query.extend(search.as_deref().map(|words| ("q", words)));
            query.extend(state.as_deref().map(|word| ("state", word)));
            let users: Vec<Value> = client.list(&path, &query, MOST).await?;
            if server.json {
                return out::json(&users);
            }
            let rows: Vec<_> = (users.iter())
                .map(|user| {
                    [
                        out::field(user, "id"),
                        out::field(user, "name"),
                        out::field(user, "state"),
                        out::field(user, "origin"),
                        short(&out::field(user, "created_at")),
                        why(user),
                    ]
                })
                .collect();
            let head = ["id", "name", "state", "origin", "asked for (UTC)", "why"];
            out::table(head, &rows, "No IAM user: `stint iam-users create`.")
        }
        IamUsers::Show {
            server,
            user,
            connection,
        } => {
            let client = Client::new(&server)?;
            let id = named(&client, &user, connection.as_deref()).await?;
            let found: Value = client.get(&format!("/api/v1/iam-users/{id}"), &[]).await?;
            if server.json {
                return out::json(&found);
            }
            line(&server, &found)?;
            for it in list(&found, "hanging") {
                out::line(&format!("  {}", it.as_str().unwrap_or_default()))?;
            }
            story(&found)
        }
        IamUsers::Retry {
            server,
            user,
            connection,
        } => {
            let client = Client::new(&server)?;
            let id = named(&client, &user, connection.as_deref()).await?;
            let path = format!("/api/v1/iam-users/{id}/retry");
            let after = client.change(Method::POST, &path, None, None).await?;
            line(&server, &after)
        }
    }
}

async fn because(args: Because, verb: &str) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let id = named(&client, &args.user, args.connection.as_deref()).await?;
    let body = json!({ "reason": args.reason, "confirm": args.confirm });
    let path = format!("/api/v1/iam-users/{id}/{verb}");
    let after: Value = client.post(&path, &body).await?;
    line(&args.server, &after)
}

/// A user by its id, or by its name among those of one connection or of all.
async fn named(client: &Client, given: &str, connection: Option<&str>) -> Result<String, Failure> {
    if find::is_id("mob", given) {
        return Ok(given.to_owned());
    }
    let connections = match connection {
        Some(name) => vec![find::id(client, find::CONNECTION, name).await?],
        None => {
            let all: Vec<Value> = client.list("/api/v1/connections", &[], MOST).await?;
            all.iter().map(|it| out::field(it, "id")).collect()
        }
    };
    let mut users: Vec<Value> = Vec::new();
    for id in connections {
        let path = format!("/api/v1/connections/{id}/iam-users");
        let found: Vec<Value> = client.list(&path, &[("q", given)], MOST).await?;
        users.extend(found);
    }
    // One that is over is named only where there is no other.
    let over = |user: &Value| matches!(&*out::field(user, "state"), "deleted" | "failed" | "gone");
    if users.iter().any(|user| !over(user)) {
        users.retain(|user| !over(user));
    }
    let found = find::chosen("IAM user", "stint iam-users list", &["name"], given, users)?;
    Ok(out::field(&found, "id"))
}

fn why(user: &Value) -> String {
    match out::field(user, "stuck_reason") {
        stuck if stuck.is_empty() => out::field(user, "failure"),
        stuck => stuck,
    }
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn line(server: &Server, user: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(user);
    }
    let (id, name, state) = (
        out::field(user, "id"),
        out::field(user, "name"),
        out::field(user, "state"),
    );
    out::line(&format!("{id}  {name}  {state}"))?;
    match why(user) {
        why if why.is_empty() => Ok(()),
        why => out::line(&why),
    }
}

fn story(of: &Value) -> Result<(), Failure> {
    for moment in list(of, "timeline") {
        let (at, text) = (short(&out::field(moment, "at")), out::field(moment, "text"));
        out::line(&format!("{at}  {text}"))?;
    }
    Ok(())
}

/// `stint connections rotate-key`.
pub(crate) async fn rotate_key(server: &Server, connection: &str) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let path = format!("/api/v1/connections/{id}/rotate-key");
    let begun = client.change(Method::POST, &path, None, None).await?;
    rotation(server, &begun)
}

/// `stint connections key-rotations`.
pub(crate) async fn rotations(server: &Server, connection: &str) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let path = format!("/api/v1/connections/{id}/key-rotations");
    let all: Vec<Value> = client.list(&path, &[], 20).await?;
    if server.json {
        return out::json(&all);
    }
    let rows: Vec<_> = (all.iter())
        .map(|it| {
            [
                out::field(it, "id"),
                out::field(it, "state"),
                out::field(it, "old_access_key_id"),
                out::field(it, "new_access_key_id"),
                short(&out::field(it, "began_at")),
                why(it),
            ]
        })
        .collect();
    let head = [
        "rotation",
        "state",
        "old key",
        "new key",
        "began (UTC)",
        "why",
    ];
    out::table(
        head,
        &rows,
        "Never rotated: `stint connections rotate-key`.",
    )
}

fn rotation(server: &Server, it: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(it);
    }
    let (id, state) = (out::field(it, "id"), out::field(it, "state"));
    let old = out::field(it, "old_access_key_id");
    out::line(&format!("{id}  {state}: the key {old} is being replaced"))
}
