//! How a world is made.

use std::sync::{Arc, Mutex, PoisonError};

use stint_aws::{Aws, AwsOptions, Base, Governor, GovernorOptions};
use stint_aws_sim::{EstateSpec, Knobs, Sim, SimClock, SimOptions};
use stint_db::{CommitFault, CommitPoint, Db, Engine, Options};
use stint_domain::binding::Config as Model;
use stint_domain::sync::HoldRule;
use stint_domain::{Clock, Time};
use stint_server::audit::Chain;
use stint_server::cx::{App, Config, IdSource};
use stint_server::http::Limits;
use stint_server::processes::{Processes, SharedBudget};
use stint_server::sealed::{KeyProvider, Keys, MasterKey};

use crate::clock::{HandClock, RulesClock};
use crate::databases::Database;
use crate::pace::VirtualPace;
use crate::people;
use crate::world::World;

/// When worlds begin: Monday, 23 November 2026, 08:00 UTC.
pub const DEFAULT_START: Time = Time::from_micros(1_795_420_800_000_000);

/// Says what a world is like; [`build`](Builder::build) makes it.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) engine: Engine,
    pub(crate) seed: u64,
    pub(crate) estate: EstateSpec,
    pub(crate) knobs: Knobs,
    pub(crate) start: Time,
    pub(crate) demo: bool,
    pub(crate) people: bool,
    pub(crate) model: Model,
    pub(crate) hold: HoldRule,
    pub(crate) limits: Limits,
    pub(crate) replicas: bool,
    pub(crate) rates: bool,
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// A simulated AWS in another process, and whose keys Stint has there.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// `http://127.0.0.1:8481`
    pub endpoint: String,
    /// The Stint host's.
    pub access_key_id: String,
    /// With it.
    pub secret_access_key: String,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            engine: Engine::Sqlite,
            seed: 7,
            estate: EstateSpec::default(),
            knobs: Knobs::default(),
            start: DEFAULT_START,
            demo: false,
            people: true,
            model: Model::default(),
            hold: HoldRule::default(),
            limits: Limits::off(),
            replicas: false,
            rates: false,
            elsewhere: None,
        }
    }
}

impl Builder {
    /// On this engine. SQLite when nothing is said.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Ids and secrets from this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// An estate like this.
    #[must_use]
    pub fn estate(mut self, estate: EstateSpec) -> Self {
        self.estate = estate;
        self
    }

    /// AWS behaves like this.
    #[must_use]
    pub fn knobs(mut self, knobs: Knobs) -> Self {
        self.knobs = knobs;
        self
    }

    /// Both clocks begin here.
    #[must_use]
    pub fn start(mut self, start: Time) -> Self {
        self.start = start;
        self
    }

    /// The demo: personas sign in without passwords.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self
    }

    /// With limits on calls; without this there are none.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Without people: as before the first user.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.people = false;
        self
    }

    /// The grants' model has these numbers.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = model;
        self
    }

    /// A sync may take so much for ended by itself.
    #[must_use]
    pub fn hold(mut self, hold: HoldRule) -> Self {
        self.hold = hold;
        self
    }

    /// Several servers will work on its database ([`World::another`]): they share AWS's budget
    /// through it, as processes on one PostgreSQL do.
    #[must_use]
    pub fn replicas(mut self, several: bool) -> Self {
        self.replicas = several;
        self
    }

    /// Stint keeps AWS's rates, by the rules' clock: [`World::jumping`] moves it while Stint only
    /// waits. Without this Stint calls as fast as it can.
    #[must_use]
    pub fn rates(mut self) -> Self {
        self.rates = true;
        self
    }

    /// The AWS that Stint calls is another's; the world's own stands beside.
    #[must_use]
    pub fn elsewhere(mut self, aws: Elsewhere) -> Self {
        self.elsewhere = Some(aws);
        self
    }

    /// Makes the world. Must run on a multi-threaded runtime.
    pub async fn build(self) -> World {
        let clock = RulesClock(SimClock::frozen(self.start.micros()));
        let sim = Sim::new(SimOptions {
            estate: self.estate.clone(),
            clock: clock.0.clone(),
            knobs: self.knobs.clone(),
        })
        .expect("such an estate can be made");
        let database = Database::fresh(self.engine).await;
        let parts = Parts {
            wall: HandClock::at(self.start),
            clock: clock.clone(),
            sim,
            url: database.url().to_owned(),
            crash: Crash::default(),
            demo: self.demo,
            model: Arc::new(self.model),
            hold: self.hold,
            limits: self.limits.clone(),
            replicas: self.replicas,
            pace: self.rates.then(|| VirtualPace::new(clock.clone())),
            elsewhere: self.elsewhere.clone(),
            seed: self.seed,
            starts: 0,
        };
        let mut world = World::new(parts, database, self.engine).await;
        if self.people {
            people::create(&mut world).await;
        }
        world
    }
}

