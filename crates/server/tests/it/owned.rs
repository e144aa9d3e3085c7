//! Identity Center groups that a directory provisions: their members are no business of Stint's.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use stint_domain::Span;
use stint_server::directory;
use stint_testkit::{World, both_engines};
use tower::ServiceExt as _;

use crate::forms::{filled, goes, send, sound};

const CODE: &str = "group_owned_by_directory";
const ISSUER: &str = "https://login.example.com/scim";

both_engines!(World::builder();
    async fn a_group_that_a_directory_provisions_is_neither_offered_nor_asked_for(world) {
        let org = world.organize().await;
        let [data, other] = [org.membership(&world, "data").await, org.membership(&world, "platform").await];
        for group in [data, other] {
            org.offer(&world, group, org.approved).await;
        }
        let [ana, bo, cy] = [world.as_user("ana"), world.as_user("bo"), world.as_user("cy")];
        let ask = |what| json!({"entitlement": what, "duration_seconds": 3600, "reason": "INC-2291"});
        let pending = world.ask("ana", data, Span::hours(1)).await;
        let group = world.sim().group_id("data").expect("the group");
        world.sim().put_external_id(&group, ISSUER, "00g1").expect("taken over");
        directory::sync(&world.cx("cy"), org.connection).await.expect("read");

        let place = format!("/api/v1/entitlements?connection={}&q=group", org.connection);
        let listed = cy.get(&place).await.ok();
        for row in listed["items"].as_array().expect("rows") {
            let owner = (row["id"] == json!(data)).then_some(ISSUER);
            assert_eq!(row["owned_by"].as_str(), owner, "{row:#}");
        }
        // Neither into a catalog, with all that came along,
        let made = cy.post("/api/v1/catalogs", json!({"name": "Teams", "audience": []})).await.is(201).json();
        let into = format!("/api/v1/catalogs/{}/entitlements", made["id"].as_str().expect("an id"));
        let refused = cy.post(&into, json!({"entitlements": [other, data]})).await.is(409);
        assert_eq!(refused.json()["code"], CODE);
        assert!(refused.text().contains("in that directory") && refused.text().contains(ISSUER), "{}", refused.text());
        assert_eq!(cy.get(&into).await.ok()["items"], json!([]));
        // nor on offer, nor asked for, nor approved where it was asked for before.
        let offers = ana.get("/api/v1/offers").await.ok();
        let offered = |id| offers["items"].as_array().is_some_and(|all| all.iter().any(|o| o["entitlement"]["id"] == json!(id)));
        assert!(!offered(data) && offered(other), "{offers:#}");
        assert_eq!(ana.post("/api/v1/requests", ask(data)).await.is(409).json()["code"], CODE);
        let preview = ana.post("/api/v1/requests/preview", ask(data)).await.ok();
        assert_eq!(preview["refusals"][0]["code"], CODE, "{preview:#}");
        let approve = format!("/api/v1/requests/{pending}/approve");
        assert_eq!(bo.post(&approve, json!({})).await.is(409).json()["code"], CODE);
        // Another group is as it was.
        ana.post("/api/v1/requests", ask(other)).await.is(201);
    }
);

both_engines!(World::builder();
    async fn the_pages_say_why_such_a_group_is_neither_chosen_nor_offered(world) {
        let org = world.organize().await;
        let [data, other] = [org.membership(&world, "data").await, org.membership(&world, "platform").await];
        org.offer(&world, data, org.approved).await;
        let group = world.sim().group_id("data").expect("the group");
        world.sim().put_external_id(&group, ISSUER, "00g1").expect("taken over");
        directory::sync(&world.cx("cy"), org.connection).await.expect("read");
        let cy = world.in_browser("cy").await;

        // Where it is in a catalog already, its row says why nobody is offered it.
        let page = sound(cy.get(&format!("/catalogs/{}", org.catalog)).await, 200);
        assert!(page.contains("Not offered") && page.contains(ISSUER) && page.contains("in that directory"), "{page}");

        // It is not there to be chosen, and what is left out is said.
        let made = world.as_user("cy").post("/api/v1/catalogs", json!({"name": "Teams", "audience": []})).await.is(201).json();
        let place = format!("/catalogs/{}", made["id"].as_str().expect("an id"));
        let add = format!("{place}/add");
        let page = sound(cy.get(&add).await, 200);
        let page = sound(send(&cy, &add, &page, &[("entitlements.q", "center group")]).await, 200);
        assert!(!page.contains(&data.to_string()) && page.contains(&other.to_string()), "{page}");
        assert!(page.contains("Left out: “Identity Center group data” is provisioned by the directory"), "{page}");
        let all = [("entitlements.q", "center group"), ("do", "entitlements.all")];
        let page = sound(send(&cy, &add, &page, &all).await, 200);
        let chosen: Vec<String> = (filled(&page, &[]).into_iter())
            .filter_map(|(name, value)| (name == "entitlements").then_some(value)).collect();
        assert!(chosen.contains(&other.to_string()) && !chosen.contains(&data.to_string()), "{chosen:?}");

        // Sent all the same, from a page that is older than the sync, all of it is refused.
        let sent = [("entitlements", other.to_string()), ("entitlements", data.to_string())];
        let sent = sent.each_ref().map(|(name, value)| (*name, &**value));
        let page = sound(cy.form(&add, &sent).await, 422);
        assert!(page.contains("id=\"entitlements-mistake\"") && page.contains(ISSUER), "{page}");
        assert!(page.contains(&format!("value=\"entitlements.drop:{data}\"")), "what was chosen stays: {page}");
        assert!(sound(cy.get(&place).await, 200).contains("Nothing in it yet"));
        let alone = other.to_string();
        assert_eq!(goes(cy.form(&add, &[("entitlements", &*alone)]).await), place);
    }
);

both_engines!(World::builder();
    async fn a_group_that_an_identity_provider_takes_over_by_scim_is_left_to_it(world) {
        let org = world.organize().await;
        let data = org.membership(&world, "data").await;
        org.offer(&world, data, org.approved).await;
        let ask = json!({"entitlement": data, "duration_seconds": 3600, "reason": "INC-2291"});
        let ana = world.as_user("ana");
        assert_eq!(ana.post("/api/v1/requests/preview", ask.clone()).await.ok()["refusals"], json!([]));

        let group = world.sim().group_id("data").expect("the group");
        let (_, secret) = world.sim().create_scim_token().expect("a token");
        let place = format!("/{}/scim/v2/Groups/{group}", world.facts().scim_tenant_id);
        let change = json!({"Operations": [{"op": "replace", "path": "externalId", "value": "00g1"}]});
        let request = Request::patch(place).header("authorization", format!("Bearer {secret}"));
        let request = request.body(Body::from(change.to_string())).expect("a request");
        let answer = world.sim().router().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), 204);
        directory::sync(&world.cx("cy"), org.connection).await.expect("read");

        let refused = ana.post("/api/v1/requests", ask).await.is(409);
        assert_eq!(refused.json()["code"], CODE);
        assert!(refused.text().contains("https://scim.aws.com/"), "{}", refused.text());
    }
);
