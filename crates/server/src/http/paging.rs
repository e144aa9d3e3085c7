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
use stint_db::Val;
use utoipa::IntoParams;

use super::extract::Query;
use super::failure::{Failure, Kind};

/// Which page of a list: `?limit=50&cursor=…`. An extractor; also made in code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    limit: i64,
    cursor: Option<String>,
}

/// `limit` and `cursor` in the description of a list, beside what else it can be asked:
/// `params(Asked, Pages)`. [`Paging`] is what reads them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the description; `Paging` reads them")]
pub struct Pages {
    /// How many, 1 to 200 (50).
    limit: Option<i64>,
    /// `next` of the page before.
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
        let bytes = URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| BadCursor::Cursor)?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| BadCursor::Cursor)
    }

    /// The key of the last row of the page before, in a list that may be sorted in several
    /// ways: a cursor made under another order is refused.
    pub fn after_in<K: DeserializeOwned>(&self, sort: &str) -> Result<Option<K>, BadCursor> {
        match self.after::<(String, K)>()? {
            Some((made_under, _)) if made_under != sort => Err(BadCursor::Cursor),
            found => Ok(found.map(|(_, key)| key)),
        }
    }

    /// Makes the page of a list that may be sorted in several ways: see
    /// [`page`](Self::page) and [`after_in`](Self::after_in).
    pub fn page_in<T, K: Serialize>(
        &self,
        sort: &str,
        rows: Vec<T>,
        key: impl Fn(&T) -> K,
    ) -> Page<T> {
        self.page(rows, |row| (sort, key(row)))
    }

    /// Where a page begins in a list that is sorted by a text, or, under `created` and
    /// `-created`, by its ids `I`.
    pub fn after_key<I>(&self, sort: &str) -> Result<Val, BadCursor>
    where
        I: DeserializeOwned,
        Val: From<Option<I>>,
    {
        if sort.ends_with("created") {
            self.after_in::<I>(sort).map(Into::into)
        } else {
            self.after_in::<String>(sort).map(Into::into)
        }
    }

    /// Makes the page of such a list: `id` and `text` give a row's two keys.
    pub fn page_key<T, I: Serialize>(
        &self,
        sort: &str,
        rows: Vec<T>,
        id: impl Fn(&T) -> I,
        text: impl Fn(&T) -> String,
    ) -> Page<T> {
        if sort.ends_with("created") {
            self.page_in(sort, rows, id)
        } else {
            self.page_in(sort, rows, text)
        }
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

/// What was asked of a list is nothing it can give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCursor {
    /// The cursor was not made by this list, or under another order.
    #[error("the cursor was not made by this list")]
    Cursor,
    /// An order the list does not know.
    #[error("the list has no such order")]
    Sort(&'static [&'static str]),
    /// A filter's value that is none of those there are.
    #[error("there is no such {0}")]
    Filter(&'static str, &'static [&'static str]),
}

impl super::Fault for BadCursor {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Cursor => "invalid_cursor",
            Self::Sort(_) => "invalid_sort",
            Self::Filter(..) => "invalid_filter",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Cursor => "The cursor is not one this list gave, or it was given under another \
                order. Leave it out to begin again, and pass on `next` of the page before \
                unchanged."
                .to_owned(),
            Self::Sort(known) => {
                format!(
                    "This list cannot be sorted like that. Use one of {}.",
                    quoted(known)
                )
            }
            Self::Filter(name, known) => {
                format!(
                    "`{name}` has no such value here. Use one of {}.",
                    quoted(known)
                )
            }
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The order asked for: one of `known`, the first of them when nothing is asked. A word with
/// a minus before it is the same order from its other end.
pub fn sorted(
    asked: Option<&str>,
    known: &'static [&'static str],
) -> Result<&'static str, BadCursor> {
    let asked = asked.unwrap_or_default().trim();
    match (asked, known.first()) {
        ("", Some(first)) => Ok(first),
        _ => (known.iter().copied().find(|word| *word == asked)).ok_or(BadCursor::Sort(known)),
    }
}

/// The value of a filter that has only so many; nothing when it is not asked for.
pub fn chosen(
    name: &'static str,
    asked: Option<&str>,
    known: &'static [&'static str],
) -> Result<Option<&'static str>, BadCursor> {
    match asked.map(str::trim).filter(|word| !word.is_empty()) {
        None => Ok(None),
        Some(asked) => (known.iter().copied().find(|word| *word == asked))
            .map(Some)
            .ok_or(BadCursor::Filter(name, known)),
    }
}

/// The text a row is searched by: the parts, in lower case.
pub fn search_text(parts: &[&str]) -> String {
    parts.join(" ").to_lowercase()
}

/// A `like` pattern (`\` is its escape) that finds the words of `text`, in their order, in a
/// [`search_text`]; with no words it finds everything.
pub fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for word in text.split_whitespace() {
        for c in word.to_lowercase().chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('%');
    }
    pattern
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
