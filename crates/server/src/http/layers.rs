//! What lies around every handler: request ids, the log line, refusal of forged posts,
//! limits, security headers, and the writing out of failures.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{HeaderName, HeaderValue, header};
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tracing::Instrument as _;

use super::failure::{Failure, Kind, Trouble};
use crate::cx::IdSource;

/// The most bytes a body may have.
const BODY_LIMIT: usize = 1024 * 1024;

/// The id of a request: in its log lines, in answers, in audit events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How a failure outside the API is shown; `routes.rs` gives the pages' own.
pub(crate) type ErrorPage = fn(&Response, &Trouble, &PageRequest) -> Response;

/// What an error page may want to know of the request it answers.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    /// Its id.
    pub(crate) request_id: String,
    /// Path and query.
    pub(crate) target: String,
    /// Its method.
    pub(crate) method: http::Method,
    /// Its headers.
    pub(crate) headers: http::HeaderMap,
}

/// Puts everything around the router. `error_page` makes pages of failures.
pub(crate) fn around(
    router: Router,
    public_url: &str,
    ids: &IdSource,
    error_page: ErrorPage,
) -> Router {
    let csrf = CsrfLayer::new();
    // An unusable address was refused when the configuration was read; then only the Host
    // header is compared.
    let csrf = csrf.clone().add_trusted_origin(public_url).unwrap_or(csrf);
    let csrf = csrf.with_rejection_response(|_: ProtectionError| {
        Failure::new(
            Kind::Denied,
            "cross_site",
            "This was sent from another site's page, or through a proxy that changes Host or \
             Origin. Open Stint's own page and do it there; behind a proxy set `public_url`.",
        )
        .into_response()
    });
    // The first layer is the innermost.
    router
        .layer(from_fn(panic_safe))
        .layer(csrf)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(error_page, write_failures))
        .layer(from_fn(security_headers))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(ids.clone(), identify))
}

/// Gives the request its id and its place in the log.
async fn identify(State(ids): State<IdSource>, mut request: Request, next: Next) -> Response {
    let sent = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    // A caller's own id is kept when it can do no harm in a log.
    let fits = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let id = sent.filter(fits).map_or_else(
        || ids.new_id::<uuid::Uuid>().simple().to_string(),
        str::to_owned,
    );
    let span = tracing::info_span!(
        "http",
        request.id = %id,
        http.method = %request.method(),
        http.path = request.uri().path(),
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    async move {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        tracing::debug!(http.status = response.status().as_u16(), "http.answered");
        response
    }
    .instrument(span)
    .await
}

/// A handler that panics is a failure like another: 500, and the next request is served.
async fn panic_safe(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!(panic = %text, "http.panicked");
            Failure::of_status(http::StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
    }
}

/// Writes failures out, wherever they came from: handlers, extractors, layers, axum itself.
async fn write_failures(
    State(error_page): State<ErrorPage>,
    request: Request,
    next: Next,
) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let api = is_api(request.uri().path());
    let page = (!api).then(|| PageRequest {
        request_id: id.clone(),
        target: request
            .uri()
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        method: request.method().clone(),
        headers: request.headers().clone(),
    });
    let mut response = next.run(request).await;
    let trouble = match response.extensions_mut().remove::<Trouble>() {
        Some(trouble) => trouble,
        // axum's own refusals (no such method, body too large) come bare.
        None if (response.status().is_client_error() || response.status().is_server_error())
            && !has_own_body(&response) =>
        {
            Trouble::of_status(response.status())
        }
        None => return response,
    };
    match page {
        Some(page) => {
            let mut shown = error_page(&response, &trouble, &page);
            keep(&response, shown.headers_mut());
            shown
        }
        None => problem(&response, &trouble, id),
    }
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn has_own_body(response: &Response) -> bool {
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html") || kind.starts_with("application/"))
}

fn problem(response: &Response, trouble: &Trouble, request_id: String) -> Response {
    let body = stint_api::Problem {
        kind: format!("/docs/errors/{}", trouble.code),
        title: trouble.title().to_owned(),
        status: trouble.status.as_u16(),
        code: trouble.code.to_string(),
        detail: trouble.detail.clone(),
        request_id,
    };
    let mut written = (trouble.status, axum::Json(body)).into_response();
    let headers = written.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    keep(response, headers);
    if trouble.status == http::StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    written
}

/// What a refusal says in its headers, whatever it is written as: 405 which methods there
/// are, 429 and 503 when to come back, and how the caller's budget stands.
fn keep(response: &Response, headers: &mut http::HeaderMap) {
    let [policy, state] = &super::limits::HEADERS;
    for name in [&header::ALLOW, &header::RETRY_AFTER, policy, state] {
        if let Some(value) = response.headers().get(name) {
            headers.insert(name, value.clone());
        }
    }
}

/// No inline script or style, nothing from elsewhere, in no frame; answers are not cached
/// unless a handler says so. Pages set their own; this is for all the rest.
async fn security_headers(request: Request, next: Next) -> Response {
    let api = is_api(request.uri().path());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ));
    if api {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
