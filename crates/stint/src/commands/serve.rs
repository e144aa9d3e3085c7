//! `stint serve`, `stint worker`, `stint migrate`.

use std::net::SocketAddr;
use std::time::Duration;

use stint_server::cx::App;
use stint_server::processes;
use stint_server::tasks::Driver;
use tokio::net::TcpListener;

use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::{out, runtime};

/// How long a process that was told to stop takes at most: longer than a call to AWS may.
const PATIENCE: Duration = Duration::from_secs(25);

/// Serves until told to stop; then answers what was asked, and finishes or hands over what the
/// background work has in hand.
pub(crate) async fn serve(settings: &Settings, worker: bool) -> Result<(), Failure> {
    runtime::log(&settings.log)?;
    let ending = Ending::listen();
    // First the port: a second server must fail before it touches the database.
    let listener = listen(settings.listen).await?;
    let app = runtime::app(settings, "stint serve").await?;
    let driver = start(&app, worker).await?;
    tracing::info!(listen = %settings.listen, public_url = %settings.public_url, "serving");
    let router = stint_server::router(app.clone());
    let stopping = app.stopping.clone();
    let serving = tokio::spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service)
            .with_graceful_shutdown(async move { stopping.wait().await })
            .await
    });
    ending.told().await;
    app.stopping.begin();
    let (served, ()) = tokio::join!(tokio::time::timeout(PATIENCE, serving), stop(&app, driver));
    match served {
        Ok(Ok(served)) => served.map_err(Failure::from),
        // Somebody's answer takes longer than anybody should wait.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// Does the background work until told to stop; then finishes or hands over what it has in hand.
pub(crate) async fn worker(settings: &Settings) -> Result<(), Failure> {
    runtime::log(&settings.log)?;
    if settings.database.starts_with("sqlite:") {
        return Err(Failure::usage(
            "worker: SQLite is served by one process; `stint serve` does the background work itself. Use PostgreSQL for several processes.",
        ));
    }
    let ending = Ending::listen();
    let app = runtime::app(settings, "stint worker").await?;
    let driver = start(&app, true).await?;
    tracing::info!("working");
    ending.told().await;
    stop(&app, driver).await;
    Ok(())
}

/// Joins the processes on this database and begins the background work.
async fn start(app: &App, worker: bool) -> Result<Driver, Failure> {
    let mut tasks = processes::own_tasks(&app.db);
    if !tasks.is_empty() {
        // Before the first call to AWS: the others make room.
        let joined = processes::beat(app).await;
        joined.map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    }
    if worker {
        tasks.extend(stint_server::tasks());
    }
    Ok(Driver::start(app, tasks))
}

/// Comes to an end, in bounded time.
async fn stop(app: &App, driver: Driver) {
    tracing::info!("stopping");
    if !driver.stop(PATIENCE).await {
        tracing::warn!(
            "not everything came to an end: another process takes over when the leases lapse"
        );
    }
    if let Err(error) = processes::leave(app).await {
        tracing::warn!(%error, "processes.leave");
    }
    tracing::info!("stopped");
}

/// Brings the database to this version.
pub(crate) async fn migrate(settings: &Settings) -> Result<(), Failure> {
    let db = runtime::open(settings, "stint migrate", false).await?;
    db.migrate()
        .await
        .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    out::line("The database is at this version.")
}

/// Takes the address, or says who probably has it.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| {
        let hint = if e.kind() == std::io::ErrorKind::AddrInUse {
            "; something else listens there (another Stint?): choose another with --listen"
        } else {
            ""
        };
        Failure::new(
            Exit::Failed,
            format!("{address} cannot be listened on: {e}{hint}"),
        )
    })
}

/// Hears when the process is told to end: ctrl-c, or a termination signal. From the moment it
/// is made, so that one told to end while it starts ends in order too.
pub(crate) struct Ending(Option<tokio::signal::unix::Signal>);

impl Ending {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        let term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        Self(
            term.inspect_err(|error| tracing::error!(%error, "signal.unavailable"))
                .ok(),
        )
    }

    /// Ends when the process is told to.
    pub(crate) async fn told(mut self) {
        let Some(term) = &mut self.0 else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
    }
}

/// Ends when the process is told to.
pub(crate) async fn interrupted() {
    Ending::listen().told().await;
}
