//! Separation of duties: what one person should not hold together.
//!
//! A rule has two sides, each a set of entitlements. Whoever would hold something of both at the same
//! time is in conflict with it. One thing that is on both sides is in conflict with the others of
//! either, never with itself. Which entitlements are on a side, and who holds what, comes in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{EntitlementId, Span, Time};

/// What a rule says where somebody would hold something of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It cannot be asked for.
    Block,
    /// It may be given as an exception, which the rule's own group makes.
    Exception,
}

impl Action {
    /// Every action.
    pub const ALL: &[Self] = &[Self::Block, Self::Exception];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Exception => "exception",
        }
    }

    /// What this word stands for, if anything.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == word)
    }
}

/// On which sides of a rule something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sides {
    /// On the first.
    pub first: bool,
    /// On the second.
    pub second: bool,
}

impl Sides {
    /// On one of them at least.
    pub const fn any(self) -> bool {
        self.first || self.second
    }

    /// Whether the rule keeps these two things apart.
    pub const fn apart_from(self, other: Self) -> bool {
        (self.first && other.second) || (self.second && other.first)
    }
}

/// What of `held` the rule keeps apart from something of `asked`, and what of `asked` from something
/// else of it. What is asked for and held already counts as asked for.
pub fn apart(
    asked: &[(EntitlementId, Sides)],
    held: impl IntoIterator<Item = (EntitlementId, Sides)>,
) -> BTreeSet<EntitlementId> {
    let meets = |id: EntitlementId, sides: Sides| {
        let others = asked.iter().filter(|(other, _)| *other != id);
        others.clone().any(|(_, other)| other.apart_from(sides))
    };
    let is_asked = |id: EntitlementId| asked.iter().any(|(other, _)| *other == id);
    let mut found: BTreeSet<EntitlementId> = (held.into_iter())
        .filter(|(id, sides)| !is_asked(*id) && meets(*id, *sides))
        .map(|(id, _)| id)
        .collect();
    let within = asked.iter().filter(|(id, sides)| meets(*id, *sides));
    found.extend(within.map(|(id, _)| *id));
    found
}

/// A time in which something is held, or would be; without an end until further notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From when.
    pub from: Time,
    /// Until when.
    pub until: Option<Time>,
}

/// Access comes and goes some minutes after it should: windows that are nearer than this overlap.
pub const MARGIN: Span = Span::minutes(15);

impl Window {
    /// Whether one might still be held when the other is.
    pub fn overlaps(self, other: Self) -> bool {
        let before = |end: Option<Time>, from: Time| end.is_some_and(|end| end + MARGIN <= from);
        !before(self.until, other.from) && !before(other.until, self.from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(n: u8) -> EntitlementId {
        EntitlementId(Uuid::from_u128(u128::from(n)))
    }

    const FIRST: Sides = Sides {
        first: true,
        second: false,
    };
    const SECOND: Sides = Sides {
        first: false,
        second: true,
    };
    const BOTH: Sides = Sides {
        first: true,
        second: true,
    };

    #[test]
    fn one_of_each_side_is_a_conflict_and_two_of_one_side_are_none() {
        let found = |asked: &[(u8, Sides)], held: &[(u8, Sides)]| {
            let asked: Vec<_> = asked.iter().map(|(n, s)| (id(*n), *s)).collect();
            let held = held.iter().map(|(n, s)| (id(*n), *s));
            apart(&asked, held).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(found(&[(1, FIRST)], &[(2, SECOND), (3, FIRST)]), [id(2)]);
        assert_eq!(found(&[(1, FIRST)], &[(3, FIRST)]), []);
        // On both sides: apart from the others, not from itself.
        assert_eq!(found(&[(1, BOTH)], &[(1, BOTH)]), []);
        assert_eq!(found(&[(1, BOTH)], &[(1, BOTH), (2, BOTH)]), [id(2)]);
        // A group that gives both at once.
        let both = found(&[(1, FIRST), (2, SECOND)], &[]);
        assert_eq!(both, [id(1), id(2)]);
    }

    #[test]
    fn windows_that_are_nearly_one_after_the_other_overlap() {
        let at = |minutes| Time::default() + Span::minutes(minutes);
        let window = |from, until: Option<i64>| Window {
            from: at(from),
            until: until.map(at),
        };
        let early = window(0, Some(60));
        assert!(early.overlaps(window(30, Some(90))));
        assert!(early.overlaps(window(70, Some(90))));
        assert!(!early.overlaps(window(75, Some(90))));
        assert!(!window(75, None).overlaps(early));
        assert!(window(10, None).overlaps(early));
    }

    proptest! {
        /// The oracle looks at pairs.
        #[test]
        fn what_is_found_is_what_pairs_say(
            asked in proptest::collection::vec((0u8..6, any::<bool>(), any::<bool>()), 0..5),
            held in proptest::collection::vec((0u8..9, any::<bool>(), any::<bool>()), 0..8),
        ) {
            let sides = |it: &(u8, bool, bool)| (id(it.0), Sides { first: it.1, second: it.2 });
            // One thing stands on the sides it stands on, however often it is named.
            let mut seen = std::collections::BTreeMap::new();
            for it in asked.iter().chain(&held) {
                seen.entry(it.0).or_insert((it.1, it.2));
            }
            let fixed = |it: &(u8, bool, bool)| {
                let (first, second) = seen[&it.0];
                sides(&(it.0, first, second))
            };
            let asked: Vec<_> = asked.iter().map(fixed).collect();
            let held: Vec<_> = held.iter().map(fixed).collect();
            let all: Vec<_> = asked.iter().chain(&held).collect();
            let wanted: BTreeSet<EntitlementId> = all
                .iter()
                .filter(|(one, on)| {
                    asked.iter().any(|(other, of)| {
                        one != other
                            && ((on.first && of.second) || (on.second && of.first))
                    })
                })
                .map(|(one, _)| *one)
                .collect();
            prop_assert_eq!(apart(&asked, held), wanted);
        }
    }
}
