//! What every verb of every room is handed: the program's parts ([`App`]) and one
//! operation's actor, time and request id ([`Cx`]).
//!
//! Time and randomness come from here and nowhere else. Rights are asked here
//! ([`Cx::authorize`]), on the first line of a public verb; the answer is
//! `stint_domain::rights`' own.
//!
//! What it does not do: know any room. Who the actor is was found by `routes.rs`.

mod actor;
mod ids;
mod kept;
mod nudges;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;
use stint_db::{Db, Priority, Reader, Sql, Tx, args};
use stint_domain::audit::{Event, Subject};
use stint_domain::rights::{Answer, Relation, Verb, allowed};
use stint_domain::{Clock, Span, Time};

use crate::http::{Limiter, Limits};
pub use actor::{Actor, Denied, Person, Via};
pub use ids::IdSource;
pub use kept::Kept;
pub use nudges::Nudges;

/// What can be set about a running server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where people find it, without a slash at the end (`https://stint.example.com`).
    /// Decides Secure cookies and which Origin may post.
    pub public_url: String,
    /// The demo: personas without passwords and a clock that can be moved. Loopback only.
    pub demo: bool,
    /// How many calls somebody may make.
    pub limits: Limits,
}

/// How long after a complete full sync the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncEvery {
    /// Where nothing else tells what changes.
    pub alone: Span,
    /// Where change events come: the full sync is what finds those that were lost.
    pub with_events: Span,
}

impl Default for SyncEvery {
    fn default() -> Self {
        Self {
            alone: Span::hours(1),
            with_events: Span::hours(6),
        }
    }
}

/// How long notices are kept, and when people are reminded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notices {
    /// After the last news of a notice it is deleted.
    pub keep: Span,
    /// How long before its end people are reminded of access.
    pub before_end: Span,
    /// Access for less than this is short.
    pub short: Span,
    /// How long before its end they are reminded of short access.
    pub before_short_end: Span,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            keep: Span::hours(90 * 24),
            before_end: Span::hours(1),
            short: Span::hours(4),
            before_short_end: Span::minutes(15),
        }
    }
}

/// A clock that can be moved forward: the demo's, and no other.
pub trait MovableClock: Send + Sync + 'static {
    /// Moves it forward by this much.
    fn advance(&self, by: Span);
}

/// The parts of the program. Clones are the same program.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The time the rules go by. Moved in tests and in the demo.
    pub clock: Arc<dyn Clock>,
    /// The real time: for sign-ins, tokens and idempotency keys, which must survive the
    /// demo's clock being moved.
    pub wall: Arc<dyn Clock>,
    /// New ids and other randomness.
    pub ids: IdSource,
    /// The way to AWS.
    pub aws: stint_aws::Aws,
    /// What seals secrets at rest.
    pub keys: crate::sealed::Keys,
    /// The processes on this database.
    pub processes: crate::processes::Processes,
    /// The clock that follows the database's, where there is one to follow.
    pub database_clock: Option<Arc<crate::processes::DatabaseClock>>,
    /// Whether this machine's clock and the database's agree.
    pub trust: crate::processes::Trust,
    /// Whether the background work is to come to an end.
    pub stopping: crate::tasks::Stopping,
    /// Settings.
    pub config: Arc<Config>,
    /// Wakes background tasks.
    pub nudges: Nudges,
    /// How the background tasks are doing.
    pub status: crate::tasks::Statuses,
    /// The numbers of the grants' model: fence, lag, retries, how often to look again.
    pub model: Arc<stint_domain::binding::Config>,
    /// How much a sync may take for ended by itself.
    pub hold: stint_domain::sync::HoldRule,
    /// When tags of accounts are read again, and how long they are believed.
    pub tags: stint_domain::sync::tags::TagsRule,
    /// When access keys are old, and how they are replaced.
    pub key_rules: stint_domain::managed::KeyRules,
    /// How far apart full syncs are.
    pub sync_every: SyncEvery,
    /// How long notices are kept.
    pub notices: Notices,
    /// What rooms keep in memory.
    pub kept: Kept,
    /// How many calls each caller has made of late.
    pub(crate) limiter: Arc<Limiter>,
    /// The handle by which the demo's clock is moved; absent in production.
    pub demo_clock: Option<Arc<dyn MovableClock>>,
}

