//! What the address of a list says: which words, which view, which page.

use serde::Deserialize;

use super::ui::Pager;
use crate::http::Paging;

/// The query of a page that lists: `?q=…&show=…&cursor=…`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Listing {
    /// The words searched for.
    #[serde(default)]
    pub q: String,
    /// Which view of the list.
    #[serde(default)]
    pub show: String,
    /// Where this page begins.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Listing {
    /// The words, without the space around them.
    pub fn words(&self) -> &str {
        self.q.trim()
    }

    /// Which rows to ask for, at most `limit`.
    pub fn paging(&self, limit: i64) -> Paging {
        Paging::after_cursor(limit, self.cursor.clone())
    }

    /// The links below the list at `path`; `next` is the cursor its answer gave.
    pub fn pager(&self, path: &str, next: Option<&str>) -> Pager {
        let kept = [("q", self.words()), ("show", self.show.as_str())];
        Pager::new(path, &kept, self.cursor.as_deref(), next)
    }

    /// Whether the list was narrowed or is not at its beginning: an empty answer then means
    /// something else than an empty list.
    pub fn narrowed(&self) -> bool {
        !self.words().is_empty() || self.cursor.is_some()
    }
}
