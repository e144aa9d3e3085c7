//! The store against the rules' data: nothing may be lost or invented between the two.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use stint_aws_sim::{EstateSpec, Sim, SimClock, SimOptions};
use stint_db::{Db, Priority, Query as _, args};
use stint_domain::binding::{
    Attempt, AttemptKind, Binding, BindingKind, Claim, Config, Ledger, Observation, Outcome, Stuck,
};
use stint_domain::entitlement::Pair;
use stint_domain::grant::{self as rules, CloseReason, Closed, Ended, Remains};
use stint_domain::rights::Role;
use stint_domain::{
    AttemptId, BindingId, Clock, EntitlementId, GrantId, PrincipalId, RequestId, Span, Time, UserId,
};

use super::store::ledgers::{self, Opening};
use super::{NewGrant, Origin, model};
use crate::connections::{self, NewApplication, NewConnection, NewCredential};
use crate::cx::Cx;
use crate::directory;
use crate::identity::tests::fixture::{Room, aws};

stint_db::statements! {
    PRINCIPAL = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, first_seen, last_seen) \
        values ($1, $2, 'identity_center_user', $3, $3, $3, 0, 0)";
    ENTITLEMENT = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen) \
        values ($1, $2, 'account_assignment', '111122223333', $3, $3, $3, 0, 0)";
    SIGN_AT = "select sign_at from attempts order by sign_at";
    GENERATION = "select generation from bindings where id = $1";
}

struct Stage {
    room: Room,
    user: UserId,
    pairs: Vec<Pair>,
}

impl Stage {
    /// A connection with some pairs, none of which has a binding.
    async fn new() -> Self {
        let room = Room::new().await;
        let admin = room.user("Cora", &[Role::SuperAdmin]).await;
        let cx = room.as_user(&admin);
        let application = NewApplication {
            name: "AWS".to_owned(),
            description: String::new(),
            owners: vec![],
        };
        let application = connections::create_application(&cx, application).await;
        let connection = NewConnection {
            application: application.expect("created").id,
            name: "Estate".to_owned(),
            credential: NewCredential::role("arn:aws:iam::123456789012:role/Stint"),
            region: "eu-central-1".to_owned(),
            iam: false,
            owners: vec![],
        };
        let connection = connections::create(&cx, connection)
            .await
            .expect("created")
            .id;
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        let mut pairs = Vec::new();
        for n in 0..20 {
            let pair = Pair {
                connection,
                principal: cx.app.new_id::<PrincipalId>(),
                entitlement: cx.app.new_id::<EntitlementId>(),
            };
            let name = format!("n{n}");
            let principal = args![pair.principal, connection, &name];
            tx.run(&PRINCIPAL, principal).await.expect("inserted");
            let entitlement = args![pair.entitlement, connection, &name];
            tx.run(&ENTITLEMENT, entitlement).await.expect("inserted");
            pairs.push(pair);
        }
        tx.audit(cx.event("tests.staged", [], serde_json::json!({})));
        tx.commit().await.expect("committed");
        Self {
            room,
            user: admin.id,
            pairs,
        }
    }

    fn cx(&self) -> Cx {
        self.room.system()
    }

    async fn ensure(&self, pair: usize) -> BindingId {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        let kind = BindingKind::AccountAssignment;
        let id = ledgers::ensure(&mut tx, cx.app.new_id(), &self.pairs[pair], kind, cx.now).await;
        tx.commit().await.expect("committed");
        id.expect("made")
    }

    async fn load(&self, id: BindingId) -> Ledger {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        let found = ledgers::load(&mut tx, id, cx.now, &model()).await;
        found.expect("loaded").expect("there")
    }

    async fn save(&self, was: &Ledger, is: &Ledger) {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        let opening = Opening {
            emergency: false,
            review_every: None,
            user: self.user,
            origin: Origin::Request(RequestId(uuid::Uuid::nil())),
            at: cx.now,
        };
        ledgers::save(&mut tx, was, is, Some(&opening))
            .await
            .expect("saved");
        tx.audit(cx.event("tests.saved", [], serde_json::json!({})));
        tx.commit().await.expect("committed");
    }

    /// A grant on a pair that is open for an hour from now.
    async fn granted(&self, pair: usize) -> BindingId {
        let id = self.ensure(pair).await;
        let was = self.load(id).await;
        let now = self.cx().now;
        let hour = Some(Span::hours(1));
        let grant = rules::Grant::open(self.cx().app.new_id(), self.pairs[pair], now, hour, now);
        let is = was.clone().open(grant, now);
        self.save(&was, &is).await;
        id
    }

    async fn claim(&self, removals: bool, most: i64) -> Vec<(BindingId, Claim)> {
        let cx = self.cx();
        claim(&cx.app.db, cx.now, removals, most).await
    }
}

