//! The next step of a rotation: the first row that fits.

use super::{Key, RotationLedger, Seen, Using};
use crate::AttemptId;
use crate::binding::{Claim, Config};
use crate::managed::{Attempt, Change, Outcome, Tries, settled};
use crate::time::{Span, Time};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until then; or until somebody changes something.
    Rest {
        /// When to look next.
        until: Option<Time>,
    },
    /// Read the user's keys.
    Read,
    /// Try the new key.
    Test,
    /// Intend this change.
    Send(Change),
    /// Keep what the first reading found.
    Note {
        /// The user, by ARN.
        user_arn: String,
        /// Its keys.
        stood: Vec<String>,
    },
    /// The connection enters by the new key from now on.
    Switch,
    /// The old key is inactive.
    Deactivated,
    /// A lost call can no longer happen.
    Presume(AttemptId),
    /// Give it up, and take back what was begun.
    Fail(String),
    /// Somebody has to know.
    Refuse(String),
    /// It is over.
    End,
}

/// A second key that cannot be made for so long will not be made.
const PATIENCE: Span = Span::hours(1);

struct View<'a> {
    ledger: &'a RotationLedger,
    claim: &'a Claim,
    now: Time,
    config: &'a Config,
}

impl RotationLedger {
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
        let rotation = &self.ledger.rotation;
        if rotation.ended_at.is_some() {
            return Step::Rest { until: None };
        }
        if rotation.failure.is_some() {
            return self.take_back();
        }
        if rotation.switched_at.is_some() {
            return match self.ledger.using {
                Using::New => self.retire(),
                // What it enters by is never touched.
                Using::Old => {
                    Step::Fail("the connection was given its former access key again".to_owned())
                }
                Using::Other => Step::Fail(format!(
                    "the connection was given another credential after the switch: see to its former \
                     access key {} in AWS",
                    rotation.old_key
                )),
            };
        }
        if self.ledger.using != Using::Old {
            return Step::Fail("the connection was given another credential meanwhile".to_owned());
        }
        match (&rotation.new_key, rotation.tested_at) {
            (None, _) => self.add(),
            (Some(_), None) => Step::Test,
            (Some(_), Some(_)) => Step::Switch,
        }
    }

    fn fresh(&self) -> Option<&Seen> {
        let seen = self.ledger.seen.as_ref();
        seen.filter(|seen| seen.began >= self.claim.began)
    }

    fn rest(&self, until: Time) -> Step {
        Step::Rest { until: Some(until) }
    }

    fn tries(&self) -> Tries<'_> {
        self.ledger.tries()
    }

    fn creates(&self) -> impl Iterator<Item = &Attempt> {
        self.tries().same(&Change::CreateKey)
    }

    fn add(&self) -> Step {
        let (rotation, config) = (&self.ledger.rotation, self.config);
        let Some(seen) = self.fresh() else {
            return Step::Read;
        };
        let Some(user_arn) = &seen.user_arn else {
            return Step::Fail(format!(
                "the credential speaks as {}, which is no IAM user: only the access key of an IAM user \
                 can be rotated",
                seen.caller_arn
            ));
        };
        match &rotation.user_arn {
            None => {
                return Step::Note {
                    user_arn: user_arn.clone(),
                    stood: seen.keys.iter().map(|key| key.id.clone()).collect(),
                };
            }
            Some(known) if known != user_arn => {
                return Step::Fail(format!(
                    "the credential speaks as {user_arn} now, and was {known}'s when the rotation began"
                ));
            }
            Some(_) => {}
        }
        if !seen.keys.iter().any(|key| key.id == rotation.old_key) {
            return Step::Fail(format!(
                "{user_arn} has no access key {} any more",
                rotation.old_key
            ));
        }
        if let Some(step) = self.drop_lost(seen) {
            return step;
        }
        // What we deleted a moment ago may still be listed.
        let gone = |key: &&Key| {
            self.tries()
                .done(&Change::DeleteKey(key.id.clone()))
                .is_none()
        };
        let others = seen.keys.iter().filter(|key| key.id != rotation.old_key);
        if let Some(other) = others
            .filter(gone)
            .find(|key| !self.ledger.is_lost(key, config))
        {
            return Step::Fail(in_the_way(user_arn, rotation.old_key.as_str(), other));
        }
        let newest = self.creates().max_by_key(|a| (a.sign_at, a.id));
        if let Some(Outcome::Refused {
            permanent: true, ..
        }) = newest.map(|a| a.outcome)
        {
            let why = newest.and_then(|a| a.note.clone());
            return Step::Fail(why.unwrap_or_else(|| "AWS refused to make the key".to_owned()));
        }
        if self.now >= rotation.began_at + PATIENCE {
            let why = newest.and_then(|a| a.note.clone());
            let why = why.unwrap_or_else(|| "AWS gave no answer".to_owned());
            return Step::Fail(format!("no second key could be made within an hour: {why}"));
        }
        match self.tries().later(&Change::CreateKey, self.now, config) {
            Some(later) => self.rest(later),
            None => Step::Send(Change::CreateKey),
        }
    }

    /// A key that a lost call made is made inactive, then deleted.
    fn drop_lost(&self, seen: &Seen) -> Option<Step> {
        let lost = (seen.keys.iter()).find(|key| self.ledger.is_lost(key, self.config))?;
        Some(match self.remove(lost, seen) {
            Ok(change) => Step::Send(change),
            Err(Some(until)) => self.rest(until),
            Err(None) => return None,
        })
    }

    /// The next call that removes this key; or when there may be one; or nothing, once it is
    /// deleted and the reading only does not show it yet.
    fn remove(&self, key: &Key, seen: &Seen) -> Result<Change, Option<Time>> {
        let tries = self.tries();
        let delete = Change::DeleteKey(key.id.clone());
        if let Some(done) = tries.done(&delete) {
            let shown = done + self.config.lag;
            if seen.began < shown {
                return Err((self.now < shown).then_some(shown));
            }
        }
        let off = Change::DeactivateKey(key.id.clone());
        // By itself a key can be deleted, but once inactive it opens nothing.
        let itself = self.ledger.using == Using::Other;
        let inactive =
            itself || !key.active || tries.done(&off).is_some_and(|done| done >= seen.began);
        let next = if inactive { delete } else { off };
        match tries.later(&next, self.now, self.config) {
            Some(later) => Err(Some(later)),
            None => Ok(next),
        }
    }

    /// The connection enters by the new key: the old one goes.
    fn retire(&self) -> Step {
        let (rotation, config) = (&self.ledger.rotation, self.config);
        // Calls that left with the old key are answered before it stops to open.
        let from = rotation.switched_at.map(|at| at + config.lease);
        if let Some(from) = from.filter(|&from| from > self.now) {
            return self.rest(from);
        }
        let waits = rotation.deletes_at().filter(|&at| at > self.now);
        if let Some(at) = waits {
            return self.rest(at);
        }
        let Some(seen) = self.fresh() else {
            return Step::Read;
        };
        let old = seen.keys.iter().find(|key| key.id == rotation.old_key);
        let off = Change::DeactivateKey(rotation.old_key.clone());
        match (old, rotation.deactivated_at) {
            (None, None) => Step::Deactivated,
            (Some(old), None) if !old.active => Step::Deactivated,
            (Some(_), None) => match self.tries().done(&off) {
                // Done, and not shown yet.
                Some(done) if seen.began < done + config.lag => self.rest(done + config.lag),
                _ => self.change(off),
            },
            (Some(old), Some(_)) if old.active && !self.told_again(&off) => {
                let reason = format!(
                    "somebody made the old key {} active again in AWS: it is in use elsewhere. Give those \
                     another key, then try again",
                    old.id
                );
                self.refuse(reason)
            }
            (Some(old), Some(_)) => match self.remove(old, seen) {
                Ok(change) => Step::Send(change),
                Err(Some(until)) => self.rest(until),
                Err(None) => self.finish(seen),
            },
            (None, Some(_)) => self.finish(seen),
        }
    }

    /// Whether a person asked to go on since it was last made inactive.
    fn told_again(&self, off: &Change) -> bool {
        let again = self.ledger.rotation.hold.again_at;
        let last = self.tries().same(off).map(|a| a.sign_at).max();
        again.is_some_and(|again| last.is_none_or(|last| again > last))
            || self.tries().done(off).is_some_and(|done| {
                self.fresh()
                    .is_some_and(|seen| seen.began < done + self.config.lag)
            })
    }

    /// Shown, and looked at again now and then.
    fn refuse(&self, reason: String) -> Step {
        let hold = &self.ledger.rotation.hold;
        if hold
            .stuck
            .as_ref()
            .is_some_and(|stuck| stuck.reason == reason)
        {
            return self.rest(self.now + self.config.stuck_retry);
        }
        Step::Refuse(reason)
    }

    fn change(&self, change: Change) -> Step {
        match self.tries().later(&change, self.now, self.config) {
            Some(later) => self.rest(later),
            None => Step::Send(change),
        }
    }

    /// Nothing of what was begun may stay.
    fn take_back(&self) -> Step {
        let rotation = &self.ledger.rotation;
        // Without a key of its own there is no way to look at the user whose key it was.
        if rotation.user_arn.is_none()
            || (self.ledger.using == Using::Other && rotation.new_key.is_none())
        {
            return Step::End;
        }
        let new = rotation.new_key.as_ref();
        let deleted = new.and_then(|key| self.tries().done(&Change::DeleteKey(key.clone())));
        if self.ledger.using == Using::Other && deleted.is_some() {
            return Step::End;
        }
        let Some(seen) = self.fresh() else {
            return Step::Read;
        };
        // The user may be called otherwise by now, but keys do not change users.
        let ours = |key: &Key| key.id == rotation.old_key || Some(&key.id) == new;
        if !seen.keys.iter().any(ours) {
            return Step::End;
        }
        if let Some(key) = seen.keys.iter().find(|key| Some(&key.id) == new) {
            return match self.remove(key, seen) {
                Ok(change) => Step::Send(change),
                Err(Some(until)) => self.rest(until),
                Err(None) => self.finish(seen),
            };
        }
        self.finish(seen)
    }

    /// The last look: keys of lost calls are gone, and none of those can arrive any more.
    fn finish(&self, seen: &Seen) -> Step {
        if let Some(step) = self.drop_lost(seen) {
            return step;
        }
        // What this reading does not show may have been made a moment before it.
        let shown = self.tries().last_closing().map(|at| at + self.config.lag);
        if let Some(shown) = shown.filter(|&shown| seen.began < shown) {
            return self.rest(shown);
        }
        let lost = self.creates().filter(|a| a.is_lost());
        match lost.max_by_key(|a| (a.sign_at, a.id)) {
            Some(create) => {
                let over = settled(create.sign_at, self.config);
                if seen.began >= over {
                    return Step::Presume(create.id);
                }
                let look = self.now + self.config.lag + self.config.lag;
                self.rest(look.min(over))
            }
            None => Step::End,
        }
    }
}

fn in_the_way(user: &str, ours: &str, other: &Key) -> String {
    let status = if other.active { "active" } else { "inactive" };
    let made = other
        .created_at
        .map_or_else(String::new, |at| format!(", made {at}"));
    format!(
        "{user} has two access keys, which is as many as AWS allows: {ours}, by which Stint enters, and \
         {} ({status}{made}), which Stint did not make. Delete that one if nobody uses it, and begin again",
        other.id
    )
}
