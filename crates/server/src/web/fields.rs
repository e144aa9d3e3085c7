//! The controls of forms: each prints itself with its label, its hint, its mistake and what
//! was typed, tied together by ids. They hold plain words; none knows a room.

use askama::Template;
use askama::filters::HtmlSafe;
use stint_domain::Span;

use super::filters;
use super::form::{DO, Mistakes, Picked};
use super::time::WhenBoth;
use super::ui::Note;

/// How a value is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// One line; the type of the input.
    Line(&'static str),
    /// Several lines.
    Text,
    /// One of a few.
    One(Vec<Choice>),
}

/// One of several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub word: String,
    /// More about it.
    pub hint: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Choice {
    /// A choice that is not made yet.
    pub fn new(value: impl Into<String>, word: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            word: word.into(),
            hint: String::new(),
            chosen: false,
        }
    }

    /// Adds what is to be known about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says whether it is chosen.
    #[must_use]
    pub const fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }
}

/// One value under its label.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/field.html")]
pub struct Field {
    name: String,
    label: String,
    hint: String,
    value: String,
    entry: Entry,
    required: bool,
    optional: bool,
    longest: usize,
    mono: bool,
    complete: &'static str,
    mistakes: Vec<String>,
}

impl HtmlSafe for Field {}

impl Field {
    fn new(name: impl Into<String>, label: impl Into<String>, entry: Entry) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: String::new(),
            value: String::new(),
            entry,
            required: false,
            optional: true,
            longest: 0,
            mono: false,
            complete: "off",
            mistakes: Vec::new(),
        }
    }

    /// One line.
    pub fn line(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Entry::Line("text"))
    }

    /// An e-mail address.
    pub fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Entry::Line("email"))
    }

    /// A password: never filled in by us. `complete` is what the browser may do with it.
    pub fn password(
        name: impl Into<String>,
        label: impl Into<String>,
        complete: &'static str,
    ) -> Self {
        Self {
            complete,
            ..Self::new(name, label, Entry::Line("password"))
        }
    }

    /// A moment to the minute, in UTC: see [`parse_input`](super::time::parse_input).
    pub fn moment(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Entry::Line("datetime-local"))
    }

    /// A whole number.
    pub fn number(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Entry::Line("number"))
    }

    /// Several lines.
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Entry::Text)
    }

    /// One of a few.
    pub fn one_of(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        Self::new(name, label, Entry::One(choices))
    }

    /// Adds what is to be known before typing.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// What stands in it; in a choice, which is chosen.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        if let Entry::One(choices) = &mut self.entry {
            for choice in choices {
                choice.chosen = choice.value == self.value;
            }
        }
        self
    }

    /// It cannot be left empty.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self.optional = false;
        self
    }

    /// Whether it is needed depends on another field: the browser is not to insist.
    #[must_use]
    pub const fn needed(mut self) -> Self {
        self.optional = false;
        self
    }

    /// At most so many characters.
    #[must_use]
    pub const fn longest(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    /// Monospaced: a name of AWS.
    #[must_use]
    pub const fn mono(mut self) -> Self {
        self.mono = true;
        self
    }

    /// Takes its mistakes.
    #[must_use]
    pub fn wrong(mut self, mistakes: &Mistakes) -> Self {
        self.mistakes = mistakes.all_of(&self.name).map(str::to_owned).collect();
        self
    }

    fn described(&self) -> String {
        described(&self.name, !self.hint.is_empty(), !self.mistakes.is_empty())
    }
}

/// The attributes that tie a control to its hint and its mistake.
fn described(name: &str, hint: bool, wrong: bool) -> String {
    let parts = [(hint, "hint"), (wrong, "mistake")];
    let ids = parts.iter().filter(|(there, _)| *there);
    let ids: Vec<String> = ids.map(|(_, word)| format!("{name}-{word}")).collect();
    ids.join(" ")
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/tick.html")]
pub struct Tick {
    name: String,
    label: String,
    hint: String,
    ticked: bool,
}

impl HtmlSafe for Tick {}

impl Tick {
    /// A box to tick, under what ticking it means.
    pub fn new(name: impl Into<String>, label: impl Into<String>, ticked: bool) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: String::new(),
            ticked,
        }
    }

    /// Adds what is to be known about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Several of a few, or one of a few that each want a word of explanation.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/several.html")]
