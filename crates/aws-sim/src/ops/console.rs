//! The console's federation endpoint: temporary credentials for a token, the token for a session
//! in a browser (AWS reference §1.6).
//!
//! What it does not do: a console. A sign-in ends at its destination.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::Unguarded;
use crate::access::{Holder, Key};
use crate::clock::iso;
use crate::wire::{ApiError, Call, Service};
use crate::world::{Unsigned, World};

pub(super) const OPERATIONS: &[(&str, Unguarded)] = &[
    ("ConsoleLogin", |world, cx| log_in(world, cx)),
    ("GetSigninToken", |world, cx| get_token(world, cx)),
];

/// How long a token lasts, in microseconds.
const TOKEN: i64 = 15 * 60 * 1_000_000;
/// How much longer it is told apart from what never was.
const REMEMBERED: i64 = 24 * 3_600 * 1_000_000;

/// What a console session may last, in seconds.
const LONGEST: std::ops::RangeInclusive<i64> = 900..=43_200;

/// A session of somebody in the console, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsoleSession {
    /// Whose: `arn:aws:sts::…:assumed-role/…`
    pub arn: String,
    /// Twelve digits.
    pub account_id: String,
    /// Who said they sent the browser.
    pub issuer: String,
    /// Where it went.
    pub destination: String,
    /// In microseconds of virtual time.
    pub began_at: i64,
    /// The same.
    pub ends_at: i64,
}

/// A token that waits for its browser.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    access_key: String,
    expires_at: i64,
    session_ends_at: i64,
    used: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Consoles {
    tickets: HashMap<String, Ticket>,
    pub(crate) sessions: Vec<ConsoleSession>,
}

impl Consoles {
    /// The access key a call is about, right or wrong.
    pub(crate) fn access_key(&self, call: &Call) -> Option<String> {
        if call.service != Service::Signin {
            return None;
        }
        let text = |name: &str| call.input.get(name).and_then(Value::as_str);
        match text("SigninToken") {
            Some(token) => self.tickets.get(token).map(|it| it.access_key.clone()),
            None => Some(shown(text("Session")?)?.access_key),
        }
    }
}

/// What `Session` says.
struct Shown {
    access_key: String,
    secret: String,
    token: String,
}

fn shown(session: &str) -> Option<Shown> {
    let session: Value = serde_json::from_str(session).ok()?;
    let text = |name: &str| session.get(name)?.as_str().map(str::to_owned);
    Some(Shown {
        access_key: text("sessionId")?,
        secret: text("sessionKey")?,
        token: text("sessionToken")?,
    })
}

/// The endpoint says no more than this (AWS reference §1.6 [K]).
fn bad(why: &str) -> ApiError {
    ApiError::new("BadRequest", why)
}

fn text<'a>(cx: &'a Unsigned<'_>, name: &str) -> &'a str {
    let given = cx.call.input.get(name).and_then(Value::as_str);
    given.unwrap_or_default()
}

fn get_token(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let shown = shown(text(cx, "Session")).ok_or_else(|| bad("The Session is not readable."))?;
    let key = world.access.keys.get(&shown.access_key);
    let key = key.filter(|key| {
        key.active
            && key.secret.0 == shown.secret
            && key.session_token.as_deref() == Some(&shown.token)
    });
    let key = key.ok_or_else(|| bad("The Session is not valid."))?;
    let now = cx.moment.by(key.judge);
    let left = key.expires_at.unwrap_or(now) - now;
    if left <= 0 {
        return Err(bad("The Session has expired."));
    }
    let seconds = duration(cx, key)?;
    let lasts = seconds.map_or(left, |seconds| seconds * 1_000_000);
    let token = world.fresh("sign-in token").url_safe(400);
    let at = cx.moment.at;
    let tickets = &mut world.consoles.tickets;
    tickets.retain(|_, it| at < it.expires_at.saturating_add(REMEMBERED));
    tickets.insert(
        token.clone(),
        Ticket {
            access_key: shown.access_key,
            expires_at: at + TOKEN,
            session_ends_at: at + lasts,
            used: false,
        },
    );
    Ok(json!({ "SigninToken": token }))
}

/// How long the console session is to last, for those who may say so.
fn duration(cx: &Unsigned<'_>, key: &Key) -> Result<Option<i64>, ApiError> {
    if let Holder::User { .. } = key.holder {
        // Those of GetSessionToken are for calls only.
        return Err(bad("These credentials cannot be used for the console."));
    }
    let asked = text(cx, "SessionDuration");
    if asked.is_empty() {
        return Ok(None);
    }
    let seconds = asked.parse::<i64>().ok().filter(|it| LONGEST.contains(it));
    let seconds = seconds.ok_or_else(|| bad("SessionDuration must be between 900 and 43200."))?;
    if !key.is_session() || key.chained {
        return Err(bad(
            "SessionDuration is not allowed with these credentials.",
        ));
    }
    Ok(Some(seconds))
}

fn log_in(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let now = cx.moment.at;
    let destination = text(cx, "Destination");
    if !is_console(destination) {
        return Err(bad("The Destination is not an address of the console."));
    }
    let ticket = world.consoles.tickets.get_mut(text(cx, "SigninToken"));
    let ticket = ticket.filter(|ticket| {
        // Nothing begins that would be over.
        !ticket.used && now < ticket.expires_at && now < ticket.session_ends_at
    });
    let ticket = ticket.ok_or_else(|| bad("The SigninToken is not valid, or has expired."))?;
    ticket.used = true;
    let key = world.access.keys.get(&ticket.access_key);
    let key = key.filter(|key| key.active);
    let key = key.ok_or_else(|| bad("The credentials behind the SigninToken are gone."))?;
    world.consoles.sessions.push(ConsoleSession {
        arn: key.arn().to_owned(),
        account_id: key.account().to_owned(),
        issuer: text(cx, "Issuer").to_owned(),
        destination: destination.to_owned(),
        began_at: now,
        ends_at: ticket.session_ends_at,
    });
    Ok(Value::String(destination.to_owned()))
}

/// `https://console.aws.amazon.com/…`, of a region or a service too.
fn is_console(address: &str) -> bool {
    let rest = address.strip_prefix("https://");
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| {
        host == "console.aws.amazon.com" || host.ends_with(".console.aws.amazon.com")
    })
}

impl ConsoleSession {
    /// For the owner: the same with times people read.
    pub(crate) fn told(&self) -> Value {
        json!({
            "arn": self.arn,
            "account_id": self.account_id,
            "issuer": self.issuer,
            "destination": self.destination,
            "began_at": iso(self.began_at),
            "ends_at": iso(self.ends_at),
        })
    }
}
