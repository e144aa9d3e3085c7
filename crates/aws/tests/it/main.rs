//! The connector against the simulated AWS, over its wire protocols.
//!
//! What happened is asked of the simulator's journal and of a second client that signs with
//! the estate administrator's own key and shares no code with the connector.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod changing;
mod connecting;
mod entering;
mod iam;
mod listings;
mod looking;
mod moto;
mod permissions;
mod proof;
mod reading;
mod refusals;
mod sources;
mod world;
