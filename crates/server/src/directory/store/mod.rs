//! All SQL of the directory's tables.

pub(super) mod assignments;
pub(super) mod endings;
pub(super) mod holdings;
pub(super) mod links;
pub(super) mod runs;
pub(super) mod things;

use stint_db::Sql;

/// Every statement of this room.
pub(crate) static STATEMENTS: &[&[&Sql]] = &[
    assignments::STATEMENTS,
    endings::STATEMENTS,
    holdings::STATEMENTS,
    links::STATEMENTS,
    runs::STATEMENTS,
    things::STATEMENTS,
];
