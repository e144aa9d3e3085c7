//! The handle: one simulated AWS and what its owner may do with it.

mod exchange;
mod looks;
mod people;
mod policies;
mod provisioning;
mod rows;
mod snapshots;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stint_iam_policy::ParseError;

pub(crate) use self::exchange::Outcome;
pub use self::rows::{AssignmentRow, IamMembershipRow};
pub use self::snapshots::Snapshot;
use self::snapshots::Snapshots;
use crate::access::Moment;
use crate::clock::{SimClock, wall_micros};
use crate::estate::{AccountState, EstateError, EstateFile, FileError};
use crate::events::EventRule;
use crate::facts::Facts;
use crate::fault::Faults;
use crate::history::Changed;
use crate::journal::{Call as Entry, Party, Wanted};
use crate::ops::ConsoleSession;
use crate::options::{Knobs, SimOptions};
use crate::world::World;

/// One simulated AWS. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Sim {
    world: Arc<Mutex<World>>,
    clock: SimClock,
    faults: Faults,
    snapshots: Snapshots,
}

/// Why an owner's wish cannot be fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Nothing has this name or id.
    #[error("no {what} `{id}` in this simulated AWS")]
    Unknown {
        /// `role`, `account` or `user`.
        what: &'static str,
        /// As given.
        id: String,
    },
    /// The text is no policy, or none for this purpose.
    #[error("policy: {0}")]
    Policy(#[from] ParseError),
    /// The name may not be given.
    #[error("{0}")]
    Name(&'static str),
    /// There are as many as there may be.
    #[error("{0}")]
    Full(&'static str),
    /// Nobody can sign in this way.
    #[error("{0}")]
    SignIn(String),
}

impl Sim {
    /// Generates an estate and everything around it. Fails when the counts cannot be met.
    pub fn new(options: SimOptions) -> Result<Sim, EstateError> {
        let world = World::new(&options.estate, options.knobs)?;
        Ok(Sim::of(world, options.clock))
    }

    /// Builds the estate of a file and everything around it. Fails where the file says what AWS
    /// would not take.
    pub fn from_file(file: &EstateFile, clock: SimClock, knobs: Knobs) -> Result<Sim, FileError> {
        Ok(Sim::of(World::from_file(file, knobs)?, clock))
    }

    fn of(mut world: World, clock: SimClock) -> Sim {
        world.lag_turned();
        Sim {
            faults: world.faults.clone(),
            world: Arc::new(Mutex::new(world)),
            clock,
            snapshots: Snapshots::default(),
        }
    }

    /// The clock it lives by.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// The script of what goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Keys, names and ids.
    pub fn facts(&self) -> Facts {
        self.lock().facts.clone()
    }

    /// Turns its manners.
    pub fn knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        let mut world = self.caught_up();
        turn(&mut world.knobs);
        world.lag_turned();
    }

    /// How many connections may be open at once.
    pub(crate) fn connections(&self) -> usize {
        self.lock().knobs.connections
    }

    /// How many calls have arrived so far, answered or not.
    pub fn calls(&self) -> u64 {
        self.lock().journal.total()
    }

    /// How many of them were signed with this party's keys.
    pub fn calls_by(&self, party: Party) -> u64 {
        self.lock().journal.total_by(party)
    }

    /// The calls so far, oldest first; of very many only the newest.
    pub fn journal(&self) -> Vec<Entry> {
        self.journal_since(0)
    }

    /// The calls after the one with this number.
    pub fn journal_since(&self, no: u64) -> Vec<Entry> {
        self.lock().journal.since(no)
    }

    /// Those of the calls that are asked for, and the number to go on from (as `after`, or as
    /// `before` where the newest come first) if there are more.
    pub fn calls_wanted(&self, wanted: &Wanted) -> (Vec<Entry>, Option<u64>) {
        self.lock().journal.pick(wanted)
    }

    /// Every row of access that came or went, oldest first, and by whose key; of very many
    /// only the newest. What the estate was generated with is not in it.
    pub fn history(&self) -> Vec<Changed> {
        self.caught_up().history.all()
    }

    /// Changes the state of an account.
    pub fn set_account_state(
        &self,
        account_id: &str,
        state: AccountState,
    ) -> Result<(), ControlError> {
        let mut world = self.lock();
        let account = world
            .estate
            .accounts
            .iter_mut()
            .find(|account| account.id == account_id);
        account.ok_or_else(|| unknown("account", account_id))?.state = state;
        Ok(())
    }

    /// Sends events of changes to a queue, as a rule of EventBridge in the queue's account would:
    /// those from these sources (`aws.iam`), or all. The queue's policy must let
    /// `events.amazonaws.com` send.
    pub fn put_event_rule(
        &self,
        name: &str,
        queue_arn: &str,
        sources: &[&str],
    ) -> Result<(), ControlError> {
        let mut world = self.caught_up();
        let queue = world.queues.by_arn(queue_arn);
        let account = queue.map(|queue| queue.account.clone());
        let account = account.ok_or_else(|| unknown("queue", queue_arn))?;
        let rule = EventRule {
            name: name.to_owned(),
            account_id: account,
            queue_arn: queue_arn.to_owned(),
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            delivered: 0,
            refused: 0,
            lost: 0,
        };
        let rules = &mut world.events.rules;
        match rules
            .iter_mut()
            .find(|known| known.name == name && known.account_id == rule.account_id)
        {
            Some(known) => {
                known.queue_arn = rule.queue_arn;
                known.sources = rule.sources;
            }
            None => rules.push(rule),
        }
        Ok(())
    }

    /// The rules there are, and what became of their events.
    pub fn event_rules(&self) -> Vec<EventRule> {
        self.caught_up().events.rules.clone()
    }

    /// Every sign-in to the console so far.
    pub fn console_sessions(&self) -> Vec<ConsoleSession> {
        self.lock().consoles.sessions.clone()
    }

    fn moment(&self) -> Moment {
        Moment {
            at: self.clock.now_micros(),
            wall: wall_micros(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.stamp.set(self.clock.now_micros());
        world
    }

    fn caught_up(&self) -> MutexGuard<'_, World> {
        let mut world = self.lock();
        world.catch_up(self.moment());
        world
    }
}

fn unknown(what: &'static str, id: &str) -> ControlError {
    ControlError::Unknown {
        what,
        id: id.to_owned(),
    }
}
