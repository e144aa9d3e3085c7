//! Accounts, permission sets, principals and entitlements.

use std::collections::BTreeMap;

use stint_aws::{Account, AccountState, PermissionSet};
use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::{AccountId, ConnectionId, EntitlementId, PrincipalId, Time};

use super::super::{Entitlement, Principal};
use crate::http::like;

/// A page of those among these ids, gone from AWS or not, in one order by name.
macro_rules! among {
    ($beyond:literal, $direction:literal) => {
        concat!(
            "select id, connection_id, kind, account, target, name, aws_name, owned_by, gone_at, sort_key from entitlements \
             where id in {ids $1} and sort_key like $2 escape '\\' and ($3 is null or (sort_key, id) ",
            $beyond,
            " ($3, $4)) order by sort_key",
            $direction,
            ", id",
            $direction,
            " limit $5"
        )
    };
}

stint_db::statements! {
    quiet SEE_ACCOUNT = "insert into accounts (id, connection_id, aws_id, name, email, state, first_seen, last_seen) \
        values ($1, $2, $3, $4, $5, $6, $7, $7) \
        on conflict (connection_id, aws_id) do update set name = excluded.name, email = excluded.email, \
        state = excluded.state, last_seen = excluded.last_seen, gone_at = null \
        where accounts.last_seen <= excluded.last_seen and (accounts.gone_at is null or accounts.gone_at <= excluded.last_seen)";
    ACCOUNT_STATE = "select state from accounts where connection_id = $1 and aws_id = $2";
    quiet SEE_SET = "insert into permission_sets (connection_id, arn, name, description, session_duration, first_seen, last_seen) \
        values ($1, $2, $3, $4, $5, $6, $6) \
        on conflict (connection_id, arn) do update set name = excluded.name, description = excluded.description, \
        session_duration = excluded.session_duration, last_seen = excluded.last_seen, gone_at = null \
        where permission_sets.last_seen <= excluded.last_seen and (permission_sets.gone_at is null or permission_sets.gone_at <= excluded.last_seen)";
    /// Somebody who holds something and whom the identity store does not list.
    quiet STAND_IN = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, first_seen, last_seen, gone_at) \
        values ($1, $2, $3, $4, $4, $4, $5, $5, $5) on conflict (connection_id, kind, aws_id) do nothing";
    quiet SEE_ENTITLEMENT = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen, aws_name, owned_by) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10) \
        on conflict (connection_id, kind, account, target) do update set name = excluded.name, aws_name = excluded.aws_name, \
        owned_by = excluded.owned_by, \
        sort_key = excluded.sort_key, last_seen = excluded.last_seen, gone_at = null \
        where entitlements.last_seen <= excluded.last_seen and (entitlements.gone_at is null or entitlements.gone_at <= excluded.last_seen)";
    /// One that comes back later has been elsewhere: its tags are read anew.
    quiet ACCOUNTS_GONE = "update accounts set gone_at = $2, tags = null, tags_read_at = null, tags_tried_at = $2, tags_refused_at = null \
        where connection_id = $1 and last_seen <= $3 and gone_at is null";
    quiet SETS_GONE = "update permission_sets set gone_at = $2 where connection_id = $1 and last_seen <= $3 and gone_at is null";
    quiet PRINCIPALS_GONE = "update principals set gone_at = $3 where connection_id = $1 and kind = $2 and last_seen <= $4 and gone_at is null";
    quiet ENTITLEMENTS_GONE = "update entitlements set gone_at = $3 where connection_id = $1 and kind = $2 and last_seen <= $4 and gone_at is null";
    quiet WITHDRAW = "update entitlements set gone_at = $2 where id in {ids $1} and gone_at is null";
    // A connection was removed: what it led to is on record only.
    quiet RETIRE_ACCOUNTS = "update accounts set gone_at = $2, tags = null, tags_read_at = null, tags_tried_at = $2, tags_refused_at = null \
        where connection_id = $1 and gone_at is null";
    quiet RETIRE_SETS = "update permission_sets set gone_at = $2 where connection_id = $1 and gone_at is null";
    quiet RETIRE_PRINCIPALS = "update principals set gone_at = $2 where connection_id = $1 and gone_at is null";
    quiet RETIRE_ROLES = "update iam_roles set gone_at = $2 where connection_id = $1 and gone_at is null";
    quiet RETIRE_ENTITLEMENTS = "update entitlements set gone_at = $2 where connection_id = $1 and gone_at is null";

    PRINCIPAL = "select id, connection_id, kind, aws_id, name, display_name, email, active, gone_at, sort_key from principals where id = $1";
    PRINCIPAL_BY_AWS_ID = "select id, connection_id, kind, aws_id, name, display_name, email, active, gone_at, sort_key from principals where connection_id = $1 and aws_id = $2 order by kind limit 1";
    PRINCIPALS = "select id, connection_id, kind, aws_id, name, display_name, email, active, gone_at, sort_key from principals \
        where connection_id = $1 and sort_key like $2 escape '\\' and ($3 is null or (sort_key, id) > ($3, $4)) \
        order by sort_key, id limit $5";
    /// Groups that AWS still has.
    GROUPS = "select id, connection_id, kind, aws_id, name, display_name, email, active, gone_at, sort_key from principals \
        where connection_id = $1 and kind = 'identity_center_group' and gone_at is null \
        and sort_key like $2 escape '\\' and ($3 is null or (sort_key, id) > ($3, $4)) \
        order by sort_key, id limit $5";
    ENTITLEMENT = "select id, connection_id, kind, account, target, name, aws_name, owned_by, gone_at, sort_key from entitlements where id = $1";
    ENTITLEMENTS = "select id, connection_id, kind, account, target, name, aws_name, owned_by, gone_at, sort_key from entitlements \
        where connection_id = $1 and sort_key like $2 escape '\\' and ($3 is null or (sort_key, id) > ($3, $4)) \
        order by sort_key, id limit $5";
    /// Those among these ids that AWS still has.
    ENTITLEMENTS_AMONG = "select id, connection_id, kind, account, target, name, aws_name, owned_by, gone_at, sort_key from entitlements \
        where id in {ids $1} and gone_at is null \
        and ($2 is null or (sort_key, id) > ($2, $3)) order by sort_key, id limit $4";
    /// A page of some by name.
    ENTITLEMENTS_NAMED_UP = (among!(">", ""));
    /// The same from its other end.
    ENTITLEMENTS_NAMED_DOWN = (among!("<", " desc"));
    /// Several, also those AWS no longer has.
    ENTITLEMENTS_BY_ID = "select id, connection_id, kind, account, target, name, aws_name, owned_by, gone_at, sort_key from entitlements where id in {ids $1}";
    PRINCIPALS_BY_ID = "select id, connection_id, kind, aws_id, name, display_name, email, active, gone_at, sort_key from principals where id in {ids $1}";
}

