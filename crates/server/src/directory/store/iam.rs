//! The IAM of accounts, as a sync writes it: users and what their credential report says, groups,
//! roles, and how reading each account went. Everything by account: what one of them has says
//! nothing of another.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use stint_aws::{IamReading, IamRole, IamUser, RootUse, UserReport};
use stint_db::{Query, Result, Tx, Val, args};
use stint_domain::sync::iam::Counts;
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, SyncId, Time};

stint_db::statements! {
    quiet SEE_USER = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, account, first_seen, last_seen) \
        values ($1, $2, 'iam_user', $3, $4, $5, $6, $7, $7) \
        on conflict (connection_id, kind, aws_id) do update set name = excluded.name, sort_key = excluded.sort_key, \
        account = excluded.account, last_seen = excluded.last_seen, gone_at = null \
        where principals.last_seen <= excluded.last_seen and (principals.gone_at is null or principals.gone_at <= excluded.last_seen)";
    quiet USERS_GONE = "update principals set gone_at = $3 where connection_id = $1 and kind = 'iam_user' and account = $2 and last_seen <= $4 and gone_at is null";
    quiet GROUPS_GONE = "update entitlements set gone_at = $3 where connection_id = $1 and kind = 'iam_group_membership' and account = $2 and last_seen <= $4 and gone_at is null";
    /// Nobody is in a group of this account that no longer exists.
    quiet END_GROUPS = "insert into sync_endings (sync_id, assignment_id, began, seen_until) \
        select $5, a.id, $3, $4 from assignments a where a.connection_id = $1 and a.last_seen <= $4 and a.ended_at is null \
        and a.entitlement_id in (select e.id from entitlements e where e.connection_id = $1 and e.kind = 'iam_group_membership' \
        and e.account = $2 and e.last_seen <= $4) \
        on conflict (sync_id, assignment_id) do nothing";
    /// Of these users it is not known in which groups they are.
    quiet SPARE = "delete from sync_endings where sync_id = $1 and assignment_id in \
        (select a.id from assignments a where a.principal_id in {ids $2})";
    USERS = "select id, aws_id from principals where connection_id = $1 and kind = 'iam_user' and account = $2";
    GROUPS = "select id, target, aws_name from entitlements where connection_id = $1 and kind = 'iam_group_membership' and account = $2 and gone_at is null";
    COUNTS = "select (select count(*) from principals where connection_id = $1 and kind = 'iam_user' and account = $2 and gone_at is null) as n_users, \
        (select count(*) from entitlements where connection_id = $1 and kind = 'iam_group_membership' and account = $2 and gone_at is null) as n_groups, \
        (select count(*) from iam_roles where connection_id = $1 and account = $2 and gone_at is null) as n_roles";
    quiet SEE_ROLE = "insert into iam_roles (connection_id, aws_id, account, name, path, arn, description, trust, max_session, boundary, used_at, used_in, made_at, sort_key, first_seen, last_seen) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15) \
        on conflict (connection_id, aws_id) do update set name = excluded.name, path = excluded.path, arn = excluded.arn, \
        description = coalesce(excluded.description, iam_roles.description), trust = excluded.trust, \
        max_session = coalesce(excluded.max_session, iam_roles.max_session), \
        boundary = case when $16 then excluded.boundary else iam_roles.boundary end, \
        used_at = coalesce(excluded.used_at, iam_roles.used_at), used_in = coalesce(excluded.used_in, iam_roles.used_in), \
        sort_key = excluded.sort_key, last_seen = excluded.last_seen, gone_at = null \
        where iam_roles.last_seen <= excluded.last_seen and (iam_roles.gone_at is null or iam_roles.gone_at <= excluded.last_seen)";
    quiet ROLES_GONE = "update iam_roles set gone_at = $3 where connection_id = $1 and account = $2 and last_seen <= $4 and gone_at is null";
    quiet SEE_CREDENTIALS = "insert into iam_users (principal_id, path, made_at, signed_in_at) values ($1, $2, $3, $4) \
        on conflict (principal_id) do update set path = excluded.path, made_at = excluded.made_at, \
        signed_in_at = coalesce(excluded.signed_in_at, iam_users.signed_in_at)";
    quiet SEE_REPORT = "update iam_users set signed_in_at = coalesce($2, signed_in_at), password = $3, mfa = $4, keys = $5, \
        oldest_key_at = $6, report_at = $7 where principal_id = $1 and (report_at is null or report_at <= $7)";
    /// The accounts that can be used, of a list begun then.
    ACCOUNTS = "select aws_id, name from accounts where connection_id = $1 and state = 'active' and last_seen >= $2 order by aws_id";
    /// The account that was read with the connection's own credentials.
    OWN = "select account from account_facts where connection_id = $1 and iam_own";
    READ_AT = "select iam_read_at from account_facts where connection_id = $1 and account = $2";
    quiet WAS_READ = "insert into account_facts (connection_id, account, name, name_key, words, iam, iam_own, iam_changed_at, iam_read_at, iam_listing, alias) \
        values ($1, $2, $2, $2, $2, 'read', $3, $4, $5, $6, $7) \
        on conflict (connection_id, account) do update set iam_own = excluded.iam_own, iam_code = null, iam_why = null, \
        iam_changed_at = case when account_facts.iam = 'read' then account_facts.iam_changed_at else excluded.iam_changed_at end, \
        iam = 'read', iam_read_at = coalesce(excluded.iam_read_at, account_facts.iam_read_at), iam_listing = excluded.iam_listing, \
        alias = case when $8 then excluded.alias else account_facts.alias end";
    quiet ROOT = "update account_facts set report_at = $3, root_mfa = $4, root_keys = $5, root_signed_in_at = $6 \
        where connection_id = $1 and account = $2";
    quiet REFUSED = "insert into account_facts (connection_id, account, name, name_key, words, iam, iam_own, iam_changed_at, iam_code, iam_why) \
        values ($1, $2, $2, $2, $2, 'refused', false, $3, $4, $5) \
        on conflict (connection_id, account) do update set \
        iam_changed_at = case when account_facts.iam = 'refused' then account_facts.iam_changed_at else excluded.iam_changed_at end, \
        iam = 'refused', iam_code = excluded.iam_code, iam_why = excluded.iam_why";
    REFUSAL = "select f.account, f.iam_why from account_facts f join accounts a on a.connection_id = f.connection_id and a.aws_id = f.account \
        where f.connection_id = $1 and a.last_seen >= $2 and a.state = 'active' and f.iam = 'refused' and f.iam_why is not null \
        order by f.account limit 1";
    DENIED = "select action from denied_actions where connection_id = $1 and account = $2 and denied_at > $3";
    quiet DENY = "insert into denied_actions (connection_id, account, action, denied_at) values ($1, $2, $3, $4) \
        on conflict (connection_id, account, action) do update set denied_at = excluded.denied_at";
}

