//! The fault sweep: a grant's whole life, from opening to proven absence, with each of its
//! AWS calls in turn refused, throttled, lost before and lost after, arriving late and too
//! late; and with the program
//! dying at each of its commits in turn, before and after. Whatever happens, the same holds in
//! the end.
//!
//! What each life must show, whatever was done to it: no row remains in AWS; the grant has
//! ended, once; each write that reached AWS had its intent committed and told to the audit
//! log before; what stood without us still stands.

use std::sync::Arc;

use stint_db::{CommitPoint, Query as _, args};
use stint_domain::grant::{GrantState, Remains};
use stint_domain::{GrantId, RequestId, Span};
use stint_server::directory::Entitlement;
use stint_server::tasks::{Task, run_until_idle};
use stint_testkit::sim::{Effect, EstateSpec, Fault, FaultId, Party};
use stint_testkit::{Engine, World, both_engines};

use crate::estate::{Estate, grant, writes};

stint_db::statements! {
    INTENTS = "select count(*) as n from attempts";
    TOLD = "select count(*) as n from audit_events where action = 'attempt.intended'";
    UNTOLD = "select count(*) as n from attempts a where not exists \
        (select 1 from audit_subjects s join audit_events e on e.seq = s.seq \
         where s.kind = 'binding' and e.action = 'attempt.intended' and e.at = a.sign_at)";
}

const LIFE: Span = Span::minutes(5);

fn small() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 5,
        users: 6,
        groups: 3,
        memberships: 4,
        assignments: 6,
        iam_users: 6,
        iam_groups: 3,
        iam_roles: 0,
        iam_memberships: 2,
    }
}

/// What is granted.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A permission set on an account, to a user.
    Assignment,
    /// Membership of an Identity Center group.
    Membership,
    /// Membership of an IAM group.
    IamMembership,
}

/// What is done to one AWS call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    Refused,
    Throttled,
    LostBefore,
    LostAfter,
    /// No answer, and it reaches AWS eight minutes later.
    Late,
    /// No answer, and it reaches AWS when its signature is no longer accepted.
    TooLate,
}

impl Trouble {
    const ALL: [Self; 6] = [
        Self::Refused,
        Self::Throttled,
        Self::LostBefore,
        Self::LostAfter,
        Self::Late,
        Self::TooLate,
    ];

    /// What is tried: everything on `SQLite`. What AWS answers does not hang on the engine, so that on
    /// `PostgreSQL` a refusal, a lost answer and a late one are enough, unless `STINT_SWEEP=whole`.
    pub(crate) fn tried(engine: Engine) -> Vec<Self> {
        let whole = std::env::var("STINT_SWEEP").is_ok_and(|it| it == "whole");
        match engine {
            Engine::Postgres if !whole => vec![Self::Refused, Self::LostAfter, Self::TooLate],
            _ => Self::ALL.to_vec(),
        }
    }

    /// What is expected of those that are tried.
    pub(crate) fn of(tried: &[Self], expected: &str) -> String {
        let names: Vec<String> = tried.iter().map(|it| format!(" {it:?}:")).collect();
        let lines = expected
            .lines()
            .filter(|line| names.iter().any(|name| line.contains(name)));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn on(self, world: &World, nth: u64) -> FaultId {
        let effect = match self {
            Self::Refused => Effect::refuse("AccessDeniedException"),
            Self::Throttled => Effect::Throttle,
            Self::LostBefore => Effect::LoseBefore,
            Self::LostAfter => Effect::LoseAfter,
            Self::Late => Effect::ArriveLate {
                micros: Span::minutes(8).as_micros(),
            },
            Self::TooLate => Effect::ArriveLate {
                micros: Span::minutes(16).as_micros(),
            },
        };
        let fault = Fault::on("*").by(Party::Stint).nth(nth);
        world.sim().faults().add(fault, effect)
    }
}

/// How a life went, counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lives {
    lived: u64,
    failed: u64,
    restarts: u64,
    writes: u64,
}

struct Sweep {
    world: World,
    estate: Estate,
    what: Entitlement,
    lives: Lives,
}

impl Sweep {
    async fn new(world: World, kind: Kind) -> Self {
        let estate = match kind {
            Kind::IamMembership => Estate::connect_with_iam(&world).await,
            Kind::Assignment | Kind::Membership => Estate::connect(&world).await,
        };
        let of_kind = match kind {
            Kind::Assignment => &estate.assignments,
            Kind::Membership => &estate.groups,
            Kind::IamMembership => &estate.iam_groups,
        };
        let what = of_kind
            .first()
            .expect("something Ana does not hold")
            .clone();
        let mut sweep = Self {
            world,
            estate,
            what,
            lives: Lives::default(),
        };
        sweep.drive(Span::minutes(1)).await;
        sweep
    }

