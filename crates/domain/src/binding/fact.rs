//! What a change of a ledger means, in words for the audit log, the outbox and the timeline.

use crate::grant::{CloseReason, Remains};
use crate::time::Time;
use crate::{AttemptId, GrantId};

use super::AttemptKind;

/// Something that became true in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A grant's access is there.
    Confirmed {
        /// Which.
        grant: GrantId,
        /// When its window is now over.
        end: Option<Time>,
    },
    /// A grant's window was closed early.
    Closed {
        /// Which.
        grant: GrantId,
        /// Why.
        reason: CloseReason,
        /// In the words of AWS or of a person.
        note: Option<String>,
    },
    /// A grant has ended for good.
    Ended {
        /// Which.
        grant: GrantId,
        /// What became of the access.
        remains: Remains,
    },
    /// A write to AWS is intended.
    Intended {
        /// Which.
        attempt: AttemptId,
        /// Which way.
        kind: AttemptKind,
    },
    /// A create never heard of can no longer happen.
    Presumed {
        /// Which.
        attempt: AttemptId,
    },
    /// Access found in quarantine is taken for a late create of ours.
    Adopted,
    /// Confirmed access was taken away in AWS, and not by us.
    TakenAway,
    /// Access taken away in AWS is there again, or nobody is waiting for it any more.
    InterruptionOver,
    /// AWS refuses the removal.
    Stuck {
        /// In its words.
        reason: String,
    },
    /// A refused removal goes on.
    Unstuck,
    /// Absence is proved. A removal decision, if there was one, is fulfilled.
    AbsenceProved {
        /// A removal decision was fulfilled by it.
        removal: bool,
    },
    /// Somebody recorded the decision to remove this access.
    RemovalDecided,
    /// Somebody recorded the decision to provision again what was taken away.
    ProvisionAgain,
}
