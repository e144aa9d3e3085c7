//! Identity Center: the policies of permission sets, and their boundary (AWS reference §1.3).

use serde_json::{Value, json};
use stint_iam_policy::Kind as PolicyKind;

use super::permission_sets::{authorize_in_instance, find, not_over_management};
use super::set_changes::quota;
use super::shapes::{ANY_ARN, INLINE_POLICY, PERMISSION_SET_ARN, POLICY_NAME};
use super::{InJson, PAGE, object};
use crate::estate::{Papers, SetBoundary};
use crate::fault::Effect;
use crate::held::Document;
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("PutInlinePolicyToPermissionSet", |world, cx| {
        put_inline(world, cx)
    }),
    ("GetInlinePolicyForPermissionSet", |world, cx| {
        get_inline(world, cx)
    }),
    ("DeleteInlinePolicyFromPermissionSet", |world, cx| {
        delete_inline(world, cx)
    }),
    ("AttachManagedPolicyToPermissionSet", |world, cx| {
        attach(world, cx)
    }),
    ("DetachManagedPolicyFromPermissionSet", |world, cx| {
        detach(world, cx)
    }),
    ("ListManagedPoliciesInPermissionSet", |world, cx| {
        list_managed(world, cx)
    }),
    (
        "AttachCustomerManagedPolicyReferenceToPermissionSet",
        |world, cx| attach_customer(world, cx),
    ),
    (
        "DetachCustomerManagedPolicyReferenceFromPermissionSet",
        |world, cx| detach_customer(world, cx),
    ),
    (
        "ListCustomerManagedPolicyReferencesInPermissionSet",
        |world, cx| list_customer(world, cx),
    ),
    ("PutPermissionsBoundaryToPermissionSet", |world, cx| {
        put_boundary(world, cx)
    }),
    ("GetPermissionsBoundaryForPermissionSet", |world, cx| {
        get_boundary(world, cx)
    }),
    ("DeletePermissionsBoundaryFromPermissionSet", |world, cx| {
        delete_boundary(world, cx)
    }),
];

/// Blanks not counted (AWS reference §2 [D]).
const INLINE: usize = 10_240;
/// Managed and customer managed ones together (AWS reference §2 [D]).
const POLICIES: usize = 20;

/// The permission set a call names.
fn named(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    find(
        world,
        input.required("PermissionSetArn", PERMISSION_SET_ARN)?,
    )
}

fn papers(world: &World, place: u32) -> Papers {
    let set = world.estate.sets.get(place as usize);
    set.map(|set| set.papers.clone()).unwrap_or_default()
}

/// Changes them; the accounts learn of it when the set is provisioned.
fn change(
    world: &mut World,
    cx: &Cx<'_>,
    place: u32,
    how: impl FnOnce(&mut Papers),
) -> Result<Value, ApiError> {
    not_over_management(world, cx, place)?;
    let deletes = ["Delete", "Detach"];
    let deletes = deletes
        .iter()
        .any(|verb| cx.call.operation.starts_with(verb));
    if deletes && matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        return Ok(json!({}));
    }
    if let Some(set) = world.estate.sets.get_mut(place as usize) {
        how(&mut set.papers);
        set.revision += 1;
    }
    Ok(json!({}))
}

fn put_inline(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let text = cx.input().required("InlinePolicy", INLINE_POLICY)?;
    let malformed = |wrong: stint_iam_policy::ParseError| {
        ApiError::validation(cx.call.service, format!("Invalid policy: {wrong}"))
    };
    let document = Document::parse(text).map_err(malformed)?;
    document
        .policy
        .check(PolicyKind::Identity)
        .map_err(malformed)?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > INLINE {
        return Err(quota("The inline policy exceeds the maximum size."));
    }
    change(world, cx, place, |papers| papers.inline = Some(document))
}

/// Empty where there is none.
fn get_inline(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let inline = papers(world, place).inline;
    Ok(json!({ "InlinePolicy": inline.map_or_else(String::new, |known| known.text.to_string()) }))
}

fn delete_inline(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    if papers(world, place).inline.is_none() {
        return Err(ApiError::not_found("Inline policy was not found"));
    }
    change(world, cx, place, |papers| papers.inline = None)
}

