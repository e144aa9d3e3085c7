//! Verbs about delegations: who decides for somebody who is away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stint_db::{Priority, Query};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{DelegationId, Span, Time, UserId};

use super::store::{delegations, users};
use super::{Error, User, check};
use crate::cx::Cx;
use crate::http::{Page, Paging};
use crate::outbox;
use crate::web::time::exact;

/// The longest there is.
const LONGEST: Span = Span::hours(24 * 366);
/// How far ahead one may begin.
const FARTHEST: Span = Span::hours(24 * 366);
/// How many that are not over one user may have.
const MOST: usize = 20;
/// For how many users at most one may decide at a time: what they see is looked up for each.
const MOST_TO_ONE: usize = 50;
/// Why somebody cannot be chosen: the same whoever it is, so that it tells nothing of them.
const NOBODY: &str =
    "Nobody active who may decide has this address: give the e-mail address of somebody who has.";
/// So much in the past a start may lie: whoever fills in a form takes a while.
const LATE: Span = Span::minutes(15);

/// That somebody lets another decide for them for a time, on what they could decide themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// Its id.
    pub id: DelegationId,
    /// Who is away.
    pub user: UserId,
    /// Who decides for them.
    pub delegate: UserId,
    /// From when.
    pub starts_at: Time,
    /// Until when; before it where it was ended.
    pub ends_at: Time,
    /// For the delegate; may be empty.
    pub note: String,
    /// When it was written.
    pub created_at: Time,
    /// By whom: the user, or an administrator for them.
    pub created_by: Option<UserId>,
    /// Whether they had given their password of late when they made it, with the very sign-in they
    /// made it with. Where a policy wants the password of whoever approves, only such a one counts: who
    /// stole a token could else let an accomplice approve.
    pub proved: bool,
    /// When somebody ended it, if they did.
    pub ended_at: Option<Time>,
    /// Who.
    pub ended_by: Option<UserId>,
}

/// How far a delegation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelegationState {
    /// It has not begun.
    Planned,
    /// It is in force.
    InForce,
    /// Its time is over.
    Over,
    /// Somebody ended it.
    Ended,
}

impl DelegationState {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::InForce => "in_force",
            Self::Over => "over",
            Self::Ended => "ended",
        }
    }
}

impl Delegation {
    /// How far it is at this moment. One in force counts only while both are active and may decide.
    pub fn state(&self, now: Time) -> DelegationState {
        if self.ended_at.is_some() {
            DelegationState::Ended
        } else if now < self.starts_at {
            DelegationState::Planned
        } else if now < self.ends_at {
            DelegationState::InForce
        } else {
            DelegationState::Over
        }
    }
}

/// A delegation to be.
#[derive(Debug, Clone)]
pub struct NewDelegation {
    /// Who is away; the caller when absent. Only a Super Admin names somebody else.
    pub user: Option<UserId>,
    /// Who decides for them: an e-mail address; or an id, from whoever may see every user.
    pub delegate: String,
    /// From when; at once when absent.
    pub starts_at: Option<Time>,
    /// Until when.
    pub ends_at: Time,
    /// For the delegate; may be empty.
    pub note: String,
}

/// A delegation with the people it names.
#[derive(Debug, Clone)]
pub struct DelegationShown {
    /// It.
    pub delegation: Delegation,
    /// Who is away.
    pub user: User,
    /// Who decides for them.
    pub delegate: User,
}

