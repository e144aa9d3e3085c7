//! SCIM, as Identity Center's endpoint speaks it (AWS reference §1.7 [D]): paths below
//! `/<tenant>/scim/v2/`, a bearer token, JSON bodies, and errors in a body of their own
//! [R idp-scim-sync#30: its members; K: which of them stand in answers other than 400].

use serde_json::{Map, Value, json};

use super::query::{form_decode, percent_decode};
use super::{ApiError, Incoming};
use crate::clock;

/// Method, kind of resource, whether one is named, and what it asks for. What else there is in the
/// protocol, AWS does not support (AWS reference §1.7).
const OPERATIONS: &[(&str, &str, bool, &str)] = &[
    ("GET", "Users", false, "ListUsers"),
    ("POST", "Users", false, "CreateUser"),
    ("GET", "Users", true, "GetUser"),
    ("PUT", "Users", true, "PutUser"),
    ("PATCH", "Users", true, "PatchUser"),
    ("DELETE", "Users", true, "DeleteUser"),
    ("GET", "Groups", false, "ListGroups"),
    ("POST", "Groups", false, "CreateGroup"),
    ("GET", "Groups", true, "GetGroup"),
    ("PATCH", "Groups", true, "PatchGroup"),
    ("DELETE", "Groups", true, "DeleteGroup"),
    (
        "GET",
        "ServiceProviderConfig",
        false,
        "GetServiceProviderConfig",
    ),
    ("GET", "ResourceTypes", false, "ListResourceTypes"),
    ("GET", "Schemas", false, "ListSchemas"),
    ("GET", "Schemas", true, "GetSchema"),
];

/// Tenant and the rest of a path below the endpoint.
fn below(path: &str) -> Option<(&str, &str)> {
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    let rest = rest.strip_prefix("scim/v2")?;
    let rest = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix('/')?
    };
    Some((tenant, rest)).filter(|_| !tenant.is_empty())
}

/// Whether a path is the endpoint's, whatever is asked of it.
pub(crate) fn is_path(path: &str) -> bool {
    below(path).is_some()
}

/// What a request asks of the endpoint: the operation, and its path, query and body as members.
pub(super) fn call(incoming: &Incoming<'_>) -> Option<(String, Value)> {
    let (tenant, rest) = below(incoming.path)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (kind, id) = rest.split_once('/').unwrap_or((rest, ""));
    let (method, one) = (incoming.method, !id.is_empty());
    let known = OPERATIONS
        .iter()
        .find(|(by, of, named, _)| *by == method && *of == kind && *named == one);
    // Under a name nobody serves.
    let name = known.map_or_else(|| format!("{method} {kind}"), |(.., it)| (*it).to_owned());
    let mut input = Map::new();
    input.insert("tenantId".to_owned(), json!(tenant));
    if one {
        input.insert("id".to_owned(), json!(percent_decode(id.as_bytes())));
    }
    let query = form_decode(incoming.query.as_bytes());
    if !query.is_empty() {
        input.insert("query".to_owned(), Value::Object(query));
    }
    if !incoming.body.is_empty() {
        // What is no JSON is no object either, which is what every operation needs.
        let body = serde_json::from_slice(incoming.body).unwrap_or(Value::Null);
        input.insert("httpBody".to_owned(), body);
    }
    Some((name, Value::Object(input)))
}

/// The token a caller shows.
pub(super) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    Some(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

/// The status of an answer that is no error (AWS documentation: the examples of each operation;
/// 204 of a changed group [K]).
pub(super) fn status(operation: &str) -> u16 {
    match operation {
        "CreateUser" | "CreateGroup" => 201,
        "DeleteUser" | "DeleteGroup" | "PatchGroup" => 204,
        _ => 200,
    }
}

/// The body of an error [R idp-scim-sync#30: `schema`, not `schemas`].
pub(super) fn error(error: &ApiError, request_id: &str, at: i64) -> String {
    let body = json!({
        "schema": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": error.message,
        "status": error.status.to_string(),
        "exceptionRequestId": request_id,
        "timeStamp": clock::spaced(at),
    });
    body.to_string()
}
