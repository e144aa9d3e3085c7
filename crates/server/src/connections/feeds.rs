//! What a connection hears of changes by (an SQS queue), and its SCIM endpoint: settings, each of
//! which may be absent.
//!
//! What it does not do: read the queue (`directory`'s changes) or who is active from the endpoint
//! (`directory`'s scim).

mod http;
pub(super) mod scim;
mod setup;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use stint_aws::{Able, ActionCheck, AwsError, ErrorKind, Estate, Queue};
use stint_db::{Priority, Query, Tx};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, Time};

use super::store::{self, feeds as rows};
use super::{Check, Connection, Error, Outcome};
use crate::cx::{App, Cx};
use crate::sealed::Sealed;
use crate::web::time::words;

pub(super) use http::routes;
pub use scim::{NO_ENDPOINT, TOKEN_REFUSED};
pub use setup::{EventsSetup, events_cloudformation, events_terraform};

/// What a connection is told of changes by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feeds {
    /// The queue its change events come by.
    pub queue: Option<Queue>,
    /// When that was last set.
    pub queue_set_at: Option<Time>,
    /// When the last message came by it.
    pub heard_at: Option<Time>,
    /// Its SCIM endpoint.
    pub scim: Option<ScimOnFile>,
}

/// A SCIM endpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimOnFile {
    /// `https://scim.<region>.amazonaws.com/<tenant>/scim/v2/`
    pub endpoint: String,
    /// The token, sealed.
    pub sealed: Sealed,
    /// When Stint was given it. AWS's tokens last a year (AWS reference §1.7 [K]).
    pub set_at: Time,
    /// When it was last read, or tried to.
    pub read_at: Option<Time>,
    /// Why it could not be read then, in words.
    pub error: Option<String>,
}

/// What to change; what is `None` stays, an empty text switches it off.
#[derive(Debug, Clone, Default)]
pub struct FeedsChange {
    /// The URL of the queue.
    pub queue_url: Option<String>,
    /// The SCIM endpoint.
    pub scim_endpoint: Option<String>,
    /// The token to it. Needed with a new endpoint.
    pub scim_token: Option<SecretString>,
}

/// What a connection is told of changes by; for background work.
pub async fn feeds(q: &mut impl Query, id: ConnectionId) -> stint_db::Result<Feeds> {
    rows::feeds(q, id).await
}

/// The same of every connection in service that has any.
pub async fn all_feeds(q: &mut impl Query) -> stint_db::Result<BTreeMap<ConnectionId, Feeds>> {
    rows::all_feeds(q).await
}

/// Notes how a reading of the SCIM endpoint went.
pub async fn scim_read(
    tx: &mut Tx,
    id: ConnectionId,
    at: Time,
    why: Option<String>,
) -> stint_db::Result<()> {
    rows::scim_read(tx, id, at, why).await
}

/// What has to be made in AWS for a connection's change events.
pub fn events_setup(connection: &Connection, feeds: &Feeds) -> EventsSetup {
    let account = connection.credential.account();
    setup::of(&connection.region, &account, feeds.queue.as_ref())
}

/// Notes that a message came by the queue; in the transaction that keeps what it says.
pub async fn heard(tx: &mut Tx, id: ConnectionId, at: Time) -> stint_db::Result<()> {
    rows::heard(tx, id, at).await
}

const RECEIVE: &str = "sqs:ReceiveMessage";
const DELETE: &str = "sqs:DeleteMessage";
const ATTRIBUTES: &str = "sqs:GetQueueAttributes";

/// Whether an action may be called, as far as the table of a test tells.
fn able(actions: &[ActionCheck], action: &str) -> Able {
    let found = actions.iter().find(|it| it.action == action);
    found.map_or(Able::Unknown, |it| it.able)
}

/// Notes in the table of a test how a call went: that counts for more than a simulation.
fn tried<T>(actions: &mut [ActionCheck], action: &str, call: &Result<T, AwsError>) {
    let able = match call {
        Ok(_) => Able::Works,
        Err(error) if error.kind == ErrorKind::Denied => Able::Missing,
        Err(_) => return,
    };
    for it in actions.iter_mut().filter(|it| it.action == action) {
        if it.able != able {
            // What the simulation said about it was about the other answer.
            it.note = None;
        }
        it.able = able;
    }
}

