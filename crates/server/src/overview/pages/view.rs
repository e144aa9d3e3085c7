//! What the home page shows: plain words, ready.

use askama::Template;

use crate::directory::LinkRow;
use crate::identity::view::{SignInRow, TokenRow};
use crate::requests::{AskOnce, RequestRow};
use crate::web::filters;
use crate::web::{Chip, Empty, Facts, Pager, TimeLeft};

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
    /// That emergency reviews wait, and where.
    pub(crate) reviews: Option<(String, &'static str)>,
    /// That reviews of access until it is revoked wait, and where.
    pub(crate) answers: Option<(String, &'static str)>,
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
    /// Where it is asked to go on, by one click.
    pub(crate) extend: Option<String>,
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

/// `GET /people/users/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "overview/user.html")]
pub(crate) struct ShowUser {
    pub(crate) name: String,
    pub(crate) chip: Chip,
    pub(crate) facts: Facts,
    /// Access that has not ended, for who may see it.
    pub(crate) held: Option<Vec<HeldBy>>,
    pub(crate) nothing_held: Empty,
    /// Who they are in AWS, for who may see it.
    pub(crate) links: Option<Vec<LinkRow>>,
    pub(crate) sign_ins: Option<Vec<SignInRow>>,
    pub(crate) tokens: Option<Vec<TokenRow>>,
    pub(crate) pager: Pager,
    /// Where each thing is done, for who may.
    pub(crate) change: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) roles: Option<String>,
    pub(crate) deactivate: Option<String>,
    pub(crate) reactivate: Option<String>,
    pub(crate) propose: Option<String>,
    /// The page itself: where one is led back to.
    pub(crate) back: String,
}

/// Access somebody holds, in a line.
#[derive(Debug, Clone)]
pub(crate) struct HeldBy {
    /// The request's page.
    pub(crate) href: String,
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) chip: Chip,
    pub(crate) left: Option<TimeLeft>,
}
