//! The script of faults: what the caller sees, and what happened.

use std::time::Duration;

use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::StatusValues;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::retry::ErrorKind;
use stint_aws_sim::{Answered, Effect, Fault, Gate, Party};

use crate::assignments::{Triple, accepted, accepted_delete};
use crate::rig::{MINUTE, Rig, SECOND, both, code, refusal, small};

const CREATE: &str = "sso:CreateAccountAssignment";
const DELETE: &str = "sso:DeleteAccountAssignment";

/// What a broken connection looks like to the SDK.
fn is_lost<T, E: std::fmt::Debug, R: std::fmt::Debug>(result: &Result<T, SdkError<E, R>>) -> bool {
    matches!(result, Err(SdkError::DispatchFailure(broken))
        if broken.as_other() == Some(ErrorKind::TransientError))
}

both!(lost_before_means_nothing_happened, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    rig.sim
        .faults()
        .add(Fault::on(CREATE).first(1), Effect::LoseBefore);
    let lost = triple.create().await;
    assert!(is_lost(&lost), "{lost:?}");
    rig.clock.advance(10 * SECOND);
    assert!(!triple.is_there().await);
    let call = rig
        .sim
        .journal()
        .into_iter()
        .find(|call| call.operation == CREATE)
        .unwrap();
    assert_eq!(
        call.answer,
        Answered::Lost {
            done: false,
            code: None
        }
    );
    assert_eq!(call.fault, Some(1));
    // The connection is as good as new for the next call.
    accepted(triple.create().await);
});

both!(lost_after_means_it_happened, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    rig.sim
        .faults()
        .add(Fault::on(CREATE).first(1), Effect::LoseAfter);
    let lost = triple.create().await;
    assert!(is_lost(&lost), "{lost:?}");
    assert_eq!(code(triple.create().await), "ConflictException");
    rig.clock.advance(3 * SECOND);
    assert!(triple.is_there().await);
    let call = rig
        .sim
        .journal()
        .into_iter()
        .find(|call| call.operation == CREATE)
        .unwrap();
    assert_eq!(
        call.answer,
        Answered::Lost {
            done: true,
            code: None
        }
    );
});

both!(
    every_service_can_be_lost_refused_and_throttled,
    small(),
    |rig| {
        let connector = rig.connector().await;
        let store = &rig.facts.identity_store_id;
        for effect in [Effect::LoseBefore, Effect::LoseAfter] {
            rig.sim.faults().clear();
            rig.sim.faults().add(Fault::on("*"), effect);
            assert!(is_lost(&connector.sts.get_caller_identity().send().await));
            assert!(is_lost(
                &connector.organizations.list_accounts().send().await
            ));
            assert!(is_lost(&connector.sso.list_instances().send().await));
            assert!(is_lost(
                &connector
                    .store
                    .list_users()
                    .identity_store_id(store)
                    .send()
                    .await
            ));
        }
        rig.sim.faults().clear();
        rig.sim.faults().add(Fault::on("*"), Effect::Throttle);
        let sts = refusal(connector.sts.get_caller_identity().send().await);
        assert_eq!(
            (sts.0, sts.1.as_str(), sts.2.as_str()),
            (400, "Throttling", "Rate exceeded")
        );
        assert_eq!(
            code(connector.organizations.list_accounts().send().await),
            "TooManyRequestsException"
        );
        assert_eq!(
            code(connector.sso.list_instances().send().await),
            "ThrottlingException"
        );
        let throttled = connector
            .store
            .list_users()
            .identity_store_id(store)
            .send()
            .await
            .unwrap_err();
        let aws_sdk_identitystore::operation::list_users::ListUsersError::ThrottlingException(
            throttled,
        ) = throttled.into_service_error()
        else {
            panic!("throttled");
        };
        assert_eq!(throttled.retry_after_seconds(), 1);
        rig.sim.faults().clear();
        rig.sim
            .faults()
            .add(Fault::on("sts:*"), Effect::refuse("AccessDenied"));
        let sts = refusal(connector.sts.get_caller_identity().send().await);
        assert_eq!((sts.0, sts.1.as_str()), (403, "AccessDenied"));
        rig.sim.faults().clear();
        rig.sim.faults().add(Fault::on("*"), Effect::Broken);
        assert_eq!(
            refusal(connector.sts.get_caller_identity().send().await).0,
            500
        );
        assert_eq!(
            refusal(connector.organizations.list_accounts().send().await).1,
            "ServiceException"
        );
    }
);

both!(
    a_request_that_arrives_late_takes_effect_late,
    small(),
    |rig| {
        let triple = Triple::of(&rig, &rig.connector().await);
        rig.sim.faults().add(
            Fault::on(CREATE).first(1),
            Effect::ArriveLate { micros: 5 * MINUTE },
        );
        assert!(is_lost(&triple.create().await));
        rig.clock.advance(5 * MINUTE - SECOND);
        assert!(!triple.is_there().await);
        rig.clock.advance(SECOND + 3 * SECOND);
        assert!(triple.is_there().await);
        let arrivals: Vec<_> = rig
            .sim
            .journal()
            .into_iter()
            .filter(|call| call.operation == CREATE)
            .collect();
        assert_eq!(arrivals.len(), 2);
        assert_eq!(arrivals[1].at - arrivals[0].at, 5 * MINUTE);
        assert_eq!(
            arrivals[1].answer,
            Answered::Lost {
                done: true,
                code: None
            }
        );
    }
);

