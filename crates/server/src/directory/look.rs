//! Looking: lists of what is known.

use stint_domain::rights::{Relation, Verb};
use stint_domain::{AssignmentId, ConnectionId, EntitlementId, PrincipalId, SyncId, Time, UserId};

use super::store::{assignments as rows, runs, things};
use super::{Assignment, Entitlement, Error, Principal, SyncRun};
use crate::connections;
use crate::cx::Cx;
use crate::http::{Page, Paging};

/// Which assignments. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this estate.
    pub connection: Option<ConnectionId>,
    /// Held by principals confirmed to be this user's.
    pub user: Option<UserId>,
    /// Held by this principal itself.
    pub principal: Option<PrincipalId>,
    /// Of this entitlement.
    pub entitlement: Option<EntitlementId>,
    /// As seen then; absent: now.
    pub at: Option<Time>,
}

/// Who holds what, directly.
pub async fn assignments(
    cx: &Cx,
    filter: &Filter,
    paging: &Paging,
) -> Result<Page<Assignment>, Error> {
    cx.authorize(Verb::ListAssignments, Relation::None)?;
    let after = paging.after::<AssignmentId>()?;
    let found = rows::list(&mut cx.read().await?, filter, after, paging.fetch()).await?;
    Ok(paging.page(found, |row| row.id))
}

/// What this principal holds through its Identity Center groups: each row is a group's own.
pub async fn inherited(
    cx: &Cx,
    principal: PrincipalId,
    paging: &Paging,
) -> Result<Page<Assignment>, Error> {
    cx.authorize(Verb::ListAssignments, Relation::None)?;
    let after = paging.after::<AssignmentId>()?;
    let mut q = cx.read().await?;
    things::principal(&mut q, principal)
        .await?
        .ok_or(Error::NotFound)?;
    let found = rows::inherited(&mut q, principal, after, paging.fetch()).await?;
    Ok(paging.page(found, |row| row.id))
}

/// Every time this principal was seen to hold this entitlement, oldest first.
pub async fn history(
    cx: &Cx,
    principal: PrincipalId,
    entitlement: EntitlementId,
) -> Result<Vec<Assignment>, Error> {
    cx.authorize(Verb::ListAssignments, Relation::None)?;
    Ok(rows::history(&mut cx.read().await?, principal, entitlement).await?)
}

/// Principals of an estate, by name.
pub async fn principals(
    cx: &Cx,
    connection: ConnectionId,
    search: &str,
    paging: &Paging,
) -> Result<Page<Principal>, Error> {
    cx.authorize(Verb::ListPrincipals, Relation::None)?;
    let after = paging.after::<(String, PrincipalId)>()?;
    let found = things::principals(
        &mut cx.read().await?,
        connection,
        search,
        after,
        paging.fetch(),
    )
    .await?;
    let page = paging.page(found, |(key, p)| (key.clone(), p.id));
    Ok(Page {
        items: page.items.into_iter().map(|(_, p)| p).collect(),
        next: page.next,
    })
}

/// Entitlements of an estate, by name; also those AWS no longer has.
pub async fn list_entitlements(
    cx: &Cx,
    connection: ConnectionId,
    search: &str,
    paging: &Paging,
) -> Result<Page<Entitlement>, Error> {
    cx.authorize(Verb::ListEntitlements, Relation::None)?;
    let after = paging.after::<(String, EntitlementId)>()?;
    let found = things::entitlements(
        &mut cx.read().await?,
        connection,
        search,
        after,
        paging.fetch(),
    )
    .await?;
    let page = paging.page(found, |(key, e)| (key.clone(), e.id));
    Ok(Page {
        items: page.items.into_iter().map(|(_, e)| e).collect(),
        next: page.next,
    })
}

/// Runs of the sync of a connection, newest first.
pub async fn sync_runs(
    cx: &Cx,
    connection: ConnectionId,
    paging: &Paging,
) -> Result<Page<SyncRun>, Error> {
    cx.authorize(Verb::ListSyncs, Relation::None)?;
    let before = paging.after::<(Time, SyncId)>()?;
    let mut q = cx.read().await?;
    connections::connection(&mut q, connection)
        .await?
        .ok_or(Error::NotFound)?;
    let found = runs::list(&mut q, connection, before, paging.fetch()).await?;
    Ok(paging.page(found, |run| (run.started_at, run.id)))
}
