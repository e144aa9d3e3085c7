//! All SQL of `applications`, `application_owners`, `connections`, `connection_owners`, and in
//! [`feeds`] that of `connection_feeds`.

pub(crate) mod feeds;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stint_aws::Instance;
use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::{ApplicationId, ConnectionId, Time, UserId};

use super::{
    Application, Connection, Credential, Draining, Filter, KeyOnFile, MemberAccess, Names, Scope,
    Status, TestReport,
};
use crate::http::like;
use crate::identity::Answerable;
use crate::sealed::Sealed;

macro_rules! application_columns {
    () => {
        "select id, name, description, created_at, version from applications "
    };
}

macro_rules! connection_columns {
    () => {
        "select id, application_id, name, credential, role_arn, account, access_key_id, key_sealed, \
         key_sealed_by, key_set_at, external_id, region, iam, scope, members, member_role, member_external_id, status, status_detail, \
         instance_arn, identity_store_id, management_account, last_test, last_sync_at, \
         draining_since, draining_reason, removed_at, created_at, version from connections "
    };
}

/// A page of applications in one order, narrowed.
macro_rules! applications {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            application_columns!(),
            "where ($1 is null or ",
            $key,
            " ",
            $beyond,
            " $1) and name_key like $2 escape '\\' order by ",
            $key,
            $direction,
            " limit $3"
        )
    };
}

/// A page of connections that were not removed.
macro_rules! connections {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            connection_columns!(),
            "where removed_at is null and ($1 is null or ",
            $key,
            " ",
            $beyond,
            " $1) and name_key like $2 escape '\\' and ($4 is null or application_id = $4) \
             and ($5 is null or $5 = case when draining_since is null then status else 'draining' end) \
             order by ",
            $key,
            $direction,
            " limit $3"
        )
    };
}

