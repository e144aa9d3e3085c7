//! What duty rules have against a request: when it is asked, and again whenever somebody would approve
//! it.
//!
//! When it is asked, what the same person waits for counts as held, so that the second of two is told.
//! When it is approved only what is there or given counts, else neither of two could be: the rules'
//! rows are held until the commit, so that of two that are approved at once the second sees the first.

use std::collections::BTreeSet;

use stint_db::{Query, Tx};
use stint_domain::duty::Window;
use stint_domain::entitlement::PrincipalKind;
use stint_domain::grant::CONFIRM_ALLOWANCE;
use stint_domain::policy::Ask;
use stint_domain::{DutyId, Span, Time};

use super::{Error, Request, beneficiaries, store};
use crate::cx::Cx;
use crate::directory::{Entitlement, Principal};
use crate::duties::{self, Asked, Conflict, Verdict, Wanted};

/// From when until when at most access of this length would be there: its time begins once AWS
/// confirms it, which may take a while.
fn window(start: Option<Time>, duration: Span, now: Time) -> Window {
    let from = start.map_or(now, |start| start.max(now));
    Window {
        from,
        until: Some(from + duration + CONFIRM_ALLOWANCE),
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
        window: window(ask.start, ask.duration, now),
        emergency,
    }
}

/// What the rules have against it, what waits included.
pub(super) async fn found(q: &mut impl Query, asked: &Asked) -> Result<Vec<Conflict>, Error> {
    match duties::touched(q, asked).await? {
        Some(touched) => Ok(judged(q, asked, &touched, true).await?),
        None => Ok(Vec::new()),
    }
}

/// The same, in the transaction that writes it down.
pub(super) async fn found_and_held(tx: &mut Tx, asked: &Asked) -> Result<Vec<Conflict>, Error> {
    held(tx, asked, true).await
}

async fn held(tx: &mut Tx, asked: &Asked, waiting: bool) -> Result<Vec<Conflict>, Error> {
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
    let steps = request.rules.question.steps();
    let own = steps
        .len()
        .saturating_sub(duties::exceptions(&request.conflicts).len());
    let Some(step) = steps.get(step).filter(|_| step >= own) else {
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
        people: match group {
            true => beneficiaries(tx, request.pair.principal).await?,
            false => BTreeSet::from([request.beneficiary()]),
        },
        window: window(request.start, request.duration, cx.now),
        emergency: request.emergency().is_some(),
    };
    let now = held(tx, &asked, false).await?;
    let (passed, others): (Vec<Conflict>, Vec<Conflict>) = now
        .into_iter()
        .partition(|it| it.verdict == Verdict::Passed);
    let since: Vec<Conflict> = (others.into_iter())
        .filter(|it| it.verdict == Verdict::Block || !it.is_covered_by(&request.conflicts))
        .collect();
    if !since.is_empty() {
        return Err(Error::ApartSince(since));
    }
    let known = |it: &Conflict| {
        let mut all = request.conflicts.iter();
        all.any(|had| had.rule == it.rule && it.holds.is_subset(&had.holds))
    };
    let new: Vec<Conflict> = passed.into_iter().filter(|it| !known(it)).collect();
    if !new.is_empty() {
        let rules: Vec<DutyId> = new.iter().map(|it| it.rule).collect();
        request
            .conflicts
            .retain(|it| !(it.verdict == Verdict::Passed && rules.contains(&it.rule)));
        request.conflicts.extend(new);
        store::conflicting(tx, request.id, &request.conflicts).await?;
    }
    Ok(())
}
