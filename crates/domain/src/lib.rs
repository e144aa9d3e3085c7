//! The pure rules of Stint: what may happen, decided by plain functions over plain data.
//!
//! This crate has no async, IO, clock or randomness: every function takes the facts it
//! needs, `now` included, and returns what is to be. The rooms of the server load facts,
//! ask here, and write down the answer. `cargo xtask tidy` keeps its manifest that way.
//!
//! Where to look: [`grant`] and [`binding`] are the model of `docs/grants.md` (who should
//! hold what, and what to do about it), [`managed`] what else Stint keeps in AWS; [`policy`] and [`request`] route a question to the
//! people who may answer it, by [`condition`]s where policies have any; [`duty`] what one person should not hold together; [`rights`] says who may call what; [`audit`] is the hash chain.

pub mod audit;
pub mod binding;
pub mod condition;
pub mod duty;
pub mod entitlement;
pub mod grant;
pub mod ids;
pub mod managed;
pub mod policy;
pub mod request;
pub mod rights;
pub mod sync;
pub mod time;

pub use ids::*;
pub use time::{Clock, Span, Time};
