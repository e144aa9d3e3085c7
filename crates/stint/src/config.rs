//! Configuration: `stint.toml` < `STINT_*` environment < flags.
//!
//! The file is `--config PATH`, else `./stint.toml`, else `/etc/stint/stint.toml`; with none
//! of them the defaults hold. An unknown key in the file is refused with its line and the
//! key that was probably meant. The environment is only read for the names below: other
//! `STINT_*` variables are left alone, since orchestrators make some up
//! (`STINT_SERVICE_HOST`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stint_domain::Span;
use stint_domain::managed::KeyRules;
use stint_domain::sync::HoldRule;
use stint_domain::sync::tags::TagsRule;
use stint_server::cx::{Notices, SyncEvery};
use stint_server::http::{Limits, Networks};

use crate::exit::{Exit, Failure};

/// Where the pages and the API listen unless told otherwise.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:8480";

/// What the operator decided, from all three places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `sqlite:///path/stint.db` or `postgres://…`.
    pub database: String,
    /// The address that people and tools reach Stint at; decides Secure cookies and which
    /// Origin may post.
    pub public_url: String,
    /// Where to listen (plain HTTP; TLS is the proxy's).
    pub listen: SocketAddr,
    /// A tracing filter, as `info` or `stint_server=debug,info`.
    pub log: String,
    /// The region of the base identity's calls.
    pub aws_region: String,
    /// Another address for every AWS service, for trying Stint against `stint sim`.
    pub aws_endpoint: Option<String>,
    /// The file with the keys that secrets are sealed under; needed once one is.
    pub master_key_file: Option<PathBuf>,
    /// By how many seconds this machine's clock and the database's may differ.
    pub clock_tolerance: u32,
    /// The clock of a simulated AWS, in a file. Never in production: see `clock`.
    pub simulated_clock: Option<PathBuf>,
    /// How many calls somebody may make.
    pub limits: Limits,
    /// How much a sync may take for ended by itself.
    pub hold: HoldRule,
    /// When tags of accounts are read again, and how long they are believed.
    pub tags: TagsRule,
    /// When access keys are old, and how they are replaced.
    pub keys: KeyRules,
    /// How far apart full syncs are.
    pub sync_every: SyncEvery,
    /// How long notices are kept.
    pub notices: Notices,
}

/// Flags that override the file and the environment; each is absent unless given.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Overrides {
    /// Configuration file [default: ./stint.toml, else /etc/stint/stint.toml].
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Database, as `sqlite:///path/stint.db` or `postgres://user@host/name`.
    #[arg(
        long,
        env = "STINT_DATABASE",
        value_name = "URL",
        global = true,
        hide_env_values = true
    )]
    pub database: Option<String>,
    /// The address that people reach Stint at.
    #[arg(long, env = "STINT_PUBLIC_URL", value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// Address to listen on [default: 127.0.0.1:8480].
    #[arg(long, env = "STINT_LISTEN", value_name = "ADDR:PORT", global = true)]
    pub listen: Option<String>,
    /// Log filter, as `info` or `stint_server=debug` [default: info].
    #[arg(long, env = "STINT_LOG", value_name = "FILTER", global = true)]
    pub log: Option<String>,
    /// Region for the base identity's calls [default: us-east-1].
    #[arg(long, env = "STINT_AWS_REGION", value_name = "REGION", global = true)]
    pub aws_region: Option<String>,
    /// Another address for every AWS service (to try Stint against `stint sim`).
    #[arg(long, env = "STINT_AWS_ENDPOINT", value_name = "URL", global = true)]
    pub aws_endpoint: Option<String>,
    /// File with the master keys that secrets are sealed under.
    #[arg(
        long,
        env = "STINT_MASTER_KEY_FILE",
        value_name = "FILE",
        global = true
    )]
    pub master_key_file: Option<PathBuf>,
    /// Seconds by which this machine's clock and the database's may differ before removals
    /// driven by time alone wait [default: 10].
    #[arg(
        long,
        env = "STINT_CLOCK_TOLERANCE_SECONDS",
        value_name = "SECONDS",
        global = true
    )]
    pub clock_tolerance_seconds: Option<u32>,
    /// A file with the clock of a simulated AWS on this machine. Refused with any other AWS.
    #[arg(
        long,
        env = "STINT_SIMULATED_CLOCK_FILE",
        value_name = "FILE",
        global = true,
        hide = true
    )]
    pub simulated_clock_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    master_key_file: Option<PathBuf>,
    clock_tolerance_seconds: Option<u32>,
    database: Option<String>,
    public_url: Option<String>,
    listen: Option<String>,
    log: Option<String>,
    #[serde(default)]
    aws: AwsFile,
    #[serde(default)]
    limits: LimitsFile,
    #[serde(default)]
    sync: SyncFile,
    #[serde(default)]
    keys: KeysFile,
    #[serde(default)]
    notices: NoticesFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncFile {
    hold_percent: Option<u32>,
    hold_rows: Option<u64>,
    hold_least: Option<u64>,
    period_minutes: Option<u32>,
    period_with_events_minutes: Option<u32>,
    tags_believed_days: Option<i64>,
}

