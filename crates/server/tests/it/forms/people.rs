//! Groups, users, links, tokens and one's own account through their forms.

use stint_domain::rights::Role;
use stint_server::{connections, directory, identity};
use stint_testkit::both_engines;

use super::{MARKUP, SHOWN, button, goes, refused_from_elsewhere, send, sound};

/// The value of a button that adds somebody to a group.
#[track_caller]
fn adds(page: &str, name: &str) -> String {
    let label = format!("aria-label=\"Add {name}\"");
    let tag = page.split("<button ").find(|tag| tag.contains(&label));
    let tag = tag.unwrap_or_else(|| panic!("no button adds {name}: {page}"));
    tag.split("value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a value")
        .to_owned()
}

both_engines! {
    async fn a_group_is_made_filled_changed_and_emptied(world) {
        let cy = world.in_browser("cy").await;
        let new = "/people/groups/new";
        refused_from_elsewhere(&cy, new).await;
        sound(world.in_browser("ana").await.get(new).await, 403);
        assert!(sound(cy.get("/people/groups").await, 200).contains("No groups yet"));
        let page = sound(cy.get(new).await, 200);
        let page = sound(send(&cy, new, &page, &[("description", "x")]).await, 422);
        assert!(page.contains("id=\"name-mistake\"") && page.contains("\nx</textarea>"), "{page}");
        let place = goes(send(&cy, new, &page, &[("name", MARKUP)]).await);
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains(SHOWN) && page.contains("Nobody in it yet"));
        let page = sound(cy.get(new).await, 200);
        let taken = sound(send(&cy, new, &page, &[("name", MARKUP)]).await, 422);
        assert!(taken.contains("A group with this name exists"), "{taken}");

        assert!(!sound(cy.get("/people/groups?q=nonsense").await, 200).contains(SHOWN));
        let csv = cy.get("/people/groups?format=csv&sort=-created").await.is(200).text();
        assert!(csv.contains(MARKUP), "{csv}");

        // Somebody is found, added and taken out.
        let page = sound(cy.get(&format!("{place}?add=ana")).await, 200);
        let ana = adds(&page, "Ana Moreno");
        let back = goes(cy.form(&format!("{place}/members"), &[("user", &ana), ("add", "ana")]).await);
        assert!(back.starts_with(&format!("{place}?add=")), "{back}");
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains("Ana Moreno") && page.contains(&format!("/people/users/{ana}")));
        goes(cy.form(&format!("{place}/members/{ana}/remove"), &[]).await);
        assert!(sound(cy.get(&place).await, 200).contains("Nobody in it yet"));
        goes(cy.form(&format!("{place}/members"), &[("user", "nobody")]).await);

        // Members added meanwhile count as a change too.
        let edit = format!("{place}/edit");
        let page = sound(cy.get(&edit).await, 200);
        let id = place.trim_start_matches("/people/groups/").parse().expect("an id");
        let bo = world.person("bo").id;
        identity::add_member(&world.cx("cy"), id, bo).await.expect("added");
        let late = sound(send(&cy, &edit, &page, &[("name", "Platform")]).await, 412);
        assert!(late.contains("Changed meanwhile by Cy Adeyemi"), "{late}");
        assert_eq!(goes(send(&cy, &edit, &late, &[]).await), place);
        assert!(sound(cy.get(&place).await, 200).contains("<h1>Platform</h1>"));
    }
}

