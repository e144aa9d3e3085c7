//! Provisioning by SCIM, within the limits AWS's endpoint has (AWS reference §1.7 [D], and the
//! Identity Center SCIM Implementation Developer Guide).
//!
//! Whoever is made here is a user or group of the identity store like any other, with the
//! identity provider's own id; the identity store's calls may change and delete them all the
//! same, and nothing tells the identity provider (AWS reference §1.2).
//!
//! What it does not do: `/Me`, `/Bulk` and `/.search`, which AWS does not either; sorting;
//! choosing attributes.

mod filter;
mod groups;
mod patch;
mod schemas;
mod users;

use serde_json::{Map, Value, json};

use super::Unguarded;
use crate::clock::iso;
use crate::history::By;
use crate::journal::Party;
use crate::wire::{ApiError, Input, Pager, Service};
use crate::world::{Unsigned, World};

pub(super) const OPERATIONS: &[(&str, Unguarded)] = &[
    ("CreateGroup", |world, cx| groups::create(world, cx)),
    ("CreateUser", |world, cx| users::create(world, cx)),
    ("DeleteGroup", |world, cx| groups::delete(world, cx)),
    ("DeleteUser", |world, cx| users::delete(world, cx)),
    ("GetGroup", |world, cx| groups::get(world, cx)),
    ("GetSchema", |_, cx| schemas::one(cx)),
    ("GetServiceProviderConfig", |world, _| {
        Ok(schemas::provider(most_listed(world)))
    }),
    ("GetUser", |world, cx| users::get(world, cx)),
    ("ListGroups", |world, cx| groups::list(world, cx)),
    ("ListResourceTypes", |_, cx| Ok(schemas::types(cx))),
    ("ListSchemas", |_, _| Ok(schemas::all())),
    ("ListUsers", |world, cx| users::list(world, cx)),
    ("PatchGroup", |world, cx| groups::patch(world, cx)),
    ("PatchUser", |world, cx| users::patch(world, cx)),
    ("PutUser", |world, cx| users::put(world, cx)),
];

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Members of one request (AWS reference §1.7).
const MEMBERS: usize = 100;

/// Refuses whoever has no token of this tenant that is good now. A wrong tenant reads as a wrong
/// token does (AWS reference §1.7).
pub(super) fn admitted(world: &World, cx: &Unsigned<'_>) -> Result<(), ApiError> {
    let tenant = cx.call.input.get("tenantId").and_then(Value::as_str);
    let token = cx.call.bearer.as_deref().unwrap_or_default();
    let at = cx.moment.at;
    if world.scim.admits(tenant.unwrap_or_default(), token, at) {
        return Ok(());
    }
    Err(error(
        "UnauthorizedException",
        "Authorization header is invalid or missing.",
    ))
}

fn error(code: &str, detail: &str) -> ApiError {
    ApiError::coded(Service::Scim, code, detail)
}

/// What AWS says of whatever it cannot take [R idp-scim-sync#30]; it does not say what it was.
fn invalid() -> ApiError {
    error(
        "ValidationException",
        "Request is unparsable, syntactically incorrect, or violates schema.",
    )
}

/// The words are the documentation's; AWS's own are not known [K].
fn absent(what: &str) -> ApiError {
    error(
        "ResourceNotFoundException",
        &format!("Specified {what} does not exist."),
    )
}

/// See [`absent`].
fn taken(what: &str) -> ApiError {
    error("ConflictException", &format!("{what} already exists."))
}

/// Who is behind what this call changes.
fn by(cx: &Unsigned<'_>) -> By {
    By {
        party: Party::User,
        call: Some(cx.no),
    }
}

/// The id in the path.
fn id<'a>(cx: &'a Unsigned<'_>) -> &'a str {
    let id = cx.call.input.get("id").and_then(Value::as_str);
    id.unwrap_or_default()
}

/// The body, which must be an object.
fn body<'a>(cx: &'a Unsigned<'_>) -> Result<&'a Map<String, Value>, ApiError> {
    let body = cx.call.input.get("httpBody").and_then(Value::as_object);
    body.ok_or_else(invalid)
}

/// A text of an object, neither empty nor longer than the identity store takes; none where it is
/// missing or null.
fn text(of: &Map<String, Value>, name: &str, longest: usize) -> Result<Option<String>, ApiError> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= longest => Ok(Some(text.clone())),
        Some(_) => Err(invalid()),
    }
}

