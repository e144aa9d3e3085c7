//! Connections over the API: what is said, and what never is.

use serde_json::json;
use stint_server::directory;
use stint_testkit::both_engines;

use crate::forms::sound;

/// Policies as other products have people paste them, word for word.
#[path = "../../../aws/tests/it/sources.rs"]
#[expect(dead_code, reason = "the connector's own tests use the rest")]
mod sources;

both_engines! {
    async fn the_api_takes_a_secret_and_never_gives_it(world) {
        let cy = world.as_user("cy");
        let app = cy.post("/api/v1/applications", json!({ "name": "AWS" })).await;
        let app = app.ok();
        let facts = world.facts();
        let user = &facts.connector_user;
        let new = |more: serde_json::Value| {
            let mut body = json!({
                "application_id": app["id"], "name": "prod", "region": facts.region,
            });
            body.as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("an object").clone());
            body
        };
        let key = json!({
            "credential": "access_key",
            "access_key_id": user.access_key_id,
            "secret_access_key": user.secret_access_key,
            "account_id": facts.management_account,
        });
        for (stray, code) in [
            (json!({ "credential": "role", "access_key_id": "AKIA" }), "invalid_credential"),
            (json!({ "credential": "host", "secret_access_key": "x" }), "invalid_credential"),
            (json!({ "credential": "saml" }), "invalid_credential"),
            (json!({ "credential": "access_key" }), "invalid_access_key_id"),
            (json!({}), "invalid_role_arn"),
        ] {
            let refused = cy.post("/api/v1/connections", new(stray)).await;
            assert_eq!(refused.is(422).json()["code"], code);
        }
        let made = cy.post("/api/v1/connections", new(key.clone())).await;
        let made = made.is(201);
        let mut said = made.text();
        let made = made.json();
        assert_eq!(made["credential"], "access_key");
        assert_eq!(made["access_key_id"], user.access_key_id.as_str());
        assert!(made["access_key_set_at"].is_string() && made.get("role_arn").is_none());
        let place = format!("/api/v1/connections/{}", made["id"].as_str().expect("an id"));
        let tested = cy.post(&format!("{place}/test"), json!({})).await.is(200);
        assert_eq!(tested.json()["last_test"]["passed"], true, "{}", tested.text());
        said += &tested.text();
        for at in [place.clone(), format!("{place}/setup"), "/api/v1/audit-events".to_owned()] {
            said += &cy.get(&at).await.is(200).text();
        }
        // A change of the account alone does not make an access key of a host's credential.
        let changed = cy.patch(&place, json!({ "name": "Production" })).await.is(200);
        assert_eq!(changed.json()["credential"], "access_key");
        let replaced = cy.patch(&place, key).await.is(200);
        assert_eq!(replaced.json()["last_test"]["passed"], true);
        said += &replaced.text();
        assert!(said.contains(&user.access_key_id));
        assert!(!said.contains(&user.secret_access_key), "{said}");
    }
}

both_engines! {
    async fn the_set_up_is_there_to_paste_and_as_code(world) {
        let there = world.organize().await;
        let (cy, door) = (world.as_user("cy"), world.in_browser("cy").await);
        let app = cy.get("/api/v1/applications").await.ok()["items"][0]["id"].clone();
        let facts = world.facts();
        let user = &facts.connector_user;
        let made = async |more: serde_json::Value| {
            let mut body = json!({ "application_id": app, "region": facts.region });
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let made = cy.post("/api/v1/connections", body).await.is(201).json();
            made["id"].as_str().expect("an id").to_owned()
        };
        let by_key = made(json!({ "name": "by key", "credential": "access_key", "access_key_id": user.access_key_id,
            "secret_access_key": user.secret_access_key, "account_id": facts.management_account })).await;
        let by_host = made(json!({ "name": "by host", "credential": "host", "account_id": facts.management_account })).await;
        for (id, makes, words) in [
            (there.connection.to_string(), "resource \"aws_iam_role\" \"stint\"", "It makes the role"),
            (by_key, "variable \"user_name\"", "It makes no access key"),
            (by_host, "var.user_name", "as which Stint runs"),
        ] {
            let setup = cy.get(&format!("/api/v1/connections/{id}/setup")).await.ok();
            let text = |name: &str| setup[name].as_str().expect("a text").to_owned();
            assert!(text("terraform").contains(makes), "{setup:#}");
            let template: serde_json::Value = serde_json::from_str(&text("cloudformation")).expect("JSON");
            let resource = template["Resources"].as_object().expect("resources").values().next().expect("one");
            let document = match setup.get("trust_policy") {
                Some(trust) => {
                    assert_eq!(&resource["Properties"]["AssumeRolePolicyDocument"], trust);
                    &resource["Properties"]["Policies"][0]["PolicyDocument"]
                }
                None => &resource["Properties"]["PolicyDocument"],
            };
            assert_eq!(document, &setup["permission_policy"]);
            // The page shows the same, one at a time, and leads on to the test either way.
            for (form, there, not) in [("json", "StintFindsTheEstate", makes), ("terraform", "policy_name", "AWSTemplateFormatVersion"), ("cloudformation", "AWSTemplateFormatVersion", "variable &#34;policy_name")] {
                let page = sound(door.get(&format!("/connections/{id}/setup?as={form}")).await, 200);
                assert!(page.contains(there) && !page.contains(not), "{form}: {page}");
                assert_eq!(page.contains(words), form != "json", "{form}: {page}");
                assert!(page.contains("Test connection"), "{page}");
            }
            let odd = sound(door.get(&format!("/connections/{id}/setup?as=yaml")).await, 200);
            assert!(odd.contains("StintFindsTheEstate"));
        }
    }
}

