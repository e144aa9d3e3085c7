//! Access until it is revoked: asking those who answer for it whether it is still needed.
//!
//! At the review of such access its owners are asked, and told again before its end. "Keep" opens the
//! grant that goes on where this one ends (`grants::keep`), with the next review; "close" revokes it at
//! once; where nobody answers nothing is done, and it ends by itself as any other access does. A review
//! so holds nothing up and keeps nothing alive.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stint_api::Page;
use stint_db::{Priority, Query, Tx};
use stint_domain::grant::ANSWER_WITHIN;
use stint_domain::policy::{Answerers, LONGEST_TEXT, NotAsked, Reviewer, Reviewing};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, GrantId, RequestId, Time, UserId};

use super::read::{Who, lines, names, who};
use super::store::until as store;
use super::{Error, Line, Request, beneficiaries, decide, relation, step_up, via};
use crate::cx::Cx;
use crate::http::Paging;
use crate::identity::Delegation;
use crate::{connections, grants, identity, outbox};

mod http;
mod tasks;

pub(crate) use http::routes;
pub(super) use http::{length, wished};
pub(crate) use tasks::{Due, Ended};

/// The review of one grant that is had until it is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which grant; each has one review.
    pub grant: GrantId,
    /// The request that gave it.
    pub request: RequestId,
    /// Whose owners are asked.
    pub connection: ConnectionId,
    /// When they were asked.
    pub opened_at: Time,
    /// When it ends where nobody answers.
    pub due_at: Time,
    /// Whether somebody answered, and what.
    pub state: KeptState,
    /// Counts changes.
    pub version: i64,
}

/// How far the review of access until it is revoked is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptState {
    /// Waits for an answer.
    Open,
    /// Somebody said whether it is still needed.
    Answered {
        /// Whether it is.
        keep: bool,
        /// What they say about it.
        note: String,
        /// Who.
        by: UserId,
        /// When.
        at: Time,
    },
    /// Nobody answered in time, or it was ended otherwise meanwhile.
    Over,
}

impl KeptState {
    /// The stable word: `open`, `kept`, `closed` or `over`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered { keep: true, .. } => "kept",
            Self::Answered { keep: false, .. } => "closed",
            Self::Over => "over",
        }
    }
}

impl Kept {
    /// When its review came: who made themselves an owner from then on does not answer.
    pub fn review_at(&self) -> Time {
        self.due_at - ANSWER_WITHIN
    }

    /// Open, and still in time.
    pub fn waits(&self, now: Time) -> bool {
        self.state == KeptState::Open && now < self.due_at
    }

    /// The stable word, as it stands at this moment.
    pub fn word(&self, now: Time) -> &'static str {
        match self.state {
            KeptState::Open if !self.waits(now) => KeptState::Over.as_str(),
            _ => self.state.as_str(),
        }
    }
}

/// A review in a list.
#[derive(Debug, Clone)]
pub struct KeptLine {
    /// The review.
    pub review: Kept,
    /// The request it is about.
    pub line: Line,
    /// Who answered.
    pub answered_by: Option<Who>,
}

/// A review with what there is to know about it.
#[derive(Debug, Clone)]
pub struct KeptDetail {
    /// What the lists show of it.
    pub line: KeptLine,
    /// Who could answer it now: owners, or, where none of them could, Super Admins.
    pub answerers: Vec<Who>,
    /// Whether no owner could.
    pub super_admins: bool,
    /// Whether the caller can answer it now, or why not.
    pub may_answer: Result<(), NotAsked>,
}

/// Which reviews to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptFilter {
    /// One of [`KEPT_STATES`].
    pub state: Option<&'static str>,
}

/// `open`: without an answer; `kept`; `closed`; `over`: nobody answered, or it was ended otherwise.
pub const KEPT_STATES: &[&str] = &["open", "kept", "closed", "over"];

/// Whose reviews the caller sees: everybody's, or those of what they own.
async fn scope(cx: &Cx, q: &mut impl Query) -> Result<Option<Vec<ConnectionId>>, Error> {
    if cx.authorize(Verb::ListKept, Relation::None).is_ok() {
        return Ok(None);
    }
    cx.authorize(Verb::ListKept, Relation::Own)?;
    let user = cx.person()?.id;
    let (mut own, through) = connections::owned_by(q, user).await?;
    own.extend(through);
    Ok(Some(own))
}

