//! A fresh database for each world.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use stint_db::{Db, Engine, NoHook, Options};

/// A database that belongs to one world, with nothing in it. On PostgreSQL its tables are there
/// already: a copy of one that was migrated costs a tenth of the migrations.
pub struct Database {
    url: String,
    folder: Option<tempfile::TempDir>,
    postgres: Option<(String, String)>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Whether `STINT_TEST_ENGINES` leaves this engine out.
pub fn engine_left_out(engine: Engine) -> bool {
    std::env::var("STINT_TEST_ENGINES").is_ok_and(|engines| {
        let mut names = engines
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .peekable();
        names.peek().is_some() && !names.any(|name| name == engine.as_str())
    })
}

impl Database {
    /// Makes one. On PostgreSQL, on the server named by `STINT_TEST_POSTGRES_URL`.
    pub async fn fresh(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder can be made");
                let url = format!("sqlite://{}", folder.path().join("stint.db").display());
                Self {
                    url,
                    folder: Some(folder),
                    postgres: None,
                }
            }
            Engine::Postgres => Self::on_server().await,
        }
    }

    async fn on_server() -> Self {
        let server = std::env::var("STINT_TEST_POSTGRES_URL").expect(
            "no PostgreSQL to test on. Run the tests through \
             `cargo xtask postgres -- cargo nextest run …`, or leave PostgreSQL out with \
             STINT_TEST_ENGINES=sqlite",
        );
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("stint_world_{}_{number}", std::process::id());
        let made = on_copy(&server, &name).await;
        made.expect("the test server makes databases");
        Self {
            url: beside(&server, &name),
            folder: None,
            postgres: Some((server, name)),
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Removes it, politely: what cannot be removed goes with the throw-away server.
    pub(crate) async fn remove(self) {
        if let Some((server, name)) = self.postgres {
            let _ = run(
                &server,
                &[format!("drop database if exists {name} with (force)")],
            )
            .await;
        }
        drop(self.folder);
    }
}

/// Makes a database of what was migrated once for all tests on this server.
async fn on_copy(server: &str, name: &str) -> sqlx::Result<()> {
    let original = format!("stint_migrated_{:016x}", Db::schema(Engine::Postgres));
    let make = [
        format!("drop database if exists {name} with (force)"),
        format!("create database {name} template {original}"),
    ];
    match run(server, &make).await {
        // There is none yet.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("3D000") => {}
        done => return done,
    }
    let mut conn = PgConnection::connect(server).await?;
    // One of the processes that run tests makes it; the lock goes with the connection.
    sqlx::raw_sql("select pg_advisory_lock(7405)")
        .execute(&mut conn)
        .await?;
    let there: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
        .bind(&original)
        .fetch_optional(&mut conn)
        .await?;
    if there.is_none() {
        let draft = format!("{original}_draft");
        run(
            server,
            &[
                format!("drop database if exists {draft} with (force)"),
                format!("create database {draft}"),
            ],
        )
        .await?;
        let options = Options::new(beside(server, &draft), Arc::new(NoHook));
        let db = Db::open(options).await.expect("what was just made opens");
        db.migrate().await.expect("an empty database is migrated");
        db.close().await;
        run(
            server,
            &[format!("alter database {draft} rename to {original}")],
        )
        .await?;
    }
    conn.close().await?;
    run(server, &make).await
}

/// The address of another database of the same server.
fn beside(server: &str, name: &str) -> String {
    let (base, _) = server
        .rsplit_once('/')
        .expect("an address ends in a database");
    format!("{base}/{name}")
}

async fn run(server: &str, texts: &[String]) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect(server).await?;
    for text in texts {
        sqlx::raw_sql(AssertSqlSafe(text.clone()))
            .execute(&mut conn)
            .await?;
    }
    conn.close().await
}
