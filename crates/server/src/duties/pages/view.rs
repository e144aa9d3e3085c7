//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::filters;
use crate::web::{Chip, Facts, List, WhenBoth};

/// `GET /duties`
#[derive(Debug, Clone, Template)]
#[template(path = "duties/list.html")]
pub(crate) struct Duties {
    pub(crate) list: List,
    pub(crate) rows: Vec<DutyRow>,
    /// Whether this person may write one.
    pub(crate) may_add: bool,
    /// Whether they may see who is in conflict.
    pub(crate) may_see_conflicts: bool,
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct DutyRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) chip: Chip,
    pub(crate) sides: String,
    pub(crate) happens: String,
    pub(crate) since: WhenBoth,
}

/// `GET /duties/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "duties/show.html")]
pub(crate) struct ShowDuty {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) chip: Chip,
    pub(crate) message: String,
    pub(crate) first: SideShown,
    pub(crate) second: SideShown,
    pub(crate) facts: Facts,
    /// How many are in conflict, and the first of them; none where this person may not see it, and
    /// where the rule is switched off.
    pub(crate) conflicts: Option<(usize, Vec<ConflictRow>)>,
    /// Where all of them are.
    pub(crate) all: String,
    pub(crate) may_change: bool,
}

/// One side of a rule.
#[derive(Debug, Clone)]
pub(crate) struct SideShown {
    pub(crate) name: String,
    /// What it lists, the first of it.
    pub(crate) listed: Vec<String>,
    pub(crate) more: usize,
    pub(crate) when: Option<String>,
}

/// `GET /duties/conflicts`
#[derive(Debug, Clone, Template)]
#[template(path = "duties/conflicts.html")]
pub(crate) struct Conflicts {
    pub(crate) list: List,
    pub(crate) total: usize,
    pub(crate) rows: Vec<ConflictRow>,
}

/// Somebody in conflict with a rule.
#[derive(Debug, Clone)]
pub(crate) struct ConflictRow {
    /// Their page, where they are a user.
    pub(crate) who: Option<String>,
    pub(crate) name: String,
    pub(crate) rule: String,
    pub(crate) rule_name: String,
    pub(crate) first: Vec<String>,
    pub(crate) second: Vec<String>,
}
