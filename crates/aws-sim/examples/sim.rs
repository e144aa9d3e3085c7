//! The simulated AWS by itself: `sim [--port N] [--seed S] [--accounts A] …`, until killed.
//! It answers as fast as it is asked: `stint sim` throttles as AWS does.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use stint_aws_sim::command::{Command, start};
use stint_aws_sim::{EstateFile, EstateSpec, Knobs};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that says where it listens"
)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut port = 8481_u16;
    let mut estate = EstateSpec::default();
    let mut file = None;
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        if name == "--estate" {
            let text = args.next().map(std::fs::read_to_string);
            let Some(Ok(text)) = text else {
                eprintln!("--estate needs a file that can be read");
                return ExitCode::from(2);
            };
            match EstateFile::read(&text) {
                Ok(read) => file = Some(read),
                Err(wrong) => {
                    eprintln!("{wrong}");
                    return ExitCode::from(2);
                }
            }
            continue;
        }
        let Some(value) = args.next().and_then(|text| text.parse::<u32>().ok()) else {
            eprintln!("{name} needs a whole number");
            return ExitCode::from(2);
        };
        match name.as_str() {
            "--port" => match u16::try_from(value) {
                Ok(given) => port = given,
                Err(_) => {
                    eprintln!("--port: at most 65535");
                    return ExitCode::from(2);
                }
            },
            "--seed" => estate.seed = u64::from(value),
            "--accounts" => estate.accounts = value,
            "--permission-sets" => estate.permission_sets = value,
            "--users" => estate.users = value,
            "--groups" => estate.groups = value,
            "--memberships" => estate.memberships = value,
            "--assignments" => estate.assignments = value,
            "--iam-users" => estate.iam_users = value,
            "--iam-groups" => estate.iam_groups = value,
            "--iam-roles" => estate.iam_roles = value,
            "--iam-memberships" => estate.iam_memberships = value,
            _ => {
                eprintln!("{name}: no such option");
                return ExitCode::from(2);
            }
        }
    }
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match start(Command {
        listen,
        estate,
        file,
        knobs: Knobs::default(),
        weather: Vec::new(),
    })
    .await
    {
        Ok(running) => {
            print!("{}", running.announcement());
            match running.run_until(std::future::pending()).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(broken) => {
                    eprintln!("{broken}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
