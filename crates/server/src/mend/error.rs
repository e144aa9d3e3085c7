//! What can go wrong with reading a refusal.

use stint_iam_policy::NotRead;

use crate::catalog;
use crate::cx::Denied;
use crate::http::{Fault, Kind};

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The text is no refusal that can be read.
    #[error("{}", super::advice(*.0))]
    Text(NotRead),
    /// The account is no account.
    #[error("an AWS account is twelve digits")]
    Account,
    /// What may be asked for could not be looked up.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Text(_) | Self::Account => Kind::Invalid,
            Self::Catalog(error) => error.kind(),
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Text(NotRead::Encoded) => "message_encoded",
            Self::Text(_) => "message_unreadable",
            Self::Account => "invalid_account",
            Self::Catalog(error) => error.code(),
            Self::Db(error) => error.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(denied) => denied.detail(),
            Self::Catalog(error) => error.detail(),
            Self::Db(error) => error.detail(),
            other => other.to_string(),
        }
    }
}
