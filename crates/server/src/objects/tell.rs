//! What the rules found to be so, told: audit event, outbox and timeline, in the transaction that
//! makes it so.

use serde_json::{Value, json};
use stint_db::Tx;
use stint_domain::managed::rotation::Passed;
use stint_domain::managed::user::How;
use stint_domain::managed::{Attempt, Fact, Outcome};
use stint_domain::{ConnectionId, ObjectId};

use super::store::attempts;
use super::{Error, Moment};
use crate::cx::Cx;
use crate::outbox;

/// An object, and the estate it is in.
pub(super) type About = (ObjectId, ConnectionId);

/// One piece of news.
struct News<'a> {
    what: &'static str,
    text: String,
    detail: Value,
    /// Whether others are told, beside the auditor.
    public: bool,
    aws: Option<&'a str>,
}

async fn tell(
    cx: &Cx,
    tx: &mut Tx,
    (object, connection): About,
    news: News<'_>,
) -> Result<(), Error> {
    let mut detail = news.detail;
    if let (Some(facts), Some(id)) = (detail.as_object_mut(), news.aws) {
        facts.insert("aws_request_id".to_owned(), Value::from(id));
    }
    tx.audit(cx.event(
        news.what,
        [object.into(), connection.into()],
        detail.clone(),
    ));
    if news.public {
        let body = json!({ "object": object, "connection": connection, "facts": detail });
        outbox::emit(tx, cx, news.what, body).await?;
    }
    let moment = Moment {
        at: cx.now,
        what: news.what.to_owned(),
        text: news.text,
        aws_request_id: news.aws.map(str::to_owned),
    };
    Ok(attempts::moment(tx, cx.app.ids.new_id(), object, &moment).await?)
}

/// Something a person, or a period, asked for.
pub(super) async fn by_hand(
    cx: &Cx,
    tx: &mut Tx,
    about: About,
    what: &'static str,
    text: &str,
    detail: Value,
) -> Result<(), Error> {
    let news = News {
        what,
        text: text.to_owned(),
        detail,
        public: false,
        aws: None,
    };
    tell(cx, tx, about, news).await
}

/// Somebody had it tried again.
pub(super) async fn retried(cx: &Cx, tx: &mut Tx, about: About) -> Result<(), Error> {
    let by = cx.person().map(|person| person.name.clone());
    let by = by.unwrap_or_else(|_| "Stint".to_owned());
    let text = format!("{by} had it tried again");
    by_hand(cx, tx, about, "object.retried", &text, json!({})).await
}

/// Everything a turn of the rules found. `aws` is the AWS request behind it, if one is.
pub(super) async fn facts(
    cx: &Cx,
    tx: &mut Tx,
    about: About,
    facts: &[Fact],
    aws: Option<&str>,
) -> Result<(), Error> {
    for fact in facts {
        tell(cx, tx, about, news(fact, aws)).await?;
    }
    Ok(())
}

/// What AWS answered to an attempt.
pub(super) async fn answered(
    cx: &Cx,
    tx: &mut Tx,
    about: About,
    attempt: &Attempt,
    aws: Option<&str>,
) -> Result<(), Error> {
    let words = attempt.change.words();
    let note = attempt.note.as_deref().unwrap_or("no reason given");
    let text = match attempt.outcome {
        Outcome::Succeeded { .. } => format!("AWS says that it is done: {words}"),
        Outcome::NotFound { .. } => format!("There was nothing left to do: {words}"),
        Outcome::Refused { .. } => format!("AWS did not {words}: {note}"),
        Outcome::Presumed { .. } => format!("The lost call to {words} can no longer happen"),
        Outcome::Unknown => {
            format!("No answer to the call to {words}; it may have happened: {note}")
        }
    };
    if let Some(id) = aws {
        attempts::answered(tx, attempt.id, id).await?;
    }
    let (change, of) = attempt.change.parts();
    let detail = json!({
        "attempt": attempt.id, "change": change, "of": of, "outcome": attempt.outcome.as_str(), "note": attempt.note,
    });
    let news = News {
        what: "object.answered",
        text,
        detail,
        public: false,
        aws,
    };
    tell(cx, tx, about, news).await
}

