//! Whom a policy names.

use crate::context::{Caller, Identity};

/// One entry of `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalEntry {
    /// `"*"` or `{"AWS": "*"}`: everybody, from any account.
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
    /// By name.
    Exact,
}

impl PrincipalEntry {
    /// Whether this entry names the caller, and how closely.
    pub fn names(&self, caller: &Caller) -> Option<PrincipalMatch> {
        if let Identity::Service { name } = &caller.identity {
            return match self {
                PrincipalEntry::Service(wanted) if wanted == name => Some(PrincipalMatch::Exact),
                _ => None,
            };
        }
        match self {
            PrincipalEntry::Anyone => Some(PrincipalMatch::Anyone),
            PrincipalEntry::Account(account) => {
                (*account == caller.account).then_some(PrincipalMatch::Account)
            }
            PrincipalEntry::Arn(arn) => {
                let named = match &caller.identity {
                    Identity::User { arn: own } => own == arn,
                    Identity::Session { role, session } => role == arn || session == arn,
                    Identity::Root | Identity::Service { .. } => false,
                };
                named.then_some(PrincipalMatch::Exact)
            }
            PrincipalEntry::DeletedId(_)
            | PrincipalEntry::Service(_)
            | PrincipalEntry::Federated(_)
            | PrincipalEntry::CanonicalUser(_) => None,
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
