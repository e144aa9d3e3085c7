//! A revocation in the middle of a long sync does not wait for it (invariant 11).

use std::sync::Arc;

use stint_domain::entitlement::{EntitlementKey, Pair};
use stint_domain::grant::GrantState;
use stint_domain::{ConnectionId, GrantId, Span};
use stint_server::directory::{self, SyncRun};
use stint_server::grants::{self, NewGrant, Origin};
use stint_server::http::Paging;
use stint_server::tasks::{Task, run_until_idle};
use stint_testkit::sim::{Effect, EstateSpec, Fault, Gate, Party};
use stint_testkit::{Engine, World};

use crate::estate::grant;

/// About ten thousand calls: each group is asked for its members, and each permission set of each
/// account for its holders. By user both take more.
fn long() -> EstateSpec {
    EstateSpec {
        accounts: 160,
        permission_sets: 40,
        users: 9_000,
        groups: 7_700,
        memberships: 9_000,
        assignments: 9_000,
        ..EstateSpec::default()
    }
}

/// Where a sync's `nth` reading of a group's members stands until it is let through.
fn gate(world: &World, nth: u64) -> Gate {
    let gate = Gate::new();
    let members = Fault::on("identitystore:ListGroupMemberships");
    let members = members.by(Party::Stint).nth(nth);
    world
        .sim()
        .faults()
        .add(members, Effect::Hold(gate.clone()));
    gate
}

/// What grants are made real by; the sync is not theirs.
async fn work(world: &World) -> Option<stint_domain::Time> {
    let ours = |task: &Arc<dyn Task>| {
        let name = task.name();
        name.starts_with("grants.") || name.starts_with("outbox.")
    };
    let tasks: Vec<_> = stint_server::tasks().into_iter().filter(ours).collect();
    run_until_idle(world.app(), &tasks)
        .await
        .expect("no task fails")
}

async fn run(world: &World, id: ConnectionId) -> SyncRun {
    let runs = directory::sync_runs(&world.cx("cy"), id, None, &Paging::first(1)).await;
    let mut runs = runs.expect("listed").items;
    runs.pop().expect("a run")
}

/// A user put into a group by a grant of an hour, while the sync stands still; the grant.
async fn given(world: &World, id: ConnectionId) -> GrantId {
    let (user, group) = {
        let taken = world.sim().memberships();
        let (group, _) = taken.first().expect("a membership").clone();
        let mut others = taken.iter().map(|(_, user)| user);
        let free = others.find(|user| !taken.contains(&(group.clone(), (*user).clone())));
        (free.expect("somebody else").clone(), group)
    };
    let cx = world.system();
    let mut q = cx.read().await.expect("a reader");
    let principal = directory::principal_by_aws_id(&mut q, id, &user).await;
    let principal = principal.expect("read").expect("listed by the sync");
    let all = directory::all_entitlements(&mut q, id).await.expect("read");
    let key = EntitlementKey::GroupMembership { group };
    let what = all.iter().find(|it| it.key == key).expect("listed");
    drop(q);
    let new = NewGrant {
        emergency: false,
        review_every: None,
        pair: Pair {
            connection: id,
            principal: principal.id,
            entitlement: what.id,
        },
        user: world.person("ana").id,
        origin: Origin::Request(world.app().new_id()),
        start: cx.now,
        duration: Some(Span::hours(10)),
        approved_at: cx.now,
        extends: None,
    };
    let mut tx = cx
        .begin(stint_db::Priority::Interactive)
        .await
        .expect("a transaction");
    let given = grants::open(&cx, &mut tx, new).await.expect("opened");
    tx.commit().await.expect("committed");
    grants::nudge(&cx.app);
    for _ in 0..100 {
        let due = work(world).await;
        if grant(world, given).await.status(world.now()) == GrantState::Active {
            return given;
        }
        let step = world.now() + Span::seconds(1);
        let at = due.map_or(step, |due| due.max(step));
        world.sim().clock().set(at.micros());
    }
    panic!("the grant is not active");
}

async fn a_revocation_goes_ahead_of_ten_thousand_calls(engine: Engine) {
    if stint_testkit::engine_left_out(engine) {
        return;
    }
    let builder = World::builder().engine(engine).estate(long()).rates();
    let world = builder.build().await;
    let cx = world.cx("cy");
    let jumping = world.jumping();
    let connection = crate::reading::connected(&world).await;
    let first = gate(&world, 100);
    let second = gate(&world, 1_500);
    let syncing = tokio::spawn({
        let cx = world.cx("cy");
        async move { directory::sync(&cx, connection).await.map(drop) }
    });
    first.arrived().await;
    drop(jumping);
    let given = given(&world, connection).await;
    first.release();
    let jumping = world.jumping();
    second.arrived().await;
    // From here no time passes: who has to wait for its turn at AWS's rates waits for ever.
    drop(jumping);
    let (now, mark) = (world.now(), world.sim().calls());
    grants::revoke(&cx, given, "incident")
        .await
        .expect("revoked");
    work(&world).await;
    assert_eq!(world.now(), now);
    let calls = world.sim().journal_since(mark);
    let called: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    let removed = called
        .iter()
        .position(|it| *it == "identitystore:DeleteGroupMembership");
    // Those that left already, side by side and as many as fit into AWS's burst, and no more.
    assert!(
        removed.is_some_and(|ahead| ahead <= 40),
        "the revocation waits: {called:?}"
    );
    let run = run(&world, connection).await;
    assert_eq!(run.state, "running", "{run:?}");
    assert!(
        run.expected >= 9_000 && run.done < run.expected / 2,
        "{run:?}"
    );
    println!("{} of {} calls were made", run.done, run.expected);
    syncing.abort();
    second.release();
    world.abandon().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_goes_ahead_of_a_sync_of_ten_thousand_calls_sqlite() {
    a_revocation_goes_ahead_of_ten_thousand_calls(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_goes_ahead_of_a_sync_of_ten_thousand_calls_postgres() {
    a_revocation_goes_ahead_of_ten_thousand_calls(Engine::Postgres).await;
}
