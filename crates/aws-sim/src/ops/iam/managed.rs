//! Managed policies of the account, in versions, and AWS's own.

use super::policies::{dense, document, encoded};
use super::{Output, authorize_list, authorize_on, close_page, limit, marker, shapes, tags};
use crate::clock::iso;
use crate::fault::Effect;
use crate::held::{Managed, Revision, managed_arn};
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};
use stint_iam_policy::Kind as PolicyKind;

const VERSIONS: usize = 5;
const LARGEST: usize = 6_144;
/// What an account may have (AWS reference §1.1 [D] for the others of its kind).
const POLICIES_PER_ACCOUNT: usize = 1_500;

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = shapes::new_policy_name(&input, "PolicyName")?;
    let path = shapes::new_path(&input, "Path")?.unwrap_or("/");
    let description = input.text("Description")?.map(str::to_owned);
    if let Some(text) = &description {
        input.fits("Description", text, shapes::DESCRIPTION)?;
    }
    let tags = tags::asked(cx)?;
    let account = cx.key.account();
    let arn = managed_arn(account, path, &name);
    authorize_on(world, cx, &arn)?;
    let document = sized(cx)?;
    let own = || {
        let seen = world.access.managed.seen_by(account, 0);
        seen.filter(|(_, policy)| policy.account.is_some())
    };
    if own().any(|(_, known)| known.name.eq_ignore_ascii_case(&name)) {
        return Err(ApiError::iam(
            "EntityAlreadyExists",
            format!("A policy called {name} already exists. Duplicate names are not allowed."),
        ));
    }
    if own().count() >= POLICIES_PER_ACCOUNT {
        return Err(limit("PoliciesPerAccount", POLICIES_PER_ACCOUNT));
    }
    let at = cx.moment.at;
    let policy = Managed {
        arn: arn.clone(),
        account: Some(account.to_owned()),
        path: path.to_owned(),
        name,
        id: format!("ANPA{}", world.fresh("managed policy made").upper(17)),
        description,
        created_at: at,
        updated_at: at,
        tags: tags::merged(&[], tags)?,
        versions: vec![Revision {
            number: 1,
            document,
            created_at: at,
        }],
        in_force: 1,
        made: 1,
        removed: false,
    };
    world.access.managed.add(policy);
    Ok(whole(world, &arn, false))
}

