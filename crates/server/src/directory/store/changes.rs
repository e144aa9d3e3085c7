//! What is to be read again, and what came of events.

use stint_aws::Object;
use stint_db::{Query, Result, Row, Tx, args};
use stint_domain::{ConnectionId, Span, Time};

use super::super::changes::{Feed, Waiting};

stint_db::statements! {
    quiet HEAR = "insert into changes (connection_id, kind, account, target, first_at, heard_at, settled_at, due_at, events, generation, tries) \
        values ($1, $2, $3, $4, $5, $5, $6, $6, 1, 1, 0) \
        on conflict (connection_id, kind, account, target) do update set heard_at = excluded.heard_at, \
        settled_at = case when excluded.settled_at > changes.settled_at then excluded.settled_at else changes.settled_at end, \
        due_at = case when changes.error is not null then changes.due_at \
            when excluded.settled_at < changes.first_at + $7 then excluded.settled_at else changes.first_at + $7 end, \
        events = changes.events + 1, generation = changes.generation + 1";
    /// Tags after all others: nobody's access is on them.
    DUE = "select kind, account, target, first_at, settled_at, due_at, generation, tries from changes \
        where connection_id = $1 and due_at <= $2 \
        order by case when kind = 'account_tags' then 1 else 0 end, due_at, kind, account, target limit $3";
    /// Only the request to read everything.
    DUE_WHOLE = "select kind, account, target, first_at, settled_at, due_at, generation, tries from changes \
        where connection_id = $1 and kind = 'everything' and due_at <= $2";
    /// Takes one: until then nobody else does.
    quiet TAKE = "update changes set due_at = $6, tries = tries + 1 \
        where connection_id = $1 and kind = $2 and account = $3 and target = $4 and generation = $5 and due_at <= $7";
    quiet DONE = "delete from changes where connection_id = $1 and kind = $2 and account = $3 and target = $4 and generation = $5";
    /// A later event came meanwhile, or the reading was too early for the last one.
    quiet AGAIN = "update changes set first_at = $6, due_at = case when settled_at > $5 and kind <> 'everything' then settled_at else $5 end, tries = 0, error = null \
        where connection_id = $1 and kind = $2 and account = $3 and target = $4";
    quiet FAILED = "update changes set due_at = $5, error = $6 where connection_id = $1 and kind = $2 and account = $3 and target = $4";
    /// Everything that a reading of the whole estate, begun late enough, has seen. It reads only some
    /// accounts' tags.
    quiet COVERED = "delete from changes where connection_id = $1 and settled_at <= $2 and kind <> 'account_tags'";
    /// The same, but for what it may have known from before, or not at all: a credential report is hours old,
    /// the units are read once a day, a list of roles tells no boundary.
    quiet COVERED_SURELY = "delete from changes where connection_id = $1 and settled_at <= $2 and kind not in ('account_tags', 'iam_credentials', 'iam_role', 'units')";
    quiet DROP_ALL = "delete from changes where connection_id = $1";
    quiet DROP_FEED = "delete from change_feeds where connection_id = $1";
    NEXT = "select min(due_at) as at from changes where connection_id = $1";
    NEXT_WHOLE = "select min(due_at) as at from changes where connection_id = $1 and kind = 'everything'";
    COUNT = "select count(*) as n from changes where connection_id = $1";
    /// Those that a reading of the whole estate does away with.
    FLOODING = "select count(*) as n from changes where connection_id = $1 and kind <> 'account_tags'";
    TAGS_WAITING = "select count(*) as n from changes where connection_id = $1 and kind = 'account_tags'";
    WAITING = "select kind, count(*) as n, min(first_at) as since from changes where connection_id = $1 group by kind order by kind";
    TROUBLE = "select kind, error from changes where connection_id = $1 and error is not null order by tries desc, due_at limit 20";
    FEED = "select polled_at, messages, hints, ignored, unknown, malformed, last_unknown, error, error_at \
        from change_feeds where connection_id = $1";
    quiet POLLED = "insert into change_feeds (connection_id, polled_at, messages, hints, ignored, unknown, malformed, last_unknown, ended) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, 0) \
        on conflict (connection_id) do update set polled_at = excluded.polled_at, \
        messages = change_feeds.messages + excluded.messages, \
        hints = change_feeds.hints + excluded.hints, ignored = change_feeds.ignored + excluded.ignored, \
        unknown = change_feeds.unknown + excluded.unknown, malformed = change_feeds.malformed + excluded.malformed, \
        last_unknown = coalesce(excluded.last_unknown, change_feeds.last_unknown), error = null, error_at = null";
    quiet NOT_POLLED = "insert into change_feeds (connection_id, messages, hints, ignored, unknown, malformed, error, error_at, ended) \
        values ($1, 0, 0, 0, 0, 0, $2, $3, 0) \
        on conflict (connection_id) do update set error = excluded.error, error_at = excluded.error_at";
    /// How much was ended since then.
    ENDED_SINCE = "select ended, ended_since from change_feeds where connection_id = $1{lock}";
    quiet SET_ENDED = "insert into change_feeds (connection_id, messages, hints, ignored, unknown, malformed, ended, ended_since) \
        values ($1, 0, 0, 0, 0, 0, $2, $3) \
        on conflict (connection_id) do update set ended = excluded.ended, ended_since = excluded.ended_since";
    NEWEST_RUN = "select state, started_at from sync_runs where connection_id = $1 order by started_at desc, id desc limit 1";
    /// When the last run began that read the whole estate, whatever is thought of what it found gone.
    READ_WHOLE = "select max(started_at) as at from sync_runs where connection_id = $1 and state in ('complete', 'held', 'ending', 'set_aside')";
}

