//! Everything the demo needs, put up on this machine: a simulated AWS on a port, a database
//! in a temporary folder, and Stint between them, all on one clock that can be moved.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use stint_aws::{Aws, AwsOptions, Base, Governor};
use stint_aws_sim::{EstateSpec, Facts, Sim, SimClock, SimOptions};
use stint_db::{Db, Options};
use stint_domain::{Clock, Span, Time};
use stint_server::cx::{App, Config, IdSource, MovableClock};
use stint_server::sealed::{KeyFile, Keys};
use stint_server::tasks;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Wall;

/// The organization the demo opens on: a few hundred people, some dozens of accounts,
/// and a few IAM users of the years before Identity Center.
pub(crate) const ESTATE: EstateSpec = EstateSpec {
    seed: 2026,
    accounts: 30,
    permission_sets: 18,
    users: 240,
    groups: 18,
    memberships: 520,
    assignments: 420,
    iam_users: 24,
    iam_groups: 8,
    iam_roles: 0,
    iam_memberships: 30,
};

/// The simulator's clock as Stint's rules see it.
#[derive(Clone)]
pub(crate) struct StageClock(pub SimClock);

impl Clock for StageClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.now_micros())
    }
}

impl MovableClock for StageClock {
    fn advance(&self, by: Span) {
        self.0.advance(by.as_micros());
    }
}

/// What stands while the demo runs. Dropping it takes the simulated AWS down and removes the
/// folder.
pub struct Stage {
    /// Stint.
    pub app: App,
    /// The simulated AWS.
    pub sim: Sim,
    /// What a person would look up in it.
    pub facts: Facts,
    /// Where it listens.
    pub sim_url: String,
    /// The one clock.
    pub clock: SimClock,
    /// The database file.
    pub database: PathBuf,
    tasks: Vec<Arc<dyn tasks::Task>>,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Stage {
    /// Puts everything up. `at` is when the story begins; the clock goes on from there at
    /// wall speed. `public_url` is where the pages will be; `on` is an empty database to use
    /// instead of one in a temporary folder.
    pub(crate) async fn set(
        estate: EstateSpec,
        at: Time,
        public_url: String,
        sim_listener: TcpListener,
        on: Option<String>,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("stint-demo-")
            .tempdir()
            .context("a temporary folder")?;
        let clock = SimClock::wall_plus_offset();
        clock.set(at.micros());
        let sim = Sim::new(SimOptions::new(estate, clock.clone()))
            .context("the simulated organization")?;
        let facts = sim.facts();
        let sim_url = format!(
            "http://{}",
            sim_listener
                .local_addr()
                .context("the simulator's address")?
        );
        let serving = tokio::spawn({
            let sim = sim.clone();
            async move {
                if let Err(error) = sim.serve(sim_listener).await {
                    tracing::error!(%error, "simulator.ended");
                }
            }
        });

        let database = folder.path().join("stint.db");
        let moved: Arc<dyn Clock> = Arc::new(StageClock(clock.clone()));
        let chain = stint_server::audit::Chain::new(IdSource::new(Arc::clone(&moved)));
        let mut options = Options::new(
            on.unwrap_or_else(|| format!("sqlite://{}", database.display())),
            Arc::new(chain),
        );
        "stint demo".clone_into(&mut options.holder);
        let db = Db::open(options).await.context("the demo's database")?;
        db.migrate().await.context("the demo's database")?;

        let base = Base::Keys {
            access_key_id: facts.host.access_key_id.clone(),
            secret_access_key: facts.host.secret_access_key.clone().into(),
            session_token: None,
        };
        let mut aws = AwsOptions::new(base, Arc::clone(&moved));
        aws.region.clone_from(&facts.region);
        // No socket between Stint and the simulated AWS: the demo is about what is said, not
        // about this machine's loopback. Everybody else comes in by the port.
        aws.endpoint = Some(sim_url.clone());
        aws.http = Some(sim.http_client());
        aws.governor = Governor::unlimited(Arc::clone(&moved));
        let config = Config {
            public_url,
            demo: true,
            // One person on one machine, who may be as quick as they like.
            limits: stint_server::http::Limits::off(),
        };
        let key = folder.path().join("master.key");
        KeyFile::create(&key, &IdSource::new(Arc::clone(&moved)).bytes())
            .context("the demo's master key")?;
        let keys = Keys::new(KeyFile::read(&key).context("the demo's master key")?);
        let app = App::new(db, moved, Arc::new(Wall), Aws::new(aws), config)
            .with_keys(keys)
            .with_demo_clock(Arc::new(StageClock(clock.clone())));
        Ok(Self {
            app,
            sim,
            facts,
            sim_url,
            clock,
            database,
            tasks: stint_server::tasks(),
            serving,
            _folder: folder,
        })
    }

    /// Lets the background work come to rest at this moment of the clock.
    pub(crate) async fn settle(&self) -> Result<Option<Time>> {
        tasks::run_until_idle(&self.app, &self.tasks)
            .await
            .context("the background work")
    }

    /// From now on without the hourly syncs: nine days of them would be most of the demo's
    /// start. Whoever calls this syncs at the end. That there are none is nobody's trouble.
    pub(crate) fn without_syncs(&mut self) {
        let about_syncs = ["directory.sync", "directory.overdue"];
        (self.tasks).retain(|task| !about_syncs.contains(&task.name()));
    }

    /// Moves the clock to `target`, stopping wherever something falls due, so that it is done
    /// when it would have been done.
    pub(crate) async fn advance_to(&self, target: Time) -> Result<()> {
        loop {
            let due = self.settle().await?;
            let now = self.app.clock.now();
            match due {
                Some(due) if due <= target => {
                    // Something due that could not be done yet must not hold the clock.
                    let next = due.max(now + Span::millis(200));
                    self.clock.set(next.micros());
                }
                _ => {
                    if target > now {
                        self.clock.set(target.micros());
                    }
                    self.settle().await?;
                    return Ok(());
                }
            }
        }
    }

    /// [`Stage::advance_to`], from now.
    pub(crate) async fn advance(&self, by: Span) -> Result<()> {
        self.advance_to(self.app.clock.now() + by).await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The port asked for, or the next free one after it.
pub(crate) async fn free_port(wanted: u16) -> Result<TcpListener> {
    for port in wanted..wanted.saturating_add(50) {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context(format!("port {port} on 127.0.0.1")),
        }
    }
    anyhow::bail!(
        "no free port between {wanted} and {}",
        wanted.saturating_add(50)
    )
}
