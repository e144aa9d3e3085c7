//! Connections over the API: what is said, and what never is.

use serde_json::json;
use stint_testkit::both_engines;

use crate::forms::sound;

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
