//! Tests of the pages of all rooms, with invented facts.

mod preview;
mod samples;
