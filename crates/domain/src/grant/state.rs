//! What to show for a grant: its window together with what its binding has come to.

use super::{Grant, words};
use crate::binding::Binding;
use crate::time::Time;

words! {
    /// Where a grant stands, for people.
    GrantState {
        /// Its window has not opened.
        Scheduled = "scheduled",
        /// Its window is open; its access is not confirmed yet.
        Provisioning = "provisioning",
        /// Its access is there.
        Active = "active",
        /// Its access was there, and somebody took it away in AWS.
        Interrupted = "interrupted",
        /// Its window is over; the access is being removed.
        Ending = "ending",
        /// Its window is over; AWS refuses to remove the access.
        Stuck = "stuck",
        /// Its window is over, and so is what it gave.
        Ended = "ended",
        /// It was never provisioned.
        Failed = "failed",
    }
}

impl GrantState {
    /// The word people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Provisioning => "Provisioning",
            Self::Active => "Active",
            Self::Interrupted => "Taken away in AWS",
            Self::Ending => "Ending",
            Self::Stuck => "Stuck",
            Self::Ended => "Ended",
            Self::Failed => "Failed",
        }
    }

    /// The state of `grant`, given the binding of its pair.
    pub fn of(grant: &Grant, binding: &Binding, now: Time) -> Self {
        let failed = grant.closed.as_ref().is_some_and(|c| c.reason.is_failure());
        if grant.ended.is_none() && grant.is_over(now) && binding.stuck.is_some() {
            Self::Stuck
        } else if failed {
            Self::Failed
        } else if grant.ended.is_some() {
            Self::Ended
        } else if grant.is_over(now) {
            Self::Ending
        } else if now < grant.start {
            Self::Scheduled
        } else if binding.interrupted.is_some() {
            Self::Interrupted
        } else if grant.is_confirmed() {
            Self::Active
        } else {
            Self::Provisioning
        }
    }
}
