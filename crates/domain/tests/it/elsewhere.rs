//! Random requests whose deadlines lead to another policy: whoever answers, and whenever, the number of
//! approvals a request needs never falls, nobody counts twice, and what was approved was approved by as
//! many as it takes.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stint_domain::policy::{
    Approvers, Ask, Deadline, Other, People, PolicyBody, Route, Step, Then,
};
use stint_domain::request::{Answer, Decider, Request, State};
use stint_domain::{PolicyId, PolicyVersionId, Span, Time, UserId};
use uuid::Uuid;

const USERS: u8 = 9;
const ELSEWHERE: PolicyId = PolicyId(Uuid::from_u128(900));

/// Whom a step names, how many it needs, and what its deadline does: nothing, deny, the next step or
/// the other policy.
type Stage = (BTreeSet<u8>, u32, u8);

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let named = prop::collection::btree_set(1..=USERS, 3..=usize::from(USERS));
    prop::collection::vec((named, 1..=3u32, 0..4u8), 1..4)
}

#[derive(Debug, Clone)]
enum Act {
    Approve(u8),
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..=USERS).prop_map(Act::Approve),
        1 => (1..90i64).prop_map(Act::Wait),
    ]
}

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n)))
}

fn route(stages: &[Stage], leads: bool) -> Route {
    let last = stages.len() - 1;
    let steps = stages
        .iter()
        .enumerate()
        .map(|(at, (named, needed, then))| {
            let then = match then {
                1 => Some(Then::Deny),
                2 if at < last => Some(Then::NextStep),
                3 if leads => Some(Then::OtherPolicy(ELSEWHERE)),
                _ => None,
            };
            let approvers = Approvers {
                users: named.iter().copied().map(user).collect(),
                ..Approvers::default()
            };
            Step {
                deadline: then.map(|then| Deadline {
                    after: Span::hours(1),
                    then,
                }),
                ..Step::new("step", approvers, *needed)
            }
        });
    Route::Steps(steps.collect())
}

fn decider(n: u8) -> Decider {
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

/// How many approvals it takes in all, as it stands: those it has, and those that are still needed.
fn needed(request: &Request, now: Time) -> Option<usize> {
    let waiting = request.waiting(&[], &People::default(), now)?;
    let leg = request.question.leg(waiting.step)?;
    let later = leg.steps.iter().skip(waiting.step + 1 - leg.first);
    let later: u32 = later.map(Step::total).sum();
    let still = usize::try_from(waiting.still + later).ok()?;
    Some(request.state.approvals().len() + still)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_needed_never_falls_where_a_deadline_leads_elsewhere(
        own in stages(),
        there in stages(),
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let policy = PolicyBody::new(route(&own, true), Span::hours(4));
        let other = Other {
            policy: ELSEWHERE,
            version: PolicyVersionId(Uuid::from_u128(901)),
            name: "There".to_owned(),
            number: 1,
            body: PolicyBody::new(route(&there, false), Span::hours(4)),
            rule: None,
        };
        let people = People {
            able: (1..=USERS).map(user).collect(),
            ..People::default()
        };
        let ask = Ask {
            requester: user(100),
            beneficiary: user(100),
            members: BTreeSet::new(),
            duration: Span::hours(1),
            until_revoked: false,
            start: None,
            reason: String::new(),
            ticket: None,
            entitlement_max: None,
            entitlement_until_revoked: false,
        };
        let mut now = Time::from_micros(0);
        // What could not be asked for at all is another test's.
        let Ok((request, _)) = Request::submit(policy, None, &ask, &people, now) else {
            return Ok(());
        };
        let mut request = request.with_others(vec![other]);
        let mut most = needed(&request, now).unwrap_or_default();
        for act in acts {
            match act {
                Act::Wait(minutes) => now = now + Span::minutes(minutes),
                Act::Approve(n) => {
                    let answer = request.clone().decide(&decider(n), &people, Answer::Approve, now);
                    if let Ok((next, _)) = answer {
                        request = next;
                    }
                }
            }
            while let (next, Some(_)) = request.clone().pass(now) {
                request = next;
            }
            let given = request.state.approvals();
            let who: BTreeSet<UserId> = given.iter().map(|it| it.by).collect();
            prop_assert_eq!(who.len(), given.len(), "somebody counts twice: {:?}", request);
            match &request.state {
                State::Pending { .. } => {
                    let all = needed(&request, now).unwrap_or_default();
                    prop_assert!(all >= most, "{most} were needed, and then {all}: {request:?}");
                    most = all;
                }
                State::Approved { .. } => {
                    prop_assert!(given.len() >= most, "{most} were needed: {request:?}");
                    return Ok(());
                }
                State::Denied { .. } | State::Cancelled { .. } => return Ok(()),
            }
        }
    }
}
