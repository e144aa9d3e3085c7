//! A fresh database for each world.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use stint_db::Engine;

/// An empty database that belongs to one world.
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
        run(
            &server,
            &[
                format!("drop database if exists {name} with (force)"),
                format!("create database {name}"),
            ],
        )
        .await
        .expect("the test server makes databases");
        let (base, _) = server
            .rsplit_once('/')
            .expect("an address ends in a database");
        Self {
            url: format!("{base}/{name}"),
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

async fn run(server: &str, texts: &[String]) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect(server).await?;
    for text in texts {
        sqlx::raw_sql(AssertSqlSafe(text.clone()))
            .execute(&mut conn)
            .await?;
    }
    conn.close().await
}
