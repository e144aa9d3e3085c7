//! Looking: lists of what is known.

use std::collections::BTreeMap;

use stint_db::Query;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{AssignmentId, ConnectionId, EntitlementId, PrincipalId, SyncId, Time, UserId};

use super::store::{assignments as rows, holdings as holding_rows, runs, things};
use super::{Assignment, Entitlement, Error, Holding, Principal, SyncRun};
use crate::connections;
use crate::cx::{Actor, Cx};
use crate::http::{BadCursor, Page, Paging, chosen, sorted};

/// Which assignments. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words in the names of who holds it or of what is held, in their order.
    pub q: String,
    /// Of this estate.
    pub connection: Option<ConnectionId>,
    /// Held by principals confirmed to be this user's.
    pub user: Option<UserId>,
    /// Held by this principal.
    pub principal: Option<PrincipalId>,
    /// Of this entitlement.
    pub entitlement: Option<EntitlementId>,
    /// Of entitlements on this account (its twelve digits).
    pub account: Option<String>,
    /// Of entitlements of this kind.
    pub kind: Option<String>,
    /// `own`: what principals hold themselves; `group`: what they hold through Identity Center
    /// groups. Where neither a holder nor a thing is named, only own rows are listed.
    pub through: Option<String>,
    /// As it stood then; absent: as last seen.
    pub at: Option<Time>,
    /// One of [`HOLDING_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of who holds what has: by the holder's name, by the entitlement's, by
/// the first reading that saw it.
pub const HOLDING_SORTS: &[&str] = &["who", "-who", "what", "-what", "since", "-since"];
/// The kinds of entitlement a list can be narrowed to.
pub const KINDS: &[&str] = &[
    "account_assignment",
    "group_membership",
    "iam_group_membership",
];
/// Held itself, or through a group.
pub const THROUGH: &[&str] = &["own", "group"];

/// Who holds what. A person who may not see everybody's may see their own: `user` is
/// themselves.
pub async fn holdings(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Holding>, Error> {
    let own = match &cx.actor {
        Actor::User(person) => filter.user == Some(person.id),
        Actor::System(_) | Actor::Nobody => false,
    };
    let relation = if own { Relation::Own } else { Relation::None };
    cx.authorize(Verb::ListAssignments, relation)?;
    let sort = sorted(filter.sort.as_deref(), HOLDING_SORTS)?;
    let kind = chosen("kind", filter.kind.as_deref(), KINDS)?.map(str::to_owned);
    let through = chosen("through", filter.through.as_deref(), THROUGH)?.map(str::to_owned);
    let named = filter.user.is_some()
        || filter.principal.is_some()
        || filter.entitlement.is_some()
        || filter.account.is_some();
    if !named && through.as_deref() == Some("group") {
        // Everybody's rows through every group would be the product of two tables.
        return Err(BadCursor::Filter("through", &["own"]).into());
    }
    let by_time = sort.ends_with("since");
    let (key, at) = if by_time {
        let after = paging.after_in::<(Time, (AssignmentId, AssignmentId))>(sort)?;
        let (key, at) = after.unzip();
        (stint_db::Val::from(key), at)
    } else {
        let after = paging.after_in::<(String, (AssignmentId, AssignmentId))>(sort)?;
        let (key, at) = after.unzip();
        (stint_db::Val::from(key), at)
    };
    let (assignment, membership) = at.unzip();
    let after = holding_rows::After {
        key,
        assignment,
        membership,
    };
    let filter = Filter {
        kind,
        through,
        ..filter.clone()
    };
    let mut q = cx.read().await?;
    let found = holding_rows::list(&mut q, &filter, sort, after, paging.fetch()).await?;
    let rows = |row: &Holding| (row.assignment.id, row.membership);
    Ok(if by_time {
        paging.page_in(sort, found, |row| (row.assignment.first_seen, rows(row)))
    } else if sort.ends_with("who") {
        paging.page_in(sort, found, |row| (row.who.clone(), rows(row)))
    } else {
        paging.page_in(sort, found, |row| (row.what.clone(), rows(row)))
    })
}

/// Since when what is held in each estate is known: the begin of its first complete sync.
/// Nothing is known of an estate that is not here.
pub async fn known_since(q: &mut impl Query) -> stint_db::Result<BTreeMap<ConnectionId, Time>> {
    runs::known_since(q).await
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

/// The states a run of the sync has.
pub const SYNC_STATES: &[&str] = &[
    "running",
    "held",
    "ending",
    "complete",
    "set_aside",
    "failed",
];

/// Runs of the sync of a connection, newest first; `state` is one of [`SYNC_STATES`].
pub async fn sync_runs(
    cx: &Cx,
    connection: ConnectionId,
    state: Option<&str>,
    paging: &Paging,
) -> Result<Page<SyncRun>, Error> {
    cx.authorize(Verb::ListSyncs, Relation::None)?;
    let state = chosen("state", state, SYNC_STATES)?;
    let before = paging.after::<(Time, SyncId)>()?;
    let mut q = cx.read().await?;
    connections::connection(&mut q, connection)
        .await?
        .ok_or(Error::NotFound)?;
    let found = runs::list(&mut q, connection, state, before, paging.fetch()).await?;
    Ok(paging.page(found, |run| (run.started_at, run.id)))
}
