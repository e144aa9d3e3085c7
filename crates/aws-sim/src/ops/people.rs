//! Identity store: users and groups made, changed and deleted (AWS reference §1.2).
//!
//! Assignments of somebody who is deleted stay behind and go on naming the dead id.
//!
//! What it does not do: `Extensions`, and photos beyond keeping them.

use serde_json::{Map, Value, json};

use super::directory::{absent, arn, authorize_in_store, find_group, find_user};
use super::shapes::{STORE_MEMBER, STORE_NAME, STORE_TEXT, without_arn};
use super::{InJson, object, place_of};
use crate::estate::{Group, User, store_id};
use crate::fault::Effect;
use crate::history::By;
use crate::relations::Change;
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("CreateUser", |world, cx| create_user(world, cx)),
    ("UpdateUser", |world, cx| update_user(world, cx)),
    ("DeleteUser", |world, cx| delete_user(world, cx)),
    ("CreateGroup", |world, cx| create_group(world, cx)),
    ("UpdateGroup", |world, cx| update_group(world, cx)),
    ("DeleteGroup", |world, cx| delete_group(world, cx)),
];

/// What a store may have of each (AWS reference §2).
pub(super) const EACH: usize = 100_000;

/// Attributes that are kept as they come: as an input spells them, and as a path does.
pub(super) const KEPT: &[(&str, &str)] = &[
    ("NickName", "nickName"),
    ("ProfileUrl", "profileUrl"),
    ("Addresses", "addresses"),
    ("PhoneNumbers", "phoneNumbers"),
    ("UserType", "userType"),
    ("PreferredLanguage", "preferredLanguage"),
    ("Locale", "locale"),
    ("Timezone", "timezone"),
    ("Photos", "photos"),
    ("Website", "website"),
    ("Birthdate", "birthdate"),
    ("Roles", "roles"),
];

fn create_user(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let user_name = input.required("UserName", STORE_NAME)?;
    let display = input.required("DisplayName", STORE_TEXT)?;
    let name = input.required_object("Name")?;
    let given = name.required("GivenName", STORE_TEXT)?;
    let family = name.required("FamilyName", STORE_TEXT)?;
    let title = text(&input, "Title")?;
    let email = email(input.list("Emails")?)?;
    if input.object("Extensions")?.is_some() {
        return Err(invalid(
            cx,
            "Extensions are not part of this simulated AWS.",
        ));
    }
    free_user(world, user_name, email.as_deref(), None)?;
    let there = world.estate.users.iter().filter(|user| !user.removed);
    if there.count() >= EACH {
        return Err(full("users"));
    }
    let mut more = Map::new();
    for (member, _) in KEPT {
        if let Some(value) = input
            .members()
            .get(*member)
            .filter(|value| !value.is_null())
        {
            more.insert((*member).to_owned(), value.clone());
        }
    }
    let store = world.estate.store.clone();
    let id = store_id(&store, &mut world.fresh("user made"));
    let at = cx.moment.at;
    let place = place_of(world.estate.users.len());
    world.estate.users.push(User {
        id: id.clone(),
        user_name: user_name.to_owned(),
        given: given.to_owned(),
        family: family.to_owned(),
        display: Some(display.to_owned()),
        email: email.unwrap_or_default(),
        title: title.unwrap_or_default(),
        enabled: true,
        removed: false,
        created_at: at,
        updated_at: at,
        revision: 1,
        external_ids: Vec::new(),
        more,
        name: Map::new(),
        enterprise: Map::new(),
    });
    world.users_by_id.insert(id.clone(), place);
    Ok(json!({
        "IdentityStoreId": store,
        "UserId": id,
        "UserArn": arn("user", &id),
        "Revision": "1",
    }))
}

