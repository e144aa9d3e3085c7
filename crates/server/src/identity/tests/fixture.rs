//! A server of its own for each test: SQLite in a temporary folder, two clocks that stand
//! still, no AWS unless one is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use secrecy::SecretString;
use stint_aws::{Aws, AwsOptions, Base, Governor};
use stint_db::{Db, Options};
use stint_domain::rights::Role;
use stint_domain::{Clock, SignInId, Span, Time};

use super::super::{self as identity, NewUser, User};
use crate::audit::Chain;
use crate::cx::{App, Config, Cx, IdSource, Person, Via};

/// A clock that moves when told.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    fn at(micros: i64) -> Self {
        Self(Arc::new(AtomicI64::new(micros)))
    }

    pub(crate) fn forward(&self, span: Span) {
        self.0.fetch_add(span.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct Room {
    pub(crate) app: App,
    pub(crate) clock: Hand,
    pub(crate) wall: Hand,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

pub(crate) const PASSWORD: &str = "correct horse battery";

impl Room {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut App)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let clock = Hand::at(1_800_000_000_000_000);
        let wall = Hand::at(1_700_000_000_000_000);
        let ids = IdSource::seeded(Arc::new(clock.clone()), 7);
        let url = format!("sqlite://{}", dir.path().join("stint.db").display());
        let chain = Arc::new(Chain::new(ids.clone()));
        let db = Db::open(Options::new(url, chain)).await.expect("opened");
        db.migrate().await.expect("migrated");
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let config = Config {
            public_url: "http://127.0.0.1:8480".to_owned(),
            demo: false,
            limits: crate::http::Limits::off(),
        };
        let aws = aws(shared.clone(), None);
        let mut app = App::new(db, shared, Arc::new(wall.clone()), aws, config);
        app.ids = ids;
        change(&mut app);
        Self {
            app,
            clock,
            wall,
            dir,
        }
    }

    pub(crate) fn system(&self) -> Cx {
        Cx::system(&self.app, "test")
    }

    pub(crate) fn nobody(&self) -> Cx {
        Cx::nobody(&self.app)
    }

    /// A user with this name and role and [`PASSWORD`].
    pub(crate) async fn user(&self, name: &str, roles: &[Role]) -> User {
        let new = NewUser {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
            password: Some(secret(PASSWORD)),
            roles: roles.to_vec(),
        };
        identity::create_user(&self.system(), new)
            .await
            .expect("created")
    }

    /// Acting for a user, as through a page of a sign-in that is not in the database.
    pub(crate) fn as_user(&self, user: &User) -> Cx {
        let person = Person {
            id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            roles: user.roles.clone(),
            via: Via::Page(SignInId(uuid::Uuid::nil())),
        };
        Cx::person_of(&self.app, person)
    }

    /// Every byte the database keeps: its file and what is not yet copied into it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.dir.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files
            .iter()
            .flat_map(|file| std::fs::read(file).expect("a file"))
            .collect()
    }
}

/// Whether the database keeps these bytes anywhere.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

pub(crate) fn aws(clock: Arc<dyn Clock>, sim: Option<&stint_aws_sim::Sim>) -> Aws {
    let base = match sim.map(stint_aws_sim::Sim::facts) {
        Some(facts) => Base::Keys {
            access_key_id: facts.host.access_key_id,
            secret_access_key: facts.host.secret_access_key.into(),
            session_token: None,
        },
        None => Base::Keys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: secret("unused"),
            session_token: None,
        },
    };
    Aws::new(AwsOptions {
        endpoint: Some("http://aws.sim".to_owned()),
        http: sim.map(stint_aws_sim::Sim::http_client),
        governor: Governor::unlimited(clock.clone()),
        ..AwsOptions::new(base, clock)
    })
}
