//! The audit log: who did what, when, to what, in a chain of hashes.
//!
//! **Tables**: `audit_events`, `audit_subjects`, `audit_head`. **Events**: none of its own.
//!
//! Rooms buffer events in their transaction ([`stint_db::Tx::audit`]); [`Chain`], given to
//! the database when it is opened, hashes them with SHA-256 and writes them as the last
//! thing before the commit, while it holds the chain's head. Every change of state and its
//! event are so committed together or not at all.
//!
//! [`verify`] follows the whole chain and compares it with the head. An event edited,
//! removed, swapped or inserted is found and named. What it does not find: the loss of the
//! last events when the head was set back to match, or a chain rewritten from some event on
//! with all its hashes. That takes checkpoints kept elsewhere.

mod chain;
mod error;
mod http;
pub(crate) mod pages;
mod store;
mod verify;

use stint_api::Page;
use stint_api::audit::AuditEvent;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{Time, UserId};

use crate::cx::Cx;
use crate::http::Paging;

pub use chain::{Chain, sha256};
pub use error::Error;
pub(crate) use http::routes;
pub(crate) use pages::routes as page_routes;
pub(crate) use store::STATEMENTS;
pub use verify::{Report, VerifyError, verify};

/// Which events to list. Each narrows; all empty lists everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The action, whole (`request.submitted`) or up to a dot (`request.`).
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<UserId>,
    /// The id of a thing it is about, as written on the wire.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<Time>,
    /// Before.
    pub until: Option<Time>,
}

/// Lists events, newest first.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<AuditEvent>, Error> {
    cx.authorize(Verb::ListAudit, Relation::None)?;
    let before = paging.after::<i64>()?;
    let mut reader = cx.read().await?;
    let rows = store::list(&mut reader, filter, before, paging.fetch()).await?;
    Ok(paging.page(rows, |event| event.seq))
}

/// Verifies the chain on behalf of somebody: [`verify`] with rights.
pub async fn verify_as(cx: &Cx) -> Result<Report, Error> {
    cx.authorize(Verb::VerifyAudit, Relation::None)?;
    match verify(&cx.app.db).await {
        Ok(report) => Ok(report),
        Err(VerifyError::Broken(broken)) => Err(Error::Broken(broken)),
        Err(VerifyError::Db(error)) => Err(Error::Db(error)),
    }
}
