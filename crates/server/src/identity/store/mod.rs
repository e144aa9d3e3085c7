//! All SQL of the identity room's tables.

pub(super) mod delegations;
pub(super) mod groups;
pub(super) mod sign_ins;
pub(super) mod tokens;
pub(super) mod users;

use stint_db::Sql;

/// Every statement of the room, for the test that prepares them on both engines.
pub(crate) static STATEMENTS: &[&[&Sql]] = &[
    users::STATEMENTS,
    groups::STATEMENTS,
    sign_ins::STATEMENTS,
    tokens::STATEMENTS,
    delegations::STATEMENTS,
];

/// The form by which names and addresses are unique and ordered.
pub(super) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}
