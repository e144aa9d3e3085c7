//! What a connection hears of changes by, and how fresh what is known of it is.

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::{find, short};
use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

/// Shows queue and SCIM endpoint, and changes what is given.
pub(super) async fn feeds(
    server: &Server,
    connection: &str,
    queue_url: Option<String>,
    scim_endpoint: Option<String>,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let path = format!("/api/v1/connections/{id}/feeds");
    let mut body = Map::new();
    if let Some(url) = queue_url {
        body.insert("queue_url".to_owned(), json!(url));
    }
    if let Some(endpoint) = scim_endpoint {
        if !endpoint.trim().is_empty() {
            let token = crate::client::secret("SCIM token: ")?;
            body.insert("scim_token".to_owned(), json!(token.expose_secret()));
        }
        body.insert("scim_endpoint".to_owned(), json!(endpoint));
    }
    let told: Value = if body.is_empty() {
        client.get(&path, &[]).await?
    } else {
        let body = Value::Object(body);
        client
            .change(Method::PATCH, &path, Some(&body), None)
            .await?
    };
    if server.json {
        return out::json(&told);
    }
    out::facts(&[
        ("queue", out::field(&told, "queue_url")),
        ("its arn", out::field(&told, "queue_arn")),
        ("scim", out::field(&told, "scim_endpoint")),
        (
            "token given",
            short(&out::field(&told, "scim_token_set_at")),
        ),
        ("scim fails", out::field(&told, "scim_error")),
    ])
}

/// What to make in AWS, as code and nothing else: for a file.
pub(super) async fn setup(server: &Server, connection: &str, form: &str) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::id(&client, find::CONNECTION, connection).await?;
    let path = format!("/api/v1/connections/{id}/feeds/setup");
    let needed: Value = client.get(&path, &[]).await?;
    if server.json {
        return out::json(&needed);
    }
    out::line(out::field(&needed, form).trim_end())
}

/// How fresh what is known is.
pub(super) fn fresh(fresh: &Value) -> Result<(), Failure> {
    let classes = fresh.get("classes").and_then(Value::as_array);
    let rows: Vec<_> = classes
        .into_iter()
        .flatten()
        .map(|it| {
            [
                out::field(it, "class"),
                short(&out::field(it, "read_at")),
                out::field(it, "waiting"),
                short(&out::field(it, "waiting_since")),
                out::field(it, "error"),
                out::field(it, "not_read"),
            ]
        })
        .collect();
    let head = [
        "what",
        "read whole (UTC)",
        "to be read again",
        "since (UTC)",
        "trouble",
        "not read whole because",
    ];
    out::table(head, &rows, "Nothing is read yet.")?;
    match fresh.get("events") {
        Some(events) if !events.is_null() => out::facts(&[
            ("queue", out::field(events, "queue_url")),
            ("last event", short(&out::field(events, "last_message_at"))),
            ("last read", short(&out::field(events, "polled_at"))),
            ("events", out::field(events, "messages")),
            ("not known", out::field(events, "unknown")),
            ("trouble", out::field(events, "error")),
        ]),
        _ => out::line("no change events: `stint connections events-setup`"),
    }
}
