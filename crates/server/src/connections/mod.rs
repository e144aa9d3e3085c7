//! What Stint is connected to: applications, and their connections to AWS estates.
//!
//! **Tables**: `applications`, `application_owners`, `connections`, `connection_owners`,
//! `connection_feeds`.
//! **Audit events**: `application.created`, `application.changed`, `connection.created`,
//! `connection.changed`, `connection.feeds_changed`, `connection.tested`, `connection.key_switched`.
//! **Outbox**: `connection.tested`, `connection.owners_changed`.
//!
//! What it promises: the External ID of a connection is made here, once, and nobody chooses
//! it. The secret of an access key is sealed for its connection, never shown again, and only
//! replaced; whenever a credential changes, what was tested before counts no more. One way in
//! (role, access key, the host) and one Identity Center instance belong to one connection, and
//! a connection never changes the instance it manages: two connections would work against each other on
//! the same pairs, and a changed one would take other people's access for its own. Testing
//! changes nothing in AWS, and no call to AWS is made inside a transaction.
//!
//! What it does not do: read or change what an estate holds (`directory`, `grants`), or delete
//! anything.

mod applications;
mod check;
mod credential;
mod error;
mod feeds;
mod http;
mod infrastructure;
mod manage;
mod members;
mod own_key;
pub(crate) mod pages;
mod people;
mod scope;
mod store;
mod testing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stint_db::{Query, Tx};
use stint_domain::{ApplicationId, ConnectionId, Time, UserId};

use crate::identity::{self, Answerable};

pub use applications::{
    ApplicationChange, ApplicationFilter, NewApplication, SORTS, create_application,
    get_application, list_applications, update_application,
};
pub use credential::{Credential, KeyOnFile, NewCredential, estate, keys_in_use};
pub use error::Error;
pub use feeds::{
    EventsSetup, Feeds, FeedsChange, NO_ENDPOINT, ScimOnFile, TOKEN_REFUSED, all_feeds,
    events_cloudformation, events_setup, events_terraform, feeds, get_feeds, heard, scim_read,
    scim_token, set_feeds,
};
pub use infrastructure::{Carrier, cloudformation, terraform};
pub use manage::{ConnectionChange, Filter, NewConnection, create, get, list, owners, update};
pub use members::{MemberAccess, MemberSetup, USUAL_ROLE, member_setup, set_members};
pub use own_key::{access_key, iam_user_allowed, retest, seal_key, switch_key};
pub use people::{People, people, told_of_trouble};
pub use scope::{Scope, ScopeChange};
pub use testing::{Setup, setup, test};

pub(crate) use http::routes;
pub(crate) use pages::{chip, routes as page_routes};
pub(crate) use store::{STATEMENTS, feeds::STATEMENTS as FEED_STATEMENTS};

/// Somebody answerable for an application or a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
}

/// An application: what requesters see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// Unique whatever the capitals.
    pub name: String,
    /// For people.
    pub description: String,
    /// Who is answerable. Empty where a room reads it for itself.
    pub owners: Vec<Owner>,
    /// When it was created.
    pub created_at: Time,
    /// Grows with every change.
    pub version: i64,
}

/// How a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has never been synced.
    NotConnected,
    /// A sync is under way.
    Syncing,
    /// The last sync was complete.
    Connected,
    /// The last sync or test failed; see the detail.
    Failing,
}

impl Status {
    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Syncing => "syncing",
            Self::Connected => "connected",
            Self::Failing => "failing",
        }
    }

    /// The words people see.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotConnected => "not connected",
            Self::Syncing => "syncing",
            Self::Connected => "connected",
            Self::Failing => "failing",
        }
    }
}

/// The states a list of connections can be narrowed to, as the list shows them: one that is taken
/// out of service is `draining`, however its last test or sync came out.
pub const STATES: &[&str] = &["not_connected", "syncing", "connected", "failing", DRAINING];
/// The state of a connection that is taken out of service.
const DRAINING: &str = "draining";

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [
            Self::NotConnected,
            Self::Syncing,
            Self::Connected,
            Self::Failing,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("`{text}` is no status of a connection"))
    }
}