/// Reviews of access until it is revoked, the newest first: all of them for auditors and Super Admins, for
/// others those of what they own, themselves or through its application.
pub async fn kept_reviews(
    cx: &Cx,
    filter: &KeptFilter,
    paging: &Paging,
) -> Result<Page<KeptLine>, Error> {
    let mut q = cx.read().await?;
    let owned = scope(cx, &mut q).await?;
    let after = paging.after::<GrantId>()?;
    let rows = store::list(
        &mut q,
        owned.as_deref(),
        filter.state,
        after,
        paging.fetch(),
    )
    .await?;
    let page = paging.page(rows, |review| review.grant);
    Ok(Page {
        items: whole(&mut q, page.items).await?,
        next: page.next,
    })
}

/// How many reviews are looked at to say how many wait for the caller.
const LOOKED_AT: i64 = 100;

/// How many wait for the caller's answer, of the hundred that end next: only what they could answer now.
pub async fn waiting_answers(cx: &Cx) -> Result<usize, Error> {
    if cx.authorize(Verb::AnswerKept, Relation::Involved).is_err() {
        return Ok(0);
    }
    let mut q = cx.read().await?;
    let owned = scope(cx, &mut q).await?;
    let open = store::waiting(&mut q, owned.as_deref(), cx.now, LOOKED_AT).await?;
    let ids: BTreeSet<RequestId> = open.iter().map(|review| review.request).collect();
    let mut abouts = BTreeMap::new();
    for request in super::store::several(&mut q, ids).await? {
        abouts.insert(request.id, about(&mut q, &request).await?);
    }
    let places: BTreeSet<ConnectionId> = open.iter().map(|review| review.connection).collect();
    let mut owners = BTreeMap::new();
    for id in places {
        owners.insert(id, owners_of(&mut q, id).await?);
    }
    let people: BTreeSet<UserId> = abouts.values().flatten().copied().collect();
    let delegations = identity::delegated_by(&mut q, people, cx.now).await?;
    let me = super::emergency::closer(cx, &mut q).await?;
    let mine = open.iter().filter(|review| {
        let about = abouts.get(&review.request).cloned().unwrap_or_default();
        let owners = owners.get(&review.connection).cloned().unwrap_or_default();
        let asked = asked(review, about, &delegations, owners);
        asked.may_answer(&me, cx.now).is_ok()
    });
    Ok(mine.count())
}

async fn whole(q: &mut impl Query, reviews: Vec<Kept>) -> Result<Vec<KeptLine>, Error> {
    let ids: BTreeSet<RequestId> = reviews.iter().map(|review| review.request).collect();
    let requests = super::store::several(q, ids).await?;
    let by = |review: &Kept| match review.state {
        KeptState::Answered { by, .. } => Some(by),
        KeptState::Open | KeptState::Over => None,
    };
    let names = names(q, reviews.iter().filter_map(by).collect()).await?;
    let lines = lines(q, requests).await?;
    let mut found = Vec::with_capacity(reviews.len());
    for review in reviews {
        let line = lines.iter().find(|it| it.request.id == review.request);
        found.push(KeptLine {
            line: line.cloned().ok_or(Error::NotFound)?,
            answered_by: by(&review).map(|id| who(&names, id)),
            review,
        });
    }
    Ok(found)
}

/// The latest review of what a request gave. Seen by whoever sees the request.
pub async fn kept_review(cx: &Cx, id: RequestId) -> Result<KeptDetail, Error> {
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let request = super::store::get(&mut q, id).await?;
    let request = request.ok_or(Error::NotFound)?;
    let relation = relation(&mut q, &request, user, cx.now).await?;
    cx.authorize(Verb::GetRequest, relation)?;
    let review = store::latest(&mut q, id).await?.ok_or(Error::NotFound)?;
    let asked = of(&mut q, &request, &review, cx.now).await?;
    let may_answer = may(cx, &mut q, &asked).await?;
    let super_admins = asked.able().is_empty();
    let able = able(&mut q, &asked).await?;
    let names = names(&mut q, able).await?;
    let line = whole(&mut q, vec![review]).await?.pop();
    Ok(KeptDetail {
        line: line.ok_or(Error::NotFound)?,
        answerers: names.into_values().collect(),
        super_admins,
        may_answer,
    })
}

