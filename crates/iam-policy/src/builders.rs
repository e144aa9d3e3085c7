//! The policies Stint asks people to paste into AWS.

use crate::condition::{Condition, Operator, Quantifier, Test};
use crate::model::{Actions, Effect, Policy, Principals, Resources, Statement, Version};
use crate::principal::PrincipalEntry;

/// Every AWS action the connector uses on a role it has assumed, in the order of
/// [`connector_permissions`]. Nothing else is asked for; the simulated AWS lets the connector
/// do exactly this, so that a call added without its action fails at once.
pub const CONNECTOR_ACTIONS: &[&str] = &[
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "sso:ListInstances",
    "sso:ListPermissionSets",
    "sso:DescribePermissionSet",
    "sso:ListPermissionSetsProvisionedToAccount",
    "sso:ListAccountAssignments",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListAccountAssignmentCreationStatus",
    "sso:DescribeAccountAssignmentCreationStatus",
    "sso:DescribeAccountAssignmentDeletionStatus",
    "sso:CreateAccountAssignment",
    "sso:DeleteAccountAssignment",
    "identitystore:ListUsers",
    "identitystore:ListGroups",
    "identitystore:ListGroupMemberships",
    "identitystore:GetGroupMembershipId",
    "identitystore:CreateGroupMembership",
    "identitystore:DeleteGroupMembership",
];

/// The AWS actions the connector uses besides, where IAM users and groups of the role's own
/// account are Stint's business too; in the order of [`with_iam_groups`].
pub const IAM_ACTIONS: &[&str] = &[
    "iam:ListUsers",
    "iam:GetUser",
    "iam:ListGroups",
    "iam:GetGroup",
    "iam:AddUserToGroup",
    "iam:RemoveUserFromGroup",
];

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

/// What the connector's role must be allowed to do: [`CONNECTOR_ACTIONS`], reads and writes
/// apart, so that an administrator can leave the writes out at first.
pub fn connector_permissions() -> Policy {
    let read = |action: &&str| !is_write(action);
    let statement = |sid: &str, keep: &dyn Fn(&&str) -> bool| Statement {
        sid: Some(sid.to_owned()),
        effect: Effect::Allow,
        principals: None,
        actions: Actions {
            negated: false,
            patterns: CONNECTOR_ACTIONS
                .iter()
                .filter(|action| keep(action))
                .map(|action| (*action).to_owned())
                .collect(),
        },
        resources: Some(Resources {
            negated: false,
            patterns: vec!["*".to_owned()],
        }),
        conditions: Vec::new(),
    };
    let of = |service: &'static str| move |action: &&str| action.split(':').next() == Some(service);
    Policy {
        version: Version::V2012,
        id: None,
        statements: vec![
            statement("StintReadsOrganization", &|a| {
                read(a) && of("organizations")(a)
            }),
            statement("StintReadsIdentityCenter", &|a| read(a) && of("sso")(a)),
            statement("StintReadsIdentityStore", &|a| {
                read(a) && of("identitystore")(a)
            }),
            statement("StintChangesAccess", &|a| is_write(a)),
        ],
    }
}

/// What an IAM user that Stint uses by access key is to have beside
/// [`connector_permissions`]: to look whether it has a console password, and how old its keys
/// are. Only of itself.
pub fn own_user_statement() -> Statement {
    Statement {
        sid: Some("StintLooksAtItself".to_owned()),
        effect: Effect::Allow,
        principals: None,
        actions: Actions {
            negated: false,
            patterns: ["iam:GetLoginProfile", "iam:ListAccessKeys"]
                .map(str::to_owned)
                .to_vec(),
        },
        resources: Some(Resources {
            negated: false,
            patterns: vec!["arn:aws:iam::*:user/${aws:username}".to_owned()],
        }),
        conditions: Vec::new(),
    }
}

/// The same policy, with [`IAM_ACTIONS`]. Changing memberships is allowed on `groups` only:
/// an ARN, or a pattern of one. IAM cannot limit *who* is put into a group (AWS reference
/// §6.4), so whoever may do it on every group may make anybody an administrator.
pub fn with_iam_groups(mut policy: Policy, groups: &str) -> Policy {
    let statement = |sid: &str, writes: bool, resource: &str| Statement {
        sid: Some(sid.to_owned()),
        effect: Effect::Allow,
        principals: None,
        actions: Actions {
            negated: false,
            patterns: IAM_ACTIONS
                .iter()
                .filter(|action| is_write(action) == writes)
                .map(|action| (*action).to_owned())
                .collect(),
        },
        resources: Some(Resources {
            negated: false,
            patterns: vec![resource.to_owned()],
        }),
        conditions: Vec::new(),
    };
    policy.statements.extend([
        statement("StintReadsIamUsersAndGroups", false, "*"),
        statement("StintChangesIamGroupMembers", true, groups),
    ]);
    policy
}

fn is_write(action: &str) -> bool {
    [":Create", ":Delete", ":Add", ":Remove"]
        .iter()
        .any(|verb| action.contains(verb))
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
