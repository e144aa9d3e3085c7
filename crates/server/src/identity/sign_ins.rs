//! Signing in and out, and finding out who sent a request.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde_json::json;
use stint_db::{Priority, Tx};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{SignInId, Span, Time, UserId};

use super::lockout::{Tries, Try};
use super::store::{sign_ins, tokens, users};
use super::{
    Error, Method, SignIn, TokenState, User, actor_id, cookie, password, relation, secret,
};
use crate::cx::{Actor, App, Cx, Person, Via};

/// A sign-in ends this long after it was last used.
pub const IDLE: Span = Span::hours(8);
/// A sign-in ends this long after it began, whatever is done.
pub const ABSOLUTE: Span = Span::hours(24);
/// How exactly the last use of a sign-in or a token is kept.
const TOUCH_EVERY: Span = Span::minutes(1);

/// What a successful sign-in gives.
#[derive(Debug, Clone)]
pub struct StartedSignIn {
    /// Who is signed in.
    pub user: User,
    /// When it ends, on the wall clock, whatever is done.
    pub ends_at: Time,
    /// The `Set-Cookie` value; marked sensitive.
    pub cookie: HeaderValue,
}

/// Signs somebody in with their password.
///
/// Fails alike ([`Error::SignInRefused`]) for an address nobody has, a wrong password, a
/// user without one and a deactivated user, and with [`Error::LockedOut`] without looking
/// at the password after too many failures, for any address.
pub async fn sign_in(cx: &Cx, email: &str, password: SecretString) -> Result<StartedSignIn, Error> {
    cx.authorize(Verb::SignIn, Relation::None)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    count_try(cx, &mut tx, Tries::SignIn(email)).await?;
    let known = users::password(&mut tx, email).await?;
    tx.commit().await?;

    let (user, stored) = known.map_or((None, None), |(id, stored)| (Some(id), stored));
    let right = password::matches(stored.clone(), password).await?;

    let mut tx = cx.begin(Priority::Interactive).await?;
    let user = match user {
        Some(id) if right => still(&mut tx, id, stored).await?.ok_or(id).map_err(Some),
        other => Err(other),
    };
    match user {
        Ok(user) => {
            sign_ins::forgive(&mut tx, Tries::SignIn(email)).await?;
            start(cx, tx, user, Method::Password).await
        }
        Err(whose) => {
            let subjects: Vec<_> = whose.into_iter().map(Into::into).collect();
            let facts =
                json!({ "method": Method::Password.as_str(), "known_user": whose.is_some() });
            tx.audit(cx.event("sign_in.refused", subjects, facts));
            tx.commit().await?;
            Err(Error::SignInRefused)
        }
    }
}

/// The user, if they are still active and their password is still that one.
pub(super) async fn still(
    tx: &mut Tx,
    id: UserId,
    stored: Option<String>,
) -> Result<Option<User>, Error> {
    let user = users::lock(tx, id).await?.filter(|user| user.active);
    let now = users::password_of(tx, id).await?.and_then(|(_, hash)| hash);
    Ok(user.filter(|_| now == stored))
}

/// Counts a try at a password before it is looked at.
pub(super) async fn count_try(cx: &Cx, tx: &mut Tx, tries: Tries<'_>) -> Result<(), Error> {
    let wall = cx.app.wall.now();
    match sign_ins::count_try(tx, tries, wall).await? {
        Try::Go(_) => Ok(()),
        Try::Locked { until } => {
            let seconds = until.since(wall).as_seconds() + 1;
            Err(Error::LockedOut { until, seconds })
        }
    }
}

/// Writes the sign-in and commits. One that was in use until now ends.
pub(super) async fn start(
    cx: &Cx,
    mut tx: Tx,
    user: User,
    method: Method,
) -> Result<StartedSignIn, Error> {
    let wall = cx.app.wall.now();
    if let Some(old) = current(cx) {
        end(cx, &mut tx, old, user.id).await?;
    }
    let id: SignInId = cx.app.ids.new_id();
    let secret = secret::sign_in(cx.app.ids.bytes());
    let ends_at = wall + ABSOLUTE;
    let stored = (secret::stored(&secret), method);
    sign_ins::insert(&mut tx, id, user.id, stored, (wall, ends_at)).await?;
    let facts = json!({ "method": method.as_str() });
    tx.audit(cx.event("sign_in.started", [user.id.into(), id.into()], facts));
    tx.commit().await?;
    let cookie = cookie::set(&cx.app.config.public_url, &secret, ABSOLUTE);
    Ok(StartedSignIn {
        user,
        ends_at,
        cookie,
    })
}

fn current(cx: &Cx) -> Option<SignInId> {
    match &cx.actor {
        Actor::User(Person {
            via: Via::Page(id), ..
        }) => Some(*id),
        _ => None,
    }
}

async fn end(cx: &Cx, tx: &mut Tx, id: SignInId, user: UserId) -> Result<bool, Error> {
    let reason = if current(cx) == Some(id) {
        "signed_out"
    } else {
        "ended"
    };
    let ended = sign_ins::end(tx, id, cx.app.wall.now(), reason).await?;
    if ended {
        tx.audit(cx.event(
            "sign_in.ended",
            [user.into(), id.into()],
            json!({ "reason": reason }),
        ));
    }
    Ok(ended)
}

