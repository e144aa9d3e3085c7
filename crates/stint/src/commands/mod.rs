//! The commands: what `cli` names, done.
//!
//! What works on this machine's own database and configuration: `serve`, `sim`, `local`.
//! All others speak the API. They show what it answers as it answers it, so that a field
//! this version does not know is in `--json` all the same.

pub(crate) mod account;
pub(crate) mod as_code;
pub(crate) mod ask;
pub(crate) mod audit;
mod catalogs;
pub(crate) mod delegations;
mod drafts;
pub(crate) mod duties;
pub(crate) mod emergency;
pub(crate) mod estates;
pub(crate) mod facts;
mod feeds;
pub(crate) mod find;
pub(crate) mod grants;
pub(crate) mod local;
pub(crate) mod mend;
pub(crate) mod notices;
pub(crate) mod objects;
pub(crate) mod people;
mod reading;
pub(crate) mod rules;
pub(crate) mod serve;
pub(crate) mod sim;
pub(crate) mod until_revoked;

use serde_json::Value;
use stint_api::requests::RequestLine;
use stint_domain::{Span, Time};

/// The most rows a list prints.
const MOST: usize = 10_000;

/// To the second, without the T and Z.
fn short(time: &str) -> String {
    match time.parse::<Time>() {
        Ok(t) => Time::from_micros(t.seconds().saturating_mul(1_000_000))
            .to_string()
            .replace('T', " ")
            .replace('Z', ""),
        Err(_) => time.to_owned(),
    }
}

/// Whose a request is: who asked, and for whom.
fn whose(it: &RequestLine) -> String {
    match it.requester.id == it.beneficiary.id {
        true => it.requester.name.clone(),
        false => format!("{} for {}", it.requester.name, it.beneficiary.name),
    }
}

/// A field in seconds, as people say it; nothing where there is none.
fn span(value: &Value, name: &str) -> String {
    let found = name
        .split('.')
        .try_fold(value, |value, part| value.get(part));
    let seconds = found.and_then(Value::as_i64);
    seconds.map_or_else(String::new, |s| Span::seconds(s).to_string())
}

/// At which version a thing was read.
fn version(value: &Value) -> Option<i64> {
    value.get("version").and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(short("2026-11-23T14:05:09.123456Z"), "2026-11-23 14:05:09");
        assert_eq!(short("soon"), "soon");
    }
}
