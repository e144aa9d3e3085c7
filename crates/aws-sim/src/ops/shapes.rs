//! The shapes of ids, from AWS's own models (AWS reference §1.0.1 and the shapes file [M]).

use crate::wire::{ApiError, Input, Shape};

pub(super) const ACCOUNT_ID: Shape = Shape {
    shortest: 12,
    longest: 12,
    pattern: r"\d{12}",
    fits: is_account,
};

pub(super) const INSTANCE_ARN: Shape = Shape {
    shortest: 10,
    longest: 1224,
    pattern: r"arn:(aws|aws-us-gov|aws-cn|aws-iso|aws-iso-b):sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}",
    fits: |text| {
        text.strip_prefix("arn:aws:sso:::instance/")
            .is_some_and(is_instance)
    },
};

pub(super) const PERMISSION_SET_ARN: Shape = Shape {
    shortest: 10,
    longest: 1224,
    pattern: r"arn:(aws|aws-us-gov|aws-cn|aws-iso|aws-iso-b):sso:::permissionSet/(sso)?ins-[a-zA-Z0-9-.]{16}/ps-[a-zA-Z0-9-./]{16}",
    fits: |text| {
        text.strip_prefix("arn:aws:sso:::permissionSet/")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(instance, set)| {
                is_instance(instance) && set.strip_prefix("ps-").is_some_and(|id| id.len() == 16)
            })
    },
};

pub(super) const PRINCIPAL_ID: Shape = Shape {
    shortest: 1,
    longest: 47,
    pattern: "([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}",
    fits: is_store_member,
};

/// Users, groups and memberships; also accepted as ARNs.
pub(super) const STORE_MEMBER: Shape = Shape {
    shortest: 1,
    longest: 100,
    pattern: PRINCIPAL_ID.pattern,
    fits: |text| is_store_member(without_arn(text)),
};

pub(super) const STORE_ID: Shape = Shape {
    shortest: 1,
    longest: 93,
    pattern: "d-[0-9a-f]{10}$|^[0-9a-f]{8}\\b-[0-9a-f]{4}\\b-[0-9a-f]{4}\\b-[0-9a-f]{4}\\b-[0-9a-f]{12}",
    fits: |text| {
        let id = without_arn(text);
        id.strip_prefix("d-")
            .is_some_and(|rest| rest.len() == 10 && is_hex(rest))
            || is_uuid(id)
    },
};

pub(super) const REQUEST_ID: Shape = Shape {
    shortest: 36,
    longest: 36,
    pattern: r"\b[0-9a-f]{8}\b-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-\b[0-9a-f]{12}\b",
    fits: is_uuid,
};

pub(super) const USER_OR_GROUP: &[&str] = &["USER", "GROUP"];

/// `arn:aws:identitystore:::user/<id>` → `<id>`
pub(super) fn without_arn(text: &str) -> &str {
    if text.starts_with("arn:") {
        text.rsplit_once('/').map_or(text, |(_, id)| id)
    } else {
        text
    }
}

/// The user's id inside `MemberId`.
pub(super) fn member_id<'a>(input: &Input<'a>) -> Result<&'a str, ApiError> {
    let member = input.required_object("MemberId")?;
    Ok(without_arn(member.required("UserId", STORE_MEMBER)?))
}

fn is_account(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_instance(text: &str) -> bool {
    let id = text
        .strip_prefix("ssoins-")
        .or_else(|| text.strip_prefix("ins-"));
    id.is_some_and(|id| id.len() == 16)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
}

fn is_store_member(text: &str) -> bool {
    if is_uuid(text) {
        return true;
    }
    text.split_once('-')
        .is_some_and(|(prefix, rest)| prefix.len() == 10 && is_hex(prefix) && is_uuid(rest))
}
