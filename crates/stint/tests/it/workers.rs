//! Real processes on one PostgreSQL, against a simulated AWS on a port and one clock that all of
//! them share: one is killed, stopped for twenty minutes, or told to end, in the middle of its
//! work. Nothing is lost, nothing is doubled, no access is left, and none is wrongly removed.
//!
//! "In the middle" is made by holding a call of the process on its way to AWS. While it is held
//! it has not arrived: its signature is judged when it is let through, as that of a request
//! whose sender slept.

#![expect(clippy::panic, reason = "helpers of tests, which fail by it")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use stint_aws_sim::{Answered, Call, Effect, Fault, Gate, Party};
use stint_db::{Engine, Query as _, args};
use stint_domain::{GrantId, RequestId, Span};
use stint_server::http::Paging;
use stint_server::sealed::KeyFile;
use stint_server::{connections, grants};
use stint_testkit::World;
use tempfile::TempDir;

stint_db::statements! {
    LEASES = "select count(*) as n from bindings where lease_until is not null";
    EVENTS = "select count(*) as n from audit_events where action = $1";
}

/// The longest AWS takes an old signature for.
const FENCE: i64 = 15 * 60 * 1_000_000;

struct Stand {
    world: World,
    folder: TempDir,
    endpoint: String,
    account: String,
    set: String,
    standing: String,
    ana: String,
    wanted: stint_domain::EntitlementId,
}

struct Worker {
    child: Child,
    log: PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status();
        assert!(sent.expect("a shell").success(), "signal {name}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn ended(&mut self) -> ExitStatus {
        for _ in 0..2_000 {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            pause().await;
        }
        panic!("it does not end:\n{}", self.log());
    }
}

#[expect(clippy::disallowed_methods, reason = "other processes take real time")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(25)).await;
}