/// Lets somebody decide for a user while they are away.
///
/// The delegate is an active user whose roles let them decide. Two of one user's never overlap, so
/// that it is always clear who decides. It begins now or later, and has an end at most a year away.
/// It is remembered whether the caller has given their password of late ([`Delegation::proved`]).
pub async fn delegate(cx: &Cx, new: NewDelegation) -> Result<Delegation, Error> {
    let user = new.user.unwrap_or(cx.person()?.id);
    cx.authorize(Verb::Delegate, super::relation(cx, user))?;
    let starts_at = match new.starts_at {
        Some(at) if at + LATE < cx.now => {
            let why = "It is in the past: leave it out to begin at once.";
            return Err(Error::bad("starts_at", why));
        }
        Some(at) if at > cx.now + FARTHEST => {
            let why = format!("It is more than {FARTHEST} ahead.");
            return Err(Error::bad("starts_at", why));
        }
        at => at.unwrap_or(cx.now).max(cx.now),
    };
    if new.ends_at <= starts_at {
        let why = "It is not after the start: give the day and time you are back.";
        return Err(Error::bad("ends_at", why));
    }
    if new.ends_at > starts_at + LONGEST {
        return Err(Error::bad(
            "ends_at",
            format!("A delegation lasts at most {LONGEST}: choose an earlier end."),
        ));
    }
    let note = check::note(&new.note)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let whom = named(cx, &mut tx, &new.delegate).await?;
    // Held until the commit: of two at once the second sees the first.
    let away = users::lock(&mut tx, user).await?.ok_or(Error::NotFound)?;
    let own = whom.as_ref().is_some_and(|it| it.id == user);
    if own {
        return Err(Error::bad(
            "delegate",
            "It is who would be away: choose somebody else.",
        ));
    }
    let whom = whom.filter(|it| it.active && it.decides());
    let whom = whom.ok_or_else(|| Error::bad("delegate", NOBODY))?;
    if !away.active {
        return Err(Error::Inactive);
    }
    let open = delegations::open(&mut tx, user, cx.now).await?;
    let overlapping = |it: &&Delegation| it.starts_at < new.ends_at && starts_at < it.ends_at;
    if let Some(other) = open.iter().find(overlapping) {
        return Err(Error::DelegationOverlaps {
            from: exact(other.starts_at),
            until: exact(other.ends_at),
        });
    }
    if open.len() >= MOST {
        return Err(Error::TooManyDelegations);
    }
    if delegations::open_to(&mut tx, whom.id, cx.now).await? >= MOST_TO_ONE {
        let why = "They are to decide for many others already: choose somebody else.";
        return Err(Error::bad("delegate", why));
    }
    let made = Delegation {
        id: cx.app.new_id(),
        user,
        delegate: whom.id,
        starts_at,
        ends_at: new.ends_at,
        note,
        created_at: cx.now,
        created_by: cx.actor.user(),
        proved: super::unproved(cx, &mut tx).await?.is_none(),
        ended_at: None,
        ended_by: None,
    };
    delegations::insert(&mut tx, &made).await?;
    let facts = json!({
        "delegate": made.delegate,
        "from": made.starts_at,
        "until": made.ends_at,
        "note": made.note,
        "proved": made.proved,
    });
    let about = [user.into(), made.delegate.into(), made.id.into()];
    tx.audit(cx.event("delegation.created", about, facts));
    let news = json!({ "delegation": made.id });
    outbox::emit(&mut tx, cx, "delegation.created", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(made)
}

/// Ends a delegation now, planned ones too. Who is away, their delegate, and Super Admins may. One
/// that is over stays as it is.
pub async fn end_delegation(cx: &Cx, id: DelegationId) -> Result<Delegation, Error> {
    let found = delegations::get(&mut cx.read().await?, id).await?;
    cx.authorize(Verb::EndDelegation, stands(cx, found.as_ref()))?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let mut found = delegations::lock(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    let open = matches!(
        found.state(cx.now),
        DelegationState::Planned | DelegationState::InForce
    );
    if open && delegations::end(&mut tx, id, cx.now, cx.actor.user()).await? {
        found.ended_at = Some(cx.now);
        found.ended_by = cx.actor.user();
        let about = [found.user.into(), found.delegate.into(), id.into()];
        tx.audit(cx.event("delegation.ended", about, json!({ "until": found.ends_at })));
        let news = json!({ "delegation": id });
        outbox::emit(&mut tx, cx, "delegation.ended", news).await?;
    }
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(found)
}

/// Which delegations to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DelegationFilter {
    /// Everybody's; else those the caller wrote or that name them.
    pub everybody: bool,
    /// Only those that are planned or in force.
    pub open: bool,
}

/// Delegations, newest first.
pub async fn list_delegations(
    cx: &Cx,
    filter: DelegationFilter,
    paging: &Paging,
) -> Result<Page<DelegationShown>, Error> {
    let of = if filter.everybody {
        cx.authorize(Verb::ListDelegations, Relation::None)?;
        None
    } else {
        cx.authorize(Verb::MyDelegations, Relation::Own)?;
        Some(cx.person()?.id)
    };
    let before = paging.after::<DelegationId>()?;
    let open_at = filter.open.then_some(cx.now);
    let mut q = cx.read().await?;
    let rows = delegations::list(&mut q, of, open_at, before, paging.fetch()).await?;
    let people =
        super::users_by_id(&mut q, rows.iter().flat_map(|it| [it.user, it.delegate])).await?;
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(|it| shown(it, &people))
        .collect();
    Ok(paging.page(rows, |it| it.delegation.id))
}

fn shown(delegation: Delegation, people: &BTreeMap<UserId, User>) -> Option<DelegationShown> {
    Some(DelegationShown {
        user: people.get(&delegation.user)?.clone(),
        delegate: people.get(&delegation.delegate)?.clone(),
        delegation,
    })
}

/// One delegation.
pub async fn get_delegation(cx: &Cx, id: DelegationId) -> Result<DelegationShown, Error> {
    let mut q = cx.read().await?;
    let found = delegations::get(&mut q, id).await?;
    cx.authorize(Verb::GetDelegation, stands(cx, found.as_ref()))?;
    let found = found.ok_or(Error::NotFound)?;
    let people = super::users_by_id(&mut q, [found.user, found.delegate]).await?;
    shown(found, &people).ok_or(Error::NotFound)
}

fn stands(cx: &Cx, of: Option<&Delegation>) -> Relation {
    let me = cx.actor.user();
    let concerns = |it: &Delegation| me == Some(it.user) || me == Some(it.delegate);
    if of.is_some_and(concerns) {
        Relation::Own
    } else {
        Relation::Others
    }
}

async fn named(cx: &Cx, q: &mut impl Query, text: &str) -> Result<Option<User>, Error> {
    let text = text.trim();
    Ok(match text.parse::<UserId>() {
        Ok(id) if cx.authorize(Verb::GetUser, super::relation(cx, id)).is_ok() => {
            users::get(q, id).await?
        }
        Ok(_) => None,
        Err(_) => users::by_email(q, text).await?,
    })
}

// ---- what other rooms read, inside their own transaction

/// What is delegated to these users at that moment, by people who are active and may decide.
pub async fn delegated_to(
    q: &mut impl Query,
    users: impl IntoIterator<Item = UserId>,
    at: Time,
) -> stint_db::Result<Vec<Delegation>> {
    let all = delegations::to(q, users, at).await?;
    able(q, all, |it| it.user).await
}

/// Who may decide for these users at that moment: delegates who are active and may decide.
pub async fn delegated_by(
    q: &mut impl Query,
    users: impl IntoIterator<Item = UserId>,
    at: Time,
) -> stint_db::Result<Vec<Delegation>> {
    let all = delegations::from(q, users, at).await?;
    able(q, all, |it| it.delegate).await
}

/// One delegation and the people it names, for whoever has no business with rights.
pub async fn delegation(
    q: &mut impl Query,
    id: DelegationId,
) -> stint_db::Result<Option<DelegationShown>> {
    let Some(found) = delegations::get(q, id).await? else {
        return Ok(None);
    };
    let people = super::users_by_id(q, [found.user, found.delegate]).await?;
    Ok(shown(found, &people))
}

async fn able(
    q: &mut impl Query,
    all: Vec<Delegation>,
    whom: impl Fn(&Delegation) -> UserId,
) -> stint_db::Result<Vec<Delegation>> {
    if all.is_empty() {
        return Ok(all);
    }
    let people = super::users_by_id(q, all.iter().map(&whom)).await?;
    let able: BTreeSet<UserId> = (people.into_values())
        .filter(|user| user.active && user.decides())
        .map(|user| user.id)
        .collect();
    Ok(all
        .into_iter()
        .filter(|it| able.contains(&whom(it)))
        .collect())
}
