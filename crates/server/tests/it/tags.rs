//! Tags of accounts: read where that is switched on, seldom and by and by; and asked for by
//! conditions, which let nothing through while they are not known.

use serde_json::{Value, json};
use stint_db::{CommitPoint, Priority, Query as _, Val, args};
use stint_domain::sync::plan::{Choice, Question};
use stint_domain::{AccountId, ConnectionId, Span, Time};
use stint_server::catalog;
use stint_server::connections::{self, FeedsChange};
use stint_server::directory::{self, SyncRun};
use stint_server::http::Paging;
use stint_testkit::sim::{Effect, EstateSpec, Fault, Gate, Party};
use stint_testkit::{Organization, World, both_engines};

use crate::policies::Asked;

const TAGS: &str = "organizations:ListTagsForResource";
const PROD: &str = "resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") == \"prod\"";

stint_db::statements! {
    quiet LEFT = "insert into accounts (id, connection_id, aws_id, name, state, tags, tags_read_at, tags_tried_at, first_seen, last_seen) \
        values ($1, $2, '999999999999', 'left-us', 'active', $4, $3, $3, $3, $3)";
    OF_LEFT = "select tags, tags_read_at, gone_at from accounts where connection_id = $1 and aws_id = '999999999999'";
    quiet WAITING = "insert into changes (connection_id, kind, account, target, first_at, heard_at, settled_at, due_at, events, generation, tries) \
        select $2, 'account_tags', r.account, '', $3, $3, $3, $4, 1, 1, 0 from {rows $1 account:text} r where true";
}

fn estate() -> EstateSpec {
    EstateSpec {
        accounts: 24,
        permission_sets: 4,
        users: 8,
        groups: 4,
        memberships: 4,
        assignments: 10,
        ..EstateSpec::default()
    }
}

async fn switch(world: &World, connection: ConnectionId, on: bool) {
    let place = format!("/api/v1/connections/{connection}");
    let change = json!({ "scope": { "account_tags": on } });
    world.as_user("cy").patch(&place, change).await.ok();
}

async fn sync(world: &World, connection: ConnectionId) -> SyncRun {
    let run = directory::sync(&world.cx("cy"), connection).await;
    let run = run.expect("read");
    assert_eq!(run.state, "complete");
    run
}

/// How many accounts Stint asked for their tags since then.
fn asked(world: &World, since: u64) -> usize {
    let all = world.sim().journal_since(since).into_iter();
    all.filter(|call| call.party == Party::Stint && call.operation == TAGS)
        .count()
}

/// What a run planned for tags.
fn planned(run: &SyncRun) -> &Choice {
    let mut all = run.plan.choices.iter();
    all.find(|it| it.question == Question::Tags)
        .expect("planned")
}

/// An account with a tag that AWS does not have any more.
async fn left(world: &World, connection: ConnectionId) {
    let id: AccountId = world.app().new_id();
    let values = args![id, connection, world.now(), json!({ "env": "prod" })];
    let tx = world.system().begin(Priority::Sync).await;
    let mut tx = tx.expect("begun");
    tx.run(&LEFT, values).await.expect("written");
    tx.commit().await.expect("written");
}

/// Whether it is gone, and its tags with it: both or neither.
async fn is_left(world: &World, connection: ConnectionId) -> bool {
    let mut q = world.app().db.reader().await.expect("a reader");
    let row = q.one(&OF_LEFT, args![connection]).await.expect("a row");
    let tags: Option<Value> = row.get("tags").expect("tags");
    let read: Option<Time> = row.get("tags_read_at").expect("a time");
    let gone: Option<Time> = row.get("gone_at").expect("a time");
    assert_eq!(
        (tags.is_some(), read.is_some()),
        (gone.is_none(), gone.is_none())
    );
    gone.is_some()
}

/// Its changes are told.
async fn listens(world: &World, connection: ConnectionId) {
    let queue_url = Some(world.aws().tell_changes().await);
    let change = FeedsChange {
        queue_url,
        ..FeedsChange::default()
    };
    connections::set_feeds(&world.cx("cy"), connection, change)
        .await
        .expect("taken");
    world.clock().advance(Span::seconds(60));
}

