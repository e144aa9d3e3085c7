//! A binding with its grants and attempts: loaded whole in one transaction, and written back
//! where it differs.

use std::collections::BTreeMap;

use stint_db::{Error, Query, Result, Row, Tx, Val, args};
use stint_domain::binding::{
    Attempt, AttemptKind, Binding, BindingKind, Claim, Config, Ledger, Observation, Outcome, Stuck,
};
use stint_domain::entitlement::Pair;
use stint_domain::grant::{CloseReason, Closed, Ended, Grant, Remains};
use stint_domain::{AttemptId, BindingId, ConnectionId, GrantId, Span, Time, UserId};

use super::super::Origin;

stint_db::statements! {
    BINDING = "select id, connection_id, principal_id, entitlement_id, kind, generation, lease_until, due, epoch, epoch_open, adopted, \
        reopened_at, read_began, read_present, read_membership, last_present_seen, inflight_clear, removal_decision, quarantine_until, \
        interrupted, stuck_since, stuck_reason, again_at, failures from bindings where id = $1 {lock}";
    LOOK = "select id, connection_id, principal_id, entitlement_id, kind, generation, lease_until, due, epoch, epoch_open, adopted, \
        reopened_at, read_began, read_present, read_membership, last_present_seen, inflight_clear, removal_decision, quarantine_until, \
        interrupted, stuck_since, stuck_reason, again_at, failures from bindings where id = $1";
    /// Several, to look at.
    LOOKS = "select id, connection_id, principal_id, entitlement_id, kind, generation, lease_until, due, epoch, epoch_open, adopted, \
        reopened_at, read_began, read_present, read_membership, last_present_seen, inflight_clear, removal_decision, quarantine_until, \
        interrupted, stuck_since, stuck_reason, again_at, failures from bindings where id in {ids $1}";
    OF_PAIR = "select id from bindings where principal_id = $1 and entitlement_id = $2";
    quiet INSERT_BINDING = "insert into bindings (id, connection_id, principal_id, entitlement_id, kind, generation, epoch, epoch_open, adopted, failures, created_at) \
        values ($1, $2, $3, $4, $5, 0, 0, $6, $6, 0, $7) on conflict (principal_id, entitlement_id) do nothing";
    /// Quiet: leases, due times and readings; what is news about a binding is a fact with an event.
    quiet UPDATE_BINDING = "update bindings set lease_until = $2, due = $3, epoch = $4, epoch_open = $5, adopted = $6, reopened_at = $7, \
        read_began = $8, read_present = $9, read_membership = $10, last_present_seen = $11, inflight_clear = $12, removal_decision = $13, \
        quarantine_until = $14, interrupted = $15, stuck_since = $16, stuck_reason = $17, again_at = $18, failures = $19 where id = $1";
    OPEN_GRANTS = "select g.id, g.start_at, g.duration, g.latest_end, g.confirmed_at, g.closed_at, g.close_reason, g.close_note, g.predecessor, \
        g.ended_at, g.remains, b.connection_id, b.principal_id, b.entitlement_id from grants g join bindings b on b.id = g.binding_id \
        where g.binding_id = $1 and g.ended_at is null order by g.id";
    INSERT_GRANT = "insert into grants (id, binding_id, user_id, origin, origin_id, opened_at, start_at, duration, latest_end, predecessor, ends_at, emergency, review_every) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    UPDATE_GRANT = "update grants set confirmed_at = $2, closed_at = $3, close_reason = $4, close_note = $5, ended_at = $6, remains = $7, ends_at = $8 \
        where id = $1 and ended_at is null";
    ATTEMPTS = "select id, kind, epoch, sign_at, under_removal, request_id, membership, polled_at, outcome, outcome_at, note from attempts \
        where binding_id = $1 and (epoch = $2 or sign_at >= $3 or outcome in ('unknown', 'accepted')) order by sign_at, id";
    ATTEMPT = "select id, kind, epoch, sign_at, under_removal, request_id, membership, polled_at, outcome, outcome_at, note from attempts where id = $1";
    INSERT_ATTEMPT = "insert into attempts (id, binding_id, kind, epoch, sign_at, under_removal, request_id, membership, polled_at, outcome, outcome_at, note) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    UPDATE_ATTEMPT = "update attempts set request_id = $2, membership = $3, polled_at = $4, outcome = $5, outcome_at = $6, note = $7, epoch = $8 where id = $1";
    /// Under which name an IAM user is added: part of the intent, committed with it.
    SENT_AS = "update attempts set sent_as = $2 where id = $1";
    SENT_AS_OF = "select sent_as from attempts where id = $1";
    /// An add of somebody else under the same name, of which nothing is known. $4: the fence.
    NAME_IN_FLIGHT = "select a.id from attempts a join bindings b on b.id = a.binding_id \
        where a.sent_as = $1 and a.sign_at > $4 and a.kind = 'create' and a.outcome = 'unknown' \
        and b.connection_id = $2 and b.principal_id <> $3 limit 1";
    /// The newest add of anybody under a name of which nothing is known. $3: the fence.
    ADD_IN_FLIGHT = "select max(a.sign_at) as at from attempts a join bindings b on b.id = a.binding_id \
        where a.sent_as = $1 and a.sign_at > $3 and a.kind = 'create' and a.outcome = 'unknown' and b.connection_id = $2";
    /// A look at a write in progress is no change of state, and neither is the epoch that a lost
    /// create is counted to from now on: the rules carry it over in any turn, with news or without.
    quiet KEPT = "update attempts set polled_at = $2, epoch = $3 where id = $1";
    /// The due bindings that hold for nobody now are removals: they never wait for the others.
    quiet CLAIM = "update bindings set generation = generation + 1, lease_until = $2 where id in ( \
        select b.id from bindings b where b.due <= $1 and (b.lease_until is null or b.lease_until <= $1) \
        and $3 = (not exists (select 1 from grants g where g.binding_id = b.id and g.ended_at is null and g.start_at <= $1 \
            and (g.ends_at is null or g.ends_at > $1)) or b.removal_decision is not null) \
        order by b.due, b.id limit $4 {skip}) and (lease_until is null or lease_until <= $1) returning id, generation";
    NEXT_DUE = "select case when lease_until is not null and lease_until > due then lease_until else due end as next from bindings \
        where due is not null order by 1 limit 1";
    MOMENT = "insert into moments (id, binding_id, grant_id, at, what, text, aws_request_id) values ($1, $2, $3, $4, $5, $6, $7)";
}

