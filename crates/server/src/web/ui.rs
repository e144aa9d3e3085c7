//! Components: small view types that print themselves as HTML and are dropped into
//! templates with `{{ … }}`. They hold plain words ready to show; none knows a room.

use askama::Template;
use askama::filters::HtmlSafe;

use super::filters;
use super::time::{When, WhenBoth};

/// What a colour means. Never alone: a chip has an icon and a word too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// In force, done, allowed.
    Live,
    /// Ends soon, look at this.
    Soon,
    /// Refused, failed, stuck.
    Stop,
    /// Waiting, in motion.
    Wait,
    /// Over, or of no urgency.
    Idle,
}

impl Tone {
    /// The word of the stylesheet.
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Live => "live",
            Tone::Soon => "soon",
            Tone::Stop => "stop",
            Tone::Wait => "wait",
            Tone::Idle => "idle",
        }
    }
}

/// A state: icon and word.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<span class="st-chip {{ tone.class() }}">{{ icon|icon }}{{ word }}</span>"#
)]
pub struct Chip {
    tone: Tone,
    icon: &'static str,
    word: String,
}

impl HtmlSafe for Chip {}

impl Chip {
    /// A chip of this tone, icon of the sprite, and word.
    pub fn new(tone: Tone, icon: &'static str, word: impl Into<String>) -> Self {
        Self {
            tone,
            icon,
            word: word.into(),
        }
    }

    /// In force.
    pub fn active() -> Self {
        Self::new(Tone::Live, "circle-check", "Active")
    }

    /// In force, with little time left.
    pub fn ends_soon() -> Self {
        Self::new(Tone::Soon, "clock-hour-4", "Ends soon")
    }

    /// Asked for, or given, in an emergency.
    pub fn emergency() -> Self {
        Self::new(Tone::Soon, "alert-triangle", "Emergency")
    }

    /// AWS refuses and Stint keeps trying.
    pub fn stuck() -> Self {
        Self::new(Tone::Stop, "alert-triangle", "Stuck")
    }

    /// The word.
    pub fn word(&self) -> &str {
        &self.word
    }
}

/// An identifier to take elsewhere: monospaced, with a copy button where there is script.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/copyable.html")]
pub struct Copyable {
    text: String,
    what: &'static str,
}

impl HtmlSafe for Copyable {}

impl Copyable {
    /// `what` completes “Copy …” for the button's label: `the ARN`, `the External ID`.
    pub fn new(text: impl Into<String>, what: &'static str) -> Self {
        Self {
            text: text.into(),
            what,
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A text of several lines to paste elsewhere, with a copy button where there is script.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/snippet.html")]
pub struct Snippet {
    title: String,
    text: String,
}

impl HtmlSafe for Snippet {}

impl Snippet {
    /// A snippet under its name (`Trust policy`).
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
        }
    }
}

/// What a list shows when there is nothing: what that means and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/empty.html")]
pub struct Empty {
    icon: &'static str,
    title: String,
    text: String,
    action: Option<(String, &'static str)>,
}

impl HtmlSafe for Empty {}

impl Empty {
    /// An empty state: icon, what is so, what it means or what to do.
    pub fn new(icon: &'static str, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            icon,
            title: title.into(),
            text: text.into(),
            action: None,
        }
    }

    /// Adds the link that leads on.
    #[must_use]
    pub fn leading_to(mut self, href: impl Into<String>, word: &'static str) -> Self {
        self.action = Some((href.into(), word));
        self
    }
}

/// Below a list: where one is, and the next page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "ui/pager.html")]
pub struct Pager {
    first: Option<String>,
    next: Option<String>,
}

impl HtmlSafe for Pager {}

impl Pager {
    /// For a list at `path` with these other query values (`("q", "prod")`); `cursor` is the
    /// one this page was asked with, `next` the one its answer gave.
    pub fn new(
        path: &str,
        kept: &[(&str, &str)],
        cursor: Option<&str>,
        next: Option<&str>,
    ) -> Self {
        let link = |cursor: Option<&str>| {
            let pairs: Vec<String> = kept
                .iter()
                .copied()
                .filter(|(_, value)| !value.is_empty())
                .chain(cursor.map(|cursor| ("cursor", cursor)))
                .map(|(key, value)| format!("{key}={}", super::cookies::encode(value)))
                .collect();
            if pairs.is_empty() {
                path.to_owned()
            } else {
                format!("{path}?{}", pairs.join("&"))
            }
        };
        Self {
            first: cursor
                .filter(|cursor| !cursor.is_empty())
                .map(|_| link(None)),
            next: next.map(|next| link(Some(next))),
        }
    }
}

/// How far one link of an approval chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Behind us.
    Done,
    /// Being waited for.
    Now,
    /// Not reached yet.
    Later,
    /// It ended here: denied, cancelled, failed.
    Stopped,
}

