//! Groups: made, changed, and who is in them.

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{GroupId, UserId};

use super::super::{
    Error, Group, GroupChange, MemberFilter, NewGroup, UserFilter, add_member, create_group,
    get_group, list_members, list_users, remove_member, update_group,
};
use super::{meanwhile, view};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::web::fields::{Field, FormPage, Meanwhile};
use crate::web::frame::initials;
use crate::web::{
    self, Chip, Column, Copyable, Empty, Flash, Frame, List, Listing, Mistakes, Sent, Tone, When,
};

/// How many members a page shows.
const ROWS: i64 = 50;
/// How many people are offered at once.
const FOUND: i64 = 8;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::CreateGroup,
            Method::GET,
            "/people/groups/new",
            new_page,
        )
        .page(
            Verb::CreateGroup,
            Method::POST,
            "/people/groups/new",
            create,
        )
        .page(Verb::GetGroup, Method::GET, "/people/groups/{id}", show)
        .page(
            Verb::UpdateGroup,
            Method::GET,
            "/people/groups/{id}/edit",
            edit_page,
        )
        .page(
            Verb::UpdateGroup,
            Method::POST,
            "/people/groups/{id}/edit",
            edit,
        )
        .page(
            Verb::AddMember,
            Method::POST,
            "/people/groups/{id}/members",
            add,
        )
        .page(
            Verb::RemoveMember,
            Method::POST,
            "/people/groups/{id}/members/{user}/remove",
            remove,
        )
}

/// The page of a group.
fn href(id: GroupId) -> String {
    format!("/people/groups/{id}")
}

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<GroupId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let group = get_group(&cx, id).await?;
    let path = href(id);
    let sort = asked.sort_or("name");
    let members = MemberFilter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        return csv(cx, id, members).await;
    }
    let page = list_members(&cx, id, &members, &asked.paging(ROWS)).await?;
    let may = |verb| cx.authorize(verb, Relation::Others).is_ok();
    let (may_add, may_remove) = (may(Verb::AddMember), may(Verb::RemoveMember));
    let add = asked.value("add").unwrap_or_default();
    let found = if may_add && !add.is_empty() {
        let filter = UserFilter {
            q: add.to_owned(),
            active: Some(true),
            ..UserFilter::default()
        };
        let found = list_users(&cx, &filter, &Paging::first(FOUND)).await?;
        let people = found.items.into_iter().map(|user| view::Person {
            id: user.id.to_string(),
            name: user.name,
            email: user.email,
        });
        Some((people.collect(), found.next.is_some()))
    } else {
        None
    };
    let nobody = Empty::new(
        "users-group",
        "Nobody in it yet",
        "Search for people and add them. Who is in it sees its catalogs, and decides where a policy names it.",
    );
    let list = List::new(&path, &asked, MEMBER_COLUMNS, nobody)
        .search("Name or e-mail address")
        .sorted(&sort)
        .answered(&page);
    let view = view::ShowGroup {
        list,
        rows: page
            .items
            .into_iter()
            .map(|member| view::MemberRow {
                key: format!("remove-{}", member.user),
                href: format!("/people/users/{}", member.user),
                initials: initials(&member.name),
                chip: (!member.active).then(|| Chip::new(Tone::Idle, "ban", "Deactivated")),
                since: When::both(member.added_at, cx.now),
                remove: may_remove.then(|| format!("{path}/members/{}/remove", member.user)),
                name: member.name,
                email: member.email,
            })
            .collect(),
        id: Copyable::new(id.to_string(), "the group's id"),
        may_change: may(Verb::UpdateGroup),
        may_add,
        add: add.to_owned(),
        found,
        members: group.members,
        name: group.name,
        description: group.description,
        path,
    };
    Ok(web::page(&frame, &view.name, &view))
}

/// The headings of the members.
pub(crate) const MEMBER_COLUMNS: &[Column] = &[
    Column::by("User", "name"),
    Column::newest("Since", "since"),
    Column::quiet("What to do"),
];

async fn csv(cx: Cx, id: GroupId, members: MemberFilter) -> Result<Response, Failure> {
    let head = ["Name", "E-mail", "State", "Since"];
    let fetch = move |paging: Paging| {
        let (cx, members) = (cx.clone(), members.clone());
        async move {
            let page = list_members(&cx, id, &members, &paging).await?;
            Ok(page.map(|member| {
                let state = if member.active {
                    "active"
                } else {
                    "deactivated"
                };
                vec![
                    member.name,
                    member.email,
                    state.to_owned(),
                    member.added_at.to_string(),
                ]
            }))
        }
    };
    web::csv("members", &head, fetch).await
}

#[derive(Debug, Deserialize)]
struct Added {
    #[serde(default)]
    user: String,
    #[serde(default)]
    add: String,
}

