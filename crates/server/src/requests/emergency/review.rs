//! The review of what was given in an emergency: open from the grant on, closed with a verdict by
//! somebody it is not about. It holds nothing up: access ends at its time whatever the review says.

use std::collections::BTreeSet;

use serde_json::json;
use stint_api::Page;
use stint_db::{Priority, Query, Tx};
use stint_domain::policy::{Emergency, LONGEST_TEXT, NotReviewer, Reviewing};
use stint_domain::rights::{Answer, Relation, Role, Verb, allowed};
use stint_domain::{GrantId, GroupId, RequestId, Time, UserId};

use super::super::read::{Who, lines, names, who};
use super::super::store::reviews as store;
use super::super::{Error, Line, Request, beneficiaries, relation, via};
use crate::cx::Cx;
use crate::http::Paging;
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
    /// Who could close it now; empty where only those it is about are left.
    pub reviewers: Vec<Who>,
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
    Ok(store::counts(&mut q, groups.as_deref(), cx.now).await?)
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
    let reviewing = reviewing(&mut q, &request).await?;
    let may_close = may(cx, &mut q, &request, &reviewing).await?;
    let able: BTreeSet<UserId> = reviewing.able().collect();
    let names = names(&mut q, able).await?;
    let line = whole(&mut q, vec![review]).await?.pop();
    Ok(ReviewDetail {
        line: line.ok_or(Error::NotFound)?,
        reviewers: names.into_values().collect(),
        may_close,
    })
}

/// Says whether what was given in an emergency was justified, and closes the review.
///
/// Fails for those it is about and for whoever is in none of the groups that review it; a Super
/// Admin may where nobody else is left. A note must be given.
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
    let reviewing = reviewing(&mut tx, &request).await?;
    may(cx, &mut tx, &request, &reviewing).await??;
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

/// Begins the review of what was given, with the news of both.
pub(in crate::requests) async fn given(
    cx: &Cx,
    tx: &mut Tx,
    request: &Request,
    grant: GrantId,
    emergency: &Emergency,
) -> Result<(), Error> {
    let review = Review {
        request: request.id,
        grant,
        opened_at: cx.now,
        due_at: cx.now + emergency.within,
        state: ReviewState::Open,
        version: 1,
    };
    store::insert(tx, &review, emergency.reviewers()).await?;
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

/// Who could close the review of this request now.
pub async fn reviewers(q: &mut impl Query, request: &Request) -> Result<BTreeSet<UserId>, Error> {
    Ok(reviewing(q, request).await?.able().collect())
}

/// Whom a review is about, and who reviews it, as it is now.
async fn reviewing(q: &mut impl Query, request: &Request) -> Result<Reviewing, Error> {
    let mut about = BTreeSet::from([request.requester(), request.beneficiary()]);
    let decided = request.decisions.iter();
    about.extend(
        decided
            .flat_map(|it| [Some(it.by), it.on_behalf_of])
            .flatten(),
    );
    if request.is_for_a_group() {
        about.extend(beneficiaries(q, request.pair.principal).await?);
    }
    let mut members = BTreeSet::new();
    for group in request
        .emergency()
        .into_iter()
        .flat_map(Emergency::reviewers)
    {
        members.extend(identity::active_members(q, *group).await?);
    }
    let members: Vec<UserId> = members.into_iter().collect();
    let able = identity::users(q, &members).await?.into_iter();
    let able = able.filter(|user| {
        let answer = allowed(&user.all_roles(), Verb::CloseReview, Relation::Involved);
        user.active && answer == Answer::Yes
    });
    Ok(Reviewing {
        about,
        reviewers: able.map(|user| user.id).collect(),
        asked_at: request.submitted_at(),
    })
}

/// Whether the caller may close it now.
async fn may(
    cx: &Cx,
    q: &mut impl Query,
    request: &Request,
    reviewing: &Reviewing,
) -> Result<Result<(), NotReviewer>, Error> {
    let person = cx.person()?;
    let named = request.emergency().map(Emergency::reviewers);
    let joined: Vec<Option<Time>> = (identity::memberships(q, person.id).await?.into_iter())
        .filter(|it| named.is_some_and(|groups| groups.contains(&it.group)))
        .map(|it| (it.added_by == Some(person.id)).then_some(it.since))
        .collect();
    Ok(reviewing.may_close(person.id, &joined, person.has(Role::SuperAdmin)))
}
