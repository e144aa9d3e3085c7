//! Tickets: how the reference to one is given when asking, and where it leads.
//!
//! A reference is text somebody typed. It is held against the pattern of its policy, shown, and
//! put into a link for people; nobody looks it up, and that such a ticket exists is never known.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::check::Wrong;

/// The longest reference to a ticket, in characters.
pub const LONGEST_TICKET: usize = 100;
/// The longest pattern, in characters.
pub const LONGEST_PATTERN: usize = 200;
/// The longest words that explain a pattern, in characters.
pub const LONGEST_HINT: usize = 200;
/// The longest template of a link, in characters.
pub const LONGEST_LINK: usize = 300;
/// What stands for the reference in the template of a link.
pub const PLACE: &str = "{ticket}";
/// How much memory a pattern may take, in bytes: what takes more is slow to use, too.
const LARGEST_PATTERN: usize = 1 << 18;
/// How deep a pattern may be nested.
const DEEPEST_PATTERN: u32 = 32;

/// Whether a ticket is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketAsked {
    /// Not asked for. One that is given is kept all the same.
    #[default]
    No,
    /// Asked for, and may be left out.
    Optional,
    /// Must be given.
    Required,
}

/// How the reference to a ticket is given, as a version says it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketRule {
    /// Whether it is asked for.
    pub asked: TicketAsked,
    /// What the whole reference must match: a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What such a reference looks like, in words for people ("A change in our tracker, such as CHG-123").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where people look it up: an address with [`PLACE`] in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// How the reference to a ticket is given to one question. What a rule leaves out is the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticket<'a> {
    /// Whether it is asked for.
    pub asked: TicketAsked,
    /// What the whole reference must match.
    pub pattern: Option<&'a str>,
    /// What it looks like, in words for people.
    pub hint: Option<&'a str>,
    /// Where people look it up.
    pub link: Option<&'a str>,
}

impl TicketAsked {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    /// What this word stands for, if anything.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::No, Self::Optional, Self::Required]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

impl TicketRule {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What holds where it stands alone.
    pub fn alone(&self) -> Ticket<'_> {
        self.with(None)
    }

    /// What holds where a rule says `own`, and its policy this.
    pub(super) fn with<'a>(&'a self, own: Option<&'a Self>) -> Ticket<'a> {
        let policy = Ticket {
            asked: self.asked,
            pattern: self.pattern.as_deref(),
            hint: self.hint.as_deref(),
            link: self.link.as_deref(),
        };
        let Some(own) = own else { return policy };
        // Words that explain a pattern go with it.
        let hint = match own.pattern {
            Some(_) => own.hint.as_deref(),
            None => own.hint.as_deref().or(policy.hint),
        };
        Ticket {
            asked: own.asked,
            pattern: own.pattern.as_deref().or(policy.pattern),
            hint,
            link: own.link.as_deref().or(policy.link),
        }
    }
}

impl Ticket<'_> {
    /// Whether people are asked for one at all.
    pub fn is_asked(&self) -> bool {
        self.asked != TicketAsked::No
    }

    /// The same, to be kept.
    pub fn to_rule(self) -> TicketRule {
        TicketRule {
            asked: self.asked,
            pattern: self.pattern.map(str::to_owned),
            hint: self.hint.map(str::to_owned),
            link: self.link.map(str::to_owned),
        }
    }

    /// Why this reference will not do, if it will not. Whitespace around it does not count.
    pub fn refusal(&self, given: Option<&str>) -> Option<Refusal> {
        let Some(given) = trimmed(given) else {
            return (self.asked == TicketAsked::Required).then(|| Refusal::TicketRequired {
                hint: self.hint.map(str::to_owned),
            });
        };
        if !is_one_line(given) {
            return Some(Refusal::TicketMalformed);
        }
        let pattern = self.pattern.filter(|_| self.is_asked())?;
        // What was checked when it was saved can be read; whatever cannot matches nothing.
        let fits = whole(pattern).is_ok_and(|it| it.is_match(given));
        (!fits).then(|| Refusal::TicketMismatch {
            hint: self.hint.map(str::to_owned),
            pattern: pattern.to_owned(),
        })
    }

    /// Where people look this reference up: an `https` address, the reference percent-encoded.
    /// Nothing where the policy has no template, or nothing such a reference could lead to.
    pub fn link(&self, given: &str) -> Option<String> {
        let template = self.link?;
        // A browser takes these for the way up, encoded or not.
        if given.chars().all(|c| c == '.') {
            return None;
        }
        let mut encoded = String::with_capacity(given.len());
        for byte in given.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        Some(template.replacen(PLACE, &encoded, 1))
    }
}

