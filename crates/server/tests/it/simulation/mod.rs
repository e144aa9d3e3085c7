//! Seeded simulation of a whole Stint, with every kind of access: people who ask, approve,
//! return and revoke, for themselves and for a group, on top of each other; an administrator who
//! adds and takes the same access straight in AWS, and gives IAM's names to others; calls that
//! are lost, late, throttled and refused, reads that lag; a program that dies, stands still,
//! and of which two replicas work at once. In the end, when it is quiet and AWS answers, the
//! judge looks at what is left.
//! Syncs are not played: Stint never learns a new name of somebody in IAM here, and what it
//! does about names it has learnt is tried in `it/iam.rs`.
//!
//! `STINT_SIMULATION_SECONDS` bounds a test's share (30; PostgreSQL takes a third of it),
//! `STINT_SIMULATION_SEEDS` counts runs instead, `STINT_SIMULATION_SEED` is the first seed;
//! without it every test run has seeds of its own. A run that fails prints its seed.

mod names;
mod oracle;
pub(crate) mod rng;
mod run;
mod stage;
mod weather;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use stint_db::{Query as _, args};
use stint_domain::{BindingId, EntitlementId, GrantId, PrincipalId};
use stint_testkit::sim::{Party, Row};
use stint_testkit::{Engine, engine_left_out};

use oracle::{Counts, Kind, Record, Told, Window, diary, judge};
use run::Run;

stint_db::statements! {
    BINDINGS = "select id, principal_id, entitlement_id, epoch_open from bindings order by id";
    GRANTS = "select id, binding_id, opened_at, start_at, ends_at, confirmed_at, ended_at, remains from grants order by id";
    TOLD = "select e.seq, e.at, e.action, e.body, b.id as binding, g.id as about from audit_events e \
        join audit_subjects b on b.seq = e.seq and b.kind = 'binding' \
        left join audit_subjects g on g.seq = e.seq and g.kind = 'grant' order by e.seq";
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the seed of a test run, and how long it may take"
)]
fn moment() -> (Instant, u64) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    (
        Instant::now(),
        since.map_or(0, |since| since.as_secs() % 1_000_000 * 1_000),
    )
}

/// Runs seed after seed until the share of time, or of seeds, is used up.
async fn simulate(engine: Engine, share: u64) {
    if engine_left_out(engine) {
        println!("{} is left out by STINT_TEST_ENGINES", engine.as_str());
        return;
    }
    let (began, chance) = moment();
    let first = number("STINT_SIMULATION_SEED").unwrap_or(chance);
    let seeds = number("STINT_SIMULATION_SEEDS");
    let seconds = number("STINT_SIMULATION_SECONDS").unwrap_or(30) / share;
    let enough = |done: u64| match seeds {
        Some(seeds) => done >= seeds.div_ceil(share),
        None => done > 0 && began.elapsed() >= Duration::from_secs(seconds),
    };
    let mut counts = Counts::default();
    let mut done = 0;
    println!(
        "simulation on {}: the first seed is {first}",
        engine.as_str()
    );
    while !enough(done) {
        let seed = first + done;
        println!("seed {seed}");
        one(seed, engine, &mut counts).await;
        done += 1;
    }
    println!("{done} seeds in {:?}: {counts:?}", began.elapsed());
    if done >= 40 {
        assert!(
            counts.worth_something(),
            "the generator no longer reaches what it is for: {counts:?}"
        );
    }
}

/// One run, judged.
async fn one(seed: u64, engine: Engine, counts: &mut Counts) {
    let mut run = Run::begin(seed, engine).await;
    run.play().await;
    let records = records(&run).await;
    let judged = oracle::Run {
        belief: run.plan.belief,
        lag: run.plan.lag,
        quarantine: run.plan.quarantine.as_micros(),
        troubles: run.troubles.clone(),
    };
    let mut wrong = std::mem::take(&mut run.wrong);
    wrong.extend(strangers(&run));
    let mut told = String::new();
    for record in &records {
        let found = judge(&judged, record, &mut run.counts);
        if !found.is_empty() {
            told.push_str(&format!(
                "{}:\n{}\n",
                record.what,
                diary(record, &run.diary)
            ));
        }
        wrong.extend(found);
    }
    assert!(
        wrong.is_empty(),
        "seed {seed}, {:?}:\n{}\n\n{told}\nAgain with STINT_SIMULATION_SEED={seed} STINT_SIMULATION_SEEDS=1 and STINT_TEST_ENGINES={}",
        run.plan,
        wrong.join("\n"),
        engine.as_str()
    );
    run.counts.runs += 1;
    counts.add(&run.counts);
    if run.counts.deaths > 0 {
        run.world.expect_failures();
    }
    // The audit chain has to verify, and no news may be left undelivered.
    run.world.finish().await;
}

