//! The parts of the program put together for this process.

use std::sync::Arc;

use stint_aws::{Aws, AwsOptions, Base};
use stint_db::{Db, Options};
use stint_domain::Clock;
use stint_server::cx::{App, Config, IdSource};

use crate::clock::Wall;
use crate::config::Settings;
use crate::exit::Failure;

/// Opens the database; `holder` is what another process is told when the file is taken.
pub(crate) async fn open(
    settings: &Settings,
    holder: &str,
    read_only: bool,
) -> Result<Db, Failure> {
    let chain = stint_server::audit::Chain::new(IdSource::new(Arc::new(Wall)));
    let mut options = Options::new(settings.database.clone(), Arc::new(chain));
    holder.clone_into(&mut options.holder);
    options.read_only = read_only;
    Db::open(options)
        .await
        .map_err(|e| Failure::from(anyhow::Error::from(e)))
}

/// The program on this machine's clock and the host's own AWS credentials, its database
/// brought to this version.
pub(crate) async fn app(settings: &Settings, holder: &str) -> Result<App, Failure> {
    let db = open(settings, holder, false).await?;
    db.migrate()
        .await
        .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    let clock: Arc<dyn Clock> = Arc::new(Wall);
    let mut options = AwsOptions::new(Base::Host, Arc::clone(&clock));
    options.region.clone_from(&settings.aws_region);
    options.endpoint.clone_from(&settings.aws_endpoint);
    let config = Config {
        public_url: settings.public_url.clone(),
        demo: false,
    };
    Ok(App::new(
        db,
        Arc::clone(&clock),
        clock,
        Aws::new(options),
        config,
    ))
}

/// Logs to standard error, so that standard output stays what was asked for.
pub(crate) fn log(filter: &str) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|e| {
        Failure::usage(format!(
            "log: `{filter}` is not a filter ({e}); write it as info or stint_server=debug,info"
        ))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
