//! Provisioning where AWS is difficult: writes finished after a restart, conflicts that do not
//! clear, accounts that take no change, statuses nobody may read, reasons in free text.

use stint_db::{Query as _, args};
use stint_domain::binding::AttemptKind;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::grant::{GrantState, Remains};
use stint_domain::{GrantId, Span};
use stint_server::{directory, grants};
use stint_testkit::sim::{AccountState, Effect, Fault, Party};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, grant, place, writes};

stint_db::statements! {
    REQUEST_IDS = "select request_id, outcome from attempts order by sign_at";
}

const HOUR: Span = Span::hours(1);
const CREATE: &str = "sso:CreateAccountAssignment";
const DELETE: &str = "sso:DeleteAccountAssignment";
const CREATION: &str = "sso:DescribeAccountAssignmentCreationStatus";
const DELETION: &str = "sso:DescribeAccountAssignmentDeletionStatus";

/// When Stint made calls of this operation, in seconds.
fn times(world: &World, operation: &str, since: u64) -> Vec<i64> {
    let calls = world.sim().journal_since(since).into_iter();
    calls
        .filter(|call| call.party == Party::Stint && call.operation == operation)
        .map(|call| call.at / 1_000_000)
        .collect()
}

async fn stuck_reason(world: &World, id: GrantId) -> Option<String> {
    grant(world, id)
        .await
        .binding
        .stuck
        .map(|stuck| stuck.reason)
}

both_engines!(World::builder();
    async fn what_aws_accepted_is_asked_after_by_whoever_comes_next(world) {
        let estate = Estate::connect(&world).await;
        let what = estate.assignments[0].clone();
        let slow = Fault::on(CREATE).by(Party::Stint);
        world.sim().faults().add(slow, Effect::Slow { micros: Span::minutes(3).as_micros() });
        let since = world.sim().calls();
        let id = estate.grant(&world, what.id, HOUR).await;
        world.run_due().await;
        // On record, although AWS has not finished.
        let mut q = world.app().db.reader().await.expect("a reader");
        let rows = q.all(&REQUEST_IDS, args![]).await.expect("read");
        drop(q);
        assert_eq!(rows.len(), 1);
        let on_record: String = rows[0].get("request_id").expect("AWS's id of the write");
        assert_eq!(rows[0].get::<String>("outcome").expect("a word"), "accepted");
        world.restart().await;
        let restarted = world.sim().calls();
        world.advance(Span::minutes(5)).await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
        let asked: Vec<String> = world.sim().journal_since(restarted).into_iter()
            .filter(|call| call.operation == CREATION)
            .map(|call| call.input["AccountAssignmentCreationRequestId"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert!(!asked.is_empty() && asked.iter().all(|id| *id == on_record), "{asked:?}");
        assert_eq!(writes(&world, since).len(), 1, "nothing was sent twice");
    }
);

both_engines!(World::builder();
    async fn conflicts_are_tried_again_ever_more_slowly_and_no_slower_than_the_cap(world) {
        let estate = Estate::connect(&world).await;
        let what = estate.assignments[0].clone();
        let busy = Fault::on(CREATE).by(Party::Stint);
        let busy = world.sim().faults().add(busy, Effect::refuse("ConflictException"));
        let since = world.sim().calls();
        let id = estate.grant(&world, what.id, HOUR).await;
        world.advance(Span::minutes(12)).await;
        let tried = times(&world, CREATE, since);
        let gaps: Vec<i64> = tried.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps.len() >= 6, "{gaps:?}");
        assert!(gaps[0] <= 10 && gaps[gaps.len() - 1] >= 60, "they grow: {gaps:?}");
        // Two minutes, a quarter more by chance, and a second of the clock's steps.
        assert!(gaps.iter().all(|gap| *gap <= 151), "the longest is capped: {gaps:?}");
        world.sim().faults().remove(busy);
        world.advance(Span::minutes(3)).await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
    }
);

both_engines!(World::builder();
    async fn a_removal_that_only_meets_conflicts_is_stuck_and_tried_for_ever(world) {
        let estate = Estate::connect(&world).await;
        let what = estate.assignments[0].clone();
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        let busy = Fault::on(DELETE).by(Party::Stint);
        let busy = world.sim().faults().add(busy, Effect::refuse("ConflictException"));
        grants::revoke(&world.cx("cy"), id, "incident").await.expect("revoked");
        world.advance(Span::minutes(10)).await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Stuck);
        let reason = stuck_reason(&world, id).await.expect("a reason");
        assert!(reason.contains("ConflictException"), "{reason}");
        for _ in 0..2 {
            let since = world.sim().calls();
            world.advance(Span::hours(2)).await;
            let tried = times(&world, DELETE, since).len();
            assert!((20..=28).contains(&tried), "every five minutes, for ever: {tried}");
        }
        world.sim().faults().remove(busy);
        world.advance(Span::minutes(10)).await;
        assert!(!estate.has(&world, &what).await);
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Ended);
    }
);