/// When access keys are old, and how they are replaced.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeysFile {
    warn_days: Option<i64>,
    rotate_days: Option<i64>,
    settle_hours: Option<i64>,
}

impl KeysFile {
    fn rules(&self) -> Result<KeyRules, Failure> {
        let usual = KeyRules::default();
        let span = |name: &str, n: Option<i64>, hours: i64| match n {
            Some(n) if (1..=3650).contains(&n) => Ok(Some(Span::hours(n.saturating_mul(hours)))),
            Some(n) => Err(Failure::usage(format!("keys.{name}: {n} is not 1 to 3650"))),
            None => Ok(None),
        };
        Ok(KeyRules {
            warn_after: span("warn_days", self.warn_days, 24)?.unwrap_or(usual.warn_after),
            rotate_after: span("rotate_days", self.rotate_days, 24)?,
            settle: span("settle_hours", self.settle_hours, 1)?.unwrap_or(usual.settle),
        })
    }
}

/// How long notices are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NoticesFile {
    keep_days: Option<i64>,
    before_end_minutes: Option<i64>,
    short_hours: Option<i64>,
    before_short_end_minutes: Option<i64>,
}

impl NoticesFile {
    fn rules(&self) -> Result<Notices, Failure> {
        let usual = Notices::default();
        let of = |name: &str, n: Option<i64>, most: i64, unit: Span, usual: Span| match n {
            None => Ok(usual),
            Some(n) if (1..=most).contains(&n) => Ok(Span::micros(n * unit.as_micros())),
            Some(n) => Err(Failure::usage(format!(
                "notices.{name}: {n} is not 1 to {most}"
            ))),
        };
        let (day, hour, minute) = (Span::hours(24), Span::hours(1), Span::minutes(1));
        let (end, short_end) = (self.before_end_minutes, self.before_short_end_minutes);
        Ok(Notices {
            keep: of("keep_days", self.keep_days, 3650, day, usual.keep)?,
            before_end: of("before_end_minutes", end, 10_080, minute, usual.before_end)?,
            short: of("short_hours", self.short_hours, 168, hour, usual.short)?,
            before_short_end: of(
                "before_short_end_minutes",
                short_end,
                10_080,
                minute,
                usual.before_short_end,
            )?,
        })
    }
}

impl SyncFile {
    fn every(&self) -> Result<SyncEvery, Failure> {
        let usual = SyncEvery::default();
        let of = |name: &str, minutes: Option<u32>, usual: Span| match minutes {
            None => Ok(usual),
            Some(minutes @ 5..=10_080) => Ok(Span::minutes(i64::from(minutes))),
            Some(other) => Err(Failure::usage(format!(
                "sync.{name}: {other} minutes: give 5 to 10080 (a week)"
            ))),
        };
        Ok(SyncEvery {
            alone: of("period_minutes", self.period_minutes, usual.alone)?,
            with_events: of(
                "period_with_events_minutes",
                self.period_with_events_minutes,
                usual.with_events,
            )?,
        })
    }

    fn tags(&self) -> Result<TagsRule, Failure> {
        let usual = TagsRule::default();
        let believed = match self.tags_believed_days {
            None => usual.believed,
            Some(days @ 2..=365) => Span::hours(days.saturating_mul(24)),
            Some(other) => {
                return Err(Failure::usage(format!(
                    "sync.tags_believed_days: {other} is not 2 to 365"
                )));
            }
        };
        Ok(TagsRule { believed, ..usual })
    }

