//! What a permission set allows: the policies in it.

use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session, required};
use crate::governor::{Lane, Service};

/// The policies of a permission set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetPolicies {
    /// ARNs of AWS's own policies.
    pub managed: Vec<String>,
    /// Path and name of policies that each account has to have itself.
    pub customer: Vec<(String, String)>,
    /// The inline policy, as text.
    pub inline: Option<String>,
    /// The permissions boundary: an ARN of AWS's own, or path and name of one that each account has
    /// to have.
    pub boundary: Option<String>,
}

const MANAGED: &str = "sso:ListManagedPoliciesInPermissionSet";
const CUSTOMER: &str = "sso:ListCustomerManagedPolicyReferencesInPermissionSet";
const INLINE: &str = "sso:GetInlinePolicyForPermissionSet";
const BOUNDARY: &str = "sso:GetPermissionsBoundaryForPermissionSet";
/// The most AWS gives (AWS reference §1.3).
const PAGE: i32 = 100;

fn named(path: &str, name: &str) -> String {
    format!("{path}{name}")
}

impl Estate {
    /// The policies of a permission set: four calls, where each list is one page.
    pub async fn set_policies(
        &self,
        instance: &str,
        arn: &str,
        lane: Lane,
    ) -> Result<SetPolicies, AwsError> {
        let service = Service::IdentityCenter;
        let mut found = SetPolicies::default();
        let mut token: Option<String> = None;
        loop {
            let send = |s: &Session| {
                let list = s.sso.list_managed_policies_in_permission_set();
                let list = list.instance_arn(instance).permission_set_arn(arn);
                list.max_results(PAGE).set_next_token(token.clone()).send()
            };
            let answer = self.look(lane, service, MANAGED, send).await?;
            for policy in answer.attached_managed_policies() {
                found.managed.push(required(policy.arn(), MANAGED, "Arn")?);
            }
            token = next(MANAGED, token.as_deref(), answer.next_token())?;
            if token.is_none() {
                break;
            }
        }
        loop {
            let send = |s: &Session| {
                let list = s
                    .sso
                    .list_customer_managed_policy_references_in_permission_set();
                let list = list.instance_arn(instance).permission_set_arn(arn);
                list.max_results(PAGE).set_next_token(token.clone()).send()
            };
            let answer = self.look(lane, service, CUSTOMER, send).await?;
            for policy in answer.customer_managed_policy_references() {
                let path = policy.path().unwrap_or("/").to_owned();
                found.customer.push((path, policy.name().to_owned()));
            }
            token = next(CUSTOMER, token.as_deref(), answer.next_token())?;
            if token.is_none() {
                break;
            }
        }
        let send = |s: &Session| {
            let get = s.sso.get_inline_policy_for_permission_set();
            get.instance_arn(instance).permission_set_arn(arn).send()
        };
        let answer = self.look(lane, service, INLINE, send).await?;
        let inline = answer.inline_policy().filter(|text| !text.is_empty());
        found.inline = inline.map(str::to_owned);
        let send = |s: &Session| {
            let get = s.sso.get_permissions_boundary_for_permission_set();
            get.instance_arn(instance).permission_set_arn(arn).send()
        };
        match self.look(lane, service, BOUNDARY, send).await {
            Ok(answer) => {
                found.boundary = answer.permissions_boundary().and_then(|boundary| {
                    let theirs = boundary.customer_managed_policy_reference();
                    let theirs = theirs.map(|it| named(it.path().unwrap_or("/"), it.name()));
                    boundary.managed_policy_arn().map(str::to_owned).or(theirs)
                });
            }
            // There is none.
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(found)
    }
}

/// The token to go on with; an equal one would go on for ever.
fn next(
    operation: &'static str,
    before: Option<&str>,
    next: Option<&str>,
) -> Result<Option<String>, AwsError> {
    match next {
        Some(next) if before == Some(next) => {
            Err(AwsError::unreadable(operation, "a new page token"))
        }
        other => Ok(other.map(str::to_owned)),
    }
}
