//! The review of what was given in an emergency: open from the grant on, closed with a verdict by
//! somebody it is not about. It holds nothing up: access ends at its time whatever the review says.

use std::collections::BTreeSet;

use serde_json::json;
use stint_api::Page;
use stint_db::{Priority, Query, Tx};
use stint_domain::policy::{Closer, Emergency, LONGEST_TEXT, NotReviewer, Reviewer, Reviewing};
use stint_domain::rights::{Relation, Role, Verb};
use stint_domain::{GrantId, GroupId, RequestId, Time, UserId};

use super::super::read::{Who, lines, names, who};
use super::super::store::reviews as store;
use super::super::{Error, Line, Request, beneficiaries, relation, via};
use crate::cx::Cx;
use crate::http::Paging;
use crate::identity::User;
use crate::{identity, outbox};

/// The review of what one request gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// What was asked in an emergency; a request has one review.
    pub request: RequestId,
    /// What it gave.
    pub grant: GrantId,
    /// Since when.
    pub opened_at: Time,
    /// When it is to be closed at the latest.
    pub due_at: Time,
    /// Whether somebody said what they think of it, and what.
    pub state: ReviewState,
    /// Counts changes.
    pub version: i64,
}

/// How far a review is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewState {
    /// Waits for a verdict.
    Open,
    /// Somebody gave it.
    Closed {
        /// Whether the access was justified.
        justified: bool,
        /// What they say about it.
        note: String,
        /// Who.
        by: UserId,
        /// When.
        at: Time,
    },
}

impl Review {
    /// Open, and its time is over.
    pub fn is_overdue(&self, now: Time) -> bool {
        self.state == ReviewState::Open && self.due_at <= now
    }

    /// The stable word: `open`, `overdue` or `closed`.
    pub fn word(&self, now: Time) -> &'static str {
        match self.state {
            ReviewState::Closed { .. } => "closed",
            ReviewState::Open if self.is_overdue(now) => "overdue",
            ReviewState::Open => "open",
        }
    }
}

/// A review in a list.
#[derive(Debug, Clone)]
pub struct ReviewLine {
    /// The review.
    pub review: Review,
    /// The request it is about.
    pub line: Line,
    /// Who closed it.
    pub closed_by: Option<Who>,
}

/// A review with what there is to know about it.
#[derive(Debug, Clone)]
pub struct ReviewDetail {
    /// What the lists show of it.
    pub line: ReviewLine,
    /// Who could close it now, or once it has begun: those of its groups, or, where nobody of them
    /// could, Super Admins.
    pub reviewers: Vec<Who>,
    /// Whether nobody of its groups could.
    pub super_admins: bool,
    /// Whether the caller can close it now, or why not.
    pub may_close: Result<(), NotReviewer>,
}

/// Which reviews to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewFilter {
    /// One of [`REVIEW_STATES`].
    pub state: Option<&'static str>,
}

/// `open`: without a verdict; `overdue`: of those, the ones whose time is over; `closed`.
pub const REVIEW_STATES: &[&str] = &["open", "overdue", "closed"];

/// How many reviews wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Without a verdict.
    pub open: i64,
    /// Of those, the ones whose time is over.
    pub overdue: i64,
}

/// Whose reviews the caller sees: everybody's, or those of their groups.
async fn scope(cx: &Cx, q: &mut impl Query) -> Result<Option<Vec<GroupId>>, Error> {
    if cx.authorize(Verb::ListReviews, Relation::None).is_ok() {
        return Ok(None);
    }
    cx.authorize(Verb::ListReviews, Relation::Own)?;
    let user = cx.person()?.id;
    Ok(Some(identity::groups_of(q, user).await?))
}

/// Reviews, the newest first: all of them for auditors and Super Admins, for others those that name
/// a group they are in.
pub async fn reviews(
    cx: &Cx,
    filter: &ReviewFilter,
    paging: &Paging,
) -> Result<Page<ReviewLine>, Error> {
    let mut q = cx.read().await?;
    let groups = scope(cx, &mut q).await?;
    let after = paging.after::<RequestId>()?;
    let fetch = paging.fetch();
    let rows = store::list(
        &mut q,
        groups.as_deref(),
        filter.state,
        cx.now,
        after,
        fetch,
    )
    .await?;
    let page = paging.page(rows, |review| review.request);
    Ok(Page {
        items: whole(&mut q, page.items).await?,
        next: page.next,
    })
}

/// How many wait, of those the caller sees.
pub async fn counts(cx: &Cx) -> Result<Counts, Error> {
    let mut q = cx.read().await?;
    let groups = scope(cx, &mut q).await?;
    Ok(store::counts(&mut q, groups.as_deref(), None, cx.now).await?)
}

