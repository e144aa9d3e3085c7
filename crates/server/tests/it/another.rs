//! Asking for somebody else: by their manager and by Super Admins, for what the other may ask for
//! themselves; decided by neither of the two; and nothing said about anybody else.

use serde_json::{Value, json};
use stint_domain::Span;
use stint_domain::policy::Route;
use stint_testkit::{Door, World, both_engines};

use crate::emergency;
use crate::forms::{goes, send, sound};
use crate::pages::said;
use crate::policies::{Asked, at, by_bo};

const REQUESTS: &str = "/api/v1/requests";

/// Mia is Ana's manager, is in the audience of nothing and nobody in AWS.
struct Scene {
    asked: Asked,
    mia: Door,
    ana: String,
}

impl Scene {
    async fn set(world: &mut World, body: impl Fn(&World) -> Value) -> Self {
        world.add_person("mia", &[]).await;
        let body = body(world);
        let asked = Asked::under(world, body).await;
        let ana = world.person("ana").id.to_string();
        let scene = Self {
            mia: world.as_user("mia"),
            asked,
            ana,
        };
        scene.managed(world, Some("mia")).await;
        scene
    }

    /// Who Ana's manager is from now on.
    async fn managed(&self, world: &World, by: Option<&str>) {
        let by = by.map(|word| world.person(word).id.to_string());
        let place = format!("/api/v1/users/{}", self.ana);
        let manager = json!({ "manager": by.unwrap_or_default() });
        self.asked.cy.patch(&place, manager).await.ok();
    }

    fn body(&self, whom: &str) -> Value {
        let mut body = self.asked.ask(60);
        body["beneficiary"] = json!(whom);
        body
    }

    async fn submit(&self) -> Value {
        let body = self.body(&self.ana);
        self.mia.post(REQUESTS, body).await.is(201).json()
    }
}

fn by_them(world: &World) -> Value {
    let users = ["ana", "mia", "bo"].map(|word| world.person(word).id.to_string());
    json!([{ "name": "Any", "users": users }])
}

fn at_once(_: &World) -> Value {
    json!({ "auto_approve": true, "max_duration_seconds": 14400 })
}

fn of_bo(world: &World) -> Value {
    json!({ "steps": by_bo(world), "max_duration_seconds": 14400 })
}

async fn ids(door: &Door, path: &str) -> Vec<String> {
    let page = door.get(path).await.ok();
    let items = page["items"].as_array().expect("a list").iter();
    items
        .map(|it| it["id"].as_str().expect("an id").to_owned())
        .collect()
}

