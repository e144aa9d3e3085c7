//! A PATCH of a user (AWS documentation: PatchUser). What comes of it is read as a whole user
//! afterwards, so that what may not be said at once may not be said bit by bit either.

use serde_json::{Map, Value, json};

use super::{ENTERPRISE, Operation, filter, invalid, operations};
use crate::wire::ApiError;

/// What may be changed at all.
const CHANGEABLE: &[&str] = &[
    "userName",
    "active",
    "externalId",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "name",
    ENTERPRISE,
    "emails",
    "addresses",
    "phoneNumbers",
];
const LISTS: &[&str] = &["emails", "addresses", "phoneNumbers"];
/// What cannot be removed, and changed once per request only.
const FIRM: &[&str] = &["userName", "active"];

/// Where an operation points: an attribute, which entry of it, and which part.
#[derive(Debug, PartialEq)]
struct Path {
    attribute: &'static str,
    entry: Option<(String, String)>,
    part: Option<String>,
}

impl Path {
    /// Reads `title`, `name.givenName`, `emails[type eq "work"].value`, and the extension's
    /// attributes behind its name.
    fn read(text: &str) -> Result<Path, ApiError> {
        const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User:";
        if let Some(rest) = text.strip_prefix(ENTERPRISE) {
            let part = rest.strip_prefix([':', '.']).map(str::to_owned);
            if part.is_none() && !rest.is_empty() {
                return Err(invalid());
            }
            return Ok(Path {
                attribute: ENTERPRISE,
                entry: None,
                part: part.filter(|part| !part.is_empty()),
            });
        }
        let text = text.strip_prefix(CORE).unwrap_or(text);
        let end = text.find(['[', '.']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let mut known = CHANGEABLE.iter();
        let attribute = known.find(|known| known.eq_ignore_ascii_case(name));
        let attribute = attribute.ok_or_else(invalid)?;
        let (entry, rest) = match rest.strip_prefix('[') {
            None => (None, rest),
            Some(inside) => {
                let (inside, rest) = inside.split_once(']').ok_or_else(invalid)?;
                let mut wanted = filter::read(inside)?;
                (wanted.pop().filter(|_| wanted.is_empty()), rest)
            }
        };
        let is_list = LISTS.contains(attribute);
        if text.contains('[') && (entry.is_none() || !is_list) {
            return Err(invalid());
        }
        let part = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('.').ok_or_else(invalid)?.to_owned()),
        };
        if part.is_some() && !is_list && *attribute != "name" {
            return Err(invalid());
        }
        Ok(Path {
            attribute,
            entry,
            part,
        })
    }

    /// Whether an entry of a list is meant.
    fn means(&self, entry: &Value) -> bool {
        self.entry.as_ref().is_none_or(|(name, value)| {
            let found = entry.get(name);
            found.and_then(Value::as_str) == Some(value)
        })
    }
}

/// Changes a user, told as the endpoint tells it, by the operations of a body.
pub(super) fn apply(
    user: &mut Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
    let mut firm = Vec::new();
    let mut touched = |path: &Path| {
        if !FIRM.contains(&path.attribute) {
            return Ok(());
        }
        let again = firm.contains(&path.attribute);
        firm.push(path.attribute);
        if again { Err(invalid()) } else { Ok(()) }
    };
    for operation in operations(body)? {
        match operation {
            Operation::Remove(path, _) => {
                let path = Path::read(path)?;
                if FIRM.contains(&path.attribute) {
                    return Err(invalid());
                }
                remove(user, &path);
            }
            Operation::Add(Some(path), value) => {
                let path = Path::read(path)?;
                touched(&path)?;
                put(user, &path, value, true)?;
            }
            Operation::Replace(Some(path), value) => {
                let path = Path::read(path)?;
                touched(&path)?;
                put(user, &path, value, false)?;
            }
            // Without a path the value names the attributes.
            Operation::Add(None, value) | Operation::Replace(None, value) => {
                let adds = matches!(operation, Operation::Add(..));
                for (name, value) in value.as_object().ok_or_else(invalid)? {
                    let path = Path::read(name)?;
                    touched(&path)?;
                    put(user, &path, value, adds)?;
                }
            }
        }
    }
    Ok(())
}

