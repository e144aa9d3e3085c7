//! What a sync found gone, until it is written down: one row for each assignment it would end.
//!
//! An assignment that was seen again since is not ended, whenever the rows are applied.

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::{AssignmentId, ConnectionId, EntitlementId, PrincipalId, SyncId, Time};

use super::super::Assignment;
use super::assignments::whole;

stint_db::statements! {
    /// Entitlements whose holders were read whole: who was not among them.
    quiet OF_ENTITLEMENTS = "insert into sync_endings (sync_id, assignment_id, began, seen_until) \
        select $2, a.id, r.began, r.seen_until from {rows $1 entitlement:uuid began:int seen_until:int} r \
        join assignments a on a.entitlement_id = r.entitlement and a.ended_at is null and a.last_seen <= r.seen_until \
        where true on conflict (sync_id, assignment_id) do nothing";
    /// Principals whose account assignments were read whole: what was not among them, on accounts
    /// that can be used and were listed since.
    quiet OF_HOLDERS = "insert into sync_endings (sync_id, assignment_id, began, seen_until) \
        select $2, a.id, r.began, r.seen_until from {rows $1 principal:uuid began:int seen_until:int} r \
        join assignments a on a.principal_id = r.principal and a.ended_at is null and a.last_seen <= r.seen_until \
        join entitlements e on e.id = a.entitlement_id and e.kind = 'account_assignment' \
        join accounts c on c.connection_id = e.connection_id and c.aws_id = e.account and c.state = 'active' and c.last_seen >= $3 \
        where true on conflict (sync_id, assignment_id) do nothing";
    /// Users whose groups were read whole: which were not among them.
    quiet OF_MEMBERS = "insert into sync_endings (sync_id, assignment_id, began, seen_until) \
        select $2, a.id, r.began, r.seen_until from {rows $1 principal:uuid began:int seen_until:int} r \
        join assignments a on a.principal_id = r.principal and a.ended_at is null and a.last_seen <= r.seen_until \
        join entitlements e on e.id = a.entitlement_id and e.kind = 'group_membership' \
        where true on conflict (sync_id, assignment_id) do nothing";
    /// Nobody is in a group that a list begun then does not have.
    quiet GROUPS = "insert into sync_endings (sync_id, assignment_id, began, seen_until) \
        select $5, a.id, $2, $3 from assignments a where a.connection_id = $1 and a.last_seen <= $3 and a.ended_at is null \
        and a.entitlement_id in (select e.id from entitlements e where e.connection_id = $1 and e.kind = $4 and e.last_seen <= $3) \
        on conflict (sync_id, assignment_id) do nothing";
    /// Nobody holds anything on an account that has left the organization.
    quiet ACCOUNTS = "insert into sync_endings (sync_id, assignment_id, began, seen_until) \
        select $4, a.id, $2, $3 from assignments a where a.connection_id = $1 and a.last_seen <= $3 and a.ended_at is null \
        and a.entitlement_id in (select e.id from entitlements e join accounts c on c.connection_id = e.connection_id and c.aws_id = e.account \
        where e.connection_id = $1 and e.kind = 'account_assignment' and c.last_seen <= $3) \
        on conflict (sync_id, assignment_id) do nothing";
    /// How many would end now.
    COUNT = "select count(*) as n from sync_endings e join assignments a on a.id = e.assignment_id \
        where e.sync_id = $1 and a.ended_at is null and a.last_seen <= e.seen_until";
    /// How many assignments are known.
    OPEN = "select count(*) as n from assignments where connection_id = $1 and ended_at is null";
    LIST = "select a.id as assignment_id, a.principal_id, a.entitlement_id, a.absent_before, a.first_seen, a.last_seen, a.ended_at \
        from sync_endings e join assignments a on a.id = e.assignment_id \
        where e.sync_id = $1 and e.assignment_id > $2 and a.ended_at is null and a.last_seen <= e.seen_until \
        order by e.assignment_id limit $3";
    NEXT = "select assignment_id from sync_endings where sync_id = $1 order by assignment_id limit $2";
    quiet APPLY = "update assignments set ended_at = (select e.began from sync_endings e where e.sync_id = $1 and e.assignment_id = assignments.id) \
        where id in {ids $2} and ended_at is null \
        and last_seen <= (select e.seen_until from sync_endings e where e.sync_id = $1 and e.assignment_id = assignments.id)";
    quiet DROP = "delete from sync_endings where sync_id = $1 and assignment_id in {ids $2}";
    quiet FORGET = "delete from sync_endings where (sync_id, assignment_id) in \
        (select e.sync_id, e.assignment_id from sync_endings e where e.sync_id = $1 limit $2)";
    /// What nobody decides about any more.
    quiet SWEEP = "delete from sync_endings where (sync_id, assignment_id) in \
        (select e.sync_id, e.assignment_id from sync_endings e join sync_runs r on r.id = e.sync_id \
        where r.state in ('complete', 'set_aside', 'failed') limit $1)";
}

