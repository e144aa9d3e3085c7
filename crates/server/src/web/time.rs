//! Times as people read them: relative words with the exact UTC moment beside them.
//!
//! The server knows UTC and the operation's `now` (which in the demo is simulated), so every
//! relative word is made here and none in the browser. The script only adds the local time
//! to the hover text.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;
use stint_domain::{Span, Time};

fn civil(time: Time) -> Timestamp {
    Timestamp::from_microsecond(time.micros()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn strftime(format: &str, time: Time) -> String {
    civil(time).strftime(format).to_string()
}

/// `23 Nov 2026, 14:12 UTC`
pub fn exact(time: Time) -> String {
    strftime("%-d %b %Y, %H:%M UTC", time)
}

/// `23 Nov 2026, 14:12:41 UTC`
pub fn exact_seconds(time: Time) -> String {
    strftime("%-d %b %Y, %H:%M:%S UTC", time)
}

/// `23 Nov 2026`
pub fn day(time: Time) -> String {
    strftime("%-d %b %Y", time)
}

/// `2026-11-23T14:12`, as `<input type="datetime-local">` wants it. UTC.
pub fn input_value(time: Time) -> String {
    strftime("%Y-%m-%dT%H:%M", time)
}

/// Reads what `<input type="datetime-local">` sends, taken as UTC.
pub fn parse_input(text: &str) -> Option<Time> {
    let text = text.trim();
    let full = match text.len() {
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => return None,
    };
    full.parse().ok()
}

/// A length of time in at most two units, seconds only below two minutes: `45 s`, `18 min`,
/// `6 h 40 min`, `3 days 4 h`.
pub fn words(span: Span) -> String {
    let seconds = span.as_seconds().max(0);
    if seconds < 120 {
        return Span::seconds(seconds).to_string();
    }
    Span::minutes(seconds / 60).to_string()
}

/// A number with its thousands apart (`48 211`, by narrow spaces that do not break).
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// One unit, rounded down: for things long past or far off, where minutes are noise.
fn coarse(span: Span) -> String {
    let seconds = span.as_seconds().max(0);
    let (number, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        86_400..172_800 => (1, "day"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit}")
}

/// `in 18 min`, `4 min ago`, `just now`; a date once it is two weeks away.
pub fn relative(time: Time, now: Time) -> String {
    let fortnight = Span::hours(14 * 24);
    let distance = if time > now { time - now } else { now - time };
    if distance > fortnight {
        day(time)
    } else if distance < Span::seconds(5) {
        "just now".to_owned()
    } else if time > now {
        format!("in {}", words(distance))
    } else {
        format!("{} ago", coarse(distance))
    }
}

/// A moment: `<time datetime>` with words in it and the exact UTC moment on hover.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ iso }}" title="{{ exact }}">{{ text }}</time>"#
)]
pub struct When {
    iso: String,
    exact: String,
    text: String,
}

impl HtmlSafe for When {}

impl When {
    fn new(time: Time, text: String) -> Self {
        Self {
            iso: strftime("%Y-%m-%dT%H:%M:%SZ", time),
            exact: exact_seconds(time),
            text,
        }
    }

    /// `4 min ago`. Use [`When::both`] where there is room: a phone has no hover.
    pub fn relative(time: Time, now: Time) -> Self {
        Self::new(time, relative(time, now))
    }

    /// `23 Nov 2026, 14:12 UTC`
    pub fn exact(time: Time) -> Self {
        Self::new(time, exact(time))
    }

    /// `14:12:41`, for a timeline whose day is said above it.
    pub fn clock(time: Time) -> Self {
        Self::new(time, strftime("%H:%M:%S", time))
    }

    /// `14:12 UTC` on the day of `now`, `23 Nov, 14:12 UTC` otherwise.
    pub fn short(time: Time, now: Time) -> Self {
        let format = if day(time) == day(now) {
            "%H:%M UTC"
        } else if strftime("%Y", time) == strftime("%Y", now) {
            "%-d %b, %H:%M UTC"
        } else {
            "%-d %b %Y, %H:%M UTC"
        };
        Self::new(time, strftime(format, time))
    }

    /// Relative words with the short exact moment below them.
    pub fn both(time: Time, now: Time) -> WhenBoth {
        WhenBoth {
            relative: relative(time, now),
            exact: Self::short(time, now),
        }
    }

    /// The words, without the element.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Relative words and, in a line below, the exact moment.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<span class="st-when"><span>{{ relative }}</span> <span class="faint">{{ exact }}</span></span>"#
)]
pub struct WhenBoth {
    relative: String,
    exact: When,
}

