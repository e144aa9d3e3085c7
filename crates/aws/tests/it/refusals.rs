//! What AWS, or the way to it, makes of a write.

use stint_aws::{Answer, AttemptKind, ErrorKind, Lane, PairKey, Polled, Written};
use stint_aws_sim::{Effect, Fault};
use stint_domain::Span;

use crate::world::World;

const PROVISION: Lane = Lane::Provision;
const REVOKE: Lane = Lane::Revoke;

/// The four writes, by operation.
fn writes(world: &World) -> [(&'static str, PairKey, AttemptKind); 4] {
    [
        (
            "sso:CreateAccountAssignment",
            world.assignment(),
            AttemptKind::Create,
        ),
        (
            "sso:DeleteAccountAssignment",
            world.assignment(),
            AttemptKind::Delete,
        ),
        (
            "identitystore:CreateGroupMembership",
            world.membership(),
            AttemptKind::Create,
        ),
        (
            "identitystore:DeleteGroupMembership",
            world.membership(),
            AttemptKind::Delete,
        ),
    ]
}

async fn write(world: &World, key: &PairKey, kind: AttemptKind) -> Written {
    match kind {
        AttemptKind::Create => world.estate.create(key, world.now(), PROVISION).await,
        AttemptKind::Delete => {
            let id = "90670000-0000-0000-0000-000000000000";
            world
                .estate
                .delete(key, Some(id), world.now(), REVOKE)
                .await
        }
    }
}

/// Every code AWS may answer a write with, and what it means for it.
#[tokio::test]
async fn every_refusal_is_told_by_whether_trying_again_helps() {
    let world = World::new();
    let cases = [
        ("AccessDeniedException", Some(true)),
        ("ValidationException", Some(true)),
        ("ServiceQuotaExceededException", Some(true)),
        ("ThrottlingException", Some(false)),
        ("UnheardOfException", Some(false)),
    ];
    for (operation, key, kind) in writes(&world) {
        for (code, permanent) in cases {
            world.sim.faults().clear();
            let from = world.mark();
            world
                .sim
                .faults()
                .add(Fault::on(operation), Effect::refuse(code));
            let written = write(&world, &key, kind).await;
            let Answer::Refused {
                code: said,
                permanent: found,
                ..
            } = &written.answer
            else {
                panic!("{operation} {code}: {written:?}");
            };
            assert_eq!(
                (said.as_str(), Some(*found)),
                (code, permanent),
                "{operation}"
            );
            assert!(written.aws_request_id.is_some());
            let sent = world
                .called(from)
                .iter()
                .filter(|c| *c == operation)
                .count();
            assert_eq!(sent, 1, "{operation} {code}: a write is sent once");
        }
    }
}

#[tokio::test]
async fn a_conflict_on_an_assignment_is_worth_another_try() {
    let world = World::new();
    world.sim.faults().add(
        Fault::on("sso:*Assignment"),
        Effect::refuse("ConflictException"),
    );
    world.sim.faults().add(
        Fault::on("sso:CreateAccountAssignment"),
        Effect::refuse("ConflictException"),
    );
    let written = world
        .estate
        .create(&world.assignment(), world.now(), PROVISION)
        .await;
    assert!(
        matches!(
            written.answer,
            Answer::Refused {
                permanent: false,
                ..
            }
        ),
        "{written:?}"
    );
}

#[tokio::test]
async fn no_answer_is_unknown_whether_it_happened_or_not() {
    for (effect, happened) in [
        (Effect::LoseBefore, false),
        (Effect::LoseAfter, true),
        (Effect::Broken, false),
    ] {
        let world = World::new();
        for key in [world.assignment(), world.membership()] {
            world.sim.faults().clear();
            world
                .sim
                .faults()
                .add(Fault::on("sso:CreateAccountAssignment"), effect.clone());
            world.sim.faults().add(
                Fault::on("identitystore:CreateGroupMembership"),
                effect.clone(),
            );
            let from = world.mark();
            let written = world.estate.create(&key, world.now(), PROVISION).await;
            assert!(
                matches!(written.answer, Answer::Unknown { .. }),
                "{effect:?}: {written:?}"
            );
            let sent = world
                .called(from)
                .iter()
                .filter(|c| c.contains(":Create"))
                .count();
            assert_eq!(sent, 1, "never sent again by the connector");
            if let PairKey::Assignment { .. } = key {
                let creating = world
                    .estate
                    .creations_in_progress(&key, PROVISION)
                    .await
                    .expect("lists");
                assert_eq!(
                    creating.request_ids.len(),
                    usize::from(happened),
                    "a lost create can be found"
                );
            }
            world.advance(Span::seconds(10));
            assert_eq!(world.seen(&key).await, happened, "{effect:?}");
            // A lost write does not keep its account from the next.
            world.sim.faults().clear();
            let written = world.estate.delete(&key, None, world.now(), REVOKE).await;
            assert!(
                !matches!(written.answer, Answer::Refused { .. }),
                "{written:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_write_without_credentials_was_not_sent() {
    let world = World::new();
    world
        .sim
        .faults()
        .add(Fault::on("sts:AssumeRole"), Effect::refuse("AccessDenied"));
    let written = world
        .estate
        .create(&world.assignment(), world.now(), PROVISION)
        .await;
    assert!(
        matches!(&written.answer, Answer::Refused { code, permanent: false, .. } if code == "credentials:AccessDenied"),
        "{written:?}"
    );
}

#[tokio::test]
async fn expired_credentials_do_not_cost_a_write() {
    let world = World::new();
    let key = world.assignment();
    world.estate.read(&key, PROVISION).await.expect("signed in");
    let expired = Effect::Refuse {
        code: "ExpiredTokenException".to_owned(),
        message: "expired".to_owned(),
    };
    world
        .sim
        .faults()
        .add(Fault::on("sso:CreateAccountAssignment").first(1), expired);
    let from = world.mark();
    let written = world.estate.create(&key, world.now(), PROVISION).await;
    assert!(
        matches!(written.answer, Answer::Accepted { .. }),
        "{written:?}"
    );
    assert_eq!(
        world.called(from),
        [
            "sso:CreateAccountAssignment",
            "sts:AssumeRole",
            "sso:CreateAccountAssignment"
        ]
    );
}

#[tokio::test]
async fn a_failed_status_is_told_by_its_words() {
    let cases = [
        (
            "An unexpected internal service exception was encountered",
            true,
        ),
        (
            "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for role propagation to complete.",
            false,
        ),
    ];
    for (reason, passing) in cases {
        let world = World::new();
        let key = world.assignment();
        let later = Effect::FailLater {
            reason: reason.to_owned(),
            applied: false,
        };
        world
            .sim
            .faults()
            .add(Fault::on("sso:CreateAccountAssignment"), later);
        let Answer::Accepted { request_id } = world
            .estate
            .create(&key, world.now(), PROVISION)
            .await
            .answer
        else {
            panic!("not accepted");
        };
        world.advance(Span::seconds(10));
        let poll = world
            .estate
            .poll(&key, AttemptKind::Create, &request_id, PROVISION)
            .await
            .expect("polls");
        let Polled::Failed {
            reason: said,
            gone: false,
            transient,
        } = poll.state
        else {
            panic!("{poll:?}");
        };
        assert_eq!((said.as_str(), transient), (reason, passing));
    }
}

#[tokio::test]
async fn a_failed_page_leaves_no_reading() {
    let world = World::new();
    let key = world.assignment();
    world.make(&key).await;
    for effect in [Effect::Throttle, Effect::LoseAfter, Effect::Broken] {
        world.sim.faults().clear();
        world.sim.faults().add(
            Fault::on("sso:ListAccountAssignmentsForPrincipal"),
            effect.clone(),
        );
        let error = world
            .estate
            .read(&key, REVOKE)
            .await
            .expect_err("no reading");
        assert!(
            matches!(
                error.kind,
                ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Internal
            ),
            "{effect:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_missing_store_is_not_an_absence() {
    let world = World::new();
    let PairKey::Membership { group, user, .. } = world.membership() else {
        unreachable!()
    };
    let elsewhere = PairKey::Membership {
        identity_store: "d-0000000000".to_owned(),
        group,
        user,
    };
    let error = world
        .estate
        .read(&elsewhere, REVOKE)
        .await
        .expect_err("there is no such store");
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_row_outlives_its_user_and_is_still_seen() {
    let world = World::new();
    let (assignment, membership) = (world.assignment(), world.membership());
    world.make(&assignment).await;
    world.make(&membership).await;
    let bo = world.facts.bo.clone().expect("Bo").user_id;
    world.sim.remove_user(&bo).expect("removed");
    assert!(
        world.seen(&assignment).await,
        "AWS keeps assignments of deleted users"
    );
    let reading = world.estate.read(&assignment, REVOKE).await.expect("reads");
    assert!(reading.present);
    let reading = world.estate.read(&membership, REVOKE).await.expect("reads");
    assert!(!reading.present, "memberships go with their user");
}
