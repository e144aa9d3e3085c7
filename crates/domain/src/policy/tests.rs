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
    let approvers = Approvers {
        users: users(named),
        groups: groups.iter().copied().map(group).collect(),
        ..Approvers::default()
    };
    Step::new(name, approvers, needed)
}

fn body(steps: Vec<Step>) -> PolicyBody {
    PolicyBody {
        reason: ReasonRule {
            required: true,
            min_length: 5,
        },
        ..PolicyBody::new(Route::Steps(steps), Span::hours(4))
    }
}

/// Group 10 is {1, 2, 3}, group 20 is empty; 9 is inactive.
fn people() -> People {
    People {
        groups: [(group(10), users(&[1, 2, 3])), (group(20), users(&[]))].into(),
        able: users(&[1, 2, 3, 4, 5]),
        ..People::default()
    }
}

fn ask() -> Ask {
    Ask {
        requester: user(5),
        beneficiary: user(5),
        members: BTreeSet::new(),
        duration: Span::hours(2),
        until_revoked: false,
        start: None,
        reason: "release 4711".into(),
        ticket: None,
        entitlement_max: None,
        entitlement_until_revoked: false,
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
    match body.outcome(None).evaluate(ask, &people(), NOW) {
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
    assert_eq!(
        auto.outcome(None).evaluate(&ask(), &people(), NOW),
        Verdict::AutoApproved
    );
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
    let explained = one.outcome(None).explain(&ask(), &people());
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
    let Verdict::NeedsSteps(steps) = body.outcome(None).evaluate(&ask(), &people(), NOW) else {
        panic!("three people can approve");
    };
    let seen: Vec<_> = (steps[0].approvers.iter())
        .map(|a| (a.user, a.through.named, a.through.groups.len(), a.hindrance))
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
    let steps = body.outcome(None).explain(&ask_for(&[1]), &people());
    let hindrances: Vec<_> = (steps[0].approvers.iter()).map(|a| a.hindrance).collect();
    assert_eq!(hindrances, [Some(Hindrance::OwnRequest), None]);
    assert_eq!(refused(&body, &ask_for(&[1, 2])), ["no_possible_approver"]);
    let allowed = PolicyBody {
        allow_self_approval: true,
        ..body
    };
    assert!(matches!(
        allowed
            .outcome(None)
            .evaluate(&ask_for(&[1, 2]), &people(), NOW),
        Verdict::NeedsSteps(_)
    ));
}

fn rule(name: &str, when: &str, route: Route) -> Rule {
    Rule {
        name: name.to_owned(),
        when: Condition::new(when),
        route,
        max_duration: None,
        until_revoked: None,
        reason: None,
        ticket: None,
        step_up: None,
    }
}

fn scene(minutes: i64) -> Scene {
    let ana = crate::condition::Person {
        id: user(5),
        name: "Ana".to_owned(),
        email: "ana@example.com".to_owned(),
        department: None,
        title: None,
        manager: None,
        groups: BTreeSet::new(),
    };
    let thing = crate::condition::Thing {
        id: crate::EntitlementId(Uuid::from_u128(1)),
        name: "Developers".to_owned(),
        key: crate::entitlement::EntitlementKey::GroupMembership {
            group: "g-1".to_owned(),
        },
        account_name: None,
        path: Vec::new(),
        lost: false,
        tags: None,
        permission_set: None,
        group: Some("Developers".to_owned()),
        application: crate::ApplicationId(Uuid::from_u128(2)),
        application_name: "AWS".to_owned(),
        connection: "AWS".to_owned(),
    };
    let how = crate::condition::Circumstances {
        duration: Span::minutes(minutes),
        start: None,
        for_group: false,
        now: NOW,
        zone: "UTC".to_owned(),
    };
    Scene::new(&ana, &ana, &[], &thing, &how).expect("one world")
}

#[test]
fn the_first_rule_that_applies_says_what_holds() {
    let mut policy = body(vec![step("Platform", &[], &[10], 1)]);
    policy.rules = vec![
        rule("Short", "context.minutes <= 30", Route::AutoApprove),
        rule(
            "Long",
            "context.minutes > 120",
            Route::AutoDeny("Ask for two hours at most.".into()),
        ),
        rule(
            "Never asked about short ones",
            "context.minutes <= 60",
            Route::Steps(vec![step("Team", &[1], &[], 1)]),
        ),
    ];
    policy.rules[2].max_duration = Some(Span::hours(1));
    policy.rules[2].reason = Some(ReasonRule::default());
    assert_eq!(codes(&policy), [""; 0]);
    let chosen = |minutes| policy.choose(&scene(minutes)).expect("answered");
    let (at, tried) = chosen(30);
    assert_eq!((at, tried.len()), (Some(0), 1));
    assert_eq!(
        policy.outcome(at).evaluate(&ask(), &people(), NOW),
        Verdict::AutoApproved
    );
    let (at, tried) = chosen(45);
    assert_eq!(at, Some(2));
    let holds: Vec<_> = tried.iter().map(|it| it.holds.clone()).collect();
    assert_eq!(holds, [Ok(false), Ok(false), Ok(true)]);
    let outcome = policy.outcome(at);
    assert_eq!(
        (outcome.max_duration, outcome.reason.required),
        (Span::hours(1), false)
    );
    assert_eq!(outcome.steps()[0].name, "Team");
    let (at, _) = chosen(240);
    let Verdict::Refused(why) = policy.outcome(at).evaluate(&ask(), &people(), NOW) else {
        panic!("denied");
    };
    assert_eq!(why[0].code(), "denied_by_policy");
    assert_eq!(why[0].to_string(), "Ask for two hours at most.");
    let (at, tried) = chosen(90);
    assert_eq!(
        (at, tried.len()),
        (None, 3),
        "what the policy says otherwise"
    );
    assert_eq!(policy.outcome(at).steps()[0].name, "Platform");
}

#[test]
fn a_rule_that_cannot_be_asked_answers_nothing() {
    let mut policy = body(vec![step("Platform", &[], &[10], 1)]);
    policy.rules = vec![
        rule(
            "Odd",
            "context.minutes * 9223372036854775807 > 1",
            Route::AutoDeny("No.".into()),
        ),
        rule("Short", "context.minutes <= 30", Route::AutoApprove),
    ];
    let tried = policy.choose(&scene(20)).expect_err("an overflow");
    assert_eq!(tried.len(), 1, "nothing behind it is asked");
    assert!(tried[0].holds.is_err());
}

#[test]
fn rules_are_checked_each_at_its_place() {
    let mut policy = body(vec![step("Platform", &[], &[10], 1)]);
    policy.zone = "Europe/Atlantis".to_owned();
    policy.rules = vec![
        rule("A", "context.minutes > 1", Route::AutoApprove),
        rule("a", "context.minuts > 1", Route::AutoDeny(String::new())),
        rule(
            "B",
            "context.minutes > 1",
            Route::Steps(vec![step("x", &[9], &[], 1)]),
        ),
        rule("C", "true", Route::AutoApprove),
        rule("D", "context.hour > 1", Route::AutoApprove),
        rule(
            "E",
            "principal in Group::\"grp_00000000000000000000000020\"",
            Route::AutoApprove,
        ),
    ];
    let faults = policy.check(&people()).expect_err("faults");
    let said: Vec<_> = faults.iter().map(|it| (it.field(), it.code())).collect();
    let said: Vec<_> = said
        .iter()
        .map(|(field, code)| (field.as_str(), *code))
        .collect();
    assert_eq!(
        said,
        [
            ("rules[1].name", "rule_name"),
            ("rules[1].when", "invalid_condition"),
            ("rules[1].auto_deny", "deny_message"),
            ("rules[2].when", "unreachable_rule"),
            ("rules[2].steps[0].users", "approver_unable"),
            ("rules[2].steps[0].needed", "needs_too_many"),
            ("rules[4].when", "unreachable_rule"),
            ("rules[5].when", "invalid_condition"),
            ("rules[5].when", "unreachable_rule"),
            ("zone", "unknown_zone"),
        ]
    );
    assert!(
        faults[1]
            .to_string()
            .starts_with("rule 2: the condition: line 1, character 1:")
    );
    policy.rules = vec![rule("A", "true", Route::AutoApprove); 17];
    let faults = policy.check(&people()).expect_err("faults");
    assert_eq!(faults[0].code(), "too_many_rules");
}

#[test]
fn times_of_steps_are_checked() {
    let team = || step("Team", &[1, 2], &[], 1);
    let wait = |wait| Step {
        wait: Some(wait),
        ..step("Cool off", &[], &[], 0)
    };
    let by = |after, then| Some(Deadline { after, then });
    let hour = Span::hours(1);
    let fallback = Approvers {
        users: users(&[3]),
        ..Approvers::default()
    };
    for (steps, said) in [
        (vec![wait(hour), team()], vec![]),
        (vec![wait(hour)], vec!["no_approver"]),
        (vec![wait(Span::seconds(1)), team()], vec!["step_wait"]),
        (
            vec![Step {
                wait: Some(hour),
                ..team()
            }],
            vec!["step_wait", "no_approver"],
        ),
        (
            vec![Step {
                deadline: by(hour, Then::NextStep),
                ..team()
            }],
            vec!["step_times"],
        ),
        (
            vec![
                Step {
                    deadline: by(hour, Then::NextStep),
                    ..team()
                },
                step("b", &[3], &[], 1),
            ],
            // Both could be needed there.
            vec!["step_times"],
        ),
        (
            vec![
                Step {
                    deadline: by(hour, Then::NextStep),
                    ..team()
                },
                step("b", &[3, 4], &[], 1),
            ],
            vec![],
        ),
        (
            vec![
                Step {
                    deadline: by(hour, Then::NextStep),
                    ..team()
                },
                wait(hour),
                step("b", &[3, 4], &[], 1),
            ],
            vec!["step_times"],
        ),
        (
            vec![Step {
                deadline: by(hour, Then::Deny),
                remind: Some(hour),
                ..team()
            }],
            vec!["step_times"],
        ),
        (
            vec![Step {
                late: Some(hour),
                ..team()
            }],
            vec!["step_times"],
        ),
        (
            vec![Step {
                late: Some(hour),
                fallback: fallback.clone(),
                ..team()
            }],
            vec![],
        ),
        (
            vec![Step {
                deadline: by(Span::hours(24 * 31), Then::Deny),
                ..team()
            }],
            vec!["step_times"],
        ),
        (
            vec![Step {
                each_group: true,
                ..team()
            }],
            vec!["no_groups"],
        ),
        (
            vec![Step {
                each_group: true,
                ..step("x", &[], &[10, 20], 1)
            }],
            vec!["needs_too_many"],
        ),
        (
            vec![Step {
                each_group: true,
                fallback,
                ..step("x", &[], &[10, 20], 1)
            }],
            vec![],
        ),
    ] {
        assert_eq!(codes(&body(steps.clone())), said, "{steps:?}");
    }
}

#[test]
fn a_step_of_roles_or_conditions_may_be_saved_and_is_explained_by_who_they_are() {
    let mut owners = step("Owners", &[], &[], 1);
    owners.approvers.roles = [Role::Manager, Role::ConnectionOwner].into();
    let lead = Condition::new("principal has title && principal.title == \"Lead\"");
    let mut leads = step("Leads", &[], &[], 1);
    leads.approvers.who = Some(lead.clone());
    let policy = body(vec![owners, leads]);
    assert_eq!(codes(&policy), [""; 0]);
    assert_eq!(refused(&policy, &ask()), ["no_possible_approver"]);
    let people = People {
        roles: [
            (Role::Manager, users(&[5])),
            (Role::ConnectionOwner, users(&[1])),
        ]
        .into(),
        matching: [(lead, users(&[2, 9]))].into(),
        ..people()
    };
    let Verdict::NeedsSteps(steps) = policy.outcome(None).evaluate(&ask(), &people, NOW) else {
        panic!("there are");
    };
    assert_eq!(
        steps[0].possible(),
        users(&[1]),
        "who asks is their own manager"
    );
    assert_eq!(steps[1].possible(), users(&[2]), "9 is not active");
}

#[test]
fn what_follows_is_nobodys_own_to_allow() {
    let own = PolicyBody {
        allow_self_approval: true,
        ..body(vec![step("a", &[1], &[], 1)])
    };
    let after = own
        .clone()
        .followed_by(None, vec![step("exception", &[], &[10], 1)]);
    let names: Vec<&str> = (after.outcome(None).steps().iter())
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["a", "exception"]);
    assert!(!after.allow_self_approval);
    assert_eq!(own.clone().followed_by(None, Vec::new()), own);
    // What would be given at once waits, and what is denied stays denied.
    let more = || vec![step("exception", &[], &[10], 1)];
    let auto = PolicyBody {
        route: Route::AutoApprove,
        ..body(vec![])
    };
    assert_eq!(auto.followed_by(None, more()).route.steps().len(), 1);
    let deny = PolicyBody {
        route: Route::AutoDeny("no".to_owned()),
        ..body(vec![])
    };
    assert!(deny.followed_by(None, more()).route.steps().is_empty());
}
