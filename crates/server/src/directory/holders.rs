//! Who holds what, of many at once: each of these is one statement, however many are asked about.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Query, Result};
use stint_domain::condition::Thing;
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, UserId};

use super::store::{holders, offered};
use super::{Entitlement, Policies};
use crate::connections;

/// The principals that these people are confirmed to be.
pub async fn principals_of_users(
    q: &mut impl Query,
    users: &BTreeSet<UserId>,
) -> Result<BTreeMap<PrincipalId, UserId>> {
    holders::principals_of(q, users).await
}

/// Whose these principals are confirmed to be.
pub async fn users_of_principals(
    q: &mut impl Query,
    principals: &BTreeSet<PrincipalId>,
) -> Result<BTreeMap<PrincipalId, UserId>> {
    holders::users_of(q, principals).await
}

/// Each of these principals with the Identity Center groups it is in, as last seen.
pub async fn groups_of_principals(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, PrincipalId)>> {
    holders::groups_of(q, principals).await
}

/// Each of these Identity Center groups with who is in it, as last seen.
pub async fn members_of_groups(
    q: &mut impl Query,
    groups: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, PrincipalId)>> {
    holders::members_of(q, groups).await
}

/// Of these entitlements, those that are membership of an Identity Center group, with that group.
pub async fn memberships(
    q: &mut impl Query,
    entitlements: impl IntoIterator<Item = EntitlementId>,
) -> Result<BTreeMap<EntitlementId, PrincipalId>> {
    holders::behind(q, entitlements).await
}

/// The other way about: each of these groups with the entitlement of being in it.
pub async fn memberships_of(
    q: &mut impl Query,
    groups: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, EntitlementId)>> {
    holders::in_front(q, groups).await
}

/// What these principals hold themselves, as last seen.
pub async fn held_by_principals(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<Vec<(PrincipalId, EntitlementId)>> {
    holders::held_by(q, principals).await
}

/// Who holds these things themselves, as last seen.
pub async fn holding(
    q: &mut impl Query,
    entitlements: impl IntoIterator<Item = EntitlementId>,
) -> Result<Vec<(PrincipalId, EntitlementId)>> {
    holders::holding(q, entitlements).await
}

/// These entitlements as conditions see them, by connection; also what is gone. Those of a removed
/// connection are left out. Two statements.
pub async fn things_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
) -> Result<BTreeMap<ConnectionId, Vec<Thing>>> {
    let names = connections::names(q).await?;
    offered::several(q, ids, &names).await
}

/// A page of all entitlements of a connection that AWS has, by id, as conditions see them.
pub async fn all_things(
    q: &mut impl Query,
    connection: ConnectionId,
    names: &BTreeMap<ConnectionId, connections::Names>,
    after: Option<EntitlementId>,
    limit: i64,
) -> Result<Vec<Thing>> {
    offered::all(q, connection, names, after, limit).await
}

/// Those of these entitlements that are on an account and that AWS still has.
pub async fn on_account(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
    account: &str,
) -> Result<BTreeMap<EntitlementId, Entitlement>> {
    holders::on_account(q, ids, account).await
}

/// What these permission sets allow, by connection and ARN; nothing where it was not read. One
/// statement for each connection.
pub async fn policies_of_sets(
    q: &mut impl Query,
    wanted: BTreeSet<(ConnectionId, String)>,
) -> Result<BTreeMap<(ConnectionId, String), Option<Policies>>> {
    let connections: BTreeSet<ConnectionId> = wanted.iter().map(|(of, _)| *of).collect();
    let mut found = BTreeMap::new();
    for connection in connections {
        let all = holders::set_policies(q, connection).await?;
        let all = all
            .into_iter()
            .map(|(arn, policies)| ((connection, arn), policies));
        found.extend(all.filter(|(key, _)| wanted.contains(key)));
    }
    Ok(found)
}
