//! The audit log: written with what it tells, listed, and verified against meddling.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _};
use stint_db::{CommitPoint, Priority};
use stint_domain::audit::Why;
use stint_server::audit::{self, VerifyError};
use stint_server::identity::{self, NewGroup};
use stint_testkit::{Engine, World, both_engines};

async fn make_group(world: &World, name: &str) -> identity::Group {
    let new = NewGroup {
        name: name.to_owned(),
        description: String::new(),
    };
    identity::create_group(&world.cx("cy"), new)
        .await
        .expect("Cy may")
}

both_engines! {
    async fn the_log_is_listed_newest_first_filtered_and_paged(world) {
        let group = make_group(&world, "Platform").await;
        let cy = world.as_user("cy");
        let all = cy.get("/api/v1/audit-events").await.ok();
        let seqs: Vec<i64> =
            all["items"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect();
        assert!(seqs.len() > 5);
        assert!(seqs.iter().zip(&seqs[1..]).all(|(a, b)| *a == b + 1), "{seqs:?}");
        let newest = &all["items"][0];
        assert_eq!(newest["action"], "group.created");
        assert_eq!(newest["actor"]["kind"], "user");
        assert_eq!(newest["actor"]["name"], "Cy Adeyemi");
        assert_eq!(newest["subject"][0], json!({"kind": "group", "id": group.id.to_string()}));
        assert_eq!(newest["hash"].as_str().unwrap().len(), 64);

        let mut walked = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = cy.get(&format!("/api/v1/audit-events?limit=3&cursor={cursor}")).await.ok();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 3);
            walked.extend(items.iter().map(|e| e["seq"].as_i64().unwrap()));
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(walked, seqs);

        let count = async |query: &str| {
            let page = cy.get(&format!("/api/v1/audit-events?limit=200&{query}")).await.ok();
            page["items"].as_array().unwrap().len()
        };
        assert_eq!(count("action=group.created").await, 1);
        assert_eq!(count("action=group.").await, 1);
        assert_eq!(count("action=group").await, 0);
        assert_eq!(count(&format!("subject={}", group.id)).await, 1);
        assert_eq!(count(&format!("actor={}", world.person("ana").id)).await, 1, "her token");
        assert_eq!(count(&format!("since={}", world.now())).await, seqs.len());
        assert_eq!(count(&format!("until={}", world.now())).await, 0);
        cy.get("/api/v1/audit-events?cursor=zzz").await.refused(422, "invalid_cursor");
        cy.get("/api/v1/audit-events?actor=nobody").await.refused(422, "invalid_query");
    }
}

both_engines! {
    async fn only_super_admin_and_auditor_read_and_verify_it(world) {
        for (word, status) in [("ana", 403), ("bo", 403), ("cy", 200), ("dee", 200)] {
            world.as_user(word).get("/api/v1/audit-events").await.is(status);
            world.as_user(word).post("/api/v1/audit-events/verify", json!({})).await.is(status);
        }
        world.as_nobody().get("/api/v1/audit-events").await.refused(401, "not_signed_in");
        let report = world.as_user("dee").post("/api/v1/audit-events/verify", json!({})).await.ok();
        assert_eq!(report["events"], audit::verify(&world.app().db).await.unwrap().events);
    }
}

both_engines! {
    async fn an_event_is_there_exactly_when_what_it_tells_is(world) {
        let before = audit::verify(&world.app().db).await.unwrap().events;
        let cx = world.cx("cy");
        let mut tx = cx.begin(Priority::Interactive).await.unwrap();
        tx.audit(cx.event("test.dropped", [], json!({})));
        drop(tx);
        assert_eq!(audit::verify(&world.app().db).await.unwrap().events, before);
        for (point, added) in [(CommitPoint::Before, 0), (CommitPoint::After, 1)] {
            let before = audit::verify(&world.app().db).await.unwrap().events;
            world.crash_at(1, point);
            let new = NewGroup { name: format!("{point:?}"), description: String::new() };
            identity::create_group(&world.cx("cy"), new).await.unwrap_err();
            assert!(world.crashed());
            world.restart().await;
            let after = audit::verify(&world.app().db).await.unwrap().events;
            assert_eq!(after - before, added, "{point:?}");
            let found = world.as_user("cy").get("/api/v1/groups").await.ok();
            let there = found["items"].as_array().unwrap().iter().any(|g| g["name"] == format!("{point:?}"));
            assert_eq!(there, added == 1, "{point:?}");
        }
    }
}

