//! What the page of the audit log shows: plain words, ready.

use askama::Template;

use crate::web::filters;
use crate::web::{Copyable, List, WhenBoth};

/// `GET /audit`
#[derive(Debug, Clone, Template)]
#[template(path = "overview/audit.html")]
pub(crate) struct Audit {
    pub(crate) list: List,
    pub(crate) rows: Vec<AuditRow>,
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
    /// Everything they did.
    pub(crate) who_href: Option<String>,
    /// How they came: API token, task.
    pub(crate) via: String,
    /// `asked for access`
    pub(crate) said: String,
    /// The reason given.
    pub(crate) why: String,
    /// `request.submitted`
    pub(crate) action: String,
    /// What it is about.
    pub(crate) subjects: Vec<AuditSubject>,
    /// What, before, after.
    pub(crate) changes: Vec<(String, String, String)>,
    /// The facts, as indented JSON.
    pub(crate) detail: String,
    pub(crate) hash: Copyable,
    pub(crate) request_id: String,
}

/// Something an event is about.
#[derive(Debug, Clone)]
pub(crate) struct AuditSubject {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Its page, or everything in the log about it.
    pub(crate) href: String,
}
