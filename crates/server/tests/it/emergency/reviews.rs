//! Who closes a review of emergency access, who is told where nobody is left, and when it begins.

use serde_json::{Value, json};
use stint_db::Priority;
use stint_domain::policy::Route;
use stint_domain::rights::Role;
use stint_domain::{GroupId, RequestId, Span};
use stint_server::requests::{self, Extension};
use stint_server::{directory, grants, identity, outbox};
use stint_testkit::{World, both_engines};

use super::{
    PENDING, REQUESTS, REVIEWS, Scene, ask, close, count, id, in_an_emergency, of, policy, terms,
    told,
};

/// Somebody takes others out of a group.
async fn take_out(world: &World, by: &str, group: GroupId, whom: &[&str]) {
    for word in whom {
        let user = world.person(word).id;
        let gone = identity::remove_member(&world.cx(by), group, user).await;
        gone.expect("taken out");
    }
}

/// Who could close a review now, by name, as an auditor sees it.
async fn closers(world: &World, request: &Value) -> Vec<String> {
    let place = format!("{REVIEWS}/{}", id(request));
    let found = world.as_user("dee").get(&place).await.ok();
    let all = found["reviewers"].as_array().expect("people").iter();
    all.map(|who| who["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn which(request: &Value) -> RequestId {
    id(request).parse().expect("an id")
}

/// What Ana has of [`Scene::by_platform`] in the ordinary way, and her request to extend it.
async fn extended(world: &World, scene: &Scene) -> (grants::Grant, RequestId) {
    let first = world.ask("ana", scene.by_platform, Span::hours(1)).await;
    world.approve("bo", first).await;
    world.approve("eve", first).await;
    world.settle().await;
    let mut q = world.app().db.reader().await.expect("a reader");
    let given = grants::of_request(&mut q, first).await.expect("read");
    drop(q);
    let grant = given.into_iter().next().expect("a grant");
    let asked = requests::extend(&world.cx("ana"), grant.id, Extension::default()).await;
    (grant, asked.expect("asked").request.id)
}

both_engines! {
    async fn who_held_it_through_a_group_closes_no_review_of_it_though_they_left(world) {
        let scene = crate::for_groups::Scene::set(&mut world).await;
        scene.own_the_application(&world).await;
        world.add_person("eve", &[]).await;
        let security = world.group("Security", &["bea", "eve"]).await;
        let now = policy(&world, "now", Route::AutoApprove, Span::hours(1), security).await;
        terms(&world, scene.admin, scene.org.approved, Some(now)).await;
        world.clock().advance(Span::minutes(1));
        let mut new = ask(scene.admin);
        new["principal"] = scene.group.to_string().into();
        let request = world.as_user("ana").post(REQUESTS, new).await.is(201).json();
        assert_eq!(request["state"], "approved");
        world.settle().await;
        let bea = world.as_user("bea");
        close(&bea, &request, "justified").await.refused(403, "own_review");
        // Somebody takes her out of the group in AWS, and Stint sees it.
        let before = world.aws().members(&scene.aws_group).await;
        world.aws().leave(&scene.aws_group, &before[0]).await;
        scene.read_again(&world).await;
        let seen = world.as_user("ana").get(&of(&request)).await.ok();
        assert_eq!(seen["group_members"]["count"], before.len() - 1, "she has left");
        close(&bea, &request, "justified").await.refused(403, "own_review");
        assert_eq!(closers(&world, &request).await, [world.person("eve").name.clone()]);
        close(&world.as_user("eve"), &request, "justified").await.ok();
    }

    async fn a_delegate_of_who_asked_closes_no_review_of_it(world) {
        let scene = Scene::set(&mut world).await;
        let until = (world.now() + Span::hours(48)).to_string();
        let new = json!({ "delegate": world.person("eve").email, "ends_at": until });
        world.as_user("ana").post("/api/v1/delegations", new).await.is(201);
        let request = in_an_emergency(&world, scene.at_once).await;
        let eve = world.as_user("eve");
        close(&eve, &request, "justified").await.refused(403, "delegate_of_reviewed");
        assert_eq!(closers(&world, &request).await, [world.person("mia").name.clone()]);
        close(&world.as_user("mia"), &request, "justified").await.ok();
    }

    async fn where_nobody_is_left_the_super_admins_are_told_and_close_it(world) {
        world.add_person("pia", &[Role::PolicyAdmin]).await;
        let scene = Scene::set(&mut world).await;
        let request = in_an_emergency(&world, scene.at_once).await;
        // The group is emptied before anybody was told.
        take_out(&world, "pia", scene.security, &["eve", "mia"]).await;
        world.run_due().await;
        let all = ["emergency_asked 1 settled", "emergency_given 1", "emergency_review 1"];
        assert_eq!(told(&world, "cy").await, all);
        for word in ["eve", "mia", "pia", "dee"] {
            assert!(told(&world, word).await.is_empty(), "{word} is not told");
        }
        assert_eq!(closers(&world, &request).await, [world.person("cy").name.clone()]);
        world.settle().await;
        world.advance(Span::minutes(121)).await;
        let cys = told(&world, "cy").await;
        assert!(cys.contains(&"emergency_review 2".to_owned()), "it is overdue: {cys:?}");
        let dee = world.as_user("dee");
        let log = dee.get("/api/v1/audit-events?action=emergency.review_overdue").await.ok();
        let facts = &log["items"][0]["detail"];
        let review = dee.get(&format!("{REVIEWS}/{}", id(&request))).await.ok();
        assert!(review["grant"].is_string() && !facts["due"].is_null(), "{facts}");
        assert_eq!(facts["grant"], review["grant"]);
        close(&world.as_user("cy"), &request, "justified").await.ok();
        world.settle().await;
    }

    async fn what_is_given_once_nobody_is_told_any_more_the_super_admins_hear_of(world) {
        world.add_person("pia", &[Role::PolicyAdmin]).await;
        let scene = Scene::set(&mut world).await;
        let request = in_an_emergency(&world, scene.by_platform).await;
        world.run_due().await;
        assert!(told(&world, "cy").await.is_empty());
        take_out(&world, "pia", scene.security, &["eve", "mia"]).await;
        world.approve("bo", which(&request)).await;
        world.settle().await;
        assert_eq!(told(&world, "cy").await, ["emergency_given 1", "emergency_review 1"]);
    }

    async fn a_super_admin_does_not_make_themselves_the_last_one(world) {
        world.add_person("zoe", &[Role::SuperAdmin]).await;
        let scene = Scene::set(&mut world).await;
        let request = in_an_emergency(&world, scene.at_once).await;
        let cy = world.as_user("cy");
        close(&cy, &request, "justified").await.refused(403, "reviewers_can");
        take_out(&world, "cy", scene.security, &["eve", "mia"]).await;
        close(&cy, &request, "justified").await.refused(403, "changed_others_after_submission");
        assert_eq!(closers(&world, &request).await, [world.person("zoe").name.clone()]);
        close(&world.as_user("zoe"), &request, "justified").await.ok();
    }

    async fn news_that_comes_late_asks_for_nothing_any_more(world) {
        let scene = Scene::set(&mut world).await;
        // Closed before anybody was told that it is open.
        let request = in_an_emergency(&world, scene.at_once).await;
        close(&world.as_user("eve"), &request, "justified").await.ok();
        world.run_due().await;
        for word in ["eve", "mia"] {
            let all = ["emergency_asked 1 settled", "emergency_given 1"];
            assert_eq!(told(&world, word).await, all, "{word}");
        }
        // Asked, as somebody hears who was behind, when it is denied already.
        let request = in_an_emergency(&world, scene.by_platform).await;
        requests::deny(&world.cx("bo"), which(&request), "no").await.expect("denied");
        world.run_due().await;
        let before = told(&world, "eve").await.len();
        let cx = world.system();
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        let news = json!({ "request": id(&request) });
        outbox::emit(&mut tx, &cx, "emergency.asked", news).await.expect("emitted");
        tx.commit().await.expect("committed");
        world.run_due().await;
        let all = told(&world, "eve").await;
        assert!(all.len() > before, "it was taken: {all:?}");
        let asked = || all.iter().filter(|it| it.starts_with("emergency_asked"));
        assert!(asked().all(|it| it.ends_with(" settled")), "{all:?}");
    }

    async fn home_counts_what_one_may_close(world) {
        let scene = Scene::set(&mut world).await;
        let bo = world.person("bo").id;
        identity::add_member(&world.cx("cy"), scene.security, bo).await.expect("a member");
        world.clock().advance(Span::minutes(1));
        let request = in_an_emergency(&world, scene.by_platform).await;
        world.approve("bo", which(&request)).await;
        // Bo approved it himself, and Dee only reads.
        for (word, words) in [
            ("eve", Some("1 emergency review to close")),
            ("dee", Some("1 emergency review open")),
            ("bo", None),
            ("ana", None),
        ] {
            let home = world.in_browser(word).await.get("/").await.is(200).text();
            match words {
                Some(words) => assert!(home.contains(words), "{word}: {home}"),
                None => assert!(!home.contains("1 emergency review"), "{word}: {home}"),
            }
        }
        // What the API counts is what one sees.
        let counts = world.as_user("bo").get(&format!("{REVIEWS}/counts")).await.ok();
        assert_eq!(counts, json!({ "open": 1, "overdue": 0 }));
    }

    async fn emergency_access_begins_at_once(world) {
        let scene = Scene::set(&mut world).await;
        let ana = world.as_user("ana");
        let tomorrow = (world.now() + Span::hours(24)).to_string();
        let mut new = ask(scene.at_once);
        new["start"] = tomorrow.clone().into();
        ana.post(REQUESTS, new).await.refused(422, "start_in_emergency");
        let preview = json!({ "entitlement": scene.at_once, "emergency": true, "start": tomorrow });
        let said = ana.post("/api/v1/requests/preview", preview).await.ok();
        let codes = said["refusals"].as_array().expect("refusals");
        assert!(codes.iter().any(|it| it["code"] == "start_in_emergency"), "{said}");
        // What was to begin tomorrow, and is raised, begins now.
        let new = json!({ "entitlement": scene.by_platform, "duration_seconds": 3600, "reason": "a release", "start": tomorrow });
        let old = ana.post(REQUESTS, new).await.is(201).json();
        assert!(old["start"].is_string(), "{old}");
        let raised = ana.post(&format!("{}/raise", of(&old)), json!({})).await.is(201).json();
        assert!(raised["start"].is_null(), "{raised}");
        world.approve("bo", which(&raised)).await;
        world.settle().await;
        assert_eq!(ana.get(&of(&raised)).await.ok()["grants"][0]["status"], "active");
    }

    async fn an_extension_that_is_raised_begins_where_the_first_ends_and_is_reviewed_then(world) {
        let scene = Scene::set(&mut world).await;
        let (grant, next) = extended(&world, &scene).await;
        let ana = world.as_user("ana");
        let raise = |id: &str| format!("{REQUESTS}/{id}/raise");
        let raised = ana.post(&raise(&next.to_string()), json!({})).await.is(201).json();
        assert_eq!(raised["extends"], grant.id.to_string());
        // The same is not asked twice: neither anew nor by raising another.
        ana.post(REQUESTS, ask(scene.by_platform)).await.refused(409, "emergency_waits");
        let other = world.ask("ana", scene.by_platform, Span::hours(2)).await;
        ana.post(&raise(&other.to_string()), json!({})).await.refused(409, "emergency_waits");
        assert_eq!(ana.get(&format!("{REQUESTS}/{other}")).await.ok()["state"], "pending");
        assert_eq!(count(&world, &PENDING, vec![]).await, 2);
        requests::cancel(&world.cx("ana"), other).await.expect("cancelled");

        world.approve("bo", which(&raised)).await;
        world.run_due().await;
        let review = requests::review(&world.cx("dee"), which(&raised)).await.expect("a review");
        let start = review.line.line.request.start;
        assert_eq!(start, grant.end());
        let start = start.expect("where the first ends");
        assert_eq!(review.line.review.due_at, start + Span::hours(2));
        let eve = world.as_user("eve");
        close(&eve, &raised, "justified").await.refused(409, "review_not_begun");
        world.advance(Span::minutes(65)).await;
        close(&eve, &raised, "justified").await.ok();
        world.settle().await;
    }

    async fn an_extension_is_raised_by_nobody_who_is_somebody_else_in_aws_now(world) {
        let scene = Scene::set(&mut world).await;
        let (_, next) = extended(&world, &scene).await;
        let connection = scene.there.connection;
        let other = world.aws().new_user("ana.two").await;
        directory::sync(&world.cx("cy"), connection).await.expect("read");
        world.link(connection, "ana", &other).await;
        // Her second identity is made the one her requests are for.
        let cy = world.as_user("cy");
        let ana = world.person("ana").id;
        let links = cy.get(&format!("/api/v1/links?user={ana}&state=confirmed")).await.ok();
        let links = links["items"].as_array().expect("links");
        let second = links.iter().find(|it| it["primary"] == false).expect("a second link");
        let confirm = format!("/api/v1/links/{}/confirm", id(second));
        assert_eq!(cy.post(&confirm, Value::Null).await.ok()["primary"], true);
        let ana = world.as_user("ana");
        let place = format!("{REQUESTS}/{next}");
        ana.post(&format!("{place}/raise"), json!({})).await.refused(409, "principal_moved");
        assert_eq!(ana.get(&place).await.ok()["state"], "pending");
    }

    async fn what_is_raised_stays_part_of_what_was_asked_together(world) {
        let scene = Scene::set(&mut world).await;
        let ana = world.as_user("ana");
        let item = |what| json!({ "entitlement": what, "duration_seconds": 3600, "reason": "down" });
        let body = json!({ "items": [item(scene.by_platform), item(scene.at_once)] });
        let made = ana.post("/api/v1/submissions", body).await.is(201).json();
        let raise = format!("{}/raise", of(&made["requests"][0]));
        let raised = ana.post(&raise, json!({})).await.is(201).json();
        assert!(made["id"].is_string());
        assert_eq!(raised["submission"], made["id"]);
    }
}
