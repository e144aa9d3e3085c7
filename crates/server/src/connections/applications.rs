//! Verbs about applications.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stint_db::{Priority, Query};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ApplicationId, UserId};

use super::{Application, Error, Owner, check, people, store};
use crate::cx::Cx;
use crate::http::{Page, Paging, sorted};
use crate::{identity, outbox};

/// An application to be.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Unique whatever the capitals.
    pub name: String,
    /// For people; may be empty.
    pub description: String,
    /// Who is answerable; the caller when empty.
    pub owners: Vec<UserId>,
}

/// What to change of an application; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ApplicationChange {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// All owners it is to have.
    pub owners: Option<Vec<UserId>>,
}

/// Creates an application.
pub async fn create_application(cx: &Cx, new: NewApplication) -> Result<Application, Error> {
    cx.authorize(Verb::CreateApplication, Relation::None)?;
    let name = check::name(&new.name)?;
    let description = check::description(&new.description)?;
    let owners = or_caller(cx, new.owners);
    let mut tx = cx.begin(Priority::Interactive).await?;
    let application = Application {
        id: cx.app.new_id(),
        name,
        description,
        owners: check::owners(&mut tx, &owners).await?,
        created_at: cx.now,
        version: 1,
    };
    let id = application.id;
    store::insert_application(&mut tx, &application)
        .await
        .map_err(Error::taken)?;
    store::set_application_owners(&mut tx, id, &owners, cx.now, cx.actor.user()).await?;
    let facts = json!({ "name": application.name, "owners": owners });
    tx.audit(cx.event("application.created", [id.into()], facts));
    tx.commit().await?;
    Ok(application)
}

/// One application with its owners.
pub async fn get_application(cx: &Cx, id: ApplicationId) -> Result<Application, Error> {
    cx.authorize(Verb::GetApplication, Relation::Others)?;
    let mut reader = cx.read().await?;
    let found = store::application(&mut reader, id)
        .await?
        .ok_or(Error::NotFound)?;
    with_owners(&mut reader, found).await
}

/// Which applications to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Words in the name, in their order.
    pub q: String,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of applications or connections has.
pub const SORTS: &[&str] = &["name", "-name", "created", "-created"];

/// Applications with their owners, a page at a time.
pub async fn list_applications(
    cx: &Cx,
    filter: &ApplicationFilter,
    paging: &Paging,
) -> Result<Page<Application>, Error> {
    cx.authorize(Verb::ListApplications, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let after = paging.after_key::<ApplicationId>(sort)?;
    let mut reader = cx.read().await?;
    let rows = store::applications(&mut reader, &filter.q, sort, after, paging.fetch()).await?;
    let mut page = paging.page_key(sort, rows, |row| row.id, |row| store::fold(&row.name));
    let ids = page.items.iter().map(|it| it.id);
    let owned = store::owners_of_applications(&mut reader, ids).await?;
    let mut owners = owners_of(&mut reader, owned).await?;
    for item in &mut page.items {
        item.owners = owners.remove(&item.id).unwrap_or_default();
    }
    Ok(page)
}

/// Changes name, description or owners.
pub async fn update_application(
    cx: &Cx,
    id: ApplicationId,
    change: ApplicationChange,
    expected: Option<i64>,
) -> Result<Application, Error> {
    cx.authorize(Verb::UpdateApplication, Relation::Others)?;
    let name = change.name.as_deref().map(check::name).transpose()?;
    let description = change
        .description
        .as_deref()
        .map(check::description)
        .transpose()?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = store::lock_application(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    if expected.is_some_and(|version| version != before.version) {
        return Err(Error::Stale {
            version: before.version,
        });
    }
    let name = name.unwrap_or_else(|| before.name.clone());
    let description = description.unwrap_or_else(|| before.description.clone());
    store::update_application(&mut tx, id, &name, &description)
        .await
        .map_err(Error::taken)?;
    if let Some(owners) = &change.owners {
        check::owners(&mut tx, owners).await?;
        store::set_application_owners(&mut tx, id, owners, cx.now, cx.actor.user()).await?;
        identity::changes_others(cx, &mut tx).await?;
        // They answer for each of its connections.
        let all = store::all_connections(&mut tx).await?;
        for connection in all.iter().filter(|it| it.application == id) {
            people::changed(cx, &mut tx, connection.id).await?;
        }
    }
    let after = store::application(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    let after = with_owners(&mut tx, after).await?;
    let facts = json!({
        "before": { "name": before.name, "description": before.description },
        "after": { "name": name, "description": description },
        "owners": change.owners,
    });
    tx.audit(cx.event("application.changed", [id.into()], facts));
    tx.commit().await?;
    if change.owners.is_some() {
        cx.app.nudge(outbox::DELIVER);
    }
    Ok(after)
}

async fn with_owners(q: &mut impl Query, mut of: Application) -> Result<Application, Error> {
    let ids = store::application_owners(q, of.id).await?;
    of.owners = named(q, &ids).await?;
    Ok(of)
}

/// Owners with their names, by address.
pub(super) async fn named(q: &mut impl Query, ids: &[UserId]) -> Result<Vec<Owner>, Error> {
    let users = identity::users(q, ids).await?;
    Ok(users
        .into_iter()
        .map(|user| Owner {
            user: user.id,
            name: user.name,
        })
        .collect())
}

/// The owners of several things with their names, by address.
pub(super) async fn owners_of<I: Ord>(
    q: &mut impl Query,
    owned: Vec<(I, UserId)>,
) -> Result<BTreeMap<I, Vec<Owner>>, Error> {
    let ids: BTreeSet<UserId> = owned.iter().map(|(_, user)| *user).collect();
    let ids: Vec<UserId> = ids.into_iter().collect();
    // By address: so are the owners of each.
    let named = named(q, &ids).await?;
    let places: BTreeMap<UserId, usize> = (named.iter().enumerate())
        .map(|(place, owner)| (owner.user, place))
        .collect();
    let mut owned: Vec<(I, &usize)> = (owned.into_iter())
        .filter_map(|(of, user)| Some((of, places.get(&user)?)))
        .collect();
    owned.sort_unstable();
    let mut owners: BTreeMap<I, Vec<Owner>> = BTreeMap::new();
    for (of, place) in owned {
        owners
            .entry(of)
            .or_default()
            .extend(named.get(*place).cloned());
    }
    Ok(owners)
}

/// The owners named, each once; the caller when none is.
pub(super) fn or_caller(cx: &Cx, mut owners: Vec<UserId>) -> Vec<UserId> {
    owners.sort_unstable();
    owners.dedup();
    if owners.is_empty() {
        owners.extend(cx.actor.user());
    }
    owners
}
