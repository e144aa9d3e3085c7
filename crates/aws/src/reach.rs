//! As whom an estate is entered.

use aws_credential_types::provider::SharedCredentialsProvider;
use secrecy::{ExposeSecret, SecretString};

use crate::arn::RoleArn;
use crate::base::fixed;

/// As whom Stint enters an estate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// As a role, assumed from the base identity.
    Role {
        /// The role, as typed.
        role_arn: String,
        /// What the role's trust policy asks for (AWS reference §4: not a secret).
        external_id: String,
    },
    /// As the IAM user whose access key this is.
    AccessKey(AccessKey),
    /// As the base identity itself.
    Host {
        /// The account it has to be in.
        account: String,
    },
}

impl Reach {
    /// The AWS account it leads to, as far as that is said: by the role's ARN, or by whoever
    /// set the connection up.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Role { role_arn, .. } => role_arn
                .split(':')
                .nth(4)
                .filter(|_| RoleArn::parse(role_arn).is_ok()),
            Self::AccessKey(key) => Some(&key.account),
            Self::Host { account } => Some(account),
        }
    }
}

/// An access key of an IAM user. `Debug` hides the secret.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// `AKIA…`. No secret.
    pub id: String,
    /// The secret to it.
    pub secret: SecretString,
    /// The account its user has to be in.
    pub account: String,
}

impl AccessKey {
    pub(crate) fn provider(&self) -> SharedCredentialsProvider {
        fixed(&self.id, self.secret.expose_secret(), None)
    }
}

impl PartialEq for AccessKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.account == other.account
            && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl Eq for AccessKey {}

/// Why a text is no Access Key ID of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessKeyIdError {
    /// Temporary keys begin so.
    #[error(
        "this key is temporary (it begins with ASIA) and would stop working within hours; use an access key of an IAM user, which begins with AKIA"
    )]
    Temporary,
    /// Neither.
    #[error("an Access Key ID is AKIA and 16 more capital letters and digits")]
    Malformed,
}

/// An Access Key ID of an IAM user, without surrounding blanks: `AKIA` and capital letters and
/// digits, 20 in all for every key AWS makes today; the API allows 16 to 128 [K].
pub fn access_key_id(text: &str) -> Result<String, AccessKeyIdError> {
    let text = text.trim();
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !plain || !(16..=128).contains(&text.len()) {
        return Err(AccessKeyIdError::Malformed);
    }
    if text.starts_with("ASIA") {
        return Err(AccessKeyIdError::Temporary);
    }
    text.starts_with("AKIA")
        .then(|| text.to_owned())
        .ok_or(AccessKeyIdError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_id_is_that_of_a_user() {
        assert_eq!(
            access_key_id(" AKIAIOSFODNN7EXAMPLE\n"),
            Ok("AKIAIOSFODNN7EXAMPLE".to_owned())
        );
        let temporary = access_key_id("ASIAIOSFODNN7EXAMPLE");
        assert_eq!(temporary, Err(AccessKeyIdError::Temporary));
        for wrong in [
            "",
            "AKIA",
            "AKIAIOSFODNN7example",
            "AROAIOSFODNN7EXAMPLE",
            "AKIAIOSFODNN7 EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ] {
            assert_eq!(
                access_key_id(wrong),
                Err(AccessKeyIdError::Malformed),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let key = |secret: &str| AccessKey {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: secret.into(),
            account: "123456789012".to_owned(),
        };
        assert_eq!(key("one"), key("one"));
        assert_ne!(key("one"), key("two"));
        let shown = format!("{:?}", Reach::AccessKey(key("hidden-in-here")));
        assert!(
            !shown.contains("hidden-in-here") && shown.contains("AKIA"),
            "{shown}"
        );
    }
}
