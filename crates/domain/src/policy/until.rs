//! Access until it is revoked: whether a policy allows it, how often it is asked whether it is still
//! needed, and by whom.
//!
//! Such access has no time limit, and still it has an end: [`ANSWER_WITHIN`] after its review, unless
//! somebody who answers for what it gives said by then that it is still needed. How often that is asked
//! is pinned by whoever asked for it under the version of then.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::check::Wrong;
use super::emergency::{Closer, NotReviewer, Reviewing};
use super::{PolicyBody, Route, Rule};
use crate::grant::ANSWER_WITHIN;
use crate::{Span, Time, UserId};

/// The shortest time between two reviews: a day.
const SHORTEST_INTERVAL: Span = Span::hours(24);
/// The longest time between two reviews: 365 days.
const LONGEST_INTERVAL: Span = Span::hours(24 * 365);

/// Whether access may be had until it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UntilRevoked {
    /// Only for a time.
    #[default]
    Never,
    /// Yes, and so often it is asked whether it is still needed.
    Reviewed(Span),
}

impl UntilRevoked {
    /// Whether it may not.
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }

    /// The time between two reviews, where it may.
    pub const fn every(self) -> Option<Span> {
        match self {
            Self::Never => None,
            Self::Reviewed(every) => Some(every),
        }
    }

    /// What is said by the time between two reviews, or by none.
    pub fn of(every: Option<Span>) -> Self {
        every.map_or(Self::Never, Self::Reviewed)
    }
}

/// How long the first grant of access until it is revoked lasts where nobody answers: its review comes
/// after `every`, and its end [`ANSWER_WITHIN`] after that.
pub fn first_length(every: Span) -> Span {
    every + ANSWER_WITHIN
}

/// The time between two reviews where this rule applies, if access may be had until it is revoked. What
/// approves by itself says so itself: a rule that does takes nothing over from its policy. Never in an
/// emergency.
pub(super) fn every(body: &PolicyBody, rule: Option<&Rule>) -> Option<Span> {
    if body.emergency.is_some() {
        return None;
    }
    let Some(rule) = rule else {
        return body.until_revoked.every();
    };
    match rule.until_revoked {
        Some(own) => own.every(),
        None if rule.route == Route::AutoApprove => None,
        None => body.until_revoked.every(),
    }
}

/// What is wrong with what a policy, or a rule of it, says about access until it is revoked.
pub(super) fn check(said: UntilRevoked, emergency: bool, faults: &mut Vec<Wrong>) {
    let Some(every) = said.every() else {
        return;
    };
    if emergency {
        faults.push(Wrong::UntilRevokedEmergency);
    }
    let whole = every.as_micros() % SHORTEST_INTERVAL.as_micros() == 0;
    if !whole || !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&every) {
        faults.push(Wrong::UntilRevokedInterval);
    }
}

/// Who is asked whether access until it is revoked is still needed: the owners of its connection and of
/// the application that belongs to, as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answerers(Reviewing);

/// Why somebody may not say whether access until it is revoked is still needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// They asked for it, or hold it.
    #[error("you asked for this access or hold it: somebody else says whether it is still needed")]
    Own,
    /// Somebody who asked for it or holds it lets them decide for them.
    #[error(
        "you decide for somebody who asked for this access or holds it: somebody else says whether it is still needed"
    )]
    Delegate,
    /// They are no owner of it.
    #[error(
        "whether this access is still needed say the owners of its connection and of the application that belongs to"
    )]
    NoOwner,
    /// They made themselves an owner after its review had come.
    #[error(
        "you made yourself an owner after the review of this access had come: somebody else says whether it is still needed"
    )]
    Joined,
    /// A Super Admin, while owners could.
    #[error(
        "a Super Admin says whether this access is still needed only where no owner could: {0} of them could"
    )]
    OwnersCan(usize),
    /// A Super Admin who may have made themselves the last one who could.
    #[error(
        "since the review of this access had come you changed who owns something, who is active or what somebody may do, so you do not answer in place of its owners: another Super Admin does, or somebody you make an owner"
    )]
    ChangedOthers,
    /// Its review has not come.
    #[error("the review of this access comes at {0}: until then nobody is asked")]
    NotYet(Time),
}

impl NotAsked {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Own => "own_review",
            Self::Delegate => "delegate_of_reviewed",
            Self::NoOwner => "not_a_reviewer",
            Self::Joined => "became_reviewer_after_submission",
            Self::OwnersCan(_) => "reviewers_can",
            Self::ChangedOthers => "changed_others_after_submission",
            Self::NotYet(_) => "review_not_begun",
        }
    }
}

