//! `stint connections scope`: what of an estate is Stint's business, and the limits.

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::super::find;

/// What to change; what is left out stays.
#[derive(Debug, Args)]
pub(crate) struct Scope {
    #[command(flatten)]
    server: Server,
    /// The connection: id or name.
    connection: String,
    /// Ask for the reading actions that make syncs cheaper.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    faster: Option<bool>,
    /// Give and take access to the management account itself.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    management_account: Option<bool>,
    /// Read the tags of the organization's accounts, for conditions that ask about them.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    account_tags: Option<bool>,
    /// Read IAM users and groups of the account, and let people ask for its IAM groups.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    iam: Option<bool>,
    /// Only IAM users under this path, as `/stint/`; `/` for every path.
    #[arg(long, value_name = "PATH")]
    user_path: Option<String>,
    /// Only IAM users whose names begin so, as `app-`; empty for all.
    #[arg(long, value_name = "PREFIX")]
    user_prefix: Option<String>,
    /// An IAM group whose members may be changed: name, path as `stint/*`, or ARN. Once for each;
    /// all there are to be.
    #[arg(long = "group", value_name = "GROUP", conflicts_with = "every_group")]
    groups: Vec<String>,
    /// Let the members of every IAM group be changed.
    #[arg(long)]
    every_group: bool,
    /// Create, disable and delete IAM users.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    user_life: Option<bool>,
    /// The policy that every IAM user made so has as its permissions boundary; empty for none.
    #[arg(long, value_name = "ARN")]
    user_boundary: Option<String>,
    /// Replace the access key by which the connection enters.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    key_rotation: Option<bool>,
    /// The KMS key of your own that Identity Center is encrypted with; empty for none.
    #[arg(long, value_name = "ARN")]
    kms_key: Option<String>,
}

fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("say on or off".to_owned()),
    }
}

impl Scope {
    /// What the API is to change; nothing where nothing was said.
    fn change(&self) -> Value {
        let groups = match (self.every_group, self.groups.is_empty()) {
            (true, _) => Some(json!([])),
            (false, false) => Some(json!(self.groups)),
            (false, true) => None,
        };
        let scope: Map<String, Value> = [
            ("faster", self.faster.map(Value::from)),
            (
                "management_account",
                self.management_account.map(Value::from),
            ),
            ("account_tags", self.account_tags.map(Value::from)),
            ("iam_user_path", self.user_path.clone().map(Value::from)),
            ("iam_user_prefix", self.user_prefix.clone().map(Value::from)),
            ("iam_groups", groups),
            ("iam_user_life", self.user_life.map(Value::from)),
            (
                "iam_user_boundary",
                self.user_boundary.clone().map(Value::from),
            ),
            ("key_rotation", self.key_rotation.map(Value::from)),
            ("kms_key", self.kms_key.clone().map(Value::from)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        let mut change = Map::new();
        if let Some(iam) = self.iam {
            change.insert("iam".to_owned(), iam.into());
        }
        if !scope.is_empty() {
            change.insert("scope".to_owned(), scope.into());
        }
        change.into()
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let id = find::id(&client, find::CONNECTION, &self.connection).await?;
        let path = format!("/api/v1/connections/{id}");
        let change = self.change();
        let changes = change.as_object().is_some_and(|it| !it.is_empty());
        let now: Value = if changes {
            client
                .change(Method::PATCH, &path, Some(&change), None)
                .await?
        } else {
            client.get(&path, &[]).await?
        };
        if self.server.json {
            return out::json(now.get("scope").unwrap_or(&Value::Null));
        }
        let of = |name: &str| out::field(&now, &format!("scope.{name}"));
        out::facts(&[
            ("faster", of("faster")),
            ("management account", of("management_account")),
            ("account tags", of("account_tags")),
            ("iam", out::field(&now, "iam")),
            ("user path", of("iam_user_path")),
            ("user prefix", of("iam_user_prefix")),
            ("groups", of("iam_groups")),
            ("user life", of("iam_user_life")),
            ("user boundary", of("iam_user_boundary")),
            ("key rotation", of("key_rotation")),
            ("kms key", of("kms_key")),
        ])?;
        if changes {
            out::remark(&format!(
                "replace the permission policy in AWS (`stint connections setup '{0}'`), then `stint connections test '{0}'`",
                self.connection
            ));
        }
        Ok(())
    }
}
