//! Identity Center: the instance and its permission sets.

use serde_json::{Value, json};

use super::organizations::{find as find_account, id_at};
use super::shapes::{ACCOUNT_ID, INSTANCE_ARN, PERMISSION_SET_ARN};
use super::{InJson, PAGE, authorize, object, seconds};
use crate::estate::PermissionSet;
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
    // Asked in another region, there is none (AWS reference §1.0.1 [M/R]).
    let asked = cx.call.authorization.as_ref();
    if asked.is_ok_and(|it| it.region != REGION) {
        return Ok(json!({ "Instances": [] }));
    }
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
    let rows = rows.filter(|(_, set)| !set.removed);
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
    Ok(json!({ "PermissionSet": set.map(described) }))
}

/// What is told of a permission set.
pub(super) fn described(set: &PermissionSet) -> Value {
    let description = (!set.description.is_empty()).then_some(&set.description);
    object([
        ("Name", json!(set.name)),
        ("PermissionSetArn", json!(set.arn)),
        ("Description", json!(description)),
        ("CreatedDate", seconds(set.created_at)),
        ("SessionDuration", json!(set.session_duration)),
        ("RelayState", json!(set.relay_state)),
    ])
}

/// The permission sets with at least one assignment in an account.
pub(super) fn list_in_account(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let account = find_account(world, cx.input().required("AccountId", ACCOUNT_ID)?)?;
    let (page, next) = provisioned(
        world,
        cx,
        |relations, from| relations.sets_in(account, from).collect::<Vec<u32>>(),
        |world, set| world.is_latest(account, set),
    )?;
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
    let (page, next) = provisioned(
        world,
        cx,
        |relations, from| relations.accounts_with(set, from).collect::<Vec<u32>>(),
        |world, account| world.is_latest(account, set),
    )?;
    let ids: Vec<&str> = page.iter().map(|account| id_at(world, *account)).collect();
    Ok(object([
        ("AccountIds", json!(ids)),
        ("NextToken", json!(next)),
    ]))
}

/// A page of places; `is_latest` tells which were brought up to date after the last change.
fn provisioned(
    world: &mut World,
    cx: &Cx<'_>,
    rows: impl Fn(&Relations, u32) -> Vec<u32>,
    is_latest: impl Fn(&World, u32) -> bool,
) -> Result<(Vec<u32>, Option<String>), ApiError> {
    let pager = cx.pager(world, PAGE)?;
    let wanted = cx.input().word("ProvisioningStatus", STATUSES)?;
    let wanted = wanted.map(|status| Some(status) == STATUSES.first().copied());
    let [from, ..] = pager.from;
    let rows = rows(world.read(cx.effect), from);
    let rows = rows
        .into_iter()
        .filter(|place| wanted.is_none_or(|latest| is_latest(world, *place) == latest));
    Ok(pager.take(rows, |place| [*place, 0, 0]))
}

/// A delegated administrator must not touch what is in the management account (AWS reference
/// §7 [D], [R]).
pub(super) fn not_over_management(world: &World, cx: &Cx<'_>, set: u32) -> Result<(), ApiError> {
    let management = world.estate.management();
    let there = world.relations().rows_of(0, set, 0).next().is_some();
    if cx.key.account() != management && there {
        return Err(super::denied_to_delegate(cx, arn_at(world, set)));
    }
    Ok(())
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
        .filter(|place| {
            let set = world.estate.sets.get(*place as usize);
            set.is_some_and(|set| !set.removed)
        })
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
