//! Identity store: users and groups (AWS reference §1.2).

use serde_json::{Value, json};

use super::people::external_ids;
use super::shapes::{STORE_ID, STORE_MEMBER, without_arn};
use super::{InJson, PAGE, authorize, object, seconds};
use crate::estate::{Group, User};
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ListUsers", |world, cx| list_users(world, cx)),
    ("ListGroups", |world, cx| list_groups(world, cx)),
    ("DescribeUser", |world, cx| describe_user(world, cx)),
    ("DescribeGroup", |world, cx| describe_group(world, cx)),
    ("GetUserId", |world, cx| get_user_id(world, cx)),
    ("GetGroupId", |world, cx| get_group_id(world, cx)),
];

pub(super) fn list_users(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let wanted = filter(&cx.input(), "UserName")?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..)
        .zip(world.estate.users.iter().skip(from as usize))
        .filter(|(_, user)| !user.removed)
        .filter(|(_, user)| wanted.is_none_or(|name| name.eq_ignore_ascii_case(&user.user_name)));
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let users: Vec<Value> = page.iter().map(|(_, known)| user(world, known)).collect();
    Ok(object([
        ("Users", json!(users)),
        ("NextToken", json!(next)),
    ]))
}

pub(super) fn list_groups(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let wanted = filter(&cx.input(), "DisplayName")?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..)
        .zip(world.estate.groups.iter().skip(from as usize))
        .filter(|(_, group)| !group.removed)
        .filter(|(_, group)| wanted.is_none_or(|name| name.eq_ignore_ascii_case(&group.name)));
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let groups: Vec<Value> = page.iter().map(|(_, known)| group(world, known)).collect();
    Ok(object([
        ("Groups", json!(groups)),
        ("NextToken", json!(next)),
    ]))
}

pub(super) fn describe_user(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let place = find_user(
        world,
        without_arn(cx.input().required("UserId", STORE_MEMBER)?),
    )?;
    Ok(world
        .estate
        .users
        .get(place as usize)
        .map_or(Value::Null, |known| user(world, known)))
}

pub(super) fn describe_group(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let place = find_group(
        world,
        without_arn(cx.input().required("GroupId", STORE_MEMBER)?),
    )?;
    Ok(world
        .estate
        .groups
        .get(place as usize)
        .map_or(Value::Null, |known| group(world, known)))
}

pub(super) fn get_user_id(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let known = match alternate(&cx.input())? {
        Alternate::Unique(path, value) if path.eq_ignore_ascii_case("userName") => {
            find_by(&world.estate.users, |user| {
                user.user_name.eq_ignore_ascii_case(value)
            })
        }
        Alternate::Unique(path, value) if path.eq_ignore_ascii_case("emails.value") => {
            find_by(&world.estate.users, |user| {
                user.email.eq_ignore_ascii_case(value)
            })
        }
        Alternate::Unique(..) => return Err(invalid_path(cx)),
        Alternate::External(issuer, id) => find_by(&world.estate.users, |user| {
            is_one_of(&user.external_ids, issuer, id)
        }),
    };
    let user = known.ok_or_else(|| absent("USER", "USER not found.", None))?;
    Ok(json!({
        "IdentityStoreId": world.estate.store,
        "UserId": user.id,
        "UserArn": arn("user", &user.id),
    }))
}

pub(super) fn get_group_id(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let known = match alternate(&cx.input())? {
        Alternate::Unique(path, value) if path.eq_ignore_ascii_case("displayName") => world
            .estate
            .groups
            .iter()
            .find(|group| !group.removed && group.name.eq_ignore_ascii_case(value)),
        Alternate::Unique(..) => return Err(invalid_path(cx)),
        Alternate::External(issuer, id) => world
            .estate
            .groups
            .iter()
            .find(|group| !group.removed && is_one_of(&group.external_ids, issuer, id)),
    };
    let group = known.ok_or_else(|| absent("GROUP", "GROUP not found.", None))?;
    Ok(json!({
        "IdentityStoreId": world.estate.store,
        "GroupId": group.id,
        "GroupArn": arn("group", &group.id),
    }))
}

/// Every call names the store. Members of the organization may read it, the management
/// account may also write (AWS reference §7 [D]).
pub(super) fn authorize_in_store(world: &World, cx: &Cx<'_>) -> Result<(), ApiError> {
    let store = without_arn(cx.input().required("IdentityStoreId", STORE_ID)?);
    let verbs = ["Create", "Update", "Delete"];
    let writes = verbs.iter().any(|verb| cx.call.operation.starts_with(verb));
    let arn = format!(
        "arn:aws:identitystore::{}:identitystore/{store}",
        world.estate.management()
    );
    authorize(world, cx, &arn, !writes)?;
    if store == world.estate.store {
        Ok(())
    } else {
        Err(absent(
            "IDENTITY_STORE",
            "IDENTITY_STORE not found.",
            Some(store),
        ))
    }
}

pub(super) fn find_user(world: &World, id: &str) -> Result<u32, ApiError> {
    world
        .users_by_id
        .get(id)
        .copied()
        .filter(|place| {
            world
                .estate
                .users
                .get(*place as usize)
                .is_some_and(|user| !user.removed)
        })
        .ok_or_else(|| absent("USER", "USER not found.", Some(id)))
}

