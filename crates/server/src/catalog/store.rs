//! All SQL of catalogs and access controls.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Query, Row, Tx, Val, args};
use stint_domain::{CatalogId, EntitlementId, GroupId, PolicyId, Time, UserId};

use super::{AccessControl, Catalog, Under};
use crate::http::like;

pub(super) mod conditions;

pub(crate) use conditions::STATEMENTS as CONDITION_STATEMENTS;

/// A page in one order, narrowed.
macro_rules! listed {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "select id, name, description, contents, audience_when, policy_id, max_duration, until_revoked, rank, created_at, version, \
             (select count(*) from catalog_entitlements e where e.catalog_id = c.id) as entitlements \
             from catalogs c where ($1 is null or ",
            $key,
            " ",
            $beyond,
            " $1) and name_key like $2 escape '\\' order by ",
            $key,
            $direction,
            " limit $3"
        )
    };
}

stint_db::statements! {
    /// A catalog begins, empty.
    INSERT = "insert into catalogs (id, name, name_key, description, created_at, version,
            contents, audience_when, policy_id, max_duration, rank, until_revoked)
        values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11)";
    /// All but the lists.
    UPDATE = "update catalogs set name = $2, name_key = $3, description = $4, version = $5,
            contents = $6, audience_when = $7, policy_id = $8, max_duration = $9, rank = $10, until_revoked = $11
        where id = $1";
    /// Before anything about it is changed.
    LOCK = "select name from catalogs where id = $1{lock}";
    /// One catalog.
    GET = "select id, name, description, contents, audience_when, policy_id, max_duration, until_revoked, rank,
            created_at, version, (select count(*) from catalog_entitlements e where e.catalog_id = c.id) as entitlements
        from catalogs c where id = $1";
    /// A page by name.
    BY_NAME_UP = (listed!("name_key", ">", ""));
    /// The same from its other end.
    BY_NAME_DOWN = (listed!("name_key", "<", " desc"));
    /// A page, the first made first.
    BY_AGE_UP = (listed!("id", ">", ""));
    /// The last made first.
    BY_AGE_DOWN = (listed!("id", "<", " desc"));
    /// Who sees several.
    AUDIENCES = "select catalog_id, group_id from catalog_audience where catalog_id in {ids $1}";
    /// A group sees it from now on.
    ADMIT = "insert into catalog_audience (catalog_id, group_id) values ($1, $2)";
    /// A group sees it no more.
    EXCLUDE = "delete from catalog_audience where catalog_id = $1 and group_id = $2";
    /// What is in it.
    ENTITLEMENTS = "select entitlement_id from catalog_entitlements where catalog_id = $1";
    /// What of it is asked for under a policy.
    ENTITLEMENTS_UNDER = "select e.entitlement_id from catalog_entitlements e
            join access_controls c on c.entitlement_id = e.entitlement_id
        where e.catalog_id = $1 and c.policy_id = $2";
    /// What of it nobody can ask for, without a policy.
    ENTITLEMENTS_CLOSED = "select e.entitlement_id from catalog_entitlements e
        where e.catalog_id = $1 and not exists
            (select 1 from access_controls c where c.entitlement_id = e.entitlement_id)";
    /// How much that is.
    COUNT_CLOSED = "select count(*) as n from catalog_entitlements e
        where e.catalog_id = $1 and not exists
            (select 1 from access_controls c where c.entitlement_id = e.entitlement_id)";
    /// An entitlement comes into it.
    ADD = "insert into catalog_entitlements (catalog_id, entitlement_id, added_at)
        values ($1, $2, $3) on conflict (catalog_id, entitlement_id) do nothing";
    /// An entitlement leaves it.
    REMOVE = "delete from catalog_entitlements where catalog_id = $1 and entitlement_id = $2";
    /// Whether it is in it.
    LISTED = "select 1 as one from catalog_entitlements where catalog_id = $1 and entitlement_id = $2";
    /// How an entitlement may be asked for.
    CONTROL = "select entitlement_id, policy_id, max_duration, until_revoked, emergency_policy_id, version
        from access_controls where entitlement_id = $1";
    /// How several may be asked for.
    CONTROLS = "select entitlement_id, policy_id, max_duration, until_revoked, emergency_policy_id, version
        from access_controls where entitlement_id in {ids $1}";
    /// The same, before it is changed.
    LOCK_CONTROL = "select entitlement_id, policy_id, max_duration, until_revoked, emergency_policy_id, version
        from access_controls where entitlement_id = $1{lock}";
    /// How it may be asked for from now on.
    SET_CONTROL = "insert into access_controls
            (entitlement_id, policy_id, max_duration, set_at, set_by, version, emergency_policy_id, until_revoked)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (entitlement_id) do update set policy_id = excluded.policy_id,
            max_duration = excluded.max_duration, set_at = excluded.set_at,
            set_by = excluded.set_by, version = excluded.version,
            emergency_policy_id = excluded.emergency_policy_id, until_revoked = excluded.until_revoked
            where access_controls.version = excluded.version - 1";
    /// What is asked for under a policy.
    UNDER_POLICY = "select entitlement_id from access_controls \
        where policy_id = $1 or emergency_policy_id = $1";
    /// How much that is.
    COUNT_UNDER_POLICY = "select count(*) as n from access_controls \
        where policy_id = $1 or emergency_policy_id = $1";
    /// Where an entitlement is.
    WITH_ENTITLEMENT = "select id, name, description, contents, audience_when, policy_id, max_duration, until_revoked, rank,
            created_at, version, (select count(*) from catalog_entitlements e where e.catalog_id = c.id) as entitlements
        from catalogs c where exists
            (select 1 from catalog_entitlements e where e.catalog_id = c.id and e.entitlement_id = $1)
        order by name_key";
}

