//! Rotation of the key a connection enters by.

use serde_json::{Value, json};
use stint_domain::{ConnectionId, Span};
use stint_server::connections::{self, NewCredential};
use stint_testkit::sim::{Effect, Fault, Party};
use stint_testkit::{World, both_engines};

use super::{HOUR, changes, connect, small};

pub(crate) async fn by_key(world: &World) -> ConnectionId {
    let facts = world.facts();
    let credential = NewCredential::AccessKey {
        id: facts.connector_user.access_key_id,
        secret: facts.connector_user.secret_access_key.into(),
        account: facts.management_account,
    };
    connect(world, credential).await
}

/// The keys of the connector's user, as the estate's administrator sees them.
pub(crate) async fn keys(world: &World) -> Vec<(String, bool)> {
    let iam = world.aws().iam;
    let listed = iam
        .list_access_keys()
        .user_name("stint-connector")
        .send()
        .await;
    let listed = listed.expect("the administrator may look");
    let mut keys: Vec<(String, bool)> = (listed.access_key_metadata().iter())
        .map(|key| {
            let active = key.status().is_some_and(|it| it.as_str() == "Active");
            (key.access_key_id().expect("an id").to_owned(), active)
        })
        .collect();
    keys.sort();
    keys
}

async fn begin(world: &World, connection: ConnectionId) -> String {
    let path = format!("/api/v1/connections/{connection}/rotate-key");
    let begun = world
        .as_user("cy")
        .post(&path, json!({}))
        .await
        .is(202)
        .json();
    begun["id"].as_str().expect("an id").to_owned()
}

async fn shown(world: &World, id: &str) -> Value {
    world
        .as_user("cy")
        .get(&format!("/api/v1/key-rotations/{id}"))
        .await
        .ok()
}

/// The key the connection enters by.
async fn in_use(world: &World, connection: ConnectionId) -> String {
    let path = format!("/api/v1/connections/{connection}");
    let it = world.as_user("cy").get(&path).await.ok();
    it["access_key_id"].as_str().expect("a key").to_owned()
}