/// Ends the sign-in this is called with, and answers the `Set-Cookie` value that makes the
/// browser forget it. A token is not ended.
pub async fn sign_out(cx: &Cx) -> Result<HeaderValue, Error> {
    cx.authorize(Verb::SignOut, Relation::None)?;
    if let (Some(id), Some(user)) = (current(cx), actor_id(cx)) {
        let mut tx = cx.begin(Priority::Interactive).await?;
        end(cx, &mut tx, id, user).await?;
        tx.commit().await?;
    }
    Ok(clear_cookie(&cx.app))
}

/// The `Set-Cookie` value that makes the browser forget a sign-in that is over.
pub fn clear_cookie(app: &App) -> HeaderValue {
    cookie::clear(&app.config.public_url)
}

/// A user's sign-ins that are neither over nor idle, latest first, at most a hundred.
pub async fn list_sign_ins(cx: &Cx, user: UserId) -> Result<Vec<SignIn>, Error> {
    cx.authorize(Verb::ListSignIns, relation(cx, user))?;
    let mut reader = cx.read().await?;
    users::get(&mut reader, user)
        .await?
        .ok_or(Error::NotFound)?;
    let wall = cx.app.wall.now();
    Ok(sign_ins::of_user(&mut reader, user, wall, wall - IDLE).await?)
}

/// Ends one sign-in, one's own or, for a Super Admin, anybody's.
pub async fn end_sign_in(cx: &Cx, id: SignInId) -> Result<(), Error> {
    let found = sign_ins::get(&mut cx.read().await?, id).await?;
    let stands = found
        .as_ref()
        .map_or(Relation::Others, |found| relation(cx, found.user));
    cx.authorize(Verb::EndSignIn, stands)?;
    let found = found.ok_or(Error::NotFound)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    end(cx, &mut tx, id, found.user).await?;
    tx.commit().await?;
    Ok(())
}

/// Who sent a request with these headers: the owner of the bearer token if there is one,
/// else of the cookie, else nobody.
///
/// Fails with [`Error::BadToken`] or [`Error::SignInOver`] when what was sent is not, or no
/// longer, good: the caller should hear that, not be taken for nobody.
pub async fn actor(app: &App, headers: &HeaderMap) -> Result<Actor, Error> {
    if let Some(person) = actor_from_token(app, headers).await? {
        return Ok(Actor::User(person));
    }
    let person = actor_from_cookie(app, headers).await?;
    Ok(person.map_or(Actor::Nobody, Actor::User))
}

/// Who sent the cookie; nobody without one. Fails with [`Error::SignInOver`] when it is not
/// known, idle for [`IDLE`], older than [`ABSOLUTE`], ended, or its user is deactivated.
pub async fn actor_from_cookie(app: &App, headers: &HeaderMap) -> Result<Option<Person>, Error> {
    let Some(value) = cookie::read(&app.config.public_url, headers) else {
        return Ok(None);
    };
    let hash = secret::sign_in_hash(&value).ok_or(Error::SignInOver)?;
    let wall = app.wall.now();
    let mut reader = app.db.reader().await?;
    let found = sign_ins::by_secret(&mut reader, hash).await?;
    let found = found
        .filter(|sign_in| sign_in.is_live(wall))
        .ok_or(Error::SignInOver)?;
    let user = users::get(&mut reader, found.user).await?;
    let user = user.filter(|user| user.active).ok_or(Error::SignInOver)?;
    drop(reader);
    if wall.since(found.seen_at) >= TOUCH_EVERY {
        let mut tx = app.db.begin(Priority::Interactive).await?;
        sign_ins::touch(&mut tx, found.id, wall).await?;
        tx.commit().await?;
    }
    Ok(Some(person(user, Via::Page(found.id))))
}

/// Who sent the bearer token; nobody without one. Fails with [`Error::BadToken`] when it is
/// not known, expired, revoked, or its user is deactivated.
pub async fn actor_from_token(app: &App, headers: &HeaderMap) -> Result<Option<Person>, Error> {
    let Some(text) = bearer(headers) else {
        return Ok(None);
    };
    let hash = secret::token_hash(text?).ok_or(Error::BadToken)?;
    let wall = app.wall.now();
    let mut reader = app.db.reader().await?;
    let found = tokens::by_secret(&mut reader, hash).await?;
    let found = found.filter(|token| token.state(wall) == TokenState::Active);
    let found = found.ok_or(Error::BadToken)?;
    let user = users::get(&mut reader, found.user).await?;
    let user = user.filter(|user| user.active).ok_or(Error::BadToken)?;
    drop(reader);
    if found
        .last_used_at
        .is_none_or(|at| wall.since(at) >= TOUCH_EVERY)
    {
        let mut tx = app.db.begin(Priority::Interactive).await?;
        tokens::touch(&mut tx, found.id, wall).await?;
        tx.commit().await?;
    }
    Ok(Some(person(user, Via::Token(found.id))))
}

/// What follows `Bearer`; nothing when another scheme, or none, is used.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, Error>> {
    let value = headers.get(AUTHORIZATION)?;
    let Ok(value) = value.to_str() else {
        return Some(Err(Error::BadToken));
    };
    let (scheme, rest) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Ok(rest.trim()))
}

fn person(user: User, via: Via) -> Person {
    Person {
        id: user.id,
        name: user.name,
        email: user.email,
        roles: user.roles,
        via,
    }
}