fn remove(user: &mut Map<String, Value>, path: &Path) {
    let Some(part) = &path.part else {
        match (&path.entry, user.get_mut(path.attribute)) {
            (Some(_), Some(Value::Array(entries))) => entries.retain(|entry| !path.means(entry)),
            _ => {
                user.remove(path.attribute);
            }
        }
        return;
    };
    match user.get_mut(path.attribute) {
        Some(Value::Object(members)) => {
            members.remove(part);
        }
        Some(Value::Array(entries)) => {
            let meant = entries.iter_mut().filter(|entry| path.means(entry));
            for entry in meant.filter_map(Value::as_object_mut) {
                entry.remove(part);
            }
        }
        _ => {}
    }
}

fn put(
    user: &mut Map<String, Value>,
    path: &Path,
    value: &Value,
    adds: bool,
) -> Result<(), ApiError> {
    let is_list = LISTS.contains(&path.attribute);
    match (&path.part, is_list) {
        (None, false) => match (user.get_mut(path.attribute), value) {
            // Parts that are not named stay.
            (Some(Value::Object(members)), Value::Object(given)) => {
                members.extend(given.clone());
            }
            _ => {
                user.insert(path.attribute.to_owned(), value.clone());
            }
        },
        (Some(part), false) => {
            let whole = user
                .entry(path.attribute)
                .or_insert_with(|| json!({}))
                .as_object_mut();
            whole
                .ok_or_else(invalid)?
                .insert(part.clone(), value.clone());
        }
        (part, true) => {
            let list = user.entry(path.attribute).or_insert_with(|| json!([]));
            let list = list.as_array_mut().ok_or_else(invalid)?;
            if part.is_none() && path.entry.is_none() {
                let given = match value {
                    Value::Array(entries) => entries.clone(),
                    one => vec![one.clone()],
                };
                if !adds {
                    list.clear();
                }
                let new = given.into_iter().filter(|entry| !list.contains(entry));
                let new: Vec<Value> = new.collect();
                list.extend(new);
                return Ok(());
            }
            if !list.iter().any(|entry| path.means(entry)) {
                // What is not there cannot be replaced; what is added is what the path says [K].
                let (name, wanted) = path.entry.as_ref().filter(|_| adds).ok_or_else(invalid)?;
                list.push(json!({ name: wanted }));
            }
            for entry in list.iter_mut().filter(|entry| path.means(entry)) {
                let members = entry.as_object_mut().ok_or_else(invalid)?;
                match (part, value) {
                    (Some(part), value) => {
                        members.insert(part.clone(), value.clone());
                    }
                    (None, Value::Object(given)) => members.extend(given.clone()),
                    (None, _) => return Err(invalid()),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_point_at_attributes_entries_and_parts() {
        let path = |attribute, entry: Option<(&str, &str)>, part: Option<&str>| Path {
            attribute,
            entry: entry.map(|(name, value)| (name.to_owned(), value.to_owned())),
            part: part.map(str::to_owned),
        };
        for (text, expected) in [
            ("title", path("title", None, None)),
            ("Title", path("title", None, None)),
            ("name.givenName", path("name", None, Some("givenName"))),
            (
                "emails[type eq \"work\"].value",
                path("emails", Some(("type", "work")), Some("value")),
            ),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:title",
                path("title", None, None),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                path(ENTERPRISE, None, Some("department")),
            ),
        ] {
            assert_eq!(Path::read(text).unwrap(), expected, "{text}");
        }
        for wrong in [
            "",
            "photos",
            "roles",
            "id",
            "title.part",
            "name[type eq \"work\"]",
            "emails[type eq \"work\"",
            "emails[type sw \"w\"].value",
            "emails[]",
            "emails[type eq \"work\"]value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:Userdepartment",
        ] {
            assert!(Path::read(wrong).is_err(), "{wrong}");
        }
    }
}
