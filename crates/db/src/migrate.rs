//! Migrations: twin lists of SQL files, embedded, each run once and in order.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::open::Pool;
use crate::{Db, Engine, Error, Result};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

/// The table that remembers which migrations ran.
pub(crate) const TABLE: &str = "_sqlx_migrations";

/// Number, name and text of each, in order.
pub(crate) const fn list(engine: Engine) -> &'static [(i64, &'static str, &'static str)] {
    match engine {
        Engine::Sqlite => embedded::SQLITE,
        Engine::Postgres => embedded::POSTGRES,
    }
}

fn migrator(engine: Engine) -> Migrator {
    let migrations = list(engine)
        .iter()
        .map(|&(number, name, text)| {
            let kind = MigrationType::Simple;
            Migration::new(
                number,
                Cow::Borrowed(name),
                kind,
                text.into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}

impl Db {
    /// Brings the schema up to what this program needs. Safe to run from several processes
    /// at once (PostgreSQL), and again.
    ///
    /// Fails when a migration that ran was changed since, or when the database knows
    /// migrations this program does not: then an older program was started on it.
    pub async fn migrate(&self) -> Result<()> {
        let migrator = migrator(self.engine());
        match &self.inner.pool {
            Pool::Sqlite { writer, .. } => migrator.run(writer).await,
            Pool::Postgres(pool) => migrator.run(pool).await,
        }
        .map_err(|error| match error {
            MigrateError::VersionMismatch(number) => Error::OtherVersion { number },
            MigrateError::VersionMissing(number) => Error::NewerVersion { number },
            other => Error::Migration(other),
        })
    }

    /// A number that is another as soon as a migration is: for tests that keep a migrated
    /// database to copy.
    #[must_use]
    pub fn schema(engine: Engine) -> u64 {
        let mut hasher = DefaultHasher::new();
        list(engine).hash(&mut hasher);
        hasher.finish()
    }

    /// The names of the migrations for an engine, in order.
    pub fn migrations(engine: Engine) -> Vec<String> {
        list(engine)
            .iter()
            .map(|(number, name, _)| format!("{number:04}_{name}"))
            .collect()
    }
}