/// Notes an account as just seen.
pub(in crate::directory) async fn see_account(
    tx: &mut Tx,
    id: AccountId,
    connection: ConnectionId,
    account: &Account,
    began: Time,
) -> Result<()> {
    let state = match account.state {
        AccountState::Active => "active",
        AccountState::Suspended => "suspended",
        AccountState::Pending => "pending",
        AccountState::Closed => "closed",
    };
    tx.run(
        &SEE_ACCOUNT,
        args![
            id,
            connection,
            &account.id,
            &account.name,
            account.email.clone(),
            state,
            began
        ],
    )
    .await
    .map(drop)
}

/// See [`crate::directory::account_state`].
pub(in crate::directory) async fn account_state(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> Result<Option<String>> {
    let row = q.maybe(&ACCOUNT_STATE, args![connection, account]).await?;
    row.map(|row| row.get("state")).transpose()
}

/// Notes a permission set as just seen.
pub(in crate::directory) async fn see_set(
    tx: &mut Tx,
    connection: ConnectionId,
    set: &PermissionSet,
    began: Time,
) -> Result<()> {
    let values = args![
        connection,
        &set.arn,
        &set.name,
        set.description.clone(),
        set.session_duration.clone(),
        began
    ];
    tx.run(&SEE_SET, values).await.map(drop)
}

/// Notes a principal that holds something without being listed: AWS leaves assignments of
/// deleted users behind (AWS reference §1.2 [R]).
pub(in crate::directory) async fn stand_in(
    tx: &mut Tx,
    id: PrincipalId,
    connection: ConnectionId,
    kind: PrincipalKind,
    aws_id: &str,
    began: Time,
) -> Result<()> {
    tx.run(
        &STAND_IN,
        args![id, connection, kind.as_str(), aws_id, began],
    )
    .await
    .map(drop)
}

/// Something a principal can hold, as a sync saw it.
#[derive(Clone, Copy)]
pub(in crate::directory) struct SeenEntitlement<'a> {
    pub(in crate::directory) key: &'a EntitlementKey,
    /// What people see.
    pub(in crate::directory) name: &'a str,
    /// What AWS's calls name it by, where they go by names.
    pub(in crate::directory) aws_name: Option<&'a str>,
    /// The directory that decides who holds it, where one does.
    pub(in crate::directory) owned_by: Option<&'a str>,
}

