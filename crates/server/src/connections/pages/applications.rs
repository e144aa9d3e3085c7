//! Applications: what requesters see of the estates behind them, and who is answerable.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ApplicationId, UserId};

use super::super::{
    Application, ApplicationChange, ApplicationFilter, Error, NewApplication, create_application,
    get_application, list_applications, update_application,
};
use super::view;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::identity;
use crate::web::fields::{Choose, Field, FormPage, Meanwhile};
use crate::web::{
    self, Column, Empty, Flash, Frame, List, Listing, Mistakes, Picked, Sent, Tab, Tabs, When,
};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListApplications, Method::GET, "/applications", list)
        .page(
            Verb::CreateApplication,
            Method::GET,
            "/applications/new",
            new_page,
        )
        .page(
            Verb::CreateApplication,
            Method::POST,
            "/applications/new",
            create,
        )
        .page(
            Verb::UpdateApplication,
            Method::GET,
            "/applications/{id}/edit",
            edit_page,
        )
        .page(
            Verb::UpdateApplication,
            Method::POST,
            "/applications/{id}/edit",
            edit,
        )
}

/// The views of what is connected, `current` being the one shown.
pub(super) fn tabs(cx: &Cx, current: &str) -> Tabs {
    let tabs = [
        (Verb::ListConnections, "/connections", "Connections"),
        (Verb::ListApplications, "/applications", "Applications"),
    ];
    Tabs {
        label: "Connections",
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

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Application", "name"),
    Column::plain("Owners"),
    Column::newest("Since", "created"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let sort = asked.sort_or("name");
    let filter = ApplicationFilter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = list_applications(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx
        .authorize(Verb::CreateApplication, Relation::None)
        .is_ok();
    let may_change = cx
        .authorize(Verb::UpdateApplication, Relation::Others)
        .is_ok();
    let empty = Empty::new(
        "plug-connected",
        "No application yet",
        "An application is what people who ask for access see, such as “AWS Prod”: a name, owners, and one or more connections.",
    );
    let empty = if may_add {
        empty.leading_to("/applications/new", "New application")
    } else {
        empty
    };
    let list = List::new("/applications", &asked, COLUMNS, empty)
        .search("Name of the application")
        .sorted(&sort)
        .answered(&page);
    let rows = page.items.into_iter().map(|it| view::ApplicationRow {
        change: may_change.then(|| format!("/applications/{}/edit", it.id)),
        owners: owners(&it),
        since: When::both(it.created_at, cx.now),
        name: it.name,
        description: it.description,
    });
    let view = view::Applications {
        tabs: tabs(&cx, "/applications"),
        list,
        rows: rows.collect(),
        may_add,
    };
    let frame = frame.under(web::Area::Connections);
    Ok(web::page(&frame, "Applications", &view))
}

fn owners(of: &Application) -> String {
    let names: Vec<&str> = of.owners.iter().map(|owner| owner.name.as_str()).collect();
    names.join(", ")
}

async fn csv(cx: Cx, filter: ApplicationFilter) -> Result<Response, Failure> {
    let head = ["Application", "Description", "Owners", "Created"];
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = list_applications(&cx, &filter, &paging).await?;
            Ok(page.map(|it| {
                let owners = owners(&it);
                vec![it.name, it.description, owners, it.created_at.to_string()]
            }))
        }
    };
    web::csv("applications", &head, fetch).await
}

/// What stands in the form.
#[derive(Clone, Default)]
struct Filled {
    name: String,
    description: String,
    owners: Picked,
}

impl Filled {
    fn of(it: &Application) -> Self {
        Self {
            name: it.name.clone(),
            description: it.description.clone(),
            owners: Picked::of(it.owners.iter().map(|owner| owner.user)),
        }
    }

    fn sent(sent: &Sent) -> Self {
        Self {
            name: sent.text("name").to_owned(),
            description: sent.text("description").to_owned(),
            owners: sent.picked("owners", false),
        }
    }
}

/// The form with what is to be said about it.
struct Shown {
    filled: Filled,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
}

impl Shown {
    fn new(filled: Filled) -> Self {
        Self {
            filled,
            mistakes: Mistakes::none(),
            meanwhile: None,
        }
    }

    async fn answer(
        self,
        cx: &Cx,
        frame: &Frame,
        of: Option<&Application>,
        status: StatusCode,
    ) -> Result<Response, Failure> {
        let action = of.map_or_else(
            || "/applications/new".to_owned(),
            |it| format!("/applications/{}/edit", it.id),
        );
        let owners = Choose::new("owners", "Owners", "users", &action)
            .hint("Who is answerable for it. Where none is chosen it is you.")
            .nothing("Nobody chosen.")
            .wrong(&self.mistakes);
        let page = FormPage {
            crumb: ("/applications".to_owned(), "Applications".to_owned()),
            title: of.map_or_else(|| "New application".to_owned(), |it| it.name.clone()),
            lead: String::new(),
            version: of.map(|it| it.version),
            parts: vec![
                Field::line("name", "Name")
                    .hint("What people who ask for access read, such as “AWS Prod”.")
                    .value(self.filled.name)
                    .required()
                    .longest(100)
                    .wrong(&self.mistakes)
                    .into(),
                Field::text("description", "Description")
                    .value(self.filled.description)
                    .longest(1_000)
                    .wrong(&self.mistakes)
                    .into(),
                identity::choose_users(cx, owners, &self.filled.owners)
                    .await?
                    .into(),
            ],
            save: if of.is_some() {
                "Save"
            } else {
                "Create the application"
            },
            back: "/applications".to_owned(),
            aside: Some((
                "What it is",
                vec![
                    "A name for people, over one or more connections to AWS. Changing it changes nothing in AWS.".to_owned(),
                ],
            )),
            mistakes: self.mistakes,
            meanwhile: self.meanwhile,
            action,
        };
        let frame = frame.clone().under(web::Area::Connections);
        Ok(web::page_with(status, &frame, &page.title, &page))
    }
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateApplication, Relation::None)?;
    let shown = Shown::new(Filled::default());
    shown.answer(&cx, &frame, None, StatusCode::OK).await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateApplication, Relation::None)?;
    let mut shown = Shown::new(Filled::sent(&sent));
    if !sent.to_save() {
        return shown.answer(&cx, &frame, None, StatusCode::OK).await;
    }
    let new = NewApplication {
        name: shown.filled.name.clone(),
        description: shown.filled.description.clone(),
        owners: shown.filled.owners.read(),
    };
    match create_application(&cx, new).await {
        Ok(_) => Ok(web::go_with(
            "/applications",
            &Flash::done("Created. Now connect AWS under it."),
        )),
        Err(error) => {
            shown.mistakes = mistake(error)?;
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            shown.answer(&cx, &frame, None, wrong).await
        }
    }
}

