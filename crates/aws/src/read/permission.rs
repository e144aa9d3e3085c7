//! Permission sets, and who holds which on which account.

use aws_sdk_ssoadmin::types::PrincipalType;
use aws_types::request_id::RequestId;
use stint_domain::entitlement::PrincipalKind;

use crate::error::AwsError;
use crate::estate::{Estate, Session, required};
use crate::governor::{Lane, Service};
use crate::pages::{Page, Pages};

/// A permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSet {
    /// `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// How long its sessions live, as ISO 8601 says it (`PT1H`).
    pub session_duration: Option<String>,
}

/// A principal that holds a permission set on an account, directly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentRow {
    /// The account's twelve digits.
    pub account: String,
    /// The permission set's ARN.
    pub permission_set: String,
    /// User or group.
    pub principal_kind: PrincipalKind,
    /// The principal's id in the identity store. It need not exist any more.
    pub principal_id: String,
}

const SETS: &str = "sso:ListPermissionSets";
const SET: &str = "sso:DescribePermissionSet";
const PROVISIONED: &str = "sso:ListPermissionSetsProvisionedToAccount";
const ACCOUNTS: &str = "sso:ListAccountsForProvisionedPermissionSet";
const ASSIGNMENTS: &str = "sso:ListAccountAssignments";
const HELD: &str = "sso:ListAccountAssignmentsForPrincipal";
/// The most AWS gives (AWS reference §1.3).
const PAGE: i32 = 100;

