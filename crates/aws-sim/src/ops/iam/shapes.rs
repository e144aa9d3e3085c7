//! What names and paths may look like (the shapes file [M]), and AWS's words for what may not.

use crate::wire::{ApiError, Input, Service, Shape};

/// Of what is looked for: longer than a name can be given.
pub(super) const NAME: Shape = Shape {
    shortest: 1,
    longest: 128,
    pattern: r"[\w+=,.@-]+",
    fits: |_| true,
};

const NEW_USER: Shape = Shape {
    longest: 64,
    ..NAME
};

pub(super) const PATH_PREFIX: Shape = Shape {
    shortest: 1,
    longest: 512,
    pattern: r"\u002F[\u0021-\u007F]*",
    fits: |text| text.starts_with('/') && text.bytes().all(|b| (0x21..=0x7f).contains(&b)),
};

const PATH: Shape = Shape {
    fits: |_| true,
    ..PATH_PREFIX
};

pub(super) const KEY_ID: Shape = Shape {
    shortest: 16,
    longest: 128,
    pattern: r"[\w]+",
    fits: |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
};

/// The name a user is to have.
pub(super) fn new_user_name<'a>(
    input: &Input<'a>,
    member: &str,
) -> Result<Option<&'a str>, ApiError> {
    new_name(input, member, NEW_USER)
}

/// The name a group is to have.
pub(super) fn new_group_name<'a>(
    input: &Input<'a>,
    member: &str,
) -> Result<Option<&'a str>, ApiError> {
    new_name(input, member, NAME)
}

fn new_name<'a>(
    input: &Input<'a>,
    member: &str,
    shape: Shape,
) -> Result<Option<&'a str>, ApiError> {
    let Some(name) = input.text(member)? else {
        return Ok(None);
    };
    input.fits(member, name, shape)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if !name.chars().all(fine) {
        return Err(ApiError::validation(
            Service::Iam,
            format!(
                "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
                small(member)
            ),
        ));
    }
    Ok(Some(name))
}

/// The path something is to have.
pub(super) fn new_path<'a>(input: &Input<'a>, member: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(path) = input.text(member)? else {
        return Ok(None);
    };
    input.fits(member, path, PATH)?;
    let whole = path.starts_with('/') && path.ends_with('/') && !path.contains("//");
    if !whole || !path.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err(ApiError::validation(
            Service::Iam,
            format!(
                "The specified value for {} is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
                small(member)
            ),
        ));
    }
    Ok(Some(path))
}

/// `NewUserName` → `newUserName`, as AWS writes members in its messages.
fn small(member: &str) -> String {
    let mut chars = member.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + chars.as_str())
        .unwrap_or_default()
}
