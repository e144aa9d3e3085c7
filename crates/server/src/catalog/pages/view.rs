//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Copyable, Empty, List, Note, Pager, WhenBoth};

/// `GET /catalogs`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/list.html")]
pub(crate) struct Catalogs {
    pub(crate) list: List,
    pub(crate) rows: Vec<CatalogRow>,
    /// Whether this person may make one.
    pub(crate) may_add: bool,
}

/// One catalog.
#[derive(Debug, Clone)]
pub(crate) struct CatalogRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The names of its groups.
    pub(crate) audience: String,
    pub(crate) entitlements: i64,
    pub(crate) since: WhenBoth,
}

/// `GET /catalogs/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/show.html")]
pub(crate) struct ShowCatalog {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) entitlements: i64,
    pub(crate) list: List,
    /// That some of what is in it has no policy.
    pub(crate) closed: Option<String>,
    /// That it has no audience.
    pub(crate) unseen: Option<Note>,
    pub(crate) groups: Vec<GroupLine>,
    pub(crate) rows: Vec<EntryRow>,
    pub(crate) may_change: bool,
}

/// A group that sees it.
#[derive(Debug, Clone)]
pub(crate) struct GroupLine {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) members: String,
}

/// One entitlement in it.
#[derive(Debug, Clone)]
pub(crate) struct EntryRow {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) place: String,
    /// Why nobody is offered it, if nobody is: a word and a sentence.
    pub(crate) why_not: Option<(Chip, String)>,
    /// Where the policy is, and its name; none where it cannot be asked for.
    pub(crate) policy: Option<(String, String)>,
    pub(crate) at_most: String,
    /// Where its access control is set, for who may.
    pub(crate) change: Option<String>,
    /// Where it is taken out, for who may.
    pub(crate) remove: Option<String>,
}

/// `GET /policies/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/policy.html")]
pub(crate) struct ShowPolicy {
    pub(crate) path: String,
    pub(crate) id: Copyable,
    pub(crate) name: String,
    /// Of the latest version.
    pub(crate) number: i64,
    /// What it says: label and words.
    pub(crate) rules: Vec<(String, String)>,
    /// What is asked for under it: the first ones.
    pub(crate) used: Vec<UsedRow>,
    /// How much that is.
    pub(crate) count: i64,
    pub(crate) unused: Empty,
    pub(crate) versions: Vec<VersionRow>,
    pub(crate) pager: Pager,
    pub(crate) may_change: bool,
}

/// `GET /policies/{id}/entitlements`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/used.html")]
pub(crate) struct Used {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) list: List,
    pub(crate) rows: Vec<UsedRow>,
}

/// An entitlement that is asked for under a policy.
#[derive(Debug, Clone)]
pub(crate) struct UsedRow {
    pub(crate) name: String,
    pub(crate) place: String,
    /// A limit of its own; empty where the policy's counts.
    pub(crate) own: String,
}

/// One version.
#[derive(Debug, Clone)]
pub(crate) struct VersionRow {
    pub(crate) number: i64,
    pub(crate) by: String,
    pub(crate) written: WhenBoth,
    pub(crate) note: String,
    /// What it changed about the one before; none for the first.
    pub(crate) changes: Option<Vec<(String, String, String)>>,
    /// What it says.
    pub(crate) rules: Vec<(String, String)>,
}
