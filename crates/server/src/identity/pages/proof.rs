//! Giving one's password again, and going back to where one was.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::{Relation, Verb};

use super::super::{PROVEN_FOR, prove};
use super::Back;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Query, Routes};
use crate::web::answer::{leading_back, local};
use crate::web::fields::{Field, FormPage};
use crate::web::form::sentence;
use crate::web::time::words;
use crate::web::{self, Flash, Frame, Mistakes, Sent};

const PLACE: &str = "/account/proof";

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ProveSignIn, Method::GET, PLACE, show)
        .page(Verb::ProveSignIn, Method::POST, PLACE, give)
}

async fn show(cx: Cx, frame: Frame, Query(asked): Query<Back>) -> Result<Response, Failure> {
    cx.authorize(Verb::ProveSignIn, Relation::Own)?;
    let none = Mistakes::none();
    Ok(form(&frame, &asked.back, none, StatusCode::OK))
}

async fn give(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Back>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let typed = sent.secret("password").unwrap_or_default();
    match prove(&cx, typed).await {
        Ok(()) => {
            let said = format!("Thank you. It counts for {}.", words(PROVEN_FOR));
            Ok(web::go_with(local(&asked.back), &Flash::done(said)))
        }
        Err(error) if error.is_about_the_password() => {
            let mistakes = Mistakes::at("password", sentence(&error.detail()));
            let wrong = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(form(&frame, &asked.back, mistakes, wrong))
        }
        Err(error) => Err(error.into()),
    }
}

fn form(frame: &Frame, back: &str, mistakes: Mistakes, status: StatusCode) -> Response {
    let back = local(back).to_owned();
    let page = FormPage {
        crumb: ("/account".to_owned(), "Your account".to_owned()),
        title: "Give your password again".to_owned(),
        lead: String::new(),
        action: leading_back(PLACE, &back),
        version: None,
        meanwhile: None,
        parts: vec![
            Field::password("password", "Your password", "current-password")
                .required()
                .wrong(&mistakes)
                .into(),
        ],
        mistakes,
        save: "Continue",
        back,
        aside: Some((
            "What it is for",
            vec![
                "Some policies want to know that it is you who sits here, moments before you ask or approve.".to_owned(),
                format!("It counts for {}, for this sign-in only.", words(PROVEN_FOR)),
            ],
        )),
    };
    web::page_with(status, frame, &page.title, &page)
}
