//! `bench expire`: ten thousand grants end in one second; how long until all access is gone
//! and every end is proved.
//!
//! The clocks stand still and are moved from one due moment to the next, so that no waiting is
//! measured: neither for AWS, which carries writes out at once here, nor for a turn on an
//! account, nor for the bound on stale reads before the last look. What is measured is Stint's
//! own work and the simulated AWS's, by Stint's own numbers.

use std::sync::Arc;

use stint_domain::binding::Config;
use stint_domain::{EntitlementId, Span, Time};
use stint_server::cx::{App, Cx};
use stint_server::grants::{self, Show};
use stint_server::http::Paging;
use stint_server::{audit, tasks};
use stint_testkit::sim::Party;
use stint_testkit::{Engine, World};

use crate::audited::audited;
use crate::crowd::{Crowd, PEOPLE, ask};
use crate::said::{Said, now, seconds};

/// Shorter than the time between two looks at granted access, of which none is measured.
const DURATION: Span = Span::minutes(8);
/// How many bindings Stint works on at once.
const AT_ONCE: usize = 8;
/// Bare audited transactions, half before and half after.
const BARE: usize = 2_000;
/// The least AWS takes: DeleteAccountAssignment, one look at its status, and one reading.
const FEWEST_CALLS: f64 = 3.0;
/// The least that is written down around them: what is intended, what came of it, the end.
const FEWEST_COMMITS: f64 = 3.0;

/// `grants` of them end: whole hundreds.
pub(crate) async fn measure(engine: Engine, grants: usize) {
    let said = Said {
        bench: "expire",
        case: engine.as_str().to_owned(),
    };
    eprintln!("{}: {grants} grants are made", engine.as_str());
    let mut crowd = Crowd::gather(engine, grants / PEOPLE, |it| it.auto).await;
    let end = provide(&mut crowd).await;
    let world = &crowd.world;
    audited(world, AT_ONCE, 200).await;
    let before = world.app().db.statements();
    let mut bare = audited(world, AT_ONCE, BARE / 2).await;
    let bare_statements = (world.app().db.statements() - before) as f64 / (BARE / 2) as f64;

    eprintln!("{}: they end", engine.as_str());
    world.clock().set(end);
    let calls = world.sim().calls_by(Party::Stint);
    let commits = world.app().db.commits();
    let statements = world.app().db.statements();
    let began = now();
    let mut gone = None;
    let rounds = settle(world, world.app(), || {
        // After the first round few rows are left to be counted.
        if gone.is_none() && world.sim().assignments().is_empty() {
            gone = Some(began.elapsed().as_secs_f64());
        }
    })
    .await;
    let wall = began.elapsed().as_secs_f64();
    let gone = gone.expect("every delete was carried out");
    eprintln!("in {rounds} rounds");
    let calls = world.sim().calls_by(Party::Stint) - calls;
    let commits = world.app().db.commits() - commits;
    let statements = world.app().db.statements() - statements;

    bare += audited(world, AT_ONCE, BARE / 2).await;
    over(&crowd, grants).await;
    let each = |all: u64| all as f64 / grants as f64;
    let rate = BARE as f64 / bare;
    let most = rate / FEWEST_COMMITS;
    said.figure("removals_per_s", grants as f64 / wall, "1/s", most);
    said.figure("wall", wall, "s", commits as f64 / rate);
    said.figure("access_gone", gone, "s", wall);
    said.figure("aws_calls_per_removal", each(calls), "", FEWEST_CALLS);
    said.figure("commits_per_removal", each(commits), "", FEWEST_COMMITS);
    said.figure(
        "statements_per_commit",
        statements as f64 / commits as f64,
        "",
        bare_statements,
    );
    crowd.leave().await;
}

/// Has everybody hold everything; answers when the last grant ends.
async fn provide(crowd: &mut Crowd) -> Time {
    let work: Vec<(Cx, EntitlementId)> = (crowd.pairs.drain(..))
        .map(|(who, what)| (crowd.world.cx(&who), what))
        .collect();
    let grants = work.len();
    let asked = seconds(AT_ONCE, work, |(cx, what)| async move {
        let made = ask(&cx, what, DURATION).await;
        assert_eq!(made.state(), "approved");
    })
    .await;
    let began = now();
    settle(&crowd.world, &hasty(&crowd.world), || {}).await;
    let provided = began.elapsed().as_secs_f64();
    eprintln!("asked for in {asked:.1} s, provided in {provided:.1} s");
    assert_eq!(crowd.world.sim().assignments().len(), grants);
    let (count, first, last) = listed(crowd, Show::Live).await;
    assert_eq!(count, grants, "every grant is confirmed");
    assert!(last <= first + Span::seconds(1), "they end in one second");
    assert!(crowd.world.now() < first, "none has ended yet");
    last
}

/// The same program while the grants are made: AWS takes no time for a write here, so who waits
/// for an account asks again a moment later, and all are confirmed in one second.
fn hasty(world: &World) -> App {
    let mut app = world.app().clone();
    app.model = Arc::new(Config {
        turn: Span::micros(0),
        retry: Span::micros(1_000),
        ..Config::default()
    });
    app
}

/// Follows what falls due soon, from moment to moment; answers in how many rounds.
async fn settle(world: &World, app: &App, mut after: impl FnMut()) -> u64 {
    let mut rounds = 0;
    loop {
        let due = tasks::run_due(app).await.expect("tasks run");
        rounds += 1;
        after();
        let soon = world.now() + Span::minutes(2);
        match due.filter(|due| *due <= soon) {
            Some(due) => world.clock().set(due),
            None => return rounds,
        }
    }
}

/// Every grant is ended, nothing is left in AWS, and the chain is whole.
async fn over(crowd: &Crowd, grants: usize) {
    assert_eq!(crowd.world.sim().assignments().len(), 0, "nothing is left");
    let (count, ..) = listed(crowd, Show::Ended).await;
    assert_eq!(count, grants, "every grant is ended");
    let report = audit::verify(&crowd.world.app().db).await;
    let events = report.expect("the audit log is one chain").events;
    eprintln!("{count} grants ended, no row left in AWS; {events} audit events verified");
}

/// How many grants a view has, and the first and the last of their ends. Every one that is
/// live has to be confirmed.
async fn listed(crowd: &Crowd, show: Show) -> (usize, Time, Time) {
    let cx = crowd.world.cx("cy");
    let mut ends: Vec<Time> = Vec::new();
    let mut cursor = None;
    loop {
        let paging = Paging::after_cursor(200, cursor);
        let page = grants::list(&cx, show, &paging).await.unwrap();
        let confirmed = page
            .items
            .iter()
            .filter(|it| it.window.confirmed_at.is_some());
        ends.extend(confirmed.filter_map(grants::Grant::end));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let first = ends.iter().min().copied().unwrap_or_default();
    let last = ends.iter().max().copied().unwrap_or_default();
    (ends.len(), first, last)
}
