//! What is switched on, and the permission policy that is exactly for it.

use std::collections::BTreeSet;

use super::blocks;
use crate::model::{Policy, Statement, Version};
use crate::pattern::glob;

/// What Stint is to do in one AWS account, as its permission policy is made from.
///
/// Nothing is switched on by default: [`Features::of`] says where, the rest is added.
///
/// ```
/// use stint_iam_policy::Features;
/// let mut features = Features::of("aws", "111122223333");
/// features.identity_center = true;
/// features.faster = true;
/// assert!(features.actions().contains(&"sso:ListAccountAssignmentsForPrincipal".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// `aws`, `aws-us-gov` or `aws-cn`.
    pub partition: String,
    /// The account the policy is for; `*` where one policy is for several.
    pub account: String,
    /// Organizations and IAM Identity Center: reading, and changing assignments and memberships.
    pub identity_center: bool,
    /// Reading actions that can be done without, and that make a sync cheaper: of whatever else
    /// is switched on.
    pub faster: bool,
    /// Assignments in the management account: Identity Center acts there with the caller's own
    /// IAM permissions (AWS reference §7).
    pub management_account: bool,
    /// The tags of the organization's accounts: reading.
    pub account_tags: bool,
    /// IAM users and groups of the account.
    pub iam: Option<IamScope>,
    /// IAM roles of the account, and who can assume them: reading.
    pub iam_roles: bool,
    /// Creating, disabling and deleting IAM users, among those of [`Features::iam`].
    pub iam_user_life: Option<UserLife>,
    /// The queue that change events come from, by its ARN.
    pub change_events: Option<String>,
    /// The name (with its path, if it has one) of the role that is assumed in member accounts.
    pub member_role: Option<String>,
    /// The customer-managed KMS key Identity Center is encrypted with, by its ARN.
    pub kms_key: Option<String>,
    /// Who it is that has the policy.
    pub own: Own,
}

/// Which IAM users and groups are Stint's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamScope {
    /// Whose names begin so, directly under `path`; all, when empty.
    pub user_prefix: String,
    /// Under which path: `/` for all, `/stint/` for some.
    pub user_path: String,
    /// The ARNs, or patterns of them, of the groups whose members may be changed. None at all:
    /// every group of the account.
    pub groups: Vec<String>,
    /// Whether memberships are changed, or only read.
    pub changes: bool,
}

impl IamScope {
    /// Every user and every group.
    pub fn everything() -> Self {
        Self {
            user_prefix: String::new(),
            user_path: "/".to_owned(),
            groups: Vec::new(),
            changes: true,
        }
    }

    /// Whether this user may be put into and taken out of groups. IAM cannot say that (AWS
    /// reference §6.4: only the group is a resource), so whoever changes memberships asks here.
    ///
    /// No wider than what the policy allows on users: a prefix holds directly under the path.
    pub fn has_user(&self, path: &str, name: &str) -> bool {
        if self.user_prefix.is_empty() {
            path.starts_with(&self.user_path)
        } else {
            path == self.user_path && name.starts_with(&self.user_prefix)
        }
    }

    /// Whether the members of the group with this ARN may be changed.
    pub fn has_group(&self, arn: &str) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|pattern| glob(pattern, arn))
    }

    /// Whether every group of the account is in it, an administrators' group too: whoever may
    /// change its members can make anybody, also itself, an administrator.
    pub fn has_every_group(&self) -> bool {
        self.groups.is_empty()
            || self.groups.iter().any(|pattern| {
                matches!(
                    pattern.splitn(6, ':').nth(5),
                    Some("*" | "group*" | "group/*")
                ) || pattern == "*"
            })
    }
}

/// How IAM users are created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserLife {
    /// The permissions boundary every created user has, by its ARN.
    pub boundary: Option<String>,
}

/// Who has the policy, and so what it may see and change of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Own {
    /// Not known.
    #[default]
    Unknown,
    /// The role with this ARN, which Stint assumes.
    Role(String),
    /// The role with this ARN, as which Stint runs. The path may be missing in it: a session's ARN
    /// has none (AWS reference §6.2).
    Host(String),
    /// An IAM user.
    User {
        /// Its ARN, which alone tells its path; none where it is not known which user it is.
        arn: Option<String>,
        /// Whether it makes itself new access keys and deletes the old ones.
        rotates: bool,
    },
}

/// How much a part of the policy matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// What is switched on cannot be read without it.
    Needed,
    /// Nothing can be given or taken without it; it can still be looked.
    Changes,
    /// Works without, by more calls or with less known.
    Faster,
    /// Only for the test of the connection.
    Testing,
}

/// One statement of a permission policy, with what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is for, in a few words: `read permission sets`.
    pub purpose: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// What stands in the policy.
    pub statement: Statement,
}

impl Features {
    /// Nothing switched on, in this partition and account.
    pub fn of(partition: &str, account: &str) -> Self {
        Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
            identity_center: false,
            faster: false,
            management_account: false,
            account_tags: false,
            iam: None,
            iam_roles: false,
            iam_user_life: None,
            change_events: None,
            member_role: None,
            kms_key: None,
            own: Own::Unknown,
        }
    }

    /// The permission policy, statement by statement. Every action on every resource stands in
    /// it once; reads and changes are apart, so that an administrator can leave the changes out
    /// at first.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for mut part in blocks::of(self) {
            let resources = patterns(&part.statement).to_vec();
            let given = |action: &String| {
                parts.iter().any(|earlier| {
                    let same = &earlier.statement;
                    let conditions = &same.conditions;
                    (conditions.is_empty() || *conditions == part.statement.conditions)
                        && same.actions.patterns.contains(action)
                        && resources
                            .iter()
                            .all(|wanted| patterns(same).iter().any(|had| glob(had, wanted)))
                })
            };
            let left: Vec<String> = part
                .statement
                .actions
                .patterns
                .iter()
                .filter(|action| !given(action))
                .cloned()
                .collect();
            if left.is_empty() {
                continue;
            }
            part.statement.actions.patterns = left;
            parts.push(part);
        }
        parts
    }

    /// The permission policy. Without a statement when nothing is switched on.
    pub fn policy(&self) -> Policy {
        Policy {
            version: Version::V2012,
            id: None,
            statements: self
                .parts()
                .into_iter()
                .map(|part| part.statement)
                .collect(),
        }
    }

    /// Every action in it, once, in its order.
    pub fn actions(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.parts()
            .into_iter()
            .flat_map(|part| part.statement.actions.patterns)
            .filter(|action| seen.insert(action.clone()))
            .collect()
    }
}

fn patterns(statement: &Statement) -> &[String] {
    statement
        .resources
        .as_ref()
        .map_or(&[], |resources| &resources.patterns)
}
