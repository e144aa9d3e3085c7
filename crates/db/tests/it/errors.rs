//! What goes wrong is told in the same words by both engines.

use serde_json::Value;
use stint_db::{Error, Priority, Query as _, Tx, args, retrying};
use stint_domain::{GrantId, Time};
use uuid::Uuid;

use crate::both;
use crate::values::{COUNT, GET, INSERT, PART};

fn id(n: u128) -> GrantId {
    GrantId(Uuid::from_u128(n))
}

async fn insert(tx: &mut Tx, n: u128, name: &str, number: i64) -> Result<u64, Error> {
    let args = args![
        id(n),
        name,
        number,
        None::<bool>,
        None::<Time>,
        None::<Vec<u8>>,
        None::<Value>
    ];
    tx.run(&INSERT, args).await
}

both!(constraints_are_told_apart, |fresh| {
    fresh.things().await;
    let begin = || fresh.db.begin(Priority::Interactive);
    let mut tx = begin().await.expect("begins");
    insert(&mut tx, 1, "a", 1).await.expect("inserts");
    tx.run(&PART, args![id(10), id(1), "x", "y"])
        .await
        .expect("inserts");
    tx.commit().await.expect("commits");

    let mut tx = begin().await.expect("begins");
    let error = insert(&mut tx, 2, "a", 1)
        .await
        .expect_err("the name is taken");
    assert!(error.is_unique("things.name"), "{error:?}");
    drop(tx);
    let mut tx = begin().await.expect("begins");
    let error = insert(&mut tx, 1, "b", 1)
        .await
        .expect_err("the id is taken");
    assert!(error.is_unique("things.id"), "{error:?}");
    drop(tx);
    let mut tx = begin().await.expect("begins");
    let error = tx
        .run(&PART, args![id(11), id(1), "x", "y"])
        .await
        .expect_err("the pair is taken");
    assert!(error.is_unique("parts.a, parts.b"), "{error:?}");
    drop(tx);
    let mut tx = begin().await.expect("begins");
    let error = insert(&mut tx, 3, "c", -1)
        .await
        .expect_err("the check refuses");
    assert!(matches!(error, Error::Check { .. }), "{error:?}");
    drop(tx);
    let mut tx = begin().await.expect("begins");
    let dangling = tx.run(&PART, args![id(12), id(99), "p", "q"]).await;
    let error = match dangling {
        Err(error) => error,
        Ok(_) => tx.commit().await.expect_err("the reference dangles"),
    };
    assert!(matches!(error, Error::ForeignKey { .. }), "{error:?}");
    let mut reader = fresh.db.reader().await.expect("reads");
    let error = reader
        .one(&GET, args![id(99)])
        .await
        .err()
        .expect("it is not there");
    assert!(
        matches!(error, Error::Missing { statement: "GET" }),
        "{error:?}"
    );
    let error = reader
        .all(&INSERT, vec![])
        .await
        .err()
        .expect("a reader does not write");
    assert!(
        matches!(error, Error::ReadOnly { .. } | Error::Arguments { .. }),
        "{error:?}"
    );
    assert_eq!(
        reader
            .one(&COUNT, args![])
            .await
            .expect("counts")
            .get::<i64>("n")
            .expect("n"),
        1
    );
});

both!(
    a_transaction_dropped_leaves_nothing_and_the_next_one_goes_on,
    |fresh| {
        fresh.things().await;
        for n in 0..20 {
            let mut tx = fresh.db.begin(Priority::Sync).await.expect("begins");
            insert(&mut tx, n, &format!("n{n}"), 1)
                .await
                .expect("inserts");
        }
        let mut reader = fresh.db.reader().await.expect("reads");
        assert_eq!(
            reader
                .one(&COUNT, args![])
                .await
                .expect("counts")
                .get::<i64>("n")
                .expect("n"),
            0
        );
    }
);

