//! Handing on a place in the step a request waits at: by an approver, by an administrator, and never to
//! who may not decide.

use serde_json::{Value, json};
use stint_domain::Span;
use stint_domain::rights::Role;
use stint_testkit::{Door, World, both_engines};

use crate::forms::sound;
use crate::policies::{Asked, at, by_bo};
use crate::step_up::{PASSWORD, gives};

fn ids(world: &World, people: &[&str]) -> Vec<String> {
    let of = |who: &&str| world.person(who).id.to_string();
    people.iter().map(of).collect()
}

/// A policy whose only step is for these.
fn of(world: &World, people: &[&str], needed: u32) -> Value {
    let step = json!({ "name": "Team", "users": ids(world, people), "needed": needed });
    json!({ "steps": [step], "max_duration_seconds": 14400 })
}

fn to(world: &World, who: &str) -> Value {
    json!({ "to": world.person(who).email, "reason": "away until Monday" })
}

/// The same that of somebody.
fn from(world: &World, whose: &str, who: &str) -> Value {
    let mut body = to(world, who);
    body["from"] = json!(world.person(whose).id.to_string());
    body
}

fn page(request: &Value) -> String {
    format!(
        "/api/v1/requests/{}",
        request["id"].as_str().expect("an id")
    )
}

async fn waiting_notices(door: &Door) -> usize {
    let told = door
        .get("/api/v1/notices?state=new&kind=approval_waiting")
        .await
        .ok();
    told["items"].as_array().expect("a list").len()
}

async fn inbox(door: &Door) -> usize {
    let waits = door.get("/api/v1/approvals").await.ok();
    waits["items"].as_array().expect("a list").len()
}