/// The binding of a pair, made if there is none.
pub(in crate::grants) async fn ensure(
    tx: &mut Tx,
    new: BindingId,
    pair: &Pair,
    kind: BindingKind,
    now: Time,
) -> Result<BindingId> {
    if let Some(row) = tx
        .maybe(&OF_PAIR, args![pair.principal, pair.entitlement])
        .await?
    {
        return row.get("id");
    }
    let values = args![
        new,
        pair.connection,
        pair.principal,
        pair.entitlement,
        kind.as_str(),
        false,
        now
    ];
    tx.run(&INSERT_BINDING, values).await?;
    tx.one(&OF_PAIR, args![pair.principal, pair.entitlement])
        .await?
        .get("id")
}

/// Everything the rules need about a binding, its row held until the commit.
pub(in crate::grants) async fn load(
    tx: &mut Tx,
    id: BindingId,
    now: Time,
    config: &Config,
) -> Result<Option<Ledger>> {
    let Some(row) = tx.maybe(&BINDING, args![id]).await? else {
        return Ok(None);
    };
    let binding = binding(&row)?;
    let rows = tx.all(&OPEN_GRANTS, args![id]).await?;
    let grants = rows.iter().map(grant).collect::<Result<_>>()?;
    let rows = tx
        .all(&ATTEMPTS, args![id, binding.epoch, now - config.memory()])
        .await?;
    let attempts = rows.iter().map(attempt).collect::<Result<_>>()?;
    Ok(Some(Ledger {
        binding,
        grants,
        attempts,
    }))
}

