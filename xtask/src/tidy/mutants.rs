//! The committed mutants: each can be read, names tests that are there, still applies, and
//! stands in the generated table.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Report, Tree, invariants};
use crate::mutants::{self, FOLDER, Mutant, TABLE};
use crate::run;

pub(super) fn look(tree: &Tree, report: &mut Report) {
    let known = invariants::tests(tree);
    let mut all = Vec::new();
    for (path, text) in patches(tree) {
        match Mutant::read(path, text) {
            Ok(mutant) => {
                for test in &mutant.kills {
                    if !invariants::exists(&known, &test.to_string()) {
                        let what = format!("names the test `{test}`, which is not there");
                        report.problem("mutants", path, what);
                    }
                }
                all.push(mutant);
            }
            Err(error) => report.problem("mutants", path, format!("{error:#}")),
        }
    }
    if !all.is_empty() && tree.text(TABLE) != Some(mutants::table(&all).as_str()) {
        let what = "is not what the patches say: run `cargo xtask mutants --table`";
        report.problem("mutants", TABLE, what);
    }
}

/// Whether each patch still fits the tree; asks git.
pub(super) fn applies(root: &Path, tree: &Tree, report: &mut Report) -> Result<()> {
    for (path, _) in patches(tree) {
        let mut apply = Command::new("git");
        apply
            .current_dir(root)
            .args(mutants::GIT_APPLY)
            .arg("--check")
            .arg(root.join(path));
        if let Err(error) = run::output(&mut apply) {
            let error = format!("{error:#}");
            let reason = error
                .split_once("error: ")
                .map_or(error.as_str(), |(_, why)| why);
            let reason = reason.lines().next().unwrap_or_default();
            report.problem(
                "mutants",
                path,
                format!("does not apply any more: {reason}"),
            );
        }
    }
    Ok(())
}

fn patches(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.under(FOLDER)
        .filter(|(path, _)| path.ends_with(".patch"))
}
