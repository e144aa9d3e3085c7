//! What a sync saw, many rows in one statement.
//!
//! A row that is as it was costs an update of when it was last seen, and nothing else: no index
//! is touched.

use std::collections::BTreeMap;

use stint_aws::{IdentityGroup, IdentityUser};
use stint_db::{Result, Tx, Val, args};
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{AssignmentId, ConnectionId, EntitlementId, PrincipalId, Time};

stint_db::statements! {
    /// Held as before.
    quiet SEEN_AGAIN = "update assignments set last_seen = r.began, membership = coalesce(r.membership, assignments.membership) \
        from {rows $1 principal:uuid entitlement:uuid membership:text began:int} r \
        where assignments.principal_id = r.principal and assignments.entitlement_id = r.entitlement \
        and assignments.ended_at is null and assignments.last_seen <= r.began";
    /// Held, and not before; unless an older reading than the one that found it gone says so.
    quiet APPEARED = "insert into assignments (id, connection_id, principal_id, entitlement_id, membership, absent_before, first_seen, last_seen) \
        select x.id, $2, x.principal, x.entitlement, x.membership, \
        case when x.gone is null then x.absent_before when x.absent_before is null then x.gone \
        when x.gone > x.absent_before then x.gone else x.absent_before end, x.began, x.began \
        from (select r.id, r.principal, r.entitlement, r.membership, r.began, r.absent_before, \
            (select max(g.ended_at) from assignments g where g.principal_id = r.principal and g.entitlement_id = r.entitlement) as gone \
            from {rows $1 id:uuid principal:uuid entitlement:uuid membership:text began:int absent_before:int} r \
            where not exists (select 1 from assignments a where a.principal_id = r.principal \
                and a.entitlement_id = r.entitlement and a.ended_at is null)) x \
        where x.gone is null or x.gone <= x.began \
        on conflict (principal_id, entitlement_id) where ended_at is null do nothing";
    /// Principals that are as they were. The rows come first, whatever the engine thinks: it knows
    /// nothing of a table that was empty a minute ago, and would look at every principal for each.
    quiet SAME_PRINCIPALS = "update principals set last_seen = $4, gone_at = null where id in (select p.id \
        from {rows $1 aws_id:text name:text display_name:text email:text active:bool} r cross join principals p \
        where p.connection_id = $2 and p.kind = $3 and p.aws_id = r.aws_id and p.name = r.name \
        and p.display_name is not distinct from r.display_name \
        and p.email is not distinct from r.email and (r.active is null or p.active is not distinct from r.active)) \
        and last_seen <= $4 and (gone_at is null or gone_at <= $4)";
    /// The others.
    quiet PRINCIPALS = "insert into principals (id, connection_id, kind, aws_id, name, display_name, email, active, sort_key, first_seen, last_seen) \
        select r.id, $2, $3, r.aws_id, r.name, r.display_name, r.email, r.active, r.sort_key, r.began, r.began \
        from {rows $1 id:uuid aws_id:text name:text display_name:text email:text active:bool sort_key:text began:int} r \
        where not exists (select 1 from principals p where p.connection_id = $2 and p.kind = $3 and p.aws_id = r.aws_id \
            and p.last_seen = r.began and p.gone_at is null) \
        on conflict (connection_id, kind, aws_id) do update set name = excluded.name, \
        display_name = excluded.display_name, email = excluded.email, active = coalesce(excluded.active, principals.active), \
        sort_key = excluded.sort_key, last_seen = excluded.last_seen, gone_at = null \
        where principals.last_seen <= excluded.last_seen and (principals.gone_at is null or principals.gone_at <= excluded.last_seen)";
    /// Permission sets on accounts that can be asked for now, or are called otherwise than before.
    quiet OFFERED = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen) \
        select r.id, $2, 'account_assignment', r.account, r.target, r.name, r.sort_key, $3, $3 \
        from {rows $1 id:uuid account:text target:text name:text sort_key:text} r where true \
        on conflict (connection_id, kind, account, target) do update set name = excluded.name, \
        sort_key = excluded.sort_key, last_seen = excluded.last_seen, gone_at = null \
        where entitlements.last_seen <= excluded.last_seen and (entitlements.gone_at is null or entitlements.gone_at <= excluded.last_seen)";
}

/// That somebody holds something, as a reading begun at `began` showed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::directory) struct Seen {
    pub(in crate::directory) principal: PrincipalId,
    pub(in crate::directory) entitlement: EntitlementId,
    pub(in crate::directory) began: Time,
    pub(in crate::directory) membership: Option<String>,
    /// A reading that began then did not see it, if it is new.
    pub(in crate::directory) absent_before: Option<Time>,
}

