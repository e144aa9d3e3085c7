//! What a test, the demo or a person must know to use a simulated AWS.

use serde::{Deserialize, Serialize};

/// Keys, names and ids of one simulated AWS. The keys open nothing but this simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// An IAM user of the management account that may do everything. Its signatures are
    /// judged by the wall clock.
    pub admin: Keys,
    /// The Stint host's base identity: an IAM user that may only assume roles. Its
    /// signatures, and those of the sessions it opens, are judged by the virtual clock.
    pub host: Keys,
    /// An IAM user of the management account that may do what Stint asks for, and change IAM
    /// group memberships: for a connection by access key, and for a host that needs no role.
    /// Judged by the virtual clock.
    pub connector_user: Keys,
    /// The organization's management account, which also owns the Identity Center instance.
    pub management_account: String,
    /// `o-…`
    pub organization_id: String,
    /// `arn:aws:sso:::instance/ssoins-…`
    pub instance_arn: String,
    /// `d-…`
    pub identity_store_id: String,
    /// Where provisioning by SCIM comes in: `/<scim_tenant_id>/scim/v2/`, with a token.
    pub scim_tenant_id: String,
    /// Where the Identity Center instance lives. Calls signed for any region are accepted.
    pub region: String,
    /// The role in the management account with the permissions Stint asks for.
    pub connector_role_arn: String,
    /// The External ID its trust policy asks for at the start.
    pub connector_external_id: String,
    /// The same role in a member account that administers nothing; none where there is no
    /// member account.
    pub member_role_arn: Option<String>,
    /// The first four users, who hold nothing but Ana's one standing assignment
    /// (`ReadOnlyAccess` on `prod-payments`, where the counts allow it) and are in no group,
    /// as long as the counts leave anybody else to pick.
    pub ana: Option<Person>,
    /// See [`Facts::ana`].
    pub bo: Option<Person>,
    /// See [`Facts::ana`].
    pub cy: Option<Person>,
    /// See [`Facts::ana`].
    pub dee: Option<Person>,
}

/// An access key of a simulated IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// `AKIA…`
    pub access_key_id: String,
    /// Forty characters.
    pub secret_access_key: String,
    /// Whose it is.
    pub arn: String,
}

/// An Identity Center user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The identity store's id.
    pub user_id: String,
    /// `ana.moreno`
    pub user_name: String,
    /// `Ana Moreno`
    pub display_name: String,
    /// `ana.moreno@acme.example`
    pub email: String,
}