/// A connection: one AWS estate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// The application it belongs to.
    pub application: ApplicationId,
    /// Unique whatever the capitals.
    pub name: String,
    /// As whom Stint enters it.
    pub credential: Credential,
    /// What a role's trust policy has to ask for. No secret (AWS reference §4 [K]).
    pub external_id: String,
    /// The home region of IAM Identity Center.
    pub region: String,
    /// Whether IAM users and groups of the role's own account are read and changed, too.
    pub iam: bool,
    /// What else of the estate is its business, and the limits.
    pub scope: Scope,
    /// How the IAM of the organization's other accounts is entered, once somebody said so.
    pub members: Option<MemberAccess>,
    /// How it is doing.
    pub status: Status,
    /// Why it fails, if it does.
    pub status_detail: Option<String>,
    /// The Identity Center instance it manages, once a test has found it.
    pub instance_arn: Option<String>,
    /// The instance's identity store.
    pub identity_store_id: Option<String>,
    /// The organization's management account.
    pub management_account: Option<String>,
    /// What the last test said.
    pub last_test: Option<TestReport>,
    /// The end of the last complete sync.
    pub last_sync_at: Option<Time>,
    /// Since when it takes no new requests, and why, while it is drained.
    pub draining: Option<Draining>,
    /// When it was removed. What it led to stays on record.
    pub removed_at: Option<Time>,
    /// Who is answerable. Empty where a room reads it for itself.
    pub owners: Vec<Owner>,
    /// When it was created.
    pub created_at: Time,
    /// Grows with every change by a person.
    pub version: i64,
}

impl Connection {
    /// Whether people may ask for IAM groups of this account through it.
    pub fn gives_iam(&self, account: &str) -> bool {
        let members = self.members.as_ref().is_some_and(|members| members.on);
        self.iam && (members || account == self.credential.account())
    }
}

/// That a connection is drained: what it gave runs out, and nothing new is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draining {
    /// Since when.
    pub since: Time,
    /// Why; may be empty.
    pub reason: String,
}

/// Why a connection gives nothing new, for whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Its name.
    pub connection: String,
    /// Who is answerable for it, by name.
    pub owners: Vec<String>,
    /// Why it is drained; absent once it was removed.
    pub draining: Option<Draining>,
}

impl Closed {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        if self.draining.is_some() {
            "connection_draining"
        } else {
            "connection_removed"
        }
    }

    /// What happened, and who to ask.
    pub fn detail(&self) -> String {
        let ask = if self.owners.is_empty() {
            "Ask a Connection Admin.".to_owned()
        } else {
            format!("Ask {}.", self.owners.join(" or "))
        };
        match &self.draining {
            Some(draining) if draining.reason.is_empty() => format!(
                "The connection “{}” is being taken out of service and gives no new access. {ask}",
                self.connection
            ),
            Some(draining) => format!(
                "The connection “{}” is being taken out of service and gives no new access: {} {ask}",
                self.connection,
                sentence(&draining.reason)
            ),
            None => format!("The connection “{}” was removed. {ask}", self.connection),
        }
    }
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// What a test of a connection found, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Whether nothing failed.
    pub passed: bool,
    /// When it ended.
    pub at: Time,
    /// In the order they were made.
    pub checks: Vec<Check>,
    /// Every action that is needed for what is switched on.
    #[serde(default)]
    pub actions: Vec<Action>,
}

/// Whether one action may be called that is needed for what is switched on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// `sso:ListPermissionSets`
    pub action: String,
    /// The statement of the permission policy that allows it.
    pub statement: String,
    /// What it is for.
    pub purpose: String,
    /// How much it matters: `needed`, `changes`, `faster` or `testing`.
    pub weight: String,
    /// `works`, `missing`, or `unknown` where it cannot be told.
    pub able: String,
    /// Why it is missing or cannot be told, where there is more to say.
    pub note: Option<String>,
}

/// One check of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at, in a stable word.
    pub name: String,
    /// What it came to.
    pub outcome: Outcome,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub mend: Option<String>,
    /// AWS's ids of the calls made.
    pub request_ids: Vec<String>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
}

impl Outcome {
    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What a sync has to say about its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncNote {
    /// It began.
    Began,
    /// It read everything.
    Complete {
        /// When it ended.
        at: Time,
    },
    /// It failed or read only a part.
    Failed {
        /// What happened and what to do.
        why: String,
    },
}

// ---- what other rooms use, inside their own transaction

/// One connection, without its owners.
pub async fn connection(
    q: &mut impl Query,
    id: ConnectionId,
) -> stint_db::Result<Option<Connection>> {
    store::connection(q, id).await
}

/// Those of these connections that are known, removed ones too, without their owners: one
/// look-up for all that a page shows.
pub async fn connections_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = ConnectionId>,
) -> stint_db::Result<BTreeMap<ConnectionId, Connection>> {
    store::connections_by_id(q, ids).await
}

/// All connections that were not removed by name, without their owners: for background tasks.
pub async fn connections(q: &mut impl Query) -> stint_db::Result<Vec<Connection>> {
    store::all_connections(q).await
}

