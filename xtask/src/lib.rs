//! Chores of the repository as a program: `cargo xtask check | test | clients | browser | bench |
//! tidy | mutants | openapi | postgres | iam-table`.
//!
//! A library, so that tests can run the same rules on made-up trees. What it does not do:
//! nothing here is linked into Stint itself.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

pub mod bench;
pub mod iam_table;
pub mod install;
pub mod mutants;
pub mod postgres;
pub mod run;
pub mod suites;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The root of the checkout this program was built from.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
