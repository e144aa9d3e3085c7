//! Changing the access key a connection enters its estate by: add the second key, test it,
//! switch the connection, make the old one inactive, wait, delete it.
//!
//! A user has two keys at most (AWS reference §1.1), so a second one that Stint did not make
//! stops everything before it began. The secret of a new key is in the answer to the call that
//! made it and nowhere else: a lost answer leaves a key nobody knows. It is told from keys of
//! others by this: it was not there when the rotation looked first, a call of ours is lost, and
//! the key was made while that call could arrive. It is made inactive, then deleted.
//!
//! Up to the switch everything can be taken back; after it the rotation only goes forward.

mod plan;

use super::{Answer, Attempt, Change, Fact, Hold, MOST_DECISIONS, Outcome, Refused, Tries};
use crate::binding::{Claim, Config, Lost};
use crate::time::{Span, Time};
use crate::{AttemptId, ObjectId};

pub use plan::Step;

/// Which key the connection enters by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Using {
    /// The one to be replaced.
    Old,
    /// The new one.
    New,
    /// Neither: somebody gave the connection another credential.
    Other,
}

/// A step that was passed, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The new key is there, its secret sealed.
    Added {
        /// `AKIA…`.
        key: String,
    },
    /// AWS takes the new key, and it is the same user's.
    Tested,
    /// The connection enters by the new key.
    Switched,
    /// The old key is inactive.
    Deactivated,
    /// The old key is deleted: the rotation is over.
    Done,
    /// The rotation was given up; nothing of it is left.
    GivenUp,
    /// It will be given up.
    Failed {
        /// Why.
        reason: String,
    },
}

crate::grant::words! {
    /// Where it stands, for people.
    State {
        /// The second key is being made.
        Adding = "adding",
        /// The new key is being tried.
        Testing = "testing",
        /// The old key is being made inactive.
        Retiring = "retiring",
        /// The old key is inactive; waiting before it is deleted.
        Settling = "settling",
        /// The old key is being deleted.
        Deleting = "deleting",
        /// What was begun is being taken back.
        TakingBack = "taking_back",
        /// Over: the connection enters by the new key, the old one is gone.
        Done = "done",
        /// Over: the connection enters as before.
        Failed = "failed",
        /// AWS refuses what has to be done.
        Stuck = "stuck",
    }
}

/// A key, as a reading found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `AKIA…`.
    pub id: String,
    /// Whether it opens.
    pub active: bool,
    /// When AWS made it, to the second.
    pub created_at: Option<Time>,
}

/// What one complete read of the user's keys said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When it began.
    pub began: Time,
    /// The user whose keys these are, by ARN; nothing where the credential is no user's.
    pub user_arn: Option<String>,
    /// As whom the credential speaks, for people.
    pub caller_arn: String,
    /// All keys of the user.
    pub keys: Vec<Key>,
}

/// What trying the new key said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// AWS takes it, for this user.
    As(String),
    /// AWS does not know it (yet).
    NotYet(String),
}

/// What is stored of a rotation. Every field is a plain column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Its id.
    pub id: ObjectId,
    /// Who works on it, and when next.
    pub hold: Hold,
    /// The key to be replaced.
    pub old_key: String,
    /// The user whose keys these are, by ARN, once seen.
    pub user_arn: Option<String>,
    /// The keys that were there at the first look.
    pub stood: Vec<String>,
    /// The new key. Its secret is sealed beside.
    pub new_key: Option<String>,
    /// When it was begun.
    pub began_at: Time,
    /// When the new key was learnt.
    pub added_at: Option<Time>,
    /// When AWS took it first.
    pub tested_at: Option<Time>,
    /// When the connection was switched.
    pub switched_at: Option<Time>,
    /// When the old key was seen inactive.
    pub deactivated_at: Option<Time>,
    /// Why it was given up.
    pub failure: Option<String>,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// How long the old key stays inactive before it is deleted.
    pub settle: Span,
}

/// A rotation with what is known of it now, as loaded in one transaction. `seen` is of this
/// claim: readings are not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationLedger {
    /// The rotation.
    pub rotation: Rotation,
    /// Its attempts, in any order.
    pub attempts: Vec<Attempt>,
    /// What the connection enters by, read in the same transaction.
    pub using: Using,
    /// The newest reading of this claim.
    pub seen: Option<Seen>,
}