both_engines! {
    async fn a_user_is_made_changed_given_roles_and_taken_off(world) {
        world.organize().await;
        let cy = world.in_browser("cy").await;
        let new = "/people/users/new";
        refused_from_elsewhere(&cy, new).await;
        let page = sound(cy.get(new).await, 200);
        let typed = [("name", MARKUP), ("email", "no address"), ("password", "a long enough one"), ("roles", "helpdesk")];
        let page = sound(send(&cy, new, &page, &typed).await, 422);
        assert!(page.contains("id=\"email-mistake\"") && page.contains("value=\"no address\""), "{page}");
        assert!(page.contains(SHOWN) && page.contains("value=\"helpdesk\" checked"), "{page}");
        assert!(!page.contains("a long enough one"), "a password is never sent back");
        assert!(page.contains("id=\"password-mistake\""), "so it says to type it again");
        let weak = [("email", "eve@example.com"), ("password", "short")];
        let page = sound(send(&cy, new, &page, &weak).await, 422);
        assert!(page.contains("This password cannot be used"), "{page}");
        let place = goes(send(&cy, new, &page, &[("password", "a long enough one")]).await);
        let page = sound(cy.get(&place).await, 200);
        assert!(page.contains(SHOWN) && page.contains("Helpdesk"), "{page}");
        assert!(sound(cy.get("/people?q=eve").await, 200).contains(&place));

        // Roles; what somebody else changed meanwhile is not overwritten unseen.
        let id = place.trim_start_matches("/people/users/").parse().expect("an id");
        let roles = format!("{place}/roles");
        let page = sound(cy.get(&roles).await, 200);
        identity::set_roles(&world.cx("cy"), id, vec![Role::Auditor], None).await.expect("set");
        let late = sound(send(&cy, &roles, &page, &[]).await, 412);
        assert!(late.contains(">Auditor<") && late.contains(">Helpdesk<"), "{late}");
        assert_eq!(goes(send(&cy, &roles, &late, &[]).await), place);
        let edit = format!("{place}/edit");
        let page = sound(cy.get(&edit).await, 200);
        let taken = sound(send(&cy, &edit, &page, &[("email", "ana.moreno@acme.example")]).await, 422);
        assert!(taken.contains("id=\"email-mistake\""), "{taken}");
        goes(send(&cy, &edit, &taken, &[("name", "Eve Lund"), ("email", "eve@example.com")]).await);
        let page = sound(cy.get(&format!("{place}/password")).await, 200);
        let wrong = sound(send(&cy, &format!("{place}/password"), &page, &[("password", "x")]).await, 422);
        assert!(wrong.contains("id=\"password-mistake\""), "{wrong}");

        // Taking somebody off says what becomes of everything, once.
        let ana = world.person("ana").id;
        let page = sound(cy.get(&format!("/people/users/{ana}/deactivate")).await, 200);
        assert!(page.contains("active API token is revoked") || page.contains("active API tokens are revoked"), "{page}");
        assert!(page.contains("They hold no access through Stint"), "{page}");
        goes(cy.form(&format!("/people/users/{ana}/deactivate"), &[]).await);
        let page = sound(cy.get(&format!("/people/users/{ana}")).await, 200);
        assert!(page.contains(">Deactivated<") && page.contains("reactivate"), "{page}");
        goes(cy.form(&format!("/people/users/{ana}/reactivate"), &[]).await);
        assert!(sound(cy.get(&format!("/people/users/{ana}")).await, 200).contains(">Active<"));
        // The last Super Admin stays one.
        let own = world.person("cy").id;
        let page = sound(cy.form(&format!("/people/users/{own}/deactivate"), &[]).await, 409);
        assert!(page.contains("the last active Super Admin"), "{page}");
    }
}

both_engines! {
    async fn a_link_is_proposed_confirmed_and_another_made_primary(world) {
        let there = world.organize().await;
        let (cy, dee) = (world.in_browser("cy").await, world.in_browser("dee").await);
        let new = "/people/links/new";
        refused_from_elsewhere(&cy, new).await;
        sound(dee.get(new).await, 403);
        let ana = world.person("ana").id;
        let page = sound(cy.get(&format!("{new}?user={ana}")).await, 200);
        let page = sound(send(&cy, new, &page, &[("principal.q", "no such one")]).await, 200);
        assert!(page.contains("Nothing found"), "{page}");
        let page = sound(send(&cy, new, &page, &[("principal.q", "")]).await, 422);
        assert!(page.contains("id=\"principal-mistake\""), "{page}");

        // Any principal of the estate that nobody is linked to yet.
        let linked = directory::links(&world.cx("cy"), &Default::default(), &Default::default()).await;
        let linked: Vec<_> = linked.expect("read").items.into_iter().map(|link| link.principal).collect();
        let all = directory::principals(&world.cx("cy"), there.connection, "", &Default::default()).await;
        let free = all.expect("read").items.into_iter().find(|it| {
            it.kind.as_str() == "identity_center_user" && !linked.contains(&it.id)
        });
        let free = free.expect("somebody else is in the estate");
        let page = sound(send(&cy, new, &page, &[("principal.q", &free.name)]).await, 200);
        let choose = button(&page, "principal.add:", &free.name);
        let page = sound(send(&cy, new, &page, &[("do", &choose)]).await, 200);
        assert_eq!(goes(send(&cy, new, &page, &[]).await), "/people/links");
        let list = sound(cy.get("/people/links").await, 200);
        let confirm = list.split("action=\"").find(|rest| rest.contains("/confirm\"")).expect("a form");
        let confirm = confirm.split('"').next().expect("its place").to_owned();
        goes(cy.form(&confirm, &[]).await);
        let list = sound(cy.get("/people/links?show=confirmed").await, 200);
        assert!(list.contains("Confirmed, not primary"), "{list}");
        let primary = confirm.replace("/confirm", "/primary");
        assert!(list.contains(&primary), "{list}");
        goes(cy.form(&primary, &[]).await);
        let mut q = world.app().db.reader().await.expect("a reader");
        let now = directory::primary_principal(&mut q, ana, there.connection, free.kind, "").await.expect("read");
        assert_eq!(now, Some(free.id));
    }
}

