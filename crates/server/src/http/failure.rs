//! One mapping from what went wrong to what is answered.

use std::borrow::Cow;
use std::error::Error;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::cx::Denied;

/// What kind of refusal or failure it is: decides the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 401: nobody is signed in, or the token is not good.
    Unauthenticated,
    /// 403: they may know of it, and not do it.
    Denied,
    /// 404: it does not exist, or they may not know that it does. The answer is the same,
    /// byte for byte, whatever the fault's own code and words.
    Invisible,
    /// 409: not in its present state.
    Conflict,
    /// 412: somebody else changed it since it was read.
    Stale,
    /// 422: a value is not acceptable.
    Invalid,
    /// 429: too many calls.
    TooMany,
    /// 503: not now; try again, or set it up first.
    NotReady,
    /// 500: our fault. Logged with its sources; the answer says nothing of them.
    Internal,
}

impl Kind {
    /// The status it is answered with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Invisible => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What an error of a room says about itself. One implementation per room.
pub trait Fault: Error + Send + Sync + 'static {
    /// Which kind it is.
    fn kind(&self) -> Kind;
    /// The stable word callers branch on (`self_approval`).
    fn code(&self) -> &'static str;
    /// What happened and what to do, for people.
    fn detail(&self) -> String;
}

impl Fault for Denied {
    fn kind(&self) -> Kind {
        match self {
            Self::NotSignedIn => Kind::Unauthenticated,
            Self::Forbidden(_) => Kind::Denied,
            Self::Invisible => Kind::Invisible,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "not_signed_in",
            Self::Forbidden(_) => "forbidden",
            Self::Invisible => NOT_FOUND.0,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotSignedIn => "Nobody is signed in. Sign in, or send a valid API token as \
                `Authorization: Bearer stint_pat_…`."
                .to_owned(),
            Self::Forbidden(verb) => {
                format!(
                    "You may not {}. Ask an administrator for the role it takes.",
                    verb.what()
                )
            }
            Self::Invisible => NOT_FOUND.1.to_owned(),
        }
    }
}

impl Fault for stint_db::Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Busy(_) | Self::Serialization(_) | Self::Unreachable(_) => Kind::NotReady,
            _ => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self.kind() {
            Kind::NotReady => "database_not_ready",
            _ => INTERNAL.0,
        }
    }

    fn detail(&self) -> String {
        match self.kind() {
            Kind::NotReady => "The database did not answer in time. Nothing was changed; try \
                again in a moment."
                .to_owned(),
            _ => INTERNAL.1.to_owned(),
        }
    }
}

/// Code and words of every 404.
pub(crate) const NOT_FOUND: (&str, &str) = (
    "not_found",
    "There is nothing here, or nothing you may see. Check the address, or ask whoever gave it \
     to you.",
);

/// Code and words of every 500.
pub(crate) const INTERNAL: (&str, &str) = (
    "internal",
    "Stint failed at this. It is in the server's log under this request id; try again, and \
     tell an administrator if it stays so.",
);

/// What is told about a failure: goes with the response until `layers` writes it out, as a
/// problem document below `/api` and as a page elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The status.
    pub status: StatusCode,
    /// The stable code.
    pub code: Cow<'static, str>,
    /// What happened, and what to do.
    pub detail: String,
}

impl Trouble {
    /// The status in words.
    pub fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// What is told when all that is known is a status.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, detail): (&'static str, &str) = match status {
            StatusCode::NOT_FOUND => NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED => (
                "method_not_allowed",
                "This address does not take that method. The API's description is at \
                 /api/v1/openapi.json.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "too_large",
                "The body is larger than 1 MiB. Send less at once.",
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "unsupported_media_type",
                "Send JSON with `Content-Type: application/json`.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => (
                "database_not_ready",
                "The database did not answer in time. Try again in a moment.",
            ),
            status if status.is_client_error() => (
                "bad_request",
                "The request could not be understood. Check how it is written.",
            ),
            _ => INTERNAL,
        };
        Self {
            status,
            code: code.into(),
            detail: detail.to_owned(),
        }
    }
}

/// What a handler returns when it cannot answer. Made from any [`Fault`] by `?`.
#[derive(Debug)]
pub struct Failure {
    trouble: Trouble,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure without an error value behind it.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        let trouble = match kind {
            Kind::Invisible => Trouble::of_status(StatusCode::NOT_FOUND),
            kind => Trouble {
                status: kind.status(),
                code: code.into(),
                detail: detail.into(),
            },
        };
        Self {
            trouble,
            source: None,
        }
    }

    /// The 404 of everything absent or invisible.
    pub fn not_found() -> Self {
        Self::new(Kind::Invisible, NOT_FOUND.0, NOT_FOUND.1)
    }

    /// Only a status is known.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        Self {
            trouble: Trouble::of_status(status),
            source: None,
        }
    }

    /// What will be told.
    pub const fn trouble(&self) -> &Trouble {
        &self.trouble
    }
}

impl<E: Fault> From<E> for Failure {
    fn from(fault: E) -> Self {
        let mut failure = Self::new(fault.kind(), fault.code(), fault.detail());
        failure.source = Some(Box::new(fault));
        failure
    }
}

/// An error and everything behind it, in one line for the log.
pub(crate) fn failure_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        line.push_str(": ");
        line.push_str(&error.to_string());
        next = error.source();
    }
    line
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.trouble.status.is_server_error() {
            let why = self
                .source
                .as_deref()
                .map(|error| failure_chain(error))
                .unwrap_or_default();
            tracing::error!(code = %self.trouble.code, error = %why, "http.failed");
        } else if let Some(error) = &self.source {
            tracing::debug!(code = %self.trouble.code, error = %failure_chain(error.as_ref()), "http.refused");
        }
        let mut response = self.trouble.status.into_response();
        response.extensions_mut().insert(self.trouble);
        response
    }
}