both!(
    a_request_that_arrives_after_its_signature_expired_is_refused,
    small(),
    |rig| {
        let triple = Triple::of(&rig, &rig.connector().await);
        rig.sim.faults().add(
            Fault::on(CREATE).first(1),
            Effect::ArriveLate {
                micros: 16 * MINUTE,
            },
        );
        assert!(is_lost(&triple.create().await));
        rig.clock.advance(30 * MINUTE);
        assert!(!triple.is_there().await);
        let arrival = rig
            .sim
            .journal()
            .into_iter()
            .filter(|call| call.operation == CREATE)
            .nth(1)
            .unwrap();
        assert_eq!(
            arrival.answer,
            Answered::Lost {
                done: false,
                code: Some("InvalidSignatureException".to_owned())
            }
        );
    }
);

both!(
    late_requests_and_ends_of_writes_happen_in_their_order,
    small(),
    |rig| {
        // A delete arrives late, after a create made meanwhile has ended, all in one jump.
        let triple = Triple::of(&rig, &rig.connector().await);
        rig.sim.faults().add(
            Fault::on(DELETE).first(1),
            Effect::ArriveLate { micros: MINUTE },
        );
        assert!(is_lost(&triple.delete().await));
        accepted(triple.create().await);
        rig.clock.advance(10 * MINUTE);
        assert!(!triple.is_there().await);
    }
);

both!(
    an_ignored_delete_answers_success_and_removes_nothing,
    small(),
    |rig| {
        rig.sim.knobs(|knobs| knobs.settle.polls = 1);
        let connector = rig.connector().await;
        let triple = Triple::of(&rig, &connector);
        let made = accepted(triple.create().await);
        triple.creation(&made).await;
        triple.creation(&made).await;
        let id = rig.sim.faults().add(Fault::on("*"), Effect::IgnoreDelete);
        let request = accepted_delete(triple.delete().await);
        triple.deletion(&request).await;
        assert_eq!(
            triple.deletion(&request).await.status(),
            Some(&StatusValues::Succeeded)
        );
        assert!(triple.is_there().await);
        // The same for memberships.
        let store = &rig.facts.identity_store_id;
        let joined = connector
            .store
            .create_group_membership()
            .identity_store_id(store)
            .group_id(rig.sim.group_id("data").unwrap())
            .member_id(MemberId::UserId(rig.ana()))
            .send()
            .await
            .unwrap();
        let leave = || {
            connector
                .store
                .delete_group_membership()
                .identity_store_id(store)
                .membership_id(joined.membership_id())
                .send()
        };
        leave().await.unwrap();
        leave().await.unwrap();
        rig.sim.faults().remove(id);
        leave().await.unwrap();
        assert_eq!(code(leave().await), "ResourceNotFoundException");
    }
);

both!(
    a_write_can_be_slow_or_fail_with_or_without_effect,
    small(),
    |rig| {
        let triple = Triple::of(&rig, &rig.connector().await);
        rig.sim
            .faults()
            .add(Fault::on(CREATE).nth(1), Effect::Slow { micros: MINUTE });
        let reason = "An unexpected internal service exception was encountered".to_owned();
        rig.sim.faults().add(
            Fault::on(CREATE).nth(2),
            Effect::FailLater {
                reason: reason.clone(),
                applied: false,
            },
        );
        rig.sim.faults().add(
            Fault::on(CREATE).nth(3),
            Effect::FailLater {
                reason: reason.clone(),
                applied: true,
            },
        );
        let slow = accepted(triple.create().await);
        rig.clock.advance(MINUTE - 1);
        for _ in 0..5 {
            assert_eq!(
                triple.creation(&slow).await.status(),
                Some(&StatusValues::InProgress)
            );
        }
        rig.clock.advance(1);
        assert_eq!(
            triple.creation(&slow).await.status(),
            Some(&StatusValues::Succeeded)
        );
        accepted_delete(triple.delete().await);
        for applied in [false, true] {
            rig.clock.advance(3 * SECOND);
            let failing = accepted(triple.create().await);
            rig.clock.advance(3 * SECOND);
            let failed = triple.creation(&failing).await;
            assert_eq!(failed.status(), Some(&StatusValues::Failed));
            assert_eq!(failed.failure_reason(), Some(reason.as_str()));
            assert_eq!(triple.is_there().await, applied);
        }
    }
);

both!(
    the_clock_can_move_while_a_request_is_under_way,
    small(),
    |rig| {
        let triple = Triple::of(&rig, &rig.connector().await);
        rig.sim.faults().add(
            Fault::on(CREATE),
            Effect::Advance {
                micros: 20 * MINUTE,
            },
        );
        assert_eq!(code(triple.create().await), "InvalidSignatureException");
    }
);

