//! Notices: who is told what, once, and what they no longer see or need.

use std::sync::Arc;

use serde_json::{Value, json};
use stint_db::{CommitPoint, Priority};
use stint_domain::policy::{Approvers, Route, Step};
use stint_domain::rights::Role;
use stint_domain::{EntitlementId, GroupId, PolicyId, RequestId, Span, UserId};
use stint_server::{identity, outbox, requests, tasks};
use stint_testkit::sim::{Effect, Fault, Party};
use stint_testkit::{Organization, World, both_engines};

const NOTICES: &str = "/api/v1/notices";

stint_db::statements! {
    quiet DELIVER_AGAIN = "update outbox set delivered_at = null";
    quiet AGE = "update notices set last_at = last_at - $1";
    NOTICES_THERE = "select count(*) as n from notices";
    CAUSES_THERE = "select count(*) as n from notice_causes";
}

/// Everybody may ask for one thing that two of Platform (Bo, Bea) approve, and for another
/// that one of Platform and then Eve does.
struct Scene {
    there: Organization,
    both: EntitlementId,
    then_eve: EntitlementId,
}

impl Scene {
    async fn set(world: &mut World) -> Self {
        let there = world.organize().await;
        for word in ["bea", "eve"] {
            world.add_person(word, &[]).await;
            let user = world.person(word).id;
            join(world, there.everyone, user).await;
        }
        join(world, there.platform, world.person("bea").id).await;
        let platform = |needed| {
            let approvers = Approvers {
                groups: [there.platform].into(),
                ..Approvers::default()
            };
            Step::new("Platform", approvers, needed)
        };
        let approvers = Approvers {
            users: [world.person("eve").id].into(),
            ..Approvers::default()
        };
        let eve = Step::new("Eve", approvers, 1);
        let hours = Span::hours(4);
        let two = world
            .policy("two", Route::Steps(vec![platform(2)]), hours)
            .await;
        let steps = Route::Steps(vec![platform(1), eve]);
        let steps = world.policy("steps", steps, hours).await;
        let [both, then_eve] = offered(world, &there, [two, steps]).await;
        Self {
            there,
            both,
            then_eve,
        }
    }

    async fn ask(&self, world: &World, what: EntitlementId) -> RequestId {
        let id = world.ask("ana", what, Span::hours(1)).await;
        world.run_due().await;
        id
    }
}

async fn join(world: &World, group: GroupId, user: UserId) {
    let joined = identity::add_member(&world.cx("cy"), group, user).await;
    joined.expect("a member");
}

/// Two account assignments, each offered under one of these policies.
async fn offered(
    world: &World,
    there: &Organization,
    policies: [PolicyId; 2],
) -> [EntitlementId; 2] {
    let names = [
        ("prod-admin", "prod-payments"),
        ("ReadOnlyAccess", "prod-payments"),
    ];
    let mut found = Vec::new();
    for ((set, account), policy) in names.into_iter().zip(policies) {
        let what = there.entitlement(world, account, set).await;
        there.offer(world, what, policy).await;
        found.push(what);
    }
    [found[0], found[1]]
}

/// What somebody is told, newest first: kind, and whether it is new, read or settled.
async fn told(world: &World, word: &str) -> Vec<String> {
    let page = world.as_user(word).get(NOTICES).await.ok();
    let items = page["items"].as_array().expect("items").clone();
    let state = |it: &Value| match (it["settled_at"].is_string(), it["read_at"].is_string()) {
        (true, _) => "settled",
        (false, true) => "read",
        (false, false) => "new",
    };
    (items.iter())
        .map(|it| format!("{} {}", it["kind"].as_str().expect("a kind"), state(it)))
        .collect()
}

async fn newest(world: &World, word: &str) -> Value {
    let page = world.as_user(word).get(NOTICES).await.ok();
    page["items"][0].clone()
}

async fn count(world: &World, sql: &'static stint_db::Sql) -> i64 {
    let mut q = world.app().db.reader().await.expect("a reader");
    let row = stint_db::Query::one(&mut q, sql, stint_db::args![]).await;
    row.expect("a count").get("n").expect("a number")
}

