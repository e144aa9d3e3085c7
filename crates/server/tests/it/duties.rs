//! Separation of duties: what nobody is given together, whoever is quicker and however it is held.

use serde_json::{Value, json};
use stint_domain::{EntitlementId, Span};
use stint_server::directory;
use stint_server::requests::{self, NewRequest};
use stint_testkit::sim::{Effect, Fault, Party};
use stint_testkit::{Door, Organization, World, both_engines};

const ALL: &str = "/api/v1/duties";
const REQUESTS: &str = "/api/v1/requests";
const PREVIEW: &str = "/api/v1/requests/preview";
const CONFLICTS: &str = "/api/v1/duties/conflicts";

/// Two things that nobody should hold together: to release, and to read.
struct Scene {
    org: Organization,
    release: EntitlementId,
    read: EntitlementId,
}

impl Scene {
    /// Both are asked for under this policy of the organization's.
    async fn set(world: &World, auto: bool) -> Self {
        let org = world.organize().await;
        let release = org.entitlement(world, "prod-payments", "prod-admin").await;
        let read = org
            .entitlement(world, "dev-sandbox", "ReadOnlyAccess")
            .await;
        let policy = if auto { org.auto } else { org.approved };
        for it in [release, read] {
            org.offer(world, it, policy).await;
        }
        Self { org, release, read }
    }

    /// A rule that keeps them apart: one by its list, the other by a condition.
    fn rule(&self, name: &str, more: &Value) -> Value {
        let mut rule = json!({
            "name": name,
            "message": "Who releases does not read the results: ask the other team.",
            "first": { "name": "Release", "entitlements": [self.release] },
            "second": { "name": "Read", "when":
                "resource has permission_set && resource.permission_set == \"ReadOnlyAccess\" && resource has account && resource.account.name == \"dev-sandbox\"" },
            "action": "block",
        });
        let more = more.as_object().cloned().unwrap_or_default();
        rule.as_object_mut().expect("an object").extend(more);
        rule
    }

    fn ask(what: EntitlementId) -> Value {
        json!({ "entitlement": what, "duration_seconds": 3600, "reason": "INC-2291" })
    }
}

async fn write(world: &World, rule: Value) -> Value {
    world.as_user("dee").post(ALL, rule).await.is(201).json()
}

fn words(it: &Value) -> String {
    it.as_str().expect("words").to_owned()
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().expect("items")
}

async fn ask(door: &Door, what: EntitlementId) -> Value {
    door.post(REQUESTS, Scene::ask(what)).await.is(201).json()
}

fn new(entitlement: EntitlementId) -> NewRequest {
    NewRequest {
        entitlement,
        duration: Span::hours(1),
        reason: "INC-2291".to_owned(),
        start: None,
        principal: None,
        emergency: false,
        until_revoked: false,
        beneficiary: None,
        ticket: None,
    }
}

fn at(request: &Value, verb: &str) -> String {
    format!("{REQUESTS}/{}/{verb}", words(&request["id"]))
}

async fn synced(world: &World, org: &Organization) {
    world.advance(Span::minutes(3)).await;
    let done = directory::sync(&world.cx("cy"), org.connection).await;
    done.expect("read");
}

/// Policy Admins write rules; so the person who does has to be one.
async fn with_dee(world: &mut World) {
    use stint_domain::rights::Role;
    let dee = world.person("dee").id;
    let cx = world.cx("cy");
    let set = stint_server::identity::set_roles(&cx, dee, vec![Role::PolicyAdmin], None).await;
    set.expect("a Policy Admin");
}