/// What identifies the key a name is unique by.
pub(super) const NAME_KEY: &str = "catalogs.name_key";

pub(super) async fn insert(tx: &mut Tx, c: &Catalog, key: &str) -> stint_db::Result<()> {
    let mut args = args![
        c.id,
        c.name.as_str(),
        key,
        c.description.as_str(),
        c.created_at
    ];
    args.extend(conditions::values(&c.rules));
    tx.run(&INSERT, args).await?;
    for group in &c.audience {
        tx.run(&ADMIT, args![c.id, *group]).await?;
    }
    Ok(())
}

pub(super) async fn update(
    tx: &mut Tx,
    before: &Catalog,
    after: &Catalog,
    key: &str,
) -> stint_db::Result<()> {
    let mut args = args![
        after.id,
        after.name.as_str(),
        key,
        after.description.as_str(),
        after.version
    ];
    args.extend(conditions::values(&after.rules));
    tx.run(&UPDATE, args).await?;
    for group in before.audience.difference(&after.audience) {
        tx.run(&EXCLUDE, args![after.id, *group]).await?;
    }
    for group in after.audience.difference(&before.audience) {
        tx.run(&ADMIT, args![after.id, *group]).await?;
    }
    Ok(())
}

/// Takes the row and answers its name.
pub(super) async fn lock(tx: &mut Tx, id: CatalogId) -> stint_db::Result<Option<String>> {
    let row = tx.maybe(&LOCK, args![id]).await?;
    row.map(|row| row.get("name")).transpose()
}

pub(super) async fn get(q: &mut impl Query, id: CatalogId) -> stint_db::Result<Option<Catalog>> {
    let row = q.maybe(&GET, args![id]).await?;
    Ok(catalogs(q, row.as_slice()).await?.pop())
}

pub(super) async fn list(
    q: &mut impl Query,
    words: &str,
    sort: &str,
    after: Val,
    limit: i64,
) -> stint_db::Result<Vec<Catalog>> {
    let statement = match sort {
        "-name" => &BY_NAME_DOWN,
        "created" => &BY_AGE_UP,
        "-created" => &BY_AGE_DOWN,
        _ => &BY_NAME_UP,
    };
    let rows = q.all(statement, args![after, like(words), limit]).await?;
    catalogs(q, &rows).await
}

/// Rows with who sees them, in one look-up for all.
async fn catalogs(q: &mut impl Query, rows: &[Row]) -> stint_db::Result<Vec<Catalog>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<CatalogId> = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push(row.get("id")?);
    }
    let mut audiences: BTreeMap<CatalogId, BTreeSet<GroupId>> = BTreeMap::new();
    for row in q.all(&AUDIENCES, args![Val::ids(ids)]).await? {
        let audience = audiences.entry(row.get("catalog_id")?).or_default();
        audience.insert(row.get("group_id")?);
    }
    (rows.iter())
        .map(|row| {
            let id = row.get("id")?;
            Ok(Catalog {
                id,
                name: row.get("name")?,
                description: row.get("description")?,
                audience: audiences.remove(&id).unwrap_or_default(),
                rules: conditions::rules(row)?,
                entitlements: row.get("entitlements")?,
                created_at: row.get("created_at")?,
                version: row.get("version")?,
            })
        })
        .collect()
}

