//! The account as a whole: alias, summary, and everything at once.

use super::policies::{encoded, write_boundary};
use super::{Output, authorize, close_page, groups, managed, marker, roles, tags, users};
use crate::clock::iso;
use crate::fault::Effect;
use crate::held::Managed;
use crate::iam::{
    CERTIFICATES_PER_USER, GROUPS_PER_ACCOUNT, GROUPS_PER_USER, IamGroup, IamRole, IamUser,
    KEYS_PER_USER, USERS_PER_ACCOUNT,
};
use crate::wire::{ApiError, Xml, form};
use crate::world::{Cx, World};

fn may(world: &World, cx: &Cx<'_>) -> Result<(), ApiError> {
    authorize(world, cx, &cx.call.name(), "*", "*")
}

pub(super) fn list_aliases(world: &World, cx: &Cx<'_>) -> Output {
    may(world, cx)?;
    marker(world, cx)?;
    let alias = world.estate.iam.aliases.get(cx.key.account());
    let mut xml = Xml::new();
    xml.words("AccountAliases", alias);
    close_page(&mut xml, None);
    Ok(Some(xml))
}

/// An account has one alias; another takes its place.
pub(super) fn create_alias(world: &mut World, cx: &Cx<'_>) -> Output {
    may(world, cx)?;
    let alias = cx.input().required("AccountAlias", super::shapes::ALIAS)?;
    let account = cx.key.account();
    let mut others = world.estate.iam.aliases.iter();
    if others.any(|(of, known)| of != account && known == alias) {
        return Err(ApiError::iam(
            "EntityAlreadyExists",
            format!("The account alias {alias} already exists."),
        ));
    }
    world
        .estate
        .iam
        .aliases
        .insert(account.to_owned(), alias.to_owned());
    Ok(None)
}

