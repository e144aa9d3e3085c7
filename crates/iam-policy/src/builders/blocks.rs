//! The statements, switch by switch.
//!
//! An action stands with the resources it is judged on, all of them and no others (AWS reference
//! §6.3 [S]; a test compares with the table), so that no pair of action and resource is there
//! for nothing; `*` only where an action has no resource type.

use super::features::{Features, IamScope, Own, Part, UserLife, Weight};
use crate::condition::{Condition, Operator, Quantifier, Test};
use crate::model::{Actions, Effect, Resources, Statement};

/// What is made into statements, in the order of the policy.
pub(super) fn of(features: &Features) -> Vec<Part> {
    let mut parts = Parts {
        features,
        made: Vec::new(),
    };
    if features.identity_center {
        parts.identity_center();
        if features.faster {
            parts.identity_center_faster();
        }
    }
    if features.account_tags {
        parts.account_tags();
    }
    if features.management_account {
        parts.management_account();
    }
    if let Some(scope) = &features.iam {
        parts.iam(scope);
        if let Some(life) = &features.iam_user_life {
            parts.user_life(scope, life);
        }
    }
    if features.iam_roles {
        parts.add(
            "StintReadsIamRoles",
            "read IAM roles and who can assume them",
            Weight::Needed,
            &["iam:ListRoles"],
            &["*"],
        );
    }
    if features.faster && (features.iam.is_some() || features.iam_roles) {
        parts.add(
            "StintReadsIamFaster",
            "read all of IAM in few calls",
            Weight::Faster,
            &[
                "iam:GetAccountAuthorizationDetails",
                "iam:GenerateCredentialReport",
                "iam:GetCredentialReport",
            ],
            &["*"],
        );
        parts.add(
            "StintReadsAccountAlias",
            "show what the account's sign-in page is called",
            Weight::Faster,
            &["iam:ListAccountAliases"],
            &["*"],
        );
    }
    if let Some(queue) = &features.change_events {
        parts.add(
            "StintReceivesChangeEvents",
            "receive change events",
            Weight::Needed,
            // DeleteMessageBatch is allowed by DeleteMessage [S].
            &[
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            ],
            &[queue],
        );
        if features.identity_center {
            parts.one_by_one();
        }
    }
    if let Some(role) = &features.member_role {
        let arn = format!(
            "arn:{}:iam::*:role/{}",
            features.partition,
            role.trim_start_matches('/')
        );
        parts.add(
            "StintEntersMemberAccounts",
            "enter member accounts",
            Weight::Needed,
            &["sts:AssumeRole"],
            &[&arn],
        );
    }
    if let Some(key) = &features.kms_key {
        parts.add(
            "StintReadsEncryptedIdentityCenter",
            "read an Identity Center that is encrypted with a key of your own",
            Weight::Needed,
            &["kms:Decrypt"],
            &[key],
        );
    }
    parts.own();
    parts.made
}

struct Parts<'a> {
    features: &'a Features,
    made: Vec<Part>,
}

