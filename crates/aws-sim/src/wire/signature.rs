//! Signature version 4: what a request says was signed, and whether a secret says so too.
//!
//! What it does not do: signatures in the query (presigned URLs), and version 4A.

use aws_lc_rs::{digest, hmac};

use super::Incoming;

/// What was signed, taken from the request itself, and the signature that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The string to sign.
    text: String,
    day: String,
    region: String,
    service: String,
    signature: String,
}

impl Signed {
    /// Reads the request as far as `headers` (`host;x-amz-date`) were signed.
    pub(super) fn of(
        incoming: &Incoming<'_>,
        date: &str,
        [day, region, service]: [&str; 3],
        headers: &str,
        signature: &str,
    ) -> Signed {
        let canonical = format!(
            "{}\n{}\n{}\n{}\n{headers}\n{}",
            incoming.method,
            encode(incoming.path, true),
            query(incoming.query),
            canonical_headers(incoming, headers),
            hex(digest::digest(&digest::SHA256, incoming.body).as_ref()),
        );
        Signed {
            text: format!(
                "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{}",
                hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
            ),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signature: signature.to_ascii_lowercase(),
        }
    }

    /// Whether whoever signed knew this secret.
    pub(crate) fn is_by(&self, secret: &str) -> bool {
        let mut key = format!("AWS4{secret}").into_bytes();
        for step in [&self.day, &self.region, &self.service, "aws4_request"] {
            key = mac(&key, step);
        }
        hex(&mac(&key, &self.text)) == self.signature
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// One line for each signed header: small name, values without needless blanks.
fn canonical_headers(incoming: &Incoming<'_>, signed: &str) -> String {
    let mut lines = String::new();
    for name in signed.split(';') {
        let values: Vec<String> = incoming
            .headers
            .get_all(name)
            .iter()
            .map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes());
                text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        lines.push_str(name);
        lines.push(':');
        lines.push_str(&values.join(","));
        lines.push('\n');
    }
    lines
}

/// Names and values encoded anew and sorted.
fn query(text: &str) -> String {
    let mut pairs: Vec<(String, String)> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let again = |part: &str| encode(&super::query::percent_decode(part.as_bytes()), false);
            (again(name), again(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// A text as a value in a query.
pub(crate) fn percent_encode(text: &str) -> String {
    encode(text, false)
}

/// Percent-encodes everything but the unreserved characters.
fn encode(text: &str, keep_slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keep_slashes => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    let digit = |of: u8| char::from_digit(u32::from(of), 16).unwrap_or('0');
    (bytes.iter())
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
