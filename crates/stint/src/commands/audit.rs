//! The audit log, over the API.

use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::short;

/// Which events.
#[derive(Debug, clap::Args)]
pub(crate) struct Events {
    #[command(flatten)]
    pub server: Server,
    /// Only this action, as `request.submitted`.
    #[arg(long)]
    action: Option<String>,
    /// Only what this user did, as `usr_…`.
    #[arg(long)]
    actor: Option<String>,
    /// Only what is about this thing, by its id.
    #[arg(long)]
    subject: Option<String>,
    /// Not before (RFC 3339, as 2026-11-23T14:00:00Z).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many, newest first.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// `stint audit list`.
pub(crate) async fn list(args: Events) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let mut query = Vec::new();
    for (name, value) in [
        ("action", &args.action),
        ("actor", &args.actor),
        ("subject", &args.subject),
        ("since", &args.since),
        ("until", &args.until),
    ] {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    let events: Vec<Value> = client
        .list("/api/v1/audit-events", &query, args.limit)
        .await?;
    if args.server.json {
        return out::json(&events);
    }
    let rows: Vec<_> = (events.iter())
        .map(|event| {
            let subjects: Vec<_> = (event.get("subject").and_then(Value::as_array))
                .into_iter()
                .flatten()
                .map(|subject| out::field(subject, "id"))
                .collect();
            [
                out::field(event, "seq"),
                short(&out::field(event, "at")),
                who(event),
                out::field(event, "action"),
                subjects.join(" "),
            ]
        })
        .collect();
    out::table(
        ["event", "at (UTC)", "who", "what", "about"],
        &rows,
        "No such event.",
    )
}

fn who(event: &Value) -> String {
    let actor = event.get("actor").unwrap_or(&Value::Null);
    for name in ["name", "task"] {
        let found = out::field(actor, name);
        if !found.is_empty() {
            return found;
        }
    }
    "nobody".to_owned()
}

/// `stint audit verify --server`.
pub(crate) async fn verify(server: &Server) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let path = "/api/v1/audit-events/verify";
    let report: Value = client.post_secret(path, &json!({})).await?;
    if server.json {
        return out::json(&report);
    }
    out::line(&format!(
        "The audit log is whole: {} events, head {}.",
        out::field(&report, "events"),
        out::field(&report, "head")
    ))?;
    out::line("A cut-off end shows only against a head noted down elsewhere before.")
}