async fn edit_page(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ApplicationId>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateApplication, Relation::Others)?;
    let now = get_application(&cx, id).await?;
    let shown = Shown::new(Filled::of(&now));
    shown.answer(&cx, &frame, Some(&now), StatusCode::OK).await
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ApplicationId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateApplication, Relation::Others)?;
    let mut now = get_application(&cx, id).await?;
    // The version the person began with stays: what was changed since is still found.
    let seen = sent.version().unwrap_or(0);
    now.version = seen;
    let mut shown = Shown::new(Filled::sent(&sent));
    if !sent.to_save() {
        return shown.answer(&cx, &frame, Some(&now), StatusCode::OK).await;
    }
    let owners: Vec<UserId> = shown.filled.owners.read();
    let change = ApplicationChange {
        name: Some(shown.filled.name.clone()),
        description: Some(shown.filled.description.clone()),
        owners: Some(owners),
    };
    match update_application(&cx, id, change, Some(seen)).await {
        Ok(_) => Ok(web::go_with("/applications", &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = get_application(&cx, id).await?;
            shown.meanwhile = Some(changed_meanwhile(&cx, &now, &shown.filled).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            shown.answer(&cx, &frame, Some(&now), late).await
        }
        Err(error) => {
            shown.mistakes = mistake(error)?;
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            shown.answer(&cx, &frame, Some(&now), wrong).await
        }
    }
}

async fn changed_meanwhile(
    cx: &Cx,
    now: &Application,
    typed: &Filled,
) -> Result<Meanwhile, Failure> {
    let line =
        |label: &str, now: &str, typed: &str| (label.to_owned(), now.to_owned(), typed.to_owned());
    let mut held: Vec<String> = now.owners.iter().map(|owner| owner.name.clone()).collect();
    held.sort();
    let users = identity::users(&mut cx.read().await?, &typed.owners.read::<UserId>()).await?;
    let mut wanted: Vec<String> = users.into_iter().map(|user| user.name).collect();
    wanted.sort();
    let rows = vec![
        line("Name", &now.name, &typed.name),
        line("Description", &now.description, &typed.description),
        line("Owners", &held.join(", "), &wanted.join(", ")),
    ];
    Ok(identity::meanwhile(cx, &now.id.to_string(), "application.", rows).await?)
}

/// At which field a refusal is said.
fn mistake(error: Error) -> Result<Mistakes, Error> {
    match &error {
        Error::Bad { field, why } => Ok(Mistakes::at(*field, why.clone())),
        Error::NameTaken => Ok(Mistakes::at("name", error.detail())),
        Error::NoOwner | Error::OwnerUnable { .. } | Error::UnknownOwner { .. } => {
            Ok(Mistakes::at("owners", error.detail()))
        }
        _ => Err(error),
    }
}
