//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, List, WhenBoth};

/// `GET /notices`
#[derive(Debug, Clone, Template)]
#[template(path = "notices/list.html")]
pub(crate) struct Notices {
    pub(crate) list: List,
    pub(crate) rows: Vec<Row>,
    /// Whether anything shown is new.
    pub(crate) any_new: bool,
}

/// One notice.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) link: String,
    pub(crate) chip: Chip,
    /// `3 times`
    pub(crate) times: Option<String>,
    pub(crate) when: WhenBoth,
    /// Where it is marked as read, while it is new.
    pub(crate) read: Option<String>,
    /// Where the access it is about is extended.
    pub(crate) extend: Option<String>,
}
