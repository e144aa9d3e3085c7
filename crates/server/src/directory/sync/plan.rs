//! By which listings a run reads, as it stands beside the run.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stint_aws::Service;
use stint_domain::sync::plan::{Choice, Costed, Denied, Listing, Question};
use stint_domain::{Span, Time};

use super::super::classes::Class;
use crate::cx::Cx;

/// For how long a refusal is believed: then the cheaper listing is tried again. A test of the
/// connection that ran since ends it, too.
const BELIEVED: Span = Span::hours(24);

/// How long so many calls of a listing take at the rate that AWS bears, in minutes, rounded up.
pub(in crate::directory) fn minutes(cx: &Cx, listing: Listing, calls: u64) -> u64 {
    let service = match listing.action().split(':').next() {
        Some("identitystore") => Service::IdentityStore,
        Some("organizations") => Service::Organizations,
        Some("iam") => Service::Iam,
        _ => Service::IdentityCenter,
    };
    let second = cx.app.aws.governor().limits().of(service).per_second;
    // Each account has a budget of its own.
    let at_once = match listing {
        Listing::MemberIamByGroup | Listing::MemberIamByUser | Listing::MemberIamDetails => {
            super::MEMBERS_AT_A_TIME
        }
        _ => 1.0,
    };
    let minutes = (calls as f64 / second / at_once / 60.0).ceil();
    // Floats beyond the range are cut to its ends.
    minutes as u64
}

/// By which listings a run reads, and what AWS refused it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What was chosen, with what the others would have cost.
    pub choices: Vec<Choice>,
    /// What AWS refused, and when.
    pub refused: Vec<(Listing, Time)>,
    /// What was given up after failures in a row, and what AWS said: the next run goes on.
    pub stopped: Vec<(Listing, String)>,
    /// What the run came to of each kind of object: when reading all of it began, or why not all
    /// of it was read.
    pub read: Vec<(Class, Result<Time, String>)>,
}

/// How it is stored. Words that a later version may know and this one does not are left out.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    choices: Vec<StoredChoice>,
    refused: Vec<(String, i64)>,
    stopped: Vec<(String, String)>,
    /// Class, when reading it began, and why not all of it was read.
    read: Vec<(String, Option<i64>, Option<String>)>,
}

#[derive(Serialize, Deserialize)]
struct StoredChoice {
    question: String,
    chosen: Option<String>,
    /// Calls of what was chosen, where that is a sum over accounts.
    #[serde(default)]
    calls: Option<u64>,
    options: Vec<(String, u64, bool)>,
}

fn listing(word: &str) -> Option<Listing> {
    Listing::ALL.into_iter().find(|it| it.as_str() == word)
}

fn question(word: &str) -> Option<Question> {
    Question::ALL.into_iter().find(|it| it.as_str() == word)
}

impl StoredChoice {
    fn choice(self) -> Option<Choice> {
        let options: Vec<Costed> = (self.options.iter())
            .filter_map(|(word, calls, denied)| {
                Some(Costed {
                    listing: listing(word)?,
                    calls: *calls,
                    denied: *denied,
                })
            })
            .collect();
        let chosen = self.chosen.as_deref().and_then(listing);
        Some(Choice {
            question: question(&self.question)?,
            chosen: (options.iter().copied())
                .find(|it| Some(it.listing) == chosen)
                .map(|it| Costed {
                    calls: self.calls.unwrap_or(it.calls),
                    denied: false,
                    ..it
                }),
            options,
        })
    }
}

impl Plan {
    pub(in crate::directory) fn read(stored: Value) -> Self {
        let stored: Stored = serde_json::from_value(stored).unwrap_or_default();
        let refused = stored.refused.into_iter();
        Self {
            choices: (stored.choices.into_iter())
                .filter_map(StoredChoice::choice)
                .collect(),
            refused: refused
                .filter_map(|(word, at)| Some((listing(&word)?, Time::from_micros(at))))
                .collect(),
            stopped: (stored.stopped.into_iter())
                .filter_map(|(word, why)| Some((listing(&word)?, why)))
                .collect(),
            read: (stored.read.into_iter())
                .filter_map(|(word, began, why)| {
                    let came = match (began, why) {
                        (Some(began), _) => Ok(Time::from_micros(began)),
                        (None, why) => Err(why.unwrap_or_default()),
                    };
                    Some((Class::parse(&word)?, came))
                })
                .collect(),
        }
    }

    pub(in crate::directory) fn write(&self) -> Value {
        let stored = Stored {
            choices: (self.choices.iter())
                .map(|it| StoredChoice {
                    question: it.question.as_str().to_owned(),
                    chosen: it.chosen.map(|it| it.listing.as_str().to_owned()),
                    calls: it.chosen.map(|it| it.calls),
                    options: (it.options.iter())
                        .map(|it| (it.listing.as_str().to_owned(), it.calls, it.denied))
                        .collect(),
                })
                .collect(),
            refused: (self.refused.iter())
                .map(|(listing, at)| (listing.as_str().to_owned(), at.micros()))
                .collect(),
            stopped: (self.stopped.iter())
                .map(|(listing, why)| (listing.as_str().to_owned(), why.clone()))
                .collect(),
            read: (self.read.iter())
                .map(|(class, came)| {
                    let began = came.as_ref().ok().map(|began| began.micros());
                    (class.as_str().to_owned(), began, came.clone().err())
                })
                .collect(),
        };
        // Texts and numbers are always JSON.
        serde_json::to_value(stored).unwrap_or_default()
    }

