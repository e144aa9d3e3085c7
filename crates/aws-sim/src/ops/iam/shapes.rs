//! What names and paths may look like (the shapes file [M]), and AWS's words for what may not.

use crate::wire::{ApiError, Input, Service, Shape};
use crate::world::Cx;

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

pub(super) const ROLE_NAME: Shape = Shape {
    longest: 64,
    ..NAME
};

pub(super) const ARN: Shape = Shape {
    shortest: 20,
    longest: 2_048,
    pattern: "",
    fits: |_| true,
};

pub(super) const DOCUMENT: Shape = Shape {
    shortest: 1,
    longest: 131_072,
    pattern: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    fits: |text| {
        text.chars()
            .all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'))
    },
};

pub(super) const DESCRIPTION: Shape = Shape {
    shortest: 0,
    longest: 1_000,
    pattern: "",
    fits: |_| true,
};

pub(super) const VERSION: Shape = Shape {
    shortest: 1,
    longest: 32,
    pattern: r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?",
    fits: |text| text.starts_with('v'),
};

pub(super) const PEM: Shape = Shape {
    shortest: 1,
    longest: 16_384,
    ..DOCUMENT
};

pub(super) const CERTIFICATE_ID: Shape = Shape {
    shortest: 24,
    ..KEY_ID
};

/// Of SSH keys and service-specific credentials.
pub(super) const LONG_ID: Shape = Shape {
    shortest: 20,
    ..KEY_ID
};

pub(super) const MFA_NAME: Shape = Shape {
    shortest: 1,
    longest: 226,
    pattern: r"[\w+=,.@-]+",
    fits: |text| text.chars().all(in_names),
};

pub(super) const SERIAL: Shape = Shape {
    shortest: 9,
    longest: 256,
    pattern: r"[\w+=/:,.@-]+",
    fits: |text| text.chars().all(|c| in_names(c) || "/:".contains(c)),
};

pub(super) const MFA_CODE: Shape = Shape {
    shortest: 6,
    longest: 6,
    pattern: r"[\d]+",
    fits: |text| text.bytes().all(|b| b.is_ascii_digit()),
};

pub(super) const ALIAS: Shape = Shape {
    shortest: 3,
    longest: 63,
    pattern: "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
    fits: |text| {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        text.chars().all(fine)
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--")
    },
};

pub(super) const JOB_ID: Shape = Shape {
    shortest: 36,
    longest: 36,
    pattern: "",
    fits: |_| true,
};

fn in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

/// `true` or `false`, if it is there.
pub(super) fn truth(cx: &Cx<'_>, member: &str) -> Result<Option<bool>, ApiError> {
    let word = cx.input().word(member, &["true", "false"])?;
    Ok(word.map(|word| word == "true"))
}

/// `Status` as a call sets it.
pub(super) fn activity(cx: &Cx<'_>) -> Result<bool, ApiError> {
    let word = cx
        .input()
        .required_word("Status", &["Active", "Inactive", "Expired"])?;
    if word == "Expired" {
        return Err(ApiError::iam(
            "InvalidInput",
            "The status can be set to Active or Inactive.",
        ));
    }
    Ok(word == "Active")
}

pub(super) fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

/// The name a policy is to have.
pub(super) fn new_policy_name(input: &Input<'_>, member: &str) -> Result<String, ApiError> {
    let name = new_name(input, member, NAME)?;
    name.map(str::to_owned).ok_or_else(|| input.missing(member))
}

/// The name a role is to have.
pub(super) fn new_role_name(input: &Input<'_>, member: &str) -> Result<String, ApiError> {
    let name = new_name(input, member, ROLE_NAME)?;
    name.map(str::to_owned).ok_or_else(|| input.missing(member))
}

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
    if !name.chars().all(in_names) {
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
