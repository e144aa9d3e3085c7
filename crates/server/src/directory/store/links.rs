//! Which principals belong to which user.

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{ConnectionId, LinkId, PrincipalId, Time, UserId};

use super::super::links::LinkFilter;
use super::super::{Link, Principal};
use super::things::read_principal;

/// A page in one order, narrowed.
macro_rules! listed {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "select l.id, l.user_id, l.principal_id, l.principal_kind, l.account, l.connection_id, l.state, l.is_primary, l.why, \
             l.proposed_by, l.proposed_at, l.decided_by, l.decided_at, l.version, p.sort_key \
             from links l join principals p on p.id = l.principal_id \
             where ($1 is null or l.state = $1) and ($2 is null or l.user_id = $2) \
             and ($6 is null or l.connection_id = $6) and p.sort_key like $3 escape '\\' \
             and ($4 is null or (",
            $key,
            ", l.id) ",
            $beyond,
            " ($4, $5)) order by ",
            $key,
            $direction,
            ", l.id",
            $direction,
            " limit $7"
        )
    };
}

stint_db::statements! {
    INSERT = "insert into links (id, user_id, principal_id, principal_kind, account, connection_id, state, is_primary, why, proposed_by, proposed_at, version) \
        values ($1, $2, $3, $9, (select account from principals where id = $3), $4, 'proposed', $5, $6, $7, $8, 1) \
        on conflict (user_id, principal_id) do nothing";
    DECIDE = "update links set state = $2, is_primary = $3, decided_by = $4, decided_at = $5, version = version + 1 where id = $1";
    AGAIN = "update links set state = 'proposed', is_primary = $2, why = $3, proposed_by = $4, proposed_at = $5, decided_by = null, decided_at = null, \
        version = version + 1 where id = $1";
    MAKE_PRIMARY = "update links set is_primary = $2, version = version + 1 where id = $1";
    GET = "select id, user_id, principal_id, principal_kind, account, connection_id, state, is_primary, why, proposed_by, proposed_at, decided_by, decided_at, version \
        from links where id = $1 {lock}";
    OF_PAIR = "select id, user_id, principal_id, principal_kind, account, connection_id, state, is_primary, why, proposed_by, proposed_at, decided_by, decided_at, version \
        from links where user_id = $1 and principal_id = $2 {lock}";
    /// A page, the first proposed first.
    BY_AGE_UP = (listed!("l.id", ">", ""));
    /// The last proposed first.
    BY_AGE_DOWN = (listed!("l.id", "<", " desc"));
    /// A page by the principal's name.
    BY_NAME_UP = (listed!("p.sort_key", ">", ""));
    /// The same from its other end.
    BY_NAME_DOWN = (listed!("p.sort_key", "<", " desc"));
    PRIMARY = "select id, principal_id from links where user_id = $1 and connection_id = $2 and principal_kind = $3 and account = $4 and state = 'confirmed' and is_primary";
    PRINCIPALS_OF = "select principal_id from links where user_id = $1 and state = 'confirmed' order by principal_id";
    /// People of the directory without any link, to find likenesses among. An IAM user has no
    /// address; one whose name is one says as much.
    UNLINKED = "select p.id, p.connection_id, p.kind, p.aws_id, p.name, p.display_name, p.email, p.active, p.gone_at from principals p \
        where p.connection_id = $1 and p.gone_at is null and p.id > $2 \
        and ((p.kind = 'identity_center_user' and p.email is not null) or (p.kind = 'iam_user' and p.name like '%@%')) \
        and not exists (select 1 from links l where l.principal_id = p.id) order by p.id limit $3";
    /// Some of them, by their ids in AWS.
    UNLINKED_OF = "select p.id, p.connection_id, p.kind, p.aws_id, p.name, p.display_name, p.email, p.active, p.gone_at \
        from {rows $2 aws_id:text} r cross join principals p \
        where p.connection_id = $1 and p.kind = 'identity_center_user' and p.aws_id = r.aws_id and p.gone_at is null and p.email is not null \
        and not exists (select 1 from links l where l.principal_id = p.id) order by p.id";
}

/// A proposal as it is stored.
pub(in crate::directory) struct Proposal<'a> {
    pub(in crate::directory) id: LinkId,
    pub(in crate::directory) user: UserId,
    pub(in crate::directory) principal: PrincipalId,
    pub(in crate::directory) kind: PrincipalKind,
    pub(in crate::directory) connection: ConnectionId,
    pub(in crate::directory) why: &'a str,
    pub(in crate::directory) by: Option<UserId>,
}

/// A new proposal. False when somebody proposed the same meanwhile.
pub(in crate::directory) async fn insert(
    tx: &mut Tx,
    new: &Proposal<'_>,
    now: Time,
) -> Result<bool> {
    let values = args![
        new.id,
        new.user,
        new.principal,
        new.connection,
        false,
        new.why,
        new.by,
        now,
        new.kind.as_str()
    ];
    Ok(tx.run(&INSERT, values).await? > 0)
}

