//! `as_of_query_ms` of `bench sync`: who held what at some moment, over three million rows of
//! history.
//!
//! The rows are made here, as the syncs of years would have left them: who holds what comes and
//! goes, some of it through groups. Then random first pages of fifty are asked for, by user
//! (through groups, too), by account and by entitlement, as the pages do.

use stint_db::{Priority, Val, args};
use stint_domain::{AssignmentId, ConnectionId, EntitlementId, PrincipalId, Span, Time, UserId};
use stint_server::directory::{self, Filter};
use stint_server::http::Paging;
use stint_testkit::{Engine, World};
use uuid::Uuid;

use crate::reader;
use crate::said::{Said, now};

const ACCOUNTS: u64 = 1_000;
const SETS: u64 = 20;
const USERS: u64 = 20_000;
const GROUPS: u64 = 500;
/// Each user is, or was, in so many.
const MEMBERSHIPS: u64 = 5;
/// Each group holds, or held, so much.
const HELD_BY_GROUP: u64 = 40;
/// The rows there are in all.
const ROWS: u64 = 3_000_000;
/// So many are looked at.
const QUERIES: usize = 300;
/// The time in which all of it happened.
const PAST: Span = Span::hours(24 * 700);

stint_db::statements! {
    quiet PRINCIPALS = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, first_seen, last_seen) \
        select r.id, $2, r.kind, r.name, r.name, r.name, $3, $3 from {rows $1 id:uuid kind:text name:text} r";
    quiet ENTITLEMENTS = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen) \
        select r.id, $2, r.kind, r.account, r.target, r.name, r.name, $3, $3 from {rows $1 id:uuid kind:text account:text target:text name:text} r";
    quiet ASSIGNMENTS = "insert into assignments (id, connection_id, principal_id, entitlement_id, absent_before, first_seen, last_seen, ended_at) \
        select r.id, $2, r.principal, r.entitlement, r.first_seen, r.first_seen, r.last_seen, r.ended \
        from {rows $1 id:uuid principal:uuid entitlement:uuid first_seen:int last_seen:int ended:int} r \
        where true on conflict (principal_id, entitlement_id) where ended_at is null do nothing";
    quiet PEOPLE = "insert into users (id, name, email, email_key, search_text, active, created_at, version) \
        select r.id, r.name, r.name || '@acme.example', r.name || '@acme.example', r.name, true, $2, 1 from {rows $1 id:uuid name:text} r";
    quiet LINKS = "insert into links (id, user_id, principal_id, principal_kind, account, connection_id, state, is_primary, why, proposed_at, decided_at, version) \
        select r.id, r.person, r.principal, 'identity_center_user', '', $2, 'confirmed', true, 'a likeness', $3, $3, 1 from {rows $1 id:uuid person:uuid principal:uuid} r";
    quiet ANALYZE = "analyze";
}

/// Ids that can be found again by a number.
fn id(kind: u64, n: u64) -> Uuid {
    let high = 0x0190_0000_0000_7000_u64 | kind;
    Uuid::from_u128((u128::from(high) << 64) | (0x8 << 60) | u128::from(n))
}

/// Random numbers, the same every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % most
    }
}

fn user(n: u64) -> PrincipalId {
    PrincipalId(id(1, n))
}

/// Whose it is.
fn person(n: u64) -> UserId {
    UserId(id(7, n))
}

fn group(n: u64) -> PrincipalId {
    PrincipalId(id(2, n))
}

fn place(account: u64, set: u64) -> EntitlementId {
    EntitlementId(id(3, account * SETS + set))
}

fn joined(group: u64) -> EntitlementId {
    EntitlementId(id(4, group))
}

fn account(n: u64) -> String {
    format!("{:012}", 100_000_000_000 + n)
}

/// Measures on one engine.
pub(crate) async fn measure(engine: Engine) {
    let world = World::builder().engine(engine).build().await;
    let role = world.facts().connector_role_arn;
    let connection = reader::connect(&world, &role, false).await.id;
    let began = now();
    fill(&world, connection).await;
    eprintln!(
        "{}: {ROWS} rows in {:.1} s",
        engine.as_str(),
        began.elapsed().as_secs_f64()
    );
    let said = Said {
        bench: "sync",
        case: format!("as-of-{}", engine.as_str()),
    };
    let mut dice = Dice(42);
    let mut all: Vec<f64> = Vec::with_capacity(QUERIES);
    let mut by: Vec<(&str, Vec<f64>)> = ["user", "account", "entitlement"]
        .map(|name| (name, Vec::new()))
        .to_vec();
    let cx = world.cx("cy");
    let mut rows = 0;
    for n in 0..QUERIES {
        let at = world.now()
            - Span::micros(i64::try_from(dice.below(1 << 50)).unwrap() % PAST.as_micros());
        let mut filter = Filter {
            at: Some(at),
            ..Filter::default()
        };
        match n % 3 {
            0 => filter.user = Some(person(dice.below(USERS))),
            1 => filter.account = Some(account(dice.below(ACCOUNTS))),
            _ => filter.entitlement = Some(place(dice.below(ACCOUNTS), dice.below(SETS))),
        }
        let began = now();
        let page = directory::holdings(&cx, &filter, &Paging::first(50)).await;
        let millis = began.elapsed().as_secs_f64() * 1_000.0;
        rows += page.expect("read").items.len();
        all.push(millis);
        by[n % 3].1.push(millis);
    }
    assert!(
        rows > QUERIES * 20,
        "{rows} rows in all: the pages are not empty"
    );
    for (name, mut times) in by {
        eprintln!(
            "{}: by {name}: p95 {:.1} ms",
            engine.as_str(),
            p95(&mut times)
        );
    }
    said.figure("as_of_query_ms", p95(&mut all), "ms", 50.0);
    world.abandon().await;
}

