//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Copyable, Empty, Facts, List, Mistakes, Pager, Tabs, When, WhenBoth};

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
    /// Whether this person may make one.
    pub(crate) may_add: bool,
    pub(crate) tabs: Tabs,
    pub(crate) list: List,
    pub(crate) rows: Vec<UserRow>,
}

/// One user.
#[derive(Debug, Clone)]
pub(crate) struct UserRow {
    pub(crate) href: String,
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
    pub(crate) list: List,
    pub(crate) rows: Vec<GroupRow>,
    /// Whether this person may make one.
    pub(crate) may_add: bool,
}

/// One group.
#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    pub(crate) since: WhenBoth,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// `Bo Lindqvist, Cy Okafor and 3 more`
    pub(crate) members: String,
    pub(crate) count: u64,
}

/// `GET /people/groups/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "identity/group.html")]
pub(crate) struct ShowGroup {
    pub(crate) path: String,
    pub(crate) id: Copyable,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) members: i64,
    pub(crate) list: List,
    pub(crate) rows: Vec<MemberRow>,
    pub(crate) may_change: bool,
    pub(crate) may_add: bool,
    /// Whom one searches for, to add them.
    pub(crate) add: String,
    /// Who was found, and whether there are more.
    pub(crate) found: Option<(Vec<Person>, bool)>,
}

/// Somebody who can be added.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Somebody in a group.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) email: String,
    /// That they are deactivated.
    pub(crate) chip: Option<Chip>,
    pub(crate) since: WhenBoth,
    /// Where they are taken out, for who may.
    pub(crate) remove: Option<String>,
}

/// `GET /account`
#[derive(Debug, Clone, Template)]
#[template(path = "identity/account.html")]
pub(crate) struct Account {
    pub(crate) facts: Facts,
    pub(crate) sign_ins: Vec<SignInRow>,
    pub(crate) tokens: Vec<TokenRow>,
    pub(crate) no_tokens: Empty,
    pub(crate) pager: Pager,
    /// The page itself: where one is led back to.
    pub(crate) back: String,
}

/// A sign-in that is not over.
#[derive(Debug, Clone)]
pub(crate) struct SignInRow {
    pub(crate) how: &'static str,
    /// Whether it is the one this page is looked at with.
    pub(crate) this: bool,
    pub(crate) began: WhenBoth,
    pub(crate) seen: When,
    /// Where it is ended, for who may.
    pub(crate) end: Option<String>,
}

/// An API token, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) chip: Chip,
    pub(crate) until: WhenBoth,
    pub(crate) used: Option<When>,
    /// Where it is revoked, for who may.
    pub(crate) revoke: Option<String>,
}

/// A token that was just issued: the only page that has its secret.
#[derive(Clone, Template)]
#[template(path = "identity/issued.html")]
pub(crate) struct Issued {
    pub(crate) name: String,
    pub(crate) secret: Copyable,
    pub(crate) until: WhenBoth,
}

/// `GET /delegations`
#[derive(Debug, Clone, Template)]
#[template(path = "identity/delegations.html")]
pub(crate) struct Delegations {
    pub(crate) list: List,
    pub(crate) rows: Vec<DelegationRow>,
}

/// Who decides for whom.
#[derive(Debug, Clone)]
pub(crate) struct DelegationRow {
    /// Unique on the page.
    pub(crate) key: String,
    /// Who is away: a name, or `You`.
    pub(crate) user: String,
    /// Who decides for them.
    pub(crate) delegate: String,
    pub(crate) chip: Chip,
    /// Why it counts for nothing, or not for everything, where that is so.
    pub(crate) why: Option<String>,
    pub(crate) from: WhenBoth,
    pub(crate) until: WhenBoth,
    pub(crate) note: String,
    /// Where it is ended, for who may.
    pub(crate) end: Option<String>,
}