impl Stand {
    async fn set(world: World) -> Self {
        let org = world.organize().await;
        let wanted = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, wanted, org.approved).await;
        let sim = world.sim().clone();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { sim.serve(listener).await });
        let known = "a name in the estate";
        let stand = Self {
            account: world.sim().account_id("prod-payments").expect(known),
            set: world.sim().permission_set_arn("prod-admin").expect(known),
            standing: world
                .sim()
                .permission_set_arn("ReadOnlyAccess")
                .expect(known),
            ana: world.facts().ana.expect("Ana").user_id,
            folder: tempfile::tempdir().expect("a folder"),
            endpoint,
            wanted,
            world,
        };
        stand.tick(Span::ZERO);
        assert!(stand.stands().await, "Ana's standing access is there");
        stand
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Moves the clock of everybody: the simulated AWS, this test and the processes.
    fn tick(&self, by: Span) {
        self.world.clock().advance(by);
        let new = self.folder.path().join("clock.new");
        std::fs::write(&new, self.world.now().micros().to_string()).expect("written");
        std::fs::rename(&new, self.clock_file()).expect("renamed");
    }

    /// A worker that works.
    async fn worker(&self, name: &str) -> Worker {
        let log = self.folder.path().join(format!("{name}.log"));
        let host = self.world.facts().host;
        let child = Command::new(env!("CARGO_BIN_EXE_stint"))
            .arg("worker")
            .current_dir(self.folder.path())
            .env("STINT_DATABASE", self.world.database_url())
            .env("STINT_AWS_ENDPOINT", &self.endpoint)
            .env("STINT_SIMULATED_CLOCK_FILE", self.clock_file())
            .env("STINT_LOG", "info")
            .env("AWS_ACCESS_KEY_ID", host.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", host.secret_access_key)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the program starts");
        let worker = Worker { child, log };
        for _ in 0..1_200 {
            if worker.log().contains("working") {
                return worker;
            }
            pause().await;
        }
        panic!("{name} does not begin:\n{}", worker.log());
    }

    /// The next call of Stint's to this operation is held.
    fn hold(&self, operation: &str) -> Gate {
        let gate = Gate::new();
        let fault = Fault::on(operation).by(Party::Stint).first(1);
        self.world
            .sim()
            .faults()
            .add(fault, Effect::Hold(gate.clone()));
        gate
    }

    async fn held(&self, gate: &Gate, by: &Worker) {
        let arrived = async {
            loop {
                tokio::select! {
                    () = gate.arrived() => return,
                    () = pause() => self.tick(Span::millis(300)),
                }
            }
        };
        let arrived = tokio::time::timeout(Duration::from_secs(50), arrived).await;
        assert!(arrived.is_ok(), "nothing is held:\n{}", by.log());
    }

    /// Ana asks for an hour, and Bo approves.
    async fn granted(&self) -> RequestId {
        let request = self.world.ask("ana", self.wanted, Span::hours(1)).await;
        self.world.approve("bo", request).await;
        request
    }

    async fn grant(&self, request: RequestId) -> grants::Grant {
        let mut reader = self.world.app().db.reader().await.expect("a reader");
        let found = grants::of_request(&mut reader, request)
            .await
            .expect("read");
        assert_eq!(found.len(), 1, "one request, one grant");
        found.into_iter().next().expect("a grant")
    }

    async fn count(&self, sql: &'static stint_db::Sql, args: Vec<stint_db::Val>) -> i64 {
        let mut reader = self.world.app().db.reader().await.expect("a reader");
        let row = reader.one(sql, args).await.expect("a row");
        row.get("n").expect("a number")
    }

    /// Lets time pass, about twelve times as fast as it does, until it is so.
    async fn until(&self, what: &str, by: &Worker, holds: impl AsyncFn(&Self) -> bool) {
        for _ in 0..1_600 {
            if holds(self).await {
                return;
            }
            self.tick(Span::millis(300));
            pause().await;
        }
        panic!("{what}: not so\n{}", by.log());
    }

    async fn has(&self) -> bool {
        self.world
            .aws()
            .has(&self.account, &self.set, &self.ana)
            .await
    }

    async fn stands(&self) -> bool {
        let aws = self.world.aws();
        aws.has(&self.account, &self.standing, &self.ana).await
    }

    async fn confirmed(&self, request: RequestId) -> bool {
        self.has().await && self.grant(request).await.window.confirmed_at.is_some()
    }

    async fn over(&self, request: RequestId) -> bool {
        self.grant(request).await.window.ended.is_some()
    }

    /// Stint's writes of this kind that AWS took.
    fn taken(&self, operation: &str) -> Vec<Call> {
        let calls = self.world.sim().journal().into_iter();
        calls
            .filter(|call| call.party == Party::Stint && call.operation == operation)
            .filter(|call| matches!(call.answer, Answered::Ok))
            .collect()
    }

    /// What has to be so whatever was done to the processes.
    async fn whole(&self) {
        assert!(self.stands().await, "Ana's standing access was touched");
        for operation in ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"] {
            for call in self.taken(operation) {
                let age = call.at - call.signed_at.expect("signed");
                assert!(age <= FENCE, "AWS took {operation} signed {age} µs before");
            }
        }
        for (action, once) in [("grant.opened", 1), ("grant.ended", 1)] {
            let told = self.count(&EVENTS, args![action]).await;
            assert_eq!(told, once, "{action}");
        }
    }

    /// The window closes by itself, and this worker sees to the rest.
    async fn runs_out(&self, request: RequestId, worker: &Worker) {
        self.tick(Span::hours(1));
        self.until("it ends", worker, async |s| s.over(request).await)
            .await;
        assert!(!self.has().await, "access is left");
        self.whole().await;
    }

    async fn revoked(&self, id: GrantId) {
        let cy = self.world.cx("cy");
        grants::revoke(&cy, id, "INC-7").await.expect("revoked");
    }
}

async fn on_postgres<Fut: Future<Output = World>>(test: impl FnOnce(World) -> Fut) {
    World::run(World::builder(), Engine::Postgres, test).await;
}

