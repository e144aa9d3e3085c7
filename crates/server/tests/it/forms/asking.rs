//! Asking for access through the form: for oneself, and for an Identity Center group.

use serde_json::json;
use stint_domain::rights::Role;
use stint_server::identity;
use stint_testkit::both_engines;

use super::{button, goes, send, sound};
use crate::for_groups::Scene;

both_engines! {
    async fn a_group_is_searched_for_chosen_and_asked_for(world) {
        let scene = Scene::set(&mut world).await;
        let place = format!("/request/{}", scene.admin);
        let ana = world.in_browser("ana").await;
        let group = scene.group.to_string();

        // Who may not ask for a group never sees that one could, and is refused who tries.
        let page = sound(ana.get(&place).await, 200);
        assert!(!page.contains("for-group") && !page.contains(&group), "{page}");
        for button in ["", "for", "group.find"] {
            let tried = [("for", "group"), ("group", &*group), ("duration", "3600"), ("reason", "INC-2291"), ("do", button)];
            let told = sound(ana.form(&place, &tried).await, 403);
            assert!(!told.contains(&group), "{told}");
        }
        scene.own_the_application(&world).await;

        // The first groups are there at once, and any other by its name; what was typed stays.
        let page = sound(ana.get(&place).await, 200);
        assert!(page.contains("id=\"for-me\" name=\"for\" value=\"me\" checked"), "{page}");
        let typed = [("for", "group"), ("reason", "INC-2291"), ("group.q", "no such group")];
        let page = sound(send(&ana, &place, &page, &typed).await, 200);
        assert!(page.contains("Nothing found") && page.contains(">INC-2291</textarea>"), "{page}");
        assert!(page.contains("value=\"group\" data-opens checked"), "{page}");
        let page = sound(send(&ana, &place, &page, &[("group.q", &scene.name)]).await, 200);
        let none = sound(send(&ana, &place, &page, &[]).await, 422);
        assert!(none.contains("id=\"group-mistake\"") && none.contains("Search for the group"), "{none}");
        let add = button(&none, "group.add:", &scene.name);
        assert_eq!(add, format!("group.add:{group}"));
        let chosen = sound(send(&ana, &place, &none, &[("do", &add)]).await, 200);
        // Before anything is sent she sees who would hold it, and that they do not decide.
        let members = world.aws().members(&scene.aws_group).await;
        let count = format!("{} member", members.len());
        assert!(chosen.contains(&count) && chosen.contains("you are answerable"), "{chosen}");
        assert!(chosen.contains(&format!("Nobody in the group {} does", scene.name)), "{chosen}");
        let decided = chosen.split("Who will have to approve").nth(1).expect("who approves");
        assert!(decided.contains("Bo Lindqvist") && !decided.contains("Bea"), "{decided}");

        let request = goes(send(&ana, &place, &chosen, &[]).await);
        let page = sound(ana.get(&request).await, 200);
        assert!(page.contains(&format!("Identity Center group {}", scene.name)) && page.contains(&count), "{page}");

        // A person is no group, and what is left in the search is nothing where it is for oneself.
        let person = scene.person(&world).await;
        let wrong = send(&ana, &place, &chosen, &[("group", &person)]).await;
        let wrong = sound(wrong, 422);
        assert!(wrong.contains("id=\"group-mistake\"") && wrong.contains("choose an Identity Center group"), "{wrong}");
        let mine = [("for", "me"), ("group.q", "left over")];
        let request = goes(send(&ana, &place, &chosen, &mine).await);
        let page = sound(ana.get(&request).await, 200);
        assert!(!page.contains("Identity Center group"), "{page}");

        // Only a permission set on an account can be held by a group.
        let membership = scene.org.membership(&world, &scene.name).await;
        scene.org.offer(&world, membership, scene.org.approved).await;
        let page = sound(ana.get(&format!("/request/{membership}")).await, 200);
        assert!(!page.contains("for-group"), "{page}");
    }
}

both_engines! {
    async fn why_it_cannot_be_asked_is_said_before_anything_is_sent(world) {
        let scene = Scene::set(&mut world).await;
        // Eve may ask for groups, and is nobody in AWS.
        let eve = world.add_person("eve", &[Role::ConnectionAdmin]).await.id;
        let added = identity::add_member(&world.cx("cy"), scene.org.everyone, eve).await;
        added.expect("a member");
        let place = format!("/request/{}", scene.admin);
        let eve = world.in_browser("eve").await;
        let page = sound(eve.get(&place).await, 200);
        assert!(page.contains("value=\"group\" data-opens checked"), "{page}");
        assert!(!page.contains("no confirmed link"), "{page}");
        let page = sound(send(&eve, &place, &page, &[("for", "me"), ("do", "for")]).await, 200);
        assert!(page.contains("role=\"alert\"") && page.contains("no confirmed link"), "{page}");
        let page = sound(send(&eve, &place, &page, &[("for", "group"), ("do", "for")]).await, 200);
        assert!(!page.contains("no confirmed link"), "{page}");

        // Out of service goes before whom it is for.
        let drain = format!("/api/v1/connections/{}/drain", scene.org.connection);
        world.as_user("cy").post(&drain, json!({"reason": "moving house"})).await.is(200);
        let page = sound(eve.get(&place).await, 200);
        assert!(page.contains("moving house") && !page.contains("Send the request"), "{page}");
        let probe = json!({"entitlement": scene.admin});
        let seen = world.as_user("eve").post("/api/v1/requests/preview", probe).await.ok();
        assert_eq!(seen["refusals"][0]["code"], "connection_draining");
    }
}
