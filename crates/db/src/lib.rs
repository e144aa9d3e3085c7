//! SQLite and PostgreSQL behind one door.
//!
//! A room's `store.rs` lists its SQL once, with `$1` placeholders for both engines, in
//! [`statements!`], and runs it through a [`Tx`] (to write) or a [`Reader`] (to read);
//! both are [`Query`]. Only a listed statement can be run, so a test can prepare every one
//! of them on both engines.
//!
//! **Transactions.** A verb of a room opens one [`Tx`], writes, buffers its audit events
//! with [`Tx::audit`] and commits. The commit refuses when a statement that is not marked
//! `quiet` changed a row and no event is buffered. The buffered events go to the
//! [`BeforeCommit`] hook as the last thing before the commit, inside the transaction.
//!
//! **Isolation.** PostgreSQL runs READ COMMITTED: a verb that decides on a row reads it with
//! `{lock}` first. SQLite has one writer (`BEGIN IMMEDIATE`) and a queue before it in which
//! revocations come first and syncs last ([`Priority`]). A [`Reader`] sees one moment.
//!
//! **Retry.** [`retrying`] is the one place that runs a verb again after a serialization
//! failure, a deadlock or a busy database.
//!
//! What it does not do: know any room's tables, or the time. Moments are stored as
//! microseconds and come in as values.

mod conn;
mod error;
mod gate;
mod lockfile;
mod migrate;
mod open;
mod retry;
mod row;
pub mod schema;
mod sql;
mod tx;
mod val;

pub use conn::Query;
pub use error::{Error, Result};
pub use gate::Priority;
pub use open::{Db, Options};
pub use retry::retrying;
pub use row::{Column, FromColumn, Row};
pub use sql::{Engine, Sql, variants};
pub use tx::{BeforeCommit, CommitFault, CommitPoint, Hand, NoHook, Reader, Tx};
pub use val::Val;

/// The values of a statement: `args![id, name, None::<Time>]` is a `Vec<Val>`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::Val::from($value)),*]
    };
}
