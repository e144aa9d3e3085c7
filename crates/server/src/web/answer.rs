//! From a view to a response: page in its frame, redirect with a message, error page.
//!
//! Every HTML response of Stint is made here, so that the security headers are on all of
//! them: a content policy without inline script or style, no framing, no caching of what
//! belongs to a signed-in person.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use stint_domain::rights::Verb;

use super::cookies;
use super::filters;
use super::flash::{self, Flash};
use super::frame::{Frame, Theme};
use crate::http::{Form, Routes, Trouble};

/// Nothing but our own files; no inline script or style; forms only to ourselves; no frame.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const HEADERS: &[(HeaderName, &str)] = &[
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (header::VARY, "Cookie"),
];

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    frame: &'a Frame,
    title: &'a str,
    body: &'a str,
}

#[derive(Template)]
#[template(path = "bare.html")]
struct Bare<'a> {
    frame: &'a Frame,
    title: &'a str,
    body: &'a str,
}

#[derive(Template)]
#[template(path = "web/error.html")]
struct TroubleView<'a> {
    status: u16,
    code: &'a str,
    title: &'a str,
    detail: &'a str,
    request_id: &'a str,
    /// Where to go from here, and what the link says.
    lead: (&'a str, &'static str),
}

/// The page `view` in its frame. `title` is what the browser's tab says.
pub fn page(frame: &Frame, title: &str, view: &impl Template) -> Response {
    page_with(StatusCode::OK, frame, title, view)
}

/// The page with another status: 422 for a form with mistakes, 404 for nothing there.
pub fn page_with(status: StatusCode, frame: &Frame, title: &str, view: &impl Template) -> Response {
    let whole = view.render().and_then(|body| {
        Layout {
            frame,
            title,
            body: &body,
        }
        .render()
    });
    finish(status, frame, whole)
}

/// A page without navigation, for who is not signed in.
pub fn bare_page(status: StatusCode, frame: &Frame, title: &str, view: &impl Template) -> Response {
    let whole = view.render().and_then(|body| {
        Bare {
            frame,
            title,
            body: &body,
        }
        .render()
    });
    finish(status, frame, whole)
}

/// The page that says what went wrong and what to do: in the frame for who is signed in.
/// `request_id` is what to quote.
pub fn error_page(frame: &Frame, trouble: &Trouble, request_id: &str) -> Response {
    let title = error_title(trouble.status);
    let signed_in = frame.person.is_some();
    let misasked = matches!(
        trouble.code.as_ref(),
        "invalid_cursor" | "invalid_sort" | "invalid_filter" | "invalid_state"
    );
    let whole = frame.path.split('?').next().unwrap_or("/");
    let lead = if misasked && signed_in {
        (whole, "Show the whole list")
    } else if trouble.status.is_server_error() {
        (frame.path.as_str(), "Try again")
    } else if signed_in {
        ("/", "Home")
    } else {
        ("/sign-in", "Sign in")
    };
    let view = TroubleView {
        status: trouble.status.as_u16(),
        code: &trouble.code,
        title,
        detail: &trouble.detail,
        request_id,
        lead,
    };
    if signed_in {
        page_with(trouble.status, frame, title, &view)
    } else {
        bare_page(trouble.status, frame, title, &view)
    }
}

/// What is so, in a few words.
fn error_title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here",
        StatusCode::CONFLICT => "Not any more",
        StatusCode::PRECONDITION_FAILED => "Somebody changed it meanwhile",
        StatusCode::PAYLOAD_TOO_LARGE => "That is too much at once",
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => "This was not understood",
        StatusCode::TOO_MANY_REQUESTS => "Too much at once",
        StatusCode::SERVICE_UNAVAILABLE => "Stint is not ready",
        _ => "Something went wrong",
    }
}

fn finish(status: StatusCode, frame: &Frame, whole: askama::Result<String>) -> Response {
    let mut response = match whole {
        Ok(html) => {
            let mut response = Response::new(Body::from(html));
            *response.status_mut() = status;
            response
        }
        Err(error) => {
            tracing::error!(path = %frame.path, error = %error, "page.not_rendered");
            let mut response = Response::new(Body::from("This page could not be made.\n"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    let out = response.headers_mut();
    for (name, value) in HEADERS {
        out.insert(name.clone(), HeaderValue::from_static(value));
    }
    if frame.flash.is_some() {
        out.append(header::SET_COOKIE, Flash::clear());
    }
    response
}

/// 303 to `path`: what every POST that worked answers with.
pub fn go(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::try_from(local(path)).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, place);
    response
}

/// 303 to `path`, where `flash` is shown once.
pub fn go_with(path: &str, flash: &Flash) -> Response {
    let mut response = go(path);
    flash::attach(response.headers_mut(), flash);
    response
}

/// 303 to the sign-in page, which leads back to `target` afterwards.
pub fn to_sign_in(target: &str) -> Response {
    match local(target) {
        "/" => go("/sign-in"),
        place => go(&format!("/sign-in?back={}", cookies::encode(place))),
    }
}

/// `place`, from which one is led back to `back`; `place` has no query of its own.
pub fn leading_back(place: &str, back: &str) -> String {
    format!("{place}?back={}", cookies::encode(local(back)))
}

/// `path` if it is a place on this site, `/` otherwise: `//elsewhere` and `https:` are not.
pub fn local(path: &str) -> &str {
    let mut letters = path.chars();
    let sound = letters.next() == Some('/')
        && !matches!(letters.next(), Some('/' | '\\'))
        && path.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if sound { path } else { "/" }
}

/// The form of the theme switch.
#[derive(Debug, Deserialize)]
pub struct ThemeForm {
    theme: String,
    #[serde(default)]
    back: String,
}

/// Answers `POST /theme`: keeps the choice and returns to the page.
pub async fn set_theme(Form(form): Form<ThemeForm>) -> Response {
    let mut response = go(&form.back);
    if let Ok(cookie) = HeaderValue::try_from(Theme::parse(&form.theme).cookie()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The addresses of the frame itself: assets and the theme switch.
pub fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::ReadPublic,
            Method::GET,
            "/assets/{file}",
            super::assets::serve,
        )
        .page(Verb::ReadPublic, Method::POST, "/theme", set_theme)
        .merge(super::errors::routes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_this_site_are_returned_to() {
        assert_eq!(local("/requests/req_1?x=1"), "/requests/req_1?x=1");
        for outside in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "x",
            "/a b",
            "/\r\nx",
        ] {
            assert_eq!(local(outside), "/", "{outside:?}");
        }
    }

    #[test]
    fn a_page_carries_the_policy_and_clears_the_message() {
        let frame = Frame {
            flash: Some(Flash::done("Sent.")),
            ..Frame::default()
        };
        let trouble = Trouble {
            status: StatusCode::NOT_FOUND,
            code: "not_found".into(),
            detail: "It may have been there once.".into(),
        };
        let response = error_page(&frame, &trouble, "r1");
        assert_eq!(response.status(), 404);
        let headers = response.headers();
        assert_eq!(
            headers.get("content-security-policy").map(|v| v.as_bytes()),
            Some(CONTENT_POLICY.as_bytes())
        );
        assert!(!CONTENT_POLICY.contains("unsafe"));
        assert!(
            headers
                .get("set-cookie")
                .is_some_and(|v| v.to_str().is_ok_and(|v| v.contains("Max-Age=0")))
        );
    }
}
