use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::policy::{Approvers, Deadline, Role, Route, Then};
use crate::{GroupId, Span};

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
    let approvers = Approvers {
        users: named.iter().copied().map(user).collect(),
        groups: groups.iter().copied().map(group).collect(),
        ..Approvers::default()
    };
    Step::new(name, approvers, needed)
}

/// User 1 asked for themselves at T0.
fn pending(steps: Vec<Step>) -> Request {
    Request {
        question: Question {
            requester: user(1),
            beneficiary: user(1),
            submitted_at: T0,
            policy: PolicyBody::new(Route::Steps(steps), Span::hours(4)),
            rule: None,
            others: Vec::new(),
        },
        state: State::at_step(0, T0, 0, Vec::new()),
        handed: Vec::new(),
    }
}

fn person(n: u128) -> Decider {
    Decider {
        user: user(n),
        memberships: Vec::new(),
        benefits: false,
        of_theirs: false,
        changed_own: None,
        changed_others: None,
        delegators: Vec::new(),
    }
}

fn member(n: u128, of: u128, since: Time, added_by: Option<u128>) -> Decider {
    Decider {
        user: user(n),
        memberships: vec![Membership {
            of: Source::Group(group(of)),
            since,
            added_by: added_by.map(user),
        }],
        benefits: false,
        of_theirs: false,
        changed_own: None,
        changed_others: None,
        delegators: Vec::new(),
    }
}

fn approve(r: Request, who: &Decider) -> Result<(Request, Progress), &'static str> {
    r.decide(who, &People::default(), Answer::Approve, at(5))
        .map_err(|e| e.code())
}

#[test]
fn one_of_one_is_approved_and_nothing_more_is_decided() {
    let r = pending(vec![step("Platform", &[2, 3], &[], 1)]);
    let (r, progress) = approve(r, &person(2)).expect("an approver");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(r.state.closed_at(), Some(at(5)));
    let late = r
        .clone()
        .decide(&person(3), &People::default(), Answer::Approve, at(6));
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
        .decide(&person(2), &People::default(), Answer::Approve, at(2))
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
    let why = r.clone().decide(&member, &People::default(), deny, at(1));
    assert_eq!(
        why.map_err(|e| e.code()).expect_err("they would hold it"),
        "member_of_the_group"
    );
    let waiting = r
        .waiting([&member, &person(3)], &People::default(), at(1))
        .expect("pending");
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
            .decide(&person(own), &People::default(), deny, at(1))
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
    let waiting = r
        .waiting(&[2, 3, 5].map(person), &People::default(), at(5))
        .expect("pending");
    assert_eq!(waiting.who, BTreeSet::from([user(5)]));
    assert!(!waiting.stuck());
    let (r, progress) = approve(r, &person(5)).expect("an approver");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(r.state.approvals().len(), 3);
    assert_eq!(r.waiting(&[], &People::default(), at(5)), None);
}

#[test]
fn one_denial_ends_it_and_says_why() {
    let r = pending(vec![step("Team", &[2, 3], &[], 2)]);
    let (r, _) = approve(r, &person(2)).expect("an approver");
    let deny = |reason: &str| Answer::Deny {
        reason: reason.into(),
    };
    let bad = |reason: &str| {
        let why = r
            .clone()
            .decide(&person(3), &People::default(), deny(reason), at(6));
        why.expect_err("no good reason").code()
    };
    assert_eq!(bad("  "), "reason_required");
    assert_eq!(bad(&"x".repeat(2001)), "reason_too_long");
    let (r, progress) = r
        .decide(&person(3), &People::default(), deny(" not today "), at(6))
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
    let waiting = r.waiting(&[], &People::default(), at(5)).expect("pending");
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
        until_revoked: false,
        start: None,
        reason: String::new(),
        ticket: None,
        entitlement_max: None,
        entitlement_until_revoked: false,
    };
    let people = People {
        able: [user(2)].into(),
        ..People::default()
    };
    let (r, progress) =
        Request::submit(policy.clone(), None, &ask, &people, T0).expect("it can be asked");
    assert_eq!(progress, Progress::Step { next: 0 });
    assert_eq!(r.question.policy, policy);
    let why = Request::submit(policy.clone(), None, &ask, &People::default(), T0);
    assert_eq!(
        why.expect_err("nobody able")[0].code(),
        "no_possible_approver"
    );
    let auto = PolicyBody {
        route: Route::AutoApprove,
        ..policy
    };
    let (r, progress) = Request::submit(auto, None, &ask, &people, T0).expect("it can be asked");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(r.state.as_str(), "approved");
}