/// One attempt, however old.
pub(in crate::grants) async fn attempt_of(
    q: &mut impl Query,
    id: AttemptId,
) -> Result<Option<Attempt>> {
    q.maybe(&ATTEMPT, args![id])
        .await?
        .as_ref()
        .map(attempt)
        .transpose()
}

/// A binding as it stands, to look at.
pub(in crate::grants) async fn look(q: &mut impl Query, id: BindingId) -> Result<Option<Binding>> {
    q.maybe(&LOOK, args![id])
        .await?
        .as_ref()
        .map(binding)
        .transpose()
}

/// Several bindings as they stand, to look at.
pub(in crate::grants) async fn looks(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = BindingId>,
) -> Result<BTreeMap<BindingId, Binding>> {
    let rows = q.all(&LOOKS, args![Val::ids(ids)]).await?;
    (rows.iter())
        .map(|row| binding(row).map(|it| (it.id, it)))
        .collect()
}

/// A grant's own facts beside its window.
pub(in crate::grants) struct Opening {
    pub(in crate::grants) user: UserId,
    pub(in crate::grants) origin: Origin,
    pub(in crate::grants) emergency: bool,
    pub(in crate::grants) review_every: Option<Span>,
    pub(in crate::grants) at: Time,
}

/// Writes back what differs. `opening` tells about the one grant that is new, if one is.
pub(in crate::grants) async fn save(
    tx: &mut Tx,
    was: &Ledger,
    is: &Ledger,
    opening: Option<&Opening>,
) -> Result<()> {
    if was.binding != is.binding {
        update_binding(tx, &is.binding).await?;
    }
    for grant in &is.grants {
        match was.grants.iter().find(|g| g.id == grant.id) {
            Some(before) if before == grant => {}
            Some(_) => update_grant(tx, grant).await?,
            None => {
                let opening = opening.ok_or(Error::Missing {
                    statement: "a grant's opening",
                })?;
                insert_grant(tx, is.binding.id, grant, opening).await?;
            }
        }
    }
    for attempt in &is.attempts {
        match was.attempts.iter().find(|a| a.id == attempt.id) {
            Some(before) if before == attempt => {}
            Some(before) => update_attempt(tx, before, attempt).await?,
            None => insert_attempt(tx, is.binding.id, attempt).await?,
        }
    }
    Ok(())
}

async fn update_binding(tx: &mut Tx, b: &Binding) -> Result<()> {
    let read = b.observation.as_ref();
    let values = args![
        b.id,
        b.lease_until,
        b.due,
        b.epoch,
        b.epoch_open,
        b.adopted,
        b.reopened_at,
        read.map(|o| o.read_began),
        read.map(|o| o.present),
        read.and_then(|o| o.membership.clone()),
        b.last_present_seen,
        b.inflight_clear,
        b.removal_decision,
        b.quarantine_until,
        b.interrupted,
        b.stuck.as_ref().map(|s| s.since),
        b.stuck.as_ref().map(|s| s.reason.clone()),
        b.again_at,
        b.failures
    ];
    tx.run(&UPDATE_BINDING, values).await.map(drop)
}

async fn insert_grant(tx: &mut Tx, binding: BindingId, g: &Grant, opening: &Opening) -> Result<()> {
    let (origin, origin_id) = opening.origin.parts();
    let values = args![
        g.id,
        binding,
        opening.user,
        origin,
        origin_id,
        opening.at,
        g.start,
        g.duration,
        g.latest_end,
        g.predecessor,
        g.end(),
        opening.emergency,
        opening.review_every
    ];
    tx.run(&INSERT_GRANT, values).await.map(drop)
}

async fn update_grant(tx: &mut Tx, g: &Grant) -> Result<()> {
    let closed = g.closed.as_ref();
    let values = args![
        g.id,
        g.confirmed_at,
        closed.map(|c| c.at),
        closed.map(|c| c.reason.as_str().to_owned()),
        closed.and_then(|c| c.note.clone()),
        g.ended.map(|e| e.at),
        g.ended.map(|e| e.remains.as_str().to_owned()),
        g.end()
    ];
    tx.run(&UPDATE_GRANT, values).await.map(drop)
}

