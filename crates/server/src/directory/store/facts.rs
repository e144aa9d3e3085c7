//! Accounts with what else is known of them, IAM roles and IAM users: as lists.

use stint_aws::{Account, Unit};
use stint_db::{Error, Query, Result, Row, Tx, args};
use stint_domain::{ConnectionId, PrincipalId, Time};

use super::super::facts::{AccountFacts, FactsFilter, IamUserFacts, KeyFacts, RoleFacts};
use super::tags;
use super::things::read_principal;
use crate::http::like;

/// A page of accounts in one order.
macro_rules! accounts {
    ($beyond:literal, $direction:literal) => {
        concat!(
            "select f.connection_id, f.account, f.name, f.name_key, f.path, f.units, f.alias, f.iam, f.iam_own, f.iam_code, \
             f.iam_why, f.iam_changed_at, f.iam_read_at, f.iam_listing, f.report_at, f.root_mfa, f.root_keys, f.root_signed_in_at, \
             a.email, a.state, a.tags, a.tags_read_at, a.tags_refused_at from account_facts f \
             left join accounts a on a.connection_id = f.connection_id and a.aws_id = f.account \
             where a.gone_at is null and f.words || ' ' || lower(coalesce(f.alias, '')) like $1 escape '\\' \
             and ($2 is null or f.connection_id = $2) and ($3 is null or f.account = $3) \
             and ($4 is null or f.iam = $4) and ($5 is null or '/' || f.path || '/' like $5 escape '\\') \
             and ($6 is null or (f.name_key, f.account, f.connection_id) ",
            $beyond,
            " ($6, $7, $8)) order by f.name_key",
            $direction,
            ", f.account",
            $direction,
            ", f.connection_id",
            $direction,
            " limit $9"
        )
    };
}

/// A page of roles in one order.
macro_rules! roles {
    ($beyond:literal, $direction:literal) => {
        concat!(
            "select r.connection_id, r.aws_id, r.account, r.name, r.path, r.arn, r.description, r.trust, r.max_session, r.boundary, \
             r.used_at, r.used_in, r.made_at, r.sort_key, r.first_seen, r.last_seen, f.name as account_name from iam_roles r \
             left join account_facts f on f.connection_id = r.connection_id and f.account = r.account \
             where r.gone_at is null and r.sort_key like $1 escape '\\' \
             and ($2 is null or r.connection_id = $2) and ($3 is null or r.account = $3) \
             and ($4 is null or (r.sort_key, r.aws_id, r.connection_id) ",
            $beyond,
            " ($4, $5, $6)) order by r.sort_key",
            $direction,
            ", r.aws_id",
            $direction,
            ", r.connection_id",
            $direction,
            " limit $7"
        )
    };
}

/// A page of IAM users in one order.
macro_rules! users {
    ($beyond:literal, $direction:literal) => {
        concat!(
            "select p.id, p.connection_id, p.kind, p.aws_id, p.name, p.display_name, p.email, p.active, p.gone_at, p.sort_key, p.account, \
             u.path, u.made_at, u.signed_in_at, u.password, u.mfa, u.keys, u.oldest_key_at, u.report_at, f.name as account_name, l.user_id \
             from principals p left join iam_users u on u.principal_id = p.id \
             left join account_facts f on f.connection_id = p.connection_id and f.account = p.account \
             left join links l on l.principal_id = p.id and l.state = 'confirmed' \
             where p.kind = 'iam_user' and p.gone_at is null and p.sort_key like $1 escape '\\' \
             and ($2 is null or p.connection_id = $2) and ($3 is null or p.account = $3) \
             and ($4 is null or ($4 = 'password_without_mfa' and u.password and not u.mfa) \
             or ($4 = 'active_keys' and u.oldest_key_at is not null) or ($4 = 'old_keys' and u.oldest_key_at < $5)) \
             and ($6 is null or (p.sort_key, p.id) ",
            $beyond,
            " ($6, $7)) order by p.sort_key",
            $direction,
            ", p.id",
            $direction,
            " limit $8"
        )
    };
}

