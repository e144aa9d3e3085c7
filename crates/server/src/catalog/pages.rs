//! The pages of this room: catalogs, what is in them, and how it may be asked for. A policy's
//! own page says where it is used and is here too.

mod entitlements;
mod policy;
mod show;
pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{CatalogId, GroupId};

use super::{Catalog, Change, Error, Filter, LONGEST_DESCRIPTION, LONGEST_NAME, NewCatalog};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::identity::Group;
use crate::web::fields::{Choose, Field, FormPage, Meanwhile};
use crate::web::time::words;
use crate::web::{self, Column, Empty, Flash, Frame, List, Listing, Mistakes, Picked, Sent, When};
use crate::{identity, policies};

/// How many rows a page of a list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    let routes = Routes::new()
        .page(Verb::ListCatalogs, Method::GET, "/catalogs", list)
        .page(Verb::CreateCatalog, Method::GET, "/catalogs/new", new_page)
        .page(Verb::CreateCatalog, Method::POST, "/catalogs/new", create)
        .page(
            Verb::UpdateCatalog,
            Method::GET,
            "/catalogs/{id}/edit",
            edit_page,
        )
        .page(
            Verb::UpdateCatalog,
            Method::POST,
            "/catalogs/{id}/edit",
            edit,
        );
    routes
        .merge(show::routes())
        .merge(entitlements::routes())
        .merge(policy::routes())
}

/// The page of a catalog.
fn href(id: CatalogId) -> String {
    format!("/catalogs/{id}")
}

/// The headings of the list.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Catalog", "name"),
    Column::plain("Who sees it"),
    Column::plain("Entitlements").number(),
    Column::newest("Since", "created"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    cx.authorize(Verb::ListCatalogs, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = Filter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = [
            "Catalog",
            "Description",
            "Who sees it",
            "Entitlements",
            "Created",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list(&cx, &filter, &paging).await?;
                let groups = groups(&cx, &page.items).await?;
                Ok(page.map(|it| {
                    let seen_by = audience(&groups, &it);
                    let (count, since) = (it.entitlements.to_string(), it.created_at.to_string());
                    vec![it.name, it.description, seen_by, count, since]
                }))
            }
        };
        return web::csv("catalogs", &head, fetch).await;
    }
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx.authorize(Verb::CreateCatalog, Relation::None).is_ok();
    let empty = Empty::new(
        "books",
        "No catalog yet",
        "A catalog offers entitlements to the groups that see it. What is in no catalog cannot be asked for by anybody.",
    );
    let empty = if may_add {
        empty.leading_to("/catalogs/new", "New catalog")
    } else {
        empty
    };
    let list = List::new("/catalogs", &asked, COLUMNS, empty)
        .search("Name of the catalog")
        .sorted(&sort)
        .answered(&page);
    let groups = groups(&cx, &page.items).await?;
    let mut rows = Vec::with_capacity(page.items.len());
    for catalog in page.items {
        rows.push(view::CatalogRow {
            href: href(catalog.id),
            audience: audience(&groups, &catalog),
            since: When::both(catalog.created_at, cx.now),
            entitlements: catalog.entitlements,
            name: catalog.name,
            description: catalog.description,
        });
    }
    let view = view::Catalogs {
        list,
        rows,
        may_add,
    };
    Ok(web::page(&frame, "Catalogs", &view))
}

/// The groups that see one of these catalogs.
async fn groups(cx: &Cx, catalogs: &[Catalog]) -> Result<BTreeMap<GroupId, Group>, Failure> {
    let all: BTreeSet<GroupId> = (catalogs.iter())
        .flat_map(|it| it.audience.iter().copied())
        .collect();
    Ok(identity::groups_by_id(&mut cx.read().await?, all).await?)
}

/// The names of the groups that see it.
fn audience(groups: &BTreeMap<GroupId, Group>, catalog: &Catalog) -> String {
    let names: Vec<&str> = (catalog.audience.iter())
        .filter_map(|id| groups.get(id).map(|group| group.name.as_str()))
        .collect();
    names.join(", ")
}

/// What stands in the form of a catalog.
#[derive(Clone, Default)]
struct Filled {
    name: String,
    description: String,
    audience: Picked,
}

impl Filled {
    fn of(catalog: &Catalog) -> Self {
        Self {
            name: catalog.name.clone(),
            description: catalog.description.clone(),
            audience: Picked::of(&catalog.audience),
        }
    }

    fn sent(sent: &Sent) -> Self {
        Self {
            name: sent.text("name").to_owned(),
            description: sent.text("description").to_owned(),
            audience: sent.picked("audience", false),
        }
    }
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    form(
        &cx,
        &frame,
        None,
        Filled::default(),
        Mistakes::none(),
        None,
        StatusCode::OK,
    )
    .await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    let filled = Filled::sent(&sent);
    if !sent.to_save() {
        return form(
            &cx,
            &frame,
            None,
            filled,
            Mistakes::none(),
            None,
            StatusCode::OK,
        )
        .await;
    }
    let new = NewCatalog {
        name: filled.name.clone(),
        description: filled.description.clone(),
        audience: filled.audience.read().into_iter().collect(),
    };
    match super::create(&cx, new).await {
        Ok(made) => Ok(web::go_with(
            &href(made.id),
            &Flash::done("Created. Now put entitlements into it."),
        )),
        Err(error) => {
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            form(&cx, &frame, None, filled, mistake(error)?, None, wrong).await
        }
    }
}

