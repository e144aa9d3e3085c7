//! Policies, catalogs and requests through the API, on a simulated AWS: what is asked,
//! answered and refused, and what a grant becomes of it.

use serde_json::{Value, json};
use stint_db::Query as _;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::rights::Role;
use stint_domain::{EntitlementId, Span};
use stint_server::http::Paging;
use stint_server::requests::{self, NewRequest};
use stint_server::{catalog, directory};
use stint_testkit::{Door, World, both_engines};

use crate::estate::Estate;

const POLICIES: &str = "/api/v1/policies";
const REQUESTS: &str = "/api/v1/requests";

stint_db::statements! {
    GRANTS = "select count(*) as n from grants";
}

/// An estate that is connected and read; Ana is in the audience of a catalog with
/// `prod-admin on prod-payments`, and one of Platform (Bo, Bea) must approve, for 4 h at most.
struct Scene {
    admin: String,
    hidden: String,
    policy: String,
    devs: String,
    platform: String,
}

impl Scene {
    async fn set(world: &mut World) -> Self {
        world.add_person("bea", &[]).await;
        world.add_person("eve", &[]).await;
        let [admin, hidden] = connected(world).await;
        let cy = world.as_user("cy");
        let devs = group(world, "Devs", &["ana"]).await;
        let platform = group(world, "Platform", &["bo", "bea"]).await;
        let policy = cy.post(POLICIES, policy("prod", &platform)).await.is(201);
        let policy = text(&policy.json()["id"]);
        let new = json!({"name": "Prod", "audience": [devs]});
        let catalog = text(&cy.post("/api/v1/catalogs", new).await.ok()["id"]);
        let place = format!("/api/v1/catalogs/{catalog}/entitlements");
        let added = cy.post(&place, json!({"entitlements": [admin]})).await.ok();
        assert_eq!(added["entitlements"], 1);
        let place = format!("/api/v1/entitlements/{admin}/access-control");
        cy.put(&place, json!({"policy": policy})).await.ok();
        Self {
            admin,
            hidden,
            policy,
            devs,
            platform,
        }
    }

    fn ask(&self) -> Value {
        json!({"entitlement": self.admin, "duration_seconds": 7200, "reason": "INC-2291"})
    }

