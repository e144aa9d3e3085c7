//! Versions: who changes a thing says which version they saw.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use super::failure::{Failure, Kind};

/// The version in `If-Match: "7"`, if one was sent. `*` and nothing mean any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(Option<i64>);

impl IfMatch {
    /// The version the caller saw; none when they do not care.
    pub const fn version(self) -> Option<i64> {
        self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        text.strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok())
            .map(|version| Self(Some(version)))
            .ok_or_else(|| {
                Failure::new(
                    Kind::Invalid,
                    "invalid_if_match",
                    "If-Match is not a version. Send back the ETag you got with the thing, as \
                     it was: \"7\".",
                )
            })
    }
}

/// For the API's description: `params(…, IfMatch)`.
impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![described(
            "If-Match",
            "The `ETag` that came with the thing when it was read, as `\"7\"`. Refused with 412 \
             `stale` when it is at another version by now. Without it, or with `*`, the change is \
             made whatever the version.",
        )]
    }
}

/// A header a call may bring.
pub(super) fn described(name: &str, about: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// The answer with its version as `ETag`.
pub fn versioned(version: i64, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
