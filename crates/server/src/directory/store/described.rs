//! An entitlement as conditions see it.

use stint_db::{Query, args};
use stint_domain::condition::Thing;
use stint_domain::entitlement::EntitlementKey;

use super::super::Entitlement;
use super::tags;
use crate::connections;

stint_db::statements! {
    /// An account's name, its tags, and where it is in the organization.
    ACCOUNT = "select a.name, a.tags, f.path from accounts a left join account_facts f \
        on f.connection_id = a.connection_id and f.account = a.aws_id where a.connection_id = $1 and a.aws_id = $2";
    /// A permission set's name.
    SET = "select name from permission_sets where connection_id = $1 and arn = $2";
    /// An Identity Center group's name.
    GROUP = "select name from principals where connection_id = $1 and kind = 'identity_center_group' and aws_id = $2";
}

/// What is known of an entitlement: the names of account, permission set and group, where the
/// account is in the organization and its tags, and of which application and connection it is. None where its
/// connection is not known.
pub async fn described(
    q: &mut impl Query,
    entitlement: &Entitlement,
) -> stint_db::Result<Option<Thing>> {
    let of = entitlement.connection;
    let Some(connection) = connections::connection(q, of).await? else {
        return Ok(None);
    };
    let application = connections::application(q, connection.application).await?;
    let mut thing = Thing {
        id: entitlement.id,
        name: entitlement.name.clone(),
        key: entitlement.key.clone(),
        account_name: None,
        path: Vec::new(),
        lost: connection.management_account.is_some(),
        tags: None,
        permission_set: None,
        group: None,
        application: connection.application,
        application_name: application.map(|it| it.name).unwrap_or_default(),
        connection: connection.name,
    };
    let account = match &entitlement.key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => {
            let set = q.maybe(&SET, args![of, permission_set.as_str()]).await?;
            thing.permission_set = set.map(|row| row.get("name")).transpose()?;
            Some(account)
        }
        EntitlementKey::IamGroupMembership { account, .. } => {
            thing.group.clone_from(&entitlement.aws_name);
            Some(account)
        }
        EntitlementKey::GroupMembership { group } => {
            let group = q.maybe(&GROUP, args![of, group.as_str()]).await?;
            thing.group = group.map(|row| row.get("name")).transpose()?;
            None
        }
    };
    if let Some(account) = account
        && let Some(row) = q.maybe(&ACCOUNT, args![of, account.as_str()]).await?
    {
        thing.account_name = row.get("name")?;
        let path: Option<String> = row.get("path")?;
        let units = path.iter().flat_map(|path| path.split('/'));
        thing.path = units
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect();
        thing.lost &= thing.path.is_empty();
        thing.tags = tags::known(&row)?.filter(|_| connection.scope.account_tags);
    }
    Ok(Some(thing))
}
