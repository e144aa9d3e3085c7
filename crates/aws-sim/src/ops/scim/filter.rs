//! Filters, of which the endpoint takes very few: `eq`, and two of them with `and` (AWS
//! reference §1.7).

use serde_json::Value;

use super::invalid;
use crate::wire::ApiError;
use crate::world::Unsigned;

/// What a filter asks for: attributes as they were written, and the values they must have.
pub(super) type Wanted = Vec<(String, String)>;

/// The filter of a list; none where there is none.
pub(super) fn asked(cx: &Unsigned<'_>) -> Result<Option<Wanted>, ApiError> {
    let query = cx.call.input.get("query");
    match query.and_then(|query| query.get("filter")) {
        None => Ok(None),
        Some(filter) => {
            let text = filter.as_str().ok_or_else(invalid)?;
            read(text).map(Some)
        }
    }
}

/// Reads `id eq "…" and members eq "…"`.
pub(super) fn read(text: &str) -> Result<Wanted, ApiError> {
    let mut wanted = Vec::new();
    let mut rest = text.trim();
    loop {
        let (attribute, after) = rest.split_once(' ').ok_or_else(invalid)?;
        let (verb, after) = after.trim_start().split_once(' ').ok_or_else(invalid)?;
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(Value::String(value))) => value,
            _ => return Err(invalid()),
        };
        let after = after.get(values.byte_offset()..).unwrap_or_default();
        if !verb.eq_ignore_ascii_case("eq") || attribute.is_empty() {
            return Err(invalid());
        }
        wanted.push((attribute.to_owned(), value));
        let after = after.trim_start();
        if after.is_empty() {
            return Ok(wanted);
        }
        let (word, after) = after.split_once(' ').ok_or_else(invalid)?;
        if !word.eq_ignore_ascii_case("and") || wanted.len() > 1 {
            return Err(invalid());
        }
        rest = after.trim_start();
    }
}

/// What is asked for by `id` and one other attribute, in either order; the second is none for
/// `id` alone.
pub(super) fn with_id<'a>(
    wanted: &'a [(String, String)],
    other: &str,
) -> Option<(&'a str, Option<&'a str>)> {
    let is = |one: &(String, String), name: &str| one.0.eq_ignore_ascii_case(name);
    match wanted {
        [one] if is(one, "id") => Some((&one.1, None)),
        [one, two] if is(one, "id") && is(two, other) => Some((&one.1, Some(&two.1))),
        [one, two] if is(one, other) && is(two, "id") => Some((&two.1, Some(&one.1))),
        _ => None,
    }
}

/// What is asked for by this attribute alone.
pub(super) fn alone<'a>(wanted: &'a [(String, String)], name: &str) -> Option<&'a str> {
    match wanted {
        [(attribute, value)] if attribute.eq_ignore_ascii_case(name) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_and_verbs_are_few() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            read(r#"userName eq "a \" and b""#).unwrap(),
            [pair("userName", "a \" and b")]
        );
        assert_eq!(
            read(r#" id  eq "1"  AND members eq "2" "#).unwrap(),
            [pair("id", "1"), pair("members", "2")]
        );
        for wrong in [
            "",
            "userName",
            "userName eq",
            "userName eq bo",
            "userName eq 1",
            r#"userName sw "b""#,
            r#"userName eq "b" or id eq "1""#,
            r#"userName eq "b" and"#,
            r#"userName eq "b" and id pr"#,
            r#"not (userName eq "b")"#,
            r#"a eq "1" and b eq "2" and c eq "3""#,
            r#"userName eq "b"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
