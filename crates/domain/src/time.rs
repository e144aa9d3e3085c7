//! Time as a value: microseconds since 1970-01-01T00:00:00Z, always UTC.
//!
//! Rules take `now` as an argument. [`Clock`] is the seam through which the programs get
//! it; no implementation lives in this crate.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use jiff::Timestamp;

/// A moment, in microseconds since the Unix epoch. Shown and read as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A length of time in microseconds. May be negative, as the difference of two moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

/// Where `now` comes from. One operation asks once and passes the answer on.
pub trait Clock: Send + Sync + 'static {
    /// The current moment.
    fn now(&self) -> Time;
}

/// A text that is not an RFC 3339 moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time: write it as 2026-11-23T14:05:00Z")]
pub struct TimeError(pub String);

impl Time {
    /// The moment this many microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// `self - earlier`, never below zero.
    pub fn since(self, earlier: Time) -> Span {
        Span((self.0.saturating_sub(earlier.0)).max(0))
    }

    fn civil(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// This many microseconds.
    pub const fn micros(n: i64) -> Self {
        Self(n)
    }

    /// This many milliseconds.
    pub const fn millis(n: i64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// This many seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// This many minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// This many hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// The length in microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The length in whole seconds, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Sub<Time> for Time {
    type Output = Span;
    fn sub(self, other: Time) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.civil(), f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse::<Timestamp>()
            .map(|t| Time(t.as_microsecond()))
            .map_err(|_| TimeError(text.to_owned()))
    }
}

/// In words: `2 h`, `1 h 30 min`, `45 s`, `3 days`. Parts below a second are dropped.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let total = self.0.unsigned_abs() / 1_000_000;
        let (days, hours, minutes, seconds) = (
            total / 86_400,
            total / 3_600 % 24,
            total / 60 % 60,
            total % 60,
        );
        let day = if days == 1 { "day" } else { "days" };
        match (days, hours, minutes, seconds) {
            (0, 0, 0, s) => write!(f, "{sign}{s} s"),
            (0, 0, m, 0) => write!(f, "{sign}{m} min"),
            (0, 0, m, s) => write!(f, "{sign}{m} min {s} s"),
            (0, h, 0, _) => write!(f, "{sign}{h} h"),
            (0, h, m, _) => write!(f, "{sign}{h} h {m} min"),
            (d, 0, _, _) => write!(f, "{sign}{d} {day}"),
            (d, h, _, _) => write!(f, "{sign}{d} {day} {h} h"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// On the wire a span is whole seconds.
impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(self.as_seconds())
    }
}

impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        i64::deserialize(d).map(Span::seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_both_ways() {
        let t: Time = "2026-11-23T14:05:00.25Z".parse().expect("a valid time");
        assert_eq!(t.to_string(), "2026-11-23T14:05:00.25Z");
        assert!("yesterday".parse::<Time>().is_err());
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let shown = [
            Span::hours(2),
            Span::minutes(90),
            Span::seconds(75),
            Span::hours(50),
            Span::hours(24),
        ]
        .map(|s| s.to_string());
        assert_eq!(
            shown,
            ["2 h", "1 h 30 min", "1 min 15 s", "2 days 2 h", "1 day"]
        );
    }
}
