//! rest-json, as a person's sign-in and the access portal speak it: methods and paths instead
//! of a target, no signature, and errors that name themselves in a header (AWS reference §11
//! [M]; header and bodies as clients logged them [R]).

use serde_json::{Map, Value, json};

use super::query::{form_decode, percent_decode};
use super::{ApiError, Incoming, Service};

/// Method, path, and what they ask for.
const OPERATIONS: &[(&str, &str, Service, &str)] = &[
    (
        "POST",
        "/client/register",
        Service::SsoOidc,
        "RegisterClient",
    ),
    (
        "POST",
        "/device_authorization",
        Service::SsoOidc,
        "StartDeviceAuthorization",
    ),
    ("POST", "/token", Service::SsoOidc, "CreateToken"),
    (
        "GET",
        "/assignment/accounts",
        Service::Portal,
        "ListAccounts",
    ),
    (
        "GET",
        "/assignment/roles",
        Service::Portal,
        "ListAccountRoles",
    ),
    (
        "GET",
        "/federation/credentials",
        Service::Portal,
        "GetRoleCredentials",
    ),
    ("POST", "/logout", Service::Portal, "Logout"),
];

/// The names the portal's parameters have in the query, and as members.
const PARAMETERS: &[(&str, &str)] = &[
    ("account_id", "accountId"),
    ("role_name", "roleName"),
    ("max_result", "maxResults"),
    ("next_token", "nextToken"),
];

/// Where the federation endpoint is, and what its actions are called.
const FEDERATION: &str = "/federation";
const ACTIONS: &[(&str, &str)] = &[
    ("getSigninToken", "GetSigninToken"),
    ("login", "ConsoleLogin"),
];

/// What the federation endpoint is asked for, if this is for it.
pub(super) fn federation(incoming: &Incoming<'_>) -> Option<(Service, String, Value)> {
    if incoming.path != FEDERATION {
        return None;
    }
    let mut members = form_decode(incoming.query.as_bytes());
    if incoming.method == "POST" {
        members.extend(form_decode(incoming.body));
    }
    let action = members.remove("Action");
    let action = action.as_ref().and_then(Value::as_str).unwrap_or_default();
    let mut known = ACTIONS.iter().filter(|(name, _)| *name == action);
    let name = known.next().map_or(action, |(_, name)| *name);
    Some((Service::Signin, name.to_owned(), Value::Object(members)))
}

pub(super) fn operation(method: &str, path: &str) -> Option<(Service, &'static str)> {
    let mut all = OPERATIONS.iter();
    let found = all.find(|(by, at, _, _)| *by == method && *at == path);
    found.map(|(_, _, service, name)| (*service, *name))
}

/// Whether this asks for an operation that goes by its path.
pub(crate) fn is_operation(method: &str, path: &str) -> bool {
    operation(method, path).is_some() || (path == FEDERATION && ["GET", "POST"].contains(&method))
}

/// The members of an input, from the body or, for the portal, from the query; of those that
/// are null, none.
pub(super) fn input(service: Service, incoming: &Incoming<'_>) -> (Value, Option<ApiError>) {
    if service == Service::Portal {
        return (Value::Object(parameters(incoming.query)), None);
    }
    match serde_json::from_slice::<Value>(incoming.body) {
        _ if incoming.body.is_empty() => (json!({}), None),
        Ok(Value::Object(members)) => (Value::Object(members), None),
        _ => {
            let broken = ApiError::validation(service, "The request body is not a JSON object.");
            (json!({}), Some(broken))
        }
    }
}

fn parameters(query: &str) -> Map<String, Value> {
    let mut members = Map::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut known = PARAMETERS.iter().filter(|(short, _)| *short == name);
        if let Some((_, member)) = known.next() {
            let value = percent_decode(value.as_bytes());
            let number = value
                .parse::<i64>()
                .ok()
                .filter(|_| *member == "maxResults");
            members.insert(
                (*member).to_owned(),
                number.map_or(json!(value), Value::from),
            );
        }
    }
    members
}

/// The address a caller reached, by the host it asked for: AWS's own names are behind TLS.
pub(super) fn base(host: &str) -> String {
    let scheme = if host.ends_with(".amazonaws.com") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{host}")
}

/// `AuthorizationPendingException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/`
pub(super) fn error_type(service: Service, error: &ApiError) -> String {
    let home = match service {
        Service::SsoOidc => "com.amazonaws.sso.oidc",
        _ => "com.amazonaws.switchboard.portal",
    };
    format!("{}:http://internal.amazon.com/coral/{home}/", error.code)
}

pub(super) fn error(service: Service, error: &ApiError) -> String {
    let body = match service {
        Service::SsoOidc => json!({
            "error": oauth(&error.code),
            "error_description": error.message,
        }),
        _ => json!({
            "message": error.message,
            "__type": format!("com.amazonaws.switchboard.portal#{}", error.code),
        }),
    };
    body.to_string()
}

/// The name OAuth has for an error: `AuthorizationPendingException` is `authorization_pending`.
fn oauth(code: &str) -> String {
    let name = code.strip_suffix("Exception").unwrap_or(code);
    if name == "InternalServer" {
        return "server_error".to_owned();
    }
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
