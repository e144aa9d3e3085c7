//! Signature version 4 once more, for requests no SDK would send.

use aws_lc_rs::{digest, hmac};

/// The signature of a POST to `/` whose signed headers are these (`name:value`, in order).
pub(crate) fn signature(
    secret: &str,
    date: &str,
    scope: &str,
    headers: &[&str],
    body: &[u8],
) -> String {
    let names: Vec<&str> = headers
        .iter()
        .filter_map(|line| line.split(':').next())
        .collect();
    let canonical = format!(
        "POST\n/\n\n{}\n\n{}\n{}",
        headers.join("\n"),
        names.join(";"),
        sha256(body)
    );
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let key = scope
        .split('/')
        .fold(format!("AWS4{secret}").into_bytes(), |key, step| {
            mac(&key, step)
        });
    hex(&mac(&key, &text))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The example AWS publishes with the algorithm: GET of IAM's ListUsers turned into its key
/// alone, since the rest is a GET.
#[test]
fn the_signing_key_is_the_published_one() {
    let key = ["20150830", "us-east-1", "iam", "aws4_request"]
        .iter()
        .fold(
            b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec(),
            |key, step| mac(&key, step),
        );
    assert_eq!(
        hex(&key),
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    );
}
