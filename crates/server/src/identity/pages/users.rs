//! Users: made, changed, given roles and passwords. A user's own page shows their access too
//! and is `overview`'s.

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_domain::rights::{Relation, Role, Verb};
use stint_domain::{SignInId, TokenId, UserId};

use super::super::{
    Error, NewUser, User, UserChange, create_user, end_sign_in, get_user, relation, revoke_token,
    set_roles, update_user,
};
use super::meanwhile;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Routes};
use crate::web::fields::{Choice, Field, FormPage, Several};
use crate::web::form::sentence;
use crate::web::{self, Flash, Frame, Mistakes, Sent};

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::CreateUser, Method::GET, "/people/users/new", new_page)
        .page(Verb::CreateUser, Method::POST, "/people/users/new", create)
        .page(
            Verb::UpdateUser,
            Method::GET,
            "/people/users/{id}/edit",
            edit_page,
        )
        .page(
            Verb::UpdateUser,
            Method::POST,
            "/people/users/{id}/edit",
            edit,
        )
        .page(
            Verb::UpdateUser,
            Method::GET,
            "/people/users/{id}/password",
            password_page,
        )
        .page(
            Verb::UpdateUser,
            Method::POST,
            "/people/users/{id}/password",
            set_password,
        )
        .page(
            Verb::SetRoles,
            Method::GET,
            "/people/users/{id}/roles",
            roles_page,
        )
        .page(
            Verb::SetRoles,
            Method::POST,
            "/people/users/{id}/roles",
            change_roles,
        )
        .page(
            Verb::EndSignIn,
            Method::POST,
            "/people/sign-ins/{id}/end",
            end_one,
        )
        .page(
            Verb::RevokeToken,
            Method::POST,
            "/people/tokens/{id}/revoke",
            revoke_one,
        )
}

/// The page of a user.
fn href(id: UserId) -> String {
    format!("/people/users/{id}")
}

/// The roles one can hold everywhere, with what each may do.
const ROLES: [(Role, &str); 5] = [
    (
        Role::SuperAdmin,
        "May do everything but decide on requests nobody asked them to decide on.",
    ),
    (
        Role::ConnectionAdmin,
        "Applications, connections, sync, links, and what is done in AWS.",
    ),
    (
        Role::PolicyAdmin,
        "Policies, catalogs, access controls and groups.",
    ),
    (
        Role::Helpdesk,
        "Sees users, links and requests; proposes links; decides nothing.",
    ),
    (
        Role::Auditor,
        "Sees everything, changes nothing; decides nothing.",
    ),
];

fn roles_part(held: &[Role], mistakes: &Mistakes) -> Several {
    let choices = ROLES.iter().map(|(role, what)| {
        Choice::new(role.as_str(), role.title())
            .hint(*what)
            .chosen(held.contains(role))
    });
    Several::of("roles", "Roles", choices.collect())
        .hint("They hold everywhere. Everybody may ask for access and decide where a policy names them, without a role.")
        .wrong(mistakes)
}

fn sent_roles(sent: &Sent) -> Vec<Role> {
    (sent.all("roles"))
        .filter_map(|word| word.parse().ok())
        .collect()
}

// ---- a new one

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateUser, Relation::None)?;
    let none = Mistakes::none();
    Ok(new_form(&frame, "", "", &[], none, StatusCode::OK))
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateUser, Relation::None)?;
    let roles = sent_roles(&sent);
    let (name, email) = (sent.text("name"), sent.text("email"));
    let password = sent.secret("password");
    let new = NewUser {
        name: name.to_owned(),
        email: email.to_owned(),
        roles: roles.clone(),
        password,
    };
    match create_user(&cx, new).await {
        Ok(made) => Ok(web::go_with(
            &href(made.id),
            &Flash::done("Created. To ask for access in AWS they need a confirmed link."),
        )),
        Err(error) => {
            let mut mistakes = mistake(error)?;
            if sent.secret("password").is_some() && !mistakes.has("password") {
                mistakes.add("password", "Type the password again: it is not sent back.");
            }
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(new_form(&frame, name, email, &roles, mistakes, wrong))
        }
    }
}

