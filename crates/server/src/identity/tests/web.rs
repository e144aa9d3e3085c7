//! The room through the whole router.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stint_domain::Span;
use stint_domain::rights::Role;
use tower::ServiceExt as _;

use super::super::{self as identity, NewToken, NewUser, PERSONAS, User};
use super::fixture::{PASSWORD, Room};
use crate::cx::Config;

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().expect("a problem").to_owned()
    }

    fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().expect("ascii");
        set.split(';').next().expect("a pair").to_owned()
    }
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    Answer {
        status: parts.status,
        headers: parts.headers,
        text,
    }
}

async fn call(room: &Room, request: Request<Body>) -> Answer {
    let router = crate::router(room.app.clone());
    read(router.oneshot(request).await.expect("infallible")).await
}

fn request(
    method: Method,
    path: &str,
    who: Option<(header::HeaderName, &str)>,
) -> http::request::Builder {
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:8480")
        .header("x-request-id", "the-same");
    match who {
        Some((name, value)) => builder.header(name, value),
        None => builder,
    }
}

async fn get(room: &Room, path: &str, who: Option<(header::HeaderName, &str)>) -> Answer {
    let request = request(Method::GET, path, who).body(Body::empty());
    call(room, request.expect("a request")).await
}

async fn post(
    room: &Room,
    path: &str,
    who: Option<(header::HeaderName, &str)>,
    body: Value,
) -> Answer {
    let request = request(Method::POST, path, who)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    call(room, request.expect("a request")).await
}

async fn sign_in(room: &Room, password: &str) -> Answer {
    let body = json!({ "email": "ana@example.com", "password": password });
    post(room, "/api/v1/sign-in", None, body).await
}

async fn bearer(room: &Room, user: &User) -> String {
    use secrecy::ExposeSecret as _;
    let new = NewToken {
        name: "t".into(),
        days: None,
    };
    let issued = identity::issue_token(&room.as_user(user), new)
        .await
        .expect("issued");
    format!("Bearer {}", issued.secret.expose_secret())
}

#[tokio::test]
async fn until_there_is_a_user_everything_says_what_to_type() {
    let room = Room::new().await;
    for who in [
        None,
        Some((
            header::COOKIE,
            "stint=0000000000000000000000000000000000000000000000000000",
        )),
    ] {
        for path in ["/api/v1/me", "/api/v1/users", "/api/v1/nothing/here"] {
            let answer = get(&room, path, who.clone()).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(answer.code(), "not_initialised");
            let detail = answer.json()["detail"]
                .as_str()
                .expect("a detail")
                .to_owned();
            assert!(detail.ends_with("type: stint users create-admin --email you@example.com"));
        }
        let page = get(&room, "/", who).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            page.text.contains("stint users create-admin --email"),
            "{}",
            page.text
        );
    }
    assert_eq!(get(&room, "/healthz", None).await.status, StatusCode::OK);
    assert_eq!(get(&room, "/readyz", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn one_signs_in_is_somebody_and_signs_out() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[Role::Auditor]).await;
    let nobody = get(&room, "/api/v1/me", None).await;
    assert_eq!(
        (nobody.status, nobody.code().as_str()),
        (StatusCode::UNAUTHORIZED, "not_signed_in")
    );

    let wrong = sign_in(&room, "not the password").await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (StatusCode::UNAUTHORIZED, "sign_in_refused")
    );
    let right = sign_in(&room, PASSWORD).await;
    assert_eq!(right.status, StatusCode::OK);
    assert_eq!(right.json()["user"]["id"], ana.id.to_string());
    assert!(!right.text.contains("password"));
    let cookie = right.cookie();
    let me = get(&room, "/api/v1/me", Some((header::COOKIE, &cookie)))
        .await
        .json();
    assert_eq!(
        (&me["user"]["email"], &me["via"]),
        (&json!("Ana@example.com"), &json!("page"))
    );
    assert_eq!(me["user"]["roles"], json!(["auditor"]));

    let out = post(
        &room,
        "/api/v1/sign-out",
        Some((header::COOKIE, &cookie)),
        json!({}),
    )
    .await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    let over = get(&room, "/api/v1/me", Some((header::COOKIE, &cookie))).await;
    assert_eq!(
        (over.status, over.code().as_str()),
        (StatusCode::UNAUTHORIZED, "sign_in_over")
    );
    // The API's own sign-in does not mind the dead cookie.
    let body = json!({ "email": "ana@example.com", "password": PASSWORD });
    let again = post(
        &room,
        "/api/v1/sign-in",
        Some((header::COOKIE, &cookie)),
        body,
    )
    .await;
    assert_eq!(again.status, StatusCode::OK);
    // A page takes the caller for nobody, and the browser forgets.
    let page = get(&room, "/sign-in", Some((header::COOKIE, &cookie))).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.headers[header::SET_COOKIE]
            .to_str()
            .expect("ascii")
            .contains("Max-Age=0")
    );
}

