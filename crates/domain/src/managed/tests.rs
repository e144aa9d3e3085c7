//! Tables: what the rules say where a history would not show why.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use uuid::Uuid;

use super::rotation::{Rotation, RotationLedger, Using};
use super::user::{Found, Hanging, Scope, Seen, User, UserLedger, Wanted};
use super::*;
use crate::AttemptId;

const NOW: Time = Time::from_micros(1_800_000_000_000_000);

fn claim() -> Claim {
    Claim {
        generation: 1,
        began: NOW,
    }
}

fn deleting(hanging: Vec<Hanging>) -> UserLedger {
    let mut user = User::to_make(ObjectId(Uuid::from_u128(1)), "robot".to_owned(), NOW);
    user.user_id = Some("AIDA1".to_owned());
    user.wanted = Wanted::Deleted;
    let found = Found {
        id: "AIDA1".to_owned(),
        name: "robot-two".to_owned(),
        mark: None,
        hanging,
        unseen: Vec::new(),
    };
    UserLedger {
        user,
        attempts: Vec::new(),
        seen: Some(Seen {
            began: NOW,
            scope: Scope::Everything,
            user: Some(found),
        }),
        name_fenced: None,
    }
}

fn attempt(n: u128, change: Change, outcome: Outcome) -> Attempt {
    Attempt {
        id: AttemptId(Uuid::from_u128(n)),
        change,
        sent_as: "robot-two".to_owned(),
        sign_at: NOW,
        outcome,
        note: None,
    }
}

/// Every removal in turn, as if each was done at once.
fn order(mut ledger: UserLedger) -> Vec<Change> {
    let mut order = Vec::new();
    while let user::Step::Send(change) = ledger.plan(&claim(), NOW, &Config::default()) {
        let n = u128::try_from(order.len()).unwrap() + 1;
        let done = Outcome::Succeeded { at: NOW };
        ledger.attempts.push(attempt(n, change.clone(), done));
        order.push(change);
    }
    order
}

#[test]
fn what_lets_somebody_in_goes_first_and_the_user_last() {
    let text = |it: &str| it.to_owned();
    let device = "arn:aws:iam::1:mfa/phone";
    let hanging = vec![
        Hanging::Group(text("admins")),
        Hanging::AttachedPolicy(text("arn")),
        Hanging::InlinePolicy(text("inline")),
        Hanging::Mfa(text(device)),
        Hanging::Mfa(text("GAHT12345678")),
        Hanging::ServiceCredential(text("ACCA1")),
        Hanging::SshKey(text("APKA1")),
        Hanging::Certificate(text("CERT1")),
        Hanging::Key(text("AKIA1")),
        Hanging::LoginProfile,
        Hanging::ActiveKey(text("AKIA1")),
    ];
    assert_eq!(
        order(deleting(hanging)),
        [
            Change::DeactivateKey(text("AKIA1")),
            Change::DeleteLoginProfile,
            Change::DeleteKey(text("AKIA1")),
            Change::DeleteCertificate(text("CERT1")),
            Change::DeleteSshKey(text("APKA1")),
            Change::DeleteServiceCredential(text("ACCA1")),
            Change::DeactivateMfa(text("GAHT12345678")),
            Change::DeactivateMfa(text(device)),
            Change::DeleteInlinePolicy(text("inline")),
            Change::DetachPolicy(text("arn")),
            Change::LeaveGroup(text("admins")),
            // A hardware device is only taken off.
            Change::DeleteVirtualMfa(text(device)),
            Change::DeleteUser,
        ]
    );
}

#[test]
fn what_is_refused_does_not_hold_up_the_rest() {
    let mut ledger = deleting(vec![
        Hanging::LoginProfile,
        Hanging::InlinePolicy("inline".to_owned()),
        Hanging::Group("admins".to_owned()),
    ]);
    let refused = Outcome::Refused {
        at: NOW,
        permanent: true,
    };
    let inline = Change::DeleteInlinePolicy("inline".to_owned());
    ledger.attempts.push(attempt(90, inline, refused));
    let last = ledger.attempts.clone();
    assert_eq!(
        order(ledger.clone()),
        [
            Change::DeleteLoginProfile,
            Change::LeaveGroup("admins".to_owned()),
        ]
    );
    // The user itself waits for what hangs on it.
    let done = Outcome::Succeeded { at: NOW };
    for (n, change) in order(ledger.clone()).into_iter().enumerate() {
        let n = u128::try_from(n).unwrap() + 1;
        ledger.attempts.push(attempt(n, change, done));
    }
    let config = Config::default();
    assert_eq!(
        ledger.plan(&claim(), NOW, &config),
        user::Step::Rest {
            until: Some(NOW + config.stuck_retry)
        }
    );
    assert_eq!(last.len(), 1);
}

#[test]
fn a_call_goes_by_the_name_that_was_read() {
    let mut ledger = deleting(vec![Hanging::LoginProfile]);
    ledger.user.hold.generation = 1;
    ledger.user.hold.lease_until = Some(NOW + Span::minutes(1));
    let id = AttemptId(Uuid::from_u128(7));
    let turn = ledger.advance(&claim(), id, NOW, &Config::default());
    let user::Action::Send(sent) = turn.unwrap().action else {
        panic!("something hangs on it");
    };
    assert_eq!(sent.sent_as, "robot-two");
}

#[test]
fn nobody_is_made_under_a_name_that_may_be_on_its_way() {
    let config = Config::default();
    let user = User::to_make(ObjectId(Uuid::from_u128(1)), "robot".to_owned(), NOW);
    let mut ledger = UserLedger {
        user,
        attempts: Vec::new(),
        seen: Some(Seen {
            began: NOW,
            scope: Scope::User,
            user: None,
        }),
        name_fenced: Some(NOW + Span::minutes(3)),
    };
    let waits = user::Step::Rest {
        until: Some(NOW + Span::minutes(3)),
    };
    assert_eq!(ledger.plan(&claim(), NOW, &config), waits);
    ledger.name_fenced = None;
    let makes = user::Step::Send(Change::CreateUser);
    assert_eq!(ledger.plan(&claim(), NOW, &config), makes);
}

#[test]
fn nothing_is_switched_to_that_was_not_tried() {
    let config = Config::default();
    let id = ObjectId(Uuid::from_u128(1));
    let mut rotation = Rotation::begin(id, "AKIAOLD".to_owned(), Span::hours(1), NOW);
    rotation.user_arn = Some("arn:aws:iam::1:user/stint".to_owned());
    rotation.new_key = Some("AKIANEW".to_owned());
    rotation.added_at = Some(NOW);
    let mut ledger = RotationLedger {
        rotation,
        attempts: Vec::new(),
        using: Using::Old,
        seen: None,
    };
    assert_eq!(ledger.plan(&claim(), NOW, &config), rotation::Step::Test);
    let other = rotation::Tried::As("arn:aws:iam::1:user/other".to_owned());
    let (failed, _) = ledger.clone().tried(other, NOW, &config);
    assert!(failed.rotation.failure.is_some() && failed.rotation.tested_at.is_none());
    ledger.rotation.tested_at = Some(NOW);
    assert_eq!(ledger.plan(&claim(), NOW, &config), rotation::Step::Switch);
    // Somebody gave the connection another credential meanwhile.
    ledger.using = Using::Other;
    let step = ledger.plan(&claim(), NOW, &config);
    assert!(matches!(step, rotation::Step::Fail(_)), "{step:?}");
}
