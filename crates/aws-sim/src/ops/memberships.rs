//! Identity store: who is in which group (AWS reference §1.2).

use serde_json::{Value, json};

use super::directory::{absent, arn, authorize_in_store, find_group, find_user};
use super::shapes::{STORE_MEMBER, member_id, without_arn};
use super::{InJson, PAGE, object, seconds};
use crate::estate::store_id;
use crate::fault::Effect;
use crate::relations::{Change, Membership, Relations};
use crate::wire::ApiError;
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ListGroupMemberships", |world, cx| list(world, cx)),
    ("ListGroupMembershipsForMember", |world, cx| {
        list_for_member(world, cx)
    }),
    ("GetGroupMembershipId", |world, cx| get_id(world, cx)),
    ("DescribeGroupMembership", |world, cx| describe(world, cx)),
    ("IsMemberInGroups", |world, cx| is_member(world, cx)),
    ("CreateGroupMembership", |world, cx| create(world, cx)),
    ("DeleteGroupMembership", |world, cx| delete(world, cx)),
];

pub(super) fn list(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let group = group(world, cx)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows: Vec<(u32, Membership)> = world
        .read(cx.effect)
        .members_of(group, from)
        .take(pager.limit + 1)
        .map(|(user, membership)| (user, membership.clone()))
        .collect();
    let (page, next) = pager.take(rows.into_iter(), |(user, _)| [*user, 0, 0]);
    let rows: Vec<Value> = page
        .iter()
        .map(|(user, known)| row(world, group, *user, known))
        .collect();
    Ok(object([
        ("GroupMemberships", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

pub(super) fn list_for_member(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let user = find_user(world, member_id(&cx.input())?)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let relations = world.read(cx.effect);
    let rows: Vec<(u32, Membership)> = relations
        .groups_of(user, from)
        .take(pager.limit + 1)
        .filter_map(|group| {
            relations
                .membership(group, user)
                .map(|known| (group, known.clone()))
        })
        .collect();
    let (page, next) = pager.take(rows.into_iter(), |(group, _)| [*group, 0, 0]);
    let rows: Vec<Value> = page
        .iter()
        .map(|(group, known)| row(world, *group, user, known))
        .collect();
    Ok(object([
        ("GroupMemberships", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

pub(super) fn get_id(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let group = group(world, cx)?;
    let user = find_user(world, member_id(&cx.input())?)?;
    let id = find(world.read(cx.effect), group, user)?;
    Ok(named(world, &id))
}

pub(super) fn describe(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let id = without_arn(cx.input().required("MembershipId", STORE_MEMBER)?);
    let relations = world.read(cx.effect);
    let found = relations.membership_by_id(id).and_then(|(group, user)| {
        relations
            .membership(group, user)
            .map(|known| (group, user, known.clone()))
    });
    let (group, user, known) = found.ok_or_else(|| no_membership(Some(id)))?;
    Ok(row(world, group, user, &known))
}

pub(super) fn is_member(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let input = cx.input();
    let member = member_id(&input)?;
    let user = find_user(world, member)?;
    let asked = input
        .list("GroupIds")?
        .ok_or_else(|| input.missing("GroupIds"))?;
    if asked.is_empty() || asked.len() > 100 {
        return Err(input.breach(
            "GroupIds",
            &format!("[{} entries]", asked.len()),
            "Member must have length greater than or equal to 1 and less than or equal to 100",
        ));
    }
    let mut groups = Vec::with_capacity(asked.len());
    for id in asked {
        let id = without_arn(id.as_str().ok_or_else(ApiError::serialization)?);
        groups.push((id, find_group(world, id)?));
    }
    let relations = world.read(cx.effect);
    let results: Vec<Value> = groups
        .into_iter()
        .map(|(id, group)| {
            json!({
                "GroupId": id,
                "MemberId": { "UserId": member },
                "MembershipExists": relations.membership(group, user).is_some(),
            })
        })
        .collect();
    Ok(json!({ "Results": results }))
}

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let group = group(world, cx)?;
    let user = find_user(world, member_id(&cx.input())?)?;
    if world.relations().membership(group, user).is_some() {
        return Err(
            ApiError::conflict("Member and Group already exist in a membership.")
                .with("Reason", "UNIQUENESS_CONSTRAINT_VIOLATION")
                .with("RequestId", ""),
        );
    }
    let mut stream = world.fresh("new membership");
    let id = store_id(&world.estate.store, &mut stream);
    let at = cx.moment.at;
    world.change(
        Change::Join {
            group,
            user,
            id: id.clone(),
            at,
        },
        at,
        cx.by(),
    );
    Ok(named(world, &id))
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_store(world, cx)?;
    let id = without_arn(cx.input().required("MembershipId", STORE_MEMBER)?);
    let (group, user) = world
        .relations()
        .membership_by_id(id)
        .ok_or_else(|| no_membership(Some(id)))?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        world.change(Change::Leave { group, user }, cx.moment.at, cx.by());
    }
    Ok(json!({}))
}

fn group(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    find_group(
        world,
        without_arn(cx.input().required("GroupId", STORE_MEMBER)?),
    )
}

fn find(relations: &Relations, group: u32, user: u32) -> Result<String, ApiError> {
    relations
        .membership(group, user)
        .map(|known| known.id.clone())
        .ok_or_else(|| no_membership(None))
}

fn no_membership(id: Option<&str>) -> ApiError {
    absent("GROUP_MEMBERSHIP", "GROUP_MEMBERSHIP not found.", id)
}

fn named(world: &World, id: &str) -> Value {
    json!({
        "IdentityStoreId": world.estate.store,
        "MembershipId": id,
        "MembershipArn": arn("membership", id),
    })
}

fn row(world: &World, group: u32, user: u32, known: &Membership) -> Value {
    let group_id = world
        .estate
        .groups
        .get(group as usize)
        .map(|group| group.id.as_str());
    let user_id = world
        .estate
        .users
        .get(user as usize)
        .map(|user| user.id.as_str());
    object([
        ("IdentityStoreId", json!(world.estate.store)),
        ("MembershipId", json!(known.id)),
        ("MembershipArn", json!(arn("membership", &known.id))),
        ("GroupId", json!(group_id)),
        ("MemberId", json!({ "UserId": user_id })),
        ("CreatedAt", seconds(known.at)),
        ("UpdatedAt", seconds(known.at)),
    ])
}
