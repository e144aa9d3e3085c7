//! The policies Stint asks people to paste into AWS.

mod blocks;
mod features;
mod partition;

pub use features::{Features, IamScope, Own, Part, UserLife, Weight};
pub use partition::partition_of_region;

use crate::condition::{Condition, Operator, Quantifier, Test};
use crate::model::{Actions, Effect, Policy, Principals, Statement, Version};
use crate::principal::PrincipalEntry;

/// The trust policy of a role that only `base_identity` may assume, and only with this
/// External ID (AWS reference §4 [D]). A session's ARN is not a principal one should name:
/// for a base identity that is itself a role session, the role is named.
pub fn trust_policy(base_identity: &str, external_id: &str) -> Policy {
    Policy {
        version: Version::V2012,
        id: None,
        statements: vec![Statement {
            sid: Some("StintAssumesThisRole".to_owned()),
            effect: Effect::Allow,
            principals: Some(Principals {
                negated: false,
                entries: vec![PrincipalEntry::Arn(role_of(base_identity))],
            }),
            actions: Actions {
                negated: false,
                patterns: vec!["sts:AssumeRole".to_owned()],
            },
            resources: None,
            conditions: vec![Condition {
                operator: Operator {
                    quantifier: Quantifier::Single,
                    test: Test::StringEquals,
                    if_exists: false,
                },
                key: "sts:ExternalId".to_owned(),
                values: vec![external_id.to_owned()],
            }],
        }],
    }
}

/// What whoever changes Identity Center has to be allowed in the account of the credential,
/// with the faster reading actions: the policy of a connection with nothing else switched on.
pub fn connector_permissions(partition: &str, account: &str) -> Policy {
    let mut features = Features::of(partition, account);
    features.identity_center = true;
    features.faster = true;
    features.policy()
}

/// `arn:aws:sts::A:assumed-role/R/S` → `arn:aws:iam::A:role/R`. The role's path is not in a
/// session's ARN; a role with a path must be given by its own ARN (AWS reference §4 [M]).
fn role_of(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if let ["arn", partition, "sts", "", account, name] = parts.as_slice()
        && let Some(rest) = name.strip_prefix("assumed-role/")
        && let Some((role, _session)) = rest.split_once('/')
    {
        return format!("arn:{partition}:iam::{account}:role/{role}");
    }
    arn.to_owned()
}
