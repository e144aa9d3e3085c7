//! The pages of this room: the list of connections, setting one up, testing it. One
//! connection's own page shows its syncs too and is `directory`'s.

pub(crate) mod view;

use std::collections::BTreeMap;

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_aws::RoleArn;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ApplicationId, ConnectionId};

use super::{Connection, Error, NewApplication, NewConnection, Status};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::web::{
    self, Chip, Copyable, Empty, Flash, Frame, Listing, Mistakes, Note, Snippet, Tone, When,
};

/// How many rows a page of the list has.
const ROWS: i64 = 50;
/// How many applications are offered by name.
const NAMES: i64 = 200;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListConnections, Method::GET, "/connections", list)
        .page(
            Verb::CreateConnection,
            Method::GET,
            "/connections/new",
            new_page,
        )
        .page(
            Verb::CreateConnection,
            Method::POST,
            "/connections/new",
            create,
        )
        .page(
            Verb::GetConnection,
            Method::GET,
            "/connections/{id}/setup",
            setup,
        )
        .page(
            Verb::TestConnection,
            Method::POST,
            "/connections/{id}/test",
            test,
        )
}

/// The page of a connection.
fn href(id: ConnectionId) -> String {
    format!("/connections/{id}")
}

/// The status of a connection, as lists and its own page show it.
pub(crate) fn status_chip(status: Status) -> Chip {
    match status {
        Status::NotConnected => Chip::new(Tone::Idle, "plug-connected", "Not connected"),
        Status::Syncing => Chip::new(Tone::Wait, "refresh", "Syncing"),
        Status::Connected => Chip::new(Tone::Live, "circle-check", "Connected"),
        Status::Failing => Chip::new(Tone::Stop, "circle-x", "Failing"),
    }
}

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let page = super::list(&cx, &asked.paging(ROWS)).await?;
    let names = application_names(&cx).await?;
    let may_add = cx.authorize(Verb::CreateConnection, Relation::None).is_ok();
    let empty = Empty::new(
        "plug-connected",
        "Not connected to AWS yet",
        "Stint reads who holds what, and gives and takes access, through a role in your organization's management account. Setting it up takes a few minutes.",
    );
    let view = view::Connections {
        rows: page
            .items
            .into_iter()
            .map(|found| row(found, &names, &cx))
            .collect(),
        pager: asked.pager("/connections", page.next.as_deref()),
        empty: if may_add {
            empty.leading_to("/connections/new", "Connect AWS")
        } else {
            empty
        },
        may_add,
    };
    Ok(web::page(&frame, "Connections", &view))
}

fn row(found: Connection, names: &BTreeMap<ApplicationId, String>, cx: &Cx) -> view::ConnectionRow {
    view::ConnectionRow {
        href: href(found.id),
        application: names.get(&found.application).cloned().unwrap_or_default(),
        account: found
            .management_account
            .unwrap_or_else(|| "not known yet".to_owned()),
        chip: status_chip(found.status),
        why: found.status_detail.unwrap_or_default(),
        synced: found.last_sync_at.map(|at| When::both(at, cx.now)),
        name: found.name,
    }
}

async fn application_names(cx: &Cx) -> Result<BTreeMap<ApplicationId, String>, Error> {
    let mut names = BTreeMap::new();
    let mut paging = Paging::first(NAMES);
    loop {
        let page = super::list_applications(cx, &paging).await?;
        names.extend(page.items.into_iter().map(|found| (found.id, found.name)));
        match page.next {
            Some(next) => paging = Paging::after_cursor(NAMES, Some(next)),
            None => return Ok(names),
        }
    }
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateConnection, Relation::None)?;
    let view = view::NewConnection {
        applications: application_names(&cx).await?.into_values().collect(),
        ..view::NewConnection::default()
    };
    Ok(web::page(&frame, "Connect AWS", &view))
}

#[derive(Debug, Deserialize)]
struct NewForm {
    #[serde(default)]
    application: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role_arn: String,
    #[serde(default)]
    region: String,
}

