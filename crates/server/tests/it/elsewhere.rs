//! A deadline that leads to another policy: what is pinned, who decides there, and what is refused
//! when it is saved.

use serde_json::{Value, json};
use stint_domain::{PolicyId, Span};
use stint_server::catalog;
use stint_testkit::{World, both_engines};

use crate::emergency;
use crate::forms::{send, sound};
use crate::policies::{Asked, at, by_bo};
use crate::step_up::{PASSWORD, gives};

const POLICIES: &str = "/api/v1/policies";
const REQUESTS: &str = "/api/v1/requests";

/// Bo has half an hour; then it goes on under the policy `leads`.
fn special(world: &World, leads: &str) -> Value {
    json!({
        "steps": [{ "name": "Bo", "users": [world.person("bo").id.to_string()],
            "deadline": { "after_seconds": 1800, "then": "other_policy", "policy": leads } }],
        "max_duration_seconds": 14400,
    })
}

/// Cy decides, of two hours at most.
fn by_cy(world: &World) -> Value {
    json!({
        "steps": [{ "name": "Cy", "users": [world.person("cy").id.to_string()] }],
        "max_duration_seconds": 7200,
    })
}

async fn write(world: &World, name: &str, body: &Value) -> String {
    let cy = world.as_user("cy");
    let new = json!({ "name": name, "body": body });
    let made = cy.post(POLICIES, new).await.is(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

fn ids(world: &World, people: &[&str]) -> Value {
    let ids = people.iter().map(|who| world.person(who).id.to_string());
    ids.collect::<Vec<_>>().into()
}

/// This, where the deadline of its last step leads to that policy.
fn leading(to: &str, mut body: Value) -> Value {
    let deadline = json!({ "after_seconds": 1800, "then": "other_policy", "policy": to });
    let steps = body["steps"].as_array_mut().expect("steps");
    steps.last_mut().expect("a step")["deadline"] = deadline;
    body
}

/// prod-admin on prod-payments is asked for under “Special”, whose deadline leads to “Leads”.
async fn set(world: &World) -> (Asked, String) {
    let there = by_cy(world);
    led(world, |leads| special(world, leads), there).await
}

/// The same where the two policies say this; the first is made of the id of the second.
async fn led(world: &World, own: impl FnOnce(&str) -> Value, there: Value) -> (Asked, String) {
    let org = world.organize().await;
    let leads = write(world, "Leads", &there).await;
    let policy = write(world, "Special", &own(&leads)).await;
    let what = org.entitlement(world, "prod-payments", "prod-admin").await;
    let id: PolicyId = policy.parse().expect("an id");
    org.offer(world, what, id).await;
    world.clock().advance(Span::minutes(1));
    let asked = Asked {
        cy: world.as_user("cy"),
        ana: world.as_user("ana"),
        bo: world.as_user("bo"),
        policy,
        what: what.to_string(),
        org,
    };
    (asked, leads)
}

both_engines! {
    async fn what_nobody_decides_in_time_goes_on_under_the_policy_pinned_with_it(world) {
        let (asked, leads) = set(&world).await;
        let preview = asked.ana.post(&format!("{REQUESTS}/preview"), asked.ask(60)).await.ok();
        assert_eq!(preview["steps"].as_array().map(Vec::len), Some(1), "{preview}");
        let deadline = json!({ "after_seconds": 1800, "then": "other_policy", "policy": leads });
        assert_eq!(preview["steps"][0]["deadline"], deadline);
        assert_eq!(preview["others"][0]["policy"], json!({ "id": leads, "name": "Leads", "number": 1 }));
        assert_eq!(preview["others"][0]["steps"][0]["name"], "Cy");
        assert_eq!(preview["max_duration_seconds"], 7200, "the lower of the two");

        let request = asked.submit(60).await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["steps"].as_array().map(Vec::len), Some(1), "{seen}");
        assert_eq!(seen["others"][0]["name"], "Leads");
        // What is written afterwards does not matter.
        let closed = json!({ "body": { "auto_deny": "Closed.", "max_duration_seconds": 7200 } });
        asked.cy.post(&format!("{POLICIES}/{leads}/versions"), closed).await.is(201);
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        world.advance(Span::minutes(31)).await;

        let seen = asked.see(&request).await;
        assert_eq!((&seen["waiting"]["step"], &seen["waiting"]["still"]), (&json!("Cy"), &json!(1)));
        let states: Vec<_> = (seen["steps"].as_array().expect("steps").iter())
            .map(|it| (it["name"].clone(), it["state"].clone(), it["policy"].clone()))
            .collect();
        assert_eq!(states, [
            (json!("Bo"), json!("moved_on"), Value::Null),
            (json!("Cy"), json!("now"), json!("Leads")),
        ]);
        let told = seen["timeline"].as_array().and_then(|all| all.last()).expect("some").clone();
        assert_eq!(
            (&told["what"], &told["text"]),
            (&json!("request.moved_on"), &json!("Nobody decided in time: it went on under “Leads”, at “Cy”"))
        );
        let log = asked.cy.get("/api/v1/audit-events?q=request.moved_on").await.ok();
        assert_eq!(log["items"].as_array().map(Vec::len), Some(1), "{log}");
        let ana = world.in_browser("ana").await;
        let id = request["id"].as_str().expect("an id");
        let page = sound(ana.get(&format!("/requests/{id}")).await, 200);
        assert!(page.contains("under “Leads”"), "{page}");
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        let log = asked.cy.get("/api/v1/audit-events?action=request.decided").await.ok();
        let detail = &log["items"][0]["detail"];
        assert_eq!((&detail["step"], &detail["policy"]), (&json!(1), &json!("Leads")), "{log:#}");
        assert!(detail["policy_version"].is_string(), "{log:#}");

        // Asked from now on, it is denied there at once.
        let request = asked.submit(60).await;
        world.advance(Span::minutes(31)).await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "denied");
        assert!(seen["timeline"].to_string().contains("denies it then: Closed"), "{seen}");
        world.settle().await;
    }

    async fn who_decides_after_the_deadline_finds_it_moved_though_no_worker_looked(world) {
        let (asked, _) = set(&world).await;
        let request = asked.submit(60).await;
        world.clock().advance(Span::minutes(31));
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "approved");
        assert_eq!(seen["steps"][0]["state"], "moved_on");
        // Both at the same moment; it is told as it came about.
        let told = seen["timeline"].as_array().expect("a list").iter();
        let told: Vec<_> = told.map(|it| it["what"].as_str().expect("a word")).collect();
        assert_eq!(told[..3], ["request.submitted", "request.moved_on", "request.decided"], "{seen:#}");
        world.settle().await;
    }

    async fn no_longer_access_is_asked_for_than_both_policies_allow(world) {
        let (asked, _) = set(&world).await;
        asked.ana.post(REQUESTS, asked.ask(121)).await.refused(422, "duration_over_policy");
        asked.submit(120).await;
        let dry = json!({ "user": world.person("ana").id.to_string(), "entitlement": asked.what });
        let dry = asked.cy.post("/api/v1/policies/dry-run", dry).await.ok();
        assert_eq!((&dry["max_duration_seconds"], &dry["others"][0]["policy"]["name"]), (&json!(7200), &json!("Leads")));
        // The form offers no length that is refused.
        let page = world.in_browser("ana").await;
        let page = sound(page.get(&format!("/request/{}", asked.what)).await, 200);
        assert!(page.contains("value=\"7200\"") && !page.contains("value=\"14400\""), "{page}");
    }

    async fn what_is_extended_or_raised_without_a_length_gets_what_both_policies_allow(world) {
        world.add_person("eve", &[]).await;
        let (asked, leads) = set(&world).await;
        let versions = format!("{POLICIES}/{}/versions", asked.policy);
        let plain = json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 });
        asked.cy.post(&versions, json!({ "body": plain })).await.is(201);
        let request = asked.submit(240).await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        let grant = asked.see(&request).await["grants"][0]["id"].as_str().expect("a grant").to_owned();

        let security = world.group("Security", &["eve"]).await;
        let mut urgent = special(&world, &leads);
        urgent["reason"] = json!({ "required": true });
        urgent["emergency"] = json!({ "tell": [security] });
        let urgent = write(&world, "Urgent", &urgent).await;
        let id = |it: &str| -> PolicyId { it.parse().expect("an id") };
        let what = asked.what.parse().expect("an id");
        emergency::terms(&world, what, id(&asked.policy), Some(id(&urgent))).await;
        let waits = asked.submit(240).await;
        let raised = asked.ana.post(&at(&waits, "raise"), json!({})).await.is(201).json();
        assert_eq!(raised["duration_seconds"], 7200, "{raised:#}");

        asked.cy.post(&versions, json!({ "body": special(&world, &leads) })).await.is(201);
        let extend = format!("/api/v1/grants/{grant}/extend");
        let next = asked.ana.post(&extend, json!({})).await.is(201).json();
        assert_eq!(next["duration_seconds"], 7200, "{next:#}");
    }

    async fn until_it_is_revoked_is_had_only_where_the_other_policy_allows_it_too(world) {
        let every = |days: i64| json!({ "review_every_days": days });
        let lasting = |leads: &str| {
            let mut own = special(&world, leads);
            own["until_revoked"] = every(90);
            own
        };
        let (asked, leads) = led(&world, lasting, by_cy(&world)).await;
        let terms = catalog::Terms {
            policy: asked.policy.parse().expect("an id"),
            max_duration: None,
            emergency: None,
            until_revoked: true,
            replace: true,
        };
        let what = asked.what.parse().expect("an id");
        let done = catalog::set_terms(&world.cx("cy"), what, terms, None).await;
        done.expect("without a time limit");
        let ask = json!({ "entitlement": asked.what, "until_revoked": true, "reason": "on call" });
        asked.ana.post(REQUESTS, ask.clone()).await.refused(422, "duration_until_revoked");
        let preview = asked.ana.post(&format!("{REQUESTS}/preview"), ask.clone()).await.ok();
        assert_eq!(preview["refusals"][0]["code"], "duration_until_revoked", "{preview:#}");
        let ana = world.in_browser("ana").await;
        let place = format!("/request/{}", asked.what);
        let page = sound(ana.get(&place).await, 200);
        assert!(!page.contains("value=\"until_revoked\""), "{page}");

        let versions = format!("{POLICIES}/{leads}/versions");
        let mut there = by_cy(&world);
        there["until_revoked"] = every(30);
        asked.cy.post(&versions, json!({ "body": there })).await.is(201);
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("value=\"until_revoked\""), "{page}");
        let request = asked.ana.post(REQUESTS, ask.clone()).await.is(201).json();
        assert_eq!(asked.see(&request).await["review_every_seconds"], 30 * 86_400, "the shorter of the two");
        // Pinned: it is given though the other allows it no more by then.
        asked.cy.post(&versions, json!({ "body": by_cy(&world) })).await.is(201);
        asked.ana.post(REQUESTS, ask).await.refused(422, "duration_until_revoked");
        world.advance(Span::minutes(31)).await;
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn the_steps_stand_as_what_was_carried_and_where_it_went_have_it(world) {
        for word in ["eve", "fay", "gil"] {
            world.add_person(word, &[]).await;
        }
        let own = |leads: &str| leading(leads, json!({ "steps": [
            { "name": "First", "users": ids(&world, &["bo"]), "deadline": { "after_seconds": 1800, "then": "next_step" } },
            { "name": "Second", "users": ids(&world, &["cy", "eve"]) },
        ], "max_duration_seconds": 14400 }));
        let there = json!({ "steps": [{ "name": "Others", "users": ids(&world, &["fay", "gil"]), "remind_seconds": 60 }],
            "max_duration_seconds": 14400 });
        let (asked, _) = led(&world, own, there).await;
        let request = asked.submit(60).await;
        world.advance(Span::minutes(31)).await;
        // One of the two that are needed there by now.
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        world.advance(Span::minutes(31)).await;
        let states = async || {
            let seen = asked.see(&request).await;
            let steps = seen["steps"].as_array().expect("steps").iter();
            let steps = steps.map(|it| (it["name"].clone(), it["state"].clone()));
            steps.collect::<Vec<_>>()
        };
        let stand = |others: &str| [("First", "moved_on"), ("Second", "moved_on"), ("Others", others)]
            .map(|(name, state)| (json!(name), json!(state)));
        assert_eq!(states().await, stand("now"));
        let log = asked.cy.get("/api/v1/audit-events?action=request.reminded").await.ok();
        let detail = &log["items"][0]["detail"];
        assert_eq!((&detail["step"], &detail["policy"]), (&json!(1), &json!("Leads")), "{log:#}");
        // Nobody has approved under it, and still it went there.
        asked.ana.post(&at(&request, "cancel"), json!({})).await.ok();
        assert_eq!(states().await, stand("dropped"));
        world.settle().await;
    }

    async fn nobody_whose_own_it_is_decides_under_the_other_policy_nor_their_delegate(world) {
        world.add_person("eve", &[]).await;
        let mut there = by_cy(&world);
        there["steps"][0]["users"] = ids(&world, &["ana", "cy", "eve"]);
        let (asked, _) = led(&world, |leads| special(&world, leads), there).await;
        let until = (world.now() + Span::hours(48)).to_string();
        let new = json!({ "delegate": world.person("eve").email, "ends_at": until });
        asked.ana.post("/api/v1/delegations", new).await.is(201);
        let request = asked.submit(60).await;
        world.advance(Span::minutes(31)).await;
        let approve = at(&request, "approve");
        asked.ana.post(&approve, json!({})).await.refused(403, "self_approval");
        world.as_user("eve").post(&approve, json!({})).await.refused(403, "delegate_of_requester");
        asked.cy.post(&approve, json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn a_password_that_the_other_policy_alone_wants_is_asked_for_there(world) {
        let mut there = by_cy(&world);
        there["step_up"] = json!("approving");
        let (asked, _) = led(&world, |leads| special(&world, leads), there).await;
        let early = asked.submit(60).await;
        asked.bo.post(&at(&early, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&early).await["state"], "approved", "the first policy wants none");
        let late = asked.submit(60).await;
        world.advance(Span::minutes(31)).await;
        let approve = at(&late, "approve");
        asked.cy.post(&approve, json!({})).await.refused(403, "step_up_required");
        let cy = world.in_browser("cy").await;
        world.wall().advance(Span::minutes(5));
        cy.post(&approve, json!({})).await.refused(403, "step_up_required");
        assert_eq!(gives(&cy, PASSWORD).await, 204);
        cy.post(&approve, json!({})).await.ok();
        assert_eq!(asked.see(&late).await["state"], "approved");
        world.settle().await;
    }

    async fn the_rule_of_the_other_policy_is_the_one_that_applied_when_it_was_asked(world) {
        world.add_person("eve", &[]).await;
        let mut there = by_cy(&world);
        there["rules"] = json!([{ "name": "Short", "when": "context.minutes <= 60",
            "steps": [{ "name": "Eve", "users": ids(&world, &["eve"]) }] }]);
        let (asked, leads) = led(&world, |leads| special(&world, leads), there).await;
        let (short, long) = (asked.submit(60).await, asked.submit(90).await);
        // No rule by then, and another person.
        let mut other = by_cy(&world);
        other["steps"][0]["users"] = ids(&world, &["bo"]);
        asked.cy.post(&format!("{POLICIES}/{leads}/versions"), json!({ "body": other })).await.is(201);
        world.advance(Span::minutes(31)).await;
        let eve = world.as_user("eve");
        assert_eq!(asked.see(&short).await["waiting"]["step"], "Eve");
        assert_eq!(asked.see(&long).await["waiting"]["step"], "Cy");
        asked.bo.post(&at(&long, "approve"), json!({})).await.refused(403, "not_an_approver");
        asked.cy.post(&at(&short, "approve"), json!({})).await.refused(403, "forbidden");
        eve.post(&at(&short, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&short).await["state"], "approved");
        asked.cy.post(&at(&long, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&long).await["state"], "approved");
        world.settle().await;
    }

    async fn a_draft_that_leads_to_itself_is_refused_wherever_it_is_looked_at(world) {
        let (asked, leads) = set(&world).await;
        let itself = special(&world, &asked.policy);
        let place = format!("{POLICIES}/{}/replay", asked.policy);
        asked.cy.post(&place, json!({ "days": 7, "body": itself })).await.refused(422, "other_policy");
        let mut dry = json!({ "user": world.person("ana").id.to_string(), "entitlement": asked.what, "body": itself });
        dry["policy"] = json!(asked.policy);
        asked.cy.post(&format!("{POLICIES}/dry-run"), dry).await.refused(422, "other_policy");
        // Nor does one lead on that is led to.
        let third = write(&world, "Third", &by_cy(&world)).await;
        let on = json!({ "days": 7, "body": special(&world, &third) });
        asked.cy.post(&format!("{POLICIES}/{leads}/replay"), on).await.refused(422, "other_policy");
        let cy = world.in_browser("cy").await;
        let edit = format!("/policies/{}/edit", asked.policy);
        let page = sound(cy.get(&edit).await, 200);
        let look = [("step0.other", asked.policy.as_str()), ("do", "look")];
        let page = sound(send(&cy, &edit, &page, &look).await, 200);
        assert!(page.contains("cannot lead to the policy it is of"), "{page}");
    }

    async fn a_deadline_leads_to_no_policy_under_which_nobody_is_asked(world) {
        let (asked, leads) = set(&world).await;
        let versions = |id: &str| format!("{POLICIES}/{id}/versions");
        let refused = async |id: &str, body: Value| {
            asked.cy.post(&versions(id), json!({ "body": body })).await.refused(422, "other_policy")
        };
        // Back to where it came from, to itself, and to nothing there is.
        refused(&leads, special(&world, &asked.policy)).await;
        refused(&asked.policy, special(&world, &asked.policy)).await;
        let mut nowhere = special(&world, &leads);
        nowhere["steps"][0]["deadline"]["policy"] = json!(PolicyId(uuid::Uuid::from_u128(7)).to_string());
        refused(&asked.policy, nowhere).await;
        let auto = json!({ "auto_approve": true, "max_duration_seconds": 7200 });
        let auto = write(&world, "At once", &auto).await;
        let said = refused(&asked.policy, special(&world, &auto)).await;
        assert!(said["detail"].as_str().is_some_and(|it| it.contains("silence approves nothing")), "{said}");
        // A chain of two.
        let third = write(&world, "Third", &by_cy(&world)).await;
        refused(&leads, special(&world, &third)).await;
        let new = json!({ "name": "Fourth", "body": special(&world, &asked.policy) });
        asked.cy.post(POLICIES, new).await.refused(422, "other_policy");
        // Bo would be needed twice.
        let bo = json!({ "steps": by_bo(&world), "max_duration_seconds": 7200 });
        let bo = write(&world, "By Bo", &bo).await;
        let twice = json!({ "steps": [
            { "name": "First", "users": ids(&world, &["bo"]) },
            { "name": "Second", "users": ids(&world, &["cy"]) },
        ], "max_duration_seconds": 14400 });
        let said = refused(&asked.policy, leading(&bo, twice)).await;
        assert!(said["detail"].as_str().is_some_and(|it| it.contains("too few different people")), "{said}");
        let page = sound(world.in_browser("cy").await.get(&format!("/policies/{}/edit", asked.policy)).await, 200);
        assert!(page.contains("It goes on under another policy"), "{page}");
        let words = json!({ "body": { "steps": [{ "name": "Bo", "users": [world.person("bo").id.to_string()],
            "deadline": { "after_seconds": 1800, "then": "other_policy" } }], "max_duration_seconds": 14400 } });
        asked.cy.post(&versions(&asked.policy), words).await.refused(422, "invalid_value");
    }

    async fn of_two_who_would_close_a_circle_at_once_one_is_refused(world) {
        world.organize().await;
        let first = write(&world, "First", &by_cy(&world)).await;
        let second = write(&world, "Second", &by_cy(&world)).await;
        let cy = world.as_user("cy");
        let lead = |from: &str, to: &str| {
            let place = format!("{POLICIES}/{from}/versions");
            let new = json!({ "body": special(&world, to) });
            let cy = &cy;
            async move { cy.post(&place, new).await }
        };
        let (one, other) = tokio::join!(lead(&first, &second), lead(&second, &first));
        let mut said = [one.status.as_u16(), other.status.as_u16()];
        said.sort_unstable();
        assert_eq!(said, [201, 422]);
    }
}
