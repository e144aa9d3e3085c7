//! Whom a policy names.

use crate::context::{Caller, Identity};

/// One entry of `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalEntry {
    /// `"*"` or `{"AWS": "*"}`: everybody, from any account. AWS services are let in only by their
    /// names; a deny of everybody keeps them out as well.
    Anyone,
    /// An account: its twelve digits, however they were written (`123456789012` or `…:root`).
    Account(String),
    /// One user, role or session by its ARN.
    Arn(String),
    /// The id AWS leaves behind when a named user or role was deleted (`AIDA…`, `AROA…`):
    /// matches nobody.
    DeletedId(String),
    /// An AWS service.
    Service(String),
    /// A web identity or SAML provider.
    Federated(String),
    /// A canonical user id of S3.
    CanonicalUser(String),
}

/// How closely an entry names a caller. It matters: in one account an exact name is enough by
/// itself, an account only hands the question on to the caller's own policies (AWS reference
/// §6.1 [D]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalMatch {
    /// Through `*`.
    Anyone,
    /// Through the account.
    Account,
    /// By the role of which the caller is a session, or the user who opened a federated session:
    /// what narrows that session narrows this too.
    Behind,
    /// By the very name of the caller.
    Exact,
}

impl PrincipalEntry {
    /// Whether this entry names the caller, and how closely.
    pub fn names(&self, caller: &Caller) -> Option<PrincipalMatch> {
        match (self, &caller.identity) {
            (PrincipalEntry::Service(wanted), Identity::Service { name }) => {
                (wanted == name).then_some(PrincipalMatch::Exact)
            }
            (PrincipalEntry::Federated(wanted), Identity::Provider { name }) => {
                (wanted == name).then_some(PrincipalMatch::Exact)
            }
            (_, Identity::Service { .. }) => None,
            (PrincipalEntry::Anyone, _) => Some(PrincipalMatch::Anyone),
            (_, Identity::Provider { .. }) => None,
            (PrincipalEntry::Account(account), _) => {
                (*account == caller.account).then_some(PrincipalMatch::Account)
            }
            (PrincipalEntry::Arn(arn), identity) => {
                let (own, behind) = match identity {
                    Identity::User { arn } => (arn, None),
                    Identity::Session { role, session } => (session, Some(role)),
                    Identity::FederatedUser { user, session } => (session, Some(user)),
                    Identity::Root | Identity::Service { .. } | Identity::Provider { .. } => {
                        return None;
                    }
                };
                if own == arn {
                    Some(PrincipalMatch::Exact)
                } else {
                    (behind == Some(arn)).then_some(PrincipalMatch::Behind)
                }
            }
            (
                PrincipalEntry::DeletedId(_)
                | PrincipalEntry::Service(_)
                | PrincipalEntry::Federated(_)
                | PrincipalEntry::CanonicalUser(_),
                _,
            ) => None,
        }
    }

    /// The word of the policy language this entry stands under, and its text.
    pub fn written(&self) -> (&'static str, String) {
        match self {
            PrincipalEntry::Anyone => ("AWS", "*".to_owned()),
            PrincipalEntry::Account(account) => ("AWS", format!("arn:aws:iam::{account}:root")),
            PrincipalEntry::Arn(text) | PrincipalEntry::DeletedId(text) => ("AWS", text.clone()),
            PrincipalEntry::Service(text) => ("Service", text.clone()),
            PrincipalEntry::Federated(text) => ("Federated", text.clone()),
            PrincipalEntry::CanonicalUser(text) => ("CanonicalUser", text.clone()),
        }
    }

    /// Reads one text that stands under `{"Service": …}`.
    pub(crate) fn service(text: &str) -> Result<PrincipalEntry, String> {
        if text.contains('.') && !text.contains('*') {
            Ok(PrincipalEntry::Service(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no service: write its host name, such as ec2.amazonaws.com"
            ))
        }
    }

    /// Reads one text that stands under `{"AWS": …}`.
    pub(crate) fn aws(text: &str) -> Result<PrincipalEntry, String> {
        if text == "*" {
            return Ok(PrincipalEntry::Anyone);
        }
        if is_account(text) {
            return Ok(PrincipalEntry::Account(text.to_owned()));
        }
        if text.contains(['*', '?']) {
            return Err(format!(
                "`{text}`: a principal may be `*` or a whole ARN, not a part with wildcards; use a condition on aws:PrincipalArn"
            ));
        }
        if is_unique_id(text) {
            return Ok(PrincipalEntry::DeletedId(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "iam", "", account, name]
                if partition.starts_with("aws") && is_account(account) =>
            {
                if *name == "root" {
                    return Ok(PrincipalEntry::Account((*account).to_owned()));
                }
                match name.split_once('/') {
                    Some(("user" | "role", rest)) if !rest.is_empty() => {
                        Ok(PrincipalEntry::Arn(text.to_owned()))
                    }
                    _ => Err(format!(
                        "`{text}`: only users, roles and accounts are principals"
                    )),
                }
            }
            ["arn", partition, "sts", "", account, name]
                if partition.starts_with("aws") && is_account(account) =>
            {
                match name.split_once('/') {
                    Some(("assumed-role" | "federated-user", rest)) if !rest.is_empty() => {
                        Ok(PrincipalEntry::Arn(text.to_owned()))
                    }
                    _ => Err(format!(
                        "`{text}`: only role sessions and federated users are principals of sts"
                    )),
                }
            }
            _ => Err(format!(
                "`{text}` is no principal: write `*`, an account's twelve digits, or an ARN such as arn:aws:iam::111122223333:role/Name"
            )),
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AIDA", "AROA", "AGPA"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
