//! Policies of users, groups and roles: inline ones, attached ones, and boundaries.

use super::{Output, close_page, conflict, group_of, limit, marker, roles, shapes, user_named};
use crate::fault::Effect;
use crate::held::Document;
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};
use stint_iam_policy::Kind as PolicyKind;

/// What a policy hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    User,
    Group,
    Role,
}

impl On {
    fn word(self) -> &'static str {
        match self {
            On::User => "user",
            On::Group => "group",
            On::Role => "role",
        }
    }

    pub(super) fn member(self) -> &'static str {
        match self {
            On::User => "UserName",
            On::Group => "GroupName",
            On::Role => "RoleName",
        }
    }

    /// How much all inline policies together may hold, blanks not counted.
    fn inline_size(self) -> usize {
        match self {
            On::User => 2_048,
            On::Group => 5_120,
            On::Role => 10_240,
        }
    }

    fn attached_quota(self) -> &'static str {
        match self {
            On::User => "PoliciesPerUser",
            On::Group => "PoliciesPerGroup",
            On::Role => "PoliciesPerRole",
        }
    }
}

/// Managed policies on one user, group or role.
pub(super) const ATTACHED_QUOTA: usize = 10;

/// Who bears it: id and name.
struct Bearer {
    id: String,
    name: String,
}

/// Whoever the call names, if the caller may do this to it. With `changes`, the roles that
/// belong to AWS are refused.
fn bearer(world: &World, cx: &Cx<'_>, on: On, changes: bool) -> Result<Bearer, ApiError> {
    let entity = match on {
        On::User => {
            let name = cx.input().required("UserName", shapes::NAME)?;
            let place = user_named(world, cx, name)?;
            world.estate.iam.user(place).map(|user| &user.entity)
        }
        On::Group => {
            let place = group_of(world, cx)?;
            world.estate.iam.group(place).map(|group| &group.entity)
        }
        On::Role => {
            let role = roles::named(world, cx)?;
            if changes {
                role.changeable()?;
            }
            return Ok(Bearer {
                id: role.id,
                name: role.name,
            });
        }
    };
    let entity = entity.ok_or_else(|| ApiError::internal(cx.call.service))?;
    Ok(Bearer {
        id: entity.id.clone(),
        name: entity.name.clone(),
    })
}

pub(super) fn put_inline(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let input = cx.input();
    let who = bearer(world, cx, on, true)?;
    let name = shapes::new_policy_name(&input, "PolicyName")?;
    let document = document(cx, "PolicyDocument", PolicyKind::Identity)?;
    let held = world.access.held.get_or_default(who.id);
    let others = held.inline.iter().filter(|(known, _)| **known != name);
    let size: usize = others.map(|(_, known)| dense(&known.text)).sum();
    if size + dense(&document.text) > on.inline_size() {
        return Err(ApiError::iam(
            "LimitExceeded",
            format!(
                "Maximum policy size of {} bytes exceeded for {} {}",
                on.inline_size(),
                on.word(),
                who.name
            ),
        ));
    }
    held.inline.insert(name, document);
    Ok(None)
}

pub(super) fn get_inline(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, false)?;
    let name = cx.input().required("PolicyName", shapes::NAME)?;
    let known = world.access.held.get(&who.id);
    let known = known.and_then(|held| held.inline.get(name));
    let known = known.ok_or_else(|| no_inline(on, name))?;
    let mut xml = Xml::new();
    xml.text(on.member(), &who.name)
        .text("PolicyName", name)
        .text("PolicyDocument", &encoded(&known.text));
    Ok(Some(xml))
}

pub(super) fn delete_inline(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, true)?;
    let name = cx.input().required("PolicyName", shapes::NAME)?;
    let known = world.access.held.get_mut(&who.id);
    let known = known.filter(|held| held.inline.contains_key(name));
    let held = known.ok_or_else(|| no_inline(on, name))?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        held.inline.remove(name);
    }
    Ok(None)
}

pub(super) fn list_inline(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, false)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let held = world.access.held.get(&who.id);
    let names = held.into_iter().flat_map(|held| held.inline.keys());
    let rows = (from..).zip(names.skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.words("PolicyNames", page.into_iter().map(|(_, name)| name));
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn attach(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, true)?;
    let arn = attachable(world, cx, "PolicyArn")?;
    let held = world.access.held.get_or_default(who.id);
    if held.attached.contains(&arn) {
        return Ok(None);
    }
    if held.attached.len() >= ATTACHED_QUOTA {
        return Err(limit(on.attached_quota(), ATTACHED_QUOTA));
    }
    held.attached.push(arn);
    Ok(None)
}

