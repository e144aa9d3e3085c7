//! The fault sweep of managed objects: the whole life of an IAM user, and a key rotation, with
//! each of their AWS calls in turn refused, throttled, lost before and lost after, arriving late
//! and too late; and with the program dying at each of their commits in turn.
//!
//! What each life must show, whatever was done to it: the user is gone and nobody else's was
//! touched; the connection enters by a key that opens, and its user has no other; each write that
//! reached AWS had its intent committed and told to the audit log before.

use std::sync::Arc;

use stint_db::{CommitPoint, Query as _, args};
use stint_domain::managed::rotation::State as RotationState;
use stint_domain::managed::user::State;
use stint_domain::{ConnectionId, ObjectId, Span};
use stint_server::objects::{self, NewManagedUser};
use stint_server::tasks::{Task, run_until_idle};
use stint_testkit::sim::{Answered, Party};
use stint_testkit::{World, both_engines};

use crate::objects::keys::{by_key, keys};
use crate::objects::{by_role, small};
use crate::sweep::{Trouble, same};

stint_db::statements! {
    INTENTS = "select count(*) as n from object_attempts";
    TOLD = "select count(*) as n from audit_events where action = 'object.intended'";
}

/// Whose life.
#[derive(Debug, Clone, Copy)]
enum Kind {
    User,
    Key,
}

/// How a life went, counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lives {
    lived: u64,
    failed: u64,
    restarts: u64,
}

struct Sweep {
    world: World,
    kind: Kind,
    connection: ConnectionId,
    lives: Lives,
    made: u32,
}

impl Sweep {
    async fn new(world: World, kind: Kind) -> Self {
        let connection = match kind {
            Kind::User => by_role(&world).await,
            Kind::Key => by_key(&world).await,
        };
        let mut sweep = Self {
            world,
            kind,
            connection,
            lives: Lives::default(),
            made: 0,
        };
        sweep.drive(Span::minutes(1)).await;
        sweep
    }

