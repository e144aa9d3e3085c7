//! The page frame and the home page: what gathers from several rooms for one person.
//!
//! **Tables**: none. **Events**: none. It changes nothing and decides nothing: every figure
//! and row comes from another room's verb, with that verb's rights.

mod frame;
pub(crate) mod pages;
#[cfg(test)]
mod tests;

pub(crate) use frame::frame;
pub(crate) use pages::routes as page_routes;