impl Parts<'_> {
    fn add(
        &mut self,
        sid: &str,
        purpose: &'static str,
        weight: Weight,
        actions: &[&str],
        resources: &[&str],
    ) -> &mut Statement {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        self.made.push(Part {
            purpose,
            weight,
            statement: Statement {
                sid: Some(sid.to_owned()),
                effect: Effect::Allow,
                principals: None,
                actions: Actions {
                    negated: false,
                    patterns: owned(actions),
                },
                resources: Some(Resources {
                    negated: false,
                    patterns: owned(resources),
                }),
                conditions: Vec::new(),
            },
        });
        let last = self.made.last_mut().expect("a part was just added");
        &mut last.statement
    }

    /// `arn:<partition>:iam::<account>:<rest>`
    fn iam_arn(&self, rest: &str) -> String {
        let Features {
            partition, account, ..
        } = self.features;
        format!("arn:{partition}:iam::{account}:{rest}")
    }

    fn identity_center(&mut self) {
        let at = Center::of(&self.features.partition);
        let Center {
            instance,
            set,
            account,
            store,
            user,
            group,
            membership,
        } = &at;
        self.add(
            "StintFindsTheEstate",
            "find the accounts of the organization and the Identity Center instance",
            Weight::Needed,
            &["organizations:ListAccounts", "sso:ListInstances"],
            &["*"],
        );
        self.add(
            "StintReadsOrganization",
            "see which account manages the organization",
            Weight::Faster,
            &["organizations:DescribeOrganization"],
            &["*"],
        );
        self.add(
            "StintListsPermissionSets",
            "list permission sets",
            Weight::Needed,
            &["sso:ListPermissionSets"],
            &[instance],
        );
        self.add(
            "StintReadsPermissionSets",
            "read permission sets",
            Weight::Needed,
            &["sso:DescribePermissionSet"],
            &[instance, set],
        );
        self.add(
            "StintReadsAccounts",
            "see which permission sets an account has",
            Weight::Needed,
            &["sso:ListPermissionSetsProvisionedToAccount"],
            &[account, instance],
        );
        self.add(
            "StintReadsAssignments",
            "read account assignments",
            Weight::Needed,
            &["sso:ListAccountAssignments"],
            &[account, instance, set],
        );
        self.add(
            "StintReadsUsers",
            "read Identity Center users",
            Weight::Needed,
            &["identitystore:ListUsers"],
            &[store, user],
        );
        self.add(
            "StintReadsGroups",
            "read Identity Center groups",
            Weight::Needed,
            &["identitystore:ListGroups"],
            &[store, group],
        );
        self.add(
            "StintReadsMembers",
            "read who is in Identity Center groups",
            Weight::Needed,
            &["identitystore:ListGroupMemberships"],
            &[store, group, membership],
        );
        self.add(
            "StintReadsMemberships",
            "see whether a user is in an Identity Center group",
            Weight::Faster,
            &["identitystore:GetGroupMembershipId"],
            &[store, user, group, membership],
        );
        self.add(
            "StintFollowsChanges",
            "follow changes of account assignments to their end",
            Weight::Changes,
            &[
                "sso:DescribeAccountAssignmentCreationStatus",
                "sso:DescribeAccountAssignmentDeletionStatus",
            ],
            &[instance],
        );
        self.add(
            "StintFindsLostChanges",
            "find a change again whose answer was lost",
            Weight::Faster,
            &["sso:ListAccountAssignmentCreationStatus"],
            &[instance],
        );
        self.add(
            "StintChangesAssignments",
            "give and take account assignments",
            Weight::Changes,
            &["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"],
            &[account, instance, set],
        );
        self.add(
            "StintAddsMembers",
            "add users to Identity Center groups",
            Weight::Changes,
            &["identitystore:CreateGroupMembership"],
            &[store, user, group],
        );
        self.add(
            "StintRemovesMembers",
            "remove users from Identity Center groups",
            Weight::Changes,
            &["identitystore:DeleteGroupMembership"],
            &[store, user, group, membership],
        );
    }

    /// What changed is read again by itself; without these the whole list is.
    fn one_by_one(&mut self) {
        let at = Center::of(&self.features.partition);
        self.add(
            "StintReadsOneUser",
            "read an Identity Center user that changed",
            Weight::Faster,
            &["identitystore:DescribeUser"],
            &[&at.store, &at.user],
        );
        self.add(
            "StintReadsOneGroup",
            "read an Identity Center group that changed",
            Weight::Faster,
            &["identitystore:DescribeGroup"],
            &[&at.store, &at.group],
        );
    }

    fn identity_center_faster(&mut self) {
        let at = Center::of(&self.features.partition);
        self.add(
            "StintReadsFasterByPrincipal",
            "read what one user or group holds in one call",
            Weight::Faster,
            &["sso:ListAccountAssignmentsForPrincipal"],
            &[&at.instance],
        );
        self.add(
            "StintReadsFasterBySet",
            "read which accounts have a permission set in one call",
            Weight::Faster,
            &["sso:ListAccountsForProvisionedPermissionSet"],
            &[&at.instance, &at.set],
        );
        self.add(
            "StintReadsFasterByMember",
            "read which groups a user is in with one call",
            Weight::Faster,
            &["identitystore:ListGroupMembershipsForMember"],
            &[&at.store, &at.user, &at.membership],
        );
        self.add(
            "StintReadsSetPolicies",
            "show what permission sets allow to whoever decides",
            Weight::Faster,
            &[
                "sso:GetInlinePolicyForPermissionSet",
                "sso:GetPermissionsBoundaryForPermissionSet",
                "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
                "sso:ListManagedPoliciesInPermissionSet",
            ],
            &[&at.instance, &at.set],
        );
        let purpose = "show where accounts are in the organization";
        self.add(
            "StintReadsOrganizationRoot",
            purpose,
            Weight::Faster,
            &["organizations:ListRoots"],
            &["*"],
        );
        let place =
            |kind: &str| format!("arn:{}:organizations::*:{kind}/*", self.features.partition);
        let (root, unit) = (place("root"), place("ou"));
        self.add(
            "StintReadsOrganizationUnits",
            purpose,
            Weight::Faster,
            &[
                "organizations:ListOrganizationalUnitsForParent",
                "organizations:ListAccountsForParent",
            ],
            &[&root, &unit],
        );
    }

    /// One call an account. Judged on the one thing that is asked about (AWS reference §6.3 [S]),
    /// whose ARN names the management account and the organization (§1.4).
    fn account_tags(&mut self) {
        let account = format!(
            "arn:{}:organizations::*:account/*/*",
            self.features.partition
        );
        self.add(
            "StintReadsAccountTags",
            "read the tags of accounts, for conditions that ask about them",
            Weight::Faster,
            &["organizations:ListTagsForResource"],
            &[&account],
        );
    }

    /// AWS reference §6.5 and §7: what Identity Center does in the management account in the name
    /// of whoever asks. `UpdateSAMLProvider` is what people report as missing [R].
    fn management_account(&mut self) {
        let roles = self.iam_arn("role/aws-reserved/sso.amazonaws.com/*");
        let providers = self.iam_arn("saml-provider/AWSSSO_*_DO_NOT_DELETE");
        let purpose = "give and take access to the management account";
        self.add(
            "StintChangesManagementAccountRoles",
            purpose,
            Weight::Changes,
            &[
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:GetRole",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
                "iam:PutRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            &[&roles],
        );
        self.add(
            "StintChangesManagementAccountProvider",
            purpose,
            Weight::Changes,
            &["iam:GetSAMLProvider", "iam:UpdateSAMLProvider"],
            &[&providers],
        );
        self.add(
            "StintReadsManagementAccount",
            purpose,
            Weight::Changes,
            &["iam:ListPolicies", "iam:ListRoles"],
            &["*"],
        );
    }

    /// The users of the scope, as IAM names them. A prefix holds directly under the path.
    fn users(&self, scope: &IamScope) -> String {
        let IamScope {
            user_path,
            user_prefix,
            ..
        } = scope;
        self.iam_arn(&format!("user{user_path}{user_prefix}*"))
    }

    fn groups(&self, scope: &IamScope) -> Vec<String> {
        if scope.groups.is_empty() {
            vec![self.iam_arn("group/*")]
        } else {
            scope.groups.clone()
        }
    }

    /// IAM cannot limit *who* is put into a group (AWS reference §6.4), so whoever may do it on
    /// every group may make anybody an administrator: the groups are named.
    fn iam(&mut self, scope: &IamScope) {
        let every_group = self.iam_arn("group/*");
        self.add(
            "StintListsIamUsersAndGroups",
            "list IAM users and groups",
            Weight::Needed,
            &["iam:ListUsers", "iam:ListGroups"],
            &["*"],
        );
        self.add(
            "StintReadsIamGroups",
            "read who is in IAM groups",
            Weight::Needed,
            &["iam:GetGroup"],
            &[&every_group],
        );
        if scope.changes {
            let users = self.users(scope);
            self.add(
                "StintReadsIamUsers",
                "see who bears a user name before a membership is changed",
                Weight::Faster,
                &["iam:GetUser"],
                &[&users],
            );
            let groups = self.groups(scope);
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            self.add(
                "StintChangesIamGroupMembers",
                "add users to IAM groups and remove them",
                Weight::Changes,
                &["iam:AddUserToGroup", "iam:RemoveUserFromGroup"],
                &groups,
            );
        }
    }

    /// Everything that may hang on a user has to be listed and removed before it can be deleted
    /// (AWS reference §1.1).
    fn user_life(&mut self, scope: &IamScope, life: &UserLife) {
        let users = self.users(scope);
        let create = self.add(
            "StintCreatesIamUsers",
            "create IAM users",
            Weight::Changes,
            &["iam:CreateUser"],
            &[&users],
        );
        if let Some(boundary) = &life.boundary {
            create.conditions.push(Condition {
                operator: Operator {
                    quantifier: Quantifier::Single,
                    test: Test::StringEquals,
                    if_exists: false,
                },
                key: "iam:PermissionsBoundary".to_owned(),
                values: vec![boundary.clone()],
            });
        }
        self.add(
            "StintKeepsIamUsers",
            "mark, disable and delete IAM users with everything that hangs on them",
            Weight::Changes,
            &[
                "iam:GetUser",
                "iam:TagUser",
                "iam:GetLoginProfile",
                "iam:DeleteLoginProfile",
                "iam:ListAccessKeys",
                "iam:UpdateAccessKey",
                "iam:DeleteAccessKey",
                "iam:ListSigningCertificates",
                "iam:DeleteSigningCertificate",
                "iam:ListSSHPublicKeys",
                "iam:DeleteSSHPublicKey",
                "iam:ListServiceSpecificCredentials",
                "iam:DeleteServiceSpecificCredential",
                "iam:ListMFADevices",
                "iam:DeactivateMFADevice",
                "iam:ListUserPolicies",
                "iam:DeleteUserPolicy",
                "iam:ListAttachedUserPolicies",
                "iam:DetachUserPolicy",
                "iam:ListGroupsForUser",
                "iam:DeleteUser",
            ],
            &[&users],
        );
        let devices = self.iam_arn("mfa/*");
        self.add(
            "StintDeletesMfaDevices",
            "delete the virtual MFA devices of IAM users that are deleted",
            Weight::Changes,
            &["iam:DeleteVirtualMFADevice"],
            &[&devices],
        );
        let groups = self.groups(scope);
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        self.add(
            "StintTakesUsersOutOfGroups",
            "take IAM users that are deleted out of their groups",
            Weight::Changes,
            &["iam:RemoveUserFromGroup"],
            &groups,
        );
    }

    fn own(&mut self) {
        match &self.features.own {
            Own::Unknown => {}
            Own::Role(arn) => {
                self.add(
                    "StintTestsItself",
                    "see what the role lacks and what it need not have",
                    Weight::Testing,
                    &["iam:SimulatePrincipalPolicy"],
                    &[arn],
                );
            }
            Own::Host(arn) => {
                self.add(
                    "StintTestsItself",
                    "see what the role lacks and what it need not have",
                    Weight::Testing,
                    &["iam:GetRole", "iam:SimulatePrincipalPolicy"],
                    &[arn],
                );
            }
            Own::User { arn, rotates } => {
                // The variable has no path, the ARN does. No two users of an account have one name,
                // whatever their paths: both patterns together are this one user.
                let itself = match arn {
                    Some(arn) => vec![arn.clone()],
                    None => vec![
                        self.iam_arn("user/${aws:username}"),
                        self.iam_arn("user/*/${aws:username}"),
                    ],
                };
                let itself: Vec<&str> = itself.iter().map(String::as_str).collect();
                self.add(
                    "StintLooksAtItself",
                    "see what the user lacks, and how old its access keys are",
                    Weight::Testing,
                    &[
                        "iam:GetLoginProfile",
                        "iam:ListAccessKeys",
                        "iam:SimulatePrincipalPolicy",
                    ],
                    &itself,
                );
                if *rotates {
                    self.add(
                        "StintRotatesItsKeys",
                        "replace the user's own access key",
                        Weight::Changes,
                        &[
                            "iam:CreateAccessKey",
                            "iam:UpdateAccessKey",
                            "iam:DeleteAccessKey",
                        ],
                        &itself,
                    );
                }
            }
        }
    }
}

/// Identity Center's and the identity store's ARNs: none of them tells an account or a region,
/// but for the store's (AWS reference §1.0.1 and §6.3 [S]).
struct Center {
    instance: String,
    set: String,
    account: String,
    store: String,
    user: String,
    group: String,
    membership: String,
}

impl Center {
    fn of(partition: &str) -> Self {
        let sso = |rest: &str| format!("arn:{partition}:sso:::{rest}");
        let store = |rest: &str| format!("arn:{partition}:identitystore::{rest}");
        Self {
            instance: sso("instance/*"),
            set: sso("permissionSet/*/*"),
            account: sso("account/*"),
            // The account that owns it, which is not the delegated administrator's.
            store: store("*:identitystore/*"),
            user: store(":user/*"),
            group: store(":group/*"),
            membership: store(":membership/*"),
        }
    }
}
