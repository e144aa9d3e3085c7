//! Emergency access: what a policy for it says beyond any other, and who may close its review.
//!
//! A request under such a policy is told at once to groups that need not approve it, and whatever
//! it gave is reviewed afterwards by people it is not about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::check::Wrong;
use super::{People, PolicyBody, ReasonRule};
use crate::{GroupId, Span, Time, UserId};

/// Within how long a review is to be closed where the policy says nothing.
pub const REVIEW_WITHIN: Span = Span::hours(72);
/// The longest a review may take.
const LONGEST_REVIEW: Span = Span::hours(24 * 30);
/// The shortest time for a review.
const SHORTEST_REVIEW: Span = Span::hours(1);

/// What a policy for emergencies says beyond any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// The groups that are told at once, whoever approves.
    pub tell: BTreeSet<GroupId>,
    /// The groups of whom somebody closes the review; those that are told, where it names none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub review: BTreeSet<GroupId>,
    /// How long after the access was given the review is to be closed.
    #[serde(default = "usual", skip_serializing_if = "is_usual")]
    pub within: Span,
}

const fn usual() -> Span {
    REVIEW_WITHIN
}

fn is_usual(within: &Span) -> bool {
    *within == REVIEW_WITHIN
}

impl Emergency {
    /// Tells these groups, which review as well within the usual time.
    pub fn telling(tell: impl IntoIterator<Item = GroupId>) -> Self {
        Self {
            tell: tell.into_iter().collect(),
            review: BTreeSet::new(),
            within: REVIEW_WITHIN,
        }
    }

    /// The groups of whom somebody closes the review.
    pub fn reviewers(&self) -> &BTreeSet<GroupId> {
        if self.review.is_empty() {
            &self.tell
        } else {
            &self.review
        }
    }

    /// Every group it names.
    pub fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.tell.iter().chain(&self.review).copied()
    }
}

/// What a version for emergencies lacks, of what is not about one of its rules.
pub(super) fn check(body: &PolicyBody, people: &People, faults: &mut Vec<Wrong>) {
    let Some(emergency) = &body.emergency else {
        return;
    };
    check_reason(Some(body.reason), faults);
    let lists = [
        ("emergency.tell", &emergency.tell),
        ("emergency.review", &emergency.review),
    ];
    for (field, groups) in lists {
        let known = |group: &&GroupId| people.groups.contains_key(*group);
        let unknown = groups.iter().filter(|group| !known(group));
        faults.extend(unknown.map(|group| Wrong::EmergencyGroup {
            field,
            group: *group,
        }));
        let empty = |group: &GroupId| people.groups.get(group).is_none_or(BTreeSet::is_empty);
        // Those who review may be left out: then they are the ones that are told.
        let needed = field == "emergency.tell" || !groups.is_empty();
        if needed && groups.iter().all(empty) && groups.iter().all(|it| known(&it)) {
            faults.push(Wrong::EmergencyNobody { field });
        }
    }
    let within = emergency.within;
    if within < SHORTEST_REVIEW || within > LONGEST_REVIEW || within.as_seconds() % 60 != 0 {
        faults.push(Wrong::EmergencyWithin);
    }
}

/// That a reason is wanted, where something says what is wanted.
pub(super) fn check_reason(reason: Option<ReasonRule>, faults: &mut Vec<Wrong>) {
    if reason.is_some_and(|reason| !reason.required) {
        faults.push(Wrong::EmergencyReason);
    }
}

/// The review of what was given in an emergency, as the rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewing {
    /// Whom it is about: who asked, who holds it (the people of a group too), and who approved.
    pub about: BTreeSet<UserId>,
    /// Who is in the groups that review now, is active and may decide.
    pub reviewers: BTreeSet<UserId>,
    /// When it was asked for.
    pub asked_at: Time,
}

/// Why somebody may not close a review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReviewer {
    /// It is about what they asked for, held or approved.
    #[error("this review is about what you asked for, hold or approved: somebody else closes it")]
    About,
    /// They are in none of the groups.
    #[error("you are in none of the groups that review this")]
    Nobody,
    /// They put themselves into the group after it was asked.
    #[error(
        "you put yourself into the group that reviews this after it was asked: somebody else closes it"
    )]
    Joined,
    /// A Super Admin, while those who review could.
    #[error(
        "a Super Admin closes a review only where nobody else in the groups that review it could: {0} of them could"
    )]
    OthersCan(usize),
}

