//! Configuration as code: what files say is planned, refused, applied and written down again, and what
//! was changed by hand is seen.

use serde_json::{Value, json};
use stint_domain::rights::Role;
use stint_server::identity;
use stint_testkit::sim::EstateSpec;
use stint_testkit::{Answer, Door, World, both_engines};

const PLAN: &str = "/api/v1/config/plan";
const APPLY: &str = "/api/v1/config/apply";
const EXPORT: &str = "/api/v1/config/export";

/// The worked example of the guide.
fn example() -> String {
    let guide = include_str!("../../../../docs/guide/configuration-as-code.md");
    let (_, rest) = guide.split_once("```yaml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    example.to_owned()
}

fn file(name: &str, text: &str) -> Value {
    json!({ "name": name, "text": text })
}

async fn plan(door: &Door, files: &[Value]) -> Value {
    door.post(PLAN, json!({ "files": files }))
        .await
        .is(200)
        .json()
}

fn body(files: &[Value], plan: &Value, overwrite: bool) -> Value {
    let changes = plan["changes"].as_array().expect("changes");
    let seen: Vec<_> = (changes.iter())
        .map(|it| json!({ "kind": it["kind"], "name": it["name"], "digest": it["digest"] }))
        .collect();
    json!({ "files": files, "plan": plan["digest"], "seen": seen, "overwrite": overwrite })
}

async fn apply(door: &Door, files: &[Value]) -> Answer {
    let looked_at = plan(door, files).await;
    assert_eq!(looked_at["mistakes"], json!([]), "{looked_at:#}");
    door.post(APPLY, body(files, &looked_at, false)).await
}

async fn applied(door: &Door, files: &[Value]) -> Value {
    let done = apply(door, files).await.is(200).json();
    assert_eq!(done["complete"], true, "{done:#}");
    done
}

fn named(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().expect("changes");
    let text = |it: &Value| it.as_str().expect("words").to_owned();
    (changes.iter())
        .map(|it| {
            format!(
                "{} {} {}",
                text(&it["action"]),
                text(&it["kind"]),
                text(&it["name"])
            )
        })
        .collect()
}

/// Each mistake as `line:column problem`.
fn mistakes(plan: &Value) -> Vec<String> {
    let all = plan["mistakes"].as_array().expect("mistakes");
    (all.iter())
        .map(|it| {
            let problem = it["problem"].as_str().expect("words");
            format!("{}:{} {problem}", it["line"], it["column"])
        })
        .collect()
}

async fn events(world: &World, action: &str) -> usize {
    let path = format!("/api/v1/audit-events?action={action}&limit=200");
    let found = world.as_user("cy").get(&path).await.ok();
    found["items"].as_array().expect("events").len()
}

/// How many events the log has.
async fn all_events(door: &Door) -> Value {
    let report = door
        .post("/api/v1/audit-events/verify", json!({}))
        .await
        .ok();
    report["events"].clone()
}

both_engines! {
    async fn the_worked_example_is_planned_applied_and_then_so(world) {
        let _org = world.organize().await;
        let cy = world.as_user("cy");
        let files = [file("access.yaml", &example())];
        let looked_at = plan(&cy, &files).await;
        assert_eq!(
            named(&looked_at),
            [
                "create group On call",
                "create policy Production",
                "create policy Production in an emergency",
                "create catalog Production",
                "create access_control prod-admin on prod-payments (prod)",
            ],
            "{looked_at:#}"
        );
        // Nothing is written by looking.
        assert_eq!(events(&world, "group.created").await, 2);
        applied(&cy, &files).await;
        let again = plan(&cy, &files).await;
        assert_eq!((named(&again), &again["same"]), (Vec::new(), &json!(5)), "{again:#}");
        // By the rooms' own verbs, with their own events.
        assert_eq!(events(&world, "group.created").await, 3);
        assert_eq!(events(&world, "group.member_added").await, 7);
        assert_eq!(events(&world, "catalog.access_control_set").await, 1);
        assert_eq!(events(&world, "config.applied").await, 1);
        // Applied once more nothing is written at all.
        applied(&cy, &files).await;
        assert_eq!(events(&world, "config.applied").await, 1);
        // Bo, who is on call, is offered what the catalog gives.
        let offers = world.as_user("bo").get("/api/v1/offers?limit=200").await.ok();
        let offered = offers["items"].as_array().expect("offers");
        assert!(offered.iter().any(|it| it["policy"] == "Production"
            && it["entitlement"]["name"] == "prod-admin on prod-payments"
            && it["emergency"]["policy"] == "Production in an emergency"), "{offers:#}");
        // A condition names the group by name in the file, and by its id in the policy.
        let policies = cy.get("/api/v1/policies?q=Production").await.ok();
        let when = policies["items"][0]["latest"]["body"]["rules"][0]["when"].as_str().expect("a condition");
        assert!(when.starts_with("principal in Group::\"grp_"), "{when}");
    }

    async fn every_mistake_is_told_with_its_place_before_anything_is_written(world) {
        let _org = world.organize().await;
        let cy = world.as_user("cy");
        let before = all_events(&cy).await;
        let text = "stint: v1\ngroups:\n  - name: Ops\n    member: []\n  - name: 12\n    members: [x]\n\
                    policies:\n  - name: P\n    max_duration_seconds: long\n    rules: {}\n";
        let found = mistakes(&plan(&cy, &[file("a.yaml", text)]).await);
        for (wanted, at) in [
            ("4:5 there is no field member", 0),
            ("3:5 members is missing", 1),
            ("5:11 name: wanted is text: put it in quotes, not a number", 2),
            ("9:27 max_duration_seconds: wanted is a whole number, not text", 3),
            ("10:12 rules: wanted is a list, not fields", 4),
        ] {
            assert!(found[at].starts_with(wanted), "{wanted}: {found:#?}");
        }
        assert_eq!(found.len(), 5, "{found:#?}");
        // No YAML at all, nothing in it, another format, the same twice.
        for (text, wanted) in [
            ("stint: [", ""),
            ("", ""),
            ("stint: v2\n", "1:8 stint: wanted is one of v1"),
            ("stint: v1\nstint: v1\n", "2:1"),
        ] {
            let found = mistakes(&plan(&cy, &[file("a.yaml", text)]).await);
            assert!(found.len() == 1 && found[0].contains(wanted), "{text}: {found:?}");
        }
        // What is named and is not there; what stands in two places.
        let text = "stint: v1\ngroups:\n  - name: Ops\n    members: [nobody@acme.example]\n  - name: ops\n    members: []\n\
                    policies:\n  - name: P\n    max_duration_seconds: 3600\n    steps:\n      - name: S\n        groups: [Ops, Nowhere]\n\
                    catalogs:\n  - name: C\n    audience_when: principal in Group::\"Nobody's\"\n    default_terms:\n      policy: Q\n\
                    \x20   entitlements:\n      - connection: prod\n        account: prod-payments\n        permission_set: Nothing\n\
                    access_controls:\n  - connection: prod\n    account: prod-payments\n    policy: P\n";
        let looked_at = plan(&cy, &[file("a.yaml", text)]).await;
        let found = mistakes(&looked_at);
        for wanted in [
            "4:15 nobody has the address nobody@acme.example",
            "5:11 this group is at a.yaml:3 already",
            "12:23 there is no group “Nowhere”",
            "15:20 there is no group “Nobody's”",
            "17:15 there is no policy “Q”",
            "19:9 there is no entitlement Nothing on prod-payments (prod)",
            "23:5 name one of permission_set, group and iam_group",
        ] {
            assert!(found.iter().any(|it| it.starts_with(wanted)), "{wanted}: {found:#?}");
        }
        assert_eq!(found.len(), 7, "{found:#?}");
        assert_eq!((&looked_at["changes"], &looked_at["digest"]), (&json!([]), &json!("")));
        // What would be refused when it is saved.
        let text = "stint: v1\npolicies:\n  - name: P\n    max_duration_seconds: 3600\n    steps:\n      - name: S\n        groups: [Platform]\n        needed: 5\n\
                    \x20 - name: R\n    max_duration_seconds: 3600\n    auto_approve: true\n    rules:\n      - name: r\n        when: nonsense\n        auto_approve: true\n\
                    catalogs:\n  - name: C\n    contents:\n      - name: c\n        when: also nonsense\n";
        let found = mistakes(&plan(&cy, &[file("a.yaml", text)]).await);
        for wanted in ["3:5", "13:9", "20:15"] {
            assert!(found.iter().any(|it| it.starts_with(wanted)), "{wanted}: {found:#?}");
        }
        let refused = cy.post(APPLY, json!({ "files": [file("a.yaml", text)], "plan": "" })).await;
        let detail = refused.refused(422, "config_invalid")["detail"].as_str().expect("words").to_owned();
        assert!(detail.contains("a.yaml:3:5: "), "{detail}");
        assert_eq!(all_events(&cy).await, before);
        // More than is told at once, more than is taken at once.
        let many = format!("stint: v1\ngroups:\n{}", "  - nme: x\n".repeat(400));
        assert_eq!(mistakes(&plan(&cy, &[file("a.yaml", &many)]).await).len(), 100);
        let files: Vec<_> = (0..201).map(|n| file(&format!("{n}.yaml"), "stint: v1\n")).collect();
        assert_eq!(mistakes(&plan(&cy, &files).await), ["0:0 give 1 to 200 files, not 201"]);
        let large = format!("stint: v1\n# {}\n", "x".repeat(2 << 20));
        cy.post(PLAN, json!({ "files": [file("a.yaml", &large)] })).await.is(413);
    }

    async fn exactly_what_was_looked_at_is_applied(world) {
        let org = world.organize().await;
        let cy = world.as_user("cy");
        let text = "stint: v1\ngroups:\n  - name: Platform\n    members: [bo.lindqvist@acme.example, ana.moreno@acme.example]\n\
                    \x20 - name: Ops\n    members: []\n";
        let files = [file("a.yaml", text)];
        let looked_at = plan(&cy, &files).await;
        // Somebody takes Bo out meanwhile, and makes the group that was to be made.
        let bo = world.person("bo").id;
        identity::remove_member(&world.cx("cy"), org.platform, bo).await.expect("out");
        world.group("Ops", &[]).await;
        let refused = cy.post(APPLY, body(&files, &looked_at, false)).await.refused(409, "config_plan_moved");
        let detail = refused["detail"].as_str().expect("words");
        for part in ["group Platform would be changed otherwise", "group Ops would not be changed"] {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        assert_eq!(events(&world, "config.applied").await, 0);
        // Other files are another plan as well.
        let looked_at = plan(&cy, &files).await;
        let other = [file("a.yaml", &text.replace("members: []", "members: [cy.adeyemi@acme.example]"))];
        cy.post(APPLY, body(&other, &looked_at, false)).await.refused(409, "config_plan_moved");
        applied(&cy, &files).await;
        let members = cy.get(&format!("/api/v1/groups/{}/members", org.platform)).await.ok();
        assert_eq!(members["items"].as_array().expect("members").len(), 2);
        // The plan that was applied is no longer one.
        cy.post(APPLY, body(&files, &looked_at, false)).await.refused(409, "config_plan_moved");
        // A name that has come to mean another group is another plan, though it reads the same.
        let theirs = [file("c.yaml", "stint: v1\ncatalogs:\n  - name: For them\n    audience: [Platform]\n")];
        let looked_at = plan(&cy, &theirs).await;
        let change = identity::GroupChange { name: Some("Builders".to_owned()), description: None };
        identity::update_group(&world.cx("cy"), org.platform, change, None).await.expect("renamed");
        world.group("Platform", &[]).await;
        assert_eq!(named(&plan(&cy, &theirs).await), named(&looked_at));
        cy.post(APPLY, body(&theirs, &looked_at, false)).await.refused(409, "config_plan_moved");
    }

    async fn what_was_changed_by_hand_is_told_and_not_written_over_unasked(world) {
        let org = world.organize().await;
        let cy = world.as_user("cy");
        let text = cy.get(EXPORT).await.text();
        // Nobody applied it yet: what is changed is changed, and nobody is told of hands.
        let other = text.replacen("name: Platform\n", "name: Platform\n    description: Who builds.\n", 1);
        assert_ne!(other, text);
        applied(&cy, &[file("a.yaml", &other)]).await;
        let ana = world.person("ana").id;
        identity::add_member(&world.cx("cy"), org.platform, ana).await.expect("in");
        let files = [file("a.yaml", &other)];
        let looked_at = plan(&cy, &files).await;
        assert_eq!(named(&looked_at), ["change group Platform"], "{looked_at:#}");
        let by_hand = &looked_at["changes"][0]["by_hand"];
        assert_eq!(by_hand["applied_by"], world.person("cy").email.as_str(), "{looked_at:#}");
        assert_eq!(by_hand["changed_by"], world.person("cy").name.as_str(), "{looked_at:#}");
        let refused = cy.post(APPLY, body(&files, &looked_at, false)).await;
        let refused = refused.refused(409, "config_changed_by_hand");
        assert!(refused["detail"].as_str().expect("words").contains("group Platform"), "{refused:#}");
        let done = cy.post(APPLY, body(&files, &looked_at, true)).await.is(200).json();
        assert_eq!(done["complete"], true, "{done:#}");
        assert_eq!(named(&plan(&cy, &files).await), Vec::<String>::new());
        // A change of the file alone is nobody's hand.
        let files = [file("a.yaml", &text)];
        let looked_at = plan(&cy, &files).await;
        assert_eq!(named(&looked_at), ["change group Platform"]);
        assert_eq!(looked_at["changes"][0]["by_hand"], Value::Null, "{looked_at:#}");
        applied(&cy, &files).await;
    }

    async fn where_one_change_fails_the_rest_is_left_and_a_second_apply_finishes(world) {
        let _org = world.organize().await;
        let cy = world.as_user("cy");
        // That nobody is left to approve is known once the group is empty: in the same plan.
        let text = "stint: v1\ngroups:\n  - name: Ops\n    members: []\npolicies:\n  - name: By Ops\n    max_duration_seconds: 3600\n\
                    \x20   steps:\n      - name: Ops\n        groups: [Ops]\ncatalogs:\n  - name: For Ops\n    audience: [Ops]\n";
        let done = apply(&cy, &[file("a.yaml", text)]).await.is(200).json();
        assert_eq!(done["complete"], false, "{done:#}");
        let outcomes: Vec<_> = (done["outcomes"].as_array().expect("outcomes").iter())
            .map(|it| it["outcome"].as_str().expect("a word").to_owned())
            .collect();
        assert_eq!(outcomes, ["done", "failed", "left"], "{done:#}");
        assert!(done["outcomes"][1]["detail"].as_str().is_some_and(|it| !it.is_empty()));
        // It is on record what was done, and that not all was.
        let event = cy.get("/api/v1/audit-events?action=config.applied").await.ok();
        let detail = &event["items"][0]["detail"];
        assert_eq!((&detail["done"], &detail["failed"], &detail["left"]), (&json!(1), &json!(1), &json!(1)), "{event:#}");
        // With somebody in it the rest is done, and what was done is not done again.
        let text = text.replace("members: []", "members: [bo.lindqvist@acme.example]");
        let looked_at = plan(&cy, &[file("a.yaml", &text)]).await;
        assert_eq!(named(&looked_at), ["change group Ops", "create policy By Ops", "create catalog For Ops"]);
        applied(&cy, &[file("a.yaml", &text)]).await;
        assert_eq!(events(&world, "catalog.created").await, 2);
    }

    async fn nobody_applies_more_than_they_may_by_hand(world) {
        let _org = world.organize().await;
        let eve = world.add_person("eve", &[Role::PolicyAdmin]).await;
        let files = [file("access.yaml", &example())];
        for who in ["ana", "dee"] {
            let door = world.as_user(who);
            door.post(PLAN, json!({ "files": files })).await.refused(403, "forbidden");
            door.post(APPLY, json!({ "files": files, "plan": "" })).await.refused(403, "forbidden");
        }
        world.as_user("ana").get(EXPORT).await.refused(403, "forbidden");
        world.as_user("dee").get(EXPORT).await.is(200);
        world.as_nobody().get(EXPORT).await.refused(401, "not_signed_in");
        applied(&world.as_user(&eve.word), &files).await;
        let found = world.as_user("cy").get("/api/v1/audit-events?action=policy.created&limit=1").await.ok();
        assert_eq!(found["items"][0]["actor"]["name"], eve.name.as_str(), "{found:#}");
    }

    async fn several_files_are_one_and_a_deadline_leads_to_what_is_made_before(world) {
        let _org = world.organize().await;
        let cy = world.as_user("cy");
        let first = "stint: v1\npolicies:\n  - name: First\n    max_duration_seconds: 3600\n    steps:\n      - name: One\n        users: [bo.lindqvist@acme.example]\n\
                     \x20       deadline: { after_seconds: 3600, then: other_policy, policy: Second }\n";
        let second = "stint: v1\npolicies:\n  - name: Second\n    max_duration_seconds: 3600\n    steps:\n      - name: Two\n        users: [cy.adeyemi@acme.example]\n";
        let files = [file("1.yaml", first), file("2.yaml", second)];
        let looked_at = plan(&cy, &files).await;
        assert_eq!(named(&looked_at), ["create policy Second", "create policy First"], "{looked_at:#}");
        applied(&cy, &files).await;
        assert_eq!(plan(&cy, &files).await["same"], 2);
        // The same file twice, and the same thing in two.
        let twice = [file("1.yaml", first), file("1.yaml", second)];
        assert_eq!(mistakes(&plan(&cy, &twice).await), ["0:0 there are two files called 1.yaml"]);
        let twice = [file("1.yaml", second), file("2.yaml", second)];
        let found = mistakes(&plan(&cy, &twice).await);
        assert_eq!(found, ["3:11 this policy is at 1.yaml:3 already"]);
    }
}

/// Some of IAM as well.
fn with_iam() -> EstateSpec {
    EstateSpec {
        iam_users: 8,
        iam_groups: 12,
        iam_memberships: 6,
        ..EstateSpec::default()
    }
}

both_engines!(World::builder().estate(with_iam());
    async fn what_is_exported_plans_to_no_change_and_says_everything(world) {
        let org = world.organize_with_iam().await;
        let cy = world.as_user("cy");
        // Each kind of entitlement, with an access control and without.
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        let read = org.entitlement(&world, "dev-sandbox", "ReadOnlyAccess").await;
        let member = org.membership(&world, "platform").await;
        let iam = org.iam_membership(&world, "Developers").await;
        for it in [admin, member, iam] {
            org.offer(&world, it, org.approved).await;
        }
        let catalog = format!("/api/v1/catalogs/{}/entitlements", org.catalog);
        cy.post(&catalog, json!({ "entitlements": [read] })).await.ok();
        // And a policy with every field there is.
        let platform = org.platform.to_string();
        let bo = world.person("bo").id.to_string();
        let step = json!({
            "name": "Platform: \"all\" of it # really", "users": [bo], "groups": [platform],
            "roles": ["manager", "connection_owner"], "needed": 1,
            "who": "principal has title && principal.title == \"Lead\"",
            "fallback": { "groups": [org.everyone.to_string()] },
            "remind_seconds": 600, "late_seconds": 1200, "reassign": "administrators",
            "deadline": { "after_seconds": 3600, "then": "deny" },
        });
        let rule = json!({
            "name": "12", "when": format!("principal in Group::\"{platform}\"\n  && context.minutes > 60"),
            "auto_deny": "No, not so long: ask for less.", "max_duration_seconds": 600, "until_revoked": {},
            "reason": { "required": false }, "ticket": { "asked": "optional", "hint": "no" }, "step_up": "no",
        });
        let whole = json!({
            "rules": [rule], "steps": [step], "max_duration_seconds": 7200,
            "until_revoked": { "review_every_days": 90 },
            "reason": { "required": true, "min_length": 3 },
            "ticket": { "asked": "required", "pattern": "CHG-[0-9]+", "link": "https://x.example/{ticket}" },
            "step_up": "both", "allow_self_approval": true, "open_for_seconds": 86400, "zone": "Europe/Berlin",
        });
        cy.post("/api/v1/policies", json!({ "name": "Whole", "body": whole })).await.is(201);
        let exported = cy.get(EXPORT).await.is(200);
        assert!(exported.header("content-type").starts_with("application/yaml"));
        let text = exported.text();
        let looked_at = plan(&cy, &[file("all.yaml", &text)]).await;
        assert_eq!(looked_at["mistakes"], json!([]), "{text}\n{looked_at:#}");
        assert_eq!(named(&looked_at), Vec::<String>::new(), "{text}\n{looked_at:#}");
        // Two groups, three policies, a catalog, three access controls.
        assert_eq!(looked_at["same"], 9, "{text}");
        for part in ["iam_group: Developers", "permission_set: prod-admin", "group: platform", "zone: "] {
            assert!(text.contains(part), "{part}: {text}");
        }
        for id in ["grp_", "pol_", "usr_", "ent_", "con_"] {
            assert!(!text.contains(id), "{id}: {text}");
        }
        // Each field is compared: another value of it is a change.
        for (was, is) in [
            ("min_length: 3", "min_length: 4"),
            ("remind_seconds: 600", "remind_seconds: 660"),
            ("reassign: administrators", "reassign: nobody"),
            ("allow_self_approval: true", "allow_self_approval: false"),
            ("review_every_days: 90", "review_every_days: 91"),
            ("context.minutes > 60", "context.minutes > 61"),
        ] {
            let other = text.replacen(was, is, 1);
            assert_ne!(other, text, "{was}");
            let looked_at = plan(&cy, &[file("all.yaml", &other)]).await;
            assert_eq!(named(&looked_at), ["change policy Whole"], "{was}: {looked_at:#}");
            assert_eq!(looked_at["changes"][0]["fields"].as_array().expect("fields").len(), 1);
        }
    }
);
