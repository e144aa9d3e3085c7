//! Grants and bindings: who is to hold what until when, and making AWS agree.
//!
//! **Tables**: `grants`, `bindings`, `attempts`, `moments`. **Audit events**: `grant.opened`,
//! `grant.confirmed`, `grant.closed`, `grant.ended`, `attempt.intended`, `attempt.answered`,
//! `attempt.presumed`, `binding.adopted`, `binding.taken_away`, `binding.interruption_over`,
//! `binding.stuck`, `binding.unstuck`, `binding.absence_proved`, `binding.removal_decided`,
//! `binding.provision_again`, `binding.retried`. **Outbox**: the `grant.` events, with
//! `grant.ending` once before an end; `binding.stuck` and `binding.taken_away`.
//!
//! What it promises: the rules are `stint_domain::binding`'s, and nothing is decided here. No
//! call that changes AWS is made before its attempt and the event about it are committed
//! (invariant 1); every call is signed with its attempt's time, so that AWS refuses it once it
//! is old; an outcome is written to its own attempt whoever brings it; a removal waits for no
//! provision and no sync.
//!
//! What it does not do: say who may have access (`requests`), or notify (the outbox's readers).

mod crowd;
mod error;
mod http;
mod keep;
mod names;
pub(crate) mod pages;
mod remind;
mod store;
mod tasks;
mod tell;
#[cfg(test)]
mod tests;
mod verbs;
mod worker;

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Query, Tx};
#[cfg(test)]
use stint_domain::binding::Config;
use stint_domain::binding::{Binding, BindingKind};
use stint_domain::duty::Window;
use stint_domain::entitlement::Pair;
use stint_domain::grant::{self as rules, GrantState};
use stint_domain::{
    BindingId, ConnectionId, EntitlementId, GrantId, PrincipalId, RequestId, Span, Time, UserId,
};

use crate::connections;
use crate::cx::Cx;
use crate::directory;

pub use error::Error;
pub use keep::{asked, keep, next_review, to_review};
pub use rules::CloseReason;
pub use tasks::{PROVISION, REMOVE, nudge};
pub use verbs::{
    Remaining, cut_off, get, list, mine, mine_now, now_of, provision_again, remaining, retry,
    revoke,
};

pub(crate) use http::{kept, routes};
pub(crate) use names::Names;
pub(crate) use pages::{Revoke, chip, revoke_form, routes as page_routes, time_left, told};
pub(crate) use store::STATEMENTS;
pub(crate) use tasks::tasks;

/// Where a grant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An approved request.
    Request(RequestId),
}

impl Origin {
    /// The stable word and the id, as stored.
    pub(crate) const fn parts(self) -> (&'static str, uuid::Uuid) {
        match self {
            Self::Request(id) => ("request", id.0),
        }
    }
}

/// A grant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// Who × what.
    pub pair: Pair,
    /// For whom.
    pub user: UserId,
    /// By what.
    pub origin: Origin,
    /// Not before.
    pub start: Time,
    /// For how long from its confirmation; absent: until revoked.
    pub duration: Option<Span>,
    /// When it was approved.
    pub approved_at: Time,
    /// The grant it continues, if its window is still open then; what that is over by itself
    /// makes this a grant like any other, and what was ended early is not continued.
    pub extends: Option<GrantId>,
    /// Whether it was asked for in an emergency.
    pub emergency: bool,
    /// How often it is asked whether it is still needed, where it is had until it is revoked; its
    /// duration reaches [`rules::ANSWER_WITHIN`] past its first review then.
    pub review_every: Option<Span>,
}

/// A grant with the binding that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// For whom.
    pub user: UserId,
    /// By what.
    pub origin: Origin,
    /// Who × what.
    pub pair: Pair,
    /// Whether it was asked for in an emergency.
    pub emergency: bool,
    /// How often it is asked whether it is still needed, where it is had until it is revoked.
    pub review_every: Option<Span>,
    /// The end of the last grant it goes on in, where somebody said, once or more often, that it is still
    /// needed.
    pub kept_until: Option<Time>,
    /// When it was opened.
    pub opened_at: Time,
    /// When its window opens.
    pub start: Time,
    /// The window, as the rules see it.
    pub window: rules::Grant,
    /// The binding of its pair.
    pub binding: Binding,
}

