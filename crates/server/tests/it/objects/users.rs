//! The life of an IAM user.

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use stint_aws::MARK;
use stint_domain::{ConnectionId, Span};
use stint_testkit::iam::StatusType;
use stint_testkit::sim::{Effect, Fault, Party};
use stint_testkit::{World, both_engines};

use super::{by_role, changes, small};

async fn asked(world: &World, connection: ConnectionId, body: Value) -> String {
    let path = format!("/api/v1/connections/{connection}/iam-users");
    let made = world.as_user("cy").post(&path, body).await.is(202).json();
    made["id"].as_str().expect("an id").to_owned()
}

async fn shown(world: &World, id: &str) -> Value {
    world
        .as_user("cy")
        .get(&format!("/api/v1/iam-users/{id}"))
        .await
        .ok()
}

/// The six digits a virtual device shows (RFC 6238).
fn code(seed: &str, seconds: i64) -> String {
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in seed.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        (bits, held) = (bits << 5 | u32::from(value), held + 5);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let mac = hmac::sign(&key, &seconds.div_euclid(30).to_be_bytes());
    let at = usize::from(mac.as_ref()[mac.as_ref().len() - 1] & 15);
    let four: [u8; 4] = mac.as_ref()[at..at + 4].try_into().expect("four");
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

/// The administrator's calls are judged by the real time, and so are the codes with them.
#[expect(
    clippy::disallowed_methods,
    reason = "the administrator's SDK signs with the real time, and the simulator judges it by that"
)]
fn real_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("not so far")
}

/// Hangs on a user all that AWS wants gone before it is deleted.
async fn burden(world: &World, name: &str) {
    let iam = world.aws().iam;
    let key = iam
        .create_access_key()
        .user_name(name)
        .send()
        .await
        .expect("a key");
    assert!(key.access_key().is_some());
    iam.create_login_profile()
        .user_name(name)
        .password("Correct-Horse-9")
        .send()
        .await
        .expect("a password");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    iam.put_user_policy()
        .user_name(name)
        .policy_name("reads")
        .policy_document(policy)
        .send()
        .await
        .expect("an inline policy");
    iam.attach_user_policy()
        .user_name(name)
        .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")
        .send()
        .await
        .expect("attached");
    let group = iam.list_groups().send().await.expect("groups").groups()[0]
        .group_name()
        .to_owned();
    iam.add_user_to_group()
        .user_name(name)
        .group_name(group)
        .send()
        .await
        .expect("a member");
    let device = iam
        .create_virtual_mfa_device()
        .virtual_mfa_device_name(name)
        .send()
        .await
        .expect("a device");
    let serial = device
        .virtual_mfa_device()
        .expect("a device")
        .serial_number()
        .to_owned();
    let seed = device
        .virtual_mfa_device()
        .and_then(|it| it.base32_string_seed())
        .expect("a seed");
    let seed = String::from_utf8(seed.as_ref().to_vec()).expect("text");
    let now = real_seconds();
    iam.enable_mfa_device()
        .user_name(name)
        .serial_number(&serial)
        .authentication_code1(code(&seed, now))
        .authentication_code2(code(&seed, now + 30))
        .send()
        .await
        .expect("enabled");
}

async fn exists(world: &World, name: &str) -> bool {
    world
        .aws()
        .iam
        .get_user()
        .user_name(name)
        .send()
        .await
        .is_ok()
}