both_engines! {
    async fn a_token_is_shown_once_and_a_password_is_changed(world) {
        let ana = world.in_browser("ana").await;
        let new = "/account/tokens/new";
        refused_from_elsewhere(&ana, new).await;
        let page = sound(ana.get(new).await, 200);
        let page = sound(send(&ana, new, &page, &[]).await, 422);
        assert!(page.contains("id=\"name-mistake\""), "{page}");
        let named = [("name", MARKUP), ("days", "7")];
        let issued = sound(send(&ana, new, &page, &named).await, 200);
        let at = issued.find("stint_pat_").expect("the secret");
        let secret: String = issued[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        world.as_nobody().with("authorization", &format!("Bearer {secret}")).get("/api/v1/me").await.is(200);
        // Reloading that page sends the form again: no second token, and no secret.
        let again = sound(send(&ana, new, &page, &named).await, 422);
        assert!(!again.contains("stint_pat_") && again.contains("shown once"), "{again}");
        let account = sound(ana.get("/account").await, 200);
        assert!(account.contains(SHOWN) && !account.contains(&secret) && !account.contains("stint_pat_"));
        // A Super Admin sees it, and revokes it; others do not.
        let place = format!("/people/users/{}", world.person("ana").id);
        let cy = world.in_browser("cy").await;
        assert!(sound(cy.get(&place).await, 200).contains(SHOWN));
        assert!(!sound(world.in_browser("bo").await.get("/account").await, 200).contains(SHOWN));
        let revoke = account.split("action=\"/people/tokens/").skip(1).find(|rest| {
            rest.contains("revoke")
        });
        let revoke = revoke.and_then(|rest| rest.split('"').next()).expect("a form");
        let revoke = format!("/people/tokens/{revoke}");
        assert_eq!(goes(ana.form(&revoke, &[("back", "/account")]).await), "/account");

        let place = "/account/password";
        let page = sound(ana.get(place).await, 200);
        let differ = [("current", "x"), ("new", "one that is long"), ("again", "another one")];
        let page = sound(send(&ana, place, &page, &differ).await, 422);
        assert!(page.contains("id=\"again-mistake\"") && !page.contains("one that is long"), "{page}");
        let wrong = [("current", "not mine"), ("new", "one that is long"), ("again", "one that is long")];
        let page = sound(send(&ana, place, &page, &wrong).await, 422);
        assert!(page.contains("id=\"current-mistake\""), "{page}");

        // Another sign-in of hers is ended from here.
        let other = world.in_browser("ana").await;
        let account = sound(other.get("/account").await, 200);
        assert!(account.contains("This one"), "{account}");
    }
}

both_engines! {
    async fn an_application_is_made_given_owners_and_changed(world) {
        let cy = world.in_browser("cy").await;
        let new = "/applications/new";
        refused_from_elsewhere(&cy, new).await;
        sound(world.in_browser("ana").await.get("/applications").await, 403);
        assert!(sound(cy.get("/applications").await, 200).contains("No application yet"));
        let page = sound(cy.get(new).await, 200);
        let page = sound(send(&cy, new, &page, &[("owners.q", "bo")]).await, 200);
        let add = button(&page, "owners.add:", "Bo Lindqvist");
        let page = sound(send(&cy, new, &page, &[("do", &add)]).await, 200);
        let page = sound(send(&cy, new, &page, &[]).await, 422);
        assert!(page.contains("id=\"name-mistake\""), "{page}");
        goes(send(&cy, new, &page, &[("name", MARKUP)]).await);
        let list = sound(cy.get("/applications").await, 200);
        assert!(list.contains(SHOWN) && list.contains("Bo Lindqvist"), "{list}");
        let edit = list.split("href=\"").find(|rest| rest.starts_with("/applications/app_"));
        let edit = edit.and_then(|rest| rest.split('"').next()).expect("a link").to_owned();
        let page = sound(cy.get(&edit).await, 200);
        let id = edit.trim_start_matches("/applications/").trim_end_matches("/edit");
        let change = connections::ApplicationChange {
            description: Some("by another window".to_owned()),
            ..connections::ApplicationChange::default()
        };
        let id = id.parse().expect("an id");
        connections::update_application(&world.cx("cy"), id, change, None).await.expect("changed");
        let late = sound(send(&cy, &edit, &page, &[("name", "AWS Prod")]).await, 412);
        assert!(late.contains("Changed meanwhile by Cy Adeyemi") && late.contains("by another window"));
        assert_eq!(goes(send(&cy, &edit, &late, &[]).await), "/applications");
    }
}
