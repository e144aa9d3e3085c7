//! The page on which it is said who owns a connection.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, UserId};

use super::href;
use crate::connections::{self, Connection, ConnectionChange, Error};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Routes};
use crate::identity;
use crate::web::fields::{Choose, FormPage, Meanwhile};
use crate::web::{self, Flash, Frame, Mistakes, Picked, Sent};

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::UpdateConnection,
            Method::GET,
            "/connections/{id}/owners",
            page,
        )
        .page(
            Verb::UpdateConnection,
            Method::POST,
            "/connections/{id}/owners",
            change,
        )
}

/// The form with what is to be said about it.
struct Shown {
    owners: Picked,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
}

impl Shown {
    const fn new(owners: Picked) -> Self {
        Self {
            owners,
            mistakes: Mistakes::none(),
            meanwhile: None,
        }
    }

    async fn answer(
        self,
        cx: &Cx,
        frame: &Frame,
        of: &Connection,
        status: StatusCode,
    ) -> Result<Response, Failure> {
        let action = format!("{}/owners", href(of.id));
        let owners = Choose::new("owners", "Owners", "users", &action)
            .hint("Each has to be a Connection Admin or a Super Admin: owners mend it.")
            .nothing("Nobody chosen.")
            .wrong(&self.mistakes);
        let page = FormPage {
            crumb: (href(of.id), of.name.clone()),
            title: format!("Owners of {}", of.name),
            lead: String::new(),
            version: Some(of.version),
            parts: vec![
                identity::choose_users(cx, owners, &self.owners)
                    .await?
                    .into(),
            ],
            save: "Save",
            back: href(of.id),
            aside: Some((
                "What owners do",
                vec![
                    "They are told when a test or a sync fails, when a sync waits for a decision, when the last full sync is too old, and when AWS refuses to remove access.".to_owned(),
                    "So are the owners of the application who may see connections. Where nobody is left who may, the Connection Admins are told.".to_owned(),
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

fn owners_of(of: &Connection) -> Picked {
    Picked::of(of.owners.iter().map(|owner| owner.user))
}

async fn page(cx: Cx, frame: Frame, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let now = connections::get(&cx, id).await?;
    let shown = Shown::new(owners_of(&now));
    shown.answer(&cx, &frame, &now, StatusCode::OK).await
}

async fn change(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let mut now = connections::get(&cx, id).await?;
    // The version the person began with stays: what was changed since is still found.
    let seen = sent.version().unwrap_or(0);
    now.version = seen;
    let mut shown = Shown::new(sent.picked("owners", false));
    if !sent.to_save() {
        return shown.answer(&cx, &frame, &now, StatusCode::OK).await;
    }
    let change = ConnectionChange {
        owners: Some(shown.owners.read::<UserId>()),
        ..ConnectionChange::default()
    };
    match connections::update(&cx, id, change, Some(seen)).await {
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = connections::get(&cx, id).await?;
            shown.meanwhile = Some(changed_meanwhile(&cx, &now, &shown.owners).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            shown.answer(&cx, &frame, &now, late).await
        }
        Err(error @ (Error::NoOwner | Error::OwnerUnable { .. } | Error::UnknownOwner { .. })) => {
            shown.mistakes = Mistakes::at("owners", error.detail());
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            shown.answer(&cx, &frame, &now, wrong).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn changed_meanwhile(
    cx: &Cx,
    now: &Connection,
    chosen: &Picked,
) -> Result<Meanwhile, Failure> {
    let mut held: Vec<String> = now.owners.iter().map(|owner| owner.name.clone()).collect();
    held.sort();
    let users = identity::users(&mut cx.read().await?, &chosen.read::<UserId>()).await?;
    let mut wanted: Vec<String> = users.into_iter().map(|user| user.name).collect();
    wanted.sort();
    let rows = vec![("Owners".to_owned(), held.join(", "), wanted.join(", "))];
    Ok(identity::meanwhile(cx, &now.id.to_string(), "connection.", rows).await?)
}
