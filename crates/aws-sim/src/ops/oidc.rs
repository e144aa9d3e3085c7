//! How a person's program gets a token: it registers, sends the person to a page, and asks until
//! the person has said yes, or comes back with a code and a proof (AWS reference §11).
//!
//! What it does not do: CreateTokenWithIAM, identity tokens, trusted issuers.

use aws_lc_rs::digest;
use serde_json::{Value, json};

use super::Unguarded;
use crate::sign_in::{Client, DEVICE, Device, REGISTRATION, Refresher, Said, TOKEN, Token};
use crate::wire::{ApiError, Service, URL_SAFE, base64};
use crate::world::{REGION, Unsigned, World};

pub(super) const OPERATIONS: &[(&str, Unguarded)] = &[
    ("CreateToken", |world, cx| create_token(world, cx)),
    ("RegisterClient", |world, cx| register(world, cx)),
    ("StartDeviceAuthorization", |world, cx| {
        start_device(world, cx)
    }),
];

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CODE_GRANT: &str = "authorization_code";
const REFRESH_GRANT: &str = "refresh_token";

/// Seconds between two questions, at the start; five more each time somebody hurries (RFC 8628).
const INTERVAL: i64 = 1;
const HURRIED: i64 = 5;

/// What codes people type are made of: nothing that is mistaken for something else.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::coded(Service::SsoOidc, format!("{code}Exception"), message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::validation(Service::SsoOidc, message)
}

fn text<'a>(cx: &'a Unsigned<'_>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match cx.call.input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(format!("{name} must be a string"))),
    }
}

fn required<'a>(cx: &'a Unsigned<'_>, name: &str) -> Result<&'a str, ApiError> {
    let given = text(cx, name)?.filter(|text| !text.is_empty());
    given.ok_or_else(|| invalid(format!("{name} is required")))
}

fn list(cx: &Unsigned<'_>, name: &str) -> Result<Vec<String>, ApiError> {
    let wrong = || invalid(format!("{name} must be a list of strings"));
    match cx.call.input.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn register(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let name = required(cx, "clientName")?.to_owned();
    if required(cx, "clientType")? != "public" {
        return Err(refused(
            "InvalidClientMetadata",
            "Only public clients can register",
        ));
    }
    let scopes = list(cx, "scopes")?;
    let grants = list(cx, "grantTypes")?;
    let redirects = list(cx, "redirectUris")?;
    text(cx, "issuerUrl")?;
    if let Some(odd) = scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(refused("InvalidScope", &format!("Invalid scope: {odd}")));
    }
    let known = [DEVICE_GRANT, CODE_GRANT, REFRESH_GRANT];
    if let Some(odd) = grants.iter().find(|grant| !known.contains(&grant.as_str())) {
        let message = format!("Unsupported grant type: {odd}");
        return Err(refused("UnsupportedGrantType", &message));
    }
    if let Some(odd) = redirects.iter().find(|uri| loopback(uri).is_none()) {
        return Err(refused(
            "InvalidRedirectUri",
            &format!("Invalid redirect URI: {odd}"),
        ));
    }
    if grants.iter().any(|grant| grant == CODE_GRANT) && redirects.is_empty() {
        return Err(refused("InvalidRedirectUri", "No redirect URI was given"));
    }
    let mut stream = world.fresh("client");
    let (id, secret) = (
        stream.url_safe(22),
        format!("eyJraWQiOiJrZXki{}", stream.url_safe(160)),
    );
    let now = cx.moment.at;
    let expires_at = now + REGISTRATION;
    world.sign_ins.forget(now);
    world.sign_ins.clients.insert(
        id.clone(),
        Client {
            secret: secret.clone(),
            name,
            scopes,
            redirects,
            grants,
            expires_at,
        },
    );
    Ok(json!({
        "clientId": id,
        "clientSecret": secret,
        "clientIdIssuedAt": now.div_euclid(1_000_000),
        "clientSecretExpiresAt": expires_at.div_euclid(1_000_000),
        "authorizationEndpoint": format!("{}/authorize", cx.call.base),
        "tokenEndpoint": format!("{}/token", cx.call.base),
    }))
}

/// `sso:account:access`, `openid`
fn is_scope(text: &str) -> bool {
    let word = |part: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_*-".contains(&b);
        !part.is_empty() && part.bytes().all(plain)
    };
    text.split(':').all(word)
}

/// Host and path of an address on the caller's own machine, where native programs listen, on
/// whatever port (RFC 8252).
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match authority.split_once(':') {
        // Anything else behind a colon would be a password, and the host yet to come.
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) => return None,
        None => authority,
    };
    (["127.0.0.1", "localhost"].contains(&host)).then_some((host, path))
}

