//! Asking about access until it is revoked when its review comes, reminding before its end, and noting
//! that nobody answered or that it was ended early. That it ends is not this task's to see to.

use async_trait::async_trait;
use serde_json::{Value, json};
use stint_db::{Priority, Tx};
use stint_domain::{GrantId, Span, Time};

use super::super::Error;
use super::super::store::until as store;
use super::{Kept, KeptState};
use crate::cx::{App, Cx};
use crate::grants::{self, Grant, Origin};
use crate::outbox::{self, News, Sink};
use crate::tasks::{Ran, Task, TaskError};

const REVIEWS: &str = "requests.until_revoked";
/// How many of each a round takes.
const BATCH: i64 = 100;
/// How long before the end who is asked is reminded.
const REMIND_BEFORE: Span = Span::hours(24 * 3);

/// Asks, reminds, and notes what was not answered in time.
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
        let mut done = Done::default();
        let found = grants::to_review(&mut cx.read().await?, cx.now, BATCH).await?;
        for grant in &found {
            done.note(stint_db::retrying(|| ask(&cx, grant)).await);
        }
        let near = store::near(&mut cx.read().await?, cx.now + REMIND_BEFORE, BATCH).await?;
        for review in near.iter().filter(|it| it.waits(cx.now)) {
            done.note(stint_db::retrying(|| remind(&cx, review)).await);
        }
        let over = store::due(&mut cx.read().await?, cx.now, BATCH).await?;
        for review in &over {
            done.note(stint_db::retrying(|| end(&cx, review)).await);
        }
        if done.worked {
            app.nudge(outbox::DELIVER);
        }
        if let Some(error) = done.failed {
            return Err(error.into());
        }
        if done.worked {
            return Ok(Ran::worked());
        }
        let mut q = cx.read().await?;
        let review = grants::next_review(&mut q, cx.now).await?;
        let next = store::next_due(&mut q, REMIND_BEFORE).await?;
        let next: Option<Time> = review.into_iter().chain(next).min();
        Ok(Ran::idle().due(next.filter(|at| *at > cx.now)))
    }
}

/// What came of a round: one that fails does not hold up the others.
#[derive(Default)]
struct Done {
    worked: bool,
    failed: Option<Error>,
}

impl Done {
    fn note(&mut self, came: Result<bool, Error>) {
        match came {
            Ok(worked) => self.worked |= worked,
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }
}

/// Hears of grants that are ended before their time: nobody is asked about them any more.
pub(crate) struct Ended;

#[async_trait]
impl Sink for Ended {
    fn wants(&self, kind: &str) -> bool {
        kind == "grant.closed"
    }

    async fn take(&self, cx: &Cx, tx: &mut Tx, news: &News) -> Result<(), TaskError> {
        let id = news.body.get("grant").and_then(Value::as_str);
        let id: Option<GrantId> = id.and_then(|id| id.parse().ok());
        let Some(id) = id else {
            return Ok(());
        };
        if let Some(review) = store::lock(tx, id).await? {
            settled(cx, tx, &review).await?;
        }
        Ok(())
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
    store::insert(&mut tx, &review, due_at <= cx.now + REMIND_BEFORE).await?;
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
    if !settled(cx, &mut tx, review).await? {
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// Notes that it is over, where nobody has answered; false where it was not open any more.
async fn settled(cx: &Cx, tx: &mut Tx, review: &Kept) -> Result<bool, Error> {
    if !store::over(tx, review.grant).await? {
        return Ok(false);
    }
    told(cx, tx, review, "until_revoked.over").await?;
    Ok(true)
}

async fn told(cx: &Cx, tx: &mut Tx, review: &Kept, what: &'static str) -> Result<(), Error> {
    let facts = json!({ "due": review.due_at, "review": review.review_at() });
    let subjects = [review.request.into(), review.grant.into()];
    tx.audit(cx.event(what, subjects, facts));
    let news = json!({ "request": review.request, "grant": review.grant });
    Ok(outbox::emit(tx, cx, what, news).await?)
}