/// Rows that Stint added or took and that are nobody's who asked.
fn strangers(run: &Run) -> Vec<String> {
    let history = run.world.sim().history();
    let asked = |row: &Row| run.stage.pairs.iter().any(|pair| pair.row == *row);
    (history.into_iter())
        .filter(|change| change.by == Party::Stint && !asked(&change.row))
        .map(|change| {
            let verb = if change.came { "added" } else { "took" };
            let at = oracle::clock(change.at);
            format!("{at} Stint {verb} what nobody asked for: {:?}", change.row)
        })
        .collect()
}

/// What is on record about each pair: AWS's side, and Stint's.
async fn records(run: &Run) -> Vec<Record> {
    let sim = run.world.sim();
    let calls: BTreeMap<u64, i64> = (sim.journal().into_iter())
        .filter_map(|call| Some((call.no, call.signed_at?)))
        .collect();
    let history = sim.history();
    let mut q = run.world.app().db.reader().await.expect("a reader");
    let told = q.all(&TOLD, args![]).await.expect("read");
    let grants = q.all(&GRANTS, args![]).await.expect("read");
    let bindings = q.all(&BINDINGS, args![]).await.expect("read");
    let mut records = Vec::new();
    for pair in &run.stage.pairs {
        let changes = (history.iter())
            .filter(|c| c.row == pair.row)
            .cloned()
            .collect();
        let mut record = Record {
            what: format!("{} {:?}", pair.word, pair.row),
            kind: match pair.row {
                Row::Assignment { .. } if pair.for_group => Kind::AssignmentOfGroup,
                Row::Assignment { .. } => Kind::Assignment,
                Row::Membership { .. } => Kind::Membership,
                Row::IamMembership { .. } => Kind::IamMembership,
            },
            changes,
            signed: calls.clone(),
            ..Record::default()
        };
        let binding = bindings.iter().find(|b| {
            b.get::<PrincipalId>("principal_id").expect("an id") == pair.principal
                && b.get::<EntitlementId>("entitlement_id").expect("an id") == pair.entitlement
        });
        if let Some(binding) = binding {
            let id: BindingId = binding.get("id").expect("an id");
            record.epoch_open = binding.get("epoch_open").expect("a truth");
            for row in &told {
                if row.get::<String>("binding").expect("an id") == id.to_string() {
                    record.told.push(hear(row));
                }
            }
            for row in &grants {
                if row.get::<BindingId>("binding_id").expect("an id") == id {
                    record.windows.push(window(row));
                }
            }
        }
        records.push(record);
    }
    records
}

fn hear(row: &stint_db::Row) -> Told {
    let body: String = row.get("body").expect("a text");
    let body: serde_json::Value = serde_json::from_str(&body).expect("canonical JSON");
    Told {
        seq: row.get("seq").expect("a number"),
        at: row.get("at").expect("a moment"),
        action: row.get("action").expect("a word"),
        detail: body["detail"].clone(),
        grant: row.get("about").expect("an id or none"),
    }
}

fn window(row: &stint_db::Row) -> Window {
    Window {
        id: row.get::<GrantId>("id").expect("an id").to_string(),
        opened_at: row.get("opened_at").expect("a moment"),
        start_at: row.get("start_at").expect("a moment"),
        ends_at: row.get("ends_at").expect("a moment or none"),
        confirmed_at: row.get("confirmed_at").expect("a moment or none"),
        ended_at: row.get("ended_at").expect("a moment or none"),
        remains: row.get("remains").expect("a word or none"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    simulate(Engine::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    simulate(Engine::Postgres, 3).await;
}