/// What a test of the connection finds out about its queue, if it has one: whether it can be reached,
/// whether messages may be received and deleted, and how long ago the last event came. No message is
/// received or deleted for it; what it tried is noted in the table of `actions`.
pub(super) async fn look(
    cx: &Cx,
    estate: &Estate,
    feeds: Feeds,
    actions: &mut [ActionCheck],
) -> Option<Check> {
    let queue = feeds.queue?;
    let state = estate.queue_state(&queue).await;
    let takes = estate.may_take_out(&queue).await;
    tried(actions, ATTRIBUTES, &state);
    tried(actions, DELETE, &takes);
    let actions: &[ActionCheck] = actions;
    let mut request_ids = Vec::new();
    let (reached, dead_letters) = match &state {
        Ok((state, request_id)) => {
            request_ids.extend(request_id.clone());
            let waiting = state.waiting.saturating_add(state.hidden);
            let what =
                format!("the queue of change events can be reached, {waiting} messages wait");
            (what, state.dead_letters)
        }
        Err(error) => {
            request_ids.extend(error.request_id.clone());
            let what = format!("the queue of change events cannot be looked at: {error}");
            (what, true)
        }
    };
    let (Ok(request_id) | Err(AwsError { request_id, .. })) = &takes;
    request_ids.extend(request_id.clone());
    let may = |action: &str, verb: &str| match able(actions, action) {
        Able::Works => format!("Stint may {verb} messages"),
        Able::Missing => format!("Stint may not {verb} messages"),
        Able::Unknown => format!("whether Stint may {verb} messages shows when it does"),
    };
    let heard = feeds.heard_at.map_or_else(
        || "no change event has come by it yet".to_owned(),
        |at| {
            let ago = words(cx.app.clock.now().since(at));
            format!("the last change event came {ago} ago")
        },
    );
    let what = format!(
        "{reached}; {}, {}; {heard}",
        may(RECEIVE, "receive"),
        may(DELETE, "delete")
    );
    let missing = [RECEIVE, DELETE, ATTRIBUTES].into_iter();
    let missing: Vec<&str> = missing
        .filter(|action| able(actions, action) == Able::Missing)
        .collect();
    let answered = state.is_ok() && takes.is_ok();
    let mend = match (missing.is_empty(), answered, feeds.heard_at, dead_letters) {
        (false, ..) => Some(format!(
            "Allow {} on {}: the set-up has the statement. Until then only full syncs find what changes in AWS.",
            missing.join(" and "),
            queue.arn()
        )),
        (true, false, ..) => Some(format!(
            "See that {} is there, and test the connection again.",
            queue.arn()
        )),
        (true, true, _, false) => Some(
            "Give it a dead-letter queue, as the set-up does: what cannot be read would come again and again until it is too old."
                .to_owned(),
        ),
        (true, true, None, true) => Some(
            "Change something small, such as the description of a permission set, and look again after some minutes. Nothing? CloudTrail needs a trail with write management events in the region of the rule."
                .to_owned(),
        ),
        (true, true, Some(_), true) => None,
    };
    let outcome = match missing.is_empty() && answered && dead_letters {
        true => Outcome::Ok,
        false => Outcome::Warning,
    };
    Some(Check {
        name: "change_events".to_owned(),
        outcome,
        what,
        mend,
        request_ids,
    })
}

/// The token to a connection's SCIM endpoint. Fails when it cannot be opened.
pub fn scim_token(app: &App, id: ConnectionId, scim: &ScimOnFile) -> Result<SecretString, Error> {
    Ok(app.keys.open(&record(id), &scim.sealed)?)
}

/// Which secret of which record.
fn record(connection: ConnectionId) -> String {
    format!("{connection} scim_token")
}

/// What a connection is told of changes by.
pub async fn get_feeds(cx: &Cx, id: ConnectionId) -> Result<Feeds, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let mut reader = cx.read().await?;
    store::connection(&mut reader, id)
        .await?
        .ok_or(Error::NotFound)?;
    Ok(rows::feeds(&mut reader, id).await?)
}

