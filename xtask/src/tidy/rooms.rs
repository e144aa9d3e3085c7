//! Rooms and their rows: a room calls only rooms on lower rows, and only through their
//! `mod.rs`; routes are made in one place.
//!
//! The rows stand in ARCHITECTURE.md, in the table under "Rooms and rows", top row first. Rooms
//! of the first row (the ground floor) may call each other. The files `lib.rs` and `routes.rs`
//! belong to the last row and may name a room's files, since they assemble.

use std::collections::BTreeMap;

use super::source::{Kind, Source, Token};
use super::{Report, Tree, markdown};

const SERVER: &str = "crates/server/src/";

/// Each room's row, from 0.
#[derive(Default)]
pub(super) struct Rows(BTreeMap<String, usize>);

impl Rows {
    /// Reads them from ARCHITECTURE.md.
    #[must_use]
    pub(super) fn read(tree: &Tree) -> Self {
        let text = tree.text("ARCHITECTURE.md").unwrap_or_default();
        let mut rows = BTreeMap::new();
        let section = markdown::section(text, "Rooms and rows");
        let table = section.map(|(_, line)| line).filter(|l| l.starts_with('|'));
        for (row, line) in table.skip(2).enumerate() {
            let rooms = line.split('|').nth(2).unwrap_or_default();
            rows.extend(markdown::code_words(rooms).map(|room| (room.to_owned(), row)));
        }
        Self(rows)
    }

    fn of(&self, room: &str) -> Option<usize> {
        self.0.get(room).copied()
    }
}

/// The room a file of the server belongs to: its folder or its own name.
#[must_use]
pub(super) fn room_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix(SERVER)?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

pub(super) fn look(tree: &Tree, report: &mut Report) {
    let rows = Rows::read(tree);
    let mut unknown = BTreeMap::new();
    for (path, source) in tree.sources("") {
        if let Some(why) = &source.broken {
            report.problem("source", path, format!("cannot be read as Rust: {why}"));
        }
    }
    for (path, source) in tree.sources(SERVER) {
        let Some(room) = room_of(path) else { continue };
        if tree.is_test(path) {
            continue;
        }
        routes(path, room, source, report);
        // The crate's own sign assembles; it is no room.
        if room == "lib" {
            continue;
        }
        let Some(row) = rows.of(room) else {
            unknown.entry(room).or_insert(path);
            continue;
        };
        let from = Room { path, room, row };
        for reference in references(path, source) {
            arrow(tree, &rows, &from, &reference, report);
        }
    }
    for (room, path) in unknown {
        let what = format!("the room `{room}` stands in no row of ARCHITECTURE.md, Rooms and rows");
        report.problem("rooms", path, what);
    }
}

struct Room<'a> {
    path: &'a str,
    room: &'a str,
    row: usize,
}

fn arrow(tree: &Tree, rows: &Rows, from: &Room<'_>, reference: &Reference, report: &mut Report) {
    let Room { path, room, row } = *from;
    let place = format!("{path}:{}", reference.line);
    let Some(target) = reference.path.first() else {
        return;
    };
    if target == room {
        return;
    }
    let Some(their_row) = rows.of(target) else {
        let what = format!(
            "`crate::{target}` is no room: name the room an item lives in, not what lib.rs \
             shows to other crates"
        );
        report.problem("rooms", place, what);
        return;
    };
    if their_row > row || (their_row == row && row > 0) {
        let what = format!(
            "`{room}` (row {row}) names `{target}` (row {their_row}): a room calls only lower \
             rows; news goes up as outbox events"
        );
        report.problem("rooms", place, what);
    } else if room != "routes"
        && their_row > 0
        && let Some(module) = reference.path.get(1)
        && is_file_of(tree, target, module)
    {
        let what =
            format!("`crate::{target}::{module}` is a file of another room: go through its mod.rs");
        report.problem("rooms", place, what);
    }
}

fn is_file_of(tree: &Tree, room: &str, module: &str) -> bool {
    tree.has(&format!("{SERVER}{room}/{module}.rs"))
        || tree.has(&format!("{SERVER}{room}/{module}"))
}

