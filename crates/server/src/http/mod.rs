//! The common part of every door that speaks HTTP: from request to typed values, from
//! results and refusals to answers.
//!
//! - [`Fault`] is what a room's error says about itself; [`Failure`] is what a handler
//!   returns, and the one mapping to a status and a problem document.
//! - [`Json`], [`Path`], [`Query`] and [`Form`] are axum's extractors with our refusals.
//! - [`Paging`] and [`page`](Paging::page) for lists, [`IfMatch`] and [`versioned`] for
//!   changes, [`Idempotent`] for calls that may be repeated.
//! - [`Routes`] is how a room registers its handlers: one list feeds the router, the
//!   OpenAPI document and the rights test.
//! - `describe` says what all operations have in common in the API's description.
//! - [`CODES`] says what every code means; [`Limits`] how many calls somebody may make.
//! - `layers` is what lies around all of them.
//!
//! What it does not do: know any room, or who is signed in. Handlers get a
//! [`Cx`](crate::cx::Cx) made of what `routes.rs` put into the request.

mod codes;
mod describe;
mod extract;
mod failure;
mod idempotency;
mod layers;
mod limits;
mod networks;
mod outgoing;
mod paging;
mod routes;
mod store;
#[cfg(test)]
mod tests;
mod versions;

pub use codes::{CODES, Code};
pub use extract::{Form, Json, Path, Query};
pub(crate) use failure::failure_chain;
pub use failure::{Failure, Fault, Kind, Trouble};
pub use idempotency::{Forget, IdempotencyKey, Idempotent};
pub use layers::RequestId;
pub(crate) use layers::{PageRequest, around};
pub use limits::Limits;
pub(crate) use limits::{Budget, Caller, Limiter, Told, takes_away};
pub use networks::{Networks, NotANetwork};
pub use outgoing::{Answered, Outgoing, Unanswered};
pub use paging::{BadCursor, Pages, Paging, chosen, like, search_text, sorted};
pub use routes::{Recorded, Routes};
pub use stint_api::Page;
pub(crate) use store::STATEMENTS;
pub use versions::{IfMatch, versioned};
