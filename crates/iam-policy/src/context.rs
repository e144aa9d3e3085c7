//! What one request carries: who asks, for what, and the condition keys.

use std::collections::BTreeMap;

/// Condition keys and their values. Key names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    keys: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// No keys at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one key of one value; replaces an earlier value.
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, [value.into()]);
        self
    }

    /// The same with one key of one value if there is one.
    pub fn with_option(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Gives a key these values; replaces earlier ones.
    pub fn set(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.keys
            .insert(key.to_ascii_lowercase(), values.into_iter().collect());
    }

    /// The keys it carries, in small letters.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The values of a key, or nothing where the request does not carry it.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.keys.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }
}

/// Who makes a request, as far as a policy can name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// What they are in that account.
    pub identity: Identity,
}

/// What a caller is in their account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The account itself.
    Root,
    /// An IAM user.
    User {
        /// `arn:aws:iam::<account>:user/<path><name>`
        arn: String,
    },
    /// A session of a role: a policy may name the role or the session.
    Session {
        /// `arn:aws:iam::<account>:role/<path><name>`
        role: String,
        /// `arn:aws:sts::<account>:assumed-role/<name>/<session>`
        session: String,
    },
    /// A session of GetFederationToken: a policy may name it or the user who opened it.
    FederatedUser {
        /// `arn:aws:iam::<account>:user/<path><name>`
        user: String,
        /// `arn:aws:sts::<account>:federated-user/<name>`
        session: String,
    },
    /// Somebody whom a provider outside vouches for, as AssumeRoleWithWebIdentity and
    /// AssumeRoleWithSAML are called.
    Provider {
        /// As a `Federated` principal names it.
        name: String,
    },
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service {
        /// The service's host name.
        name: String,
    },
}

/// One request to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// `service:Name`, such as `sts:AssumeRole`.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions without one. Trust policies do not look at it.
    pub resource: &'a str,
    /// The condition keys.
    pub context: &'a Context,
}
