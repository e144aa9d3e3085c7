//! The pages of this room: the list of connections, setting one up, testing it. One
//! connection's own page shows its syncs too and is `directory`'s.

pub(crate) mod applications;
mod members;
mod owners;
mod scope;
pub(crate) mod view;

use std::collections::BTreeMap;

use axum::response::Response;
use http::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ApplicationId, ConnectionId};

use super::{
    ApplicationFilter, Connection, Error, Filter, NewApplication, NewConnection, NewCredential,
    STATES, Status,
};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::web::{
    self, Chip, Column, Copyable, Empty, Flash, Frame, List, Listing, Mistakes, Note, Snippet,
    Tone, When,
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
            Verb::UpdateConnection,
            Method::GET,
            "/connections/{id}/credential",
            credential_page,
        )
        .page(
            Verb::UpdateConnection,
            Method::POST,
            "/connections/{id}/credential",
            replace,
        )
        .page(
            Verb::TestConnection,
            Method::POST,
            "/connections/{id}/test",
            test,
        )
        .merge(scope::routes())
        .merge(applications::routes())
        .merge(members::routes())
        .merge(owners::routes())
}

/// The page of a connection.
fn href(id: ConnectionId) -> String {
    format!("/connections/{id}")
}

/// The status of a connection, as lists and its own page show it.
fn status_chip(status: Status) -> Chip {
    match status {
        Status::NotConnected => Chip::new(Tone::Idle, "plug-connected", "Not connected"),
        Status::Syncing => Chip::new(Tone::Wait, "refresh", "Syncing"),
        Status::Connected => Chip::new(Tone::Live, "circle-check", "Connected"),
        Status::Failing => Chip::new(Tone::Stop, "circle-x", "Failing"),
    }
}

fn draining_chip() -> Chip {
    Chip::new(Tone::Soon, "hourglass", "Draining")
}

/// How a connection stands: taken out of service before anything else.
pub(crate) fn chip(of: &Connection) -> Chip {
    if of.removed_at.is_some() {
        Chip::new(Tone::Idle, "ban", "Removed")
    } else if of.draining.is_some() {
        draining_chip()
    } else {
        status_chip(of.status)
    }
}

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Connection", "name"),
    Column::plain("Management account"),
    Column::plain("State"),
    Column::plain("Last sync"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    // Rights before the words: who may not list learns nothing from a better word.
    cx.authorize(Verb::ListConnections, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = Filter {
        q: asked.words().to_owned(),
        application: asked.id("application")?,
        status: asked.value("status").map(str::to_owned),
        sort: Some(sort.clone()),
    };
    let names = application_names(&cx).await?;
    if asked.csv() {
        return csv(cx, filter, names).await;
    }
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx.authorize(Verb::CreateConnection, Relation::None).is_ok();
    let empty = Empty::new(
        "plug-connected",
        "Not connected to AWS yet",
        "Stint reads who holds what, and gives and takes access, through a role or a user in your organization's management account. Setting it up takes a few minutes.",
    );
    let empty = if may_add {
        empty.leading_to("/connections/new", "Connect AWS")
    } else {
        empty
    };
    let states = STATES.iter().map(|word| {
        let chip = word.parse().map_or_else(|_| draining_chip(), status_chip);
        (*word, chip.word().to_owned())
    });
    let mut list = List::new("/connections", &asked, COLUMNS, empty)
        .search("Name of the connection")
        .filter(web::Filter::choice("status", "State", "Any state", states));
    if names.len() > 1 {
        let names = names
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone()));
        list = list.filter(web::Filter::choice(
            "application",
            "Application",
            "All applications",
            names,
        ));
    }
    let view = view::Connections {
        tabs: applications::tabs(&cx, "/connections"),
        list: list.sorted(&sort).answered(&page),
        rows: page
            .items
            .into_iter()
            .map(|found| row(found, &names, &cx))
            .collect(),
        may_add,
    };
    Ok(web::page(&frame, "Connections", &view))
}

