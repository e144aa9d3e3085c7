//! Who decides for whom while they are away.

use clap::Subcommand;
use serde_json::{Value, json};
use stint_domain::Time;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short};

/// Who decides while people are away.
#[derive(Debug, Subcommand)]
pub(crate) enum Delegations {
    /// Those you wrote or that name you, planned and in force.
    List {
        #[command(flatten)]
        server: Server,
        /// Everybody's.
        #[arg(long)]
        everybody: bool,
        /// Those that are over, too.
        #[arg(long)]
        all: bool,
    },
    /// Let somebody decide for you while you are away.
    Create {
        #[command(flatten)]
        server: Server,
        /// Who decides: id or address.
        delegate: String,
        /// Until when, in UTC: `2026-12-24T09:00Z`, or a day, whose beginning it is.
        #[arg(long)]
        until: String,
        /// From when, likewise; at once if left out.
        #[arg(long)]
        from: Option<String>,
        /// What they should know, in a line.
        #[arg(long, default_value = "")]
        note: String,
        /// Who is away, where it is not you: id, address or name. For Super Admins.
        #[arg(long = "for", value_name = "USER")]
        user: Option<String>,
        /// Give your password with it: asked for at a terminal, else read from standard input. Without,
        /// they approve nothing for which a policy wants the password of whoever approves.
        #[arg(long)]
        password: bool,
    },
    /// End one now.
    End {
        #[command(flatten)]
        server: Server,
        /// The delegation, as `dlg_…`.
        delegation: String,
    },
}

/// `stint delegations …`.
pub(crate) async fn delegations(what: Delegations) -> Result<(), Failure> {
    match what {
        Delegations::List {
            server,
            everybody,
            all,
        } => {
            let client = Client::new(&server)?;
            let mut query = Vec::new();
            query.extend(everybody.then_some(("everybody", "true")));
            query.extend((!all).then_some(("open", "true")));
            let found: Vec<Value> = client.list("/api/v1/delegations", &query, MOST).await?;
            if server.json {
                return out::json(&found);
            }
            let rows: Vec<_> = (found.iter())
                .map(|it| {
                    [
                        out::field(it, "id"),
                        out::field(it, "user.email"),
                        out::field(it, "delegate.email"),
                        out::field(it, "state"),
                        short(&out::field(it, "starts_at")),
                        short(&out::field(it, "ends_at")),
                    ]
                })
                .collect();
            out::table(
                [
                    "delegation",
                    "away",
                    "decides",
                    "state",
                    "from (UTC)",
                    "until (UTC)",
                ],
                &rows,
                "Nobody decides for anybody else.",
            )
        }
        Delegations::Create {
            server,
            delegate,
            until,
            from,
            note,
            user,
            password,
        } => {
            let client = Client::new(&server)?;
            let from = from
                .as_deref()
                .map(|text| time("--from", text))
                .transpose()?;
            let until = time("--until", &until)?;
            let mut body = json!({
                "delegate": delegate,
                "ends_at": until.to_string(),
                "note": note,
            });
            if let (Some(body), Some(from)) = (body.as_object_mut(), from) {
                body.insert("starts_at".to_owned(), from.to_string().into());
            }
            if let Some(user) = user {
                let id = find::id(&client, find::USER, &user).await?;
                if let Some(body) = body.as_object_mut() {
                    body.insert("user".to_owned(), id.into());
                }
            }
            let made: Value = match password {
                true => {
                    client
                        .post_anew("/api/v1/delegations", &body, false)
                        .await?
                }
                false => client.post("/api/v1/delegations", &body).await?,
            };
            shown(&server, &made)
        }
        Delegations::End { server, delegation } => {
            let client = Client::new(&server)?;
            let path = format!("/api/v1/delegations/{delegation}/end");
            let after: Value = client.post(&path, &json!({})).await?;
            shown(&server, &after)
        }
    }
}

/// A time as people type it: the seconds may be left out.
fn time(option: &str, text: &str) -> Result<Time, Failure> {
    let full = match text.strip_suffix('Z') {
        Some(bare) if bare.matches(':').count() == 1 => format!("{bare}:00Z"),
        None if text.len() == 10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    };
    full.parse().map_err(|_| {
        Failure::usage(format!(
            "{option}: `{text}` is no time; write it in UTC, like 2026-12-24T09:00Z or 2026-12-24"
        ))
    })
}

fn shown(server: &Server, it: &Value) -> Result<(), Failure> {
    if server.json {
        return out::json(it);
    }
    out::facts(&[
        ("delegation", out::field(it, "id")),
        ("away", out::field(it, "user.name")),
        ("decides", out::field(it, "delegate.name")),
        ("from", short(&out::field(it, "starts_at"))),
        ("until", short(&out::field(it, "ends_at"))),
        ("state", out::field(it, "state")),
        ("with password", out::field(it, "proved")),
        ("note", out::field(it, "note")),
    ])
}