fn update_user(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let id = without_arn(input.required("UserId", STORE_MEMBER)?);
    let place = find_user(world, id)?;
    let Some(mut user) = world.estate.users.get(place as usize).cloned() else {
        return Err(absent("USER", "USER not found.", Some(id)));
    };
    same_revision(&input, user.revision)?;
    for (path, value) in changes(cx, &input)? {
        let words = value.and_then(Value::as_str).map(str::to_owned);
        let needed = || {
            words
                .clone()
                .ok_or_else(|| invalid(cx, format!("{path} cannot be removed.")))
        };
        match path {
            "userName" => user.user_name = needed()?,
            "displayName" => user.display = Some(needed()?),
            "name.givenName" => user.given = needed()?,
            "name.familyName" => user.family = needed()?,
            "title" => user.title = words.unwrap_or_default(),
            "emails" => {
                user.email =
                    email(value.and_then(Value::as_array).map(Vec::as_slice))?.unwrap_or_default();
                user.more.remove("Emails");
            }
            other => match (KEPT.iter().find(|(_, path)| *path == other), value) {
                (Some((member, _)), Some(value)) => {
                    user.more.insert((*member).to_owned(), value.clone());
                }
                (Some((member, _)), None) => {
                    user.more.remove(*member);
                }
                (None, _) => {
                    return Err(invalid(cx, format!("Unsupported attribute path: {other}")));
                }
            },
        }
    }
    let email = Some(user.email.as_str()).filter(|email| !email.is_empty());
    free_user(world, &user.user_name, email, Some(place))?;
    user.revision += 1;
    user.updated_at = cx.moment.at;
    let answer = json!({
        "IdentityStoreId": world.estate.store,
        "UserId": user.id,
        "UserArn": arn("user", &user.id),
        "Revision": user.revision.to_string(),
    });
    if let Some(known) = world.estate.users.get_mut(place as usize) {
        *known = user;
    }
    Ok(answer)
}

fn delete_user(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let place = find_user(world, without_arn(input.required("UserId", STORE_MEMBER)?))?;
    let revision = world
        .estate
        .users
        .get(place as usize)
        .map(|user| user.revision);
    same_revision(&input, revision.unwrap_or(0))?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        world.remove_person(place, cx.moment.at, cx.by());
    }
    Ok(json!({}))
}

fn create_group(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let name = input.required("DisplayName", STORE_TEXT)?;
    let description = text(&input, "Description")?;
    free_group(world, name, None)?;
    let there = world.estate.groups.iter().filter(|group| !group.removed);
    if there.count() >= EACH {
        return Err(full("groups"));
    }
    let store = world.estate.store.clone();
    let id = store_id(&store, &mut world.fresh("group made"));
    let at = cx.moment.at;
    let place = place_of(world.estate.groups.len());
    world.estate.groups.push(Group {
        id: id.clone(),
        name: name.to_owned(),
        description: description.unwrap_or_default(),
        created_at: at,
        updated_at: at,
        revision: 1,
        removed: false,
        external_ids: Vec::new(),
    });
    world.groups_by_id.insert(id.clone(), place);
    Ok(json!({
        "IdentityStoreId": store,
        "GroupId": id,
        "GroupArn": arn("group", &id),
        "Revision": "1",
    }))
}

fn update_group(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let place = find_group(world, without_arn(input.required("GroupId", STORE_MEMBER)?))?;
    let Some(mut group) = world.estate.groups.get(place as usize).cloned() else {
        return Err(absent("GROUP", "GROUP not found.", None));
    };
    same_revision(&input, group.revision)?;
    for (path, value) in changes(cx, &input)? {
        let words = value.and_then(Value::as_str).map(str::to_owned);
        match (path, words) {
            ("displayName", Some(name)) => group.name = name,
            ("displayName", None) => return Err(invalid(cx, "displayName cannot be removed.")),
            ("description", words) => group.description = words.unwrap_or_default(),
            (other, _) => {
                return Err(invalid(cx, format!("Unsupported attribute path: {other}")));
            }
        }
    }
    free_group(world, &group.name, Some(place))?;
    group.revision += 1;
    group.updated_at = cx.moment.at;
    let answer = json!({
        "IdentityStoreId": world.estate.store,
        "GroupId": group.id,
        "GroupArn": arn("group", &group.id),
        "Revision": group.revision.to_string(),
    });
    if let Some(known) = world.estate.groups.get_mut(place as usize) {
        *known = group;
    }
    Ok(answer)
}

fn delete_group(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let place = find_group(world, without_arn(input.required("GroupId", STORE_MEMBER)?))?;
    let revision = world
        .estate
        .groups
        .get(place as usize)
        .map(|group| group.revision);
    same_revision(&input, revision.unwrap_or(0))?;
    if matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        return Ok(json!({}));
    }
    world.remove_group(place, cx.moment.at, cx.by());
    Ok(json!({}))
}

impl World {
    /// Removes a user from the directory and from every group. Assignments stay behind and go
    /// on naming the dead id (AWS reference §1.2 [R]).
    pub(crate) fn remove_person(&mut self, place: u32, at: i64, by: By) {
        if let Some(user) = self.estate.users.get_mut(place as usize) {
            user.removed = true;
        }
        let afterlife = self.knobs.portal_afterlife_micros;
        self.sign_ins.close(place, at, afterlife);
        let groups: Vec<u32> = self.relations().groups_of(place, 0).collect();
        for group in groups {
            self.change(Change::Leave { group, user: place }, at, by);
        }
    }
}