/// A reading of all that an id stands for, begun at `began`.
pub(in crate::directory) struct Read<I> {
    pub(in crate::directory) id: I,
    pub(in crate::directory) began: Time,
    /// What was seen after this has not ended.
    pub(in crate::directory) seen_until: Time,
}

fn rows<I: Copy + Into<Val>>(read: &[Read<I>]) -> Val {
    let row = |it: &Read<I>| vec![it.id.into(), it.began.into(), it.seen_until.into()];
    Val::rows(read.iter().map(row))
}

/// What these readings of an entitlement's holders did not show.
pub(in crate::directory) async fn of_entitlements(
    tx: &mut Tx,
    sync: SyncId,
    read: &[Read<EntitlementId>],
) -> Result<u64> {
    if read.is_empty() {
        return Ok(0);
    }
    tx.run(&OF_ENTITLEMENTS, args![rows(read), sync]).await
}

/// What these readings of what a principal holds did not show, on accounts that can be used and are
/// in a list begun at `accounts`.
pub(in crate::directory) async fn of_holders(
    tx: &mut Tx,
    sync: SyncId,
    accounts: Time,
    read: &[Read<PrincipalId>],
) -> Result<u64> {
    if read.is_empty() {
        return Ok(0);
    }
    tx.run(&OF_HOLDERS, args![rows(read), sync, accounts]).await
}

/// Which groups these readings of a user's groups did not show.
pub(in crate::directory) async fn of_members(
    tx: &mut Tx,
    sync: SyncId,
    read: &[Read<PrincipalId>],
) -> Result<u64> {
    if read.is_empty() {
        return Ok(0);
    }
    tx.run(&OF_MEMBERS, args![rows(read), sync]).await
}

/// The memberships of this kind, of groups that the list begun at `began` does not have, unless
/// seen after `seen_until`.
pub(in crate::directory) async fn groups(
    tx: &mut Tx,
    (sync, connection): (SyncId, ConnectionId),
    kind: &'static str,
    began: Time,
    seen_until: Time,
) -> Result<u64> {
    let values = args![connection, began, seen_until, kind, sync];
    tx.run(&GROUPS, values).await
}

/// What was held on accounts that the list begun at `began` does not have, unless seen after
/// `seen_until`.
pub(in crate::directory) async fn accounts(
    tx: &mut Tx,
    (sync, connection): (SyncId, ConnectionId),
    began: Time,
    seen_until: Time,
) -> Result<u64> {
    let values = args![connection, began, seen_until, sync];
    tx.run(&ACCOUNTS, values).await
}

/// How many assignments it would end, and how many are known.
pub(in crate::directory) async fn weigh(
    q: &mut impl Query,
    sync: SyncId,
    connection: ConnectionId,
) -> Result<(i64, i64)> {
    let n = |row: Option<Row>| row.map_or(Ok(0), |row| row.get("n"));
    let ending = n(q.maybe(&COUNT, args![sync]).await?)?;
    let open = n(q.maybe(&OPEN, args![connection]).await?)?;
    Ok((ending, open))
}

/// The assignments it would end, in the order they were made known.
pub(in crate::directory) async fn list(
    q: &mut impl Query,
    sync: SyncId,
    after: Option<AssignmentId>,
    limit: i64,
) -> Result<Vec<Assignment>> {
    let after = after.unwrap_or(AssignmentId(uuid::Uuid::nil()));
    let rows = q.all(&LIST, args![sync, after, limit]).await?;
    whole(q, &rows).await
}

/// Writes down up to `most` of them. Answers how many were looked at, and how many ended.
pub(in crate::directory) async fn apply(
    tx: &mut Tx,
    sync: SyncId,
    most: i64,
) -> Result<(usize, u64)> {
    let rows = tx.all(&NEXT, args![sync, most]).await?;
    let mut ids: Vec<AssignmentId> = Vec::with_capacity(rows.len());
    for row in &rows {
        ids.push(row.get("assignment_id")?);
    }
    if ids.is_empty() {
        return Ok((0, 0));
    }
    let all = Val::ids(ids.iter().copied());
    let ended = tx.run(&APPLY, args![sync, all.clone()]).await?;
    tx.run(&DROP, args![sync, all]).await?;
    Ok((ids.len(), ended))
}

/// Forgets up to `most` of a run's. Answers how many.
pub(in crate::directory) async fn forget(tx: &mut Tx, sync: SyncId, most: i64) -> Result<u64> {
    tx.run(&FORGET, args![sync, most]).await
}

/// Forgets up to `most` of those that nobody decides about any more. Answers how many.
pub(in crate::directory) async fn sweep(tx: &mut Tx, most: i64) -> Result<u64> {
    tx.run(&SWEEP, args![most]).await
}
