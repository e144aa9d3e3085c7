//! Claims: one worker at a time plans for a binding, and knows when it no longer does.

use super::{Binding, Config};
use crate::time::Time;

/// A worker's hold on a binding. A reading is fresh if it began in this claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The generation this claim made.
    pub generation: i64,
    /// When it was made, by the database's clock.
    pub began: Time,
}

/// Why a worker no longer holds the binding. It drops what it was about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Another worker claimed it since.
    #[error("claimed by another worker: generation {now}, ours is {mine}")]
    Generation {
        /// Ours.
        mine: i64,
        /// The stored one.
        now: i64,
    },
    /// The lease ran out while this worker slept.
    #[error("the lease ran out")]
    Lease,
}

impl Binding {
    /// A worker may claim it: due, and nobody holds it.
    pub fn is_claimable(&self, now: Time) -> bool {
        self.due.is_some_and(|due| due <= now) && self.lease_until.is_none_or(|until| until <= now)
    }

    /// Claims it, if it may be claimed: `generation + 1` and a new lease. The store does the
    /// same in one statement.
    pub fn claim(self, now: Time, config: &Config) -> Option<(Self, Claim)> {
        if !self.is_claimable(now) {
            return None;
        }
        let generation = self.generation + 1;
        let claimed = Self {
            generation,
            lease_until: Some(now + config.lease),
            ..self
        };
        Some((
            claimed,
            Claim {
                generation,
                began: now,
            },
        ))
    }

    /// The claim still holds. `now` is the database's.
    pub fn check(&self, claim: &Claim, now: Time) -> Result<(), Lost> {
        if self.generation != claim.generation {
            return Err(Lost::Generation {
                mine: claim.generation,
                now: self.generation,
            });
        }
        if self.lease_until.is_none_or(|until| until <= now) {
            return Err(Lost::Lease);
        }
        Ok(())
    }
}
