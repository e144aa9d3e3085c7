//! Stint's API as a command uses it: an address, a token, and problems told in words.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stint_api::identity::Me;
use stint_api::{Page, Problem};
use stint_server::identity::PERSONAS;

use crate::credentials::Credentials;
use crate::exit::{Exit, Failure};
use crate::out;

/// Where Stint is meant to be when nobody says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8480";
/// What the API answers where a policy wants the password again.
const STEP_UP: &str = "step_up_required";
/// What somebody reads whose password was refused, and who may have none.
const NO_PASSWORD: &str = " A persona of the demo has no password until a Super Admin sets one: at a terminal, without --password-stdin, `stint` signs in as the persona by itself; the page does, too.";
/// How long a call that came too often is held back before it is given up, in seconds.
const PATIENCE: u64 = 10;

/// Which Stint, and how to print.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Server {
    /// Where Stint is [default: where you signed in last, else http://127.0.0.1:8480].
    #[arg(long, env = "STINT_URL", global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Print JSON, as the API has it.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Server {
    /// The address: the one named, else the one last signed in to, else this machine.
    pub(crate) fn base(&self, kept: &Credentials) -> Result<Url, Failure> {
        let (text, from) = match (&self.url, &kept.current) {
            (Some(url), _) => (url.as_str(), "--url or STINT_URL"),
            (None, Some(url)) => (url.as_str(), "the last `stint login`"),
            (None, None) => (DEFAULT_URL, "default"),
        };
        let base = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| {
            Failure::usage(format!(
                "`{text}` ({from}) is not the address of a Stint: write it as https://stint.example.com"
            ))
        })?;
        if base.scheme() != "https" && !is_loopback(&base) {
            return Err(Failure::usage(format!(
                "{base} ({from}) would carry your token unprotected over the network; use https://"
            )));
        }
        Ok(base)
    }
}

/// A connection to the API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    auth: Auth,
}

/// As whom.
enum Auth {
    Nobody,
    Token(SecretString),
    Cookie(SecretString),
}

impl Client {
    /// Makes ready to call as whoever signed in; nothing is sent yet.
    ///
    /// # Errors
    /// No token, a malformed address, or one where the token would cross a network in the
    /// clear.
    pub(crate) fn new(server: &Server) -> Result<Self, Failure> {
        let from_environment = std::env::var("STINT_TOKEN").ok().filter(|t| !t.is_empty());
        let kept = match from_environment {
            // A program with a token of its own needs no file, whatever state that is in.
            Some(_) if server.url.is_some() => Credentials::default(),
            _ => Credentials::load()?,
        };
        let base = server.base(&kept)?;
        let token: SecretString = match (from_environment, kept.stint.get(base.as_str())) {
            (Some(token), _) => token.into(),
            (None, Some(kept)) => kept.token.clone().into(),
            (None, None) => {
                return Err(Failure::new(
                    Exit::Denied,
                    format!(
                        "you are not signed in to {base}: type `stint login --url {base}`, or set STINT_TOKEN"
                    ),
                ));
            }
        };
        Self::with(base, Auth::Token(token))
    }

    /// As nobody: to sign in.
    pub(crate) fn nobody(base: Url) -> Result<Self, Failure> {
        Self::with(base, Auth::Nobody)
    }

    /// With a token that is not kept yet.
    pub(crate) fn with_token(base: Url, token: SecretString) -> Result<Self, Failure> {
        Self::with(base, Auth::Token(token))
    }

    fn with(base: Url, auth: Auth) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("stint/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
        Ok(Self { http, base, auth })
    }

