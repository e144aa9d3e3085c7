//! The script of what goes wrong.
//!
//! A fault is a matcher and an effect. Every call is held against all of them in the order
//! they were added; each counts the calls it matches, and the first whose turn it is acts. Delays
//! act besides, all of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::ids::Seeded;
use crate::journal::Party;

/// What a fault may look at to decide.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// `sso:CreateAccountAssignment`
    pub operation: &'a str,
    /// Whose key.
    pub party: Party,
    /// Who called, when the key is known.
    pub caller_arn: Option<&'a str>,
    /// The input's members.
    pub input: &'a Value,
    /// The virtual time, in microseconds.
    pub at: i64,
}

/// How the operations begin that are events on their way.
const EVENTS: &str = "events:";

type Predicate = Arc<dyn Fn(&Seen<'_>) -> bool + Send + Sync>;

/// Which calls a fault meets. Events on their way to a queue are met as `events:Deliver`, with
/// the event as their input: [`Effect::LoseBefore`] loses one, [`Effect::ArriveLate`] lets
/// others overtake it, [`Effect::Twice`] doubles it. By default every one of the operation.
#[derive(Clone)]
pub struct Fault {
    operation: String,
    party: Option<Party>,
    predicate: Option<Predicate>,
    turn: Turn,
    since: Option<i64>,
    until: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Every,
    Nth(u64),
    First(u64),
    From(u64),
    Odds { rate: f64, seed: u64 },
}

impl Turn {
    fn told(self) -> String {
        match self {
            Turn::Every => "every call".to_owned(),
            Turn::Nth(n) => format!("call {n}"),
            Turn::First(n) => format!("the first {n}"),
            Turn::From(n) => format!("from call {n} on"),
            Turn::Odds { rate, seed } => format!("by seed {seed}, odds {rate}"),
        }
    }
}

impl Fault {
    /// Which calls, in words.
    fn told(&self) -> String {
        let mut told = self.turn.told();
        for (word, at) in [("since", self.since), ("until", self.until)] {
            if let Some(at) = at {
                told += &format!(", {word} {}", crate::clock::iso(at));
            }
        }
        told
    }

    /// Calls of this operation: `sso:CreateAccountAssignment`, `sso:*` or `*`, which is every
    /// call and no event.
    pub fn on(operation: &str) -> Self {
        Self {
            operation: operation.to_owned(),
            party: None,
            predicate: None,
            turn: Turn::Every,
            since: None,
            until: None,
        }
    }

    /// Only calls signed with this party's keys.
    pub fn by(mut self, party: Party) -> Self {
        self.party = Some(party);
        self
    }

    /// Only calls for which this holds.
    pub fn when(mut self, holds: impl Fn(&Seen<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(holds));
        self
    }

    /// Only the n-th matching call from now on, counted from 1.
    pub fn nth(mut self, n: u64) -> Self {
        self.turn = Turn::Nth(n);
        self
    }

    /// Only the first n matching calls from now on.
    pub fn first(mut self, n: u64) -> Self {
        self.turn = Turn::First(n);
        self
    }

    /// The n-th matching call from now on and all later ones, counted from 1.
    pub fn from(mut self, n: u64) -> Self {
        self.turn = Turn::From(n);
        self
    }

    /// As many of the matching calls as the rate says (0 for none, 1 for all), drawn from a seed:
    /// the same seed and the same calls of an operation give the same weather.
    pub fn odds(mut self, rate: f64, seed: u64) -> Self {
        self.turn = Turn::Odds { rate, seed };
        self
    }

    /// Only calls from this virtual time on, in microseconds; what comes before is not counted.
    pub fn since(mut self, at: i64) -> Self {
        self.since = Some(at);
        self
    }

    /// Only calls before this virtual time, in microseconds.
    pub fn until(mut self, at: i64) -> Self {
        self.until = Some(at);
        self
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        let operation = match self.operation.strip_suffix('*') {
            // An event is no call: only who speaks of events means them.
            Some(prefix) if seen.operation.starts_with(EVENTS) => {
                prefix.starts_with(EVENTS) && seen.operation.starts_with(prefix)
            }
            Some(prefix) => seen.operation.starts_with(prefix),
            None => self.operation == seen.operation,
        };
        operation
            && self.since.is_none_or(|since| since <= seen.at)
            && self.until.is_none_or(|until| seen.at < until)
            && self.party.is_none_or(|party| party == seen.party)
            && self.predicate.as_ref().is_none_or(|holds| holds(seen))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("operation", &self.operation)
            .field("party", &self.party)
            .field("predicate", &self.predicate.is_some())
            .field("turn", &self.turn)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish()
    }
}

/// What happens to a call that meets a fault.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Answered with this error, and nothing happens. Its HTTP status is 403 from STS; from the
    /// other services what belongs to the code there, 400 where nothing else does.
    Refuse {
        /// AWS's code.
        code: String,
        /// The words with it.
        message: String,
    },
    /// Answered with the service's own throttling error, and nothing happens.
    Throttle,
    /// Answered with the service's internal error (HTTP 500), and nothing happens.
    Broken,
    /// Answered that the service is not there (HTTP 503), and nothing happens.
    Unavailable,
    /// The temporary credentials that sign it expire at this moment, before anything happens; a
    /// user's own keys do not expire, and the call goes through.
    Expire,
    /// The connection breaks before the request arrives: nothing happens.
    LoseBefore,
    /// The request is carried out, then the connection breaks.
    LoseAfter,
    /// The connection is reset before the request arrives: nothing happens.
    ResetBefore,
    /// The request is carried out, then the connection is reset.
    ResetAfter,
    /// The connection breaks, and so much virtual time later the same request arrives after
    /// all: its key and signature are judged then.
    ArriveLate {
        /// Microseconds.
        micros: i64,
    },
    /// A delete answers success at every step and removes nothing. Other calls go through.
    IgnoreDelete,
    /// An asynchronous write stays `IN_PROGRESS` so long, whatever is polled.
    Slow {
        /// Microseconds.
        micros: i64,
    },
    /// An asynchronous write ends `FAILED`.
    FailLater {
        /// The text it fails with.
        reason: String,
        /// Whether it took effect all the same.
        applied: bool,
    },
    /// A read answers from the state of [`crate::Knobs::read_lag_micros`] ago.
    Stale,
    /// The call takes so much real time; other faults act as well.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// The call takes some real time between these, drawn anew for every call; other faults act as
    /// well.
    DelayBetween {
        /// Milliseconds.
        least: u64,
        /// Milliseconds.
        most: u64,
    },
    /// The virtual clock moves while the request is on its way.
    Advance {
        /// Microseconds.
        micros: i64,
    },
    /// An event is delivered twice (`events:Deliver`). Calls go through.
    Twice,
    /// The request waits on its way until the gate is opened.
    Hold(Gate),
}

