//! What is refused when a version is saved whose deadline leads to another policy.

use uuid::Uuid;

use super::*;
use crate::condition::Condition;
use crate::policy::{Approvers, Deadline, Emergency, Rule};
use crate::{GroupId, Span, UserId};

const OWN: PolicyId = PolicyId(Uuid::from_u128(900));
const ELSEWHERE: PolicyId = PolicyId(Uuid::from_u128(901));

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn group(n: u128) -> GroupId {
    GroupId(Uuid::from_u128(n))
}

/// Each of the first two is in a group alone.
fn people() -> People {
    People {
        able: (1..=9).map(user).collect(),
        groups: BTreeMap::from([
            (group(1), BTreeSet::from([user(1)])),
            (group(2), BTreeSet::from([user(2)])),
        ]),
        ..People::default()
    }
}

fn step(named: &[u128], needed: u32) -> Step {
    let approvers = Approvers {
        users: named.iter().copied().map(user).collect(),
        ..Approvers::default()
    };
    Step::new("step", approvers, needed)
}

fn leading(step: Step, to: PolicyId) -> Step {
    Step {
        deadline: Some(Deadline {
            after: Span::hours(1),
            then: Then::OtherPolicy(to),
        }),
        ..step
    }
}

/// Its approvers have an hour; then those of the next one decide in their place.
fn moving(step: Step) -> Step {
    Step {
        deadline: Some(Deadline {
            after: Span::hours(1),
            then: Then::NextStep,
        }),
        ..step
    }
}

/// One of each of the first two groups.
fn one_of_each() -> Step {
    Step {
        approvers: Approvers {
            groups: BTreeSet::from([group(1), group(2)]),
            ..Approvers::default()
        },
        each_group: true,
        ..step(&[], 1)
    }
}

fn body(steps: Vec<Step>) -> PolicyBody {
    PolicyBody::new(Route::Steps(steps), Span::hours(4))
}

/// Why what has these steps cannot lead to `there`, if it cannot.
fn why(own: &PolicyBody, led_to: bool, there: &PolicyBody) -> Option<String> {
    let known = BTreeMap::from([(ELSEWHERE, there)]);
    let faults = own.check_others(Some(OWN), led_to, &known, &people());
    let faults = faults.err()?;
    assert!(faults.iter().all(|it| it.code() == "other_policy"));
    assert!(
        faults
            .iter()
            .all(|it| it.field().ends_with(".deadline.policy"))
    );
    faults.first().map(ToString::to_string)
}

#[test]
fn a_deadline_leads_only_where_somebody_is_asked() {
    let own = body(vec![leading(step(&[1, 2], 1), ELSEWHERE)]);
    let sound = body(vec![step(&[3, 4], 1)]);
    assert_eq!(why(&own, false, &sound), None);
    let said = |there: &PolicyBody| why(&own, false, there).expect("a fault");
    assert!(said(&PolicyBody::new(Route::AutoApprove, Span::hours(1))).contains("silence"));
    // In one case is enough.
    let mut sometimes = sound.clone();
    sometimes.rules = vec![Rule {
        name: "Short".to_owned(),
        when: Condition::new("context.minutes <= 30"),
        route: Route::AutoApprove,
        max_duration: None,
        reason: None,
        ticket: None,
        step_up: None,
        until_revoked: None,
    }];
    assert!(said(&sometimes).contains("silence approves nothing"));
    let denies = PolicyBody::new(Route::AutoDeny("No.".to_owned()), Span::hours(1));
    assert_eq!(why(&own, false, &denies), None);
    let emergency = Emergency {
        tell: BTreeSet::new(),
        review: BTreeSet::new(),
        within: Span::hours(72),
    };
    assert!(said(&sound.clone().for_emergencies(emergency)).contains("emergency access"));
    // Nobody of these is there any more.
    assert!(said(&body(vec![step(&[77], 1)])).contains("mend it first"));
}

#[test]
fn a_request_moves_once_at_most() {
    let own = body(vec![leading(step(&[1, 2], 1), ELSEWHERE)]);
    let further = body(vec![leading(step(&[3, 4], 1), OWN)]);
    assert!(why(&own, false, &further).is_some_and(|why| why.contains("moves once at most")));
    let sound = body(vec![step(&[3, 4], 1)]);
    assert!(why(&own, true, &sound).is_some_and(|why| why.contains("leads to this one")));
    let itself = body(vec![leading(step(&[1, 2], 1), OWN)]);
    assert!(why(&itself, false, &sound).is_some_and(|why| why.contains("the policy it is of")));
    let known = BTreeMap::new();
    let gone = own.check_others(Some(OWN), false, &known, &people());
    let gone = gone.expect_err("there is none");
    assert!(gone[0].to_string().contains("there is no such policy"));
    // What leads nowhere may be led to.
    assert_eq!(why(&sound, true, &sound), None);
}

#[test]
fn there_are_different_people_enough_for_whatever_may_be_needed_there() {
    let may = |own: Vec<Step>, there: Vec<Step>| why(&body(own), false, &body(there)).is_none();
    // Both that were needed are needed there, where nobody approved in time.
    assert!(!may(
        vec![leading(step(&[1, 2], 2), ELSEWHERE)],
        vec![step(&[3], 1)]
    ));
    assert!(may(
        vec![leading(step(&[1, 2], 2), ELSEWHERE)],
        vec![step(&[3, 4], 1)]
    ));
    // And what was needed behind it.
    assert!(!may(
        vec![leading(step(&[1], 1), ELSEWHERE), step(&[2], 1)],
        vec![step(&[3], 1)]
    ));
    // Who approved in time does not count there.
    assert!(!may(
        vec![leading(step(&[1, 2], 2), ELSEWHERE)],
        vec![step(&[1, 2], 2)]
    ));
    assert!(!may(
        vec![step(&[1], 1), leading(step(&[2], 1), ELSEWHERE)],
        vec![step(&[1], 1)]
    ));
    // The same people may be asked once more where nobody of them answered.
    assert!(may(
        vec![leading(step(&[1], 1), ELSEWHERE)],
        vec![step(&[1], 1)]
    ));
}

