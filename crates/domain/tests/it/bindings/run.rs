//! One history: a queue of events in virtual time, people and an administrator acting at
//! random, then a long calm in which everything has to come to its end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use stint_domain::binding::{Attempt, AttemptKind, Binding, BindingKind, Config, Fact, Ledger};
use stint_domain::entitlement::Pair;
use stint_domain::grant::{CloseReason, Grant, Remains};
use stint_domain::{AttemptId, BindingId, ConnectionId, EntitlementId, GrantId, PrincipalId};
use stint_domain::{Span, Time};
use uuid::Uuid;

use super::aws::{Aws, By, HOUR, MINUTE, SECOND};
use super::oracle::{Columns, Counts, Oracle};
use super::rng::Rng;
use super::worker::{Event, Worker};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Assignment,
    Membership,
    /// Membership of an IAM group.
    Iam,
    /// Deletes of what is not there are always answered at once.
    Only404,
    /// AWS accepts signatures for hours.
    FenceBroken,
    /// Reads lag this many times the believed bound.
    Lag(i64),
}

pub(super) struct History {
    pub(super) now: i64,
    pub(super) rng: Rng,
    pub(super) aws: Aws,
    pub(super) oracle: Oracle,
    pub(super) config: Config,
    pub(super) binding: Binding,
    pub(super) grants: BTreeMap<GrantId, Grant>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) workers: Vec<Worker>,
    /// Per mille: a call is lost, a worker sleeps, a worker dies.
    pub(super) lossy: i64,
    pub(super) sleepy: i64,
    pub(super) mortal: i64,
    pub(super) quiet: bool,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    seq: u64,
    ids: u128,
}

impl History {
    pub(super) fn new(seed: u64, mode: Mode) -> Self {
        let mut rng = Rng::new(seed);
        let config = Config::default();
        let lag = config.lag.as_micros() - SECOND;
        let (fence, lag) = match mode {
            Mode::FenceBroken => (6 * HOUR, lag),
            Mode::Lag(times) => (15 * MINUTE, lag * times),
            _ => (15 * MINUTE, lag),
        };
        let id = Uuid::from_u128(u128::from(rng.next()));
        let pair = Pair {
            connection: ConnectionId(Uuid::from_u128(1)),
            principal: PrincipalId(Uuid::from_u128(2)),
            entitlement: EntitlementId(Uuid::from_u128(3)),
        };
        let kind = match mode {
            Mode::Membership => BindingKind::GroupMembership,
            Mode::Iam => BindingKind::IamGroupMembership,
            _ => BindingKind::AccountAssignment,
        };
        let lossy = [0, 60, 200, 350][usize::try_from(rng.range(0, 4)).unwrap()];
        let sleepy = [0, 30, 120][usize::try_from(rng.range(0, 3)).unwrap()];
        let mortal = [0, 0, 30][usize::try_from(rng.range(0, 3)).unwrap()];
        Self {
            now: 0,
            rng,
            aws: Aws::new(
                mode == Mode::Membership,
                mode == Mode::Iam,
                mode == Mode::Only404,
                fence,
                lag,
            ),
            oracle: Oracle::new(mode, lag),
            config,
            binding: Binding::new(BindingId(id), pair, kind),
            grants: BTreeMap::new(),
            attempts: BTreeMap::new(),
            workers: vec![Worker::idle(), Worker::idle()],
            lossy,
            sleepy,
            mortal,
            quiet: false,
            queue: BinaryHeap::new(),
            seq: 0,
            ids: 0,
        }
    }

    pub(super) fn at(&mut self, when: i64, event: Event) {
        self.seq += 1;
        self.queue
            .push(Reverse((when.max(self.now), self.seq, event)));
    }

    pub(super) fn new_id(&mut self) -> Uuid {
        self.ids += 1;
        // Counted above, random below, as with UUIDv7.
        let low = u128::from(self.rng.next());
        Uuid::from_u128((self.ids << 64) | low)
    }

    pub(super) fn time(&self) -> Time {
        Time::from_micros(self.now)
    }

    pub(super) fn run(&mut self) {
        let busy = self.rng.range(HOUR, 4 * HOUR);
        if self.rng.chance(300) {
            let effect = self.aws.add(By::Admin, 0);
            self.oracle.effect(&effect.unwrap(), 0);
        }
        let mut t = self.rng.range(0, 2 * MINUTE);
        while t < busy {
            self.at(t, Event::Person);
            t += self.rng.range(SECOND, 25 * MINUTE);
        }
        let mut t = self.rng.range(0, 30 * MINUTE);
        while t < busy {
            self.at(t, Event::Admin);
            t += self.rng.range(SECOND, 40 * MINUTE);
        }
        if self.rng.chance(250) {
            let from = self.rng.range(0, busy);
            self.at(from, Event::Deny(true));
            let until = from + self.rng.range(MINUTE, HOUR);
            self.at(until.min(busy), Event::Deny(false));
        }
        self.at(busy, Event::Calm);
        self.play(busy + 40 * HOUR);
        self.oracle
            .last_look(self.aws.row.as_ref(), self.binding.epoch_open, self.now);
    }

