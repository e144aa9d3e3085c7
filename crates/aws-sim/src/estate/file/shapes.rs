//! What may stand in an estate's file. What is not here is refused, with where it stands.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

/// A text that is looked up or refused by where it stands.
pub(super) type Name = Spanned<String>;
/// A policy: as YAML, or as the text of a JSON document.
pub(super) type Paper = Spanned<Value>;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    /// Where ids and keys come from that the file does not give.
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) management: Account,
    #[serde(default)]
    pub(super) accounts: Vec<Account>,
    #[serde(default)]
    pub(super) service_control_policies: Vec<Scp>,
    /// Names of the policies attached to the root, besides the one of AWS's.
    #[serde(default)]
    pub(super) root_policies: Vec<Name>,
    #[serde(default)]
    pub(super) units: Vec<Unit>,
    #[serde(default)]
    pub(super) delegated_administrators: Vec<Delegate>,
    #[serde(default)]
    pub(super) iam: Vec<InAccount>,
    #[serde(default)]
    pub(super) permission_sets: Vec<Set>,
    #[serde(default)]
    pub(super) people: Vec<Person>,
    #[serde(default)]
    pub(super) groups: Vec<Group>,
    #[serde(default)]
    pub(super) assignments: Vec<Assignment>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) name: Name,
    /// Twelve digits; from the seed if there are none.
    pub(super) id: Option<Name>,
    pub(super) email: Option<String>,
    /// The path of a unit: `Workloads/Prod`; the root if there is none.
    pub(super) unit: Option<Name>,
    #[serde(default)]
    pub(super) state: State,
    /// Names of the policies attached to it, besides the one of AWS's.
    #[serde(default)]
    pub(super) policies: Vec<Name>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    #[default]
    Active,
    Suspended,
    PendingClosure,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unit {
    pub(super) name: Name,
    #[serde(default)]
    pub(super) policies: Vec<Name>,
    #[serde(default)]
    pub(super) units: Vec<Unit>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scp {
    pub(super) name: Name,
    #[serde(default)]
    pub(super) description: String,
    pub(super) policy: Paper,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delegate {
    pub(super) account: Name,
    /// `sso.amazonaws.com`
    pub(super) service: Name,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InAccount {
    pub(super) account: Name,
    pub(super) alias: Option<Name>,
    #[serde(default)]
    pub(super) policies: Vec<Managed>,
    #[serde(default)]
    pub(super) groups: Vec<Entity>,
    #[serde(default)]
    pub(super) users: Vec<Entity>,
    #[serde(default)]
    pub(super) roles: Vec<Entity>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Managed {
    pub(super) name: Name,
    pub(super) path: Option<String>,
    pub(super) description: Option<String>,
    pub(super) policy: Paper,
}

/// A user, group or role of IAM. What only some of them have is refused for the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entity {
    pub(super) name: Name,
    pub(super) path: Option<String>,
    /// By name.
    #[serde(default)]
    pub(super) inline: BTreeMap<String, Paper>,
    /// ARNs, or names of the account's own or of AWS's.
    #[serde(default)]
    pub(super) attached: Vec<Name>,
    /// Of a user: names of groups.
    #[serde(default)]
    pub(super) groups: Vec<Name>,
    /// Of a user or role: an ARN or name.
    pub(super) boundary: Option<Name>,
    /// Of a role, which must have one.
    pub(super) trust: Option<Paper>,
    /// Of a role.
    pub(super) description: Option<Name>,
    /// Of a role, in seconds.
    pub(super) longest_session: Option<Spanned<i64>>,
    /// Of a user or role.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    pub(super) name: Name,
    pub(super) description: Option<String>,
    /// `PT4H`; an hour if there is none.
    pub(super) session: Option<Name>,
    pub(super) relay_state: Option<String>,
    /// ARNs or names of AWS's own.
    #[serde(default)]
    pub(super) managed: Vec<Name>,
    /// Names of policies the accounts must have, with a path before them if it is not `/`.
    #[serde(default)]
    pub(super) customer_managed: Vec<Name>,
    pub(super) inline: Option<Paper>,
    /// The ARN or name of one of AWS's own.
    pub(super) boundary: Option<Name>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) user_name: Name,
    pub(super) given_name: String,
    pub(super) family_name: String,
    /// Given and family name if there is none.
    pub(super) display_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) disabled: bool,
    /// An identity provider's own id, as provisioning by SCIM gives it.
    pub(super) external_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Name,
    pub(super) description: Option<String>,
    /// User names.
    #[serde(default)]
    pub(super) members: Vec<Name>,
    /// See [`Person::external_id`].
    pub(super) external_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assignment {
    pub(super) permission_set: Name,
    /// Names or ids; every combination of these with users and groups is assigned.
    pub(super) accounts: Vec<Name>,
    #[serde(default)]
    pub(super) users: Vec<Name>,
    #[serde(default)]
    pub(super) groups: Vec<Name>,
}
