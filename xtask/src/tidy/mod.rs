//! The rules of the house that the compiler does not know: room arrows, whose tables are
//! whose, where SQL and routes may stand, file lengths, what the pure crates may depend on,
//! migration twins, what may not be linked, links in documents, invariants and their tests,
//! mutants.
//!
//! It reads the tree under a root and nothing else, so that tests can show each rule failing on
//! a made-up tree. Where a rule has nothing to look at (no such folder), it says nothing.
//!
//! What it does not do: judge. Each rule is a yes or a no, with the place.

mod documents;
mod graph;
mod invariants;
mod lengths;
mod manifests;
mod markdown;
mod migrations;
mod mutants;
mod rooms;
mod source;
mod sql;
mod tree;
mod words;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

pub use tree::Tree;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File from the root, with `:line` where there is one.
    pub place: String,
    /// Which rule: one word.
    pub rule: &'static str,
    /// What is wrong and what to do, in a sentence.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.rule, self.what)
    }
}

/// What tidy found.
#[derive(Debug, Default)]
pub struct Report {
    /// Each fails tidy.
    pub problems: Vec<Problem>,
    /// Worth knowing: files past the target length, invariants without a test yet.
    pub notes: Vec<String>,
}

impl Report {
    fn problem(&mut self, rule: &'static str, place: impl fmt::Display, what: impl Into<String>) {
        self.problems.push(Problem {
            place: place.to_string(),
            rule,
            what: what.into(),
        });
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Shows notes and problems.
    pub fn print(&self) {
        for note in &self.notes {
            println!("note: {note}");
        }
        for problem in &self.problems {
            println!("{problem}");
        }
    }

    /// An error when there is a problem.
    ///
    /// # Errors
    /// With the number of problems.
    pub fn verdict(&self) -> Result<()> {
        match self.problems.len() {
            0 => Ok(()),
            1 => bail!("1 problem"),
            n => bail!("{n} problems"),
        }
    }
}

/// Looks at everything under a root.
///
/// # Errors
/// When files cannot be read or cargo cannot be asked for the graph.
pub fn run(root: &Path) -> Result<Report> {
    let tree = Tree::read(root)?;
    let mut report = files(&tree);
    graph::look(root, &mut report)?;
    mutants::applies(root, &tree, &mut report)?;
    report.problems.sort();
    Ok(report)
}

/// The rules that need only the files.
#[must_use]
pub fn files(tree: &Tree) -> Report {
    let mut report = Report::default();
    rooms::look(tree, &mut report);
    sql::look(tree, &mut report);
    migrations::look(tree, &mut report);
    lengths::look(tree, &mut report);
    manifests::look(tree, &mut report);
    documents::look(tree, &mut report);
    invariants::look(tree, &mut report);
    mutants::look(tree, &mut report);
    words::look(tree, &mut report);
    report.problems.sort();
    report
}

/// `cargo xtask tidy`.
///
/// # Errors
/// As [`run`].
pub fn command(root: &Path) -> Result<ExitCode> {
    let report = run(root)?;
    report.print();
    Ok(match report.verdict() {
        Ok(()) => {
            println!("tidy");
            ExitCode::SUCCESS
        }
        Err(count) => {
            println!("not tidy: {count}");
            ExitCode::FAILURE
        }
    })
}
