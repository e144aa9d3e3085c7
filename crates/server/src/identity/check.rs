//! What people may type: names, addresses, descriptions.

use super::Error;

const LONGEST_NAME: usize = 120;
const LONGEST_DESCRIPTION: usize = 1_000;
/// RFC 5321 §4.5.3.1.3 less the brackets.
const LONGEST_EMAIL: usize = 254;

/// A name without surrounding blanks.
pub(super) fn name(text: &str) -> Result<String, Error> {
    one_line("name", text, LONGEST_NAME)
}

/// A department or a title; none where it is empty.
pub(super) fn profile(text: &str) -> Result<Option<String>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    one_line("department or title", text, LONGEST_NAME).map(Some)
}

/// A description without surrounding blanks; may be empty and have several lines.
pub(super) fn description(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.chars().count() > LONGEST_DESCRIPTION {
        return Err(Error::bad(
            "description",
            format!("Use at most {LONGEST_DESCRIPTION} characters."),
        ));
    }
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t')
    {
        return Err(Error::bad("description", "Leave out control characters."));
    }
    Ok(text.to_owned())
}

/// What is said beside a delegation; may be empty.
pub(super) fn note(text: &str) -> Result<String, Error> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    one_line("note", text, LONGEST_NAME)
}

/// An address with something on both sides of one `@`; whether mail arrives is not known.
pub(super) fn email(text: &str) -> Result<String, Error> {
    let form = || Error::bad("email", "Write it as name@example.com.");
    let text = one_line("email", text, LONGEST_EMAIL)?;
    let (local, host) = text.split_once('@').ok_or_else(form)?;
    let blank = text.chars().any(char::is_whitespace);
    if local.is_empty() || host.is_empty() || host.contains('@') || blank {
        return Err(form());
    }
    Ok(text)
}

fn one_line(field: &'static str, text: &str, longest: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::bad(field, "It is empty: give one."));
    }
    if text.chars().count() > longest {
        return Err(Error::bad(
            field,
            format!("Use at most {longest} characters."),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::bad(
            field,
            "Use one line without control characters.",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_sides() {
        for good in ["ana@example.com", " Ana.Moreno+x@example.com ", "a@b"] {
            assert_eq!(email(good).expect("an address"), good.trim());
        }
        for bad in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "a@b@c",
            "a b@c",
            "a\n@c",
            "a\0@c",
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@b", "a".repeat(260))).is_err());
    }

    #[test]
    fn a_name_is_one_line_of_something() {
        assert_eq!(name("  Platform ").expect("a name"), "Platform");
        assert!(name(" \t").is_err());
        assert!(name("a\nb").is_err());
        assert!(name(&"x".repeat(121)).is_err());
        assert_eq!(description("").expect("may be empty"), "");
        assert!(description("a\u{7}").is_err());
    }
}