pub struct Several {
    name: String,
    label: String,
    hint: String,
    kind: &'static str,
    choices: Vec<Choice>,
    mistakes: Vec<String>,
}

impl HtmlSafe for Several {}

impl Several {
    /// Boxes to tick.
    pub fn of(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: String::new(),
            kind: "checkbox",
            choices,
            mistakes: Vec::new(),
        }
    }

    /// One of them.
    pub fn one(name: impl Into<String>, label: impl Into<String>, choices: Vec<Choice>) -> Self {
        Self {
            kind: "radio",
            ..Self::of(name, label, choices)
        }
    }

    /// Adds what is to be known before choosing.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Takes its mistakes.
    #[must_use]
    pub fn wrong(mut self, mistakes: &Mistakes) -> Self {
        self.mistakes = mistakes.all_of(&self.name).map(str::to_owned).collect();
        self
    }

    fn described(&self) -> String {
        described(&self.name, !self.hint.is_empty(), !self.mistakes.is_empty())
    }
}

/// A length of time: a number and its unit.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/length.html")]
pub struct Length {
    name: String,
    label: String,
    hint: String,
    number: String,
    unit: String,
    required: bool,
    mistakes: Vec<String>,
}

impl HtmlSafe for Length {}

/// The units of a length, with the seconds they have.
const UNITS: [(&str, i64); 3] = [("days", 86_400), ("hours", 3_600), ("minutes", 60)];

impl Length {
    /// A length, empty.
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: String::new(),
            number: String::new(),
            unit: "hours".to_owned(),
            required: false,
            mistakes: Vec::new(),
        }
    }

    /// The two values that stand for this length: as few digits as are exact.
    pub fn values(span: Option<Span>) -> (String, String) {
        let Some(seconds) = span.map(Span::as_seconds) else {
            return (String::new(), "hours".to_owned());
        };
        // 24 h says more to people than 1 day; 48 h does not.
        let fits = |(word, of): &&(&str, i64)| {
            seconds % of == 0 && seconds > 0 && (*word != "days" || seconds > *of)
        };
        let (word, of) = UNITS.iter().find(fits).unwrap_or(&("minutes", 60));
        ((seconds / of).to_string(), (*word).to_owned())
    }

    fn counts_in(&self, word: &str) -> bool {
        self.unit == word
    }

    /// What stands in it.
    #[must_use]
    pub fn value(mut self, (number, unit): (String, String)) -> Self {
        self.number = number;
        self.unit = unit;
        self
    }

    /// Adds what is to be known before typing.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// It cannot be left empty.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Takes its mistakes.
    #[must_use]
    pub fn wrong(mut self, mistakes: &Mistakes) -> Self {
        self.mistakes = mistakes.all_of(&self.name).map(str::to_owned).collect();
        self
    }

    fn described(&self) -> String {
        described(&self.name, !self.hint.is_empty(), !self.mistakes.is_empty())
    }
}

/// A thing that is, or can be, chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is sent.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What tells it from others of that name.
    pub faint: String,
}

/// Search for things and choose them: without script by sending the form, which comes back
/// with what was found.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/choose.html")]
pub struct Choose {
    name: String,
    label: String,
    hint: String,
    /// What is searched, in the plural: `groups`.
    what: &'static str,
    /// What it means that nothing is chosen.
    nothing: String,
    one: bool,
    many: bool,
    required: bool,
    /// Where the form is sent.
    action: String,
    chosen: Vec<Item>,
    q: String,
    found: Option<Vec<Item>>,
    more: bool,
    mistakes: Vec<String>,
}

impl HtmlSafe for Choose {}

