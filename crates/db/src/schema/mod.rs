//! What the tables look like, and whether they are the same on both engines.
//!
//! Compared are columns, nullability, defaults, primary and foreign keys, unique
//! constraints, checks and indexes. Types are compared by a written map ([`fits`]). Checks
//! and indexes are compared by having PostgreSQL read SQLite's text of them beside its own,
//! so that only their meaning counts. Not compared: the order of columns, and whether a
//! foreign key is deferred.

mod postgres;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use crate::open::Pool;
use crate::{Db, Error, Result};

/// The tables, by name.
pub type Schema = BTreeMap<String, Table>;

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Its columns, by name.
    pub columns: BTreeMap<String, ColumnDef>,
    /// The columns of its primary key, in order.
    pub primary_key: Vec<String>,
    /// Column lists that are unique by a constraint.
    pub uniques: BTreeSet<Vec<String>>,
    /// What it refers to.
    pub foreign_keys: BTreeSet<ForeignKey>,
    /// The conditions every row meets, as the engine writes them.
    pub checks: BTreeSet<String>,
    /// The indexes made on their own: name and definition, as the engine writes it.
    pub indexes: BTreeMap<String, String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its type, in the engine's own words, in small letters.
    pub of: String,
    /// Whether it refuses null.
    pub not_null: bool,
    /// Its default, without a cast.
    pub default: Option<String>,
}

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table referred to.
    pub table: String,
    /// The columns referred to.
    pub to: Vec<String>,
    /// What happens when the row referred to goes, in small letters.
    pub on_delete: String,
}

/// The written map: which PostgreSQL types a SQLite type stands for.
pub fn fits(sqlite: &str, postgres: &str) -> bool {
    matches!(
        (sqlite, postgres),
        ("integer", "bigint" | "boolean") | ("text", "text" | "jsonb") | ("blob", "uuid" | "bytea")
    )
}

/// What the tables of a migrated database look like.
pub async fn dump(db: &Db) -> Result<Schema> {
    match &db.inner.pool {
        Pool::Sqlite { readers, .. } => sqlite::dump(readers).await,
        Pool::Postgres(pool) => postgres::dump(pool).await,
    }
    .map_err(|source| Error::from_driver(source, "schema"))
}

/// How the two schemas differ, one line each; nothing when they are equal. Both databases
/// have to be migrated; nothing is left behind in them.
pub async fn differences(sqlite: &Db, postgres: &Db) -> Result<Vec<String>> {
    let (here, there) = (dump(sqlite).await?, dump(postgres).await?);
    let mut found = Vec::new();
    let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    for name in names {
        match (here.get(name), there.get(name)) {
            (Some(a), Some(b)) => compare(name, a, b, &mut found),
            (Some(_), None) => found.push(format!("table {name}: only in sqlite")),
            (None, _) => found.push(format!("table {name}: only in postgres")),
        }
    }
    if let Pool::Postgres(pool) = &postgres.inner.pool {
        postgres::compare_texts(pool, &here, &there, &mut found)
            .await
            .map_err(|source| Error::from_driver(source, "schema"))?;
    }
    Ok(found)
}

/// Everything but checks and indexes.
fn compare(table: &str, a: &Table, b: &Table, found: &mut Vec<String>) {
    let names: BTreeSet<&String> = a.columns.keys().chain(b.columns.keys()).collect();
    for name in names {
        let place = format!("column {table}.{name}");
        match (a.columns.get(name), b.columns.get(name)) {
            (Some(a), Some(b)) => {
                if !fits(&a.of, &b.of) {
                    found.push(format!("{place}: {} in sqlite, {} in postgres", a.of, b.of));
                }
                if a.not_null != b.not_null {
                    let which = if a.not_null { "sqlite" } else { "postgres" };
                    found.push(format!("{place}: not null only in {which}"));
                }
                if a.default != b.default {
                    let (a, b) = (&a.default, &b.default);
                    found.push(format!(
                        "{place}: default {a:?} in sqlite, {b:?} in postgres"
                    ));
                }
            }
            (Some(_), None) => found.push(format!("{place}: only in sqlite")),
            (None, _) => found.push(format!("{place}: only in postgres")),
        }
    }
    if a.primary_key != b.primary_key {
        let (a, b) = (&a.primary_key, &b.primary_key);
        found.push(format!(
            "table {table}: primary key {a:?} in sqlite, {b:?} in postgres"
        ));
    }
    for key in a.uniques.symmetric_difference(&b.uniques) {
        let which = if a.uniques.contains(key) {
            "sqlite"
        } else {
            "postgres"
        };
        found.push(format!("table {table}: unique {key:?} only in {which}"));
    }
    for key in a.foreign_keys.symmetric_difference(&b.foreign_keys) {
        let which = if a.foreign_keys.contains(key) {
            "sqlite"
        } else {
            "postgres"
        };
        let ForeignKey {
            columns,
            table: other,
            on_delete,
            ..
        } = key;
        found.push(format!(
            "table {table}: foreign key {columns:?} to {other} (on delete {on_delete}) only in {which}"
        ));
    }
}