async fn create(cx: Cx, frame: Frame, Form(form): Form<NewForm>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateConnection, Relation::None)?;
    let names = application_names(&cx).await?;
    match try_create(&cx, &form, &names).await {
        Ok(created) => Ok(web::go_with(
            &format!("{}/setup", href(created.id)),
            &Flash::done("Created, with an External ID of its own. Nothing was changed in AWS."),
        )),
        Err(refused) => {
            let view = view::NewConnection {
                mistakes: refused?,
                applications: names.into_values().collect(),
                application: form.application,
                name: form.name,
                role_arn: form.role_arn,
                region: form.region,
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(web::page_with(status, &frame, "Connect AWS", &view))
        }
    }
}

/// Creates the connection, and its application if no name fits; else the mistakes at the
/// fields, or what is not the form's fault.
async fn try_create(
    cx: &Cx,
    form: &NewForm,
    names: &BTreeMap<ApplicationId, String>,
) -> Result<Connection, Result<Mistakes, Error>> {
    // Looked at first, so that no application is made for a connection that cannot be.
    if let Err(error) = RoleArn::parse(form.role_arn.trim()) {
        return Err(Ok(Mistakes::at("role_arn", format!("{error}."))));
    }
    let wanted = form.application.trim();
    let known = names
        .iter()
        .find(|(_, name)| name.to_lowercase() == wanted.to_lowercase());
    let application = match known {
        Some((id, _)) => *id,
        None => {
            let new = NewApplication {
                name: wanted.to_owned(),
                description: String::new(),
                owners: Vec::new(),
            };
            let made = super::create_application(cx, new).await;
            made.map_err(|error| mistake(error, "application"))?.id
        }
    };
    let new = NewConnection {
        application,
        name: form.name.clone(),
        role_arn: form.role_arn.trim().to_owned(),
        region: form.region.clone(),
        owners: Vec::new(),
    };
    super::create(cx, new)
        .await
        .map_err(|error| mistake(error, "name"))
}

/// At which field a refusal is said; `named` is the field the name came from.
fn mistake(error: Error, named: &'static str) -> Result<Mistakes, Error> {
    let field = match &error {
        Error::Bad {
            field: "region", ..
        } => "region",
        Error::Bad { field: "name", .. } | Error::NameTaken => named,
        Error::RoleArn(_) | Error::RoleTaken => "role_arn",
        Error::OwnerUnable { .. } | Error::UnknownOwner { .. } => "",
        _ => return Err(error),
    };
    let text = match &error {
        Error::Bad { why, .. } => why.clone(),
        other => other.detail(),
    };
    Ok(Mistakes::at(field, text))
}

async fn setup(cx: Cx, frame: Frame, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let found = super::get(&cx, id).await?;
    let (paste, trouble) = match super::setup(&cx, id).await {
        Ok(setup) => {
            let paste = view::Paste {
                trust_policy: Snippet::new("Trust policy", pretty(&setup.trust_policy)),
                permission_policy: Snippet::new(
                    "Permission policy",
                    pretty(&setup.permission_policy),
                ),
                base_identity: setup.base_identity,
            };
            (Some(paste), None)
        }
        Err(error @ Error::BaseIdentity(_)) => (None, Some(Note::refusal(error.detail()))),
        Err(error) => return Err(error.into()),
    };
    let role = RoleArn::parse(&found.role_arn).ok();
    let may_test = cx.authorize(Verb::TestConnection, Relation::Others).is_ok();
    let view = view::SetUp {
        href: href(id),
        name: found.name,
        test: may_test.then(|| format!("{}/test", href(id))),
        role_name: found
            .role_arn
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned(),
        external_id: Copyable::new(found.external_id, "the External ID"),
        account: role
            .map(|role| role.account().to_owned())
            .unwrap_or_default(),
        paste,
        trouble,
    };
    Ok(web::page(&frame, "Set up the role in AWS", &view))
}

fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

async fn test(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let tested = super::test(&cx, id).await?;
    let report = tested.last_test.as_ref();
    let failed = report.is_some_and(|report| !report.passed);
    let warned = report.is_some_and(|report| {
        report
            .checks
            .iter()
            .any(|check| check.outcome == super::Outcome::Warning)
    });
    let flash = if failed {
        Flash::failed("The test failed. Below is what is missing and what mends it.")
    } else if warned {
        Flash::warning("The connection works, with a warning: see below.")
    } else if tested.last_sync_at.is_none() {
        Flash::done("The connection works. Sync it now to see who holds what.")
    } else {
        Flash::done("The connection works.")
    };
    Ok(web::go_with(&href(id), &flash))
}
