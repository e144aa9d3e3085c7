//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Empty, List, Mistakes, Pager, Tabs, WhenBoth};

/// `GET /sign-in`
#[derive(Debug, Clone, Default, Template)]
#[template(path = "identity/sign_in.html")]
pub(crate) struct SignIn {
    pub(crate) email: String,
    /// Where to go afterwards.
    pub(crate) back: String,
    pub(crate) mistakes: Mistakes,
    /// In the demo: people to sign in as.
    pub(crate) personas: Vec<Persona>,
}

/// Somebody of the demo.
#[derive(Debug, Clone)]
pub(crate) struct Persona {
    /// What the form sends.
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) initials: String,
    /// What one sees as them.
    pub(crate) about: &'static str,
}

/// `GET /people`
#[derive(Debug, Clone, Template)]
#[template(path = "identity/users.html")]
pub(crate) struct Users {
    pub(crate) tabs: Tabs,
    pub(crate) list: List,
    pub(crate) rows: Vec<UserRow>,
}

/// One user.
#[derive(Debug, Clone)]
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) email: String,
    /// `Super Admin, Auditor`; empty for who is only a User.
    pub(crate) roles: String,
    pub(crate) chip: Chip,
    /// Created, or deactivated.
    pub(crate) since: WhenBoth,
}

/// `GET /people/groups`
#[derive(Debug, Clone, Template)]
#[template(path = "identity/groups.html")]
pub(crate) struct Groups {
    pub(crate) tabs: Tabs,
    pub(crate) rows: Vec<GroupRow>,
    pub(crate) pager: Pager,
    pub(crate) empty: Empty,
}

/// One group.
#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    pub(crate) name: String,
    pub(crate) description: String,
    /// `Bo Lindqvist, Cy Okafor and 3 more`
    pub(crate) members: String,
    pub(crate) count: u64,
}