/// The name of an object in the table: kind, account and target.
pub(in crate::directory) fn key(of: &Object) -> (&'static str, &str, &str) {
    match of {
        Object::Everything => ("everything", "", ""),
        Object::Accounts => ("accounts", "", ""),
        Object::AccountTags(account) => ("account_tags", account, ""),
        Object::Units => ("units", "", ""),
        Object::PermissionSet(arn) => ("permission_set", "", arn),
        Object::Assignments {
            account,
            permission_set,
        } => ("assignments", account, permission_set),
        Object::Users => ("users", "", ""),
        Object::User(id) => ("user", "", id),
        Object::Groups => ("groups", "", ""),
        Object::Group(id) => ("group", "", id),
        Object::Members(id) => ("members", "", id),
        Object::Membership(id) => ("membership", "", id),
        Object::IamUsers { account } => ("iam_users", account, ""),
        Object::IamUser { account, name } => ("iam_user", account, name),
        Object::IamGroup { account, name } => ("iam_group", account, name),
        Object::IamCredentials { account, name } => ("iam_credentials", account, name),
        Object::IamRoles { account } => ("iam_roles", account, ""),
        Object::IamRole { account, name } => ("iam_role", account, name),
        Object::IamAccount { account } => ("iam_account", account, ""),
    }
}

fn object(kind: &str, account: String, target: String) -> Option<Object> {
    Some(match kind {
        "everything" => Object::Everything,
        "accounts" => Object::Accounts,
        "account_tags" => Object::AccountTags(account),
        "units" => Object::Units,
        "permission_set" => Object::PermissionSet(target),
        "assignments" => Object::Assignments {
            account,
            permission_set: target,
        },
        "users" => Object::Users,
        "user" => Object::User(target),
        "groups" => Object::Groups,
        "group" => Object::Group(target),
        "members" => Object::Members(target),
        "membership" => Object::Membership(target),
        "iam_users" => Object::IamUsers { account },
        "iam_user" => Object::IamUser {
            account,
            name: target,
        },
        "iam_group" => Object::IamGroup {
            account,
            name: target,
        },
        "iam_credentials" => Object::IamCredentials {
            account,
            name: target,
        },
        "iam_roles" => Object::IamRoles { account },
        "iam_role" => Object::IamRole {
            account,
            name: target,
        },
        "iam_account" => Object::IamAccount { account },
        _ => return None,
    })
}

