//! Which permission AWS said was missing, read out of its words.
//!
//! A refusal names the action, and mostly the resource: "User: A is not authorized to perform:
//! B on resource: C because …" (AWS reference §1.3 [R], §4 [K]). The words are for people and
//! may change: what cannot be read here is shown as AWS said it.

use std::fmt;

/// A permission that was missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// `iam:UpdateSAMLProvider`.
    pub action: String,
    /// The ARN it was asked for, where AWS named one.
    pub resource: Option<String>,
}

const ACTION: &str = "not authorized to perform:";
const RESOURCE: &str = "on resource:";

impl Missing {
    /// What these words of AWS say was missing, if they say it.
    pub fn of(words: &str) -> Option<Self> {
        let (_, rest) = words.split_once(ACTION)?;
        let action = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
        let (service, verb) = action.split_once(':')?;
        let plain = |text: &str| {
            !text.is_empty() && (text.bytes()).all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !plain(service) || !plain(verb) {
            return None;
        }
        let resource = rest.split_once(RESOURCE).and_then(|(_, rest)| {
            let arn = rest.split_whitespace().next()?;
            let arn = arn.trim_end_matches(['.', ',']);
            (arn == "*" || arn.starts_with("arn:")).then(|| arn.to_owned())
        });
        Some(Self {
            action: action.to_owned(),
            resource,
        })
    }

    /// The statement that would allow it, to be pasted into an IAM policy.
    pub fn statement(&self) -> String {
        serde_json::json!({
            "Effect": "Allow",
            "Action": self.action,
            "Resource": self.resource.as_deref().unwrap_or("*"),
        })
        .to_string()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.action)?;
        match &self.resource {
            Some(resource) => write!(f, " on {resource}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_action_and_the_resource_are_read_out_of_awss_words() {
        let table = [
            (
                "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for \
                 role propagation to complete. IAM Error: User: arn:aws:sts::1:assumed-role/r/s is not \
                 authorized to perform: iam:UpdateSAMLProvider on resource: \
                 arn:aws:iam::123456789012:saml-provider/AWSSSO_1a2b_DO_NOT_DELETE because no \
                 identity-based policy allows the iam:UpdateSAMLProvider action",
                Some((
                    "iam:UpdateSAMLProvider",
                    Some("arn:aws:iam::123456789012:saml-provider/AWSSSO_1a2b_DO_NOT_DELETE"),
                )),
            ),
            (
                "User: x is not authorized to perform: iam:ListSSHPublicKeys on resource: user deploy",
                Some(("iam:ListSSHPublicKeys", None)),
            ),
            (
                "User: x is not authorized to perform: sso:ListInstances.",
                Some(("sso:ListInstances", None)),
            ),
            ("User: x is not authorized to perform: whatever", None),
            ("You are not authorized to perform this operation.", None),
            ("not authorized to perform:", None),
            ("", None),
        ];
        for (words, expected) in table {
            let found = Missing::of(words);
            let found = found.as_ref();
            let parts = found.map(|it| (it.action.as_str(), it.resource.as_deref()));
            assert_eq!(parts, expected, "{words}");
        }
    }

    #[test]
    fn the_statement_is_what_to_paste() {
        let words =
            "not authorized to perform: iam:GetUser on resource: arn:aws:iam::1:user/a\"b because";
        let missing = Missing::of(words).expect("a permission");
        let parsed: serde_json::Value =
            serde_json::from_str(&missing.statement()).expect("it is JSON whatever AWS named");
        assert_eq!(parsed["Action"], "iam:GetUser");
        assert_eq!(parsed["Resource"], "arn:aws:iam::1:user/a\"b");
        assert_eq!(
            missing.to_string(),
            "iam:GetUser on arn:aws:iam::1:user/a\"b"
        );
    }
}
