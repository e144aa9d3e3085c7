//! What is known of an estate besides who holds what: accounts, IAM users and roles, and how the
//! IAM of member accounts is entered.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short};

/// Its accounts: where they are, their tags, and whether their IAM could be read.
#[derive(Debug, Args)]
pub(crate) struct Accounts {
    #[command(flatten)]
    server: Server,
    /// The connection: id or name.
    connection: String,
    /// Words of the name, number, alias or units.
    #[arg(default_value = "")]
    search: String,
    /// Only those that do not let Stint read their IAM.
    #[arg(long)]
    refused: bool,
}

impl Accounts {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let id = find::id(&client, find::CONNECTION, &self.connection).await?;
        let mut asked = vec![("connection", id.as_str()), ("q", self.search.as_str())];
        if self.refused {
            asked.push(("iam", "refused"));
        }
        let all: Vec<Value> = client.list("/api/v1/accounts", &asked, MOST).await?;
        if self.server.json {
            return out::json(&all);
        }
        let tags = |it: &Value| {
            let tags = it.get("tags").and_then(Value::as_object);
            let text = |(key, value): (&String, &Value)| {
                format!("{key}={}", value.as_str().unwrap_or_default())
            };
            let each = tags.into_iter().flatten().map(text);
            let refused = it
                .get("tags_refused_at")
                .map(|_| "(AWS refuses)".to_owned());
            each.chain(refused).collect::<Vec<_>>().join(", ")
        };
        let rows: Vec<_> = (all.iter())
            .map(|it| {
                [
                    out::field(it, "id"),
                    out::field(it, "name"),
                    out::field(it, "alias"),
                    out::field(it, "units"),
                    tags(it),
                    out::field(it, "iam"),
                    out::field(it, "reason"),
                ]
            })
            .collect();
        let head = [
            "account", "name", "alias", "where", "tags", "IAM", "why not",
        ];
        out::table(head, &rows, "No accounts: `stint connections sync`.")
    }
}

/// Its IAM users, with their passwords, MFA and access keys.
#[derive(Debug, Args)]
pub(crate) struct IamUsers {
    #[command(flatten)]
    server: Server,
    /// The connection: id or name.
    connection: String,
    /// Words of the name.
    #[arg(default_value = "")]
    search: String,
    /// Only in this account (twelve digits).
    #[arg(long)]
    account: Option<String>,
    /// Only those with this.
    #[arg(long, value_parser = ["password_without_mfa", "active_keys", "old_keys"])]
    only: Option<String>,
}

impl IamUsers {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let id = find::id(&client, find::CONNECTION, &self.connection).await?;
        let mut asked = vec![("connection", id.as_str()), ("q", self.search.as_str())];
        asked.extend(self.account.as_deref().map(|it| ("account", it)));
        asked.extend(self.only.as_deref().map(|it| ("only", it)));
        let all: Vec<Value> = client.list("/api/v1/iam-users", &asked, MOST).await?;
        if self.server.json {
            return out::json(&all);
        }
        let keys = |it: &Value| {
            let keys = it.get("access_keys").and_then(Value::as_array);
            match keys {
                None => "not known".to_owned(),
                Some(keys) => {
                    let active = |key: &&Value| key.get("active") == Some(&Value::Bool(true));
                    let of = keys.iter().filter(active).count();
                    format!("{of} of {} active", keys.len())
                }
            }
        };
        let rows: Vec<_> = (all.iter())
            .map(|it| {
                [
                    out::field(it, "principal_id"),
                    out::field(it, "account"),
                    out::field(it, "name"),
                    out::field(it, "has_password"),
                    out::field(it, "has_mfa"),
                    keys(it),
                    short(&out::field(it, "signed_in_at")),
                ]
            })
            .collect();
        let head = [
            "principal",
            "account",
            "name",
            "password",
            "MFA",
            "access keys",
            "signed in (UTC)",
        ];
        out::table(head, &rows, "No IAM users are known.")
    }
}

