//! All SQL of the directory's tables.

pub(super) mod assignments;
pub(super) mod bulk;
pub(super) mod changes;
pub(super) mod classes;
pub(super) mod described;
pub(super) mod endings;
pub(super) mod estate;
pub(super) mod facts;
pub(super) mod holders;
pub(super) mod holdings;
pub(super) mod iam;
pub(super) mod links;
pub(super) mod offered;
pub(super) mod overdue;
pub(super) mod reread;
pub(super) mod runs;
pub(super) mod scopes;
pub(super) mod tags;
pub(super) mod things;

use stint_db::Sql;

/// Every statement of this room.
pub(crate) static STATEMENTS: &[&[&Sql]] = &[
    assignments::STATEMENTS,
    bulk::STATEMENTS,
    changes::STATEMENTS,
    classes::STATEMENTS,
    described::STATEMENTS,
    endings::STATEMENTS,
    estate::STATEMENTS,
    facts::STATEMENTS,
    holders::STATEMENTS,
    holdings::STATEMENTS,
    iam::STATEMENTS,
    links::STATEMENTS,
    offered::STATEMENTS,
    overdue::STATEMENTS,
    reread::STATEMENTS,
    runs::STATEMENTS,
    scopes::STATEMENTS,
    tags::STATEMENTS,
    things::STATEMENTS,
];
