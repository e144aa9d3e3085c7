//! A throw-away PostgreSQL for tests: made in memory where the machine has a folder there, else in
//! the temporary one, reachable on loopback only, gone when its owner is gone. For figures on disk
//! and with fsync: a commit that need not reach it would flatter them.
//!
//! A *guard* process owns the server and watches a pipe from the process that asked for it.
//! When that pipe closes, for whatever reason (end, failure, ctrl-c, kill), the guard stops the
//! server and removes its files.
//!
//! What it does not do: touch a PostgreSQL that is already on the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::{install, run};

/// The variable by which tests find the server.
pub const URL: &str = "STINT_TEST_POSTGRES_URL";

/// The hidden subcommand that is the guard.
pub const GUARD: &str = "postgres-guard";

/// The account of the operating system that runs the server when we are root: initdb and
/// postgres refuse to run as root.
const UNPRIVILEGED: &str = "postgres";

/// Linux's folder in memory.
const MEMORY: &str = "/dev/shm";
/// What has to be free in it, in MB: a run needs a few hundred.
const ROOM: u64 = 2048;

/// A running server, stopped when dropped.
pub struct Postgres {
    guard: Child,
    /// Closing it tells the guard to stop.
    leash: Option<ChildStdin>,
    url: String,
}

impl Postgres {
    /// Starts a server. The programs must be there: see [`install::postgres`].
    ///
    /// # Errors
    /// When it does not come up; the error carries the server's own words.
    pub fn start() -> Result<Self> {
        Self::guarded(&[])
    }

    /// Starts a server whose commits reach the disk, for figures.
    ///
    /// # Errors
    /// When it does not come up; the error carries the server's own words.
    pub fn start_durable() -> Result<Self> {
        Self::guarded(&["--durable"])
    }

    fn guarded(options: &[&str]) -> Result<Self> {
        // Not the path of this program: a build that runs meanwhile may replace the file.
        let mut guard = Command::new("/proc/self/exe")
            .arg(GUARD)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Away from the terminal's ctrl-c, which would take the guard with us.
            .process_group(0)
            .spawn()
            .context("cannot start the guard of the test server")?;
        let leash = guard.stdin.take();
        let stdout = guard.stdout.take().context("the guard has no output")?;
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        let url = url.trim().to_owned();
        if url.is_empty() {
            drop(leash);
            guard.wait()?;
            bail!("PostgreSQL for the tests did not start (its reason stands above)");
        }
        Ok(Self { guard, leash, url })
    }

