//! One message carried over a redirect: what was done, or why it was not.
//!
//! A POST answers with 303 and the message in a cookie; the page that follows shows it once
//! and clears it. The cookie holds words only: nothing is decided by it.

use http::{HeaderMap, HeaderValue, header};

use super::cookies;

const NAME: &str = "stint_flash";
/// A browser refuses a cookie of more than about 4 kB; a message is a sentence or two.
const LONGEST: usize = 900;

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashKind {
    /// It worked.
    Done,
    /// It worked, but look at this.
    Warning,
    /// It did not work.
    Failed,
}

/// A message for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// How it is meant.
    pub kind: FlashKind,
    /// One or two sentences, plain text: what happened, and what to do if anything.
    pub text: String,
}

impl Flash {
    /// It worked.
    pub fn done(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Done,
            text: text.into(),
        }
    }

    /// It worked, but look at this.
    pub fn warning(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Warning,
            text: text.into(),
        }
    }

    /// It did not work; say what to do.
    pub fn failed(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Failed,
            text: text.into(),
        }
    }

    /// The message the browser brought, if any.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = cookies::find(headers, NAME)?;
        let (kind, text) = value.split_once('.')?;
        let kind = match kind {
            "d" => FlashKind::Done,
            "w" => FlashKind::Warning,
            "f" => FlashKind::Failed,
            _ => return None,
        };
        Some(Self {
            kind,
            text: cookies::decode(text)?,
        })
    }

    /// `Set-Cookie` that hands the message to the next page.
    pub(super) fn cookie(&self) -> HeaderValue {
        let kind = match self.kind {
            FlashKind::Done => "d",
            FlashKind::Warning => "w",
            FlashKind::Failed => "f",
        };
        let text: String = self.text.chars().take(LONGEST).collect();
        let value = format!(
            "{NAME}={kind}.{}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
            cookies::encode(&text)
        );
        HeaderValue::try_from(value).unwrap_or_else(|_| Self::clear())
    }

    /// `Set-Cookie` that forgets it.
    pub(super) fn clear() -> HeaderValue {
        HeaderValue::from_static("stint_flash=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
    }

    /// The word of the stylesheet for this kind.
    pub(super) fn tone(&self) -> &'static str {
        match self.kind {
            FlashKind::Done => "live",
            FlashKind::Warning => "soon",
            FlashKind::Failed => "stop",
        }
    }

    pub(super) fn icon(&self) -> &'static str {
        match self.kind {
            FlashKind::Done => "circle-check",
            FlashKind::Warning => "alert-triangle",
            FlashKind::Failed => "circle-x",
        }
    }

    /// Failures interrupt a screen reader; the rest waits for a pause.
    pub(super) fn role(&self) -> &'static str {
        match self.kind {
            FlashKind::Failed => "alert",
            FlashKind::Done | FlashKind::Warning => "status",
        }
    }
}

/// Adds the header that shows `flash` on the next page.
pub fn attach(headers: &mut HeaderMap, flash: &Flash) {
    headers.append(header::SET_COOKIE, flash.cookie());
}
