//! IAM: users, groups and roles, who is in which group, their policies and credentials, and
//! what the account as a whole tells (AWS reference §1.1).
//!
//! Every call is about the caller's own account. It is judged on the ARN of the user, group,
//! role or policy it names (AWS reference §6.3 [S]); the lists, which name none, on `*`. Writes
//! take effect at once; reads of memberships lag as those of the identity store do
//! ([`crate::Knobs::read_lag_micros`]).
//!
//! What it does not do: instance profiles, SAML and OpenID providers, server certificates,
//! password policies, service-linked roles.

mod account;
mod certificates;
mod groups;
mod keys;
mod managed;
mod members;
mod mfa;
mod passwords;
mod policies;
mod reports;
mod roles;
mod service_credentials;
mod shapes;
mod simulations;
mod tags;
mod users;

use super::InXml;
use crate::access::Holder;
use crate::iam::{IamGroup, IamUser, arn};
use crate::wire::{ApiError, Input, Pager, Service, Xml};
use crate::world::{Cx, World};
use policies::On;
use shapes::NAME;

pub(super) use mfa::shows as mfa_shows;

/// What is served here, noun by noun.
pub(super) const OPERATIONS: &[&[(&str, InXml)]] =
    &[BASICS, POLICIES, MANAGED, ROLES, CREDENTIALS, ACCOUNT];

const BASICS: &[(&str, InXml)] = &[
    ("ListUsers", |world, cx| users::list(world, cx)),
    ("GetUser", |world, cx| users::get(world, cx)),
    ("CreateUser", |world, cx| users::create(world, cx)),
    ("UpdateUser", |world, cx| users::update(world, cx)),
    ("DeleteUser", |world, cx| users::delete(world, cx)),
    ("ListGroups", |world, cx| groups::list(world, cx)),
    ("GetGroup", |world, cx| groups::get(world, cx)),
    ("CreateGroup", |world, cx| groups::create(world, cx)),
    ("UpdateGroup", |world, cx| groups::update(world, cx)),
    ("DeleteGroup", |world, cx| groups::delete(world, cx)),
    ("ListGroupsForUser", |world, cx| {
        members::list_groups(world, cx)
    }),
    ("AddUserToGroup", |world, cx| members::add(world, cx)),
    ("RemoveUserFromGroup", |world, cx| {
        members::remove(world, cx)
    }),
    ("ListAccessKeys", |world, cx| keys::list(world, cx)),
    ("CreateAccessKey", |world, cx| keys::create(world, cx)),
    ("UpdateAccessKey", |world, cx| keys::update(world, cx)),
    ("DeleteAccessKey", |world, cx| keys::delete(world, cx)),
    ("GetAccessKeyLastUsed", |world, cx| {
        keys::last_used(world, cx)
    }),
    ("ListUserTags", |world, cx| tags::list(world, cx)),
    ("TagUser", |world, cx| tags::add(world, cx)),
    ("UntagUser", |world, cx| tags::remove(world, cx)),
];

