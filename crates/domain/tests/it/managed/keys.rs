//! Histories of a key rotation: the connection is never locked out, nobody else's key is
//! touched, and no key that nobody knows remains.

use stint_domain::binding::{Claim, Config};
use stint_domain::managed::rotation::{
    Action, Key, Passed, Rotation, RotationLedger, Seen, Tried, Using,
};
use stint_domain::managed::{Answer, Attempt, Change, Fact};
use stint_domain::{AttemptId, ObjectId, Span, Time};
use uuid::Uuid;

use crate::bindings::rng::Rng;

const ARN: &str = "arn:aws:iam::1:user/stint";
const OLD: &str = "AKIAOLD";
const FOREIGN: &str = "AKIAFOREIGN";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    id: String,
    active: bool,
    at: Time,
}

#[derive(Debug, Clone)]
struct Doing {
    claim: Claim,
    seen: Option<Seen>,
    action: Action,
    at: Time,
}

#[derive(Debug, Default)]
struct Reached {
    done: u32,
    given_up: u32,
    lost: u32,
    lost_dropped: u32,
    foreign: u32,
    replaced: u32,
    given_back: u32,
    reactivated: u32,
    cancelled: u32,
}

struct History {
    rng: Rng,
    now: Time,
    config: Config,
    rotation: Rotation,
    attempts: Vec<Attempt>,
    using: Using,
    workers: [Option<Doing>; 2],
    rows: Vec<Row>,
    past: Vec<(Time, Vec<Row>)>,
    late: Vec<(Time, Attempt)>,
    made: u32,
    calm: bool,
    replaced: bool,
    reactivated: Option<Time>,
    diary: Vec<String>,
    wrong: Option<String>,
    reached: Reached,
}

impl History {
    fn new(seed: u64) -> Self {
        let now = Time::from_micros(1_800_000_000_000_000);
        let mut rng = Rng::new(seed ^ 0x6b_65_79);
        let mut rows = vec![Row {
            id: OLD.to_owned(),
            active: true,
            at: now,
        }];
        if rng.chance(80) {
            rows.push(Row {
                id: FOREIGN.to_owned(),
                active: rng.chance(500),
                at: now,
            });
        }
        let id = ObjectId(Uuid::from_u128(u128::from(seed) + 1));
        Self {
            rng,
            now,
            config: Config::default(),
            rotation: Rotation::begin(id, OLD.to_owned(), Span::hours(1), now),
            attempts: Vec::new(),
            using: Using::Old,
            workers: [None, None],
            rows,
            past: Vec::new(),
            late: Vec::new(),
            made: 0,
            calm: false,
            replaced: false,
            reactivated: None,
            diary: Vec::new(),
            wrong: None,
            reached: Reached::default(),
        }
    }

    fn say(&mut self, what: impl std::fmt::Display) {
        self.diary.push(format!("{} {what}", self.now));
    }

    fn blame(&mut self, what: impl std::fmt::Display) {
        self.say(&what);
        self.wrong.get_or_insert(what.to_string());
    }

    fn run(&mut self) {
        for _ in 0..500 {
            self.step(6_000);
        }
        self.calm = true;
        for _ in 0..3_000 {
            self.step(20_000);
            if let Ok(rotation) = self.rotation.clone().retry(self.now) {
                self.rotation = rotation;
            }
        }
        self.judge_the_end();
    }

    fn step(&mut self, most: i64) {
        self.past.push((self.now, self.rows.clone()));
        if self.past.len() > 500 {
            self.past.remove(0);
        }
        let wait = if self.rng.chance(30) && !self.calm {
            self.rng.millis(1_000, 400_000)
        } else {
            self.rng.millis(100, most)
        };
        self.now = self.now + Span::micros(wait);
        self.arrive();
        if !self.calm {
            self.meddle();
        }
        let which = usize::try_from(self.rng.range(0, 2)).unwrap();
        self.work(which);
        self.never_locked_out();
    }

    /// Calls that were on their way reach AWS, each at its own moment.
    fn arrive(&mut self) {
        let now = self.now;
        let mut due: Vec<_> = self.late.extract_if(.., |(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, _)| *at);
        for (at, attempt) in due {
            if at < attempt.sign_at + self.config.fence {
                self.now = at;
                let (answer, _) = self.apply(&attempt.change);
                self.say(format!("late {:?}: {answer:?}", attempt.change));
                self.past.push((at, self.rows.clone()));
            }
        }
        self.now = now;
    }

