//! Links: proposed by a person or by a likeness, confirmed by an administrator only.

use serde_json::json;
use stint_db::{Priority, Tx, Val};
use stint_domain::entitlement::PrincipalKind;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, LinkId, PrincipalId, UserId};

use super::store::links::{self as store, Proposal};
use super::store::things;
use super::{Error, Link, Principal};
use crate::cx::Cx;
use crate::http::{Page, Paging, chosen, sorted};
use crate::{identity, outbox};

/// Proposes that a principal is this user. Proposing what is proposed or confirmed already
/// changes nothing.
pub async fn propose_link(cx: &Cx, user: UserId, principal: PrincipalId) -> Result<Link, Error> {
    cx.authorize(Verb::ProposeLink, Relation::None)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    identity::user(&mut tx, user)
        .await?
        .ok_or(Error::NotFound)?;
    let principal = things::principal(&mut tx, principal)
        .await?
        .ok_or(Error::NotFound)?;
    let link = propose(cx, &mut tx, user, &principal, "proposed by hand").await?;
    tx.commit().await?;
    Ok(link)
}

async fn propose(
    cx: &Cx,
    tx: &mut Tx,
    user: UserId,
    principal: &Principal,
    why: &str,
) -> Result<Link, Error> {
    if !principal.kind.is_personal() {
        return Err(Error::NotAPerson);
    }
    let by = cx.actor.user();
    let id = match store::of_pair(tx, user, principal.id).await? {
        Some(link) if link.state != "rejected" => return Ok(link),
        Some(rejected) => {
            store::again(tx, rejected.id, why, by, cx.now).await?;
            rejected.id
        }
        None => {
            let id = cx.app.new_id();
            let new = Proposal {
                id,
                user,
                principal: principal.id,
                kind: principal.kind,
                connection: principal.connection,
                why,
                by,
            };
            if !store::insert(tx, &new, cx.now).await? {
                return store::of_pair(tx, user, principal.id)
                    .await?
                    .ok_or(Error::NotFound);
            }
            id
        }
    };
    told(
        cx,
        tx,
        "link.proposed",
        id,
        user,
        principal.id,
        json!({ "why": why }),
    )
    .await?;
    store::get(tx, id).await?.ok_or(Error::NotFound)
}

/// Confirms a link. The first confirmed one of a user on a connection becomes primary among
/// those of its kind: that is who their requests are for. Confirming one that is confirmed makes it the primary.
pub async fn confirm_link(cx: &Cx, id: LinkId) -> Result<Link, Error> {
    confirm_link_at(cx, id, None).await
}

