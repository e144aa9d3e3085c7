//! `changed` and `incremental_calls` of `bench sync`: what it takes to stay current by change events.
//!
//! `changed`: others make 500 changes within an hour, and about a tenth of their events is lost, comes
//! twice, or comes late and so in another order. `incremental_calls`: an hour in which nothing
//! changes. Calls on the queue are not counted: those are made whatever happens.

use std::collections::BTreeSet;

use stint_domain::entitlement::EntitlementKey;
use stint_domain::sync::HoldRule;
use stint_domain::{ConnectionId, Span, Time};
use stint_server::connections::{self, FeedsChange};
use stint_server::directory;
use stint_server::http::Paging;
use stint_testkit::sim::{Effect, EstateSpec, Fault, Party, Row};
use stint_testkit::{Engine, World};

use crate::as_of::Dice;
use crate::reader;
use crate::said::Said;

/// So many changes are made.
const CHANGES: u64 = 500;
/// One each so often: all of them in about an hour.
const EVERY: Span = Span::seconds(7);
/// Of each of three kinds of bad luck.
const UNLUCKY: f64 = 0.034;

/// Measures both on one engine; the hour without changes on `medium`.
pub(crate) async fn measure(engine: Engine, medium: &EstateSpec) {
    changed(engine).await;
    quiet_hour(engine, medium).await;
}

/// A connection that has read everything once, and hears of changes.
async fn listening(world: &World, iam: bool) -> ConnectionId {
    let role = world.facts().connector_role_arn;
    let connection = reader::connect(world, &role, iam).await;
    world.sim().trust_connector(&connection.external_id);
    reader::test(world, connection.id).await;
    reader::sync(world, connection.id).await;
    let change = FeedsChange {
        queue_url: Some(world.aws().tell_changes().await),
        ..FeedsChange::default()
    };
    let cx = world.cx("cy");
    let set = connections::set_feeds(&cx, connection.id, change).await;
    set.expect("the queue is taken");
    world.clock().advance(Span::minutes(1));
    connection.id
}

/// Stint's calls since then, but for those on queues.
fn calls(world: &World, since: u64) -> usize {
    let all = world.sim().journal_since(since);
    let stints = all.iter().filter(|call| call.party == Party::Stint);
    stints
        .filter(|call| !call.operation.starts_with("sqs:"))
        .count()
}

fn last(world: &World) -> u64 {
    world.sim().journal().last().map_or(0, |call| call.no)
}

/// Since when something waits to be read again, if anything does.
async fn waiting_since(world: &World, id: ConnectionId) -> Option<Time> {
    let told = directory::freshness(&world.cx("cy"), id).await;
    let classes = told.expect("told").classes;
    classes.iter().filter_map(|class| class.since).min()
}

async fn changed(engine: Engine) {
    let estate = EstateSpec {
        seed: 5,
        accounts: 40,
        permission_sets: 20,
        users: 300,
        groups: 300,
        memberships: 900,
        assignments: 600,
        ..EstateSpec::default()
    };
    let all = HoldRule {
        percent: 100,
        rows: 100_000,
        least: 100_000,
    };
    let builder = World::builder().engine(engine).estate(estate).hold(all);
    let world = builder.build().await;
    let id = listening(&world, false).await;
    let faults = world.sim().faults();
    let deliver = || Fault::on("events:Deliver");
    faults.add(deliver().odds(UNLUCKY, 1), Effect::LoseBefore);
    faults.add(deliver().odds(UNLUCKY, 2), Effect::Twice);
    let late = Effect::ArriveLate { micros: 90_000_000 };
    faults.add(deliver().odds(UNLUCKY, 3), late);
    let before = last(&world);
    let mut others = Others::new(&world, id).await;
    let mut objects = BTreeSet::new();
    let (mut made, mut longest) = (0, Span::ZERO);
    while made < CHANGES {
        if let Some(object) = others.change(&world).await {
            objects.insert(object);
            made += 1;
        }
        world.advance(EVERY).await;
        if let Some(since) = waiting_since(&world, id).await {
            longest = longest.max(world.now().since(since));
        }
    }
    // The last are delivered, the late ones too, and read.
    for _ in 0..36 {
        world.advance(Span::seconds(10)).await;
        if let Some(since) = waiting_since(&world, id).await {
            longest = longest.max(world.now().since(since));
        }
    }
    assert_eq!(waiting_since(&world, id).await, None, "all is read");
    let cost = calls(&world, before);
    let runs = directory::sync_runs(&world.cx("cy"), id, None, &Paging::first(9)).await;
    let runs = runs.expect("listed").items.len();
    assert_eq!(runs, 1, "no full sync was made meanwhile");
    let lost = world.sim().event_rules()[0].lost;
    let run = reader::sync(&world, id).await;
    let missed = run.appeared + run.ended;
    assert!(
        missed <= i64::try_from(lost).unwrap(),
        "what the next sync finds was lost: {run:?}"
    );
    let said = Said {
        bench: "sync",
        case: format!("changed-{}", engine.as_str()),
    };
    let most = objects.len() as f64 * 1.5 + 20.0;
    said.figure("calls", cost as f64, "", most);
    let seconds = longest.as_micros() as f64 / 1_000_000.0;
    said.figure("known_after", seconds, "virtual s", 120.0);
    said.figure("found_by_next_sync", missed as f64, "rows", lost as f64);
    eprintln!(
        "{}: {made} changes of {} objects, {lost} events lost",
        said.case,
        objects.len()
    );
    world.abandon().await;
}