both_engines!(World::builder();
    async fn a_suspended_account_is_named_as_the_reason(world) {
        let estate = Estate::connect(&world).await;
        let what = estate.assignments[0].clone();
        let Place::Set(account, _) = place(&what) else { panic!("an assignment") };
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        world.sim().set_account_state(account, AccountState::Suspended).expect("known");
        directory::sync(&world.cx("cy"), estate.connection.id).await.expect("read");
        grants::revoke(&world.cx("cy"), id, "incident").await.expect("revoked");
        world.settle().await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Stuck);
        let reason = stuck_reason(&world, id).await.expect("a reason");
        assert!(reason.contains(account) && reason.contains("is suspended"), "{reason}");
        // It goes on trying, and is through as soon as the account is back.
        let since = world.sim().calls();
        world.advance(Span::hours(2)).await;
        assert!(times(&world, DELETE, since).len() >= 20);
        world.sim().set_account_state(account, AccountState::Active).expect("known");
        world.advance(Span::minutes(10)).await;
        assert!(!estate.has(&world, &what).await);
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Ended);
    }
);

both_engines!(World::builder();
    async fn that_it_was_not_found_is_believed_once_a_reading_agrees(world) {
        let estate = Estate::connect(&world).await;
        let what = estate.assignments[0].clone();
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        let wrong = Fault::on(DELETE).by(Party::Stint).nth(1);
        let reason = "Received a 404 status error: Assignment not found.".to_owned();
        world.sim().faults().add(wrong, Effect::FailLater { reason, applied: false });
        let since = world.sim().calls();
        grants::revoke(&world.cx("cy"), id, "incident").await.expect("revoked");
        world.settle().await;
        assert!(!estate.has(&world, &what).await, "the words alone were believed");
        let ended = grant(&world, id).await.window.ended.expect("ended");
        assert_eq!(ended.remains, Remains::Removed);
        let kinds: Vec<AttemptKind> = writes(&world, since).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [AttemptKind::Delete, AttemptKind::Delete]);
    }
);

both_engines!(World::builder();
    async fn a_status_nobody_may_read_is_unknown_and_never_done(world) {
        let estate = Estate::connect(&world).await;
        let what = estate.assignments[0].clone();
        let denied: Vec<_> = [CREATION, DELETION].into_iter().map(|operation| {
            let asking = Fault::on(operation).by(Party::Stint);
            world.sim().faults().add(asking, Effect::refuse("AccessDeniedException"))
        }).collect();
        // Provided all the same: the reading says so, not the status.
        let id = estate.grant(&world, what.id, HOUR).await;
        world.advance(Span::minutes(2)).await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
        grants::revoke(&world.cx("cy"), id, "incident").await.expect("revoked");
        world.advance(Span::minutes(40)).await;
        assert!(!estate.has(&world, &what).await);
        let shown = grant(&world, id).await;
        assert_eq!(shown.status(world.now()), GrantState::Stuck, "{shown:#?}");
        let reason = shown.binding.stuck.expect("stuck").reason;
        assert!(reason.contains(DELETION) && reason.contains("AccessDenied"), "{reason}");
        for fault in denied {
            world.sim().faults().remove(fault);
        }
        world.advance(Span::minutes(20)).await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Ended);
    }
);

both_engines!(World::builder();
    async fn what_the_management_account_lacks_is_named_with_what_to_add(world) {
        let estate = Estate::connect(&world).await;
        let management = world.facts().management_account;
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, estate.connection.id).await.expect("read");
        let mut there = None;
        for entitlement in all {
            let on = matches!(&entitlement.key,
                EntitlementKey::AccountAssignment { account, .. } if *account == management);
            if on && !directory::holds(&mut q, &estate.pair(entitlement.id)).await.expect("read") {
                there = Some(entitlement);
                break;
            }
        }
        drop(q);
        let what = there.expect("a permission set on the management account");
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        let failed = grant(&world, id).await;
        let note = failed.window.closed.expect("closed").note.expect("a reason");
        // AWS did not say that nothing was done, and refuses the clean-up for the same reason.
        let stuck = failed.binding.stuck.expect("stuck").reason;
        assert!(stuck.starts_with("iam:UpdateSAMLProvider on arn:aws:iam::"), "{stuck}");
        let provider = format!("arn:aws:iam::{management}:saml-provider/AWSSSO_");
        assert!(note.starts_with(&format!("iam:UpdateSAMLProvider on {provider}")), "{note}");
        assert!(note.contains(r#""Action":"iam:UpdateSAMLProvider""#), "{note}");
        assert!(note.contains("Received a 403 status error"), "AWS's own words stay: {note}");
    }
);
