//! Catalogs and access controls through their forms.

use stint_domain::Span;
use stint_server::catalog;
use stint_testkit::both_engines;

use super::{MARKUP, SHOWN, button, goes, refused_from_elsewhere, send, sound};

both_engines! {
    async fn a_catalog_is_made_found_wanting_and_changed(world) {
        let there = world.organize().await;
        let (cy, ana) = (world.in_browser("cy").await, world.in_browser("ana").await);
        refused_from_elsewhere(&cy, "/catalogs/new").await;
        sound(ana.get("/catalogs").await, 403);

        // Nothing given: said at the field, and what was typed stays.
        let page = sound(cy.get("/catalogs/new").await, 200);
        let page = sound(send(&cy, "/catalogs/new", &page, &[("description", "x <b>")]).await, 422);
        assert!(page.contains("id=\"name-mistake\"") && page.contains("x &#60;b&#62;"), "{page}");
        let taken = [("name", "for EVERYONE")];
        let page = sound(send(&cy, "/catalogs/new", &page, &taken).await, 422);
        assert!(page.contains("There is a catalog called “for EVERYONE” already"), "{page}");

        // A group is found and chosen by sending the form; the name typed meanwhile stays.
        let typed = [("name", MARKUP), ("audience.q", "plat")];
        let page = sound(send(&cy, "/catalogs/new", &page, &typed).await, 200);
        assert!(page.contains(SHOWN) && page.contains("Platform"), "{page}");
        let add = button(&page, "audience.add:", "Platform");
        let page = sound(send(&cy, "/catalogs/new", &page, &[("do", &add)]).await, 200);
        button(&page, "audience.drop:", "Platform");
        let place = goes(send(&cy, "/catalogs/new", &page, &[]).await);
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains(SHOWN) && page.contains("Platform") && page.contains("Nothing in it yet"));
        assert!(sound(cy.get("/catalogs").await, 200).contains(SHOWN));
        let found = sound(cy.get("/catalogs?q=EVERY&sort=-name").await, 200);
        assert!(found.contains("For everyone") && !found.contains(SHOWN), "{found}");
        let csv = cy.get("/catalogs?format=csv&sort=created").await.is(200).text();
        assert!(csv.lines().count() == 3 && csv.contains(MARKUP), "{csv}");
        sound(cy.get("/catalogs?sort=odd").await, 422);

        // Somebody else is faster: the page says who and what, keeps what was typed, and a
        // second save puts it in place.
        let edit = format!("{place}/edit");
        let page = sound(cy.get(&edit).await, 200);
        let id = place.trim_start_matches("/catalogs/").parse().expect("an id");
        let change = catalog::Change {
            description: Some("by another window".to_owned()),
            ..catalog::Change::default()
        };
        catalog::update(&world.cx("cy"), id, change, None).await.expect("changed");
        let mine = [("name", "Production"), ("description", "mine")];
        let late = sound(send(&cy, &edit, &page, &mine).await, 412);
        assert!(late.contains("Changed meanwhile by Cy Adeyemi"), "{late}");
        assert!(late.contains("by another window") && late.contains("value=\"Production\""), "{late}");
        // Looking for a group in between does not make an old version a new one.
        let stale = sound(send(&cy, &edit, &page, &[("do", "audience.find")]).await, 200);
        sound(send(&cy, &edit, &stale, &mine).await, 412);
        assert_eq!(goes(send(&cy, &edit, &late, &[]).await), place);
        let now = catalog::get(&world.cx("cy"), id).await.expect("there");
        assert_eq!((&*now.name, &*now.description), ("Production", "mine"));
        assert_eq!(now.audience.len(), 1);
        assert!(!now.audience.contains(&there.everyone));
    }
}

