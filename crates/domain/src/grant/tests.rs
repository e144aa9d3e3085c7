use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::binding::{Binding, BindingKind, Stuck};
use crate::{BindingId, ConnectionId, EntitlementId, PrincipalId};

fn at(minutes: i64) -> Time {
    Time::default() + Span::minutes(minutes)
}

fn pair() -> Pair {
    Pair {
        connection: ConnectionId(Uuid::from_u128(1)),
        principal: PrincipalId(Uuid::from_u128(2)),
        entitlement: EntitlementId(Uuid::from_u128(3)),
    }
}

fn id(n: u128) -> GrantId {
    GrantId(Uuid::from_u128(n))
}

fn two_hours() -> Grant {
    Grant::open(id(1), pair(), at(0), Some(Span::hours(2)), at(0))
}

#[test]
fn the_duration_counts_from_the_confirmation_but_not_past_the_latest_end() {
    let grant = two_hours();
    assert_eq!(grant.end(), Some(at(180)));
    let soon = grant.clone().confirm(at(10)).expect("live");
    assert_eq!(soon.end(), Some(at(130)));
    let late = grant.confirm(at(90)).expect("live");
    assert_eq!(late.end(), Some(at(180)));
}

#[test]
fn the_window_opens_at_the_approval_or_when_asked_for_whichever_is_later() {
    let asked = Grant::open(id(1), pair(), at(60), Some(Span::hours(1)), at(0));
    let approved = Grant::open(id(1), pair(), at(0), Some(Span::hours(1)), at(60));
    assert_eq!((asked.start, approved.start), (at(60), at(60)));
    assert_eq!(asked.latest_end, Some(at(180)));
    assert!(!asked.is_live(at(59)) && asked.is_live(at(60)));
}

#[test]
fn until_revoked_ends_when_closed() {
    let grant = Grant::open(id(1), pair(), at(0), None, at(0));
    let grant = grant.confirm(at(1)).expect("live");
    assert_eq!(grant.end(), None);
    assert!(grant.is_live(at(1_000_000)));
    let closed = grant
        .close(CloseReason::Revoked, None, at(50))
        .expect("live");
    assert_eq!(closed.end(), Some(at(50)));
    assert!(!closed.is_live(at(50)));
}

#[test]
fn what_is_kept_goes_on_without_a_gap_and_what_is_not_ends_fourteen_days_after_its_review() {
    let day = |n: i64| Time::default() + Span::hours(24 * n);
    let every = Span::hours(24 * 90);
    let first = every + ANSWER_WITHIN;
    let grant = Grant::open(id(1), pair(), day(0), Some(first), day(0));
    let grant = grant.confirm(day(0)).expect("live");
    assert_eq!(grant.review_at(), Some(day(90)));
    assert_eq!(grant.end(), Some(day(104)));
    assert!(grant.is_live(day(103)) && !grant.is_live(day(104)));
    let early = grant.keep(id(2), every, day(89)).expect_err("early");
    assert_eq!((early.verb, early.why), ("keep", "its review has not come"));
    // Whenever the answer comes, the next review is as long after the review as that was.
    for now in [90, 97, 103] {
        let kept = grant.keep(id(2), every, day(now)).expect("in time");
        assert_eq!((kept.start, kept.end()), (day(104), Some(day(194))));
        assert_eq!(kept.review_at(), Some(day(180)));
        assert_eq!(kept.predecessor, Some(grant.id));
        assert!(kept.is_confirmed());
    }
    // The end itself stays.
    assert_eq!(grant.end(), Some(day(104)));
    assert!(grant.keep(id(2), every, day(104)).is_err());
    let closed = grant.clone().close(CloseReason::Revoked, None, day(95));
    assert!(closed.expect("live").keep(id(2), every, day(96)).is_err());
}

#[test]
fn an_unconfirmed_grant_has_fifteen_minutes() {
    let config = Config::default();
    assert_eq!(two_hours().confirm_by(&config), Some(at(15)));
    let confirmed = two_hours().confirm(at(1)).expect("live");
    assert_eq!(confirmed.confirm_by(&config), None);
    let next = confirmed
        .extend(id(2), Span::hours(1), at(2))
        .expect("confirmed");
    assert_eq!(next.confirm_by(&config), None);
}

