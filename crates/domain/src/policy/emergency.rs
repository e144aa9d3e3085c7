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
    // Members who may close nothing leave every review to the Super Admins.
    let groups = emergency.reviewers().iter();
    let mut members = (groups
        .filter_map(|group| people.groups.get(group))
        .flatten())
    .peekable();
    if members.peek().is_some() && !members.any(|member| people.reviewing.contains(member)) {
        faults.push(Wrong::EmergencyUnable {
            field: match emergency.review.is_empty() {
                true => "emergency.tell",
                false => "emergency.review",
            },
        });
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
    /// Whom it is about: who asked, who holds it or held it when it was given (the people of a group
    /// too), and who approved.
    pub about: BTreeSet<UserId>,
    /// To whom one of those delegates now.
    pub delegates: BTreeSet<UserId>,
    /// Who is in the groups that review now, is active and may decide: once for each group.
    pub reviewers: Vec<Reviewer>,
    /// When it was asked for.
    pub asked_at: Time,
    /// When what was given begins, where that is not at once.
    pub starts_at: Option<Time>,
}

/// Somebody in a group that reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reviewer {
    /// Who.
    pub user: UserId,
    /// Since when they are in it.
    pub since: Time,
    /// Who put them into it; nobody where Stint itself did.
    pub added_by: Option<UserId>,
}

/// Somebody who would close a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closer {
    /// Who.
    pub user: UserId,
    /// Whether they are a Super Admin.
    pub super_admin: bool,
    /// When they last changed who others are: took them out of a group, deactivated them, changed
    /// their roles.
    pub changed_others: Option<Time>,
}

/// Why somebody may not close a review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReviewer {
    /// It is about what they asked for, held or approved.
    #[error("this review is about what you asked for, hold or approved: somebody else closes it")]
    About,
    /// Somebody it is about lets them decide for them.
    #[error("this review is about somebody who lets you decide for them: somebody else closes it")]
    Delegate,
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
    /// A Super Admin who may have made themselves the last one who could.
    #[error(
        "since this was asked you changed who is in a group, who is active or what somebody may do, so you do not close it in place of those who review it: another Super Admin does, or somebody you put into the groups that review it"
    )]
    ChangedOthers,
    /// What was given has not begun.
    #[error("what was given begins at {0}: close the review once there is something to review")]
    NotBegun(Time),
}

impl NotReviewer {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::About => "own_review",
            Self::Delegate => "delegate_of_reviewed",
            Self::Nobody => "not_a_reviewer",
            Self::Joined => "became_reviewer_after_submission",
            Self::OthersCan(_) => "reviewers_can",
            Self::ChangedOthers => "changed_others_after_submission",
            Self::NotBegun(_) => "review_not_begun",
        }
    }
}

impl Reviewing {
    /// Whether it is about this person, or about somebody who lets them decide for them.
    pub fn concerns(&self, user: UserId) -> bool {
        self.about.contains(&user) || self.delegates.contains(&user)
    }

    /// Those of the groups who could close it: not whom it concerns, nor who put themselves into a
    /// group after it was asked.
    pub fn able(&self) -> BTreeSet<UserId> {
        let late = |it: &Reviewer| it.added_by == Some(it.user) && it.since >= self.asked_at;
        (self.reviewers.iter())
            .filter(|it| !late(it) && !self.concerns(it.user))
            .map(|it| it.user)
            .collect()
    }

    /// Those of these Super Admins who close it where nobody of the groups could: not whom it
    /// concerns, nor who may have made themselves the last one.
    pub fn stand_ins(&self, super_admins: &[Closer]) -> BTreeSet<UserId> {
        (super_admins.iter())
            .filter(|it| it.super_admin && !self.concerns(it.user) && !self.meddled(it))
            .map(|it| it.user)
            .collect()
    }

    /// Whether this person may close it now. A Super Admin may where nobody of the groups could,
    /// unless it concerns them or they changed who others are since it was asked.
    pub fn may_close(&self, who: &Closer, now: Time) -> Result<(), NotReviewer> {
        if self.about.contains(&who.user) {
            return Err(NotReviewer::About);
        }
        if self.delegates.contains(&who.user) {
            return Err(NotReviewer::Delegate);
        }
        let able = self.able();
        if able.contains(&who.user) {
            return self.begun(now);
        }
        let named = self.reviewers.iter().any(|it| it.user == who.user);
        match (who.super_admin, able.len()) {
            (true, 0) if self.meddled(who) => Err(NotReviewer::ChangedOthers),
            (true, 0) => self.begun(now),
            (true, n) => Err(NotReviewer::OthersCan(n)),
            (false, _) if named => Err(NotReviewer::Joined),
            (false, _) => Err(NotReviewer::Nobody),
        }
    }

