//! Opening: addresses, locks, read-only, migrations.

use std::sync::Arc;

use sqlx::Connection as _;
use stint_db::{Db, Engine, Error, NoHook, Options, Priority, Query as _, args};

use crate::engines::Fresh;
use crate::values::{COUNT, STATE_INSERT};

async fn open(url: &str) -> Result<Db, Error> {
    Db::open(Options::new(url, Arc::new(NoHook))).await
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_refused_with_advice() {
    for url in [
        "mysql://x/y",
        "stint.db",
        "",
        "sqlite:",
        "sqlite://",
        "sqlite::memory:",
    ] {
        let error = open(url).await.err().expect(url);
        assert!(
            error.to_string().contains("sqlite:///path/stint.db"),
            "{url}: {error}"
        );
    }
    let error = open("postgres://u:secret@[nowhere/db")
        .await
        .err()
        .expect("a broken address");
    assert!(
        !format!("{error:?} {error}").contains("secret"),
        "{error:?}"
    );
    let error = open("sqlite:///no/such/folder/stint.db")
        .await
        .err()
        .expect("no folder");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_second_process_on_a_file_is_told_who_has_it() {
    let fresh = Fresh::with(false, |o| o.holder = "stint serve".into()).await;
    let error = open(&fresh.url).await.err().expect("in use");
    let text = error.to_string();
    assert!(text.contains("stint serve (process "), "{text}");
    assert!(text.contains("stint.db is in use"), "{text}");
    assert!(text.contains("Stop that one first"), "{text}");
    let url = fresh.url.clone();
    fresh.db.close().await;
    let Fresh { db, folder, .. } = fresh;
    drop(db);
    open(&url).await.expect("free again");
    drop(folder);
}

#[tokio::test]
async fn a_reader_only_handle_needs_no_lock_and_does_not_write() {
    let fresh = Fresh::with(false, |_| {}).await;
    fresh.things().await;
    let mut options = Options::new(fresh.url.clone(), Arc::new(NoHook));
    options.read_only = true;
    let beside = Db::open(options)
        .await
        .expect("opens beside a running server");
    let mut reader = beside.reader().await.expect("reads");
    reader.one(&COUNT, args![]).await.expect("counts");
    assert!(beside.begin(Priority::Interactive).await.is_err());
    let error = reader.all(
        &STATE_INSERT,
        args![stint_domain::GrantId(uuid::Uuid::nil()), "x"],
    );
    assert!(matches!(error.await.err(), Some(Error::ReadOnly { .. })));
}

#[tokio::test]
async fn sqlite_runs_as_promised() {
    let fresh = Fresh::with(false, |_| {}).await;
    stint_db::statements! {
        JOURNAL = "select journal_mode as v from pragma_journal_mode";
        SYNC = "select synchronous as v from pragma_synchronous";
        KEYS = "select foreign_keys as v from pragma_foreign_keys";
    }
    let _ = STATEMENTS;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    let mode: String = tx
        .one(&JOURNAL, vec![])
        .await
        .expect("asks")
        .get("v")
        .expect("a word");
    assert_eq!(mode, "wal");
    let sync: i64 = tx
        .one(&SYNC, vec![])
        .await
        .expect("asks")
        .get("v")
        .expect("a number");
    assert_eq!(sync, 2, "FULL");
    let keys: i64 = tx
        .one(&KEYS, vec![])
        .await
        .expect("asks")
        .get("v")
        .expect("a number");
    assert_eq!(keys, 1);
}

crate::both!(migrating_again_changes_nothing, |fresh| {
    fresh.db.migrate().await.expect("runs");
    fresh.db.migrate().await.expect("runs again");
    let names = Db::migrations(fresh.db.engine());
    assert!(names.contains(&"0001_base".to_owned()), "{names:?}");
});

#[test]
fn migrations_are_twins() {
    assert_eq!(
        Db::migrations(Engine::Sqlite),
        Db::migrations(Engine::Postgres)
    );
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let fresh = Fresh::migrated(false).await;
    let url = fresh.url.replace("sqlite://", "sqlite:");
    let mut conn = sqlx::SqliteConnection::connect(&url)
        .await
        .expect("connects");
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values (9999, 'future', true, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .expect("inserts");
    let error = fresh
        .db
        .migrate()
        .await
        .expect_err("a migration nobody knows");
    assert!(
        matches!(error, Error::NewerVersion { number: 9999 }),
        "{error:?}"
    );
    assert!(error.to_string().contains("Run the newer version"));
    // One of an earlier program, in which a migration was another.
    sqlx::query("delete from _sqlx_migrations where version = 9999")
        .execute(&mut conn)
        .await
        .expect("deletes");
    sqlx::query("update _sqlx_migrations set checksum = x'00' where version = 3")
        .execute(&mut conn)
        .await
        .expect("changes");
    let error = fresh.db.migrate().await.expect_err("another migration");
    assert!(
        matches!(error, Error::OtherVersion { number: 3 }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("start with a new one"),
        "{error}"
    );
}
