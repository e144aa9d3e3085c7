//! The simulated AWS, seen through the official SDK and through a plain socket.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod access;
mod assignments;
mod connections;
mod console;
mod control;
mod directory;
mod estate;
mod estate_files;
mod events;
mod faults;
mod fidelity;
mod garbage;
mod hammered;
mod history;
mod iam;
mod lag;
mod memberships;
mod organizations;
mod page;
mod paging;
mod queues;
mod raw;
mod resources;
mod rig;
mod scim;
mod sets;
mod sign_in;
mod signing;
mod snapshots;
mod sts;
mod throttling;
mod tree;
mod weather;
mod wire;