impl Estate {
    /// The ARNs of all permission sets, a hundred a page.
    pub fn permission_sets(
        &self,
        instance: &str,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<String> {
        let (estate, instance) = (self.clone(), instance.to_owned());
        Pages::new(SETS, from, move |token| {
            let (estate, instance) = (estate.clone(), instance.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.sso.list_permission_sets().instance_arn(&instance);
                    list.max_results(PAGE).set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityCenter, SETS, send)
                    .await?;
                let items = answer.permission_sets().to_vec();
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items,
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// One permission set: a listing gives only ARNs, and there is no batch.
    pub async fn permission_set(
        &self,
        instance: &str,
        arn: &str,
        lane: Lane,
    ) -> Result<PermissionSet, AwsError> {
        let send = |s: &Session| {
            let describe = s.sso.describe_permission_set().instance_arn(instance);
            describe.permission_set_arn(arn).send()
        };
        let answer = self.look(lane, Service::IdentityCenter, SET, send).await?;
        let set = answer.permission_set();
        let set = set.ok_or_else(|| AwsError::unreadable(SET, "PermissionSet"))?;
        Ok(PermissionSet {
            arn: arn.to_owned(),
            name: required(set.name(), SET, "Name")?,
            description: set.description().map(str::to_owned),
            session_duration: set.session_duration().map(str::to_owned),
        })
    }

    /// The ARNs of the permission sets provisioned to an account, a hundred a page. A set
    /// whose last assignment has gone may still be among them (AWS reference §3.3).
    pub fn provisioned_sets(
        &self,
        instance: &str,
        account: &str,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<String> {
        let (estate, instance, account) = (self.clone(), instance.to_owned(), account.to_owned());
        Pages::new(PROVISIONED, from, move |token| {
            let (estate, instance, account) = (estate.clone(), instance.clone(), account.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.sso.list_permission_sets_provisioned_to_account();
                    let list = list.instance_arn(&instance).account_id(&account);
                    list.max_results(PAGE).set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityCenter, PROVISIONED, send)
                    .await?;
                let items = answer.permission_sets().to_vec();
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items,
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// The accounts a permission set is provisioned to, a hundred a page; also one whose last
    /// assignment has gone (AWS reference §3.3).
    pub fn accounts_of_set(
        &self,
        instance: &str,
        permission_set: &str,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<String> {
        let of = (instance.to_owned(), permission_set.to_owned());
        let estate = self.clone();
        Pages::new(ACCOUNTS, from, move |token| {
            let (estate, (instance, set)) = (estate.clone(), of.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.sso.list_accounts_for_provisioned_permission_set();
                    let list = list.instance_arn(&instance).permission_set_arn(&set);
                    list.max_results(PAGE).set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityCenter, ACCOUNTS, send)
                    .await?;
                let items = answer.account_ids().to_vec();
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items,
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// What a user or a group holds on all accounts, a hundred a page. With a user AWS also
    /// lists the rows of the groups the user is in, each under the group's id (AWS reference
    /// §3.3 [R]); of a principal that is deleted it lists nothing, whatever stands.
    pub fn held_by(
        &self,
        instance: &str,
        principal: (PrincipalKind, &str),
        from: Option<String>,
        lane: Lane,
    ) -> Pages<AssignmentRow> {
        let (kind_of, id) = principal;
        let of = (instance.to_owned(), id.to_owned());
        let estate = self.clone();
        Pages::new(HELD, from, move |token| {
            let (estate, (instance, id)) = (estate.clone(), of.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.sso.list_account_assignments_for_principal();
                    let list = list.instance_arn(&instance).principal_id(&id);
                    let list = list.principal_type(principal_type(kind_of));
                    list.max_results(PAGE).set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityCenter, HELD, send)
                    .await?;
                let mut items = Vec::new();
                for row in answer.account_assignments() {
                    let place = (row.account_id(), row.permission_set_arn());
                    let holder = (row.principal_type(), row.principal_id());
                    items.extend(assignment(HELD, place, holder)?);
                }
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items,
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// Who holds a permission set on an account, a hundred a page. Principals of kinds AWS
    /// may add later are left out.
    pub fn assignments(
        &self,
        instance: &str,
        account: &str,
        permission_set: &str,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<AssignmentRow> {
        let estate = self.clone();
        let of = (
            instance.to_owned(),
            account.to_owned(),
            permission_set.to_owned(),
        );
        Pages::new(ASSIGNMENTS, from, move |token| {
            let (estate, (instance, account, set)) = (estate.clone(), of.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.sso.list_account_assignments().instance_arn(&instance);
                    let list = list.account_id(&account).permission_set_arn(&set);
                    list.max_results(PAGE).set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityCenter, ASSIGNMENTS, send)
                    .await?;
                let mut items = Vec::new();
                for row in answer.account_assignments() {
                    let place = (row.account_id(), row.permission_set_arn());
                    let holder = (row.principal_type(), row.principal_id());
                    items.extend(assignment(ASSIGNMENTS, place, holder)?);
                }
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items,
                    began,
                    next,
                    request_id,
                })
            }
        })
    }
}

/// One row, by account and permission set, and by the principal's kind and id; none where the kind is
/// one that AWS may add later.
fn assignment(
    operation: &'static str,
    (account, set): (Option<&str>, Option<&str>),
    (holder, id): (Option<&PrincipalType>, Option<&str>),
) -> Result<Option<AssignmentRow>, AwsError> {
    let Some(principal_kind) = kind(holder) else {
        return Ok(None);
    };
    Ok(Some(AssignmentRow {
        account: required(account, operation, "AccountId")?,
        permission_set: required(set, operation, "PermissionSetArn")?,
        principal_kind,
        principal_id: required(id, operation, "PrincipalId")?,
    }))
}

/// AWS's word for a principal's kind, in ours.
pub(crate) fn kind(sent: Option<&PrincipalType>) -> Option<PrincipalKind> {
    match sent {
        Some(PrincipalType::User) => Some(PrincipalKind::IdentityCenterUser),
        Some(PrincipalType::Group) => Some(PrincipalKind::IdentityCenterGroup),
        _ => None,
    }
}

/// Our word for a principal's kind, in AWS's.
pub(crate) fn principal_type(kind: PrincipalKind) -> PrincipalType {
    match kind {
        PrincipalKind::IdentityCenterUser => PrincipalType::User,
        PrincipalKind::IdentityCenterGroup => PrincipalType::Group,
        // No assignment is ever an IAM user's: AWS refuses the word, as it should.
        PrincipalKind::IamUser => PrincipalType::from("IAM_USER"),
    }
}
