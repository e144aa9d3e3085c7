//! Layers, failures, paging and versions, on handlers of their own.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stint_domain::{Clock, RequestId as RequestNo, Time};
use tower::ServiceExt as _;

use super::layers::around;
use super::*;
use crate::cx::IdSource;

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_micros(1_000_000)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("outer words")]
struct Teapot(#[source] std::io::Error);

impl Fault for Teapot {
    fn kind(&self) -> Kind {
        Kind::Conflict
    }
    fn code(&self) -> &'static str {
        "teapot"
    }
    fn detail(&self) -> String {
        "It is a teapot. Use the kettle.".into()
    }
}

/// A room that says more than it should about what may not be seen.
#[derive(Debug, thiserror::Error)]
#[error("hidden")]
struct Hidden;

impl Fault for Hidden {
    fn kind(&self) -> Kind {
        Kind::Invisible
    }
    fn code(&self) -> &'static str {
        "hidden_thing"
    }
    fn detail(&self) -> String {
        "There is such a thing, and you may not see it.".into()
    }
}

fn teapot() -> Failure {
    Teapot(std::io::Error::other("secret words")).into()
}

fn error_page(
    _: &axum::response::Response,
    trouble: &Trouble,
    request: &PageRequest,
) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let page = format!(
        "<h1>{} {} {}</h1>",
        trouble.code, request.request_id, request.target
    );
    (trouble.status, axum::response::Html(page)).into_response()
}

#[derive(serde::Deserialize)]
struct Input {
    n: u8,
}

fn router() -> Router {
    let inner = Router::new()
        .route("/api/conflict", get(|| async { Err::<(), _>(teapot()) }))
        .route("/page/conflict", get(|| async { Err::<(), _>(teapot()) }))
        .route(
            "/api/panic",
            get(async || if true { panic!("boom") } else { "" }),
        )
        .route(
            "/api/json",
            post(|Json(i): Json<Input>| async move { Json(json!({"n": i.n})) }),
        )
        .route(
            "/api/text",
            post(|body: String| async move { body.len().to_string() }),
        )
        .route(
            "/api/thing/{id}",
            get(|Path(id): Path<RequestNo>| async move { id.to_string() }),
        )
        .route(
            "/api/gone/{id}",
            get(|| async { Err::<(), _>(Failure::from(Hidden)) }),
        )
        .route(
            "/api/page",
            get(|p: Paging| async move { p.limit().to_string() }),
        )
        .route(
            "/api/version",
            get(|v: IfMatch| async move { format!("{:?}", v.version()) }),
        )
        .route("/api/big", get(|| async { "x".repeat(5_000) }))
        .fallback(|| async { Failure::not_found() });
    let ids = IdSource::seeded(Arc::new(Still), 1);
    around(inner, "https://stint.example.com", &ids, error_page)
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }
}

