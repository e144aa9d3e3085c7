//! Reading an estate: by which listings, and when what is not found has to be asked about.
//!
//! - [`HoldRule`]: how much a sync may take for ended by itself.
//! - [`plan`]: which listing costs the fewest calls, by what is known and what is allowed.
//! - [`iam`]: the same for the IAM of one account.
//! - [`tags`]: of which accounts the tags are read again.
//!
//! What it does not do: read anything, or decide what an absence means.

mod hold;
pub mod iam;
pub mod plan;
pub mod tags;

pub use hold::HoldRule;
