//! Any bytes: a real request of some operation, spoiled as they say, on a simulated AWS of its own.
#![no_main]
#![allow(dead_code, reason = "the tests use more of it")]

#[path = "../../tests/it/raw.rs"]
mod raw;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(raw::Target::new().take(script));
});
