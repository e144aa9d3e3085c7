//! Who holds what, with its history.

use std::collections::BTreeSet;

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::entitlement::Pair;
use stint_domain::{AssignmentId, EntitlementId, PrincipalId, Time, UserId};

use super::super::{Assignment, Member, Principal};
use super::things::{entitlements_by_id, principals_by_id, read_principal};

stint_db::statements! {
    OPEN = "select id, membership, last_seen from assignments where principal_id = $1 and entitlement_id = $2 and ended_at is null {lock}";
    LAST_END = "select ended_at from assignments where principal_id = $1 and entitlement_id = $2 and ended_at is not null order by ended_at desc limit 1";
    quiet SEEN_AGAIN = "update assignments set last_seen = $2, membership = coalesce($3, membership) where id = $1 and last_seen <= $2";
    quiet APPEARED = "insert into assignments (id, connection_id, principal_id, entitlement_id, membership, absent_before, first_seen, last_seen) \
        values ($1, $2, $3, $4, $5, $6, $7, $7)";
    quiet ENDED = "update assignments set ended_at = $2 where id = $1 and last_seen < $2 and ended_at is null";
    THROUGH_GROUPS = "select g.id, g.connection_id, g.kind, g.aws_id, g.name, g.display_name, g.email, g.active, g.gone_at \
        from assignments m \
        join entitlements ge on ge.id = m.entitlement_id and ge.kind = 'group_membership' \
        join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
        join assignments a on a.principal_id = g.id and a.entitlement_id = $2 and a.ended_at is null \
        where m.principal_id = $1 and m.ended_at is null order by g.sort_key";
    HOLDERS = "select p.id, p.connection_id, p.kind, p.aws_id, p.name, p.display_name, p.email, p.active, p.gone_at \
        from assignments a join principals p on p.id = a.principal_id \
        where a.entitlement_id = $1 and a.ended_at is null order by a.principal_id limit $2";
    /// Who is in a group now, with whose they are confirmed to be.
    MEMBERS = "select p.id, p.connection_id, p.kind, p.aws_id, p.name, p.display_name, p.email, p.active, p.gone_at, l.user_id \
        from principals g \
        join entitlements ge on ge.connection_id = g.connection_id and ge.kind = 'group_membership' and ge.account = '' and ge.target = g.aws_id \
        join assignments m on m.entitlement_id = ge.id and m.ended_at is null \
        join principals p on p.id = m.principal_id \
        left join links l on l.principal_id = p.id and l.state = 'confirmed' \
        where g.id = $1 and g.kind = 'identity_center_group' order by p.sort_key, p.id";
    /// What members of a group hold by being in it.
    MEMBERSHIP_OF = "select ge.id from principals g \
        join entitlements ge on ge.connection_id = g.connection_id and ge.kind = 'group_membership' and ge.account = '' and ge.target = g.aws_id \
        where g.id = $1 and g.kind = 'identity_center_group'";
    /// Every group in which one of the user's confirmed principals is now.
    GROUPS_WITH = "select distinct g.id from links l \
        join assignments m on m.principal_id = l.principal_id and m.ended_at is null \
        join entitlements ge on ge.id = m.entitlement_id and ge.kind = 'group_membership' and ge.account = '' \
        join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
        where l.user_id = $1 and l.state = 'confirmed'";
    /// The groups that these entitlements are membership of.
    GROUPS_BEHIND = "select g.id from entitlements ge \
        join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
        where ge.id in {ids $1} and ge.kind = 'group_membership' and ge.account = ''";
    INHERITED = "select a.id as assignment_id, a.principal_id, a.entitlement_id, a.absent_before, a.first_seen, a.last_seen, a.ended_at \
        from assignments m \
        join entitlements ge on ge.id = m.entitlement_id and ge.kind = 'group_membership' \
        join principals g on g.connection_id = ge.connection_id and g.kind = 'identity_center_group' and g.aws_id = ge.target \
        join assignments a on a.principal_id = g.id and a.ended_at is null \
        where m.principal_id = $1 and m.ended_at is null and a.id > $2 order by a.id limit $3";
    HISTORY = "select a.id as assignment_id, a.principal_id, a.entitlement_id, a.absent_before, a.first_seen, a.last_seen, a.ended_at \
        from assignments a where a.principal_id = $1 and a.entitlement_id = $2 order by a.first_seen, a.id";
}

/// The row that is not ended, as it matters to an observation.
pub(in crate::directory) struct OpenRow {
    pub(in crate::directory) id: AssignmentId,
    pub(in crate::directory) last_seen: Time,
}

/// The pair's row that is not ended.
pub(in crate::directory) async fn open(q: &mut impl Query, pair: &Pair) -> Result<Option<OpenRow>> {
    let row = q
        .maybe(&OPEN, args![pair.principal, pair.entitlement])
        .await?;
    row.map(|row| {
        Ok(OpenRow {
            id: row.get("id")?,
            last_seen: row.get("last_seen")?,
        })
    })
    .transpose()
}

/// When the pair was last found ended.
pub(in crate::directory) async fn last_end(
    q: &mut impl Query,
    pair: &Pair,
) -> Result<Option<Time>> {
    match q
        .maybe(&LAST_END, args![pair.principal, pair.entitlement])
        .await?
    {
        Some(row) => row.get("ended_at"),
        None => Ok(None),
    }
}

