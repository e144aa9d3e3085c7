//! What can go wrong with managed objects, as facts.

use stint_domain::managed::Refused;

use crate::connections::Closed;
use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};
use crate::{connections, sealed};

/// Why a verb of this room refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not allowed, or invisible.
    #[error("not allowed")]
    Denied(#[from] Denied),
    /// The cursor, a filter or an order is none of ours.
    #[error("the list cannot be had so")]
    Cursor(#[from] BadCursor),
    /// There is no such thing.
    #[error("there is no such object")]
    NotFound,
    /// A reason is needed and was not given.
    #[error("no reason was given")]
    NoReason,
    /// Something typed is not as AWS wants it.
    #[error("{field} is not as it has to be")]
    Bad {
        /// Which field.
        field: &'static str,
        /// What to write instead.
        why: String,
    },
    /// Another object that is not over has this name.
    #[error("the name is taken by another managed user")]
    NameTaken,
    /// IAM is not this connection's business.
    #[error("IAM is switched off for the connection")]
    IamOff,
    /// The user was not made by Stint, and was not named to confirm it.
    #[error("the user was not named")]
    NotNamed {
        /// What it is called.
        name: String,
    },
    /// The connection enters by no access key.
    #[error("the connection enters by no access key")]
    NoKey,
    /// A rotation is under way.
    #[error("a rotation is under way")]
    UnderWay,
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The connection is being taken out of service, or was removed.
    #[error("the connection makes nothing new")]
    Closed(Box<Closed>),
    /// The secret cannot be sealed or opened.
    #[error("the secret cannot be kept")]
    Sealed(#[from] sealed::Error),
    /// The connection's own.
    #[error("the connection failed")]
    Connection(Box<connections::Error>),
    /// The database.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

impl From<connections::Error> for Error {
    fn from(error: connections::Error) -> Self {
        Self::Connection(Box::new(error))
    }
}

impl Error {
    pub(super) fn bad(field: &'static str, why: impl Into<String>) -> Self {
        Self::Bad {
            field,
            why: why.into(),
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(e) => e.kind(),
            Self::Cursor(e) => e.kind(),
            Self::NotFound => Kind::Invisible,
            Self::NoReason | Self::Bad { .. } | Self::NotNamed { .. } => Kind::Invalid,
            Self::NameTaken
            | Self::IamOff
            | Self::NoKey
            | Self::UnderWay
            | Self::Refused(_)
            | Self::Closed(_) => Kind::Conflict,
            Self::Sealed(e) => e.kind(),
            Self::Connection(e) => e.kind(),
            Self::Db(e) => e.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(e) => e.code(),
            Self::Cursor(e) => e.code(),
            Self::NotFound => "not_found",
            Self::NoReason => "reason_required",
            Self::Bad { .. } => "bad_value",
            Self::NameTaken => "name_taken",
            Self::IamOff => "iam_switched_off",
            Self::NotNamed { .. } => "user_not_named",
            Self::NoKey => "no_access_key",
            Self::UnderWay => "rotation_under_way",
            Self::Refused(_) => "wrong_state",
            Self::Closed(closed) => closed.code(),
            Self::Sealed(e) => e.code(),
            Self::Connection(e) => e.code(),
            Self::Db(e) => e.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(e) => e.detail(),
            Self::Cursor(e) => e.detail(),
            Self::NotFound => "There is no such thing here, or you may not see it.".to_owned(),
            Self::NoReason => "Say why: whoever reads the audit log wants to know.".to_owned(),
            Self::Bad { field, why } => format!("{field}: {why}"),
            Self::NameTaken => {
                "Stint manages an IAM user of this name there already: use that one, or another name."
                    .to_owned()
            }
            Self::IamOff => {
                "IAM is switched off for this connection. Switch it on (Set-up, “IAM users and groups”), and let Stint have the permissions shown there.".to_owned()
            }
            Self::NotNamed { name } => format!(
                "Stint did not make this IAM user. To go on all the same, send its name, {name}, to confirm that this one is meant."
            ),
            Self::NoKey => {
                "This connection enters by no access key: there is nothing to rotate.".to_owned()
            }
            Self::UnderWay => {
                "The key of this connection is being rotated already. Wait until that is over, or call it off.".to_owned()
            }
            Self::Refused(refused) => format!("Stint {refused}. Reload to see how it stands."),
            Self::Closed(closed) => closed.detail(),
            Self::Sealed(e) => e.detail(),
            Self::Connection(e) => e.detail(),
            Self::Db(e) => e.detail(),
        }
    }
}
