//! Notices: what each person is told inside Stint, and what they want to be told.
//!
//! **Tables**: `notices`, `notice_causes`, `notice_switches`. **Audit event**:
//! `notice.switched`; notices themselves are made of news that is on record already, and are
//! quiet. Reads the outbox as a [`Sink`](crate::outbox::Sink).
//!
//! What it promises:
//! - One notice for each person, thing and kind while it is new: the next piece of news about it
//!   counts it up. One piece of news tells one person once, however often it is delivered.
//! - Nobody is told what they did themselves, nor what they switched off. How a sync came out that they
//!   started is not what they did.
//! - Who can decide a request at its open step is told, and what needs no answer any more is
//!   *settled* by itself: decided by somebody else, cancelled, out of one's hands.
//! - Of trouble with a connection whoever answers for it is told once for as long as it is the same,
//!   and whoever was told hears once that it works again.
//! - What a notice says is looked up when it is read, and shown only to whom its thing is shown
//!   then; the rest is left out, of counts too. What a kind says, and where it leads, stands in
//!   one place ([`words`]) as plain data.
//!
//! What it does not do: send anything out of Stint, or remind by itself (`grants` makes that
//! news). Nothing here is the only copy of anything: after [`Notices::keep`](crate::cx::Notices)
//! a notice is deleted.

mod error;
mod http;
mod kinds;
pub(crate) mod pages;
mod sink;
mod store;
mod tasks;
mod words;

use std::sync::Arc;

use serde_json::json;
use stint_api::Page;
use stint_db::Priority;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, DelegationId, GrantId, NoticeId, RequestId, Time, UserId};
use uuid::Uuid;

use crate::cx::Cx;
use crate::http::{Paging, sorted};
use crate::outbox::Sink;

pub use error::Error;
pub(crate) use http::routes;
pub use kinds::Kind;
pub(crate) use pages::routes as page_routes;
pub(crate) use store::STATEMENTS;
pub(crate) use tasks::tasks;
pub use words::Words;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A request.
    Request(RequestId),
    /// A grant.
    Grant(GrantId),
    /// A delegation.
    Delegation(DelegationId),
    /// A connection.
    Connection(ConnectionId),
}

impl Thing {
    /// The stable word and the id, as stored.
    const fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Request(id) => ("request", id.0),
            Self::Grant(id) => ("grant", id.0),
            Self::Delegation(id) => ("delegation", id.0),
            Self::Connection(id) => ("connection", id.0),
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(id) => id.fmt(f),
            Self::Grant(id) => id.fmt(f),
            Self::Delegation(id) => id.fmt(f),
            Self::Connection(id) => id.fmt(f),
        }
    }
}

/// A notice as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which.
    pub id: NoticeId,
    /// Whose.
    pub user: UserId,
    /// What kind of news.
    pub kind: Kind,
    /// About what.
    pub thing: Thing,
    /// How many pieces of news it stands for.
    pub times: i64,
    /// When the first of them happened.
    pub first_at: Time,
    /// When the last did.
    pub last_at: Time,
    /// When it was marked as read.
    pub read_at: Option<Time>,
    /// When it stopped to need an answer.
    pub settled_at: Option<Time>,
}

impl Notice {
    /// Neither read nor settled.
    pub const fn is_new(&self) -> bool {
        self.read_at.is_none() && self.settled_at.is_none()
    }

    /// What a page of the list is cut by.
    const fn key(&self) -> Key {
        (self.last_at.micros(), self.id)
    }
}

type Key = (i64, NoticeId);

/// A notice with what it says to its reader now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The notice.
    pub notice: Notice,
    /// Its words, and where they lead.
    pub words: Words,
}

/// Which notices to list, and how. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of [`STATES`].
    pub state: Option<&'static str>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// `new`: neither read nor settled; `done`: the others.
pub const STATES: &[&str] = &["new", "done"];

/// The orders of the list: the newest first, or the oldest.
pub const SORTS: &[&str] = &["-when", "when"];

/// What this room reads of the outbox.
pub(crate) fn sink() -> Arc<dyn Sink> {
    Arc::new(sink::Inbox)
}

/// The caller's notices, those only whose things they may see now.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Shown>, Error> {
    cx.authorize(Verb::MyNotices, Relation::Own)?;
    let user = cx.person()?.id;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let mut after = paging.after_in::<Key>(sort)?;
    let mut q = cx.read().await?;
    let fetch = usize::try_from(paging.fetch()).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    // What is left out may be many: look on until the page is full.
    loop {
        let (found, next) = store::list(&mut q, user, filter, sort, after, paging.fetch()).await?;
        rows.extend(words::shown(cx, &mut q, found).await?);
        after = next;
        if next.is_none() || rows.len() >= fetch {
            break;
        }
    }
    rows.truncate(fetch);
    Ok(paging.page_in(sort, rows, |shown| shown.notice.key()))
}

/// How many notices are new to the caller, counted up to `most`.
pub async fn unread(cx: &Cx, most: i64) -> Result<usize, Error> {
    let filter = Filter {
        state: Some("new"),
        ..Filter::default()
    };
    Ok(list(cx, &filter, &Paging::first(most)).await?.items.len())
}

/// Marks a notice of the caller's as read; again is no mistake.
pub async fn read(cx: &Cx, id: NoticeId) -> Result<(), Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    let owner = store::owner(&mut tx, id).await?;
    let own = owner.is_some() && owner == cx.actor.user();
    cx.authorize(
        Verb::ReadNotice,
        if own { Relation::Own } else { Relation::Others },
    )?;
    owner.ok_or(Error::NotFound)?;
    store::read(&mut tx, id, cx.now).await?;
    tx.commit().await?;
    Ok(())
}

/// Marks all of the caller's notices as read that are new now. Answers how many.
pub async fn read_all(cx: &Cx) -> Result<u64, Error> {
    cx.authorize(Verb::MyNotices, Relation::Own)?;
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let count = store::read_all(&mut tx, user, cx.now).await?;
    tx.commit().await?;
    Ok(count)
}

/// Every kind that can be switched off, with whether the caller gets it.
pub async fn switches(cx: &Cx) -> Result<Vec<(Kind, bool)>, Error> {
    cx.authorize(Verb::MyNotices, Relation::Own)?;
    let off = store::switched_off(&mut cx.read().await?, cx.person()?.id).await?;
    let kinds = Kind::ALL.iter().filter(|kind| !kind.always());
    Ok(kinds.map(|kind| (*kind, !off.contains(kind))).collect())
}

/// Says whether the caller is to get notices of a kind from now on; those that are there stay.
/// Fails for what is always told.
pub async fn switch(cx: &Cx, kind: Kind, on: bool) -> Result<(), Error> {
    cx.authorize(Verb::MyNotices, Relation::Own)?;
    let user = cx.person()?.id;
    if kind.always() {
        return Err(Error::Always(kind));
    }
    let mut tx = cx.begin(Priority::Interactive).await?;
    if store::switch(&mut tx, user, kind, on, cx.now).await? {
        let facts = json!({ "kind": kind.as_str(), "on": on });
        tx.audit(cx.event("notice.switched", [user.into()], facts));
    }
    tx.commit().await?;
    Ok(())
}
