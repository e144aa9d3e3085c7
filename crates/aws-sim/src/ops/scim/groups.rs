//! Groups, as an identity provider makes and changes them. Who is in them can be asked for a
//! user at a time only (AWS reference §1.7).

use serde_json::{Map, Value, json};

use super::{
    MEMBERS, Operation, absent, body, by, external_id, filter, id, invalid, meta, operations, page,
    put_external_id, taken, text,
};
use crate::estate::{Group, store_id};
use crate::ops::directory::{find_group, find_user};
use crate::ops::people::{EACH, free_group};
use crate::ops::place_of;
use crate::relations::Change;
use crate::wire::ApiError;
use crate::world::{Unsigned, World};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The longest name (AWS reference, the shapes of the identity store [M]).
const TEXT: usize = 1024;

pub(super) fn create(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let body = body(cx)?;
    let name = text(body, "displayName", TEXT)?.ok_or_else(invalid)?;
    let given = text(body, "externalId", TEXT)?;
    let members = match body.get("members") {
        None | Some(Value::Null) => Vec::new(),
        // Somebody who is not there is no valid member [K].
        Some(list) => users(world, list)?.ok_or_else(invalid)?,
    };
    if members.len() > MEMBERS {
        return Err(invalid());
    }
    free(world, &name, given.as_deref(), None)?;
    let there = world.estate.groups.iter().filter(|group| !group.removed);
    if there.count() >= EACH {
        return Err(invalid());
    }
    let store = world.estate.store.clone();
    let id = store_id(&store, &mut world.fresh("group made"));
    let at = cx.moment.at;
    let place = place_of(world.estate.groups.len());
    let mut group = Group {
        id: id.clone(),
        name,
        description: String::new(),
        created_at: at,
        updated_at: at,
        revision: 1,
        removed: false,
        external_ids: Vec::new(),
    };
    put_external_id(world, &mut group.external_ids, given);
    let answer = shown(world, &group);
    world.estate.groups.push(group);
    world.groups_by_id.insert(id, place);
    for user in members {
        join(world, cx, place, user);
    }
    Ok(answer)
}

pub(super) fn get(world: &World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (_, group) = find(world, id(cx))?;
    Ok(shown(world, group))
}

pub(super) fn delete(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (place, _) = find(world, id(cx))?;
    world.remove_group(place, cx.moment.at, by(cx));
    Ok(Value::Null)
}

pub(super) fn list(world: &World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let groups = &world.estate.groups;
    let there = (0..)
        .zip(groups)
        .filter(|(_, group)| !group.removed)
        .map(|(place, _)| place);
    let show = |place: u32| {
        let mut told = shown(world, groups.get(place as usize)?);
        // Empty whoever is in it (AWS documentation: ListGroups).
        told.as_object_mut()?
            .insert("members".to_owned(), json!([]));
        Some(told)
    };
    let Some(wanted) = filter::asked(cx)? else {
        return page(world, cx, there, show);
    };
    let fits = |fits: &dyn Fn(&Group) -> bool| -> Vec<u32> {
        let fitting = there
            .clone()
            .filter(|place| groups.get(*place as usize).is_some_and(fits));
        fitting.collect()
    };
    let found = if let Some(name) = filter::alone(&wanted, "displayName") {
        fits(&|group| group.name.eq_ignore_ascii_case(name))
    } else if let Some(wanted) = filter::alone(&wanted, "externalId") {
        fits(&|group| external_id(world, &group.external_ids) == Some(wanted))
    } else if let Some((group, member)) = filter::with_id(&wanted, "members") {
        let known = find_group(world, group).ok().into_iter();
        match member {
            None => known.collect(),
            Some(member) => {
                let user = find_user(world, member).map_err(|_| absent("user"))?;
                let relations = world.relations();
                known
                    .filter(|group| relations.membership(*group, user).is_some())
                    .collect()
            }
        }
    } else {
        return Err(invalid());
    };
    page(world, cx, found.into_iter(), show)
}

/// What one operation of a PATCH does.
enum Step {
    Name(String),
    ExternalId(Option<String>),
    Join(u32),
    Leave(u32),
}

/// Everything that is asked for is looked at before anything happens.
pub(super) fn patch(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (place, group) = find(world, id(cx))?;
    let mut group = group.clone();
    let mut steps = Vec::new();
    for operation in operations(body(cx)?)? {
        match operation {
            Operation::Add(Some(path), value) | Operation::Replace(Some(path), value) => {
                let adds = matches!(operation, Operation::Add(..));
                put(world, &mut steps, path, value, adds)?;
            }
            Operation::Add(None, value) | Operation::Replace(None, value) => {
                let adds = matches!(operation, Operation::Add(..));
                for (path, value) in value.as_object().ok_or_else(invalid)? {
                    put(world, &mut steps, path, value, adds)?;
                }
            }
            Operation::Remove(path, value) => remove(world, &mut steps, path, value)?,
        }
    }
    let changes = steps
        .iter()
        .filter(|step| matches!(step, Step::Join(_) | Step::Leave(_)));
    if changes.count() > MEMBERS {
        return Err(invalid());
    }
    for step in &steps {
        match step {
            Step::Name(name) => group.name.clone_from(name),
            Step::ExternalId(id) => put_external_id(world, &mut group.external_ids, id.clone()),
            Step::Join(_) | Step::Leave(_) => {}
        }
    }
    let own = external_id(world, &group.external_ids).map(str::to_owned);
    free(world, &group.name, own.as_deref(), Some(place))?;
    group.updated_at = cx.moment.at;
    group.revision += 1;
    if let Some(known) = world.estate.groups.get_mut(place as usize) {
        *known = group;
    }
    for step in steps {
        match step {
            Step::Join(user) => join(world, cx, place, user),
            Step::Leave(user) => {
                let change = Change::Leave { group: place, user };
                world.change(change, cx.moment.at, by(cx));
            }
            Step::Name(_) | Step::ExternalId(_) => {}
        }
    }
    Ok(Value::Null)
}