    fn meddle(&mut self) {
        if self.rng.chance(1) {
            let cancelled = self
                .rotation
                .clone()
                .cancel("called off".to_owned(), self.now);
            if let Ok(rotation) = cancelled {
                self.rotation = rotation;
                self.reached.cancelled += 1;
                self.say("called off");
            }
        }
        // What becomes of a connection's key once the rotation has ended is no longer its business.
        let runs = self.rotation.ended_at.is_none();
        if self.rng.chance(1) && self.rng.chance(300) && !self.replaced && runs {
            self.replaced = true;
            self.using = Using::Other;
            self.reached.replaced += 1;
            self.say("given another credential");
        }
        let deactivates = Change::DeactivateKey(OLD.to_owned());
        if self.rng.chance(3)
            && self.using == Using::New
            && !self.attempts.iter().any(|it| it.change == deactivates)
        {
            self.using = Using::Old;
            self.reached.given_back += 1;
            self.say("given the old key again");
        }
        if self.rng.chance(4)
            && self.using == Using::New
            && let Some(old) = self.rows.iter_mut().find(|row| row.id == OLD)
            && !old.active
        {
            old.active = true;
            self.reactivated = Some(self.now);
            self.reached.reactivated += 1;
            self.say("somebody makes the old key active again");
        }
    }

    /// Whatever happens, the key the connection enters by opens.
    fn never_locked_out(&mut self) {
        let key = match self.using {
            Using::Old => Some(OLD.to_owned()),
            Using::New => self.rotation.new_key.clone(),
            Using::Other => None,
        };
        let Some(key) = key else { return };
        if !self.rows.iter().any(|row| row.id == key && row.active) {
            self.blame(format!(
                "the connection enters by {key}, which does not open"
            ));
        }
    }

    fn ledger(&self, seen: Option<Seen>) -> RotationLedger {
        RotationLedger {
            rotation: self.rotation.clone(),
            attempts: self.attempts.clone(),
            using: self.using,
            seen,
        }
    }

    fn store(&mut self, ledger: RotationLedger, facts: &[Fact]) -> Option<Seen> {
        self.rotation = ledger.rotation;
        self.attempts = ledger.attempts;
        for fact in facts {
            self.say(format!("{fact:?}"));
            match fact {
                Fact::Rotation(Passed::Done) => self.reached.done += 1,
                Fact::Rotation(Passed::GivenUp) => self.reached.given_up += 1,
                _ => {}
            }
        }
        ledger.seen
    }

    fn work(&mut self, which: usize) {
        match self.workers[which].take() {
            None => {
                let hold = &self.rotation.hold;
                let claimable = hold.due.is_some_and(|due| due <= self.now)
                    && hold.lease_until.is_none_or(|until| until <= self.now);
                if claimable {
                    self.rotation.hold.generation += 1;
                    self.rotation.hold.lease_until = Some(self.now + self.config.lease);
                    let claim = Claim {
                        generation: self.rotation.hold.generation,
                        began: self.now,
                    };
                    self.turn(which, claim, None);
                }
            }
            Some(doing) if !self.calm && self.rng.chance(30) => {
                self.say(format!("worker {which} dies"));
                if let Action::Send(attempt) = doing.action
                    && self.rng.chance(500)
                {
                    self.apply(&attempt.change);
                }
            }
            Some(doing) if doing.at > self.now => self.workers[which] = Some(doing),
            Some(doing) => self.act(which, doing),
        }
    }

    fn turn(&mut self, which: usize, claim: Claim, seen: Option<Seen>) {
        let attempt = AttemptId(Uuid::from_u128(u128::from(self.rng.next())));
        let turned = self
            .ledger(seen)
            .advance(&claim, attempt, self.now, &self.config);
        let Ok(turn) = turned else {
            return;
        };
        if turn.switch {
            self.using = Using::New;
        }
        let seen = self.store(turn.ledger, &turn.facts);
        let sleeps = if !self.calm && self.rng.chance(30) {
            self.rng.millis(0, 1_200_000)
        } else {
            self.rng.millis(0, 2_000)
        };
        if turn.action != Action::Rest {
            self.workers[which] = Some(Doing {
                claim,
                seen,
                action: turn.action,
                at: self.now + Span::micros(sleeps),
            });
        }
    }

