//! The tags of accounts: one call each, so they are read when nothing is known of an account, and
//! again once they are old, by and by ([`TagsRule`](stint_domain::sync::tags::TagsRule)).
//!
//! They are the last that a run reads: nothing that has ended waits for them. AWS may refuse to tell
//! of some accounts and not of others: each is noted by itself, and the listing counts as refused
//! only where none answers that is asked.

use std::collections::{BTreeMap, HashSet, VecDeque};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use stint_aws::{AwsError, ErrorKind, Lane};
use stint_domain::Time;
use stint_domain::sync::plan::{Known, Listing, Question};
use stint_domain::sync::tags::KnownTags;

use super::super::super::Error;
use super::super::super::classes::Class;
use super::super::super::store::tags as rows;
use super::sink::{List, Scope};
use super::{AT_ONCE, Walk};
use crate::connections;

/// What a run says that it is doing while it reads them.
pub(in super::super) const TAGS_PHASE: &str = "tags of accounts";
/// So many accounts refuse one after the other before one is asked that has told before: what is
/// refused for some is, mostly, for all.
const REFUSALS: usize = 10;
/// So many where none has.
const FIRST_REFUSALS: usize = 50;
/// So many calls in a row that fail otherwise end the reading: the next run goes on.
const FAILURES: usize = 5;
/// Of how many accounts the answers are written in one transaction: whoever keeps what conditions
/// are true of asks anew after each.
const CHUNK: usize = 100;

/// What came of asking for the tags of an account.
struct Asked {
    account: String,
    began: Time,
    told: Result<BTreeMap<String, String>, AwsError>,
}

/// What came of the calls so far.
#[derive(Default)]
struct Course {
    asked: HashSet<String>,
    /// Whether any account's tags were told.
    told: bool,
    refused: usize,
    /// Calls in a row that failed otherwise.
    failed: usize,
    /// Why nobody else is asked.
    stopped: Option<String>,
    unwritten: Vec<Asked>,
}

impl Course {
    fn came(&mut self, asked: Asked) {
        match &asked.told {
            Ok(_) => {
                self.told = true;
                self.failed = 0;
            }
            Err(error) if error.kind == ErrorKind::Denied => self.refused += 1,
            Err(error) => {
                self.failed += 1;
                if self.failed >= FAILURES || error.ends_everything() {
                    self.stopped = Some(error.to_string());
                }
            }
        }
        self.asked.insert(asked.account.clone());
        self.unwritten.push(asked);
    }

    /// Who told before and was not asked now: the last that did.
    fn witness<'a>(&self, all: &'a [KnownTags]) -> Option<&'a str> {
        let others = all.iter().filter(|it| !self.asked.contains(&it.account));
        let told = others.filter(|it| it.read_at.is_some());
        let last = told.max_by_key(|it| it.read_at);
        last.map(|it| it.account.as_str())
    }
}

