//! What crates may depend on: the pure ones have a list of what they may, some others a list of
//! what they may not.

use super::{Report, Tree};

/// Crates of pure rules: only these, so that no clock, network or randomness comes in.
const PURE: [(&str, &[&str]); 2] = [
    (
        "domain",
        &[
            "cedar-policy",
            "jiff",
            "miette",
            "regex",
            "serde",
            "serde_json",
            "stacker",
            "thiserror",
            "uuid",
        ],
    ),
    ("iam-policy", &["jiff", "serde", "serde_json", "thiserror"]),
];

/// Crate, beginning of a dependency's name it may not have, why.
const FORBIDDEN: [(&str, &str, &str); 9] = [
    ("server", "aws-sdk-", "only crates/aws talks to AWS"),
    ("server", "aws-config", "only crates/aws talks to AWS"),
    (
        "server",
        "stint-aws-sim",
        "the server does not know whether its AWS is simulated",
    ),
    ("aws", "sqlx", "the connector knows no database"),
    ("aws", "stint-db", "the connector knows no database"),
    ("aws", "stint-server", "the connector is below the rooms"),
    (
        "aws-sim",
        "stint-aws",
        "the simulated AWS shares no code with the connector",
    ),
    (
        "aws-sim",
        "stint-server",
        "the simulated AWS knows nothing of Stint",
    ),
    ("db", "stint-server", "the database knows no room"),
];

/// Exact names that a forbidden beginning does not mean.
const FINE: [(&str, &str); 1] = [("aws-sim", "stint-aws-sim")];

pub(super) fn look(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.under("crates/") {
        let Some(krate) = path
            .strip_prefix("crates/")
            .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let manifest: toml::Table = match text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                report.problem("manifest", path, error.to_string());
                continue;
            }
        };
        for section in ["dependencies", "build-dependencies"] {
            let dependencies = manifest.get(section).and_then(|value| value.as_table());
            for name in dependencies.into_iter().flat_map(|table| table.keys()) {
                dependency(path, krate, name, report);
            }
        }
    }
}

fn dependency(path: &str, krate: &str, name: &str, report: &mut Report) {
    for (pure, allowed) in PURE {
        if krate == pure && !allowed.contains(&name) {
            let what = format!(
                "depends on `{name}`: rules are pure, with {} and nothing else",
                allowed.join(", ")
            );
            report.problem("pure", path, what);
        }
    }
    for (who, beginning, why) in FORBIDDEN {
        if krate == who && name.starts_with(beginning) && !FINE.contains(&(krate, name)) {
            report.problem("manifest", path, format!("depends on `{name}`: {why}"));
        }
    }
}