/// The client that asks, if it is who it says.
fn client<'a>(world: &'a World, cx: &Unsigned<'_>) -> Result<(String, &'a Client), ApiError> {
    let id = required(cx, "clientId")?;
    let secret = required(cx, "clientSecret")?;
    let known = world.sign_ins.clients.get(id);
    let known = known.filter(|it| it.secret == secret && cx.moment.at < it.expires_at);
    let known = known.ok_or_else(|| refused("InvalidClient", "Invalid client provided"))?;
    Ok((id.to_owned(), known))
}

/// Refuses a client that registered for other grants.
fn may_use(client: &Client, grant: &str) -> Result<(), ApiError> {
    let named = client.grants.iter().any(|known| known == grant);
    if named || (client.grants.is_empty() && grant != CODE_GRANT) {
        return Ok(());
    }
    let message = format!("The client is not registered for {grant}");
    Err(refused("UnauthorizedClient", &message))
}

fn start_device(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let start_url = required(cx, "startUrl")?;
    let (id, known) = client(world, cx)?;
    may_use(known, DEVICE_GRANT)?;
    if !is_start_url(start_url, &world.estate.store, &cx.call.base) {
        return Err(invalid("Invalid start url provided"));
    }
    let mut stream = world.fresh("device");
    let device_code = stream.url_safe(86);
    let letters = stream.of_alphabet(LETTERS, 8);
    let (first, second) = letters.split_at(4);
    let user_code = format!("{first}-{second}");
    let page = verification_page(&cx.call.base);
    world.sign_ins.forget(cx.moment.at);
    world.sign_ins.devices.insert(
        device_code.clone(),
        Device {
            user_code: user_code.clone(),
            client: id,
            expires_at: cx.moment.at + DEVICE,
            interval: INTERVAL * 1_000_000,
            asked_at: None,
            said: Said::Nothing,
            used: false,
        },
    );
    Ok(json!({
        "deviceCode": device_code,
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": DEVICE / 1_000_000,
        "interval": INTERVAL,
    }))
}

/// `https://d-….awsapps.com/start`, however it ends, or the same here.
fn is_start_url(url: &str, store: &str, base: &str) -> bool {
    let url = url.trim_end_matches(['#', '/']);
    url == format!("https://{store}.awsapps.com/start") || url == format!("{base}/start")
}

/// Where a person types the code: at AWS's own name where the caller used that.
fn verification_page(base: &str) -> String {
    if base.ends_with(".amazonaws.com") {
        format!("https://device.sso.{REGION}.amazonaws.com/")
    } else {
        format!("{base}/start/device")
    }
}

fn create_token(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let grant = required(cx, "grantType")?.to_owned();
    let (id, known) = client(world, cx)?;
    let known = known.clone();
    if ![DEVICE_GRANT, CODE_GRANT, REFRESH_GRANT].contains(&grant.as_str()) {
        return Err(refused("UnsupportedGrantType", "Unsupported grant type"));
    }
    may_use(&known, &grant)?;
    // Has no effect: a token has all the scopes its client registered for [M].
    list(cx, "scope")?;
    let now = cx.moment.at;
    let (session, scopes) = match grant.as_str() {
        DEVICE_GRANT => {
            let user = by_device(world, cx, &id)?;
            let ends_at = now.saturating_add(world.knobs.portal_session_micros);
            (
                world.sign_ins.begin(user, now, ends_at),
                known.scopes.clone(),
            )
        }
        CODE_GRANT => {
            let (user, scopes) = by_code(world, cx, &id)?;
            let ends_at = now.saturating_add(world.knobs.portal_session_micros);
            (world.sign_ins.begin(user, now, ends_at), scopes)
        }
        _ => by_refresh(world, cx, &id)?,
    };
    let ends_at = match world.sign_ins.sessions.get(&session) {
        Some(session) => session.ends_at,
        None => now,
    };
    // Without scopes a token cannot be refreshed, and lasts as long as the session [R].
    let refreshed = !scopes.is_empty()
        && (known.grants.is_empty() || known.grants.iter().any(|it| it == REFRESH_GRANT));
    let expires_at = if refreshed {
        ends_at.min(now.saturating_add(TOKEN))
    } else {
        ends_at
    };
    let mut stream = world.fresh("token");
    let (access, refresh) = (
        format!("aoaAAAAAG{}", stream.url_safe(140)),
        format!("aorAAAAAG{}", stream.url_safe(140)),
    );
    let token = Token {
        session,
        scopes,
        expires_at,
    };
    if refreshed {
        let refresher = Refresher {
            token: Token {
                expires_at: ends_at,
                ..token.clone()
            },
            client: id,
            used: false,
        };
        world.sign_ins.refreshers.insert(refresh.clone(), refresher);
    }
    world.sign_ins.tokens.insert(access.clone(), token);
    Ok(super::object([
        ("accessToken", json!(access)),
        ("tokenType", json!("Bearer")),
        ("expiresIn", json!((expires_at - now).div_euclid(1_000_000))),
        (
            "refreshToken",
            refreshed
                .then_some(refresh)
                .map_or(Value::Null, Value::from),
        ),
    ]))
}

