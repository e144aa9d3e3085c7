//! What can go wrong with configuration as code.

use super::Mistake;
use crate::cx::Denied;
use crate::http::{Fault, Kind};
use crate::{catalog, identity, policies};

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The files have mistakes; all of them, as many as are told at once, never empty.
    #[error("{}", join(.0))]
    Mistakes(Vec<Mistake>),
    /// The plan that was looked at is not the one that would be applied: what is different.
    #[error("what would be applied is not what was looked at: {0}")]
    Moved(String),
    /// What would be written over was changed by hand since it was applied.
    #[error("changed by hand since it was applied: {}", .0.join("; "))]
    ByHand(Vec<String>),
    /// What there is could not be written down.
    #[error("what there is could not be written down")]
    Unwritable,
    /// Applying was broken off.
    #[error("applying was broken off: plan again to see what is left")]
    Stopped,
    /// A verb about groups or users failed.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// A verb about policies failed.
    #[error(transparent)]
    Policies(#[from] policies::Error),
    /// A verb about catalogs or access controls failed.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

fn join(mistakes: &[Mistake]) -> String {
    let texts: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Mistakes(_) => Kind::Invalid,
            Self::Moved(_) | Self::ByHand(_) => Kind::Conflict,
            Self::Unwritable | Self::Stopped => Kind::Internal,
            Self::Identity(error) => error.kind(),
            Self::Policies(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Mistakes(_) => "config_invalid",
            Self::Moved(_) => "config_plan_moved",
            Self::ByHand(_) => "config_changed_by_hand",
            Self::Unwritable | Self::Stopped => "internal",
            Self::Identity(error) => error.code(),
            Self::Policies(error) => error.code(),
            Self::Catalog(error) => error.code(),
            Self::Db(error) => error.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Denied(denied) => denied.detail(),
            Self::Moved(words) if words.is_empty() => {
                "What would be applied is not what was looked at: plan again.".to_owned()
            }
            Self::Moved(_) => format!("{self}. Plan again, and look at it."),
            Self::ByHand(_) => format!(
                "{self}. Take the changes over into the files (`stint export` has them), or say that they are written over."
            ),
            Self::Identity(error) => error.detail(),
            Self::Policies(error) => error.detail(),
            Self::Catalog(error) => error.detail(),
            Self::Db(error) => error.detail(),
            Self::Mistakes(_) | Self::Unwritable | Self::Stopped => self.to_string(),
        }
    }
}