async fn csv(
    cx: Cx,
    filter: Filter,
    names: BTreeMap<ApplicationId, String>,
) -> Result<Response, Failure> {
    let head = [
        "Connection",
        "Application",
        "Management account",
        "State",
        "Detail",
        "Last sync",
        "Owners",
    ];
    let fetch = move |paging: Paging| {
        let (cx, filter, names) = (cx.clone(), filter.clone(), names.clone());
        async move {
            let page = super::list(&cx, &filter, &paging).await?;
            Ok(page.map(|found| {
                let owners: Vec<&str> = found.owners.iter().map(|it| it.name.as_str()).collect();
                vec![
                    found.name.clone(),
                    names.get(&found.application).cloned().unwrap_or_default(),
                    found.management_account.clone().unwrap_or_default(),
                    chip(&found).word().to_owned(),
                    found.status_detail.clone().unwrap_or_default(),
                    found
                        .last_sync_at
                        .map(|at| at.to_string())
                        .unwrap_or_default(),
                    owners.join(", "),
                ]
            }))
        }
    };
    web::csv("connections", &head, fetch).await
}

fn row(found: Connection, names: &BTreeMap<ApplicationId, String>, cx: &Cx) -> view::ConnectionRow {
    view::ConnectionRow {
        href: href(found.id),
        chip: chip(&found),
        application: names.get(&found.application).cloned().unwrap_or_default(),
        account: found
            .management_account
            .unwrap_or_else(|| "not known yet".to_owned()),
        why: found.status_detail.unwrap_or_default(),
        synced: found.last_sync_at.map(|at| When::both(at, cx.now)),
        name: found.name,
    }
}

async fn application_names(cx: &Cx) -> Result<BTreeMap<ApplicationId, String>, Error> {
    let mut names = BTreeMap::new();
    let mut paging = Paging::first(NAMES);
    loop {
        let page = super::list_applications(cx, &ApplicationFilter::default(), &paging).await?;
        names.extend(page.items.into_iter().map(|found| (found.id, found.name)));
        match page.next {
            Some(next) => paging = Paging::after_cursor(NAMES, Some(next)),
            None => return Ok(names),
        }
    }
}

/// Which way in a form is for, as its address says.
#[derive(Debug, Deserialize)]
struct Chosen {
    #[serde(default)]
    by: String,
}

impl Chosen {
    fn word(&self) -> &'static str {
        match self.by.as_str() {
            "access_key" => "access_key",
            "host" => "host",
            _ => "role",
        }
    }
}

/// The three ways in, as tabs of a form.
fn ways(path: &str, by: &str) -> web::Tabs {
    let tab = |word: &'static str, value: &str| web::Tab {
        href: format!("{path}?by={value}"),
        word,
        count: None,
        current: by == value,
    };
    web::Tabs {
        label: "As whom Stint enters",
        tabs: vec![
            tab("IAM role", "role"),
            tab("Access key", "access_key"),
            tab("This host's credentials", "host"),
        ],
    }
}

/// What to know before a way is chosen.
fn way_note(cx: &Cx, by: &str) -> Option<Note> {
    let ready = cx.app.keys.ready();
    match (by, ready) {
        ("access_key", Err(error)) => Some(Note::refusal(error.detail())),
        _ => None,
    }
}

fn way(cx: &Cx, path: &str, by: &'static str, form: &WayForm, mistakes: Mistakes) -> view::Way {
    view::Way {
        ways: ways(path, by),
        note: way_note(cx, by),
        by,
        role_arn: form.role_arn.clone(),
        access_key_id: form.access_key_id.clone(),
        account_id: form.account_id.clone(),
        mistakes,
    }
}

async fn new_page(cx: Cx, frame: Frame, Query(asked): Query<Chosen>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateConnection, Relation::None)?;
    let view = view::NewConnection {
        applications: application_names(&cx).await?.into_values().collect(),
        application: String::new(),
        name: String::new(),
        region: String::new(),
        iam: false,
        way: way(
            &cx,
            "/connections/new",
            asked.word(),
            &WayForm::default(),
            Mistakes::default(),
        ),
    };
    Ok(web::page(&frame, "Connect AWS", &view))
}