/// What a connection and its application are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The connection.
    pub connection: String,
    /// Its application.
    pub application: ApplicationId,
    /// What that is called.
    pub application_name: String,
    /// Whether its accounts are those of an organization.
    pub organized: bool,
    /// Whether the tags of its accounts are read.
    pub account_tags: bool,
}

/// What every connection that is not removed, and its application, are called.
pub async fn names(q: &mut impl Query) -> stint_db::Result<BTreeMap<ConnectionId, Names>> {
    store::names(q).await
}

/// One application, without its owners.
pub async fn application(
    q: &mut impl Query,
    id: ApplicationId,
) -> stint_db::Result<Option<Application>> {
    store::application(q, id).await
}

/// The owners of a connection and those of its application, since when and by whom.
pub async fn answerable(
    q: &mut impl Query,
    connection: &Connection,
) -> stint_db::Result<(Vec<Answerable>, Vec<Answerable>)> {
    let own = store::answerable_for(q, connection.id).await?;
    let application = store::answerable_for_application(q, connection.application).await?;
    Ok((own, application))
}

/// The connections somebody owns, and those of the applications they own.
pub async fn owned_by(
    q: &mut impl Query,
    user: UserId,
) -> stint_db::Result<(Vec<ConnectionId>, Vec<ConnectionId>)> {
    store::owned_by(q, user).await
}

/// Whether the user is an owner of the connection or of its application.
pub async fn is_owner(
    q: &mut impl Query,
    id: ConnectionId,
    user: UserId,
) -> stint_db::Result<bool> {
    let Some(connection) = store::connection(q, id).await? else {
        return Ok(false);
    };
    Ok(store::connection_owners(q, id).await?.contains(&user)
        || store::application_owners(q, connection.application)
            .await?
            .contains(&user))
}

/// The owners of a connection and of its application; none of one that is not known.
pub async fn all_owners(
    q: &mut impl Query,
    id: ConnectionId,
) -> stint_db::Result<BTreeSet<UserId>> {
    let Some(connection) = store::connection(q, id).await? else {
        return Ok(BTreeSet::new());
    };
    let mut owners = store::connection_owners(q, id).await?;
    owners.extend(store::application_owners(q, connection.application).await?);
    Ok(owners.into_iter().collect())
}

/// Why this connection gives nothing new, if it does not. To look only: see [`hold_open`].
pub async fn closed(
    q: &mut impl Query,
    connection: &Connection,
) -> stint_db::Result<Option<Closed>> {
    if connection.draining.is_none() && connection.removed_at.is_none() {
        return Ok(None);
    }
    let owners = store::connection_owners(q, connection.id).await?;
    let owners = identity::users(q, &owners).await?;
    Ok(Some(Closed {
        connection: connection.name.clone(),
        owners: owners.into_iter().map(|user| user.name).collect(),
        draining: connection
            .draining
            .clone()
            .filter(|_| connection.removed_at.is_none()),
    }))
}

/// The same, with the connection's row held until the commit: nobody begins to drain or
/// removes it in between. Take it after every other row.
pub async fn hold_open(tx: &mut Tx, id: ConnectionId) -> stint_db::Result<Option<Closed>> {
    match store::lock_connection(tx, id).await? {
        Some(connection) => closed(tx, &connection).await,
        None => Ok(None),
    }
}

/// One connection with its row held: for whoever takes it out of service.
pub async fn lock(tx: &mut Tx, id: ConnectionId) -> stint_db::Result<Option<Connection>> {
    store::lock_connection(tx, id).await
}

/// Begins or ends draining. The caller's transaction holds the row and the event.
pub async fn set_draining(
    tx: &mut Tx,
    id: ConnectionId,
    draining: Option<&Draining>,
) -> stint_db::Result<()> {
    store::set_draining(tx, id, draining).await
}

/// Marks it removed and erases its secret: what is on record stays readable. The caller's
/// transaction holds the row and the event, and has seen that nothing is left.
pub async fn mark_removed(tx: &mut Tx, id: ConnectionId, at: Time) -> stint_db::Result<()> {
    store::feeds::drop_feeds(tx, id).await?;
    store::mark_removed(tx, id, at).await
}

/// Sets a connection's status from its sync. The caller's transaction holds the event.
pub async fn note_sync(tx: &mut Tx, id: ConnectionId, note: SyncNote) -> stint_db::Result<()> {
    match note {
        SyncNote::Began => store::set_status(tx, id, Status::Syncing, None).await,
        SyncNote::Complete { at } => store::synced(tx, id, at).await,
        SyncNote::Failed { why } => store::set_status(tx, id, Status::Failing, Some(why)).await,
    }
}
