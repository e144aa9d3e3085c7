#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub(crate) mod fixture;
mod people;
mod sign_in;
mod tokens;
mod web;