both_engines! {
    async fn what_stint_does_there_is_said_and_the_policy_follows(world) {
        let there = world.organize().await;
        let (cy, door) = (world.as_user("cy"), world.in_browser("cy").await);
        let place = format!("/api/v1/connections/{}", there.connection);
        let account = world.facts().management_account;
        let seen = cy.get(&place).await.ok();
        assert_eq!(seen["scope"], json!({ "faster": true, "management_account": false, "account_tags": false, "iam_user_path": "/",
            "iam_user_prefix": "", "iam_groups": [], "iam_user_life": false, "key_rotation": false }));
        let policy = async || cy.get(&format!("{place}/setup")).await.ok()["permission_policy"].to_string();
        let before = policy().await;
        assert!(before.contains("StintReadsFaster") && !before.contains("SAMLProvider") && !before.contains("iam:AddUserToGroup"));
        let key = format!("arn:aws:kms:{}:{account}:key/1234abcd-12ab", world.facts().region);
        let change = json!({ "iam": true, "scope": { "faster": false, "management_account": true, "account_tags": true, "iam_user_path": "stint",
            "iam_user_prefix": "app-*", "iam_groups": ["stint/*", "Developers", "Developers", " "],
            "iam_user_life": true, "iam_user_boundary": format!("arn:aws:iam::{account}:policy/Limits"), "kms_key": key } });
        world.as_user("ana").patch(&place, change.clone()).await.is(404);
        let after = cy.patch(&place, change).await.ok();
        let developers = format!("arn:aws:iam::{account}:group/Developers");
        let below = format!("arn:aws:iam::{account}:group/stint/*");
        assert_eq!(after["scope"], json!({ "faster": false, "management_account": true, "account_tags": true, "iam_user_path": "/stint/",
            "iam_user_prefix": "app-", "iam_groups": [developers, below], "iam_user_life": true,
            "iam_user_boundary": format!("arn:aws:iam::{account}:policy/Limits"), "key_rotation": false, "kms_key": key }));
        let now = policy().await;
        for part in ["iam:UpdateSAMLProvider", developers.as_str(), below.as_str(), ":user/stint/app-*", "kms:Decrypt", "iam:CreateUser", "policy/Limits", "iam:DeleteVirtualMFADevice", "organizations:ListTagsForResource"] {
            assert!(now.contains(part), "{part}: {now}");
        }
        assert!(!now.contains("StintReadsFaster"), "{now}");
        let events = cy.get("/api/v1/audit-events?q=connection.changed").await.ok().to_string();
        assert!(events.contains("\"iam_user_prefix\":\"app-\"") && events.contains("\"iam_user_prefix\":\"\""), "{events}");
        for (bad, code) in [
            (json!({ "iam_user_path": "/a*/" }), "invalid_iam_user_path"),
            (json!({ "iam_user_prefix": "a/b" }), "invalid_iam_user_prefix"),
            (json!({ "iam_groups": ["arn:aws:iam::999999999999:group/x"] }), "invalid_iam_groups"),
            (json!({ "iam_groups": ["${aws:username}"] }), "invalid_iam_groups"),
            (json!({ "iam_user_boundary": "arn:aws:iam::999999999999:policy/x" }), "invalid_iam_user_boundary"),
            (json!({ "kms_key": "alias/mine" }), "invalid_kms_key"),
        ] {
            let refused = cy.patch(&place, json!({ "scope": bad })).await.is(422).json();
            assert_eq!(refused["code"], code, "{refused}");
        }
        assert_eq!(policy().await, now, "what was refused changed nothing");
        // The role in AWS has not got all that yet: the test names what it lacks, and what it may.
        let tested = cy.post(&format!("{place}/test"), json!({})).await.ok();
        let actions = tested["last_test"]["actions"].as_array().expect("a table").clone();
        let able = |name: &str| actions.iter().find(|it| it["action"] == name).expect("in the table")["able"].clone();
        assert_eq!(able("iam:UpdateSAMLProvider"), "missing");
        assert_eq!(able("iam:CreateUser"), "works");
        assert_eq!(able("sso:ListPermissionSets"), "works");
        let shown = sound(door.get(&format!("/connections/{}", there.connection)).await, 200);
        assert!(shown.contains("actions it needs, one by one") && shown.contains("iam:UpdateSAMLProvider"), "{shown}");
        assert!(shown.contains("Policy to paste") && shown.contains("StintChangesManagementAccountProvider"), "{shown}");
        // The page says the same, keeps what was typed wrongly, and saves.
        let path = format!("/connections/{}/scope", there.connection);
        let page = sound(door.get(&path).await, 200);
        assert!(page.contains(&developers) && page.contains("value=\"app-\"") && page.contains("policy/Limits"), "{page}");
        assert!(!page.contains("key_rotation"), "it enters by a role: {page}");
        let wrong = [("iam", "on"), ("iam_groups", "one two"), ("iam_user_prefix", SHOULD_STAY)];
        let page = sound(door.form(&path, &wrong).await, 422);
        assert!(page.contains("is neither the name nor the ARN") && page.contains("one two") && page.contains(SHOULD_STAY), "{page}");
        door.form(&path, &[("iam", "on"), ("faster", "on"), ("iam_groups", "Developers\r\nData")]).await.is(303);
        let saved = cy.get(&place).await.ok();
        assert_eq!(saved["scope"]["iam_groups"].as_array().map(Vec::len), Some(2));
        assert_eq!((&saved["scope"]["management_account"], &saved["scope"]["faster"]), (&json!(false), &json!(true)));
        assert!(saved["scope"].get("kms_key").is_none() && saved["scope"].get("iam_user_boundary").is_none());
        assert_eq!(saved["scope"]["iam_user_life"], false);
    }
}

