//! The world itself: time, doors, and what has to be true when it ends.

use stint_aws_sim::{Facts, Sim};
use stint_db::{CommitPoint, Engine};
use stint_domain::rights::Role;
use stint_domain::{Clock as _, Span, Time};
use stint_server::cx::{App, Cx};
use stint_server::{audit, outbox, tasks};

use crate::aws::AwsView;
use crate::builder::{Builder, Parts};
use crate::clock::{HandClock, RulesClock};
use crate::databases::{Database, engine_left_out};
use crate::door::Door;
use crate::pace::Jumping;
use crate::people::{self, People, Persona};

/// One server, one simulated AWS, and clocks that stand still until they are moved.
pub struct World {
    parts: Parts,
    // In this order: the program lets go of the database before it is removed.
    running: Option<(App, axum::Router)>,
    database: Option<Database>,
    engine: Engine,
    pub(crate) people: People,
    failures_expected: bool,
    forgery_expected: bool,
    finished: bool,
}

/// How far [`World::settle`] follows what falls due: past every poll, retry and the bound on
/// stale reads, and short of any grant's end in a test.
const SOON: Span = Span::minutes(2);

impl World {
    /// The usual world: SQLite, a small estate, Ana, Bo, Cy and Dee.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The usual world on SQLite.
    pub async fn new_sqlite() -> Self {
        Self::builder().build().await
    }

    /// Runs a test on an engine, unless the engine is left out, and ends its world. What
    /// `both_engines!` makes.
    pub async fn run<F, Fut>(builder: Builder, engine: Engine, test: F)
    where
        F: FnOnce(World) -> Fut,
        Fut: Future<Output = World>,
    {
        if engine_left_out(engine) {
            println!("{} is left out by STINT_TEST_ENGINES", engine.as_str());
            return;
        }
        let world = builder.engine(engine).build().await;
        test(world).await.finish().await;
    }

    pub(crate) async fn new(mut parts: Parts, database: Database, engine: Engine) -> Self {
        let app = parts.start().await;
        let router = stint_server::router(app.clone());
        Self {
            parts,
            running: Some((app, router)),
            database: Some(database),
            engine,
            people: People::new(),
            failures_expected: false,
            forgery_expected: false,
            finished: false,
        }
    }

    /// The program.
    pub fn app(&self) -> &App {
        &self.running.as_ref().expect("the server runs").0
    }

    /// The engine it runs on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The address of its database, to meddle with from outside.
    pub fn database_url(&self) -> &str {
        &self.parts.url
    }

    /// The simulated AWS.
    pub fn sim(&self) -> &Sim {
        &self.parts.sim
    }

    /// The facts of the estate.
    pub fn facts(&self) -> Facts {
        self.parts.sim.facts()
    }

    /// AWS as the estate's own administrator sees it.
    pub fn aws(&self) -> AwsView {
        AwsView::new(&self.parts.sim)
    }

    // Time

    /// The moment it is, for the rules, the SDK and AWS.
    pub fn now(&self) -> Time {
        self.parts.clock.now()
    }

    /// The clock of the rules, the SDK and AWS.
    pub fn clock(&self) -> &RulesClock {
        &self.parts.clock
    }

    /// The second clock: sign-ins, tokens, idempotency keys.
    pub fn wall(&self) -> &HandClock {
        &self.parts.wall
    }