impl Effect {
    /// As `/_sim/faults` and the journal name it.
    pub fn name(&self) -> &'static str {
        match self {
            Effect::Refuse { .. } => "refuse",
            Effect::Throttle => "throttle",
            Effect::Broken => "broken",
            Effect::Unavailable => "unavailable",
            Effect::Expire => "expire",
            Effect::ResetBefore => "reset_before",
            Effect::ResetAfter => "reset_after",
            Effect::LoseBefore => "lose_before",
            Effect::LoseAfter => "lose_after",
            Effect::ArriveLate { .. } => "arrive_late",
            Effect::IgnoreDelete => "ignore_delete",
            Effect::Slow { .. } => "slow",
            Effect::FailLater { .. } => "fail_later",
            Effect::Stale => "stale",
            Effect::Delay { .. } | Effect::DelayBetween { .. } => "delay",
            Effect::Advance { .. } => "advance",
            Effect::Twice => "twice",
            Effect::Hold(_) => "hold",
        }
    }

    /// A refusal with this code and the words AWS uses most often with it.
    pub fn refuse(code: &str) -> Self {
        let message = match code {
            "AccessDenied" | "AccessDeniedException" => {
                "You are not authorized to perform this operation."
            }
            "ConflictException" => {
                "Another operation on this resource is in progress. Please try again later."
            }
            "ResourceNotFoundException" => "The requested resource was not found.",
            "ServiceQuotaExceededException" => "You have exceeded your service quota.",
            "ValidationException" => "The request failed because it contains a syntax error.",
            _ => "The request was refused.",
        };
        Effect::Refuse {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl Effect {
    fn told(&self) -> String {
        let seconds = |micros: i64| format!("{} s", micros / 1_000_000);
        match self {
            Effect::Refuse { code, .. } => format!("refused: {code}"),
            Effect::Throttle => "throttled".to_owned(),
            Effect::Broken => "internal error".to_owned(),
            Effect::Unavailable => "service unavailable".to_owned(),
            Effect::Expire => "the credentials end".to_owned(),
            Effect::ResetBefore => "connection reset, nothing happens".to_owned(),
            Effect::ResetAfter => "happens, then the connection is reset".to_owned(),
            Effect::LoseBefore => "connection breaks, nothing happens".to_owned(),
            Effect::LoseAfter => "happens, then the connection breaks".to_owned(),
            Effect::ArriveLate { micros } => {
                format!("connection breaks, arrives {} later", seconds(*micros))
            }
            Effect::IgnoreDelete => "answers and removes nothing".to_owned(),
            Effect::Slow { micros } => format!("stays in progress for {}", seconds(*micros)),
            Effect::FailLater { reason, applied } => {
                let applied = if *applied { ", but took effect" } else { "" };
                format!("ends FAILED{applied}: {reason}")
            }
            Effect::Stale => "answers from an older state".to_owned(),
            Effect::Delay { millis } => format!("takes {millis} ms"),
            Effect::DelayBetween { least, most } => format!("takes {least} to {most} ms"),
            Effect::Advance { micros } => format!("the clock moves by {}", seconds(*micros)),
            Effect::Twice => "delivered twice".to_owned(),
            Effect::Hold(_) => "waits at a gate".to_owned(),
        }
    }
}

/// Holds calls on their way until it is opened, so that a test can act in between.
#[derive(Debug, Clone)]
pub struct Gate {
    arrivals: Arc<Semaphore>,
    passes: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self {
            arrivals: Arc::new(Semaphore::new(0)),
            passes: Arc::new(Semaphore::new(0)),
        }
    }

    /// Waits until one more call stands at the gate.
    pub async fn arrived(&self) {
        if let Ok(permit) = self.arrivals.acquire().await {
            permit.forget();
        }
    }

    /// Lets one call through: one that waits, or the next that comes.
    pub fn release(&self) {
        self.passes.add_permits(1);
    }

    pub(crate) async fn pass(&self) {
        self.arrivals.add_permits(1);
        if let Ok(permit) = self.passes.acquire().await {
            permit.forget();
        }
    }
}

/// A fault as it is listed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Listed {
    pub(crate) id: u64,
    pub(crate) operation: String,
    pub(crate) party: Option<Party>,
    /// `every call`, `call 3`, `the first 2`, `from call 3 on`
    pub(crate) turn: String,
    /// In words.
    pub(crate) effect: String,
    pub(crate) matched: u64,
    pub(crate) hits: u64,
}

