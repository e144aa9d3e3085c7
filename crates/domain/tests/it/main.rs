//! Rules under any sequence of acts: histories judged by oracles of their own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bindings;
mod elsewhere;
mod managed;
mod requests;
