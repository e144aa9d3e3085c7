//! A sync that finds more gone than it may take for ended by itself: it stops, shows what, and
//! a person decides.

use serde_json::{Value, json};
use stint_db::Query as _;
use stint_domain::sync::HoldRule;
use stint_domain::{ConnectionId, Span};
use stint_server::directory::{self, Observed, SyncRun};
use stint_server::http::Fault as _;
use stint_testkit::sim::{AssignmentRow, Effect, Fault, Gate};
use stint_testkit::{Door, World, both_engines};

use crate::forms::{goes, sound};

/// From three on.
pub(crate) const RULE: HoldRule = HoldRule {
    percent: 100,
    rows: 2,
    least: 1,
};

/// What an administrator takes away in AWS, beside Stint.
pub(crate) async fn taken(world: &World, how_many: usize) -> Vec<AssignmentRow> {
    let rows = world.sim().assignments().into_iter();
    let rows: Vec<_> = rows
        .filter(|row| row.principal_type == "USER")
        .take(how_many)
        .collect();
    assert_eq!(rows.len(), how_many);
    let aws = world.aws();
    for row in &rows {
        aws.unassign(&row.account_id, &row.permission_set_arn, &row.principal_id)
            .await;
        // A pair of account and permission set takes one write at a time.
        world.advance(Span::minutes(1)).await;
    }
    world.advance(Span::minutes(5)).await;
    rows
}

async fn synced(world: &World, connection: ConnectionId) -> SyncRun {
    directory::sync(&world.cx("cy"), connection)
        .await
        .expect("read")
}

/// How many assignments of these have ended.
async fn ended(door: &Door, rows: &[AssignmentRow]) -> usize {
    let mut gone = 0;
    for row in rows {
        let place = format!(
            "/api/v1/assignments?account={}&q={}&limit=200",
            row.account_id, row.permission_set
        );
        let all = door.get(&place).await.ok();
        let held = all["items"].as_array().expect("rows").iter().any(|it| {
            it["principal"]["aws_id"] == row.principal_id
                && it["entitlement"]["permission_set"] == row.permission_set_arn
        });
        gone += usize::from(!held);
    }
    gone
}