impl Walk<'_> {
    /// Reads the tags that are due. What AWS does not tell stays as it is, and fails no run: who holds
    /// what is known without it.
    pub(super) async fn account_tags(&self) -> Result<(), Error> {
        let listed = self.done(Scope::List(List::Accounts)).await;
        let Some(since) = listed.filter(|_| self.tags) else {
            return Ok(());
        };
        self.read_tags(since).await?;
        let run = self.run().await;
        let mut q = self.cx.read().await?;
        let all = rows::read(&mut q, run.connection, since).await?;
        drop(q);
        let stopped = run.plan.stopped.into_iter();
        let stopped = stopped.map(|(_, why)| why).next();
        self.came(Class::Tags, tags_came(&all, stopped, since))
            .await
    }

    async fn read_tags(&self, since: Time) -> Result<(), Error> {
        let (rule, now) = (self.cx.app.tags, self.cx.app.clock.now());
        let run = self.run().await;
        let previous = self.sink.lock().await.previous();
        let elapsed = previous.map_or(rule.within, |at| run.started_at.since(at));
        let mut q = self.cx.read().await?;
        let all = rows::read(&mut q, run.connection, since).await?;
        drop(q);
        let due = rule.due(&all, now, elapsed, self.tested);
        let known = Known {
            tags: count(due.len()),
            ..Known::default()
        };
        let choice = self.choose(Question::Tags, &known).await?;
        if choice.chosen.is_none() || due.is_empty() {
            return Ok(());
        }
        let mut sink = self.sink.lock().await;
        // The other listings are read.
        let calls = i64::try_from(due.len()).unwrap_or(i64::MAX);
        sink.run.expected = sink.run.calls.saturating_add(calls);
        drop(sink);
        self.begin(TAGS_PHASE).await?;
        let mut due = VecDeque::from(due);
        let mut course = Course::default();
        self.sound(&all, &mut due, &mut course).await?;
        if course.told {
            let calls = due.into_iter().map(|account| self.tags_of(account).boxed());
            let calls: Vec<BoxFuture<'_, Asked>> = calls.collect();
            let mut calls = stream::iter(calls).buffered(AT_ONCE).boxed();
            while course.stopped.is_none() {
                let Some(asked) = self.while_alive(calls.next().boxed()).await? else {
                    break;
                };
                course.came(asked);
                if course.unwritten.len() >= CHUNK {
                    self.keep_tags(&mut course).await?;
                }
                self.alive().await?;
            }
        }
        self.keep_tags(&mut course).await?;
        let mut sink = self.sink.lock().await;
        if let Some(why) = course.stopped {
            sink.run.plan.stop(Listing::TagsByAccount, why);
            self.note_plan(&mut sink).await
        } else if course.refused > 0 && !course.told {
            let now = self.cx.app.clock.now();
            sink.run.plan.refuse(Listing::TagsByAccount, now);
            drop(sink);
            self.choose(Question::Tags, &known).await.map(drop)
        } else {
            Ok(())
        }
    }

    /// Asks one account after the other until one tells, or enough have refused: then one that told
    /// before is asked, too.
    async fn sound(
        &self,
        all: &[KnownTags],
        due: &mut VecDeque<String>,
        course: &mut Course,
    ) -> Result<(), Error> {
        let told_before = all.iter().any(|it| it.read_at.is_some());
        let enough = match told_before {
            true => REFUSALS,
            false => FIRST_REFUSALS,
        };
        while !course.told && course.stopped.is_none() && course.refused < enough {
            let Some(account) = due.pop_front() else {
                break;
            };
            let asked = self.while_alive(self.tags_of(account).boxed()).await?;
            course.came(asked);
            self.alive().await?;
        }
        if course.told || course.stopped.is_some() || course.refused == 0 {
            return Ok(());
        }
        if let Some(witness) = course.witness(all) {
            due.retain(|it| it != witness);
            let asked = self.tags_of(witness.to_owned()).boxed();
            let asked = self.while_alive(asked).await?;
            course.came(asked);
        }
        Ok(())
    }

    async fn tags_of(&self, account: String) -> Asked {
        let began = self.cx.app.clock.now();
        let told = self.estate.account_tags(&account, Lane::Sync).await;
        Asked {
            account,
            began,
            told,
        }
    }

    /// Writes down what came; nothing where tags are not read any more.
    async fn keep_tags(&self, course: &mut Course) -> Result<(), Error> {
        let came = std::mem::take(&mut course.unwritten);
        if came.is_empty() {
            return Ok(());
        }
        let (sink, mut tx) = self.write().await?;
        let id = sink.run.connection;
        let now = connections::connection(&mut tx, id).await?;
        if now.is_some_and(|it| it.scope.account_tags) {
            for Asked {
                account,
                began,
                told,
            } in came
            {
                match told {
                    Ok(tags) => rows::set(&mut tx, id, &account, &tags, began).await?,
                    Err(error) => {
                        tracing::info!(aws.account = %account, error = %error, "sync.tags_not_read");
                        let refused = error.kind == ErrorKind::Denied;
                        rows::tried(&mut tx, id, &account, began, refused).await?;
                    }
                }
            }
        }
        self.moved((sink, tx)).await
    }
}

/// When the tags that were read longest ago were; or why those of some accounts are not as of now.
fn tags_came(all: &[KnownTags], stopped: Option<String>, since: Time) -> Result<Time, String> {
    let of = all.len();
    let refused = all.iter().filter(|it| it.refused_at.is_some()).count();
    let unread = all.iter().filter(|it| it.read_at.is_none()).count();
    match (stopped, refused, unread) {
        (Some(why), ..) => Err(format!(
            "Given up until the next sync, after failures: {why}."
        )),
        (None, 0, 0) => Ok(all
            .iter()
            .filter_map(|it| it.read_at)
            .min()
            .unwrap_or(since)),
        (None, 0, unread) => Err(format!(
            "The tags of {unread} of {of} accounts were not read yet."
        )),
        (None, refused, _) => Err(format!(
            "AWS refused to tell the tags of {refused} of {of} accounts."
        )),
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
