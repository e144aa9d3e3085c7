//! Drafts of policies held against what was asked and what might be asked, and requests that expire.

use serde_json::json;
use stint_domain::Span;
use stint_testkit::both_engines;

use crate::forms::{send, sound};
use crate::policies::{Asked, at, by_bo};

both_engines! {
    async fn a_draft_says_what_it_would_have_changed(world) {
        let asked = Asked::under(&world, json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        for minutes in [60, 120, 180] {
            let request = asked.submit(minutes).await;
            asked.bo.post(&at(&request, "deny"), json!({ "reason": "not now" })).await.ok();
            world.clock().advance(Span::minutes(1));
        }
        let draft = |rules: serde_json::Value| json!({ "days": 7, "body": {
            "rules": rules, "steps": by_bo(&world), "max_duration_seconds": 7200 } });
        let place = format!("/api/v1/policies/{}/replay", asked.policy);
        let rules = json!([
            { "name": "Long ago", "when": "context.minutes > 100000", "auto_deny": "Never." },
            { "name": "Short", "when": "context.minutes <= 60", "auto_approve": true },
        ]);
        let found = asked.cy.post(&place, draft(rules.clone())).await.ok();
        assert_eq!((found["requests"].as_i64(), found["changed"].as_i64(), found["same"].as_i64()), (Some(3), Some(2), Some(1)), "{found:#}");
        assert_eq!(found["rules"], json!([{ "name": "Long ago", "requests": 0 }, { "name": "Short", "requests": 1 }]));
        assert_eq!(found["otherwise"], 2);
        let examples = found["examples"].as_array().expect("a list");
        let said = |at: usize, part: &str| examples[at][part].as_str().expect("words").to_owned();
        assert_eq!((said(0, "before"), said(0, "after")), ("1 of Bo".to_owned(), "refused: 3 h is longer than the 2 h allowed".to_owned()));
        assert_eq!(said(1, "after"), "approved at once (rule “Short”)");
        assert_eq!(examples[1]["duration_seconds"], 3600);

        // By another name it is the same; of somebody else it is not, though the words are.
        let by = |name: &str, who: &str| json!({ "days": 7, "body": { "steps": [{ "name": name,
            "users": [world.person(who).id.to_string()], "needed": 1 }], "max_duration_seconds": 14400 } });
        let found = asked.cy.post(&place, by("Anybody", "bo")).await.ok();
        assert_eq!((found["changed"].as_i64(), found["same"].as_i64()), (Some(0), Some(3)), "{found:#}");
        let found = asked.cy.post(&place, by("Bo", "cy")).await.ok();
        assert_eq!((found["changed"].as_i64(), found["same"].as_i64()), (Some(3), Some(0)), "{found:#}");
        assert_eq!(found["examples"][0]["after"], "1 of Bo, but other people or times");

        // Nothing was written, and what is outside the days is left out.
        let policy = asked.cy.get(&format!("/api/v1/policies/{}", asked.policy)).await.ok();
        assert_eq!(policy["latest"]["number"], 1);
        world.clock().advance(Span::hours(24 * 8));
        let found = asked.cy.post(&place, draft(rules)).await.ok();
        assert_eq!((found["requests"].as_i64(), found["rules"][1]["requests"].as_i64()), (Some(0), Some(0)));
        let wrong = json!([{ "name": "r", "when": "context.minuts > 1", "auto_approve": true }]);
        asked.cy.post(&place, draft(wrong)).await.refused(422, "invalid_condition");
        let mut none = draft(json!([]));
        none["days"] = json!(0);
        asked.cy.post(&place, none).await.refused(422, "invalid_days");
    }

    async fn the_form_of_a_policy_shows_what_the_draft_would_change(world) {
        let asked = Asked::under(&world, json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        asked.submit(180).await;
        world.settle().await;
        let cy = world.in_browser("cy").await;
        let edit = format!("/policies/{}/edit", asked.policy);
        let page = sound(cy.get(&edit).await, 200);
        let place = format!("/policies/{}/replay", asked.policy);
        assert!(page.contains(&place), "{page}");
        let same = sound(send(&cy, &place, &page, &[]).await, 200);
        assert!(same.contains("It would be answered as it was"), "{same}");
        let shorter = sound(send(&cy, &place, &page, &[("max", "2")]).await, 200);
        assert!(shorter.contains("3 h is longer than the 2 h allowed"), "{shorter}");
        let wrong = sound(send(&cy, &place, &page, &[("max", "x")]).await, 422);
        assert!(wrong.contains("st-mistake"), "{wrong}");
    }

    async fn the_page_says_what_if_somebody_asked(world) {
        let rules = json!([{ "name": "Short", "when": "context.minutes <= 30", "auto_approve": true }]);
        let asked = Asked::under(&world, json!({ "rules": rules, "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        let cy = world.in_browser("cy").await;
        let begin = format!("/policies/try?entitlement={}", asked.what);
        let page = sound(cy.get(&begin).await, 200);
        let place = "/policies/try";
        let nobody = sound(send(&cy, place, &page, &[]).await, 422);
        assert!(nobody.contains("Choose who would ask"), "{nobody}");
        let (ana, bo) = (world.person("ana").id.to_string(), world.person("bo").id.to_string());
        let page = sound(cy.get(&format!("{begin}&user={ana}")).await, 200);
        let found = sound(send(&cy, place, &page, &[]).await, 200);
        assert!(found.contains("It would be asked for, in one step") && found.contains("“Short”: does not apply"), "{found}");
        let short = [("length", "20"), ("length.unit", "minutes")];
        let found = sound(send(&cy, place, &page, &short).await, 200);
        assert!(found.contains("approved at once, by nobody") && found.contains("“Short”: applies"), "{found}");
        let page = sound(cy.get(&format!("{begin}&user={bo}")).await, 200);
        let found = sound(send(&cy, place, &page, &[]).await, 200);
        assert!(found.contains("would ask for it"), "{found}");
        let bad = sound(send(&cy, place, &page, &[("start", "soon")]).await, 422);
        assert!(bad.contains("Give the day and the time"), "{bad}");
        assert_eq!(asked.cy.get("/api/v1/requests").await.ok()["items"], json!([]), "nothing was asked");
    }

    async fn what_if_somebody_asked_now(world) {
        let asked = Asked::under(&world, json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        let ana = world.person("ana").id.to_string();
        let what = |more: serde_json::Value| {
            let mut all = json!({ "user": ana, "entitlement": asked.what });
            all.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
            all
        };
        let place = "/api/v1/policies/dry-run";
        let found = asked.cy.post(place, what(json!({ "duration_seconds": 3600 }))).await.ok();
        assert_eq!((found["verdict"].as_str(), found["offered"].as_bool()), (Some("needs_approval"), Some(true)), "{found:#}");
        assert_eq!(found["steps"][0]["approvers"][0]["user"]["id"], world.person("bo").id.to_string());
        let long = asked.cy.post(place, what(json!({ "duration_seconds": 86400 }))).await.ok();
        assert_eq!((long["verdict"].as_str(), long["refusals"][0]["code"].as_str()), (Some("refused"), Some("duration_over_policy")));
        let draft = json!({ "rules": [{ "name": "Nobody", "when": "context.minutes < 120", "auto_approve": true }],
            "steps": by_bo(&world), "max_duration_seconds": 14400 });
        let found = asked.cy.post(place, what(json!({ "duration_seconds": 3600, "body": draft }))).await.ok();
        assert_eq!((found["verdict"].as_str(), found["rule"].as_str()), (Some("auto_approved"), Some("Nobody")), "{found:#}");
        // Of Bo's own request nobody else could approve.
        let mut own = what(json!({}));
        own["user"] = json!(world.person("bo").id.to_string());
        let found = asked.cy.post(place, own).await.ok();
        assert_eq!(found["refusals"][0]["code"], "no_possible_approver", "{found:#}");
        assert_eq!(asked.ana.get("/api/v1/requests").await.ok()["items"], json!([]), "nothing was asked");
        assert_eq!(asked.ana.post(place, what(json!({}))).await.code(), "forbidden");

        let connections = asked.cy.get("/api/v1/connections").await.ok();
        let connection = connections["items"][0]["id"].as_str().expect("an id");
        let all = asked.cy.get(&format!("/api/v1/entitlements?connection={connection}&limit=200")).await.ok();
        let other = all["items"].as_array().expect("a list").iter().find(|it| it["id"] != asked.what).expect("another");
        let mut hidden = what(json!({}));
        hidden["entitlement"] = other["id"].clone();
        asked.cy.post(place, hidden.clone()).await.refused(422, "no_policy");
        hidden["policy"] = json!(asked.policy);
        let found = asked.cy.post(place, hidden).await.ok();
        assert_eq!((found["verdict"].as_str(), found["offered"].as_bool()), (Some("needs_approval"), Some(false)), "{found:#}");
    }

    async fn a_request_that_nobody_answers_expires(world) {
        let body = json!({ "steps": by_bo(&world), "max_duration_seconds": 14400, "open_for_seconds": 7200 });
        let asked = Asked::under(&world, body).await;
        let request = asked.submit(60).await;
        let seen = asked.see(&request).await;
        let expires = seen["waiting"]["expires"].as_str().expect("a time").to_owned();
        assert_eq!(expires, (world.now() + Span::hours(2)).to_string());
        world.advance(Span::minutes(119)).await;
        assert_eq!(asked.see(&request).await["state"], "pending");
        // The clock goes on, and no background work runs: nobody decides on it any more.
        world.clock().advance(Span::minutes(1));
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "wrong_state");
        world.settle().await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "denied");
        let last = seen["timeline"].as_array().expect("a list").last().expect("a line").clone();
        assert_eq!(last["text"], "It has expired: nobody answered within 2 h", "{seen:#}");
        let told = asked.ana.get("/api/v1/notices?kind=request_denied").await.ok();
        assert_eq!(told["items"].as_array().expect("a list").len(), 1);
        // Without a word of the policy it is thirty days; a step that waits longer cannot be.
        let wait = json!([{ "name": "Cool off", "needed": 0, "wait_seconds": 7200 }, by_bo(&world)[0]]);
        let short = json!({ "name": "Odd", "body": { "steps": wait, "max_duration_seconds": 3600, "open_for_seconds": 7200 } });
        let told = asked.cy.post("/api/v1/policies", short).await.refused(422, "open_for");
        assert!(told["detail"].as_str().expect("words").contains("longer than the 2 h its steps wait"), "{told}");
    }
}
