//! What duty rules have against a request: when it is asked, and again whenever somebody would approve
//! it.
//!
//! When it is asked, what the same person waits for counts as held, so that the second of two is told.
//! When it is approved only what is there or given counts, else neither of two could be: the rules'
//! rows are held until the commit, so that of two that are approved at once the second sees the first.

use std::collections::BTreeSet;

use serde_json::json;
use stint_db::{Query, Tx};
use stint_domain::duty::Window;
use stint_domain::entitlement::PrincipalKind;
use stint_domain::grant::CONFIRM_ALLOWANCE;
use stint_domain::policy::Ask;
use stint_domain::{DutyId, Span, Time};

use super::{Error, Request, beneficiaries, store};
use crate::cx::Cx;
use crate::directory::{self, Entitlement, Principal};
use crate::duties::{self, Asked, Conflict, Verdict, Wanted};

/// From when until when at most access of this length would be there: its time begins once AWS
/// confirms it, which may take a while.
///
/// What lasts until it is revoked has no end: nobody knows how often it is kept.
fn window(start: Option<Time>, duration: Option<Span>, now: Time) -> Window {
    let from = start.map_or(now, |start| start.max(now));
    Window {
        from,
        until: duration.map(|duration| from + duration + CONFIRM_ALLOWANCE),
    }
}

/// What somebody asks for now, as duty rules see it.
pub(super) fn asked(
    what: &Entitlement,
    holder: &Principal,
    ask: &Ask,
    emergency: bool,
    now: Time,
) -> Asked {
    let group = holder.kind == PrincipalKind::IdentityCenterGroup;
    Asked {
        entitlement: what.id,
        principal: holder.id,
        group,
        named: !group && ask.requester == ask.beneficiary,
        people: match group {
            true => ask.members.clone(),
            false => BTreeSet::from([ask.beneficiary]),
        },
        window: window(ask.start, (!ask.until_revoked).then_some(ask.duration), now),
        emergency,
        now,
    }
}

/// What the rules have against it, what waits included.
pub(super) async fn found(q: &mut impl Query, asked: &Asked) -> Result<Vec<Conflict>, Error> {
    match duties::touched(q, asked).await? {
        Some(touched) => Ok(judged(q, asked, &touched, true).await?),
        None => Ok(Vec::new()),
    }
}

/// Fails where the rules have more against it than was `known` a moment ago: for what is approved as
/// soon as it is asked, so that of two at once the second sees the first. What passes is `known` from
/// now on.
pub(super) async fn still_as_asked(
    tx: &mut Tx,
    asked: Asked,
    known: &mut Vec<Conflict>,
) -> Result<(), Error> {
    let (others, passed) = new(held(tx, asked, true).await?, known);
    if !others.is_empty() {
        return Err(Error::Apart(others));
    }
    note(known, passed);
    Ok(())
}

/// Adds what passes; what was known of the same rule is less than that.
fn note(known: &mut Vec<Conflict>, passed: Vec<Conflict>) {
    let newer = |had: &Conflict| {
        had.verdict == Verdict::Passed && passed.iter().any(|it| it.rule == had.rule)
    };
    known.retain(|had| !newer(had));
    known.extend(passed);
}

/// What stops it of what is found, and what passes and was not known.
fn new(found: Vec<Conflict>, known: &[Conflict]) -> (Vec<Conflict>, Vec<Conflict>) {
    let (passed, others): (Vec<Conflict>, Vec<Conflict>) = found
        .into_iter()
        .partition(|it| it.verdict == Verdict::Passed);
    let stops = |it: &Conflict| it.verdict == Verdict::Block || !it.is_covered_by(known);
    let is_known = |it: &Conflict| known.iter().any(|had| it.is_no_more_than(had));
    (
        others.into_iter().filter(stops).collect(),
        passed.into_iter().filter(|it| !is_known(it)).collect(),
    )
}

