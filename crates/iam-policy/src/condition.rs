//! Conditions: operators, their missing-key rules, and when they hold.
//!
//! AWS reference §6.3 [D]: all conditions of a statement must hold; of the values of one, any
//! (of a negated operator: none). A key the request does not carry fails a positive operator,
//! passes a negated one and passes `…IfExists`.

use std::cmp::Ordering;
use std::fmt;

use crate::context::Context;
use crate::pattern::{self, Piece};
use crate::value::{Network, Number, base64, boolean, date};
use crate::words;

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
            .ok_or_else(|| {
                let names = Test::ALL.iter().map(|test| test.name());
                let hint = words::hint(name, names);
                format!("`{name}` is no condition operator{hint}")
            })?;
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

    /// Whether it holds for what does not match.
    pub(crate) fn is_negated(self) -> bool {
        self.positive().1
    }

    /// Whether a policy's value is one this operator can use; the problem if not.
    pub(crate) fn accepts(self, value: &str) -> Result<(), String> {
        let fine = match self.positive().0 {
            Test::NumericEquals
            | Test::NumericLessThan
            | Test::NumericLessThanEquals
            | Test::NumericGreaterThan
            | Test::NumericGreaterThanEquals => Number::read(value).is_some(),
            Test::DateEquals
            | Test::DateLessThan
            | Test::DateLessThanEquals
            | Test::DateGreaterThan
            | Test::DateGreaterThanEquals => date(value).is_some(),
            // Alone of these Bool takes variables (IAM user guide, *Condition operators* [D]).
            Test::Bool => boolean(value).is_some() || value.contains("${"),
            Test::Null => boolean(value).is_some(),
            Test::BinaryEquals => base64(value).is_some(),
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
        // To the set operators a key whose values are all empty is as good as missing (IAM user
        // guide, *Multivalued context keys* [D]).
        let set = self.operator.quantifier != Quantifier::Single;
        let present = present.filter(|values| !set || values.iter().any(|v| !v.is_empty()));
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
    let numbers = |holds: fn(Ordering) -> bool| {
        let found = Number::read(found);
        let order = found.and_then(|found| found.compared(Number::read(wanted)?));
        order.is_some_and(holds)
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
        Test::NumericEquals => numbers(Ordering::is_eq),
        Test::NumericLessThan => numbers(Ordering::is_lt),
        Test::NumericLessThanEquals => numbers(Ordering::is_le),
        Test::NumericGreaterThan => numbers(Ordering::is_gt),
        Test::NumericGreaterThanEquals => numbers(Ordering::is_ge),
        Test::DateEquals => dates(|a, b| a == b),
        Test::DateLessThan => dates(|a, b| a < b),
        Test::DateLessThanEquals => dates(|a, b| a <= b),
        Test::DateGreaterThan => dates(|a, b| a > b),
        Test::DateGreaterThanEquals => dates(|a, b| a >= b),
        Test::Bool => expanded()
            .and_then(|wanted| boolean(&wanted))
            .is_some_and(|wanted| boolean(found) == Some(wanted)),
        Test::BinaryEquals => base64(wanted).is_some_and(|wanted| base64(found) == Some(wanted)),
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

/// Each of the six parts by itself: a `*` in one part does not reach into the next. Variables
/// are put in first: an ARN may come in through one.
fn arn_like(wanted: &str, found: &str, context: &Context, variables: bool) -> bool {
    let Some(pieces) = pattern::compile(wanted, context, variables) else {
        return false;
    };
    let wanted: Vec<&[Piece]> = pieces
        .splitn(6, |piece| *piece == Piece::Literal(':'))
        .collect();
    let found: Vec<&str> = found.splitn(6, ':').collect();
    wanted.len() == 6
        && found.len() == 6
        && wanted
            .iter()
            .zip(&found)
            .all(|(wanted, found)| pattern::matches(wanted, found))
}
