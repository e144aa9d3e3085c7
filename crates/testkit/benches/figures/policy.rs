//! `bench policy`: `catalog_page_ms`, the first page of what somebody may ask for, with a search and
//! the count, where 50,000 things are on offer to them by catalogs whose contents and audience are
//! conditions.
//!
//! Beside it what the first look costs after the directory changed, and one thing's own address.

use serde_json::json;
use stint_db::{Priority, Val, args};
use stint_domain::condition::Condition;
use stint_domain::{ConnectionId, EntitlementId, Span};
use stint_server::catalog::{self, ContentRule, DefaultTerms, NewCatalog, Rules};
use stint_server::http::Paging;
use stint_server::identity::{self, UserChange};
use stint_testkit::{Engine, World};
use uuid::Uuid;

use crate::reader;
use crate::rules;
use crate::said::{Said, now};

const ACCOUNTS: u64 = 1_000;
const SETS: u64 = 50;
/// Catalogs by condition; the last ones are for others.
const CATALOGS: u64 = 20;
const QUERIES: usize = 200;
/// How often everything is found anew.
const CHANGES: usize = 5;

stint_db::statements! {
    quiet PLACES = "insert into accounts (id, connection_id, aws_id, name, state, first_seen, last_seen) \
        select r.id, $2, r.account, r.name, 'active', $3, $3 from {rows $1 id:uuid account:text name:text} r";
    quiet UNITS = "insert into account_facts (connection_id, account, name, name_key, words, path, units, iam, iam_own) \
        select $2, r.account, r.name, r.name, r.name, r.path, r.path, 'not_read', false from {rows $1 account:text name:text path:text} r";
    quiet SETS_OF = "insert into permission_sets (connection_id, arn, name, first_seen, last_seen) \
        select $2, r.arn, r.name, $3, $3 from {rows $1 arn:text name:text} r";
    quiet THINGS = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen) \
        select r.id, $2, 'account_assignment', r.account, r.target, r.name, r.name, $3, $3 \
        from {rows $1 id:uuid account:text target:text name:text} r";
    quiet RENAME = "update accounts set name = $3 where connection_id = $1 and aws_id = $2";
    quiet ANALYZE_ALL = "analyze";
}

pub(crate) fn id(kind: u64, n: u64) -> Uuid {
    let high = 0x0190_0000_0000_7000_u64 | kind;
    Uuid::from_u128((u128::from(high) << 64) | (0x8 << 60) | u128::from(n))
}

fn account(n: u64) -> String {
    format!("{:012}", 200_000_000_000 + n)
}

fn arn(n: u64) -> String {
    format!("arn:aws:sso:::permissionSet/bench-{n}")
}

pub(crate) fn thing(account: u64, set: u64) -> EntitlementId {
    EntitlementId(id(3, account * SETS + set))
}

pub(crate) async fn write(world: &World, sql: &'static stint_db::Sql, values: Vec<Val>) {
    let mut tx = world.app().db.begin(Priority::Sync).await.expect("begins");
    tx.run(sql, values).await.expect("writes");
    tx.commit().await.expect("commits");
}

/// Ten units below a root, a hundred accounts in each.
async fn fill(world: &World, connection: ConnectionId) {
    let start = world.now();
    let name = |n: u64| format!("team-{:02}-{n:04}", n % 10);
    let rows = (0..ACCOUNTS).map(|n| args![id(8, n), account(n), name(n)]);
    write(world, &PLACES, args![Val::rows(rows), connection, start]).await;
    let rows = (0..ACCOUNTS).map(|n| {
        let path = format!("r-bench/ou-all/ou-{:02}", n % 10);
        args![account(n), name(n), path]
    });
    write(world, &UNITS, args![Val::rows(rows), connection]).await;
    let rows = (0..SETS).map(|n| args![arn(n), format!("Set{n:02}")]);
    write(world, &SETS_OF, args![Val::rows(rows), connection, start]).await;
    let all: Vec<_> = (0..ACCOUNTS)
        .flat_map(|a| (0..SETS).map(move |s| (a, s)))
        .map(|(a, s)| {
            let words = format!("set{s:02} on {}", name(a));
            args![thing(a, s), account(a), arn(s), words]
        })
        .collect();
    for chunk in all.chunks(1_000) {
        let rows = Val::rows(chunk.to_vec());
        write(world, &THINGS, args![rows, connection, start]).await;
    }
    write(world, &ANALYZE_ALL, args![]).await;
}