fn news<'a>(fact: &Fact, aws: Option<&'a str>) -> News<'a> {
    let told = |what, text: String, detail, public| News {
        what,
        text,
        detail,
        public,
        aws,
    };
    match fact {
        Fact::Intended(attempt) => {
            let (change, of) = attempt.change.parts();
            let detail = json!({
                "attempt": attempt.id, "change": change, "of": of, "sent_as": attempt.sent_as, "sign_at": attempt.sign_at,
            });
            let text = format!("Stint is going to {}", attempt.change.words());
            told("object.intended", text, detail, false)
        }
        Fact::Presumed(attempt) => told(
            "object.presumed",
            "A call that was never heard of again can no longer happen".to_owned(),
            json!({ "attempt": attempt }),
            false,
        ),
        Fact::Pinned { user_id } => told(
            "iam_user.pinned",
            format!("Read from AWS: this is the user {user_id}"),
            json!({ "user_id": user_id }),
            false,
        ),
        Fact::NotMade { reason } => told(
            "iam_user.not_made",
            format!("The user is not made: {reason}"),
            json!({ "reason": reason }),
            true,
        ),
        Fact::User(how) => told(
            "iam_user.settled",
            settled(*how).to_owned(),
            json!({ "how": how }),
            true,
        ),
        Fact::Rotation(passed) => {
            let (what, text, detail, public) = rotated(passed);
            told(what, text, detail, public)
        }
        Fact::LostKey { key } => told(
            "key_rotation.lost_key",
            format!(
                "The key {key} was made by a call whose answer was lost: nobody knows its secret, and it goes"
            ),
            json!({ "key": key }),
            false,
        ),
        Fact::Stuck { reason } => told(
            "object.stuck",
            format!("It does not go on: {reason}. Stint goes on trying"),
            json!({ "reason": reason }),
            true,
        ),
        Fact::Unstuck => told(
            "object.unstuck",
            "What did not go on goes on".to_owned(),
            json!({}),
            false,
        ),
    }
}

const fn settled(how: How) -> &'static str {
    match how {
        How::Seen => "Looked at; nothing was changed",
        How::Active => "Read back from AWS: the user is there",
        How::Disabled => {
            "Read back from AWS: the user is locked out, without active keys and console password"
        }
        How::Deleted => "Read back from AWS: the user is gone",
        How::Failed => "Read back from AWS: nothing of it is there",
        How::Gone => "There is no such user in AWS any more, and Stint did not delete it",
    }
}

fn rotated(passed: &Passed) -> (&'static str, String, Value, bool) {
    match passed {
        Passed::Added { key } => (
            "key_rotation.added",
            format!("The new key is {key}; its secret is sealed"),
            json!({ "key": key }),
            false,
        ),
        Passed::Tested => (
            "key_rotation.tested",
            "AWS takes the new key, and it is the same user's".to_owned(),
            json!({}),
            false,
        ),
        Passed::Switched => (
            "key_rotation.switched",
            "The connection enters by the new key from now on".to_owned(),
            json!({}),
            false,
        ),
        Passed::Deactivated => (
            "key_rotation.deactivated",
            "Read back from AWS: the old key opens nothing any more".to_owned(),
            json!({}),
            false,
        ),
        Passed::Failed { reason } => (
            "key_rotation.failed",
            format!("The rotation is given up: {reason}"),
            json!({ "reason": reason }),
            true,
        ),
        Passed::Done => (
            "key_rotation.over",
            "Read back from AWS: the old key is gone, and the user has no key nobody knows"
                .to_owned(),
            json!({ "done": true }),
            true,
        ),
        Passed::GivenUp => (
            "key_rotation.over",
            "What was begun is taken back, as far as Stint can see".to_owned(),
            json!({ "done": false }),
            true,
        ),
    }
}
