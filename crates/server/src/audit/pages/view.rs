//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Copyable, Empty, Pager, WhenBoth};

/// `GET /audit`
#[derive(Debug, Clone, Template)]
#[template(path = "audit/list.html")]
pub(crate) struct Audit {
    /// The id searched for.
    pub(crate) q: String,
    pub(crate) rows: Vec<AuditRow>,
    pub(crate) pager: Pager,
    pub(crate) empty: Empty,
    /// Whether this person may check the chain.
    pub(crate) may_verify: bool,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct AuditRow {
    /// `#48 211`
    pub(crate) number: String,
    pub(crate) at: WhenBoth,
    pub(crate) who: String,
    /// How they came: page, API token, task.
    pub(crate) via: String,
    /// `request.submitted`
    pub(crate) action: String,
    /// What it is about: kind and id.
    pub(crate) subjects: Vec<AuditSubject>,
    /// The facts, as indented JSON.
    pub(crate) detail: String,
    pub(crate) hash: Copyable,
    pub(crate) request_id: String,
}

/// Something an event is about.
#[derive(Debug, Clone)]
pub(crate) struct AuditSubject {
    pub(crate) kind: String,
    pub(crate) id: String,
    /// Its page, or everything in the log about it.
    pub(crate) href: String,
}
