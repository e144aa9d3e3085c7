//! Where SQL may stand and whose tables it may name.
//!
//! SQL stands in a room's `store.rs` (or the files of its `store/`) and in `crates/db`, nowhere
//! else. A room's SQL names only tables created by that room's migration: data of another room
//! comes through its verbs, not by a join.

use std::collections::BTreeMap;

use super::rooms::room_of;
use super::source::{Kind, Source};
use super::{Report, Tree, migrations};

pub(super) fn look(tree: &Tree, report: &mut Report) {
    let owners = migrations::owners(tree);
    for (path, source) in tree.sources("crates/") {
        if tree.is_test(path) {
            continue;
        }
        if path.starts_with("crates/db/") {
            tables(path, "db", source, &owners, report);
        } else if let Some(room) = room_of(path).filter(|_| is_store(path)) {
            tables(path, room, source, &owners, report);
        } else {
            for (line, text) in texts(source) {
                if reads_as_sql(text) {
                    let what = "SQL stands only in a room's store.rs (and in crates/db)";
                    report.problem("sql", format!("{path}:{line}"), what);
                }
            }
        }
    }
}

fn is_store(path: &str) -> bool {
    path.ends_with("/store.rs") || path.contains("/store/")
}

/// The string literals outside test code and attributes.
fn texts(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.tokens.iter().filter_map(|token| match &token.kind {
        Kind::Text(text) if !token.test && !token.attribute => Some((token.line, text.as_str())),
        _ => None,
    })
}

/// Whether a text begins as a statement does. Statements are written in small letters (or all
/// capitals): prose that begins with "Select" or "Update" is none.
fn reads_as_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(60).collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let Some(first) = words.first() else {
        return false;
    };
    if *first != first.to_lowercase() && *first != first.to_uppercase() {
        return false;
    }
    let word = |at: usize| lower.get(at).map_or("", String::as_str);
    match word(0) {
        "select" => lower.len() == 1 || lower.iter().any(|word| word == "from"),
        "insert" => word(1) == "into",
        "update" => lower.iter().any(|word| word == "set"),
        "delete" => word(1) == "from",
        "with" => word(2) == "as" && word(3).starts_with('('),
        "create" | "drop" | "alter" => ["table", "index", "unique", "view"].contains(&word(1)),
        _ => false,
    }
}

fn tables(
    path: &str,
    room: &str,
    source: &Source,
    owners: &BTreeMap<String, String>,
    report: &mut Report,
) {
    let mut reader = Names::default();
    for (line, text) in texts(source) {
        for table in reader.named(text) {
            let Some(owner) = owners.get(&table) else {
                continue;
            };
            if owner != room {
                let what = format!(
                    "`{room}` names the table `{table}`, which belongs to `{owner}`: ask that room"
                );
                report.problem("tables", format!("{path}:{line}"), what);
            }
        }
    }
}

/// Finds the names after from, join, into, update, table, and after commas of a `from`. Keeps
/// its state between texts, since a statement may be put together from several.
#[derive(Default)]
struct Names {
    expecting: bool,
    in_from: Vec<bool>,
}

impl Names {
    fn named(&mut self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for word in sql_words(text) {
            let lower = word.to_lowercase();
            match lower.as_str() {
                "(" => {
                    self.expecting = false;
                    self.in_from.push(false);
                }
                ")" => {
                    self.in_from.pop();
                    self.expecting = false;
                }
                "," => self.expecting = self.in_from.last().copied().unwrap_or_default(),
                "from" | "join" | "using" => {
                    self.expecting = true;
                    self.set_from(true);
                }
                "into" | "update" | "table" => {
                    self.expecting = true;
                    self.set_from(false);
                }
                "only" | "lateral" if self.expecting => {}
                "select" | "where" | "set" | "on" | "group" | "order" | "limit" | "returning"
                | "values" | "union" | "insert" | "delete" => {
                    self.expecting = false;
                    self.set_from(false);
                }
                _ => {
                    if self.expecting {
                        found.push(lower);
                    }
                    self.expecting = false;
                }
            }
        }
        found
    }

    fn set_from(&mut self, value: bool) {
        match self.in_from.last_mut() {
            Some(last) => *last = value,
            None => self.in_from.push(value),
        }
    }
}

/// Names, keywords, commas and brackets of a statement; strings, comments and the rest left out.
fn sql_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if !quoted && (c.is_alphanumeric() || c == '_' || c == '.') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !quoted && matches!(c, ',' | '(' | ')') {
            words.push(c.to_string());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_tables_of_a_statement() {
        let named = |text: &str| Names::default().named(text);
        assert_eq!(
            named("select a, b from users u, groups as g where x in (select y from tokens)"),
            ["users", "groups", "tokens"]
        );
        assert_eq!(
            named(
                "insert into a (x, y) select value, b from json_each($1) where true \
                   on conflict (x) do update set y = excluded.y returning id"
            ),
            ["a", "json_each"]
        );
        assert_eq!(
            named("update jobs set at = $1 from users where jobs.u = users.id"),
            ["jobs", "users"]
        );
        assert_eq!(
            named("select 'from x' , a from b left join c on (c.d = b.e)"),
            ["b", "c"]
        );
    }

    #[test]
    fn knows_a_statement_from_prose() {
        for sql in [
            "select 1 from x",
            "delete from x",
            "update x set y = 1",
            "select ",
            "with a as (select 1) select 2",
            "INSERT INTO x values (1)",
        ] {
            assert!(reads_as_sql(sql), "{sql}");
        }
        for prose in [
            "Select a policy from the list",
            "update the policy",
            "Update it and set",
            "delete it",
            "create a token",
            "",
        ] {
            assert!(!reads_as_sql(prose), "{prose}");
        }
    }
}
