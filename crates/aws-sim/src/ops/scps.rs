//! Organizations: service control policies (AWS reference §1.4, §6.1).
//!
//! What it does not do: policies of other types; none but these is enabled.

use serde_json::{Value, json};

use super::shapes::{ORG_NAME, ORG_POLICY, ORG_TARGET};
use super::units::{PAGE, constraint};
use super::{InJson, authorize, object, place_of};
use crate::fault::Effect;
use crate::held::Document;
use crate::tree::{SCP_SIZE, SCPS_EACH, Scp};
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("CreatePolicy", |world, cx| create(world, cx)),
    ("UpdatePolicy", |world, cx| update(world, cx)),
    ("DeletePolicy", |world, cx| delete(world, cx)),
    ("DescribePolicy", |world, cx| describe(world, cx)),
    ("ListPolicies", |world, cx| list(world, cx)),
    ("AttachPolicy", |world, cx| attach(world, cx)),
    ("DetachPolicy", |world, cx| detach(world, cx)),
    ("ListPoliciesForTarget", |world, cx| {
        list_for_target(world, cx)
    }),
    ("ListTargetsForPolicy", |world, cx| list_targets(world, cx)),
];

/// The types there are in AWS; only the first is in use here.
const TYPES: &[&str] = &[
    "SERVICE_CONTROL_POLICY",
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
];

fn kind(input: &Input<'_>, member: &str) -> Result<bool, ApiError> {
    Ok(input.required_word(member, TYPES)? == "SERVICE_CONTROL_POLICY")
}

fn create(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let document = content(
        input
            .text("Content")?
            .ok_or_else(|| input.missing("Content"))?,
    )?;
    let description = input.text("Description")?;
    let description = description.ok_or_else(|| input.missing("Description"))?;
    let name = input.required("Name", ORG_NAME)?;
    if !kind(&input, "Type")? {
        return Err(ApiError::new(
            "PolicyTypeNotAvailableForOrganizationException",
            "You can't use the specified policy type with the feature set currently enabled for this organization.",
        ));
    }
    free(world, name, None)?;
    let id = format!("p-{}", world.fresh("policy made").lower(8));
    let place = world.tree.scps.len();
    world.tree.scps.push(Scp {
        id,
        name: name.to_owned(),
        description: description.to_owned(),
        document,
        of_aws: false,
        removed: false,
    });
    Ok(whole(world, place))
}

fn update(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let place = own(world, &input)?;
    let name = input.text("Name")?;
    let document = input.text("Content")?.map(content).transpose()?;
    if let Some(name) = name {
        input.fits("Name", name, ORG_NAME)?;
        free(world, name, Some(place))?;
    }
    let description = input.text("Description")?;
    if let Some(scp) = world.tree.scps.get_mut(place) {
        scp.name = name.map_or_else(|| scp.name.clone(), str::to_owned);
        scp.description = description.map_or_else(|| scp.description.clone(), str::to_owned);
        scp.document = document.unwrap_or_else(|| scp.document.clone());
    }
    Ok(whole(world, place))
}

