//! What can go wrong with notices.

use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};
use crate::requests;

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The cursor, a filter or an order is none of ours.
    #[error("the list cannot be had so")]
    Cursor(#[from] BadCursor),
    /// There is no such notice, or it is somebody else's.
    #[error("there is no such notice")]
    NotFound,
    /// A word that is no kind of notice.
    #[error("`{0}` is no kind of notice: `GET /api/v1/notices/kinds` lists them")]
    UnknownKind(String),
    /// A kind that cannot be switched off.
    #[error("“{}” is always told: it cannot be switched off", .0.title())]
    Always(super::Kind),
    /// What it is about could not be looked up.
    #[error(transparent)]
    Requests(#[from] requests::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::NotFound => Kind::Invisible,
            Self::UnknownKind(_) => Kind::Invalid,
            Self::Always(_) => Kind::Conflict,
            Self::Requests(error) => error.kind(),
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::NotFound => "not_found",
            Self::UnknownKind(_) => "unknown_notice_kind",
            Self::Always(_) => "always_told",
            Self::Requests(error) => error.code(),
            Self::Db(error) => error.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(denied) => denied.detail(),
            Self::Cursor(cursor) => cursor.detail(),
            Self::NotFound | Self::UnknownKind(_) | Self::Always(_) => self.to_string(),
            Self::Requests(error) => error.detail(),
            Self::Db(error) => error.detail(),
        }
    }
}
