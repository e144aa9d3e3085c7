//! The page about the IAM of member accounts: whether, by which role, and what to set up.

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};

use super::{href, pretty, view};
use crate::connections::{self, Error, USUAL_ROLE};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Query, Routes};
use crate::web::{self, Copyable, Flash, Frame, Note, Snippet, Tab, Tabs};

pub(super) fn routes() -> Routes {
    let place = "/connections/{id}/member-accounts";
    Routes::new()
        .page(Verb::GetConnection, Method::GET, place, show)
        .page(Verb::UpdateConnection, Method::POST, place, change)
}

/// Which form of the set-up.
#[derive(Debug, Deserialize)]
struct As {
    #[serde(rename = "as", default)]
    form: String,
}

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<As>,
) -> Result<Response, Failure> {
    let found = connections::get(&cx, id).await?;
    let shown = match asked.form.as_str() {
        "terraform" | "json" => asked.form.as_str(),
        _ => "cloudformation",
    };
    let (paste, trouble) = match connections::member_setup(&cx, id).await {
        Ok(setup) => {
            let texts = match shown {
                "terraform" => vec![Snippet::new("Terraform", setup.terraform)],
                "json" => vec![
                    Snippet::new("Trust policy", pretty(&setup.trust_policy)),
                    Snippet::new("Permission policy", pretty(&setup.permission_policy)),
                ],
                _ => vec![Snippet::new("CloudFormation", setup.cloudformation)],
            };
            let paste = view::MemberPaste {
                trusted: setup.trusted,
                external_id: Copyable::new(
                    format!("{}-ACCOUNT_ID", setup.external_id),
                    "the form of the External IDs",
                ),
                entering: Snippet::new("Statement", pretty(&setup.entering)),
                shapes: shapes(id, shown),
                texts,
            };
            (Some(paste), None)
        }
        Err(Error::NoMembers) => (None, None),
        Err(error @ Error::BaseIdentity(_)) => (None, Some(Note::refusal(error.detail()))),
        Err(error) => return Err(error.into()),
    };
    let may = cx
        .authorize(Verb::UpdateConnection, Relation::Others)
        .is_ok();
    let view = view::MemberAccounts {
        href: href(id),
        accounts: format!("/explore/accounts?connection={id}"),
        iam: found.iam,
        on: found.members.as_ref().is_some_and(|it| it.on),
        role: (found.members.as_ref()).map_or_else(|| USUAL_ROLE.to_owned(), |it| it.role.clone()),
        change: may.then(|| format!("{}/member-accounts", href(id))),
        name: found.name,
        paste,
        trouble,
    };
    Ok(web::page(&frame, "IAM of member accounts", &view))
}

fn shapes(id: ConnectionId, shown: &str) -> Tabs {
    let tab = |word: &'static str, value: &str| Tab {
        href: format!("{}/member-accounts?as={value}", href(id)),
        word,
        count: None,
        current: shown == value,
    };
    Tabs {
        label: "How you set it up",
        tabs: vec![
            tab("CloudFormation StackSet", "cloudformation"),
            tab("Terraform", "terraform"),
            tab("By hand (JSON)", "json"),
        ],
    }
}

#[derive(Debug, Deserialize)]
struct Change {
    /// `on` or `off`.
    on: String,
    #[serde(default)]
    role: String,
}

async fn change(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    Form(form): Form<Change>,
) -> Result<Response, Failure> {
    let on = form.on == "on";
    let role = Some(form.role.as_str()).filter(|role| !role.trim().is_empty());
    let flash = match connections::set_members(&cx, id, on, role, None).await {
        Ok(_) if on => Flash::done(
            "The IAM of member accounts is switched on. Set up the role in them, and give the connection the statement below; the next sync reads them.",
        ),
        Ok(_) => Flash::done(
            "The IAM of member accounts is switched off: nobody can ask for it. What was given is still removed on time, so leave the roles until then.",
        ),
        Err(error @ Error::Bad { .. }) => Flash::failed(error.detail()),
        Err(error) => return Err(error.into()),
    };
    Ok(web::go_with(
        &format!("{}/member-accounts", href(id)),
        &flash,
    ))
}
