//! The wire: what comes in, what goes out, in AWS's protocols.
//!
//! awsQuery (a form in, XML out) for STS and IAM; rest-json without a signature for a person's
//! sign-in and the access portal (AWS reference §11 [M]); the console's federation endpoint, a form
//! without a signature (§1.6); SCIM behind a bearer token (§1.7); awsJson1.0 for SQS (§1.8 [M]), awsJson1.1 for the rest (§1.0 [M]).
//! Nothing here knows what an operation does.

mod auth;
mod base64;
mod error;
mod json;
mod query;
mod rest;
mod scim;
mod signature;
mod token;
mod xml;

pub(crate) use auth::{Authorization, authorization};
pub(crate) use base64::{STANDARD, URL_SAFE, base64};
pub(crate) use error::ApiError;
pub(crate) use json::{Input, Shape, member_name};
pub(crate) use query::escape;
pub(crate) use query::{form, form_decode, percent_decode};
pub(crate) use rest::is_operation as is_rest_operation;
pub(crate) use scim::is_path as is_scim_path;
pub(crate) use signature::percent_encode;
pub(crate) use token::Pager;
pub(crate) use xml::Xml;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::clock;

/// A service of AWS, as far as the simulator knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Sts,
    Iam,
    Organizations,
    Sso,
    IdentityStore,
    /// Queues.
    Sqs,
    /// Where a person's client gets its token.
    SsoOidc,
    /// The access portal, as a person's client sees it.
    Portal,
    /// The console's federation endpoint.
    Signin,
    /// Where an identity provider's people and groups come in.
    Scim,
    /// Spoken to in JSON, but nobody lives there.
    Nobody,
}

impl Service {
    /// The name in credential scopes and in policies.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::Organizations => "organizations",
            Service::Sso => "sso",
            Service::IdentityStore => "identitystore",
            Service::Sqs => "sqs",
            Service::SsoOidc => "sso-oidc",
            // Policies and credential scopes know no such service: nothing of it is signed.
            Service::Portal => "portal",
            Service::Signin => "signin",
            Service::Scim => "identitystore-scim",
            Service::Nobody => "unknown",
        }
    }

    pub(crate) fn is_query(self) -> bool {
        matches!(self, Service::Sts | Service::Iam)
    }

    /// Whether its requests carry no signature.
    pub(crate) fn is_unsigned(self) -> bool {
        matches!(
            self,
            Service::SsoOidc | Service::Portal | Service::Signin | Service::Scim
        )
    }

    fn content_type(self) -> &'static str {
        match self {
            Service::Sts | Service::Iam => "text/xml",
            Service::SsoOidc | Service::Portal | Service::Signin | Service::Scim => {
                "application/json"
            }
            Service::Sqs => "application/x-amz-json-1.0",
            Service::Organizations | Service::Sso | Service::IdentityStore | Service::Nobody => {
                "application/x-amz-json-1.1"
            }
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            _ => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }

    fn by_target(prefix: &str) -> Service {
        match prefix {
            "AWSOrganizationsV20161128" => Service::Organizations,
            "SWBExternalService" => Service::Sso,
            "AWSIdentityStore" => Service::IdentityStore,
            "AmazonSQS" => Service::Sqs,
            _ => Service::Nobody,
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// With `host`, whatever the protocol's version.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// A request as it was understood, before anybody looked at who asks.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    /// An object; for forms, an object of texts.
    pub(crate) input: Value,
    pub(crate) authorization: Result<Authorization, ApiError>,
    /// The token a person's client shows to the portal, or an identity provider's to SCIM.
    pub(crate) bearer: Option<String>,
    /// The address the caller reached: `http://127.0.0.1:8481`.
    pub(crate) base: String,
    /// Something that makes the request unreadable whoever asks.
    pub(crate) broken: Option<ApiError>,
}

impl Call {
    /// `sso:CreateAccountAssignment`
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service.scope(), self.operation)
    }

    pub(crate) fn read(incoming: &Incoming<'_>) -> Call {
        let body = incoming.body;
        let header = |name: &str| {
            incoming
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let target = header("x-amz-target");
        let rest = rest::operation(incoming.method, incoming.path);
        let federation = rest::federation(incoming);
        let scim = scim::call(incoming).map(|(name, input)| (Service::Scim, name, input));
        let federation = scim.or(federation);
        let (service, operation, input, broken) = match (federation, rest, target) {
            (Some((service, operation, input)), ..) => (service, operation, input, None),
            (None, Some((service, operation)), _) => {
                let (input, broken) = rest::input(service, incoming);
                (service, operation.to_owned(), input, broken)
            }
            (None, None, Some(target)) => {
                let (prefix, operation) = target.split_once('.').unwrap_or(("", target));
                let service = Service::by_target(prefix);
                let (input, broken) = match serde_json::from_slice::<Value>(body) {
                    _ if body.is_empty() => (Value::Object(serde_json::Map::new()), None),
                    Ok(Value::Object(members)) => (Value::Object(members), None),
                    _ => (
                        Value::Object(serde_json::Map::new()),
                        Some(ApiError::serialization()),
                    ),
                };
                (service, operation.to_owned(), input, broken)
            }
            (None, None, None) => {
                let members = form_decode(body);
                let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or("");
                let service = match text("Version") {
                    "2010-05-08" => Service::Iam,
                    _ => Service::Sts,
                };
                let operation = text("Action").to_owned();
                let broken = operation.is_empty().then(ApiError::missing_action);
                (service, operation, Value::Object(members), broken)
            }
        };
        let authorization = authorization(service, incoming);
        Call {
            service,
            operation,
            input,
            authorization,
            bearer: match service {
                Service::Scim => header("authorization").and_then(scim::bearer),
                _ => header("x-amz-sso_bearer_token"),
            }
            .map(str::to_owned),
            base: rest::base(header("host").unwrap_or("localhost")),
            broken,
        }
    }
}

