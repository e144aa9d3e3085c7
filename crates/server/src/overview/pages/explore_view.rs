//! What the pages of Explore show: plain words, ready.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Copyable, List, Note, Tabs, WhenBoth};

/// `GET /explore`
#[derive(Debug, Clone, Template)]
#[template(path = "overview/explore.html")]
pub(crate) struct Explore {
    /// The views beside it; none for who sees their own only.
    pub(crate) tabs: Tabs,
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) notes: Vec<Note>,
    pub(crate) list: List,
    pub(crate) rows: Vec<Row>,
}

/// A name, and where it leads for who may go there.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) words: String,
    pub(crate) href: Option<String>,
}

/// One principal that holds one thing.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) user: Option<Name>,
    pub(crate) principal: Name,
    /// The principal is an Identity Center group.
    pub(crate) group: bool,
    /// AWS no longer has the principal, or does not let it sign in.
    pub(crate) gone: bool,
    pub(crate) what: Name,
    pub(crate) place: Name,
    /// Standing, or granted.
    pub(crate) chip: Chip,
    pub(crate) through: Option<Name>,
    /// It began or ended around the moment asked for.
    pub(crate) perhaps: bool,
    pub(crate) since: WhenBoth,
    /// Between which readings it began.
    pub(crate) began: String,
    /// When it was last seen, or between which readings it ended.
    pub(crate) last: String,
    pub(crate) copies: Vec<(&'static str, Copyable)>,
    /// Places in the AWS console.
    pub(crate) places: Vec<(String, &'static str)>,
    pub(crate) history: Option<String>,
}

/// `GET /explore/history`
#[derive(Debug, Clone, Template)]
#[template(path = "overview/history.html")]
pub(crate) struct History {
    pub(crate) who: String,
    pub(crate) who_href: String,
    pub(crate) what: String,
    pub(crate) what_href: String,
    pub(crate) held: bool,
    pub(crate) times: Vec<Times>,
}

/// One time it was held.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) since: WhenBoth,
    pub(crate) began: String,
    pub(crate) last: String,
    pub(crate) chip: Chip,
}
