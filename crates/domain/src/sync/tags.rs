//! When the tags of accounts are read again, and for how long they are believed.
//!
//! It takes one call an account, of a service that bears few (AWS reference §2), and tags change
//! rarely. So an account of which nothing is known is read by the next run; what is known is read
//! again once it is old, the oldest first and some in each run. A run reads the more of them the
//! longer nobody has: all are read about once a day, whether syncs are an hour apart or six, and in
//! no run all at once where there are many runs. What could not be read for long is unknown again:
//! nobody goes on opening what a tag opened that may be gone.

use crate::{Span, Time};

/// How often tags are read again, and how long they are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagsRule {
    /// What was read so long ago is read again.
    pub oldest: Span,
    /// All that are old are read within so long: a run reads the share of all accounts that the time
    /// since the run before it is of this.
    pub within: Span,
    /// So many that are old may always be read.
    pub least: u64,
    /// One run asks about so many accounts at most, those of which nothing is known among them.
    pub most: u64,
    /// An account that AWS refused to tell of is asked about again after so long.
    pub refused: Span,
    /// What was not read again for so long is not known any more.
    pub believed: Span,
}

impl Default for TagsRule {
    /// From eighteen hours on, within six, so that a day is about the age of what is known; twenty
    /// always, and five hundred at most; what AWS refused after a day; nothing older than a week.
    fn default() -> Self {
        Self {
            oldest: Span::hours(18),
            within: Span::hours(6),
            least: 20,
            most: 500,
            refused: Span::hours(24),
            believed: Span::hours(7 * 24),
        }
    }
}

/// What is known of the tags of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTags {
    /// The account, by its twelve digits.
    pub account: String,
    /// When the reading began that they are known by; none while they are not known.
    pub read_at: Option<Time>,
    /// When AWS last refused to tell, unless it has told since.
    pub refused_at: Option<Time>,
}

impl TagsRule {
    /// How many of `old`, the accounts whose tags are known and old, are read again by one run, where
    /// there are `accounts` in all and the run before began `elapsed` earlier.
    #[must_use]
    pub fn again(&self, old: u64, accounts: u64, elapsed: Span) -> u64 {
        let micros = |span: Span| u128::try_from(span.as_micros()).unwrap_or(0);
        let within = micros(self.within).max(1);
        let elapsed = micros(elapsed).min(within);
        let share = (u128::from(accounts) * elapsed).div_ceil(within);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        old.min(share.max(self.least))
    }

    /// Which of `all`, those first that were asked about longest ago, are asked about by a run of
    /// `now`, in which order: those of which nothing is known before the others. The run before began
    /// `elapsed` earlier; what AWS refused before `tested` may have been mended since.
    #[must_use]
    pub fn due(
        &self,
        all: &[KnownTags],
        now: Time,
        elapsed: Span,
        tested: Option<Time>,
    ) -> Vec<String> {
        let refused = |at: Time| at + self.refused > now && tested.is_none_or(|it| it <= at);
        let open = (all.iter()).filter(|it| !it.refused_at.is_some_and(refused));
        let (known, new): (Vec<_>, Vec<_>) = open.partition(|it| it.read_at.is_some());
        let mut old: Vec<&KnownTags> = (known.into_iter())
            .filter(|it| it.read_at.is_some_and(|at| at + self.oldest <= now))
            .collect();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        old.truncate(size(self.again(
            count(old.len()),
            count(all.len()),
            elapsed,
        )));
        let due = new.into_iter().chain(old);
        let due = due.map(|it| it.account.clone());
        due.take(size(self.most)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_800_000_000_000_000);

    fn of(account: &str, read: Option<i64>, refused: Option<i64>) -> KnownTags {
        KnownTags {
            account: account.to_owned(),
            read_at: read.map(|hours| NOW - Span::hours(hours)),
            refused_at: refused.map(|hours| NOW - Span::hours(hours)),
        }
    }

    #[test]
    fn a_few_are_read_at_once_and_many_by_and_by() {
        let rule = TagsRule::default();
        for (old, accounts, minutes, again) in [
            (0, 0, 60, 0),
            (5, 5, 60, 5),
            (20, 20, 0, 20),
            (150, 150, 0, 20),
            (150, 150, 60, 25),
            (1_200, 1_200, 60, 200),
            (1_200, 1_200, 360, 1_200),
            (1_200, 1_200, 100_000, 1_200),
            (3, 1_200, 60, 3),
            (u64::MAX, u64::MAX, 360, u64::MAX),
        ] {
            let found = rule.again(old, accounts, Span::minutes(minutes));
            assert_eq!(found, again, "{old} of {accounts} after {minutes}");
        }
        assert_eq!(rule.again(90, 90, Span::hours(-1)), 20, "a clock set back");
    }

    /// However far apart the runs are, up to half a day.
    #[test]
    fn all_are_read_again_within_about_a_day() {
        let rule = TagsRule {
            most: u64::MAX,
            ..TagsRule::default()
        };
        for hours in [1, 2, 3, 6, 12] {
            let mut all: Vec<KnownTags> = (0..300)
                .map(|n| of(&format!("{n:012}"), Some(0), None))
                .collect();
            let mut now = NOW;
            let mut oldest = Span::hours(0);
            for _ in 0..(96 / hours) {
                now = now + Span::hours(hours);
                all.sort_by_key(|it| it.read_at);
                let age = all
                    .iter()
                    .filter_map(|it| it.read_at)
                    .map(|at| now.since(at));
                oldest = oldest.max(age.max().unwrap_or(Span::hours(0)));
                let due = rule.due(&all, now, Span::hours(hours), None);
                for it in all.iter_mut().filter(|it| due.contains(&it.account)) {
                    it.read_at = Some(now);
                }
            }
            assert!(oldest <= Span::hours(24), "every {hours} hours: {oldest:?}");
        }
    }

    #[test]
    fn what_is_not_known_comes_first_and_a_run_asks_about_so_many() {
        let rule = TagsRule {
            most: 3,
            ..TagsRule::default()
        };
        let all = [
            of("1", Some(30), None),
            of("2", None, None),
            of("3", Some(17), None),
            of("4", Some(20), None),
            of("5", None, None),
        ];
        let due = |most| TagsRule { most, ..rule }.due(&all, NOW, Span::hours(1), None);
        assert_eq!(due(3), ["2", "5", "1"]);
        assert_eq!(due(9), ["2", "5", "1", "4"]);
        assert_eq!(due(1), ["2"]);
    }

    #[test]
    fn what_aws_refused_is_asked_about_once_a_day_or_after_a_test() {
        let rule = TagsRule::default();
        let all = [
            of("1", None, Some(23)),
            of("2", None, Some(24)),
            of("3", Some(40), Some(2)),
            of("4", Some(40), Some(30)),
        ];
        let due = |tested: Option<i64>| {
            let tested = tested.map(|hours| NOW - Span::hours(hours));
            rule.due(&all, NOW, Span::hours(1), tested)
        };
        assert_eq!(due(None), ["2", "4"]);
        assert_eq!(due(Some(1)), ["1", "2", "3", "4"]);
        assert_eq!(due(Some(5)), ["1", "2", "4"]);
    }
}
