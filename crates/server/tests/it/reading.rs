//! How a sync reads: every way of asking gives the same directory, the cheapest that is allowed is
//! taken, and a run that died goes on where it stands.

use std::collections::BTreeSet;

use serde_json::json;
use stint_db::CommitPoint;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::sync::HoldRule;
use stint_domain::sync::plan::Listing;
use stint_domain::{AssignmentId, ConnectionId, Span};
use stint_server::connections::{self, NewApplication, NewConnection, NewCredential};
use stint_server::directory::{self, Filter, SyncRun};
use stint_server::http::{Fault as _, Paging};
use stint_testkit::sim::{Effect, EstateSpec, Fault, Gate, Knobs, Party, Throttling};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, grant};

/// Who holds what: `group:`, `user:` and an id, and where.
type Rows = BTreeSet<(String, String)>;

/// Lets the connector do everything but this.
fn permit(world: &World, denied: &[Listing]) {
    let mut statements = vec![json!({
        "Effect": "Allow", "Action": ["sso:*", "identitystore:*", "organizations:*", "iam:*"], "Resource": "*",
    })];
    if !denied.is_empty() {
        let actions: Vec<_> = denied.iter().map(|it| it.action()).collect();
        statements.push(json!({ "Effect": "Deny", "Action": actions, "Resource": "*" }));
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let role = world.facts().connector_role_arn;
    let put = world.sim().put_role_permissions(&role, &policy.to_string());
    put.expect("a policy");
}

/// A tested connection, not read yet.
pub(crate) async fn connected(world: &World) -> ConnectionId {
    let cx = world.cx("cy");
    let new = NewApplication {
        name: "AWS".into(),
        description: String::new(),
        owners: Vec::new(),
    };
    let application = connections::create_application(&cx, new).await;
    let facts = world.facts();
    let new = NewConnection {
        application: application.expect("an application").id,
        name: "prod".into(),
        credential: NewCredential::role(facts.connector_role_arn),
        region: facts.region,
        iam: false,
        owners: Vec::new(),
    };
    let made = connections::create(&cx, new).await.expect("a connection");
    world.sim().trust_connector(&made.external_id);
    connections::test(&cx, made.id).await.expect("tested");
    made.id
}

async fn read(world: &World, connection: ConnectionId) -> SyncRun {
    // What was refused before is forgotten by a test.
    world.advance(Span::seconds(40)).await;
    let cx = world.cx("cy");
    connections::test(&cx, connection).await.expect("tested");
    let run = directory::sync(&cx, connection).await.expect("read");
    assert_eq!(run.state, "complete");
    run
}

/// What the directory has now.
async fn known(world: &World) -> Rows {
    let (cx, mut rows) = (world.cx("cy"), Rows::new());
    let mut cursor = None;
    loop {
        let paging = Paging::after_cursor(200, cursor);
        let page = directory::holdings(&cx, &Filter::default(), &paging).await;
        let page = page.expect("read");
        for held in page.items {
            let who = held.assignment.principal;
            let place = match held.assignment.entitlement.key {
                EntitlementKey::AccountAssignment {
                    account,
                    permission_set,
                } => format!("{account} {permission_set}"),
                EntitlementKey::GroupMembership { group } => group,
                EntitlementKey::IamGroupMembership { group, .. } => group,
            };
            rows.insert((format!("{} {}", who.kind.as_str(), who.aws_id), place));
        }
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

/// What AWS has now.
async fn real(world: &World) -> Rows {
    let sim = world.sim();
    let mut rows: Rows = (sim.assignments().into_iter())
        .map(|row| {
            let kind = format!("identity_center_{}", row.principal_type.to_lowercase());
            let place = format!("{} {}", row.account_id, row.permission_set_arn);
            (format!("{kind} {}", row.principal_id), place)
        })
        .collect();
    let groups = world.aws().store.list_groups();
    let groups = groups.identity_store_id(world.facts().identity_store_id);
    let mut pages = groups.into_paginator().items().send();
    while let Some(group) = pages.next().await {
        let group = group.expect("a group").group_id;
        for user in world.aws().members(&group).await {
            rows.insert((format!("identity_center_user {user}"), group.clone()));
        }
    }
    rows
}

/// The directory is what AWS has.
async fn agrees(world: &World, when: &str) {
    let (known, real) = (known(world).await, real(world).await);
    let lacks: Vec<_> = real.difference(&known).take(5).collect();
    let has: Vec<_> = known.difference(&real).take(5).collect();
    assert!(
        lacks.is_empty() && has.is_empty(),
        "{when}: it lacks {lacks:#?} and has {has:#?}"
    );
}

fn chosen(run: &SyncRun) -> Vec<Listing> {
    let choices = run.plan.choices.iter();
    choices
        .filter_map(|it| it.chosen)
        .map(|it| it.listing)
        .collect()
}

/// A small number from a seed, the same every time.
fn dice(seed: u64, place: u64, below: u64) -> u32 {
    let mut x =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 30;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    u32::try_from(x % below).expect("small")
}

fn estate(seed: u64) -> EstateSpec {
    let at = |place, least: u32, below| least + dice(seed, place, below);
    let (accounts, permission_sets) = (at(1, 2, 28), at(2, 1, 12));
    let (users, groups) = (at(3, 5, 130), at(4, 1, 30));
    EstateSpec {
        seed,
        accounts,
        permission_sets,
        users,
        groups,
        memberships: dice(seed, 5, u64::from(users * groups).min(400)),
        assignments: dice(
            seed,
            6,
            u64::from((accounts - 1) * permission_sets * (users + groups)).min(900),
        ),
        ..EstateSpec::default()
    }
}

both_engines! {
    World::builder().estate(dense());
    async fn what_is_refused_halfway_ends_nothing_that_others_have_read(world) {
        permit(&world, &[]);
        let connection = connected(&world).await;
        read(&world, connection).await;
        let before = known(&world).await;
        for (nth, listing) in [
            (5, Listing::AccountsBySet),
            (4, Listing::HoldersByPrincipal),
            (40, Listing::HoldersByPrincipal),
        ] {
            // Allowed for some, and not for others.
            world.sim().faults().add(Fault::on(listing.action()).by(Party::Stint).from(nth), Effect::refuse("AccessDeniedException"));
            let run = read(&world, connection).await;
            assert!(run.plan.refused.iter().any(|(it, _)| *it == listing), "{run:#?}");
            assert_eq!((run.ended, known(&world).await), (0, before.clone()), "{listing:?} from {nth}");
            world.sim().faults().clear();
        }
        // In an account's own instance it is not there at all.
        world.sim().faults().add(Fault::on(Listing::HoldersByPrincipal.action()), Effect::refuse("ValidationException"));
        let run = read(&world, connection).await;
        assert!(chosen(&run).contains(&Listing::HoldersByPair), "{run:#?}");
        assert_eq!((run.ended, known(&world).await), (0, before.clone()));
        world.sim().faults().clear();
        // A group that is deleted while it is read is gone with the next run, and fails none.
        let (group, store) = (world.sim().group_id("platform").expect("a group"), world.facts().identity_store_id);
        let gate = Gate::new();
        world.sim().faults().add(Fault::on("identitystore:ListGroupMemberships").by(Party::Stint), Effect::Hold(gate.clone()));
        let (cx, aws) = (world.cx("cy"), world.aws());
        let (run, ()) = tokio::join!(directory::sync(&cx, connection), async {
            gate.arrived().await;
            world.sim().faults().clear();
            let deleted = aws.store.delete_group().identity_store_id(store).group_id(&group).send().await;
            deleted.expect("deleted");
            gate.release();
        });
        assert_eq!(run.expect("read").state, "complete");
    }
}

/// What is refused, each alone and together, with what can still answer.
const REFUSED: [&[Listing]; 6] = [
    &[],
    &[Listing::AccountsBySet, Listing::HoldersByPrincipal],
    &[Listing::SetsByAccount, Listing::HoldersByPair],
    &[Listing::MembersByGroup, Listing::HoldersByPair],
    &[
        Listing::SetsByAccount,
        Listing::AccountsBySet,
        Listing::HoldersByPair,
    ],
    &[
        Listing::GroupsByMember,
        Listing::HoldersByPrincipal,
        Listing::SetsByAccount,
    ],
];

/// Reads random estates in every way, changed in between; nothing is held back. Answers in which ways.
async fn every_way(
    engine: stint_testkit::Engine,
    seeds: std::ops::Range<u64>,
) -> BTreeSet<Listing> {
    let mut ways = BTreeSet::new();
    for seed in seeds {
        let never = HoldRule {
            percent: 100,
            rows: u64::MAX,
            least: u64::MAX,
        };
        let builder = World::builder()
            .engine(engine)
            .estate(estate(seed))
            .hold(never);
        let world = builder.build().await;
        permit(&world, &[]);
        let connection = connected(&world).await;
        let mut digests = BTreeSet::new();
        for denied in REFUSED {
            permit(&world, denied);
            let run = read(&world, connection).await;
            assert_eq!(
                known(&world).await,
                real(&world).await,
                "seed {seed}, without {denied:?}"
            );
            ways.extend(chosen(&run));
            digests.insert(run.digest);
        }
        assert_eq!(
            digests.len(),
            1,
            "seed {seed}: the same rows, the same digest"
        );
        // Somebody leaves the directory, and somebody loses what they hold.
        let rows = world.sim().assignments();
        let direct: Vec<_> = rows
            .iter()
            .filter(|row| row.principal_type == "USER")
            .collect();
        for (round, denied) in REFUSED.into_iter().enumerate() {
            permit(&world, denied);
            if let Some(row) = direct.get(round * 2) {
                // A person of the tour may be named twice.
                drop(world.sim().remove_user(&row.principal_id));
            }
            if let Some(row) = direct.get(round * 2 + 1) {
                world
                    .aws()
                    .unassign(&row.account_id, &row.permission_set_arn, &row.principal_id)
                    .await;
                world.advance(Span::minutes(1)).await;
            }
            let run = read(&world, connection).await;
            agrees(&world, &format!("seed {seed}, changed, without {denied:?}")).await;
            let seen = usize::try_from(run.seen).expect("a count");
            let rows = known(&world).await.len();
            assert!(
                seen <= rows,
                "seed {seed}: {seen} of {rows}, none counts twice"
            );
        }
        world.finish().await;
    }
    ways
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_asking_gives_the_same_directory_sqlite() {
    let ways = every_way(stint_testkit::Engine::Sqlite, 900..903).await;
    // Of tags there is one way, and they are not asked for unless that is switched on, as IAM.
    let all = Listing::ALL.into_iter();
    let iam = |it: Listing| it.action().starts_with("iam:");
    let all = all
        .filter(|it| *it != Listing::TagsByAccount && !iam(*it))
        .collect();
    assert_eq!(ways, all, "every way was gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_of_asking_gives_the_same_directory_postgres() {
    if !stint_testkit::engine_left_out(stint_testkit::Engine::Postgres) {
        every_way(stint_testkit::Engine::Postgres, 903..904).await;
    }
}

/// Many sets on many accounts, held by few.
fn dense() -> EstateSpec {
    EstateSpec {
        accounts: 41,
        permission_sets: 12,
        users: 60,
        groups: 8,
        memberships: 60,
        assignments: 900,
        ..EstateSpec::default()
    }
}

both_engines! {
    World::builder().estate(dense());
    async fn the_cheapest_that_is_allowed_is_taken_and_what_is_missing_has_its_price(world) {
        permit(&world, &[]);
        let connection = connected(&world).await;
        let run = read(&world, connection).await;
        let by_principal = [Listing::AccountsBySet, Listing::HoldersByPrincipal, Listing::MembersByGroup];
        assert_eq!(chosen(&run), by_principal);
        // Without what is read once a day.
        let cheap = read(&world, connection).await.calls;
        agrees(&world, "read by principal").await;

        permit(&world, &[Listing::HoldersByPrincipal]);
        let run = read(&world, connection).await;
        assert_eq!(chosen(&run), [Listing::AccountsBySet, Listing::HoldersByPair, Listing::MembersByGroup]);
        assert!(run.calls > 2 * cheap, "{} against {cheap}", run.calls);
        // Everybody who looks is told.
        let cy = world.as_user("cy");
        let place = format!("/api/v1/connections/{connection}/sync-runs/{}", run.id);
        let shown = cy.get(&place).await.ok();
        let holders = shown["plan"].as_array().expect("a plan").iter().find(|it| it["question"] == "holders").expect("holders");
        assert_eq!(holders["listing"], "holders_by_pair");
        let missing = &holders["missing"];
        assert_eq!(missing["action"], "sso:ListAccountAssignmentsForPrincipal");
        assert!(missing["calls"].as_i64().expect("calls") > 100 && missing["minutes"] == 1, "{missing:#}");
        let page = world.in_browser("dee").await.get(&format!("/connections/{connection}")).await.is(200).text();
        assert!(page.contains("How it is read") && page.contains("Allow sso:ListAccountAssignmentsForPrincipal"), "{page}");

        // What was refused is not asked again by the next run, but once somebody has tested the connection.
        let denied = |world: &World| {
            let asked = world.sim().journal().into_iter().filter(|it| it.operation == Listing::HoldersByPrincipal.action());
            asked.filter(|it| it.party == Party::Stint).map(|it| (it.at, it.input)).collect::<Vec<_>>()
        };
        let before = denied(&world);
        directory::sync(&world.cx("cy"), connection).await.expect("read");
        assert_eq!(denied(&world), before);
        read(&world, connection).await;
        let asked = denied(&world).split_off(before.len());
        assert_eq!(asked.len(), 1, "one is asked before the others: {asked:#?}");
        permit(&world, &[]);
        assert_eq!(chosen(&read(&world, connection).await), by_principal);
    }
}

both_engines! {
    async fn where_every_way_is_refused_it_fails_and_ends_nothing(world) {
        permit(&world, &[]);
        let connection = connected(&world).await;
        read(&world, connection).await;
        let before = known(&world).await;
        let all = [Listing::SetsByAccount, Listing::AccountsBySet, Listing::HoldersByPair, Listing::HoldersByPrincipal];
        permit(&world, &all);
        let failed = directory::sync(&world.cx("cy"), connection).await.expect_err("refused");
        assert_eq!(failed.code(), "sync_failed");
        assert_eq!(known(&world).await, before);
        world.advance(Span::minutes(6)).await;
        assert_eq!(known(&world).await, before);
        permit(&world, &[]);
        read(&world, connection).await;
        assert_eq!(known(&world).await, before);
    }
}

both_engines! {
    async fn what_permission_sets_allow_is_read_once_a_day(world) {
        permit(&world, &[]);
        let connection = connected(&world).await;
        let set = world.sim().permission_set_arn("prod-admin").expect("a set");
        let instance = world.facts().instance_arn;
        let inline = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let put = world.aws().sso.put_inline_policy_to_permission_set();
        put.instance_arn(&instance).permission_set_arn(&set).inline_policy(inline).send().await.expect("put");
        read(&world, connection).await;
        let asked = |world: &World| {
            world.sim().journal().iter().filter(|it| it.operation == "sso:GetInlinePolicyForPermissionSet").count()
        };
        assert_eq!(asked(&world), 14, "one for each");
        let cy = world.as_user("cy");
        let place = format!("/api/v1/permission-sets?connection={connection}&q=prod-admin");
        let shown = cy.get(&place).await.ok();
        let shown = &shown["items"].as_array().expect("items")[0];
        assert_eq!((&shown["name"], &shown["policies"]["inline"]), (&json!("prod-admin"), &json!(inline)), "{shown:#}");
        assert!(shown["session_duration"].as_str().expect("a length").starts_with("PT"));
        read(&world, connection).await;
        assert_eq!(asked(&world), 14, "known");
        world.advance(Span::hours(25)).await;
        assert_eq!(asked(&world), 28, "a day later");
        world.as_user("ana").get(&place).await.refused(403, "forbidden");
    }
}

both_engines! {
    World::builder().estate(dense());
    async fn credentials_that_fail_on_the_way_are_no_refusal(world) {
        permit(&world, &[]);
        let connection = connected(&world).await;
        read(&world, connection).await;
        let before = known(&world).await;
        world.sim().faults().add(Fault::on(Listing::HoldersByPrincipal.action()).nth(30), Effect::Expire);
        world.sim().faults().add(Fault::on("sts:AssumeRole").by(Party::Stint), Effect::refuse("AccessDenied"));
        let failed = directory::sync(&world.cx("cy"), connection).await.expect_err("the role is closed");
        assert_eq!(failed.code(), "sync_failed");
        assert!(failed.detail().contains("sts:AssumeRole"), "{}", failed.detail());
        assert_eq!(known(&world).await, before);
        let runs = directory::sync_runs(&world.cx("cy"), connection, None, &Paging::first(1)).await;
        let run = runs.expect("runs").items.remove(0);
        assert_eq!((run.state.as_str(), run.plan.refused), ("failed", Vec::new()));
        world.sim().faults().clear();
    }
}

/// A little of everything, on more than one page.
fn several_pages() -> EstateSpec {
    EstateSpec {
        accounts: 23,
        permission_sets: 6,
        users: 110,
        groups: 5,
        memberships: 130,
        assignments: 260,
        ..EstateSpec::default()
    }
}

/// Dies at a commit of a sync, and is taken over. Answers the calls before and after; none once
/// there are no more commits.
async fn dies(engine: stint_testkit::Engine, nth: u64, point: CommitPoint) -> Option<(u64, u64)> {
    let mut world = World::builder()
        .engine(engine)
        .estate(several_pages())
        .build()
        .await;
    permit(&world, &[]);
    let connection = connected(&world).await;
    // Somebody who holds something was deleted before.
    let rows = world.sim().assignments();
    let gone = rows
        .iter()
        .find(|it| it.principal_type == "USER")
        .expect("a row");
    world
        .sim()
        .remove_user(&gone.principal_id)
        .expect("deleted");
    let calls = |world: &World| world.sim().calls_by(Party::Stint);
    let start = calls(&world);
    world.crash_at(nth, point);
    let read = directory::sync(&world.cx("cy"), connection).await;
    let first = calls(&world) - start;
    if !world.crashed() {
        read.expect("read");
        world.abandon().await;
        return None;
    }
    world.restart().await;
    world.spare();
    // AWS goes on meanwhile: somebody gets access, somebody loses it.
    let row = world
        .sim()
        .assignments()
        .into_iter()
        .find(|it| it.principal_type == "USER")
        .expect("a row");
    world
        .aws()
        .unassign(&row.account_id, &row.permission_set_arn, &row.principal_id)
        .await;
    world.advance(Span::minutes(11)).await;
    world.run_due().await;
    let start = start + first;
    let second = calls(&world) - start;
    if point == CommitPoint::Before && nth == 1 {
        // Nothing was begun.
        directory::sync(&world.cx("cy"), connection)
            .await
            .expect("read");
    }
    world.advance(Span::minutes(61)).await;
    assert_eq!(
        known(&world).await,
        real(&world).await,
        "commit {nth} {point:?}"
    );
    let runs = world
        .as_user("cy")
        .get(&format!("/api/v1/connections/{connection}/sync-runs"))
        .await
        .ok();
    for run in runs["items"].as_array().expect("runs") {
        assert_eq!(run["state"], "complete", "{run:#}");
    }
    world.finish().await;
    Some((first, second))
}

/// At commits so far apart: every one would take minutes.
async fn dies_at_every(engine: stint_testkit::Engine, step: usize) {
    for point in [CommitPoint::Before, CommitPoint::After] {
        let mut done = 0;
        for nth in (1..400_u64).step_by(step) {
            let Some((first, second)) = dies(engine, nth, point).await else {
                break;
            };
            done += 1;
            // Two of a list that was under way are read twice, and the pairs are found anew.
            assert!(
                first + second < 2 * 150,
                "commit {nth}: {first} and {second} calls"
            );
        }
        assert!(done * step > 20, "only {done}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_dies_at_any_commit_goes_on_where_it_stands_sqlite() {
    dies_at_every(stint_testkit::Engine::Sqlite, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_dies_at_any_commit_goes_on_where_it_stands_postgres() {
    if !stint_testkit::engine_left_out(stint_testkit::Engine::Postgres) {
        dies_at_every(stint_testkit::Engine::Postgres, 17).await;
    }
}

/// AWS as it is on a bad day: its rates, reads that lag, calls that fail or whose answer is lost.
fn weather() -> Knobs {
    Knobs {
        throttling: Throttling::of_aws(),
        read_lag_micros: 20_000_000,
        ..Knobs::default()
    }
}

/// The rows known now, by their own ids: what ends and comes back gets another one.
async fn rows(world: &World) -> BTreeSet<AssignmentId> {
    let (cx, mut rows, mut cursor) = (world.cx("cy"), BTreeSet::new(), None);
    loop {
        let paging = Paging::after_cursor(200, cursor);
        let page = directory::holdings(&cx, &Filter::default(), &paging).await;
        let page = page.expect("read");
        rows.extend(page.items.iter().map(|held| held.assignment.id));
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

both_engines! {
    World::builder().estate(several_pages()).knobs(weather()).rates();
    async fn on_a_bad_day_nothing_is_reported_ended_that_was_not(world) {
        world.expect_failures();
        let jumping = world.jumping();
        let there = Estate::connect(&world).await;
        let connection = there.connection.id;
        world.advance(Span::minutes(5)).await;
        agrees(&world, "before").await;
        let before = rows(&world).await;
        // Of two grants the one is under way and ends while a sync reads; the other begins then.
        let ending = there.grant(&world, there.assignments[0].id, Span::hours(2)).await;
        world.advance(Span::minutes(10)).await;
        let end = grant(&world, ending).await.end().expect("confirmed");
        for (odds, effect) in [(0.06, Effect::Throttle), (0.05, Effect::Broken), (0.05, Effect::LoseAfter)] {
            let fault = Fault::on("*").by(Party::Stint).odds(odds, 11);
            world.sim().faults().add(fault, effect);
        }
        world.advance((end - Span::minutes(1)).since(world.now())).await;
        let (early, middle, late) = (Gate::new(), Gate::new(), Gate::new());
        for (nth, gate) in [(10, &early), (60, &middle), (110, &late)] {
            let fault = Fault::on("sso:ListAccountAssignments").by(Party::Stint).nth(nth);
            world.sim().faults().add(fault, Effect::Hold(gate.clone()));
        }
        let cx = world.cx("cy");
        let syncs = async {
            let mut failed = 0;
            while let Err(error) = directory::sync(&cx, connection).await {
                assert!(["sync_failed", "sync_running"].contains(&error.code()), "{error:?}");
                failed += 1;
                assert!(failed < 20, "{error:?}");
            }
        };
        let beside = async {
            early.arrived().await;
            let begun = there.grant(&world, there.assignments[1].id, Span::hours(3)).await;
            world.run_due().await;
            early.release();
            middle.arrived().await;
            // The first ends, the second is provided.
            world.advance(Span::minutes(3)).await;
            middle.release();
            late.arrived().await;
            world.advance(Span::minutes(3)).await;
            late.release();
            begun
        };
        let ((), begun) = tokio::join!(syncs, beside);
        world.sim().faults().clear();
        world.advance(Span::minutes(10)).await;
        assert!(grant(&world, ending).await.window.ended.is_some() && !there.has(&world, &there.assignments[0]).await);
        assert!(grant(&world, begun).await.window.confirmed_at.is_some() && there.has(&world, &there.assignments[1]).await);
        agrees(&world, "at its end").await;
        let after = rows(&world).await;
        assert!(before.is_subset(&after), "{:?}", before.difference(&after).collect::<Vec<_>>());
        assert_eq!(after.len(), before.len() + 1, "the second grant's");
        // And once more, by a sync that reads everything.
        directory::sync(&cx, connection).await.expect("read");
        assert_eq!(rows(&world).await, after);
        drop(jumping);
    }
}
