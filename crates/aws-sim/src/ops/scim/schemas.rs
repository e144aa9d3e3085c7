//! What the endpoint says of itself (AWS documentation: ServiceProviderConfig, ListResourceTypes,
//! GetSchema). The schemas have the attributes AWS supports; AWS's descriptions of them are RFC
//! 7643's and are left out.

use serde_json::{Value, json};

use super::{ENTERPRISE, LIST, absent, id};
use crate::wire::ApiError;
use crate::world::Unsigned;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub(super) fn provider(most: u64) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "documentationUri": "https://docs.aws.amazon.com/singlesignon/latest/userguide/manage-your-identity-source-idp.html",
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "Authentication scheme using the OAuth Bearer Token Standard",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "documentationUri": "https://docs.aws.amazon.com/singlesignon/latest/userguide/provision-automatically.html",
            "primary": true,
        }],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 1, "maxPayloadSize": 1_048_576 },
        "filter": { "supported": true, "maxResults": most },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": false },
    })
}

pub(super) fn types(cx: &Unsigned<'_>) -> Value {
    let tenant = cx.call.input.get("tenantId").and_then(Value::as_str);
    let one = |name: &str, about: &str, schema: &str| {
        let base = &cx.call.base;
        let tenant = tenant.unwrap_or_default();
        let location = format!("{base}/{tenant}/scim/v2/ResourceTypes/{name}");
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": format!("/{name}s"),
            "description": about,
            "schema": schema,
            "meta": { "resourceType": "ResourceType", "location": location },
        })
    };
    let mut user = one("User", "User Account", USER);
    if let Some(user) = user.as_object_mut() {
        let extension = json!([{ "schema": ENTERPRISE, "required": true }]);
        user.insert("schemaExtensions".to_owned(), extension);
    }
    listed(vec![user, one("Group", "Group", GROUP)])
}

fn listed(resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST],
        "totalResults": resources.len(),
        "itemsPerPage": resources.len(),
        "startIndex": 1,
        "Resources": resources,
    })
}

/// One attribute: its name, of which kind, and whether it must be there. Uniqueness and the rest
/// follow RFC 7643 §7.
fn attribute(name: &str, kind: &str, required: bool) -> Value {
    let unique = if name == "userName" { "server" } else { "none" };
    json!({
        "name": name,
        "type": kind,
        "multiValued": false,
        "description": name,
        "required": required,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": unique,
    })
}

fn complex(name: &str, many: bool, required: bool, parts: Vec<Value>) -> Value {
    let mut whole = attribute(name, "complex", required);
    if let Some(members) = whole.as_object_mut() {
        members.insert("multiValued".to_owned(), json!(many));
        members.insert("subAttributes".to_owned(), Value::Array(parts));
    }
    whole
}

fn texts(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| attribute(name, "string", false))
        .collect()
}

fn with_primary(names: &[&str]) -> Vec<Value> {
    let mut parts = texts(names);
    parts.push(attribute("primary", "boolean", false));
    parts
}

fn schema(id: &str, name: &str, about: &str, attributes: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": id,
        "name": name,
        "description": about,
        "attributes": attributes,
        "meta": { "resourceType": "Schema" },
    })
}

fn known() -> Vec<Value> {
    let name = [
        texts(&["formatted"]),
        vec![
            attribute("familyName", "string", true),
            attribute("givenName", "string", true),
        ],
        texts(&["middleName", "honorificPrefix", "honorificSuffix"]),
    ]
    .concat();
    let mut user = vec![
        attribute("userName", "string", true),
        complex("name", false, true, name),
        attribute("displayName", "string", true),
    ];
    user.extend(texts(&[
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
    ]));
    user.push(attribute("active", "boolean", false));
    let address = [
        "formatted",
        "streetAddress",
        "locality",
        "region",
        "postalCode",
        "country",
        "type",
    ];
    for (list, parts) in [
        ("emails", &["value", "type"][..]),
        ("phoneNumbers", &["value", "type"]),
        ("addresses", &address),
        ("roles", &["value", "type"]),
    ] {
        user.push(complex(list, true, false, with_primary(parts)));
    }
    let group = vec![
        attribute("displayName", "string", true),
        complex("members", true, false, texts(&["value", "$ref", "type"])),
    ];
    let mut enterprise = texts(&[
        "employeeNumber",
        "costCenter",
        "organization",
        "division",
        "department",
    ]);
    let manager = complex("manager", false, false, texts(&["value", "$ref"]));
    enterprise.push(manager);
    vec![
        schema(USER, "User", "User Account", user),
        schema(GROUP, "Group", "Group", group),
        schema(ENTERPRISE, "EnterpriseUser", "Enterprise User", enterprise),
    ]
}

pub(super) fn all() -> Value {
    listed(known())
}

pub(super) fn one(cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let wanted = id(cx);
    let mut all = known().into_iter();
    let found = all.find(|schema| schema.get("id").and_then(Value::as_str) == Some(wanted));
    found.ok_or_else(|| absent("schema"))
}
