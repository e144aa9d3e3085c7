//! What every operation's description has in common, said once: who may be asking, how it
//! can be refused, which headers go along.
//!
//! Handlers say what is their own in `#[utoipa::path(…)]` and mark refusals with `"4XX"`;
//! this writes the rest. What it does not do: describe a handler that says nothing.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use stint_api::Problem;
use stint_domain::rights::Verb;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::Server;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response,
    ResponseBuilder, Schema, Type,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::codes::CODES;
use super::routes::Recorded;

const BEARER: &str = "token";
const COOKIE: &str = "sign_in";

const ABOUT: &str = "AWS access for exactly as long as it is needed.

**Who is asking.** Send an API token as `Authorization: Bearer stint_pat_…`; people get one on \
their page, or by `stint login`. Browsers send the cookie of their sign-in.

**Values.** Ids are a prefix, `_`, and 26 characters (`req_…`). Times are RFC 3339 in UTC. \
Durations are whole seconds. A field this page does not know is refused in a body, and may come \
in an answer: ignore it.

**Lists.** `limit` says how many (1 to 200; 50 when absent). `next` of an answer is the `cursor` \
of the page after it; no `next`, no further page. A cursor belongs to its list, filters and order.

**Refusals** are `application/problem+json` (RFC 9457). Branch on `code`, which is stable; \
`detail` says what to do; `type` leads to the code's page. What a caller may not see answers 404 \
exactly as what does not exist.

**Changes.** What can be changed has a `version`, which comes as `ETag` too. Send it back as \
`If-Match`, and the change is refused with 412 `stale` when somebody else was faster.

**Repeats.** Where `Idempotency-Key` is listed, the same key with the same body gets the first \
answer again for 24 hours, and nothing is done twice.

**Limits.** Each token, each sign-in and each address has a budget a minute for reads, for writes \
and for tries to sign in; every answer carries `RateLimit-Policy` and `RateLimit`. Beyond it comes \
429 with `Retry-After`. Taking access away (revoke, cut off, return, deny, …) draws from no budget.";

/// What the tags of the handlers stand for. A test wants each used, and no other.
pub(super) const TAGS: &[(&str, &str)] = &[
    (
        "requests",
        "What one may ask for; asking, deciding, giving back.",
    ),
    ("grants", "Access that was given, and ending it."),
    (
        "catalogs",
        "Which entitlements may be asked for, by whom and how.",
    ),
    (
        "duties",
        "What one person should not hold together, and who does.",
    ),
    (
        "managed objects",
        "IAM users that Stint makes, locks out and deletes; rotation of access keys.",
    ),
    (
        "notices",
        "What Stint has to tell the caller, and what it is to tell.",
    ),
    ("policies", "Who has to approve what, in versions."),
    (
        "configuration",
        "Groups, policies, catalogs and access controls as files: planned, applied, exported.",
    ),
    (
        "connections",
        "Applications, and the AWS estates they reach.",
    ),
    (
        "directory",
        "What AWS holds: accounts, principals, entitlements, assignments; whose principals are whose.",
    ),
    ("identity", "Sign-in, users, groups, roles, API tokens."),
    ("audit", "The hash-chained log of everything that was done."),
    ("description", "This description."),
];

/// The refusals there are: name in the description, status, when.
const REFUSALS: &[(&str, u16, &str)] = &[
    ("BadRequest", 400, "The request could not be understood."),
    (
        "Unauthenticated",
        401,
        "Nobody is signed in, or the token is not good.",
    ),
    ("Denied", 403, "The caller may know of it, and not do it."),
    (
        "NotFound",
        404,
        "It does not exist, or the caller may not know that it does.",
    ),
    ("Conflict", 409, "Not in its present state."),
    (
        "Stale",
        412,
        "Somebody else changed it since it was read: it is no longer at the version in `If-Match`.",
    ),
    ("TooLarge", 413, "The body is larger than 1 MiB."),
    ("NotJson", 415, "The body is not `application/json`."),
    ("Invalid", 422, "A value is not acceptable."),
    (
        "TooMany",
        429,
        "Too many calls. `Retry-After` says when to come back.",
    ),
    (
        "Internal",
        500,
        "Stint failed; it is in its log under the answer's `request_id`.",
    ),
    (
        "NotReady",
        503,
        "Not now: try again, or set Stint up first.",
    ),
];

/// Completes the description.
pub(super) fn complete(api: &mut OpenApi, recorded: &[Recorded]) {
    let licence = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    api.info = InfoBuilder::new()
        .title("Stint")
        .version("v1")
        .description(Some(ABOUT))
        .license(Some(licence))
        .build();
    api.servers = Some(vec![Server::new("/")]);
    api.tags = Some(
        (TAGS.iter())
            .map(|(name, about)| {
                TagBuilder::new()
                    .name(*name)
                    .description(Some(*about))
                    .build()
            })
            .collect(),
    );
    api.security = Some(vec![
        SecurityRequirement::new(BEARER, [""; 0]),
        SecurityRequirement::new(COOKIE, [""; 0]),
    ]);
    let parts = api.components.get_or_insert_default();
    for (name, scheme) in schemes() {
        parts.add_security_scheme(name, scheme);
    }
    parts
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    for (name, status, when) in REFUSALS {
        parts.responses.insert(
            (*name).to_owned(),
            refusal(*status, &told(*status, when)).into(),
        );
    }
    refer(&mut parts.schemas);
    let versions: Vec<String> = (parts.schemas.iter())
        .filter(|(_, schema)| has_version(schema))
        .map(|(name, _)| name.clone())
        .collect();
    for (path, item) in &mut api.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let verb = (recorded.iter())
                .find(|it| !it.page && it.method == method && it.path == *path)
                .map(|it| it.verb);
            if let (Some(operation), Some(verb)) = (operation, verb) {
                finish(operation, &method, path, verb, &versions);
            }
        }
    }
}