impl From<NotReviewer> for NotAsked {
    fn from(why: NotReviewer) -> Self {
        match why {
            NotReviewer::About => Self::Own,
            NotReviewer::Delegate => Self::Delegate,
            NotReviewer::Nobody => Self::NoOwner,
            NotReviewer::Joined => Self::Joined,
            NotReviewer::OthersCan(n) => Self::OwnersCan(n),
            NotReviewer::ChangedOthers => Self::ChangedOthers,
            NotReviewer::NotBegun(at) => Self::NotYet(at),
        }
    }
}

impl Answerers {
    /// Of these, the owners: not whom it concerns, nor who made themselves one after the review came.
    /// In `of` the review is what was asked, and what begins then.
    pub const fn new(of: Reviewing) -> Self {
        Self(of)
    }

    /// Whether they asked for it or hold it, or decide for somebody who does.
    pub fn concerns(&self, user: UserId) -> bool {
        self.0.concerns(user)
    }

    /// Those of the owners who could answer.
    pub fn able(&self) -> BTreeSet<UserId> {
        self.0.able()
    }

    /// Those of these Super Admins who answer where no owner could.
    pub fn stand_ins(&self, super_admins: &[Closer]) -> BTreeSet<UserId> {
        self.0.stand_ins(super_admins)
    }

    /// Whether this person may answer now.
    pub fn may_answer(&self, who: &Closer, now: Time) -> Result<(), NotAsked> {
        self.0.may_close(who, now).map_err(NotAsked::from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, Emergency, People, Refusal, Reviewer, Verdict};
    use super::*;
    use crate::GroupId;
    use crate::condition::Condition;
    use crate::policy::BodyFault;

    const REVIEW: Time = Time::from_micros(10);
    const NOW: Time = Time::from_micros(20);

    fn days(n: i64) -> Span {
        Span::hours(24 * n)
    }

    fn user(n: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(n))
    }

    fn auto(said: UntilRevoked) -> PolicyBody {
        PolicyBody {
            until_revoked: said,
            ..PolicyBody::new(Route::AutoApprove, Span::hours(4))
        }
    }

    fn rule(route: Route, said: Option<UntilRevoked>) -> Rule {
        Rule {
            name: "Special".to_owned(),
            when: Condition::new("context.minutes > 60"),
            route,
            max_duration: None,
            until_revoked: said,
            reason: None,
            ticket: None,
            step_up: None,
        }
    }

    fn ask(entitlement_until_revoked: bool) -> Ask {
        Ask {
            requester: user(1),
            beneficiary: user(1),
            members: BTreeSet::new(),
            duration: super::super::LONGEST,
            until_revoked: true,
            start: None,
            reason: String::new(),
            ticket: None,
            entitlement_max: None,
            entitlement_until_revoked,
        }
    }

    fn said(body: &PolicyBody, ask: &Ask) -> Verdict {
        let people = People::default();
        body.outcome(None).evaluate(ask, &people, NOW)
    }

