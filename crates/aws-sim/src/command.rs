//! A simulated AWS as a command: bind, say what to know, run.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::clock::SimClock;
use crate::estate::{EstateError, EstateSpec};
use crate::fault::{Effect, Fault};
use crate::options::{Knobs, SimOptions};
use crate::sim::Sim;

/// What the command was asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The organization to generate.
    pub estate: EstateSpec,
    /// Its manners.
    pub knobs: Knobs,
    /// What goes wrong from the start.
    pub weather: Vec<(Fault, Effect)>,
}

/// Why it cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The counts cannot be met.
    #[error(transparent)]
    Estate(#[from] EstateError),
    /// The port cannot be had.
    #[error("cannot listen on {address}: choose another --port")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A simulated AWS that listens, and answers once [`Running::run_until`] is polled.
#[derive(Debug)]
pub struct Running {
    sim: Sim,
    listener: TcpListener,
    url: String,
    announcement: String,
}

/// Generates the estate and takes the port. The clock runs at wall speed.
pub async fn start(command: Command) -> Result<Running, StartError> {
    let sim = Sim::new(SimOptions {
        estate: command.estate.clone(),
        clock: SimClock::wall_plus_offset(),
        knobs: command.knobs,
    })?;
    for (fault, effect) in command.weather {
        sim.faults().add(fault, effect);
    }
    let listen = |source| StartError::Listen {
        address: command.listen,
        source,
    };
    let listener = TcpListener::bind(command.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let url = format!("http://{address}");
    let announcement = announce(&sim, &command.estate, &url);
    Ok(Running {
        sim,
        listener,
        url,
        announcement,
    })
}

impl Running {
    /// Where it listens: `http://127.0.0.1:8481`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What to print at the start: addresses, keys and names as `NAME=value` lines, with a
    /// heading that begins with `#`.
    pub fn announcement(&self) -> &str {
        &self.announcement
    }

    /// The simulated AWS itself.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// Answers until `shutdown` is ready.
    pub async fn run_until(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.sim.serve_until(self.listener, shutdown).await
    }
}

fn announce(sim: &Sim, estate: &EstateSpec, url: &str) -> String {
    let facts = sim.facts();
    let lines = [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", &facts.region),
        ("STINT_SIM_ADMIN_ACCESS_KEY_ID", &facts.admin.access_key_id),
        (
            "STINT_SIM_ADMIN_SECRET_ACCESS_KEY",
            &facts.admin.secret_access_key,
        ),
        ("STINT_SIM_HOST_ACCESS_KEY_ID", &facts.host.access_key_id),
        (
            "STINT_SIM_HOST_SECRET_ACCESS_KEY",
            &facts.host.secret_access_key,
        ),
        ("STINT_SIM_HOST_ARN", &facts.host.arn),
        (
            "STINT_SIM_CONNECTOR_ACCESS_KEY_ID",
            &facts.connector_user.access_key_id,
        ),
        (
            "STINT_SIM_CONNECTOR_SECRET_ACCESS_KEY",
            &facts.connector_user.secret_access_key,
        ),
        ("STINT_SIM_CONNECTOR_USER_ARN", &facts.connector_user.arn),
        ("STINT_SIM_MANAGEMENT_ACCOUNT", &facts.management_account),
        ("STINT_SIM_INSTANCE_ARN", &facts.instance_arn),
        ("STINT_SIM_IDENTITY_STORE_ID", &facts.identity_store_id),
        ("STINT_SIM_CONNECTOR_ROLE_ARN", &facts.connector_role_arn),
        (
            "STINT_SIM_CONNECTOR_EXTERNAL_ID",
            &facts.connector_external_id,
        ),
    ];
    let mut text = format!(
        "# Simulated AWS, seed {}: {} accounts, {} permission sets, {} users, {} groups, {} memberships, {} assignments\n",
        estate.seed,
        estate.accounts,
        estate.permission_sets,
        estate.users,
        estate.groups,
        estate.memberships,
        estate.assignments,
    );
    if estate.iam_users + estate.iam_groups > 0 {
        text.push_str(&format!(
            "# In IAM: {} users, {} groups, {} memberships\n",
            estate.iam_users, estate.iam_groups, estate.iam_memberships,
        ));
    }
    for (name, value) in lines {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}
