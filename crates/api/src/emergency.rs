//! Emergency access on the wire: raising a request to it, and its reviews.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::requests::{RequestLine, Who};

/// Raise a pending request to emergency access. What is absent is as it was asked, but the start: it
/// begins as soon as it is given, and what extends access where that ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Raise {
    /// For how long, in seconds; if absent as long as it was asked for, or as long as may be asked
    /// for in an emergency, if that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket it is about; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// The review of what was given in an emergency, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewState {
    /// `open`, `overdue` (open, and its time is over) or `closed`.
    pub state: String,
    /// When the access was given (RFC 3339, UTC).
    pub opened_at: String,
    /// When it is to be closed at the latest: counted from when the access was given, or from its
    /// start where that is later.
    pub due_at: String,
    /// `justified` or `not_justified`; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What who closed it says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
}

/// A review in a list, with the request it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewLine {
    /// How far it is.
    #[serde(flatten)]
    pub review: ReviewState,
    /// What was given (`grt_…`).
    pub grant: String,
    /// Who closed it; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<Who>,
    /// What was asked in an emergency. Its id is that of the review.
    pub request: RequestLine,
}

/// A review with what there is to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// What the lists show of it.
    #[serde(flatten)]
    pub line: ReviewLine,
    /// Who could close it now, or once the access has begun: those of the groups that review it it is
    /// not about; where nobody of them could, Super Admins. Empty where nobody could: then somebody is
    /// to be put into the groups.
    pub reviewers: Vec<Who>,
    /// Whether the caller can close it now.
    pub may_close: bool,
    /// Counts changes.
    pub version: i64,
}

/// Close a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseReview {
    /// `justified` or `not_justified`.
    #[schema(example = "justified")]
    pub verdict: String,
    /// What was found; must not be empty.
    pub note: String,
}

/// How many reviews wait, of those the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewCounts {
    /// Without a verdict.
    pub open: i64,
    /// Of those, the ones whose time is over.
    pub overdue: i64,
}
