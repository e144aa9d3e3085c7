//! Several things asked for together: a submission.
//!
//! Each of them is a request of its own, with its own policy, approvers and outcome. Asked for
//! are all or none: what is wrong with each is said, and nothing is written. From then on the
//! submission only shows them together, and takes back at once what is not answered yet.

use std::collections::BTreeSet;

use stint_db::Priority;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{RequestId, SubmissionId, Time, UserId};

use super::ask::With;
use super::{Error, Line, NewRequest, Request, ask, decide, store, told};
use crate::cx::Cx;
use crate::grants;
use crate::http::{Fault as _, Kind};

/// How many things can be asked for together.
pub const MOST_ITEMS: usize = 20;

/// Several requests that were made together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Which.
    pub id: SubmissionId,
    /// Who asked.
    pub requester: UserId,
    /// When.
    pub submitted_at: Time,
}

/// Why one of several things cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFault {
    /// Which, counted from 0.
    pub item: usize,
    /// The stable code.
    pub code: &'static str,
    /// What to do.
    pub detail: String,
}

impl ItemFault {
    fn of(item: usize, error: &Error) -> Self {
        Self {
            item,
            code: error.code(),
            detail: error.detail(),
        }
    }
}

/// Asks for several things in one transaction.
///
/// Fails with everything that is wrong with each of them, or with [`Error::StepUp`] where only the
/// caller's password is missing; then none is asked for.
pub async fn submit_several(
    cx: &Cx,
    items: Vec<NewRequest>,
) -> Result<(Submission, Vec<Request>), Error> {
    cx.authorize(Verb::SubmitRequest, Relation::Own)?;
    let submission = Submission {
        id: cx.app.new_id(),
        requester: cx.person()?.id,
        submitted_at: cx.now,
    };
    if !(1..=MOST_ITEMS).contains(&items.len()) {
        return Err(Error::HowMany(items.len()));
    }
    let mut tx = cx.begin(Priority::Interactive).await?;
    store::submitted(&mut tx, &submission).await?;
    let (mut made, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut unproved = None;
    for (at, new) in items.into_iter().enumerate() {
        if !seen.insert((new.entitlement, new.principal, new.beneficiary)) {
            faults.push(ItemFault::of(at, &Error::AskedTwice));
            continue;
        }
        let with = With {
            submission: Some(submission.id),
            ..With::default()
        };
        match ask::asked(cx, &mut tx, new, with).await {
            Ok(request) => made.push(request),
            // Not for who asks to mend: all is tried again, or fails as a whole.
            Err(error) if matches!(error.kind(), Kind::Internal | Kind::NotReady) => {
                return Err(error);
            }
            // About whoever asks, not about this one of them.
            Err(error @ Error::StepUp(_)) => unproved = Some(error),
            Err(error) => faults.push(ItemFault::of(at, &error)),
        }
    }
    if !faults.is_empty() {
        return Err(Error::Items(faults));
    }
    if let Some(error) = unproved {
        return Err(error);
    }
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok((submission, made))
}

/// A submission with its requests, in the order they were asked: those that the caller may see.
pub async fn submission(cx: &Cx, id: SubmissionId) -> Result<(Submission, Vec<Line>), Error> {
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let found = store::submission(&mut q, id).await?;
    let ids = store::of_submission(&mut q, id).await?;
    let seen = told::visible(cx, &mut q, ids.into_iter().collect()).await?;
    let own = found.as_ref().is_some_and(|it| it.requester == user);
    let relation = match (own, seen.is_empty()) {
        (true, _) => Relation::Own,
        (false, false) => Relation::Involved,
        (false, true) => Relation::Others,
    };
    cx.authorize(Verb::GetRequest, relation)?;
    let found = found.ok_or(Error::NotFound)?;
    Ok((found, seen.into_values().map(|it| it.line).collect()))
}

/// Takes back those of its requests that nobody has answered. Answers which.
pub async fn cancel_all(cx: &Cx, id: SubmissionId) -> Result<Vec<RequestId>, Error> {
    let user = cx.person()?.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let found = store::submission(&mut tx, id).await?;
    let own = found.as_ref().is_some_and(|it| it.requester == user);
    let relation = if own { Relation::Own } else { Relation::Others };
    cx.authorize(Verb::CancelRequest, relation)?;
    found.ok_or(Error::NotFound)?;
    let mut cancelled = Vec::new();
    for request in store::of_submission(&mut tx, id).await? {
        match decide::taken_back(cx, &mut tx, request).await {
            Ok(_) => cancelled.push(request),
            // Answered already.
            Err(Error::Decision(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if cancelled.is_empty() {
        return Err(Error::AllAnswered);
    }
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(cancelled)
}
