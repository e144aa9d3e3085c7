//! The whole world kept under a name, and brought back to the last byte.

use serde_json::{Value, json};
use stint_aws_sim::{Effect, Fault, Gate};

use crate::assignments::{Triple, accepted};
use crate::rig::{MINUTE, Rig, SECOND, small};
use crate::wire::send;

/// Makes a user by SCIM; the whole answer, with its head.
async fn made(rig: &Rig, secret: &str, name: &str) -> (String, Vec<String>, String) {
    let body = json!({
        "userName": name, "displayName": name, "name": { "givenName": name, "familyName": name },
    });
    let head = format!(
        "POST /{}/scim/v2/Users HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {secret}",
        rig.facts.scim_tenant_id,
        rig.address()
    );
    send(rig.address(), &head, &body.to_string()).await
}

#[tokio::test]
async fn a_restored_world_answers_as_it_would_have_to_the_last_byte() {
    let rig = Rig::over_tcp(small()).await;
    let (_, secret) = rig.sim.create_scim_token().unwrap();
    let fault = Fault::on("identitystore-scim:*").nth(3);
    let fault = rig.sim.faults().add(fault, Effect::Throttle);
    made(&rig, &secret, "first").await;
    let kept = rig.sim.snapshot("before").unwrap();
    assert_eq!((kept.calls, kept.at), (1, rig.clock.now_micros()));

    let second = made(&rig, &secret, "second").await;
    assert!(second.0.contains("201"), "{}", second.0);
    rig.clock.advance(60 * SECOND);
    let third = made(&rig, &secret, "third").await;
    assert!(third.0.contains("429"), "{}", third.0);
    rig.sim.knobs(|knobs| knobs.scim_cursors = false);
    rig.sim.faults().clear();
    let journal = rig.sim.journal();

    rig.sim.restore("before").unwrap();
    assert_eq!(rig.clock.now_micros(), kept.at);
    assert_eq!(rig.sim.calls(), 1);
    rig.sim.knobs(|knobs| assert!(knobs.scim_cursors));
    assert_eq!(made(&rig, &secret, "second").await, second);
    rig.clock.advance(60 * SECOND);
    assert_eq!(made(&rig, &secret, "third").await, third);
    assert_eq!(rig.sim.faults().hits(fault), 1);
    let again = rig.sim.journal();
    assert_eq!(
        serde_json::to_value(&again).unwrap(),
        serde_json::to_value(&journal).unwrap()
    );

    // As often as one likes.
    rig.sim.restore("before").unwrap();
    assert_eq!(made(&rig, &secret, "second").await, second);
    rig.sim.delete_snapshot("before").unwrap();
    assert!(rig.sim.restore("before").is_err() && rig.sim.delete_snapshot("before").is_err());
}

#[tokio::test]
async fn what_is_under_way_is_kept_and_calls_to_a_world_that_is_gone_break() {
    let rig = Rig::in_memory(small());
    let triple = Triple::of(&rig, &rig.connector().await);
    accepted(triple.create().await);
    // Accepted and not carried out yet, and a request that is on its way for a minute.
    let late = Fault::on("iam:CreateGroup").first(1);
    rig.sim
        .faults()
        .add(late, Effect::ArriveLate { micros: MINUTE });
    let admin = rig.admin();
    assert!(
        admin
            .iam
            .create_group()
            .group_name("late")
            .send()
            .await
            .is_err()
    );
    rig.sim.snapshot("under-way").unwrap();
    let there = async || {
        rig.clock.advance(2 * MINUTE);
        let group = admin.iam.get_group().group_name("late").send().await;
        (triple.is_there().await, group.is_ok())
    };
    assert_eq!(there().await, (true, true));
    rig.sim.restore("under-way").unwrap();
    assert!(!triple.is_there().await);
    assert_eq!(there().await, (true, true));

    // A call at a gate came to the world before.
    let gate = Gate::new();
    let held = Fault::on("iam:CreateUser").first(1);
    rig.sim.faults().add(held, Effect::Hold(gate.clone()));
    let call = {
        let admin = rig.admin();
        tokio::spawn(async move {
            admin
                .iam
                .create_user()
                .user_name("held")
                .send()
                .await
                .is_ok()
        })
    };
    gate.arrived().await;
    rig.sim.restore("under-way").unwrap();
    gate.release();
    assert!(!call.await.unwrap(), "it was carried out");
    assert!(
        rig.sim
            .journal()
            .iter()
            .all(|call| call.operation != "iam:CreateUser")
    );
    assert!(admin.iam.get_user().user_name("held").send().await.is_err());
}

#[tokio::test]
async fn snapshots_have_names_and_an_end() {
    let rig = Rig::over_tcp(small()).await;
    let ask = async |start: &str| {
        let head = format!("{start} HTTP/1.1\r\nHost: {}", rig.address());
        let (status, _, body) = send(rig.address(), &head, "").await;
        let status: u16 = status.split(' ').nth(1).unwrap().parse().unwrap();
        (
            status,
            serde_json::from_str::<Value>(&body).unwrap_or(Value::Null),
        )
    };
    for n in 0..16 {
        assert_eq!(ask(&format!("PUT /_sim/snapshots/n{n}")).await.0, 200);
    }
    let (status, told) = ask("PUT /_sim/snapshots/one-more").await;
    assert_eq!(status, 400);
    assert!(
        told["error"].as_str().unwrap().contains("delete one first"),
        "{told}"
    );
    assert_eq!(
        ask("PUT /_sim/snapshots/n3").await.0,
        200,
        "anew under an old name"
    );
    assert_eq!(ask("PUT /_sim/snapshots/a%2Fb").await.0, 400);
    assert_eq!(ask("PUT /_sim/snapshots/").await.0, 400);
    let listed = ask("GET /_sim/snapshots").await.1;
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), 16);
    assert_eq!(ask("POST /_sim/snapshots/n3/restore").await.0, 200);
    assert_eq!(ask("DELETE /_sim/snapshots/n3").await.0, 200);
    let (status, told) = ask("POST /_sim/snapshots/n3/restore").await;
    assert_eq!(
        (status, told["error"].as_str().unwrap()),
        (400, "no snapshot `n3` in this simulated AWS")
    );
}
