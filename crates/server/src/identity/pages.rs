//! The pages of this room: signing in and out, users, groups.

mod account;
mod choose;
mod delegations;
mod groups;
mod proof;
mod users;
pub(crate) mod view;

use axum::response::Response;
use http::{Method, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;
use stint_domain::rights::{Relation, Role, Verb};

use super::{Error, Group, GroupFilter, PERSONAS, ROLES, User, UserFilter};
use crate::cx::{Actor, Cx};
use crate::http::{Failure, Fault as _, Form, Paging, Query, Routes, chosen};
use crate::web::answer::local;
use crate::web::frame::initials;
use crate::web::{
    self, Chip, Column, Empty, Filter, Frame, List, Listing, Mistakes, Tab, Tabs, Tone, When,
};

pub(crate) use account::{sign_in_rows, token_rows};
pub(crate) use choose::{choose_groups, choose_users, group_items, meanwhile};

/// How many rows a page of a list has.
const ROWS: i64 = 50;
/// How many members of a group are named in its row.
const NAMED: i64 = 5;
/// What a list of users can be narrowed to.
const STATES: &[&str] = &["active", "deactivated"];

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::SignIn, Method::GET, "/sign-in", sign_in_page)
        .page(Verb::SignIn, Method::POST, "/sign-in", sign_in)
        .page(Verb::SignOut, Method::POST, "/sign-out", sign_out)
        .page(Verb::ListUsers, Method::GET, "/people", users)
        .page(Verb::ListGroups, Method::GET, "/people/groups", groups)
        .merge(account::routes())
        .merge(proof::routes())
        .merge(delegations::routes())
        .merge(groups::routes())
        .merge(users::routes())
}

#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

async fn sign_in_page(cx: Cx, frame: Frame, Query(asked): Query<Back>) -> Response {
    if matches!(cx.actor, Actor::User(_)) {
        return web::go(&asked.back);
    }
    let view = view::SignIn {
        back: local(&asked.back).to_owned(),
        personas: personas(&cx),
        ..view::SignIn::default()
    };
    web::bare_page(StatusCode::OK, &frame, "Sign in", &view)
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    email: String,
    password: SecretString,
    #[serde(default)]
    back: String,
}

async fn sign_in(cx: Cx, frame: Frame, Form(form): Form<Credentials>) -> Result<Response, Failure> {
    match super::sign_in(&cx, &form.email, form.password).await {
        Ok(started) => {
            let mut response = web::go(&form.back);
            response
                .headers_mut()
                .append(header::SET_COOKIE, started.cookie);
            Ok(response)
        }
        Err(refused @ (Error::SignInRefused | Error::LockedOut { .. })) => {
            let view = view::SignIn {
                email: form.email,
                back: local(&form.back).to_owned(),
                mistakes: Mistakes::at("", refused.detail()),
                personas: personas(&cx),
            };
            Ok(web::bare_page(
                refused.kind().status(),
                &frame,
                "Sign in",
                &view,
            ))
        }
        Err(error) => Err(error.into()),
    }
}

fn personas(cx: &Cx) -> Vec<view::Persona> {
    if !cx.app.config.demo {
        return Vec::new();
    }
    PERSONAS
        .iter()
        .map(|persona| view::Persona {
            key: persona.word,
            name: persona.name,
            initials: initials(persona.name),
            about: persona.part,
        })
        .collect()
}