const POLICIES: &[(&str, InXml)] = &[
    ("PutUserPolicy", |world, cx| {
        policies::put_inline(world, cx, On::User)
    }),
    ("GetUserPolicy", |world, cx| {
        policies::get_inline(world, cx, On::User)
    }),
    ("DeleteUserPolicy", |world, cx| {
        policies::delete_inline(world, cx, On::User)
    }),
    ("ListUserPolicies", |world, cx| {
        policies::list_inline(world, cx, On::User)
    }),
    ("AttachUserPolicy", |world, cx| {
        policies::attach(world, cx, On::User)
    }),
    ("DetachUserPolicy", |world, cx| {
        policies::detach(world, cx, On::User)
    }),
    ("ListAttachedUserPolicies", |world, cx| {
        policies::list_attached(world, cx, On::User)
    }),
    ("PutGroupPolicy", |world, cx| {
        policies::put_inline(world, cx, On::Group)
    }),
    ("GetGroupPolicy", |world, cx| {
        policies::get_inline(world, cx, On::Group)
    }),
    ("DeleteGroupPolicy", |world, cx| {
        policies::delete_inline(world, cx, On::Group)
    }),
    ("ListGroupPolicies", |world, cx| {
        policies::list_inline(world, cx, On::Group)
    }),
    ("AttachGroupPolicy", |world, cx| {
        policies::attach(world, cx, On::Group)
    }),
    ("DetachGroupPolicy", |world, cx| {
        policies::detach(world, cx, On::Group)
    }),
    ("ListAttachedGroupPolicies", |world, cx| {
        policies::list_attached(world, cx, On::Group)
    }),
    ("PutRolePolicy", |world, cx| {
        policies::put_inline(world, cx, On::Role)
    }),
    ("GetRolePolicy", |world, cx| {
        policies::get_inline(world, cx, On::Role)
    }),
    ("DeleteRolePolicy", |world, cx| {
        policies::delete_inline(world, cx, On::Role)
    }),
    ("ListRolePolicies", |world, cx| {
        policies::list_inline(world, cx, On::Role)
    }),
    ("AttachRolePolicy", |world, cx| {
        policies::attach(world, cx, On::Role)
    }),
    ("DetachRolePolicy", |world, cx| {
        policies::detach(world, cx, On::Role)
    }),
    ("ListAttachedRolePolicies", |world, cx| {
        policies::list_attached(world, cx, On::Role)
    }),
    ("PutUserPermissionsBoundary", |world, cx| {
        policies::put_boundary(world, cx, On::User)
    }),
    ("DeleteUserPermissionsBoundary", |world, cx| {
        policies::delete_boundary(world, cx, On::User)
    }),
    ("PutRolePermissionsBoundary", |world, cx| {
        policies::put_boundary(world, cx, On::Role)
    }),
    ("DeleteRolePermissionsBoundary", |world, cx| {
        policies::delete_boundary(world, cx, On::Role)
    }),
];

const MANAGED: &[(&str, InXml)] = &[
    ("CreatePolicy", |world, cx| managed::create(world, cx)),
    ("GetPolicy", |world, cx| managed::get(world, cx)),
    ("ListPolicies", |world, cx| managed::list(world, cx)),
    ("DeletePolicy", |world, cx| managed::delete(world, cx)),
    ("CreatePolicyVersion", |world, cx| {
        managed::create_version(world, cx)
    }),
    ("GetPolicyVersion", |world, cx| {
        managed::get_version(world, cx)
    }),
    ("ListPolicyVersions", |world, cx| {
        managed::list_versions(world, cx)
    }),
    ("SetDefaultPolicyVersion", |world, cx| {
        managed::set_version(world, cx)
    }),
    ("DeletePolicyVersion", |world, cx| {
        managed::delete_version(world, cx)
    }),
    ("ListEntitiesForPolicy", |world, cx| {
        managed::list_entities(world, cx)
    }),
];

const ROLES: &[(&str, InXml)] = &[
    ("ListRoles", |world, cx| roles::list(world, cx)),
    ("GetRole", |world, cx| roles::get(world, cx)),
    ("CreateRole", |world, cx| roles::create(world, cx)),
    ("UpdateRole", |world, cx| roles::update(world, cx)),
    ("UpdateRoleDescription", |world, cx| {
        roles::describe(world, cx)
    }),
    ("UpdateAssumeRolePolicy", |world, cx| {
        roles::update_trust(world, cx)
    }),
    ("DeleteRole", |world, cx| roles::delete(world, cx)),
    ("ListRoleTags", |world, cx| roles::list_tags(world, cx)),
    ("TagRole", |world, cx| roles::tag(world, cx)),
    ("UntagRole", |world, cx| roles::untag(world, cx)),
    ("ListInstanceProfilesForRole", |world, cx| {
        roles::list_profiles(world, cx)
    }),
];