fn people(able: &[u128], groups: &[(u128, &[u128])]) -> People {
    let of = |ns: &[u128]| ns.iter().copied().map(user).collect();
    People {
        able: of(able),
        groups: (groups.iter())
            .map(|(id, members)| (group(*id), of(members)))
            .collect(),
        ..People::default()
    }
}

#[test]
fn where_each_group_is_asked_nobody_stands_in_for_another() {
    let mut both = step("Two teams", &[], &[10, 20], 1);
    both.each_group = true;
    let r = pending(vec![both]);
    let both = |n| Decider {
        memberships: [10, 20]
            .map(|of| member(n, of, at(-9), None).memberships)
            .concat(),
        ..person(n)
    };
    let (r, progress) = approve(r, &both(2)).expect("in both");
    assert_eq!(progress, Progress::Waiting { still: 1 });
    // Who is in one of the two fills it, whichever: the first counts for the other.
    for of in [10, 20] {
        let (_, progress) = approve(r.clone(), &member(3, of, at(-9), None)).expect("the other");
        assert_eq!(progress, Progress::Approved);
    }
    let r = pending(vec![Step {
        each_group: true,
        ..step("Two teams", &[], &[10, 20], 1)
    }]);
    let (r, _) = approve(r, &member(2, 10, at(-9), None)).expect("of the first");
    let again = member(3, 10, at(-9), None);
    assert_eq!(
        approve(r.clone(), &again).expect_err("the first has its one"),
        "approval_not_needed"
    );
    let no = Answer::Deny {
        reason: "no".into(),
    };
    let denied = r.clone().decide(&again, &People::default(), no, at(5));
    assert_eq!(denied.expect("may say no").1, Progress::Denied);
    let waiting = r.waiting(
        &[again, member(4, 20, at(-9), None)],
        &People::default(),
        at(5),
    );
    assert_eq!(waiting.expect("pending").who, [user(4)].into());
    let (_, progress) = approve(r, &member(4, 20, at(-9), None)).expect("of the second");
    assert_eq!(progress, Progress::Approved);
}

#[test]
fn fallback_approvers_decide_only_where_too_few_others_could_or_once_it_is_late() {
    let with_fallback = |late: Option<Span>| Step {
        fallback: Approvers {
            users: [user(9)].into(),
            ..Approvers::default()
        },
        late,
        ..step("Platform", &[2, 3], &[], 2)
    };
    let r = pending(vec![with_fallback(None)]);
    let code = |r: &Request, able: &[u128], minute| {
        let answer = r
            .clone()
            .decide(&person(9), &people(able, &[]), Answer::Approve, at(minute));
        answer.map(|_| "ok").unwrap_or_else(|why| why.code())
    };
    assert_eq!(code(&r, &[2, 3, 9], 5), "not_yet_fallback");
    assert_eq!(code(&r, &[2, 9], 5), "ok", "one of two is away");
    let (r, _) = r
        .decide(&person(2), &people(&[2, 3, 9], &[]), Answer::Approve, at(5))
        .expect("an approver");
    assert_eq!(code(&r, &[2, 3, 9], 6), "not_yet_fallback", "3 still could");
    let r = pending(vec![with_fallback(Some(Span::minutes(30)))]);
    assert_eq!(code(&r, &[2, 3, 9], 29), "not_yet_fallback");
    // Who stands in is to hear of it, once.
    assert_eq!(r.due(), Some(at(30)));
    let (noticed, passed) = r.clone().pass(at(31));
    assert_eq!(passed, Some(Passed::Late { step: 0 }));
    assert_eq!(noticed.due(), Some(noticed.question.expires()));
    assert_eq!(code(&noticed, &[2, 3, 9], 31), "ok");
    assert_eq!(code(&r, &[2, 3, 9], 30), "ok", "late");
}

#[test]
fn an_own_role_of_ones_own_making_is_none() {
    let mut owners = step("Owners", &[], &[], 1);
    owners.approvers.roles = [Role::ConnectionOwner].into();
    let r = pending(vec![owners]);
    let owner = |since, by: Option<u128>| Decider {
        memberships: vec![Membership {
            of: Source::Role(Role::ConnectionOwner),
            since,
            added_by: by.map(user),
        }],
        ..person(2)
    };
    assert!(approve(r.clone(), &owner(at(1), Some(3))).is_ok());
    assert!(approve(r.clone(), &owner(at(-1), Some(2))).is_ok());
    let why = approve(r.clone(), &owner(at(1), Some(2))).expect_err("by themselves");
    assert_eq!(why, "became_approver_after_submission");
    let why = approve(r, &person(2)).expect_err("no owner");
    assert_eq!(why, "not_an_approver");
}

