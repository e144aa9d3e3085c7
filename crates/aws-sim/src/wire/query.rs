//! awsQuery: forms in, XML out.

use serde_json::{Map, Value};

use super::{ApiError, Call};

/// A form's members, as texts. Of a member given twice the last counts.
pub(crate) fn form_decode(body: &[u8]) -> Map<String, Value> {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = percent_decode(halves.next().unwrap_or_default());
            let value = percent_decode(halves.next().unwrap_or_default());
            (name, Value::String(value))
        })
        .collect()
}

pub(crate) fn percent_decode(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                    Some(byte) => {
                        out.push(byte);
                        rest = tail.get(2..).unwrap_or_default();
                    }
                    None => out.push(b'%'),
                }
            }
            other => out.push(*other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Texts of a form: `Name`, `Name.member.N`, `Name.member.N.Part`.
pub(crate) mod form {
    use serde_json::Value;

    pub(crate) fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
        input.get(name).and_then(Value::as_str)
    }

    /// `Name.member.1<suffix>`, `Name.member.2<suffix>`, … until one is missing.
    pub(crate) fn list<'a>(input: &'a Value, name: &str, suffix: &str) -> Vec<&'a str> {
        (1..)
            .map_while(|n| text(input, &format!("{name}.member.{n}{suffix}")))
            .collect()
    }
}

pub(super) fn response(call: &Call, inside: Option<&str>, request_id: &str) -> String {
    let operation = &call.operation;
    let result = match inside {
        Some(inside) => format!("  <{operation}Result>\n{inside}  </{operation}Result>\n"),
        None => String::new(),
    };
    format!(
        "<{operation}Response xmlns=\"{}\">\n{result}  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{operation}Response>\n",
        call.service.namespace(),
    )
}

pub(super) fn error(call: &Call, error: &ApiError, request_id: &str) -> String {
    let kind = if error.status >= 500 {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{kind}</Type>\n    <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        call.service.namespace(),
        escape(&error.code),
        escape(&error.message),
    )
}

/// A text inside an XML element. Characters XML 1.0 cannot hold become `?`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
