//! Verbs about API tokens.

use secrecy::SecretString;
use serde_json::json;
use stint_db::Priority;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{Span, TokenId, UserId};

use super::store::{tokens, users};
use super::{Error, Token, check, relation, secret};
use crate::cx::{Cx, Via};
use crate::http::{Page, Paging};

/// How long a token lasts when its owner does not say.
const DEFAULT_DAYS: i64 = 90;
/// How long a token may last.
const MOST_DAYS: i64 = 366;
/// How many usable tokens one user may have.
const MOST: i64 = 50;

/// A token to be, for oneself.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// To know it again.
    pub name: String,
    /// From 1 to 366; 90 when absent.
    pub days: Option<i64>,
}

/// A token that was just issued.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// What is kept of it.
    pub token: Token,
    /// `stint_pat_…`: the only time it is there.
    pub secret: SecretString,
}

/// Issues a token to the caller, who must be signed in: a token issues no tokens.
pub async fn issue_token(cx: &Cx, new: NewToken) -> Result<IssuedToken, Error> {
    let person = cx.person()?;
    cx.authorize(Verb::IssueToken, Relation::Own)?;
    if matches!(person.via, Via::Token(_)) {
        return Err(Error::TokenFromToken);
    }
    let days = new.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Error::bad("days", format!("Use 1 to {MOST_DAYS}.")));
    }
    let wall = cx.app.wall.now();
    let secret = secret::token(cx.app.ids.bytes());
    let token = Token {
        id: cx.app.ids.new_id(),
        user: person.id,
        name: check::name(&new.name)?,
        created_at: wall,
        expires_at: wall + Span::hours(24 * days),
        last_used_at: None,
        revoked_at: None,
    };
    let mut tx = cx.begin(Priority::Interactive).await?;
    // A deactivation that waits for this row, or goes before it, leaves no usable token.
    let user = users::lock(&mut tx, person.id).await?;
    user.filter(|user| user.active).ok_or(Error::SignInOver)?;
    if tokens::live(&mut tx, person.id, wall).await? >= MOST {
        return Err(Error::TooManyTokens);
    }
    tokens::insert(&mut tx, &token, secret::stored(&secret)).await?;
    let facts = json!({ "name": token.name, "expires_at": token.expires_at });
    tx.audit(cx.event("token.issued", [token.user.into(), token.id.into()], facts));
    tx.commit().await?;
    Ok(IssuedToken { token, secret })
}

/// A user's tokens, newest first, with those that are over.
pub async fn list_tokens(cx: &Cx, user: UserId, paging: &Paging) -> Result<Page<Token>, Error> {
    cx.authorize(Verb::ListTokens, relation(cx, user))?;
    let before = paging.after::<TokenId>()?;
    let mut reader = cx.read().await?;
    users::get(&mut reader, user)
        .await?
        .ok_or(Error::NotFound)?;
    let rows = tokens::of_user(&mut reader, user, before, paging.fetch()).await?;
    Ok(paging.page(rows, |token| token.id))
}

/// Revokes a token, one's own or, for a Super Admin, anybody's. It is dead from now on.
pub async fn revoke_token(cx: &Cx, id: TokenId) -> Result<(), Error> {
    let found = tokens::get(&mut cx.read().await?, id).await?;
    let stands = found
        .as_ref()
        .map_or(Relation::Others, |found| relation(cx, found.user));
    cx.authorize(Verb::RevokeToken, stands)?;
    let found = found.ok_or(Error::NotFound)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    if tokens::revoke(&mut tx, id, cx.app.wall.now()).await? {
        let facts = json!({ "name": found.name });
        tx.audit(cx.event("token.revoked", [found.user.into(), id.into()], facts));
    }
    tx.commit().await?;
    Ok(())
}
