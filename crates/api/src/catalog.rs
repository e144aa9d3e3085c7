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
    /// How many entitlements are in it.
    pub entitlements: i64,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// For `If-Match`.
    pub version: i64,
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
    /// The groups (`grp_…`) whose members see it; none: nobody.
    #[serde(default)]
    pub audience: Vec<String>,
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
