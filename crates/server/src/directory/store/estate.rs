//! What of an estate a run works through: what its own lists showed, and what is known from before.

use serde_json::Value;
use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, Time};

use super::super::papers::{PermissionSet, Policies};
use super::bulk::Offered;
use crate::http::like;

stint_db::statements! {
    ACCOUNTS = "select aws_id from accounts where connection_id = $1 and state = 'active' and last_seen >= $2 order by aws_id";
    SETS = "select arn from permission_sets where connection_id = $1 and last_seen >= $2 order by arn";
    /// Permission sets whose policies were not read since.
    UNREAD_SETS = "select arn from permission_sets where connection_id = $1 and last_seen >= $2 \
        and (policies_read_at is null or policies_read_at < $3) order by arn";
    /// When the oldest reading began of what the permission sets of a list allow.
    POLICIES_SINCE = "select min(policies_read_at) as at from permission_sets where connection_id = $1 and last_seen >= $2";
    quiet SET_POLICIES = "update permission_sets set policies = $3, policies_read_at = $4 where connection_id = $1 and arn = $2 \
        and (policies_read_at is null or policies_read_at <= $4)";
    SET = "select arn, name, description, session_duration, policies, policies_read_at, gone_at from permission_sets \
        where connection_id = $1 and arn = $2";
    LIST_SETS = "select arn, name, description, session_duration, policies, policies_read_at, gone_at from permission_sets \
        where connection_id = $1 and lower(name) like $2 escape '\\' and ($3 is null or (name, arn) > ($3, $4)) order by name, arn limit $5";
    PRINCIPALS = "select id, aws_id from principals where connection_id = $1 and kind = $2 and last_seen >= $3 and gone_at is null order by aws_id";
    PRINCIPAL_KEYS = "select id, kind, aws_id, gone_at from principals where connection_id = $1 and id > $2 order by id limit $3";
    ENTITLEMENT_KEYS = "select id, account, target from entitlements where connection_id = $1 and id > $2 order by id limit $3";
    /// Permission sets on an account that are not among the entitlements as they are called now.
    UNOFFERED = "select s.arn, s.name || ' on ' || a.name as name from accounts a cross join permission_sets s \
        where a.connection_id = $1 and a.aws_id = $2 and s.connection_id = $1 and s.last_seen >= $3 \
        and not exists (select 1 from entitlements e where e.connection_id = $1 and e.kind = 'account_assignment' \
            and e.account = a.aws_id and e.target = s.arn and e.gone_at is null and e.name = s.name || ' on ' || a.name)";
    /// What can no longer be asked for: its account or its permission set is not in the list.
    WITHDRAWN = "select e.id from entitlements e where e.connection_id = $1 and e.kind = 'account_assignment' \
        and e.gone_at is null and e.id > $4 \
        and (not exists (select 1 from accounts a where a.connection_id = $1 and a.aws_id = e.account \
            and a.state = 'active' and a.last_seen > $2) \
        or not exists (select 1 from permission_sets s where s.connection_id = $1 and s.arn = e.target and s.last_seen > $3)) \
        order by e.id limit $5";
    /// Permission sets on accounts that somebody is known to hold, and how many.
    HELD_PAIRS = "select x.id, x.account, x.target, x.n from (select e.id, e.account, e.target, \
            (select count(*) from assignments a where a.entitlement_id = e.id and a.ended_at is null) as n \
            from entitlements e where e.connection_id = $1 and e.kind = 'account_assignment' and e.id > $2) x \
        where x.n > 0 order by x.id limit $3";
    /// Permission sets on accounts whose holders were seen since.
    SEEN_PAIRS = "select e.id from entitlements e where e.connection_id = $1 and e.kind = 'account_assignment' and e.id > $2 \
        and exists (select 1 from assignments a where a.entitlement_id = e.id and a.ended_at is null and a.last_seen >= $3) \
        order by e.id limit $4";
    /// What somebody is known to hold whom the lists no longer have.
    HELD_BY_UNLISTED = "select distinct a.entitlement_id from principals p \
        join assignments a on a.principal_id = p.id and a.ended_at is null \
        join entitlements e on e.id = a.entitlement_id and e.kind = 'account_assignment' \
        where p.connection_id = $1 and (p.kind = 'identity_center_user' and (p.last_seen < $2 or p.gone_at is not null) \
        or p.kind = 'identity_center_group' and (p.last_seen < $3 or p.gone_at is not null))";
    /// Users that are known to be in a group and that a list no longer has.
    UNLISTED_MEMBERS = "select p.id from principals p where p.connection_id = $1 and p.kind = 'identity_center_user' \
        and (p.last_seen < $2 or p.gone_at is not null) \
        and exists (select 1 from assignments a join entitlements e on e.id = a.entitlement_id and e.kind = 'group_membership' \
            where a.principal_id = p.id and a.ended_at is null)";
    MEMBERSHIPS = "select count(*) as n from assignments a join entitlements e on e.id = a.entitlement_id \
        where e.connection_id = $1 and e.kind = 'group_membership' and a.ended_at is null";
    /// Pages beyond the first that it takes to list what users hold, by themselves and through
    /// their groups, a hundred rows a page.
    FURTHER_PAGES = "select cast(coalesce(sum((x.n - 1) / 100), 0) as bigint) as n from (select y.principal_id, cast(sum(y.n) as bigint) as n from ( \
            select a.principal_id, count(*) as n from assignments a \
            join entitlements e on e.id = a.entitlement_id and e.kind = 'account_assignment' \
            join principals p on p.id = a.principal_id and p.kind = 'identity_center_user' \
            where a.connection_id = $1 and a.ended_at is null group by a.principal_id \
            union all select m.principal_id, h.n from assignments m \
            join entitlements ge on ge.id = m.entitlement_id and ge.kind = 'group_membership' \
            join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
            join (select a.principal_id, count(*) as n from assignments a \
                join entitlements e on e.id = a.entitlement_id and e.kind = 'account_assignment' \
                where a.connection_id = $1 and a.ended_at is null group by a.principal_id) h on h.principal_id = g.id \
            where m.connection_id = $1 and m.ended_at is null) y group by y.principal_id) x";
    /// The same for what groups hold.
    GROUPS_FURTHER_PAGES = "select cast(coalesce(sum((x.n - 1) / 100), 0) as bigint) as n from (select a.principal_id, count(*) as n from assignments a \
        join entitlements e on e.id = a.entitlement_id and e.kind = 'account_assignment' \
        join principals p on p.id = a.principal_id and p.kind = 'identity_center_group' \
        where a.connection_id = $1 and a.ended_at is null group by a.principal_id) x";
}

