//! An IAM user Stint makes, locks out and takes apart.
//!
//! The user is ours if it bears the tag with the object's id, or is the one whose id (which AWS
//! never gives twice) was pinned when it was first seen. A call whose reply was lost is
//! recognised by that. Everything goes by the user's *name*, and names come back for others: so
//! nothing is sent but after a reading of the same claim that found the name to be ours.
//!
//! A user is taken apart in the order that leaves it locked out should anything stop half-way:
//! keys inactive and console password gone first, then what AWS wants gone before `DeleteUser`
//! (AWS reference §1.1), then the user. One that Stint did not make is only looked at, until a
//! person names it.

mod plan;

use super::{Answer, Attempt, Change, Fact, Hold, MOST_DECISIONS, Outcome, Refused, Tries, VAIN};
use crate::binding::{Claim, Config, Lost};
use crate::time::Time;
use crate::{AttemptId, ObjectId};

pub use plan::Step;

crate::grant::words! {
    /// Where a user comes from.
    Origin {
        /// Stint makes it.
        Made = "made",
        /// It was there, and a person told Stint of it.
        Found = "found",
    }
}

crate::grant::words! {
    /// What it is to become.
    Wanted {
        /// Only to be looked at.
        Seen = "seen",
        /// There, as it was asked for.
        Active = "active",
        /// There, and locked out.
        Disabled = "disabled",
        /// Gone.
        Deleted = "deleted",
    }
}

crate::grant::words! {
    /// How it came out.
    How {
        /// Looked at; nothing was changed.
        Seen = "seen",
        /// It is there.
        Active = "active",
        /// It is there and locked out.
        Disabled = "disabled",
        /// It is gone, and that was read back.
        Deleted = "deleted",
        /// It was never made, or what was made is gone.
        Failed = "failed",
        /// Somebody else deleted it, or it never was.
        Gone = "gone",
    }
}

crate::grant::words! {
    /// Where it stands, for people.
    State {
        /// Being looked at for the first time.
        Looking = "looking",
        /// Not made by Stint; looked at only.
        Found = "found",
        /// Being made.
        Creating = "creating",
        /// There.
        Active = "active",
        /// Being locked out.
        Disabling = "disabling",
        /// Locked out.
        Disabled = "disabled",
        /// Being taken apart.
        Deleting = "deleting",
        /// Gone.
        Deleted = "deleted",
        /// It could not be made.
        Failed = "failed",
        /// Somebody else deleted it.
        Gone = "gone",
        /// AWS refuses what has to be done.
        Stuck = "stuck",
    }
}

/// How much of a user a reading told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Whether it is there, and whose.
    User,
    /// Its keys and console password as well.
    Locks,
    /// All that hangs on it.
    Everything,
}

/// What hangs on a user, in the order it is removed. The first two lock it out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hanging {
    /// A key that opens.
    ActiveKey(String),
    /// A console password.
    LoginProfile,
    /// A key, active or not.
    Key(String),
    /// A signing certificate.
    Certificate(String),
    /// An SSH key.
    SshKey(String),
    /// A credential for one service.
    ServiceCredential(String),
    /// An MFA device, by its serial number or ARN.
    Mfa(String),
    /// An inline policy, by name.
    InlinePolicy(String),
    /// A managed policy, by ARN.
    AttachedPolicy(String),
    /// A group, by name.
    Group(String),
}

impl Hanging {
    /// Whether it lets somebody in.
    pub const fn is_a_lock(&self) -> bool {
        matches!(self, Self::ActiveKey(_) | Self::LoginProfile)
    }

    /// The call that removes it.
    pub fn removal(&self) -> Change {
        match self {
            Self::ActiveKey(id) => Change::DeactivateKey(id.clone()),
            Self::LoginProfile => Change::DeleteLoginProfile,
            Self::Key(id) => Change::DeleteKey(id.clone()),
            Self::Certificate(id) => Change::DeleteCertificate(id.clone()),
            Self::SshKey(id) => Change::DeleteSshKey(id.clone()),
            Self::ServiceCredential(id) => Change::DeleteServiceCredential(id.clone()),
            Self::Mfa(serial) => Change::DeactivateMfa(serial.clone()),
            Self::InlinePolicy(name) => Change::DeleteInlinePolicy(name.clone()),
            Self::AttachedPolicy(arn) => Change::DetachPolicy(arn.clone()),
            Self::Group(name) => Change::LeaveGroup(name.clone()),
        }
    }
}

