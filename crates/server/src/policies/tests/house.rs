//! A program over a SQLite file in a temporary folder, with people in it and a clock that
//! stands still. Shared by the tests of policies, catalog and requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use stint_aws::{Aws, AwsOptions, Base, Governor};
use stint_db::{Db, Options, Priority, Query as _, Tx, args};
use stint_domain::policy::{Approvers, PolicyBody, Route, Step};
use stint_domain::rights::Role;
use stint_domain::{
    ApplicationId, Clock, ConnectionId, EntitlementId, GroupId, PrincipalId, Span, Time, UserId,
};

use crate::audit::Chain;
use crate::cx::{Actor, App, Config, Cx, IdSource, Person, Via};
use crate::directory;
use crate::identity::{self, NewGroup, NewUser, User};

/// A clock that is moved by hand.
pub(crate) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// The program.
pub(crate) struct House {
    pub(crate) app: App,
    clock: Arc<Hands>,
    _folder: tempfile::TempDir,
}

stint_db::statements! {
    EVENTS = "select action from audit_events order by seq";
    // What a test of connections, or a sync, would have written.
    quiet APPLICATION = "insert into applications (id, name, name_key, description, created_at, version) \
        values ($1, 'AWS', 'aws', '', $2, 1)";
    quiet CONNECTION = "insert into connections \
            (id, application_id, name, name_key, credential, role_arn, external_id, region, iam, members, status, created_at, version) \
        values ($1, $2, 'prod', 'prod', 'role', 'arn:aws:iam::111122223333:role/stint', 'x', 'eu-central-1', false, false, \
            'connected', $3, 1)";
    quiet ENTITLEMENT = "insert into entitlements (id, connection_id, kind, account, target, name, \
            sort_key, first_seen, last_seen) \
        values ($1, $2, 'group_membership', '', $3, $3, $4, $5, $5)";
    quiet PRINCIPAL = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, \
            first_seen, last_seen) \
        values ($1, $2, 'identity_center_user', $3, $3, $3, $4, $4)";
    quiet PRINCIPAL_GONE = "update principals set gone_at = $2 where id = $1";
    quiet ENTITLEMENT_GONE = "update entitlements set gone_at = $2 where id = $1";
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("stint.db").display());
        let start = "2026-11-23T14:00:00Z".parse::<Time>().expect("a time");
        let clock = Arc::new(Hands(AtomicI64::new(start.micros())));
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let chain = Chain::new(IdSource::new(Arc::clone(&shared)));
        let db = Db::open(Options::new(url, Arc::new(chain)))
            .await
            .expect("a new database");
        db.migrate().await.expect("migrations");
        let keys = Base::Keys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "nothing-is-called".to_owned().into(),
            session_token: None,
        };
        let mut options = AwsOptions::new(keys, Arc::clone(&shared));
        options.governor = Governor::unlimited(Arc::clone(&shared));
        let config = Config {
            public_url: "http://127.0.0.1:8480".into(),
            demo: false,
            limits: crate::http::Limits::off(),
        };
        let app = App::new(db, Arc::clone(&shared), shared, Aws::new(options), config);
        Self {
            app,
            clock,
            _folder: folder,
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, span: Span) {
        self.clock.0.fetch_add(span.as_micros(), Ordering::SeqCst);
    }

    /// As Stint itself.
    pub(crate) fn system(&self) -> Cx {
        Cx::system(&self.app, "test")
    }

    /// As this person, signed in.
    pub(crate) fn by(&self, user: &User) -> Cx {
        let person = Person {
            id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            roles: user.roles.clone(),
            via: Via::Page(self.app.new_id()),
        };
        Cx::new(&self.app, Actor::User(person), "test")
    }

    /// As this person, with a token.
    pub(crate) fn by_token(&self, user: &User) -> Cx {
        let mut cx = self.by(user);
        if let Actor::User(person) = &mut cx.actor {
            person.via = Via::Token(self.app.new_id());
        }
        cx
    }

    pub(crate) async fn user(&self, name: &str, roles: &[Role]) -> User {
        let new = NewUser {
            name: name.to_owned(),
            email: format!("{}@example.com", name.to_lowercase()),
            password: None,
            roles: roles.to_vec(),
        };
        identity::create_user(&self.system(), new)
            .await
            .expect("a user")
    }

    pub(crate) async fn group(&self, name: &str, members: &[&User]) -> GroupId {
        let new = NewGroup {
            name: name.to_owned(),
            description: String::new(),
        };
        let group = identity::create_group(&self.system(), new)
            .await
            .expect("a group");
        for user in members {
            self.join(&self.system(), group.id, user.id).await;
        }
        group.id
    }

    pub(crate) async fn join(&self, by: &Cx, group: GroupId, user: UserId) {
        identity::add_member(by, group, user).await.expect("added");
    }

    pub(crate) async fn leave(&self, group: GroupId, user: UserId) {
        identity::remove_member(&self.system(), group, user)
            .await
            .expect("removed");
    }

    /// A connection that has passed its test.
    /// Where somebody works from now on.
    pub(crate) async fn department(&self, user: &User, department: Option<&str>) {
        let change = identity::UserChange {
            department: Some(department.unwrap_or_default().to_owned()),
            ..identity::UserChange::default()
        };
        identity::update_user(&self.system(), user.id, change, None)
            .await
            .expect("changed");
    }

    pub(crate) async fn connection(&self) -> ConnectionId {
        let (app, id): (ApplicationId, ConnectionId) = (self.app.new_id(), self.app.new_id());
        let now = self.app.clock.now();
        let mut tx = self.write().await;
        tx.run(&APPLICATION, args![app, now])
            .await
            .expect("an application");
        tx.run(&CONNECTION, args![id, app, now])
            .await
            .expect("a connection");
        tx.commit().await.expect("committed");
        id
    }

    /// An entitlement AWS has.
    pub(crate) async fn entitlement(&self, connection: ConnectionId, name: &str) -> EntitlementId {
        let id = self.app.new_id();
        let now = self.app.clock.now();
        let mut tx = self.write().await;
        let args = args![id, connection, name, name.to_lowercase(), now];
        tx.run(&ENTITLEMENT, args).await.expect("an entitlement");
        tx.commit().await.expect("committed");
        id
    }

    /// A principal of this person's, linked and confirmed.
    pub(crate) async fn linked(&self, connection: ConnectionId, user: &User) -> PrincipalId {
        let id = self.app.new_id();
        let now = self.app.clock.now();
        let mut tx = self.write().await;
        let name = format!("{}-{id}", user.name.to_lowercase());
        let args = args![id, connection, name, now];
        tx.run(&PRINCIPAL, args).await.expect("a principal");
        tx.commit().await.expect("committed");
        let link = directory::propose_link(&self.system(), user.id, id).await;
        let link = link.expect("proposed").id;
        directory::confirm_link(&self.system(), link)
            .await
            .expect("confirmed");
        id
    }

    pub(crate) async fn principal_gone(&self, id: PrincipalId) {
        let mut tx = self.write().await;
        let now = self.app.clock.now();
        tx.run(&PRINCIPAL_GONE, args![id, now]).await.expect("gone");
        tx.commit().await.expect("committed");
    }

    pub(crate) async fn entitlement_gone(&self, id: EntitlementId) {
        let mut tx = self.write().await;
        let now = self.app.clock.now();
        tx.run(&ENTITLEMENT_GONE, args![id, now])
            .await
            .expect("gone");
        tx.commit().await.expect("committed");
    }

    async fn write(&self) -> Tx {
        let tx = self.app.db.begin(Priority::Interactive).await;
        tx.expect("a transaction")
    }

    /// The actions of the audit log that begin with this, in order.
    pub(crate) async fn events(&self, prefix: &str) -> Vec<String> {
        let mut q = self.app.db.reader().await.expect("a reader");
        let rows = q.all(&EVENTS, args![]).await.expect("events");
        rows.iter()
            .map(|row| row.get::<String>("action").expect("a text"))
            .filter(|action| action.starts_with(prefix))
            .collect()
    }

    /// The chain of the audit log verifies.
    pub(crate) async fn verified(&self) {
        let report = crate::audit::verify(&self.app.db).await;
        report.expect("an unbroken chain");
    }
}

/// Rules with these steps: 4 h at most, no reason needed.
pub(crate) fn body(steps: Vec<Step>) -> PolicyBody {
    let route = if steps.is_empty() {
        Route::AutoApprove
    } else {
        Route::Steps(steps)
    };
    PolicyBody::new(route, Span::hours(4))
}

/// So many of that group.
pub(crate) fn of_group(name: &str, group: GroupId, needed: u32) -> Step {
    let approvers = Approvers {
        groups: [group].into(),
        ..Approvers::default()
    };
    Step::new(name, approvers, needed)
}

/// One of these people.
pub(crate) fn of_users(name: &str, users: &[&User]) -> Step {
    let approvers = Approvers {
        users: users.iter().map(|user| user.id).collect(),
        ..Approvers::default()
    };
    Step::new(name, approvers, 1)
}