/// At which field a refusal is said.
fn mistake(error: Error) -> Result<Mistakes, Error> {
    let (field, text) = match &error {
        Error::Bad { field, why } => (*field, why.clone()),
        Error::EmailTaken => ("email", error.detail()),
        Error::Password(_) | Error::OwnPassword => ("password", error.detail()),
        Error::Manager => ("manager", error.detail()),
        Error::LastSuperAdmin => ("roles", error.detail()),
        _ => return Err(error),
    };
    Ok(Mistakes::at(field, sentence(&text)))
}

fn new_form(
    frame: &Frame,
    name: &str,
    email: &str,
    roles: &[Role],
    mistakes: Mistakes,
    status: StatusCode,
) -> Response {
    let page = FormPage {
        crumb: ("/people".to_owned(), "Users".to_owned()),
        title: "New user".to_owned(),
        lead: String::new(),
        action: "/people/users/new".to_owned(),
        version: None,
        meanwhile: None,
        parts: vec![
            Field::line("name", "Name")
                .value(name)
                .required()
                .longest(120)
                .wrong(&mistakes)
                .into(),
            Field::email("email", "E-mail address")
                .hint("To sign in with. A user and a principal in AWS with the same address are proposed as a link.")
                .value(email)
                .required()
                .longest(254)
                .wrong(&mistakes)
                .into(),
            Field::password("password", "Password", "new-password")
                .hint("Without one they cannot sign in with a password yet. Tell it to them on a safe way; they change it on their page.")
                .wrong(&mistakes)
                .into(),
            roles_part(roles, &mistakes).into(),
        ],
        mistakes,
        save: "Create the user",
        back: "/people".to_owned(),
        aside: None,
    };
    web::page_with(status, frame, &page.title, &page)
}

// ---- name and address

async fn edit_page(cx: Cx, frame: Frame, Path(id): Path<UserId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateUser, relation(&cx, id))?;
    let now = get_user(&cx, id).await?;
    let filled = Profile::of(&cx, &now).await?;
    let page = edit_form(&now, &filled, Mistakes::none());
    Ok(web::page(&frame, &page.title, &page))
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<UserId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateUser, relation(&cx, id))?;
    let mut now = get_user(&cx, id).await?;
    let filled = Profile::sent(&sent);
    let seen = sent.version().unwrap_or(0);
    let manager = match filled.manager.as_str() {
        "" => None,
        email => match super::super::user_by_email(&mut cx.read().await?, email).await? {
            Some(found) => Some(found.id),
            None => {
                now.version = seen;
                let why = "Nobody has this address. Look them up in the list of users.";
                let page = edit_form(&now, &filled, Mistakes::at("manager", why));
                let wrong = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(web::page_with(wrong, &frame, &page.title, &page));
            }
        },
    };
    let change = UserChange {
        name: Some(filled.name.clone()),
        email: Some(filled.email.clone()),
        password: None,
        department: Some(filled.department.clone()),
        title: Some(filled.title.clone()),
        manager: Some(manager),
    };
    match update_user(&cx, id, change, Some(seen)).await {
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = get_user(&cx, id).await?;
            let theirs = Profile::of(&cx, &now).await?;
            let rows = theirs.beside(&filled);
            let mut page = edit_form(&now, &filled, Mistakes::none());
            page.meanwhile = Some(meanwhile(&cx, &id.to_string(), "user.", rows).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            Ok(web::page_with(late, &frame, &page.title, &page))
        }
        Err(error) => {
            now.version = seen;
            let page = edit_form(&now, &filled, mistake(error)?);
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(web::page_with(wrong, &frame, &page.title, &page))
        }
    }
}

