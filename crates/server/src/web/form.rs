//! What a form sent, and the mistakes in it: said at the field, with what to do, and what was
//! typed kept.
//!
//! Forms work without script, also those that search for something and choose it: the form is
//! sent, and comes back with what was found and everything that was typed. Which button was
//! pressed stands in the field [`DO`].

use std::borrow::Cow;

use secrecy::SecretString;
use serde::Deserialize;
use stint_domain::Span;

/// The field that says which button was pressed; absent when the form is to be saved.
pub const DO: &str = "do";

/// The mistakes of one submission, by field name. `""` is the form as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mistakes {
    all: Vec<(Cow<'static, str>, String)>,
}

impl Mistakes {
    /// No mistake yet.
    pub const fn none() -> Self {
        Self { all: Vec::new() }
    }

    /// One mistake at one field.
    pub fn at(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let mut mistakes = Self::none();
        mistakes.add(field, message);
        mistakes
    }

    /// Adds a mistake.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        self.all.push((field.into(), sentence(&message.into())));
    }

    /// Whether there is any.
    pub fn any(&self) -> bool {
        !self.all.is_empty()
    }

    /// Whether any is at a field, so that it can be found further down.
    pub fn any_at_a_field(&self) -> bool {
        self.all.iter().any(|(at, _)| !at.is_empty())
    }

    /// The first message at this field.
    pub fn of(&self, field: &str) -> Option<&str> {
        (self.all.iter())
            .find(|(at, _)| at == field)
            .map(|(_, message)| message.as_str())
    }

    /// Every message at this field.
    pub fn all_of<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        (self.all.iter())
            .filter(move |(at, _)| at == field)
            .map(|(_, message)| message.as_str())
    }

    /// Every message, wherever it is.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(_, message)| message.as_str())
    }

    /// Whether this field has one.
    pub fn has(&self, field: &str) -> bool {
        self.of(field).is_some()
    }
}

/// The word with a capital letter in front.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The text as a sentence: a capital letter in front, unless it begins with a name in marks or
/// an id, and a full stop behind.
pub fn sentence(text: &str) -> String {
    let text = text.trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    let plain = first.chars().all(|c| c.is_alphabetic() || c == '\'');
    let mut letters = text.chars();
    let mut whole: String = match letters.next() {
        Some(first) if plain => first.to_uppercase().chain(letters).collect(),
        _ => text.to_owned(),
    };
    if !whole.ends_with(['.', '?', '!', '”']) && !whole.is_empty() {
        whole.push('.');
    }
    whole
}

/// The fields of a form, in the order sent; a name may stand several times. It cannot be
/// printed, since somebody may have typed a secret into the wrong box.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Sent {
    fields: Vec<(String, String)>,
}

impl Sent {
    /// The value of a field, without the space around it; empty where it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value of a field as it was typed.
    pub fn raw(&self, name: &str) -> &str {
        (self.fields.iter())
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// A secret as it was typed; nothing where none was.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        let typed = self.raw(name);
        (!typed.is_empty()).then(|| SecretString::from(typed.to_owned()))
    }

    /// Every value sent under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        (self.fields.iter())
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The version of the thing that the person had before them.
    pub fn version(&self) -> Option<i64> {
        self.text("version").parse().ok()
    }

    /// The button that was pressed: what it does, and to what. Nothing when it was none of
    /// those inside the form.
    pub fn pressed(&self) -> Option<(&str, &str)> {
        let pressed = self.text(DO);
        (!pressed.is_empty()).then(|| pressed.split_once(':').unwrap_or((pressed, "")))
    }

    /// Whether the form is to be saved: no button inside it was pressed, and nothing waits in
    /// a search box for Enter to search for it.
    pub fn to_save(&self) -> bool {
        self.pressed().is_none() && !self.fields.iter().any(|(name, q)| self.is_new(name, q))
    }

    /// Whether this is a search box with words that were not searched for yet.
    fn is_new(&self, name: &str, q: &str) -> bool {
        name.strip_suffix(".q").is_some_and(|of| {
            let q = q.trim();
            !q.is_empty() && q != self.text(&format!("{of}.searched"))
        })
    }

