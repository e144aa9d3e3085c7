//! Who decides while people are away: by name of whoever decides, on record for whom, and never for
//! themselves.

use serde_json::{Value, json};
use stint_domain::Span;
use stint_testkit::{Door, World, both_engines};

use crate::forms::sound;
use crate::policies::{Asked, at, by_bo};

const ALL: &str = "/api/v1/delegations";

/// Lets somebody decide for `who` from now on, for two days.
async fn let_decide(world: &World, who: &str, delegate: &str) -> Value {
    let until = (world.now() + Span::hours(48)).to_string();
    let new =
        json!({ "delegate": world.person(delegate).email, "ends_at": until, "note": "on leave" });
    world.as_user(who).post(ALL, new).await.is(201).json()
}

fn two_of(world: &World, people: &[&str], needed: u32) -> Value {
    let ids: Vec<_> = people
        .iter()
        .map(|who| world.person(who).id.to_string())
        .collect();
    json!({ "steps": [{ "name": "Both", "users": ids, "needed": needed }], "max_duration_seconds": 14400 })
}

async fn end(door: &Door, it: &Value) -> Value {
    let id = it["id"].as_str().expect("an id");
    door.post(&format!("{ALL}/{id}/end"), json!({})).await.ok()
}

both_engines! {
    async fn a_delegate_decides_for_who_is_away_and_it_is_on_record_for_whom(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        let eve = world.as_user("eve");
        let made = let_decide(&world, "bo", "eve").await;
        assert_eq!((made["state"].as_str(), made["note"].as_str()), (Some("in_force"), Some("on leave")));
        world.settle().await;
        let told = eve.get("/api/v1/notices").await.ok();
        assert_eq!(told["items"][0]["kind"], "delegation", "{told:#}");
        assert!(told["items"][0]["title"].as_str().expect("words").contains("lets you decide for them"));

        let preview = asked.ana.post("/api/v1/requests/preview", asked.ask(60)).await.ok();
        let away = &preview["steps"][0]["approvers"][0]["away"];
        assert_eq!(away["delegate"]["id"], world.person("eve").id.to_string(), "{preview:#}");
        let request = asked.submit(60).await;
        world.settle().await;
        let waits = eve.get("/api/v1/approvals").await.ok();
        assert_eq!(waits["items"].as_array().expect("a list").len(), 1, "{waits:#}");
        let told = eve.get("/api/v1/notices?kind=approval_waiting").await.ok();
        assert_eq!(told["items"].as_array().expect("a list").len(), 1);
        let seen = eve.get(&format!("/api/v1/requests/{}", request["id"].as_str().expect("an id"))).await.ok();
        let who = seen["waiting"]["who"].as_array().expect("a list");
        let of = |name: &str| {
            let id = world.person(name).id.to_string();
            who.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{name} in {seen:#}"))
        };
        assert_eq!(of("eve")["on_behalf_of"]["id"], world.person("bo").id.to_string());
        assert_eq!(of("bo")["away"]["delegate"]["id"], world.person("eve").id.to_string());
        assert!(seen["may"].as_array().expect("verbs").contains(&json!("approve")));

        eve.post(&at(&request, "approve"), json!({ "comment": "known" })).await.ok();
        world.settle().await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "approved");
        let decision = &seen["steps"][0]["decisions"][0];
        assert_eq!(decision["by"]["id"], world.person("eve").id.to_string());
        assert_eq!(decision["on_behalf_of"]["id"], world.person("bo").id.to_string());
        let line = seen["timeline"].as_array().expect("a list").iter().find(|it| it["what"] == "request.decided");
        let line = line.expect("a line")["text"].as_str().expect("words");
        assert!(line.contains(" approved for ") && line.ends_with("“known”"), "{line}");
        let log = asked.cy.get("/api/v1/audit-events?action=request.decided").await.ok();
        assert_eq!(log["items"][0]["detail"]["on_behalf_of"], world.person("bo").id.to_string(), "{log:#}");
    }

    async fn a_delegate_and_who_delegated_count_as_one(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, two_of(&world, &["bo", "cy"], 2)).await;
        let eve = world.as_user("eve");
        let_decide(&world, "bo", "eve").await;
        let request = asked.submit(60).await;
        eve.post(&at(&request, "approve"), json!({})).await.ok();
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "decided_by_delegate");
        eve.post(&at(&request, "approve"), json!({})).await.refused(409, "already_decided");
        assert_eq!(asked.see(&request).await["waiting"]["still"], 1);
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        // The other way round.
        world.settle().await;
        world.advance(Span::hours(2)).await;
        let request = asked.submit(60).await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(eve.post(&at(&request, "approve"), json!({})).await.code(), "not_an_approver");
        world.settle().await;
    }

    async fn a_place_that_only_a_delegate_shares_is_not_two(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, two_of(&world, &["bo", "cy"], 2)).await;
        let_decide(&world, "bo", "eve").await;
        let request = asked.submit(60).await;
        assert_eq!(asked.see(&request).await["waiting"]["stuck"], false);
        let bo = world.person("bo").id;
        // Who delegated is nobody any more: neither they nor their delegate decide.
        asked.cy.post(&format!("/api/v1/users/{bo}/deactivate"), json!({})).await.ok();
        let seen = asked.see(&request).await;
        assert_eq!(seen["waiting"]["stuck"], true, "{seen:#}");
        let eve = world.as_user("eve");
        assert_eq!(eve.post(&at(&request, "approve"), json!({})).await.code(), "not_found");
        world.settle().await;
    }

    async fn a_delegate_of_who_asked_decides_on_nothing_of_theirs(world) {
        let asked = Asked::under(&world, two_of(&world, &["bo", "cy"], 1)).await;
        let given = let_decide(&world, "ana", "bo").await;
        world.clock().advance(Span::minutes(1));
        let request = asked.submit(60).await;
        let who = asked.see(&request).await["waiting"]["who"].clone();
        assert_eq!(who.as_array().expect("a list").len(), 1, "only Cy: {who:#}");
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(403, "delegate_of_requester");
        end(&asked.ana, &given).await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        // Written afterwards it hinders as well, and opens nothing to who stands in.
        world.advance(Span::hours(2)).await;
        let request = asked.submit(60).await;
        let_decide(&world, "ana", "bo").await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(403, "delegate_of_requester");
        let who = asked.see(&request).await["waiting"]["who"].clone();
        assert_eq!(who.as_array().expect("a list").len(), 1, "only Cy: {who:#}");
        // Nor does who asked decide by what an approver delegates to them.
        let_decide(&world, "cy", "ana").await;
        asked.ana.post(&at(&request, "approve"), json!({})).await.refused(403, "self_approval");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        // A no is nobody's own yes.
        world.advance(Span::hours(2)).await;
        let request = asked.submit(60).await;
        asked.bo.post(&at(&request, "deny"), json!({ "reason": "not today" })).await.ok();
        assert_eq!(asked.see(&request).await["state"], "denied");
        world.settle().await;
    }

    async fn who_decides_for_others_sees_what_waits_for_them_and_no_more_of_it_once_it_is_answered(world) {
        world.add_person("eve", &[]).await;
        world.add_person("fay", &[]).await;
        let asked = Asked::under(&world, two_of(&world, &["bo", "cy"], 1)).await;
        let (eve, fay) = (world.as_user("eve"), world.as_user("fay"));
        let_decide(&world, "bo", "eve").await;
        let_decide(&world, "cy", "fay").await;
        let request = asked.submit(60).await;
        let seen = format!("/api/v1/requests/{}", request["id"].as_str().expect("an id"));
        eve.get(&seen).await.ok();
        fay.get(&seen).await.ok();
        eve.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        eve.get(&seen).await.ok();
        assert_eq!(fay.get(&seen).await.code(), "not_found", "it waits for nobody they decide for");
        asked.bo.get(&seen).await.ok();
        let bo = world.person("bo").id;
        let log = asked.cy.get(&format!("/api/v1/audit-events?about={bo}&action=request.decided")).await.ok();
        assert_eq!(log["items"].as_array().expect("a list").len(), 1, "{log:#}");
    }

    async fn nobody_decides_by_a_delegation_they_wrote_down_themselves_afterwards(world) {
        let asked = Asked::under(&world, json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        let request = asked.submit(60).await;
        let until = (world.now() + Span::hours(48)).to_string();
        let new = json!({ "user": world.person("bo").id.to_string(), "delegate": world.person("cy").email, "ends_at": until });
        let made = asked.cy.post(ALL, new.clone()).await.is(201).json();
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "delegated_to_oneself");
        assert_eq!(asked.ana.post(ALL, new).await.code(), "forbidden");
        end(&asked.bo, &made).await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn it_counts_from_its_start_to_its_end_and_no_longer(world) {
        world.add_person("eve", &[]).await;
        let asked = Asked::under(&world, json!({ "steps": by_bo(&world), "max_duration_seconds": 14400 })).await;
        let eve = world.as_user("eve");
        let times = |from: i64, until: i64| json!({
            "delegate": world.person("eve").email,
            "starts_at": (world.now() + Span::hours(from)).to_string(),
            "ends_at": (world.now() + Span::hours(until)).to_string(),
        });
        let made = asked.bo.post(ALL, times(2, 4)).await.is(201).json();
        assert_eq!(made["state"], "planned");
        let first = asked.submit(60).await;
        let seen = format!("/api/v1/requests/{}", first["id"].as_str().expect("an id"));
        assert_eq!(eve.get(&seen).await.code(), "not_found", "it has not begun");
        world.clock().advance(Span::hours(2));
        eve.get(&seen).await.ok();
        world.clock().advance(Span::hours(2));
        assert_eq!(eve.get(&seen).await.code(), "not_found", "it is over");
        let list = asked.bo.get(ALL).await.ok();
        assert_eq!(list["items"][0]["state"], "over");
        assert_eq!(asked.bo.get(&format!("{ALL}?open=true")).await.ok()["items"], json!([]));

        let made = asked.bo.post(ALL, times(0, 24)).await.is(201).json();
        asked.bo.post(ALL, times(23, 30)).await.refused(409, "delegation_overlaps");
        asked.bo.post(ALL, times(24, 30)).await.is(201);
        eve.get(&seen).await.ok();
        let after = end(&eve, &made).await;
        assert_eq!(after["state"], "ended");
        assert_eq!(eve.get(&seen).await.code(), "not_found", "it was ended");
        assert_eq!(end(&eve, &made).await["ended_at"], after["ended_at"], "a second time changes nothing");
        world.settle().await;
        let told = eve.get("/api/v1/notices?state=new&kind=delegation").await.ok();
        assert_eq!(told["items"].as_array().expect("a list").len(), 1, "what is ended is settled: {told:#}");
    }

    async fn what_makes_no_sense_is_refused_in_words(world) {
        world.organize().await;
        let bo = world.as_user("bo");
        let until = (world.now() + Span::hours(8)).to_string();
        let ask = |delegate: &str, until: &str| json!({ "delegate": delegate, "ends_at": until });
        let cy = world.person("cy").email.clone();
        let past = (world.now() - Span::hours(1)).to_string();
        let far = (world.now() + Span::hours(24 * 400)).to_string();
        for (body, says) in [
            (ask("nobody@acme.example", &until), "Nobody active who may decide has this address"),
            // By its id a user without a say cannot look anybody up.
            (ask(&world.person("cy").id.to_string(), &until), "Nobody active who may decide"),
            (ask(&world.person("bo").email, &until), "choose somebody else"),
            (ask(&world.person("dee").email, &until), "Nobody active who may decide has this address"),
            (ask(&cy, &past), "not after the start"),
            (ask(&cy, &far), "at most 366 days"),
            (ask(&cy, "tomorrow"), "ends_at"),
        ] {
            let told = bo.post(ALL, body).await.refused(422, "invalid_value");
            let detail = told["detail"].as_str().expect("words");
            assert!(detail.contains(says), "{detail}");
        }
        // By the page: what was typed is kept.
        let page = world.in_browser("bo").await;
        let ends_at = (world.now() + Span::hours(30)).to_string();
        let form = [("delegate", "nobody@acme.example"), ("starts_at", ""), ("ends_at", &ends_at[..16]), ("note", "away")];
        let wrong = sound(page.form("/delegations/new", &form).await, 422);
        assert!(wrong.contains("nobody@acme.example") && wrong.contains("Nobody active who may decide"));
        let form = [("delegate", cy.as_str()), ("starts_at", ""), ("ends_at", &ends_at[..16]), ("note", "away")];
        page.form("/delegations/new", &form).await.is(303);
        let list = sound(page.get("/delegations").await, 200);
        assert!(list.contains("In force") && list.contains("You"), "{list}");
        let made = bo.get(ALL).await.ok()["items"][0].clone();
        let id = made["id"].as_str().expect("an id");
        page.form(&format!("/delegations/{id}/end"), &[]).await.is(303);
        assert!(sound(page.get("/delegations").await, 200).contains("Nobody decides for anybody else"));
        let file = page.get("/delegations?state=all&format=csv").await.is(200).text();
        assert!(file.contains(&cy) && file.contains("ended"), "{file}");
    }
}