stint_db::statements! {
    /// One application.
    APPLICATION = (concat!(application_columns!(), "where id = $1"));
    /// Takes an application's row.
    LOCK_APPLICATION = "select version from applications where id = $1{lock}";
    /// A page of applications by name.
    APPLICATIONS_BY_NAME_UP = (applications!("name_key", ">", ""));
    /// The same from its other end.
    APPLICATIONS_BY_NAME_DOWN = (applications!("name_key", "<", " desc"));
    /// A page of applications, the first made first.
    APPLICATIONS_BY_AGE_UP = (applications!("id", ">", ""));
    /// The last made first.
    APPLICATIONS_BY_AGE_DOWN = (applications!("id", "<", " desc"));
    /// A new application.
    INSERT_APPLICATION = "insert into applications (id, name, name_key, description, created_at, version) \
        values ($1, $2, $3, $4, $5, 1)";
    /// Name and description.
    UPDATE_APPLICATION = "update applications set name = $2, name_key = $3, description = $4, \
        version = version + 1 where id = $1";
    /// Who owns an application.
    APPLICATION_OWNERS = "select user_id from application_owners where application_id = $1";
    /// Who owns several applications.
    OWNERS_OF_APPLICATIONS = "select application_id, user_id from application_owners where application_id in {ids $1}";
    /// Adds an owner.
    ADD_APPLICATION_OWNER = "insert into application_owners (application_id, user_id, added_at, added_by) values ($1, $2, $3, $4)";
    /// Takes an owner away.
    TAKE_APPLICATION_OWNER = "delete from application_owners where application_id = $1 and user_id = $2";
    /// One connection.
    CONNECTION = (concat!(connection_columns!(), "where id = $1"));
    /// Several connections, removed ones too.
    CONNECTIONS_BY_ID = (concat!(connection_columns!(), "where id in {ids $1}"));
    /// Takes a connection's row.
    LOCK_CONNECTION = "select version from connections where id = $1{lock}";
    /// A page of connections by name.
    CONNECTIONS_BY_NAME_UP = (connections!("name_key", ">", ""));
    /// The same from its other end.
    CONNECTIONS_BY_NAME_DOWN = (connections!("name_key", "<", " desc"));
    /// A page of connections, the first made first.
    CONNECTIONS_BY_AGE_UP = (connections!("id", ">", ""));
    /// The last made first.
    CONNECTIONS_BY_AGE_DOWN = (connections!("id", "<", " desc"));
    /// All connections by name.
    ALL_CONNECTIONS = (concat!(connection_columns!(), "where removed_at is null order by name_key"));
    /// What each connection and its application are called.
    NAMES = "select c.id, c.name, c.application_id, c.management_account, c.scope, a.name as application from connections c \
        join applications a on a.id = c.application_id where c.removed_at is null";
    /// Another connection to the same instance.
    SAME_INSTANCE = "select name from connections where instance_arn = $1 and id <> $2 and removed_at is null";
    /// A new connection.
    INSERT_CONNECTION = "insert into connections \
        (id, application_id, name, name_key, credential, reach_key, role_arn, account, access_key_id, \
         key_sealed, key_sealed_by, key_set_at, external_id, region, iam, scope, members, status, created_at, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, false, 'not_connected', $17, 1)";
    /// The name, and what it is for.
    UPDATE_CONNECTION = "update connections set name = $2, name_key = $3, iam = $4, scope = $5, version = version + 1 where id = $1";
    /// How member accounts are entered.
    SET_MEMBERS = "update connections set members = $2, member_role = $3, member_external_id = $4, \
        version = version + 1 where id = $1";
    /// Another credential: what was tested before counts no more.
    SET_CREDENTIAL = "update connections set credential = $2, reach_key = $3, role_arn = $4, account = $5, \
        access_key_id = $6, key_sealed = $7, key_sealed_by = $8, key_set_at = $9, last_test = null, \
        tested_at = null where id = $1";
    /// Begins or ends draining.
    SET_DRAINING = "update connections set draining_since = $2, draining_reason = $3, version = version + 1 \
        where id = $1";
    /// Out of service for good: the secret is erased, the way in and the name are free again.
    MARK_REMOVED = "update connections set removed_at = $2, reach_key = null, key_sealed = null, \
        key_sealed_by = null, status = 'not_connected', status_detail = null, version = version + 1 \
        where id = $1";
    /// The master keys that something is sealed with.
    KEYS_IN_USE = "select distinct key_sealed_by from connections where key_sealed_by is not null \
        order by key_sealed_by";
    /// How it is doing.
    SET_STATUS = "update connections set status = $2, status_detail = $3 where id = $1";
    /// A sync was complete.
    SYNCED = "update connections set status = 'connected', status_detail = null, last_sync_at = $2 where id = $1";
    /// What a test found.
    SET_TEST = "update connections set last_test = $2, tested_at = $3 where id = $1";
    /// The instance a first test found.
    SET_INSTANCE = "update connections set instance_arn = $2, identity_store_id = $3, \
        management_account = $4 where id = $1";
    /// Who owns a connection.
    /// Who owns it, since when and by whom.
    ANSWERABLE_FOR_CONNECTION = "select user_id, added_at, added_by from connection_owners where connection_id = $1 order by user_id";
    /// Who owns its application, since when and by whom.
    ANSWERABLE_FOR_APPLICATION = "select user_id, added_at, added_by from application_owners where application_id = $1 order by user_id";
    /// What somebody owns.
    OWNED_CONNECTIONS = "select connection_id as id from connection_owners where user_id = $1";
    /// The connections of applications somebody owns.
    CONNECTIONS_OF_OWNED_APPLICATIONS = "select c.id from connections c join application_owners o on o.application_id = c.application_id where o.user_id = $1";
    CONNECTION_OWNERS = "select user_id from connection_owners where connection_id = $1";
    /// Who owns several connections.
    OWNERS_OF_CONNECTIONS = "select connection_id, user_id from connection_owners where connection_id in {ids $1}";
    /// Adds an owner.
    ADD_CONNECTION_OWNER = "insert into connection_owners (connection_id, user_id, added_at, added_by) values ($1, $2, $3, $4)";
    /// Takes an owner away.
    TAKE_CONNECTION_OWNER = "delete from connection_owners where connection_id = $1 and user_id = $2";
}