stint_db::statements! {
    quiet SEE_PLACE = "insert into account_facts (connection_id, account, name, name_key, words, path, units, iam, iam_own) \
        values ($1, $2, $3, $4, $5, $6, $7, 'not_read', false) \
        on conflict (connection_id, account) do update set name = excluded.name, name_key = excluded.name_key, \
        words = excluded.words, path = coalesce(excluded.path, account_facts.path), \
        units = case when excluded.path is null then account_facts.units else excluded.units end";
    UNITS = "select aws_id, name, parent, seen_at from organization_units where connection_id = $1";
    quiet SEE_UNIT = "insert into organization_units (connection_id, aws_id, name, parent, seen_at) values ($1, $2, $3, $4, $5) \
        on conflict (connection_id, aws_id) do update set name = excluded.name, parent = excluded.parent, seen_at = excluded.seen_at \
        where organization_units.seen_at <= excluded.seen_at";
    quiet UNITS_GONE = "delete from organization_units where connection_id = $1 and seen_at < $2";
    quiet SEE_ALIAS = "update account_facts set alias = $3 where connection_id = $1 and account = $2";
    /// Accounts by name.
    ACCOUNTS_UP = (accounts!(">", ""));
    /// From their other end.
    ACCOUNTS_DOWN = (accounts!("<", " desc"));
    /// Roles by name.
    ROLES_UP = (roles!(">", ""));
    /// From their other end.
    ROLES_DOWN = (roles!("<", " desc"));
    /// IAM users by name.
    USERS_UP = (users!(">", ""));
    /// From their other end.
    USERS_DOWN = (users!("<", " desc"));
    /// The access keys of an IAM user.
    KEYS = "select keys from iam_users where principal_id = $1";
    /// How many accounts of a connection were not read the last time.
    REFUSING = "select count(*) as n from account_facts f join accounts a on a.connection_id = f.connection_id and a.aws_id = f.account \
        where f.connection_id = $1 and f.iam = 'refused' and a.gone_at is null and a.state = 'active'";
    quiet RETIRE = "delete from account_facts where connection_id = $1";
}

/// Where an account is.
pub(in crate::directory) struct Place {
    /// Root and units by their ids, outermost first, divided by `/`.
    pub(in crate::directory) path: Option<String>,
    /// The same by names.
    pub(in crate::directory) units: Option<String>,
}

/// Notes where an account is, and what it is found by. Where AWS does not say where, it stays where it
/// was last seen: what is not known is no reason to think that it left.
pub(in crate::directory) async fn see_place(
    tx: &mut Tx,
    connection: ConnectionId,
    account: &Account,
    place: &Place,
) -> Result<()> {
    let parts = [
        Some(account.name.as_str()),
        Some(account.id.as_str()),
        account.email.as_deref(),
        place.units.as_deref(),
    ];
    let words: Vec<&str> = parts.into_iter().flatten().collect();
    let values = args![
        connection,
        &account.id,
        &account.name,
        account.name.to_lowercase(),
        words.join(" ").to_lowercase(),
        place.path.clone(),
        place.units.clone()
    ];
    tx.run(&SEE_PLACE, values).await.map(drop)
}

/// Notes what the sign-in page of an account is called now.
pub(in crate::directory) async fn see_alias(
    tx: &mut Tx,
    connection: ConnectionId,
    account: &str,
    alias: Option<String>,
) -> Result<()> {
    tx.run(&SEE_ALIAS, args![connection, account, alias])
        .await
        .map(drop)
}

