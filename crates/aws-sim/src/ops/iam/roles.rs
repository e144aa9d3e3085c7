//! Roles: those somebody made, and those Identity Center keeps
//! ([`crate::iam::roles`](crate::iam)).
//!
//! What it does not do: instance profiles, and AWS's service-linked roles.

use super::policies::{boundary, dense, document, encoded, in_the_way, write_boundary};
use super::reports::role_use;
use super::{
    Output, authorize, authorize_list, authorize_on, close_page, limit, marker, prefix, shapes,
    tags,
};
use crate::clock::iso;
use crate::fault::Effect;
use crate::held::Document;
use crate::iam::{Entity, IamRole, RESERVED, ROLES_PER_ACCOUNT, SERVICE_LINKED, arn};
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};
use stint_iam_policy::Kind as PolicyKind;

/// A role as far as calls about it need to know it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) name: String,
    path: String,
    /// Where it stands; none for one of Identity Center's.
    pub(super) place: Option<u32>,
    role: IamRole,
}

impl Known {
    /// Refuses the roles only AWS changes (AWS reference §5.5, §1.1 [M]).
    pub(super) fn changeable(&self) -> Result<(), ApiError> {
        if self.path.starts_with(RESERVED) || self.path.starts_with(SERVICE_LINKED) {
            return Err(ApiError::iam(
                "UnmodifiableEntity",
                format!(
                    "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                    self.name
                ),
            ));
        }
        Ok(())
    }
}

/// The role `RoleName` names, which the caller may do this to.
pub(super) fn named(world: &World, cx: &Cx<'_>) -> Result<Known, ApiError> {
    let name = cx.input().required("RoleName", shapes::ROLE_NAME)?;
    let account = cx.key.account();
    let known = find(world, account, name);
    let resource = known
        .as_ref()
        .map_or_else(|| arn(account, "role", "/", name), |known| known.role.arn());
    authorize_on(world, cx, &resource)?;
    known.ok_or_else(|| no_role(name))
}

fn find(world: &World, account: &str, name: &str) -> Option<Known> {
    if let Some(place) = world.estate.iam.role_place(account, name) {
        let role = world.estate.iam.role(place)?.clone();
        return Some(Known {
            id: role.entity.id.clone(),
            name: role.entity.name.clone(),
            path: role.entity.path.clone(),
            place: Some(place),
            role,
        });
    }
    let role = world.reserved_role_named(account, name)?;
    Some(Known {
        id: role.entity.id.clone(),
        name: role.entity.name.clone(),
        path: role.entity.path.clone(),
        place: None,
        role,
    })
}

/// The account's own roles, then Identity Center's in it.
pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    authorize_list(world, cx, "role")?;
    let prefix = prefix(&cx.input())?;
    let pager = marker(world, cx)?;
    let [kind, from, _] = pager.from;
    let account = cx.key.account();
    let own_from = if kind == 0 { from } else { u32::MAX };
    let own = world
        .estate
        .iam
        .roles_of(account, prefix, own_from)
        .map(|(n, role)| (0, n, role.clone()));
    let sets_from = if kind == 1 { from } else { 0 };
    let reserved = world
        .reserved_roles(account, sets_from)
        .filter(|(_, role)| role.entity.path.starts_with(prefix))
        .map(|(set, role)| (1, set, role));
    let (page, next) = pager.take(own.chain(reserved), |(kind, n, _)| [*kind, *n, 0]);
    let mut xml = Xml::new();
    xml.list("Roles", page, |xml, (_, _, role)| bare(xml, &role));
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn get(world: &World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    let mut xml = Xml::new();
    xml.element("Role", |xml| whole(xml, world, &known.role));
    Ok(Some(xml))
}

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = shapes::new_role_name(&input, "RoleName")?;
    let path = shapes::new_path(&input, "Path")?.unwrap_or("/");
    let description = described(cx)?;
    let longest = longest_session(cx)?.unwrap_or(3_600);
    let tags = tags::asked(cx)?;
    let account = cx.key.account();
    let resource = arn(account, "role", path, &name);
    authorize_on(world, cx, &resource)?;
    if !tags.is_empty() {
        authorize(world, cx, "iam:TagRole", &resource, &resource)?;
    }
    let trust = trust(world, cx, "AssumeRolePolicyDocument")?;
    let boundary = match input.text("PermissionsBoundary")? {
        Some(_) => Some(boundary(world, cx)?),
        None => None,
    };
    if path.starts_with(RESERVED) || path.starts_with(SERVICE_LINKED) {
        return Err(ApiError::validation(
            cx.call.service,
            "The specified value for path is reserved for AWS.",
        ));
    }
    if find(world, account, &name).is_some() {
        return Err(ApiError::iam(
            "EntityAlreadyExists",
            format!("Role with name {name} already exists."),
        ));
    }
    if world.estate.iam.roles_of(account, "/", 0).count() >= ROLES_PER_ACCOUNT {
        return Err(limit("RolesPerAccount", ROLES_PER_ACCOUNT));
    }
    let tags = tags::merged(&[], tags)?;
    let id = format!("AROA{}", world.fresh("IAM role made").upper(17));
    if boundary.is_some() {
        world.access.held.get_or_default(id.clone()).boundary = boundary;
    }
    let place = world.estate.iam.add_role(IamRole {
        entity: Entity {
            account: account.to_owned(),
            path: path.to_owned(),
            name,
            id,
            created_at: cx.moment.at,
            removed: false,
        },
        trust,
        description,
        longest_session: longest,
        tags,
    });
    let mut xml = Xml::new();
    if let Some(role) = world.estate.iam.role(place) {
        xml.element("Role", |xml| {
            bare(xml, role);
            write_boundary(xml, world, &role.entity.id);
            if !role.tags.is_empty() {
                tags::write(xml, &role.tags);
            }
        });
    }
    Ok(Some(xml))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    known.changeable()?;
    let description = described(cx)?;
    let longest = longest_session(cx)?;
    if let Some(role) = own(world, &known) {
        if description.is_some() {
            role.description = description;
        }
        if let Some(seconds) = longest {
            role.longest_session = seconds;
        }
    }
    Ok(Some(Xml::new()))
}

