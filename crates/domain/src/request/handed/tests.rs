use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::policy::{Approvers, Deadline, PolicyBody, Reassign, Route, Step, Then};
use crate::request::{Answer, Delegator, Membership, Passed, Progress, Question, Source};
use crate::{GroupId, Span};

const T0: Time = Time::from_micros(0);

fn at(minutes: i64) -> Time {
    T0 + Span::minutes(minutes)
}

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn group(n: u128) -> GroupId {
    GroupId(Uuid::from_u128(n))
}

fn step(name: &str, named: &[u128], needed: u32) -> Step {
    let approvers = Approvers {
        users: named.iter().copied().map(user).collect(),
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

/// Users 1 to 9 could decide, but these.
fn without(gone: &[u128]) -> People {
    People {
        able: (1..=9).filter(|n| !gone.contains(n)).map(user).collect(),
        gone: gone.iter().copied().map(user).collect(),
        ..People::default()
    }
}

fn hand(r: Request, by: u128, to: u128) -> Result<Request, &'static str> {
    let (by, to) = (person(by), person(to));
    r.reassign(Handing::Place(&by), &to, "away", &without(&[]), at(3))
        .map(|(r, _)| r)
        .map_err(|why| why.code())
}

fn appoint(r: Request, by: u128, from: Option<u128>, to: u128) -> Result<Request, &'static str> {
    let (by, to, from) = (person(by), person(to), from.map(person));
    let handing = Handing::Administrator {
        by: &by,
        from: from.as_ref(),
    };
    r.reassign(handing, &to, "nobody else", &without(&[]), at(3))
        .map(|(r, _)| r)
        .map_err(|why| why.code())
}

fn approve_among(
    r: Request,
    n: u128,
    people: &People,
) -> Result<(Request, Progress), &'static str> {
    r.decide(&person(n), people, Answer::Approve, at(5))
        .map_err(|why| why.code())
}

fn approve(r: Request, n: u128) -> Result<(Request, Progress), &'static str> {
    approve_among(r, n, &without(&[]))
}

#[test]
fn who_gets_a_place_decides_in_it_and_who_had_it_does_not() {
    let r = pending(vec![step("Platform", &[2, 3], 2)]);
    let r = hand(r, 2, 5).expect("an approver");
    assert_eq!(r.handed.len(), 1);
    assert_eq!(r.holders(), [user(5)].into());
    assert_eq!(r.handed_to(user(5)).map(|it| it.by), Some(user(2)));
    assert_eq!(r.handed_to(user(2)), None);
    assert_eq!(approve(r.clone(), 2).expect_err("not theirs"), "handed_on");
    assert_eq!(
        approve(r.clone(), 6).expect_err("nobody"),
        "not_an_approver"
    );
    let waiting = r.waiting(&[2, 3, 5, 6].map(person), &without(&[]), at(4));
    let waiting = waiting.expect("pending");
    assert_eq!((waiting.needed, waiting.still), (2, 2), "as many as before");
    assert_eq!(waiting.who, [user(3), user(5)].into());
    let (r, progress) = approve(r, 5).expect("in that place");
    assert_eq!(progress, Progress::Waiting { still: 1 });
    assert_eq!(
        approve(r.clone(), 2).expect_err("one place counts once"),
        "decided_in_place"
    );
    let (_, progress) = approve(r, 3).expect("an approver");
    assert_eq!(progress, Progress::Approved);
}

#[test]
fn who_stands_in_later_is_asked_by_themselves_then() {
    let mut one = step("Platform", &[2], 1);
    one.fallback.users = [user(7)].into_iter().collect();
    one.late = Some(Span::minutes(4));
    let r = pending(vec![one]);
    let why = hand(r.clone(), 2, 7).expect_err("from minute 4 on");
    assert_eq!(why, "target_asked_already");
    let (_, progress) = approve(r, 7).expect("late");
    assert_eq!(progress, Progress::Approved);
}

