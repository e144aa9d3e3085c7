//! Requests that are signed beforehand, as bytes and as what comes out of them.

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use http::Request;
use serde_json::Value;
use stint_aws_sim::Keys;

/// A call of Identity Center, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Signed {
    /// Signs a call for this host at this time, `20260102T030405Z`.
    pub(crate) fn of(keys: &Keys, host: &str, date: &str, operation: &str, input: &Value) -> Self {
        let body = input.to_string();
        let scope = format!("{}/eu-central-1/sso/aws4_request", &date[..8]);
        let target = format!("SWBExternalService.{operation}");
        let canonical = format!(
            "POST\n/\n\nhost:{host}\nx-amz-date:{date}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n{}",
            sha256(body.as_bytes())
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            sha256(canonical.as_bytes())
        );
        let secret = format!("AWS4{}", keys.secret_access_key).into_bytes();
        let key = scope.split('/').fold(secret, |key, step| mac(&key, step));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={}",
            keys.access_key_id,
            hex(&mac(&key, &text))
        );
        Self {
            headers: vec![
                ("host", host.to_owned()),
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", target),
                ("x-amz-date", date.to_owned()),
                ("authorization", authorization),
            ],
            body: body.into(),
        }
    }

    /// As it goes over the wire.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut head = "POST / HTTP/1.1\r\n".to_owned();
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }

    /// For the server in the same process.
    pub(crate) fn request(&self) -> Request<axum::body::Body> {
        let mut request = Request::post("/");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let body = axum::body::Body::from(self.body.clone());
        request.body(body).unwrap_or_default()
    }
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