/// The same for a reminder, and whether the caller's roles let them close any: then without those
/// of what they asked for, held or decided on themselves.
pub async fn to_close(cx: &Cx) -> Result<(Counts, bool), Error> {
    let closes = cx.authorize(Verb::CloseReview, Relation::Involved).is_ok();
    let but = cx.actor.user().filter(|_| closes);
    let mut q = cx.read().await?;
    let groups = scope(cx, &mut q).await?;
    let counts = store::counts(&mut q, groups.as_deref(), but, cx.now).await?;
    Ok((counts, closes))
}

async fn whole(q: &mut impl Query, reviews: Vec<Review>) -> Result<Vec<ReviewLine>, Error> {
    let ids = reviews.iter().map(|review| review.request);
    let requests = super::store::several(q, ids).await?;
    let by = reviews.iter().filter_map(|review| match review.state {
        ReviewState::Closed { by, .. } => Some(by),
        ReviewState::Open => None,
    });
    let names = names(q, by.collect()).await?;
    let mut lines = lines(q, requests).await?;
    let mut found = Vec::with_capacity(reviews.len());
    for review in reviews {
        let at = lines.iter().position(|it| it.request.id == review.request);
        let line = at.map(|at| lines.swap_remove(at)).ok_or(Error::NotFound)?;
        found.push(ReviewLine {
            closed_by: match review.state {
                ReviewState::Closed { by, .. } => Some(who(&names, by)),
                ReviewState::Open => None,
            },
            review,
            line,
        });
    }
    Ok(found)
}

/// One review. Seen by whoever sees its request.
pub async fn review(cx: &Cx, id: RequestId) -> Result<ReviewDetail, Error> {
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let request = super::store::get(&mut q, id).await?;
    let request = request.ok_or(Error::NotFound)?;
    let relation = relation(&mut q, &request, user, cx.now).await?;
    cx.authorize(Verb::GetRequest, relation)?;
    let review = store::get(&mut q, id).await?.ok_or(Error::NotFound)?;
    let reviewing = reviewing(&mut q, &request, cx.now).await?;
    let may_close = may(cx, &mut q, &reviewing).await?;
    let super_admins = reviewing.able().is_empty();
    let closers = closers(&mut q, &reviewing).await?;
    let names = names(&mut q, closers).await?;
    let line = whole(&mut q, vec![review]).await?.pop();
    Ok(ReviewDetail {
        line: line.ok_or(Error::NotFound)?,
        reviewers: names.into_values().collect(),
        super_admins,
        may_close,
    })
}

/// Says whether what was given in an emergency was justified, and closes the review.
///
/// Fails for those it is about and their delegates, for whoever is in none of the groups that review
/// it, and before what was given begins; a Super Admin may where nobody else is left, unless they
/// changed who others are since it was asked. A note must be given.
pub async fn close(cx: &Cx, id: RequestId, justified: bool, note: &str) -> Result<Review, Error> {
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let request = super::store::get(&mut tx, id).await?;
    let request = request.ok_or(Error::NotFound)?;
    let relation = relation(&mut tx, &request, user, cx.now).await?;
    cx.authorize(Verb::CloseReview, relation)?;
    let mut review = store::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    if let ReviewState::Closed { at, .. } = review.state {
        return Err(Error::ReviewClosed(at));
    }
    let reviewing = reviewing(&mut tx, &request, cx.now).await?;
    may(cx, &mut tx, &reviewing).await??;
    let note = note.trim();
    if !(1..=LONGEST_TEXT).contains(&note.chars().count()) {
        return Err(Error::ReviewNote);
    }
    review.state = ReviewState::Closed {
        justified,
        note: note.to_owned(),
        by: user,
        at: cx.now,
    };
    review.version += 1;
    store::closed(&mut tx, &review, &via(cx)).await?;
    let facts = json!({
        "verdict": verdict(justified),
        "note": note,
        "grant": review.grant,
        "due": review.due_at,
    });
    let subjects = [id.into(), review.grant.into(), user.into()];
    tx.audit(cx.event("emergency.review_closed", subjects, facts));
    let news = json!({ "request": id });
    outbox::emit(&mut tx, cx, "emergency.review_closed", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(review)
}

/// The stable word of a verdict.
pub(super) const fn verdict(justified: bool) -> &'static str {
    if justified {
        "justified"
    } else {
        "not_justified"
    }
}

