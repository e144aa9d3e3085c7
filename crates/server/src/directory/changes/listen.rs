//! Reading queues: messages become hints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use stint_aws::{AwsError, Heard, Listener, Message, Object, Queue, hear};
use stint_db::Priority;
use stint_domain::Span;

use super::super::Error;
use super::super::store::{changes as rows, tags};
use super::{Feed, LISTEN, MANY, MANY_TAGS, MOST, READ, REFUSED, SLOWLY};
use crate::connections::{self, Connection};
use crate::cx::{App, Cx};
use crate::http::{Fault as _, failure_chain};
use crate::tasks::{Ran, Task, TaskError};

/// How many polls one round makes of a queue that always has more.
const ROUND: usize = 200;

/// How long one round reads a queue that always has more.
const TURN: Span = Span::seconds(20);
/// As many messages as one answer has at most: there may be more (AWS reference §1.8).
const FULL: usize = 10;

/// Reads every queue until it is empty; the last poll of each waits for what comes.
pub(in crate::directory) struct Listen;

impl Listen {
    pub(in crate::directory) fn task() -> Arc<dyn Task> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Task for Listen {
    fn name(&self) -> &'static str {
        LISTEN
    }

    fn period(&self) -> Span {
        // The polls themselves wait; without a queue there is nothing to hurry for.
        Span::seconds(5)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let cx = Cx::system(app, LISTEN);
        let mut q = cx.read().await?;
        let feeds = connections::all_feeds(&mut q).await?;
        let ids = feeds.keys().copied();
        let connections = connections::connections_by_id(&mut q, ids).await?;
        let mut refused = BTreeSet::new();
        for (id, feeds) in &feeds {
            let last = rows::feed(&mut q, *id).await?.unwrap_or_default();
            let failed = last.error_at.filter(|at| cx.now < *at + REFUSED);
            if failed.is_some_and(|at| feeds.queue_set_at.is_none_or(|set| set < at)) {
                refused.insert(*id);
            }
        }
        drop(q);
        let heard = feeds.into_iter().filter_map(|(id, feeds)| {
            let (connection, queue) = (connections.get(&id)?, feeds.queue?);
            if refused.contains(&id) {
                return None;
            }
            // Before the first test nothing tells whose events are ours.
            connection.instance_arn.as_ref()?;
            Some(listen(app, connection, queue))
        });
        let mut ran = Ran::idle();
        for heard in join_all(heard).await {
            ran.worked |= heard?;
        }
        if ran.worked {
            app.nudge(READ);
        }
        Ok(ran)
    }
}

/// Reads one queue until it is empty. True when something came. That AWS does not let it is
/// written down, and no failure of the task: the other queues are read all the same.
async fn listen(app: &App, connection: &Connection, queue: Queue) -> Result<bool, Error> {
    let mut came = false;
    let until = app.clock.now() + TURN;
    for _ in 0..ROUND {
        let cx = Cx::system(app, LISTEN);
        let estate = match connections::estate(app, connection) {
            Ok(estate) => estate,
            Err(error) => {
                trouble(&cx, connection, &error.detail()).await?;
                break;
            }
        };
        let polled = tokio::select! {
            polled = estate.receive(&queue) => polled,
            () = app.stopping.wait() => break,
        };
        let messages = match polled {
            Ok(messages) => messages,
            Err(error) => {
                tracing::warn!(connection.id = %connection.id, error = %failure_chain(&error), "events.unread");
                failed(&cx, connection, &error).await?;
                break;
            }
        };
        // Written down first: a message that is taken out before is lost if this process dies.
        take(app, connection, &messages).await?;
        if messages.is_empty() {
            break;
        }
        came = true;
        let full = messages.len() >= FULL;
        let receipts: Vec<String> = messages.into_iter().map(|it| it.receipt).collect();
        if let Err(error) = estate.take_out(&queue, &receipts).await {
            // They come again, and say the same.
            tracing::warn!(connection.id = %connection.id, error = %failure_chain(&error), "events.not_taken_out");
            failed(&cx, connection, &error).await?;
            break;
        }
        // The next round asks again, for what the connection is by then; other queues wait for the
        // slowest of this one.
        if !full || app.clock.now() >= until {
            break;
        }
    }
    Ok(came)
}