    fn codes(body: &PolicyBody) -> Vec<&'static str> {
        let faults = body.check(&People::default()).err().unwrap_or_default();
        faults.iter().map(BodyFault::code).collect()
    }

    #[test]
    fn both_the_policy_and_the_entitlement_must_allow_it() {
        let never = auto(UntilRevoked::Never);
        let allowed = auto(UntilRevoked::Reviewed(days(90)));
        let refused = Verdict::Refused(vec![Refusal::UntilRevoked {
            longest: Span::hours(4),
        }]);
        assert_eq!(said(&allowed, &ask(true)), Verdict::AutoApproved);
        assert_eq!(said(&allowed, &ask(false)), refused);
        assert_eq!(said(&never, &ask(true)), refused);
        let Verdict::Refused(why) = said(&never, &ask(true)) else {
            panic!("it is refused");
        };
        assert!(why.iter().any(|why| why.to_string().contains("4 h")));
        // What is asked for a time is judged as ever.
        let long = Ask {
            until_revoked: false,
            ..ask(true)
        };
        assert!(matches!(said(&allowed, &long), Verdict::Refused(_)));
    }

    #[test]
    fn a_rule_says_it_as_it_says_the_longest_duration_and_auto_approval_says_it_itself() {
        let policy = UntilRevoked::Reviewed(days(90));
        let own = UntilRevoked::Reviewed(days(30));
        let steps = || Route::Steps(Vec::new());
        for (route, said, every) in [
            (steps(), None, Some(days(90))),
            (steps(), Some(own), Some(days(30))),
            (steps(), Some(UntilRevoked::Never), None),
            (Route::AutoApprove, None, None),
            (Route::AutoApprove, Some(own), Some(days(30))),
        ] {
            let mut body = auto(policy);
            body.rules = vec![rule(route, said)];
            assert_eq!(body.outcome(Some(0)).until_revoked, every);
            assert_eq!(body.outcome(None).until_revoked, Some(days(90)));
            // Steps that come after make nothing possible that was not.
            let more = vec![super::super::Step::new("More", Default::default(), 1)];
            let followed = body.clone().followed_by(Some(0), more);
            assert_eq!(followed.outcome(Some(0)).until_revoked, every);
            assert!(body.may_last_until_revoked());
        }
        assert!(!auto(UntilRevoked::Never).may_last_until_revoked());
    }

    #[test]
    fn the_time_between_two_reviews_is_whole_days_of_a_year_at_most_and_never_in_an_emergency() {
        for (every, wrong) in [
            (days(1), false),
            (days(365), false),
            (days(366), true),
            (Span::hours(25), true),
            (Span::hours(12), true),
            (Span::ZERO, true),
        ] {
            let expected: &[&str] = if wrong {
                &["until_revoked_interval"]
            } else {
                &[]
            };
            assert_eq!(codes(&auto(UntilRevoked::Reviewed(every))), expected);
            let mut body = auto(UntilRevoked::Never);
            body.rules = vec![rule(
                Route::AutoApprove,
                Some(UntilRevoked::Reviewed(every)),
            )];
            assert_eq!(codes(&body), expected);
        }
        let group = GroupId(uuid::Uuid::from_u128(7));
        let body = auto(UntilRevoked::Reviewed(days(90)));
        let body = body.for_emergencies(Emergency::telling([group]));
        assert!(codes(&body).contains(&"until_revoked_emergency"));
        assert_eq!(body.outcome(None).until_revoked, None);
    }

    #[test]
    fn bodies_written_before_read_back_as_they_were() {
        let old = r#"{"rules":[{"name":"a","when":"true","route":"auto_approve"}],"route":"auto_approve","max_duration":3600,"reason":{"required":false,"min_length":0},"allow_self_approval":false}"#;
        let body: PolicyBody = serde_json::from_str(old).expect("a body");
        assert!(!body.may_last_until_revoked());
        let again = serde_json::to_string(&body).expect("json");
        assert!(!again.contains("until_revoked"), "{again}");
        let allowed = auto(UntilRevoked::Reviewed(days(90)));
        let text = serde_json::to_string(&allowed).expect("json");
        let read: PolicyBody = serde_json::from_str(&text).expect("a body");
        assert_eq!(read, allowed);
    }

    #[test]
    fn owners_answer_whom_it_does_not_concern_and_super_admins_where_none_is_left() {
        let owner = |n, by| Reviewer {
            user: user(n),
            since: Time::from_micros(if n == by { 11 } else { 0 }),
            added_by: Some(user(by)),
        };
        let somebody = |n, super_admin| Closer {
            user: user(n),
            super_admin,
            changed_others: None,
        };
        let of = |owners: Vec<Reviewer>| {
            Answerers::new(Reviewing {
                about: BTreeSet::from([user(1), user(2)]),
                delegates: BTreeSet::from([user(5)]),
                reviewers: owners,
                asked_at: REVIEW,
                starts_at: Some(REVIEW),
            })
        };
        let it = of(vec![owner(1, 9), owner(3, 9), owner(5, 9), owner(6, 6)]);
        assert_eq!(it.able(), BTreeSet::from([user(3)]));
        assert_eq!(it.may_answer(&somebody(3, false), NOW), Ok(()));
        let early = it.may_answer(&somebody(3, false), Time::from_micros(9));
        assert_eq!(early, Err(NotAsked::NotYet(REVIEW)));
        for (who, why) in [
            (somebody(1, false), NotAsked::Own),
            (somebody(2, true), NotAsked::Own),
            (somebody(5, false), NotAsked::Delegate),
            (somebody(6, false), NotAsked::Joined),
            (somebody(4, false), NotAsked::NoOwner),
            (somebody(4, true), NotAsked::OwnersCan(1)),
        ] {
            assert_eq!(it.may_answer(&who, NOW), Err(why));
        }
        // The holder is the only owner.
        let it = of(vec![owner(1, 9)]);
        assert_eq!(it.may_answer(&somebody(4, true), NOW), Ok(()));
        assert_eq!(it.may_answer(&somebody(1, true), NOW), Err(NotAsked::Own));
    }
}
