//! Listings, one page at a time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use stint_domain::Time;

use crate::error::AwsError;

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in AWS's order. May be empty although more pages follow.
    pub items: Vec<T>,
    /// When the call for this page began, at the latest.
    pub began: Time,
    /// With what to ask for the next page; `None` after the last.
    pub next: Option<String>,
    /// AWS's id of the call.
    pub request_id: Option<String>,
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<Page<T>, AwsError>> + Send>>;
type Fetch<T> = Box<dyn Fn(Option<String>) -> Answer<T> + Send + Sync>;

/// A listing under way. It is complete only when [`Pages::next`] has returned `Ok(None)`:
/// after an error nothing may be concluded from what is missing.
pub struct Pages<T> {
    fetch: Fetch<T>,
    operation: &'static str,
    token: Option<String>,
    complete: bool,
}

impl<T: Send + 'static> Pages<T> {
    pub(crate) fn new<F, Fut>(operation: &'static str, from: Option<String>, fetch: F) -> Self
    where
        F: Fn(Option<String>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Page<T>, AwsError>> + Send + 'static,
    {
        Self {
            fetch: Box::new(move |token| Box::pin(fetch(token))),
            operation,
            token: from,
            complete: false,
        }
    }

    /// The next page; `None` once the listing is complete. After an error the same page may
    /// be asked for again, or later from [`Pages::token`].
    pub async fn next(&mut self) -> Result<Option<Page<T>>, AwsError> {
        if self.complete {
            return Ok(None);
        }
        let page = (self.fetch)(self.token.clone()).await?;
        if page.next.is_some() && page.next == self.token {
            // Going on would never end, and stopping would pass for complete.
            return Err(AwsError::unreadable(self.operation, "a new page token"));
        }
        self.complete = page.next.is_none();
        self.token.clone_from(&page.next);
        Ok(Some(page))
    }

    /// With what to resume this listing, in this process or another. Tokens are opaque and
    /// may run out: then the listing starts anew (AWS reference §3.2).
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// All rows from here on, or the first failure.
    pub async fn all(mut self) -> Result<Vec<T>, AwsError> {
        let mut rows = Vec::new();
        while let Some(page) = self.next().await? {
            rows.extend(page.items);
        }
        Ok(rows)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("operation", &self.operation)
            .field("token", &self.token)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}
