//! Verbs about connections: create, change, see.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stint_db::{Priority, Query};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ApplicationId, ConnectionId, UserId};

use super::applications::{SORTS, named, or_caller, owners_of};
use super::{
    Connection, Error, NewCredential, Owner, STATES, Scope, ScopeChange, Status, check, people,
    store, testing,
};
use crate::cx::{Actor, Cx};
use crate::http::{Page, Paging, chosen, sorted};
use crate::{identity, outbox};

/// A connection to be.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// The application it belongs to.
    pub application: ApplicationId,
    /// Unique whatever the capitals.
    pub name: String,
    /// As whom Stint is to enter it.
    pub credential: NewCredential,
    /// The home region of IAM Identity Center.
    pub region: String,
    /// Whether IAM users and groups of the role's own account are its business, too.
    pub iam: bool,
    /// Who is answerable; the caller when empty. Each has to be able to mend it.
    pub owners: Vec<UserId>,
}

/// What to change of a connection; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ConnectionChange {
    /// A new name.
    pub name: Option<String>,
    /// Another credential into the same estate.
    pub credential: Option<NewCredential>,
    /// Whether IAM users and groups of the credential's own account are its business, too.
    pub iam: Option<bool>,
    /// What else of the estate is its business, and the limits.
    pub scope: Option<ScopeChange>,
    /// All owners it is to have.
    pub owners: Option<Vec<UserId>>,
}

/// Creates a connection with a new External ID. Makes no call to AWS: what to paste there
/// comes from [`setup`](super::setup), and whether it works from [`test`](super::test()).
pub async fn create(cx: &Cx, new: NewConnection) -> Result<Connection, Error> {
    cx.authorize(Verb::CreateConnection, Relation::None)?;
    let name = check::name(&new.name)?;
    let id: ConnectionId = cx.app.new_id();
    let credential = new.credential.keep(&cx.app.keys, id, cx.now)?;
    let region = check::region(&new.region)?;
    let owners = or_caller(cx, new.owners);
    let mut tx = cx.begin(Priority::Interactive).await?;
    let application = store::application(&mut tx, new.application).await?;
    let application = application.ok_or(Error::UnknownApplication)?;
    let connection = Connection {
        id,
        application: application.id,
        name,
        credential,
        external_id: format!("stint-{}", identity::base32(cx.app.ids.bytes())),
        region,
        iam: new.iam,
        scope: Scope::default(),
        members: None,
        status: Status::NotConnected,
        status_detail: None,
        instance_arn: None,
        identity_store_id: None,
        management_account: None,
        last_test: None,
        last_sync_at: None,
        draining: None,
        removed_at: None,
        owners: check::connection_owners(&mut tx, &owners).await?,
        created_at: cx.now,
        version: 1,
    };
    // The demo and the command line may connect before anybody is there to own it.
    if owners.is_empty() && !matches!(cx.actor, Actor::System(_)) {
        return Err(Error::NoOwner);
    }
    store::insert_connection(&mut tx, &connection)
        .await
        .map_err(Error::taken)?;
    store::set_connection_owners(&mut tx, id, &owners, cx.now, cx.actor.user()).await?;
    let facts = json!({
        "name": connection.name,
        "credential": connection.credential.facts(),
        "external_id": connection.external_id,
        "region": connection.region,
        "iam": connection.iam,
        "owners": owners,
    });
    let subjects = [id.into(), connection.application.into()];
    tx.audit(cx.event("connection.created", subjects, facts));
    tx.commit().await?;
    Ok(connection)
}

/// One connection with its owners.
pub async fn get(cx: &Cx, id: ConnectionId) -> Result<Connection, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let mut reader = cx.read().await?;
    let found = store::connection(&mut reader, id)
        .await?
        .ok_or(Error::NotFound)?;
    with_owners(&mut reader, found).await
}

/// The owners of several connections, by address; of one without owners an empty list.
pub async fn owners(
    cx: &Cx,
    ids: BTreeSet<ConnectionId>,
) -> Result<BTreeMap<ConnectionId, Vec<Owner>>, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let mut reader = cx.read().await?;
    let owned = store::owners_of_connections(&mut reader, ids.iter().copied()).await?;
    let mut owners = owners_of(&mut reader, owned).await?;
    for id in ids {
        owners.entry(id).or_default();
    }
    Ok(owners)
}

