//! The parts of the program put together for this process.

use std::sync::Arc;

use stint_aws::{Aws, AwsOptions, Base};
use stint_db::{Db, Options};
use stint_domain::Clock;
use stint_server::connections;
use stint_server::cx::{App, Config, IdSource};
use stint_server::http::Fault as _;
use stint_server::sealed::{KeyFile, Keys};

use crate::clock::Wall;
use crate::config::Settings;
use crate::exit::{Exit, Failure};

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
    let keys = keys(settings, &db).await?;
    let app = App::new(db, Arc::clone(&clock), clock, Aws::new(options), config);
    Ok(app.with_keys(keys))
}

/// The master keys. None is needed as long as nothing is sealed; once something is, Stint does
/// not start without: it would find out when access has to be removed.
async fn keys(settings: &Settings, db: &Db) -> Result<Keys, Failure> {
    let keys = match &settings.master_key_file {
        Some(path) => Keys::new(KeyFile::read(path)?),
        None => Keys::default(),
    };
    let failed = |e| Failure::from(anyhow::Error::from(e));
    let mut reader = db.reader().await.map_err(failed)?;
    for id in connections::keys_in_use(&mut reader)
        .await
        .map_err(failed)?
    {
        if let Err(missing) = keys.has(&id) {
            let why = if settings.master_key_file.is_some() {
                missing.detail()
            } else {
                format!(
                    "{} STINT_MASTER_KEY_FILE (master_key_file in stint.toml) is not set: set it to the file that holds this key.",
                    missing.detail()
                )
            };
            return Err(Failure::new(Exit::Failed, why));
        }
    }
    Ok(keys)
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