both_engines! {
    async fn entitlements_are_added_by_search_under_one_policy(world) {
        let there = world.organize().await;
        let cy = world.in_browser("cy").await;
        let admin = there.entitlement(&world, "prod-payments", "prod-admin").await;
        let place = format!("/catalogs/{}", there.catalog);
        let add = format!("{place}/add");

        let page = sound(cy.get(&add).await, 200);
        // No policy is a choice: a browser must not insist on another one.
        assert!(!page.contains("name=\"policy\" required"), "{page}");
        let none = sound(send(&cy, &add, &page, &[]).await, 422);
        assert!(none.contains("id=\"entitlements-mistake\""), "{none}");
        let page = sound(send(&cy, &add, &page, &[("entitlements.q", "admin on prod-payments")]).await, 200);
        let id = admin.to_string();
        assert!(page.contains(&id), "{page}");
        // A limit without a policy, and one that is none: each at its field, the choice kept.
        let odd = [("entitlements", &*id), ("max", "2")];
        let page = sound(send(&cy, &add, &page, &odd).await, 422);
        assert!(page.contains("id=\"policy-mistake\""), "{page}");
        button(&page, "entitlements.drop:", "prod-admin on prod-payments");
        let approved = there.approved.to_string();
        let wrong = [("policy", &*approved), ("max", "0")];
        let page = sound(send(&cy, &add, &page, &wrong).await, 422);
        assert!(page.contains("id=\"max-mistake\"") && page.contains("value=\"0\""), "{page}");
        let right = [("max", "2"), ("max.unit", "hours")];
        assert_eq!(goes(send(&cy, &add, &page, &right).await), place);
        let shown = sound(cy.get(&place).await, 200);
        assert!(shown.contains("prod-admin on prod-payments") && shown.contains("2 h (the policy: 4 h)"), "{shown}");
        let control = catalog::access_control(&world.cx("cy"), admin).await.expect("read");
        let control = control.expect("set");
        assert_eq!((control.policy, control.max_duration), (there.approved, Some(Span::hours(2))));

        // All that match, under another policy: the one that has a policy keeps it.
        let page = sound(cy.get(&add).await, 200);
        let all = [("entitlements.q", "prod-payments"), ("do", "entitlements.all")];
        let page = sound(send(&cy, &add, &page, &all).await, 200);
        let auto = there.auto.to_string();
        goes(send(&cy, &add, &page, &[("policy", &*auto)]).await);
        let control = catalog::access_control(&world.cx("cy"), admin).await.expect("read");
        assert_eq!(control.expect("set").policy, there.approved, "kept");
        let found = catalog::get(&world.cx("cy"), there.catalog).await.expect("there");
        assert!(found.entitlements >= 2, "{found:?}");

        // Changed on its own page, refused when somebody was faster, and taken out again.
        let control_place = format!("{place}/entitlements/{admin}");
        let page = sound(cy.get(&control_place).await, 200);
        catalog::set_access_control(&world.cx("cy"), admin, there.auto, None, None).await.expect("set");
        let mine = [("policy", &*approved), ("max", "30"), ("max.unit", "minutes")];
        let late = sound(send(&cy, &control_place, &page, &mine).await, 412);
        assert!(late.contains("Changed meanwhile by Cy Adeyemi"), "{late}");
        assert!(late.contains("value=\"30\"") && late.contains(">read<"), "{late}");
        assert_eq!(goes(send(&cy, &control_place, &late, &[]).await), place);
        let control = catalog::access_control(&world.cx("cy"), admin).await.expect("read");
        assert_eq!(control.expect("set").max_duration, Some(Span::minutes(30)));
        let gone = format!("{control_place}/remove");
        assert_eq!(goes(cy.form(&gone, &[]).await), place);
        sound(cy.form(&gone, &[]).await, 404);
        assert!(!sound(cy.get(&place).await, 200).contains("prod-admin on prod-payments"));
    }
}

both_engines! {
    async fn the_api_adds_under_a_policy_too(world) {
        let there = world.organize().await;
        let cy = world.as_user("cy");
        let admin = there.entitlement(&world, "prod-payments", "prod-admin").await;
        let place = format!("/api/v1/catalogs/{}/entitlements", there.catalog);
        let under = |policy: String, replace: bool| serde_json::json!({
            "entitlements": [admin.to_string()],
            "access_control": { "policy": policy, "max_duration_seconds": 7200, "replace": replace },
        });
        cy.post(&place, under("pol_00000000000000000000000001".to_owned(), false)).await
            .refused(422, "unknown_policy");
        cy.post(&place, under(there.approved.to_string(), false)).await.ok();
        cy.post(&place, under(there.auto.to_string(), false)).await.ok();
        let used = format!("/api/v1/policies/{}/entitlements", there.approved);
        let used = cy.get(&used).await.ok();
        assert_eq!(used["items"][0]["entitlement"]["id"], admin.to_string());
        assert_eq!(used["items"][0]["access_control"]["max_duration_seconds"], 7200);
        cy.post(&place, under(there.auto.to_string(), true)).await.ok();
        let control = catalog::access_control(&world.cx("cy"), admin).await.expect("read");
        assert_eq!(control.expect("set").policy, there.auto);
    }
}