/// Notes an IAM user as just seen.
pub(in crate::directory) async fn see_user(
    tx: &mut Tx,
    id: PrincipalId,
    (connection, account): (ConnectionId, &str),
    user: &IamUser,
    began: Time,
) -> Result<()> {
    let values = args![
        id,
        connection,
        &user.id,
        &user.name,
        user.name.to_lowercase(),
        account,
        began
    ];
    tx.run(&SEE_USER, values).await.map(drop)
}

/// The lists of IAM that are read whole, as they stand among a run's scopes.
pub(in crate::directory) const USER_LIST: &str = "iam_users";
pub(in crate::directory) const GROUP_LIST: &str = "iam_groups";
pub(in crate::directory) const ROLE_LIST: &str = "iam_roles";

/// What else a run notes of an account among its scopes: that users, groups and memberships were read
/// with nothing left out, and which credential report told of it.
pub(in crate::directory) const WHOLE: &str = "iam_whole";
pub(in crate::directory) const REPORT: &str = "iam_report";

/// Whether this part of an account is a list: what it no longer has is gone.
pub(in crate::directory) fn is_list(part: &str) -> bool {
    [USER_LIST, GROUP_LIST, ROLE_LIST].contains(&part)
}

/// Notes as gone what one of those lists of an account, begun then, no longer had. Answers how many.
pub(in crate::directory) async fn gone(
    tx: &mut Tx,
    list: &str,
    (connection, account): (ConnectionId, &str),
    (began, until): (Time, Time),
) -> Result<u64> {
    let statement = match list {
        USER_LIST => &USERS_GONE,
        GROUP_LIST => &GROUPS_GONE,
        ROLE_LIST => &ROLES_GONE,
        _ => return Ok(0),
    };
    tx.run(statement, args![connection, account, began, until])
        .await
}

