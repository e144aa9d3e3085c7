//! What readings of single things need: finding them by their names in AWS, and ending what a
//! reading of their scope no longer showed.

use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, Time};

use super::iam;
use super::things::parts;

stint_db::statements! {
    ENTITLEMENT_OF = "select id, gone_at from entitlements where connection_id = $1 and kind = $2 and account = $3 and target = $4";
    PRINCIPAL_OF = "select id, last_seen, gone_at from principals where connection_id = $1 and kind = $2 and aws_id = $3";
    ACCOUNT_OF = "select name, state, gone_at from accounts where connection_id = $1 and aws_id = $2";
    SET_OF = "select name, last_seen, gone_at from permission_sets where connection_id = $1 and arn = $2";
    ACTIVE_ACCOUNTS = "select aws_id, name from accounts where connection_id = $1 and state = 'active' and gone_at is null order by aws_id";
    LIVE_SETS = "select arn, name from permission_sets where connection_id = $1 and gone_at is null order by arn";
    /// Whose membership this is.
    GROUP_OF_MEMBERSHIP = "select e.target from assignments a join entitlements e on e.id = a.entitlement_id \
        where a.membership = $2 and a.connection_id = $1 and a.ended_at is null and e.kind = 'group_membership' limit 1";
    /// The groups that somebody is in who no longer exists.
    GROUPS_OF_GONE = "select distinct e.target from principals p join assignments a on a.principal_id = p.id and a.ended_at is null \
        join entitlements e on e.id = a.entitlement_id and e.kind = 'group_membership' \
        where p.connection_id = $1 and p.kind = 'identity_center_user' and p.gone_at = $2 order by e.target";
    IAM_USER_NAMED = "select id from principals where connection_id = $1 and kind = 'iam_user' and account = $4 and name = $2 and aws_id <> $3 and gone_at is null limit 1";
    IAM_GROUP_NAMED = "select id from entitlements where connection_id = $1 and kind = 'iam_group_membership' and account = $2 and aws_name = $3 and target <> $4 and gone_at is null limit 1";

    // What a list no longer had.
    quiet PRINCIPAL_GONE = "update principals set gone_at = $4 where connection_id = $1 and kind = $2 and aws_id = $3 and last_seen <= $5 and gone_at is null";
    quiet PRINCIPALS_MISSING = "update principals set gone_at = $3 where connection_id = $1 and kind = $2 and last_seen <= $4 and gone_at is null";
    quiet ENTITLEMENTS_MISSING = "update entitlements set gone_at = $3 where connection_id = $1 and kind = $2 and last_seen <= $4 and gone_at is null";
    /// Names of roles never move: who bore one that is another's, or nobody's, is gone.
    quiet IAM_ROLE_GONE = "update iam_roles set gone_at = $3 where connection_id = $1 and account = $2 and last_seen <= $4 and gone_at is null \
        and name = $5 and aws_id <> $6";
    quiet ENTITLEMENT_GONE = "update entitlements set gone_at = $2 where id = $1 and last_seen <= $3 and gone_at is null";
    quiet SET_GONE = "update permission_sets set gone_at = $3 where connection_id = $1 and arn = $2 and last_seen <= $4 and gone_at is null";
    quiet SET_NOT_OFFERED = "update entitlements set gone_at = $3 where connection_id = $1 and kind = 'account_assignment' and target = $2 and last_seen <= $4 and gone_at is null";
    quiet ACCOUNTS_MISSING = "update accounts set gone_at = $2, tags = null, tags_read_at = null, tags_tried_at = $2, tags_refused_at = null \
        where connection_id = $1 and last_seen <= $3 and gone_at is null";
    /// On accounts that cannot be used, or have left.
    quiet ACCOUNTS_NOT_OFFERED = "update entitlements set gone_at = $2 where connection_id = $1 and kind = 'account_assignment' and gone_at is null and last_seen <= $3 \
        and account in (select c.aws_id from accounts c where c.connection_id = $1 and (c.gone_at is not null or c.state <> 'active'))";
    // When something was last seen that is too fresh to be believed gone.
    PRINCIPAL_FRESH = "select max(last_seen) as at from principals where connection_id = $1 and kind = $2 and last_seen > $3 and last_seen < $4 and gone_at is null";
    IAM_USER_FRESH = "select max(last_seen) as at from principals where connection_id = $1 and kind = 'iam_user' and account = $2 and last_seen > $3 and last_seen < $4 and gone_at is null";
    IAM_GROUP_FRESH = "select max(last_seen) as at from entitlements where connection_id = $1 and kind = 'iam_group_membership' and account = $2 and last_seen > $3 and last_seen < $4 and gone_at is null";
    IAM_ROLES_FRESH = "select max(last_seen) as at from iam_roles where connection_id = $1 and account = $2 and last_seen > $3 and last_seen < $4 and gone_at is null";
    IAM_ROLE_FRESH = "select max(last_seen) as at from iam_roles where connection_id = $1 and account = $2 and last_seen > $3 and last_seen < $4 and gone_at is null \
        and name = $5 and aws_id <> $6";
    ACCOUNT_FRESH = "select max(last_seen) as at from accounts where connection_id = $1 and last_seen > $2 and last_seen < $3 and gone_at is null";
    HELD_FRESH = "select max(last_seen) as at from assignments where entitlement_id = $1 and last_seen > $2 and last_seen < $3 and ended_at is null";

    // Of what somebody holds, by scope.
    ENDING_OF = "select count(*) as n from assignments where entitlement_id = $1 and ended_at is null and last_seen <= $2";
    END_OF = "update assignments set ended_at = $2 where entitlement_id = $1 and ended_at is null and last_seen <= $3";
    /// Somebody holds this set somewhere.
    HELD_OF_SET = "select distinct e.id from entitlements e join assignments a on a.entitlement_id = e.id and a.ended_at is null \
        where e.connection_id = $1 and e.kind = 'account_assignment' and e.target = $2 order by e.id";
    /// Somebody holds something on an account that has left.
    HELD_ON_GONE = "select distinct e.id from accounts c join entitlements e on e.connection_id = c.connection_id and e.kind = 'account_assignment' and e.account = c.aws_id \
        join assignments a on a.entitlement_id = e.id and a.ended_at is null where c.connection_id = $1 and c.gone_at is not null order by e.id";
    /// Somebody is in a group that no longer exists.
    HELD_OF_GONE_GROUPS = "select distinct e.id from entitlements e join assignments a on a.entitlement_id = e.id and a.ended_at is null \
        where e.connection_id = $1 and e.kind = $2 and e.account = $3 and e.gone_at is not null order by e.id";
    OPEN_COUNT = "select count(*) as n from assignments where connection_id = $1 and ended_at is null";
}