/// Notes an entitlement as just seen.
pub(in crate::directory) async fn see_entitlement(
    tx: &mut Tx,
    id: EntitlementId,
    connection: ConnectionId,
    seen: &SeenEntitlement<'_>,
    began: Time,
) -> Result<()> {
    let SeenEntitlement {
        key,
        name,
        aws_name,
        owned_by,
    } = *seen;
    let (account, target) = parts(key);
    let values = args![
        id,
        connection,
        key.kind(),
        account,
        target,
        name,
        name.to_lowercase(),
        began,
        aws_name.map(str::to_owned),
        owned_by.map(str::to_owned)
    ];
    tx.run(&SEE_ENTITLEMENT, values).await.map(drop)
}

/// The directory that provisions a group, by the issuers of its external ids.
pub(in crate::directory) fn owner(group: &stint_aws::IdentityGroup) -> Option<String> {
    let mut issuers: Vec<&str> = (group.issuers.iter())
        .map(|issuer| match issuer.trim() {
            "" => "an external directory",
            named => named,
        })
        .collect();
    issuers.sort_unstable();
    issuers.dedup();
    (!issuers.is_empty()).then(|| issuers.join(", "))
}

/// What a complete list no longer had.
#[derive(Debug, Clone, Copy)]
pub(in crate::directory) enum Gone {
    /// Accounts.
    Accounts,
    /// Permission sets.
    Sets,
    /// Principals of a kind.
    Principals(PrincipalKind),
    /// Entitlements of a kind, by its stable word.
    Entitlements(&'static str),
}

/// Notes as gone, since the complete list began, what was not seen after `until`.
pub(in crate::directory) async fn gone(
    tx: &mut Tx,
    connection: ConnectionId,
    what: Gone,
    (began, until): (Time, Time),
) -> Result<u64> {
    let (statement, values) = match what {
        Gone::Accounts => (&ACCOUNTS_GONE, args![connection, began, until]),
        Gone::Sets => (&SETS_GONE, args![connection, began, until]),
        Gone::Principals(kind) => (
            &PRINCIPALS_GONE,
            args![connection, kind.as_str(), began, until],
        ),
        Gone::Entitlements(kind) => (&ENTITLEMENTS_GONE, args![connection, kind, began, until]),
    };
    tx.run(statement, values).await
}

/// Notes as gone entitlements of which AWS no longer has a part.
pub(in crate::directory) async fn withdraw(
    tx: &mut Tx,
    ids: &[EntitlementId],
    at: Time,
) -> Result<()> {
    let ids = Val::ids(ids.iter().copied());
    tx.run(&WITHDRAW, args![ids, at]).await.map(drop)
}

pub(super) const fn parts(key: &EntitlementKey) -> (&str, &str) {
    match key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => (account.as_str(), permission_set.as_str()),
        EntitlementKey::GroupMembership { group } => ("", group.as_str()),
        EntitlementKey::IamGroupMembership { account, group } => (account.as_str(), group.as_str()),
    }
}

