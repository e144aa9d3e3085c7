//! Configuration as code: groups, policies, catalogs and access controls as files, held against what
//! is, and applied.
//!
//! Tables: `config_applied`. Events: `config.applied`. What applying changes is told by the rooms
//! whose verbs it calls, as if it had been done by hand: with the caller's own rights, with every
//! check that is made when something is saved, and with the same events.
//!
//! What files name is described whole: a field that is left out is as it is when nothing is said of
//! it. What they do not name is left alone; nothing is ever deleted. Things are named as people call
//! them, never by ids, so that a file says the same about another Stint.
//!
//! Each verb is a transaction of its own. Where one fails the rest is left, and told; a second plan
//! shows what is left, and applying it finishes. That is why the order is groups, policies, catalogs,
//! access controls: what is named comes before what names it.
//!
//! It does not know what any of it means (that is the other rooms' own).

use std::collections::BTreeSet;

use serde_json::Value;
use stint_api::config::shape::{ACCESS_CONTROL, CATALOG, DOCUMENT, Field, GROUP, POLICY};
use stint_domain::Time;
use stint_domain::rights::{Relation, Verb};

use crate::cx::Cx;

mod apply;
mod differ;
mod error;
mod http;
mod names;
mod plan;
mod read;
mod state;
mod store;
mod write;

pub use apply::{Applied, Outcome, Seen, apply};
pub use error::Error;
pub(crate) use http::routes;
pub use plan::plan;
pub(crate) use store::STATEMENTS;

/// How many files are planned together.
pub const MOST_FILES: usize = 200;
/// How many things they name together.
pub const MOST_THINGS: usize = 10_000;
/// How many mistakes are told at once.
pub const MOST_MISTAKES: usize = 100;
/// How many rows of a room's list are asked for together.
const PAGE: i64 = 200;

/// A file: what it is called, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// For people; mistakes are told with it.
    pub name: String,
    /// YAML.
    pub text: String,
}

/// What files are about, in the order in which it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A group of users.
    Group,
    /// A policy.
    Policy,
    /// A catalog.
    Catalog,
    /// How one entitlement may be asked for.
    AccessControl,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Group,
        Self::Policy,
        Self::Catalog,
        Self::AccessControl,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Catalog => "catalog",
            Self::AccessControl => "access_control",
        }
    }

    /// The field of a file in which they stand.
    const fn list(self) -> &'static str {
        match self {
            Self::Group => "groups",
            Self::Policy => "policies",
            Self::Catalog => "catalogs",
            Self::AccessControl => "access_controls",
        }
    }

    /// The fields of one.
    const fn fields(self) -> &'static [Field] {
        match self {
            Self::Group => GROUP,
            Self::Policy => POLICY,
            Self::Catalog => CATALOG,
            Self::AccessControl => ACCESS_CONTROL,
        }
    }

    /// What the actions begin with that change one.
    const fn actions(self) -> &'static str {
        match self {
            Self::Group => "group.",
            Self::Policy => "policy.",
            Self::Catalog => "catalog.",
            Self::AccessControl => "catalog.access_control_set",
        }
    }
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// In which; empty where it is about all together.
    pub file: String,
    /// From 1; 0 where it is about the file as a whole.
    pub line: u64,
    /// From 1; 0 where it is about the file as a whole.
    pub column: u64,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, 0) => write!(f, "{file}: ")?,
            (file, line) => write!(f, "{file}:{line}:{}: ", self.column)?,
        }
        f.write_str(&self.problem)
    }
}

/// What is wrong with files, as much as is told.
#[derive(Debug, Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, mistake: Mistake) {
        if self.0.len() < MOST_MISTAKES {
            self.0.push(mistake);
        }
    }

    /// One about all files together.
    fn whole(&mut self, problem: String) {
        self.add(Mistake {
            file: String::new(),
            line: 0,
            column: 0,
            problem,
        });
    }

    const fn count(&self) -> usize {
        self.0.len()
    }
}

/// A field that would be changed; nothing before, or after, where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Which: `steps[0].needed`.
    pub field: String,
    /// What it is.
    pub before: Option<String>,
    /// What it would be.
    pub after: Option<String>,
}

impl FieldChange {
    fn of(field: &str, before: Option<&Value>, after: Option<&Value>) -> Self {
        Self {
            field: field.to_owned(),
            before: before.map(write::shown),
            after: after.map(write::shown),
        }
    }
}

/// That somebody changed a thing by hand since it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// When it was applied last.
    pub applied_at: Time,
    /// Whose address; none where the program did.
    pub applied_by: Option<String>,
    /// When it was changed last, and by whom, where the audit log says it.
    pub changed: Option<(Time, Option<String>)>,
}

/// A thing that would be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// Whether it is not there yet.
    pub new: bool,
    /// What of it.
    pub fields: Vec<FieldChange>,
    /// Where it is not as it was applied.
    pub by_hand: Option<ByHand>,
    /// In which file it is said.
    pub file: String,
    /// At which line, from 1.
    pub line: u64,
    /// Names what it is, what it would be, and the version it was seen at.
    pub digest: String,
}

/// What files would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is wrong with them; nothing was planned then.
    pub mistakes: Vec<Mistake>,
    /// What would be changed, in the order in which it is applied.
    pub changes: Vec<Change>,
    /// How much is so already.
    pub same: usize,
    /// Names the plan.
    pub digest: String,
}

/// Everything that can be said in a file, as it is now, as the text of one. It plans to no change.
///
/// What is left out is told in remarks at its head: entitlements that AWS no longer has, or that
/// nothing tells from others.
pub async fn export(cx: &Cx) -> Result<String, Error> {
    cx.authorize(Verb::ExportConfig, Relation::None)?;
    let (names, groups, policies) = names::Names::read(cx).await?;
    let things = names::Things::read(cx).await?;
    let mut state = state::State::new(cx, &names, &things);
    let mut whole = serde_json::Map::new();
    whole.insert("stint".to_owned(), "v1".into());
    let mut lists: Vec<(Kind, Vec<Value>)> = Vec::new();
    let mut found = Vec::new();
    for group in &groups {
        found.push(state.group(group).await?.value);
    }
    lists.push((Kind::Group, found));
    let found = policies.iter().map(|policy| state.policy(policy));
    let found: Result<Vec<_>, Error> = found.map(|it| it.map(|it| it.value)).collect();
    lists.push((Kind::Policy, found?));
    let mut found = Vec::new();
    for catalog in state.catalogs().await? {
        found.push(state.catalog(&catalog).await?.value);
    }
    lists.push((Kind::Catalog, found));
    lists.push((Kind::AccessControl, state.all_controls(&policies).await?));
    for (kind, mut found) in lists {
        found.sort_by_cached_key(|it| match kind {
            Kind::AccessControl => names::label(it).to_lowercase(),
            _ => names::fold(it.get("name").and_then(Value::as_str).unwrap_or_default()),
        });
        if !found.is_empty() {
            whole.insert(kind.list().to_owned(), found.into());
        }
    }
    let mut text = String::new();
    for left in state.left_out() {
        text.push_str(&format!(
            "# Left out: {}\n",
            left.replace(['\n', '\r'], " ")
        ));
    }
    write::fields(&mut text, DOCUMENT, &Value::Object(whole), 0);
    Ok(text)
}

/// The names of what would be written over though it was changed by hand.
fn changed_by_hand(plan: &Plan) -> BTreeSet<String> {
    let by_hand = plan.changes.iter().filter(|it| it.by_hand.is_some());
    by_hand
        .map(|it| format!("{} {}", it.kind.as_str().replace('_', " "), it.name))
        .collect()
}