impl Grant {
    /// Where it stands, for people.
    pub fn status(&self, now: Time) -> GrantState {
        GrantState::of(&self.window, &self.binding, now)
    }

    /// When its window is over; nothing while it lasts until revoked.
    pub fn end(&self) -> Option<Time> {
        self.window.end()
    }

    /// When the access is over, with what it goes on in; nothing while it lasts until revoked.
    pub fn lasts_until(&self) -> Option<Time> {
        self.kept_until.or_else(|| self.end())
    }

    /// Where it is had until it is revoked, and not over: when it is asked next whether it is still needed.
    pub fn review_at(&self) -> Option<Time> {
        self.review_every.filter(|_| self.is_open())?;
        let kept = self.kept_until.map(|end| end - rules::ANSWER_WITHIN);
        kept.or_else(|| self.window.review_at())
    }

    /// Neither closed nor ended: it gives, or will give, access.
    pub const fn is_open(&self) -> bool {
        self.window.closed.is_none() && self.window.ended.is_none()
    }
}

/// Something that happened to a grant or its binding, for a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// The stable word, as in the audit log.
    pub what: String,
    /// In a sentence.
    pub text: String,
    /// AWS's id of the call, where one was made.
    pub aws_request_id: Option<String>,
}

/// Which grants to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// Those that give or will give access, or whose access is being removed.
    #[default]
    Live,
    /// Of those, the ones that end within [`SOON`].
    Soon,
    /// Those whose access AWS refuses to remove.
    Stuck,
    /// Those that never gave access.
    Failed,
    /// Those that are over.
    Ended,
    /// Those asked for in an emergency, whatever became of them.
    Emergency,
}

/// How near the end of a grant is when it is listed as ending soon.
pub const SOON: Span = Span::hours(1);

/// The numbers of the model, as they are unless set.
#[cfg(test)]
pub(crate) fn model() -> Config {
    Config::default()
}

