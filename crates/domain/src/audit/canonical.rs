//! One written form for a JSON value, so that the same facts always hash the same.

use std::fmt::Write as _;

use serde_json::Value;

/// Writes a value with keys sorted by their bytes, no white space, and nothing escaped that
/// JSON does not ask for.
///
/// Whole numbers are written as they are. A number with a fraction is written as a *text*
/// of its digits: floating point has too many spellings to be hashed. Events carry whole
/// numbers (microseconds, counts), so this is a net, not a habit.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(n) if n.is_f64() => text(out, &n.to_string()),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::String(s) => text(out, s),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            // Sorted here, whatever the map type serde_json was built with.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                text(out, key);
                out.push(':');
                write(out, item);
            }
            out.push('}');
        }
    }
}

fn text(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