/// The form by which names are unique and ordered.
pub(super) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

fn read_application(row: &Row) -> Result<Application> {
    Ok(Application {
        id: row.get("id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        owners: Vec::new(),
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

fn read_connection(row: &Row) -> Result<Connection> {
    let last_test: Option<Value> = row.get("last_test")?;
    let last_test = last_test
        .map(serde_json::from_value::<TestReport>)
        .transpose();
    let scope: Value = row.get("scope")?;
    let scope = serde_json::from_value::<Scope>(scope);
    let since: Option<Time> = row.get("draining_since")?;
    let reason: Option<String> = row.get("draining_reason")?;
    let removed_at: Option<Time> = row.get("removed_at")?;
    let name: String = row.get("name")?;
    Ok(Connection {
        id: row.get("id")?,
        application: row.get("application_id")?,
        // Wherever it is still named, in links, grants and history, it says so.
        name: if removed_at.is_some() {
            format!("{name} (removed)")
        } else {
            name
        },
        draining: since.map(|since| Draining {
            since,
            reason: reason.unwrap_or_default(),
        }),
        removed_at,
        credential: read_credential(row)?,
        external_id: row.get("external_id")?,
        region: row.get("region")?,
        iam: row.get("iam")?,
        scope: scope.map_err(|why| Error::Column {
            column: "scope".to_owned(),
            why: why.to_string(),
        })?,
        members: read_members(row)?,
        status: row.parse("status")?,
        status_detail: row.get("status_detail")?,
        instance_arn: row.get("instance_arn")?,
        identity_store_id: row.get("identity_store_id")?,
        management_account: row.get("management_account")?,
        last_test: last_test.map_err(|why| Error::Column {
            column: "last_test".to_owned(),
            why: why.to_string(),
        })?,
        last_sync_at: row.get("last_sync_at")?,
        owners: Vec::new(),
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

fn read_members(row: &Row) -> Result<Option<MemberAccess>> {
    let role: Option<String> = row.get("member_role")?;
    let external_id: Option<String> = row.get("member_external_id")?;
    let on = row.get("members")?;
    Ok(role
        .zip(external_id)
        .map(|(role, external_id)| MemberAccess {
            on,
            role,
            external_id,
        }))
}

fn read_credential(row: &Row) -> Result<Credential> {
    let kind: String = row.get("credential")?;
    Ok(match kind.as_str() {
        "access_key" => {
            let bytes: Option<Vec<u8>> = row.get("key_sealed")?;
            let key: Option<String> = row.get("key_sealed_by")?;
            Credential::AccessKey(KeyOnFile {
                id: row.get("access_key_id")?,
                account: row.get("account")?,
                set_at: row.get("key_set_at")?,
                sealed: bytes.zip(key).map(|(bytes, key)| Sealed { key, bytes }),
            })
        }
        "host" => Credential::Host {
            account: row.get("account")?,
        },
        _ => Credential::Role {
            arn: row.get("role_arn")?,
        },
    })
}

// ---- applications

pub(super) async fn application(
    q: &mut impl Query,
    id: ApplicationId,
) -> Result<Option<Application>> {
    q.maybe(&APPLICATION, args![id])
        .await?
        .as_ref()
        .map(read_application)
        .transpose()
}

/// Takes the row; nothing if there is none.
pub(super) async fn lock_application(
    tx: &mut Tx,
    id: ApplicationId,
) -> Result<Option<Application>> {
    match tx.maybe(&LOCK_APPLICATION, args![id]).await? {
        Some(_) => application(tx, id).await,
        None => Ok(None),
    }
}

pub(super) async fn applications(
    q: &mut impl Query,
    words: &str,
    sort: &str,
    after: Val,
    limit: i64,
) -> Result<Vec<Application>> {
    let statement = match sort {
        "-name" => &APPLICATIONS_BY_NAME_DOWN,
        "created" => &APPLICATIONS_BY_AGE_UP,
        "-created" => &APPLICATIONS_BY_AGE_DOWN,
        _ => &APPLICATIONS_BY_NAME_UP,
    };
    let rows = q.all(statement, args![after, like(words), limit]).await?;
    rows.iter().map(read_application).collect()
}

pub(super) async fn insert_application(tx: &mut Tx, new: &Application) -> Result<()> {
    let (name, description) = (new.name.as_str(), new.description.as_str());
    let values = args![new.id, name, fold(name), description, new.created_at];
    tx.run(&INSERT_APPLICATION, values).await.map(drop)
}

pub(super) async fn update_application(
    tx: &mut Tx,
    id: ApplicationId,
    name: &str,
    description: &str,
) -> Result<()> {
    tx.run(
        &UPDATE_APPLICATION,
        args![id, name, fold(name), description],
    )
    .await
    .map(drop)
}

pub(super) async fn application_owners(
    q: &mut impl Query,
    id: ApplicationId,
) -> Result<Vec<UserId>> {
    let rows = q.all(&APPLICATION_OWNERS, args![id]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

/// Each of these applications with an owner of it, as often as there are owners.
pub(super) async fn owners_of_applications(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = ApplicationId>,
) -> Result<Vec<(ApplicationId, UserId)>> {
    let rows = q.all(&OWNERS_OF_APPLICATIONS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("application_id")?, row.get("user_id")?)))
        .collect()
}

/// Makes `wanted` the owners.
pub(super) async fn set_application_owners(
    tx: &mut Tx,
    id: ApplicationId,
    wanted: &[UserId],
    at: Time,
    by: Option<UserId>,
) -> Result<()> {
    let held = application_owners(tx, id).await?;
    for user in wanted.iter().filter(|user| !held.contains(user)) {
        tx.run(&ADD_APPLICATION_OWNER, args![id, *user, at, by])
            .await?;
    }
    for user in held.iter().filter(|user| !wanted.contains(user)) {
        tx.run(&TAKE_APPLICATION_OWNER, args![id, *user]).await?;
    }
    Ok(())
}

// ---- connections

pub(super) async fn connection(q: &mut impl Query, id: ConnectionId) -> Result<Option<Connection>> {
    q.maybe(&CONNECTION, args![id])
        .await?
        .as_ref()
        .map(read_connection)
        .transpose()
}

/// See [`crate::connections::connections_by_id`].
pub(super) async fn connections_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = ConnectionId>,
) -> Result<BTreeMap<ConnectionId, Connection>> {
    let rows = q.all(&CONNECTIONS_BY_ID, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| read_connection(row).map(|it| (it.id, it)))
        .collect()
}

/// Each of these connections with an owner of it, as often as there are owners.
pub(super) async fn owners_of_connections(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = ConnectionId>,
) -> Result<Vec<(ConnectionId, UserId)>> {
    let rows = q.all(&OWNERS_OF_CONNECTIONS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("connection_id")?, row.get("user_id")?)))
        .collect()
}

/// Takes the row; nothing if there is none.
pub(super) async fn lock_connection(tx: &mut Tx, id: ConnectionId) -> Result<Option<Connection>> {
    match tx.maybe(&LOCK_CONNECTION, args![id]).await? {
        Some(_) => connection(tx, id).await,
        None => Ok(None),
    }
}

pub(super) async fn connections(
    q: &mut impl Query,
    filter: &Filter,
    status: Option<&str>,
    (sort, after): (&str, Val),
    limit: i64,
) -> Result<Vec<Connection>> {
    let statement = match sort {
        "-name" => &CONNECTIONS_BY_NAME_DOWN,
        "created" => &CONNECTIONS_BY_AGE_UP,
        "-created" => &CONNECTIONS_BY_AGE_DOWN,
        _ => &CONNECTIONS_BY_NAME_UP,
    };
    let values = args![
        after,
        like(&filter.q),
        limit,
        filter.application,
        status.map(str::to_owned)
    ];
    let rows = q.all(statement, values).await?;
    rows.iter().map(read_connection).collect()
}

pub(super) async fn all_connections(q: &mut impl Query) -> Result<Vec<Connection>> {
    q.all(&ALL_CONNECTIONS, args![])
        .await?
        .iter()
        .map(read_connection)
        .collect()
}

/// See [`super::names`].
pub(super) async fn names(q: &mut impl Query) -> Result<BTreeMap<ConnectionId, Names>> {
    let rows = q.all(&NAMES, args![]).await?;
    (rows.iter())
        .map(|row| {
            let names = Names {
                connection: row.get("name")?,
                application: row.get("application_id")?,
                application_name: row.get("application")?,
                organized: (row.get::<Option<String>>("management_account")?).is_some(),
                account_tags: row.json::<Scope>("scope")?.account_tags,
            };
            Ok((row.get("id")?, names))
        })
        .collect()
}

/// The name of another connection to this instance.
pub(super) async fn same_instance(
    q: &mut impl Query,
    instance_arn: &str,
    but: ConnectionId,
) -> Result<Option<String>> {
    let row = q.maybe(&SAME_INSTANCE, args![instance_arn, but]).await?;
    row.map(|row| row.get("name")).transpose()
}

/// `credential, reach_key, role_arn, account, access_key_id, key_sealed, key_sealed_by,
/// key_set_at`
fn credential_values(of: &Credential) -> Vec<Val> {
    let key = of.key();
    let sealed = key.and_then(|key| key.sealed.as_ref());
    let account = match of {
        Credential::Role { .. } => None,
        Credential::AccessKey(_) | Credential::Host { .. } => Some(of.account()),
    };
    args![
        of.as_str(),
        of.reach_key(),
        of.role_arn(),
        account,
        key.map(|key| key.id.as_str()),
        sealed.map(|sealed| sealed.bytes.clone()),
        sealed.map(|sealed| sealed.key.as_str()),
        key.map(|key| key.set_at)
    ]
}

pub(super) async fn insert_connection(tx: &mut Tx, new: &Connection) -> Result<()> {
    let name = new.name.as_str();
    let mut values = args![new.id, new.application, name, fold(name)];
    values.append(&mut credential_values(&new.credential));
    values.append(&mut args![
        new.external_id.as_str(),
        new.region.as_str(),
        new.iam,
        json!(new.scope),
        new.created_at
    ]);
    tx.run(&INSERT_CONNECTION, values).await.map(drop)
}

pub(super) async fn update_connection(
    tx: &mut Tx,
    id: ConnectionId,
    name: &str,
    iam: bool,
    scope: &Scope,
) -> Result<()> {
    let values = args![id, name, fold(name), iam, json!(scope)];
    tx.run(&UPDATE_CONNECTION, values).await.map(drop)
}

pub(super) async fn set_members(
    tx: &mut Tx,
    id: ConnectionId,
    members: &MemberAccess,
) -> Result<()> {
    let (role, external_id) = (members.role.as_str(), members.external_id.as_str());
    tx.run(&SET_MEMBERS, args![id, members.on, role, external_id])
        .await
        .map(drop)
}

pub(super) async fn set_credential(
    tx: &mut Tx,
    id: ConnectionId,
    credential: &Credential,
) -> Result<()> {
    let mut values = args![id];
    values.append(&mut credential_values(credential));
    tx.run(&SET_CREDENTIAL, values).await.map(drop)
}

pub(super) async fn set_draining(
    tx: &mut Tx,
    id: ConnectionId,
    draining: Option<&Draining>,
) -> Result<()> {
    let since = draining.map(|draining| draining.since);
    let reason = draining.map(|draining| draining.reason.as_str());
    tx.run(&SET_DRAINING, args![id, since, reason])
        .await
        .map(drop)
}

pub(super) async fn mark_removed(tx: &mut Tx, id: ConnectionId, at: Time) -> Result<()> {
    tx.run(&MARK_REMOVED, args![id, at]).await.map(drop)
}

pub(super) async fn keys_in_use(q: &mut impl Query) -> Result<Vec<String>> {
    let rows = q.all(&KEYS_IN_USE, args![]).await?;
    rows.iter().map(|row| row.get("key_sealed_by")).collect()
}

pub(super) async fn set_status(
    tx: &mut Tx,
    id: ConnectionId,
    status: Status,
    detail: Option<String>,
) -> Result<()> {
    tx.run(&SET_STATUS, args![id, status.as_str(), detail])
        .await
        .map(drop)
}

pub(super) async fn synced(tx: &mut Tx, id: ConnectionId, at: Time) -> Result<()> {
    tx.run(&SYNCED, args![id, at]).await.map(drop)
}

pub(super) async fn set_test(tx: &mut Tx, id: ConnectionId, report: &TestReport) -> Result<()> {
    tx.run(&SET_TEST, args![id, json!(report), report.at])
        .await
        .map(drop)
}

pub(super) async fn set_instance(
    tx: &mut Tx,
    id: ConnectionId,
    instance: &Instance,
    management_account: &str,
) -> Result<()> {
    let (arn, store) = (
        instance.instance_arn.as_str(),
        instance.identity_store_id.as_str(),
    );
    tx.run(&SET_INSTANCE, args![id, arn, store, management_account])
        .await
        .map(drop)
}

pub(super) async fn connection_owners(q: &mut impl Query, id: ConnectionId) -> Result<Vec<UserId>> {
    let rows = q.all(&CONNECTION_OWNERS, args![id]).await?;
    rows.iter().map(|row| row.get("user_id")).collect()
}

/// Makes `wanted` the owners.
pub(super) async fn set_connection_owners(
    tx: &mut Tx,
    id: ConnectionId,
    wanted: &[UserId],
    at: Time,
    by: Option<UserId>,
) -> Result<()> {
    let held = connection_owners(tx, id).await?;
    for user in wanted.iter().filter(|user| !held.contains(user)) {
        tx.run(&ADD_CONNECTION_OWNER, args![id, *user, at, by])
            .await?;
    }
    for user in held.iter().filter(|user| !wanted.contains(user)) {
        tx.run(&TAKE_CONNECTION_OWNER, args![id, *user]).await?;
    }
    Ok(())
}

/// The owners of a connection, since when and by whom.
pub(super) async fn answerable_for(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<Answerable>> {
    let rows = q.all(&ANSWERABLE_FOR_CONNECTION, args![connection]).await?;
    rows.iter().map(answerable).collect()
}

/// The owners of an application, since when and by whom.
pub(super) async fn answerable_for_application(
    q: &mut impl Query,
    application: ApplicationId,
) -> Result<Vec<Answerable>> {
    let rows = q
        .all(&ANSWERABLE_FOR_APPLICATION, args![application])
        .await?;
    rows.iter().map(answerable).collect()
}

fn answerable(row: &Row) -> Result<Answerable> {
    Ok(Answerable {
        user: row.get("user_id")?,
        since: row.get("added_at")?,
        by: row.get("added_by")?,
    })
}

/// The connections somebody owns, and those of the applications they own.
pub(super) async fn owned_by(
    q: &mut impl Query,
    user: UserId,
) -> Result<(Vec<ConnectionId>, Vec<ConnectionId>)> {
    let own = q.all(&OWNED_CONNECTIONS, args![user]).await?;
    let through = q
        .all(&CONNECTIONS_OF_OWNED_APPLICATIONS, args![user])
        .await?;
    let ids = |rows: &[Row]| rows.iter().map(|row| row.get("id")).collect::<Result<_>>();
    Ok((ids(&own)?, ids(&through)?))
}