/// The row was seen by a reading that began at `began`.
pub(in crate::directory) async fn seen_again(
    tx: &mut Tx,
    id: AssignmentId,
    began: Time,
    membership: Option<&str>,
) -> Result<()> {
    tx.run(&SEEN_AGAIN, args![id, began, membership.map(str::to_owned)])
        .await
        .map(drop)
}

/// A new row.
pub(in crate::directory) async fn appeared(
    tx: &mut Tx,
    id: AssignmentId,
    pair: &Pair,
    began: Time,
    membership: Option<&str>,
    absent_before: Option<Time>,
) -> Result<()> {
    let values = args![
        id,
        pair.connection,
        pair.principal,
        pair.entitlement,
        membership.map(str::to_owned),
        absent_before,
        began
    ];
    tx.run(&APPEARED, values).await.map(drop)
}

/// The row was found gone by a reading that began at `began`.
pub(in crate::directory) async fn ended(tx: &mut Tx, id: AssignmentId, began: Time) -> Result<u64> {
    tx.run(&ENDED, args![id, began]).await
}

/// See [`crate::directory::membership_of`].
pub(in crate::directory) async fn membership_of(
    q: &mut impl Query,
    group: PrincipalId,
) -> Result<Option<EntitlementId>> {
    let row = q.maybe(&MEMBERSHIP_OF, args![group]).await?;
    row.map(|row| row.get("id")).transpose()
}

/// See [`crate::directory::through_groups`].
pub(in crate::directory) async fn through_groups(
    q: &mut impl Query,
    pair: &Pair,
) -> Result<Vec<Principal>> {
    let rows = q
        .all(&THROUGH_GROUPS, args![pair.principal, pair.entitlement])
        .await?;
    rows.iter().map(read_principal).collect()
}

/// See [`crate::directory::holders`].
pub(in crate::directory) async fn holders(
    q: &mut impl Query,
    entitlement: EntitlementId,
    limit: i64,
) -> Result<Vec<Principal>> {
    let rows = q.all(&HOLDERS, args![entitlement, limit]).await?;
    rows.iter().map(read_principal).collect()
}

/// See [`crate::directory::members`].
pub(in crate::directory) async fn members(
    q: &mut impl Query,
    group: PrincipalId,
) -> Result<Vec<Member>> {
    let rows = q.all(&MEMBERS, args![group]).await?;
    rows.iter()
        .map(|row| {
            Ok(Member {
                principal: read_principal(row)?,
                user: row.get("user_id")?,
            })
        })
        .collect()
}

/// See [`crate::directory::groups_with`].
pub(in crate::directory) async fn groups_with(
    q: &mut impl Query,
    user: UserId,
) -> Result<BTreeSet<PrincipalId>> {
    let rows = q.all(&GROUPS_WITH, args![user]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// See [`crate::directory::groups_behind`].
pub(in crate::directory) async fn groups_behind(
    q: &mut impl Query,
    memberships: impl IntoIterator<Item = EntitlementId>,
) -> Result<BTreeSet<PrincipalId>> {
    let rows = q.all(&GROUPS_BEHIND, args![Val::ids(memberships)]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// What the principal's groups hold, one page in the order the rows were made.
pub(in crate::directory) async fn inherited(
    q: &mut impl Query,
    principal: PrincipalId,
    after: Option<AssignmentId>,
    limit: i64,
) -> Result<Vec<Assignment>> {
    let after = after.unwrap_or_else(|| AssignmentId::from(uuid::Uuid::nil()));
    let rows = q.all(&INHERITED, args![principal, after, limit]).await?;
    whole(q, &rows).await
}

/// Every time this pair was held, oldest first.
pub(in crate::directory) async fn history(
    q: &mut impl Query,
    principal: PrincipalId,
    entitlement: EntitlementId,
) -> Result<Vec<Assignment>> {
    let rows = q.all(&HISTORY, args![principal, entitlement]).await?;
    whole(q, &rows).await
}

pub(super) async fn whole(q: &mut impl Query, rows: &[Row]) -> Result<Vec<Assignment>> {
    let mut pairs: Vec<(PrincipalId, EntitlementId)> = Vec::with_capacity(rows.len());
    for row in rows {
        pairs.push((row.get("principal_id")?, row.get("entitlement_id")?));
    }
    let principals = principals_by_id(q, pairs.iter().map(|(who, _)| *who)).await?;
    let entitlements = entitlements_by_id(q, pairs.iter().map(|(_, what)| *what)).await?;
    let missing = |statement| Error::Missing { statement };
    let mut all = Vec::with_capacity(rows.len());
    for (row, (who, what)) in rows.iter().zip(pairs) {
        let principal = principals.get(&who).cloned();
        let entitlement = entitlements.get(&what).cloned();
        all.push(Assignment {
            id: row.get("assignment_id")?,
            principal: principal.ok_or(missing("an assignment's principal"))?,
            entitlement: entitlement.ok_or(missing("an assignment's entitlement"))?,
            absent_before: row.get("absent_before")?,
            first_seen: row.get("first_seen")?,
            last_seen: row.get("last_seen")?,
            ended_at: row.get("ended_at")?,
        });
    }
    Ok(all)
}