/// The operations of a PATCH: what to do, where, and with what. Whatever the case of the verb:
/// Microsoft's client writes it large [K].
fn operations(body: &Map<String, Value>) -> Result<Vec<Operation<'_>>, ApiError> {
    let all = body.get("Operations").and_then(Value::as_array);
    let all = all.filter(|all| !all.is_empty()).ok_or_else(invalid)?;
    all.iter()
        .map(|one| {
            let verb = one.get("op").and_then(Value::as_str).ok_or_else(invalid)?;
            let path = match one.get("path") {
                None | Some(Value::Null) => None,
                Some(path) => Some(path.as_str().ok_or_else(invalid)?),
            };
            let value = one.get("value").filter(|value| !value.is_null());
            match (verb.to_ascii_lowercase().as_str(), path, value) {
                ("add", _, Some(value)) => Ok(Operation::Add(path, value)),
                ("replace", _, Some(value)) => Ok(Operation::Replace(path, value)),
                ("remove", Some(path), value) => Ok(Operation::Remove(path, value)),
                _ => Err(invalid()),
            }
        })
        .collect()
}

/// One of them. Only a removal must say where (AWS documentation: PatchUser).
#[derive(Debug, Clone, Copy)]
enum Operation<'a> {
    Add(Option<&'a str>, &'a Value),
    Replace(Option<&'a str>, &'a Value),
    Remove(&'a str, Option<&'a Value>),
}

fn meta(kind: &str, created: i64, changed: i64) -> Value {
    json!({ "resourceType": kind, "created": iso(created), "lastModified": iso(changed) })
}

fn most_listed(world: &World) -> u64 {
    if world.knobs.scim_cursors { 100 } else { 50 }
}

/// Answers with one page of the places that are listed, in their order (AWS documentation:
/// ListUsers). Without a cursor there is one page and no other; how many there are beyond it is
/// not told [K].
fn page(
    world: &World,
    cx: &Unsigned<'_>,
    rows: impl Iterator<Item = u32>,
    shown: impl Fn(u32) -> Option<Value>,
) -> Result<Value, ApiError> {
    let query = cx.call.input.get("query").and_then(Value::as_object);
    let mut query = query.cloned().unwrap_or_default();
    let cursors = world.knobs.scim_cursors;
    let pages = cursors && query.contains_key("cursor");
    // The first page is asked for by an empty one.
    if !pages || query.get("cursor").is_some_and(|it| it == "") {
        query.remove("cursor");
    }
    match query.remove("count") {
        Some(count) if cursors => {
            let count = count.as_str().and_then(|text| text.parse::<i64>().ok());
            query.insert("count".to_owned(), json!(count.ok_or_else(invalid)?));
        }
        _ => {}
    }
    let (seed, most) = (world.estate.seed, most_listed(world));
    let input = Input::new(Service::Scim, &query);
    let pager = Pager::read_cursor(&input, &cx.call.operation, most, seed, cx.no);
    let pager = pager.map_err(|_| invalid())?;
    let [from, ..] = pager.from;
    let rows = rows.filter(|place| *place >= from);
    let (rows, next) = pager.take(rows, |place| [*place, 0, 0]);
    let rows: Vec<Value> = rows.into_iter().filter_map(shown).collect();
    let mut told = json!({ "schemas": [LIST], "itemsPerPage": rows.len() });
    let more = if pages {
        next.map(|next| json!({ "nextCursor": next }))
    } else {
        Some(json!({ "totalResults": rows.len(), "startIndex": 1 }))
    };
    if let (Some(told), Some(Value::Object(more))) = (told.as_object_mut(), more) {
        told.extend(more);
        told.insert("Resources".to_owned(), Value::Array(rows));
    } else if let Some(told) = told.as_object_mut() {
        told.insert("Resources".to_owned(), Value::Array(rows));
    }
    Ok(told)
}

/// The provider's own id of a user or group.
fn external_id<'a>(world: &World, ids: &'a [(String, String)]) -> Option<&'a str> {
    let issuer = world.scim.issuer();
    let mut all = ids.iter();
    all.find(|(of, _)| *of == issuer).map(|(_, id)| id.as_str())
}

/// Puts the provider's own id among those there are.
fn put_external_id(world: &World, ids: &mut Vec<(String, String)>, id: Option<String>) {
    let issuer = world.scim.issuer();
    ids.retain(|(of, _)| *of != issuer);
    ids.extend(id.map(|id| (issuer, id)));
}
