//! All SQL of policies and their versions.

use std::collections::BTreeMap;

use stint_db::{Query, Row, Tx, Val, args};
use stint_domain::{PolicyId, PolicyVersionId, Time, UserId};

use super::{Policy, PolicyVersion};
use crate::http::like;

/// A page in one order, narrowed.
macro_rules! listed {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "select p.id, p.name, p.created_at, p.version, \
             v.id as version_id, v.number, v.body, v.note, \
             v.created_at as written_at, v.created_by \
             from policies p join policy_versions v \
             on v.policy_id = p.id and v.number = p.latest_number where ($1 is null or ",
            $key,
            " ",
            $beyond,
            " $1) and p.name_key like $2 escape '\\' order by ",
            $key,
            $direction,
            " limit $3"
        )
    };
}

stint_db::statements! {
    /// The ids of all versions of a policy.
    VERSION_IDS = "select id from policy_versions where policy_id = $1";
    /// A policy begins.
    INSERT = "insert into policies (id, name, name_key, latest_number, created_at, version)
        values ($1, $2, $3, 1, $4, 1)";
    /// The only thing that changes about a policy: which version is its latest.
    ADVANCE = "update policies set latest_number = $2, version = version + 1 where id = $1";
    /// Versions are only ever added.
    INSERT_VERSION = "insert into policy_versions
        (id, policy_id, number, body, note, created_at, created_by)
        values ($1, $2, $3, $4, $5, $6, $7)";
    /// Where the deadlines of the latest version lead is written anew with each.
    LEADS_NOWHERE = "delete from policy_others where policy_id = $1";
    LEADS_TO = "insert into policy_others (policy_id, other_id) values ($1, $2)";
    /// How many lead to one.
    LED_TO = "select count(*) as n from policy_others where other_id = $1";
    /// Before a new version is written.
    LOCK = "select latest_number, version from policies where id = $1{lock}";
    /// One policy with its latest version.
    GET = "select p.id, p.name, p.created_at, p.version,
            v.id as version_id, v.number, v.body, v.note,
            v.created_at as written_at, v.created_by
        from policies p join policy_versions v
            on v.policy_id = p.id and v.number = p.latest_number
        where p.id = $1";
    /// Several policies, each with its latest version.
    SEVERAL = "select p.id, p.name, v.id as version_id, v.number, v.body, v.note,
            v.created_at as written_at, v.created_by
        from policies p join policy_versions v
            on v.policy_id = p.id and v.number = p.latest_number
        where p.id in {ids $1}";
    /// A page by name.
    BY_NAME_UP = (listed!("p.name_key", ">", ""));
    /// The same from its other end.
    BY_NAME_DOWN = (listed!("p.name_key", "<", " desc"));
    /// A page, the first made first.
    BY_AGE_UP = (listed!("p.id", ">", ""));
    /// The last made first.
    BY_AGE_DOWN = (listed!("p.id", "<", " desc"));
    /// Newest first, below a number.
    VERSIONS = "select p.id, p.name, v.id as version_id, v.number, v.body, v.note,
            v.created_at as written_at, v.created_by
        from policies p join policy_versions v on v.policy_id = p.id
        where p.id = $1 and v.number < $2 order by v.number desc limit $3";
    /// Several versions, whichever policies'.
    SEVERAL_VERSIONS = "select p.id, p.name, v.id as version_id, v.number, v.body, v.note,
            v.created_at as written_at, v.created_by
        from policy_versions v join policies p on p.id = v.policy_id
        where v.id in {ids $1}";
}

/// What identifies the key a name is unique by.
pub(super) const NAME_KEY: &str = "policies.name_key";

pub(super) async fn insert(tx: &mut Tx, policy: &Policy, key: &str) -> stint_db::Result<()> {
    let Policy { id, name, .. } = policy;
    let args = args![*id, name.as_str(), key, policy.created_at];
    tx.run(&INSERT, args).await?;
    insert_version(tx, &policy.latest).await
}