#[tokio::test]
async fn an_expired_sign_in_is_told_to_sign_in_again() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let cookie = sign_in(&room, PASSWORD).await.cookie();
    room.wall.forward(Span::hours(8));
    let over = get(&room, "/api/v1/me", Some((header::COOKIE, &cookie))).await;
    assert_eq!(
        (over.status, over.code().as_str()),
        (StatusCode::UNAUTHORIZED, "sign_in_over")
    );
    assert!(over.text.contains("Sign in again"));
}

#[tokio::test]
async fn who_is_locked_out_hears_how_long() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    for _ in 0..10 {
        assert_eq!(
            sign_in(&room, "wrong").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let locked = sign_in(&room, PASSWORD).await;
    assert_eq!(
        (locked.status, locked.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "locked_out")
    );
    assert_eq!(locked.headers[header::RETRY_AFTER], "61");
}

#[tokio::test]
async fn a_token_that_is_no_good_is_refused_and_not_taken_for_nobody() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    for path in ["/api/v1/me", "/api/v1/openapi.json"] {
        let answer = get(
            &room,
            path,
            Some((header::AUTHORIZATION, "Bearer stint_pat_x")),
        )
        .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "invalid_token")
        );
    }
}

#[tokio::test]
async fn a_secret_is_answered_once_and_never_kept_for_a_repeat() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let cookie = sign_in(&room, PASSWORD).await.cookie();
    let issue = async || {
        let request = request(
            Method::POST,
            "/api/v1/tokens",
            Some((header::COOKIE, &cookie)),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", "the same key")
        .body(Body::from(json!({ "name": "laptop" }).to_string()));
        call(&room, request.expect("a request")).await
    };
    let (one, two) = (issue().await, issue().await);
    assert_eq!(
        (one.status, two.status),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    let (one, two) = (one.json(), two.json());
    assert_ne!(one["secret"], two["secret"], "a repeat is another token");
    let list = format!("/api/v1/users/{}/tokens", room_user(&room).await);
    let listed = get(&room, &list, Some((header::COOKIE, &cookie))).await;
    assert_eq!(listed.json()["items"].as_array().expect("a list").len(), 2);
    for token in [&one, &two] {
        let secret = token["secret"].as_str().expect("a secret");
        assert!(!listed.text.contains(secret));
        assert!(!super::fixture::holds(&room.bytes(), secret.as_bytes()));
    }
}

async fn room_user(room: &Room) -> String {
    let mut reader = room.app.db.reader().await.expect("read");
    let user = identity::user_by_email(&mut reader, "ana@example.com")
        .await
        .expect("read");
    user.expect("ana").id.to_string()
}

#[tokio::test]
async fn somebody_invisible_answers_byte_for_byte_like_nobody() {
    let room = Room::new().await;
    let ana = room.user("Ana", &[]).await;
    let bo = room.user("Bo", &[]).await;
    let token = bearer(&room, &ana).await;
    let who = Some((header::AUTHORIZATION, token.as_str()));
    let hidden = get(&room, &format!("/api/v1/users/{}", bo.id), who.clone()).await;
    let absent = stint_domain::UserId(uuid::Uuid::from_u128(1));
    let missing = get(&room, &format!("/api/v1/users/{absent}"), who.clone()).await;
    let unrouted = get(&room, "/api/v1/unrouted", who).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    for other in [missing, unrouted] {
        assert_eq!((hidden.status, &hidden.text), (other.status, &other.text));
        assert_eq!(hidden.headers, other.headers);
    }
}

#[tokio::test]
async fn a_persona_signs_in_by_form_on_this_machine_only() {
    let room = Room::with(|app| {
        app.config = Arc::new(Config {
            demo: true,
            limits: crate::http::Limits::off(),
            ..(*app.config).clone()
        });
    })
    .await;
    let ana = NewUser {
        name: PERSONAS[0].name.into(),
        email: PERSONAS[0].email.into(),
        password: None,
        roles: vec![],
    };
    identity::create_user(&room.system(), ana)
        .await
        .expect("created");
    let ask = async |host: &str, peer: Option<[u8; 4]>| {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/demo/sign-in")
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from("persona=ana"))
            .expect("a request");
        if let Some(peer) = peer {
            request
                .extensions_mut()
                .insert(ConnectInfo(SocketAddr::from((peer, 4000))));
        }
        call(&room, request).await
    };
    let here = ask("127.0.0.1:8480", Some([127, 0, 0, 1])).await;
    assert_eq!(
        (here.status, &here.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/".parse().expect("a value"))
    );
    let cookie = here.cookie();
    let me = get(&room, "/api/v1/me", Some((header::COOKIE, &cookie)))
        .await
        .json();
    assert_eq!(me["user"]["name"], PERSONAS[0].name);
    for (host, peer) in [
        ("stint.example.com", Some([127, 0, 0, 1])),
        ("127.0.0.1:8480", Some([192, 0, 2, 1])),
        ("127.0.0.1:8480", None),
    ] {
        let refused = ask(host, peer).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{host} {peer:?}");
        assert!(!refused.headers.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn outside_the_demo_there_are_no_personas() {
    let room = Room::new().await;
    room.user("Ana", &[]).await;
    let ask = async |path: &str, body: &'static str| {
        let mut request = request(Method::POST, path, None)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))));
        call(&room, request).await
    };
    let other = ask("/demo/nothing", "").await;
    // The page's frame names the address one is at.
    let other = other
        .text
        .replace("/demo/nothing", "/demo/sign-in")
        .replace("%2Fdemo%2Fnothing", "%2Fdemo%2Fsign-in");
    for body in ["persona=ana", "", "%%%"] {
        let answer = ask("/demo/sign-in", body).await;
        assert_eq!(
            (answer.status, &answer.text),
            (StatusCode::NOT_FOUND, &other),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_user_is_created_changed_and_deactivated_over_the_api() {
    let room = Room::new().await;
    let cy = room.user("Cy", &[Role::SuperAdmin]).await;
    let token = bearer(&room, &cy).await;
    let who = || Some((header::AUTHORIZATION, token.as_str()));
    let body = json!({ "name": "Eve", "email": "eve@example.com", "password": "a password of eve's", "roles": ["helpdesk"] });
    let made = post(&room, "/api/v1/users", who(), body.clone()).await;
    assert_eq!(
        (made.status, &made.headers[header::ETAG]),
        (StatusCode::CREATED, &"\"1\"".parse().expect("a value"))
    );
    let taken = post(&room, "/api/v1/users", who(), body).await;
    assert_eq!(
        (taken.status, taken.code().as_str()),
        (StatusCode::CONFLICT, "email_taken")
    );
    let path = format!(
        "/api/v1/users/{}",
        made.json()["id"].as_str().expect("an id")
    );

    let change = async |etag: &str| {
        let request = request(Method::PATCH, &path, who())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::IF_MATCH, etag)
            .body(Body::from(json!({ "name": "Eva" }).to_string()));
        call(&room, request.expect("a request")).await
    };
    assert_eq!(change("\"1\"").await.json()["name"], "Eva");
    let stale = change("\"1\"").await;
    assert_eq!(
        (stale.status, stale.code().as_str()),
        (StatusCode::PRECONDITION_FAILED, "stale")
    );

    let unknown = json!({ "name": "X", "email": "x@example.com", "roles": ["root"] });
    let refused = post(&room, "/api/v1/users", who(), unknown).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid_role")
    );
    let gone = post(&room, &format!("{path}/deactivate"), who(), json!({})).await;
    assert_eq!(gone.json()["active"], false);
    let last = post(
        &room,
        &format!("/api/v1/users/{}/deactivate", cy.id),
        who(),
        json!({}),
    )
    .await;
    assert_eq!(
        (last.status, last.code().as_str()),
        (StatusCode::CONFLICT, "last_super_admin")
    );
}
