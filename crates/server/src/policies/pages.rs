//! The pages of this room: the list of policies and the form of a version. A policy's own page
//! says where it is used, and is `catalog`'s.

mod form;
pub(crate) mod view;
pub(crate) mod words;

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::PolicyId;
use stint_domain::rights::{Relation, Verb};

use super::{Error, Filter, NewPolicy, NewVersion, Policy};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Query, Routes};
use crate::identity;
use crate::web::form::sentence;
use crate::web::{self, Column, Empty, Flash, Frame, List, Listing, Mistakes, Sent, When};
use form::{Filled, Shown};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListPolicies, Method::GET, "/policies", list)
        .page(Verb::CreatePolicy, Method::GET, "/policies/new", new_page)
        .page(Verb::CreatePolicy, Method::POST, "/policies/new", create)
        .page(
            Verb::NewPolicyVersion,
            Method::GET,
            "/policies/{id}/edit",
            edit_page,
        )
        .page(
            Verb::NewPolicyVersion,
            Method::POST,
            "/policies/{id}/edit",
            edit,
        )
}

/// The page of a policy.
fn href(id: PolicyId) -> String {
    format!("/policies/{id}")
}

/// The headings of the list.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Policy", "name"),
    Column::plain("Who approves"),
    Column::plain("At most"),
    Column::plain("Latest version"),
    Column::newest("Since", "created"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    cx.authorize(Verb::ListPolicies, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = Filter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = [
            "Policy",
            "Who approves",
            "At most",
            "Version",
            "Written",
            "Created",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list(&cx, &filter, &paging).await?;
                Ok(page.map(line))
            }
        };
        return web::csv("policies", &head, fetch).await;
    }
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx.authorize(Verb::CreatePolicy, Relation::None).is_ok();
    let empty = Empty::new(
        "route",
        "No policy yet",
        "A policy says who has to approve a request, in which order, and for how long access may last.",
    );
    let empty = if may_add {
        empty.leading_to("/policies/new", "New policy")
    } else {
        empty
    };
    let list = List::new("/policies", &asked, COLUMNS, empty)
        .search("Name of the policy")
        .sorted(&sort)
        .answered(&page);
    let rows = page.items.into_iter().map(|policy| view::PolicyRow {
        href: href(policy.id),
        way: words::way(&policy.latest.body),
        longest: web::time::words(policy.latest.body.max_duration),
        number: policy.latest.number,
        written: When::relative(policy.latest.created_at, cx.now),
        since: When::both(policy.created_at, cx.now),
        name: policy.name,
    });
    let view = view::Policies {
        rows: rows.collect(),
        list,
        may_add,
        may_try: cx.authorize(Verb::DryRun, Relation::Others).is_ok(),
    };
    Ok(web::page(&frame, "Policies", &view))
}

fn line(policy: Policy) -> Vec<String> {
    vec![
        policy.name,
        words::way(&policy.latest.body),
        web::time::words(policy.latest.body.max_duration),
        policy.latest.number.to_string(),
        policy.latest.created_at.to_string(),
        policy.created_at.to_string(),
    ]
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreatePolicy, Relation::None)?;
    let shown = Shown::new(Filled::fresh());
    shown.answer(&cx, &frame, None, StatusCode::OK).await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreatePolicy, Relation::None)?;
    let mut shown = Shown::new(Filled::sent(&sent));
    if !sent.to_save() {
        shown.look(&cx, &sent, None).await?;
        return shown.answer(&cx, &frame, None, StatusCode::OK).await;
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let first = match shown.filled.read() {
        Ok(read) => read,
        Err(mistakes) => {
            shown.mistakes = mistakes;
            return shown.answer(&cx, &frame, None, wrong).await;
        }
    };
    let new = NewPolicy {
        name: shown.filled.name.clone(),
        first,
    };
    match super::create(&cx, new).await {
        Ok(made) => Ok(web::go_with(
            &href(made.id),
            &Flash::done(
                "Created. It counts once an entitlement of a catalog is asked for under it.",
            ),
        )),
        Err(error) => {
            shown.mistakes = mistake(&cx, error, &shown.filled).await?;
            shown.answer(&cx, &frame, None, wrong).await
        }
    }
}

async fn edit_page(cx: Cx, frame: Frame, Path(id): Path<PolicyId>) -> Result<Response, Failure> {
    cx.authorize(Verb::NewPolicyVersion, Relation::Others)?;
    let now = super::get(&cx, id).await?;
    let shown = Shown::new(Filled::of(&now.latest));
    shown.answer(&cx, &frame, Some(&now), StatusCode::OK).await
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<PolicyId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::NewPolicyVersion, Relation::Others)?;
    let found = super::get(&cx, id).await?;
    // The version the person began with stays: what was changed since is still found.
    let seen = sent.version().unwrap_or(0);
    let mut now = Policy {
        version: seen,
        ..found
    };
    let mut shown = Shown::new(Filled::sent(&sent));
    if !sent.to_save() {
        shown.look(&cx, &sent, Some(&now)).await?;
        return shown.answer(&cx, &frame, Some(&now), StatusCode::OK).await;
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match shown.filled.read() {
        Ok(read) => read,
        Err(mistakes) => {
            shown.mistakes = mistakes;
            return shown.answer(&cx, &frame, Some(&now), wrong).await;
        }
    };
    let body = new.body.clone();
    match super::new_version(&cx, id, new, Some(seen)).await {
        Ok(policy) => Ok(web::go_with(
            &href(id),
            &Flash::done(format!(
                "Version {} counts from now on. Requests that wait keep the version they were asked under.",
                policy.latest.number
            )),
        )),
        Err(Error::Stale { .. }) => {
            now = super::get(&cx, id).await?;
            let rows = form::compared(&cx, &now.latest.body, &body).await?;
            let action = "policy.version_written";
            let who = identity::meanwhile(&cx, &id.to_string(), action, rows).await?;
            shown.meanwhile = Some(who);
            let late = StatusCode::PRECONDITION_FAILED;
            shown.answer(&cx, &frame, Some(&now), late).await
        }
        Err(error) => {
            shown.mistakes = mistake(&cx, error, &shown.filled).await?;
            shown.answer(&cx, &frame, Some(&now), wrong).await
        }
    }
}

/// What a form of a version says, whether it is saved or not.
pub(crate) fn draft(sent: &Sent) -> Result<NewVersion, Mistakes> {
    Filled::sent(sent).read()
}

/// At which field a refusal is said, with names instead of ids.
async fn mistake(cx: &Cx, error: Error, filled: &Filled) -> Result<Mistakes, Error> {
    let faults = match &error {
        Error::Name | Error::NameTaken(_) => return Ok(Mistakes::at("name", error.detail())),
        Error::Note => return Ok(Mistakes::at("note", error.detail())),
        Error::Body(faults) => faults,
        _ => return Err(error),
    };
    let named: Vec<NewVersion> = filled.read().into_iter().collect();
    let bodies = named.iter().map(|new| &new.body);
    let names = words::Names::of(&mut cx.read().await?, bodies).await?;
    let mut mistakes = Mistakes::none();
    for fault in faults {
        let field = form::field_of(&fault.field());
        mistakes.add(field, sentence(&names.put_into(&fault.to_string())));
    }
    Ok(mistakes)
}
