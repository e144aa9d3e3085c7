//! All SQL of `processes`, `budget_scopes`, `write_slots`, `write_turns`, and the database's own
//! time.

use stint_aws::OpenWrite;
use stint_db::{Query, Result, Tx, args};
use stint_domain::Time;
use uuid::Uuid;

stint_db::statements! {
    /// A process is there.
    quiet BEAT = "insert into processes (id, seen_at) values ($1, $2) \
        on conflict (id) do update set seen_at = excluded.seen_at";
    /// Those not seen for long are gone.
    quiet FORGET = "delete from processes where seen_at < $1";
    /// How many are there.
    COUNT = "select count(*) as n from processes";
    /// A process leaves.
    quiet LEAVE = "delete from processes where id = $1";
    /// An estate whose writes are counted.
    quiet SCOPE = "insert into budget_scopes (scope) values ($1) on conflict (scope) do nothing";
    /// Takes its row: one count at a time.
    HOLD_SCOPE = "select scope from budget_scopes where scope = $1{lock}";
    /// Slots and turns whose time is over are free.
    quiet LAPSE_SLOTS = "delete from write_slots where scope = $1 and until_at <= $2";
    /// The same for turns.
    quiet LAPSE_TURNS = "delete from write_turns where scope = $1 and until_at <= $2";
    /// The accounts with an open write.
    OPEN_WRITES = "select account from write_slots where scope = $1";
    /// Whether a revocation waits for this account.
    TURN = "select until_at from write_turns where scope = $1 and account = $2 and until_at > $3";
    /// A revocation waits for it.
    quiet WANT_TURN = "insert into write_turns (scope, account, until_at) values ($1, $2, $3) \
        on conflict (scope, account) do update set until_at = excluded.until_at";
    /// It had its turn.
    quiet HAD_TURN = "delete from write_turns where scope = $1 and account = $2";
    /// A write takes its slot.
    quiet TAKE = "insert into write_slots (scope, account, holder, lane, until_at) values ($1, $2, $3, $4, $5)";
    /// AWS accepted it: the slot is that request's.
    quiet PASS_ON = "update write_slots set holder = $3, until_at = $4 where scope = $1 and holder = $2";
    /// The slot is free.
    quiet CLOSE = "delete from write_slots where scope = $1 and holder = $2";
    /// The database's own clock, in microseconds.
    DATABASE_TIME = {
        sqlite: "select cast((julianday('now') - 2440587.5) * 86400000.0 as integer) * 1000 as at",
        postgres: "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) as at",
    };
}

pub(super) async fn beat(tx: &mut Tx, id: Uuid, now: Time, gone: Time) -> Result<i64> {
    tx.run(&BEAT, args![id, now]).await?;
    tx.run(&FORGET, args![gone]).await?;
    tx.one(&COUNT, args![]).await?.get("n")
}

pub(super) async fn leave(tx: &mut Tx, id: Uuid) -> Result<()> {
    tx.run(&LEAVE, args![id]).await.map(drop)
}

pub(super) async fn hold_scope(tx: &mut Tx, scope: &str) -> Result<()> {
    tx.run(&SCOPE, args![scope]).await?;
    tx.one(&HOLD_SCOPE, args![scope]).await.map(drop)
}

pub(super) async fn lapse(tx: &mut Tx, scope: &str, now: Time) -> Result<()> {
    tx.run(&LAPSE_SLOTS, args![scope, now]).await?;
    tx.run(&LAPSE_TURNS, args![scope, now]).await.map(drop)
}

pub(super) async fn open_writes(tx: &mut Tx, scope: &str) -> Result<Vec<String>> {
    let rows = tx.all(&OPEN_WRITES, args![scope]).await?;
    rows.iter().map(|row| row.get("account")).collect()
}

pub(super) async fn turn(tx: &mut Tx, scope: &str, account: &str, now: Time) -> Result<bool> {
    let row = tx.maybe(&TURN, args![scope, account, now]).await?;
    Ok(row.is_some())
}

pub(super) async fn want_turn(tx: &mut Tx, scope: &str, account: &str, until: Time) -> Result<()> {
    tx.run(&WANT_TURN, args![scope, account, until])
        .await
        .map(drop)
}

pub(super) async fn had_turn(tx: &mut Tx, scope: &str, account: &str) -> Result<()> {
    tx.run(&HAD_TURN, args![scope, account]).await.map(drop)
}

pub(super) async fn take(tx: &mut Tx, write: &OpenWrite, holder: &str) -> Result<()> {
    let values = args![
        write.scope.as_str(),
        write.account.as_str(),
        holder,
        write.lane.as_str(),
        write.until
    ];
    tx.run(&TAKE, values).await.map(drop)
}

pub(super) async fn pass_on(
    tx: &mut Tx,
    scope: &str,
    holder: &str,
    request_id: &str,
    until: Time,
) -> Result<()> {
    tx.run(&PASS_ON, args![scope, holder, request_id, until])
        .await
        .map(drop)
}

pub(super) async fn close(tx: &mut Tx, scope: &str, holder: &str) -> Result<()> {
    tx.run(&CLOSE, args![scope, holder]).await.map(drop)
}

pub(super) async fn database_time(q: &mut impl Query) -> Result<Time> {
    q.one(&DATABASE_TIME, args![]).await?.get("at")
}
