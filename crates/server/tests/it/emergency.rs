//! Emergency access: its own policy, told at once, raised to from a request that waits, and reviewed
//! afterwards by those it is not about.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use stint_domain::policy::{Approvers, Emergency, PolicyBody, Route, Step};
use stint_domain::rights::Role;
use stint_domain::{EntitlementId, GroupId, PolicyId, RequestId, Span};
use stint_server::requests::{self, NewRequest, Raise};
use stint_server::{catalog, identity, policies};
use stint_testkit::{Door, Organization, World, both_engines};

mod reviews;

const REQUESTS: &str = "/api/v1/requests";
const REVIEWS: &str = "/api/v1/emergency-reviews";

stint_db::statements! {
    NEWS = "select count(*) as n from outbox where kind = $1";
    PENDING = "select count(*) as n from requests where state = 'pending'";
}

async fn count(world: &World, sql: &'static stint_db::Sql, args: Vec<stint_db::Val>) -> i64 {
    let mut q = world.app().db.reader().await.expect("a reader");
    let row = stint_db::Query::one(&mut q, sql, args).await;
    row.expect("a count").get("n").expect("a number")
}

async fn news(world: &World, kind: &str) -> i64 {
    count(world, &NEWS, stint_db::args![kind]).await
}

/// A policy for emergencies, which tells this group; it reviews within two hours.
pub(crate) async fn policy(
    world: &World,
    name: &str,
    route: Route,
    longest: Span,
    tell: GroupId,
) -> PolicyId {
    let emergency = Emergency {
        within: Span::hours(2),
        ..Emergency::telling([tell])
    };
    let body = PolicyBody::new(route, longest).for_emergencies(emergency);
    let new = policies::NewPolicy {
        name: name.to_owned(),
        first: policies::NewVersion {
            body,
            note: String::new(),
        },
    };
    let made = policies::create(&world.cx("cy"), new).await;
    made.expect("a policy").id
}

fn step(name: &str, group: GroupId) -> Step {
    let approvers = Approvers {
        groups: [group].into(),
        ..Approvers::default()
    };
    Step::new(name, approvers, 1)
}

/// Ana asks. Ordinarily Platform (Bo) and then Security (Eve, Mia) decide, for at most four hours;
/// in an emergency nobody for the first thing and Platform for the second, for at most one. Security
/// is told.
struct Scene {
    there: Organization,
    security: GroupId,
    ordinary: PolicyId,
    at_once: EntitlementId,
    by_platform: EntitlementId,
}

impl Scene {
    async fn set(world: &mut World) -> Self {
        for word in ["eve", "mia", "pat"] {
            world.add_person(word, &[]).await;
        }
        let there = world.organize().await;
        let security = world.group("Security", &["eve", "mia"]).await;
        let steps = vec![step("Platform", there.platform), step("Security", security)];
        let hours = Span::hours(4);
        let ordinary = world.policy("ordinary", Route::Steps(steps), hours).await;
        let hour = Span::hours(1);
        let now = policy(world, "now", Route::AutoApprove, hour, security).await;
        let route = Route::Steps(vec![step("Platform", there.platform)]);
        let soon = policy(world, "soon", route, hour, security).await;
        let mut found = Vec::new();
        for (set, emergency) in [("prod-admin", now), ("ReadOnlyAccess", soon)] {
            let what = there.entitlement(world, "prod-payments", set).await;
            there.offer(world, what, ordinary).await;
            terms(world, what, ordinary, Some(emergency)).await;
            found.push(what);
        }
        // Who came into a group at the very moment of a request came after it.
        world.clock().advance(Span::minutes(1));
        Self {
            there,
            security,
            ordinary,
            at_once: found[0],
            by_platform: found[1],
        }
    }
}

pub(crate) async fn terms(
    world: &World,
    what: EntitlementId,
    policy: PolicyId,
    emergency: Option<PolicyId>,
) {
    let terms = catalog::Terms {
        policy,
        max_duration: None,
        emergency,
        until_revoked: false,
        replace: true,
    };
    let set = catalog::set_terms(&world.cx("cy"), what, terms, None).await;
    set.expect("an access control");
}

