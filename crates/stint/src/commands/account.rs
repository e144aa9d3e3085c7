//! Who one is to Stint: sign in, sign out, whoami, API tokens.
//!
//! `login` trades a password for an API token and keeps the token, never the password. The
//! sign-in it needed for that is ended again. A token can be revoked from any page or
//! machine, and runs out by itself.

use clap::Subcommand;
use secrecy::SecretString;
use serde_json::{Value, json};
use stint_api::identity::{IssuedToken, Me};

use crate::client::{Client, Server, secret};
use crate::credentials::{Credentials, Kept};
use crate::exit::{Exit, Failure};
use crate::out;

use super::find;
use super::short;

/// Sign in, and keep an API token for the other commands.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub server: Server,
    /// Your address at Stint [default: asked for].
    #[arg(long, conflicts_with_all = ["token_stdin", "persona"])]
    email: Option<String>,
    /// Keep a token made elsewhere, read from standard input, instead of asking for a password.
    #[arg(long, conflicts_with = "persona")]
    token_stdin: bool,
    /// In the demo: sign in as ana, bo, cy or dee.
    #[arg(long, value_name = "WHO")]
    persona: Option<String>,
    /// What to call the token [default: stint on HOST].
    #[arg(long, conflicts_with = "token_stdin")]
    name: Option<String>,
    /// Days until the token runs out, 1 to 366.
    #[arg(long, default_value_t = 30, conflicts_with = "token_stdin")]
    days: i64,
}

/// API tokens of yours.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Yours, newest first; or somebody's (administrators and auditors).
    List {
        #[command(flatten)]
        server: Server,
        /// Whose: id, address or name.
        #[arg(long)]
        user: Option<String>,
    },
    /// Issue one for a program. The password is asked for, or read from standard input; the
    /// token is printed once, alone on standard output.
    Issue {
        #[command(flatten)]
        server: Server,
        /// What to call it.
        name: String,
        /// Your address at Stint [default: whoever is signed in here].
        #[arg(long)]
        email: Option<String>,
        /// Days until it runs out, 1 to 366.
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
    /// Revoke one. It is dead at once.
    Revoke {
        #[command(flatten)]
        server: Server,
        /// The token: `tok_…`, or the name of one of yours.
        token: String,
    },
}

/// `stint login`.
pub(crate) async fn login(args: Login) -> Result<(), Failure> {
    let mut kept = Credentials::load()?;
    let base = args.server.base(&kept)?;
    let nobody = Client::nobody(base.clone())?;
    let (token, token_id): (SecretString, Option<String>) = if args.token_stdin {
        (secret("API token: ")?, None)
    } else {
        let signed_in = match &args.persona {
            Some(persona) => nobody.sign_in_as(persona).await?,
            None => {
                let email = match args.email {
                    Some(email) => email,
                    None => asked("E-mail: ")?,
                };
                nobody.sign_in(&email, &secret("Password: ")?).await?
            }
        };
        let name = args.name.unwrap_or_else(|| format!("stint on {}", host()));
        let issued = issue(&signed_in, &name, args.days).await?;
        (issued.secret.into(), Some(issued.token.id))
    };
    let client = Client::with_token(base.clone(), token.clone())?;
    let me: Me = client.get("/api/v1/me", &[]).await?;
    use secrecy::ExposeSecret as _;
    let before = kept.stint.insert(
        base.to_string(),
        Kept {
            token: token.expose_secret().to_owned().into(),
            token_id,
            email: me.user.email.clone(),
        },
    );
    kept.current = Some(base.to_string());
    let place = kept.save()?;
    // The one this machine had before is of no more use here.
    if let Some(id) = before.and_then(|before| before.token_id) {
        let path = format!("/api/v1/tokens/{id}/revoke");
        if let Err(error) = client.post_secret::<Value>(&path, &json!({})).await
            && error.exit != Exit::NotFound
        {
            out::remark(&format!("the token kept before is not revoked: {error}"));
        }
    }
    if args.server.json {
        return out::json(&me);
    }
    out::line(&format!(
        "Signed in to {base} as {} <{}>. The token is in {}.",
        me.user.name,
        me.user.email,
        place.display()
    ))?;
    if std::env::var_os("STINT_TOKEN").is_some() {
        out::remark("STINT_TOKEN is set, and goes before it.");
    }
    Ok(())
}

/// Issues a token with a sign-in, and ends the sign-in.
async fn issue(signed_in: &Client, name: &str, days: i64) -> Result<IssuedToken, Failure> {
    let body = json!({ "name": name, "days": days });
    let issued = signed_in.post_secret("/api/v1/tokens", &body).await;
    let ended = signed_in
        .post_secret::<Value>("/api/v1/sign-out", &json!({}))
        .await;
    if let Err(error) = ended {
        out::remark(&format!(
            "the sign-in is not ended, and runs out by itself: {error}"
        ));
    }
    issued
}

