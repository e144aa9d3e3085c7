//! Conditions: operators, their missing-key rules, and when they hold.
//!
//! AWS reference §6.3 [D]: all conditions of a statement must hold; of the values of one, any
//! (of a negated operator: none). A key the request does not carry fails a positive operator,
//! passes a negated one and passes `…IfExists`.

use std::fmt;
use std::net::IpAddr;

use crate::context::Context;
use crate::pattern;

/// One operator, key and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// How to compare.
    pub operator: Operator,
    /// The condition key as written; compared without regard to case.
    pub key: String,
    /// Any of these (for a negated operator: none of these).
    pub values: Vec<String>,
}

/// An operator with its prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// `ForAnyValue:`, `ForAllValues:` or neither.
    pub quantifier: Quantifier,
    /// What it compares.
    pub test: Test,
    /// Whether it ends in `IfExists`.
    pub if_exists: bool,
}

/// How an operator treats a key with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// No prefix.
    Single,
    /// `ForAnyValue:`
    ForAny,
    /// `ForAllValues:`
    ForAll,
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        /// What an operator compares.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are AWS's own")]
        pub enum Test { $($name),* }

        impl Test {
            /// Every operator of the language.
            pub const ALL: &[Test] = &[$(Test::$name),*];

            /// The word of the language.
            pub fn name(self) -> &'static str {
                match self { $(Test::$name => stringify!($name)),* }
            }
        }
    };
}

tests!(
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    NumericEquals,
    NumericNotEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    ArnEquals,
    ArnNotEquals,
    ArnLike,
    ArnNotLike,
    Null,
);

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Quantifier::Single => "",
            Quantifier::ForAny => "ForAnyValue:",
            Quantifier::ForAll => "ForAllValues:",
        })?;
        f.write_str(self.test.name())?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

impl Operator {
    /// Reads an operator as it is written in a policy.
    pub(crate) fn read(text: &str) -> Result<Operator, String> {
        let (quantifier, rest) = match text.split_once(':') {
            Some(("ForAnyValue", rest)) => (Quantifier::ForAny, rest),
            Some(("ForAllValues", rest)) => (Quantifier::ForAll, rest),
            Some((other, _)) => {
                return Err(format!(
                    "`{other}:` is no prefix; there are ForAnyValue: and ForAllValues:"
                ));
            }
            None => (Quantifier::Single, text),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let test = Test::ALL
            .iter()
            .copied()
            .find(|test| test.name() == name)
            .ok_or_else(|| format!("`{name}` is no condition operator"))?;
        if test == Test::Null && (if_exists || quantifier != Quantifier::Single) {
            return Err("Null takes neither a prefix nor IfExists".to_owned());
        }
        Ok(Operator {
            quantifier,
            test,
            if_exists,
        })
    }
}

impl Test {
    /// The operator whose opposite this is, and whether it is one of the negated ones.
    fn positive(self) -> (Test, bool) {
        match self {
            Test::StringNotEquals => (Test::StringEquals, true),
            Test::StringNotEqualsIgnoreCase => (Test::StringEqualsIgnoreCase, true),
            Test::StringNotLike => (Test::StringLike, true),
            Test::NumericNotEquals => (Test::NumericEquals, true),
            Test::DateNotEquals => (Test::DateEquals, true),
            Test::NotIpAddress => (Test::IpAddress, true),
            Test::ArnNotEquals => (Test::ArnLike, true),
            Test::ArnNotLike => (Test::ArnLike, true),
            Test::ArnEquals => (Test::ArnLike, false),
            other => (other, false),
        }
    }

