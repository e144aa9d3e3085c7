//! What the tests need on the machine, installed only when it is missing, and said.
//!
//! What it does not do: upgrade anything, or install as anybody but root (it then prints the
//! exact line to type and fails).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

use crate::{postgres, run};

/// The version of cargo-nextest that is installed when there is none.
const NEXTEST: &str = "0.9.143";

/// Sees to cargo-nextest.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn nextest() -> Result<()> {
    if run::works(cargo().args(["nextest", "--version"])) {
        return Ok(());
    }
    println!("installing cargo-nextest {NEXTEST} from crates.io into cargo's own folder");
    let package = format!("cargo-nextest@{NEXTEST}");
    run::run(cargo().args(["install", "--locked", &package]))
}

/// Sees to PostgreSQL's server programs.
///
/// # Errors
/// When they are missing and cannot be installed.
pub fn postgres() -> Result<()> {
    if postgres::bin_dir().is_none() {
        packages(&["postgresql"])?;
    }
    postgres::bin_dir().map(drop).context(
        "PostgreSQL is still missing: initdb, pg_ctl, postgres and psql have to be in \
         /usr/lib/postgresql/<version>/bin or in one folder of PATH",
    )
}

/// Sees to a virtual environment with exactly the pinned packages; gives its `python3`.
///
/// # Errors
/// When Python cannot make one or a package cannot be had.
pub fn python(root: &Path, requirements: &Path) -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let venv = root.join("target/tools/venv");
    let python = venv.join("bin/python3");
    let stamp = venv.join("stint-requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted)
        && run::works(Command::new(&python).arg("--version"))
    {
        return Ok(python);
    }
    if !run::works(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        packages(&["python3-venv"])?;
    }
    println!("installing into target/tools/venv: {}", one_line(&wanted));
    run::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    run::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-input"])
            .args(["--disable-pip-version-check", "--requirement"])
            .arg(requirements),
    )?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// The version of axe-core that judges the pages, and the SHA-512 of its package. It is under
/// the MPL 2.0: a tool of the tests, never part of what is shipped.
const AXE: &str = "4.13.0";
const AXE_SHA512: &str = "5331adf3383b372f1d8db60c871976cee11ebd56bbaf68098d86392f0af5c4ce\
    fe5d4da777a0a421615355c0886c03fadef4b3ef535a572cae4a4f651ca732d0";

/// Sees to Chromium and its driver.
///
/// # Errors
/// When they are missing and cannot be installed.
pub fn browser() -> Result<()> {
    let there = |name: &str| run::works(Command::new(name).arg("--version"));
    if !there("chromium") || !there("chromedriver") {
        packages(&["chromium", "chromium-driver"])?;
    }
    if there("chromium") && there("chromedriver") {
        Ok(())
    } else {
        bail!("chromium and chromedriver are still missing from PATH")
    }
}

/// Sees to axe-core in `target/tools/axe`; gives the path of its script.
///
/// # Errors
/// When it cannot be had, or is not the package that was pinned.
pub fn axe(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/tools/axe");
    let script = folder.join(format!("axe-{AXE}.min.js"));
    if script.exists() {
        return Ok(script);
    }
    if !run::works(Command::new("npm").arg("--version")) {
        packages(&["npm"])?;
    }
    println!("installing axe-core {AXE} from npm into target/tools/axe");
    std::fs::create_dir_all(&folder)?;
    let package = format!("axe-core@{AXE}");
    run::run((Command::new("npm").current_dir(&folder)).args(["pack", "--silent", &package]))?;
    let archive = format!("axe-core-{AXE}.tgz");
    std::fs::write(folder.join("SHA512"), format!("{AXE_SHA512}  {archive}\n"))?;
    run::run(
        (Command::new("sha512sum").current_dir(&folder)).args(["--check", "--quiet", "SHA512"]),
    )?;
    run::run((Command::new("tar").current_dir(&folder)).args([
        "--extract",
        "--gzip",
        "--strip-components=1",
        "--file",
        &archive,
        "package/axe.min.js",
        "package/LICENSE",
    ]))?;
    // Last, so that what is there is whole.
    std::fs::rename(folder.join("axe.min.js"), &script)?;
    Ok(script)
}