    /// Address of the server's maintenance database, as superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database and gives its address.
    ///
    /// # Errors
    /// When the server refuses, for instance because the name is taken.
    pub fn database(&self, name: &str) -> Result<String> {
        let bin = bin_dir().context("PostgreSQL's programs have gone")?;
        run::output(Command::new(bin.join("psql")).args([
            "--quiet",
            "--no-psqlrc",
            "--dbname",
            &self.url,
            "--command",
            &format!("create database {name}"),
        ]))?;
        let (server, _) = self.url.rsplit_once('/').context("a URL has a path")?;
        Ok(format!("{server}/{name}"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Err(error) = self.guard.wait() {
            eprintln!("warning: the guard of the test server: {error}");
        }
    }
}

/// `cargo xtask postgres`: a server until ctrl-c, or for the time one command takes.
///
/// # Errors
/// When the server does not start or the command cannot be started.
pub fn command(command: &[String]) -> Result<ExitCode> {
    install::postgres()?;
    let server = Postgres::start()?;
    let Some((program, args)) = command.split_first() else {
        println!("export {URL}='{}'", server.url());
        eprintln!("stays until ctrl-c");
        loop {
            std::thread::park();
        }
    };
    let status = Command::new(program)
        .args(args)
        .env(URL, server.url())
        .status()
        .with_context(|| format!("cannot start `{program}`"))?;
    Ok(ExitCode::from(
        status
            .code()
            .and_then(|c| u8::try_from(c).ok())
            .unwrap_or(1),
    ))
}

/// The guard: makes the server, prints its address, waits for the leash to go, cleans up.
///
/// # Errors
/// When the server cannot be made or started.
pub fn guard(durable: bool) -> Result<ExitCode> {
    let server = Server::make(durable)?;
    // Nobody may be listening any more; then the leash is gone as well.
    if writeln!(std::io::stdout(), "{}", server.url).is_ok() {
        std::io::stdin().read_to_end(&mut Vec::new())?;
    }
    drop(server);
    Ok(ExitCode::SUCCESS)
}

/// What the guard holds.
struct Server {
    bin: PathBuf,
    folder: PathBuf,
    url: String,
}

impl Server {
    fn make(durable: bool) -> Result<Self> {
        let bin = bin_dir().context("PostgreSQL's programs (initdb, pg_ctl) were not found")?;
        // Not std::env::temp_dir(): a socket's path is limited to about 100 characters, and
        // the postgres account must be able to enter it.
        let place = match !durable && in_memory() {
            true => MEMORY,
            false => "/tmp",
        };
        let template = format!("{place}/stint-pg-XXXXXX");
        let folder = run::output(&mut unprivileged("mktemp", &["-d", &template]))?;
        let mut server = Self {
            bin,
            folder: PathBuf::from(folder.trim()),
            url: String::new(),
        };
        let password = random_word()?;
        server.init(&password)?;
        // A free port can be taken between asking and using it.
        let mut tries = 0;
        let port = loop {
            let port = free_port()?;
            tries += 1;
            match server.start(port, durable) {
                Ok(()) => break port,
                Err(error) if tries == 3 => return Err(error),
                Err(_) => {}
            }
        };
        server.url = format!("postgres://stint:{password}@127.0.0.1:{port}/postgres");
        Ok(server)
    }

    fn init(&self, password: &str) -> Result<()> {
        let data = self.path("data");
        let file = self.path("password");
        let script = format!("umask 077; echo {password} > {file}");
        run::output(&mut unprivileged("sh", &["-c", &script]))?;
        run::output(&mut unprivileged(
            &self.program("initdb"),
            &[
                "--pgdata",
                &data,
                "--username=stint",
                // In the clear: it only keeps other accounts of this machine out, and costs
                // a test nothing.
                "--auth=password",
                "--pwfile",
                &file,
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            ],
        ))
        .context("initdb")?;
        Ok(())
    }

    fn start(&self, port: u16, durable: bool) -> Result<()> {
        let how = if durable {
            "-c shared_buffers=256MB"
        } else {
            "-F -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=64MB \
             -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=128MB"
        };
        let options = format!(
            "-k {} -h 127.0.0.1 -p {port} -c max_connections=300 {how}",
            self.folder.display()
        );
        let log = self.path("log");
        let data = self.path("data");
        let args = ["-D", &data, "-l", &log, "-w", "-s", "-o", &options, "start"];
        run::output(&mut unprivileged(&self.program("pg_ctl"), &args)).with_context(|| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            format!("PostgreSQL does not start: {}", said.trim())
        })?;
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn program(&self, name: &str) -> String {
        self.bin.join(name).display().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.path("data");
        let stop = ["-D", &data, "-m", "immediate", "-s", "-w", "stop"];
        if Path::new(&data).join("postmaster.pid").exists()
            && let Err(error) = run::output(&mut unprivileged(&self.program("pg_ctl"), &stop))
        {
            eprintln!("warning: the test server may still be running: {error:#}");
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("warning: {} remains: {error}", self.folder.display());
        }
    }
}

/// Whether the folder in memory has room for the databases of a whole test run. Each is made of
/// some hundred files, and making and removing those takes longer than what a test does with them.
fn in_memory() -> bool {
    let free = Command::new("df")
        .args(["--output=avail", "--block-size=1M", MEMORY])
        .output();
    let free = free.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let free = free.unwrap_or_default();
    let free = free.lines().last().and_then(|it| it.trim().parse().ok());
    free.is_some_and(|it: u64| it >= ROOM)
}

/// The folder with initdb, pg_ctl, postgres and psql: Debian's newest version, or what the
/// search path has.
#[must_use]
pub fn bin_dir() -> Option<PathBuf> {
    let complete = |dir: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "psql"]
            .iter()
            .all(|program| dir.join(program).is_file())
    };
    let version =
        |dir: &PathBuf| -> Option<u32> { dir.parent()?.file_name()?.to_str()?.parse().ok() };
    let debian = std::fs::read_dir("/usr/lib/postgresql").ok();
    let debian = debian.into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = debian.map(|e| e.path().join("bin")).collect();
    found.retain(&complete);
    found.sort_by_key(version);
    found.pop().or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|dir| complete(dir))
    })
}

/// A command under an account that may run PostgreSQL: ourselves, or `postgres` when root.
fn unprivileged(program: &str, args: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", UNPRIVILEGED, "--", program]);
        command
    } else {
        Command::new(program)
    };
    // A folder everybody may enter: PostgreSQL's programs complain about one they may not.
    command.args(args).current_dir("/");
    command
}

/// Whether this process is root.
#[must_use]
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn random_word() -> Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