#[test]
fn it_is_handed_back_or_on() {
    let r = pending(vec![step("Platform", &[2], 1)]);
    let r = hand(r, 2, 5).expect("an approver");
    assert_eq!(hand(r.clone(), 2, 6).expect_err("gone"), "handed_on");
    let back = hand(r.clone(), 5, 2).expect("back");
    assert_eq!(
        approve(back.clone(), 5).expect_err("given back"),
        "handed_on"
    );
    assert!(approve(back.clone(), 2).is_ok());
    assert!(hand(back, 2, 5).is_ok(), "and once more");
    let on = hand(r, 5, 6).expect("on");
    for (n, code) in [(2, "handed_on"), (5, "handed_on")] {
        assert_eq!(approve(on.clone(), n).expect_err("had it"), code);
    }
    assert!(approve(on, 6).is_ok());
}

#[test]
fn who_may_not_decide_gets_no_place() {
    let r = pending(vec![step("Platform", &[2, 3, 4], 2)]);
    let (r, _) = approve(r, 4).expect("an approver");
    for (to, code) in [
        (1, "target_own_request"),
        (2, "target_is_oneself"),
        (3, "target_asked_already"),
        (4, "target_has_decided"),
        (99, "target_cannot_decide"),
    ] {
        assert_eq!(hand(r.clone(), 2, to).expect_err("may not"), code, "{to}");
        assert_eq!(r.handed, Vec::new());
    }
    let by = person(2);
    for (to, code) in [
        (
            Decider {
                benefits: true,
                ..person(5)
            },
            "target_own_request",
        ),
        (
            Decider {
                of_theirs: true,
                ..person(5)
            },
            "target_delegate_of_requester",
        ),
    ] {
        let answer = r
            .clone()
            .reassign(Handing::Place(&by), &to, "away", &without(&[]), at(3));
        assert_eq!(answer.expect_err("may not").code(), code);
    }
    let blank = r
        .clone()
        .reassign(Handing::Place(&by), &person(5), " ", &without(&[]), at(3));
    assert_eq!(blank.expect_err("why?").code(), "reason_required");
    // What became so afterwards counts when they decide.
    let r = hand(r, 2, 5).expect("an approver");
    let now = Decider {
        benefits: true,
        ..person(5)
    };
    let answer = r.decide(&now, &without(&[]), Answer::Approve, at(5));
    assert_eq!(
        answer.expect_err("theirs by now").code(),
        "member_of_the_group"
    );
}

#[test]
fn nobody_hands_on_what_is_not_theirs_or_over() {
    let r = pending(vec![step("Platform", &[1, 2], 1)]);
    assert_eq!(hand(r.clone(), 1, 5).expect_err("own"), "self_approval");
    assert_eq!(
        hand(r.clone(), 6, 5).expect_err("nobody"),
        "not_an_approver"
    );
    let (over, _) = approve(r.clone(), 2).expect("an approver");
    assert_eq!(hand(over, 2, 5).expect_err("answered"), "wrong_state");
    let over = r.cancel(user(1), at(1)).expect("pending");
    assert_eq!(
        hand(over.clone(), 2, 5).expect_err("taken back"),
        "wrong_state"
    );
    assert_eq!(
        appoint(over, 8, None, 5).expect_err("taken back"),
        "wrong_state"
    );
}

#[test]
fn the_place_inside_a_group_stays_that_groups() {
    let mut both = Step {
        each_group: true,
        ..step("Two teams", &[], 1)
    };
    both.approvers.groups = [group(10), group(20)].into();
    let r = pending(vec![both]);
    let of = |n: u128, g: u128| Decider {
        memberships: vec![Membership {
            of: Source::Group(group(g)),
            since: at(-9),
            added_by: None,
        }],
        ..person(n)
    };
    let people = without(&[]);
    let handed = r.reassign(
        Handing::Place(&of(2, 10)),
        &person(5),
        "away",
        &people,
        at(3),
    );
    let (r, handover) = handed.expect("an approver");
    assert_eq!(handover.parts, BTreeSet::from([0]));
    let (r, _) = approve(r, 5).expect("for the first group");
    let again = r
        .clone()
        .decide(&of(3, 10), &people, Answer::Approve, at(5));
    assert_eq!(
        again.expect_err("has its one").code(),
        "approval_not_needed"
    );
    let answer = r.decide(&of(4, 20), &people, Answer::Approve, at(5));
    assert_eq!(answer.expect("of the second").1, Progress::Approved);
}

