//! `sign_ins` and `sign_in_failures`.

use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::{SignInId, Time, UserId};

use super::super::lockout::{self, Failures, Tries, Try};
use super::super::secret::sha256;
use super::super::{Method, SignIn};
use super::fold;

macro_rules! columns {
    () => {
        "select id, user_id, method, created_at, seen_at, proved_at, ends_at, ended_at from sign_ins "
    };
}

stint_db::statements! {
    /// The sign-in a cookie belongs to.
    BY_SECRET = (concat!(columns!(), "where secret_hash = $1"));
    /// One sign-in.
    BY_ID = (concat!(columns!(), "where id = $1"));
    /// A user's sign-ins that nobody has ended, latest first.
    OF_USER = (concat!(columns!(),
        "where user_id = $1 and ended_at is null and ends_at > $2 and seen_at > $3 \
         order by created_at desc, id desc limit 100"));
    /// A new sign-in.
    INSERT = "insert into sign_ins (id, user_id, secret_hash, method, created_at, seen_at, proved_at, ends_at) \
        values ($1, $2, $3, $4, $5, $5, $6, $7)";
    /// It was used just now.
    quiet TOUCH = "update sign_ins set seen_at = $2 where id = $1 and seen_at < $2";
    /// The password was given again with it.
    PROVE = "update sign_ins set proved_at = $3 where id = $1 and user_id = $2 and ended_at is null";
    /// What was given with any of a user's counts no more.
    UNPROVE = "update sign_ins set proved_at = null where user_id = $1 and proved_at is not null";
    /// Ends one.
    END = "update sign_ins set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null";
    /// Ends all of a user's, but for one.
    END_ALL = "update sign_ins set ended_at = $2, end_reason = $3 \
        where user_id = $1 and ended_at is null and id <> $4";
    /// Makes sure there is a row to take.
    quiet FAILURES_ROW = "insert into sign_in_failures (email_hash, failures, last_at) values ($1, 0, $2) \
        on conflict (email_hash) do nothing";
    /// Takes the count.
    FAILURES = "select failures, last_at, locked_until from sign_in_failures where email_hash = $1{lock}";
    /// Stores the count.
    quiet SET_FAILURES = "update sign_in_failures set failures = $2, last_at = $3, locked_until = $4 \
        where email_hash = $1";
    /// Forgets one count.
    quiet FORGIVE = "delete from sign_in_failures where email_hash = $1";
    /// Forgets counts that are too old to matter.
    quiet FORGET = "delete from sign_in_failures where last_at < $1";
}

fn sign_in(row: &Row) -> Result<SignIn> {
    Ok(SignIn {
        id: row.get("id")?,
        user: row.get("user_id")?,
        method: row.parse("method")?,
        created_at: row.get("created_at")?,
        seen_at: row.get("seen_at")?,
        proved_at: row.get("proved_at")?,
        ends_at: row.get("ends_at")?,
        ended_at: row.get("ended_at")?,
    })
}

pub(in super::super) async fn by_secret(
    q: &mut impl Query,
    hash: Vec<u8>,
) -> Result<Option<SignIn>> {
    q.maybe(&BY_SECRET, args![hash])
        .await?
        .as_ref()
        .map(sign_in)
        .transpose()
}

pub(in super::super) async fn get(q: &mut impl Query, id: SignInId) -> Result<Option<SignIn>> {
    q.maybe(&BY_ID, args![id])
        .await?
        .as_ref()
        .map(sign_in)
        .transpose()
}

/// Those that are neither over nor idle since `idle_since`.
pub(in super::super) async fn of_user(
    q: &mut impl Query,
    user: UserId,
    wall: Time,
    idle_since: Time,
) -> Result<Vec<SignIn>> {
    q.all(&OF_USER, args![user, wall, idle_since])
        .await?
        .iter()
        .map(sign_in)
        .collect()
}

/// Writes one that begins at `at`; what its method proves of its user is proved then.
pub(in super::super) async fn insert(
    tx: &mut Tx,
    id: SignInId,
    user: UserId,
    (hash, method): (Vec<u8>, Method),
    (at, ends_at): (Time, Time),
) -> Result<()> {
    let proved_at = method.proves().then_some(at);
    let values = args![id, user, hash, method.as_str(), at, proved_at, ends_at];
    tx.run(&INSERT, values).await.map(drop)
}

pub(in super::super) async fn touch(tx: &mut Tx, id: SignInId, at: Time) -> Result<()> {
    tx.run(&TOUCH, args![id, at]).await.map(drop)
}

/// Keeps that its user gave the password with it at that moment; whether it is theirs and has not
/// ended.
pub(in super::super) async fn prove(
    tx: &mut Tx,
    id: SignInId,
    user: UserId,
    at: Time,
) -> Result<bool> {
    Ok(tx.run(&PROVE, args![id, user, at]).await? > 0)
}

/// Forgets that the password was given, with every sign-in of a user.
pub(in super::super) async fn unprove(tx: &mut Tx, user: UserId) -> Result<()> {
    tx.run(&UNPROVE, args![user]).await.map(drop)
}

/// Whether it had not ended before.
pub(in super::super) async fn end(
    tx: &mut Tx,
    id: SignInId,
    at: Time,
    reason: &'static str,
) -> Result<bool> {
    Ok(tx.run(&END, args![id, at, reason]).await? > 0)
}

/// Ends all sign-ins of a user but `except`; answers how many.
pub(in super::super) async fn end_all(
    tx: &mut Tx,
    user: UserId,
    at: Time,
    reason: &'static str,
    except: Option<SignInId>,
) -> Result<u64> {
    let except = except.unwrap_or(SignInId(uuid::Uuid::nil()));
    tx.run(&END_ALL, args![user, at, reason, except]).await
}

/// The key of a count. An address is hashed, to 32 bytes; a user's own tries have a key of another
/// length, which no address comes to, whatever is typed.
fn key(tries: Tries<'_>) -> Vec<u8> {
    match tries {
        Tries::SignIn(email) => sha256(&fold(email)),
        Tries::Own(user) => [b"own".as_slice(), user.0.as_bytes().as_slice()].concat(),
    }
}

/// Counts a try at a password, unless it has to wait.
pub(in super::super) async fn count_try(tx: &mut Tx, tries: Tries<'_>, at: Time) -> Result<Try> {
    let key = key(tries);
    tx.run(&FORGET, args![at - lockout::FORGET_AFTER]).await?;
    tx.run(&FAILURES_ROW, args![key.clone(), at]).await?;
    let row = tx.one(&FAILURES, args![key.clone()]).await?;
    let before = Failures {
        count: row.get("failures")?,
        last_at: row.get("last_at")?,
        locked_until: row.get("locked_until")?,
    };
    let outcome = lockout::begin(Some(before), at);
    if let Try::Go(after) = outcome {
        let values = args![key, after.count, after.last_at, after.locked_until];
        tx.run(&SET_FAILURES, values).await?;
    }
    Ok(outcome)
}

/// Forgets the tries.
pub(in super::super) async fn forgive(tx: &mut Tx, tries: Tries<'_>) -> Result<()> {
    tx.run(&FORGIVE, args![key(tries)]).await.map(drop)
}