/// A user, as a reading found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `AIDA…`: never given twice.
    pub id: String,
    /// What it is called now.
    pub name: String,
    /// The id of the object in the tag that marks users made by Stint.
    pub mark: Option<String>,
    /// What hangs on it, as far as the reading went; in any order.
    pub hanging: Vec<Hanging>,
    /// Actions Stint was not allowed, so that what they would have listed is not known.
    pub unseen: Vec<String>,
}

/// What one complete read of AWS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When it began.
    pub began: Time,
    /// How far it went.
    pub scope: Scope,
    /// The user under that name (or the pinned one, whatever its name); nothing where there is
    /// none.
    pub user: Option<Found>,
}

/// How a wish came out, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub at: Time,
    /// How.
    pub how: How,
}

/// What is stored of a user. Every field is a plain column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id; what the tag carries.
    pub id: ObjectId,
    /// Who works on it, and when next.
    pub hold: Hold,
    /// Where it comes from.
    pub origin: Origin,
    /// The name it was asked for by.
    pub name: String,
    /// The id AWS gave it, once seen.
    pub user_id: Option<String>,
    /// What it is to become.
    pub wanted: Wanted,
    /// When that was asked for.
    pub asked_at: Time,
    /// How that came out; nothing while it is under way.
    pub settled: Option<Settled>,
    /// Why it could not be made.
    pub failure: Option<String>,
    /// When the newest reading began that found it.
    pub last_present: Option<Time>,
}

/// A user with what is known of it now, as loaded in one transaction.
///
/// `attempts` holds at least those signed within [`Config::memory`], and all that AWS said are
/// done. `seen` is of this claim: readings are not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserLedger {
    /// The user.
    pub user: User,
    /// Its attempts, in any order.
    pub attempts: Vec<Attempt>,
    /// The newest reading of this claim.
    pub seen: Option<Seen>,
    /// Until when a call for another user under this name may be under way in AWS.
    pub name_fenced: Option<Time>,
}

/// What a worker does between two transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the claim is given back.
    Rest,
    /// Read this much of it, then [`UserLedger::observe`].
    Read(Scope),
    /// Send this attempt's call signed with its `sign_at`, then [`UserLedger::record`].
    Send(Attempt),
}

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The new state, to be stored.
    pub ledger: UserLedger,
    /// What became true.
    pub facts: Vec<Fact>,
    /// What to do after the commit.
    pub action: Action,
}

impl User {
    /// One that is to be made.
    pub fn to_make(id: ObjectId, name: String, now: Time) -> Self {
        Self::new(id, Origin::Made, name, Wanted::Active, now)
    }

    /// One that is there, and is to be looked at.
    pub fn to_find(id: ObjectId, name: String, now: Time) -> Self {
        Self::new(id, Origin::Found, name, Wanted::Seen, now)
    }

    fn new(id: ObjectId, origin: Origin, name: String, wanted: Wanted, now: Time) -> Self {
        Self {
            id,
            hold: Hold::due_at(now),
            origin,
            name,
            user_id: None,
            wanted,
            asked_at: now,
            settled: None,
            failure: None,
            last_present: None,
        }
    }

    /// Where it stands, for people.
    pub fn state(&self) -> State {
        match self.settled.map(|it| it.how) {
            Some(How::Seen) => State::Found,
            Some(How::Active) => State::Active,
            Some(How::Disabled) => State::Disabled,
            Some(How::Deleted) => State::Deleted,
            Some(How::Failed) => State::Failed,
            Some(How::Gone) => State::Gone,
            None if self.hold.stuck.is_some() => State::Stuck,
            None => match self.wanted {
                Wanted::Seen => State::Looking,
                Wanted::Active => State::Creating,
                Wanted::Disabled => State::Disabling,
                Wanted::Deleted => State::Deleting,
            },
        }
    }