/// What stands in the form of a user.
struct Profile {
    name: String,
    email: String,
    department: String,
    title: String,
    /// Their address.
    manager: String,
}

impl Profile {
    async fn of(cx: &Cx, user: &User) -> Result<Self, Error> {
        let manager = match user.manager {
            Some(id) => super::super::user(&mut cx.read().await?, id).await?,
            None => None,
        };
        Ok(Self {
            name: user.name.clone(),
            email: user.email.clone(),
            department: user.department.clone().unwrap_or_default(),
            title: user.title.clone().unwrap_or_default(),
            manager: manager.map(|it| it.email).unwrap_or_default(),
        })
    }

    fn sent(sent: &Sent) -> Self {
        let text = |field| sent.text(field).to_owned();
        Self {
            name: text("name"),
            email: text("email"),
            department: text("department"),
            title: text("title"),
            manager: text("manager"),
        }
    }

    /// What it is, and what it was to be.
    fn beside(&self, wanted: &Self) -> Vec<(String, String, String)> {
        let row = |label: &str, now: &str, wanted: &str| {
            (label.to_owned(), now.to_owned(), wanted.to_owned())
        };
        vec![
            row("Name", &self.name, &wanted.name),
            row("E-mail address", &self.email, &wanted.email),
            row("Department", &self.department, &wanted.department),
            row("Title", &self.title, &wanted.title),
            row("Manager", &self.manager, &wanted.manager),
        ]
    }
}

fn edit_form(now: &User, filled: &Profile, mistakes: Mistakes) -> FormPage {
    FormPage {
        crumb: (href(now.id), now.name.clone()),
        title: "Change the user".to_owned(),
        lead: String::new(),
        action: format!("{}/edit", href(now.id)),
        version: Some(now.version),
        meanwhile: None,
        parts: vec![
            Field::line("name", "Name")
                .value(&filled.name)
                .required()
                .longest(120)
                .wrong(&mistakes)
                .into(),
            Field::email("email", "E-mail address")
                .hint("To sign in with, from now on.")
                .value(&filled.email)
                .required()
                .longest(254)
                .wrong(&mistakes)
                .into(),
            Field::line("department", "Department")
                .hint("Policies can ask for it.")
                .value(&filled.department)
                .longest(120)
                .wrong(&mistakes)
                .into(),
            Field::line("title", "Title")
                .hint("Policies can ask for it.")
                .value(&filled.title)
                .longest(120)
                .wrong(&mistakes)
                .into(),
            Field::email("manager", "Manager")
                .hint("Their e-mail address. They decide on what this user asks for, where a policy asks managers.")
                .value(&filled.manager)
                .longest(254)
                .wrong(&mistakes)
                .into(),
        ],
        mistakes,
        save: "Save",
        back: href(now.id),
        aside: None,
    }
}

// ---- password

async fn password_page(cx: Cx, frame: Frame, Path(id): Path<UserId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateUser, relation(&cx, id))?;
    let now = get_user(&cx, id).await?;
    let page = password_form(&now, Mistakes::none());
    Ok(web::page(&frame, &page.title, &page))
}

async fn set_password(
    cx: Cx,
    frame: Frame,
    Path(id): Path<UserId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateUser, relation(&cx, id))?;
    let now = get_user(&cx, id).await?;
    let change = UserChange {
        password: Some(sent.secret("password").unwrap_or_default()),
        ..UserChange::default()
    };
    match update_user(&cx, id, change, None).await {
        Ok(_) => Ok(web::go_with(
            &href(id),
            &Flash::done("The password is set, and their sign-ins have ended."),
        )),
        Err(error) => {
            let page = password_form(&now, mistake(error)?);
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(web::page_with(wrong, &frame, &page.title, &page))
        }
    }
}

