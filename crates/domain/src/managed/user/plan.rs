//! The next step for a user: the first row that fits.
//!
//! A reading is fresh if it began in this claim; only a fresh one moves anything.

use super::{Found, Hanging, How, Origin, Scope, Seen, UserLedger, Wanted};
use crate::AttemptId;
use crate::binding::{Claim, Config};
use crate::managed::{Attempt, Change, Outcome, Tries, earliest, settled};
use crate::time::Time;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until then; or until somebody changes something.
    Rest {
        /// When to look next.
        until: Option<Time>,
    },
    /// Read this much of it.
    Read(Scope),
    /// Intend this change.
    Send(Change),
    /// Keep the id AWS gave it.
    Pin(String),
    /// A lost call can no longer happen.
    Presume(AttemptId),
    /// It will not be made, for this reason.
    Fail(String),
    /// It is as wanted, or never will be.
    Settle(How),
    /// Not everything that matters may be looked at.
    Unseen(String),
}

struct View<'a> {
    ledger: &'a UserLedger,
    claim: &'a Claim,
    now: Time,
    config: &'a Config,
}

impl UserLedger {
    /// The next step. It presumes that the claim holds.
    pub fn plan(&self, claim: &Claim, now: Time, config: &Config) -> Step {
        View {
            ledger: self,
            claim,
            now,
            config,
        }
        .step()
    }
}