async fn insert_attempt(tx: &mut Tx, binding: BindingId, a: &Attempt) -> Result<()> {
    let values = args![
        a.id,
        binding,
        a.kind.as_str(),
        a.epoch,
        a.sign_at,
        a.under_removal,
        a.request_id.clone(),
        a.membership.clone(),
        a.polled_at,
        a.outcome.as_str(),
        a.outcome.at(),
        a.note.clone()
    ];
    tx.run(&INSERT_ATTEMPT, values).await.map(drop)
}

async fn update_attempt(tx: &mut Tx, before: &Attempt, a: &Attempt) -> Result<()> {
    let only_kept = Attempt {
        polled_at: a.polled_at,
        epoch: a.epoch,
        ..before.clone()
    } == *a;
    if only_kept {
        let values = args![a.id, a.polled_at, a.epoch];
        return tx.run(&KEPT, values).await.map(drop);
    }
    let values = args![
        a.id,
        a.request_id.clone(),
        a.membership.clone(),
        a.polled_at,
        a.outcome.as_str(),
        a.outcome.at(),
        a.note.clone(),
        a.epoch
    ];
    tx.run(&UPDATE_ATTEMPT, values).await.map(drop)
}

/// Notes the name an IAM user is to be added under. IAM's names are the same in any case
/// (AWS reference §1.1 [D]).
pub(in crate::grants) async fn send_as(tx: &mut Tx, id: AttemptId, name: &str) -> Result<()> {
    tx.run(&SENT_AS, args![id, name.to_lowercase()])
        .await
        .map(drop)
}

/// The name an IAM user is to be added under, as it was committed.
pub(in crate::grants) async fn sent_as(
    q: &mut impl Query,
    id: AttemptId,
) -> Result<Option<String>> {
    match q.maybe(&SENT_AS_OF, args![id]).await? {
        Some(row) => row.get("sent_as"),
        None => Ok(None),
    }
}

/// Whether an add of another principal of this estate under that name may be under way: one
/// intended after `fenced`, of which nothing is known.
pub(in crate::grants) async fn name_in_flight(
    q: &mut impl Query,
    pair: &Pair,
    name: &str,
    fenced: Time,
) -> Result<bool> {
    let values = args![name.to_lowercase(), pair.connection, pair.principal, fenced];
    Ok(q.maybe(&NAME_IN_FLIGHT, values).await?.is_some())
}

/// See [`crate::grants::name_in_flight`].
pub(in crate::grants) async fn add_in_flight(
    q: &mut impl Query,
    connection: ConnectionId,
    name: &str,
    fenced: Time,
) -> Result<Option<Time>> {
    let values = args![name.to_lowercase(), connection, fenced];
    q.one(&ADD_IN_FLIGHT, values).await?.get("at")
}

/// Claims due bindings: those to be removed (or idle), or those somebody holds now.
pub(in crate::grants) async fn claim(
    tx: &mut Tx,
    now: Time,
    config: &Config,
    removals: bool,
    most: i64,
) -> Result<Vec<(BindingId, Claim)>> {
    let rows = tx
        .all(&CLAIM, args![now, now + config.lease, removals, most])
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.get("id")?,
                Claim {
                    generation: row.get("generation")?,
                    began: now,
                },
            ))
        })
        .collect()
}

/// When the next binding can be claimed.
pub(in crate::grants) async fn next_due(q: &mut impl Query) -> Result<Option<Time>> {
    match q.maybe(&NEXT_DUE, args![]).await? {
        Some(row) => row.get("next"),
        None => Ok(None),
    }
}

/// Something that happened, for the timeline.
pub(in crate::grants) struct NewMoment<'a> {
    pub(in crate::grants) id: uuid::Uuid,
    pub(in crate::grants) binding: BindingId,
    pub(in crate::grants) grant: Option<GrantId>,
    pub(in crate::grants) at: Time,
    pub(in crate::grants) what: &'static str,
    pub(in crate::grants) text: &'a str,
    pub(in crate::grants) aws_request_id: Option<&'a str>,
}