/// Says whether access until it is revoked is still needed: what is kept goes on until its next review,
/// what is not is revoked at once. `which` is the grant whose review the caller has seen; the latest where
/// it is absent.
///
/// Fails where nobody is asked, somebody has answered or it is too late; where it would be kept and could not
/// be given anew: who holds it is not active or linked to another identity in AWS, the group is gone or a
/// directory's, or who asked may not ask for them any more; for who asked for it, holds it or
/// decides for one of them, and for whoever does not own it; a Super Admin may where no owner could, unless
/// they changed who others are since the review came. A note must be given.
pub async fn answer(
    cx: &Cx,
    id: RequestId,
    which: Option<GrantId>,
    keep: bool,
    note: &str,
) -> Result<Kept, Error> {
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Revoke).await?;
    let request = super::store::get(&mut tx, id).await?;
    let request = request.ok_or(Error::NotFound)?;
    let relation = relation(&mut tx, &request, user, cx.now).await?;
    cx.authorize(Verb::AnswerKept, relation)?;
    let latest = store::latest(&mut tx, id).await?.ok_or(Error::NoReview)?;
    let review = store::lock(&mut tx, which.unwrap_or(latest.grant)).await?;
    let mut review = review
        .filter(|it| it.request == id)
        .ok_or(Error::NoReview)?;
    match review.state {
        KeptState::Answered { at, .. } => return Err(Error::ReviewAnswered(at)),
        KeptState::Open if review.waits(cx.now) => {}
        KeptState::Open | KeptState::Over => return Err(Error::ReviewOver),
    }
    let asked = of(&mut tx, &request, &review, cx.now).await?;
    may(cx, &mut tx, &asked).await??;
    let note = note.trim();
    if !(1..=LONGEST_TEXT).contains(&note.chars().count()) {
        return Err(Error::ReviewNote);
    }
    if keep {
        // As when it was given: nothing is kept for who was taken off, nor in whose identity in AWS
        // somebody else is by now.
        let still = decide::still_theirs(&mut tx, &request).await;
        still.map_err(|why| to_close(why, &request))?;
        // And with the password, where whoever approved had to give theirs.
        step_up::at_approving(cx, &mut tx, request.step_up()).await?;
    }
    let next = match keep {
        true => match grants::keep(cx, &mut tx, review.grant).await {
            // Somebody ended it early.
            Err(grants::Error::Refused(_)) => return Err(Error::ReviewOver),
            other => Some(other?),
        },
        false => {
            revoke(cx, &mut tx, id, note).await?;
            None
        }
    };
    review.state = KeptState::Answered {
        keep,
        note: note.to_owned(),
        by: user,
        at: cx.now,
    };
    review.version += 1;
    store::answered(&mut tx, &review, &via(cx)).await?;
    let facts = json!({ "note": note, "next": next, "review": review.review_at() });
    let subjects = [id.into(), review.grant.into(), user.into()].into_iter();
    let subjects = subjects.chain(next.map(Into::into));
    let what = match keep {
        true => "until_revoked.kept",
        false => "until_revoked.closed",
    };
    tx.audit(cx.event(what, subjects, facts));
    let news = json!({ "request": id, "grant": review.grant });
    outbox::emit(&mut tx, cx, what, news).await?;
    tx.commit().await?;
    grants::nudge(&cx.app);
    cx.app.nudge(outbox::DELIVER);
    Ok(review)
}

/// Why what was asked for cannot be given, in the words of one who is to keep or close it.
fn to_close(why: Error, request: &Request) -> Error {
    match why {
        Error::BeneficiaryInactive => Error::HolderInactive {
            group: request.is_for_a_group(),
        },
        Error::PrincipalChanged => Error::HolderMoved,
        Error::AskedWithoutRight => Error::HeldWithoutRight,
        other => other,
    }
}