both!(a_gate_holds_a_request_on_its_way, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    let gate = Gate::new();
    rig.sim
        .faults()
        .add(Fault::on(CREATE).nth(1), Effect::Hold(gate.clone()));
    let held = {
        let triple = Triple::of(&rig, &rig.connector().await);
        tokio::spawn(async move { triple.create().await })
    };
    gate.arrived().await;
    // Others pass meanwhile, and the held one finds their write under way.
    accepted(triple.create().await);
    gate.release();
    assert_eq!(code(held.await.unwrap()), "ConflictException");
});

both!(a_delay_takes_real_time, small(), |rig| {
    let sso = rig.connector().await.sso;
    rig.sim.faults().add(
        Fault::on("sso:ListInstances"),
        Effect::Delay { millis: 30_000 },
    );
    let answer = tokio::time::timeout(Duration::from_millis(50), sso.list_instances().send()).await;
    assert!(answer.is_err());
});

both!(faults_choose_by_turn_party_and_input, small(), |rig| {
    let connector = rig.connector().await;
    let admin = rig.admin();
    let faults = rig.sim.faults();
    let stint = faults.add(
        Fault::on("sso:*").by(Party::Stint).from(2),
        Effect::Throttle,
    );
    assert!(admin.sso.list_instances().send().await.is_ok());
    assert!(connector.sso.list_instances().send().await.is_ok());
    assert!(admin.sso.list_instances().send().await.is_ok());
    for _ in 0..2 {
        assert_eq!(
            code(connector.sso.list_instances().send().await),
            "ThrottlingException"
        );
    }
    assert_eq!(faults.hits(stint), 2);
    faults.remove(stint);
    assert!(connector.sso.list_instances().send().await.is_ok());

    let payments = rig.account("prod-payments");
    faults.add(
        Fault::on("organizations:DescribeAccount").when({
            let payments = payments.clone();
            move |seen| seen.input["AccountId"] == payments.as_str()
        }),
        Effect::refuse("AccessDeniedException"),
    );
    let describe = |id: String| {
        connector
            .organizations
            .describe_account()
            .account_id(id)
            .send()
    };
    assert_eq!(code(describe(payments).await), "AccessDeniedException");
    assert!(describe(rig.account("staging-eu")).await.is_ok());
    assert_eq!(rig.sim.calls_by(Party::Admin), 2);
});

both!(
    the_first_fault_whose_turn_it_is_acts_and_all_count,
    small(),
    |rig| {
        let sso = rig.connector().await.sso;
        let faults = rig.sim.faults();
        faults.add(Fault::on("sso:ListInstances").nth(2), Effect::Throttle);
        faults.add(
            Fault::on("sso:*").first(2),
            Effect::refuse("AccessDeniedException"),
        );
        let ask = || sso.list_instances().send();
        assert_eq!(code(ask().await), "AccessDeniedException");
        assert_eq!(code(ask().await), "ThrottlingException");
        assert!(ask().await.is_ok());
    }
);

#[tokio::test]
async fn a_lost_reply_sends_no_byte() {
    let rig = Rig::over_tcp(small()).await;
    rig.sim.faults().add(Fault::on("*"), Effect::LoseAfter);
    let head = format!("POST / HTTP/1.1\r\nHost: {}", rig.address());
    let (status, headers, body) = crate::wire::send(rig.address(), &head, "Action=X").await;
    assert_eq!((status.as_str(), headers.len(), body.as_str()), ("", 0, ""));
}

#[tokio::test]
async fn the_journal_tells_who_asked_what_when() {
    let rig = Rig::in_memory(small());
    let triple = Triple::of(&rig, &rig.connector().await);
    let request = accepted(triple.create().await);
    rig.clock.advance(SECOND);
    triple.creation(&request).await;
    let calls = rig.sim.journal();
    let words: Vec<_> = calls
        .iter()
        .map(|call| (call.no, call.operation.as_str()))
        .collect();
    assert_eq!(
        words,
        [
            (1, "sts:AssumeRole"),
            (2, CREATE),
            (3, "sso:DescribeAccountAssignmentCreationStatus")
        ]
    );
    assert_eq!(
        calls[0].caller_arn.as_deref(),
        Some(rig.facts.host.arn.as_str())
    );
    assert_eq!(
        calls[0].access_key_id.as_deref(),
        Some(rig.facts.host.access_key_id.as_str())
    );
    assert_eq!(
        calls[1].account.as_deref(),
        Some(rig.facts.management_account.as_str())
    );
    assert_eq!(calls[1].party, Party::Stint);
    assert_eq!(calls[1].input["TargetId"], triple.account.as_str());
    assert_eq!(calls[1].at, crate::rig::START);
    assert_eq!(calls[1].signed_at, Some(crate::rig::START));
    assert_eq!(calls[2].at, crate::rig::START + SECOND);
    assert_eq!(calls[2].answer, Answered::Ok);
    assert_eq!(rig.sim.journal_since(2).len(), 1);
    // Everything but the key itself is told; secrets and tokens are not in it.
    let text = serde_json::to_string(&calls).unwrap();
    assert!(!text.contains(&rig.facts.host.secret_access_key));
    assert!(!text.contains("IQoJ"));
}
