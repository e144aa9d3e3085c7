//! A deadline that leads to another policy.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::policy::{Approvers, Deadline, People, Route};
use crate::request::{Answer, Decider, Passed, Progress, Refused, Request, State};
use crate::{PolicyVersionId, Span};

const T0: Time = Time::from_micros(0);
const ELSEWHERE: PolicyId = PolicyId(Uuid::from_u128(900));

fn at(minutes: i64) -> Time {
    T0 + Span::minutes(minutes)
}

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn step(name: &str, named: &[u128], needed: u32) -> Step {
    let approvers = Approvers {
        users: named.iter().copied().map(user).collect(),
        ..Approvers::default()
    };
    Step::new(name, approvers, needed)
}

/// It leads elsewhere after an hour.
fn leading(step: Step) -> Step {
    Step {
        deadline: Some(Deadline {
            after: Span::hours(1),
            then: Then::OtherPolicy(ELSEWHERE),
        }),
        ..step
    }
}

fn other(route: Route) -> Other {
    Other {
        policy: ELSEWHERE,
        version: PolicyVersionId(Uuid::from_u128(901)),
        name: "Leads".to_owned(),
        number: 3,
        body: PolicyBody::new(route, Span::hours(2)),
        rule: None,
    }
}

/// User 1 asked for themselves at T0.
fn pending(own: Vec<Step>, there: Other) -> Request {
    Request {
        question: Question {
            requester: user(1),
            beneficiary: user(1),
            submitted_at: T0,
            policy: PolicyBody::new(Route::Steps(own), Span::hours(4)),
            rule: None,
            others: vec![there],
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

fn approve(r: Request, n: u128, minute: i64) -> Result<(Request, Progress), Refused> {
    r.decide(&person(n), &People::default(), Answer::Approve, at(minute))
}

fn two_of_the_team_then_security() -> Vec<Step> {
    vec![leading(step("Team", &[2, 3], 2)), step("Security", &[4], 1)]
}

fn leads(needed: u32) -> Other {
    other(Route::Steps(vec![step("Leads", &[2, 5, 6, 7], needed)]))
}

#[test]
fn what_is_needed_is_the_larger_of_the_two_and_what_was_given_counts() {
    // Three are needed by the first policy: two of the team, and one behind it.
    for (approved, needed, carried, in_all) in [
        (false, 2, 1, 3),
        (false, 1, 2, 3),
        (false, 4, 0, 4),
        (true, 2, 0, 2),
        (true, 1, 1, 2),
    ] {
        let mut r = pending(two_of_the_team_then_security(), leads(needed));
        if approved {
            r = approve(r, 2, 10).expect("an approver").0;
        }
        let (r, passed) = r.pass(at(61));
        assert_eq!(passed, Some(Passed::Step { next: 2, carried }));
        let waiting = r.waiting(&[5, 6, 7].map(person), &People::default(), at(62));
        let waiting = waiting.expect("it waits");
        assert_eq!(
            (waiting.step, waiting.needed, waiting.still),
            (2, in_all, in_all),
            "{approved} {needed}"
        );
        assert_eq!(r.question.place_of(2), 0, "the first of its own policy");
    }
}

#[test]
fn it_goes_on_there_and_nowhere_else_and_nobody_counts_twice() {
    let r = pending(two_of_the_team_then_security(), leads(2));
    let r = approve(r, 2, 10).expect("an approver").0;
    let r = r.pass(at(61)).0;
    // Who approved before is named there, too.
    let again = approve(r.clone(), 2, 62).expect_err("counted already");
    assert_eq!(again.code(), "already_decided");
    let security = approve(r.clone(), 4, 62).expect_err("not asked any more");
    assert_eq!(security.code(), "not_an_approver");
    let (r, progress) = approve(r, 5, 62).expect("an approver");
    assert_eq!(progress, Progress::Waiting { still: 1 });
    let (r, progress) = approve(r, 6, 63).expect("an approver");
    assert_eq!(progress, Progress::Approved, "and not the first's Security");
    assert_eq!(r.state.approvals().len(), 3, "what was given stays");
}

#[test]
fn what_is_approved_in_time_never_comes_there() {
    let r = pending(two_of_the_team_then_security(), leads(2));
    let r = approve(r, 2, 10).expect("an approver").0;
    let (r, progress) = approve(r, 3, 11).expect("an approver");
    assert_eq!(progress, Progress::Step { next: 1 });
    let (_, progress) = approve(r, 4, 12).expect("an approver");
    assert_eq!(progress, Progress::Approved);
}

#[test]
fn silence_approves_nothing_there_either() {
    let said = "Nobody decided in time, and the policy “Leads”";
    for (route, rest) in [
        (
            Route::AutoApprove,
            ", under which it would go on, asks nobody: silence approves nothing.",
        ),
        (
            Route::AutoDeny("Ask tomorrow.".to_owned()),
            " denies it then: Ask tomorrow.",
        ),
    ] {
        // Steps that come after do not make it ask.
        let there = other(route).followed_by(vec![step("Exception", &[5], 1)]);
        let r = pending(two_of_the_team_then_security(), there);
        let (r, passed) = r.pass(at(61));
        assert_eq!(passed, Some(Passed::Denied));
        assert_eq!(r.denied_because(), Some(format!("{said}{rest}").as_str()));
    }
}

#[test]
fn a_deadline_there_leads_to_its_own_next_step_and_no_further() {
    let hour = |then| {
        Some(Deadline {
            after: Span::hours(1),
            then,
        })
    };
    let there = other(Route::Steps(vec![
        Step {
            deadline: hour(Then::NextStep),
            ..step("Leads", &[5, 6], 1)
        },
        // Never saved like this: it is not followed all the same.
        Step {
            deadline: hour(Then::OtherPolicy(ELSEWHERE)),
            ..step("Heads", &[7, 8, 9], 1)
        },
    ]));
    let r = pending(two_of_the_team_then_security(), there);
    let (r, passed) = r.pass(at(180));
    assert_eq!(
        passed,
        Some(Passed::Step {
            next: 2,
            carried: 1
        })
    );
    let (r, passed) = r.pass(at(180));
    assert_eq!(
        passed,
        Some(Passed::Step {
            next: 3,
            carried: 2
        })
    );
    let (r, passed) = r.pass(at(180));
    assert_eq!(passed, Some(Passed::Denied));
    let why = "Nobody decided in time: step 2 (“Heads”) was short of 3 when its 1 h were over.";
    assert_eq!(r.denied_because(), Some(why));
}

#[test]
fn ones_own_is_decided_there_only_where_both_let_one() {
    for (first, second, may) in [
        (true, true, true),
        (true, false, false),
        (false, true, false),
    ] {
        let mut there = other(Route::Steps(vec![step("Leads", &[1, 5], 1)]));
        there.body.allow_self_approval = second;
        let mut r = pending(vec![leading(step("Team", &[1, 2], 1))], there);
        r.question.policy.allow_self_approval = first;
        assert_eq!(approve(r.clone(), 1, 5).is_ok(), first, "under the first");
        let r = r.pass(at(61)).0;
        assert_eq!(approve(r, 1, 62).is_ok(), may, "{first} {second}");
    }
}

#[test]
fn what_comes_behind_every_policy_is_asked_for_there_too() {
    let more = || vec![step("Exception", &[8], 1)];
    let mut r = pending(
        vec![leading(step("Team", &[2], 1))],
        leads(1).followed_by(more()),
    );
    r.question.policy = r.question.policy.clone().followed_by(None, more());
    let names: Vec<&str> = (r.question.steps().into_iter())
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["Team", "Exception", "Leads", "Exception"]);
    let (r, passed) = r.pass(at(61));
    assert_eq!(
        passed,
        Some(Passed::Step {
            next: 2,
            carried: 0
        })
    );
    let (r, progress) = approve(r, 5, 62).expect("an approver");
    assert_eq!(progress, Progress::Step { next: 3 });
    let (_, progress) = approve(r, 8, 63).expect("an approver");
    assert_eq!(progress, Progress::Approved);
}

#[test]
fn no_longer_access_is_asked_for_than_both_allow() {
    let body = || PolicyBody::new(Route::AutoApprove, Span::hours(4));
    let longest = |others: &[Other]| body().leading_to(None, others).outcome(None).max_duration;
    assert_eq!(longest(&[]), Span::hours(4));
    assert_eq!(longest(&[leads(1)]), Span::hours(2));
    let denies = other(Route::AutoDeny("No.".to_owned()));
    assert_eq!(longest(&[denies]), Span::hours(4), "nobody is asked there");
    let mut wider = leads(1);
    wider.body.max_duration = Span::hours(9);
    assert_eq!(longest(&[wider]), Span::hours(4));
}

#[test]
fn where_two_steps_lead_is_said_once() {
    let steps = [
        leading(step("Team", &[2], 1)),
        step("Security", &[4], 1),
        leading(step("Heads", &[6], 1)),
    ];
    assert_eq!(crate::policy::others(&steps), [ELSEWHERE]);
    let all: BTreeSet<PolicyId> =
        PolicyBody::new(Route::Steps(steps.to_vec()), Span::hours(1)).others();
    assert_eq!(all, BTreeSet::from([ELSEWHERE]));
}
