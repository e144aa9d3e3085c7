//! What can go wrong with grants, as facts.

use stint_domain::binding::Refused;

use crate::connections::Closed;
use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};

/// Why a verb of this room refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not allowed, or invisible.
    #[error("not allowed")]
    Denied(#[from] Denied),
    /// The cursor is none of ours.
    #[error("the cursor cannot be read")]
    Cursor(#[from] BadCursor),
    /// There is no such thing.
    #[error("there is no such grant")]
    NotFound,
    /// A reason is needed and was not given.
    #[error("no reason was given")]
    NoReason,
    /// A word for which grants to list is none.
    #[error("`{0}` is no kind of list")]
    BadShow(String),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The connection gives nothing new.
    #[error("the connection gives no new access")]
    Closed(Box<Closed>),
    /// What it would extend was ended before its time.
    #[error("what it would extend was ended early")]
    ExtendsClosed,
    /// The database.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(e) => e.kind(),
            Self::Cursor(e) => e.kind(),
            Self::NotFound => Kind::Invisible,
            Self::NoReason | Self::BadShow(_) => Kind::Invalid,
            Self::Refused(_) | Self::Closed(_) | Self::ExtendsClosed => Kind::Conflict,
            Self::Db(e) => e.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(e) => e.code(),
            Self::Cursor(e) => e.code(),
            Self::NotFound => "not_found",
            Self::NoReason => "reason_required",
            Self::BadShow(_) => "bad_value",
            Self::Refused(_) => "wrong_state",
            Self::Closed(closed) => closed.code(),
            Self::ExtendsClosed => "extends_closed",
            Self::Db(e) => e.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(e) => e.detail(),
            Self::Cursor(e) => e.detail(),
            Self::NotFound => "There is no such grant, or you may not see it.".to_owned(),
            Self::NoReason => {
                "Say why: the person whose access ends is told, and so is the auditor.".to_owned()
            }
            Self::BadShow(_) => "Use show=live, soon, stuck, failed or ended.".to_owned(),
            Self::Closed(closed) => closed.detail(),
            Self::ExtendsClosed => {
                "The access this would extend was returned or ended early meanwhile: deny it, and have them ask again if they still need it.".to_owned()
            }
            Self::Refused(refused) => format!("Stint {refused}. Reload to see how it stands."),
            Self::Db(e) => e.detail(),
        }
    }
}