/// The fields of a form that say as whom to enter.
#[derive(Default, Deserialize)]
struct WayForm {
    #[serde(default)]
    credential: String,
    #[serde(default)]
    role_arn: String,
    #[serde(default)]
    access_key_id: String,
    #[serde(default)]
    secret_access_key: SecretString,
    #[serde(default)]
    account_id: String,
}

impl WayForm {
    fn word(&self) -> &'static str {
        Chosen {
            by: self.credential.clone(),
        }
        .word()
    }

    fn credential(&self) -> NewCredential {
        match self.word() {
            "access_key" => NewCredential::AccessKey {
                id: self.access_key_id.clone(),
                secret: self.secret_access_key.clone(),
                account: self.account_id.clone(),
            },
            "host" => NewCredential::Host {
                account: self.account_id.clone(),
            },
            _ => NewCredential::role(self.role_arn.trim()),
        }
    }
}

#[derive(Deserialize)]
struct NewForm {
    #[serde(default)]
    application: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    region: String,
    #[serde(flatten)]
    way: WayForm,
    /// The box is ticked.
    iam: Option<String>,
}

async fn create(cx: Cx, frame: Frame, Form(form): Form<NewForm>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateConnection, Relation::None)?;
    let names = application_names(&cx).await?;
    match try_create(&cx, &form, &names).await {
        Ok(created) => Ok(web::go_with(
            &format!("{}/setup", href(created.id)),
            &Flash::done("Created. Nothing was changed in AWS."),
        )),
        Err(refused) => {
            let by = form.way.word();
            let view = view::NewConnection {
                way: way(&cx, "/connections/new", by, &form.way, refused?),
                applications: names.into_values().collect(),
                application: form.application,
                name: form.name,
                region: form.region,
                iam: form.iam.is_some(),
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
    let credential = form.way.credential();
    super::credential::look(cx, &credential).map_err(|error| mistake(error, "name"))?;
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
        credential,
        region: form.region.clone(),
        iam: form.iam.is_some(),
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
            field: field @ ("region" | "account_id" | "secret_access_key"),
            ..
        } => field,
        Error::Bad { field: "name", .. } | Error::NameTaken => named,
        Error::RoleArn(_) => "role_arn",
        Error::AccessKeyId(_) => "access_key_id",
        Error::OwnerUnable { .. }
        | Error::UnknownOwner { .. }
        | Error::ReachTaken
        | Error::Sealed(_) => "",
        _ => return Err(error),
    };
    let text = match &error {
        Error::Bad { why, .. } => why.clone(),
        other => other.detail(),
    };
    Ok(Mistakes::at(field, text))
}

async fn credential_page(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<Chosen>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let found = super::get(&cx, id).await?;
    let by = if asked.by.is_empty() {
        Chosen {
            by: found.credential.as_str().to_owned(),
        }
        .word()
    } else {
        asked.word()
    };
    let form = WayForm {
        role_arn: found.credential.role_arn().unwrap_or_default().to_owned(),
        account_id: found.credential.account(),
        ..WayForm::default()
    };
    let path = format!("{}/credential", href(id));
    let view = view::Credential {
        way: way(&cx, &path, by, &form, Mistakes::default()),
        now: now_by(&found, &cx),
        href: href(id),
        name: found.name,
        action: path,
    };
    Ok(web::page(&frame, "Replace the credential", &view))
}

/// As whom a connection enters now, in a sentence.
fn now_by(found: &Connection, cx: &Cx) -> String {
    match &found.credential {
        super::Credential::Role { arn } => format!("Stint enters as the role {arn}."),
        super::Credential::AccessKey(key) => format!(
            "Stint enters by the access key {}, which it has had for {}.",
            key.id,
            web::time::words(cx.now.since(key.set_at))
        ),
        super::Credential::Host { account } => {
            format!("Stint enters by this host's own credentials in account {account}.")
        }
    }
}

