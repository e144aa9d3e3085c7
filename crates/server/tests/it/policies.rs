//! Policies with rules for special cases, approvers by what they are, and times: over the API, from
//! the policy that is written to the access that is there.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use stint_domain::{PolicyId, Span};
use stint_testkit::{Door, Organization, World, both_engines};

use crate::forms::{goes, send, sound};

/// Cy writes a policy over the API, and prod-admin on prod-payments is asked for under it.
pub(crate) struct Asked {
    pub(crate) cy: Door,
    pub(crate) ana: Door,
    pub(crate) bo: Door,
    pub(crate) policy: String,
    pub(crate) what: String,
    pub(crate) org: Organization,
}

impl Asked {
    pub(crate) async fn under(world: &World, body: Value) -> Self {
        let there = world.organize().await;
        Self::with(world, there, body).await
    }

    async fn with(world: &World, there: Organization, body: Value) -> Self {
        let cy = world.as_user("cy");
        let new = json!({ "name": "Special", "body": body });
        let made = cy.post("/api/v1/policies", new).await.is(201).json();
        let policy = made["id"].as_str().expect("an id").to_owned();
        let what = there
            .entitlement(world, "prod-payments", "prod-admin")
            .await;
        let id: PolicyId = policy.parse().expect("an id");
        there.offer(world, what, id).await;
        // Who came into a group or became an owner at the very moment of a request came after it.
        world.clock().advance(Span::minutes(1));
        Self {
            cy,
            ana: world.as_user("ana"),
            bo: world.as_user("bo"),
            policy,
            what: what.to_string(),
            org: there,
        }
    }

    pub(crate) fn ask(&self, minutes: i64) -> Value {
        json!({ "entitlement": self.what, "duration_seconds": minutes * 60, "reason": "release" })
    }

    pub(crate) async fn submit(&self, minutes: i64) -> Value {
        self.ana
            .post("/api/v1/requests", self.ask(minutes))
            .await
            .is(201)
            .json()
    }

    pub(crate) async fn see(&self, request: &Value) -> Value {
        let id = request["id"].as_str().expect("an id");
        self.cy.get(&format!("/api/v1/requests/{id}")).await.ok()
    }
}

pub(crate) fn at(request: &Value, verb: &str) -> String {
    format!(
        "/api/v1/requests/{}/{verb}",
        request["id"].as_str().expect("an id")
    )
}

pub(crate) fn by_bo(world: &World) -> Value {
    json!([{ "name": "Bo", "users": [world.person("bo").id.to_string()] }])
}

