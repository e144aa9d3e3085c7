//! Bindings under thousands of random histories: a model of AWS with late completion, lost
//! replies, stale reads and asynchronous writes; an outside administrator; overlapping and
//! successor grants, cut-offs, removal decisions; two workers that sleep and crash.
//!
//! `aws` is the model, `run` the workers and people, `oracle` the judge: it keeps a diary of
//! who added what and when, and calls no function of the domain.
//!
//! `STINT_HISTORIES=20000` runs more of them, `STINT_SEED=…` exactly one.

mod aws;
mod calm;
mod oracle;
pub(crate) mod rng;
mod run;
mod worker;

use run::{History, Mode};

const MODES: [Mode; 9] = [
    Mode::Assignment,
    Mode::Membership,
    Mode::Iam,
    Mode::Assignment,
    Mode::FenceBroken,
    Mode::Assignment,
    Mode::Lag(5),
    Mode::Only404,
    Mode::Lag(100),
];

fn histories() -> u64 {
    std::env::var("STINT_HISTORIES").map_or(2_000, |n| n.parse().expect("a number of histories"))
}

fn all(modes: &[Mode]) {
    let one: Option<u64> = std::env::var("STINT_SEED")
        .ok()
        .map(|s| s.parse().expect("a seed"));
    let share = histories().div_ceil(MODES.len() as u64);
    let mut totals = run::Totals::default();
    for &mode in modes {
        let count = share * MODES.iter().filter(|m| **m == mode).count() as u64;
        let seeds = one.map_or(0..count, |s| s..s + 1);
        for seed in seeds {
            let mut history = History::new(seed, mode);
            history.run();
            if let Some(wrong) = history.oracle.wrong.first() {
                panic!(
                    "history STINT_SEED={seed} in {mode:?}: {wrong}\n{}",
                    history.oracle.diary.join("\n")
                );
            }
            totals.add(&history);
        }
    }
    eprint_totals(modes, &totals);
    assert!(
        one.is_some() || totals.is_worth_something(modes),
        "the generator no longer reaches what it is for: {totals:?}"
    );
}

#[expect(clippy::print_stderr, reason = "counts of a run, shown by --nocapture")]
fn eprint_totals(modes: &[Mode], totals: &run::Totals) {
    eprintln!("{modes:?}: {totals:?}");
}

#[test]
fn ended_is_proved_and_standing_access_is_left_alone() {
    all(&[Mode::Assignment]);
}

#[test]
fn memberships_are_told_apart_by_their_ids() {
    all(&[Mode::Membership]);
}

#[test]
fn of_an_iam_group_only_the_absent_reading_tells_whose_it_is() {
    all(&[Mode::Iam]);
}

#[test]
fn where_deletes_of_nothing_are_only_answered_404() {
    all(&[Mode::Only404]);
}

#[test]
fn a_broken_signature_fence_is_mended_in_quarantine() {
    all(&[Mode::FenceBroken]);
}

#[test]
fn the_write_proof_holds_though_reads_lag_far_behind_the_belief() {
    all(&[Mode::Lag(5), Mode::Lag(100)]);
}