/// Who else changes things, by hand.
struct Others {
    dice: Dice,
    users: Vec<String>,
    groups: Vec<String>,
    places: Vec<(String, String)>,
}

impl Others {
    async fn new(world: &World, id: ConnectionId) -> Self {
        let (aws, facts) = (world.aws(), world.facts());
        let store = &facts.identity_store_id;
        let listed = aws.store.list_groups().identity_store_id(store);
        let listed = listed.into_paginator().items().send();
        let groups = listed.try_collect().await.expect("listed");
        let listed = aws.store.list_users().identity_store_id(store);
        let listed = listed.into_paginator().items().send();
        let users = listed.try_collect().await.expect("listed");
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, id).await.expect("read");
        let places = all.into_iter().filter_map(|it| match it.key {
            // What is in the management account takes rights that nobody gave.
            EntitlementKey::AccountAssignment {
                account,
                permission_set,
            } if account != facts.management_account => Some((account, permission_set)),
            _ => None,
        });
        Self {
            dice: Dice(7),
            users: users.iter().map(|it| it.user_id().to_owned()).collect(),
            groups: groups.iter().map(|it| it.group_id().to_owned()).collect(),
            places: places.collect(),
        }
    }

    fn one<T: Clone>(dice: &mut Dice, of: &[T]) -> T {
        let at = usize::try_from(dice.below(of.len() as u64)).unwrap();
        of[at].clone()
    }

    /// Gives or takes something, if that changes anything; answers the object that has to be read
    /// because of it.
    async fn change(&mut self, world: &World) -> Option<(String, String)> {
        let aws = world.aws();
        let user = Self::one(&mut self.dice, &self.users);
        match self.dice.below(10) {
            0..=4 => {
                let (account, set) = Self::one(&mut self.dice, &self.places);
                let row = Row::Assignment {
                    account: account.clone(),
                    permission_set: set.clone(),
                    principal_type: "USER".into(),
                    principal: user,
                };
                let done = if self.dice.below(2) == 0 {
                    aws.add(&row).await
                } else {
                    aws.take(&row).await
                };
                done.then_some((account, set))
            }
            5..=8 => {
                let group = Self::one(&mut self.dice, &self.groups);
                let row = Row::Membership {
                    group: group.clone(),
                    user,
                };
                let done = aws.add(&row).await || aws.take(&row).await;
                done.then(|| ("members".to_owned(), group))
            }
            _ => {
                let done = world.sim().disable_user(&user).is_ok();
                done.then(|| ("user".to_owned(), user))
            }
        }
    }
}

async fn quiet_hour(engine: Engine, medium: &EstateSpec) {
    let builder = World::builder().engine(engine).estate(medium.clone());
    let world = builder.build().await;
    let id = listening(&world, medium.iam_users > 0).await;
    let before = last(&world);
    for _ in 0..360 {
        world.advance(Span::seconds(10)).await;
    }
    let said = Said {
        bench: "sync",
        case: format!("quiet-{}", engine.as_str()),
    };
    let cost = calls(&world, before) as f64;
    said.figure("incremental_calls", cost, "", 20.0);
    assert_eq!(waiting_since(&world, id).await, None, "nothing waits");
    world.abandon().await;
}
