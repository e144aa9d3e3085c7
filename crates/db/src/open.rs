//! Opening a database, and the door itself.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Executor as _, PgPool, Postgres, SqlSafeStr as _, SqlitePool, Transaction,
};

use crate::conn::Conn;
use crate::gate::{Gate, Priority};
use crate::lockfile::{self, LockFile};
use crate::sql::without_null_tests;
use crate::tx::{BeforeCommit, CommitFault, Reader, Shared, Tx};
use crate::{Engine, Error, Result, Sql};

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:///path/stint.db` or `postgres://user@host/database`.
    pub url: String,
    /// What chains the audit events.
    pub before_commit: Arc<dyn BeforeCommit>,
    /// Where to crash, in tests.
    pub commit_fault: Option<Arc<dyn CommitFault>>,
    /// How many connections at most: PostgreSQL in all, SQLite for readers.
    pub max_connections: u32,
    /// Who opens it, for the message another process gets (`stint serve`).
    pub holder: String,
    /// Only read: no lock on the SQLite file, and [`Db::begin`] refuses.
    pub read_only: bool,
}

impl Options {
    /// To read and write, with ten connections.
    pub fn new(url: impl Into<String>, before_commit: Arc<dyn BeforeCommit>) -> Self {
        Self {
            url: url.into(),
            before_commit,
            commit_fault: None,
            max_connections: 10,
            holder: "stint".to_owned(),
            read_only: false,
        }
    }
}

/// How long to wait for a connection, or for a turn at SQLite's writer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The door. Clones are the same door.
#[derive(Clone)]
pub struct Db {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) pool: Pool,
    shared: Arc<Shared>,
    read_only: bool,
    lock: Mutex<Option<LockFile>>,
}

pub(crate) enum Pool {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        gate: Arc<Gate>,
    },
    Postgres(PgPool),
}

/// The path in `sqlite:///path`.
fn sqlite_path(url: &str) -> Option<Result<PathBuf>> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split('?').next().unwrap_or(path);
    Some(match path {
        "" | ":memory:" => Err(Error::Address {
            why: "SQLite needs the path of a file; a database in memory would be lost".to_owned(),
        }),
        path => Ok(PathBuf::from(path)),
    })
}

