//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::fields::{Meanwhile, Part};
use crate::web::filters;
use crate::web::{List, Mistakes, When, WhenBoth};

/// `GET /policies`
#[derive(Debug, Clone, Template)]
#[template(path = "policies/list.html")]
pub(crate) struct Policies {
    pub(crate) list: List,
    pub(crate) rows: Vec<PolicyRow>,
    /// Whether this person may make one.
    pub(crate) may_add: bool,
    /// Whether to offer what would happen if somebody asked.
    pub(crate) may_try: bool,
}

/// One policy.
#[derive(Debug, Clone)]
pub(crate) struct PolicyRow {
    pub(crate) href: String,
    pub(crate) name: String,
    /// `1 of Platform, then 2 of Security`
    pub(crate) way: String,
    pub(crate) longest: String,
    pub(crate) number: i64,
    pub(crate) written: When,
    pub(crate) since: WhenBoth,
}

/// The form of a policy or of a new version of one.
#[derive(Debug, Clone, Template)]
#[template(path = "policies/form.html")]
pub(crate) struct PolicyForm {
    pub(crate) crumb: (String, String),
    pub(crate) title: String,
    pub(crate) action: String,
    /// Where what the draft would change about past requests is shown.
    pub(crate) replay: Option<String>,
    /// Whether it is a policy that exists.
    pub(crate) exists: bool,
    pub(crate) version: Option<i64>,
    pub(crate) mistakes: Mistakes,
    pub(crate) meanwhile: Option<Meanwhile>,
    /// What it would change, when that was asked: label, before, after.
    pub(crate) preview: Option<Vec<(String, String, String)>>,
    /// The name, of a new one.
    pub(crate) name: Option<Part>,
    /// What holds in special cases.
    pub(crate) rules: Vec<RuleForm>,
    /// Mistakes about the rules together.
    pub(crate) rules_wrong: Vec<String>,
    /// Whether there may be another one.
    pub(crate) may_add_rule: bool,
    /// What holds otherwise.
    pub(crate) route: RouteForm,
    pub(crate) rest: Vec<Part>,
    /// How the reference to a ticket is given.
    pub(crate) ticket: TicketForm,
    /// Who is told of emergency access, and who reviews it; empty where it is for none.
    pub(crate) emergency: Vec<Part>,
    /// Whether the policy is for emergencies, and stays so.
    pub(crate) for_emergencies: bool,
    pub(crate) back: String,
}

/// One rule in the form.
#[derive(Debug, Clone)]
pub(crate) struct RuleForm {
    /// Counted from 0: part of the names of its fields.
    pub(crate) at: usize,
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) last: bool,
    pub(crate) parts: Vec<Part>,
    pub(crate) route: RouteForm,
    pub(crate) rest: Vec<Part>,
    pub(crate) ticket: TicketForm,
}

/// How the reference to a ticket is given.
#[derive(Debug, Clone)]
pub(crate) struct TicketForm {
    pub(crate) asked: Part,
    /// What it looks like, and where it is looked up.
    pub(crate) more: Vec<Part>,
    /// Whether any of that is said.
    pub(crate) open: bool,
}

/// How an answer comes about.
#[derive(Debug, Clone)]
pub(crate) struct RouteForm {
    /// What stands before the names of its fields.
    pub(crate) at: String,
    pub(crate) ways: Part,
    pub(crate) deny: Part,
    /// Mistakes about the steps together.
    pub(crate) wrong: Vec<String>,
    pub(crate) steps: Vec<StepForm>,
    /// Whether there may be another one.
    pub(crate) may_add: bool,
}

/// One step in the form.
#[derive(Debug, Clone)]
pub(crate) struct StepForm {
    pub(crate) id: String,
    /// What its buttons begin with.
    pub(crate) press: String,
    /// Counted from 0.
    pub(crate) at: usize,
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) last: bool,
    pub(crate) parts: Vec<Part>,
    /// What few steps have.
    pub(crate) more: Vec<Part>,
    /// Whether this one has any of it.
    pub(crate) open: bool,
}
