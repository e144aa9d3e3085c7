//! `stint sim`: the simulated AWS on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};

use stint_aws_sim::{EstateFile, EstateSpec, Knobs, command, forecast};

use crate::cli::Sim;
use crate::exit::{Exit, Failure};
use crate::out;

/// Runs until interrupted.
pub(crate) async fn run(args: Sim) -> Result<(), Failure> {
    let estate = EstateSpec {
        seed: args.seed,
        accounts: args.accounts,
        permission_sets: args.permission_sets,
        users: args.users,
        groups: args.groups,
        memberships: args.memberships,
        assignments: args.assignments,
        iam_users: args.iam_users,
        iam_groups: args.iam_groups,
        iam_roles: args.iam_roles,
        iam_memberships: args.iam_memberships,
    };
    let file = match &args.estate {
        None => None,
        Some(path) => {
            let named = |wrong: &dyn std::fmt::Display| {
                Failure::new(Exit::Failed, format!("{}: {wrong}", path.display()))
            };
            let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
            Some(EstateFile::read(&text).map_err(|e| named(&e))?)
        }
    };
    let mut knobs = Knobs::default();
    knobs.throttling.on = !args.no_throttling;
    for rate in &args.rate {
        knobs
            .throttling
            .set(rate)
            .map_err(|wrong| Failure::usage(format!("--rate {wrong}")))?;
    }
    knobs.connections = args.connections;
    knobs.read_lag_micros = i64::from(args.lag) * 1_000_000;
    knobs.entity_lag_micros = knobs.read_lag_micros;
    let seed = args.weather_seed.unwrap_or(args.seed);
    let weather = (args.weather.iter())
        .map(|text| forecast(text, seed))
        .collect::<Result<_, _>>()
        .map_err(|wrong| Failure::usage(format!("--weather {wrong}")))?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let running = command::start(command::Command {
        listen,
        estate,
        file,
        knobs,
        weather,
    })
    .await
    .map_err(|e| match (&args.estate, &e) {
        (Some(path), command::StartError::File(_)) => {
            Failure::new(Exit::Failed, format!("{}: {e}", path.display()))
        }
        _ => Failure::new(Exit::Failed, e.to_string()),
    })?;
    out::line(running.announcement())?;
    running
        .run_until(super::serve::interrupted())
        .await
        .map_err(Failure::from)
}
