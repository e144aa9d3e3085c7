//! IAM: users, groups, who is in which, access keys and tags (AWS reference §1.1).
//!
//! Every call is about the caller's own account. It is judged on the ARN of the user or group
//! it names (AWS reference §6.3 [S]); the lists, which name none, on `*`. Writes take effect
//! at once; reads of memberships lag as those of the identity store do
//! ([`crate::Knobs::read_lag_micros`]).
//!
//! What it does not do: passwords themselves, MFA devices, certificates, SSH keys, policies of
//! users and groups (so nothing of them stands in the way of a deletion), and roles.

mod groups;
mod keys;
mod members;
mod profiles;
mod shapes;
mod tags;
mod users;

use super::InXml;
use crate::access::Holder;
use crate::iam::{IamGroup, IamUser, arn};
use crate::wire::{ApiError, Input, Pager, Service, Xml};
use crate::world::{Cx, World};
use shapes::NAME;

/// What is served here, noun by noun.
pub(super) const OPERATIONS: &[&[(&str, InXml)]] = &[BASICS];

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
    ("GetLoginProfile", |world, cx| profiles::get(world, cx)),
    ("CreateLoginProfile", |world, cx| {
        profiles::create(world, cx)
    }),
    ("DeleteLoginProfile", |world, cx| {
        profiles::delete(world, cx)
    }),
    ("ListUserTags", |world, cx| tags::list(world, cx)),
    ("TagUser", |world, cx| tags::add(world, cx)),
    ("UntagUser", |world, cx| tags::remove(world, cx)),
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
    let context = cx.key.context(organization, cx.now());
    let verdict = world.access.verdict(cx.key, action, judged_on, &context);
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
        Holder::Session { .. } => Err(ApiError::validation(
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