/// What a worker does between two transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the claim is given back.
    Rest,
    /// Read the user's keys, then [`RotationLedger::observe`].
    Read,
    /// Ask AWS who the new key is, then [`RotationLedger::tried`].
    Test,
    /// Send this attempt's call signed with its `sign_at`, then [`RotationLedger::record`].
    Send(Attempt),
}

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The new state, to be stored.
    pub ledger: RotationLedger,
    /// What became true.
    pub facts: Vec<Fact>,
    /// What to do after the commit.
    pub action: Action,
    /// The connection is to be switched to the new key in the same transaction.
    pub switch: bool,
}

/// The name at the end of a user's ARN: `arn:aws:iam::1:user/path/name`.
pub fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

impl Rotation {
    /// One that begins now.
    pub fn begin(id: ObjectId, old_key: String, settle: Span, now: Time) -> Self {
        Self {
            id,
            hold: Hold::due_at(now),
            old_key,
            user_arn: None,
            stood: Vec::new(),
            new_key: None,
            began_at: now,
            added_at: None,
            tested_at: None,
            switched_at: None,
            deactivated_at: None,
            failure: None,
            ended_at: None,
            settle,
        }
    }

    /// Where it stands, for people.
    pub fn state(&self, now: Time) -> State {
        if self.ended_at.is_some() {
            return if self.failure.is_some() {
                State::Failed
            } else {
                State::Done
            };
        }
        if self.hold.stuck.is_some() {
            return State::Stuck;
        }
        if self.failure.is_some() {
            return State::TakingBack;
        }
        match (self.switched_at, self.deactivated_at) {
            (Some(_), Some(at)) if now < at + self.settle => State::Settling,
            (Some(_), Some(_)) => State::Deleting,
            (Some(_), None) => State::Retiring,
            (None, _) if self.new_key.is_some() => State::Testing,
            (None, _) => State::Adding,
        }
    }

    /// When the old key is deleted, once it is inactive.
    pub fn deletes_at(&self) -> Option<Time> {
        self.deactivated_at.map(|at| at + self.settle)
    }

    /// Calls it off: what was begun is taken back. Not after the switch.
    pub fn cancel(mut self, reason: String, now: Time) -> Result<Self, Refused> {
        let no = |why| Refused {
            from: self.state(now).as_str(),
            verb: "call it off",
            why,
        };
        if self.ended_at.is_some() || self.failure.is_some() {
            return Err(no("it is over"));
        }
        if self.switched_at.is_some() {
            return Err(no("the connection enters by the new key already"));
        }
        self.failure = Some(reason);
        self.hold.wake(now);
        Ok(self)
    }

    /// Tries again now what AWS refuses.
    pub fn retry(mut self, now: Time) -> Result<Self, Refused> {
        if self.ended_at.is_some() || self.hold.stuck.is_none() {
            return Err(Refused {
                from: self.state(now).as_str(),
                verb: "try again",
                why: "nothing is refused",
            });
        }
        self.hold.again_at = Some(now);
        self.hold.wake(now);
        Ok(self)
    }
}

impl RotationLedger {
    /// One turn of the worker that holds `claim`. `attempt` is the id for an attempt, should this
    /// turn intend one. The lease is renewed, or given back when there is nothing to do.
    ///
    /// Fails when the claim is lost; the worker then drops everything.
    pub fn advance(
        self,
        claim: &Claim,
        attempt: AttemptId,
        now: Time,
        config: &Config,
    ) -> Result<Turn, Lost> {
        self.rotation.hold.check(claim, now)?;
        let mut ledger = self;
        let mut facts = Vec::new();
        let mut switch = false;
        for _ in 0..MOST_DECISIONS {
            let action = match ledger.plan(claim, now, config) {
                Step::Rest { until } => {
                    ledger.rotation.hold.rest(until);
                    return Ok(Turn {
                        ledger,
                        facts,
                        action: Action::Rest,
                        switch,
                    });
                }
                Step::Read => Action::Read,
                Step::Test => Action::Test,
                Step::Send(change) => {
                    let again = ledger.rotation.hold.again_at;
                    // As the user is called now: it may have been renamed since.
                    let seen = ledger.seen.as_ref().and_then(|it| it.user_arn.as_deref());
                    let arn = seen.or(ledger.rotation.user_arn.as_deref());
                    let arn = arn.unwrap_or_default();
                    let attempt = Attempt {
                        id: attempt,
                        change,
                        sent_as: name_in(arn).to_owned(),
                        sign_at: again.map_or(now, |again| now.max(again)),
                        outcome: Outcome::Unknown,
                        note: None,
                    };
                    if let Some(key) = ledger.first_touch(&attempt.change) {
                        facts.push(Fact::LostKey { key });
                    }
                    ledger.attempts.push(attempt.clone());
                    facts.push(Fact::Intended(attempt.clone()));
                    Action::Send(attempt)
                }
                decision => {
                    switch |= decision == Step::Switch;
                    ledger.decide(decision, now, &mut facts);
                    continue;
                }
            };
            ledger.rotation.hold.keep(now, config);
            return Ok(Turn {
                ledger,
                facts,
                action,
                switch,
            });
        }
        ledger.rotation.hold.rest(Some(now + config.retry));
        Ok(Turn {
            ledger,
            facts,
            action: Action::Rest,
            switch,
        })
    }

