//! Extending: reminded before the end, asked once, and going on without a gap.

use serde_json::{Value, json};
use stint_domain::{EntitlementId, GrantId, RequestId, Span};
use stint_server::http::Paging;
use stint_server::requests::{self, Extension};
use stint_server::{catalog, directory, grants, identity};
use stint_testkit::{Organization, World, both_engines};

/// Ana holds prod-admin on prod-payments for an hour; Bo approves.
struct Scene {
    there: Organization,
    what: EntitlementId,
    request: RequestId,
    grant: GrantId,
}

impl Scene {
    async fn set(world: &World, duration: Span) -> Self {
        let there = world.organize().await;
        let what = there
            .entitlement(world, "prod-payments", "prod-admin")
            .await;
        there.offer(world, what, there.approved).await;
        let request = world.ask("ana", what, duration).await;
        world.approve("bo", request).await;
        world.settle().await;
        let grant = given(world, request).await[0].id;
        Self {
            there,
            what,
            request,
            grant,
        }
    }
}

async fn given(world: &World, request: RequestId) -> Vec<grants::Grant> {
    let mut q = world.app().db.reader().await.expect("a reader");
    grants::of_request(&mut q, request).await.expect("read")
}

async fn extended(world: &World, grant: GrantId) -> RequestId {
    let done = requests::extend(&world.cx("ana"), grant, Extension::default()).await;
    done.expect("asked").request.id
}

/// How often Stint has changed assignments in AWS.
fn writes(world: &World) -> usize {
    let calls = world.sim().journal();
    let written = ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"];
    (calls.iter())
        .filter(|call| written.contains(&call.operation.as_str()))
        .count()
}

async fn there_now(world: &World) -> bool {
    let account = world.sim().account_id("prod-payments").expect("an account");
    let set = world.sim().permission_set_arn("prod-admin").expect("a set");
    let user = world.facts().ana.expect("Ana").user_id;
    world.aws().has(&account, &set, &user).await
}

async fn ending(world: &World) -> Vec<Value> {
    let page = world
        .as_user("ana")
        .get("/api/v1/notices?kind=access_ending")
        .await
        .ok();
    page["items"].as_array().expect("items").clone()
}

fn extend_of(grant: GrantId) -> String {
    format!("/api/v1/grants/{grant}/extend")
}