fn put(
    world: &World,
    steps: &mut Vec<Step>,
    path: &str,
    value: &Value,
    adds: bool,
) -> Result<(), ApiError> {
    let words = || -> Result<String, ApiError> {
        let value = value.as_str().filter(|text| !text.is_empty());
        let value = value.filter(|text| text.chars().count() <= TEXT);
        value.map(str::to_owned).ok_or_else(invalid)
    };
    match path {
        "displayName" => steps.push(Step::Name(words()?)),
        "externalId" => steps.push(Step::ExternalId(Some(words()?))),
        // Who is in a group is not replaced as a whole (AWS documentation: PatchGroup).
        "members" if adds => {
            let users = users(world, value)?.ok_or_else(|| absent("user"))?;
            steps.extend(users.into_iter().map(Step::Join));
        }
        _ => return Err(invalid()),
    }
    Ok(())
}

fn remove(
    world: &World,
    steps: &mut Vec<Step>,
    path: &str,
    value: Option<&Value>,
) -> Result<(), ApiError> {
    let users = match (path, value) {
        ("externalId", None) => {
            steps.push(Step::ExternalId(None));
            return Ok(());
        }
        ("members", Some(value)) => users(world, value)?,
        // `members[value eq "…"]`
        (path, None) => {
            let inside = path.strip_prefix("members[");
            let inside = inside.and_then(|inside| inside.strip_suffix(']'));
            let wanted = filter::read(inside.ok_or_else(invalid)?)?;
            let user = filter::alone(&wanted, "value").ok_or_else(invalid)?;
            find_user(world, user).ok().map(|user| vec![user])
        }
        _ => return Err(invalid()),
    };
    let users = users.ok_or_else(|| absent("user"))?;
    steps.extend(users.into_iter().map(Step::Leave));
    Ok(())
}

/// The users a list of members names; nothing where one of them is not there. Groups have no
/// groups in them.
fn users(world: &World, list: &Value) -> Result<Option<Vec<u32>>, ApiError> {
    let list = list.as_array().filter(|list| !list.is_empty());
    let mut users = Vec::new();
    for member in list.ok_or_else(invalid)? {
        let member: &Map<String, Value> = member.as_object().ok_or_else(invalid)?;
        let value = text(member, "value", TEXT)?.ok_or_else(invalid)?;
        let kind = text(member, "type", TEXT)?;
        let is_user = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("user"));
        if !is_user || world.groups_by_id.contains_key(&value) || member.contains_key("display") {
            return Err(invalid());
        }
        match find_user(world, &value) {
            Ok(user) => users.push(user),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(users))
}

/// Whoever is in the group already stays as they are [K].
fn join(world: &mut World, cx: &Unsigned<'_>, group: u32, user: u32) {
    if world.relations().membership(group, user).is_some() {
        return;
    }
    let mut stream = world.fresh("new membership");
    let id = store_id(&world.estate.store, &mut stream);
    let at = cx.moment.at;
    let change = Change::Join {
        group,
        user,
        id,
        at,
    };
    world.change(change, at, by(cx));
}

fn find<'a>(world: &'a World, id: &str) -> Result<(u32, &'a Group), ApiError> {
    let place = find_group(world, id).map_err(|_| absent("group"))?;
    let group = world.estate.groups.get(place as usize);
    Ok((place, group.ok_or_else(|| absent("group"))?))
}

/// Name and the provider's own id belong to one group each.
fn free(
    world: &World,
    name: &str,
    external: Option<&str>,
    but: Option<u32>,
) -> Result<(), ApiError> {
    free_group(world, name, but).map_err(|_| taken("Group"))?;
    let mut others = (0..).zip(&world.estate.groups);
    let same = others.any(|(place, group)| {
        !group.removed
            && Some(place) != but
            && external.is_some()
            && external_id(world, &group.external_ids) == external
    });
    if same { Err(taken("Group")) } else { Ok(()) }
}

/// A group as the endpoint tells it.
fn shown(world: &World, group: &Group) -> Value {
    super::super::object([
        ("id", json!(group.id)),
        ("externalId", json!(external_id(world, &group.external_ids))),
        ("meta", meta("Group", group.created_at, group.updated_at)),
        ("schemas", json!([CORE])),
        ("displayName", json!(group.name)),
    ])
}
