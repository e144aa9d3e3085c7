//! Calls that may be repeated without repeating their effect.
//!
//! A caller sends `Idempotency-Key`; the key belongs to that actor and that address for 24
//! hours. The same key with the same body gets the first answer again; with another body it
//! is refused. Inside the verb's own transaction the key is marked done, so that whether
//! the effect happened and whether the key says so cannot differ, whatever dies when.
//!
//! Not for calls whose answer is a secret: answers are stored.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stint_db::Priority;
use stint_domain::{Span, Time};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;

use super::extract::invalid_body;
use super::failure::{Failure, Kind};
use super::store::{self, Answer, Key};
use crate::cx::{App, Cx};
use crate::tasks::{Ran, Task, TaskError};

/// How long a key is remembered.
const KEPT: Span = Span::hours(24);
/// How long a call may be under way before another with its key may try again.
const UNDER_WAY: Span = Span::seconds(60);

/// A JSON body, and the key under which the call may be repeated, if one was sent. The last
/// argument of a handler.
pub struct Idempotent<T> {
    key: Option<String>,
    route: String,
    hash: [u8; 32],
    input: T,
}

/// For the API's description: `params(IdempotencyKey)` on whatever takes [`Idempotent`].
pub struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![super::versions::described(
            "Idempotency-Key",
            "1 to 200 characters, fresh for every call that is meant. The same key with the same \
             body gets the first answer again for 24 hours; with another body it is refused.",
        )]
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > 200 {
        return Err(Failure::new(
            Kind::Invalid,
            "invalid_idempotency_key",
            "Idempotency-Key has to be 1 to 200 characters of ASCII. A fresh UUID per call does.",
        ));
    }
    Ok(Some(key.to_owned()))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Idempotent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let key = key_of(request.headers())?;
        let route = format!("{} {}", request.method(), request.uri().path());
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/json"));
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|why| invalid_body(why.status(), &why.body_text()))?;
        // A verb without input may be called with no body at all.
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        if !json && !bytes.is_empty() {
            return Err(Failure::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let input = serde_json::from_slice(text)
            .map_err(|why| invalid_body(StatusCode::UNPROCESSABLE_ENTITY, &why.to_string()))?;
        Ok(Self {
            key,
            route,
            hash: hash(text),
            input,
        })
    }
}

enum Claim {
    Mine(Uuid),
    Replay(Answer),
}

impl<T> Idempotent<T> {
    /// The body, for a handler that does not mind being repeated.
    pub fn into_input(self) -> T {
        self.input
    }

    /// Runs the call, or answers as the first one with the same key was answered.
    ///
    /// `call` gets a `Cx` whose first transaction carries the key: use that one.
    pub async fn run<F, Fut, R>(self, cx: Cx, call: F) -> Result<Response, Failure>
    where
        F: FnOnce(Cx, T) -> Fut,
        Fut: Future<Output = Result<R, Failure>>,
        R: IntoResponse,
    {
        let (Some(key), Some(user)) = (&self.key, cx.actor.user()) else {
            return call(cx, self.input).await.map(IntoResponse::into_response);
        };
        let actor = user.to_string();
        let key = Key {
            actor: &actor,
            route: &self.route,
            key,
            body_hash: self.hash,
        };
        let app = cx.app.clone();
        let id = match stint_db::retrying(|| claim(&app, &key)).await?? {
            Claim::Replay(kept) => return Ok(replay(kept)),
            Claim::Mine(id) => id,
        };
        match call(cx.with_claim(&store::MARK_DONE, id), self.input).await {
            Ok(answer) => keep(&app, id, answer.into_response()).await,
            Err(failure) => {
                let mut tx = app.db.begin(Priority::Interactive).await?;
                store::release(&mut tx, id).await?;
                tx.commit().await?;
                Err(failure)
            }
        }
    }
}

async fn claim(app: &App, key: &Key<'_>) -> stint_db::Result<Result<Claim, Failure>> {
    let now = app.wall.now();
    let mut tx = app.db.begin(Priority::Interactive).await?;
    let id: Uuid = app.new_id();
    if store::claim(&mut tx, id, key, now).await? {
        tx.commit().await?;
        return Ok(Ok(Claim::Mine(id)));
    }
    let Some(found) = store::found(&mut tx, key).await? else {
        // Released between the two statements: as if it had never been.
        return Ok(Err(in_progress()));
    };
    let stale = found.begun_at + KEPT <= now;
    if !stale && found.body_hash != key.body_hash {
        return Ok(Err(Failure::new(
            Kind::Invalid,
            "idempotency_key_reused",
            "This Idempotency-Key was sent before with another body. Use a fresh key for \
             another call.",
        )));
    }
    if !stale {
        if let Some(kept) = found.answer {
            return Ok(Ok(Claim::Replay(kept)));
        }
        if found.state == "done" && found.begun_at + UNDER_WAY <= now {
            return Ok(Err(Failure::new(
                Kind::Conflict,
                "idempotency_answer_lost",
                "The call with this Idempotency-Key was carried out, but its answer was lost. \
                 Do not repeat it; look at the list to see what it made.",
            )));
        }
        if found.begun_at + UNDER_WAY > now {
            return Ok(Err(in_progress()));
        }
    }
    store::take_over(&mut tx, found.id, id, key, now).await?;
    tx.commit().await?;
    Ok(Ok(Claim::Mine(id)))
}

fn in_progress() -> Failure {
    Failure::new(
        Kind::Conflict,
        "idempotency_in_progress",
        "A call with this Idempotency-Key is under way. Wait a moment and repeat this one.",
    )
}

/// The headers that belong to an answer and are kept with it.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

async fn keep(app: &App, id: Uuid, response: Response) -> Result<Response, Failure> {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_| Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    let headers: Value = KEPT_HEADERS
        .iter()
        .filter_map(|name| {
            Some(json!([
                name.as_str(),
                parts.headers.get(name)?.to_str().ok()?
            ]))
        })
        .collect();
    let kept = Answer {
        status: i64::from(parts.status.as_u16()),
        headers,
        body: body.to_vec(),
    };
    let mut tx = app.db.begin(Priority::Interactive).await?;
    store::answer(&mut tx, id, kept).await?;
    tx.commit().await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(kept: Answer) -> Response {
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = u16::try_from(kept.status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    for pair in kept.headers.as_array().into_iter().flatten() {
        let text = |i: usize| pair.get(i).and_then(Value::as_str).unwrap_or_default();
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(text(0)),
            HeaderValue::try_from(text(1)),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

/// The task that forgets keys whose time is over.
#[derive(Debug, Clone, Copy)]
pub struct Forget;

#[async_trait::async_trait]
impl Task for Forget {
    fn name(&self) -> &'static str {
        "http.forget_idempotency_keys"
    }

    fn period(&self) -> Span {
        Span::hours(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let before: Time = app.wall.now() - KEPT;
        let mut tx = app.db.begin(Priority::Sync).await?;
        store::purge(&mut tx, before).await?;
        tx.commit().await?;
        Ok(Ran::idle())
    }
}
