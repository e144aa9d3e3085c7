//! The page frame, the home page, Explore and the audit log as sentences: what gathers from several rooms.
//!
//! **Tables**: none. **Events**: none. It changes nothing and decides nothing: every figure
//! and row comes from another room's verb, with that verb's rights.

pub(crate) mod audit;
pub(crate) mod explore;
mod frame;
pub(crate) mod pages;
#[cfg(test)]
mod tests;

pub(crate) use frame::frame;
pub(crate) use pages::routes as page_routes;
