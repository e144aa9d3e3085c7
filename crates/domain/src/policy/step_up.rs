//! Step-up: when people have to give their password again, moments before they ask or approve.
//!
//! What a version says, and nothing else: whether somebody has given it is no fact of a policy.

use serde::{Deserialize, Serialize};

/// When the password is wanted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepUp {
    /// Never.
    #[default]
    No,
    /// When somebody asks: once, or to extend, or to raise.
    Asking,
    /// When somebody approves.
    Approving,
    /// Both times.
    Both,
}

impl StepUp {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::No, Self::Asking, Self::Approving, Self::Both];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Asking => "asking",
            Self::Approving => "approving",
            Self::Both => "both",
        }
    }

    /// What this word stands for, if anything.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// Whether it is wanted at no time.
    pub const fn is_no(&self) -> bool {
        matches!(self, Self::No)
    }

    /// Whether it is wanted of whoever asks.
    pub const fn at_asking(self) -> bool {
        matches!(self, Self::Asking | Self::Both)
    }

    /// The same, and what the other wants of whoever approves.
    #[must_use]
    pub const fn approved_as(self, other: Self) -> Self {
        match (self, other.at_approving()) {
            (Self::No, true) => Self::Approving,
            (Self::Asking, true) => Self::Both,
            (as_it_is, _) => as_it_is,
        }
    }

    /// Whether it is wanted of whoever approves.
    pub const fn at_approving(self) -> bool {
        matches!(self, Self::Approving | Self::Both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;
    use crate::condition::Condition;
    use crate::policy::{PolicyBody, Route, Rule};

    fn rule(step_up: Option<StepUp>) -> Rule {
        Rule {
            name: "r".to_owned(),
            when: Condition::new("context.minutes > 60"),
            route: Route::AutoApprove,
            max_duration: None,
            reason: None,
            ticket: None,
            step_up,
            until_revoked: None,
        }
    }

    fn body(step_up: StepUp, rules: Vec<Rule>) -> PolicyBody {
        PolicyBody {
            step_up,
            rules,
            ..PolicyBody::new(Route::AutoApprove, Span::hours(4))
        }
    }

    #[test]
    fn each_word_stands_for_what_it_says() {
        for it in StepUp::ALL {
            assert_eq!(StepUp::parse(it.as_str()), Some(it));
        }
        assert_eq!(StepUp::parse("always"), None);
        let times = StepUp::ALL.map(|it| (it.at_asking(), it.at_approving()));
        assert_eq!(
            times,
            [(false, false), (true, false), (false, true), (true, true)]
        );
    }

    #[test]
    fn a_rule_says_otherwise_or_leaves_it_to_its_policy() {
        let rules = vec![rule(None), rule(Some(StepUp::No)), rule(Some(StepUp::Both))];
        let body = body(StepUp::Approving, rules);
        let of = |at| body.outcome(at).step_up;
        assert_eq!(of(None), StepUp::Approving);
        assert_eq!(of(Some(0)), StepUp::Approving, "what the policy says");
        assert_eq!(of(Some(1)), StepUp::No, "a rule may want less");
        assert_eq!(of(Some(2)), StepUp::Both, "and more");
    }

    #[test]
    fn of_two_policies_either_may_want_it_of_who_approves() {
        for (first, other, both) in [
            (StepUp::No, StepUp::Both, StepUp::Approving),
            (StepUp::No, StepUp::Asking, StepUp::No),
            (StepUp::Asking, StepUp::Approving, StepUp::Both),
            (StepUp::Approving, StepUp::No, StepUp::Approving),
        ] {
            assert_eq!(first.approved_as(other), both, "{first:?} {other:?}");
        }
    }

    #[test]
    fn a_policy_may_want_it_of_who_asks_if_any_case_does() {
        assert!(!body(StepUp::Approving, vec![rule(None)]).may_step_up_at_asking());
        assert!(body(StepUp::Asking, vec![rule(Some(StepUp::No))]).may_step_up_at_asking());
        assert!(body(StepUp::No, vec![rule(Some(StepUp::Both))]).may_step_up_at_asking());
    }

    #[test]
    fn a_version_that_was_stored_before_says_no_and_one_that_says_no_is_stored_as_before() {
        let stored = serde_json::to_string(&body(StepUp::No, vec![rule(None)])).expect("JSON");
        assert!(!stored.contains("step_up"), "{stored}");
        let read: PolicyBody = serde_json::from_str(&stored).expect("a version");
        assert_eq!((read.step_up, read.rules[0].step_up), (StepUp::No, None));
        let said = body(StepUp::Asking, vec![rule(Some(StepUp::No))]);
        let stored = serde_json::to_string(&said).expect("JSON");
        assert!(stored.contains("\"step_up\":\"asking\""), "{stored}");
        let read: PolicyBody = serde_json::from_str(&stored).expect("a version");
        assert_eq!(read, said);
    }
}