fn schemes() -> [(String, SecurityScheme); 2] {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("stint_pat_…")
        .description(Some("An API token, as issued on its owner's page."))
        .build();
    let cookie = ApiKeyValue::with_description(
        "__Host-stint",
        "The cookie a sign-in sets. Where Stint is not reached by https its name is `stint`.",
    );
    [
        (BEARER.to_owned(), SecurityScheme::Http(bearer)),
        (
            COOKIE.to_owned(),
            SecurityScheme::ApiKey(ApiKey::Cookie(cookie)),
        ),
    ]
}

/// When a refusal comes, with the codes it can have.
fn told(status: u16, when: &str) -> String {
    let codes: Vec<_> = (CODES.iter())
        .filter(|code| code.status == status)
        .map(|code| format!("[`{0}`](/docs/errors/{0})", code.word))
        .collect();
    match codes.len() {
        0 => when.to_owned(),
        _ => format!("{when} Codes: {}.", codes.join(", ")),
    }
}

fn refusal(status: u16, when: &str) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .build();
    let mut made = ResponseBuilder::new()
        .description(when)
        .content("application/problem+json", content);
    if status == 429 {
        for (name, kind, about) in [
            (
                "Retry-After",
                Type::Integer,
                "Seconds after which to try again.",
            ),
            (
                "RateLimit-Policy",
                Type::String,
                "The budget and how many calls a minute it has: `\"writes\";q=240;w=60`.",
            ),
            (
                "RateLimit",
                Type::String,
                "The budget, calls left, and seconds until it is full again: `\"writes\";r=0;t=60`.",
            ),
        ] {
            made = made.header(name, header(kind, about));
        }
    }
    made.build()
}

fn header(kind: Type, about: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(kind).build());
    header.description = Some(about.to_owned());
    header
}

/// A page of a list names what is on it, instead of describing it a second time.
fn refer(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let names: BTreeSet<String> = schemas.keys().cloned().collect();
    for (name, schema) in schemas {
        let Some(of) = name.strip_prefix("Page_").filter(|of| names.contains(*of)) else {
            continue;
        };
        if let RefOr::T(Schema::Object(page)) = schema
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(of).into()));
        }
    }
}

/// Whether a schema says at which version its thing is.
fn has_version(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => object.properties.contains_key("version"),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().any(has_version),
        _ => false,
    }
}

fn finish(operation: &mut Operation, method: &Method, path: &str, verb: Verb, versions: &[String]) {
    operation.operation_id = Some(name(path, operation.operation_id.as_deref()));
    if let Some(summary) = &mut operation.summary {
        *summary = summary.replace('\n', " ").trim_end_matches('.').to_owned();
    }
    let public = matches!(verb, Verb::ReadPublic | Verb::SignIn);
    if public {
        operation.security = Some(Vec::new());
    }
    let parameters = operation.parameters.iter_mut().flatten();
    let mut if_match = false;
    let mut values = operation.request_body.is_some();
    for parameter in parameters {
        if let RefOr::T(parameter) = parameter {
            if_match |= parameter.name == "If-Match";
            values = true;
            tell_form(parameter);
        }
    }
    let body = operation.request_body.is_some();
    let applies = |status| match status {
        401 | 403 => !public || verb == Verb::SignIn,
        404 => path.contains('{'),
        409 => *method != Method::GET,
        412 => if_match,
        413 | 415 => body,
        400 | 422 => values,
        _ => true,
    };
    let responses = &mut operation.responses.responses;
    responses.remove("4XX");
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            finish_success(response, status, versions);
        }
    }
    for (name, status, _) in REFUSALS {
        if applies(*status) {
            let refusal = Ref::from_response_name(*name);
            responses.insert(status.to_string(), refusal.into());
        }
    }
}

/// `GET /api/v1/users/{id}/tokens` by `list` is `users_tokens_list`: no two are the same,
/// and a new address changes no other's.
fn name(path: &str, function: Option<&str>) -> String {
    let mut words: Vec<String> = (path.split('/').skip(3))
        .filter(|word| !word.starts_with('{'))
        .map(|word| word.replace(['-', '.'], "_"))
        .collect();
    let function = function.unwrap_or_default();
    if words.last().is_none_or(|last| last != function) {
        words.push(function.to_owned());
    }
    words.join("_")
}

/// A parameter described as "`usr_…`" is an id with that prefix.
fn tell_form(parameter: &mut Parameter) {
    if parameter.parameter_in != ParameterIn::Path {
        return;
    }
    let about = parameter.description.as_deref().unwrap_or_default();
    if let Some(prefix) = about
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix("_…`"))
    {
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^{prefix}_[0-9a-hjkmnp-tv-z]{{26}}$")))
            .build();
        parameter.schema = Some(id.into());
    }
}

fn finish_success(response: &mut Response, status: &str, versions: &[String]) {
    if response.description.is_empty() {
        response.description = match status {
            "201" => "It was made.",
            "202" => "It was begun.",
            "204" => "It was done; there is nothing to tell.",
            _ => "As asked.",
        }
        .to_owned();
    }
    let versioned = response.content.values().any(|content| match content {
        RefOr::T(content) => match &content.schema {
            Some(RefOr::Ref(to)) => (versions.iter())
                .any(|name| to.ref_location == format!("#/components/schemas/{name}")),
            _ => false,
        },
        RefOr::Ref(_) => false,
    });
    if versioned {
        let about = "The version, to send back as `If-Match`.";
        (response.headers).insert("ETag".to_owned(), header(Type::String, about).into());
    }
}
