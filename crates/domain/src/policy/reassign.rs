//! Who may hand a place in a step on to somebody else.

use serde::{Deserialize, Serialize};

/// Who may hand on a place in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reassign {
    /// Its approvers their own, and administrators any.
    #[default]
    Approvers,
    /// Administrators alone.
    Administrators,
    /// Nobody.
    Nobody,
}

impl Reassign {
    /// All of them, the freest first.
    pub const ALL: [Self; 3] = [Self::Approvers, Self::Administrators, Self::Nobody];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approvers => "approvers",
            Self::Administrators => "administrators",
            Self::Nobody => "nobody",
        }
    }

    /// What this word stands for, if anything.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// Whether it is what holds where a policy says nothing.
    pub const fn is_default(&self) -> bool {
        matches!(self, Self::Approvers)
    }

    /// Whether an approver may, or else an administrator.
    pub const fn lets(self, administrator: bool) -> bool {
        match self {
            Self::Approvers => true,
            Self::Administrators => administrator,
            Self::Nobody => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Approvers, Step};

    #[test]
    fn a_step_that_says_nothing_lets_its_approvers_hand_on_and_is_stored_as_before() {
        let step = Step::new("Platform", Approvers::default(), 1);
        let text = serde_json::to_string(&step).expect("it is plain data");
        assert!(!text.contains("reassign"), "{text}");
        let read: Step = serde_json::from_str(&text).expect("as it was written");
        assert_eq!(read.reassign, Reassign::Approvers);
        for it in Reassign::ALL {
            assert_eq!(Reassign::parse(it.as_str()), Some(it));
            let step = Step {
                reassign: it,
                ..step.clone()
            };
            let text = serde_json::to_string(&step).expect("it is plain data");
            let read: Step = serde_json::from_str(&text).expect("as it was written");
            assert_eq!(read, step);
        }
        assert_eq!(Reassign::parse("anybody"), None);
    }

    #[test]
    fn who_may_is_what_the_word_says() {
        for (it, approver, administrator) in [
            (Reassign::Approvers, true, true),
            (Reassign::Administrators, false, true),
            (Reassign::Nobody, false, false),
        ] {
            assert_eq!(it.lets(false), approver, "{it:?}");
            assert_eq!(it.lets(true), administrator, "{it:?}");
        }
    }
}
