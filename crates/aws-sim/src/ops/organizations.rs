//! Organizations: the accounts (AWS reference §1.4).

use serde_json::{Value, json};

use super::shapes::ACCOUNT_ID;
use super::units::path_of;
use super::{InJson, authorize, object, seconds};
use crate::estate::Account;
use crate::wire::ApiError;
use crate::world::{Cx, World};

const PAGE: u64 = 20;

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("DescribeOrganization", |world, cx| describe(world, cx)),
    ("ListAccounts", |world, cx| list_accounts(world, cx)),
    ("DescribeAccount", |world, cx| describe_account(world, cx)),
];

/// Any member may ask which organization it is in.
pub(super) fn describe(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", true)?;
    let management = world.estate.management();
    let id = &world.estate.organization_id;
    let email = world
        .estate
        .accounts
        .first()
        .map(|account| account.email.clone());
    Ok(json!({ "Organization": {
        "Id": id,
        "Arn": format!("arn:aws:organizations::{management}:organization/{id}"),
        "FeatureSet": "ALL",
        "MasterAccountArn": arn(world, management),
        "MasterAccountId": management,
        "MasterAccountEmail": email,
        "AvailablePolicyTypes": [{ "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" }],
    }}))
}

pub(super) fn list_accounts(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, _, after_empty] = pager.from;
    if world.knobs.empty_pages && !pager.first && after_empty == 0 {
        let next = pager.encode([from, 0, 1]);
        return Ok(json!({ "Accounts": [], "NextToken": next }));
    }
    let rows = (from..).zip(world.estate.accounts.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let accounts: Vec<Value> = page
        .iter()
        .map(|(_, known)| account(world, known))
        .collect();
    Ok(object([
        ("Accounts", json!(accounts)),
        ("NextToken", json!(next)),
    ]))
}

pub(super) fn describe_account(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let id = cx.input().required("AccountId", ACCOUNT_ID)?;
    let place = find_in_organization(world, id)?;
    let known = world.estate.accounts.get(place as usize);
    Ok(json!({ "Account": known.map(|known| account(world, known)) }))
}

/// The place of an account, or Organizations' error for one that is not there.
pub(super) fn find_in_organization(world: &World, id: &str) -> Result<u32, ApiError> {
    world.accounts_by_id.get(id).copied().ok_or_else(|| {
        ApiError::new(
            "AccountNotFoundException",
            "You specified an account that doesn't exist.",
        )
    })
}

/// The same of one whose tags are asked about: anything else here has none.
pub(super) fn tagged(world: &World, id: &str) -> Result<u32, ApiError> {
    world.accounts_by_id.get(id).copied().ok_or_else(|| {
        ApiError::new(
            "TargetNotFoundException",
            "You specified a target that doesn't exist.",
        )
    })
}

/// The ARN of an account names the management account.
fn arn(world: &World, account: &str) -> String {
    let estate = &world.estate;
    format!(
        "arn:aws:organizations::{}:account/{}/{account}",
        estate.management(),
        estate.organization_id
    )
}

pub(super) fn account(world: &World, account: &Account) -> Value {
    let estate = &world.estate;
    let is_management = account.id == estate.management();
    let place = world.accounts_by_id.get(&account.id);
    let unit = place.and_then(|place| world.tree.parents.get(*place as usize));
    let path = format!("{}{}/", path_of(world, unit.copied().flatten()), account.id);
    let paths = (!world.knobs.omit_account_paths).then(|| json!([path]));
    let status = (!world.knobs.omit_account_status).then(|| account.state.name());
    object([
        ("Id", json!(account.id)),
        ("Arn", json!(arn(world, &account.id))),
        ("Email", json!(account.email)),
        ("Name", json!(account.name)),
        ("Status", json!(status)),
        ("State", json!(account.state.name())),
        ("Paths", json!(paths)),
        (
            "JoinedMethod",
            json!(if is_management { "INVITED" } else { "CREATED" }),
        ),
        ("JoinedTimestamp", seconds(account.joined_at)),
    ])
}

/// The place of an account, or the error for one that is not there.
pub(super) fn find(world: &World, id: &str) -> Result<u32, ApiError> {
    world.accounts_by_id.get(id).copied().ok_or_else(|| {
        ApiError::not_found(format!("Account {id} was not found in the organization"))
    })
}

/// The id of the account at a place.
pub(super) fn id_at(world: &World, place: u32) -> &str {
    world
        .estate
        .accounts
        .get(place as usize)
        .map_or("", |account| account.id.as_str())
}
