//! The rooms through their doors, each test on a world of its own and on both engines.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout)] // a test may say what it counted

mod another;
mod audit;
mod changes;
mod clocks;
mod codes;
mod connections;
mod delegations;
mod directory;
mod draining;
mod duties;
mod elsewhere;
mod emergency;
mod estate;
mod explore;
mod extend;
mod for_groups;
mod forms;
mod grants;
mod hardened;
mod held;
mod iam;
mod idempotency;
mod journey;
mod limits;
mod lists;
mod looked_up;
mod members;
mod mend;
mod notices;
mod objects;
mod openapi;
mod outbox;
mod owned;
mod pages;
mod people;
mod policies;
mod reading;
mod replay;
mod requests;
mod rights;
mod routes;
mod simulation;
mod statements;
mod step_up;
mod sweep;
mod sweep_objects;
mod tasks;
mod tickets;
mod together;
mod until;
mod urgent;
mod versions;
mod visibility;
