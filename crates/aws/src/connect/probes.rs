//! Calls that change nothing, to see whether an action may be called: what AWS cannot simulate for
//! a credential is tried.
//!
//! "There is no such thing" is a yes: AWS looks first whether the caller may ask.

use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::PrincipalType;
use aws_types::request_id::RequestId;

use super::TestReport;
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

/// What a probe came to.
pub(super) enum Probe {
    /// It may be called.
    Works(Option<String>),
    /// AWS does not allow it.
    Denied(AwsError),
    /// It failed otherwise: that says nothing.
    Failed(AwsError),
    /// There is no call for it that changes nothing.
    Untried,
}

/// No user, group or request has this id.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
/// Nobody is called so.
const NAME: &str = "stint-asks-about-nobody";

/// Real things of the estate, to ask about.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    /// A permission set.
    pub(super) set: Option<String>,
    instance: Option<String>,
    store: Option<String>,
    owner: Option<String>,
    account: Option<String>,
    user_name: Option<String>,
}

impl Samples {
    /// The same, with what the test knows by now.
    pub(super) fn of(self, principal: &str, report: &TestReport) -> Self {
        let instance = report.instance.as_ref();
        Self {
            instance: instance.map(|it| it.instance_arn.clone()),
            store: instance.map(|it| it.identity_store_id.clone()),
            owner: instance.map(|it| it.owner_account.clone()),
            account: report.account.clone(),
            user_name: (principal.split_once(":user/"))
                .map(|(_, rest)| rest.rsplit('/').next().unwrap_or(rest).to_owned()),
            set: self.set,
        }
    }

    /// A real ARN, or one that could be, for a pattern of the policy.
    pub(super) fn fill(&self, pattern: &str) -> String {
        let own = |known: &Option<String>, or: String| known.clone().unwrap_or(or);
        let account = own(&self.account, "000000000000".to_owned());
        let pattern = match &self.user_name {
            Some(name) => pattern.replace("${aws:username}", name),
            None => pattern.to_owned(),
        };
        if pattern == "*" {
            return pattern;
        }
        if pattern.ends_with(":instance/*") {
            return own(
                &self.instance,
                pattern.replace('*', "ssoins-0000000000000000"),
            );
        }
        if pattern.ends_with(":permissionSet/*/*") {
            let made = pattern.replace("*/*", "ssoins-0000000000000000/ps-0000000000000000");
            return own(&self.set, made);
        }
        if pattern.contains(":sso:::account/") {
            return pattern.replace('*', &account);
        }
        if let Some(before) = pattern.strip_suffix("*:identitystore/*") {
            let owner = own(&self.owner, account);
            let store = own(&self.store, "d-0000000000".to_owned());
            return format!("{before}{owner}:identitystore/{store}");
        }
        if pattern.contains(":identitystore:::") {
            return pattern.replace('*', NOBODY);
        }
        // An account of the organization: its own ARN has no more of the names than this.
        if let Some(before) = pattern.strip_suffix("*:account/*/*") {
            return format!("{before}{account}:account/o-0000000000/{account}");
        }
        // Everything else is a name, or part of one; an account where one stands.
        let pattern = pattern.replace("::*:", &format!("::{account}:"));
        pattern.replace('*', NAME)
    }
}

impl Estate {
    /// Tries an action, if it can be tried without changing anything.
    pub(super) async fn probe(&self, action: &str, samples: &Samples) -> Probe {
        let tried = match action.split_once(':') {
            Some(("organizations" | "sso", _)) => self.probe_center(action, samples).await,
            Some(("identitystore", _)) => self.probe_store(action, samples).await,
            Some(("iam", _)) => self.probe_iam_action(action).await,
            _ => None,
        };
        match tried {
            None => Probe::Untried,
            Some(Ok(request_id)) => Probe::Works(request_id),
            Some(Err(error)) => match error.kind {
                ErrorKind::Denied => Probe::Denied(error),
                ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Conflict => {
                    Probe::Works(error.request_id)
                }
                _ => Probe::Failed(error),
            },
        }
    }

