//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::web::fields::Field;
use crate::web::filters;
use crate::web::{Chip, Copyable, Empty, Facts, List, Note, Pager, Snippet, Tabs, When, WhenBoth};

/// `GET /connections/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "directory/connection.html")]
pub(crate) struct ShowConnection {
    pub(crate) path: String,
    pub(crate) application: String,
    pub(crate) name: String,
    pub(crate) chip: Chip,
    /// Whether IAM users are its business, and whether it enters by an access key.
    pub(crate) iam: bool,
    pub(crate) by_key: bool,
    pub(crate) test: Option<String>,
    pub(crate) sync: Option<String>,
    /// Where it is taken out of service, for who may.
    pub(crate) drain: Option<String>,
    /// Where it is seen how fresh it is, and what it hears of changes by.
    pub(crate) changes: String,
    /// Where another credential is given, for who may.
    pub(crate) replace: Option<String>,
    /// Whether it was never synced: the first steps are said then.
    pub(crate) fresh: bool,
    pub(crate) notes: Vec<Note>,
    /// That a sync waits for a person: what it found, and where that is looked at.
    pub(crate) held: Option<(String, String)>,
    pub(crate) progress: Option<Progress>,
    pub(crate) tested: Option<When>,
    pub(crate) checks: Vec<CheckRow>,
    /// Every action it needs, what is missing first.
    pub(crate) actions: Vec<ActionRow>,
    pub(crate) facts: Facts,
    /// By which listings the newest sync reads.
    pub(crate) plan: Vec<PlanRow>,
    pub(crate) runs: Vec<RunRow>,
    pub(crate) pager: Pager,
    pub(crate) no_runs: Empty,
    /// Seconds until the page looks again by itself, while a sync runs.
    pub(crate) poll: Option<u32>,
}

/// A sync under way.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// What it does now.
    pub(crate) doing: String,
    /// `1 380`
    pub(crate) strong: String,
    /// `of 2 214 calls · 18 940 assignments so far`
    pub(crate) faint: String,
    /// Done and all, when the end is known.
    pub(crate) bar: Option<(i64, i64)>,
}

/// One question that a sync can ask from several sides.
#[derive(Debug, Clone)]
pub(crate) struct PlanRow {
    /// `Who holds them`
    pub(crate) question: String,
    /// `user by user and group by group`
    pub(crate) how: String,
    /// `2 200 calls`
    pub(crate) calls: String,
    /// Which action would make it cheaper, and by how much.
    pub(crate) advice: Option<String>,
}

/// One line of a test of the connection.
#[derive(Debug, Clone)]
pub(crate) struct CheckRow {
    pub(crate) name: String,
    pub(crate) chip: Chip,
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) mend: String,
    /// The policy that is to be pasted for it.
    pub(crate) add: Option<Snippet>,
    pub(crate) aws_request_ids: Vec<Copyable>,
}

/// One action a connection needs.
#[derive(Debug, Clone)]
pub(crate) struct ActionRow {
    pub(crate) action: String,
    pub(crate) purpose: String,
    pub(crate) chip: Chip,
    pub(crate) note: String,
}

/// One run of the sync.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) started: WhenBoth,
    pub(crate) chip: Chip,
    pub(crate) took: String,
    /// What it saw, or why it failed.
    pub(crate) saw: String,
}

/// `GET /explore/accounts`, `/explore/iam-users`, `/explore/iam-roles`
#[derive(Debug, Clone, Template)]
#[template(path = "directory/facts.html")]
pub(crate) struct FactsList {
    pub(crate) tabs: Tabs,
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) list: List,
    pub(crate) rows: Vec<FactsRow>,
}

