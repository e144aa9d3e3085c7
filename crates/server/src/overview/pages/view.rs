//! What the home page shows: plain words, ready.

use askama::Template;

use crate::requests::{AskOnce, RequestRow};
use crate::web::filters;
use crate::web::{Chip, Empty, TimeLeft};

/// `GET /`
#[derive(Debug, Clone, Template)]
#[template(path = "overview/home.html")]
pub(crate) struct Home {
    pub(crate) first_name: String,
    pub(crate) held: Vec<Held>,
    pub(crate) nothing_held: Empty,
    pub(crate) requests: Vec<RequestRow>,
    pub(crate) nothing_asked: Empty,
    pub(crate) inbox: Vec<Waiting>,
    pub(crate) nothing_waits: Empty,
    /// How many wait in all.
    pub(crate) inbox_count: u64,
    /// Seconds until the page looks again by itself.
    pub(crate) poll: Option<u32>,
}

/// Access held now, or on its way.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) what: String,
    /// The account's number, or what kind of thing it is.
    pub(crate) place: String,
    /// How it came about.
    pub(crate) origin: String,
    /// The request's page.
    pub(crate) href: Option<String>,
    pub(crate) chip: Chip,
    pub(crate) left: TimeLeft,
    pub(crate) console: Option<String>,
    pub(crate) give_back: Option<AskOnce>,
}

/// A request that waits for this person's decision, in a line.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) href: String,
    /// `Ana asks for AdministratorAccess`
    pub(crate) what: String,
    /// `on prod-payments, 2 h, 4 min ago`
    pub(crate) line: String,
}
