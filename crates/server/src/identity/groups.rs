//! Verbs about groups and their members.

use std::collections::BTreeMap;

use serde_json::json;
use stint_db::{Priority, Val};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{GroupId, Time, UserId};

use super::store::users::search_text;
use super::store::{fold, groups, users};
use super::{Error, Group, Member, actor_id, check};
use crate::cx::Cx;
use crate::http::{Page, Paging, sorted};

/// A group to be.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Unique whatever the capitals.
    pub name: String,
    /// For people; may be empty.
    pub description: String,
}

/// What to change of a group; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
}

/// Creates a group without members.
pub async fn create_group(cx: &Cx, new: NewGroup) -> Result<Group, Error> {
    cx.authorize(Verb::CreateGroup, Relation::None)?;
    let name = check::name(&new.name)?;
    let description = check::description(&new.description)?;
    let id: GroupId = cx.app.ids.new_id();
    let mut tx = cx.begin(Priority::Interactive).await?;
    groups::insert(&mut tx, id, (&name, &description), cx.now)
        .await
        .map_err(name_taken)?;
    tx.audit(cx.event("group.created", [id.into()], json!({ "name": name })));
    let group = groups::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(group)
}

/// One group.
pub async fn get_group(cx: &Cx, id: GroupId) -> Result<Group, Error> {
    cx.authorize(Verb::GetGroup, Relation::Others)?;
    groups::get(&mut cx.read().await?, id)
        .await?
        .ok_or(Error::NotFound)
}

/// Which groups to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupFilter {
    /// Words in the name, in their order.
    pub q: String,
    /// One of [`GROUP_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of groups has.
pub const GROUP_SORTS: &[&str] = &["name", "-name", "created", "-created"];

/// Groups, a page at a time.
pub async fn list_groups(
    cx: &Cx,
    filter: &GroupFilter,
    paging: &Paging,
) -> Result<Page<Group>, Error> {
    cx.authorize(Verb::ListGroups, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), GROUP_SORTS)?;
    let after = paging.after_key::<GroupId>(sort)?;
    let mut reader = cx.read().await?;
    let rows = groups::list(&mut reader, filter, sort, after, paging.fetch()).await?;
    Ok(paging.page_key(sort, rows, |group| group.id, |group| fold(&group.name)))
}

/// Which members to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFilter {
    /// Words in name and address, in their order.
    pub q: String,
    /// One of [`MEMBER_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of members has.
pub const MEMBER_SORTS: &[&str] = &["email", "-email", "name", "-name", "since", "-since"];

/// A group's members, a page at a time.
pub async fn list_members(
    cx: &Cx,
    id: GroupId,
    filter: &MemberFilter,
    paging: &Paging,
) -> Result<Page<Member>, Error> {
    cx.authorize(Verb::GetGroup, Relation::Others)?;
    let sort = sorted(filter.sort.as_deref(), MEMBER_SORTS)?;
    let by_time = sort.ends_with("since");
    let after = if by_time {
        let (key, id) = paging.after_in::<(Time, UserId)>(sort)?.unzip();
        (Val::from(key), id)
    } else {
        let (key, id) = paging.after_in::<(String, UserId)>(sort)?.unzip();
        (Val::from(key), id)
    };
    let mut reader = cx.read().await?;
    groups::get(&mut reader, id).await?.ok_or(Error::NotFound)?;
    let rows = groups::members(&mut reader, id, filter, sort, after, paging.fetch()).await?;
    Ok(if by_time {
        paging.page_in(sort, rows, |member| (member.added_at, member.user))
    } else if sort.ends_with("name") {
        let name = |member: &Member| search_text(&member.name, &member.email);
        paging.page_in(sort, rows, |member| (name(member), member.user))
    } else {
        paging.page_in(sort, rows, |member| (fold(&member.email), member.user))
    })
}

/// The names of the first `most` members of each of these groups, by address.
pub async fn first_members(
    cx: &Cx,
    ids: impl IntoIterator<Item = GroupId>,
    most: i64,
) -> Result<BTreeMap<GroupId, Vec<String>>, Error> {
    cx.authorize(Verb::GetGroup, Relation::Others)?;
    Ok(groups::first_members(&mut cx.read().await?, ids, most).await?)
}

/// Changes name or description.
pub async fn update_group(
    cx: &Cx,
    id: GroupId,
    change: GroupChange,
    expected: Option<i64>,
) -> Result<Group, Error> {
    cx.authorize(Verb::UpdateGroup, Relation::Others)?;
    let name = change.name.as_deref().map(check::name).transpose()?;
    let description = change
        .description
        .as_deref()
        .map(check::description)
        .transpose()?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = groups::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    if expected.is_some_and(|version| version != before.version) {
        return Err(Error::Stale {
            version: before.version,
        });
    }
    let name = name.unwrap_or_else(|| before.name.clone());
    let description = description.unwrap_or_else(|| before.description.clone());
    if (&name, &description) == (&before.name, &before.description) {
        return Ok(before);
    }
    groups::update(&mut tx, id, &name, &description)
        .await
        .map_err(name_taken)?;
    let facts = json!({
        "before": { "name": before.name, "description": before.description },
        "after": { "name": name, "description": description },
    });
    tx.audit(cx.event("group.changed", [id.into()], facts));
    let after = groups::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(after)
}

/// Puts an active user into a group. Somebody who is in it stays as they are.
pub async fn add_member(cx: &Cx, id: GroupId, user: UserId) -> Result<Group, Error> {
    cx.authorize(Verb::AddMember, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = groups::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let who = users::get(&mut tx, user).await?.ok_or(Error::UnknownUser)?;
    if !who.active {
        return Err(Error::Inactive);
    }
    if !groups::add(&mut tx, id, user, cx.now, actor_id(cx)).await? {
        return Ok(before);
    }
    let facts = json!({ "group": before.name, "user": who.name });
    tx.audit(cx.event("group.member_added", [id.into(), user.into()], facts));
    let after = groups::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(after)
}

/// Takes a user out of a group. Somebody who is not in it stays out.
pub async fn remove_member(cx: &Cx, id: GroupId, user: UserId) -> Result<Group, Error> {
    cx.authorize(Verb::RemoveMember, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = groups::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let who = users::get(&mut tx, user).await?.ok_or(Error::UnknownUser)?;
    if !groups::remove(&mut tx, id, user).await? {
        return Ok(before);
    }
    super::changes_others(cx, &mut tx).await?;
    let facts = json!({ "group": before.name, "user": who.name });
    tx.audit(cx.event("group.member_removed", [id.into(), user.into()], facts));
    let after = groups::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(after)
}

fn name_taken(error: stint_db::Error) -> Error {
    Error::taken(error, "groups.name_key", Error::NameTaken)
}
