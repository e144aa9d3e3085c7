//! When people give their password again, in the form: of the policy itself, or of one of its rules.

use stint_domain::policy::StepUp;

use crate::web::fields::{Choice, Several};
use crate::web::{Mistakes, Sent};

/// What a rule says that leaves it to its policy.
const AS_THE_POLICY: &str = "policy";

/// What stands in the form about it.
#[derive(Clone, Default)]
pub(super) struct StepUpFilled {
    word: String,
}

impl StepUpFilled {
    pub(super) fn of(step_up: Option<StepUp>) -> Self {
        Self {
            word: step_up.map_or_else(String::new, |it| it.as_str().to_owned()),
        }
    }

    /// `at` stands before the name of its field: nothing, or `rule0.`.
    pub(super) fn sent(sent: &Sent, at: &str) -> Self {
        Self {
            word: sent.text(&format!("{at}step_up")).to_owned(),
        }
    }

    /// What it stands for; nothing where a rule leaves it to its policy. A word that is none of those of
    /// the field, or none at all, is a mistake there, and never taken for No: a browser always sends one of
    /// them, and what sends none may not switch off what a policy wants.
    pub(super) fn read(&self, at: &str, mistakes: &mut Mistakes) -> Option<StepUp> {
        if !at.is_empty() && self.word == AS_THE_POLICY {
            return None;
        }
        let read = StepUp::parse(&self.word);
        if read.is_none() {
            mistakes.add(
                format!("{at}step_up"),
                "Choose who gives their password again.",
            );
        }
        read
    }

    /// Its field, below `at`; of a rule, which may leave it to its policy, where that is not empty.
    pub(super) fn form(&self, at: &str, mistakes: &Mistakes) -> Several {
        let of_a_rule = !at.is_empty();
        let first = if of_a_rule { AS_THE_POLICY } else { "no" };
        let mut choices = vec![
            ("no", "Nobody"),
            ("asking", "Whoever asks"),
            ("approving", "Whoever approves"),
            ("both", "Both of them"),
        ];
        if of_a_rule {
            choices.insert(0, (AS_THE_POLICY, "As the policy says"));
        }
        let choices = choices.into_iter().map(|(word, said)| {
            let chosen = self.word == word || (word == first && self.word.is_empty());
            Choice::new(word, said).chosen(chosen)
        });
        Several::one(
            format!("{at}step_up"),
            "Who gives their password again?",
            choices.collect(),
        )
        .hint("Unless they have within the last 5 minutes. Denying never needs it. API tokens cannot give one.")
        .wrong(mistakes)
    }
}
