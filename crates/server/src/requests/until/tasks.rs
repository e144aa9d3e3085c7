//! Asking about access until it is revoked when its review comes, reminding before its end, and noting
//! that nobody answered. That it ends is not this task's to see to.

use async_trait::async_trait;
use serde_json::json;
use stint_db::{Priority, Tx};
use stint_domain::{GrantId, Span, Time};

use super::super::Error;
use super::super::store::until as store;
use super::{Kept, KeptState};
use crate::cx::{App, Cx};
use crate::grants::{self, Grant, Origin};
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

const REVIEWS: &str = "requests.until_revoked";
/// How many are looked at between two commits.
const BATCH: i64 = 100;
/// How long before the end who is asked is reminded.
const REMIND_BEFORE: Span = Span::hours(24 * 3);

/// Asks, reminds, and notes what was not answered.
pub(crate) struct Due;

#[async_trait]
impl Task for Due {
    fn name(&self) -> &'static str {
        REVIEWS
    }

    fn period(&self) -> Span {
        Span::minutes(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, REVIEWS);
        let mut worked = false;
        let found = grants::to_review(&mut cx.read().await?, cx.now, BATCH).await?;
        for grant in &found {
            worked |= stint_db::retrying(|| ask(&cx, grant)).await?;
        }
        let near = store::near(&mut cx.read().await?, cx.now + REMIND_BEFORE, BATCH).await?;
        for review in near.iter().filter(|it| it.waits(cx.now)) {
            worked |= stint_db::retrying(|| remind(&cx, review)).await?;
        }
        for review in over(&cx).await? {
            worked |= stint_db::retrying(|| end(&cx, &review)).await?;
        }
        if worked {
            app.nudge(outbox::DELIVER);
            return Ok(Ran::worked());
        }
        let mut q = cx.read().await?;
        let review = grants::next_review(&mut q, cx.now).await?;
        let next = store::next_due(&mut q, REMIND_BEFORE).await?;
        let next: Option<Time> = review.into_iter().chain(next).min();
        Ok(Ran::idle().due(next.filter(|at| *at > cx.now)))
    }
}

/// Asks about one, in one transaction with the note that it was asked about.
async fn ask(cx: &Cx, grant: &Grant) -> Result<bool, Error> {
    let Some(due_at) = grant.end() else {
        return Ok(false);
    };
    let mut tx = cx.begin(Priority::Interactive).await?;
    if !grants::asked(&mut tx, grant.id, cx.now).await? {
        return Ok(false);
    }
    let Origin::Request(request) = grant.origin;
    let review = Kept {
        grant: grant.id,
        request,
        connection: grant.pair.connection,
        opened_at: cx.now,
        due_at,
        state: KeptState::Open,
        version: 1,
    };
    store::insert(&mut tx, &review).await?;
    told(cx, &mut tx, &review, "until_revoked.asked").await?;
    tx.commit().await?;
    Ok(true)
}

async fn remind(cx: &Cx, review: &Kept) -> Result<bool, Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    // Answered, or reminded of by another process, meanwhile.
    if !store::reminded(&mut tx, review.grant).await? {
        return Ok(false);
    }
    told(cx, &mut tx, review, "until_revoked.reminded").await?;
    tx.commit().await?;
    Ok(true)
}

async fn end(cx: &Cx, review: &Kept) -> Result<bool, Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    if !store::over(&mut tx, review.grant).await? {
        return Ok(false);
    }
    told(cx, &mut tx, review, "until_revoked.over").await?;
    tx.commit().await?;
    Ok(true)
}

async fn told(cx: &Cx, tx: &mut Tx, review: &Kept, what: &'static str) -> Result<(), Error> {
    let facts = json!({ "due": review.due_at, "review": review.review_at() });
    let subjects = [review.request.into(), review.grant.into()];
    tx.audit(cx.event(what, subjects, facts));
    let news = json!({ "request": review.request, "grant": review.grant });
    Ok(outbox::emit(tx, cx, what, news).await?)
}

/// Those that nobody has answered and whose access is over, by itself or because somebody ended it.
async fn over(cx: &Cx) -> Result<Vec<Kept>, Error> {
    let mut q = cx.read().await?;
    let mut found = Vec::new();
    let mut after: Option<(Time, GrantId)> = None;
    loop {
        let open = store::open(&mut q, after, BATCH).await?;
        let last = open.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        after = open.last().map(|it| (it.due_at, it.grant));
        let all = grants::several(&mut q, open.iter().map(|it| it.grant)).await?;
        found.extend(open.into_iter().filter(|it| {
            let grant = all.get(&it.grant);
            let gone = grant.is_none_or(|grant| !grant.is_open() || grant.window.is_over(cx.now));
            gone || !it.waits(cx.now)
        }));
        if last {
            return Ok(found);
        }
    }
}
