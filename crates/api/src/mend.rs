//! What mends a refusal of AWS, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::EntitlementName;

/// What AWS said when it refused something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PastedRefusal {
    /// The message, as AWS, an SDK, the command line or the console said it; at most 16 KiB. Or an action
    /// and the ARN of a resource.
    #[schema(
        example = "User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ReadOnlyAccess_0123456789abcdef/ana is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::reports/2026.csv because no identity-based policy allows the s3:PutObject action"
    )]
    pub message: String,
    /// The account it happened in, twelve digits, where the message does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// What was read, and what would let it through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mended {
    /// Who was refused; absent where the message does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Denied>,
    /// `service:Name`
    pub action: String,
    /// What it was about; absent where the message does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The account that was looked at; absent where nobody says which, and then nothing is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `not_allowed`, `unsaid` or `by_resource`: access may mend it. `denied`, `by_organization`,
    /// `by_boundary`, `by_session` or `by_endpoint`: no access does.
    pub because: String,
    /// What that means, in words.
    pub advice: String,
    /// What the caller may ask for and that would let it through, the surest and narrowest first.
    pub found: Vec<Mending>,
    /// How much more there is.
    pub more: usize,
}

/// Somebody who was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Denied {
    /// As the message writes it.
    pub arn: String,
    /// The permission set whose session it was, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
}

/// Something that would let it through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mending {
    /// What to ask for.
    pub entitlement: EntitlementName,
    /// `allows`, or `may_allow` where not everything it hangs on is known.
    pub verdict: String,
    /// Why.
    pub why: String,
    /// What the group to be joined holds, where that is what lets it through and the caller may ask for
    /// that as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<EntitlementName>,
}