both!(after_a_failed_statement_nothing_goes_on, |fresh| {
    fresh.things().await;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    insert(&mut tx, 1, "a", 1).await.expect("inserts");
    insert(&mut tx, 2, "a", 1)
        .await
        .expect_err("the name is taken");
    let error = insert(&mut tx, 2, "b", 1).await.expect_err("too late");
    assert!(
        matches!(
            error,
            Error::Spoiled {
                statement: "INSERT"
            }
        ),
        "{error:?}"
    );
    let error = tx.one(&COUNT, args![]).await.err().expect("not even read");
    assert!(matches!(error, Error::Spoiled { .. }), "{error:?}");
    assert!(tx.commit().await.is_err());
    let mut reader = fresh.db.reader().await.expect("reads");
    assert_eq!(
        reader
            .one(&COUNT, args![])
            .await
            .expect("counts")
            .get::<i64>("n")
            .expect("n"),
        0
    );
});

both!(a_reader_sees_one_moment, |fresh| {
    fresh.things().await;
    let count = async |reader: &mut stint_db::Reader| {
        reader
            .one(&COUNT, args![])
            .await
            .expect("counts")
            .get::<i64>("n")
            .expect("n")
    };
    let mut reader = fresh.db.reader().await.expect("reads");
    assert_eq!(count(&mut reader).await, 0);
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    insert(&mut tx, 1, "later", 1).await.expect("inserts");
    tx.commit().await.expect("commits");
    assert_eq!(count(&mut reader).await, 0, "the same moment still");
    drop(reader);
    assert_eq!(count(&mut fresh.db.reader().await.expect("reads")).await, 1);
});

/// What a room does: its own error around the database's.
#[derive(Debug, thiserror::Error)]
enum Room {
    #[error("the database")]
    Db(#[from] Error),
}

#[tokio::test]
async fn what_crossed_another_transaction_is_run_again_and_nothing_else_is() {
    let mut tried = 0;
    let done: Result<i32, Room> = retrying(|| {
        tried += 1;
        let fail = tried < 3;
        async move {
            if fail {
                Err(Error::Busy(None).into())
            } else {
                Ok(7)
            }
        }
    })
    .await;
    assert_eq!((done.expect("the third try"), tried), (7, 3));
    let mut tried = 0;
    let failed: Result<(), Room> = retrying(|| {
        tried += 1;
        async { Err(Error::Crashed.into()) }
    })
    .await;
    assert!(failed.is_err());
    assert_eq!(tried, 1);
    let mut tried = 0;
    let failed: Result<(), Room> = retrying(|| {
        tried += 1;
        async { Err(Error::Busy(None).into()) }
    })
    .await;
    assert!(failed.is_err());
    assert_eq!(tried, 5, "it gives up");
}

/// Two transactions lock two rows in opposite orders: PostgreSQL ends one of them, and
/// trying again gets both through. SQLite has one writer, so they cannot cross.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_retried() {
    if !crate::engines::postgres_wanted() {
        println!("PostgreSQL left out by STINT_TEST_ENGINES");
        return;
    }
    let fresh = crate::engines::Fresh::with(true, |_| {}).await;
    fresh.things().await;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    for (n, name) in [(1, "a"), (2, "b")] {
        insert(&mut tx, n, name, 1).await.expect("inserts");
    }
    tx.commit().await.expect("commits");
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let tries = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let cross = |first: u128, second: u128| {
        let (db, barrier, tries) = (fresh.db.clone(), barrier.clone(), tries.clone());
        tokio::spawn(async move {
            let mut once = true;
            retrying(|| {
                let (db, barrier, meet) = (db.clone(), barrier.clone(), once);
                once = false;
                tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                async move {
                    let mut tx = db.begin(Priority::Interactive).await?;
                    tx.one(&GET, args![id(first)]).await?;
                    if meet {
                        barrier.wait().await;
                    }
                    tx.one(&GET, args![id(second)]).await?;
                    tx.commit().await
                }
            })
            .await
        })
    };
    let (one, two) = (cross(1, 2), cross(2, 1));
    one.await.expect("no panic").expect("gets through");
    two.await.expect("no panic").expect("gets through");
    assert!(
        tries.load(std::sync::atomic::Ordering::SeqCst) >= 3,
        "one of them was retried"
    );
}