fn p95(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * 95 / 100]
}

async fn fill(world: &World, connection: ConnectionId) {
    let start = world.now() - PAST;
    let people = (0..USERS).map(|n| args![user(n), "identity_center_user", format!("user-{n:06}")]);
    let groups =
        (0..GROUPS).map(|n| args![group(n), "identity_center_group", format!("group-{n:04}")]);
    let people: Vec<_> = people.chain(groups).collect();
    for chunk in people.chunks(1_000) {
        write(
            world,
            &PRINCIPALS,
            args![Val::rows(chunk.to_vec()), connection, start],
        )
        .await;
    }
    let places = (0..ACCOUNTS).flat_map(|a| {
        (0..SETS).map(move |s| {
            let (name, target) = (
                format!("set-{s:02} on account-{a:04}"),
                format!("arn:aws:sso:::permissionSet/{s}"),
            );
            args![place(a, s), "account_assignment", account(a), target, name]
        })
    });
    let joins = (0..GROUPS).map(|n| {
        let group = format!("group-{n:04}");
        args![
            joined(n),
            "group_membership",
            "",
            &group,
            format!("Identity Center group {group}")
        ]
    });
    let things: Vec<_> = places.chain(joins).collect();
    for chunk in things.chunks(1_000) {
        write(
            world,
            &ENTITLEMENTS,
            args![Val::rows(chunk.to_vec()), connection, start],
        )
        .await;
    }
    let names: Vec<_> = (0..USERS)
        .map(|n| args![person(n), format!("person-{n:06}")])
        .collect();
    for chunk in names.chunks(1_000) {
        write(world, &PEOPLE, args![Val::rows(chunk.to_vec()), start]).await;
    }
    let links: Vec<_> = (0..USERS)
        .map(|n| args![id(6, n), person(n), user(n)])
        .collect();
    for chunk in links.chunks(1_000) {
        let rows = Val::rows(chunk.to_vec());
        write(world, &LINKS, args![rows, connection, start]).await;
    }
    let mut dice = Dice(7);
    let (mut made, mut chunk) = (0, Vec::with_capacity(2_000));
    let memberships = (0..USERS).flat_map(|u| (0..MEMBERSHIPS).map(move |_| u));
    let memberships = memberships.map(|u| (user(u), None));
    let of_groups = (0..GROUPS).flat_map(|g| (0..HELD_BY_GROUP).map(move |_| g));
    let of_groups = of_groups.map(|g| (group(g), Some(())));
    let mut pairs: Vec<(PrincipalId, EntitlementId)> = Vec::new();
    for (who, what) in memberships.chain(of_groups) {
        pairs.push((
            who,
            match what {
                None => joined(dice.below(GROUPS)),
                Some(()) => place(dice.below(ACCOUNTS), dice.below(SETS)),
            },
        ));
    }
    let rest = ROWS - pairs.len() as u64;
    for n in 0..rest {
        pairs.push((
            user(n % USERS),
            place(dice.below(ACCOUNTS), dice.below(SETS)),
        ));
    }
    let last = world.now().micros();
    for (who, what) in pairs {
        let first = start.micros() + i64::try_from(dice.below(1 << 50)).unwrap() % PAST.as_micros();
        let length = i64::try_from(dice.below(1 << 46)).unwrap() % (PAST.as_micros() / 4);
        // One in five is held still.
        let (seen, ended) = match dice.below(5) {
            0 => (last, None),
            _ => (
                (first + length).min(last),
                Some((first + length + 1).min(last)),
            ),
        };
        made += 1;
        let row = AssignmentId(id(5, made));
        chunk.push(args![
            row,
            who,
            what,
            Time::from_micros(first),
            Time::from_micros(seen),
            ended
        ]);
        if chunk.len() == 2_000 {
            let rows = Val::rows(std::mem::take(&mut chunk));
            write(world, &ASSIGNMENTS, args![rows, connection]).await;
        }
    }
    write(world, &ASSIGNMENTS, args![Val::rows(chunk), connection]).await;
    write(world, &ANALYZE, args![]).await;
}

async fn write(world: &World, sql: &'static stint_db::Sql, values: Vec<Val>) {
    let mut tx = world.app().db.begin(Priority::Sync).await.expect("begins");
    tx.run(sql, values).await.expect("writes");
    tx.commit().await.expect("commits");
}
