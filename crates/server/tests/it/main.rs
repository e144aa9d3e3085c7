//! The rooms through their doors, each test on a world of its own and on both engines.

mod audit;
mod directory;
mod estate;
mod idempotency;
mod journey;
mod outbox;
mod pages;
mod requests;
mod rights;
mod statements;
mod sweep;
mod tasks;