pub(super) fn detach(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, true)?;
    let arn = cx.input().required("PolicyArn", shapes::ARN)?;
    let known = world.access.held.get_mut(&who.id);
    let known = known.filter(|held| held.attached.iter().any(|known| known == arn));
    let held = known
        .ok_or_else(|| ApiError::iam("NoSuchEntity", format!("Policy {arn} was not found.")))?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        held.attached.retain(|known| known != arn);
    }
    Ok(None)
}

pub(super) fn list_attached(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, false)?;
    let prefix = super::prefix(&cx.input())?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let arns = world.access.held.get(&who.id).map(|held| &held.attached);
    let policies = (from..).zip(arns.into_iter().flatten().skip(from as usize));
    let rows = policies
        .filter_map(|(n, arn)| world.access.managed.get(arn).map(|policy| (n, policy)))
        .filter(|(_, policy)| policy.path.starts_with(prefix));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("AttachedPolicies", page, |xml, (_, policy)| {
        xml.text("PolicyName", &policy.name)
            .text("PolicyArn", &policy.arn);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn put_boundary(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, true)?;
    let arn = boundary(world, cx)?;
    world.access.held.get_or_default(who.id).boundary = Some(arn);
    Ok(None)
}

pub(super) fn delete_boundary(world: &mut World, cx: &Cx<'_>, on: On) -> Output {
    let who = bearer(world, cx, on, true)?;
    let held = world.access.held.get_or_default(who.id);
    if held.boundary.is_none() {
        return Err(ApiError::iam(
            "NoSuchEntity",
            format!(
                "{} {} does not have a permission boundary.",
                on.word(),
                who.name
            ),
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        held.boundary = None;
    }
    Ok(None)
}

/// The managed policy `PermissionsBoundary` names.
pub(super) fn boundary(world: &World, cx: &Cx<'_>) -> Result<String, ApiError> {
    let arn = cx.input().required("PermissionsBoundary", shapes::ARN)?;
    if seen(world, cx, arn) {
        return Ok(arn.to_owned());
    }
    Err(ApiError::iam(
        "NoSuchEntity",
        format!("Scope ARN: {arn} does not exist or is not attachable."),
    ))
}

fn attachable(world: &World, cx: &Cx<'_>, member: &str) -> Result<String, ApiError> {
    let arn = cx.input().required(member, shapes::ARN)?;
    if seen(world, cx, arn) {
        return Ok(arn.to_owned());
    }
    Err(ApiError::iam(
        "NoSuchEntity",
        format!("Policy {arn} does not exist or is not attachable."),
    ))
}

/// Whether there is such a policy, and the account sees it.
fn seen(world: &World, cx: &Cx<'_>, arn: &str) -> bool {
    let policy = world.access.managed.get(arn);
    policy.is_some_and(|policy| {
        let of = policy.account.as_deref();
        of.is_none_or(|account| account == cx.key.account())
    })
}

/// What must be gone before its bearer can go.
pub(super) fn in_the_way(world: &World, id: &str) -> Result<(), ApiError> {
    let Some(held) = world.access.held.get(id) else {
        return Ok(());
    };
    if !held.attached.is_empty() {
        return Err(conflict("detach all policies"));
    }
    if !held.inline.is_empty() {
        return Err(conflict("delete policies"));
    }
    Ok(())
}

/// A policy document of the input, which must be one of this kind.
pub(super) fn document(cx: &Cx<'_>, member: &str, kind: PolicyKind) -> Result<Document, ApiError> {
    let text = cx.input().required(member, shapes::DOCUMENT)?;
    let malformed = |wrong: stint_iam_policy::ParseError| {
        ApiError::iam("MalformedPolicyDocument", wrong.to_string())
    };
    let document = Document::parse(text).map_err(malformed)?;
    document.policy.check(kind).map_err(malformed)?;
    Ok(document)
}

/// Characters that count: IAM does not count blanks.
pub(super) fn dense(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Documents are percent-encoded in answers (AWS reference §1.0 [M]).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn no_inline(on: On, name: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("The {} policy with name {name} cannot be found.", on.word()),
    )
}

/// A boundary, where there is one.
pub(super) fn write_boundary(xml: &mut Xml, world: &World, id: &str) {
    let held = world.access.held.get(id);
    if let Some(arn) = held.and_then(|held| held.boundary.as_ref()) {
        xml.element("PermissionsBoundary", |xml| {
            // The real value, not the one in the model [R]: `Policy` is what clients see.
            xml.text("PermissionsBoundaryType", "Policy")
                .text("PermissionsBoundaryArn", arn);
        });
    }
}
