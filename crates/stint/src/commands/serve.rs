//! `stint serve`, `stint worker`, `stint migrate`.

use std::net::SocketAddr;

use stint_server::tasks::Driver;
use tokio::net::TcpListener;

use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::{out, runtime};

/// Serves until interrupted; what the background work has in hand is finished first.
pub(crate) async fn serve(settings: &Settings, worker: bool) -> Result<(), Failure> {
    runtime::log(&settings.log)?;
    // First the port: a second server must fail before it touches the database.
    let listener = listen(settings.listen).await?;
    let app = runtime::app(settings, "stint serve").await?;
    let driver = worker.then(|| Driver::start(&app, stint_server::tasks()));
    tracing::info!(listen = %settings.listen, public_url = %settings.public_url, "serving");
    let service = stint_server::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(interrupted())
        .await;
    if let Some(driver) = driver {
        driver.stop().await;
    }
    served.map_err(Failure::from)
}

/// Does the background work until interrupted.
pub(crate) async fn worker(settings: &Settings) -> Result<(), Failure> {
    runtime::log(&settings.log)?;
    if settings.database.starts_with("sqlite:") {
        return Err(Failure::usage(
            "worker: SQLite is served by one process; `stint serve` does the background work itself. Use PostgreSQL for several processes.",
        ));
    }
    let app = runtime::app(settings, "stint worker").await?;
    let driver = Driver::start(&app, stint_server::tasks());
    tracing::info!("working");
    interrupted().await;
    driver.stop().await;
    Ok(())
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

/// Ends when the process is told to: ctrl-c, or a termination signal.
pub(crate) async fn interrupted() {
    let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(term) => term,
        Err(error) => {
            tracing::error!(%error, "signal.unavailable");
            let _ = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}
