//! What the page of this room shows: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::{Chip, WhenBoth};

/// `GET /connections/{id}/drain`
#[derive(Debug, Clone, Template)]
#[template(path = "draining/show.html")]
pub(crate) struct Draining {
    pub(crate) href: String,
    pub(crate) name: String,
    /// Since when it is drained.
    pub(crate) since: Option<WhenBoth>,
    pub(crate) reason: String,
    pub(crate) removed: Option<WhenBoth>,
    /// What is left, in words; empty when nothing is.
    pub(crate) left: String,
    pub(crate) rows: Vec<GrantRow>,
    /// How many grants are not named.
    pub(crate) more: i64,
    /// Where each is done, for who may and when it can be.
    pub(crate) drain: Option<String>,
    pub(crate) resume: Option<String>,
    pub(crate) remove: Option<String>,
}

/// One grant that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct GrantRow {
    pub(crate) href: String,
    pub(crate) what: String,
    pub(crate) who: String,
    /// The group that holds it, which the person is answerable for; empty where they hold it.
    pub(crate) group: String,
    pub(crate) chip: Chip,
    pub(crate) ends: Option<WhenBoth>,
}