/// One account, user or role.
#[derive(Debug, Clone)]
pub(crate) struct FactsRow {
    pub(crate) name: String,
    /// Where it leads, where there is more.
    pub(crate) href: Option<String>,
    pub(crate) copy: Copyable,
    /// What stands below the name.
    pub(crate) said: String,
    /// What stands beside it, each with its heading.
    pub(crate) cells: [(&'static str, Cell); 3],
}

/// What stands in one column of a row.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) chip: Option<Chip>,
    pub(crate) lines: Vec<String>,
}

impl Cell {
    /// Words only.
    pub(crate) fn of(words: &str) -> Self {
        Self {
            chip: None,
            lines: vec![words.to_owned()],
        }
    }
}

/// `GET /people/links`: which AWS principals belong to whom.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/links.html")]
pub(crate) struct Links {
    pub(crate) tabs: Tabs,
    /// Whether this person may propose one.
    pub(crate) may_propose: bool,
    /// Proposed, confirmed, rejected.
    pub(crate) shown: Tabs,
    pub(crate) list: List,
    pub(crate) rows: Vec<LinkRow>,
}

/// One link, proposed or confirmed.
#[derive(Debug, Clone)]
pub(crate) struct LinkRow {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) who: String,
    pub(crate) email: String,
    /// `ana.reyes`, the name in Identity Center.
    pub(crate) principal: String,
    pub(crate) principal_id: Copyable,
    pub(crate) connection: String,
    /// The day it was.
    pub(crate) proposed: String,
    pub(crate) chip: Chip,
    /// Why it was proposed, or who confirmed it and when.
    pub(crate) line: String,
    pub(crate) confirm: Option<String>,
    /// Where requests are made to be for this one, of several.
    pub(crate) primary: Option<String>,
    /// Where a rejected one is proposed anew.
    pub(crate) again: Option<String>,
    /// `Reject` for a proposal, `Remove` for a link.
    pub(crate) remove: Option<RemoveLink>,
}

/// The form that rejects or removes a link.
#[derive(Debug, Clone)]
pub(crate) struct RemoveLink {
    pub(crate) action: String,
    pub(crate) word: &'static str,
    pub(crate) says: String,
}

/// `GET /connections/{id}/syncs/{run}`
#[derive(Debug, Clone, Template)]
#[template(path = "directory/held.html")]
pub(crate) struct HeldSync {
    pub(crate) connection: String,
    pub(crate) href: String,
    pub(crate) chip: Chip,
    pub(crate) began: When,
    /// Why it stopped, while it waits.
    pub(crate) why: Option<String>,
    /// How many assignments it found gone.
    pub(crate) count: String,
    pub(crate) list: List,
    pub(crate) rows: Vec<EndingRow>,
    pub(crate) accept: Option<String>,
    pub(crate) set_aside: Option<String>,
}

/// An assignment that AWS no longer showed.
#[derive(Debug, Clone)]
pub(crate) struct EndingRow {
    pub(crate) who: String,
    pub(crate) who_href: String,
    pub(crate) what: String,
    pub(crate) what_href: String,
    pub(crate) place: String,
    pub(crate) since: WhenBoth,
    pub(crate) seen: WhenBoth,
}

/// `GET /connections/{id}/changes`: what is heard of changes, and how fresh what is known is.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/changes.html")]
pub(crate) struct Changes {
    pub(crate) name: String,
    /// The connection's page.
    pub(crate) href: String,
    /// Where the form is sent.
    pub(crate) action: String,
    pub(crate) note: Option<Note>,
    pub(crate) classes: Vec<ClassRow>,
    /// What came of its events, where it has a queue.
    pub(crate) facts: Option<Facts>,
    pub(crate) no_feed: Empty,
    /// For who may change it.
    pub(crate) form: Option<Vec<Field>>,
    pub(crate) shapes: Tabs,
    pub(crate) code: Snippet,
    pub(crate) queue_url: String,
    pub(crate) region: String,
    /// Where IAM tells of changes, if elsewhere.
    pub(crate) global_region: Option<String>,
}

/// How fresh one kind of object is.
#[derive(Debug, Clone)]
pub(crate) struct ClassRow {
    pub(crate) class: String,
    pub(crate) chip: Chip,
    pub(crate) read: Option<WhenBoth>,
    /// Why the last sync did not read all of it.
    pub(crate) why: Option<String>,
    /// How many objects wait.
    pub(crate) waiting: String,
    /// Since when the first of them waits.
    pub(crate) since: Option<WhenBoth>,
}
