//! The other process of `bench sync`: Stint, reading an AWS that is elsewhere. Says what it took, a
//! line of JSON for each word it is told.

use std::io::BufRead as _;

use serde_json::{Value, json};
use stint_db::{Priority, Val, args};
use stint_domain::{ConnectionId, SyncId};
use stint_server::connections::{self, Connection, NewApplication, NewConnection, NewCredential};
use stint_server::directory::{self, SyncRun};
use stint_testkit::sim::EstateSpec;
use stint_testkit::{Elsewhere, Engine, World};

use crate::said::now;

/// What the other process is called by.
pub(crate) const WORD: &str = "sync-reader";

/// A connection, as an administrator makes it.
pub(crate) async fn connect(world: &World, role: &str, iam: bool) -> Connection {
    let cx = world.cx("cy");
    let new = NewApplication {
        name: "AWS".to_owned(),
        description: String::new(),
        owners: Vec::new(),
    };
    let application = connections::create_application(&cx, new).await;
    let new = NewConnection {
        application: application.expect("an application").id,
        name: "prod".to_owned(),
        credential: NewCredential::role(role),
        region: world.facts().region,
        iam,
        owners: Vec::new(),
    };
    connections::create(&cx, new).await.expect("a connection")
}

pub(crate) async fn test(world: &World, id: ConnectionId) {
    let tested = connections::test(&world.cx("cy"), id).await;
    let report = tested.expect("tested").last_test.expect("a report");
    assert!(report.passed, "{report:#?}");
}

pub(crate) async fn sync(world: &World, id: ConnectionId) -> SyncRun {
    let run = directory::sync(&world.cx("cy"), id).await.expect("read");
    assert_eq!(run.state, "complete", "{run:#?}");
    run
}

/// Seconds of processor time so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("the program's name");
    let ticks = |n: usize| -> f64 {
        let field = fields.split_whitespace().nth(n).expect("a field");
        field.parse().expect("ticks")
    };
    // User and system time, in hundredths.
    (ticks(11) + ticks(12)) / 100.0
}

/// Has [`peak_rss`] count from now on: what it took to set the program up is not the sync's.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux");
}

/// The most memory in use since then, in MB.
fn peak_rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kb = line
        .and_then(|line| line.split_whitespace().nth(1))
        .expect("kB");
    kb.parse::<f64>().expect("kB") / 1_024.0
}

stint_db::statements! {
    quiet MAKE_BARE = {
        sqlite: "create table if not exists bare_rows (id blob not null primary key, a text not null, b integer not null) strict",
        postgres: "create table if not exists bare_rows (id uuid not null primary key, a text not null, b bigint not null)",
    };
    quiet BARE = "insert into bare_rows (id, a, b) select r.id, r.a, r.b from {rows $1 id:uuid a:text b:int} r";
}

/// Rows that this database takes each second when nothing but rows are written, as many in a
/// transaction as a sync writes.
async fn bare_rows_per_s(world: &World) -> f64 {
    const ROWS: u32 = 50_000;
    let db = &world.app().db;
    let mut tx = db.begin(Priority::Sync).await.expect("begins");
    tx.run(&MAKE_BARE, args![]).await.expect("a table");
    tx.commit().await.expect("commits");
    let began = now();
    for _ in 0..ROWS / 500 {
        let row = |n: u32| args![world.app().new_id::<SyncId>(), "a name of some length", n];
        let rows = Val::rows((0..500).map(row));
        let mut tx = db.begin(Priority::Sync).await.expect("begins");
        tx.run(&BARE, args![rows]).await.expect("writes");
        tx.commit().await.expect("commits");
    }
    f64::from(ROWS) / began.elapsed().as_secs_f64()
}

/// Does what it is told on standard input.
pub(crate) async fn run(about: &str) {
    let about: Value = serde_json::from_str(about).expect("what to read");
    let text = |key: &str| about[key].as_str().expect("a text").to_owned();
    let engine = match text("engine").as_str() {
        "sqlite" => Engine::Sqlite,
        _ => Engine::Postgres,
    };
    let aws = Elsewhere {
        endpoint: text("endpoint"),
        access_key_id: text("access_key_id"),
        secret_access_key: text("secret_access_key"),
    };
    // The one beside is not called.
    let beside = EstateSpec {
        accounts: 2,
        permission_sets: 1,
        users: 4,
        groups: 1,
        memberships: 0,
        assignments: 0,
        ..EstateSpec::default()
    };
    let world = World::builder()
        .engine(engine)
        .estate(beside)
        .elsewhere(aws);
    let world = world.build().await;
    let role = text("role");
    let bare = bare_rows_per_s(&world).await;
    let connection = connect(&world, &role, about["iam"] == true).await;
    println!("{}", json!({ "external_id": connection.external_id }));
    let words = std::io::stdin().lock();
    for word in words.lines() {
        match word.expect("a word").as_str() {
            "test" => {
                test(&world, connection.id).await;
                println!("{}", json!({ "rss_mb": peak_rss() }));
            }
            "sync" => {
                world.clock().advance(stint_domain::Span::hours(1));
                forget_peak();
                let (began, before) = (now(), cpu());
                let run = sync(&world, connection.id).await;
                let wall = began.elapsed().as_secs_f64();
                let told = json!({
                    "wall": wall,
                    "cpu": cpu() - before,
                    "rss_mb": peak_rss(),
                    "rows": run.seen,
                    "bare_rows_per_s": bare,
                    "calls": run.calls,
                    "plan": run.plan.choices.iter().filter_map(|it| it.chosen)
                        .map(|it| format!("{} {}", it.listing.as_str(), it.calls)).collect::<Vec<_>>(),
                });
                println!("{told}");
            }
            _ => break,
        }
    }
    world.abandon().await;
}
