//! What follows from what is stored: ours, wanted, and the moments the rules compare with.

use super::{Attempt, AttemptKind, Config, Ledger, Outcome};
use crate::grant::{Grant, Remains, words};
use crate::time::Time;

words! {
    /// What is to be true in AWS.
    Wanted {
        /// The access is to be there.
        Present = "present",
        /// The access is to be gone.
        Absent = "absent",
        /// Whatever is there is not our business.
        LeaveAlone = "leave_alone",
    }
}

impl Ledger {
    /// What stands in AWS may be there because of us: in this epoch it was adopted, or a
    /// create went out that was not refused. There is no stored "was there before": a create
    /// only follows a reading that found nothing.
    pub fn ours(&self) -> bool {
        self.binding.epoch_open && (self.binding.adopted || self.creates().next().is_some())
    }

    /// What is to be true in AWS now.
    pub fn wanted(&self, now: Time) -> Wanted {
        if self.binding.removal_decision.is_some() {
            Wanted::Absent
        } else if self.binding.interrupted.is_some() {
            Wanted::LeaveAlone
        } else if self.live(now).next().is_some() {
            Wanted::Present
        } else if self.ours() {
            Wanted::Absent
        } else {
            Wanted::LeaveAlone
        }
    }

    /// Whether the access is to go for no other reason than that a clock says so: nobody closed
    /// a grant of it, nobody decided to remove it, and no removal has begun.
    pub fn by_time_alone(&self, now: Time) -> bool {
        let begun = |a: &Attempt| a.kind == AttemptKind::Delete && a.epoch == self.binding.epoch;
        self.wanted(now) == Wanted::Absent
            && self.binding.removal_decision.is_none()
            && self.grants.iter().all(|g| g.closed.is_none())
            && !self.attempts.iter().any(begun)
    }

    /// The grants whose window is open.
    pub fn live(&self, now: Time) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |g| g.is_live(now))
    }

    /// This epoch's creates that may have had, or may yet have, an effect.
    pub(super) fn creates(&self) -> impl Iterator<Item = &Attempt> {
        let epoch = self.binding.epoch;
        self.attempts.iter().filter(move |a| {
            a.kind == AttemptKind::Create && a.epoch == epoch && !a.outcome.is_refused()
        })
    }

    /// All deletes known, of whatever epoch.
    pub(super) fn deletes(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .iter()
            .filter(|a| a.kind == AttemptKind::Delete)
    }

    /// The creates nothing is known of.
    pub(super) fn lost_creates(&self) -> impl Iterator<Item = &Attempt> {
        self.creates().filter(|a| a.outcome == Outcome::Unknown)
    }

    /// The write that last changed something, as far as we know: a create that succeeded, or a
    /// delete that succeeded or failed (a failed one may have taken effect all the same).
    pub(super) fn newest_change(&self) -> Option<(AttemptKind, Time)> {
        self.attempts
            .iter()
            .filter_map(|a| match (a.kind, a.outcome) {
                (_, Outcome::Succeeded { at }) => Some((a.kind, at)),
                (AttemptKind::Delete, Outcome::Failed { at, .. }) => Some((a.kind, at)),
                _ => None,
            })
            .max_by_key(|&(_, at)| at)
    }

    /// The newest evidence that the access was there: a reading, or a create that succeeded.
    pub(super) fn seen_present(&self) -> Option<Time> {
        let created = self
            .attempts
            .iter()
            .filter_map(|a| match (a.kind, a.outcome) {
                (AttemptKind::Create, Outcome::Succeeded { at }) => Some(at),
                _ => None,
            })
            .max();
        created.max(self.binding.last_present_seen)
    }

    /// A delete of ours may explain an absence: it is under way; or nothing is known of it, and
    /// the access was not seen since AWS would have refused it and been through with it; or it
    /// came to an end (one that a worker slept over, for instance) less than LAG before the
    /// access was last seen, or after.
    pub(super) fn may_have_deleted(&self, config: &Config) -> bool {
        let not_seen_since = |t: Time| (self.binding.last_present_seen).is_none_or(|seen| seen < t);
        self.deletes().any(|d| match d.outcome {
            Outcome::Accepted => true,
            Outcome::Unknown => not_seen_since(d.sign_at + config.fence + config.fence),
            Outcome::Succeeded { at } | Outcome::Failed { at, .. } => {
                not_seen_since(at + config.lag)
            }
            _ => false,
        })
    }

    /// When something about the grants changes by itself: a window opens or is over, or a
    /// provision has taken too long.
    pub(super) fn next_boundary(&self, now: Time, config: &Config) -> Option<Time> {
        self.grants
            .iter()
            .filter(|g| g.ended.is_none())
            .flat_map(|g| [Some(g.start), g.end(), g.confirm_by(config)])
            .flatten()
            .filter(|&t| t > now)
            .min()
    }

    /// What remains of the access of a grant that ends although nothing is being removed.
    pub(super) fn remains(&self, now: Time) -> Remains {
        let stands = self.binding.observation.as_ref().is_some_and(|o| o.present);
        if self.live(now).next().is_some() {
            Remains::AnotherGrant
        } else if self.binding.interrupted.is_some() {
            Remains::TakenAway
        } else if stands {
            Remains::Standing
        } else {
            Remains::Nothing
        }
    }
}