impl Stage {
    const fn class(self) -> &'static str {
        match self {
            Stage::Done => "done",
            Stage::Now => "now",
            Stage::Later => "later",
            Stage::Stopped => "stopped",
        }
    }

    /// Said to screen readers, who do not see the dot.
    const fn word(self) -> &'static str {
        match self {
            Stage::Done => "Done",
            Stage::Now => "Now",
            Stage::Later => "Later",
            Stage::Stopped => "Stopped",
        }
    }
}

/// One link of the chain: what happens there, who does it, what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// How far it is.
    pub stage: Stage,
    /// What happens there (`One of Platform`).
    pub title: String,
    /// Who did it, or who can.
    pub who: String,
    /// When, and what they said.
    pub detail: String,
}

/// The way of a request, from asking to the end of the access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "ui/chain.html")]
pub struct Chain {
    /// In order.
    pub links: Vec<ChainLink>,
}

impl HtmlSafe for Chain {}

/// What a line of a timeline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A person said or did something.
    Said,
    /// Somebody agreed.
    Agreed,
    /// Somebody or something refused.
    Refused,
    /// Stint asked AWS to change something.
    Asked,
    /// AWS answered.
    Answered,
    /// AWS refused or failed.
    AwsRefused,
    /// Stint looked, and it was so.
    Seen,
    /// Something ended, or was put aside.
    Ended,
    /// Worth a look.
    Warned,
}

impl Deed {
    const fn icon(self) -> &'static str {
        match self {
            Deed::Said => "message-circle",
            Deed::Agreed => "check",
            Deed::Refused => "x",
            Deed::Asked => "cloud-up",
            Deed::Answered => "cloud-check",
            Deed::AwsRefused => "cloud-x",
            Deed::Seen => "eye-check",
            Deed::Ended => "flag",
            Deed::Warned => "alert-triangle",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Deed::Said | Deed::Ended => "",
            Deed::Agreed | Deed::Seen => "ok",
            Deed::Asked | Deed::Answered => "aws",
            Deed::Refused | Deed::AwsRefused => "no",
            Deed::Warned => "warn",
        }
    }
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The day, said once above the first line of it.
    pub day: String,
    /// `12:06:41`
    pub at: When,
    /// What kind of thing.
    pub deed: Deed,
    /// What happened, as a sentence.
    pub text: String,
    /// More of it: a reason, a message of AWS.
    pub detail: String,
    /// An AWS request id, to be copied.
    pub aws_request_id: Option<Copyable>,
}

/// What happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "ui/timeline.html")]
pub struct Timeline {
    /// In order, oldest first.
    pub moments: Vec<Moment>,
}

impl HtmlSafe for Timeline {}

impl Timeline {
    /// The lines, grouped by day.
    fn days(&self) -> Vec<(&str, Vec<&Moment>)> {
        let mut days: Vec<(&str, Vec<&Moment>)> = Vec::new();
        for moment in &self.moments {
            match days.last_mut().filter(|(day, _)| *day == moment.day) {
                Some((_, moments)) => moments.push(moment),
                None => days.push((&moment.day, vec![moment])),
            }
        }
        days
    }
}

/// Something to know before going on, inside a panel.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<div class="st-note {{ tone.class() }}">{{ icon|icon }}<div>{{ text }}</div></div>"#
)]
pub struct Note {
    tone: Tone,
    icon: &'static str,
    text: String,
}

