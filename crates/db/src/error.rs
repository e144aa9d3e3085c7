//! What can go wrong, as facts that are the same on both engines.

use std::fmt;
use std::path::PathBuf;

use sqlx::error::ErrorKind;
use sqlx::postgres::PgDatabaseError;

/// The result of a database call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a database call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody else holds what was needed, for too long. Worth another try.
    #[error("the database is busy")]
    Busy(#[source] Option<sqlx::Error>),
    /// Two transactions crossed (serialization failure or deadlock). Worth another try.
    #[error("the transaction crossed another one")]
    Serialization(#[source] sqlx::Error),
    /// A row with that key exists.
    #[error("there is a row with the same {key} already")]
    Unique {
        /// `table.column, table.other`, the same on both engines; for an index on an
        /// expression, the index's name.
        key: String,
    },
    /// A row that is referred to does not exist, or one that goes is still referred to.
    #[error("a reference between rows would break{}", named(constraint))]
    ForeignKey {
        /// The constraint's name, where the engine tells it (PostgreSQL).
        constraint: Option<String>,
    },
    /// A check or a not-null constraint refused the row.
    #[error("a rule of the table refuses the row: {rule}")]
    Check {
        /// What the engine says about the rule.
        rule: String,
    },
    /// A row that has to be there is not.
    #[error("{statement} found no row")]
    Missing {
        /// The statement.
        statement: &'static str,
    },
    /// A column is missing, null, or holds what the code does not understand.
    #[error("column `{column}` cannot be read: {why}")]
    Column {
        /// The column.
        column: String,
        /// Why.
        why: String,
    },
    /// A statement was run with another number of values than it names.
    #[error("{statement} takes {expected} values and was given {given}")]
    Arguments {
        /// The statement.
        statement: &'static str,
        /// The highest `$n` in its text.
        expected: usize,
        /// How many values came.
        given: usize,
    },
    /// State was changed by this statement and the transaction has no audit event.
    #[error("{statement} changed state, and no audit event was buffered before the commit")]
    NoEvent {
        /// The first such statement.
        statement: &'static str,
    },
    /// A statement of this transaction failed before: it can only be rolled back.
    #[error("{statement} failed before in this transaction: begin a new one")]
    Spoiled {
        /// The statement that failed.
        statement: &'static str,
    },
    /// A statement that writes was given to a reader.
    #[error("{statement} writes, and was given to a reader")]
    ReadOnly {
        /// The statement.
        statement: &'static str,
    },
    /// A crash was injected here by a test; nothing runs on this database handle any more.
    #[error("crashed here, because a test asked for it")]
    Crashed,
    /// Another process has this SQLite file open.
    #[error(
        "{} is in use by {holder}: SQLite takes one process per file. Stop that one first, or use PostgreSQL to run several",
        path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// What is known of the other process.
        holder: String,
    },
    /// The address of the database cannot be understood.
    #[error(
        "the database address is not usable: {why}. Write sqlite:///path/stint.db or postgres://user@host/database"
    )]
    Address {
        /// What is wrong with it; never the address itself, which may hold a password.
        why: String,
    },
    /// The database cannot be reached or opened.
    #[error("the database cannot be reached or opened")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database was made by a program with other migrations.
    #[error(
        "this database was made by another version of Stint: its migration {number} is not the one this \
         program has. Nothing was changed in it. Until the first release a database does not survive \
         such a change: start with a new one (another file, or an empty PostgreSQL database), or run the \
         version that made it"
    )]
    OtherVersion {
        /// The first migration that differs.
        number: i64,
    },
    /// The database was made by a newer program.
    #[error(
        "this database was made by a newer version of Stint: it has migration {number}, which this program \
         does not know. Nothing was changed in it. Run the newer version, or restore the backup made \
         before the upgrade"
    )]
    NewerVersion {
        /// A migration this program does not know.
        number: i64,
    },
    /// A migration failed.
    #[error("a migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Whatever else the driver says.
    #[error("{statement} failed")]
    Driver {
        /// The statement, or what was being done.
        statement: &'static str,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
}