    /// The key of a lost call, where this is the first call about it.
    fn first_touch(&self, change: &Change) -> Option<String> {
        let of = |change: &Change| match change {
            Change::DeactivateKey(key) | Change::DeleteKey(key) => Some(key.clone()),
            _ => None,
        };
        let key = of(change)?;
        let known = key == self.rotation.old_key || self.rotation.new_key.as_ref() == Some(&key);
        let touched = (self.attempts.iter()).any(|a| of(&a.change).as_ref() == Some(&key));
        (!known && !touched).then_some(key)
    }

    fn decide(&mut self, decision: Step, now: Time, facts: &mut Vec<Fact>) {
        let rotation = &mut self.rotation;
        match decision {
            Step::Note { user_arn, stood } => {
                rotation.user_arn = Some(user_arn);
                rotation.stood = stood;
            }
            Step::Switch => {
                rotation.switched_at = Some(now);
                self.using = Using::New;
                facts.push(Fact::Rotation(Passed::Switched));
            }
            Step::Deactivated => {
                rotation.deactivated_at = Some(now);
                rotation.hold.say_stuck(None, now, facts);
                facts.push(Fact::Rotation(Passed::Deactivated));
            }
            Step::Presume(id) => {
                if let Some(lost) = self.attempts.iter_mut().find(|a| a.id == id) {
                    lost.outcome = Outcome::Presumed { at: now };
                    facts.push(Fact::Presumed(id));
                }
            }
            Step::Fail(reason) => {
                facts.push(Fact::Rotation(Passed::Failed {
                    reason: reason.clone(),
                }));
                rotation.failure = Some(reason);
            }
            Step::Refuse(reason) => rotation.hold.say_stuck(Some(reason), now, facts),
            Step::End => {
                rotation.ended_at = Some(now);
                rotation.hold.say_stuck(None, now, facts);
                facts.push(Fact::Rotation(if rotation.failure.is_some() {
                    Passed::GivenUp
                } else {
                    Passed::Done
                }));
            }
            Step::Rest { .. } | Step::Read | Step::Test | Step::Send(_) => {}
        }
    }