async fn replace(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Form(form): Form<WayForm>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let change = super::ConnectionChange {
        credential: Some(form.credential()),
        ..super::ConnectionChange::default()
    };
    let refused = match super::update(&cx, id, change, None).await {
        Ok(changed) => return Ok(web::go_with(&href(id), &test_flash(&changed))),
        Err(error) => mistake(error, "")?,
    };
    let found = super::get(&cx, id).await?;
    let path = format!("{}/credential", href(id));
    let view = view::Credential {
        way: way(&cx, &path, form.word(), &form, refused),
        now: now_by(&found, &cx),
        href: href(id),
        name: found.name,
        action: path,
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(web::page_with(
        status,
        &frame,
        "Replace the credential",
        &view,
    ))
}

/// In which form the set-up is shown.
#[derive(Debug, Deserialize)]
struct Shape {
    #[serde(default, rename = "as")]
    form: String,
}

async fn setup(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<Shape>,
) -> Result<Response, Failure> {
    let found = super::get(&cx, id).await?;
    let (paste, trouble) = match super::setup(&cx, id).await {
        Ok(setup) => {
            let code = match asked.form.as_str() {
                "terraform" => Some(Snippet::new("Terraform", super::terraform(&setup))),
                "cloudformation" => Some(Snippet::new(
                    "CloudFormation",
                    super::cloudformation(&setup),
                )),
                _ => None,
            };
            let paste = view::Paste {
                shapes: shapes(id, &asked.form),
                code,
                trust_policy: setup
                    .trust_policy
                    .as_ref()
                    .map(|policy| Snippet::new("Trust policy", pretty(policy))),
                permission_policy: Snippet::new(
                    "Permission policy",
                    pretty(&setup.permission_policy),
                ),
                base_identity: setup.base_identity.unwrap_or_default(),
            };
            (Some(paste), None)
        }
        Err(error @ Error::BaseIdentity(_)) => (None, Some(Note::refusal(error.detail()))),
        Err(error) => return Err(error.into()),
    };
    let may_test = cx.authorize(Verb::TestConnection, Relation::Others).is_ok();
    let may_change = cx
        .authorize(Verb::UpdateConnection, Relation::Others)
        .is_ok();
    let role = found.credential.role_arn().unwrap_or_default();
    let view = view::SetUp {
        href: href(id),
        test: may_test.then(|| format!("{}/test", href(id))),
        any_group: (found.features().iam).is_some_and(|it| it.has_every_group()),
        does: scope::does(&found),
        change: may_change.then(|| format!("{}/scope", href(id))),
        by: found.credential.as_str(),
        role_name: role.rsplit('/').next().unwrap_or_default().to_owned(),
        access_key_id: found
            .credential
            .key()
            .map(|key| key.id.clone())
            .unwrap_or_default(),
        account: found.credential.account(),
        external_id: Copyable::new(found.external_id, "the External ID"),
        name: found.name,
        paste,
        trouble,
    };
    Ok(web::page(&frame, "Set up the way into AWS", &view))
}

/// The forms the set-up has, as tabs.
fn shapes(id: ConnectionId, shown: &str) -> web::Tabs {
    let shown = match shown {
        "terraform" | "cloudformation" => shown,
        _ => "json",
    };
    let tab = |word: &'static str, value: &str| web::Tab {
        href: format!("{}/setup?as={value}", href(id)),
        word,
        count: None,
        current: shown == value,
    };
    web::Tabs {
        label: "How you set it up",
        tabs: vec![
            tab("By hand (JSON)", "json"),
            tab("Terraform", "terraform"),
            tab("CloudFormation", "cloudformation"),
        ],
    }
}

fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

async fn test(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let tested = super::test(&cx, id).await?;
    Ok(web::go_with(&href(id), &test_flash(&tested)))
}

/// What a test came to, in a sentence.
fn test_flash(tested: &Connection) -> Flash {
    let report = tested.last_test.as_ref();
    let failed = report.is_some_and(|report| !report.passed);
    let warned = report.is_some_and(|report| {
        report
            .checks
            .iter()
            .any(|check| check.outcome == super::Outcome::Warning)
    });
    if failed {
        Flash::failed("The test failed. Below is what is missing and what mends it.")
    } else if warned {
        Flash::warning("The connection works, with a warning: see below.")
    } else if tested.last_sync_at.is_none() {
        Flash::done("The connection works. Sync it now to see who holds what.")
    } else {
        Flash::done("The connection works.")
    }
}
