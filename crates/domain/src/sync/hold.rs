//! When a sync stops and asks a person, instead of taking access for ended.
//!
//! A list that AWS cut short without an error, credentials that now lead elsewhere, an
//! organization somebody is taking apart: each looks like access that has ended. What a sync may
//! write down by itself is therefore limited; what goes beyond is shown, and decided.
//!
//! What it does not do: limit what *Stint* removes. That a grant ends is no finding of a sync.

/// How much a sync may take for ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRule {
    /// More than this share of the assignments known, in percent, waits for a person.
    pub percent: u32,
    /// More assignments than this wait for a person, whatever their share.
    pub rows: u64,
    /// Fewer than this never wait: two of three are nothing in a small estate.
    pub least: u64,
}

impl Default for HoldRule {
    /// A fifth of what is known, or a thousand assignments, from ten on.
    fn default() -> Self {
        Self {
            percent: 20,
            rows: 1_000,
            least: 10,
        }
    }
}

impl HoldRule {
    /// Whether a sync that would end `ending` of `open` assignments waits for a person.
    #[must_use]
    pub fn holds(&self, ending: u64, open: u64) -> bool {
        let share = u128::from(ending) * 100 > u128::from(open) * u128::from(self.percent);
        ending >= self.least && (ending > self.rows || share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_or_a_thousand_wait_and_a_few_never() {
        let rule = HoldRule::default();
        for (ending, open, holds) in [
            (0, 0, false),
            (9, 9, false),
            (10, 10, true),
            (10, 50, false),
            (11, 50, true),
            (200, 1_000, false),
            (201, 1_000, true),
            (1_000, 1_000_000, false),
            (1_001, 1_000_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(rule.holds(ending, open), holds, "{ending} of {open}");
        }
    }

    #[test]
    fn a_rule_may_ask_always_or_never() {
        let always = HoldRule {
            percent: 0,
            rows: 0,
            least: 1,
        };
        assert!(always.holds(1, 1_000_000) && !always.holds(0, 0));
        let never = HoldRule {
            percent: 100,
            rows: u64::MAX,
            least: 0,
        };
        assert!(!never.holds(1_000_000, 1_000_000));
    }
}