/// Until AWS has answered nothing for a while.
async fn quiet(world: &World) {
    let (mut before, mut same) = (0, 0);
    while same < 3 {
        let pause = std::time::Duration::from_millis(60);
        let waited = tokio::task::spawn_blocking(move || std::thread::sleep(pause));
        waited.await.expect("it only waits");
        let now = world.sim().journal().len();
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
}

both_engines! {
    World::builder().hold(RULE);
    async fn it_ends_nothing_until_somebody_says_so(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let (cy, dee, ana) = (world.as_user("cy"), world.as_user("dee"), world.as_user("ana"));
        let rows = taken(&world, 3).await;
        let run = synced(&world, connection).await;
        assert_eq!((run.state.as_str(), run.ended), ("held", 3));
        assert_eq!(ended(&cy, &rows).await, 0);
        let place = format!("/api/v1/connections/{connection}");
        let runs = format!("{place}/sync-runs");
        let at = format!("{runs}/{}", run.id);
        // Everybody who looks is told; who may not decide may not.
        let status = dee.get(&place).await.ok();
        assert_eq!(status["status"], "failing");
        assert!(status["status_detail"].as_str().expect("why").contains("would end 3 of the"), "{status:#}");
        let shown = dee.get(&format!("{at}/endings?limit=2")).await.ok();
        let rest = dee.get(&format!("{at}/endings?limit=2&cursor={}", shown["next"].as_str().expect("more"))).await.ok();
        let mut names: Vec<_> = [&shown, &rest].iter().flat_map(|page| page["items"].as_array().expect("rows"))
            .map(|it| (it["principal"]["aws_id"].clone(), it["entitlement"]["permission_set"].clone())).collect();
        let mut wanted: Vec<_> = rows.iter().map(|row| (json!(row.principal_id), json!(row.permission_set_arn))).collect();
        names.sort_by_key(|it| format!("{it:?}"));
        wanted.sort_by_key(|it| format!("{it:?}"));
        assert_eq!(names, wanted);
        dee.post(&format!("{at}/accept"), json!({})).await.refused(403, "forbidden");
        ana.post(&format!("{at}/accept"), json!({})).await.refused(404, "not_found");
        ana.get(&format!("{at}/endings")).await.refused(403, "forbidden");
        // Of another connection it is not.
        let other = format!("/api/v1/connections/{}/sync-runs/{}", world.app().new_id::<ConnectionId>(), run.id);
        cy.post(&format!("{other}/accept"), json!({})).await.refused(404, "not_found");

        // Set aside on the page: nothing ends, and the next sync asks again.
        let door = world.in_browser("cy").await;
        let page = sound(door.get(&format!("/connections/{connection}")).await, 200);
        let look = format!("/connections/{connection}/syncs/{}", run.id);
        assert!(page.contains(&look) && page.contains("Waits for a decision"), "{page}");
        let page = sound(door.get(&look).await, 200);
        for row in &rows {
            let named = |text: &&str| text.contains(&row.principal) && text.contains(&row.permission_set);
            assert!(page.split("<tr>").any(|text| named(&text)), "{page}");
        }
        let file = door.get(&format!("{look}?format=csv")).await.is(200).text();
        assert_eq!(file.lines().count(), 4, "{file}");
        goes(door.form(&format!("{look}/set-aside"), &[]).await);
        assert_eq!(cy.get(&at).await.ok()["state"], "set_aside");
        assert_eq!(ended(&cy, &rows).await, 0);
        cy.post(&format!("{at}/accept"), json!({})).await.refused(409, "sync_not_held");
        let page = sound(door.get(&look).await, 200);
        assert!(page.contains("Nothing waits here") && !page.contains("Set it aside"), "{page}");
        // Who is late is told so, and sent where the newest stands.
        goes(door.form(&format!("{look}/accept"), &[]).await);
        let page = sound(door.get(&format!("/connections/{connection}")).await, 200);
        assert!(page.contains("set aside"), "{page}");
        world.advance(Span::minutes(5)).await;
        let again = synced(&world, connection).await;
        assert_eq!((again.state.as_str(), again.ended), ("held", 3));

        // Accepted: it is written down with the moments of the reading, by the background work.
        let at = format!("{runs}/{}", again.id);
        world.advance(Span::minutes(10)).await;
        let accepted = cy.post(&format!("{at}/accept"), json!({})).await.ok();
        assert_eq!(accepted["state"], "ending");
        assert_eq!(ended(&cy, &rows).await, 0);
        world.settle().await;
        let done = cy.get(&at).await.ok();
        assert_eq!((&done["state"], &done["ended"], &done["error"]), (&json!("complete"), &json!(3), &Value::Null));
        assert_eq!(ended(&cy, &rows).await, 3);
        let status = cy.get(&place).await.ok();
        assert_eq!(status["status"], "connected");
        assert_eq!(status["last_sync_at"], json!(again.finished_at.expect("read").to_string()), "as old as its reading");
        assert_eq!(cy.get(&format!("{at}/endings")).await.ok()["items"], json!([]));
        for (name, count) in [("sync.held", 2), ("sync.set_aside", 1), ("sync.accepted", 1)] {
            assert_eq!(crate::directory::events(&world, name).await.len(), count, "{name}");
        }
    }

    async fn what_is_seen_again_does_not_end(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let cy = world.as_user("cy");
        let rows = taken(&world, 4).await;
        let first = synced(&world, connection).await;
        assert_eq!((first.state.as_str(), first.ended), ("held", 4));
        // One comes back, and Stint's own reading sees it before somebody says that all have ended.
        let all = cy.get(&format!("/api/v1/connections/{connection}/sync-runs/{}/endings", first.id)).await.ok();
        let row = &all["items"][0];
        let pair = stint_domain::entitlement::Pair {
            connection,
            principal: row["principal"]["id"].as_str().expect("an id").parse().expect("an id"),
            entitlement: row["entitlement"]["id"].as_str().expect("an id").parse().expect("an id"),
        };
        let seen = Observed { began: world.now(), present: true, membership: None, absent_before: None };
        let mut tx = world.system().begin(stint_db::Priority::Interactive).await.expect("begun");
        directory::observe(world.app(), &mut tx, &pair, &seen).await.expect("observed");
        tx.commit().await.expect("written");
        directory::accept_sync(&world.cx("cy"), connection, first.id).await.expect("accepted");
        world.settle().await;
        let done = directory::sync_run(&world.cx("cy"), connection, first.id).await.expect("there");
        assert_eq!((done.state.as_str(), done.ended), ("complete", 3));
        assert_eq!(ended(&cy, &rows).await, 3);
    }

    async fn a_later_sync_takes_the_place_of_one_that_waits(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let cy = world.as_user("cy");
        let rows = taken(&world, 3).await;
        let first = synced(&world, connection).await;
        assert_eq!(first.state, "held");
        // With one of them back, two are few enough to be believed.
        world.aws().assign(&rows[0].account_id, &rows[0].permission_set_arn, &rows[0].principal_id).await;
        world.advance(Span::minutes(5)).await;
        let second = synced(&world, connection).await;
        assert_eq!((second.state.as_str(), second.ended), ("complete", 2));
        assert_eq!(ended(&cy, &rows).await, 2);
        let at = format!("/api/v1/connections/{connection}/sync-runs/{}", first.id);
        assert_eq!(cy.get(&at).await.ok()["state"], "set_aside");
        cy.post(&format!("{at}/accept"), json!({})).await.refused(409, "sync_not_held");
        assert_eq!(cy.get(&format!("{at}/endings")).await.ok()["items"], json!([]));
    }

    async fn a_sync_that_fails_takes_no_more_for_ended_than_one_that_does_not(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let cy = world.as_user("cy");
        let rows = taken(&world, 3).await;
        // Everything is read but the holders of the last.
        let last = world.sim().assignments().pop().expect("rows");
        assert!(rows.iter().all(|row| row.account_id != last.account_id));
        world.sim().faults().add(
            Fault::on("sso:ListAccountAssignments").when(move |seen| {
                seen.input["AccountId"] == last.account_id && seen.input["PermissionSetArn"] == last.permission_set_arn
            }),
            Effect::refuse("ValidationException"),
        );
        directory::sync(&world.cx("cy"), connection).await.expect_err("one list fails");
        assert_eq!(ended(&cy, &rows).await, 0);
        let runs = format!("/api/v1/connections/{connection}/sync-runs");
        let failed = cy.get(&format!("{runs}?state=failed")).await.ok();
        assert_eq!((failed["items"].as_array().expect("runs").len(), &failed["items"][0]["ended"]), (1, &json!(0)));
        let id = failed["items"][0]["id"].as_str().expect("an id");
        assert_eq!(cy.get(&format!("{runs}/{id}/endings")).await.ok()["items"], json!([]));
        cy.get(&format!("{runs}?state=odd")).await.refused(422, "invalid_filter");
        world.settle().await;
        assert_eq!(kept(&world).await, 0, "what it found is forgotten");
        world.sim().faults().clear();
        world.advance(Span::minutes(5)).await;
        assert_eq!(synced(&world, connection).await.state, "held");
    }

    async fn what_a_list_no_longer_has_stays_until_somebody_says_so(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let cy = world.as_user("cy");
        let group = world.sim().group_id("platform").expect("a group");
        let store = world.facts().identity_store_id;
        let deleted = world.aws().store.delete_group().identity_store_id(store).group_id(&group).send().await;
        deleted.expect("deleted");
        world.advance(Span::minutes(5)).await;
        let run = synced(&world, connection).await;
        assert_eq!(run.state, "held", "{run:#?}");
        let gone = async || {
            let page = stint_server::http::Paging::first(200);
            let all = directory::principals(&world.cx("cy"), connection, "platform", &page).await;
            let all = all.expect("read").items;
            let it = all.into_iter().find(|it| it.aws_id == group).expect("known");
            it.gone_at.is_some()
        };
        assert!(!gone().await, "nobody has said so");
        cy.post(&format!("/api/v1/connections/{connection}/sync-runs/{}/accept", run.id), json!({})).await.ok();
        world.settle().await;
        assert!(gone().await);
    }

    async fn who_wakes_late_writes_nothing_for_who_took_over(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let cy = world.as_user("cy");
        let rows = taken(&world, 2).await;
        // The first is held up by AWS, near its end; after ten minutes the background work takes the
        // run over, and is as far when the first wakes up.
        let (slow, late) = (Gate::new(), Gate::new());
        let last = world.sim().assignments().pop().expect("rows");
        for (nth, gate) in [(1, &slow), (2, &late)] {
            let last = last.clone();
            let fault = Fault::on("sso:ListAccountAssignments");
            let fault = fault.when(move |seen| {
                seen.input["AccountId"] == last.account_id && seen.input["PermissionSetArn"] == last.permission_set_arn
            });
            let fault = fault.nth(nth);
            world.sim().faults().add(fault, Effect::Hold(gate.clone()));
        }
        let cx = world.cx("cy");
        let run = directory::start_sync(&cx, connection).await.expect("begun").id;
        let (woke, awake) = tokio::sync::oneshot::channel();
        let (first, (), ()) = tokio::join!(
            async {
                let first = directory::sync(&cx, connection).await;
                woke.send(()).expect("awaited");
                first
            },
            async {
                slow.arrived().await;
                // What is on its way beside that call would be too old for AWS when the clock jumps.
                quiet(&world).await;
                while directory::sync_run(&cx, connection, run).await.expect("there").state == "running" {
                    world.advance(Span::minutes(11)).await;
                    world.run_due().await;
                }
            },
            async {
                late.arrived().await;
                slow.release();
                awake.await.expect("it ends");
                late.release();
            }
        );
        assert_eq!(first.expect_err("somebody else has it").code(), "sync_running");
        let runs = cy.get(&format!("/api/v1/connections/{connection}/sync-runs?limit=1")).await.ok();
        let run = &runs["items"][0];
        assert_eq!((&run["state"], &run["ended"]), (&json!("complete"), &json!(2)));
        assert_eq!(ended(&cy, &rows).await, 2);
    }

    async fn nobody_decides_while_a_newer_sync_reads_or_once_the_connection_is_removed(world) {
        let there = world.organize().await;
        let connection = there.connection;
        let cy = world.as_user("cy");
        taken(&world, 3).await;
        let first = synced(&world, connection).await;
        assert_eq!(first.state, "held");
        let at = format!("/api/v1/connections/{connection}/sync-runs/{}", first.id);
        let newer = directory::start_sync(&world.cx("cy"), connection).await.expect("begun");
        cy.post(&format!("{at}/accept"), json!({})).await.refused(409, "sync_running");
        // Setting it aside says nothing of a connection that a newer one reads.
        cy.post(&format!("{at}/set-aside"), json!({})).await.ok();
        assert_eq!(cy.get(&format!("/api/v1/connections/{connection}")).await.ok()["status"], "syncing");
        world.settle().await;
        let at = format!("/api/v1/connections/{connection}/sync-runs/{}", newer.id);
        assert_eq!(cy.get(&at).await.ok()["state"], "held");
        cy.post(&format!("/api/v1/connections/{connection}/drain"), json!({})).await.is(200);
        cy.delete(&format!("/api/v1/connections/{connection}")).await.is(204);
        for verb in ["accept", "set-aside"] {
            cy.post(&format!("{at}/{verb}"), json!({})).await.refused(409, "connection_removed");
        }
    }
}

stint_db::statements! {
    KEPT = "select count(*) as n from sync_endings";
}

/// How many findings are kept.
async fn kept(world: &World) -> i64 {
    let mut q = world.app().db.reader().await.expect("a reader");
    let row = q
        .maybe(&KEPT, stint_db::args![])
        .await
        .expect("read")
        .expect("a row");
    row.get("n").expect("a number")
}