async fn held(tx: &mut Tx, mut asked: Asked, waiting: bool) -> Result<Vec<Conflict>, Error> {
    let into_group = !directory::memberships(tx, [asked.entitlement])
        .await?
        .is_empty();
    if asked.group || into_group {
        duties::hold_all(tx).await?;
    }
    if asked.group {
        asked.people = beneficiaries(tx, asked.principal).await?;
    }
    let asked = &asked;
    let Some(touched) = duties::touched(tx, asked).await? else {
        return Ok(Vec::new());
    };
    match duties::hold(tx, touched).await? {
        Some(touched) => judged(tx, asked, &touched, waiting).await,
        None => Ok(Vec::new()),
    }
}

async fn judged(
    q: &mut impl Query,
    asked: &Asked,
    touched: &duties::Touched,
    waiting: bool,
) -> Result<Vec<Conflict>, Error> {
    let people = duties::people(q, asked).await?;
    let mut wanted = Vec::new();
    if waiting {
        let now = asked.window.from;
        for (principal, entitlement, start, duration) in
            store::waiting_with(q, people.principals()).await?
        {
            wanted.push(Wanted {
                principal,
                entitlement,
                window: Window {
                    // Nobody knows when it is approved.
                    until: start.and_then(|start| window(Some(start), duration, now).until),
                    from: start.unwrap_or(Time::default()),
                },
            });
        }
    }
    Ok(duties::judge(q, asked, touched, &people, &wanted).await?)
}

/// Why it cannot be asked for, if it cannot.
pub(super) fn refused(conflicts: &[Conflict]) -> Option<Error> {
    let blocking: Vec<Conflict> = (conflicts.iter())
        .filter(|it| it.verdict == Verdict::Block)
        .cloned()
        .collect();
    (!blocking.is_empty()).then_some(Error::Apart(blocking))
}

/// The rules to which this step of a request, from 0, makes an exception; empty for a step of its
/// policy.
pub(super) fn excepted_at(request: &Request, step: usize) -> Vec<DutyId> {
    // They come last under each policy it may wait under.
    let Some(leg) = request.rules.question.leg(step) else {
        return Vec::new();
    };
    let own = (leg.steps.len()).saturating_sub(duties::exceptions(&request.conflicts).len());
    let at = step - leg.first;
    let Some(step) = leg.steps.get(at).filter(|_| at >= own) else {
        return Vec::new();
    };
    (request.conflicts.iter())
        .filter(|it| it.verdict == Verdict::Exception)
        .filter(|it| {
            it.group
                .is_some_and(|group| step.approvers.groups.contains(&group))
        })
        .map(|it| it.rule)
        .collect()
}

/// Fails where a rule has something against it by now that no exception is asked for.
///
/// What passes because it is an emergency is written down, for its review.
pub(super) async fn still(cx: &Cx, tx: &mut Tx, request: &mut Request) -> Result<(), Error> {
    let group = request.is_for_a_group();
    let asked = Asked {
        entitlement: request.entitlement(),
        principal: request.pair.principal,
        group,
        named: !group && request.requester() == request.beneficiary(),
        // Of a group they are read once the rules are held.
        people: match group {
            true => BTreeSet::new(),
            false => BTreeSet::from([request.beneficiary()]),
        },
        window: window(
            request.start,
            (request.review_every.is_none()).then_some(request.duration),
            cx.now,
        ),
        emergency: request.emergency().is_some(),
        now: cx.now,
    };
    let (since, new) = new(held(tx, asked, false).await?, &request.conflicts);
    if !since.is_empty() {
        return Err(Error::ApartSince(since));
    }
    if !new.is_empty() {
        let rules: Vec<DutyId> = new.iter().map(|it| it.rule).collect();
        let facts = json!({ "rules": rules, "emergency": true });
        tx.audit(cx.event("request.duties_passed", [request.id.into()], facts));
        note(&mut request.conflicts, new);
        store::conflicting(tx, request.id, &request.conflicts).await?;
    }
    Ok(())
}
