//! `stint connections owners`: who answers for a connection.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::super::find;

/// Who answers for one, and who is told when it is in trouble; changes who owns it where owners
/// are named.
#[derive(Debug, Args)]
pub(crate) struct Owners {
    #[command(flatten)]
    server: Server,
    /// The connection: id or name.
    connection: String,
    /// Who owns it from now on: id, address or name. Once for each; all there are to be.
    #[arg(long = "owner", value_name = "USER")]
    owners: Vec<String>,
}

impl Owners {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let id = find::id(&client, find::CONNECTION, &self.connection).await?;
        let path = format!("/api/v1/connections/{id}");
        if !self.owners.is_empty() {
            let owners = find::ids(&client, find::USER, &self.owners).await?;
            let change = json!({ "owners": owners });
            client
                .change(Method::PATCH, &path, Some(&change), None)
                .await?;
        }
        let it: Value = client.get(&path, &[]).await?;
        if self.server.json {
            let part = |place: &str| it.pointer(place).cloned().unwrap_or_default();
            return out::json(&json!({
                "owners": part("/owners"),
                "application_owners": part("/answers/application_owners"),
                "told": part("/answers/told"),
            }));
        }
        out::facts(&[
            ("owners", out::field(&it, "owners")),
            (
                "of the application",
                out::field(&it, "answers.application_owners"),
            ),
            ("told of trouble", out::field(&it, "answers.told")),
        ])
    }
}