async fn claim(db: &Db, now: Time, removals: bool, most: i64) -> Vec<(BindingId, Claim)> {
    let mut tx = db.begin(Priority::Revoke).await.expect("begun");
    let claimed = ledgers::claim(&mut tx, now, &model(), removals, most).await;
    tx.commit().await.expect("committed");
    claimed.expect("claimed")
}

fn sorted(mut ledger: Ledger) -> Ledger {
    ledger.grants.sort_by_key(|g| g.id);
    ledger.attempts.sort_by_key(|a| a.id);
    ledger
}

/// Every field filled with something of its own, counted from `n`.
fn full(stage: &Stage, bare: &Ledger, grant: GrantId, attempts: &[AttemptId]) -> Ledger {
    let now = stage.cx().now;
    let mut n = 0;
    let mut next = || {
        n += 1;
        now + Span::micros(n)
    };
    // Named one by one, without `..`: a new field does not compile until it is stored.
    let binding = Binding {
        id: bare.binding.id,
        pair: bare.binding.pair,
        kind: bare.binding.kind,
        generation: bare.binding.generation,
        lease_until: Some(next()),
        due: Some(next()),
        epoch: 7,
        epoch_open: true,
        adopted: true,
        reopened_at: Some(next()),
        observation: Some(Observation {
            read_began: next(),
            present: true,
            membership: Some("m-1".to_owned()),
        }),
        last_present_seen: Some(next()),
        inflight_clear: Some(next()),
        removal_decision: Some(next()),
        quarantine_until: Some(next()),
        interrupted: Some(next()),
        stuck: Some(Stuck {
            since: next(),
            reason: "not authorized".to_owned(),
        }),
        again_at: Some(next()),
        failures: 3,
    };
    let window = rules::Grant {
        id: grant,
        pair: bare.binding.pair,
        start: next(),
        duration: Some(Span::hours(2)),
        latest_end: Some(next()),
        confirmed_at: Some(next()),
        closed: Some(Closed {
            at: next(),
            reason: CloseReason::CutOff,
            note: Some("left".to_owned()),
        }),
        predecessor: None,
        ended: None,
    };
    let at = next();
    let outcomes = [
        Outcome::Unknown,
        Outcome::Accepted,
        Outcome::Succeeded { at },
        Outcome::Failed { at, gone: false },
        Outcome::Failed { at, gone: true },
        Outcome::NotFound { at },
        Outcome::Refused { at },
        Outcome::Held { at },
        Outcome::Presumed { at },
    ];
    let attempts = (attempts.iter().zip(outcomes).enumerate())
        .map(|(i, (&id, outcome))| Attempt {
            id,
            kind: AttemptKind::ALL[i % 2],
            epoch: 7 - i64::try_from(i % 2).unwrap(),
            sign_at: next(),
            under_removal: i % 3 == 0,
            request_id: (i % 2 == 0).then(|| format!("r-{i}")),
            membership: (i % 3 == 0).then(|| format!("m-{i}")),
            polled_at: (i % 4 == 0).then(&mut next),
            outcome,
            note: (i % 2 == 1).then(|| format!("note {i}")),
        })
        .collect();
    Ledger {
        binding,
        grants: vec![window],
        attempts,
    }
}

#[tokio::test]
async fn every_field_comes_back_as_it_went_and_can_be_emptied_again() {
    let stage = Stage::new().await;
    let id = stage.ensure(0).await;
    let bare = stage.load(id).await;
    assert_eq!(
        bare.binding,
        Binding::new(id, stage.pairs[0], BindingKind::AccountAssignment)
    );
    let app = &stage.room.app;
    let attempts: Vec<AttemptId> = (0..9).map(|_| app.new_id()).collect();
    let filled = full(&stage, &bare, app.new_id(), &attempts);
    stage
        .save(
            &bare,
            &bare.clone().open(bare_grant(&filled), stage.cx().now),
        )
        .await;
    let opened = stage.load(id).await;
    stage.save(&opened, &filled).await;
    let back = stage.load(id).await;
    assert_eq!(sorted(back.clone()), sorted(filled.clone()));
    // The same the other way: what is set is unset.
    let emptied = Ledger {
        binding: Binding {
            generation: back.binding.generation,
            ..bare.binding.clone()
        },
        grants: vec![bare_grant(&filled)],
        attempts: (back.attempts.iter())
            .map(|a| Attempt {
                epoch: 0,
                request_id: None,
                membership: None,
                polled_at: None,
                outcome: Outcome::Unknown,
                note: None,
                ..a.clone()
            })
            .collect(),
    };
    stage.save(&back, &emptied).await;
    assert_eq!(sorted(stage.load(id).await), sorted(emptied));
}

