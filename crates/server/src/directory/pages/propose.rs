//! Proposing a link by hand: a user and a principal, each found by search; and saying which of
//! several principals requests are for.

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_domain::entitlement::PrincipalKind;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{LinkId, PrincipalId, UserId};

use super::super::{Error, Principal, confirm_link, principal, principals, propose_link};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::web::fields::{Choose, FormPage, Item};
use crate::web::{self, Flash, Frame, Mistakes, Picked, Sent};
use crate::{connections, identity};

/// How many principals are offered at once.
const FOUND: usize = 8;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::ProposeLink,
            Method::GET,
            "/people/links/new",
            new_page,
        )
        .page(Verb::ProposeLink, Method::POST, "/people/links/new", create)
        .page(
            Verb::ConfirmLink,
            Method::POST,
            "/people/links/{id}/primary",
            primary,
        )
}

async fn primary(cx: Cx, Path(id): Path<LinkId>) -> Result<Response, Failure> {
    super::links::said(
        confirm_link(&cx, id).await,
        "Their requests there are for this principal from now on.",
    )
}

#[derive(Debug, Deserialize)]
struct For {
    #[serde(default)]
    user: String,
}

async fn new_page(cx: Cx, frame: Frame, Query(asked): Query<For>) -> Result<Response, Failure> {
    cx.authorize(Verb::ProposeLink, Relation::None)?;
    let user = asked.user.parse::<UserId>().ok();
    let mut chosen = Picked::default();
    let mut who = Picked::of(user);
    // Whoever comes from a user's page sees likely principals of theirs at once.
    if let Some(id) = user {
        match identity::user(&mut cx.read().await?, id).await? {
            Some(user) => {
                chosen.q = user.email.split('@').next().unwrap_or_default().to_owned();
                chosen.search = true;
            }
            None => who = Picked::default(),
        }
    }
    form(&cx, &frame, who, chosen, Mistakes::none(), StatusCode::OK).await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::ProposeLink, Relation::None)?;
    let who = sent.picked("user", true);
    let what = sent.picked("principal", true);
    if !sent.to_save() {
        return form(&cx, &frame, who, what, Mistakes::none(), StatusCode::OK).await;
    }
    let user = who.read::<UserId>().into_iter().next();
    let principal = what.read::<PrincipalId>().into_iter().next();
    let mut mistakes = Mistakes::none();
    if user.is_none() {
        mistakes.add("user", "Choose the user it is.");
    }
    if principal.is_none() {
        mistakes.add("principal", "Choose the principal that is theirs.");
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let (Some(user), Some(principal)) = (user, principal) else {
        return form(&cx, &frame, who, what, mistakes, wrong).await;
    };
    match propose_link(&cx, user, principal).await {
        Ok(link) if link.state == "confirmed" => Ok(web::go_with(
            "/people/links?show=confirmed",
            &Flash::done("That link is there already, and confirmed."),
        )),
        Ok(_) => Ok(web::go_with(
            "/people/links",
            &Flash::done("Proposed. It counts once an administrator confirms it."),
        )),
        Err(error) => {
            let field = match &error {
                Error::NotAPerson | Error::Taken => "principal",
                Error::NotFound => "",
                _ => return Err(error.into()),
            };
            let mistakes = Mistakes::at(field, error.detail());
            form(&cx, &frame, who, what, mistakes, wrong).await
        }
    }
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    who: Picked,
    what: Picked,
    mistakes: Mistakes,
    status: StatusCode,
) -> Result<Response, Failure> {
    let action = "/people/links/new";
    let user = Choose::new("user", "User", "users", action)
        .nothing("Nobody chosen yet.")
        .one()
        .required()
        .wrong(&mistakes);
    let user = identity::choose_users(cx, user, &who).await?;
    let control = Choose::new("principal", "Principal in AWS", "principals", action)
        .hint("A person's identity in AWS, as the last sync saw it. Search by user name.")
        .nothing("None chosen yet.")
        .one()
        .required()
        .wrong(&mistakes);
    let page = FormPage {
        crumb: ("/people/links".to_owned(), "Links".to_owned()),
        title: "Propose a link".to_owned(),
        lead: String::new(),
        action: action.to_owned(),
        version: None,
        meanwhile: None,
        parts: vec![
            user.into(),
            principals_part(cx, control, &what).await?.into(),
        ],
        mistakes,
        save: "Propose the link",
        back: "/people/links".to_owned(),
        aside: Some((
            "What a link is",
            vec![
                "It says which identity in AWS is this person: what they ask for is given to it."
                    .to_owned(),
                "It counts once an administrator has confirmed it. Nothing changes in AWS."
                    .to_owned(),
                "A person may have several on one connection; requests are for the primary one."
                    .to_owned(),
            ],
        )),
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}

async fn principals_part(cx: &Cx, control: Choose, what: &Picked) -> Result<Choose, Failure> {
    let estates = connections::connections(&mut cx.read().await?).await?;
    let estate = |it: &Principal| {
        let found = estates.iter().find(|known| known.id == it.connection);
        found.map(|known| known.name.as_str()).unwrap_or_default()
    };
    let item = |it: &Principal| {
        let mut faint: Vec<&str> = [it.display_name.as_deref(), it.email.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        faint.push(estate(it));
        if it.gone_at.is_some() {
            faint.push("gone from AWS");
        }
        Item {
            id: it.id.to_string(),
            title: it.name.clone(),
            faint: faint.join(", "),
        }
    };
    let mut chosen = Vec::new();
    for id in what.read::<PrincipalId>() {
        if let Some(it) = principal(&mut cx.read().await?, id).await? {
            chosen.push(item(&it));
        }
    }
    if !what.search {
        return Ok(control.with(what, chosen, None, false));
    }
    let mut found = Vec::new();
    for known in &estates {
        let mut paging = Paging::first(200);
        // Groups stand in the same list: pages are read until there is enough to choose from.
        while found.len() <= FOUND {
            let page = principals(cx, known.id, &what.q, &paging).await?;
            let people = page
                .items
                .into_iter()
                .filter(|it| it.kind != PrincipalKind::IdentityCenterGroup && it.gone_at.is_none());
            found.extend(people);
            match page.next {
                Some(next) => paging = Paging::after_cursor(200, Some(next)),
                None => break,
            }
        }
    }
    let more = found.len() > FOUND;
    found.truncate(FOUND);
    let items = found.iter().map(item).collect();
    Ok(control.with(what, chosen, Some(items), more))
}