pub(super) fn find_group(world: &World, id: &str) -> Result<u32, ApiError> {
    world
        .groups_by_id
        .get(id)
        .copied()
        .filter(|place| {
            let group = world.estate.groups.get(*place as usize);
            group.is_some_and(|group| !group.removed)
        })
        .ok_or_else(|| absent("GROUP", "GROUP not found.", Some(id)))
}

/// `ResourceNotFoundException` as the identity store shapes it (AWS reference §1.0 [M]).
pub(super) fn absent(kind: &str, message: &str, id: Option<&str>) -> ApiError {
    let error = ApiError::not_found(message)
        .with("ResourceType", kind)
        .with("RequestId", "");
    match id {
        Some(id) => error.with("ResourceId", id),
        None => error,
    }
}

pub(super) fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:identitystore:::{kind}/{id}")
}

fn find_by(users: &[User], fits: impl Fn(&User) -> bool) -> Option<&User> {
    users.iter().find(|user| !user.removed && fits(user))
}

fn invalid_path(cx: &Cx<'_>) -> ApiError {
    ApiError::validation(
        cx.call.service,
        "Unsupported attribute path for a unique attribute.",
    )
    .with("RequestId", "")
}

/// The one filter of the old `Filters` member, which must be on this attribute.
fn filter<'a>(input: &Input<'a>, attribute: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(filters) = input.list("Filters")? else {
        return Ok(None);
    };
    let invalid = || {
        ApiError::validation(
            input.service(),
            format!("Filters takes one filter on {attribute}."),
        )
        .with("RequestId", "")
    };
    match filters {
        [] => Ok(None),
        [Value::Object(one)] => {
            let text = |name: &str| one.get(name).and_then(Value::as_str);
            match (text("AttributePath"), text("AttributeValue")) {
                (Some(path), Some(value)) if path == attribute => Ok(Some(value)),
                _ => Err(invalid()),
            }
        }
        _ => Err(invalid()),
    }
}

/// By what somebody is looked for.
enum Alternate<'a> {
    /// Path and value.
    Unique(&'a str, &'a str),
    /// Issuer and id.
    External(&'a str, &'a str),
}

fn alternate<'a>(input: &Input<'a>) -> Result<Alternate<'a>, ApiError> {
    let alternate = input.required_object("AlternateIdentifier")?;
    let needed = |of: &Input<'a>, member: &str| -> Result<&'a str, ApiError> {
        of.text(member)?.ok_or_else(|| of.missing(member))
    };
    if let Some(external) = alternate.object("ExternalId")? {
        let issuer = needed(&external, "Issuer")?;
        return Ok(Alternate::External(issuer, needed(&external, "Id")?));
    }
    let unique = alternate.required_object("UniqueAttribute")?;
    let path = needed(&unique, "AttributePath")?;
    Ok(Alternate::Unique(path, needed(&unique, "AttributeValue")?))
}

fn is_one_of(known: &[(String, String)], issuer: &str, id: &str) -> bool {
    known.iter().any(|(of, is)| of == issuer && is == id)
}

fn user(world: &World, user: &User) -> Value {
    let formatted = format!("{} {}", user.given, user.family);
    let display = user.display.as_ref().unwrap_or(&formatted);
    let email = (!user.email.is_empty())
        .then(|| json!([{ "Value": user.email, "Type": "work", "Primary": true }]));
    let title = (!user.title.is_empty()).then_some(&user.title);
    let mut all = object([
        ("IdentityStoreId", json!(world.estate.store)),
        ("UserId", json!(user.id)),
        ("UserArn", json!(arn("user", &user.id))),
        ("Revision", json!(user.revision.to_string())),
        ("UserName", json!(user.user_name)),
        (
            "Name",
            json!({
                "Formatted": formatted,
                "FamilyName": user.family,
                "GivenName": user.given,
            }),
        ),
        ("DisplayName", json!(display)),
        ("Emails", json!(email)),
        ("Title", json!(title)),
        ("ExternalIds", external_ids(&user.external_ids)),
        (
            "UserStatus",
            json!((!world.knobs.omit_user_status).then_some(if user.enabled {
                "ENABLED"
            } else {
                "DISABLED"
            })),
        ),
        ("CreatedAt", seconds(user.created_at)),
        ("UpdatedAt", seconds(user.updated_at)),
    ]);
    if let Some(name) = all.get_mut("Name").and_then(Value::as_object_mut) {
        name.extend(user.name.clone());
    }
    if let Some(members) = all.as_object_mut() {
        members.extend(user.more.clone());
    }
    all
}

fn group(world: &World, group: &Group) -> Value {
    let description = (!group.description.is_empty()).then_some(&group.description);
    object([
        ("IdentityStoreId", json!(world.estate.store)),
        ("GroupId", json!(group.id)),
        ("GroupArn", json!(arn("group", &group.id))),
        ("Revision", json!(group.revision.to_string())),
        ("DisplayName", json!(group.name)),
        ("Description", json!(description)),
        ("ExternalIds", external_ids(&group.external_ids)),
        ("CreatedAt", seconds(group.created_at)),
        ("UpdatedAt", seconds(group.updated_at)),
    ])
}