    /// What is chosen in a [`Choose`](super::fields::Choose) of that name, after the button
    /// that was pressed; `one` for a choice of a single thing.
    pub fn picked(&self, name: &str, one: bool) -> Picked {
        let mut ids: Vec<String> = self.all(name).map(str::to_owned).collect();
        ids.retain(|id| !id.is_empty());
        if let Some((what, id)) = self.pressed() {
            if what.strip_suffix(".add") == Some(name) && !ids.iter().any(|had| had == id) {
                if one {
                    ids.clear();
                }
                ids.push(id.to_owned());
            } else if what.strip_suffix(".drop") == Some(name) {
                ids.retain(|had| had != id);
            }
        }
        let q = self.text(&format!("{name}.q")).to_owned();
        let find = format!("{name}.find");
        let asked = self.pressed().is_some_and(|(what, _)| what == find);
        let known = !self.text(&format!("{name}.searched")).is_empty();
        Picked {
            ids,
            search: asked || known || !q.is_empty(),
            q,
        }
    }

    /// A length of time of a [`Length`](super::fields::Length) of that name; nothing where
    /// none was given.
    pub fn length(&self, name: &str) -> Result<Option<Span>, &'static str> {
        let number = self.text(name);
        if number.is_empty() {
            return Ok(None);
        }
        let number: i64 = (number.parse().ok())
            .filter(|n| (1..=1_000_000).contains(n))
            .ok_or("Give a whole number above 0.")?;
        match self.text(&format!("{name}.unit")) {
            "minutes" => Ok(Some(Span::minutes(number))),
            "days" => Ok(Some(Span::hours(24 * number))),
            _ => Ok(Some(Span::hours(number))),
        }
    }
}

/// What is chosen in a form, and what is searched for there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picked {
    /// The ids, in the order chosen.
    pub ids: Vec<String>,
    /// The words.
    pub q: String,
    /// Whether to search, also for no words at all: then the first ones are shown.
    pub search: bool,
}

impl Picked {
    /// These are chosen, and nothing is searched for.
    pub fn of(ids: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            ids: ids.into_iter().map(|id| id.to_string()).collect(),
            ..Self::default()
        }
    }

    /// What is chosen, read; what does not read is left out.
    pub fn read<T: std::str::FromStr>(&self) -> Vec<T> {
        self.ids.iter().filter_map(|id| id.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[(&str, &str)]) -> Sent {
        let fields = fields.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Sent {
            fields: fields.collect(),
        }
    }

    #[test]
    fn what_is_chosen_follows_the_button() {
        let with = |pressed: &str, one| {
            sent(&[("who", "a"), ("who", "b"), (DO, pressed)])
                .picked("who", one)
                .ids
        };
        assert_eq!(with("", false), ["a", "b"]);
        assert_eq!(with("who.add:c", false), ["a", "b", "c"]);
        assert_eq!(with("who.add:b", false), ["a", "b"]);
        assert_eq!(with("who.drop:a", false), ["b"]);
        assert_eq!(with("who.add:c", true), ["c"]);
        assert_eq!(with("other.drop:a", false), ["a", "b"]);
    }

    #[test]
    fn enter_in_a_search_box_searches_and_elsewhere_saves() {
        assert!(sent(&[("name", "Prod")]).to_save());
        assert!(sent(&[("who.q", " "), ("who.searched", "")]).to_save());
        assert!(!sent(&[("who.q", "ana"), ("who.searched", "")]).to_save());
        assert!(sent(&[("who.q", "ana"), ("who.searched", "ana")]).to_save());
        assert!(!sent(&[("who.q", "ana"), ("who.searched", "ana"), (DO, "who.find")]).to_save());
        assert!(sent(&[("who.q", "ana")]).picked("who", false).search);
        assert!(!sent(&[("who.q", "")]).picked("who", false).search);
        assert!(sent(&[(DO, "who.find")]).picked("who", false).search);
    }

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        let of = |n: &str, unit: &str| sent(&[("max", n), ("max.unit", unit)]).length("max");
        assert_eq!(of("", "hours"), Ok(None));
        assert_eq!(of(" 4 ", "hours"), Ok(Some(Span::hours(4))));
        assert_eq!(of("90", "minutes"), Ok(Some(Span::minutes(90))));
        assert_eq!(of("2", "days"), Ok(Some(Span::hours(48))));
        for wrong in ["0", "-1", "1.5", "x", "9999999999"] {
            assert!(of(wrong, "hours").is_err(), "{wrong}");
        }
    }

    #[test]
    fn messages_are_sentences() {
        assert_eq!(sentence("there is no group"), "There is no group.");
        assert_eq!(sentence("“Prod” is taken"), "“Prod” is taken.");
        assert_eq!(sentence("arn:aws:iam is none"), "arn:aws:iam is none.");
        assert_eq!(sentence("Done."), "Done.");
    }
}
