//! Figures of the simulated AWS: `cargo xtask bench sim`.
//!
//! One JSON line for each figure on standard output, progress on standard error. A figure stands
//! beside `against`: the same server answering a constant, in the same run, or the bound it is to
//! stay under. What it is not: a test. No figure is judged here; what is checked is only that the
//! work that was timed was really done.
//!
//! A package of its own, so that a release build of it needs none of AWS's SDKs.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a program for the terminal"
)]

mod calls;
mod estate;
mod load;
mod server;
mod signed;

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::json;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            estate::measure()?;
            calls::measure(3, 3)
        }
        ["calls", rounds, seconds] => calls::measure(rounds.parse()?, seconds.parse()?),
        ["estate"] => estate::measure(),
        // The second processes.
        [estate::CHILD] => estate::generate(),
        [load::CHILD, address, seconds, connections] => {
            load::run(address, seconds.parse()?, connections.parse()?)
        }
        _ => bail!("nothing, `estate`, or `calls ROUNDS SECONDS`"),
    }
}

/// One figure, beside what it is measured against.
pub(crate) fn figure(case: &str, figure: &str, value: f64, unit: &str, against: f64) {
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    let line = json!({
        "bench": "sim",
        "case": case,
        "figure": figure,
        "value": rounded(value),
        "unit": unit,
        "against": rounded(against),
    });
    println!("{line}");
}

/// The time by this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the time that passes"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
