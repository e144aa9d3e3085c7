//! The policy language, seen from outside.
#![allow(clippy::indexing_slicing, clippy::panic)]

mod conditions;
mod documents;
mod examples;
mod findings;
mod layers;
mod parsing;
mod properties;
mod simulation;
mod tables;
mod trust;