    /// Lets the grants' tasks work for so long: no sync, whose calls would be counted too.
    async fn drive(&mut self, span: Span) {
        let end = self.world.now() + span;
        let ours = |task: &Arc<dyn Task>| {
            let name = task.name();
            name.starts_with("grants.") || name.starts_with("outbox.")
        };
        loop {
            let tasks: Vec<_> = stint_server::tasks().into_iter().filter(ours).collect();
            match run_until_idle(self.world.app(), &tasks).await {
                Ok(_) if self.world.now() >= end => return,
                Ok(due) => {
                    let next = due.map_or(end, |due| due.min(end));
                    let step = self.world.now() + Span::millis(500);
                    self.world
                        .sim()
                        .clock()
                        .set(next.max(step).min(end).micros());
                }
                Err(_) if self.world.crashed() => self.restart().await,
                Err(error) => panic!("a task failed: {error:?}"),
            }
        }
    }

    async fn restart(&mut self) {
        self.lives.restarts += 1;
        self.world.restart().await;
    }

    /// One grant, from opening to the end of everything about it.
    async fn live(&mut self, trouble: &str) {
        let (since, attempts) = (self.world.sim().calls(), self.count(&INTENTS).await);
        let id = self.open().await;
        self.drive(Span::minutes(2)).await;
        let early = grant(&self.world, id).await;
        let held = self.estate.has(&self.world, &self.what).await;
        let state = early.status(self.world.now());
        match state {
            GrantState::Active => assert!(held, "{trouble}: active without access"),
            GrantState::Failed | GrantState::Provisioning => {}
            other => panic!("{trouble}: {other} after two minutes"),
        }
        self.drive(Span::minutes(58)).await;
        let over = grant(&self.world, id).await;
        let ended = over.window.ended;
        let ended = ended.unwrap_or_else(|| panic!("{trouble}: not ended: {over:#?}"));
        let removed = matches!(ended.remains, Remains::Removed | Remains::Nothing);
        assert!(removed, "{trouble}: {:?}", ended.remains);
        // Past the quarantine, so that the next life begins like the first.
        self.drive(Span::hours(26)).await;
        let held = self.estate.has(&self.world, &self.what).await;
        assert!(!held, "{trouble}: the row stays");
        let last = grant(&self.world, id).await;
        assert_eq!(last.window.ended, Some(ended), "{trouble}: ended twice");
        let idle = (last.binding.epoch_open, last.binding.quarantine_until);
        assert_eq!(idle, (false, None), "{trouble}: the binding is not at rest");
        let sent = u64::try_from(writes(&self.world, since).len()).expect("few");
        let intended = self.count(&INTENTS).await - attempts;
        assert!(
            sent <= intended,
            "{trouble}: {sent} writes of {intended} intents"
        );
        assert_eq!(
            self.count(&TOLD).await,
            self.count(&INTENTS).await,
            "{trouble}"
        );
        assert_eq!(
            self.count(&UNTOLD).await,
            0,
            "{trouble}: an intent nobody was told"
        );
        self.lives.writes += sent;
        if over.window.confirmed_at.is_some() {
            self.lives.lived += 1;
        } else {
            self.lives.failed += 1;
        }
    }

    /// Opens the grant; a caller whose server dies asks again.
    async fn open(&mut self) -> GrantId {
        let request: RequestId = self.world.app().new_id();
        loop {
            let opened = self
                .estate
                .open(&self.world, self.what.id, request, LIFE)
                .await;
            match opened {
                Ok(id) => return id,
                Err(_) if self.world.crashed() => self.restart().await,
                Err(error) => panic!("not opened: {error:?}"),
            }
            let mut q = self.world.app().db.reader().await.expect("a reader");
            let found = stint_server::grants::of_request(&mut q, request).await;
            if let Some(made) = found.expect("read").first() {
                return made.id;
            }
        }
    }

    async fn count(&self, sql: &'static stint_db::Sql) -> u64 {
        let mut q = self.world.app().db.reader().await.expect("a reader");
        let row = q.one(sql, args![]).await.expect("counted");
        u64::try_from(row.get::<i64>("n").expect("a number")).expect("not negative")
    }