/// The same, if the link is still at the version the caller had seen.
pub async fn confirm_link_at(cx: &Cx, id: LinkId, expected: Option<i64>) -> Result<Link, Error> {
    cx.authorize(Verb::ConfirmLink, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let link = locked(&mut tx, id, expected).await?;
    if link.state == "confirmed" && !link.primary {
        return make_primary(cx, tx, &link).await;
    }
    if link.state != "proposed" {
        return Err(Error::LinkState { state: link.state });
    }
    let primary = store::primary_link(&mut tx, &link).await?.is_none();
    store::decide(&mut tx, id, "confirmed", primary, cx.actor.user(), cx.now)
        .await
        .map_err(|e| {
            if e.is_unique("links_confirmed") || e.is_unique("links.principal_id") {
                Error::Taken
            } else {
                e.into()
            }
        })?;
    told(
        cx,
        &mut tx,
        "link.confirmed",
        id,
        link.user,
        link.principal,
        json!({ "primary": primary }),
    )
    .await?;
    let link = store::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(link)
}

/// The link, locked, at the version that was seen if one was.
async fn locked(tx: &mut Tx, id: LinkId, expected: Option<i64>) -> Result<Link, Error> {
    let link = store::get(tx, id).await?.ok_or(Error::NotFound)?;
    match expected {
        Some(version) if version != link.version => Err(Error::Stale {
            version: link.version,
        }),
        _ => Ok(link),
    }
}

async fn make_primary(cx: &Cx, mut tx: Tx, link: &Link) -> Result<Link, Error> {
    let before = store::primary_link(&mut tx, link).await?;
    if let Some(before) = before {
        store::make_primary(&mut tx, before, false).await?;
    }
    store::make_primary(&mut tx, link.id, true).await?;
    let facts = json!({ "instead_of": before });
    told(
        cx,
        &mut tx,
        "link.made_primary",
        link.id,
        link.user,
        link.principal,
        facts,
    )
    .await?;
    let link = store::get(&mut tx, link.id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(link)
}

/// Rejects a proposal, or takes a confirmed link back. Grants that are open stay: they are
/// ended by revoking them.
pub async fn reject_link(cx: &Cx, id: LinkId) -> Result<Link, Error> {
    reject_link_at(cx, id, None).await
}

/// The same, if the link is still at the version the caller had seen.
pub async fn reject_link_at(cx: &Cx, id: LinkId, expected: Option<i64>) -> Result<Link, Error> {
    cx.authorize(Verb::RemoveLink, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let link = locked(&mut tx, id, expected).await?;
    if link.state == "rejected" {
        return Err(Error::LinkState { state: link.state });
    }
    store::decide(&mut tx, id, "rejected", false, cx.actor.user(), cx.now).await?;
    told(
        cx,
        &mut tx,
        "link.rejected",
        id,
        link.user,
        link.principal,
        json!({ "was": link.state }),
    )
    .await?;
    let link = store::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(link)
}

/// Which links to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkFilter {
    /// Words in the principal's names and address, in their order.
    pub q: String,
    /// One of [`LINK_STATES`].
    pub state: Option<String>,
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this estate.
    pub connection: Option<ConnectionId>,
    /// One of [`LINK_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The states a link can be in.
pub const LINK_STATES: &[&str] = &["proposed", "confirmed", "rejected"];
/// The orders a list of links has: by when they were first proposed, by the principal's name.
pub const LINK_SORTS: &[&str] = &["created", "-created", "principal", "-principal"];

/// Links, a page at a time.
pub async fn links(cx: &Cx, filter: &LinkFilter, paging: &Paging) -> Result<Page<Link>, Error> {
    cx.authorize(Verb::ListLinks, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), LINK_SORTS)?;
    chosen("state", filter.state.as_deref(), LINK_STATES)?;
    let by_name = sort.ends_with("principal");
    let after = if by_name {
        let (key, id) = paging.after_in::<(String, LinkId)>(sort)?.unzip();
        (Val::from(key), id)
    } else {
        let id = paging.after_in::<LinkId>(sort)?;
        (Val::from(id), id)
    };
    let mut q = cx.read().await?;
    let found = store::list(&mut q, filter, sort, after, paging.fetch()).await?;
    let page = if by_name {
        paging.page_in(sort, found, |(name, link)| (name.clone(), link.id))
    } else {
        paging.page_in(sort, found, |(_, link)| link.id)
    };
    Ok(page.map(|(_, link)| link))
}

/// How many principals are compared in one transaction.
const STRETCH: i64 = 200;

/// Proposes a link wherever a user and a principal without any link have the same address.
/// Only proposes: an address is no proof of who somebody is.
pub(super) async fn propose_likenesses(cx: &Cx, connection: ConnectionId) -> Result<(), Error> {
    // Whoever started the sync proposes nothing.
    let cx = &Cx::system(&cx.app, super::tasks::SYNC);
    let mut after = None;
    loop {
        let mut tx = cx.begin(Priority::Sync).await?;
        let stretch = store::unlinked(&mut tx, connection, after, STRETCH).await?;
        let Some(last) = stretch.last() else {
            return Ok(());
        };
        after = Some(last.id);
        if propose_among(cx, &mut tx, &stretch).await? {
            tx.commit().await?;
        }
    }
}

/// The same for the Identity Center users with these ids alone: who was read again by itself.
pub(super) async fn propose_likenesses_of(
    cx: &Cx,
    connection: ConnectionId,
    users: &[String],
) -> Result<(), Error> {
    let cx = &Cx::system(&cx.app, super::tasks::SYNC);
    for users in users.chunks(usize::try_from(STRETCH).unwrap_or(1)) {
        let mut tx = cx.begin(Priority::Sync).await?;
        let unlinked = store::unlinked_of(&mut tx, connection, users).await?;
        if propose_among(cx, &mut tx, &unlinked).await? {
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Whether any of these was somebody's.
async fn propose_among(cx: &Cx, tx: &mut Tx, stretch: &[Principal]) -> Result<bool, Error> {
    let named = stretch.iter().map(|principal| match principal.kind {
        PrincipalKind::IamUser => (
            principal,
            Some(principal.name.as_str()),
            "its name is their e-mail address",
        ),
        _ => (
            principal,
            principal.email.as_deref(),
            "the same e-mail address",
        ),
    });
    let addresses: Vec<&str> = named
        .clone()
        .filter_map(|(_, address, _)| address)
        .collect();
    let people = identity::users_by_emails(tx, &addresses).await?;
    let mut any = false;
    for (principal, address, why) in named {
        let Some(user) = address.and_then(|address| people.get(address)) else {
            continue;
        };
        propose(cx, tx, user.id, principal, why).await?;
        any = true;
    }
    Ok(any)
}

async fn told(
    cx: &Cx,
    tx: &mut Tx,
    what: &'static str,
    id: LinkId,
    user: UserId,
    principal: PrincipalId,
    detail: serde_json::Value,
) -> Result<(), Error> {
    tx.audit(cx.event(what, [id.into(), user.into(), principal.into()], detail));
    outbox::emit(
        tx,
        cx,
        what,
        json!({ "link": id, "user": user, "principal": principal }),
    )
    .await?;
    Ok(())
}