/// An entitlement's id by its names in AWS, and whether AWS still has it.
pub(in crate::directory) async fn entitlement(
    q: &mut impl Query,
    connection: ConnectionId,
    key: &EntitlementKey,
) -> Result<Option<(EntitlementId, bool)>> {
    let (account, target) = parts(key);
    let values = args![connection, key.kind(), account, target];
    let row = q.maybe(&ENTITLEMENT_OF, values).await?;
    row.map(|row| {
        let gone: Option<Time> = row.get("gone_at")?;
        Ok((row.get("id")?, gone.is_none()))
    })
    .transpose()
}

/// A principal as it was last seen.
pub(in crate::directory) struct Known {
    pub(in crate::directory) id: PrincipalId,
    pub(in crate::directory) last_seen: Time,
    pub(in crate::directory) there: bool,
}

/// A principal by its id in AWS.
pub(in crate::directory) async fn principal(
    q: &mut impl Query,
    connection: ConnectionId,
    kind: PrincipalKind,
    aws_id: &str,
) -> Result<Option<Known>> {
    let row = q.maybe(&PRINCIPAL_OF, args![connection, kind.as_str(), aws_id]);
    row.await?
        .map(|row| {
            let gone: Option<Time> = row.get("gone_at")?;
            Ok(Known {
                id: row.get("id")?,
                last_seen: row.get("last_seen")?,
                there: gone.is_none(),
            })
        })
        .transpose()
}