/// Opens a grant in the caller's transaction, with its event. Call [`nudge`] after the commit.
///
/// Refused while the connection is drained, whoever was quicker: the connection's row is held
/// until the commit, so that who begins to drain it sees this grant or comes first.
pub async fn open(cx: &Cx, tx: &mut Tx, new: NewGrant) -> Result<GrantId, Error> {
    let entitlement = directory::entitlement(tx, new.pair.entitlement)
        .await?
        .ok_or(Error::NotFound)?;
    let kind = BindingKind::of(&entitlement.key);
    let binding = store::ledgers::ensure(tx, cx.app.new_id(), &new.pair, kind, cx.now).await?;
    let was = store::ledgers::load(tx, binding, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    // The last row taken: from here to the commit nobody begins to drain the connection.
    if let Some(closed) = connections::hold_open(tx, new.pair.connection).await? {
        return Err(Error::Closed(Box::new(closed)));
    }
    let id: GrantId = cx.app.new_id();
    let window = match continued(tx, id, &new, cx.now).await? {
        Some(successor) => successor,
        None => rules::Grant::open(id, new.pair, new.start, new.duration, new.approved_at),
    };
    let start = window.start;
    let continues = window.predecessor.is_some();
    let is = was.clone().open(window, cx.now);
    let opening = store::ledgers::Opening {
        user: new.user,
        origin: new.origin,
        emergency: new.emergency,
        review_every: new.review_every,
        at: cx.now,
    };
    store::ledgers::save(tx, &was, &is, Some(&opening)).await?;
    tell::opened(cx, tx, binding, id, &new, continues.then_some(start)).await?;
    Ok(id)
}

/// The successor of the grant that is to be extended, while that can be. Read with the binding's
/// row held, so that nobody ends it meanwhile.
async fn continued(
    tx: &mut Tx,
    id: GrantId,
    new: &NewGrant,
    now: Time,
) -> Result<Option<rules::Grant>, Error> {
    let (Some(extends), Some(duration)) = (new.extends, new.duration) else {
        return Ok(None);
    };
    let Some(before) = store::lists::get(tx, extends).await? else {
        return Ok(None);
    };
    if before.window.closed.is_some() {
        return Err(Error::ExtendsClosed);
    }
    let same = before.pair == new.pair;
    Ok((before.window.extend(id, duration, now).ok()).filter(|_| same))
}

/// A grant with its binding's row held until the commit, and its successor that was not closed.
pub async fn held(
    cx: &Cx,
    tx: &mut Tx,
    id: GrantId,
) -> Result<Option<(Grant, Option<GrantId>)>, Error> {
    let Some(found) = store::lists::get(tx, id).await? else {
        return Ok(None);
    };
    store::ledgers::load(tx, found.binding.id, cx.now, &cx.app.model).await?;
    let next = store::lists::successors(tx, [id]).await?;
    let again = store::lists::get(tx, id).await?;
    Ok(again.map(|grant| (grant, next.get(&id).copied())))
}

/// Of these grants, those that go on in another, with that one.
pub async fn successors(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GrantId>,
) -> stint_db::Result<BTreeMap<GrantId, GrantId>> {
    store::lists::successors(q, ids).await
}

/// Closes a grant in the caller's transaction, and those that continue it, with the events.
/// False when its window was over already. Call [`nudge`] after the commit.
pub async fn close(cx: &Cx, tx: &mut Tx, id: GrantId, reason: CloseReason) -> Result<bool, Error> {
    close_with(cx, tx, id, reason, None).await
}

/// The same with what the person says who closes it.
pub async fn close_because(
    cx: &Cx,
    tx: &mut Tx,
    id: GrantId,
    reason: CloseReason,
    note: &str,
) -> Result<bool, Error> {
    close_with(cx, tx, id, reason, Some(note.to_owned())).await
}

async fn close_with(
    cx: &Cx,
    tx: &mut Tx,
    id: GrantId,
    reason: CloseReason,
    note: Option<String>,
) -> Result<bool, Error> {
    let found = store::lists::get(tx, id).await?.ok_or(Error::NotFound)?;
    let was = store::ledgers::load(tx, found.binding.id, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    // Read again under the binding's row: it may have ended meanwhile.
    if was.grants.iter().all(|g| g.id != id || g.is_over(cx.now)) {
        return Ok(false);
    }
    let (is, facts) = was.clone().close(id, reason, note, cx.now)?;
    store::ledgers::save(tx, &was, &is, None).await?;
    tell::facts(cx, tx, &is, &facts, None).await?;
    Ok(true)
}

/// Those of these grants that exist: one look-up for all that a page shows.
pub async fn several(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GrantId>,
) -> stint_db::Result<BTreeMap<GrantId, Grant>> {
    let found = store::lists::several(q, ids).await?;
    Ok(found.into_iter().map(|grant| (grant.id, grant)).collect())
}

/// The grants of a binding that have not ended, oldest first.
pub async fn of_binding(q: &mut impl Query, id: BindingId) -> stint_db::Result<Vec<Grant>> {
    store::lists::of_binding(q, id).await
}

/// What a request gave, oldest first.
pub async fn of_request(q: &mut impl Query, id: RequestId) -> stint_db::Result<Vec<Grant>> {
    store::lists::of_request(q, id).await
}

/// What several requests gave, oldest first: one look-up for all that a page shows.
pub async fn of_requests(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = RequestId>,
) -> stint_db::Result<BTreeMap<RequestId, Vec<Grant>>> {
    let mut all: BTreeMap<RequestId, Vec<Grant>> = BTreeMap::new();
    for grant in store::lists::of_requests(q, ids).await? {
        let Origin::Request(request) = grant.origin;
        all.entry(request).or_default().push(grant);
    }
    Ok(all)
}

/// Of what one request gave, oldest first, the grant that counts now: the last that has begun, or else the
/// last. What is kept until it is revoked has several.
pub fn current(grants: &[Grant], now: Time) -> Option<&Grant> {
    let begun = grants.iter().rev().find(|grant| grant.start <= now);
    begun.or_else(|| grants.last())
}

/// What happened to the grants of one request and, while they stood, to their binding, oldest first. One
/// look-up, however many there are.
pub async fn timeline(q: &mut impl Query, grants: &[Grant]) -> stint_db::Result<Vec<Moment>> {
    store::lists::moments(q, grants).await
}

/// When the next window is over, if any is open.
pub async fn next_end(q: &mut impl Query, now: Time) -> stint_db::Result<Option<Time>> {
    store::lists::next_end(q, now).await
}

/// Which of these pairs a grant gave at that moment, and whether Stint had put them into AWS
/// itself (false: access that stood there already was used).
pub async fn gave(
    q: &mut impl Query,
    pairs: &[(PrincipalId, EntitlementId)],
    at: Time,
) -> stint_db::Result<BTreeMap<(PrincipalId, EntitlementId), bool>> {
    store::lists::gave(q, pairs, at).await
}

/// How many removals AWS refuses.
pub async fn count_stuck(q: &mut impl Query, now: Time) -> stint_db::Result<i64> {
    store::lists::count_stuck(q, now).await
}

/// What keeps a connection in service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unsettled {
    /// Grants that have not ended.
    pub grants: i64,
    /// Of those, the first two hundred.
    pub first: Vec<Grant>,
    /// Bindings whose absence is not proved yet, or that are in quarantine.
    pub bindings: i64,
    /// The latest end of a quarantine.
    pub until: Option<Time>,
}

/// What a connection still holds together.
pub async fn unsettled_on(
    q: &mut impl Query,
    connection: ConnectionId,
    now: Time,
) -> stint_db::Result<Unsettled> {
    let (bindings, until) = store::lists::unsettled_on(q, connection, now).await?;
    Ok(Unsettled {
        grants: store::lists::open_on(q, connection).await?,
        first: store::lists::first_open_on(q, connection).await?,
        bindings,
        until,
    })
}

/// Who has a grant of this entitlement that has not ended, whether AWS shows it yet or not.
pub async fn holders_of(
    q: &mut impl Query,
    entitlement: EntitlementId,
) -> stint_db::Result<BTreeSet<UserId>> {
    store::lists::holders_of(q, entitlement).await
}

/// What this user has grants of that have not ended, whether AWS shows it yet or not.
pub async fn held_by(
    q: &mut impl Query,
    user: UserId,
) -> stint_db::Result<BTreeSet<EntitlementId>> {
    store::lists::held_by(q, user).await
}

/// Something given to a principal, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// To whom.
    pub principal: PrincipalId,
    /// What.
    pub entitlement: EntitlementId,
    /// From when until when at most.
    pub window: Window,
    /// Whether what is in AWS is there by Stint: it goes with the last grant.
    pub ours: bool,
}

/// The grants to these principals that have not ended. One statement.
pub async fn given_to(
    q: &mut impl Query,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> stint_db::Result<Vec<Given>> {
    store::lists::given_to(q, principals).await
}

/// The grants of these entitlements that have not ended. One statement.
pub async fn given_of(
    q: &mut impl Query,
    entitlements: impl IntoIterator<Item = EntitlementId>,
) -> stint_db::Result<Vec<Given>> {
    store::lists::given_of(q, entitlements).await
}

/// When the newest add to an IAM group under this name was intended, after `fenced`, of which
/// nothing is known: until AWS would refuse it, nobody is to be given that name.
pub async fn name_in_flight(
    q: &mut impl Query,
    connection: ConnectionId,
    name: &str,
    fenced: Time,
) -> stint_db::Result<Option<Time>> {
    store::ledgers::add_in_flight(q, connection, name, fenced).await
}

/// How many grants of a connection have not ended.
pub async fn open_on(q: &mut impl Query, connection: ConnectionId) -> stint_db::Result<i64> {
    store::lists::open_on(q, connection).await
}
