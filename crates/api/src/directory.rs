//! What AWS holds, on the wire: sync runs, principals, entitlements, assignments, links.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One run of the sync of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncRun {
    /// `syn_…`
    pub id: String,
    /// `con_…`
    pub connection_id: String,
    /// `running`; `held`: read whole, but what it found gone waits for a person (accept it or set
    /// it aside); `ending`: accepted, being written down; `complete`; `set_aside`; `failed`.
    pub state: String,
    /// What it is doing: `waiting`, reading `lists`, `who holds what` or `tags of accounts`.
    pub phase: String,
    /// Calls to AWS that are made.
    pub done: i64,
    /// Calls it will take, as far as can be told.
    pub expected: i64,
    /// Calls to AWS so far.
    pub calls: i64,
    /// By which listings it reads what can be asked from several sides.
    #[serde(default)]
    pub plan: Vec<PlannedListing>,
    /// Who-holds-what rows seen.
    pub seen: i64,
    /// Of them, not seen before.
    pub appeared: i64,
    /// Rows found gone. In a run that is held or set aside, those it would have ended.
    pub ended: i64,
    /// Member accounts whose IAM could not be read: what is known of them stays as it was.
    #[serde(default)]
    pub unread: i64,
    /// Of the rows seen, whatever order they came in: the sum of their SHA-256, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Why it failed, or is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// When it last got further; absent while it waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// A question that AWS can be asked from several sides, and how a sync asks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedListing {
    /// `pairs`: which permission sets are on which accounts; `holders`: who holds them;
    /// `members`: who is in which Identity Center group; `tags`: which tags accounts have; `iam`: IAM
    /// users, groups and roles of the connection's own account; `member_iam`: the same of member
    /// accounts, all together; `credential_report`: what IAM users sign in and call with.
    pub question: String,
    /// The listing that was chosen, as among `options`; absent where AWS refuses all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<String>,
    /// Every listing there is, cheapest first.
    pub options: Vec<ListingOption>,
    /// What AWS refuses and would cost less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingAction>,
}

/// One way to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingOption {
    /// `sets_by_account`, `accounts_by_set`, `holders_by_pair`, `holders_by_principal`,
    /// `members_by_group`, `groups_by_member`, `tags_by_account`, `iam_by_group`, `iam_by_user`,
    /// `iam_details`, the same three after `member_`, or `credential_report`.
    pub listing: String,
    /// The action it needs, as IAM policies name it.
    pub action: String,
    /// Calls it takes, as far as can be told.
    pub calls: u64,
    /// Whether AWS refused it.
    pub refused: bool,
}

/// An action that AWS refuses, and what that costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingAction {
    /// As IAM policies name it.
    pub action: String,
    /// Calls that it would save each sync.
    pub calls: u64,
    /// Minutes that it would save each sync, at the rate AWS bears; rounded up.
    pub minutes: u64,
}

/// An AWS identity that can hold access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// `prn_…`
    pub id: String,
    /// `con_…`
    pub connection_id: String,
    /// `identity_center_user`, `identity_center_group` or `iam_user`.
    pub kind: String,
    /// Its id in the identity store.
    pub aws_id: String,
    /// User name or group name.
    pub name: String,
    /// As the directory shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// As the directory has it; no proof of who somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether AWS lets it sign in, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Since when AWS no longer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<String>,
}

/// A permission set of Identity Center.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionSet {
    /// `arn:aws:sso:::permissionSet/…`
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What somebody wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How long its sessions live, as ISO 8601 says it (`PT4H`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<String>,
    /// What it allows; absent until it was read, and where AWS does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<SetPolicies>,
    /// When that was read: once a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies_read_at: Option<String>,
    /// Since when AWS no longer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<String>,
}

/// The policies of a permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetPolicies {
    /// ARNs of AWS's own policies.
    pub managed: Vec<String>,
    /// Policies that each account has to have itself, by path and name.
    pub customer: Vec<String>,
    /// The inline policy, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// The permissions boundary: an ARN of AWS's own, or path and name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
}

/// Something a principal can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entitlement {
    /// `ent_…`
    pub id: String,
    /// `con_…`
    pub connection_id: String,
    /// `account_assignment`, `group_membership` or `iam_group_membership`.
    pub kind: String,
    /// Of an account assignment or an IAM group: the account's twelve digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Of an account assignment: the permission set's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Of a group membership: the group's id in the identity store (`AGPA…` in IAM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What people see.
    pub name: String,
    /// Of a membership in an Identity Center group that a directory provisions (SCIM): the
    /// issuer of its external ids. Its members are changed there; it cannot be offered here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<String>,
    /// Since when AWS no longer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<String>,
}

/// Through what a principal holds something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Through {
    /// The Identity Center group (`prn_…`).
    pub principal_id: String,
    /// Its name.
    pub name: String,
}

/// One time that a principal was seen to hold an entitlement, itself or through a group. It
/// began between `absent_before` and `first_seen`; it ended between `last_seen` and `ended_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assignment {
    /// `asg_…`
    pub id: String,
    /// Who.
    pub principal: Principal,
    /// What.
    pub entitlement: Entitlement,
    /// The last reading before that did not see it; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_before: Option<String>,
    /// The first reading that saw it.
    pub first_seen: String,
    /// The last reading that saw it.
    pub last_seen: String,
    /// The reading that found it gone; absent while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Through this group; absent where the principal holds it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
    /// The user whose principal it is confirmed to be (`usr_…`), where that was looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Under `as_of`: whether it was held then for certain. False: it began or ended around
    /// then, between two readings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certain: Option<bool>,
}

/// Which principal belongs to which user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// `lnk_…`
    pub id: String,
    /// `usr_…`
    pub user_id: String,
    /// `prn_…`
    pub principal_id: String,
    /// `con_…`
    pub connection_id: String,
    /// `proposed`, `confirmed` or `rejected`.
    pub state: String,
    /// Whether requests of the user on this connection are for this principal.
    pub primary: bool,
    /// Why it was proposed.
    pub why: String,
    /// Who proposed it (`usr_…`); absent where the sync did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_by: Option<String>,
    /// RFC 3339, UTC.
    pub proposed_at: String,
    /// Who confirmed or rejected it (`usr_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// Grows with every change.
    pub version: i64,
}

/// Propose that a principal belongs to a user. An administrator confirms.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// `usr_…`
    pub user_id: String,
    /// `prn_…`: an Identity Center user.
    pub principal_id: String,
}
