//! Managed objects under thousands of random histories: stale reads, lost, late and refused
//! calls, an outside administrator, two workers that sleep and crash. The judges keep what is in
//! their model of AWS and who made it, and call no function of the domain.
//!
//! `STINT_HISTORIES=20000` runs more of them, `STINT_SEED=…` exactly one.

mod keys;
mod users;

fn seeds() -> std::ops::Range<u64> {
    let one: Option<u64> = std::env::var("STINT_SEED")
        .ok()
        .map(|s| s.parse().expect("a seed"));
    let many = std::env::var("STINT_HISTORIES").map_or(800, |n| n.parse().expect("a number"));
    one.map_or(0..many, |seed| seed..seed + 1)
}
