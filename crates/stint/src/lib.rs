//! The `stint` program: server, worker, simulated AWS, demo, and the commands people type.
//!
//! A library only so that its tests can walk the tour and break the world under it.

mod cli;
mod client;
mod clock;
mod commands;
mod config;
pub mod demo;
mod exit;
mod out;
mod runtime;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Audit, Cli, Command, MasterKey, Users};
use commands::{ask, local, serve, sim};
use config::Settings;
use exit::{Exit, Failure};

/// Reads the command line, does what it says, and answers how it went.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if let Err(failure) = crypto() {
        return ended(Err(failure));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(error.into())),
    };
    ended(runtime.block_on(command(cli.command)))
}
fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            use std::io::Write as _;
            // Nothing is left to do when standard error is gone too.
            let _ = writeln!(std::io::stderr(), "stint: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}

async fn command(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve {
            settings,
            no_worker,
        } => serve::serve(&Settings::load(&settings)?, !no_worker).await,
        Command::Worker { settings } => serve::worker(&Settings::load(&settings)?).await,
        Command::Migrate { settings } => serve::migrate(&Settings::load(&settings)?).await,
        Command::Users(Users::CreateAdmin {
            settings,
            email,
            name,
        }) => local::create_admin(&Settings::load(&settings)?, email, name).await,
        Command::Audit(Audit::Verify { settings, json }) => {
            local::verify(&Settings::load(&settings)?, json).await
        }
        Command::MasterKey(MasterKey::Create { file }) => local::create_key(&file),
        Command::MasterKey(MasterKey::Add { file }) => local::add_key(&file),
        Command::Demo(demo) => demo::run(demo).await,
        Command::Sim(args) => sim::run(args).await,
        Command::Openapi => out::json(&stint_server::routes::routes().openapi()),
        Command::Whoami { server } => ask::whoami(&server).await,
        Command::Entitlements { server, search } => {
            ask::entitlements(&server, search.as_deref()).await
        }
        Command::Request(args) => ask::request(&args).await,
        Command::Requests {
            server,
            id,
            waiting,
            all,
        } => ask::requests(&server, id.as_deref(), waiting, all).await,
        Command::Approve {
            server,
            id,
            comment,
        } => ask::approve(&server, &id, &comment).await,
        Command::Deny { server, id, reason } => ask::deny(&server, &id, &reason).await,
        Command::Cancel { server, id } => ask::verb(&server, &id, "cancel").await,
        Command::Return { server, id } => ask::verb(&server, &id, "return").await,
        Command::Grants { server, all } => ask::grants(&server, all).await,
    }
}

/// The one TLS and crypto provider, before anything can open a connection.
fn crypto() -> Result<(), Failure> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| Failure::new(Exit::Failed, "another TLS provider was installed first"))
}