fn named(constraint: &Option<String>) -> impl fmt::Display {
    constraint
        .as_ref()
        .map_or_else(String::new, |name| format!(" ({name})"))
}

impl Error {
    /// Whether the same verb may well succeed when run again from its start.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Serialization(_))
    }

    /// Whether a row with this key (`users.email`) exists already.
    pub fn is_unique(&self, key: &str) -> bool {
        matches!(self, Self::Unique { key: found } if found == key)
    }

    pub(crate) fn column(column: &str, why: impl fmt::Display) -> Self {
        Self::Column {
            column: column.to_owned(),
            why: why.to_string(),
        }
    }

    /// Classifies what a driver says. Every sqlx error passes here.
    pub(crate) fn from_driver(error: sqlx::Error, statement: &'static str) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => return Self::Busy(Some(error)),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed => {
                return Self::Unreachable(Box::new(error));
            }
            _ => {}
        }
        let Some(db) = error.as_database_error() else {
            return Self::Driver {
                statement,
                source: error,
            };
        };
        let code = db.code().unwrap_or_default().into_owned();
        let postgres = db.try_downcast_ref::<PgDatabaseError>();
        match db.kind() {
            ErrorKind::UniqueViolation => {
                return Self::Unique {
                    key: postgres.map_or_else(|| sqlite_key(db.message()), postgres_key),
                };
            }
            ErrorKind::ForeignKeyViolation => {
                return Self::ForeignKey {
                    constraint: db.constraint().map(str::to_owned),
                };
            }
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
                return Self::Check {
                    rule: db.message().to_owned(),
                };
            }
            _ => {}
        }
        match (postgres.is_some(), code.as_str()) {
            // serialization_failure, deadlock_detected
            (true, "40001" | "40P01") => Self::Serialization(error),
            // lock_not_available, too_many_connections, query_canceled by lock_timeout
            (true, "55P03" | "53300") => Self::Busy(Some(error)),
            // admin_shutdown, crash_shutdown, cannot_connect_now
            (true, "57P01" | "57P02" | "57P03") => Self::Unreachable(Box::new(error)),
            // SQLITE_BUSY and SQLITE_LOCKED with their extended codes
            (false, code) if code.parse::<i64>().is_ok_and(|c| matches!(c & 0xff, 5 | 6)) => {
                Self::Busy(Some(error))
            }
            _ => Self::Driver {
                statement,
                source: error,
            },
        }
    }
}

/// `UNIQUE constraint failed: users.email, users.realm` → the key; `index 'name'` → the name.
fn sqlite_key(message: &str) -> String {
    let key = message
        .split_once("failed: ")
        .map_or(message, |(_, key)| key);
    key.strip_prefix("index '")
        .and_then(|k| k.strip_suffix('\''))
        .unwrap_or(key)
        .to_owned()
}

/// The detail reads `Key (email, realm)=(…) already exists.` in whatever language; its
/// columns are joined with the table, as SQLite does. Expressions answer the index's name.
fn postgres_key(error: &PgDatabaseError) -> String {
    let name = || error.constraint().unwrap_or_default().to_owned();
    let columns = error
        .detail()
        .and_then(|detail| detail.split_once('('))
        .and_then(|(_, rest)| rest.split_once(")=("))
        .map(|(columns, _)| columns);
    let (Some(table), Some(columns)) = (error.table(), columns) else {
        return name();
    };
    let plain = |c: &str| c.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let columns: Vec<_> = columns.split(", ").collect();
    if !columns.iter().all(|c| plain(c)) {
        return name();
    }
    columns
        .iter()
        .map(|c| format!("{table}.{c}"))
        .collect::<Vec<_>>()
        .join(", ")
}