    /// Ana asks; the request's address.
    async fn asked(&self, world: &World) -> String {
        let made = world
            .as_user("ana")
            .post(REQUESTS, self.ask())
            .await
            .is(201);
        assert_eq!(made.json()["state"], "pending");
        format!("{REQUESTS}/{}", text(&made.json()["id"]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn policy(name: &str, group: &str) -> Value {
    json!({"name": name, "body": {
        "steps": [{"name": "Platform", "groups": [group], "needed": 1}],
        "max_duration_seconds": 14_400,
        "reason": {"required": true, "min_length": 3},
    }})
}

async fn group(world: &World, name: &str, members: &[&str]) -> String {
    let cy = world.as_user("cy");
    let made = cy.post("/api/v1/groups", json!({"name": name})).await.ok();
    let id = text(&made["id"]);
    for word in members {
        let group = id.parse().expect("a group's id");
        let user = world.person(word).id;
        let added = stint_server::identity::add_member(&world.cx("cy"), group, user).await;
        added.expect("added");
    }
    id
}

/// Connects the estate, reads it and confirms Ana's link; answers `prod-admin on
/// prod-payments` and another entitlement.
async fn connected(world: &World) -> [String; 2] {
    let estate = Estate::connect(world).await;
    let account = world.sim().account_id("prod-payments");
    let set = world.sim().permission_set_arn("prod-admin");
    let key = EntitlementKey::AccountAssignment {
        account: account.expect("an account"),
        permission_set: set.expect("a permission set"),
    };
    let (mut wanted, mut others) = (None, estate.assignments);
    others.retain(|e| {
        let found = e.key == key;
        if found {
            wanted = Some(e.id.to_string());
        }
        !found
    });
    let other = others.first().expect("another entitlement").id;
    [
        wanted.expect("prod-admin on prod-payments"),
        other.to_string(),
    ]
}

async fn grants(world: &World) -> i64 {
    let mut q = world.app().db.reader().await.expect("a reader");
    let row = q.one(&GRANTS, stint_db::args![]).await.expect("a count");
    row.get("n").expect("a number")
}

fn lines(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|item| text(&item["id"])).collect()
}

both_engines! {
    async fn asked_approved_given_and_returned(world) {
        let scene = Scene::set(&mut world).await;
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let offers = ana.get("/api/v1/offers?q=prod-admin").await.ok();
        assert_eq!(offers["items"][0]["entitlement"]["id"], scene.admin.as_str());
        assert_eq!(offers["items"][0]["max_duration_seconds"], 14_400);
        let probe = json!({"entitlement": scene.admin});
        let seen = ana.post("/api/v1/requests/preview", probe).await.ok();
        assert_eq!((&seen["verdict"], &seen["steps"][0]["needed"]), (&json!("needs_approval"), &json!(1)));
        let approvers = seen["steps"][0]["approvers"].as_array().expect("approvers").len();
        assert_eq!(approvers, 2);

        let place = scene.asked(&world).await;
        let id = place.rsplit('/').next().expect("an id").to_owned();
        assert_eq!(lines(&bo.get("/api/v1/approvals").await.ok()), std::slice::from_ref(&id));
        assert_eq!(lines(&ana.get(REQUESTS).await.ok()), std::slice::from_ref(&id));
        assert_eq!(lines(&world.as_user("dee").get("/api/v1/requests/all?state=pending").await.ok()), [id]);
        ana.get("/api/v1/requests/all").await.refused(403, "forbidden");

        let done = bo.post(&format!("{place}/approve"), json!({"comment": "go"})).await.ok();
        assert_eq!((&done["state"], &done["steps"][0]["state"]), (&json!("approved"), &json!("done")));
        assert!(lines(&bo.get("/api/v1/approvals").await.ok()).is_empty());
        world.settle().await;
        let account = world.sim().account_id("prod-payments").expect("an account");
        let set = world.sim().permission_set_arn("prod-admin").expect("a set");
        let user = world.facts().ana.expect("Ana").user_id;
        assert!(world.aws().has(&account, &set, &user).await);
        let shown = ana.get(&place).await.ok();
        assert_eq!((&shown["grants"][0]["status"], &shown["may"]), (&json!("active"), &json!(["return", "extend"])));
        let timeline = shown["timeline"].as_array().expect("a timeline");
        assert_eq!(timeline[1]["text"], "Bo Lindqvist approved: “go”");
        assert!(timeline.iter().any(|t| t["aws_request_id"].is_string()), "{timeline:?}");

        ana.post(&format!("{place}/return"), json!({})).await.ok();
        world.settle().await;
        assert!(!world.aws().has(&account, &set, &user).await);
        let shown = ana.get(&place).await.ok();
        assert_eq!((&shown["grants"][0]["status"], &shown["may"]), (&json!("ended"), &json!([])));
        ana.post(&format!("{place}/return"), json!({})).await.refused(409, "nothing_to_return");
    }
}

both_engines! {
    async fn bad_input_is_told_what_to_do(world) {
        let scene = Scene::set(&mut world).await;
        let (ana, bo, eve) = (world.as_user("ana"), world.as_user("bo"), world.as_user("eve"));
        let mut long = scene.ask();
        long["duration_seconds"] = json!(14_401);
        let told = ana.post(REQUESTS, long).await.refused(422, "duration_over_policy");
        assert!(text(&told["detail"]).contains("ask for 4 h or less"));
        let mut silent = scene.ask();
        silent["reason"] = json!("");
        ana.post(REQUESTS, silent).await.refused(422, "reason_required");
        let mut odd = scene.ask();
        odd["start"] = json!("yesterday");
        ana.post(REQUESTS, odd).await.refused(422, "invalid_value");

        let devs = scene.devs.parse().expect("an id");
        let cx = world.cx("cy");
        stint_server::identity::add_member(&cx, devs, world.person("eve").id).await.expect("added");
        let told = eve.post(REQUESTS, scene.ask()).await.refused(422, "no_linked_principal");
        assert!(text(&told["detail"]).contains("“prod”"));

        let platform = scene.platform.parse().expect("an id");
        stint_server::identity::add_member(&cx, platform, world.person("ana").id).await.expect("added");
        let place = scene.asked(&world).await;
        ana.post(&format!("{place}/approve"), json!({})).await.refused(403, "self_approval");
        bo.post(&format!("{place}/deny"), json!({"reason": ""})).await.refused(422, "reason_required");
        world.as_user("cy").post(&format!("{place}/approve"), json!({})).await.refused(403, "forbidden");
        ana.post(&format!("{place}/cancel"), json!({})).await.ok();
        let told = bo.post(&format!("{place}/approve"), json!({})).await.refused(409, "wrong_state");
        assert!(text(&told["detail"]).starts_with("this request was cancelled at "));
        assert_eq!(grants(&world).await, 0);
    }
}

both_engines! {
    async fn what_is_invisible_answers_as_what_does_not_exist(world) {
        let scene = Scene::set(&mut world).await;
        let control = format!("/api/v1/entitlements/{}/access-control", scene.hidden);
        world.as_user("cy").put(&control, json!({"policy": scene.policy})).await.ok();
        let place = scene.asked(&world).await;
        let absent: EntitlementId = world.app().new_id();
        let no_request = format!("{REQUESTS}/{}", world.app().new_id::<stint_domain::RequestId>());
        let same = |a: stint_testkit::Answer, b: stint_testkit::Answer| {
            assert_eq!(a.status.as_u16(), 404);
            let without_id = |mut it: Value| {
                it["request_id"] = Value::Null;
                it
            };
            assert_eq!(without_id(a.json()), without_id(b.json()));
        };
        for word in ["ana", "cy"] {
            let door = world.as_user(word);
            let ask = |id: &str| json!({"entitlement": id, "duration_seconds": 60, "reason": "why"});
            same(
                door.post(REQUESTS, ask(&scene.hidden)).await,
                door.post(REQUESTS, ask(&absent.to_string())).await,
            );
            same(
                door.get(&format!("/api/v1/offers/{}", scene.hidden)).await,
                door.get(&format!("/api/v1/offers/{absent}")).await,
            );
        }
        let eve = world.as_user("eve");
        same(eve.get(&place).await, eve.get(&no_request).await);
        for verb in ["approve", "cancel", "return"] {
            same(
                eve.post(&format!("{place}/{verb}"), json!({})).await,
                eve.post(&format!("{no_request}/{verb}"), json!({})).await,
            );
        }
        let told = json!({"reason": "no"});
        same(
            eve.post(&format!("{place}/deny"), told.clone()).await,
            eve.post(&format!("{no_request}/deny"), told).await,
        );
    }
}

both_engines! {
    async fn a_repeated_submission_asks_once(world) {
        let scene = Scene::set(&mut world).await;
        let ana = world.as_user("ana").key("k1");
        let first = ana.post(REQUESTS, scene.ask()).await.is(201);
        let again = ana.post(REQUESTS, scene.ask()).await.is(201);
        assert_eq!(first.body, again.body);
        let mut other = scene.ask();
        other["duration_seconds"] = json!(60);
        ana.post(REQUESTS, other).await.refused(422, "idempotency_key_reused");
        assert_eq!(lines(&world.as_user("ana").get(REQUESTS).await.ok()).len(), 1);
    }
}

both_engines! {
    async fn policies_are_written_by_those_who_saw_them_last(world) {
        world.add_person("pam", &[Role::PolicyAdmin]).await;
        let platform = group(&world, "Platform", &["bo"]).await;
        let pam = world.as_user("pam");
        let made = pam.post(POLICIES, policy("Prod", &platform)).await.is(201);
        assert_eq!(made.version(), Some(1));
        let place = format!("{POLICIES}/{}", text(&made.json()["id"]));
        let body = policy("", &platform)["body"].clone();
        let next = json!({"body": body, "note": "same again"});
        let versions = format!("{place}/versions");
        pam.clone().if_match(1).post(&versions, next.clone()).await.is(201);
        pam.clone().if_match(1).post(&versions, next.clone()).await.refused(412, "stale");
        assert_eq!(pam.get(&place).await.is(200).version(), Some(2));
        let all = pam.get(&format!("{versions}?limit=1")).await.ok();
        assert_eq!((&all["items"][0]["number"], all["next"].is_string()), (&json!(2), true));

        let mut both = next.clone();
        both["body"]["auto_approve"] = json!(true);
        pam.post(&versions, both).await.refused(422, "auto_approve_with_steps");
        let mut nobody = next.clone();
        nobody["body"]["steps"][0]["needed"] = json!(2);
        let told = pam.post(&versions, nobody).await.refused(422, "needs_too_many");
        assert!(text(&told["detail"]).contains("needs 2 approvals and has 1 active approvers"));
        let mut odd = next;
        odd["body"]["alow_self_approval"] = json!(true);
        pam.post(&versions, odd).await.refused(422, "invalid_body");
        pam.post(POLICIES, policy("PROD", &platform)).await.refused(409, "name_taken");
        world.as_user("ana").get(&place).await.refused(404, "not_found");
        world.as_user("dee").post(&versions, json!({"body": body})).await.refused(403, "forbidden");
    }
}

both_engines! {
    async fn catalogs_and_access_controls_keep_versions(world) {
        let scene = Scene::set(&mut world).await;
        let cy = world.as_user("cy");
        let place = format!("/api/v1/entitlements/{}/access-control", scene.admin);
        assert_eq!(cy.get(&place).await.is(200).version(), Some(1));
        let set = json!({"policy": scene.policy, "max_duration_seconds": 3600});
        cy.clone().if_match(7).put(&place, set.clone()).await.refused(412, "stale");
        cy.clone().if_match(1).put(&place, set).await.is(200);
        world.as_user("ana").post(REQUESTS, scene.ask()).await.refused(422, "duration_over_policy");
        let unset = format!("/api/v1/entitlements/{}/access-control", scene.hidden);
        cy.get(&unset).await.refused(404, "not_found");

        let catalog = cy.get("/api/v1/catalogs").await.ok()["items"][0].clone();
        let place = format!("/api/v1/catalogs/{}", text(&catalog["id"]));
        let nobody = json!({"audience": []});
        cy.clone().if_match(1).patch(&place, nobody.clone()).await.is(200);
        cy.clone().if_match(1).patch(&place, nobody).await.refused(412, "stale");
        let ana = world.as_user("ana");
        assert!(ana.get("/api/v1/offers").await.ok()["items"].as_array().expect("items").is_empty());
        ana.get("/api/v1/catalogs").await.refused(403, "forbidden");
        let entry = format!("{place}/entitlements/{}", scene.admin);
        cy.delete(&entry).await.is(204);
        cy.delete(&entry).await.refused(404, "not_found");
        let page = catalog::list(&world.cx("cy"), &catalog::Filter::default(), &Paging::default()).await.expect("a page");
        assert_eq!(page.items[0].entitlements, 0);
    }
}

/// Both approvers at once, again and again: each time one succeeds, and the other is told.
async fn approve_at_once(bo: &Door, bea: &Door, place: &str) {
    let path = format!("{place}/approve");
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let go = |door: Door| {
        let (path, barrier) = (path.clone(), std::sync::Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            door.post(&path, json!({})).await
        })
    };
    let (one, two) = (go(bo.clone()), go(bea.clone()));
    let answers = [one.await.expect("no panic"), two.await.expect("no panic")];
    let (done, late): (Vec<_>, Vec<_>) = (answers.into_iter()).partition(|a| a.status.is_success());
    assert_eq!((done.len(), late.len()), (1, 1));
    for answer in late {
        let told = answer.refused(409, "wrong_state");
        assert!(text(&told["detail"]).starts_with("this request was approved at "));
    }
}

both_engines! {
    async fn of_two_approvers_at_once_one_decides(world) {
        let scene = Scene::set(&mut world).await;
        let (bo, bea) = (world.as_user("bo"), world.as_user("bea"));
        let rounds: i64 = match world.engine() {
            stint_testkit::Engine::Postgres => 100,
            stint_testkit::Engine::Sqlite => 10,
        };
        for _ in 0..rounds {
            let place = scene.asked(&world).await;
            approve_at_once(&bo, &bea, &place).await;
        }
        assert_eq!(grants(&world).await, rounds);
        world.advance(Span::minutes(1)).await;
    }
}

both_engines! {
    async fn those_who_ask_at_once_on_one_connection_do_not_lock_each_other_out(world) {
        let org = world.organize().await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, org.connection).await.expect("read");
        drop(q);
        let mut wanted = Vec::new();
        for entitlement in all.iter().take(8) {
            org.offer(&world, entitlement.id, org.auto).await;
            wanted.push(entitlement.id);
        }
        // As often as it takes for two to meet between their first write and their last lock.
        for _ in 0..10 {
            let asked = ["ana", "bo", "dee"].into_iter().flat_map(|word| {
                let world = &world;
                wanted.iter().map(move |&entitlement| {
                    let cx = world.cx(word);
                    let new = NewRequest {
                        entitlement,
                        duration: Span::hours(1),
                        reason: "INC-2291".to_owned(),
                        ticket: None,
                        beneficiary: None,
                        start: None,
                        principal: None,
                        emergency: false,
                        until_revoked: false,
                    };
                    tokio::spawn(async move { requests::submit(&cx, new).await })
                })
            });
            for made in futures::future::join_all(asked).await {
                made.expect("no panic").expect("the request is taken");
            }
        }
    }
}