    fn meddled(&self, who: &Closer) -> bool {
        who.changed_others.is_some_and(|at| at >= self.asked_at)
    }

    fn begun(&self, now: Time) -> Result<(), NotReviewer> {
        match self.starts_at {
            Some(start) if start > now => Err(NotReviewer::NotBegun(start)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Time = Time::from_micros(10);
    const NOW: Time = Time::from_micros(20);

    fn user(n: u128) -> UserId {
        UserId(uuid::Uuid::from_u128(n))
    }

    /// In a group that reviews since then, put there by this person.
    fn member(n: u128, since: i64, by: u128) -> Reviewer {
        Reviewer {
            user: user(n),
            since: Time::from_micros(since),
            added_by: Some(user(by)),
        }
    }

    fn review() -> Reviewing {
        Reviewing {
            about: BTreeSet::from([user(1), user(2)]),
            delegates: BTreeSet::new(),
            reviewers: vec![member(2, 0, 9), member(3, 0, 9)],
            asked_at: ASKED,
            starts_at: None,
        }
    }

    fn somebody(n: u128) -> Closer {
        Closer {
            user: user(n),
            super_admin: false,
            changed_others: None,
        }
    }

    fn super_admin(n: u128) -> Closer {
        Closer {
            super_admin: true,
            ..somebody(n)
        }
    }

    #[test]
    fn a_review_is_closed_by_those_it_is_not_about() {
        let it = review();
        assert_eq!(it.may_close(&somebody(3), NOW), Ok(()));
        for about in [1, 2] {
            let said = it.may_close(&super_admin(about), NOW);
            assert_eq!(said, Err(NotReviewer::About), "{about}");
        }
        let others = it.may_close(&somebody(4), NOW);
        assert_eq!(others, Err(NotReviewer::Nobody));
        let others = it.may_close(&super_admin(4), NOW);
        assert_eq!(others, Err(NotReviewer::OthersCan(1)));
    }

    #[test]
    fn nor_by_who_decides_for_one_of_them() {
        let mut it = review();
        it.delegates = BTreeSet::from([user(3), user(5)]);
        for delegate in [3, 5] {
            let said = it.may_close(&super_admin(delegate), NOW);
            assert_eq!(said, Err(NotReviewer::Delegate), "{delegate}");
        }
        assert!(it.able().is_empty());
        let stand_ins = it.stand_ins(&[super_admin(4), super_admin(5), super_admin(1)]);
        assert_eq!(stand_ins, BTreeSet::from([user(4)]));
    }

    #[test]
    fn who_joined_by_themselves_since_does_not_count() {
        let mut it = review();
        it.reviewers = vec![member(3, 10, 3)];
        let said = it.may_close(&somebody(3), NOW);
        assert_eq!(said, Err(NotReviewer::Joined));
        // Nor do they keep a Super Admin from it.
        assert_eq!(it.may_close(&super_admin(4), NOW), Ok(()));
        it.reviewers = vec![member(3, 9, 3)];
        assert_eq!(it.may_close(&somebody(3), NOW), Ok(()));
        // One of two groups is enough.
        it.reviewers = vec![member(3, 10, 3), member(3, 10, 9)];
        assert_eq!(it.may_close(&somebody(3), NOW), Ok(()));
    }

    #[test]
    fn where_only_those_it_is_about_are_left_a_super_admin_closes_it() {
        let mut it = review();
        it.reviewers = vec![member(1, 0, 9), member(2, 0, 9)];
        assert_eq!(it.may_close(&super_admin(4), NOW), Ok(()));
        assert_eq!(it.may_close(&somebody(4), NOW), Err(NotReviewer::Nobody));
        assert_eq!(it.may_close(&super_admin(1), NOW), Err(NotReviewer::About));
    }

    #[test]
    fn a_super_admin_does_not_make_themselves_the_last_one() {
        let mut it = review();
        it.reviewers = Vec::new();
        let changed = |at| Closer {
            changed_others: Some(Time::from_micros(at)),
            ..super_admin(4)
        };
        assert_eq!(it.may_close(&changed(9), NOW), Ok(()));
        let said = it.may_close(&changed(10), NOW);
        assert_eq!(said, Err(NotReviewer::ChangedOthers));
        assert_eq!(it.stand_ins(&[changed(9)]).len(), 1);
        assert!(it.stand_ins(&[changed(10)]).is_empty());
    }

    #[test]
    fn nothing_is_reviewed_before_it_begins() {
        let mut it = review();
        it.starts_at = Some(Time::from_micros(21));
        let early = Err(NotReviewer::NotBegun(Time::from_micros(21)));
        assert_eq!(it.may_close(&somebody(3), NOW), early);
        assert_eq!(it.may_close(&somebody(3), Time::from_micros(21)), Ok(()));
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
