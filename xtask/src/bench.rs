//! `cargo xtask bench …`: figures on a release build, on both engines. A benchmark is a
//! benchmark: no figure passes or fails.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::ValueEnum;

use crate::install::{self, cargo};
use crate::postgres::{self, Postgres};
use crate::run;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// How many requests are taken, and how many approvals, each second.
    Request,
    /// How long it takes until the access of 10,000 grants that end at once is gone.
    Expire,
}

impl Name {
    /// The target that has it, and the word it knows it by.
    const fn target(self) -> [&'static str; 2] {
        match self {
            Self::Request => ["figures", "request"],
            Self::Expire => ["figures", "expire"],
        }
    }
}

/// Builds for release and measures; the figures are on standard output.
///
/// # Errors
/// When PostgreSQL cannot be had, nothing was built, or what was timed went wrong.
pub fn command(root: &Path, name: Name) -> Result<ExitCode> {
    install::postgres()?;
    run::run(bench(root, name).arg("--no-run"))?;
    let server = Postgres::start_durable()?;
    let [_, word] = name.target();
    run::run(
        bench(root, name)
            .args(["--", word])
            .env(postgres::URL, server.url()),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The workspace's selection of features, as everywhere: what is built is used again.
fn bench(root: &Path, name: Name) -> Command {
    let [target, _] = name.target();
    let mut bench = cargo();
    bench
        .current_dir(root)
        .args(["bench", "--quiet", "--workspace", "--bench", target]);
    bench
}