fn routes(path: &str, room: &str, source: &Source, report: &mut Report) {
    if room == "http" {
        return;
    }
    for trio in source.tokens.windows(3) {
        if let [dot, name, open] = trio
            && !name.test
            && dot.kind == Kind::Punct('.')
            && open.kind == Kind::Open('(')
            && let Kind::Ident(called) = &name.kind
            && ["route", "route_service", "nest", "nest_service"].contains(&called.as_str())
        {
            let what = format!(
                "`.{called}(` outside http: register through http::Routes, so that the API \
                 description, the rights matrix and the router cannot differ"
            );
            report.problem("routes", format!("{path}:{}", name.line), what);
        }
    }
}

/// A path from the root of the crate, named somewhere.
struct Reference {
    path: Vec<String>,
    line: usize,
}

/// Every path outside test code that starts at the crate's root, `super` worked out.
fn references(path: &str, source: &Source) -> Vec<Reference> {
    let home = module_path(path);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = source.tokens.get(at) {
        let start = match &token.kind {
            Kind::Ident(word) if !token.test && !after_path_sep(source, at) => {
                match word.as_str() {
                    "crate" => Some((Vec::new(), at + 1)),
                    "super" => supers(source, at, &home, token.depth),
                    _ => None,
                }
            }
            _ => None,
        };
        let Some((prefix, next)) = start else {
            at += 1;
            continue;
        };
        at = next;
        if kind(source, at) == Some(&Kind::PathSep) {
            at = follow(source, at + 1, prefix, &mut found);
        }
    }
    found
}

/// The modules a file is, from the root of its crate.
fn module_path(path: &str) -> Vec<String> {
    let inside = path.strip_prefix(SERVER).unwrap_or(path);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut modules: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if modules.last().is_some_and(|last| last == "mod") {
        modules.pop();
    }
    modules
}

/// `super::super…`: the module it means and the position after the last `super`. None when it
/// stays within the file's inline modules.
fn supers(
    source: &Source,
    mut at: usize,
    home: &[String],
    depth: usize,
) -> Option<(Vec<String>, usize)> {
    let mut steps = 1_usize;
    while kind(source, at + 1) == Some(&Kind::PathSep)
        && matches!(kind(source, at + 2), Some(Kind::Ident(word)) if word == "super")
    {
        steps += 1;
        at += 2;
    }
    let out = steps.checked_sub(depth).filter(|out| *out > 0)?;
    let keep = home.len().saturating_sub(out);
    Some((home.iter().take(keep).cloned().collect(), at + 1))
}

/// Follows a path or a tree of `use` from the token after `::`; the position after it.
fn follow(source: &Source, at: usize, prefix: Vec<String>, found: &mut Vec<Reference>) -> usize {
    let Some(token) = source.tokens.get(at) else {
        return at;
    };
    match &token.kind {
        Kind::Ident(word) => {
            let mut path = prefix;
            path.push(word.clone());
            if kind(source, at + 1) == Some(&Kind::PathSep) {
                return follow(source, at + 2, path, found);
            }
            found.push(Reference {
                path,
                line: token.line,
            });
            at + 1
        }
        Kind::Open('{') => {
            let mut at = at + 1;
            loop {
                match kind(source, at) {
                    None => return at,
                    Some(Kind::Close('{')) => return at + 1,
                    Some(Kind::Punct(',')) => at += 1,
                    Some(Kind::Ident(word)) if word == "as" => at += 2,
                    Some(_) => at = follow(source, at, prefix.clone(), found).max(at + 1),
                }
            }
        }
        // `*`, generics: what is known so far.
        _ => {
            found.push(Reference {
                path: prefix,
                line: token.line,
            });
            at
        }
    }
}

fn kind(source: &Source, at: usize) -> Option<&Kind> {
    source.tokens.get(at).map(|token: &Token| &token.kind)
}

fn after_path_sep(source: &Source, at: usize) -> bool {
    at.checked_sub(1).and_then(|before| kind(source, before)) == Some(&Kind::PathSep)
}
