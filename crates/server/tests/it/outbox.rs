//! News: with what it tells, in order, at least once.

use serde_json::json;
use stint_db::{CommitPoint, Priority};
use stint_server::outbox;
use stint_testkit::both_engines;

both_engines! {
    async fn news_is_delivered_by_the_task_and_only_when_committed(world) {
        world.run_due().await;
        assert_eq!(outbox::waiting(&world.app().db).await.unwrap(), 0);
        let cx = world.system();
        let mut tx = cx.begin(Priority::Interactive).await.unwrap();
        outbox::emit(&mut tx, &cx, "test.dropped", json!({})).await.unwrap();
        drop(tx);
        assert_eq!(outbox::waiting(&world.app().db).await.unwrap(), 0);
        let mut tx = cx.begin(Priority::Interactive).await.unwrap();
        for n in 0..250 {
            outbox::emit(&mut tx, &cx, "test.happened", json!({"n": n})).await.unwrap();
        }
        tx.commit().await.expect("news alone is no change of state");
        assert_eq!(outbox::waiting(&world.app().db).await.unwrap(), 250);
        world.run_due().await;
        assert_eq!(outbox::waiting(&world.app().db).await.unwrap(), 0);
    }
}

both_engines! {
    async fn a_server_that_dies_while_delivering_delivers_again(world) {
        let cx = world.system();
        let mut tx = cx.begin(Priority::Interactive).await.unwrap();
        outbox::emit(&mut tx, &cx, "test.happened", json!({})).await.unwrap();
        tx.commit().await.unwrap();
        world.expect_failures();
        world.crash_at(1, CommitPoint::Before);
        world.run_due().await;
        assert!(world.crashed());
        world.restart().await;
        assert!(outbox::waiting(&world.app().db).await.unwrap() > 0, "not marked");
        world.run_due().await;
        assert_eq!(outbox::waiting(&world.app().db).await.unwrap(), 0);
    }
}
