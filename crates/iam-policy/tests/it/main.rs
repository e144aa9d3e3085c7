//! The policy language, seen from outside.
#![allow(clippy::indexing_slicing, clippy::panic)]

mod combined;
mod conditions;
mod differential;
mod documents;
mod examples;
mod features;
mod findings;
mod garbage;
mod layers;
mod parsing;
mod properties;
mod simulation;
mod tables;
mod take;
mod trust;
