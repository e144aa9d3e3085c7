//! A call repeated under its key has its effect once, whatever dies when.

use serde_json::{Value, json};
use stint_db::CommitPoint;
use stint_domain::Span;
use stint_testkit::{World, both_engines};

const GROUPS: &str = "/api/v1/groups";

async fn names(world: &World) -> Vec<String> {
    let list = world.as_user("cy").get(GROUPS).await.ok();
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["name"].as_str().unwrap().to_owned())
        .collect()
}

fn group(name: &str) -> Value {
    json!({"name": name})
}

both_engines! {
    async fn the_same_key_and_body_answers_as_the_first_time(world) {
        let cy = world.as_user("cy");
        let first = cy.clone().key("k1").post(GROUPS, group("A")).await.is(201);
        let again = cy.clone().key("k1").post(GROUPS, group("A")).await.is(201);
        assert_eq!(first.body, again.body);
        assert_eq!(first.version(), again.version());
        assert_eq!(first.header("content-type"), again.header("content-type"));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(first.header("idempotency-replayed"), "");
        assert_eq!(names(&world).await, ["A"]);
        // Without a key it is another call.
        cy.post(GROUPS, group("A")).await.is(409);
    }
}

both_engines! {
    async fn another_body_under_the_key_is_refused(world) {
        let cy = world.as_user("cy").key("k1");
        cy.post(GROUPS, group("A")).await.is(201);
        cy.post(GROUPS, group("B")).await.refused(422, "idempotency_key_reused");
        assert_eq!(names(&world).await, ["A"]);
    }
}

both_engines! {
    async fn a_key_belongs_to_its_actor_and_its_address(world) {
        world.add_person("pat", &[stint_domain::rights::Role::PolicyAdmin]).await;
        world.as_user("cy").key("k1").post(GROUPS, group("A")).await.is(201);
        world.as_user("pat").key("k1").post(GROUPS, group("B")).await.is(201);
        let bad = world.as_user("cy").key("").post(GROUPS, group("C")).await;
        bad.refused(422, "invalid_idempotency_key");
        assert_eq!(names(&world).await, ["A", "B"]);
    }
}

both_engines! {
    async fn a_refused_call_gives_its_key_back(world) {
        let cy = world.as_user("cy");
        cy.post(GROUPS, group("A")).await.is(201);
        cy.clone().key("k1").post(GROUPS, group("A")).await.is(409);
        cy.clone().key("k1").post(GROUPS, group("B")).await.is(201);
        assert_eq!(names(&world).await, ["A", "B"]);
    }
}

both_engines! {
    async fn a_key_is_forgotten_after_a_day_of_real_time(world) {
        let cy = world.as_user("cy").key("k1");
        cy.post(GROUPS, group("A")).await.is(201);
        world.advance(Span::hours(48)).await;
        cy.post(GROUPS, group("A")).await.is(201);
        assert_eq!(names(&world).await, ["A"]);
        world.wall().advance(Span::hours(25));
        cy.post(GROUPS, group("B")).await.is(201);
        world.wall().advance(Span::hours(25));
        world.run_due().await;
        cy.post(GROUPS, group("C")).await.is(201);
        assert_eq!(names(&world).await, ["A", "B", "C"]);
    }
}

both_engines! {
    async fn whatever_dies_when_the_effect_is_there_once_and_the_key_knows(world) {
        // Commits of one call: the claim, the verb's own, the answer.
        for nth in 1..=3 {
            for point in [CommitPoint::Before, CommitPoint::After] {
                let name = format!("{nth} {point:?}");
                let key = name.replace(' ', "-");
                world.crash_at(nth, point);
                let died = world.as_user("cy").key(&key).post(GROUPS, group(&name)).await;
                assert_eq!(died.status.as_u16(), 500, "{name}: {}", died.text());
                world.restart().await;
                let committed = (nth, point) >= (2, CommitPoint::After);
                assert_eq!(names(&world).await.contains(&name), committed, "{name}");
                let claimed = (nth, point) != (1, CommitPoint::Before);
                let answered = (nth, point) == (3, CommitPoint::After);
                let cy = world.as_user("cy").key(&key);
                // Somebody tries again at once, and a minute later.
                let at_once = cy.post(GROUPS, group(&name)).await;
                match (claimed, answered) {
                    (false, _) | (true, true) => drop(at_once.is(201)),
                    (true, false) => drop(at_once.refused(409, "idempotency_in_progress")),
                }
                world.wall().advance(Span::seconds(61));
                let later = cy.post(GROUPS, group(&name)).await;
                match (committed, answered) {
                    (true, false) => drop(later.refused(409, "idempotency_answer_lost")),
                    _ => drop(later.is(201)),
                }
                let count = names(&world).await.iter().filter(|n| **n == name).count();
                assert_eq!(count, 1, "{name}");
            }
        }
    }
}

both_engines! {
    async fn of_many_at_once_under_one_key_one_is_carried_out(world) {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let cy = world.as_user("cy").key("k1");
            calls.spawn(async move { cy.post(GROUPS, group("A")).await.status.as_u16() });
        }
        let mut made = 0;
        while let Some(status) = calls.join_next().await {
            match status.unwrap() {
                201 => made += 1,
                409 => {}
                other => panic!("{other}"),
            }
        }
        assert!(made >= 1);
        assert_eq!(names(&world).await, ["A"]);
    }
}