    /// Lets the objects' tasks work for so long: no sync, whose calls would be counted too.
    async fn drive(&mut self, span: Span) {
        let end = self.world.now() + span;
        let ours = |task: &Arc<dyn Task>| {
            let name = task.name();
            name.starts_with("objects.") || name.starts_with("outbox.")
        };
        loop {
            let tasks: Vec<_> = stint_server::tasks().into_iter().filter(ours).collect();
            match run_until_idle(self.world.app(), &tasks).await {
                Ok(_) if self.world.now() >= end => return,
                Ok(due) => {
                    let next = due.map_or(end, |due| due.min(end));
                    let step = self.world.now() + Span::millis(500);
                    let at = next.max(step).min(end).micros();
                    self.world.sim().clock().set(at);
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

    async fn live(&mut self, trouble: &str) {
        let (since, before) = (self.world.sim().calls(), self.count(&INTENTS).await);
        let lived = match self.kind {
            Kind::User => self.user(trouble).await,
            Kind::Key => self.key(trouble).await,
        };
        let sent = self.writes(since);
        let intended = self.count(&INTENTS).await - before;
        assert!(
            sent <= intended,
            "{trouble}: {sent} writes of {intended} intents"
        );
        assert_eq!(
            self.count(&TOLD).await,
            self.count(&INTENTS).await,
            "{trouble}"
        );
        if lived {
            self.lives.lived += 1;
        } else {
            self.lives.failed += 1;
        }
    }

    /// Writes of IAM that reached AWS from Stint.
    fn writes(&self, since: u64) -> u64 {
        let calls = self.world.sim().journal_since(since).into_iter();
        let writes = calls.filter(|call| {
            let name = call.operation.strip_prefix("iam:").unwrap_or("Get");
            let reads = ["Get", "List", "Simulate"];
            call.party == Party::Stint
                && !reads.iter().any(|read| name.starts_with(read))
                && !matches!(call.answer, Answered::Lost { done: false, .. })
        });
        u64::try_from(writes.count()).expect("few")
    }

    /// Made, given a key and a group by hand, and deleted.
    async fn user(&mut self, trouble: &str) -> bool {
        self.made += 1;
        let name = format!("robot-{}", self.made);
        let id = self.asked(&name).await;
        self.drive(Span::minutes(40)).await;
        let iam = self.world.aws().iam;
        let state = self.state(id).await;
        let there = iam.get_user().user_name(&name).send().await.is_ok();
        let lived = match state {
            State::Active => {
                assert!(there, "{trouble}: active, and there is no such user");
                iam.create_access_key()
                    .user_name(&name)
                    .send()
                    .await
                    .expect("a key");
                let group = iam.list_groups().send().await.expect("groups").groups()[0]
                    .group_name()
                    .to_owned();
                iam.add_user_to_group()
                    .user_name(&name)
                    .group_name(group)
                    .send()
                    .await
                    .expect("in");
                self.delete(id).await;
                true
            }
            State::Failed => {
                assert!(!there, "{trouble}: failed, and there is such a user");
                false
            }
            other => panic!("{trouble}: {other} after forty minutes"),
        };
        let others = self.others(&name).await;
        self.drive(Span::minutes(40)).await;
        let there = iam.get_user().user_name(&name).send().await.is_ok();
        assert!(!there, "{trouble}: the user stays");
        let state = self.state(id).await;
        let over = if lived { State::Deleted } else { State::Failed };
        assert_eq!(state, over, "{trouble}");
        assert_eq!(
            self.others(&name).await,
            others,
            "{trouble}: others were touched"
        );
        lived
    }

    /// Asks for it; a caller whose server dies asks again.
    async fn asked(&mut self, name: &str) -> ObjectId {
        loop {
            let new = NewManagedUser {
                name: name.to_owned(),
                reason: "a sweep".to_owned(),
                ..NewManagedUser::default()
            };
            match objects::create(&self.world.system(), self.connection, new).await {
                Ok(made) => return made.user.id,
                Err(_) if self.world.crashed() => self.restart().await,
                Err(objects::Error::NameTaken) => {}
                Err(error) => panic!("not asked for: {error:?}"),
            }
            let filter = objects::UserFilter {
                q: name.to_owned(),
                ..objects::UserFilter::default()
            };
            let paging = stint_server::http::Paging::default();
            let found =
                objects::list_users(&self.world.system(), self.connection, &filter, &paging).await;
            let found = found
                .expect("listed")
                .items
                .into_iter()
                .find(|it| it.user.name == name);
            if let Some(made) = found {
                return made.user.id;
            }
        }
    }

    async fn delete(&mut self, id: ObjectId) {
        loop {
            match objects::delete(&self.world.system(), id, "swept", None).await {
                Ok(_) | Err(objects::Error::Refused(_)) => return,
                Err(_) if self.world.crashed() => self.restart().await,
                Err(error) => panic!("not deleted: {error:?}"),
            }
        }
    }

    async fn state(&self, id: ObjectId) -> State {
        let found = objects::get_user(&self.world.system(), id).await;
        found.expect("on record").0.user.state()
    }

    /// Every other user with how many keys and groups it has.
    async fn others(&self, name: &str) -> Vec<(String, usize, usize)> {
        let iam = self.world.aws().iam;
        let users = iam
            .list_users()
            .max_items(1000)
            .send()
            .await
            .expect("users");
        let mut all = Vec::new();
        for user in users.users().iter().filter(|user| user.user_name() != name) {
            let keys = iam
                .list_access_keys()
                .user_name(user.user_name())
                .send()
                .await
                .expect("keys");
            let groups = iam
                .list_groups_for_user()
                .user_name(user.user_name())
                .send()
                .await
                .expect("groups");
            let (keys, groups) = (keys.access_key_metadata().len(), groups.groups().len());
            all.push((user.user_name().to_owned(), keys, groups));
        }
        all
    }

    /// Rotated; what is in use opens, and there is nothing else.
    async fn key(&mut self, trouble: &str) -> bool {
        let before = self.in_use().await;
        let id = self.begun().await;
        self.drive(Span::hours(27)).await;
        let (over, _) = objects::get_rotation(&self.world.system(), id)
            .await
            .expect("on record");
        let state = over.rotation.state(self.world.now());
        let now = self.in_use().await;
        assert_eq!(
            keys(&self.world).await,
            [(now.clone(), true)],
            "{trouble}: {over:#?}"
        );
        match state {
            RotationState::Done => assert_ne!(now, before, "{trouble}"),
            RotationState::Failed => assert_eq!(now, before, "{trouble}"),
            other => panic!("{trouble}: {other} after a day: {over:#?}"),
        }
        state == RotationState::Done
    }

    async fn in_use(&self) -> String {
        let cx = self.world.system();
        let found = stint_server::connections::get(&cx, self.connection).await;
        let found = found.expect("the connection");
        found.credential.key().expect("a key").id.clone()
    }

    async fn begun(&mut self) -> ObjectId {
        loop {
            match objects::begin(&self.world.system(), self.connection).await {
                Ok(begun) => return begun.rotation.id,
                Err(_) if self.world.crashed() => self.restart().await,
                Err(objects::Error::UnderWay) => {
                    let paging = stint_server::http::Paging::default();
                    let all =
                        objects::list_rotations(&self.world.system(), self.connection, &paging)
                            .await;
                    return all.expect("listed").items[0].rotation.id;
                }
                Err(error) => panic!("not begun: {error:?}"),
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
    async fn every_call_of_an_iam_user_fails_in_every_way(world) {
        world = calls(
            world,
            Kind::User,
            "24 calls Refused: 24 lived, 1 failed
             25 calls Throttled: 26 lived, 0 failed
             25 calls LostBefore: 26 lived, 0 failed
             25 calls LostAfter: 26 lived, 0 failed
             25 calls Late: 26 lived, 0 failed
             25 calls TooLate: 26 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn the_program_dies_at_every_commit_of_an_iam_user(world) {
        world = commits(
            world,
            Kind::User,
            "25 commits Before: 26 lived, 0 failed
             25 commits After: 26 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn every_call_of_a_key_rotation_fails_in_every_way(world) {
        world = calls(
            world,
            Kind::Key,
            "44 calls Refused: 44 lived, 1 failed
             45 calls Throttled: 46 lived, 0 failed
             45 calls LostBefore: 46 lived, 0 failed
             45 calls LostAfter: 46 lived, 0 failed
             45 calls Late: 46 lived, 0 failed
             45 calls TooLate: 46 lived, 0 failed",
        )
        .await;
    }
);

both_engines!(World::builder().estate(small());
    async fn the_program_dies_at_every_commit_of_a_key_rotation(world) {
        world = commits(
            world,
            Kind::Key,
            "21 commits Before: 22 lived, 0 failed
             21 commits After: 22 lived, 0 failed",
        )
        .await;
    }
);
