//! What is refused when a version is saved whose deadline leads to another policy.

use uuid::Uuid;

use super::*;
use crate::UserId;
use crate::condition::Condition;
use crate::policy::{Approvers, Deadline, Emergency, Rule};

const OWN: PolicyId = PolicyId(Uuid::from_u128(900));
const ELSEWHERE: PolicyId = PolicyId(Uuid::from_u128(901));

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn people() -> People {
    People {
        able: (1..=9).map(user).collect(),
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
