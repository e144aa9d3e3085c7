//! Managed objects beside bindings: IAM users Stint makes and takes apart ([`user`]), and the
//! rotation of the access key it enters an estate by ([`rotation`]).
//!
//! The engine is the bindings': what is wanted is stored, AWS is read, and `plan` names the one
//! next step between them. A change is intended first, committed, sent signed with the intent's
//! time, and its outcome recorded. IAM answers at once, so there is nothing to poll; a call
//! nothing is known of may land until AWS no longer accepts its signature.
//!
//! Not here: calling AWS, storing, waiting. A moment is always an argument.

pub mod rotation;
pub mod user;

mod attempt;
#[cfg(test)]
mod tests;

pub use attempt::{Answer, Attempt, Change, Outcome};

use crate::ObjectId;
use crate::binding::{Claim, Config, Lost, Stuck};
use crate::time::{Span, Time};

crate::grant::words! {
    /// What kind of thing it is.
    ObjectKind {
        /// An IAM user.
        User = "iam_user",
        /// A change of the access key a connection enters by.
        Rotation = "key_rotation",
    }
}

/// When access keys are old, and how they are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRules {
    /// From this age on a key is said to be old.
    pub warn_after: Span,
    /// From this age on it is rotated by itself; never, when absent.
    pub rotate_after: Option<Span>,
    /// How long an old key stays inactive before it is deleted.
    pub settle: Span,
}

impl Default for KeyRules {
    /// Said to be old after 90 days, never rotated by itself, deleted a day after it was made
    /// inactive.
    fn default() -> Self {
        Self {
            warn_after: Span::hours(24 * 90),
            rotate_after: None,
            settle: Span::hours(24),
        }
    }
}

impl KeyRules {
    /// How old a key is that was set then, where that is too old.
    pub fn too_old(&self, set_at: Time, now: Time) -> Option<Span> {
        let age = now.since(set_at);
        (age >= self.warn_after).then_some(age)
    }
}

/// So many tries in a row that came to nothing are shown as stuck, whatever the reasons.
const VAIN: usize = 5;

/// More than any turn needs: decisions only ever lead forward.
const MOST_DECISIONS: usize = 16;

/// Who works on an object, and when next. The same for every kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hold {
    /// Counts claims: who holds an older number has lost it.
    pub generation: i64,
    /// A worker holds it until then.
    pub lease_until: Option<Time>,
    /// When a worker is to look next.
    pub due: Option<Time>,
    /// When a person last asked to try again: older attempts put nothing off.
    pub again_at: Option<Time>,
    /// Readings that failed since the last that did not.
    pub failures: i64,
    /// AWS refuses what has to be done.
    pub stuck: Option<Stuck>,
}

impl Hold {
    /// One that a worker is to look at now.
    pub fn due_at(now: Time) -> Self {
        Self {
            due: Some(now),
            ..Self::default()
        }
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

    fn rest(&mut self, until: Option<Time>) {
        self.due = until;
        self.lease_until = None;
    }

    fn keep(&mut self, now: Time, config: &Config) {
        self.lease_until = Some(now + config.lease);
    }

    /// Looked at again as soon as may be, by whoever comes.
    fn wake(&mut self, now: Time) {
        self.due = Some(self.due.map_or(now, |due| due.min(now)));
    }

    /// The worker stops: gives the claim back at once.
    pub fn hand_over(&mut self, claim: &Claim, now: Time) -> Result<(), Lost> {
        self.check(claim, now)?;
        self.wake(now);
        self.lease_until = None;
        Ok(())
    }

    /// AWS could not be asked: later, longer each time. Answers whether somebody has to know.
    fn put_off(
        &mut self,
        salt: ObjectId,
        claim: &Claim,
        now: Time,
        config: &Config,
    ) -> Result<bool, Lost> {
        self.check(claim, now)?;
        self.failures += 1;
        let tries = usize::try_from(self.failures).unwrap_or(1);
        let wait = Config::backoff(config.retry, config.retry_most, tries, chance(salt.0));
        self.rest(Some(now + wait));
        Ok(tries >= VAIN)
    }

    /// Says that it is stuck, or no longer.
    fn say_stuck(&mut self, reason: Option<String>, now: Time, facts: &mut Vec<Fact>) {
        match reason {
            Some(reason) if self.stuck.as_ref().is_some_and(|s| s.reason == reason) => {}
            Some(reason) => {
                let since = self.stuck.as_ref().map_or(now, |s| s.since);
                facts.push(Fact::Stuck {
                    reason: reason.clone(),
                });
                self.stuck = Some(Stuck { since, reason });
            }
            None => {
                if self.stuck.take().is_some() {
                    facts.push(Fact::Unstuck);
                }
            }
        }
    }
}

/// What became true in a transaction, for the audit log, the outbox and the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A change of AWS is intended.
    Intended(Attempt),
    /// A call nothing was heard of can no longer happen.
    Presumed(crate::AttemptId),
    /// An IAM user is as it was wanted.
    User(user::How),
    /// A user will not be made.
    NotMade {
        /// Why.
        reason: String,
    },
    /// A user's first reading: which user this is about, by the id AWS never gives twice.
    Pinned {
        /// `AIDA…`.
        user_id: String,
    },
    /// A step of a rotation.
    Rotation(rotation::Passed),
    /// A key appeared that a lost call of ours made; nobody knows its secret.
    LostKey {
        /// `AKIA…`.
        key: String,
    },
    /// AWS refuses what has to be done.
    Stuck {
        /// In its words.
        reason: String,
    },
    /// What was refused goes on.
    Unstuck,
}