impl NotReviewer {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::About => "own_review",
            Self::Nobody => "not_a_reviewer",
            Self::Joined => "became_reviewer_after_submission",
            Self::OthersCan(_) => "reviewers_can",
        }
    }
}

impl Reviewing {
    /// Those who could close it: the reviewers it is not about.
    pub fn able(&self) -> impl Iterator<Item = UserId> {
        self.reviewers.difference(&self.about).copied()
    }

    /// Whether this person may close it now. `joined` is when they put themselves into each of the
    /// groups they are in; nothing stands for a group somebody else put them into. A Super Admin
    /// may where nobody else could, unless it is about them.
    pub fn may_close(
        &self,
        user: UserId,
        joined: &[Option<Time>],
        super_admin: bool,
    ) -> Result<(), NotReviewer> {
        if self.about.contains(&user) {
            return Err(NotReviewer::About);
        }
        let late = |at: &Option<Time>| at.is_some_and(|at| at >= self.asked_at);
        let own = self.reviewers.contains(&user) && !joined.is_empty();
        if own && !joined.iter().all(late) {
            return Ok(());
        }
        let others = self.able().filter(|other| *other != user).count();
        match (super_admin, others) {
            (true, 0) => Ok(()),
            (true, n) => Err(NotReviewer::OthersCan(n)),
            (false, _) if own => Err(NotReviewer::Joined),
            (false, _) => Err(NotReviewer::Nobody),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(n))
    }

    fn review() -> Reviewing {
        Reviewing {
            about: BTreeSet::from([user(1), user(2)]),
            reviewers: BTreeSet::from([user(2), user(3)]),
            asked_at: Time::from_micros(10),
        }
    }

    #[test]
    fn a_review_is_closed_by_those_it_is_not_about() {
        let it = review();
        let named = [None];
        assert_eq!(it.may_close(user(3), &named, false), Ok(()));
        for about in [1, 2] {
            let said = it.may_close(user(about), &named, true);
            assert_eq!(said, Err(NotReviewer::About), "{about}");
        }
        assert_eq!(it.may_close(user(4), &[], false), Err(NotReviewer::Nobody));
        assert_eq!(
            it.may_close(user(4), &[], true),
            Err(NotReviewer::OthersCan(1))
        );
    }

    #[test]
    fn who_joined_by_themselves_since_does_not_count() {
        let it = review();
        let late = [Some(Time::from_micros(10))];
        let before = [Some(Time::from_micros(9))];
        assert_eq!(
            it.may_close(user(3), &late, false),
            Err(NotReviewer::Joined)
        );
        assert_eq!(it.may_close(user(3), &before, false), Ok(()));
        // One of two groups is enough.
        assert_eq!(it.may_close(user(3), &[late[0], None], false), Ok(()));
    }

    #[test]
    fn where_only_those_it_is_about_are_left_a_super_admin_closes_it() {
        let mut it = review();
        it.reviewers = BTreeSet::from([user(1), user(2)]);
        assert_eq!(it.may_close(user(4), &[], true), Ok(()));
        assert_eq!(it.may_close(user(4), &[], false), Err(NotReviewer::Nobody));
        assert_eq!(
            it.may_close(user(1), &[None], true),
            Err(NotReviewer::About)
        );
    }

    #[test]
    fn bodies_written_before_read_back_as_they_were() {
        let old = r#"{"route":"auto_approve","max_duration":3600,"reason":{"required":false,"min_length":0},"allow_self_approval":false}"#;
        let body: PolicyBody = serde_json::from_str(old).expect("a body");
        assert_eq!(body.emergency, None);
        let again = serde_json::to_value(&body).expect("json");
        assert!(again.get("emergency").is_none());
        let group = GroupId(uuid::Uuid::from_u128(7));
        let emergency = body.for_emergencies(Emergency::telling([group]));
        let text = serde_json::to_string(&emergency).expect("json");
        assert!(!text.contains("within"), "the usual is left out: {text}");
        assert_eq!(
            serde_json::from_str::<PolicyBody>(&text).expect("a body"),
            emergency
        );
    }
}
