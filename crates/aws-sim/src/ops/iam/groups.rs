//! Groups. `GetGroup` also lists who is in one.

use super::policies::in_the_way;
use super::{
    Output, authorize_list, authorize_on, close_page, conflict, group_of, limit, marker, prefix,
    shapes, users,
};
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::{Entity, GROUPS_PER_ACCOUNT, IamGroup, arn};
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    authorize_list(world, cx, "group")?;
    let prefix = prefix(&cx.input())?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows = world.estate.iam.groups_of(cx.key.account(), prefix, from);
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let mut xml = Xml::new();
    xml.list("Groups", page, |xml, (_, group)| members(xml, group));
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn get(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = group_of(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows: Vec<u32> = world
        .read(cx.effect)
        .iam_members_of(place, from)
        .take(pager.limit + 1)
        .collect();
    let (page, next) = pager.take(rows.into_iter(), |user| [*user, 0, 0]);
    let mut xml = Xml::new();
    write(&mut xml, world, place);
    let page = page
        .into_iter()
        .filter_map(|user| world.estate.iam.user(user));
    xml.list("Users", page, users::bare);
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = shapes::new_group_name(&input, "GroupName")?;
    let name = name.ok_or_else(|| input.missing("GroupName"))?;
    let path = shapes::new_path(&input, "Path")?.unwrap_or("/");
    let account = cx.key.account();
    authorize_on(world, cx, &arn(account, "group", path, name))?;
    if world.estate.iam.group_place(account, name).is_some() {
        return Err(taken(name));
    }
    if world.estate.iam.groups_of(account, "/", 0).count() >= GROUPS_PER_ACCOUNT {
        return Err(limit("GroupsPerAccount", GROUPS_PER_ACCOUNT));
    }
    let id = format!("AGPA{}", world.fresh("IAM group made").upper(17));
    let place = world.estate.iam.add_group(IamGroup {
        entity: Entity {
            account: account.to_owned(),
            path: path.to_owned(),
            name: name.to_owned(),
            id,
            created_at: cx.moment.at,
            removed: false,
        },
    });
    let mut xml = Xml::new();
    write(&mut xml, world, place);
    Ok(Some(xml))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = group_of(world, cx)?;
    let input = cx.input();
    let path = shapes::new_path(&input, "NewPath")?;
    let name = shapes::new_group_name(&input, "NewGroupName")?;
    let account = cx.key.account();
    let Some(old) = world.estate.iam.group(place).map(|group| &group.entity) else {
        return Ok(None);
    };
    let becomes = arn(
        account,
        "group",
        path.unwrap_or(&old.path),
        name.unwrap_or(&old.name),
    );
    authorize_on(world, cx, &becomes)?;
    if let Some(name) = name
        && let Some(other) = world.estate.iam.group_place(account, name)
        && other != place
    {
        return Err(taken(name));
    }
    world.estate.iam.move_group(place, path, name);
    Ok(None)
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = group_of(world, cx)?;
    if world.relations().iam_members_of(place, 0).next().is_some() {
        return Err(conflict("remove users from group"));
    }
    let id = world
        .estate
        .iam
        .group(place)
        .map(|group| group.entity.id.clone());
    let id = id.unwrap_or_default();
    in_the_way(world, &id)?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        world.estate.iam.remove_group(place);
        world.access.gone(&id);
    }
    Ok(None)
}

fn taken(name: &str) -> ApiError {
    ApiError::iam(
        "EntityAlreadyExists",
        format!("Group with name {name} already exists."),
    )
}

/// What is known of a group.
pub(super) fn members(xml: &mut Xml, group: &IamGroup) {
    xml.text("Path", &group.entity.path)
        .text("GroupName", &group.entity.name)
        .text("GroupId", &group.entity.id)
        .text("Arn", &group.arn())
        .text("CreateDate", &iso(group.entity.created_at));
}

fn write(xml: &mut Xml, world: &World, place: u32) {
    if let Some(group) = world.estate.iam.group(place) {
        xml.element("Group", |xml| members(xml, group));
    }
}
