//! ETag and If-Match: nobody overwrites what they did not see.

use http::Method;
use serde_json::{Value, json};
use stint_domain::Span;
use stint_domain::policy::Route;
use stint_testkit::{Door, World, both_engines};

/// A thing with a version: where it is read, how it is changed, and with what the first time
/// and the second.
struct Thing {
    read: String,
    method: Method,
    change: String,
    bodies: Bodies,
}

/// Two that differ from each other and from those of the round before: a change to what a
/// thing is already changes nothing, its version neither.
type Bodies = fn(&str, usize) -> [Value; 2];

fn names(_: &str, round: usize) -> [Value; 2] {
    [
        json!({"name": format!("First {round}")}),
        json!({"name": format!("Second {round}")}),
    ]
}

fn roles(_: &str, round: usize) -> [Value; 2] {
    let [one, two] = if round.is_multiple_of(2) {
        ["auditor", "helpdesk"]
    } else {
        ["policy_admin", "connection_admin"]
    };
    [json!({"roles": [one]}), json!({"roles": [two]})]
}

fn rules(_: &str, _: usize) -> [Value; 2] {
    [2, 3]
        .map(|hours| json!({"body": {"auto_approve": true, "max_duration_seconds": hours * 3600}}))
}

fn controls(policy: &str, _: usize) -> [Value; 2] {
    [2, 3].map(|hours| json!({"policy": policy, "max_duration_seconds": hours * 3600}))
}

