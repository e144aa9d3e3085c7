//! A simulated AWS as a command: bind, say what to know, run.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::clock::SimClock;
use crate::estate::{EstateError, EstateFile, EstateSpec, FileError};
use crate::fault::{Effect, Fault};
use crate::options::{Knobs, SimOptions};
use crate::sim::Sim;

/// What can be asked of a simulator that runs, for the command's help: everything below `/_sim/`.
pub const HELP: &str = "\
What it prints first are NAME=value lines: where it answers, and the keys that open it.

On this machine, a page at /_sim/ shows and turns everything: clock, weather (what goes wrong, and
manners AWS leaves open), journal, what there is, event rules, snapshots. The same as JSON:

  GET    /_sim/operations              every operation that is simulated
  GET    /_sim/facts                   addresses, names and keys
  GET    /_sim/clock                   the virtual time
  PUT    /_sim/clock                   {\"at\": \"2026-11-23T14:05:00Z\"}
  POST   /_sim/clock/advance           {\"seconds\": 3600}
  GET    /_sim/journal                 the calls; narrowed by operation, party, account, caller,
                                       outcome, code, fault, input; a page by limit, order and
                                       after or before
  GET    /_sim/estate                  how many there are of each kind
  GET    /_sim/estate/<kind>           a list: q, limit, from; with id, one thing
  GET    /_sim/assignments             every account assignment
  GET    /_sim/iam-memberships         every IAM user in an IAM group
  GET    /_sim/faults                  what is set to go wrong
  POST   /_sim/faults                  {\"operation\": \"sso:*\", \"nth\": 3, \"effect\": \"throttle\"}
  DELETE /_sim/faults                  all of them; /_sim/faults/<number> for one
  GET    /_sim/knobs                   manners AWS leaves open
  PATCH  /_sim/knobs                   {\"serial_per_account\": true}
  GET    /_sim/snapshots               the whole world under names
  PUT    /_sim/snapshots/<name>        keep it as it is now
  POST   /_sim/snapshots/<name>/restore
  DELETE /_sim/snapshots/<name>
  GET    /_sim/event-rules             rules, and what became of their events
  POST   /_sim/event-rules             {\"name\": \"stint\", \"queue_arn\": \"...\", \"sources\": [\"aws.iam\"]}
  GET    /_sim/scim-tokens             the tokens of identity providers
  POST   /_sim/scim-tokens             make one; its secret is told this once
  DELETE /_sim/scim-tokens/<id>
  PUT    /_sim/trust-policy            {\"role_arn\": \"...\", \"policy\": {...}}
  POST   /_sim/disable-user            {\"user_id\": \"...\"}
  POST   /_sim/device/approve          {\"user_code\": \"...\", \"user\": \"ana.moreno\"}
  POST   /_sim/device/deny             {\"user_code\": \"...\"}
  GET    /_sim/console-sessions        who came into the console

Nothing but this machine reaches /_sim/, and no page of another site by way of a browser here.";

/// What the command was asked for.
#[derive(Debug, Clone)]
pub struct Command {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The organization to generate.
    pub estate: EstateSpec,
    /// The organization to build instead.
    pub file: Option<EstateFile>,
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
    /// The file says what AWS would not take.
    #[error(transparent)]
    File(#[from] FileError),
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
    let clock = SimClock::wall_plus_offset();
    let sim = match &command.file {
        Some(file) => Sim::from_file(file, clock, command.knobs)?,
        None => Sim::new(SimOptions {
            estate: command.estate.clone(),
            clock,
            knobs: command.knobs,
        })?,
    };
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
    let announcement = match &command.file {
        Some(_) => built(&sim) + &addresses(&sim, &url),
        None => generated(&command.estate) + &addresses(&sim, &url),
    };
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

/// What a file made.
fn built(sim: &Sim) -> String {
    let things: Vec<String> = sim
        .shelves()
        .into_iter()
        .map(|(_, title, count)| format!("{title}: {count}"))
        .collect();
    format!("# Simulated AWS. {}\n", things.join(", "))
}

fn addresses(sim: &Sim, url: &str) -> String {
    let facts = sim.facts();
    let scim = format!("{url}/{}/scim/v2/", facts.scim_tenant_id);
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
        ("STINT_SIM_SCIM_ENDPOINT", &scim),
        ("STINT_SIM_CONNECTOR_ROLE_ARN", &facts.connector_role_arn),
        (
            "STINT_SIM_CONNECTOR_EXTERNAL_ID",
            &facts.connector_external_id,
        ),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

/// What a seed and counts made.
fn generated(estate: &EstateSpec) -> String {
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
    if estate.iam_users + estate.iam_groups + estate.iam_roles > 0 {
        text.push_str(&format!(
            "# In IAM: {} users, {} groups, {} roles, {} memberships\n",
            estate.iam_users, estate.iam_groups, estate.iam_roles, estate.iam_memberships,
        ));
    }
    text
}