/// A catalog for everybody of what a condition is true of; its id.
async fn ruled(world: &World, org: &Organization, name: &str, when: &str) -> String {
    let new = json!({
        "name": name, "audience": [org.everyone.to_string()],
        "contents": [{ "name": "Rule", "when": when }],
        "default_terms": { "policy": org.auto.to_string() },
    });
    let made = world.as_user("cy").post("/api/v1/catalogs", new).await;
    let made = made.is(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

/// What Ana may ask for, by name.
async fn offered(world: &World) -> Vec<String> {
    let all = Paging::after_cursor(200, None);
    let found = catalog::offers(&world.cx("ana"), "", &all).await;
    let found = found.expect("offers");
    assert!(found.page.next.is_none(), "one page");
    let items = found.page.items.into_iter();
    items.map(|it| it.entitlement.name).collect()
}

/// An account as the list shows it.
async fn account(world: &World, id: &str) -> Value {
    let place = format!("/api/v1/accounts?account={id}");
    let found = world.as_user("cy").get(&place).await.ok();
    found["items"][0].clone()
}

fn on(names: &[String], part: &str) -> usize {
    names.iter().filter(|name| name.contains(part)).count()
}

both_engines! {
    World::builder().estate(estate());
    async fn a_catalog_holds_what_has_the_tag_once_that_is_known_and_not_before(world) {
        let org = world.organize().await;
        let production = ruled(&world, &org, "Production", PROD).await;
        // Not read is not untagged: neither the condition nor its opposite lets anything through.
        assert_eq!(offered(&world).await, Vec::<String>::new());
        let rest = ruled(&world, &org, "The rest", &format!("!({PROD})")).await;
        assert_eq!(on(&offered(&world).await, " on "), 0);
        let payments = world.sim().account_id("prod-payments").expect("there");
        assert!(account(&world, &payments).await.get("tags").is_none());
        // Switched on is not read, either.
        switch(&world, org.connection, true).await;
        assert_eq!(on(&offered(&world).await, " on "), 0);
        let run = sync(&world, org.connection).await;
        assert!(run.done >= 24 && run.expected == run.done, "{run:?}");
        let seen = account(&world, &payments).await;
        assert_eq!(seen["tags"], json!({ "env": "prod" }), "{seen:#}");
        assert!(seen["tags_read_at"].is_string(), "{seen:#}");
        let shown = world.in_browser("cy").await.get("/explore/accounts?q=prod-payments").await;
        assert!(shown.is(200).text().contains("env=prod"));
        // Everything is in one of the two now, and in the right one.
        let names = offered(&world).await;
        assert_eq!(on(&names, " on "), 24 * 4, "{names:?}");
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        let judged = async |catalog: &str| {
            let place = format!("/api/v1/catalogs/{catalog}/try?entitlement={admin}");
            let found = world.as_user("cy").get(&place).await.ok();
            found["entitlement"]["rules"][0]["holds"].clone()
        };
        assert_eq!((judged(&production).await, judged(&rest).await), (json!(true), json!(false)));
        // What somebody changes in AWS is known once it is read again, and lists follow at once.
        world.aws().tag_account(&payments, "env", "dev").await;
        world.clock().advance(Span::hours(25));
        sync(&world, org.connection).await;
        sync(&world, org.connection).await;
        assert_eq!(account(&world, &payments).await["tags"], json!({ "env": "dev" }));
        assert_eq!((judged(&production).await, judged(&rest).await), (json!(false), json!(true)));
        // Switched off nothing of it is believed any more, before and after the next sync.
        switch(&world, org.connection, false).await;
        assert_eq!(on(&offered(&world).await, " on "), 0);
        assert_eq!(judged(&production).await, Value::Null, "it cannot be told");
        assert!(account(&world, &payments).await.get("tags").is_none());
        // Switched on again, with no sync between, it begins with nothing.
        switch(&world, org.connection, true).await;
        assert_eq!(on(&offered(&world).await, " on "), 0, "what was forgotten is read first");
        sync(&world, org.connection).await;
        assert_eq!(on(&offered(&world).await, " on "), 24 * 4);
    }

    async fn tags_are_read_once_and_again_by_and_by(world) {
        let org = world.organize().await;
        let mut mark = world.sim().calls();
        let mut read = async || {
            sync(&world, org.connection).await;
            let calls = asked(&world, mark);
            mark = world.sim().calls();
            calls
        };
        assert_eq!(read().await, 0, "switched off");
        switch(&world, org.connection, true).await;
        assert_eq!(read().await, 24);
        assert_eq!(read().await, 0);
        // One that is new is read by the next sync, and nothing else with it.
        world.aws().new_account("one").await;
        assert_eq!(read().await, 1);
        // Later all are old: some in each sync, and none is forgotten.
        world.clock().advance(Span::hours(17));
        assert_eq!(read().await, 0);
        world.clock().advance(Span::hours(1));
        assert_eq!(read().await, 20);
        assert_eq!(read().await, 5);
        assert_eq!(read().await, 0);
        // The longer there was none, the more.
        world.clock().advance(Span::hours(24));
        assert_eq!(read().await, 25);
    }

    async fn a_role_that_may_not_read_tags_reads_everything_else_and_says_what_is_missing(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        sync(&world, org.connection).await;
        let payments = world.sim().account_id("prod-payments").expect("there");
        let before = account(&world, &payments).await["tags"].clone();
        assert_eq!(before, json!({ "env": "prod" }));
        // Somebody takes the permission away, and changes a tag meanwhile.
        let role = world.facts().connector_role_arn;
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["sso:*", "identitystore:*", "organizations:*", "iam:*"], "Resource": "*" },
            { "Effect": "Deny", "Action": TAGS, "Resource": "*" },
        ]});
        world.sim().put_role_permissions(&role, &policy.to_string()).expect("a policy");
        world.aws().tag_account(&payments, "env", "dev").await;
        world.clock().advance(Span::hours(25));
        let mark = world.sim().calls();
        let run = sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 11, "what is refused for some, and for one that told before, is for all");
        let plan = planned(&run);
        assert!(plan.chosen.is_none() && plan.options[0].denied, "{plan:?}");
        // What was not read is as it was.
        assert_eq!(account(&world, &payments).await["tags"], before);
        let mark = world.sim().calls();
        sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 0, "a refusal is believed for a while");
        let place = format!("/api/v1/connections/{}/test", org.connection);
        let tested = world.as_user("cy").post(&place, json!({})).await.ok();
        let actions = tested["last_test"]["actions"].as_array().expect("a table").clone();
        let row = actions.iter().find(|it| it["action"] == TAGS).expect("in the table");
        assert_eq!((&row["able"], &row["weight"]), (&json!("missing"), &json!("faster")), "{row:#}");
        // Given back, and tested: read again.
        world.sim().put_role_permissions(&role, &policy.to_string().replace("\"Deny\"", "\"Allow\"")).expect("a policy");
        world.clock().advance(Span::seconds(1));
        world.as_user("cy").post(&place, json!({})).await.ok();
        let mark = world.sim().calls();
        sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 20);
    }

    async fn a_changed_tag_is_read_after_its_event(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        sync(&world, org.connection).await;
        listens(&world, org.connection).await;
        let payments = world.sim().account_id("prod-payments").expect("there");
        let mark = world.sim().calls();
        world.aws().tag_account(&payments, "team", "payments").await;
        for _ in 0..18 {
            world.advance(Span::seconds(10)).await;
        }
        let seen = account(&world, &payments).await;
        assert_eq!(seen["tags"], json!({ "env": "prod", "team": "payments" }), "{seen:#}");
        assert_eq!(asked(&world, mark), 1, "that account and no other");
        // Where tags are not read, an event about them is none.
        switch(&world, org.connection, false).await;
        let mark = world.sim().calls();
        world.aws().tag_account(&payments, "team", "web").await;
        for _ in 0..18 {
            world.advance(Span::seconds(10)).await;
        }
        assert_eq!(asked(&world, mark), 0);
    }

    async fn an_event_about_tags_outlives_a_sync_that_did_not_read_them(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        sync(&world, org.connection).await;
        listens(&world, org.connection).await;
        let broken = world.sim().faults().add(Fault::on(TAGS), Effect::refuse("UnsupportedAPIEndpointException"));
        let payments = world.sim().account_id("prod-payments").expect("there");
        let mark = world.sim().calls();
        world.aws().tag_account(&payments, "team", "payments").await;
        for _ in 0..30 {
            world.advance(Span::seconds(10)).await;
        }
        assert!(asked(&world, mark) > 0, "it was tried");
        // A sync reads everything but tags, which are not old.
        let mark = world.sim().calls();
        sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 0);
        world.advance(Span::seconds(10)).await;
        world.sim().faults().remove(broken);
        for _ in 0..40 {
            world.advance(Span::seconds(30)).await;
        }
        let seen = account(&world, &payments).await;
        assert_eq!(seen["tags"], json!({ "env": "prod", "team": "payments" }), "{seen:#}");
    }

    async fn tags_nobody_could_read_for_a_week_are_not_known_any_more(world) {
        let org = world.organize().await;
        ruled(&world, &org, "Production", PROD).await;
        switch(&world, org.connection, true).await;
        sync(&world, org.connection).await;
        let open = on(&offered(&world).await, " on ");
        assert!(open > 0);
        world.sim().faults().add(Fault::on(TAGS), Effect::refuse("AccessDeniedException"));
        world.clock().advance(Span::hours(7 * 24 - 1));
        world.run_due().await;
        assert_eq!(on(&offered(&world).await, " on "), open, "believed for a week");
        world.clock().advance(Span::hours(1));
        world.run_due().await;
        assert_eq!(on(&offered(&world).await, " on "), 0);
        let payments = world.sim().account_id("prod-payments").expect("there");
        assert!(account(&world, &payments).await.get("tags").is_none());
    }

    async fn what_one_account_refuses_says_nothing_of_the_others(world) {
        let org = world.organize().await;
        let payments = world.sim().account_id("prod-payments").expect("there");
        let told = payments.clone();
        let refused = Fault::on(TAGS).when(move |seen| seen.input["ResourceId"] != told.as_str());
        let refused = world.sim().faults().add(refused, Effect::refuse("AccessDeniedException"));
        switch(&world, org.connection, true).await;
        let mark = world.sim().calls();
        let run = sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 24);
        assert!(planned(&run).chosen.is_some(), "{:?}", run.plan);
        let seen = account(&world, &payments).await;
        assert_eq!(seen["tags"], json!({ "env": "prod" }), "{seen:#}");
        assert!(seen.get("tags_refused_at").is_none(), "{seen:#}");
        let all = world.as_user("cy").get("/api/v1/accounts?limit=200").await.ok();
        let all = all["items"].as_array().expect("a list").clone();
        let noted = all.iter().filter(|it| it["tags_refused_at"].is_string() && it.get("tags").is_none());
        assert_eq!(noted.count(), 23);
        // They are asked about once a day, and no new account waits behind them.
        let mark = world.sim().calls();
        sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 0);
        world.sim().faults().remove(refused);
        world.aws().new_account("one").await;
        let mark = world.sim().calls();
        sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 1);
        world.clock().advance(Span::hours(24));
        sync(&world, org.connection).await;
        let all = world.as_user("cy").get("/api/v1/accounts?limit=200").await.ok();
        let all = all["items"].as_array().expect("a list").clone();
        assert_eq!(all.iter().filter(|it| it.get("tags").is_some()).count(), 25);
        assert!(all.iter().all(|it| it.get("tags_refused_at").is_none()));
    }

    async fn failures_in_a_row_end_the_reading_and_not_the_run(world) {
        let org = world.organize().await;
        let broken = world.sim().faults().add(Fault::on(TAGS), Effect::refuse("UnsupportedAPIEndpointException"));
        switch(&world, org.connection, true).await;
        let mark = world.sim().calls();
        let run = sync(&world, org.connection).await;
        assert_eq!(asked(&world, mark), 5);
        assert_eq!(run.plan.stopped.len(), 1, "{:?}", run.plan);
        assert!(planned(&run).chosen.is_some(), "nothing was refused");
        world.sim().faults().remove(broken);
        let mark = world.sim().calls();
        let run = sync(&world, org.connection).await;
        assert_eq!((asked(&world, mark), run.plan.stopped.len()), (24, 0));
    }

    async fn tags_that_changed_and_may_not_be_read_are_not_believed(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        sync(&world, org.connection).await;
        listens(&world, org.connection).await;
        world.sim().faults().add(Fault::on(TAGS), Effect::refuse("AccessDeniedException"));
        let payments = world.sim().account_id("prod-payments").expect("there");
        world.aws().tag_account(&payments, "env", "dev").await;
        for _ in 0..18 {
            world.advance(Span::seconds(10)).await;
        }
        let seen = account(&world, &payments).await;
        assert!(seen.get("tags").is_none() && seen["tags_refused_at"].is_string(), "{seen:#}");
    }

    async fn a_flood_of_events_about_tags_forgets_and_does_not_wait(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        sync(&world, org.connection).await;
        listens(&world, org.connection).await;
        let rows = (0..500).map(|n| args![format!("{n:012}")]);
        let (now, later) = (world.now(), world.now() + Span::hours(48));
        let mut tx = world.system().begin(Priority::Sync).await.expect("begun");
        let values = args![Val::rows(rows), org.connection, now, later];
        tx.run(&WAITING, values).await.expect("written");
        tx.commit().await.expect("written");
        let payments = world.sim().account_id("prod-payments").expect("there");
        let mark = world.sim().calls();
        world.aws().tag_account(&payments, "env", "dev").await;
        for _ in 0..18 {
            world.advance(Span::seconds(10)).await;
        }
        assert!(account(&world, &payments).await.get("tags").is_none());
        assert_eq!(asked(&world, mark), 0, "one more would be no end of them");
        // The next sync reads it, as what is not known.
        sync(&world, org.connection).await;
        assert_eq!(account(&world, &payments).await["tags"], json!({ "env": "dev" }));
        assert_eq!(asked(&world, mark), 1);
    }

    async fn an_account_that_left_leaves_its_tags(world) {
        let org = world.organize().await;
        left(&world, org.connection).await;
        assert!(!is_left(&world, org.connection).await);
        world.advance(Span::minutes(5)).await;
        sync(&world, org.connection).await;
        assert!(is_left(&world, org.connection).await);
    }

    async fn nothing_that_ended_waits_for_tags_and_what_is_read_after_the_switch_is_not_kept(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        left(&world, org.connection).await;
        world.advance(Span::minutes(5)).await;
        let gate = Gate::new();
        world.sim().faults().add(Fault::on(TAGS).nth(1), Effect::Hold(gate.clone()));
        let (run, gone) = tokio::join!(sync(&world, org.connection), async {
            gate.arrived().await;
            let gone = is_left(&world, org.connection).await;
            switch(&world, org.connection, false).await;
            gate.release();
            gone
        });
        assert!(gone, "the account that left is out before the first of the tags");
        assert_eq!(run.phase, "tags of accounts");
        let payments = world.sim().account_id("prod-payments").expect("there");
        let seen = account(&world, &payments).await;
        assert!(seen.get("tags").is_none(), "{seen:#}");
    }

    async fn one_that_dies_while_it_reads_tags_says_what_had_ended(world) {
        let org = world.organize().await;
        switch(&world, org.connection, true).await;
        let rows = world.sim().assignments();
        let row = rows.iter().find(|it| it.principal_type == "USER").expect("a row");
        let aws = world.aws();
        aws.unassign(&row.account_id, &row.permission_set_arn, &row.principal_id).await;
        world.advance(Span::minutes(5)).await;
        let gate = Gate::new();
        world.sim().faults().add(Fault::on(TAGS).nth(1), Effect::Hold(gate.clone()));
        let cx = world.cx("cy");
        let (died, ()) = tokio::join!(directory::sync(&cx, org.connection), async {
            gate.arrived().await;
            world.crash_at(1, CommitPoint::Before);
            gate.release();
        });
        assert!(died.is_err() && world.crashed());
        world.restart().await;
        world.spare();
        world.advance(Span::minutes(11)).await;
        world.run_due().await;
        let place = format!("/api/v1/connections/{}/sync-runs", org.connection);
        let runs = world.as_user("cy").get(&place).await.ok();
        let run = &runs["items"][0];
        assert_eq!((&run["state"], &run["ended"]), (&json!("complete"), &json!(1)), "{run:#}");
        assert_eq!(run["phase"], "tags of accounts");
    }

    async fn a_rule_that_asks_for_tags_nobody_has_read_refuses(world) {
        let asked = Asked::under(&world, json!({
            "rules": [
                { "name": "Production", "when": PROD, "auto_deny": "Production is closed." },
            ],
            "auto_approve": true,
            "max_duration_seconds": 14400,
        })).await;
        let preview = async || {
            let preview = json!({ "entitlement": asked.what, "duration_seconds": 3600, "reason": "release" });
            world.as_user("ana").post("/api/v1/requests/preview", preview).await.ok()
        };
        // To pass the rule over would give what it closes.
        let found = preview().await;
        assert_eq!((&found["verdict"], &found["refusals"][0]["code"]), (&json!("refused"), &json!("rule_unanswered")), "{found:#}");
        asked.ana.post("/api/v1/requests", asked.ask(60)).await.refused(422, "rule_unanswered");
        let all = world.as_user("cy").get("/api/v1/connections").await.ok();
        let connection: ConnectionId = all["items"][0]["id"].as_str().expect("an id").parse().expect("an id");
        switch(&world, connection, true).await;
        sync(&world, connection).await;
        let found = preview().await;
        assert_eq!(found["refusals"], json!([{ "code": "denied_by_policy", "detail": "Production is closed." }]));
        let payments = world.sim().account_id("prod-payments").expect("there");
        world.aws().tag_account(&payments, "env", "dev").await;
        world.clock().advance(Span::hours(25));
        sync(&world, connection).await;
        sync(&world, connection).await;
        assert_eq!(preview().await["verdict"], "auto_approved");
    }
}
