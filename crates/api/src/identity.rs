//! People on the wire: sign-in, users, roles, groups, API tokens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Secret;

/// Sign in with a local password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Any capitals.
    #[schema(example = "ana@example.com")]
    pub email: String,
    /// As set for this user.
    pub password: Secret,
}

/// Give one's own password again, for the sign-in the call is made with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInProof {
    /// The one in use.
    pub password: Secret,
}

/// The answer to a sign-in; the sign-in itself travels in the `Set-Cookie` header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Who is signed in.
    pub user: User,
    /// When it ends, whatever is done in between (RFC 3339, UTC).
    pub ends_at: String,
    /// Seconds without a call after which it ends earlier.
    pub idle_seconds: i64,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The caller.
    pub user: User,
    /// `page` (a sign-in) or `token:tok_…`.
    pub via: String,
    /// The groups the caller is in.
    pub groups: Vec<GroupName>,
}

/// A user: a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// `usr_…`
    pub id: String,
    /// As people call them.
    pub name: String,
    /// Unique, whatever the capitals.
    pub email: String,
    /// Their department, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Their title, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Their manager (`usr_…`): decides on what they ask for, where a policy asks managers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Whether they may sign in and use tokens.
    pub active: bool,
    /// Product roles that hold everywhere, beside `user`, which everybody has:
    /// `super_admin`, `connection_admin`, `policy_admin`, `helpdesk`, `auditor`.
    pub roles: Vec<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// When they were deactivated, if they are not active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivated_at: Option<String>,
    /// For `If-Match`.
    pub version: i64,
}

/// Create a user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// As people call them.
    pub name: String,
    /// Unique, whatever the capitals.
    pub email: String,
    /// Without one they cannot sign in with a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Product roles to begin with; only a Super Admin may give any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// Change a user. What is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A new password, of somebody else; ends their sign-ins. One's own: `PUT /api/v1/me/password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A new department; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// A new title; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A new manager (`usr_…`); empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
}

/// The product roles a user is to have, instead of those they have.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleSet {
    /// `super_admin`, `connection_admin`, `policy_admin`, `helpdesk`, `auditor`.
    pub roles: Vec<String>,
}

/// Change one's own password. Ends one's other sign-ins.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The one in use.
    pub current: Secret,
    /// The one to use from now on.
    pub new: Secret,
}

/// A group: Stint's set of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// `grp_…`
    pub id: String,
    /// Unique, whatever the capitals.
    pub name: String,
    /// For people.
    pub description: String,
    /// How many users are in it, active or not.
    pub members: i64,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// For `If-Match`.
    pub version: i64,
}

/// A group's id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupName {
    /// `grp_…`
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Create a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// Unique, whatever the capitals.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// Change a group. What is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A user in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// `usr_…`
    pub user_id: String,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they may sign in.
    pub active: bool,
    /// RFC 3339, UTC.
    pub added_at: String,
    /// `usr_…`; absent when Stint itself added them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<String>,
}

/// Add a user to a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// `usr_…`
    pub user_id: String,
}

/// A sign-in: somebody's session with Stint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInRow {
    /// `ses_…`
    pub id: String,
    /// `password` or `demo`.
    pub method: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The last call, to the minute.
    pub seen_at: String,
    /// When the password was last given with it; absent where never, or not since it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<String>,
    /// When it ends, whatever is done in between.
    pub ends_at: String,
    /// Whether it is the one this call was made with.
    pub current: bool,
}

/// An API token; the secret itself is shown once, when it is issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `tok_…`
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub expires_at: String,
    /// To the minute; absent while it was never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// `active`, `expired` or `revoked`.
    pub state: String,
}

/// Issue an API token for oneself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// To know it again.
    #[schema(example = "laptop")]
    pub name: String,
    /// From 1 to 366; 90 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

/// A token that was just issued.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// What is kept of it.
    pub token: Token,
    /// `stint_pat_…`: the only time it is shown. Send it as `Authorization: Bearer …`.
    pub secret: Secret,
}

/// That somebody lets another decide for them while they are away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delegation {
    /// `dlg_…`
    pub id: String,
    /// Who is away.
    pub user: DelegationParty,
    /// Who decides for them: what they could decide themselves, as long as both are active.
    pub delegate: DelegationParty,
    /// From when. RFC 3339, UTC.
    pub starts_at: String,
    /// Until when, unless it was ended before. RFC 3339, UTC.
    pub ends_at: String,
    /// What was said to the delegate; may be empty.
    pub note: String,
    /// `planned`, `in_force`, `over` or `ended`.
    pub state: String,
    /// When it was written. RFC 3339, UTC.
    pub created_at: String,
    /// By whom (`usr_…`): who is away, or a Super Admin for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether they had given their password within the last 5 minutes, with the sign-in they made it
    /// with. Where a policy wants the password of whoever approves, nobody approves by one made without.
    #[serde(default)]
    pub proved: bool,
    /// When somebody ended it, if they did. RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Who (`usr_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

/// One of the two people of a delegation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationParty {
    /// `usr_…`
    pub id: String,
    /// As people call them.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they may sign in: of somebody who may not, nothing counts.
    pub active: bool,
}

/// Let somebody decide while a user is away.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// Who is away (`usr_…`); the caller when absent. Only a Super Admin names somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Who decides for them: `usr_…`, or their e-mail address.
    #[schema(example = "bo@acme.example")]
    pub delegate: String,
    /// From when; at once when absent. RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// Until when; at most 366 days after the start. RFC 3339.
    pub ends_at: String,
    /// For the delegate, one line.
    #[serde(default)]
    pub note: String,
}
