//! Notices on the wire: what a person is told inside Stint.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// `ntc_…`
    pub id: String,
    /// What kind of news, as `GET /api/v1/notices/kinds` lists them.
    #[schema(example = "approval_waiting")]
    pub kind: String,
    /// What happened to what, in a line, as its reader may see it now.
    #[schema(example = "Ana Moreno asks for prod-admin on prod-payments")]
    pub title: String,
    /// The rest that is worth knowing; may be empty.
    pub text: String,
    /// The page about it: a path of this server.
    pub link: String,
    /// The grant that can be extended now (`POST /api/v1/grants/{id}/extend`), where it is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend: Option<String>,
    /// The request, grant, delegation or connection it is about (`req_…`, `grt_…`, `dlg_…`, `con_…`).
    pub thing: String,
    /// How many pieces of news it stands for.
    pub times: i64,
    /// When the first of them happened (RFC 3339, UTC).
    pub first_at: String,
    /// When the last did.
    pub last_at: String,
    /// When it was marked as read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<String>,
    /// When it stopped to need an answer: decided by somebody else, over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
}

/// A kind of notice, and whether one gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeKind {
    /// The stable word.
    pub kind: String,
    /// What it is called.
    pub title: String,
    /// Who gets it and when it goes.
    pub about: String,
    /// Whether the caller gets it.
    pub on: bool,
}

/// Whether to get a kind of notice from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetNoticeKind {
    /// The kind, as `GET /api/v1/notices/kinds` lists them.
    pub kind: String,
    /// True to get it.
    pub on: bool,
}

/// How many notices were marked as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarkedRead {
    /// How many.
    pub count: u64,
}