/// What outlives a restart of the server.
pub(crate) struct Parts {
    pub(crate) clock: RulesClock,
    pub(crate) wall: HandClock,
    pub(crate) sim: Sim,
    pub(crate) url: String,
    pub(crate) crash: Crash,
    pub(crate) demo: bool,
    pub(crate) model: Arc<Model>,
    pub(crate) hold: HoldRule,
    pub(crate) limits: Limits,
    pub(crate) replicas: bool,
    pub(crate) pace: Option<VirtualPace>,
    pub(crate) elsewhere: Option<Elsewhere>,
    pub(crate) seed: u64,
    pub(crate) starts: u64,
}

/// Where the server is to die.
#[derive(Clone, Default)]
pub(crate) struct Crash(Arc<Mutex<Option<(u64, CommitPoint)>>>);

impl Crash {
    pub(crate) fn at(&self, place: Option<(u64, CommitPoint)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl CommitFault for Crash {
    fn crash(&self, nth: u64, point: CommitPoint) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some((nth, point))
    }
}

/// The master key of every world.
struct OneKey(Arc<MasterKey>);

impl Default for OneKey {
    fn default() -> Self {
        Self(Arc::new(MasterKey::new(&[42; 32])))
    }
}

impl KeyProvider for OneKey {
    fn sealing(&self) -> Option<Arc<MasterKey>> {
        Some(Arc::clone(&self.0))
    }

    fn opening(&self, id: &str) -> Option<Arc<MasterKey>> {
        (self.0.id() == id).then(|| Arc::clone(&self.0))
    }
}

impl Parts {
    /// Starts the server: opens and migrates the database, and makes the program.
    pub(crate) async fn start(&mut self) -> App {
        let ids = self.ids();
        let db = self.open(&ids, Some(Arc::new(self.crash.clone()))).await;
        db.migrate().await.expect("the migrations run");
        self.program(db, ids)
    }

    /// Starts another server beside the one that has this database.
    pub(crate) async fn another(&mut self, first: &Db) -> App {
        let ids = self.ids();
        // SQLite takes one process per file: there the two share its handle, and its fate.
        let db = match first.engine() {
            Engine::Sqlite => first.clone(),
            Engine::Postgres => self.open(&ids, None).await,
        };
        self.program(db, ids)
    }

    fn ids(&mut self) -> IdSource {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        // Ids of a second start must not repeat those of the first.
        let seed = self
            .seed
            .wrapping_add(self.starts.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.starts += 1;
        IdSource::seeded(clock, seed)
    }

    async fn open(&self, ids: &IdSource, fault: Option<Arc<dyn CommitFault>>) -> Db {
        let mut options = Options::new(self.url.clone(), Arc::new(Chain::new(ids.clone())));
        options.commit_fault = fault;
        options.holder = "a test's server".to_owned();
        Db::open(options).await.expect("the database opens")
    }

    fn program(&self, db: Db, ids: IdSource) -> App {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let host = self.sim.facts().host;
        let mut governor = match &self.pace {
            Some(pace) => GovernorOptions {
                pace: Arc::new(pace.clone()),
                ..GovernorOptions::default()
            },
            None => GovernorOptions::unlimited(),
        };
        let processes = self.replicas.then(|| Processes::new(ids.new_id()));
        if let Some(processes) = &processes {
            governor.budget = Arc::new(SharedBudget::new(db.clone(), processes.clone()));
        }
        let (endpoint, http, keys) = match &self.elsewhere {
            Some(aws) => (
                aws.endpoint.clone(),
                None,
                (aws.access_key_id.clone(), aws.secret_access_key.clone()),
            ),
            None => (
                "http://aws.sim".to_owned(),
                Some(self.sim.http_client()),
                (host.access_key_id, host.secret_access_key),
            ),
        };
        let aws = Aws::new(AwsOptions {
            endpoint: Some(endpoint),
            http,
            governor: Governor::new(governor, Arc::clone(&clock)),
            ..AwsOptions::new(
                Base::Keys {
                    access_key_id: keys.0,
                    secret_access_key: keys.1.into(),
                    session_token: None,
                },
                Arc::clone(&clock),
            )
        });
        let config = Config {
            public_url: "http://stint.test".to_owned(),
            demo: self.demo,
            limits: self.limits.clone(),
        };
        let mut app = App::new(db, clock, Arc::new(self.wall.clone()), aws, config);
        app.ids = ids;
        if let Some(processes) = processes {
            app.processes = processes;
        }
        app.model = Arc::clone(&self.model);
        app.hold = self.hold;
        app = app.with_keys(Keys::new(OneKey::default()));
        if self.demo {
            app = app.with_demo_clock(Arc::new(self.clock.clone()));
        }
        app
    }
}
