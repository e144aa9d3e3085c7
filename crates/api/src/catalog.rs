//! Catalogs on the wire: who may see and ask for what, and how.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A catalog: entitlements for an audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Catalog {
    /// `cat_…`
    pub id: String,
    /// Unique, whatever the capitals.
    pub name: String,
    /// For people.
    pub description: String,
    /// The groups (`grp_…`) whose members see it.
    pub audience: Vec<String>,
    /// Of whom this Cedar condition is true sees it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_when: Option<String>,
    /// What any of these conditions is true of is in it, beside what is in its list.
    #[serde(default)]
    pub contents: Vec<ContentRule>,
    /// How what has no access control of its own is asked for; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_terms: Option<DefaultTerms>,
    /// 1 to 1,000. Of several catalogs of one person that hold the same thing the one with the lower
    /// rank says how it is asked for; among equals the older one.
    #[serde(default)]
    pub rank: i64,
    /// How many entitlements are in its list.
    pub entitlements: i64,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// For `If-Match`.
    pub version: i64,
}

/// A condition over entitlements: what it is true of is in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentRule {
    /// For people; unique in the catalog.
    pub name: String,
    /// In Cedar, over `resource`: see `GET /api/v1/policies/schema`.
    #[schema(
        example = "resource has permission_set && resource.permission_set like \"ReadOnly*\""
    )]
    pub when: String,
}

/// How what has no access control of its own is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultTerms {
    /// The policy (`pol_…`). Left out in a change: it is asked for in no way by this catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// A limit below the policy's, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<i64>,
    /// Whether the time limit is off: it may be asked for until it is revoked as well. Only under a policy
    /// that allows that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
}

/// Create a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCatalog {
    /// Unique, whatever the capitals.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The groups (`grp_…`) whose members see it; none, and no condition: nobody.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Of whom this Cedar condition is true sees it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_when: Option<String>,
    /// Conditions over entitlements, at most 16.
    #[serde(default)]
    pub contents: Vec<ContentRule>,
    /// How what has no access control of its own is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_terms: Option<DefaultTerms>,
    /// 1 to 1,000 (100).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<i64>,
}

/// Change a catalog. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The groups that see it from now on, instead of those that do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<String>>,
    /// The condition over people from now on; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_when: Option<String>,
    /// The conditions over entitlements from now on, instead of those there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Vec<ContentRule>>,
    /// How what has no access control of its own is asked for from now on; `{}`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_terms: Option<DefaultTerms>,
    /// 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<i64>,
}

/// Something a catalog holds now, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogContent {
    /// What it is.
    pub entitlement: EntitlementName,
    /// Whether it is in the catalog's list.
    pub listed: bool,
    /// The names of the conditions that are true of it.
    pub rules: Vec<String>,
    /// How it may be asked for, in whichever catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
    /// How it may be asked for because this catalog says so. Neither this nor an access control: not
    /// at all, by this catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_terms: Option<DefaultTerms>,
}

/// A page of what a catalog holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogContents {
    /// What is on this page, by name.
    pub items: Vec<CatalogContent>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How much there is on all pages together.
    pub total: i64,
}

/// Ask what conditions would be true of now, without saving them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCatalog {
    /// Conditions over entitlements.
    #[serde(default)]
    pub contents: Vec<ContentRule>,
    /// A condition over people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_when: Option<String>,
}

/// What conditions would be true of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckedCatalog {
    /// Everything that is wrong with them; nothing was asked then.
    pub faults: Vec<CatalogFault>,
    /// Of each condition over entitlements, in their order.
    pub contents: Vec<Matches>,
    /// Of the condition over people, of those who are active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Matches>,
}

/// Something that is wrong with a catalog's conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogFault {
    /// At which field: `contents[0].when`.
    pub field: String,
    /// The stable code.
    pub code: String,
    /// What is wrong, in a condition with line and character.
    pub detail: String,
}

/// How many a condition is true of, and the first of them by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Matches {
    /// How many.
    pub count: i64,
    /// At most eight names.
    pub first: Vec<String>,
}

/// Whether an entitlement is in a catalog, and whether somebody sees it, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogJudgement {
    /// About the entitlement that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<JudgedEntitlement>,
    /// About the person who was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<JudgedPerson>,
    /// Where both were named: whether this person may ask for it, by any catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<bool>,
    /// Where both were named: the person's catalogs (`cat_…`) that hold it, the one first that says
    /// how it is asked for where nothing else does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogs: Vec<String>,
}

