//! Trouble with a connection: who answers for it is told once, and again when it works.

use serde_json::{Value, json};
use stint_db::Priority;
use stint_domain::rights::Role;
use stint_domain::{ConnectionId, Span};
use stint_server::http::Fault as _;
use stint_server::{directory, identity};
use stint_testkit::sim::{Effect, Fault, Party};
use stint_testkit::{World, both_engines};

use crate::directory::events;
use crate::forms::{button, goes, refused_from_elsewhere, send, sound};
use crate::held;

const NOTICES: &str = "/api/v1/notices";

stint_db::statements! {
    quiet DELIVER_AGAIN = "update outbox set delivered_at = null";
    /// As the program leaves it that dies between another credential and its test.
    quiet UNTESTED = "update connections set last_test = null, tested_at = null";
}

/// What somebody is told: kind, and whether it is new, read or settled; by their words.
async fn told(world: &World, word: &str) -> Vec<String> {
    let page = world.as_user(word).get(NOTICES).await.ok();
    let items = page["items"].as_array().expect("items").clone();
    let state = |it: &Value| match (it["settled_at"].is_string(), it["read_at"].is_string()) {
        (true, _) => "settled",
        (false, true) => "read",
        (false, false) => "new",
    };
    let mut told: Vec<String> = (items.iter())
        .map(|it| format!("{} {}", it["kind"].as_str().expect("a kind"), state(it)))
        .collect();
    told.sort();
    told
}

/// What is new to somebody of this kind.
async fn new(world: &World, word: &str, kind: &str) -> Value {
    let place = format!("{NOTICES}?state=new&kind={kind}");
    let page = world.as_user(word).get(&place).await.ok();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page:#}");
    page["items"][0].clone()
}

fn at(connection: ConnectionId) -> String {
    format!("/api/v1/connections/{connection}")
}

/// From now on AWS spoils every list of groups.
fn spoil(world: &World, effect: Effect) {
    world.sim().faults().clear();
    let fault = Fault::on("identitystore:ListGroups").by(Party::Stint);
    world.sim().faults().add(fault, effect);
}

fn refusal() -> Effect {
    Effect::refuse("ValidationException")
}

/// Cy starts a sync, which fails; the news of it is delivered.
async fn fail(world: &World, connection: ConnectionId) {
    // What is older is delivered before.
    world.run_due().await;
    let failed = directory::sync(&world.cx("cy"), connection).await;
    assert_eq!(failed.expect_err("refused").code(), "sync_failed");
    world.run_due().await;
}

/// Who owns it from now on.
async fn own(world: &World, connection: ConnectionId, words: &[&str]) {
    let owners: Vec<String> = words
        .iter()
        .map(|word| world.person(word).id.to_string())
        .collect();
    let change = json!({ "owners": owners });
    let cy = world.as_user("cy");
    cy.patch(&at(connection), change).await.is(200);
    world.run_due().await;
}

/// The names of these people in an answer.
fn names(of: &Value) -> Vec<String> {
    let all = of.as_array().expect("people").iter();
    all.map(|it| it["name"].as_str().expect("a name").to_owned())
        .collect()
}

