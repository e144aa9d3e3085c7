//! Who is in which group.

use super::{Output, close_page, group_of, groups, limit, marker, no_user, shapes, user_named};
use crate::fault::Effect;
use crate::iam::GROUPS_PER_USER;
use crate::relations::Change;
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

pub(super) fn list_groups(world: &mut World, cx: &Cx<'_>) -> Output {
    let user = user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows: Vec<u32> = world
        .read(cx.effect)
        .iam_groups_of(user, from)
        .take(pager.limit + 1)
        .collect();
    let (page, next) = pager.take(rows.into_iter(), |group| [*group, 0, 0]);
    let page = page
        .into_iter()
        .filter_map(|group| world.estate.iam.group(group));
    let mut xml = Xml::new();
    xml.list("Groups", page, groups::members);
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

/// Success for a member too, even one that is in ten groups (AWS reference §1.1 [R]).
pub(super) fn add(world: &mut World, cx: &Cx<'_>) -> Output {
    let (group, user) = both(world, cx)?;
    let relations = world.relations();
    if relations.is_in_iam_group(group, user) {
        return Ok(None);
    }
    if relations.iam_groups_of(user, 0).count() >= GROUPS_PER_USER {
        return Err(limit("GroupsPerUser", GROUPS_PER_USER));
    }
    world.change(Change::IamJoin { group, user }, cx.moment.at, cx.by());
    Ok(None)
}

/// Success for somebody who is no member too (AWS reference §1.1 [R]).
pub(super) fn remove(world: &mut World, cx: &Cx<'_>) -> Output {
    let (group, user) = both(world, cx)?;
    if world.relations().is_in_iam_group(group, user)
        && !matches!(cx.effect, Some(Effect::IgnoreDelete))
    {
        world.change(Change::IamLeave { group, user }, cx.moment.at, cx.by());
    }
    Ok(None)
}

/// Group and user. The caller is judged on the group alone: who may be put into a group
/// cannot be limited (AWS reference §6.3, §6.4 [S]).
fn both(world: &World, cx: &Cx<'_>) -> Result<(u32, u32), ApiError> {
    let user = cx.input().required("UserName", shapes::NAME)?;
    let group = group_of(world, cx)?;
    let place = world.estate.iam.user_place(cx.key.account(), user);
    Ok((group, place.ok_or_else(|| no_user(user))?))
}
