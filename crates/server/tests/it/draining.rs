//! Taking a connection out of service: nothing new is given, what was given runs out, and only
//! then can it be removed.

use serde_json::json;
use stint_domain::Span;
use stint_server::connections::{self, NewConnection, NewCredential};
use stint_server::draining;
use stint_server::http::Fault as _;
use stint_server::requests;
use stint_testkit::both_engines;

const ROUNDS: usize = 12;

both_engines! {
    async fn a_drained_connection_gives_nothing_new_and_goes_once_nothing_is_left(world) {
        let org = world.organize().await;
        let wanted = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, wanted, org.approved).await;
        let id = org.connection;
        let (cy, ana) = (world.as_user("cy"), world.as_user("ana"));
        let place = format!("/api/v1/connections/{id}");

        // Ana's standing access is nobody's business here, and stays to the end.
        let facts = world.facts();
        let account = world.sim().account_id("prod-payments").expect("an account");
        let standing = world.sim().permission_set_arn("ReadOnlyAccess").expect("a set");
        let set = world.sim().permission_set_arn("prod-admin").expect("a set");
        let ana_aws = facts.ana.clone().expect("Ana").user_id;

        let given = world.ask("ana", wanted, Span::hours(2)).await;
        world.approve("bo", given).await;
        world.settle().await;
        assert!(world.aws().has(&account, &set, &ana_aws).await);
        let waiting = world.ask("cy", wanted, Span::hours(1)).await;

        cy.delete(&place).await.refused(409, "connection_in_use");
        let left = cy
            .post(&format!("{place}/drain"), json!({ "reason": "moving to the new organization" }))
            .await
            .is(200)
            .json();
        assert_eq!((&left["grants"], &left["requests"]), (&json!(1), &json!(1)), "{left}");
        assert_eq!(left["removable"], false);

        // Refused with why, and who to ask.
        let ask = json!({ "entitlement": wanted, "duration_seconds": 3600, "reason": "INC-1" });
        let refused = ana.post("/api/v1/requests", ask.clone()).await;
        let refused = refused.refused(409, "connection_draining");
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.contains("moving to the new organization") && detail.contains("Cy"), "{detail}");
        let preview = ana.post("/api/v1/requests/preview", ask.clone()).await.ok();
        assert_eq!(preview["refusals"][0]["code"], "connection_draining", "{preview}");
        let approve = format!("/api/v1/requests/{waiting}/approve");
        let bo = world.as_user("bo");
        bo.post(&approve, json!({ "comment": "" })).await.refused(409, "connection_draining");
        let refused = cy.delete(&place).await.refused(409, "connection_in_use");
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(
            detail.contains("1 grant that has not ended") && detail.contains("1 request nobody"),
            "{detail}"
        );

        // Back in service everything is as before.
        cy.post(&format!("{place}/resume"), json!({})).await.is(200);
        let extra = world.ask("ana", wanted, Span::hours(1)).await;
        requests::cancel(&world.cx("ana"), extra).await.expect("cancelled");
        cy.post(&format!("{place}/drain"), json!({})).await.is(200);

        // Syncs go on, and what was given runs out on its time.
        stint_server::directory::sync(&world.cx("cy"), id).await.expect("read");
        requests::deny(&world.cx("bo"), waiting, "drained").await.expect("denied");
        world.advance(Span::hours(3)).await;
        world.settle().await;
        assert!(!world.aws().has(&account, &set, &ana_aws).await, "removed on time");
        let left = cy.get(&format!("{place}/remaining")).await.ok();
        assert_eq!(left["removable"], true, "{left}");

        cy.delete(&place).await.is(204);
        cy.delete(&place).await.refused(409, "connection_removed");
        let kept = cy.get(&place).await.ok();
        assert!(kept["removed_at"].is_string() && kept["name"] == "prod (removed)", "{kept}");
        assert_eq!(cy.get("/api/v1/connections").await.ok()["items"], json!([]));
        // What it gave stays readable; nothing of it can be asked for.
        let detail = cy.get(&format!("/api/v1/requests/{given}")).await.ok();
        assert_eq!(detail["state"], "approved");
        ana.post("/api/v1/requests", ask).await.is(404);
        cy.post(&format!("{place}/test"), json!({})).await.refused(409, "connection_removed");
        assert!(world.aws().has(&account, &standing, &ana_aws).await, "nothing was changed in AWS");

        // Name, way in and estate are free for another.
        let cx = world.cx("cy");
        let new = NewConnection {
            application: kept["application_id"].as_str().expect("an id").parse().expect("an id"),
            name: "prod".to_owned(),
            credential: NewCredential::role(&facts.connector_role_arn),
            region: facts.region.clone(),
            iam: false,
            owners: Vec::new(),
        };
        let again = connections::create(&cx, new).await.expect("created");
        world.sim().trust_connector(&again.external_id);
        let again = connections::test(&cx, again.id).await.expect("tested");
        assert_eq!(again.instance_arn.as_deref(), Some(facts.instance_arn.as_str()));
    }
}

both_engines! {
    async fn the_secret_of_a_removed_connection_is_erased(world) {
        let org = world.organize().await;
        let facts = world.facts();
        let cx = world.cx("cy");
        let user = &facts.connector_user;
        let change = connections::ConnectionChange {
            credential: Some(NewCredential::AccessKey {
                id: user.access_key_id.clone(),
                secret: user.secret_access_key.clone().into(),
                account: facts.management_account.clone(),
            }),
            ..Default::default()
        };
        let changed = connections::update(&cx, org.connection, change, None).await.expect("changed");
        assert!(changed.last_test.expect("tested").passed);
        draining::remove(&cx, org.connection).await.expect("nothing holds it");
        let kept = connections::get(&cx, org.connection).await.expect("on record");
        assert_eq!(kept.credential.key().expect("a key").sealed, None);
        let mut reader = world.app().db.reader().await.expect("a reader");
        let keys = connections::keys_in_use(&mut reader).await.expect("read");
        assert!(keys.is_empty(), "no master key is needed any more: {keys:?}");
    }
}

both_engines! {
    async fn of_an_approval_and_the_begin_of_draining_whoever_commits_first_wins(world) {
        let org = world.organize().await;
        let wanted = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, wanted, org.approved).await;
        let (mut given, mut refused) = (0, 0);
        for round in 0..ROUNDS {
            let request = world.ask("ana", wanted, Span::hours(1)).await;
            let before = draining::remaining(&world.cx("cy"), org.connection).await;
            let before = before.expect("known").unsettled.grants;
            let (bo, cy, id) = (world.cx("bo"), world.cx("cy"), org.connection);
            let approve = tokio::spawn(async move { requests::approve(&bo, request, "").await });
            if round % 3 == 0 {
                tokio::task::yield_now().await;
            }
            let drain = tokio::spawn(async move { draining::drain(&cy, id, "").await });
            let approved = approve.await.expect("no panic");
            let drained = drain.await.expect("no panic").expect("drained");
            match approved {
                // Then who drained saw the grant.
                Ok(_) => {
                    assert_eq!(drained.unsettled.grants, before + 1, "round {round}");
                    given += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), "connection_draining", "{error:?}");
                    assert_eq!(drained.unsettled.grants, before, "round {round}");
                    requests::cancel(&world.cx("ana"), request).await.expect("cancelled");
                    refused += 1;
                }
            }
            draining::resume(&world.cx("cy"), org.connection).await.expect("resumed");
        }
        println!("{}: {given} approvals came first, {refused} were refused", world.engine().as_str());
        world.settle().await;
    }
}