both_engines! {
    async fn the_first_rule_that_applies_decides_and_is_said(world) {
        let asked = Asked::under(&world, json!({
            "rules": [
                { "name": "Short", "when": "context.minutes <= 30", "auto_approve": true },
                { "name": "Never on prod at length", "when": "resource.name like \"* on prod-*\" && context.minutes > 120",
                  "auto_deny": "Ask for two hours at most." },
                { "name": "An hour", "when": "resource has account && resource.account.name == \"prod-payments\" && context.minutes <= 60",
                  "steps": by_bo(&world), "reason": { "required": true, "min_length": 3 } },
            ],
            "steps": [{ "name": "Cy", "users": [world.person("cy").id.to_string()] }],
            "max_duration_seconds": 14400,
        })).await;
        let preview = async |minutes: i64| {
            let preview = json!({ "entitlement": asked.what, "duration_seconds": minutes * 60, "reason": "release" });
            asked.ana.post("/api/v1/requests/preview", preview).await.ok()
        };
        let short = preview(30).await;
        assert_eq!((&short["verdict"], &short["rule"]), (&json!("auto_approved"), &json!("Short")));
        let long = preview(180).await;
        assert_eq!(long["verdict"], "refused");
        assert_eq!(long["refusals"], json!([{ "code": "denied_by_policy", "detail": "Ask for two hours at most." }]));
        let hour = preview(60).await;
        assert_eq!((&hour["verdict"], &hour["rule"]), (&json!("needs_approval"), &json!("An hour")));
        let tried: Vec<_> = hour["tried"].as_array().expect("some").iter().map(|it| it["applies"].clone()).collect();
        assert_eq!(tried, [json!(false), json!(false), json!(true)]);
        assert_eq!(preview(90).await["steps"][0]["name"], "Cy", "what the policy says otherwise");

        asked.ana.post("/api/v1/requests", asked.ask(180)).await.refused(422, "denied_by_policy");
        assert_eq!(asked.submit(30).await["state"], "approved");
        let request = asked.submit(60).await;
        assert_eq!(asked.see(&request).await["rule"], "An hour");
        // Pinned is the rule that applied: a new version changes nothing about it.
        let new = json!({ "body": { "auto_deny": "Closed.", "max_duration_seconds": 14400 } });
        let versions = format!("/api/v1/policies/{}/versions", asked.policy);
        asked.cy.post(&versions, new).await.is(201);
        asked.ana.post("/api/v1/requests", asked.ask(60)).await.refused(422, "denied_by_policy");
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "forbidden");
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn the_form_shows_what_holds_for_the_length_that_is_chosen(world) {
        let asked = Asked::under(&world, json!({
            "rules": [
                { "name": "Short", "when": "context.minutes <= 30", "auto_approve": true },
                { "name": "At length", "when": "context.minutes > 120", "auto_deny": "Ask for two hours at most." },
            ],
            "steps": by_bo(&world),
            "max_duration_seconds": 14400,
        })).await;
        let ana = world.in_browser("ana").await;
        let place = format!("/request/{}", asked.what);
        // The longest that may be asked for is refused; the form is there all the same.
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("Send the request") && page.contains("Bo Lindqvist"), "{page}");
        let look = async |seconds: &str| {
            let fields = [("duration", seconds), ("do", "look"), ("when", "now")];
            sound(ana.form(&place, &fields).await, 200)
        };
        let short = look("1800").await;
        assert!(short.contains("Nobody: it is approved at once") && short.contains("by its rule “Short”"), "{short}");
        let long = look("14400").await;
        assert!(long.contains("Ask for two hours at most.") && long.contains("Send the request"), "{long}");
        assert!(!long.contains("it is approved at once"), "{long}");
        let sent = ana.form(&place, &[("duration", "14400"), ("when", "now"), ("reason", "x")]).await;
        assert!(sound(sent, 422).contains("Ask for two hours at most."));
        let sent = ana.form(&place, &[("duration", "3600"), ("when", "now"), ("reason", "x")]).await;
        let page = sound(ana.get(&goes(sent)).await, 200);
        assert!(page.contains("policy “Special”, version 1"), "{page}");
        let sent = ana.form(&place, &[("duration", "1800"), ("when", "now"), ("reason", "x")]).await;
        let page = sound(ana.get(&goes(sent)).await, 200);
        assert!(page.contains("version 1, rule “Short”"), "{page}");
        world.settle().await;
    }

    async fn what_the_form_shows_and_sends_back_unchanged_is_the_same_policy(world) {
        let there = world.organize().await;
        let security = world.group("Security", &["cy"]).await.to_string();
        let (bo, cy) = (world.person("bo").id.to_string(), world.person("cy").id.to_string());
        // Who may decide is a set: it comes back in the order of ids.
        let sorted = |ids: [&String; 2]| BTreeSet::from(ids.map(String::clone));
        let (both, groups) = (sorted([&bo, &cy]), sorted([&there.platform.to_string(), &security]));
        let step = |name: &str| json!({
            "name": name, "users": [bo], "groups": groups,
            "roles": ["manager", "application_owner", "connection_owner"],
            "who": "principal has title &&\n  principal.title == \"Lead\"",
            "needed": 1, "each_group": true,
            "fallback": { "users": [cy], "groups": [security], "roles": ["manager"], "who": "principal has department" },
            "remind_seconds": 900, "late_seconds": 5400, "deadline": { "after_seconds": 172_800, "then": "next_step" },
        });
        let last = json!({ "name": "Last", "users": both, "groups": [], "roles": ["manager"], "needed": 1,
            "deadline": { "after_seconds": 3600, "then": "deny" } });
        let elsewhere = json!({ "steps": [{ "name": "Cy", "users": [cy], "roles": ["manager"] }], "max_duration_seconds": 14400 });
        let elsewhere = json!({ "name": "Elsewhere", "body": elsewhere });
        let elsewhere = world.as_user("cy").post("/api/v1/policies", elsewhere).await.is(201).json();
        let mut leads = last.clone();
        leads["deadline"] = json!({ "after_seconds": 3600, "then": "other_policy", "policy": elsewhere["id"] });
        let wait = json!({ "name": "Cool off", "users": [], "groups": [], "needed": 0, "wait_seconds": 600 });
        let body = json!({
            "rules": [
                { "name": "Short", "when": "context.minutes <= 30 &&\n  context.hour > 8", "auto_approve": true, "steps": [],
                  "max_duration_seconds": 1800, "reason": { "required": false, "min_length": 0 } },
                { "name": "Never", "when": "context.for_group", "auto_approve": false, "auto_deny": "No.\nAsk Cy.", "steps": [],
                  "reason": { "required": true, "min_length": 12 } },
                { "name": "Long", "when": "context.minutes > 60", "auto_approve": false, "steps": [step("Both"), leads] },
            ],
            "auto_approve": false, "steps": [wait, step("Both"), last],
            "max_duration_seconds": 14400, "reason": { "required": true, "min_length": 5 },
            "allow_self_approval": true, "zone": "Europe/Berlin",
        });
        let door = world.as_user("cy");
        let made = door.post("/api/v1/policies", json!({ "name": "Everything", "body": body })).await.is(201).json();
        assert_eq!(made["latest"]["body"], body);
        let id = made["id"].as_str().expect("an id");
        let cy = world.in_browser("cy").await;
        let edit = format!("/policies/{id}/edit");
        let page = sound(cy.get(&edit).await, 200);
        let looked = sound(send(&cy, &edit, &page, &[("do", "look")]).await, 200);
        assert!(looked.contains("Nothing: these are the rules as they are."), "{looked}");
        goes(send(&cy, &edit, &page, &[]).await);
        let now = door.get(&format!("/api/v1/policies/{id}")).await.ok();
        assert_eq!(now["latest"]["number"], 2);
        assert_eq!(now["latest"]["body"], body);

        // Rules are moved and removed with all that is in them.
        let page = sound(cy.get(&edit).await, 200);
        let page = sound(send(&cy, &edit, &page, &[("do", "rules.up:2")]).await, 200);
        let page = sound(send(&cy, &edit, &page, &[("do", "rules.drop:0")]).await, 200);
        goes(send(&cy, &edit, &page, &[]).await);
        let now = door.get(&format!("/api/v1/policies/{id}")).await.ok();
        assert_eq!(now["latest"]["body"]["rules"], json!([body["rules"][2], body["rules"][1]]));
    }

    async fn a_condition_that_is_wrong_is_refused_where_it_is_wrong(world) {
        let cy = world.as_user("cy");
        world.organize().await;
        let schema = cy.get("/api/v1/policies/schema").await.ok();
        assert!(schema["cedar"].as_str().expect("a text").contains("entity User"));
        let policy = |when: &str| json!({ "name": "Odd", "body": {
            "rules": [{ "name": "r", "when": when, "auto_approve": true }],
            "auto_approve": true, "max_duration_seconds": 3600 } });
        for (when, part) in [
            ("context.minuts > 1", "minuts"),
            ("principal.department == \"x\"", "optional attribute"),
            ("principal in Group::\"grp_00000000000000000000000020\"", "does not exist"),
            ("true) ; forbid(principal, action, resource", "unexpected"),
        ] {
            let refused = cy.post("/api/v1/policies", policy(when)).await.refused(422, "invalid_condition");
            let detail = refused["detail"].as_str().expect("a text");
            assert!(detail.contains(part) && detail.contains("rule 1"), "{when}: {detail}");
        }
        let zone = json!({ "name": "Odd", "body": { "auto_approve": true, "max_duration_seconds": 3600, "zone": "Europe/Atlantis" } });
        cy.post("/api/v1/policies", zone).await.refused(422, "unknown_zone");
        assert_eq!(cy.get("/api/v1/policies?q=odd").await.ok()["items"], json!([]));
    }

    async fn managers_owners_and_whoever_a_condition_means_decide(world) {
        let asked = Asked::under(&world, json!({
            "steps": [
                { "name": "Manager", "roles": ["manager"] },
                { "name": "Owner", "roles": ["connection_owner"] },
                { "name": "Leads", "who": "principal has title && principal.title == \"Lead\"" },
            ],
            "max_duration_seconds": 14400,
        })).await;
        let none = json!({ "entitlement": asked.what, "duration_seconds": 3600, "reason": "x" });
        let none = asked.ana.post("/api/v1/requests/preview", none).await.ok();
        assert_eq!(none["refusals"][0]["code"], "no_possible_approver", "{none}");
        let users = |word: &str| format!("/api/v1/users/{}", world.person(word).id);
        let bo = world.person("bo").id.to_string();
        asked.cy.patch(&users("ana"), json!({ "manager": bo })).await.ok();
        asked.cy.patch(&users("ana"), json!({ "manager": world.person("ana").id.to_string() })).await.refused(422, "invalid_manager");
        asked.cy.patch(&users("dee"), json!({ "title": "Lead", "department": "Audit" })).await.ok();
        // Dee is an auditor, who decides nothing: somebody else has the title, too.
        let eve = json!({ "name": "Eve", "email": "eve@example.com", "password": "a long enough one" });
        let eve = asked.cy.post("/api/v1/users", eve).await.is(201).json()["id"].clone();
        let eve = eve.as_str().expect("an id");
        asked.cy.patch(&format!("/api/v1/users/{eve}"), json!({ "title": "Lead" })).await.ok();

        let request = asked.submit(60).await;
        let inbox = |door: Door| async move {
            let page = door.get("/api/v1/approvals").await.ok();
            page["items"].as_array().expect("a list").len()
        };
        assert_eq!(inbox(asked.bo.clone()).await, 1, "their manager");
        assert_eq!(inbox(asked.cy.clone()).await, 0, "not yet");
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(inbox(asked.cy.clone()).await, 1, "the owner");
        let waiting = asked.see(&request).await["waiting"]["who"].clone();
        assert_eq!(waiting[0]["name"], "Cy Adeyemi");
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        let waiting = asked.see(&request).await["waiting"]["who"].clone();
        assert_eq!(waiting.as_array().expect("people").len(), 1, "{waiting}");
        assert_eq!(waiting[0]["name"], "Eve");
        // Who is no longer what the condition means decides no more.
        asked.cy.patch(&format!("/api/v1/users/{eve}"), json!({ "title": "" })).await.ok();
        assert_eq!(asked.see(&request).await["waiting"]["stuck"], true);
    }

    async fn a_manager_of_ones_own_making_decides_nothing(world) {
        let asked = Asked::under(&world, json!({
            "steps": [{ "name": "Manager", "roles": ["manager"] }],
            "max_duration_seconds": 14400,
        })).await;
        let ana = format!("/api/v1/users/{}", world.person("ana").id);
        asked.cy.patch(&ana, json!({ "manager": world.person("bo").id.to_string() })).await.ok();
        let request = asked.submit(60).await;
        asked.cy.patch(&ana, json!({ "manager": world.person("cy").id.to_string() })).await.ok();
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "became_approver_after_submission");
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(404, "not_found");
    }

    async fn who_gave_themselves_what_a_condition_wants_decides_nothing(world) {
        let asked = Asked::under(&world, json!({
            "steps": [{ "name": "Leads", "who": "principal has title && principal.title == \"Lead\"" }],
            "max_duration_seconds": 14400,
        })).await;
        let users = |word: &str| format!("/api/v1/users/{}", world.person(word).id);
        asked.cy.patch(&users("bo"), json!({ "title": "Lead" })).await.ok();
        let request = asked.submit(60).await;
        asked.cy.patch(&users("cy"), json!({ "title": "Lead" })).await.ok();
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "became_approver_after_submission");
        let waiting = asked.see(&request).await["waiting"]["who"].clone();
        assert_eq!(waiting.as_array().expect("people").len(), 1, "{waiting}");
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn who_empties_a_group_does_not_stand_in_for_it(world) {
        let asked = Asked::under(&world, json!({
            "steps": [{ "name": "Bo", "users": [world.person("bo").id.to_string()],
                "fallback": { "users": [world.person("cy").id.to_string()] }, "late_seconds": 3600 }],
            "max_duration_seconds": 14400,
        })).await;
        let request = asked.submit(60).await;
        let bo = world.person("bo").id;
        asked.cy.post(&format!("/api/v1/users/{bo}/deactivate"), json!({})).await.ok();
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(403, "became_approver_after_submission");
        world.advance(Span::minutes(61)).await;
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        world.settle().await;
    }

    async fn nobody_decides_what_is_over_though_nobody_noticed_yet(world) {
        let asked = Asked::under(&world, json!({
            "steps": [{ "name": "Bo", "users": [world.person("bo").id.to_string()],
                "deadline": { "after_seconds": 3600, "then": "deny" } }],
            "max_duration_seconds": 14400,
        })).await;
        let request = asked.submit(60).await;
        // The clock goes on, and no background work runs.
        world.clock().advance(Span::minutes(61));
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(409, "wrong_state");
        world.settle().await;
        assert_eq!(asked.see(&request).await["state"], "denied");
    }

    async fn each_group_must_agree_and_who_stands_in_waits_until_it_is_late(world) {
        let there = world.organize().await;
        let security = world.group("Security", &["cy"]).await;
        let platform = there.platform;
        let asked = Asked::with(&world, there, json!({
            "rules": [{ "name": "Short", "when": "context.minutes < 60", "steps": [{ "name": "Bo", "groups": [platform.to_string()],
                "fallback": { "users": [world.person("cy").id.to_string()] }, "late_seconds": 3600 }] }],
            "steps": [{ "name": "Both", "groups": [platform.to_string(), security.to_string()], "each_group": true }],
            "max_duration_seconds": 14400,
        })).await;
        let request = asked.submit(60).await;
        assert_eq!(asked.see(&request).await["steps"][0]["needed"], 2);
        asked.bo.post(&at(&request, "approve"), json!({})).await.ok();
        let seen = asked.see(&request).await;
        assert_eq!(seen["waiting"]["still"], 1);
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;

        let request = asked.submit(30).await;
        asked.cy.post(&at(&request, "approve"), json!({})).await.refused(409, "not_yet_fallback");
        world.advance(Span::minutes(61)).await;
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "approved");
        world.settle().await;
    }

    async fn what_nobody_decides_in_time_moves_on_and_is_denied_in_the_end(world) {
        let asked = Asked::under(&world, json!({
            "steps": [
                { "name": "Cool off", "needed": 0, "wait_seconds": 600 },
                { "name": "Bo", "users": [world.person("bo").id.to_string()], "remind_seconds": 600,
                  "deadline": { "after_seconds": 1800, "then": "next_step" } },
                { "name": "Cy", "users": [world.person("cy").id.to_string(), world.person("bo").id.to_string()],
                  "deadline": { "after_seconds": 3600, "then": "deny" } },
            ],
            "max_duration_seconds": 14400,
        })).await;
        let request = asked.submit(60).await;
        asked.bo.post(&at(&request, "approve"), json!({})).await.refused(403, "not_an_approver");
        world.advance(Span::minutes(11)).await;
        let seen = asked.see(&request).await;
        assert_eq!((&seen["waiting"]["step"], &seen["waiting"]["still"]), (&json!("Bo"), &json!(1)));
        world.advance(Span::minutes(10)).await;
        let audit = asked.cy.get("/api/v1/audit-events?q=request.reminded").await.ok();
        assert_eq!(audit["items"].as_array().expect("a list").len(), 1, "{audit}");
        world.advance(Span::minutes(25)).await;
        let seen = asked.see(&request).await;
        assert_eq!((&seen["waiting"]["step"], &seen["waiting"]["still"]), (&json!("Cy"), &json!(2)), "what Bo was to give is needed too");
        let told: Vec<_> = (seen["timeline"].as_array().expect("a list").iter())
            .map(|it| it["text"].as_str().expect("a text"))
            .collect();
        assert_eq!(told[1..], [
            "“Cool off” was over: it went on to “Bo”",
            "Those who could decide “Bo” were reminded",
            "Nobody decided in time: it moved on to “Cy”; one approval more is needed there",
        ]);
        asked.cy.post(&at(&request, "approve"), json!({})).await.ok();
        assert_eq!(asked.see(&request).await["state"], "pending");
        world.advance(Span::minutes(60)).await;
        let seen = asked.see(&request).await;
        assert_eq!(seen["state"], "denied");
        let last = seen["timeline"].as_array().and_then(|all| all.last()).expect("some")["text"].clone();
        assert!(last.as_str().expect("a text").starts_with("Nobody decided in time"), "{last}");
        // A worker that slept through it all finds it in one round.
        let request = asked.submit(60).await;
        world.advance(Span::hours(24)).await;
        assert_eq!(asked.see(&request).await["state"], "denied");
    }
}