async fn edit_page(cx: Cx, frame: Frame, Path(id): Path<CatalogId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let now = super::get(&cx, id).await?;
    let filled = Filled::of(&now);
    form(
        &cx,
        &frame,
        Some(&now),
        filled,
        Mistakes::none(),
        None,
        StatusCode::OK,
    )
    .await
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<CatalogId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let mut now = super::get(&cx, id).await?;
    let filled = Filled::sent(&sent);
    if !sent.to_save() {
        // The version the person began with stays: what was changed since is still found.
        now.version = sent.version().unwrap_or(now.version);
        let ok = StatusCode::OK;
        return form(&cx, &frame, Some(&now), filled, Mistakes::none(), None, ok).await;
    }
    let change = Change {
        name: Some(filled.name.clone()),
        description: Some(filled.description.clone()),
        audience: Some(filled.audience.read().into_iter().collect()),
    };
    let seen = sent.version().or(Some(0));
    match super::update(&cx, id, change, seen).await {
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = super::get(&cx, id).await?;
            let meanwhile = changed_meanwhile(&cx, &now, &filled).await?;
            let late = StatusCode::PRECONDITION_FAILED;
            let none = Mistakes::none();
            form(&cx, &frame, Some(&now), filled, none, Some(meanwhile), late).await
        }
        Err(error) => {
            now.version = sent.version().unwrap_or(0);
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            form(
                &cx,
                &frame,
                Some(&now),
                filled,
                mistake(error)?,
                None,
                wrong,
            )
            .await
        }
    }
}

async fn changed_meanwhile(cx: &Cx, now: &Catalog, typed: &Filled) -> Result<Meanwhile, Failure> {
    let names = async |picked: &Picked| -> Result<String, Failure> {
        let items = identity::group_items(cx, picked).await?;
        let mut names: Vec<String> = items.into_iter().map(|item| item.title).collect();
        names.sort();
        Ok(names.join(", "))
    };
    let rows = vec![
        ("Name".to_owned(), now.name.clone(), typed.name.clone()),
        (
            "Description".to_owned(),
            now.description.clone(),
            typed.description.clone(),
        ),
        (
            "Audience".to_owned(),
            names(&Picked::of(&now.audience)).await?,
            names(&typed.audience).await?,
        ),
    ];
    Ok(identity::meanwhile(cx, &now.id.to_string(), "catalog.changed", rows).await?)
}

/// At which field a refusal is said.
fn mistake(error: Error) -> Result<Mistakes, Error> {
    let field = match &error {
        Error::Name | Error::NameTaken(_) => "name",
        Error::Description => "description",
        Error::UnknownGroup(_) => "audience",
        _ => return Err(error),
    };
    Ok(Mistakes::at(field, error.detail()))
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    of: Option<&Catalog>,
    filled: Filled,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
    status: StatusCode,
) -> Result<Response, Failure> {
    let (action, back) = of.map_or_else(
        || ("/catalogs/new".to_owned(), "/catalogs".to_owned()),
        |catalog| (format!("{}/edit", href(catalog.id)), href(catalog.id)),
    );
    let audience = Choose::new("audience", "Who sees it", "groups", &action)
        .hint("Members of these groups may ask for what is in it. Groups are Stint's own.")
        .nothing("No group: nobody sees it.")
        .wrong(&mistakes);
    let audience = identity::choose_groups(cx, audience, &filled.audience).await?;
    let page = FormPage {
        crumb: of.map_or_else(
            || ("/catalogs".to_owned(), "Catalogs".to_owned()),
            |catalog| (back.clone(), catalog.name.clone()),
        ),
        title: if of.is_some() {
            "Change the catalog".to_owned()
        } else {
            "New catalog".to_owned()
        },
        lead: String::new(),
        version: of.map(|catalog| catalog.version),
        parts: vec![
            Field::line("name", "Name")
                .hint("As people who ask for access know it, such as “Production”.")
                .value(filled.name)
                .required()
                .longest(LONGEST_NAME)
                .wrong(&mistakes)
                .into(),
            Field::text("description", "Description")
                .hint("What is in it, and for whom.")
                .value(filled.description)
                .longest(LONGEST_DESCRIPTION)
                .wrong(&mistakes)
                .into(),
            audience.into(),
        ],
        save: if of.is_some() { "Save" } else { "Create the catalog" },
        aside: Some((
            "How it works",
            vec![
                "A catalog shows its entitlements to the members of its groups, and to nobody else: not to administrators either.".to_owned(),
                "Each entitlement is asked for under one policy, the same in every catalog. Without a policy nobody can ask for it.".to_owned(),
                "Taking a group or an entitlement out changes nothing in AWS: access that was granted stays until its own end.".to_owned(),
            ],
        )),
        action,
        mistakes,
        meanwhile,
        back,
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}

/// Every policy by name, as choices, those for emergencies or the others; `none` is the word for
/// no policy.
async fn policy_choices(
    cx: &Cx,
    none: &str,
    emergency: bool,
) -> Result<Vec<crate::web::fields::Choice>, policies::Error> {
    let mut choices = vec![crate::web::fields::Choice::new("", none)];
    let all = all_policies(cx).await?.into_iter();
    let all = all.filter(|policy| policy.latest.body.emergency.is_some() == emergency);
    choices.extend(all.map(|policy| {
        let longest = words(policy.latest.body.max_duration);
        let word = format!("{} (at most {longest})", policy.name);
        crate::web::fields::Choice::new(policy.id.to_string(), word)
    }));
    Ok(choices)
}

/// Every policy, by name.
async fn all_policies(cx: &Cx) -> Result<Vec<policies::Policy>, policies::Error> {
    let mut all = Vec::new();
    let mut paging = Paging::first(200);
    loop {
        let page = policies::list(cx, &policies::Filter::default(), &paging).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => paging = Paging::after_cursor(200, Some(next)),
            None => return Ok(all),
        }
    }
}