/// Writes down who holds what. Answers how many rows are new. No pair may be among them twice.
pub(in crate::directory) async fn seen(
    tx: &mut Tx,
    connection: ConnectionId,
    rows: &[Seen],
    mut id: impl FnMut() -> AssignmentId,
) -> Result<u64> {
    if rows.is_empty() {
        return Ok(0);
    }
    let again = rows.iter().map(|row| {
        let membership = row.membership.clone();
        args![row.principal, row.entitlement, membership, row.began]
    });
    let known = tx.run(&SEEN_AGAIN, args![Val::rows(again)]).await?;
    if usize::try_from(known) == Ok(rows.len()) {
        return Ok(0);
    }
    let new = rows.iter().map(|row| {
        let membership = row.membership.clone();
        let absent = row.absent_before.filter(|at| *at <= row.began);
        args![
            id(),
            row.principal,
            row.entitlement,
            membership,
            row.began,
            absent
        ]
    });
    tx.run(&APPEARED, args![Val::rows(new), connection]).await
}

/// A principal as a list showed it.
#[derive(Debug, Clone)]
pub(in crate::directory) struct SeenPrincipal {
    pub(in crate::directory) aws_id: String,
    pub(in crate::directory) name: String,
    pub(in crate::directory) display_name: Option<String>,
    pub(in crate::directory) email: Option<String>,
    pub(in crate::directory) active: Option<bool>,
    /// By what lists are sorted and searched.
    pub(in crate::directory) sort_key: String,
    pub(in crate::directory) began: Time,
}

impl SeenPrincipal {
    /// An Identity Center user.
    pub(in crate::directory) fn user(user: IdentityUser, began: Time) -> Self {
        let name = user.user_name.unwrap_or_else(|| user.id.clone());
        let parts = [Some(&name), user.display_name.as_ref(), user.email.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        Self {
            sort_key: parts.join(" ").to_lowercase(),
            aws_id: user.id,
            name,
            display_name: user.display_name,
            email: user.email,
            active: user.active,
            began,
        }
    }

    /// An Identity Center group.
    pub(in crate::directory) fn group(group: &IdentityGroup, began: Time) -> Self {
        let name = group.name.clone().unwrap_or_else(|| group.id.clone());
        Self {
            sort_key: name.to_lowercase(),
            aws_id: group.id.clone(),
            name,
            display_name: group.description.clone(),
            email: None,
            active: None,
            began,
        }
    }
}

/// Writes down principals of one kind. Of one that is listed twice the last counts: lists shift while
/// they are read.
pub(in crate::directory) async fn principals(
    tx: &mut Tx,
    connection: ConnectionId,
    kind: PrincipalKind,
    rows: &[SeenPrincipal],
    mut id: impl FnMut() -> PrincipalId,
) -> Result<()> {
    let rows: BTreeMap<&str, &SeenPrincipal> =
        rows.iter().map(|row| (row.aws_id.as_str(), row)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let mut pages: BTreeMap<Time, Vec<Vec<Val>>> = BTreeMap::new();
    for row in rows.values() {
        let (display_name, email) = (row.display_name.clone(), row.email.clone());
        let same = args![&row.aws_id, &row.name, display_name, email, row.active];
        pages.entry(row.began).or_default().push(same);
    }
    let mut known = 0;
    for (began, same) in pages {
        let values = args![Val::rows(same), connection, kind.as_str(), began];
        known += tx.run(&SAME_PRINCIPALS, values).await?;
    }
    if usize::try_from(known) == Ok(rows.len()) {
        return Ok(());
    }
    let all = rows.values().map(|row| {
        let (display_name, email) = (row.display_name.clone(), row.email.clone());
        args![
            id(),
            &row.aws_id,
            &row.name,
            display_name,
            email,
            row.active,
            &row.sort_key,
            row.began
        ]
    });
    let values = args![Val::rows(all), connection, kind.as_str()];
    tx.run(&PRINCIPALS, values).await.map(drop)
}

/// A permission set on an account, by what people see.
pub(in crate::directory) struct Offered {
    pub(in crate::directory) account: String,
    pub(in crate::directory) permission_set: String,
    pub(in crate::directory) name: String,
}

/// Writes down permission sets on accounts.
pub(in crate::directory) async fn offered(
    tx: &mut Tx,
    connection: ConnectionId,
    rows: &[Offered],
    began: Time,
    mut id: impl FnMut() -> EntitlementId,
) -> Result<()> {
    let rows = rows.iter().map(|row| {
        let sort_key = row.name.to_lowercase();
        args![id(), &row.account, &row.permission_set, &row.name, sort_key]
    });
    let values = args![Val::rows(rows), connection, began];
    tx.run(&OFFERED, values).await.map(drop)
}
