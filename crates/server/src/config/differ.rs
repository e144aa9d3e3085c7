//! What is different between what is and what files say, field by field.

use std::collections::BTreeSet;

use serde_json::Value;
use stint_api::config::shape::{Field, Shape};

use super::FieldChange;

/// Every field in which they differ, in the order of the table. Of what has no order is told what
/// goes and what comes.
pub(super) fn fields(
    shape: &[Field],
    before: Option<&Value>,
    after: Option<&Value>,
) -> Vec<FieldChange> {
    let mut found = Vec::new();
    for field in shape {
        let (was, is) = (inner(before, field.name), inner(after, field.name));
        differ(&field.shape, field.name, was, is, &mut found);
    }
    found
}

fn inner<'v>(value: Option<&'v Value>, name: &str) -> Option<&'v Value> {
    value.and_then(|value| value.get(name))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn differ(
    shape: &Shape,
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<FieldChange>,
) {
    if before == after {
        return;
    }
    // What is empty has no field to tell of; that it is there is told.
    let bare = [before, after].into_iter().flatten().any(is_empty);
    match shape {
        Shape::Map(fields) if !bare => {
            for field in *fields {
                let (was, is) = (inner(before, field.name), inner(after, field.name));
                differ(
                    &field.shape,
                    &format!("{path}.{}", field.name),
                    was,
                    is,
                    found,
                );
            }
        }
        Shape::List(item) if !bare => {
            let (was, is) = (items(before), items(after));
            for at in 0..was.len().max(is.len()) {
                differ(
                    item,
                    &format!("{path}[{at}]"),
                    was.get(at),
                    is.get(at),
                    found,
                );
            }
        }
        Shape::Set(_) => {
            let (was, is) = (items(before), items(after));
            let (had, has) = (texts(was), texts(is));
            for gone in was.iter().filter(|it| !has.contains(&it.to_string())) {
                found.push(FieldChange::of(path, Some(gone), None));
            }
            for new in is.iter().filter(|it| !had.contains(&it.to_string())) {
                found.push(FieldChange::of(path, None, Some(new)));
            }
        }
        _ => found.push(FieldChange::of(path, before, after)),
    }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// To look up in: a group may have thousands of members.
fn texts(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stint_api::config::shape::{GROUP, POLICY};

    use super::*;

    #[test]
    fn every_field_that_differs_is_told_with_what_it_was_and_what_it_becomes() {
        let before = json!({ "name": "Ops", "members": ["a@x.example", "b@x.example"] });
        let after = json!({ "name": "Ops", "description": "On call", "members": ["b@x.example", "c@x.example"] });
        let found = fields(GROUP, Some(&before), Some(&after));
        let told: Vec<_> = (found.iter())
            .map(|it| (it.field.as_str(), it.before.as_deref(), it.after.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("description", None, Some("On call")),
                ("members", Some("a@x.example"), None),
                ("members", None, Some("c@x.example")),
            ]
        );
        let before = json!({ "steps": [{ "name": "One", "needed": 2 }], "rules": [{ "name": "r", "until_revoked": {} }] });
        let after =
            json!({ "steps": [{ "name": "One" }, { "name": "Two" }], "rules": [{ "name": "r" }] });
        let found = fields(POLICY, Some(&before), Some(&after));
        let told: Vec<_> = (found.iter())
            .map(|it| (it.field.as_str(), it.before.as_deref(), it.after.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("rules[0].until_revoked", Some("{}"), None),
                ("steps[0].needed", Some("2"), None),
                ("steps[1].name", None, Some("Two")),
            ]
        );
    }
}
