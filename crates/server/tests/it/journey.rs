//! The main journey: asked for, approved, there in AWS, and gone when its time is over.

use stint_domain::Span;
use stint_testkit::both_engines;

both_engines! {
    async fn access_is_asked_for_approved_provisioned_and_removed_on_time(world) {
        let org = world.organize().await;
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, admin, org.approved).await;
        let account = world.sim().account_id("prod-payments").expect("an account");
        let set = world.sim().permission_set_arn("prod-admin").expect("a permission set");
        let ana = world.facts().ana.expect("Ana is in the estate").user_id;
        let aws = world.aws();

        let request = world.ask("ana", admin, Span::hours(2)).await;
        world.settle().await;
        assert!(!aws.has(&account, &set, &ana).await, "nobody has approved");
        world.approve("bo", request).await;
        world.settle().await;
        assert!(aws.has(&account, &set, &ana).await, "approved: it is there");
        world.advance(Span::minutes(115)).await;
        assert!(aws.has(&account, &set, &ana).await, "its time is not over");
        world.advance(Span::minutes(15)).await;
        assert!(!aws.has(&account, &set, &ana).await, "its time is over: it is gone");
        let seen = world.as_user("ana").get(&format!("/api/v1/requests/{request}")).await.ok();
        assert_eq!(seen["grants"][0]["status"], "ended", "{seen:#}");
    }

    async fn membership_of_a_group_comes_and_goes_without_a_decision_where_the_policy_says_so(world) {
        let org = world.organize().await;
        let on_call = org.membership(&world, "platform").await;
        org.offer(&world, on_call, org.auto).await;
        let group = world.sim().group_id("platform").expect("a group");
        let ana = world.facts().ana.expect("Ana is in the estate").user_id;
        let aws = world.aws();
        assert!(!aws.members(&group).await.contains(&ana));
        world.ask("ana", on_call, Span::hours(1)).await;
        world.settle().await;
        assert!(aws.members(&group).await.contains(&ana));
        world.advance(Span::minutes(75)).await;
        assert!(!aws.members(&group).await.contains(&ana));
    }
}