#[test]
fn who_approved_a_step_that_could_have_moved_on_does_not_count_there() {
    let may = |own: Vec<Step>, there: Vec<Step>| why(&body(own), false, &body(there)).is_none();
    let own = || vec![moving(step(&[1], 1)), leading(step(&[2, 3], 1), ELSEWHERE)];
    // Where nobody answered both of them are there; but the first may have.
    assert!(!may(own(), vec![step(&[1, 4], 2)]));
    assert!(may(own(), vec![step(&[1, 4, 5], 2)]));
    // Where it moved on, one of the second may have given what the first was short of.
    assert!(!may(own(), vec![step(&[2, 3], 2)]));
    assert!(may(own(), vec![step(&[2, 3, 4], 2)]));
    // And what the first was short of is needed there too.
    assert!(!may(own(), vec![step(&[4], 1)]));
    assert!(may(own(), vec![step(&[4, 5], 1)]));
}

#[test]
fn who_approved_for_one_group_of_a_step_does_not_count_there() {
    let own = || vec![leading(one_of_each(), ELSEWHERE)];
    let may = |there: Vec<Step>| why(&body(own()), false, &body(there)).is_none();
    assert!(!may(vec![step(&[1, 3], 2)]));
    assert!(!may(vec![step(&[2, 3], 2)]));
    assert!(may(vec![step(&[1, 3, 4], 2)]));
    // One of the two is always missing, so either alone may be asked again.
    assert!(may(vec![step(&[1, 2, 3], 2)]));
    assert!(!may(vec![step(&[1, 2], 2)]));
}

#[test]
fn what_is_needed_beside_their_own_is_there_wherever_the_steps_of_the_other_policy_move_it() {
    let own = || vec![leading(step(&[1, 2, 7], 3), ELSEWHERE)];
    let may = |there: Vec<Step>| why(&body(own()), false, &body(there)).is_none();
    // One more than the two of their own: the first step has it, the second would be short of it.
    assert!(!may(vec![moving(step(&[3, 4], 1)), step(&[5, 6], 1)]));
    assert!(may(vec![moving(step(&[3, 4], 1)), step(&[5, 6, 8], 1)]));
    // Where the first step moves nothing on it stays there.
    assert!(may(vec![step(&[3, 4], 1), step(&[5, 6], 1)]));
}

#[test]
fn until_it_is_revoked_only_where_both_allow_it_and_reviewed_as_often_as_either_wants() {
    let days = |n: i64| Some(Span::hours(24 * n));
    let lasting = |body: PolicyBody, every| PolicyBody {
        until_revoked: UntilRevoked::of(every),
        ..body
    };
    let other = |route: Route, every| Other {
        policy: ELSEWHERE,
        version: PolicyVersionId(Uuid::from_u128(902)),
        name: "Leads".to_owned(),
        number: 1,
        body: lasting(PolicyBody::new(route, Span::hours(2)), every),
        rule: None,
    };
    let asks = || Route::Steps(vec![step(&[3], 1)]);
    let denies = || Route::AutoDeny("No.".to_owned());
    let mut own = lasting(body(vec![leading(step(&[1], 1), ELSEWHERE)]), days(90));
    own.rules = vec![Rule {
        name: "Any".to_owned(),
        when: Condition::new("true"),
        route: own.route.clone(),
        max_duration: None,
        reason: None,
        ticket: None,
        step_up: None,
        until_revoked: None,
    }];
    for (there, longest, every) in [
        (other(asks(), None), 2, None),
        (other(asks(), days(30)), 2, days(30)),
        (other(asks(), days(120)), 2, days(90)),
        // It ends there in any case.
        (other(denies(), None), 4, days(90)),
    ] {
        for rule in [None, Some(0)] {
            let led = own.clone().leading_to(rule, std::slice::from_ref(&there));
            let said = led.outcome(rule);
            assert_eq!(said.until_revoked, every, "{rule:?}");
            assert_eq!(said.max_duration, Span::hours(longest));
        }
    }
    let never = body(vec![leading(step(&[1], 1), ELSEWHERE)]);
    let led = never.leading_to(None, &[other(asks(), days(30))]);
    assert_eq!(led.outcome(None).until_revoked, None);
}

#[test]
fn a_word_without_its_policy_means_nothing() {
    assert_eq!(Then::parse("deny", None), Some(Then::Deny));
    assert_eq!(Then::parse("other_policy", None), None);
    assert_eq!(Then::parse("next_step", Some(OWN)), None);
    let then = Then::parse("other_policy", Some(OWN)).expect("a word");
    assert_eq!((then.as_str(), then.policy()), ("other_policy", Some(OWN)));
    let kept = serde_json::to_value(then).expect("JSON");
    assert_eq!(kept, serde_json::json!({ "other_policy": OWN.to_string() }));
    assert_eq!(
        serde_json::from_value::<Then>(kept).expect("read back"),
        then
    );
    // What was stored before is read as ever.
    let before: Deadline =
        serde_json::from_str(r#"{"after":3600,"then":"next_step"}"#).expect("read");
    assert_eq!(before.then, Then::NextStep);
}
