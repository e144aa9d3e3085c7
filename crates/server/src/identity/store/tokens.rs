//! `api_tokens`.

use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::{Time, TokenId, UserId};

use super::super::Token;

macro_rules! columns {
    () => {
        "select id, user_id, name, created_at, expires_at, last_used_at, revoked_at from api_tokens "
    };
}

stint_db::statements! {
    /// The token a secret belongs to.
    BY_SECRET = (concat!(columns!(), "where secret_hash = $1"));
    /// One token.
    BY_ID = (concat!(columns!(), "where id = $1"));
    /// A page of a user's tokens, newest first.
    OF_USER = (concat!(columns!(), "where user_id = $1 and id < $2 order by id desc limit $3"));
    /// How many of a user's tokens could be used.
    LIVE = "select count(*) as live from api_tokens where user_id = $1 and revoked_at is null and expires_at > $2";
    /// A new token.
    INSERT = "insert into api_tokens (id, user_id, name, secret_hash, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6)";
    /// It was used just now.
    quiet TOUCH = "update api_tokens set last_used_at = $2 \
        where id = $1 and (last_used_at is null or last_used_at < $2)";
    /// Revokes one.
    REVOKE = "update api_tokens set revoked_at = $2, revoke_reason = $3 where id = $1 and revoked_at is null";
    /// Revokes all of a user's.
    REVOKE_ALL = "update api_tokens set revoked_at = $2, revoke_reason = $3 where user_id = $1 and revoked_at is null";
}

fn token(row: &Row) -> Result<Token> {
    Ok(Token {
        id: row.get("id")?,
        user: row.get("user_id")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}

pub(in super::super) async fn by_secret(
    q: &mut impl Query,
    hash: Vec<u8>,
) -> Result<Option<Token>> {
    q.maybe(&BY_SECRET, args![hash])
        .await?
        .as_ref()
        .map(token)
        .transpose()
}

pub(in super::super) async fn get(q: &mut impl Query, id: TokenId) -> Result<Option<Token>> {
    q.maybe(&BY_ID, args![id])
        .await?
        .as_ref()
        .map(token)
        .transpose()
}

pub(in super::super) async fn of_user(
    q: &mut impl Query,
    user: UserId,
    before: Option<TokenId>,
    limit: i64,
) -> Result<Vec<Token>> {
    let before = before.unwrap_or(TokenId(uuid::Uuid::max()));
    q.all(&OF_USER, args![user, before, limit])
        .await?
        .iter()
        .map(token)
        .collect()
}

/// How many of a user's tokens could be used at that moment.
pub(in super::super) async fn live(q: &mut impl Query, user: UserId, at: Time) -> Result<i64> {
    q.one(&LIVE, args![user, at]).await?.get("live")
}

pub(in super::super) async fn insert(tx: &mut Tx, token: &Token, hash: Vec<u8>) -> Result<()> {
    let name = token.name.as_str();
    let values = args![
        token.id,
        token.user,
        name,
        hash,
        token.created_at,
        token.expires_at
    ];
    tx.run(&INSERT, values).await.map(drop)
}

pub(in super::super) async fn touch(tx: &mut Tx, id: TokenId, at: Time) -> Result<()> {
    tx.run(&TOUCH, args![id, at]).await.map(drop)
}

/// Whether it was not revoked before.
pub(in super::super) async fn revoke(tx: &mut Tx, id: TokenId, at: Time) -> Result<bool> {
    Ok(tx.run(&REVOKE, args![id, at, "revoked"]).await? > 0)
}

/// Revokes all tokens of a deactivated user; answers how many.
pub(in super::super) async fn revoke_all(tx: &mut Tx, user: UserId, at: Time) -> Result<u64> {
    tx.run(&REVOKE_ALL, args![user, at, "deactivated"]).await
}
