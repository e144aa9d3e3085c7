//! Limits on calls: who is counted, what is told, and what is never refused.

use serde_json::json;
use stint_domain::Span;
use stint_domain::policy::Route;
use stint_server::http::{Limits, Networks};
use stint_testkit::{Door, World, both_engines};

fn few() -> Limits {
    Limits {
        reads: 20,
        writes: 5,
        sign_ins: 4,
        anonymous: 10,
        proxies: Networks::parse(&["10.0.0.0/8"]).expect("a network"),
    }
}

/// How many of these calls are let through.
async fn passed(door: &Door, path: &str, calls: usize) -> usize {
    let mut passed = 0;
    for _ in 0..calls {
        passed += usize::from(door.get(path).await.status != 429);
    }
    passed
}

both_engines! {
    World::builder().limits(few());

    async fn each_token_has_budgets_of_its_own_which_fill_again(world) {
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let first = ana.get("/api/v1/me").await;
        assert_eq!(first.header("ratelimit-policy"), "\"reads\";q=20;w=60");
        assert_eq!(first.header("ratelimit"), "\"reads\";r=19;t=3");
        assert_eq!(passed(&ana, "/api/v1/me", 40).await, 19);
        let refused = ana.get("/api/v1/me").await;
        assert_eq!(refused.header("retry-after"), "3");
        assert_eq!(refused.header("ratelimit"), "\"reads\";r=0;t=60");
        let problem = refused.refused(429, "too_many_requests");
        assert!(problem["detail"].as_str().expect("words").contains("Wait 3 s"), "{problem}");
        // Neither Bo nor Ana's writes are touched.
        bo.get("/api/v1/me").await.ok();
        let write = ana.post("/api/v1/requests/preview", json!({"entitlement": "x"})).await;
        assert_eq!(write.header("ratelimit-policy"), "\"writes\";q=5;w=60");
        write.is(422);
        // The clock of the rules changes nothing, the wall's does.
        world.advance(Span::minutes(5)).await;
        ana.get("/api/v1/me").await.is(429);
        world.wall().advance(Span::seconds(3));
        assert_eq!(passed(&ana, "/api/v1/me", 5).await, 1);
        world.wall().advance(Span::minutes(2));
        assert_eq!(passed(&ana, "/api/v1/me", 40).await, 20);
    }

    async fn a_page_says_it_in_words(world) {
        let ana = world.in_browser("ana").await;
        let mut last = ana.get("/").await;
        for _ in 0..25 {
            last = ana.get("/").await;
        }
        let last = last.is(429);
        assert_eq!(last.header("retry-after"), "3");
        assert!(last.header("content-type").starts_with("text/html"));
        assert!(last.text().contains("Too much at once") && last.text().contains("Wait 3 s"));
        // Another sign-in of hers is counted for itself.
        world.in_browser("ana").await.get("/").await.is(200);
        // Pages that say who is well are for machines that ask often.
        for _ in 0..50 {
            ana.get("/healthz").await.is(200);
        }
    }

    async fn guessing_is_counted_by_address(world) {
        let guess = async |door: &Door| {
            let body = json!({"email": "nobody@acme.example", "password": "not this one either"});
            door.post("/api/v1/sign-in", body).await.status.as_u16()
        };
        let from = |address: &str| world.as_nobody().at_address(address);
        let one = from("9.9.9.9");
        let mut heard = Vec::new();
        for _ in 0..6 {
            heard.push(guess(&one).await);
        }
        assert_eq!(heard, [401, 401, 401, 401, 429, 429]);
        assert_eq!(guess(&from("9.9.9.10")).await, 401);
        // A made-up header changes nothing, except through a proxy that is believed.
        assert_eq!(guess(&one.clone().with("x-forwarded-for", "8.8.8.8")).await, 429);
        let proxied = |client: &str| from("10.0.0.1").with("x-forwarded-for", client);
        assert_eq!(guess(&proxied("9.9.9.9")).await, 429);
        assert_eq!(guess(&proxied("8.8.8.8")).await, 401);
        // Tokens that are none are guesses too.
        let wrong = from("7.7.7.7").with("authorization", "Bearer stint_pat_none");
        assert_eq!(passed(&wrong, "/api/v1/me", 30).await, 10);
        // Who has a token is not counted with their neighbours.
        let ana = world.as_user("ana").at_address("7.7.7.7");
        ana.get("/api/v1/me").await.ok();
    }

    async fn giving_ones_password_again_is_counted_by_sign_in(world) {
        // Somebody at the same address spends what it may try.
        let stranger = world.as_nobody().at_address("9.9.9.9");
        for _ in 0..6 {
            let body = json!({"email": "nobody@acme.example", "password": "not this one either"});
            stranger.post("/api/v1/sign-in", body).await;
        }
        for _ in 0..2 {
            let ana = world.in_browser("ana").await.at_address("9.9.9.9");
            let mut heard = Vec::new();
            for _ in 0..5 {
                let told = ana.post("/api/v1/sign-in/proof", json!({"password": "not it"})).await;
                assert_eq!(told.header("ratelimit-policy"), "\"sign-ins\";q=4;w=60");
                heard.push(told.status.as_u16());
            }
            assert_eq!(heard, [422, 422, 422, 422, 429]);
            // Her other changes have a budget of their own.
            ana.post("/api/v1/requests/preview", json!({"entitlement": "x"})).await.is(422);
        }
    }

    async fn taking_access_away_is_never_refused(world) {
        let organization = world.organize().await;
        let policy = world.policy("at once", Route::AutoApprove, Span::hours(8)).await;
        let entitlement = organization.entitlement(&world, "prod-payments", "prod-admin").await;
        organization.offer(&world, entitlement, policy).await;
        let cy = world.as_user("cy");
        let group = json!({"name": "Spent"});
        while cy.post("/api/v1/groups", group.clone()).await.status != 429 {}
        let mut ended = 0;
        for _ in 0..10 {
            world.ask("ana", entitlement, Span::hours(1)).await;
            world.settle().await;
            // Another door of hers: the reads of this one are counted.
            let dee = world.as_user("dee");
            let grants = dee.get("/api/v1/grants?limit=1").await.ok();
            let id = grants["items"][0]["id"].as_str().expect("a grant").to_owned();
            let revoked = cy.post(&format!("/api/v1/grants/{id}/revoke"), json!({"reason": "an incident"})).await;
            assert_eq!(revoked.header("ratelimit"), "", "no budget is drawn from");
            revoked.ok();
            world.settle().await;
            ended += 1;
        }
        assert_eq!(ended, 10);
        cy.post("/api/v1/groups", group).await.is(429);
        // Nobody takes anything away for free.
        let nobody = world.as_nobody().at_address("6.6.6.6");
        let mut heard = Vec::new();
        for _ in 0..12 {
            let sent = nobody.post("/api/v1/grants/grt_00000000000000000000000001/revoke", json!({"reason": "x"})).await;
            heard.push(sent.status.as_u16());
        }
        assert_eq!(heard.iter().filter(|status| **status == 429).count(), 2, "{heard:?}");
    }
}