both_engines! {
    async fn a_failing_sync_is_told_once_for_each_kind_and_again_when_it_works(world) {
        let connection = world.organize().await.connection;
        world.add_person("kai", &[Role::ConnectionAdmin]).await;
        spoil(&world, refusal());
        // Cy started it, and is told all the same: it is not their doing that it failed.
        fail(&world, connection).await;
        assert_eq!(told(&world, "cy").await, ["sync_failed new"]);
        assert_eq!(new(&world, "cy", "sync_failed").await["times"], 1);
        assert!(told(&world, "kai").await.is_empty(), "no owner");
        let said = new(&world, "cy", "sync_failed").await;
        let shown = world.as_user("dee").get(&at(connection)).await.ok();
        assert_eq!(said["text"], shown["status_detail"], "in the words of the page");
        assert_eq!(said["title"], "The sync of prod fails");
        assert_eq!(said["link"], format!("/connections/{connection}"));
        assert_eq!(said["thing"], connection.to_string());

        // It is tried again every five minutes: that counts up what is new, and is told no more
        // to who has read it.
        world.advance(Span::minutes(6)).await;
        assert_eq!(new(&world, "cy", "sync_failed").await["times"], 2);
        world.as_user("cy").post("/api/v1/notices/read", json!(null)).await.ok();
        world.advance(Span::minutes(6)).await;
        assert_eq!(told(&world, "cy").await, ["sync_failed read"]);

        // Of another kind.
        spoil(&world, Effect::LoseAfter);
        world.advance(Span::minutes(6)).await;
        assert_eq!(told(&world, "cy").await, ["sync_failed new", "sync_failed settled"]);

        world.sim().faults().clear();
        world.advance(Span::minutes(6)).await;
        let calm = ["connection_works new", "sync_failed settled", "sync_failed settled"];
        assert_eq!(told(&world, "cy").await, calm);
        let said = new(&world, "cy", "connection_works").await;
        assert!(said["text"].as_str().expect("words").contains("last full sync"), "{said:#}");
        // That it goes on working is no news.
        world.advance(Span::hours(2)).await;
        assert_eq!(told(&world, "cy").await, calm);

        // Once more: that it worked is over.
        spoil(&world, refusal());
        fail(&world, connection).await;
        let again = ["connection_works settled", "sync_failed new", "sync_failed settled", "sync_failed settled"];
        assert_eq!(told(&world, "cy").await, again);
        // News that comes again tells nobody anything.
        let times = new(&world, "cy", "sync_failed").await["times"].clone();
        let mut tx = world.app().db.begin(Priority::Sync).await.expect("begins");
        tx.run(&DELIVER_AGAIN, stint_db::args![]).await.expect("runs");
        tx.commit().await.expect("commits");
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, again);
        assert_eq!(new(&world, "cy", "sync_failed").await["times"], times);
        assert!(told(&world, "kai").await.is_empty());
        world.sim().faults().clear();
    }

    async fn who_comes_to_own_it_is_told_of_what_stands_and_who_does_no_more_is_left_alone(world) {
        let connection = world.organize().await.connection;
        world.add_person("kai", &[Role::ConnectionAdmin]).await;
        spoil(&world, refusal());
        fail(&world, connection).await;
        own(&world, connection, &["cy", "kai"]).await;
        assert_eq!(told(&world, "kai").await, ["sync_failed new"]);
        assert_eq!(new(&world, "cy", "sync_failed").await["times"], 1, "no news to Cy");
        // It fails of the same once more: no news to who has read what was told when they came.
        world.as_user("kai").post("/api/v1/notices/read", json!(null)).await.ok();
        world.advance(Span::minutes(6)).await;
        assert_eq!(new(&world, "cy", "sync_failed").await["times"], 2);
        assert_eq!(told(&world, "kai").await, ["sync_failed read"]);
        own(&world, connection, &["cy"]).await;
        assert_eq!(told(&world, "kai").await, ["sync_failed settled"]);
        assert_eq!(told(&world, "cy").await, ["sync_failed new"]);
        world.sim().faults().clear();
        world.advance(Span::minutes(6)).await;
        assert_eq!(told(&world, "kai").await, ["sync_failed settled"], "not told that it works again");
        assert_eq!(told(&world, "cy").await, ["connection_works new", "sync_failed settled"]);
    }

    async fn a_test_that_fails_is_told_to_the_others(world) {
        let connection = world.organize().await.connection;
        world.add_person("kai", &[Role::ConnectionAdmin]).await;
        own(&world, connection, &["cy", "kai"]).await;
        let facts = world.facts();
        let kai = world.as_user("kai");
        let nobody = format!("arn:aws:iam::{}:role/nobody-there", facts.management_account);
        let tested = kai.patch(&at(connection), json!({ "role_arn": nobody })).await.ok();
        assert_eq!(tested["last_test"]["passed"], false, "{tested:#}");
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["connection_test_failed new"]);
        assert!(told(&world, "kai").await.is_empty(), "Kai saw what came of it");
        let said = new(&world, "cy", "connection_test_failed").await;
        assert_eq!(said["title"], "prod fails its test");
        let detail = tested["status_detail"].as_str().expect("why").trim_end_matches('.').to_owned();
        assert!(said["text"].as_str().expect("words").contains(&detail), "{said:#}");
        // News that comes between another credential and its test: it is not known to work.
        let mut tx = world.app().db.begin(Priority::Sync).await.expect("begins");
        tx.run(&UNTESTED, stint_db::args![]).await.expect("runs");
        tx.commit().await.expect("commits");
        own(&world, connection, &["cy", "kai"]).await;
        assert_eq!(told(&world, "cy").await, ["connection_test_failed new"]);
        let said = new(&world, "cy", "connection_test_failed").await;
        assert!(said["text"].as_str().expect("words").contains("not tested yet"), "{said:#}");
        let mended = kai.patch(&at(connection), json!({ "role_arn": facts.connector_role_arn })).await.ok();
        assert_eq!(mended["last_test"]["passed"], true, "{mended:#}");
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["connection_test_failed settled", "connection_works new"]);
        assert!(told(&world, "kai").await.is_empty());

        // The next sync fails of it, too: that is news to Kai, and the test still is none.
        kai.patch(&at(connection), json!({ "role_arn": nobody })).await.is(200);
        world.advance(Span::minutes(61)).await;
        assert_eq!(told(&world, "kai").await, ["sync_failed new"]);
        let both = ["connection_test_failed new", "connection_test_failed settled", "connection_works settled", "sync_failed new"];
        assert_eq!(told(&world, "cy").await, both);
        kai.patch(&at(connection), json!({ "role_arn": facts.connector_role_arn })).await.is(200);
        world.advance(Span::minutes(6)).await;
        assert_eq!(told(&world, "kai").await, ["connection_works new", "sync_failed settled"]);
    }

    async fn where_no_owner_may_look_the_connection_admins_are_told_and_then_the_super_admins(world) {
        let connection = world.organize().await.connection;
        let (cy, dee) = (world.as_user("cy"), world.as_user("dee"));
        let place = at(connection);
        let [kai, lee] = [
            world.add_person("kai", &[Role::ConnectionAdmin]).await,
            world.add_person("lee", &[Role::ConnectionAdmin]).await,
        ];
        let ana = world.person("ana").clone();
        // Ana owns the application, and may see no connection.
        let application = cy.get(&place).await.ok()["application_id"].as_str().expect("an id").to_owned();
        let application = format!("/api/v1/applications/{application}");
        cy.patch(&application, json!({ "owners": [ana.id.to_string()] })).await.is(200);
        own(&world, connection, &["kai"]).await;
        let shown = dee.get(&place).await.ok();
        assert_eq!(names(&shown["owners"]), [kai.name.as_str()]);
        assert_eq!(names(&shown["answers"]["application_owners"]), [ana.name.as_str()]);
        assert_eq!(names(&shown["answers"]["told"]), [kai.name.as_str()]);
        world.as_user("ana").get(&place).await.refused(404, "not_found");
        let listed = dee.get("/api/v1/connections").await.ok();
        assert!(listed["items"][0].get("answers").is_none(), "only where one is shown");

        let strip = async |who: &stint_testkit::Persona| {
            let done = identity::set_roles(&world.cx("cy"), who.id, vec![], None).await;
            done.expect("taken");
        };
        strip(&kai).await;
        assert_eq!(names(&dee.get(&place).await.ok()["answers"]["told"]), [lee.name.as_str()]);
        spoil(&world, refusal());
        fail(&world, connection).await;
        assert_eq!(told(&world, "lee").await, ["sync_failed new"]);
        for word in ["kai", "ana", "cy", "dee"] {
            assert!(told(&world, word).await.is_empty(), "{word}");
        }
        strip(&lee).await;
        assert_eq!(names(&dee.get(&place).await.ok()["answers"]["told"]), [world.person("cy").name.clone()]);
        fail(&world, connection).await;
        assert_eq!(told(&world, "cy").await, ["sync_failed new"]);
        assert!(told(&world, "lee").await.is_empty(), "Lee may not see what it is about");
        world.sim().faults().clear();
    }

    async fn nothing_full_for_three_periods_is_told_once(world) {
        let connection = world.organize().await.connection;
        spoil(&world, refusal());
        world.clock().advance(Span::hours(3));
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["sync_failed new"], "noticed, and not told yet");
        world.clock().advance(Span::minutes(50));
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["sync_failed new"]);
        world.clock().advance(Span::minutes(11));
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["sync_failed new", "sync_overdue new"]);
        let said = new(&world, "cy", "sync_overdue").await;
        let text = said["text"].as_str().expect("words");
        assert!(text.starts_with("No full sync since ") && text.contains("The last one failed: AWS did not let Stint read"), "{text}");
        let page = world.in_browser("dee").await.get(&format!("/connections/{connection}")).await;
        let page = sound(page, 200);
        assert!(page.contains("what is shown of AWS may be out of date"), "{page}");
        world.clock().advance(Span::hours(5));
        world.run_due().await;
        assert_eq!(new(&world, "cy", "sync_overdue").await["times"], 1);
        assert_eq!(events(&world, "sync.overdue").await.len(), 1);

        world.sim().faults().clear();
        world.clock().advance(Span::minutes(6));
        world.run_due().await;
        let calm = ["connection_works new", "sync_failed settled", "sync_overdue settled"];
        assert_eq!(told(&world, "cy").await, calm, "works again is said once");
        let page = world.in_browser("dee").await.get(&format!("/connections/{connection}")).await;
        assert!(!sound(page, 200).contains("may be out of date"));
    }

    async fn a_server_that_stood_still_catches_up_and_tells_nobody(world) {
        world.organize().await;
        // Its first sync fails, and overdue is looked at while it does.
        spoil(&world, refusal());
        world.clock().advance(Span::hours(72));
        world.run_due().await;
        world.sim().faults().clear();
        world.clock().advance(Span::minutes(6));
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["connection_works new", "sync_failed settled"]);
        assert!(events(&world, "sync.overdue").await.is_empty());
    }

    async fn owners_are_shown_and_changed_on_the_page(world) {
        let connection = world.organize().await.connection;
        let kai = world.add_person("kai", &[Role::ConnectionAdmin]).await;
        let (cy, dee) = (world.in_browser("cy").await, world.in_browser("dee").await);
        let (page_of, place) = (format!("/connections/{connection}"), format!("/connections/{connection}/owners"));
        let links = |page: &str| page.contains(&format!("href=\"{place}\""));
        let shown = sound(cy.get(&page_of).await, 200);
        assert!(links(&shown) && shown.contains("Told when it is in trouble") && shown.contains("Owners of the application"), "{shown}");
        assert!(shown.contains("/edit\">Change the application"), "{shown}");
        let shown = sound(dee.get(&page_of).await, 200);
        assert!(!links(&shown) && shown.contains("Told when it is in trouble") && !shown.contains("Change the application"), "{shown}");
        sound(dee.get(&place).await, 403);
        refused_from_elsewhere(&cy, &place).await;

        // Whoever could not mend it is no owner.
        let page = sound(cy.get(&place).await, 200);
        let found = sound(send(&cy, &place, &page, &[("owners.q", "bo")]).await, 200);
        let bo = button(&found, "owners.add:", "Bo Lindqvist");
        let found = sound(send(&cy, &place, &found, &[("do", &bo)]).await, 200);
        let wrong = sound(send(&cy, &place, &found, &[]).await, 422);
        assert!(wrong.contains("id=\"owners-mistake\""), "{wrong}");

        let found = sound(send(&cy, &place, &page, &[("owners.q", "kai")]).await, 200);
        let add = button(&found, "owners.add:", &kai.name);
        let chosen = sound(send(&cy, &place, &found, &[("do", &add)]).await, 200);
        // Somebody else was quicker.
        world.as_user("cy").patch(&at(connection), json!({ "name": "production" })).await.is(200);
        let late = sound(send(&cy, &place, &chosen, &[]).await, 412);
        assert!(late.contains("Changed meanwhile by Cy Adeyemi"), "{late}");
        assert_eq!(goes(send(&cy, &place, &late, &[]).await), page_of);
        let now = world.as_user("dee").get(&at(connection)).await.ok();
        let mut owners = names(&now["owners"]);
        owners.sort();
        let mut wanted = [world.person("cy").name.clone(), kai.name.clone()];
        wanted.sort();
        assert_eq!(owners, wanted);
    }
}

