//! Organizations: the tree of root, units and accounts, and who administers a service for all
//! (AWS reference §1.4, §7).

use serde_json::{Value, json};

use super::organizations::{account as told_account, find_in_organization};
use super::shapes::{ACCOUNT_ID, ORG_CHILD, ORG_NAME, ORG_PARENT, ORG_UNIT, SERVICE_PRINCIPAL};
use super::{InJson, authorize, object, place_of, seconds};
use crate::fault::Effect;
use crate::tree::{DEEPEST, Unit};
use crate::wire::{ApiError, Pager};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ListRoots", |world, cx| list_roots(world, cx)),
    ("ListOrganizationalUnitsForParent", |world, cx| {
        list_units(world, cx)
    }),
    ("ListAccountsForParent", |world, cx| {
        list_accounts(world, cx)
    }),
    ("ListChildren", |world, cx| list_children(world, cx)),
    ("ListParents", |world, cx| list_parents(world, cx)),
    ("DescribeOrganizationalUnit", |world, cx| {
        describe(world, cx)
    }),
    ("CreateOrganizationalUnit", |world, cx| create(world, cx)),
    ("UpdateOrganizationalUnit", |world, cx| update(world, cx)),
    ("DeleteOrganizationalUnit", |world, cx| delete(world, cx)),
    ("MoveAccount", |world, cx| move_account(world, cx)),
    ("RegisterDelegatedAdministrator", |world, cx| {
        register(world, cx)
    }),
    ("DeregisterDelegatedAdministrator", |world, cx| {
        deregister(world, cx)
    }),
    ("ListDelegatedAdministrators", |world, cx| {
        list_delegates(world, cx)
    }),
    ("ListDelegatedServicesForAccount", |world, cx| {
        list_services(world, cx)
    }),
];

pub(super) const PAGE: u64 = 20;

/// Services that can be administered by a member account here.
const SERVICES: &[&str] = &[
    "sso.amazonaws.com",
    "iam.amazonaws.com",
    "access-analyzer.amazonaws.com",
];

fn list_roots(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    cx.pager(world, PAGE)?;
    let estate = &world.estate;
    Ok(json!({ "Roots": [{
        "Id": estate.root_id,
        "Arn": format!(
            "arn:aws:organizations::{}:root/{}/{}",
            estate.management(), estate.organization_id, estate.root_id
        ),
        "Name": "Root",
        "PolicyTypes": [{ "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" }],
    }]}))
}

