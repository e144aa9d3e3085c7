//! Rows on their way out of the database, read column by column.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use stint_domain::{Span, Time};
use uuid::Uuid;

use crate::{Error, Result};

/// One row of an answer.
pub struct Row(pub(crate) Raw);

pub(crate) enum Raw {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type one column can hold when it is not null.
pub trait FromColumn: Sized {
    /// Reads the column; `None` when it is null.
    fn read(row: &Row, column: &str) -> Result<Option<Self>>;
}

/// What [`Row::get`] can answer with: a [`FromColumn`], or an `Option` of one.
pub trait Column: Sized {
    /// Reads the column.
    fn get(row: &Row, column: &str) -> Result<Self>;
}

impl<T: FromColumn> Column for T {
    fn get(row: &Row, column: &str) -> Result<Self> {
        T::read(row, column)?.ok_or_else(|| Error::column(column, "it is null"))
    }
}

impl<T: FromColumn> Column for Option<T> {
    fn get(row: &Row, column: &str) -> Result<Self> {
        T::read(row, column)
    }
}

impl Row {
    /// Reads a column by its name. Fails when it is missing, of another type, or null
    /// where `T` is not an `Option`.
    pub fn get<T: Column>(&self, column: &str) -> Result<T> {
        T::get(self, column)
    }

    /// Reads a text column and parses it, for words such as a status.
    pub fn parse<T>(&self, column: &str) -> Result<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.get::<String>(column)?
            .parse()
            .map_err(|why: T::Err| Error::column(column, why))
    }

    /// Reads a JSON column into a type.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_value(self.get::<Value>(column)?).map_err(|why| Error::column(column, why))
    }
}

/// Reads a column as the type both drivers know.
macro_rules! raw {
    ($row:expr, $column:expr) => {
        match &$row.0 {
            Raw::Sqlite(row) => row.try_get($column),
            Raw::Postgres(row) => row.try_get($column),
        }
        .map_err(|why| Error::column($column, why))
    };
}

macro_rules! native {
    ($($type:ty)*) => {
        $(impl FromColumn for $type {
            fn read(row: &Row, column: &str) -> Result<Option<Self>> {
                raw!(row, column)
            }
        })*
    };
}
native!(i64 bool String Uuid Vec<u8>);

impl FromColumn for Value {
    fn read(row: &Row, column: &str) -> Result<Option<Self>> {
        match &row.0 {
            Raw::Sqlite(row) => row
                .try_get::<Option<String>, _>(column)
                .map_err(|why| Error::column(column, why))?
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|why| Error::column(column, why)),
            Raw::Postgres(row) => row
                .try_get(column)
                .map_err(|why| Error::column(column, why)),
        }
    }
}

macro_rules! through {
    ($($type:ty: $raw:ty = $convert:expr;)*) => {
        $(impl FromColumn for $type {
            fn read(row: &Row, column: &str) -> Result<Option<Self>> {
                Ok(<$raw>::read(row, column)?.map($convert))
            }
        })*
    };
}
through! {
    Time: i64 = Time::from_micros;
    Span: i64 = Span::micros;
}

impl FromColumn for [u8; 32] {
    fn read(row: &Row, column: &str) -> Result<Option<Self>> {
        Vec::<u8>::read(row, column)?
            .map(|bytes| {
                Self::try_from(bytes.as_slice())
                    .map_err(|_| Error::column(column, "it is not 32 bytes long"))
            })
            .transpose()
    }
}

macro_rules! ids {
    ($($id:ident)*) => {
        through! { $(stint_domain::$id: Uuid = stint_domain::$id;)* }
    };
}
stint_domain::for_each_id!(ids);