#[test]
fn a_successor_starts_where_its_predecessor_ends_and_needs_no_confirmation() {
    let grant = two_hours().confirm(at(10)).expect("live");
    let next = grant
        .extend(id(2), Span::hours(1), at(100))
        .expect("confirmed");
    assert_eq!((next.start, next.end()), (at(130), Some(at(190))));
    assert!(next.is_confirmed() && next.is_live(at(130)) && !next.is_live(at(129)));
}

#[test]
fn refusals_say_from_what_and_why() {
    let grant = two_hours();
    let said = |r: Result<Grant, Refused>| r.expect_err("refused").to_string();
    let cases = [
        (
            said(grant.clone().confirm(at(-1))),
            "cannot confirm a grant that is scheduled: its window is not open",
        ),
        (
            said(grant.extend(id(2), Span::hours(1), at(1))),
            "cannot extend a grant that is open: its access was not confirmed yet",
        ),
        (
            said(grant.clone().finish(Remains::Removed, at(1))),
            "cannot end a grant that is open: its window is not over",
        ),
        (
            said(grant.clone().close(CloseReason::Returned, None, at(180))),
            "cannot return a grant that is over: its window is over",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
    let ended = grant.finish(Remains::Removed, at(200)).expect("over");
    assert_eq!(
        said(ended.finish(Remains::Standing, at(201))),
        "cannot end a grant that is ended: it has ended before"
    );
}

proptest! {
    /// Whatever is done to a grant, in whatever order: its end only moves earlier, and what
    /// has ended stays as it is.
    #[test]
    fn an_end_only_moves_earlier(
        length in prop::option::of(1i64..300),
        acts in prop::collection::vec((0u8..4, 0i64..40), 0..12),
    ) {
        let mut grant = Grant::open(id(1), pair(), at(5), length.map(Span::minutes), at(0));
        let mut now = 0;
        for (act, wait) in acts {
            now += wait;
            let next = match act {
                0 => grant.clone().confirm(at(now)),
                1 => grant.clone().close(CloseReason::Returned, None, at(now)),
                2 => grant.clone().close(CloseReason::CutOff, None, at(now)),
                _ => grant.clone().finish(Remains::Removed, at(now)),
            };
            let Ok(next) = next else { continue };
            match (grant.end(), next.end()) {
                (Some(was), Some(is)) => prop_assert!(is <= was),
                (Some(_), None) => prop_assert!(false, "an end was lost"),
                (None, _) => {}
            }
            prop_assert!(grant.ended.is_none(), "something happened to an ended grant");
            if next.ended.is_some() {
                prop_assert!(next.end().is_some_and(|e| e <= at(now)));
            }
            grant = next;
        }
    }
}

#[test]
fn what_is_shown_follows_from_grant_and_binding() {
    let binding = Binding::new(
        BindingId(Uuid::from_u128(9)),
        pair(),
        BindingKind::AccountAssignment,
    );
    let stuck = Binding {
        stuck: Some(Stuck {
            since: at(0),
            reason: "access denied".to_owned(),
        }),
        ..binding.clone()
    };
    let taken = Binding {
        interrupted: Some(at(20)),
        ..binding.clone()
    };
    let open = two_hours();
    let active = open.clone().confirm(at(1)).expect("live");
    let failed = (open.clone().close(CloseReason::Refused, None, at(3))).expect("live");
    let ended = active
        .clone()
        .finish(Remains::Removed, at(200))
        .expect("over");
    let gone = failed
        .clone()
        .finish(Remains::Nothing, at(200))
        .expect("over");
    let cases = [
        (&open, &binding, at(-1), GrantState::Scheduled),
        (&open, &binding, at(1), GrantState::Provisioning),
        (&active, &binding, at(5), GrantState::Active),
        (&active, &taken, at(30), GrantState::Interrupted),
        (&active, &binding, at(190), GrantState::Ending),
        (&active, &stuck, at(190), GrantState::Stuck),
        (&failed, &binding, at(4), GrantState::Failed),
        (&failed, &stuck, at(4), GrantState::Stuck),
        (&gone, &stuck, at(201), GrantState::Failed),
        (&ended, &stuck, at(201), GrantState::Ended),
    ];
    for (grant, binding, now, expected) in cases {
        assert_eq!(GrantState::of(grant, binding, now), expected);
    }
}
