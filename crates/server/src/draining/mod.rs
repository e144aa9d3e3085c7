//! Taking a connection out of service: draining it, and removing it once nothing is left.
//!
//! **Tables**: none; the connection's own row is `connections`'. **Audit events**:
//! `connection.draining`, `connection.resumed`, `connection.removed`. **Outbox**: the same.
//!
//! What it promises: while a connection is drained it gives nothing new. New requests are
//! refused with who to ask; a request that was asked before can be denied or cancelled but not
//! approved. What it gave runs out or is revoked as ever, and syncs and removals go on. Of an
//! approval and the begin of draining, whoever commits first wins: both hold the connection's
//! row (`connections::hold_open`), so that the grant either stands among what remains or was
//! refused. A connection is removed only when no grant of it is open, every removal is proved,
//! nothing is watched, no request waits and no IAM user or key is being changed; then its secret is erased, what it led to leaves
//! every list, and its row, its grants and its events stay on record.
//!
//! What it does not do: revoke anything, or change anything in AWS.

mod http;
pub(crate) mod pages;

use serde_json::json;
use stint_db::{Priority, Query};
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};

use crate::connections::{self, Connection, Draining};
use crate::cx::{Cx, Denied};
use crate::grants::{self, Unsettled};
use crate::http::{Fault, Kind};
use crate::{directory, objects, outbox, requests};

pub(crate) use http::routes;
pub(crate) use pages::routes as page_routes;

/// How long a reason may be.
const LONGEST_REASON: usize = 1_000;

/// What keeps a connection in service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// The connection as it stands.
    pub connection: Connection,
    /// What its grants still hold together.
    pub unsettled: Unsettled,
    /// Requests nobody has answered.
    pub requests: i64,
    /// IAM users and key rotations on which something is still to be done.
    pub objects: i64,
}

impl Remaining {
    /// Whether nothing is left.
    pub fn is_nothing(&self) -> bool {
        self.unsettled.grants == 0
            && self.unsettled.bindings == 0
            && self.requests == 0
            && self.objects == 0
    }

    /// What is left, in a few words.
    pub fn words(&self) -> String {
        let some = |n: i64, one: &str, many: &str| match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {many}")),
        };
        let parts: Vec<String> = [
            some(
                self.unsettled.grants,
                "grant that has not ended",
                "grants that have not ended",
            ),
            some(
                self.unsettled.bindings,
                "pair whose removal is not proved yet",
                "pairs whose removal is not proved yet",
            ),
            some(
                self.requests,
                "request nobody has answered",
                "requests nobody has answered",
            ),
            some(
                self.objects,
                "IAM user or access key that is being changed",
                "IAM users or access keys that are being changed",
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        let words = parts.join(", ");
        match self.unsettled.until {
            Some(until) => format!("{words} (watched until {until})"),
            None => words,
        }
    }
}

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not allowed, or invisible.
    #[error("not allowed")]
    Denied(#[from] Denied),
    /// There is no such connection.
    #[error("there is no such connection")]
    NotFound,
    /// The reason is endless.
    #[error("the reason is too long")]
    Reason,
    /// The connection was removed.
    #[error("the connection was removed")]
    Removed,
    /// Something holds it.
    #[error("the connection is in use")]
    InUse(Box<Remaining>),
    /// The database.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(e) => e.kind(),
            Self::NotFound => Kind::Invisible,
            Self::Reason => Kind::Invalid,
            Self::Removed | Self::InUse(_) => Kind::Conflict,
            Self::Db(e) => e.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(e) => e.code(),
            Self::NotFound => "not_found",
            Self::Reason => "reason_too_long",
            Self::Removed => "connection_removed",
            Self::InUse(_) => "connection_in_use",
            Self::Db(e) => e.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(e) => e.detail(),
            Self::NotFound => "There is no such connection, or you may not see it.".to_owned(),
            Self::Reason => format!("Use at most {LONGEST_REASON} characters for the reason."),
            Self::Removed => {
                "This connection was removed; what it led to is on record only.".to_owned()
            }
            Self::InUse(left) => {
                let first = if left.connection.draining.is_some() {
                    "Wait until they run out, revoke them, and answer the requests; then remove it."
                } else {
                    "Drain it first: it then gives nothing new. Wait until they run out, revoke them, and answer the requests; then remove it."
                };
                format!("The connection is still in use: {}. {first}", left.words())
            }
            Self::Db(e) => e.detail(),
        }
    }
}

