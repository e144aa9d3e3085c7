//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Copyable, List, Mistakes, Note, Snippet, Tabs, WhenBoth};

/// `GET /connections`
#[derive(Debug, Clone, Template)]
#[template(path = "connections/list.html")]
pub(crate) struct Connections {
    pub(crate) tabs: Tabs,
    pub(crate) list: List,
    pub(crate) rows: Vec<ConnectionRow>,
    /// Whether this person may set one up.
    pub(crate) may_add: bool,
}

/// One connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) application: String,
    pub(crate) account: String,
    pub(crate) chip: Chip,
    /// Why it fails, if it does.
    pub(crate) why: String,
    pub(crate) synced: Option<WhenBoth>,
}

/// `GET /connections/new`
#[derive(Debug, Clone, Template)]
#[template(path = "connections/new.html")]
pub(crate) struct NewConnection {
    pub(crate) application: String,
    /// Names to choose from.
    pub(crate) applications: Vec<String>,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) way: Way,
    /// Whether IAM is to be its business, too.
    pub(crate) iam: bool,
}

/// `GET /connections/{id}/credential`: another way into the same estate.
#[derive(Debug, Clone, Template)]
#[template(path = "connections/credential.html")]
pub(crate) struct Credential {
    pub(crate) href: String,
    pub(crate) action: String,
    pub(crate) name: String,
    /// As whom Stint enters now.
    pub(crate) now: String,
    pub(crate) way: Way,
}

/// The part of a form that says as whom Stint is to enter.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) ways: Tabs,
    /// Why this way cannot be taken now.
    pub(crate) note: Option<Note>,
    /// `role`, `access_key` or `host`.
    pub(crate) by: &'static str,
    pub(crate) role_arn: String,
    pub(crate) access_key_id: String,
    pub(crate) account_id: String,
    pub(crate) mistakes: Mistakes,
}

/// `GET /connections/{id}/setup`: what to do in AWS.
#[derive(Debug, Clone, Template)]
#[template(path = "connections/setup.html")]
pub(crate) struct SetUp {
    pub(crate) href: String,
    pub(crate) name: String,
    /// Where the test is started, for who may.
    pub(crate) test: Option<String>,
    /// Whether members of every IAM group may be changed.
    pub(crate) any_group: bool,
    /// What is switched on, in a line each.
    pub(crate) does: Vec<String>,
    /// Where that is changed, for who may.
    pub(crate) change: Option<String>,
    /// `role`, `access_key` or `host`.
    pub(crate) by: &'static str,
    pub(crate) role_name: String,
    pub(crate) access_key_id: String,
    pub(crate) external_id: Copyable,
    pub(crate) account: String,
    pub(crate) paste: Option<Paste>,
    /// Why there is nothing to paste yet.
    pub(crate) trouble: Option<Note>,
}

/// `GET /connections/{id}/scope`: what of the estate is Stint's business.
#[derive(Debug, Clone, Template)]
#[template(path = "connections/scope.html")]
pub(crate) struct Scope {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) iam: bool,
    pub(crate) faster: bool,
    pub(crate) management_account: bool,
    pub(crate) account_tags: bool,
    pub(crate) iam_user_path: String,
    pub(crate) iam_user_prefix: String,
    /// One a line.
    pub(crate) iam_groups: String,
    pub(crate) iam_user_life: bool,
    pub(crate) iam_user_boundary: String,
    /// Only where the connection enters by an access key: none otherwise.
    pub(crate) key_rotation: Option<bool>,
    pub(crate) kms_key: String,
    pub(crate) mistakes: Mistakes,
}

/// The policies.
#[derive(Debug, Clone)]
pub(crate) struct Paste {
    pub(crate) base_identity: String,
    /// For a role.
    pub(crate) trust_policy: Option<Snippet>,
    pub(crate) permission_policy: Snippet,
    /// By hand, or by code.
    pub(crate) shapes: Tabs,
    /// The whole of it as code, where that is asked for.
    pub(crate) code: Option<Snippet>,
}

/// `GET /connections/{id}/member-accounts`
#[derive(Debug, Clone, Template)]
#[template(path = "connections/members.html")]
pub(crate) struct MemberAccounts {
    pub(crate) href: String,
    pub(crate) name: String,
    /// Where the accounts are listed, with those that refuse.
    pub(crate) accounts: String,
    /// Whether IAM is the connection's business at all.
    pub(crate) iam: bool,
    pub(crate) on: bool,
    pub(crate) role: String,
    /// Where it is changed, for who may.
    pub(crate) change: Option<String>,
    pub(crate) paste: Option<MemberPaste>,
    /// Why there is nothing to paste yet.
    pub(crate) trouble: Option<Note>,
}

/// What to set up in member accounts.
#[derive(Debug, Clone)]
pub(crate) struct MemberPaste {
    pub(crate) trusted: String,
    pub(crate) external_id: Copyable,
    pub(crate) entering: Snippet,
    pub(crate) shapes: Tabs,
    pub(crate) texts: Vec<Snippet>,
}

/// `GET /applications`
#[derive(Debug, Clone, Template)]
#[template(path = "connections/applications.html")]
pub(crate) struct Applications {
    pub(crate) tabs: Tabs,
    pub(crate) list: List,
    pub(crate) rows: Vec<ApplicationRow>,
    /// Whether this person may make one.
    pub(crate) may_add: bool,
}

/// One application.
#[derive(Debug, Clone)]
pub(crate) struct ApplicationRow {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The names of its owners.
    pub(crate) owners: String,
    pub(crate) since: WhenBoth,
    /// Where it is changed, for who may.
    pub(crate) change: Option<String>,
}
