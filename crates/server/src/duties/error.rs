//! What can go wrong with duty rules.

use std::fmt;

use crate::cx::Denied;
use crate::http::{BadCursor, Kind};

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such thing, or the caller does not see it.
    #[error("there is no such thing")]
    NotFound,
    /// The cursor of a list is none of ours.
    #[error("the cursor of a list is none of ours")]
    Cursor(#[from] BadCursor),
    /// It cannot be saved like this; every fault, never empty.
    #[error("{}", join(.0))]
    Faults(Vec<Fault>),
    /// Another rule is called like that.
    #[error("there is a duty rule called “{0}” already: choose another name")]
    NameTaken(String),
    /// There are as many as there may be.
    #[error(
        "there are {} duty rules, and no more are allowed: join some by conditions",
        super::MOST
    )]
    TooMany,
    /// Somebody changed it in between.
    #[error("it is at version {found}, not {expected}: read it again and decide anew")]
    Stale {
        /// What the caller had seen.
        expected: i64,
        /// What is.
        found: i64,
    },
    /// What a rule asks cannot be answered: nothing is given past a rule nobody can read.
    #[error("the conditions of duty rules could not be answered: {0}")]
    Unreadable(String),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

/// Something that is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// At which field of the API: `first.when`, `message`.
    pub field: String,
    /// What is wrong, and where.
    pub message: String,
}

/// What can be wrong with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A name is empty or endless.
    Name,
    /// The message is empty or endless.
    Message,
    /// A side names nothing.
    NothingNamed,
    /// A side lists too much.
    TooManyListed,
    /// A side lists what does not exist.
    UnknownEntitlement,
    /// A condition cannot be saved.
    Condition,
    /// Nobody makes exceptions.
    NoGroup,
    /// Who would make exceptions does not exist.
    UnknownGroup,
}

impl FaultKind {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name => "invalid_name",
            Self::Message => "invalid_message",
            Self::NothingNamed => "nothing_named",
            Self::TooManyListed => "too_many_entitlements",
            Self::UnknownEntitlement => "unknown_entitlement",
            Self::Condition => "invalid_condition",
            Self::NoGroup => "no_exception_group",
            Self::UnknownGroup => "unknown_group",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

fn join(faults: &[Fault]) -> String {
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl crate::http::Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::NotFound => Kind::Invisible,
            Self::Faults(_) => Kind::Invalid,
            Self::NameTaken(_) | Self::TooMany => Kind::Conflict,
            Self::Stale { .. } => Kind::Stale,
            Self::Unreadable(_) => Kind::Internal,
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::NotFound => "not_found",
            Self::Faults(faults) => faults.first().map_or("invalid_value", |it| it.kind.code()),
            Self::NameTaken(_) => "name_taken",
            Self::TooMany => "too_many_duties",
            Self::Stale { .. } => "stale",
            Self::Unreadable(_) => "internal",
            Self::Db(error) => error.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(denied) => denied.detail(),
            Self::Cursor(cursor) => cursor.detail(),
            Self::Db(error) => error.detail(),
            other => other.to_string(),
        }
    }
}
