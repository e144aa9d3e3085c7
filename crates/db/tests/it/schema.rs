//! The two schemas are equal, and the comparison sees it when they are not.

use sqlx::{AssertSqlSafe, Connection as _};
use stint_db::schema;

use crate::engines::{Fresh, postgres_wanted};

#[tokio::test]
async fn the_schemas_are_equal() {
    if !postgres_wanted() {
        println!("PostgreSQL left out by STINT_TEST_ENGINES");
        return;
    }
    let (sqlite, postgres) = (Fresh::migrated(false).await, Fresh::migrated(true).await);
    let found = schema::differences(&sqlite.db, &postgres.db)
        .await
        .expect("both can be read");
    assert!(
        found.is_empty(),
        "the schemas differ:\n{}",
        found.join("\n")
    );
    let tables = schema::dump(&sqlite.db).await.expect("can be read");
    assert!(tables.contains_key("audit_events") && tables.contains_key("outbox"));
    assert!(!tables["outbox"].indexes.is_empty() && !tables["audit_events"].checks.is_empty());
}

/// Every kind of difference is seen: each pair of texts differs in one thing.
#[tokio::test]
async fn a_difference_of_any_kind_is_seen() {
    if !postgres_wanted() {
        println!("PostgreSQL left out by STINT_TEST_ENGINES");
        return;
    }
    let cases = [
        (
            "create table t (a integer) strict",
            "create table t (a text)",
            "column t.a: integer",
        ),
        (
            "create table t (a integer not null) strict",
            "create table t (a bigint)",
            "not null only in sqlite",
        ),
        (
            "create table t (a integer, b integer) strict",
            "create table t (a bigint)",
            "column t.b: only in sqlite",
        ),
        (
            "create table t (a integer default 1) strict",
            "create table t (a bigint default 2)",
            "default",
        ),
        (
            "create table t (a integer not null primary key) strict",
            "create table t (a bigint not null)",
            "primary key",
        ),
        (
            "create table t (a integer unique) strict",
            "create table t (a bigint)",
            "unique [\"a\"] only in sqlite",
        ),
        (
            "create table t (a integer check (a > 1)) strict",
            "create table t (a bigint check (a > 2))",
            "CHECK ((a > 2)) only in postgres",
        ),
        (
            "create table t (a integer) strict; create index i on t (a)",
            "create table t (a bigint)",
            "index i: only in sqlite",
        ),
        (
            "create table t (a integer) strict; create index i on t (a) where a > 1",
            "create table t (a bigint); create index i on t (a)",
            "index i: CREATE INDEX",
        ),
        (
            "create table t (a integer) strict; create unique index i on t (a)",
            "create table t (a bigint); create index i on t (a)",
            "index i: CREATE UNIQUE",
        ),
        (
            "create table u (a integer not null primary key) strict; create table t (a integer references u (a)) strict",
            "create table u (a bigint not null primary key); create table t (a bigint)",
            "foreign key",
        ),
        (
            "create table t (a integer) strict",
            "create table u (a bigint)",
            "table u: only in postgres",
        ),
    ];
    for (here, there, expected) in cases {
        let (sqlite, postgres) = (
            Fresh::with(false, |_| {}).await,
            Fresh::with(true, |_| {}).await,
        );
        let mut conn = sqlx::SqliteConnection::connect(&sqlite.url.replace("sqlite://", "sqlite:"))
            .await
            .expect("connects");
        sqlx::raw_sql(AssertSqlSafe(here))
            .execute(&mut conn)
            .await
            .expect(here);
        let mut conn = sqlx::PgConnection::connect(&postgres.url)
            .await
            .expect("connects");
        sqlx::raw_sql(AssertSqlSafe(there))
            .execute(&mut conn)
            .await
            .expect(there);
        let found = schema::differences(&sqlite.db, &postgres.db)
            .await
            .expect("can be read");
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{here} / {there}: {found:?}"
        );
    }
}
