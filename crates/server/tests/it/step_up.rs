//! Step-up: a policy wants the password of whoever asks or approves, given moments before with the very
//! sign-in they do it with. Without it nothing changes, by whatever door.

use http::HeaderValue;
use serde_json::{Value, json};
use stint_domain::policy::{PolicyBody, Route, StepUp};
use stint_domain::{PolicyId, Span};
use stint_server::policies::{NewVersion, new_version};
use stint_testkit::{Door, World, both_engines};

use crate::emergency;
use crate::forms::{MARKUP, SHOWN, goes, send, sound};
use crate::policies::{Asked, at, by_bo};

const REQUESTS: &str = "/api/v1/requests";
const PROOF: &str = "/api/v1/sign-in/proof";
const DELEGATIONS: &str = "/api/v1/delegations";
/// What [`World::in_browser`] sets for whoever it signs in.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

async fn under(world: &World, step_up: &str) -> Asked {
    let body = json!({ "steps": by_bo(world), "max_duration_seconds": 14400, "step_up": step_up });
    Asked::under(world, body).await
}

/// Another sign-in of somebody whom [`World::in_browser`] signed in.
async fn another(world: &World, word: &str) -> Door {
    let body = json!({ "email": world.person(word).email, "password": PASSWORD });
    let answer = world
        .as_nobody()
        .post("/api/v1/sign-in", body)
        .await
        .is(200);
    let cookie = HeaderValue::try_from(answer.header("set-cookie")).expect("a cookie");
    world.as_nobody().browser(&cookie)
}

pub(crate) async fn gives(door: &Door, password: &str) -> u16 {
    let answer = door.post(PROOF, json!({ "password": password })).await;
    answer.status.as_u16()
}

/// That Eve decides from now on, for two days.
fn to_eve(world: &World) -> Value {
    let until = (world.now() + Span::hours(48)).to_string();
    json!({ "delegate": world.person("eve").email, "ends_at": until })
}

/// How many events of this action there are.
async fn events(asked: &Asked, action: &str) -> usize {
    let place = format!("/api/v1/audit-events?action={action}");
    let found = asked.cy.get(&place).await.ok();
    found["items"].as_array().expect("events").len()
}

fn of(request: &Value) -> String {
    format!("/requests/{}", request["id"].as_str().expect("an id"))
}