    fn opens(&self, key: Option<&String>) -> bool {
        key.is_some_and(|key| self.rows.iter().any(|row| row.id == *key && row.active))
    }

    fn act(&mut self, which: usize, doing: Doing) {
        let Doing {
            claim,
            seen,
            action,
            ..
        } = doing;
        // By its own key, where the connection enters otherwise.
        let by_itself = self.using == Using::Other;
        let new = self.rotation.new_key.clone();
        match action {
            Action::Rest => {}
            Action::Read if by_itself && !self.opens(new.as_ref()) => {
                let (ledger, facts) = self.ledger(seen).shut_out("no such key", self.now);
                self.store(ledger, &facts);
            }
            Action::Read if !self.calm && self.rng.chance(80) => {
                let put = self
                    .ledger(seen)
                    .put_off(&claim, "no answer", self.now, &self.config);
                if let Ok((ledger, facts)) = put {
                    self.store(ledger, &facts);
                }
            }
            Action::Read => {
                let seen = self.read();
                let (ledger, facts) = self.ledger(None).observe(seen, self.now);
                let seen = self.store(ledger, &facts);
                self.turn(which, claim, seen);
            }
            Action::Test => {
                let tried = if self.opens(new.as_ref()) && (self.calm || self.rng.chance(600)) {
                    Tried::As(ARN.to_owned())
                } else {
                    Tried::NotYet("not known".to_owned())
                };
                let (ledger, facts) = self.ledger(seen).tried(tried, self.now, &self.config);
                let seen = self.store(ledger, &facts);
                if self.rotation.hold.lease_until.is_some() {
                    self.turn(which, claim, seen);
                }
            }
            Action::Send(attempt) => {
                let (answer, key) = self.send(&attempt, by_itself, new.as_ref());
                self.say(format!("{:?}: {answer:?} {key:?}", attempt.change));
                let (ledger, facts) = self.ledger(seen).record(attempt.id, answer, key, self.now);
                let seen = self.store(ledger, &facts);
                self.turn(which, claim, seen);
            }
        }
    }

    fn read(&mut self) -> Seen {
        let lag = if self.rng.chance(400) {
            self.rng.millis(0, 30_000)
        } else {
            0
        };
        let then = self.now + Span::micros(-lag);
        let past = self.past.iter().rev().find(|(at, _)| *at <= then);
        let rows = match past.filter(|_| lag > 0) {
            Some((_, rows)) => rows.clone(),
            None => self.rows.clone(),
        };
        Seen {
            began: self.now,
            user_arn: Some(ARN.to_owned()),
            caller_arn: ARN.to_owned(),
            keys: rows
                .into_iter()
                .map(|row| Key {
                    id: row.id,
                    active: row.active,
                    created_at: Some(Time::from_micros(row.at.seconds() * 1_000_000)),
                })
                .collect(),
        }
    }

    fn send(
        &mut self,
        attempt: &Attempt,
        by_itself: bool,
        new: Option<&String>,
    ) -> (Answer, Option<String>) {
        let lost = || Answer::Unknown {
            why: "no answer".to_owned(),
        };
        let no = |why: &str| Answer::Refused {
            permanent: false,
            why: why.to_owned(),
        };
        if self.now >= attempt.sign_at + self.config.fence {
            return (no("signature expired"), None);
        }
        if by_itself && !self.opens(new) {
            return (no("no such key"), None);
        }
        if !self.calm {
            let create = attempt.change == Change::CreateKey;
            match self.rng.range(0, 16) {
                0 => return (lost(), None),
                1 | 2 => {
                    self.apply(&attempt.change);
                    self.reached.lost += u32::from(create);
                    return (lost(), None);
                }
                3 => {
                    let at = self.now + Span::micros(self.rng.millis(1_000, 1_000_000));
                    self.late.push((at, attempt.clone()));
                    self.reached.lost += u32::from(create);
                    return (lost(), None);
                }
                4 => return (no("conflict"), None),
                _ => {}
            }
        }
        self.apply(&attempt.change)
    }

