//! The database door on both engines.
//!
//! PostgreSQL is found through `STINT_TEST_POSTGRES_URL`; `STINT_TEST_ENGINES=sqlite` leaves
//! it out. Without either, tests on PostgreSQL fail and say what to type.

mod commit;
mod engines;
mod errors;
mod open;
mod queue;
mod schema;
mod values;