impl App {
    /// A program with randomness from the operating system. `clock` is what the rules go
    /// by, `wall` the real time.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        wall: Arc<dyn Clock>,
        aws: stint_aws::Aws,
        config: Config,
    ) -> Self {
        let ids = IdSource::new(Arc::clone(&clock));
        Self {
            db,
            processes: crate::processes::Processes::new(ids.new_id()),
            database_clock: None,
            trust: crate::processes::Trust::default(),
            stopping: crate::tasks::Stopping::default(),
            ids,
            clock,
            wall,
            aws,
            keys: crate::sealed::Keys::default(),
            limiter: Arc::new(Limiter::new(config.limits.clone())),
            config: Arc::new(config),
            nudges: Nudges::default(),
            status: crate::tasks::Statuses::default(),
            model: Arc::default(),
            hold: stint_domain::sync::HoldRule::default(),
            tags: stint_domain::sync::tags::TagsRule::default(),
            key_rules: stint_domain::managed::KeyRules::default(),
            sync_every: SyncEvery::default(),
            notices: Notices::default(),
            kept: Kept::default(),
            demo_clock: None,
        }
    }

    /// With a clock that the demo's pages may move.
    #[must_use]
    pub fn with_demo_clock(mut self, clock: Arc<dyn MovableClock>) -> Self {
        self.demo_clock = Some(clock);
        self
    }

    /// With master keys, so that secrets can be kept.
    #[must_use]
    pub fn with_keys(mut self, keys: crate::sealed::Keys) -> Self {
        self.keys = keys;
        self
    }

    /// A new id of any kind: `app.new_id::<GrantId>()`.
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        self.ids.new_id()
    }

    /// Has the task of that name run soon. Call it after the commit.
    pub fn nudge(&self, task: &'static str) {
        self.nudges.nudge(task);
    }
}

/// One operation: who, when, and under which request id.
#[derive(Clone)]
pub struct Cx {
    /// The program.
    pub app: App,
    /// Who.
    pub actor: Actor,
    /// When: one moment for the whole operation.
    pub now: Time,
    /// The request it belongs to, as in the log and in answers.
    pub request_id: String,
    /// What to mark done inside the operation's own transaction.
    claim: Option<(&'static Sql, uuid::Uuid)>,
}

impl Cx {
    /// An operation that begins now.
    pub fn new(app: &App, actor: Actor, request_id: impl Into<String>) -> Self {
        Self {
            now: app.clock.now(),
            app: app.clone(),
            actor,
            request_id: request_id.into(),
            claim: None,
        }
    }

    /// An operation of a background task or of the command line, named.
    pub fn system(app: &App, name: &'static str) -> Self {
        Self::new(app, Actor::System(name), String::new())
    }

    /// An operation of somebody who is not signed in.
    pub fn nobody(app: &App) -> Self {
        Self::new(app, Actor::Nobody, String::new())
    }

    /// An operation of a person.
    pub fn person_of(app: &App, person: Person) -> Self {
        Self::new(app, Actor::User(person), String::new())
    }

    pub(crate) fn with_claim(mut self, mark: &'static Sql, id: uuid::Uuid) -> Self {
        self.claim = Some((mark, id));
        self
    }

    /// Begins the operation's transaction.
    pub async fn begin(&self, priority: Priority) -> stint_db::Result<Tx> {
        let mut tx = self.app.db.begin(priority).await?;
        if let Some((mark, id)) = self.claim
            && tx.run(mark, args![id]).await? == 0
        {
            // Taken over by a later call with the same key: this one came too late.
            return Err(stint_db::Error::Missing {
                statement: mark.name(),
            });
        }
        Ok(tx)
    }

    /// Begins reading: a view of one moment.
    pub async fn read(&self) -> stint_db::Result<Reader> {
        self.app.db.reader().await
    }

    /// Whether the actor may call this verb on a thing they stand to like this. The first
    /// line of every public verb. Tasks of the system may call any.
    pub fn authorize(&self, verb: Verb, relation: Relation) -> Result<(), Denied> {
        let roles = match &self.actor {
            Actor::System(_) => return Ok(()),
            Actor::User(person) => person.known_roles(),
            Actor::Nobody => Vec::new(),
        };
        match (allowed(&roles, verb, relation), &self.actor) {
            (Answer::Yes, _) => Ok(()),
            (_, Actor::Nobody) => Err(Denied::NotSignedIn),
            (Answer::No, _) => Err(Denied::Forbidden(verb)),
            (Answer::Invisible, _) => Err(Denied::Invisible),
        }
    }

    /// The person acting; refused when nobody is signed in or a task is acting.
    pub fn person(&self) -> Result<&Person, Denied> {
        match &self.actor {
            Actor::User(person) => Ok(person),
            Actor::Nobody | Actor::System(_) => Err(Denied::NotSignedIn),
        }
    }

    /// An audit event of this operation, for [`Tx::audit`].
    ///
    /// `detail` holds facts; never a secret, and whole numbers only.
    pub fn event(
        &self,
        action: &'static str,
        subject: impl IntoIterator<Item = Subject>,
        detail: Value,
    ) -> Event {
        Event {
            action,
            actor: self.actor.to_ref(),
            subject: subject.into_iter().collect(),
            detail,
            at: self.now,
            request_id: (!self.request_id.is_empty()).then(|| self.request_id.clone()),
        }
    }
}
