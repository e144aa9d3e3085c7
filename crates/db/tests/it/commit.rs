//! What a commit asks for, whom it tells, and where it dies when a test wants it to.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stint_db::{
    BeforeCommit, CommitFault, CommitPoint, Error, Hand, Options, Priority, Query as _, Result,
    args,
};
use stint_domain::audit::{ActorRef, Event};
use stint_domain::{GrantId, Time};
use uuid::Uuid;

use crate::both;
use crate::engines::{Fresh, postgres_wanted};
use crate::values::{COUNT, INSERT, STATE_INSERT, STATE_UPDATE};

fn id(n: u128) -> GrantId {
    GrantId(Uuid::from_u128(n))
}

fn event(action: &'static str) -> Event {
    Event {
        action,
        actor: ActorRef::Nobody,
        subject: vec![id(1).into()],
        detail: json!({}),
        at: Time::from_micros(1),
        request_id: None,
    }
}

/// Remembers what it was told, and writes a row of its own.
#[derive(Default)]
struct Hook {
    told: Mutex<Vec<&'static str>>,
    fail: bool,
}

#[async_trait::async_trait]
impl BeforeCommit for Hook {
    async fn before_commit(&self, hand: &mut Hand<'_>, events: Vec<Event>) -> Result<()> {
        let seen: i64 = hand.one(&COUNT, args![]).await?.get("n")?;
        let nothing = args![
            id(1000),
            format!("seen {seen}"),
            None::<i64>,
            None::<bool>,
            None::<Time>,
            None::<Vec<u8>>,
            None::<Value>
        ];
        hand.run(&INSERT, nothing).await?;
        self.told
            .lock()
            .expect("not poisoned")
            .extend(events.iter().map(|e| e.action));
        if self.fail {
            Err(Error::Busy(None))
        } else {
            Ok(())
        }
    }
}

async fn names(fresh: &Fresh) -> Vec<String> {
    let mut reader = fresh.db.reader().await.expect("reads");
    let rows = reader
        .all(&crate::values::NAMES, args![None::<String>])
        .await
        .expect("reads");
    rows.iter()
        .map(|row| row.get("name").expect("a name"))
        .collect()
}

both!(state_without_an_event_is_not_committed, |fresh| {
    fresh.things().await;
    let begin = || fresh.db.begin(Priority::Interactive);
    let mut tx = begin().await.expect("begins");
    tx.run(&STATE_INSERT, args![id(1), "a"])
        .await
        .expect("inserts");
    let error = tx.commit().await.expect_err("no event");
    assert!(
        matches!(
            error,
            Error::NoEvent {
                statement: "STATE_INSERT"
            }
        ),
        "{error:?}"
    );
    assert!(names(&fresh).await.is_empty());

    let mut tx = begin().await.expect("begins");
    tx.run(&STATE_INSERT, args![id(1), "a"])
        .await
        .expect("inserts");
    tx.audit(event("thing.made"));
    tx.commit().await.expect("with an event it commits");
    assert_eq!(names(&fresh).await, ["a"]);

    // A change through RETURNING counts, one that touched nothing does not.
    let mut tx = begin().await.expect("begins");
    tx.one(&STATE_UPDATE, args![id(1), "b"])
        .await
        .expect("updates");
    assert!(matches!(tx.commit().await, Err(Error::NoEvent { .. })));
    let mut tx = begin().await.expect("begins");
    assert!(
        tx.maybe(&STATE_UPDATE, args![id(9), "b"])
            .await
            .expect("runs")
            .is_none()
    );
    tx.commit().await.expect("nothing was changed");
    assert_eq!(names(&fresh).await, ["a"]);
});

async fn the_hook_writes_last(postgres: bool) {
    let hook = Arc::new(Hook::default());
    let fresh = Fresh::with(postgres, |o| o.before_commit = hook.clone()).await;
    fresh.things().await;
    assert!(
        hook.told.lock().expect("not poisoned").is_empty(),
        "no events, no call"
    );
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    tx.audit(event("thing.made"));
    tx.run(&STATE_INSERT, args![id(1), "a"])
        .await
        .expect("inserts");
    tx.audit(event("thing.named"));
    assert_eq!(tx.events().len(), 2);
    tx.commit().await.expect("commits");
    assert_eq!(
        *hook.told.lock().expect("not poisoned"),
        ["thing.made", "thing.named"]
    );
    assert_eq!(
        names(&fresh).await,
        ["a", "seen 1"],
        "it saw what was written before it"
    );
}

async fn a_failing_hook_commits_nothing(postgres: bool) {
    let hook = Arc::new(Hook {
        fail: true,
        ..Hook::default()
    });
    let fresh = Fresh::with(postgres, |o| o.before_commit = hook).await;
    fresh.things().await;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    tx.run(&STATE_INSERT, args![id(1), "a"])
        .await
        .expect("inserts");
    tx.audit(event("thing.made"));
    assert!(matches!(tx.commit().await, Err(Error::Busy(None))));
    assert!(names(&fresh).await.is_empty());
}

/// Dies at one point of one commit.
struct DieAt(u64, CommitPoint);

impl CommitFault for DieAt {
    fn crash(&self, nth: u64, point: CommitPoint) -> bool {
        (nth, point) == (self.0, self.1)
    }
}

async fn a_crash_is_before_or_after_and_final(postgres: bool) {
    for (point, survives) in [(CommitPoint::Before, false), (CommitPoint::After, true)] {
        let fresh = Fresh::with(postgres, |o| {
            o.commit_fault = Some(Arc::new(DieAt(1, point)))
        })
        .await;
        fresh.things().await;
        let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
        tx.run(&STATE_INSERT, args![id(1), "a"])
            .await
            .expect("inserts");
        tx.audit(event("thing.made"));
        assert!(matches!(tx.commit().await, Err(Error::Crashed)));
        assert!(fresh.db.crashed());
        assert_eq!(fresh.db.commits(), 1);
        let dead = fresh
            .db
            .begin(Priority::Interactive)
            .await
            .err()
            .expect("it is dead");
        assert!(matches!(dead, Error::Crashed));
        assert!(fresh.db.reader().await.is_err());
        let url = fresh.url.clone();
        fresh.db.close().await;
        let Fresh { db, folder, .. } = fresh;
        drop(db);
        let db = stint_db::Db::open(Options::new(url, Arc::new(stint_db::NoHook)))
            .await
            .expect("another process may open it");
        let mut reader = db.reader().await.expect("reads");
        let n: i64 = reader
            .one(&COUNT, args![])
            .await
            .expect("counts")
            .get("n")
            .expect("n");
        assert_eq!(n == 1, survives, "{point:?}");
        drop(folder);
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(false).await; })*
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                if super::postgres_wanted() {
                    super::$name(true).await;
                } else {
                    println!("PostgreSQL left out by STINT_TEST_ENGINES");
                }
            })*
        }
    };
}
on_both!(the_hook_writes_last a_failing_hook_commits_nothing a_crash_is_before_or_after_and_final);
