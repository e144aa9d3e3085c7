//! What can go wrong with policies.

use stint_domain::policy::BodyFault;

use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such policy, or the caller does not see it.
    #[error("there is no such policy")]
    NotFound,
    /// The cursor of a list is none of ours.
    #[error("the cursor of a list is none of ours")]
    Cursor(#[from] BadCursor),
    /// The rules cannot be saved; every fault, never empty.
    #[error("the policy cannot be saved: {}", join(.0))]
    Body(Vec<BodyFault>),
    /// The name is empty or endless.
    #[error("a policy's name has 1 to {} characters", super::LONGEST_NAME)]
    Name,
    /// The note is endless.
    #[error("a version's note has at most {} characters", super::LONGEST_NOTE)]
    Note,
    /// Another policy is called like that.
    #[error("there is a policy called “{0}” already")]
    NameTaken(String),
    /// A policy for emergencies is to become an ordinary one, or the other way round.
    #[error(
        "whether a policy is for emergency access is said when it is made, and stays: make a new policy"
    )]
    KindStays,
    /// Somebody wrote a version in between.
    #[error("the policy is at version {found} of its record, not {expected}")]
    Stale {
        /// What the caller had seen.
        expected: i64,
        /// What is.
        found: i64,
    },
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

fn join(faults: &[BodyFault]) -> String {
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::NotFound => Kind::Invisible,
            Self::Body(_) | Self::Name | Self::Note => Kind::Invalid,
            Self::NameTaken(_) | Self::KindStays => Kind::Conflict,
            Self::Stale { .. } => Kind::Stale,
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::NotFound => "not_found",
            Self::Body(faults) => faults.first().map_or("invalid_policy", BodyFault::code),
            Self::Name => "invalid_name",
            Self::Note => "invalid_note",
            Self::NameTaken(_) => "name_taken",
            Self::KindStays => "policy_kind_stays",
            Self::Stale { .. } => "stale",
            Self::Db(error) => error.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(denied) => denied.detail(),
            Self::Cursor(cursor) => cursor.detail(),
            Self::Db(error) => error.detail(),
            Self::Body(faults) => join(faults),
            Self::NameTaken(_) => format!("{self}: choose another name"),
            Self::Stale { .. } => {
                "somebody wrote a version in between: read it again and decide anew".to_owned()
            }
            other => other.to_string(),
        }
    }
}