/// Whoever approved the device that asks.
fn by_device(world: &mut World, cx: &Unsigned<'_>, client: &str) -> Result<u32, ApiError> {
    let code = required(cx, "deviceCode")?;
    let now = cx.moment.at;
    let unknown = || refused("InvalidGrant", "Invalid device code provided");
    let device = world.sign_ins.devices.get_mut(code);
    let device = device.filter(|device| device.client == client && !device.used);
    let device = device.ok_or_else(unknown)?;
    if now >= device.expires_at {
        return Err(refused("ExpiredToken", "Device code has expired"));
    }
    let hurried = (device.asked_at).is_some_and(|before| now < before + device.interval);
    device.asked_at = Some(now);
    if hurried {
        device.interval += HURRIED * 1_000_000;
        return Err(refused("SlowDown", "Slow down"));
    }
    match device.said {
        Said::Nothing => Err(refused(
            "AuthorizationPending",
            "Authorization is still pending",
        )),
        Said::No => Err(refused("AccessDenied", "Access was denied")),
        Said::Yes(user) => {
            device.used = true;
            // Who was disabled meanwhile does not come in.
            if !world.may_sign_in(user) {
                return Err(refused("AccessDenied", "Access was denied"));
            }
            Ok(user)
        }
    }
}

/// Whoever the browser came back from, if the client proves that it sent the browser there.
fn by_code(
    world: &mut World,
    cx: &Unsigned<'_>,
    client: &str,
) -> Result<(u32, Vec<String>), ApiError> {
    let code = required(cx, "code")?;
    let redirect = required(cx, "redirectUri")?;
    let verifier = required(cx, "codeVerifier")?;
    let invalid = || refused("InvalidGrant", "Invalid grant provided");
    let code = world.sign_ins.codes.get_mut(code);
    let code = code.filter(|code| code.client == client && !code.used);
    let code = code.ok_or_else(invalid)?;
    // Once shown, right or wrong, it is spent.
    code.used = true;
    if cx.moment.at >= code.expires_at {
        return Err(refused("ExpiredToken", "Authorization code has expired"));
    }
    if code.redirect != redirect || code.challenge != challenge(verifier) {
        return Err(invalid());
    }
    let (user, scopes) = (code.user, code.scopes.clone());
    if !world.may_sign_in(user) {
        return Err(refused("AccessDenied", "Access was denied"));
    }
    Ok((user, scopes))
}

/// The session behind a token that is good for another.
fn by_refresh(
    world: &mut World,
    cx: &Unsigned<'_>,
    client: &str,
) -> Result<(u64, Vec<String>), ApiError> {
    let token = required(cx, "refreshToken")?;
    let invalid = || refused("InvalidGrant", "Invalid refresh token provided");
    let once = world.knobs.refresh_tokens_once;
    let known = world.sign_ins.refreshers.get_mut(token);
    let known = known.filter(|known| known.client == client && !known.used);
    let known = known.ok_or_else(invalid)?;
    let Token {
        session: number,
        scopes,
        expires_at,
    } = known.token.clone();
    let session = world.sign_ins.sessions.get(&number);
    let session = session.ok_or_else(invalid)?;
    if cx.moment.at >= expires_at || session.closed || !world.may_sign_in(session.user) {
        return Err(invalid());
    }
    if once && let Some(known) = world.sign_ins.refreshers.get_mut(token) {
        known.used = true;
    }
    Ok((number, scopes))
}

/// What a verifier is the answer to (RFC 7636, S256).
pub(crate) fn challenge(verifier: &str) -> String {
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    base64(hash.as_ref(), URL_SAFE)
}

/// Where the browser may go back to: what was registered, on whatever port.
pub(crate) fn is_registered(client: &Client, uri: &str) -> bool {
    let asked = loopback(uri);
    asked.is_some()
        && client
            .redirects
            .iter()
            .any(|known| loopback(known) == asked)
}

impl World {
    /// Whether a person is there and not disabled.
    pub(crate) fn may_sign_in(&self, user: u32) -> bool {
        let user = self.estate.users.get(user as usize);
        user.is_some_and(|user| user.enabled && !user.removed)
    }
}

#[cfg(test)]
mod tests {
    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_the_published_one() {
        assert_eq!(
            super::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
