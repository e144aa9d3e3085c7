//! What people may type here: names, regions, and who may be an owner.

use secrecy::{ExposeSecret as _, SecretString};
use stint_db::Query;
use stint_domain::UserId;
use stint_domain::rights::Role;

use super::{Error, Owner};
use crate::identity;

const LONGEST_NAME: usize = 120;
const LONGEST_DESCRIPTION: usize = 1_000;

/// A name without surrounding blanks.
pub(super) fn name(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::bad("name", "It is empty: give one."));
    }
    if text.chars().count() > LONGEST_NAME {
        return Err(Error::bad(
            "name",
            format!("Use at most {LONGEST_NAME} characters."),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::bad(
            "name",
            "Use one line without control characters.",
        ));
    }
    Ok(text.to_owned())
}

/// A description without surrounding blanks; may be empty and have several lines.
pub(super) fn description(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.chars().count() > LONGEST_DESCRIPTION {
        let why = format!("Use at most {LONGEST_DESCRIPTION} characters.");
        return Err(Error::bad("description", why));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(Error::bad("description", "Leave out control characters."));
    }
    Ok(text.to_owned())
}

/// A region's name by its form (`eu-central-1`, `us-gov-west-1`); whether AWS has it shows
/// when the connection is tested.
pub(super) fn region(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let fits = match parts.as_slice() {
        [area, words @ .., number] => {
            area.len() == 2
                && word(area)
                && (1..=2).contains(&words.len())
                && words.iter().all(word)
                && matches!(number.as_bytes(), [b'1'..=b'9'])
        }
        _ => false,
    };
    if fits && text.len() <= 32 {
        Ok(text.to_owned())
    } else {
        let why = "Write the home region of IAM Identity Center as AWS does: eu-central-1.";
        Err(Error::bad("region", why))
    }
}

/// The name of a role, with a path in front where it has one: `StintMember`, `ops/StintMember`.
pub(super) fn role_name(text: &str) -> Result<String, Error> {
    let text = text.trim().trim_matches('/');
    let arn = format!("arn:aws:iam::000000000000:role/{text}");
    match stint_aws::RoleArn::parse(&arn) {
        Ok(_) if !text.is_empty() && !text.contains(':') => Ok(text.to_owned()),
        _ => {
            let why = "Write the role's name, the same in every account: StintMember, or with its path ops/StintMember.";
            Err(Error::bad("role", why))
        }
    }
}

/// The number of an AWS account; the groups of four that people write are taken together.
pub(super) fn account(text: &str) -> Result<String, Error> {
    let digits: String = text
        .trim()
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .collect();
    if digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(digits);
    }
    let why = "Write the twelve digits of the AWS account: 123456789012.";
    Err(Error::bad("account_id", why))
}

/// A Secret Access Key, without surrounding blanks. The text is in no answer: it may be the
/// right secret with a letter too many.
pub(super) fn secret_access_key(secret: &SecretString) -> Result<SecretString, Error> {
    let text = secret.expose_secret().trim();
    let fits = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(text.to_owned().into());
    }
    let why = "Paste the whole Secret Access Key, as AWS showed it when the key was made: 40 characters without blanks.";
    Err(Error::bad("secret_access_key", why))
}

/// Those of these users, each once; every one has to exist and be active.
pub(super) async fn owners(q: &mut impl Query, ids: &[UserId]) -> Result<Vec<Owner>, Error> {
    let found = people(q, ids).await?;
    Ok(found
        .into_iter()
        .map(|user| Owner {
            user: user.id,
            name: user.name,
        })
        .collect())
}

/// The same for a connection, whose owners have to hold a role that lets them mend it.
pub(super) async fn connection_owners(
    q: &mut impl Query,
    ids: &[UserId],
) -> Result<Vec<Owner>, Error> {
    let found = people(q, ids).await?;
    let able = |role: &Role| matches!(role, Role::SuperAdmin | Role::ConnectionAdmin);
    if let Some(unable) = found.iter().find(|user| !user.roles.iter().any(able)) {
        return Err(Error::OwnerUnable {
            name: unable.name.clone(),
        });
    }
    Ok(found
        .into_iter()
        .map(|user| Owner {
            user: user.id,
            name: user.name,
        })
        .collect())
}

async fn people(q: &mut impl Query, ids: &[UserId]) -> Result<Vec<identity::User>, Error> {
    let found = identity::users(q, ids).await?;
    for id in ids {
        if !found.iter().any(|user| user.id == *id && user.active) {
            return Err(Error::UnknownOwner { id: *id });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_the_form_aws_gives_it() {
        for good in [
            "eu-central-1",
            "us-gov-west-1",
            "ap-southeast-3",
            "cn-north-1",
            " eu-west-2 ",
        ] {
            assert_eq!(region(good).expect("a region"), good.trim());
        }
        for bad in [
            "",
            "eu",
            "eu-1",
            "Frankfurt",
            "eu-central",
            "eu-central-12",
            "EU-CENTRAL-1",
            "eu--1",
            "eu-central-1a",
            "eu-central-0",
            "e-central-1",
            "eu-a-b-c-1",
        ] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }
}