both_engines! {
    async fn many_at_once_make_one_chain_without_gaps(world) {
        let before = audit::verify(&world.app().db).await.unwrap().events;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..40 {
            let cx = world.cx("cy");
            tasks.spawn(async move {
                let new = NewGroup { name: format!("Group {n}"), description: String::new() };
                identity::create_group(&cx, new).await.map(drop)
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().expect("each is committed");
        }
        assert_eq!(audit::verify(&world.app().db).await.unwrap().events, before + 40);
    }
}

/// Runs SQL behind the server's back.
async fn meddle(world: &World, text: &str) {
    let text = AssertSqlSafe(text.to_owned());
    match world.engine() {
        Engine::Sqlite => {
            let url = world.database_url().replace("sqlite://", "sqlite:");
            let mut conn = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql("pragma foreign_keys = off")
                .execute(&mut conn)
                .await
                .unwrap();
            sqlx::raw_sql(text).execute(&mut conn).await.unwrap();
        }
        Engine::Postgres => {
            let mut conn = sqlx::PgConnection::connect(world.database_url())
                .await
                .unwrap();
            sqlx::raw_sql("set session_replication_role = replica")
                .execute(&mut conn)
                .await
                .unwrap();
            sqlx::raw_sql(text).execute(&mut conn).await.unwrap();
        }
    }
}

async fn broken(world: &World) -> (i64, Why) {
    match audit::verify(&world.app().db).await {
        Err(VerifyError::Broken(broken)) => (broken.seq, broken.why),
        other => panic!("nothing was found: {other:?}"),
    }
}

const COPY: &str = "seq, id, at, action, actor_kind, actor_id, prev, hash, body";

both_engines! {
    async fn an_edit_a_removal_a_swap_and_an_insertion_are_named(world) {
        make_group(&world, "Platform").await;
        world.expect_forgery();
        meddle(&world, "create table kept as select * from audit_events").await;
        meddle(&world, "create table kept_head as select * from audit_head").await;
        let last = audit::verify(&world.app().db).await.unwrap().events;
        let cases: Vec<(String, i64, &str)> = vec![
            ("update audit_events set body = replace(body, 'Platform', 'Plattform')".into(), last, "Hash"),
            ("update audit_events set body = body || ' ' where seq = 2".into(), 2, "Hash"),
            ("update audit_events set hash = prev where seq = 3".into(), 3, "Hash"),
            ("update audit_events set prev = hash where seq = 3".into(), 3, "Previous"),
            ("delete from audit_events where seq = 2".into(), 2, "Order"),
            ("delete from audit_events where seq = 1".into(), 1, "Order"),
            (
                "update audit_events set seq = 1000 where seq = 2; \
                 update audit_events set seq = 2 where seq = 3; \
                 update audit_events set seq = 3 where seq = 1000".into(),
                2,
                "Previous",
            ),
            (
                format!(
                    "update audit_events set seq = -seq where seq > 2; \
                     update audit_events set seq = 1 - seq where seq < 0; \
                     insert into audit_events ({COPY}) select 3, {}, at, action, actor_kind, \
                     actor_id, prev, hash, body from audit_events where seq = 2",
                    if world.engine() == Engine::Sqlite { "zeroblob(16)" } else { "gen_random_uuid()" }
                ),
                3,
                "Previous",
            ),
            ("update audit_events set action = 'user.deleted' where seq = 2".into(), 2, "Column"),
            ("update audit_events set at = at + 1000000 where seq = 2".into(), 2, "Column"),
            ("update audit_events set actor_kind = 'nobody' where seq = 2".into(), 2, "Column"),
            ("update audit_subjects set id = 'usr_x' where seq = 2 and kind = 'user'".into(), 2, "Column"),
            ("delete from audit_events".into(), 1, "Tail"),
            (format!("delete from audit_events where seq = {last}"), last, "Tail"),
            ("update audit_head set seq = seq - 1".into(), last, "Tail"),
        ];
        meddle(&world, "create table kept_subjects as select * from audit_subjects").await;
        for (text, seq, why) in cases {
            meddle(&world, &text).await;
            let (found, because) = broken(&world).await;
            assert_eq!((found, format!("{because:?}").starts_with(why)), (seq, true), "{text}: {because:?}");
            let told = world.as_user("dee").post("/api/v1/audit-events/verify", json!({})).await;
            let told = told.refused(409, "audit_broken");
            assert!(told["detail"].as_str().unwrap().contains(&format!("event {seq}")), "{told}");
            meddle(&world, &format!(
                "delete from audit_events; insert into audit_events ({COPY}) select {COPY} from kept; \
                 delete from audit_subjects; \
                 insert into audit_subjects (seq, kind, id) select seq, kind, id from kept_subjects; \
                 delete from audit_head; \
                 insert into audit_head (id, seq, hash) select id, seq, hash from kept_head"
            ))
            .await;
            audit::verify(&world.app().db).await.expect("whole again");
        }
        // What is not found, and said openly: the end cut off and the head set back.
        meddle(&world, &format!(
            "delete from audit_subjects where seq = {last}; delete from audit_events where seq = {last}; \
             update audit_head set seq = {last} - 1, hash = (select hash from audit_events where seq = {last} - 1)"
        ))
        .await;
        assert_eq!(audit::verify(&world.app().db).await.unwrap().events, last - 1);
        meddle(&world, "drop table kept; drop table kept_head; drop table kept_subjects").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "the audit log is broken at event 2")]
async fn a_forged_chain_fails_its_world() {
    let world = World::new_sqlite().await;
    meddle(
        &world,
        "update audit_events set body = body || ' ' where seq = 2",
    )
    .await;
}

both_engines! {
    async fn the_log_is_read_as_sentences_narrowed_and_exported(world) {
        let (dee, ana) = (world.in_browser("dee").await, world.in_browser("ana").await);
        let cy = world.as_user("cy");
        let made = cy.post("/api/v1/groups", json!({"name": "Night shift", "description": "=1+1"})).await.ok();
        let group = made["id"].as_str().expect("an id").to_owned();
        let bo = world.person("bo");

        let page = dee.get("/audit").await.is(200).text();
        assert!(page.contains("created a group") && page.contains("Night shift"), "{page}");
        let page = dee.get("/audit?category=group").await.is(200).text();
        assert!(page.contains("created a group") && !page.contains("created a user"));
        let page = dee.get("/audit?q=night%20SHIFT").await.is(200).text();
        assert!(page.contains("created a group") && !page.contains("created a user"), "{page}");
        let page = dee.get(&format!("/audit?q={group}")).await.is(200).text();
        assert!(page.contains("created a group") && page.contains(&format!("value=\"{group}\"")));
        let page = dee.get(&format!("/audit?subject={}", bo.id)).await.is(200).text();
        assert!(page.contains("created a user") && page.contains("<b>Bo Lindqvist</b>"), "{page}");
        let page = dee.get(&format!("/audit?actor={}&by=user", world.person("cy").id)).await.is(200).text();
        assert!(page.contains("created a group"));
        let page = dee.get("/audit?by=nobody&category=group").await.is(200).text();
        assert!(page.contains("Nothing matches these filters"));
        let ago = stint_server::web::time::input_value(world.now() - stint_domain::Span::hours(2));
        let page = dee.get(&format!("/audit?until={ago}")).await.is(200).text();
        assert!(!page.contains("created a group"));
        for wrong in ["category=shoe", "by=king", "since=soon", "actor=cy"] {
            dee.get(&format!("/audit?{wrong}")).await.is(422);
        }

        // Everything that fits, as files, by both doors; no cell is a formula.
        let csv = dee.get("/audit?category=group&format=csv").await.is(200).text();
        let lines = csv.lines().count();
        assert!(csv.starts_with("Number,At,Action,By,") && lines == 2, "{csv}");
        let json = dee.get("/audit?category=group&format=json").await.is(200).text();
        let event: serde_json::Value = serde_json::from_str(json.trim()).expect("one event");
        assert_eq!(event["action"], "group.created");
        let api = world.as_user("dee");
        let export = api.get("/api/v1/audit-events/export?format=csv&action=group.").await.is(200);
        assert!(export.header("content-type").starts_with("text/csv") && export.text() == csv);
        let all = api.get("/api/v1/audit-events/export").await.is(200).text();
        let listed = api.get("/api/v1/audit-events?limit=200").await.ok();
        assert_eq!(Some(all.lines().count()), listed["items"].as_array().map(Vec::len));
        let found = api.get("/api/v1/audit-events?q=night%20shift&by=user").await.ok();
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
        api.get("/api/v1/audit-events?by=king").await.refused(422, "invalid_filter");
        api.get("/api/v1/audit-events/export?format=xml").await.refused(422, "invalid_filter");
        ana.get("/audit?format=csv").await.is(403);
        world.as_user("ana").get("/api/v1/audit-events/export").await.refused(403, "forbidden");
    }
}
