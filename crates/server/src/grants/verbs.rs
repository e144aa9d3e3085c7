//! What people do to grants.

use serde_json::json;
use stint_db::{Priority, Query, Tx};
use stint_domain::binding::{Fact, Ledger};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{GrantId, Time, UserId};

use super::store::{ledgers, lists};
use super::{CloseReason, Error, Grant, Show, nudge, tell};
use crate::cx::Cx;
use crate::directory;
use crate::http::{Page, Paging};

/// Through what access continues after one grant's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remaining {
    /// Other grants on the same pair whose window is open.
    pub grants: Vec<GrantId>,
    /// Identity Center groups that hold it and that the principal is in, by name.
    pub groups: Vec<String>,
    /// It stood in AWS before Stint granted it, and is left alone.
    pub standing: bool,
}

/// One grant.
pub async fn get(cx: &Cx, id: GrantId) -> Result<Grant, Error> {
    let found = lists::get(&mut cx.read().await?, id).await?;
    cx.authorize(Verb::GetGrant, relation(cx, found.as_ref()))?;
    found.ok_or(Error::NotFound)
}

/// The caller's grants, newest first.
pub async fn mine(cx: &Cx, paging: &Paging) -> Result<Page<Grant>, Error> {
    cx.authorize(Verb::MyGrants, Relation::Own)?;
    let user = cx.person()?.id;
    let found =
        lists::of_user(&mut cx.read().await?, user, paging.after()?, paging.fetch()).await?;
    Ok(paging.page(found, |grant| grant.id))
}

/// The caller's grants that have not ended, the next to end first; two hundred at most.
pub async fn mine_now(cx: &Cx) -> Result<Vec<Grant>, Error> {
    cx.authorize(Verb::MyGrants, Relation::Own)?;
    let user = cx.person()?.id;
    Ok(lists::open_of_user(&mut cx.read().await?, user).await?)
}

/// A user's grants that have not ended, the next to end first; two hundred at most. Their own
/// for anybody, another's for those who see everybody's.
pub async fn now_of(cx: &Cx, user: UserId) -> Result<Vec<Grant>, Error> {
    if cx.actor.user() == Some(user) {
        cx.authorize(Verb::MyGrants, Relation::Own)?;
    } else {
        cx.authorize(Verb::ListGrants, Relation::None)?;
    }
    Ok(lists::open_of_user(&mut cx.read().await?, user).await?)
}

/// Everybody's grants, newest first.
pub async fn list(cx: &Cx, show: Show, paging: &Paging) -> Result<Page<Grant>, Error> {
    cx.authorize(Verb::ListGrants, Relation::None)?;
    let found = lists::list(
        &mut cx.read().await?,
        show,
        cx.now,
        paging.after()?,
        paging.fetch(),
    )
    .await?;
    Ok(paging.page(found, |grant| grant.id))
}

/// Ends a grant early, and the grants that only continue it. Answers through what the access
/// continues, if it does.
pub async fn revoke(cx: &Cx, id: GrantId, reason: &str) -> Result<(Grant, Remaining), Error> {
    let (mut tx, was) = taken(cx, id, Verb::RevokeGrant).await?;
    let reason = said(reason)?;
    let (is, facts) = was
        .clone()
        .close(id, CloseReason::Revoked, Some(reason), cx.now)?;
    done(cx, &mut tx, &was, &is, &facts).await?;
    finish(cx, tx, id).await
}

/// Ends every grant of the pair, those of the future too. Answers what continues all the same:
/// access that stood before, and what comes through groups.
pub async fn cut_off(cx: &Cx, id: GrantId, reason: &str) -> Result<(Grant, Remaining), Error> {
    let (mut tx, was) = taken(cx, id, Verb::CutOff).await?;
    let reason = said(reason)?;
    let (is, facts) = was.clone().cut_off(Some(reason), cx.now);
    done(cx, &mut tx, &was, &is, &facts).await?;
    finish(cx, tx, id).await
}

/// Tries again at once what AWS refused to remove.
pub async fn retry(cx: &Cx, id: GrantId) -> Result<Grant, Error> {
    let (mut tx, was) = taken(cx, id, Verb::RetryGrant).await?;
    let is = was.clone().retry(cx.now)?;
    ledgers::save(&mut tx, &was, &is, None).await?;
    let by = cx.person().map(|p| p.name.clone()).unwrap_or_default();
    tell::by_hand(
        cx,
        &mut tx,
        &is,
        id,
        "binding.retried",
        &format!("{by} had the removal tried again"),
        json!({}),
    )
    .await?;
    finish(cx, tx, id).await.map(|(grant, _)| grant)
}

/// Records the decision to put access back that somebody took away in AWS.
pub async fn provision_again(cx: &Cx, id: GrantId) -> Result<Grant, Error> {
    let (mut tx, was) = taken(cx, id, Verb::ProvisionAgain).await?;
    let (is, facts) = was.clone().provision_again(cx.now)?;
    done(cx, &mut tx, &was, &is, &facts).await?;
    finish(cx, tx, id).await.map(|(grant, _)| grant)
}

/// Through what the access of this grant continues, or would continue, without it.
pub async fn remaining(
    q: &mut impl Query,
    grant: &Grant,
    now: Time,
) -> stint_db::Result<Remaining> {
    let others = lists::of_binding(q, grant.binding.id).await?;
    let live: Vec<GrantId> = others
        .iter()
        .filter(|g| g.id != grant.id && g.window.is_live(now))
        .map(|g| g.id)
        .collect();
    let groups = directory::through_groups(q, &grant.pair)
        .await?
        .into_iter()
        .map(|g| g.name)
        .collect();
    let standing = !grant.binding.epoch_open
        && grant
            .binding
            .observation
            .as_ref()
            .is_some_and(|o| o.present);
    Ok(Remaining {
        grants: live,
        groups,
        standing,
    })
}

fn said(reason: &str) -> Result<String, Error> {
    let reason = reason.trim();
    if reason.is_empty() {
        Err(Error::NoReason)
    } else {
        Ok(reason.to_owned())
    }
}

fn relation(cx: &Cx, grant: Option<&Grant>) -> Relation {
    match (grant, cx.actor.user()) {
        (Some(grant), Some(me)) if grant.user == me => Relation::Own,
        _ => Relation::Others,
    }
}

/// The ledger behind a grant, its binding's row held, once the caller's rights are found
/// sufficient.
async fn taken(cx: &Cx, id: GrantId, verb: Verb) -> Result<(Tx, Ledger), Error> {
    let mut tx = cx.begin(Priority::Revoke).await?;
    let found = lists::get(&mut tx, id).await?;
    cx.authorize(verb, relation(cx, found.as_ref()))?;
    let binding = found.ok_or(Error::NotFound)?.binding.id;
    let ledger = ledgers::load(&mut tx, binding, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    Ok((tx, ledger))
}

async fn done(
    cx: &Cx,
    tx: &mut Tx,
    was: &Ledger,
    is: &Ledger,
    facts: &[Fact],
) -> Result<(), Error> {
    ledgers::save(tx, was, is, None).await?;
    tell::facts(cx, tx, is, facts, None).await
}

async fn finish(cx: &Cx, mut tx: Tx, id: GrantId) -> Result<(Grant, Remaining), Error> {
    let grant = lists::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let left = remaining(&mut tx, &grant, cx.now).await?;
    tx.commit().await?;
    nudge(&cx.app);
    Ok((grant, left))
}