/// A rejected link is proposed again.
pub(in crate::directory) async fn again(
    tx: &mut Tx,
    id: LinkId,
    why: &str,
    by: Option<UserId>,
    now: Time,
) -> Result<()> {
    tx.run(&AGAIN, args![id, false, why, by, now])
        .await
        .map(drop)
}

pub(in crate::directory) async fn decide(
    tx: &mut Tx,
    id: LinkId,
    state: &str,
    primary: bool,
    by: Option<UserId>,
    now: Time,
) -> Result<()> {
    tx.run(&DECIDE, args![id, state, primary, by, now])
        .await
        .map(drop)
}

pub(in crate::directory) async fn get(q: &mut impl Query, id: LinkId) -> Result<Option<Link>> {
    q.maybe(&GET, args![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

pub(in crate::directory) async fn of_pair(
    q: &mut impl Query,
    user: UserId,
    principal: PrincipalId,
) -> Result<Option<Link>> {
    q.maybe(&OF_PAIR, args![user, principal])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

pub(in crate::directory) async fn list(
    q: &mut impl Query,
    filter: &LinkFilter,
    sort: &str,
    (key, id): (Val, Option<LinkId>),
    limit: i64,
) -> Result<Vec<(String, Link)>> {
    let statement = match sort {
        "-created" => &BY_AGE_DOWN,
        "principal" => &BY_NAME_UP,
        "-principal" => &BY_NAME_DOWN,
        _ => &BY_AGE_UP,
    };
    let values = args![
        filter.state.clone(),
        filter.user,
        crate::http::like(&filter.q),
        key,
        id,
        filter.connection,
        limit
    ];
    let rows = q.all(statement, values).await?;
    rows.iter()
        .map(|row| Ok((row.get("sort_key")?, read(row)?)))
        .collect()
}

pub(in crate::directory) async fn primary(
    q: &mut impl Query,
    user: UserId,
    connection: ConnectionId,
    kind: PrincipalKind,
    account: &str,
) -> Result<Option<PrincipalId>> {
    q.maybe(&PRIMARY, args![user, connection, kind.as_str(), account])
        .await?
        .map(|row| row.get("principal_id"))
        .transpose()
}

/// The primary link itself.
pub(in crate::directory) async fn primary_link(
    q: &mut impl Query,
    of: &Link,
) -> Result<Option<LinkId>> {
    let values = args![of.user, of.connection, of.kind.as_str(), &of.account];
    q.maybe(&PRIMARY, values)
        .await?
        .map(|row| row.get("id"))
        .transpose()
}

pub(in crate::directory) async fn make_primary(
    tx: &mut Tx,
    id: LinkId,
    primary: bool,
) -> Result<()> {
    tx.run(&MAKE_PRIMARY, args![id, primary]).await.map(drop)
}

pub(in crate::directory) async fn principals_of(
    q: &mut impl Query,
    user: UserId,
) -> Result<Vec<PrincipalId>> {
    q.all(&PRINCIPALS_OF, args![user])
        .await?
        .iter()
        .map(|row| row.get("principal_id"))
        .collect()
}

pub(in crate::directory) async fn unlinked(
    q: &mut impl Query,
    connection: ConnectionId,
    after: Option<PrincipalId>,
    limit: i64,
) -> Result<Vec<Principal>> {
    let after = after.unwrap_or_else(|| PrincipalId::from(uuid::Uuid::nil()));
    q.all(&UNLINKED, args![connection, after, limit])
        .await?
        .iter()
        .map(read_principal)
        .collect()
}

pub(in crate::directory) async fn unlinked_of(
    q: &mut impl Query,
    connection: ConnectionId,
    aws_ids: &[String],
) -> Result<Vec<Principal>> {
    let rows = Val::rows(aws_ids.iter().map(|id| args![id]));
    q.all(&UNLINKED_OF, args![connection, rows])
        .await?
        .iter()
        .map(read_principal)
        .collect()
}

fn read(row: &Row) -> Result<Link> {
    Ok(Link {
        id: row.get("id")?,
        user: row.get("user_id")?,
        principal: row.get("principal_id")?,
        kind: super::things::principal_kind(row, "principal_kind")?,
        account: row.get("account")?,
        connection: row.get("connection_id")?,
        state: row.get("state")?,
        primary: row.get("is_primary")?,
        why: row.get("why")?,
        proposed_by: row.get("proposed_by")?,
        proposed_at: row.get("proposed_at")?,
        decided_by: row.get("decided_by")?,
        decided_at: row.get("decided_at")?,
        version: row.get("version")?,
    })
}
