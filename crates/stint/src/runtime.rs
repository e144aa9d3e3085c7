//! The parts of the program put together for this process.

use std::sync::Arc;

use stint_aws::{Aws, AwsOptions, Base, Governor, GovernorOptions};
use stint_db::{Db, Engine, Options};
use stint_domain::{Clock, Span};
use stint_server::cx::{App, Config, IdSource};
use stint_server::http::Fault as _;
use stint_server::processes::{self, DatabaseClock, Processes, SharedBudget, Trust};
use stint_server::sealed::{KeyFile, Keys};
use stint_server::{connections, objects};

use crate::clock::{Simulated, Wall};
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
    let clocks = clocks(settings, &db).await?;
    let clock = Arc::clone(&clocks.rules);
    let processes = Processes::new(IdSource::new(Arc::new(Wall)).new_id());
    let mut options = AwsOptions::new(Base::Host, Arc::clone(&clock));
    options.region.clone_from(&settings.aws_region);
    options.endpoint.clone_from(&settings.aws_endpoint);
    if db.engine() == Engine::Postgres {
        let shared = GovernorOptions {
            budget: Arc::new(SharedBudget::new(db.clone(), processes.clone())),
            ..GovernorOptions::default()
        };
        options.governor = Governor::new(shared, Arc::clone(&clock));
    }
    let config = Config {
        public_url: settings.public_url.clone(),
        demo: false,
        limits: settings.limits.clone(),
    };
    let keys = keys(settings, &db).await?;
    let mut app = App::new(db, clock, Arc::new(Wall), Aws::new(options), config);
    app.processes = processes;
    app.database_clock = clocks.database;
    app.trust = clocks.trust;
    app.hold = settings.hold;
    app.tags = settings.tags;
    app.key_rules = settings.keys;
    app.sync_every = settings.sync_every;
    app.notices = settings.notices;
    Ok(app.with_keys(keys))
}

/// What the rules take for the time.
struct Clocks {
    rules: Arc<dyn Clock>,
    database: Option<Arc<DatabaseClock>>,
    trust: Trust,
}

/// With PostgreSQL the time is the database's: leases are judged by one clock, whatever the
/// machines show. A file's clock is this machine's.
async fn clocks(settings: &Settings, db: &Db) -> Result<Clocks, Failure> {
    let trust = Trust::within(Span::seconds(i64::from(settings.clock_tolerance)));
    if let Some(file) = &settings.simulated_clock {
        let simulated = Simulated::of(file, settings.aws_endpoint.as_deref()).await?;
        tracing::warn!("the clock is a simulated AWS's");
        return Ok(Clocks {
            rules: Arc::new(simulated),
            database: None,
            trust,
        });
    }
    if db.engine() == Engine::Sqlite {
        return Ok(Clocks {
            rules: Arc::new(Wall),
            database: None,
            trust,
        });
    }
    let measured = processes::measure(db, &Wall)
        .await
        .map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    trust.judge(measured);
    let clock = Arc::new(DatabaseClock::new(Arc::new(Wall), measured));
    Ok(Clocks {
        rules: Arc::clone(&clock) as Arc<dyn Clock>,
        database: Some(clock),
        trust,
    })
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
    let mut ids = connections::keys_in_use(&mut reader)
        .await
        .map_err(failed)?;
    ids.extend(objects::keys_in_use(&mut reader).await.map_err(failed)?);
    for id in ids {
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