fn attach(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let arn = cx.input().required("ManagedPolicyArn", ANY_ARN)?.to_owned();
    let known = world.access.managed.get(&arn);
    if known.is_none_or(|policy| policy.account.is_some()) {
        return Err(ApiError::not_found(format!("Policy {arn} was not found")));
    }
    let old = papers(world, place);
    if old.managed.contains(&arn) {
        return Err(ApiError::conflict(format!(
            "Policy {arn} is already attached to the permission set"
        )));
    }
    room(&old)?;
    change(world, cx, place, |papers| papers.managed.push(arn))
}

fn detach(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let arn = cx.input().required("ManagedPolicyArn", ANY_ARN)?;
    if !papers(world, place)
        .managed
        .iter()
        .any(|known| known == arn)
    {
        return Err(ApiError::not_found(format!(
            "Policy {arn} is not attached to the permission set"
        )));
    }
    change(world, cx, place, |papers| {
        papers.managed.retain(|known| known != arn)
    })
}

fn list_managed(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..).zip(papers(world, place).managed.into_iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let rows: Vec<Value> = page
        .into_iter()
        .map(|(_, arn)| json!({ "Name": arn.rsplit('/').next(), "Arn": arn }))
        .collect();
    Ok(object([
        ("AttachedManagedPolicies", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn attach_customer(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let input = cx.input();
    let reference = reference(&input.required_object("CustomerManagedPolicyReference")?)?;
    let old = papers(world, place);
    if old.customer.contains(&reference) {
        return Err(ApiError::conflict(
            "The policy is already attached to the permission set",
        ));
    }
    room(&old)?;
    // Whether the accounts have such a policy, provisioning finds out.
    change(world, cx, place, |papers| papers.customer.push(reference))
}

fn detach_customer(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let input = cx.input();
    let reference = reference(&input.required_object("CustomerManagedPolicyReference")?)?;
    if !papers(world, place).customer.contains(&reference) {
        return Err(ApiError::not_found(
            "The policy is not attached to the permission set",
        ));
    }
    change(world, cx, place, |papers| {
        papers.customer.retain(|known| *known != reference);
    })
}

fn list_customer(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..).zip(
        papers(world, place)
            .customer
            .into_iter()
            .skip(from as usize),
    );
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let rows: Vec<Value> = page
        .into_iter()
        .map(|(_, (path, name))| json!({ "Name": name, "Path": path }))
        .collect();
    Ok(object([
        ("CustomerManagedPolicyReferences", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn put_boundary(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let input = cx.input();
    let asked = input.required_object("PermissionsBoundary")?;
    let arn = asked.text("ManagedPolicyArn")?;
    let boundary = match (arn, asked.object("CustomerManagedPolicyReference")?) {
        (Some(arn), None) => {
            if world
                .access
                .managed
                .get(arn)
                .is_none_or(|known| known.account.is_some())
            {
                return Err(ApiError::not_found(format!("Policy {arn} was not found")));
            }
            SetBoundary::Managed(arn.to_owned())
        }
        (None, Some(named)) => {
            let (path, name) = reference(&named)?;
            SetBoundary::Customer(path, name)
        }
        _ => {
            return Err(ApiError::validation(
                cx.call.service,
                "PermissionsBoundary takes either a ManagedPolicyArn or a CustomerManagedPolicyReference",
            ));
        }
    };
    change(world, cx, place, |papers| papers.boundary = Some(boundary))
}

fn get_boundary(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    match papers(world, place).boundary {
        None => Err(ApiError::not_found("Permissions boundary was not found")),
        Some(SetBoundary::Managed(arn)) => {
            Ok(json!({ "PermissionsBoundary": { "ManagedPolicyArn": arn } }))
        }
        Some(SetBoundary::Customer(path, name)) => Ok(json!({ "PermissionsBoundary": {
            "CustomerManagedPolicyReference": { "Name": name, "Path": path }
        }})),
    }
}

fn delete_boundary(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    if papers(world, place).boundary.is_none() {
        return Err(ApiError::not_found("Permissions boundary was not found"));
    }
    change(world, cx, place, |papers| papers.boundary = None)
}

fn room(old: &Papers) -> Result<(), ApiError> {
    if old.managed.len() + old.customer.len() >= POLICIES {
        return Err(quota(
            "You have exceeded the maximum number of policies of a permission set.",
        ));
    }
    Ok(())
}

/// Path and name.
fn reference(input: &Input<'_>) -> Result<(String, String), ApiError> {
    let name = input.required("Name", POLICY_NAME)?;
    let path = input.text("Path")?.unwrap_or("/");
    Ok((path.to_owned(), name.to_owned()))
}