    /// Where it calls.
    pub(crate) fn base(&self) -> &Url {
        &self.base
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

    /// GET, the answer as the text it is.
    pub(crate) async fn text(&self, path: &str) -> Result<String, Failure> {
        let answer = self.send(self.request(Method::GET, path)?).await?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|e| self.unreachable(&e))?;
        if !status.is_success() {
            return Err(self.told(status, &body));
        }
        String::from_utf8(body.to_vec()).map_err(|_| self.not_stint())
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
            let limit = most.saturating_sub(items.len()).clamp(1, 200).to_string();
            query.push(("limit", &limit));
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

    /// POST of what a policy may want the password again for. Where it does the password is asked for,
    /// or read from standard input where that is `typed` there; it goes into a sign-in that is ended
    /// again. A program that can give none is told what it lacks. At a terminal a persona of the demo, who
    /// has none, is asked for none.
    pub(crate) async fn post_proved<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        typed: bool,
    ) -> Result<T, Failure> {
        let may_ask = typed || std::io::stdin().is_terminal();
        match self.post(path, body).await {
            Err(failure) if failure.code == STEP_UP && may_ask => {}
            done => return done,
        }
        out::remark("The policy wants your password again.");
        self.post_anew(path, body, typed).await
    }

    /// POST with a sign-in of the same person that is begun for it, with their password, and ended again:
    /// it is read from standard input where it is `typed` there, or there is no terminal.
    pub(crate) async fn post_anew<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        typed: bool,
    ) -> Result<T, Failure> {
        let signed_in = self.anew(typed).await?;
        let done = signed_in.post(path, body).await;
        let ended = signed_in
            .post_secret::<Value>("/api/v1/sign-out", &json!({}))
            .await;
        if let Err(error) = ended {
            out::remark(&format!(
                "the sign-in is not ended, and runs out by itself: {error}"
            ));
        }
        done
    }

    /// A sign-in of the same person that begins now: with their password, which is asked for, or read
    /// from standard input where it is `typed` there. At a terminal a persona of the demo on this machine
    /// signs in without.
    async fn anew(&self, typed: bool) -> Result<Self, Failure> {
        let me: Me = self.get("/api/v1/me", &[]).await?;
        let nobody = Self::nobody(self.base.clone())?;
        let persona = PERSONAS.iter().find(|it| it.email == me.user.email);
        let persona = persona.filter(|_| is_loopback(&self.base));
        // Elsewhere than in the demo there is no such door, whatever somebody's address is.
        if let Some(persona) = persona
            && !typed
            && std::io::stdin().is_terminal()
            && let Ok(signed_in) = nobody.sign_in_as(persona.word).await
        {
            out::remark("In the demo nobody has a password: signed in as the persona anew.");
            return Ok(signed_in);
        }
        let password = secret(&format!("Password of {}: ", me.user.email))?;
        match nobody.sign_in(&me.user.email, &password).await {
            Err(mut failure) if persona.is_some() && failure.code == "sign_in_refused" => {
                failure.message.push_str(NO_PASSWORD);
                Err(failure)
            }
            done => done,
        }
    }

    /// POST of what must not be kept: no idempotency key.
    pub(crate) async fn post_secret<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.call(self.request(Method::POST, path)?.json(body))
            .await
    }

    /// POST of what takes minutes where much is to be done, and is done once however often it is sent: no
    /// idempotency key.
    pub(crate) async fn post_long<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        const LONG: Duration = Duration::from_secs(30 * 60);
        let request = self.request(Method::POST, path)?;
        self.call(request.timeout(LONG).json(body)).await
    }

    /// Any method with a body or none, for a thing as it was when it was read: `seen` is its
    /// version.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        seen: Option<i64>,
    ) -> Result<Value, Failure> {
        let mut request = self.request(method, path)?;
        if let Some(seen) = seen {
            request = request.header("if-match", format!("\"{seen}\""));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.call(request).await
    }

    /// The version of a thing, from its `ETag`; 0 where there is none yet.
    pub(crate) async fn version(&self, path: &str) -> Result<i64, Failure> {
        let answer = self.send(self.request(Method::GET, path)?).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(0);
        }
        let tag = header(answer.headers(), ETAG.as_str());
        let version = tag.trim_matches('"').parse().unwrap_or(0);
        self.read::<Value>(answer).await?;
        Ok(version)
    }

    /// Signs in with a password: the same caller, from now on with the sign-in's cookie.
    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &SecretString,
    ) -> Result<Self, Failure> {
        let body = serde_json::json!({ "email": email, "password": password.expose_secret() });
        let answer = self
            .send(self.request(Method::POST, "/api/v1/sign-in")?.json(&body))
            .await?;
        self.signed_in(answer).await
    }

    /// Signs in as a persona of the demo.
    pub(crate) async fn sign_in_as(&self, persona: &str) -> Result<Self, Failure> {
        let request = self.request(Method::POST, "/demo/sign-in")?;
        let answer = self.send(request.form(&[("persona", persona)])).await?;
        if answer.status().is_client_error() {
            return Err(Failure::new(
                Failure::exit_of(answer.status().as_u16()),
                format!(
                    "{} is no demo on this machine, or it knows no `{persona}`: ana, bo, cy and dee are there",
                    self.base
                ),
            ));
        }
        self.signed_in(answer).await
    }

    async fn signed_in(&self, answer: Response) -> Result<Self, Failure> {
        let cookie = header(answer.headers(), "set-cookie");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        if !answer.status().is_redirection() {
            self.read::<Value>(answer).await?;
        }
        if cookie.is_empty() {
            return Err(self.not_stint());
        }
        Self::with(self.base.clone(), Auth::Cookie(cookie.into()))
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let url = self
            .base
            .join(path)
            .map_err(|e| Failure::usage(format!("{} cannot be used: {e}", self.base)))?;
        let request = self.http.request(method, url);
        Ok(match &self.auth {
            Auth::Nobody => request,
            Auth::Token(token) => request.bearer_auth(token.expose_secret()),
            Auth::Cookie(cookie) => request.header("cookie", cookie.expose_secret()),
        })
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let answer = self.send(request).await?;
        self.read(answer).await
    }

    /// Sends, and does as it is told when that was too often: waits, for a while.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let mut patience = PATIENCE;
        let mut next = Some(request);
        loop {
            let Some(request) = next.take() else {
                return Err(Failure::new(Exit::Failed, "the call could not be repeated"));
            };
            next = request.try_clone();
            let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
            let wait = header(answer.headers(), RETRY_AFTER.as_str()).parse::<u64>();
            match wait {
                Ok(wait)
                    if answer.status() == StatusCode::TOO_MANY_REQUESTS
                        && wait <= patience
                        && next.is_some() =>
                {
                    patience -= wait;
                    pause(wait).await;
                }
                _ => return Ok(answer),
            }
        }
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, Failure> {
        let status = answer.status();
        let kind = header(answer.headers(), "content-type");
        let body = answer.bytes().await.map_err(|e| self.unreachable(&e))?;
        if status.is_success() {
            let text: &[u8] = if body.is_empty() { b"null" } else { &body };
            if !body.is_empty() && !kind.starts_with("application/json") {
                return Err(self.not_stint());
            }
            return serde_json::from_slice(text).map_err(|e| {
                Failure::new(
                    Exit::Failed,
                    format!("Stint at {} answered something this version does not understand ({e}); are both of the same version?", self.base),
                )
            });
        }
        Err(self.told(status, &body))
    }

    fn told(&self, status: StatusCode, body: &[u8]) -> Failure {
        let exit = Failure::exit_of(status.as_u16());
        let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
            if status.is_redirection() || status == StatusCode::NOT_FOUND {
                return self.not_stint();
            }
            return Failure::new(exit, format!("{} answered {status}", self.base));
        };
        let hint = match problem.code.as_str() {
            "invalid_token" | "not_signed_in" if std::env::var_os("STINT_TOKEN").is_some() => {
                " It came from STINT_TOKEN."
            }
            "invalid_token" | "not_signed_in" => " `stint login` does that.",
            STEP_UP => {
                " At a terminal `stint` asks for it; elsewhere give it on standard input (--password-stdin)."
            }
            _ => "",
        };
        Failure::new(
            exit,
            format!(
                "{}{hint} ({}; quote {})",
                problem.detail, problem.code, problem.request_id
            ),
        )
        .coded(problem.code)
    }

    fn not_stint(&self) -> Failure {
        Failure::new(
            Exit::Failed,
            format!(
                "something else than Stint answers at {}: check the address (--url, STINT_URL)",
                self.base
            ),
        )
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            return Failure::new(
                Exit::TimedOut,
                format!("Stint at {} did not answer in time", self.base),
            );
        }
        // The innermost reason is the one that helps: refused, no such host, wrong certificate.
        let mut why = String::new();
        let mut next = std::error::Error::source(error);
        while let Some(error) = next {
            why = error.to_string();
            next = error.source();
        }
        let what = if error.is_connect() {
            "cannot be reached; is `stint serve` running there, and is the address right?"
        } else {
            "broke off while answering"
        };
        let why = if why.is_empty() {
            why
        } else {
            format!(" ({why})")
        };
        Failure::new(Exit::Failed, format!("Stint at {} {what}{why}", self.base))
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Waits on the wall.
pub(crate) async fn pause(seconds: u64) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client command waits on the wall, not on Stint's clock"
    )]
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A secret: asked for without showing it, or the first line of standard input.
///
/// # Errors
/// When nothing is given.
pub(crate) fn secret(prompt: &str) -> Result<SecretString, Failure> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() {
        rpassword::prompt_password(prompt)?
    } else {
        let mut line = String::new();
        stdin.lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    if text.is_empty() {
        return Err(Failure::usage(
            "nothing was typed, and nothing came on standard input",
        ));
    }
    Ok(text.into())
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

    fn client() -> Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Client::nobody(Url::parse("http://127.0.0.1:8480").expect("an address")).expect("a client")
    }

    fn server(url: &str) -> Server {
        Server {
            url: Some(url.to_owned()),
            json: false,
        }
    }

    #[test]
    fn a_problem_is_told_with_its_code_and_an_id_to_quote() {
        let body = br#"{"type":"/docs/errors/self_approval","title":"Conflict","status":409,
            "code":"self_approval","detail":"Somebody else has to approve it.","request_id":"r-1"}"#;
        let failure = client().told(StatusCode::CONFLICT, body);
        assert_eq!(
            failure.message,
            "Somebody else has to approve it. (self_approval; quote r-1)"
        );
        assert_eq!(failure.exit, Exit::Conflict);
        assert_eq!(
            client().told(StatusCode::BAD_GATEWAY, b"<html>").message,
            "http://127.0.0.1:8480/ answered 502 Bad Gateway"
        );
    }

    #[test]
    fn only_this_machine_may_be_called_without_tls() {
        let kept = Credentials::default();
        for (url, allowed) in [
            ("http://127.0.0.1:8480", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("https://stint.example.com", true),
            ("http://127.0.0.1.example.org", false),
            ("http://10.0.0.1", false),
            ("ftp://localhost", false),
            ("stint.example.com", false),
            ("", false),
        ] {
            assert_eq!(server(url).base(&kept).is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn the_address_is_the_one_named_else_the_one_signed_in_to() {
        let kept = Credentials {
            current: Some("https://stint.example.com/".to_owned()),
            ..Credentials::default()
        };
        let nowhere = Server {
            url: None,
            json: false,
        };
        let base =
            |server: &Server, kept: &Credentials| server.base(kept).expect("fine").to_string();
        assert_eq!(base(&nowhere, &kept), "https://stint.example.com/");
        assert_eq!(
            base(&server("http://localhost:1"), &kept),
            "http://localhost:1/"
        );
        assert_eq!(
            base(&nowhere, &Credentials::default()),
            "http://127.0.0.1:8480/"
        );
    }
}
