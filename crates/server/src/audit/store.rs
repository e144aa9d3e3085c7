//! All SQL of `audit_events`, `audit_subjects` and `audit_head`.

use std::fmt::Write as _;

use serde_json::Value;
use stint_api::audit::{AuditActor, AuditEvent, AuditSubject};
use stint_db::{Error, Hand, Query, Result, Row, args};
use stint_domain::audit::{ActorRef, Event, Head, Link};
use stint_domain::{AuditId, Time, UserId};

use super::Filter;

stint_db::statements! {
    /// The head, held until the commit.
    HEAD = "select seq, hash from audit_head where id = 1{lock}";
    /// Moves the head.
    quiet MOVE_HEAD = "update audit_head set seq = $1, hash = $2 where id = 1";
    /// An event.
    quiet INSERT_EVENT = "insert into audit_events \
        (seq, id, at, action, actor_kind, actor_id, prev, hash, body) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// What it is about.
    quiet INSERT_SUBJECT = "insert into audit_subjects (seq, kind, id) values ($1, $2, $3) \
        on conflict (id, seq) do nothing";
    /// A stretch of the chain, to verify it.
    LINKS = "select seq, id, at, action, actor_kind, actor_id, prev, hash, body \
        from audit_events where seq > $1 order by seq limit $2";
    /// The subjects of a stretch, to verify them.
    SUBJECTS = "select seq, kind, id from audit_subjects where seq > $1 and seq <= $2 \
        order by seq, id";
    /// The newest events that fit.
    LIST = "select e.seq, e.id, e.at, e.action, e.hash, e.body from audit_events e \
        where (e.seq < $1 or $1 is null) \
        and (e.action = $2 or $2 is null) \
        and ((e.action >= $3 and e.action < $4) or $3 is null) \
        and (e.actor_id = $5 or $5 is null) \
        and (exists (select 1 from audit_subjects s where s.id = $6 and s.seq = e.seq) or $6 is null) \
        and (e.at >= $7 or $7 is null) and (e.at < $8 or $8 is null) \
        and (e.actor_kind = $10 or $10 is null) \
        and ($11 = '%' or lower(e.body) like $11 escape '\\') \
        order by e.seq desc limit $9";
}

pub(super) async fn head(q: &mut impl Query) -> Result<Head> {
    let row = q.one(&HEAD, args![]).await?;
    Ok(Head {
        seq: row.get("seq")?,
        hash: row.get("hash")?,
    })
}

pub(super) async fn move_head(hand: &mut Hand<'_>, head: Head) -> Result<()> {
    hand.run(&MOVE_HEAD, args![head.seq, head.hash])
        .await
        .map(drop)
}

const fn actor_columns(actor: &ActorRef) -> (&'static str, Option<UserId>) {
    match actor {
        ActorRef::User { id, .. } => ("user", Some(*id)),
        ActorRef::System { .. } => ("system", None),
        ActorRef::Nobody => ("nobody", None),
    }
}

pub(super) async fn insert(
    hand: &mut Hand<'_>,
    id: AuditId,
    event: &Event,
    link: &Link,
) -> Result<()> {
    let (kind, actor) = actor_columns(&event.actor);
    let args = args![
        link.seq,
        id,
        event.at,
        event.action,
        kind,
        actor,
        link.prev,
        link.hash,
        &link.body
    ];
    hand.run(&INSERT_EVENT, args).await?;
    for subject in &event.subject {
        hand.run(&INSERT_SUBJECT, args![link.seq, &subject.kind, &subject.id])
            .await?;
    }
    Ok(())
}

/// A link with the columns beside it.
pub(super) struct Stored {
    pub(super) link: Link,
    pub(super) id: AuditId,
    pub(super) at: Time,
    pub(super) action: String,
    pub(super) actor_kind: String,
    pub(super) actor_id: Option<UserId>,
}

pub(super) async fn links(q: &mut impl Query, after: i64, limit: i64) -> Result<Vec<Stored>> {
    let rows = q.all(&LINKS, args![after, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Stored {
                link: Link {
                    seq: row.get("seq")?,
                    prev: row.get("prev")?,
                    hash: row.get("hash")?,
                    body: row.get("body")?,
                },
                id: row.get("id")?,
                at: row.get("at")?,
                action: row.get("action")?,
                actor_kind: row.get("actor_kind")?,
                actor_id: row.get("actor_id")?,
            })
        })
        .collect()
}

pub(super) async fn subjects(
    q: &mut impl Query,
    after: i64,
    upto: i64,
) -> Result<Vec<(i64, AuditSubject)>> {
    let rows = q.all(&SUBJECTS, args![after, upto]).await?;
    rows.iter()
        .map(|row| {
            let subject = AuditSubject {
                kind: row.get("kind")?,
                id: row.get("id")?,
            };
            Ok((row.get("seq")?, subject))
        })
        .collect()
}

pub(super) async fn list(
    q: &mut impl Query,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<AuditEvent>> {
    let (whole, from, to) = match filter.action.as_deref() {
        None => (None, None, None),
        // Everything that begins with `request.` lies between it and `request/`.
        Some(action) => match action.strip_suffix('.') {
            Some(stem) => (None, Some(action.to_owned()), Some(format!("{stem}/"))),
            None => (Some(action.to_owned()), None, None),
        },
    };
    let args = args![
        before,
        whole,
        from,
        to,
        filter.actor,
        filter.subject.clone(),
        filter.since,
        filter.until,
        limit,
        filter.by.clone(),
        crate::http::like(&filter.q),
    ];
    q.all(&LIST, args).await?.iter().map(read).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn read(row: &Row) -> Result<AuditEvent> {
    let body: Value =
        serde_json::from_str(&row.get::<String>("body")?).map_err(|why| Error::Column {
            column: "body".to_owned(),
            why: why.to_string(),
        })?;
    let part = |name: &str| body.get(name).cloned().unwrap_or(Value::Null);
    let hash = hex(&row.get::<[u8; 32]>("hash")?);
    Ok(AuditEvent {
        seq: row.get("seq")?,
        id: row.get::<AuditId>("id")?.to_string(),
        at: row.get::<Time>("at")?.to_string(),
        action: row.get("action")?,
        // What was meddled with may not have the form: the list still shows the rest.
        actor: serde_json::from_value(part("actor")).unwrap_or(AuditActor::Nobody),
        subject: serde_json::from_value(part("subject")).unwrap_or_default(),
        detail: part("detail"),
        request_id: part("request_id").as_str().map(str::to_owned),
        hash,
    })
}
