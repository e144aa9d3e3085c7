//! Between full syncs: what change events say may have changed is read again, object by object.
//!
//! An event is a *hint* and nothing more ([`stint_aws::hear`]). [`listen`] writes hints down, one
//! row for each object however many events name it, and takes a message out of the queue only
//! after that; [`read`](reread) takes what is due, reads it, and writes what AWS said by the same
//! functions as the full sync. Duplicates, another order and loss do no harm: what is lost, the
//! next full sync finds.
//!
//! **What holds.** The newest reading wins, whoever made it, a full sync or this, in whatever order
//! they are written down. An absence counts only against what was seen LAG or more before the
//! reading began (invariant 10); what is fresher is looked at again. A reading that fails changes
//! nothing and is tried again, later and later. Readings that together would end more than a sync
//! may by itself end nothing: a full sync is asked for, which stops and asks a person.
//!
//! What it does not do: believe an event, read the IAM of member accounts, make up for events that were
//! lost.

mod apply;
mod facts;
mod iam;
mod listen;
mod people;
mod places;
mod reread;

use stint_aws::Object;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, Span, Time};

use super::store::{changes as rows, classes as readings};
use super::{Class, Error};
use crate::connections;
use crate::cx::Cx;

pub(super) use listen::Listen;
pub(super) use reread::Reread;

/// The task that reads queues.
pub(super) const LISTEN: &str = "directory.events";
/// The task that reads objects again.
pub(super) const READ: &str = "directory.changes";

/// How long an asynchronous change is given before it is looked at, beside LAG: AWS does about one
/// write in three seconds (AWS reference §2 [R]), each after those before it on the account.
const SLOWLY: Span = Span::seconds(15);
/// How long events of one object may put its reading off.
const MOST: Span = Span::seconds(60);
/// How long after a poll that was refused the queue is asked again: whoever took a permission away,
/// or the queue, does not give it back within seconds. What may pass by itself counts as refused
/// once it has lasted so long.
const REFUSED: Span = Span::seconds(60);
/// A queue that was not read for so long is not heard: full syncs are as frequent as without it.
const DEAF: Span = Span::hours(1);
/// More objects than this that wait are read by a full sync: it costs less, and a flood of events
/// costs no more than that.
const MANY: i64 = 5_000;
/// More accounts than this do not wait for their tags: those of the others are forgotten, and read by
/// the next full syncs.
const MANY_TAGS: i64 = 500;

/// An object that waits to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) object: Object,
    pub(super) first: Time,
    pub(super) settled: Time,
    pub(super) generation: i64,
    pub(super) tries: i64,
}

/// What came of a connection's change events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    /// When the queue was last read.
    pub polled_at: Option<Time>,
    /// When the last message came.
    pub message_at: Option<Time>,
    /// Messages so far.
    pub messages: i64,
    /// Objects they named.
    pub hints: i64,
    /// Messages about others, about nothing that is kept, or of calls that failed.
    pub ignored: i64,
    /// Messages of events this version does not know.
    pub unknown: i64,
    /// Messages that were no events.
    pub malformed: i64,
    /// The last event that was not known.
    pub last_unknown: Option<String>,
    /// Why the queue could not be read the last time.
    pub error: Option<String>,
    /// When that was.
    pub error_at: Option<Time>,
}

/// How fresh what is known of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Each kind of object that is read.
    pub classes: Vec<ClassFreshness>,
    /// Its queue, and what came of it.
    pub feed: Option<(String, Feed)>,
}

/// How fresh one kind of object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassFreshness {
    /// Which.
    pub class: Class,
    /// When the last reading of all of them began, by a sync that is believed. What was read again
    /// after a change event does not count.
    pub read_at: Option<Time>,
    /// Why the last sync did not read all of them, where it did not: what is known is as of
    /// `read_at`, or newer in parts.
    pub why: Option<String>,
    /// Objects that wait to be read again.
    pub waiting: i64,
    /// Since when the first of them waits.
    pub since: Option<Time>,
    /// Why one could not be read.
    pub error: Option<String>,
}

/// Whether a connection's change events can be heard now: it has a queue, which could be read the
/// last time, a short while ago.
pub(super) async fn hears(cx: &Cx, id: ConnectionId) -> Result<bool, Error> {
    let mut q = cx.read().await?;
    if connections::feeds(&mut q, id).await?.queue.is_none() {
        return Ok(false);
    }
    let feed = rows::feed(&mut q, id).await?.unwrap_or_default();
    let lately = |at: Time| at >= cx.now - DEAF;
    Ok(feed.error.is_none() && feed.polled_at.is_some_and(lately))
}

/// How fresh what is known of a connection is: of each kind of object, when all of it was last
/// read by a sync that is believed, why the last one did not, what waits to be read again and since
/// when; and what came of its change events.
pub async fn freshness(cx: &Cx, id: ConnectionId) -> Result<Freshness, Error> {
    cx.authorize(Verb::ListSyncs, Relation::None)?;
    let mut q = cx.read().await?;
    let connection = connections::connection(&mut q, id)
        .await?
        .ok_or(Error::NotFound)?;
    let feeds = connections::feeds(&mut q, id).await?;
    let readings = readings::all(&mut q, id).await?;
    let waiting = rows::waiting(&mut q, id).await?;
    let trouble = rows::trouble(&mut q, id).await?;
    let classes = Class::ALL
        .into_iter()
        .filter(|class| class.is_read(&connection))
        .map(|class| {
            let of = |kind: &str| kind == "everything" || class.kinds().contains(&kind);
            let mine = waiting.iter().filter(|(kind, ..)| of(kind));
            let read = readings.iter().find(|it| it.class == class);
            ClassFreshness {
                class,
                read_at: read.and_then(|it| it.read_at),
                why: read.and_then(|it| it.why.clone()),
                waiting: mine.clone().map(|(_, n, _)| n).sum(),
                since: mine.filter_map(|(_, _, since)| *since).min(),
                error: (trouble.iter())
                    .find(|(kind, _)| of(kind))
                    .map(|(_, why)| why.clone()),
            }
        })
        .collect();
    let feed = match feeds.queue {
        Some(queue) => {
            let mut feed = rows::feed(&mut q, id).await?.unwrap_or_default();
            feed.message_at = feeds.heard_at;
            Some((queue.url().to_owned(), feed))
        }
        None => None,
    };
    Ok(Freshness { classes, feed })
}