both_engines! {
    async fn who_gets_a_place_is_told_sees_it_and_decides_and_who_had_it_is_not_asked_any_more(world) {
        world.add_person("eve", &[]).await;
        world.add_person("fay", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo", "cy"], 2)).await;
        let (eve, fay) = (world.as_user("eve"), world.as_user("fay"));
        let request = asked.submit(60).await;
        world.settle().await;
        assert_eq!((inbox(&asked.bo).await, waiting_notices(&asked.bo).await), (1, 1));
        assert_eq!(eve.get(&page(&request)).await.code(), "not_found");

        let seen = asked.bo.post(&at(&request, "reassign"), to(&world, "eve")).await.ok();
        assert_eq!(seen["waiting"]["still"], 2, "as many as before: {seen:#}");
        assert!(!seen["may"].as_array().expect("verbs").contains(&json!("approve")));
        world.settle().await;
        assert_eq!((inbox(&asked.bo).await, waiting_notices(&asked.bo).await), (0, 0), "it is settled");
        assert_eq!((inbox(&eve).await, waiting_notices(&eve).await), (1, 1));
        // Who asked sees by name who is asked now, by whom, and why.
        let seen = asked.ana.get(&page(&request)).await.ok();
        let who = seen["waiting"]["who"].as_array().expect("a list");
        let eves = world.person("eve").id.to_string();
        let hers = who.iter().find(|it| it["id"] == eves).unwrap_or_else(|| panic!("Eve in {seen:#}"));
        assert_eq!(hers["handed"]["from"]["id"], world.person("bo").id.to_string());
        assert_eq!(hers["handed"]["reason"], "away until Monday");
        assert_eq!(seen["steps"][0]["handed"].as_array().expect("a list").len(), 1);
        let line = seen["timeline"].as_array().expect("a list").iter().find(|it| it["what"] == "request.reassigned");
        let line = line.expect("a line")["text"].as_str().expect("words");
        assert!(line.contains("handed on their place in “Team”") && line.ends_with("“away until Monday”"), "{line}");
        let log = asked.cy.get("/api/v1/audit-events?action=request.reassigned").await.ok();
        assert_eq!(log["items"][0]["detail"]["to"], eves, "{log:#}");

        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "handed_on");
        fay.post(&at(&request, "approve"), json!({})).await.refused(404, "not_found");
        eve.post(&at(&request, "approve"), json!({})).await.ok();
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "decided_in_place");
        assert_eq!(asked.see(&request).await["state"], "pending");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
        // Who had it sees what became of it.
        asked.bo.get(&page(&request)).await.ok();
    }

    async fn it_is_handed_back_by_who_knows_of_nobody_else(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let eve = world.as_user("eve");
        let request = asked.submit(60).await;
        asked.bo.post(&at(&request, "reassign"), to(&world, "eve")).await.ok();
        // By an id only of who had a place in it.
        let by_id = |who: &str| json!({ "to": world.person(who).id.to_string(), "reason": "not mine" });
        eve.post(&at(&request, "reassign"), by_id("cy")).await.refused(422, "target_cannot_decide");
        eve.post(&at(&request, "reassign"), by_id("bo")).await.ok();
        eve.post(&at(&request, "approve"), json!({})).await.refused(409, "handed_on");
        world.settle().await;
        assert_eq!(inbox(&asked.bo).await, 1);
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn nobody_gets_a_place_who_may_not_decide(world) {
        world.add_person("eve", &[]).await;
        world.add_person("fay", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo", "cy"], 2)).await;
        let until = (world.now() + Span::hours(48)).to_string();
        let to_fay = json!({ "delegate": world.person("fay").email, "ends_at": until });
        asked.ana.post("/api/v1/delegations", to_fay).await.is(201);
        let request = asked.submit(60).await;
        let hand = at(&request, "reassign");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        for (who, code) in [
            ("ana", "target_own_request"),
            ("bo", "target_is_oneself"),
            ("cy", "target_has_decided"),
            // An auditor decides nothing.
            ("dee", "target_cannot_decide"),
            ("fay", "target_delegate_of_requester"),
        ] {
            asked.bo.post(&hand, to(&world, who)).await.refused(422, code);
        }
        let nobody = json!({ "to": "nobody@acme.example", "reason": "away" });
        asked.bo.post(&hand, nobody).await.refused(422, "target_cannot_decide");
        let mute = json!({ "to": world.person("eve").email, "reason": "  " });
        asked.bo.post(&hand, mute).await.refused(422, "reason_required");
        asked.ana.post(&hand, to(&world, "eve")).await.refused(403, "self_approval");
        assert_eq!(asked.see(&request).await["steps"][0].get("handed"), None, "nothing was");
        let log = asked.cy.get("/api/v1/audit-events?action=request.reassigned").await.ok();
        assert_eq!(log["items"], json!([]));
        world.settle().await;
    }

    async fn an_administrator_ends_a_dead_end_and_never_names_themselves(world) {
        world.add_person("eve", &[]).await;
        world.add_person("pia", &[Role::PolicyAdmin]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let (eve, pia) = (world.as_user("eve"), world.as_user("pia"));
        let request = asked.submit(60).await;
        let hand = at(&request, "reassign");
        let bo = world.person("bo").id;
        asked.cy.post(&format!("/api/v1/users/{bo}/deactivate"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["waiting"]["stuck"], true);
        pia.post(&hand, to(&world, "pia")).await.refused(422, "target_is_oneself");
        eve.post(&hand, to(&world, "pia")).await.refused(404, "not_found");
        let seen = pia.post(&hand, to(&world, "eve")).await.ok();
        assert_eq!((&seen["waiting"]["stuck"], &seen["waiting"]["still"]), (&json!(false), &json!(1)));
        assert_eq!(seen["steps"][0]["handed"][0]["administrator"], true);
        // Nor does who was named hand it to who named them.
        eve.post(&hand, to(&world, "pia")).await.refused(422, "target_is_oneself");
        world.settle().await;
        assert_eq!((inbox(&eve).await, waiting_notices(&eve).await), (1, 1));
        eve.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn an_administrator_moves_somebodys_place_but_not_in_what_is_their_own(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let request = asked.submit(60).await;
        let hand = at(&request, "reassign");
        asked.cy.post(&hand, from(&world, "eve", "eve")).await.refused(422, "from_not_asked");
        asked.bo.post(&hand, from(&world, "cy", "eve")).await.refused(422, "from_not_asked");
        asked.cy.post(&hand, from(&world, "bo", "eve")).await.ok();
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "handed_on");
        world.as_user("eve").post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        let own = asked.cy.post("/api/v1/requests", asked.ask(30)).await.is(201).json();
        asked.cy.post(&at(&own, "reassign"), to(&world, "eve")).await.refused(403, "chooses_for_oneself");
        world.settle().await;
    }

    async fn the_place_falls_back_where_who_has_it_is_deactivated(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let request = asked.submit(60).await;
        asked.bo.post(&at(&request, "reassign"), to(&world, "eve")).await.ok();
        let eve = world.person("eve").id;
        asked.cy.post(&format!("/api/v1/users/{eve}/deactivate"), json!({})).await.ok();
        let seen = asked.see(&request).await;
        assert_eq!(seen["waiting"]["stuck"], false, "{seen:#}");
        assert_eq!(inbox(&asked.bo).await, 1);
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn the_policy_says_who_may_and_an_older_one_lets_its_approvers(world) {
        world.add_person("eve", &[]).await;
        let mut body = of(&world, &["bo"], 1);
        body["steps"][0]["reassign"] = json!("administrators");
        let asked = Asked::under(&world, body.clone()).await;
        let stored = asked.cy.get(&format!("/api/v1/policies/{}", asked.policy)).await.ok();
        assert_eq!(stored["latest"]["body"]["steps"][0]["reassign"], "administrators", "{stored:#}");
        let shown = world.in_browser("cy").await;
        let shown = sound(shown.get(&format!("/policies/{}/edit", asked.policy)).await, 200);
        assert!(shown.contains("Policy Admins and Super Admins alone"));
        let request = asked.submit(60).await;
        let seen = asked.bo.get(&page(&request)).await.ok();
        assert!(!seen["may"].as_array().expect("verbs").contains(&json!("reassign")), "{seen:#}");
        asked.bo.post(&at(&request, "reassign"), to(&world, "eve")).await.refused(403, "not_handed_on");
        asked.cy.post(&at(&request, "reassign"), from(&world, "bo", "eve")).await.ok();
        world.as_user("eve").post(&at(&request, "deny"), json!({ "reason": "no" })).await.ok();
        world.settle().await;
        body["steps"][0]["reassign"] = json!("nobody");
        let place = format!("/api/v1/policies/{}/versions", asked.policy);
        asked.cy.post(&place, json!({ "body": body.clone() })).await.is(201);
        let request = asked.submit(60).await;
        asked.cy.post(&at(&request, "reassign"), from(&world, "bo", "eve")).await.refused(403, "not_handed_on");
        body["steps"][0]["reassign"] = json!("everybody");
        asked.cy.post(&place, json!({ "body": body })).await.refused(422, "invalid_value");
        world.settle().await;
    }

    async fn an_administrator_hands_on_their_own_place_where_it_is_left_to_administrators(world) {
        world.add_person("eve", &[]).await;
        let mut body = of(&world, &["cy"], 1);
        body["steps"][0]["reassign"] = json!("administrators");
        let asked = Asked::under(&world, body).await;
        let request = asked.submit(60).await;
        let place = format!("/requests/{}/reassign", request["id"].as_str().expect("an id"));
        let cy = world.in_browser("cy").await;
        let show = sound(cy.get(place.trim_end_matches("/reassign")).await, 200);
        assert!(show.contains(&place), "a link");
        let seen = asked.cy.post(&at(&request, "reassign"), to(&world, "eve")).await.ok();
        let handed = &seen["steps"][0]["handed"][0];
        assert_eq!(handed["from"]["id"], world.person("cy").id.to_string(), "theirs, not one more");
        assert_eq!(handed["administrator"], true);
        world.as_user("eve").post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn where_the_policy_wants_a_password_of_who_approves_it_wants_one_of_who_hands_on(world) {
        world.add_person("eve", &[]).await;
        let body = json!({ "steps": by_bo(&world), "max_duration_seconds": 14400, "step_up": "approving" });
        let asked = Asked::under(&world, body).await;
        let request = asked.submit(60).await;
        let hand = at(&request, "reassign");
        asked.bo.post(&hand, to(&world, "eve")).await.refused(403, "step_up_required");
        let bo = world.in_browser("bo").await;
        world.wall().advance(Span::minutes(6));
        bo.post(&hand, to(&world, "eve")).await.refused(403, "step_up_required");
        assert_eq!(gives(&bo, PASSWORD).await, 204);
        bo.post(&hand, to(&world, "eve")).await.ok();
        // It is wanted of who has it now as of everybody.
        world.as_user("eve").post(&at(&request, "approve"), json!({})).await.refused(403, "step_up_required");
        world.settle().await;
    }

    async fn of_two_at_once_one_hands_it_on_and_of_what_is_answered_nobody(world) {
        world.add_person("eve", &[]).await;
        world.add_person("fay", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let request = asked.submit(60).await;
        let hand = at(&request, "reassign");
        let again = world.as_user("bo");
        let (one, other) = tokio::join!(
            asked.bo.post(&hand, to(&world, "eve")),
            again.post(&hand, to(&world, "fay")),
        );
        let mut codes = [one.status.as_u16(), other.status.as_u16()];
        codes.sort_unstable();
        assert_eq!(codes, [200, 409], "the second finds it handed on");
        assert_eq!(asked.see(&request).await["steps"][0]["handed"].as_array().expect("a list").len(), 1);
        asked.ana.post(&at(&request, "cancel"), json!({})).await.ok();
        asked.cy.post(&hand, to(&world, "eve")).await.refused(409, "wrong_state");
        world.settle().await;
        assert_eq!(waiting_notices(&world.as_user("eve")).await, 0);
        assert_eq!(waiting_notices(&world.as_user("fay")).await, 0);
    }

    async fn it_holds_at_its_step_and_not_under_another_policy(world) {
        world.add_person("eve", &[]).await;
        let there = json!({ "steps": [{ "name": "Leads", "users": ids(&world, &["cy"]), "needed": 1 }], "max_duration_seconds": 14400 });
        let made = world.as_user("cy").post("/api/v1/policies", json!({ "name": "Leads", "body": there })).await.is(201).json();
        let mut body = of(&world, &["bo"], 1);
        body["steps"][0]["deadline"] = json!({ "after_seconds": 3600, "then": "other_policy", "policy": made["id"] });
        let asked = Asked::under(&world, body).await;
        let request = asked.submit(60).await;
        asked.bo.post(&at(&request, "reassign"), to(&world, "eve")).await.ok();
        world.advance(Span::minutes(61)).await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["waiting"]["step"], "Leads", "{seen:#}");
        let eve = world.as_user("eve");
        eve.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn a_delegate_hands_on_the_place_of_whom_they_decide_for(world) {
        world.add_person("eve", &[]).await;
        world.add_person("fay", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let until = (world.now() + Span::hours(48)).to_string();
        let to_eve = json!({ "delegate": world.person("eve").email, "ends_at": until });
        asked.bo.post("/api/v1/delegations", to_eve).await.is(201);
        let (eve, fay) = (world.as_user("eve"), world.as_user("fay"));
        let request = asked.submit(60).await;
        let seen = eve.post(&at(&request, "reassign"), to(&world, "fay")).await.ok();
        assert_eq!(seen["steps"][0]["handed"][0]["from"]["id"], world.person("bo").id.to_string());
        eve.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        fay.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn by_the_page_it_is_handed_on_and_back(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, of(&world, &["bo"], 1)).await;
        let request = asked.submit(60).await;
        let id = request["id"].as_str().expect("an id");
        let place = format!("/requests/{id}/reassign");
        let bo = world.in_browser("bo").await;
        let show = sound(bo.get(&format!("/requests/{id}")).await, 200);
        assert!(show.contains(&place), "a link");
        let form = sound(bo.get(&place).await, 200);
        assert!(!form.contains("Whose place"), "only administrators choose whose");
        let wrong = [("to", "nobody@acme.example"), ("reason", "on leave")];
        let wrong = sound(bo.form(&place, &wrong).await, 422);
        assert!(wrong.contains("nobody@acme.example") && wrong.contains("on leave"));
        let email = world.person("eve").email.clone();
        bo.form(&place, &[("to", email.as_str()), ("reason", "on leave")]).await.is(303);
        bo.get(&place).await.is(303);
        let eve = world.in_browser("eve").await;
        let form = sound(eve.get(&place).await, 200);
        let bos = world.person("bo").email.clone();
        assert!(form.contains(&bos), "back is the first thought");
        eve.form(&place, &[("to", bos.as_str()), ("reason", "not mine")]).await.is(303);
        let show = sound(bo.get(&format!("/requests/{id}")).await, 200);
        assert!(show.contains("handed on their place") && show.contains("not mine"));
        let cy = world.in_browser("cy").await;
        let form = sound(cy.get(&place).await, 200);
        assert!(form.contains("Whose place"));
        world.settle().await;
    }
}