/// Changes queue and SCIM endpoint. Makes no call to AWS: whether they can be read, the test of
/// the connection says.
pub async fn set_feeds(cx: &Cx, id: ConnectionId, change: FeedsChange) -> Result<Feeds, Error> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let of = store::lock_connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    if of.removed_at.is_some() {
        return Err(Error::Removed);
    }
    let before = rows::feeds(&mut tx, id).await?;
    if let Some(url) = &change.queue_url {
        let queue = match url.trim() {
            "" => None,
            url => Some(queue(cx, &of, url)?),
        };
        rows::set_queue(&mut tx, id, queue.as_ref(), cx.now)
            .await
            .map_err(
                |error| match error.is_unique("connection_feeds.queue_url") {
                    true => Error::QueueTaken,
                    false => error.into(),
                },
            )?;
    }
    let endpoint = change.scim_endpoint.as_deref().map(str::trim);
    let given = change
        .scim_token
        .filter(|token| !token.expose_secret().trim().is_empty());
    match (endpoint, given) {
        (Some(""), _) => rows::set_scim(&mut tx, id, None).await?,
        (None, None) => {}
        // The same endpoint without a token: it keeps the one it has.
        (Some(same), None) if before.scim.as_ref().is_some_and(|it| it.endpoint == same) => {}
        (Some(_), None) => {
            let why =
                "Paste the token that AWS showed when it was made: it belongs to the endpoint.";
            return Err(Error::bad("scim_token", why));
        }
        (endpoint, Some(token)) => {
            let kept = before.scim.as_ref().map(|it| it.endpoint.as_str());
            let Some(endpoint) = endpoint.or(kept) else {
                let why = "Say which SCIM endpoint the token is for.";
                return Err(Error::bad("scim_endpoint", why));
            };
            let scim = ScimOnFile {
                endpoint: scim_endpoint(cx, &of, endpoint)?,
                sealed: cx.app.keys.seal(&record(id), &bearer(&token)?)?,
                set_at: cx.now,
                read_at: None,
                error: None,
            };
            rows::set_scim(&mut tx, id, Some(&scim)).await?;
        }
    }
    let after = rows::feeds(&mut tx, id).await?;
    let facts = |of: &Feeds| {
        json!({
            "queue_url": of.queue.as_ref().map(Queue::url),
            "scim_endpoint": of.scim.as_ref().map(|it| &it.endpoint),
            "scim_token_set_at": of.scim.as_ref().map(|it| it.set_at),
        })
    };
    let told = json!({ "before": facts(&before), "after": facts(&after) });
    tx.audit(cx.event("connection.feeds_changed", [id.into()], told));
    tx.commit().await?;
    cx.app.nudge(LISTENER);
    Ok(after)
}

/// The task that reads queues, one row up: it looks at once.
const LISTENER: &str = "directory.events";

/// A queue of the connection's own account, in the region of its Identity Center: where EventBridge
/// can put events into it, and where its policy can let Stint read it.
fn queue(cx: &Cx, of: &Connection, url: &str) -> Result<Queue, Error> {
    let bad = |why: String| Error::bad("queue_url", why);
    let queue = if cx.app.aws.is_simulated() {
        Queue::parse_simulated(url, &of.region)
    } else {
        Queue::parse(url)
    };
    let queue = queue.map_err(|error| bad(format!("{error}.")))?;
    let account = of.credential.account();
    if queue.account() != account {
        return Err(bad(format!(
            "The queue is in account {}, and this connection enters account {account}: make the queue there.",
            queue.account()
        )));
    }
    if queue.region() != of.region {
        return Err(bad(format!(
            "The queue is in {}, and Identity Center's events come in {}: make the queue there. The events of IAM \
             and Organizations are sent on to it; the set-up does that.",
            queue.region(),
            of.region
        )));
    }
    Ok(queue)
}

/// The endpoint as AWS shows it; with the slash at its end.
fn scim_endpoint(cx: &Cx, of: &Connection, text: &str) -> Result<String, Error> {
    let why = "Write the SCIM endpoint as the Identity Center console shows it: https://scim.<region>.amazonaws.com/<id>/scim/v2/.";
    let bad = || Error::bad("scim_endpoint", why);
    let text = text.trim().trim_end_matches('/');
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let mut parts = rest.split('/');
    let host = parts.next().unwrap_or_default();
    let tenant = parts.next().unwrap_or_default();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=128).contains(&tenant.len()) || !tenant.bytes().all(fits) {
        return Err(bad());
    }
    if parts.collect::<Vec<_>>() != ["scim", "v2"] {
        return Err(bad());
    }
    let loopback = cx.app.aws.is_simulated()
        && ["127.0.0.1", "localhost", "[::1]"]
            .contains(&host.rsplit_once(':').map_or(host, |(name, _)| name));
    let suffix = match stint_aws::partition_of(&of.region) {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    let ours = scheme == "https" && host == format!("scim.{}.{suffix}", of.region);
    if !ours && !loopback {
        if scheme == "https" && host.starts_with("scim.") && host.ends_with(suffix) {
            let why = format!(
                "This endpoint is of another region than the connection's Identity Center ({}).",
                of.region
            );
            return Err(Error::bad("scim_endpoint", why));
        }
        return Err(bad());
    }
    Ok(format!("{text}/"))
}

/// A token without surrounding blanks; its text is in no answer.
fn bearer(token: &SecretString) -> Result<SecretString, Error> {
    let text = token.expose_secret().trim();
    if (8..=4_096).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.to_owned().into());
    }
    let why = "Paste the whole access token, as AWS showed it when it was made, without blanks.";
    Err(Error::bad("scim_token", why))
}