/// Many references held against the same rules: each pattern is read once.
#[derive(Debug, Default)]
pub struct Tickets {
    patterns: std::collections::BTreeMap<String, Option<Regex>>,
}

impl Tickets {
    /// Whether a reference would do, as [`Ticket::refusal`] says it.
    pub fn would_do(&mut self, rule: &Ticket<'_>, given: Option<&str>) -> bool {
        let Some(given) = trimmed(given) else {
            return rule.asked != TicketAsked::Required;
        };
        let Some(pattern) = rule.pattern.filter(|_| rule.is_asked()) else {
            return is_one_line(given);
        };
        if !self.patterns.contains_key(pattern) {
            self.patterns
                .insert(pattern.to_owned(), whole(pattern).ok());
        }
        let found = self.patterns.get(pattern).and_then(Option::as_ref);
        is_one_line(given) && found.is_some_and(|it| it.is_match(given))
    }
}

/// A reference as it is kept: without whitespace around it; nothing where nothing is left.
pub fn trimmed(given: Option<&str>) -> Option<&str> {
    given.map(str::trim).filter(|it| !it.is_empty())
}

/// Whether it is a line people can read as it is written: no control characters, and none that
/// hide or turn others round.
fn is_one_line(text: &str) -> bool {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
    };
    text.chars().count() <= LONGEST_TICKET && !text.chars().any(hides)
}

/// The pattern, to be matched by all of a text. Time is linear in the text, whatever it says.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    let built = |text: &str| {
        RegexBuilder::new(text)
            .size_limit(LARGEST_PATTERN)
            .dfa_size_limit(LARGEST_PATTERN)
            .nest_limit(DEEPEST_PATTERN)
            .build()
    };
    // By itself first: what closes the brackets around it would mean something else.
    built(pattern)?;
    built(&format!(r"\A(?:{pattern})\z"))
}

/// What a version says wrongly about tickets.
pub(super) fn check(rule: &TicketRule, faults: &mut Vec<Wrong>) {
    let mut add = |field: &'static str, why: Cow<'static, str>| {
        faults.push(Wrong::Ticket { field, why });
    };
    if let Some(pattern) = &rule.pattern
        && let Err(why) = check_pattern(pattern)
    {
        add("pattern", why);
    }
    if let Some(hint) = &rule.hint
        && (hint.trim().is_empty() || hint.chars().count() > LONGEST_HINT || has_controls(hint))
    {
        add(
            "hint",
            "write what such a ticket looks like in one line of at most 200 characters, or leave it out".into(),
        );
    }
    if let Some(link) = &rule.link
        && let Err(why) = check_link(link)
    {
        add("link", why.into());
    }
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn check_pattern(pattern: &str) -> Result<(), Cow<'static, str>> {
    if pattern.is_empty() || pattern.chars().count() > LONGEST_PATTERN || has_controls(pattern) {
        return Err("a pattern is one line of at most 200 characters, or left out".into());
    }
    match whole(pattern) {
        // Every text would do that is a line: then nothing is to be said.
        Ok(it) if it.is_match("") => {
            Err("it matches nothing at all, too: write what a ticket must have".into())
        }
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err("this pattern takes too much memory: repeat less, or name fewer characters".into())
        }
        Err(why) => Err(said(&why.to_string()).into()),
    }
}

/// What the reader of patterns says, in a line: where, and what.
fn said(text: &str) -> String {
    let what = text.lines().find_map(|line| line.strip_prefix("error: "));
    let what = what.unwrap_or("this cannot be read as a pattern");
    // A line with nothing but `^` under the place; both lines are indented by four.
    let mark = text.lines().find(|line| {
        let line = line.trim();
        !line.is_empty() && line.chars().all(|c| c == '^')
    });
    match mark.and_then(|line| line.chars().position(|c| c == '^')) {
        Some(at) => format!("line 1, character {}: {what}", (at + 1).saturating_sub(4)),
        None => what.to_owned(),
    }
}