/// `stint logout`: revokes the token and forgets it.
pub(crate) async fn logout(server: &Server) -> Result<(), Failure> {
    let mut kept = Credentials::load()?;
    let base = server.base(&kept)?;
    let Some(had) = kept.stint.remove(base.as_str()) else {
        return out::line(&format!("You were not signed in to {base} here."));
    };
    if kept.current.as_deref() == Some(base.as_str()) {
        kept.current = None;
    }
    kept.save()?;
    let Some(id) = had.token_id else {
        return out::line(&format!(
            "Forgotten here. The token was made elsewhere and stays good: revoke it with `stint tokens revoke`, or on your page at {base}."
        ));
    };
    let client = Client::with_token(base.clone(), had.token.into())?;
    let path = format!("/api/v1/tokens/{id}/revoke");
    match client.post_secret::<Value>(&path, &json!({})).await {
        Ok(_) => out::line(&format!("Signed out of {base}; the token is revoked.")),
        // It was revoked or had run out: nothing is left to do.
        Err(error) if matches!(error.exit, Exit::Denied | Exit::NotFound) => out::line(&format!(
            "Signed out of {base}; the token was no longer good."
        )),
        Err(error) => Err(Failure::new(
            error.exit,
            format!(
                "the token is forgotten here, but not revoked ({error}); revoke {id} on your page"
            ),
        )),
    }
}

/// `stint whoami`.
pub(crate) async fn whoami(server: &Server) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let me: Value = client.get("/api/v1/me", &[]).await?;
    if server.json {
        return out::json(&me);
    }
    let roles = out::field(&me, "user.roles");
    let groups = out::field(&me, "groups");
    let nobody = |text: String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text
        }
    };
    out::facts(&[
        ("name", out::field(&me, "user.name")),
        ("email", out::field(&me, "user.email")),
        ("id", out::field(&me, "user.id")),
        ("roles", nobody(roles)),
        ("groups", nobody(groups)),
        ("by", out::field(&me, "via")),
        ("at", client.base().to_string()),
    ])
}

/// `stint tokens …`.
pub(crate) async fn tokens(what: Tokens) -> Result<(), Failure> {
    match what {
        Tokens::List { server, user } => {
            let client = Client::new(&server)?;
            let tokens = tokens_of(&client, user.as_deref()).await?;
            if server.json {
                return out::json(&tokens);
            }
            let rows: Vec<_> = (tokens.iter())
                .map(|token| {
                    let time = |name| short(&out::field(token, name));
                    [
                        out::field(token, "id"),
                        out::field(token, "name"),
                        out::field(token, "state"),
                        time("expires_at"),
                        time("last_used_at"),
                    ]
                })
                .collect();
            let head = [
                "token",
                "name",
                "state",
                "runs out (UTC)",
                "last used (UTC)",
            ];
            out::table(head, &rows, "No API tokens.")
        }
        Tokens::Issue {
            server,
            name,
            email,
            days,
        } => {
            let kept = Credentials::load()?;
            let base = server.base(&kept)?;
            let known = kept.stint.get(base.as_str()).map(|kept| kept.email.clone());
            let email = match email.or(known) {
                Some(email) => email,
                None => asked("E-mail: ")?,
            };
            let password = secret("Password: ")?;
            let signed_in = Client::nobody(base)?.sign_in(&email, &password).await?;
            let issued = issue(&signed_in, &name, days).await?;
            if server.json {
                return out::json(&issued);
            }
            out::remark(&format!(
                "{} runs out at {} (UTC). It is shown this once:",
                issued.token.id,
                short(&issued.token.expires_at)
            ));
            out::line(issued.secret.expose())
        }
        Tokens::Revoke { server, token } => {
            let client = Client::new(&server)?;
            let id = if find::is_id("tok", &token) {
                token
            } else {
                let mine = tokens_of(&client, None).await?;
                let usable = mine
                    .into_iter()
                    .filter(|t| out::field(t, "state") == "active");
                let see = "stint tokens list";
                let found = find::chosen(
                    "usable token of yours",
                    see,
                    &["name"],
                    &token,
                    usable.collect(),
                )?;
                out::field(&found, "id")
            };
            let path = format!("/api/v1/tokens/{id}/revoke");
            client.post_secret::<Value>(&path, &json!({})).await?;
            if server.json {
                return out::json(&json!({ "id": id, "state": "revoked" }));
            }
            out::line(&format!("{id} is revoked."))
        }
    }
}

async fn tokens_of(client: &Client, user: Option<&str>) -> Result<Vec<Value>, Failure> {
    let id = match user {
        Some(user) => find::id(client, find::USER, user).await?,
        None => {
            let me: Me = client.get("/api/v1/me", &[]).await?;
            me.user.id
        }
    };
    client
        .list(&format!("/api/v1/users/{id}/tokens"), &[], 1_000)
        .await
}

/// A line from the terminal, or of standard input.
fn asked(prompt: &str) -> Result<String, Failure> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let mut err = std::io::stderr();
        write!(err, "{prompt}").and_then(|()| err.flush())?;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    match line.trim() {
        "" => Err(Failure::usage("no address was given: use --email")),
        line => Ok(line.to_owned()),
    }
}

/// This machine's name, to know the token again.
fn host() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        "this machine".to_owned()
    } else {
        name
    }
}