pub(super) fn describe(world: &mut World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    known.changeable()?;
    let description = described(cx)?;
    let description = description.ok_or_else(|| cx.input().missing("Description"))?;
    let mut xml = Xml::new();
    if let Some(role) = own(world, &known) {
        role.description = Some(description);
        let role = role.clone();
        xml.element("Role", |xml| whole(xml, world, &role));
    }
    Ok(Some(xml))
}

pub(super) fn update_trust(world: &mut World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    known.changeable()?;
    let trust = trust(world, cx, "PolicyDocument")?;
    if let Some(role) = own(world, &known) {
        role.trust = trust;
    }
    Ok(None)
}

/// Nothing goes with a role: the API refuses (AWS reference §1.1). Its sessions end with it.
pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    known.changeable()?;
    in_the_way(world, &known.id)?;
    if let Some(place) = known.place
        && !matches!(cx.effect, Some(Effect::IgnoreDelete))
    {
        world.estate.iam.remove_role(place);
        world.access.gone(&known.id);
        world.forget_principal(&known.role.arn(), &known.id);
    }
    Ok(None)
}

pub(super) fn list_tags(world: &World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows = (from..).zip(known.role.tags.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let page: tags::Tags = page.into_iter().map(|(_, tag)| tag.clone()).collect();
    let mut xml = Xml::new();
    tags::write(&mut xml, &page);
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn tag(world: &mut World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    known.changeable()?;
    let asked = tags::asked(cx)?;
    if let Some(role) = own(world, &known) {
        role.tags = tags::merged(&role.tags, asked)?;
    }
    Ok(None)
}

pub(super) fn untag(world: &mut World, cx: &Cx<'_>) -> Output {
    let known = named(world, cx)?;
    known.changeable()?;
    if let Some(role) = own(world, &known) {
        tags::without(&mut role.tags, cx);
    }
    Ok(None)
}

/// There are no instance profiles here; a role is in none.
pub(super) fn list_profiles(world: &World, cx: &Cx<'_>) -> Output {
    named(world, cx)?;
    marker(world, cx)?;
    let mut xml = Xml::new();
    xml.list("InstanceProfiles", std::iter::empty::<()>(), |_, ()| {});
    close_page(&mut xml, None);
    Ok(Some(xml))
}

fn own<'a>(world: &'a mut World, known: &Known) -> Option<&'a mut IamRole> {
    world.estate.iam.role_mut(known.place?)
}

fn described(cx: &Cx<'_>) -> Result<Option<String>, ApiError> {
    let input = cx.input();
    let text = input.text("Description")?;
    if let Some(text) = text {
        input.fits("Description", text, shapes::DESCRIPTION)?;
    }
    Ok(text.map(str::to_owned))
}

fn longest_session(cx: &Cx<'_>) -> Result<Option<i64>, ApiError> {
    let seconds = cx.input().number("MaxSessionDuration", 3_600, 43_200)?;
    Ok(seconds.and_then(|seconds| i64::try_from(seconds).ok()))
}

/// A trust policy; whom it names in accounts that are here must exist.
fn trust(world: &World, cx: &Cx<'_>, member: &str) -> Result<Document, ApiError> {
    let document = document(cx, member, PolicyKind::Trust)?;
    if dense(&document.text) > 2_048 {
        return Err(limit("ACLSizePerRole", 2_048));
    }
    for statement in &document.policy.statements {
        let entries = statement.principals.iter().flat_map(|who| &who.entries);
        for entry in entries {
            let stint_iam_policy::PrincipalEntry::Arn(who) = entry else {
                continue;
            };
            if world.is_nobody(who) {
                return Err(ApiError::iam(
                    "MalformedPolicyDocument",
                    format!("Invalid principal in policy: \"AWS\":\"{who}\""),
                ));
            }
        }
    }
    Ok(document)
}

pub(super) fn no_role(name: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    )
}

/// What the lists say of a role: no tags, boundary or last use (AWS reference §1.1 [M]).
pub(super) fn bare(xml: &mut Xml, role: &IamRole) {
    xml.text("Path", &role.entity.path)
        .text("RoleName", &role.entity.name)
        .text("RoleId", &role.entity.id)
        .text("Arn", &role.arn())
        .text("CreateDate", &iso(role.entity.created_at))
        .text("AssumeRolePolicyDocument", &encoded(&role.trust.text));
    if let Some(text) = &role.description {
        xml.text("Description", text);
    }
    xml.text("MaxSessionDuration", &role.longest_session.to_string());
}

fn whole(xml: &mut Xml, world: &World, role: &IamRole) {
    bare(xml, role);
    write_boundary(xml, world, &role.entity.id);
    if !role.tags.is_empty() {
        tags::write(xml, &role.tags);
    }
    last_used(xml, world, role);
}

pub(super) fn last_used(xml: &mut Xml, world: &World, role: &IamRole) {
    xml.element("RoleLastUsed", |xml| {
        if let Some((at, region)) = role_use(world, &role.entity.id) {
            xml.text("LastUsedDate", &iso(*at)).text("Region", region);
        }
    });
}
