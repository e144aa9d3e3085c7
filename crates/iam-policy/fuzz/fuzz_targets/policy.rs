//! Any text: read for every purpose, looked through, judged and simulated, written out again.
#![no_main]

#[path = "../../tests/it/take.rs"]
mod take;

libfuzzer_sys::fuzz_target!(|text: &str| take::take(text));