/// A verb that does not fit where an object stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {verb}: it is {from}, and {why}")]
pub struct Refused {
    /// Where it stands.
    pub from: &'static str,
    /// What was tried.
    pub verb: &'static str,
    /// Why not.
    pub why: &'static str,
}

/// Some chance that is the same for the same facts.
fn chance(id: uuid::Uuid) -> u128 {
    id.as_u128() & 0xffff_ffff
}

/// From then on AWS no longer accepts a call signed at `at`, and reads show what it did.
fn settled(at: Time, config: &Config) -> Time {
    at + config.fence + config.lag
}

/// The attempts of an object, as far as they matter to the next step.
#[derive(Clone, Copy)]
struct Tries<'a> {
    attempts: &'a [Attempt],
    /// Earlier ones served another end, or a person asked to try again since.
    floor: Option<Time>,
    stuck: bool,
}

impl<'a> Tries<'a> {
    fn of(attempts: &'a [Attempt], floor: Option<Time>, hold: &Hold) -> Self {
        Self {
            attempts,
            floor: floor.max(hold.again_at),
            stuck: hold.stuck.is_some(),
        }
    }

    fn same(self, change: &Change) -> impl Iterator<Item = &'a Attempt> + Clone + use<'a> {
        let change = change.clone();
        (self.attempts.iter()).filter(move |a| a.change == change)
    }

    /// The newest of this change that AWS says is done, or had nothing to do.
    fn done(self, change: &Change) -> Option<Time> {
        self.same(change).filter_map(Attempt::done_at).max()
    }

    /// When this change may be tried (again), if that is not now.
    fn later(self, change: &Change, now: Time, config: &Config) -> Option<Time> {
        let floor = self.floor;
        let tries = self
            .same(change)
            .filter(move |a| floor.is_none_or(|floor| a.sign_at >= floor));
        let last = tries.clone().max_by_key(|a| (a.sign_at, a.id))?;
        let wait = if matches!(
            last.outcome,
            Outcome::Refused {
                permanent: true,
                ..
            }
        ) || self.stuck
        {
            config.stuck_retry
        } else {
            Config::backoff(
                config.retry,
                config.retry_most,
                tries.count(),
                chance(last.id.0),
            )
        };
        Some(last.sign_at + wait).filter(|&at| at > now)
    }

    /// Why something has not been removed although it was tried: the newest try of some change was
    /// refused for good, or the last few came to nothing.
    fn standing_refusal(self, since: Time) -> Option<String> {
        let mut newest: Vec<&Attempt> = Vec::new();
        let removals = |a: &&Attempt| {
            a.sign_at >= since && !matches!(a.change, Change::CreateUser | Change::CreateKey)
        };
        for attempt in self.attempts.iter().filter(removals) {
            match newest.iter_mut().find(|a| a.change == attempt.change) {
                Some(known) if (known.sign_at, known.id) < (attempt.sign_at, attempt.id) => {
                    *known = attempt;
                }
                Some(_) => {}
                None => newest.push(attempt),
            }
        }
        newest.sort_by_key(|a| (a.sign_at, a.id));
        let refused = newest.iter().rev().find(|a| {
            matches!(
                a.outcome,
                Outcome::Refused {
                    permanent: true,
                    ..
                }
            ) || self.vain(&a.change)
        })?;
        let why = refused.note.clone();
        Some(why.unwrap_or_else(|| "no answer".to_owned()))
    }

    fn vain(self, change: &Change) -> bool {
        let mut tries: Vec<&Attempt> = self.same(change).collect();
        tries.sort_by_key(|a| (a.sign_at, a.id));
        let vain = tries.iter().rev().take_while(|a| a.done_at().is_none());
        vain.count() >= VAIN
    }

    /// When the newest of all that is over was known to be over.
    fn last_closing(self) -> Option<Time> {
        self.attempts.iter().filter_map(|a| a.outcome.at()).max()
    }
}

/// Rest until the earliest of these.
fn earliest(times: impl IntoIterator<Item = Option<Time>>) -> Option<Time> {
    times.into_iter().flatten().min()
}

/// How long AWS may take to know what it has just made (AWS reference §1.1: seconds to
/// minutes).
pub const PROPAGATION: Span = Span::minutes(5);