fn check_link(link: &str) -> Result<(), &'static str> {
    const ONCE: &str = "write an address that begins with https:// and has {ticket} once, behind the host: https://tracker.example/browse/{ticket}";
    let odd = |c: char| c.is_whitespace() || c.is_control() || "\"'<>\\^`|".contains(c);
    if link.chars().count() > LONGEST_LINK {
        return Err("an address has at most 300 characters");
    }
    let rest = link.strip_prefix("https://").ok_or(ONCE)?;
    let mut around = link.split(PLACE);
    let (before, after, more) = (around.next(), around.next(), around.next());
    let (Some(before), Some(after), None) = (before, after, more) else {
        return Err(ONCE);
    };
    if [before, after].iter().any(|it| it.contains(['{', '}'])) || link.contains(odd) {
        return Err(ONCE);
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains(PLACE) || host.contains('@') || host.is_empty() {
        return Err(ONCE);
    }
    let name = host.split(':').next().unwrap_or_default();
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_alphanumeric() || "-._".contains(c))
    {
        return Err(ONCE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(asked: TicketAsked, pattern: &str) -> TicketRule {
        TicketRule {
            asked,
            pattern: (!pattern.is_empty()).then(|| pattern.to_owned()),
            hint: Some("A change, such as CHG-12".to_owned()),
            link: Some("https://tracker.example/browse/{ticket}".to_owned()),
        }
    }

    fn wrong(rule: &TicketRule) -> Vec<String> {
        let mut faults = Vec::new();
        check(rule, &mut faults);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_whole_reference_must_match() {
        let required = rule(TicketAsked::Required, "CHG-[0-9]+|INC");
        let it = required.alone();
        for good in ["CHG-1", " CHG-12 ", "INC"] {
            assert_eq!(it.refusal(Some(good)), None, "{good}");
        }
        for bad in ["chg-1", "CHG-1x", "xINC", "INCCHG-1", "CHG-"] {
            let said = it.refusal(Some(bad)).map(|why| why.to_string());
            let said = said.expect(bad);
            assert!(said.contains("A change, such as CHG-12"), "{said}");
        }
        for none in [None, Some(""), Some("  ")] {
            assert_eq!(
                it.refusal(none).map(|why| why.code()),
                Some("ticket_required")
            );
        }
    }

    #[test]
    fn one_that_is_not_asked_for_is_held_against_no_pattern() {
        let no = rule(TicketAsked::No, "CHG-[0-9]+");
        assert_eq!(no.alone().refusal(Some("whatever")), None);
        assert_eq!(no.alone().refusal(None), None);
        let optional = rule(TicketAsked::Optional, "CHG-[0-9]+");
        assert_eq!(optional.alone().refusal(None), None);
        let said = optional.alone().refusal(Some("whatever"));
        assert_eq!(said.map(|why| why.code()), Some("ticket_mismatch"));
    }

    #[test]
    fn a_reference_is_one_line_that_shows_what_it_is() {
        let any = rule(TicketAsked::No, "");
        let long = "x".repeat(LONGEST_TICKET + 1);
        for bad in [
            "a\nb",
            "a\u{61c}b",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{1b}[2J",
            &long,
        ] {
            let said = any.alone().refusal(Some(bad)).map(|why| why.code());
            assert_eq!(said, Some("ticket_malformed"), "{bad:?}");
        }
        assert_eq!(
            any.alone().refusal(Some("Änderung 7/2026 (dringend)")),
            None
        );
    }

    #[test]
    fn a_link_stays_on_its_host_whatever_the_reference_says() {
        let it = rule(TicketAsked::Optional, "");
        let it = it.alone();
        for (given, link) in [
            ("CHG-1", "CHG-1"),
            ("../../x", "..%2F..%2Fx"),
            ("a b&c=d#e?f", "a%20b%26c%3Dd%23e%3Ff"),
            ("\"><script>", "%22%3E%3Cscript%3E"),
            ("{ticket}", "%7Bticket%7D"),
            ("ü%2F", "%C3%BC%252F"),
        ] {
            let whole = format!("https://tracker.example/browse/{link}");
            assert_eq!(it.link(given), Some(whole), "{given}");
        }
        assert_eq!(it.link(".."), None);
        assert_eq!(it.link("."), None);
    }

    #[test]
    fn what_cannot_be_used_is_not_saved() {
        assert!(wrong(&rule(TicketAsked::Required, "[A-Z]{2,10}-[0-9]{1,7}")).is_empty());
        let said = wrong(&rule(TicketAsked::Required, "CHG-(1"));
        assert_eq!(
            said,
            ["the pattern of a ticket: line 1, character 5: unclosed group"]
        );
        for bad in [
            "",
            "a)|(?:b",
            "(?x)a#",
            "(",
            "x*",
            "a\nb",
            r"(a)\1",
            "(?=a)",
            &"a".repeat(201),
        ] {
            let mut it = rule(TicketAsked::Required, "");
            it.pattern = Some(bad.to_owned());
            assert_eq!(wrong(&it).len(), 1, "{bad:?}");
        }
        // A pattern that takes its time, or too much memory, elsewhere.
        assert_eq!(
            wrong(&rule(TicketAsked::Required, r"(\w{100}){100}")).len(),
            1
        );
        assert_eq!(
            wrong(&rule(
                TicketAsked::Required,
                "(((((a{99}){99}){99}){99}){99})"
            ))
            .len(),
            1
        );
        for bad in [
            "http://tracker.example/{ticket}",
            "javascript:alert({ticket})",
            "https://tracker.example/",
            "https://tracker.example/{ticket}/{ticket}",
            "https://{ticket}.example/",
            "https://tracker.example{ticket}/",
            "https://me@evil.example/{ticket}",
            "https:///{ticket}",
            "https://:80/{ticket}",
            "https://tracker.example/{other}/{ticket}",
            "https://tracker.example/a b/{ticket}",
            "https://tracker.example/\"x/{ticket}",
            "https://a\\b/{ticket}",
        ] {
            let mut it = rule(TicketAsked::No, "");
            it.link = Some(bad.to_owned());
            assert_eq!(wrong(&it).len(), 1, "{bad}");
        }
        for good in [
            "https://tracker.example?id={ticket}",
            "https://tracker.example:8443/a/{ticket}#top",
        ] {
            let mut it = rule(TicketAsked::No, "");
            it.link = Some(good.to_owned());
            assert!(wrong(&it).is_empty(), "{good}");
        }
    }

    #[test]
    fn patterns_that_defeat_others_are_answered_at_once() {
        let mut all = Tickets::default();
        let rule = rule(TicketAsked::Required, "(a+)+b|(a|a)*c");
        let text = "a".repeat(LONGEST_TICKET);
        for _ in 0..1_000 {
            assert!(!all.would_do(&rule.alone(), Some(&text)));
        }
        assert_eq!(
            rule.alone().refusal(Some(&text)).map(|it| it.code()),
            Some("ticket_mismatch")
        );
    }

    #[test]
    fn a_rule_says_what_it_says_and_the_policy_the_rest() {
        let policy = rule(TicketAsked::Optional, "CHG-[0-9]+");
        let own = TicketRule {
            asked: TicketAsked::Required,
            ..TicketRule::default()
        };
        let it = policy.with(Some(&own));
        assert_eq!(it.asked, TicketAsked::Required);
        assert_eq!(it.pattern, Some("CHG-[0-9]+"));
        assert_eq!(it.hint, Some("A change, such as CHG-12"));
        assert_eq!(it.link, policy.alone().link);
        let other = TicketRule {
            pattern: Some("INC[0-9]+".to_owned()),
            ..own
        };
        let it = policy.with(Some(&other));
        assert_eq!(it.pattern, Some("INC[0-9]+"));
        assert_eq!(it.hint, None, "words about another pattern mislead");
    }

    #[test]
    fn many_are_answered_as_one_is() {
        let mut all = Tickets::default();
        for asked in [
            TicketAsked::No,
            TicketAsked::Optional,
            TicketAsked::Required,
        ] {
            for pattern in ["", "CHG-[0-9]+"] {
                let rule = rule(asked, pattern);
                for given in [None, Some(""), Some("CHG-1"), Some("x"), Some("a\nb")] {
                    let one = rule.alone().refusal(given).is_none();
                    let many = all.would_do(&rule.alone(), given);
                    assert_eq!(one, many, "{asked:?} {pattern} {given:?}");
                }
            }
        }
    }
}