/// Takes everything of a connection out of the lists.
pub(in crate::directory) async fn retire(
    tx: &mut Tx,
    connection: ConnectionId,
    at: Time,
) -> Result<()> {
    for sql in [
        &RETIRE_ACCOUNTS,
        &RETIRE_SETS,
        &RETIRE_PRINCIPALS,
        &RETIRE_ROLES,
        &RETIRE_ENTITLEMENTS,
    ] {
        tx.run(sql, args![connection, at]).await?;
    }
    Ok(())
}

pub(in crate::directory) async fn principal(
    q: &mut impl Query,
    id: PrincipalId,
) -> Result<Option<Principal>> {
    q.maybe(&PRINCIPAL, args![id])
        .await?
        .as_ref()
        .map(read_principal)
        .transpose()
}

pub(in crate::directory) async fn principal_by_aws_id(
    q: &mut impl Query,
    connection: ConnectionId,
    aws_id: &str,
) -> Result<Option<Principal>> {
    q.maybe(&PRINCIPAL_BY_AWS_ID, args![connection, aws_id])
        .await?
        .as_ref()
        .map(read_principal)
        .transpose()
}

/// One page, by sort key.
pub(in crate::directory) async fn principals(
    q: &mut impl Query,
    connection: ConnectionId,
    search: &str,
    after: Option<(String, PrincipalId)>,
    limit: i64,
) -> Result<Vec<(String, Principal)>> {
    let (key, id) = after.unzip();
    let rows = q
        .all(&PRINCIPALS, args![connection, like(search), key, id, limit])
        .await?;
    rows.iter()
        .map(|row| Ok((row.get("sort_key")?, read_principal(row)?)))
        .collect()
}

/// One page of the Identity Center groups that AWS still has, by sort key.
pub(in crate::directory) async fn groups(
    q: &mut impl Query,
    connection: ConnectionId,
    search: &str,
    after: Option<(String, PrincipalId)>,
    limit: i64,
) -> Result<Vec<(String, Principal)>> {
    let (key, id) = after.unzip();
    let rows = q
        .all(&GROUPS, args![connection, like(search), key, id, limit])
        .await?;
    rows.iter()
        .map(|row| Ok((row.get("sort_key")?, read_principal(row)?)))
        .collect()
}

/// See [`crate::directory::principals_by_id`].
pub(in crate::directory) async fn principals_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = PrincipalId>,
) -> Result<BTreeMap<PrincipalId, Principal>> {
    let rows = q.all(&PRINCIPALS_BY_ID, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| read_principal(row).map(|it| (it.id, it)))
        .collect()
}

/// See [`crate::directory::entitlements_by_id`].
pub(in crate::directory) async fn entitlements_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
) -> Result<BTreeMap<EntitlementId, Entitlement>> {
    let rows = q.all(&ENTITLEMENTS_BY_ID, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| read_entitlement(row).map(|it| (it.id, it)))
        .collect()
}

pub(in crate::directory) async fn entitlement(
    q: &mut impl Query,
    id: EntitlementId,
) -> Result<Option<Entitlement>> {
    q.maybe(&ENTITLEMENT, args![id])
        .await?
        .as_ref()
        .map(read_entitlement)
        .transpose()
}

/// One page, by sort key; also what is gone.
pub(in crate::directory) async fn entitlements(
    q: &mut impl Query,
    connection: ConnectionId,
    search: &str,
    after: Option<(String, EntitlementId)>,
    limit: i64,
) -> Result<Vec<(String, Entitlement)>> {
    let (key, id) = after.unzip();
    let rows = q
        .all(
            &ENTITLEMENTS,
            args![connection, like(search), key, id, limit],
        )
        .await?;
    rows.iter().map(with_key).collect()
}

