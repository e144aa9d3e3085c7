//! The chores themselves, tried on made-up trees, and tidy on this one.

mod mutants;
mod postgres;
mod tidy;
