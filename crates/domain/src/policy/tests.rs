use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;

const NOW: Time = Time::from_micros(1_000_000_000);

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn group(n: u128) -> GroupId {
    GroupId(Uuid::from_u128(n))
}

fn users(ns: &[u128]) -> BTreeSet<UserId> {
    ns.iter().copied().map(user).collect()
}

fn step(name: &str, named: &[u128], groups: &[u128], needed: u32) -> Step {
    Step {
        name: name.into(),
        users: users(named),
        groups: groups.iter().copied().map(group).collect(),
        needed,
    }
}

fn body(steps: Vec<Step>) -> PolicyBody {
    PolicyBody {
        route: Route::Steps(steps),
        max_duration: Span::hours(4),
        reason: ReasonRule {
            required: true,
            min_length: 5,
        },
        allow_self_approval: false,
    }
}

/// Group 10 is {1, 2, 3}, group 20 is empty; 9 is inactive.
fn people() -> People {
    People {
        groups: [(group(10), users(&[1, 2, 3])), (group(20), users(&[]))].into(),
        able: users(&[1, 2, 3, 4, 5]),
    }
}

fn ask() -> Ask {
    Ask {
        requester: user(5),
        beneficiary: user(5),
        members: BTreeSet::new(),
        duration: Span::hours(2),
        start: None,
        reason: "release 4711".into(),
        entitlement_max: None,
    }
}

fn codes(body: &PolicyBody) -> Vec<&'static str> {
    body.check(&people())
        .err()
        .unwrap_or_default()
        .iter()
        .map(BodyFault::code)
        .collect()
}

fn refused(body: &PolicyBody, ask: &Ask) -> Vec<&'static str> {
    match body.evaluate(ask, &people(), NOW) {
        Verdict::Refused(why) => why.iter().map(Refusal::code).collect(),
        Verdict::AutoApproved | Verdict::NeedsSteps(_) => Vec::new(),
    }
}

#[test]
fn what_is_saved_is_checked_and_every_fault_is_named() {
    assert_eq!(codes(&body(vec![step("Platform", &[], &[10], 2)])), [""; 0]);
    assert_eq!(codes(&body(vec![])), ["no_steps"]);
    assert_eq!(codes(&body(vec![step("a", &[], &[], 1)])), ["no_approver"]);
    assert_eq!(
        codes(&body(vec![step("a", &[1], &[], 0)])),
        ["needs_nobody"]
    );
    assert_eq!(
        codes(&body(vec![step("a", &[], &[20], 1)])),
        ["needs_too_many"]
    );
    assert_eq!(
        codes(&body(vec![step("a", &[1], &[77], 1)])),
        ["unknown_group"]
    );
    assert_eq!(
        codes(&body(vec![step(" ", &[1, 9], &[], 2)])),
        ["step_name", "approver_unable", "needs_too_many"]
    );
    assert_eq!(
        codes(&body(vec![step("a", &[1], &[], 1); 9])),
        ["too_many_steps"]
    );
    let mut odd = body(vec![step("a", &[1], &[], 1)]);
    odd.max_duration = Span::seconds(59);
    odd.reason = ReasonRule {
        required: false,
        min_length: 3,
    };
    assert_eq!(codes(&odd), ["policy_duration", "reason_length"]);
}

#[test]
fn steps_that_share_their_people_are_refused_when_saved() {
    let two = body(vec![step("a", &[1], &[], 1), step("b", &[1], &[], 1)]);
    assert_eq!(codes(&two), ["steps_share_approvers"]);
    // 1 + 1 + 2 of {1, 2, 3}: no pair is short, all three together are.
    let three = body(vec![
        step("a", &[], &[10], 1),
        step("b", &[], &[10], 1),
        step("c", &[], &[10], 2),
    ]);
    assert_eq!(codes(&three), ["steps_share_approvers"]);
    let spread = body(vec![step("a", &[1], &[], 1), step("b", &[1, 2], &[], 1)]);
    assert_eq!(codes(&spread), [""; 0]);
}

#[test]
fn auto_approval_needs_nobody_and_still_has_limits() {
    let auto = PolicyBody {
        route: Route::AutoApprove,
        ..body(vec![])
    };
    assert_eq!(codes(&auto), [""; 0]);
    assert_eq!(auto.evaluate(&ask(), &people(), NOW), Verdict::AutoApproved);
    let long = Ask {
        duration: Span::hours(5),
        ..ask()
    };
    assert_eq!(refused(&auto, &long), ["duration_over_policy"]);
}