both_engines! {
    async fn a_manager_asks_for_theirs_who_are_told_hold_it_and_give_it_back(world) {
        let body = |world: &World| json!({ "steps": by_them(world), "max_duration_seconds": 14400 });
        let scene = Scene::set(&mut world, body).await;
        let asked = &scene.asked;
        // For whom: those whose manager one is; everybody, for a Super Admin; nobody, for others.
        let people = "/api/v1/requests/people";
        assert_eq!(ids(&scene.mia, people).await, vec![scene.ana.clone()]);
        assert_eq!(ids(&scene.mia, &format!("{people}?q=nobody")).await, Vec::<String>::new());
        assert!(ids(&asked.bo, people).await.is_empty());
        let all = ids(&asked.cy, people).await;
        assert!(all.contains(&scene.ana) && !all.contains(&world.person("cy").id.to_string()), "nobody but others");

        // What the other may ask for, though it is in none of one's own catalogs.
        let of_ana = format!("/api/v1/offers?beneficiary={}", scene.ana);
        assert_eq!(scene.mia.get("/api/v1/offers").await.ok()["total"], 0);
        assert_eq!(scene.mia.get(&of_ana).await.ok()["total"], 1);
        let one = format!("/api/v1/offers/{}", asked.what);
        scene.mia.get(&one).await.refused(404, "not_found");
        scene.mia.get(&format!("{one}?beneficiary={}", scene.ana)).await.ok();
        asked.bo.get(&of_ana).await.refused(404, "not_found");
        assert_eq!(asked.cy.get(&of_ana).await.ok()["total"], 1);

        // Neither of the two decides, both by name among the approvers; the preview says so.
        let probe = json!({ "entitlement": asked.what, "beneficiary": scene.ana });
        let seen = scene.mia.post("/api/v1/requests/preview", probe).await.ok();
        assert_eq!((seen["beneficiary"]["id"].as_str(), seen["verdict"].as_str()), (Some(&*scene.ana), Some("needs_approval")));
        let hindered = seen["steps"][0]["approvers"].as_array().expect("a list").iter()
            .filter(|it| it["hindrance"] == "own_request").count();
        assert_eq!(hindered, 2, "{seen:#}");
        let request = scene.submit().await;
        assert_eq!(request["requester"]["name"], "Mia Example");
        assert_eq!(request["beneficiary"]["id"], json!(scene.ana));
        for door in [&scene.mia, &asked.ana] {
            door.post(&at(&request, "approve"), json!({})).await.refused(403, "self_approval");
            assert!(ids(door, "/api/v1/approvals").await.is_empty());
        }
        world.settle().await;
        let told = asked.ana.get("/api/v1/notices?kind=asked_for_me").await.ok();
        assert_eq!(told["items"][0]["title"], "Mia Example asks for prod-admin on prod-payments for you", "{told:#}");
        let told = asked.bo.get("/api/v1/notices?kind=approval_waiting").await.ok();
        assert!(told["items"][0]["title"].as_str().expect("words").ends_with(" for Ana Moreno"), "{told:#}");

        // Both find it among theirs, and everybody by either name; it says who asked for whom.
        for (word, door) in [("mia", &scene.mia), ("ana", &asked.ana)] {
            assert_eq!(ids(door, REQUESTS).await.len(), 1);
            let page = sound(world.in_browser(word).await.get("/requests").await, 200);
            assert!(page.contains("asked by Mia Example for Ana Moreno"), "{page}");
        }
        for word in ["mia", "moreno"] {
            assert_eq!(ids(&asked.cy, &format!("{REQUESTS}/all?q={word}")).await.len(), 1, "{word}");
        }
        let bo = world.in_browser("bo").await;
        let page = sound(bo.get("/approvals").await, 200);
        assert!(page.contains("<b>Mia Example</b> asks for") && page.contains("<dt>For</dt><dd>Ana Moreno"), "{page}");
        let csv = world.in_browser("cy").await.get("/requests?show=all&format=csv").await.text();
        assert!(csv.contains("Asked by,E-mail,For,") && csv.contains("Mia Example,mia@acme.example,Ana Moreno,"), "{csv}");
        let events = asked.cy.get(&format!("/api/v1/audit-events?subject={}", scene.ana)).await.ok();
        let found = events["items"].as_array().expect("a list").iter().find(|it| it["action"] == "request.submitted");
        assert_eq!(found.expect("on record")["detail"]["beneficiary"], json!(scene.ana));

        // It is the other's access, by their own identity in AWS, and theirs to give back.
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        assert_eq!(ids(&asked.ana, "/api/v1/grants/mine").await.len(), 1);
        assert!(ids(&scene.mia, "/api/v1/grants/mine").await.is_empty());
        asked.ana.post(&at(&request, "return"), json!({})).await.ok();
        // And a question is theirs to take back, as long as nobody has answered it.
        let request = scene.submit().await;
        asked.ana.post(&at(&request, "cancel"), json!({})).await.ok();
    }

    async fn of_others_one_learns_nothing_by_asking_for_them(world) {
        let scene = Scene::set(&mut world, at_once).await;
        let asked = &scene.asked;
        let bo = world.person("bo").id.to_string();
        let absent = format!("usr_{}1", "0".repeat(25));
        let hidden = world.person("mia").id.to_string();
        let knock = async |id: &str, door: usize| {
            let body = scene.body(id);
            let several = json!({ "items": [body] });
            let probe = json!({ "entitlement": asked.what, "beneficiary": id });
            let browser = world.in_browser("mia").await;
            let what = &asked.what;
            let fields = [("beneficiary", id), ("duration", "3600"), ("reason", "release")];
            let _ = world.app().db.recorded();
            match door {
                0 => scene.mia.post(REQUESTS, body).await,
                1 => scene.mia.post("/api/v1/requests/preview", probe).await,
                2 => scene.mia.post("/api/v1/submissions", several).await,
                3 => scene.mia.get(&format!("/api/v1/offers?beneficiary={id}")).await,
                4 => scene.mia.get(&format!("/api/v1/offers/{what}?beneficiary={id}")).await,
                5 => browser.get(&format!("/request?beneficiary={id}")).await,
                6 => browser.get(&format!("/request/{what}?beneficiary={id}")).await,
                _ => browser.form(&format!("/request/{what}"), &fields).await,
            }
        };
        world.app().db.record();
        let told = async |id: &str, door: usize| {
            // The first time may note when somebody was last there.
            knock(id, door).await;
            let answer = knock(id, door).await;
            let done = world.app().db.recorded();
            let mut text = format!("{} {}", answer.status, answer.text());
            for word in ["request-id", "x-request-id"] {
                let header = answer.header(word);
                if !header.is_empty() {
                    text = text.replace(&header, "");
                }
            }
            (text.replace(id, "<id>"), done)
        };
        for door in 0..8 {
            let (there, statements) = told(&bo, door).await;
            let (nobody, same) = told(&absent, door).await;
            assert_eq!(there, nobody, "door {door}");
            assert_eq!(statements, same, "door {door}");
            if door != 2 {
                assert!(there.starts_with("404"), "door {door}: {there}");
            }
        }
        // Who is not active is nobody, to a Super Admin too.
        asked.cy.post(&format!("/api/v1/users/{hidden}/deactivate"), json!({})).await.ok();
        asked.cy.post(REQUESTS, scene.body(&hidden)).await.refused(404, "not_found");
        assert_eq!(asked.cy.get(&format!("{REQUESTS}/all")).await.ok()["items"], json!([]), "nothing was asked");
        assert!(!ids(&asked.cy, "/api/v1/requests/people").await.contains(&hidden));
    }

    async fn what_the_other_may_not_ask_for_is_not_asked_for_them(world) {
        let scene = Scene::set(&mut world, at_once).await;
        let asked = &scene.asked;
        // Cy sees it, and asks for Mia, who is in no audience: it does not exist for her.
        let mia = world.person("mia").id.to_string();
        asked.cy.get(&format!("/api/v1/offers/{}", asked.what)).await.ok();
        asked.cy.post(REQUESTS, scene.body(&mia)).await.refused(404, "not_found");
        let place = format!("/request/{}?beneficiary={mia}", asked.what);
        let cy = world.in_browser("cy").await;
        let away = cy.get(&place).await;
        let there = format!("/request?beneficiary={mia}");
        assert_eq!(away.header("location"), there);
        assert!(said(&cy, away).await.contains("That is in none of their catalogs"));
        let page = sound(cy.get(&there).await, 200);
        assert!(page.contains("There is nothing Mia Example may ask for yet"), "{page}");

        // In the audience, and nobody in AWS: said of her, not of who asks.
        let groups = asked.cy.get("/api/v1/groups?q=everyone").await.ok();
        let everyone = groups["items"][0]["id"].as_str().expect("an id").to_owned();
        asked.cy.post(&format!("/api/v1/groups/{everyone}/members"), json!({ "user_id": mia })).await.ok();
        let told = asked.cy.post(REQUESTS, scene.body(&mia)).await.refused(422, "no_linked_principal");
        assert!(told["detail"].as_str().expect("words").starts_with("Mia Example has no confirmed link"), "{told}");
        // Not for a group at once.
        let mut both = scene.body(&scene.ana);
        both["principal"] = json!(format!("prn_{}1", "0".repeat(25)));
        scene.mia.post(REQUESTS, both).await.refused(422, "group_or_person");
        // For oneself by name is for oneself.
        let mut own = scene.body(&scene.ana);
        own["beneficiary"] = json!(scene.ana);
        let request = asked.ana.post(REQUESTS, own).await.is(201).json();
        assert_eq!(request["requester"], request["beneficiary"]);
    }

    async fn the_right_to_ask_for_another_is_judged_again_when_somebody_says_yes(world) {
        let wait = json!([{ "name": "Cool off", "needed": 0, "wait_seconds": 3600 }, by_bo(&world)[0]]);
        let two = json!([by_bo(&world)[0], { "name": "Cy", "users": [world.person("cy").id.to_string()] }]);
        let body = json!({ "steps": two, "max_duration_seconds": 14400 });
        let scene = Scene::set(&mut world, |_| body.clone()).await;
        let asked = &scene.asked;
        let request = scene.submit().await;
        scene.managed(&world, None).await;
        let told = asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "asked_without_right");
        assert!(told["detail"].as_str().expect("words").contains("deny it"), "{told}");
        assert_eq!(asked.see(&request).await["steps"][0]["decisions"], json!([]));
        scene.mia.post(REQUESTS, scene.body(&scene.ana)).await.refused(404, "not_found");
        // Given back before the last word: then it is good. Taken away: it is not.
        scene.managed(&world, Some("mia")).await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        scene.managed(&world, Some("bo")).await;
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(409, "asked_without_right");
        asked.cy.post(&at(&request, "deny"), json!({ "reason": "ask yourself" })).await.ok();

        // Where time would approve it, it is ended with that cause.
        let last = json!([wait[1], wait[0]]);
        asked.cy.post(&format!("/api/v1/policies/{}/versions", asked.policy), json!({
            "body": { "steps": last, "max_duration_seconds": 14400 } })).await.is(201);
        scene.managed(&world, Some("mia")).await;
        let request = scene.submit().await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        scene.managed(&world, None).await;
        world.advance(Span::hours(2)).await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "denied", "{seen:#}");
        let last = seen["timeline"].as_array().expect("a list").last().expect("a line").clone();
        assert!(last["text"].as_str().expect("words").contains("may not ask for the beneficiary any more"), "{last}");
        assert_eq!(seen["grants"], json!([]));

        // Who asked is gone: nothing is given for their asking.
        scene.managed(&world, Some("mia")).await;
        let request = scene.submit().await;
        let mia = world.person("mia").id;
        asked.cy.post(&format!("/api/v1/users/{mia}/deactivate"), json!({})).await.ok();
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "asked_without_right");
    }

    async fn rules_see_who_asks_and_for_whom_apart(world) {
        let rules = json!([
            { "name": "By managers", "auto_approve": true,
                "when": "context.beneficiary has manager && context.beneficiary.manager == principal" },
            { "name": "In Audit", "auto_deny": "Not for Audit.",
                "when": "context.beneficiary has department && context.beneficiary.department == \"Audit\"" },
        ]);
        let body = json!({ "rules": rules, "steps": by_bo(&world), "max_duration_seconds": 14400 });
        let scene = Scene::set(&mut world, |_| body.clone()).await;
        let asked = &scene.asked;
        let request = scene.submit().await;
        assert_eq!((request["state"].as_str(), request["rule"].as_str()), (Some("approved"), Some("By managers")));
        world.settle().await;
        assert_eq!(ids(&asked.ana, "/api/v1/grants/mine").await.len(), 1);
        let own = asked.submit(60).await;
        assert_eq!((own["state"].as_str(), &own["rule"]), (Some("pending"), &Value::Null));
        let place = format!("/api/v1/users/{}", scene.ana);
        asked.cy.patch(&place, json!({ "department": "Audit" })).await.ok();
        asked.cy.post(REQUESTS, scene.body(&scene.ana)).await.refused(422, "denied_by_policy");
        asked.cy.post(REQUESTS, asked.ask(60)).await.is(201);
    }

    async fn what_was_asked_for_another_goes_on_and_is_raised_for_them(world) {
        let scene = Scene::set(&mut world, of_bo).await;
        let asked = &scene.asked;
        let request = scene.submit().await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
        let grant = asked.see(&request).await["grants"][0]["id"].as_str().expect("a grant").to_owned();
        let extend = format!("/api/v1/grants/{grant}/extend");
        scene.mia.post(&extend, json!({})).await.refused(404, "not_found");
        let next = asked.ana.post(&extend, json!({})).await.is(201).json();
        assert_eq!(next["requester"]["id"], json!(scene.ana), "whose it is asks for it to go on");
        asked.ana.post(&at(&next, "cancel"), json!({})).await.ok();

        world.add_person("eve", &[]).await;
        let security = world.group("Security", &["eve"]).await;
        let now = emergency::policy(&world, "now", Route::AutoApprove, Span::hours(1), security).await;
        let (what, ordinary) = (asked.what.parse().expect("an id"), asked.policy.parse().expect("an id"));
        emergency::terms(&world, what, ordinary, Some(now)).await;
        // By who asked, and by whom it is for: either asks for who would have held it.
        for (door, word) in [(&scene.mia, "mia"), (&asked.ana, "ana")] {
            let waits = scene.submit().await;
            let page = world.in_browser(word).await;
            page.get(&format!("/requests/{}/raise", waits["id"].as_str().expect("an id"))).await.is(200);
            let raised = door.post(&at(&waits, "raise"), json!({})).await.is(201).json();
            assert_eq!(raised["beneficiary"]["id"], json!(scene.ana), "{raised:#}");
            assert_eq!(raised["emergency"], true);
            asked.ana.post(&at(&raised, "return"), json!({})).await.ok();
            world.settle().await;
        }
        // What one of several became once it was raised by whose it is, is theirs: the others are
        // taken back all the same.
        let read = asked.org.entitlement(&world, "dev-sandbox", "ReadOnlyAccess").await;
        asked.org.offer(&world, read, ordinary).await;
        let mut other = scene.body(&scene.ana);
        other["entitlement"] = json!(read);
        let both = json!({ "items": [scene.body(&scene.ana), other] });
        let made = scene.mia.post("/api/v1/submissions", both).await.is(201).json();
        let raised = asked.ana.post(&at(&made["requests"][0], "raise"), json!({})).await.is(201).json();
        assert_eq!(raised["submission"], Value::Null, "{raised:#}");
        let place = format!("/api/v1/submissions/{}", made["id"].as_str().expect("an id"));
        scene.mia.post(&format!("{place}/cancel"), json!({})).await.ok();
        assert_eq!(asked.see(&made["requests"][1]).await["state"], "cancelled");
        assert_eq!(asked.see(&raised).await["state"], "approved");
    }

    async fn of_an_emergency_for_another_somebody_else_is_told_once_and_the_review_says_whose_it_is(world) {
        let scene = Scene::set(&mut world, of_bo).await;
        let asked = &scene.asked;
        world.add_person("eve", &[]).await;
        let close = world.group("Close", &["ana"]).await;
        let now = emergency::policy(&world, "now", Route::AutoApprove, Span::hours(1), close).await;
        let (what, ordinary) = (asked.what.parse().expect("an id"), asked.policy.parse().expect("an id"));
        emergency::terms(&world, what, ordinary, Some(now)).await;
        let mut body = scene.body(&scene.ana);
        body["emergency"] = json!(true);
        // Whose it would be is nobody who watches.
        scene.mia.post(REQUESTS, body.clone()).await.refused(422, "nobody_told");
        let wide = world.group("Wide", &["ana", "eve"]).await;
        let step = json!([{ "name": "Bo", "users": [world.person("bo").id.to_string()] }]);
        let later = json!({ "name": "later", "body": { "steps": step, "max_duration_seconds": 3600,
            "reason": { "required": true }, "emergency": { "tell": [wide] } } });
        let later = asked.cy.post("/api/v1/policies", later).await.is(201).json();
        let later = later["id"].as_str().expect("an id").parse().expect("an id");
        emergency::terms(&world, what, ordinary, Some(later)).await;
        let made = scene.mia.post(REQUESTS, body.clone()).await.is(201).json();
        assert_eq!(made["state"], "pending", "{made:#}");
        // The same for the same person, whoever asks.
        let mut own = asked.ask(60);
        own["emergency"] = json!(true);
        asked.ana.post(REQUESTS, own).await.refused(409, "emergency_waits");
        // Somebody who may not see it learns that it waits, and not which.
        let id = made["id"].as_str().expect("an id");
        let told = asked.cy.post(REQUESTS, body).await.refused(409, "emergency_waits");
        assert!(!told["detail"].as_str().expect("words").contains(id), "{told}");
        asked.bo.post(&at(&made, "approve"), json!({})).await.ok();
        world.settle().await;
        let eve = world.in_browser("eve").await;
        for place in ["/emergency-reviews".to_owned(), format!("/emergency-reviews/{}", made["id"].as_str().expect("an id"))] {
            let page = eve.get(&place).await.is(200).text();
            assert!(page.contains("Ana Moreno"), "{place}: {page}");
        }
    }

    async fn somebody_is_found_by_name_and_asked_for_without_script(world) {
        let scene = Scene::set(&mut world, of_bo).await;
        let asked = &scene.asked;
        // Who may ask for nobody is not offered it.
        let ana = world.in_browser("ana").await;
        let page = sound(ana.get("/request").await, 200);
        assert!(!page.contains("/request/people"), "{page}");
        assert!(sound(ana.get("/request/people").await, 200).contains("There is nobody you may ask for"));

        let mia = world.in_browser("mia").await;
        let page = sound(mia.get("/request").await, 200);
        assert!(page.contains("href=\"/request/people\""), "{page}");
        let none = sound(mia.get("/request/people?q=cy").await, 200);
        assert!(none.contains("Nobody found for “cy”"), "{none}");
        let found = sound(mia.get("/request/people?q=moreno").await, 200);
        let theirs = format!("/request?beneficiary={}", scene.ana);
        assert!(found.contains(&format!("href=\"{theirs}\"")), "{found}");
        let list = sound(mia.get(&theirs).await, 200);
        assert!(list.contains("For Ana Moreno") && list.contains("1 thing Ana Moreno may ask for"), "{list}");
        let form = format!("/request/{}", asked.what);
        let place = format!("{form}?beneficiary={}", scene.ana);
        assert!(list.contains(&format!("href=\"{place}\"")), "{list}");
        let page = sound(mia.get(&place).await, 200);
        assert!(page.contains("Your request for Ana Moreno") && page.contains("Why do they need it?"), "{page}");
        let typed = [("duration", "3600"), ("reason", "release")];
        let request = goes(send(&mia, &form, &page, &typed).await);
        let page = sound(mia.get(&request).await, 200);
        assert!(page.contains("Mia Example asked for Ana Moreno for 1 h"), "{page}");
        assert!(page.contains("<dt>Asked by</dt><dd>Mia Example"), "{page}");
        // The same again is for the same person.
        let id = request.trim_start_matches("/requests/").to_owned();
        goes(mia.form(&format!("{request}/cancel"), &[]).await);
        let again = sound(mia.get(&format!("{form}?again={id}")).await, 200);
        assert!(again.contains("Your request for Ana Moreno"), "{again}");
        // Several at once, for them.
        let list = mia.form("/request", &[("what", &*asked.what), ("beneficiary", &*scene.ana)]).await;
        let list = sound(list, 200);
        assert!(list.contains("Ask for several, for Ana Moreno"), "{list}");
        let typed = [("length", "1"), ("length.unit", "hours"), ("reason", "release")];
        let there = goes(send(&mia, "/request", &list, &typed).await);
        assert!(sound(mia.get(&there).await, 200).contains("asked by Mia Example for Ana Moreno"));
    }
}
