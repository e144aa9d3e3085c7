//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, List, Tabs, TimeLeft, WhenBoth};

/// `GET /grants`: everybody's grants, for administrators.
#[derive(Debug, Clone, Template)]
#[template(path = "grants/list.html")]
pub(crate) struct Grants {
    pub(crate) tabs: Tabs,
    /// What this tab lists, in a sentence.
    pub(crate) lead: &'static str,
    pub(crate) list: List,
    pub(crate) rows: Vec<GrantRow>,
}

/// One grant.
#[derive(Debug, Clone)]
pub(crate) struct GrantRow {
    /// Unique on the page.
    pub(crate) key: String,
    /// The request's page, where everything that happened stands.
    pub(crate) href: Option<String>,
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) who: String,
    pub(crate) email: String,
    /// The group that holds it, where a group does: the person is answerable.
    pub(crate) group: Option<String>,
    pub(crate) chip: Chip,
    /// That it was asked for in an emergency.
    pub(crate) emergency: Option<Chip>,
    /// Why it failed or is stuck, or why it ended.
    pub(crate) why: String,
    pub(crate) left: Option<TimeLeft>,
    pub(crate) at: Option<WhenBoth>,
    pub(crate) retry: Option<String>,
    /// Puts back what was taken away in AWS.
    pub(crate) again: Option<String>,
    pub(crate) revoke: Option<Revoke>,
}

/// The form that ends a grant, and what it would change in AWS.
#[derive(Debug, Clone)]
pub(crate) struct Revoke {
    pub(crate) action: String,
    /// Where to return to.
    pub(crate) back: String,
    pub(crate) says: String,
    /// Where every grant of the same access is ended, for who may.
    pub(crate) cut_off: Option<String>,
}
