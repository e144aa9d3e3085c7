//! Identity Center: the instance and its permission sets.

use serde_json::{Value, json};

use super::organizations::{find as find_account, id_at};
use super::shapes::{ACCOUNT_ID, INSTANCE_ARN, PERMISSION_SET_ARN};
use super::{InJson, PAGE, authorize, object, seconds};
use crate::relations::Relations;
use crate::wire::ApiError;
use crate::world::{Cx, REGION, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ListInstances", |world, cx| list_instances(world, cx)),
    ("ListPermissionSets", |world, cx| list(world, cx)),
    ("DescribePermissionSet", |world, cx| describe(world, cx)),
    ("ListPermissionSetsProvisionedToAccount", |world, cx| {
        list_in_account(world, cx)
    }),
    ("ListAccountsForProvisionedPermissionSet", |world, cx| {
        list_accounts(world, cx)
    }),
];

const STATUSES: &[&str] = &[
    "LATEST_PERMISSION_SET_PROVISIONED",
    "LATEST_PERMISSION_SET_NOT_PROVISIONED",
];

pub(super) fn list_instances(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    cx.pager(world, PAGE)?;
    let estate = &world.estate;
    let created = estate
        .accounts
        .first()
        .map(|account| seconds(account.joined_at));
    Ok(json!({ "Instances": [object([
        ("InstanceArn", json!(estate.instance_arn())),
        ("IdentityStoreId", json!(estate.store)),
        ("IdentityStoreArn", json!(store_arn(world))),
        ("OwnerAccountId", json!(estate.management())),
        ("CreatedDate", json!(created)),
        ("Status", json!("ACTIVE")),
        ("PrimaryRegion", json!(REGION)),
        ("Regions", json!([{ "RegionName": REGION, "Status": "ACTIVE", "IsPrimaryRegion": true }])),
    ])]}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..).zip(world.estate.sets.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let arns: Vec<&str> = page.iter().map(|(_, set)| set.arn.as_str()).collect();
    Ok(object([
        ("PermissionSets", json!(arns)),
        ("NextToken", json!(next)),
    ]))
}

pub(super) fn describe(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let place = find(
        world,
        cx.input()
            .required("PermissionSetArn", PERMISSION_SET_ARN)?,
    )?;
    let set = world.estate.sets.get(place as usize);
    Ok(json!({ "PermissionSet": set.map(|set| object([
        ("Name", json!(set.name)),
        ("PermissionSetArn", json!(set.arn)),
        ("Description", json!(set.description)),
        ("CreatedDate", seconds(set.created_at)),
        ("SessionDuration", json!(set.session_duration)),
    ]))}))
}

/// The permission sets with at least one assignment in an account.
pub(super) fn list_in_account(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let account = find_account(world, cx.input().required("AccountId", ACCOUNT_ID)?)?;
    let (page, next) = provisioned(world, cx, |relations, from| {
        relations.sets_in(account, from).collect::<Vec<u32>>()
    })?;
    let arns: Vec<&str> = page.iter().map(|set| arn_at(world, *set)).collect();
    Ok(object([
        ("PermissionSets", json!(arns)),
        ("NextToken", json!(next)),
    ]))
}

/// The accounts in which a permission set has at least one assignment.
pub(super) fn list_accounts(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let set = find(
        world,
        cx.input()
            .required("PermissionSetArn", PERMISSION_SET_ARN)?,
    )?;
    let (page, next) = provisioned(world, cx, |relations, from| {
        relations.accounts_with(set, from).collect::<Vec<u32>>()
    })?;
    let ids: Vec<&str> = page.iter().map(|account| id_at(world, *account)).collect();
    Ok(object([
        ("AccountIds", json!(ids)),
        ("NextToken", json!(next)),
    ]))
}

fn provisioned(
    world: &mut World,
    cx: &Cx<'_>,
    rows: impl Fn(&Relations, u32) -> Vec<u32>,
) -> Result<(Vec<u32>, Option<String>), ApiError> {
    let pager = cx.pager(world, PAGE)?;
    // Permission sets never change here, so every provisioned one is the latest.
    if cx.input().word("ProvisioningStatus", STATUSES)? == STATUSES.last().copied() {
        return Ok((Vec::new(), None));
    }
    let [from, ..] = pager.from;
    let rows = rows(world.read(cx.effect), from);
    Ok(pager.take(rows.into_iter(), |place| [*place, 0, 0]))
}

/// Every call but ListInstances names the instance.
pub(super) fn authorize_in_instance(world: &World, cx: &Cx<'_>) -> Result<(), ApiError> {
    let arn = cx.input().required("InstanceArn", INSTANCE_ARN)?;
    authorize(world, cx, arn, false)?;
    if arn == world.estate.instance_arn() {
        Ok(())
    } else {
        Err(ApiError::not_found(format!("Instance {arn} was not found")))
    }
}

/// The place of a permission set, or the error for one that is not there.
pub(super) fn find(world: &World, arn: &str) -> Result<u32, ApiError> {
    world
        .sets_by_arn
        .get(arn)
        .copied()
        .ok_or_else(|| ApiError::not_found(format!("PermissionSet with id {arn} was not found")))
}

/// The ARN of the permission set at a place.
pub(super) fn arn_at(world: &World, place: u32) -> &str {
    world
        .estate
        .sets
        .get(place as usize)
        .map_or("", |set| set.arn.as_str())
}

fn store_arn(world: &World) -> String {
    let estate = &world.estate;
    format!(
        "arn:aws:identitystore::{}:identitystore/{}",
        estate.management(),
        estate.store
    )
}