    async fn probe_center(&self, action: &str, samples: &Samples) -> Option<Tried> {
        let lane = Lane::Interactive;
        let center = Service::IdentityCenter;
        let instance = samples.fill("arn:aws:sso:::instance/*");
        let set = samples.fill("arn:aws:sso:::permissionSet/*/*");
        let account = samples.account.clone().unwrap_or_default();
        let (instance, set, account) = (&instance, &set, &account);
        macro_rules! tried {
            ($service:expr, $name:literal, $call:expr) => {
                id(self.look(lane, $service, $name, $call).await)
            };
        }
        Some(match action {
            "organizations:DescribeOrganization" => tried!(
                Service::Organizations,
                "organizations:DescribeOrganization",
                |s: &Session| s.organizations.describe_organization().send()
            ),
            "organizations:ListAccounts" => tried!(
                Service::Organizations,
                "organizations:ListAccounts",
                |s: &Session| s.organizations.list_accounts().max_results(1).send()
            ),
            "organizations:ListTagsForResource" => tried!(
                Service::Organizations,
                "organizations:ListTagsForResource",
                |s: &Session| {
                    let list = s.organizations.list_tags_for_resource();
                    list.resource_id(account).send()
                }
            ),
            "sso:ListInstances" => tried!(center, "sso:ListInstances", |s: &Session| {
                s.sso.list_instances().send()
            }),
            "sso:ListPermissionSets" => {
                tried!(center, "sso:ListPermissionSets", |s: &Session| {
                    let list = s.sso.list_permission_sets().instance_arn(instance);
                    list.max_results(1).send()
                })
            }
            "sso:DescribePermissionSet" => {
                tried!(center, "sso:DescribePermissionSet", |s: &Session| {
                    let get = s.sso.describe_permission_set().instance_arn(instance);
                    get.permission_set_arn(set).send()
                })
            }
            "sso:ListPermissionSetsProvisionedToAccount" => tried!(
                center,
                "sso:ListPermissionSetsProvisionedToAccount",
                |s: &Session| {
                    let list = s.sso.list_permission_sets_provisioned_to_account();
                    let list = list.instance_arn(instance).account_id(account);
                    list.max_results(1).send()
                }
            ),
            "sso:ListAccountAssignments" => {
                tried!(center, "sso:ListAccountAssignments", |s: &Session| {
                    let list = s.sso.list_account_assignments().instance_arn(instance);
                    let list = list.account_id(account).permission_set_arn(set);
                    list.max_results(1).send()
                })
            }
            "sso:ListAccountAssignmentsForPrincipal" => tried!(
                center,
                "sso:ListAccountAssignmentsForPrincipal",
                |s: &Session| {
                    let list = s.sso.list_account_assignments_for_principal();
                    let list = list.instance_arn(instance).principal_id(NOBODY);
                    list.principal_type(PrincipalType::Group)
                        .max_results(1)
                        .send()
                }
            ),
            "sso:ListAccountsForProvisionedPermissionSet" => tried!(
                center,
                "sso:ListAccountsForProvisionedPermissionSet",
                |s: &Session| {
                    let list = s.sso.list_accounts_for_provisioned_permission_set();
                    let list = list.instance_arn(instance).permission_set_arn(set);
                    list.max_results(1).send()
                }
            ),
            "sso:ListManagedPoliciesInPermissionSet" => tried!(
                center,
                "sso:ListManagedPoliciesInPermissionSet",
                |s: &Session| {
                    let list = s.sso.list_managed_policies_in_permission_set();
                    let list = list.instance_arn(instance).permission_set_arn(set);
                    list.max_results(1).send()
                }
            ),
            "sso:ListCustomerManagedPolicyReferencesInPermissionSet" => tried!(
                center,
                "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
                |s: &Session| {
                    let list = (s.sso).list_customer_managed_policy_references_in_permission_set();
                    let list = list.instance_arn(instance).permission_set_arn(set);
                    list.max_results(1).send()
                }
            ),
            "sso:GetInlinePolicyForPermissionSet" => tried!(
                center,
                "sso:GetInlinePolicyForPermissionSet",
                |s: &Session| {
                    let get = s.sso.get_inline_policy_for_permission_set();
                    get.instance_arn(instance).permission_set_arn(set).send()
                }
            ),
            "sso:GetPermissionsBoundaryForPermissionSet" => tried!(
                center,
                "sso:GetPermissionsBoundaryForPermissionSet",
                |s: &Session| {
                    let get = s.sso.get_permissions_boundary_for_permission_set();
                    get.instance_arn(instance).permission_set_arn(set).send()
                }
            ),
            "sso:ListAccountAssignmentCreationStatus" => tried!(
                center,
                "sso:ListAccountAssignmentCreationStatus",
                |s: &Session| {
                    let list = s.sso.list_account_assignment_creation_status();
                    list.instance_arn(instance).max_results(1).send()
                }
            ),
            "sso:DescribeAccountAssignmentCreationStatus" => tried!(
                center,
                "sso:DescribeAccountAssignmentCreationStatus",
                |s: &Session| {
                    let get = s.sso.describe_account_assignment_creation_status();
                    let get = get.instance_arn(instance);
                    get.account_assignment_creation_request_id(NOBODY).send()
                }
            ),
            "sso:DescribeAccountAssignmentDeletionStatus" => tried!(
                center,
                "sso:DescribeAccountAssignmentDeletionStatus",
                |s: &Session| {
                    let get = s.sso.describe_account_assignment_deletion_status();
                    let get = get.instance_arn(instance);
                    get.account_assignment_deletion_request_id(NOBODY).send()
                }
            ),
            _ => return None,
        })
    }

