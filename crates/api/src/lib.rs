//! JSON wire types of the Stint API v1, shared by server and CLI.
//!
//! Plain data: ids, times and durations are as they travel (`usr_…`, RFC 3339 in UTC, whole
//! seconds). Nothing here is checked; the rooms' `http.rs` turns it into what the rules
//! know, and says which field is wrong.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub mod audit;
pub mod catalog;
pub mod config;
pub mod connections;
pub mod directory;
pub mod duties;
pub mod emergency;
pub mod facts;
pub mod feeds;
pub mod grants;
pub mod identity;
pub mod mend;
pub mod notices;
pub mod objects;
pub mod policies;
pub mod requests;
pub mod until_revoked;

/// What every refused call answers, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained: `/docs/errors/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable word to branch on, snake_case.
    pub code: String,
    /// What happened, and what to do.
    pub detail: String,
    /// To quote when asking for help; also in the log.
    pub request_id: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What is on this page, in the list's order.
    pub items: Vec<T>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            next: self.next,
        }
    }
}

/// A text that must not be shown: a password, or a token on the one occasion it travels.
///
/// `Debug` hides it. Serializing writes it out, since that is how it travels.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct Secret(SecretString);

impl Secret {
    /// The text inside, to hash, compare or send.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Secret> for SecretString {
    fn from(secret: Secret) -> Self {
        secret.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_travels_and_is_not_shown() {
        let secret: Secret = serde_json::from_str(r#""hunter2""#).expect("a string");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(
            serde_json::to_string(&secret).expect("a string"),
            r#""hunter2""#
        );
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn the_last_page_says_nothing_about_a_next_one() {
        let last = Page {
            items: vec![1, 2],
            next: None,
        };
        let text = serde_json::to_string(&last).expect("numbers");
        assert_eq!(text, r#"{"items":[1,2]}"#);
        assert_eq!(
            serde_json::from_str::<Page<i32>>(&text).expect("as written"),
            last
        );
    }
}
