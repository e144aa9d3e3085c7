//! The two managed pairs: made so, looked at, made not so.

use aws_sdk_ssoadmin::types::{PrincipalType, TargetType};
use stint_aws::{Answer, AttemptKind, ErrorKind, Held, Lane, PairKey, Polled};
use stint_aws_sim::{AbsentDelete, Effect, Fault};
use stint_domain::Span;
use stint_domain::entitlement::PrincipalKind;

use crate::world::World;

const PROVISION: Lane = Lane::Provision;
const REVOKE: Lane = Lane::Revoke;

fn request_id(answer: Answer) -> String {
    match answer {
        Answer::Accepted { request_id } => request_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_assignment_is_made_watched_and_removed() {
    let world = World::new();
    world.knobs(|k| k.settle.polls = 4);
    let key = world.assignment();
    let before = world.estate.read(&key, PROVISION).await.expect("reads");
    assert!(!before.present);
    assert_eq!((before.began, before.request_ids.len()), (world.now(), 1));

    let written = world.estate.create(&key, world.now(), PROVISION).await;
    let seen = world.calls(0).pop().expect("a call");
    assert_eq!(
        written.aws_request_id.as_deref(),
        Some(seen.request_id.as_str())
    );
    let id = request_id(written.answer);
    let poll = world
        .estate
        .poll(&key, AttemptKind::Create, &id, PROVISION)
        .await
        .expect("polls");
    assert_eq!(poll.state, Polled::InProgress);
    assert!(poll.aws_request_id.is_some());
    let creating = world
        .estate
        .creations_in_progress(&key, PROVISION)
        .await
        .expect("lists");
    assert_eq!(creating.request_ids, std::slice::from_ref(&id));
    let other = world.assignment_of(
        &world.facts.cy.as_ref().expect("Cy").user_id,
        "prod-admin",
        "prod-payments",
    );
    let others = world
        .estate
        .creations_in_progress(&other, PROVISION)
        .await
        .expect("lists");
    assert!(
        others.request_ids.is_empty(),
        "that create is for somebody else"
    );
    assert!(!world.seen(&key).await, "not before AWS has finished");

    world
        .follow(
            &key,
            AttemptKind::Create,
            Answer::Accepted { request_id: id },
        )
        .await;
    assert!(world.seen(&key).await);
    assert!(
        world
            .estate
            .read(&key, PROVISION)
            .await
            .expect("reads")
            .present
    );
    let creating = world
        .estate
        .creations_in_progress(&key, PROVISION)
        .await
        .expect("lists");
    assert!(creating.request_ids.is_empty());

    let written = world.estate.delete(&key, None, world.now(), REVOKE).await;
    world
        .follow(&key, AttemptKind::Delete, written.answer)
        .await;
    assert!(!world.seen(&key).await);
    assert!(
        !world
            .estate
            .read(&key, REVOKE)
            .await
            .expect("reads")
            .present
    );
}

#[tokio::test]
async fn a_membership_is_made_looked_at_and_removed_by_its_id() {
    let world = World::new();
    let key = world.membership();
    assert!(
        !world
            .estate
            .read(&key, PROVISION)
            .await
            .expect("reads")
            .present
    );
    let written = world.estate.create(&key, world.now(), PROVISION).await;
    let Answer::Succeeded {
        membership_id: Some(id),
    } = written.answer
    else {
        panic!("{written:?}");
    };
    assert!(written.aws_request_id.is_some());
    assert!(world.seen(&key).await);
    let reading = world.estate.read(&key, PROVISION).await.expect("reads");
    assert_eq!(
        (reading.present, reading.membership_id.as_deref()),
        (true, Some(id.as_str()))
    );

    let again = world.estate.create(&key, world.now(), PROVISION).await;
    assert_eq!(again.answer, Answer::AlreadyThere);
    assert!(again.aws_request_id.is_some());

    let written = world
        .estate
        .delete(&key, Some(&id), world.now(), REVOKE)
        .await;
    assert_eq!(
        written.answer,
        Answer::Succeeded {
            membership_id: None
        }
    );
    assert!(!world.seen(&key).await);
    let gone = world
        .estate
        .delete(&key, Some(&id), world.now(), REVOKE)
        .await;
    assert_eq!(gone.answer, Answer::NotFound);
    // By that id nothing else is ever removed: made anew, it has another.
    world.make(&key).await;
    let old = world
        .estate
        .delete(&key, Some(&id), world.now(), REVOKE)
        .await;
    assert_eq!(old.answer, Answer::NotFound);
    assert!(world.seen(&key).await);
    // Without an id it is looked up.
    let written = world.estate.delete(&key, None, world.now(), REVOKE).await;
    assert_eq!(
        written.answer,
        Answer::Succeeded {
            membership_id: None
        }
    );
    let none = world.estate.delete(&key, None, world.now(), REVOKE).await;
    assert_eq!(none.answer, Answer::NotFound);
}

#[tokio::test]
async fn a_write_whose_worker_slept_twenty_minutes_is_refused_by_aws() {
    let world = World::new();
    for key in [world.assignment(), world.membership()] {
        let sign_at = world.now();
        world.estate.read(&key, PROVISION).await.expect("signed in");
        world.advance(Span::minutes(20));
        let from = world.mark();
        let written = world.estate.create(&key, sign_at, PROVISION).await;
        let Answer::Refused {
            code, permanent, ..
        } = written.answer
        else {
            panic!("{written:?}");
        };
        assert_eq!((code.as_str(), permanent), ("signature_expired", false));
        let call = world.calls(from).pop().expect("it reached AWS");
        assert_eq!(
            call.signed_at,
            Some(sign_at.micros() / 1_000_000 * 1_000_000),
            "{call:?}"
        );
        assert!(written.aws_request_id.is_some());
        assert!(!world.seen(&key).await);
        // And again: nothing was learnt from the refusal that would move the signature.
        let from = world.mark();
        let written = world.estate.create(&key, sign_at, PROVISION).await;
        assert!(
            matches!(written.answer, Answer::Refused { .. }),
            "{written:?}"
        );
        let call = world.calls(from).pop().expect("it reached AWS");
        assert_eq!(
            call.signed_at,
            Some(sign_at.micros() / 1_000_000 * 1_000_000)
        );
        // The same with a delete.
        world.make(&key).await;
        let slept = world.now();
        world.advance(Span::minutes(20));
        let written = world.estate.delete(&key, None, slept, REVOKE).await;
        assert!(
            matches!(&written.answer, Answer::Refused { code, .. } if code == "signature_expired"),
            "{written:?}"
        );
        assert!(world.seen(&key).await);
        // Reads are signed with the present, whatever a write was signed with.
        world.estate.read(&key, REVOKE).await.expect("reads");
    }
}

#[tokio::test]
async fn a_write_signed_within_the_fence_is_taken_with_that_signature() {
    let world = World::new();
    let key = world.assignment();
    let sign_at = world.now();
    world.estate.read(&key, PROVISION).await.expect("signed in");
    world.advance(Span::minutes(14));
    let from = world.mark();
    let written = world.estate.create(&key, sign_at, PROVISION).await;
    assert!(
        matches!(written.answer, Answer::Accepted { .. }),
        "{written:?}"
    );
    let call = world.calls(from).pop().expect("a call");
    assert_eq!(
        call.signed_at,
        Some(sign_at.micros() / 1_000_000 * 1_000_000)
    );
}

#[tokio::test]
async fn what_a_group_gives_is_not_the_persons_own() {
    let world = World::new();
    let bo = world.facts.bo.as_ref().expect("Bo").user_id.clone();
    let group = world.sim.group_id("platform").expect("a group");
    // An administrator lets the group hold what Bo would ask for, and puts Bo into it.
    let key = world.assignment();
    let PairKey::Assignment {
        instance_arn,
        account,
        permission_set,
        ..
    } = &key
    else {
        unreachable!()
    };
    world
        .onlooker_sso()
        .create_account_assignment()
        .instance_arn(instance_arn)
        .target_id(account)
        .target_type(TargetType::AwsAccount)
        .permission_set_arn(permission_set)
        .principal_type(PrincipalType::Group)
        .principal_id(&group)
        .send()
        .await
        .expect("assigned");
    world.advance(Span::seconds(10));
    world.make(&world.membership()).await;

    let reading = world.estate.read(&key, REVOKE).await.expect("reads");
    assert!(!reading.present, "held only through the group");
    assert_eq!(reading.via_groups, std::slice::from_ref(&group));
    let of_group = PairKey::Assignment {
        instance_arn: instance_arn.clone(),
        account: account.clone(),
        permission_set: permission_set.clone(),
        principal_kind: PrincipalKind::IdentityCenterGroup,
        principal_id: group.clone(),
    };
    let reading = world.estate.read(&of_group, REVOKE).await.expect("reads");
    assert!(reading.present);

    // Both at once; and another permission set of the same person does not count.
    world.make(&key).await;
    let reading = world.estate.read(&key, REVOKE).await.expect("reads");
    assert!(reading.present);
    assert_eq!(reading.via_groups, [group]);
    let other = world.assignment_of(&bo, "ReadOnlyAccess", "prod-payments");
    let reading = world.estate.read(&other, REVOKE).await.expect("reads");
    assert_eq!((reading.present, reading.via_groups.len()), (false, 0));
}

#[tokio::test]
async fn without_the_cheap_actions_the_listings_are_read_instead() {
    let world = World::new();
    let (assignment, membership) = (world.assignment(), world.membership());
    world.make(&assignment).await;
    world.make(&membership).await;
    for action in [
        "sso:ListAccountAssignmentsForPrincipal",
        "identitystore:GetGroupMembershipId",
    ] {
        world
            .sim
            .faults()
            .add(Fault::on(action), Effect::refuse("AccessDeniedException"));
    }
    let reading = world.estate.read(&assignment, REVOKE).await.expect("reads");
    assert!(reading.present);
    let reading = world.estate.read(&membership, REVOKE).await.expect("reads");
    assert!(reading.present && reading.membership_id.is_some());
    // And when those are denied as well, there is no reading.
    world.sim.faults().add(
        Fault::on("sso:ListAccountAssignments"),
        Effect::refuse("AccessDeniedException"),
    );
    let error = world
        .estate
        .read(&assignment, REVOKE)
        .await
        .expect_err("no reading");
    assert_eq!(error.kind, ErrorKind::Denied);
}

#[tokio::test]
async fn deleting_what_is_not_there_says_gone() {
    let world = World::new();
    let key = world.assignment();
    world.knobs(|k| k.absent_delete = AbsentDelete::FailsLater);
    let id = request_id(
        world
            .estate
            .delete(&key, None, world.now(), REVOKE)
            .await
            .answer,
    );
    world.advance(Span::seconds(10));
    let poll = world
        .estate
        .poll(&key, AttemptKind::Delete, &id, REVOKE)
        .await
        .expect("polls");
    assert!(
        matches!(
            poll.state,
            Polled::Failed {
                gone: true,
                transient: false,
                ..
            }
        ),
        "{poll:?}"
    );
    world.knobs(|k| k.absent_delete = AbsentDelete::NotFound);
    let written = world.estate.delete(&key, None, world.now(), REVOKE).await;
    assert_eq!(written.answer, Answer::NotFound);
}

#[tokio::test]
async fn one_open_write_per_account_and_a_poll_frees_it() {
    let world = World::new();
    let key = world.assignment();
    let other = world.assignment_of(
        &world.facts.cy.as_ref().expect("Cy").user_id,
        "ReadOnlyAccess",
        "prod-payments",
    );
    let id = request_id(
        world
            .estate
            .create(&key, world.now(), PROVISION)
            .await
            .answer,
    );
    let from = world.mark();
    let written = world.estate.create(&other, world.now(), PROVISION).await;
    assert!(
        matches!(&written.answer, Answer::Refused { code, permanent: false, .. } if code == "account_busy"),
        "{written:?}"
    );
    assert!(world.called(from).is_empty(), "it never left");
    world
        .follow(
            &key,
            AttemptKind::Create,
            Answer::Accepted { request_id: id },
        )
        .await;
    world.make(&other).await;
    assert!(world.seen(&other).await);
}

#[tokio::test]
async fn leave_to_write_holds_the_account_until_it_is_given_back_or_used() {
    let world = World::new();
    let key = world.assignment();
    let other = world.assignment_of(
        &world.facts.cy.as_ref().expect("Cy").user_id,
        "ReadOnlyAccess",
        "prod-payments",
    );
    let from = world.mark();
    let got = world.estate.leave(&key, PROVISION).await.expect("free");
    let refused = world.estate.leave(&other, PROVISION).await.err();
    assert_eq!(refused, Some(Held::AccountBusy));
    got.give_back().await;
    let got = world
        .estate
        .leave(&other, PROVISION)
        .await
        .expect("free again");
    let writes = |call: &String| call.contains("AccountAssignment");
    assert!(
        !world.called(from).iter().any(writes),
        "nothing is sent by it"
    );
    // The write goes by the leave that was got: it needs no second slot.
    let written = world.estate.create(&other, world.now(), got).await;
    let id = request_id(written.answer);
    let refused = world.estate.leave(&key, PROVISION).await.err();
    assert_eq!(refused, Some(Held::AccountBusy));
    world
        .follow(
            &other,
            AttemptKind::Create,
            Answer::Accepted { request_id: id },
        )
        .await;
    let free = world
        .estate
        .leave(&key, PROVISION)
        .await
        .expect("AWS is through with it");
    free.give_back().await;
    // Nothing else has to wait for others.
    let group = world.membership();
    let first = world.estate.leave(&group, PROVISION).await;
    assert!(first.is_ok() && world.estate.leave(&group, PROVISION).await.is_ok());
}

#[tokio::test]
async fn what_was_asked_for_in_vain_is_an_error_of_its_own() {
    let world = World::new();
    let key = world.assignment();
    let unknown = "11111111-2222-3333-4444-555555555555";
    let error = world
        .estate
        .poll(&key, AttemptKind::Create, unknown, REVOKE)
        .await
        .expect_err("unknown");
    assert_eq!(error.kind, ErrorKind::NotFound);
    let error = world
        .estate
        .poll(&world.membership(), AttemptKind::Create, unknown, REVOKE)
        .await
        .expect_err("none");
    assert_eq!(error.kind, ErrorKind::Invalid);
}