/// One of two is killed while this call of its is on the way.
async fn killed_while_providing(world: World, operation: &str) -> World {
    let stand = Stand::set(world).await;
    let gate = stand.hold(operation);
    let a = stand.worker("a").await;
    let request = stand.granted().await;
    stand.held(&gate, &a).await;
    let b = stand.worker("b").await;
    drop(a);
    gate.release();
    stand
        .until("b provides it", &b, async |s| s.confirmed(request).await)
        .await;
    let created = stand.taken("sso:CreateAccountAssignment").len();
    assert_eq!(created, 1, "it is provided once");
    assert_eq!(stand.count(&EVENTS, args!["grant.confirmed"]).await, 1);
    stand.runs_out(request, &b).await;
    stand.world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_with_its_create_on_the_way_is_replaced() {
    on_postgres(|world| killed_while_providing(world, "sso:CreateAccountAssignment")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_while_aws_provides_is_replaced() {
    let poll = "sso:DescribeAccountAssignmentCreationStatus";
    on_postgres(|world| killed_while_providing(world, poll)).await;
}

/// One of two is killed while this call of its is on the way.
async fn killed_while_removing(world: World, operation: &str) -> World {
    let stand = Stand::set(world).await;
    let a = stand.worker("a").await;
    let request = stand.granted().await;
    stand
        .until("a provides it", &a, async |s| s.confirmed(request).await)
        .await;
    let gate = stand.hold(operation);
    stand.revoked(stand.grant(request).await.id).await;
    stand.held(&gate, &a).await;
    let b = stand.worker("b").await;
    drop(a);
    gate.release();
    stand
        .until("b removes it", &b, async |s| s.over(request).await)
        .await;
    assert!(!stand.has().await, "access is left");
    stand.whole().await;
    stand.world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_with_its_delete_on_the_way_is_replaced() {
    on_postgres(|world| killed_while_removing(world, "sso:DeleteAccountAssignment")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_sleeps_twenty_minutes_before_its_create_provides_nothing_late() {
    on_postgres(|world| async {
        let stand = Stand::set(world).await;
        let gate = stand.hold("sso:CreateAccountAssignment");
        let a = stand.worker("a").await;
        let request = stand.granted().await;
        stand.held(&gate, &a).await;
        let b = stand.worker("b").await;
        a.signal("STOP");
        stand.tick(Span::minutes(20));
        // Not there within fifteen minutes: the other one says so.
        stand
            .until("b gives it up", &b, async |s| {
                s.grant(request).await.window.closed.is_some()
            })
            .await;
        a.signal("CONT");
        gate.release();
        stand
            .until("it ends", &b, async |s| s.over(request).await)
            .await;
        stand.tick(Span::minutes(3));
        for _ in 0..40 {
            pause().await;
        }
        assert!(!stand.has().await, "it was provided after all");
        assert_eq!(stand.taken("sso:CreateAccountAssignment").len(), 0);
        stand.whole().await;
        stand.world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_sleeps_twenty_minutes_before_its_delete_removes_nothing_of_others() {
    on_postgres(|world| async {
        let stand = Stand::set(world).await;
        let a = stand.worker("a").await;
        let request = stand.granted().await;
        stand
            .until("a provides it", &a, async |s| s.confirmed(request).await)
            .await;
        let gate = stand.hold("sso:DeleteAccountAssignment");
        stand.revoked(stand.grant(request).await.id).await;
        stand.held(&gate, &a).await;
        let b = stand.worker("b").await;
        a.signal("STOP");
        stand.tick(Span::minutes(20));
        stand
            .until("b removes it", &b, async |s| s.over(request).await)
            .await;
        assert!(!stand.has().await, "access is left");
        // Somebody assigns the same by hand: that is standing access, and not ours.
        let aws = stand.world.aws();
        aws.assign(&stand.account, &stand.set, &stand.ana).await;
        stand
            .until("it is there", &b, async |s| s.has().await)
            .await;
        a.signal("CONT");
        gate.release();
        for _ in 0..60 {
            stand.tick(Span::seconds(3));
            pause().await;
        }
        assert!(stand.has().await, "what somebody else gave was taken away");
        stand.whole().await;
        stand.world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_end_finishes_its_call_and_hands_over() {
    on_postgres(|world| async {
        let stand = Stand::set(world).await;
        let gate = stand.hold("sso:CreateAccountAssignment");
        let mut a = stand.worker("a").await;
        let request = stand.granted().await;
        stand.held(&gate, &a).await;
        a.signal("TERM");
        for _ in 0..8 {
            pause().await;
        }
        gate.release();
        let status = a.ended().await;
        assert!(status.success(), "{status}\n{}", a.log());
        // Without a moment having passed on the clock: nobody has to wait for a lease.
        assert_eq!(stand.count(&LEASES, args![]).await, 0, "{}", a.log());
        assert_eq!(stand.taken("sso:CreateAccountAssignment").len(), 1);
        let b = stand.worker("b").await;
        stand
            .until("b goes on", &b, async |s| s.confirmed(request).await)
            .await;
        let created = stand.taken("sso:CreateAccountAssignment").len();
        assert_eq!(created, 1, "it is provided once");
        stand.runs_out(request, &b).await;
        stand.world
    })
    .await;
}

fn serve(folder: &Path, port: u16, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stint"));
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .current_dir(folder)
        .env("STINT_DATABASE", database)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_sqlite_file_is_told_who_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("stint.db").display());
    let log = folder.path().join("first.log");
    let child = serve(folder.path(), free_port(), &database)
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("the program starts");
    let mut first = Worker { child, log };
    for _ in 0..1_200 {
        if first.log().contains("serving") {
            break;
        }
        pause().await;
    }
    let second = serve(folder.path(), free_port(), &database).output();
    let second = second.expect("the program starts");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("stint serve"), "who has it: {said}");
    let worker = Command::new(env!("CARGO_BIN_EXE_stint"))
        .arg("worker")
        .env("STINT_DATABASE", &database)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&worker.stderr).into_owned();
    assert_eq!(worker.status.code(), Some(2), "{said}");
    assert!(said.contains("PostgreSQL"), "{said}");
    first.signal("TERM");
    assert!(first.ended().await.success(), "{}", first.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_file_is_made_once_and_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("master.key");
    let create = || {
        let made = Command::new(env!("CARGO_BIN_EXE_stint"))
            .args(["master-key", "create"])
            .arg(&key)
            .output();
        made.expect("the program starts")
    };
    let made = create();
    assert!(made.status.success(), "{made:?}");
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    let text = std::fs::read_to_string(&key).expect("a key file");
    let secret = text.lines().last().expect("a key");
    assert!(!said.contains(secret) && said.contains("mk_"), "{said}");
    assert_eq!(create().status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&key).expect("a key file"), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_to_open_nothing_starts_without_its_key() {
    on_postgres(|world| async {
        let stand = Stand::set(world).await;
        let facts = stand.world.facts();
        let cx = stand.world.cx("cy");
        let all = connections::list(&cx, &connections::Filter::default(), &Paging::default())
            .await
            .expect("listed");
        let change = connections::ConnectionChange {
            credential: Some(connections::NewCredential::AccessKey {
                id: facts.connector_user.access_key_id,
                secret: facts.connector_user.secret_access_key.into(),
                account: facts.management_account,
            }),
            ..connections::ConnectionChange::default()
        };
        let changed = connections::update(&cx, all.items[0].id, change, None).await;
        changed.expect("replaced");
        let worker = |key: Option<&Path>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_stint"));
            command
                .arg("worker")
                .current_dir(stand.folder.path())
                .env("STINT_DATABASE", stand.world.database_url())
                .env("STINT_AWS_ENDPOINT", &stand.endpoint)
                .env("STINT_SIMULATED_CLOCK_FILE", stand.clock_file());
            if let Some(key) = key {
                command.env("STINT_MASTER_KEY_FILE", key);
            }
            command.output().expect("the program starts")
        };
        let other = stand.folder.path().join("other.key");
        KeyFile::create(&other, &[7; 32]).expect("a key file");
        for key in [None, Some(other.as_path())] {
            let ended = worker(key);
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(1), "{said}");
            assert!(said.contains("STINT_MASTER_KEY_FILE"), "{said}");
        }
        stand.world
    })
    .await;
}
