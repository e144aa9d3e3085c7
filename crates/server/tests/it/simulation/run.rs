//! One run: a queue of events in virtual time, people, an administrator and misfortune acting
//! at random, then a long calm in which everything has to come to its end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use stint_db::CommitPoint;
use stint_domain::binding::Config;
use stint_domain::{GrantId, RequestId, Span, Time};
use stint_server::cx::App;
use stint_server::grants;
use stint_server::http::{Fault as _, Kind};
use stint_server::requests::{self, NewRequest};
use stint_server::tasks::{NotSettled, Task, run_until_idle};
use stint_testkit::sim::{AbsentDelete, Effect, Fault, FaultId, Gate, Party, Reads, Row};
use stint_testkit::{Engine, World};
use tokio::task::JoinHandle;

use super::names::Names;
use super::oracle::{Belief, Counts, MINUTE, SECOND};
use super::rng::Rng;
use super::stage::{PLAYED, Pair, Stage, estate};
use super::weather;

const HOUR: i64 = 60 * MINUTE;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Person,
    Admin,
    /// The program dies at one of the next commits.
    Die,
    /// The program, or the machine, stands still for a while.
    Jump,
    /// One of two replicas falls asleep over its next write.
    Sleep,
    Wake,
    /// AWS refuses one direction of writes for a while.
    Refuse,
    Relent,
    /// The administrator renames or deletes an IAM user or group.
    Rename,
    /// A name that was given up goes to somebody else, after the time that docs/grants.md asks
    /// for.
    Stranger,
}

/// How this world differs from an ordinary one.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) belief: Belief,
    pub(super) lag: i64,
    pub(super) quarantine: Span,
    pub(super) only_404: bool,
    pub(super) replicas: usize,
    /// Calls that meet a mishap, per mille.
    pub(super) mishaps: u64,
    pub(super) mortal: bool,
    pub(super) refusing: bool,
    /// IAM's names move, and come back for others.
    pub(super) renaming: bool,
    /// At the end everything is revoked; otherwise the windows run out.
    pub(super) revoked: bool,
    pub(super) busy: i64,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let belief = match rng.range(0, 16) {
            0 => Belief::FenceBroken,
            1 => Belief::LagBroken,
            _ => Belief::True,
        };
        let lag = match belief {
            Belief::LagBroken => 5 * 29 * SECOND,
            _ => [0, 5 * SECOND, 29 * SECOND][usize::try_from(rng.range(0, 3)).expect("small")],
        };
        let mishaps = [0, 60, 150, 300][usize::try_from(rng.range(0, 4)).expect("small")];
        // Quarantine has to outlast a broken fence; elsewhere a short one saves looking.
        let long = belief == Belief::FenceBroken || rng.chance(200);
        Self {
            belief,
            lag,
            quarantine: if long {
                Span::hours(24)
            } else {
                Span::hours(2)
            },
            only_404: rng.chance(200),
            replicas: if rng.chance(500) { 2 } else { 1 },
            mishaps: if belief == Belief::FenceBroken {
                mishaps.max(150)
            } else {
                mishaps
            },
            mortal: rng.chance(500),
            refusing: rng.chance(250),
            // Without the fence a late add may always meet a stranger.
            renaming: rng.chance(300) && belief != Belief::FenceBroken,
            revoked: rng.chance(500),
            busy: rng.range(HOUR, 3 * HOUR),
        }
    }

    pub(super) fn model(&self) -> Config {
        Config {
            quarantine: self.quarantine,
            ..Config::default()
        }
    }
}

type Round = JoinHandle<Result<Option<Time>, NotSettled>>;

pub(super) struct Run {
    pub(super) world: World,
    pub(super) stage: Stage,
    pub(super) plan: Plan,
    pub(super) diary: Vec<(i64, String)>,
    pub(super) troubles: Vec<(i64, i64)>,
    pub(super) wrong: Vec<String>,
    pub(super) counts: Counts,
    rng: Rng,
    second: Option<App>,
    /// Each replica's, with what they remember; forgotten when the program dies.
    tasks: [Vec<Arc<dyn Task>>; 2],
    asleep: Option<(usize, Round)>,
    gate: Option<(Gate, Vec<FaultId>, i64)>,
    refused: Option<(Vec<FaultId>, i64)>,
    pending: Vec<RequestId>,
    granted: Vec<RequestId>,
    names: Names,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    seq: u64,
    /// When it becomes calm.
    end: i64,
}

