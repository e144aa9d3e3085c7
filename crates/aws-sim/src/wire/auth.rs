//! The `Authorization` header, and what must hold of it whoever signed.

use super::signature::Signed;
use super::{ApiError, Incoming, Service};
use crate::clock;

/// What a signed request says about its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key: String,
    pub(crate) session_token: Option<String>,
    /// The region of the credential scope, whichever it is.
    pub(crate) region: String,
    /// `x-amz-date`, in microseconds.
    pub(crate) signed_at: i64,
    /// What the signature was made over.
    pub(crate) signed: Signed,
}

/// Reads `AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request,
/// SignedHeaders=…, Signature=…`. Any region will do: with a custom endpoint, clients sign
/// with their own (AWS reference §8 [M]).
pub(crate) fn authorization(
    service: Service,
    incoming: &Incoming<'_>,
) -> Result<Authorization, ApiError> {
    let header = |name: &str| {
        incoming
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let Some(text) = header("authorization").filter(|text| !text.is_empty()) else {
        return Err(ApiError::missing_authentication(service));
    };
    let incomplete = |message: String| ApiError::incomplete_signature(service, message);
    let Some(fields) = text.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(incomplete(format!("Unsupported algorithm: '{text}'")));
    };
    let field = |name: &str| {
        fields
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(known, value)| *known == name && !value.is_empty())
            .map(|(_, value)| value)
    };
    let mut missing = Vec::new();
    for name in ["Credential", "Signature", "SignedHeaders"] {
        if field(name).is_none() {
            missing.push(format!("Authorization header requires '{name}' parameter."));
        }
    }
    let Some(date) = header("x-amz-date") else {
        missing.push(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                .to_owned(),
        );
        return Err(incomplete(format!(
            "{} Authorization={text}",
            missing.join(" ")
        )));
    };
    if !missing.is_empty() {
        return Err(incomplete(format!(
            "{} Authorization={text}",
            missing.join(" ")
        )));
    }
    let signature = field("Signature").unwrap_or("");
    if signature.len() != 64 || !signature.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ApiError::signature_mismatch(service));
    }
    let credential = field("Credential").unwrap_or("");
    let scope: Vec<&str> = credential.split('/').collect();
    let [access_key, day, region, scoped_to, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        )));
    };
    let Some(signed_at) = clock::read_basic(date) else {
        return Err(incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )));
    };
    if date.get(..8) != Some(*day) {
        return Err(ApiError::bad_signature(
            service,
            format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != '{}', from '{date}'.",
                date.get(..8).unwrap_or("")
            ),
        ));
    }
    if service != Service::Nobody && *scoped_to != service.scope() {
        return Err(ApiError::bad_signature(
            service,
            format!(
                "Credential should be scoped to correct service: '{}'. ",
                service.scope()
            ),
        ));
    }
    let headers = field("SignedHeaders").unwrap_or("");
    if !headers.split(';').any(|name| name == "host") {
        return Err(ApiError::bad_signature(
            service,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ));
    }
    Ok(Authorization {
        access_key: (*access_key).to_owned(),
        region: (*region).to_owned(),
        session_token: header("x-amz-security-token").map(str::to_owned),
        signed_at,
        signed: Signed::of(incoming, date, [day, region, scoped_to], headers, signature),
    })
}
