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

pub(super) const SET_NAME: Shape = Shape {
    shortest: 1,
    longest: 32,
    pattern: r"[\w+=,.@-]+",
    fits: is_name,
};

pub(super) const POLICY_NAME: Shape = Shape {
    longest: 128,
    ..SET_NAME
};

pub(super) const SET_DESCRIPTION: Shape = Shape {
    shortest: 1,
    longest: 700,
    pattern: r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
    fits: |text| {
        text.chars()
            .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'))
    },
};

pub(super) const SET_RELAY_STATE: Shape = Shape {
    shortest: 1,
    longest: 240,
    pattern: r#"[a-zA-Z0-9&$@#\\/%?=~\-_'"|!:,.;*+\[\]\ \(\)\{\}]+"#,
    fits: |text| text.bytes().all(|b| (b' '..=b'~').contains(&b)),
};

pub(super) const INLINE_POLICY: Shape = Shape {
    shortest: 1,
    longest: 32_768,
    pattern: r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    fits: |text| {
        text.chars()
            .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}'))
    },
};

pub(super) const ANY_ARN: Shape = Shape {
    shortest: 20,
    longest: 2_048,
    pattern: "",
    fits: |_| true,
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

pub(super) const ORG_NAME: Shape = Shape {
    shortest: 1,
    longest: 128,
    pattern: r"[\s\S]*",
    fits: |_| true,
};

/// The name of an account that is asked for.
pub(super) const ACCOUNT_NAME: Shape = Shape {
    shortest: 1,
    longest: 50,
    pattern: r"[\u0020-\u007E]+",
    fits: |text| text.bytes().all(|b| (b' '..=b'~').contains(&b)),
};

/// Whose account it is to be.
pub(super) const EMAIL: Shape = Shape {
    shortest: 6,
    longest: 64,
    pattern: r"[^\s@]+@[^\s@]+\.[^\s@]+",
    fits: |text| {
        let fine = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        text.split_once('@').is_some_and(|(local, domain)| {
            let halves = domain.rsplit_once('.');
            let domain = halves.is_some_and(|(name, top)| fine(name) && fine(top));
            fine(local) && domain && !text.contains("@@") && text.matches('@').count() == 1
        })
    },
};

pub(super) const ROLE_NAME: Shape = Shape {
    longest: 64,
    ..SET_NAME
};

/// `car-…`
pub(super) const CREATE_REQUEST: Shape = Shape {
    shortest: 12,
    longest: 36,
    pattern: "^car-[a-z0-9]{8,32}$",
    fits: |text| {
        let id = text.strip_prefix("car-");
        id.is_some_and(|id| {
            id.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
    },
};

pub(super) const ORG_UNIT: Shape = Shape {
    shortest: 1,
    longest: 68,
    pattern: "^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$",
    fits: |text| text.starts_with("ou-") && text.len() >= 16,
};

pub(super) const ORG_PARENT: Shape = Shape {
    shortest: 1,
    longest: 100,
    pattern: "^(r-[0-9a-z]{4,32})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$",
    fits: |text| text.starts_with("r-") || text.starts_with("ou-"),
};

pub(super) const ORG_CHILD: Shape = Shape {
    shortest: 1,
    longest: 100,
    pattern: r"^(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$",
    fits: |text| text.starts_with("ou-") || (text.len() == 12 && is_account(text)),
};

pub(super) const ORG_TARGET: Shape = Shape {
    shortest: 1,
    longest: 100,
    pattern: r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$",
    fits: |text| {
        text.starts_with("r-") || text.starts_with("ou-") || (text.len() == 12 && is_account(text))
    },
};

/// What can have tags: an account, a root, a unit or a policy.
pub(super) const ORG_TAGGABLE: Shape = Shape {
    shortest: 1,
    longest: 130,
    pattern: r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})|(^p-[0-9a-zA-Z_]{8,128})$",
    fits: |text| (ORG_TARGET.fits)(text) || (ORG_POLICY.fits)(text),
};

pub(super) const ORG_POLICY: Shape = Shape {
    shortest: 1,
    longest: 130,
    pattern: "^p-[0-9a-zA-Z_]{8,128}$",
    fits: |text| text.starts_with("p-") && text.len() >= 10,
};

pub(super) const SERVICE_PRINCIPAL: Shape = Shape {
    shortest: 1,
    longest: 128,
    pattern: r"[\w+=,.@-]*",
    fits: is_name,
};

/// What a user of the store may be called.
pub(super) const STORE_NAME: Shape = Shape {
    shortest: 1,
    longest: 128,
    pattern: r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+",
    fits: |text| !text.chars().any(|c| c.is_whitespace() || c.is_control()),
};

/// Other words of the store.
pub(super) const STORE_TEXT: Shape = Shape {
    shortest: 1,
    longest: 1_024,
    pattern: r"[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r  　]+",
    fits: |text| {
        !text
            .chars()
            .any(|c| c.is_control() && !"\t\n\r".contains(c))
    },
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

fn is_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
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