/// Notes as to end who was in groups of an account that its complete list, begun then, no longer
/// had, unless seen after `seen_until`. Answers how many end.
pub(in crate::directory) async fn end_groups(
    tx: &mut Tx,
    sync: SyncId,
    (connection, account): (ConnectionId, &str),
    began: Time,
    seen_until: Time,
) -> Result<u64> {
    let values = args![connection, account, began, seen_until, sync];
    tx.run(&END_GROUPS, values).await
}

/// Takes back that anything of these principals ends in this run. Answers how much.
pub(in crate::directory) async fn spare(
    tx: &mut Tx,
    sync: SyncId,
    principals: &[PrincipalId],
) -> Result<u64> {
    let ids = Val::ids(principals.iter().copied());
    tx.run(&SPARE, args![sync, ids]).await
}

/// The IAM users known of an account, by their ids in AWS.
pub(in crate::directory) async fn users(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> Result<HashMap<String, PrincipalId>> {
    let rows = q.all(&USERS, args![connection, account]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("aws_id")?, row.get("id")?)))
        .collect()
}

/// A group as it is known.
pub(in crate::directory) struct KnownGroup {
    pub(in crate::directory) entitlement: EntitlementId,
    pub(in crate::directory) name: String,
}

/// The IAM groups an account has, by their ids in AWS.
pub(in crate::directory) async fn groups(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> Result<HashMap<String, KnownGroup>> {
    let rows = q.all(&GROUPS, args![connection, account]).await?;
    let one = |row: &stint_db::Row| {
        let target: String = row.get("target")?;
        let name: Option<String> = row.get("aws_name")?;
        let known = KnownGroup {
            entitlement: row.get("id")?,
            name: name.unwrap_or_else(|| target.clone()),
        };
        Ok((target, known))
    };
    rows.iter().map(one).collect()
}

/// How much is known of an account's IAM.
pub(in crate::directory) async fn counts(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> Result<Counts> {
    let row = q.maybe(&COUNTS, args![connection, account]).await?;
    let Some(row) = row else {
        return Ok(Counts::default());
    };
    let count = |name: &str| -> Result<u64> {
        let n: i64 = row.get(name)?;
        Ok(u64::try_from(n).unwrap_or(0))
    };
    Ok(Counts {
        users: count("n_users")?,
        groups: count("n_groups")?,
        roles: count("n_roles")?,
    })
}

/// Notes a role as just seen; `trust` lists whom its trust policy lets in.
pub(in crate::directory) async fn see_role(
    tx: &mut Tx,
    (connection, account): (ConnectionId, &str),
    role: &IamRole,
    trust: &[String],
    began: Time,
) -> Result<()> {
    let sort = format!("{} {account} {}", role.name, trust.join(" ")).to_lowercase();
    let values = args![
        connection,
        &role.id,
        account,
        &role.name,
        &role.path,
        &role.arn,
        role.description.clone(),
        json!(trust),
        role.max_session.map(i64::from),
        role.boundary.clone(),
        role.used_at,
        role.used_in.clone(),
        role.made_at,
        sort,
        began,
        role.whole
    ];
    tx.run(&SEE_ROLE, values).await.map(drop)
}

/// Notes what is known of a user's credentials: from the lists, and from the report where one
/// has a line about them.
pub(in crate::directory) async fn see_credentials(
    tx: &mut Tx,
    principal: PrincipalId,
    user: &IamUser,
    report: Option<(&UserReport, Time)>,
) -> Result<()> {
    let values = args![principal, &user.path, user.made_at, user.signed_in_at];
    tx.run(&SEE_CREDENTIALS, values).await?;
    let Some((of, at)) = report else {
        return Ok(());
    };
    let keys: Vec<Value> = (of.keys.iter())
        .map(|key| {
            json!({
                "active": key.active, "rotated_at": key.rotated_at, "used_at": key.used_at,
                "service": key.service, "region": key.region,
            })
        })
        .collect();
    let active = of.keys.iter().filter(|key| key.active);
    let oldest = active.map(|key| key.rotated_at).min();
    let values = args![
        principal,
        of.signed_in_at,
        of.password,
        of.mfa,
        Value::Array(keys),
        oldest,
        at
    ];
    tx.run(&SEE_REPORT, values).await.map(drop)
}

/// The numbers and names of the accounts that can be used, of a list begun at `since`.
pub(in crate::directory) async fn accounts(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Vec<(String, String)>> {
    let rows = q.all(&ACCOUNTS, args![connection, since]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("aws_id")?, row.get("name")?)))
        .collect()
}

/// The accounts that were read with the connection's own credentials: one, unless they were
/// exchanged.
pub(in crate::directory) async fn own(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<String>> {
    let rows = q.all(&OWN, args![connection]).await?;
    rows.iter().map(|row| row.get("account")).collect()
}

/// When the last reading of an account's IAM that left nothing out began.
pub(in crate::directory) async fn read_at(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> Result<Option<Time>> {
    match q.maybe(&READ_AT, args![connection, account]).await? {
        Some(row) => row.get("iam_read_at"),
        None => Ok(None),
    }
}

/// Notes that an account's IAM was read; `whole_since` where nothing was left out.
pub(in crate::directory) async fn was_read(
    tx: &mut Tx,
    (connection, account): (ConnectionId, &str),
    own: bool,
    reading: &IamReading,
    whole_since: Option<Time>,
    now: Time,
) -> Result<()> {
    let values = args![
        connection,
        account,
        own,
        now,
        whole_since,
        reading.listing.as_str(),
        reading.alias.clone().flatten(),
        reading.alias.is_some()
    ];
    tx.run(&WAS_READ, values).await?;
    if let Some(report) = &reading.report {
        let root: Option<&RootUse> = report.root.as_ref();
        let values = args![
            connection,
            account,
            report.made_at,
            root.map(|root| root.mfa),
            root.map(|root| root.keys),
            root.and_then(|root| root.signed_in_at)
        ];
        tx.run(&ROOT, values).await?;
    }
    for action in &reading.denied {
        deny(tx, (connection, account), action, now).await?;
    }
    Ok(())
}

/// The first of the accounts of a list begun at `since` that was not read the last time, and why.
pub(in crate::directory) async fn refusal(
    q: &mut impl Query,
    connection: ConnectionId,
    since: Time,
) -> Result<Option<(String, String)>> {
    let row = q.maybe(&REFUSAL, args![connection, since]).await?;
    row.map(|row| Ok((row.get("account")?, row.get("iam_why")?)))
        .transpose()
}

/// Notes that an account's IAM could not be read. Nothing else of it changes.
pub(in crate::directory) async fn refused(
    tx: &mut Tx,
    (connection, account): (ConnectionId, &str),
    code: &str,
    why: &str,
    now: Time,
) -> Result<()> {
    let values = args![connection, account, now, code, why];
    tx.run(&REFUSED, values).await.map(drop)
}

/// What AWS refused in an account (empty: in the organization) after `since`.
pub(in crate::directory) async fn denied(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
    since: Time,
) -> Result<BTreeSet<String>> {
    let rows = q.all(&DENIED, args![connection, account, since]).await?;
    rows.iter().map(|row| row.get("action")).collect()
}

/// Notes that AWS refused an action.
pub(in crate::directory) async fn deny(
    tx: &mut Tx,
    (connection, account): (ConnectionId, &str),
    action: &str,
    now: Time,
) -> Result<()> {
    let values = args![connection, account, action, now];
    tx.run(&DENY, values).await.map(drop)
}