/// AWS did not answer as it should. What may pass by itself is asked again at the next turn, and
/// is no trouble before it has lasted as long as a refusal is left alone.
async fn failed(cx: &Cx, connection: &Connection, error: &AwsError) -> Result<(), Error> {
    if error.passing() {
        let last = rows::feed(&mut cx.read().await?, connection.id).await?;
        let polled = last.and_then(|it| it.polled_at);
        if polled.is_some_and(|at| cx.app.clock.now() < at + REFUSED) {
            return Ok(());
        }
    }
    trouble(cx, connection, &error.to_string()).await
}

async fn trouble(cx: &Cx, connection: &Connection, why: &str) -> Result<(), Error> {
    let mut tx = cx.begin(Priority::Sync).await?;
    rows::not_polled(&mut tx, connection.id, why, cx.app.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Whose events are ours.
fn listener(connection: &Connection) -> Listener {
    let own = connection.credential.account();
    let mut accounts = vec![own.clone()];
    accounts.extend(connection.management_account.clone());
    Listener {
        accounts,
        iam: if connection.iam {
            vec![own]
        } else {
            Vec::new()
        },
        instance: connection.instance_arn.clone(),
        store: connection.identity_store_id.clone(),
    }
}

/// Writes down what messages say.
pub(super) async fn take(
    app: &App,
    connection: &Connection,
    messages: &[Message],
) -> Result<(), Error> {
    let cx = Cx::system(app, LISTEN);
    let by = listener(connection);
    let now = app.clock.now();
    let mut brought = Feed {
        messages: i64::try_from(messages.len()).unwrap_or(i64::MAX),
        ..Feed::default()
    };
    let mut objects: BTreeMap<Object, bool> = BTreeMap::new();
    let mut tagged = BTreeSet::new();
    for message in messages {
        match hear(&message.body, &by) {
            Heard::Hints(hints) => {
                for hint in hints {
                    match hint.object {
                        // Where tags are not read, nobody asks what became of them.
                        Object::AccountTags(_) if !connection.scope.account_tags => {
                            brought.ignored += 1;
                        }
                        Object::AccountTags(account) => {
                            tagged.insert(account);
                        }
                        object => *objects.entry(object).or_default() |= hint.asynchronous,
                    }
                }
            }
            Heard::Nothing | Heard::Foreign => brought.ignored += 1,
            Heard::Unknown(name) => {
                brought.unknown += 1;
                brought.last_unknown = Some(name);
            }
            Heard::Malformed => brought.malformed += 1,
        }
    }
    let lag = app.model.lag;
    let mut tx = cx.begin(Priority::Sync).await?;
    if !tagged.is_empty() {
        // Whoever else writes accounts of this estate waits for it.
        connections::lock(&mut tx, connection.id).await?;
    }
    if !objects.is_empty() && rows::flooding(&mut tx, connection.id).await? > MANY {
        // A flood, of events or of lies: one sync reads it all, and nothing more is kept.
        objects = BTreeMap::from([(Object::Everything, false)]);
    }
    let more = i64::try_from(tagged.len()).unwrap_or(i64::MAX);
    let waiting = rows::tags_waiting(&mut tx, connection.id).await?;
    if waiting.saturating_add(more) > MANY_TAGS {
        // A flood of these: no more rows, and nothing is believed that may have changed.
        let accounts: Vec<&str> = tagged.iter().map(String::as_str).collect();
        tags::doubt(&mut tx, connection.id, &accounts, now + lag).await?;
        brought.hints += more;
    } else {
        let tagged = tagged.into_iter().map(Object::AccountTags);
        objects.extend(tagged.map(|object| (object, false)));
    }
    for (object, asynchronous) in &objects {
        // When the event says it happened is not asked: it happened before it came.
        let settled = now + if *asynchronous { lag + SLOWLY } else { lag };
        rows::hear(&mut tx, connection.id, object, now, settled, MOST).await?;
        brought.hints += 1;
    }
    rows::polled(&mut tx, connection.id, now, &brought).await?;
    if !messages.is_empty() {
        connections::heard(&mut tx, connection.id, now).await?;
    }
    Ok(tx.commit().await?)
}