/// Names an added fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(pub u64);

#[derive(Debug, Clone)]
struct Scripted {
    id: u64,
    fault: Fault,
    effect: Effect,
    matched: u64,
    hits: u64,
    /// Calls of each operation that were drawn for.
    drawn: HashMap<String, u64>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    added: u64,
    list: Vec<Scripted>,
}

/// The faults of one simulated AWS. Clones are the same script.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

impl Faults {
    /// Adds a fault; it counts from now on.
    pub fn add(&self, fault: Fault, effect: Effect) -> FaultId {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.added += 1;
        let id = script.added;
        script.list.push(Scripted {
            id,
            fault,
            effect,
            matched: 0,
            hits: 0,
            drawn: HashMap::new(),
        });
        FaultId(id)
    }

    /// Takes a fault away.
    pub fn remove(&self, id: FaultId) {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.list.retain(|scripted| scripted.id != id.0);
    }

    /// Takes every fault away.
    pub fn clear(&self) {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.list.clear();
    }

    /// How often a fault has acted; 0 once it was taken away.
    pub fn hits(&self, id: FaultId) -> u64 {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script
            .list
            .iter()
            .find(|scripted| scripted.id == id.0)
            .map_or(0, |scripted| scripted.hits)
    }

    /// The script with its counts.
    pub(crate) fn script(&self) -> Script {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.clone()
    }