both_engines! {
    async fn who_enters_by_a_key_may_have_it_rotated(world) {
        let there = crate::objects::keys::by_key(&world).await;
        let (cy, door) = (world.as_user("cy"), world.in_browser("cy").await);
        let place = format!("/api/v1/connections/{there}");
        let policy = async || cy.get(&format!("{place}/setup")).await.ok()["permission_policy"].to_string();
        assert!(!policy().await.contains("StintRotatesItsKeys"));
        let path = format!("/connections/{there}/scope");
        let page = sound(door.get(&path).await, 200);
        assert!(page.contains("key_rotation"), "{page}");
        door.form(&path, &[("iam", "on"), ("key_rotation", "on")]).await.is(303);
        assert!(policy().await.contains("StintRotatesItsKeys"));
        let tested = cy.post(&format!("{place}/test"), json!({})).await.ok();
        let actions = tested["last_test"]["actions"].as_array().expect("a table").clone();
        let made = actions.iter().find(|it| it["action"] == "iam:CreateAccessKey").expect("in the table");
        assert_eq!(made["able"], "works", "{made}");
        let setup = sound(door.get(&format!("/connections/{there}/setup")).await, 200);
        assert!(setup.contains("Replaces the access key"), "{setup}");
        cy.patch(&place, json!({ "scope": { "key_rotation": false } })).await.ok();
        assert!(!policy().await.contains("StintRotatesItsKeys"));
    }
}

/// What somebody typed into another field.
const SHOULD_STAY: &str = "ops-";

both_engines! {
    async fn conductor_ones_policy_connects_and_syncs_and_the_test_lists_what_it_lacks(world) {
        let there = world.organize().await;
        let (cy, place) = (world.as_user("cy"), format!("/api/v1/connections/{}", there.connection));
        let whole = directory::sync(&world.cx("cy"), there.connection).await.expect("read");
        let role = world.facts().connector_role_arn;
        world.sim().put_role_permissions(&role, sources::CONDUCTOR_ONE).expect("AWS takes it");
        let tested = cy.post(&format!("{place}/test"), json!({})).await.ok();
        let report = &tested["last_test"];
        assert_eq!(report["passed"], true, "{report:#}");
        let lacks = |name: &str| {
            let actions = report["actions"].as_array().expect("a table");
            actions.iter().any(|it| it["action"] == name && it["able"] == "missing")
        };
        for name in ["sso:ListAccountAssignmentsForPrincipal", "organizations:DescribeOrganization", "identitystore:GetGroupMembershipId"] {
            assert!(lacks(name), "{name}: {report:#}");
        }
        let run = directory::sync(&world.cx("cy"), there.connection).await.expect("read");
        assert_eq!((run.state.as_str(), run.ended, run.appeared), ("complete", 0, 0), "{run:?}");
        assert_eq!(run.seen, whole.seen, "it sees as much");
        assert!(run.calls >= whole.calls, "by no fewer calls: {} and {}", run.calls, whole.calls);
    }
}