impl HtmlSafe for WhenBoth {}

/// How much of a grant is left: the one loud element. Words always, a bar where there is
/// something to measure.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "ui/time_left.html")]
pub struct TimeLeft {
    strong: String,
    faint: String,
    bar: Option<Bar>,
    soon: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    value: i64,
    max: i64,
    label: String,
}

impl HtmlSafe for TimeLeft {}

impl TimeLeft {
    /// Running from `start` to `end`: what is left at `now`, of how much. Past its end it
    /// says that it is over.
    pub fn running(start: Time, end: Time, now: Time) -> Self {
        let total = end.since(start);
        let left = end.since(now);
        if left == Span::ZERO {
            return Self {
                strong: "0 min".to_owned(),
                faint: format!("of {}", words(total)),
                bar: Some(Bar {
                    value: 0,
                    max: 1,
                    label: "no time left".to_owned(),
                }),
                soon: true,
            };
        }
        Self {
            strong: words(left),
            faint: format!("of {}", words(total)),
            soon: ends_soon(left, total),
            bar: Some(Bar {
                value: left.as_seconds(),
                max: total.as_seconds().max(1),
                label: format!("{} left of {}", words(left), words(total)),
            }),
        }
    }

    /// Approved, and its time has not begun: `starts in 2 h`, then how long it lasts.
    pub fn scheduled(start: Time, duration: Option<Span>, now: Time) -> Self {
        Self {
            strong: format!("starts in {}", words(start.since(now))),
            faint: duration.map_or("no end".to_owned(), |span| format!("for {}", words(span))),
            bar: None,
            soon: false,
        }
    }

    /// On its way into AWS: the time counts once it is confirmed there.
    pub fn not_confirmed(duration: Option<Span>) -> Self {
        Self {
            strong: duration.map_or("until revoked".to_owned(), words),
            faint: "counted from when AWS confirms".to_owned(),
            bar: None,
            soon: false,
        }
    }

    /// Held without an end.
    pub fn no_end() -> Self {
        Self {
            strong: "No end".to_owned(),
            faint: "until revoked".to_owned(),
            bar: None,
            soon: false,
        }
    }

    /// Held until it is revoked: when it is asked next whether it is still needed. Once that has come,
    /// when it ends unless somebody says so.
    pub fn until_revoked(review: Time, end: Time, now: Time) -> Self {
        let asked = review <= now;
        Self {
            strong: "Until revoked".to_owned(),
            faint: match asked {
                true => format!("under review; over on {} unless it is kept", day(end)),
                false => format!("reviewed {}", day(review)),
            },
            bar: None,
            soon: asked && end.since(now) <= Span::hours(24),
        }
    }

    /// Over, and not yet proved gone from AWS.
    pub fn over() -> Self {
        Self {
            strong: "Over".to_owned(),
            faint: "being removed in AWS".to_owned(),
            bar: None,
            soon: false,
        }
    }

    /// Whether the end is near enough to say so.
    pub fn soon(&self) -> bool {
        self.soon
    }

    /// The loud words alone (`18 min`).
    pub fn strong(&self) -> &str {
        &self.strong
    }
}

