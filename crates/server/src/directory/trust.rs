//! Who may assume an IAM role, by its trust policy.

use std::collections::HashSet;

use stint_aws::IamRole;
use stint_iam_policy::{Effect, Policy};

/// Whom a role's trust policy lets in, sorted: accounts and identities by ARN, services and
/// providers by name. What it refuses is left out; whom conditions narrow is named.
pub(super) fn trusted(role: &IamRole) -> Vec<String> {
    let Ok(policy) = Policy::parse(&role.trust) else {
        return Vec::new();
    };
    let allowed = policy.statements.iter();
    let allowed = allowed.filter(|statement| statement.effect == Effect::Allow);
    let mut named: HashSet<String> = HashSet::new();
    for principals in allowed.filter_map(|statement| statement.principals.as_ref()) {
        if principals.negated {
            named.insert("everybody but some".to_owned());
            continue;
        }
        named.extend(principals.entries.iter().map(|entry| entry.written().1));
    }
    let mut named: Vec<String> = named.into_iter().collect();
    named.sort_unstable();
    named
}

#[cfg(test)]
mod tests {
    use stint_domain::Time;

    use super::*;

    #[test]
    fn a_trust_policy_says_who_may_come_in() {
        let role = |trust: &str| IamRole {
            id: "AROA1".into(),
            name: "r".into(),
            path: "/".into(),
            arn: "arn:aws:iam::111122223333:role/r".into(),
            description: None,
            made_at: Time::from_micros(0),
            trust: trust.into(),
            max_session: None,
            boundary: None,
            used_at: None,
            used_in: None,
            whole: false,
        };
        let statements = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","AWS":["444455556666","arn:aws:iam::111122223333:user/ana"]},"Action":"sts:AssumeRole"},
            {"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/bo"},"Action":"sts:AssumeRole"},
            {"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}"#;
        assert_eq!(
            trusted(&role(statements)),
            [
                "arn:aws:iam::111122223333:user/ana",
                "arn:aws:iam::444455556666:root",
                "cognito-identity.amazonaws.com",
                "ec2.amazonaws.com"
            ]
        );
        assert!(trusted(&role("no JSON")).is_empty());
    }
}