both_engines! {
    World::builder().hold(held::RULE);
    async fn a_sync_that_waits_is_told_with_where_it_is_decided_and_gone_once_it_is(world) {
        let connection = world.organize().await.connection;
        held::taken(&world, 3).await;
        let run = directory::sync(&world.cx("cy"), connection).await.expect("read");
        assert_eq!(run.state, "held");
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["sync_held new"]);
        let said = new(&world, "cy", "sync_held").await;
        assert!(said["text"].as_str().expect("words").contains("would end 3 of the"), "{said:#}");
        assert_eq!(said["link"], format!("/connections/{connection}/syncs/{}", run.id));
        // The next that finds the same is no news to who has read of it.
        world.as_user("cy").post("/api/v1/notices/read", json!(null)).await.ok();
        world.advance(Span::minutes(390)).await;
        assert_eq!(told(&world, "cy").await, ["sync_held read"]);
        let newest = directory::trouble(&mut world.app().db.reader().await.expect("a reader"), connection).await;
        let newest = newest.expect("read").held.expect("it waits").id;
        assert_ne!(newest, run.id);
        directory::set_aside_sync(&world.cx("cy"), connection, newest).await.expect("set aside");
        world.run_due().await;
        assert_eq!(told(&world, "cy").await, ["sync_held settled"]);

        // It is asked anew, and accepted.
        world.advance(Span::hours(2)).await;
        assert_eq!(told(&world, "cy").await, ["sync_held new", "sync_held settled"]);
        let newest = directory::trouble(&mut world.app().db.reader().await.expect("a reader"), connection).await;
        let newest = newest.expect("read").held.expect("it waits").id;
        directory::accept_sync(&world.cx("cy"), connection, newest).await.expect("accepted");
        world.settle().await;
        assert_eq!(told(&world, "cy").await, ["sync_held settled", "sync_held settled"], "nothing was broken");
        assert!(events(&world, "sync.overdue").await.is_empty(), "who is asked is not told that it waits");
    }
}
