//! One connection in a transaction, whichever the engine, and the running of statements.

use serde_json::Value;
use sqlx::postgres::PgArguments;
use sqlx::query::Query as SqlxQuery;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::row::Raw;
use crate::sql::Spelled;
use crate::{Engine, Error, Result, Row, Sql, Val};

/// What can run a statement and give rows: a [`Tx`](crate::Tx), a [`Reader`](crate::Reader),
/// or the [`Hand`](crate::Hand) of the commit hook.
///
/// Stores take `q: &mut impl Query` to read, so that a verb reads inside its transaction
/// with the same functions a page reads with.
pub trait Query: Send {
    /// Which engine answers.
    fn engine(&self) -> Engine;

    /// Every row of the answer.
    fn all(
        &mut self,
        sql: &'static Sql,
        args: Vec<Val>,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The first row, if there is one.
    fn maybe(
        &mut self,
        sql: &'static Sql,
        args: Vec<Val>,
    ) -> impl Future<Output = Result<Option<Row>>> + Send {
        async move { Ok(self.all(sql, args).await?.into_iter().next()) }
    }

    /// The first row; [`Error::Missing`] when there is none.
    fn one(
        &mut self,
        sql: &'static Sql,
        args: Vec<Val>,
    ) -> impl Future<Output = Result<Row>> + Send {
        async move {
            self.maybe(sql, args).await?.ok_or(Error::Missing {
                statement: sql.name(),
            })
        }
    }
}

pub(crate) enum Conn {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

fn bind_sqlite(text: &'static str, args: Vec<Val>) -> SqlxQuery<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(text);
    for arg in args {
        query = match arg {
            Val::Int(v) => query.bind(v),
            Val::Bool(v) => query.bind(v),
            Val::Text(v) => query.bind(v),
            Val::Uuid(v) => query.bind(v),
            Val::Bytes(v) => query.bind(v),
            Val::Json(v) => query.bind(v.map(|v: Value| v.to_string())),
        };
    }
    query
}

fn bind_postgres(text: &'static str, args: Vec<Val>) -> SqlxQuery<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(text);
    for arg in args {
        query = match arg {
            Val::Int(v) => query.bind(v),
            Val::Bool(v) => query.bind(v),
            Val::Text(v) => query.bind(v),
            Val::Uuid(v) => query.bind(v),
            Val::Bytes(v) => query.bind(v),
            Val::Json(v) => query.bind(v),
        };
    }
    query
}

/// The text, once the number of values is found right: SQLite would take missing ones for
/// null.
fn text(sql: &'static Sql, spelled: &'static Spelled, args: &[Val]) -> Result<&'static str> {
    if spelled.params == args.len() {
        return Ok(&spelled.text);
    }
    let (expected, given) = (spelled.params, args.len());
    Err(Error::Arguments {
        statement: sql.name(),
        expected,
        given,
    })
}

impl Conn {
    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement for its rows.
    pub(crate) async fn rows(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<Vec<Row>> {
        let spelled = sql.spelled(self.engine());
        self.fetch(sql, spelled, args).await
    }

    /// The same without locks, for a read transaction.
    pub(crate) async fn rows_to_read(
        &mut self,
        sql: &'static Sql,
        args: Vec<Val>,
    ) -> Result<Vec<Row>> {
        let spelled = sql.spelled_to_read(self.engine());
        self.fetch(sql, spelled, args).await
    }

    async fn fetch(
        &mut self,
        sql: &'static Sql,
        spelled: &'static Spelled,
        args: Vec<Val>,
    ) -> Result<Vec<Row>> {
        let text = text(sql, spelled, &args)?;
        let rows = match self {
            Self::Sqlite(tx) => bind_sqlite(text, args)
                .fetch_all(&mut **tx)
                .await
                .map(|rows| rows.into_iter().map(|row| Row(Raw::Sqlite(row))).collect()),
            Self::Postgres(tx) => {
                bind_postgres(text, args)
                    .fetch_all(&mut **tx)
                    .await
                    .map(|rows| {
                        rows.into_iter()
                            .map(|row| Row(Raw::Postgres(row)))
                            .collect()
                    })
            }
        };
        rows.map_err(|error| Error::from_driver(error, sql.name()))
    }

    pub(crate) async fn run(&mut self, sql: &'static Sql, args: Vec<Val>) -> Result<u64> {
        let text = text(sql, sql.spelled(self.engine()), &args)?;
        let touched = match self {
            Self::Sqlite(tx) => bind_sqlite(text, args)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
            Self::Postgres(tx) => bind_postgres(text, args)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
        };
        touched.map_err(|error| Error::from_driver(error, sql.name()))
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
        .map_err(|error| Error::from_driver(error, "commit"))
    }
}
