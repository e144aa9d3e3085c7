//! Migrations: the same files and the same tables in both engines' folders, every table with a
//! room that owns it.
//!
//! `NNNN_name.sql` belongs to the room `name`; where a file has several rooms' tables, the
//! comment line `-- room: catalog` says whose the following ones are.

use std::collections::BTreeMap;

use super::{Report, Tree};

const SQLITE: &str = "migrations/sqlite/";
const POSTGRES: &str = "migrations/postgres/";

/// Each table's room, from both folders.
#[must_use]
pub(super) fn owners(tree: &Tree) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for folder in [SQLITE, POSTGRES] {
        for (path, text) in tree.under(folder) {
            let tables = tables(path, text).into_iter();
            owners.extend(tables.map(|(table, room)| (table, room.to_owned())));
        }
    }
    owners
}

pub(super) fn look(tree: &Tree, report: &mut Report) {
    twins(tree, SQLITE, POSTGRES, report);
    twins(tree, POSTGRES, SQLITE, report);
    let mut numbers = BTreeMap::new();
    for (path, text) in tree.under(SQLITE) {
        let name = path.strip_prefix(SQLITE).unwrap_or(path);
        let number = name.split('_').next().unwrap_or_default();
        if number.len() != 4 || number.parse::<u32>().is_err() || !name.ends_with(".sql") {
            report.problem("migrations", path, "its name is not NNNN_name.sql");
        }
        if let Some(other) = numbers.insert(number, path) {
            let what = format!("has the number of {other}");
            report.problem("migrations", path, what);
        }
        for (table, room) in tables(path, text) {
            if !is_room(tree, room) {
                let what = format!(
                    "the table `{table}` belongs to no room (`{room}` is none): say \
                     `-- room: <room>` above it"
                );
                report.problem("migrations", path, what);
            }
        }
    }
}

fn twins(tree: &Tree, folder: &str, other: &str, report: &mut Report) {
    for (path, text) in tree.under(folder) {
        let twin = path.replacen(folder, other, 1);
        let Some(twin_text) = tree.text(&twin) else {
            report.problem("migrations", path, format!("has no twin {twin}"));
            continue;
        };
        let theirs = tables(&twin, twin_text);
        for (table, room) in tables(path, text) {
            if theirs.get(&table) != Some(&room) {
                let what = format!("{twin} has no table `{table}` of `{room}`");
                report.problem("migrations", path, what);
            }
        }
    }
}

/// A room of the server, or `db` itself. Where there is no server yet, every name will do.
fn is_room(tree: &Tree, room: &str) -> bool {
    room == "db"
        || !tree.has("crates/server/src")
        || tree.has(&format!("crates/server/src/{room}"))
        || tree.has(&format!("crates/server/src/{room}.rs"))
}

/// The tables a migration creates, with their rooms.
fn tables<'a>(path: &'a str, text: &'a str) -> BTreeMap<String, &'a str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".sql").unwrap_or(name);
    let mut room = name.split_once('_').map_or(name, |(_, name)| name);
    let mut tables = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(said) = line.strip_prefix("-- room:") {
            room = said.trim();
        }
        let lower = line.to_lowercase();
        if let Some(rest) = lower.strip_prefix("create table ") {
            let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
            let name = rest.split([' ', '(']).next().unwrap_or_default();
            tables.insert(name.to_owned(), room);
        }
    }
    tables
}