const CREDENTIALS: &[(&str, InXml)] = &[
    ("CreateLoginProfile", |world, cx| {
        passwords::create(world, cx)
    }),
    ("GetLoginProfile", |world, cx| passwords::get(world, cx)),
    ("UpdateLoginProfile", |world, cx| {
        passwords::update(world, cx)
    }),
    ("DeleteLoginProfile", |world, cx| {
        passwords::delete(world, cx)
    }),
    ("UploadSigningCertificate", |world, cx| {
        certificates::upload(world, cx)
    }),
    ("ListSigningCertificates", |world, cx| {
        certificates::list(world, cx)
    }),
    ("UpdateSigningCertificate", |world, cx| {
        certificates::update(world, cx)
    }),
    ("DeleteSigningCertificate", |world, cx| {
        certificates::delete(world, cx)
    }),
    ("UploadSSHPublicKey", |world, cx| {
        certificates::upload_ssh(world, cx)
    }),
    ("GetSSHPublicKey", |world, cx| {
        certificates::get_ssh(world, cx)
    }),
    ("ListSSHPublicKeys", |world, cx| {
        certificates::list_ssh(world, cx)
    }),
    ("UpdateSSHPublicKey", |world, cx| {
        certificates::update_ssh(world, cx)
    }),
    ("DeleteSSHPublicKey", |world, cx| {
        certificates::delete_ssh(world, cx)
    }),
    ("CreateServiceSpecificCredential", |world, cx| {
        service_credentials::create(world, cx)
    }),
    ("ListServiceSpecificCredentials", |world, cx| {
        service_credentials::list(world, cx)
    }),
    ("UpdateServiceSpecificCredential", |world, cx| {
        service_credentials::update(world, cx)
    }),
    ("ResetServiceSpecificCredential", |world, cx| {
        service_credentials::reset(world, cx)
    }),
    ("DeleteServiceSpecificCredential", |world, cx| {
        service_credentials::delete(world, cx)
    }),
    ("CreateVirtualMFADevice", |world, cx| {
        mfa::create_virtual(world, cx)
    }),
    ("ListVirtualMFADevices", |world, cx| {
        mfa::list_virtual(world, cx)
    }),
    ("EnableMFADevice", |world, cx| mfa::enable(world, cx)),
    ("ListMFADevices", |world, cx| mfa::list(world, cx)),
    ("DeactivateMFADevice", |world, cx| {
        mfa::deactivate(world, cx)
    }),
    ("DeleteVirtualMFADevice", |world, cx| {
        mfa::delete_virtual(world, cx)
    }),
];

const ACCOUNT: &[(&str, InXml)] = &[
    ("ListAccountAliases", |world, cx| {
        account::list_aliases(world, cx)
    }),
    ("CreateAccountAlias", |world, cx| {
        account::create_alias(world, cx)
    }),
    ("DeleteAccountAlias", |world, cx| {
        account::delete_alias(world, cx)
    }),
    ("GetAccountSummary", |world, cx| account::summary(world, cx)),
    ("GetAccountAuthorizationDetails", |world, cx| {
        account::details(world, cx)
    }),
    ("GenerateCredentialReport", |world, cx| {
        reports::generate(world, cx)
    }),
    ("GetCredentialReport", |world, cx| reports::get(world, cx)),
    ("GenerateServiceLastAccessedDetails", |world, cx| {
        reports::generate_accessed(world, cx)
    }),
    ("GetServiceLastAccessedDetails", |world, cx| {
        reports::get_accessed(world, cx)
    }),
    ("SimulatePrincipalPolicy", |world, cx| {
        simulations::principal(world, cx)
    }),
    ("SimulateCustomPolicy", |world, cx| {
        simulations::custom(world, cx)
    }),
];

/// What an operation answers: its output, or nothing where it has none.
type Output = Result<Option<Xml>, ApiError>;