both_engines! {
    async fn who_can_decide_is_told_and_settled_by_the_others_answers(world) {
        let scene = Scene::set(&mut world).await;
        let id = scene.ask(&world, scene.both).await;
        for word in ["bo", "bea"] {
            assert_eq!(told(&world, word).await, ["approval_waiting new"]);
        }
        let said = newest(&world, "bo").await;
        assert_eq!(said["title"], "Ana Moreno asks for prod-admin on prod-payments");
        assert_eq!(said["link"], format!("/requests/{id}"));
        for word in ["ana", "cy", "eve"] {
            assert!(told(&world, word).await.is_empty(), "{word} cannot decide");
        }
        // One of two: who has decided is not needed any more, the other still is.
        world.approve("bo", id).await;
        world.run_due().await;
        assert_eq!(told(&world, "bo").await, ["approval_waiting settled"]);
        assert_eq!(told(&world, "bea").await, ["approval_waiting new"]);
        world.approve("bea", id).await;
        world.run_due().await;
        assert_eq!(told(&world, "bea").await, ["approval_waiting settled"]);
        world.settle().await;
        assert_eq!(told(&world, "ana").await, ["access_ready new", "request_approved settled"]);
        assert_eq!(told(&world, "bo").await, ["approval_waiting settled"]);
    }

    async fn only_the_open_step_is_told_and_only_who_can_decide_it(world) {
        let scene = Scene::set(&mut world).await;
        // Bo's own request is not for Bo to decide.
        let own = world.ask("bo", scene.then_eve, Span::hours(1)).await;
        world.run_due().await;
        assert!(told(&world, "bo").await.is_empty());
        assert!(told(&world, "eve").await.is_empty(), "not her step yet");
        assert_eq!(told(&world, "bea").await, ["approval_waiting new"]);
        world.approve("bea", own).await;
        world.run_due().await;
        assert_eq!(told(&world, "bea").await, ["approval_waiting settled"]);
        assert_eq!(told(&world, "eve").await, ["approval_waiting new"]);
        // A request that is taken back waits for nobody.
        requests::cancel(&world.cx("bo"), own).await.expect("cancelled");
        world.run_due().await;
        assert_eq!(told(&world, "eve").await, ["approval_waiting settled"]);
        assert!(told(&world, "bo").await.is_empty(), "Bo did it himself");
    }

    async fn a_new_step_is_told_again_to_who_read_of_the_first(world) {
        let there = world.organize().await;
        let bo = world.person("bo").id;
        let cy = world.person("cy").id;
        let step = |users: &[_]| {
            let approvers = Approvers {
                users: users.iter().copied().collect(),
                ..Approvers::default()
            };
            Step::new("step", approvers, 1)
        };
        let route = Route::Steps(vec![step(&[bo, cy]), step(&[bo, cy])]);
        let policy = world.policy("twice", route, Span::hours(4)).await;
        let [what, _] = offered(&world, &there, [policy, policy]).await;
        let id = world.ask("ana", what, Span::hours(1)).await;
        world.run_due().await;
        world.as_user("bo").post("/api/v1/notices/read", json!(null)).await.ok();
        assert_eq!(told(&world, "bo").await, ["approval_waiting read"]);
        world.approve("cy", id).await;
        world.run_due().await;
        assert_eq!(told(&world, "bo").await, ["approval_waiting new", "approval_waiting settled"]);
        assert_eq!(told(&world, "cy").await, ["approval_waiting settled"]);
    }

    async fn the_outcome_is_told_with_its_reason_and_not_to_who_made_it(world) {
        let scene = Scene::set(&mut world).await;
        let id = scene.ask(&world, scene.both).await;
        requests::deny(&world.cx("bo"), id, "not today").await.expect("denied");
        world.run_due().await;
        assert_eq!(told(&world, "ana").await, ["request_denied new"]);
        assert_eq!(newest(&world, "ana").await["text"], "Bo Lindqvist: “not today”");
        let id = scene.ask(&world, scene.both).await;
        requests::cancel(&world.cx("cy"), id).await.expect("cancelled");
        world.run_due().await;
        assert_eq!(told(&world, "ana").await, ["request_cancelled new", "request_denied new"]);
        assert!(newest(&world, "ana").await["text"].as_str().expect("text").contains("took it back"));
        assert!(told(&world, "cy").await.is_empty());
    }

    async fn what_becomes_of_access_is_told_and_its_natural_end_is_not(world) {
        let scene = Scene::set(&mut world).await;
        scene.there.offer(&world, scene.both, scene.there.auto).await;
        scene.ask(&world, scene.both).await;
        world.settle().await;
        // Approved by the policy at her own click: only that it is there.
        assert_eq!(told(&world, "ana").await, ["access_ready new"]);
        world.advance(Span::hours(2)).await;
        world.settle().await;
        assert_eq!(told(&world, "ana").await, ["access_ending settled", "access_ready settled"]);
        // Ended by somebody else.
        let id = scene.ask(&world, scene.both).await;
        world.settle().await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let grant = stint_server::grants::of_request(&mut q, id).await.expect("read")[0].id;
        drop(q);
        let revoked = stint_server::grants::revoke(&world.cx("cy"), grant, "an incident").await;
        revoked.expect("revoked");
        world.settle().await;
        let now = told(&world, "ana").await;
        assert_eq!(now[0], "access_removed new");
        assert_eq!(now.iter().filter(|it| it.ends_with("new")).count(), 1, "{now:?}");
        assert_eq!(newest(&world, "ana").await["text"], "Revoked: “an incident”");
        // Given back by herself: she knows.
        let id = scene.ask(&world, scene.both).await;
        world.settle().await;
        requests::return_early(&world.cx("ana"), id).await.expect("returned");
        world.settle().await;
        let now = told(&world, "ana").await;
        assert!(!now.iter().any(|it| it == "access_ready new"), "{now:?}");
        assert_eq!(now.iter().filter(|it| it.starts_with("access_removed")).count(), 1);
    }

    async fn a_failed_provision_is_told_with_what_aws_said(world) {
        let scene = Scene::set(&mut world).await;
        scene.there.offer(&world, scene.both, scene.there.auto).await;
        let creates = Fault::on("sso:CreateAccountAssignment").by(Party::Stint);
        let denied = world.sim().faults().add(creates, Effect::refuse("AccessDeniedException"));
        scene.ask(&world, scene.both).await;
        world.settle().await;
        assert_eq!(told(&world, "ana").await, ["access_failed new"]);
        let said = newest(&world, "ana").await;
        assert!(!said["text"].as_str().expect("text").is_empty());
        world.sim().faults().remove(denied);
        world.settle().await;
    }

    async fn a_stuck_removal_is_told_to_owners_and_administrators_once(world) {
        let scene = Scene::set(&mut world).await;
        world.add_person("olaf", &[Role::ConnectionAdmin]).await;
        scene.there.offer(&world, scene.both, scene.there.auto).await;
        scene.ask(&world, scene.both).await;
        world.settle().await;
        let deletes = Fault::on("sso:DeleteAccountAssignment").by(Party::Stint);
        let denied = world.sim().faults().add(deletes, Effect::refuse("AccessDeniedException"));
        world.advance(Span::hours(3)).await;
        world.settle().await;
        for word in ["olaf", "cy"] {
            assert_eq!(told(&world, word).await, ["removal_stuck new"], "{word}");
        }
        assert!(told(&world, "bo").await.is_empty());
        assert_eq!(newest(&world, "cy").await["times"], 1, "tried often, told once");
        world.sim().faults().remove(denied);
        world.advance(Span::hours(2)).await;
        world.settle().await;
        for word in ["olaf", "cy"] {
            assert_eq!(told(&world, word).await, ["removal_stuck settled"], "{word}");
        }
    }

    async fn one_piece_of_news_tells_a_person_once_however_often_it_comes(world) {
        let scene = Scene::set(&mut world).await;
        let id = scene.ask(&world, scene.both).await;
        requests::deny(&world.cx("bo"), id, "no").await.expect("denied");
        world.run_due().await;
        let before = (count(&world, &NOTICES_THERE).await, count(&world, &CAUSES_THERE).await);
        assert_eq!(before, (3, 3), "Bo, Bea, then Ana");
        for _ in 0..2 {
            let mut tx = world.app().db.begin(Priority::Sync).await.expect("begins");
            tx.run(&DELIVER_AGAIN, stint_db::args![]).await.expect("runs");
            tx.commit().await.expect("commits");
            world.run_due().await;
        }
        assert_eq!((count(&world, &NOTICES_THERE).await, count(&world, &CAUSES_THERE).await), before);
        assert_eq!(newest(&world, "ana").await["times"], 1);
        // Other news of the same kind about the same thing counts up what is new.
        let cx = world.system();
        let mut tx = cx.begin(Priority::Interactive).await.expect("begins");
        outbox::emit(&mut tx, &cx, "request.denied", json!({"request": id})).await.expect("emitted");
        tx.commit().await.expect("commits");
        world.run_due().await;
        assert_eq!(newest(&world, "ana").await["times"], 2);
        assert_eq!(told(&world, "ana").await, ["request_denied new"]);
        // Once read, the next is a notice of its own.
        world.as_user("ana").post("/api/v1/notices/read", json!(null)).await.ok();
        let mut tx = cx.begin(Priority::Interactive).await.expect("begins");
        outbox::emit(&mut tx, &cx, "request.denied", json!({"request": id})).await.expect("emitted");
        tx.commit().await.expect("commits");
        world.run_due().await;
        assert_eq!(told(&world, "ana").await, ["request_denied new", "request_denied read"]);
    }

    async fn a_server_that_dies_while_telling_tells_once(world) {
        let scene = Scene::set(&mut world).await;
        world.run_due().await;
        for point in [CommitPoint::Before, CommitPoint::After] {
            let id = world.ask("ana", scene.both, Span::hours(1)).await;
            world.expect_failures();
            world.crash_at(1, point);
            world.run_due().await;
            assert!(world.crashed());
            world.restart().await;
            world.run_due().await;
            let waiting = told(&world, "bo").await;
            assert_eq!(waiting.iter().filter(|it| it.ends_with("new")).count(), 1, "{waiting:?}");
            assert_eq!(newest(&world, "bo").await["times"], 1);
            requests::cancel(&world.cx("ana"), id).await.expect("cancelled");
            world.run_due().await;
        }
    }

    async fn who_may_see_it_no_more_is_not_told_what_it_was(world) {
        let scene = Scene::set(&mut world).await;
        scene.ask(&world, scene.both).await;
        let bo = world.person("bo").id;
        assert_eq!(told(&world, "bo").await.len(), 1);
        let nav = "class=\"st-count\"";
        let counted = world.in_browser("bo").await.get("/notices").await.is(200).text();
        assert!(counted.contains("asks for prod-admin"), "{nav}");
        let cy = world.cx("cy");
        identity::remove_member(&cy, scene.there.platform, bo).await.expect("taken out");
        assert!(told(&world, "bo").await.is_empty());
        let page = world.in_browser("bo").await.get("/notices").await.is(200).text();
        assert!(!page.contains("prod-admin") && page.contains("Nothing to tell you yet"));
        let csv = world.in_browser("bo").await.get("/notices?format=csv").await.is(200).text();
        assert!(!csv.contains("prod-admin"));
    }

    async fn notices_are_read_one_by_one_all_at_once_and_by_nobody_else(world) {
        let scene = Scene::set(&mut world).await;
        for _ in 0..3 {
            scene.ask(&world, scene.both).await;
        }
        let (bo, bea) = (world.as_user("bo"), world.as_user("bea"));
        let page = bo.get("/api/v1/notices?state=new&limit=2").await.ok();
        let next = page["next"].as_str().expect("a next page").to_owned();
        let rest = bo.get(&format!("/api/v1/notices?state=new&limit=2&cursor={next}")).await.ok();
        assert_eq!((page["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len)), (Some(2), Some(1)));
        let mut ids: Vec<&Value> = [&page, &rest].into_iter().flat_map(|it| it["items"].as_array().into_iter().flatten()).map(|it| &it["id"]).collect();
        ids.sort_by_key(|it| it.to_string());
        ids.dedup();
        assert_eq!(ids.len(), 3);
        let up = bo.get("/api/v1/notices?sort=when").await.ok();
        assert_eq!(up["items"][0]["id"], rest["items"][0]["id"]);
        let one = format!("/api/v1/notices/{}/read", page["items"][0]["id"].as_str().expect("an id"));
        bea.post(&one, json!(null)).await.refused(404, "not_found");
        bo.post(&one, json!(null)).await.is(204);
        bo.post(&one, json!(null)).await.is(204);
        assert_eq!(told(&world, "bo").await.iter().filter(|it| it.ends_with("read")).count(), 1);
        assert_eq!(bo.post("/api/v1/notices/read", json!(null)).await.ok()["count"], 2);
        assert_eq!(bo.post("/api/v1/notices/read", json!(null)).await.ok()["count"], 0);
        assert_eq!(bea.get("/api/v1/notices?state=new").await.ok()["items"].as_array().map(Vec::len), Some(3));
        bo.get("/api/v1/notices?state=old").await.refused(422, "invalid_filter");
        bo.get("/api/v1/notices?kind=rumour").await.refused(422, "invalid_filter");
    }

    async fn what_is_switched_off_is_not_told_and_that_is_on_record(world) {
        let scene = Scene::set(&mut world).await;
        let bo = world.as_user("bo");
        let kinds = bo.get("/api/v1/notices/kinds").await.ok();
        assert!(kinds.as_array().expect("kinds").iter().all(|it| it["on"] == true));
        bo.put("/api/v1/notices/kinds", json!({"kind": "approval_waiting", "on": false})).await.is(204);
        bo.put("/api/v1/notices/kinds", json!({"kind": "rumour", "on": false})).await.refused(422, "unknown_notice_kind");
        scene.ask(&world, scene.both).await;
        assert!(told(&world, "bo").await.is_empty());
        assert_eq!(told(&world, "bea").await.len(), 1);
        let log = world.as_user("cy").get("/api/v1/audit-events?action=notice.switched").await.ok();
        assert_eq!(log["items"].as_array().map(Vec::len), Some(1));
        let browser = world.in_browser("bo").await;
        let form = browser.get("/notices/kinds").await.is(200).text();
        assert!(form.contains("A request waits for me"));
        browser.form("/notices/kinds", &[("approval_waiting", "yes"), ("access_ready", "yes")]).await.is(303);
        let kinds = bo.get("/api/v1/notices/kinds").await.ok();
        let on: Vec<_> = kinds.as_array().expect("kinds").iter().filter(|it| it["on"] == true).map(|it| it["kind"].clone()).collect();
        assert_eq!(on, ["approval_waiting", "access_ready"]);
        scene.ask(&world, scene.both).await;
        assert_eq!(told(&world, "bo").await.len(), 1);
    }

    async fn the_page_leads_to_the_thing_and_marks_it_read(world) {
        let scene = Scene::set(&mut world).await;
        let id = scene.ask(&world, scene.both).await;
        let bo = world.in_browser("bo").await;
        let page = bo.get("/notices").await.is(200).text();
        let place = page.split('"').find(|part| part.starts_with("/notices/ntc_")).expect("a form").to_owned();
        let went = bo.form(&place, &[("back", &format!("/requests/{id}"))]).await.is(303);
        assert_eq!(went.header("location"), format!("/requests/{id}"));
        assert_eq!(told(&world, "bo").await, ["approval_waiting read"]);
        // Nowhere else.
        let went = bo.form(&place, &[("back", "https://evil.example")]).await.is(303);
        assert_eq!(went.header("location"), "/notices");
    }

    async fn old_notices_are_forgotten_and_new_ones_stay(world) {
        let scene = Scene::set(&mut world).await;
        scene.ask(&world, scene.both).await;
        assert_eq!(count(&world, &NOTICES_THERE).await, 2);
        let keep = world.app().notices.keep;
        let mut tx = world.app().db.begin(Priority::Sync).await.expect("begins");
        tx.run(&AGE, stint_db::args![keep]).await.expect("runs");
        tx.commit().await.expect("commits");
        scene.ask(&world, scene.then_eve).await;
        assert_eq!(count(&world, &NOTICES_THERE).await, 4);
        world.advance(Span::seconds(1)).await;
        world.run_due().await;
        assert_eq!((count(&world, &NOTICES_THERE).await, count(&world, &CAUSES_THERE).await), (2, 2));
    }
}

both_engines! {
    async fn two_who_deliver_at_once_tell_once(world) {
        let scene = Scene::set(&mut world).await;
        world.run_due().await;
        for _ in 0..10 {
            world.ask("ana", scene.both, Span::hours(1)).await;
        }
        let deliver: Vec<Arc<dyn tasks::Task>> = stint_server::tasks().into_iter().filter(|it| it.name() == outbox::DELIVER).collect();
        let again = deliver.clone();
        let (one, other) = tokio::join!(deliver[0].run(world.app()), again[0].run(world.app()));
        one.expect("delivered");
        other.expect("delivered");
        world.run_due().await;
        assert_eq!(count(&world, &NOTICES_THERE).await, 20);
        assert_eq!(count(&world, &CAUSES_THERE).await, 20);
    }
}

both_engines! {
    async fn who_sees_a_request_comments_and_those_concerned_are_told(world) {
        let scene = Scene::set(&mut world).await;
        let id = scene.ask(&world, scene.both).await;
        let place = format!("/api/v1/requests/{id}/comments");
        let (ana, bo, bea) = (world.as_user("ana"), world.as_user("bo"), world.as_user("bea"));
        // A question is for who asked, and holds nothing up.
        let said = bo.post(&place, json!({"text": " For how long really? ", "question": true})).await.is(201).json();
        let last = said["timeline"].as_array().and_then(|it| it.last()).expect("a moment").clone();
        assert_eq!((&last["what"], &last["text"]), (&json!("request.commented"), &json!("Bo Lindqvist asked: “For how long really?”")));
        assert_eq!(said["state"], "pending");
        world.run_due().await;
        assert_eq!(told(&world, "ana").await, ["request_question new"]);
        let asked = newest(&world, "ana").await;
        assert_eq!((&asked["title"], &asked["text"]), (&json!("Bo Lindqvist asks about prod-admin on prod-payments"), &json!("“For how long really?”")));
        assert_eq!(told(&world, "bo").await, ["approval_waiting new"], "he said it himself");
        assert_eq!(told(&world, "bea").await, ["approval_waiting new"], "she has said nothing");
        // The answer settles the question, and is told to who asked it.
        ana.post(&place, json!({"text": "An hour", "question": true})).await.is(201);
        world.run_due().await;
        assert_eq!(told(&world, "ana").await, ["request_question settled"]);
        assert_eq!(told(&world, "bo").await, ["request_comment new", "approval_waiting new"]);
        // Who is told nothing of it is who sees nothing of it.
        world.as_user("eve").post(&place, json!({"text": "Me too"})).await.refused(404, "not_found");
        ana.post(&place, json!({"text": "  "})).await.refused(422, "comment_empty");
        ana.post(&place, json!({"text": "x".repeat(2001)})).await.refused(422, "comment_too_long");
        // What was said is on record, whole, and stays when it is answered.
        let log = world.as_user("cy").get("/api/v1/audit-events?action=request.commented").await.ok();
        assert_eq!(log["items"][1]["detail"]["text"], "For how long really?");
        requests::cancel(&world.cx("ana"), id).await.expect("cancelled");
        bea.post(&place, json!({"text": "A pity"})).await.is(201);
        // By the page.
        let browser = world.in_browser("ana").await;
        let place = format!("/requests/{id}");
        browser.form(&format!("{place}/comments"), &[("text", "<b>So it is</b>")]).await.is(303);
        let page = browser.get(&place).await.is(200).text();
        assert!(page.contains("&#60;b&#62;So it is") && page.contains("A pity"));
        // And again, as it was.
        let again = format!("/request/{}?again={id}", scene.both);
        assert!(page.contains(&again));
        let form = browser.get(&again).await.is(200).text();
        assert!(form.contains("INC-2291</textarea>") || form.contains("value=\"INC-2291\""));
        world.in_browser("eve").await.get(&again).await.is(404);
    }

    async fn a_request_takes_two_hundred_comments(world) {
        let scene = Scene::set(&mut world).await;
        let id = scene.ask(&world, scene.both).await;
        let ana = world.cx("ana");
        for n in 0..requests::MOST_COMMENTS {
            requests::comment(&ana, id, &n.to_string(), false).await.expect("said");
        }
        let place = format!("/api/v1/requests/{id}/comments");
        world.as_user("ana").post(&place, json!({"text": "one more"})).await.refused(409, "too_many_comments");
    }
}
