//! How the reference to a ticket is given, in the form: of the policy itself, or of one of its rules.

use stint_domain::policy::{LONGEST_HINT, LONGEST_LINK, LONGEST_PATTERN, TicketAsked, TicketRule};

use super::super::view;
use crate::web::fields::{Choice, Field, Several};
use crate::web::{Mistakes, Sent};

/// What stands in the form about it. `at` stands before the names of its fields: nothing, or
/// `rule0.`.
#[derive(Clone, Default)]
pub(super) struct TicketFilled {
    asked: String,
    pattern: String,
    hint: String,
    link: String,
}

/// What a rule says that leaves it to its policy.
const AS_THE_POLICY: &str = "policy";

impl TicketFilled {
    pub(super) fn of(rule: Option<&TicketRule>) -> Self {
        let Some(rule) = rule else {
            return Self::default();
        };
        Self {
            asked: rule.asked.as_str().to_owned(),
            pattern: rule.pattern.clone().unwrap_or_default(),
            hint: rule.hint.clone().unwrap_or_default(),
            link: rule.link.clone().unwrap_or_default(),
        }
    }

    pub(super) fn sent(sent: &Sent, at: &str) -> Self {
        let text = |name: &str| sent.text(&format!("{at}{name}")).to_owned();
        Self {
            asked: text("ticket"),
            pattern: text("ticket_pattern"),
            hint: text("ticket_hint"),
            link: text("ticket_link"),
        }
    }

    /// What it stands for; nothing where a rule leaves it to its policy, whatever else is written.
    pub(super) fn read(&self) -> Option<TicketRule> {
        let written = |text: &str| Some(text.trim().to_owned()).filter(|it| !it.is_empty());
        Some(TicketRule {
            asked: TicketAsked::parse(&self.asked)?,
            pattern: written(&self.pattern),
            hint: written(&self.hint),
            link: written(&self.link),
        })
    }

    /// Its fields, below `at`; of a rule, which may leave all of it to its policy, where that is
    /// not empty.
    pub(super) fn form(&self, at: &str, mistakes: &Mistakes) -> view::TicketForm {
        let field = |name: &str| format!("{at}{name}");
        let of_a_rule = !at.is_empty();
        let first = if of_a_rule { AS_THE_POLICY } else { "no" };
        let mut choices = vec![
            ("required", "Needed"),
            ("optional", "May be given"),
            ("no", "Not asked for"),
        ];
        if of_a_rule {
            choices.insert(0, (AS_THE_POLICY, "As the policy says"));
        }
        let choices = choices.into_iter().map(|(word, said)| {
            let chosen = self.asked == word || (word == first && self.asked.is_empty());
            Choice::new(word, said).chosen(chosen)
        });
        let (asked, pattern) = (field("ticket"), field("ticket_pattern"));
        let (hint, link) = (field("ticket_hint"), field("ticket_link"));
        let wrong = [&pattern, &hint, &link].iter().any(|it| mistakes.has(it));
        let filled = [&self.pattern, &self.hint, &self.link];
        let policy = if of_a_rule {
            " Empty: as the policy says."
        } else {
            ""
        };
        view::TicketForm {
            asked: Several::one(asked, "A ticket", choices.collect())
                .hint("The number of a ticket in your tracker. Stint does not look it up.")
                .wrong(mistakes)
                .into(),
            more: vec![
                Field::line(pattern, "What the number must match")
                    .hint(format!(
                        "A regular expression for all of it, such as CHG-[0-9]+.{policy}"
                    ))
                    .value(&self.pattern)
                    .longest(LONGEST_PATTERN)
                    .mono()
                    .wrong(mistakes)
                    .into(),
                Field::line(hint, "In words")
                    .hint(format!(
                        "Whoever asks reads this: “A change in our tracker, such as CHG-123.”{policy}"
                    ))
                    .value(&self.hint)
                    .longest(LONGEST_HINT)
                    .wrong(mistakes)
                    .into(),
                Field::line(link, "Where it is looked up")
                    .hint(format!(
                        "So that who decides opens it: https://tracker.example/browse/{{ticket}}, with {{ticket}} for the number.{policy}"
                    ))
                    .value(&self.link)
                    .longest(LONGEST_LINK)
                    .mono()
                    .wrong(mistakes)
                    .into(),
            ],
            open: wrong || filled.iter().any(|it| !it.is_empty()),
        }
    }
}