both_engines!(World::builder().estate(small());
    async fn a_key_is_replaced_step_by_step(world) {
        let connection = by_key(&world).await;
        let old = in_use(&world, connection).await;
        let since = world.sim().calls();
        let id = begin(&world, connection).await;
        world.run_due().await;
        let rotation = shown(&world, &id).await;
        assert_eq!(rotation["state"], "retiring", "{rotation:#}");
        let new = in_use(&world, connection).await;
        assert_ne!(new, old);
        assert_eq!(rotation["new_access_key_id"], new.as_str());
        // Tested again as after every change of a credential.
        let it = world.as_user("cy").get(&format!("/api/v1/connections/{connection}")).await.ok();
        assert_eq!(it["last_test"]["passed"], true, "{it:#}");
        world.advance(Span::minutes(5)).await;
        assert_eq!(shown(&world, &id).await["state"], "settling");
        let mut both = vec![(old.clone(), false), (new.clone(), true)];
        both.sort();
        assert_eq!(keys(&world).await, both);
        // A second one is not begun beside it, and this one is not called off any more.
        let again = world.as_user("cy").post(&format!("/api/v1/connections/{connection}/rotate-key"), json!({})).await;
        assert_eq!(again.is(409).json()["code"], "rotation_under_way");
        let off = format!("/api/v1/key-rotations/{id}/cancel");
        world.as_user("cy").post(&off, json!({"reason": "no"})).await.is(409);
        world.advance(Span::hours(25)).await;
        let over = shown(&world, &id).await;
        assert_eq!(over["state"], "done", "{over:#}");
        assert_eq!(keys(&world).await, [(new.clone(), true)]);
        assert_eq!(changes(&world, since), ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"]);
        let tested = connections::test(&world.cx("cy"), connection).await.expect("tested");
        assert!(tested.last_test.expect("a report").passed);
        let browser = world.in_browser("cy").await;
        let page = browser.get(&format!("/connections/{connection}/key")).await.is(200);
        assert!(page.text().contains(&new) && page.text().contains("Rotate it"));
    }
);

both_engines!(World::builder().estate(small());
    async fn a_key_nobody_knows_is_made_inactive_and_deleted(world) {
        let connection = by_key(&world).await;
        let old = in_use(&world, connection).await;
        let lost = Fault::on("iam:CreateAccessKey").by(Party::Stint).nth(1);
        world.sim().faults().add(lost, Effect::LoseAfter);
        let since = world.sim().calls();
        let id = begin(&world, connection).await;
        world.advance(Span::hours(26)).await;
        let over = shown(&world, &id).await;
        assert_eq!(over["state"], "done", "{over:#}");
        let new = in_use(&world, connection).await;
        assert_ne!(new, old);
        assert_eq!(keys(&world).await, [(new, true)]);
        assert_eq!(changes(&world, since), [
            "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey",
        ]);
        let told = over["timeline"].as_array().expect("moments").iter().any(|it| it["what"] == "key_rotation.lost_key");
        assert!(told, "{over:#}");
    }
);

both_engines!(World::builder().estate(small());
    async fn a_second_key_of_others_is_in_the_way_and_named(world) {
        let connection = by_key(&world).await;
        let old = in_use(&world, connection).await;
        let iam = world.aws().iam;
        let other = iam.create_access_key().user_name("stint-connector").send().await.expect("a key");
        let other = other.access_key().expect("a key").access_key_id().to_owned();
        let since = world.sim().calls();
        let id = begin(&world, connection).await;
        world.settle().await;
        let over = shown(&world, &id).await;
        assert_eq!(over["state"], "failed", "{over:#}");
        let why = over["failure"].as_str().expect("a reason");
        assert!(why.contains(&other) && why.contains("two access keys"), "{why}");
        assert!(changes(&world, since).is_empty());
        assert_eq!(in_use(&world, connection).await, old);
    }
);

both_engines!(World::builder().estate(small());
    async fn what_aws_does_not_let_stint_do_leaves_the_old_key_in_use(world) {
        let connection = by_key(&world).await;
        let old = in_use(&world, connection).await;
        let denied = Fault::on("iam:CreateAccessKey").by(Party::Stint);
        world.sim().faults().add(denied, Effect::refuse("AccessDenied"));
        let id = begin(&world, connection).await;
        world.settle().await;
        let over = shown(&world, &id).await;
        assert_eq!(over["state"], "failed", "{over:#}");
        assert!(over["failure"].as_str().expect("a reason").contains("AccessDenied"), "{over:#}");
        assert_eq!(keys(&world).await, [(old.clone(), true)]);
        assert_eq!(in_use(&world, connection).await, old);
    }
);

both_engines!(World::builder().estate(small());
    async fn an_old_key_somebody_still_uses_is_not_fought_over(world) {
        let connection = by_key(&world).await;
        let old = in_use(&world, connection).await;
        let id = begin(&world, connection).await;
        world.advance(HOUR).await;
        assert_eq!(shown(&world, &id).await["state"], "settling");
        let iam = world.aws().iam;
        iam.update_access_key().user_name("stint-connector").access_key_id(&old)
            .status(stint_testkit::iam::StatusType::Active).send().await.expect("active again");
        world.advance(Span::hours(25)).await;
        let stuck = shown(&world, &id).await;
        assert_eq!(stuck["state"], "stuck", "{stuck:#}");
        assert!(stuck["stuck_reason"].as_str().expect("a reason").contains("active again"), "{stuck:#}");
        assert!(keys(&world).await.contains(&(old.clone(), true)));
        world.as_user("cy").post(&format!("/api/v1/key-rotations/{id}/retry"), json!({})).await.ok();
        world.advance(HOUR).await;
        assert_eq!(shown(&world, &id).await["state"], "done");
        assert!(keys(&world).await.iter().all(|(id, _)| *id != old));
    }
);

both_engines!(World::builder().estate(small());
    async fn a_rotation_called_off_takes_its_key_back(world) {
        let connection = by_key(&world).await;
        let old = in_use(&world, connection).await;
        // AWS does not know the new key yet.
        let id = begin(&world, connection).await;
        let unknown = Fault::on("sts:GetCallerIdentity").by(Party::Stint).from(2);
        let unknown = world.sim().faults().add(unknown, Effect::refuse("InvalidClientTokenId"));
        world.run_due().await;
        assert_eq!(shown(&world, &id).await["state"], "testing");
        world.sim().faults().remove(unknown);
        let off = format!("/api/v1/key-rotations/{id}/cancel");
        world.as_user("cy").post(&off, json!({"reason": "not today"})).await.ok();
        world.advance(HOUR).await;
        let over = shown(&world, &id).await;
        assert_eq!(over["state"], "failed", "{over:#}");
        assert_eq!(keys(&world).await, [(old.clone(), true)]);
        assert_eq!(in_use(&world, connection).await, old);
    }
);

both_engines!(World::builder().estate(small());
    async fn only_who_enters_by_a_key_can_rotate_one(world) {
        let connection = crate::objects::by_role(&world).await;
        let path = format!("/api/v1/connections/{connection}/rotate-key");
        let refused = world.as_user("cy").post(&path, json!({})).await.is(409).json();
        assert_eq!(refused["code"], "no_access_key");
        world.as_user("dee").post(&path, json!({})).await.is(403);
        world.as_user("ana").post(&path, json!({})).await.is(404);
    }
);