    fn apply(&mut self, change: &Change) -> (Answer, Option<String>) {
        let touched = match change {
            Change::CreateKey => {
                if self.rows.len() >= 2 {
                    self.reached.foreign += u32::from(self.rows.iter().any(|r| r.id == FOREIGN));
                    let why = "LimitExceeded".to_owned();
                    return (
                        Answer::Refused {
                            permanent: true,
                            why,
                        },
                        None,
                    );
                }
                self.made += 1;
                let id = format!("AKIA{}", self.made);
                self.rows.push(Row {
                    id: id.clone(),
                    active: true,
                    at: self.now,
                });
                return (Answer::Succeeded, Some(id));
            }
            Change::DeactivateKey(id) | Change::DeleteKey(id) => id.clone(),
            other => panic!("{other:?} was never to be made here"),
        };
        if touched == FOREIGN {
            self.blame(format!("{change:?}: that key is somebody else's"));
        }
        let Some(place) = self.rows.iter().position(|row| row.id == touched) else {
            return (Answer::NotFound, None);
        };
        let unknown = touched != OLD && self.rotation.new_key.as_ref() != Some(&touched);
        if matches!(change, Change::DeleteKey(_)) {
            // A call on its way when somebody made it active cannot be recalled.
            let late = (self.reactivated)
                .is_some_and(|at| self.now < at + self.config.fence + self.config.lag);
            let open = self.rows[place].active && !unknown && !late;
            if open && self.using != Using::Other {
                self.blame(format!("{touched} is deleted while it opens"));
            }
            self.reached.lost_dropped += u32::from(unknown);
            self.rows.remove(place);
        } else {
            self.rows[place].active = false;
        }
        (Answer::Succeeded, None)
    }

    fn judge_the_end(&mut self) {
        if self.rotation.ended_at.is_none() {
            let rotation = format!("{:?}", self.rotation);
            self.blame(format!("never came to an end: {rotation}"));
            return;
        }
        let stood: Vec<String> = self.rows.iter().map(|row| row.id.clone()).collect();
        let new = self.rotation.new_key.clone();
        let stray: Vec<&String> = stood
            .iter()
            .filter(|id| *id != OLD && *id != FOREIGN)
            .filter(|id| self.using != Using::New || Some(*id) != new.as_ref())
            .collect();
        let has_old = stood.iter().any(|id| id == OLD);
        // Given another credential before anything is known of a lost key, there is no way to look;
        // the new key it has itself.
        let known = |id: &&&String| !self.replaced || Some(**id) == new.as_ref();
        if stray.iter().any(|id| known(&id)) {
            let words = format!("keys nobody uses remain: {stray:?}");
            self.blame(words);
        }
        if self.using == Using::New && has_old {
            self.blame("done, and the old key is there");
        }
        if self.using == Using::Old && !has_old {
            self.blame("given up, and the old key is gone");
        }
    }
}

#[test]
fn the_connection_is_never_locked_out_and_no_key_remains_that_nobody_knows() {
    let mut reached = Reached::default();
    for seed in super::seeds() {
        let mut history = History::new(seed);
        history.run();
        if let Some(wrong) = &history.wrong {
            panic!("STINT_SEED={seed}: {wrong}\n{}", history.diary.join("\n"));
        }
        let it = history.reached;
        reached.done += it.done;
        reached.given_up += it.given_up;
        reached.lost += it.lost;
        reached.lost_dropped += it.lost_dropped;
        reached.foreign += it.foreign;
        reached.replaced += it.replaced;
        reached.given_back += it.given_back;
        reached.reactivated += it.reactivated;
        reached.cancelled += it.cancelled;
    }
    eprintln!("{reached:?}");
    let all = [
        reached.done,
        reached.given_up,
        reached.lost,
        reached.lost_dropped,
        reached.replaced,
        reached.given_back,
        reached.reactivated,
        reached.cancelled,
    ];
    assert!(
        std::env::var("STINT_SEED").is_ok() || all.iter().all(|n| *n > 3),
        "the generator no longer reaches what it is for: {reached:?}"
    );
    assert_eq!(
        reached.foreign, 0,
        "a call that could only be refused was made"
    );
}