impl Db {
    /// Opens the database; does not migrate it.
    ///
    /// Fails when the address makes no sense, the database cannot be reached, or (SQLite)
    /// another process has the file.
    pub async fn open(options: Options) -> Result<Self> {
        let shared = Arc::new(Shared {
            hook: Arc::clone(&options.before_commit),
            fault: options.commit_fault.clone(),
            commits: AtomicU64::new(0),
            statements: AtomicU64::new(0),
            recording: AtomicBool::new(false),
            recorded: Mutex::default(),
            crashed: AtomicBool::new(false),
        });
        let (pool, lock) = match sqlite_path(&options.url) {
            Some(path) => open_sqlite(&path?, &options).await?,
            None if options.url.starts_with("postgres://")
                || options.url.starts_with("postgresql://") =>
            {
                (open_postgres(&options).await?, None)
            }
            None => {
                return Err(Error::Address {
                    why: "its beginning is not known".to_owned(),
                });
            }
        };
        let inner = Inner {
            pool,
            shared,
            read_only: options.read_only,
            lock: Mutex::new(lock),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Which engine is behind.
    pub fn engine(&self) -> Engine {
        match self.inner.pool {
            Pool::Sqlite { .. } => Engine::Sqlite,
            Pool::Postgres(_) => Engine::Postgres,
        }
    }

    /// Begins a transaction that writes, when its turn comes.
    pub async fn begin(&self, priority: Priority) -> Result<Tx> {
        self.inner.shared.alive()?;
        if self.inner.read_only {
            return Err(Error::ReadOnly { statement: "begin" });
        }
        let (conn, permit) = match &self.inner.pool {
            Pool::Sqlite { writer, gate, .. } => {
                let permit = tokio::time::timeout(PATIENCE, gate.enter(priority))
                    .await
                    .map_err(|_| Error::Busy(None))?;
                let tx = writer.begin_with("begin immediate").await;
                (tx.map(Conn::Sqlite), Some(permit))
            }
            Pool::Postgres(pool) => {
                let tx = begin_postgres(pool, "begin isolation level read committed").await;
                (tx.map(Conn::Postgres), None)
            }
        };
        let conn = conn.map_err(|error| Error::from_driver(error, "begin"))?;
        Ok(Tx::new(conn, permit, Arc::clone(&self.inner.shared)))
    }

    /// Begins a read transaction: a view of one moment.
    pub async fn reader(&self) -> Result<Reader> {
        self.inner.shared.alive()?;
        let conn = match &self.inner.pool {
            Pool::Sqlite { readers, .. } => readers.begin().await.map(Conn::Sqlite),
            Pool::Postgres(pool) => {
                let text = "begin isolation level repeatable read read only";
                begin_postgres(pool, text).await.map(Conn::Postgres)
            }
        };
        let conn = conn.map_err(|error| Error::from_driver(error, "begin"))?;
        Ok(Reader::new(conn, Arc::clone(&self.inner.shared)))
    }

    /// Has the engine parse a statement and find its tables, columns and types, without
    /// running it.
    pub async fn prepare(&self, sql: &'static Sql) -> Result<()> {
        let failed = |error| Error::from_driver(error, sql.name());
        match &self.inner.pool {
            Pool::Sqlite { readers, .. } => {
                let mut conn = readers.acquire().await.map_err(failed)?;
                let text = sql.text(Engine::Sqlite).into_sql_str();
                conn.prepare(text).await.map_err(failed)?;
            }
            Pool::Postgres(pool) => {
                let mut conn = pool.acquire().await.map_err(failed)?;
                let text = without_null_tests(sql.text(Engine::Postgres));
                let text = AssertSqlSafe(text).into_sql_str();
                conn.prepare(text).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// How many commits that wrote anything were begun since opening.
    pub fn commits(&self) -> u64 {
        self.inner.shared.commits.load(Ordering::SeqCst)
    }

    /// How many statements were run since opening, those of the commit hook included.
    pub fn statements(&self) -> u64 {
        self.inner.shared.statements.load(Ordering::Relaxed)
    }

    /// From now on notes every statement that is run, for [`recorded`](Self::recorded): for tests of
    /// what can be told from outside by how much is done.
    pub fn record(&self) {
        self.inner.shared.recording.store(true, Ordering::Relaxed);
    }

    /// The statements that were run since the last call, in their order, by module and name.
    pub fn recorded(&self) -> Vec<String> {
        let recorded = &self.inner.shared.recorded;
        let all = std::mem::take(&mut *recorded.lock().unwrap_or_else(PoisonError::into_inner));
        (all.iter())
            .map(|sql| format!("{}::{}", sql.module(), sql.name()))
            .collect()
    }

    /// Whether an injected crash has happened: the handle is dead then.
    pub fn crashed(&self) -> bool {
        self.inner.shared.crashed.load(Ordering::SeqCst)
    }

    /// Waits for transactions to end, closes every connection, and lets go of the file
    /// (SQLite). Clones of this door are of no use afterwards.
    pub async fn close(&self) {
        match &self.inner.pool {
            Pool::Sqlite {
                writer, readers, ..
            } => {
                readers.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
        let mut lock = self
            .inner
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drop(lock.take());
    }
}

async fn open_sqlite(path: &Path, options: &Options) -> Result<(Pool, Option<LockFile>)> {
    let failed = |error: sqlx::Error| Error::Unreachable(Box::new(error));
    let lock = if options.read_only {
        None
    } else {
        Some(lockfile::lock(path, &options.holder)?)
    };
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        // Only a tool looking on from outside can be in the way.
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(500);
    let base = || {
        SqlitePoolOptions::new()
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let write = connect
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .create_if_missing(!options.read_only)
        .pragma("journal_size_limit", "67108864");
    let writer = base().max_connections(1);
    let writer = if options.read_only {
        writer.connect_lazy_with(connect.clone().read_only(true))
    } else {
        writer.connect_with(write).await.map_err(failed)?
    };
    // Each of ten has a cache of its own; what it does not hold, the operating system does.
    let read = connect.read_only(true).pragma("cache_size", "-1024");
    let readers = base()
        .max_connections(options.max_connections)
        .connect_with(read)
        .await
        .map_err(failed)?;
    Ok((
        Pool::Sqlite {
            writer,
            readers,
            gate: Arc::default(),
        },
        lock,
    ))
}

/// Begins on PostgreSQL, and to the end though nobody waits any more. The driver counts a
/// transaction once the server has answered: one whose begin was given up half-way would stay
/// open, and whoever gets the connection next would be inside it, perhaps only reading.
async fn begin_postgres(
    pool: &PgPool,
    text: &'static str,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(text).await });
    // The task ends early only with the runtime.
    begun.await.unwrap_or(Err(sqlx::Error::PoolClosed))
}

async fn open_postgres(options: &Options) -> Result<Pool> {
    let connect = PgConnectOptions::from_str(&options.url)
        .map_err(|_| Error::Address {
            why: "it does not parse as a PostgreSQL address".to_owned(),
        })?
        .application_name(&options.holder)
        .options([
            // A lock not had in this time is retried from the start of the verb.
            ("lock_timeout", "10s"),
            // A transaction whose owner went away must not hold locks for ever.
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(PATIENCE)
        .connect_with(connect)
        .await
        .map_err(|error| Error::Unreachable(Box::new(error)))?;
    Ok(Pool::Postgres(pool))
}