both_engines!(World::builder().estate(small());
    async fn a_user_is_made_locked_out_and_deleted_with_all_that_hangs_on_it(world) {
        let connection = by_role(&world).await;
        let since = world.sim().calls();
        let id = asked(&world, connection, json!({"name": "deploy-bot", "path": "/stint/", "reason": "deploys"})).await;
        assert_eq!(shown(&world, &id).await["state"], "creating");
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "active", "{user:#}");
        assert_eq!(changes(&world, since), ["CreateUser"]);
        let made = world.aws().iam.get_user().user_name("deploy-bot").send().await.expect("there");
        let made = made.user().expect("a user");
        assert_eq!(made.path(), "/stint/");
        assert_eq!(user["user_id"], made.user_id());
        let tag = made.tags().iter().find(|tag| tag.key() == MARK).expect("the tag");
        assert_eq!(tag.value(), id);

        world.sim().clock().advance(Span::minutes(1).as_micros());
        burden(&world, "deploy-bot").await;
        world.sim().clock().advance(Span::minutes(1).as_micros());
        let since = world.sim().calls();
        let cy = world.as_user("cy");
        cy.post(&format!("/api/v1/iam-users/{id}/disable"), json!({"reason": ""})).await.is(422);
        cy.post(&format!("/api/v1/iam-users/{id}/disable"), json!({"reason": "left"})).await.ok();
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "disabled", "{user:#}");
        assert_eq!(changes(&world, since), ["UpdateAccessKey", "DeleteLoginProfile"]);
        let keys = world.aws().iam.list_access_keys().user_name("deploy-bot").send().await.expect("keys");
        assert!(keys.access_key_metadata().iter().all(|key| key.status().expect("a status").as_str() == "Inactive"));

        // Somebody opens it again: deleting begins with locking it out all the same.
        let key = keys.access_key_metadata()[0].access_key_id().expect("an id").to_owned();
        world.aws().iam.update_access_key().user_name("deploy-bot").access_key_id(key)
            .status(StatusType::Active).send().await.expect("active");
        let since = world.sim().calls();
        cy.post(&format!("/api/v1/iam-users/{id}/delete"), json!({"reason": "gone for good"})).await.ok();
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "deleted", "{user:#}");
        assert!(!exists(&world, "deploy-bot").await);
        assert_eq!(changes(&world, since), [
            "UpdateAccessKey", "DeleteAccessKey", "DeactivateMFADevice", "DeleteUserPolicy", "DetachUserPolicy",
            "RemoveUserFromGroup", "DeleteVirtualMFADevice", "DeleteUser",
        ]);
        let devices = world.aws().iam.list_virtual_mfa_devices().send().await.expect("devices");
        assert!(devices.virtual_mfa_devices().iter().all(|it| !it.serial_number().ends_with("deploy-bot")));
        // Every call with AWS's own id.
        let timeline = user["timeline"].as_array().expect("moments");
        let answered: Vec<&Value> = timeline.iter().filter(|it| it["what"] == "object.answered").collect();
        assert_eq!(answered.len(), 11);
        assert!(answered.iter().all(|it| it["aws_request_id"].is_string()), "{answered:#?}");
        // What is over is over.
        cy.post(&format!("/api/v1/iam-users/{id}/delete"), json!({"reason": "again"})).await.is(409);
    }
);

both_engines!(World::builder().estate(small());
    async fn a_create_whose_answer_was_lost_is_recognised_by_its_tag(world) {
        let connection = by_role(&world).await;
        let lost = Fault::on("iam:CreateUser").by(Party::Stint).nth(1);
        world.sim().faults().add(lost, Effect::LoseAfter);
        let since = world.sim().calls();
        let id = asked(&world, connection, json!({"name": "deploy-bot", "reason": "deploys"})).await;
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "active", "{user:#}");
        assert_eq!(changes(&world, since), ["CreateUser"], "it is not made twice");
    }
);

both_engines!(World::builder().estate(small());
    async fn a_name_that_is_taken_is_nobodys_to_take(world) {
        let connection = by_role(&world).await;
        world.aws().iam.create_user().user_name("Deploy-Bot").send().await.expect("by hand");
        let since = world.sim().calls();
        let id = asked(&world, connection, json!({"name": "deploy-bot", "reason": "deploys"})).await;
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "failed", "{user:#}");
        assert!(user["failure"].as_str().expect("a reason").contains("already"), "{user:#}");
        assert!(changes(&world, since).is_empty());
        assert!(exists(&world, "deploy-bot").await);
    }
);

both_engines!(World::builder().estate(small());
    async fn what_stint_did_not_make_is_deleted_only_by_who_names_it(world) {
        let connection = by_role(&world).await;
        world.aws().iam.create_user().user_name("old-robot").send().await.expect("by hand");
        burden(&world, "old-robot").await;
        world.sim().clock().advance(Span::minutes(1).as_micros());
        let since = world.sim().calls();
        let body = json!({"name": "old-robot", "existing": true, "reason": "nobody uses it"});
        let id = asked(&world, connection, body).await;
        let delete = format!("/api/v1/iam-users/{id}/delete");
        let cy = world.as_user("cy");
        // Not before it was looked at.
        cy.post(&delete, json!({"reason": "unused", "confirm": "old-robot"})).await.is(409);
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "found", "{user:#}");
        let hanging = user["hanging"].as_array().expect("what hangs on it").len();
        assert_eq!(hanging, 7, "{user:#}");
        assert!(changes(&world, since).is_empty(), "it is only looked at");
        for confirm in [json!({"reason": "unused"}), json!({"reason": "unused", "confirm": "old-robots"})] {
            let refused = cy.post(&delete, confirm).await.is(422).json();
            assert_eq!(refused["code"], "user_not_named");
        }
        cy.post(&delete, json!({"reason": "unused", "confirm": "old-robot"})).await.ok();
        world.settle().await;
        assert_eq!(shown(&world, &id).await["state"], "deleted");
        assert!(!exists(&world, "old-robot").await);
    }
);

