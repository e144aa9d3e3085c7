//! Searching for people and groups in the forms of every room, and saying who was faster.

use stint_api::audit::AuditActor;
use stint_domain::{GroupId, UserId};

use super::super::{Error, Group, GroupFilter, User, UserFilter, list_groups, list_users, store};
use crate::audit;
use crate::cx::Cx;
use crate::http::Paging;
use crate::web::fields::{Choose, Item, Meanwhile};
use crate::web::{Picked, When};

/// How many are shown at once; whoever wants another one adds a word.
const FOUND: i64 = 8;

/// A group as a form offers it.
fn group_item(group: Group) -> Item {
    let faint = match group.members {
        0 => "nobody in it".to_owned(),
        1 => "1 member".to_owned(),
        n => format!("{n} members"),
    };
    Item {
        id: group.id.to_string(),
        title: group.name,
        faint,
    }
}

/// A person as a form offers them.
fn user_item(user: User) -> Item {
    let faint = if user.active {
        user.email
    } else {
        format!("{}, deactivated", user.email)
    };
    Item {
        id: user.id.to_string(),
        title: user.name,
        faint,
    }
}

/// What is no longer there, or never was.
fn unknown(id: &str, what: &str) -> Item {
    Item {
        id: id.to_owned(),
        title: id.to_owned(),
        faint: format!("no such {what}: remove it"),
    }
}

/// The groups with these ids, in that order.
pub(crate) async fn group_items(cx: &Cx, picked: &Picked) -> Result<Vec<Item>, Error> {
    let mut groups = store::groups::by_id(&mut cx.read().await?, picked.read::<GroupId>()).await?;
    let items = picked.ids.iter().map(|id| {
        let found = id.parse::<GroupId>().ok().and_then(|id| groups.remove(&id));
        found.map_or_else(|| unknown(id, "group"), group_item)
    });
    Ok(items.collect())
}

/// The users with these ids, in that order.
pub(crate) async fn user_items(cx: &Cx, picked: &Picked) -> Result<Vec<Item>, Error> {
    let users = store::users::several(&mut cx.read().await?, &picked.read::<UserId>()).await?;
    let items = picked.ids.iter().map(|id| {
        let found = users.iter().find(|user| user.id.to_string() == *id);
        found
            .cloned()
            .map_or_else(|| unknown(id, "user"), user_item)
    });
    Ok(items.collect())
}

/// Fills a control that chooses groups.
pub(crate) async fn choose_groups(
    cx: &Cx,
    control: Choose,
    picked: &Picked,
) -> Result<Choose, Error> {
    let chosen = group_items(cx, picked).await?;
    if !picked.search {
        return Ok(control.with(picked, chosen, None, false));
    }
    let filter = GroupFilter {
        q: picked.q.clone(),
        ..GroupFilter::default()
    };
    let page = list_groups(cx, &filter, &Paging::first(room_for(picked))).await?;
    let found = page.items.into_iter().map(group_item).collect();
    Ok(control.with(picked, chosen, Some(found), page.next.is_some()))
}

/// Fills a control that chooses active users.
pub(crate) async fn choose_users(
    cx: &Cx,
    control: Choose,
    picked: &Picked,
) -> Result<Choose, Error> {
    let chosen = user_items(cx, picked).await?;
    if !picked.search {
        return Ok(control.with(picked, chosen, None, false));
    }
    let filter = UserFilter {
        q: picked.q.clone(),
        active: Some(true),
        ..UserFilter::default()
    };
    let page = list_users(cx, &filter, &Paging::first(room_for(picked))).await?;
    let found = page.items.into_iter().map(user_item).collect();
    Ok(control.with(picked, chosen, Some(found), page.next.is_some()))
}

/// What is chosen is left out of what was found: as many more are asked for.
fn room_for(picked: &Picked) -> i64 {
    FOUND + i64::try_from(picked.ids.len()).unwrap_or(0)
}

/// Who changed a thing last by one of these actions: what a form says that came too late.
pub(crate) async fn meanwhile(
    cx: &Cx,
    subject: &str,
    action: &str,
    rows: Vec<(String, String, String)>,
) -> Result<Meanwhile, Error> {
    let last = audit::last_change(&mut cx.read().await?, subject, action).await?;
    let who = match &last {
        Some((AuditActor::User { name, .. }, _)) => name.clone(),
        Some(_) => "Stint".to_owned(),
        None => "somebody".to_owned(),
    };
    Ok(Meanwhile {
        who,
        when: last.map(|(_, at)| When::both(at, cx.now)),
        rows: rows
            .into_iter()
            .filter(|(_, now, typed)| now != typed)
            .collect(),
    })
}