#[test]
fn time_passes_for_a_request_too() {
    let deadline = |minutes, then| {
        Some(Deadline {
            after: Span::minutes(minutes),
            then,
        })
    };
    let cool = Step {
        wait: Some(Span::minutes(10)),
        ..step("Cool off", &[], &[], 0)
    };
    let team = Step {
        remind: Some(Span::minutes(20)),
        deadline: deadline(60, Then::NextStep),
        ..step("Team", &[2, 3], &[], 2)
    };
    let security = Step {
        deadline: deadline(30, Then::Deny),
        ..step("Security", &[5, 6, 7], &[], 1)
    };
    let r = pending(vec![cool, team, security]);
    assert_eq!(
        approve(r.clone(), &person(2)).expect_err("it waits"),
        "not_an_approver"
    );
    assert_eq!(r.due(), Some(at(10)));
    let (r, passed) = r.pass(at(9));
    assert_eq!(passed, None, "not yet");
    // A worker that slept finds it later; the step began when the wait was over.
    let (r, passed) = r.pass(at(25));
    assert_eq!(
        passed,
        Some(Passed::Step {
            next: 1,
            carried: 0
        })
    );
    assert_eq!(r.due(), Some(at(30)));
    let (r, passed) = r.pass(at(31));
    assert_eq!(passed, Some(Passed::Remind { step: 1 }));
    assert_eq!(r.due(), Some(at(70)), "reminded once");
    let (r, _) = r
        .decide(&person(2), &People::default(), Answer::Approve, at(40))
        .expect("an approver");
    assert_eq!(r.due(), Some(at(70)), "an approval moves no deadline");
    let (r, passed) = r.pass(at(71));
    assert_eq!(
        passed,
        Some(Passed::Step {
            next: 2,
            carried: 1
        })
    );
    let waiting = r.waiting(&[5, 6, 7].map(person), &People::default(), at(72));
    let waiting = waiting.expect("pending");
    assert_eq!(
        (waiting.needed, waiting.still),
        (2, 2),
        "one of its own, and one carried over"
    );
    assert_eq!(waiting.until, Some(at(100)));
    let (half, progress) = r
        .clone()
        .decide(&person(5), &People::default(), Answer::Approve, at(73))
        .expect("an approver");
    assert_eq!(progress, Progress::Waiting { still: 1 });
    let (done, progress) = half
        .decide(&person(6), &People::default(), Answer::Approve, at(74))
        .expect("an approver");
    assert_eq!(progress, Progress::Approved);
    assert_eq!(done.due(), None);
    let (over, passed) = r.pass(at(100));
    assert_eq!(passed, Some(Passed::Denied));
    let State::Denied { by, reason, .. } = &over.state else {
        panic!("denied")
    };
    assert_eq!(*by, None);
    assert_eq!(
        reason,
        "Nobody decided in time: step 3 (“Security”) was short of 2 when its 30 min were over."
    );
}

#[test]
fn a_policy_that_ends_by_waiting_approves_when_that_is_over() {
    let cool = Step {
        wait: Some(Span::minutes(10)),
        ..step("Cool off", &[], &[], 0)
    };
    let r = pending(vec![step("Team", &[2], &[], 1), cool]);
    let (r, progress) = approve(r, &person(2)).expect("an approver");
    assert_eq!(progress, Progress::Step { next: 1 });
    let (r, passed) = r.pass(at(15));
    assert_eq!(passed, Some(Passed::Approved));
    assert_eq!(r.state.closed_at(), Some(at(15)));
}

#[test]
fn what_one_step_was_short_of_is_not_forgotten_by_waiting() {
    let team = Step {
        deadline: Some(Deadline {
            after: Span::minutes(60),
            then: Then::NextStep,
        }),
        ..step("Team", &[2, 3], &[], 2)
    };
    let cool = Step {
        wait: Some(Span::minutes(10)),
        ..step("Cool off", &[], &[], 0)
    };
    let r = pending(vec![team.clone(), cool.clone()]);
    let (r, _) = r.pass(at(60));
    let (r, passed) = r.pass(at(70));
    assert_eq!(passed, Some(Passed::Denied), "two are still needed");
    assert_eq!(r.state.as_str(), "denied");
    let r = pending(vec![team, cool, step("Security", &[4, 5, 6], &[], 1)]);
    let (r, _) = r.pass(at(60));
    let (r, passed) = r.pass(at(70));
    assert_eq!(
        passed,
        Some(Passed::Step {
            next: 2,
            carried: 2
        })
    );
    let waiting = r.waiting(&[], &People::default(), at(70)).expect("pending");
    assert_eq!(waiting.still, 3);
}