both_engines!(World::builder().estate(small());
    async fn who_bears_the_name_afterwards_is_not_touched(world) {
        let connection = by_role(&world).await;
        let id = asked(&world, connection, json!({"name": "deploy-bot", "reason": "deploys"})).await;
        world.settle().await;
        world.aws().iam.update_user().user_name("deploy-bot").new_user_name("robot-two").send().await.expect("renamed");
        world.aws().iam.create_user().user_name("deploy-bot").send().await.expect("another");
        burden(&world, "deploy-bot").await;
        world.sim().clock().advance(Span::minutes(1).as_micros());
        let delete = format!("/api/v1/iam-users/{id}/delete");
        world.as_user("cy").post(&delete, json!({"reason": "left"})).await.ok();
        world.settle().await;
        assert_eq!(shown(&world, &id).await["state"], "deleted");
        assert!(!exists(&world, "robot-two").await, "it is found by its id");
        assert!(exists(&world, "deploy-bot").await);
        let login = world.aws().iam.get_login_profile().user_name("deploy-bot").send().await;
        assert!(login.is_ok(), "the new bearer keeps everything");
    }
);

both_engines!(World::builder().estate(small());
    async fn what_aws_refuses_is_stuck_with_its_reason_while_the_rest_goes_on(world) {
        let connection = by_role(&world).await;
        let id = asked(&world, connection, json!({"name": "deploy-bot", "reason": "deploys"})).await;
        world.settle().await;
        burden(&world, "deploy-bot").await;
        world.sim().clock().advance(Span::minutes(1).as_micros());
        let denied = Fault::on("iam:DeleteUserPolicy").by(Party::Stint);
        let message = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: iam:DeleteUserPolicy on \
            resource: user deploy-bot because no identity-based policy allows the iam:DeleteUserPolicy action";
        let effect = Effect::Refuse { code: "AccessDenied".to_owned(), message: message.to_owned() };
        let denied = world.sim().faults().add(denied, effect);
        let delete = format!("/api/v1/iam-users/{id}/delete");
        world.as_user("cy").post(&delete, json!({"reason": "left"})).await.ok();
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "stuck", "{user:#}");
        let reason = user["stuck_reason"].as_str().expect("a reason");
        assert!(reason.starts_with("iam:DeleteUserPolicy is not allowed"), "{reason}");
        assert!(reason.contains(r#""Action":"iam:DeleteUserPolicy""#), "{reason}");
        // Locked out, and all else gone.
        assert!(world.aws().iam.get_login_profile().user_name("deploy-bot").send().await.is_err());
        let groups = world.aws().iam.list_groups_for_user().user_name("deploy-bot").send().await.expect("groups");
        assert!(groups.groups().is_empty());
        let tries = world.sim().faults().hits(denied);
        world.advance(Span::hours(2)).await;
        let more = world.sim().faults().hits(denied) - tries;
        assert!((20..=28).contains(&more), "slowly, for ever: {more}");
        world.sim().faults().remove(denied);
        // Not at the very moment of a try.
        world.sim().clock().advance(Span::seconds(20).as_micros());
        world.as_user("cy").post(&format!("/api/v1/iam-users/{id}/retry"), json!({})).await.ok();
        world.settle().await;
        assert_eq!(shown(&world, &id).await["state"], "deleted");
    }
);

both_engines!(World::builder().estate(small());
    async fn what_may_not_be_listed_does_not_keep_a_user_that_has_none_of_it(world) {
        let connection = by_role(&world).await;
        let id = asked(&world, connection, json!({"name": "deploy-bot", "reason": "deploys"})).await;
        world.settle().await;
        let denied = Fault::on("iam:ListSigningCertificates").by(Party::Stint);
        world.sim().faults().add(denied, Effect::refuse("AccessDenied"));
        let delete = format!("/api/v1/iam-users/{id}/delete");
        world.as_user("cy").post(&delete, json!({"reason": "left"})).await.ok();
        world.settle().await;
        assert_eq!(shown(&world, &id).await["state"], "deleted");
    }
);

both_engines!(World::builder().estate(small());
    async fn nobody_reaches_a_user_outside_the_limits_by_another_path(world) {
        let connection = by_role(&world).await;
        let iam = world.aws().iam;
        for (name, path) in [("inside", "/stint/"), ("outside", "/ops/")] {
            iam.create_user().user_name(name).path(path).send().await.expect("made");
        }
        let limit = json!({"scope": {"iam_user_path": "/stint/"}});
        world.as_user("cy").patch(&format!("/api/v1/connections/{connection}"), limit).await.ok();
        let existing = |name: &str| json!({"name": name, "path": "/stint/", "existing": true, "reason": "left"});
        let outside = asked(&world, connection, existing("outside")).await;
        let inside = asked(&world, connection, existing("inside")).await;
        world.settle().await;
        assert_eq!(shown(&world, &inside).await["state"], "found");
        let user = shown(&world, &outside).await;
        assert_eq!(user["state"], "stuck", "{user:#}");
        let reason = user["stuck_reason"].as_str().expect("a reason");
        assert!(reason.contains("/ops/outside"), "{reason}");
        // What Stint has not seen to be its business it does not take apart, whatever is asked.
        let delete = |id: &str| format!("/api/v1/iam-users/{id}/delete");
        let cy = world.as_user("cy");
        cy.post(&delete(&outside), json!({"reason": "left", "confirm": "outside"})).await.refused(409, "wrong_state");
        cy.post(&delete(&inside), json!({"reason": "left", "confirm": "inside"})).await.ok();
        world.advance(Span::minutes(10)).await;
        assert!(exists(&world, "outside").await, "it is under another path than was said");
        assert!(!exists(&world, "inside").await);
    }
);

both_engines!(World::builder().estate(small());
    async fn limits_that_are_narrowed_afterwards_keep_no_access(world) {
        let connection = by_role(&world).await;
        world.aws().iam.create_user().user_name("robot").path("/ops/").send().await.expect("made");
        let id = asked(&world, connection, json!({"name": "robot", "path": "/ops/", "existing": true, "reason": "left"})).await;
        world.settle().await;
        assert_eq!(shown(&world, &id).await["state"], "found");
        let limit = json!({"scope": {"iam_user_path": "/stint/"}});
        let cy = world.as_user("cy");
        cy.patch(&format!("/api/v1/connections/{connection}"), limit).await.ok();
        let delete = format!("/api/v1/iam-users/{id}/delete");
        cy.post(&delete, json!({"reason": "left", "confirm": "robot"})).await.ok();
        world.settle().await;
        let user = shown(&world, &id).await;
        assert_eq!(user["state"], "deleted", "it is known to be the one that was named: {user:#}");
        assert!(!exists(&world, "robot").await);
    }
);

both_engines!(World::builder().estate(small());
    async fn the_list_says_how_each_stands_and_who_may_do_what(world) {
        let connection = by_role(&world).await;
        for name in ["b-two", "a-one", "c-three"] {
            asked(&world, connection, json!({"name": name, "reason": "a test"})).await;
        }
        world.settle().await;
        let path = format!("/api/v1/connections/{connection}/iam-users");
        let cy = world.as_user("cy");
        let names = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().expect("items");
            items.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
        };
        let first = cy.get(&format!("{path}?limit=2")).await.ok();
        assert_eq!(names(&first), ["a-one", "b-two"]);
        let next = first["next"].as_str().expect("more");
        assert_eq!(names(&cy.get(&format!("{path}?limit=2&cursor={next}")).await.ok()), ["c-three"]);
        assert_eq!(names(&cy.get(&format!("{path}?sort=-name")).await.ok()), ["c-three", "b-two", "a-one"]);
        assert_eq!(names(&cy.get(&format!("{path}?q=two&state=active")).await.ok()), ["b-two"]);
        cy.get(&format!("{path}?state=asleep")).await.is(422);
        assert_eq!(world.as_user("dee").get(&path).await.ok()["items"].as_array().expect("items").len(), 3);
        world.as_user("ana").get(&path).await.is(404);
        // Two that are not over never share a name.
        let twice = cy.post(&path, json!({"name": "A-One", "reason": "again"})).await.is(409).json();
        assert_eq!(twice["code"], "name_taken");
        for bad in ["", "two words", "x/y"] {
            cy.post(&path, json!({"name": bad, "reason": "a test"})).await.is(422);
        }
        let browser = world.in_browser("cy").await;
        let page = browser.get(&format!("/connections/{connection}/iam-users")).await.is(200);
        assert!(page.text().contains("a-one") && page.text().contains("There"));
    }
);
