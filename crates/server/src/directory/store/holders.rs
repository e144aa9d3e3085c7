//! Who holds what, of many people or many things at once, without order: for rules about what one
//! person holds together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stint_db::{Query, Result, Row, Val, args};
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, UserId};

use super::super::{Entitlement, Policies};
use super::things::read_entitlement;

stint_db::statements! {
    /// Whose these people are confirmed to be in AWS.
    PRINCIPALS_OF = "select user_id, principal_id from links where user_id in {ids $1} and state = 'confirmed'";
    /// Whose these principals are.
    USERS_OF = "select principal_id, user_id from links where principal_id in {ids $1} and state = 'confirmed'";
    /// The Identity Center groups these principals are in.
    GROUPS_OF = "select m.principal_id, g.id as group_id from assignments m \
        join entitlements ge on ge.id = m.entitlement_id and ge.kind = 'group_membership' and ge.account = '' \
        join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
        where m.principal_id in {ids $1} and m.ended_at is null";
    /// Who is in these Identity Center groups.
    MEMBERS_OF = "select g.id as group_id, m.principal_id from principals g \
        join entitlements ge on ge.connection_id = g.connection_id and ge.kind = 'group_membership' and ge.account = '' and ge.target = g.aws_id \
        join assignments m on m.entitlement_id = ge.id and m.ended_at is null \
        where g.id in {ids $1} and g.kind = 'identity_center_group'";
    /// The group each of these memberships is of.
    BEHIND = "select ge.id as entitlement_id, g.id as group_id from entitlements ge \
        join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
        where ge.id in {ids $1} and ge.kind = 'group_membership' and ge.account = ''";
    /// The membership of each of these groups.
    IN_FRONT = "select g.id as group_id, ge.id as entitlement_id from principals g \
        join entitlements ge on ge.connection_id = g.connection_id and ge.kind = 'group_membership' and ge.account = '' and ge.target = g.aws_id \
        where g.id in {ids $1} and g.kind = 'identity_center_group'";
    /// What these principals hold themselves.
    HELD_BY = "select principal_id, entitlement_id from assignments where principal_id in {ids $1} and ended_at is null";
    /// Those of these entitlements that are on an account.
    ON_ACCOUNT = "select id, connection_id, kind, account, target, name, aws_name, owned_by, gone_at from entitlements \
        where account = $1 and gone_at is null and id in {ids $2}";
    /// What the permission sets of a connection allow.
    SET_POLICIES = "select arn, policies from permission_sets where connection_id = $1 and gone_at is null";
    /// Who holds these things themselves.
    HOLDING = "select principal_id, entitlement_id from assignments where entitlement_id in {ids $1} and ended_at is null";
}

fn pairs<A: stint_db::FromColumn, B: stint_db::FromColumn>(
    rows: &[Row],
    columns: (&'static str, &'static str),
) -> Result<Vec<(A, B)>> {
    (rows.iter())
        .map(|row| Ok((row.get(columns.0)?, row.get(columns.1)?)))
        .collect()
}

/// See [`crate::directory::principals_of_users`].
pub(in crate::directory) async fn principals_of(
    q: &mut impl Query,
    users: &BTreeSet<UserId>,
) -> Result<BTreeMap<PrincipalId, UserId>> {
    let ids = Val::ids(users.iter().copied());
    let rows = q.all(&PRINCIPALS_OF, args![ids]).await?;
    let found: Vec<(PrincipalId, UserId)> = pairs(&rows, ("principal_id", "user_id"))?;
    Ok(found.into_iter().collect())
}

/// See [`crate::directory::users_of_principals`].
pub(in crate::directory) async fn users_of(
    q: &mut impl Query,
    principals: &BTreeSet<PrincipalId>,
) -> Result<BTreeMap<PrincipalId, UserId>> {
    let ids = Val::ids(principals.iter().copied());
    let rows = q.all(&USERS_OF, args![ids]).await?;
    Ok(pairs(&rows, ("principal_id", "user_id"))?
        .into_iter()
        .collect())
}

/// See [`crate::directory::groups_of_principals`].
pub(in crate::directory) async fn groups_of(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, PrincipalId)>> {
    let rows = q.all(&GROUPS_OF, args![Val::ids(principals)]).await?;
    pairs(&rows, ("principal_id", "group_id"))
}

/// See [`crate::directory::members_of_groups`].
pub(in crate::directory) async fn members_of(
    q: &mut impl Query,
    groups: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, PrincipalId)>> {
    let rows = q.all(&MEMBERS_OF, args![Val::ids(groups)]).await?;
    pairs(&rows, ("group_id", "principal_id"))
}

/// See [`crate::directory::memberships`].
pub(in crate::directory) async fn behind(
    q: &mut impl Query,
    entitlements: impl IntoIterator<Item = EntitlementId>,
) -> Result<BTreeMap<EntitlementId, PrincipalId>> {
    let rows = q.all(&BEHIND, args![Val::ids(entitlements)]).await?;
    Ok(pairs(&rows, ("entitlement_id", "group_id"))?
        .into_iter()
        .collect())
}

/// See [`crate::directory::memberships_of`].
pub(in crate::directory) async fn in_front(
    q: &mut impl Query,
    groups: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, EntitlementId)>> {
    let rows = q.all(&IN_FRONT, args![Val::ids(groups)]).await?;
    pairs(&rows, ("group_id", "entitlement_id"))
}

/// See [`crate::directory::held_by_principals`].
pub(in crate::directory) async fn held_by(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, EntitlementId)>> {
    let rows = q.all(&HELD_BY, args![Val::ids(principals)]).await?;
    pairs(&rows, ("principal_id", "entitlement_id"))
}

/// See [`crate::directory::holding`].
pub(in crate::directory) async fn holding(
    q: &mut impl Query,
    entitlements: impl IntoIterator<Item = EntitlementId>,
) -> Result<Vec<(PrincipalId, EntitlementId)>> {
    let rows = q.all(&HOLDING, args![Val::ids(entitlements)]).await?;
    pairs(&rows, ("principal_id", "entitlement_id"))
}

/// See [`crate::directory::on_account`].
pub(in crate::directory) async fn on_account(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
    account: &str,
) -> Result<BTreeMap<EntitlementId, Entitlement>> {
    let rows = q.all(&ON_ACCOUNT, args![account, Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| read_entitlement(row).map(|it| (it.id, it)))
        .collect()
}

/// Of a connection's permission sets, by ARN; nothing where they were not read.
pub(in crate::directory) async fn set_policies(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<BTreeMap<String, Option<Policies>>> {
    let rows = q.all(&SET_POLICIES, args![connection]).await?;
    (rows.iter())
        .map(|row| {
            let policies: Option<Value> = row.get("policies")?;
            Ok((row.get("arn")?, policies.map(Policies::read)))
        })
        .collect()
}
