//! All SQL of the identity room's tables.

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
];

/// The form by which names and addresses are unique and ordered.
pub(super) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A `like` pattern that finds the folded text anywhere; `\` is its escape.
pub(super) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in fold(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_no_pattern() {
        assert_eq!(contains(" 100%_A\\"), r"%100\%\_a\\%");
    }
}