    /// What is still believed of an earlier run's refusals, when the connection was last tested
    /// at `tested`.
    pub(super) fn believed(mut self, now: Time, tested: Option<Time>) -> Self {
        self.forget();
        self.refused
            .retain(|(_, at)| *at > now - BELIEVED && tested.is_none_or(|tested| tested <= *at));
        self
    }

    /// Forgets how a run read: it begins anew. What AWS refused stays.
    pub(super) fn forget(&mut self) {
        self.choices.clear();
        self.stopped.clear();
        self.read.clear();
    }

    /// Notes what the run came to of a kind of object, in place of what was noted before.
    pub(super) fn came(&mut self, class: Class, came: Result<Time, String>) {
        self.read.retain(|(known, _)| *known != class);
        self.read.push((class, came));
        self.read.sort_by_key(|(class, _)| *class);
    }

    /// What AWS refuses.
    pub(super) fn denied(&self) -> Denied {
        let mut denied = Denied::default();
        for (listing, _) in &self.refused {
            denied.add(*listing);
        }
        denied
    }

    /// Notes a choice in place of an earlier one.
    pub(super) fn choose(&mut self, choice: Choice) {
        self.choices.retain(|it| it.question != choice.question);
        self.choices.push(choice);
        self.choices.sort_by_key(|it| it.question);
    }

    /// Notes a choice about one account beside those about others.
    pub(super) fn add(&mut self, choice: &Choice) {
        let known = self
            .choices
            .iter()
            .find(|it| it.question == choice.question);
        let both = known.cloned().map(|known| known.with(choice));
        self.choose(both.unwrap_or_else(|| choice.clone()));
    }

    /// Notes that AWS refused a listing.
    pub(super) fn refuse(&mut self, listing: Listing, at: Time) {
        self.refused.retain(|(known, _)| *known != listing);
        self.refused.push((listing, at));
    }

    /// Notes that a listing was given up, and why.
    pub(super) fn stop(&mut self, listing: Listing, why: String) {
        self.stopped.retain(|(known, _)| *known != listing);
        self.stopped.push((listing, why));
    }

    /// Calls that the chosen listings take, as far as can be told.
    pub(super) fn calls(&self) -> u64 {
        let ahead = self
            .choices
            .iter()
            .filter(|it| !it.question.is_told_afterwards());
        let chosen = ahead.filter_map(|it| it.chosen);
        chosen.fold(0, |sum, it| sum.saturating_add(it.calls))
    }
}

#[cfg(test)]
mod tests {
    use stint_domain::sync::plan::Known;

    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_words_of_later_versions_are_left_out() {
        let known = Known {
            accounts: 3,
            sets: 2,
            users: 7,
            groups: 1,
            ..Known::default()
        };
        let mut plan = Plan::default();
        plan.refuse(Listing::AccountsBySet, Time::from_micros(5));
        plan.stop(Listing::TagsByAccount, "an earlier one".to_owned());
        plan.stop(Listing::TagsByAccount, "it did not answer".to_owned());
        plan.choose(Choice::of(Question::Holders, &known, &plan.denied()));
        plan.choose(Choice::of(Question::Pairs, &known, &plan.denied()));
        plan.came(Class::Users, Err("an earlier one".to_owned()));
        plan.came(Class::Users, Ok(Time::from_micros(7)));
        plan.came(Class::Accounts, Err("AWS refused it".to_owned()));
        assert_eq!((plan.choices.len(), plan.stopped.len()), (2, 1));
        let classes: Vec<Class> = plan.read.iter().map(|(class, _)| *class).collect();
        assert_eq!(classes, [Class::Accounts, Class::Users]);
        assert_eq!(Plan::read(plan.write()), plan);
        let mut later = plan.write();
        later["refused"] = serde_json::json!([["by_wish", 5]]);
        later["more"] = serde_json::json!(true);
        later["read"] = serde_json::json!([["dreams", 5, null]]);
        let read = Plan::read(later);
        assert_eq!(
            (
                read.refused.len(),
                read.read.len(),
                read.choices,
                read.stopped
            ),
            (0, 0, plan.choices.clone(), plan.stopped.clone())
        );
        assert_eq!(Plan::read(Value::Null), Plan::default());
    }

    #[test]
    fn a_refusal_is_believed_for_a_day_or_until_the_connection_is_tested() {
        let at = Time::from_micros(1_000_000_000_000_000);
        let mut plan = Plan::default();
        plan.refuse(Listing::HoldersByPrincipal, at);
        let later = |span| plan.clone().believed(at + span, None).refused.len();
        assert_eq!((later(Span::hours(23)), later(Span::hours(24))), (1, 0));
        let tested = |when| plan.clone().believed(at, Some(when)).refused.len();
        assert_eq!((tested(at), tested(at + Span::micros(1))), (1, 0));
    }
}