    /// Whether a policy's value is one this operator can use; the problem if not.
    pub(crate) fn accepts(self, value: &str) -> Result<(), String> {
        let fine = match self.positive().0 {
            Test::NumericEquals
            | Test::NumericLessThan
            | Test::NumericLessThanEquals
            | Test::NumericGreaterThan
            | Test::NumericGreaterThanEquals => number(value).is_some(),
            Test::DateEquals
            | Test::DateLessThan
            | Test::DateLessThanEquals
            | Test::DateGreaterThan
            | Test::DateGreaterThanEquals => date(value).is_some(),
            Test::Bool | Test::Null => boolean(value).is_some(),
            Test::IpAddress => Network::read(value).is_some(),
            _ => true,
        };
        if fine {
            Ok(())
        } else {
            Err(format!("`{value}` is no value for {}", self.name()))
        }
    }
}

impl Condition {
    /// Whether it holds. `variables`: whether `${…}` in the values is a variable.
    pub fn holds(&self, context: &Context, variables: bool) -> bool {
        let present = context.get(&self.key).filter(|values| !values.is_empty());
        if self.operator.test == Test::Null {
            return self
                .values
                .iter()
                .any(|wanted| boolean(wanted) == Some(present.is_none()));
        }
        let (test, negated) = self.operator.test.positive();
        let Some(found) = present else {
            return match self.operator.quantifier {
                _ if self.operator.if_exists => true,
                Quantifier::ForAll => true,
                Quantifier::ForAny => false,
                Quantifier::Single => negated,
            };
        };
        let fits = |value: &String| {
            let any = self
                .values
                .iter()
                .any(|wanted| compare(test, wanted, value, context, variables));
            any != negated
        };
        match self.operator.quantifier {
            Quantifier::ForAll => found.iter().all(fits),
            Quantifier::ForAny => found.iter().any(fits),
            Quantifier::Single if negated => found.iter().all(fits),
            Quantifier::Single => found.iter().any(fits),
        }
    }
}

fn compare(test: Test, wanted: &str, found: &str, context: &Context, variables: bool) -> bool {
    let expanded = || pattern::expand(wanted, context, variables);
    let numbers = |holds: fn(f64, f64) -> bool| match (number(found), number(wanted)) {
        (Some(found), Some(wanted)) => holds(found, wanted),
        _ => false,
    };
    let dates = |holds: fn(i128, i128) -> bool| match (date(found), date(wanted)) {
        (Some(found), Some(wanted)) => holds(found, wanted),
        _ => false,
    };
    match test {
        Test::StringEquals => expanded().is_some_and(|wanted| wanted == found),
        Test::StringEqualsIgnoreCase => {
            expanded().is_some_and(|wanted| wanted.to_lowercase() == found.to_lowercase())
        }
        Test::StringLike => pattern::compile(wanted, context, variables)
            .is_some_and(|pieces| pattern::matches(&pieces, found)),
        Test::ArnLike => arn_like(wanted, found, context, variables),
        Test::NumericEquals => numbers(|a, b| a == b),
        Test::NumericLessThan => numbers(|a, b| a < b),
        Test::NumericLessThanEquals => numbers(|a, b| a <= b),
        Test::NumericGreaterThan => numbers(|a, b| a > b),
        Test::NumericGreaterThanEquals => numbers(|a, b| a >= b),
        Test::DateEquals => dates(|a, b| a == b),
        Test::DateLessThan => dates(|a, b| a < b),
        Test::DateLessThanEquals => dates(|a, b| a <= b),
        Test::DateGreaterThan => dates(|a, b| a > b),
        Test::DateGreaterThanEquals => dates(|a, b| a >= b),
        Test::Bool => boolean(wanted).is_some() && boolean(wanted) == boolean(found),
        Test::BinaryEquals => wanted == found,
        Test::IpAddress => match (Network::read(wanted), found.parse()) {
            (Some(network), Ok(address)) => network.holds(address),
            _ => false,
        },
        // Taken apart before: Null above, the negated ones by `positive`.
        Test::Null
        | Test::StringNotEquals
        | Test::StringNotEqualsIgnoreCase
        | Test::StringNotLike
        | Test::NumericNotEquals
        | Test::DateNotEquals
        | Test::NotIpAddress
        | Test::ArnEquals
        | Test::ArnNotEquals
        | Test::ArnNotLike => false,
    }
}

/// Each of the six parts by itself: a `*` in one part does not reach into the next.
fn arn_like(wanted: &str, found: &str, context: &Context, variables: bool) -> bool {
    let wanted: Vec<&str> = wanted.splitn(6, ':').collect();
    let found: Vec<&str> = found.splitn(6, ':').collect();
    wanted.len() == 6
        && found.len() == 6
        && wanted.iter().zip(&found).all(|(wanted, found)| {
            pattern::compile(wanted, context, variables)
                .is_some_and(|pieces| pattern::matches(&pieces, found))
        })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Nanoseconds since the epoch: ISO 8601 with or without a time, or seconds since the epoch.
fn date(text: &str) -> Option<i128> {
    const NANOS: i128 = 1_000_000_000;
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * NANOS);
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_nanosecond());
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    let midnight: jiff::Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(midnight.as_nanosecond())
}

/// An address or a range in CIDR form.
struct Network {
    address: u128,
    prefix: u32,
    v4: bool,
}

impl Network {
    fn read(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (bits, longest, v4) = bits(address);
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Network {
            address: bits,
            prefix,
            v4,
        })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let (found, longest, v4) = bits(address);
        if v4 != self.v4 {
            return false;
        }
        let shift = longest - self.prefix;
        // A shift by the whole width is no shift at all in Rust: everything fits.
        shift == 128 || (v4 && shift == 32) || found >> shift == self.address >> shift
    }
}

fn bits(address: IpAddr) -> (u128, u32, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32, true),
        IpAddr::V6(v6) => (u128::from(v6), 128, false),
    }
}