    /// Runs all events up to `until`.
    pub(super) fn play(&mut self, until: i64) {
        while let Some(Reverse((when, _, _))) = self.queue.peek() {
            if *when > until || !self.oracle.wrong.is_empty() {
                break;
            }
            let Reverse((when, _, event)) = self.queue.pop().expect("peeked");
            self.now = when;
            self.handle(event);
        }
        self.now = self.now.max(until);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Person if self.quiet => {}
            Event::Person => self.person(),
            Event::Admin => self.admin(),
            Event::Deny(on) => {
                self.aws.denying = on;
                self.oracle.note(self.now, format!("AWS denies: {on}"));
            }
            Event::Calm => self.calm(),
            other => self.work(other),
        }
    }

    fn calm(&mut self) {
        self.quiet = true;
        (self.lossy, self.sleepy, self.mortal) = (0, 0, 0);
        self.aws.denying = false;
        self.oracle.note(self.now, "calm");
        let open: Vec<GrantId> = self.grants.keys().copied().collect();
        for id in open {
            self.close(id, CloseReason::Revoked);
        }
    }

    fn admin(&mut self) {
        if self.aws.busy() {
            return;
        }
        let effect = if self.rng.chance(500) {
            self.aws.add(By::Admin, self.now)
        } else {
            self.aws.remove(By::Admin, self.now)
        };
        if let Some(effect) = effect {
            self.oracle.effect(&effect, self.now);
        }
        // Somebody asks just then.
        if self.rng.chance(200) {
            let soon = self.now + self.rng.millis(0, 10_000);
            self.at(soon, Event::Person);
        }
        // What stood only for a moment is the interesting case for stale reads.
        if self.rng.chance(300) {
            let soon = self.now + self.rng.millis(100, 60_000);
            self.at(soon, Event::Admin);
        }
    }

    fn person(&mut self) {
        if !self.quiet && self.rng.chance(300) {
            let soon = self.now + self.rng.millis(0, 20_000);
            self.at(soon, Event::Person);
        }
        let open: Vec<GrantId> = self
            .grants
            .values()
            .filter(|g| g.ended.is_none())
            .map(|g| g.id)
            .collect();
        let pick = |rng: &mut Rng| {
            let n = i64::try_from(open.len()).unwrap();
            (n > 0).then(|| open[usize::try_from(rng.range(0, n)).unwrap()])
        };
        match self.rng.range(0, 100) {
            0..50 => self.open_grant(),
            50..66 => {
                if let Some(id) = pick(&mut self.rng) {
                    self.close(id, CloseReason::Returned);
                }
            }
            66..78 => {
                if let Some(id) = pick(&mut self.rng) {
                    self.extend(id);
                }
            }
            78..84 => {
                let (ledger, facts) = self.load(None).cut_off(None, self.time());
                self.oracle.note(self.now, "cut off");
                self.store(ledger, &facts);
            }
            84..88 => {
                let (ledger, facts) = self.load(None).decide_removal(None, self.time());
                self.oracle.removal_decided(self.now);
                self.store(ledger, &facts);
            }
            88..95 => {
                if let Ok((ledger, facts)) = self.load(None).provision_again(self.time()) {
                    self.oracle.note(self.now, "provision again");
                    self.store(ledger, &facts);
                }
            }
            _ => {
                if let Ok(ledger) = self.load(None).retry(self.time()) {
                    self.oracle.note(self.now, "retry");
                    self.store(ledger, &[]);
                }
            }
        }
    }

    pub(super) fn open_grant(&mut self) {
        let wait = if self.rng.chance(700) {
            0
        } else {
            self.rng.range(0, 20 * MINUTE)
        };
        let length = self.rng.range(MINUTE, 50 * MINUTE);
        let duration = (!self.rng.chance(100)).then(|| Span::micros(length));
        self.open_for(wait, duration);
    }

    pub(super) fn open_for(&mut self, wait: i64, duration: Option<Span>) -> GrantId {
        let id = GrantId(self.new_id());
        let start = Time::from_micros(self.now + wait);
        let grant = Grant::open(id, self.binding.pair, start, duration, self.time());
        let no = id.0.as_u128() >> 64;
        let length = duration.map_or("for good".to_owned(), |d| d.to_string());
        self.oracle.note(
            self.now,
            format!("open grant {no}, from {start:?}, {length}"),
        );
        let ledger = self.load(None).open(grant, self.time());
        self.store(ledger, &[]);
        id
    }

    pub(super) fn close(&mut self, id: GrantId, reason: CloseReason) {
        if self.grants[&id].ended.is_some() {
            return;
        }
        if let Ok((ledger, facts)) = self.load(None).close(id, reason, None, self.time()) {
            self.oracle
                .note(self.now, format!("close grant {}", id.0.as_u128() >> 64));
            self.store(ledger, &facts);
        }
    }

    fn extend(&mut self, id: GrantId) {
        let new = GrantId(self.new_id());
        let length = Span::micros(self.rng.range(MINUTE, 30 * MINUTE));
        if let Ok(grant) = self.grants[&id].extend(new, length, self.time()) {
            self.oracle
                .note(self.now, format!("extend grant {}", id.0.as_u128() >> 64));
            self.oracle.counts.extended += 1;
            let ledger = self.load(None).open(grant, self.time());
            self.store(ledger, &[]);
        }
    }

    /// What a store loads: the grants that have not ended, and the attempts of this epoch or
    /// of late. `attempt` is loaded whatever its age.
    pub(super) fn load(&self, attempt: Option<AttemptId>) -> Ledger {
        let horizon = self.time() - self.config.memory();
        let epoch = self.binding.epoch;
        Ledger {
            binding: self.binding.clone(),
            grants: self
                .grants
                .values()
                .filter(|g| g.ended.is_none())
                .cloned()
                .collect(),
            attempts: self
                .attempts
                .values()
                .filter(|a| a.epoch == epoch || a.sign_at >= horizon || Some(a.id) == attempt)
                .cloned()
                .collect(),
        }
    }

    /// One commit: the rows, and the facts told to the judge.
    pub(super) fn store(&mut self, ledger: Ledger, facts: &[Fact]) {
        let now = self.now;
        self.binding = ledger.binding;
        for grant in ledger.grants {
            let micros = |t: Option<Time>| t.map(Time::micros);
            let columns = Columns {
                id: grant.id.0.as_u128() >> 64,
                start: grant.start.micros(),
                duration: grant.duration.map(Span::as_micros),
                latest_end: micros(grant.latest_end),
                confirmed_at: micros(grant.confirmed_at),
                closed_at: grant.closed.as_ref().map(|c| c.at.micros()),
                ended_at: grant.ended.map(|e| e.at.micros()),
            };
            self.oracle.grant(&columns, now);
            self.grants.insert(grant.id, grant);
        }
        for attempt in ledger.attempts {
            self.attempts.insert(attempt.id, attempt);
        }
        for fact in facts {
            self.tell(fact);
        }
        let due = self.binding.due.map(Time::micros);
        let lease = self.binding.lease_until.map_or(0, Time::micros);
        if let Some(due) = due {
            let wake = due.max(lease) + self.rng.millis(1, 200);
            self.at(wake, Event::Wake);
        }
    }

    fn tell(&mut self, fact: &Fact) {
        let now = self.now;
        let no = |id: Uuid| id.as_u128() >> 64;
        match fact {
            Fact::Intended { attempt, kind } => match kind {
                AttemptKind::Create => self.oracle.intended_create(no(attempt.0), now),
                AttemptKind::Delete => self.oracle.intended_delete(no(attempt.0), now),
            },
            Fact::AbsenceProved { .. } => self.oracle.absence_proved(self.aws.row.as_ref(), now),
            Fact::TakenAway => self.oracle.taken_away(self.aws.denying, now),
            Fact::Confirmed { grant, .. } => {
                let stood = self.aws.stood_since(now - self.aws.lag - 3 * MINUTE);
                self.oracle.confirmed(no(grant.0), stood, now);
            }
            Fact::Ended { grant, remains } => {
                let stands = *remains == Remains::Standing;
                self.oracle
                    .grant_ended(no(grant.0), stands, self.aws.row.as_ref(), now);
            }
            Fact::Presumed { .. } => self.oracle.counts.presumed += 1,
            Fact::Adopted => self.oracle.counts.adopted += 1,
            Fact::Stuck { .. } => self.oracle.counts.stuck += 1,
            _ => {}
        }
        self.oracle.note(now, format!("  {fact:?}"));
    }
}

