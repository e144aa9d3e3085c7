//! All SQL of the grants' tables. Every field of the model is a plain column.

pub(super) mod ledgers;
pub(super) mod lists;

use stint_db::Sql;

/// Every statement of this room.
pub(crate) static STATEMENTS: &[&[&Sql]] = &[ledgers::STATEMENTS, lists::STATEMENTS];
