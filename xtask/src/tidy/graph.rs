//! What is linked: no `ring`, no OpenSSL (aws-lc-rs is the only TLS and crypto provider), and
//! one SQLite. Asked of cargo for this machine and normal dependencies; that a crate stands in
//! Cargo.lock as somebody's unused option does not matter.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::Report;
use crate::install::cargo;
use crate::run;

/// Names that may not be linked.
const FORBIDDEN: [&str; 3] = ["ring", "openssl-sys", "native-tls"];

/// A name that may be linked once.
const ONCE: &str = "libsqlite3-sys";

pub(super) fn look(root: &Path, report: &mut Report) -> Result<()> {
    let mut tree = cargo();
    tree.current_dir(root)
        .args(["tree", "--workspace", "--quiet"]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe"]);
    judge(&run::output(tree.args(["--format", "{p}"]))?, report);
    Ok(())
}

/// Judges the output of `cargo tree`: a crate and its version at the beginning of each line.
fn judge(tree: &str, report: &mut Report) {
    let crates: BTreeSet<(&str, &str)> = (tree.lines())
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next().unwrap_or_default()))
        })
        .collect();
    for (name, version) in &crates {
        if FORBIDDEN.contains(name) {
            let what = format!("{name} {version} is linked: `cargo tree -i {name}` says by whom");
            report.problem("graph", "Cargo.toml", what);
        }
    }
    let versions: Vec<&str> = (crates.iter())
        .filter_map(|(name, version)| (*name == ONCE).then_some(*version))
        .collect();
    if versions.len() > 1 {
        let what = format!("{ONCE} is linked more than once: {}", versions.join(", "));
        report.problem("graph", "Cargo.toml", what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_may_not_be_linked() {
        let mut report = Report::default();
        judge(
            "stint v0.1.0 (/x)\nring v0.17.0\nlibsqlite3-sys v0.30.0\nlibsqlite3-sys v0.35.0\n\
             ring v0.17.0\nstring v1.0.0",
            &mut report,
        );
        let said: Vec<String> = report.problems.iter().map(|p| p.what.clone()).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said.iter()
                .any(|what| what.starts_with("ring v0.17.0 is linked"))
        );
        assert!(said.iter().any(|what| what.contains("v0.30.0, v0.35.0")));
    }
}