/// Refuses a caller whose policies do not allow this action on this resource.
fn authorize(
    world: &World,
    cx: &Cx<'_>,
    action: &str,
    judged_on: &str,
    named: &str,
) -> Result<(), ApiError> {
    let in_organization = world.accounts_by_id.contains_key(cx.key.account());
    let organization = in_organization.then_some(world.estate.organization_id.as_str());
    let mut context = cx.key.context(organization, cx.now());
    // With the boundary that is asked for, of whatever is made or changed (AWS reference §6.3).
    if let Ok(Some(boundary)) = cx.input().text("PermissionsBoundary") {
        context.set("iam:PermissionsBoundary", [boundary.to_owned()]);
    }
    let verdict = world.verdict(cx.key, action, judged_on, &context);
    if verdict.is_allowed() {
        return Ok(());
    }
    let why = verdict.refusal(action);
    Err(ApiError::access_denied(
        Service::Iam,
        cx.key.arn(),
        action,
        named,
        why,
    ))
}

/// For what lists an account's users or groups: no resource, but AWS's refusal names one.
fn authorize_list(world: &World, cx: &Cx<'_>, kind: &str) -> Result<(), ApiError> {
    let named = arn(cx.key.account(), kind, "/", "");
    authorize(world, cx, &cx.call.name(), "*", &named)
}

fn authorize_on(world: &World, cx: &Cx<'_>, resource: &str) -> Result<(), ApiError> {
    authorize(world, cx, &cx.call.name(), resource, resource)
}

/// A user the caller may do this to. Whether it exists, only who may learns.
fn user_named(world: &World, cx: &Cx<'_>, name: &str) -> Result<u32, ApiError> {
    let account = cx.key.account();
    let place = world.estate.iam.user_place(account, name);
    let known = place.and_then(|place| world.estate.iam.user(place));
    let resource = known.map_or_else(|| arn(account, "user", "/", name), IamUser::arn);
    authorize_on(world, cx, &resource)?;
    place.ok_or_else(|| no_user(name))
}

/// The user `UserName` names, or the caller where it names none.
fn user_or_caller(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    let input = cx.input();
    if input.text("UserName")?.is_some() {
        return user_named(world, cx, input.required("UserName", NAME)?);
    }
    match &cx.key.holder {
        Holder::User { name, .. } => user_named(world, cx, name),
        Holder::Session { .. } | Holder::Federated { .. } => Err(ApiError::validation(
            Service::Iam,
            "Must specify userName when calling with non-User credentials",
        )),
    }
}

/// The group `GroupName` names, which the caller may do this to.
fn group_of(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    let name = cx.input().required("GroupName", NAME)?;
    let account = cx.key.account();
    let place = world.estate.iam.group_place(account, name);
    let known = place.and_then(|place| world.estate.iam.group(place));
    let resource = known.map_or_else(|| arn(account, "group", "/", name), IamGroup::arn);
    authorize_on(world, cx, &resource)?;
    place.ok_or_else(|| no_group(name))
}

fn no_user(name: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("The user with name {name} cannot be found."),
    )
}

fn no_group(name: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("The group with name {name} cannot be found."),
    )
}

fn limit(quota: &str, most: usize) -> ApiError {
    ApiError::iam(
        "LimitExceeded",
        format!("Cannot exceed quota for {quota}: {most}"),
    )
}

fn conflict(first: &str) -> ApiError {
    ApiError::iam(
        "DeleteConflict",
        format!("Cannot delete entity, must {first} first."),
    )
}

fn marker(world: &World, cx: &Cx<'_>) -> Result<Pager, ApiError> {
    Pager::read_marker(&cx.input(), &cx.call.operation, world.estate.seed, cx.no)
}

/// `IsTruncated`, and `Marker` where there is more.
fn close_page(xml: &mut Xml, next: Option<&str>) {
    xml.text("IsTruncated", if next.is_some() { "true" } else { "false" });
    if let Some(next) = next {
        xml.text("Marker", next);
    }
}

/// The path a list is narrowed to; everything without one.
fn prefix<'a>(input: &Input<'a>) -> Result<&'a str, ApiError> {
    let Some(prefix) = input.text("PathPrefix")? else {
        return Ok("/");
    };
    input.fits("PathPrefix", prefix, shapes::PATH_PREFIX)?;
    Ok(prefix)
}
