//! Giving one's password again: what a policy may want of whoever asks or approves.
//!
//! The proof is a moment in the row of one sign-in. It counts for [`PROVEN_FOR`] on the wall clock,
//! for that sign-in only, ends with it, and is void once the password is changed. An API token has
//! none: whoever holds a token need not know the password.

use secrecy::SecretString;
use serde_json::json;
use stint_db::{Priority, Query};
use stint_domain::audit::Subject;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{SignInId, Span};

use super::lockout::Tries;
use super::store::{sign_ins, users};
use super::{Error, password};
use crate::cx::{Actor, Cx, Via};

/// How long a password that was given counts.
pub const PROVEN_FOR: Span = Span::minutes(5);
/// So much later than now a proof may have been given: the clock of the server that took it may be
/// ahead of this one's. What is farther ahead is no proof.
pub const PROVEN_AHEAD: Span = Span::minutes(1);

/// Why somebody has not given their password of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// It was given longer ago, or with another sign-in.
    #[error(
        "this wants your password again, given within the last 5 minutes with this very sign-in: give \
         it (`POST /api/v1/sign-in/proof`), then repeat the call"
    )]
    Stale,
    /// They came with an API token, which is no proof of a password.
    #[error(
        "this wants your password, given within the last 5 minutes, and an API token cannot give it: \
         sign in with your password (on the page, or `POST /api/v1/sign-in`) and do it with that \
         sign-in"
    )]
    Token,
}

/// The sign-in the caller calls with. Fails for an API token.
pub(super) fn sign_in(cx: &Cx) -> Result<SignInId, Error> {
    match cx.person()?.via {
        Via::Page(sign_in) => Ok(sign_in),
        _ => Err(Error::TokenProof),
    }
}

/// Proves that the caller knows their password, for the sign-in they call with and no other.
///
/// Wrong tries lock out as failed sign-ins do, and are counted by user, apart from those: who is not
/// signed in cannot keep anybody from it. Fails for an API token ([`Error::TokenProof`]), and for
/// somebody without a password ([`Error::NoPassword`]).
pub async fn prove(cx: &Cx, given: SecretString) -> Result<(), Error> {
    let person = cx.person()?;
    cx.authorize(Verb::ProveSignIn, Relation::Own)?;
    let sign_in = sign_in(cx)?;
    let me = person.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let (_, stored) = users::password_of(&mut tx, me)
        .await?
        .ok_or(Error::NotFound)?;
    if stored.is_none() {
        return Err(Error::NoPassword);
    }
    super::sign_ins::count_try(cx, &mut tx, Tries::Own(me)).await?;
    tx.commit().await?;

    let right = password::matches(stored.clone(), given).await?;

    let mut tx = cx.begin(Priority::Interactive).await?;
    // Held against a password that is changed meanwhile.
    let user = match right {
        true => super::sign_ins::still(&mut tx, me, stored).await?,
        false => None,
    };
    let subjects: [Subject; 2] = [me.into(), sign_in.into()];
    if user.is_none() {
        tx.audit(cx.event("sign_in.proof_refused", subjects, json!({})));
        tx.commit().await?;
        return Err(Error::WrongPassword);
    }
    if !sign_ins::prove(&mut tx, sign_in, me, cx.app.wall.now()).await? {
        return Err(Error::SignInOver);
    }
    sign_ins::forgive(&mut tx, Tries::Own(me)).await?;
    tx.audit(cx.event("sign_in.proved", subjects, json!({})));
    tx.commit().await?;
    Ok(())
}

/// Why the caller has not given their password of late; nothing where they have. What Stint does by
/// itself gives none and needs none.
pub async fn unproved(cx: &Cx, q: &mut impl Query) -> stint_db::Result<Option<Unproved>> {
    let person = match &cx.actor {
        Actor::User(person) => person,
        Actor::System(_) => return Ok(None),
        Actor::Nobody => return Ok(Some(Unproved::Stale)),
    };
    let Via::Page(id) = person.via else {
        return Ok(Some(Unproved::Token));
    };
    let wall = cx.app.wall.now();
    let found = sign_ins::get(q, id).await?;
    let proved = found.is_some_and(|it| it.user == person.id && it.is_proved(wall));
    Ok((!proved).then_some(Unproved::Stale))
}