/// The grant of a ledger as it was opened: what never changes about it.
fn bare_grant(ledger: &Ledger) -> rules::Grant {
    rules::Grant {
        confirmed_at: None,
        closed: None,
        ended: None,
        ..ledger.grants[0].clone()
    }
}

#[tokio::test]
async fn an_ended_grant_is_no_longer_loaded_and_never_changed() {
    let stage = Stage::new().await;
    let id = stage.granted(0).await;
    let was = stage.load(id).await;
    let now = stage.cx().now;
    let mut is = was.clone();
    is.grants[0].closed = Some(Closed {
        at: now,
        reason: CloseReason::Returned,
        note: None,
    });
    is.grants[0].ended = Some(Ended {
        at: now,
        remains: Remains::Removed,
    });
    stage.save(&was, &is).await;
    assert!(stage.load(id).await.grants.is_empty());
    let mut again = is.clone();
    again.grants[0].ended = Some(Ended {
        at: now + Span::hours(1),
        remains: Remains::Standing,
    });
    stage.save(&is, &again).await;
    let mut q = stage.room.app.db.reader().await.expect("a reader");
    let grant = super::store::lists::get(&mut q, is.grants[0].id).await;
    assert_eq!(grant.expect("read").expect("there").window, is.grants[0]);
}