/// What a run of histories reached, so that a generator gone blind is noticed.
#[derive(Debug, Default)]
pub(super) struct Totals {
    histories: u64,
    grants: usize,
    attempts: usize,
    counts: Counts,
}

impl Totals {
    pub(super) fn add(&mut self, history: &History) {
        self.histories += 1;
        self.grants += history.grants.len();
        self.attempts += history.attempts.len();
        let c = &history.oracle.counts;
        let t = &mut self.counts;
        t.proofs += c.proofs;
        t.taken_away += c.taken_away;
        t.presumed += c.presumed;
        t.adopted += c.adopted;
        t.merged += c.merged;
        t.standing_left += c.standing_left;
        t.late_writes += c.late_writes;
        t.late_foreign_removals += c.late_foreign_removals;
        t.stuck += c.stuck;
        t.extended += c.extended;
        t.lost_claims += c.lost_claims;
    }

    pub(super) fn is_worth_something(&self, modes: &[Mode]) -> bool {
        let c = &self.counts;
        let everywhere = [
            c.proofs,
            c.taken_away,
            c.presumed,
            c.late_writes,
            c.stuck,
            c.extended,
            c.lost_claims,
        ];
        everywhere.iter().all(|&n| n > 0)
            && (modes != [Mode::Assignment] || c.late_foreign_removals > 0)
            && (modes != [Mode::FenceBroken] || c.adopted > 10)
    }
}