/// What is in it, narrowed by how it may be asked for.
pub(super) async fn entitlements(
    q: &mut impl Query,
    id: CatalogId,
    under: Option<Under>,
) -> stint_db::Result<Vec<EntitlementId>> {
    let rows = match under {
        None => q.all(&ENTITLEMENTS, args![id]).await?,
        Some(Under::Policy(policy)) => q.all(&ENTITLEMENTS_UNDER, args![id, policy]).await?,
        Some(Under::None) => q.all(&ENTITLEMENTS_CLOSED, args![id]).await?,
    };
    rows.iter().map(|row| row.get("entitlement_id")).collect()
}

/// How much of it has no policy.
pub(super) async fn count_closed(q: &mut impl Query, id: CatalogId) -> stint_db::Result<i64> {
    let row = q.maybe(&COUNT_CLOSED, args![id]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

/// Whether it is new there.
pub(super) async fn add(
    tx: &mut Tx,
    id: CatalogId,
    entitlement: EntitlementId,
    now: Time,
) -> stint_db::Result<bool> {
    Ok(tx.run(&ADD, args![id, entitlement, now]).await? > 0)
}

/// Whether it was there.
pub(super) async fn remove(
    tx: &mut Tx,
    id: CatalogId,
    entitlement: EntitlementId,
) -> stint_db::Result<bool> {
    Ok(tx.run(&REMOVE, args![id, entitlement]).await? > 0)
}

pub(super) async fn is_listed(
    q: &mut impl Query,
    id: CatalogId,
    entitlement: EntitlementId,
) -> stint_db::Result<bool> {
    Ok(q.maybe(&LISTED, args![id, entitlement]).await?.is_some())
}

pub(super) async fn access_control(
    q: &mut impl Query,
    id: EntitlementId,
) -> stint_db::Result<Option<AccessControl>> {
    let row = q.maybe(&CONTROL, args![id]).await?;
    row.as_ref().map(control).transpose()
}

/// How several may be asked for.
pub(super) async fn access_controls(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
) -> stint_db::Result<BTreeMap<EntitlementId, AccessControl>> {
    let rows = q.all(&CONTROLS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| control(row).map(|it| (it.entitlement, it)))
        .collect()
}

pub(super) async fn lock_access_control(
    tx: &mut Tx,
    id: EntitlementId,
) -> stint_db::Result<Option<AccessControl>> {
    let row = tx.maybe(&LOCK_CONTROL, args![id]).await?;
    row.as_ref().map(control).transpose()
}

/// False when it is not at the version before this one.
pub(super) async fn set_access_control(
    tx: &mut Tx,
    c: &AccessControl,
    now: Time,
    by: Option<UserId>,
) -> stint_db::Result<bool> {
    let args = args![
        c.entitlement,
        c.policy,
        c.max_duration,
        now,
        by,
        c.version,
        c.emergency,
        c.until_revoked
    ];
    Ok(tx.run(&SET_CONTROL, args).await? > 0)
}

pub(super) async fn under_policy(
    q: &mut impl Query,
    policy: PolicyId,
) -> stint_db::Result<Vec<EntitlementId>> {
    let rows = q.all(&UNDER_POLICY, args![policy]).await?;
    rows.iter().map(|row| row.get("entitlement_id")).collect()
}

pub(super) async fn count_under_policy(
    q: &mut impl Query,
    policy: PolicyId,
) -> stint_db::Result<i64> {
    let row = q.maybe(&COUNT_UNDER_POLICY, args![policy]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

pub(super) async fn catalogs_with(
    q: &mut impl Query,
    id: EntitlementId,
) -> stint_db::Result<Vec<Catalog>> {
    let rows = q.all(&WITH_ENTITLEMENT, args![id]).await?;
    catalogs(q, &rows).await
}

fn control(row: &Row) -> stint_db::Result<AccessControl> {
    Ok(AccessControl {
        entitlement: row.get("entitlement_id")?,
        policy: row.get("policy_id")?,
        max_duration: row.get("max_duration")?,
        until_revoked: row.get("until_revoked")?,
        emergency: row.get("emergency_policy_id")?,
        version: row.get("version")?,
    })
}