/// What an operation answers with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// An awsJson output.
    Json(Value),
    /// The same, written already.
    Text(String),
    /// The inside of an awsQuery `…Result`, or nothing for operations without output.
    Xml(Option<String>),
}

/// A finished response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    /// Where the browser goes, or the header of protocols that name an error there.
    pub(crate) header: Option<(&'static str, String)>,
    pub(crate) request_id: String,
    /// The `Date` header, by the clock the request was judged by.
    pub(crate) date: String,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn of(
        call: &Call,
        result: &mut Result<Answer, ApiError>,
        request_id: &str,
        at: i64,
    ) -> Reply {
        let (status, body) = match result {
            // Long ones are not copied.
            Ok(Answer::Text(text)) => (200, std::mem::take(text)),
            // The way on.
            Ok(Answer::Json(Value::String(_))) if call.service == Service::Signin => {
                (302, String::new())
            }
            Ok(Answer::Json(value)) if call.service == Service::Scim => {
                let status = scim::status(&call.operation);
                let body = (!value.is_null()).then(|| value.to_string());
                (status, body.unwrap_or_default())
            }
            // An operation without output.
            Ok(Answer::Json(Value::Null)) => (200, String::new()),
            Ok(Answer::Json(value)) => (200, value.to_string()),
            Ok(Answer::Xml(inside)) => (200, query::response(call, inside.as_deref(), request_id)),
            Err(error) if call.service.is_query() => {
                (error.status, query::error(call, error, request_id))
            }
            Err(error) if call.service == Service::Signin => {
                (error.status, format!("{}\n", error.message))
            }
            Err(error) if call.service == Service::Scim => {
                (error.status, scim::error(error, request_id, at))
            }
            Err(error) if call.service.is_unsigned() => {
                (error.status, rest::error(call.service, error))
            }
            Err(error) if call.service == Service::Sqs => (error.status, error.json_of_sqs()),
            Err(error) => (error.status, error.json(request_id)),
        };
        let header = match result {
            Ok(Answer::Json(Value::String(to))) if call.service == Service::Signin => {
                Some(("location", to.clone()))
            }
            Err(_) if call.service == Service::Signin => None,
            // [K]
            Err(error) if call.service == Service::Scim => {
                Some(("x-amzn-errortype", error.code.clone()))
            }
            Err(error) if call.service.is_unsigned() => {
                Some(("x-amzn-errortype", rest::error_type(call.service, error)))
            }
            Err(error) if call.service == Service::Sqs => {
                Some(("x-amzn-query-error", error.query_error()))
            }
            _ => None,
        };
        Reply {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            content_type: match result {
                Err(_) if call.service == Service::Signin => "text/plain; charset=utf-8",
                _ => call.service.content_type(),
            },
            header,
            request_id: request_id.to_owned(),
            date: clock::http_date(at),
            body: Bytes::from(body),
        }
    }

    pub(crate) fn into_http<B: From<Bytes>>(self) -> http::Response<B> {
        let mut response = http::Response::new(B::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static(self.content_type),
        );
        let told = [("x-amzn-requestid", &self.request_id), ("date", &self.date)];
        let kind = self.header.as_ref();
        for (name, text) in told
            .into_iter()
            .chain(kind.map(|(name, text)| (*name, text)))
        {
            if let Ok(value) = http::HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
        response
    }
}
