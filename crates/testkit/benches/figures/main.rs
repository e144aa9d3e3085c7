//! Figures of a whole Stint on both engines: `cargo xtask bench request`, `bench expire`,
//! `bench policy` and `bench sync`.
//!
//! One JSON line for each figure on standard output, progress on standard error. A figure
//! stands beside `against`: a bound or a baseline measured in the same run on the same
//! database. What it is not: a test. No figure is judged here; what is checked is only that
//! the work that was timed was really done.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal, standing on the test kit"
)]

mod as_of;
mod audited;
mod changed;
mod crowd;
mod expire;
mod policy;
mod reader;
mod request;
mod rules;
mod said;
mod sync;

use stint_testkit::Engine;

/// SQLite first: it needs no server.
const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    // Cargo adds `--bench`.
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let name = words.next().unwrap_or_default();
    // Fewer than usual, to look at something quickly.
    let more = words.next();
    if name == reader::WORD {
        reader::run(&more.unwrap_or_default()).await;
        return;
    }
    if name == "policy" && more.as_deref() != Some("catalogs") {
        rules::evaluate();
    }
    let few = more.as_deref().and_then(|word| word.parse().ok());
    for engine in ENGINES {
        if stint_testkit::engine_left_out(engine) {
            eprintln!("{} is left out by STINT_TEST_ENGINES", engine.as_str());
            continue;
        }
        match name.as_str() {
            "request" => request::measure(engine).await,
            "expire" => expire::measure(engine, few.unwrap_or(10_000)).await,
            "policy" => policy::measure(engine, more.as_deref()).await,
            "sync" => {
                let only = more.as_deref();
                sync::measure(engine, only).await;
                if only.is_none_or(|only| only == "changed") {
                    changed::measure(engine, &sync::medium()).await;
                }
                if only.is_none_or(|only| only == "as-of") {
                    as_of::measure(engine).await;
                }
            }
            other => {
                eprintln!(
                    "error: there is no bench `{other}`: `request`, `expire`, `policy` or `sync`"
                );
                std::process::exit(2);
            }
        }
    }
}