/// Its IAM roles, with who may assume them.
#[derive(Debug, Args)]
pub(crate) struct IamRoles {
    #[command(flatten)]
    server: Server,
    /// The connection: id or name.
    connection: String,
    /// Words of the name, or of whom it lets in.
    #[arg(default_value = "")]
    search: String,
    /// Only in this account (twelve digits).
    #[arg(long)]
    account: Option<String>,
}

impl IamRoles {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let id = find::id(&client, find::CONNECTION, &self.connection).await?;
        let mut asked = vec![("connection", id.as_str()), ("q", self.search.as_str())];
        asked.extend(self.account.as_deref().map(|it| ("account", it)));
        let all: Vec<Value> = client.list("/api/v1/iam-roles", &asked, MOST).await?;
        if self.server.json {
            return out::json(&all);
        }
        let trusts = |it: &Value| {
            let named = it.get("trusts").and_then(Value::as_array);
            let named = named.into_iter().flatten().filter_map(Value::as_str);
            named.collect::<Vec<_>>().join(", ")
        };
        let rows: Vec<_> = (all.iter())
            .map(|it| {
                [
                    out::field(it, "account"),
                    out::field(it, "name"),
                    trusts(it),
                    out::field(it, "max_session_seconds"),
                    short(&out::field(it, "last_used_at")),
                ]
            })
            .collect();
        let head = [
            "account",
            "role",
            "who may assume it",
            "session (s)",
            "used (UTC)",
        ];
        out::table(head, &rows, "No IAM roles are known.")
    }
}

/// Whether and by which role the IAM of member accounts is entered, and what to set up there.
#[derive(Debug, Args)]
pub(crate) struct MemberAccounts {
    #[command(flatten)]
    server: Server,
    /// The connection: id or name.
    connection: String,
    /// Read them at every sync, and let people ask for their IAM groups.
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Do not. What was given is still removed on time.
    #[arg(long)]
    off: bool,
    /// The name of the role in every account, with its path if it has one.
    #[arg(long, value_name = "NAME", requires = "on")]
    role: Option<String>,
    /// What to set up as code, and nothing else: for a file.
    #[arg(long = "as", value_name = "FORM", value_parser = ["terraform", "cloudformation"], conflicts_with_all = ["on", "off"])]
    form: Option<String>,
}

impl MemberAccounts {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let id = find::id(&client, find::CONNECTION, &self.connection).await?;
        let place = format!("/api/v1/connections/{id}/member-accounts");
        if self.on || self.off {
            let mut body = json!({ "on": self.on });
            if let (Some(role), Some(fields)) = (&self.role, body.as_object_mut()) {
                fields.insert("role".to_owned(), json!(role));
            }
            let changed = client
                .change(Method::PUT, &place, Some(&body), None)
                .await?;
            if self.server.json {
                return out::json(&changed);
            }
            return match self.on {
                true => out::line(&format!(
                    "Switched on. What to set up: stint connections member-accounts '{}'",
                    self.connection
                )),
                false => out::line("Switched off."),
            };
        }
        let setup: Value = client.get(&format!("{place}/setup"), &[]).await?;
        match self.form {
            Some(form) => out::line(out::field(&setup, &form).trim_end()),
            None if self.server.json => out::json(&setup),
            None => {
                out::line(&format!(
                    "Give {} this statement:",
                    out::field(&setup, "trusted")
                ))?;
                out::json(&setup.get("entering"))?;
                out::line(
                    "\nIn every member account, a role with this trust policy (ACCOUNT_ID is the account's number):",
                )?;
                out::json(&setup.get("trust_policy"))?;
                out::line("\nand these permissions:")?;
                out::json(&setup.get("permission_policy"))?;
                out::remark(
                    "For all accounts at once: --as cloudformation (a StackSet) or --as terraform.",
                );
                Ok(())
            }
        }
    }
}
