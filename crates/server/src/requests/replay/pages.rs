//! What a draft would have changed, shown before it is saved.

use askama::Template;
use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::PolicyId;
use stint_domain::rights::{Relation, Verb};

use super::super::Error;
use super::Replay;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Path, Routes};
use crate::policies;
use crate::web::filters;
use crate::web::form::sentence;
use crate::web::time::words;
use crate::web::{self, Frame, Sent, When};

/// How many days back the page looks.
const DAYS: i64 = 30;

pub(crate) mod dry_run;

pub(crate) fn routes() -> Routes {
    let replay = Routes::new().page(
        Verb::ReplayPolicy,
        Method::POST,
        "/policies/{id}/replay",
        replay,
    );
    replay.merge(dry_run::routes())
}

/// `POST /policies/{id}/replay`
#[derive(Debug, Clone, Template)]
#[template(path = "requests/replay.html")]
pub(crate) struct View {
    /// The policy, and where its form is.
    pub(crate) policy: String,
    pub(crate) back: String,
    /// Why the draft cannot be held against anything.
    pub(crate) wrong: Vec<String>,
    pub(crate) found: Option<Found>,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// In a sentence.
    pub(crate) lead: String,
    /// Each rule of the draft, and to how many requests it would apply.
    pub(crate) rules: Vec<(String, usize)>,
    pub(crate) otherwise: usize,
    pub(crate) rows: Vec<Row>,
    /// How many are not among the rows.
    pub(crate) unnamed: usize,
}

/// A request that would be answered otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) href: String,
    pub(crate) what: String,
    /// `Ana Moreno, for 2 h`
    pub(crate) who: String,
    pub(crate) asked: When,
    pub(crate) before: String,
    pub(crate) after: String,
}

async fn replay(
    cx: Cx,
    frame: Frame,
    Path(id): Path<PolicyId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::ReplayPolicy, Relation::Others)?;
    let now = policies::get(&cx, id).await?;
    let mut view = View {
        policy: now.name,
        back: format!("/policies/{id}/edit"),
        wrong: Vec::new(),
        found: None,
    };
    match policies::draft(&sent) {
        Ok(new) => match super::replay(&cx, id, new.body, DAYS).await {
            Ok(found) => view.found = Some(shown(found, &cx)),
            Err(Error::Draft(error)) => view.wrong = vec![sentence(&error.detail())],
            Err(error) => return Err(error.into()),
        },
        Err(mistakes) => view.wrong = mistakes.texts().map(str::to_owned).collect(),
    }
    let status = match view.wrong.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(web::page_with(
        status,
        &frame,
        "What the draft would change",
        &view,
    ))
}

fn shown(it: Replay, cx: &Cx) -> Found {
    let more = if it.more { "the newest " } else { "" };
    let lead = match (it.requests, it.changed) {
        (0, _) => format!("Nobody asked under this policy in the last {DAYS} days."),
        (1, 0) => format!(
            "In the last {DAYS} days one request was asked. It would be answered as it was."
        ),
        (n, 0) => format!(
            "In the last {DAYS} days {more}{n} requests were asked. All would be answered as they were."
        ),
        (n, changed) => format!(
            "Of {more}{n} requests of the last {DAYS} days {changed} would be answered otherwise, and {} as they were.",
            it.same
        ),
    };
    Found {
        lead,
        unnamed: it.changed.saturating_sub(it.examples.len()),
        rows: (it.examples.into_iter())
            .map(|example| Row {
                href: format!("/requests/{}", example.request),
                what: example.what,
                who: match example.review_every {
                    Some(_) => format!("{}, until revoked", example.requester.name),
                    None => format!(
                        "{}, for {}",
                        example.requester.name,
                        words(example.duration)
                    ),
                },
                asked: When::relative(example.asked_at, cx.now),
                before: sentence(&example.before.words()),
                after: sentence(&example.after.words()),
            })
            .collect(),
        rules: it.rules,
        otherwise: it.otherwise + it.unanswered,
    }
}