async fn sign_out(cx: Cx) -> Result<Response, Failure> {
    let cookie = super::sign_out(&cx).await?;
    let mut response = web::go("/sign-in");
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The views of People this person may open, `current` being the one shown.
pub(crate) fn people_tabs(cx: &Cx, current: &str) -> Tabs {
    let tabs = [
        (Verb::ListUsers, "/people", "Users"),
        (Verb::ListGroups, "/people/groups", "Groups"),
        (Verb::ListLinks, "/people/links", "Links"),
    ];
    Tabs {
        label: "People",
        tabs: tabs
            .into_iter()
            .filter(|(verb, ..)| cx.authorize(*verb, Relation::None).is_ok())
            .map(|(_, href, word)| Tab {
                href: href.to_owned(),
                word,
                count: None,
                current: href == current,
            })
            .collect(),
    }
}

/// The headings of the list of users.
pub(crate) const USER_COLUMNS: &[Column] = &[
    Column::by("User", "name"),
    Column::plain("Roles"),
    Column::plain("State"),
    Column::newest("Since", "created"),
];

async fn users(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    // Rights before the words: who may not list learns nothing from a better word.
    cx.authorize(Verb::ListUsers, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = UserFilter {
        q: asked.words().to_owned(),
        role: chosen("role", asked.value("role"), ROLES)?.and_then(|word| word.parse().ok()),
        active: chosen("state", asked.value("state"), STATES)?.map(|word| word == "active"),
        manager: None,
        but: None,
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = ["Name", "E-mail", "Roles", "State", "Created", "Deactivated"];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list_users(&cx, &filter, &paging).await?;
                Ok(page.map(user_line))
            }
        };
        return web::csv("users", &head, fetch).await;
    }
    let page = super::list_users(&cx, &filter, &asked.paging(ROWS)).await?;
    let roles = ROLES.iter().filter_map(|word| {
        let role: Role = word.parse().ok()?;
        Some((*word, role.title()))
    });
    let states = [("active", "Active"), ("deactivated", "Deactivated")];
    let nobody = Empty::new(
        "users",
        "Nobody here yet",
        "A Super Admin makes users, or they come with a directory.",
    );
    let list = List::new("/people", &asked, USER_COLUMNS, nobody)
        .search("Name or e-mail address")
        .filter(Filter::choice("role", "Role", "Any role", roles))
        .filter(Filter::choice("state", "State", "Any state", states))
        .sorted(&sort)
        .answered(&page);
    let view = view::Users {
        may_add: cx.authorize(Verb::CreateUser, Relation::None).is_ok(),
        tabs: people_tabs(&cx, "/people"),
        list,
        rows: page
            .items
            .into_iter()
            .map(|user| user_row(user, &cx))
            .collect(),
    };
    Ok(web::page(&frame, "Users", &view))
}

fn user_line(user: User) -> Vec<String> {
    let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
    vec![
        user.name,
        user.email,
        roles.join(", "),
        if user.active { "active" } else { "deactivated" }.to_owned(),
        user.created_at.to_string(),
        user.deactivated_at
            .map(|at| at.to_string())
            .unwrap_or_default(),
    ]
}

fn user_row(user: User, cx: &Cx) -> view::UserRow {
    let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
    view::UserRow {
        href: format!("/people/users/{}", user.id),
        initials: initials(&user.name),
        chip: match user.deactivated_at {
            None => Chip::active(),
            Some(_) => Chip::new(Tone::Idle, "ban", "Deactivated"),
        },
        since: When::both(user.deactivated_at.unwrap_or(user.created_at), cx.now),
        roles: roles.join(", "),
        name: user.name,
        email: user.email,
    }
}

/// The headings of the list of groups.
pub(crate) const GROUP_COLUMNS: &[Column] = &[
    Column::by("Group", "name"),
    Column::plain("Members"),
    Column::plain("Number").number(),
    Column::newest("Since", "created"),
];

async fn groups(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    cx.authorize(Verb::ListGroups, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = GroupFilter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = ["Group", "Description", "Members", "Created"];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list_groups(&cx, &filter, &paging).await?;
                Ok(page.map(|group: Group| {
                    vec![
                        group.name,
                        group.description,
                        group.members.to_string(),
                        group.created_at.to_string(),
                    ]
                }))
            }
        };
        return web::csv("groups", &head, fetch).await;
    }
    let page = super::list_groups(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx.authorize(Verb::CreateGroup, Relation::None).is_ok();
    let empty = Empty::new(
        "users-group",
        "No groups yet",
        "Groups decide on requests and see catalogs.",
    );
    let empty = if may_add {
        empty.leading_to("/people/groups/new", "New group")
    } else {
        empty
    };
    let list = List::new("/people/groups", &asked, GROUP_COLUMNS, empty)
        .search("Name of the group")
        .sorted(&sort)
        .answered(&page);
    let ids: Vec<_> = page.items.iter().map(|group| group.id).collect();
    let mut members = super::first_members(&cx, ids, NAMED).await?;
    let row = |group: Group| {
        let named = members.remove(&group.id).unwrap_or_default();
        group_row(group, &named, &cx)
    };
    let rows = page.items.into_iter().map(row).collect();
    let view = view::Groups {
        may_add,
        tabs: people_tabs(&cx, "/people/groups"),
        list,
        rows,
    };
    Ok(web::page(&frame, "Groups", &view))
}

fn group_row(group: Group, names: &[String], cx: &Cx) -> view::GroupRow {
    let count = u64::try_from(group.members).unwrap_or(0);
    let named = names.len();
    let more = usize::try_from(count).unwrap_or(0).saturating_sub(named);
    let mut line = names.join(", ");
    if more > 0 {
        line.push_str(&format!(" and {more} more"));
    }
    view::GroupRow {
        href: format!("/people/groups/{}", group.id),
        since: When::both(group.created_at, cx.now),
        name: group.name,
        description: group.description,
        members: line,
        count,
    }
}
