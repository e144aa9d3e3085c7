//! What mends a refusal of AWS.

use std::io::Read as _;

use clap::Args;
use serde_json::{Map, Value};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

/// Paste what AWS said; see what you may ask for that would let it through.
#[derive(Debug, Args)]
pub(crate) struct Mend {
    #[command(flatten)]
    server: Server,
    /// The message, as AWS, an SDK or the command line said it, or an action and the ARN of a resource;
    /// `-` for standard input: `aws s3 ls 2>&1 | stint mend -`.
    message: String,
    /// The account it happened in, where the message does not say it.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

/// `stint mend …`.
pub(crate) async fn mend(args: Mend) -> Result<(), Failure> {
    let Mend {
        server,
        message,
        account,
    } = args;
    let message = match message.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        _ => message,
    };
    let client = Client::new(&server)?;
    let mut body = Map::from_iter([("message".to_owned(), Value::from(message))]);
    body.extend(account.map(|it| ("account".to_owned(), it.into())));
    // Nothing of it is kept: no idempotency key.
    let found: Value = client.post_secret("/api/v1/mend", &body).await?;
    if server.json {
        return out::json(&found);
    }
    let said = |name: &str| match out::field(&found, name) {
        empty if empty.is_empty() => "not said".to_owned(),
        said => said,
    };
    out::facts(&[
        ("who", said("who.arn")),
        ("wanted to", said("action")),
        ("on", said("resource")),
        ("in the account", said("account")),
    ])?;
    out::line("")?;
    out::line(&out::field(&found, "advice"))?;
    let all = found.get("found").and_then(Value::as_array);
    let rows: Vec<_> = (all.into_iter().flatten())
        .map(|it| {
            [
                out::field(it, "entitlement.id"),
                out::field(it, "entitlement.name"),
                out::field(it, "verdict").replace('_', " "),
                out::field(it, "through.name"),
                out::field(it, "why"),
            ]
        })
        .collect();
    out::line("")?;
    // Where nobody said in which account, nothing was looked at.
    let empty = match out::field(&found, "account").is_empty() {
        true => "The message does not say in which account it happened: name it with --account.",
        false => "Nothing you may ask for there would let it through, as far as Stint knows.",
    };
    out::table(
        ["entitlement", "name", "lets it through", "by", "why"],
        &rows,
        empty,
    )?;
    match found.get("more").and_then(Value::as_u64) {
        Some(more) if more > 0 => out::line(&format!("And {more} more, less sure or broader.")),
        _ => Ok(()),
    }
}
