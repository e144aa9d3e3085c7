//! From what there is to the text of a file, and to lines of a difference.

use serde_json::Value;
use stint_api::config::shape::{Field, Shape};

/// The fields of a value as YAML, in the order of their table.
pub(super) fn fields(out: &mut String, fields: &[Field], value: &Value, indent: usize) {
    for field in fields {
        let Some(found) = value.get(field.name) else {
            continue;
        };
        out.push_str(&" ".repeat(indent));
        entry(out, field, found, indent);
    }
}

/// The items of a list of things, each with a dash in front of its first field.
pub(super) fn items(out: &mut String, shape: &Shape, found: &[Value], indent: usize) {
    for item in found {
        out.push_str(&" ".repeat(indent));
        out.push_str("- ");
        match (shape, item) {
            (Shape::Map(inner), Value::Object(has)) if !has.is_empty() => {
                let mut first = true;
                for field in *inner {
                    let Some(value) = item.get(field.name) else {
                        continue;
                    };
                    if !first {
                        out.push_str(&" ".repeat(indent + 2));
                    }
                    first = false;
                    entry(out, field, value, indent + 2);
                }
            }
            (_, Value::String(text)) => {
                out.push_str(&scalar(text));
                out.push('\n');
            }
            (_, other) => {
                out.push_str(&other.to_string());
                out.push('\n');
            }
        }
    }
}

fn entry(out: &mut String, field: &Field, value: &Value, indent: usize) {
    out.push_str(field.name);
    out.push(':');
    match (&field.shape, value) {
        (Shape::Map(inner), Value::Object(has)) if !has.is_empty() => {
            out.push('\n');
            fields(out, inner, value, indent + 2);
        }
        (Shape::List(item) | Shape::Set(item), Value::Array(found)) if !found.is_empty() => {
            out.push('\n');
            items(out, item, found, indent + 2);
        }
        (_, Value::String(text)) if is_block(text) => {
            out.push_str(" |-\n");
            for line in text.split('\n') {
                if !line.is_empty() {
                    out.push_str(&" ".repeat(indent + 2));
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        (_, Value::String(text)) => {
            out.push(' ');
            out.push_str(&scalar(text));
            out.push('\n');
        }
        // Numbers, true and false, and what is empty: YAML writes them as JSON does.
        (_, other) => {
            out.push(' ');
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// Whether a text of several lines comes back as it was from a block.
fn is_block(text: &str) -> bool {
    let strange = |c: char| c != '\n' && is_strange(c);
    text.contains('\n')
        && !text.starts_with(['\n', ' '])
        && !text.ends_with('\n')
        && !text.contains(strange)
        && text.split('\n').all(|line| line.trim_end() == line)
}

/// What no YAML may hold as it is, or what a reader may take for a break of a line.
fn is_strange(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// A text on one line: as it is where nobody can take it for anything else, else in quotes.
fn scalar(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '@' | '/' | '+');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "null"
            | "y"
            | "n"
            | "nan"
            | "inf"
            | "infinity"
    );
    if begins && !word && text.chars().all(plain) && text.trim_end() == text {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if is_strange(c) => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A value as a person reads it in a difference.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = (fields.iter())
                .map(|(name, value)| format!("{name}: {}", shown(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stint_api::config::shape::DOCUMENT;

    use super::super::read;
    use super::super::{File, Kind, Mistakes};
    use super::*;

    #[test]
    fn whatever_text_is_written_comes_back_as_it_was() {
        let texts = [
            "",
            " ",
            "no",
            "Null",
            "12",
            "1e3",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#",
            "'",
            "\"",
            "\\",
            "a\nb",
            "a\n\n  b",
            " a\nb",
            "a\nb\n",
            "a \nb",
            "\ta",
            "a\tb\nc",
            "é",
            "\u{85}",
            "\u{2028}x\ny",
            "|",
            "> x",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "{a}",
            "[a]",
            "? a",
            "true",
            "~",
            "2026-01-01",
            "0x1f",
            "1_000",
            "Platform",
            "a.b@c.example",
            "x\ry",
            "x\r\ny",
            "principal in Group::\"Platform\"",
            "...",
            "---",
            "\u{7f}",
            "a:",
            "012345678901",
        ];
        for text in texts {
            let value = json!({ "catalogs": [{
                "name": "n", "description": text,
                "contents": [{ "name": text, "when": text }],
            }], "stint": "v1" });
            let mut written = String::new();
            fields(&mut written, DOCUMENT, &value, 0);
            let file = File {
                name: "it.yaml".to_owned(),
                text: written.clone(),
            };
            let mut mistakes = Mistakes::default();
            let read = read::files(&[file], &mut mistakes);
            assert!(mistakes.0.is_empty(), "{:?}\n{written}", mistakes.0);
            let [found] = read.as_slice() else {
                panic!("one thing: {written}");
            };
            assert_eq!(found.kind, Kind::Catalog);
            assert_eq!(found.value, value["catalogs"][0], "{written}");
        }
    }
}