async fn send(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "stint.example.com");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = router().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Got {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

async fn see(path: &str) -> Got {
    send(Method::GET, path, &[("x-request-id", "r-1")], "").await
}

#[tokio::test]
async fn a_fault_is_a_problem_document_below_api_and_a_page_elsewhere() {
    let got = see("/api/conflict").await;
    assert_eq!(got.status, StatusCode::CONFLICT);
    assert_eq!(got.header("content-type"), "application/problem+json");
    assert_eq!(got.header("cache-control"), "no-store");
    assert_eq!(
        got.json(),
        json!({
            "type": "/docs/errors/teapot",
            "title": "Conflict",
            "status": 409,
            "code": "teapot",
            "detail": "It is a teapot. Use the kettle.",
            "request_id": "r-1",
        })
    );
    assert!(
        !got.body.contains("words"),
        "what is behind it stays in the log"
    );
    let got = see("/page/conflict?x=1").await;
    assert_eq!(got.status, StatusCode::CONFLICT);
    assert_eq!(got.body, "<h1>teapot r-1 /page/conflict?x=1</h1>");
}

#[tokio::test]
async fn invisible_absent_malformed_and_unknown_answer_alike_to_the_byte() {
    let invisible = see("/api/gone/1").await;
    assert_eq!(invisible.status, StatusCode::NOT_FOUND);
    for path in [
        "/api/thing/req_7",
        "/api/thing/x%20y",
        "/api/nowhere",
        "/api/",
        "/api",
    ] {
        let other = see(path).await;
        assert_eq!(
            (other.status, &other.body),
            (invisible.status, &invisible.body),
            "{path}"
        );
        assert_eq!(other.headers, invisible.headers, "{path}");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let got = see("/api/panic").await;
    assert_eq!(got.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(got.json()["code"], "internal");
    assert!(!got.body.contains("boom"), "{}", got.body);
}

#[tokio::test]
async fn bodies_are_refused_with_the_reason() {
    let json = [("content-type", "application/json")];
    let ok = send(Method::POST, "/api/json", &json, r#"{"n": 7}"#).await;
    assert_eq!((ok.status, ok.json()), (StatusCode::OK, json!({"n": 7})));
    for (body, expected) in [
        (r#"{"n": 700}"#, "invalid value: integer `700`, expected u8"),
        (r#"{"m": 7}"#, "missing field `n`"),
        ("{", "EOF"),
    ] {
        let got = send(Method::POST, "/api/json", &json, body).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(got.json()["code"], "invalid_body");
        let detail = got.json()["detail"].as_str().expect("a text").to_owned();
        assert!(detail.contains(expected), "{detail}");
    }
    let got = send(
        Method::POST,
        "/api/json",
        &[("content-type", "text/plain")],
        "{}",
    )
    .await;
    assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(got.json()["code"], "unsupported_media_type");
    let big = "x".repeat(1024 * 1024 + 1);
    for path in ["/api/json", "/api/text"] {
        let got = send(Method::POST, path, &json, &big).await;
        assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(got.json()["code"], "too_large");
    }
    let fits = send(Method::POST, "/api/text", &json, &"x".repeat(1024 * 1024)).await;
    assert_eq!(fits.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_method_says_which_there_are() {
    let got = send(Method::DELETE, "/api/json", &[], "").await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(got.json()["code"], "method_not_allowed");
    assert_eq!(got.header("allow"), "POST");
}

#[tokio::test]
async fn posts_from_other_sites_are_refused_and_programs_are_not() {
    let post = async |headers: &[(&str, &str)]| {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        send(Method::POST, "/api/json", &all, r#"{"n": 1}"#).await
    };
    for headers in [
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        let got = post(headers).await;
        assert_eq!(
            (got.status, got.json()["code"].as_str()),
            (StatusCode::FORBIDDEN, Some("cross_site"))
        );
    }
    for headers in [
        &[][..],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", "https://stint.example.com")],
    ] {
        assert_eq!(post(headers).await.status, StatusCode::OK, "{headers:?}");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_when_harmless_and_made_otherwise() {
    assert_eq!(see("/api/page").await.header("x-request-id"), "r-1");
    for bad in ["", "a b", "<script>", &"x".repeat(65)] {
        let got = send(Method::GET, "/api/conflict", &[("x-request-id", bad)], "").await;
        let id = got.header("x-request-id").to_owned();
        assert_eq!(id.len(), 32, "{bad}: {id}");
        assert_eq!(got.json()["request_id"], id);
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    for path in [
        "/api/page",
        "/api/conflict",
        "/page/conflict",
        "/nowhere",
        "/api/panic",
    ] {
        let got = see(path).await;
        let policy = got.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(got.header("x-frame-options"), "DENY", "{path}");
    }
}

#[tokio::test]
async fn what_is_worth_it_is_compressed() {
    let got = send(Method::GET, "/api/big", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(got.header("content-encoding"), "gzip");
    assert!(got.body.len() < 1_000);
}

#[tokio::test]
async fn limits_and_versions_are_checked() {
    assert_eq!(see("/api/page").await.body, "50");
    assert_eq!(see("/api/page?limit=200").await.body, "200");
    for bad in ["0", "-1", "201"] {
        let got = see(&format!("/api/page?limit={bad}")).await;
        assert_eq!(
            (got.status.as_u16(), got.json()["code"].as_str()),
            (422, Some("invalid_limit"))
        );
    }
    assert_eq!(
        see("/api/page?limit=many").await.json()["code"],
        "invalid_query"
    );
    let version =
        async |text: &str| send(Method::GET, "/api/version", &[("if-match", text)], "").await;
    assert_eq!(version("\"7\"").await.body, "Some(7)");
    assert_eq!(version("*").await.body, "None");
    assert_eq!(see("/api/version").await.body, "None");
    for bad in ["7", "\"x\"", "W/\"7\"", "\"1\", \"2\""] {
        assert_eq!(
            version(bad).await.json()["code"],
            "invalid_if_match",
            "{bad}"
        );
    }
    let tagged = versioned(7, Json(1));
    assert_eq!(tagged.headers().get("etag").expect("a tag"), "\"7\"");
}

#[test]
fn pages_follow_each_other_and_end() {
    let all: Vec<(String, i64)> = (0..7).map(|n| (format!("name {n}"), n)).collect();
    let mut cursor = None;
    let mut seen = Vec::new();
    for _ in 0..9 {
        let paging = Paging::after_cursor(3, cursor.take());
        let after: Option<(String, i64)> = paging.after().expect("our own cursor");
        let fetch = usize::try_from(paging.fetch()).expect("small");
        let rows: Vec<_> = all
            .iter()
            .filter(|row| after.as_ref().is_none_or(|a| *row > a))
            .take(fetch)
            .cloned()
            .collect();
        let page = paging.page(rows, Clone::clone);
        seen.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
    let exact = Paging::first(7).page(all.clone(), Clone::clone);
    assert_eq!((exact.items.len(), exact.next), (7, None));
}

#[test]
fn a_cursor_of_another_making_is_refused() {
    let paging = |text: &str| Paging::after_cursor(3, Some(text.to_owned()));
    for bad in ["x", "e30", "!!", "bnVsbA==", "WzEsMl0", &"A".repeat(10_000)] {
        assert_eq!(
            paging(bad).after::<(String, i64)>(),
            Err(BadCursor::Cursor),
            "{bad}"
        );
    }
    assert_eq!(paging("").after::<(String, i64)>(), Ok(None));
    assert_eq!(
        Failure::from(BadCursor::Cursor).trouble().status.as_u16(),
        422
    );
}

#[test]
fn an_order_and_a_filter_are_words_the_list_knows() {
    const KNOWN: &[&str] = &["name", "-name", "created"];
    assert_eq!(sorted(None, KNOWN), Ok("name"));
    assert_eq!(sorted(Some(" "), KNOWN), Ok("name"));
    assert_eq!(sorted(Some("-name"), KNOWN), Ok("-name"));
    assert_eq!(sorted(Some("-created"), KNOWN), Err(BadCursor::Sort(KNOWN)));
    assert_eq!(chosen("state", None, KNOWN), Ok(None));
    assert_eq!(chosen("state", Some("name"), KNOWN), Ok(Some("name")));
    let refused = chosen("state", Some("gone"), KNOWN).expect_err("no such word");
    assert_eq!(refused.code(), "invalid_filter");
    assert!(refused.detail().contains("`state`") && refused.detail().contains("`-name`"));
}

#[test]
fn a_cursor_is_good_for_its_own_order_only() {
    let page = Paging::first(1).page_in("name", vec!["a", "b"], |row| (*row).to_owned());
    let next = Paging::after_cursor(1, page.next);
    assert_eq!(next.after_in::<String>("name"), Ok(Some("a".to_owned())));
    assert_eq!(next.after_in::<String>("-name"), Err(BadCursor::Cursor));
}

#[test]
fn what_people_type_is_no_pattern() {
    assert_eq!(like(" 100%_A\\  b"), r"%100\%\_a\\%b%");
    assert_eq!(like(""), "%");
}