fn ask(what: EntitlementId) -> Value {
    json!({ "entitlement": what, "duration_seconds": 3600, "reason": "the gateway is down",
        "emergency": true })
}

fn id(it: &Value) -> String {
    it["id"].as_str().expect("an id").to_owned()
}

fn of(request: &Value) -> String {
    format!("{REQUESTS}/{}", id(request))
}

async fn in_an_emergency(world: &World, what: EntitlementId) -> Value {
    let ana = world.as_user("ana");
    ana.post(REQUESTS, ask(what)).await.is(201).json()
}

/// The kinds of notices somebody has, with how often and whether they are settled, oldest first.
async fn told(world: &World, word: &str) -> Vec<String> {
    let page = world
        .as_user(word)
        .get("/api/v1/notices?sort=when")
        .await
        .ok();
    let items = page["items"].as_array().expect("items").clone();
    (items.iter())
        .map(|it| {
            let settled = if it["settled_at"].is_string() {
                " settled"
            } else {
                ""
            };
            format!(
                "{} {}{settled}",
                it["kind"].as_str().expect("a kind"),
                it["times"]
            )
        })
        .collect()
}

async fn close(door: &Door, request: &Value, verdict: &str) -> stint_testkit::Answer {
    let place = format!("{REVIEWS}/{}/close", id(request));
    let body = json!({ "verdict": verdict, "note": "it was down" });
    door.post(&place, body).await
}

