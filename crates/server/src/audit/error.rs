//! What can go wrong with the audit log.

use stint_domain::audit::Broken;

use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};

/// Why the audit log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not allowed.
    #[error("not allowed")]
    Denied(#[from] Denied),
    /// The cursor is of no use.
    #[error("bad cursor")]
    Cursor(#[from] BadCursor),
    /// The chain is broken.
    #[error("the audit log is broken")]
    Broken(#[source] Broken),
    /// The database failed.
    #[error("the audit log could not be read")]
    Db(#[from] stint_db::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(e) => e.kind(),
            Self::Cursor(e) => e.kind(),
            Self::Broken(_) => Kind::Conflict,
            Self::Db(e) => e.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(e) => e.code(),
            Self::Cursor(e) => e.code(),
            Self::Broken(_) => "audit_broken",
            Self::Db(e) => e.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(e) => e.detail(),
            Self::Cursor(e) => e.detail(),
            Self::Broken(e) => format!(
                "{e}. Somebody with access to the database changed it: keep a copy of it as it \
                 is, and compare with your backups from before and after that event."
            ),
            Self::Db(e) => e.detail(),
        }
    }
}
