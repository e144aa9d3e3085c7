//! SQL of what catalogs say by rule, and of everything at once.

use std::collections::BTreeMap;

use stint_db::{Query, Row, Tx, Val, args};
use stint_domain::condition::Condition;
use stint_domain::{CatalogId, EntitlementId, GroupId, PolicyId, Span};

use super::super::{AccessControl, Catalog, ContentRule, DefaultTerms, Rules};
use super::{catalogs, control};

stint_db::statements! {
    /// How often catalogs and access controls have changed.
    VERSION = "select version from catalog_version";
    /// Takes its row.
    HOLD = "select version from catalog_version{lock}";
    /// Every catalog, as it stands before another that holds the same.
    ALL = "select id, name, description, contents, audience_when, policy_id, max_duration, until_revoked, rank,
            created_at, version, (select count(*) from catalog_entitlements e where e.catalog_id = c.id) as entitlements
        from catalogs c order by rank, id";
    /// Those that ask by a policy for what has no access control.
    DEFAULTING = "select id, name, description, contents, audience_when, policy_id, max_duration, until_revoked, rank,
            created_at, version, (select count(*) from catalog_entitlements e where e.catalog_id = c.id) as entitlements
        from catalogs c where policy_id = $1 order by name_key, id";
    /// What is in every list.
    ALL_LISTED = "select catalog_id, entitlement_id from catalog_entitlements";
    /// Every access control.
    ALL_CONTROLS = "select entitlement_id, policy_id, max_duration, until_revoked, emergency_policy_id, version from access_controls";
    /// The catalogs that somebody in these groups may see, if a condition does not say otherwise, and
    /// that may hold that entitlement, if one does not say otherwise.
    JUDGED = "select c.id, c.name, c.contents, c.audience_when, c.policy_id, c.max_duration, c.until_revoked, c.rank,
            (select count(*) from catalog_audience a where a.catalog_id = c.id and a.group_id in {ids $1}) as admitted,
            (select count(*) from catalog_entitlements e where e.catalog_id = c.id and e.entitlement_id = $2) as listed
        from catalogs c
        where (c.audience_when is not null or exists
                (select 1 from catalog_audience a where a.catalog_id = c.id and a.group_id in {ids $1}))
            and (c.contents <> '[]' or exists
                (select 1 from catalog_entitlements e where e.catalog_id = c.id and e.entitlement_id = $2))
        order by c.rank, c.id";
}

/// `contents, audience_when, policy_id, max_duration, rank, until_revoked`
pub(super) fn values(rules: &Rules) -> Vec<Val> {
    args![
        serde_json::to_value(&rules.contents).unwrap_or_default(),
        rules.audience_when.as_ref().map(ToString::to_string),
        rules.terms.map(|terms| terms.policy),
        rules.terms.and_then(|terms| terms.max_duration),
        rules.rank,
        rules.terms.is_some_and(|terms| terms.until_revoked)
    ]
}

pub(super) fn rules(row: &Row) -> stint_db::Result<Rules> {
    let contents: Vec<ContentRule> = row.json("contents")?;
    let audience: Option<String> = row.get("audience_when")?;
    let policy: Option<PolicyId> = row.get("policy_id")?;
    let max_duration: Option<Span> = row.get("max_duration")?;
    let until_revoked: bool = row.get("until_revoked")?;
    Ok(Rules {
        contents,
        audience_when: audience.as_deref().map(Condition::new),
        terms: policy.map(|policy| DefaultTerms {
            policy,
            max_duration,
            until_revoked,
        }),
        rank: row.get("rank")?,
    })
}

pub(in crate::catalog) async fn version(q: &mut impl Query) -> stint_db::Result<i64> {
    let row = q.maybe(&VERSION, args![]).await?;
    row.map_or(Ok(0), |row| row.get("version"))
}

/// Whoever changes catalogs or access controls comes one after the other from here on.
pub(in crate::catalog) async fn hold(tx: &mut Tx) -> stint_db::Result<()> {
    tx.maybe(&HOLD, args![]).await.map(drop)
}

/// By rank; among equals the older first.
pub(in crate::catalog) async fn all(q: &mut impl Query) -> stint_db::Result<Vec<Catalog>> {
    let rows = q.all(&ALL, args![]).await?;
    catalogs(q, &rows).await
}

pub(in crate::catalog) async fn defaulting_to(
    q: &mut impl Query,
    policy: PolicyId,
) -> stint_db::Result<Vec<Catalog>> {
    let rows = q.all(&DEFAULTING, args![policy]).await?;
    catalogs(q, &rows).await
}

pub(in crate::catalog) async fn all_listed(
    q: &mut impl Query,
) -> stint_db::Result<Vec<(CatalogId, EntitlementId)>> {
    let rows = q.all(&ALL_LISTED, args![]).await?;
    (rows.iter())
        .map(|row| Ok((row.get("catalog_id")?, row.get("entitlement_id")?)))
        .collect()
}

pub(in crate::catalog) async fn all_controls(
    q: &mut impl Query,
) -> stint_db::Result<BTreeMap<EntitlementId, AccessControl>> {
    let rows = q.all(&ALL_CONTROLS, args![]).await?;
    (rows.iter())
        .map(|row| control(row).map(|it| (it.entitlement, it)))
        .collect()
}

/// A catalog as it stands to somebody's groups and to an entitlement, before its conditions.
pub(in crate::catalog) struct Candidate {
    pub(in crate::catalog) id: CatalogId,
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) rules: Rules,
    pub(in crate::catalog) admitted: bool,
    pub(in crate::catalog) listed: bool,
}

/// By rank; among equals the older first. One statement, whatever there is.
pub(in crate::catalog) async fn judged(
    q: &mut impl Query,
    groups: impl IntoIterator<Item = GroupId>,
    id: EntitlementId,
) -> stint_db::Result<Vec<Candidate>> {
    let rows = q.all(&JUDGED, args![Val::ids(groups), id]).await?;
    (rows.iter())
        .map(|row| {
            Ok(Candidate {
                id: row.get("id")?,
                name: row.get("name")?,
                rules: rules(row)?,
                admitted: row.get::<i64>("admitted")? > 0,
                listed: row.get::<i64>("listed")? > 0,
            })
        })
        .collect()
}
