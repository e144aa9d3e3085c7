//! The way in: requests through the real router, without a socket.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tower::ServiceExt as _;

/// Sends requests as somebody, or as nobody. Made by [`World::as_user`](crate::World::as_user)
/// and its kind.
#[derive(Clone)]
pub struct Door {
    router: Router,
    token: Option<SecretString>,
    headers: HeaderMap,
    peer: SocketAddr,
}

impl Door {
    pub(crate) fn new(router: Router, token: Option<SecretString>) -> Self {
        Self {
            router,
            token,
            headers: HeaderMap::new(),
            peer: SocketAddr::from(([127, 0, 0, 1], 55_555)),
        }
    }

    /// With another header on every request.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::try_from(value).expect("a header value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// From another address than this machine's.
    #[must_use]
    pub fn at_address(mut self, address: &str) -> Self {
        let address = address.parse().expect("an address");
        self.peer = SocketAddr::new(address, 55_555);
        self
    }

    /// With an `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// With the version that was seen, as `If-Match`.
    #[must_use]
    pub fn if_match(self, version: i64) -> Self {
        self.with("if-match", &format!("\"{version}\""))
    }

    /// With a cookie, as a browser on one of Stint's own pages.
    #[must_use]
    pub fn browser(mut self, set_cookie: &HeaderValue) -> Self {
        let text = set_cookie.to_str().expect("a cookie in ASCII");
        let pair = text.split(';').next().unwrap_or_default();
        self.token = None;
        self.with("cookie", pair)
            .with("sec-fetch-site", "same-origin")
    }

    /// With one more cookie (`name=value`) beside those it has.
    #[must_use]
    pub fn also_cookie(&self, pair: &str) -> Self {
        let had = self.headers.get(header::COOKIE);
        let had = had
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let both = if had.is_empty() {
            pair.to_owned()
        } else {
            format!("{had}; {pair}")
        };
        self.clone().with("cookie", &both)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Any method with a JSON body or none.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::new(match &body {
            Some(json) => Body::from(json.to_string()),
            None => Body::empty(),
        });
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        self.raw(request).await
    }

    /// POST of an HTML form, as a browser sends it.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| {
            text.bytes()
                .map(|b| match b {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                        char::from(b).to_string()
                    }
                    b => format!("%{b:02X}"),
                })
                .collect::<String>()
        };
        let body: Vec<String> = fields
            .iter()
            .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
            .collect();
        let mut request = Request::new(Body::from(body.join("&")));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().expect("a path");
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form);
        self.raw(request).await
    }

    /// A request made by hand. Host, the caller's token, cookies and peer are added.
    pub async fn raw(&self, mut request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let headers = request.headers_mut();
        headers
            .entry(header::HOST)
            .or_insert(HeaderValue::from_static("stint.test"));
        if let Some(token) = &self.token {
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                .expect("a token is ASCII");
            headers.insert(header::AUTHORIZATION, value);
        }
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the whole body").to_bytes();
        Answer {
            what,
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    what: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when there is none.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|why| {
            panic!("{} did not answer JSON ({why}): {}", self.what, self.text())
        })
    }

    /// Expects a success; gives the JSON.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(
            self.status.is_success(),
            "{} answered {}: {}",
            self.what,
            self.status,
            self.text()
        );
        self.json()
    }

    /// Expects this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{} answered: {}",
            self.what,
            self.text()
        );
        self
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Expects this refusal: status and stable code. Gives the problem.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        let kind = self.header("content-type");
        assert_eq!(
            (self.status.as_u16(), kind.as_str(), self.code().as_str()),
            (status, "application/problem+json", code),
            "{} answered: {}",
            self.what,
            self.text()
        );
        self.json()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    }

    /// The version in the `ETag`.
    pub fn version(&self) -> Option<i64> {
        self.header("etag").trim_matches('"').parse().ok()
    }
}
