//! The queue before SQLite's writer, on a real database.

use std::sync::{Arc, Mutex};

use stint_db::{Priority, Query as _, args};

use crate::engines::{Fresh, postgres_wanted};
use crate::values::COUNT;

stint_db::statements! {
    quiet DELETE_ALL = "delete from things";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_overtakes_a_long_row_of_syncs() {
    let fresh = Fresh::with(false, |_| {}).await;
    fresh.things().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = fresh.db.begin(Priority::Sync).await.expect("begins");
    let mut waiting = tokio::task::JoinSet::new();
    for (name, priority) in (0..20).map(|_| ("sync", Priority::Sync)).chain([
        ("page", Priority::Interactive),
        ("revoke", Priority::Revoke),
    ]) {
        let (db, order) = (fresh.db.clone(), Arc::clone(&order));
        waiting.spawn(async move {
            let mut tx = db.begin(priority).await.expect("its turn comes");
            order.lock().expect("not poisoned").push(name);
            tx.one(&COUNT, args![]).await.expect("runs");
            tx.commit().await.expect("commits");
        });
        tokio::task::yield_now().await;
    }
    // Everybody is in the queue once the runtime has had time for each.
    while waiting.len() < 22 {
        tokio::task::yield_now().await;
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    drop(first);
    while let Some(done) = waiting.join_next().await {
        done.expect("no panic");
    }
    let order = order.lock().expect("not poisoned").clone();
    assert_eq!(
        order.get(..3),
        Some(&["revoke", "page", "sync"][..]),
        "{order:?}"
    );
}

/// A caller that goes away while its transaction is being begun, as when a browser hangs up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_was_given_up_leaves_nobody_inside_its_transaction() {
    if !postgres_wanted() {
        println!("PostgreSQL left out by STINT_TEST_ENGINES");
        return;
    }
    // One connection: whoever comes next gets this one.
    let fresh = Fresh::with(true, |options| options.max_connections = 1).await;
    fresh.things().await;
    for patience in 0..400 {
        let mut reader = Box::pin(fresh.db.reader());
        for _ in 0..=patience {
            if futures::poll!(reader.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(reader);
        let mut tx = fresh.db.begin(Priority::Revoke).await.expect("begins");
        tx.run(&DELETE_ALL, args![]).await.expect("may write");
        tx.commit().await.expect("commits");
    }
}