both_engines! {
    async fn who_approves_gives_their_password_moments_before_or_nothing_changes(world) {
        let asked = under(&world, "approving").await;
        // Of whoever asks nothing is wanted.
        let request = asked.submit(60).await;
        assert_eq!(request["step_up"], "approving");
        let approve = at(&request, "approve");
        let told = asked.bo.post(&approve, json!({})).await.refused(403, "step_up_required");
        assert!(told["detail"].as_str().expect("words").contains("an API token cannot give it"), "{told}");

        let bo = world.in_browser("bo").await;
        world.wall().advance(Span::minutes(5));
        let told = bo.post(&approve, json!({ "comment": "fine" })).await.refused(403, "step_up_required");
        assert!(told["detail"].as_str().expect("words").contains(PROOF), "{told}");
        // What was given with another sign-in of the same person is given with that one.
        let other = another(&world, "bo").await;
        bo.post(&approve, json!({})).await.refused(403, "step_up_required");
        assert_eq!(gives(&other, PASSWORD).await, 204);
        bo.post(&approve, json!({})).await.refused(403, "step_up_required");
        assert_eq!(gives(&bo, "not it").await, 422);
        bo.post(&approve, json!({})).await.refused(403, "step_up_required");
        let seen = asked.see(&request).await;
        assert_eq!((&seen["state"], &seen["version"]), (&json!("pending"), &request["version"]));
        assert_eq!(seen["steps"][0]["decisions"], json!([]), "nothing was decided");
        assert_eq!(events(&asked, "request.decided").await, 0);

        assert_eq!(gives(&bo, PASSWORD).await, 204);
        world.wall().advance(Span::seconds(299));
        bo.post(&approve, json!({ "comment": "fine" })).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        assert_eq!(events(&asked, "sign_in.proved").await, 2);
        assert_eq!(events(&asked, "sign_in.proof_refused").await, 1);
        let log = asked.cy.get("/api/v1/audit-events").await.ok().to_string();
        assert!(!log.contains(PASSWORD) && !log.contains("not it"), "{log}");
        world.settle().await;
    }

    async fn saying_no_and_taking_back_take_no_password(world) {
        let asked = under(&world, "both").await;
        let ana = world.in_browser("ana").await;
        let first = ana.post(REQUESTS, asked.ask(60)).await.is(201).json();
        let second = ana.post(REQUESTS, asked.ask(30)).await.is(201).json();
        world.wall().advance(Span::minutes(10));
        asked.bo.post(&at(&first, "deny"), json!({ "reason": "not now" })).await.ok();
        asked.ana.post(&at(&second, "cancel"), json!({})).await.ok();
        assert_eq!(asked.see(&first).await["state"], "denied");
        assert_eq!(asked.see(&second).await["state"], "cancelled");
        world.settle().await;
    }

    async fn a_delegate_gives_their_own(world) {
        world.add_person("eve", &[]).await;
        let asked = under(&world, "approving").await;
        let bo = world.in_browser("bo").await;
        let made = bo.post(DELEGATIONS, to_eve(&world)).await.is(201).json();
        assert_eq!(made["proved"], true);
        let request = asked.submit(60).await;
        // Bo has given his: that is not hers.
        world.as_user("eve").post(&at(&request, "approve"), json!({})).await.refused(403, "step_up_required");
        let eve = world.in_browser("eve").await;
        world.wall().advance(Span::minutes(5));
        eve.post(&at(&request, "approve"), json!({})).await.refused(403, "step_up_required");
        assert_eq!(gives(&eve, PASSWORD).await, 204);
        let seen = eve.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(seen["steps"][0]["decisions"][0]["by"]["id"], world.person("eve").id.to_string());
        world.settle().await;
    }

    async fn nobody_approves_by_a_delegation_made_without_a_password(world) {
        world.add_person("eve", &[]).await;
        let asked = under(&world, "approving").await;
        // Whoever stole Bo's token lets an accomplice decide.
        let made = asked.bo.post(DELEGATIONS, to_eve(&world)).await.is(201).json();
        assert_eq!(made["proved"], false);
        let request = asked.submit(60).await;
        let eve = world.in_browser("eve").await;
        let told = eve.post(&at(&request, "approve"), json!({})).await.refused(403, "delegation_unproved");
        assert!(told["detail"].as_str().expect("words").contains("make it anew"), "{told}");
        let form = format!("{}/approve", of(&request));
        let page = sound(eve.form(&form, &[("comment", MARKUP), ("back", "/approvals")]).await, 422);
        assert!(page.contains("make it anew") && page.contains(SHOWN), "{page}");
        assert_eq!(asked.see(&request).await["state"], "pending");
        // Where no password is wanted of approvers it counts as ever, and so does saying no.
        let list = sound(world.in_browser("bo").await.get("/delegations").await, 200);
        assert!(list.contains("Made without a password"), "{list}");
        let other = asked.submit(30).await;
        eve.post(&at(&other, "deny"), json!({ "reason": "not now" })).await.ok();

        // Made anew on the page, with the password.
        let id = made["id"].as_str().expect("an id");
        asked.bo.post(&format!("{DELEGATIONS}/{id}/end"), json!({})).await.ok();
        let bo = world.in_browser("bo").await;
        let place = "/delegations/new";
        let field = "name=\"password\"";
        assert!(!sound(bo.get(place).await, 200).contains(field), "given when signing in");
        world.wall().advance(Span::minutes(5));
        let page = sound(bo.get(place).await, 200);
        assert!(page.contains(field), "{page}");
        let until = (world.now() + Span::hours(48)).to_string();
        let typed = [("delegate", &*world.person("eve").email), ("starts_at", ""), ("ends_at", &until[..16]), ("note", MARKUP)];
        let wrong = [&typed[..], &[("password", "not it")]].concat();
        let wrong = sound(send(&bo, place, &page, &wrong).await, 422);
        assert!(wrong.contains("id=\"password-mistake\"") && wrong.contains(SHOWN), "{wrong}");
        goes(send(&bo, place, &wrong, &[("password", PASSWORD)]).await);
        let found = asked.bo.get(&format!("{DELEGATIONS}?open=true")).await.ok();
        assert_eq!(found["items"][0]["proved"], true, "{found}");
        assert_eq!(gives(&eve, PASSWORD).await, 204);
        eve.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn of_several_delegations_one_made_with_a_password_counts(world) {
        world.add_person("eve", &[]).await;
        let both = json!([{ "name": "Either", "needed": 1,
            "users": [world.person("bo").id.to_string(), world.person("cy").id.to_string()] }]);
        let body = json!({ "steps": both, "max_duration_seconds": 14400, "step_up": "approving" });
        let asked = Asked::under(&world, body).await;
        // Whichever of the two is looked at first.
        for (proved, other) in [("bo", "cy"), ("cy", "bo")] {
            let with = world.in_browser(proved).await.post(DELEGATIONS, to_eve(&world)).await.is(201).json();
            let without = world.as_user(other).post(DELEGATIONS, to_eve(&world)).await.is(201).json();
            let request = asked.submit(60).await;
            let eve = world.in_browser("eve").await;
            let seen = eve.post(&at(&request, "approve"), json!({})).await.ok();
            let whose = &seen["steps"][0]["decisions"][0]["on_behalf_of"]["id"];
            assert_eq!(*whose, world.person(proved).id.to_string());
            for (who, it) in [(proved, with), (other, without)] {
                let id = it["id"].as_str().expect("an id");
                world.as_user(who).post(&format!("{DELEGATIONS}/{id}/end"), json!({})).await.ok();
            }
        }
        world.settle().await;
    }

    async fn a_super_admin_sets_their_own_password_only_with_the_present_one(world) {
        let asked = under(&world, "no").await;
        let cy = world.in_browser("cy").await;
        let place = format!("/api/v1/users/{}", world.person("cy").id);
        let new = json!({ "password": "another horse battery" });
        for door in [&asked.cy, &cy] {
            let told = door.patch(&place, new.clone()).await.refused(422, "own_password");
            assert!(told["detail"].as_str().expect("words").contains("/api/v1/me/password"), "{told}");
        }
        let form = format!("/people/users/{}/password", world.person("cy").id);
        let page = sound(cy.form(&form, &[("password", "another horse battery")]).await, 422);
        assert!(page.contains("id=\"password-mistake\"") && page.contains("Change your password"), "{page}");
        let own = sound(cy.get(&format!("/people/users/{}", world.person("cy").id)).await, 200);
        assert!(own.contains("href=\"/account/password\"") && !own.contains(&form), "{own}");
        assert_eq!(gives(&cy, PASSWORD).await, 204, "it is the one before");
        // That of others, and their own with the present one, they set.
        let ana = format!("/api/v1/users/{}", world.person("ana").id);
        asked.cy.patch(&ana, new).await.ok();
        let change = json!({ "current": PASSWORD, "new": "another horse battery" });
        cy.put("/api/v1/me/password", change).await.is(204);
    }

    async fn who_is_not_signed_in_keeps_nobody_from_giving_theirs(world) {
        let asked = under(&world, "approving").await;
        let request = asked.submit(60).await;
        let bo = world.in_browser("bo").await;
        world.wall().advance(Span::minutes(5));
        let guess = json!({ "email": world.person("bo").email, "password": "not this one either" });
        for _ in 0..10 {
            world.as_nobody().post("/api/v1/sign-in", guess.clone()).await.refused(401, "sign_in_refused");
        }
        world.as_nobody().post("/api/v1/sign-in", guess.clone()).await.refused(429, "locked_out");
        // Nor does an address that is made up of an id.
        let odd = json!({ "email": format!("own{}", world.person("bo").id), "password": "not this one either" });
        for _ in 0..10 {
            world.as_nobody().post("/api/v1/sign-in", odd.clone()).await.refused(401, "sign_in_refused");
        }
        assert_eq!(gives(&bo, PASSWORD).await, 204);
        bo.post(&at(&request, "approve"), json!({})).await.ok();
        // Which forgives nothing of signing in.
        world.as_nobody().post("/api/v1/sign-in", guess).await.refused(429, "locked_out");
        world.settle().await;
    }

    async fn who_asks_gives_theirs_once_together_for_another_and_to_extend(world) {
        let asked = under(&world, "asking").await;
        let together = json!({ "items": [asked.ask(60)] });
        let mut for_ana = asked.ask(60);
        for_ana["beneficiary"] = json!(world.person("ana").id.to_string());
        asked.ana.post(REQUESTS, asked.ask(60)).await.refused(403, "step_up_required");
        asked.ana.post("/api/v1/submissions", together.clone()).await.refused(403, "step_up_required");
        asked.cy.post(REQUESTS, for_ana.clone()).await.refused(403, "step_up_required");
        // What else is wrong is said first, and what one may not ask for is not there.
        let mut long = asked.ask(60);
        long["duration_seconds"] = json!(999_999);
        asked.ana.post(REQUESTS, long.clone()).await.refused(422, "duration_over_policy");
        let both = json!({ "items": [asked.ask(60), long] });
        asked.ana.post("/api/v1/submissions", both).await.refused(422, "items_refused");
        let seen = asked.ana.post("/api/v1/requests/preview", asked.ask(60)).await.ok();
        assert_eq!((&seen["step_up"], &seen["verdict"]), (&json!("asking"), &json!("needs_approval")));

        let ana = world.in_browser("ana").await;
        world.wall().advance(Span::minutes(5));
        ana.post(REQUESTS, asked.ask(60)).await.refused(403, "step_up_required");
        ana.post("/api/v1/submissions", together.clone()).await.refused(403, "step_up_required");
        assert_eq!(asked.ana.get(REQUESTS).await.ok()["items"], json!([]), "nothing was asked");
        assert_eq!(events(&asked, "request.submitted").await, 0);
        assert_eq!(gives(&ana, PASSWORD).await, 204);
        let request = ana.post(REQUESTS, asked.ask(60)).await.is(201).json();
        ana.post("/api/v1/submissions", together).await.is(201);
        // Whoever approves is asked for nothing.
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        let grant = asked.see(&request).await["grants"][0]["id"].as_str().expect("a grant").to_owned();
        let extend = format!("/api/v1/grants/{grant}/extend");
        asked.ana.post(&extend, json!({})).await.refused(403, "step_up_required");
        world.wall().advance(Span::minutes(5));
        ana.post(&extend, json!({})).await.refused(403, "step_up_required");
        assert_eq!(asked.see(&request).await["extension"], Value::Null);
        assert_eq!(gives(&ana, PASSWORD).await, 204);
        ana.post(&extend, json!({})).await.is(201);
        // For another: whoever asks, not who would hold it.
        let cy = world.in_browser("cy").await;
        cy.post(REQUESTS, for_ana).await.is(201);
    }

    async fn who_raises_gives_theirs_where_the_policy_for_emergencies_wants_it(world) {
        world.add_person("eve", &[]).await;
        let asked = under(&world, "no").await;
        let security = world.group("Security", &["eve"]).await;
        let hour = Span::hours(1);
        let policy = emergency::policy(&world, "now", Route::AutoApprove, hour, security).await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let now = stint_server::policies::current(&mut q, policy).await.expect("read").expect("a policy");
        drop(q);
        let body = PolicyBody { step_up: StepUp::Asking, ..now.body };
        let new = NewVersion { body, note: String::new() };
        new_version(&world.cx("cy"), policy, new, None).await.expect("written");
        let ordinary: PolicyId = asked.policy.parse().expect("an id");
        emergency::terms(&world, asked.what.parse().expect("an id"), ordinary, Some(policy)).await;
        let mut at_once = asked.ask(60);
        at_once["emergency"] = json!(true);
        asked.ana.post(REQUESTS, at_once.clone()).await.refused(403, "step_up_required");

        let waits = asked.submit(60).await;
        assert_eq!(waits["step_up"], Value::Null, "the ordinary policy wants none");
        asked.ana.post(&at(&waits, "raise"), json!({})).await.refused(403, "step_up_required");
        assert_eq!(asked.see(&waits).await["state"], "pending", "it waits on");
        let ana = world.in_browser("ana").await;
        let place = format!("{}/raise", of(&waits));
        let page = sound(ana.get(&place).await, 200);
        assert!(!page.contains("name=\"password\""), "she has just given it: {page}");
        world.wall().advance(Span::minutes(5));
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("name=\"password\""), "{page}");
        let wrong = sound(send(&ana, &place, &page, &[("reason", MARKUP)]).await, 422);
        assert!(wrong.contains("id=\"password-mistake\"") && wrong.contains(SHOWN), "{wrong}");
        let wrong = sound(send(&ana, &place, &wrong, &[("password", "not it")]).await, 422);
        assert!(wrong.contains("id=\"password-mistake\"") && !wrong.contains("not it"), "{wrong}");
        let to = goes(send(&ana, &place, &wrong, &[("password", PASSWORD)]).await);
        assert!(sound(ana.get(&to).await, 200).contains("Emergency"));
        assert_eq!(asked.see(&waits).await["state"], "cancelled");
        world.settle().await;
    }

    async fn a_new_password_makes_what_was_given_void(world) {
        let asked = under(&world, "approving").await;
        let request = asked.submit(60).await;
        let approve = at(&request, "approve");
        let bo = world.in_browser("bo").await;
        let change = json!({ "current": PASSWORD, "new": "another horse battery" });
        bo.put("/api/v1/me/password", change).await.is(204);
        bo.post(&approve, json!({})).await.refused(403, "step_up_required");
        assert_eq!(gives(&bo, PASSWORD).await, 422, "that was the one before");
        assert_eq!(gives(&bo, "another horse battery").await, 204);
        bo.post(&approve, json!({})).await.ok();
        world.settle().await;
    }

    async fn wrong_ones_lock_out_like_failed_sign_ins(world) {
        let asked = under(&world, "approving").await;
        let bo = world.in_browser("bo").await;
        // Guessed at the form of a decision as well.
        let request = asked.submit(60).await;
        let form = format!("{}/approve", of(&request));
        for n in 0..10 {
            if n % 2 == 0 {
                assert_eq!(gives(&bo, "not it").await, 422, "{n}");
            } else {
                bo.form(&form, &[("password", "not it"), ("comment", "")]).await.is(422);
            }
        }
        let locked = bo.post(PROOF, json!({ "password": PASSWORD })).await;
        assert_eq!(locked.header("retry-after"), "61");
        locked.refused(429, "locked_out");
        let page = bo.form(&form, &[("password", PASSWORD)]).await.is(422).text();
        assert!(page.contains("Too many wrong passwords"), "{page}");
        // With whatever sign-in of theirs, and to change it as well; signing in itself is counted apart.
        let other = another(&world, "bo").await;
        other.post(PROOF, json!({ "password": PASSWORD })).await.refused(429, "locked_out");
        let change = json!({ "current": PASSWORD, "new": "another horse battery" });
        other.put("/api/v1/me/password", change).await.refused(429, "locked_out");
        assert_eq!(asked.see(&request).await["state"], "pending");
        world.wall().advance(Span::minutes(1));
        assert_eq!(gives(&bo, PASSWORD).await, 204);
        // Right: the count begins anew.
        assert_eq!(gives(&bo, "not it").await, 422);
        assert_eq!(gives(&bo, PASSWORD).await, 204);
    }

    async fn a_token_gives_none_nor_does_nobody(world) {
        let asked = under(&world, "approving").await;
        asked.bo.post(PROOF, json!({ "password": PASSWORD })).await.refused(403, "token_proof");
        world.as_nobody().post(PROOF, json!({ "password": PASSWORD })).await.refused(401, "not_signed_in");
        assert_eq!(events(&asked, "sign_in.proved").await, 0);
        assert_eq!(events(&asked, "sign_in.proof_refused").await, 0);
    }

    async fn the_buttons_of_an_approver_ask_for_it_and_go_on_with_what_was_meant(world) {
        let asked = under(&world, "approving").await;
        let request = asked.submit(60).await;
        let bo = world.in_browser("bo").await;
        let field = "name=\"password\"";
        for place in ["/approvals".to_owned(), of(&request)] {
            assert!(!sound(bo.get(&place).await, 200).contains(field), "given when signing in");
        }
        world.wall().advance(Span::minutes(5));
        for place in ["/approvals".to_owned(), of(&request)] {
            let page = sound(bo.get(&place).await, 200);
            assert!(page.contains(field), "{place}: {page}");
            let form = format!("{}/approve", of(&request));
            let wrong = sound(send(&bo, &form, &page, &[("comment", MARKUP)]).await, 422);
            assert!(wrong.contains("this policy wants it again") && wrong.contains(SHOWN), "{wrong}");
            let typed = [("password", "not it"), ("comment", MARKUP)];
            let wrong = sound(send(&bo, &form, &page, &typed).await, 422);
            assert!(wrong.contains("The current password is wrong") && wrong.contains(SHOWN), "{wrong}");
            assert!(!wrong.contains("value=\"not it\""), "a password is never sent back: {wrong}");
        }
        assert_eq!(asked.see(&request).await["state"], "pending");
        let page = sound(bo.get(&of(&request)).await, 200);
        assert!(page.contains("given again by whoever approves"), "{page}");
        let form = format!("{}/approve", of(&request));
        goes(send(&bo, &form, &page, &[("password", PASSWORD), ("comment", "known")]).await);
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "approved");
        assert_eq!(seen["steps"][0]["decisions"][0]["comment"], "known");
        world.settle().await;
    }

    async fn of_a_long_list_the_card_that_was_wrong_is_shown_again(world) {
        let asked = under(&world, "approving").await;
        let mut all = Vec::new();
        for _ in 0..21 {
            all.push(asked.submit(60).await);
        }
        let bo = world.in_browser("bo").await;
        world.wall().advance(Span::minutes(5));
        // A page has 20 cards: one of the two is on the second.
        for request in [&all[0], &all[20]] {
            let form = format!("{}/approve", of(request));
            for password in ["", "not it"] {
                let typed = [("comment", MARKUP), ("password", password), ("back", "/approvals?cursor=x")];
                let wrong = sound(bo.form(&form, &typed).await, 422);
                assert!(wrong.contains(SHOWN) && wrong.contains("name=\"password\""), "{wrong}");
                let id = request["id"].as_str().expect("an id");
                assert!(wrong.contains(&format!("id=\"password-mistake-{id}\"")), "{wrong}");
            }
        }
    }

    async fn a_draft_that_wants_passwords_answers_otherwise(world) {
        let asked = under(&world, "no").await;
        asked.submit(60).await;
        let place = format!("/api/v1/policies/{}/replay", asked.policy);
        let draft = |body: Value| json!({ "days": 7, "body": body });
        let by = |word: &str| draft(json!({ "steps": by_bo(&world), "max_duration_seconds": 14400, "step_up": word }));
        let found = asked.cy.post(&place, by("no")).await.ok();
        assert_eq!((&found["changed"], &found["same"]), (&json!(0), &json!(1)), "{found}");
        for (word, when) in [("asking", "asks"), ("approving", "approves")] {
            let found = asked.cy.post(&place, by(word)).await.ok();
            assert_eq!((&found["changed"], &found["same"]), (&json!(1), &json!(0)), "{found}");
            let said = &found["examples"][0];
            let after = format!("1 of Bo, with the password given again by whoever {when}");
            assert_eq!((&said["before"], &said["after"]), (&json!("1 of Bo"), &json!(after)));
        }
        let at_once = json!({ "auto_approve": true, "max_duration_seconds": 14400, "step_up": "both" });
        let found = asked.cy.post(&place, draft(at_once)).await.ok();
        let after = "approved at once, with the password given again by whoever asks";
        assert_eq!(found["examples"][0]["after"], after, "nobody approves");
    }

    async fn the_forms_of_who_asks_ask_for_it_and_keep_what_was_typed(world) {
        let asked = under(&world, "asking").await;
        let ana = world.in_browser("ana").await;
        let form = format!("/request/{}", asked.what);
        let field = "id=\"password\"";
        let page = sound(ana.get(&form).await, 200);
        assert!(!page.contains(field) && page.contains("You give your password again"), "{page}");
        world.wall().advance(Span::minutes(5));
        let page = sound(ana.get(&form).await, 200);
        assert!(page.contains(field), "{page}");
        let typed = [("duration", "3600"), ("reason", MARKUP)];
        let wrong = sound(send(&ana, &form, &page, &typed).await, 422);
        assert!(wrong.contains("id=\"password-mistake\"") && wrong.contains(SHOWN), "{wrong}");
        let wrong = sound(send(&ana, &form, &wrong, &[("password", "not it")]).await, 422);
        assert!(wrong.contains("The current password is wrong") && wrong.contains(SHOWN), "{wrong}");
        let place = goes(send(&ana, &form, &wrong, &[("password", PASSWORD)]).await);
        assert!(sound(ana.get(&place).await, 200).contains(SHOWN), "asked with the words that were typed");

        // Several at once.
        world.wall().advance(Span::minutes(5));
        let page = sound(ana.form("/request", &[("what", &*asked.what)]).await, 200);
        assert!(page.contains(field), "{page}");
        let typed = [("length", "1"), ("length.unit", "hours"), ("reason", "together")];
        let wrong = sound(send(&ana, "/request", &page, &typed).await, 422);
        assert!(wrong.contains("id=\"password-mistake\"") && wrong.contains("together"), "{wrong}");
        goes(send(&ana, "/request", &wrong, &[("password", PASSWORD)]).await);

        // Going on: by one click it leads to a form of its own.
        let id = place.trim_start_matches("/requests/").to_owned();
        asked.bo.post(&format!("{REQUESTS}/{id}/approve"), json!({})).await.ok();
        world.settle().await;
        let seen = asked.cy.get(&format!("{REQUESTS}/{id}")).await.ok();
        let grant = seen["grants"][0]["id"].as_str().expect("a grant").to_owned();
        world.wall().advance(Span::minutes(5));
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("name=\"password\""), "{page}");
        let extend = format!("/grants/{grant}/extend");
        let typed = [("back", place.as_str()), ("length", "2"), ("length.unit", "hours"), ("reason", MARKUP)];
        let wrong = sound(ana.form(&extend, &typed).await, 422);
        assert!(wrong.contains("id=\"password-mistake\"") && wrong.contains(SHOWN), "{wrong}");
        assert!(wrong.contains("value=\"2\""), "{wrong}");
        let to = goes(send(&ana, &extend, &wrong, &[("password", PASSWORD)]).await);
        assert!(sound(ana.get(&to).await, 200).contains(SHOWN));
    }

    async fn ones_own_page_takes_it_and_leads_back(world) {
        let asked = under(&world, "approving").await;
        let request = asked.submit(60).await;
        let bo = world.in_browser("bo").await;
        world.wall().advance(Span::minutes(5));
        let account = sound(bo.get("/account").await, 200);
        assert!(account.contains("href=\"/account/proof?back=/account\""), "{account}");
        let place = "/account/proof?back=/approvals";
        let page = sound(bo.get(place).await, 200);
        let wrong = sound(send(&bo, place, &page, &[("password", "not it")]).await, 422);
        assert!(wrong.contains("id=\"password-mistake\""), "{wrong}");
        assert_eq!(goes(send(&bo, place, &page, &[("password", PASSWORD)]).await), "/approvals");
        bo.post(&at(&request, "approve"), json!({})).await.ok();
        // Nowhere else than here.
        let away = "/account/proof?back=//evil.example";
        let page = sound(bo.get(away).await, 200);
        assert_eq!(goes(send(&bo, away, &page, &[("password", PASSWORD)]).await), "/");
        crate::forms::refused_from_elsewhere(&bo, "/account/proof").await;
        world.settle().await;
    }

    async fn a_rule_wants_more_or_less_than_its_policy_and_the_version_is_pinned(world) {
        let body = json!({ "steps": by_bo(&world), "max_duration_seconds": 14400, "step_up": "both",
            "rules": [
                { "name": "Short", "when": "context.minutes <= 30", "steps": by_bo(&world), "step_up": "no" },
                { "name": "An hour", "when": "context.minutes <= 60", "steps": by_bo(&world), "step_up": "approving" },
                { "name": "Two", "when": "context.minutes <= 120", "steps": by_bo(&world) },
            ] });
        let asked = Asked::under(&world, body).await;
        let cy = &asked.cy;
        let policy = format!("/api/v1/policies/{}", asked.policy);
        let seen = cy.get(&policy).await.ok();
        assert_eq!(seen["latest"]["body"]["step_up"], "both");
        let rules: Vec<_> = (0..3).map(|n| seen["latest"]["body"]["rules"][n]["step_up"].clone()).collect();
        assert_eq!(rules, [json!("no"), json!("approving"), Value::Null]);

        let short = asked.submit(30).await;
        assert_eq!(short["step_up"], Value::Null);
        asked.bo.post(&at(&short, "approve"), json!({})).await.ok();
        let hour = asked.submit(60).await;
        asked.bo.post(&at(&hour, "approve"), json!({})).await.refused(403, "step_up_required");
        for minutes in [120, 180] {
            asked.ana.post(REQUESTS, asked.ask(minutes)).await.refused(403, "step_up_required");
        }
        // What if somebody asked.
        let ask = |minutes: i64| json!({ "user": world.person("ana").id.to_string(), "entitlement": asked.what,
            "duration_seconds": minutes * 60 });
        for (minutes, said) in [(30, Value::Null), (60, json!("approving")), (120, json!("both")), (180, json!("both"))] {
            let found = cy.post("/api/v1/policies/dry-run", ask(minutes)).await.ok();
            assert_eq!(found["step_up"], said, "{minutes}");
        }
        // A new version that wants nothing changes nothing about what waits.
        let new = json!({ "body": { "steps": by_bo(&world), "max_duration_seconds": 14400 } });
        cy.post(&format!("{policy}/versions"), new).await.is(201);
        asked.bo.post(&at(&hour, "approve"), json!({})).await.refused(403, "step_up_required");
        assert_eq!(asked.submit(180).await["step_up"], Value::Null);
        let bad = json!({ "name": "Odd", "body": { "auto_approve": true, "max_duration_seconds": 60, "step_up": "always" } });
        let told = cy.post("/api/v1/policies", bad).await.refused(422, "invalid_value");
        assert!(told["detail"].as_str().expect("words").starts_with("step_up: "), "{told}");
        world.settle().await;
    }

    async fn the_form_of_a_policy_says_it_and_tells_it_in_words(world) {
        let asked = under(&world, "approving").await;
        let browser = world.in_browser("cy").await;
        let edit = format!("/policies/{}/edit", asked.policy);
        let page = sound(browser.get(&edit).await, 200);
        assert!(page.contains("value=\"approving\" checked"), "{page}");
        let look = [("step_up", "both"), ("do", "look")];
        let told = sound(send(&browser, &edit, &page, &look).await, 200);
        assert!(told.contains("given again by whoever asks, and by whoever approves"), "{told}");
        let rule = sound(send(&browser, &edit, &page, &[("do", "rules.add")]).await, 200);
        assert!(rule.contains("id=\"rule0.step_up-policy\""), "{rule}");
        let typed = [("rule0.name", "Short"), ("rule0.when", "context.minutes < 5"), ("rule0.route", "auto"), ("rule0.step_up", "asking")];
        goes(send(&browser, &edit, &rule, &typed).await);
        let seen = asked.cy.get(&format!("/api/v1/policies/{}", asked.policy)).await.ok();
        let body = &seen["latest"]["body"];
        assert_eq!((&body["step_up"], &body["rules"][0]["step_up"]), (&json!("approving"), &json!("asking")));
        // What is none of the words of the field, or was not sent, is never taken for No.
        let page = sound(browser.get(&edit).await, 200);
        for word in ["", "always", "policy"] {
            let wrong = sound(send(&browser, &edit, &page, &[("step_up", word)]).await, 422);
            assert!(wrong.contains("id=\"step_up-mistake\""), "{word}: {wrong}");
        }
        for word in ["", "always"] {
            let wrong = sound(send(&browser, &edit, &page, &[("rule0.step_up", word)]).await, 422);
            assert!(wrong.contains("id=\"rule0.step_up-mistake\""), "{word}: {wrong}");
        }
        goes(send(&browser, &edit, &page, &[("rule0.step_up", "policy")]).await);
        let seen = asked.cy.get(&format!("/api/v1/policies/{}", asked.policy)).await.ok();
        let body = &seen["latest"]["body"];
        assert_eq!((&body["step_up"], &body["rules"][0]["step_up"]), (&json!("approving"), &Value::Null));
    }
}
