//! What can go wrong in the directory, as facts.

use stint_aws::AwsError;
use stint_domain::{ConnectionId, Time};

use crate::connections;
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
    #[error("there is no such thing")]
    NotFound,
    /// The connection never passed its test.
    #[error("connection {0} is not ready to be synced")]
    NotReady(ConnectionId),
    /// Another run is under way.
    #[error("a sync of {connection} has been under way since {since}")]
    Running {
        /// Of which connection.
        connection: ConnectionId,
        /// Since when.
        since: Time,
    },
    /// The run does not wait for a decision.
    #[error("the sync is {state}")]
    NotHeld {
        /// How it is.
        state: String,
    },
    /// AWS did not give everything.
    #[error("the sync of {connection} stopped while reading {phase}")]
    Aws {
        /// Of which connection.
        connection: ConnectionId,
        /// What was being read.
        phase: &'static str,
        /// What AWS said.
        #[source]
        source: Box<AwsError>,
    },
    /// The estate cannot be entered: its secret cannot be opened.
    #[error("the estate cannot be entered")]
    Connection(#[source] Box<connections::Error>),
    /// The credentials lead to another account than the one whose IAM was read so far.
    #[error("the IAM known is that of {was}, but the connection now speaks for {now}")]
    OtherAccount {
        /// Read so far.
        was: String,
        /// As whom AWS knows the connection now.
        now: String,
    },
    /// The principal belongs to somebody else already.
    #[error("the principal is confirmed to be somebody else")]
    Taken,
    /// The link is not in the state this needs.
    #[error("the link is {state}")]
    LinkState {
        /// How it is.
        state: String,
    },
    /// It has changed since the caller read it.
    #[error("it has changed since it was read")]
    Stale {
        /// Its version now.
        version: i64,
    },
    /// An id that is none.
    #[error("{field} is no id")]
    Id {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: stint_domain::IdError,
    },
    /// Only people have links.
    #[error("a group is not somebody's identity")]
    NotAPerson,
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
            Self::NotReady(_)
            | Self::Running { .. }
            | Self::NotHeld { .. }
            | Self::Taken
            | Self::LinkState { .. } => Kind::Conflict,
            Self::Stale { .. } => Kind::Stale,
            Self::NotAPerson | Self::Id { .. } => Kind::Invalid,
            Self::Aws { .. } | Self::OtherAccount { .. } => Kind::Conflict,
            Self::Connection(e) => e.kind(),
            Self::Db(e) => e.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(e) => e.code(),
            Self::Cursor(e) => e.code(),
            Self::NotFound => "not_found",
            Self::NotReady(_) => "connection_not_ready",
            Self::Running { .. } => "sync_running",
            Self::NotHeld { .. } => "sync_not_held",
            Self::Aws { .. } => "sync_failed",
            Self::OtherAccount { .. } => "iam_other_account",
            Self::Connection(e) => e.code(),
            Self::Taken => "principal_taken",
            Self::LinkState { .. } => "wrong_state",
            Self::Stale { .. } => "stale",
            Self::NotAPerson => "not_a_person",
            Self::Id { .. } => "invalid_value",
            Self::Db(e) => e.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(e) => e.detail(),
            Self::Cursor(e) => e.detail(),
            Self::NotFound => "There is no such thing, or you may not see it.".to_owned(),
            Self::NotReady(_) => "Test the connection first; until its test passes it is not known which Identity Center to read.".to_owned(),
            Self::Running { since, .. } => {
                format!("A sync of this connection has been under way since {since}. Wait for it to end.")
            }
            Self::NotHeld { state } => match state.as_str() {
                "ending" => "What this sync found gone was accepted already, and is being written down.".to_owned(),
                "complete" => "What this sync found gone was written down already.".to_owned(),
                "set_aside" => "This sync was set aside, or a later one took its place. Look at the connection for the newest.".to_owned(),
                "running" => "This sync has not been read whole yet. Wait for it to end.".to_owned(),
                _ => "This sync failed, and left nothing to decide.".to_owned(),
            },
            Self::Aws { phase, source, .. } => format!(
                "AWS did not let Stint read all {phase}: {source}. Nothing was taken for ended. Test the connection to see what is missing."
            ),
            Self::Connection(e) => e.detail(),
            Self::OtherAccount { was, now } => format!(
                "The IAM users and groups known here are those of account {was}, but the connection now speaks for account {now}, where none of them exist. Nothing was taken for gone. Give it credentials of {was} again, and connect {now} by a connection of its own."
            ),
            Self::Taken => {
                "This AWS identity is confirmed to be another user's. Reject that link first.".to_owned()
            }
            Self::LinkState { state } => format!("The link is already {state}; reload to see how it stands."),
            Self::Stale { version } => format!(
                "It has changed since you read it and is now at version {version}. Read it again, then decide."
            ),
            Self::Id { field, source } => format!("{field}: {source}."),
            Self::NotAPerson => "Choose an Identity Center user or an IAM user; a group has members, and is nobody's identity.".to_owned(),
            Self::Db(e) => e.detail(),
        }
    }
}
