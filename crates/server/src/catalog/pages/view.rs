//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::fields::{Meanwhile, Part};
use crate::web::filters;
use crate::web::{Chip, Copyable, Empty, Facts, List, Mistakes, Note, Pager, WhenBoth};

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
    /// Whether more is in it by condition.
    pub(crate) by_rule: bool,
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
    /// The condition over people, if there is one.
    pub(crate) audience_when: Option<String>,
    /// What is in it by condition.
    pub(crate) rules: Vec<RuleRow>,
    /// How much is in it now, by list and condition.
    pub(crate) held: usize,
    /// How what has no policy of its own is asked for: where the policy is, its name, and more.
    pub(crate) terms: Option<(String, String, String)>,
    /// Where it stands among catalogs that hold the same.
    pub(crate) rank: i64,
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
    /// The catalogs that ask by it for what has no access control: where, and its name.
    pub(crate) catalogs: Vec<(String, String)>,
    pub(crate) versions: Vec<VersionRow>,
    pub(crate) pager: Pager,
    pub(crate) may_change: bool,
    /// Where it is tried what would happen if somebody asked.
    pub(crate) try_it: Option<String>,
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

/// A condition over entitlements, in the page of a catalog.
#[derive(Debug, Clone)]
pub(crate) struct RuleRow {
    pub(crate) name: String,
    pub(crate) when: String,
    /// How much it is true of now.
    pub(crate) count: usize,
    /// Where that is listed.
    pub(crate) href: String,
}

/// `GET /catalogs/{id}/edit`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/form.html")]
pub(crate) struct CatalogForm {
    /// Where one comes from.
    pub(crate) crumb: (String, String),
    pub(crate) title: String,
    pub(crate) exists: bool,
    pub(crate) action: String,
    /// The version the person has before them.
    pub(crate) version: Option<i64>,
    pub(crate) mistakes: Mistakes,
    pub(crate) meanwhile: Option<Meanwhile>,
    pub(crate) first: Vec<Part>,
    pub(crate) audience: Vec<Part>,
    /// Of whom the condition is true now, where that was asked.
    pub(crate) audience_found: Option<String>,
    pub(crate) rules: Vec<ContentRuleForm>,
    /// What is wrong with all of them together.
    pub(crate) rules_wrong: Vec<String>,
    pub(crate) may_add_rule: bool,
    pub(crate) terms: Vec<Part>,
    /// Whether it says what the conditions are true of now.
    pub(crate) looked: bool,
    pub(crate) back: String,
}

/// The fields of one condition over entitlements.
#[derive(Debug, Clone)]
pub(crate) struct ContentRuleForm {
    /// From 0.
    pub(crate) at: usize,
    /// From 1.
    pub(crate) number: usize,
    pub(crate) parts: Vec<Part>,
    /// What it is true of now, where that was asked.
    pub(crate) found: Option<String>,
}

/// `GET /catalogs/{id}/contents`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/held.html")]
pub(crate) struct ShowHeld {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) total: usize,
    pub(crate) list: List,
    pub(crate) rows: Vec<HeldRow>,
}

/// Something a catalog holds now.
#[derive(Debug, Clone)]
pub(crate) struct HeldRow {
    pub(crate) name: String,
    pub(crate) place: String,
    /// `in the list, by “Readers”`.
    pub(crate) why: String,
    /// Where the policy is, and its name; none where this catalog offers it in no way.
    pub(crate) policy: Option<(String, String)>,
    /// Whether that is the catalog's, for want of one of its own.
    pub(crate) default: bool,
    pub(crate) at_most: String,
    /// Where it is asked about.
    pub(crate) ask: String,
}

/// `GET /catalogs/{id}/try`
#[derive(Debug, Clone, Template)]
#[template(path = "catalog/try.html")]
pub(crate) struct TryCatalog {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) action: String,
    pub(crate) mistakes: Mistakes,
    pub(crate) parts: Vec<Part>,
    /// What came of it, each with what it is about.
    pub(crate) answers: Vec<(String, Note, Facts)>,
}
