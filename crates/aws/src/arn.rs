//! The ARNs people type or AWS sends, parsed.

use std::fmt;

/// The ARN of an IAM role: `arn:aws:iam::123456789012:role/StintConnector`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn {
    text: String,
    account: String,
    partition: String,
}

/// A text that is not the ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not the ARN of an IAM role: {problem}. It has the form arn:aws:iam::<12-digit account id>:role/<role name>, \
     for example arn:aws:iam::123456789012:role/StintConnector (aws-us-gov and aws-cn in those partitions); \
     copy it from the role's page in the IAM console"
)]
pub struct RoleArnError {
    /// What was typed.
    pub given: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl RoleArn {
    /// Reads the ARN of an IAM role. Fails, saying the form, on anything else; makes no call.
    pub fn parse(text: &str) -> Result<Self, RoleArnError> {
        let text = text.trim();
        let wrong = |problem| RoleArnError {
            given: text.to_owned(),
            problem,
        };
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &[arn, partition, service, region, account, resource] = parts.as_slice() else {
            return Err(wrong("it does not have six parts divided by colons"));
        };
        if arn != "arn" {
            return Err(wrong("it does not begin with `arn:`"));
        }
        if !["aws", "aws-us-gov", "aws-cn"].contains(&partition) {
            return Err(wrong("the partition is none of aws, aws-us-gov, aws-cn"));
        }
        if service != "iam" {
            return Err(wrong(
                "the service is not iam (the ARN of a session is not that of its role)",
            ));
        }
        if !region.is_empty() {
            return Err(wrong("a role has no region: the fourth part is empty"));
        }
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("the account id is not 12 digits"));
        }
        let Some(path) = resource.strip_prefix("role/") else {
            return Err(wrong("the last part does not begin with `role/`"));
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(wrong(
                "the role name is not 1 to 64 of letters, digits and _+=,.@-",
            ));
        }
        if !path.chars().all(|c| c.is_ascii_graphic()) {
            return Err(wrong(
                "the role's path contains a space or a character AWS does not allow",
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            account: account.to_owned(),
            partition: partition.to_owned(),
        })
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account the role lives in.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// `aws`, `aws-us-gov` or `aws-cn`.
    pub fn partition(&self) -> &str {
        &self.partition
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The ARN a trust policy should name for this caller: a session of a role stands for its
/// role (`arn:aws:sts::1:assumed-role/Name/session` → `arn:aws:iam::1:role/Name`); the path
/// of a role is not part of a session's ARN (AWS reference §4, [M]) and is lost.
pub(crate) fn trusted(caller: &str) -> String {
    let Some((head, rest)) = caller.split_once(":assumed-role/") else {
        return caller.to_owned();
    };
    let name = rest.split('/').next().unwrap_or(rest);
    format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_reads_back_and_knows_its_account() {
        for good in [
            "arn:aws:iam::123456789012:role/StintConnector",
            "arn:aws-us-gov:iam::123456789012:role/tools/Stint+1",
            " arn:aws-cn:iam::123456789012:role/x ",
        ] {
            let arn = RoleArn::parse(good).expect("a well-formed role ARN");
            assert_eq!(arn.as_str(), good.trim());
            assert_eq!(arn.account(), "123456789012");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        for bad in [
            "",
            "StintConnector",
            "arn:aws:iam::1234:role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam:eu-west-1:123456789012:role/x",
            "arn:aws:sts::123456789012:assumed-role/x/y",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::12345678901x:role/a",
            "arn:oops:iam::123456789012:role/a",
        ] {
            let said = RoleArn::parse(bad).expect_err("not a role ARN").to_string();
            assert!(
                said.contains("arn:aws:iam::<12-digit account id>:role/"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_session_stands_for_its_role() {
        assert_eq!(
            trusted("arn:aws:sts::123456789012:assumed-role/Host/i-0abc"),
            "arn:aws:iam::123456789012:role/Host"
        );
        assert_eq!(
            trusted("arn:aws:iam::123456789012:user/h"),
            "arn:aws:iam::123456789012:user/h"
        );
    }
}