impl View<'_> {
    fn step(&self) -> Step {
        if self.ledger.user.settled.is_some() {
            return Step::Rest { until: None };
        }
        match self.ledger.user.wanted {
            Wanted::Seen => self.look(),
            Wanted::Active => self.make(),
            Wanted::Disabled | Wanted::Deleted => self.remove(),
        }
    }

    fn fresh(&self, scope: Scope) -> Option<&Seen> {
        let seen = self.ledger.seen.as_ref();
        let young = |seen: &&Seen| {
            // A name may be another's a minute later: a reading is good for one lease.
            seen.began >= self.claim.began && seen.began + self.config.lease > self.now
        };
        seen.filter(young).filter(|seen| seen.scope >= scope)
    }

    fn rest(&self, until: Time) -> Step {
        Step::Rest { until: Some(until) }
    }

    fn tries(&self) -> Tries<'_> {
        self.ledger.tries()
    }

    fn creates(&self) -> impl Iterator<Item = &Attempt> {
        self.tries().same(&Change::CreateUser)
    }

    /// Only looked at: which user it is, and what hangs on it.
    fn look(&self) -> Step {
        let Some(seen) = self.fresh(Scope::Everything) else {
            return Step::Read(Scope::Everything);
        };
        match &seen.user {
            Some(found) if self.ledger.user.user_id.is_none() => Step::Pin(found.id.clone()),
            Some(found) if self.ledger.user.is_it(found) => Step::Settle(How::Seen),
            // What was told by hand may have been made a moment ago.
            _ if self.now < self.ledger.user.asked_at + self.config.lag => {
                self.rest(self.ledger.user.asked_at + self.config.lag)
            }
            _ => Step::Settle(How::Gone),
        }
    }

    fn make(&self) -> Step {
        let (user, config) = (&self.ledger.user, self.config);
        let Some(seen) = self.fresh(Scope::User) else {
            return Step::Read(Scope::User);
        };
        let made = self.tries().done(&Change::CreateUser);
        match &seen.user {
            Some(found) if user.is_it(found) => {
                return match &user.user_id {
                    Some(_) => Step::Settle(How::Active),
                    None => Step::Pin(found.id.clone()),
                };
            }
            // Ours was made, and another bears the name: ours was deleted by somebody.
            Some(_) if made.is_some() => return Step::Settle(How::Gone),
            Some(found) => return Step::Fail(taken(found)),
            None => {}
        }
        if let Some(at) = made {
            // Not known everywhere yet, or deleted since: a later reading tells which.
            return if seen.began < at + config.lag {
                self.rest((at + config.lag).min(self.now + config.retry))
            } else {
                Step::Settle(How::Gone)
            };
        }
        if let Some(why) = self.refusal() {
            return Step::Fail(why);
        }
        if self.ledger.is_late(self.now, config) {
            let last = self.creates().max_by_key(|a| (a.sign_at, a.id));
            let why = last.and_then(|a| a.note.clone());
            let why = why.unwrap_or_else(|| "AWS gave no answer".to_owned());
            return Step::Fail(format!("it was not there in time: {why}"));
        }
        if let Some(fenced) = self.ledger.name_fenced
            && fenced > self.now
        {
            return self.rest(fenced);
        }
        match self.tries().later(&Change::CreateUser, self.now, config) {
            Some(later) => self.rest(later),
            None => Step::Send(Change::CreateUser),
        }
    }

    /// Why AWS will not have it made: its newest word on it, if it is a last one.
    fn refusal(&self) -> Option<String> {
        let newest = self.creates().max_by_key(|a| (a.sign_at, a.id))?;
        let permanent = Outcome::Refused {
            at: newest.outcome.at()?,
            permanent: true,
        };
        (newest.outcome == permanent).then(|| {
            let why = newest.note.clone();
            why.unwrap_or_else(|| "AWS refused to make it".to_owned())
        })
    }

    fn remove(&self) -> Step {
        let Some(seen) = self.fresh(Scope::Locks) else {
            return Step::Read(Scope::Locks);
        };
        match &seen.user {
            Some(found) if self.ledger.user.is_it(found) => self.take_apart(seen, found),
            _ => self.absent(seen),
        }
    }

    /// One removal after the other, what lets somebody in first. Whatever AWS refuses is passed
    /// over until its time comes again: the rest is removed meanwhile.
    fn take_apart(&self, seen: &Seen, found: &Found) -> Step {
        let disabling = self.ledger.user.wanted == Wanted::Disabled;
        let mut waits = None;
        let locks = found.hanging.iter().filter(|it| it.is_a_lock());
        match self.first(locks, seen, &mut waits) {
            Some(change) => return Step::Send(change),
            None if disabling => return self.locked_out(seen, found, waits),
            None => {}
        }
        if seen.scope < Scope::Everything {
            return Step::Read(Scope::Everything);
        }
        let others = found.hanging.iter().filter(|it| !it.is_a_lock());
        if let Some(change) = self.first(others, seen, &mut waits) {
            return Step::Send(change);
        }
        if let Some(change) = self.device(seen, Some(found), &mut waits) {
            return Step::Send(change);
        }
        if let Some(until) = waits {
            return self.rest(until);
        }
        self.last(seen)
    }

    /// Nothing hangs on it as far as is known: the user itself. AWS refuses while anything does.
    fn last(&self, seen: &Seen) -> Step {
        let change = Change::DeleteUser;
        let newest = self.tries().same(&change).filter_map(|a| a.outcome.at());
        if let Some(at) = newest.max()
            && seen.began < at
        {
            // What it said about is older than its answer: look again, once reads show it.
            let done = self.tries().done(&change).is_some_and(|done| done >= at);
            let until = if done { at + self.config.lag } else { at };
            return match until > self.now {
                true => self.rest(until),
                false => Step::Read(Scope::Everything),
            };
        }
        if let Some(at) = self.tries().done(&change)
            && seen.began < at + self.config.lag
        {
            return self.rest(at + self.config.lag);
        }
        match self.tries().later(&change, self.now, self.config) {
            Some(later) => self.rest(later),
            None => Step::Send(change),
        }
    }

    /// The first of these that is still to be removed and may be tried now. `waits`: when the
    /// next of the others may.
    fn first<'h>(
        &self,
        hanging: impl Iterator<Item = &'h Hanging>,
        seen: &Seen,
        waits: &mut Option<Time>,
    ) -> Option<Change> {
        let mut hanging: Vec<&Hanging> = hanging.collect();
        hanging.sort();
        hanging
            .into_iter()
            .map(Hanging::removal)
            .find(|change| self.may(change, seen, waits))
    }

    /// Whether this removal is to be tried now. One that was done after the reading began, or so
    /// shortly before that the reading may be older, is not.
    fn may(&self, change: &Change, seen: &Seen, waits: &mut Option<Time>) -> bool {
        let tries = self.tries();
        if let Some(done) = tries.done(change) {
            if done >= seen.began {
                return false;
            }
            if seen.began < done + self.config.lag {
                *waits = earliest([*waits, Some(done + self.config.lag)]);
                return false;
            }
        }
        match tries.later(change, self.now, self.config) {
            Some(later) => {
                *waits = earliest([*waits, Some(later)]);
                false
            }
            None => true,
        }
    }

    /// A virtual MFA device that was taken off the user and is still there. AWS no longer lists
    /// it with the user; that we took it off is on record.
    fn device(
        &self,
        seen: &Seen,
        found: Option<&Found>,
        waits: &mut Option<Time>,
    ) -> Option<Change> {
        let attached = |serial: &str| {
            let hanging = found.map(|found| found.hanging.as_slice());
            let listed = hanging.unwrap_or_default().iter();
            let listed = listed
                .filter(|it| matches!(it, Hanging::Mfa(known) if known == serial))
                .count();
            let off = self
                .tries()
                .done(&Change::DeactivateMfa(serial.to_owned()))
                .is_some_and(|done| done >= seen.began);
            listed > 0 && !off
        };
        let mut taken: Vec<&str> = (self.ledger.attempts.iter())
            .filter(|a| !matches!(a.outcome, Outcome::Refused { .. }))
            .filter_map(|a| match &a.change {
                Change::DeactivateMfa(serial) if is_virtual(serial) => Some(serial.as_str()),
                _ => None,
            })
            .filter(|serial| !attached(serial))
            .collect();
        taken.sort_unstable();
        taken.dedup();
        taken
            .into_iter()
            .map(|serial| Change::DeleteVirtualMfa(serial.to_owned()))
            .filter(|change| !self.is_deleted(change))
            .find(
                |change| match self.tries().later(change, self.now, self.config) {
                    Some(later) => {
                        *waits = earliest([*waits, Some(later)]);
                        false
                    }
                    None => true,
                },
            )
    }

    /// Whether this virtual device was deleted since it was last taken off the user.
    fn is_deleted(&self, change: &Change) -> bool {
        let Change::DeleteVirtualMfa(serial) = change else {
            return false;
        };
        let off = Change::DeactivateMfa(serial.clone());
        let off = self.tries().same(&off).map(|a| a.sign_at).max();
        let deleted = self.tries().same(change);
        deleted
            .filter(|a| a.done_at().is_some())
            .any(|a| off.is_none_or(|off| a.sign_at >= off))
    }

    /// Locked out once a reading agrees that began long enough after the last call.
    fn locked_out(&self, seen: &Seen, found: &Found, waits: Option<Time>) -> Step {
        if let Some(until) = waits {
            return self.rest(until);
        }
        if !found.unseen.is_empty() {
            return Step::Unseen(unseen(&found.unseen));
        }
        match self.not_yet(seen, None) {
            Some(until) => self.rest(until),
            None => Step::Settle(How::Disabled),
        }
    }

    /// When a reading may be believed that everything is over: LAG after the last closing, and
    /// after it was last seen.
    fn not_yet(&self, seen: &Seen, present: Option<Time>) -> Option<Time> {
        let last = self.tries().last_closing().max(present)?;
        let settled = last + self.config.lag;
        (seen.began < settled).then_some(settled)
    }

    /// No such user, or another under its name.
    fn absent(&self, seen: &Seen) -> Step {
        let user = &self.ledger.user;
        if let Some(settled) = self.not_yet(seen, user.last_present) {
            return self.rest(settled);
        }
        let mut waits = None;
        if let Some(change) = self.device(seen, None, &mut waits) {
            return Step::Send(change);
        }
        if let Some(until) = waits {
            return self.rest(until);
        }
        // A lost create may still land: then it is taken apart.
        let lost = self.creates().filter(|a| a.is_lost());
        if let Some(create) = lost.max_by_key(|a| (a.sign_at, a.id)) {
            let over = settled(create.sign_at, self.config);
            return if seen.began >= over {
                Step::Presume(create.id)
            } else {
                let look = self.now + self.config.lag + self.config.lag;
                self.rest(look.min(over))
            };
        }
        Step::Settle(match (user.wanted, user.origin) {
            _ if user.failure.is_some() => How::Failed,
            (Wanted::Deleted, Origin::Made | Origin::Found) => How::Deleted,
            _ => How::Gone,
        })
    }
}

/// AWS reference §1.1: a virtual device's serial number is its ARN.
fn is_virtual(serial: &str) -> bool {
    serial.starts_with("arn:") && serial.contains(":mfa/")
}

fn taken(found: &Found) -> String {
    format!(
        "there is an IAM user {} already ({}), which this request did not make: choose another name, or \
         have that one looked at as an existing user",
        found.name, found.id
    )
}

fn unseen(actions: &[String]) -> String {
    format!(
        "Stint may not look whether it is locked out: allow {}",
        actions.join(", ")
    )
}
