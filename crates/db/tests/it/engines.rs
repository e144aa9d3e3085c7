//! A fresh database of either engine for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use stint_db::{Db, NoHook, Options, Priority};

/// A database of one test, gone with it.
pub(crate) struct Fresh {
    pub(crate) db: Db,
    pub(crate) url: String,
    pub(crate) folder: Option<tempfile::TempDir>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

pub(crate) fn postgres_wanted() -> bool {
    !std::env::var("STINT_TEST_ENGINES").is_ok_and(|engines| engines.trim() == "sqlite")
}

/// An empty database on PostgreSQL; its address.
pub(crate) async fn postgres_url() -> String {
    let server = std::env::var("STINT_TEST_POSTGRES_URL").expect(
        "no PostgreSQL to test on: run `cargo xtask postgres -- cargo nextest run -p stint-db`, \
         or leave PostgreSQL out with STINT_TEST_ENGINES=sqlite",
    );
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let name = format!("stint_db_{}_{number}", std::process::id());
    let mut conn = PgConnection::connect(&server)
        .await
        .expect("the test server answers");
    for text in [
        format!("drop database if exists {name}"),
        format!("create database {name}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(text))
            .execute(&mut conn)
            .await
            .expect("a fresh database");
    }
    let (base, _) = server
        .rsplit_once('/')
        .expect("an address ends in a database");
    format!("{base}/{name}")
}

impl Fresh {
    pub(crate) async fn with(postgres: bool, shape: impl FnOnce(&mut Options)) -> Self {
        let folder = (!postgres).then(|| tempfile::tempdir().expect("a temporary folder"));
        let url = match &folder {
            Some(folder) => format!("sqlite://{}", folder.path().join("stint.db").display()),
            None => postgres_url().await,
        };
        let mut options = Options::new(url.clone(), Arc::new(NoHook));
        shape(&mut options);
        let db = Db::open(options).await.expect("the database opens");
        Self { db, url, folder }
    }

    /// The same, with the product's tables.
    pub(crate) async fn migrated(postgres: bool) -> Self {
        let fresh = Self::with(postgres, |_| {}).await;
        fresh.db.migrate().await.expect("the migrations run");
        fresh
    }

    /// The tables of these tests.
    pub(crate) async fn things(&self) {
        let mut tx = self.db.begin(Priority::Interactive).await.expect("begins");
        for sql in [&super::values::MAKE_THINGS, &super::values::MAKE_PARTS] {
            tx.run(sql, vec![]).await.expect("the table is made");
        }
        tx.commit().await.expect("commits");
    }
}

/// One async test on each engine: `both!(name, |fresh| { … })`.
#[macro_export]
macro_rules! both {
    ($(#[$attr:meta])* $name:ident, |$fresh:ident| $body:block) => {
        $(#[$attr])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn test($fresh: $crate::engines::Fresh) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test($crate::engines::Fresh::with(false, |_| {}).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if $crate::engines::postgres_wanted() {
                    test($crate::engines::Fresh::with(true, |_| {}).await).await;
                } else {
                    println!("PostgreSQL left out by STINT_TEST_ENGINES");
                }
            }
        }
    };
}