impl Run {
    pub(super) async fn begin(seed: u64, engine: Engine) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng);
        let builder = World::builder()
            .engine(engine)
            .seed(seed)
            .estate(estate())
            .model(plan.model())
            .replicas(plan.replicas == 2);
        let mut world = builder.build().await;
        let stage = Stage::set(&world, &mut rng).await;
        world.sim().knobs(|knobs| {
            knobs.read_lag_micros = plan.lag;
            knobs.reads = if seed.is_multiple_of(2) {
                Reads::Lagging
            } else {
                Reads::Alternating
            };
            if plan.only_404 {
                knobs.absent_delete = AbsentDelete::NotFound;
            }
            if plan.belief == Belief::FenceBroken {
                knobs.signature_window_micros = 6 * HOUR;
            }
        });
        let second = match plan.replicas {
            2 => Some(world.another().await),
            _ => None,
        };
        if plan.mishaps > 0 {
            weather::set(world.sim(), seed, plan.mishaps);
        }
        Self {
            world,
            stage,
            plan,
            diary: Vec::new(),
            troubles: Vec::new(),
            wrong: Vec::new(),
            counts: Counts::default(),
            rng,
            second,
            tasks: [ours(), ours()],
            asleep: None,
            gate: None,
            refused: None,
            pending: Vec::new(),
            granted: Vec::new(),
            names: Names::default(),
            queue: BinaryHeap::new(),
            seq: 0,
            end: 0,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.world.now().micros()
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        let at = self.now();
        self.diary.push((at, what.into()));
    }

    fn at(&mut self, when: i64, event: Event) {
        self.seq += 1;
        self.queue.push(Reverse((when, self.seq, event)));
    }

    /// Plays the whole run, up to the last look.
    pub(super) async fn play(&mut self) {
        let start = self.now();
        self.end = start + self.plan.busy;
        self.schedule(start, self.end);
        self.busy().await;
        self.calm(start).await;
        // Past every window, every lost write and every quarantine; sooner where all rests.
        let rest = self.now() + 3 * HOUR + self.plan.quarantine.as_micros() + 2 * HOUR;
        self.until_rest(rest).await;
    }

    fn schedule(&mut self, start: i64, busy: i64) {
        for _ in 0..self.rng.range(0, 3) {
            self.at(start, Event::Admin);
        }
        let often = |run: &mut Self, event: Event, most: i64| {
            let mut t = start + run.rng.range(0, most);
            while t < busy {
                run.at(t, event);
                t += run.rng.range(SECOND, most);
            }
        };
        often(self, Event::Person, 14 * MINUTE);
        often(self, Event::Admin, 35 * MINUTE);
        often(self, Event::Jump, 150 * MINUTE);
        if self.plan.mortal {
            often(self, Event::Die, 60 * MINUTE);
        }
        if self.plan.replicas == 2 {
            often(self, Event::Sleep, 60 * MINUTE);
        }
        if self.plan.refusing {
            often(self, Event::Refuse, 90 * MINUTE);
        }
        if self.plan.renaming {
            often(self, Event::Rename, 60 * MINUTE);
        }
    }

    /// Lets time go on to the end of the busy part, with everything that happens on the way.
    async fn busy(&mut self) {
        loop {
            let due = self.round().await;
            let (now, end) = (self.now(), self.end);
            let next = self.queue.peek().map(|Reverse((at, ..))| *at);
            if next.is_some_and(|at| at <= now) {
                if let Some(Reverse((_, _, event))) = self.queue.pop() {
                    self.happens(event).await;
                }
                continue;
            }
            if now >= end {
                return;
            }
            let soon = due.map_or(end, |due| due.micros().max(now + 500_000));
            let to = soon.min(next.unwrap_or(end)).min(end);
            self.world.clock().set(Time::from_micros(to));
        }
    }

    /// Lets time go on until nothing is due any more, `end` at the latest.
    async fn until_rest(&mut self, end: i64) {
        while let Some(due) = self.round().await {
            let now = self.now();
            if now >= end {
                self.wrong
                    .push("something is still due long after everything is over".to_owned());
                return;
            }
            let to = due.micros().max(now + 500_000).min(end);
            self.world.clock().set(Time::from_micros(to));
        }
    }

    async fn calm(&mut self, start: i64) {
        self.note("calm");
        self.wake().await;
        self.relent();
        self.counts.met += u64::from(self.plan.mishaps > 0);
        self.world.sim().faults().clear();
        self.world.spare();
        if self.plan.mishaps > 0 {
            let now = self.now();
            self.troubles.push((start, now));
        }
        self.queue.clear();
        if self.plan.revoked {
            for request in self.granted.clone() {
                for grant in self.grants_of(request).await {
                    self.revoke(grant).await;
                }
            }
        }
    }

    // Misfortune

    async fn happens(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Person => self.person().await,
            Event::Admin => self.admin().await,
            Event::Die => {
                let nth = u64::try_from(self.rng.range(1, 12)).expect("positive");
                let point = if self.rng.chance(500) {
                    CommitPoint::Before
                } else {
                    CommitPoint::After
                };
                self.world.crash_at(nth, point);
            }
            Event::Jump => {
                let most = if self.rng.chance(150) {
                    5 * HOUR
                } else {
                    25 * MINUTE
                };
                let to = now + self.rng.range(MINUTE, most);
                self.note("the program stands still");
                self.troubles.push((now, to));
                self.counts.jumps += 1;
                self.stand_still(to);
            }
            Event::Sleep if self.gate.is_none() => {
                let gate = Gate::new();
                let writes = weather::CREATES.iter().chain(&weather::DELETES);
                let faults = writes
                    .map(|operation| {
                        let fault = Fault::on(operation).by(Party::Stint).first(1);
                        self.world
                            .sim()
                            .faults()
                            .add(fault, Effect::Hold(gate.clone()))
                    })
                    .collect();
                self.gate = Some((gate, faults, now));
                let most = if self.rng.chance(300) {
                    25 * MINUTE
                } else {
                    3 * MINUTE
                };
                let wakes = now + self.rng.range(10 * SECOND, most);
                self.at(wakes, Event::Wake);
            }
            Event::Sleep => {}
            Event::Wake => self.wake().await,
            Event::Refuse if self.refused.is_none() => {
                let creates = self.rng.chance(400);
                self.note(format!(
                    "AWS refuses {}",
                    if creates { "creates" } else { "deletes" }
                ));
                self.refused = Some((weather::deny(self.world.sim(), creates), now));
                self.counts.refusals += 1;
                let relents = now + self.rng.range(MINUTE, 40 * MINUTE);
                self.at(relents, Event::Relent);
            }
            Event::Refuse => {}
            Event::Relent => self.relent(),
            Event::Rename => {
                let pairs: Vec<Pair> = self.stage.pairs.iter().take(PLAYED).cloned().collect();
                let aws = self.world.aws();
                let moved = self.names.give_up(&mut self.rng, &pairs, &aws).await;
                if let Some(moved) = moved {
                    self.note(moved);
                    self.counts.renamed += 1;
                    let taken = now + self.rng.range(16 * MINUTE, 60 * MINUTE);
                    self.at(taken, Event::Stranger);
                }
            }
            Event::Stranger => {
                if let Some(taken) = self.names.take(&self.world.aws()).await {
                    self.note(taken);
                    self.counts.strangers += 1;
                }
            }
        }
        if self.world.crashed() {
            self.die().await;
        }
    }

    /// Nobody does anything meanwhile: what was to come comes that much later.
    fn stand_still(&mut self, to: i64) {
        let by = to - self.now();
        self.end += by;
        self.queue = (self.queue.drain())
            .map(|Reverse((at, seq, event))| Reverse((at + by, seq, event)))
            .collect();
        self.world.clock().set(Time::from_micros(to));
    }

    fn relent(&mut self) {
        if let Some((faults, since)) = self.refused.take() {
            self.note("AWS no longer refuses");
            let now = self.now();
            self.troubles.push((since, now));
            for fault in faults {
                self.world.sim().faults().remove(fault);
            }
        }
    }

    /// Whoever slept goes on where it stood.
    async fn wake(&mut self) {
        let Some((gate, faults, since)) = self.gate.take() else {
            return;
        };
        for fault in faults {
            self.world.sim().faults().remove(fault);
        }
        // Both kinds of writes may stand there: the worker's, and late ones of its others.
        for _ in 0..weather::CREATES.len() + weather::DELETES.len() {
            gate.release();
        }
        if let Some((_, round)) = self.asleep.take() {
            self.note("the replica that slept goes on");
            self.counts.sleeps += 1;
            let now = self.now();
            self.troubles.push((since, now));
            let result = round.await.expect("the round does not panic");
            self.heed(result);
        }
    }

    /// All memory is dropped, and the program starts again on the same database.
    async fn die(&mut self) {
        self.note("the program dies");
        self.counts.deaths += 1;
        let from = self.now();
        if let Some((_, round)) = self.asleep.take() {
            round.abort();
            let _ = round.await;
        }
        if let Some((gate, faults, _)) = self.gate.take() {
            for fault in faults {
                self.world.sim().faults().remove(fault);
            }
            drop(gate);
        }
        if self.rng.chance(400) {
            let to = from + self.rng.range(SECOND, 10 * MINUTE);
            self.world.clock().set(Time::from_micros(to));
        }
        self.second = None;
        self.tasks = [ours(), ours()];
        self.world.restart().await;
        if self.plan.replicas == 2 {
            self.second = Some(self.world.another().await);
        }
        let now = self.now();
        self.troubles.push((from, now));
    }

    // The replicas at work

    /// Both replicas work until neither finds anything to do; answers when the next is due.
    async fn round(&mut self) -> Option<Time> {
        loop {
            let mut due = None;
            let results = self.work().await;
            if self.world.crashed() {
                self.die().await;
                continue;
            }
            for result in results {
                let next = self.heed(result);
                due = match (due, next) {
                    (Some(a), Some(b)) => Some(std::cmp::min::<Time>(a, b)),
                    (a, b) => a.or(b),
                };
            }
            return due;
        }
    }

    async fn work(&mut self) -> Vec<Result<Option<Time>, NotSettled>> {
        let mut apps = vec![self.world.app().clone()];
        apps.extend(self.second.clone());
        let sleeper = self.asleep.as_ref().map(|(n, _)| *n);
        let mut working: Vec<(usize, Round)> = (apps.into_iter().zip(&self.tasks).enumerate())
            .filter(|(n, _)| Some(*n) != sleeper)
            .map(|(n, (app, tasks))| {
                let tasks = tasks.clone();
                (
                    n,
                    tokio::spawn(async move { run_until_idle(&app, &tasks).await }),
                )
            })
            .collect();
        let gate = self.gate.as_ref().map(|(gate, ..)| gate.clone());
        let mut held = false;
        let mut results = Vec::new();
        while !working.is_empty() {
            // The one whose call is held does not come back; the other does.
            if held && working.len() == 1 && !results.is_empty() {
                self.note("a replica sleeps over its write");
                self.asleep = working.pop();
                break;
            }
            let rounds = futures::future::select_all(working.iter_mut().map(|(_, round)| round));
            let watch = async {
                match &gate {
                    Some(gate) if !held && sleeper.is_none() => gate.arrived().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                (result, place, _) = rounds => {
                    results.push(result.expect("the round does not panic"));
                    drop(working.remove(place));
                }
                () = watch => held = true,
            }
        }
        results
    }

    fn heed(&mut self, result: Result<Option<Time>, NotSettled>) -> Option<Time> {
        match result {
            Ok(due) => due,
            Err(_) if self.world.crashed() => None,
            Err(error) => {
                self.wrong.push(format!("a task failed: {error:?}"));
                None
            }
        }
    }

    // People

    async fn admin(&mut self) {
        let Some(pair) = self.somebody() else { return };
        let add = self.rng.chance(500);
        let aws = self.world.aws();
        let done = if add {
            aws.add(&pair.row).await
        } else {
            aws.take(&pair.row).await
        };
        let verb = if add { "adds" } else { "takes" };
        self.note(format!("the administrator {verb} {} ({done})", name(&pair)));
        let now = self.now();
        // What stood only for a moment is the interesting case for stale reads.
        if self.rng.chance(300) {
            let soon = now + self.rng.range(100_000, MINUTE);
            self.at(soon, Event::Admin);
        }
        if self.rng.chance(200) {
            let soon = now + self.rng.range(0, 10 * SECOND);
            self.at(soon, Event::Person);
        }
    }

    /// Mostly the same few, so that what they do overlaps.
    fn somebody(&mut self) -> Option<Pair> {
        let few = if self.rng.chance(600) { 4 } else { PLAYED };
        let among: Vec<Pair> = self.stage.pairs.iter().take(few).cloned().collect();
        self.rng.pick(&among).cloned()
    }

    async fn person(&mut self) {
        if self.rng.chance(300) {
            let soon = self.now() + self.rng.range(0, 20 * SECOND);
            self.at(soon, Event::Person);
        }
        match self.rng.range(0, 100) {
            0..45 => self.ask().await,
            45..65 => self.decide().await,
            65..78 => self.give_back().await,
            odds => self.operate(odds).await,
        }
    }

    async fn ask(&mut self) {
        let Some(pair) = self.somebody() else { return };
        let start = if self.rng.chance(800) {
            None
        } else {
            Some(self.world.now() + Span::micros(self.rng.range(0, 20 * MINUTE)))
        };
        let new = NewRequest {
            entitlement: pair.entitlement,
            duration: Span::micros(self.rng.range(MINUTE, 50 * MINUTE)),
            reason: "INC-2291".to_owned(),
            ticket: None,
            beneficiary: None,
            start,
            principal: pair.for_group.then_some(pair.principal),
            emergency: false,
            until_revoked: false,
        };
        let length = new.duration;
        let asked = requests::submit(&self.world.cx(pair.word), new).await;
        match asked {
            Ok(request) => {
                self.note(format!(
                    "{} asked for, {length}: {}",
                    name(&pair),
                    request.state()
                ));
                if request.state() == "pending" {
                    self.pending.push(request.id);
                } else {
                    self.granted.push(request.id);
                }
            }
            Err(error) => self.refused(error.kind(), &error),
        }
    }

    async fn decide(&mut self) {
        let Some(id) = self.rng.pick(&self.pending).copied() else {
            return self.ask().await;
        };
        let odds = self.rng.range(0, 10);
        let decided = match odds {
            0 => requests::deny(&self.world.cx("bo"), id, "no").await,
            1 => requests::cancel(&self.world.cx("ana"), id).await,
            _ => requests::approve(&self.world.cx("bo"), id, "").await,
        };
        match decided {
            Ok(request) => {
                self.note(format!("request {id}: {}", request.state()));
                self.pending.retain(|p| *p != id);
                if request.state() == "approved" {
                    self.granted.push(id);
                }
            }
            Err(error) => self.refused(error.kind(), &error),
        }
    }

    async fn give_back(&mut self) {
        let Some(id) = self.rng.pick(&self.granted).copied() else {
            return self.ask().await;
        };
        for word in ["ana", "bo", "dee", "cy"] {
            match requests::return_early(&self.world.cx(word), id).await {
                Ok(_) => return self.note(format!("request {id}: returned")),
                Err(error) => self.refused(error.kind(), &error),
            }
        }
    }

    async fn grants_of(&mut self, request: RequestId) -> Vec<GrantId> {
        let Ok(mut q) = self.world.app().db.reader().await else {
            return Vec::new();
        };
        let found = grants::of_request(&mut q, request).await;
        found
            .map(|all| all.iter().map(|g| g.id).collect())
            .unwrap_or_default()
    }

    async fn revoke(&mut self, id: GrantId) {
        match grants::revoke(&self.world.cx("cy"), id, "not needed").await {
            Ok(_) => self.note(format!("grant {id}: revoked")),
            Err(error) => self.refused(error.kind(), &error),
        }
    }

    /// What those do who look after grants.
    async fn operate(&mut self, odds: i64) {
        let Some(request) = self.rng.pick(&self.granted).copied() else {
            return self.ask().await;
        };
        let Some(&id) = self.grants_of(request).await.last() else {
            return;
        };
        let cx = self.world.cx("cy");
        let (what, done) = match odds {
            78..86 => return self.revoke(id).await,
            86..91 => (
                "cut off",
                grants::cut_off(&cx, id, "incident").await.map(drop),
            ),
            91..97 => (
                "provision again",
                grants::provision_again(&cx, id).await.map(drop),
            ),
            _ => ("retry", grants::retry(&cx, id).await.map(drop)),
        };
        match done {
            Ok(()) => self.note(format!("grant {id}: {what}")),
            Err(error) => self.refused(error.kind(), &error),
        }
    }

    /// A no is an answer; anything else is not, unless the program died just then.
    fn refused(&mut self, kind: Kind, error: &dyn std::fmt::Debug) {
        let answer = matches!(
            kind,
            Kind::Denied | Kind::Invisible | Kind::Conflict | Kind::Invalid
        );
        if !answer && !self.world.crashed() {
            self.wrong.push(format!(
                "{}: somebody was answered {error:?}",
                super::oracle::clock(self.now())
            ));
        }
    }
}

fn name(pair: &Pair) -> String {
    let what = match &pair.row {
        Row::Assignment { account, .. } if pair.for_group => {
            format!("assignment of a group on {account}")
        }
        Row::Assignment { account, .. } => format!("assignment on {account}"),
        Row::Membership { .. } => "group".to_owned(),
        Row::IamMembership { .. } => "IAM group".to_owned(),
    };
    format!("{}'s {what}", pair.word)
}

/// The tasks that a run is about: no sync, whose calls would take most of the time.
fn ours() -> Vec<Arc<dyn Task>> {
    let about = |task: &Arc<dyn Task>| {
        let name = task.name();
        name.starts_with("grants.") || name.starts_with("outbox.")
    };
    stint_server::tasks().into_iter().filter(about).collect()
}
