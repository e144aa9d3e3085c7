//! Grants on the wire: access that is, will be or was held, and what was done about it in AWS.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::requests::HolderGroup;

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// `grt_…`
    pub id: String,
    /// `ent_…`
    pub entitlement: String,
    /// What it is, as people see it.
    #[schema(example = "AdministratorAccess on prod-payments")]
    pub entitlement_name: String,
    /// `usr_…`
    pub user: String,
    /// Whose it is.
    pub user_name: String,
    /// The Identity Center group that holds it, where it is for one: the user is answerable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<HolderGroup>,
    /// The request it came by (`req_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Whether it was asked for in an emergency.
    #[serde(default)]
    pub emergency: bool,
    /// How it is had until it is revoked, if it is; `end` is then when it ends unless somebody says
    /// that it is still needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_revoked: Option<KeptUntilRevoked>,
    /// `scheduled`, `provisioning`, `active`, `interrupted`, `ending`, `stuck`, `ended` or `failed`.
    pub status: String,
    /// The status in words.
    pub status_title: String,
    /// When its window opens (RFC 3339, UTC).
    pub start: String,
    /// When the access was first known to be there; the duration counts from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<String>,
    /// When its window is over; absent while it lasts until revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// When it was established that it is over for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What became of the access: `removed`, `nothing`, `another_grant`, `standing`, `taken_away`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remains: Option<String>,
    /// Why it was closed before its time: `returned`, `revoked`, `cut_off`, `refused`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_reason: Option<String>,
    /// In the words of AWS or of the person who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What AWS says, where it refuses to remove the access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
}

/// Access that is had until it is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptUntilRevoked {
    /// When its owners are asked next whether it is still needed (RFC 3339, UTC); 14 days after that it
    /// ends where nobody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_at: Option<String>,
    /// How long there is between two reviews, in seconds.
    pub review_every_seconds: i64,
}

/// A grant with its story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantDetail {
    /// The grant.
    #[serde(flatten)]
    pub grant: Grant,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
    /// Through what the access continues without it.
    pub remaining: Remaining,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moment {
    /// RFC 3339, UTC.
    pub at: String,
    /// The stable word.
    pub what: String,
    /// In a sentence.
    pub text: String,
    /// AWS's id of the call, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_request_id: Option<String>,
}

/// Through what access continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remaining {
    /// Other grants of the same access (`grt_…`).
    pub grants: Vec<String>,
    /// Identity Center groups the person is in that hold it, by name.
    pub groups: Vec<String>,
    /// Whether it stood in AWS before Stint granted it.
    pub standing: bool,
}

/// The answer to ending a grant early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revoked {
    /// As it is now; its removal follows at once.
    pub grant: Grant,
    /// Through what the access continues, if it does.
    pub remaining: Remaining,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// Told to the person and to the auditor; must not be empty.
    pub reason: String,
}