fn list_units(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let parent = parent_to_read(world, cx)?;
    let pager = cx.pager(world, PAGE)?;
    let (page, next) = units_in(world, parent, &pager);
    let rows: Vec<Value> = page.iter().map(|(_, known)| unit(world, known)).collect();
    Ok(object([
        ("OrganizationalUnits", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn units_in<'a>(
    world: &'a World,
    parent: Option<u32>,
    pager: &Pager,
) -> (Vec<(u32, &'a Unit)>, Option<String>) {
    let [from, ..] = pager.from;
    let rows = (from..).zip(world.tree.units.iter().skip(from as usize));
    let rows = rows.filter(|(_, unit)| !unit.removed && unit.parent == parent);
    pager.take(rows, |(place, _)| [*place, 0, 0])
}

/// The root or unit `ParentId` names, on which reading what is in it is judged (AWS reference
/// §6.3 [S]).
fn parent_to_read(world: &World, cx: &Cx<'_>) -> Result<Option<u32>, ApiError> {
    let id = cx.input().required("ParentId", ORG_PARENT)?;
    let kind = if id.starts_with("r-") { "root" } else { "ou" };
    let estate = &world.estate;
    let arn = format!(
        "arn:aws:organizations::{}:{kind}/{}/{id}",
        estate.management(),
        estate.organization_id
    );
    authorize(world, cx, &arn, false)?;
    parent(world, id)
}

fn list_accounts(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let parent = parent_to_read(world, cx)?;
    let pager = cx.pager(world, PAGE)?;
    let (page, next) = accounts_in(world, parent, &pager);
    let rows = page
        .iter()
        .filter_map(|place| world.estate.accounts.get(*place as usize));
    let rows: Vec<Value> = rows.map(|known| told_account(world, known)).collect();
    Ok(object([
        ("Accounts", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn accounts_in(world: &World, parent: Option<u32>, pager: &Pager) -> (Vec<u32>, Option<String>) {
    let [from, ..] = pager.from;
    let rows = (from..).zip(world.tree.parents.iter().skip(from as usize));
    let rows = rows
        .filter(|(_, unit)| **unit == parent)
        .map(|(place, _)| place);
    pager.take(rows, |place| [*place, 0, 0])
}

fn list_children(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let parent = parent(world, input.required("ParentId", ORG_PARENT)?)?;
    let kind = input.required_word("ChildType", &["ACCOUNT", "ORGANIZATIONAL_UNIT"])?;
    let pager = cx.pager(world, PAGE)?;
    let (ids, next): (Vec<&str>, _) = if kind == "ACCOUNT" {
        let (page, next) = accounts_in(world, parent, &pager);
        let accounts = page
            .iter()
            .filter_map(|place| world.estate.accounts.get(*place as usize));
        (accounts.map(|known| known.id.as_str()).collect(), next)
    } else {
        let (page, next) = units_in(world, parent, &pager);
        (
            page.iter().map(|(_, known)| known.id.as_str()).collect(),
            next,
        )
    };
    let rows: Vec<Value> = ids
        .iter()
        .map(|id| json!({ "Id": id, "Type": kind }))
        .collect();
    Ok(object([
        ("Children", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn list_parents(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let child = cx.input().required("ChildId", ORG_CHILD)?;
    cx.pager(world, PAGE)?;
    let parent = match world.accounts_by_id.get(child) {
        Some(account) => world.tree.parents.get(*account as usize).copied().flatten(),
        None => {
            let place = world.tree.unit_by_id(child).ok_or_else(|| {
                ApiError::new(
                    "ChildNotFoundException",
                    "You specified a child that doesn't exist.",
                )
            })?;
            world.tree.unit(place).and_then(|unit| unit.parent)
        }
    };
    let row = match parent.and_then(|place| world.tree.unit(place)) {
        Some(unit) => json!({ "Id": unit.id, "Type": "ORGANIZATIONAL_UNIT" }),
        None => json!({ "Id": world.estate.root_id, "Type": "ROOT" }),
    };
    Ok(json!({ "Parents": [row] }))
}

fn describe(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let place = named(world, cx)?;
    Ok(told(world, place))
}

fn create(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let parent = parent(world, input.required("ParentId", ORG_PARENT)?)?;
    let name = input.required("Name", ORG_NAME)?;
    free(world, parent, name, None)?;
    if world.tree.above(parent).len() >= DEEPEST {
        return Err(constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            "You have exceeded the maximum depth of organizational units.",
        ));
    }
    let suffix = world
        .estate
        .root_id
        .strip_prefix("r-")
        .unwrap_or("root")
        .to_owned();
    let id = format!("ou-{suffix}-{}", world.fresh("unit made").lower(8));
    let place = place_of(world.tree.units.len());
    world.tree.units.push(Unit {
        id,
        name: name.to_owned(),
        parent,
        removed: false,
    });
    Ok(told(world, place))
}

fn update(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let place = named(world, cx)?;
    let input = cx.input();
    if let Some(name) = input.text("Name")? {
        input.fits("Name", name, ORG_NAME)?;
        let parent = world.tree.unit(place).and_then(|unit| unit.parent);
        free(world, parent, name, Some(place))?;
        if let Some(unit) = world.tree.units.get_mut(place as usize) {
            unit.name = name.to_owned();
        }
    }
    Ok(told(world, place))
}

fn delete(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let place = named(world, cx)?;
    let units = world.tree.units.iter().filter(|unit| !unit.removed);
    let accounts = world.tree.parents.iter().flatten();
    let inside = units
        .filter_map(|unit| unit.parent)
        .chain(accounts.copied());
    if inside.into_iter().any(|parent| parent == place) {
        return Err(ApiError::new(
            "OrganizationalUnitNotEmptyException",
            "You can't delete an organizational unit that contains other organizational units or accounts.",
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(unit) = world.tree.units.get_mut(place as usize)
    {
        unit.removed = true;
    }
    Ok(json!({}))
}

fn move_account(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let id = input.required("AccountId", ACCOUNT_ID)?;
    let from = input.required("SourceParentId", ORG_PARENT)?;
    let to = input.required("DestinationParentId", ORG_PARENT)?;
    let account = find_in_organization(world, id)?;
    let absent = |code: &'static str| {
        move |_| ApiError::new(code, "You specified a parent that doesn't exist.")
    };
    let from = parent(world, from).map_err(absent("SourceParentNotFoundException"))?;
    let to = parent(world, to).map_err(absent("DestinationParentNotFoundException"))?;
    let is_in = world.tree.parents.get(account as usize).copied().flatten();
    if is_in == to {
        return Err(ApiError::new(
            "DuplicateAccountException",
            "The account is already in the destination parent.",
        ));
    }
    if is_in != from {
        return Err(ApiError::new(
            "SourceParentNotFoundException",
            "You specified a source parent that the account isn't in.",
        ));
    }
    if let Some(parent) = world.tree.parents.get_mut(account as usize) {
        *parent = to;
    }
    Ok(json!({}))
}

fn register(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let (account, service) = delegation(world, cx)?;
    if account == world.estate.management() {
        return Err(constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register master account/management account as delegated administrator for your organization.",
        ));
    }
    if !SERVICES.contains(&service.as_str()) {
        return Err(ApiError::new(
            "InvalidInputException",
            "You specified an unrecognized service principal.",
        )
        .with("Reason", "UNRECOGNIZED_SERVICE_PRINCIPAL"));
    }
    if world.tree.is_delegate(&account, Some(&service)) {
        return Err(ApiError::new(
            "AccountAlreadyRegisteredException",
            "The provided account is already a delegated administrator for your organization.",
        ));
    }
    world
        .tree
        .delegated
        .insert((account, service), cx.moment.at);
    Ok(json!({}))
}

fn deregister(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let (account, service) = delegation(world, cx)?;
    if !world.tree.is_delegate(&account, Some(&service)) {
        return Err(not_registered());
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        world.tree.delegated.remove(&(account, service));
    }
    Ok(json!({}))
}

fn list_delegates(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let service = input.text("ServicePrincipal")?;
    if let Some(service) = service {
        input.fits("ServicePrincipal", service, SERVICE_PRINCIPAL)?;
    }
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..)
        .zip(world.estate.accounts.iter().skip(from as usize))
        .filter(|(_, account)| world.tree.is_delegate(&account.id, service));
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let rows: Vec<Value> = page
        .into_iter()
        .map(|(_, account)| {
            let mut row = told_account(world, account);
            let of = world
                .tree
                .delegated
                .iter()
                .filter(|((of, _), _)| *of == account.id);
            if let Some(members) = row.as_object_mut() {
                members.remove("Paths");
                let since = of.map(|(_, at)| *at).min().unwrap_or_default();
                members.insert("DelegationEnabledDate".to_owned(), seconds(since));
            }
            row
        })
        .collect();
    Ok(object([
        ("DelegatedAdministrators", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn list_services(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let id = cx.input().required("AccountId", ACCOUNT_ID)?;
    find_in_organization(world, id)?;
    cx.pager(world, PAGE)?;
    let services = world.tree.delegated.iter().filter(|((of, _), _)| of == id);
    let rows: Vec<Value> = services
        .map(|((_, service), at)| {
            json!({ "ServicePrincipal": service, "DelegationEnabledDate": seconds(*at) })
        })
        .collect();
    if rows.is_empty() {
        return Err(not_registered());
    }
    Ok(json!({ "DelegatedServices": rows }))
}

fn delegation(world: &World, cx: &Cx<'_>) -> Result<(String, String), ApiError> {
    let input = cx.input();
    let account = input.required("AccountId", ACCOUNT_ID)?;
    let service = input.required("ServicePrincipal", SERVICE_PRINCIPAL)?;
    find_in_organization(world, account)?;
    Ok((account.to_owned(), service.to_owned()))
}

fn not_registered() -> ApiError {
    ApiError::new(
        "AccountNotRegisteredException",
        "The provided account is not a registered delegated administrator for your organization.",
    )
}

/// The place of the unit an id names, none for the root.
fn parent(world: &World, id: &str) -> Result<Option<u32>, ApiError> {
    if id == world.estate.root_id {
        return Ok(None);
    }
    world.tree.unit_by_id(id).map(Some).ok_or_else(|| {
        ApiError::new(
            "ParentNotFoundException",
            "You specified parent that doesn't exist.",
        )
    })
}

fn named(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    let id = cx.input().required("OrganizationalUnitId", ORG_UNIT)?;
    world.tree.unit_by_id(id).ok_or_else(|| {
        ApiError::new(
            "OrganizationalUnitNotFoundException",
            "You specified an organizational unit that doesn't exist.",
        )
    })
}

fn free(world: &World, parent: Option<u32>, name: &str, but: Option<u32>) -> Result<(), ApiError> {
    let mut others = (0..).zip(&world.tree.units);
    let taken = others.any(|(place, unit)| {
        !unit.removed && unit.parent == parent && unit.name == name && Some(place) != but
    });
    if taken {
        return Err(ApiError::new(
            "DuplicateOrganizationalUnitException",
            "An OU with the same name already exists.",
        ));
    }
    Ok(())
}

pub(super) fn constraint(reason: &str, message: &str) -> ApiError {
    ApiError::new("ConstraintViolationException", message).with("Reason", reason)
}

fn told(world: &World, place: u32) -> Value {
    let known = world.tree.unit(place);
    json!({ "OrganizationalUnit": known.map(|known| unit(world, known)) })
}

fn unit(world: &World, unit: &Unit) -> Value {
    let estate = &world.estate;
    json!({
        "Id": unit.id,
        "Arn": format!(
            "arn:aws:organizations::{}:ou/{}/{}",
            estate.management(), estate.organization_id, unit.id
        ),
        "Name": unit.name,
        "Path": format!("{}{}/", path_of(world, unit.parent), unit.id),
    })
}

/// `o-…/r-…/ou-…/`: where something in this unit is.
pub(super) fn path_of(world: &World, unit: Option<u32>) -> String {
    let mut path = format!("{}/{}/", world.estate.organization_id, world.estate.root_id);
    for place in world.tree.above(unit).iter().rev() {
        if let Some(unit) = world.tree.unit(*place) {
            path.push_str(&unit.id);
            path.push('/');
        }
    }
    path
}
