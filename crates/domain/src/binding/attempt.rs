//! An Attempt: one try to change AWS, committed before the call, with what became of it.

use crate::AttemptId;
use crate::time::Time;

crate::grant::words! {
    /// Which way an attempt changes AWS.
    AttemptKind {
        /// Adds the access.
        Create = "create",
        /// Removes it.
        Delete = "delete",
    }
}

/// One try. Its call carries a signature of `sign_at`, whenever it is really sent, so that
/// AWS itself refuses it once that is older than the fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Which way.
    pub kind: AttemptKind,
    /// The epoch it was intended in; for a create nothing is known of, the one it may land in.
    pub epoch: i64,
    /// When it was intended, and the time its call is signed with.
    pub sign_at: Time,
    /// A delete intended under a removal decision.
    pub under_removal: bool,
    /// AWS's id of the asynchronous write.
    pub request_id: Option<String>,
    /// The membership it made (create) or is to remove (delete).
    pub membership: Option<String>,
    /// When its asynchronous status was last looked at.
    pub polled_at: Option<Time>,
    /// What became of it.
    pub outcome: Outcome,
    /// What AWS said about it.
    pub note: Option<String>,
}

/// What is known to have become of an attempt. `at` is when we learnt it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Committed, and nothing known: unsent, asleep, lost, or its status cannot be read.
    Unknown,
    /// AWS took it and works on it.
    Accepted,
    /// AWS says it is done.
    Succeeded {
        /// When we learnt it.
        at: Time,
    },
    /// AWS gave up on it. A failed create may have taken effect all the same.
    Failed {
        /// When we learnt it.
        at: Time,
        /// The text says that the access is not there (a failed delete proves absence only so).
        gone: bool,
    },
    /// A delete answered at once that there is nothing to delete.
    NotFound {
        /// When we learnt it.
        at: Time,
    },
    /// Definitely without effect: conflict, access denied, signature too old, never sent.
    Refused {
        /// When we learnt it.
        at: Time,
    },
    /// Never sent, because another write had to come first. No effect, and no refusal either.
    Held {
        /// When we learnt it.
        at: Time,
    },
    /// A create never heard of that can no longer happen.
    Presumed {
        /// When that was established.
        at: Time,
    },
}

impl Outcome {
    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { gone: false, .. } => "failed",
            Self::Failed { gone: true, .. } => "failed_gone",
            Self::NotFound { .. } => "not_found",
            Self::Refused { .. } => "refused",
            Self::Held { .. } => "held",
            Self::Presumed { .. } => "presumed",
        }
    }

    /// When we learnt it; nothing for what is still open.
    pub const fn at(self) -> Option<Time> {
        match self {
            Self::Unknown | Self::Accepted => None,
            Self::Succeeded { at }
            | Self::Failed { at, .. }
            | Self::NotFound { at }
            | Self::Refused { at }
            | Self::Held { at }
            | Self::Presumed { at } => Some(at),
        }
    }

    /// The outcome these two columns stand for, if any.
    pub fn parse(word: &str, at: Option<Time>) -> Option<Self> {
        Some(match (word, at) {
            ("unknown", None) => Self::Unknown,
            ("accepted", None) => Self::Accepted,
            ("succeeded", Some(at)) => Self::Succeeded { at },
            ("failed", Some(at)) => Self::Failed { at, gone: false },
            ("failed_gone", Some(at)) => Self::Failed { at, gone: true },
            ("not_found", Some(at)) => Self::NotFound { at },
            ("refused", Some(at)) => Self::Refused { at },
            ("held", Some(at)) => Self::Held { at },
            ("presumed", Some(at)) => Self::Presumed { at },
            _ => return None,
        })
    }

    /// Nothing more can come of it: Succeeded, Failed, NotFound, Presumed.
    pub const fn is_closed(self) -> bool {
        matches!(
            self,
            Self::Succeeded { .. }
                | Self::Failed { .. }
                | Self::NotFound { .. }
                | Self::Presumed { .. }
        )
    }

    /// Of a delete: it says that the access is gone.
    pub const fn says_gone(self) -> bool {
        matches!(
            self,
            Self::Succeeded { .. } | Self::Failed { gone: true, .. } | Self::NotFound { .. }
        )
    }

    /// Never heard of again, and taken to be over.
    pub const fn is_presumed(self) -> bool {
        matches!(self, Self::Presumed { .. })
    }

    /// It certainly had no effect.
    pub const fn is_refused(self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Held { .. })
    }
}

impl Attempt {
    /// When it closed, if it did.
    pub const fn closed_at(&self) -> Option<Time> {
        if self.outcome.is_closed() {
            self.outcome.at()
        } else {
            None
        }
    }

    /// AWS took it, worked on it, and is through with it, one way or the other.
    pub const fn is_done_by_aws(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Succeeded { .. } | Outcome::Failed { .. }
        )
    }
}
