//! Transactions that write, readers of one moment, and what happens at a commit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stint_domain::audit::Event;

use crate::conn::{Conn, Query};
use crate::gate::Permit;
use crate::{Engine, Error, Result, Row, Sql, Val};

/// Writes the buffered audit events onto their chain: the last thing before a commit, in
/// the same transaction. There is one, given when the database is opened.
#[async_trait::async_trait]
pub trait BeforeCommit: Send + Sync + 'static {
    /// Takes the events of this transaction, at least one. A failure rolls back.
    async fn before_commit(&self, hand: &mut Hand<'_>, events: Vec<Event>) -> Result<()>;
}

/// A hook for databases that keep no audit log: tests of this crate, and tools that only
/// read. It throws events away.
#[derive(Debug, Clone, Copy)]
pub struct NoHook;

#[async_trait::async_trait]
impl BeforeCommit for NoHook {
    async fn before_commit(&self, _: &mut Hand<'_>, _: Vec<Event>) -> Result<()> {
        Ok(())
    }
}

/// On which side of a commit a crash is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitPoint {
    /// Everything is written and nothing committed.
    Before,
    /// Everything is committed and nobody was told.
    After,
}

/// Says where to crash, for tests that die at every commit in turn.
pub trait CommitFault: Send + Sync + 'static {
    /// Whether to crash at this point of the `nth` commit that wrote anything (from 1).
    fn crash(&self, nth: u64, point: CommitPoint) -> bool;
}

/// What transactions and readers of one database share.
pub(crate) struct Shared {
    pub(crate) hook: Arc<dyn BeforeCommit>,
    pub(crate) fault: Option<Arc<dyn CommitFault>>,
    pub(crate) commits: AtomicU64,
    pub(crate) statements: AtomicU64,
    pub(crate) recording: AtomicBool,
    pub(crate) recorded: Mutex<Vec<&'static Sql>>,
    pub(crate) crashed: AtomicBool,
}

impl Shared {
    pub(crate) fn alive(&self) -> Result<()> {
        if self.crashed.load(Ordering::SeqCst) {
            Err(Error::Crashed)
        } else {
            Ok(())
        }
    }

    fn count(&self, sql: &'static Sql) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        if self.recording.load(Ordering::Relaxed) {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            recorded.push(sql);
        }
    }

    fn crash_at(&self, nth: u64, point: CommitPoint) -> Result<()> {
        if self
            .fault
            .as_ref()
            .is_some_and(|fault| fault.crash(nth, point))
        {
            self.crashed.store(true, Ordering::SeqCst);
        }
        self.alive()
    }
}

/// A transaction that writes. Dropped without [`commit`](Tx::commit), it is rolled back.
/// Once a statement failed, it can only be dropped: to go on after, say, a taken name,
/// begin a new one.
///
/// Keep it short and never across a call to AWS: on SQLite it is the only writer.
pub struct Tx {
    // Before the permit: the connection goes back first, then the next writer may come.
    conn: Conn,
    _permit: Option<Permit>,
    shared: Arc<Shared>,
    events: Vec<Event>,
    wrote: bool,
    changed_state: Option<&'static Sql>,
    spoiled: Option<&'static Sql>,
}

impl Tx {
    pub(crate) fn new(conn: Conn, permit: Option<Permit>, shared: Arc<Shared>) -> Self {
        Self {
            conn,
            _permit: permit,
            shared,
            events: Vec::new(),
            wrote: false,
            changed_state: None,
            spoiled: None,
        }
    }

    /// Runs a statement that gives no rows; answers how many it touched.
    pub async fn run(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<u64> {
        self.usable()?;
        self.shared.count(sql);
        let ran = self.conn.run(sql, args).await;
        self.note(sql, ran, |touched| *touched > 0)
    }

    /// Buffers an audit event, to be chained at the commit.
    pub fn audit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The events buffered so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Chains the events and commits.
    ///
    /// Fails with [`Error::NoEvent`] when state was changed and no event is buffered; then,
    /// and whenever it fails, nothing is committed, but for an injected crash after the
    /// commit and a connection lost during it, when one cannot know.
    pub async fn commit(mut self) -> Result<()> {
        self.usable()?;
        if self.events.is_empty()
            && let Some(sql) = self.changed_state
        {
            return Err(Error::NoEvent {
                statement: sql.name(),
            });
        }
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            let hook = Arc::clone(&self.shared.hook);
            hook.before_commit(
                &mut Hand {
                    conn: &mut self.conn,
                    shared: &self.shared,
                },
                events,
            )
            .await?;
            self.wrote = true;
        }
        if !self.wrote {
            return self.conn.commit().await;
        }
        let nth = self.shared.commits.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared.crash_at(nth, CommitPoint::Before)?;
        self.conn.commit().await?;
        self.shared.crash_at(nth, CommitPoint::After)
    }

    /// Nothing goes on after a failed statement, on either engine: PostgreSQL has given the
    /// transaction up by then, and would answer a commit by rolling back without a word.
    fn usable(&self) -> Result<()> {
        self.shared.alive()?;
        match self.spoiled {
            None => Ok(()),
            Some(sql) => Err(Error::Spoiled {
                statement: sql.name(),
            }),
        }
    }

    /// Notes what a statement did, for the commit to judge.
    fn note<T>(
        &mut self,
        sql: &'static Sql,
        ran: Result<T>,
        touched: impl FnOnce(&T) -> bool,
    ) -> Result<T> {
        let done = ran.inspect_err(|_| self.spoiled = Some(sql))?;
        if touched(&done) && sql.spelled(self.conn.engine()).writes {
            self.wrote = true;
            if !sql.is_quiet() {
                self.changed_state.get_or_insert(sql);
            }
        }
        Ok(done)
    }
}

impl Query for Tx {
    fn engine(&self) -> Engine {
        self.conn.engine()
    }

    async fn all(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<Vec<Row>> {
        self.usable()?;
        self.shared.count(sql);
        let ran = self.conn.rows(sql, args).await;
        self.note(sql, ran, |rows| !rows.is_empty())
    }
}

/// What the commit hook may use: statements in the transaction that is about to commit.
/// What it writes counts as no change of state.
pub struct Hand<'t> {
    conn: &'t mut Conn,
    shared: &'t Shared,
}

impl Hand<'_> {
    /// Runs a statement that gives no rows; answers how many it touched.
    pub async fn run(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<u64> {
        self.shared.count(sql);
        self.conn.run(sql, args).await
    }
}

impl Query for Hand<'_> {
    fn engine(&self) -> Engine {
        self.conn.engine()
    }

    async fn all(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<Vec<Row>> {
        self.shared.count(sql);
        self.conn.rows(sql, args).await
    }
}

/// A read transaction: all it gives is of one moment. Keep it short: on SQLite a long one
/// lets the write-ahead log grow, and there are few.
pub struct Reader {
    conn: Conn,
    shared: Arc<Shared>,
}

impl Reader {
    pub(crate) const fn new(conn: Conn, shared: Arc<Shared>) -> Self {
        Self { conn, shared }
    }
}

impl Query for Reader {
    fn engine(&self) -> Engine {
        self.conn.engine()
    }

    async fn all(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<Vec<Row>> {
        self.shared.alive()?;
        if sql.spelled(self.conn.engine()).writes {
            return Err(Error::ReadOnly {
                statement: sql.name(),
            });
        }
        self.shared.count(sql);
        self.conn.rows_to_read(sql, args).await
    }
}