/// See [`crate::directory::named_entitlements`].
pub(in crate::directory) async fn named_entitlements(
    q: &mut impl Query,
    ids: &[EntitlementId],
    search: &str,
    down: bool,
    after: Option<(String, EntitlementId)>,
    limit: i64,
) -> Result<Vec<(String, Entitlement)>> {
    let statement = match down {
        false => &ENTITLEMENTS_NAMED_UP,
        true => &ENTITLEMENTS_NAMED_DOWN,
    };
    let (key, id) = after.unzip();
    let ids = Val::ids(ids.iter().copied());
    let rows = q
        .all(statement, args![ids, like(search), key, id, limit])
        .await?;
    rows.iter().map(with_key).collect()
}

fn with_key(row: &Row) -> Result<(String, Entitlement)> {
    Ok((row.get("sort_key")?, read_entitlement(row)?))
}

/// See [`crate::directory::entitlements`]. Words are matched here, page by page.
pub(in crate::directory) async fn entitlements_among(
    q: &mut impl Query,
    ids: &[EntitlementId],
    search: &str,
    mut after: Option<(String, EntitlementId)>,
    limit: i64,
) -> Result<Vec<(String, Entitlement)>> {
    let among = Val::ids(ids.iter().copied());
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    let wanted = usize::try_from(limit).unwrap_or(0);
    let mut found = Vec::new();
    while found.len() < wanted {
        let (key, id) = after.clone().unzip();
        let rows = q
            .all(
                &ENTITLEMENTS_AMONG,
                args![among.clone(), key, id, super::super::PAGE],
            )
            .await?;
        let last = rows.len() < usize::try_from(super::super::PAGE).unwrap_or(0);
        for row in &rows {
            let key: String = row.get("sort_key")?;
            let entitlement = read_entitlement(row)?;
            after = Some((key.clone(), entitlement.id));
            if found.len() < wanted && words.iter().all(|word| key.contains(word)) {
                found.push((key, entitlement));
            }
        }
        if last {
            break;
        }
    }
    Ok(found)
}

fn kind(row: &Row) -> Result<PrincipalKind> {
    principal_kind(row, "kind")
}

pub(super) fn principal_kind(row: &Row, column: &str) -> Result<PrincipalKind> {
    let word: String = row.get(column)?;
    PrincipalKind::parse(&word).ok_or_else(|| unreadable(column, &word))
}

fn unreadable(column: &str, word: &str) -> Error {
    Error::Column {
        column: column.to_owned(),
        why: format!("`{word}` is no word this version knows"),
    }
}

pub(super) fn read_principal(row: &Row) -> Result<Principal> {
    Ok(Principal {
        id: row.get("id")?,
        connection: row.get("connection_id")?,
        kind: kind(row)?,
        aws_id: row.get("aws_id")?,
        name: row.get("name")?,
        display_name: row.get("display_name")?,
        email: row.get("email")?,
        active: row.get("active")?,
        gone_at: row.get("gone_at")?,
    })
}

pub(super) fn read_entitlement(row: &Row) -> Result<Entitlement> {
    let target: String = row.get("target")?;
    let word: String = row.get("kind")?;
    let key = match word.as_str() {
        "account_assignment" => EntitlementKey::AccountAssignment {
            account: row.get("account")?,
            permission_set: target,
        },
        "group_membership" => EntitlementKey::GroupMembership { group: target },
        "iam_group_membership" => EntitlementKey::IamGroupMembership {
            account: row.get("account")?,
            group: target,
        },
        other => return Err(unreadable("kind", other)),
    };
    Ok(Entitlement {
        id: row.get("id")?,
        connection: row.get("connection_id")?,
        key,
        name: row.get("name")?,
        aws_name: row.get("aws_name")?,
        owned_by: row.get("owned_by")?,
        gone_at: row.get("gone_at")?,
    })
}