impl HtmlSafe for Note {}

impl Note {
    /// Worth a look.
    pub fn warning(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Soon,
            icon: "alert-triangle",
            text: text.into(),
        }
    }

    /// It cannot go on like this.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Stop,
            icon: "circle-x",
            text: text.into(),
        }
    }

    /// Good to know.
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Wait,
            icon: "info-circle",
            text: text.into(),
        }
    }
}

/// One fact about a thing: its name, its words, and what to do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    term: &'static str,
    words: String,
    faint: String,
    when: Option<WhenBoth>,
    copy: Option<Copyable>,
    link: Option<(String, String)>,
    outside: bool,
}

impl Fact {
    /// A fact in words.
    pub fn new(term: &'static str, words: impl Into<String>) -> Self {
        Self {
            term,
            words: words.into(),
            faint: String::new(),
            when: None,
            copy: None,
            link: None,
            outside: false,
        }
    }

    /// Adds a quieter second line.
    #[must_use]
    pub fn faint(mut self, words: impl Into<String>) -> Self {
        self.faint = words.into();
        self
    }

    /// A fact that is a moment.
    #[must_use]
    pub fn when(mut self, when: WhenBoth) -> Self {
        self.when = Some(when);
        self
    }

    /// Adds something to copy.
    #[must_use]
    pub fn copy(mut self, copy: Copyable) -> Self {
        self.copy = Some(copy);
        self
    }

    /// Adds a link of ours.
    #[must_use]
    pub fn link(mut self, href: impl Into<String>, words: impl Into<String>) -> Self {
        self.link = Some((href.into(), words.into()));
        self
    }

    /// Adds a link that leads out of Stint, into the AWS console.
    #[must_use]
    pub fn outside(mut self, href: impl Into<String>, words: impl Into<String>) -> Self {
        self.link = Some((href.into(), words.into()));
        self.outside = true;
        self
    }
}

/// Facts, one under the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "ui/facts.html")]
pub struct Facts {
    /// In the order shown.
    pub facts: Vec<Fact>,
}

impl HtmlSafe for Facts {}

/// One of several views of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// Where it is.
    pub href: String,
    /// Its name.
    pub word: &'static str,
    /// How many things are there, where that is known and worth a number.
    pub count: Option<u64>,
    /// Whether it is the one shown.
    pub current: bool,
}

/// The views of a list, as links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "ui/tabs.html")]
pub struct Tabs {
    /// What they are views of, for screen readers.
    pub label: &'static str,
    /// In the order shown.
    pub tabs: Vec<Tab>,
}

impl HtmlSafe for Tabs {}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_hash(html: &str) -> String {
        html.replace(crate::web::assets::url("icons.svg"), "/icons")
    }

    #[test]
    fn a_chip_is_icon_and_word_and_escapes() {
        insta::assert_snapshot!(
            without_hash(&Chip::active().to_string()),
            @r##"<span class="st-chip live"><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#circle-check"/></svg>Active</span>"##
        );
        insta::assert_snapshot!(
            without_hash(&Chip::new(Tone::Wait, "hourglass", "1 of 2 <steps>").to_string()),
            @r##"<span class="st-chip wait"><svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#hourglass"/></svg>1 of 2 &#60;steps&#62;</span>"##
        );
    }

    #[test]
    fn a_pager_keeps_the_search_and_leads_on() {
        let pager = Pager::new(
            "/request",
            &[("q", "prod & co"), ("kind", "")],
            None,
            Some("c2"),
        );
        insta::assert_snapshot!(
            without_hash(&pager.to_string()),
            @r##"<nav class="st-pager" aria-label="Pages"><a class="btn btn-quiet" href="/request?q=prod%20%26%20co&#38;cursor=c2" rel="next">Next page<svg class="st-icon" aria-hidden="true" focusable="false"><use href="/icons#chevron-right"/></svg></a></nav>"##
        );
        assert_eq!(Pager::new("/grants", &[], None, None).to_string(), "");
        let last = Pager::new("/grants", &[], Some("c9"), None).to_string();
        assert!(last.contains("href=\"/grants\""), "{last}");
    }
}
