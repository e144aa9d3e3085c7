//! Several things asked for together: all or none, each with its own answer.

use serde_json::{Value, json};
use stint_domain::Span;
use stint_domain::policy::Route;
use stint_testkit::{World, both_engines};

const TOGETHER: &str = "/api/v1/submissions";

/// Two things: one that Bo approves, one that is given at once; and one nobody is offered.
async fn scene(world: &World) -> [String; 3] {
    let there = world.organize().await;
    let admin = there
        .entitlement(world, "prod-payments", "prod-admin")
        .await;
    let read = there
        .entitlement(world, "prod-payments", "ReadOnlyAccess")
        .await;
    let far = there
        .entitlement(world, "dev-sandbox", "ReadOnlyAccess")
        .await;
    there.offer(world, admin, there.approved).await;
    let short = world
        .policy("short", Route::AutoApprove, Span::hours(2))
        .await;
    there.offer(world, read, short).await;
    [admin.to_string(), read.to_string(), far.to_string()]
}

fn item(entitlement: &str, hours: i64) -> Value {
    json!({"entitlement": entitlement, "duration_seconds": hours * 3600, "reason": "INC-2291"})
}

fn states(submission: &Value) -> Vec<&str> {
    let requests = submission["requests"].as_array().expect("requests");
    (requests.iter())
        .map(|it| it["state"].as_str().expect("a state"))
        .collect()
}

both_engines! {
    async fn each_has_its_own_policy_and_its_own_answer(world) {
        let [admin, read, _] = scene(&world).await;
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let made = ana.post(TOGETHER, json!({"items": [item(&admin, 1), item(&read, 1)]})).await.is(201).json();
        assert_eq!(states(&made), ["pending", "approved"]);
        let place = format!("{TOGETHER}/{}", made["id"].as_str().expect("an id"));
        let pending = made["requests"][0]["id"].as_str().expect("an id").to_owned();
        assert_eq!(made["requests"][0]["submission"], made["id"]);
        // Bo sees of it what he decides; taking back is not his.
        assert_eq!(states(&bo.get(&place).await.ok()), ["pending"]);
        bo.post(&format!("{place}/cancel"), json!({})).await.refused(404, "not_found");
        bo.post(&format!("/api/v1/requests/{pending}/deny"), json!({"reason": "not this one"})).await.ok();
        assert_eq!(states(&ana.get(&place).await.ok()), ["denied", "approved"]);
        ana.post(&format!("{place}/cancel"), json!({})).await.refused(409, "all_answered");
        world.settle().await;
    }

    async fn all_or_none_and_every_fault_is_named(world) {
        let [admin, read, far] = scene(&world).await;
        let ana = world.as_user("ana");
        let wrong = json!({"items": [item(&admin, 1), item(&read, 3), item(&far, 1), item(&admin, 1), item(&admin, 9)]});
        let told = ana.post(TOGETHER, wrong).await.refused(422, "items_refused");
        let detail = told["detail"].as_str().expect("words");
        for said in ["item 2 (duration_over_policy)", "item 3 (not_found)", "item 4 (asked_twice)", "item 5 (asked_twice)"] {
            assert!(detail.contains(said), "{said}: {detail}");
        }
        assert!(!detail.contains("item 1"));
        assert_eq!(ana.get("/api/v1/requests").await.ok()["items"], json!([]), "none was asked for");
        ana.post(TOGETHER, json!({"items": []})).await.refused(422, "how_many_items");
        let many: Vec<Value> = (0..21).map(|_| item(&admin, 1)).collect();
        ana.post(TOGETHER, json!({"items": many})).await.refused(422, "how_many_items");
        world.settle().await;
    }

    async fn what_waits_is_taken_back_at_once_and_what_was_given_stays(world) {
        let [admin, read, _] = scene(&world).await;
        let ana = world.in_browser("ana").await;
        // By the page: ticked, filled, sent.
        let list = ana.get("/request").await.is(200).text();
        assert!(list.contains("Ask for all that is ticked"));
        let fields = [("what", admin.as_str()), ("what", read.as_str())];
        let form = ana.form("/request", &fields).await.is(200).text();
        assert!(form.contains("prod-admin on prod-payments") && form.contains("ReadOnlyAccess on prod-payments"));
        let more = [("send", "yes"), ("length", "3"), ("length.unit", "hours"), ("reason", "INC-2291")];
        let wrong: Vec<_> = fields.iter().chain(&more).copied().collect();
        let page = ana.form("/request", &wrong).await.is(422).text();
        assert!(page.contains("Nothing was sent") && page.contains("ask for 2 h or less"));
        let right: Vec<_> = wrong.iter().map(|(name, value)| (*name, if *name == "length" { "1" } else { value })).collect();
        let went = ana.form("/request", &right).await.is(303);
        let place = went.header("location");
        let page = ana.get(&place).await.is(200).text();
        assert!(page.contains("Cancel all that wait"));
        ana.form(&format!("{place}/cancel"), &[]).await.is(303);
        let api = format!("/api/v1{place}");
        assert_eq!(states(&world.as_user("ana").get(&api).await.ok()), ["cancelled", "approved"]);
        world.settle().await;
        ana.form("/request", &[]).await.is(303);
    }
}
