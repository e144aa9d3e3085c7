//! Tickets: asked for as the policy says, carried by what is asked, shown to whoever decides, and
//! never looked up.

use serde_json::{Value, json};
use stint_domain::policy::{PolicyBody, Route, TicketAsked, TicketRule};
use stint_domain::{PolicyId, Span};
use stint_server::policies::{NewVersion, new_version};
use stint_testkit::{World, both_engines};

use crate::emergency;
use crate::forms::{MARKUP, SHOWN, goes, send, sound};
use crate::policies::{Asked, at, by_bo};

const REQUESTS: &str = "/api/v1/requests";

/// What most of these ask for: a change in a tracker.
fn change(asked: &str) -> Value {
    json!({ "asked": asked, "pattern": "CHG-[0-9]+", "hint": "A change, such as CHG-12.",
        "link": "https://tracker.example/browse/{ticket}" })
}

async fn under(world: &World, ticket: Value) -> Asked {
    let body = json!({ "steps": by_bo(world), "max_duration_seconds": 14400, "ticket": ticket });
    Asked::under(world, body).await
}

impl Asked {
    fn about(&self, ticket: &str) -> Value {
        let mut body = self.ask(60);
        body["ticket"] = json!(ticket);
        body
    }
}

both_engines! {
    async fn a_ticket_is_asked_for_and_goes_with_the_request_wherever_it_is_shown(world) {
        let asked = under(&world, change("required")).await;
        // Missing, and not as the policy wants it: said in its author's words.
        let told = asked.ana.post(REQUESTS, asked.ask(60)).await.refused(422, "ticket_required");
        assert!(told["detail"].as_str().expect("words").contains("such as CHG-12"), "{told}");
        asked.ana.post(REQUESTS, asked.about("  ")).await.refused(422, "ticket_required");
        for bad in ["chg-1", "CHG-1 or so", "CHG-1\nCHG-2", "INC-7"] {
            let answer = asked.ana.post(REQUESTS, asked.about(bad)).await.is(422);
            assert!(answer.code().starts_with("ticket_m"), "{bad}");
        }
        asked.ana.post(REQUESTS, asked.about(&"1".repeat(101))).await.refused(422, "ticket_malformed");
        assert_eq!(asked.ana.get(REQUESTS).await.ok()["items"], json!([]), "nothing was asked");

        // Before asking: that it is wanted, and what it looks like. What is not said is not judged.
        let probe = |more: Value| {
            let mut body = json!({ "entitlement": asked.what });
            body.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
            body
        };
        let place = "/api/v1/requests/preview";
        let seen = asked.ana.post(place, probe(json!({}))).await.ok();
        assert_eq!(seen["ticket"], json!({ "required": true, "pattern": "CHG-[0-9]+", "hint": "A change, such as CHG-12." }));
        assert_eq!(seen["verdict"], "needs_approval", "{seen:#}");
        for (given, code) in [("", "ticket_required"), ("x", "ticket_mismatch")] {
            let seen = asked.ana.post(place, probe(json!({ "ticket": given }))).await.ok();
            assert_eq!(seen["refusals"][0]["code"], code);
        }

        let request = asked.ana.post(REQUESTS, asked.about(" CHG-12 ")).await.is(201).json();
        assert_eq!(request["ticket"], "CHG-12");
        assert_eq!(request["ticket_link"], "https://tracker.example/browse/CHG-12");
        asked.ana.post(REQUESTS, asked.about("CHG-13")).await.is(201);

        // Found by it: by words, and whole.
        let ids = async |door: &stint_testkit::Door, query: &str| -> Vec<Value> {
            let page = door.get(&format!("{REQUESTS}{query}")).await.ok();
            page["items"].as_array().expect("a list").iter().map(|it| it["ticket"].clone()).collect()
        };
        for query in ["?q=chg-12", "?ticket=CHG-12"] {
            assert_eq!(ids(&asked.ana, query).await, ["CHG-12"], "{query}");
            assert_eq!(ids(&asked.cy, &query.replace('?', "/all?")).await, ["CHG-12"], "{query}");
        }
        assert!(ids(&asked.ana, "?ticket=CHG-1").await.is_empty());

        // On pages: the inbox, the request, the list, and the file of it; it opens elsewhere.
        world.settle().await;
        let bo = world.in_browser("bo").await;
        let link = "href=\"https://tracker.example/browse/CHG-12\" rel=\"noopener noreferrer\" target=\"_blank\">Open it at tracker.example";
        let page = sound(bo.get("/approvals").await, 200);
        assert!(page.contains(link), "{page}");
        let of = format!("/requests/{}", request["id"].as_str().expect("an id"));
        let page = sound(bo.get(&of).await, 200);
        assert!(page.contains(link), "{page}");
        let cy = world.in_browser("cy").await;
        let page = sound(cy.get("/requests?show=all&ticket=CHG-12").await, 200);
        assert!(page.contains("CHG-12, “release”") && !page.contains("CHG-13"), "{page}");
        let csv = cy.get("/requests?show=all&format=csv").await.is(200).text();
        assert!(csv.contains("Reason,Ticket,State") && csv.contains("release,CHG-12,"), "{csv}");
        // Told to who decides, and on record.
        let told = asked.bo.get("/api/v1/notices").await.ok().to_string();
        assert!(told.contains("(ticket CHG-12)"), "{told}");
        let found = asked.cy.get("/api/v1/audit-events?q=CHG-12").await.ok();
        let event = &found["items"][0];
        assert_eq!((event["action"].as_str(), event["detail"]["ticket"].as_str()), (Some("request.submitted"), Some("CHG-12")), "{found:#}");
    }

    async fn what_is_not_asked_for_is_kept_and_nothing_leads_out(world) {
        let asked = under(&world, json!({ "asked": "no", "pattern": "CHG-[0-9]+" })).await;
        let seen = asked.ana.post("/api/v1/requests/preview", json!({ "entitlement": asked.what })).await.ok();
        assert_eq!(seen["ticket"], Value::Null);
        let ana = world.in_browser("ana").await;
        let form = format!("/request/{}", asked.what);
        let page = sound(ana.get(&form).await, 200);
        assert!(!page.contains("name=\"ticket\""), "{page}");
        // Said all the same, by a program: kept as text, whatever it is made of.
        let request = asked.ana.post(REQUESTS, asked.about(MARKUP)).await.is(201).json();
        assert_eq!((request["ticket"].as_str(), &request["ticket_link"]), (Some(MARKUP), &Value::Null));
        let bo = world.in_browser("bo").await;
        let page = sound(bo.get("/approvals").await, 200);
        assert!(page.contains(SHOWN), "{page}");
        let formula = asked.ana.post(REQUESTS, asked.about("=HYPERLINK(\"x\")")).await.is(201).json();
        assert_eq!(formula["ticket"], "=HYPERLINK(\"x\")");
        let csv = world.in_browser("cy").await.get("/requests?show=all&format=csv").await.text();
        assert!(csv.contains("'=HYPERLINK"), "a program of tables takes it for text: {csv}");
    }

    async fn the_form_asks_for_it_where_the_rule_that_applies_does(world) {
        let body = json!({ "max_duration_seconds": 14400, "auto_approve": true, "ticket": change("optional"),
            "rules": [
                { "name": "Short", "when": "context.minutes <= 30", "auto_approve": true, "ticket": { "asked": "no" } },
                { "name": "Long", "when": "context.minutes > 120", "steps": by_bo(&world), "ticket": { "asked": "required" } },
            ] });
        let asked = Asked::under(&world, body).await;
        let ana = world.in_browser("ana").await;
        let form = format!("/request/{}", asked.what);
        let look = |length: &'static str| [("duration", length), ("do", "look")];
        let page = sound(ana.get(&form).await, 200);
        assert!(page.contains("A change, such as CHG-12.") && page.contains("name=\"ticket\""), "{page}");
        let short = sound(send(&ana, &form, &page, &look("1800")).await, 200);
        assert!(!short.contains("name=\"ticket\""), "{short}");
        // What cannot be sent is said at its field, and what was typed stays.
        let long = [("duration", "14400"), ("reason", "release")];
        let wrong = sound(send(&ana, &form, &page, &long).await, 422);
        assert!(wrong.contains("id=\"ticket-mistake\"") && wrong.contains("This policy wants a ticket"), "{wrong}");
        let wrong = sound(send(&ana, &form, &wrong, &[("ticket", MARKUP)]).await, 422);
        assert!(wrong.contains("id=\"ticket-mistake\"") && wrong.contains("A change, such as CHG-12."), "{wrong}");
        assert!(wrong.contains(&format!("value=\"{SHOWN}\"")), "{wrong}");
        let place = goes(send(&ana, &form, &wrong, &[("ticket", "CHG-7")]).await);
        assert!(sound(ana.get(&place).await, 200).contains("https://tracker.example/browse/CHG-7"));
        // The same again has it filled in.
        let id = place.trim_start_matches("/requests/").to_owned();
        let again = sound(ana.get(&format!("{form}?again={id}")).await, 200);
        assert!(again.contains("value=\"CHG-7\""), "{again}");
        // Several at once: one for all of them.
        let form = sound(ana.form("/request", &[("what", &*asked.what)]).await, 200);
        let typed = [("length", "3"), ("length.unit", "hours"), ("reason", "release")];
        let wrong = sound(send(&ana, "/request", &form, &typed).await, 422);
        assert!(wrong.contains("This policy wants a ticket"), "{wrong}");
        let place = goes(send(&ana, "/request", &wrong, &[("ticket", "CHG-8")]).await);
        assert!(sound(ana.get(&place).await, 200).contains("CHG-8"));
    }

    async fn what_goes_on_and_what_is_raised_carries_its_ticket(world) {
        let asked = under(&world, change("required")).await;
        let first = asked.ana.post(REQUESTS, asked.about("CHG-1")).await.is(201).json();
        asked.bo.post(&at(&first, "approve"), json!({})).await.ok();
        world.settle().await;
        let first = asked.see(&first).await;
        let grant = first["grants"][0]["id"].as_str().expect("a grant").to_owned();
        let extend = format!("/api/v1/grants/{grant}/extend");
        asked.ana.post(&extend, json!({ "ticket": "x" })).await.refused(422, "ticket_mismatch");
        asked.ana.post(&extend, json!({ "ticket": "" })).await.refused(422, "ticket_required");
        // Its page has the field, filled; by one click it is as it was.
        let ana = world.in_browser("ana").await;
        let page = sound(ana.get(&format!("/requests/{}", first["id"].as_str().expect("an id"))).await, 200);
        assert!(page.contains("name=\"ticket\" value=\"CHG-1\""), "{page}");
        let next = asked.ana.post(&extend, json!({})).await.is(201).json();
        assert_eq!(next["ticket"], "CHG-1");
        asked.ana.post(&at(&next, "cancel"), json!({})).await.ok();
        let next = asked.ana.post(&extend, json!({ "ticket": "CHG-2" })).await.is(201).json();
        assert_eq!(next["ticket"], "CHG-2");

        // Raised: as it was, or another; the policy for emergencies asks for its own.
        world.add_person("eve", &[]).await;
        let security = world.group("Security", &["eve"]).await;
        let route = Route::AutoApprove;
        let policy = emergency::policy(&world, "now", route, Span::hours(1), security).await;
        let what = asked.what.parse().expect("an id");
        let ordinary: PolicyId = asked.policy.parse().expect("an id");
        emergency::terms(&world, what, ordinary, Some(policy)).await;
        let waits = asked.ana.post(REQUESTS, asked.about("CHG-3")).await.is(201).json();
        let mut q = world.app().db.reader().await.expect("a reader");
        let now = stint_server::policies::current(&mut q, policy).await.expect("read").expect("a policy");
        drop(q);
        let ticket = TicketRule { asked: TicketAsked::Required, pattern: Some("(CHG|INC)-[3-9]".to_owned()), ..TicketRule::default() };
        let body = PolicyBody { ticket, ..now.body };
        let new = NewVersion { body, note: String::new() };
        new_version(&world.cx("cy"), policy, new, None).await.expect("written");
        let place = format!("/requests/{}/raise", waits["id"].as_str().expect("an id"));
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("value=\"CHG-3\""), "{page}");
        let typed = [("ticket", "CHG-1"), ("reason", "it burns")];
        let wrong = sound(send(&ana, &place, &page, &typed).await, 422);
        assert!(wrong.contains("id=\"ticket-mistake\"") && wrong.contains("(CHG|INC)-[3-9]"), "{wrong}");
        let raised = asked.ana.post(&at(&waits, "raise"), json!({})).await.is(201).json();
        assert_eq!((raised["ticket"].as_str(), raised["emergency"].as_bool()), (Some("CHG-3"), Some(true)));
    }

    async fn a_draft_says_which_requests_would_lack_their_ticket(world) {
        let asked = under(&world, change("optional")).await;
        for ticket in [None, Some("CHG-1"), Some("CHG-22")] {
            let mut body = asked.ask(60);
            if let Some(ticket) = ticket {
                body["ticket"] = json!(ticket);
            }
            asked.ana.post(REQUESTS, body).await.is(201);
            world.clock().advance(Span::minutes(1));
        }
        let draft = |ticket: Value| json!({ "days": 7, "body": {
            "steps": by_bo(&world), "max_duration_seconds": 14400, "ticket": ticket } });
        let place = format!("/api/v1/policies/{}/replay", asked.policy);
        let found = asked.cy.post(&place, draft(change("optional"))).await.ok();
        assert_eq!(found["changed"], 0, "{found:#}");
        let mut narrow = change("required");
        narrow["pattern"] = json!("CHG-[0-9]");
        let found = asked.cy.post(&place, draft(narrow.clone())).await.ok();
        let said: Vec<&str> = found["examples"].as_array().expect("a list").iter()
            .map(|it| it["after"].as_str().expect("words")).collect();
        assert_eq!(said, ["refused: the ticket CHG-22 does not match", "refused: it has no ticket"]);
        // What if somebody asked now.
        let ask = |more: Value| {
            let mut body = json!({ "user": world.person("ana").id.to_string(), "entitlement": asked.what,
                "body": draft(narrow.clone())["body"] });
            body.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
            body
        };
        let place = "/api/v1/policies/dry-run";
        assert_eq!(asked.cy.post(place, ask(json!({}))).await.ok()["verdict"], "needs_approval");
        for (given, code) in [("", "ticket_required"), ("CHG-22", "ticket_mismatch")] {
            let found = asked.cy.post(place, ask(json!({ "ticket": given }))).await.ok();
            assert_eq!(found["refusals"][0]["code"], code);
        }
    }

    async fn what_a_policy_says_about_tickets_is_checked_when_it_is_saved(world) {
        let asked = under(&world, change("required")).await;
        let cy = &asked.cy;
        let seen = cy.get(&format!("/api/v1/policies/{}", asked.policy)).await.ok();
        assert_eq!(seen["latest"]["body"]["ticket"], change("required"));
        let new = |ticket: Value, rules: Value| json!({ "name": "Odd", "body": {
            "auto_approve": true, "max_duration_seconds": 3600, "ticket": ticket, "rules": rules } });
        let none = json!([]);
        for (part, value, says) in [
            ("pattern", "CHG-(", "line 1, character 5: unclosed group"),
            ("pattern", "(a)\\1", "backreferences are not supported"),
            ("link", "http://tracker.example/{ticket}", "begins with https://"),
            ("link", "https://tracker.example/", "{ticket} once"),
            ("hint", "", "one line"),
        ] {
            let mut ticket = change("required");
            ticket[part] = json!(value);
            let told = cy.post("/api/v1/policies", new(ticket.clone(), none.clone())).await.refused(422, "ticket_rule");
            assert!(told["detail"].as_str().expect("words").contains(says), "{told}");
            let rules = json!([{ "name": "r", "when": "context.minutes > 1", "auto_approve": true, "ticket": ticket }]);
            let told = cy.post("/api/v1/policies", new(change("no"), rules)).await.refused(422, "ticket_rule");
            assert!(told["detail"].as_str().expect("words").starts_with("rule 1: the "), "{told}");
        }
        let told = cy.post("/api/v1/policies", new(json!({ "asked": "maybe" }), none)).await.refused(422, "invalid_value");
        assert!(told["detail"].as_str().expect("words").contains("ticket.asked"), "{told}");

        // By its form, at the field; then it is told in words.
        let browser = world.in_browser("cy").await;
        let edit = format!("/policies/{}/edit", asked.policy);
        let page = sound(browser.get(&edit).await, 200);
        assert!(page.contains("value=\"CHG-[0-9]+\""), "{page}");
        let bad = [("ticket_link", MARKUP), ("ticket_pattern", "CHG-(")];
        let wrong = sound(send(&browser, &edit, &page, &bad).await, 422);
        assert!(wrong.contains("id=\"ticket_link-mistake\"") && wrong.contains("id=\"ticket_pattern-mistake\""), "{wrong}");
        let good = [("ticket_link", ""), ("ticket_pattern", "INC[0-9]+"), ("ticket", "optional"), ("ticket_hint", MARKUP), ("do", "look")];
        let told = sound(send(&browser, &edit, &page, &good).await, 200);
        assert!(told.contains(&format!("may be given, all of it matching INC[0-9]+, “{SHOWN}”")), "{told}");
        let rule = sound(send(&browser, &edit, &page, &[("do", "rules.add")]).await, 200);
        let rule = [("rule0.name", "Short"), ("rule0.when", "context.minutes < 5"), ("rule0.route", "auto"), ("rule0.ticket", "no")]
            .iter().fold((rule, Vec::new()), |(page, mut all), it| { all.push(*it); (page, all) });
        let saved = goes(send(&browser, &edit, &rule.0, &rule.1).await);
        assert_eq!(saved, format!("/policies/{}", asked.policy));
        let seen = cy.get(&format!("/api/v1/policies/{}", asked.policy)).await.ok();
        assert_eq!(seen["latest"]["body"]["rules"][0]["ticket"], json!({ "asked": "no" }));
        assert_eq!(seen["latest"]["body"]["ticket"], change("required"));
    }
}
