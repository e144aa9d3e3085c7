//! Lists on pages: searched, narrowed and sorted by their address, a page at a time, and the
//! same as CSV.

use serde_json::json;
use stint_domain::Span;
use stint_domain::rights::Role;
use stint_server::identity;
use stint_testkit::{Door, World, both_engines};

use crate::forms::{goes, sound};

/// The first cell of every line of the CSV, without its headings.
async fn csv(door: &Door, place: &str) -> Vec<String> {
    let mark = if place.contains('?') { '&' } else { '?' };
    let file = door.get(&format!("{place}{mark}format=csv")).await.is(200);
    assert!(file.header("content-type").starts_with("text/csv"));
    let text = file.text();
    let lines = text.lines().skip(1);
    lines
        .map(|line| {
            line.split(',')
                .next()
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned()
        })
        .collect()
}

/// What a page of the API gives by `field`, one row at a time to the end.
async fn walked(door: &Door, place: &str, field: &str) -> Vec<String> {
    let mark = if place.contains('?') { '&' } else { '?' };
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = door
            .get(&format!("{place}{mark}limit=1{cursor}"))
            .await
            .ok();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 1, "{page:#}");
        for item in items {
            let value = field.split('.').fold(item, |at, name| &at[name]);
            found.push(value.as_str().expect("a text").to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Each order gives every row once, and the other way round it is the other way round.
async fn sorts(door: &Door, place: &str, field: &str, orders: &[&str]) -> Vec<Vec<String>> {
    let mark = if place.contains('?') { '&' } else { '?' };
    let mut all = Vec::new();
    for order in orders {
        let up = walked(door, &format!("{place}{mark}sort={order}"), field).await;
        let mut down = walked(door, &format!("{place}{mark}sort=-{order}"), field).await;
        down.reverse();
        assert_eq!(up, down, "{place} by {order}");
        all.push(up);
    }
    door.get(&format!("{place}{mark}sort=odd"))
        .await
        .refused(422, "invalid_sort");
    all
}

/// The list on the page as a whole: what is in it, an address that asks for what is not
/// there, and one that asks for what cannot be.
async fn shown(world: &World, who: &str, place: &str, names: &[&str], apart: &str) {
    let door = world.in_browser(who).await;
    let page = sound(door.get(place).await, 200);
    for name in names {
        assert!(page.contains(name), "{name} on {place}: {page}");
    }
    let mark = if place.contains('?') { '&' } else { '?' };
    let found = sound(
        door.get(&format!("{place}{mark}q={}", apart.replace(' ', "%20")))
            .await,
        200,
    );
    let list = found.split("id=\"list\"").nth(1).expect("the list");
    assert!(!list.contains("Nothing found"), "{place}: {list}");
    assert!(list.contains(apart), "{place}: {found}");
    let alone = format!("{place}{mark}q={}", apart.replace(' ', "%20"));
    assert_eq!(csv(&door, &alone).await.len(), 1, "{alone}");
    for name in names.iter().filter(|name| !name.contains(apart)) {
        assert!(!list.contains(name), "{name} is not {apart}: {list}");
    }
    let none = sound(door.get(&format!("{place}{mark}q=zzz-nothing")).await, 200);
    assert!(
        none.contains("Nothing found for") && none.contains("Clear search"),
        "{none}"
    );
    let odd = sound(door.get(&format!("{place}{mark}sort=odd")).await, 422);
    assert!(odd.contains("cannot be sorted like that"), "{odd}");
    assert!(
        csv(&door, &format!("{place}{mark}q=zzz-nothing"))
            .await
            .is_empty()
    );
}

both_engines! {
    async fn members_of_a_group(world) {
        let there = world.organize().await;
        let (page, api) = (format!("/people/groups/{}", there.everyone), format!("/api/v1/groups/{}/members", there.everyone));
        let names = ["Ana Moreno", "Bo Lindqvist", "Cy Adeyemi"];
        shown(&world, "cy", &page, &names, "Bo Lindqvist").await;
        let cy = world.as_user("cy");
        // First by name, last by address and in time.
        world.add_person("aaron", &[]).await;
        let aaron = world.person("aaron").id;
        cy.patch(&format!("/api/v1/users/{aaron}"), json!({"email": "zz@acme.example"})).await.ok();
        world.advance(Span::minutes(1)).await;
        identity::add_member(&world.cx("cy"), there.everyone, aaron).await.expect("a member");
        let orders = sorts(&cy, &api, "name", &["email", "name", "since"]).await;
        assert!(orders.iter().all(|rows| rows.len() == 5), "{orders:?}");
        let last = |rows: &Vec<String>| rows.last().cloned().expect("rows");
        assert_eq!(orders.iter().map(last).collect::<Vec<_>>(), ["Aaron Example", "Dee Okonkwo", "Aaron Example"]);
        assert_eq!(walked(&cy, &format!("{api}?q=lind"), "name").await, ["Bo Lindqvist"]);
        let door = world.in_browser("cy").await;
        let mut down = csv(&door, &format!("{page}?sort=-name")).await;
        down.reverse();
        assert_eq!(down, orders[1]);
        // Whom one looks for to add them is not what narrows the members.
        let both = sound(door.get(&format!("{page}?add=zzz&q=cy")).await, 200);
        assert!(both.contains("Nobody active found for “zzz”") && both.contains("Cy Adeyemi"), "{both}");
    }
}

both_engines! {
    async fn links(world) {
        world.organize().await;
        let page = "/people/links?show=confirmed";
        let api = "/api/v1/links?state=confirmed";
        shown(&world, "cy", page, &["Bo Lindqvist", "ana.moreno"], "ana.moreno").await;
        let cy = world.as_user("cy");
        let orders = sorts(&cy, api, "id", &["created", "principal"]).await;
        assert!(orders.iter().all(|rows| rows.len() == 4), "{orders:?}");
        assert_eq!(walked(&cy, &format!("{api}&q=lindqvist"), "id").await.len(), 1);
        cy.get("/api/v1/links?state=odd").await.refused(422, "invalid_filter");
        let door = world.in_browser("cy").await;
        assert_eq!(csv(&door, &format!("{page}&sort=principal")).await,
            ["Ana Moreno", "Bo Lindqvist", "Cy Adeyemi", "Dee Okonkwo"]);
        sound(door.get(&format!("{page}&connection=none")).await, 422);
        // The day it was proposed has a column of its own; the state is sorted by nothing.
        let sorted = sound(door.get(page).await, 200);
        assert!(sorted.contains("<th scope=\"col\">State</th>"), "{sorted}");
        let links = sorted.split("class=\"st-sort\"").skip(1);
        let words = links.filter_map(|rest| rest.split('>').nth(1));
        assert!(words.map(|word| word.split('<').next()).any(|word| word == Some("Proposed")), "{sorted}");
        // Narrowed by what one may list: who may not list connections is told no names of them.
        let made = json!({"application_id": cy.get("/api/v1/applications").await.ok()["items"][0]["id"],
            "name": "elsewhere", "region": "eu-central-1", "role_arn": "arn:aws:iam::123456789012:role/other"});
        cy.post("/api/v1/connections", made).await.is(201);
        world.add_person("hal", &[Role::Helpdesk]).await;
        let hal = world.in_browser("hal").await;
        for (door, may) in [(&door, true), (&hal, false)] {
            let seen = sound(door.get(page).await, 200);
            assert_eq!((seen.contains("All connections"), seen.contains("elsewhere")), (may, may), "{seen}");
        }
        // Rejected from there, it stands where it belongs.
        let confirmed = sound(door.get(page).await, 200);
        let reject = confirmed.split("action=\"").find(|rest| rest.contains("/reject\"")).expect("a form");
        goes(door.form(reject.split('"').next().expect("its place"), &[]).await);
        assert_eq!(csv(&door, "/people/links?show=rejected").await.len(), 1);
        assert_eq!(csv(&door, page).await.len(), 3);
    }
}

both_engines! {
    async fn requests(world) {
        let there = world.organize().await;
        let admin = there.entitlement(&world, "prod-payments", "prod-admin").await;
        let read = there.entitlement(&world, "prod-payments", "ReadOnlyAccess").await;
        there.offer(&world, admin, there.approved).await;
        there.offer(&world, read, there.auto).await;
        let (first, second) = (world.ask("ana", admin, Span::hours(1)).await, world.ask("ana", read, Span::hours(1)).await);
        let third = world.ask("bo", read, Span::hours(2)).await;
        let [first, second, third] = [first, second, third].map(|id| id.to_string());
        let (ana, cy) = (world.as_user("ana"), world.as_user("cy"));
        let (mine, all) = ("/api/v1/requests", "/api/v1/requests/all");
        assert_eq!(sorts(&ana, mine, "id", &["asked"]).await, [[first.clone(), second.clone()]]);
        assert_eq!(sorts(&cy, all, "id", &["asked"]).await, [[first.clone(), second.clone(), third.clone()]]);
        assert_eq!(walked(&cy, all, "id").await, [third.clone(), second.clone(), first.clone()]);
        // Found by what it is about and by who asked; nobody finds what is not theirs.
        let found = async |door: &Door, place: &str| walked(door, place, "id").await;
        assert_eq!(found(&ana, &format!("{mine}?q=READONLY%20payments")).await, std::slice::from_ref(&second));
        assert_eq!(found(&cy, &format!("{all}?q=lindqvist")).await, std::slice::from_ref(&third));
        assert!(found(&ana, &format!("{mine}?q=lindqvist")).await.is_empty());
        assert_eq!(found(&cy, &format!("{all}?entitlement={read}&requester={}", world.person("ana").id)).await, std::slice::from_ref(&second));
        assert_eq!(found(&cy, &format!("{all}?state=pending")).await, std::slice::from_ref(&first));
        ana.get(&format!("{mine}?state=odd")).await.refused(422, "invalid_state");

        shown(&world, "ana", "/requests", &["prod-admin on prod-payments", "ReadOnlyAccess on prod-payments"], "prod-admin on prod-payments").await;
        shown(&world, "cy", "/requests?show=all", &["Ana Moreno", "Bo Lindqvist"], "Bo Lindqvist").await;
        let door = world.in_browser("cy").await;
        let pinned = format!("/requests?show=all&requester={}", world.person("bo").id);
        let page = sound(door.get(&pinned).await, 200);
        assert!(page.contains("Without Asked by: Bo Lindqvist"), "{page}");
        assert_eq!(csv(&door, &pinned).await, ["ReadOnlyAccess on prod-payments"]);
        // Of what nobody asked for the name is told only to who may see entitlements.
        let known = cy.get(&format!("/api/v1/entitlements?connection={}&limit=200", there.connection)).await.ok();
        let never = (known["items"].as_array().expect("items").iter())
            .find(|it| ![admin, read].map(|id| json!(id)).contains(&it["id"])).expect("another");
        let name = never["name"].as_str().expect("a name");
        let never = format!("/requests?show=all&entitlement={}", never["id"].as_str().expect("an id"));
        world.add_person("hal", &[Role::Helpdesk]).await;
        let hal = world.in_browser("hal").await;
        for (door, may) in [(&door, true), (&hal, false)] {
            let page = sound(door.get(&never).await, 200);
            assert_eq!(page.contains(name), may, "{page}");
        }
        assert_eq!(csv(&door, "/requests?show=all&sort=asked").await.len(), 3);
        assert!(csv(&door, "/requests").await.is_empty(), "her own are none");
        sound(door.get("/requests?show=all&state=odd").await, 422);
        world.settle().await;
    }
}

both_engines! {
    async fn what_a_catalog_and_a_policy_hold(world) {
        let there = world.organize().await;
        let admin = there.entitlement(&world, "prod-payments", "prod-admin").await;
        let read = there.entitlement(&world, "prod-payments", "ReadOnlyAccess").await;
        let far = there.entitlement(&world, "dev-sandbox", "ReadOnlyAccess").await;
        // Put in against their order by name; the last has no policy.
        there.offer(&world, read, there.auto).await;
        there.offer(&world, admin, there.approved).await;
        let cy = world.as_user("cy");
        let catalog = cy.get("/api/v1/catalogs").await.ok()["items"][0]["id"].as_str().expect("an id").to_owned();
        let contents = format!("/api/v1/catalogs/{catalog}/entitlements");
        cy.post(&contents, json!({"entitlements": [far]})).await.is(200);
        let name = "entitlement.name";
        let [admin, read, far] = ["prod-admin on prod-payments", "ReadOnlyAccess on prod-payments", "ReadOnlyAccess on dev-sandbox"];
        assert_eq!(sorts(&cy, &contents, name, &["name"]).await, [[admin, far, read]]);
        assert_eq!(walked(&cy, &contents, name).await, [admin, far, read]);
        let found = async |asked: &str| walked(&cy, &format!("{contents}?{asked}"), name).await;
        assert_eq!(found("q=readonly%20PAYMENTS").await, [read]);
        assert_eq!(found("policy=none").await, [far]);
        assert_eq!(found(&format!("policy={}", there.approved)).await, [admin]);
        assert_eq!(found(&format!("policy={}&q=sandbox", there.approved)).await, [""; 0]);
        cy.get(&format!("{contents}?policy=odd")).await.refused(422, "invalid_filter");

        let page = format!("/catalogs/{catalog}");
        shown(&world, "cy", &page, &[admin, read, far], admin).await;
        let door = world.in_browser("cy").await;
        let seen = sound(door.get(&page).await, 200);
        assert!(seen.contains("1 has no policy") && seen.contains(&format!("{page}?policy=none")), "{seen}");
        assert_eq!(csv(&door, &format!("{page}?policy=none")).await, [far]);
        let closed = sound(door.get(&format!("{page}?policy=none")).await, 200);
        assert!(!closed.contains("1 has no policy") && closed.contains("Take it out"), "{closed}");
        assert_eq!(csv(&door, &format!("{page}?sort=-name")).await, [read, far, admin]);
        sound(door.get(&format!("{page}?policy=odd")).await, 422);
        // Who may see and not change is offered nothing to press.
        world.add_person("oda", &[Role::Auditor]).await;
        let oda = sound(world.in_browser("oda").await.get(&page).await, 200);
        assert!(oda.contains(admin) && !oda.contains("Take it out"), "{oda}");

        // The same of where a policy is used.
        cy.put(&format!("/api/v1/entitlements/{}/access-control", there.entitlement(&world, "dev-sandbox", "ReadOnlyAccess").await),
            json!({"policy": there.auto})).await.ok();
        let used = format!("/api/v1/policies/{}/entitlements", there.auto);
        assert_eq!(sorts(&cy, &used, name, &["name"]).await, [[far, read]]);
        assert_eq!(walked(&cy, &format!("{used}?q=payments"), name).await, [read]);
        let page = format!("/policies/{}/entitlements", there.auto);
        shown(&world, "cy", &page, &[far, read], read).await;
        assert_eq!(csv(&world.in_browser("cy").await, &page).await, [far, read]);
    }
}

both_engines! {
    async fn connections_and_applications(world) {
        let there = world.organize().await;
        let cy = world.as_user("cy");
        // Made later, and first by name: an order by the other column is another order.
        let made = cy.post("/api/v1/applications", json!({"name": "A Sandbox", "description": "to play"})).await.is(201).json();
        let new = json!({"application_id": made["id"], "name": "play", "region": "eu-central-1",
            "role_arn": "arn:aws:iam::123456789012:role/other"});
        cy.post("/api/v1/connections", new).await.is(201);
        for (api, page, names) in [
            ("/api/v1/applications", "/applications", ["A Sandbox", "AWS"]),
            ("/api/v1/connections", "/connections", ["play", "prod"]),
        ] {
            let orders = sorts(&cy, api, "name", &["name", "created"]).await;
            assert_eq!(orders[0], names);
            assert_eq!(orders[1], [names[1], names[0]], "in the order they were made");
            assert_eq!(walked(&cy, &format!("{api}?q={}", names[0].replace(' ', "%20")), "name").await, [names[0]]);
            let [apart, other] = if page == "/connections" { ["play", ">prod<"] } else { ["A Sandbox", ">AWS<"] };
            shown(&world, "cy", page, &[apart, other], apart).await;
            let door = world.in_browser("cy").await;
            let mut down = csv(&door, &format!("{page}?sort=-name")).await;
            down.reverse();
            assert_eq!(down, names);
        }
        let api = "/api/v1/connections";
        let application = made["id"].as_str().expect("an id");
        assert_eq!(walked(&cy, &format!("{api}?application={application}"), "name").await, ["play"]);
        assert_eq!(walked(&cy, &format!("{api}?status=connected"), "id").await, [there.connection.to_string()]);
        cy.get(&format!("{api}?status=odd")).await.refused(422, "invalid_filter");
        let door = world.in_browser("cy").await;
        assert_eq!(csv(&door, "/connections?status=not_connected").await, ["play"]);
        // One out of service is found under what the list says of it, and under nothing else.
        cy.post(&format!("{api}/{}/drain", there.connection), json!({})).await.is(200);
        for status in ["connected", "draining"] {
            let found = csv(&door, &format!("/connections?status={status}")).await;
            assert_eq!(walked(&cy, &format!("{api}?status={status}"), "name").await, found);
            assert_eq!(found.len(), usize::from(status == "draining"), "{status}: {found:?}");
        }
        let page = sound(door.get("/connections").await, 200);
        assert!(page.contains("<option value=\"draining\">Draining</option>"), "{page}");
        world.as_user("ana").get(&format!("{api}?status=odd")).await.refused(403, "forbidden");
        sound(door.get("/connections?application=odd").await, 422);
        sound(world.in_browser("ana").await.get("/connections?status=odd").await, 403);
    }
}