both_engines! {
    async fn reminded_once_and_extended_by_a_click_it_goes_on_without_a_gap(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        assert!(ending(&world).await.is_empty());
        world.advance(Span::minutes(44)).await;
        assert!(ending(&world).await.is_empty(), "a short one is announced a quarter of an hour before");
        world.advance(Span::minutes(2)).await;
        let told = ending(&world).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["extend"], scene.grant.to_string());
        world.advance(Span::minutes(3)).await;
        assert_eq!(ending(&world).await[0]["times"], 1);
        // One click.
        let ana = world.in_browser("ana").await;
        let page = ana.get("/notices").await.is(200).text();
        let place = format!("/grants/{}/extend", scene.grant);
        assert!(page.contains(&format!("action=\"{place}\"")));
        let went = ana.form(&place, &[("back", "/notices")]).await.is(303);
        let place = went.header("location");
        let next: RequestId = place.trim_start_matches("/requests/").parse().expect("a request");
        world.run_due().await;
        assert!(ending(&world).await[0]["settled_at"].is_string(), "it was answered by asking");
        let asked = world.as_user("bo").get(&format!("/api/v1/requests/{next}")).await.ok();
        assert_eq!((&asked["extends"], &asked["reason"]), (&json!(scene.grant), &json!("INC-2291")));
        assert_eq!(asked["duration_seconds"], 3600);
        world.approve("bo", next).await;
        world.run_due().await;
        let (was, is) = (given(&world, scene.request).await.remove(0), given(&world, next).await.remove(0));
        assert_eq!(is.window.predecessor, Some(scene.grant));
        assert_eq!(Some(is.start), was.end());
        let before = writes(&world);
        // Past the end of the first, at many moments.
        for _ in 0..30 {
            world.advance(Span::minutes(1)).await;
            assert!(there_now(&world).await);
        }
        world.settle().await;
        assert_eq!(writes(&world), before, "neither a delete nor a create between the two");
        assert!(given(&world, scene.request).await[0].window.ended.is_some());
        assert!(there_now(&world).await);
        world.advance(Span::minutes(45)).await;
        world.settle().await;
        assert!(!there_now(&world).await, "it ends with its extension");
        assert_eq!(writes(&world), before + 1);
    }

    async fn long_access_is_announced_an_hour_before_and_not_when_it_goes_on(world) {
        let scene = Scene::set(&world, Span::hours(4)).await;
        world.advance(Span::minutes(179)).await;
        assert!(ending(&world).await.is_empty());
        let next = extended(&world, scene.grant).await;
        world.approve("bo", next).await;
        world.advance(Span::minutes(30)).await;
        assert!(ending(&world).await.is_empty(), "it goes on");
        world.advance(Span::minutes(215)).await;
        assert_eq!(ending(&world).await.len(), 1, "its extension ends");
        world.settle().await;
    }

    async fn of_two_clicks_at_once_there_is_one_request(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        let ana = world.cx("ana");
        let click = || requests::extend(&ana, scene.grant, Extension::default());
        let (one, other) = tokio::join!(stint_db::retrying(click), stint_db::retrying(click));
        let (one, other) = (one.expect("asked"), other.expect("asked"));
        assert_eq!(one.request.id, other.request.id);
        assert!(one.new != other.new);
        let again = world.as_user("ana").post(&extend_of(scene.grant), json!({})).await.is(200);
        assert_eq!(again.json()["id"], one.request.id.to_string());
        // Denied is answered: it may be asked once more.
        requests::deny(&world.cx("bo"), one.request.id, "no").await.expect("denied");
        let third = world.as_user("ana").post(&extend_of(scene.grant), json!({"duration_seconds": 600, "reason": "still at it"})).await.is(201);
        assert_ne!(third.json()["id"], one.request.id.to_string());
        assert_eq!((&third.json()["duration_seconds"], &third.json()["reason"]), (&json!(600), &json!("still at it")));
    }

    async fn decided_after_the_end_it_is_new_access_from_then_on(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        let next = extended(&world, scene.grant).await;
        world.advance(Span::hours(2)).await;
        world.settle().await;
        assert!(!there_now(&world).await);
        let page = world.in_browser("ana").await.get(&format!("/requests/{next}")).await.is(200).text();
        assert!(page.contains("has ended meanwhile"));
        world.approve("bo", next).await;
        world.settle().await;
        let grant = given(&world, next).await.remove(0);
        assert_eq!(grant.window.predecessor, None);
        assert!(grant.window.confirmed_at.is_some() && there_now(&world).await);
        let page = world.in_browser("ana").await.get(&format!("/requests/{next}")).await.is(200).text();
        assert!(page.contains("new access from then on"));
    }

    async fn what_was_ended_early_is_not_extended(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        let next = extended(&world, scene.grant).await;
        grants::revoke(&world.cx("cy"), scene.grant, "an incident").await.expect("revoked");
        world.settle().await;
        let approve = format!("/api/v1/requests/{next}/approve");
        let bo = world.as_user("bo");
        bo.post(&approve, json!({})).await.refused(409, "extends_closed");
        assert!(given(&world, next).await.is_empty() && !there_now(&world).await);
        let page = world.in_browser("bo").await.get(&format!("/requests/{next}")).await.is(200).text();
        assert!(page.contains("cannot be approved any more"));
        bo.post(&format!("/api/v1/requests/{next}/deny"), json!({"reason": "it was revoked"})).await.ok();
        let ana = world.as_user("ana");
        ana.post(&extend_of(scene.grant), json!({})).await.refused(409, "cannot_extend");
    }

    async fn a_revocation_ends_what_was_to_follow_too(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        let next = extended(&world, scene.grant).await;
        world.approve("bo", next).await;
        grants::revoke(&world.cx("cy"), scene.grant, "an incident").await.expect("revoked");
        world.settle().await;
        assert!(given(&world, next).await[0].window.closed.is_some());
        world.advance(Span::minutes(90)).await;
        world.settle().await;
        assert!(!there_now(&world).await);
    }

    async fn an_extension_is_extended_in_its_turn_and_what_it_extends_is_not(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        let second = extended(&world, scene.grant).await;
        world.approve("bo", second).await;
        let second = given(&world, second).await[0].id;
        let told = world.as_user("ana").post(&extend_of(scene.grant), json!({})).await.refused(409, "extended_already");
        assert!(told["detail"].as_str().expect("words").contains(&second.to_string()));
        // Not before it has begun: a chain made in a minute would outlast every policy.
        let early = world.as_user("ana").post(&extend_of(second), json!({})).await;
        early.refused(409, "cannot_extend");
        world.advance(Span::minutes(62)).await;
        let third = extended(&world, second).await;
        world.approve("bo", third).await;
        let third = given(&world, third).await.remove(0);
        assert_eq!(third.window.predecessor, Some(second));
        let before = writes(&world);
        world.advance(Span::minutes(88)).await;
        assert!(there_now(&world).await);
        assert_eq!(writes(&world), before);
        world.advance(Span::minutes(60)).await;
        world.settle().await;
        assert!(!there_now(&world).await);
    }

    async fn what_cannot_go_on_says_why(world) {
        let scene = Scene::set(&world, Span::hours(1)).await;
        let ana = world.as_user("ana");
        // Somebody else's, and none at all.
        world.as_user("bo").post(&extend_of(scene.grant), json!({})).await.refused(404, "not_found");
        world.as_user("cy").post(&extend_of(scene.grant), json!({})).await.refused(403, "forbidden");
        // Longer than allowed, by the policy in force now.
        ana.post(&extend_of(scene.grant), json!({"duration_seconds": 90_000})).await.refused(422, "duration_over_policy");
        // The link is gone.
        let cy = world.cx("cy");
        let ana_id = world.person("ana").id;
        let links = directory::links(&cy, &directory::LinkFilter::default(), &Paging::default()).await;
        let mut links = links.expect("links").items.into_iter();
        let link = links.find(|link| link.user == ana_id).expect("her link").id;
        directory::reject_link(&cy, link).await.expect("rejected");
        ana.post(&extend_of(scene.grant), json!({})).await.refused(422, "no_linked_principal");
        // In none of her catalogs any more.
        catalog::remove(&cy, scene.there.catalog, scene.what).await.expect("taken out");
        ana.post(&extend_of(scene.grant), json!({})).await.refused(409, "not_offered");
        let group = scene.there.everyone;
        identity::remove_member(&cy, group, world.person("ana").id).await.expect("taken out");
        ana.post(&extend_of(scene.grant), json!({})).await.refused(409, "not_offered");
        // Over.
        world.advance(Span::hours(2)).await;
        world.settle().await;
        ana.post(&extend_of(scene.grant), json!({})).await.refused(409, "cannot_extend");
    }
}
