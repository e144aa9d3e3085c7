//! `FIDELITY.md` tells the truth about what there is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()))
}

/// Every file of this extension below a directory, as one text.
fn below(directory: &Path, extension: &str) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &below(&path, extension);
        } else if path.extension().is_some_and(|known| known == extension) {
            all += &read(&path);
        }
    }
    all
}

/// What stands between backticks in a section.
fn quoted(section: &str) -> Vec<&str> {
    section.split('`').skip(1).step_by(2).collect()
}

fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

#[test]
fn the_operations_listed_are_those_there_are() {
    let text = read(&here("FIDELITY.md"));
    let listed = quoted(section(&text, "Operations"));
    let listed: BTreeSet<String> = listed
        .into_iter()
        .filter(|word| word.contains(':'))
        .map(str::to_owned)
        .collect();
    let known: BTreeSet<String> = stint_aws_sim::operations().into_iter().collect();
    let missing: Vec<_> = known.difference(&listed).collect();
    let invented: Vec<_> = listed.difference(&known).collect();
    assert!(missing.is_empty(), "not in FIDELITY.md: {missing:?}");
    assert!(invented.is_empty(), "in FIDELITY.md only: {invented:?}");
}

#[test]
fn the_tests_named_exist() {
    let text = read(&here("FIDELITY.md"));
    let tests = below(&here("tests/it"), "rs");
    let behaviours = section(&text, "Behaviours");
    let mut named = 0;
    for row in behaviours.lines().filter(|line| line.starts_with("| ")) {
        let shown = row.rsplit('|').nth(1).unwrap_or("");
        for name in quoted(shown) {
            let there = [format!("fn {name}("), format!("{name},")];
            assert!(
                there.iter().any(|known| tests.contains(known)),
                "no test {name}"
            );
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}