/// Begins the review of what was given, with the news of both. Whom it is about is kept as it is
/// now: who leaves a group afterwards held it all the same.
pub(in crate::requests) async fn given(
    cx: &Cx,
    tx: &mut Tx,
    request: &Request,
    grant: GrantId,
    emergency: &Emergency,
) -> Result<(), Error> {
    let begins = request.start.map_or(cx.now, |start| start.max(cx.now));
    let review = Review {
        request: request.id,
        grant,
        opened_at: cx.now,
        due_at: begins + emergency.within,
        state: ReviewState::Open,
        version: 1,
    };
    let held_by = match request.is_for_a_group() {
        true => beneficiaries(tx, request.pair.principal).await?,
        false => BTreeSet::new(),
    };
    store::insert(tx, &review, emergency.reviewers(), &held_by).await?;
    let facts = json!({ "grant": grant, "due": review.due_at, "groups": emergency.reviewers() });
    let subjects = [request.id.into(), grant.into()];
    tx.audit(cx.event("emergency.review_opened", subjects, facts));
    for kind in ["emergency.given", "emergency.review_opened"] {
        let news = json!({ "request": request.id, "grant": grant });
        outbox::emit(tx, cx, kind, news).await?;
    }
    Ok(())
}

/// The review of what a request gave, if it gave something in an emergency.
pub(in crate::requests) async fn review_of(
    q: &mut impl Query,
    request: &Request,
) -> Result<Option<Review>, Error> {
    match request.emergency() {
        Some(_) => Ok(store::get(q, request.id).await?),
        None => Ok(None),
    }
}

/// Who is to close the review of this request, for whoever has no business with rights; nobody where
/// none is open. Where nobody could as it stands it is the Super Admins it is not about: they can put
/// somebody into its groups.
pub async fn reviewers(
    q: &mut impl Query,
    request: &Request,
    now: Time,
) -> Result<BTreeSet<UserId>, Error> {
    match store::get(q, request.id).await? {
        Some(review) if review.state == ReviewState::Open => {}
        _ => return Ok(BTreeSet::new()),
    }
    let reviewing = reviewing(q, request, now).await?;
    let mut who = closers(q, &reviewing).await?;
    if who.is_empty() {
        let all = super_admins(q).await?.into_iter().map(|it| it.user);
        who.extend(all.filter(|user| !reviewing.concerns(*user)));
    }
    Ok(who)
}

/// Who could close it now: those of its groups, or, where nobody of them could, Super Admins.
async fn closers(q: &mut impl Query, reviewing: &Reviewing) -> Result<BTreeSet<UserId>, Error> {
    let able = reviewing.able();
    if !able.is_empty() {
        return Ok(able);
    }
    Ok(reviewing.stand_ins(&super_admins(q).await?))
}

/// The active Super Admins whose roles let them close reviews.
pub(in crate::requests) async fn super_admins(q: &mut impl Query) -> Result<Vec<Closer>, Error> {
    let all = identity::with_roles(q, &[Role::SuperAdmin]).await?;
    let all = identity::users_by_id(q, all).await?.into_values();
    let mut found = Vec::new();
    for user in all.filter(User::reviews) {
        found.push(Closer {
            user: user.id,
            super_admin: true,
            changed_others: identity::changed_others(q, user.id).await?,
        });
    }
    Ok(found)
}

/// Whom a review is about, and who reviews it, as it is now.
async fn reviewing(q: &mut impl Query, request: &Request, now: Time) -> Result<Reviewing, Error> {
    let mut about = BTreeSet::from([request.requester(), request.beneficiary()]);
    let decided = request.decisions.iter();
    about.extend(
        decided
            .flat_map(|it| [Some(it.by), it.on_behalf_of])
            .flatten(),
    );
    if request.is_for_a_group() {
        about.extend(beneficiaries(q, request.pair.principal).await?);
        about.extend(store::beneficiaries(q, request.id).await?);
    }
    let delegations = identity::delegated_by(q, about.clone(), now).await?;
    let groups = request.emergency().into_iter();
    let groups: Vec<GroupId> = groups.flat_map(Emergency::reviewers).copied().collect();
    let members = identity::active_memberships(q, groups).await?;
    let users = members.iter().map(|(user, _)| *user);
    let users = identity::users_by_id(q, users).await?;
    let able = |user: &UserId| users.get(user).is_some_and(|it| it.active && it.reviews());
    Ok(Reviewing {
        about,
        delegates: delegations.into_iter().map(|it| it.delegate).collect(),
        reviewers: (members.into_iter())
            .filter(|(user, _)| able(user))
            .map(|(user, it)| Reviewer {
                user,
                since: it.since,
                added_by: it.added_by,
            })
            .collect(),
        asked_at: request.submitted_at(),
        starts_at: request.start,
    })
}

/// Whether the caller may close it now.
async fn may(
    cx: &Cx,
    q: &mut impl Query,
    reviewing: &Reviewing,
) -> Result<Result<(), NotReviewer>, Error> {
    Ok(reviewing.may_close(&closer(cx, q).await?, cx.now))
}

/// The caller, as the rules of reviews see them.
pub(in crate::requests) async fn closer(cx: &Cx, q: &mut impl Query) -> Result<Closer, Error> {
    let person = cx.person()?;
    Ok(Closer {
        user: person.id,
        super_admin: person.has(Role::SuperAdmin),
        changed_others: identity::changed_others(q, person.id).await?,
    })
}
