use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::Span;
use crate::policy::{ReasonRule, Route};

const T0: Time = Time::from_micros(1_000_000_000);

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn group(n: u128) -> GroupId {
    GroupId(Uuid::from_u128(n))
}

fn at(minutes: i64) -> Time {
    T0 + Span::minutes(minutes)
}

fn step(name: &str, named: &[u128], groups: &[u128], needed: u32) -> Step {
    Step {
        name: name.into(),
        users: named.iter().copied().map(user).collect(),
        groups: groups.iter().copied().map(group).collect(),
        needed,
    }
}

/// User 1 asked for themselves at T0.
fn pending(steps: Vec<Step>) -> Request {
    Request {
        question: Question {
            requester: user(1),
            beneficiary: user(1),
            submitted_at: T0,
            policy: PolicyBody {
                route: Route::Steps(steps),
                max_duration: Span::hours(4),
                reason: ReasonRule::default(),
                allow_self_approval: false,
            },
        },
        state: State::Pending {
            step: 0,
            approvals: Vec::new(),
        },
    }
}

fn person(n: u128) -> Decider {
    Decider {
        user: user(n),
        memberships: Vec::new(),
        benefits: false,
    }
}

fn member(n: u128, of: u128, since: Time, added_by: Option<u128>) -> Decider {
    Decider {
        user: user(n),
        memberships: vec![Membership {
            group: group(of),
            since,
            added_by: added_by.map(user),
        }],
        benefits: false,
    }
}

fn approve(r: Request, who: &Decider) -> Result<(Request, Progress), &'static str> {
    r.decide(who, Answer::Approve, at(5)).map_err(|e| e.code())
}

#[test]
fn one_of_one_is_approved_and_nothing_more_is_decided() {
    let r = pending(vec![step("Platform", &[2, 3], &[], 1)]);
    let (r, progress) = approve(r, &person(2)).expect("an approver");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(r.state.closed_at(), Some(at(5)));
    let late = r.clone().decide(&person(3), Answer::Approve, at(6));
    let why = late.expect_err("it is over");
    assert_eq!(
        why,
        Refused::WrongState {
            verb: Verb::Approve,
            state: "approved",
            at: at(5),
            by: Some(user(2))
        }
    );
    assert_eq!(
        why.to_string(),
        "this request was approved at 1970-01-01T00:21:40Z: it cannot be approved any more"
    );
    assert_eq!(
        r.cancel(user(1), at(7)).map_err(|e| e.code()),
        Err("wrong_state")
    );
}

#[test]
fn approve_after_cancel_names_state_verb_and_why() {
    let r = pending(vec![step("Platform", &[2], &[], 1)]);
    let r = r.cancel(user(1), at(1)).expect("still pending");
    let why = r
        .decide(&person(2), Answer::Approve, at(2))
        .expect_err("cancelled");
    assert_eq!(
        why.to_string(),
        "this request was cancelled at 1970-01-01T00:17:40Z: it cannot be approved any more"
    );
}

#[test]
fn no_member_of_the_group_it_is_for_decides_unless_the_pinned_version_says_so() {
    let member = Decider {
        benefits: true,
        ..member(2, 7, at(-60), Some(9))
    };
    let mut r = pending(vec![step("Platform", &[2, 3], &[7], 1)]);
    assert_eq!(
        approve(r.clone(), &member).expect_err("they would hold it"),
        "member_of_the_group"
    );
    let deny = Answer::Deny {
        reason: "no".into(),
    };
    let why = r.clone().decide(&member, deny, at(1));
    assert_eq!(
        why.map_err(|e| e.code()).expect_err("they would hold it"),
        "member_of_the_group"
    );
    let waiting = r.waiting([&member, &person(3)]).expect("pending");
    assert_eq!(waiting.who, [user(3)].into());
    assert!(approve(r.clone(), &person(3)).is_ok(), "no member");
    r.question.policy.allow_self_approval = true;
    assert!(approve(r, &member).is_ok());
}

#[test]
fn nobody_decides_their_own_unless_the_pinned_version_says_so() {
    let mut r = pending(vec![step("Platform", &[1, 2], &[], 1)]);
    r.question.beneficiary = user(2);
    for own in [1, 2] {
        assert_eq!(
            approve(r.clone(), &person(own)).expect_err("own"),
            "self_approval"
        );
        let deny = Answer::Deny {
            reason: "no".into(),
        };
        let why = r
            .clone()
            .decide(&person(own), deny, at(1))
            .expect_err("own");
        assert_eq!(why.code(), "self_approval");
        assert!(why.to_string().ends_with("cancel it instead"));
    }
    r.question.policy.allow_self_approval = true;
    assert!(approve(r.clone(), &person(1)).is_ok());
    r.question.policy.route = Route::Steps(vec![step("Platform", &[2], &[], 1)]);
    assert_eq!(
        approve(r, &person(1)).expect_err("no approver"),
        "not_an_approver"
    );
}