#[tokio::test]
async fn old_attempts_are_left_aside_but_open_ones_never() {
    let stage = Stage::new().await;
    let id = stage.ensure(0).await;
    let bare = stage.load(id).await;
    let now = stage.cx().now;
    let old = now - model().memory() - Span::seconds(1);
    let attempt = |epoch, sign_at, outcome| Attempt {
        id: stage.room.app.new_id(),
        kind: AttemptKind::Create,
        epoch,
        sign_at,
        under_removal: false,
        request_id: None,
        membership: None,
        polled_at: None,
        outcome,
        note: None,
    };
    let done = Outcome::Succeeded { at: old };
    let mut is = bare.clone();
    is.binding.epoch = 2;
    is.attempts = vec![
        attempt(1, old, done),
        attempt(2, old, done),
        attempt(1, now, done),
        attempt(1, old, Outcome::Unknown),
        attempt(1, old, Outcome::Accepted),
    ];
    stage.save(&bare, &is).await;
    let loaded = sorted(stage.load(id).await);
    assert_eq!(loaded.attempts, sorted(is.clone()).attempts[1..]);
    let mut tx = stage
        .cx()
        .begin(Priority::Interactive)
        .await
        .expect("begun");
    let aside = ledgers::attempt_of(&mut tx, is.attempts[0].id).await;
    assert_eq!(aside.expect("read").as_ref(), Some(&is.attempts[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_workers_that_claim_at_once_each_binding_goes_to_one() {
    let stage = Stage::new().await;
    for pair in 0..20 {
        stage.granted(pair).await;
    }
    let now = stage.cx().now;
    let db = Arc::new(stage.room.app.db.clone());
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let db = Arc::clone(&db);
        workers.spawn(async move { claim(&db, now, false, 4).await });
    }
    let mut claimed = Vec::new();
    while let Some(done) = workers.join_next().await {
        claimed.extend(done.expect("joined"));
    }
    let mut ids: Vec<BindingId> = claimed.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((claimed.len(), ids.len()), (20, 20));
    assert!(
        claimed
            .iter()
            .all(|(_, c)| c.generation == 1 && c.began == now)
    );
    assert!(stage.claim(false, 20).await.is_empty());
}

#[tokio::test]
async fn a_lapsed_lease_is_taken_over_and_its_worker_finds_out() {
    let stage = Stage::new().await;
    let id = stage.granted(0).await;
    let config: Config = model();
    let (_, first) = stage.claim(false, 1).await.remove(0);
    stage.room.clock.forward(config.lease);
    let (_, second) = stage.claim(false, 1).await.remove(0);
    assert_eq!((first.generation, second.generation), (1, 2));
    let ledger = stage.load(id).await;
    let now = stage.cx().now;
    let attempt = stage.room.app.new_id();
    assert!(
        ledger
            .clone()
            .advance(&first, attempt, now, &config)
            .is_err()
    );
    assert!(
        ledger
            .clone()
            .advance(&second, attempt, now, &config)
            .is_ok()
    );
    let mut q = stage.room.app.db.reader().await.expect("a reader");
    let row = q.one(&GENERATION, args![id]).await.expect("there");
    assert_eq!(row.get::<i64>("generation").expect("a number"), 2);
}

#[tokio::test]
async fn removals_are_claimed_apart_from_what_somebody_holds() {
    let stage = Stage::new().await;
    let held = stage.granted(0).await;
    let over = stage.granted(1).await;
    let decided = stage.granted(2).await;
    let now = stage.cx().now;
    let was = stage.load(over).await;
    let grant = was.grants[0].id;
    let closed = was.clone().close(grant, CloseReason::Returned, None, now);
    stage.save(&was, &closed.expect("open").0).await;
    let was = stage.load(decided).await;
    let (is, _) = was.clone().decide_removal(None, now);
    stage.save(&was, &is).await;
    // A grant approved meanwhile does not make a removal wait among the provisions.
    stage.granted(2).await;
    let ids = |claimed: Vec<(BindingId, Claim)>| {
        let mut ids: Vec<BindingId> = claimed.into_iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids
    };
    let mut removals = vec![over, decided];
    removals.sort_unstable();
    assert_eq!(ids(stage.claim(true, 20).await), removals);
    assert_eq!(ids(stage.claim(false, 20).await), [held]);
}

/// A clock that moves on whenever it is asked, once it is told by how much: a worker that
/// takes its time between an intent and its call.
#[derive(Clone)]
struct Slow(Arc<(AtomicI64, AtomicI64)>);

impl Clock for Slow {
    fn now(&self) -> Time {
        let (at, step) = &*self.0;
        Time::from_micros(at.fetch_add(step.load(Ordering::SeqCst), Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_signed_with_the_time_of_its_intent() {
    let start = 1_800_000_000_000_000;
    let sim = Sim::new(SimOptions::new(
        EstateSpec::default(),
        SimClock::frozen(start),
    ));
    let sim = sim.expect("an estate");
    let slow = Slow(Arc::new((AtomicI64::new(start), AtomicI64::new(0))));
    let room = Room::with(|app| {
        app.clock = Arc::new(slow.clone());
        app.aws = aws(app.clock.clone(), Some(&sim));
    })
    .await;
    let admin = room.user("Cora", &[Role::SuperAdmin]).await;
    let cx = room.as_user(&admin);
    let application = NewApplication {
        name: "AWS".to_owned(),
        description: String::new(),
        owners: vec![],
    };
    let application = connections::create_application(&cx, application).await;
    let facts = sim.facts();
    let new = NewConnection {
        application: application.expect("created").id,
        name: "Estate".to_owned(),
        credential: NewCredential::role(&facts.connector_role_arn),
        region: facts.region.clone(),
        iam: false,
        owners: vec![],
    };
    let connection = connections::create(&cx, new).await.expect("created");
    sim.trust_connector(&connection.external_id);
    connections::test(&cx, connection.id).await.expect("tested");
    directory::sync(&cx, connection.id).await.expect("read");
    let mut q = room.app.db.reader().await.expect("a reader");
    let ana = facts.ana.expect("Ana is in the estate").user_id;
    let principal = directory::principal_by_aws_id(&mut q, connection.id, &ana).await;
    let principal = principal.expect("read").expect("seen by the sync").id;
    let all = directory::all_entitlements(&mut q, connection.id).await;
    drop(q);
    let group = BindingKind::GroupMembership;
    let what = (all.expect("read").into_iter())
        .find(|e| BindingKind::of(&e.key) == group)
        .expect("a group");
    let pair = Pair {
        connection: connection.id,
        principal,
        entitlement: what.id,
    };
    let (system, since) = (room.system(), sim.calls());
    slow.0.1.store(2_000_000, Ordering::SeqCst);
    let new = NewGrant {
        emergency: false,
        review_every: None,
        pair,
        user: admin.id,
        origin: Origin::Request(RequestId(uuid::Uuid::nil())),
        start: system.now,
        duration: Some(Span::hours(1)),
        approved_at: system.now,
        extends: None,
    };
    let mut tx = system.begin(Priority::Interactive).await.expect("begun");
    let id = super::open(&system, &mut tx, new).await.expect("opened");
    tx.commit().await.expect("committed");
    for task in super::tasks() {
        task.run(&room.app).await.expect("run");
    }
    super::revoke(&room.as_user(&admin), id, "over")
        .await
        .expect("revoked");
    for task in super::tasks() {
        task.run(&room.app).await.expect("run");
    }
    let seconds = |micros: i64| micros / 1_000_000;
    let signed: Vec<i64> = (sim.journal_since(since).into_iter())
        .filter(|call| call.operation.ends_with("GroupMembership"))
        .filter(|call| call.operation != "identitystore:ListGroupMemberships")
        .map(|call| seconds(call.signed_at.expect("signed")))
        .collect();
    let mut q = room.app.db.reader().await.expect("a reader");
    let rows = q.all(&SIGN_AT, args![]).await.expect("read");
    let intended: Vec<i64> = (rows.iter())
        .map(|row| seconds(row.get::<Time>("sign_at").expect("a time").micros()))
        .collect();
    assert_eq!((signed.len(), signed), (2, intended));
}
