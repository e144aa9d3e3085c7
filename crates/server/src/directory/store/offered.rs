//! Entitlements with everything conditions of catalogs may ask about them.

use std::collections::BTreeMap;

use stint_db::{Query, Result, Row, Val, args};
use stint_domain::condition::Thing;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::{ConnectionId, EntitlementId};

use super::super::Entitlement;
use super::tags;
use super::things::read_entitlement;
use crate::connections::{self, Names};

/// What stands before the condition of such a statement.
macro_rules! described {
    ($rest:literal) => {
        concat!(
            "select e.id, e.connection_id, e.kind, e.account, e.target, e.name, e.aws_name, e.owned_by, e.gone_at, e.sort_key, \
             a.name as account_name, a.tags, f.path, s.name as set_name, g.name as group_name from entitlements e \
             left join accounts a on a.connection_id = e.connection_id and a.aws_id = e.account \
             left join account_facts f on f.connection_id = e.connection_id and f.account = e.account \
             left join permission_sets s on e.kind = 'account_assignment' and s.connection_id = e.connection_id and s.arn = e.target \
             left join principals g on e.kind = 'group_membership' and g.kind = 'identity_center_group' \
             and g.connection_id = e.connection_id and g.aws_id = e.target ",
            $rest
        )
    };
}

stint_db::statements! {
    /// How often what conditions ask about has changed.
    VERSION = "select version from directory_version";
    /// One, also what is gone.
    ONE = (described!("where e.id = $1"));
    /// A page of those of a connection that may be given.
    OF_CONNECTION = (described!("where e.connection_id = $1 and e.gone_at is null and e.owned_by is null \
        and ($2 is null or (e.sort_key, e.id) > ($2, $3)) order by e.sort_key, e.id limit $4"));
    /// Several, also what is gone.
    SEVERAL = (described!("where e.id in {ids $1}"));
    /// A page of all of a connection, whoever decides about them.
    ALL = (described!("where e.connection_id = $1 and e.gone_at is null and ($2 is null or e.id > $2) order by e.id limit $3"));
}

pub(in crate::directory) async fn version(q: &mut impl Query) -> Result<i64> {
    let row = q.maybe(&VERSION, args![]).await?;
    row.map_or(Ok(0), |row| row.get("version"))
}

/// The same two statements whether it exists or not.
pub(in crate::directory) async fn one(
    q: &mut impl Query,
    id: EntitlementId,
) -> Result<Option<(Entitlement, Thing)>> {
    let names = connections::names(q).await?;
    let Some(row) = q.maybe(&ONE, args![id]).await? else {
        return Ok(None);
    };
    let found = read_entitlement(&row)?;
    let thing = thing(&row, &found, &names)?;
    Ok(thing.map(|thing| (found, thing)))
}

pub(in crate::directory) async fn of_connection(
    q: &mut impl Query,
    connection: ConnectionId,
    names: &BTreeMap<ConnectionId, Names>,
    after: Option<(String, EntitlementId)>,
    limit: i64,
) -> Result<Vec<(String, Thing)>> {
    let (key, id) = after.unzip();
    let rows = q.all(&OF_CONNECTION, args![connection, key, id, limit]);
    let mut found = Vec::new();
    for row in rows.await? {
        let entitlement = read_entitlement(&row)?;
        if let Some(thing) = thing(&row, &entitlement, names)? {
            found.push((row.get("sort_key")?, thing));
        }
    }
    Ok(found)
}

/// See [`crate::directory::things_by_id`].
pub(in crate::directory) async fn several(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
    names: &BTreeMap<ConnectionId, Names>,
) -> Result<BTreeMap<ConnectionId, Vec<Thing>>> {
    let mut found: BTreeMap<ConnectionId, Vec<Thing>> = BTreeMap::new();
    for row in q.all(&SEVERAL, args![Val::ids(ids)]).await? {
        let entitlement = read_entitlement(&row)?;
        if let Some(thing) = thing(&row, &entitlement, names)? {
            found.entry(entitlement.connection).or_default().push(thing);
        }
    }
    Ok(found)
}

/// See [`crate::directory::all_things`].
pub(in crate::directory) async fn all(
    q: &mut impl Query,
    connection: ConnectionId,
    names: &BTreeMap<ConnectionId, Names>,
    after: Option<EntitlementId>,
    limit: i64,
) -> Result<Vec<Thing>> {
    let mut found = Vec::new();
    for row in q.all(&ALL, args![connection, after, limit]).await? {
        let entitlement = read_entitlement(&row)?;
        found.extend(thing(&row, &entitlement, names)?);
    }
    Ok(found)
}

/// None where its connection is removed.
fn thing(
    row: &Row,
    it: &Entitlement,
    names: &BTreeMap<ConnectionId, Names>,
) -> Result<Option<Thing>> {
    let Some(named) = names.get(&it.connection) else {
        return Ok(None);
    };
    let path: Option<String> = row.get("path")?;
    let path = path.unwrap_or_default();
    let units = path.split('/').filter(|id| !id.is_empty());
    let path: Vec<String> = units.map(str::to_owned).collect();
    Ok(Some(Thing {
        id: it.id,
        lost: named.organized && path.is_empty(),
        // What was read before that was switched off is not believed.
        tags: tags::known(row)?.filter(|_| named.account_tags),
        name: it.name.clone(),
        key: it.key.clone(),
        account_name: row.get("account_name")?,
        path,
        permission_set: row.get("set_name")?,
        group: match &it.key {
            EntitlementKey::IamGroupMembership { .. } => it.aws_name.clone(),
            _ => row.get("group_name")?,
        },
        application: named.application,
        application_name: named.application_name.clone(),
        connection: named.connection.clone(),
    }))
}
