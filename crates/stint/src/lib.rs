//! The `stint` program: server, worker, simulated AWS, demo, and the commands people type.
//!
//! A library only so that its tests can walk the tour and break the world under it.

mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod credentials;
pub mod demo;
mod exit;
mod out;
mod runtime;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Audit, Cli, Command, MasterKey, Users};
use commands::{
    account, as_code, ask, audit, delegations, duties, emergency, estates, grants, local, mend,
    notices, objects, people, rules, serve, sim, until_revoked,
};
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
            // Where the exit code alone tells something, there is nothing to say.
            if !failure.message.is_empty() {
                // Nothing is left to do when standard error is gone too.
                let _ = writeln!(std::io::stderr(), "stint: {failure}");
            }
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
        Command::MasterKey(MasterKey::Create { file }) => local::create_key(&file),
        Command::MasterKey(MasterKey::Add { file }) => local::add_key(&file),
        Command::Users(Users::Others(what)) => people::users(what).await,
        Command::Groups(what) => people::groups(what).await,
        Command::Delegations(what) => delegations::delegations(what).await,
        Command::Links(what) => people::links(what).await,
        Command::Login(args) => account::login(args).await,
        Command::Logout { server } => account::logout(&server).await,
        Command::Tokens(what) => account::tokens(what).await,
        Command::Connections(what) => estates::connections(what).await,
        Command::IamUsers(what) => objects::iam_users(what).await,
        Command::Catalogs(what) => rules::catalogs(what).await,
        Command::Policies(what) => rules::policies(what).await,
        Command::Mend(args) => mend::mend(args).await,
        Command::Duties(what) => duties::duties(what).await,
        Command::Plan(args) => as_code::plan(args).await,
        Command::Apply(args) => as_code::apply(args).await,
        Command::Export(args) => as_code::export(args).await,
        Command::Config(what) => as_code::config(&what),
        Command::Audit(Audit::Verify {
            server,
            over_api: true,
            ..
        }) => audit::verify(&server).await,
        Command::Audit(Audit::Verify {
            settings, server, ..
        }) => local::verify(&Settings::load(&settings)?, server.json).await,
        Command::Audit(Audit::List(args)) => audit::list(args).await,
        Command::Completions { shell } => completions(shell),
        Command::Demo(demo) => demo::run(demo).await,
        Command::Sim(args) => sim::run(args).await,
        Command::Openapi => out::json(&stint_server::routes::routes().openapi()),
        Command::Whoami { server } => account::whoami(&server).await,
        Command::Entitlements {
            server,
            search,
            for_user,
        } => ask::entitlements(&server, search.as_deref(), for_user.as_deref()).await,
        Command::Request(args) => ask::request(&args).await,
        Command::Requests {
            server,
            id,
            waiting,
            all,
            state,
            emergency,
            ticket,
        } => {
            let (id, state) = (id.as_deref(), state.as_deref());
            let ticket = ticket.as_deref();
            ask::requests(&server, id, waiting, all, state, emergency, ticket).await
        }
        Command::Raise {
            server,
            request,
            duration,
            reason,
            ticket,
            password_stdin,
        } => ask::raise(&server, &request, duration, reason, ticket, password_stdin).await,
        Command::Emergency(what) => emergency::emergency(what).await,
        Command::UntilRevoked(what) => until_revoked::until_revoked(what).await,
        Command::Approve {
            server,
            request,
            comment,
            password_stdin,
        } => ask::approve(&server, &request, &comment, password_stdin).await,
        Command::Deny {
            server,
            request,
            reason,
        } => ask::deny(&server, &request, &reason).await,
        Command::Reassign {
            server,
            request,
            to,
            reason,
            from,
            password_stdin,
        } => ask::reassign(&server, &request, to, reason, from, password_stdin).await,
        Command::Cancel { server, request } => ask::cancel(&server, &request).await,
        Command::Return { server, request } => ask::give_back(&server, &request).await,
        Command::Comment {
            server,
            request,
            text,
            question,
        } => ask::comment(&server, &request, text, question).await,
        Command::Extend {
            server,
            grant,
            duration,
            reason,
            ticket,
            password_stdin,
        } => ask::extend(&server, &grant, duration, reason, ticket, password_stdin).await,
        Command::Notices(args) => notices::notices(args).await,
        Command::Grants(args) => grants::grants(args).await,
        Command::Revoke(args) => grants::end_early(args, "revoke").await,
        Command::CutOff(args) => grants::end_early(args, "cut-off").await,
        Command::Retry { server, grant } => grants::again(&server, &grant, "retry").await,
        Command::ProvisionAgain { server, grant } => {
            grants::again(&server, &grant, "provision-again").await
        }
    }
}

/// `stint completions SHELL`.
fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stint", &mut script);
    out::line(String::from_utf8_lossy(&script).trim_end())
}

/// The one TLS and crypto provider, before anything can open a connection.
fn crypto() -> Result<(), Failure> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| Failure::new(Exit::Failed, "another TLS provider was installed first"))
}
