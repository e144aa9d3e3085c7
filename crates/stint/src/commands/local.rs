//! Commands that work on the database from this machine: the first administrator, and
//! checking the audit log.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;
use stint_server::audit::VerifyError;
use stint_server::cx::{Cx, IdSource};
use stint_server::http::Fault as _;
use stint_server::identity;
use stint_server::sealed::KeyFile;

use crate::clock::Wall;
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::{out, runtime};

/// `stint users create-admin`: once, before anybody can sign in.
pub(crate) async fn create_admin(
    settings: &Settings,
    email: String,
    name: Option<String>,
) -> Result<(), Failure> {
    let password = password()?;
    let app = runtime::app(settings, "stint users create-admin").await?;
    let cx = Cx::system(&app, "users.create-admin");
    let user = identity::create_admin(
        &cx,
        identity::NewAdmin {
            name,
            email,
            password,
        },
    )
    .await
    .map_err(|e| Failure::new(Exit::Failed, format!("{e}: {}", e.detail())))?;
    out::line(&format!(
        "{} <{}> is Super Admin ({}). Sign in at {}",
        user.name, user.email, user.id, settings.public_url
    ))
}

/// From the terminal without showing it, or the first line of standard input.
fn password() -> Result<SecretString, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let mut line = String::new();
        stdin.lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned().into());
    }
    let first: SecretString = rpassword::prompt_password("Password: ")?.into();
    let again: SecretString = rpassword::prompt_password("Again: ")?.into();
    use secrecy::ExposeSecret as _;
    if first.expose_secret() == again.expose_secret() {
        Ok(first)
    } else {
        Err(Failure::usage("the two passwords differ; nothing was done"))
    }
}

/// `stint master-key create`: a file for `STINT_MASTER_KEY_FILE`.
pub(crate) fn create_key(file: &Path) -> Result<(), Failure> {
    let id = KeyFile::create(file, &random_key())?;
    out::line(&format!(
        "{} holds the master key {id}. Set STINT_MASTER_KEY_FILE to this file for every Stint process, let the account they run under own it, and keep a copy apart from the database's backups: without it what is sealed is lost.",
        file.display()
    ))
}

/// `stint master-key add`: another key, which seals from now on.
pub(crate) fn add_key(file: &Path) -> Result<(), Failure> {
    let id = KeyFile::add(file, &random_key())?;
    out::line(&format!(
        "{id} is in front of {} now. Give every Stint process the file, start them anew, then replace each secret: what was sealed before opens with the older keys, which stay in the file until then.",
        file.display()
    ))
}

fn random_key() -> [u8; 32] {
    IdSource::new(Arc::new(Wall)).bytes()
}

/// `stint audit verify`: exit code 1 and the event's number when the chain is broken.
pub(crate) async fn verify(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let db = runtime::open(settings, "stint audit verify", true).await?;
    match stint_server::audit::verify(&db).await {
        Ok(report) => {
            let hash = hex(&report.head.hash);
            if as_json {
                return out::json(
                    &json!({ "verified": true, "events": report.events, "head": hash }),
                );
            }
            out::line(&format!(
                "The audit log is whole: {} events, head {hash}.",
                report.events
            ))?;
            out::line("A cut-off end shows only against a head noted down elsewhere before.")
        }
        Err(VerifyError::Broken(broken)) => {
            if as_json {
                out::json(
                    &json!({ "verified": false, "seq": broken.seq, "why": broken.to_string() }),
                )?;
            }
            Err(Failure::new(Exit::Failed, broken.to_string()))
        }
        Err(error) => Err(Failure::from(anyhow::Error::from(error))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
