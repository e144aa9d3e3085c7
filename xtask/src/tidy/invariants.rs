//! Every invariant in ARCHITECTURE.md names tests that exist, or says what it waits for.
//!
//! Under the heading "Invariants" each is an item of a numbered list and ends in
//! ``Test: `name`.`` (or `Tests:` with several) or `not yet: <room> …`, where the room is one
//! that does not exist; once it does, tidy fails until a test is named. A name is a test's full
//! name as the runner prints it (`stint-domain::requests::…`), or any ending of it; of tests a
//! macro makes for each engine the common part will do.

use super::source::{Source, Test};
use super::{Report, Tree, markdown};

/// A test by its full name: package, then modules and function.
pub(super) struct KnownTest {
    package: String,
    path: Vec<String>,
    /// By a macro.
    made: bool,
}

impl KnownTest {
    fn full(&self) -> Vec<&str> {
        let mut full = vec![self.package.as_str()];
        full.extend(self.path.iter().map(String::as_str));
        full
    }
}

/// The crate whose macros all tests may use.
const TESTKIT: &str = "stint-testkit";

/// Every test in the tree, those made by our macros included.
#[must_use]
pub(super) fn tests(tree: &Tree) -> Vec<KnownTest> {
    let files: Vec<(String, Vec<String>, &Source)> = (tree.sources(""))
        .filter_map(|(path, source)| {
            let (package, modules) = home(tree, path)?;
            Some((package, modules, source))
        })
        .collect();
    let made: Vec<(&str, &str, &Test)> = (files.iter())
        .flat_map(|(package, _, source)| {
            (source.made.iter()).map(|(by, test)| (package.as_str(), by.as_str(), test))
        })
        .collect();
    let mut known = Vec::new();
    for (package, modules, source) in &files {
        let mut add = |inner: &[String], test: &Test, given: Option<&String>| {
            let said = |part: &String| match given {
                Some(given) if part.starts_with('$') => given.clone(),
                _ => part.clone(),
            };
            let mut path = modules.clone();
            path.extend(inner.iter().cloned());
            path.extend(test.modules.iter().map(said));
            path.push(said(&test.name));
            known.push(KnownTest {
                package: package.clone(),
                path,
                made: given.is_some(),
            });
        };
        for test in &source.tests {
            add(&[], test, None);
        }
        for used in &source.uses {
            for (home, by, test) in &made {
                if *by == used.name && (home == package || *home == TESTKIT) {
                    for given in &used.given {
                        add(&used.modules, test, Some(given));
                    }
                }
            }
        }
    }
    known
}

/// The package a file belongs to and the modules it is there.
fn home(tree: &Tree, path: &str) -> Option<(String, Vec<String>)> {
    let (folder, inside) = match path.strip_prefix("crates/") {
        Some(rest) => {
            let (krate, inside) = rest.split_once('/')?;
            (format!("crates/{krate}"), inside)
        }
        None => (
            "xtask".to_owned(),
            path.strip_prefix("xtask/").filter(|p| !p.is_empty())?,
        ),
    };
    let manifest: toml::Table = tree.text(&format!("{folder}/Cargo.toml"))?.parse().ok()?;
    let package = manifest.get("package")?.get("name")?.as_str()?.to_owned();
    let inside = inside.strip_suffix(".rs")?;
    let mut modules: Vec<String> = inside.split('/').map(str::to_owned).collect();
    // `src` and `tests` are no modules, nor is the folder of an integration test.
    let kind = modules.remove(0);
    if kind == "tests" && !modules.is_empty() {
        modules.remove(0);
    }
    if (modules.last()).is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        modules.pop();
    }
    Some((package, modules))
}

/// Whether a name is a test's, or an ending of one.
#[must_use]
pub(super) fn exists(known: &[KnownTest], name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    known.iter().any(|test| test.full().ends_with(&parts))
}

/// Whether a name is one a macro made several tests of (one for each engine, say).
fn exists_for_all(known: &[KnownTest], name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    (known.iter().filter(|test| test.made)).any(|test| {
        let full = test.full();
        (full.split_last()).is_some_and(|(_, above)| above.ends_with(&parts))
    })
}

pub(super) fn look(tree: &Tree, report: &mut Report) {
    let file = "ARCHITECTURE.md";
    let Some(text) = tree.text(file) else {
        return;
    };
    let items = items(text);
    if items.is_empty() {
        report.problem("invariants", file, "has no numbered list under Invariants");
        return;
    }
    let known = tests(tree);
    for (at, (line, item)) in items.iter().enumerate() {
        let place = format!("{file}:{line}");
        let number = at + 1;
        if !item.starts_with(&format!("{number}. ")) {
            report.problem("invariants", &place, format!("should be number {number}"));
        }
        let named: Vec<&str> = match item.split_once("Test:").or(item.split_once("Tests:")) {
            Some((_, names)) => markdown::code_words(names).collect(),
            None => Vec::new(),
        };
        for name in &named {
            if !exists(&known, name) && !exists_for_all(&known, name) {
                let what =
                    format!("invariant {number} names the test `{name}`, which is not there");
                report.problem("invariants", &place, what);
            }
        }
        match item.split_once("not yet:") {
            Some((_, capability)) => {
                let room = capability.split_whitespace().next().unwrap_or_default();
                let room = room.trim_matches(['`', '.', ',']);
                if tree.has(&format!("crates/server/src/{room}")) && !room.is_empty() {
                    let what = format!(
                        "invariant {number} waits for `{room}`, which is there: name its test"
                    );
                    report.problem("invariants", &place, what);
                } else if room.is_empty() {
                    let what = format!("invariant {number}: not yet what?");
                    report.problem("invariants", &place, what);
                } else {
                    report.note(format!("invariant {number}, not yet:{capability}"));
                }
            }
            None if named.is_empty() => {
                let what = format!("invariant {number} names no test and does not say `not yet:`");
                report.problem("invariants", &place, what);
            }
            None => {}
        }
    }
}

/// The items of the list, each on one line, with where it begins.
fn items(text: &str) -> Vec<(usize, String)> {
    let mut items: Vec<(usize, String)> = Vec::new();
    for (no, line) in markdown::section(text, "Invariants") {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && line.get(digits..).is_some_and(|r| r.starts_with(". ")) {
            items.push((no, line.to_owned()));
        } else if let Some((_, item)) = items.last_mut()
            && line.starts_with(' ')
        {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}