/// Which connections to list, and how. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words in the name, in their order.
    pub q: String,
    /// Of this application.
    pub application: Option<ApplicationId>,
    /// In this state, one of [`STATES`].
    pub status: Option<String>,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// Connections with their owners, a page at a time.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Connection>, Error> {
    cx.authorize(Verb::ListConnections, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let status = chosen("status", filter.status.as_deref(), STATES)?;
    let after = paging.after_key::<ConnectionId>(sort)?;
    let mut reader = cx.read().await?;
    let rows =
        store::connections(&mut reader, filter, status, (sort, after), paging.fetch()).await?;
    let mut page = paging.page_key(sort, rows, |row| row.id, |row| store::fold(&row.name));
    let ids = page.items.iter().map(|it| it.id);
    let owned = store::owners_of_connections(&mut reader, ids).await?;
    let mut owners = owners_of(&mut reader, owned).await?;
    for item in &mut page.items {
        item.owners = owners.remove(&item.id).unwrap_or_default();
    }
    Ok(page)
}

/// Changes name, credential, owners, whether IAM is this connection's business, and what else is. Switching IAM
/// off ends no grant: what was given is still removed on time, as long as AWS lets Stint. What a new credential is worth is tested at once, after
/// it is kept: the connection comes back with the report. One that leads to another Identity
/// Center instance is found out by that test, and never used for this connection's grants: AWS
/// refuses calls that name an instance of somebody else.
pub async fn update(
    cx: &Cx,
    id: ConnectionId,
    change: ConnectionChange,
    expected: Option<i64>,
) -> Result<Connection, Error> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let name = change.name.as_deref().map(check::name).transpose()?;
    let credential = change
        .credential
        .as_ref()
        .map(|new| new.keep(&cx.app.keys, id, cx.now))
        .transpose()?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = store::lock_connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    if before.removed_at.is_some() {
        return Err(Error::Removed);
    }
    if expected.is_some_and(|version| version != before.version) {
        return Err(Error::Stale {
            version: before.version,
        });
    }
    let name = name.unwrap_or_else(|| before.name.clone());
    let iam = change.iam.unwrap_or(before.iam);
    let scope = match &change.scope {
        Some(change) => change.applied(&before)?,
        None => before.scope.clone(),
    };
    store::update_connection(&mut tx, id, &name, iam, &scope)
        .await
        .map_err(Error::taken)?;
    // A key given again is a key given anew: its secret may be another.
    let credential = credential.filter(|new| new.key().is_some() || *new != before.credential);
    if let Some(credential) = &credential {
        store::set_credential(&mut tx, id, credential)
            .await
            .map_err(Error::taken)?;
    }
    if let Some(owners) = &change.owners {
        if owners.is_empty() {
            return Err(Error::NoOwner);
        }
        check::connection_owners(&mut tx, owners).await?;
        store::set_connection_owners(&mut tx, id, owners, cx.now, cx.actor.user()).await?;
        identity::changes_others(cx, &mut tx).await?;
        people::changed(cx, &mut tx, id).await?;
    }
    let after = store::connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    let after = with_owners(&mut tx, after).await?;
    let facts = json!({
        "before": { "name": before.name, "credential": before.credential.facts(), "iam": before.iam, "scope": before.scope },
        "after": { "name": name, "credential": after.credential.facts(), "iam": iam, "scope": scope },
        "credential_replaced": credential.is_some(),
        "owners": change.owners,
    });
    tx.audit(cx.event("connection.changed", [id.into()], facts));
    tx.commit().await?;
    if change.owners.is_some() {
        cx.app.nudge(outbox::DELIVER);
    }
    if credential.is_some() {
        return testing::run(cx, id).await;
    }
    Ok(after)
}

pub(super) async fn with_owners(
    q: &mut impl Query,
    mut of: Connection,
) -> Result<Connection, Error> {
    let ids = store::connection_owners(q, of.id).await?;
    of.owners = named(q, &ids).await?;
    Ok(of)
}