/// Ends what the request gave now, what goes on from it included.
async fn revoke(cx: &Cx, tx: &mut Tx, id: RequestId, note: &str) -> Result<(), Error> {
    let mut closed = false;
    let given = grants::of_request(tx, id).await?;
    let running = |it: &grants::Grant| it.is_open() && !it.window.is_over(cx.now);
    for grant in given.into_iter().filter(running) {
        let reason = grants::CloseReason::Revoked;
        closed |= grants::close_because(cx, tx, grant.id, reason, note).await?;
    }
    match closed {
        true => Ok(()),
        false => Err(Error::ReviewOver),
    }
}

/// Who is to answer the review of what this request gave, for whoever has no business with rights; nothing
/// where none waits. Where nobody could as it stands it is the Super Admins it is not about: they can
/// make somebody an owner.
pub async fn answerers(
    q: &mut impl Query,
    request: &Request,
    now: Time,
) -> Result<Option<BTreeSet<UserId>>, Error> {
    let review = store::latest(q, request.id).await?;
    let Some(review) = review.filter(|it| it.waits(now)) else {
        return Ok(None);
    };
    let asked = of(q, request, &review, now).await?;
    let mut who = able(q, &asked).await?;
    if who.is_empty() {
        let all = super::emergency::super_admins(q).await?;
        let all = all.into_iter().map(|it| it.user);
        who.extend(all.filter(|user| !asked.concerns(*user)));
    }
    Ok(Some(who))
}

/// Who could answer now: owners, or, where none of them could, Super Admins.
async fn able(q: &mut impl Query, asked: &Answerers) -> Result<BTreeSet<UserId>, Error> {
    let able = asked.able();
    if !able.is_empty() {
        return Ok(able);
    }
    Ok(asked.stand_ins(&super::emergency::super_admins(q).await?))
}

/// Whom a review concerns, and who is asked, as it is now: those who own the connection, or the
/// application that belongs to.
async fn of(
    q: &mut impl Query,
    request: &Request,
    review: &Kept,
    now: Time,
) -> Result<Answerers, Error> {
    let about = about(q, request).await?;
    let delegations = identity::delegated_by(q, about.clone(), now).await?;
    let owners = owners_of(q, review.connection).await?;
    Ok(asked(review, about, &delegations, owners))
}

/// Whom the review of what a request gave concerns: who asked, and who holds it.
async fn about(q: &mut impl Query, request: &Request) -> Result<BTreeSet<UserId>, Error> {
    let mut about = BTreeSet::from([request.requester(), request.beneficiary()]);
    if request.is_for_a_group() {
        about.extend(beneficiaries(q, request.pair.principal).await?);
    }
    Ok(about)
}

/// The owners of a connection and of its application who are active and whose roles let them answer.
async fn owners_of(q: &mut impl Query, id: ConnectionId) -> Result<Vec<Reviewer>, Error> {
    let mut owners: Vec<identity::Answerable> = Vec::new();
    if let Some(connection) = connections::connection(q, id).await? {
        let (own, application) = connections::answerable(q, &connection).await?;
        owners.extend(own.into_iter().chain(application));
    }
    let users = owners.iter().map(|it| it.user);
    let users = identity::users_by_id(q, users).await?;
    let answers = |user: &UserId| users.get(user).is_some_and(|it| it.active && it.answers());
    Ok((owners.into_iter())
        .filter(|it| answers(&it.user))
        .map(|it| Reviewer {
            user: it.user,
            since: it.since,
            added_by: it.by,
        })
        .collect())
}

/// Who is asked: of `delegations` those count that are by somebody whom it concerns.
fn asked(
    review: &Kept,
    about: BTreeSet<UserId>,
    delegations: &[Delegation],
    reviewers: Vec<Reviewer>,
) -> Answerers {
    let theirs = delegations.iter().filter(|it| about.contains(&it.user));
    let came = review.review_at();
    Answerers::new(Reviewing {
        delegates: theirs.map(|it| it.delegate).collect(),
        about,
        reviewers,
        asked_at: came,
        starts_at: Some(came),
    })
}

/// Whether the caller may answer now.
async fn may(
    cx: &Cx,
    q: &mut impl Query,
    asked: &Answerers,
) -> Result<Result<(), NotAsked>, Error> {
    Ok(asked.may_answer(&super::emergency::closer(cx, q).await?, cx.now))
}
