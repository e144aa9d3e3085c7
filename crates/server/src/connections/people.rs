//! Who answers for a connection, and who is told when it is in trouble.

use std::collections::BTreeSet;

use serde_json::json;
use stint_db::{Query, Tx};
use stint_domain::rights::{Answer, Relation, Role, Verb, allowed};
use stint_domain::{ConnectionId, UserId};

use super::applications::named;
use super::{Connection, Error, Owner, store};
use crate::cx::Cx;
use crate::{identity, outbox};

/// Who answers for a connection, by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Its own owners.
    pub owners: Vec<Owner>,
    /// Those of its application.
    pub application_owners: Vec<Owner>,
    /// Who is told when it is in trouble; nobody once it was removed.
    pub told: Vec<Owner>,
}

/// Who answers for this connection.
pub async fn people(cx: &Cx, of: &Connection) -> Result<People, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let mut q = cx.read().await?;
    let own = store::connection_owners(&mut q, of.id).await?;
    let application = store::application_owners(&mut q, of.application).await?;
    Ok(People {
        owners: named(&mut q, &own).await?,
        application_owners: named(&mut q, &application).await?,
        told: told_of_trouble(&mut q, of).await?,
    })
}

/// Who is told when a connection is in trouble, by address: its owners and those of its application,
/// as far as they are active and may see it; where there is nobody like that the Connection Admins,
/// and where there are none of these the Super Admins. Nobody once it was removed.
pub async fn told_of_trouble(q: &mut impl Query, of: &Connection) -> stint_db::Result<Vec<Owner>> {
    if of.removed_at.is_some() {
        return Ok(Vec::new());
    }
    let mut ids: BTreeSet<UserId> = store::connection_owners(q, of.id)
        .await?
        .into_iter()
        .collect();
    ids.extend(store::application_owners(q, of.application).await?);
    let owners = able(q, ids).await?;
    if !owners.is_empty() {
        return Ok(owners);
    }
    for role in [Role::ConnectionAdmin, Role::SuperAdmin] {
        let holders = identity::with_roles(q, &[role]).await?;
        let found = able(q, holders).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Those of these who are active and may see a connection.
async fn able(q: &mut impl Query, ids: BTreeSet<UserId>) -> stint_db::Result<Vec<Owner>> {
    let ids: Vec<UserId> = ids.into_iter().collect();
    let sees = |user: &identity::User| {
        let answer = allowed(&user.all_roles(), Verb::GetConnection, Relation::Others);
        user.active && answer == Answer::Yes
    };
    let users = identity::users(q, &ids).await?;
    Ok(users.into_iter().filter(sees).map(owner).collect())
}

fn owner(user: identity::User) -> Owner {
    Owner {
        user: user.id,
        name: user.name,
    }
}

/// Says that others answer for a connection from now on, in the transaction that makes it so.
pub(super) async fn changed(cx: &Cx, tx: &mut Tx, id: ConnectionId) -> stint_db::Result<()> {
    let news = json!({ "connection": id });
    outbox::emit(tx, cx, "connection.owners_changed", news).await
}
