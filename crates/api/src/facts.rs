//! What else is known of an estate, on the wire: accounts, IAM roles, credentials of IAM users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An AWS account, and what syncs know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AwsAccount {
    /// `con_…`
    pub connection_id: String,
    /// Its twelve digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The address of its root user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `active`, `suspended`, `pending` or `closed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What its sign-in page is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Root and units of the organization by their ids, outermost first, divided by `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The same by names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    /// Its tags, where the connection reads them; absent while they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// When the reading of the tags began (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_read_at: Option<String>,
    /// When AWS last refused to tell its tags, unless it has told since (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_refused_at: Option<String>,
    /// Its IAM: `read` by the last sync, `refused` (what is known is from before), `not_read`.
    pub iam: String,
    /// Whether its IAM is read with the connection's own credentials.
    pub own: bool,
    /// Why its IAM was not read: `role_refused`, `role_failed`, `read_refused`, `read_failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is read, or refuses (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When the last reading of its IAM that left nothing out began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<String>,
    /// How memberships were listed: `by_group`, `by_user` or `details`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<String>,
    /// When the credential report was made that the following is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_at: Option<String>,
    /// Whether the root user has MFA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_mfa: Option<bool>,
    /// Whether the root user has an active access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_keys: Option<bool>,
    /// When the root user last signed in, where AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_signed_in_at: Option<String>,
}

/// An IAM role, with who may assume it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IamRole {
    /// `con_…`
    pub connection_id: String,
    /// `AROA…`
    pub aws_id: String,
    /// The account it is in.
    pub account: String,
    /// Its name.
    pub name: String,
    /// `/`, or `/path/`.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whom its trust policy lets in: ARNs, services, identity providers. Conditions may narrow
    /// it.
    pub trusts: Vec<String>,
    /// The longest session it gives, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_session_seconds: Option<i64>,
    /// The ARN of its permissions boundary, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// When a session of it last called AWS, where that is known (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    /// In which region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_in: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was last read.
    pub last_seen: String,
}

/// An IAM user, and what is known of its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IamUser {
    /// `prn_…`
    pub principal_id: String,
    /// `con_…`
    pub connection_id: String,
    /// `AIDA…`
    pub aws_id: String,
    /// The account it is in.
    pub account: String,
    /// Its name.
    pub name: String,
    /// `/`, or `/path/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The user whose it is confirmed to be (`usr_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// When it was made (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When its password last signed in to the console, where AWS tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_at: Option<String>,
    /// When the credential report was made that the following is from; absent: nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_at: Option<String>,
    /// Whether it has a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_password: Option<bool>,
    /// Whether it has MFA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_mfa: Option<bool>,
    /// Its access keys. AWS does not tell their ids here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_keys: Option<Vec<AccessKey>>,
}

/// An access key of an IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessKey {
    /// Whether it can be used.
    pub active: bool,
    /// When it was made, or last switched on or off (RFC 3339, UTC).
    pub rotated_at: String,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
    /// With which service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// In which region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}
