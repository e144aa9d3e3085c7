//! `/docs/errors` and a page for every code: where the `type` of a problem document leads.

use askama::Template;
use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::Verb;

use super::{Frame, bare_page, page};
use crate::http::{CODES, Code, Failure, Path, Routes};

#[derive(Template)]
#[template(path = "web/errors.html")]
struct ErrorsView {
    groups: Vec<Group>,
}

/// The codes of one status.
struct Group {
    status: u16,
    title: &'static str,
    codes: Vec<Code>,
}

#[derive(Template)]
#[template(path = "web/error_code.html")]
struct CodeView {
    code: Code,
    title: &'static str,
    again: &'static str,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ReadPublic, Method::GET, "/docs/errors", errors)
        .page(Verb::ReadPublic, Method::GET, "/docs/errors/{code}", error)
}

fn reason(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    status
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

async fn errors(frame: Frame) -> Response {
    let mut groups: Vec<Group> = Vec::new();
    for code in CODES {
        match groups.last_mut() {
            Some(group) if group.status == code.status => group.codes.push(*code),
            _ => groups.push(Group {
                status: code.status,
                title: reason(code.status),
                codes: vec![*code],
            }),
        }
    }
    shown(&frame, "Errors", &ErrorsView { groups })
}

async fn error(frame: Frame, Path(word): Path<String>) -> Result<Response, Failure> {
    let code = Code::of(&word).ok_or_else(Failure::not_found)?;
    let view = CodeView {
        code: *code,
        title: reason(code.status),
        again: again(code),
    };
    Ok(shown(&frame, code.word, &view))
}

/// Whether a program should send the same call again.
fn again(code: &Code) -> &'static str {
    match (code.status, code.word) {
        (_, "idempotency_in_progress") => {
            "Yes, after a moment, with the same key: the answer is the first call's."
        }
        (429, _) => "Yes, after as many seconds as `Retry-After` says.",
        (503, "database_not_ready") => "Yes, after a moment: nothing was changed.",
        (500, _) => {
            "Only where the call is safe to repeat: a GET, or one with an `Idempotency-Key`."
        }
        (412, _) => "Not as it is: read the thing again first.",
        (409, _) => "Not as it is: the state has to change first.",
        _ => "No: the same call gets the same answer until something is changed.",
    }
}

fn shown(frame: &Frame, title: &str, view: &impl Template) -> Response {
    if frame.person.is_some() {
        page(frame, title, view)
    } else {
        bare_page(StatusCode::OK, frame, title, view)
    }
}
