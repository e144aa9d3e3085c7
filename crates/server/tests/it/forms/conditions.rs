//! A catalog by condition, made, looked at before it is saved, and tried.

use stint_server::catalog;
use stint_testkit::both_engines;

use super::{goes, send, sound};

both_engines! {
    async fn a_catalog_by_condition_is_looked_at_saved_and_tried(world) {
        let there = world.organize().await;
        let cy = world.in_browser("cy").await;
        let page = sound(cy.get("/catalogs/new").await, 200);
        let typed = [("name", "Admins"), ("do", "rules.add")];
        let page = sound(send(&cy, "/catalogs/new", &page, &typed).await, 200);
        assert!(page.contains("id=\"rule0\"") && page.contains("value=\"Admins\""), "{page}");

        // A mistake is said at its field, with the place in it, also before saving.
        let wrong = [
            ("rule0.name", "Admin sets"),
            ("rule0.when", "resource.permission_set like \"*admin\""),
            ("audience_when", "principal.departmnt == \"Platform\""),
        ];
        for look in [true, false] {
            let mut fields = wrong.to_vec();
            if look {
                fields.push(("do", "look"));
            }
            let status = if look { 200 } else { 422 };
            let page = sound(send(&cy, "/catalogs/new", &page, &fields).await, status);
            assert!(page.contains("id=\"rule0.when-mistake\""), "{page}");
            assert!(page.contains("unable to guarantee safety"), "{page}");
            assert!(page.contains("ine 1, character 1: attribute `departmnt`"), "{page}");
        }

        // What it is true of is said before it is saved.
        let policy = there.auto.to_string();
        let right = [
            ("rule0.name", "Admin sets"),
            ("rule0.when", "resource has permission_set && resource.permission_set like \"prod-adm*\""),
            ("audience_when", "principal.email like \"ana@*\" || principal.email like \"ana.*\""),
            ("policy", policy.as_str()),
            ("max", "2"),
        ];
        let mut look = right.to_vec();
        look.push(("do", "look"));
        let looked = sound(send(&cy, "/catalogs/new", &page, &look).await, 200);
        // #65: what is on the management account is not missing.
        assert!(looked.contains("now: prod-admin on acme-management"), "{looked}");
        assert!(looked.contains("True of 1 now: Ana"), "{looked}");
        let place = goes(send(&cy, "/catalogs/new", &looked, &[]).await);
        let id: stint_domain::CatalogId =
            place.trim_start_matches("/catalogs/").parse().expect("an id");
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains("Admin sets") && page.contains("for at most 2 h"), "{page}");
        let saved = catalog::get(&world.cx("cy"), id).await.expect("there");
        assert_eq!(saved.rules.contents.len(), 1);

        // What it holds, and why; and what one person may do about it.
        let held = sound(cy.get(&format!("{place}/contents?q=prod-payments")).await, 200);
        assert!(held.contains("by “Admin sets”") && held.contains("as this catalog says"), "{held}");
        let csv = cy.get(&format!("{place}/contents?format=csv")).await.is(200).text();
        assert!(csv.contains("prod-admin on prod-payments"), "{csv}");
        let admin = there.entitlement(&world, "prod-payments", "prod-admin").await;
        let ana = world.person("ana").id;
        let tried = format!("{place}/try?entitlement={admin}&user={ana}");
        let tried = sound(cy.get(&tried).await, 200);
        assert!(tried.contains("This person can ask for it"), "{tried}");
        let bo = world.person("bo").id;
        let tried = format!("{place}/try?entitlement={admin}&user={bo}");
        let tried = sound(cy.get(&tried).await, 200);
        assert!(tried.contains("does not learn that it exists"), "{tried}");
        let offered = world.in_browser("ana").await.get("/request").await;
        let offered = sound(offered, 200);
        assert!(offered.contains("prod-admin on prod-payments"), "{offered}");

        // Taken out again.
        let edit = format!("{place}/edit");
        let page = sound(cy.get(&edit).await, 200);
        let page = sound(send(&cy, &edit, &page, &[("do", "rules.drop:0")]).await, 200);
        assert!(!page.contains("id=\"rule0\""), "{page}");
        assert_eq!(goes(send(&cy, &edit, &page, &[]).await), place);
        let saved = catalog::get(&world.cx("cy"), id).await.expect("there");
        assert!(saved.rules.contents.is_empty() && saved.rules.terms.is_some());
    }
}