both_engines! {
    async fn who_waits_for_one_side_is_refused_the_other_and_told_why(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, false).await;
        write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        let first = ask(&ana, scene.release).await;
        let seen = ana.post(PREVIEW, Scene::ask(scene.read)).await.ok();
        assert_eq!(seen["verdict"], "refused", "{seen:#}");
        assert_eq!(seen["refusals"][0]["code"], "duties_apart");
        assert_eq!(seen["conflicts"][0]["holds"][0]["how"], "asked", "{seen:#}");
        let refused = ana.post(REQUESTS, Scene::ask(scene.read)).await.refused(409, "duties_apart");
        let detail = words(&refused["detail"]);
        for part in ["“Four eyes”", "prod-admin on prod-payments", "asked for already", "ask the other team"] {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        // Somebody else is not concerned, and neither is what is on no side.
        let theirs = world.as_user("dee").post(PREVIEW, Scene::ask(scene.read)).await.ok();
        assert_eq!(theirs["verdict"], "needs_approval", "{theirs:#}");
        // Once it is taken back nothing is in the way.
        ana.post(&at(&first, "cancel"), json!({})).await.ok();
        ask(&ana, scene.read).await;
    }

    async fn of_two_that_are_approved_at_once_one_wins(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, false).await;
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let rule = write(&world, scene.rule("Four eyes", &json!({ "active": false }))).await;
        let dee = world.as_user("dee");
        let place = format!("{ALL}/{}", words(&rule["id"]));
        let rounds = match world.engine() {
            stint_testkit::Engine::Postgres => 12,
            stint_testkit::Engine::Sqlite => 4,
        };
        for _ in 0..rounds {
            // Both wait before there is a rule.
            dee.patch(&place, json!({ "active": false })).await.ok();
            let both = [ask(&ana, scene.release).await, ask(&ana, scene.read).await];
            dee.patch(&place, json!({ "active": true })).await.ok();
            let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
            let tries = both.iter().map(|it| {
                let (door, path) = (bo.clone(), at(it, "approve"));
                let barrier = std::sync::Arc::clone(&barrier);
                tokio::spawn(async move {
                    barrier.wait().await;
                    door.post(&path, json!({})).await
                })
            });
            let answers = futures::future::join_all(tries).await;
            let (done, late): (Vec<_>, Vec<_>) = (answers.into_iter().map(|it| it.expect("no panic")))
                .partition(|it| it.status.is_success());
            assert_eq!((done.len(), late.len()), (1, 1));
            for it in late {
                let told = words(&it.refused(409, "duties_apart")["detail"]);
                assert!(told.starts_with("since this was asked"), "{told}");
            }
            for it in &both {
                let state = ana.get(&format!("{REQUESTS}/{}", words(&it["id"]))).await.ok();
                let verb = if state["state"] == "approved" { "return" } else { "cancel" };
                ana.post(&at(it, verb), json!({})).await.ok();
            }
            world.advance(Span::minutes(10)).await;
        }
    }

    async fn of_two_that_are_given_at_once_by_the_policy_one_wins(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        let rounds = match world.engine() {
            stint_testkit::Engine::Postgres => 12,
            stint_testkit::Engine::Sqlite => 4,
        };
        for _ in 0..rounds {
            let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
            let tries = [scene.release, scene.read].map(|what| {
                let (cx, barrier) = (world.cx("ana"), std::sync::Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    let new = new(what);
                    stint_db::retrying(|| requests::submit(&cx, new.clone())).await
                })
            });
            let mut given = Vec::new();
            for answer in futures::future::join_all(tries).await {
                match answer.expect("no panic") {
                    Ok(request) => given.push(request.id),
                    Err(error) => assert!(matches!(error, requests::Error::Apart(_)), "{error}"),
                }
            }
            assert_eq!(given.len(), 1);
            ana.post(&format!("{REQUESTS}/{}/return", given[0]), json!({})).await.ok();
            world.advance(Span::minutes(10)).await;
        }
    }

    async fn of_two_emergencies_at_once_a_review_names_the_other(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        let told = world.group("Told", &["bo"]).await;
        let route = stint_domain::policy::Route::AutoApprove;
        let policy = crate::emergency::policy(&world, "Emergency", route, Span::hours(1), told).await;
        for what in [scene.release, scene.read] {
            crate::emergency::terms(&world, what, scene.org.auto, Some(policy)).await;
        }
        write(&world, scene.rule("Four eyes", &json!({ "emergency_passes": true }))).await;
        let ana = world.as_user("ana");
        let rounds = match world.engine() {
            stint_testkit::Engine::Postgres => 8,
            stint_testkit::Engine::Sqlite => 3,
        };
        for _ in 0..rounds {
            let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
            let tries = [scene.release, scene.read].map(|what| {
                let (cx, barrier) = (world.cx("ana"), std::sync::Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    let new = NewRequest { emergency: true, ..new(what) };
                    stint_db::retrying(|| requests::submit(&cx, new.clone())).await
                })
            });
            let (mut passed, mut ids) = (0, Vec::new());
            for answer in futures::future::join_all(tries).await {
                let request = answer.expect("no panic").expect("both are given");
                passed += request.conflicts.len();
                let kept = ana.get(&format!("{REQUESTS}/{}", request.id)).await.ok();
                assert_eq!(kept["conflicts"].as_array().map_or(0, Vec::len), request.conflicts.len());
                ids.push(request.id);
            }
            assert_eq!(passed, 1, "whichever was second");
            for id in ids {
                ana.post(&format!("{REQUESTS}/{id}/return"), json!({})).await.ok();
            }
            world.advance(Span::minutes(10)).await;
        }
    }

    async fn what_time_would_have_approved_is_denied_as_time_denies_it(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        // It waits an hour, and then nobody has to approve.
        let body = json!({ "max_duration_seconds": 14400,
            "steps": [{ "name": "Bo", "users": [world.person("bo").id.to_string()] }, { "name": "Slowly", "needed": 0, "wait_seconds": 3600 }] });
        let new = json!({ "name": "slow", "body": body });
        let made = world.as_user("cy").post("/api/v1/policies", new).await.is(201).json();
        let slow = words(&made["id"]).parse().expect("an id");
        crate::emergency::terms(&world, scene.read, slow, None).await;
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let waits = ask(&ana, scene.read).await;
        bo.post(&at(&waits, "approve"), json!({})).await.ok();
        let ana_in_aws = world.facts().ana.expect("Ana").user_id;
        let account = world.sim().account_id("prod-payments").expect("an account");
        let set = world.sim().permission_set_arn("prod-admin").expect("a permission set");
        world.aws().assign(&account, &set, &ana_in_aws).await;
        synced(&world, &scene.org).await;
        write(&world, scene.rule("Four eyes", &json!({}))).await;
        // The hour is over and the clock has not looked yet.
        world.clock().advance(Span::hours(1));
        let deny = json!({ "reason": "no" });
        for _ in 0..2 {
            let again = world.as_user("bo").key("once").post(&at(&waits, "deny"), deny.clone()).await;
            again.refused(409, "wrong_state");
        }
        let over = ana.get(&format!("{REQUESTS}/{}", words(&waits["id"]))).await.ok();
        assert_eq!(over["state"], "denied", "{over:#}");
        let log = world.as_user("cy").get("/api/v1/audit-events?action=request.denied").await.ok();
        assert_eq!(log["items"][0]["actor"]["kind"], "system", "time denied it: {log:#}");
    }

    async fn standing_access_counts_also_through_a_group(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, false).await;
        let facts = world.facts();
        let ana_in_aws = facts.ana.expect("Ana").user_id;
        let account = |name: &str| world.sim().account_id(name).expect("an account");
        let set = |name: &str| world.sim().permission_set_arn(name).expect("a permission set");
        // Nothing yet: it may be asked for.
        let rule = write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        assert_eq!(ana.post(PREVIEW, Scene::ask(scene.read)).await.ok()["verdict"], "needs_approval");
        let waiting = ask(&ana, scene.read).await;
        // Somebody gives her the other side in AWS meanwhile.
        world.aws().assign(&account("prod-payments"), &set("prod-admin"), &ana_in_aws).await;
        synced(&world, &scene.org).await;
        let late = world.as_user("bo").post(&at(&waiting, "approve"), json!({})).await;
        let told = words(&late.refused(409, "duties_apart")["detail"]);
        assert!(told.contains("prod-admin on prod-payments") && told.contains("Deny it"), "{told}");
        let seen = ana.post(PREVIEW, Scene::ask(scene.read)).await.ok();
        assert_eq!(seen["conflicts"][0]["holds"][0]["how"], "standing", "{seen:#}");
        // Both at once in AWS: listed, and nothing is taken away.
        world.aws().assign(&account("dev-sandbox"), &set("ReadOnlyAccess"), &ana_in_aws).await;
        synced(&world, &scene.org).await;
        let dee = world.as_user("dee");
        let found = dee.get(CONFLICTS).await.ok();
        let hers: Vec<&Value> = (items(&found).iter())
            .filter(|it| it["user"] == world.person("ana").id.to_string()).collect();
        assert_eq!(hers.len(), 1, "{found:#}");
        assert_eq!(hers[0]["rule"], rule["id"]);
        assert_eq!(hers[0]["first"][0]["entitlement"], scene.release.to_string());
        assert_eq!(hers[0]["second"][0]["entitlement"], scene.read.to_string());
        assert!(world.aws().has(&account("prod-payments"), &set("prod-admin"), &ana_in_aws).await);
        // By whom it is, and of which rule.
        let none = dee.get(&format!("{CONFLICTS}?q=nobody+called+so")).await.ok();
        assert_eq!(none["total"], 0);
        world.as_user("ana").get(CONFLICTS).await.refused(403, "forbidden");
    }

    async fn what_a_group_gives_counts_for_whoever_joins_or_is_in_it(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, false).await;
        let org = &scene.org;
        let ana_in_aws = world.facts().ana.expect("Ana").user_id;
        let account = |name: &str| world.sim().account_id(name).expect("an account");
        let set = |name: &str| world.sim().permission_set_arn(name).expect("a permission set");
        let group = world.sim().group_id("platform").expect("a group");
        let membership = org.membership(&world, "platform").await;
        org.offer(&world, membership, org.approved).await;
        // The group comes to hold one side.
        let row = stint_testkit::sim::Row::Assignment {
            account: account("prod-payments"),
            permission_set: set("prod-admin"),
            principal_type: "GROUP".to_owned(),
            principal: group.clone(),
        };
        assert!(world.aws().add(&row).await);
        if world.aws().members(&group).await.contains(&ana_in_aws) {
            world.aws().leave(&group, &ana_in_aws).await;
        }
        world.aws().assign(&account("dev-sandbox"), &set("ReadOnlyAccess"), &ana_in_aws).await;
        synced(&world, org).await;
        write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        // Joining it would give her the other side.
        let refused = ana.post(REQUESTS, Scene::ask(membership)).await.refused(409, "duties_apart");
        assert!(words(&refused["detail"]).contains("ReadOnlyAccess on dev-sandbox"), "{refused:#}");
        // In it, she is refused what is kept apart from what it holds.
        world.aws().unassign(&account("dev-sandbox"), &set("ReadOnlyAccess"), &ana_in_aws).await;
        world.aws().join(&group, &ana_in_aws).await;
        synced(&world, org).await;
        let refused = ana.post(REQUESTS, Scene::ask(scene.read)).await.refused(409, "duties_apart");
        assert!(words(&refused["detail"]).contains("through the group"), "{refused:#}");
        // Whoever asks for the group is told how many of its members, and not what they hold.
        let cy = world.as_user("cy");
        let all = cy.get(&format!("{REQUESTS}/groups?entitlement={}", scene.read)).await.ok();
        let name = |it: &&Value| it["name"] == "platform";
        let principal = items(&all).iter().find(name).expect("the group")["id"].clone();
        let mut body = Scene::ask(scene.read);
        body["principal"] = principal;
        let refused = cy.post(REQUESTS, body).await.refused(409, "duties_apart");
        let told = words(&refused["detail"]);
        assert!(told.contains("in the group hold") && !told.contains("prod-admin"), "{told}");
    }

    async fn an_exception_is_one_more_step_with_a_reason_and_covers_what_it_named(world) {
        world.add_person("eve", &[]).await;
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        let security = world.group("Security", &["eve", "ana"]).await;
        let rule = json!({ "action": "exception", "group": security });
        let rule = write(&world, scene.rule("Four eyes", &rule)).await;
        let (ana, eve) = (world.as_user("ana"), world.as_user("eve"));
        let first = ask(&ana, scene.release).await;
        assert_eq!(first["state"], "approved");
        let seen = ana.post(PREVIEW, Scene::ask(scene.read)).await.ok();
        assert_eq!(seen["verdict"], "needs_approval", "{seen:#}");
        assert_eq!(seen["steps"][0]["name"], "Exception: Four eyes");
        assert_eq!(seen["conflicts"][0]["verdict"], "exception");
        // Nobody has to approve it by its policy; the exception holds it up.
        let asked = ask(&ana, scene.read).await;
        assert_eq!((&asked["state"], &asked["conflicts"][0]["name"]), (&json!("pending"), &json!("Four eyes")));
        // Ana is in the group, and decides on nothing of hers.
        ana.post(&at(&asked, "approve"), json!({ "comment": "I need it" })).await.refused(403, "self_approval");
        eve.post(&at(&asked, "approve"), json!({})).await.refused(422, "exception_reason");
        let page = world.in_browser("eve").await;
        let card = page.get("/approvals").await.text();
        assert!(card.contains("Kept apart") && card.contains("“Four eyes”: “prod-admin on prod-payments”"), "{card}");
        let done = eve.post(&at(&asked, "approve"), json!({ "comment": "CAB-17, for today" })).await.ok();
        assert_eq!(done["state"], "approved");
        let log = world.as_user("cy").get("/api/v1/audit-events?action=request.decided").await.ok();
        assert_eq!(log["items"][0]["detail"]["exception_to"][0], rule["id"], "{log:#}");
        // Another time the rule blocks by then: what was asked as an exception is none any more.
        ana.post(&at(&done, "return"), json!({})).await.ok();
        world.advance(Span::minutes(10)).await;
        let again = ask(&ana, scene.read).await;
        let place = format!("{ALL}/{}", words(&rule["id"]));
        world.as_user("dee").patch(&place, json!({ "action": "block" })).await.ok();
        eve.post(&at(&again, "approve"), json!({ "comment": "CAB-18" })).await.refused(409, "duties_apart");
    }

    async fn an_exception_covers_what_it_named_and_who_was_to_make_it(world) {
        world.add_person("eve", &[]).await;
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        let other = scene.org.entitlement(&world, "dev-sandbox", "prod-admin").await;
        let security = world.group("Security", &["eve"]).await;
        let others = world.group("Others", &["bo"]).await;
        let more = json!({ "action": "exception", "group": security, "first": { "name": "Release", "entitlements": [scene.release, other] } });
        let rule = write(&world, scene.rule("Four eyes", &more)).await;
        let (ana, eve) = (world.as_user("ana"), world.as_user("eve"));
        ask(&ana, scene.release).await;
        let asked = ask(&ana, scene.read).await;
        assert_eq!(asked["state"], "pending", "{asked:#}");
        // Another group makes the exceptions by now.
        let place = format!("{ALL}/{}", words(&rule["id"]));
        world.as_user("dee").patch(&place, json!({ "group": others })).await.ok();
        let yes = json!({ "comment": "CAB-17" });
        eve.post(&at(&asked, "approve"), yes.clone()).await.refused(409, "duties_apart");
        world.as_user("dee").patch(&place, json!({ "group": security })).await.ok();
        // She holds more of the other side by now.
        let ana_in_aws = world.facts().ana.expect("Ana").user_id;
        let account = world.sim().account_id("dev-sandbox").expect("an account");
        let set = world.sim().permission_set_arn("prod-admin").expect("a permission set");
        world.aws().assign(&account, &set, &ana_in_aws).await;
        synced(&world, &scene.org).await;
        let told = eve.post(&at(&asked, "approve"), yes.clone()).await.refused(409, "duties_apart");
        assert!(words(&told["detail"]).contains("since this was asked"), "{told:#}");
        world.aws().unassign(&account, &set, &ana_in_aws).await;
        synced(&world, &scene.org).await;
        assert_eq!(eve.post(&at(&asked, "approve"), yes).await.ok()["state"], "approved");
    }

    async fn what_aws_does_not_let_go_is_held(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        ask(&ana, scene.release).await;
        world.settle().await;
        let stuck = Fault::on("sso:DeleteAccountAssignment").by(Party::Stint);
        let stuck = world.sim().faults().add(stuck, Effect::refuse("AccessDeniedException"));
        world.advance(Span::hours(5)).await;
        let told = ana.post(REQUESTS, Scene::ask(scene.read)).await.refused(409, "duties_apart");
        assert!(words(&told["detail"]).contains("prod-admin on prod-payments"), "{told:#}");
        world.sim().faults().remove(stuck);
        world.advance(Span::hours(2)).await;
        ask(&ana, scene.read).await;
    }

    async fn an_emergency_passes_where_the_rule_says_so_and_its_review_sees_it(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        let told = world.group("Told", &["bo"]).await;
        let route = stint_domain::policy::Route::AutoApprove;
        let policy = crate::emergency::policy(&world, "Emergency", route, Span::hours(1), told).await;
        let cx = world.cx("cy");
        let terms = stint_server::catalog::Terms {
            policy: scene.org.auto,
            max_duration: None,
            emergency: Some(policy),
            until_revoked: false,
            replace: true,
        };
        let set = stint_server::catalog::set_terms(&cx, scene.read, terms, None).await;
        set.expect("emergency access");
        let rule = write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        ask(&ana, scene.release).await;
        let mut urgent = Scene::ask(scene.read);
        urgent["emergency"] = json!(true);
        ana.post(REQUESTS, urgent.clone()).await.refused(409, "duties_apart");
        let place = format!("{ALL}/{}", words(&rule["id"]));
        world.as_user("dee").patch(&place, json!({ "emergency_passes": true })).await.ok();
        let given = ana.post(REQUESTS, urgent).await.is(201).json();
        assert_eq!(given["state"], "approved", "{given:#}");
        assert_eq!(given["conflicts"][0]["verdict"], "passed");
        let review = world.in_browser("bo").await;
        let page = review.get(&format!("/emergency-reviews/{}", words(&given["id"]))).await.text();
        assert!(page.contains("Kept apart") && page.contains("Four eyes"), "{page}");
        // The ordinary way is closed as before.
        ana.post(REQUESTS, Scene::ask(scene.read)).await.refused(409, "duties_apart");
    }

    async fn windows_that_do_not_meet_are_no_conflict(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, true).await;
        write(&world, scene.rule("Four eyes", &json!({}))).await;
        let ana = world.as_user("ana");
        let mut later = Scene::ask(scene.release);
        later["start"] = json!((world.now() + Span::hours(12)).to_string());
        ana.post(REQUESTS, later.clone()).await.is(201);
        // An hour, and the hour AWS may take to confirm it: over by then.
        ask(&ana, scene.read).await;
        let mut meets = Scene::ask(scene.read);
        meets["start"] = json!((world.now() + Span::hours(10) + Span::minutes(30)).to_string());
        ana.post(REQUESTS, meets).await.refused(409, "duties_apart");
    }

    async fn a_rule_is_checked_kept_and_changed_in_the_open(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, false).await;
        let (dee, cy) = (world.as_user("dee"), world.as_user("cy"));
        let wrong = [
            (json!({ "name": "" }), "invalid_name"),
            (json!({ "message": " " }), "invalid_message"),
            (json!({ "first": { "name": "Release" } }), "nothing_named"),
            (json!({ "second": { "name": "Read", "when": "resource.nonsense" } }), "invalid_condition"),
            (json!({ "action": "exception" }), "no_exception_group"),
            (json!({ "action": "warn" }), "invalid_value"),
        ];
        for (more, code) in wrong {
            dee.post(ALL, scene.rule("Four eyes", &more)).await.refused(422, code);
        }
        let rule = write(&world, scene.rule("Four eyes", &json!({}))).await;
        dee.post(ALL, scene.rule("FOUR EYES", &json!({}))).await.refused(409, "name_taken");
        let place = format!("{ALL}/{}", words(&rule["id"]));
        let stale = dee.clone().if_match(7).patch(&place, json!({ "active": false })).await;
        stale.refused(412, "stale");
        let off = dee.patch(&place, json!({ "active": false })).await.ok();
        assert_eq!((&off["active"], &off["version"]), (&json!(false), &json!(2)));
        let log = cy.get("/api/v1/audit-events?action=duty.changed").await.ok();
        assert_eq!(log["items"][0]["detail"]["before"]["active"], true, "{log:#}");
        assert_eq!(log["items"][0]["detail"]["first"]["entitlements"][0], scene.release.to_string());
        // Switched off it is asked about nothing.
        let ana = world.as_user("ana");
        ask(&ana, scene.release).await;
        ask(&ana, scene.read).await;
        let all = dee.get(&format!("{ALL}?q=four&sort=-name")).await.ok();
        assert_eq!(items(&all).len(), 1);
        ana.get(ALL).await.refused(403, "forbidden");
    }

    async fn a_rule_is_written_and_changed_on_its_pages(world) {
        with_dee(&mut world).await;
        let scene = Scene::set(&world, false).await;
        let dee = world.in_browser("dee").await;
        let release = scene.release.to_string();
        let fields = [
            ("name", "Four eyes"),
            ("message", "Ask the other team."),
            ("first.name", "Release"),
            ("first.entitlements", release.as_str()),
            ("second.name", "Read"),
            ("second.when", "resource.name like \"ReadOnly*\""),
            ("action", "block"),
            ("active", "yes"),
        ];
        let wrong: Vec<(&str, &str)> = fields.iter().copied().filter(|(name, _)| *name != "message").collect();
        let shown = dee.form("/duties/new", &wrong).await.is(422).text();
        assert!(shown.contains("why these are kept apart") && shown.contains("ReadOnly*"), "{shown}");
        let mut searching = fields.to_vec();
        searching.push(("do", "second.entitlements.find"));
        searching.push(("second.entitlements.q", "prod-admin"));
        let found = dee.form("/duties/new", &searching).await.is(200).text();
        assert!(found.contains("prod-admin on prod-payments"), "{found}");
        let made = dee.form("/duties/new", &fields).await.is(303);
        let place = made.header("location");
        let page = dee.get(&place).await.text();
        for part in ["Four eyes", "In force", "Ask the other team.", "prod-admin on prod-payments", "Who holds both now"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let mut off = fields.to_vec();
        off.retain(|(name, _)| *name != "active");
        off.push(("version", "1"));
        dee.form(&format!("{place}/edit"), &off).await.is(303);
        assert!(dee.get("/duties").await.text().contains("Switched off"));
        // Who still has the first version before them sees what changed meanwhile.
        let mut late = fields.to_vec();
        late.push(("version", "1"));
        let late = dee.form(&format!("{place}/edit"), &late).await.is(412).text();
        assert!(late.contains("In force"), "{late}");
        let csv = dee.get("/duties?format=csv").await.text();
        assert!(csv.contains("Four eyes"), "{csv}");
        assert!(dee.get("/duties/conflicts").await.text().contains("Nobody is in conflict"));
    }
}