    fn hold(&self) -> Result<HoldRule, Failure> {
        let usual = HoldRule::default();
        let percent = self.hold_percent.unwrap_or(usual.percent);
        if percent > 100 {
            return Err(Failure::usage(format!(
                "sync.hold_percent: {percent} is more than all: give 0 to 100"
            )));
        }
        Ok(HoldRule {
            percent,
            rows: self.hold_rows.unwrap_or(usual.rows),
            least: self.hold_least.unwrap_or(usual.least),
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsFile {
    reads_per_minute: Option<u32>,
    writes_per_minute: Option<u32>,
    sign_ins_per_minute: Option<u32>,
    anonymous_per_minute: Option<u32>,
    trusted_proxies: Option<Vec<String>>,
}

impl LimitsFile {
    fn limits(self) -> Result<Limits, Failure> {
        let usual = Limits::default();
        let proxies = self.trusted_proxies.unwrap_or_default();
        Ok(Limits {
            reads: self.reads_per_minute.unwrap_or(usual.reads),
            writes: self.writes_per_minute.unwrap_or(usual.writes),
            sign_ins: self.sign_ins_per_minute.unwrap_or(usual.sign_ins),
            anonymous: self.anonymous_per_minute.unwrap_or(usual.anonymous),
            proxies: Networks::parse(&proxies)
                .map_err(|e| Failure::usage(format!("limits.trusted_proxies: {e}")))?,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AwsFile {
    region: Option<String>,
    endpoint: Option<String>,
}

/// Every key the file may have, for the suggestion.
const KEYS: &[&str] = &[
    "database",
    "public_url",
    "listen",
    "log",
    "master_key_file",
    "clock_tolerance_seconds",
    "aws",
    "region",
    "endpoint",
    "limits",
    "reads_per_minute",
    "writes_per_minute",
    "sign_ins_per_minute",
    "anonymous_per_minute",
    "trusted_proxies",
    "sync",
    "hold_percent",
    "hold_rows",
    "hold_least",
    "keys",
    "warn_days",
    "rotate_days",
    "settle_hours",
    "period_minutes",
    "period_with_events_minutes",
    "tags_believed_days",
];

impl Settings {
    /// Reads the file, and puts environment and flags over it.
    ///
    /// # Errors
    /// A file that was named and is not there, a text that is not TOML, an unknown key, an
    /// address that is none: each with the line or the name of the setting.
    pub(crate) fn load(overrides: &Overrides) -> Result<Self, Failure> {
        let file = match find(overrides.config.as_deref())? {
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
                parse(&path, &text)?
            }
            None => File::default(),
        };
        Self::combine(file, overrides)
    }

    fn combine(file: File, over: &Overrides) -> Result<Self, Failure> {
        let pick = |flag: &Option<String>, file: Option<String>| flag.clone().or(file);
        let listen = pick(&over.listen, file.listen).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let listen: SocketAddr = listen.parse().map_err(|_| {
            Failure::usage(format!(
                "listen: `{listen}` is not an address with a port: write it as {DEFAULT_LISTEN}"
            ))
        })?;
        let public_url =
            pick(&over.public_url, file.public_url).unwrap_or_else(|| format!("http://{listen}"));
        let public_url = public_url.trim_end_matches('/').to_owned();
        if !(public_url.starts_with("https://") || public_url.starts_with("http://")) {
            return Err(Failure::usage(format!(
                "public_url: `{public_url}` must begin with https:// (or http:// on your own machine)"
            )));
        }
        Ok(Self {
            database: match pick(&over.database, file.database) {
                Some(url) => database(url)?,
                None => default_database()?,
            },
            public_url,
            listen,
            log: pick(&over.log, file.log).unwrap_or_else(|| "info".to_owned()),
            aws_region: pick(&over.aws_region, file.aws.region)
                .unwrap_or_else(|| "us-east-1".to_owned()),
            aws_endpoint: pick(&over.aws_endpoint, file.aws.endpoint),
            clock_tolerance: over
                .clock_tolerance_seconds
                .or(file.clock_tolerance_seconds)
                .unwrap_or(10),
            simulated_clock: over.simulated_clock_file.clone(),
            master_key_file: over.master_key_file.clone().or(file.master_key_file),
            limits: file.limits.limits()?,
            hold: file.sync.hold()?,
            tags: file.sync.tags()?,
            keys: file.keys.rules()?,
            sync_every: file.sync.every()?,
            notices: file.notices.rules()?,
        })
    }
}

fn database(url: String) -> Result<String, Failure> {
    if url.starts_with("sqlite:///")
        || url.starts_with("postgres://")
        || url.starts_with("postgresql://")
    {
        return Ok(url);
    }
    // The text may hold a password: it is not repeated.
    Err(Failure::usage(
        "database: write it as sqlite:///absolute/path/stint.db or postgres://user:password@host/name".to_owned(),
    ))
}

fn default_database() -> Result<String, Failure> {
    let here = std::env::current_dir().map_err(|e| {
        Failure::new(
            Exit::Failed,
            format!("the current folder cannot be read: {e}"),
        )
    })?;
    Ok(format!("sqlite://{}", here.join("stint.db").display()))
}

fn find(named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = named {
        return if path.is_file() {
            Ok(Some(path.to_owned()))
        } else {
            Err(Failure::usage(format!(
                "--config {}: there is no such file",
                path.display()
            )))
        };
    }
    Ok(["stint.toml", "/etc/stint/stint.toml"]
        .into_iter()
        .map(PathBuf::from)
        .find(|p| p.is_file()))
}

fn parse(path: &Path, text: &str) -> Result<File, Failure> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message();
        let hint = unknown_key(message).map_or_else(String::new, |key| match nearest(key) {
            Some(meant) => format!("; did you mean `{meant}`?"),
            None => String::new(),
        });
        let what = unknown_key(message)
            .map_or_else(|| message.to_owned(), |key| format!("unknown key `{key}`"));
        Failure::usage(format!("{} line {line}: {what}{hint}", path.display()))
    })
}

fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn nearest(key: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|known| (strsim::jaro_winkler(key, known), *known))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<File, Failure> {
        parse(Path::new("stint.toml"), text)
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_defaults() {
        let text = "listen = \"127.0.0.1:9000\"\ndatabase = \"sqlite:///a.db\"\n[aws]\nregion = \"eu-west-1\"\n";
        let over = Overrides {
            database: Some("postgres://u@h/d".to_owned()),
            ..Overrides::default()
        };
        let settings = Settings::combine(file(text).expect("valid"), &over).expect("valid");
        assert_eq!(settings.database, "postgres://u@h/d");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:9000");
        assert_eq!(settings.public_url, "http://127.0.0.1:9000");
        assert_eq!(settings.aws_region, "eu-west-1");
        assert_eq!(settings.log, "info");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
        let error = file("log = \"info\"\n\npublicurl = \"https://x\"\n").expect_err("unknown");
        assert_eq!(
            error.message,
            "stint.toml line 3: unknown key `publicurl`; did you mean `public_url`?"
        );
        assert_eq!(error.exit, Exit::Usage);
        let error = file("[aws]\nregoin = \"x\"\n").expect_err("unknown");
        assert_eq!(
            error.message,
            "stint.toml line 2: unknown key `regoin`; did you mean `region`?"
        );
    }

    #[test]
    fn how_long_notices_are_kept_is_read() {
        let read = |text: &str| {
            let file = file(text).expect("TOML");
            Settings::combine(file, &Overrides::default()).map(|it| it.notices)
        };
        assert_eq!(read("").expect("read"), Notices::default());
        let kept = read("[notices]\nkeep_days = 7\n").expect("read").keep;
        assert_eq!(kept, Span::hours(7 * 24));
        let error = read("[notices]\nkeep_days = 0\n").expect_err("none");
        assert_eq!(error.message, "notices.keep_days: 0 is not 1 to 3650");
    }

    #[test]
    fn how_far_apart_syncs_are_is_read() {
        let read = |text: &str| {
            let file = file(text).expect("TOML");
            Settings::combine(file, &Overrides::default()).map(|it| it.sync_every)
        };
        assert_eq!(read("").expect("read"), SyncEvery::default());
        let text = "[sync]\nperiod_minutes = 30\nperiod_with_events_minutes = 720\n";
        let every = read(text).expect("read");
        assert_eq!(
            (every.alone, every.with_events),
            (Span::minutes(30), Span::hours(12))
        );
        let error = read("[sync]\nperiod_minutes = 1\n").expect_err("too often");
        assert_eq!(
            error.message,
            "sync.period_minutes: 1 minutes: give 5 to 10080 (a week)"
        );
    }

    #[test]
    fn how_long_tags_are_believed_is_read() {
        let read = |text: &str| {
            let file = file(text).expect("TOML");
            Settings::combine(file, &Overrides::default()).map(|it| it.tags)
        };
        assert_eq!(read("").expect("read"), TagsRule::default());
        let rule = read("[sync]\ntags_believed_days = 3\n").expect("read");
        let believed = Span::hours(72);
        assert_eq!(
            rule,
            TagsRule {
                believed,
                ..TagsRule::default()
            }
        );
        let error = read("[sync]\ntags_believed_days = 1\n").expect_err("too short");
        assert_eq!(error.message, "sync.tags_believed_days: 1 is not 2 to 365");
    }

    #[test]
    fn what_a_sync_may_end_by_itself_is_read() {
        let read = |text: &str| {
            let file = file(text).expect("TOML");
            Settings::combine(file, &Overrides::default()).map(|it| it.hold)
        };
        assert_eq!(read("").expect("valid"), HoldRule::default());
        let rule = HoldRule {
            percent: 5,
            rows: 50,
            least: 10,
        };
        let text = "[sync]\nhold_percent = 5\nhold_rows = 50\n";
        assert_eq!(read(text).expect("valid"), rule);
        let error = read("[sync]\nhold_percent = 101\n").expect_err("more than all");
        assert_eq!(
            error.message,
            "sync.hold_percent: 101 is more than all: give 0 to 100"
        );
    }

    #[test]
    fn when_keys_are_old_is_read() {
        let read = |text: &str| {
            let file = file(text).expect("TOML");
            Settings::combine(file, &Overrides::default()).map(|it| it.keys)
        };
        assert_eq!(read("").expect("valid"), KeyRules::default());
        let rules = read("[keys]\nrotate_days = 60\nsettle_hours = 2\n").expect("valid");
        assert_eq!(rules.rotate_after, Some(Span::hours(24 * 60)));
        assert_eq!(rules.settle, Span::hours(2));
        let error = read("[keys]\nwarn_days = 0\n").expect_err("no time at all");
        assert_eq!(error.message, "keys.warn_days: 0 is not 1 to 3650");
    }

    #[test]
    fn limits_are_read_and_what_is_no_network_is_refused() {
        let text = "[limits]\nwrites_per_minute = 10\nsign_ins_per_minute = 0\ntrusted_proxies = [\"10.0.0.0/8\"]\n";
        let settings =
            Settings::combine(file(text).expect("valid"), &Overrides::default()).expect("valid");
        assert_eq!(settings.limits.writes, 10);
        assert_eq!(settings.limits.sign_ins, 0);
        assert_eq!(settings.limits.reads, Limits::default().reads);
        let text = "[limits]\ntrusted_proxies = [\"proxy.example.com\"]\n";
        let error = Settings::combine(file(text).expect("TOML"), &Overrides::default())
            .expect_err("a name");
        assert_eq!(
            error.message,
            "limits.trusted_proxies: `proxy.example.com` is not an address or a network: write it as 10.0.0.0/8 or 127.0.0.1"
        );
        assert!(file("[limits]\nwrites_per_minute = -1\n").is_err());
    }

    #[test]
    fn a_bad_database_is_refused_without_repeating_it() {
        let over = Overrides {
            database: Some("mysql://root:hunter2@h/d".to_owned()),
            ..Overrides::default()
        };
        let error = Settings::combine(File::default(), &over).expect_err("not a database of ours");
        assert!(!error.message.contains("hunter2"));
        assert!(error.message.contains("postgres://"));
    }

    #[test]
    fn an_address_without_a_port_says_how_to_write_it() {
        let over = Overrides {
            listen: Some("localhost".to_owned()),
            ..Overrides::default()
        };
        let error = Settings::combine(File::default(), &over).expect_err("no port");
        assert!(
            error.message.contains("127.0.0.1:8480"),
            "{}",
            error.message
        );
    }
}
