//! What people say about a request: comments, and questions to who asked.
//!
//! Who may see a request may comment on it, also when it is answered. A question holds nothing
//! up: whoever asked is told, and answers by a comment. What is said stays as it was said.

use serde_json::json;
use stint_db::Priority;
use stint_domain::policy::LONGEST_TEXT;
use stint_domain::rights::Verb;
use stint_domain::{CommentId, RequestId, Time, UserId};

use super::{Error, decide, store, via};
use crate::cx::Cx;
use crate::outbox;

/// How many a request has at most.
pub const MOST_COMMENTS: i64 = 200;

/// Something somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Which.
    pub id: CommentId,
    /// Who.
    pub by: UserId,
    /// What; never empty.
    pub text: String,
    /// Whether whoever asked for access is to answer it.
    pub question: bool,
    /// When.
    pub at: Time,
}

/// Says something about a request.
///
/// Fails where nothing is said, where it is too long, and where [`MOST_COMMENTS`] are there.
pub async fn comment(cx: &Cx, id: RequestId, text: &str, question: bool) -> Result<Comment, Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    // With the row held: two who are the last to find room find it one after the other.
    let request = decide::taken(cx, &mut tx, id, Verb::CommentRequest).await?;
    let text = text.trim();
    match text.chars().count() {
        0 => return Err(Error::NothingSaid),
        length if length > LONGEST_TEXT => return Err(Error::Comment),
        _ => {}
    }
    if store::count_comments(&mut tx, id).await? >= MOST_COMMENTS {
        return Err(Error::TooManyComments);
    }
    let by = cx.person()?.id;
    let own = by == request.requester();
    let comment = Comment {
        id: cx.app.new_id(),
        by,
        text: text.to_owned(),
        // Nobody asks themselves.
        question: question && !own,
        at: cx.now,
    };
    store::commented(&mut tx, id, &comment, &via(cx)).await?;
    let facts =
        json!({ "comment": comment.id, "question": comment.question, "text": comment.text });
    tx.audit(cx.event("request.commented", [id.into(), by.into()], facts));
    let news = json!({ "request": id, "question": comment.question });
    outbox::emit(&mut tx, cx, "request.commented", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(comment)
}
