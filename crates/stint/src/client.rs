//! Stint's API as a command uses it: an address, a token, and problems told in words.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stint_api::{Page, Problem};

use crate::exit::{Exit, Failure};

/// Where Stint is and who is asking. Until `stint login` exists, both come from the
/// environment: `STINT_URL` and `STINT_TOKEN`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Server {
    /// Where Stint is.
    #[arg(
        long,
        env = "STINT_URL",
        default_value = "http://127.0.0.1:8480",
        global = true,
        value_name = "URL"
    )]
    pub url: String,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// A connection to the API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
}

impl Client {
    /// Makes ready to call; nothing is sent yet.
    ///
    /// # Errors
    /// No token, a malformed address, or one where the token would cross a network in the
    /// clear.
    pub(crate) fn new(server: &Server) -> Result<Self, Failure> {
        let base = Url::parse(&server.url).map_err(|_| {
            Failure::usage(format!("STINT_URL: `{}` is not an address", server.url))
        })?;
        let token = std::env::var("STINT_TOKEN").ok().filter(|t| !t.is_empty()).ok_or_else(|| {
            Failure::new(
                Exit::Denied,
                "set STINT_TOKEN to an API token of yours (in Stint's pages: your name, API tokens)",
            )
        })?;
        if base.scheme() != "https" && !is_loopback(&base) {
            return Err(Failure::usage(format!(
                "STINT_URL: {base} would carry your token unprotected over the network; use https://"
            )));
        }
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("stint/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
        Ok(Self {
            http,
            base,
            token: token.into(),
        })
    }

    /// GET, the answer as `T`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        self.call(self.request(Method::GET, path)?.query(query))
            .await
    }

    /// GET every page of a list, up to `most` items.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.push(("limit", "200"));
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page: Page<T> = self.get(path, &query).await?;
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || items.len() >= most {
                items.truncate(most);
                return Ok(items);
            }
        }
    }

    /// POST with a body, once: the idempotency key makes a repeat by the network harmless.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self
            .request(Method::POST, path)?
            .header("idempotency-key", fresh_key())
            .json(body);
        self.call(request).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let url = self
            .base
            .join(path)
            .map_err(|e| Failure::usage(format!("STINT_URL: {} cannot be used: {e}", self.base)))?;
        Ok(self
            .http
            .request(method, url)
            .bearer_auth(self.token.expose_secret()))
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|e| self.unreachable(&e))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|e| {
                Failure::new(
                    Exit::Failed,
                    format!("Stint at {} answered something this version does not understand ({e}); are both of the same version?", self.base),
                )
            });
        }
        Err(told(status, &body))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() {
            "did not answer in time"
        } else if error.is_connect() {
            "cannot be reached; is `stint serve` running there?"
        } else {
            "broke off while answering"
        };
        let exit = if error.is_timeout() {
            Exit::TimedOut
        } else {
            Exit::Failed
        };
        Failure::new(exit, format!("Stint at {} {why}", self.base))
    }
}

fn told(status: StatusCode, body: &[u8]) -> Failure {
    let exit = Failure::exit_of(status.as_u16());
    match serde_json::from_slice::<Problem>(body) {
        Ok(p) => Failure::new(
            exit,
            format!("{} ({}; quote {})", p.detail, p.code, p.request_id),
        ),
        Err(_) => Failure::new(exit, format!("Stint answered {status}")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

fn fresh_key() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client command has no App; the key only has to differ from every other"
    )]
    let key = uuid::Uuid::now_v7();
    key.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_code_and_an_id_to_quote() {
        let body = br#"{"type":"/docs/errors/self_approval","title":"Conflict","status":409,
            "code":"self_approval","detail":"Somebody else has to approve it.","request_id":"r-1"}"#;
        let failure = told(StatusCode::CONFLICT, body);
        assert_eq!(
            failure.message,
            "Somebody else has to approve it. (self_approval; quote r-1)"
        );
        assert_eq!(failure.exit, Exit::Conflict);
        assert_eq!(
            told(StatusCode::BAD_GATEWAY, b"<html>").message,
            "Stint answered 502 Bad Gateway"
        );
    }

    #[test]
    fn only_this_machine_may_be_called_without_tls() {
        for (url, loopback) in [
            ("http://127.0.0.1:8480", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://127.0.0.1.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).expect(url)), loopback, "{url}");
        }
    }
}