fn read(row: &Row) -> Result<Option<Waiting>> {
    let kind: String = row.get("kind")?;
    let object = object(&kind, row.get("account")?, row.get("target")?);
    let Some(object) = object else {
        return Ok(None);
    };
    Ok(Some(Waiting {
        object,
        first: row.get("first_at")?,
        settled: row.get("settled_at")?,
        generation: row.get("generation")?,
        tries: row.get("tries")?,
    }))
}

/// Notes that an object may have changed. Read from `settled` on, and not much later than `most`
/// after the first event of it.
pub(in crate::directory) async fn hear(
    tx: &mut Tx,
    connection: ConnectionId,
    of: &Object,
    now: Time,
    settled: Time,
    most: Span,
) -> Result<()> {
    let (kind, account, target) = key(of);
    let values = args![
        connection,
        kind,
        account,
        target,
        now,
        settled,
        most.as_micros()
    ];
    tx.run(&HEAR, values).await.map(drop)
}

/// What is due, most urgent first.
pub(in crate::directory) async fn due(
    q: &mut impl Query,
    connection: ConnectionId,
    now: Time,
    most: i64,
) -> Result<Vec<Waiting>> {
    let rows = q.all(&DUE, args![connection, now, most]).await?;
    rows.iter()
        .filter_map(|row| read(row).transpose())
        .collect()
}

/// The request to read everything, if it is due.
pub(in crate::directory) async fn due_whole(
    q: &mut impl Query,
    connection: ConnectionId,
    now: Time,
) -> Result<Vec<Waiting>> {
    let rows = q.all(&DUE_WHOLE, args![connection, now]).await?;
    rows.iter()
        .filter_map(|row| read(row).transpose())
        .collect()
}

/// Takes one until `until`. False when somebody else has, or an event came meanwhile.
pub(in crate::directory) async fn take(
    tx: &mut Tx,
    connection: ConnectionId,
    of: &Waiting,
    until: Time,
    now: Time,
) -> Result<bool> {
    let (kind, account, target) = key(&of.object);
    let values = args![connection, kind, account, target, of.generation, until, now];
    Ok(tx.run(&TAKE, values).await? > 0)
}

/// It was read by a reading that began at `began`. It stays where a later event came meanwhile, or
/// where the reading was too early.
pub(in crate::directory) async fn done(
    tx: &mut Tx,
    connection: ConnectionId,
    of: &Waiting,
    began: Time,
) -> Result<()> {
    let (kind, account, target) = key(&of.object);
    if of.settled <= began {
        let values = args![connection, kind, account, target, of.generation];
        if tx.run(&DONE, values).await? > 0 {
            return Ok(());
        }
    }
    again(tx, connection, &of.object, began, began).await
}

/// It is to be read again at `at`, or when the last event of it has settled.
pub(in crate::directory) async fn again(
    tx: &mut Tx,
    connection: ConnectionId,
    of: &Object,
    at: Time,
    now: Time,
) -> Result<()> {
    let (kind, account, target) = key(of);
    let values = args![connection, kind, account, target, at, now];
    tx.run(&AGAIN, values).await.map(drop)
}

/// It could not be read, and is tried again at `at`.
pub(in crate::directory) async fn failed(
    tx: &mut Tx,
    connection: ConnectionId,
    of: &Object,
    at: Time,
    why: &str,
) -> Result<()> {
    let (kind, account, target) = key(of);
    let values = args![connection, kind, account, target, at, why];
    tx.run(&FAILED, values).await.map(drop)
}

/// Drops what a reading of everything has seen: what had settled by then. In a flood also what that
/// reading may have known from before: of so much the next one tells.
pub(in crate::directory) async fn covered(
    tx: &mut Tx,
    connection: ConnectionId,
    settled_by: Time,
    flood: bool,
) -> Result<u64> {
    let statement = match flood {
        true => &COVERED,
        false => &COVERED_SURELY,
    };
    tx.run(statement, args![connection, settled_by]).await
}

/// Nothing of this connection is read any more.
pub(in crate::directory) async fn drop_all(tx: &mut Tx, connection: ConnectionId) -> Result<()> {
    tx.run(&DROP_ALL, args![connection]).await?;
    tx.run(&DROP_FEED, args![connection]).await.map(drop)
}