both_engines! {
    async fn an_emergency_is_told_at_once_marked_everywhere_and_reviewed_afterwards(world) {
        let scene = Scene::set(&mut world).await;
        let request = in_an_emergency(&world, scene.at_once).await;
        assert_eq!((&request["state"], &request["emergency"]), (&json!("approved"), &json!(true)));
        // The news is there with what it tells of, before anybody delivers it.
        for kind in ["emergency.asked", "emergency.given", "emergency.review_opened"] {
            assert_eq!(news(&world, kind).await, 1, "{kind}");
        }
        world.run_due().await;
        let all = ["emergency_asked 1 settled", "emergency_given 1", "emergency_review 1"];
        for word in ["eve", "mia"] {
            assert_eq!(told(&world, word).await, all, "{word}");
        }
        for word in ["bo", "pat", "cy"] {
            assert!(told(&world, word).await.is_empty(), "{word} is not told");
        }
        world.settle().await;
        // Marked, and found by that.
        let ana = world.as_user("ana");
        let dee = world.as_user("dee");
        let grants = ana.get("/api/v1/grants/mine").await.ok();
        assert_eq!(grants["items"][0]["emergency"], true);
        for (place, found) in [
            ("/api/v1/requests?emergency=true", 1),
            ("/api/v1/requests?emergency=false", 0),
        ] {
            let page = ana.get(place).await.ok();
            assert_eq!(page["items"].as_array().expect("items").len(), found, "{place}");
        }
        let page = dee.get("/api/v1/grants?show=emergency").await.ok();
        assert_eq!(page["items"].as_array().expect("items").len(), 1);
        for action in ["request.submitted", "request.approved", "grant.opened"] {
            let page = dee.get(&format!("/api/v1/audit-events?action={action}")).await.ok();
            let facts = &page["items"][0]["detail"];
            assert_eq!(facts["emergency"], true, "{action}: {facts}");
        }
        // Eve is no approver of it, and reads about it all the same; Pat does not.
        let eve = world.as_user("eve");
        assert_eq!(eve.get(&of(&request)).await.ok()["review"]["state"], "open");
        world.as_user("pat").get(&of(&request)).await.refused(404, "not_found");
        // Not by who asked, whatever token or role they have; not by those who only read.
        let new = identity::NewToken { name: "another".to_owned(), days: None };
        let issued = identity::issue_token(&world.cx("ana"), new).await.expect("a token");
        let bearer = format!("Bearer {}", issued.secret.expose_secret());
        let another = world.as_nobody().with("authorization", &bearer);
        close(&another, &request, "justified").await.refused(403, "own_review");
        let roles = vec![Role::SuperAdmin];
        identity::set_roles(&world.cx("cy"), world.person("ana").id, roles, None).await.expect("a role");
        for door in [&ana, &another] {
            close(door, &request, "justified").await.refused(403, "own_review");
        }
        close(&dee, &request, "justified").await.refused(403, "forbidden");
        close(&world.as_user("pat"), &request, "justified").await.refused(404, "not_found");
        close(&world.as_user("cy"), &request, "justified").await.refused(403, "reviewers_can");
        close(&eve, &request, "perhaps").await.refused(422, "invalid_value");
        let place = format!("{REVIEWS}/{}/close", id(&request));
        eve.post(&place, json!({ "verdict": "justified", "note": "  " })).await.refused(422, "review_note");
        let closed = close(&eve, &request, "not_justified").await.ok();
        assert_eq!((&closed["state"], &closed["verdict"]), (&json!("closed"), &json!("not_justified")));
        assert_eq!(closed["closed_by"]["id"], world.person("eve").id.to_string());
        close(&world.as_user("mia"), &request, "justified").await.refused(409, "review_closed");
        world.run_due().await;
        for word in ["eve", "mia"] {
            assert_eq!(told(&world, word).await[2], "emergency_review 1 settled", "{word}");
        }
        // The review held nothing up, and changed nothing about the access.
        assert_eq!(ana.get("/api/v1/grants/mine").await.ok()["items"][0]["status"], "active");
    }

    async fn emergency_notices_cannot_be_switched_off(world) {
        let eve = world.as_user("bo");
        let kinds = eve.get("/api/v1/notices/kinds").await.ok();
        let kinds: Vec<&str> = (kinds.as_array().expect("kinds").iter()).map(|it| it["kind"].as_str().expect("a word")).collect();
        assert!(kinds.contains(&"access_ready") && !kinds.iter().any(|it| it.starts_with("emergency")), "{kinds:?}");
        for kind in ["emergency_asked", "emergency_given", "emergency_review"] {
            let off = json!({ "kind": kind, "on": false });
            eve.put("/api/v1/notices/kinds", off).await.refused(409, "always_told");
        }
    }

    async fn what_is_raised_is_asked_anew_linked_and_the_old_one_is_cancelled(world) {
        let scene = Scene::set(&mut world).await;
        let old = world.ask("ana", scene.by_platform, Span::hours(3)).await;
        world.approve("bo", old).await;
        world.run_due().await;
        assert_eq!(told(&world, "eve").await, ["approval_waiting 1"]);
        let ana = world.as_user("ana");
        let place = format!("{REQUESTS}/{old}");
        assert!(ana.get(&place).await.ok()["may"].as_array().expect("words").contains(&json!("raise")));
        // Nobody else raises it: who decides on it may know of it, who has no part in it may not.
        let raise = format!("{place}/raise");
        world.as_user("bo").post(&raise, json!({})).await.refused(403, "forbidden");
        world.as_user("cy").post(&raise, json!({})).await.refused(403, "forbidden");
        world.as_user("pat").post(&raise, json!({})).await.refused(404, "not_found");
        let new = ana.post(&raise, json!({})).await.is(201).json();
        assert_eq!((&new["state"], &new["emergency"]), (&json!("pending"), &json!(true)));
        assert_eq!(new["raised_from"], old.to_string());
        assert_eq!((&new["duration_seconds"], &new["reason"]), (&json!(3600), &json!("INC-2291")), "as long as emergencies last");
        let was = ana.get(&place).await.ok();
        assert_eq!((&was["state"], &was["raised_to"]), (&json!("cancelled"), &new["id"]));
        // Bo's yes to the old one is none to this: he is asked again, and only he can.
        assert_eq!(new["steps"][0]["decisions"], json!([]));
        assert_eq!(new["waiting"]["still"], 1);
        world.run_due().await;
        assert_eq!(told(&world, "eve").await, ["approval_waiting 1 settled", "emergency_asked 1"]);
        let inbox = world.as_user("bo").get("/api/v1/approvals").await.ok();
        assert_eq!(inbox["items"].as_array().expect("items").len(), 1);
        assert_eq!((&inbox["items"][0]["id"], &inbox["items"][0]["emergency"]), (&new["id"], &json!(true)));
        // Again is the same; what was asked in an emergency is not raised.
        assert_eq!(ana.post(&raise, json!({})).await.is(200).json()["id"], new["id"]);
        ana.post(&format!("{}/raise", of(&new)), json!({})).await.refused(409, "emergency_already");
        world.approve("bo", id(&new).parse().expect("an id")).await;
        world.settle().await;
        assert_eq!(ana.get(&of(&new)).await.ok()["grants"][0]["status"], "active");
        // He approved it, and so does not review it: he is in no group that does anyway.
        close(&world.as_user("bo"), &new, "justified").await.refused(403, "own_review");
        ana.post(&format!("{}/raise", of(&new)), json!({})).await.refused(409, "emergency_already");
    }

    async fn of_two_raises_at_once_there_is_one(world) {
        let scene = Scene::set(&mut world).await;
        // Another one for the same waits, and is left to.
        world.ask("ana", scene.by_platform, Span::hours(2)).await;
        let old = world.ask("ana", scene.by_platform, Span::hours(1)).await;
        let ana = world.cx("ana");
        let click = || requests::raise(&ana, old, Raise::default());
        let (one, other) = tokio::join!(stint_db::retrying(click), stint_db::retrying(click));
        let (one, other) = (one.expect("raised"), other.expect("raised"));
        assert_eq!(one.request.id, other.request.id);
        assert!(one.new != other.new);
        assert_eq!(count(&world, &PENDING, vec![]).await, 2);
        assert_eq!(news(&world, "emergency.asked").await, 1);
    }

    async fn of_two_emergencies_at_once_one_is_asked(world) {
        let scene = Scene::set(&mut world).await;
        let ana = world.cx("ana");
        let new = NewRequest {
            entitlement: scene.by_platform,
            duration: Span::hours(1),
            reason: "down".to_owned(),
            ticket: None,
            beneficiary: None,
            start: None,
            principal: None,
            emergency: true,
            until_revoked: false,
        };
        let click = || requests::submit(&ana, new.clone());
        let (one, other) = tokio::join!(stint_db::retrying(click), stint_db::retrying(click));
        let (asked, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        assert_eq!(asked.len(), 1);
        let Some(Err(why)) = refused.first() else { panic!("one of them is refused") };
        let twice = matches!(why, requests::Error::EmergencyWaits(_) | requests::Error::EmergencyTwice);
        assert!(twice, "{why}");
        assert_eq!(count(&world, &PENDING, vec![]).await, 1);
    }

    async fn nobody_is_asked_twice_for_the_same(world) {
        let scene = Scene::set(&mut world).await;
        let ana = world.as_user("ana");
        let old = world.ask("ana", scene.by_platform, Span::hours(1)).await;
        let refused = ana.post(REQUESTS, ask(scene.by_platform)).await.refused(409, "raise_instead");
        assert!(refused["detail"].as_str().expect("words").contains(&old.to_string()));
        let preview = json!({ "entitlement": scene.by_platform, "emergency": true });
        let said = ana.post("/api/v1/requests/preview", preview).await.ok();
        assert_eq!(said["refusals"][0]["code"], "raise_instead");
        requests::cancel(&world.cx("ana"), old).await.expect("cancelled");
        in_an_emergency(&world, scene.by_platform).await;
        ana.post(REQUESTS, ask(scene.by_platform)).await.refused(409, "emergency_waits");
        // A cancelled one is raised by nobody.
        let place = format!("{REQUESTS}/{old}/raise");
        ana.post(&place, json!({})).await.refused(409, "wrong_state");
        // Nor is anything, where it stopped to wait meanwhile.
        assert_eq!(count(&world, &PENDING, vec![]).await, 1);
    }

    async fn without_somebody_to_tell_there_is_no_emergency_access(world) {
        let scene = Scene::set(&mut world).await;
        let old = world.ask("ana", scene.by_platform, Span::hours(1)).await;
        let cy = world.cx("cy");
        identity::add_member(&cy, scene.security, world.person("ana").id).await.expect("a member");
        identity::remove_member(&cy, scene.security, world.person("mia").id).await.expect("gone");
        identity::deactivate_user(&cy, world.person("eve").id).await.expect("inactive");
        let ana = world.as_user("ana");
        ana.post(REQUESTS, ask(scene.at_once)).await.refused(422, "nobody_told");
        let preview = json!({ "entitlement": scene.at_once, "emergency": true });
        let said = ana.post("/api/v1/requests/preview", preview).await.ok();
        assert_eq!((&said["verdict"], &said["refusals"][0]["code"]), (&json!("refused"), &json!("nobody_told")));
        assert_eq!((news(&world, "emergency.asked").await, news(&world, "grant.opened").await), (0, 0));
        // Nor by raising: the old request stays as it is.
        let place = format!("{REQUESTS}/{old}");
        ana.post(&format!("{place}/raise"), json!({})).await.refused(422, "nobody_told");
        assert_eq!(ana.get(&place).await.ok()["state"], "pending");
    }

    async fn what_one_may_not_see_one_cannot_ask_for_nor_raise_in_an_emergency(world) {
        let scene = Scene::set(&mut world).await;
        let old = world.ask("ana", scene.at_once, Span::hours(1)).await;
        let pat = world.as_user("pat");
        let hidden = pat.post(REQUESTS, ask(scene.at_once)).await;
        let absent: EntitlementId = world.app().ids.new_id();
        let absent = pat.post(REQUESTS, ask(absent)).await;
        assert_eq!((hidden.status, hidden.json()["detail"].clone()), (absent.status, absent.json()["detail"].clone()));
        hidden.refused(404, "not_found");
        // Off where it is off, however one comes to it.
        terms(&world, scene.at_once, scene.ordinary, None).await;
        let ana = world.as_user("ana");
        ana.post(REQUESTS, ask(scene.at_once)).await.refused(409, "no_emergency_access");
        let raise = format!("{REQUESTS}/{old}/raise");
        ana.post(&raise, json!({})).await.refused(409, "no_emergency_access");
        let may = ana.get(&format!("{REQUESTS}/{old}")).await.ok()["may"].clone();
        assert!(!may.as_array().expect("words").contains(&json!("raise")), "{may}");
        // Out of the catalog it is gone for who asked before, too.
        let out = catalog::remove(&world.cx("cy"), scene.there.catalog, scene.at_once).await;
        out.expect("taken out");
        ana.post(&raise, json!({})).await.refused(409, "not_offered");
    }

    async fn emergency_access_is_the_shorter_one_whatever_was_changed_since(world) {
        let scene = Scene::set(&mut world).await;
        let cy = world.as_user("cy");
        let place = format!("/api/v1/entitlements/{}/access-control", scene.at_once);
        let long = policy(&world, "long", Route::AutoApprove, Span::hours(5), scene.security).await;
        let set = |policy: PolicyId, emergency: PolicyId, max: Option<i64>| {
            let mut body = json!({ "policy": policy, "emergency_policy": emergency });
            if let Some(max) = max {
                body["max_duration_seconds"] = max.into();
            }
            body
        };
        let now: PolicyId = cy.get(&place).await.ok()["emergency_policy"].as_str().expect("an id").parse().expect("an id");
        cy.put(&place, set(scene.ordinary, long, None)).await.refused(422, "emergency_longer");
        cy.put(&place, set(scene.ordinary, now, Some(1800))).await.refused(422, "emergency_longer");
        cy.put(&place, set(now, now, None)).await.refused(422, "emergency_as_ordinary");
        cy.put(&place, set(scene.ordinary, scene.there.approved, None)).await.refused(422, "no_emergency_policy");
        let nobodys: PolicyId = world.app().ids.new_id();
        cy.put(&place, set(scene.ordinary, nobodys, None)).await.refused(422, "unknown_policy");
        // Of several at once it is refused just so, and none is added.
        let add = format!("/api/v1/catalogs/{}/entitlements", scene.there.catalog);
        let several = json!({ "entitlements": [scene.at_once, scene.by_platform],
            "access_control": { "policy": scene.ordinary, "emergency_policy": long, "replace": true } });
        cy.post(&add, several).await.refused(422, "emergency_longer");
        let several = json!({ "entitlements": [scene.at_once, scene.by_platform],
            "access_control": { "policy": scene.ordinary, "emergency_policy": now, "replace": true } });
        cy.post(&add, several).await.ok();
        // The ordinary policy allows less later: nothing longer is had in an emergency.
        let body = PolicyBody::new(Route::AutoApprove, Span::minutes(20));
        let new = policies::NewVersion { body, note: String::new() };
        policies::new_version(&world.cx("cy"), scene.ordinary, new, None).await.expect("written");
        let ana = world.as_user("ana");
        let offer = ana.get(&format!("/api/v1/offers/{}", scene.at_once)).await.ok();
        assert_eq!(offer["emergency"]["max_duration_seconds"], 1200);
        ana.post(REQUESTS, ask(scene.at_once)).await.refused(422, "duration_over_policy");
        let mut short = ask(scene.at_once);
        short["duration_seconds"] = 1200.into();
        ana.post(REQUESTS, short).await.is(201);
    }

    async fn a_policy_for_emergencies_is_checked_and_stays_one(world) {
        let scene = Scene::set(&mut world).await;
        let cy = world.as_user("cy");
        let empty = world.group("Empty", &[]).await;
        let auditors = world.group("Auditors", &["dee"]).await;
        let nobody: GroupId = world.app().ids.new_id();
        let sound = json!({ "auto_approve": true, "max_duration_seconds": 3600, "reason": { "required": true },
            "emergency": { "tell": [scene.security] } });
        for (change, code) in [
            (json!({ "reason": { "required": false } }), "emergency_reason"),
            (json!({ "emergency": { "tell": [] } }), "emergency_nobody"),
            (json!({ "emergency": { "tell": [empty] } }), "emergency_nobody"),
            (json!({ "emergency": { "tell": [nobody] } }), "unknown_group"),
            (json!({ "emergency": { "tell": [scene.security], "review": [empty] } }), "emergency_nobody"),
            (json!({ "emergency": { "tell": [auditors] } }), "emergency_unable"),
            (json!({ "emergency": { "tell": [scene.security], "review": [auditors] } }), "emergency_unable"),
            (json!({ "emergency": { "tell": [scene.security], "within_seconds": 0 } }), "emergency_within"),
            (json!({ "emergency": { "tell": [scene.security], "within_seconds": 30 * 86_400 + 60 } }), "emergency_within"),
            (json!({ "rules": [{ "name": "none", "when": "context.minutes <= 5", "auto_approve": true, "reason": { "required": false } }] }), "emergency_reason"),
        ] {
            let mut body = sound.clone();
            for (key, value) in change.as_object().expect("fields") {
                body[key] = value.clone();
            }
            cy.post("/api/v1/policies", json!({ "name": "x", "body": body })).await.refused(422, code);
        }
        let made = cy.post("/api/v1/policies", json!({ "name": "x", "body": sound })).await.is(201).json();
        assert_eq!(made["latest"]["body"]["emergency"], json!({ "tell": [scene.security], "within_seconds": 259_200 }));
        let versions = format!("/api/v1/policies/{}/versions", id(&made));
        let ordinary = json!({ "auto_approve": true, "max_duration_seconds": 3600 });
        cy.post(&versions, json!({ "body": ordinary })).await.refused(409, "policy_kind_stays");
        let versions = format!("/api/v1/policies/{}/versions", scene.ordinary);
        cy.post(&versions, json!({ "body": sound })).await.refused(409, "policy_kind_stays");
    }

    async fn a_review_is_closed_by_nobody_it_is_about_and_by_a_super_admin_where_nobody_is_left(world) {
        let scene = Scene::set(&mut world).await;
        // Bo approves it, and is in the group that reviews: he and Ana are all there is.
        let cy = world.cx("cy");
        for word in ["eve", "mia"] {
            let user = world.person(word).id;
            identity::remove_member(&cy, scene.security, user).await.expect("gone");
        }
        for word in ["bo", "ana"] {
            let user = world.person(word).id;
            identity::add_member(&cy, scene.security, user).await.expect("a member");
        }
        world.clock().advance(Span::minutes(1));
        let request = in_an_emergency(&world, scene.by_platform).await;
        world.approve("bo", id(&request).parse().expect("an id")).await;
        world.settle().await;
        let place = format!("{REVIEWS}/{}", id(&request));
        let dee = world.as_user("dee");
        // Nobody of the group is left: who could is the Super Admin.
        let cys = world.person("cy").id.to_string();
        let only_cy = |found: Value| found[0]["id"] == cys && found.as_array().is_some_and(|all| all.len() == 1);
        assert!(only_cy(dee.get(&place).await.ok()["reviewers"].clone()));
        for word in ["bo", "ana"] {
            close(&world.as_user(word), &request, "justified").await.refused(403, "own_review");
        }
        // Who puts herself into the group now does not count for it.
        world.add_person("rae", &[Role::PolicyAdmin]).await;
        let rae = world.person("rae").id;
        identity::add_member(&world.cx("rae"), scene.security, rae).await.expect("a member");
        close(&world.as_user("rae"), &request, "justified").await.refused(403, "became_reviewer_after_submission");
        assert!(only_cy(dee.get(&place).await.ok()["reviewers"].clone()), "nor does she keep others from it");
        close(&world.as_user("cy"), &request, "justified").await.ok();
        assert_eq!(dee.get(&place).await.ok()["closed_by"]["id"], world.person("cy").id.to_string());
    }

    async fn an_overdue_review_is_counted_reminded_of_once_and_holds_nothing_up(world) {
        let scene = Scene::set(&mut world).await;
        let request = in_an_emergency(&world, scene.at_once).await;
        world.settle().await;
        let counts = format!("{REVIEWS}/counts");
        let eve = world.as_user("eve");
        assert_eq!(eve.get(&counts).await.ok(), json!({ "open": 1, "overdue": 0 }));
        // The access ends at its time, whatever the review.
        world.advance(Span::minutes(65)).await;
        world.settle().await;
        let ended = world.as_user("ana").get(&of(&request)).await.ok();
        assert_eq!(ended["grants"][0]["status"], "ended");
        assert_eq!(ended["review"]["state"], "open");
        world.advance(Span::hours(1)).await;
        assert_eq!(eve.get(&counts).await.ok(), json!({ "open": 1, "overdue": 1 }));
        for _ in 0..3 {
            world.advance(Span::minutes(20)).await;
        }
        assert_eq!(news(&world, "emergency.review_overdue").await, 1);
        for word in ["eve", "mia"] {
            assert!(told(&world, word).await.contains(&"emergency_review 2".to_owned()), "{word}");
        }
        // Those of one's groups, and all for auditors; nothing for others.
        for (word, found) in [("eve", 1), ("dee", 1), ("cy", 1), ("bo", 0), ("ana", 0)] {
            for place in [REVIEWS.to_owned(), format!("{REVIEWS}?state=overdue")] {
                let page = world.as_user(word).get(&place).await.ok();
                assert_eq!(page["items"].as_array().expect("items").len(), found, "{word} {place}");
            }
        }
        let page = eve.get(&format!("{REVIEWS}?state=closed")).await.ok();
        assert_eq!(page["items"], json!([]));
        close(&eve, &request, "justified").await.ok();
        assert_eq!(eve.get(&counts).await.ok(), json!({ "open": 0, "overdue": 0 }));
    }

    async fn a_denied_emergency_gives_nothing_to_review(world) {
        let scene = Scene::set(&mut world).await;
        let request = in_an_emergency(&world, scene.by_platform).await;
        let which: RequestId = id(&request).parse().expect("an id");
        requests::deny(&world.cx("bo"), which, "no").await.expect("denied");
        world.run_due().await;
        assert_eq!(told(&world, "eve").await, ["emergency_asked 1 settled"]);
        let place = format!("{REVIEWS}/{which}");
        world.as_user("eve").get(&place).await.refused(404, "not_found");
        assert_eq!(world.as_user("dee").get(REVIEWS).await.ok()["items"], json!([]));
    }
}
