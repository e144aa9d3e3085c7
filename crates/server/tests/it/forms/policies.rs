//! Policies through their form.

use stint_domain::Span;
use stint_domain::policy::{PolicyBody, Route};
use stint_server::policies;
use stint_testkit::both_engines;

use super::{MARKUP, SHOWN, button, goes, refused_from_elsewhere, send, sound};

both_engines! {
    async fn a_policy_is_written_step_by_step_looked_at_and_changed(world) {
        let there = world.organize().await;
        let cy = world.in_browser("cy").await;
        let new = "/policies/new";
        refused_from_elsewhere(&cy, new).await;
        sound(world.in_browser("ana").await.get("/policies").await, 403);

        // What the rules refuse stands where it is wrong, and the rest stays as typed.
        let page = sound(cy.get(new).await, 200);
        let typed = [("name", MARKUP), ("step0.name", "On call"), ("step0.needed", "2")];
        let page = sound(send(&cy, new, &page, &typed).await, 422);
        assert!(page.contains("id=\"step0.users-mistake\""), "{page}");
        assert!(page.contains("Step 1 names no approver: add a user, a group, a role or a condition."), "{page}");
        assert!(page.contains(SHOWN) && page.contains("value=\"On call\""), "{page}");

        // Groups and people are found, steps are added, moved and removed, all by sending it.
        let page = sound(send(&cy, new, &page, &[("step0.groups.q", "plat")]).await, 200);
        let add = button(&page, "step0.groups.add:", "Platform");
        let page = sound(send(&cy, new, &page, &[("do", &add)]).await, 200);
        let page = sound(send(&cy, new, &page, &[]).await, 422);
        assert!(page.contains("step0.needed-mistake") && page.contains("needs 2 approvals and has 1"), "{page}");
        let page = sound(send(&cy, new, &page, &[("step0.needed", "1"), ("do", "steps.add")]).await, 200);
        let second = [("step1.name", "Security"), ("step1.users.q", "cy")];
        let page = sound(send(&cy, new, &page, &second).await, 200);
        let add = button(&page, "step1.users.add:", "Cy Adeyemi");
        let page = sound(send(&cy, new, &page, &[("do", &add)]).await, 200);
        let page = sound(send(&cy, new, &page, &[("do", "steps.up:1")]).await, 200);
        let first = page.find("value=\"Security\"").expect("it is there");
        assert!(first < page.find("value=\"On call\"").expect("too"), "Security comes first now");
        button(&page, "step0.users.drop:", "Cy Adeyemi");
        button(&page, "step1.groups.drop:", "Platform");

        // A look says it in words and saves nothing.
        let page = sound(send(&cy, new, &page, &[("do", "look"), ("max", "90"), ("max.unit", "minutes")]).await, 200);
        assert!(page.contains("“Security”: 1 of Cy Adeyemi"), "{page}");
        assert!(page.contains("“On call”: 1 of the members of Platform") && page.contains("1 h 30 min"));
        assert!(!sound(cy.get("/policies").await, 200).contains(SHOWN));
        let place = goes(send(&cy, new, &page, &[("note", "<b>first</b>")]).await);
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains("&#60;b&#62;first") && page.contains("Not used yet"), "{page}");
        assert!(sound(cy.get("/policies").await, 200).contains("1 of Security, then 1 of On call"));
        let found = sound(cy.get("/policies?q=rea&sort=-created").await, 200);
        assert!(found.contains(">read<") && !found.contains(">prod<"), "{found}");
        let csv = cy.get("/policies?format=csv").await.is(200).text();
        assert!(csv.contains("1 of Security, then 1 of On call"), "{csv}");
        let taken = sound(cy.get(new).await, 200);
        let taken = sound(send(&cy, new, &taken, &[("name", MARKUP), ("route", "auto")]).await, 422);
        assert!(taken.contains("name-mistake"), "{taken}");

        // A new version: what it changes, a conflict, and the history.
        let id = place.trim_start_matches("/policies/").parse().expect("an id");
        let edit = format!("{place}/edit");
        let page = sound(cy.get(&edit).await, 200);
        let look = [("do", "look"), ("max", "2"), ("max.unit", "hours")];
        let page = sound(send(&cy, &edit, &page, &look).await, 200);
        assert!(page.contains("<del>1 h 30 min</del>") && page.contains("<ins>2 h</ins>"), "{page}");
        let body = PolicyBody::new(Route::AutoApprove, Span::hours(1));
        let other = policies::NewVersion { body, note: "by another window".to_owned() };
        policies::new_version(&world.cx("cy"), id, other, None).await.expect("written");
        let late = sound(send(&cy, &edit, &page, &[]).await, 412);
        assert!(late.contains("Changed meanwhile by Cy Adeyemi"), "{late}");
        assert!(late.contains(">1 h<") && late.contains(">2 h<"), "{late}");
        button(&late, "step1.groups.drop:", "Platform");
        assert_eq!(goes(send(&cy, &edit, &late, &[]).await), place);
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains("Version 3") && page.contains("<del>by nobody: it is approved at once</del>"), "{page}");

        // Where it is used.
        let admin = there.entitlement(&world, "prod-payments", "prod-admin").await;
        there.offer(&world, admin, id).await;
        assert!(sound(cy.get(&place).await, 200).contains("prod-admin on prod-payments"));
        let used = sound(cy.get(&format!("{place}/entitlements")).await, 200);
        assert!(used.contains("prod-admin on prod-payments"));
    }
}