pub(super) fn get(world: &World, cx: &Cx<'_>) -> Output {
    let arn = named(world, cx)?;
    Ok(whole(world, &arn, true))
}

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    authorize_list(world, cx, "policy")?;
    let input = cx.input();
    let scope = input
        .word("Scope", &["All", "AWS", "Local"])?
        .unwrap_or("All");
    let attached = truth(&input.word("OnlyAttached", &["true", "false"])?);
    let usage = input.word(
        "PolicyUsageFilter",
        &["PermissionsPolicy", "PermissionsBoundary"],
    )?;
    let prefix = super::prefix(&input)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows = world
        .access
        .managed
        .seen_by(cx.key.account(), from as usize)
        .filter(|(_, policy)| match scope {
            "AWS" => policy.account.is_none(),
            "Local" => policy.account.is_some(),
            _ => true,
        })
        .filter(|(_, policy)| policy.path.starts_with(prefix))
        .filter(|(_, policy)| {
            let (attachments, boundaries) = uses(world, cx.key.account(), &policy.arn);
            match (attached, usage) {
                (false, None) => true,
                (true, None) => attachments + boundaries > 0,
                (_, Some("PermissionsBoundary")) => boundaries > 0,
                (_, Some(_)) => attachments > 0,
            }
        });
    let (page, next) = pager.take(rows, |(n, _)| [super::super::place_of(*n), 0, 0]);
    let mut xml = Xml::new();
    xml.list("Policies", page, |xml, (_, policy)| {
        members(xml, world, cx.key.account(), policy);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let arn = own(world, cx)?;
    let (attachments, boundaries) = uses(world, cx.key.account(), &arn);
    if attachments + boundaries > 0 {
        return Err(ApiError::iam(
            "DeleteConflict",
            "Cannot delete a policy attached to entities.",
        ));
    }
    let versions = world
        .access
        .managed
        .get(&arn)
        .map_or(0, |policy| policy.versions.len());
    if versions > 1 {
        return Err(ApiError::iam(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        world.access.managed.remove(&arn);
    }
    Ok(None)
}

pub(super) fn create_version(world: &mut World, cx: &Cx<'_>) -> Output {
    let arn = own(world, cx)?;
    let document = sized(cx)?;
    let in_force = truth(&cx.input().word("SetAsDefault", &["true", "false"])?);
    let at = cx.moment.at;
    let Some(policy) = world.access.managed.get_mut(&arn) else {
        return Ok(None);
    };
    if policy.versions.len() >= VERSIONS {
        return Err(ApiError::iam(
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
        ));
    }
    policy.made += 1;
    policy.updated_at = at;
    let revision = Revision {
        number: policy.made,
        document,
        created_at: at,
    };
    if in_force {
        policy.in_force = revision.number;
    }
    policy.versions.push(revision.clone());
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| {
        version(xml, &revision, in_force, false)
    });
    Ok(Some(xml))
}

pub(super) fn get_version(world: &World, cx: &Cx<'_>) -> Output {
    let arn = named(world, cx)?;
    let number = version_asked(cx)?;
    let Some(policy) = world.access.managed.get(&arn) else {
        return Ok(None);
    };
    let known = policy
        .revision(number)
        .ok_or_else(|| no_version(&arn, number))?;
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| {
        version(xml, known, number == policy.in_force, true);
    });
    Ok(Some(xml))
}

/// Newest first.
pub(super) fn list_versions(world: &World, cx: &Cx<'_>) -> Output {
    let arn = named(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(policy) = world.access.managed.get(&arn) else {
        return Ok(None);
    };
    let rows = (from..).zip(policy.versions.iter().rev().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("Versions", page, |xml, (_, known)| {
        version(xml, known, known.number == policy.in_force, false);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn set_version(world: &mut World, cx: &Cx<'_>) -> Output {
    let arn = own(world, cx)?;
    let number = version_asked(cx)?;
    let Some(policy) = world.access.managed.get_mut(&arn) else {
        return Ok(None);
    };
    policy
        .revision(number)
        .ok_or_else(|| no_version(&arn, number))?;
    policy.in_force = number;
    policy.updated_at = cx.moment.at;
    Ok(None)
}

pub(super) fn delete_version(world: &mut World, cx: &Cx<'_>) -> Output {
    let arn = own(world, cx)?;
    let number = version_asked(cx)?;
    let Some(policy) = world.access.managed.get_mut(&arn) else {
        return Ok(None);
    };
    policy
        .revision(number)
        .ok_or_else(|| no_version(&arn, number))?;
    if policy.in_force == number {
        return Err(ApiError::iam(
            "DeleteConflict",
            "Cannot delete the default version of a policy.",
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        policy.versions.retain(|known| known.number != number);
    }
    Ok(None)
}

/// Who bears a policy. One page holds whatever fits, groups first, then users, then roles.
pub(super) fn list_entities(world: &World, cx: &Cx<'_>) -> Output {
    let arn = named(world, cx)?;
    let input = cx.input();
    let wanted = input.word(
        "EntityFilter",
        &[
            "User",
            "Role",
            "Group",
            "LocalManagedPolicy",
            "AWSManagedPolicy",
        ],
    )?;
    let usage = input.word(
        "PolicyUsageFilter",
        &["PermissionsPolicy", "PermissionsBoundary"],
    )?;
    let prefix = super::prefix(&input)?;
    let pager = marker(world, cx)?;
    let account = cx.key.account();
    let bears = |id: &str| {
        world.access.held.get(id).is_some_and(|held| match usage {
            Some("PermissionsBoundary") => held.boundary.as_deref() == Some(arn.as_str()),
            Some(_) => held.attached.contains(&arn),
            None => held.attached.contains(&arn) || held.boundary.as_deref() == Some(arn.as_str()),
        })
    };
    let iam = &world.estate.iam;
    let [kind, from, _] = pager.from;
    let start = |of: u32| match kind.cmp(&of) {
        std::cmp::Ordering::Less => Some(0),
        std::cmp::Ordering::Equal => Some(from),
        std::cmp::Ordering::Greater => None,
    };
    let asked = |of: &str| wanted.is_none_or(|wanted| wanted == of);
    let groups = start(0)
        .filter(|_| asked("Group"))
        .into_iter()
        .flat_map(|from| {
            iam.groups_of(account, prefix, from)
                .map(|(n, group)| (0, n, &group.entity))
        });
    let users = start(1)
        .filter(|_| asked("User"))
        .into_iter()
        .flat_map(|from| {
            iam.users_of(account, prefix, from)
                .map(|(n, user)| (1, n, &user.entity))
        });
    let roles = start(2)
        .filter(|_| asked("Role"))
        .into_iter()
        .flat_map(|from| {
            iam.roles_of(account, prefix, from)
                .map(|(n, role)| (2, n, &role.entity))
        });
    let rows = groups
        .chain(users)
        .chain(roles)
        .filter(|(_, _, entity)| bears(&entity.id));
    let (page, next) = pager.take(rows, |(kind, n, _)| [*kind, *n, 0]);
    let mut xml = Xml::new();
    for (kind, list, name, id) in [
        (0, "PolicyGroups", "GroupName", "GroupId"),
        (1, "PolicyUsers", "UserName", "UserId"),
        (2, "PolicyRoles", "RoleName", "RoleId"),
    ] {
        let rows = page.iter().filter(|(of, _, _)| *of == kind);
        xml.list(list, rows, |xml, (_, _, entity)| {
            xml.text(name, &entity.name).text(id, &entity.id);
        });
    }
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

/// How often a policy is attached in an account, and how often it is a boundary there.
pub(super) fn uses(world: &World, account: &str, arn: &str) -> (usize, usize) {
    let iam = &world.estate.iam;
    let users = iam.users_of(account, "/", 0).map(|(_, user)| &user.entity);
    let groups = iam
        .groups_of(account, "/", 0)
        .map(|(_, group)| &group.entity);
    let roles = iam.roles_of(account, "/", 0).map(|(_, role)| &role.entity);
    let mut counts = (0, 0);
    for entity in users.chain(groups).chain(roles) {
        if let Some(held) = world.access.held.get(&entity.id) {
            counts.0 += usize::from(held.attached.iter().any(|known| known == arn));
            counts.1 += usize::from(held.boundary.as_deref() == Some(arn));
        }
    }
    counts
}

/// The ARN of a policy the account sees and the caller may do this to.
fn named(world: &World, cx: &Cx<'_>) -> Result<String, ApiError> {
    let arn = cx.input().required("PolicyArn", shapes::ARN)?;
    authorize_on(world, cx, arn)?;
    let known = world.access.managed.get(arn);
    let known = known.filter(|policy| {
        let of = policy.account.as_deref();
        of.is_none_or(|account| account == cx.key.account())
    });
    known
        .map(|policy| policy.arn.clone())
        .ok_or_else(|| ApiError::iam("NoSuchEntity", format!("Policy {arn} was not found.")))
}

/// The same, and none of AWS's own.
fn own(world: &World, cx: &Cx<'_>) -> Result<String, ApiError> {
    let arn = named(world, cx)?;
    let policy = world.access.managed.get(&arn);
    if policy.is_some_and(|policy| policy.account.is_none()) {
        return Err(ApiError::access_denied(
            cx.call.service,
            cx.key.arn(),
            &cx.call.name(),
            &arn,
            None,
        ));
    }
    Ok(arn)
}

fn sized(cx: &Cx<'_>) -> Result<crate::held::Document, ApiError> {
    let document = document(cx, "PolicyDocument", PolicyKind::Identity)?;
    if dense(&document.text) > LARGEST {
        return Err(limit("PolicySize", LARGEST));
    }
    Ok(document)
}

fn version_asked(cx: &Cx<'_>) -> Result<u32, ApiError> {
    let input = cx.input();
    let text = input.required("VersionId", shapes::VERSION)?;
    let number = text
        .strip_prefix('v')
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        input.breach(
            "VersionId",
            text,
            &format!(
                "Member must satisfy regular expression pattern: {}",
                shapes::VERSION.pattern
            ),
        )
    })
}

fn no_version(arn: &str, number: u32) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("Policy {arn} version v{number} does not exist or is not attachable."),
    )
}

fn truth(word: &Option<&str>) -> bool {
    *word == Some("true")
}

fn whole(world: &World, arn: &str, everything: bool) -> Option<Xml> {
    let policy = world.access.managed.get(arn)?;
    let account = policy.account.clone().unwrap_or_default();
    let mut xml = Xml::new();
    xml.element("Policy", |xml| {
        members(xml, world, &account, policy);
        // The lists leave it out [M].
        if let Some(text) = policy.description.as_ref().filter(|_| everything) {
            xml.text("Description", text);
        }
        if !policy.tags.is_empty() {
            tags::write(xml, &policy.tags);
        }
    });
    Some(xml)
}

fn members(xml: &mut Xml, world: &World, account: &str, policy: &Managed) {
    let (attachments, boundaries) = uses(world, account, &policy.arn);
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
}

/// The document is told where one version is asked for, not in lists [M].
pub(super) fn version(xml: &mut Xml, known: &Revision, in_force: bool, with_document: bool) {
    if with_document {
        xml.text("Document", &encoded(&known.document.text));
    }
    xml.text("VersionId", &format!("v{}", known.number))
        .text("IsDefaultVersion", if in_force { "true" } else { "false" })
        .text("CreateDate", &iso(known.created_at));
}