fn thing(method: Method, read: &str, change: &str, bodies: Bodies) -> Thing {
    Thing {
        read: read.to_owned(),
        method,
        change: format!("{read}{change}"),
        bodies,
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

/// One of each kind there is.
async fn things(world: &World) -> (String, Vec<Thing>) {
    let organization = world.organize().await;
    let cy = world.as_user("cy");
    let group = id(&cy
        .post("/api/v1/groups", json!({"name": "Versions"}))
        .await
        .ok());
    let policy = world
        .policy("versions", Route::AutoApprove, Span::hours(8))
        .await;
    let entitlement = organization
        .entitlement(world, "prod-payments", "prod-admin")
        .await;
    let catalog = id(&cy
        .post("/api/v1/catalogs", json!({"name": "Versions"}))
        .await
        .ok());
    let connection = organization.connection;
    let application = cy.get("/api/v1/applications").await.ok()["items"][0].clone();
    let all = vec![
        thing(
            Method::PATCH,
            &format!("/api/v1/users/{}", world.person("dee").id),
            "",
            names,
        ),
        thing(
            Method::PUT,
            &format!("/api/v1/users/{}", world.person("bo").id),
            "/roles",
            roles,
        ),
        thing(Method::PATCH, &format!("/api/v1/groups/{group}"), "", names),
        thing(
            Method::PATCH,
            &format!("/api/v1/applications/{}", id(&application)),
            "",
            names,
        ),
        thing(
            Method::PATCH,
            &format!("/api/v1/connections/{connection}"),
            "",
            names,
        ),
        thing(
            Method::PATCH,
            &format!("/api/v1/catalogs/{catalog}"),
            "",
            names,
        ),
        thing(
            Method::POST,
            &format!("/api/v1/policies/{policy}"),
            "/versions",
            rules,
        ),
        thing(
            Method::PUT,
            &format!("/api/v1/entitlements/{entitlement}/access-control"),
            "",
            controls,
        ),
    ];
    (policy.to_string(), all)
}

async fn etag(door: &Door, path: &str) -> String {
    let answer = door.get(path).await;
    if answer.status == 404 {
        // Of an access control that was never set.
        return "\"0\"".to_owned();
    }
    let tag = answer.header("etag");
    let version = answer.ok()["version"].clone();
    assert_eq!(tag, format!("\"{version}\""), "{path}");
    tag
}

both_engines! {
    async fn of_two_changes_with_one_etag_one_wins(world) {
        let cy = world.as_user("cy");
        let (policy, things) = things(&world).await;
        for thing in things {
            for round in 0..8 {
                let seen = etag(&cy, &thing.read).await;
                let change = |body: usize| {
                    let door = cy.clone().with("if-match", &seen);
                    let (method, path) = (thing.method.clone(), thing.change.clone());
                    let body = (thing.bodies)(&policy, round)[body].clone();
                    tokio::spawn(async move { door.send(method, &path, Some(body)).await })
                };
                let (one, two) = (change(0), change(1));
                let answers = [one.await.expect("ran"), two.await.expect("ran")];
                let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter()
                    .partition(|answer| answer.status.is_success());
                let about = format!("{} {} round {round}", thing.method, thing.change);
                assert_eq!((won.len(), lost.len()), (1, 1), "{about}: {:?}", lost.iter().map(|a| a.text()).collect::<Vec<_>>());
                for lost in lost {
                    lost.refused(412, "stale");
                }
                // The winner's ETag is the thing's now, one further.
                let now = etag(&cy, &thing.read).await;
                assert_eq!(won[0].header("etag"), now, "{about}");
                assert_ne!(now, seen, "{about}");
            }
        }
    }

    async fn a_stale_change_changes_nothing_and_one_without_if_match_is_made(world) {
        let cy = world.as_user("cy");
        let (policy, things) = things(&world).await;
        for thing in things {
            let [first, second] = (thing.bodies)(&policy, 0);
            let seen = etag(&cy, &thing.read).await;
            let send = async |door: &Door, body: &Value| {
                door.send(thing.method.clone(), &thing.change, Some(body.clone())).await
            };
            send(&cy.clone().with("if-match", &seen), &first).await.ok();
            let before = cy.get(&thing.read).await.text();
            send(&cy.clone().with("if-match", &seen), &second).await.refused(412, "stale");
            assert_eq!(cy.get(&thing.read).await.text(), before, "{}", thing.change);
            send(&cy, &second).await.ok();
            send(&cy.clone().with("if-match", "*"), &first).await.ok();
            assert_ne!(etag(&cy, &thing.read).await, seen);
        }
    }

    async fn of_two_who_answer_a_link_at_one_version_one_wins(world) {
        let organization = world.organize().await;
        let cy = world.as_user("cy");
        let eve = cy.post("/api/v1/users", json!({"name": "Eve", "email": "eve@acme.example"})).await.ok();
        let principals = cy.get(&format!("/api/v1/principals?connection={}&limit=200", organization.connection)).await.ok();
        let links = cy.get("/api/v1/links?limit=200").await.ok();
        let linked: Vec<_> = links["items"].as_array().expect("items").iter().map(|l| l["principal_id"].clone()).collect();
        let free: Vec<_> = (principals["items"].as_array().expect("items").iter())
            .filter(|p| p["kind"] == "identity_center_user" && !linked.contains(&p["id"]))
            .map(id)
            .take(6)
            .collect();
        assert!(free.len() > 2, "{principals}");
        let mut raced = 0;
        for principal in free {
            let made = cy.post("/api/v1/links", json!({"user_id": id(&eve), "principal_id": principal})).await;
            let seen = made.header("etag");
            let link = id(&made.ok());
            let answer = |verb: &str| {
                let door = cy.clone().with("if-match", &seen);
                let path = format!("/api/v1/links/{link}/{verb}");
                tokio::spawn(async move { door.post(&path, json!({})).await })
            };
            let (one, two) = (answer("confirm"), answer("reject"));
            let answers = [one.await.expect("ran"), two.await.expect("ran")];
            let won = answers.iter().filter(|answer| answer.status.is_success()).count();
            assert_eq!(won, 1, "{:?}", answers.iter().map(|a| a.text()).collect::<Vec<_>>());
            raced += answers.iter().filter(|a| a.status == 412 && a.code() == "stale").count();
        }
        assert!(raced > 2, "only {raced} were told that they came too late");
    }
}

both_engines! {
    async fn a_test_of_a_connection_gives_the_version_to_change_it_at(world) {
        let org = world.organize().await;
        let cy = world.as_user("cy");
        let place = format!("/api/v1/connections/{}", org.connection);
        let tested = cy.post(&format!("{place}/test"), json!({})).await.is(200);
        let tag = tested.header("etag");
        assert_eq!(tag, format!("\"{}\"", tested.json()["version"]));
        assert_eq!(tag, etag(&cy, &place).await);
        let change = cy.with("if-match", &tag).patch(&place, json!({"name": "renamed"})).await.is(200);
        assert_ne!(change.header("etag"), tag);
    }
}