/// What keeps a connection in service now.
pub async fn remaining(cx: &Cx, id: ConnectionId) -> Result<Remaining, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let mut q = cx.read().await?;
    let connection = connections::connection(&mut q, id).await?;
    left(cx, &mut q, connection.ok_or(Error::NotFound)?).await
}

/// Begins to drain a connection. Draining one that is drained already gives it this reason.
pub async fn drain(cx: &Cx, id: ConnectionId, reason: &str) -> Result<Remaining, Error> {
    cx.authorize(Verb::DrainConnection, Relation::Others)?;
    let reason = reason.trim();
    if reason.chars().count() > LONGEST_REASON {
        return Err(Error::Reason);
    }
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = taken(&mut tx, id).await?;
    let draining = Draining {
        since: before.draining.map_or(cx.now, |draining| draining.since),
        reason: reason.to_owned(),
    };
    connections::set_draining(&mut tx, id, Some(&draining)).await?;
    let connection = connections::connection(&mut tx, id).await?;
    let left = left(cx, &mut tx, connection.ok_or(Error::NotFound)?).await?;
    let facts = json!({
        "reason": reason, "since": draining.since, "grants": left.unsettled.grants,
        "bindings": left.unsettled.bindings, "requests": left.requests, "objects": left.objects,
    });
    tx.audit(cx.event("connection.draining", [id.into()], facts));
    outbox::emit(
        &mut tx,
        cx,
        "connection.draining",
        json!({ "connection": id }),
    )
    .await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(left)
}

/// Puts a drained connection back into service. Does nothing to one that is in it.
pub async fn resume(cx: &Cx, id: ConnectionId) -> Result<Remaining, Error> {
    cx.authorize(Verb::DrainConnection, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = taken(&mut tx, id).await?;
    if before.draining.is_none() {
        return left(cx, &mut tx, before).await;
    }
    connections::set_draining(&mut tx, id, None).await?;
    let connection = connections::connection(&mut tx, id).await?;
    let left = left(cx, &mut tx, connection.ok_or(Error::NotFound)?).await?;
    tx.audit(cx.event("connection.resumed", [id.into()], json!({})));
    outbox::emit(
        &mut tx,
        cx,
        "connection.resumed",
        json!({ "connection": id }),
    )
    .await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(left)
}

/// Removes a connection that nothing holds: its secret is erased, its name, its way in and its
/// estate are free for another, and what it led to is on record only. Nothing is changed in
/// AWS: access that stands there stands on.
pub async fn remove(cx: &Cx, id: ConnectionId) -> Result<(), Error> {
    cx.authorize(Verb::RemoveConnection, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let connection = taken(&mut tx, id).await?;
    let left = left(cx, &mut tx, connection).await?;
    if !left.is_nothing() {
        return Err(Error::InUse(Box::new(left)));
    }
    connections::mark_removed(&mut tx, id, cx.now).await?;
    directory::retire(&mut tx, id, cx.now).await?;
    let facts = json!({
        "name": left.connection.name,
        "credential": left.connection.credential.as_str(),
        "account": left.connection.credential.account(),
        "instance_arn": left.connection.instance_arn,
        "secret_erased": left.connection.credential.key().is_some(),
    });
    let subjects = [id.into(), left.connection.application.into()];
    tx.audit(cx.event("connection.removed", subjects, facts));
    outbox::emit(
        &mut tx,
        cx,
        "connection.removed",
        json!({ "connection": id }),
    )
    .await?;
    tx.commit().await?;
    cx.app.aws.forget(id);
    cx.app.nudge(outbox::DELIVER);
    Ok(())
}

/// The connection with its row held, unless it was removed.
async fn taken(tx: &mut stint_db::Tx, id: ConnectionId) -> Result<Connection, Error> {
    let found = connections::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if found.removed_at.is_some() {
        return Err(Error::Removed);
    }
    Ok(found)
}

async fn left(cx: &Cx, q: &mut impl Query, connection: Connection) -> Result<Remaining, Error> {
    Ok(Remaining {
        unsettled: grants::unsettled_on(q, connection.id, cx.now).await?,
        requests: requests::pending_on(q, connection.id).await?,
        objects: objects::open_on(q, connection.id).await?,
        connection,
    })
}
