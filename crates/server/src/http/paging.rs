//! Lists, a page at a time.
//!
//! A list is ordered by a key that never repeats, and a page begins after the last row of
//! the one before: rows added or removed meanwhile make nothing appear twice or get lost.
//! The cursor holds that row's key; it is opaque to callers and checked when it comes back.

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stint_api::Page;

use super::extract::Query;
use super::failure::{Failure, Kind};

/// Which page of a list: `?limit=50&cursor=…`. An extractor; also made in code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    limit: i64,
    cursor: Option<String>,
}

/// The most rows a page may have.
const MOST: i64 = 200;
/// The rows a page has when nothing is said.
const USUAL: i64 = 50;

#[derive(Deserialize)]
struct Asked {
    limit: Option<i64>,
    cursor: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            limit: USUAL,
            cursor: None,
        }
    }
}

impl Paging {
    /// The first page, of at most `limit` rows (1 to 200; outside of it the nearest).
    pub fn first(limit: i64) -> Self {
        Self {
            limit: limit.clamp(1, MOST),
            cursor: None,
        }
    }

    /// The page after `cursor`, which is [`Page::next`] of the one before.
    pub fn after_cursor(limit: i64, cursor: Option<String>) -> Self {
        Self {
            cursor: cursor.filter(|c| !c.is_empty()),
            ..Self::first(limit)
        }
    }

    /// The most rows to give.
    pub const fn limit(&self) -> i64 {
        self.limit
    }

    /// How many rows to ask the database for: one more, to know whether there is a next page.
    pub const fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// The key of the last row of the page before; none on the first page. `K` is the same
    /// type [`page`](Self::page) is given keys of. Refuses a cursor it did not make.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, BadCursor> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| BadCursor)?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| BadCursor)
    }

    /// Makes the page from up to [`fetch`](Self::fetch) rows; `key` gives a row's key.
    pub fn page<T, K: Serialize>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(last) if more => serde_json::to_vec(&key(last))
                .ok()
                .map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
            _ => None,
        };
        Page { items: rows, next }
    }
}

/// The cursor was not made by this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor was not made by this list")]
pub struct BadCursor;

impl super::Fault for BadCursor {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> &'static str {
        "invalid_cursor"
    }

    fn detail(&self) -> String {
        "The cursor is not one this list gave. Leave it out to begin again, and pass on `next` \
         of the page before unchanged."
            .to_owned()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(asked) = Query::<Asked>::from_request_parts(parts, state).await?;
        let limit = asked.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Failure::new(
                Kind::Invalid,
                "invalid_limit",
                format!("The limit is {limit}. Ask for 1 to {MOST} at a time."),
            ));
        }
        Ok(Self::after_cursor(limit, asked.cursor))
    }
}
