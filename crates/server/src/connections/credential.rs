//! As whom a connection's estate is entered, and what of that is kept.

use secrecy::SecretString;
use stint_aws::{AccessKey, Estate, EstateSpec, Reach, RoleArn};
use stint_db::Query;
use stint_domain::{ConnectionId, Time};

use super::{Connection, Error, check, store};
use crate::cx::App;
use crate::sealed::{Keys, Sealed};

/// As whom Stint enters a connection's estate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// As a role it assumes.
    Role {
        /// Its ARN.
        arn: String,
    },
    /// As the IAM user of an access key.
    AccessKey(KeyOnFile),
    /// As this process itself.
    Host {
        /// The account it has to be in.
        account: String,
    },
}

/// An access key as it is kept: everything but the secret, which is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOnFile {
    /// `AKIA…`. No secret.
    pub id: String,
    /// The account its user has to be in.
    pub account: String,
    /// When Stint was given it.
    pub set_at: Time,
    /// The secret, sealed. None once the connection was removed.
    pub sealed: Option<Sealed>,
}

impl Credential {
    /// The stable word, as stored and sent.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Role { .. } => "role",
            Self::AccessKey(_) => "access_key",
            Self::Host { .. } => "host",
        }
    }

    /// The role's ARN, if it is a role.
    pub fn role_arn(&self) -> Option<&str> {
        match self {
            Self::Role { arn } => Some(arn),
            Self::AccessKey(_) | Self::Host { .. } => None,
        }
    }

    /// The access key, if it is one.
    pub const fn key(&self) -> Option<&KeyOnFile> {
        match self {
            Self::AccessKey(key) => Some(key),
            Self::Role { .. } | Self::Host { .. } => None,
        }
    }

    /// The account it leads to.
    pub fn account(&self) -> String {
        match self {
            Self::Role { arn } => RoleArn::parse(arn)
                .map(|role| role.account().to_owned())
                .unwrap_or_default(),
            Self::AccessKey(key) => key.account.clone(),
            Self::Host { account } => account.clone(),
        }
    }

    /// By what no two connections may enter.
    pub(super) fn reach_key(&self) -> String {
        match self {
            Self::Role { arn } => arn.clone(),
            Self::AccessKey(key) => key.id.clone(),
            Self::Host { .. } => "host".to_owned(),
        }
    }

    /// What may be said of it in the audit log.
    pub(super) fn facts(&self) -> serde_json::Value {
        match self {
            Self::Role { arn } => serde_json::json!({ "kind": "role", "role_arn": arn }),
            Self::AccessKey(key) => serde_json::json!({
                "kind": "access_key", "access_key_id": key.id, "account": key.account,
                "sealed_with": key.sealed.as_ref().map(|sealed| &sealed.key),
            }),
            Self::Host { account } => serde_json::json!({ "kind": "host", "account": account }),
        }
    }
}

/// A credential as somebody gives it. `Debug` hides the secret.
#[derive(Debug, Clone)]
pub enum NewCredential {
    /// A role.
    Role {
        /// Its ARN, as typed.
        arn: String,
    },
    /// An access key.
    AccessKey {
        /// The Access Key ID, as typed.
        id: String,
        /// The Secret Access Key.
        secret: SecretString,
        /// The account its user is in, as typed.
        account: String,
    },
    /// This process's own credentials.
    Host {
        /// The account they are in, as typed.
        account: String,
    },
}

impl NewCredential {
    /// A role by its ARN.
    pub fn role(arn: impl Into<String>) -> Self {
        Self::Role { arn: arn.into() }
    }

    /// What is kept of it for this connection.
    pub(super) fn keep(
        &self,
        keys: &Keys,
        connection: ConnectionId,
        now: Time,
    ) -> Result<Credential, Error> {
        Ok(match self {
            Self::Role { arn } => Credential::Role {
                arn: RoleArn::parse(arn)?.to_string(),
            },
            Self::AccessKey {
                id,
                secret,
                account,
            } => {
                let id = stint_aws::access_key_id(id)?;
                let account = check::account(account)?;
                let secret = check::secret_access_key(secret)?;
                Credential::AccessKey(KeyOnFile {
                    sealed: Some(keys.seal(&record(connection, &id), &secret)?),
                    set_at: now,
                    account,
                    id,
                })
            }
            Self::Host { account } => Credential::Host {
                account: check::account(account)?,
            },
        })
    }
}

/// Whether a credential could be kept, before anything is made for it.
pub(super) fn look(cx: &crate::cx::Cx, new: &NewCredential) -> Result<(), Error> {
    new.keep(&cx.app.keys, ConnectionId::from(uuid::Uuid::nil()), cx.now)
        .map(drop)
}

/// Which secret of which record: neither can be exchanged for another.
pub(super) fn record(connection: ConnectionId, access_key_id: &str) -> String {
    format!("{connection} secret_access_key {access_key_id}")
}

/// The way to a connection's estate. Makes no call yet. Fails when the secret of its access
/// key cannot be opened.
pub fn estate(app: &App, connection: &Connection) -> Result<Estate, Error> {
    let reach = match &connection.credential {
        Credential::Role { arn } => Reach::Role {
            role_arn: arn.clone(),
            external_id: connection.external_id.clone(),
        },
        Credential::AccessKey(key) => {
            let sealed = key.sealed.as_ref().ok_or(Error::NotFound)?;
            Reach::AccessKey(AccessKey {
                secret: app.keys.open(&record(connection.id, &key.id), sealed)?,
                id: key.id.clone(),
                account: key.account.clone(),
            })
        }
        Credential::Host { account } => Reach::Host {
            account: account.clone(),
        },
    };
    Ok(app.aws.estate(EstateSpec {
        connection: connection.id,
        reach,
        region: connection.region.clone(),
        iam: connection.iam,
        features: connection.features(),
        members: connection.members.as_ref().map(super::MemberAccess::way),
        session_name: format!("stint-{}", connection.id),
    }))
}

/// The ids of the master keys that something is sealed with. Each has to be at hand before
/// anything else begins.
pub async fn keys_in_use(q: &mut impl Query) -> stint_db::Result<Vec<String>> {
    let mut keys = store::keys_in_use(q).await?;
    keys.extend(store::feeds::token_keys(q).await?);
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