#[test]
fn who_changed_what_a_condition_asks_about_them_is_none_by_it() {
    let lead = crate::condition::Condition::new("principal has title");
    let mut leads = step("Leads", &[], &[], 1);
    leads.approvers.who = Some(lead.clone());
    let r = pending(vec![leads]);
    let people = People {
        matching: [(lead, [user(2)].into())].into(),
        ..People::default()
    };
    let decided = |changed_own| {
        let who = Decider {
            changed_own,
            ..person(2)
        };
        let answer = r.clone().decide(&who, &people, Answer::Approve, at(5));
        answer.map(|_| "ok").unwrap_or_else(|why| why.code())
    };
    assert_eq!(decided(None), "ok");
    assert_eq!(decided(Some(at(-1))), "ok");
    assert_eq!(decided(Some(at(0))), "became_approver_after_submission");
}

#[test]
fn who_emptied_a_step_does_not_stand_in_for_it() {
    let with = Step {
        fallback: Approvers {
            users: [user(9)].into(),
            ..Approvers::default()
        },
        late: Some(Span::minutes(30)),
        ..step("Platform", &[], &[10], 1)
    };
    let r = pending(vec![with]);
    let decided = |changed_others, minute| {
        let who = Decider {
            changed_others,
            ..person(9)
        };
        let empty = people(&[9], &[(10, &[])]);
        let answer = r.clone().decide(&who, &empty, Answer::Approve, at(minute));
        answer.map(|_| "ok").unwrap_or_else(|why| why.code())
    };
    assert_eq!(decided(None, 5), "ok");
    assert_eq!(decided(Some(at(-1)), 5), "ok");
    assert_eq!(decided(Some(at(1)), 5), "became_approver_after_submission");
    assert_eq!(
        decided(Some(at(1)), 30),
        "ok",
        "late: it is theirs whoever is there"
    );
}

#[test]
fn groups_that_share_their_only_person_are_short_together() {
    let both = Step {
        each_group: true,
        fallback: Approvers {
            users: [user(9)].into(),
            ..Approvers::default()
        },
        ..step("Two teams", &[], &[10, 20], 1)
    };
    let r = pending(vec![both]);
    let people = people(&[2, 9], &[(10, &[2]), (20, &[2])]);
    let answer = r.decide(&person(9), &people, Answer::Approve, at(1));
    assert_eq!(
        answer.expect("one of the two").1,
        Progress::Waiting { still: 1 }
    );
}

#[test]
fn who_asked_opens_nothing_to_those_who_stand_in_by_delegating_to_an_approver() {
    let r = pending(vec![Step {
        fallback: Approvers {
            users: [user(9)].into(),
            ..Approvers::default()
        },
        ..step("Platform", &[2], &[], 1)
    }]);
    let people = People {
        delegates: [user(2)].into(),
        ..people(&[2, 9], &[])
    };
    let code = |who: &Decider, answer: Answer| {
        let answer = r.clone().decide(who, &people, answer, at(5));
        answer.map(|_| "ok").unwrap_or_else(|why| why.code())
    };
    assert_eq!(code(&person(9), Answer::Approve), "not_yet_fallback");
    let delegate = Decider {
        of_theirs: true,
        ..person(2)
    };
    assert_eq!(code(&delegate, Answer::Approve), "delegate_of_requester");
    let no = || Answer::Deny {
        reason: "no".to_owned(),
    };
    assert_eq!(code(&delegate, no()), "ok", "a no is nobody's own yes");
    // Nor does their delegate say yes for them.
    let next = Decider {
        delegators: vec![Delegator {
            who: delegate,
            since: at(-10),
            made_by: Some(user(2)),
        }],
        ..person(5)
    };
    assert_eq!(code(&next, Answer::Approve), "not_an_approver");
    assert_eq!(code(&next, no()), "ok");
}

#[test]
fn what_would_have_ended_a_step_after_the_request_expired_comes_too_late() {
    let mut r = pending(vec![Step {
        remind: Some(Span::hours(1)),
        deadline: Some(Deadline {
            after: Span::hours(48),
            then: Then::NextStep,
        }),
        ..step("Platform", &[2], &[], 1)
    }]);
    r.question.policy.open_for = Some(Span::hours(24));
    let (after, passed) = r.pass(T0 + Span::hours(72));
    assert_eq!(passed, Some(Passed::Denied));
    let why = after.denied_because().expect("a reason");
    assert!(why.starts_with("It has expired"), "{why}");
}