impl World {
    /// Removes a group from the directory, and everybody from it. Assignments stay behind as those
    /// of a person do.
    pub(crate) fn remove_group(&mut self, place: u32, at: i64, by: By) {
        let members: Vec<u32> = self
            .relations()
            .members_of(place, 0)
            .map(|(user, _)| user)
            .collect();
        for user in members {
            self.change(Change::Leave { group: place, user }, at, by);
        }
        if let Some(group) = self.estate.groups.get_mut(place as usize) {
            group.removed = true;
        }
    }
}

/// Paths and values of `Operations`; a value that is null or missing removes.
fn changes<'a>(
    cx: &Cx<'_>,
    input: &Input<'a>,
) -> Result<Vec<(&'a str, Option<&'a Value>)>, ApiError> {
    let asked = input
        .list("Operations")?
        .ok_or_else(|| input.missing("Operations"))?;
    if asked.is_empty() || asked.len() > 100 {
        return Err(invalid(cx, "Operations takes 1 to 100 operations."));
    }
    asked
        .iter()
        .map(|one| {
            let path = one.get("AttributePath").and_then(Value::as_str);
            let value = one.get("AttributeValue").filter(|value| !value.is_null());
            Ok((path.ok_or_else(ApiError::serialization)?, value))
        })
        .collect()
}

/// Refuses a change made for an earlier state.
fn same_revision(input: &Input<'_>, now: u64) -> Result<(), ApiError> {
    match input.text("Revision")? {
        Some(asked) if asked != now.to_string() => Err(ApiError::conflict(
            "The resource was changed by another request.",
        )
        .with("Reason", "CONCURRENT_MODIFICATION")
        .with("RequestId", "")),
        _ => Ok(()),
    }
}

pub(super) fn free_user(
    world: &World,
    name: &str,
    email: Option<&str>,
    but: Option<u32>,
) -> Result<(), ApiError> {
    let others = (0..).zip(&world.estate.users);
    let mut others = others.filter(|(place, user)| !user.removed && Some(*place) != but);
    let taken = others.any(|(_, user)| {
        user.user_name.eq_ignore_ascii_case(name)
            || email.is_some_and(|email| user.email.eq_ignore_ascii_case(email))
    });
    if taken {
        Err(duplicate("USER"))
    } else {
        Ok(())
    }
}

pub(super) fn free_group(world: &World, name: &str, but: Option<u32>) -> Result<(), ApiError> {
    let others = (0..).zip(&world.estate.groups);
    let mut others = others.filter(|(place, group)| !group.removed && Some(*place) != but);
    let taken = others.any(|(_, group)| group.name.eq_ignore_ascii_case(name));
    if taken {
        Err(duplicate("GROUP"))
    } else {
        Ok(())
    }
}

fn duplicate(what: &str) -> ApiError {
    ApiError::conflict(format!("Duplicate {what} unique attribute."))
        .with("Reason", "UNIQUENESS_CONSTRAINT_VIOLATION")
        .with("RequestId", "")
}

fn full(what: &str) -> ApiError {
    ApiError::new(
        "ServiceQuotaExceededException",
        format!("You have exceeded the maximum number of {what}."),
    )
    .with("RequestId", "")
}

fn invalid(cx: &Cx<'_>, message: impl Into<String>) -> ApiError {
    ApiError::validation(cx.call.service, message).with("RequestId", "")
}

fn text(input: &Input<'_>, member: &str) -> Result<Option<String>, ApiError> {
    let text = input.text(member)?;
    if let Some(text) = text {
        input.fits(member, text, STORE_TEXT)?;
    }
    Ok(text.map(str::to_owned))
}

/// The one e-mail address of a list.
fn email(list: Option<&[Value]>) -> Result<Option<String>, ApiError> {
    match list {
        None | Some([]) => Ok(None),
        Some([one]) => {
            let value = one.get("Value").and_then(Value::as_str);
            Ok(value.map(str::to_owned))
        }
        Some(_) => Err(ApiError::serialization()),
    }
}

/// `ExternalIds`, as an identity provider's own ids are told; null without any.
pub(super) fn external_ids(ids: &[(String, String)]) -> Value {
    if ids.is_empty() {
        return Value::Null;
    }
    let ids = ids
        .iter()
        .map(|(issuer, id)| object([("Issuer", json!(issuer)), ("Id", json!(id))]));
    Value::Array(ids.collect())
}