#[test]
fn two_of_three_then_another_step_by_other_people() {
    let r = pending(vec![
        step("Team", &[2, 3, 4], &[], 2),
        step("Security", &[2, 5], &[], 1),
    ]);
    let (r, progress) = approve(r, &person(2)).expect("an approver");
    assert_eq!(progress, Progress::Waiting { still: 1 });
    assert_eq!(
        approve(r.clone(), &person(2)).expect_err("twice"),
        "already_decided"
    );
    assert_eq!(
        approve(r.clone(), &person(5)).expect_err("later step"),
        "not_an_approver"
    );
    let (r, progress) = approve(r, &person(4)).expect("an approver");
    assert_eq!(progress, Progress::Step { next: 1 });
    assert_eq!(
        approve(r.clone(), &person(2)).expect_err("counted before"),
        "already_decided"
    );
    let waiting = r.waiting(&[2, 3, 5].map(person)).expect("pending");
    assert_eq!(waiting.who, BTreeSet::from([user(5)]));
    assert!(!waiting.stuck());
    let (r, progress) = approve(r, &person(5)).expect("an approver");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(r.state.approvals().len(), 3);
    assert_eq!(r.waiting(&[]), None);
}

#[test]
fn one_denial_ends_it_and_says_why() {
    let r = pending(vec![step("Team", &[2, 3], &[], 2)]);
    let (r, _) = approve(r, &person(2)).expect("an approver");
    let deny = |reason: &str| Answer::Deny {
        reason: reason.into(),
    };
    let bad = |reason: &str| {
        let why = r.clone().decide(&person(3), deny(reason), at(6));
        why.expect_err("no good reason").code()
    };
    assert_eq!(bad("  "), "reason_required");
    assert_eq!(bad(&"x".repeat(2001)), "reason_too_long");
    let (r, progress) = r
        .decide(&person(3), deny(" not today "), at(6))
        .expect("a reason");
    assert_eq!(progress, Progress::Denied);
    assert!(matches!(&r.state, State::Denied { reason, step: 0, .. } if reason == "not today"));
    assert_eq!(approve(r, &person(3)).expect_err("over"), "wrong_state");
}

#[test]
fn membership_counts_as_it_is_now_and_not_if_one_added_oneself() {
    let r = pending(vec![step("Platform", &[], &[10], 1)]);
    let code = |d: &Decider| approve(r.clone(), d).map(|_| "ok").unwrap_or_else(|e| e);
    assert_eq!(code(&person(2)), "not_an_approver");
    assert_eq!(code(&member(2, 11, at(-9), None)), "not_an_approver");
    // Added after the submission by somebody else: an approver.
    assert_eq!(code(&member(2, 10, at(1), Some(3))), "ok");
    assert_eq!(code(&member(2, 10, at(1), None)), "ok");
    // By themselves: before it, yes; at its moment or after it, no.
    assert_eq!(code(&member(2, 10, at(-1), Some(2))), "ok");
    let became = "became_approver_after_submission";
    assert_eq!(code(&member(2, 10, at(0), Some(2))), became);
    assert_eq!(code(&member(2, 10, at(1), Some(2))), became);
}

#[test]
fn a_second_good_membership_counts_beside_one_of_ones_own_making() {
    let r = pending(vec![step("Platform", &[], &[10, 11], 1)]);
    let mut two = member(2, 10, at(1), Some(2));
    two.memberships
        .extend(member(2, 11, at(-1), Some(3)).memberships);
    assert!(approve(r, &two).is_ok());
}

#[test]
fn the_number_needed_stays_when_the_group_empties() {
    let r = pending(vec![step("Platform", &[], &[10], 2)]);
    let (r, progress) = approve(r, &member(2, 10, at(-1), None)).expect("an approver");
    assert_eq!(progress, Progress::Waiting { still: 1 });
    let waiting = r.waiting(&[]).expect("pending");
    assert!(waiting.stuck());
    assert_eq!((waiting.needed, waiting.still), (2, 1));
}

#[test]
fn submission_pins_the_policy_and_auto_approval_needs_nobody() {
    let policy = pending(vec![step("Platform", &[2], &[], 1)])
        .question
        .policy;
    let ask = Ask {
        requester: user(1),
        beneficiary: user(1),
        members: BTreeSet::new(),
        duration: Span::hours(1),
        start: None,
        reason: String::new(),
        entitlement_max: None,
    };
    let people = People {
        able: [user(2)].into(),
        ..People::default()
    };
    let (r, progress) =
        Request::submit(policy.clone(), &ask, &people, T0).expect("it can be asked");
    assert_eq!(progress, Progress::Step { next: 0 });
    assert_eq!(r.question.policy, policy);
    let why = Request::submit(policy.clone(), &ask, &People::default(), T0);
    assert_eq!(
        why.expect_err("nobody able")[0].code(),
        "no_possible_approver"
    );
    let auto = PolicyBody {
        route: Route::AutoApprove,
        ..policy
    };
    let (r, progress) = Request::submit(auto, &ask, &people, T0).expect("it can be asked");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(r.state.as_str(), "approved");
}