    /// Nothing more is to be done, ever.
    pub const fn is_over(&self) -> bool {
        matches!(
            self.settled,
            Some(Settled {
                how: How::Deleted | How::Failed | How::Gone,
                ..
            })
        )
    }

    /// Whether this is the user that is meant.
    pub fn is_it(&self, found: &Found) -> bool {
        let pinned = self.user_id.as_ref().is_some_and(|id| *id == found.id);
        let marked = || found.mark.as_deref() == Some(self.id.to_string().as_str());
        match self.origin {
            Origin::Made => pinned || marked(),
            // Until it is pinned: whoever bears the name.
            Origin::Found => pinned || self.user_id.is_none(),
        }
    }

    /// Locks it out: keys inactive, console password gone.
    pub fn disable(self, now: Time) -> Result<Self, Refused> {
        self.want(Wanted::Disabled, "disable it", now)
    }

    /// Deletes it, with everything that hangs on it.
    pub fn delete(self, now: Time) -> Result<Self, Refused> {
        self.want(Wanted::Deleted, "delete it", now)
    }

    fn want(self, wanted: Wanted, verb: &'static str, now: Time) -> Result<Self, Refused> {
        let no = |why| Refused {
            from: self.state().as_str(),
            verb,
            why,
        };
        if self.is_over() {
            return Err(no("there is no such user any more"));
        }
        if self.wanted == wanted || self.wanted == Wanted::Deleted {
            return Err(no("that was asked for already"));
        }
        if self.wanted == Wanted::Active && wanted == Wanted::Disabled && self.settled.is_none() {
            return Err(no("it is not there yet"));
        }
        if self.origin == Origin::Found && self.user_id.is_none() {
            return Err(no("Stint has not seen it yet"));
        }
        Ok(Self {
            wanted,
            asked_at: now,
            settled: None,
            hold: Hold {
                stuck: None,
                failures: 0,
                again_at: None,
                due: Some(now),
                ..self.hold
            },
            ..self
        })
    }

    /// Tries again now what AWS refuses.
    pub fn retry(mut self, now: Time) -> Result<Self, Refused> {
        if self.settled.is_some() || self.hold.stuck.is_none() {
            return Err(Refused {
                from: self.state().as_str(),
                verb: "try again",
                why: "nothing is refused",
            });
        }
        self.hold.again_at = Some(now);
        self.hold.wake(now);
        Ok(self)
    }
}