#[test]
fn every_reason_to_refuse_an_ask() {
    let body = body(vec![step("Platform", &[], &[10], 1)]);
    let with = |f: &dyn Fn(&mut Ask)| {
        let mut a = ask();
        f(&mut a);
        refused(&body, &a)
    };
    assert_eq!(with(&|_| {}), [""; 0]);
    assert_eq!(with(&|a| a.duration = Span::hours(4)), [""; 0]);
    assert_eq!(
        with(&|a| a.duration = Span::micros(Span::hours(4).as_micros() + 1)),
        ["duration_over_policy"]
    );
    assert_eq!(
        with(&|a| a.entitlement_max = Some(Span::hours(1))),
        ["duration_over_policy"]
    );
    assert_eq!(
        with(&|a| a.duration = Span::seconds(-5)),
        ["duration_too_short"]
    );
    assert_eq!(with(&|a| a.reason = "  ".into()), ["reason_required"]);
    assert_eq!(with(&|a| a.reason = "abcd  ".into()), ["reason_too_short"]);
    assert_eq!(with(&|a| a.reason = "x".repeat(2001)), ["reason_too_long"]);
    assert_eq!(
        with(&|a| a.start = Some(NOW - Span::seconds(1))),
        ["start_in_past"]
    );
    assert_eq!(
        with(&|a| a.start = Some(NOW + Span::hours(24 * 91))),
        ["start_too_far"]
    );
    assert_eq!(
        with(&|a| {
            a.reason.clear();
            a.duration = Span::hours(9);
        }),
        ["duration_over_policy", "reason_required"]
    );
}

#[test]
fn one_who_asks_is_explained_but_not_counted() {
    let one = body(vec![step("Platform", &[5], &[], 1)]);
    assert_eq!(refused(&one, &ask()), ["no_possible_approver"]);
    let explained = one.explain(&ask(), &people());
    assert_eq!(
        explained[0].approvers[0].hindrance,
        Some(Hindrance::OwnRequest)
    );
    let itself = PolicyBody {
        allow_self_approval: true,
        ..one
    };
    assert_eq!(refused(&itself, &ask()), [""; 0]);
}

#[test]
fn people_are_explained_with_the_way_they_came() {
    let body = body(vec![step("Platform", &[1, 9], &[10], 1)]);
    let Verdict::NeedsSteps(steps) = body.evaluate(&ask(), &people(), NOW) else {
        panic!("three people can approve");
    };
    let seen: Vec<_> = (steps[0].approvers.iter())
        .map(|a| (a.user, a.named, a.groups.len(), a.hindrance))
        .collect();
    assert_eq!(
        seen,
        [
            (user(1), true, 1, None),
            (user(2), false, 1, None),
            (user(3), false, 1, None),
            (user(9), true, 0, Some(Hindrance::Unable)),
        ]
    );
}

#[test]
fn a_version_is_stored_readably_and_unknown_fields_are_refused() {
    let body = body(vec![step("Platform", &[], &[10], 1)]);
    let json = serde_json::to_value(&body).expect("a policy is JSON");
    assert_eq!(json["max_duration"], 14_400);
    assert_eq!(
        serde_json::from_value::<PolicyBody>(json.clone()).expect("the same"),
        body
    );
    let mut odd = json;
    odd["alow_self_approval"] = true.into();
    assert!(serde_json::from_value::<PolicyBody>(odd).is_err());
    assert_eq!(
        serde_json::from_str::<PolicyBody>(r#"{"route":"auto_approve","max_duration":60}"#)
            .expect("defaults")
            .route,
        Route::AutoApprove
    );
}

#[test]
fn members_of_the_group_it_is_for_are_no_approvers() {
    let body = body(vec![step("Platform", &[1, 2], &[], 1)]);
    let ask_for = |members: &[u128]| Ask {
        members: members.iter().copied().map(user).collect(),
        ..ask()
    };
    let steps = body.explain(&ask_for(&[1]), &people());
    let hindrances: Vec<_> = (steps[0].approvers.iter()).map(|a| a.hindrance).collect();
    assert_eq!(hindrances, [Some(Hindrance::OwnRequest), None]);
    assert_eq!(refused(&body, &ask_for(&[1, 2])), ["no_possible_approver"]);
    let allowed = PolicyBody {
        allow_self_approval: true,
        ..body
    };
    assert!(matches!(
        allowed.evaluate(&ask_for(&[1, 2]), &people(), NOW),
        Verdict::NeedsSteps(_)
    ));
}
