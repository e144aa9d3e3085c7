//! What of a run is read whole: where another process goes on if this one dies.

use std::collections::{BTreeMap, HashMap};

use stint_db::{Query, Result, Tx, Val, args};
use stint_domain::{SyncId, Time};

stint_db::statements! {
    quiet DONE = "insert into sync_scopes (sync_id, scope, began, digest) \
        select $2, r.scope, r.began, r.digest from {rows $1 scope:text began:int digest:text} r where true \
        on conflict (sync_id, scope) do update set began = excluded.began, digest = excluded.digest";
    ALL = "select scope, began, digest from sync_scopes where sync_id = $1 and scope > $2 order by scope limit $3";
    BEGUN = "select scope, began from sync_scopes where sync_id = $1 and scope like 'list:%' order by scope";
    /// Lists of IAM, by account.
    IAM = "select scope, began from sync_scopes where sync_id = $1 and scope like 'iam\\_%' escape '\\' order by scope";
    quiet FORGET = "delete from sync_scopes where (sync_id, scope) in \
        (select s.sync_id, s.scope from sync_scopes s where s.sync_id = $1 limit $2)";
    quiet SWEEP = "delete from sync_scopes where (sync_id, scope) in \
        (select s.sync_id, s.scope from sync_scopes s join sync_runs r on r.id = s.sync_id \
        where r.state in ('complete', 'set_aside', 'failed') limit $1)";
}

/// A scope that was read whole by a reading begun at `began`.
pub(in crate::directory) struct Done {
    pub(in crate::directory) scope: String,
    pub(in crate::directory) began: Time,
    /// Of what was seen in it.
    pub(in crate::directory) digest: String,
}

/// Notes scopes as read.
pub(in crate::directory) async fn done(tx: &mut Tx, run: SyncId, all: &[Done]) -> Result<()> {
    // What stands twice on a list is read twice.
    let all: BTreeMap<&str, &Done> = all.iter().map(|it| (it.scope.as_str(), it)).collect();
    if all.is_empty() {
        return Ok(());
    }
    let rows = (all.values()).map(|it| args![&it.scope, it.began, &it.digest]);
    tx.run(&DONE, args![Val::rows(rows), run]).await.map(drop)
}

/// Every scope of a run that is read, with the digest of each.
pub(in crate::directory) async fn all(
    q: &mut impl Query,
    run: SyncId,
) -> Result<HashMap<String, (Time, String)>> {
    const PAGE: i64 = 1_000;
    let mut all = HashMap::new();
    let mut after = String::new();
    loop {
        let rows = q.all(&ALL, args![run, &after, PAGE]).await?;
        for row in &rows {
            after = row.get("scope")?;
            all.insert(after.clone(), (row.get("began")?, row.get("digest")?));
        }
        if rows.is_empty() {
            return Ok(all);
        }
    }
}

/// The lists of a run that are read, and when each reading began.
pub(in crate::directory) async fn lists(
    q: &mut impl Query,
    run: SyncId,
) -> Result<Vec<(String, Time)>> {
    let rows = q.all(&BEGUN, args![run]).await?;
    rows.iter()
        .map(|row| Ok((row.get("scope")?, row.get("began")?)))
        .collect()
}

/// The lists of IAM that a run read: which, of which account, and when each reading began.
pub(in crate::directory) async fn iam(
    q: &mut impl Query,
    run: SyncId,
) -> Result<Vec<(String, String, Time)>> {
    let mut found = Vec::new();
    for row in &q.all(&IAM, args![run]).await? {
        let scope: String = row.get("scope")?;
        if let Some((part, account)) = scope.split_once(':') {
            found.push((part.to_owned(), account.to_owned(), row.get("began")?));
        }
    }
    Ok(found)
}

/// Forgets up to `most` of a run's. Answers how many.
pub(in crate::directory) async fn forget(tx: &mut Tx, run: SyncId, most: i64) -> Result<u64> {
    tx.run(&FORGET, args![run, most]).await
}

/// Forgets up to `most` of those of runs that are over. Answers how many.
pub(in crate::directory) async fn sweep(tx: &mut Tx, most: i64) -> Result<u64> {
    tx.run(&SWEEP, args![most]).await
}