impl UserLedger {
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
        self.user.hold.check(claim, now)?;
        let mut ledger = self;
        let mut facts = Vec::new();
        for _ in 0..MOST_DECISIONS {
            let action = match ledger.plan(claim, now, config) {
                Step::Rest { until } => {
                    ledger.user.hold.rest(until);
                    return Ok(Turn {
                        ledger,
                        facts,
                        action: Action::Rest,
                    });
                }
                Step::Read(scope) => Action::Read(scope),
                Step::Send(change) => {
                    let again = ledger.user.hold.again_at;
                    let seen = ledger.seen.as_ref().and_then(|seen| seen.user.as_ref());
                    let found = seen.filter(|found| ledger.user.is_it(found));
                    let attempt = Attempt {
                        id: attempt,
                        change,
                        sent_as: found
                            .map_or_else(|| ledger.user.name.clone(), |found| found.name.clone()),
                        sign_at: again.map_or(now, |again| now.max(again)),
                        outcome: Outcome::Unknown,
                        note: None,
                    };
                    ledger.attempts.push(attempt.clone());
                    facts.push(Fact::Intended(attempt.clone()));
                    Action::Send(attempt)
                }
                Step::Pin(user_id) => {
                    ledger.user.user_id = Some(user_id.clone());
                    facts.push(Fact::Pinned { user_id });
                    continue;
                }
                Step::Presume(id) => {
                    if let Some(lost) = ledger.attempts.iter_mut().find(|a| a.id == id) {
                        lost.outcome = Outcome::Presumed { at: now };
                        facts.push(Fact::Presumed(id));
                    }
                    continue;
                }
                Step::Fail(reason) => {
                    ledger.fail(reason, now, &mut facts);
                    continue;
                }
                Step::Settle(how) => {
                    ledger.user.settled = Some(Settled { at: now, how });
                    ledger.user.hold.say_stuck(None, now, &mut facts);
                    facts.push(Fact::User(how));
                    continue;
                }
                Step::Unseen(reason) => {
                    ledger.user.hold.say_stuck(Some(reason), now, &mut facts);
                    ledger.user.hold.rest(Some(now + config.stuck_retry));
                    return Ok(Turn {
                        ledger,
                        facts,
                        action: Action::Rest,
                    });
                }
            };
            ledger.user.hold.keep(now, config);
            return Ok(Turn {
                ledger,
                facts,
                action,
            });
        }
        ledger.user.hold.rest(Some(now + config.retry));
        Ok(Turn {
            ledger,
            facts,
            action: Action::Rest,
        })
    }

    /// It will not be made: whatever of it may come to be is taken away again.
    fn fail(&mut self, reason: String, now: Time, facts: &mut Vec<Fact>) {
        facts.push(Fact::NotMade {
            reason: reason.clone(),
        });
        self.user.failure = Some(reason);
        self.user.wanted = Wanted::Deleted;
        self.user.asked_at = now;
    }

    /// Takes in a reading of this claim. A failed or partial read must not come here.
    pub fn observe(mut self, seen: Seen, now: Time) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        if self.user.hold.failures > 0 {
            self.user.hold.failures = 0;
            let refusal = self.tries().standing_refusal(self.user.asked_at);
            self.user.hold.say_stuck(refusal, now, &mut facts);
        }
        let found = seen.user.as_ref();
        if found.is_some_and(|found| self.user.is_it(found)) {
            self.user.last_present = self.user.last_present.max(Some(seen.began));
        }
        self.seen = Some(seen);
        (self, facts)
    }

    /// Writes what became of an attempt onto that attempt, and wakes the object.
    pub fn record(mut self, attempt: AttemptId, answer: Answer, now: Time) -> (Self, Vec<Fact>) {
        let mut facts = Vec::new();
        if let Some(found) = self.attempts.iter_mut().find(|a| a.id == attempt) {
            found.take_answer(answer, now);
        }
        self.user.hold.wake(now);
        let removing = matches!(self.user.wanted, Wanted::Disabled | Wanted::Deleted);
        if removing && self.user.settled.is_none() {
            let refusal = self.tries().standing_refusal(self.user.asked_at);
            self.user.hold.say_stuck(refusal, now, &mut facts);
        }
        (self, facts)
    }

    /// AWS could not be asked: gives the claim back and looks again later, longer each time. What
    /// is to be taken away and waits so often is stuck: somebody has to know.
    pub fn put_off(
        mut self,
        claim: &Claim,
        why: &str,
        now: Time,
        config: &Config,
    ) -> Result<(Self, Vec<Fact>), Lost> {
        let mut facts = Vec::new();
        let id = self.user.id;
        let vain = self.user.hold.put_off(id, claim, now, config)?;
        if vain && self.user.wanted != Wanted::Active {
            let why = Some(why.to_owned());
            self.user.hold.say_stuck(why, now, &mut facts);
        }
        let tries = usize::try_from(self.user.hold.failures).unwrap_or(VAIN);
        if tries >= VAIN && self.user.wanted == Wanted::Active && self.is_late(now, config) {
            // Nothing can be read, and nothing was made: the reason is the last one met.
            self.fail(why.to_owned(), now, &mut facts);
        }
        Ok((self, facts))
    }

    fn is_late(&self, now: Time, config: &Config) -> bool {
        now >= self.user.asked_at + config.provision
    }

    fn tries(&self) -> Tries<'_> {
        Tries::of(&self.attempts, Some(self.user.asked_at), &self.user.hold)
    }
}
