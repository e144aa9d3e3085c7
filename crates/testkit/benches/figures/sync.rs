//! `bench sync`: what it takes to read an estate: calls, time, memory.
//!
//! The simulated AWS stands in this process and listens on loopback; Stint reads it from another
//! ([`crate::reader`]), whose time and memory are taken. What calls are measured against is counted
//! here from the estate itself: the cheapest listing of each kind with full knowledge, a page
//! holding what AWS gives at most, with the lists nobody can do without. `throttled_wall` is taken in
//! one process and in virtual seconds: connector, governor and simulated AWS live by one clock
//! that jumps to the end of the shortest wait.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use stint_aws::{Limits, Service};
use stint_testkit::sim::{
    Effect, EstateSpec, Fault, Knobs, Party, Sim, SimClock, SimOptions, Throttling,
};
use stint_testkit::{DEFAULT_START, Engine, World};
use tokio::net::TcpListener;

use crate::reader;
use crate::said::{Said, now};

/// 50 accounts, 2,000 users of Identity Center and 1,000 of IAM.
pub(crate) fn medium() -> EstateSpec {
    EstateSpec {
        accounts: 50,
        permission_sets: 30,
        users: 2_000,
        groups: 200,
        memberships: 4_000,
        assignments: 1_040,
        iam_users: 1_000,
        iam_groups: 40,
        iam_memberships: 2_000,
        ..EstateSpec::default()
    }
}

/// The estates, by name.
pub(crate) fn estates() -> Vec<(&'static str, EstateSpec)> {
    let small = EstateSpec {
        accounts: 5,
        permission_sets: 8,
        users: 60,
        groups: 10,
        memberships: 80,
        assignments: 100,
        ..EstateSpec::default()
    };
    // Of 60 sets on 999 accounts about half are on it, as there are 30,000 pairs.
    let dense = EstateSpec {
        accounts: 1_000,
        permission_sets: 60,
        users: 2_000,
        groups: 200,
        memberships: 4_000,
        assignments: 42_000,
        ..EstateSpec::default()
    };
    let huge = EstateSpec {
        accounts: 1_000,
        permission_sets: 20,
        users: 100_000,
        groups: 500,
        memberships: 200_000,
        assignments: 1_000_000,
        ..EstateSpec::default()
    };
    vec![
        ("small", small),
        ("medium", medium()),
        ("dense", dense),
        ("huge", huge),
    ]
}

/// Measures every case on an engine, or the one that is named.
pub(crate) async fn measure(engine: Engine, only: Option<&str>) {
    for (name, estate) in estates() {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        plain(engine, name, &estate, None).await;
        if name == "medium" {
            let delay = Effect::Delay { millis: 50 };
            plain(engine, "medium-50ms", &estate, Some((1.0, delay))).await;
            let throttle = || Effect::Throttle;
            plain(
                engine,
                "medium-1-in-10-throttled",
                &estate,
                Some((0.1, throttle())),
            )
            .await;
            plain(
                engine,
                "medium-1-in-2-throttled",
                &estate,
                Some((0.5, throttle())),
            )
            .await;
        }
        // The clock of both is virtual: the engine makes no difference worth minutes of this bench.
        if engine == Engine::Sqlite {
            throttled(name, &estate).await;
        }
    }
}

/// Calls it takes at the least, by service.
struct Bound {
    organizations: u64,
    store: u64,
    sso: u64,
    iam: u64,
    /// Those by which the policies of permission sets are read: of `sso` too, and only once a day.
    papers: u64,
}

impl Bound {
    fn all(&self, run: &str) -> u64 {
        // And one to become the role.
        1 + self.organizations + self.store + self.sso + self.iam + self.daily(run)
    }

    fn daily(&self, run: &str) -> u64 {
        if run == "first" { self.papers } else { 0 }
    }