/// Whether an entitlement is in a catalog, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedEntitlement {
    /// What it is.
    pub entitlement: EntitlementName,
    /// Whether the catalog holds it.
    pub holds: bool,
    /// Whether it is in the catalog's list.
    pub listed: bool,
    /// Why nobody is offered it, whatever the catalog says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never: Option<String>,
    /// What each condition says of it, in their order.
    pub rules: Vec<JudgedRule>,
    /// How it may be asked for, in whichever catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
    /// How it may be asked for because this catalog says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_terms: Option<DefaultTerms>,
}

/// What a condition says of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedRule {
    /// Its name.
    pub name: String,
    /// Whether it is true of it; absent where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
}

/// Whether, and why, somebody sees a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedPerson {
    /// `usr_…`
    pub user: String,
    /// What they are called.
    pub name: String,
    /// Whether they see it.
    pub sees: bool,
    /// The names of the groups of its audience that they are in.
    pub groups: Vec<String>,
    /// Whether its condition over people is true of them; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<bool>,
}

/// Put entitlements into a catalog. Those in it already stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddEntitlements {
    /// `ent_…`, at most 1,000 at once.
    pub entitlements: Vec<String>,
    /// How all of them may be asked for from now on, those in the catalog already included;
    /// absent: nothing is said about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AddedUnder>,
}

/// How the entitlements added may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedUnder {
    /// The policy (`pol_…`).
    pub policy: String,
    /// A limit below the policy's, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<i64>,
    /// Whether the time limit is off: it may be asked for until it is revoked as well. Only under a policy
    /// that allows that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// The policy for emergency access (`pol_…`), made for emergencies; absent: emergency access is
    /// off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_policy: Option<String>,
    /// Whether an access control that is there already is replaced; else it stays.
    #[serde(default)]
    pub replace: bool,
}

/// One entitlement of a catalog, with how it may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogEntry {
    /// What it is.
    pub entitlement: EntitlementName,
    /// How it may be asked for; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<AccessControl>,
}

/// How one entitlement may be asked for, in whichever catalog it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessControl {
    /// `ent_…`
    pub entitlement: String,
    /// The policy (`pol_…`); its latest version counts when somebody asks.
    pub policy: String,
    /// A limit below the policy's, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<i64>,
    /// Whether the time limit is off: it may be asked for until it is revoked as well. Only under a policy
    /// that allows that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// The policy for emergency access (`pol_…`), made for emergencies; absent: emergency access is
    /// off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_policy: Option<String>,
    /// For `If-Match`.
    pub version: i64,
}

/// Set how an entitlement may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAccessControl {
    /// The policy (`pol_…`).
    pub policy: String,
    /// A limit below the policy's, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_seconds: Option<i64>,
    /// Whether the time limit is off: it may be asked for until it is revoked as well. Only under a policy
    /// that allows that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// The policy for emergency access (`pol_…`), made for emergencies; absent: emergency access is
    /// off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_policy: Option<String>,
}

/// An entitlement as people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementName {
    /// `ent_…`
    pub id: String,
    /// `account_assignment`, `group_membership` or `iam_group_membership`.
    pub kind: String,
    /// What it is called: permission set on account, or group.
    #[schema(example = "AdministratorAccess on prod-payments")]
    pub name: String,
    /// The connection (`con_…`) it belongs to.
    pub connection: String,
}

/// Something one may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// What.
    pub entitlement: EntitlementName,
    /// The policy it is asked under.
    pub policy: String,
    /// Whether nobody has to approve.
    pub auto_approve: bool,
    /// The longest one may ask for, in seconds.
    pub max_duration_seconds: i64,
    /// Whether it may be asked for until it is revoked as well, if not in every case.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub until_revoked: bool,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// How it may be asked for in an emergency; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyOffer>,
}

/// How something may be asked for in an emergency. A reason is always needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmergencyOffer {
    /// The policy it is asked under then.
    pub policy: String,
    /// Whether nobody has to approve.
    pub auto_approve: bool,
    /// The longest one may ask for, in seconds.
    pub max_duration_seconds: i64,
}

/// A page of what one may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfferPage {
    /// What is on this page, by name.
    pub items: Vec<Offer>,
    /// Give it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How much there is on all pages together.
    #[serde(default)]
    pub total: i64,
}
