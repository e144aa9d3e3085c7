//! The largest estate: how long it takes to make, and how much memory it has.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stint_aws_sim::{EstateSpec, Sim, SimClock, SimOptions};

use crate::{figure, now};

/// What the second process is called by.
pub(crate) const CHILD: &str = "generate-in-this-process";

const LARGEST: EstateSpec = EstateSpec {
    seed: 1,
    accounts: 1_000,
    permission_sets: 100,
    users: 100_000,
    groups: 1_000,
    memberships: 200_000,
    assignments: 1_000_000,
    iam_users: 0,
    iam_groups: 0,
    iam_roles: 0,
    iam_memberships: 0,
};

/// The bounds: seconds, and gigabytes.
const SECONDS: f64 = 60.0;
const GIGABYTES: f64 = 4.0;

pub(crate) fn measure() -> Result<()> {
    let case = format!(
        "{} accounts, {} permission sets, {} users, {} assignments",
        LARGEST.accounts, LARGEST.permission_sets, LARGEST.users, LARGEST.assignments
    );
    eprintln!("estate: {case}");
    // Memory of a process that does nothing else.
    let child = Command::new(std::env::current_exe()?).arg(CHILD).output()?;
    let said = String::from_utf8(child.stdout)?;
    let said: Value = serde_json::from_str(&said)
        .with_context(|| String::from_utf8_lossy(&child.stderr).into_owned())?;
    let number = |name: &str| said[name].as_f64().context("a number");
    ensure!(
        said["assignments"] == LARGEST.assignments,
        "every assignment is there: {said}"
    );
    figure(&case, "generate", number("seconds")?, "s", SECONDS);
    figure(&case, "memory", number("gigabytes")?, "GB", GIGABYTES);
    Ok(())
}

/// Makes the estate and says what it took.
pub(crate) fn generate() -> Result<()> {
    let began = now();
    let sim = Sim::new(SimOptions::new(LARGEST, SimClock::frozen(0)))?;
    let seconds = began.elapsed().as_secs_f64();
    // Before anything else takes memory: the most there ever was.
    let status = std::fs::read_to_string("/proc/self/status")?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = most
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .context("how much memory it had")?
        .parse()?;
    let assignments = sim.assignments().len();
    println!(
        "{}",
        json!({
            "seconds": seconds,
            "gigabytes": kilobytes * 1_024.0 / 1e9,
            "assignments": assignments,
        })
    );
    Ok(())
}
