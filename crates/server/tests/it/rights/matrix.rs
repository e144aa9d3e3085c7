//! The committed file: one line per route and relation, one column per role.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use super::COLUMNS;

/// What one role heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Method and path.
    pub(crate) route: String,
    /// How the caller stands to the thing.
    pub(crate) relation: String,
    /// `yes`, `401`, `403`, `404`, or the code of a rule's own refusal.
    pub(crate) heard: String,
}

type Key = (String, String);

pub(crate) struct Matrix {
    rows: Vec<(Key, Vec<String>)>,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/rights-matrix.txt")
}

/// Every registered route with its verb. The description of the API is added to the list of
/// routes last, from that list.
pub(crate) fn recorded() -> BTreeMap<String, &'static str> {
    let mut all: BTreeMap<_, _> = stint_server::routes::routes()
        .recorded()
        .iter()
        .map(|r| (format!("{} {}", r.method, r.path), r.verb.as_str()))
        .collect();
    all.insert("GET /api/v1/openapi.json".to_owned(), "public.read");
    all
}

impl Matrix {
    pub(crate) fn committed() -> Self {
        let text = std::fs::read_to_string(file()).expect("rights-matrix.txt is committed");
        let rows = text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut parts = line.split('|').map(|part| part.trim().to_owned());
                let (route, relation) = (parts.next(), parts.next());
                let cells = parts.next().unwrap_or_default();
                let cells = cells.split_whitespace().map(str::to_owned).collect();
                (
                    (
                        squeezed(&route.unwrap_or_default()),
                        relation.unwrap_or_default(),
                    ),
                    cells,
                )
            })
            .collect();
        Self { rows }
    }

    /// What is wrong with the file itself.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for (key, cells) in &self.rows {
            if cells.len() != COLUMNS.len() {
                wrong.push(format!(
                    "{key:?} has {} cells, not {}",
                    cells.len(),
                    COLUMNS.len()
                ));
            }
            if !seen.insert(key) {
                wrong.push(format!("{key:?} is there twice"));
            }
        }
        wrong
    }

    pub(crate) fn routes(&self) -> BTreeSet<String> {
        self.rows
            .iter()
            .map(|((route, _), _)| route.clone())
            .collect()
    }

    /// Where the column and what was heard differ, in words.
    pub(crate) fn compare(&self, column: &str, heard: &[Line]) -> Vec<String> {
        let at = COLUMNS
            .iter()
            .position(|(name, _)| *name == column)
            .expect("a column");
        let says = |line: &Line| {
            let key = (line.route.clone(), line.relation.clone());
            let row = self.rows.iter().find(|(found, _)| *found == key);
            row.and_then(|(_, cells)| cells.get(at)).cloned()
        };
        let mut wrong = Vec::new();
        for line in heard {
            let place = format!("{} ({})", line.route, line.relation);
            match says(line) {
                None => wrong.push(format!("{place}: not in the matrix; heard {}", line.heard)),
                Some(said) if said != line.heard => {
                    wrong.push(format!(
                        "{place}: the matrix says {said}; heard {}",
                        line.heard
                    ));
                }
                Some(_) => {}
            }
        }
        for ((route, relation), _) in &self.rows {
            if !heard
                .iter()
                .any(|line| line.route == *route && line.relation == *relation)
            {
                wrong.push(format!(
                    "{route} ({relation}): in the matrix and never asked"
                ));
            }
        }
        wrong
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Relations in the order they are listed.
const NEAREST: [&str; 8] = [
    "-", "own", "involved", "other's", "hidden", "any", "here", "afar",
];

const HEAD: &str = "\
# Who hears what: every route, every way a caller can stand to the thing it is about, every
# role. Reviewed by people; the test `rights` compares it with what the program answers, and
# never asks the program's own table.
#
# yes   the role is good enough (what follows may still find fault with a value or a state)
# 401   sign in first          403   you may not; that the thing exists is no secret to you
# 404   as if the thing did not exist, byte for byte
# other words: refused by a rule about this very thing, whatever the role (403 with that code)
#
# own: the caller's, or about the caller · involved: named to decide on it · other's: somebody
# else's · hidden: in no catalog the caller sees · any: a thing that belongs to nobody · -: about
# no particular thing · here, afar: in the demo, asked on its machine or from elsewhere.
# Everybody holds User; each column adds one role to it.
#
# An approver reads about a grant on its request's page; the grant's own address is for its
# holder and for those who see everybody's. Pages tell a rule's own refusal in words, as yes.
";

pub(crate) fn write(all: &[(&str, Vec<Line>)]) {
    let verbs = recorded();
    let (_, first) = all.first().expect("a column");
    let mut keys: Vec<Key> = first
        .iter()
        .map(|l| (l.route.clone(), l.relation.clone()))
        .collect();
    let room = |route: &str| {
        let verb = verbs.get(route).copied().unwrap_or("not registered");
        verb.split('.').next().unwrap_or(verb)
    };
    keys.sort_by_key(|(route, relation)| {
        let (method, path) = route.split_once(' ').unwrap_or(("", route));
        let page = !path.starts_with("/api/");
        let nearest = NEAREST.iter().position(|word| word == relation);
        (
            page,
            room(route),
            path.to_owned(),
            method.to_owned(),
            nearest,
        )
    });
    let wide = keys.iter().map(|(route, _)| route.len()).max().unwrap_or(0);
    let mut text = HEAD.to_owned();
    let _ = write!(text, "#\n# {:<1$} | relation |", "", wide.saturating_sub(2));
    for (name, _) in COLUMNS {
        let _ = write!(text, " {name:<13}");
    }
    text = text.trim_end().to_owned();
    text.push('\n');
    let mut last = String::new();
    for key in &keys {
        let door = if key.0.contains(" /api/") {
            "over the API"
        } else {
            "pages"
        };
        let heading = format!("{}, {door}", room(&key.0));
        if heading != last {
            let _ = write!(text, "\n# {heading}\n");
        }
        last = heading;
        let _ = write!(text, "{:<wide$} | {:<8} |", key.0, key.1);
        for (_, lines) in all {
            let heard = lines
                .iter()
                .find(|l| (&l.route, &l.relation) == (&key.0, &key.1));
            let _ = write!(
                text,
                " {:<10}",
                heard.map_or("?", |line| line.heard.as_str())
            );
        }
        text = text.trim_end().to_owned();
        text.push('\n');
    }
    std::fs::write(file(), text).expect("written");
}