impl Choose {
    /// A choice in the form that is sent to `action`. `what` is the plural of what is searched.
    pub fn new(
        name: impl Into<String>,
        label: impl Into<String>,
        what: &'static str,
        action: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: String::new(),
            what,
            nothing: "None chosen yet.".to_owned(),
            one: false,
            many: false,
            required: false,
            action: action.into(),
            chosen: Vec::new(),
            q: String::new(),
            found: None,
            more: false,
            mistakes: Vec::new(),
        }
    }

    /// Adds what is to be known before choosing.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// What it means that nothing is chosen.
    #[must_use]
    pub fn nothing(mut self, words: impl Into<String>) -> Self {
        self.nothing = words.into();
        self
    }

    /// A single thing is chosen.
    #[must_use]
    pub const fn one(mut self) -> Self {
        self.one = true;
        self
    }

    /// Many are chosen together: what was found has boxes to tick, and all of it can be taken.
    #[must_use]
    pub const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    /// It cannot be left empty.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What is chosen, and what was found; `more` says that there is more than is shown.
    #[must_use]
    pub fn with(
        mut self,
        picked: &Picked,
        chosen: Vec<Item>,
        found: Option<Vec<Item>>,
        more: bool,
    ) -> Self {
        self.q.clone_from(&picked.q);
        self.found = found.map(|mut items| {
            items.retain(|item| !chosen.iter().any(|had| had.id == item.id));
            items
        });
        self.chosen = chosen;
        self.more = more;
        self
    }

    /// Takes its mistakes.
    #[must_use]
    pub fn wrong(mut self, mistakes: &Mistakes) -> Self {
        self.mistakes = mistakes.all_of(&self.name).map(str::to_owned).collect();
        self
    }

    /// Whether something is chosen.
    pub const fn has_chosen(&self) -> bool {
        !self.chosen.is_empty()
    }

    /// Whether what is chosen is too much to be shown at once.
    fn folded(&self) -> bool {
        self.chosen.len() > 12
    }

    fn described(&self) -> String {
        described(&self.name, !self.hint.is_empty(), !self.mistakes.is_empty())
    }

    /// The words that were searched for, for the next time; a blank search is one too.
    fn searched(&self) -> &str {
        match &self.found {
            Some(_) if self.q.is_empty() => "*",
            Some(_) => &self.q,
            None => "",
        }
    }
}

/// One control of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// One value.
    Field(Field),
    /// Yes or no.
    Tick(Tick),
    /// Some of a few.
    Several(Several),
    /// A length of time.
    Length(Length),
    /// Search and choose.
    Choose(Choose),
    /// Something to know.
    Note(Note),
}

impl HtmlSafe for Part {}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Part::Field(it) => it.fmt(f),
            Part::Tick(it) => it.fmt(f),
            Part::Several(it) => it.fmt(f),
            Part::Length(it) => it.fmt(f),
            Part::Choose(it) => it.fmt(f),
            Part::Note(it) => it.fmt(f),
        }
    }
}

macro_rules! parts {
    ($($kind:ident),*) => { $(impl From<$kind> for Part {
        fn from(it: $kind) -> Self { Part::$kind(it) }
    })* };
}
parts!(Field, Tick, Several, Length, Choose, Note);

/// What somebody else changed while a form was open, beside what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meanwhile {
    /// Who; `Stint` where no person did.
    pub who: String,
    /// When, where that is known.
    pub when: Option<WhenBoth>,
    /// What it is now and what was typed: label, now, typed.
    pub rows: Vec<(String, String, String)>,
}