/// The last tenth, or the last half hour when that is at most a quarter.
fn ends_soon(left: Span, total: Span) -> bool {
    let (left, total) = (left.as_micros(), total.as_micros());
    left <= total / 10 || (left <= Span::minutes(30).as_micros() && left <= total / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    #[test]
    fn relative_words_go_both_ways_and_become_dates() {
        let now = at("2026-11-23T14:12:00Z");
        let said = |text| relative(at(text), now);
        assert_eq!(said("2026-11-23T14:30:00Z"), "in 18 min");
        assert_eq!(said("2026-11-23T16:17:30Z"), "in 2 h 5 min");
        assert_eq!(said("2026-11-23T14:12:03Z"), "just now");
        assert_eq!(said("2026-11-23T14:08:00Z"), "4 min ago");
        assert_eq!(said("2026-11-22T14:08:00Z"), "1 day ago");
        assert_eq!(said("2026-11-20T14:08:00Z"), "3 days ago");
        assert_eq!(said("2025-02-03T09:00:00Z"), "3 Feb 2025");
    }

    #[test]
    fn a_moment_is_a_time_element_with_the_exact_moment() {
        let now = at("2026-11-23T14:12:00Z");
        insta::assert_snapshot!(
            When::relative(at("2026-11-23T14:08:09Z"), now),
            @r#"<time datetime="2026-11-23T14:08:09Z" title="23 Nov 2026, 14:08:09 UTC">3 min ago</time>"#
        );
        insta::assert_snapshot!(
            When::both(at("2026-11-20T09:00:00Z"), now),
            @r#"<span class="st-when"><span>3 days ago</span> <span class="faint"><time datetime="2026-11-20T09:00:00Z" title="20 Nov 2026, 09:00:00 UTC">20 Nov, 09:00 UTC</time></span></span>"#
        );
    }

    #[test]
    fn time_left_says_words_and_shows_a_bar() {
        let (start, end) = (at("2026-11-23T12:30:00Z"), at("2026-11-23T14:30:00Z"));
        insta::assert_snapshot!(
            TimeLeft::running(start, end, at("2026-11-23T14:12:00Z")),
            @r#"<div class="st-left soon"><b>18 min</b> <span class="faint">of 2 h</span><progress max="7200" value="1080">18 min left of 2 h</progress></div>"#
        );
        insta::assert_snapshot!(
            TimeLeft::running(start, end, at("2026-11-23T12:30:00Z")),
            @r#"<div class="st-left"><b>2 h</b> <span class="faint">of 2 h</span><progress max="7200" value="7200">2 h left of 2 h</progress></div>"#
        );
        insta::assert_snapshot!(
            TimeLeft::not_confirmed(Some(Span::hours(2))),
            @r#"<div class="st-left"><b>2 h</b> <span class="faint">counted from when AWS confirms</span></div>"#
        );
        assert!(TimeLeft::running(start, end, at("2026-11-23T15:00:00Z")).soon());
    }

    #[test]
    fn until_revoked_says_when_it_is_reviewed_and_then_when_it_ends() {
        let (review, end) = (at("2027-02-21T14:12:00Z"), at("2027-03-07T14:12:00Z"));
        let said = |now| {
            let left = TimeLeft::until_revoked(review, end, at(now));
            assert_eq!(left.strong(), "Until revoked");
            (left.faint.clone(), left.soon())
        };
        let (words, soon) = said("2026-11-23T14:12:00Z");
        assert_eq!((words, soon), (format!("reviewed {}", day(review)), false));
        let (words, soon) = said("2027-02-21T14:12:00Z");
        assert!(words.contains(&day(end)) && !soon, "{words}");
        assert!(said("2027-03-06T14:12:00Z").1);
    }

    #[test]
    fn soon_is_the_last_tenth_or_half_hour() {
        let hours = |n| Span::hours(n);
        assert!(ends_soon(Span::minutes(30), hours(2)));
        assert!(!ends_soon(Span::minutes(31), hours(2)));
        assert!(ends_soon(Span::minutes(48), hours(8)));
        assert!(!ends_soon(Span::minutes(49), hours(8)));
        assert!(!ends_soon(Span::minutes(20), hours(1)));
    }

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1_000, -48_211, 1_234_567].map(grouped);
        assert_eq!(
            shown,
            [
                "0",
                "999",
                "1\u{202f}000",
                "-48\u{202f}211",
                "1\u{202f}234\u{202f}567"
            ]
        );
    }

    #[test]
    fn the_form_value_reads_back() {
        let time = at("2026-11-23T14:12:00Z");
        assert_eq!(parse_input(&input_value(time)), Some(time));
        assert_eq!(parse_input("tomorrow"), None);
    }
}
