//! Router, description and the list the rights test walks are one.

use std::collections::BTreeSet;

use stint_testkit::both_engines;

both_engines! {
    async fn the_api_is_described_as_it_is_routed(world) {
        let told = world.as_nobody().get("/api/v1/openapi.json").await.ok();
        let mut described = BTreeSet::new();
        for (path, item) in told["paths"].as_object().expect("paths") {
            for method in item.as_object().expect("methods").keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let routes = stint_server::routes::routes();
        let routed: Vec<_> = (routes.recorded().iter())
            .filter(|route| !route.page)
            .map(|route| (route.method.to_string(), route.path.clone()))
            .collect();
        let set: BTreeSet<_> = routed.iter().cloned().collect();
        assert_eq!(set.len(), routed.len(), "an address is registered twice");
        assert_eq!(set, described);
        assert!(described.iter().all(|(_, path)| path.starts_with("/api/v1/")));
        assert!(
            (routes.recorded().iter())
                .all(|route| route.page != route.path.starts_with("/api/"))
        );
        assert_eq!(told["openapi"], "3.1.0");
    }

    async fn every_refusal_anywhere_has_a_body_that_says_what_to_do(world) {
        for route in stint_server::routes::routes().recorded().iter().filter(|route| !route.page) {
            let path = route.path.replace(['{', '}'], "");
            let answer = world.as_nobody().send(route.method.clone(), &path, None).await;
            if answer.status.is_success() {
                continue;
            }
            let problem = answer.json();
            for field in ["type", "title", "code", "detail", "request_id"] {
                let text = problem[field].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{} {path}: no {field}: {problem}", route.method);
            }
            assert_eq!(problem["status"], answer.status.as_u16(), "{} {path}", route.method);
        }
    }
}