    /// Takes in a reading of this claim. A failed or partial read must not come here.
    pub fn observe(mut self, seen: Seen, now: Time) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        if self.rotation.hold.failures > 0 {
            self.rotation.hold.failures = 0;
            let refusal = self.tries().standing_refusal(self.rotation.began_at);
            self.rotation.hold.say_stuck(refusal, now, &mut facts);
        }
        self.seen = Some(seen);
        (self, facts)
    }

    /// The connection was given another credential, and AWS no longer takes the new key, by which
    /// alone the rotation could go on: it is over.
    pub fn shut_out(mut self, why: &str, now: Time) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        if self.using == Using::Other && self.rotation.ended_at.is_none() {
            if self.rotation.failure.is_none() {
                let reason = format!(
                    "the connection was given another credential, and AWS no longer takes the new key \
                     ({why}): see to the old key {} in AWS",
                    self.rotation.old_key
                );
                self.decide(Step::Fail(reason), now, &mut facts);
            }
            self.decide(Step::End, now, &mut facts);
        }
        (self, facts)
    }

    /// Takes in what trying the new key said.
    pub fn tried(mut self, tried: Tried, now: Time, config: &Config) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        let rotation = &mut self.rotation;
        if rotation.tested_at.is_some() || rotation.failure.is_some() {
            return (self, facts);
        }
        rotation.hold.failures = 0;
        match tried {
            Tried::As(arn) if rotation.user_arn.as_deref() == Some(arn.as_str()) => {
                rotation.tested_at = Some(now);
                facts.push(Fact::Rotation(Passed::Tested));
            }
            Tried::As(arn) => {
                let reason = format!("the new key speaks as {arn}, not as the connection's user");
                self.decide(Step::Fail(reason), now, &mut facts);
            }
            Tried::NotYet(why) => {
                let over = rotation.added_at.map(|at| at + super::PROPAGATION);
                if over.is_some_and(|over| over <= now) {
                    let reason = format!("AWS does not take the new key: {why}");
                    self.decide(Step::Fail(reason), now, &mut facts);
                } else {
                    rotation.hold.rest(Some(now + config.retry));
                }
            }
        }
        (self, facts)
    }

    /// Writes what became of an attempt onto that attempt, and wakes the object. `key`: the
    /// access key it made, whose secret the caller seals in the same transaction. Of an attempt
    /// of which another key is known already, or after the rotation was given up, it is a key
    /// like one of a lost call: nobody will use it.
    pub fn record(
        mut self,
        attempt: AttemptId,
        answer: Answer,
        key: Option<String>,
        now: Time,
    ) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        if let Some(found) = self.attempts.iter_mut().find(|a| a.id == attempt) {
            found.take_answer(answer, now);
        }
        let dropped = |key: &String| {
            let ours = |a: &Attempt| match &a.change {
                Change::DeactivateKey(id) | Change::DeleteKey(id) => id == key,
                _ => false,
            };
            self.attempts.iter().any(ours)
        };
        let key = key.filter(|key| !dropped(key));
        let rotation = &mut self.rotation;
        if let Some(key) = key
            && rotation.new_key.is_none()
            && rotation.ended_at.is_none()
        {
            facts.push(Fact::Rotation(Passed::Added { key: key.clone() }));
            rotation.new_key = Some(key);
            rotation.added_at = Some(now);
        }
        rotation.hold.wake(now);
        let removing = self.rotation.switched_at.is_some() || self.rotation.failure.is_some();
        if removing && self.rotation.ended_at.is_none() {
            let refusal = self.tries().standing_refusal(self.rotation.began_at);
            self.rotation.hold.say_stuck(refusal, now, &mut facts);
        }
        (self, facts)
    }

    /// AWS could not be asked: gives the claim back and looks again later, longer each time.
    pub fn put_off(
        mut self,
        claim: &Claim,
        why: &str,
        now: Time,
        config: &Config,
    ) -> Result<(Self, Vec<Fact>), Lost> {
        let mut facts = Vec::new();
        let id = self.rotation.id;
        if self.rotation.hold.put_off(id, claim, now, config)? {
            let why = Some(why.to_owned());
            self.rotation.hold.say_stuck(why, now, &mut facts);
        }
        Ok((self, facts))
    }

    fn tries(&self) -> Tries<'_> {
        Tries::of(&self.attempts, None, &self.rotation.hold)
    }

    /// Whether this key may be what a lost call of ours made.
    pub fn is_lost(&self, key: &Key, config: &Config) -> bool {
        let rotation = &self.rotation;
        let known = key.id == rotation.old_key || rotation.new_key.as_ref() == Some(&key.id);
        if known || rotation.user_arn.is_none() || rotation.stood.contains(&key.id) {
            return false;
        }
        let made = |a: &Attempt| match a.outcome {
            Outcome::Unknown | Outcome::Presumed { .. } => true,
            // Its key came too late to be used: another was known, or it was given up.
            Outcome::Succeeded { .. } => rotation
                .added_at
                .is_none_or(|at| a.outcome.at() != Some(at)),
            _ => false,
        };
        let could = |a: &Attempt| {
            // AWS tells the second, cut off.
            let whole = Time::from_micros(a.sign_at.seconds() * 1_000_000);
            let slack = config.fence + config.lag;
            (key.created_at).is_some_and(|at| at + slack >= whole && at <= a.sign_at + slack)
        };
        (self.tries().same(&Change::CreateKey)).any(|a| made(a) && could(a))
    }
}