/// Version 2 of the `aws` command, which PyPI does not have, and what it needs of Debian's Python.
const AWS2: [&str; 17] = [
    "awscli",
    "python3-awscrt",
    "python3-cffi-backend",
    "python3-colorama",
    "python3-cryptography",
    "python3-dateutil",
    "python3-distro",
    "python3-docutils",
    "python3-jmespath",
    "python3-prompt-toolkit",
    "python3-pyasn1",
    "python3-roman",
    "python3-ruamel.yaml",
    "python3-ruamel.yaml.clib",
    "python3-six",
    "python3-urllib3",
    "python3-wcwidth",
];

/// Sees to version 2 of the `aws` command in `target/tools/aws2`: exactly Debian's packages above,
/// unpacked and not installed. None, and said, where this is no Debian, or where they are not to
/// be had without being root.
///
/// # Errors
/// When the packages cannot be had or unpacked.
pub fn aws2(root: &Path) -> Result<Option<PathBuf>> {
    let folder = root.join("target/tools/aws2");
    let stamp = folder.join("stint-packages.txt");
    let wanted = AWS2.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted)
        && folder.join("usr/bin/aws").exists()
    {
        return Ok(Some(folder));
    }
    // Others have apt-get too, and other packages behind it.
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) {
        println!("version 2 of the aws command is left out: this is no Debian");
        return Ok(None);
    }
    println!("unpacking Debian's awscli into target/tools/aws2");
    let parts = root.join("target/tools/aws2.parts");
    let _ = std::fs::remove_dir_all(&parts);
    let whole = parts.join("whole");
    std::fs::create_dir_all(&whole)?;
    let download = || run::run(apt().current_dir(&parts).arg("download").args(AWS2));
    if download().is_err() {
        // The lists of packages may be missing or old.
        if !postgres::is_root() {
            println!(
                "version 2 of the aws command is left out: its packages are not to be had. \
                 Type: sudo apt-get update"
            );
            return Ok(None);
        }
        run::run(apt().arg("update"))?;
        download()?;
    }
    for entry in std::fs::read_dir(&parts)? {
        let package = entry?.path();
        if package.extension().is_some_and(|known| known == "deb") {
            run::run(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(package)
                    .arg(&whole),
            )?;
        }
    }
    std::fs::write(whole.join("stint-packages.txt"), wanted)?;
    // Last, so that what is there is whole.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(&whole, &folder)?;
    std::fs::remove_dir_all(&parts)?;
    Ok(Some(folder))
}

/// Whether `/etc/os-release` says that this is Debian itself.
fn is_debian(release: &str) -> bool {
    let id = release.lines().find_map(|line| line.strip_prefix("ID="));
    id.is_some_and(|id| id.trim_matches(['"', '\'']) == "debian")
}

/// Installs Debian packages, after one `apt-get update`.
fn packages(names: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        names.join(" ")
    );
    if !run::works(Command::new("apt-get").arg("--version")) {
        bail!(
            "missing, and this is no Debian: install what Debian calls {}",
            names.join(" ")
        );
    }
    if !postgres::is_root() {
        bail!("missing: {}. Type: sudo sh -c '{line}'", names.join(" "));
    }
    println!("installing Debian packages: {}", names.join(" "));
    if names.contains(&"postgresql") {
        // Only the programs: no server is set up or started on this machine.
        let dir = Path::new("/etc/postgresql-common/createcluster.d");
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("stint.conf"), "create_main_cluster = false\n")?;
    }
    static UPDATED: AtomicBool = AtomicBool::new(false);
    if !UPDATED.swap(true, Ordering::Relaxed) {
        run::run(apt().arg("update"))?;
    }
    let mut install = apt();
    install.args(["install", "--yes", "--no-install-recommends"]);
    run::run(install.args(names))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([
        "--quiet",
        "--option",
        "DPkg::Lock::Timeout=300",
    ]);
    command
}

/// The cargo that runs us, or the one on the path.
#[must_use]
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn one_line(requirements: &str) -> String {
    let lines = requirements.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '-']));
    let words: Vec<_> = lines.map(|l| l.split(' ').next().unwrap_or(l)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::is_debian;

    #[test]
    fn what_is_made_of_debian_is_not_debian() {
        assert!(is_debian(
            "PRETTY_NAME=\"Debian GNU/Linux 13\"\nID=debian\n"
        ));
        assert!(is_debian("ID=\"debian\"\n"));
        assert!(!is_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(!is_debian("VERSION_ID=debian\n"));
        assert!(!is_debian(""));
    }
}