fn delete(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let place = own(world, &cx.input())?;
    let id = world.tree.scps.get(place).map(|scp| scp.id.clone());
    let in_use = world.tree.attached.values().flatten();
    if in_use.into_iter().any(|known| Some(known) == id.as_ref()) {
        return Err(ApiError::new(
            "PolicyInUseException",
            "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.",
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(scp) = world.tree.scps.get_mut(place)
    {
        scp.removed = true;
    }
    Ok(json!({}))
}

fn describe(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let place = named(world, &cx.input())?;
    Ok(whole(world, place))
}

fn list(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let ours = kind(&cx.input(), "Filter")?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..)
        .zip(world.tree.scps.iter().skip(from as usize))
        .filter(|(_, scp)| ours && !scp.removed);
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let rows: Vec<Value> = page.iter().map(|(_, scp)| summary(world, scp)).collect();
    Ok(object([
        ("Policies", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn attach(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let (id, target) = both(world, cx)?;
    let mut attached = world.tree.attached_to(&target);
    if attached.contains(&id) {
        return Err(ApiError::new(
            "DuplicatePolicyAttachmentException",
            "The selected policy is already attached to the specified target.",
        ));
    }
    if attached.len() >= SCPS_EACH {
        return Err(constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You have attached the maximum number of policies of this type to the target.",
        ));
    }
    attached.push(id);
    world.tree.attached.insert(target, attached);
    Ok(json!({}))
}

fn detach(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let (id, target) = both(world, cx)?;
    let mut attached = world.tree.attached_to(&target);
    if !attached.contains(&id) {
        return Err(ApiError::new(
            "PolicyNotAttachedException",
            "The policy isn't attached to the specified target in the specified root.",
        ));
    }
    // Something must allow (AWS reference §2: each has at least one).
    if attached.len() == 1 {
        return Err(constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You can't remove the last policy of this type from the target.",
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        attached.retain(|known| *known != id);
        world.tree.attached.insert(target, attached);
    }
    Ok(json!({}))
}

fn list_for_target(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let target = target(world, &input)?;
    let ours = kind(&input, "Filter")?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let ids = world.tree.attached_to(&target);
    let rows = (from..).zip(ids.iter().skip(from as usize));
    let rows = rows
        .filter(|_| ours)
        .filter_map(|(n, id)| world.tree.scp(id).map(|scp| (n, scp)));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let rows: Vec<Value> = page.iter().map(|(_, scp)| summary(world, scp)).collect();
    Ok(object([
        ("Policies", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

/// The root, then units, then accounts.
fn list_targets(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let place = named(world, &cx.input())?;
    let Some(scp) = world.tree.scps.get(place) else {
        return Ok(json!({ "Targets": [] }));
    };
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let (management, organization) = (world.estate.management(), &world.estate.organization_id);
    let arn = |kind: &str, id: &str| {
        format!("arn:aws:organizations::{management}:{kind}/{organization}/{id}")
    };
    let root = std::iter::once((world.estate.root_id.as_str(), "Root", "ROOT", "root"));
    let units = world.tree.units.iter().filter(|unit| !unit.removed);
    let units = units.map(|unit| {
        (
            unit.id.as_str(),
            unit.name.as_str(),
            "ORGANIZATIONAL_UNIT",
            "ou",
        )
    });
    let accounts = world.estate.accounts.iter();
    let accounts =
        accounts.map(|known| (known.id.as_str(), known.name.as_str(), "ACCOUNT", "account"));
    let all = (0_usize..)
        .zip(root.chain(units).chain(accounts))
        .skip(from as usize);
    let rows = all.filter(|(_, (id, ..))| world.tree.attached_to(id).contains(&scp.id));
    let (page, next) = pager.take(rows, |(n, _)| [place_of(*n), 0, 0]);
    let rows: Vec<Value> = page
        .into_iter()
        .map(|(_, (id, name, kind, word))| {
            json!({ "TargetId": id, "Arn": arn(word, id), "Name": name, "Type": kind })
        })
        .collect();
    Ok(object([
        ("Targets", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn both(world: &World, cx: &Cx<'_>) -> Result<(String, String), ApiError> {
    let input = cx.input();
    let place = named(world, &input)?;
    let id = world.tree.scps.get(place).map(|scp| scp.id.clone());
    Ok((id.unwrap_or_default(), target(world, &input)?))
}

fn target(world: &World, input: &Input<'_>) -> Result<String, ApiError> {
    let id = input.required("TargetId", ORG_TARGET)?;
    let there = id == world.estate.root_id
        || world.tree.unit_by_id(id).is_some()
        || world.accounts_by_id.contains_key(id);
    if there {
        return Ok(id.to_owned());
    }
    Err(ApiError::new(
        "TargetNotFoundException",
        "You specified a target that doesn't exist.",
    ))
}

fn named(world: &World, input: &Input<'_>) -> Result<usize, ApiError> {
    let id = input.required("PolicyId", ORG_POLICY)?;
    let mut scps = world.tree.scps.iter();
    scps.position(|scp| !scp.removed && scp.id == id)
        .ok_or_else(|| {
            ApiError::new(
                "PolicyNotFoundException",
                "You specified a policy that doesn't exist.",
            )
        })
}

/// The same, and none of AWS's own.
fn own(world: &World, input: &Input<'_>) -> Result<usize, ApiError> {
    let place = named(world, input)?;
    if world.tree.scps.get(place).is_some_and(|scp| scp.of_aws) {
        return Err(ApiError::new(
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
        ));
    }
    Ok(place)
}

fn content(text: &str) -> Result<Document, ApiError> {
    if text.chars().count() > SCP_SIZE {
        return Err(constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED",
            "You have exceeded the maximum length of the content of a policy.",
        ));
    }
    let malformed = |wrong: stint_iam_policy::ParseError| {
        ApiError::new(
            "MalformedPolicyDocumentException",
            format!(
                "The provided policy document does not meet the requirements of the specified policy type: {wrong}"
            ),
        )
    };
    let document = Document::parse(text).map_err(malformed)?;
    document
        .policy
        .check(stint_iam_policy::Kind::Identity)
        .map_err(malformed)?;
    Ok(document)
}

fn free(world: &World, name: &str, but: Option<usize>) -> Result<(), ApiError> {
    let mut others = world.tree.scps.iter().enumerate();
    if others.any(|(place, scp)| !scp.removed && scp.name == name && Some(place) != but) {
        return Err(ApiError::new(
            "DuplicatePolicyException",
            "A policy with the same name already exists.",
        ));
    }
    Ok(())
}

fn whole(world: &World, place: usize) -> Value {
    let scp = world.tree.scps.get(place);
    json!({ "Policy": scp.map(|scp| json!({
        "PolicySummary": summary(world, scp),
        "Content": scp.document.text.as_ref(),
    }))})
}

/// The ARN of the policy with this id, whether it is there or not.
pub(super) fn arn_of(world: &World, id: &str) -> String {
    let estate = &world.estate;
    if world.tree.scp(id).is_some_and(|scp| scp.of_aws) {
        return format!("arn:aws:organizations::aws:policy/service_control_policy/{id}");
    }
    let (owner, organization) = (estate.management(), &estate.organization_id);
    format!("arn:aws:organizations::{owner}:policy/{organization}/service_control_policy/{id}")
}

fn summary(world: &World, scp: &Scp) -> Value {
    let arn = arn_of(world, &scp.id);
    json!({
        "Id": scp.id,
        "Arn": arn,
        "Name": scp.name,
        "Description": scp.description,
        "Type": "SERVICE_CONTROL_POLICY",
        "AwsManaged": scp.of_aws,
    })
}
