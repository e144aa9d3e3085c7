//! Access until it is revoked on the wire: the reviews in which its owners say whether it is still needed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::requests::{RequestLine, Who};

/// A review in a list, with the request it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptReviewLine {
    /// `open`, `kept`, `closed`, or `over`: nobody answered in time, or the access was ended otherwise.
    pub state: String,
    /// What it is asked about (`grt_…`); each grant has one review.
    pub grant: String,
    /// When its review came (RFC 3339, UTC).
    pub review_at: String,
    /// When the access ends where nobody answers: 14 days after that.
    pub due_at: String,
    /// What who answered says about it; absent while nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<String>,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<Who>,
    /// What was asked for until it is revoked.
    pub request: RequestLine,
}

/// A review with what there is to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptReview {
    /// What the lists show of it.
    #[serde(flatten)]
    pub line: KeptReviewLine,
    /// Who could answer it now: the owners of the connection and of the application that belongs to, but
    /// whom it is about; where none of them could, Super Admins. Empty where nobody could: then somebody
    /// is to be made an owner.
    pub answerers: Vec<Who>,
    /// Whether no owner could.
    pub super_admins: bool,
    /// Whether the caller can answer it now.
    pub may_answer: bool,
    /// Counts changes.
    pub version: i64,
}

/// Say whether access is still needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerKept {
    /// Why; must not be empty.
    pub note: String,
    /// The grant whose review is answered (`grt_…`), so that no later one is; absent: the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}