    /// Runs the background tasks at this moment until none finds anything to do; answers
    /// when the next thing falls due. The clock stands still.
    #[track_caller]
    pub fn run_due(&self) -> impl Future<Output = Option<Time>> + use<'_> {
        let place = std::panic::Location::caller();
        async move {
            match tasks::run_due(self.app()).await {
                Ok(due) => due,
                Err(_) if self.failures_expected => None,
                Err(error) => panic!(
                    "the tasks did not come to rest ({place}): {}",
                    words(&error)
                ),
            }
        }
    }

    /// Moves time forward, stopping wherever something falls due and running the tasks there.
    pub async fn advance(&self, by: Span) {
        let end = self.now() + by;
        self.follow(end, end).await;
        if self.now() < end {
            self.parts.clock.set(end);
        }
        self.run_due().await;
    }

    /// Runs the tasks and follows what falls due soon (polls, retries, second looks) until
    /// nothing does within two minutes.
    pub async fn settle(&self) {
        // Each step may make something else due soon; a task that never rests is told apart
        // from one that waits for long by its number of steps.
        for _ in 0..1_000 {
            let due = self.run_due().await;
            let Some(due) = due.filter(|due| *due <= self.now() + SOON) else {
                return;
            };
            self.step_to(due);
        }
        panic!("something falls due again and again, every two minutes or sooner");
    }

    /// Follows what falls due up to `end`.
    async fn follow(&self, end: Time, upto: Time) {
        loop {
            let due = self.run_due().await;
            let Some(due) = due.filter(|due| *due <= upto) else {
                return;
            };
            if self.now() >= end {
                return;
            }
            self.step_to(due);
        }
    }

    /// What is due already and was not done waits for time to pass.
    fn step_to(&self, due: Time) {
        let next = due.max(self.now() + Span::seconds(1));
        self.parts.clock.set(next);
    }

    // People and doors

    /// Somebody.
    #[track_caller]
    pub fn person(&self, word: &str) -> &Persona {
        self.people
            .get(word)
            .unwrap_or_else(|| panic!("nobody here is called {word}"))
    }

    /// Cy creates somebody else, whom tests call `word`.
    pub async fn add_person(&mut self, word: &str, roles: &[Role]) -> Persona {
        let name = format!("{}{} Example", word[..1].to_uppercase(), &word[1..]);
        people::add(
            self,
            word,
            &name,
            &format!("{word}@acme.example"),
            roles.to_vec(),
        )
        .await;
        self.person(word).clone()
    }

    /// An operation of somebody, for calling verbs directly.
    #[track_caller]
    pub fn cx(&self, word: &str) -> Cx {
        self.person(word).cx(self)
    }

    /// An operation of a background task.
    pub fn system(&self) -> Cx {
        Cx::system(self.app(), "tests")
    }

    /// The API as somebody sees it, by their token.
    #[track_caller]
    pub fn as_user(&self, word: &str) -> Door {
        Door::new(self.router(), Some(self.person(word).token.clone()))
    }

    /// The API and the pages as nobody sees them.
    pub fn as_nobody(&self) -> Door {
        Door::new(self.router(), None)
    }

    /// The pages as somebody sees them in a browser, signed in with a password.
    pub async fn in_browser(&self, word: &str) -> Door {
        use stint_server::identity;
        let persona = self.person(word);
        let change = identity::UserChange {
            password: Some(people::PASSWORD.to_owned().into()),
            ..identity::UserChange::default()
        };
        // Nobody's doing: not even Cy may set her own like this.
        identity::update_user(&self.system(), persona.id, change, None)
            .await
            .expect("a password is set");
        let nobody = Cx::nobody(self.app());
        let started =
            identity::sign_in(&nobody, &persona.email, people::PASSWORD.to_owned().into())
                .await
                .expect("the password is right");
        self.as_nobody().browser(&started.cookie)
    }

    /// The whole program as a router.
    pub fn router(&self) -> axum::Router {
        self.running.as_ref().expect("the server runs").1.clone()
    }

    /// Has the clock jump to the end of the shortest wait whenever Stint does nothing else, until
    /// the answer is dropped. Only where [`Builder::rates`] are kept.
    pub fn jumping(&self) -> Jumping {
        let pace = self.parts.pace.clone().expect("the world keeps rates");
        let (sim, db) = (self.parts.sim.clone(), self.app().db.clone());
        pace.jump_while_idle(move || sim.calls() + db.statements() + db.commits())
    }

    // Dying

    /// Another server on the same database, with a memory of its own; the tests run its tasks.
    /// On SQLite the two share the database's handle, and die together.
    pub async fn another(&mut self) -> App {
        let first = self.app().db.clone();
        self.parts.another(&first).await
    }

    /// Has the server die at this point of the `nth` commit from now. Everything it is asked
    /// afterwards fails, until [`restart`](World::restart).
    pub fn crash_at(&self, nth: u64, point: CommitPoint) {
        let from = self.app().db.commits();
        self.parts.crash.at(Some((from + nth, point)));
    }

    /// It does not die after all.
    pub fn spare(&self) {
        self.parts.crash.at(None);
    }

    /// Whether it died.
    pub fn crashed(&self) -> bool {
        self.app().db.crashed()
    }

    /// Drops all memory and starts the server again on the same database; AWS and the clocks
    /// go on.
    pub async fn restart(&mut self) {
        self.parts.crash.at(None);
        if let Some((app, router)) = self.running.take() {
            app.db.close().await;
            drop((app, router));
        }
        let app = self.parts.start().await;
        let router = stint_server::router(app.clone());
        self.running = Some((app, router));
    }

    // The end

    /// Failed tasks do not fail the test: it makes them fail.
    pub fn expect_failures(&mut self) {
        self.failures_expected = true;
    }

    /// A broken audit chain does not fail the test: it breaks it.
    pub fn expect_forgery(&mut self) {
        self.forgery_expected = true;
    }

    /// Ends the world; panics when something is not as it has to be.
    pub async fn finish(self) {
        let wrong = self.what_is_wrong().await;
        self.abandon().await;
        assert!(
            wrong.is_empty(),
            "the world ends with something wrong:\n{}",
            wrong.join("\n")
        );
    }

    /// Ends the world without asking what is wrong or what is still to be done: for figures,
    /// which say themselves what they check.
    pub async fn abandon(mut self) {
        self.finished = true;
        if let Some((app, router)) = self.running.take() {
            app.db.close().await;
            drop((app, router));
        }
        if let Some(database) = self.database.take() {
            database.remove().await;
        }
    }

    async fn what_is_wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some((app, _)) = &self.running else {
            return wrong;
        };
        if app.db.crashed() {
            return wrong;
        }
        if let Err(error) = tasks::run_due(app).await
            && !self.failures_expected
        {
            wrong.push(words(&error));
        }
        match outbox::waiting(&app.db).await {
            Ok(0) => {}
            Ok(n) => wrong.push(format!("{n} pieces of news were not delivered")),
            Err(error) => wrong.push(words(&error)),
        }
        for (task, status) in app.status.all() {
            if status.failures > 0 && !self.failures_expected {
                let why = status.last_failure.map(|(_, why)| why).unwrap_or_default();
                wrong.push(format!(
                    "task {task} failed {} times, last: {why}",
                    status.failures
                ));
            }
        }
        if let Err(error) = audit::verify(&app.db).await
            && !self.forgery_expected
        {
            wrong.push(words(&error));
        }
        wrong
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.finished || std::thread::panicking() {
            return;
        }
        self.finished = true;
        let wrong = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.what_is_wrong())
        });
        assert!(
            wrong.is_empty(),
            "the world ends with something wrong:\n{}",
            wrong.join("\n")
        );
    }
}

/// An error and everything behind it.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        line.push_str(": ");
        line.push_str(&error.to_string());
        next = error.source();
    }
    line
}
