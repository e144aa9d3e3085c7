//! What can go wrong with catalogs.

use stint_domain::{EntitlementId, GroupId, PolicyId, Span};

use crate::cx::Denied;
use crate::http::{BadCursor, Fault, Kind};

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
    /// The name is empty or endless.
    #[error("a catalog's name has 1 to {} characters", super::LONGEST_NAME)]
    Name,
    /// The description is endless.
    #[error("a description has at most {} characters", super::LONGEST_DESCRIPTION)]
    Description,
    /// Another catalog is called like that.
    #[error("there is a catalog called “{0}” already: choose another name")]
    NameTaken(String),
    /// The audience names a group that does not exist.
    #[error("there is no group {0}")]
    UnknownGroup(GroupId),
    /// An entitlement to be added does not exist.
    #[error("there is no entitlement {0} in AWS: sync its connection first, or correct the id")]
    UnknownEntitlement(EntitlementId),
    /// A directory decides who is in the group.
    #[error("{}", crate::directory::owned_words(name, owner))]
    OwnedByDirectory {
        /// What the entitlement is called.
        name: String,
        /// The directory.
        owner: String,
    },
    /// The conditions, or what is said beside them, cannot be saved; every fault, never empty.
    #[error("{}", join(.0))]
    Rules(Vec<super::RuleFault>),
    /// There is no such user.
    #[error("there is no user {0}")]
    UnknownUser(stint_domain::UserId),
    /// Looking at everything was broken off.
    #[error("looking at everything was broken off")]
    Stopped,
    /// The policy does not exist.
    #[error("there is no policy {0}")]
    UnknownPolicy(PolicyId),
    /// The policy for emergencies does not exist.
    #[error("there is no policy {0}")]
    UnknownEmergency(PolicyId),
    /// A policy for emergencies where an ordinary one is wanted.
    #[error(
        "“{0}” is a policy for emergency access: choose an ordinary one, and name this one as the policy for emergencies"
    )]
    EmergencyAsOrdinary(String),
    /// An ordinary policy where one for emergencies is wanted.
    #[error("“{0}” is no policy for emergency access: choose one that was made for emergencies")]
    NoEmergencyPolicy(String),
    /// Emergency access could last longer than what is asked for ordinarily.
    #[error(
        "under the policy for emergencies access may last {longest}, and ordinarily no longer than {most}: emergency access is the shorter one"
    )]
    EmergencyLonger {
        /// The longest under the policy for emergencies.
        longest: Span,
        /// The longest ordinarily, with the entitlement's own limit.
        most: Span,
    },
    /// No time limit, under a policy that allows no access until it is revoked.
    #[error(
        "the policy “{0}” allows access for a time only: leave the time limit on, or choose a policy that allows access until it is revoked"
    )]
    NoUntilRevoked(String),
    /// None, or too many at once.
    #[error("add between 1 and {most} entitlements at once, not {0}", most = super::MOST_AT_ONCE)]
    HowMany(usize),
    /// A longest duration nobody could ask for.
    #[error(
        "the longest duration must be at least {}",
        stint_domain::policy::SHORTEST
    )]
    MaxDuration,
    /// Somebody changed it in between.
    #[error("it is at version {found}, not {expected}: read it again and decide anew")]
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

fn join(faults: &[super::RuleFault]) -> String {
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::NotFound => Kind::Invisible,
            Self::NameTaken(_) | Self::OwnedByDirectory { .. } => Kind::Conflict,
            Self::Stale { .. } => Kind::Stale,
            Self::Name
            | Self::Description
            | Self::UnknownGroup(_)
            | Self::UnknownEntitlement(_)
            | Self::UnknownPolicy(_)
            | Self::UnknownEmergency(_)
            | Self::EmergencyAsOrdinary(_)
            | Self::NoEmergencyPolicy(_)
            | Self::EmergencyLonger { .. }
            | Self::NoUntilRevoked(_)
            | Self::Rules(_)
            | Self::UnknownUser(_)
            | Self::HowMany(_)
            | Self::MaxDuration => Kind::Invalid,
            Self::Stopped => Kind::Internal,
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::NotFound => "not_found",
            Self::Name => "invalid_name",
            Self::Description => "invalid_description",
            Self::NameTaken(_) => "name_taken",
            Self::UnknownGroup(_) => "unknown_group",
            Self::UnknownUser(_) => "unknown_user",
            Self::Stopped => "internal",
            Self::UnknownEntitlement(_) => "unknown_entitlement",
            Self::OwnedByDirectory { .. } => "group_owned_by_directory",
            Self::UnknownPolicy(_) | Self::UnknownEmergency(_) => "unknown_policy",
            Self::EmergencyAsOrdinary(_) => "emergency_as_ordinary",
            Self::NoEmergencyPolicy(_) => "no_emergency_policy",
            Self::EmergencyLonger { .. } => "emergency_longer",
            Self::NoUntilRevoked(_) => "no_until_revoked",
            Self::Rules(faults) => faults.first().map_or("invalid_value", |it| it.code),
            Self::HowMany(_) => "how_many",
            Self::MaxDuration => "max_duration",
            Self::Stale { .. } => "stale",
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