/// The name of an account that can be used.
pub(in crate::directory) async fn active_account(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> Result<Option<String>> {
    let Some(row) = q.maybe(&ACCOUNT_OF, args![connection, account]).await? else {
        return Ok(None);
    };
    let (state, gone): (String, Option<Time>) = (row.get("state")?, row.get("gone_at")?);
    if state == "active" && gone.is_none() {
        row.get("name").map(Some)
    } else {
        Ok(None)
    }
}

/// A permission set: its name, when it was last seen, and whether AWS still has it.
pub(in crate::directory) async fn set(
    q: &mut impl Query,
    connection: ConnectionId,
    arn: &str,
) -> Result<Option<(String, Time, bool)>> {
    let row = q.maybe(&SET_OF, args![connection, arn]).await?;
    row.map(|row| {
        let gone: Option<Time> = row.get("gone_at")?;
        Ok((row.get("name")?, row.get("last_seen")?, gone.is_none()))
    })
    .transpose()
}

/// The accounts that can be used: (id, name).
pub(in crate::directory) async fn active_accounts(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<(String, String)>> {
    let rows = q.all(&ACTIVE_ACCOUNTS, args![connection]).await?;
    rows.iter()
        .map(|row| Ok((row.get("aws_id")?, row.get("name")?)))
        .collect()
}

/// The permission sets AWS has: (ARN, name).
pub(in crate::directory) async fn live_sets(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<(String, String)>> {
    let rows = q.all(&LIVE_SETS, args![connection]).await?;
    rows.iter()
        .map(|row| Ok((row.get("arn")?, row.get("name")?)))
        .collect()
}

/// The group whose membership this is, as far as is known.
pub(in crate::directory) async fn group_of_membership(
    q: &mut impl Query,
    connection: ConnectionId,
    membership: &str,
) -> Result<Option<String>> {
    let row = q
        .maybe(&GROUP_OF_MEMBERSHIP, args![connection, membership])
        .await?;
    row.map(|row| row.get("target")).transpose()
}

/// The groups of users that were found gone at that moment.
pub(in crate::directory) async fn groups_of_gone(
    q: &mut impl Query,
    connection: ConnectionId,
    gone_at: Time,
) -> Result<Vec<String>> {
    let rows = q.all(&GROUPS_OF_GONE, args![connection, gone_at]).await?;
    rows.iter().map(|row| row.get("target")).collect()
}

/// Whether an IAM user of another id is known by this name.
pub(in crate::directory) async fn iam_user_named(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
    name: &str,
    but: &str,
) -> Result<bool> {
    let row = q.maybe(&IAM_USER_NAMED, args![connection, name, but, account]);
    Ok(row.await?.is_some())
}

/// Whether an IAM group of another id is known by this name.
pub(in crate::directory) async fn iam_group_named(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
    name: &str,
    but: &str,
) -> Result<bool> {
    let row = q.maybe(&IAM_GROUP_NAMED, args![connection, account, name, but]);
    Ok(row.await?.is_some())
}

/// One reading that found something gone: when it began, and until when what was seen may be
/// believed gone (invariant 10).
#[derive(Debug, Clone, Copy)]
pub(in crate::directory) struct Absence {
    pub(in crate::directory) began: Time,
    pub(in crate::directory) until: Time,
}

pub(in crate::directory) async fn principal_gone(
    tx: &mut Tx,
    connection: ConnectionId,
    kind: PrincipalKind,
    aws_id: &str,
    by: Absence,
) -> Result<u64> {
    let values = args![connection, kind.as_str(), aws_id, by.began, by.until];
    tx.run(&PRINCIPAL_GONE, values).await
}

/// Of a kind, those that a whole list did not have.
pub(in crate::directory) async fn principals_missing(
    tx: &mut Tx,
    connection: ConnectionId,
    kind: PrincipalKind,
    by: Absence,
) -> Result<u64> {
    let values = args![connection, kind.as_str(), by.began, by.until];
    tx.run(&PRINCIPALS_MISSING, values).await
}

/// The same of the entitlements of a kind.
pub(in crate::directory) async fn entitlements_missing(
    tx: &mut Tx,
    connection: ConnectionId,
    kind: &'static str,
    by: Absence,
) -> Result<u64> {
    let values = args![connection, kind, by.began, by.until];
    tx.run(&ENTITLEMENTS_MISSING, values).await
}

/// When anything of this list of an account ([`iam`]) was last seen that the list did not have and that
/// is too fresh to be believed gone.
pub(in crate::directory) async fn iam_fresh(
    q: &mut impl Query,
    list: &str,
    (connection, account): (ConnectionId, &str),
    by: Absence,
) -> Result<Option<Time>> {
    let statement = match list {
        iam::USER_LIST => &IAM_USER_FRESH,
        iam::GROUP_LIST => &IAM_GROUP_FRESH,
        iam::ROLE_LIST => &IAM_ROLES_FRESH,
        _ => return Ok(None),
    };
    let values = args![connection, account, by.until, by.began];
    at(q.maybe(statement, values).await?)
}

/// The IAM roles of this name that are not its bearer's (empty: nobody bears it) are gone. Answers
/// when one was last seen that is too fresh to be believed so.
pub(in crate::directory) async fn iam_role_gone(
    tx: &mut Tx,
    (connection, account): (ConnectionId, &str),
    name: &str,
    bearer: &str,
    by: Absence,
) -> Result<Option<Time>> {
    let values = args![connection, account, by.began, by.until, name, bearer];
    tx.run(&IAM_ROLE_GONE, values).await?;
    let values = args![connection, account, by.until, by.began, name, bearer];
    at(tx.maybe(&IAM_ROLE_FRESH, values).await?)
}

pub(in crate::directory) async fn entitlement_gone(
    tx: &mut Tx,
    id: EntitlementId,
    by: Absence,
) -> Result<u64> {
    tx.run(&ENTITLEMENT_GONE, args![id, by.began, by.until])
        .await
}

/// A permission set, and that it is offered anywhere.
pub(in crate::directory) async fn set_gone(
    tx: &mut Tx,
    connection: ConnectionId,
    arn: &str,
    by: Absence,
) -> Result<u64> {
    let values = || args![connection, arn, by.began, by.until];
    let gone = tx.run(&SET_GONE, values()).await?;
    tx.run(&SET_NOT_OFFERED, values()).await?;
    Ok(gone)
}

/// Accounts that a whole list did not have; and that nothing is offered any more on those that
/// have left or cannot be used.
pub(in crate::directory) async fn accounts_missing(
    tx: &mut Tx,
    connection: ConnectionId,
    by: Absence,
) -> Result<u64> {
    let values = || args![connection, by.began, by.until];
    let gone = tx.run(&ACCOUNTS_MISSING, values()).await?;
    tx.run(&ACCOUNTS_NOT_OFFERED, values()).await?;
    Ok(gone)
}

fn at(row: Option<Row>) -> Result<Option<Time>> {
    row.map_or(Ok(None), |row| row.get("at"))
}

/// When one was last seen that the list did not have and that is too fresh to be believed gone.
pub(in crate::directory) async fn principal_fresh(
    q: &mut impl Query,
    connection: ConnectionId,
    kind: PrincipalKind,
    by: Absence,
) -> Result<Option<Time>> {
    let values = args![connection, kind.as_str(), by.until, by.began];
    at(q.maybe(&PRINCIPAL_FRESH, values).await?)
}

/// The same of accounts.
pub(in crate::directory) async fn account_fresh(
    q: &mut impl Query,
    connection: ConnectionId,
    by: Absence,
) -> Result<Option<Time>> {
    at(
        q.maybe(&ACCOUNT_FRESH, args![connection, by.until, by.began])
            .await?,
    )
}

/// The same of those who hold an entitlement.
pub(in crate::directory) async fn held_fresh(
    q: &mut impl Query,
    entitlement: EntitlementId,
    by: Absence,
) -> Result<Option<Time>> {
    at(q.maybe(&HELD_FRESH, args![entitlement, by.until, by.began])
        .await?)
}

/// How many assignments a reading of this scope would end.
pub(in crate::directory) async fn ending(
    q: &mut impl Query,
    entitlement: EntitlementId,
    until: Time,
) -> Result<i64> {
    let row = q.maybe(&ENDING_OF, args![entitlement, until]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

/// Ends them.
pub(in crate::directory) async fn end(
    tx: &mut Tx,
    entitlement: EntitlementId,
    by: Absence,
) -> Result<u64> {
    tx.run(&END_OF, args![entitlement, by.began, by.until])
        .await
}

/// Entitlements that somebody holds although what they are of is gone.
#[derive(Debug, Clone, Copy)]
pub(in crate::directory) enum Orphaned<'a> {
    /// Of this permission set.
    Set(&'a str),
    /// On accounts that have left.
    Accounts,
    /// Of Identity Center groups that no longer exist.
    Groups,
    /// Of IAM groups of this account that no longer exist.
    IamGroups(&'a str),
}

pub(in crate::directory) async fn orphaned(
    q: &mut impl Query,
    connection: ConnectionId,
    of: Orphaned<'_>,
) -> Result<Vec<EntitlementId>> {
    let rows = match of {
        Orphaned::Set(arn) => q.all(&HELD_OF_SET, args![connection, arn]).await?,
        Orphaned::Accounts => q.all(&HELD_ON_GONE, args![connection]).await?,
        Orphaned::Groups => {
            let values = args![connection, "group_membership", ""];
            q.all(&HELD_OF_GONE_GROUPS, values).await?
        }
        Orphaned::IamGroups(account) => {
            let values = args![connection, "iam_group_membership", account];
            q.all(&HELD_OF_GONE_GROUPS, values).await?
        }
    };
    rows.iter().map(|row| row.get("id")).collect()
}

/// How many assignments of a connection are known.
pub(in crate::directory) async fn open(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    let row = q.maybe(&OPEN_COUNT, args![connection]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}