#[test]
fn it_falls_back_where_who_has_it_can_decide_no_more() {
    let r = pending(vec![step("Platform", &[2], 1)]);
    let r = hand(r, 2, 5).expect("an approver");
    let gone = without(&[5]);
    let waiting = r.waiting([&person(2)], &gone, at(4)).expect("pending");
    assert_eq!(waiting.who, [user(2)].into());
    assert!(approve_among(r.clone(), 2, &gone).is_ok());
    // They hand it on anew: who had it does not come back beside it.
    let by = person(2);
    let (on, _) = r
        .clone()
        .reassign(Handing::Place(&by), &person(6), "away", &gone, at(4))
        .expect("theirs again");
    assert_eq!(on.holders(), [user(6)].into());
    assert_eq!(approve(on, 5).expect_err("had it"), "handed_on");
    // What they approved in it stays, and the place was used.
    let r = pending(vec![step("Platform", &[2, 3], 2)]);
    let r = hand(r, 2, 5).expect("an approver");
    let (r, _) = approve(r, 5).expect("in that place");
    let why = approve_among(r, 2, &gone).expect_err("it was used");
    assert_eq!(why, "decided_in_place");
}

#[test]
fn it_holds_at_its_step_alone_and_one_place_counts_once() {
    let r = pending(vec![step("Team", &[2, 3], 1), step("Security", &[2, 4], 1)]);
    let r = hand(r, 2, 5).expect("an approver");
    let (r, progress) = approve(r, 5).expect("in that place");
    assert_eq!(progress, Progress::Step { next: 1 });
    assert_eq!(r.holders(), BTreeSet::new());
    for (n, code) in [(2, "decided_in_place"), (5, "already_decided")] {
        assert_eq!(approve(r.clone(), n).expect_err("counted"), code);
    }
    assert!(approve(r, 4).is_ok());
    // Unless nobody approved in it.
    let r = pending(vec![
        Step {
            deadline: Some(Deadline {
                after: Span::minutes(4),
                then: Then::NextStep,
            }),
            ..step("Team", &[2, 3], 1)
        },
        step("Security", &[2, 4, 6], 1),
    ]);
    let r = hand(r, 2, 5).expect("an approver");
    let (r, passed) = r.pass(at(4));
    let carried = Passed::Step {
        next: 1,
        carried: 1,
    };
    assert_eq!(passed, Some(carried), "what is needed stays");
    assert_eq!(
        approve(r.clone(), 5).expect_err("elsewhere"),
        "not_an_approver"
    );
    assert!(approve(r, 2).is_ok());
}

#[test]
fn who_is_needed_later_is_not_used_up_now() {
    let r = pending(vec![step("Team", &[2], 1), step("Security", &[4], 1)]);
    assert_eq!(hand(r, 2, 4).expect_err("needed"), "target_needed_later");
    let r = pending(vec![step("Team", &[2], 1), step("Security", &[4, 6], 1)]);
    assert!(hand(r, 2, 4).is_ok(), "another is left");
    // Who hands on is used up with the place: they are not that other.
    let r = pending(vec![step("Team", &[2], 1), step("Security", &[2, 4], 1)]);
    assert_eq!(
        hand(r.clone(), 2, 4).expect_err("needed"),
        "target_needed_later"
    );
    assert!(hand(r, 2, 5).is_ok(), "one of the two is left");
}

#[test]
fn nobody_has_two_places_at_a_step() {
    let r = pending(vec![step("Platform", &[2, 3, 4], 3)]);
    let r = hand(r, 2, 5).expect("an approver");
    let (r, _) = approve_among(r, 2, &without(&[5])).expect("it fell back");
    // They are back, and whose place they had has approved.
    assert_eq!(
        approve(r.clone(), 5).expect_err("it was used"),
        "not_an_approver"
    );
    assert_eq!(hand(r, 3, 5).expect_err("a second"), "target_asked_already");
}