fn password_form(now: &User, mistakes: Mistakes) -> FormPage {
    FormPage {
        crumb: (href(now.id), now.name.clone()),
        title: "Set a password".to_owned(),
        lead: String::new(),
        action: format!("{}/password", href(now.id)),
        version: None,
        meanwhile: None,
        parts: vec![
            Field::password("password", "New password", "new-password")
                .hint("Tell it to them on a safe way; they change it on their page.")
                .required()
                .wrong(&mistakes)
                .into(),
        ],
        mistakes,
        save: "Set the password",
        back: href(now.id),
        aside: Some((
            "What this changes",
            vec![
                format!(
                    "{} signs in with it from now on. Every sign-in of theirs ends at once, and failed tries are forgiven.",
                    now.name
                ),
                "Their API tokens and the access they hold stay as they are.".to_owned(),
            ],
        )),
    }
}

// ---- roles

async fn roles_page(cx: Cx, frame: Frame, Path(id): Path<UserId>) -> Result<Response, Failure> {
    cx.authorize(Verb::SetRoles, relation(&cx, id))?;
    let now = get_user(&cx, id).await?;
    let page = roles_form(&now, &now.roles, Mistakes::none());
    Ok(web::page(&frame, &page.title, &page))
}

async fn change_roles(
    cx: Cx,
    frame: Frame,
    Path(id): Path<UserId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::SetRoles, relation(&cx, id))?;
    let mut now = get_user(&cx, id).await?;
    let wanted = sent_roles(&sent);
    let seen = sent.version().unwrap_or(0);
    match set_roles(&cx, id, wanted.clone(), Some(seen)).await {
        Ok(_) => Ok(web::go_with(
            &href(id),
            &Flash::done("Saved. It counts from their next click on."),
        )),
        Err(Error::Stale { .. }) => {
            let now = get_user(&cx, id).await?;
            let names = |roles: &[Role]| -> String {
                let names: Vec<&str> = roles.iter().map(|role| role.title()).collect();
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            };
            let rows = vec![("Roles".to_owned(), names(&now.roles), names(&wanted))];
            let mut page = roles_form(&now, &wanted, Mistakes::none());
            page.meanwhile = Some(meanwhile(&cx, &id.to_string(), "user.", rows).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            Ok(web::page_with(late, &frame, &page.title, &page))
        }
        Err(error) => {
            now.version = seen;
            let page = roles_form(&now, &wanted, mistake(error)?);
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(web::page_with(wrong, &frame, &page.title, &page))
        }
    }
}

fn roles_form(now: &User, held: &[Role], mistakes: Mistakes) -> FormPage {
    FormPage {
        crumb: (href(now.id), now.name.clone()),
        title: "Give and take roles".to_owned(),
        lead: String::new(),
        action: format!("{}/roles", href(now.id)),
        version: Some(now.version),
        meanwhile: None,
        parts: vec![roles_part(held, &mistakes).into()],
        mistakes,
        save: "Save the roles",
        back: href(now.id),
        aside: Some((
            "What this changes",
            vec![
                "What they may do in Stint, at once, also through their API tokens. Nothing changes in AWS.".to_owned(),
                "Helpdesk and Auditor also take away: who holds one of them decides on no request.".to_owned(),
            ],
        )),
    }
}

// ---- sign-ins and tokens

#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

async fn end_one(
    cx: Cx,
    Path(id): Path<SignInId>,
    Form(form): Form<Back>,
) -> Result<Response, Failure> {
    end_sign_in(&cx, id).await?;
    Ok(web::go_with(
        &form.back,
        &Flash::done("That sign-in has ended."),
    ))
}

async fn revoke_one(
    cx: Cx,
    Path(id): Path<TokenId>,
    Form(form): Form<Back>,
) -> Result<Response, Failure> {
    revoke_token(&cx, id).await?;
    Ok(web::go_with(
        &form.back,
        &Flash::done("Revoked. Whatever uses it is refused from now on."),
    ))
}