    /// Each AWS call of a life, in turn, meets this trouble.
    async fn calls(&mut self, trouble: Trouble) -> u64 {
        let before = self.world.sim().calls_by(Party::Stint);
        self.live("undisturbed").await;
        let calls = self.world.sim().calls_by(Party::Stint) - before;
        for nth in 1..=calls {
            let fault = trouble.on(&self.world, nth);
            self.live(&format!("call {nth} of {calls} {trouble:?}"))
                .await;
            assert_eq!(
                self.world.sim().faults().hits(fault),
                1,
                "call {nth} never came"
            );
            self.world.sim().faults().remove(fault);
        }
        calls
    }

    /// The program dies at each commit of a life, in turn.
    async fn commits(&mut self, point: CommitPoint) -> u64 {
        let before = self.world.app().db.commits();
        self.live("undisturbed").await;
        let commits = self.world.app().db.commits() - before;
        for nth in 1..=commits {
            let restarts = self.lives.restarts;
            self.world.crash_at(nth, point);
            self.live(&format!("dead {point:?} commit {nth} of {commits}"))
                .await;
            assert_eq!(self.lives.restarts, restarts + 1, "commit {nth} never came");
        }
        commits
    }
}

/// The counts are part of the test: a sweep that swept nothing must not pass.
pub(crate) fn same(told: &[String], expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(told, expected);
}

async fn calls(world: World, kind: Kind, expected: &str) -> World {
    let mut sweep = Sweep::new(world, kind).await;
    let mut told = Vec::new();
    let tried = Trouble::tried(sweep.world.engine());
    for &trouble in &tried {
        sweep.lives = Lives::default();
        let calls = sweep.calls(trouble).await;
        let Lives { lived, failed, .. } = sweep.lives;
        told.push(format!(
            "{calls} calls {trouble:?}: {lived} lived, {failed} failed"
        ));
    }
    same(&told, &Trouble::of(&tried, expected));
    sweep.world
}

async fn commits(world: World, kind: Kind, expected: &str) -> World {
    let mut sweep = Sweep::new(world, kind).await;
    sweep.world.expect_failures();
    let mut told = Vec::new();
    for point in [CommitPoint::Before, CommitPoint::After] {
        sweep.lives = Lives::default();
        let commits = sweep.commits(point).await;
        let Lives { lived, failed, .. } = sweep.lives;
        told.push(format!(
            "{commits} commits {point:?}: {lived} lived, {failed} failed"
        ));
    }
    same(&told, expected);
    sweep.world
}

both_engines!(World::builder().estate(small());
    async fn every_call_of_an_assignment_fails_in_every_way(world) {
        world = calls(
            world,
            Kind::Assignment,
            "11 calls Refused: 11 lived, 1 failed
             12 calls Throttled: 13 lived, 0 failed
             12 calls LostBefore: 13 lived, 0 failed
             12 calls LostAfter: 13 lived, 0 failed
             12 calls Late: 13 lived, 0 failed
             12 calls TooLate: 13 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn every_call_of_a_membership_fails_in_every_way(world) {
        world = calls(
            world,
            Kind::Membership,
            "5 calls Refused: 5 lived, 1 failed
             6 calls Throttled: 7 lived, 0 failed
             6 calls LostBefore: 7 lived, 0 failed
             6 calls LostAfter: 7 lived, 0 failed
             6 calls Late: 7 lived, 0 failed
             6 calls TooLate: 7 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn the_program_dies_at_every_commit_of_an_assignment(world) {
        world = commits(
            world,
            Kind::Assignment,
            "33 commits Before: 34 lived, 0 failed
             33 commits After: 34 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn the_program_dies_at_every_commit_of_a_membership(world) {
        world = commits(
            world,
            Kind::Membership,
            "21 commits Before: 22 lived, 0 failed
             21 commits After: 22 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn every_call_of_an_iam_membership_fails_in_every_way(world) {
        world = calls(
            world,
            Kind::IamMembership,
            "9 calls Refused: 8 lived, 2 failed
             10 calls Throttled: 11 lived, 0 failed
             10 calls LostBefore: 11 lived, 0 failed
             10 calls LostAfter: 11 lived, 0 failed
             10 calls Late: 11 lived, 0 failed
             10 calls TooLate: 11 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn the_program_dies_at_every_commit_of_an_iam_membership(world) {
        world = commits(
            world,
            Kind::IamMembership,
            "21 commits Before: 22 lived, 0 failed
             21 commits After: 22 lived, 0 failed",
        )
        .await;
    }
);