pub(super) async fn insert_version(tx: &mut Tx, v: &PolicyVersion) -> stint_db::Result<()> {
    let body = serde_json::to_value(&v.body).unwrap_or_default();
    let args = args![
        v.id,
        v.policy,
        v.number,
        body,
        v.note.as_str(),
        v.created_at,
        v.created_by
    ];
    tx.run(&INSERT_VERSION, args).await?;
    tx.run(&LEADS_NOWHERE, args![v.policy]).await?;
    for other in v.body.others() {
        tx.run(&LEADS_TO, args![v.policy, other]).await?;
    }
    Ok(())
}

/// Whether the deadlines of another policy's latest version lead to this one.
pub(super) async fn led_to(q: &mut impl Query, id: PolicyId) -> stint_db::Result<bool> {
    let n: i64 = q.one(&LED_TO, args![id]).await?.get("n")?;
    Ok(n > 0)
}

pub(super) async fn advance(tx: &mut Tx, id: PolicyId, number: i64) -> stint_db::Result<()> {
    tx.run(&ADVANCE, args![id, number]).await?;
    Ok(())
}

/// The latest number and the row's version, locked.
pub(super) async fn lock(tx: &mut Tx, id: PolicyId) -> stint_db::Result<Option<(i64, i64)>> {
    let row = tx.maybe(&LOCK, args![id]).await?;
    row.map(|row| Ok((row.get("latest_number")?, row.get("version")?)))
        .transpose()
}

pub(super) async fn get(q: &mut impl Query, id: PolicyId) -> stint_db::Result<Option<Policy>> {
    let row = q.maybe(&GET, args![id]).await?;
    row.as_ref().map(policy).transpose()
}

pub(super) async fn list(
    q: &mut impl Query,
    words: &str,
    sort: &str,
    after: Val,
    limit: i64,
) -> stint_db::Result<Vec<Policy>> {
    let statement = match sort {
        "-name" => &BY_NAME_DOWN,
        "created" => &BY_AGE_UP,
        "-created" => &BY_AGE_DOWN,
        _ => &BY_NAME_UP,
    };
    let rows = q.all(statement, args![after, like(words), limit]).await?;
    rows.iter().map(policy).collect()
}

pub(super) async fn versions(
    q: &mut impl Query,
    id: PolicyId,
    below: i64,
    limit: i64,
) -> stint_db::Result<Vec<PolicyVersion>> {
    let rows = q.all(&VERSIONS, args![id, below, limit]).await?;
    rows.iter().map(version_row).collect()
}

/// The latest versions of several policies.
pub(super) async fn several(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = PolicyId>,
) -> stint_db::Result<BTreeMap<PolicyId, PolicyVersion>> {
    let rows = q.all(&SEVERAL, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| version_row(row).map(|it| (it.policy, it)))
        .collect()
}

/// Several versions.
pub(super) async fn several_versions(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = PolicyVersionId>,
) -> stint_db::Result<BTreeMap<PolicyVersionId, PolicyVersion>> {
    let rows = q.all(&SEVERAL_VERSIONS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| version_row(row).map(|it| (it.id, it)))
        .collect()
}

fn policy(row: &Row) -> stint_db::Result<Policy> {
    Ok(Policy {
        id: row.get("id")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
        latest: version_row(row)?,
    })
}

fn version_row(row: &Row) -> stint_db::Result<PolicyVersion> {
    Ok(PolicyVersion {
        id: row.get::<PolicyVersionId>("version_id")?,
        policy: row.get("id")?,
        name: row.get("name")?,
        number: row.get("number")?,
        body: row.json("body")?,
        note: row.get("note")?,
        created_at: row.get::<Time>("written_at")?,
        created_by: row.get::<Option<UserId>>("created_by")?,
    })
}

pub(super) async fn version_ids(
    q: &mut impl Query,
    policy: PolicyId,
) -> stint_db::Result<Vec<PolicyVersionId>> {
    let rows = q.all(&VERSION_IDS, args![policy]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}
