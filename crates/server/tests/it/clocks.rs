//! What waits while this machine's clock and the database's disagree, and what does not.

use stint_domain::Span;
use stint_server::grants;
use stint_server::processes::Measured;
use stint_testkit::{World, both_engines};

fn apart(world: &World, by: Span) {
    let within = Span::millis(2);
    world.app().trust.judge(Measured { offset: by, within });
}

async fn has(world: &World, user: &str) -> bool {
    let account = world.sim().account_id("prod-payments").expect("an account");
    let set = world.sim().permission_set_arn("prod-admin").expect("a set");
    world.aws().has(&account, &set, user).await
}

both_engines! {
    async fn no_access_goes_only_because_a_clock_says_so_while_the_clocks_disagree(world) {
        let org = world.organize().await;
        let wanted = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, wanted, org.auto).await;
        let facts = world.facts();
        let (ana, bo) = (facts.ana.expect("Ana").user_id, facts.bo.expect("Bo").user_id);
        world.ask("ana", wanted, Span::hours(1)).await;
        let of_bo = world.ask("bo", wanted, Span::hours(8)).await;
        world.settle().await;
        assert!(has(&world, &ana).await && has(&world, &bo).await);

        apart(&world, Span::minutes(-70));
        let ready = world.as_nobody().get("/readyz").await.is(200).text();
        assert!(ready.contains("clock_disagrees"), "{ready}");
        world.advance(Span::minutes(90)).await;
        assert!(has(&world, &ana).await, "it went although the clocks disagree");
        // What a person says does not wait.
        let mut reader = world.app().db.reader().await.expect("a reader");
        let grant = grants::of_request(&mut reader, of_bo).await.expect("read")[0].id;
        drop(reader);
        grants::revoke(&world.cx("cy"), grant, "INC-7").await.expect("revoked");
        world.settle().await;
        assert!(!has(&world, &bo).await, "a revocation waited for the clocks");

        apart(&world, Span::millis(40));
        assert_eq!(world.as_nobody().get("/readyz").await.is(200).text(), "ok\n");
        world.advance(Span::minutes(30)).await;
        assert!(!has(&world, &ana).await, "it went on once they agreed");
    }
}