pub(super) fn delete_alias(world: &mut World, cx: &Cx<'_>) -> Output {
    may(world, cx)?;
    let alias = cx.input().required("AccountAlias", super::shapes::ALIAS)?;
    let account = cx.key.account();
    if world.estate.iam.aliases.get(account).map(String::as_str) != Some(alias) {
        return Err(ApiError::iam(
            "NoSuchEntity",
            format!("The account alias {alias} cannot be found."),
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        world.estate.iam.aliases.remove(account);
    }
    Ok(None)
}

pub(super) fn summary(world: &World, cx: &Cx<'_>) -> Output {
    may(world, cx)?;
    let account = cx.key.account();
    let iam = &world.estate.iam;
    let users = iam.users_of(account, "/", 0).count();
    let groups = iam.groups_of(account, "/", 0).count();
    let own = iam.roles_of(account, "/", 0).count();
    let roles = own + world.reserved_roles(account, 0).count();
    let devices = iam.virtual_mfas.iter();
    let devices: Vec<_> = devices
        .filter(|known| !known.removed && known.account == account)
        .collect();
    let in_use = iam.users_of(account, "/", 0);
    let in_use: usize = in_use.map(|(_, user)| user.credentials.mfa.len()).sum();
    let own_policies = world.access.managed.seen_by(account, 0);
    let own_policies: Vec<&Managed> = own_policies
        .map(|(_, policy)| policy)
        .filter(|policy| policy.account.is_some())
        .collect();
    let versions: usize = own_policies
        .iter()
        .map(|policy| policy.versions.len())
        .sum();
    let entries = [
        ("AccessKeysPerUserQuota", KEYS_PER_USER),
        ("AccountAccessKeysPresent", 0),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", 2_048),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("GlobalEndpointTokenVersion", 1),
        ("GroupPolicySizeQuota", 5_120),
        ("Groups", groups),
        ("GroupsPerUserQuota", GROUPS_PER_USER),
        ("GroupsQuota", GROUPS_PER_ACCOUNT),
        ("InstanceProfiles", 0),
        ("InstanceProfilesQuota", 1_000),
        ("MFADevices", devices.len()),
        ("MFADevicesInUse", in_use),
        ("Policies", own_policies.len()),
        ("PoliciesQuota", 1_500),
        ("PolicySizeQuota", 6_144),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", 10_000),
        ("Providers", 0),
        ("RolePolicySizeQuota", 10_240),
        ("Roles", roles),
        ("RolesQuota", 1_000),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", CERTIFICATES_PER_USER),
        ("UserPolicySizeQuota", 2_048),
        ("Users", users),
        ("UsersQuota", USERS_PER_ACCOUNT),
        ("VersionsPerPolicyQuota", 5),
    ];
    let mut xml = Xml::new();
    xml.element("SummaryMap", |xml| {
        for (name, count) in entries {
            xml.element("entry", |xml| {
                xml.text("key", name).text("value", &count.to_string());
            });
        }
    });
    Ok(Some(xml))
}

/// What one row of the details is about.
enum Row<'a> {
    User(&'a IamUser, u32),
    Group(&'a IamGroup),
    Role(IamRole),
    Policy(&'a Managed),
}

/// Users, then groups, roles and policies, one page after the other. A page holds fewer rows
/// than asked for: AWS's do, for their size (AWS reference §3.1 [K]).
pub(super) fn details(world: &World, cx: &Cx<'_>) -> Output {
    may(world, cx)?;
    let wanted = form::list(&cx.call.input, "Filter", "");
    const KINDS: &[&str] = &[
        "User",
        "Role",
        "Group",
        "LocalManagedPolicy",
        "AWSManagedPolicy",
    ];
    for word in &wanted {
        if !KINDS.contains(word) {
            return Err(cx.input().breach(
                "Filter",
                word,
                &format!("Member must satisfy enum value set: [{}]", KINDS.join(", ")),
            ));
        }
    }
    let asked = |kind: &str| wanted.is_empty() || wanted.contains(&kind);
    let mut pager = marker(world, cx)?;
    pager.limit = pager.limit.min(DETAILS);
    let account = cx.key.account();
    let iam = &world.estate.iam;
    let [kind, at, _] = pager.from;
    let from = |of: u32| if kind == of { at } else { 0 };
    let users = iam
        .users_of(account, "/", from(0))
        .filter(|_| kind == 0 && asked("User"));
    let users = users.map(|(n, user)| (0, n, Row::User(user, n)));
    let groups = iam
        .groups_of(account, "/", from(1))
        .filter(|_| kind <= 1 && asked("Group"));
    let groups = groups.map(|(n, group)| (1, n, Row::Group(group)));
    let own = iam
        .roles_of(account, "/", from(2))
        .filter(|_| kind <= 2 && asked("Role"));
    let own = own.map(|(n, role)| (2, n, Row::Role(role.clone())));
    let reserved = world.reserved_roles(account, from(3));
    let reserved = reserved.filter(|_| kind <= 3 && asked("Role"));
    let reserved = reserved.map(|(n, role)| (3, n, Row::Role(role)));
    let policies = world.access.managed.seen_by(account, from(4) as usize);
    let policies = policies.filter(|(_, policy)| match &policy.account {
        Some(_) => asked("LocalManagedPolicy"),
        // Of AWS's own, those in use [D].
        None => asked("AWSManagedPolicy") && managed::uses(world, account, &policy.arn) != (0, 0),
    });
    let policies = policies.map(|(n, policy)| (4, super::super::place_of(n), Row::Policy(policy)));
    let rows = users
        .chain(groups)
        .chain(own)
        .chain(reserved)
        .chain(policies);
    let (page, next) = pager.take(rows, |(kind, n, _)| [*kind, *n, 0]);
    let rows = || page.iter().map(|(_, _, row)| row);
    let mut xml = Xml::new();
    let users = rows().filter_map(|row| match row {
        Row::User(user, place) => Some((*user, *place)),
        _ => None,
    });
    xml.list("UserDetailList", users, |xml, (user, place)| {
        user_details(xml, world, user, place);
    });
    let groups = rows().filter_map(|row| match row {
        Row::Group(group) => Some(*group),
        _ => None,
    });
    xml.list("GroupDetailList", groups, |xml, group| {
        groups::members(xml, group);
        policies_of(xml, world, "GroupPolicyList", &group.entity.id);
    });
    let roles = rows().filter_map(|row| match row {
        Row::Role(role) => Some(role),
        _ => None,
    });
    xml.list("RoleDetailList", roles, |xml, role| {
        role_details(xml, world, role);
    });
    let policies = rows().filter_map(|row| match row {
        Row::Policy(policy) => Some(*policy),
        _ => None,
    });
    xml.list("Policies", policies, |xml, policy| {
        policy_details(xml, world, account, policy);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

/// How many rows fit a page of details, whatever is asked for.
const DETAILS: usize = 150;

fn user_details(xml: &mut Xml, world: &World, user: &IamUser, place: u32) {
    users::bare(xml, user);
    policies_of(xml, world, "UserPolicyList", &user.entity.id);
    let groups = world.relations().iam_groups_of(place, 0);
    let groups = groups.filter_map(|group| world.estate.iam.group(group));
    xml.words("GroupList", groups.map(|group| &group.entity.name));
    write_boundary(xml, world, &user.entity.id);
    tags::write(xml, &user.tags);
}

fn role_details(xml: &mut Xml, world: &World, role: &IamRole) {
    roles::bare(xml, role);
    xml.list("InstanceProfileList", std::iter::empty::<()>(), |_, ()| {});
    policies_of(xml, world, "RolePolicyList", &role.entity.id);
    write_boundary(xml, world, &role.entity.id);
    tags::write(xml, &role.tags);
    roles::last_used(xml, world, role);
}

fn policies_of(xml: &mut Xml, world: &World, list: &str, id: &str) {
    let held = world.access.held.get(id);
    let inline = held.into_iter().flat_map(|held| &held.inline);
    xml.list(list, inline, |xml, (name, document)| {
        xml.text("PolicyName", name)
            .text("PolicyDocument", &encoded(&document.text));
    });
    let attached = held.into_iter().flat_map(|held| &held.attached);
    let attached = attached.filter_map(|arn| world.access.managed.get(arn));
    xml.list("AttachedManagedPolicies", attached, |xml, policy| {
        xml.text("PolicyName", &policy.name)
            .text("PolicyArn", &policy.arn);
    });
}

fn policy_details(xml: &mut Xml, world: &World, account: &str, policy: &Managed) {
    let (attachments, boundaries) = managed::uses(world, account, &policy.arn);
    xml.text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", &format!("v{}", policy.in_force))
        .text("AttachmentCount", &attachments.to_string())
        .text("PermissionsBoundaryUsageCount", &boundaries.to_string())
        .text("IsAttachable", "true")
        .text("CreateDate", &iso(policy.created_at))
        .text("UpdateDate", &iso(policy.updated_at));
    xml.list(
        "PolicyVersionList",
        policy.versions.iter().rev(),
        |xml, known| {
            managed::version(xml, known, known.number == policy.in_force, true);
        },
    );
}