fn held(n: u64, policy: stint_domain::PolicyId) -> Rules {
    // The first ten are for Ana and hold everything together; the others are for nobody.
    let mine = n < CATALOGS / 2;
    let department = if mine { "Platform" } else { "Elsewhere" };
    let rule = |name: &str, when: String| ContentRule {
        name: name.to_owned(),
        when: Condition::new(&when),
    };
    Rules {
        contents: vec![
            rule(
                "unit",
                format!(
                    "resource has account && resource.account in OrganizationalUnit::\"ou-{:02}\"",
                    n % 10
                ),
            ),
            rule(
                "sets",
                format!(
                    "resource has permission_set && resource.permission_set like \"Set{}*\"",
                    n % 5
                ),
            ),
        ],
        audience_when: Some(Condition::new(&format!(
            "principal has department && principal.department == \"{department}\" \
             && principal has manager && principal.email like \"*@*\""
        ))),
        terms: Some(DefaultTerms {
            policy,
            max_duration: Some(Span::hours(4)),
            until_revoked: false,
        }),
        rank: 100,
    }
}

/// All of it; or `catalogs`, or `rules` alone.
pub(crate) async fn measure(engine: Engine, only: Option<&str>) {
    let world = World::builder().engine(engine).build().await;
    let role = world.facts().connector_role_arn;
    let connection = reader::connect(&world, &role, false).await.id;
    fill(&world, connection).await;
    if only.is_none_or(|only| only == "rules") {
        rules::measure(engine, &world, connection).await;
    }
    if only.is_some_and(|only| only == "rules") {
        world.abandon().await;
        return;
    }
    let auto = stint_domain::policy::Route::AutoApprove;
    let policy = world.policy("bench", auto, Span::hours(8)).await;
    let cy = world.cx("cy");
    for n in 0..CATALOGS {
        let new = NewCatalog {
            name: format!("Catalog {n}"),
            rules: held(n, policy),
            ..NewCatalog::default()
        };
        catalog::create(&cy, new).await.expect("a catalog");
    }
    let change = UserChange {
        department: Some("Platform".to_owned()),
        manager: Some(Some(world.person("bo").id)),
        ..UserChange::default()
    };
    let ana = world.person("ana").id;
    identity::update_user(&cy, ana, change, None)
        .await
        .expect("changed");
    let all = ACCOUNTS * SETS;
    let said = Said {
        bench: "policy",
        case: format!("{}, {all} on offer, {CATALOGS} catalogs", engine.as_str()),
    };
    let cx = world.cx("ana");
    let look = async |words: &str| {
        let began = now();
        let found = catalog::offers(&cx, words, &Paging::first(50)).await;
        (found.expect("offers"), millis(began))
    };
    // The first look after a change finds everything anew.
    let mut anew = Vec::new();
    for n in 0..CHANGES {
        let name = format!("renamed-{n}");
        write(&world, &RENAME, args![connection, account(0), name]).await;
        let (found, took) = look("").await;
        assert_eq!(found.total as u64, all, "all of it is on offer");
        anew.push(took);
    }
    said.figure("catalog_anew_ms", p95(&mut anew), "ms", 2_000.0);
    let mut pages = Vec::with_capacity(QUERIES);
    for n in 0..QUERIES as u64 {
        let words = match n % 4 {
            0 => String::new(),
            1 => format!("set{:02}", n % SETS),
            2 => format!("team-{:02} set{:02}", n % 10, n % SETS),
            _ => format!("{:04}", n * 37 % ACCOUNTS),
        };
        let (found, took) = look(&words).await;
        assert!(found.total > 0 && !found.page.items.is_empty(), "{words}");
        pages.push(took);
    }
    said.figure("catalog_page_ms", p95(&mut pages), "ms", 50.0);
    // The same through the door: rights, JSON and all.
    let door = world.as_user("ana");
    let mut answers = Vec::with_capacity(QUERIES);
    for n in 0..QUERIES as u64 {
        let path = format!("/api/v1/offers?q=set{:02}&limit=50", n % SETS);
        let began = now();
        let answer = door.get(&path).await.ok();
        answers.push(millis(began));
        assert_eq!(answer["total"], json!(ACCOUNTS));
    }
    said.figure("catalog_page_http_ms", p95(&mut answers), "ms", 50.0);
    let mut ones = Vec::with_capacity(QUERIES);
    for n in 0..QUERIES as u64 {
        let began = now();
        let one = catalog::offer(&cx, thing(n * 7 % ACCOUNTS, n % SETS)).await;
        ones.push(millis(began));
        one.expect("on offer");
    }
    said.figure("catalog_one_ms", p95(&mut ones), "ms", 50.0);
    world.abandon().await;
}

pub(crate) fn millis(began: std::time::Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}

pub(crate) fn p95(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * 95 / 100]
}
