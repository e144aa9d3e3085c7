//! What the passing of time does to requests: reminders, steps that wait, deadlines.

use async_trait::async_trait;
use serde_json::{Value, json};
use stint_db::{Priority, Tx};
use stint_domain::request::{Passed, Question, State};
use stint_domain::{RequestId, Span};

use super::{Error, Request, apart, decide, error, store};
use crate::cx::{App, Cx};
use crate::grants;
use crate::http::Fault as _;
use crate::outbox;
use crate::tasks::{Ran, Task, TaskError};

/// Its name.
pub(super) const CLOCK: &str = "requests.clock";
/// How many requests a round takes.
const BATCH: i64 = 100;

pub(super) struct Clock;

#[async_trait]
impl Task for Clock {
    fn name(&self) -> &'static str {
        CLOCK
    }

    fn period(&self) -> Span {
        Span::minutes(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, CLOCK);
        let mut ran = Ran::idle();
        let (mut failed, mut after) = (None, None);
        loop {
            let due = store::due(&mut cx.read().await?, cx.now, after, BATCH).await?;
            let last = due.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            after = due.last().copied();
            for (_, id) in due {
                // One that fails does not hold up the others.
                match stint_db::retrying(|| pass(&cx, id)).await {
                    Ok(()) => ran.worked = true,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if last {
                break;
            }
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        ran.next_due = store::next_due(&mut cx.read().await?).await?;
        Ok(ran)
    }
}

/// Whether what was asked for can never be given.
pub(super) const fn ends(error: &Error) -> bool {
    matches!(
        error,
        Error::BeneficiaryInactive
            | Error::AskedWithoutRight
            | Error::PrincipalChanged
            | Error::GroupGone { .. }
            | Error::OwnedByDirectory { .. }
            | Error::ApartSince(_)
            | Error::Grants(grants::Error::ExtendsClosed)
    )
}

/// Does to one request what its time has come for, one thing after the other.
pub(super) async fn pass(cx: &Cx, id: RequestId) -> Result<(), Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    let Some(mut request) = store::lock(&mut tx, id).await? else {
        return Ok(());
    };
    let before = request.clone();
    match catch_up(cx, &mut tx, &mut request).await {
        Ok(false) => return Ok(()),
        Ok(true) => {}
        Err(error) if ends(&error) => {
            // What it asked for can never be given: nobody is there to be told but who asked.
            drop(tx);
            let why = match &error {
                Error::ApartSince(found) => format!(
                    "Since this was asked, duty rules came to keep it apart from what is held: {}",
                    error::apart(found)
                ),
                _ => error.detail(),
            };
            return refused(cx, before, &why).await;
        }
        Err(error) => return Err(error),
    }
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(())
}

/// Does to a request, whose row is held, what its time has come for. Whether there was anything.
///
/// Fails where it would have been approved and cannot be given.
pub(super) async fn catch_up(cx: &Cx, tx: &mut Tx, request: &mut Request) -> Result<bool, Error> {
    let id = request.id;
    let mut happened = Vec::new();
    loop {
        let (rules, passed) = request.rules.clone().pass(cx.now);
        request.rules = rules;
        match passed {
            Some(passed) => happened.push(passed),
            None => break,
        }
    }
    if happened.is_empty() {
        return Ok(false);
    }
    store::moved(tx, id, &request.rules).await?;
    store::moments::passed(tx, id, cx.now, &happened).await?;
    request.version += 1;
    for passed in &happened {
        match passed {
            Passed::Remind { step } => {
                let facts = at_step(&request.rules.question, *step);
                tx.audit(cx.event("request.reminded", [id.into()], facts));
                let news = json!({ "request": id });
                outbox::emit(tx, cx, "request.reminded", news).await?;
            }
            Passed::Late { step } => {
                let facts = at_step(&request.rules.question, *step);
                tx.audit(cx.event("request.late", [id.into()], facts));
                let news = json!({ "request": id });
                outbox::emit(tx, cx, "request.late", news).await?;
            }
            Passed::Step { next, carried } => {
                let question = &request.rules.question;
                let facts = json!({
                    "step": question.place_of(*next) + 1,
                    "carried": carried,
                    "policy": question.begins(*next).map(|other| &other.name),
                    "policy_version": question.begins(*next).map(|other| other.version),
                });
                tx.audit(cx.event("request.moved_on", [id.into()], facts));
                let news = json!({ "request": id });
                outbox::emit(tx, cx, "request.decided", news).await?;
            }
            Passed::Denied => {
                if let State::Denied { reason, .. } = &request.rules.state {
                    told(cx, tx, id, reason).await?;
                }
            }
            Passed::Approved => {
                apart::still(cx, tx, request).await?;
                decide::open(cx, tx, request).await?;
            }
        }
    }
    Ok(true)
}

/// Which step it is about, as people count: of which other policy, where it is of another than the
/// request was asked under.
fn at_step(question: &Question, step: usize) -> Value {
    let other = question.other_of(step);
    json!({
        "step": question.place_of(step) + 1,
        "policy": other.map(|other| &other.name),
        "policy_version": other.map(|other| other.version),
    })
}

/// Says that a request was denied by nobody.
async fn told(cx: &Cx, tx: &mut Tx, id: RequestId, reason: &str) -> Result<(), Error> {
    let facts = json!({ "reason": reason, "by": null });
    tx.audit(cx.event("request.denied", [id.into()], facts));
    outbox::emit(tx, cx, "request.denied", json!({ "request": id })).await?;
    Ok(())
}

/// Ends a request that time would have approved and that can no longer be given.
async fn refused(cx: &Cx, before: Request, why: &str) -> Result<(), Error> {
    let id = before.id;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let Some(mut request) = store::lock(&mut tx, id).await? else {
        return Ok(());
    };
    if request.version != before.version {
        // Somebody was faster: the next round looks again.
        return Ok(());
    }
    request.rules = request.rules.void(why.to_owned(), cx.now)?;
    store::moved(&mut tx, id, &request.rules).await?;
    told(cx, &mut tx, id, why).await?;
    tx.commit().await?;
    grants::nudge(&cx.app);
    Ok(())
}
