//! The page on which somebody pastes what AWS said. It answers at once and keeps nothing: coming back to
//! it shows it empty.

pub(crate) mod view;

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_domain::rights::{Relation, Verb};
use stint_iam_policy::{DeniedKind, LONGEST_DENIAL, Refused};

use super::{Error, Match, Mended};
use crate::cx::Cx;
use crate::directory;
use crate::http::{Failure, Fault as _, Form, Routes};
use crate::web::fields::{Field, Part};
use crate::web::frame::Area;
use crate::web::{self, Chip, Copyable, Fact, Facts, Frame, Mistakes, Note, Tone};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::MendRefusal, Method::GET, "/mend", form)
        .page(Verb::MendRefusal, Method::POST, "/mend", answer)
}

#[derive(Debug, Default, Deserialize)]
struct Pasted {
    #[serde(default)]
    message: String,
    #[serde(default)]
    account: String,
}

async fn form(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::MendRefusal, Relation::Own)?;
    Ok(page(&frame, Pasted::default(), None, Mistakes::none()))
}

async fn answer(cx: Cx, frame: Frame, Form(pasted): Form<Pasted>) -> Result<Response, Failure> {
    match super::mend(&cx, &pasted.message, Some(&pasted.account)).await {
        Ok(found) => Ok(page(&frame, pasted, Some(found), Mistakes::none())),
        Err(error @ Error::Text(_)) => Ok(page(
            &frame,
            pasted,
            None,
            Mistakes::at("message", error.detail()),
        )),
        Err(error @ Error::Account) => {
            let words = web::form::sentence(&error.detail());
            Ok(page(&frame, pasted, None, Mistakes::at("account", words)))
        }
        Err(error) => Err(error.into()),
    }
}

fn page(frame: &Frame, pasted: Pasted, found: Option<Mended>, mistakes: Mistakes) -> Response {
    let status = match mistakes.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let parts: Vec<Part> = vec![
        Field::text("message", "What AWS said")
            .hint("The whole message, from a terminal, a log or the console. It is read here and kept nowhere.")
            .value(pasted.message)
            .required()
            .longest(LONGEST_DENIAL)
            .mono()
            .wrong(&mistakes)
            .into(),
        Field::line("account", "In which account")
            .hint("Twelve digits; only where the message does not say it.")
            .value(pasted.account)
            .longest(12)
            .mono()
            .wrong(&mistakes)
            .into(),
    ];
    let view = view::Mend {
        parts,
        mistakes,
        read: found.map(read),
    };
    let frame = frame.clone().under(Area::Request);
    web::page_with(status, &frame, "Find what mends a refusal", &view)
}

fn read(it: Mended) -> view::Read {
    let denial = &it.denial;
    let mut facts = Vec::new();
    if let Some(who) = &denial.who {
        let kind = match &who.kind {
            DeniedKind::PermissionSet { name, session } => {
                format!("{session}, with the permission set {name}")
            }
            DeniedKind::Session { role, session } => {
                format!("a session of the role {role}, called {session}")
            }
            DeniedKind::User { name } => format!("the IAM user {name}"),
            DeniedKind::Other => String::new(),
        };
        let arn = Copyable::new(who.arn.clone(), "who was refused");
        facts.push(Fact::new("Who", "").copy(arn).faint(kind));
    }
    facts.push(Fact::new("Wanted to", denial.action.clone()));
    if let Some(resource) = &denial.resource {
        let arn = Copyable::new(resource.clone(), "what it was about");
        facts.push(Fact::new("On", "").copy(arn));
    }
    let account = it.account.clone();
    facts.push(Fact::new(
        "In the account",
        account.unwrap_or_else(|| "not said".to_owned()),
    ));
    let mended = denial.because.is_mended_by_access();
    let note = match (mended, &it.account, it.found.is_empty()) {
        (false, ..) => Note::refusal(because_words(denial.because)),
        (true, None, _) => Note::warning(
            "The message does not say in which account it happened: name it beside the message.",
        ),
        (true, Some(_), true) => Note::warning(
            "Nothing you may ask for in that account would let this through, as far as Stint knows. A Policy Admin can put what does into a catalog of yours.",
        ),
        (true, Some(_), false) => Note::info(because_words(denial.because)),
    };
    view::Read {
        facts: Facts { facts },
        note,
        rows: it.found.into_iter().map(row).collect(),
        more: it.more,
    }
}

fn row(it: Match) -> view::MatchRow {
    view::MatchRow {
        href: format!("/request/{}", it.entitlement.id),
        place: directory::place(&it.entitlement),
        name: it.entitlement.name,
        chip: match it.certain {
            true => Chip::new(Tone::Live, "circle-check", "Allows it"),
            false => Chip::new(Tone::Wait, "hourglass", "May allow it"),
        },
        why: web::form::sentence(&it.why),
        through: it.through.map(|it| it.name),
    }
}

/// What a reason means for whoever was refused.
pub(super) const fn because_words(because: Refused) -> &'static str {
    match because {
        Refused::NotAllowed => "No policy of theirs allows it: access that does mends it.",
        Refused::Unsaid => {
            "AWS does not say why. Access that allows it mends it, unless something denies it."
        }
        Refused::ByResource => {
            "What it is about does not let them in. Access in its own account may; else its owner has to name them in its policy."
        }
        Refused::DeniedByTheirs => {
            "A policy denies it explicitly: no other access mends that. Whoever wrote that policy has to change it, or the call has to meet its conditions (such as MFA, or a Region)."
        }
        Refused::ByOrganization => {
            "The organization keeps the account from it (a service or resource control policy): no access mends that. Ask whoever administers the organization."
        }
        Refused::ByBoundary => {
            "A permissions boundary keeps them from it: access within the same boundary does not mend that. Ask whoever set the boundary."
        }
        Refused::BySession => {
            "The session was narrowed when it was opened: open one without that session policy."
        }
        Refused::ByEndpoint => {
            "The VPC endpoint it went through does not let it pass: its policy has to be changed, or another way taken."
        }
    }
}