#[test]
fn an_administrator_hands_on_any_place_but_to_nobody_for_themselves() {
    let r = pending(vec![step("Platform", &[2, 3], 2)]);
    assert_eq!(
        appoint(r.clone(), 1, None, 5).expect_err("own"),
        "chooses_for_oneself"
    );
    assert_eq!(
        appoint(r.clone(), 8, None, 8).expect_err("self"),
        "target_is_oneself"
    );
    assert_eq!(
        appoint(r.clone(), 8, Some(6), 5).expect_err("not asked"),
        "from_not_asked"
    );
    let moved = appoint(r.clone(), 8, Some(2), 5).expect("theirs");
    assert_eq!(approve(moved.clone(), 2).expect_err("moved"), "handed_on");
    // Nor on from who they appointed, nor as their delegate.
    assert_eq!(
        hand(moved.clone(), 5, 8).expect_err("appointed"),
        "target_is_oneself"
    );
    let stands_in = Decider {
        delegators: vec![Delegator {
            who: person(5),
            since: at(-9),
            made_by: Some(user(5)),
        }],
        ..person(8)
    };
    let answer = moved
        .clone()
        .decide(&stands_in, &without(&[]), Answer::Approve, at(5));
    assert_eq!(answer.expect_err("appointed").code(), "not_an_approver");
    assert!(approve(moved, 5).is_ok());
    // Beside those who are asked: nothing falls, and nothing is stuck.
    let more = appoint(r, 8, None, 5).expect("beside them");
    let waiting = more.waiting(&[2, 3, 5].map(person), &without(&[]), at(4));
    let waiting = waiting.expect("pending");
    assert_eq!((waiting.still, waiting.who.len()), (2, 3));
    let cool = Step {
        wait: Some(Span::minutes(10)),
        ..step("Cool off", &[], 0)
    };
    let r = pending(vec![cool]);
    assert_eq!(
        appoint(r, 8, None, 5).expect_err("it waits"),
        "nobody_asked"
    );
}

#[test]
fn whom_an_administrator_names_counts_where_too_few_could() {
    let mut both = Step {
        each_group: true,
        ..step("Two teams", &[], 1)
    };
    both.approvers.groups = [group(10), group(20)].into();
    let r = pending(vec![both]);
    let people = People {
        groups: [(group(10), [user(2)].into()), (group(20), BTreeSet::new())].into(),
        ..without(&[])
    };
    let (by, to) = (person(8), person(5));
    let handing = Handing::Administrator {
        by: &by,
        from: None,
    };
    let (_, handover) = r
        .reassign(handing, &to, "nobody is left", &people, at(3))
        .expect("a dead end otherwise");
    assert_eq!(handover.parts, BTreeSet::from([1]), "the empty group's");
}

#[test]
fn the_policy_says_who_may() {
    for (it, approver, administrator) in [
        (Reassign::Approvers, true, true),
        (Reassign::Administrators, false, true),
        (Reassign::Nobody, false, false),
    ] {
        let r = pending(vec![Step {
            reassign: it,
            ..step("Platform", &[2, 3], 1)
        }]);
        let said =
            |answer: Result<Request, &'static str>| answer.map(|_| "ok").unwrap_or_else(|it| it);
        let word = |may| if may { "ok" } else { "not_handed_on" };
        assert_eq!(said(hand(r.clone(), 2, 5)), word(approver), "{it:?}");
        assert_eq!(
            said(appoint(r, 8, Some(2), 5)),
            word(administrator),
            "{it:?}"
        );
    }
}

#[test]
fn a_delegate_hands_on_the_place_of_whom_they_decide_for() {
    let r = pending(vec![step("Platform", &[2, 3], 2)]);
    let by = Decider {
        delegators: vec![Delegator {
            who: person(2),
            since: at(-9),
            made_by: Some(user(2)),
        }],
        ..person(7)
    };
    let people = without(&[]);
    let (r, handover) = r
        .reassign(Handing::Place(&by), &person(5), "away", &people, at(3))
        .expect("a delegate");
    assert_eq!((handover.from, handover.by), (Some(user(2)), user(7)));
    let answer = r.clone().decide(&by, &people, Answer::Approve, at(5));
    assert_eq!(answer.expect_err("handed on").code(), "not_an_approver");
    assert!(approve(r, 5).is_ok());
}

#[test]
fn it_goes_to_and_fro_so_often_and_no_more() {
    let mut r = pending(vec![step("Platform", &[2], 1)]);
    for turn in 0..MOST_HANDOVERS {
        let (by, to) = if turn % 2 == 0 { (2, 5) } else { (5, 2) };
        r = hand(r, by, to).expect("not yet too often");
    }
    assert_eq!(
        hand(r.clone(), 2, 5).expect_err("enough"),
        "handed_on_too_often"
    );
    assert!(approve(r.clone(), 2).is_ok(), "no dead end");
    assert!(
        appoint(r, 8, Some(2), 6).is_ok(),
        "nor for an administrator"
    );
}