/// The units known, and when they were read.
pub(in crate::directory) async fn units(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<(Unit, Time)>> {
    let rows = q.all(&UNITS, args![connection]).await?;
    let one = |row: &Row| {
        let unit = Unit {
            id: row.get("aws_id")?,
            name: row.get("name")?,
            parent: row.get("parent")?,
        };
        Ok((unit, row.get("seen_at")?))
    };
    rows.iter().map(one).collect()
}

/// Notes a unit as just read.
pub(in crate::directory) async fn see_unit(
    tx: &mut Tx,
    connection: ConnectionId,
    unit: &Unit,
    now: Time,
) -> Result<()> {
    let values = args![connection, &unit.id, &unit.name, unit.parent.clone(), now];
    tx.run(&SEE_UNIT, values).await.map(drop)
}

/// Forgets the units that a tree read at `now` no longer had.
pub(in crate::directory) async fn units_gone(
    tx: &mut Tx,
    connection: ConnectionId,
    now: Time,
) -> Result<()> {
    tx.run(&UNITS_GONE, args![connection, now]).await.map(drop)
}

/// A connection was removed: its accounts leave the lists.
pub(in crate::directory) async fn retire(tx: &mut Tx, connection: ConnectionId) -> Result<()> {
    tx.run(&RETIRE, args![connection]).await.map(drop)
}

/// How many accounts of a connection, of those that are in use, were not read the last time.
pub(in crate::directory) async fn refusing(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    match q.maybe(&REFUSING, args![connection]).await? {
        Some(row) => row.get("n"),
        None => Ok(0),
    }
}

/// Where the next page of a list begins: by what it is sorted, the id in AWS, the connection.
pub(in crate::directory) type After = (String, (String, ConnectionId));

/// A page of accounts.
pub(in crate::directory) async fn accounts(
    q: &mut impl Query,
    filter: &FactsFilter,
    down: bool,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<(String, AccountFacts)>> {
    let (key, rest) = after.unzip();
    let (account, connection) = rest.unzip();
    let under = filter.under.as_ref().map(|id| like(&format!("/{id}/")));
    let values = args![
        like(&filter.q),
        filter.connection,
        filter.account.clone(),
        filter.only.clone(),
        under,
        key,
        account,
        connection,
        limit
    ];
    let statement = if down { &ACCOUNTS_DOWN } else { &ACCOUNTS_UP };
    let rows = q.all(statement, values).await?;
    let one = |row: &Row| Ok((row.get("name_key")?, read_account(row)?));
    rows.iter().map(one).collect()
}

fn read_account(row: &Row) -> Result<AccountFacts> {
    Ok(AccountFacts {
        connection: row.get("connection_id")?,
        id: row.get("account")?,
        name: row.get("name")?,
        email: row.get("email")?,
        state: row.get("state")?,
        alias: row.get("alias")?,
        path: row.get("path")?,
        units: row.get("units")?,
        tags: tags::known(row)?,
        tags_read_at: row.get("tags_read_at")?,
        tags_refused_at: row.get("tags_refused_at")?,
        iam: row.get("iam")?,
        own: row.get("iam_own")?,
        code: row.get("iam_code")?,
        why: row.get("iam_why")?,
        changed_at: row.get("iam_changed_at")?,
        read_at: row.get("iam_read_at")?,
        listing: row.get("iam_listing")?,
        report_at: row.get("report_at")?,
        root_mfa: row.get("root_mfa")?,
        root_keys: row.get("root_keys")?,
        root_signed_in_at: row.get("root_signed_in_at")?,
    })
}

/// A page of roles.
pub(in crate::directory) async fn roles(
    q: &mut impl Query,
    filter: &FactsFilter,
    down: bool,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<(String, RoleFacts)>> {
    let (key, rest) = after.unzip();
    let (id, connection) = rest.unzip();
    let values = args![
        like(&filter.q),
        filter.connection,
        filter.account.clone(),
        key,
        id,
        connection,
        limit
    ];
    let statement = if down { &ROLES_DOWN } else { &ROLES_UP };
    let rows = q.all(statement, values).await?;
    let one = |row: &Row| Ok((row.get("sort_key")?, read_role(row)?));
    rows.iter().map(one).collect()
}

fn read_role(row: &Row) -> Result<RoleFacts> {
    Ok(RoleFacts {
        connection: row.get("connection_id")?,
        aws_id: row.get("aws_id")?,
        account: row.get("account")?,
        account_name: row.get("account_name")?,
        name: row.get("name")?,
        path: row.get("path")?,
        arn: row.get("arn")?,
        description: row.get("description")?,
        trust: row.json("trust")?,
        max_session: row.get("max_session")?,
        boundary: row.get("boundary")?,
        used_at: row.get("used_at")?,
        used_in: row.get("used_in")?,
        made_at: row.get("made_at")?,
        last_seen: row.get("last_seen")?,
    })
}

/// A page of IAM users; `old` is since when a key counts as old.
pub(in crate::directory) async fn users(
    q: &mut impl Query,
    filter: &FactsFilter,
    old: Time,
    down: bool,
    after: Option<(String, PrincipalId)>,
    limit: i64,
) -> Result<Vec<(String, IamUserFacts)>> {
    let (key, id) = after.unzip();
    let values = args![
        like(&filter.q),
        filter.connection,
        filter.account.clone(),
        filter.only.clone(),
        old,
        key,
        id,
        limit
    ];
    let statement = if down { &USERS_DOWN } else { &USERS_UP };
    let rows = q.all(statement, values).await?;
    let one = |row: &Row| Ok((row.get("sort_key")?, read_user(row)?));
    rows.iter().map(one).collect()
}

fn read_keys(row: &Row) -> Result<Option<Vec<KeyFacts>>> {
    let keys: Option<serde_json::Value> = row.get("keys")?;
    let keys = keys.map(serde_json::from_value::<Vec<KeyFacts>>);
    keys.transpose().map_err(|why| Error::Column {
        column: "keys".to_owned(),
        why: why.to_string(),
    })
}

/// The access keys known of an IAM user, as last told; none where nothing has told of them.
pub(in crate::directory) async fn keys(
    q: &mut impl Query,
    user: PrincipalId,
) -> Result<Vec<KeyFacts>> {
    let row = q.maybe(&KEYS, args![user]).await?;
    let keys = row.as_ref().map(read_keys).transpose()?;
    Ok(keys.flatten().unwrap_or_default())
}

fn read_user(row: &Row) -> Result<IamUserFacts> {
    Ok(IamUserFacts {
        principal: read_principal(row)?,
        account: row.get("account")?,
        account_name: row.get("account_name")?,
        user: row.get("user_id")?,
        path: row.get("path")?,
        made_at: row.get("made_at")?,
        signed_in_at: row.get("signed_in_at")?,
        password: row.get("password")?,
        mfa: row.get("mfa")?,
        keys: read_keys(row)?,
        report_at: row.get("report_at")?,
    })
}