/// Writes a moment down. It belongs to the event of its transaction.
pub(in crate::grants) async fn moment(tx: &mut Tx, m: &NewMoment<'_>) -> Result<()> {
    let values = args![
        m.id,
        m.binding,
        m.grant,
        m.at,
        m.what,
        m.text,
        m.aws_request_id.map(str::to_owned)
    ];
    tx.run(&MOMENT, values).await.map(drop)
}

fn unreadable(what: &str) -> Error {
    Error::Missing {
        statement: if what.is_empty() {
            "a word of the model"
        } else {
            "a stored word this version knows"
        },
    }
}

pub(super) fn binding(row: &Row) -> Result<Binding> {
    let kind: String = row.get("kind")?;
    let read_began: Option<Time> = row.get("read_began")?;
    let read_present: Option<bool> = row.get("read_present")?;
    let stuck_since: Option<Time> = row.get("stuck_since")?;
    let stuck_reason: Option<String> = row.get("stuck_reason")?;
    let membership: Option<String> = row.get("read_membership")?;
    Ok(Binding {
        id: row.get("id")?,
        pair: pair(row)?,
        kind: BindingKind::parse(&kind).ok_or_else(|| unreadable(&kind))?,
        generation: row.get("generation")?,
        lease_until: row.get("lease_until")?,
        due: row.get("due")?,
        epoch: row.get("epoch")?,
        epoch_open: row.get("epoch_open")?,
        adopted: row.get("adopted")?,
        reopened_at: row.get("reopened_at")?,
        observation: read_began
            .zip(read_present)
            .map(|(read_began, present)| Observation {
                read_began,
                present,
                membership,
            }),
        last_present_seen: row.get("last_present_seen")?,
        inflight_clear: row.get("inflight_clear")?,
        removal_decision: row.get("removal_decision")?,
        quarantine_until: row.get("quarantine_until")?,
        interrupted: row.get("interrupted")?,
        stuck: stuck_since.map(|since| Stuck {
            since,
            reason: stuck_reason.unwrap_or_default(),
        }),
        again_at: row.get("again_at")?,
        failures: row.get("failures")?,
    })
}

pub(super) fn pair(row: &Row) -> Result<Pair> {
    Ok(Pair {
        connection: row.get("connection_id")?,
        principal: row.get("principal_id")?,
        entitlement: row.get("entitlement_id")?,
    })
}

pub(super) fn grant(row: &Row) -> Result<Grant> {
    let closed_at: Option<Time> = row.get("closed_at")?;
    let reason: Option<String> = row.get("close_reason")?;
    let note: Option<String> = row.get("close_note")?;
    let closed = match (closed_at, reason) {
        (Some(at), Some(word)) => {
            let reason = CloseReason::parse(&word).ok_or_else(|| unreadable(&word))?;
            Some(Closed { at, reason, note })
        }
        _ => None,
    };
    let ended_at: Option<Time> = row.get("ended_at")?;
    let remains: Option<String> = row.get("remains")?;
    let ended = match (ended_at, remains) {
        (Some(at), Some(word)) => Some(Ended {
            at,
            remains: Remains::parse(&word).ok_or_else(|| unreadable(&word))?,
        }),
        _ => None,
    };
    Ok(Grant {
        id: row.get("id")?,
        pair: pair(row)?,
        start: row.get("start_at")?,
        duration: row.get("duration")?,
        latest_end: row.get("latest_end")?,
        confirmed_at: row.get("confirmed_at")?,
        closed,
        predecessor: row.get("predecessor")?,
        ended,
    })
}

fn attempt(row: &Row) -> Result<Attempt> {
    let kind: String = row.get("kind")?;
    let outcome: String = row.get("outcome")?;
    Ok(Attempt {
        id: row.get("id")?,
        kind: AttemptKind::parse(&kind).ok_or_else(|| unreadable(&kind))?,
        epoch: row.get("epoch")?,
        sign_at: row.get("sign_at")?,
        under_removal: row.get("under_removal")?,
        request_id: row.get("request_id")?,
        membership: row.get("membership")?,
        polled_at: row.get("polled_at")?,
        outcome: Outcome::parse(&outcome, row.get("outcome_at")?)
            .ok_or_else(|| unreadable(&outcome))?,
        note: row.get("note")?,
    })
}