/// When the next is due; `whole`: only counting the request to read everything.
pub(in crate::directory) async fn next(
    q: &mut impl Query,
    connection: ConnectionId,
    whole: bool,
) -> Result<Option<Time>> {
    let statement = if whole { &NEXT_WHOLE } else { &NEXT };
    match q.maybe(statement, args![connection]).await? {
        Some(row) => row.get("at"),
        None => Ok(None),
    }
}

/// How many wait.
pub(in crate::directory) async fn count(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    let row = q.maybe(&COUNT, args![connection]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

/// How many of those wait that a reading of the whole estate does away with.
pub(in crate::directory) async fn flooding(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    let row = q.maybe(&FLOODING, args![connection]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

/// How many accounts wait to have their tags read.
pub(in crate::directory) async fn tags_waiting(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<i64> {
    let row = q.maybe(&TAGS_WAITING, args![connection]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

/// How many of each kind wait, and since when.
pub(in crate::directory) async fn waiting(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<(String, i64, Option<Time>)>> {
    let rows = q.all(&WAITING, args![connection]).await?;
    rows.iter()
        .map(|row| Ok((row.get("kind")?, row.get("n")?, row.get("since")?)))
        .collect()
}

/// Why some could not be read: kind and words.
pub(in crate::directory) async fn trouble(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<(String, String)>> {
    let rows = q.all(&TROUBLE, args![connection]).await?;
    rows.iter()
        .map(|row| Ok((row.get("kind")?, row.get("error")?)))
        .collect()
}

/// What came of a connection's events.
pub(in crate::directory) async fn feed(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<Feed>> {
    let row = q.maybe(&FEED, args![connection]).await?;
    row.map(|row| {
        Ok(Feed {
            polled_at: row.get("polled_at")?,
            message_at: None,
            messages: row.get("messages")?,
            hints: row.get("hints")?,
            ignored: row.get("ignored")?,
            unknown: row.get("unknown")?,
            malformed: row.get("malformed")?,
            last_unknown: row.get("last_unknown")?,
            error: row.get("error")?,
            error_at: row.get("error_at")?,
        })
    })
    .transpose()
}

/// Adds what a poll brought.
pub(in crate::directory) async fn polled(
    tx: &mut Tx,
    connection: ConnectionId,
    now: Time,
    brought: &Feed,
) -> Result<()> {
    let values = args![
        connection,
        now,
        brought.messages,
        brought.hints,
        brought.ignored,
        brought.unknown,
        brought.malformed,
        brought.last_unknown.clone()
    ];
    tx.run(&POLLED, values).await.map(drop)
}

/// The queue could not be read.
pub(in crate::directory) async fn not_polled(
    tx: &mut Tx,
    connection: ConnectionId,
    why: &str,
    now: Time,
) -> Result<()> {
    tx.run(&NOT_POLLED, args![connection, why, now])
        .await
        .map(drop)
}

/// How many assignments readings after events have ended since that reading of everything.
pub(in crate::directory) async fn ended_since(
    tx: &mut Tx,
    connection: ConnectionId,
    whole: Option<Time>,
) -> Result<i64> {
    let Some(row) = tx.maybe(&ENDED_SINCE, args![connection]).await? else {
        return Ok(0);
    };
    let since: Option<Time> = row.get("ended_since")?;
    if since == whole {
        row.get("ended")
    } else {
        Ok(0)
    }
}

/// Notes how many that were.
pub(in crate::directory) async fn set_ended(
    tx: &mut Tx,
    connection: ConnectionId,
    ended: i64,
    whole: Option<Time>,
) -> Result<()> {
    tx.run(&SET_ENDED, args![connection, ended, whole])
        .await
        .map(drop)
}

/// When the last run began that has read the whole estate.
pub(in crate::directory) async fn read_whole(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<Time>> {
    match q.maybe(&READ_WHOLE, args![connection]).await? {
        Some(row) => row.get("at"),
        None => Ok(None),
    }
}

/// State and begin of the newest run.
pub(in crate::directory) async fn newest_run(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Option<(String, Time)>> {
    let row = q.maybe(&NEWEST_RUN, args![connection]).await?;
    row.map(|row| Ok((row.get("state")?, row.get("started_at")?)))
        .transpose()
}