async fn add(
    cx: Cx,
    Path(id): Path<GroupId>,
    Form(form): Form<Added>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::AddMember, Relation::Others)?;
    let done = match form.user.parse::<UserId>() {
        Ok(user) => add_member(&cx, id, user).await,
        Err(_) => {
            get_group(&cx, id).await?;
            Err(Error::UnknownUser)
        }
    };
    let flash = match done {
        Ok(_) => Flash::done("Added. It counts from now on."),
        Err(error @ (Error::UnknownUser | Error::Inactive)) => Flash::failed(error.detail()),
        Err(error) => return Err(error.into()),
    };
    let back = if form.add.is_empty() {
        href(id)
    } else {
        let add = form.add.bytes().map(|b| format!("%{b:02X}"));
        format!("{}?add={}#add", href(id), add.collect::<String>())
    };
    Ok(web::go_with(&back, &flash))
}

async fn remove(cx: Cx, Path((id, user)): Path<(GroupId, UserId)>) -> Result<Response, Failure> {
    remove_member(&cx, id, user).await?;
    Ok(web::go_with(
        &href(id),
        &Flash::done("Taken out. It counts from now on."),
    ))
}

// ---- the form

#[derive(Clone, Default)]
struct Filled {
    name: String,
    description: String,
}

impl Filled {
    fn sent(sent: &Sent) -> Self {
        Self {
            name: sent.text("name").to_owned(),
            description: sent.text("description").to_owned(),
        }
    }
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateGroup, Relation::None)?;
    let none = Mistakes::none();
    Ok(form(
        &frame,
        None,
        Filled::default(),
        none,
        None,
        StatusCode::OK,
    ))
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateGroup, Relation::None)?;
    let filled = Filled::sent(&sent);
    let new = NewGroup {
        name: filled.name.clone(),
        description: filled.description.clone(),
    };
    match create_group(&cx, new).await {
        Ok(made) => Ok(web::go_with(
            &href(made.id),
            &Flash::done("Created. Now add its members."),
        )),
        Err(error) => {
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(form(&frame, None, filled, mistake(error)?, None, wrong))
        }
    }
}

async fn edit_page(cx: Cx, frame: Frame, Path(id): Path<GroupId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateGroup, Relation::Others)?;
    let now = get_group(&cx, id).await?;
    let filled = Filled {
        name: now.name.clone(),
        description: now.description.clone(),
    };
    let none = Mistakes::none();
    Ok(form(&frame, Some(&now), filled, none, None, StatusCode::OK))
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<GroupId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateGroup, Relation::Others)?;
    let mut now = get_group(&cx, id).await?;
    let filled = Filled::sent(&sent);
    let change = GroupChange {
        name: Some(filled.name.clone()),
        description: Some(filled.description.clone()),
    };
    let seen = sent.version().unwrap_or(0);
    match update_group(&cx, id, change, Some(seen)).await {
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = get_group(&cx, id).await?;
            let line = |label: &str, now: &str, typed: &str| {
                (label.to_owned(), now.to_owned(), typed.to_owned())
            };
            let rows = vec![
                line("Name", &now.name, &filled.name),
                line("Description", &now.description, &filled.description),
            ];
            let who = meanwhile(&cx, &id.to_string(), "group.", rows).await?;
            let late = StatusCode::PRECONDITION_FAILED;
            let none = Mistakes::none();
            Ok(form(&frame, Some(&now), filled, none, Some(who), late))
        }
        Err(error) => {
            now.version = seen;
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(form(
                &frame,
                Some(&now),
                filled,
                mistake(error)?,
                None,
                wrong,
            ))
        }
    }
}

fn mistake(error: Error) -> Result<Mistakes, Error> {
    match &error {
        Error::Bad { field, why } => Ok(Mistakes::at(*field, why.clone())),
        Error::NameTaken => Ok(Mistakes::at("name", error.detail())),
        _ => Err(error),
    }
}

fn form(
    frame: &Frame,
    of: Option<&Group>,
    filled: Filled,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
    status: StatusCode,
) -> Response {
    let (action, back) = of.map_or_else(
        || ("/people/groups/new".to_owned(), "/people/groups".to_owned()),
        |group| (format!("{}/edit", href(group.id)), href(group.id)),
    );
    let page = FormPage {
        crumb: of.map_or_else(
            || ("/people/groups".to_owned(), "Groups".to_owned()),
            |group| (back.clone(), group.name.clone()),
        ),
        title: if of.is_some() {
            "Change the group".to_owned()
        } else {
            "New group".to_owned()
        },
        lead: String::new(),
        version: of.map(|group| group.version),
        parts: vec![
            Field::line("name", "Name")
                .hint("As people read it in catalogs and approvals, such as “Platform”.")
                .value(filled.name)
                .required()
                .longest(120)
                .wrong(&mistakes)
                .into(),
            Field::text("description", "Description")
                .hint("Who belongs in it.")
                .value(filled.description)
                .longest(1_000)
                .wrong(&mistakes)
                .into(),
        ],
        save: if of.is_some() { "Save" } else { "Create the group" },
        aside: Some((
            "What groups are for",
            vec![
                "A group of Stint's own: its members see the catalogs it is the audience of, and decide where a policy names it.".to_owned(),
                "It is not a group in AWS, and changing it changes nothing there.".to_owned(),
            ],
        )),
        action,
        mistakes,
        meanwhile,
        back,
    };
    web::page_with(status, frame, &page.title, &page)
}