    async fn probe_store(&self, action: &str, samples: &Samples) -> Option<Tried> {
        let lane = Lane::Interactive;
        let store = samples.store.as_deref()?;
        let nobody = || MemberId::UserId(NOBODY.to_owned());
        macro_rules! tried {
            ($name:literal, $call:expr) => {
                id(self.look(lane, Service::IdentityStore, $name, $call).await)
            };
        }
        Some(match action {
            "identitystore:ListUsers" => tried!("identitystore:ListUsers", |s: &Session| {
                let list = s.store.list_users().identity_store_id(store);
                list.max_results(1).send()
            }),
            "identitystore:ListGroups" => tried!("identitystore:ListGroups", |s: &Session| {
                let list = s.store.list_groups().identity_store_id(store);
                list.max_results(1).send()
            }),
            "identitystore:ListGroupMemberships" => {
                tried!("identitystore:ListGroupMemberships", |s: &Session| {
                    let list = s.store.list_group_memberships().identity_store_id(store);
                    list.group_id(NOBODY).max_results(1).send()
                })
            }
            "identitystore:GetGroupMembershipId" => {
                tried!("identitystore:GetGroupMembershipId", |s: &Session| {
                    let get = s.store.get_group_membership_id().identity_store_id(store);
                    get.group_id(NOBODY).member_id(nobody()).send()
                })
            }
            "identitystore:ListGroupMembershipsForMember" => {
                tried!(
                    "identitystore:ListGroupMembershipsForMember",
                    |s: &Session| {
                        let list = s.store.list_group_memberships_for_member();
                        let list = list.identity_store_id(store).member_id(nobody());
                        list.max_results(1).send()
                    }
                )
            }
            _ => return None,
        })
    }

    /// Only what is judged on everything, or on a name alone: where a thing is under a path, AWS
    /// would judge another ARN than the policy has.
    async fn probe_iam_action(&self, action: &str) -> Option<Tried> {
        let lane = Lane::Interactive;
        macro_rules! tried {
            ($name:literal, $call:expr) => {
                id(self.look(lane, Service::Iam, $name, $call).await)
            };
        }
        Some(match action {
            "iam:ListUsers" => tried!("iam:ListUsers", |s: &Session| {
                s.iam.list_users().max_items(1).send()
            }),
            "iam:ListGroups" => tried!("iam:ListGroups", |s: &Session| {
                s.iam.list_groups().max_items(1).send()
            }),
            "iam:ListRoles" => tried!("iam:ListRoles", |s: &Session| {
                s.iam.list_roles().max_items(1).send()
            }),
            "iam:GetGroup" => tried!("iam:GetGroup", |s: &Session| {
                s.iam.get_group().group_name(NAME).max_items(1).send()
            }),
            "iam:GetAccountAuthorizationDetails" => {
                tried!("iam:GetAccountAuthorizationDetails", |s: &Session| {
                    s.iam
                        .get_account_authorization_details()
                        .max_items(1)
                        .send()
                })
            }
            "iam:GetCredentialReport" => tried!("iam:GetCredentialReport", |s: &Session| {
                s.iam.get_credential_report().send()
            }),
            _ => return None,
        })
    }
}

type Tried = Result<Option<String>, AwsError>;

/// AWS's id of a call that went well.
fn id<T: RequestId>(answer: Result<T, AwsError>) -> Tried {
    answer.map(|answer| answer.request_id().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_filled_with_what_could_be() {
        let samples = Samples {
            account: Some("111122223333".to_owned()),
            user_name: Some("stint".to_owned()),
            ..Samples::default()
        };
        for (pattern, filled) in [
            ("*", "*"),
            (
                "arn:aws:sso:::account/*",
                "arn:aws:sso:::account/111122223333",
            ),
            (
                "arn:aws:identitystore::*:identitystore/*",
                "arn:aws:identitystore::111122223333:identitystore/d-0000000000",
            ),
            (
                "arn:aws:iam::111122223333:user/${aws:username}",
                "arn:aws:iam::111122223333:user/stint",
            ),
            (
                "arn:aws:organizations::*:account/*/*",
                "arn:aws:organizations::111122223333:account/o-0000000000/111122223333",
            ),
            (
                "arn:aws:iam::*:role/StintMember",
                "arn:aws:iam::111122223333:role/StintMember",
            ),
            (
                "arn:aws:iam::111122223333:user/ops/app-*",
                "arn:aws:iam::111122223333:user/ops/app-stint-asks-about-nobody",
            ),
        ] {
            assert_eq!(samples.fill(pattern), filled);
        }
        assert!(
            !samples
                .fill("arn:aws:sso:::permissionSet/*/*")
                .contains('*')
        );
    }
}