    /// Puts another script in its place.
    pub(crate) fn rewrite(&self, other: Script) {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *script = other;
    }

    /// What there is, in the order it was added: number, what it meets, what becomes of it, and how
    /// often it matched and acted.
    pub(crate) fn listed(&self) -> Vec<Listed> {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = script.list.iter().map(|it| Listed {
            id: it.id,
            operation: it.fault.operation.clone(),
            party: it.fault.party,
            turn: it.fault.told(),
            effect: it.effect.told(),
            matched: it.matched,
            hits: it.hits,
        });
        all.collect()
    }

    pub(crate) fn meet(&self, seen: &Seen<'_>) -> Met {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut met = Met::default();
        for scripted in &mut script.list {
            if !scripted.fault.matches(seen) || !scripted.has_its_turn(seen.operation) {
                continue;
            }
            let millis = scripted.millis(seen.operation);
            if millis.is_none() && met.effect.is_some() {
                continue;
            }
            scripted.hits += 1;
            met.names.push(scripted.effect.name());
            met.millis = met.millis.saturating_add(millis.unwrap_or(0));
            if millis.is_none() {
                met.effect = Some(scripted.effect.clone());
                met.fault = Some(scripted.id);
            }
            met.fault = met.fault.or(Some(scripted.id));
        }
        met
    }

    /// Every fault there is, in the order they were added.
    pub fn all(&self) -> Vec<Told> {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = script.list.iter().map(|scripted| Told {
            id: scripted.id,
            operation: scripted.fault.operation.clone(),
            effect: scripted.effect.name(),
            matched: scripted.matched,
            hits: scripted.hits,
        });
        told.collect()
    }

    /// Whether there is any.
    pub(crate) fn are_none(&self) -> bool {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.list.is_empty()
    }
}

/// One fault, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its number.
    pub id: u64,
    /// The calls it was added for.
    pub operation: String,
    /// As `/_sim/faults` names it.
    pub effect: &'static str,
    /// How many calls it could have met so far.
    pub matched: u64,
    /// How often it acted.
    pub hits: u64,
}

/// What the script has in store for one call: the first fault whose turn it is, and every delay.
#[derive(Debug, Clone, Default)]
pub(crate) struct Met {
    /// The number of the fault that acts; of the first delay, where nothing else does.
    pub(crate) fault: Option<u64>,
    pub(crate) effect: Option<Effect>,
    /// Milliseconds of the machine's own time.
    pub(crate) millis: u64,
    /// Of everything that acts.
    pub(crate) names: Vec<&'static str>,
}

impl Scripted {
    fn has_its_turn(&mut self, operation: &str) -> bool {
        self.matched += 1;
        match self.fault.turn {
            Turn::Every => true,
            Turn::Nth(n) => self.matched == n,
            Turn::First(n) => self.matched <= n,
            Turn::From(n) => self.matched >= n,
            Turn::Odds { rate, seed } => {
                // Counted operation by operation: calls of others that come between, in whatever
                // order, change nothing.
                let drawn = self.drawn.entry(operation.to_owned()).or_default();
                *drawn += 1;
                let label = format!("{} {operation}", self.effect.name());
                let mut stream = Seeded::new(seed, &label, *drawn);
                f64::from(stream.below(ONE)) < rate * f64::from(ONE)
            }
        }
    }

    /// For how long it delays.
    fn millis(&self, operation: &str) -> Option<u64> {
        match self.effect {
            Effect::Delay { millis } => Some(millis),
            Effect::DelayBetween { least, most } => {
                let seed = match self.fault.turn {
                    Turn::Odds { seed, .. } => seed,
                    _ => 0,
                };
                let label = format!("milliseconds {operation}");
                let mut stream = Seeded::new(seed, &label, self.matched);
                let range = u32::try_from(most.saturating_sub(least)).unwrap_or(u32::MAX - 1);
                Some(least + u64::from(stream.below(range + 1)))
            }
            _ => None,
        }
    }
}

/// What a rate of 1 is.
const ONE: u32 = 1 << 30;
