//! `stint demo`: the whole product on this machine against a simulated AWS, nothing to set
//! up. `--tour` walks the main journey in the terminal instead, and exits.

mod organization;
mod people;
mod progress;
mod stage;
mod stories;
mod tour;
mod watcher;

pub use stage::Stage;
pub use tour::{Between, Stopped, Tour};

use std::net::SocketAddr;

use stint_server::identity::PERSONAS;
use stint_server::tasks::Driver;

use crate::commands::serve;
use crate::exit::Failure;
use crate::out;

/// Try Stint without an AWS account.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Walk the main journey in the terminal, see each step in the simulated AWS, and exit.
    #[arg(long)]
    tour: bool,
    /// Port of pages and API; the next free one if it is taken.
    #[arg(long, default_value_t = 8480)]
    port: u16,
    /// Port of the simulated AWS; the next free one if it is taken.
    #[arg(long, default_value_t = 8481)]
    sim_port: u16,
    /// Walk on this empty database instead of a temporary one.
    #[arg(long, value_name = "URL", hide = true, requires = "tour")]
    database: Option<String>,
    /// What to log, to standard error.
    #[arg(long, default_value = "warn")]
    log: String,
}

/// Runs the demo until interrupted, or the tour to its end.
pub(crate) async fn run(demo: Demo) -> Result<(), Failure> {
    crate::runtime::log(&demo.log)?;
    if demo.tour {
        return tour::run(demo.database).await;
    }
    let pages = stage::free_port(demo.port).await.map_err(Failure::from)?;
    let sim = stage::free_port(demo.sim_port)
        .await
        .map_err(Failure::from)?;
    let address = pages.local_addr()?;
    let url = format!("http://{address}");
    out::line("Preparing a simulated organization and nine days of requests …")?;
    let stage = stories::populated(url.clone(), sim)
        .await
        .map_err(Failure::from)?;

    let driver = Driver::start(&stage.app, stint_server::tasks());
    out::line(&announcement(&url, &stage))?;
    let service =
        stint_server::router(stage.app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(pages, service)
        .with_graceful_shutdown(serve::interrupted())
        .await;
    driver.stop(std::time::Duration::from_secs(25)).await;
    served.map_err(Failure::from)
}

fn announcement(url: &str, stage: &stage::Stage) -> String {
    let personas: Vec<String> = PERSONAS
        .iter()
        .map(|p| format!("    {:<14} {}", p.name, p.part))
        .collect();
    format!(
        "Stint demo, with a simulated AWS. Nothing here touches a real account.\n\n\
         \x20 Pages and API   {url}\n\
         \x20 Simulated AWS   {}\n\n\
         \x20 Sign in as\n{}\n\n\
         \x20 The clock can be moved from the banner on every page. Ctrl-c ends the demo; nothing is kept.",
        stage.sim_url,
        personas.join("\n"),
    )
}
