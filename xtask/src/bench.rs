//! `cargo xtask bench …`: figures on a release build, those of Stint on both engines. A benchmark
//! is a benchmark: no figure passes or fails.

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
    /// How long the first page of what somebody may ask for takes, of 50,000 things by condition.
    Policy,
    /// What it takes to read an estate: calls, time, memory.
    Sync,
    /// How many calls the simulated AWS answers each second, and how large an estate it holds.
    Sim,
}

impl Name {
    /// The target that has it, and the word it knows it by; none where it is a program of its own.
    const fn target(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Request => Some(["figures", "request"]),
            Self::Expire => Some(["figures", "expire"]),
            Self::Policy => Some(["figures", "policy"]),
            Self::Sync => Some(["figures", "sync"]),
            Self::Sim => None,
        }
    }
}

/// Builds for release and measures; the figures are on standard output.
///
/// # Errors
/// When PostgreSQL cannot be had, nothing was built, or what was timed went wrong.
pub fn command(root: &Path, name: Name) -> Result<ExitCode> {
    let Some([target, word]) = name.target() else {
        run::run(&mut sim(root))?;
        return Ok(ExitCode::SUCCESS);
    };
    install::postgres()?;
    run::run(bench(root, target).arg("--no-run"))?;
    let server = Postgres::start_durable()?;
    run::run(
        bench(root, target)
            .args(["--", word])
            .env(postgres::URL, server.url()),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The workspace's selection of features, as everywhere: what is built is used again.
fn bench(root: &Path, target: &str) -> Command {
    let mut bench = cargo();
    bench
        .current_dir(root)
        .args(["bench", "--quiet", "--workspace", "--bench", target]);
    bench
}

/// By itself: it needs none of AWS's SDKs, nor a database.
fn sim(root: &Path) -> Command {
    let mut run = cargo();
    run.current_dir(root).args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "stint-sim-bench",
    ]);
    run
}
