//! Trouble with a connection: whoever answers for it is told once for as long as it is the same, and
//! once more when it works again.
//!
//! A notice that is read and not settled is what was told of trouble that goes on: of the same nobody
//! is told anew. What is the same stands in its `part`.

use std::collections::BTreeSet;

use serde_json::Value;
use stint_domain::{ConnectionId, SyncId, Time, UserId};

use super::super::{Error, Kind, Thing, store};
use super::Taking;
use crate::connections::{self, Connection};
use crate::directory::{self, FAILURES, SyncRun, Trouble};

/// What can be wrong. One piece of news tells each person once: of what stands first.
const TROUBLES: [Kind; 4] = [
    Kind::SyncHeld,
    Kind::TestFailed,
    Kind::SyncFailed,
    Kind::SyncOverdue,
];

/// What is wrong now.
struct Wrong {
    /// Which of its kind; trouble of another number is told anew.
    part: i64,
    /// Whether the news in hand is of it. Other news only finds that it is still so.
    news: bool,
    /// Whether the news in hand is older: news of its own tells it.
    older: bool,
}

impl Taking<'_> {
    /// Makes the notices about a connection agree with how it is now.
    pub(super) async fn trouble(&mut self) -> Result<(), Error> {
        let Some(id) = self.id::<ConnectionId>("connection") else {
            return Ok(());
        };
        let Some(found) = connections::connection(self.tx, id).await? else {
            return Ok(());
        };
        let thing = Thing::Connection(id);
        if found.removed_at.is_some() {
            for kind in TROUBLES {
                self.settle(kind, thing).await?;
            }
            return self.settle(Kind::ConnectionWorks, thing).await;
        }
        let trouble = directory::trouble(self.tx, id).await?;
        let told = connections::told_of_trouble(self.tx, &found).await?;
        let who: BTreeSet<UserId> = told.into_iter().map(|it| it.user).collect();
        let (mut any, mut relieved) = (false, BTreeSet::new());
        for kind in TROUBLES {
            match self.wrong(kind, &found, &trouble) {
                Some(wrong) => {
                    any = true;
                    self.ask(kind, thing, &wrong, &who).await?;
                }
                // By another credential than the one that failed: nobody knows yet.
                None if kind == Kind::TestFailed && found.last_test.is_none() => {}
                // What somebody decided was not broken.
                None if kind == Kind::SyncHeld => self.settle(kind, thing).await?,
                None => relieved.extend(self.over(kind, thing).await?),
            }
        }
        if any {
            return self.settle(Kind::ConnectionWorks, thing).await;
        }
        if !trouble.works() {
            return Ok(());
        }
        relieved.retain(|user| who.contains(user));
        self.tell_of(Kind::ConnectionWorks, thing, 0, relieved)
            .await
    }

    /// What of this kind is wrong with a connection now.
    fn wrong(&self, kind: Kind, found: &Connection, trouble: &Trouble) -> Option<Wrong> {
        let news = self.news.kind.as_str();
        let about = |run: &SyncRun| self.id::<SyncId>("run") == Some(run.id);
        // Who comes to own it is told of what stands.
        let comes = news == "connection.owners_changed";
        let older = |at: Option<Time>| !comes && at.is_some_and(|at| self.news.at < at);
        match kind {
            Kind::SyncHeld => trouble.held.as_ref().map(|run| Wrong {
                part: run.ended,
                news: news == "sync.held" && about(run),
                older: older(run.finished_at),
            }),
            // One that never passed is being set up, by somebody who sees what comes of it.
            Kind::TestFailed => {
                let last = found.last_test.as_ref();
                let fails = last.is_some_and(|test| !test.passed) && found.instance_arn.is_some();
                fails.then(|| Wrong {
                    part: 0,
                    news: news == "connection.tested",
                    older: older(last.map(|test| test.at)),
                })
            }
            Kind::SyncFailed => trouble.failed().map(|run| Wrong {
                part: self.failure(),
                news: news == "sync.failed" && about(run),
                older: older(run.finished_at),
            }),
            Kind::SyncOverdue => trouble.overdue.map(|_| Wrong {
                part: 0,
                news: news == "sync.overdue",
                older: false,
            }),
            _ => None,
        }
    }

    /// Of which kind the failure is that this news is about; 0 where it does not say.
    fn failure(&self) -> i64 {
        let word = self.news.body.get("failure").and_then(Value::as_str);
        let place = word.and_then(|word| FAILURES.iter().position(|it| *it == word));
        place.map_or(0, |place| i64::try_from(place).map_or(0, |place| place + 1))
    }

    /// Tells these people of what is wrong: who was not, or was of something else. What was told to
    /// others is settled. Where the news does not say which of its kind it is, it is what was told.
    async fn ask(
        &mut self,
        kind: Kind,
        thing: Thing,
        wrong: &Wrong,
        who: &BTreeSet<UserId>,
    ) -> Result<(), Error> {
        // Whoever tested it saw what came of that: a sync that fails of the same is no news of a test.
        let late = kind == Kind::TestFailed && self.news.kind.starts_with("sync.");
        let mut untold = match late {
            true => BTreeSet::new(),
            false => who.clone(),
        };
        let mut settled = Vec::new();
        let told = store::open_about(self.tx, kind, thing).await?;
        let part = match wrong.part {
            0 => told.iter().map(|open| open.part).max().unwrap_or(0),
            known => known,
        };
        for open in told {
            let same = !wrong.news || open.part == part;
            if !who.contains(&open.user) || (open.read && !same) {
                settled.push(open.id);
            } else if open.read || !wrong.news {
                untold.remove(&open.user);
            }
        }
        if wrong.older && !wrong.news {
            untold.clear();
        }
        store::settle(self.tx, settled, self.cx.now).await?;
        self.tell_of(kind, thing, part, untold).await
    }

    /// Settles what is told of trouble that is over; answers to whom it was told.
    async fn over(&mut self, kind: Kind, thing: Thing) -> Result<BTreeSet<UserId>, Error> {
        let open = store::open_about(self.tx, kind, thing).await?;
        self.settle(kind, thing).await?;
        Ok(open.into_iter().map(|it| it.user).collect())
    }

    /// How a sync came out nobody did, whoever started it; a test and a change of owners show what
    /// came of them at once.
    async fn tell_of(
        &mut self,
        kind: Kind,
        thing: Thing,
        part: i64,
        who: BTreeSet<UserId>,
    ) -> Result<(), Error> {
        if self.news.kind.starts_with("sync.") {
            self.tell_all(kind, thing, part, who).await
        } else {
            self.tell(kind, thing, part, who).await
        }
    }
}