/// A page that is one form.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/form_page.html")]
pub struct FormPage {
    /// Where one comes from.
    pub crumb: (String, String),
    /// The heading.
    pub title: String,
    /// What the page is for; may be empty.
    pub lead: String,
    /// Where it is sent, and where it is shown again.
    pub action: String,
    /// The version the person has before them.
    pub version: Option<i64>,
    /// What is wrong.
    pub mistakes: Mistakes,
    /// What changed meanwhile.
    pub meanwhile: Option<Meanwhile>,
    /// The controls.
    pub parts: Vec<Part>,
    /// The word of the button.
    pub save: &'static str,
    /// Where one goes without saving.
    pub back: String,
    /// What is good to know, beside the form: title and paragraphs.
    pub aside: Option<(&'static str, Vec<String>)>,
}

/// A page that asks once, and says what will change.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/confirm.html")]
pub struct ConfirmPage {
    /// Where one comes from.
    pub crumb: (String, String),
    /// The question.
    pub title: String,
    /// What will change, a line each.
    pub changes: Vec<String>,
    /// What stays as it is.
    pub stays: Vec<String>,
    /// Why it cannot be done, if it cannot.
    pub refused: Option<String>,
    /// Where it is sent.
    pub action: String,
    /// What is sent with it.
    pub hidden: Vec<(&'static str, String)>,
    /// The word of the button.
    pub word: &'static str,
    /// Whether it takes something away.
    pub danger: bool,
    /// Where one goes without doing it.
    pub back: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_hash(html: &impl ToString) -> String {
        html.to_string()
            .replace(crate::web::assets::url("icons.svg"), "/icons")
    }

    #[test]
    fn a_field_ties_label_hint_and_mistake_together_and_keeps_what_was_typed() {
        let mistakes = Mistakes::at("name", "there is a catalog called “<b>” already");
        let field = Field::line("name", "Name").hint("As people will read it.");
        let field = field.value("<b>").required().longest(80).wrong(&mistakes);
        insta::assert_snapshot!(
            without_hash(&field),
            @r##"

<div class="st-field"><label for="name">Name</label><p class="st-hint" id="name-hint">As people will read it.</p><input class="st-input" id="name" name="name" type="text" value="&#60;b&#62;" maxlength="80" autocomplete="off" required aria-invalid="true" aria-describedby="name-hint name-mistake"><div id="name-mistake"><p class="st-mistake"><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#alert-triangle"/></svg>There is a catalog called “&#60;b&#62;” already.</p></div></div>
"##
        );
    }

    #[test]
    fn a_choice_offers_what_is_not_chosen_yet() {
        let item = |id: &str, title: &str| Item {
            id: id.into(),
            title: title.into(),
            faint: "3 members".into(),
        };
        let picked = Picked {
            ids: vec!["grp_1".into()],
            q: "dev".into(),
            search: true,
        };
        let choose = Choose::new("audience", "Audience", "groups", "/catalogs/new");
        let found = vec![item("grp_1", "Devs"), item("grp_2", "Dev <ops>")];
        let choose = choose.with(&picked, vec![item("grp_1", "Devs")], Some(found), true);
        insta::assert_snapshot!(
            without_hash(&choose),
            @r##"

<fieldset class="st-field st-choose" id="audience"><legend>Audience <span class="st-optional">optional</span></legend>
<ul class="st-chosen"><li><input type="hidden" name="audience" value="grp_1"><span class="st-item"><b>Devs</b> <span class="muted">3 members</span></span><button class="btn btn-quiet btn-small" name="do" value="audience.drop:grp_1" formaction="/catalogs/new#audience" formnovalidate aria-label="Remove Devs">Remove</button></li></ul>

<div class="st-find"><label class="visually-hidden" for="audience.q">Search groups: Audience</label><input class="st-input" type="search" id="audience.q" name="audience.q" value="dev" placeholder="Search groups" autocomplete="off"><input type="hidden" name="audience.searched" value="dev"><button class="btn btn-quiet" name="do" value="audience.find" formaction="/catalogs/new#audience" formnovalidate><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#search"/></svg>Search</button></div>
<ul class="st-found" aria-label="Found"><li><span class="st-item"><b>Dev &#60;ops&#62;</b> <span class="muted">3 members</span></span><button class="btn btn-quiet btn-small" name="do" value="audience.add:grp_2" formaction="/catalogs/new#audience" formnovalidate aria-label="Add Dev &#60;ops&#62;">Add</button></li></ul>
<p class="st-nothing">There are more: add a word to narrow it.</p></fieldset>
"##
        );
    }

    #[test]
    fn a_length_is_shown_with_as_few_digits_as_are_exact() {
        let of = |span: Span| Length::values(Some(span));
        let is = |number: &str, unit: &str| (number.to_owned(), unit.to_owned());
        assert_eq!(of(Span::hours(4)), is("4", "hours"));
        assert_eq!(of(Span::hours(24)), is("24", "hours"));
        assert_eq!(of(Span::hours(72)), is("3", "days"));
        assert_eq!(of(Span::minutes(90)), is("90", "minutes"));
        assert_eq!(Length::values(None), is("", "hours"));
    }
}