/// How many rows are read together.
const PAGE: i64 = 1_000;

fn nil<I: From<uuid::Uuid>>() -> I {
    I::from(uuid::Uuid::nil())
}

fn texts(rows: &[Row], column: &'static str) -> Result<Vec<String>> {
    rows.iter().map(|row| row.get(column)).collect()
}

/// The accounts that can be used, of a list begun at `since`.
pub(in crate::directory) async fn accounts(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Vec<String>> {
    texts(&q.all(&ACCOUNTS, args![connection, since]).await?, "aws_id")
}

/// The ARNs of the permission sets of a list begun at `since`.
pub(in crate::directory) async fn sets(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Vec<String>> {
    texts(&q.all(&SETS, args![connection, since]).await?, "arn")
}

/// The permission sets of a list begun at `since` whose policies were not read after `read`.
pub(in crate::directory) async fn unread_sets(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
    read: Time,
) -> Result<Vec<String>> {
    let values = args![connection, since, read];
    texts(&q.all(&UNREAD_SETS, values).await?, "arn")
}

/// When the reading began of those policies, of the sets of a list begun at `since`, that were read
/// longest ago; none where no set has any.
pub(in crate::directory) async fn policies_since(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Option<Time>> {
    match q.maybe(&POLICIES_SINCE, args![connection, since]).await? {
        Some(row) => row.get("at"),
        None => Ok(None),
    }
}

/// Writes down the policies of a permission set as read at a moment.
pub(in crate::directory) async fn set_policies(
    tx: &mut Tx,
    connection: ConnectionId,
    arn: &str,
    policies: Value,
    at: Time,
) -> Result<()> {
    tx.run(&SET_POLICIES, args![connection, arn, policies, at])
        .await
        .map(drop)
}

fn read_set(row: &Row) -> Result<PermissionSet> {
    let policies: Option<Value> = row.get("policies")?;
    let at: Option<Time> = row.get("policies_read_at")?;
    Ok(PermissionSet {
        arn: row.get("arn")?,
        name: row.get("name")?,
        description: row.get("description")?,
        session_duration: row.get("session_duration")?,
        policies: policies.map(Policies::read).zip(at),
        gone_at: row.get("gone_at")?,
    })
}

/// A permission set by its ARN.
pub(in crate::directory) async fn set(
    q: &mut impl Query,
    connection: ConnectionId,
    arn: &str,
) -> Result<Option<PermissionSet>> {
    let row = q.maybe(&SET, args![connection, arn]).await?;
    row.as_ref().map(read_set).transpose()
}

/// One page of permission sets, by name.
pub(in crate::directory) async fn list_sets(
    q: &mut impl Query,
    connection: ConnectionId,
    search: &str,
    after: Option<(String, String)>,
    limit: i64,
) -> Result<Vec<PermissionSet>> {
    let (name, arn) = after.unzip();
    let values = args![connection, like(search), name, arn, limit];
    let rows = q.all(&LIST_SETS, values).await?;
    rows.iter().map(read_set).collect()
}

/// The principals of a kind of a list begun at `since`: ours and AWS's ids.
pub(in crate::directory) async fn principals(
    q: &mut impl Query,
    connection: ConnectionId,
    kind: PrincipalKind,
    since: Time,
) -> Result<Vec<(PrincipalId, String)>> {
    let rows = q
        .all(&PRINCIPALS, args![connection, kind.as_str(), since])
        .await?;
    rows.iter()
        .map(|row| Ok((row.get("id")?, row.get("aws_id")?)))
        .collect()
}

/// Every principal known, and whether it is gone, a thousand at a time, from after `after` on; none after the last.
pub(in crate::directory) async fn principal_keys(
    q: &mut impl Query,
    connection: ConnectionId,
    after: Option<PrincipalId>,
) -> Result<Vec<(PrincipalId, PrincipalKind, String, bool)>> {
    let after = after.unwrap_or_else(nil);
    let rows = q
        .all(&PRINCIPAL_KEYS, args![connection, after, PAGE])
        .await?;
    rows.iter()
        .map(|row| {
            let kind = super::things::principal_kind(row, "kind")?;
            let gone: Option<Time> = row.get("gone_at")?;
            Ok((row.get("id")?, kind, row.get("aws_id")?, gone.is_some()))
        })
        .collect()
}

/// Every entitlement known, by account and target, a thousand at a time.
pub(in crate::directory) async fn entitlement_keys(
    q: &mut impl Query,
    connection: ConnectionId,
    after: Option<EntitlementId>,
) -> Result<Vec<(EntitlementId, String, String)>> {
    let after = after.unwrap_or_else(nil);
    let rows = q
        .all(&ENTITLEMENT_KEYS, args![connection, after, PAGE])
        .await?;
    rows.iter()
        .map(|row| Ok((row.get("id")?, row.get("account")?, row.get("target")?)))
        .collect()
}

/// The permission sets of a list begun at `since` that are not among what can be asked for on
/// this account, or are called otherwise there.
pub(in crate::directory) async fn unoffered(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
    since: Time,
) -> Result<Vec<Offered>> {
    let rows = q.all(&UNOFFERED, args![connection, account, since]).await?;
    rows.iter()
        .map(|row| {
            Ok(Offered {
                account: account.to_owned(),
                permission_set: row.get("arn")?,
                name: row.get("name")?,
            })
        })
        .collect()
}

/// Permission sets on accounts of which one was not seen after these moments, or cannot be used; a
/// thousand at a time.
pub(in crate::directory) async fn withdrawn(
    q: &mut impl Query,
    connection: ConnectionId,
    (accounts, sets): (Time, Time),
    after: Option<EntitlementId>,
) -> Result<Vec<EntitlementId>> {
    let values = args![connection, accounts, sets, after.unwrap_or_else(nil), PAGE];
    let rows = q.all(&WITHDRAWN, values).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// A permission set on an account that somebody is known to hold.
pub(in crate::directory) struct HeldPair {
    pub(in crate::directory) entitlement: EntitlementId,
    pub(in crate::directory) account: String,
    pub(in crate::directory) permission_set: String,
    /// How many hold it.
    pub(in crate::directory) holders: u64,
}

/// Those that somebody is known to hold, a thousand at a time.
pub(in crate::directory) async fn held_pairs(
    q: &mut impl Query,
    connection: ConnectionId,
    after: Option<EntitlementId>,
) -> Result<Vec<HeldPair>> {
    let after = after.unwrap_or_else(nil);
    let rows = q.all(&HELD_PAIRS, args![connection, after, PAGE]).await?;
    rows.iter()
        .map(|row| {
            Ok(HeldPair {
                entitlement: row.get("id")?,
                account: row.get("account")?,
                permission_set: row.get("target")?,
                holders: count(row)?,
            })
        })
        .collect()
}

/// Those whose holders were seen since, a thousand at a time.
pub(in crate::directory) async fn seen_pairs(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
    after: Option<EntitlementId>,
) -> Result<Vec<EntitlementId>> {
    let values = args![connection, after.unwrap_or_else(nil), since, PAGE];
    let rows = q.all(&SEEN_PAIRS, values).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// What users and groups are known to hold that the lists, begun then, do not have.
pub(in crate::directory) async fn held_by_unlisted(
    q: &mut impl Query,
    connection: ConnectionId,
    (users, groups): (Time, Time),
) -> Result<Vec<EntitlementId>> {
    let rows = q
        .all(&HELD_BY_UNLISTED, args![connection, users, groups])
        .await?;
    rows.iter().map(|row| row.get("entitlement_id")).collect()
}

/// Users that are known to be in a group and that a list, begun then, does not have.
pub(in crate::directory) async fn unlisted_members(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Vec<PrincipalId>> {
    let rows = q.all(&UNLISTED_MEMBERS, args![connection, since]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// How many memberships of Identity Center groups are known.
pub(in crate::directory) async fn memberships(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<u64> {
    let row = q.maybe(&MEMBERSHIPS, args![connection]).await?;
    row.as_ref().map_or(Ok(0), count)
}

/// Calls beyond one each that it takes to list what every group and what every user holds, by
/// what is known now.
pub(in crate::directory) async fn further_pages(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<(u64, u64)> {
    let groups = q.maybe(&GROUPS_FURTHER_PAGES, args![connection]).await?;
    let users = q.maybe(&FURTHER_PAGES, args![connection]).await?;
    Ok((
        groups.as_ref().map_or(Ok(0), count)?,
        users.as_ref().map_or(Ok(0), count)?,
    ))
}

fn count(row: &Row) -> Result<u64> {
    row.get::<i64>("n").map(|n| u64::try_from(n).unwrap_or(0))
}
