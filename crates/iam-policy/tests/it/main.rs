//! The policy language, seen from outside.
#![allow(clippy::indexing_slicing)]

mod conditions;
mod parsing;
mod properties;
mod trust;
