//! A deadline that leads to another policy: what is pinned, who decides there, and what is refused
//! when it is saved.

use serde_json::{Value, json};
use stint_domain::{PolicyId, Span};
use stint_testkit::{World, both_engines};

use crate::forms::sound;
use crate::policies::{Asked, at};

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

/// prod-admin on prod-payments is asked for under “Special”, whose deadline leads to “Leads”.
async fn set(world: &World) -> (Asked, String) {
    let org = world.organize().await;
    let leads = write(world, "Leads", &by_cy(world)).await;
    let policy = write(world, "Special", &special(world, &leads)).await;
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
        world.settle().await;
    }

    async fn no_longer_access_is_asked_for_than_both_policies_allow(world) {
        let (asked, _) = set(&world).await;
        asked.ana.post(REQUESTS, asked.ask(121)).await.refused(422, "duration_over_policy");
        asked.submit(120).await;
        let dry = json!({ "user": world.person("ana").id.to_string(), "entitlement": asked.what });
        let dry = asked.cy.post("/api/v1/policies/dry-run", dry).await.ok();
        assert_eq!((&dry["max_duration_seconds"], &dry["others"][0]["policy"]["name"]), (&json!(7200), &json!("Leads")));
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
        let twice = json!({ "steps": [
            { "name": "First", "users": [world.person("bo").id.to_string()] },
            { "name": "Bo", "users": [world.person("cy").id.to_string()],
              "deadline": { "after_seconds": 1800, "then": "other_policy", "policy": leads } },
            { "name": "Last", "users": [world.person("bo").id.to_string()] },
        ], "max_duration_seconds": 14400 });
        let new = json!({ "body": twice });
        asked.cy.post(&versions(&asked.policy), new).await.is(422);
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
