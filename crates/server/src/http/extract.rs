//! axum's extractors with our refusals, and [`Cx`] as an extractor.

use std::convert::Infallible;

use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, Kind};
use super::layers::RequestId;
use crate::cx::{Actor, App, Cx};

/// A JSON body, in or out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// The parameters in the path. What does not parse names nothing that exists: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The parameters after the question mark.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// The fields of an HTML form.
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

pub(super) fn invalid_body(status: StatusCode, why: &str) -> Failure {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Failure::of_status(status)
        }
        _ => Failure::new(
            Kind::Invalid,
            "invalid_body",
            format!(
                "The body is not what this call takes: {why}. Correct that field and send it again."
            ),
        ),
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(why) => Err(invalid_body(why.status(), &json_fault(&why))),
        }
    }
}

/// What serde says, without axum's words before it.
fn json_fault(why: &JsonRejection) -> String {
    use std::error::Error as _;
    let mut text = why.body_text();
    let mut next = why.source();
    while let Some(error) = next {
        text = error.to_string();
        next = error.source();
    }
    text
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Failure::not_found()),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|why: QueryRejection| {
                Failure::new(
                    Kind::Invalid,
                    "invalid_query",
                    format!(
                        "The part after the question mark is not what this address takes: {}.",
                        why.body_text()
                    ),
                )
            })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        axum::extract::Form::<T>::from_request(request, state)
            .await
            .map(|axum::extract::Form(value)| Self(value))
            .map_err(|why: FormRejection| invalid_body(why.status(), &why.body_text()))
    }
}

impl FromRequestParts<App> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let actor = parts
            .extensions
            .get::<Actor>()
            .cloned()
            .unwrap_or(Actor::Nobody);
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default();
        Ok(Self::new(app, actor, request_id))
    }
}