    /// Seconds it takes at the rates that Stint keeps, the services side by side.
    fn seconds(&self, run: &str) -> f64 {
        let limits = Limits::default();
        let at = |calls: u64, service| calls as f64 / limits.of(service).per_second;
        [
            at(self.organizations, Service::Organizations),
            at(self.store, Service::IdentityStore),
            at(self.sso + self.daily(run), Service::IdentityCenter),
            at(self.iam, Service::Iam),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }
}

/// Calls for so many rows on pages of so many.
fn pages(rows: u64, page: u64) -> u64 {
    rows.div_ceil(page).max(1)
}

fn tally<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, u64> {
    let mut all = HashMap::new();
    for key in keys {
        *all.entry(key).or_default() += 1;
    }
    all
}

/// Counted from the estate, without Stint's planner.
fn bound(sim: &Sim, spec: &EstateSpec) -> Bound {
    let (users, groups) = (u64::from(spec.users), u64::from(spec.groups));
    let (accounts, sets) = (u64::from(spec.accounts), u64::from(spec.permission_sets));
    let rows = sim.assignments();
    let memberships = sim.memberships();

    let of_group = tally(memberships.iter().map(|(group, _)| group.as_str()));
    let of_user = tally(memberships.iter().map(|(_, user)| user.as_str()));
    let each = |tally: &HashMap<&str, u64>, lists: u64| {
        let listed: u64 = tally.values().map(|n| pages(*n, 100)).sum();
        listed + lists - tally.len() as u64
    };
    let members = each(&of_group, groups).min(each(&of_user, users));

    let pair = |row: &stint_testkit::sim::AssignmentRow| {
        (row.account_id.clone(), row.permission_set_arn.clone())
    };
    let pairs: BTreeSet<(String, String)> = rows.iter().map(pair).collect();
    let by_account = tally(pairs.iter().map(|(account, _)| account.as_str()));
    let by_set = tally(pairs.iter().map(|(_, set)| set.as_str()));
    let which = each(&by_account, accounts).min(each(&by_set, sets));

    let by_pair = tally(rows.iter().map(pair));
    let by_pair: u64 = by_pair.values().map(|n| pages(*n, 100)).sum();
    let held = tally(rows.iter().map(|row| row.principal_id.as_str()));
    let mut listed: HashMap<&str, u64> = HashMap::new();
    for (group, user) in &memberships {
        // With a user AWS lists what the user's groups hold.
        *listed.entry(user).or_default() += held.get(group.as_str()).copied().unwrap_or(0);
    }
    let mut by_principal = users + groups;
    for (principal, own) in &held {
        let with_groups = own + listed.remove(principal).unwrap_or(0);
        by_principal += pages(with_groups, 100) - 1;
    }
    by_principal += listed.values().map(|n| pages(*n, 100) - 1).sum::<u64>();

    let iam = match spec.iam_users {
        0 => 0,
        // Users, groups, and each group's members; the account is asked once.
        iam => 2 + pages(u64::from(iam) + 2, 1_000) + u64::from(spec.iam_groups),
    };
    Bound {
        organizations: pages(accounts, 20),
        store: pages(users, 100) + pages(groups, 100) + members,
        sso: pages(sets, 100) + sets + which + by_pair.min(by_principal),
        iam,
        // Of each set its inline policy, its boundary, and two lists that fit on a page.
        papers: sets * 4,
    }
}

/// A process that reads, and what it says.
struct Reader {
    child: Child,
    into: ChildStdin,
    out: BufReader<ChildStdout>,
}

impl Reader {
    fn start(engine: Engine, address: SocketAddr, sim: &Sim, iam: bool) -> Self {
        let facts = sim.facts();
        let about = json!({
            "engine": engine.as_str(),
            "endpoint": format!("http://{address}"),
            "access_key_id": facts.host.access_key_id,
            "secret_access_key": facts.host.secret_access_key,
            "role": facts.connector_role_arn,
            "region": facts.region,
            "iam": iam,
        });
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([reader::WORD, &about.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let into = child.stdin.take().expect("a way in");
        let out = BufReader::new(child.stdout.take().expect("a way out"));
        Self { child, into, out }
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("what the reader says")
    }

    fn say(&mut self, word: &str) {
        writeln!(self.into, "{word}").expect("heard");
    }

    fn end(mut self) {
        self.say("end");
        self.child.wait().expect("it ends");
    }
}

/// Reads an estate twice, as fast as Stint can.
async fn plain(engine: Engine, name: &str, spec: &EstateSpec, weather: Option<(f64, Effect)>) {
    let case = format!("{name}-{}", engine.as_str());
    eprintln!("{case}: the estate is made");
    let sim = Sim::new(SimOptions {
        estate: spec.clone(),
        clock: SimClock::frozen(DEFAULT_START.micros()),
        knobs: Knobs::default(),
    })
    .expect("such an estate");
    let bound = bound(&sim, spec);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn({
        let sim = sim.clone();
        async move { sim.serve(listener).await }
    });
    let said = Said {
        bench: "sync",
        case,
    };
    let (sim, spec) = (sim.clone(), spec.clone());
    tokio::task::spawn_blocking(move || {
        let mut reader = Reader::start(engine, address, &sim, spec.iam_users > 0);
        let external_id = reader.hear();
        sim.trust_connector(external_id["external_id"].as_str().expect("an id"));
        reader.say("test");
        eprintln!("{}: before: {}", said.case, reader.hear());
        let delay = match &weather {
            Some((_, Effect::Delay { millis })) => *millis as f64 / 1_000.0,
            _ => 0.0,
        };
        if let Some((odds, effect)) = weather {
            let fault = Fault::on("*").by(Party::Stint);
            let fault = if odds < 1.0 {
                fault.odds(odds, 7)
            } else {
                fault
            };
            sim.faults().add(fault, effect);
        }
        for run in ["first", "again"] {
            // What was seen a moment ago cannot be taken for gone yet; a later run can.
            sim.clock().advance(3_600_000_000);
            let before = sim.calls_by(Party::Stint);
            reader.say("sync");
            let told = reader.hear();
            let calls = sim.calls_by(Party::Stint) - before;
            let number = |key: &str| told[key].as_f64().expect("a number");
            let figure = |figure: &str, value, unit, against| {
                said.figure(&format!("{figure}_{run}"), value, unit, against);
            };
            figure("calls", calls as f64, "", bound.all(run) as f64);
            // Stint's own work at the least, on one core; with a delay, the calls eight at once.
            let floor = number("cpu").max(calls as f64 * delay / 8.0);
            figure("wall", number("wall"), "s", floor);
            figure("cpu", number("cpu"), "s", 2.0);
            figure(
                "rows_per_s",
                number("rows") / number("wall"),
                "1/s",
                number("bare_rows_per_s"),
            );
            figure(
                "peak_rss_mb",
                number("rss_mb"),
                "MB",
                if spec.users > 50_000 { 256.0 } else { 64.0 },
            );
            eprintln!("{}: {run}: {told}", said.case);
        }
        reader.end();
    })
    .await
    .expect("it was read");
    serving.abort();
}

/// Reads an estate at AWS's rates, in virtual seconds.
async fn throttled(name: &str, spec: &EstateSpec) {
    eprintln!("{name}: read at AWS's rates");
    let knobs = Knobs {
        throttling: Throttling::of_aws(),
        ..Knobs::default()
    };
    let builder = World::builder().estate(spec.clone()).knobs(knobs).rates();
    let world = builder.build().await;
    let bound = bound(world.sim(), spec);
    let jumping = world.jumping();
    let connection = reader::connect(
        &world,
        &world.facts().connector_role_arn,
        spec.iam_users > 0,
    )
    .await;
    world.sim().trust_connector(&connection.external_id);
    reader::test(&world, connection.id).await;
    let said = Said {
        bench: "sync",
        case: name.to_owned(),
    };
    for run in ["first", "again"] {
        let (began, calls) = (world.now(), world.sim().calls_by(Party::Stint));
        let mark = world.sim().calls();
        let real = now();
        let done = reader::sync(&world, connection.id).await;
        let seconds = world.now().since(began).as_micros() as f64 / 1_000_000.0;
        let journal = world.sim().journal_since(mark);
        let refused = journal.iter().filter(|it| !it.weather.is_empty());
        let refused: Vec<_> = refused
            .map(|it| format!("{} {:?}", it.operation, it.weather))
            .collect();
        let by_phase: BTreeMap<&str, i64> =
            BTreeMap::from([("calls", done.calls), ("seen", done.seen)]);
        eprintln!(
            "{name}: {run}: {by_phase:?}, {} calls, refused for their rate {refused:?}, in {:.1} real seconds",
            world.sim().calls_by(Party::Stint) - calls,
            real.elapsed().as_secs_f64()
        );
        said.figure(
            &format!("throttled_wall_{run}"),
            seconds,
            "virtual s",
            bound.seconds(run),
        );
    }
    drop(jumping);
    world.abandon().await;
}
